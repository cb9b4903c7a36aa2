"""What is taken out of the log for good when its owner asks for it, and how its bytes are made to leave the file.

The only place that deletes runs and journal entries. Keys are never given anew: what comes later keeps its ids.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from detector.errors import LogError, UsageError
from detector.record import schema
from detector.record.entries import JournalEntry, LoggedRun, episode_id
from detector.record.log import EpisodeLog, Range
from detector.record.presence import Presence
from detector.record.selection import Selection

# tables that hold something of a run, in an order in which none is left pointing at what is gone
_OF_RUN = ("reviews", "markers", "gaps", "twitches", "episodes")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be forgotten; sessions must fit all that is given.

    Attributes
    ----------
    sessions : tuple of str
        Ids, or how the only one begins or ends.
    source : str
        A clip or camera as the log names it, with or without its folder, or a file that is still there.
    sha256 : str
        Of the source.
    since, until : str, optional
        ISO 8601; sessions that began in ``[since, until)``, and with ``journal`` entries of that time.
    everything : bool
        All sessions.
    journal : bool
        The journal too, as far as ``since``, ``until`` and ``everything`` say.
    entries : tuple of int
        Keys of journal entries, whatever else is given.
    """

    sessions: tuple[str, ...] = ()
    source: str = ""
    sha256: str = ""
    since: str | None = None
    until: str | None = None
    everything: bool = False
    journal: bool = False
    entries: tuple[int, ...] = ()

    @property
    def is_dated(self) -> bool:
        """Whether a time is given."""
        return self.since is not None or self.until is not None

    def check(self) -> None:
        """Refuse what does not say what is meant."""
        narrow = bool(self.sessions or self.source or self.sha256)
        if not (narrow or self.is_dated or self.everything or self.entries):
            raise UsageError("Say what is to be forgotten: --session, --source, --sha256, --since, --until or --all.")
        if self.everything and (narrow or self.is_dated):
            raise UsageError("--all is every session, and the other options name some: give either.")
        if self.journal and (narrow or not (self.is_dated or self.everything)):
            raise UsageError(
                "--journal goes with --all or with --since and --until alone: entries belong to a time, not to a "
                "session. One by its number: --entry."
            )


@dataclass(frozen=True, slots=True)
class Found:
    """What would be forgotten, in the order of the log."""

    path: Path
    runs: tuple[LoggedRun, ...]
    episodes: tuple[tuple[int, str, int], ...]  # run, id and number of each, ordinary movements too
    entries: tuple[JournalEntry, ...]
    counts: dict[str, int]  # rows by table
    every_run: bool  # no run stays
    everything: bool  # nor any entry
    undated: int  # runs left alone because nobody knows when they were

    def __bool__(self) -> bool:
        return bool(self.runs or self.entries)


def find(path: Path | None, wanted: Wanted, sha256_of_source: str = "") -> Found:
    """What fits, with all runs that a fitting one supersedes: they are of the same recording.

    Parameters
    ----------
    path : Path, optional
        The log; None: the default one.
    wanted : Wanted
    sha256_of_source : str
        Of the file that ``wanted.source`` names; empty when there is none.

    Raises
    ------
    UsageError
        Nothing is named, or a session or entry that is not there.
    """
    wanted.check()
    inside = Range(wanted.since, wanted.until)
    with EpisodeLog(path, must_exist=True) as log:
        if log.read_only:
            raise LogError(f"the episode log {log.path} can only be read where it lies, so nothing can leave it")
        every = log.runs(True)
        chosen = _fitting(log, every, wanted, sha256_of_source, inside)
        entries = _entries(log, wanted, inside)
        in_journal = len(log.journal(include_removed=True))
    with contextlib.closing(schema.connect(log.path)) as db, schema.errors_of(log.path):
        keys = _with_superseded(db, [run.run for run in chosen])
        counts = {table: _count(db, table, "run", keys) for table in (*_OF_RUN, "sessions")}
        counts["journal"] = _count(db, "journal", "entry", [entry.key for entry in entries])
        rows = db.execute(f"SELECT run, number FROM episodes WHERE run IN ({_list(keys)}) ORDER BY run, number")
        names = {run.run: run.session.session_id for run in every}
        episodes = tuple((run, episode_id(names[run], number), number) for run, number in rows)
    return Found(
        log.path,
        tuple(run for run in every if run.run in keys),
        episodes,
        tuple(entries),
        counts,
        len(keys) == len(every),
        len(keys) == len(every) and len(entries) == in_journal,
        sum(not run.session.start_utc for run in every) if wanted.is_dated else 0,
    )


