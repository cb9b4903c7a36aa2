"""When the lids close: blinks from the edges of the eyes and the opening by the mesh, at frame rate, 0.6 s late.

Edges follow a blink frame by frame but also a glance; the mesh knows lids from gaze, but only ten times a second, and
is all there is where the eye is twenty pixels wide. Their geometric mean found the most blinks with the fewest others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.sliding import quantile
from detector.types import FloatArray

LATE_S = 0.6  # a blink is told this long after its peak: it must be over
MEMORY_S = 4.0  # the open eye is how the eye was over this long
OPEN_SHARE = 0.8  # of the moments it is less open: a few blinks in a row must not pass for the open eye
# Share of the opening that must go and come back. Of 32 blinks of five people (mesh at full rate) 23 were found, and
# 7 more, mostly glances of one woman; at 0.2 and 0.45: 24 with 8 more, 19 with 2 more.
LEAST = 0.3
# A pair of lids counts by the mean of their closings, but one that closes alone by this much of its own: with one eye
# of three people kept open the mean missed three of eight blinks, this one. On 48 real ones nothing changed.
ALONE = 0.65
LONGEST_S = 0.4  # at half its depth (blinks take 0.1-0.4 s, Bentivoglio 1997); longer closings are none
WITHIN_S = 0.5  # to either side in which it must close and open
_LEAST_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Closing:
    """One blink."""

    onset_s: float  # at half its depth
    peak_s: float
    offset_s: float  # at half its depth
    closed: tuple[float, float]  # right, left: share of the opening that went, 0 to 1
    lowest_mm: tuple[float, float]  # right, left: least opening of the lids by the mesh, which is slow


class Lids:
    """Streams contexts in, blinks out."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._openings: deque[FloatArray] = deque()
        self._open_mm: deque[FloatArray] = deque()
        self._looked_s = -np.inf  # peaks up to here have been looked for

    def push(self, t_s: float, eye_edges: FloatArray, eye_open_mm: FloatArray) -> list[Closing]:
        """Blinks that are told once this is known; times must increase."""
        opening = np.sqrt(np.maximum(eye_edges, 0.0) * eye_open_mm)
        if not np.isfinite(opening).all():
            return []
        self._times.append(t_s)
        self._openings.append(opening)
        self._open_mm.append(eye_open_mm)
        while self._times[0] < t_s - MEMORY_S - LATE_S:
            for kept in (self._times, self._openings, self._open_mm):
                kept.popleft()
        return self._look(t_s - LATE_S)

    def finish(self) -> list[Closing]:
        """The end of a stretch: what is still waiting, and then everything is forgotten."""
        last = self._look(np.inf)
        for kept in (self._times, self._openings, self._open_mm):
            kept.clear()
        return last

    def _look(self, until_s: float) -> list[Closing]:
        if len(self._times) < _LEAST_SAMPLES or until_s - self._looked_s < 0.2:
            return []  # five looks a second will do
        times = np.array(self._times)
        openings = np.array(self._openings, dtype=np.float64)
        usual = np.maximum([quantile(eye, OPEN_SHARE) for eye in np.sort(openings.T).tolist()], 1e-6)
        closed = 1.0 - openings / usual
        both = np.maximum(closed.mean(axis=1), ALONE * closed.max(axis=1))
        found = []
        for k in np.flatnonzero((times > self._looked_s) & (times <= until_s)).tolist():
            near = np.abs(times - times[k]) <= WITHIN_S
            if both[k] < LEAST or both[k] < both[near].max():
                continue
            before, after = near & (times < times[k]), near & (times > times[k])
            if not before.any() or not after.any():
                continue
            depth = both[k] - max(both[before].min(), both[after].min())
            half = both[k] - 0.5 * depth
            onset_s, offset_s = _crossing(times, both, k, half, -1), _crossing(times, both, k, half, +1)
            if depth >= LEAST and offset_s - onset_s <= LONGEST_S:
                lowest = np.array(self._open_mm)[near].min(axis=0)
                right, left = np.clip(closed[k], 0.0, 1.0).tolist()
                found.append(
                    Closing(onset_s, float(times[k]), offset_s, (right, left), (float(lowest[0]), float(lowest[1])))
                )
        self._looked_s = min(until_s, float(times[-1]))
        return found


def _crossing(
    times: npt.NDArray[np.float64], values: npt.NDArray[np.float64], k: int, level: float, step: int
) -> float:
    """Time at which the values, going from ``k`` in direction ``step``, first fall to ``level``."""
    while 0 <= k + step < len(values):
        if values[k + step] <= level:
            share = (values[k] - level) / max(values[k] - values[k + step], 1e-9)
            return float(times[k] + share * (times[k + step] - times[k]))
        k += step
    return float(times[k])
