"""What a live watch finds, into the log as it is found: under the session it falls in, in that session's own time."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from detector.live_line import Totals
from detector.record.entries import LoggedEpisode, episode_id, moment_of, time_of_day
from detector.record.log import EpisodeLog
from detector.session import identity
from detector.types import ORDINARY_KINDS, Episode, Session, Twitch

REMEMBERED = 10_000  # episodes that may still be called another kind: more than an hour has


@dataclass(slots=True)
class _Run:
    key: int  # of the log
    start_s: float  # of the source's time
    session: Session
    episodes: int = 0
    ordinary: int = 0


class LiveLog:
    """The sessions of one watch.

    Parameters
    ----------
    log : EpisodeLog
    session : Session
        What is known of the watch: source, settings, versions, and when it began. Every session is a copy of it.
    keep_rejected : bool
        Also what was rejected; without it the log stays small over hours of talking.

    Raises
    ------
    LogError
        In every method. After a LogBusyError the same may be tried again: nothing of it is written.
    """

    def __init__(self, log: EpisodeLog, session: Session, *, keep_rejected: bool) -> None:
        self._log = log
        self._first = session
        self._keep_rejected = keep_rejected
        self._runs: list[_Run] = []  # the current one last, and the one before it, which may still get an episode
        self._places: dict[int, tuple[int, int]] = {}  # of the line's numbers in the log, the latest last
        self.runs: list[int] = []  # keys of all sessions of the watch
        self._begin(0.0, session)

    @property
    def session(self) -> Session:
        """The current one."""
        return self._runs[-1].session

    @property
    def path(self) -> Path:
        """Of the log."""
        return self._log.path

    def wait_at_most(self, seconds: float) -> None:
        """How long a write waits for another program."""
        self._log.wait_at_most(seconds)

    def beside(self) -> tuple[LiveLog, EpisodeLog]:
        """Another log beside the one that cannot be written, for the same watch; to be closed by the caller."""
        path = self._log.path.with_name(f"{self._log.path.name}.kept-{datetime.now():%Y%m%d-%H%M%S}")
        log = EpisodeLog(path)
        return LiveLog(log, self._first, keep_rejected=self._keep_rejected), log

    @property
    def start_s(self) -> float:
        """When the current session began, in the source's time."""
        return self._runs[-1].start_s

    def roll(self, at_s: float, totals: Totals, clock_moved_s: float = 0.0) -> None:
        """The session is over, and another goes on from ``at_s``, by a wall clock that was set by so much meanwhile."""
        self.save(totals, "complete")
        moment = moment_of(self._first.start_utc, clock_moved_s) if clock_moved_s else None
        start_utc = self._first.start_utc if moment is None else moment.isoformat(timespec="milliseconds")
        self._begin(at_s, dataclasses.replace(self._first, start_utc=start_utc))

    def save(self, totals: Totals | None, status: str) -> None:
        """The figures of the current session, as they stand; more than once, so that a power cut leaves some."""
        session = self.session
        if totals is not None:
            for name, value in totals.fields.items():
                if name != "notes":
                    setattr(session, name, value)
            session.notes = [*self._first.notes, *totals.fields["notes"]]
            session.duration_s = totals.seconds
        session.status = status
        self._log.finish(self._runs[-1].key, session)

    def add_sighting(self, twitch: Twitch) -> None:
        """A jerk whose episode is not over yet."""
        run = self._at(twitch.peak_s)
        self._log.add_twitch(run.key, _moved(twitch, run.start_s))

    def add_rejected(self, twitch: Twitch) -> None:
        """What is no twitch, with its reason."""
        if self._keep_rejected:
            run = self._at(twitch.peak_s)
            self._log.add_twitch(run.key, _moved(twitch, run.start_s))

    def add_ordinary(self, episode: Episode) -> None:
        """An ordinary movement, with its kind; what was sighted of it was no twitch, kept or not."""
        if self._keep_rejected:
            self.add_episode(episode)
            return
        for run in self._runs:
            self._log.drop_sightings(run.key, episode.start_s - run.start_s, episode.end_s - run.start_s)

    def add_episode(self, episode: Episode) -> LoggedEpisode:
        """An episode that is over, as the log has it."""
        run = self._at(episode.start_s)
        ordinary = episode.kind in ORDINARY_KINDS
        own = dataclasses.replace(
            episode,
            number=-run.ordinary - 1 if ordinary else run.episodes + 1,
            start_s=episode.start_s - run.start_s,
            end_s=episode.end_s - run.start_s,
            twitches=tuple(_moved(twitch, run.start_s) for twitch in episode.twitches),
        )
        # it may have begun before the session gave way; of an ordinary one only its own time counts
        start_s = episode.start_s if ordinary else -math.inf
        later = self._runs[self._runs.index(run) + 1 :]
        self._log.add_episode(
            run.key, own, [(other.key, start_s - other.start_s, episode.end_s - other.start_s) for other in later]
        )
        if ordinary:  # only now: a write that failed may be tried again
            run.ordinary += 1
        else:
            run.episodes += 1
        self._places[episode.number] = (run.key, own.number)
        while len(self._places) > REMEMBERED:
            del self._places[next(iter(self._places))]
        session = run.session
        return LoggedEpisode(
            episode_id(session.session_id, own.number),
            run.key,
            session.session_id,
            session.source,
            time_of_day(session.start_utc, own.start_s),
            own,
        )

    def revise(self, episode: Episode) -> None:
        """Another kind for an episode told before, if its session is still at hand."""
        place = self._places.get(episode.number)
        if place is not None:
            run, number = place
            self._log.revise_episode(run, dataclasses.replace(episode, number=number))

    def add_gap(self, start_s: float, end_s: float, reason: str) -> None:
        """Time in which nothing was measured."""
        run = self._at(start_s)
        self._log.add_gap(run.key, start_s - run.start_s, end_s - run.start_s, reason)

    def add_marker(self, t_s: float) -> None:
        """The person felt a twitch."""
        run = self._at(t_s)
        self._log.add_marker(run.key, t_s - run.start_s)

    def undo_marker(self) -> float | None:
        """Take the last marker of the watch back; its time, or None when there is none."""
        for run in reversed(self._runs):
            t_s = self._log.undo_marker(run.key)
            if t_s is not None:
                return t_s + run.start_s
        return None

    def time_of_day(self, t_s: float) -> str:
        """ISO 8601; empty when unknown."""
        return time_of_day(self._first.start_utc, t_s)

    def _begin(self, at_s: float, first: Session) -> None:
        moment = moment_of(first.start_utc, at_s)
        session = dataclasses.replace(
            first, start_utc="" if moment is None else moment.isoformat(timespec="milliseconds"), notes=[]
        )
        if at_s and session.sha256:  # the hash alone would make it the same recording once more
            session.settings = session.settings | {"start_s": at_s}
        session.session_id = identity(session)
        self._runs = [*self._runs[-1:], _Run(self._log.begin(session), at_s, session)]
        self._first = first
        self.runs.append(self._runs[-1].key)

    def _at(self, t_s: float) -> _Run:
        return next((run for run in reversed(self._runs) if t_s >= run.start_s), self._runs[0])


def _moved(twitch: Twitch, start_s: float) -> Twitch:
    if start_s == 0.0:
        return twitch
    return dataclasses.replace(
        twitch, onset_s=twitch.onset_s - start_s, peak_s=twitch.peak_s - start_s, offset_s=twitch.offset_s - start_s
    )
