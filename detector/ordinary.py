"""Ordinary movements told apart from twitches: each rule has a name, and what it finds is a kind of the log.

Two kinds of rules: a veto takes what would have passed for a twitch, the others only give a name to what did not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from detector.lids import Closing
from detector.movement import Movement, is_both
from detector.patterns import HALVES
from detector.shape import Course
from detector.types import FloatArray

AT_BLINK_S = 0.1  # beyond the half depth of a blink to either side: the skin is drawn along a little before and after
# Way of the wings of the nose: a sniff draws them outwards (-25 to -15 put into footage), a scrunch up (88 to 102).
SIDEWAYS_DEG = 40.0
# Of patterns put into footage, by this measure: spasms rose in 0.03-0.08 s, tics in 0.06-0.11, disgust in 0.15-0.32;
# lopsided smiles and half a smile while talking rose in 0.12-0.20 s.
SLOW_S = 0.135
SLOW_HALF_S = 0.10
WIDE_SCORE = 4.4  # of a pattern: so much of the face moved that it may be an expression
LIGHT = 0.03  # share of the brightness within a quarter of a second: a lamp, the exposure; under 0.02 at rest
DETAIL = 0.12  # share of the fine detail within the same: a key frame, the focus; codecs make 0.05 all the time
HEAD_MM_S = 25.0  # of the head in the picture: a nod, a start
TURN_DEG = 4.0  # within half a second
COVERED = 0.15  # of the patches round the nose: a hand, a cup; under 0.1 but for 1 % of the time of people who talk
LIPS_MM = 2.5  # opened or closed within half a second: a word; 0.1-0.6 at rest
CORNERS_MM = 6.0  # that a corner of the mouth went within half a second: a smile, a word; farther than spasms draw it


WORDS = {  # of the rules
    "occlusion": "something covered the nose",
    "head_motion": "the head moved or turned",
    "exposure": "the light changed",
    "blink_pull": "the lids closed and drew the skin along",
    "sniff": "both wings of the nose went out or back in",
    "lips": "the lips opened or closed",
    "mouth": "the mouth moved more than the nose",
    "slow_rise": "it rose too slowly for a twitch",
    "key_frame": "the coding of the picture changed",
}


@dataclass(frozen=True, slots=True)
class Ordinary:
    """What a movement was instead of a twitch."""

    kind: str  # one of types.ORDINARY_KINDS
    reason: str  # the name of the rule


def veto(movement: Movement, courses: Sequence[Course], patterns: FloatArray) -> Ordinary | None:
    """Why the jerks of an episode are no twitches; None when they are. Parameters as of :func:`vetoes`."""
    return next(vetoes(movement, courses, patterns), None)


def vetoes(movement: Movement, courses: Sequence[Course], patterns: FloatArray) -> Iterator[Ordinary]:
    """Every rule by which the jerks of an episode are no twitches.

    Parameters
    ----------
    movement : Movement
        At the strongest.
    courses : sequence of Course
        Of all that are about as high.
    patterns : (P,)
        Scores of ``patterns.PATTERNS`` at the strongest.
    """
    both = is_both(movement)
    half = not both and float(patterns[list(HALVES.values())].max()) >= WIDE_SCORE
    if movement.covered > COVERED:
        yield Ordinary("artefact", "occlusion")
    if both and _is_sideways(movement):
        yield Ordinary("sniff", "sniff")
    if half and movement.lips_mm > LIPS_MM:
        yield Ordinary("speech", "lips")
    if half and movement.corners_mm > CORNERS_MM:
        yield Ordinary("expression", "mouth")
    slow_s = SLOW_HALF_S if half else SLOW_S
    if (both or half) and all(course.rise_s > slow_s or not course.rises for course in courses):
        yield Ordinary("expression", "slow_rise")


def name(movement: Movement, blinks: Sequence[Closing]) -> Ordinary | None:
    """What a movement that is no twitch was; None when nobody can tell.

    The head comes first, for it moves and changes all the rest; the coding last, for everything changes it.
    """
    if movement.covered > COVERED:
        return Ordinary("artefact", "occlusion")
    if movement.head_mm_s > HEAD_MM_S or movement.turn_deg > TURN_DEG:
        return Ordinary("head_motion", "head_motion")
    if movement.light > LIGHT:
        return Ordinary("artefact", "exposure")
    if at_blink(movement.t_s, blinks) is not None:
        return Ordinary("blink", "blink_pull")
    if is_both(movement) and _is_sideways(movement) and max(movement.mouth_mm) < max(movement.nose_mm):
        return Ordinary("sniff", "sniff")
    if movement.lips_mm > LIPS_MM:
        return Ordinary("speech", "lips")
    if movement.corners_mm > CORNERS_MM or max(movement.mouth_mm) > max(movement.nose_mm):
        return Ordinary("expression", "mouth")
    if movement.detail > DETAIL:
        return Ordinary("artefact", "key_frame")
    return None


def at_blink(t_s: float, blinks: Sequence[Closing]) -> Closing | None:
    """The blink during which something happened."""
    return next((b for b in blinks if b.onset_s - AT_BLINK_S <= t_s <= b.offset_s + AT_BLINK_S), None)


def _is_sideways(movement: Movement) -> bool:
    """Whether the wings of the nose went out, or back in."""
    return abs((movement.outward_deg + 90.0) % 180.0 - 90.0) <= SIDEWAYS_DEG
