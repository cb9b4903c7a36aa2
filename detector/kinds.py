"""Twitches of an episode -> its kind, and the evidence for it in words and numbers.

The rules go by what separates the kinds of movement: extent, side, co-movement, time course. None names a disease, and
what fits none of them is undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.movement import Movement
from detector.patterns import HALVES
from detector.types import FloatArray, Kind, Side, Twitch

LONGEST_JERK_S = 0.5  # fasciculations last 0.1-0.5 s; longer pulls are held
# Score of half of the face that names the kind of jerks which pass by themselves. Jerks of one muscle put into footage
# reached 2.2 but for one of 3.3 while the man spoke; 27 of 33 spasms that were found passed it.
HALF_SCORE = 3.4
# Skin under the eye is smooth, and on coarse footage it is not seen to move: nose and mouth together, of one
# side only and in most jerks of a burst, are enough.
MOUTH_SHARE = 0.45  # of the height at nose or lip; jerks of one muscle leak 0.3 at most so far
MOUTH_SNR = 4.0
OTHER_MOUTH = 0.5  # of the one side's
SEVERAL = 0.2  # of the strongest movement at the nose: an area that moves by itself; 0.1 leaks that far


@dataclass(frozen=True, slots=True)
class Facts:
    """What the kind of an episode is told from; sequences run over its twitches."""

    twitches: tuple[Twitch, ...]
    movements: tuple[Movement, ...]
    patterns: tuple[FloatArray, ...]  # (P,) scores of ``patterns.PATTERNS``
    lead: int  # position of the strongest
    side: Side
    co_movement: tuple[str, ...]  # regions apart from the strongest that moved with it


def kind_of(facts: Facts) -> tuple[Kind, str]:
    """Kind and evidence of an episode."""
    said = [_jerks(facts), _where(facts)]
    half = _half(facts)
    if half is not None:
        return "hemifacial_spasm_like", "; ".join([*said, _half_words(facts, half)])
    if facts.side == "both":
        areas = _areas(facts.movements[facts.lead])
        if facts.twitches[facts.lead].side == "both":
            return "tic_like", "; ".join(
                [*said, "at the same moment" + (f", {_listed(areas)} with them" if areas else "")]
            )
        return "undetermined", "; ".join([*said, "one side after the other"])
    if facts.co_movement:
        return "undetermined", "; ".join([*said, f"{facts.co_movement[0].replace('_', ' ')} moved with it"])
    longest_s = _longest_s(facts)
    if longest_s > LONGEST_JERK_S:
        return "undetermined", "; ".join([*said, f"held for {longest_s:.1f} s"])
    return "fasciculation_like", "; ".join([*said, "nothing else moved"])


def _longest_s(facts: Facts) -> float:
    return max(twitch.offset_s - twitch.onset_s for twitch in facts.twitches)


def _jerks(facts: Facts) -> str:
    count = len(facts.twitches)
    if count == 1:
        return f"one jerk of {_longest_s(facts):.2f} s"
    gaps = np.diff([twitch.peak_s for twitch in facts.twitches])
    words = f"{count} jerks, the longest of {_longest_s(facts):.2f} s, {np.median(gaps):.2f} s apart"
    return words if count == 2 else f"{words} (intervals vary by {100 * gaps.std(ddof=1) / gaps.mean():.0f} %)"


def _where(facts: Facts) -> str:
    """The side, with both sides' heights and how well they are known."""
    movement = facts.movements[facts.lead]
    if facts.side == "midline":
        return f"on the midline ({movement.nose_mm[2]:.1f} mm)"
    right, left = movement.sides_mm
    area = "lip" if movement.led_by_lip else "nose"
    on = "on both sides" if facts.side == "both" else f"on the {facts.side} only"
    return f"{on} ({area} right {right:.1f} mm, left {left:.1f} mm, each +- {movement.sigma_mm:.1f})"


def _half(facts: Facts) -> str | None:
    """The side of which lid, nose and mouth moved together in a jerk, or nose and mouth in most of several."""
    scores = np.array(facts.patterns)[:, : len(HALVES)]
    for side, column in HALVES.items():
        wide = [_is_wide(movement, column) for movement in facts.movements]
        if ((scores[:, column] >= HALF_SCORE) & np.array(wide)).any():
            return side
        with_mouth = sum(_with_mouth(movement, column) for movement in facts.movements)
        if facts.side == side and with_mouth >= 2 and 2 * with_mouth >= len(facts.movements):
            return side
    return None


def _is_wide(movement: Movement, k: int) -> bool:
    """Whether lid, nose and mouth of that side each moved by themselves, none by what leaks from another."""
    areas = (movement.lid_mm[k], movement.nose_mm[k], movement.mouth_mm[k])
    return min(areas) >= SEVERAL * max(*areas, *movement.nose_mm)


def _with_mouth(movement: Movement, k: int) -> bool:
    """Whether the corner of the mouth of that side, and not the other, moved with the nose or the lip."""
    high = max(movement.nose_mm[k], movement.lip_mm[k])
    return (
        movement.mouth_mm[k] >= MOUTH_SHARE * high
        and movement.mouth_snr[k] >= MOUTH_SNR
        and movement.nose_snr[k] >= MOUTH_SNR
        and movement.mouth_mm[1 - k] <= OTHER_MOUTH * movement.mouth_mm[k]
    )


def _half_words(facts: Facts, half: str) -> str:
    k = HALVES[half]
    best = max(facts.movements, key=lambda movement: movement.lid_mm[k] + movement.mouth_mm[k])
    return (
        f"lid ({best.lid_mm[k]:.1f} mm), nose ({best.nose_mm[k]:.1f} mm) and mouth ({best.mouth_mm[k]:.1f} mm) "
        f"of the {half} side moved at the same moment, the other side did not "
        f"({max(best.lid_mm[1 - k], best.nose_mm[1 - k], best.mouth_mm[1 - k]):.1f} mm)"
    )


def _listed(areas: list[str]) -> str:
    return " and ".join([", ".join(areas[:-1]), areas[-1]] if len(areas) > 1 else areas)


def _areas(movement: Movement) -> list[str]:
    """Areas besides the two sides of the nose that moved with it."""
    least = SEVERAL * max(movement.nose_mm)
    measured = {
        "the nose root or tip": movement.nose_mm[2],
        "the lids": max(movement.lid_mm),
        "the mouth": max(movement.mouth_mm),
        "the forehead": movement.forehead_mm,
    }
    return [f"{area} ({mm:.1f} mm)" for area, mm in measured.items() if mm >= max(least, 3.0 * movement.sigma_mm)]
