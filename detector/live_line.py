"""The measuring thread of ``nasalis live``: a source that goes on and off, through the line, as messages to the reader.

The window and the log are the reader's, in the main thread; nothing here waits for them.
"""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.config import Settings
from detector.instant import Flash, Flasher
from detector.live_source import LiveSource, SourceEvent
from detector.pipeline import Event, Measured, Pipeline, Reading
from detector.types import Frame, Twitch

# Pictures kept until they are measured, so that what is drawn lies on the picture it was measured in: one mesh interval
# and the frames made ahead, at 60/s.
PICTURES = 24
OVERDUE_S = 0.5  # past its duration a watch ends by the clock: a camera that is gone brings no picture to end it


@dataclass(frozen=True, slots=True)
class Sighting:
    """A jerk that is over, told before its episode is; the episode has the last word on it."""

    twitch: Twitch


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was measured in between."""

    start_s: float
    end_s: float
    paused: bool  # by the person; otherwise the source had no pictures


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of the session so far, for its record in the log."""

    at_s: float  # everything before this, in the source's time
    counted_anew: bool  # from there on
    fields: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message; with what stopped the line, unless the source came to its end."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame and what was measured in it."""

    frame: Frame
    reading: Reading | None  # None before any


Message = Event | Sighting | Flash | SourceEvent | Gap | Totals | Ended


