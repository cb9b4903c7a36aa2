"""A clip as a live source: the frames of the clip, in the clip's own time."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from detector.errors import SourceError, UsageError
from detector.frames import ClipSource
from detector.live_frames import open_live
from detector.types import Frame
from tests import clips
from tests.fake_camera import Events, wait_for


def same(a: Frame, b: Frame) -> bool:
    numbers = (a.index, a.t_s, a.t_exact, a.repeated) == (b.index, b.t_s, b.t_exact, b.repeated)
    return numbers and np.array_equal(a.image, b.image)


def uneven_clip(path: Path) -> Path:
    times = [t_s for i, t_s in enumerate(clips.uneven_times(60)) if i not in (30, 31, 32, 33, 34)]
    pictures = clips.textured(len(times))
    pictures[20] = pictures[19]
    return clips.write_clip(path, times, pictures, codec="ffv1", metadata={"title": "x"})


def test_at_full_speed_the_frames_are_those_of_the_clip(tmp_path: Path) -> None:
    path = uneven_clip(tmp_path / "a.mkv")
    with ClipSource(path) as clip:
        expected = list(clip)
    with open_live(str(path), replay=True, replay_speed="max") as source:
        (got,) = [list(frames) for frames in source.stretches()]
        assert source.is_clip and source.name == "a.mkv" and (source.width, source.height) == (160, 120)
        assert source.frames_lost == clip.frames_lost > 0
        assert (source.frames_read, source.frames_repeated) == (clip.frames_read, clip.frames_repeated)
    assert source.notes == clip.notes
    assert len(got) == len(expected) == 55 and all(map(same, got, expected))
    assert source.frames_repeated >= 1


def test_looped_rounds_are_stretches_that_go_on_in_time(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(30, 30))
    with open_live(str(path), replay=True, replay_speed="max", loop=True) as source:
        rounds = [list(frames) for frames in itertools.islice(source.stretches(), 3)]
    frames = [frame for one in rounds for frame in one]
    assert [len(one) for one in rounds] == [30, 30, 30]
    assert [frame.index for frame in frames] == list(range(90))
    assert np.diff([frame.t_s for frame in frames]) == pytest.approx(1 / 30, abs=1e-3)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(rounds[0], rounds[2], strict=True))


@pytest.mark.parametrize("speed", [1.0, 3.0])
def test_frames_come_at_their_time(tmp_path: Path, speed: float) -> None:
    path = uneven_clip(tmp_path / "a.mkv")
    with ClipSource(path) as clip:
        expected = list(clip)
    with open_live(str(path), replay=True, replay_speed=speed) as source:
        came = [(time.monotonic(), frame) for frames in source.stretches() for frame in frames]
    at = np.array([when for when, _ in came])
    due = np.array([frame.t_s for _, frame in came]) / speed
    assert len(expected) == 55 and 55 - len(came) <= source.frames_lost, "frames that are missing are told"
    assert all(same(frame, expected[frame.index]) for _, frame in came)
    late = (at - due) - (at - due).min()
    assert np.median(late) < 0.2, "as soon as it can be read, and not at its time"


def test_a_late_reader_loses_frames_as_with_a_camera(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(60, 60))
    with open_live(str(path), replay=True) as source:
        frames = next(source.stretches())
        before = list(itertools.islice(frames, 10))
        wait_for(lambda: source.frames_lost > 10)
        after = list(frames)
    indices = [frame.index for frame in before + after]
    assert indices == sorted(set(indices)) and indices[-1] == 59
    assert source.frames_lost == 60 - len(indices)
    assert [frame.t_s for frame in after] == pytest.approx([frame.index / 60 for frame in after], abs=1e-3)


def test_rate_is_told_and_a_low_one_warned_of(tmp_path: Path) -> None:
    path, events = clips.write_clip(tmp_path / "a.mp4", clips.even_times(60, 15)), Events()
    with open_live(str(path), replay=True, replay_speed="max", on_event=events) as source:
        for frames in source.stretches():
            list(frames)
    assert events.kinds() == ["opened", "slow"]
    assert events[0].words == "a.mp4: 160x120, 15.0 pictures a second."


@pytest.mark.parametrize("speed", [0.1, "max"])
def test_stop_ends_a_loop_soon(tmp_path: Path, speed: float) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(30, 10))
    with open_live(str(path), replay=True, replay_speed=speed, loop=True) as source:
        threading.Timer(0.3, source.stop).start()
        for frames in source.stretches():  # without stop for ever
            list(frames)
    assert not any(thread.name == "nasalis-replay" for thread in threading.enumerate())


def test_recording_time_is_the_start(tmp_path: Path) -> None:
    path = clips.write_clip(
        tmp_path / "a.mp4", clips.even_times(3, 30), metadata={"creation_time": "2024-05-06T07:08:09Z"}
    )
    with open_live(str(path), replay=True) as source:
        assert source.start_utc == "2024-05-06T07:08:09Z"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_of_nothing_is_wrong_usage(tmp_path: Path, speed: float) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30))
    with pytest.raises(UsageError, match="not above 0"):
        open_live(str(path), replay=True, replay_speed=speed)


def test_a_clip_that_vanishes_between_rounds(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(10, 60))
    with open_live(str(path), replay=True, loop=True) as source, pytest.raises(SourceError, match="There is no file"):
        path.unlink()
        for frames in source.stretches():
            list(frames)
