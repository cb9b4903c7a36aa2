"""One run of a log as bytes, to be put into another log whole: what a batch's workers send.

The rows travel as the cells they are, so that a run that came this way is the same as one that was written here.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from typing import Any

from detector.errors import LogError
from detector.record import reviews as judged
from detector.record import schema

_OWN = {"sessions": ("run", "superseded_by"), "episodes": ("run",), "twitches": ("run", "id")}  # keys of one log only
_LARGEST = 1 << 30  # bytes unpacked: 3 million twitches; more is no run of ours


def pack(db: sqlite3.Connection, run: int) -> bytes:
    """The rows of ``run``: compressed JSON."""
    tables: dict[str, Any] = {}
    for table, own in _OWN.items():
        cursor = db.execute(f"SELECT * FROM {table} WHERE run = ?", (run,))
        names = [column[0] for column in cursor.description]
        kept = [place for place, name in enumerate(names) if name not in own]
        tables[table] = {
            "columns": [names[place] for place in kept],
            "rows": [[row[place] for place in kept] for row in cursor],
        }
    document = {"format": schema.FORMAT, "tables": tables}
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode())


def find(db: sqlite3.Connection, sha256: str, session_id: str) -> int | None:
    """The newest complete run of this file with this session id that nothing supersedes."""
    row = db.execute(
        "SELECT max(run) FROM sessions WHERE sha256 = ? AND session_id = ? AND status = 'complete'"
        " AND superseded_by IS NULL",
        (sha256, session_id),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def insert(db: sqlite3.Connection, parcel: bytes) -> tuple[int, bool]:
    """Put a run in, inside a transaction of the caller; a complete run that is there already is left as it is.

    Returns
    -------
    tuple of (int, bool)
        Its key, and whether it is new.

    Raises
    ------
    LogError
        These are no rows of a log of this format.
    """
    tables = _unpack(parcel)
    session = tables["sessions"]
    if len(session["rows"]) != 1:
        raise LogError("a worker sent a session that cannot be read: install the same nasalis on all machines")
    facts = dict(zip(session["columns"], session["rows"][0], strict=True))
    known = find(db, facts["sha256"], facts["session_id"])
    if known is not None:
        return known, False
    run = 0
    for table, content in tables.items():
        allowed = {row["name"] for row in db.execute(f"PRAGMA table_info({table})")} - set(_OWN[table])
        columns = content["columns"]
        if set(columns) != allowed:  # they go into the statement as they are
            raise LogError(f"a worker sent {table} with other columns: install the same nasalis on all machines")
        key = [] if table == "sessions" else ["run"]
        statement = (
            f"INSERT INTO {table} ({', '.join([*key, *columns])}) VALUES ({', '.join('?' * len([*key, *columns]))})"
        )
        if table == "sessions":
            run = int(db.execute(statement, session["rows"][0]).lastrowid or 0)
        else:
            db.executemany(statement, ([run, *row] for row in content["rows"]))
    judged.carry_over(db, run)
    return run, True


def _unpack(parcel: bytes) -> dict[str, Any]:
    try:
        document = json.loads(zlib.decompressobj().decompress(parcel, _LARGEST))
        if document["format"] == schema.FORMAT and list(document["tables"]) == list(_OWN):
            tables: dict[str, Any] = document["tables"]
            return tables
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise LogError("a worker sent what is no session: install the same nasalis on all machines") from error
    raise LogError("a worker sent a session in another format: install the same nasalis on all machines")
