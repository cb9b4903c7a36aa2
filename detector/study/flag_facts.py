"""What the flags go by: episodes that are too sure for false alarms, and the stretch of days in which they persist.

A healthy face gives episodes too, 6 an observed hour at normal sensitivity by design. Whether somebody twitches is
therefore told from how many sure episodes an observed time holds against how many of them false alarms would be.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from detector.study.history import Day, Found, History, Minute, Written

F64 = npt.NDArray[np.float64]

# Confidence is what it would be were real twitches as frequent as false alarms at normal sensitivity (6 an hour), so
# that false alarms of confidence c or more come 6 (1 - c) / c times an hour: 0.67 at 0.9, whatever the sensitivity.
SURE = 0.9
AIMED_PER_HOUR = 6.0 * (1.0 - SURE) / SURE
# Tests are against twice as many: at high sensitivity 60 an hour were found where 30 were aimed at, at normal 7 for 6
# (docs/measurements.md, calibration; 543 s).
FALSE_PER_HOUR = 2.0 * AIMED_PER_HOUR
FREE_DAYS = 7  # our choice: no figure was found for how long a free period must be
FREE_OBSERVED_DAYS = 3  # of them, at least
RARE = 0.05  # a free week would come by chance so rarely at the usual rate: without an episode, where 3 were expected
BUSY_DAYS = 28  # the usual rate is that of the four weeks with most
CLEARLY = 0.001  # the whole stretch would come of false alarms so rarely


@dataclass(frozen=True, slots=True)
class Stretch:
    """The latest days of twitching without an observed free period between them.

    Attributes
    ----------
    days : tuple of Day
        From the first to the last with twitching, the unobserved between them too; sure episodes only.
    weeks, weeks_shown : int
        How many weeks it has, and in how many of them there were more sure episodes than false alarms explain.
    """

    days: tuple[Day, ...]
    weeks: int
    weeks_shown: int

    @property
    def first(self) -> date:
        """First day."""
        return self.days[0].date

    @property
    def last(self) -> date:
        """Last day."""
        return self.days[-1].date

    @property
    def length(self) -> int:
        """Days from the first to the last, both counted."""
        return len(self.days)

    @property
    def observed(self) -> tuple[Day, ...]:
        """Its observed days."""
        return tuple(day for day in self.days if day.is_observed)

    @property
    def hours(self) -> float:
        """Hours observed."""
        return sum(day.observed_s for day in self.days) / 3600.0

    @property
    def episodes(self) -> tuple[Found, ...]:
        """Its sure episodes."""
        return tuple(found for day in self.days for found in day.episodes)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules are asked about.

    Attributes
    ----------
    history : History
        All of it, up to and with ``today``.
    sure : History
        The same with sure episodes only.
    today : date
    end : date
        Last day of the record: the last that was observed or written about.
    stretch : Stretch or None
        The days of twitching; None when there is no more than false alarms explain, or it is over.
    """

    history: History
    sure: History
    today: date
    end: date
    stretch: Stretch | None

    def written(self, *kinds: str) -> list[Written]:
        """Journal entries of these kinds, in time order; those that say "none" (0) are left out."""
        return [row for row in self.history.journal if row.entry.kind in kinds and row.entry.value != 0.0]

    def lately(self, *kinds: str, days: int) -> list[Written]:
        """Those of the last ``days`` days of the record."""
        since = self.end - timedelta(days=days - 1)
        return [row for row in self.written(*kinds) if row.at.date() >= since]


def build_facts(history: History, today: date | None = None) -> Facts:
    """What the rules are asked about; ``today`` defaults to the day it is."""
    today = today or datetime.now(history.zone).date()
    history = until(history, today)
    sure = only_sure(history)
    known = [*(minute.start.date() for minute in history.minutes), *(row.at.date() for row in history.journal)]
    return Facts(history, sure, today, max(known, default=today), find_stretch(sure))


def until(history: History, last: date, first: date = date.min) -> History:
    """The history of the days from ``first`` to ``last``, both with it."""

    def inside(moment: datetime) -> bool:
        return first <= moment.date() <= last

    return dataclasses.replace(
        history,
        minutes=tuple(row for row in history.minutes if inside(row.start)),
        found=tuple(row for row in history.found if inside(row.at)),
        journal=tuple(row for row in history.journal if inside(row.at)),
        days=tuple(day for day in history.days if first <= day.date <= last),
    )


