"""Clips round episodes: whole, true in time, for their owner only, never over the cap, and never in the way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector import clip_recorder, encode
from detector.clip_folder import STALE_S, ClipFolder, is_clip_name
from detector.clip_recorder import ClipRecorder
from detector.errors import OutputError, UsageError
from detector.types import Frame

ROOT = Path(__file__).resolve().parent.parent
FPS = 20.0
SIZE = (96, 64)


def frame(t_s: float, size: tuple[int, int] = SIZE) -> Frame:
    """A picture whose gray tells its time: 4 levels a second."""
    width, height = size
    return Frame(round(t_s * FPS), t_s, True, np.full((height, width, 3), int(20 + 4 * t_s) % 256, np.uint8))


def feed(recorder: ClipRecorder, start_s: float, end_s: float, size: tuple[int, int] = SIZE) -> None:
    """Frames of ``[start_s, end_s)``, no faster than they are compressed."""
    for k in range(round(start_s * FPS), round(end_s * FPS)):
        recorder.push(frame(k / FPS, size))
        while recorder._frames.qsize() > clip_recorder.RAW_FRAMES - 2:
            time.sleep(0.001)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def read(path: Path) -> tuple[list[float], list[float]]:
    """Times, s, and the gray level of each picture."""
    capture = cv2.VideoCapture(str(path))
    times, grays = [], []
    while True:
        ok, picture = capture.read()
        if not ok:
            return times, grays
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
        grays.append(float(picture.mean()))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "my clips"


def test_a_clip_holds_the_seconds_round_its_episode(folder: Path, said: list[str]) -> None:
    with ClipRecorder(folder, before_s=3.0, after_s=2.0, say=said.append) as recorder:
        feed(recorder, 0.0, 12.0)
        recorder.episode("cam1-e0001", 10.0, 10.5)  # told 1.5 s late
        assert not (folder / "cam1-e0001.mp4").exists()
        feed(recorder, 12.0, 12.45)
        time.sleep(0.2)
        assert list(folder.iterdir()) == [], "the seconds after it have not passed"
        feed(recorder, 12.45, 12.6)
        assert until(lambda: (folder / "cam1-e0001.mp4").exists()), "written while the session goes on"
    times, grays = read(folder / "cam1-e0001.mp4")
    assert times[0] == 0.0 and times[-1] == pytest.approx(5.5, abs=0.01) and len(times) == 111
    assert np.diff(times) == pytest.approx(1.0 / FPS, abs=1e-3)
    assert grays[0] == pytest.approx(20 + 4 * 7.0, abs=3) and grays[-1] == pytest.approx(20 + 4 * 12.5, abs=3)
    assert said == [] and recorder.written == 1
    assert [path.name for path in folder.iterdir()] == ["cam1-e0001.mp4"]


def test_only_the_owner_may_look(folder: Path) -> None:
    before = os.umask(0o000)
    try:
        with ClipRecorder(folder, before_s=0.5, after_s=0.5) as recorder:
            feed(recorder, 0.0, 2.0)
            recorder.episode("cam1-e0001", 1.0, 1.2)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "cam1-e0001.mp4").stat().st_mode) == 0o600


def test_nothing_is_on_the_disk_unless_asked(folder: Path) -> None:
    with ClipRecorder(folder) as recorder:
        feed(recorder, 0.0, 5.0)
        assert list(folder.iterdir()) == []
    assert list(folder.iterdir()) == [] and len(recorder._ring) == 0


def test_memory_is_bounded_in_time_and_in_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ClipRecorder(folder, before_s=1.0, after_s=1.0, longest_s=2.0) as recorder:
        feed(recorder, 0.0, 30.0)
        assert until(lambda: recorder._frames.empty())
        time.sleep(0.1)
        span = recorder._ring[-1].t_s - recorder._ring[0].t_s
        assert span == pytest.approx(1.0 + 2.0 + 1.0 + clip_recorder.DELAY_S, abs=0.06)
        assert recorder._ring_bytes == sum(len(kept.jpeg) for kept in recorder._ring)
        monkeypatch.setattr(clip_recorder, "RING_MB", 0.02)
        feed(recorder, 30.0, 32.0)
        assert until(lambda: recorder._frames.empty())
        time.sleep(0.1)
        assert 0 < recorder._ring_bytes <= 20_000


def test_overlapping_episodes_each_get_their_clip(folder: Path) -> None:
    with ClipRecorder(folder, before_s=1.0, after_s=1.0) as recorder:
        feed(recorder, 0.0, 4.0)
        recorder.episode("cam1-e0001", 2.0, 2.2)
        recorder.episode("cam1-e0002", 2.5, 3.0)
        feed(recorder, 4.0, 6.0)
    lengths = {path.stem: read(path)[0][-1] for path in folder.iterdir()}
    assert lengths == {"cam1-e0001": pytest.approx(2.2, abs=0.01), "cam1-e0002": pytest.approx(2.5, abs=0.01)}


def test_closing_finishes_with_what_is_there(folder: Path, said: list[str]) -> None:
    recorder = ClipRecorder(folder, before_s=1.0, after_s=30.0, say=said.append)
    feed(recorder, 0.0, 3.0)
    recorder.episode("cam1-e0001", 2.0, 2.2)
    recorder.episode("cam1-e0002", 200.0, 201.0)
    begun = time.monotonic()
    recorder.close()
    assert time.monotonic() - begun < 8.0
    assert read(folder / "cam1-e0001.mp4")[0][-1] == pytest.approx(1.95, abs=0.01)
    assert said == ["There is no clip of cam1-e0002: no picture of it was kept."]
    recorder.close()
    recorder.push(frame(4.0))
    recorder.episode("cam1-e0003", 2.0, 2.2)
    assert len(list(folder.iterdir())) == 1 and not recorder.active


def test_what_takes_too_long_at_the_end_is_given_up(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = encode.VideoWriter.write

    def slowly(self: encode.VideoWriter, *args: object) -> None:
        time.sleep(0.1)
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(encode.VideoWriter, "write", slowly)
    recorder = ClipRecorder(folder, before_s=5.0, after_s=0.0, say=said.append)
    feed(recorder, 0.0, 5.0)
    recorder.episode("cam1-e0001", 4.0, 4.9)
    begun = time.monotonic()
    recorder.close(1.0)
    assert time.monotonic() - begun < 9.0
    assert said == ["1 clip was not finished when the session ended."] and list(folder.iterdir()) == []


def test_a_gap_and_a_camera_that_comes_back_larger(folder: Path) -> None:
    with ClipRecorder(folder, before_s=2.0, after_s=1.0) as recorder:
        feed(recorder, 0.0, 3.0)
        recorder.episode("cam1-e0001", 2.0, 2.5)  # the camera is unplugged before 3.5
        feed(recorder, 1000.0, 1003.0, size=(128, 96))
        recorder.episode("cam1-e0002", 1001.0, 1001.2)
        feed(recorder, 1003.0, 1004.0, size=(128, 96))
    assert read(folder / "cam1-e0001.mp4")[0][-1] == pytest.approx(2.95, abs=0.01)
    assert read(folder / "cam1-e0002.mp4")[0][-1] == pytest.approx(2.2, abs=0.01)
    assert cv2.VideoCapture(str(folder / "cam1-e0002.mp4")).get(cv2.CAP_PROP_FRAME_WIDTH) == 128


def test_one_clip_has_one_size(folder: Path, said: list[str]) -> None:
    with ClipRecorder(folder, before_s=2.0, after_s=1.0, say=said.append) as recorder:
        feed(recorder, 0.0, 1.0, size=(128, 96))
        feed(recorder, 1.2, 3.0)
        recorder.episode("cam1-e0001", 1.5, 1.8)
    assert said == []
    times, grays = read(folder / "cam1-e0001.mp4")
    assert len(times) == 33 and grays[0] == pytest.approx(20 + 4 * 1.2, abs=3)


def test_times_are_those_of_the_camera(folder: Path) -> None:
    times_s = np.cumsum([0.03, 0.03, 0.1, 0.03, 0.25, 0.04] * 4)
    with ClipRecorder(folder, before_s=1.0, after_s=1.0) as recorder:
        for t_s in times_s:
            recorder.push(frame(float(t_s)))
            time.sleep(0.005)
        recorder.episode("cam1-e0001", 1.0, 1.1)
    assert read(folder / "cam1-e0001.mp4")[0] == pytest.approx(list(times_s - times_s[0]), abs=1e-3)


def test_the_window_may_draw_on_the_picture(folder: Path) -> None:
    with ClipRecorder(folder, before_s=1.0, after_s=0.0) as recorder:
        for k in range(40):
            one = frame(k / FPS)
            recorder.push(one)
            one.image[:] = 255
            time.sleep(0.002)
        recorder.episode("cam1-e0001", 1.0, 1.5)
    assert max(read(folder / "cam1-e0001.mp4")[1]) < 40


def test_pushing_never_waits(folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    real = clip_recorder._compressed
    monkeypatch.setattr(clip_recorder, "_compressed", lambda one: (free.wait(10.0), real(one))[1])
    recorder = ClipRecorder(folder, say=said.append)
    begun = time.monotonic()
    for k in range(100):
        recorder.push(frame(k / FPS))
    assert time.monotonic() - begun < 9.0
    assert recorder.frames_left_out >= 100 - clip_recorder.RAW_FRAMES - 1
    assert len(said) == 1 and "too slow to keep every picture" in said[0]
    free.set()
    recorder.close()


def test_clips_that_cannot_be_written_in_time_are_bounded(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(ClipRecorder, "_encode", lambda self, file, pictures: free.wait(10.0) and False)
    recorder = ClipRecorder(folder, before_s=1.0, after_s=0.0, say=said.append)
    feed(recorder, 0.0, 2.0)
    assert until(lambda: len(recorder._ring) == 40)
    monkeypatch.setattr(clip_recorder, "WAITING_MB", 2.5 * 20 * len(recorder._ring[0].jpeg) / 1e6)
    for number in range(1, 6):
        recorder.episode(f"cam1-e000{number}", 1.0, 1.5)
    feed(recorder, 2.0, 2.1)
    assert until(lambda: len(said) == 1) and "some get none" in said[0]
    assert recorder._jobs.qsize() <= 2
    free.set()
    recorder.close()


# the folder


def test_the_oldest_of_our_own_clips_make_room_and_nothing_else(folder: Path, said: list[str]) -> None:
    folder.mkdir()
    strangers = ["holiday.mp4", "cam1-e0001.mkv", "cam1-e1.mp4", "notes.txt", "cam1-e0001.mp4.bak"]
    for name in strangers:
        (folder / name).write_bytes(b"x" * 900_000)
        os.utime(folder / name, (1, 1))
    (folder / "linked-e0001.mp4").symlink_to(folder / "holiday.mp4")
    os.utime(folder / "linked-e0001.mp4", (1, 1), follow_symlinks=False)
    for age, name in enumerate(["old-e0003.mp4", "old-e0001.mp4", "old-e0002.mp4"]):
        (folder / name).write_bytes(b"x" * 400_000)
        os.utime(folder / name, (1000 + age, 1000 + age))
    with ClipRecorder(folder, before_s=1.0, after_s=0.0, cap_mb=0.9, say=said.append) as recorder:
        feed(recorder, 0.0, 2.0)
        recorder.episode("new-e0001", 1.0, 1.5)
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted([*strangers, "linked-e0001.mp4", "old-e0001.mp4", "old-e0002.mp4", "new-e0001.mp4"])
    assert recorder.removed == 1 and len(said) == 1
    assert "reached 0.9 MB" in said[0] and "old-e0003.mp4" in said[0]


def test_the_cap_holds_clip_after_clip(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path / "clips", 0.01)
    removed: list[str] = []
    for number in range(1, 9):
        with folder.part() as part:
            file = part / f"cam-e{number:04d}.mp4"
            file.write_bytes(b"x" * 3000)
            os.utime(file, ns=(number, number))
            removed += [path.name for path in folder.take(file) or []]
        assert sum(clip.size for clip in folder.clips()) <= 10_000
    assert removed == [f"cam-e{number:04d}.mp4" for number in range(1, 6)]
    with folder.part() as part:
        file = part / "cam-e0099.mp4"
        file.write_bytes(b"x" * 11_000)
        assert folder.take(file) is None, "too large itself: the others stay"
    assert [clip.path.name for clip in folder.clips()] == [f"cam-e{number:04d}.mp4" for number in (6, 7, 8)]
    with folder.part() as part:
        file = part / "cam-e0007.mp4"
        file.write_bytes(b"y" * 4000)
        assert folder.take(file) == [], "its own older self makes room by being replaced"


def test_half_written_clips_of_a_dead_program_go(folder: Path) -> None:
    folder.mkdir()
    for name, age_s in (("dead", STALE_S + 60.0), ("alive", 60.0)):
        part = folder / f".nasalis-clip-{name}"
        part.mkdir()
        (part / "x.mp4").touch()
        os.utime(part, (time.time() - age_s,) * 2)
    ClipFolder(folder, 1.0)
    assert [path.name for path in folder.iterdir()] == [".nasalis-clip-alive"]


def test_what_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for bad in (file, file / "below"):
        with pytest.raises(OutputError, match=r"cannot hold clips .*name another folder"):
            ClipRecorder(bad)
    with pytest.raises(UsageError, match="leaves no room"):
        ClipRecorder(tmp_path / "clips", cap_mb=0.0)
    with pytest.raises(UsageError, match="0 to 60 s"):
        ClipRecorder(tmp_path / "clips", before_s=-1.0)
    with ClipRecorder(tmp_path / "clips") as recorder:
        for name in ("../x-e0001", "a/b-e0001", "", "cam1", ".hidden-e0001"):
            assert not is_clip_name(f"{name}.mp4")
            with pytest.raises(ValueError, match="no id of an episode"):
                recorder.episode(name, 0.0, 1.0)


_FULL = textwrap.dedent(
    """
    import resource, signal, sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from detector.clip_recorder import ClipRecorder
    from tests.test_clip_recorder import feed
    import numpy as np
    said = []
    recorder = ClipRecorder(Path(sys.argv[1]), before_s=1.0, after_s=0.0, say=said.append)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
    for number in (1, 2):
        feed(recorder, 5.0 * number, 5.0 * number + 2.0)
        recorder.episode(f"cam-e000{number}", 5.0 * number + 1.0, 5.0 * number + 1.5)
        feed(recorder, 5.0 * number + 2.0, 5.0 * number + 3.0)
        end = time.monotonic() + 10.0
        while recorder.active and time.monotonic() < end:
            time.sleep(0.01)
    assert not recorder.active and len(recorder._ring) == 0
    recorder.close()
    print(said)
    """
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit on the size of files stands in for a disk")
def test_a_full_disk_ends_the_recording_and_not_the_session(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(folder), str(ROOT)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("No more clips are kept") == 1 and "File too large" in done.stdout
    assert "free some space" in done.stdout and done.stdout.count("'") == 2, "one sentence"
    assert list(folder.iterdir()) == []


def test_a_fault_of_our_own_ends_the_recording_and_not_the_session(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = ClipRecorder(folder, say=said.append)
    recorder.push(Frame(0, 0.0, True, np.zeros((0, 0, 3), np.uint8)))  # nothing that can be compressed
    assert until(lambda: bool(said)) and "No more clips are kept" in said[0]
    assert "please report it" in said[0] and "space" not in said[0]
    recorder.push(frame(1.0))
    recorder.episode("cam1-e0001", 0.0, 1.0)
    recorder.close()
    assert len(said) == 1
