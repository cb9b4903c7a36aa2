"""Sessions, episodes and twitches of a batch as Parquet, consistent at every moment, whoever reads or dies meanwhile.

``FOLDER/part-HASH/{sessions,episodes,twitches}.parquet``: the three files of some sessions come to their place
together, by the renaming of their folder. HASH is of the session ids in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from detector.errors import OutputError, UsageError
from detector.exchange.parquet import parquet
from detector.exchange.recording import Recording, missing
from detector.record.entries import moment_of
from detector.record.export import TWITCH_COLUMNS
from detector.record.files import explained
from detector.record.log import EpisodeLog
from detector.types import Session

GROUP = 200  # sessions a part: a million clips are 5000 parts, each still small enough to be made in a second
GROUP_S = 60.0  # what is done is there to be read this much later at the most
WAITING = ".unfinished"  # below it what is being written; a level deeper than what FOLDER/*/sessions.parquet finds
_TEXTS = ("session_id", "source", "sha256", "start_utc", "config_digest", "status")
_NUMBERS = ("duration_s", "observed_s", "face_s", "fps", "px_per_mm")
_COUNTS = ("width", "height", "frames", "frames_repeated", "frames_lost")


class ParquetSet:
    """Writes what a log holds of the sessions it is told.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    log : EpisodeLog

    Raises
    ------
    UsageError
        The extra is not installed, or another batch is writing there.
    OutputError
        Here and in every method: it cannot be written.
    """

    def __init__(self, folder: Path, log: EpisodeLog) -> None:
        try:
            import pyarrow.parquet as pq
        except ImportError as error:
            raise missing("pyarrow", "--parquet") from error
        self._folder, self._log = folder, log
        self._waiting: dict[str, int] = {}
        self._since_s = time.monotonic()
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / WAITING).mkdir(mode=0o700, exist_ok=True)
            self._lock = _locked(folder / WAITING / "lock", folder)
            for left in (folder / WAITING).iterdir():
                if left.is_dir():  # of a batch that was killed
                    shutil.rmtree(left)
        self._known: set[str] = set()
        for part in sorted(folder.glob("part-*/sessions.parquet")):
            try:
                self._known.update(pq.read_table(part, columns=["session_id"])["session_id"].to_pylist())
            except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are of these
                raise OutputError(f"{part} is no table of sessions: name another folder with --parquet") from error

    def add(self, run: int, session_id: str) -> None:
        """Have a session in the set, unless it is in it."""
        if session_id in self._known:
            return
        self._known.add(session_id)
        self._waiting[session_id] = run
        if len(self._waiting) >= GROUP:
            self.flush()

    def tick(self) -> None:
        """To be called now and then: writes what has waited long enough."""
        if self._waiting and time.monotonic() - self._since_s > GROUP_S:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        self._since_s = time.monotonic()
        if not self._waiting:
            return
        name = "part-" + hashlib.sha256("\n".join(sorted(self._waiting)).encode()).hexdigest()[:16]
        runs = sorted(self._waiting.values())
        files = self._tables(runs)
        unfinished = self._folder / WAITING / name
        with explained(self._folder / name):
            unfinished.mkdir(mode=0o700)  # for its owner only, like all that says something of a person's health
            for file, content in files.items():
                with (unfinished / file).open("wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            unfinished.rename(self._folder / name)
        self._waiting.clear()

    def close(self) -> None:
        """Let another batch write here."""
        self._lock.close()
        with contextlib.suppress(OSError):
            (self._folder / WAITING / "lock").unlink()
            (self._folder / WAITING).rmdir()

    def _tables(self, runs: Sequence[int]) -> dict[str, bytes]:
        recordings = []
        for run in runs:
            recordings.append(Recording(self._log.session(run), tuple(self._log.episodes(run, with_twitches=False))))
        return {
            "episodes.parquet": parquet(recordings),
            "twitches.parquet": _twitches(
                [
                    {column.name: column.value(row) for column in TWITCH_COLUMNS}
                    | {"session_id": one.session.session_id, "kept": row.twitch.kept}
                    for run, one in zip(runs, recordings, strict=True)
                    for row in self._log.twitches(run)
                ]
            ),
            "sessions.parquet": _sessions(one.session for one in recordings),
        }


def _locked(path: Path, folder: Path) -> Any:
    import fcntl

    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UsageError(f"another batch is writing to {folder}: wait for it, or name another --parquet") from None
    return file


def _twitches(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa

    types: dict[str, Any] = {"session_id": pa.string()}
    types |= {c.name: pa.string() if c.decimals is None else pa.float64() for c in TWITCH_COLUMNS}
    return _bytes(rows, types | {"kept": pa.bool_()})


def _sessions(found: Iterable[Session]) -> bytes:
    import pyarrow as pa

    types: dict[str, Any] = dict.fromkeys(_TEXTS, pa.string())
    types |= dict.fromkeys(_NUMBERS, pa.float64()) | dict.fromkeys(_COUNTS, pa.int64())
    types["start_time"] = pa.timestamp("ms", tz="UTC")
    rows = [
        {name: getattr(one, name) for name in types if name != "start_time"}
        | {"start_time": moment_of(one.start_utc, 0.0)}
        for one in found
    ]
    return _bytes(rows, types)


def _bytes(rows: Sequence[dict[str, Any]], types: dict[str, Any]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(list(types.items()))), stream)
    return stream.getvalue()
