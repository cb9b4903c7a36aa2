"""A damaged log made usable again: every row that can be read goes into a new file, and the damaged one is kept.

What SQLite still reads of a table is taken as it gives it. A table that it cannot read to the end is read page by page
besides (:mod:`detector.record.pages`), so that one bad page costs its own rows and no others. A value that is no value
becomes unknown; a row without its key, its times or its place in a session is left out and counted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.errors import LogError, OutputError
from detector.record import cut_off, schema
from detector.record.check import CODECS, TABLES, Checked, check_log, reads, row_faults
from detector.record.files import explained, make_private
from detector.record.pages import Pages, fits
from detector.record.presence import Presence
from detector.record.reading import BESIDE, copy_log
from detector.types import Session

LOST_SESSION = "the session was lost in a damaged log; what belongs to it was found"
# what an unreadable cell becomes, by how it is stored
_UNKNOWN = {"TABLE": "{}", "FLOATS": "{}", "LINES": "[]", "NAMES": "[]", "NUMBERS": "[]"}
_MENDABLE = {getattr(schema, name): cell for name, cell in _UNKNOWN.items()}


@dataclass(slots=True)
class Repaired:
    """What came of it.

    Attributes
    ----------
    damaged : Path or None
        Where the damaged log is kept; None when nothing was damaged.
    kept : dict
        Rows by table, in the repaired log.
    notes : list of str
        What was lost or mended, a sentence each.
    closed : list of int
        Runs that were cut off and are marked as interrupted now.
    """

    path: Path
    damaged: Path | None = None
    kept: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def words(self) -> str:
        """All of it, to be read."""
        if self.damaged is None:
            head = f"{self.path}: nothing is damaged."
        else:
            counts = ", ".join(f"{count} {table}" for table, count in self.kept.items())
            head = f"{self.path}: repaired, with {counts}. The damaged log is kept: {self.damaged}"
        notes = list(self.notes)
        if self.closed:
            notes.append(
                f"sessions that were cut off are marked as interrupted: run {', '.join(map(str, self.closed))}"
            )
        return "\n".join([head, *(f"  {text}" for text in notes)])


def repair_log(path: Path, output: Path | None = None) -> Repaired:
    """Make the log at ``path`` usable again, in its place or as ``output``.

    In its place, the damaged one is kept beside it as ``NAME.damaged-DATE-TIME``, with its write-ahead log. With
    ``output`` the damaged one is not touched at all. A log that is sound is left as it is, but for sessions that were
    cut off: those are marked as interrupted.

    Raises
    ------
    LogError
        There is none, it is of another program or newer, another program uses it, or nothing at all can be read.
    OutputError
        The repaired log cannot be written.
    """
    if not path.exists():
        raise LogError(f"there is no episode log at {path}: name one with --log")
    if output is not None and output.exists():
        raise OutputError(f"{output} is there already: choose a new name for the repaired log")
    presence = Presence(path, alone=True)
    try:
        before = _looked_at(path, presence)
        if before is not None and before.sound:
            return _close_runs(path, output, before, presence)
        with tempfile.TemporaryDirectory(prefix=".nasalis-repair-", dir=(output or path).absolute().parent) as folder:
            fresh = Path(folder) / "repaired"
            repaired = _salvage(copy_log(path, Path(folder)), fresh)
            repaired.path, repaired.damaged = output or path, path
            if output is not None:
                with explained(output):
                    fresh.replace(output)
            else:
                repaired.damaged = _take_place(fresh, path)
        return repaired
    except OSError as error:
        raise OutputError(
            f"no repaired log can be written beside {output or path} ({error.strerror or error}): name a place with -o"
        ) from error
    finally:
        presence.close()


def _looked_at(path: Path, presence: Presence) -> Checked | None:
    """What is wrong with it; None when it cannot even be opened. LogError when it is no log of ours, or a newer one."""
    try:
        return check_log(path, presence)
    except LogError as error:
        if isinstance(error.__cause__, sqlite3.Error) or _was_a_log(path):
            return None
        raise


def _was_a_log(path: Path) -> bool:
    """Whether it has lost the mark of a log of ours, and holds rows of one all the same."""
    with explained(path), path.open("rb") as file:
        header = file.read(100)
    if int.from_bytes(header[68:72], "big") == schema.APPLICATION_ID:  # sqlite.org/fileformat2.html, 1.3
        return False  # it is whole, and of a newer program
    sessions = _columns()["sessions"]
    return any(fits(values, sessions) for _, values in Pages(path).all_rows())


def _close_runs(path: Path, output: Path | None, checked: Checked, presence: Presence) -> Repaired:
    repaired = Repaired(path, kept=checked.rows)
    db = schema.connect(path)
    try:
        with schema.errors_of(path):
            if output is not None:
                with explained(output):
                    make_private(output)
                with contextlib.closing(sqlite3.connect(output)) as copy:
                    db.backup(copy)
                repaired.notes.append(f"a copy of it is {output}")
            with schema.transaction(db):
                repaired.closed = cut_off.close_all(db, path, presence)
    finally:
        db.close()
    return repaired


def _take_place(fresh: Path, path: Path) -> Path:
    """Put the new log where the damaged one was; returns where that is kept."""
    damaged = path.with_name(f"{path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}")
    kept = [(Path(f"{path}{end}"), Path(f"{damaged}{end}")) for end in BESIDE if Path(f"{path}{end}").exists()]
    try:
        for old, name in kept:
            _keep(old, name)
    except BaseException:
        for _, name in kept:
            name.unlink(missing_ok=True)
        raise
    _sync(path.absolute().parent)
    # The write-ahead log first: SQLite would read an old one into a new file. Both are safe under their other names.
    for ending in (*BESIDE[1:], "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    fresh.replace(path)
    _sync(path.absolute().parent)
    return damaged


def _keep(path: Path, name: Path) -> None:
    """Give a file another name as well, or a copy of that name where a file can have one only."""
    try:
        name.hardlink_to(path)
    except (OSError, NotImplementedError):
        make_private(name)
        shutil.copyfile(path, name)
        _sync(name)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _salvage(damaged: Path, fresh: Path) -> Repaired:
    """Everything that can be read of the copy ``damaged``, in the new log ``fresh``."""
    repaired = Repaired(fresh)
    pages = Pages(damaged)  # first: to be opened by SQLite may change the file
    columns = _columns()
    old = _opened(damaged)
    new = schema.connect(fresh)
    try:
        with schema.errors_of(fresh):
            new.execute("PRAGMA foreign_keys = OFF")  # what a row belongs to may come later, or not at all
            with schema.transaction(new):
                for table in TABLES:
                    _copy_table(table, columns[table], old, pages, new, repaired)
                _mend_links(new, repaired)
            repaired.closed = [run for (run,) in new.execute("SELECT run FROM sessions WHERE status = 'running'")]
            with schema.transaction(new):
                cut_off.close(new, repaired.closed)
            repaired.kept = {table: new.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    finally:
        new.close()
        if old is not None:
            old.close()
    if not any(repaired.kept.values()):
        raise LogError("nothing that belongs to an episode log can be read in it: restore a copy of it")
    after = check_log(fresh)
    repaired.notes += after.faults
    _sync(fresh)
    return repaired


def _opened(damaged: Path) -> sqlite3.Connection | None:
    """The damaged log, if SQLite can open it at all."""
    db = sqlite3.connect(damaged, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA cell_size_check = ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        db.close()
        return None
    return db


def _columns() -> dict[str, list[Mapping[str, Any]]]:
    """Of each table as it is now: rows of ``PRAGMA table_info``."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        schema.migrate(db, Path(":memory:"))
        return {table: [dict(row) for row in db.execute(f"PRAGMA table_info({table})")] for table in TABLES}


