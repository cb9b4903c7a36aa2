"""Facts about a face that does nothing but twitch once at the left wing of the nose; to be varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from detector.context import UNKNOWN, Context
from detector.grid import RATE_HZ, pulse
from detector.motion import REGION_COUNT, SITE_COUNT
from detector.movement import Movement
from detector.patterns import PATTERNS, Pattern
from detector.regions import SITE_NAMES
from detector.shape import Course, course_of, shape_twitch
from detector.summary import Jerk, side_of
from detector.twitches import Moment
from detector.types import FloatArray, Side, Twitch, WhyNot

LEFT, RIGHT = "nasalis_alar_left", "nasalis_alar_right"
UP, DOWN = np.array([0.0, -1.0], np.float32), np.array([0.0, 1.0], np.float32)
SIGMA_MM = 0.05

MOVEMENT = Movement(
    t_s=5.0,
    nose_mm=(0.1, 1.0, 0.1),
    nose_snr=(1.0, 20.0, 1.0),
    lid_mm=(0.0, 0.1),
    lip_mm=(0.1, 0.2),
    mouth_mm=(0.0, 0.1),
    mouth_snr=(0.5, 2.0),
    cheek_mm=0.05,
    forehead_mm=0.05,
    sigma_mm=SIGMA_MM,
    outward_deg=90.0,
    lips_mm=0.3,
    corners_mm=0.5,
    turn_deg=0.5,
    head_mm_s=3.0,
    light=0.005,
    detail=0.03,
    covered=0.0,
)
NOTHING_KNOWN = {"lips_mm": np.nan, "corners_mm": np.nan, "turn_deg": np.nan, "light": np.nan, "detail": np.nan,
                 "covered": np.nan}  # fmt: skip
SCRUNCH = replace(MOVEMENT, nose_mm=(0.9, 1.0, 0.1), nose_snr=(18.0, 20.0, 1.0))

CALM = Context(
    eye_edges=np.full(2, 3.0, np.float32),
    eye_open_mm=np.full(2, 10.0, np.float32),
    lip_gap_mm=1.0,
    eyes_mm=np.array([(-32.0, 0.0), (32.0, 0.0)], np.float32),
    midline_mm=np.array([(0.0, -6.5), (0.0, 110.0)], np.float32),
    mouth_mm=np.array([(-25.0, 60.0), (25.0, 60.0)], np.float32),
    brow_mm=np.full(2, 20.0, np.float32),
    pose_deg=np.zeros(3, np.float32),
    luma=120.0,
    detail=4.0,
    covered=0.0,
)


def scores(**of: float) -> FloatArray:
    """(P,) zero but for the named patterns."""
    named: dict[Pattern, float] = dict.fromkeys(PATTERNS, 0.0) | of  # type: ignore[assignment]
    return np.array([named[pattern] for pattern in PATTERNS], np.float32)


def twitch(
    at_s: float = 5.0, seconds: float = 0.16, mm: float = 1.0, side: Side = "left", score: float = 12.0
) -> Twitch:
    region = LEFT if side in ("left", "both") else RIGHT if side == "right" else "procerus"
    return Twitch(
        region,
        side,
        at_s - 0.05,
        at_s,
        at_s - 0.05 + seconds,
        mm,
        2.0 * mm,
        20.0,
        90.0,
        mm / SIGMA_MM,
        score,
        kept=True,
    )


def course(rise_s: float = 0.06, rise_mm: float = 1.0) -> Course:
    """Of a jerk of 1 mm; nothing rose when ``rise_mm`` is small."""
    none = np.zeros(0)
    return Course(5.0, 5.08, rise_mm=rise_mm, rise_s=rise_s, height_mm=1.0, read_mm=1.0, times_s=none, motion_mm=none)


def moment(t_s: float = 5.0, at: dict[str, tuple[float, float]] | None = None, **other: Any) -> Moment:
    """A still face but for the heights (mm) of the regions named in ``at``."""
    face = np.zeros((SITE_COUNT, 2), np.float32)
    for name, height in (at or {}).items():
        face[SITE_NAMES.index(name)] = height
    excess = (np.hypot(face[:, 0], face[:, 1]) / SIGMA_MM).astype(np.float32)
    known: dict[str, Any] = {
        "score": excess[:REGION_COUNT],
        "excess": excess[:REGION_COUNT],
        "height_mm": face[:REGION_COUNT],
        "motion_mm": face[:REGION_COUNT],
        "face_excess": excess,
        "face_mm": face,
        "context": UNKNOWN,
        "head_speed_mm_s": 1.0,
    }
    even = np.full(REGION_COUNT, 1.0, np.float32)
    return Moment(
        t_s=t_s,
        sigma_mm=SIGMA_MM * even,
        floor_mm=0.5 * even,
        needed_mm=0.5 * even,
        why_not=WhyNot.NONE,
        px_per_mm=2.0,
        **(known | other),
    )


def record(
    *pulls: tuple[float, float, float], mm: float = 1.0, seconds: float = 8.0, region: str = LEFT
) -> list[Moment]:
    """Upward pulls of a region: at its top from the first time (s) to the second, then down within the third."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    height = np.zeros_like(times)
    for up_s, down_s, fall_s in pulls:
        up = np.where(times < up_s, pulse(times - up_s, 0.05, 1.0), 1.0)
        height += mm * np.where(times < down_s, up, pulse(times - down_s, 1.0, fall_s))
    return [moment(float(t), {region: (0.0, -float(h))}) for t, h in zip(times, height, strict=True)]


def jerk_at(moments: Sequence[Moment], t_s: float, toward: FloatArray = UP, region: str = LEFT) -> Jerk:
    """What is made of a jerk of this record; movements are those of a still face."""
    place, number = round(t_s * RATE_HZ), SITE_NAMES.index(region)
    return Jerk(
        shape_twitch(moments, place, number, toward, side=side_of(number, MOVEMENT)),
        MOVEMENT,
        moments[place],
        number,
        course_of(moments, place, number, toward),
    )
