"""How long ``analyze`` takes against decoding alone and against the face mesh on every frame; where it goes; memory."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.alone import family, peak_mb_of
from benchmarks.bare import decode, mesh
from benchmarks.material import CLIPS, QUICK, ROOT, bench_dir, need, show
from detector.config import Settings

CLIP = "still_moving_camera_720p.mp4"
REPEATS = 1 if QUICK else 3
LONG_S = (5.0, 20.0) if QUICK else (60.0, 600.0, 3600.0)
LIVE_S = (6.0, 12.0) if QUICK else (15.0, 75.0)
MOST_MB = 600.0  # of the longest
SAMPLE = ROOT / "samples" / "twitches.mp4"
GROWTH_MB = 60.0  # more than this between the short and the long clip is a leak and no noise

# The whole command in a process of its own. VmHWM and not getrusage's ru_maxrss: the latter keeps the size of the
# process that started it.
MEASURED_COMMAND = """
import json, resource, sys
import cli
try:
    cli.main()
except SystemExit as done:
    code = done.code or 0
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print()
spent = sum(each.ru_utime + each.ru_stime for each in used)
print(json.dumps({"code": code, "peak_mb": peak, "cpu_s": spent}))
"""


@dataclass(frozen=True, slots=True)
class Took:
    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), cpu_s()
    work()
    return Took(time.perf_counter() - wall, cpu_s() - cpu)


def cpu_s() -> float:
    """Of this process and of those it has waited for: the decoder is one."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def analyze(clip: Path) -> None:
    from detector.session import analyze_clip

    analyze_clip(clip, Settings())


def warm(clip: Path) -> None:
    """Compiled kernels in memory, libraries loaded."""
    from detector.session import analyze_clip

    analyze_clip(clip, Settings(), end_s=2.0)


@pytest.mark.benchmarks
def test_speed_against_decoding_and_a_bare_mesh() -> None:
    clip = need(CLIPS / CLIP)
    warm(clip)
    frames = decode(clip)
    works: dict[str, Callable[[], object]] = {
        "decode alone (cv2)": lambda: decode(clip),
        "bare mesh, every frame, 1 face": lambda: mesh(clip, 1),
        "bare mesh, every frame, 2 faces": lambda: mesh(clip, 2),  # what analyze asks for, to notice a second one
        "analyze": lambda: analyze(clip),
    }
    took: dict[str, list[Took]] = defaultdict(list)
    for _ in range(REPEATS):  # in turn, so that a busy machine is busy for all
        for name, work in works.items():
            took[name].append(timed(work))
    decoding, bare = (took[name] for name in list(works)[:2])
    rows = []
    for name, runs in took.items():
        wall = [run.wall_s for run in runs]
        rows.append(
            [
                name,
                f"{min(wall):.2f}",
                f"{statistics.median(wall):.2f}",
                f"{statistics.median(run.cpu_s for run in runs):.2f}",
                f"{frames / min(wall):.0f}",
                f"{1e3 * min(wall) / frames:.1f}",
                ratio(runs, decoding),
                ratio(runs, bare),
            ]
        )
    show(
        f"Speed on {CLIP}, {frames} frames, {REPEATS} turns",
        ["", "s, best", "s, median", "CPU s", "frames/s", "ms/frame", "to decoding", "to bare mesh, 1 face"],
        rows,
        "Ratios of wall time: of the best turns (median, least and largest of the turns' own ratios).",
    )
    assert frames > 0
    assert all(run.wall_s > 0.0 for runs in took.values() for run in runs)


def ratio(runs: list[Took], rival: list[Took]) -> str:
    each = [run.wall_s / other.wall_s for run, other in zip(runs, rival, strict=True)]
    best = min(run.wall_s for run in runs) / min(run.wall_s for run in rival)
    return f"{best:.2f} ({statistics.median(each):.2f}, {min(each):.2f} to {max(each):.2f})"


@pytest.mark.benchmarks
def test_where_the_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    from detector import session
    from detector.face import FaceTracker
    from detector.gain import GainProbe
    from detector.guarded import GuardedClip
    from detector.motion import Meter
    from detector.placement import HeadCrop
    from detector.registration import Registrar
    from detector.twitches import Detector

    clip = need(CLIPS / CLIP)
    warm(clip)
    spent: dict[str, float] = defaultdict(float)
    stages: tuple[tuple[str, type, tuple[str, ...]], ...] = (
        ("waiting for the decoder", GuardedClip, ("__init__", "__next__")),
        ("mesh, start", FaceTracker, ("__init__", "close")),
        ("mesh", FaceTracker, ("detect",)),
        ("crop and steadying", HeadCrop, ("crop",)),
        ("registration", Registrar, ("__init__", "push")),
        ("gain", GainProbe, ("look",)),
        ("bump heights", Meter, ("measure",)),
        ("scores and peaks", Detector, ("push", "finish")),
    )
    for stage, owner, names in stages:
        for name in names:
            monkeypatch.setattr(owner, name, _clocked(getattr(owner, name), stage, spent))
    wall = 0.0
    for _ in range(REPEATS):
        wall += timed(lambda: session.analyze_clip(clip, Settings())).wall_s
    beside = ("waiting for the decoder", "mesh")  # in a thread ahead: the sum is more than the time it takes
    here = sum(seconds for stage, seconds in spent.items() if stage not in beside)
    spent["everything else, and waiting"] = wall - here
    frames = REPEATS * decode(clip)
    show(
        f"Where the time of analyze goes, {CLIP}",
        ["stage", "of the time it takes", "ms/frame"],
        [
            (stage, f"{seconds / wall:.0%}", f"{1e3 * seconds / frames:.2f}")
            for stage, seconds in sorted(spent.items(), key=lambda item: -item[1])
        ]
        + [("all", "100%", f"{1e3 * wall / frames:.2f}")],
        "The decoder is a process of its own; waiting for it and the mesh run beside the rest, in a thread ahead.",
    )
    assert 0.0 < sum(spent[stage] for stage in beside) < wall
    assert here < wall  # more would mean that a stage was counted inside another


