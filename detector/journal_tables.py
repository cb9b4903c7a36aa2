"""The journal as tables and documents for the screen; nothing here prints, decides or reads a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from detector import tables
from detector.record.entries import JournalEntry
from detector.study.journal import amount_words, entry_document, entry_words, time_words
from detector.study.journal_book import experiment_days, is_running
from detector.study.journal_kinds import KINDS

if TYPE_CHECKING:
    from rich.table import Table

    from detector.study.journal_import import Imported

SHOWN = 5  # rows of a file that are named one by one
KIND_NOTES = (
    "A serving by its name is a typical one, and a real one may hold half or twice as much: --json has the sources. "
    "0-10: 0 is none, 10 the worst that can be."
)


def journal_table(entries: Iterable[JournalEntry]) -> Table:
    """Entries, one a line, each by the clock it was written by."""
    rows = [(str(entry.key), time_words(entry), entry_words(entry) + _taken_back(entry)) for entry in entries]
    return tables.data_table((">key", "=when", "what"), rows)


def history_table(versions: Sequence[JournalEntry]) -> Table:
    """The versions of one entry, oldest first, with the moment at which each was written (UTC)."""
    rows = [
        (str(number), entry.made_utc[:19].replace("T", " "), time_words(entry), entry_words(entry) + _taken_back(entry))
        for number, entry in enumerate(versions, start=1)
    ]
    return tables.data_table((">version", "=written, UTC", "=when", "what"), rows)


def experiment_table(entries: Iterable[JournalEntry], today: date) -> Table:
    """Experiments with their first and last day."""
    rows = []
    for entry in entries:
        first, end = experiment_days(entry)
        days = (end - first).days
        last = str(end - timedelta(days=1)) if days else "-"
        rows.append((str(entry.key), str(first), last, str(days), _state(entry, today), entry.text))
    return tables.data_table((">key", "=first day", "=last day", ">days", "=state", "what"), rows)


def experiment_documents(entries: Iterable[JournalEntry], today: date) -> list[dict[str, Any]]:
    """Experiments for a JSON document; ``end`` is the first day that no longer belongs to them."""
    documents = []
    for entry in entries:
        first, end = experiment_days(entry)
        about = {"start": first, "end": end, "state": _state(entry, today)}
        documents.append(entry_document(entry) | about)
    return documents


def kind_table() -> Table:
    """Everything that can be written down."""
    rows = [
        (
            kind.name,
            kind.unit,
            kind.meaning,
            ", ".join(f"{preset.name} {amount_words(preset.value, kind.unit)}" for preset in kind.presets),
        )
        for kind in KINDS.values()
    ]
    return tables.data_table(("=kind", "=unit", "meaning", "known by name"), rows)


def import_lines(found: Imported) -> list[str]:
    """What came of a file, in sentences."""
    lines = [f"Imported {_entries(len(found.entries))} of {found.rows} rows."]
    if found.known:
        lines.append(f"Already there, in the journal or higher up in the file: {_entries(found.known)}.")
    if found.bad:
        told = _with_lines((row.line, row.problem) for row in found.bad)
        lines.append(f"{len(found.bad)} bad {'row was' if len(found.bad) == 1 else 'rows were'} left out: {told}.")
    said: dict[str, list[int]] = {}
    for line, remark in found.remarks:
        said.setdefault(remark, []).append(line)
    lines += [f"{remark[:1].upper()}{remark[1:]}: {_lines(numbers)}." for remark, numbers in said.items()]
    return lines


def import_document(found: Imported) -> dict[str, Any]:
    """What came of a file, for a JSON document."""
    return {
        "rows": found.rows,
        "imported": len(found.entries),
        "known": found.known,
        "bad": [{"line": row.line, "problem": row.problem} for row in found.bad],
    }


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:SHOWN])
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _with_lines(bad: Iterable[tuple[int, str]]) -> str:
    rows = list(bad)
    more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return "; ".join([f"line {line}: {problem}" for line, problem in rows[:SHOWN]] + more)


def _state(entry: JournalEntry, today: date) -> str:
    first, end = experiment_days(entry)
    if is_running(entry, today):
        return f"day {(today - first).days + 1} of {(end - first).days}"
    if today < first:
        return "to come"
    return "stopped" if entry.details.get("stopped") else "done"


def _taken_back(entry: JournalEntry) -> str:
    return " [taken back]" if entry.removed else ""
