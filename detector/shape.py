"""Candidate -> Twitch: when the skin began to move, when it was back, how far and how fast."""

from __future__ import annotations

import numpy as np

from detector import regions
from detector.grid import RATE_HZ
from detector.twitches import Candidate
from detector.types import Twitch

RISE_LIMITS_S = (0.02, 0.15)
FALL_LIMITS_S = (0.04, 0.40)


def shape_twitch(candidate: Candidate, *, kept: bool, reason: str) -> Twitch:
    """Measure one jerk on the skin motion along its own direction.

    Onset and offset are found where the motion passes half its height, twice as far out: for a smooth rise and fall the
    foot itself lies below the noise, the half height does not.
    """
    moment, region = candidate.moment, candidate.region
    site = regions.SITES[region]
    record = candidate.record_mm.astype(np.float64)
    middle = round((moment.t_s - candidate.record_start_s) * RATE_HZ)
    near = slice(max(middle - 4, 0), middle + 5)
    top = near.start + int(np.argmax(record[near]))
    base = float(np.percentile(record, 25))
    half = base + 0.5 * (record[top] - base)
    peak_s = candidate.record_start_s + _vertex(record, top) / RATE_HZ
    rise = float(
        np.clip(2.0 * (peak_s - candidate.record_start_s - _crossing(record, top, half, -1) / RATE_HZ), *RISE_LIMITS_S)
    )
    fall = float(
        np.clip(2.0 * (_crossing(record, top, half, +1) / RATE_HZ - peak_s + candidate.record_start_s), *FALL_LIMITS_S)
    )
    steps = np.diff(record[max(top - 9, 0) : top + 1])
    x, y = moment.height_mm[region]
    amplitude = float(np.hypot(x, y))
    return Twitch(
        region=site.name,
        side=site.side,
        onset_s=peak_s - rise,
        peak_s=peak_s,
        offset_s=peak_s + fall,
        amplitude_mm=amplitude,
        amplitude_px=amplitude * moment.px_per_mm,
        velocity_mm_s=float(steps.max(initial=0.0)) * RATE_HZ,
        direction_deg=float(np.degrees(np.arctan2(-y, x)) % 360.0),
        snr=amplitude / float(moment.sigma_mm[region]),
        score=float(moment.score[region]),
        kept=kept,
        reason=reason,
    )


def _vertex(record: np.ndarray, top: int) -> float:
    """Position of the maximum between the samples, by a parabola."""
    if not 0 < top < len(record) - 1:
        return float(top)
    bend = record[top - 1] - 2.0 * record[top] + record[top + 1]
    if bend >= 0.0:
        return float(top)
    return top + float(np.clip(0.5 * (record[top - 1] - record[top + 1]) / bend, -0.5, 0.5))


def _crossing(record: np.ndarray, top: int, level: float, step: int) -> float:
    """Position, going from ``top`` in direction ``step``, where the record first falls to ``level``."""
    k = top
    while 0 <= k + step < len(record):
        if record[k + step] <= level:
            drop = record[k] - record[k + step]
            return k + step * (float((record[k] - level) / drop) if drop > 0.0 else 1.0)
        k += step
    return float(k)
