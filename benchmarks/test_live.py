"""``nasalis live``: the same findings as ``analyze``, what dropped frames cost, and a long run in real time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.material import CLIPS, QUICK, ROOT, bench_dir, chosen_material, injected, need, show
from detector.config import Settings
from detector.frames import ClipSource
from detector.live_frames import open_live
from detector.live_line import Ended, LiveLine, Message
from detector.pipeline import Pipeline
from detector.score import read_truth
from detector.simulate_plan import plan_events
from detector.types import Episode, Frame, Twitch
from models import resolve
from tests.stream_servers import MjpegServer

DROPPED = 0.05  # share of the frames
DROP_SEED = 3
REACH_S = 0.2  # as of ``nasalis score``: an event is widened by this
LONG_S = 60.0 if QUICK else float(os.environ.get("NASALIS_LONG_S", "900"))
SCENE_S = 60.0  # looped
WIDTH, HEIGHT = 1280, 720
PORTRAIT = "portrait_b.jpg"
FACE_PX = 260.0
CUTS = 2 if QUICK else 5
UP_S, DOWN_S = 9.0, 3.0


def twitches_of_live(clip: Path) -> list[Twitch]:
    """Through the thread and the queues of ``live --replay --replay-speed max``."""
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    found: list[Twitch] = []
    with open_live(str(clip), replay=True, replay_speed="max", on_event=messages.put) as source:
        line = LiveLine(source, Settings(), resolve(), messages)
        line.start()
        while True:
            for message in line.take(1.0):
                if isinstance(message, Ended):
                    if message.error is not None:
                        raise message.error
                    return found
                if isinstance(message, Twitch) and message.kept:
                    found.append(message)


def through(frames: Iterator[Frame]) -> tuple[list[Twitch], list[Episode], float]:
    """Twitches, episodes and observed seconds."""
    line = Pipeline(Settings(), resolve())
    events = list(line.run(frames))
    twitches = [event for event in events if isinstance(event, Twitch) and event.kept]
    return twitches, [e for e in events if isinstance(e, Episode)], line.session_fields()["observed_s"]


def dropped(frames: Iterator[Frame]) -> Iterator[Frame]:
    rng = np.random.default_rng(DROP_SEED)
    yield from (frame for frame in frames if rng.random() >= DROPPED)


def found(episodes: list[Episode], truth: Path) -> tuple[int, int, int]:
    """Events found, all of them, and false alarms."""
    events = [event for event in read_truth(truth) if not event.distractor]
    spans = [(event.onset_s - REACH_S, event.offset_s + REACH_S) for event in events]
    hit = sum(any(e.start_s <= end and e.end_s >= start for e in episodes) for start, end in spans)
    false = sum(not any(e.start_s <= end and e.end_s >= start for start, end in spans) for e in episodes)
    return hit, len(events), false


@pytest.mark.benchmarks
def test_live_finds_what_analyze_finds_and_what_dropped_frames_cost() -> None:
    rows = []
    first = {material.label: (material, seed) for material, seed in reversed(chosen_material())}
    for material, seed in first.values():
        clip, truth = injected(material, seed)
        with ClipSource(clip) as source:
            twitches, episodes, seen_s = through(iter(source))
        same = twitches_of_live(clip) == twitches
        assert same, f"{clip.name}: live found other twitches"
        with ClipSource(clip) as source:
            _, fewer, fewer_s = through(dropped(iter(source)))
        whole, part = found(episodes, truth), found(fewer, truth)
        rows.append(
            [material.label, "same", len(twitches), *whole, f"{seen_s:.1f}", part[0], part[2], f"{fewer_s:.1f}"]
        )
    header = ("clip", "live", "twitches", "found", "of", "false", "seen s", "found, 5 % dropped", "false", "seen s")
    show("live --replay beside analyze, and with 5 % of the frames dropped at random", header, rows, "")


# --- a long run in real time ------------------------------------------------------------------------------------------


def scene() -> Path:
    """A portrait of 720p30 with an event every five seconds."""
    from detector.simulate_still import render_still

    path = bench_dir() / f"live_{SCENE_S:g}s_720p.mp4"
    if not path.exists():
        events = plan_events(SCENE_S, round(SCENE_S / 5.0), 9, sizes_px=(3.0, 4.0), train_share=0.4)
        render_still(
            need(CLIPS / PORTRAIT),
            path,
            None,
            events,
            model=resolve(),
            duration_s=SCENE_S,
            fps=30.0,
            seed=9,
            face_width_px=FACE_PX,
            width=WIDTH,
            height=HEIGHT,
        )
    return path


@dataclass(slots=True)
class Used:
    """Of a process, over time."""

    at_s: list[float]
    rss_mb: list[float]
    cpu_s: list[float]


def run_live(*options: str, display: str | None = None) -> tuple[list[dict[str, Any]], Used]:
    """The command in a process of its own: its lines, and what it used."""
    environment = os.environ | ({} if display is None else {"DISPLAY": display})
    log = bench_dir() / "live.sqlite"
    log.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "cli.py"), "live", "--json", "--log", str(log), *options]
    used, begin = Used([], [], []), time.monotonic()
    lines: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: lines.extend(map(json.loads, process.stdout or ())), daemon=True)
        reader.start()
        while process.poll() is None:
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
                used.cpu_s.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
                used.rss_mb.append(int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
                used.at_s.append(time.monotonic() - begin)
            time.sleep(1.0)
        reader.join()
    return lines, used


def lags(lines: list[dict[str, Any]]) -> tuple[list[float], list[float], list[float]]:
    """Seconds from the end of a twitch to its flash, to its line in the log, and from an episode's end to its own."""
    twitches = [line for line in lines if line["event"] == "twitch"]
    flashes = [line for line in lines if line["event"] == "flash"]
    flashed = []
    for flash in flashes:
        near = [t for t in twitches if abs(t["peak_s"] - flash["t_s"]) < 0.2]
        if near:
            twitch = min(near, key=lambda t: abs(t["peak_s"] - flash["t_s"]))
            flashed.append(flash["t_s"] + flash["told_after_s"] - twitch["offset_s"])
    logged = [twitch["told_after_s"] for twitch in twitches]
    return flashed, logged, [line["told_after_s"] for line in lines if line["event"] == "episode"]


