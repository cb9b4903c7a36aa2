"""An experiment on oneself: the days on which one thing was changed against the days before.

It is a comparison of one person with themselves, in one order, and nobody is blind to what was changed: it can tell
that the rate differed, never why. So every result comes with what else differed (:mod:`detector.study.caveats`).

The days before are those the entry asks for; without a number as many as the experiment has been planned for, but two
weeks at least, so that every day of the week is in them twice, and four weeks at most, because older days belong to
another time of the person's life. They end where an earlier experiment ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from detector.study.caveats import caveats
from detector.study.history import Day, History, Written
from detector.study.power import HALVING, days_needed, extra_of
from detector.study.ratio import RateRatio, rate_ratio
from detector.study.triggers import bounds, factor

SHORTEST_BASELINE, LONGEST_BASELINE = 14, 28  # days of the calendar; why: see above
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What an entry lays down, in days of the calendar; ends are included."""

    title: str
    start: date
    end: date
    baseline_start: date
    cut: bool  # the days before were cut short by an earlier experiment


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """One experiment."""

    title: str
    start: date
    end: date  # the last day, planned or as it was stopped
    baseline_start: date  # the days before go from here to the day before the start
    running: bool  # it goes on today
    result: RateRatio | None  # the changed days (b) against the days before (a); None: not enough to compare
    sentence: str
    warnings: tuple[str, ...]
    days_needed: int | None  # more, to tell a halving at 80 % power; 0: there are enough; None: not within a year


def experiment_results(history: History, today: date | None = None) -> list[ExperimentResult]:
    """Every experiment of the journal, in time order.

    Parameters
    ----------
    today : date, optional
        Days after it are still to come; None: the day it is in the history's zone.
    """
    today = datetime.now(history.zone).date() if today is None else today
    spans = _spans(history.journal)
    return [_result(history, span, spans, today) for span in spans]


def _result(history: History, span: Span, spans: Sequence[Span], today: date) -> ExperimentResult:
    last = min(span.end, today)
    before = [day for day in history.days if day.is_observed and span.baseline_start <= day.date < span.start]
    after = [day for day in history.days if day.is_observed and span.start <= day.date <= last]
    counts_a, hours_a = _counted(before)
    counts_b, hours_b = _counted(after)
    result = rate_ratio(counts_a, hours_a, counts_b, hours_b)
    running = span.start <= today <= span.end
    warnings: tuple[str, ...] = ()
    if span.start > today:
        sentence = f"Begins on {span.start.isoformat()}."
    else:
        sentence = _sentence(result, before, after, running, (span.end - today).days)
        warnings = tuple(_overlaps(span, spans) + caveats(history, before, after, span.title, result))
    return ExperimentResult(
        span.title,
        span.start,
        span.end,
        span.baseline_start,
        running,
        result,
        sentence,
        warnings,
        _days_needed(counts_a, hours_a, hours_b),
    )


def _spans(journal: Sequence[Written]) -> list[Span]:
    entries = sorted((line for line in journal if line.entry.kind == "experiment"), key=lambda line: line.at)
    spans: list[Span] = []
    for line in entries:
        start, planned = line.at.date(), max(round(line.entry.value or 1.0), 1)
        end = start + timedelta(days=planned - 1)
        stopped = _date(line.entry.details.get("stopped"))
        if stopped is not None:  # the first day that no longer belongs to it
            end = min(end, max(stopped - ONE_DAY, start))
        asked = line.entry.details.get("baseline_days")
        length = int(asked) if asked else min(max(planned, SHORTEST_BASELINE), LONGEST_BASELINE)
        wanted = start - timedelta(days=length)
        free = max((one.end + ONE_DAY for one in spans if one.start < start), default=wanted)
        begin = min(max(wanted, free), start)
        spans.append(Span(line.entry.text or "experiment", start, end, begin, begin > wanted))
    return spans


def _overlaps(span: Span, spans: Sequence[Span]) -> list[str]:
    others = [one for one in spans if one is not span and one.start <= span.end and one.end >= span.start]
    told = [
        f"The experiment '{one.title}' ran on some of the same days: what did what cannot be told." for one in others
    ]
    if span.cut:
        told.append("The days before were cut short, because an earlier experiment ran on them.")
    return told


def _sentence(result: RateRatio | None, before: Sequence[Day], after: Sequence[Day], running: bool, left: int) -> str:
    sides = [_side(days) for days in (before, after)]
    seen = f"Before: {sides[0]}; since: {sides[1]}."
    state = f" It runs for {left} more {'day' if left == 1 else 'days'}." if running and left > 0 else ""
    state = " Today is its last day." if running and left == 0 else state
    if result is None:
        return f"{seen} Too little to compare.{state}"
    rates = f"The rate was {factor(result)} times what it was before (95 % interval {bounds(result)})"
    if result.low > 1.0 or result.high < 1.0:
        word = "higher" if result.low > 1.0 else "lower"
        told = f"{rates}: {word} than days differ by chance, in this one person and this one time."
    else:
        told = f"{rates}: no difference told."
    return f"{seen} {told}{state}"


def _side(days: Sequence[Day]) -> str:
    episodes, hours = sum(len(day.episodes) for day in days), sum(day.observed_s for day in days) / 3600.0
    found = f"{episodes} {'episode' if episodes == 1 else 'episodes'}"
    return f"{found} in {hours:.1f} observed h on {len(days)} {'day' if len(days) == 1 else 'days'}"


def _days_needed(counts: np.ndarray, hours: np.ndarray, hours_since: np.ndarray) -> int | None:
    if len(counts) < 2 or counts.sum() == 0:
        return None
    watched = float(np.mean(hours_since)) if len(hours_since) else float(np.mean(hours))
    needed = days_needed(
        float(counts.sum() / hours.sum()), watched, extra_of(counts, hours), HALVING, days_a=len(counts)
    )
    return None if needed is None else max(0, needed - len(hours_since))


def _counted(days: Sequence[Day]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([len(day.episodes) for day in days], float), np.array([day.observed_s / 3600.0 for day in days])


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
