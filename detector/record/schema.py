"""The tables of the episode log, how a value becomes a cell and back, and how the file is opened and updated.

Format history: 1 sessions, episodes, twitches (0.1.0); 2 detection limits of a session (empty in older ones);
3 markers of what a person felt, gaps without pictures (none in older ones); 4 the face at rest (unknown in older ones);
5 observed time by minute and the courses of twitches (empty in older ones), the journal (none in older ones);
6 what a person judged about episodes, in versions (nothing in older ones).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import json
import math
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from detector.errors import LogBusyError, LogError
from detector.record.entries import clean_text
from detector.record.places import network_kind
from detector.types import BothSides, RestingFace

APPLICATION_ID = 0x6E61736C  # "nasl": tells our file from another program's database
FORMAT = 6
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps next to a database: sqlite.org/tempfiles.html
ID_LENGTH = 64  # characters of a session id at most; those of this program have 12
BUSY_S = 30.0  # how long one writer waits for another; each write takes milliseconds, on a slow disk seconds

_LEAST_FREE = 1 << 16  # bytes: the memory that programs share is a file of 32 KiB (sqlite.org/walformat.html, 2)


UNREADABLE = "the episode log holds a value that cannot be read: save the rest with nasalis log --repair"


class Codec(NamedTuple):
    """How one kind of value is stored and read back."""

    sql: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _real(value: Any) -> float | None:
    # float() first: a numpy scalar would be stored as a blob of its bytes. NaN is stored as NULL.
    return None if value is None or math.isnan(float(value)) else float(value)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _document(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _floats(value: dict[str, Any]) -> str:
    return json.dumps({str(key): _real(number) for key, number in value.items()}, sort_keys=True)


def _resting(value: RestingFace | None) -> str | None:
    return None if value is None else json.dumps(dataclasses.asdict(value), sort_keys=True, default=_plain)


def _resting_back(cell: str | None) -> RestingFace | None:
    if cell is None:
        return None
    stored: dict[str, Any] = json.loads(cell)
    sides: dict[str, Any] = {name: BothSides(**value) for name, value in stored.items() if isinstance(value, dict)}
    return RestingFace(**(stored | sides))


def _moment_back(cell: str) -> str:
    if datetime.fromisoformat(cell).tzinfo is None:
        raise ValueError(f"{cell!r} has no offset from UTC")
    return cell


TEXT = Codec("TEXT NOT NULL", clean_text, str)
INTEGER = Codec("INTEGER NOT NULL", int, int)
BOOLEAN = Codec("INTEGER NOT NULL", lambda value: int(bool(value)), bool)
# float(): a column of numbers holds a text as well, in a file that somebody else has written
REAL = Codec("REAL", _real, lambda cell: math.nan if cell is None else float(cell))
REAL_OR_NONE = Codec("REAL", _real, lambda cell: None if cell is None else float(cell))
MOMENT = Codec("TEXT NOT NULL", clean_text, _moment_back)
TABLE = Codec("TEXT NOT NULL", _document, lambda cell: dict(json.loads(cell)))
LINES = Codec("TEXT NOT NULL", _document, lambda cell: [str(line) for line in json.loads(cell)])
FLOATS = Codec(
    "TEXT NOT NULL",
    _floats,
    lambda cell: {key: math.nan if number is None else number for key, number in json.loads(cell).items()},
)
NAMES = Codec("TEXT NOT NULL", lambda value: json.dumps([str(name) for name in value]), lambda c: tuple(json.loads(c)))
NUMBERS = Codec(
    "TEXT NOT NULL", lambda value: json.dumps([_real(number) for number in value]), lambda c: tuple(json.loads(c))
)
RESTING = Codec("TEXT", _resting, _resting_back)

SESSION: dict[str, Codec] = {
    "session_id": TEXT, "source": TEXT, "sha256": TEXT, "start_utc": TEXT,
    "duration_s": REAL, "observed_s": REAL, "face_s": REAL, "fps": REAL,
    "width": INTEGER, "height": INTEGER, "frames": INTEGER, "frames_repeated": INTEGER, "frames_lost": INTEGER,
    "px_per_mm": REAL_OR_NONE, "floor_mm": FLOATS, "limit50_mm": FLOATS, "limit90_mm": FLOATS,
    "not_observed_s": FLOATS, "observed_by_minute_s": NUMBERS, "resting": RESTING,
    "config_digest": TEXT, "settings": TABLE, "versions": TABLE, "notes": LINES, "status": TEXT,
}  # fmt: skip
EPISODE: dict[str, Codec] = {
    "number": INTEGER, "start_s": REAL, "end_s": REAL, "kind": TEXT, "side": TEXT, "laterality": REAL,
    "region": TEXT, "regions": NAMES, "twitch_count": INTEGER, "peak_mm": REAL, "mean_mm": REAL, "peak_px": REAL,
    "snr": REAL, "confidence": REAL, "rate_hz": REAL_OR_NONE, "rhythm_cv": REAL_OR_NONE,
    "co_movement": TEXT, "evidence": TEXT,
}  # fmt: skip
TWITCH: dict[str, Codec] = {
    "region": TEXT, "side": TEXT, "onset_s": REAL, "peak_s": REAL, "offset_s": REAL,
    "amplitude_mm": REAL, "amplitude_px": REAL, "velocity_mm_s": REAL, "direction_deg": REAL,
    "snr": REAL, "score": REAL, "kept": BOOLEAN, "reason": TEXT, "course_mm": NUMBERS,
}  # fmt: skip


def encode(codecs: dict[str, Codec], thing: object) -> list[Any]:
    """The cells of one dataclass, in the order of ``codecs``."""
    return [codec.encode(getattr(thing, name)) for name, codec in codecs.items()]


def decode(codecs: dict[str, Codec], row: sqlite3.Row) -> dict[str, Any]:
    """The fields of one dataclass from the row that holds them; LogError for what no program of ours wrote."""
    with readable():
        return {name: codec.decode(row[name]) for name, codec in codecs.items()}


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """What is read from rows inside is what a program of ours wrote, or there is a LogError."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise LogError(UNREADABLE) from error


