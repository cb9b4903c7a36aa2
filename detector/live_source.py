"""What every live source looks like from outside: stretches of frames, counts, and words when something happens."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from detector.types import Frame

EventKind = Literal["opened", "slow", "busy", "lost", "resolution", "black", "frozen", "resumed", "slept"]


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Something a person should know of the source."""

    t_s: float  # of the session; of a loss: the last picture before it
    kind: EventKind
    words: str  # one sentence or two, without what is secret in a URL


Tell = Callable[[SourceEvent], None]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited for what, s; other values are for tests.

    Attributes
    ----------
    backoff_s
        Before each new attempt, the last one again and again: a plug pushed back in is found at once, and hours
        without a camera cost nothing.
    silent_s
        Without a picture, after which a stretch is over: twice the slowest rate webcams fall to in the dark (5/s)
        would be 0.4 s, and a network holds its breath for longer than that.
    steady_s
        Of pictures, after which a source counts as well again and the waits start from the first.
    rate_s
        Of pictures before the rate is told: at 15/s enough for 2 %.
    black_s, frozen_s
        Of such pictures before it is told. A living face moves by more than a frozen picture within a second.
    open_s
        For the first picture of all; more than opening and reading may take by themselves.
    """

    backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 5.0)
    silent_s: float = 1.0
    steady_s: float = 5.0
    rate_s: float = 3.0
    black_s: float = 2.0
    frozen_s: float = 5.0
    open_s: float = 15.0


class LiveSource(ABC):
    """Frames as they come, in stretches without a break.

    Times start with the session at 0 and never go back, over all stretches; numbers of frames likewise.

    Attributes
    ----------
    name : str
        To show and to log, without user name and password.
    is_clip : bool
        Whether it is a recording that is played again.
    in_real_time : bool
        Whether its time runs as the clock does.
    start_utc : str
        ISO 8601, when ``t_s`` was 0; of a recording when it was made, empty when unknown.
    width, height : int
        Of the latest picture, px; 0 before the first.
    fps : float
        Measured over the last seconds; 0 until it is known.
    frames_read, frames_repeated : int
        Handed out so far, and those of them that show the one before again.
    notes : list[str]
        Of a recording: what a user should know of it.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)  # that its times go by; a recording waits while asleep

    def __init__(self, name: str, *, is_clip: bool, start_utc: str, in_real_time: bool = True) -> None:
        self.name = name
        self.is_clip = is_clip
        self.in_real_time = in_real_time
        self.start_utc = start_utc
        self.width = self.height = 0
        self.fps = 0.0
        self.frames_read = self.frames_repeated = 0
        self.notes: list[str] = []
        # A plain flag that the waits look at: an event's own lock could be held by the very thread a signal interrupts.
        self._stopped = False

    def __enter__(self) -> LiveSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def frames_lost(self) -> int:
        """Frames of the session that were missing within stretches, or that the reader was too late for."""

    @abstractmethod
    def stretches(self) -> Iterator[Iterator[Frame]]:
        """One iterator of frames per unbroken stretch.

        A stretch ends with a fault, with the end of a clip and at :meth:`stop`; then this waits until the source is
        back. It ends with the clip, unless that is looped, or at :meth:`stop`.

        Raises
        ------
        SourceError
            When a clip turns out to be unreadable. What befalls a camera or stream is told instead.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device, the connection or the file back: may take some seconds."""

    def stop(self) -> None:
        """End every wait soon (under 0.3 s); from any thread or signal handler."""
        self._stopped = True

    def _counted(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames_read += 1
            self.frames_repeated += frame.repeated
            yield frame
