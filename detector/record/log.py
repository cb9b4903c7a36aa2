"""The episode log: one SQLite file with every run, its episodes, and its twitches kept and rejected.

Each ``add_*`` is a transaction of its own and on the disk when it returns, so that a crash loses nothing found before
it. A run whose program died keeps the status ``running`` until the next one begins in the same log: the lock that its
program held is gone then (:mod:`detector.record.presence`). Nothing is deleted here: a run that replaces others marks
them as superseded, and only once it is complete itself. :mod:`detector.record.forget` deletes, when told.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from detector import __version__
from detector.errors import LogError, UsageError
from detector.record import cut_off, schema
from detector.record import journal as diary
from detector.record import markers as felt
from detector.record import parcel as parcels
from detector.record import reviews as judged
from detector.record.entries import (
    REJECTED_KINDS,
    REVIEWS,
    JournalEntry,
    LoggedEpisode,
    LoggedGap,
    LoggedMarker,
    LoggedReview,
    LoggedRun,
    LoggedTwitch,
    TwitchMark,
    clean_text,
    episode_id,
    moment_of,
    time_of_day,
    twitch_id,
)
from detector.record.places import is_writable
from detector.record.presence import Presence
from detector.record.reading import Opened, open_to_read
from detector.types import Episode, Kind, Session, Twitch

Moment = datetime | str | None

_TWITCH_ORDER = "onset_s, peak_s, offset_s, region, side"  # of entries.twitch_order
REACH_S = 0.3  # past its end a jerk is still the echo of an episode; the next begins a second later

# One run per session id: the same file, settings and versions give the same findings, which must not be counted
# twice. The last complete one stands for all; without a complete one, the last. Cameras have no hash: every run counts.
_CURRENT = """SELECT run FROM (SELECT run, ROW_NUMBER() OVER (
    PARTITION BY CASE WHEN sha256 = '' THEN run ELSE session_id END
    ORDER BY status = 'complete' DESC, run DESC) AS place
    FROM sessions WHERE superseded_by IS NULL OR :superseded) WHERE place = 1"""


class EpisodeLog:
    """The log in ``path``; a context manager.

    Parameters
    ----------
    path : Path or str, optional
        None: ``NASALIS_LOG`` of the environment, else ``log.sqlite`` in the user's data folder.
    must_exist : bool
        Refuse to make a new log: for commands that only read, where a mistyped name should not give an empty list.
        One that cannot be written, on a read-only disk or in somebody else's folder, can be read all the same.

    Attributes
    ----------
    read_only : bool
        It can only be read, where it lies.

    Raises
    ------
    LogError
        Here and in every method: the file is no nasalis log, is newer than this program, or cannot be read or written.
    """

    def __init__(self, path: Path | str | None = None, *, must_exist: bool = False) -> None:
        self.path = Path(path) if path is not None else default_path()
        if must_exist and not self.path.exists():
            raise LogError(f"there is no episode log at {self.path}: run nasalis analyze first, or name one with --log")
        self.read_only = must_exist and not is_writable(self.path)
        if self.read_only:
            self._presence = None
            self._opened = open_to_read(self.path)
        else:
            schema.make_owner_only(self.path)
            self._presence = Presence(self.path)
            try:
                self._opened = Opened(schema.connect(self.path))
            except BaseException as error:
                self._presence.close()
                if not (must_exist and schema.is_of_disk(error.__cause__)):
                    raise
                self.read_only, self._presence = True, None  # a full disk, where SQLite needs room even to read
                self._opened = open_to_read(self.path)
        self._db = self._opened.db
        try:
            with schema.errors_of(self.path):
                schema.refuse_strange_ids(self._db, self.path)
        except BaseException:
            self.close()
            raise

    @property
    def words(self) -> str:
        """Where it is, to be told."""
        return f"{self.path} (read-only: nothing can be added to it)" if self.read_only else str(self.path)

    def __enter__(self) -> EpisodeLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; everything written is already on the disk."""
        with schema.errors_of(self.path):
            self._opened.close()
        if self._presence is not None:
            self._presence.close()

    # writing

    def wait_at_most(self, seconds: float) -> None:
        """How long a write waits for another program before it fails; 30 s unless told."""
        with schema.errors_of(self.path):
            self._db.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def begin(self, session: Session, *, replace: bool = False) -> int:
        """Open a run and return its key.

        Parameters
        ----------
        session : Session
            What is known at the start; :meth:`finish` writes the final figures.
        replace : bool
            Once this run finishes as ``complete``, earlier runs over a file of the same hash are marked superseded.
            A source without a hash (a camera) replaces nothing.
        """
        created = datetime.now(UTC).isoformat(timespec="seconds")
        cells = [*schema.encode(schema.SESSION, session), __version__, created, int(replace)]
        columns = (*schema.SESSION, "nasalis_version", "created_utc", "replaces")
        with schema.errors_of(self.path), schema.transaction(self._db):
            cut_off.close_all(self._db, self.path, self._presence)
            cursor = self._db.execute(f"INSERT INTO sessions ({_list(columns)}) VALUES ({_marks(columns)})", cells)
            run = int(cursor.lastrowid or 0)
            if self._presence is not None:  # before anybody else sees the run, and may think it was left behind
                self._presence.hold(run)
        return run

    def add_twitch(self, run: int, twitch: Twitch, episode_number: int | None = None) -> None:
        """Keep one twitch, kept or rejected with its reason.

        The same twitch (region, side, onset, peak) written again replaces itself, so a kept one may be written as soon
        as it is found and once more with its episode.
        """
        with schema.errors_of(self.path), schema.transaction(self._db):
            self._put_twitch(run, twitch, episode_number)

    def add_episode(self, run: int, episode: Episode, elsewhere: Iterable[tuple[int, float, float]] = ()) -> None:
        """Keep one episode together with its twitches: all of it or nothing.

        Kept twitches that were written before, and that it reaches past and does not count, were none after all; those
        of other runs too, in ``elsewhere``: run, start and end (s) as of :meth:`drop_sightings`.
        """
        columns = ("run", *schema.EPISODE)
        cells = [run, *schema.encode(schema.EPISODE, episode)]
        with schema.errors_of(self.path), schema.transaction(self._db):
            self._db.execute(f"INSERT INTO episodes ({_list(columns)}) VALUES ({_marks(columns)})", cells)
            # twitches of an open episode lie round an ordinary movement: only those in its own time were its own
            start_s = episode.start_s if episode.kind in REJECTED_KINDS else -math.inf
            self._drop_sightings(run, start_s, episode.end_s)
            for other, from_s, to_s in elsewhere:
                self._drop_sightings(other, from_s, to_s)
            for twitch in episode.twitches:
                self._put_twitch(run, twitch, episode.number)

    def revise_episode(self, run: int, episode: Episode) -> None:
        """Write the kind and the evidence of an episode kept before, now that more is known."""
        with schema.errors_of(self.path), schema.transaction(self._db):
            self._db.execute(
                "UPDATE episodes SET kind = ?, evidence = ? WHERE run = ? AND number = ?",
                (clean_text(episode.kind), clean_text(episode.evidence), run, episode.number),
            )

    def drop_sightings(self, run: int, start_s: float, end_s: float) -> None:
        """Forget kept twitches written before, in ``[start_s, end_s]`` (s), that something kept elsewhere counts."""
        with schema.errors_of(self.path), schema.transaction(self._db):
            self._drop_sightings(run, start_s, end_s)

    def finish(self, run: int, session: Session) -> None:
        """Write the figures and the status of ``session`` over those of ``run``; may be called more than once."""
        assignments = ", ".join(f"{name} = ?" for name in schema.SESSION)
        with schema.errors_of(self.path), schema.transaction(self._db):
            done = self._db.execute(
                f"UPDATE sessions SET {assignments} WHERE run = ?", [*schema.encode(schema.SESSION, session), run]
            )
            if done.rowcount != 1:
                raise LogError(f"the episode log {self.path} has no run {run}: list the runs with nasalis log")
            if session.status == "complete" and session.sha256:
                self._db.execute(
                    "UPDATE sessions SET superseded_by = ?1 WHERE run < ?1 AND sha256 = ?2 AND superseded_by IS NULL"
                    " AND (SELECT replaces FROM sessions WHERE run = ?1)",
                    (run, session.sha256),
                )
            if session.status == "complete":
                judged.carry_over(self._db, run)
        if session.status != "running" and self._presence is not None:
            self._presence.let_go(run)

    def add_marker(self, run: int, t_s: float, note: str = "") -> int:
        """Keep that the person felt a twitch, told at ``t_s`` (s from the start of the session); returns its key."""
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        with schema.errors_of(self.path), schema.transaction(self._db):
            return felt.insert_marker(self._db, run, t_s, made, note)

    def undo_marker(self, run: int) -> float | None:
        """Take back the marker of ``run`` that was made last and return its time, s; None when there is none left.

        It stays in the log, marked as undone.
        """
        with schema.errors_of(self.path), schema.transaction(self._db):
            return felt.undo_last(self._db, run)

    def add_gap(self, run: int, start_s: float, end_s: float, reason: str) -> None:
        """Keep that there were no pictures in ``[start_s, end_s)`` (s), and why, e.g. ``camera unplugged``."""
        with schema.errors_of(self.path), schema.transaction(self._db):
            felt.insert_gap(self._db, run, start_s, end_s, reason)

    def write_journal(self, entries: Iterable[JournalEntry]) -> list[int]:
        """Keep entries, all or none, and return their keys.

        One without a key is new; one with a key becomes the newest version of that entry, whose older versions stay.
        A generator runs inside the transaction: what it reads of this log still holds when its entries are written,
        whoever else writes. An error of its own leaves the log as it was.
        """
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        with schema.errors_of(self.path), schema.transaction(self._db):
            return [diary.insert_entry(self._db, entry, made) for entry in entries]

    def review_episode(
        self,
        run: int,
        number: int,
        *,
        reviewer: str,
        review: str | None = None,
        kind: str | None = None,
        note: str | None = None,
    ) -> LoggedReview:
        """Keep what a person says of an episode, and return what holds of it now.

        Parameters
        ----------
        run, number : int
            The episode.
        reviewer : str
            Who says so.
        review : str, optional
            A word of ``entries.REVIEWS``.
        kind : str, optional
            What it is in that person's eyes; empty: as the program says. The kind of the episode itself stays.
        note : str, optional
            A remark. Of all three, None leaves what was said before.
        """
        if review is not None and review not in REVIEWS:
            raise UsageError(f"there is no review '{review}': say {', '.join(REVIEWS[1:])} or nothing")
        if kind is not None and kind not in ("", *get_args(Kind), *REJECTED_KINDS):
            raise UsageError(
                f"there is no kind '{kind}': the kinds are {', '.join((*get_args(Kind), *REJECTED_KINDS))}"
            )
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        with schema.errors_of(self.path), schema.transaction(self._db):
            said = judged.insert_review(self._db, run, number, reviewer, made, review=review, kind=kind, note=note)
        if said is None:
            raise LogError(f"the episode log {self.path} has no episode {number} in run {run}: list them again")
        return said

    def review_episodes(self, run: int, reviewer: str, said: Sequence[tuple[int, str, str]]) -> None:
        """Keep (number, review, kind) of several episodes as :meth:`review_episode` does, all of them or none."""
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        with schema.errors_of(self.path), schema.transaction(self._db):
            for number, review, kind in said:
                judged.insert_review(self._db, run, number, reviewer, made, review=review, kind=kind, note=None)

    def pack(self, run: int) -> bytes:
        """A run with its episodes and twitches, for :meth:`add_packed` of another log."""
        with schema.errors_of(self.path):
            return parcels.pack(self._db, run)

    def add_packed(self, parcel: bytes) -> tuple[int, bool]:
        """Keep a run that :meth:`pack` gave elsewhere, all of it or nothing, and never twice.

        Returns
        -------
        tuple of (int, bool)
            Its key, and whether it is new: a complete run of the same session stays the only one.
        """
        with schema.errors_of(self.path), schema.transaction(self._db):
            return parcels.insert(self._db, parcel)

    def find_complete(self, sha256: str, session_id: str) -> int | None:
        """The complete run of a file with this hash and session id that counts; None when there is none."""
        with schema.errors_of(self.path):
            return parcels.find(self._db, sha256, session_id)

    def _drop_sightings(self, run: int, start_s: float, end_s: float) -> None:
        self._db.execute(
            "DELETE FROM twitches WHERE run = ? AND kept AND episode IS NULL AND peak_s BETWEEN ? AND ?",
            (run, float(start_s), float(end_s) + REACH_S),
        )

    def _put_twitch(self, run: int, twitch: Twitch, episode_number: int | None) -> None:
        columns = ("run", "episode", *schema.TWITCH)
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
        self._db.execute(
            f"INSERT INTO twitches ({_list(columns)}) VALUES ({_marks(columns)})"
            f" ON CONFLICT (run, onset_s, peak_s, region, side) DO UPDATE SET {changes}",
            [run, None if episode_number is None else int(episode_number), *schema.encode(schema.TWITCH, twitch)],
        )

    # reading

    def runs(self, include_superseded: bool = False) -> list[LoggedRun]:
        """Every run in the order they began, with the status as stored."""
        with schema.errors_of(self.path):
            rows = self._db.execute(
                "SELECT * FROM sessions WHERE superseded_by IS NULL OR ? ORDER BY run", (include_superseded,)
            ).fetchall()
        return [
            LoggedRun(
                row["run"],
                Session(**schema.decode(schema.SESSION, row)),
                row["created_utc"],
                row["superseded_by"] is not None,
                row["nasalis_version"],
            )
            for row in rows
        ]

    def session(self, run: int) -> Session:
        """The session of one run."""
        with schema.errors_of(self.path):
            row = self._db.execute("SELECT * FROM sessions WHERE run = ?", (run,)).fetchone()
        if row is None:
            raise LogError(f"the episode log {self.path} has no run {run}: list the runs with nasalis log")
        return Session(**schema.decode(schema.SESSION, row))

    def current_runs(self, include_superseded: bool = False) -> list[int]:
        """The runs whose findings count: none superseded, and one for each session id (the last complete one)."""
        with schema.errors_of(self.path):
            return [
                row["run"] for row in self._db.execute(_CURRENT + " ORDER BY run", {"superseded": include_superseded})
            ]

    def episodes(
        self,
        runs: int | Iterable[int] | None = None,
        *,
        session_id: str | None = None,
        since: Moment = None,
        until: Moment = None,
        side: str | None = None,
        kind: str | None = None,
        include_rejected: bool = False,
        include_superseded: bool = False,
        with_twitches: bool = True,
    ) -> list[LoggedEpisode]:
        """Episodes in the order of their runs and times, each with its twitches.

        Parameters
        ----------
        runs : int or iterable of int, optional
            Only these, superseded or not; None: those of :meth:`current_runs`.
        since, until : datetime or ISO 8601 str, optional
            Began in ``[since, until)``; without an offset it is the computer's local time. Episodes of recordings with
            an unknown start time are left out as soon as one of the two is given. UsageError when it is no time.
        kind : str, optional
            Only this kind; a rejected kind (blink, speech, ...) may be named too.
        include_rejected : bool
            Also episodes of the rejected kinds.
        with_twitches : bool
            False leaves them out, which makes long lists several times faster.
        """
        where, values = self._where(runs, session_id, side, kind, include_superseded, side_of="e")
        if kind is None and not include_rejected:
            where += f" AND e.kind NOT IN ({_marks(REJECTED_KINDS)})"
            values += REJECTED_KINDS
        with schema.errors_of(self.path):
            rows = self._db.execute(
                "SELECT e.*, s.session_id, s.source, s.start_utc FROM episodes e JOIN sessions s USING (run)"
                f" WHERE {where} ORDER BY e.run, e.start_s, e.number",
                values,
            ).fetchall()
            inside = Range(since, until)
            rows = [row for row in rows if inside.holds(row["start_utc"], row["start_s"])]
            twitches = self._twitches_of(sorted({row["run"] for row in rows})) if with_twitches else {}
        return [_episode(row, twitches.get((row["run"], row["number"]), ())) for row in rows]

    def episode(self, run: int, number: int) -> LoggedEpisode | None:
        """One episode with its twitches, of a rejected kind too; None when there is no such one."""
        with schema.errors_of(self.path):
            row = self._db.execute(
                "SELECT e.*, s.session_id, s.source, s.start_utc FROM episodes e JOIN sessions s USING (run)"
                " WHERE e.run = ? AND e.number = ?",
                (int(run), int(number)),
            ).fetchone()
            twitches = self._db.execute(
                f"SELECT * FROM twitches WHERE run = ? AND episode = ? ORDER BY {_TWITCH_ORDER}",
                (int(run), int(number)),
            ).fetchall()
        return (
            None if row is None else _episode(row, tuple(Twitch(**schema.decode(schema.TWITCH, t)) for t in twitches))
        )

    def twitches(
        self,
        runs: int | Iterable[int] | None = None,
        *,
        session_id: str | None = None,
        since: Moment = None,
        until: Moment = None,
        side: str | None = None,
        kind: str | None = None,
        include_rejected: bool = False,
        include_superseded: bool = False,
    ) -> list[LoggedTwitch]:
        """Twitches in the order of their runs and times; the parameters are those of :meth:`episodes`.

        ``kind`` is that of the twitch's episode. Rejected twitches are listed with ``include_rejected`` only; the ids
        are the same with and without.
        """
        keys = self._keys(runs, include_superseded)
        chosen = ", ".join(str(key) for key in keys)
        where, values = self._where(keys, session_id, side, kind, include_superseded, side_of="t")
        if not include_rejected:
            where += " AND t.kept"
        with schema.errors_of(self.path):
            rows = self._db.execute(
                "SELECT t.*, e.number AS of_episode, s.session_id, s.start_utc FROM (SELECT *, ROW_NUMBER() OVER ("
                "PARTITION BY run ORDER BY onset_s, peak_s, offset_s, region, side) AS place FROM twitches"
                f" WHERE run IN ({chosen})) t"  # here too: a log of a million sessions is not numbered for one of them
                " JOIN sessions s USING (run) LEFT JOIN episodes e ON e.run = t.run AND e.number = t.episode"
                f" WHERE {where} ORDER BY t.run, t.place",
                values,
            ).fetchall()
        inside = Range(since, until)
        with schema.readable():
            return [
                LoggedTwitch(
                    twitch_id(row["session_id"], row["place"]),
                    "" if row["of_episode"] is None else episode_id(row["session_id"], row["of_episode"]),
                    Twitch(**schema.decode(schema.TWITCH, row)),
                )
                for row in rows
                if inside.holds(row["start_utc"], row["onset_s"])
            ]

    def twitch_marks(self, run: int) -> list[TwitchMark]:
        """All twitches of one run in the order of their peaks, with only what a timeline shows: quick for long ones."""
        with schema.errors_of(self.path):
            rows = self._db.execute(
                "SELECT peak_s, score, side, region, amplitude_mm, kept, reason FROM twitches WHERE run = ?"
                " ORDER BY peak_s, region, side",
                (int(run),),
            ).fetchall()
        real = schema.REAL.decode
        with schema.readable():
            return [
                TwitchMark(
                    float(row["peak_s"]),
                    real(row["score"]),
                    row["side"],
                    row["region"],
                    real(row["amplitude_mm"]),
                    bool(row["kept"]),
                    row["reason"],
                )
                for row in rows
            ]

    def reviews(self, run: int, number: int) -> list[LoggedReview]:
        """Everything that was said of one episode, oldest first."""
        with schema.errors_of(self.path):
            return judged.select_reviews(self._db, run, number)

    def markers(
        self,
        runs: int | Iterable[int] | None = None,
        *,
        since: Moment = None,
        until: Moment = None,
        include_undone: bool = False,
    ) -> list[LoggedMarker]:
        """What the person felt, in the order of runs and times; the parameters are those of :meth:`episodes`.

        Those taken back are listed with ``include_undone`` only.
        """
        inside = Range(since, until)
        with schema.errors_of(self.path):
            rows = felt.select_markers(self._db, self._keys(runs), include_undone)
            starts = dict(self._db.execute("SELECT run, start_utc FROM sessions").fetchall())
        return [row for row in rows if inside.holds(starts[row.run], row.t_s)]

    def gaps(self, runs: int | Iterable[int] | None = None) -> list[LoggedGap]:
        """Times without pictures, in the order of runs and times; ``runs`` is that of :meth:`episodes`."""
        with schema.errors_of(self.path):
            return felt.select_gaps(self._db, self._keys(runs))

    def journal(self, *, include_removed: bool = False) -> list[JournalEntry]:
        """The newest version of every journal entry, in the order of their times."""
        with schema.errors_of(self.path):
            rows = diary.select_entries(self._db, include_removed)
        return sorted(rows, key=lambda entry: (datetime.fromisoformat(entry.at), entry.key))

    def journal_versions(self, key: int) -> list[JournalEntry]:
        """All versions of one journal entry, oldest first; LogError when there is none."""
        with schema.errors_of(self.path):
            rows = diary.select_versions(self._db, key)
        if not rows:
            raise LogError(f"the journal in {self.path} has no entry {key}: list them with nasalis journal list")
        return rows

    def journal_all_versions(self) -> list[JournalEntry]:
        """All versions of all journal entries, those taken back too, in the order they were written."""
        with schema.errors_of(self.path):
            return diary.select_all_versions(self._db)

    def find_episode(self, text: str) -> LoggedEpisode:
        """The episode whose id is ``text``, or the only one whose id begins or ends with it.

        Raises
        ------
        LogError
            No episode fits, or several do.
        """
        wanted = text.strip().lower()
        for superseded in (False, True):  # an episode of a superseded run is found only when no other fits
            fits = self._ids_like(wanted, superseded) if wanted else []
            exact = [fit for fit in fits if fit[0].lower() == wanted] or fits
            if len(exact) == 1:
                _, run, number = exact[0]
                found = self.episodes(run, include_rejected=True)
                return next(entry for entry in found if entry.episode.number == number)
            if exact:
                names = ", ".join(name for name, _, _ in exact[:4]) + (", ..." if len(exact) > 4 else "")
                raise LogError(f"{len(exact)} episodes fit '{text}' ({names}): give more of the id")
        raise LogError(f"no episode in {self.path} has an id like '{text}': list them with nasalis log")

    def _ids_like(self, wanted: str, superseded: bool) -> list[tuple[str, int, int]]:
        with schema.errors_of(self.path):
            rows = self._db.execute(
                "SELECT name, run, number FROM (SELECT s.session_id || CASE WHEN e.number < 0"
                " THEN printf('-o%04d', -e.number) ELSE printf('-e%04d', e.number) END AS name, e.run,"
                f" e.number FROM episodes e JOIN sessions s USING (run) WHERE e.run IN ({_CURRENT}))"
                " WHERE lower(substr(name, 1, length(:id))) = :id OR lower(substr(name, -length(:id))) = :id"
                " ORDER BY run, number",
                {"superseded": superseded, "id": wanted},
            ).fetchall()
        return [(row["name"], row["run"], row["number"]) for row in rows]

    def _where(
        self,
        runs: int | Iterable[int] | None,
        session_id: str | None,
        side: str | None,
        kind: str | None,
        include_superseded: bool,
        side_of: str,
    ) -> tuple[str, tuple[Any, ...]]:
        keys = self._keys(runs, include_superseded)
        where = f"s.run IN ({', '.join(str(key) for key in keys)})"  # integers of our own: no limit on their number
        values: tuple[Any, ...] = ()
        for column, value in (("s.session_id", session_id), (f"{side_of}.side", side), ("e.kind", kind)):
            if value is not None:
                where += f" AND {column} = ?"
                values += (value,)
        return where, values

    def _keys(self, runs: int | Iterable[int] | None, include_superseded: bool = False) -> list[int]:
        chosen = [runs] if isinstance(runs, int) else runs
        return self.current_runs(include_superseded) if chosen is None else [int(run) for run in chosen]

    def _twitches_of(self, runs: Sequence[int]) -> dict[tuple[int, int], tuple[Twitch, ...]]:
        grouped: dict[tuple[int, int], list[Twitch]] = {}
        for row in self._db.execute(
            f"SELECT * FROM twitches WHERE episode IS NOT NULL AND run IN ({', '.join(str(run) for run in runs)})"
            " ORDER BY run, onset_s, peak_s, offset_s, region, side"
        ):
            twitch = Twitch(**schema.decode(schema.TWITCH, row))
            grouped.setdefault((row["run"], row["episode"]), []).append(twitch)
        return {key: tuple(twitches) for key, twitches in grouped.items()}


