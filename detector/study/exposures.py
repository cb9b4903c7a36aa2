"""What each day was like, from the journal: how much of a thing, and whether the day counts as one with or without it.

A day counts as one without a thing only when there is reason to think that it would have been written down, else
nothing is known of that day. Amounts that have to be told (sleep, stress, hydration, screen time) are known on days
with an entry only. Things that people write down when they happen (coffee, a drink, a cold) count as none on a day
without such an entry when the day lies between two entries of that kind no more than a week apart, or between the first
and the last one on a day on which anything else was written. An entry counts for the day it was made on; sleep is
entered on waking, so that a night counts for the day that follows it.

Nothing here looks at what was found on the days.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.study.history import Day, History, Written

REGULAR_DAYS = 7  # a thing of some days of the week is written down at least once a week
SHORT_SLEEP_H = 7.0  # adults need 7 h or more: Watson et al. 2015, Sleep 38:843 (AASM and SRS consensus)
FEWEST_DAYS = 5  # with and without, before a thing is looked at: what five against five tell is measured, see ratio
How = Literal["amount", "told", "there"]  # counted when it happens; known only when told; there or not


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of entry as something that a day can have."""

    kind: str
    label: str
    how: How
    unit: str = ""
    step: float = 0.0  # of the dose that an effect is told for; 0: none


@dataclass(frozen=True, slots=True)
class Exposure:
    """One thing over all days of a history."""

    kind: str
    label: str
    amounts: npt.NDArray[np.float64]  # of each day, nan where it is not known
    present: npt.NDArray[np.float64]  # 1 with, 0 without, nan where it is not known
    unit: str = ""
    step: float = 0.0


THINGS = (
    Thing("caffeine", "caffeine", "amount", "mg", 100.0),
    Thing("nicotine", "nicotine", "amount", "mg", 1.0),
    Thing("alcohol", "alcohol", "amount", "g", 10.0),
    Thing("hydration", "drinking", "told", "l", 1.0),
    Thing("sleep", "sleep", "told", "h", 1.0),
    Thing("stress", "stress", "told", "of 10", 1.0),
    Thing("screen_time", "screen time", "told", "h", 1.0),
    Thing("exercise", "exercise", "amount", "min", 30.0),
    Thing("relaxation", "relaxation", "there"),
    Thing("warm_compress", "a warm compress", "there"),
    Thing("allergy", "an allergy", "there"),
    Thing("cold", "a cold", "there"),
    Thing("nasal_irritation", "nasal irritation", "there"),
    Thing("nasal_spray", "nasal spray", "there"),
)
NAMED = ("medication", "supplement")  # each by its own name, over the days on which it was taken


def exposures(history: History) -> list[Exposure]:
    """Every thing of which the journal has at least one entry, with the days of ``history.days``."""
    found = [_exposure(history, thing) for thing in THINGS if _entries(history.journal, thing.kind)]
    for kind in NAMED:
        names = {line.entry.text.casefold(): line.entry.text for line in _entries(history.journal, kind)}
        found += [_course(history, kind, name) for key, name in sorted(names.items()) if key]
    return found


def daily(days: Sequence[Day], kind: str) -> npt.NDArray[np.float64]:
    """The amount of a kind on each day, nan without an entry: the sum of the day; of ratings the mean."""
    amounts = np.full(len(days), math.nan)
    for k, day in enumerate(days):
        lines = _entries(day.journal, kind)
        values = [line.entry.value for line in lines if line.entry.value is not None]
        if values:
            amounts[k] = sum(values) / (len(values) if kind == "stress" else 1)
        elif lines:
            amounts[k] = 1.0  # it was there; how much was not told
    return amounts


def _exposure(history: History, thing: Thing) -> Exposure:
    amounts = daily(history.days, thing.kind)
    if thing.how != "told":
        none = np.isnan(amounts) & _would_have_been_told(history, _dates(_entries(history.journal, thing.kind)))
        amounts = np.where(none, 0.0, amounts)
    if thing.kind == "sleep":
        return Exposure(
            "sleep", f"sleep under {SHORT_SLEEP_H:g} h", amounts, _where(amounts, lambda h: h < SHORT_SLEEP_H), "h", 1.0
        )
    present = _where(amounts, lambda amount: amount > 0.0)
    label = thing.label
    known, without = np.isfinite(amounts).sum(), np.sum(present == 0.0)
    if thing.how != "there" and without < FEWEST_DAYS and known >= 2 * FEWEST_DAYS:
        # who drinks coffee every day can still compare days of much with days of little
        usual = float(np.nanmedian(amounts))
        present, label = _where(amounts, lambda amount: amount > usual), f"{thing.label} over {usual:g} {thing.unit}"
    return Exposure(thing.kind, label, amounts, present, thing.unit, thing.step)


def _course(history: History, kind: str, name: str) -> Exposure:
    """A medicine by name: from the day it was started to the day it was stopped, and on days it was taken."""
    lines = [line for line in _entries(history.journal, kind) if line.entry.text.casefold() == name.casefold()]
    changes = sorted((line.at, str(line.entry.details.get("change", "taken"))) for line in lines)
    taken = {at.date() for at, change in changes if change == "taken"}
    courses = [(at.date(), change) for at, change in changes if change in ("started", "stopped", "dose")]
    present = np.full(len(history.days), math.nan)
    told = _would_have_been_told(history, sorted(taken))
    for k, day in enumerate(history.days):
        before = [change for at, change in courses if at <= day.date]
        if before:
            present[k] = float(before[-1] != "stopped")
        elif courses:
            present[k] = float(courses[0][1] != "started")  # stopped, or another dose from now on: taken until then
        elif told[k]:
            present[k] = 0.0
        if day.date in taken:
            present[k] = 1.0
    return Exposure(kind, name, present.copy(), present)


def _would_have_been_told(history: History, dates: Sequence[date]) -> npt.NDArray[np.bool_]:
    """Whether a day without an entry can be taken for a day without the thing."""
    known = np.zeros(len(history.days), dtype=bool)
    for k, day in enumerate(history.days):
        before, after = [at for at in dates if at < day.date], [at for at in dates if at > day.date]
        if before and after:
            known[k] = (after[0] - before[-1]).days <= REGULAR_DAYS or bool(day.journal)
    return known


def _where(
    amounts: npt.NDArray[np.float64], holds: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]
) -> npt.NDArray[np.float64]:
    return np.where(np.isnan(amounts), math.nan, holds(amounts).astype(float))


def _entries(lines: Iterable[Written], kind: str) -> list[Written]:
    return [line for line in lines if line.entry.kind == kind]


def _dates(lines: Iterable[Written]) -> list[date]:
    return sorted({line.at.date() for line in lines})
