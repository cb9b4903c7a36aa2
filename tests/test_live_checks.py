"""The judges of a live picture and the queue between the threads, on made-up numbers."""

from __future__ import annotations

import numpy as np
import pytest

from detector.frame_queue import FrameQueue
from detector.live_checks import Missing, PictureState, Rate, Slowness, slow_words
from detector.types import Frame
from tests.fake_camera import lively


def count(times: np.ndarray) -> int:
    missing = Missing()
    return sum(missing.push(float(t_s)) for t_s in times) + missing.new_stretch()


@pytest.mark.parametrize("fps", [10, 24, 30, 60])
def test_missing_frames_are_counted_at_every_rate_and_after_a_change(fps: int) -> None:
    times = np.arange(150) / fps
    assert count(times) == 0
    assert count(np.delete(times, [40, 60, 61, 100])) == 4
    slower = times[-1] + np.arange(1, 150) * 1.3 / fps
    assert count(np.concatenate([times, slower])) == 0


def test_a_late_frame_is_not_a_lost_one() -> None:
    times = np.arange(100) / 30
    times[50] += 0.9 / 30 + 1e-3  # the next follows at once
    assert count(times) == 0
    times = np.delete(times, 70)
    assert count(times) == 1


def test_a_network_that_hands_over_by_the_handful_loses_nothing() -> None:
    times = np.repeat(np.arange(40) * 0.2, 6) + np.tile(np.arange(6) * 1e-3, 40)
    assert count(times) == 0


def test_a_hold_up_in_the_network_is_made_good_by_what_follows() -> None:
    times = np.arange(100) / 30
    times[50:56] = times[55] + np.arange(6) * 1e-3
    assert count(times) == 0
    assert count(np.delete(times, [51, 53])) == 2


@pytest.mark.parametrize("fps", [12.5, 30.0])
def test_rate_follows_a_change_and_leaves_out_repeats(fps: float) -> None:
    rate = Rate()
    for i in range(100):
        rate.push(i / 60, False)
    assert rate.fps == pytest.approx(60)
    for i in range(200):
        rate.push(100 / 60 + i / fps, i % 2 == 1)
    assert rate.fps == pytest.approx(fps, rel=0.02)
    assert rate.new_share == pytest.approx(0.5, abs=0.02)
    rate.forget_repeats()
    assert rate.fps == pytest.approx(fps, rel=0.02) and rate.new_share == 1.0


def test_rate_is_unknown_at_first() -> None:
    rate = Rate()
    assert (rate.fps, rate.span_s, rate.new_share) == (0.0, 0.0, 1.0)
    rate.push(0.0, False)
    rate.push(0.5, False)
    assert rate.fps == 0.0


def test_slowness_is_news_once_per_fall() -> None:
    slowness = Slowness()
    assert [slowness.push(fps) for fps in (30, 23.9, 20, 24.5, 23, 29, 15)] == [False, True, *[False] * 4, True]


def test_words_of_a_slow_camera() -> None:
    words = slow_words(10.0)
    assert "Only 10.0" in words and "about 1 to 2 of them" in words and "faster than 5 a second" in words


def changes(pictures: list[np.ndarray]) -> list[tuple[int, str]]:
    state = PictureState(black_s=2.0, frozen_s=5.0)
    news = [state.push(i / 10, picture)[1] for i, picture in enumerate(pictures)]
    return [(i, change) for i, change in enumerate(news) if change is not None]


def test_dark_is_not_black_and_short_is_not_told() -> None:
    dim = [lively(i) // 8 for i in range(60)]  # 7 to 25
    assert changes(dim) == []
    black = [lively(i) // 40 for i in range(19)]
    assert changes(dim[:30] + black + dim[30:]) == []


def test_black_then_frozen_then_well() -> None:
    black = [lively(i) // 40 for i in range(40)]
    still = [lively(1)] * 70
    got = changes(black + still + [lively(i) for i in range(5)])
    assert got == [(21, "black"), (40, "resumed"), (92, "frozen"), (110, "resumed")]


def frame(index: int, repeated: bool = False) -> Frame:
    return Frame(index, index / 30, True, lively(index), repeated)


def test_queue_drops_the_oldest_and_keeps_stretches_apart() -> None:
    queue = FrameQueue(most=4)
    for index in range(3):
        queue.put(frame(index))
    queue.cut()
    for index in range(3, 6):
        queue.put(frame(index))
    queue.end()
    got = [[f.index for f in frames] for frames in queue.stretches(lambda: False)]
    assert got == [[2], [3, 4, 5]] and queue.dropped == 2


def test_a_repeat_of_a_dropped_frame_is_new_to_the_reader() -> None:
    queue = FrameQueue(most=2)
    for index in range(4):
        queue.put(frame(index, repeated=index in (2, 3)))
    queue.end()
    (got,) = [[(f.index, f.repeated) for f in frames] for frames in queue.stretches(lambda: False)]
    assert got == [(2, False), (3, True)]


def test_queue_raises_the_writers_error_after_its_frames() -> None:
    queue = FrameQueue()
    queue.put(frame(0))
    queue.end(ValueError("broken"))
    seen = []
    with pytest.raises(ValueError, match="broken"):
        for frames in queue.stretches(lambda: False):
            seen += [f.index for f in frames]
    assert seen == [0]
