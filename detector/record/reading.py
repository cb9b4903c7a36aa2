"""A log to be read and not touched: on a read-only disk, in somebody else's folder, or while it is being checked.

A write-ahead log wants to write even to be read (sqlite.org/wal.html, "Read-Only Databases"), and an older format has
to be brought up to date first. What cannot be read where it lies is read from a copy in the folder for temporary files.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from detector.errors import LogError
from detector.record import schema
from detector.record.places import is_writable

BESIDE = ("", "-wal", "-journal")  # the files that together are the log; "-shm" is made anew from the second


@dataclass(slots=True)
class Opened:
    """A log that is open, and the copy it is read from, if any."""

    db: sqlite3.Connection
    copy: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Close it, and throw the copy away."""
        self.db.close()
        if self.copy is not None:
            self.copy.cleanup()


def open_to_read(path: Path) -> Opened:
    """The log at ``path`` as it stands, for reading only.

    Raises
    ------
    LogError
        It is no log, is newer than this program, or cannot be read.
    """
    try:
        with path.open("rb"):  # what may not be read is not said clearly by SQLite
            pass
    except OSError as error:
        raise LogError(
            f"the episode log {path} cannot be read ({error.strerror or error}): name another with --log"
        ) from error
    with schema.errors_of(path):
        db = _in_place(path)
        if db is not None:
            return Opened(db)
    copy = tempfile.TemporaryDirectory(prefix="nasalis-")
    try:
        db = schema.connect(copy_log(path, Path(copy.name)))
        db.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.cleanup()
        raise
    return Opened(db, copy)


def copy_log(path: Path, folder: Path) -> Path:
    """All files of a log as they are, under the same name in another folder; LogError when there is no room."""
    copy = folder / path.name
    try:
        for ending in BESIDE:
            if Path(f"{path}{ending}").exists():
                shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    except OSError as error:
        raise LogError(
            f"the episode log {path} cannot be copied to {folder} ({error.strerror or error}): free some space"
        ) from error
    return copy


def _in_place(path: Path) -> sqlite3.Connection | None:
    """Opened where it lies; None when only a copy can be read."""
    begun = any(Path(f"{path}{ending}").exists() and Path(f"{path}{ending}").stat().st_size for ending in BESIDE[1:])
    # immutable: the file as it is, with nothing made beside it; also on a full disk, where nothing can be made
    ways = ["mode=ro"] * (begun or is_writable(path)) + ["immutable=1"] * (not begun)
    for how in ways:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=schema.BUSY_S, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            schema.refuse_foreign(db, path)
            if db.execute("PRAGMA user_version").fetchone()[0] == schema.FORMAT:
                return db
        except sqlite3.OperationalError as error:
            if schema.is_busy(error):
                raise
        except BaseException:
            db.close()
            raise
        db.close()
    return None