# Written out for good: a table that users have must never change because a dict above does.
_FORMAT_1 = (
    """CREATE TABLE sessions (
    run INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL, source TEXT NOT NULL, sha256 TEXT NOT NULL, start_utc TEXT NOT NULL,
    duration_s REAL, observed_s REAL, face_s REAL, fps REAL,
    width INTEGER NOT NULL, height INTEGER NOT NULL,
    frames INTEGER NOT NULL, frames_repeated INTEGER NOT NULL, frames_lost INTEGER NOT NULL,
    px_per_mm REAL, floor_mm TEXT NOT NULL, not_observed_s TEXT NOT NULL,
    config_digest TEXT NOT NULL, settings TEXT NOT NULL, versions TEXT NOT NULL, notes TEXT NOT NULL,
    status TEXT NOT NULL,
    nasalis_version TEXT NOT NULL, created_utc TEXT NOT NULL,
    replaces INTEGER NOT NULL DEFAULT 0,
    superseded_by INTEGER REFERENCES sessions (run))""",
    "CREATE INDEX sessions_by_source ON sessions (sha256)",
    """CREATE TABLE episodes (
    run INTEGER NOT NULL REFERENCES sessions (run), number INTEGER NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, kind TEXT NOT NULL, side TEXT NOT NULL, laterality REAL,
    region TEXT NOT NULL, regions TEXT NOT NULL, twitch_count INTEGER NOT NULL,
    peak_mm REAL, mean_mm REAL, peak_px REAL, snr REAL, confidence REAL, rate_hz REAL, rhythm_cv REAL,
    co_movement TEXT NOT NULL, evidence TEXT NOT NULL,
    review TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, number))""",
    # episode is no foreign key: a kept twitch may be written before its episode closes
    """CREATE TABLE twitches (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES sessions (run), episode INTEGER,
    region TEXT NOT NULL, side TEXT NOT NULL, onset_s REAL NOT NULL, peak_s REAL NOT NULL, offset_s REAL NOT NULL,
    amplitude_mm REAL, amplitude_px REAL, velocity_mm_s REAL, direction_deg REAL, snr REAL, score REAL,
    kept INTEGER NOT NULL, reason TEXT NOT NULL,
    UNIQUE (run, onset_s, peak_s, region, side))""",
)
_FORMAT_2 = (
    "ALTER TABLE sessions ADD COLUMN limit50_mm TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE sessions ADD COLUMN limit90_mm TEXT NOT NULL DEFAULT '{}'",
)
_FORMAT_3 = (
    """CREATE TABLE markers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES sessions (run), t_s REAL NOT NULL, made_utc TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX markers_by_run ON markers (run)",
    """CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES sessions (run), start_s REAL NOT NULL, end_s REAL NOT NULL,
    reason TEXT NOT NULL, CHECK (end_s >= start_s))""",
    "CREATE INDEX gaps_by_run ON gaps (run)",
)
_FORMAT_4 = ("ALTER TABLE sessions ADD COLUMN resting TEXT",)
_FORMAT_5 = (
    "ALTER TABLE sessions ADD COLUMN observed_by_minute_s TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE twitches ADD COLUMN course_mm TEXT NOT NULL DEFAULT '[]'",
    # one row for each version of an entry: an edit adds one, and so does taking the entry back
    """CREATE TABLE journal (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL, at TEXT NOT NULL, zone TEXT NOT NULL, kind TEXT NOT NULL,
    value REAL, unit TEXT NOT NULL, text TEXT NOT NULL, details TEXT NOT NULL,
    made_utc TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX journal_by_entry ON journal (entry)",
)
_FORMAT_6 = (
    # beside review and note of format 1, which nothing had written until then
    "ALTER TABLE episodes ADD COLUMN review_kind TEXT NOT NULL DEFAULT ''",
    # one row for each time a person said something of an episode, with all that held from then on
    """CREATE TABLE reviews (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL, number INTEGER NOT NULL,
    reviewer TEXT NOT NULL, review TEXT NOT NULL, kind TEXT NOT NULL, note TEXT NOT NULL, made_utc TEXT NOT NULL,
    FOREIGN KEY (run, number) REFERENCES episodes (run, number))""",
    "CREATE INDEX reviews_by_episode ON reviews (run, number)",
)
# format -> the statements that lead to it from the one before
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: _FORMAT_1,
    2: _FORMAT_2,
    3: _FORMAT_3,
    4: _FORMAT_4,
    5: _FORMAT_5,
    6: _FORMAT_6,
}


