"""The things that flow down the line, one dataclass each; the unit is in the field's name.

Everywhere: times are seconds from the start of the source (half-open intervals), frame numbers are 0-based and never
used as time, ``left`` and ``right`` are the subject's own, images are upright and not mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Literal

import numpy as np
import numpy.typing as npt

Side = Literal["left", "right", "both", "midline"]
Kind = Literal[
    "fasciculation_like",
    "hemifacial_spasm_like",
    "tic_like",
    "synkinesis_like",
    "undetermined",
]
# Kinds of what is no twitch: found, named and kept, but listed only when the rejected are asked for.
ORDINARY_KINDS: tuple[str, ...] = ("blink", "speech", "expression", "sniff", "head_motion", "artefact")
COURSE_FROM_S, COURSE_TO_S, COURSE_STEP_S = 0.3, 0.4, 1.0 / 60.0  # rises last 0.15 s at most, as a rule falls 0.4 s
FloatArray = npt.NDArray[np.float32]


class WhyNot(IntFlag):
    """Why a region was not observed at a moment (a bit set: several may hold at once)."""

    NONE = 0
    NO_FACE = 1  # no face found, or lost
    SETTLING = 2  # face just (re)acquired, or the noise of the recording not yet known
    FACE_SMALL = 4  # too few pixels per millimeter
    MOTION = 8  # head moves too fast for the registration
    NOISE = 16  # floor over the limit: speech, darkness, compression
    GAP = 32  # frames missing, or the picture frozen
    EDGE = 64  # region partly outside the picture


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and its presentation time."""

    index: int
    t_s: float
    t_exact: bool  # False when the container gave no usable time and the nominal rate was counted instead
    image: npt.NDArray[np.uint8]  # (H, W, 3) BGR, upright, not mirrored
    repeated: bool = False  # pixels equal to the frame before: carries no new measurement


@dataclass(frozen=True, slots=True)
class Face:
    """The tracked face in one frame."""

    index: int
    t_s: float
    points_px: FloatArray  # (478, 2) face-mesh points, x right and y down
    px_per_mm: float  # from the iris (11.7 mm), good to about 10 %
    pose_deg: tuple[float, float, float]  # yaw (+ to the subject's left), pitch (+ down), roll (+ to their right)
    eye_open: tuple[float, float]  # right, left: lid opening over eye width, about 0.3 when open
    jaw_open: float  # inner-lip gap over mouth width
    sharpness: float  # variance of the Laplacian over the face
    luma: float  # mean gray level of the face, 0-255
    width_px: float  # temple to temple
    faces_seen: int  # in the picture; the largest is followed
    since_acquired_s: float  # since the face was found, or found again


@dataclass(frozen=True, slots=True)
class RegionMotion:
    """Skin motion against the rigid head at one measured moment; regions in the order of ``regions.SITES``."""

    t_s: float
    motion_mm: FloatArray  # (R, 2) x to the picture's right, y down, in the head's own frame
    sigma_mm: FloatArray  # (R,) local standard deviation of that measurement
    floor_mm: FloatArray  # (R,) the smallest twitch that would be found now
    head_speed_mm_s: float
    observed: npt.NDArray[np.bool_]  # (R,)
    why_not: WhyNot


@dataclass(frozen=True, slots=True)
class Twitch:
    """One jerk of one region."""

    region: str
    side: Side
    onset_s: float
    peak_s: float
    offset_s: float
    amplitude_mm: float
    amplitude_px: float
    velocity_mm_s: float
    direction_deg: float  # 0 to the picture's right, 90 up
    snr: float  # amplitude over the local standard deviation
    score: float  # what the thresholds of --sensitivity are compared with
    kept: bool
    reason: str = ""  # why it was not kept; empty when kept
    # how far the skin was along that direction, every COURSE_STEP_S from COURSE_FROM_S before the peak to COURSE_TO_S
    # after it; empty for what was not kept, and where a gap or the end of the source is nearer than that
    course_mm: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """Twitches that belong together."""

    number: int  # 1-based within the session; ordinary movements are numbered by themselves: -1, -2 ...
    start_s: float
    end_s: float
    kind: str
    side: Side
    laterality: float  # -1 the subject's right only .. +1 left only
    region: str  # the strongest
    regions: tuple[str, ...]  # all, strongest first
    twitch_count: int
    peak_mm: float
    mean_mm: float
    peak_px: float
    snr: float
    confidence: float  # 0..1
    rate_hz: float | None = None  # None for a single twitch
    rhythm_cv: float | None = None  # interval SD over mean; None under three twitches
    co_movement: str = ""  # other areas that moved with it
    evidence: str = ""  # why this kind, in words and numbers
    twitches: tuple[Twitch, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """An episode that was told before, now that more is known of it: another kind, and why."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class BothSides:
    """One quantity of both sides; how it compares is a measurement, never a finding."""

    right: float
    left: float
    difference: float  # left minus right, as of a head that faces the camera: the median over the moments
    ratio: float  # the smaller over the larger: 1 when both are alike
    spread: float  # of the difference from moment to moment: interquartile range over 1.349 (the SD of a normal one)
    error: float  # standard error of the difference: from the spread, and from not knowing how far the head is turned


@dataclass(frozen=True, slots=True)
class RestingFace:
    """The face while it rests, and how the lids close; None where there was too little to go by."""

    quiet_s: float = 0.0  # observed, facing the camera, not speaking: what the sizes rest on
    mouth_height_mm: BothSides | None = None  # corners of the mouth below the line through the eyes: larger is lower
    mouth_reach_mm: BothSides | None = None  # corners of the mouth from the line from nose root to chin
    eye_open_mm: BothSides | None = None  # between the lids, open eyes
    brow_height_mm: BothSides | None = None  # brows over the middle of their own eye
    watched_s: float = 0.0  # observed and facing the camera, speech too: what the blinks rest on
    blinks: int = 0
    blinks_per_minute: float | None = None
    lid_closing: BothSides | None = None  # per blink, share of the opening that goes: a whole closing reads 0.6-0.9
    one_sided_share: float | None = None  # of the blinks: one lid closes less than 0.6 of what the other does


@dataclass(slots=True)
class Session:
    """One run over one source."""

    session_id: str  # from the source's hash, the settings and the versions: the same run has the same id
    source: str
    sha256: str  # of the source file; empty for cameras
    start_utc: str  # ISO 8601 when the recording started; empty when unknown
    duration_s: float = 0.0
    observed_s: float = 0.0
    face_s: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    frames: int = 0
    frames_repeated: int = 0
    frames_lost: int = 0
    px_per_mm: float | None = None
    floor_mm: dict[str, float] = field(default_factory=dict)  # per region, median over observed time
    # per region: a twitch of this size along the muscle's pull would have been found at half, or nine in ten, of the
    # moments at which the region was observed; by injection into the recording itself, at the session's sensitivity
    limit50_mm: dict[str, float] = field(default_factory=dict)
    limit90_mm: dict[str, float] = field(default_factory=dict)
    not_observed_s: dict[str, float] = field(default_factory=dict)  # per reason
    # of each minute from the start of the source, the seconds that were observed; empty in logs of older versions
    observed_by_minute_s: tuple[float, ...] = ()
    resting: RestingFace | None = None  # None when the face was never watched, or by a version that did not measure it
    config_digest: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # e.g. "two faces in 12 % of frames: the largest was followed"
    status: str = "running"  # running | complete | interrupted | failed
