"""How small a twitch would have been found: over the whole record, and day by day."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from detector.record.entries import LoggedRun, moment_of
from detector.regions import NOSE, SITE_NAMES
from detector.study.history import History


@dataclass(frozen=True, slots=True)
class DayLimit:
    """Of one day, weighted by observed time."""

    date: date
    half_mm: float  # a twitch of this size would have been found at half of the observed moments
    most_mm: float  # at nine in ten; nan when not known


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the whole record: medians over observed time, and between what the middle 80 % of it lies."""

    half_mm: float
    half_low_mm: float
    half_high_mm: float
    most_mm: float
    known_share: float  # of the observed time, for which the limits are known


def day_limits(history: History) -> list[DayLimit]:
    """Days on which a session began whose limits are known, in order.

    A session counts on the day it begins: one that runs past midnight is a session of the evening.
    """
    by_day: dict[date, list[LoggedRun]] = {}
    for run in history.runs:
        start = moment_of(run.session.start_utc, 0.0)
        if start is not None and run.session.observed_s > 0.0 and _nose(run.session.limit50_mm) is not None:
            by_day.setdefault(start.astimezone(history.zone).date(), []).append(run)
    return [
        DayLimit(
            day,
            _weighted([(_nose(run.session.limit50_mm), run.session.observed_s) for run in runs], 0.5),
            _weighted([(_nose(run.session.limit90_mm), run.session.observed_s) for run in runs], 0.5),
        )
        for day, runs in sorted(by_day.items())
    ]


def overall_limits(history: History) -> Limits | None:
    """None when no session knows its limits."""
    observed = [run.session for run in history.runs if run.session.observed_s > 0.0]
    half = [(_nose(session.limit50_mm), session.observed_s) for session in observed]
    most = [(_nose(session.limit90_mm), session.observed_s) for session in observed]
    known_s = sum(seconds for value, seconds in half if value is not None)
    if known_s <= 0.0:
        return None
    total_s = sum(session.observed_s for session in observed)
    low, middle, high = (_weighted(half, share) for share in (0.1, 0.5, 0.9))
    return Limits(middle, low, high, _weighted(most, 0.5), known_s / total_s)


def _nose(sizes_mm: Mapping[str, float]) -> float | None:
    """The median area of the nose, as ``nasalis log`` tells it."""
    names = (SITE_NAMES[k] for k in NOSE)
    known = [sizes_mm[name] for name in names if math.isfinite(sizes_mm.get(name, math.nan))]
    return statistics.median(known) if known else None


def _weighted(values: Sequence[tuple[float | None, float]], share: float) -> float:
    """The value that ``share`` of the weight lies at or below; nan without any."""
    known = sorted((value, weight) for value, weight in values if value is not None)
    if not known:
        return math.nan
    reached = np.cumsum([weight for _, weight in known])
    return known[int(np.searchsorted(reached, share * reached[-1] * (1.0 - 1e-12)))][0]
