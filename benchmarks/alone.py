"""One way on one clip, in a process of its own: how long it takes, and how much memory.

``python -m benchmarks.alone WAY CLIP``, where WAY is ``decode``, ``mesh``, ``ours`` or a rival's variant as JSON.
Nothing is imported that the way does not need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.rival_scores import Variant

ROOT = Path(__file__).resolve().parents[1]
WATCH_S = 0.25  # between two looks at the processes: a look takes some milliseconds


@dataclass(frozen=True, slots=True)
class Alone:
    """What one run took."""

    wall_s: float
    cpu_s: float  # of the process and of those that it started
    peak_mb: float  # of the process and of those that ran beside it: the sum of their peaks, shared pictures twice


def run_alone(way: str | Variant, clip: Path) -> Alone:
    """Start the way in a process of its own and wait for it."""
    from benchmarks.rival_scores import Variant

    named = json.dumps(asdict(way)) if isinstance(way, Variant) else way
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.alone", named, str(clip)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peak_mb = 0.0
    while process.poll() is None:
        peak_mb = max(peak_mb, sum(peak_mb_of(pid) for pid in family(process.pid)))
        time.sleep(WATCH_S)
    assert process.stdout is not None
    assert process.returncode == 0, process.args
    told: dict[str, Any] = json.loads(process.stdout.read().strip().splitlines()[-1])
    return Alone(told["wall_s"], told["cpu_s"], max(peak_mb, told["peak_mb"]))


def family(pid: int) -> list[int]:
    """The process and all that it started, and they."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # gone meanwhile
            continue
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def peak_mb_of(pid: int | str) -> float:
    """VmHWM; 0 of a process that is gone."""
    try:
        with Path(f"/proc/{pid}/status").open() as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM")), 0) / 1024
    except OSError:
        return 0.0


def _work(way: str, clip: Path) -> None:
    if way == "decode":
        from benchmarks.bare import decode

        decode(clip)
    elif way == "mesh":
        from benchmarks.bare import mesh

        mesh(clip, 1)
    elif way == "ours":
        from detector.config import Settings
        from detector.session import analyze_clip

        analyze_clip(clip, Settings())
    else:
        from benchmarks import rivals
        from benchmarks.rival_scores import Variant, read

        variant = Variant(**json.loads(way))
        read(rivals.measure(clip, (variant.measure,)), variant)


def main(way: str, clip: Path) -> None:
    """Twice, for the first time kernels are compiled and libraries loaded; the second is told."""
    _work(way, clip)
    wall, cpu = time.perf_counter(), os.times()
    _work(way, clip)
    took = time.perf_counter() - wall
    used = sum(os.times()[:4]) - sum(cpu[:4])
    print(json.dumps({"wall_s": took, "cpu_s": used, "peak_mb": peak_mb_of("self")}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
