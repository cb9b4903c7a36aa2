"""Ctrl-C and its like: an exception where it can be borne, or a call; never in the middle of what it would break."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# Again within this long it is the same impatience: what was found is being saved, and that must not be cut off.
REPEAT_S = 3.0
_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")  # no SIGHUP on Windows
# An exception out of nowhere breaks these: a library that was half imported crashed Python, and callbacks of the
# compiler swallowed it, so that Ctrl-C was lost. None of them takes longer than loading the program does.
_DELICATE = frozenset({"importlib", "llvmlite", "mediapipe", "numba"})
_AGAIN_S = 0.02  # until it is looked again whether they are through
_is_waiting = False  # for that


def is_delicate(frame: FrameType | None) -> bool:
    """Whether an exception at this place of a program would be lost or do harm."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in _DELICATE or frame.f_code.co_name == "__del__":  # Python passes over what is raised in __del__
            return True
        frame = frame.f_back
    return False


def _interrupt(frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, now or soon."""
    global _is_waiting
    if not hasattr(signal, "setitimer") or not is_delicate(frame):
        _stop_waiting()
        raise KeyboardInterrupt
    _is_waiting = True
    signal.signal(signal.SIGALRM, _look_again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)


def _look_again(number: int, frame: FrameType | None) -> None:
    if _is_waiting:
        _interrupt(frame)


def _stop_waiting() -> None:
    global _is_waiting
    if _is_waiting:
        _is_waiting = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While the body runs, SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, and impatience does no harm.

    A signal that the caller had ignored (``nohup``) stays ignored. A repetition within a few seconds is passed over; a
    later one raises wherever the program is. Inside another one it leaves everything to that.
    """
    last = float("-inf")

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > REPEAT_S:
            if _is_waiting:  # for what may hang
                _stop_waiting()
                raise KeyboardInterrupt
            _interrupt(frame)

    normal = (signal.SIG_DFL, signal.default_int_handler)
    with _handled(stop, lambda handler: handler in normal) as any_handled:
        try:
            yield
        finally:
            if any_handled:
                _stop_waiting()


@contextlib.contextmanager
def calling_on_stop(call: Callable[[], None]) -> Iterator[None]:
    """While the body runs, Ctrl-C, SIGTERM and SIGHUP call this and nothing else; signals that are ignored stay so."""

    def stop(number: int, frame: FrameType | None) -> None:
        call()

    with _handled(stop, lambda handler: handler is not signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handled(stop: Callable[[int, FrameType | None], None], is_replaced: Callable[[Any], bool]) -> Iterator[bool]:
    """While the body runs, ``stop`` handles the signals whose handler may be replaced; whether there is any."""
    replaced: dict[int, Any] = {}
    for name in _STOPS:
        number = getattr(signal, name, None)
        if number is not None and is_replaced(signal.getsignal(number)):
            with contextlib.suppress(ValueError):  # outside the main thread there are no signals to catch
                replaced[number] = signal.signal(number, stop)
    try:
        yield bool(replaced)
    finally:
        for number, handler in replaced.items():
            if signal.getsignal(number) is stop:  # whoever replaced it meanwhile meant to
                signal.signal(number, handler)
