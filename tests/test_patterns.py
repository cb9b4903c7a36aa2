"""Several areas at once are scored as what they are together, and only as that."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from detector.motion import LATTICE_MM, REGION_COUNT, SITE_COUNT
from detector.patterns import (
    AT_NORMAL,
    BELOW_OF,
    BESIDE_OF,
    CHEEKS,
    FOREHEAD,
    HALF_OF,
    LID_OF,
    MOUTH_OF,
    NOSE_OF,
    PATTERNS,
    TAIL,
    score_patterns,
)
from detector.regions import SITE_NAMES
from detector.twitches import TAIL as REGION_TAIL
from detector.twitches import THRESHOLDS
from tests.faces import LEFT
from tests.test_twitches import Jerk, Skin, detect, even, moments_of

JERK_S = 5.0
LIDS, CORNERS = "orbicularis_oculi_lower_{}", "zygomaticus_{}"


def together(*regions: str, mm: float = 1.6) -> tuple[Jerk, ...]:
    return tuple(Jerk(JERK_S, region, mm) for region in regions)


def spasm(side: str, mm: float = 1.6) -> tuple[Jerk, ...]:
    return together(LIDS.format(side), f"nasalis_alar_{side}", CORNERS.format(side), mm=mm)


@functools.cache
def highest(jerks: tuple[Jerk, ...]) -> dict[str, float]:
    """The highest score of each pattern about the moment of the jerks."""
    items = detect(Skin(jerks).film(even(30.0)[:195]))
    near = [m.patterns for m in moments_of(items) if abs(m.t_s - JERK_S) < 0.1]
    return dict(zip(PATTERNS, np.max(near, axis=0).tolist(), strict=True))


@pytest.mark.parametrize(("side", "other"), [("right", "left"), ("left", "right")])
def test_a_spasm_of_one_half_scores_in_that_half_only(side: str, other: str) -> None:
    found = highest(spasm(side))
    assert found[f"half_{side}"] > 2.0 * THRESHOLDS["normal"]
    assert found[f"half_{other}"] < 1.0
    assert found["both_sides"] < 1.0


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_two_of_its_three_areas_are_no_spasm(gone: int) -> None:
    whole = spasm("right", 0.4)
    assert highest(whole)["half_right"] > 2.0 * THRESHOLDS["normal"]
    assert highest(whole[:gone] + whole[gone + 1 :])["half_right"] < THRESHOLDS["normal"]


def test_a_spasm_of_both_halves_is_one_of_neither() -> None:
    found = highest(spasm("right") + spasm("left"))
    assert max(found["half_right"], found["half_left"]) < THRESHOLDS["normal"]


def test_both_sides_of_the_nose_score_together_and_one_alone_does_not() -> None:
    both = highest(together("nasalis_alar_right", "nasalis_alar_left"))
    assert both["both_sides"] > 2.0 * THRESHOLDS["normal"]
    assert max(both["half_right"], both["half_left"]) < 1.0


@pytest.mark.parametrize("region", [LEFT, "nasalis_transverse_right", "procerus"])
def test_a_compact_twitch_is_no_pattern_of_several_areas(region: str) -> None:
    found = highest(together(region))
    assert max(found["half_right"], found["half_left"], found["both_sides"]) < THRESHOLDS["normal"]


def test_lids_that_move_neither_make_nor_hide_a_jerk_below_them() -> None:
    lids = together(*(LIDS.format(side) for side in ("right", "left")), mm=3.0)
    alone, hidden = highest(lids), highest(lids + together(LEFT))
    assert max(alone["below_right"], alone["below_left"]) < 1.0
    assert hidden["below_left"] > THRESHOLDS["normal"] > hidden["below_right"]
    # the region's own score is divided by what lids do
    moments = moments_of(detect(Skin(lids + together(LEFT)).film(even(30.0)[:195])))
    own = max(m.score[SITE_NAMES.index(LEFT)] for m in moments if abs(m.t_s - JERK_S) < 0.1)
    assert hidden["below_left"] > 1.5 * own


# the arithmetic, on heights that are written down


def excess_of(areas: dict[float, list[np.ndarray]]) -> np.ndarray:
    """(1, 1, SITE_COUNT) 1 everywhere but for the sites of the areas."""
    excess = np.ones((1, 1, SITE_COUNT), np.float32)
    for height, sites in areas.items():
        excess[..., np.concatenate(sites)] = height
    return excess


def scored(excess: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    strength, around = score_patterns(excess)
    return tuple(dict(zip(PATTERNS, values[0, 0].tolist(), strict=True)) for values in (strength, around))  # type: ignore[return-value]


def test_a_pattern_is_as_strong_as_its_weakest_area() -> None:
    strength, _ = scored(
        excess_of({9.0: [LID_OF["right"]], 7.0: [NOSE_OF["right"]], 5.0: [MOUTH_OF["right"]], 4.0: [NOSE_OF["left"]]})
    )
    assert strength["half_right"] == 5.0
    assert strength["half_left"] == 1.0
    assert strength["both_sides"] == 4.0
    assert strength["below_right"] == 7.0


@pytest.mark.parametrize(
    ("busy", "patterns"),
    [
        (HALF_OF["left"], {"half_right"}),
        (FOREHEAD, {"half_right", "half_left"}),
        (CHEEKS, {"both_sides"}),
        (BESIDE_OF["left"], {"below_left"}),
    ],
)
def test_each_pattern_is_held_against_what_it_leaves_alone(busy: np.ndarray, patterns: set[str]) -> None:
    _, rest = scored(excess_of({}))
    _, around = scored(excess_of({8.0: [busy]}))
    assert patterns <= {pattern for pattern in PATTERNS if around[pattern] > 3.0 * rest[pattern]}
    strength, _ = scored(excess_of({8.0: [busy]}))
    assert all(strength[pattern] <= 8.0 for pattern in PATTERNS)


def test_areas_of_one_side_lie_on_that_side() -> None:
    """The subject's right is on the picture's left."""
    places = np.concatenate([np.zeros((REGION_COUNT, 2)), LATTICE_MM])
    for areas in (HALF_OF, MOUTH_OF):
        assert (places[areas["right"], 0] <= 0.0).all()
        assert (places[areas["left"], 0] >= 0.0).all()
    for areas in (LID_OF, NOSE_OF, BELOW_OF):
        assert all(SITE_NAMES[k].endswith("_right") for k in areas["right"])
        assert all(SITE_NAMES[k].endswith("_left") for k in areas["left"])
    assert (places[FOREHEAD, 1] < 0.0).all()


def test_a_pattern_leaves_alone_nothing_that_it_is_made_of() -> None:
    for side, other in (("right", "left"), ("left", "right")):
        assert not set(HALF_OF[other]) & set(HALF_OF[side])
        assert not set(MOUTH_OF[side]) & set(HALF_OF[other])
        assert not set(BELOW_OF[side]) & set(BESIDE_OF[side])


def test_scores_of_patterns_mean_what_those_of_regions_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ratio of AT_NORMAL is a score at the threshold, TAIL more of it as much rarer as TAIL more of a region's."""

    def fixed(excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ratio = np.array([AT_NORMAL[0], AT_NORMAL[1] + TAIL[1], AT_NORMAL[2] - TAIL[2], 0.0, AT_NORMAL[4] + TAIL[4]])
        strength = np.broadcast_to(ratio.astype(np.float32), (*excess.shape[:-1], len(PATTERNS)))
        return strength, np.full_like(strength, 0.5)  # a quiet face does not make them higher

    monkeypatch.setattr("detector.twitches.score_patterns", fixed)
    moments = [m for m in moments_of(detect(Skin().film(even(30.0)[:150]))) if m.usual == 1.0]
    normal = THRESHOLDS["normal"]
    assert moments, "before the recording's own null is known"
    np.testing.assert_allclose(
        moments[0].patterns, [normal, normal + REGION_TAIL, normal - REGION_TAIL, 0.0, normal + REGION_TAIL], rtol=1e-5
    )
