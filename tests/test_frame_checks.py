"""The judges of times and of repeated pictures, on made-up numbers and pictures."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from detector.frame_checks import Clock, Repeats
from tests import clips


def run_clock(raw: list[float], fps: float = 25.0) -> list[tuple[float, bool]]:
    clock = Clock(fps)
    return [clock.next(value) for value in raw]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e12, 0.0])
def test_one_absurd_time_is_replaced_by_the_usual_step(bad: float) -> None:
    raw = [5.0 + 0.04 * i for i in range(30)]
    raw[12] = bad
    got = run_clock(raw)
    assert [time for time, _ in got] == pytest.approx([0.04 * i for i in range(30)])
    assert [i for i, (_, exact) in enumerate(got) if not exact] == [12]


def test_a_time_given_twice_or_backwards_costs_nothing_after_it() -> None:
    raw = [0.04 * i for i in range(30)]
    raw.insert(10, raw[9])
    raw.insert(20, raw[17])
    got = run_clock(raw)
    times = [time for time, _ in got]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert [i for i, (_, exact) in enumerate(got) if not exact] == [10, 20]


def test_any_times_at_all_give_increasing_ones() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        raw = rng.choice([0.0, math.nan, 1e9, -3.0, 0.04, 0.08, 100.0, 1e5, 2e5], 60).tolist()
        times = [time for time, _ in run_clock(raw)]
        assert times[0] == 0.0
        assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_small_twitch_after_strong_motion_is_not_repeated() -> None:
    noise = np.random.default_rng(5)
    moving = clips.textured(60)
    judge = Repeats()
    marks = [judge.is_repeat(image) for image in moving]
    still = moving[-1].astype(np.int16)
    for index in range(40):
        frame = still + noise.normal(0, 1.5, still.shape)
        if 20 <= index < 24:
            frame[50:66, 70:86] += 6
        marks.append(judge.is_repeat(np.clip(frame, 0, 255).astype(np.uint8)))
    assert not any(marks[:60])
    assert not any(marks[60 + 4 :])


def test_sitting_still_after_strong_motion_is_not_a_long_repeat() -> None:
    """A few gray levels in one spot, picture after picture: at most three are taken for repeats of the camera."""
    judge = Repeats()
    moving = clips.textured(60)
    marks = [judge.is_repeat(image) for image in moving]
    for index in range(12):
        image = moving[-1].copy()
        image[40:48, 40:48] ^= np.uint8(1 + index % 2)
        marks.append(judge.is_repeat(image))
    assert sum(marks[60:]) <= 6
    assert not all(marks[61:65])
