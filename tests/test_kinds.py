"""The kind of an episode and the words for it: extent, side, co-movement and time course, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.kinds import HALF_SCORE, LONGEST_JERK_S, MOUTH_SHARE, MOUTH_SNR, OTHER_MOUTH, SEVERAL, Facts, kind_of
from detector.movement import Movement
from detector.types import Side, Twitch
from tests.faces import MOVEMENT, SCRUNCH, scores, twitch

SPASM = replace(MOVEMENT, nose_mm=(0.05, 1.0, 0.1), lid_mm=(0.06, 0.8), mouth_mm=(0.07, 0.6))


def facts(
    *twitches: Twitch,
    side: Side = "left",
    movement: Movement = MOVEMENT,
    patterns: dict[str, float] | None = None,
    **other: Any,
) -> Facts:
    """One jerk by default; movement and patterns are those of the last, the others are alone on a still face."""
    twitches = twitches or (twitch(side=side),)
    alone = len(twitches) - 1
    return Facts(
        twitches,
        (*[MOVEMENT] * alone, movement),
        (*[scores()] * alone, scores(**(patterns or {}))),
        lead=other.get("lead", alone),
        side=side,
        co_movement=other.get("co_movement", ()),
    )


# one small area


@pytest.mark.parametrize(
    ("side", "nose_mm", "words"),
    [
        ("left", (0.1, 1.0, 0.1), "on the left only (nose right 0.1 mm, left 1.0 mm, each +- 0.1)"),
        ("right", (1.2, 0.2, 0.1), "on the right only (nose right 1.2 mm, left 0.2 mm, each +- 0.1)"),
        ("midline", (0.1, 0.1, 0.9), "on the midline (0.9 mm)"),
    ],
)
def test_brief_jerks_of_one_place_are_fasciculation_like(
    side: Side, nose_mm: tuple[float, float, float], words: str
) -> None:
    kind, evidence = kind_of(facts(side=side, movement=replace(MOVEMENT, nose_mm=nose_mm, sigma_mm=0.06)))
    assert kind == "fasciculation_like"
    assert evidence == f"one jerk of 0.16 s; {words}; nothing else moved"


def test_jerks_are_counted_the_longest_named_and_the_pauses_told() -> None:
    first, second, third = twitch(5.0), twitch(5.2, 0.3), twitch(5.6)
    assert kind_of(facts(first, second))[1].startswith("2 jerks, the longest of 0.30 s, 0.20 s apart; ")
    words = kind_of(facts(first, second, third))[1]
    assert words.startswith("3 jerks, the longest of 0.30 s, 0.30 s apart (intervals vary by 47 %); ")


def test_a_jerk_of_the_longest_length_still_counts_and_a_longer_one_is_held() -> None:
    assert kind_of(facts(twitch(seconds=LONGEST_JERK_S - 1e-6)))[0] == "fasciculation_like"
    kind, evidence = kind_of(facts(twitch(5.0), twitch(5.4, LONGEST_JERK_S + 0.1)))
    assert kind == "undetermined"
    assert evidence.endswith("held for 0.6 s")


def test_a_region_far_away_that_moved_with_it_leaves_the_kind_open() -> None:
    kind, evidence = kind_of(facts(co_movement=("zygomaticus_left", "procerus")))
    assert kind == "undetermined"
    assert evidence.endswith("zygomaticus left moved with it")


# one side of the face


@pytest.mark.parametrize(("side", "pattern"), [("left", "half_left"), ("right", "half_right")])
def test_lid_nose_and_mouth_of_one_side_at_once_are_hemifacial_spasm_like(side: Side, pattern: str) -> None:
    spasm = SPASM
    if side == "right":
        spasm = replace(SPASM, nose_mm=(1.0, 0.05, 0.1), lid_mm=(0.8, 0.06), mouth_mm=(0.6, 0.07))
    kind, evidence = kind_of(facts(side=side, movement=spasm, patterns={pattern: HALF_SCORE}))
    assert kind == "hemifacial_spasm_like"
    assert f"lid (0.8 mm), nose (1.0 mm) and mouth (0.6 mm) of the {side} side moved at the same moment" in evidence
    assert evidence.endswith("the other side did not (0.1 mm)")


def test_one_such_jerk_in_an_episode_is_enough() -> None:
    assert kind_of(facts(twitch(5.0), twitch(5.4), movement=SPASM, patterns={"half_left": 9.0}, lead=0))[0] == (
        "hemifacial_spasm_like"
    )


@pytest.mark.parametrize(
    ("movement", "patterns"),
    [
        (SPASM, {"half_left": HALF_SCORE - 0.1}),
        (SPASM, {"half_right": 9.0}),  # the other half
        (SPASM, {"both_sides": 9.0, "below_left": 9.0}),
        (replace(SPASM, lid_mm=(0.06, 0.9 * SEVERAL)), {"half_left": 9.0}),  # leaks over from the nose
        (replace(SPASM, mouth_mm=(0.07, 0.9 * SEVERAL)), {"half_left": 9.0}),
    ],
)
def test_less_than_that_is_none(movement: Movement, patterns: dict[str, float]) -> None:
    assert kind_of(facts(movement=movement, patterns=patterns))[0] == "fasciculation_like"


def test_score_and_extent_must_be_of_the_same_jerk() -> None:
    wide_but_weak = Facts(
        (twitch(5.0), twitch(5.4)), (SPASM, MOVEMENT), (scores(), scores(half_left=9.0)), 0, "left", ()
    )
    assert kind_of(wide_but_weak)[0] == "fasciculation_like"


# nose and mouth of one side, where the lid is not seen to move

WITH_MOUTH = replace(MOVEMENT, mouth_mm=(0.1, 0.6), mouth_snr=(2.0, 12.0))


def burst(*movements: Movement, side: Side = "left") -> str:
    """The kind of jerks with these movements and no pattern."""
    twitches = tuple(twitch(5.0 + 0.3 * k) for k in range(len(movements)))
    return kind_of(Facts(twitches, movements, (scores(),) * len(movements), 0, side, ()))[0]


def test_nose_and_mouth_together_in_most_jerks_of_a_burst_are_enough() -> None:
    assert burst(WITH_MOUTH, WITH_MOUTH) == "hemifacial_spasm_like"
    assert burst(WITH_MOUTH, WITH_MOUTH, MOVEMENT, MOVEMENT) == "hemifacial_spasm_like"
    assert burst(WITH_MOUTH, WITH_MOUTH, MOVEMENT, MOVEMENT, MOVEMENT) == "fasciculation_like", "less than half"
    assert burst(WITH_MOUTH) == "fasciculation_like", "one jerk is not"
    assert burst(WITH_MOUTH, WITH_MOUTH, side="right") == "fasciculation_like", "nor those of the other side"


@pytest.mark.parametrize(
    "less",
    [
        {"mouth_mm": (0.1, 0.99 * MOUTH_SHARE)},
        {"lip_mm": (0.1, 2.0)},  # the mouth is drawn along by the lip
        {"mouth_snr": (2.0, 0.99 * MOUTH_SNR)},
        {"nose_snr": (1.0, 0.99 * MOUTH_SNR, 1.0)},
        {"mouth_mm": (1.02 * OTHER_MOUTH * 0.6, 0.6)},  # both corners
    ],
)
def test_a_mouth_that_moves_less_or_on_both_sides_is_not(less: dict[str, Any]) -> None:
    assert burst(*[replace(WITH_MOUTH, **less)] * 3) == "fasciculation_like"


# both sides


def test_both_sides_of_the_nose_at_once_are_tic_like() -> None:
    kind, evidence = kind_of(facts(side="both", movement=SCRUNCH))
    assert kind == "tic_like"
    assert evidence.endswith("on both sides (nose right 0.9 mm, left 1.0 mm, each +- 0.1); at the same moment")


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ({"lid_mm": (0.5, 0.1)}, "at the same moment, the lids (0.5 mm) with them"),
        (
            {"nose_mm": (0.9, 1.0, 0.4), "mouth_mm": (0.1, 0.3), "forehead_mm": 0.6},
            "at the same moment, the nose root or tip (0.4 mm), the mouth (0.3 mm) and the forehead (0.6 mm) with them",
        ),
        ({"forehead_mm": SEVERAL - 0.01}, "at the same moment"),
        ({"forehead_mm": 0.3, "sigma_mm": 0.11}, "at the same moment"),  # under three standard deviations
    ],
)
def test_what_moved_with_both_sides_is_named(moved: dict[str, Any], words: str) -> None:
    kind, evidence = kind_of(facts(side="both", movement=replace(SCRUNCH, **moved)))
    assert kind == "tic_like"
    assert evidence.split("; ")[-1] == words


def test_one_side_after_the_other_is_undetermined() -> None:
    alternating = facts(twitch(5.0, side="right"), twitch(5.4, side="left"), side="both")
    assert kind_of(alternating)[0] == "undetermined"
    assert kind_of(alternating)[1].endswith("one side after the other")


def test_a_held_scrunch_is_still_tic_like() -> None:
    assert kind_of(facts(twitch(seconds=0.9, side="both"), side="both", movement=SCRUNCH))[0] == "tic_like"


def test_no_evidence_names_a_disease_and_no_kind_claims_one() -> None:
    cases = [
        facts(),
        facts(twitch(seconds=0.8)),
        facts(co_movement=("procerus",)),
        facts(movement=SPASM, patterns={"half_left": 9.0}),
        facts(side="both", movement=SCRUNCH),
        facts(twitch(5.0, side="right"), twitch(5.4), side="both"),
    ]
    kinds, evidence = zip(*map(kind_of, cases), strict=True)
    assert all(kind.endswith("_like") or kind == "undetermined" for kind in kinds)
    assert not any(word in " ".join(evidence).lower() for word in ("als", "disease", "diagnos", "syndrome", "spasm"))