def default_path() -> Path:
    """``NASALIS_LOG`` of the environment, else ``log.sqlite`` in the user's data folder."""
    named = os.environ.get("NASALIS_LOG")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("nasalis", appauthor=False)) / "log.sqlite"


class Range:
    """``[since, until)`` in absolute time; holds everything when neither is given."""

    def __init__(self, since: Moment, until: Moment) -> None:
        self.since = _moment(since, "--since")
        self.until = _moment(until, "--until")

    def holds(self, start_utc: str, seconds: float) -> bool:
        if self.since is None and self.until is None:
            return True
        began = moment_of(start_utc, seconds)
        if began is None:
            return False
        return (self.since is None or began >= self.since) and (self.until is None or began < self.until)


def _moment(value: Moment, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise UsageError(f"{name} '{value}' is no time: write it like 2026-03-01 or 2026-03-01T08:30") from error
    return moment.astimezone() if moment.tzinfo is None else moment


def _episode(row: sqlite3.Row, twitches: tuple[Twitch, ...]) -> LoggedEpisode:
    told = schema.decode(schema.EPISODE, row)
    return LoggedEpisode(
        episode_id(row["session_id"], told["number"]),
        row["run"],
        row["session_id"],
        str(row["source"]),
        time_of_day(str(row["start_utc"]), told["start_s"]),
        Episode(**told, twitches=twitches),
        *(str(row[name]) for name in ("review", "note", "review_kind")),
    )


def _list(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" for _ in columns)