def connect(path: Path) -> sqlite3.Connection:
    """The log at ``path``, made if there is none, brought up to date if it is older.

    Raises
    ------
    LogError
        Not a nasalis log, written by a newer program, or not readable and writable.
    """
    make_owner_only(path)
    with errors_of(path):
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            refuse_foreign(db, path)
            _set_journal(db, path)
            db.execute("PRAGMA synchronous = FULL")  # a finished write survives a power cut
            db.execute("PRAGMA foreign_keys = ON")
            migrate(db, path)
            _refuse_incomplete(db, path)
        except BaseException:
            db.close()
            raise
    return db


def make_owner_only(path: Path) -> None:
    """The folder and the file, readable by their owner only: the log says something about a person's health."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise LogError(f"{path} is not a file, so it cannot be the episode log: name another with --log")
        # An existing file is not opened here: closing it again would drop the locks that SQLite holds on it when this
        # program has the log open already.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        # an older log, or one that was copied here; another owner's file is theirs to set, and exFAT knows no modes
        for name in (path.name, *(f"{path.name}{end}" for end in BESIDE)):
            with contextlib.suppress(OSError):
                path.with_name(name).chmod(0o600)
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or error
        raise LogError(f"the episode log {path} cannot be written ({reason}): name another file with --log") from error


def refuse_strange_ids(db: sqlite3.Connection, path: Path) -> None:
    """Ids of sessions name files and stand in every list: one that no program of ours makes is not taken from a log."""
    # a zero byte ends a text for GLOB and length(), and not the blob of it
    strange = db.execute(
        "SELECT count(*) FROM sessions WHERE session_id GLOB '*[^0-9A-Za-z._-]*' OR session_id GLOB '[._-]*'"
        " OR length(session_id) NOT BETWEEN 1 AND ? OR length(session_id) <> length(CAST(session_id AS BLOB))",
        (ID_LENGTH,),
    ).fetchone()[0]
    if strange:
        raise LogError(
            f"{path} has a session whose id no nasalis has made: restore a copy of the log or name another with --log"
        )


def refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    """LogError when it is no log, or one of a newer program."""
    # in this order: another nasalis may make the tables between the two questions
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID and (application != 0 or tables):
        raise LogError(f"{path} is a database of another program: name another file with --log")
    _refuse_newer(db, path)


def _refuse_newer(db: sqlite3.Connection, path: Path) -> int:
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found < 0:
        raise LogError(f"the episode log {path} is damaged: restore a copy of it or name another file with --log")
    if found > FORMAT:
        raise LogError(
            f"{path} was written by a newer nasalis (format {found}, this program knows {FORMAT}): "
            "update nasalis or name another log with --log"
        )
    return found


def _set_journal(db: sqlite3.Connection, path: Path) -> None:
    """A write-ahead log, so that readers and the writer do not wait for each other; where there can be none, not.

    It needs memory that all programs share. On a network drive they may run on several machines, and on some kinds of
    disk there is none: a journal that is rolled back does without, and readers wait there.
    """
    if network_kind(path) or _set_mode(db, "WAL") != "wal":
        # TRUNCATE and not DELETE: the end of a journal is put on the disk by itself, that of a name is not
        _set_mode(db, "TRUNCATE")


def _set_mode(db: sqlite3.Connection, mode: str) -> str:
    """The mode that holds afterwards."""
    # Two programs making the same log at once: SQLite answers "locked" here without waiting its busy time.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            return str(db.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0])
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another program holds the log just now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or bring them up to date."""
    if _refuse_newer(db, path) == FORMAT:
        return
    with transaction(db):
        for version in range(_refuse_newer(db, path) + 1, FORMAT + 1):  # read again: another program may have done it
            for statement in MIGRATIONS[version]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _refuse_incomplete(db: sqlite3.Connection, path: Path) -> None:
    """LogError when a table or a column is not there."""
    columns = _columns(db)
    statements = tuple(statement for version in range(1, FORMAT + 1) for statement in MIGRATIONS[version])
    for table, names in _columns_made_by(statements).items():
        missing = sorted(names - columns.get(table, set()))
        if missing:
            what = f"the {', '.join(missing)} of its {table}" if table in columns else f"the table of its {table}"
            raise LogError(
                f"the episode log {path} is damaged, {what} is missing: save what can be read with nasalis log "
                "--repair, restore a copy, or name another file with --log"
            )


