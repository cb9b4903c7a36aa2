"""What the whole face and the picture did at the moment of a jerk: the facts that side, kind and rejection go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.grid import RATE_HZ
from detector.patterns import CHEEKS, FOREHEAD, LID_OF, LIP_OF, MOUTH_OF, NOSE_OF
from detector.regions import SITES
from detector.twitches import Moment

F64 = npt.NDArray[np.float64]

BOTH_SHARE = 0.4  # of the strongest movement at the nose: what leaks over is 0.3 at most, a scrunch's weaker side 0.45
BOTH_SNR = 3.5  # the weaker side must stand out by itself
NEAR_S = 0.12  # what happens this near a jerk happens with it
STEP_S = 0.25  # lips, pose: the mesh runs every 0.1 s
_SIDES = ("right", "left")
_ALAE = {
    side: np.array(
        [
            k
            for k, site in enumerate(SITES)
            if site.side == side and site.muscle in ("nasalis_alar", "levator_labii_alaeque_nasi")
        ]
    )
    for side in _SIDES
}


@dataclass(frozen=True, slots=True)
class Movement:
    """One moment; pairs are the subject's right and left."""

    t_s: float
    nose_mm: tuple[float, ...]  # right, left, midline: the region that moved most
    nose_snr: tuple[float, ...]  # the same over its noise
    lid_mm: tuple[float, ...]  # below the eye
    lip_mm: tuple[float, ...]  # upper lip
    mouth_mm: tuple[float, ...]  # cheek and corner of the mouth
    mouth_snr: tuple[float, ...]
    cheek_mm: float  # outer cheeks
    forehead_mm: float
    sigma_mm: float  # standard deviation of the nose's heights
    outward_deg: float  # mean way of both wings of the nose: 0 outwards, 90 up, -90 down
    lips_mm: float  # range of the gap between the lips about this time
    corners_mm: float  # the farthest that a corner of the mouth went about this time
    turn_deg: float  # range of yaw and pitch about this time
    head_mm_s: float  # fastest that the head went
    light: float  # range of the brightness, share of it
    detail: float  # range of the fine detail, share of it
    covered: float  # share of the patches round the nose that did not look like skin lately

    @property
    def led_by_lip(self) -> bool:
        """Whether the upper lip moved more than the nose."""
        return max(self.lip_mm) > max(self.nose_mm)

    @property
    def sides_mm(self) -> tuple[float, ...]:
        """Right and left, of the lip where it leads, else of the nose."""
        return self.lip_mm if self.led_by_lip else self.nose_mm[:2]

    @property
    def balance(self) -> float:
        """How much of the strongest movement at the nose its weaker side makes: 1 for both alike, near 0 for one."""
        return min(self.nose_mm[:2]) / max(*self.nose_mm, 1e-9)


def is_both(movement: Movement) -> bool:
    """Whether both sides of the nose move by themselves, rather than one with the other's leaking over."""
    return movement.balance >= BOTH_SHARE and min(movement.nose_snr[:2]) >= BOTH_SNR


def describe(record: Sequence[Moment], peak: int) -> Movement:
    """Facts about the movement at position ``peak`` of a record of consecutive moments."""
    moment = record[peak]
    height = np.hypot(moment.face_mm[:, 0], moment.face_mm[:, 1])
    excess = moment.face_excess
    nose = [NOSE_OF[side] for side in ("right", "left", "midline")]
    ways = []
    for side, sign in zip(_SIDES, (-1.0, 1.0), strict=True):
        x, y = moment.face_mm[_ALAE[side]].mean(axis=0)
        ways.append((sign * float(x), -float(y)))
    outward, upward = np.mean(ways, axis=0)
    near = _within(record, peak, NEAR_S)
    about = _within(record, peak, STEP_S)
    corners = np.array([m.context.mouth_mm for m in about])
    return Movement(
        t_s=moment.t_s,
        nose_mm=_highest(height, nose),
        nose_snr=_highest(excess, nose),
        lid_mm=_highest(height, [LID_OF[side] for side in _SIDES]),
        lip_mm=_highest(height, [LIP_OF[side] for side in _SIDES]),
        mouth_mm=_highest(height, [MOUTH_OF[side] for side in _SIDES]),
        mouth_snr=_highest(excess, [MOUTH_OF[side] for side in _SIDES]),
        cheek_mm=float(height[CHEEKS].max()),
        forehead_mm=float(height[FOREHEAD].max()),
        sigma_mm=float(np.median(moment.sigma_mm)),
        outward_deg=float(np.degrees(np.arctan2(upward, outward))),
        lips_mm=_range(np.array([m.context.lip_gap_mm for m in about])),
        corners_mm=float(np.hypot(*np.ptp(corners, axis=0).T).max()),
        turn_deg=float(np.ptp(np.array([m.context.pose_deg[:2] for m in about]), axis=0).max()),
        head_mm_s=max(m.head_speed_mm_s for m in near),
        light=_share(np.array([m.context.luma for m in near])),
        detail=_share(np.array([m.context.detail for m in near])),
        covered=max(m.context.covered for m in about),
    )


def _within(record: Sequence[Moment], peak: int, reach_s: float) -> list[Moment]:
    """The moments that near a position of the record, no gap between, in time order."""
    first = last = peak
    reach = round(reach_s * RATE_HZ)
    while first > max(peak - reach, 0) and record[first].t_s - record[first - 1].t_s < 1.5 / RATE_HZ:
        first -= 1
    while last < min(peak + reach, len(record) - 1) and record[last + 1].t_s - record[last].t_s < 1.5 / RATE_HZ:
        last += 1
    return list(record[first : last + 1])


def _highest(values: npt.NDArray[np.floating[Any]], areas: Sequence[npt.NDArray[np.intp]]) -> tuple[float, ...]:
    return tuple(float(values[sites].max()) for sites in areas)


def _range(values: F64) -> float:
    return float(np.ptp(values))


def _share(values: F64) -> float:
    return float(np.ptp(values) / max(float(values.mean()), 1e-9))
