"""A clip as a live source: played in its own time, faster, or as fast as it can be read."""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from detector.container import recorded_at
from detector.errors import UsageError
from detector.frame_queue import POLL_S, FrameQueue
from detector.guarded import GuardedClip
from detector.live_checks import Rate, Slowness, slow_words
from detector.live_source import LiveSource, SourceEvent, Tell, Waits
from detector.types import Frame

_JOIN_S = 2.0
_RECENT = 61  # intervals the usual one is taken from
_DEFAULT_STEP_S = 1.0 / 30.0  # of a clip with a single picture


class ClipReplay(LiveSource):
    """A clip played as if it came from a camera.

    Frames and times are those of :class:`detector.frames.ClipSource`; a repetition goes on one usual interval after
    the last frame.

    Parameters
    ----------
    path
        The clip.
    speed
        1 for its own time, 2 for twice as fast; infinite for as fast as it can be read, without losing a frame. At a
        finite speed the frames that the reader is too late for are lost, as a camera's would be.
    loop
        Begin again at its end.
    tell
        Gets every event, from any thread.

    Raises
    ------
    SourceError
        When the clip cannot be read.
    UsageError
        When the speed is not above 0.
    """

    def __init__(self, path: str | Path, speed: float, loop: bool, tell: Tell, waits: Waits | None = None) -> None:
        if not speed > 0:
            raise UsageError(f"The speed {speed:g} is not above 0: give 1, another factor, or max.")
        self._path = Path(path)
        self._clip = GuardedClip(self._path)
        super().__init__(self._path.name, is_clip=True, start_utc=recorded_at(self._path), in_real_time=speed == 1.0)
        self.width, self.height = self._clip.width, self._clip.height
        self.notes = self._clip.notes
        self._speed = speed
        self._loop = loop
        self._tell = tell
        self._waits = waits or Waits()
        self._queue = FrameQueue()
        self._lost_before = 0  # in earlier rounds
        self._rate = Rate()
        self._rate_told = False
        self._slowness = Slowness()
        self._thread: threading.Thread | None = None

    @property
    def frames_lost(self) -> int:
        """Frames missing in the clip so far, in every round, and those the reader was too late for."""
        return self._lost_before + self._clip.frames_lost + self._queue.dropped

    def stretches(self) -> Iterator[Iterator[Frame]]:
        """One iterator of frames per round; called once."""
        if math.isinf(self._speed):
            for frames in self._rounds():
                yield self._counted(frames)
            return
        self._thread = threading.Thread(target=self._work, name="nasalis-replay", daemon=True)
        atexit.register(self.close)  # as for a camera: no thread may be inside OpenCV when the program ends
        self._thread.start()
        for frames in self._queue.stretches(lambda: self._stopped):
            yield self._counted(frames)

    def stop(self) -> None:
        """End every wait soon, also that for a picture that may never come; from any thread or signal handler."""
        super().stop()
        self._clip.stop()

    def close(self) -> None:
        """Stop and give the file back; the notes are complete after it."""
        self.stop()
        atexit.unregister(self.close)
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        if self._thread is None or not self._thread.is_alive():
            self._clip.close()

    def _rounds(self) -> Iterator[Iterator[Frame]]:
        index, shift_s = 0, 0.0
        while True:
            after = _After(index, shift_s)
            yield self._shifted(after)
            if not self._loop or self._stopped:
                return
            index, shift_s = after.index, after.t_s
            self._lost_before += self._clip.frames_lost
            self._clip.close()
            self._clip = GuardedClip(self._path)

    def _shifted(self, after: _After) -> Generator[Frame]:
        index, shift_s = after.index, after.t_s
        intervals: deque[float] = deque(maxlen=_RECENT)
        last_s: float | None = None
        for frame in self._clip:
            if last_s is not None:
                intervals.append(frame.t_s - last_s)
            last_s = frame.t_s
            shifted = replace(frame, index=frame.index + index, t_s=frame.t_s + shift_s) if index else frame
            after.index = shifted.index + 1
            after.t_s = shifted.t_s + (median(intervals) if intervals else _DEFAULT_STEP_S)
            self._judge(shifted)
            yield shifted
            if self._stopped:
                return

    def _judge(self, frame: Frame) -> None:
        self._rate.push(frame.t_s, frame.repeated)
        self.fps = self._rate.fps
        if not self.fps or self._rate.span_s < self._waits.rate_s:
            return
        if not self._rate_told:
            self._rate_told = True
            words = f"{self.name}: {self.width}x{self.height}, {self.fps:.1f} pictures a second."
            self._tell(SourceEvent(frame.t_s, "opened", words))
        fps = self.fps * self._rate.new_share
        if self._slowness.push(fps):
            self._tell(SourceEvent(frame.t_s, "slow", slow_words(fps)))

    def _work(self) -> None:
        try:
            self._play()
        except BaseException as error:  # the reader's to handle, whatever it is
            self._queue.end(error)
        else:
            self._queue.end()

    def _play(self) -> None:
        begin_s: float | None = None
        for frames in self._rounds():
            for frame in frames:
                if begin_s is None:
                    begin_s = time.monotonic() - frame.t_s / self._speed
                if not self._wait_until(begin_s + frame.t_s / self._speed):
                    return
                self._queue.put(frame)
            self._queue.cut()

    def _wait_until(self, due_s: float) -> bool:
        """False when it was stopped before."""
        while not self._stopped and threading.main_thread().is_alive():
            left_s = due_s - time.monotonic()
            if left_s <= 0:
                return True
            time.sleep(min(left_s, POLL_S))
        return False


class _After:
    """Number and time that would come next."""

    __slots__ = ("index", "t_s")

    def __init__(self, index: int, t_s: float) -> None:
        self.index = index
        self.t_s = t_s
