"""Jerks that belong together -> Episode: its side from the measured field, its rhythm, its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector import kinds, regions
from detector.movement import Movement, is_both
from detector.neighbors import CENTERS_MM, NEAR_MM
from detector.shape import Course
from detector.twitches import TAIL, THRESHOLDS, Moment
from detector.types import Episode, FloatArray, Side, Twitch

OTHER_SIDE_SHARE = 0.3  # of the summed height; one-sided jerks on both sides in turn
CO_MOVING_SHARE = 0.5  # of the strongest score at the same moment


@dataclass(frozen=True, slots=True)
class Jerk:
    """One twitch with what the rest of the face did at its peak."""

    twitch: Twitch
    movement: Movement
    moment: Moment
    region: int
    course: Course


def side_of(region: int, movement: Movement) -> Side:
    """``both`` only when both sides of the nose move by themselves, else that of the region that moved most."""
    return "both" if is_both(movement) else regions.SITES[region].side


def summarize(number: int, jerks: Sequence[Jerk]) -> Episode:
    """The episode of jerks in time order, one at least."""
    twitches = tuple(jerk.twitch for jerk in jerks)
    lead = max(jerks, key=lambda jerk: jerk.twitch.score)
    heights: dict[str, float] = {}
    for twitch in twitches:
        heights[twitch.region] = heights.get(twitch.region, 0.0) + twitch.amplitude_mm
    region = lead.twitch.region
    side = _side(twitches, lead.twitch)
    co_movement = _co_moving(lead)
    gaps = np.diff([twitch.peak_s for twitch in twitches])
    top = max(twitches, key=lambda twitch: twitch.amplitude_mm)
    kind, evidence = kinds.kind_of(
        kinds.Facts(
            twitches,
            tuple(jerk.movement for jerk in jerks),
            tuple(jerk.moment.patterns for jerk in jerks),
            jerks.index(lead),
            side,
            co_movement,
        )
    )
    return Episode(
        number=number,
        start_s=min(twitch.onset_s for twitch in twitches),
        end_s=max(twitch.offset_s for twitch in twitches),
        kind=kind,
        side=side,
        laterality=laterality([jerk.movement for jerk in jerks]),
        region=region,
        regions=tuple(sorted(heights, key=lambda name: (name != region, -heights[name]))),
        twitch_count=len(twitches),
        peak_mm=top.amplitude_mm,
        mean_mm=float(np.mean([twitch.amplitude_mm for twitch in twitches])),
        peak_px=top.amplitude_px,
        snr=lead.twitch.snr,
        confidence=confidence(lead.twitch.score),
        rate_hz=float(len(gaps) / gaps.sum()) if len(gaps) and gaps.sum() > 0.0 else None,
        rhythm_cv=float(gaps.std(ddof=1) / gaps.mean()) if len(gaps) >= 2 and gaps.mean() > 0.0 else None,
        co_movement=";".join(co_movement),
        evidence=evidence,
        twitches=twitches,
    )


def confidence(score: float) -> float:
    """Share of findings of this score that are real, were real ones as frequent as false alarms at normal sensitivity.

    The tail of the score over footage without twitches falls by e per ``twitches.TAIL``.
    """
    return float(1.0 / (1.0 + np.exp(-(score - THRESHOLDS["normal"]) / TAIL)))


def laterality(movements: Sequence[Movement]) -> float:
    """From -1 (the subject's right only) to +1 (left only), of the heights measured at both sides of nose or lip."""
    right, left, middle = np.sum([(*movement.sides_mm, movement.nose_mm[2]) for movement in movements], axis=0)
    return float((left - right) / max(left + right, middle, 1e-9))


def _side(twitches: tuple[Twitch, ...], lead: Twitch) -> Side:
    """That of the strongest, or both when enough jerks of the one and of the other side were found."""
    left = sum(twitch.amplitude_mm for twitch in twitches if twitch.side in ("left", "both"))
    right = sum(twitch.amplitude_mm for twitch in twitches if twitch.side in ("right", "both"))
    return "both" if min(left, right) > OTHER_SIDE_SHARE * (left + right) else lead.side


def _co_moving(lead: Jerk) -> tuple[str, ...]:
    """Regions too far from the strongest to be its leakage that stood out at the same moment."""
    excess: FloatArray = lead.moment.excess
    apart = np.hypot(*(CENTERS_MM - CENTERS_MM[lead.region]).T)
    moving = (apart > 1.5 * NEAR_MM) & (excess > CO_MOVING_SHARE * excess[lead.region])
    return tuple(regions.SITE_NAMES[k] for k in np.argsort(-excess) if moving[k])