@functools.cache
def _columns_made_by(statements: tuple[str, ...]) -> dict[str, set[str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for statement in statements:
            db.execute(statement)
        return _columns(db)


def _columns(db: sqlite3.Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in db.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    ):
        found.setdefault(table, set()).add(column)
    return found


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and on the disk when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Any SQLite error inside becomes a LogError that names the file and says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise (LogBusyError if is_busy(error) else LogError)(_explain(path, error)) from error


def is_of_disk(error: BaseException | None) -> bool:
    """Whether a file could not be written, which may be read all the same."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = -1 if code is None else code & 0xFF
    return primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def _is_full(path: Path) -> bool:
    # what a log cannot do without, its memory shared with other programs included; SQLite calls that an I/O error
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.absolute().parent).free < _LEAST_FREE
    return False


def _explain(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_NOTADB:
        return f"{path} is not a nasalis log: name another file with --log"
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return f"the episode log {path} refused a record ({error}): this is a fault of nasalis, please report it"
    if primary == sqlite3.SQLITE_CORRUPT:
        return f"the episode log {path} is damaged: save what can be read with nasalis log --repair"
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _is_full(path)):
        return f"the disk is full, the episode log {path} cannot grow: free some space or name another file with --log"
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"the episode log {path} cannot be written ({error}): check its folder or name another file with --log"
    if is_busy(error):
        return f"the episode log {path} is held by another program: close that one and try again"
    return f"the episode log {path} cannot be used ({error}): check the disk or name another file with --log"
