"""When a session of a watch gives way to the next: after so many hours, at midnight, or because the clock was set."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from detector.clock import WallClock
from detector.live_source import LiveSource
from detector.live_words import clock
from detector.record.entries import moment_of


class Due:
    """When it is time, in the source's own time.

    Times of day of one session are all by the same clock. When that is set by hand or by the network, another session
    begins, so that both have the times that their clock had.

    Parameters
    ----------
    source : LiveSource
    roll_h : float
        Hours of a session; 0: to midnight of this computer's clock.

    Attributes
    ----------
    at_s : float
        From then on.
    """

    def __init__(self, source: LiveSource, roll_h: float) -> None:
        self._source, self._roll_h = source, roll_h
        self._clock = WallClock()
        self._moved_s = 0.0  # over the whole watch
        self._told = False
        self.at_s = self._next(0.0)

    @property
    def clock_moved_s(self) -> float:
        """How far the clock was set since the session began; a recording has its own time."""
        return 0.0 if self._source.is_clip else self._clock.moved_s()

    def news(self, now_s: float) -> str:
        """What to say when the clock was set, once; the session is due then."""
        moved_s = self.clock_moved_s
        if not moved_s or self._told:
            return ""
        self._told = True
        self.at_s = min(self.at_s, now_s)
        way = "forward" if moved_s > 0.0 else "back"
        return f"the computer's clock was set {way} by {clock(abs(moved_s))}: a new session begins, by the new time"

    def begin(self, at_s: float) -> None:
        """A session begins."""
        self._moved_s += self._clock.accept()
        self._told = False
        self.at_s = self._next(max(at_s, self.at_s))  # what is decided lies before what was due

    def _next(self, at_s: float) -> float:
        if self._roll_h > 0.0:
            return at_s + 3600.0 * self._roll_h
        moment = None if self._source.is_clip else moment_of(self._source.start_utc, at_s + self._moved_s)
        if moment is None:
            return math.inf
        here = moment.astimezone()
        midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time()).astimezone()
        return at_s + (midnight - here).total_seconds()
