"""Clips in, frames out, decoded in a process of its own: what every command reads the files of users through.

A file can make a decoder crash, compute without end or ask for all the memory there is. Here that ends the decoder and
nothing else: frames up to then are good, and a sentence says what happened.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from detector.decode_process import DecoderGone, DecoderProcess, Limits
from detector.errors import SourceError, UsageError
from detector.types import Frame

T = TypeVar("T")

_REMEDY = "if a player shows all of it, convert it to H.264 in MP4 and try again"
_ERRORS: dict[str, type[Exception]] = {
    "SourceError": SourceError,
    "UsageError": UsageError,
    "ImportError": ImportError,
    "ModuleNotFoundError": ModuleNotFoundError,
}


class GuardedClip:
    """Frames of one recorded clip: those of :class:`detector.frames.ClipSource`, with its attributes and its errors.

    Parameters
    ----------
    path
        A regular local file.
    start_s, end_s
        Part to read, seconds from the first picture of the clip, start included and end excluded.
    limits : Limits, optional
        Default such that anything up to 8K can be read.

    Raises
    ------
    SourceError
        Also while reading: the decoder crashed, hung or was out of memory. The frames before are good.
    UsageError
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self.frames_read = self.frames_repeated = self.frames_lost = 0
        self._closing: list[str] = []  # to be noted when it is closed now
        self._reached_s = math.nan  # time of the latest frame
        self._ended = False
        self._reading = threading.Lock()
        try:
            self._decoder = DecoderProcess(self.path, start_s, end_s, limits or Limits())
        except OSError as error:
            raise SourceError(
                f"'{self.path}' cannot be decoded: no process for it can be started ({error.strerror or error}); "
                "close other programs and try again."
            ) from error
        try:
            opened = self._message()
        except BaseException:
            self.close()
            raise
        self.width, self.height = int(opened["width"]), int(opened["height"])
        self.nominal_fps = float(opened["nominal_fps"])
        self.duration_s: float | None = opened["duration_s"]
        self.notes += opened["notes"]

    def __enter__(self) -> GuardedClip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        with self._reading:
            if self._ended:
                raise StopIteration
            message = self._message()
            if "frame" not in message:
                self._ended = True
                self._count(message)
                raise StopIteration
            index, t_s, exact, repeated, shape = message["frame"]
            image = self._decoder.picture(message["place"], shape)
            self._count(message)
            self._reached_s = t_s
            return Frame(index, t_s, exact, image, repeated)

    def stop(self) -> None:
        """End the frames, and a wait for the next one; from any thread."""
        self._ended = True
        self._decoder.stop()

    def close(self) -> None:
        """Give the file back; the notes on what was read so far are complete after it."""
        self.stop()
        with self._reading:
            self._decoder.close()
            self.notes += self._closing
            self._closing = []

    def _count(self, known: dict[str, Any]) -> None:
        self.frames_read, self.frames_repeated = known["read"], known["repeated"]
        self.frames_lost = known["lost"]
        self.notes += known["notes"]
        self._closing = known["closing"]

    def _message(self) -> dict[str, Any]:
        """What comes of the decoder next, unless it is an error."""
        try:
            message = self._decoder.message()
        except DecoderGone as gone:
            if self._ended:  # it was stopped by us
                raise StopIteration from None
            raise self._failed(str(gone)) from None
        if "error" not in message:
            return message
        self._ended = True
        text, kind = message["error"], message["kind"]
        if kind == "decoder":
            raise self._failed(f"the decoder failed ({text})")
        error = _ERRORS.get(kind, RuntimeError)(text)
        if "trace" in message:
            error.add_note(message["trace"])
        raise error

    def _failed(self, reason: str) -> SourceError:
        self._ended = True
        if math.isnan(self._reached_s):
            return SourceError(f"'{self.path}' cannot be decoded: {reason}; {_REMEDY}.")
        self._closing = [*self._closing, f"decoding stopped at {self._reached_s:.2f} s: {reason}"]
        return SourceError(f"Decoding of '{self.path}' stopped at {self._reached_s:.2f} s: {reason}; {_REMEDY}.")


class UntilFault:
    """The frames of a clip as if it ended where it cannot be decoded any further.

    What works on frames looks ahead: an error among them would cost it those before.

    Parameters
    ----------
    clip : GuardedClip
    """

    def __init__(self, clip: GuardedClip) -> None:
        self._clip = clip
        self._error: SourceError | None = None

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        try:
            return next(self._clip)
        except SourceError as error:
            self._error = error
            raise StopIteration from None

    def stop(self) -> None:
        """End the frames, from any thread."""
        self._clip.stop()

    def then_raise(self, made: Iterable[T]) -> Iterator[T]:
        """What is made of the frames, and after all of it the error that ended them, if one did."""
        yield from made
        if self._error is not None:
            raise self._error