class LiveLine:
    """Measures in a thread of its own from :meth:`start` on.

    Parameters
    ----------
    source : LiveSource
        Closed by the reader, after :class:`Ended`.
    settings : Settings
    model : Path
        The verified face model.
    messages : queue
        Where they go; the source may put its own there before and while the line runs.
    duration_s : float
        After which the line ends: of a clip, or from the first picture it gets of another source.
    on_frame : callable, optional
        Called with every frame that is to be measured; must return at once.
    """

    def __init__(
        self,
        source: LiveSource,
        settings: Settings,
        model: Path,
        messages: queue.SimpleQueue[Message],
        *,
        duration_s: float = math.inf,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        self._source = source
        self._on_frame = on_frame
        self._duration_s = duration_s
        self._pipeline = Pipeline(settings, model, runs_again=True, on_reading=self._read, on_sighting=self._sight)
        self._flasher = Flasher(settings)
        self._messages = messages
        self._thread = threading.Thread(target=self._work, name="nasalis-line", daemon=True)
        self._pictures: deque[Frame] = deque(maxlen=PICTURES)
        self._picture: Picture | None = None
        self._behind_s = math.inf  # of the source's time, of a clock that runs on: the least seen
        self._paused = False
        self._anew = False
        self._stopped = False
        self._asked: deque[bool] = deque()  # for totals; whether to count anew
        self._started = math.inf
        self._first_s: float | None = None  # of the frames
        self._last_s: float | None = None  # of those measured
        self._was_paused = False  # since then

    # for the reader

    def start(self) -> None:
        self._started = self._source.clock()
        self._thread.start()

    def stop(self) -> None:
        """No more pictures; what is on its way still comes, then :class:`Ended`."""
        self._stopped = True
        self._source.stop()

    def wait(self, timeout_s: float) -> None:
        """Until the thread has ended, or so long."""
        self._thread.join(timeout_s)

    def take(self, timeout_s: float) -> list[Message]:
        """What came since; waits so long for the first."""
        if not self._source.is_clip and self._source.clock() > self._started + self._duration_s + OVERDUE_S:
            self.stop()
        out: list[Message] = []
        with suppress(queue.Empty):
            out.append(self._messages.get(timeout=timeout_s))
            while True:
                out.append(self._messages.get_nowait())
        return out

    @property
    def picture(self) -> Picture | None:
        """The last one that was measured, or that came while none is."""
        return self._picture

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self, paused: bool) -> None:
        """Let pictures pass unmeasured."""
        self._paused = paused

    def start_anew(self) -> None:
        """Forget the noise learned so far, at the next picture."""
        self._anew = True

    def ask_totals(self, *, count_anew: bool = False) -> None:
        """:class:`Totals` comes after the next moment that is decided; the count may begin anew there."""
        self._asked.append(count_anew)

    @property
    def now_s(self) -> float:
        """The time of the source now: that of its newest picture, going on by the clock."""
        return 0.0 if self._behind_s == math.inf else self._source.clock() - self._behind_s

    # in the thread

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._follow()
        except BaseException as raised:  # the reader's to handle, whatever it is
            error = raised
            with suppress(Exception):  # what was measured is not lost, unless the fault keeps it from being decided
                self._put_all(self._pipeline.drain())
        try:
            self._tell_totals(math.inf, False)
        except Exception as raised:  # the first fault is the one to tell
            error = error or raised
        finally:
            self._pipeline.close()
            self._messages.put(Ended(error))

    def _follow(self) -> None:
        for stretch in self._source.stretches():
            while self._is_measured(stretch):
                pass

    def _is_measured(self, stretch: Iterator[Frame]) -> bool:
        """Measure until the stretch ends, or is broken off by the reader; whether there may be more of it."""
        first = self._skip(stretch)
        if first is None:
            return False
        if self._last_s is not None and first.t_s - self._last_s > self._pipeline.settings.max_gap_s:
            self._messages.put(Gap(self._last_s, first.t_s, self._was_paused))
        self._was_paused = False
        self._put_all(self._pipeline.run(self._watched(first, stretch)))
        self._flasher.finish()
        if self._anew:
            self._anew = False
            self._pipeline.start_anew()
            self._flasher = Flasher(self._pipeline.settings)
        return not self._stopped

    def _skip(self, stretch: Iterator[Frame]) -> Frame | None:
        """The next frame to be measured; None when the stretch has none."""
        for frame in stretch:
            if self._ends_at(frame):
                return None
            self._note_time(frame)
            if not self._paused:
                return frame
            self._was_paused = True
            self._picture = Picture(frame, None)
        return None

    def _watched(self, first: Frame, stretch: Iterator[Frame]) -> Iterator[Frame]:
        frame: Frame | None = first
        while frame is not None:
            self._pictures.append(frame)
            self._last_s = frame.t_s
            if self._on_frame is not None:
                self._on_frame(frame)
            yield frame
            if self._paused or self._anew or self._stopped:
                return
            frame = next(stretch, None)
            if frame is not None:
                self._note_time(frame)
                if self._ends_at(frame):
                    return

    def _ends_at(self, frame: Frame) -> bool:
        if self._first_s is None:
            self._first_s = 0.0 if self._source.is_clip else frame.t_s
        if frame.t_s >= self._first_s + self._duration_s:
            self.stop()
        return self._stopped

    def _note_time(self, frame: Frame) -> None:
        behind_s = self._source.clock() - frame.t_s
        # pictures in real time are late at most; those of a clip may come at any pace
        self._behind_s = min(self._behind_s, behind_s) if self._source.in_real_time else behind_s

    def _put_all(self, events: Iterator[Event]) -> None:
        for event in events:
            self._messages.put(event)
            if self._asked and isinstance(event, Measured):
                anew = False
                while self._asked:  # several are answered at once
                    anew |= self._asked.popleft()
                self._tell_totals(event.t_s, anew)
                if anew:
                    self._pipeline.begin_session()

    def _tell_totals(self, at_s: float, counted_anew: bool) -> None:
        fields, seconds = self._pipeline.session_fields(), self._pipeline.seconds()
        self._messages.put(Totals(at_s, counted_anew, fields, seconds))

    def _read(self, reading: Reading) -> None:
        pictures = tuple(self._pictures)  # the thread that reads ahead goes on adding to them
        frame = next((frame for frame in pictures if frame.t_s == reading.t_s), None)
        if frame is not None:
            self._picture = Picture(frame, reading)
        if reading.sample is not None:
            flash = self._flasher.push(reading.sample)
            if flash is not None:
                self._messages.put(flash)
        if reading.ends_stretch:
            self._flasher.finish()

    def _sight(self, twitch: Twitch) -> None:
        self._messages.put(Sighting(twitch))
