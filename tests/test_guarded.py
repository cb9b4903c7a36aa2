"""Clips decoded in a process of their own: the same frames, and no file or fault takes more along than that process."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detector import decode_process, guarded, patience
from detector.decode_process import Limits
from detector.errors import SourceError, UsageError
from detector.frames import ClipSource
from detector.guarded import GuardedClip
from detector.patience import Patience, Silence
from detector.picture_ring import Rooms, places_for
from tests import clips

ROOT = Path(__file__).parents[1]
COUNTS = ("path", "width", "height", "nominal_fps", "duration_s", "notes", "frames_read", "frames_repeated")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state != b"Z"


def gone_soon(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, more than fit into the ring."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "plain.mp4", clips.even_times(120, 30))


def alike(path: Path, frames: int | None = None, **part: float) -> GuardedClip:
    """Read it both ways, whole or so many frames, and hold everything against each other."""
    with ClipSource(path, **part) as known, GuardedClip(path, **part) as clip:
        for count, (mine, theirs) in enumerate(zip(known, clip, strict=True), start=1):
            assert (mine.index, mine.t_s, mine.t_exact, mine.repeated) == (
                theirs.index, theirs.t_s, theirs.t_exact, theirs.repeated,
            )  # fmt: skip
            assert np.array_equal(mine.image, theirs.image)
            assert clip.notes == known.notes and clip.frames_lost == known.frames_lost
            if count == frames:
                break
    for name in (*COUNTS, "frames_lost"):
        assert getattr(clip, name) == getattr(known, name), name
    return clip


# --- the same frames ------------------------------------------------------------------------------------------------


def test_uneven_times_and_repeats(tmp_path: Path) -> None:
    pictures = clips.textured(60)
    pictures[30] = pictures[29]
    clip = alike(clips.write_clip(tmp_path / "a.mkv", clips.uneven_times(60), pictures, codec="ffv1"))
    assert (clip.frames_read, clip.frames_repeated) == (60, 1)


def test_av1(tmp_path: Path) -> None:
    alike(clips.write_clip(tmp_path / "a.mp4", clips.even_times(20, 30), codec="libsvtav1", options={"preset": "12"}))


def test_turned_and_mirrored(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(12, 30))
    for matrix in ((0, 1, -1, 0), (-1, 0, 0, 1), (0, 1, 1, 0)):
        clips.set_matrix(path, *matrix)
        alike(path)


def test_a_size_that_changes_halfway(tmp_path: Path) -> None:
    """Larger pictures need another ring, smaller ones fit. OpenCV gives all pictures the size of the first."""
    av1 = {"codec": "libsvtav1", "options": {"preset": "12"}}
    parts = [
        clips.write_clip(tmp_path / f"{k}.obu", clips.even_times(20, 30), clips.textured(20, *size), **av1).read_bytes()
        for k, size in enumerate(((160, 120), (320, 240), (96, 64)))
    ]
    path = tmp_path / "joined.obu"
    path.write_bytes(b"".join(parts))
    with GuardedClip(path) as clip:
        shapes = [frame.image.shape for frame in clip]
    assert sorted(set(shapes)) == [(64, 96, 3), (120, 160, 3), (240, 320, 3)]
    alike(path)


@pytest.mark.parametrize("frames", [None, 1, 90])
def test_notes_and_counts_wherever_it_is_closed(tmp_path: Path, frames: int | None) -> None:
    """A gap, a freeze that lasts to the end, and pictures lost."""
    times = [time for i, time in enumerate(clips.even_times(130, 30)) if i not in (9, 10) and not 20 <= i < 35]
    pictures = clips.textured(len(times))
    pictures[40:] = [pictures[40]] * (len(times) - 40)
    clip = alike(clips.write_clip(tmp_path / "a.mp4", times, pictures), frames)
    assert any("frozen" in note for note in clip.notes) == (frames != 1)


def test_times_that_are_counted(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "raw.h264", clips.even_times(30, 30))
    assert "of 30 pictures have no usable time" in alike(path).notes[-1]
    assert "of 12 pictures have no usable time" in alike(path, 12).notes[-1]


def test_damage_and_its_notes(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(90, 30), options={"g": "15"}, sound=True)
    clips.misplace_chunks(path, 0.5, 0.6)
    assert any("no picture can be read from" in note for note in alike(path).notes)


def test_parts(plain: Path) -> None:
    clip = alike(plain, start_s=1.0, end_s=2.0)
    assert clip.frames_read == 30


def test_pictures_may_be_kept_and_drawn_on(plain: Path) -> None:
    with GuardedClip(plain) as clip:
        kept = [frame.image for frame in clip]
    for image in kept[::2]:
        image[:] = 0
    with ClipSource(plain) as known:
        assert all(np.array_equal(image, frame.image) for image, frame in list(zip(kept, known, strict=True))[1::2])


def test_rooms_are_used_again_only_when_nobody_holds_them() -> None:
    rooms = Rooms()
    shape = (4, 6, 3)
    first = rooms.like(shape)
    first[...] = 1
    corner = first[1:, 1:, 1]
    place = first.__array_interface__["data"][0]
    del first
    second = rooms.like(shape)
    second[...] = 2
    assert np.all(corner == 1)
    del corner
    assert rooms.like(shape).__array_interface__["data"][0] == place
    assert rooms.like((2, 2, 3)).shape == (2, 2, 3) and np.all(second == 2)


def test_places_are_few_for_large_pictures() -> None:
    for picture_bytes in (1, 4096, 2_764_800, 24_883_200, 106_954_752):
        places, place_bytes = places_for(picture_bytes)
        assert place_bytes >= picture_bytes and place_bytes % 4096 == 0
        assert places == 2 or (2 < places <= 8 and places * place_bytes <= 64_000_000)
    assert places_for(2_764_800)[0] == 8 and places_for(106_954_752)[0] == 2


# --- the same errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [{}, {"start_s": 9.0}, {"start_s": 2.0, "end_s": 1.0}])
def test_errors_are_those_of_the_clip(tmp_path: Path, plain: Path, part: dict[str, float]) -> None:
    path = plain if part else tmp_path / "none.mp4"
    said = []
    for reader in (ClipSource, GuardedClip):
        with pytest.raises((SourceError, UsageError)) as error, reader(path, **part) as clip:
            list(clip)
        said.append((error.type, str(error.value)))
    assert said[0] == said[1]


def test_a_fault_of_ours_is_no_fault_of_the_clip(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = decode_process.DecoderProcess.message

    def faulty(process: decode_process.DecoderProcess) -> dict:
        real(process)
        return {"error": "list index out of range", "kind": "IndexError", "trace": "in line 7"}

    monkeypatch.setattr(decode_process.DecoderProcess, "message", faulty)
    with pytest.raises(RuntimeError, match="list index") as error:
        GuardedClip(plain)
    assert error.value.__notes__ == ["in line 7"]


def test_no_process_left_is_told(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    files = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(decode_process.subprocess, "Popen", refuse)
    with pytest.raises(SourceError, match=r"no process for it can be started \(Resource temporarily"):
        GuardedClip(plain)
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_absurd_sizes_are_told_and_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "huge.y4m"
    path.write_bytes(b"YUV4MPEG2 W16000 H16000 F30:1 Ip A1:1 C420\nFRAME\n" + bytes(4096))
    with pytest.raises(SourceError, match=r"16000 x 16000, more than the 35\.7 million pixels of 8K"):
        GuardedClip(path)


# --- what ends it ---------------------------------------------------------------------------------------------------


def test_a_crash_keeps_what_came_before(plain: Path) -> None:
    with GuardedClip(plain) as clip:
        frames = [next(clip) for _ in range(5)]
        os.kill(clip._decoder.pid, signal.SIGSEGV)
        with pytest.raises(SourceError, match=r"stopped at [0-9.]+ s: the decoder crashed \(signal 11, Segm") as error:
            frames += list(clip)
        with pytest.raises(StopIteration):
            next(clip)
    assert 5 <= len(frames) < 40 and clip.frames_read >= len(frames)
    assert f"stopped at {clip._reached_s:.2f} s" in str(error.value)
    assert clip.notes[-1].startswith("decoding stopped at") and "signal 11" in clip.notes[-1]


def test_a_hang_is_ended(plain: Path) -> None:
    with GuardedClip(plain, limits=Limits(Patience(idle_s=1.0))) as clip:
        next(clip)
        os.kill(clip._decoder.pid, signal.SIGSTOP)
        with pytest.raises(SourceError, match="the decoder hangs: it did nothing for 1 s"):
            list(clip)
        assert gone_soon(clip._decoder.pid)


def test_stopping_does_not_wait_for_a_hang(plain: Path) -> None:
    clip = GuardedClip(plain)
    next(clip)
    os.kill(clip._decoder.pid, signal.SIGSTOP)
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(frame.index for frame in clip))
    reader.start()
    time.sleep(0.1)
    begin = time.monotonic()
    clip.stop()
    reader.join(5.0)
    clip.close()
    assert not reader.is_alive() and time.monotonic() - begin < 1.0
    assert got == list(range(1, len(got) + 1))


def test_memory_is_bounded(tmp_path: Path) -> None:
    picture = np.zeros((4320, 7680, 3), np.uint8)
    path = clips.write_clip(tmp_path / "8k.mp4", [0.0], [picture], codec="mjpeg", pix_fmt="yuvj420p")
    with GuardedClip(path) as clip:
        assert next(clip).image.shape == picture.shape
    # too little for the picture, which takes 100 MB besides those of the decoder, and enough for the libraries
    with pytest.raises(SourceError, match=r"8k\.mp4' cannot be decoded: the decoder|No picture in"):
        GuardedClip(path, limits=Limits(most_bytes=260_000_000))


def test_no_file_and_no_process_stays(plain: Path) -> None:
    def files() -> list[Path]:
        gc.collect()
        return sorted([*Path("/proc/self/fd").iterdir(), *Path("/dev/shm").iterdir()])

    before = files()
    clip = GuardedClip(plain)
    next(clip)
    pid = clip._decoder.pid
    assert not set(Path("/dev/shm").iterdir()) - set(before)
    clip.close()
    clip.close()
    assert not is_running(pid)
    forgotten = GuardedClip(plain)
    pid = forgotten._decoder.pid
    del forgotten
    assert files() == before
    assert gone_soon(pid)


def test_ctrl_c_is_for_the_reader(plain: Path) -> None:
    with GuardedClip(plain) as clip:
        next(clip)
        os.kill(clip._decoder.pid, signal.SIGINT)
        assert os.getpgid(clip._decoder.pid) != os.getpgrp()
        assert len(list(clip)) == 119


@pytest.mark.parametrize("in_thread", [False, True])
def test_it_dies_with_its_reader(plain: Path, in_thread: bool) -> None:
    code = (
        "import sys, threading, time\n"
        "from detector.guarded import GuardedClip\n"
        "def read():\n"
        "    clip = GuardedClip(sys.argv[1])\n"
        "    next(clip)\n"
        "    print(clip._decoder.pid, flush=True)\n"
        "    time.sleep(60)\n"
    ) + ("threading.Thread(target=read).start()\n" if in_thread else "read()\n")
    program = [sys.executable, "-c", code, str(plain)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        pid = int(reader.stdout.readline())
        assert is_running(pid)
        reader.kill()
        assert gone_soon(pid)


def test_a_folder_full_of_strange_modules_is_not_run(tmp_path: Path, plain: Path) -> None:
    for name in ("cv2.py", "detector.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('run by mistake')")
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with GuardedClip(plain) as clip:
            assert next(clip).index == 0
    finally:
        os.chdir(here)


# --- when to give up ------------------------------------------------------------------------------------------------


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, int] | None]]:
    """What the process has done at each look: computing time and bytes read; the last one stays."""
    done: list[tuple[float, int] | None] = []
    monkeypatch.setattr(patience, "_work_of", lambda pid: done.pop(0) if len(done) > 1 else done[0])
    yield done


def looks(silence: Silence, most: int = 1000) -> tuple[int, str]:
    for count in range(1, most + 1):
        if reason := silence.look(1.0):
            return count, reason
    return most, ""


def test_doing_nothing_is_a_hang(work: list) -> None:
    work += [(5.0, 100)]
    count, reason = looks(Silence(1, Patience()))
    assert count == 30 and "hangs" in reason


def test_computing_without_end(work: list) -> None:
    work += [(float(second), 100) for second in range(200)]
    count, reason = looks(Silence(1, Patience()))
    assert count == 60 and "no picture in 60 s of computing" in reason


def test_many_threads_count_as_one_and_a_loaded_computer_gives_more_time(work: list) -> None:
    work += [(16.0 * second, 100) for second in range(200)]
    assert looks(Silence(1, Patience()))[0] == 60
    work[:] = [(0.25 * second, 100) for second in range(400)]
    assert looks(Silence(1, Patience()))[0] == 240


def test_a_slow_disk_is_waited_for_but_not_for_ever(work: list) -> None:
    work += [(5.0, 4096 * (second // 20)) for second in range(2000)]
    count, reason = looks(Silence(1, Patience()))
    assert count == 600 and "no picture came" in reason


def test_a_program_that_was_stopped_finds_no_time_gone_by(work: list) -> None:
    work += [(5.0, 100)]
    silence = Silence(1, Patience())
    assert silence.look(3600.0) == ""


def test_the_kernel_tells_what_a_process_does() -> None:
    before = patience._work_of(os.getpid())
    assert before is not None
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    Path(__file__).read_bytes()
    after = patience._work_of(os.getpid())
    assert after is not None and after[0] - before[0] >= 0.05 and after[1] > before[1]
    assert patience._work_of(2**22 + 1) is None


# --- an analysis whose decoder dies ---------------------------------------------------------------------------------


def test_an_analysis_survives_its_decoder(
    samples_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.analyzing import ClipResult, Job, run
    from detector.record.log import EpisodeLog
    from detector.terminal import Talk

    class Dying(GuardedClip):
        def __next__(self):  # type: ignore[no-untyped-def]
            if self.frames_read == 40:
                os.kill(self._decoder.pid, signal.SIGSEGV)
            return super().__next__()

    monkeypatch.setattr(guarded, "GuardedClip", Dying)
    results: list[ClipResult] = []
    job = Job(log=tmp_path / "log.sqlite", signals=tmp_path / "s.h5")
    with contextlib.redirect_stderr(None):
        outcome = run([str(samples_folder / "twitches.mp4")], job, Talk(-1), results.append)
    assert outcome.exit_code == 3
    (result,) = results
    said = result.note()
    assert "stopped at" in said and "signal 11" in said and said.endswith("what was found until then is in the log.")
    with EpisodeLog(job.log) as log:
        (kept,) = [one.session for one in log.runs()]
    assert (
        kept.status == "failed"
        and 40 <= kept.frames <= 60
        and kept.duration_s == pytest.approx(kept.frames / 30, abs=1e-3)
    )
    assert "decoding stopped at" in kept.notes[-1] and job.signals.exists()
