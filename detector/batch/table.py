"""The table of a batch: one row per clip, in the order of the clips, written as they are done."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from detector.record.export import Column, column_facts, csv_head, csv_line, sidecar_path, write_json
from detector.record.files import explained, finish_durably, is_special, make_private, real_path, temporary_beside
from detector.terminal import Out

STDOUT = "-"
Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one clip; None is not known."""

    clip: str
    status: Status
    reason: str = ""
    sha256: str = ""
    tries: int = 0
    session_id: str = ""
    duration_s: float | None = None
    observed_s: float | None = None
    episodes: int | None = None
    twitches: int | None = None
    seconds: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None
    worker: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("clip", "", "the file", lambda r: r.clip),
    Column("sha256", "", "of its content", lambda r: r.sha256),
    Column("status", "done|skipped|failed", "skipped: its content is analyzed already", lambda r: r.status),
    Column("reason", "", "why it failed or was skipped; of a clip that is done, why nothing of it was observed",
           lambda r: r.reason),
    Column("tries", "", "times it was handed to the workers in this run; if a worker dies the scheduler hands it out "
           "again by itself, which is not counted", lambda r: r.tries, 0),
    Column("session_id", "", "of the session in the log", lambda r: r.session_id),
    Column("duration_s", "s", "length of the clip", lambda r: r.duration_s, 3),
    Column("observed_s", "s", "time with a verdict, the denominator of every rate", lambda r: r.observed_s, 3),
    Column("episodes", "", "found in it, without ordinary movements", lambda r: r.episodes, 0),
    Column("twitches", "", "kept", lambda r: r.twitches, 0),
    Column("seconds", "s", "wall time of the analysis", lambda r: r.seconds, 2),
    Column("cpu_s", "s", "processor time of the analysis", lambda r: r.cpu_s, 2),
    Column("peak_mb", "MB", "highest resident memory seen, of its process and the children of that; looked at ten "
           "times a second", lambda r: r.peak_mb, 0),
    Column("worker", "", "who did it", lambda r: r.worker),
)  # fmt: skip


class TableFile:
    """Rows to a CSV; a file comes to its place when the batch ends, however it ends.

    Parameters
    ----------
    name : str
        A file, or ``-`` for stdout.

    Raises
    ------
    OutputError
        Here and in every method: it cannot be written.
    """

    def __init__(self, name: str) -> None:
        self._path = None if name == STDOUT else real_path(name)
        self._temporary: Path | None = None
        self._rows = 0
        if self._path is None:
            self._file: IO[bytes] = sys.stdout.buffer
        else:
            special = is_special(self._path)
            self._temporary = None if special else temporary_beside(self._path, "batch")
            with explained(self._path):
                if self._temporary is not None:
                    make_private(self._temporary)
                self._file = (self._temporary or self._path).open("wb")
        self._write(csv_head(COLUMNS))

    def add(self, row: Row) -> None:
        """Write one row."""
        self._write(csv_line(COLUMNS, row))
        self._rows += 1

    def finish(self, about: dict[str, Any]) -> None:
        """Put the file in its place, with a JSON beside it that explains the columns and holds ``about``."""
        if self._path is None:
            return
        with explained(self._path):
            self._file.close()
            if self._temporary is None:
                return
            finish_durably(self._temporary, self._path)
            self._temporary.replace(self._path)
            self._temporary = None
        write_json(sidecar_path(self._path), "batch", about | {"columns": column_facts(COLUMNS), "rows": self._rows})

    def _write(self, line: bytes) -> None:
        if self._path is None:
            with Out().reader():  # flushes; a reader who left is no reason to stop
                self._file.write(line)
            return
        with explained(self._path):
            self._file.write(line)
