"""The journal in the log: entries in versions, so that an edit loses nothing. SQL only, no transactions."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from detector.errors import LogError
from detector.record.entries import JournalEntry, clean_text
from detector.record.schema import UNREADABLE

# the version of each entry that counts
_NEWEST = "SELECT max(version) FROM journal GROUP BY entry"


def insert_entry(db: sqlite3.Connection, entry: JournalEntry, made_utc: str) -> int:
    """Write a new entry, or with its key another version of one, and return the key."""
    key = entry.key or 1 + db.execute("SELECT coalesce(max(entry), 0) FROM journal").fetchone()[0]
    db.execute(
        "INSERT INTO journal (entry, at, zone, kind, value, unit, text, details, made_utc, removed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            int(key),
            clean_text(entry.at),
            clean_text(entry.zone),
            clean_text(entry.kind),
            None if entry.value is None else float(entry.value),
            clean_text(entry.unit),
            clean_text(entry.text),
            clean_text(json.dumps(entry.details, sort_keys=True, ensure_ascii=False)),
            made_utc,
            int(entry.removed),
        ),
    )
    return int(key)


def select_entries(db: sqlite3.Connection, include_removed: bool) -> list[JournalEntry]:
    """The newest version of every entry, in the order of their keys."""
    rows = db.execute(
        f"SELECT * FROM journal WHERE version IN ({_NEWEST}) AND (NOT removed OR ?) ORDER BY entry",
        (include_removed,),
    ).fetchall()
    return [_entry(row) for row in rows]


def select_versions(db: sqlite3.Connection, key: int) -> list[JournalEntry]:
    """All versions of one entry, oldest first."""
    rows = db.execute("SELECT * FROM journal WHERE entry = ? ORDER BY version", (int(key),)).fetchall()
    return [_entry(row) for row in rows]


def select_all_versions(db: sqlite3.Connection) -> list[JournalEntry]:
    """All versions of all entries, in the order they were written."""
    return [_entry(row) for row in db.execute("SELECT * FROM journal ORDER BY version").fetchall()]


def _entry(row: sqlite3.Row) -> JournalEntry:
    try:
        datetime.fromisoformat(row["at"])
        value = None if row["value"] is None else float(row["value"])
        details = dict(json.loads(row["details"]))
    except (ValueError, TypeError, RecursionError) as error:
        raise LogError(UNREADABLE) from error
    return JournalEntry(
        kind=row["kind"],
        at=row["at"],
        zone=row["zone"],
        value=value,
        unit=row["unit"],
        text=row["text"],
        details=details,
        key=row["entry"],
        made_utc=row["made_utc"],
        removed=bool(row["removed"]),
    )
