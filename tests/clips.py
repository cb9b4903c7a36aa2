"""Writes odd clips with PyAV, so that the tests need neither files nor the ffmpeg program."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2  # before av: the other way round cv2's windows hang on Linux
import numpy as np
import numpy.typing as npt
import pytest

Image = npt.NDArray[np.uint8]
TICK = Fraction(1, 90_000)  # s; fine enough for any rate here


def even_times(count: int, fps: float) -> list[float]:
    """Times of ``count`` frames at a constant rate, s."""
    return [index / fps for index in range(count)]


def uneven_times(count: int, seed: int = 1) -> list[float]:
    """Times with intervals between 20 and 60 ms, s, the first one 0."""
    steps = np.random.default_rng(seed).uniform(0.02, 0.06, count - 1)
    return [0.0, *np.cumsum(steps).tolist()]


def textured(count: int, width: int = 160, height: int = 120) -> list[Image]:
    """Frames (height, width, 3) of a smooth texture that glides by (1, 2) px per frame: no two are equal."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height + count, width + 2 * count, 3), dtype=np.uint8)
    base = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.0), None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(base[i : i + height, 2 * i : 2 * i + width]) for i in range(count)]


def write_clip(
    path: Path,
    times_s: Sequence[float],
    frames: Iterable[Image] | None = None,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    tick: Fraction = TICK,
    muxer: str | None = None,
    muxer_options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """Write a clip whose pictures have exactly these presentation times, and return its path.

    The test is skipped when this build of PyAV lacks the encoder; any other failure is an error.
    """
    import av

    pictures = list(frames) if frames is not None else textured(len(times_s))
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", format=muxer, options=muxer_options or {}) as container:
        container.metadata.update(metadata or {})
        try:
            stream = container.add_stream(codec, rate=30, options=options or {})
        except av.codec.codec.UnknownCodecError:
            pytest.skip(f"this PyAV has no encoder {codec}")
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.time_base = stream.codec_context.time_base = tick
        speaker = container.add_stream("aac", rate=16_000) if sound else None
        spoken = 0
        for time_s, picture in zip(times_s, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(time_s / tick), tick
            container.mux(stream.encode(frame))
            while speaker is not None and spoken < time_s * 16_000:
                container.mux(speaker.encode(_silence(spoken)))
                spoken += 1024
        container.mux(stream.encode())
        if speaker is not None:
            container.mux(speaker.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write one second of silence without any picture."""
    import av

    with av.open(str(path), "w") as container:
        speaker = container.add_stream("aac", rate=16_000)
        for spoken in range(0, 16_000, 1024):
            container.mux(speaker.encode(_silence(spoken)))
        container.mux(speaker.encode())
    return path


def _silence(at: int):  # type: ignore[no-untyped-def]
    import av

    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16_000, at, Fraction(1, 16_000)
    return frame


def decoded(path: Path, most: int | None = None) -> list[Image]:
    """The pictures of a clip, or the first of them, through PyAV's own decoder, BGR, not turned."""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in itertools.islice(container.decode(video=0), most)]


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Set the display matrix of an MP4's first track: the stored point (x, y) is shown at (a x + c y, b x + d y)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def damage(path: Path, begin: float, end: float) -> None:
    """Overwrite part of a file, given as shares of its length, with noise."""
    data = bytearray(path.read_bytes())
    part = slice(int(len(data) * begin), int(len(data) * end))
    data[part] = np.random.default_rng(3).bytes(part.stop - part.start)
    path.write_bytes(data)


def misplace_chunks(path: Path, begin: float, end: float) -> None:
    """Let part of an MP4's chunk table point behind the end of the file: the demuxer itself fails there."""
    data = bytearray(path.read_bytes())
    at = data.index(b"stco") + 12
    count = struct.unpack(">I", data[at - 4 : at])[0]
    for chunk in range(int(count * begin), int(count * end)):
        data[at + 4 * chunk : at + 4 * chunk + 4] = struct.pack(">I", 0x7FFFFFFF)
    path.write_bytes(data)