def _clocked(method: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            spent[stage] += time.perf_counter() - begun

    return run


@pytest.mark.benchmarks
def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    clips = [looped(seconds) for seconds in LONG_S]
    rows, peaks = [], []
    for seconds, clip in zip(LONG_S, clips, strict=True):
        begun = time.perf_counter()
        command = ["analyze", str(clip), "--quiet", "--log", str(tmp_path / f"{seconds:g}.sqlite")]
        with (tmp_path / "said").open("w") as said:
            running = subprocess.Popen(
                [sys.executable, "-c", MEASURED_COMMAND, *command],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        beside = 0.0  # of all that it starts; getrusage would tell how large it was itself when it started them
        while running.poll() is None:
            beside = max(beside, sum(peak_mb_of(pid) for pid in family(running.pid)[1:]))
            time.sleep(0.5)
        assert running.stdout is not None
        words = running.stdout.read().strip()
        assert words, (tmp_path / "said").read_text()
        told = json.loads(words.splitlines()[-1])
        assert told["code"] == 0, (tmp_path / "said").read_text()
        took = time.perf_counter() - begun
        peaks.append(float(told["peak_mb"]))
        rows.append(
            [
                f"{seconds:g} s",
                f"{peaks[-1]:.0f}",
                f"{beside:.0f}",
                f"{took:.1f}",
                f"{told['cpu_s']:.1f}",
                f"{seconds / took:.2f}",
            ]
        )
    show(
        "The whole command on long clips, 640x480 at 30 frames/s",
        ["clip", "peak MB", "and of the decoder", "s", "CPU s", "times real time"],
        rows,
        f"Growth: {peaks[-1] - peaks[0]:+.0f} MB.",
    )
    assert peaks[-1] - peaks[0] < GROWTH_MB
    assert peaks[-1] < MOST_MB


def looped(seconds: float) -> Path:
    """The sample over and over, with times that go on; its packets as they are, so that an hour is made in a moment."""
    import av

    path = bench_dir() / f"looped_{seconds:g}s.mp4"
    if path.exists():
        return path
    part = path.with_suffix(".part.mp4")
    with av.open(str(need(SAMPLE))) as sample, av.open(str(part), "w") as clip:
        stream = sample.streams.video[0]
        copy = clip.add_stream_from_template(stream)
        assert stream.duration is not None
        assert stream.time_base is not None
        for turn in range(math.ceil(seconds / float(stream.duration * stream.time_base))):
            sample.seek(0, stream=stream)
            for packet in sample.demux(stream):
                if packet.pts is None or packet.dts is None:
                    continue  # the empty one at the end
                begins = turn * stream.duration
                if float((begins + packet.dts) * stream.time_base) >= seconds:
                    break
                packet.pts, packet.dts, packet.stream = begins + packet.pts, begins + packet.dts, copy
                clip.mux(packet)
    return part.replace(path)


LIVE_COMMAND = """
import json, resource, sys, time
import cli
begun = time.perf_counter()
try:
    cli.main()
except SystemExit as done:
    code = done.code or 0
took = time.perf_counter() - begun
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print()
print(json.dumps({"code": code, "wall_s": took, "cpu_s": sum(each.ru_utime + each.ru_stime for each in used)}))
"""


@pytest.mark.benchmarks
def test_live_leaves_the_machine_to_others(tmp_path: Path) -> None:
    """In real time; what start and warming up take is left out, by the difference of a short and a long run."""
    clip = need(CLIPS / CLIP)
    warm(clip)
    rows, spent = [], []
    for seconds in LIVE_S:
        command = ["live", "--source", str(clip), "--replay", "--loop", "--duration", f"{seconds:g}", "--no-window"]
        done = subprocess.run(
            [sys.executable, "-c", LIVE_COMMAND, *command, "--quiet", "--log", str(tmp_path / f"{seconds:g}.sqlite")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert done.stdout.strip(), done.stderr
        told = json.loads(done.stdout.strip().splitlines()[-1])
        assert told["code"] == 0, done.stderr
        spent.append(told)
        rows.append([f"{seconds:g} s", f"{told['wall_s']:.1f}", f"{told['cpu_s']:.1f}", ""])
    wall_s, cpu_s = (spent[1][name] - spent[0][name] for name in ("wall_s", "cpu_s"))
    rows.append(["the longer less the shorter", f"{wall_s:.1f}", f"{cpu_s:.1f}", f"{cpu_s / wall_s:.0%}"])
    show(f"nasalis live --replay --loop --no-window, {CLIP}", ["", "s", "CPU s", "of one core"], rows)
    assert wall_s > 0.5 * (LIVE_S[1] - LIVE_S[0])
