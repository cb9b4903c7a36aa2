"""A contraction that is held is one jerk, from its beginning to its end; a train stays a train."""

from __future__ import annotations

import numpy as np
import pytest

from detector.config import Settings
from detector.held import is_answer, one_by_one
from detector.summary import Jerk as Found
from detector.types import Episode, Twitch
from tests.faces import DOWN, course, jerk_at, record
from tests.test_twitches import Jerk, Skin, detect, even, group

TIMES = even(30.0)[:240]
RELEASE_S = 0.11  # of the average jerk, from the top to rest


def kept_at(jerks: list[Found]) -> list[float]:
    return [round(jerk.moment.t_s, 2) for jerk in one_by_one(jerks)]


# on records that are written down


@pytest.mark.parametrize("held_s", [0.3, 0.6, 1.5])
def test_beginning_middle_and_release_are_one_jerk(held_s: float) -> None:
    moments = record((2.0, 2.0 + held_s, RELEASE_S))
    views = [jerk_at(moments, 2.0), jerk_at(moments, 2.0 + 0.6 * held_s), jerk_at(moments, 2.1 + held_s, DOWN)]
    assert kept_at(views) == [2.0]


def test_a_short_jerk_does_not_swallow_what_comes_after_it() -> None:
    moments = record((2.0, 2.0, RELEASE_S), (2.25, 2.25, RELEASE_S))
    assert kept_at([jerk_at(moments, 2.0), jerk_at(moments, 2.25)]) == [2.0, 2.25]
    down = record((2.25, 2.25, RELEASE_S), mm=-1.0)
    assert kept_at([jerk_at(moments, 2.0), jerk_at(down, 2.25, DOWN)]) == [2.0, 2.25], "nor what goes the other way"


def test_two_pulls_with_rest_between_are_two() -> None:
    moments = record((2.0, 2.5, RELEASE_S), (2.9, 3.4, RELEASE_S))
    assert kept_at([jerk_at(moments, 2.0), jerk_at(moments, 2.9)]) == [2.0, 2.9]


def test_a_jerk_the_other_way_long_after_the_release_counts() -> None:
    moments = record((2.0, 2.5, RELEASE_S))
    down = record((3.5, 3.5, RELEASE_S), mm=-1.0)
    assert kept_at([jerk_at(moments, 2.0), jerk_at(down, 3.5, DOWN)]) == [2.0, 3.5]
    assert kept_at([jerk_at(moments, 2.0), jerk_at(moments, 2.7, DOWN)]) == [2.0], "soon after, it is the release"


def test_where_nothing_rose_close_to_where_something_did_is_no_jerk() -> None:
    flat, tall = course(rise_mm=0.1), course()
    assert is_answer(flat, [flat, tall])
    assert not is_answer(tall, [flat, tall])
    assert not is_answer(flat, [flat]), "with nothing beside it, it stays"


def test_a_course_is_told_as_it_was_pulled() -> None:
    found = jerk_at(record((2.0, 2.6, 0.3)), 2.0).course
    assert found.top_s == pytest.approx(2.0, abs=0.08)
    assert found.until_s == pytest.approx(2.6 + 0.15, abs=0.02)
    assert (found.height_mm, found.rise_mm) == pytest.approx((1.0, 1.0))
    assert found.rises
    assert found.rise_s == pytest.approx(0.05, abs=0.02)
    assert found.lowest_mm(2.0, 2.6) == pytest.approx(1.0)
    assert found.lowest_mm(2.0, 3.5) == pytest.approx(0.0, abs=1e-6)
    assert found.lowest_mm(99.0, 99.5) == np.inf
    assert not jerk_at(record((2.0, 4.0, 0.3)), 3.0).course.rises, "it was up already"


# from skin to episodes


def told(*jerks: Jerk) -> tuple[list[Twitch], list[Episode]]:
    out = group(detect(Skin(jerks).film(TIMES)))
    return [t for t in out if isinstance(t, Twitch)], [e for e in out if isinstance(e, Episode)]


@pytest.mark.parametrize("release_s", [RELEASE_S, 0.3])
@pytest.mark.parametrize("held_s", [0.6, 1.2, 2.0])
def test_a_held_contraction_is_one_twitch_that_ends_with_it(held_s: float, release_s: float) -> None:
    """Also when it is held for longer than the pause that ends an episode."""
    assert held_s < 2.5 * Settings().episode_gap_s
    (twitch,), (episode,) = told(Jerk(4.0, "nasalis_alar_left", 1.6, course=(0.05, release_s), held_s=held_s))
    assert twitch.kept
    assert twitch.onset_s == pytest.approx(3.95, abs=0.06)
    assert twitch.offset_s == pytest.approx(4.0 + held_s + release_s, abs=0.1)
    assert (episode.start_s, episode.end_s) == (twitch.onset_s, twitch.offset_s)
    assert episode.kind == "undetermined"
    assert "held for" in episode.evidence


def test_a_slow_release_of_both_sides_does_not_prolong_the_episode() -> None:
    _, (episode,) = told(
        *(Jerk(4.0, f"{muscle}_{side}", 1.6, course=(0.2, 0.4))
          for muscle in ("nasalis_alar", "nasalis_transverse") for side in ("right", "left"))
    )  # fmt: skip
    assert episode.end_s == pytest.approx(4.4, abs=0.15)


@pytest.mark.parametrize("pace_hz", [3.0, 6.0])
def test_a_train_stays_a_train(pace_hz: float) -> None:
    train = [Jerk(4.0 + k / pace_hz, "nasalis_alar_left", 1.6) for k in range(6)]
    _, (episode,) = told(*train)
    np.testing.assert_allclose([t.peak_s for t in episode.twitches], [jerk.t_s for jerk in train], atol=0.02)
    assert all(t.offset_s - t.onset_s < 0.25 for t in episode.twitches)


def test_a_twitch_well_after_a_held_contraction_is_an_episode_of_its_own() -> None:
    held = Jerk(3.5, "nasalis_alar_left", 1.6, held_s=1.2)
    _, episodes = told(held, Jerk(6.6, "nasalis_alar_left", 1.6))
    assert [e.twitch_count for e in episodes] == [1, 1]
    assert episodes[1].kind == "fasciculation_like"
