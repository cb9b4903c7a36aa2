"""When a smile begins: the mouth grows wider, by the mesh; 0.6 s late."""

from __future__ import annotations

from collections import deque

import numpy as np

from detector.types import FloatArray

LATE_S = 0.6  # a beginning is told this long after it: by then the mouth has grown
RISE_S = 0.6  # smiles rise in 0.3 to 1.2 s, speech opens and closes in less
# mm wider within that: a smile draws the corners out by 3-7 mm each; between words the mouth widens by 1-3 mm.
LEAST_MM = 4.0
APART_S = 2.0  # one smile


class Smiles:
    """Streams the corners of the mouth in, times of beginning smiles out."""

    def __init__(self) -> None:
        self._widths: deque[tuple[float, float]] = deque()  # time, mm
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
        while self._widths[0][0] < t_s - RISE_S - LATE_S:
            self._widths.popleft()
        times, widths = np.array(self._widths).T
        first = times <= times[0] + 0.5 * RISE_S
        last = times >= times[-1] - 0.5 * RISE_S
        if times[-1] - times[0] < RISE_S or t_s - self._told_s < APART_S:
            return []
        if np.median(widths[last]) - np.median(widths[first]) < LEAST_MM:
            return []
        smooth = np.convolve(widths, np.full(5, 0.2), mode="valid") if len(widths) >= 7 else widths
        steepest = int(np.argmax(np.diff(smooth))) + (len(widths) - len(smooth)) // 2
        self._told_s = t_s
        return [float(times[steepest])]

    def finish(self) -> None:
        """The end of a stretch."""
        self._widths.clear()