def refuse_living(found: Found) -> None:
    """LogError when a program is still at one of the runs: it would go on writing what is no longer there."""
    with contextlib.closing(Presence(found.path)) as presence:
        for run in found.runs:
            if run.session.status == "running" and presence.is_alive(run.run):
                raise LogError(
                    f"session {run.session.session_id} is still going on, so nothing was removed: end nasalis live, "
                    "or what else is at it, and try again"
                )


def erase(found: Found) -> bool:
    """Take it out of the log, all or nothing, and its bytes out of the file.

    Returns
    -------
    bool
        False when another program has the log open and reads in it: the rest leaves the file when that one ends.

    Raises
    ------
    LogError
        The log cannot be written; then nothing is gone.
    """
    runs, entries = _list(run.run for run in found.runs), _list(entry.key for entry in found.entries)
    with contextlib.closing(schema.connect(found.path)) as db, schema.errors_of(found.path):
        db.execute("PRAGMA secure_delete = ON")  # deleted rows and pages are overwritten with zeros
        db.execute("PRAGMA temp_store = MEMORY")  # VACUUM's own copy of the log goes through no temporary file
        with schema.transaction(db):
            # sessions of one statement: superseded ones point at each other, and are checked when it ends
            for table in (*_OF_RUN, "sessions"):
                db.execute(f"DELETE FROM {table} WHERE run IN ({runs})")
            db.execute(f"DELETE FROM journal WHERE entry IN ({entries})")
        # zeros come to the main file before it is cut short; then what earlier deletions had left goes too
        _checkpoint(db)
        db.execute("VACUUM")
        return _checkpoint(db)


def _checkpoint(db: sqlite3.Connection) -> bool:
    """Bring everything into the main file and empty the one beside it; False when a reader is in the way."""
    return db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def _fitting(
    log: EpisodeLog, every: Sequence[LoggedRun], wanted: Wanted, sha256_of_source: str, inside: Range
) -> list[LoggedRun]:
    if not (wanted.everything or wanted.sessions or wanted.source or wanted.sha256 or wanted.is_dated):
        return []  # only entries of the journal
    named = {Selection(text, every_run=True).session_id(log) for text in wanted.sessions}
    fits = [
        run
        for run in every
        if (not named or run.session.session_id in named)
        and (not wanted.sha256 or run.session.sha256 == wanted.sha256.strip().lower())
        and inside.holds(run.session.start_utc, 0.0)
    ]
    if not wanted.source:
        return fits
    hashes = {run.session.sha256 for run in every if _is_source(run.session.source, wanted.source)} | {sha256_of_source}
    hashes.discard("")  # a camera has none
    return [run for run in fits if run.session.sha256 in hashes or _is_source(run.session.source, wanted.source)]


def _is_source(known: str, text: str) -> bool:
    return text in (known, PurePath(known).name)


def _entries(log: EpisodeLog, wanted: Wanted, inside: Range) -> list[JournalEntry]:
    every = log.journal(include_removed=True)
    strange = set(wanted.entries) - {entry.key for entry in every}
    if strange:
        raise UsageError(f"The journal has no entry {min(strange)}: list them with nasalis journal list.")
    return [entry for entry in every if entry.key in wanted.entries or (wanted.journal and inside.holds(entry.at, 0.0))]


def _with_superseded(db: sqlite3.Connection, runs: Iterable[int]) -> set[int]:
    rows = db.execute(
        f"WITH RECURSIVE gone (run) AS (SELECT run FROM sessions WHERE run IN ({_list(runs)})"
        " UNION SELECT s.run FROM sessions s JOIN gone ON s.superseded_by = gone.run) SELECT run FROM gone"
    )
    return {int(run) for (run,) in rows}


def _count(db: sqlite3.Connection, table: str, column: str, keys: Iterable[int]) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table} WHERE {column} IN ({_list(keys)})").fetchone()[0])


def _list(keys: Iterable[int]) -> str:
    return ", ".join(str(int(key)) for key in keys)  # integers of our own: no limit on their number
