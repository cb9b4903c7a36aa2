"""The face at rest, right against left, and how the lids close: measurements of a session, never a finding.

Everything comes from the context of each frame. Of a head that is turned the far side looks smaller, so that every
difference is taken as of a head that faces the camera: along the slope that the session itself shows, drawn to the
usual one as far as the session has turned too little to tell. What a median rests on is kept as histograms, which do
not grow with the length.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.context import Context
from detector.lids import Closing
from detector.types import BothSides, RestingFace

F64 = npt.NDArray[np.float64]

YAW_MOST_DEG = 12.0  # farther turned the difference is no longer along a line, and a corner of the mouth hides
PITCH_MOST_DEG = 15.0  # webcams under the face see it at 10
# No speech: over so long the lips were close and kept still, and so did the corners of the mouth. At 0.8 px/mm the
# landmarks jitter by 0.5 mm; a third more or less of the last two limits changes what two men show by 0.1 mm.
QUIET_S = 0.7
LIP_GAP_MM, LIP_STEADY_MM, MOUTH_STEADY_MM = 3.0, 1.5, 3.0
OPEN_SHARE = 0.6  # of the widest opening lately: below it the eye is closed or closing
OPEN_MEMORY_S = 30.0  # that widest opening falls by a factor of e in so long
GAP_S = 0.25  # a longer step between two samples is no time watched
LEAST_QUIET_S = 3.0  # less says nothing: expressions and jitter last as long
LEAST_BLINKS = 3
LEAST_WATCHED_S = 20.0  # for a rate of blinks: at 17 a minute (Bentivoglio 1997) 20 s hold six
APART_S = 4.0  # moments so far apart are taken as independent: halves of clips then agree within the error stated
YAW_ZERO_DEG = 3.0  # how sure the mesh's own zero of the turn is taken to be; not measured
ONE_SIDED = 0.6  # one lid closes less than this share of the other's closing
LATE_S = 1.0  # a blink whose moment has passed so long ago belongs to a stretch that is over
STEP = 0.02  # of the histograms: mm, or 0.0002 of a closing (counted in percent)
MOST = 100.0  # values beyond count as this much, so that the histograms stay small


@dataclass(frozen=True, slots=True)
class Slope:
    """How the difference between the sides usually changes per degree of yaw, and by how much people differ in it."""

    per_deg: float
    spread: float


# Read off two men who turned their heads, as what makes parts of their clips agree best (docs/measurements.md).
SLOPES = {
    "mouth_height_mm": Slope(-0.10, 0.05),
    "mouth_reach_mm": Slope(-0.33, 0.10),
    "eye_open_mm": Slope(-0.02, 0.02),
    "brow_height_mm": Slope(-0.03, 0.04),
}


class Resting:
    """Running totals over the observed moments of a session."""

    def __init__(self) -> None:
        self._sides = {name: _Sides() for name in SLOPES}
        self._closing = _Sides()
        self._quiet_s = self._watched_s = 0.0
        self._one_sided = 0
        self._last_s = -math.inf
        self._lately: deque[tuple[float, F64]] = deque()  # time, lip gap and places of the mouth's corners
        self._widest_mm = 0.0
        self._told: deque[Closing] = deque()  # blinks whose moment has not come yet

    def blink(self, closing: Closing) -> None:
        """A blink; it counts if the face is watched when its moment comes."""
        self._told.append(closing)

    def push(self, t_s: float, context: Context, observed: bool) -> None:
        """One sample, times increasing; ``observed`` as by the rest of the session's figures."""
        step_s = t_s - self._last_s
        self._last_s = t_s
        if step_s > GAP_S:
            self._lately.clear()
            step_s = 0.0
        places = read(context)
        facing = observed and bool(np.isfinite(context.pose_deg).all()) and places is not None
        facing = facing and abs(context.pose_deg[0]) <= YAW_MOST_DEG and abs(context.pose_deg[1]) <= PITCH_MOST_DEG
        self._count_blinks(t_s, facing)
        if places is None or not facing:
            self._lately.clear()
            return
        self._watched_s += step_s
        if self._is_quiet(t_s, context.lip_gap_mm, places):
            self._quiet_s += step_s
            yaw_deg = round(float(context.pose_deg[0]))
            for name, (right, left) in places.items():
                if name != "eye_open_mm" or self._is_open(right, left, step_s):
                    self._sides[name].add(right, left, yaw_deg)

    def figures(self) -> RestingFace | None:
        """What was measured so far; None when the face was never watched."""
        if not self._watched_s:
            return None
        sizes: dict[str, BothSides] = {}
        if self._quiet_s >= LEAST_QUIET_S:
            for name, sides in self._sides.items():
                found = sides.figures(SLOPES[name], max(self._quiet_s / APART_S, 1.0))
                if found is not None:
                    sizes[name] = found
        blinks = self._closing.count
        enough = blinks >= LEAST_BLINKS
        return RestingFace(
            quiet_s=round(self._quiet_s, 3),
            watched_s=round(self._watched_s, 3),
            blinks=blinks,
            blinks_per_minute=round(60.0 * blinks / self._watched_s, 2) if self._watched_s >= LEAST_WATCHED_S else None,
            lid_closing=self._closing.figures(Slope(0.0, 0.0), float(blinks), 100.0) if enough else None,
            one_sided_share=round(self._one_sided / blinks, 3) if enough else None,
            **sizes,
        )

    def _is_quiet(self, t_s: float, lip_gap_mm: float, places: dict[str, tuple[float, float]]) -> bool:
        mouth = (*places["mouth_height_mm"], *places["mouth_reach_mm"])
        self._lately.append((t_s, np.array([lip_gap_mm, *mouth])))
        while self._lately[0][0] < t_s - QUIET_S:
            self._lately.popleft()
        if t_s - self._lately[0][0] < QUIET_S - GAP_S or not lip_gap_mm <= LIP_GAP_MM:
            return False
        travel = np.ptp(np.stack([row for _, row in self._lately]), axis=0)
        return bool(travel[0] <= LIP_STEADY_MM and travel[1:].max() <= MOUTH_STEADY_MM)

    def _is_open(self, right_mm: float, left_mm: float, step_s: float) -> bool:
        wide = max(right_mm, left_mm)  # an eye that is narrow for good is not closed
        self._widest_mm = max(wide, self._widest_mm * math.exp(-step_s / OPEN_MEMORY_S))
        return wide >= OPEN_SHARE * self._widest_mm

    def _count_blinks(self, t_s: float, facing: bool) -> None:
        while self._told and self._told[0].peak_s <= t_s:
            closing = self._told.popleft()
            if facing and t_s - closing.peak_s <= LATE_S:
                right, left = closing.closed
                self._closing.add(100.0 * right, 100.0 * left, 0)
                self._one_sided += min(right, left) < ONE_SIDED * max(right, left)