def _copy_table(
    table: str,
    columns: Sequence[Mapping[str, Any]],
    old: sqlite3.Connection | None,
    pages: Pages,
    new: sqlite3.Connection,
    repaired: Repaired,
) -> None:
    names = [str(column["name"]) for column in columns]
    key = next((name for name, column in zip(names, columns, strict=True) if _is_rowid(columns, column)), None)
    expected = _expected(old, table)
    done: set[int] = set()
    left_out: set[int] = set()
    mended = 0
    for rowid, cells in _rows(table, names, columns, old, pages, expected):
        if rowid in done:
            continue
        if key is not None:
            cells[key] = rowid
        whole, changed = _whole(table, cells)
        if whole is None:
            left_out.add(rowid)
            continue
        into = f"INSERT INTO {table} ({', '.join(whole)}) VALUES ({', '.join('?' for _ in whole)})"
        with contextlib.suppress(sqlite3.IntegrityError):  # the same once more, from a page no longer in use
            new.execute(into, list(whole.values()))
            mended += changed
        done.add(rowid)
    missing = max(expected - len(done), len(left_out - done))
    if missing > 0:
        repaired.notes.append(f"{missing} of {table} could not be read or made no sense, and are left out")
    if mended:
        repaired.notes.append(f"{mended} of {table} hold values that could not be read and are unknown now")


def _is_rowid(columns: Sequence[Mapping[str, Any]], column: Mapping[str, Any]) -> bool:
    return bool(column["pk"]) and sum(bool(other["pk"]) for other in columns) == 1


