"""How long to wait for another process that is silent, told by what it does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOK_S = 1.0  # between two looks; pictures come faster, so that a look is rare
_BUSY_SHARE = 0.01  # of a core: two ticks of the kernel's clock a second; a process that waits uses none
# Fields of /proc/PID/stat (proc_pid_stat(5)) counted from after the name: state is the third of all.
_USER_TICKS, _SYSTEM_TICKS = 14 - 3, 15 - 3
_TICKS_A_SECOND = 100.0  # USER_HZ, the same on every Linux that Python runs on


@dataclass(frozen=True, slots=True)
class Patience:
    """After how much silence a decoder is given up.

    Attributes
    ----------
    idle_s : float
        Neither computing nor reading. A disk that spins up takes 10 s, a network share that comes back about as long.
    busy_s : float
        Computing without a picture, s of one core. The slowest first picture measured took 3.7 s: 8192 x 4352 in 10 bit
        of H.265 with 16 threads on two cores.
    longest_s : float
        Reading without a picture, or anything else. A damaged stretch of a gigabyte takes that long at 2 MB/s.
    """

    idle_s: float = 30.0
    busy_s: float = 60.0
    longest_s: float = 600.0


class Silence:
    """One silence, from its begin on.

    Time is counted in looks, not by a clock: a program that is stopped (Ctrl-Z) or asleep with its computer finds no
    hour gone by when it goes on.
    """

    def __init__(self, pid: int, patience: Patience) -> None:
        self._pid = pid
        self._patience = patience
        self._before = _work_of(pid)
        self._idle_s = self._busy_s = self._all_s = 0.0

    def look(self, waited_s: float) -> str:
        """Why to give up, after waiting that long since the look before; empty while there is hope."""
        waited_s = min(waited_s, 2.0 * LOOK_S)
        before, self._before = self._before, _work_of(self._pid)
        self._all_s += waited_s
        if before is None or self._before is None:
            self._busy_s += waited_s  # nothing is known: the middle of the three
        else:
            computed_s, read = self._before[0] - before[0], self._before[1] - before[1]
            if computed_s > _BUSY_SHARE * waited_s:
                self._busy_s += min(computed_s, waited_s)
                self._idle_s = 0.0
            elif read:
                self._idle_s = 0.0
            else:
                self._idle_s += waited_s
        limits = self._patience
        if self._idle_s >= limits.idle_s:
            return f"the decoder hangs: it did nothing for {self._idle_s:.0f} s"
        if self._busy_s >= limits.busy_s:
            return f"the decoder does not end: no picture in {self._busy_s:.0f} s of computing"
        if self._all_s >= limits.longest_s:
            return f"no picture came for {self._all_s:.0f} s"
        return ""


def _work_of(pid: int) -> tuple[float, int] | None:
    """Computing time, s, and bytes read by a process since it began; None where the system does not tell."""
    folder = Path(f"/proc/{pid}")
    try:
        fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        computed_s = (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_A_SECOND
        read = int((folder / "io").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return computed_s, read
