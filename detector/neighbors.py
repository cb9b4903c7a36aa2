"""Candidates against each other: which of them are one moment, the echo of another, or drawn along by a neighbor."""

from __future__ import annotations

import numpy as np

from detector.twitches import Candidate
from detector.types import FloatArray

NEAR_MM = 14.0  # two regions closer than this are one muscle's width apart
PULL_MM = 1.8 * NEAR_MM  # lids and cheeks pull the skin this far
SAME_S = 0.06  # peaks closer than this are one moment: jerks of an 8 Hz train are 0.125 s apart
ECHO_S = 0.17  # what moves apart from a jerk this soon moves with it
SWING_S = 0.30  # skin swinging back, and the slow filter's own answer to a jerk, come this soon before and after
OTHER_WAY = -0.3  # cosine of two directions below which one is a swing back of the other
CENTERS_MM = np.array(
    [  # typical places, for distances between regions only (canonical face model)
        *[(0.0, -3.3), (0.0, 45.0)],
        *[(-10.8, 20.3), (10.8, 20.3), (-15.2, 37.4), (15.2, 37.4), (-18.8, 33.0), (18.8, 33.0)],
        *[(-14.0, 55.4), (14.0, 55.4), (-26.9, 12.7), (26.9, 12.7), (-32.1, 41.4), (32.1, 41.4)],
    ]
)
_APART_MM: list[list[float]] = np.hypot(*(CENTERS_MM[:, None] - CENTERS_MM[None, :]).transpose(2, 0, 1)).tolist()


def score_of(candidate: Candidate) -> float:
    """The best that a candidate can show: its region's own score, or that of a pattern it is part of."""
    alone = 0.0 if is_pulled(candidate) else float(candidate.moment.score[candidate.region])
    return max(alone, *candidate.moment.patterns.tolist())  # of so few numbers NumPy would take ten times as long


def is_pulled(candidate: Candidate) -> bool:
    """Whether a lid or cheek close by stands out more: what the region shows is then its leakage."""
    return candidate.neighbor is not None and apart_mm(candidate.neighbor, candidate.region) <= PULL_MM


def toward_of(candidate: Candidate) -> FloatArray:
    """Unit vector of the jerk."""
    height = candidate.moment.height_mm[candidate.region]
    return (height / max(float(np.hypot(*height)), 1e-9)).astype(np.float32)


def is_echo(
    t_s: float, region: int, toward: FloatArray, taken_s: float, taken_region: int, taken_toward: FloatArray
) -> bool:
    """Whether a jerk is the same moment as one already taken, or the swing back from it."""
    apart_s = abs(taken_s - t_s)
    if apart_s <= SAME_S:
        return True
    if apart_mm(region, taken_region) > NEAR_MM:
        return apart_s <= ECHO_S
    return apart_s <= SWING_S and float(toward @ taken_toward) < OTHER_WAY


def apart_mm(a: int, b: int) -> float:
    """Usual distance of two regions, mm."""
    return _APART_MM[a][b]
