"""Memory that stays flat over hours of pictures."""

from __future__ import annotations

import contextlib
import ctypes
import sys

# of glibc's malloc.h
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 1_000_000  # bytes; a picture of 640x480 is just below, one of 1280x720 is 2.8 MB
_ARENAS = 2


def keep_flat() -> None:
    """Let the C library give large blocks back at once, and keep small ones in few places; on Linux, else nothing.

    Pictures go from thread to thread. Left alone, glibc takes them from heaps of each thread, which grow in holes:
    by 100 MB in six minutes of 720p with the window.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_ARENA_MAX, _ARENAS)
