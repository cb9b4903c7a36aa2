"""Judges of a live picture: its rate, frames that are missing, black and frozen pictures; no thread, no clock."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.frame_checks import LOST_INTERVALS, Repeats

# A lens cap or a closed shutter gives 0 to 5, a face in a room lit by a screen alone 20 and more. Two limits, so that
# noise does not flicker between them.
_BLACK_LUMA = 12.0
_LIT_LUMA = 16.0
_LUMA_STRIDE = 8  # px: a mean needs no more
_RATE_WINDOW_S = 5.0
_RATE_LEAST_S = 1.0
_STANDING_S = 0.25
LEAST_FPS = 24.0  # the lowest rate the measuring is made for
_WELL_FPS = 25.5  # told once more only after it was over this
_RECENT, _SETTLED = 61, 10  # intervals: about two seconds, and enough to know the usual one
_LATE_SHARE = 0.5  # of the usual interval: a frame that came late, not after a lost one, is followed by a shorter one

Change = Literal["black", "frozen", "resumed"]


class Rate:
    """Frames per second over the last seconds, repeated ones apart."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, bool]] = deque()

    def push(self, t_s: float, repeated: bool) -> None:
        """Count a frame."""
        self._recent.append((t_s, repeated))
        while t_s - self._recent[0][0] > _RATE_WINDOW_S:
            self._recent.popleft()

    def forget_repeats(self) -> None:
        """Count all frames so far as new: what stood still was the scene, not every second frame of a slow camera."""
        self._recent = deque((t_s, False) for t_s, _ in self._recent)

    @property
    def span_s(self) -> float:
        """Time the rate is taken over."""
        return self._recent[-1][0] - self._recent[0][0] if self._recent else 0.0

    @property
    def fps(self) -> float:
        """Frames per second; 0 before it is known."""
        return (len(self._recent) - 1) / self.span_s if self.span_s >= _RATE_LEAST_S else 0.0

    @property
    def new_share(self) -> float:
        """Share of the frames that do not repeat the one before, 0 to 1."""
        return sum(not repeated for _, repeated in self._recent) / len(self._recent) if self._recent else 1.0


class Missing:
    """Counts frames that a camera or a network lost, by the gaps they leave.

    A frame that only comes late leaves a gap too, but those after it follow closer than usual: as many of them as were
    thought lost take the count back.
    """

    def __init__(self) -> None:
        self._intervals: deque[float] = deque(maxlen=_RECENT)
        self._last_s: float | None = None
        self._doubtful = 0

    def push(self, t_s: float) -> int:
        """Frames now known to be lost before the one at ``t_s``."""
        last_s, self._last_s = self._last_s, t_s
        if last_s is None:
            return 0
        interval_s = t_s - last_s
        usual_s = self._usual_s()
        self._intervals.append(interval_s)
        if self._doubtful and interval_s < _LATE_SHARE * usual_s:
            self._doubtful -= 1
            return 0
        known, self._doubtful = self._doubtful, 0
        if interval_s > LOST_INTERVALS * usual_s:
            self._doubtful = round(interval_s / usual_s) - 1
        return known

    def _usual_s(self) -> float:
        if len(self._intervals) < _SETTLED:
            return float("inf")
        middle, mean = median(self._intervals), sum(self._intervals) / len(self._intervals)
        if middle >= _LATE_SHARE * mean:
            return middle
        # A network hands frames over by the handful: their mean tells, but only of enough handfuls.
        return mean if len(self._intervals) == _RECENT else float("inf")

    def new_stretch(self) -> int:
        """Begin anew; what was in doubt counts as lost and is returned."""
        known, self._doubtful, self._last_s = self._doubtful, 0, None
        self._intervals.clear()
        return known


class PictureState:
    """Says once when the picture turns black or stops moving, and once when it is well again.

    Parameters
    ----------
    black_s, frozen_s : float
        How long it must last, s.
    """

    def __init__(self, black_s: float, frozen_s: float) -> None:
        self._black_s = black_s
        self._frozen_s = frozen_s
        self._repeats = Repeats()
        self._black_from: float | None = None
        self._frozen_from: float | None = None
        self._told: Change | None = None
        self.stands = False  # nothing has moved for longer than a slow camera repeats a picture

    def new_stretch(self) -> None:
        """Forget the picture before; what was told stays told."""
        self._repeats = Repeats()
        self._black_from = self._frozen_from = None
        self.stands = False

    def push(self, t_s: float, image: npt.NDArray[np.uint8]) -> tuple[bool, Change | None]:
        """Whether ``image`` repeats the one before, and what is to be told now, if anything."""
        repeated = self._repeats.is_repeat(image)
        luma = float(image[::_LUMA_STRIDE, ::_LUMA_STRIDE].mean())
        if luma >= (_BLACK_LUMA if self._black_from is None else _LIT_LUMA):
            self._black_from = None
        elif self._black_from is None:
            self._black_from = t_s
        if not self._repeats.frozen:
            self._frozen_from = None
        elif self._frozen_from is None:
            self._frozen_from = t_s
        self.stands = self._frozen_from is not None and t_s - self._frozen_from > _STANDING_S
        return repeated, self._change(t_s)

    def _change(self, t_s: float) -> Change | None:
        if self._black_from is not None:
            now: Change | None = "black" if t_s - self._black_from > self._black_s else self._told
        elif self._frozen_from is not None:
            # Out of the dark into a standing picture is an end of the dark all the same.
            still = t_s - self._frozen_from > self._frozen_s
            now = "frozen" if still else (self._told if self._told == "frozen" else None)
        else:
            now = None
        before, self._told = self._told, now
        return None if now == before else now or "resumed"


class Slowness:
    """Says once when the rate falls under what the measuring is made for."""

    def __init__(self) -> None:
        self._told = False

    def push(self, fps: float) -> bool:
        """Whether ``fps``, a known rate, is news."""
        was = self._told
        self._told = fps < (_WELL_FPS if was else LEAST_FPS)
        return self._told and not was


def slow_words(fps: float) -> str:
    """What can still be seen at a rate under 24 frames per second."""
    return (
        f"Only {fps:.1f} new pictures a second: a single jerk of 0.1 to 0.2 s is seen in about {0.1 * fps:.0f} to "
        f"{0.2 * fps:.0f} of them, so the quickest can be missed, and twitches that follow each other faster than "
        f"{fps / 2:.0f} a second cannot be told apart; webcams slow down in the dark, more light often helps."
    )
