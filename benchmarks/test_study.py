"""Rates under statistics: do the intervals hold the truth, is chance taken for an effect, and how long does it take.

Made-up days: each has a true rate (gamma factors with mean 1 whose variance is the ``extra``, alike from day to day by
``alike``, through a Gaussian copula), is watched for so many hours (they vary by 50 %), and gives a Poisson count.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks.material import QUICK, show
from detector.record.entries import JournalEntry
from detector.study.history import Day, Found, History, Written
from detector.study.power import days_needed
from detector.study.ratio import rate_ratio, ratio_interval
from detector.study.trend import trend_of
from detector.study.triggers import trigger_results
from tests.histories import FIRST, entry, history

Array = npt.NDArray[np.float64]

SEED = 20
SETS = ((5, 5), (5, 14), (14, 7), (14, 14), (30, 30))
DAILY = (0.3, 1.0, 4.0, 20.0)  # expected counts a day: e.g. 4 are 8/h in half an hour, or 1/h in 4 h
KINDS_OF_DAYS = ((0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (0.3, 0.3), (1.0, 0.3), (0.3, 0.6), (1.0, 0.6))  # extra, alike
INTERVALS = 500 if QUICK else 2000
TRENDS = 30 if QUICK else 150
LOGS = 10 if QUICK else 100
SHUFFLED = 40 if QUICK else 300
RATES, HOURS = (0.3, 1.0, 3.0, 6.0, 20.0), (0.25, 0.5, 1.0, 2.0, 4.0)
POWERS = 300 if QUICK else 1500


def normals(rng: np.random.Generator, shape: tuple[int, int], alike: float) -> Array:
    series = rng.standard_normal(shape)
    for day in range(1, shape[1]):
        series[:, day] = alike * series[:, day - 1] + math.sqrt(1.0 - alike**2) * series[:, day]
    return series


def factors(rng: np.random.Generator, shape: tuple[int, int], extra: float, alike: float) -> Array:
    """True rates over their mean."""
    if extra == 0.0:
        return np.ones(shape)
    grid = np.linspace(-6.0, 6.0, 4001)  # the quantiles of a gamma distribution are slow to compute one by one
    quantiles = stats.gamma.ppf(stats.norm.cdf(grid), 1.0 / extra, scale=extra)
    return np.interp(normals(rng, shape, alike), grid, quantiles)


def watched(rng: np.random.Generator, shape: tuple[int, int], mean: float = 1.0) -> Array:
    return mean * np.exp(rng.normal(-0.125, 0.5, shape))


def percent(share: float) -> str:
    return f"{100.0 * share:.1f}"


@pytest.mark.benchmarks
def test_intervals_of_ratios_hold_the_truth() -> None:
    rng = np.random.default_rng(SEED)
    rows, told = [], []
    for days_a, days_b in SETS:
        for daily in DAILY:
            cells = []
            for extra, alike in KINDS_OF_DAYS:
                held = []
                for ratio in (1.0, 0.5):
                    shape = (INTERVALS, days_a + days_b)
                    hours = watched(rng, shape)
                    level = daily * np.where(np.arange(shape[1]) < days_a, 1.0, ratio)
                    counts = rng.poisson(level * hours * factors(rng, shape, extra, alike)).astype(float)
                    some = counts.sum(1) > 0.0
                    counts, hours = counts[some], hours[some]
                    low, high, _ = ratio_interval(
                        counts[:, :days_a], hours[:, :days_a], counts[:, days_a:], hours[:, days_a:]
                    )
                    held.append(float(np.mean((low <= ratio) & (ratio <= high))))
                cells.append(" ".join(percent(share) for share in held))
                told.append((daily, extra, alike, min(held), max(held)))
            rows.append((f"{days_a} and {days_b}", f"{daily:g}", *cells))
    names = [f"extra {extra:g}, alike {alike:g}" for extra, alike in KINDS_OF_DAYS]
    show(
        "Rate ratio: 95 % intervals that hold the truth, %",
        ("days", "a day", *names),
        rows,
        f"{INTERVALS} each; true ratio 1, and 0.5. Logs without any count are left out.",
    )
    for daily, extra, alike, low, high in told:
        if alike <= 0.3:
            assert low > (0.88 if QUICK else 0.91)
        assert low > (0.82 if QUICK else 0.85)
        if daily >= 4.0 and extra >= 1.0:
            assert high < (1.0 if QUICK else 0.985)


@pytest.mark.benchmarks
def test_shuffling_tells_nothing_when_there_is_nothing() -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for days in (5, 14, 30):
        cells = []
        for alike in (0.0, 0.3, 0.6):
            shape = (SHUFFLED, 2 * days)
            hours = watched(rng, shape)
            counts = rng.poisson(4.0 * hours * factors(rng, shape, 0.5, alike))
            found = [
                rate_ratio(counts[k, :days], hours[k, :days], counts[k, days:], hours[k, days:], seed=k)
                for k in range(SHUFFLED)
            ]
            shares = [
                float(np.mean([one is not None and getattr(one, p) <= 0.05 for one in found]))
                for p in ("p", "p_shuffled")
            ]
            cells.append(" ".join(percent(share) for share in shares))
            assert max(shares) < (0.4 if QUICK else 0.2)
        rows.append((f"{days} and {days}", *cells))
    show(
        "No difference: p at or below 0.05, %",
        ("days", "alike 0", "alike 0.3", "alike 0.6"),
        rows,
        "p of the interval, and of shuffled blocks of days; 4 counts a day, extra 0.5.",
    )


@pytest.mark.benchmarks
def test_intervals_of_trends_hold_the_truth() -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for days in (7, 14, 28, 60):
        for daily in (1.0, 4.0, 20.0):
            cells = []
            for extra, alike in KINDS_OF_DAYS:
                shape = (TRENDS, days)
                hours, weeks = watched(rng, shape), np.arange(days) / 7.0
                counts = rng.poisson(daily * 0.9**weeks * hours * factors(rng, shape, extra, alike)).astype(float)
                found = [
                    trend_of(counts[k], hours[k], weeks) for k in range(TRENDS) if counts[k].sum() >= 10
                ]  # fewer are not told
                known = [one for one in found if one is not None]
                held = (
                    float(np.mean([one.low <= 0.9 <= one.high for one in known]))
                    if len(known) > TRENDS / 5
                    else math.nan
                )
                cells.append("-" if math.isnan(held) else percent(held))
                assert math.isnan(held) or held > (0.7 if QUICK else 0.84)
            rows.append((str(days), f"{daily:g}", *cells))
    names = [f"extra {extra:g}, alike {alike:g}" for extra, alike in KINDS_OF_DAYS]
    show("Trend of 0.9 a week: 95 % intervals that hold it, %", ("days", "a day", *names), rows, f"{TRENDS} each.")


def log_of(counts: Array, hours: Array, journal: list[JournalEntry]) -> History:
    """As the log would tell it; the day has all that a trigger is read from."""
    found: Found = history([1]).found[0]
    by_day: dict[str, list[Written]] = {}
    for line in journal:
        by_day.setdefault(line.at[:10], []).append(Written(datetime.fromisoformat(line.at), line))
    days = tuple(
        Day(
            FIRST + timedelta(days=k),
            3600.0 * hours[k],
            (found,) * int(counts[k]),
            tuple(by_day.get((FIRST + timedelta(days=k)).isoformat(), ())),
        )
        for k in range(len(counts))
    )
    return History(days=days, journal=tuple(line for day in days for line in day.journal))


def journal_of(series: Array) -> list[JournalEntry]:
    """Six kinds of entries, one from each series."""
    lines = []
    for k in range(series.shape[1]):
        day = FIRST + timedelta(days=k)
        lines.append(entry("sleep", day, 7.0, value=float(np.clip(7.2 + series[0, k], 2.0, 12.0))))
        lines.append(entry("stress", day, 18.0, value=float(np.clip(round(5.0 + 2.0 * series[1, k]), 0, 10))))
        if series[2, k] > 0.0:
            lines.append(entry("caffeine", day, value=80.0 * (1.0 + round(abs(2.0 * series[2, k])))))
        if series[3, k] > 0.6:
            lines.append(entry("alcohol", day, 20.0, value=20.0))
        if series[4, k] > 0.4:
            lines.append(entry("exercise", day, 17.0, value=30.0))
        lines.append(entry("screen_time", day, 21.0, value=float(np.clip(5.0 + 2.0 * series[5, k], 0.0, 16.0))))
    return lines


@pytest.mark.benchmarks
def test_nothing_is_told_when_nothing_matters_and_something_when_it_does() -> None:
    cases: list[tuple[str, float, float, float, float]] = [  # name, alike of rates, of things, trend a week, effect
        ("unrelated days", 0.0, 0.0, 1.0, 1.0),
        ("alike 0.3, things 0.5", 0.3, 0.5, 1.0, 1.0),
        ("alike 0.6, things 0.5", 0.6, 0.5, 1.0, 1.0),
        ("alike 0.6, things 0.85", 0.6, 0.85, 1.0, 1.0),
        ("falls by 15 % a week", 0.3, 0.5, 0.85, 1.0),
        ("slow waves of 40 days", 0.3, 0.85, 0.0, 1.0),
        ("caffeine doubles it", 0.3, 0.3, 1.0, 2.0),
        ("caffeine trebles it", 0.3, 0.3, 1.0, 3.0),
    ]
    rng = np.random.default_rng(SEED)
    rows = []
    for name, alike, things_alike, trend, effect in cases:
        cells = []
        for days in (28, 60):
            number, anything, caffeine = LOGS, 0, 0
            for _ in range(number):
                series = normals(rng, (6, days), things_alike)
                when = np.arange(days)
                level = (
                    4.0 * trend ** (when / 7.0)
                    if trend > 0.0
                    else 4.0 * np.exp(0.7 * np.sin(2.0 * np.pi * (when / 40.0 + rng.random())))
                )
                hours = watched(rng, (1, days))[0] * (rng.random(days) > 0.1)  # one day in ten is not watched
                rates = level * np.where(series[2] > 0.0, effect, 1.0) * factors(rng, (1, days), 0.5, alike)[0]
                found = trigger_results(log_of(rng.poisson(rates * hours), hours, journal_of(series)))
                anything += any(row.told for row in found)
                caffeine += any(row.told and row.kind == "caffeine" for row in found)
            cells.append(f"{percent(anything / number)} {percent(caffeine / number)}")
            if effect == 1.0 and not QUICK:
                assert anything / number <= 0.05 + 2.0 * math.sqrt(0.05 * 0.95 / number)
        rows.append((name, *cells))
    show(
        "Six kinds in the journal: logs in which anything, and caffeine, is told to matter, %",
        ("days", "28", "60"),
        rows,
        f"{LOGS} logs each; 4 counts a day, extra 0.5.",
    )


@pytest.mark.benchmarks
def test_days_to_see_a_halving() -> None:
    rng = np.random.default_rng(SEED)
    for extra in (0.0, 0.3, 1.0):
        rows = []
        for rate in RATES:
            cells = []
            for mean in HOURS:
                days = days_needed(rate, mean, extra)
                if days is None:
                    cells.append("over a year")
                    continue
                shape = (POWERS if days < 100 else POWERS // 4, 2 * days)
                hours = np.full(shape, mean)
                level = rate * np.where(np.arange(2 * days) < days, 1.0, 0.5)
                counts = rng.poisson(level * hours * factors(rng, shape, extra, 0.0)).astype(float)
                some = counts.sum(1) > 0.0
                low, high, _ = ratio_interval(
                    counts[some, :days], hours[some, :days], counts[some, days:], hours[some, days:]
                )
                reached = float(np.sum((low > 1.0) | (high < 1.0))) / shape[0]
                cells.append(f"{days} ({100.0 * reached:.0f} %)")
                assert reached > 0.68  # least with about ten days, see the table
                assert reached < 0.88 or days <= 5 or days >= 100  # steps from day to day are large with few
            rows.append((f"{rate:g}", *cells))
        show(
            f"Days before, and as many after, to tell a halving with 80 %: extra {extra:g}",
            ("episodes an hour", *[f"{mean:g} h a day" for mean in HOURS]),
            rows,
            "In brackets: how many of 100 simulated comparisons of so many days told it.",
        )
