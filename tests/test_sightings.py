"""Jerks told while their episode is still open: each once, only those that count, and soon."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from detector.config import Settings
from detector.episodes import SIGHTED_S, Grouper
from detector.neighbors import ECHO_S
from detector.twitches import Moment
from detector.types import Episode, Twitch, WhyNot
from tests.test_episodes import ACROSS, DOWN, LEFT, MIDDLE, RIGHT, TALL, WEAK, Jerk, Scene, grouped

FAR_S = 1.0 / 60.0


@dataclass
class Told:
    """What was told, with the time of the last moment that had come."""

    sightings: list[tuple[float, Twitch]]
    episodes: list[tuple[float, Episode]]

    @property
    def peaks(self) -> list[float]:
        return [round(twitch.peak_s, 1) for _, twitch in self.sightings]


def tell(*jerks: Jerk, **scene: float) -> Told:
    sightings: list[tuple[float, Twitch]] = []
    episodes: list[tuple[float, Episode]] = []
    now = 0.0
    grouper = Grouper(Settings(), lambda twitch: sightings.append((now, twitch)))
    items = Scene(list(jerks), **scene).items()  # type: ignore[arg-type]
    for item in items:
        now = item.t_s if isinstance(item, Moment) else now
        episodes += [(now, thing) for thing in grouper.push(item) if isinstance(thing, Episode)]
    episodes += [(now, thing) for thing in grouper.finish() if isinstance(thing, Episode)]
    return Told(sightings, episodes)


@pytest.mark.parametrize("later_s", [0.02, 0.1, 0.19])
def test_a_single_jerk_is_told_once_long_before_its_episode(later_s: float) -> None:
    told = tell(Jerk(5.0), later_s=later_s)
    ((when_s, twitch),) = told.sightings
    assert (twitch.region, twitch.side, twitch.kept, twitch.reason) == (LEFT, "left", True, "")
    assert twitch.peak_s == pytest.approx(5.0, abs=0.01)
    assert twitch.amplitude_mm == pytest.approx(TALL, rel=0.05)
    assert 5.0 + SIGHTED_S - 0.01 < when_s < 5.0 + SIGHTED_S + 2 * FAR_S
    ((closed_s, episode),) = told.episodes
    assert closed_s - when_s > 0.8
    assert [t.peak_s for t in episode.twitches] == [twitch.peak_s]


@pytest.mark.parametrize("pace_s", [0.125, 0.25, 0.4])
def test_each_jerk_of_a_train_is_told_once_in_order(pace_s: float) -> None:
    times = [5.0 + k * pace_s for k in range(5)]
    told = tell(*(Jerk(t) for t in times))
    assert [twitch.peak_s for _, twitch in told.sightings] == pytest.approx(times, abs=0.015)
    assert all(when_s > twitch.peak_s for when_s, twitch in told.sightings)
    ((closed_s, episode),) = told.episodes
    assert episode.twitch_count == 5
    assert all(when_s < closed_s for when_s, _ in told.sightings)


def test_two_sides_in_turn_are_both_told() -> None:
    told = tell(Jerk(5.0, LEFT), Jerk(5.5, RIGHT), Jerk(6.0, LEFT))
    assert [twitch.side for _, twitch in told.sightings] == ["left", "right", "left"]


@pytest.mark.parametrize("echo", [
    Jerk(5.2, LEFT, TALL, DOWN),  # swings back
    Jerk(5.0 + ECHO_S - 0.02, MIDDLE),  # moves with it
    Jerk(5.02, RIGHT),  # the same moment
])  # fmt: skip
def test_what_follows_from_a_jerk_is_not_told(echo: Jerk) -> None:
    told = tell(Jerk(5.0, mm=1.1 * TALL), echo)
    assert told.peaks == [5.0]
    assert told.sightings[0][1].region == LEFT


def test_a_jerk_the_other_way_later_on_is_told() -> None:
    assert tell(Jerk(5.0), Jerk(5.5, LEFT, TALL, DOWN)).peaks == [5.0, 5.5]


@pytest.mark.parametrize("jerk", [
    Jerk(5.0, mm=WEAK),
    Jerk(5.0, why=WhyNot.MOTION),
    Jerk(5.0, share=0.5),
    Jerk(5.0, candidate=False),
])  # fmt: skip
def test_what_does_not_pass_is_not_told(jerk: Jerk) -> None:
    assert tell(jerk).sightings == []
    assert tell(jerk, Jerk(8.0)).peaks == [8.0]


def test_a_jerk_at_the_very_end_is_told_before_its_episode() -> None:
    told = tell(Jerk(11.8))
    assert told.peaks == [11.8]
    assert len(told.episodes) == 1


def test_a_new_stretch_tells_its_own_only() -> None:
    sightings: list[Twitch] = []
    grouper = Grouper(Settings(), sightings.append)
    first, second = Scene([Jerk(5.0)], seconds=5.4).items(), Scene([Jerk(9.0, MIDDLE, TALL, ACROSS)]).items()
    for item in first:
        list(grouper.push(item))
    list(grouper.finish())
    for item in second:
        t_s = item.t_s if isinstance(item, Moment) else item.moment.t_s
        if t_s > 7.0:
            list(grouper.push(item))
    list(grouper.finish())
    assert [(round(t.peak_s, 1), t.region) for t in sightings] == [(5.0, LEFT), (9.0, MIDDLE)]


def test_telling_changes_nothing_of_what_is_found() -> None:
    jerks = [
        Jerk(5.0),
        Jerk(5.25, mm=WEAK),
        Jerk(5.5),
        Jerk(5.7, LEFT, TALL, DOWN),
        Jerk(7.9, RIGHT),
        Jerk(9.0, MIDDLE),
    ]
    told = tell(*jerks)
    assert [e for _, e in told.episodes] == [thing for thing in grouped(Scene(jerks)) if isinstance(thing, Episode)]
    in_episodes = list(itertools.chain.from_iterable(e.twitches for _, e in told.episodes))
    for _, sighting in told.sightings:
        assert any(abs(t.peak_s - sighting.peak_s) < 0.02 and t.region == sighting.region for t in in_episodes)
