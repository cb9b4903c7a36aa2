"""Ordinary movements become episodes of their own kinds; and from skin to episode, each kind on a made face."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import pytest

from detector.ordinary import WORDS
from detector.ordinary_episodes import GAP_S, OrdinaryGrouper
from detector.types import ORDINARY_KINDS, Episode, Side, Twitch
from tests.faces import CALM, twitch
from tests.test_twitches import Jerk, Skin, detect, even, group

TIMES = even(30.0)[:225]
JERK_S = 5.0
FAR = 1e9


def lost(at_s: float, reason: str = "lips", mm: float = 1.0, side: Side = "left") -> Twitch:
    return replace(twitch(at_s, mm=mm, side=side), kept=False, reason=reason)


def grouped(*told: tuple[Twitch, str]) -> list[Episode]:
    grouper = OrdinaryGrouper()
    for jerk, kind in told:
        grouper.push(jerk, kind)
    return list(grouper.tell(FAR))


def test_movements_of_a_kind_that_follow_each_other_are_one_episode() -> None:
    jerks = (lost(5.0), lost(5.5, "mouth", 2.0, "right"), lost(6.2))
    (episode,) = grouped(*((jerk, "speech") for jerk in jerks))
    assert (episode.number, episode.kind, episode.twitch_count) == (-1, "speech", 3)
    assert episode.twitches == jerks
    assert (episode.start_s, episode.end_s) == (jerks[0].onset_s, jerks[2].offset_s)
    assert (episode.region, episode.side) == (jerks[1].region, "right"), "those of the tallest"
    assert episode.regions == (jerks[1].region, jerks[0].region)
    assert (episode.peak_mm, episode.mean_mm) == (2.0, pytest.approx(4.0 / 3.0))
    assert episode.evidence == f"{WORDS['lips']}, {WORDS['mouth']}"
    assert math.isnan(episode.confidence), "no twitch: there is nothing to be sure of"


@pytest.mark.parametrize(("pause_s", "count"), [(0.95 * GAP_S, 1), (1.05 * GAP_S, 2)])
def test_the_pause_that_ends_one_is_between_end_and_beginning(pause_s: float, count: int) -> None:
    first = lost(5.0)
    second = lost(first.offset_s + pause_s + 0.05)
    found = grouped((first, "sniff"), (second, "sniff"))
    assert [e.number for e in found] == [-1, -2][:count]


def test_kinds_do_not_mix() -> None:
    found = grouped((lost(5.0), "speech"), (lost(5.2), "blink"), (lost(5.4), "speech"))
    assert {(e.kind, e.twitch_count) for e in found} == {("speech", 2), ("blink", 1)}
    assert sorted(e.number for e in found) == [-2, -1]


def test_twitches_of_an_episode_are_in_time_order_whenever_they_were_told() -> None:
    """A vetoed train is told after what was rejected between its jerks."""
    early, late = lost(5.0), lost(5.4)
    (episode,) = grouped((late, "sniff"), (early, "sniff"))
    assert episode.twitches == (early, late)


def test_an_episode_is_told_once_it_is_over_and_only_once() -> None:
    grouper = OrdinaryGrouper()
    jerk = lost(5.0)
    grouper.push(jerk, "blink")
    assert list(grouper.tell(jerk.offset_s + GAP_S - 0.01)) == []
    assert [e.number for e in grouper.tell(jerk.offset_s + GAP_S + 0.01)] == [-1]
    assert list(grouper.tell(FAR)) == []
    grouper.push(lost(9.0), "blink")
    assert [e.number for e in grouper.tell(FAR)] == [-2]


def test_what_a_reader_did_not_take_is_kept_for_the_next() -> None:
    grouper = OrdinaryGrouper()
    for kind in ("blink", "speech"):
        grouper.push(lost(5.0), kind)
    assert next(grouper.tell(FAR)).kind == "blink"
    assert [e.kind for e in grouper.tell(FAR)] == ["speech"]


# from skin to episodes


def areas(*muscles: str, sides: tuple[str, ...] = ("right", "left"), **jerk: object) -> list[Jerk]:
    return [Jerk(JERK_S, f"{muscle}_{side}", 1.6, **jerk) for muscle in muscles for side in sides]  # type: ignore[arg-type]


SNIFF = [Jerk(JERK_S, "nasalis_alar_right", 1.6, (-1.0, 0.0)), Jerk(JERK_S, "nasalis_alar_left", 1.6, (1.0, 0.0))]
WIDE = ("orbicularis_oculi_lower", "nasalis_alar", "zygomaticus")


@functools.cache
def _told(jerks: tuple[Jerk, ...], lip_gap_mm: float) -> tuple[tuple[Twitch, ...], Episode]:
    samples = Skin(jerks).film(TIMES, context=CALM)
    spoken = replace(CALM, lip_gap_mm=lip_gap_mm)
    samples = [replace(s, context=spoken) if s.t_s > JERK_S - 0.1 else s for s in samples]
    out = group(detect(samples))
    (episode,) = (thing for thing in out if isinstance(thing, Episode))
    return tuple(thing for thing in out if isinstance(thing, Twitch)), episode


def told(jerks: list[Jerk], lip_gap_mm: float = CALM.lip_gap_mm) -> Episode:
    """The one episode that is told of these jerks; its twitches say the same as it does."""
    twitches, episode = _told(tuple(jerks), lip_gap_mm)
    ordinary = episode.kind in ORDINARY_KINDS
    assert ordinary == (episode.number < 0)
    assert episode.twitches == twitches
    assert all(t.kept != ordinary and bool(t.reason) == ordinary for t in twitches)
    return episode


@pytest.mark.parametrize("side", ["left", "right"])
def test_three_areas_of_one_side_are_hemifacial_spasm_like(side: Side) -> None:
    episode = told(areas(*WIDE, sides=(side,)))
    assert (episode.kind, episode.side, episode.twitch_count) == ("hemifacial_spasm_like", side, 1)
    assert abs(episode.laterality - (1.0 if side == "left" else -1.0)) < 0.2


def test_a_scrunch_of_both_sides_is_tic_like() -> None:
    episode = told(areas("nasalis_alar", "nasalis_transverse"))
    assert (episode.kind, episode.side, episode.twitch_count) == ("tic_like", "both", 1)
    assert abs(episode.laterality) < 0.2


def test_a_sniff_is_no_twitch_but_a_sniff() -> None:
    episode = told(SNIFF)
    assert (episode.kind, episode.evidence) == ("sniff", WORDS["sniff"])
    assert {t.reason for t in episode.twitches} == {"sniff"}


def test_a_slow_rise_of_both_sides_is_an_expression() -> None:
    episode = told(areas("nasalis_alar", "nasalis_transverse", course=(0.4, 0.4)))
    assert (episode.kind, episode.evidence) == ("expression", WORDS["slow_rise"])
    assert {t.reason for t in episode.twitches} == {"slow_rise"}


def test_the_same_spasm_while_the_lips_open_is_speech() -> None:
    episode = told(areas(*WIDE, sides=("left",)), lip_gap_mm=CALM.lip_gap_mm + 4.0)
    assert (episode.kind, episode.evidence) == ("speech", WORDS["lips"])


def test_a_twitch_of_one_muscle_while_the_lips_open_stays_a_twitch() -> None:
    episode = told(areas("nasalis_alar", sides=("left",)), lip_gap_mm=CALM.lip_gap_mm + 4.0)
    assert (episode.kind, episode.side) == ("fasciculation_like", "left")
