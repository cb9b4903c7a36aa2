"""Which runs of a log are still going on: locks that the kernel drops when a program ends, however it ends.

They lie on a file of their own beside the log (``LOG-lock``, empty, there while the log is open): closing a second
handle of the log itself would drop the locks that SQLite holds on it. Byte 0 is shared by every program that may write
the log, byte 1 + run is held by the one whose run it is. The locks are of the open file (F_OFD_SETLK, fcntl(2)) and not
of the process, so that two logs opened in one program do not take them from each other.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
from pathlib import Path

from detector.errors import LogError

_FLOCK = "hhqqi0q"  # struct flock: type, whence, start, length (0: to the end), process
_OPEN = 0  # the byte that everybody shares
WAIT_S = 1.0  # for one that only closes the log, which takes a moment


class Presence:
    """What one open log says of itself to others, and asks of them.

    Where no lock can be had (a folder or a drive that has none) nothing is held and nothing can be told.

    Parameters
    ----------
    path : Path
        The log.
    alone : bool
        Let nobody else write it from now on.

    Raises
    ------
    LogError
        Another program is repairing the log, or with ``alone`` uses it.
    """

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self._held: set[int] = set()
        self._path = Path(f"{path}-lock")
        self._file = -1
        deadline = time.monotonic() + WAIT_S
        while sys.platform == "linux" and not self._joined(alone):
            if time.monotonic() > deadline:
                raise LogError(
                    f"the episode log {path} is used by another program: close that one and try again"
                    if alone
                    else f"the episode log {path} is just being repaired: try again in a moment"
                )
            time.sleep(0.01)

    def _joined(self, alone: bool) -> bool:
        """Whether the lock is had, or can never be had."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True
        if (self._lock("F_WRLCK", 0, 0) if alone else self._lock("F_RDLCK", _OPEN, 1)) is not False:
            with contextlib.suppress(OSError):  # the last to close the log may have removed it in between
                if os.path.samestat(os.fstat(self._file), self._path.stat()):
                    return True
        self._leave()
        return False

    def hold(self, run: int) -> None:
        """A run of this program has begun."""
        self._held.add(run)
        self._lock("F_WRLCK", 1 + run, 1)

    def let_go(self, run: int) -> None:
        """It is over."""
        self._held.discard(run)
        self._lock("F_UNLCK", 1 + run, 1)

    def is_alive(self, run: int) -> bool | None:
        """Whether any program holds the run; None where it cannot be told."""
        if run in self._held:  # one's own lock is in nobody's way, and would not be seen
            return True
        with contextlib.suppress(OSError, ImportError):
            import fcntl

            return self._call("F_OFD_GETLK", "F_WRLCK", 1 + run, 1) != fcntl.F_UNLCK
        return None

    def close(self) -> None:
        """Let go of everything; the last one takes the file away."""
        if self._file >= 0 and self._lock("F_WRLCK", 0, 0):
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._leave()

    def _leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _lock(self, kind: str, start: int, length: int) -> bool | None:
        """Whether it is had; None where there are no locks."""
        try:
            self._call("F_OFD_SETLK", kind, start, length)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: somebody has it
            return False
        except OSError:
            return None
        return True

    def _call(self, command: str, kind: str, start: int, length: int) -> int:
        """The kind of lock in the kernel's answer."""
        if self._file < 0:
            raise OSError("there is no file to lock")
        import fcntl  # not on Windows

        asked = struct.pack(_FLOCK, getattr(fcntl, kind), os.SEEK_SET, start, length, 0)
        answer = fcntl.fcntl(self._file, getattr(fcntl, command), asked)
        return int(struct.unpack(_FLOCK, answer)[0])