def _rows(
    table: str,
    names: Sequence[str],
    columns: Sequence[Mapping[str, Any]],
    old: sqlite3.Connection | None,
    pages: Pages,
    expected: int,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table with the columns they were written with; some more than once, the surest first."""
    count = 0
    with contextlib.suppress(sqlite3.Error):
        if old is not None:
            for row in old.execute(f"SELECT rowid AS rowid_, * FROM {table} NOT INDEXED ORDER BY rowid"):
                cells = dict(zip(row.keys(), row, strict=True))
                yield cells.pop("rowid_"), {name: cells[name] for name in names if name in cells}
                count += 1
            if count >= expected:
                return
    root = pages.tables().get(table)
    found = [] if root is None else list(pages.rows(root))
    for rowid, values in (*found, *pages.all_rows()):
        if fits(values, columns):
            yield rowid, dict(zip(names, values, strict=False))


def _whole(table: str, cells: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The row with what cannot be read as unknown, and whether there was any such; None when it makes no sense."""
    changed = False
    for name, codec in CODECS.get(table, {}).items():
        if name not in cells or reads(codec, cells[name]):
            continue
        if codec in _MENDABLE:
            cells[name] = _MENDABLE[codec]
        elif codec in (schema.REAL, schema.REAL_OR_NONE, schema.RESTING):
            cells[name] = None
        else:
            return None, False
        changed = True
    known = _DEFAULTS.get(table, {}) | cells
    return (None, False) if any(row_faults(table, known)) else (cells, changed)


# cells of rows that an older program has written, which lack them; only to judge the rest by
_DEFAULTS: dict[str, dict[str, Any]] = {
    "sessions": {"limit50_mm": "{}", "limit90_mm": "{}", "resting": None, "observed_by_minute_s": "[]"},
    "episodes": {"review_kind": ""},
    "twitches": {"course_mm": "[]"},
}


def _expected(old: sqlite3.Connection | None, table: str) -> int:
    """How many rows an index of the table counts; 0 where none can."""
    with contextlib.suppress(sqlite3.Error):
        if old is not None:
            return int(old.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return 0


def _mend_links(new: sqlite3.Connection, repaired: Repaired) -> None:
    """Rows whose session was lost get one that says so; what was said of lost episodes cannot be kept."""
    lost = new.execute(
        "SELECT run FROM (SELECT run FROM episodes UNION SELECT run FROM twitches UNION SELECT run FROM markers"
        " UNION SELECT run FROM gaps) WHERE run NOT IN (SELECT run FROM sessions) ORDER BY run"
    ).fetchall()
    columns = (*schema.SESSION, "run", "nasalis_version", "created_utc")
    for (run,) in lost:
        stand_in = Session(f"lost{run}", "", "", "", status="failed", notes=[LOST_SESSION])
        new.execute(
            f"INSERT INTO sessions ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})",
            [*schema.encode(schema.SESSION, stand_in), run, "", ""],
        )
    if lost:
        repaired.notes.append(
            f"{len(lost)} sessions were lost; their episodes are kept under made-up sessions, lost..."
        )
    new.execute("UPDATE sessions SET superseded_by = NULL WHERE superseded_by NOT IN (SELECT run FROM sessions)")
    new.execute(
        "UPDATE twitches SET episode = NULL WHERE NOT EXISTS"
        " (SELECT 1 FROM episodes e WHERE e.run = twitches.run AND e.number = twitches.episode)"
    )
    said = new.execute(
        "DELETE FROM reviews WHERE NOT EXISTS"
        " (SELECT 1 FROM episodes e WHERE e.run = reviews.run AND e.number = reviews.number)"
    ).rowcount
    if said:
        repaired.notes.append(f"{said} reviews are of episodes that were lost, and are left out")
    new.execute(
        "INSERT INTO reviews (run, number, reviewer, review, kind, note, made_utc)"
        " SELECT run, number, '', review, review_kind, note, '' FROM episodes e"
        " WHERE (review != '' OR review_kind != '' OR note != '') AND NOT EXISTS"
        " (SELECT 1 FROM reviews r WHERE r.run = e.run AND r.number = e.number)"
    )
    # what was said last holds: of an episode and its reviews one may be older than the other
    new.execute(
        "UPDATE episodes SET (review, review_kind, note) = (SELECT review, kind, note FROM reviews r WHERE"
        " r.run = episodes.run AND r.number = episodes.number ORDER BY version DESC LIMIT 1) WHERE EXISTS"
        " (SELECT 1 FROM reviews r WHERE r.run = episodes.run AND r.number = episodes.number)"
    )
