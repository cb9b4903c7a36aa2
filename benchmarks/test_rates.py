"""One scene at several frame rates, at a variable one and at several sizes: are the same twitches found, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.material import CLIPS, QUICK, bench_dir, nearest_pairs, need, show
from detector.config import Settings
from detector.simulate_plan import TwitchPlan, plan_events
from detector.types import Frame, Session

SEED = 5
PORTRAIT = "portrait_a.jpg"
DURATION_S = 9.0 if QUICK else 12.0
EVENTS = 2 if QUICK else 4
SIZES_PX = (2.5, 3.0, 3.5, 4.0)  # of the clip at scale 1: large enough that what is lost is lost to the rate
RATES = (15.0, 30.0) if QUICK else (15.0, 24.0, 30.0, 50.0, 60.0)
SCALES = (0.5,) if QUICK else (0.5, 0.75, 1.5, 2.0)
BASE = "30 fps"
MASTER_CRF = 8  # nearly lossless: all clips are then compressed once, alike
CRF = 23
REACH_S = 0.06  # under half the interval of an 8 Hz train, so that no jerk is taken for its neighbor
EVENT_REACH_S = 0.3
HEADER = (
    *("clip", "fps", "px/mm", "seen s", "events", "twitches"),
    *("start ms", "frames", "onset ms", "frames", "peak ms", "frames"),
    *(f"as at {BASE}", "onset ms", "frames", "peak ms", "frames"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What was found in one version of the scene; times in s."""

    session: Session
    starts: list[float]  # of the episodes
    onsets: list[float]  # of the twitches
    peaks: list[float]


def plans() -> list[TwitchPlan]:
    return plan_events(DURATION_S, EVENTS, SEED, sizes_px=SIZES_PX, train_share=0.4)


def versions() -> dict[str, Path]:
    """Every version of the scene by name, made when one is missing."""
    from detector.simulate_clip import read_frames
    from detector.simulate_still import render_still
    from models import resolve

    folder = bench_dir() / f"rates_{DURATION_S:g}s"
    folder.mkdir(exist_ok=True)
    clips = {f"{rate:g} fps": folder / f"{rate:g}fps.mp4" for rate in RATES}
    variable = folder / "variable.mp4"
    scaled = {f"30 fps, {scale:g}x": folder / f"30fps_{scale:g}x.mp4" for scale in SCALES}
    if all(path.exists() for path in (*clips.values(), variable, *scaled.values())):
        return clips | {"variable rate": variable} | scaled
    portrait = need(CLIPS / PORTRAIT)
    for rate, path in zip(RATES, clips.values(), strict=True):
        master = folder / f"master_{rate:g}.mp4"
        events = plans()
        render_still(
            portrait,
            master,
            None,
            events,
            model=resolve(),
            duration_s=DURATION_S,
            fps=rate,
            seed=SEED,
            crf=MASTER_CRF,
            blinks=(),  # a blink over a twitch would hide it at one rate and not at another
        )
        write(read_frames(master), path, rate)
        if rate == max(RATES):
            write(thinned(read_frames(master)), variable, rate)
        if f"{rate:g} fps" == BASE:
            for scale, target in zip(SCALES, scaled.values(), strict=True):
                write(read_frames(master), target, rate, scale)
        master.unlink()
    return clips | {"variable rate": variable} | scaled


def thinned(frames: Iterator[Frame]) -> Iterator[Frame]:
    """One, two or three frames on at random, each at its own time: what a phone does in changing light."""
    rng = np.random.default_rng(SEED)
    wait = 0
    for frame in frames:
        if wait == 0:
            yield frame
            wait = int(rng.integers(1, 4))
        wait -= 1


