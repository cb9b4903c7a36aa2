"""What is told of the whole face at a jerk: heights of its areas, the balance of both sides, the way of the wings."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detector.context import Context
from detector.grid import RATE_HZ
from detector.motion import LATTICE_MM, REGION_COUNT
from detector.movement import BOTH_SHARE, BOTH_SNR, NEAR_S, STEP_S, Movement, describe, is_both
from detector.ordinary import name, veto
from detector.patterns import CHEEKS, FOREHEAD
from detector.twitches import Moment
from tests.faces import CALM, LEFT, MOVEMENT, RIGHT, SCRUNCH, SIGMA_MM, course, moment, scores

PEAK = 30


def still(at: dict[str, tuple[float, float]] | None = None, context: Context | None = CALM) -> list[Moment]:
    """A second of a face that moves in its middle only."""
    known = {} if context is None else {"context": context}
    record = [moment(k / RATE_HZ, **known) for k in range(2 * PEAK)]
    record[PEAK] = moment(PEAK / RATE_HZ, at, **known)
    return record


def changed(record: list[Moment], apart_s: float, **context: Any) -> list[Moment]:
    """The same with another context from a time before the peak (negative) backwards, or after it onwards."""
    return [
        replace(m, context=replace(m.context, **context))
        if (k - PEAK) * np.sign(apart_s) >= abs(apart_s) * RATE_HZ - 1e-6
        else m
        for k, m in enumerate(record)
    ]


# heights


def test_each_area_has_the_height_of_what_moved_most_in_it() -> None:
    at = {
        RIGHT: (0.3, 0.4),
        "nasalis_transverse_right": (0.0, -0.2),
        LEFT: (0.0, 1.0),
        "procerus": (0.2, 0.0),
        "orbicularis_oculi_lower_left": (0.0, 0.7),
        "zygomaticus_right": (0.6, 0.0),
        "orbicularis_oris_upper_left": (0.0, 0.3),
    }
    movement = describe(still(at), PEAK)
    assert movement.t_s == PEAK / RATE_HZ
    assert movement.nose_mm == pytest.approx((0.5, 1.0, 0.2))
    assert movement.nose_snr == pytest.approx((0.5 / SIGMA_MM, 1.0 / SIGMA_MM, 0.2 / SIGMA_MM))
    assert movement.lid_mm == pytest.approx((0.0, 0.7))
    assert movement.mouth_mm == pytest.approx((0.6, 0.0))
    assert movement.mouth_snr == pytest.approx((0.6 / SIGMA_MM, 0.0))
    assert movement.lip_mm == pytest.approx((0.0, 0.3))
    assert (movement.cheek_mm, movement.forehead_mm) == (0.0, 0.0)
    assert movement.sigma_mm == pytest.approx(SIGMA_MM)
    assert movement.balance == pytest.approx(0.5)


def test_cheeks_forehead_and_corners_are_read_between_the_muscles_too() -> None:
    record = still()
    face = record[PEAK].face_mm.copy()
    corner = REGION_COUNT + int(np.flatnonzero((LATTICE_MM == (27.0, 63.0)).all(axis=1))[0])
    face[corner] = (0.0, 0.9)
    face[CHEEKS[0]] = (0.3, 0.0)
    face[FOREHEAD[-1]] = (0.0, -0.2)
    record[PEAK] = replace(record[PEAK], face_mm=face)
    movement = describe(record, PEAK)
    assert movement.mouth_mm == pytest.approx((0.0, 0.9))
    assert movement.forehead_mm == pytest.approx(0.2)
    assert movement.cheek_mm == pytest.approx(max(0.3, 0.9 if corner in CHEEKS else 0.0))


@pytest.mark.parametrize(
    ("nose_mm", "balance"),
    [((1.0, 1.0, 0.0), 1.0), ((1.0, 0.25, 0.0), 0.25), ((0.5, 0.5, 2.0), 0.25), ((0.0, 1.0, 0.0), 0.0)],
)
def test_the_balance_is_that_of_the_weaker_side_to_the_strongest_of_all(
    nose_mm: tuple[float, float, float], balance: float
) -> None:
    assert replace(MOVEMENT, nose_mm=nose_mm).balance == pytest.approx(balance)


def test_a_face_that_does_not_move_at_all_has_no_balance() -> None:
    assert replace(MOVEMENT, nose_mm=(0.0, 0.0, 0.0)).balance == 0.0


def test_both_sides_must_move_and_stand_out() -> None:
    assert is_both(SCRUNCH)
    assert is_both(replace(SCRUNCH, nose_mm=(1.01 * BOTH_SHARE, 1.0, 0.0)))
    assert not is_both(replace(SCRUNCH, nose_mm=(0.99 * BOTH_SHARE, 1.0, 0.0)))
    assert is_both(replace(SCRUNCH, nose_snr=(9.0, 1.01 * BOTH_SNR, 0.0)))
    assert not is_both(replace(SCRUNCH, nose_snr=(9.0, 0.99 * BOTH_SNR, 0.0)))


@pytest.mark.parametrize(
    ("right", "left", "degrees"),
    [
        ((-1.0, 0.0), (1.0, 0.0), 0.0),  # x of the picture: the subject's right wing goes left when it goes out
        ((0.0, -1.0), (0.0, -1.0), 90.0),
        ((0.0, 1.0), (0.0, 1.0), -90.0),
        ((1.0, 0.0), (-1.0, 0.0), 180.0),
        ((-1.0, -1.0), (1.0, -1.0), 45.0),
        ((1.0, -1.0), (1.0, -1.0), 90.0),  # both to one side is no way out
    ],
)
def test_the_way_of_the_wings_is_outwards_or_up(
    right: tuple[float, float], left: tuple[float, float], degrees: float
) -> None:
    movement = describe(still({RIGHT: right, LEFT: left}), PEAK)
    assert abs((movement.outward_deg - degrees + 180.0) % 360.0 - 180.0) < 1e-3


# what the rest of the picture does


def test_nothing_changes_on_a_calm_face() -> None:
    movement = describe(still(), PEAK)
    for value in (movement.lips_mm, movement.corners_mm, movement.turn_deg, movement.light, movement.detail):
        assert value == 0.0
    assert movement.covered == 0.0
    assert movement.head_mm_s == 1.0


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("field", "context", "within_s", "change"),
    [
        ("lips_mm", {"lip_gap_mm": 4.0}, STEP_S, 3.0),
        ("corners_mm", {"mouth_mm": np.array([(-25.0, 60.0), (28.0, 56.0)], np.float32)}, STEP_S, 5.0),
        ("turn_deg", {"pose_deg": np.array([1.0, -6.0, 30.0], np.float32)}, STEP_S, 6.0),  # the roll does not count
        ("covered", {"covered": 0.4}, STEP_S, 0.4),
        ("light", {"luma": 126.0}, NEAR_S, 0.05),
        ("detail", {"detail": 4.4}, NEAR_S, 0.1),
    ],
)
def test_what_changes_about_the_time_counts_and_what_changed_earlier_does_not(
    field: str, context: dict[str, Any], within_s: float, change: float, sign: float
) -> None:
    inside = describe(changed(still(), sign * (within_s - 0.05), **context), PEAK)
    assert getattr(inside, field) == pytest.approx(change, rel=0.1)
    outside = describe(changed(still(), sign * (within_s + 0.05), **context), PEAK)
    assert getattr(outside, field) == 0.0


def test_the_head_is_as_fast_as_it_was_about_the_time() -> None:
    record = still()
    record[PEAK + 5] = replace(record[PEAK + 5], head_speed_mm_s=40.0)
    record[PEAK - 20] = replace(record[PEAK - 20], head_speed_mm_s=90.0)
    assert describe(record, PEAK).head_mm_s == 40.0


def test_what_lies_beyond_a_gap_is_not_about_the_time() -> None:
    record = changed(still(), -0.1, lip_gap_mm=4.0)
    apart = record[: PEAK - 6] + [replace(m, t_s=m.t_s + 0.5) for m in record[PEAK - 5 :]]
    assert describe(record, PEAK).lips_mm == 3.0
    assert describe(apart, PEAK - 1).lips_mm == 0.0


@pytest.mark.parametrize("peak", [0, 2 * PEAK - 1])
def test_the_ends_of_a_record_are_told_as_far_as_it_goes(peak: int) -> None:
    assert describe(still(), peak).lips_mm == 0.0


def rules_that_fire(movement: Movement) -> list[str]:
    quick = [course(0.06)]
    return [what.reason for what in (veto(movement, quick, scores(half_left=20.0)), name(movement, ())) if what]


def test_a_context_that_is_not_known_triggers_no_rule_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        movement = describe(still({LEFT: (0.0, -1.0)}, context=None), PEAK)
    for field in ("lips_mm", "corners_mm", "turn_deg", "light", "detail", "covered"):
        assert np.isnan(getattr(movement, field)), field
    assert movement.nose_mm == pytest.approx((0.0, 1.0, 0.0))
    assert rules_that_fire(movement) == []


def test_a_context_that_is_lost_at_the_peak_triggers_no_rule_either() -> None:
    record = still({LEFT: (0.0, -1.0)})
    record[PEAK] = moment(PEAK / RATE_HZ, {LEFT: (0.0, -1.0)})
    assert rules_that_fire(describe(record, PEAK)) == []
