"""What a batch is tried on: many short clips of a face, and clips that each have something wrong with them."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.material import QUICK, ROOT, bench_dir

SAMPLE = ROOT / "samples" / "twitches.mp4"
COUNT = int(os.environ.get("NASALIS_BENCH_BATCH", "12" if QUICK else "300"))
FRAMES = 45  # of each clip: 1.5 s
ENDLESS_BYTES = 4 << 40  # announced, none of it on the disk: reading it takes longer than anybody waits


def short_clips(count: int = COUNT) -> Path:
    """A folder with clips of the sample's face, each of another content; made once."""
    folder = bench_dir() / f"batch-{count}x{FRAMES}"
    if folder.is_dir():
        return folder
    making = folder.with_name(folder.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    with av.open(str(SAMPLE)) as source:
        frames = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)]
    for number in range(count):
        first = number * (len(frames) - FRAMES) // count
        write(making / f"{number:04d}.mp4", frames[first : first + FRAMES], 30, crf=18 + number % 5)
    making.rename(folder)
    return folder


def write(path: Path, frames: list[np.ndarray], fps: float, *, crf: int = 20) -> None:
    """H.264."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"}
        for image in frames:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        target.mux(stream.encode(None))


def poisoned(folder: Path) -> Path:
    """A list of clips in ``folder``: what is wrong with each is its name."""
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(SAMPLE)) as source:
        frames = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)]
    (folder / "empty.mp4").write_bytes(b"")
    write(folder / "good.mp4", frames[:120], 30)
    shutil.copy(folder / "good.mp4", folder / "good_twin.mp4")
    good = (folder / "good.mp4").read_bytes()
    (folder / "cut_short.mp4").write_bytes(good[: len(good) // 2])
    rng = np.random.default_rng(1)
    (folder / "noise.mp4").write_bytes(rng.integers(0, 256, 200_000, np.uint8).tobytes())
    (folder / "text.mp4").write_text("this is no clip\n" * 100)
    flipped = bytearray(good)
    for place in rng.integers(len(good) // 10, len(good) - len(good) // 10, 50):
        flipped[place] ^= 0xFF
    (folder / "damaged.mp4").write_bytes(flipped)
    if not (folder / "pipe.mp4").exists():
        os.mkfifo(folder / "pipe.mp4")
    with (folder / "endless.mp4").open("wb") as file:
        file.write(rng.integers(128, 256, 64, np.uint8).tobytes())
        file.truncate(ENDLESS_BYTES)
    (folder / "folder.mp4").mkdir(exist_ok=True)
    gray = np.full((240, 320, 3), 128, np.uint8)
    write(folder / "no_face.mp4", [gray + np.uint8(k % 9) for k in range(30)], 30)
    write(folder / "half_fps.mp4", frames[:480:60], 0.5)
    large = [np.kron(frames[k], np.ones((9, 12, 1), np.uint8)) for k in range(6)]  # 640x480 -> 7680x4320
    write(folder / "8k.mp4", large, 30)
    names = [
        "empty", "cut_short", "noise", "text", "damaged", "pipe", "endless", "folder", "missing", "no_face",
        "half_fps", "8k", "good", "good_twin",
    ]  # fmt: skip
    listed = folder / "list.txt"
    listed.write_text("# poisoned\n\n" + "".join(f"{folder / name}.mp4\n" for name in names))
    return listed
