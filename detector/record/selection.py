"""What part of a log is wanted, and the rows and sessions of that part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from detector.errors import UsageError
from detector.record.entries import REJECTED_KINDS, LoggedEpisode, LoggedMarker, LoggedRun, LoggedTwitch, moment_of
from detector.record.log import EpisodeLog
from detector.types import Kind, Session

KINDS: tuple[str, ...] = (*get_args(Kind), *REJECTED_KINDS)


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters of ``export`` and ``log``; None lets everything pass.

    Attributes
    ----------
    session : str, optional
        Id of a session, or how the only one begins or ends.
    since, until : str, optional
        ISO 8601; what began in ``[since, until)``, the computer's local time without an offset.
    side, kind : str, optional
        Only these.
    include_rejected : bool
        Also rejected movements and kinds.
    every_run : bool
        Also runs that a later one over the same file repeats or supersedes.
    """

    session: str | None = None
    since: str | None = None
    until: str | None = None
    side: str | None = None
    kind: str | None = None
    include_rejected: bool = False
    every_run: bool = False

    def episodes(self, log: EpisodeLog) -> list[LoggedEpisode]:
        """The episodes that pass, in the order of the log."""
        return log.episodes(**self._filters(log))

    def twitches(self, log: EpisodeLog) -> list[LoggedTwitch]:
        """The twitches that pass, in the order of the log."""
        return log.twitches(**self._filters(log))

    def markers(self, log: EpisodeLog) -> list[LoggedMarker]:
        """What was felt in the sessions and the time that pass; neither side nor kind is known of it."""
        every = [run.run for run in log.runs(True)]
        found = log.markers(every, since=self.since, until=self.until)  # first, as it says what is wrong with a time
        wanted = {run.run for run in self.runs(log)}
        return [marker for marker in found if marker.run in wanted]

    def part_s(self, session: Session) -> tuple[float, float]:
        """The part of a session that lies in the time asked for, s from its start; infinite where it is open."""
        base = moment_of(session.start_utc, 0.0)
        if base is None:
            return -math.inf, math.inf
        begin = -math.inf if self.since is None else (_moment(self.since) - base).total_seconds()
        end = math.inf if self.until is None else (_moment(self.until) - base).total_seconds()
        return begin, end

    def runs(self, log: EpisodeLog) -> list[LoggedRun]:
        """The runs that could hold what passes, those that hold nothing included: rates need their observed time.

        One that reaches into the time asked for counts in full.
        """
        current = set(log.current_runs())
        wanted = self.session_id(log)
        return [
            run
            for run in log.runs(self.every_run)
            if (self.every_run or run.run in current)
            and wanted in (None, run.session.session_id)
            and self._reaches_in(run.session)
        ]

    def _filters(self, log: EpisodeLog) -> dict[str, Any]:
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"There is no kind '{self.kind}': the kinds are {', '.join(KINDS)}.")
        return {
            "runs": [run.run for run in log.runs(True)] if self.every_run else None,
            "session_id": self.session_id(log),
            "since": self.since,
            "until": self.until,
            "side": self.side,
            "kind": self.kind,
            "include_rejected": self.include_rejected,
        }

    def session_id(self, log: EpisodeLog) -> str | None:
        """The id that ``session`` means, None when it is None; UsageError when none or several fit."""
        if self.session is None:
            return None
        ids = {run.session.session_id for run in log.runs(self.every_run)}
        if self.session in ids:
            return self.session
        fits = sorted(name for name in ids if name.startswith(self.session) or name.endswith(self.session))
        if len(fits) != 1:
            several = f"{len(fits)} sessions fit" if fits else "no session fits"
            raise UsageError(f"{several} --session '{self.session}': list them with nasalis log.")
        return fits[0]

    def _reaches_in(self, session: Session) -> bool:
        if self.since is None and self.until is None:
            return True
        begin = moment_of(session.start_utc, 0.0)
        end = moment_of(session.start_utc, session.duration_s)
        if begin is None or end is None:
            return False  # as its episodes: nobody knows when it was
        return (self.since is None or end >= _moment(self.since)) and (
            self.until is None or begin < _moment(self.until)
        )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())  # the log has already said what is wrong with it
    return moment.astimezone() if moment.tzinfo is None else moment
