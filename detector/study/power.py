"""How many days it takes to tell a difference of rates, at the test of :mod:`detector.study.ratio`.

The power is that of a normal log ratio with the variance that counts and days give it, where the variance the test
finds is that of so many slow waves. ``benchmarks/test_study.py`` checks it by simulation.
"""

from __future__ import annotations

import math

import numpy as np

from detector.study.ratio import CONFIDENCE, FEWEST_DAYS
from detector.study.spread import wave_count

POWER = 0.8  # the usual aim, Cohen 1988, Statistical Power Analysis
HALVING = 0.5
MOST_DAYS = 365  # of one set: a longer wait is no plan
_GRID = 200  # of the quantiles of a chi-square: to a thousandth of the power


def power(
    days_a: int,
    days_b: int,
    rate: float,
    hours_a_day: float,
    extra: float,
    ratio: float = HALVING,
    alike: float = 0.0,
) -> float:
    """The chance that the 95 % interval of the ratio leaves out 1.

    Parameters
    ----------
    rate : float
        Of the days a, per observed hour, > 0; that of the days b is ``ratio`` times it.
    hours_a_day : float
        Observed, h, > 0.
    extra : float
        The variance of a day's true rate over its square: 0 when days vary by chance only, 1 when by as much as their
        rate.
    alike : float
        Correlation of a day's true rate with that of the day before, 0 to under 1.
    """
    from scipy.stats import chi2, norm, t

    tail = 0.5 * (1.0 - CONFIDENCE)
    chance = [1.0 / (rate * hours_a_day * days_a), 1.0 / (rate * ratio * hours_a_day * days_b)]
    of_days = [extra / days * _inflation(alike, days) for days in (days_a, days_b)]
    parts = [one + other for one, other in zip(chance, of_days, strict=True)]
    variance = sum(parts)
    waves = (wave_count(days_a), wave_count(days_b))
    freedom = variance**2 / sum(part**2 / number for part, number in zip(parts, waves, strict=True))
    found = chi2.ppf((np.arange(_GRID) + 0.5) / _GRID, freedom) / freedom * variance
    reach = np.maximum(t.isf(tail, freedom) * np.sqrt(found), norm.isf(tail) * math.sqrt(sum(chance)))
    return float(np.mean(norm.sf((reach - abs(math.log(ratio))) / math.sqrt(variance))))


def days_needed(
    rate: float,
    hours_a_day: float,
    extra: float,
    ratio: float = HALVING,
    *,
    days_a: int | None = None,
    alike: float = 0.0,
    aim: float = POWER,
) -> int | None:
    """The fewest days of a set that tell ``ratio`` with a chance of ``aim``; None when a year would not.

    Parameters
    ----------
    days_a : int, optional
        Days of the first set, which are over; None: as many as of the second. The other parameters are those of
        :func:`power`.
    """
    if not (rate > 0.0 and hours_a_day > 0.0 and math.isfinite(extra)):
        return None

    def enough(days: int) -> bool:
        return power(days if days_a is None else days_a, days, rate, hours_a_day, max(extra, 0.0), ratio, alike) >= aim

    if not enough(MOST_DAYS):
        return None
    low, high = FEWEST_DAYS - 1, MOST_DAYS  # never enough, always enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def extra_of(counts: np.ndarray, hours: np.ndarray) -> float:
    """The variance of the true rates of days of one set over its square, by moments; at least 0, nan when not told.

    Unequal hours make the mean of the days as uncertain as that of fewer days: that is in it.
    """
    if len(counts) < FEWEST_DAYS or counts.sum() <= 0:
        return math.nan
    share = hours / hours.sum()
    expected = counts.sum() * share
    over = np.sum((counts - expected) ** 2) - np.sum(expected * (1.0 - share))
    squares = np.sum(expected**2 * (1.0 - 2.0 * share)) + np.sum(expected**2) * np.sum(share**2)
    return max(float(over / squares), 0.0) * len(counts) * float(np.sum(share**2))


def _inflation(alike: float, days: int) -> float:
    """Of the variance of a mean of days that follow each other."""
    lags = np.arange(1, days)
    return float(1.0 + 2.0 * np.sum((1.0 - lags / days) * alike**lags))
