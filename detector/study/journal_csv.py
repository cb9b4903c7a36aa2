"""The journal as CSV: its columns, and how a cell is kept from being run by a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from detector.record.entries import JournalEntry
from detector.record.export import write_csv, write_json
from detector.record.harmless import SAID, defused, shown
from detector.study.journal import entry_document

COLUMNS: dict[str, str] = {
    "entry": "number of the entry in the log it came from; two rows alike in all else are two entries if these differ",
    "at": "when, ISO 8601 with offset; of sleep the waking up. Read in zone where it has no offset",
    "zone": "IANA name of the zone the person was in; empty: only the offset is known",
    "kind": "what was written down, a name that nasalis journal kinds lists",
    "value": "how much, in unit; empty: not told",
    "unit": "of the value; of 10 for a scale",  # 0-10 would be a date to a spreadsheet
    "text": "of a medicine the name, of a note the words",
    "note": "a remark besides",
    "side": "of a symptom: left, right or both, the person's own",
    "sudden": "of a symptom: true or false, whether it came suddenly; empty: not told",
    "quality": "of sleep, 1 very bad to 5 very good",
    "change": "of a medicine or supplement: started, stopped, dose or taken",
    "baseline_days": "of an experiment: days before it to compare with; empty: as many as planned, 14 to 28",
    "stopped": "of an experiment: the first day that no longer belongs to it; empty: it ran as planned",
    "details": "what has no column of its own, as JSON",
}
SCALE = "of 10"
CONVENTIONS = {
    "empty": "not told",
    "texts": f"{SAID}; apostrophes that stood there already are kept",
}
FACTS = ("note", "side", "sudden", "quality", "change", "baseline_days", "stopped")
NUMBERS = ("entry", "value")
TEXTS = ("zone", "kind", "unit", "text", "note", "details")


def export_csv(path: Path | str | None, entries: Iterable[JournalEntry]) -> int:
    """Write entries to ``path`` with a JSON beside it that explains the columns, and return how many.

    Raises
    ------
    OutputError
        It cannot be written; what was there before is untouched.
    """
    rows = [_cells(entry) for entry in entries]
    columns = [{"name": name, "meaning": meaning} for name, meaning in COLUMNS.items()]
    write_csv(path, "journal", list(COLUMNS), rows, {"columns": columns, "conventions": CONVENTIONS})
    return len(rows)


def export_json(path: Path | str | None, entries: Iterable[JournalEntry]) -> int:
    """Write entries to ``path`` as one JSON document with the same values, and return how many.

    Raises
    ------
    OutputError
        As for :func:`export_csv`.
    """
    rows = [entry_document(entry) for entry in entries]
    write_json(path, "journal", {"entries": rows})
    return len(rows)


def _cells(entry: JournalEntry) -> list[str]:
    facts = {name: entry.details.get(name) for name in FACTS}
    rest = {
        name: value
        for name, value in entry.details.items()
        if name not in FACTS or not (value is None or isinstance(value, str | int))
    }
    cells = {
        "entry": str(entry.key or ""),
        "at": entry.at,
        "value": "" if entry.value is None else repr(float(entry.value)).removesuffix(".0"),
        "zone": entry.zone, "kind": entry.kind, "text": entry.text,
        "unit": SCALE if entry.unit == "0-10" else entry.unit,
        "details": json.dumps(rest, sort_keys=True, ensure_ascii=False) if rest else "",
        **{name: _fact_cell(value) for name, value in facts.items() if name not in rest},
    }  # fmt: skip
    return [text if name in NUMBERS else defused(text) for name in COLUMNS for text in [shown(cells.get(name, ""))]]


def _fact_cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
