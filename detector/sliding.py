"""Order statistics of few numbers, and of those of the last seconds, without an array for each look."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Least:
    """The least of the values of the last seconds.

    Parameters
    ----------
    memory_s : float
        How long a value counts.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._rising: deque[tuple[float, float]] = deque()  # time and value: those that no later one undercuts

    def push(self, t_s: float, value: float) -> float:
        """Add a value, times increasing and no NaN; the least of those that count, this one among them."""
        while self._rising and self._rising[-1][1] >= value:
            self._rising.pop()
        self._rising.append((t_s, value))
        while self._rising[0][0] < t_s - self._memory_s:
            self._rising.popleft()
        return self._rising[0][1]

    def clear(self) -> None:
        """Forget all of them."""
        self._rising.clear()


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in rising order, at least one; bit for bit as NumPy's, which takes thirty times as long for a few."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    part, apart = position - below, ordered[above] - ordered[below]
    return ordered[above] - apart * (1.0 - part) if part >= 0.5 else ordered[below] + apart * part
