"""Trends of rate and strength: known answers, too little to tell, and how often the interval holds the truth."""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta

import numpy as np
import pytest

from detector.study.history import History
from detector.study.trend import Trend, rate_trend, strength_trend, trend_of
from detector.types import Episode
from tests.histories import FIRST, episode, history


def sized(sizes: list[list[float]]) -> History:
    """One day per list, one episode per size, mm."""
    days: dict[object, list[Episode]] = {}
    for k, rows in enumerate(sizes):
        days[FIRST + timedelta(days=k)] = [episode(i + 1, 60.0 * i, mm=mm) for i, mm in enumerate(rows)]
    return history(days)  # type: ignore[arg-type]


def test_rate_that_halves_every_week() -> None:
    found = rate_trend(history([round(64 * 0.5 ** (day / 7)) for day in range(21)]))
    assert found is not None
    assert found.per_week == pytest.approx(0.5, abs=0.01)
    assert found.low < 0.5 < found.high < 0.7
    assert (found.days, found.span_days) == (21, 21)
    assert found.p < 0.001


def test_observed_hours_are_no_trend() -> None:
    days = {FIRST + timedelta(days=k): k + 1 for k in range(14)}
    runs = {day: {"observed_by_minute_s": (60.0,) * (30 * count)} for day, count in days.items()}
    found = rate_trend(history(days, runs=runs))  # two an hour every day, watched longer and longer
    assert found is not None
    assert found.per_week == pytest.approx(1.0, abs=1e-6)
    assert found.low < 0.9 < 1.1 < found.high


def test_days_that_were_not_watched_count_as_time_that_went_by() -> None:
    full = [round(60 * 0.8 ** (day / 7)) for day in range(28)]
    holes = [count if day % 4 else None for day, count in enumerate(full)]
    found = rate_trend(history(holes))
    assert found is not None
    assert found.days == 21
    assert found.per_week == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    "counts",
    [[5] * 6, [1] * 9, [0] * 30, []],
    ids=["6 days", "9 counts", "none found", "empty"],
)
def test_not_enough_data(counts: list[int]) -> None:
    assert rate_trend(history(counts)) is None
    assert strength_trend(history(counts)) is None


def test_twitches_have_a_trend_of_their_own() -> None:
    days = {
        FIRST + timedelta(days=k): [dataclasses.replace(episode(1, 5.0), twitch_count=1 + k), episode(2, 90.0, count=1)]
        for k in range(14)
    }
    steady, growing = rate_trend(history(days)), rate_trend(history(days), "twitches")
    assert steady is not None
    assert growing is not None
    assert steady.per_week == pytest.approx(1.0, abs=1e-6)
    assert growing.per_week > 1.5


def test_strength_that_grows_a_tenth_a_week() -> None:
    rng = np.random.default_rng(4)
    sizes = [[0.5 * 1.1 ** (day / 7) * math.exp(rng.normal(0, 0.1)) for _ in range(4)] for day in range(42)]
    found = strength_trend(sized(sizes))
    assert found is not None
    assert found.low < 1.1 < found.high
    assert found.low > 1.0
    assert found.days == 42


def test_strength_is_told_by_days_not_by_episodes() -> None:
    """Ten episodes of one day are alike: as so many more they would make the interval far too narrow."""
    rng = np.random.default_rng(6)
    levels = 0.5 * np.exp(rng.normal(0.0, 0.3, 20))
    few = strength_trend(sized([[level] for level in levels]))
    many = strength_trend(sized([[level] * 10 for level in levels]))
    assert few is not None
    assert many is not None
    assert many.high / many.low == pytest.approx(few.high / few.low, rel=0.05)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    weeks, inside = np.arange(28) / 7.0, 0
    for _ in range(120):
        hours = np.exp(rng.normal(0.0, 0.5, 28))
        counts = rng.poisson(6.0 * 0.8**weeks * hours * rng.gamma(2.0, 0.5, 28)).astype(float)
        found = trend_of(counts, hours, weeks)
        assert isinstance(found, Trend)
        inside += found.low <= 0.8 <= found.high
    assert 0.89 <= inside / 120 <= 0.99  # two standard errors round 93 to 97 %
