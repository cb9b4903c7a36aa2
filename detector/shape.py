"""One jerk in the record of its region -> Twitch: when the skin began to move, when it was back, how far, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.grid import RATE_HZ
from detector.twitches import Moment
from detector.types import COURSE_FROM_S, COURSE_STEP_S, COURSE_TO_S, Side, Twitch

RISE_LIMITS_S = (0.02, 0.15)
FALL_LIMITS_S = (0.04, 0.40)
NO_RISE = 0.4  # of the height
HELD_S = 3.0  # a contraction that stays up is followed so far: longer than tics and spasms are held, as a rule
HELD_FOOT_S = 0.1  # from half its height to the foot
HELD_SNR = 6.0  # weaker ones may seem to stay up by drift alone
BASE_S = 0.45  # level of the skin is read within this of the peak
_SURE = round(0.15 * RATE_HZ)  # grid steps to both sides without which the level of the skin cannot be read
_NEAR = 4  # grid steps between the peak of the score and that of the motion, at most


@dataclass(frozen=True, slots=True)
class Course:
    """How the skin moved along the way of a jerk, as far as it can be followed."""

    top_s: float
    until_s: float  # first time after the top below half of its height
    rise_mm: float  # from the lowest place before the top: small where nothing rose
    rise_s: float  # from a fifth to four fifths of that, stretched to the whole
    height_mm: float
    read_mm: float  # what the filters read
    times_s: npt.NDArray[np.float64]
    motion_mm: npt.NDArray[np.float64]

    @property
    def rises(self) -> bool:
        """Whether anything rose here: if not, the filter saw another jerk begin or end close by."""
        return self.rise_mm >= NO_RISE * max(self.height_mm, self.read_mm)

    def lowest_mm(self, from_s: float, to_s: float) -> float:
        """Lowest place between two times, over the level of the skin."""
        between = (self.times_s >= from_s) & (self.times_s <= to_s)
        return float(self.motion_mm[between].min(initial=np.inf))


def course_of(record: Sequence[Moment], peak: int, region: int, toward: npt.NDArray[np.floating[Any]]) -> Course:
    """The course of the jerk at position ``peak`` of the record, up to ``HELD_S`` after it."""
    first, end = _reach(record, peak)
    last = end
    while (
        last < min(peak + round(HELD_S * RATE_HZ), len(record))
        and record[last].t_s - record[last - 1].t_s < 1.5 / RATE_HZ
    ):
        last += 1
    times = np.array([m.t_s for m in record[first:last]])
    motion = np.array([m.motion_mm[region] @ toward for m in record[first:last]], dtype=np.float64)
    motion -= np.percentile(motion[: end - first], 25)
    near = max(peak - first - _NEAR, 0)
    top = near + int(np.argmax(motion[near : peak - first + _NEAR + 1]))
    after = np.flatnonzero(motion[top:] < 0.5 * motion[top])
    until = top + int(after[0]) if len(after) else len(motion) - 1
    foot = float(motion[: top + 1].min())
    rise = float(motion[top]) - foot
    rise_s = (_crossing(motion, top, foot + 0.8 * rise, -1) - _crossing(motion, top, foot + 0.2 * rise, -1)) / 0.6
    return Course(
        top_s=float(times[top]),
        until_s=float(times[until]),
        rise_mm=rise,
        rise_s=rise_s / RATE_HZ,
        height_mm=float(motion[top]),
        read_mm=float(record[peak].height_mm[region] @ toward),
        times_s=times,
        motion_mm=motion,
    )


def shape_twitch(
    record: Sequence[Moment],
    peak: int,
    region: int,
    toward: npt.NDArray[np.floating[Any]],
    *,
    side: Side | None = None,
    kept: bool = True,
    reason: str = "",
) -> Twitch:
    """Measure one jerk on the skin motion along its direction.

    Onset and offset are found where the motion passes half its height, twice as far out: for a smooth rise and fall the
    foot itself lies below the noise, the half height does not.

    Parameters
    ----------
    record : sequence of Moment
        Consecutive grid times around the jerk.
    peak : int
        Position of the peak of the score in it.
    region : int
        Number of the region in ``regions.SITES``.
    toward : (2,)
        Unit vector of the jerk, x right and y down.
    side : Side, optional
        Default that of the region.
    kept, reason
        Whether it counts, and if not, why.
    """
    moment, site = record[peak], regions.SITES[region]
    first, last = _reach(record, peak)
    motion = np.array([m.motion_mm[region] @ toward for m in record[first:last]], dtype=np.float64)
    near = max(peak - first - _NEAR, 0)
    top = near + int(np.argmax(motion[near : peak - first + _NEAR + 1]))
    half = 0.5 * (motion[top] + float(np.percentile(motion, 25)))
    place = _vertex(motion, top)
    peak_s = record[first].t_s + place / RATE_HZ
    down = _crossing(motion, top, half, +1) - place
    rise_s = float(np.clip(2.0 * (place - _crossing(motion, top, half, -1)) / RATE_HZ, *RISE_LIMITS_S))
    fall_s = float(np.clip(2.0 * down / RATE_HZ, *FALL_LIMITS_S))
    steps = np.diff(motion[max(top - round(RISE_LIMITS_S[1] * RATE_HZ), 0) : top + 1])
    # not the filter's reading: which course fits best changes with the frame rate, and its reading with it
    amplitude = float(motion[top] - np.percentile(motion, 25))
    if min(peak - first, last - 1 - peak) < _SURE:  # cut off by a gap: its level is not known
        amplitude = max(amplitude, float(moment.height_mm[region] @ toward))
    elif down / RATE_HZ > 0.5 * FALL_LIMITS_S[1] and amplitude >= HELD_SNR * float(moment.sigma_mm[region]):
        fall_s = max(fall_s, course_of(record, peak, region, toward).until_s - peak_s + HELD_FOOT_S)
    return Twitch(
        region=site.name,
        side=side or site.side,
        onset_s=peak_s - rise_s,
        peak_s=peak_s,
        offset_s=peak_s + fall_s,
        amplitude_mm=amplitude,
        amplitude_px=amplitude * moment.px_per_mm,
        velocity_mm_s=float(steps.max(initial=0.0)) * RATE_HZ,
        direction_deg=float(np.degrees(np.arctan2(-toward[1], toward[0])) % 360.0),
        snr=amplitude / float(moment.sigma_mm[region]),
        score=float(max(moment.score[region], moment.patterns.max())),
        kept=kept,
        reason=reason,
        course_mm=_about(motion - np.percentile(motion, 25), place) if kept else (),
    )


def _about(motion: npt.NDArray[np.float64], place: float) -> tuple[float, ...]:
    """The motion at even times about position ``place``; empty when it does not reach so far."""
    steps = np.arange(-round(COURSE_FROM_S / COURSE_STEP_S), round(COURSE_TO_S / COURSE_STEP_S) + 1)
    wanted = place + steps * COURSE_STEP_S * RATE_HZ
    if wanted[0] < 0.0 or wanted[-1] > len(motion) - 1:
        return ()
    return tuple(np.interp(wanted, np.arange(len(motion)), motion).round(4).tolist())


def _reach(record: Sequence[Moment], peak: int) -> tuple[int, int]:
    """Positions [first, last) within BASE_S of the peak that no gap parts from it."""
    most = round(BASE_S * RATE_HZ)
    first, last = peak, peak + 1
    while first > max(peak - most, 0) and record[first].t_s - record[first - 1].t_s < 1.5 / RATE_HZ:
        first -= 1
    while last < min(peak + most + 1, len(record)) and record[last].t_s - record[last - 1].t_s < 1.5 / RATE_HZ:
        last += 1
    return first, last


def _vertex(motion: npt.NDArray[np.float64], top: int) -> float:
    """Position of the maximum between the samples, by a parabola."""
    if not 0 < top < len(motion) - 1:
        return float(top)
    bend = motion[top - 1] - 2.0 * motion[top] + motion[top + 1]
    if bend >= 0.0:
        return float(top)
    return top + float(np.clip(0.5 * (motion[top - 1] - motion[top + 1]) / bend, -0.5, 0.5))


def _crossing(motion: npt.NDArray[np.float64], top: int, level: float, step: int) -> float:
    """Position, going from ``top`` in direction ``step``, where the motion first falls to ``level``."""
    k = top
    while 0 <= k + step < len(motion):
        if motion[k + step] <= level:
            drop = motion[k] - motion[k + step]
            return k + step * (float((motion[k] - level) / drop) if drop > 0.0 else 1.0)
        k += step
    return float(k)
