"""What is said of the jerks of an episode together: side, balance of both sides, rhythm, confidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.movement import Movement
from detector.regions import SITE_NAMES
from detector.summary import OTHER_SIDE_SHARE, Jerk, confidence, laterality, side_of, summarize
from detector.twitches import TAIL, THRESHOLDS
from detector.types import Side
from tests.faces import MOVEMENT, SCRUNCH, course, moment, twitch

REGION: dict[Side, str] = {
    "left": "nasalis_alar_left", "right": "nasalis_alar_right", "midline": "procerus", "both": "nasalis_alar_left"
}  # fmt: skip
NOSE_MM = {"left": (0.1, 1.0, 0.1), "right": (1.0, 0.1, 0.1), "midline": (0.1, 0.1, 1.0), "both": (0.9, 1.0, 0.1)}


def jerk(
    at_s: float = 5.0, side: Side = "left", mm: float = 1.0, score: float = 12.0, also: dict[str, float] | None = None
) -> Jerk:
    """Heights are in mm; ``also`` names regions that moved with it."""
    movement = replace(MOVEMENT, nose_mm=tuple(mm * share for share in NOSE_MM[side]))
    if side == "both":
        movement = replace(movement, nose_snr=SCRUNCH.nose_snr)
    at = {REGION[side]: (0.0, -mm)} | {name: (0.0, -height) for name, height in (also or {}).items()}
    found = twitch(at_s, mm=mm, side=side, score=score)
    return Jerk(found, movement, moment(at_s, at), SITE_NAMES.index(REGION[side]), course())


def test_one_jerk_is_said_as_it_was() -> None:
    found = jerk(mm=0.8)
    episode = summarize(7, [found])
    assert (episode.number, episode.twitches, episode.twitch_count) == (7, (found.twitch,), 1)
    assert (episode.start_s, episode.end_s) == (found.twitch.onset_s, found.twitch.offset_s)
    assert (episode.region, episode.regions, episode.side) == (REGION["left"], (REGION["left"],), "left")
    assert (episode.peak_mm, episode.mean_mm, episode.peak_px) == (0.8, 0.8, 1.6)
    assert (episode.rate_hz, episode.rhythm_cv, episode.co_movement) == (None, None, "")
    assert episode.kind == "fasciculation_like"


def test_heights_rhythm_and_the_order_of_regions() -> None:
    jerks = [jerk(5.0, mm=1.0), jerk(5.2, "midline", mm=1.5, score=13.0), jerk(5.6, mm=1.0)]
    episode = summarize(1, jerks)
    assert episode.region == "procerus", "that of the best score leads"
    assert episode.regions == ("procerus", REGION["left"])
    assert (episode.peak_mm, episode.mean_mm) == (1.5, pytest.approx(3.5 / 3.0))
    assert episode.rate_hz == pytest.approx(2.0 / 0.6)
    assert episode.rhythm_cv == pytest.approx(np.std([0.2, 0.4], ddof=1) / 0.3)
    assert episode.end_s == jerks[-1].twitch.offset_s


def test_an_episode_ends_with_the_jerk_that_ends_last() -> None:
    held = replace(jerk(5.0), twitch=twitch(5.0, seconds=1.0))
    assert summarize(1, [held, jerk(5.3)]).end_s == held.twitch.offset_s


# side


@pytest.mark.parametrize("side", ["left", "right", "midline"])
def test_the_side_is_that_of_the_region_unless_both_move(side: Side) -> None:
    region = SITE_NAMES.index(REGION[side])
    assert side_of(region, MOVEMENT) == side
    assert side_of(region, SCRUNCH) == "both"
    assert summarize(1, [jerk(side=side)]).side == side


def test_jerks_of_the_one_and_of_the_other_side_are_both() -> None:
    less, more = 0.95 * OTHER_SIDE_SHARE, 1.05 * OTHER_SIDE_SHARE
    for share, side in ((less, "left"), (more, "both")):
        jerks = [jerk(5.0, "left", 1.0 - share, 12.0), jerk(5.4, "right", share, 9.0)]
        assert summarize(1, jerks).side == side


def test_a_lead_of_both_sides_makes_the_episode_both_and_so_do_others_only_with_their_share() -> None:
    assert summarize(1, [jerk(5.0, "both", score=20.0), jerk(5.4), jerk(5.8)]).side == "both"
    follows = [jerk(5.0 + 0.4 * k) for k in range(6)]
    assert summarize(1, [*follows, jerk(7.4, "both", score=9.0)]).side == "left"


# laterality


@pytest.mark.parametrize(
    ("nose_mm", "expected"),
    [
        ((1.0, 0.0, 0.0), -1.0),
        ((0.0, 1.0, 0.0), 1.0),
        ((1.0, 1.0, 0.0), 0.0),
        ((1.0, 3.0, 0.0), 0.5),
        ((0.0, 0.5, 2.0), 0.25),  # the midline moved more than both sides together
        ((0.2, 0.2, 2.0), 0.0),
        ((0.0, 0.0, 0.0), 0.0),
    ],
)
def test_laterality_weighs_the_heights_of_both_sides(nose_mm: tuple[float, float, float], expected: float) -> None:
    movement = replace(MOVEMENT, nose_mm=nose_mm, lip_mm=(0.0, 0.0))
    assert laterality([movement]) == pytest.approx(expected)
    assert laterality([movement] * 3) == pytest.approx(expected), "not the number of jerks"
    mirrored = replace(movement, nose_mm=(nose_mm[1], nose_mm[0], nose_mm[2]))
    assert laterality([mirrored]) == pytest.approx(-expected)


def test_laterality_of_the_lip_is_read_off_the_lip() -> None:
    movement = replace(MOVEMENT, nose_mm=(0.1, 0.1, 0.0), lip_mm=(0.1, 0.9))
    assert laterality([movement]) == pytest.approx(0.8)


def test_taller_jerks_weigh_more() -> None:
    def of(right: float, left: float) -> Movement:
        return replace(MOVEMENT, nose_mm=(right, left, 0.0))

    assert laterality([of(0.0, 3.0), of(1.0, 0.0)]) == pytest.approx(0.5)
    by_both = [jerk(5.0, "left", 3.0), jerk(5.4, "right", 1.0)]  # a tenth leaks to the other side
    assert summarize(1, by_both).laterality == pytest.approx((3.1 - 1.3) / (3.1 + 1.3))


# what else moved


def test_far_regions_that_moved_half_as_much_are_named_strongest_first() -> None:
    moved = {"zygomaticus_right": 0.6, "orbicularis_oris_upper_right": 0.8, "orbicularis_oculi_lower_right": 0.4}
    near = {"levator_labii_alaeque_nasi_left": 0.9, "nasalis_transverse_left": 0.9}
    episode = summarize(1, [jerk(also=moved | near)])
    assert episode.co_movement == "orbicularis_oris_upper_right;zygomaticus_right"
    assert episode.kind == "undetermined"


# confidence


def test_confidence_grows_with_the_score_and_is_even_at_the_threshold() -> None:
    assert confidence(THRESHOLDS["normal"]) == pytest.approx(0.5)
    assert 0.0 < confidence(THRESHOLDS["high"]) < 0.5 < confidence(THRESHOLDS["low"]) < 1.0
    assert confidence(1000.0) == pytest.approx(1.0)
    odds = confidence(THRESHOLDS["normal"] + TAIL) / (1.0 - confidence(THRESHOLDS["normal"] + TAIL))
    assert odds == pytest.approx(np.e), "false alarms get rarer by e per TAIL"


def test_confidence_is_that_of_the_strongest() -> None:
    assert summarize(1, [jerk(5.0, score=8.0), jerk(5.4, score=9.0)]).confidence == confidence(9.0)