def only_sure(history: History) -> History:
    """The history without the episodes that may well be false alarms; what a person confirmed is none."""

    def is_sure(found: Found) -> bool:
        return found.logged.episode.confidence >= SURE or found.logged.review == "confirmed"

    return dataclasses.replace(
        history,
        found=tuple(filter(is_sure, history.found)),
        days=tuple(dataclasses.replace(day, episodes=tuple(filter(is_sure, day.episodes))) for day in history.days),
    )


def find_stretch(sure: History) -> Stretch | None:
    """The latest days of twitching; None without any, and after an observed free period."""
    days = sure.days
    counts, hours = by_day(days)
    usual = usual_rate(counts, hours)
    if usual <= FALSE_PER_HOUR:
        return None
    gains = gains_of(counts, hours, usual)
    start = _after_last_free(counts, hours, usual, gains)
    first, last = busiest(gains[start:])
    if last <= first:
        return None
    first, last = start + first, start + last
    if not is_more(int(counts[first:last].sum()), float(hours[first:last].sum()), CLEARLY):
        return None
    weeks = max((last - first) // 7, 1)
    edges = [*(first + 7 * week for week in range(weeks)), last]  # the last takes the odd days
    shown = sum(is_more(int(counts[a:b].sum()), float(hours[a:b].sum()), RARE) for a, b in itertools.pairwise(edges))
    return Stretch(days[first:last], weeks, shown)


def is_more(count: int, hours: float, level: float) -> bool:
    """Whether false alarms alone would give ``count`` sure episodes or more with a probability of at most ``level``."""
    from scipy.stats import poisson

    return hours > 0.0 and float(poisson.sf(count - 1, FALSE_PER_HOUR * hours)) <= level


def by_day(days: Sequence[Day]) -> tuple[F64, F64]:
    """Episodes and observed hours of each day; episodes without observed time are left out."""
    hours = np.array([day.observed_s / 3600.0 for day in days])
    return np.array([len(day.episodes) if day.is_observed else 0 for day in days], dtype=np.float64), hours


def gains_of(counts: F64, hours: F64, rate: float, other: float = AIMED_PER_HOUR) -> F64:
    """How much likelier each day is at ``rate`` than at the ``other`` one (logarithm of the ratio of Poissons).

    A day that was not observed says nothing.
    """
    return counts * math.log(rate / other) - (rate - other) * hours


def usual_rate(counts: F64, hours: F64) -> float:
    """Sure episodes an hour in the four weeks that have most more than false alarms; 0 without observed time."""
    best, rate = -math.inf, 0.0
    for k in range(max(len(counts) - BUSY_DAYS + 1, 1)):
        count, length = float(counts[k : k + BUSY_DAYS].sum()), float(hours[k : k + BUSY_DAYS].sum())
        excess = count - FALSE_PER_HOUR * length
        if length > 0.0 and excess > best:
            best, rate = excess, count / length
    return rate


def busiest(gains: F64) -> tuple[int, int]:
    """The run of days that twitching explains best against false alarms (first, last + 1); empty without any."""
    best, first, last, total, start = 0.0, 0, 0, 0.0, 0
    for k, gain in enumerate(gains):
        if total <= 0.0:
            total, start = 0.0, k
        total += float(gain)
        if gain > 0.0 and total > best:
            best, first, last = total, start, k + 1
    return first, last


def minutes_between(history: History, start: datetime, end: datetime) -> list[Minute]:
    """What was observed in ``[start, end)``."""
    return [minute for minute in history.minutes if start <= minute.start < end]


def found_between(history: History, start: datetime, end: datetime) -> list[Found]:
    """Episodes that began in ``[start, end)``."""
    return [found for found in history.found if start <= found.at < end]


def _after_last_free(counts: F64, hours: F64, usual: float, gains: F64) -> int:
    """Position of the day after the last free period."""
    from scipy.stats import poisson

    for k in range(len(counts) - FREE_DAYS, -1, -1):
        days = slice(k, k + FREE_DAYS)
        count, length = int(counts[days].sum()), float(hours[days].sum())
        # days with twitching at either end do not belong to it
        ends = max(np.cumsum(gains[days]).max(), np.cumsum(gains[days][::-1]).max())
        if (
            ends <= 0.0
            and (hours[days] > 0.0).sum() >= FREE_OBSERVED_DAYS
            and float(poisson.cdf(count, usual * length)) <= RARE
            and not is_more(count, length, RARE)
        ):
            return k + FREE_DAYS
    return 0
