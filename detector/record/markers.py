"""What a person and the camera say about a run: felt twitches, and time without pictures. SQL only, no transactions.

A felt marker is the only ground truth there is at home, so none is ever deleted: one taken back keeps its row and is
marked as undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from detector.record import schema
from detector.record.entries import LoggedGap, LoggedMarker, clean_text, time_of_day


def insert_marker(db: sqlite3.Connection, run: int, t_s: float, made_utc: str, note: str) -> int:
    """Write a felt marker and return its key."""
    cursor = db.execute(
        "INSERT INTO markers (run, t_s, made_utc, note) VALUES (?, ?, ?, ?)",
        (run, float(t_s), made_utc, clean_text(note)),
    )
    return int(cursor.lastrowid or 0)


def undo_last(db: sqlite3.Connection, run: int) -> float | None:
    """Mark the marker made last as undone and return its time, s; None when there is none left."""
    # by key and not by time: undone is what the person did last, wherever it lies
    row = db.execute("SELECT id, t_s FROM markers WHERE run = ? AND NOT undone ORDER BY id DESC", (run,)).fetchone()
    if row is None:
        return None
    db.execute("UPDATE markers SET undone = 1 WHERE id = ?", (row["id"],))
    return float(row["t_s"])


def select_markers(db: sqlite3.Connection, runs: Sequence[int], include_undone: bool) -> list[LoggedMarker]:
    """Markers in the order of their runs and times."""
    rows = db.execute(
        "SELECT m.*, s.session_id, s.start_utc FROM markers m JOIN sessions s USING (run)"
        f" WHERE m.run IN ({_keys(runs)}) AND (NOT m.undone OR ?) ORDER BY m.run, m.t_s, m.id",
        (include_undone,),
    ).fetchall()
    with schema.readable():
        return [
            LoggedMarker(
                row["id"],
                row["run"],
                row["session_id"],
                float(row["t_s"]),
                time_of_day(row["start_utc"], row["t_s"]),
                str(row["made_utc"]),
                bool(row["undone"]),
                str(row["note"]),
            )
            for row in rows
        ]


def insert_gap(db: sqlite3.Connection, run: int, start_s: float, end_s: float, reason: str) -> None:
    """Write a time without pictures, ``[start_s, end_s)``."""
    db.execute(
        "INSERT INTO gaps (run, start_s, end_s, reason) VALUES (?, ?, ?, ?)",
        (run, float(start_s), float(end_s), clean_text(reason)),
    )


def select_gaps(db: sqlite3.Connection, runs: Sequence[int]) -> list[LoggedGap]:
    """Gaps in the order of their runs and times."""
    rows = db.execute(f"SELECT * FROM gaps WHERE run IN ({_keys(runs)}) ORDER BY run, start_s, id").fetchall()
    with schema.readable():
        return [LoggedGap(row["run"], float(row["start_s"]), float(row["end_s"]), str(row["reason"])) for row in rows]


def _keys(runs: Sequence[int]) -> str:
    return ", ".join(str(int(run)) for run in runs)  # integers of our own: no limit on their number