def spread(values: list[float]) -> str:
    return "-" if not values else "{:.2f} / {:.2f} / {:.2f}".format(*np.percentile(values, (50, 95, 100)))


@pytest.mark.benchmarks
@pytest.mark.parametrize("window", [False, True])
def test_a_long_run_in_real_time(window: bool) -> None:
    display = os.environ.get("NASALIS_BENCH_DISPLAY")  # of a virtual screen
    if window and display is None:
        pytest.skip("no screen named in NASALIS_BENCH_DISPLAY")
    options = ["--source", str(scene()), "--replay", "--loop", "--duration", f"{LONG_S:g}"]
    lines, used = run_live(*options, *([] if window else ["--no-window"]), display=display)
    status = [line for line in lines if line["event"] == "status"][-1]
    flashed, logged, told = lags(lines)
    minute = int(np.searchsorted(used.at_s, 60.0))
    busy = (used.cpu_s[-1] - used.cpu_s[min(minute, len(used.cpu_s) - 2)]) / max(used.at_s[-1] - 60.0, 1.0)
    at_1_min = used.rss_mb[min(minute, len(used.rss_mb) - 1)]
    rows = [
        ["frames, lost", f"{status['frames']}, {status['frames_lost']} at {status['t_s']:.0f} s"],
        ["pictures a second handled", f"{status['frames'] / status['t_s']:.2f}"],
        ["observed", f"{status['observed_s']:.0f} s"],
        ["episodes, twitches", f"{status['episodes']}, {status['twitches']}"],
        ["processors busy", f"{busy:.2f}"],
        ["memory at 1 min, at the end, most", f"{at_1_min:.0f}, {used.rss_mb[-1]:.0f}, {max(used.rss_mb):.0f} MB"],
        ["flashed after the end of the twitch, s (50/95/100 %)", f"{spread(flashed)} ({len(flashed)})"],
        ["logged after the end of the twitch, s", f"{spread(logged)} ({len(logged)})"],
        ["episode told after its end, s", f"{spread(told)} ({len(told)})"],
        ["log", f"{(bench_dir() / 'live.sqlite').stat().st_size / 1e3:.0f} kB"],
    ]
    show(f"{LONG_S:g} s of 720p30 in real time{', with the window' if window else ''}", ("", ""), rows, "")
    assert status["frames"] > 0


# --- a stream that is cut ---------------------------------------------------------------------------------------------


def served(clip: Path) -> MjpegServer:
    """A clip over and over."""
    import cv2

    with ClipSource(clip) as source:
        quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
        jpegs = [cv2.imencode(".jpg", frame.image, quality)[1].tobytes() for frame in source]
        return MjpegServer(source.nominal_fps, lambda number: jpegs[number % len(jpegs)])


@pytest.mark.benchmarks
def test_a_stream_cut_and_restored() -> None:
    stream = served(ROOT / "samples" / "twitches.mp4")
    whole_s = CUTS * (UP_S + DOWN_S) + UP_S

    def cut() -> None:
        for _ in range(CUTS):
            time.sleep(UP_S)
            stream.cut()
            time.sleep(DOWN_S)
            stream.start()

    threading.Thread(target=cut, daemon=True).start()
    url = f"http://127.0.0.1:{stream.port}/video"
    lines, _ = run_live("--source", url, "--no-window", "--duration", f"{whole_s:g}")
    stream.cut()
    gaps = [(line["start_s"], line["end_s"]) for line in lines if line["event"] == "gap"]
    episodes = [line for line in lines if line["event"] == "episode"]
    times = [line["start_s"] for line in episodes]
    show(
        f"HTTP MJPEG, cut {CUTS} times for {DOWN_S:g} s",
        ("", ""),
        [
            ["gaps marked", ", ".join(f"{a:.1f}-{b:.1f}" for a, b in gaps)],
            ["episodes", f"{len(episodes)} at {', '.join(f'{t:.1f}' for t in times)} s"],
            ["said", "; ".join(line["words"] for line in lines if line["event"] == "source")],
        ],
        "",
    )
    assert len(gaps) == CUTS
    assert times == sorted(times) and len(episodes) > CUTS
