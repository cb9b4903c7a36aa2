"""Clips in, frames out, in the process that asks; for files of users see :mod:`detector.guarded`.

Offsets are the container's presentation times. What OpenCV tells otherwise (frame count, frame rate) is used for the
progress bar and for pictures without a time of their own, never for measuring.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType

from detector.capture import CvDecoder, Decoder, Image, open_av1
from detector.container import (
    VIDEO_SUFFIXES,
    announces_true_length,
    check_file,
    find_clips,
    recorded_at,
    sha256_of,
    why_unreadable,
)
from detector.errors import SourceError, UsageError
from detector.frame_checks import LOST_INTERVALS, Clock, Repeats
from detector.types import Frame

__all__ = ["VIDEO_SUFFIXES", "ClipSource", "find_clips", "recorded_at", "sha256_of"]

_AV1_CODES = ("av01", "AV01")
# Failed grabs after which the end is believed: one grab is one packet, so this outlasts 20 s at 240/s. At the true end
# 5000 of them take 10 ms.
_MAX_FAILURES = 5000
_MAX_RESCUES = 20  # seeks past damage, per clip
_GAP_NOTE_S = 0.25  # after it the filters start anew, so the user is told
_FREEZE_NOTE_S = 1.0
_MAX_NOTES = 20
# The largest picture of the highest levels of H.264 and H.265 (6.2; ITU-T H.264 table A-1, H.265 table A.8) and of AV1
# (6.3; its annex A.3): 8K fits. A header that says more is damaged, and believing it would take gigabytes.
MOST_PIXELS = 35_651_584


class ClipSource:
    """Frames of one recorded clip, in the order they are shown.

    Parameters
    ----------
    path
        A regular local file.
    start_s, end_s
        Part to read, seconds from the first picture of the clip, start included and end excluded. Everything before
        the start is decoded and dropped: seeking lands on other frames in damaged or variable-rate clips.
    room : callable, optional
        Gives an array (H, W, 3) to write the next picture into, or None; a picture that does not fit comes in an array
        of its own.
    on_skip : callable, optional
        Called for every picture before the start.

    Attributes
    ----------
    path : Path
    width, height : int
        Size of the upright picture, px.
    nominal_fps : float
        Announced frames per second; 0 when nothing between 1 and 1000 is announced.
    duration_s : float | None
        Announced length of the whole clip, s: an estimate for a progress bar.
    notes : list[str]
        What a user should know of the clip, filled while reading.
    frames_read, frames_repeated, frames_lost : int
        Counts within the part read. Lost frames are those missing where the time between two pictures is twice the
        usual or more.

    Raises
    ------
    SourceError
        When there is no such clip, no picture in it can be read, or its pictures are larger than any format allows.
    UsageError
        When ``start_s`` and ``end_s`` leave nothing to read.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        room: Callable[[], Image | None] | None = None,
        on_skip: Callable[[], None] | None = None,
    ) -> None:
        self._start_s = 0.0 if start_s is None else float(start_s)
        self._end_s = math.inf if end_s is None else float(end_s)
        if not 0.0 <= self._start_s < self._end_s:
            raise UsageError(
                f"The part from {self._start_s:g} s to {self._end_s:g} s is empty: "
                "give a start of 0 or more and an end after it."
            )
        self.path = Path(path)
        self._room, self._on_skip = room, on_skip
        self.notes: list[str] = []
        self.frames_read = self.frames_repeated = self.frames_lost = 0
        self._estimated = 0
        self._notes_left_out = 0
        self._finished = False
        self._frozen_from = 0.0
        self._frozen_frames = 0
        self._last_taken_s = 0.0
        self._decoder: Decoder
        self._frames: Generator[Frame] | None = None
        self._open()
        first = self._next_picture()
        if first is None:
            self.close()
            raise SourceError(
                f"No picture in '{self.path}' can be decoded: the file is damaged or in a format this program cannot "
                "read; convert it to H.264 in MP4 and try again."
            )
        self._first_image: Image | None = first
        self.height, self.width = first.shape[:2]
        self._frames = self._generate()

    def __enter__(self) -> ClipSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        if self._frames is None:
            raise StopIteration
        return next(self._frames)

    def close(self) -> None:
        """Give the file back; the notes on what was read so far are complete after it."""
        if self._frames is not None:
            self._frames.close()
        self.notes += self.closing_notes()
        self._finished = True
        self._decoder.close()

    def _open(self) -> None:
        mp4 = check_file(self.path)
        decoder = CvDecoder(self.path, mp4)
        if not decoder.is_open:
            raise SourceError(why_unreadable(self.path, mp4))
        self._decoder = decoder
        if decoder.width * decoder.height > MOST_PIXELS:
            decoder.close()
            raise SourceError(
                f"'{self.path}' says that its pictures are {decoder.width} x {decoder.height}, more than the "
                f"{MOST_PIXELS / 1e6:.1f} million pixels of 8K: it is damaged, or must be made smaller first."
            )
        # In MP4 damage can stop the demuxer, and pictures carry times of their own. In a damaged AVI they do not: after
        # a seek pictures would come a second time, under other times.
        self._seekable = mp4 is not None
        self.nominal_fps = decoder.fps if 1.0 <= decoder.fps <= 1000.0 else 0.0
        duration = decoder.count / decoder.fps if decoder.count > 0 and decoder.fps > 0 else 0.0
        self.duration_s: float | None = duration if 0.0 < duration < 1e6 else None
        self._clock = Clock(self.nominal_fps)
        self._repeats = Repeats()
        if mp4 is not None and mp4.mirrored:
            self._note("the clip asks to be shown mirrored and is read as players show it: make sure that left is left")
        if abs(decoder.pixel_aspect - 1.0) > 0.01:
            self._note(f"pixels are not square (width / height {decoder.pixel_aspect:.3f}): sizes in mm are less exact")
        if decoder.codec in _AV1_CODES:
            decoder.close()
            self._decoder = open_av1(self.path, mp4)

    def _next_picture(self) -> Image | None:
        """The next picture that can be decoded, passing over damage."""
        while self._grab():
            image = self._decoder.picture()
            if image is not None:
                return image
        return None

    def _grab(self) -> bool:
        return any(self._decoder.grab() for _ in range(_MAX_FAILURES))

    def _grab_beyond(self, raw_s: float) -> bool:
        """Seek past damage that stops the demuxer; True when a picture later than ``raw_s`` was found."""
        if self.duration_s is None or not self._seekable:
            return False
        ahead = max(0.5, 2.0 * self._clock.step_s)
        while raw_s + ahead < self.duration_s:
            self._decoder.seek(raw_s + ahead)
            for _ in range(_MAX_FAILURES):
                if not self._decoder.grab():
                    break
                if self._decoder.time_s() > raw_s:
                    return True
            ahead += max(0.5, 0.25 * ahead)
        return False

    def _generate(self) -> Generator[Frame]:
        image, self._first_image = self._first_image, None
        index, rescues, last_s = -1, 0, -math.inf
        while True:
            index += 1
            raw_s = self._decoder.time_s()
            step_s = self._clock.step_s
            time_s, exact = self._clock.next(raw_s)
            if time_s >= self._end_s:
                break
            if time_s >= self._start_s:
                if image is None:
                    image = self._decoder.picture(self._room() if self._room is not None else None)
                if image is not None:
                    yield self._take(Frame(index, time_s, exact, image), last_s, step_s)
            elif self._on_skip is not None:
                self._on_skip()
            image, last_s = None, time_s
            if not self._grab():
                rescues += 1
                if rescues > _MAX_RESCUES or not exact or not self._grab_beyond(raw_s):
                    self._check_end(last_s + self._clock.step_s)
                    break
        if self.frames_read == 0:
            until = f"to {self._end_s:g} s" if self._end_s < math.inf else "on"
            raise UsageError(
                f"'{self.path}' has no picture from {self._start_s:g} s {until}: name another part; the last picture "
                f"before it is at {max(last_s, 0.0):.2f} s."
            )

    def _take(self, frame: Frame, last_s: float, step_s: float) -> Frame:
        """Count a frame, note what is odd about it, and mark it when it repeats the one before."""
        if self.frames_read and self._clock.jumped:
            self._note(f"the clip's clock is set anew at {frame.t_s:.2f} s: times go on from the picture before")
        if self.frames_read:
            self.frames_lost += self._clock.lost
            if frame.t_s - last_s > max(_GAP_NOTE_S, LOST_INTERVALS * step_s):
                self._note(f"no picture can be read from {last_s + step_s:.2f} s to {frame.t_s:.2f} s")
                self._end_freeze(last_s + step_s, frame.t_s)
        repeated = self._repeats.is_repeat(frame.image)
        if self._repeats.frozen:
            self._frozen_frames += 1
        else:
            self._end_freeze(frame.t_s, frame.t_s)
        self._last_taken_s = frame.t_s
        self.frames_read += 1
        self.frames_repeated += repeated
        self._estimated += not frame.t_exact
        return Frame(frame.index, frame.t_s, frame.t_exact, frame.image, repeated) if repeated else frame

    def _end_freeze(self, until_s: float, next_s: float) -> None:
        """Note the freeze that ended, if there was one; another may begin with the picture at ``next_s``."""
        note = self._freeze_note(until_s)
        self._frozen_from, self._frozen_frames = next_s, 0
        if note:
            self._note(note)

    def _freeze_note(self, until_s: float) -> str:
        if self._frozen_frames > 1 and until_s - self._frozen_from > _FREEZE_NOTE_S:
            return f"the picture is frozen from {self._frozen_from:.2f} s to {until_s:.2f} s"
        return ""

    def _check_end(self, end_s: float) -> None:
        if self.duration_s is None or self.duration_s - end_s <= max(1.0, 0.02 * self.duration_s):
            return
        if announces_true_length(self.path):
            self._note(
                f"pictures end at {end_s:.2f} s although {self.duration_s:.2f} s are announced: "
                "pictures are missing or unreadable, or the rest is sound only"
            )

    def closing_notes(self) -> list[str]:
        """What :meth:`close` would add to the notes now."""
        if self._finished:
            return []
        added, left_out = [], self._notes_left_out
        frozen = self._freeze_note(self._last_taken_s + self._clock.step_s) if self._frozen_frames > 1 else ""
        if frozen and len(self.notes) < _MAX_NOTES:
            added.append(frozen)
        elif frozen:
            left_out += 1
        if left_out:
            added.append(f"{left_out} more notes of these kinds")
        if self._estimated:
            added.append(
                f"{self._estimated} of {self.frames_read} pictures have no usable time of their own: "
                f"{1.0 / self._clock.step_s:.4g} pictures a second were assumed"
            )
        return added

    def _note(self, text: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(text)
        else:
            self._notes_left_out += 1
