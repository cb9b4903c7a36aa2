"""A process with its children: their resident memory, cheap enough to be asked ten times a second, and their end."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

FAMILY_S = 1.0  # how often children are looked for: that reads every process of the machine


class Memory:
    """Of one process and all that it started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._family: list[psutil.Process] = []
        self._looked_s = float("-inf")

    def resident_bytes(self) -> int:
        """Now, pages that they share counted for each; 0 when it is gone."""
        import psutil

        if time.monotonic() - self._looked_s > FAMILY_S:
            self._looked_s = time.monotonic()
            try:
                parent = psutil.Process(self._pid)
                self._family = [parent, *parent.children(recursive=True)]
            except psutil.Error:
                self._family = []
        total = 0
        for one in self._family:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
        return total


def kill_family(pid: int) -> None:
    """Kill a process and all that it started, as far as it is still known who did."""
    import psutil

    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for one in [*parent.children(recursive=True), parent]:
            with contextlib.suppress(psutil.Error):
                one.kill()
