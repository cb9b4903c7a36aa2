"""Damaged and hostile files by the thousand: no crash, no hang, no traceback; each a clear sentence or a result.

``NASALIS_BENCH_FUZZ=first,count`` for others than the usual numbers; a number that failed is made again by
``tests.mutants.mutant`` or ``tests.file_trials.Trials``.
"""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.material import QUICK, ROOT, show
from detector.config import Settings
from detector.errors import NasalisError
from detector.record.log import EpisodeLog
from tests import mutants
from tests.file_trials import Ran, Trials, program

__all__ = ["program"]  # a fixture
pytestmark = pytest.mark.benchmarks

FIRST, COUNT = map(int, os.environ.get("NASALIS_BENCH_FUZZ", "0,40" if QUICK else "0,1000").split(","))
COMMANDS = max(COUNT // 40, 2)  # of the clips go through the real command too
HANG_S = 180.0  # three times what the longest patience with a decoder that computes is
KINDS = ("clear error", "partial result", "complete", "failed")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return mutants.seed_clips(ROOT / "samples" / "twitches.mp4", tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def alarm() -> Iterator[None]:
    """What takes longer than ``HANG_S`` fails."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not done within {HANG_S:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def analyzed(clip: Path, log: EpisodeLog) -> tuple[str, str]:
    """What came of a clip, and what was said of it."""
    from detector.session import analyze_clip

    before = len(log.runs())
    signal.alarm(round(HANG_S))
    try:
        analyze_clip(clip, Settings(), log=log)
    except NasalisError as error:
        said = str(error)
    except Exception as error:
        return "failed", repr(error)
    else:
        said = ""
    finally:
        signal.alarm(0)
    sessions = [run.session for run in log.runs()[before:]]  # the newest are last
    if "\n" in said or (said and not said.endswith(".")):
        return "failed", f"said {said!r}"
    if any(session.status == "running" for session in sessions):
        return "failed", "left as running in the log"
    if not sessions or sessions[0].frames == 0:
        return ("clear error", said) if said else ("failed", "nothing was read and nothing said")
    whole = not said and sessions[0].frames == mutants.FRAMES and not sessions[0].frames_lost
    return "complete" if whole else "partial result", said


@pytest.mark.usefixtures("alarm")
def test_clips(seeds: list[Path], tmp_path: Path) -> None:
    outcomes: dict[str, Counter[str]] = {}
    failures: list[str] = []
    longest = (0.0, "")
    begun = time.monotonic()
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        for number in range(FIRST, FIRST + COUNT):
            clip, how = mutants.mutant(number, seeds, tmp_path)
            clip_begun = time.monotonic()
            outcome, said = analyzed(clip, log)
            longest = max(longest, (time.monotonic() - clip_begun, how))
            outcomes.setdefault(how.split()[1], Counter())[outcome] += 1
            if outcome == "failed":
                failures.append(f"{how}: {said}")
            clip.unlink()
    minutes = (time.monotonic() - begun) / 60.0
    rows = [[name, *(str(counts[kind]) for kind in KINDS)] for name, counts in sorted(outcomes.items())]
    total: Counter[str] = sum(outcomes.values(), Counter())
    show(
        f"{COUNT} damaged clips through analyze, numbers from {FIRST}",
        ["damage", *KINDS],
        [*rows, ["all", *(str(total[kind]) for kind in KINDS)]],
        f"{minutes:.1f} min; the longest took {longest[0]:.1f} s ({longest[1]}); "
        f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB",
    )
    assert not failures, "\n".join(failures)


def test_clips_through_the_command(seeds: list[Path], tmp_path: Path) -> None:
    """As a user would, each in a process of its own."""
    failures: list[str] = []
    codes: Counter[int] = Counter()
    for number in range(FIRST, FIRST + COUNT, COUNT // COMMANDS):
        clip, how = mutants.mutant(number, seeds, tmp_path)
        command = [sys.executable, "-m", "cli", "analyze", str(clip), "--log", str(tmp_path / "log.sqlite")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
        codes[done.returncode] += 1
        if wrong := Ran(tuple(command), done.returncode, done.stdout, done.stderr).wrong():
            failures.append(f"{how}: {wrong}: {done.stderr[-500:]}")
    rows = [[str(code), str(count)] for code, count in sorted(codes.items())]
    show(f"{sum(codes.values())} of them through the command", ["exit code", "clips"], rows)
    assert not failures, "\n".join(failures)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("kind", ["log", "table", "signal"])
def test_files(program: Callable[..., Ran], tmp_path: Path, kind: str) -> None:
    trials = Trials(tmp_path, with_demo=kind == "log")
    codes: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    for number in range(FIRST, FIRST + COUNT):
        words, how = getattr(trials, kind)(random.Random(number))
        signal.alarm(round(HANG_S))
        ran = program(*words)
        signal.alarm(0)
        codes[words[0], str(ran.code)] += 1
        if wrong := ran.wrong():
            failures.append(f"{number}: {wrong}: {' '.join(words)}: {how[:300]}: {ran.err[-300:]}")
    rows = [[*key, str(count)] for key, count in sorted(codes.items())]
    show(f"{COUNT} damaged files ({kind}), numbers from {FIRST}", ["command", "exit code", "runs"], rows)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    ("name", "runs"), [("clips", 200_000), ("amounts", 2_000_000), ("marks", 2_000_000), ("times", 200_000)]
)
def test_parsers_with_coverage(name: str, runs: int, tmp_path: Path) -> None:
    """Our own parsers, led by the lines that are reached (pip install atheris)."""
    pytest.importorskip("atheris")
    runs = runs // 100 if QUICK else runs
    command = [
        sys.executable,
        "-m",
        "benchmarks.fuzz_targets",
        name,
        f"-runs={runs}",
        f"-seed={FIRST + 1}",
        "-max_len=4096",
        f"-artifact_prefix={tmp_path}/",
    ]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    rows = [[name, str(runs), reached[-1] if reached else "-", f"{time.monotonic() - begun:.0f}"]]
    show("Parsers led by the lines they reach", ["parser", "runs", "edges reached", "took s"], rows)
    assert done.returncode == 0 and f"Done {runs} runs" in done.stderr, done.stdout[-3000:] + done.stderr[-3000:]
