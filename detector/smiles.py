"""When a smile begins: the mouth grows wider, also than it usually is, and stays so; by the mesh, about 0.6 s late."""

from __future__ import annotations

import statistics
from collections import deque
from itertools import takewhile

import numpy as np

from detector.sliding import Least, quantile
from detector.types import FloatArray

LOOK_S = 1.2  # narrow at its beginning, wide at its end: smiles rise in 0.3 to 1.2 s. None is told later than that
NARROW_S = 0.3  # at the beginning of it
HELD_S = 0.4  # wide at the end of it: vowels that draw the lips out are over by then
# mm wider: a smile draws the corners out by 3-7 mm each; between words the mouth widens by 1-3 mm.
LEAST_MM = 4.0
# The same over the width it usually had this long: lips that were pursed, for a word or in thought, come back without a
# smile. In 128 s of talk, gaze and rest (five clips) 18 were told without this and HELD_S, 2 with both. Of
# 19 smiles in seven clips 18 are told; the faint one that is not was the price.
USUAL_S = 10.0
APART_S = 2.0  # one smile
_HELD_SHARE = 0.2  # a fifth of the widths may be errors of the mesh
_SLOPE_S = 0.2  # over which the fastest widening is sought, so that jitter is not taken for it


class Smiles:
    """Streams the corners of the mouth in, times of beginning smiles out."""

    def __init__(self) -> None:
        self._widths: deque[tuple[float, float]] = deque()  # time, mm
        self._narrowest = Least(USUAL_S)
        self._told_s = -np.inf

    def push(self, t_s: float, mouth_mm: FloatArray) -> list[float]:
        """Moments of fastest widening that are known once this is; times must increase.

        Parameters
        ----------
        t_s : float
        mouth_mm : (2, 2)
            Corners of the mouth; NaN where unknown.
        """
        width = float(np.hypot(*(mouth_mm[1] - mouth_mm[0])))
        if not np.isfinite(width):
            return []
        self._widths.append((t_s, width))
        while self._widths[0][0] < t_s - USUAL_S:
            self._widths.popleft()
        narrowest = self._narrowest.push(t_s, width)
        if t_s - self._told_s < APART_S or width < narrowest + LEAST_MM:
            return []  # no smile could end here
        recent = list(takewhile(lambda known: known[0] >= t_s - LOOK_S, reversed(self._widths)))  # newest first
        began_s = recent[-1][0]
        held = quantile(sorted(w for t, w in recent if t >= t_s - HELD_S), _HELD_SHARE)
        if held - statistics.median(w for t, w in recent if t <= began_s + NARROW_S) < LEAST_MM:
            return []
        times, widths = np.array(self._widths).T
        if held - np.median(widths[times <= began_s + NARROW_S]) < LEAST_MM:
            return []
        look = times >= t_s - LOOK_S
        late, early = times[look] + 0.5 * _SLOPE_S, times[look] - 0.5 * _SLOPE_S
        slopes = np.interp(late, times, widths) - np.interp(early, times, widths)
        self._told_s = t_s
        return [float(times[look][np.argmax(slopes)])]

    def finish(self) -> None:
        """The end of a stretch."""
        self._widths.clear()
        self._narrowest.clear()
