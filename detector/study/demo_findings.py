"""One made-up session: its figures, and the episodes that would have been found in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from detector.regions import NOSE, SITE_NAMES
from detector.study.demo_story import LEFT_SHARE, SIZE_MM, SIZE_SPREAD, StoryDay, Watch
from detector.types import (
    COURSE_FROM_S,
    COURSE_STEP_S,
    COURSE_TO_S,
    BothSides,
    Episode,
    RestingFace,
    Session,
    Side,
    Twitch,
)

# share of the left twitches, and how the pull of the muscle stands to the picture (regions.SITES)
PLACES = (
    ("nasalis_alar", 0.78, 340.0),
    ("levator_labii_alaeque_nasi", 0.15, 90.0),
    ("nasalis_transverse", 0.07, 150.0),
)
LIMIT90_OVER_50 = 1.7  # as measured on quiet footage (1.77 over 1.06, docs/measurements.md)
STEEPNESS = np.log(9.0) / np.log(LIMIT90_OVER_50)  # of the logistic curve through both limits
UP_S, DOWN_S = (0.035, 0.060), (0.060, 0.120)  # of injected twitches, docs/measurements.md
THRESHOLD, NORMAL, TAIL = 8.7, 7.4, 0.72  # of the score at low and at normal sensitivity (twitches.THRESHOLDS, TAIL)
FELT_SHARE = 0.15  # of what happens: the person marks it


@dataclass(frozen=True, slots=True)
class Made:
    """A session, what was found in it, and when a twitch was felt."""

    session: Session
    episodes: tuple[Episode, ...]
    felt_s: tuple[float, ...]


def session(day: StoryDay, watch: Watch, start: datetime, rng: np.random.Generator) -> Made:
    """A session of that day with its findings."""
    full = int(watch.length_s // 60.0)
    by_minute = np.round(60.0 * np.clip(rng.beta(9.0, 1.2, full), 0.0, 1.0), 2)
    by_minute[rng.random(full) < 0.04] = 0.0  # away from the desk
    episodes: list[Episode] = []
    felt: list[float] = []
    for k in np.flatnonzero(by_minute):
        for _ in range(rng.poisson(day.rate_per_h * by_minute[k] / 3600.0)):
            at_s = 60.0 * float(k) + float(rng.uniform(0.0, 50.0))
            size_mm = float(SIZE_MM * rng.lognormal(0.0, SIZE_SPREAD))
            if rng.random() < 1.0 / (1.0 + (watch.limit50_mm / size_mm) ** STEEPNESS):
                episodes.append(_episode(len(episodes) + 1, at_s, size_mm, watch.limit50_mm, rng))
            if rng.random() < FELT_SHARE:  # what was missed is felt as well
                felt.append(at_s + float(rng.uniform(0.5, 1.5)))
    return Made(_session(watch, start, by_minute, rng), tuple(episodes), tuple(felt))


def _session(watch: Watch, start: datetime, by_minute: np.ndarray, rng: np.random.Generator) -> Session:
    observed_s, length_s = float(by_minute.sum()), 60.0 * len(by_minute)
    areas = {SITE_NAMES[k]: watch.limit50_mm * float(rng.uniform(0.9, 1.15)) for k in NOSE}
    away_s = 60.0 * float((by_minute == 0.0).sum())
    return Session(
        session_id=hashlib.sha256(f"simulated {start.isoformat()}".encode()).hexdigest()[:12],
        source="simulated",
        sha256="",
        start_utc=start.isoformat(),
        duration_s=length_s,
        observed_s=observed_s,
        face_s=length_s - away_s,
        fps=30.0,
        width=1280,
        height=720,
        frames=int(30 * length_s),
        px_per_mm=round(float(rng.normal(1.7, 0.12)), 2),
        floor_mm={name: round(0.7 * mm, 3) for name, mm in areas.items()},
        limit50_mm={name: round(mm, 3) for name, mm in areas.items()},
        limit90_mm={name: round(LIMIT90_OVER_50 * mm, 3) for name, mm in areas.items()},
        not_observed_s={"no_face": away_s, "noise": round(length_s - observed_s - away_s, 2)},
        observed_by_minute_s=tuple(float(s) for s in by_minute),
        resting=_resting(observed_s, rng),
        settings={"sensitivity": "low"},
        notes=["made up for the demo, nobody was filmed"],
        status="complete",
    )


def _resting(observed_s: float, rng: np.random.Generator) -> RestingFace:
    def sides(right: float, left: float, error: float, decimals: int = 2) -> BothSides:
        right, left = (float(np.round(rng.normal(mean, error), decimals)) for mean in (right, left))
        ratio = round(min(right, left) / max(right, left), 3)
        return BothSides(right, left, round(left - right, decimals), ratio, round(1.5 * error, 3), error)

    quiet_s = round(0.6 * observed_s, 1)
    return RestingFace(
        quiet_s=quiet_s,
        mouth_height_mm=sides(65.2, 65.5, 0.3),
        mouth_reach_mm=sides(25.1, 25.0, 0.3),
        eye_open_mm=sides(10.1, 10.0, 0.25),
        brow_height_mm=sides(18.4, 18.6, 0.35),
        watched_s=round(0.9 * observed_s, 1),
        blinks=int(rng.poisson(14.0 * 0.9 * observed_s / 60.0)),
        blinks_per_minute=14.0,
        lid_closing=sides(0.78, 0.77, 0.015),
        one_sided_share=round(float(rng.uniform(0.0, 0.03)), 3),
    )


def _episode(number: int, at_s: float, size_mm: float, limit_mm: float, rng: np.random.Generator) -> Episode:
    side: Side = "left" if rng.random() < LEFT_SHARE else "right"
    muscle, _, pull_deg = PLACES[rng.choice(len(PLACES), p=[share for _, share, _ in PLACES])]
    count = 1 + int(rng.geometric(0.42)) - int(rng.random() < 0.5)
    intervals = rng.lognormal(np.log(0.24), 0.25, count - 1)
    sizes = size_mm * np.concatenate([[1.0], rng.uniform(0.55, 1.0, count - 1)])
    starts = at_s + np.concatenate([[0.0], np.cumsum(intervals)])
    region = f"{muscle}_{side}"
    deg = pull_deg if side == "left" else (180.0 - pull_deg) % 360.0
    noise_mm = limit_mm / THRESHOLD
    twitches = tuple(
        _twitch(region, side, float(t), float(mm), deg, noise_mm, rng) for t, mm in zip(starts, sizes, strict=True)
    )
    heights = [twitch.amplitude_mm for twitch in twitches]
    rate = None if count == 1 else round((count - 1) / float(intervals.sum()), 2)
    cv = round(float(intervals.std(ddof=1) / intervals.mean()), 3) if count >= 3 else None
    spasm = side == "left" and rng.random() < 0.02
    return Episode(
        number=number,
        start_s=twitches[0].onset_s,
        end_s=twitches[-1].offset_s,
        kind="undetermined" if spasm else "fasciculation_like",
        side=side,
        laterality=round(float(rng.uniform(0.75, 0.98)) * (1.0 if side == "left" else -1.0), 2),
        region=region,
        regions=(region,),
        twitch_count=count,
        peak_mm=max(heights),
        mean_mm=round(float(np.mean(heights)), 3),
        peak_px=round(1.7 * max(heights), 2),
        snr=max(twitch.snr for twitch in twitches),
        confidence=confidence(max(twitch.score for twitch in twitches)),
        rate_hz=rate,
        rhythm_cv=cv,
        co_movement=f"zygomaticus_{side}" if spasm else "",
        evidence=_evidence(twitches, side, cv, spasm),
        twitches=twitches,
    )


def confidence(score: float) -> float:
    """As :func:`detector.summary.confidence`, which would bring the whole line of measuring with it."""
    return float(1.0 / (1.0 + np.exp(-(score - NORMAL) / TAIL)))


def _evidence(twitches: tuple[Twitch, ...], side: Side, cv: float | None, spasm: bool) -> str:
    longest = max(twitch.offset_s - twitch.onset_s for twitch in twitches)
    top = max(twitch.amplitude_mm for twitch in twitches)
    if len(twitches) == 1:
        said = f"one jerk of {longest:.2f} s"
    else:
        gap = float(np.median(np.diff([twitch.peak_s for twitch in twitches])))
        said = f"{len(twitches)} jerks, the longest of {longest:.2f} s, {gap:.2f} s apart"
    if cv is not None:
        said += f" (intervals vary by {100.0 * cv:.0f} %)"
    sides = (0.1, top) if side == "left" else (top, 0.1)
    said += f"; on the {side} only (nose right {sides[0]:.1f} mm, left {sides[1]:.1f} mm, each +- 0.1)"
    return said + (f"; zygomaticus {side} moved with it" if spasm else "; nothing else moved")


def _twitch(
    region: str, side: Side, onset_s: float, mm: float, deg: float, noise_mm: float, rng: np.random.Generator
) -> Twitch:
    up_s, down_s = float(rng.uniform(*UP_S)), float(rng.uniform(*DOWN_S))
    steps = np.arange(-round(COURSE_FROM_S / COURSE_STEP_S), round(COURSE_TO_S / COURSE_STEP_S) + 1) * COURSE_STEP_S
    reach = np.where(steps < 0.0, 1.0 + steps / up_s, 1.0 - steps / down_s)
    course = mm * np.sin(0.5 * np.pi * np.clip(reach, 0.0, 1.0)) ** 2 + rng.normal(0.0, noise_mm, len(steps))
    mm = round(mm, 3)
    snr = round(mm / noise_mm, 2)
    return Twitch(
        region=region,
        side=side,
        onset_s=round(onset_s, 3),
        peak_s=round(onset_s + up_s, 3),
        offset_s=round(onset_s + up_s + down_s, 3),
        amplitude_mm=mm,
        amplitude_px=round(1.7 * mm, 2),
        velocity_mm_s=round(1.57 * mm / up_s, 1),
        direction_deg=round(float(rng.normal(deg, 8.0)) % 360.0, 1),
        snr=snr,
        score=round(max(snr, THRESHOLD), 2),
        kept=True,
        course_mm=tuple(float(x) for x in np.round(course, 3)),
    )
