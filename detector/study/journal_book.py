"""The journal of a log: writing, changing and taking back entries, and experiments. Reads and writes are one step.

What is decided from the log (which version is the newest, whether an experiment runs) is read inside the transaction
that writes, so that another program cannot come between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from detector.errors import UsageError
from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from detector.study.journal import Facts, Noted, changed_entry, entry_of, split_kind
from detector.study.journal_kinds import KINDS
from detector.study.journal_times import parse_day_bound, parse_moment, zone_named

Change = Callable[[JournalEntry], JournalEntry]


def write(book: EpisodeLog, entry: JournalEntry) -> JournalEntry:
    """Keep a new entry and return it as stored."""
    (key,) = book.write_journal([entry])
    return book.journal_versions(key)[-1]


def change(book: EpisodeLog, key: int, make: Change) -> JournalEntry:
    """Add the version of entry ``key`` that ``make`` gives of its newest one.

    Raises
    ------
    LogError
        There is no such entry.
    """

    def inside() -> Iterator[JournalEntry]:
        changed = make(book.journal_versions(key)[-1])
        refuse_overlap(book, changed)
        yield changed

    book.write_journal(inside())
    return book.journal_versions(key)[-1]


def edit(
    book: EpisodeLog,
    key: int,
    said: Sequence[str],
    facts: Facts,
    at: str | None = None,
    zone: str | None = None,
    *,
    now: datetime,
) -> Noted:
    """Change what is given of entry ``key``; the parameters are those of :func:`detector.study.journal.changed_entry`.

    Raises
    ------
    LogError
        There is no such entry.
    UsageError
        As for :func:`detector.study.journal.changed_entry`.
    """
    remarks: list[str] = []

    def changed(entry: JournalEntry) -> JournalEntry:
        noted = changed_entry(entry, said, facts, at, zone, now=now)
        remarks.extend(noted.remarks)
        return noted.entry

    return Noted(change(book, key, changed), tuple(remarks))


def remove(book: EpisodeLog, key: int, *, undo: bool = False) -> JournalEntry:
    """Take an entry back, or with ``undo`` bring it back; all its versions stay in the log.

    Raises
    ------
    LogError
        There is no such entry.
    UsageError
        That is what it is already.
    """

    def turned(entry: JournalEntry) -> JournalEntry:
        if entry.removed is not undo:
            state = "not taken back" if undo else "taken back already"
            raise UsageError(f"entry {key} was {state}: nothing was changed")
        return dataclasses.replace(entry, removed=not undo)

    return change(book, key, turned)


def entries(
    book: EpisodeLog,
    *,
    since: str | None = None,
    until: str | None = None,
    kind: str | None = None,
    removed: bool = False,
    now: datetime,
) -> list[JournalEntry]:
    """The entries of ``[since, until)`` in time order; with ``removed`` those taken back too.

    Raises
    ------
    UsageError
        No such kind, or no time.
    """
    wanted = None if kind is None else split_kind([kind])[0].name
    zone = zone_named(None)
    first = None if since is None else parse_day_bound(since, zone, now)
    last = None if until is None else parse_day_bound(until, zone, now)
    return [
        entry
        for entry in book.journal(include_removed=removed)
        if (wanted is None or entry.kind == wanted)
        and (first is None or datetime.fromisoformat(entry.at) >= first)
        and (last is None or datetime.fromisoformat(entry.at) < last)
    ]


# experiments


def experiment_days(entry: JournalEntry) -> tuple[date, date]:
    """The first day of an experiment, and the first that no longer belongs to it; by the clock it was written by."""
    first = datetime.fromisoformat(entry.at).date()
    end = first + timedelta(days=int(entry.value or 0))
    stopped = entry.details.get("stopped")
    return first, end if stopped is None else min(end, date.fromisoformat(str(stopped)))


def is_running(entry: JournalEntry, today: date) -> bool:
    """Whether ``today`` belongs to the experiment."""
    first, end = experiment_days(entry)
    return first <= today < end


def experiments(book: EpisodeLog) -> list[JournalEntry]:
    """All experiments that were not taken back, in the order in which they began."""
    return [entry for entry in book.journal() if entry.kind == "experiment"]


def start_experiment(
    book: EpisodeLog,
    title: str,
    days: int,
    baseline_days: int | None = None,
    at: str | None = None,
    zone: str | None = None,
    note: str | None = None,
    *,
    now: datetime,
) -> Noted:
    """Begin an experiment on the day of ``at``.

    Raises
    ------
    UsageError
        Another one has days in common with it, or something cannot be true.
    """
    moment = parse_moment(at, zone_named(zone), now)
    details: dict[str, Any] = {"baseline_days": baseline_days, "stopped": None}
    if note:
        details["note"] = note
    entry = entry_of(KINDS["experiment"], moment, float(days), title, details)

    def inside() -> Iterator[JournalEntry]:
        refuse_overlap(book, entry)
        yield entry

    (key,) = book.write_journal(inside())
    # of a day alone the hour does not matter here
    remarks = tuple(remark for remark in moment.remarks if "no time of day" not in remark)
    return Noted(book.journal_versions(key)[-1], remarks)


def stop_experiment(
    book: EpisodeLog, key: int | None = None, at: str | None = None, zone: str | None = None, *, now: datetime
) -> Noted:
    """End the running experiment, or the one with ``key``, on the day of ``at``, which no longer belongs to it.

    Raises
    ------
    UsageError
        None is running then, or several are and none was named.
    """
    day = parse_moment(at, zone_named(zone), now).at.date()
    running = [entry for entry in experiments(book) if is_running(entry, day) and key in (None, entry.key)]
    if not running:
        which = "no experiment" if key is None else f"no experiment {key}"
        raise UsageError(f"{which} is running on {day}: nasalis journal experiment list shows them all")
    if len(running) > 1:
        raise UsageError(f"{len(running)} experiments are running on {day}: name one by its number")

    def stopped(entry: JournalEntry) -> JournalEntry:
        if not is_running(entry, day):
            raise UsageError(f"experiment {entry.key} was stopped a moment ago: nothing was changed")
        return dataclasses.replace(entry, details=entry.details | {"stopped": day.isoformat()})

    return Noted(change(book, running[0].key, stopped), (f"{day} no longer belongs to the experiment",))


def refuse_overlap(book: EpisodeLog, entry: JournalEntry) -> None:
    """Refuse an experiment that has days in common with another one of the log.

    Raises
    ------
    UsageError
        It has.
    """
    if entry.kind != "experiment" or entry.removed:
        return
    first, end = experiment_days(entry)
    for other in experiments(book):
        begun, over = experiment_days(other)
        if other.key != entry.key and first < over and begun < end:
            raise UsageError(
                f"the experiment '{other.text}' ({begun} to {over - timedelta(days=1)}) has days in common with this "
                "one, and then neither can be told from the other: stop it first, or take other days"
            )
