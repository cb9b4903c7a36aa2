"""Runs whose program is gone: killed, or the power went. What they had written stays; their end is written for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from detector.record.places import network_kind
from detector.record.presence import Presence

NOTE = "cut off: the program ended without closing the session, which ends here with the last that was written"

_LAST_S = """SELECT max(t) FROM (
    SELECT max(end_s) AS t FROM episodes WHERE run = :run UNION ALL SELECT max(offset_s) FROM twitches WHERE run = :run
    UNION ALL SELECT max(end_s) FROM gaps WHERE run = :run UNION ALL SELECT max(t_s) FROM markers WHERE run = :run)"""


def find(db: sqlite3.Connection, path: Path, presence: Presence | None) -> tuple[list[int], list[int]]:
    """The runs that nobody holds any more, and those of which it cannot be told.

    On a network drive the program may be on another machine, whose locks do not always reach here.
    """
    gone: list[int] = []
    unknown: list[int] = []
    for (run,) in db.execute("SELECT run FROM sessions WHERE status = 'running' ORDER BY run").fetchall():
        alive = None if presence is None else presence.is_alive(int(run))
        if alive is False and not network_kind(path):
            gone.append(int(run))
        elif not alive:
            unknown.append(int(run))
    return gone, unknown


def close_all(db: sqlite3.Connection, path: Path, presence: Presence | None) -> list[int]:
    """Mark the runs that nobody holds any more as interrupted, and return them; inside a transaction."""
    gone, _ = find(db, path, presence)
    close(db, gone)
    return gone


def close(db: sqlite3.Connection, runs: Iterable[int]) -> None:
    """Mark these runs as interrupted; inside a transaction."""
    for run in runs:
        duration_s, notes = db.execute("SELECT duration_s, notes FROM sessions WHERE run = ?", (run,)).fetchone()
        (last_s,) = db.execute(_LAST_S, {"run": run}).fetchone()
        known_s = [value for value in (duration_s, last_s) if isinstance(value, float)]
        db.execute(
            "UPDATE sessions SET status = 'interrupted', duration_s = ?, notes = ? WHERE run = ?",
            (max(known_s, default=0.0), _with_note(notes), run),
        )


def _with_note(notes: str) -> str:
    try:
        known = json.loads(notes)
    except (TypeError, ValueError, RecursionError):
        return notes  # damaged: not for here to mend
    return json.dumps([*known, NOTE]) if isinstance(known, list) else notes
