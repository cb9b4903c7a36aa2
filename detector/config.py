"""Every parameter once: default, range, unit, and one sentence why.

``Settings()`` is what the commands use; ``Settings.preset("low")`` changes the sensitivity only. The digest of the
settings goes into the log with every session, so that two sessions can be compared or told apart.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Sensitivity = Literal["low", "normal", "high"]
FALSE_ALARMS_PER_HOUR: dict[str, float] = {"low": 1.0, "normal": 6.0, "high": 30.0}
THRESHOLD_LIMITS = (4.0, 20.0)  # below 4 noise passes every few seconds; a twitch that reaches 20 is very large
# Of the score (detector.twitches), for so many false alarms: read off its tail on footage without injected twitches
# (docs/measurements.md), which falls by a factor of e per TAIL.
THRESHOLDS = {"low": 8.7, "normal": 7.4, "high": 6.2}
TAIL = 0.72


class Settings(BaseModel):
    """Parameters of the whole line, from mesh schedule to episode grouping."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensitivity: Sensitivity = Field(
        "normal", description="Aimed false alarms per observed hour: low 1, normal 6, high 30."
    )

    threshold: float | None = Field(
        None,
        ge=THRESHOLD_LIMITS[0],
        le=THRESHOLD_LIMITS[1],
        description="score that a twitch must reach, instead of that of the sensitivity: people and cameras differ in "
        "how far their noise reaches.",
    )

    # face
    mesh_every_s: float = Field(
        0.1,
        ge=0.0,
        le=0.5,
        description="s; the mesh only places the regions: every third frame at 30/s will do, 0.33 s fails on moves.",
    )
    settle_s: float = Field(
        0.5,
        ge=0.0,
        le=5.0,
        description="s after the face is (re)acquired; the tracker's points drift for about 10 frames.",
    )
    min_face_px_per_mm: float = Field(
        0.5,
        ge=0.2,
        le=5.0,
        description="px/mm; below it a patch of 6 mm holds too few pixels to be placed.",
    )

    # crop and registration
    crop_px_per_mm: float = Field(
        2.5, ge=1.0, le=5.0, description="px/mm of the head-fixed crop; close-ups of usual webcams have 1.0-2.8."
    )

    # gaps
    max_gap_s: float = Field(
        0.25, ge=0.05, le=2.0, description="s without a new picture after which filters start anew."
    )

    # measurability
    floor_limit_mm: float = Field(
        1.5,
        ge=0.3,
        le=5.0,
        description="mm; where the floor is higher there is no verdict and the time is not observed.",
    )

    # episodes
    episode_gap_s: float = Field(
        1.0,
        ge=0.2,
        le=60.0,
        description="s of quiet that ends an episode; trains are 3-8 Hz, so 0.33 s is the longest pause inside one.",
    )

    @model_serializer(mode="wrap")
    def _without_unset(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Sessions are named by their settings: those without a threshold of their own keep the name they always had.
        known: dict[str, Any] = write(self)
        if known.get("threshold") is None:
            known.pop("threshold", None)
        return known

    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of all settings."""
        text = json.dumps(self.model_dump(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def threshold_in(settings: Mapping[str, object]) -> float:
    """Score that a twitch had to reach in a session of these settings; NaN when they do not say."""
    own = settings.get("threshold")
    if isinstance(own, int | float):
        return float(own)
    return THRESHOLDS.get(str(settings.get("sensitivity", "")), math.nan)


def aimed_per_hour(settings: Mapping[str, object]) -> float:
    """False alarms per observed hour that a session of these settings aims at; NaN when they do not say."""
    if "threshold" in settings:
        return FALSE_ALARMS_PER_HOUR["normal"] * math.exp((THRESHOLDS["normal"] - threshold_in(settings)) / TAIL)
    return FALSE_ALARMS_PER_HOUR.get(str(settings.get("sensitivity", "")), math.nan)


def sensitivity_words(settings: Mapping[str, object]) -> str:
    """``normal``, or ``threshold 7.9``; empty when they do not say."""
    if "threshold" in settings:
        return f"threshold {threshold_in(settings):g}"
    return str(settings.get("sensitivity", ""))
