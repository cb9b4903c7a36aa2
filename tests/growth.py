"""How work grows with its size, counted and not timed: the same on every machine, busy or not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls_of(work: Callable[[], object]) -> int:
    """Functions called by ``work`` in this thread, those written in C among them."""
    count = 0

    def called(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def assert_in_proportion(work: Callable[[int], object], size: int) -> None:
    """Four times as much takes about four times the calls, where something quadratic takes sixteen."""
    work(size // 8)  # what is imported or cached the first time
    assert calls_of(lambda: work(size)) < 6 * calls_of(lambda: work(size // 4))