def read(context: Context) -> dict[str, tuple[float, float]] | None:
    """Right and left of every quantity at rest, in mm, with the tilt of the head taken out; None where it is unknown.

    Heights are along the perpendicular of the line through the eyes: that of the whole rigid mesh, which holds the crop
    upright, is off it by 1.5 degrees on one man and by 3.4 on a woman half turned, 1.3 and 3 mm from corner to corner.
    """
    eyes, mouth, midline = (np.asarray(p, np.float64) for p in (context.eyes_mm, context.mouth_mm, context.midline_mm))
    brows, openings = np.asarray(context.brow_mm, np.float64), np.asarray(context.eye_open_mm, np.float64)
    if not all(np.isfinite(part).all() for part in (eyes, mouth, midline, brows, openings)):
        return None
    along = _unit(eyes[1] - eyes[0])
    below = (mouth - eyes.mean(axis=0)) @ np.array([-along[1], along[0]])
    down = _unit(midline[1] - midline[0])
    beside = (mouth - midline[0]) @ np.array([down[1], -down[0]]) * (-1.0, 1.0)
    above = brows + eyes[:, 1]
    pairs = {"mouth_height_mm": below, "mouth_reach_mm": beside, "eye_open_mm": openings, "brow_height_mm": above}
    return {name: (float(right), float(left)) for name, (right, left) in pairs.items()}


class _Sides:
    """Histograms of one quantity: the mean of both sides, and per degree of yaw the difference."""

    def __init__(self) -> None:
        self.count = 0
        self._means: Counter[int] = Counter()
        self._differences: Counter[tuple[int, int]] = Counter()  # (degrees, steps)

    def add(self, right: float, left: float, yaw_deg: int) -> None:
        self.count += 1
        self._means[_steps(0.5 * (right + left))] += 1
        self._differences[yaw_deg, _steps(left - right)] += 1

    def figures(self, usual: Slope, independent: float, scale: float = 1.0) -> BothSides | None:
        """Both sides as of a head that faces the camera, over ``scale``; None without any."""
        if not self.count:
            return None
        keys = np.array(list(self._differences), dtype=np.float64)
        yaw, difference = keys[:, 0], STEP * keys[:, 1]
        weight = np.array(list(self._differences.values()), dtype=np.float64)
        slope, unsure = _slope(yaw, difference, weight, usual, independent)
        low, middle, high = _quantiles(difference - slope * yaw, weight, (0.25, 0.5, 0.75))
        spread = (high - low) / 1.349
        turned = float(np.average(yaw, weights=weight))
        error = math.hypot(spread / math.sqrt(independent), turned * unsure, YAW_ZERO_DEG * slope)
        means = np.array(list(self._means), dtype=np.float64)
        mean = _quantiles(STEP * means, np.array(list(self._means.values()), dtype=np.float64), (0.5,))[0]
        right, left = mean - 0.5 * middle, mean + 0.5 * middle
        ratio = max(min(right, left), 0.0) / max(right, left, STEP)
        values = (right / scale, left / scale, middle / scale, ratio, spread / scale, error / scale)
        return BothSides(*(round(value, 4) + 0.0 for value in values))


def _slope(yaw: F64, difference: F64, weight: F64, usual: Slope, independent: float) -> tuple[float, float]:
    """Change of the difference per degree of yaw, and its standard error.

    The usual slope counts as a measurement of its own, as sure as people are alike in it.
    """
    if not usual.spread:
        return usual.per_deg, 0.0
    degrees = np.unique(yaw)
    each = [yaw == degree for degree in degrees]
    medians = np.array([_quantiles(difference[k], weight[k], (0.5,))[0] for k in each])
    share = np.array([weight[k].sum() for k in each]) / weight.sum()
    turned = degrees - share @ degrees
    low, high = _quantiles(difference - usual.per_deg * yaw, weight, (0.25, 0.75))
    variance = max(((high - low) / 1.349) ** 2, STEP**2) / independent
    told = float(share @ turned**2) / variance  # how much the session says, as one over a variance
    known = usual.spread**-2
    own = float(share @ (turned * medians)) / variance
    return (own + known * usual.per_deg) / (told + known), (told + known) ** -0.5


def _quantiles(values: F64, weight: F64, shares: tuple[float, ...]) -> list[float]:
    """Of a weighted sample: between its middle points."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) - 0.5 * weight[order]
    return [float(np.interp(share * weight.sum(), reached, values[order])) for share in shares]


def _steps(value: float) -> int:
    return round(min(max(value, -MOST), MOST) / STEP)


def _unit(vector: F64) -> F64:
    result: F64 = vector / max(float(np.hypot(*vector)), 1e-9)
    return result