def write(frames: Iterator[Frame], path: Path, fps: float, scale: float = 1.0) -> None:
    import cv2

    from detector.encode import VideoWriter

    writer: VideoWriter | None = None
    for frame in frames:
        picture = frame.image
        if scale != 1.0:
            size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
            how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
            # Floating point: on integers cv2 rounds the weights to 1/2048.
            sized = cv2.resize(picture.astype(np.float32), size, interpolation=how)
            picture = np.clip(np.rint(sized), 0, 255).astype(np.uint8)
        if writer is None:
            writer = VideoWriter(path, picture.shape[1], picture.shape[0], crf=CRF, fps=fps)
        writer.write(picture, frame.t_s)
    assert writer is not None
    writer.close()


def analyze(path: Path) -> Run:
    from detector.session import analyze_clip

    result = analyze_clip(path, Settings())
    kept = sorted((twitch for twitch in result.twitches if twitch.kept), key=lambda twitch: twitch.peak_s)
    return Run(
        result.session,
        sorted(episode.start_s for episode in result.episodes),
        [twitch.onset_s for twitch in kept],
        [twitch.peak_s for twitch in kept],
    )


def differences(there: list[float], here: list[float], reach_s: float) -> np.ndarray:
    """Here minus there of the pairs, s."""
    return np.array([here[j] - there[i] for i, j in nearest_pairs(there, here, reach_s)])


def worst(apart_s: np.ndarray, frame_s: float) -> tuple[str, str]:
    """Median and largest difference in ms, and the largest in frames."""
    if not len(apart_s):
        return "-", "-"
    largest = float(np.abs(apart_s).max())
    return f"{1e3 * np.median(apart_s):+.0f} ({1e3 * largest:.0f})", f"{largest / frame_s:.2f}"


def row(name: str, run: Run, base: Run, events: list[float], jerks: list[float], peaks: list[float]) -> list[str]:
    frame_s = 1.0 / run.session.fps
    starts = differences(events, run.starts, EVENT_REACH_S)
    hits = differences(peaks, run.peaks, REACH_S)
    onsets = differences(jerks, run.onsets, REACH_S)
    shared = differences(base.peaks, run.peaks, REACH_S)
    moved = differences(base.onsets, run.onsets, REACH_S)
    scale = run.session.px_per_mm
    return [
        name,
        f"{run.session.fps:.1f}",
        "-" if scale is None else f"{scale:.2f}",
        f"{run.session.observed_s:.1f}",
        f"{len(starts)}/{len(events)} +{len(run.starts) - len(starts)}",
        f"{len(hits)}/{len(peaks)} +{len(run.peaks) - len(hits)}",
        *worst(starts, frame_s),
        *worst(onsets, frame_s),
        *worst(hits, frame_s),
        f"{len(shared)}, +{len(run.peaks) - len(shared)} -{len(base.peaks) - len(shared)}",
        *worst(moved, frame_s),
        *worst(shared, frame_s),
    ]


@pytest.mark.benchmarks
def test_one_scene_at_several_rates_and_sizes() -> None:
    truth = plans()
    events = [plan.onset_s for plan in truth]
    jerks = [onset for plan in truth for onset in plan.onsets_s]
    peaks = [onset + plan.rise_s for plan in truth for onset in plan.onsets_s]
    runs = {name: analyze(path) for name, path in versions().items()}
    base = runs[BASE]
    show(
        f"One scene, {len(events)} events of {len(jerks)} twitches: what is found, and when",
        HEADER,
        [row(name, run, base, events, jerks, peaks) for name, run in runs.items()],
        "Events and twitches: found/all, + false. ms: median (largest), found minus truth, and this clip minus "
        f"{BASE}; frames: the largest, in frames of this clip. As at {BASE}: twitches found in both, + only here, "
        f"- only at {BASE}.",
    )
    for name, run in runs.items():
        assert run.session.status == "complete"
        assert run.session.duration_s == pytest.approx(DURATION_S, abs=0.1)
        if name in [f"{rate:g} fps" for rate in RATES]:
            assert run.session.fps == pytest.approx(float(name.split()[0]), rel=0.02)
