"""Blinks from made eyes: found at their times and depths at any frame rate, in order and not later than promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from detector.lids import ALONE, LATE_S, LEAST, LONGEST_S, WITHIN_S, Closing, Lids

F64 = npt.NDArray[np.float64]
EDGES, OPEN_MM = 0.2, 10.0  # of an open eye
LOOK_S = 0.2  # five looks a second


def blink(peak_s: float, depth: float = 0.9, width_s: float = 0.2) -> Callable[[F64], F64]:
    """Share of the opening that goes: half a cosine whose width at half its depth is ``width_s``."""

    def course(t: F64) -> F64:
        near = np.abs(t - peak_s) < width_s
        return np.where(near, 0.5 * depth * (1.0 + np.cos(np.pi * (t - peak_s) / width_s)), 0.0)

    return course


def held(start_s: float, end_s: float, depth: float = 0.9, ramp_s: float = 0.15) -> Callable[[F64], F64]:
    """Closes over ``ramp_s`` from ``start_s`` and opens as fast up to ``end_s``."""
    return lambda t: np.interp(t, [start_s, start_s + ramp_s, end_s - ramp_s, end_s], [0.0, depth, depth, 0.0])


def run(
    *courses: Callable[[F64], F64],
    sides: Sequence[float] = (1.0, 1.0),
    seconds: float = 8.0,
    fps: float = 60.0,
    lost: Callable[[F64], npt.NDArray[np.bool_]] | None = None,
    noise: float = 0.0,
) -> list[tuple[float, Closing]]:
    """Blinks with the time at which each is told; edges and mesh show the same course, right and left by ``sides``."""
    times = np.arange(round(seconds * fps)) / fps
    shut = np.clip(sum((course(times) for course in courses), np.zeros_like(times)), 0.0, 1.0)
    opening = 1.0 - shut[:, None] * np.array(sides)
    opening *= 1.0 + noise * np.random.default_rng(1).standard_normal(opening.shape)
    if lost is not None:
        opening[lost(times)] = np.nan
    lids, found = Lids(), []
    for t_s, values in zip(times.tolist(), opening.astype(np.float32), strict=True):
        found += [(t_s, closing) for closing in lids.push(t_s, EDGES * values, OPEN_MM * values)]
    return found + [(np.inf, closing) for closing in lids.finish()]


def peaks(found: list[tuple[float, Closing]]) -> list[float]:
    return [closing.peak_s for _, closing in found]


@pytest.mark.parametrize("fps", [24.0, 60.0])
@pytest.mark.parametrize("width_s", [0.12, 0.25])
def test_blinks_are_found_at_their_times_and_depths(fps: float, width_s: float) -> None:
    truth = [2.0, 3.03, 5.5]
    found = run(*(blink(t, 0.9, width_s) for t in truth), fps=fps, noise=0.02)
    assert peaks(found) == pytest.approx(truth, abs=1.0 / fps)
    for (_, closing), peak_s in zip(found, truth, strict=True):
        assert closing.onset_s == pytest.approx(peak_s - 0.5 * width_s, abs=1.0 / fps)
        assert closing.offset_s == pytest.approx(peak_s + 0.5 * width_s, abs=1.0 / fps)
        assert closing.closed == pytest.approx((0.9, 0.9), abs=0.15 if fps < 30.0 else 0.06)
        assert closing.lowest_mm == pytest.approx((1.0, 1.0), abs=1.5 if fps < 30.0 else 0.6)


def test_depths_are_those_of_each_eye() -> None:
    ((_, closing),) = run(blink(3.0), sides=(1.0, 0.6))
    assert closing.closed == pytest.approx((0.9, 0.54), abs=0.02)
    assert closing.lowest_mm == pytest.approx((1.0, 4.6), abs=0.2)


@pytest.mark.parametrize(("depth", "count"), [(LEAST - 0.05, 0), (LEAST + 0.05, 1)])
def test_a_blink_must_be_so_deep(depth: float, count: int) -> None:
    assert len(run(blink(3.0, depth))) == count


@pytest.mark.parametrize(("width_s", "count"), [(LONGEST_S - 0.05, 1), (LONGEST_S + 0.05, 0)])
def test_a_blink_is_over_soon(width_s: float, count: int) -> None:
    assert len(run(blink(3.0, width_s=width_s))) == count


def test_eyes_held_shut_are_no_blink() -> None:
    """Nor is their opening, though blinks before and after are still found."""
    found = run(blink(1.5), held(3.0, 4.0), blink(5.5))
    assert peaks(found) == pytest.approx([1.5, 5.5], abs=0.02)


def test_a_gaze_that_sinks_slowly_is_no_blink() -> None:
    assert run(held(2.0, 6.5, depth=0.5, ramp_s=1.5)) == []


def test_one_eye_that_closes_alone_is_told_with_its_depth() -> None:
    """Whoever wants both lids sees that the other stayed open; a lid that closes alone must close farther."""
    ((_, closing),) = run(blink(3.0, 0.95), sides=(0.0, 1.0))
    assert closing.closed == pytest.approx((0.0, 0.95), abs=0.03)
    assert run(blink(3.0, LEAST / ALONE - 0.05), sides=(0.0, 1.0)) == []
    assert len(run(blink(3.0, LEAST / ALONE + 0.05), sides=(1.0, 0.0))) == 1


def test_a_blink_must_come_and_go_by_so_much() -> None:
    """Not be so deep altogether: here lids that hang a little sink a little farther."""
    assert run(held(2.5, 5.5, 0.15), blink(4.0, LEAST - 0.05)) == []
    assert len(run(held(2.5, 5.5, 0.15), blink(4.0, LEAST + 0.05))) == 1


def test_many_blinks_in_a_row_do_not_pass_for_the_open_eye() -> None:
    truth = (2.0 + 0.52 * np.arange(9)).tolist()
    found = run(*(blink(t, width_s=0.25) for t in truth), fps=100.0)
    assert peaks(found) == pytest.approx(truth, abs=0.02)
    assert np.array([closing.closed for _, closing in found]) == pytest.approx(0.9, abs=0.03)


def test_blinks_are_told_once_in_order_and_not_later_than_promised() -> None:
    truth = [1.5, 2.4, 2.9, 4.0, 6.1]
    found = run(*(blink(t) for t in truth))
    assert peaks(found) == sorted(peaks(found)) and len(found) == len(truth)
    for told_s, closing in found:
        assert LATE_S - 1e-6 <= told_s - closing.peak_s <= LATE_S + LOOK_S + 2.0 / 60.0


def test_nothing_is_told_before_there_is_enough_to_tell() -> None:
    assert run(blink(3.0 / 24.0, width_s=0.12), seconds=7.0 / 24.0, fps=24.0) == []
    assert Lids().finish() == []


def test_the_end_tells_what_is_waiting_and_forgets_the_rest() -> None:
    ((told_s, closing),) = run(blink(2.7), seconds=3.0)
    assert told_s == np.inf and closing.peak_s == pytest.approx(2.7, abs=0.02)
    lids = Lids()
    wide, narrow = np.full(2, OPEN_MM, np.float32), np.full(2, 0.3 * OPEN_MM, np.float32)
    told = []
    for k in range(60):
        told += lids.push(k / 60.0, np.full(2, EDGES, np.float32), wide)
    told += lids.finish()
    for k in range(12):  # someone else, whose eyes are smaller
        told += lids.push(1.2 + k / 60.0, np.full(2, EDGES, np.float32), narrow)
    for k in range(60):
        told += lids.push(1.4 + k / 60.0, np.full(2, EDGES, np.float32), wide)
    assert told == [], "what came before the end of a stretch is no measure of the eye"


def test_unknown_eyes_are_passed_over() -> None:
    nowhere = run(blink(3.0), lost=lambda t: t >= 0.0)
    assert nowhere == []
    gap = run(blink(2.0), blink(5.0), lost=lambda t: (t > 3.0) & (t < 3.5))
    assert peaks(gap) == pytest.approx([2.0, 5.0], abs=0.02)
    alone = Lids()
    for k in range(30):
        assert alone.push(k / 30.0, np.array([0.2, np.nan], np.float32), np.full(2, 10.0, np.float32)) == []
    assert WITHIN_S <= LATE_S, "a blink is judged by what comes after it"
