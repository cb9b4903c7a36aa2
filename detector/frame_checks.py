"""Two small judges for a stream of pictures: is the time usable, and is the picture new."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import cast

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]

# Where a frame's time is called lost: two intervals, less the rounding of containers that store whole milliseconds
# (at 30/s a single missing frame shows as 66 ms after intervals of 34 ms).
LOST_INTERVALS = 1.9
_ABSURD_S = 1e7  # no time stamp of a clip lies 115 days from its start
_JUMP_AHEAD_S = 86400.0  # a clip that skips a day has a clock set anew, not a day without pictures
_JUMP_BACK_STEPS = 6.0  # smaller steps back are single wrong stamps, as of reordered frames
_MAX_REPAIRS = 4  # wrong stamps in a row; more of them are a clock set anew
_SETTLED_INTERVALS = 10  # the usual interval is known; announced rates are guesses
_DEFAULT_STEP_S = 1.0 / 30.0


class Clock:
    """Turns the container's times into strictly increasing seconds from the first picture.

    Parameters
    ----------
    nominal_fps
        Frames per second the container announces; 0 when it announces nothing sensible.
    """

    def __init__(self, nominal_fps: float) -> None:
        self._nominal_s = 1.0 / nominal_fps if nominal_fps > 0 else 0.0
        self._recent: deque[float] = deque(maxlen=61)  # about two seconds: follows a change of rate
        self._origin = 0.0
        self._last: float | None = None
        self._last_exact = True
        self._repairs = 0  # in a row
        self.lost = 0  # frames missing just before the latest one
        self.jumped = False  # the container's clock was set anew just before the latest one

    @property
    def step_s(self) -> float:
        """Usual interval now: the median of the recent ones, else the nominal one, else 1/30 s."""
        if len(self._recent) >= 5:
            return median(self._recent)
        return self._nominal_s or (median(self._recent) if self._recent else _DEFAULT_STEP_S)

    def next(self, raw_s: float) -> tuple[float, bool]:
        """Time of the next picture, and whether it is the container's own.

        Parameters
        ----------
        raw_s
            The container's time, s; anything, NaN included. Exactly 0 after the first picture means unknown, which is
            what OpenCV returns for a picture without a time.

        Returns
        -------
        tuple[float, bool]
            Seconds from the first picture, larger than every time before; False when it had to be estimated.
        """
        self.lost, self.jumped = 0, False
        usable = math.isfinite(raw_s) and abs(raw_s) < _ABSURD_S
        if self._last is None:
            self._origin = raw_s if usable else 0.0
            self._last, self._last_exact = 0.0, usable
            return 0.0, usable
        last, step = self._last, self.step_s
        time_s = raw_s - self._origin
        exact = usable and last + 1e-6 < time_s < last + _JUMP_AHEAD_S
        if exact:
            interval = time_s - last
            if interval > LOST_INTERVALS * step and len(self._recent) >= _SETTLED_INTERVALS:
                self.lost = round(interval / step) - 1
            if self._last_exact:
                self._recent.append(interval)
            self._repairs = 0
        elif not usable or raw_s == 0.0:
            time_s = last + step
        elif time_s < last - _JUMP_BACK_STEPS * step or time_s >= last + _JUMP_AHEAD_S or self._repairs >= _MAX_REPAIRS:
            time_s = last + step
            self._origin = raw_s - time_s
            self.jumped, self._repairs = True, 0
        else:
            # A stamp given twice, or a little early: squeezed in, so that the next good one is still ahead.
            self._repairs += 1
            time_s = last + step / 2.0**self._repairs
        if time_s <= last:  # a long run of bad stamps has used up the room
            time_s = math.nextafter(last, math.inf)
        self._last, self._last_exact = time_s, exact
        return time_s, exact


class Repeats:
    """Finds pictures that are the one before shown again.

    A repeated picture that was encoded again is not bit-identical: the encoder spends a few bits on it. On webcam clips
    whose camera repeats every sixth or seventh frame, all repeats, and nothing else, differ from the frame before by
    less than 8 % of the usual difference of the most changed 16-pixel block. The most changed block, not the mean over
    the picture, is compared, since a twitch changes one block only. In clips where hardly anything ever moves the usual
    difference is small too, and only identical pictures count.
    """

    _WINDOW = 40  # pictures the usual difference is taken from
    _MIN_WINDOW = 10
    _QUANTILE = 0.75  # up to three in four pictures may be repeats (a 15/s camera stored at 60/s)
    _BLOCK_SHARE = 0.08
    _BLOCK_CAP = 6.0  # gray levels; a repeat of violent motion reached 5.2
    _BEFORE_SHARE = 0.2  # the picture before must have been new: motion that dies away is not a repeat
    _QUIET_MEAN_SHARE = 0.1
    _QUIET_BLOCK_CAP = 3.0  # gray levels
    _QUIET_CHANGED = 0.012  # share of pixels; real sensor noise changes more
    _FROZEN_BLOCK = 2.0  # gray levels; what an encoder still refines. A living face is over it after a second
    _MAX_RUN = 3  # longer runs of almost equal pictures are a person sitting still

    def __init__(self) -> None:
        self._previous: Plane | None = None
        self._previous_sample: Plane | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=self._WINDOW)
        self._last_new = (0.0, 0.0)  # mean and most changed block of the latest picture that was new
        self._run = 0
        self._anchor: Plane | None = None  # sample of the picture since which nothing moved
        self.frozen = False  # nothing has moved up to the latest picture

    def is_repeat(self, image: npt.NDArray[np.uint8]) -> bool:
        """True when ``image``, uint8 (H, W, 3), shows what the image of the call before showed."""
        import cv2

        # Every 3rd pixel at 720 lines: transforms of codecs are 4 x 4 at least, so no coded change slips through. Green
        # holds 59 % of the luma and part of both chroma planes: nothing changes without it.
        stride = max(1, min(image.shape[:2]) // 240)
        sample = np.ascontiguousarray(image[::stride, ::stride, 1])
        before, before_sample = self._previous, self._previous_sample
        self._previous, self._previous_sample = image, sample
        if before is None or before_sample is None or before.shape != image.shape:
            self._anchor, self.frozen = sample, False
            return False
        difference = cast(Plane, cv2.absdiff(sample, before_sample))
        changed = cv2.countNonZero(difference) / difference.size
        if changed == 0.0:
            untouched = np.array_equal(before[::stride, ::stride, 1], before_sample)  # the consumer may draw on it
            self.frozen = True
            return not untouched or np.array_equal(image, before)
        mean = cv2.mean(difference)[0]
        side = max(4, 16 // stride)
        block = self._most_changed_block(difference, side)
        self._follow_freeze(sample, before_sample if self._anchor is None else self._anchor, block, side)
        repeat = self._run < self._MAX_RUN and self._is_almost_equal(mean, block, changed)
        self._recent.append((mean, block))
        if repeat:
            self._run += 1
        else:
            self._run, self._last_new = 0, (mean, block)
        return repeat

    def _follow_freeze(self, sample: Plane, anchor: Plane, block: float, side: int) -> None:
        import cv2

        self.frozen = block < self._FROZEN_BLOCK and (
            self._most_changed_block(cast(Plane, cv2.absdiff(sample, anchor)), side) < self._FROZEN_BLOCK
        )
        if not self.frozen:
            self._anchor = sample

    @staticmethod
    def _most_changed_block(difference: Plane, side: int) -> float:
        import cv2

        rows, columns = max(1, difference.shape[0] // side), max(1, difference.shape[1] // side)
        whole = difference[: rows * side, : columns * side].astype(np.float32)
        return float(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).max())

    def _is_almost_equal(self, mean: float, block: float, changed: float) -> bool:
        if block >= self._BLOCK_CAP or len(self._recent) < self._MIN_WINDOW:
            return False
        rank = int(self._QUANTILE * (len(self._recent) - 1))
        usual_mean, usual_block = np.partition(np.array(self._recent), rank, axis=0)[rank]
        in_motion = block < self._BLOCK_SHARE * usual_block and block < self._BEFORE_SHARE * self._last_new[1]
        in_quiet = (
            mean < self._QUIET_MEAN_SHARE * usual_mean
            and mean < self._BEFORE_SHARE * self._last_new[0]
            and block <= self._QUIET_BLOCK_CAP
            and changed < self._QUIET_CHANGED
        )
        return bool(in_motion or in_quiet)
