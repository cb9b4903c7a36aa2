"""Ctrl-C where the program cannot answer for itself: while it is being loaded, and when it is over.

While it is loaded it ends at once and without a word, as nothing is to be saved yet; otherwise Python would show where
in its imports it was. What it does before the first line of ours cannot be helped. When it is over everything is saved
and said; Python takes itself down for some tenths of a second, in which Ctrl-C would turn success into a death.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

INTERRUPTED = 130  # of the contract
_PYTHON = signal.default_int_handler  # raises KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def end() -> None:
    """The program is there and can answer for itself."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _PYTHON)


def over() -> None:
    """The program has done what it had to: its exit code stands."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# a program that handles Ctrl-C otherwise, or ignores it, goes on doing so
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _PYTHON:
    signal.signal(signal.SIGINT, _leave)
