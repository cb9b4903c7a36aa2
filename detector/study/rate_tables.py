"""Rates on the screen: a table, a bar to compare them by, and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from detector.errors import UsageError
from detector.record.entries import REJECTED_KINDS
from detector.record.log import EpisodeLog
from detector.record.selection import Selection
from detector.study.history import MINUTE_S, UNDATED, History, build_history
from detector.study.rates import By, Rate, What, overall, rates_by
from detector.tables import count_words, data_table, number, words

_BAR = 20  # characters of the highest rate
_NAMES: dict[str, str] = {"week": "week from", "hour": "hour of day"}


@dataclass(frozen=True, slots=True)
class RatesTold:
    """What ``log --rates`` tells of a log."""

    log: Path
    history: History
    by: By
    what: What

    def report(self) -> RenderableType:
        """For the screen."""
        return rate_report(self.history, self.by, self.what)

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        return rate_document(self.history, self.by, self.what)


def read_rates(log: Path | None, chosen: Selection, by: By, what: What) -> RatesTold:
    """The rates of the part of a log that was chosen; ``since`` and ``until`` are days, and ``until`` is left out.

    Raises
    ------
    UsageError
        A time of day in ``since`` or ``until``, or the rejected or ordinary movements asked for.
    """
    if chosen.include_rejected or chosen.every_run:
        raise UsageError("--rates counts twitching only, each session once: leave out --all.")
    if chosen.kind in REJECTED_KINDS:
        raise UsageError(f"--rates counts twitching only: '{chosen.kind}' is an ordinary movement.")
    since, until = _day(chosen.since, "--since"), _day(chosen.until, "--until")
    with EpisodeLog(log, must_exist=True) as book:
        runs, episodes = chosen.runs(book), chosen.episodes(book)
    return RatesTold(book.path, build_history(runs, episodes, [], since=since, until=until), by, what)


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{option} '{text}': rates are of whole days, so give one, e.g. 2026-03-01.") from None


def rate_report(history: History, by: By, what: What) -> RenderableType:
    """The rates by day, week, hour, side, region or kind, and that of all together."""
    rates, whole = rates_by(history, by, what), overall(history, what)
    if not rates or whole.hours <= 0.0:
        return Text(" ".join(["Nothing was observed at a known time of day, so there is no rate.", *_aside(history)]))
    rows = [_row(rate, rates, by) for rate in rates if by != "region" or rate.count > 0]
    table = data_table((f"={_NAMES.get(by, by)}", f">{what}", ">hours", ">an hour", ">95 % interval", "="), rows)
    lines = [
        f"In all {_count(whole, what)} in {_hours(whole.hours)} observed hours on {count_words(whole.days, 'day')}: "
        f"{_per_hour(whole)} an hour (95 % interval {_interval(whole)}).",
        "The intervals tell what chance does to a count; days differ by more than that.",
    ]
    if any(rate.hours <= 0.0 for rate in rates):
        lines.append("- : not observed, so not known.")
    return Group(table, Text(""), *(Text(line) for line in [*lines, *_aside(history)]))


def rate_document(history: History, by: By, what: What) -> dict[str, Any]:
    """The same for ``--json``."""
    return {
        "by": by,
        "what": what,
        "rates": rates_by(history, by, what),
        "overall": overall(history, what),
        "undated": {"observed_h": history.undated_s / 3600.0, "episodes": history.undated_episodes},
    }


def _row(rate: Rate, rates: Sequence[Rate], by: By) -> tuple[str, ...]:
    label = words(rate.label) if by in ("region", "kind") else rate.label
    if rate.hours <= 0.0:
        return label, str(rate.count) if rate.count else "-", "-", "-", "-", ""
    top = max((one.per_hour for one in rates if one.hours > 0.0), default=0.0)
    bar = "█" * math.ceil(_BAR * rate.per_hour / top) if top > 0.0 else ""
    return label, str(rate.count), _hours(rate.hours), _per_hour(rate), _interval(rate), bar


def _hours(hours: float) -> str:
    return number(hours, 1 if hours >= 0.05 else 3)  # seconds are not nothing


def _per_hour(rate: Rate) -> str:
    return number(rate.per_hour, 2 if rate.per_hour < 1.0 else 1)


def _interval(rate: Rate) -> str:
    decimals = 2 if rate.high < 1.0 else 1
    return f"{number(rate.low, decimals)} to {number(rate.high, decimals)}"


def _count(rate: Rate, what: What) -> str:
    return count_words(rate.count, what.removesuffix("es") if what == "twitches" else what.removesuffix("s"))


def _aside(history: History) -> list[str]:
    """What the figures do not hold, or hold more than once."""
    shared = (
        [f"Up to {number(history.doubled_s / 60.0)} minutes were in more than one session and count once for each."]
        if history.doubled_s >= MINUTE_S
        else []
    )
    if history.undated_s <= 0.0 and not history.undated_episodes:
        return shared
    left = f"{count_words(history.undated_episodes, 'episode')} in {number(history.undated_s / 3600.0)} observed hours"
    return [*shared, f"Left out: {left} of recordings {UNDATED}."]
