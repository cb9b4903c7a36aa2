"""Rates: how many episodes or twitches per observed hour, by day, week, hour of the day, side, region or kind.

The denominator is always observed time. Where nothing was observed there is no rate: the count stays, the hours are 0
and the rate is nan, never zero. Days and hours are those of the history's own zone; they are counted by the minutes
that were observed, so that a day of 23 or 25 hours needs no care. A minute belongs to the hour in which it begins.

Intervals tell how far chance alone could have moved the count of that very time. They do not tell how much one day
differs from another: comparisons of days are made in :mod:`detector.study.ratio`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from detector.regions import NOSE, SITE_NAMES
from detector.study.history import Found, History
from detector.types import Kind, Side

By = Literal["day", "week", "hour", "side", "region", "kind"]
What = Literal["episodes", "twitches"]
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """A count over observed time."""

    label: str  # ISO date, the Monday of a week, ``09:00``, or the name of a side, region or kind
    count: int
    hours: float  # observed
    per_hour: float  # nan without observed time, as are low and high
    low: float  # 95 % interval of per_hour
    high: float
    start: date | None = None  # of a day or week
    days: int = 0  # with anything observed; of days and weeks


def overall(history: History, what: What = "episodes") -> Rate:
    """The rate of everything that has a time of day."""
    days = sum(day.is_observed for day in history.days)
    return _rate("all", [_weight(found, what) for found in history.found], history.observed_h, days=days)


def rates_by(history: History, by: By = "day", what: What = "episodes") -> list[Rate]:
    """The rates of the parts of a history, in order, those without observed time or without a count included.

    Parameters
    ----------
    by : str
        ``day`` and ``week`` (from Monday): every one from the first to the last with anything observed. ``hour``: the
        24 hours of the day. ``side``, ``region``, ``kind``: all sides, the regions of the nose and others in which
        something was found, all kinds; of each the hours are all observed hours. The region of an episode is its
        strongest; twitches are counted on their own side and in their own region.
    what : str
        ``episodes`` or ``twitches``.
    """
    parts = {"day": _days, "week": _weeks, "hour": _hours, "side": _sides, "region": _regions, "kind": _kinds}
    return parts[by](history, what)


def count_interval(weights: Sequence[int], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the expectation of ``sum(weights)``, when things of these weights come independently in time.

    With weights of 1 it is Garwood's exact interval of a Poisson count (Biometrika 1936; 28:437). Twitches come in
    episodes, so that their count varies more than a Poisson one; their weights are the twitches of each episode, and
    the interval is the gamma interval of weighted Poisson counts (Fay & Feuer, Stat Med 1997; 16:791), which is
    Garwood's when all weights are 1.
    """
    from scipy.stats import gamma

    total, squares = float(sum(weights)), float(sum(weight * weight for weight in weights))
    largest = float(max(weights, default=1))
    tail = 0.5 * (1.0 - confidence)
    low = float(gamma.ppf(tail, total * total / squares, scale=squares / total)) if total > 0.0 else 0.0
    above, spread = total + largest, squares + largest * largest
    return low, float(gamma.isf(tail, above * above / spread, scale=spread / above))


def _rate(label: str, weights: Iterable[int], hours: float, start: date | None = None, days: int = 0) -> Rate:
    kept = [weight for weight in weights if weight > 0]
    if hours <= 0.0:
        return Rate(label, sum(kept), 0.0, math.nan, math.nan, math.nan, start, days)
    low, high = count_interval(kept)
    return Rate(label, sum(kept), hours, sum(kept) / hours, low / hours, high / hours, start, days)


def _weight(found: Found, what: What) -> int:
    return found.twitches if what == "twitches" else 1


def _days(history: History, what: What) -> list[Rate]:
    return [
        _rate(
            day.date.isoformat(),
            [_weight(found, what) for found in day.episodes],
            day.observed_s / 3600.0,
            day.date,
            int(day.is_observed),
        )
        for day in history.days
    ]


def _weeks(history: History, what: What) -> list[Rate]:
    weeks: dict[date, tuple[list[int], list[float]]] = {}
    for day in history.days:
        weights, hours = weeks.setdefault(day.date - timedelta(days=day.date.weekday()), ([], []))
        weights += [_weight(found, what) for found in day.episodes]
        hours += [day.observed_s / 3600.0] if day.is_observed else []
    return [
        _rate(monday.isoformat(), weights, sum(hours), monday, len(hours)) for monday, (weights, hours) in weeks.items()
    ]


def _hours(history: History, what: What) -> list[Rate]:
    observed_s = [0.0] * 24
    weights: list[list[int]] = [[] for _ in range(24)]
    for minute in history.minutes:
        observed_s[minute.start.hour] += minute.observed_s
    for found in history.found:
        weights[found.at.hour].append(_weight(found, what))
    return [_rate(f"{hour:02d}:00", weights[hour], observed_s[hour] / 3600.0) for hour in range(24)]


def _sides(history: History, what: What) -> list[Rate]:
    return _shares(history, what, get_args(Side), lambda found: found.logged.episode.side, "side")


def _regions(history: History, what: What) -> list[Rate]:
    nose = tuple(SITE_NAMES[k] for k in NOSE)
    return _shares(history, what, nose, lambda found: found.logged.episode.region, "region")


def _kinds(history: History, what: What) -> list[Rate]:
    return _shares(history, what, get_args(Kind), lambda found: found.logged.episode.kind, None)


def _shares(
    history: History, what: What, names: Sequence[str], of_episode: Callable[[Found], str], of_twitch: str | None
) -> list[Rate]:
    """Rates over all observed hours of what bears each name; ``of_twitch`` is the field that twitches have it in."""
    weights: dict[str, list[int]] = {name: [] for name in names}
    for found in history.found:
        jerks = [jerk for jerk in found.logged.episode.twitches if jerk.kept]
        if what == "twitches" and of_twitch is not None and jerks:
            counts = Counter(str(getattr(jerk, of_twitch)) for jerk in jerks)
        else:
            counts = Counter({of_episode(found): _weight(found, what)})
        for name, weight in counts.items():
            weights.setdefault(name, []).append(weight)
    return [_rate(name, rows, history.observed_h) for name, rows in weights.items()]
