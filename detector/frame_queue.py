"""Frames from a thread that cannot wait to a reader who may be late: bounded, the oldest dropped and counted."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from detector.types import Frame

# About a quarter of a second: what a reader is behind at most. Its own look ahead comes on top.
QUEUE_FRAMES = 8
POLL_S = 0.05  # between two looks at whether to stop


class FrameQueue:
    """Frames in stretches, for one writer and one reader.

    Parameters
    ----------
    most : int
        Frames held; one more drops the oldest.

    Attributes
    ----------
    dropped : int
        Frames that the reader was too late for.
    """

    def __init__(self, most: int = QUEUE_FRAMES) -> None:
        self._most = most
        self._items: deque[tuple[int, Frame]] = deque()  # with the number of their stretch
        self._changed = threading.Condition()
        self._number = 0  # of the stretch being written
        self._last_put = time.monotonic()
        self._ended = False
        self._error: BaseException | None = None
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Hand a frame over."""
        with self._changed:
            self._items.append((self._number, frame))
            self._last_put = time.monotonic()
            if len(self._items) > self._most:
                self._drop_oldest()
            self._changed.notify()

    def _drop_oldest(self) -> None:
        number, gone = self._items.popleft()
        self.dropped += 1
        following, frame = self._items[0]
        if following == number and frame.repeated and not gone.repeated:
            self._items[0] = (following, replace(frame, repeated=False))  # what it repeats was never seen

    def cut(self) -> None:
        """End the stretch: what is put from now on belongs to another."""
        with self._changed:
            self._number += 1
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes; the reader gets ``error`` after what is still here."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def check(self) -> None:
        """Raise the error the writer ended with, if any."""
        if self._error is not None:
            raise self._error

    def stretches(
        self, stopped: Callable[[], bool], silent_s: float = float("inf"), on_silence: Callable[[], None] | None = None
    ) -> Iterator[Iterator[Frame]]:
        """The frames, one iterator per stretch, until the writer's end or until ``stopped``.

        Parameters
        ----------
        stopped
            Looked at every 0.05 s while waiting.
        silent_s
            Without a frame, after which a stretch is over.
        on_silence
            Called before it ends for that.
        """
        while True:
            number = self._wait_for_stretch(stopped)
            if number is None:
                break
            yield self._frames(number, stopped, silent_s, on_silence)
        if not stopped():
            self.check()

    def _wait_for_stretch(self, stopped: Callable[[], bool]) -> int | None:
        with self._changed:
            while not stopped():
                if self._items:
                    return self._items[0][0]
                if self._ended:
                    return None
                self._changed.wait(POLL_S)
        return None

    def _frames(
        self, number: int, stopped: Callable[[], bool], silent_s: float, on_silence: Callable[[], None] | None
    ) -> Iterator[Frame]:
        while not stopped():
            with self._changed:
                if not self._items and self._number == number and not self._ended:
                    self._changed.wait(POLL_S)
                if self._items:
                    if self._items[0][0] != number:
                        return
                    frame = self._items.popleft()[1]
                elif self._number != number or self._ended:
                    return
                elif time.monotonic() - self._last_put > silent_s:
                    self._number += 1
                    break
                else:
                    continue
            yield frame
        else:
            return
        if on_silence is not None:
            on_silence()
