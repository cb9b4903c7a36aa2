"""Each rule that takes a movement for something ordinary: it fires on its case, and not on the one beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detector import ordinary
from detector.lids import Closing
from detector.movement import BOTH_SHARE, BOTH_SNR, Movement
from detector.ordinary import Ordinary, at_blink, name, veto
from detector.shape import Course
from detector.types import ORDINARY_KINDS
from tests.faces import MOVEMENT, NOTHING_KNOWN, SCRUNCH, course, scores

QUICK, SLOW = course(0.06), course(2.0 * ordinary.SLOW_S)
BETWEEN = course(0.5 * (ordinary.SLOW_HALF_S + ordinary.SLOW_S))  # slow for half a face, quick for the nose
NOT_RISING = course(0.06, rise_mm=0.1)
NARROW, WIDE = scores(half_left=ordinary.WIDE_SCORE - 0.1), scores(half_left=ordinary.WIDE_SCORE + 0.1)
SNIFF = replace(SCRUNCH, outward_deg=-20.0)
BLINK = Closing(onset_s=4.9, peak_s=5.0, offset_s=5.1, closed=(0.9, 0.9), lowest_mm=(1.0, 1.0))
JUST_OVER, JUST_UNDER = 1.01, 0.99


def vetoed(movement: Movement = MOVEMENT, courses: Sequence[Course] = (QUICK,), patterns: Any = None) -> str | None:
    what = veto(movement, courses, scores() if patterns is None else patterns)
    return None if what is None else what.reason


def named(movement: Movement = MOVEMENT, blinks: Sequence[Closing] = ()) -> str | None:
    what = name(movement, blinks)
    return None if what is None else what.reason


# what takes a twitch away


@pytest.mark.parametrize("movement", [MOVEMENT, SCRUNCH])
@pytest.mark.parametrize("patterns", [scores(), WIDE, scores(both_sides=20.0)])
def test_a_quick_jerk_on_a_calm_face_is_a_twitch(movement: Movement, patterns: np.ndarray) -> None:
    assert vetoed(movement, patterns=patterns) is None


@pytest.mark.parametrize("rule", [vetoed, named])
def test_a_hand_before_the_nose_takes_everything(rule: Callable[[Movement], str | None]) -> None:
    assert rule(replace(MOVEMENT, covered=JUST_OVER * ordinary.COVERED)) == "occlusion"
    assert rule(replace(MOVEMENT, covered=JUST_UNDER * ordinary.COVERED)) is None


@pytest.mark.parametrize("outward_deg", [0.0, -20.0, 39.0, -39.0, 160.0, -150.0, 180.0, -180.0])
def test_wings_that_go_sideways_are_a_sniff(outward_deg: float) -> None:
    assert vetoed(replace(SCRUNCH, outward_deg=outward_deg)) == "sniff"


@pytest.mark.parametrize("outward_deg", [90.0, 60.0, 120.0, -90.0, 41.0, -41.0, 139.0])
def test_wings_that_go_up_or_down_are_none(outward_deg: float) -> None:
    assert vetoed(replace(SCRUNCH, outward_deg=outward_deg)) is None


@pytest.mark.parametrize(
    "one_sided",
    [
        {"nose_mm": (0.99 * BOTH_SHARE, 1.0, 0.1)},
        {"nose_mm": (0.9, 1.0, 3.0)},  # the midline moved most, the sides with it
        {"nose_snr": (0.99 * BOTH_SNR, 20.0, 1.0)},
    ],
)
@pytest.mark.parametrize("rule", [vetoed, named])
def test_one_wing_alone_does_not_sniff(one_sided: dict[str, Any], rule: Callable[[Movement], str | None]) -> None:
    assert rule(SNIFF) == "sniff"
    assert rule(replace(SNIFF, **one_sided)) is None


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        ({"lips_mm": JUST_OVER * ordinary.LIPS_MM}, "lips"),
        ({"corners_mm": JUST_OVER * ordinary.CORNERS_MM}, "mouth"),
    ],
)
def test_half_a_face_that_moves_with_the_mouth_is_speech_or_a_smile(moved: dict[str, float], reason: str) -> None:
    assert vetoed(replace(MOVEMENT, **moved), patterns=WIDE) == reason
    assert vetoed(replace(MOVEMENT, **moved), patterns=scores(half_right=20.0)) == reason, "of either side"
    assert vetoed(replace(MOVEMENT, **moved), patterns=NARROW) is None, "a small area is none"
    assert vetoed(replace(MOVEMENT, **moved), patterns=scores(both_sides=20.0, below_left=20.0)) is None
    assert vetoed(replace(SCRUNCH, **moved), patterns=WIDE) is None, "nor is a scrunch"
    less = {key: value * JUST_UNDER / JUST_OVER for key, value in moved.items()}
    assert vetoed(replace(MOVEMENT, **less), patterns=WIDE) is None


def test_a_slow_rise_of_both_sides_is_an_expression() -> None:
    assert vetoed(SCRUNCH, [SLOW]) == "slow_rise"
    assert vetoed(SCRUNCH, [BETWEEN]) is None
    assert vetoed(SCRUNCH, [course(JUST_OVER * ordinary.SLOW_S)]) == "slow_rise"
    assert vetoed(SCRUNCH, [course(JUST_UNDER * ordinary.SLOW_S)]) is None


def test_half_a_face_is_slow_sooner() -> None:
    assert vetoed(MOVEMENT, [BETWEEN], WIDE) == "slow_rise"
    assert vetoed(MOVEMENT, [course(JUST_UNDER * ordinary.SLOW_HALF_S)], WIDE) is None


def test_a_small_area_may_rise_slowly() -> None:
    assert vetoed(MOVEMENT, [SLOW], NARROW) is None


def test_one_quick_jerk_among_slow_ones_is_a_twitch_but_not_one_where_nothing_rose() -> None:
    assert vetoed(SCRUNCH, [SLOW, QUICK]) is None
    assert vetoed(SCRUNCH, [SLOW, NOT_RISING]) == "slow_rise"


@pytest.mark.parametrize("patterns", [scores(), WIDE])
def test_what_is_not_known_takes_nothing_away(patterns: np.ndarray) -> None:
    for movement in (MOVEMENT, SCRUNCH):
        assert vetoed(replace(movement, **NOTHING_KNOWN), patterns=patterns) is None


# what gives a name


def test_a_calm_face_has_no_name() -> None:
    assert named() is None
    assert named(SCRUNCH) is None


@pytest.mark.parametrize(
    ("field", "limit", "reason", "kind"),
    [
        ("covered", ordinary.COVERED, "occlusion", "artefact"),
        ("head_mm_s", ordinary.HEAD_MM_S, "head_motion", "head_motion"),
        ("turn_deg", ordinary.TURN_DEG, "head_motion", "head_motion"),
        ("light", ordinary.LIGHT, "exposure", "artefact"),
        ("lips_mm", ordinary.LIPS_MM, "lips", "speech"),
        ("corners_mm", ordinary.CORNERS_MM, "mouth", "expression"),
        ("detail", ordinary.DETAIL, "key_frame", "artefact"),
    ],
)
def test_each_cause_has_its_own_name_and_kind(field: str, limit: float, reason: str, kind: str) -> None:
    assert name(replace(MOVEMENT, **{field: JUST_OVER * limit}), ()) == Ordinary(kind, reason)
    assert named(replace(MOVEMENT, **{field: JUST_UNDER * limit})) is None
    assert named(replace(MOVEMENT, **{field: np.nan})) is None
    assert kind in ORDINARY_KINDS


def test_a_mouth_that_moves_more_than_the_nose_is_an_expression() -> None:
    assert named(replace(MOVEMENT, mouth_mm=(1.1, 0.1))) == "mouth"
    assert named(replace(MOVEMENT, mouth_mm=(0.9, 0.1))) is None


def test_a_sniff_is_one_of_the_nose_not_of_the_mouth() -> None:
    assert name(SNIFF, ()) == Ordinary("sniff", "sniff")
    assert named(replace(SNIFF, mouth_mm=(0.1, 1.1))) == "mouth"


@pytest.mark.parametrize(
    ("t_s", "reason"),
    [(5.0, "blink_pull"), (4.81, "blink_pull"), (5.19, "blink_pull"), (4.79, None), (5.21, None), (5.6, None)],
)
def test_what_happens_during_a_blink_is_its_pull(t_s: float, reason: str | None) -> None:
    assert named(replace(MOVEMENT, t_s=t_s), [BLINK]) == reason
    assert at_blink(t_s, [replace(BLINK, onset_s=1.0, offset_s=1.2), BLINK]) is (BLINK if reason else None)


def test_the_head_comes_before_its_consequences_and_the_coding_last() -> None:
    """All at once; each cause taken away shows the next."""
    movement = replace(
        SNIFF, covered=1.0, head_mm_s=100.0, light=1.0, lips_mm=9.0, corners_mm=20.0, detail=1.0, turn_deg=9.0
    )
    order = []
    for gone in ({"covered": 0.0}, {"head_mm_s": 0.0, "turn_deg": 0.0}, {"light": 0.0}, {"t_s": 9.0},
                 {"outward_deg": 90.0}, {"lips_mm": 0.0}, {"corners_mm": 0.0}, {"detail": 0.0}):  # fmt: skip
        order.append(named(movement, [BLINK]))
        movement = replace(movement, **gone)
    assert order == ["occlusion", "head_motion", "exposure", "blink_pull", "sniff", "lips", "mouth", "key_frame"]
    assert named(movement, [BLINK]) is None


def test_what_is_not_known_gives_no_name() -> None:
    assert named(replace(MOVEMENT, **NOTHING_KNOWN)) is None
    assert named(replace(MOVEMENT, **NOTHING_KNOWN, head_mm_s=np.nan)) is None
