"""Trends: by what factor the rate, or the strength, changes from week to week.

Days are the unit, in both. A trend is a statement on the whole span alone: it neither says that the change was steady
nor that it goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.study.day_model import Effect, fit_days
from detector.study.history import Day, History
from detector.study.rates import What
from detector.study.spread import slow_waves

# Under a week the days of the week are not all in it; under ten counts the interval spans more than a factor of ten a
# week (measured with 10 days: 0.5 counts a day, median interval 25 times up or down).
FEWEST_DAYS, FEWEST_COUNTS, SHORTEST_SPAN = 7, 10, 7


@dataclass(frozen=True, slots=True)
class Trend:
    """A factor per week: 1 is no change, 0.5 halves in a week."""

    per_week: float
    low: float  # 95 % interval
    high: float
    p: float
    days: int  # that it is taken from
    span_days: int = 0  # from the first to the last of them, both counted


def rate_trend(history: History, what: What = "episodes") -> Trend | None:
    """How the rate changes; None with under 7 observed days, over less than a week, or fewer than 10 counts."""
    days = [day for day in history.days if day.is_observed]
    counts = [len(day.episodes) if what == "episodes" else day.twitches for day in days]
    if sum(counts) < FEWEST_COUNTS or not _long_enough(days):
        return None
    return trend_of(np.array(counts, float), np.array([day.observed_s / 3600.0 for day in days]), _weeks(days))


def trend_of(
    counts: npt.NDArray[np.float64], hours: npt.NDArray[np.float64], weeks: npt.NDArray[np.float64]
) -> Trend | None:
    """How the rate of days at these times, weeks, changes; None when the counts do not tell."""
    fit = fit_days(counts, hours, _line(weeks))
    effect = None if fit is None else fit.slow_effect(1)
    return None if effect is None else _trend(effect, weeks)


def strength_trend(history: History) -> Trend | None:
    """How the size of the largest twitch of an episode changes; None with fewer days or episodes than for a rate.

    The mean of the logs of each day, weighted by how well the day tells it: days vary, and within a day episodes do.
    """
    days = [day for day in history.days if any(_is_size(found.logged.episode.peak_mm) for found in day.episodes)]
    sizes = [
        np.log([found.logged.episode.peak_mm for found in day.episodes if _is_size(found.logged.episode.peak_mm)])
        for day in days
    ]
    if sum(len(rows) for rows in sizes) < FEWEST_COUNTS or not _long_enough(days):
        return None
    effect = _line_through(_weeks(days), sizes)
    return None if effect is None else _trend(effect, _weeks(days))


def _line_through(weeks: npt.NDArray[np.float64], sizes: list[npt.NDArray[np.float64]]) -> Effect | None:
    """The slope of the daily means."""
    design = _line(weeks)
    means, numbers = np.array([rows.mean() for rows in sizes]), np.array([len(rows) for rows in sizes], float)
    within = sum(float(np.sum((rows - rows.mean()) ** 2)) for rows in sizes) / max(numbers.sum() - len(sizes), 1.0)
    weights = np.ones_like(means)
    for _ in range(2):  # the variance between days is what residuals of the line show beyond that within days
        weighted = design * np.sqrt(weights)[:, None]
        line, *_ = np.linalg.lstsq(weighted, means * np.sqrt(weights), rcond=None)
        between = max(
            float(np.sum((means - design @ line) ** 2)) / (len(means) - 2) - within * np.mean(1.0 / numbers), 0.0
        )
        variance = between + within / numbers
        if not (variance > 0.0).all():
            variance = np.ones_like(means)
        weights = 1.0 / variance
    weighted = design * np.sqrt(weights)[:, None]
    line, *_ = np.linalg.lstsq(weighted, means * np.sqrt(weights), rcond=None)
    left = slow_waves(len(means), weighted)
    if not len(left):
        return None
    share = np.linalg.inv(weighted.T @ weighted)[1, 1]
    noise = np.mean((left @ ((means - design @ line) * np.sqrt(weights))) ** 2)
    # never less than episodes vary within a day
    return Effect(float(line[1]), math.sqrt(noise * share), len(left), math.sqrt(share))


def _trend(effect: Effect, weeks: npt.NDArray[np.float64]) -> Trend:
    low, high = effect.interval()
    ends = [math.exp(min(value, 700.0)) for value in (effect.log, low, high)]
    return Trend(ends[0], ends[1], ends[2], effect.p, len(weeks), round(7 * float(np.ptp(weeks))) + 1)


def _is_size(value: float) -> bool:
    return math.isfinite(value) and value > 0.0


def _long_enough(days: list[Day]) -> bool:
    return len(days) >= FEWEST_DAYS and (days[-1].date - days[0].date).days + 1 >= SHORTEST_SPAN


def _weeks(days: list[Day]) -> npt.NDArray[np.float64]:
    return np.array([(day.date - days[0].date).days / 7.0 for day in days])


def _line(weeks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.stack([np.ones_like(weeks), weeks - weeks.mean()], axis=1)
