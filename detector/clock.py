"""Clocks of a watch: one that nobody sets and that goes on while the computer sleeps, and the wall clock beside it."""

from __future__ import annotations

import time

# Both of Linux' steady clocks are slewed like the wall clock (clock_gettime(2)), so that the difference changes only
# when the wall clock is set; a leap second is one second of it.
STEP_S = 2.0


def now_s() -> float:
    """Seconds of a clock that nobody sets; on Linux time asleep counts, as it does for whoever sits in front of it."""
    return time.monotonic() + slept_s()


def slept_s() -> float:
    """Seconds that the computer slept since it was started; 0 where that is not known."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return 0.0
    before, all_s, after = time.monotonic(), time.clock_gettime(clock), time.monotonic()
    slept = all_s - (before + after) / 2.0
    return slept if slept > after - before + 1e-3 else 0.0  # the two are read one after the other


class WallClock:
    """Tells when the wall clock was set: by a person, or by the network after a start with a wrong time."""

    def __init__(self) -> None:
        self._offset_s = _offset_s()

    def moved_s(self) -> float:
        """How far it was set since the last :meth:`accept`, forward above 0; 0 for less than a leap second's worth."""
        moved_s = _offset_s() - self._offset_s
        return moved_s if abs(moved_s) > STEP_S else 0.0

    def accept(self) -> float:
        """What :meth:`moved_s` says, for the last time."""
        moved_s = self.moved_s()
        self._offset_s += moved_s
        return moved_s


def _offset_s() -> float:
    return time.time() - now_s()
