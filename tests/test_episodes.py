"""Which jerks count and which belong together, on scenes that are written down jerk by jerk."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import episodes, neighbors
from detector.config import Settings
from detector.episodes import Grouper, why_words
from detector.grid import RATE_HZ, pulse
from detector.motion import REGION_COUNT, SITE_COUNT
from detector.regions import SITE_NAMES
from detector.twitches import THRESHOLDS, Candidate, Moment
from detector.types import Episode, FloatArray, Twitch, WhyNot
from tests.growth import calls_of

LEFT, RIGHT, MIDDLE = "nasalis_alar_left", "nasalis_alar_right", "procerus"
UP, DOWN, ACROSS = (0.0, -1.0), (0.0, 1.0), (1.0, 0.0)
PASSES = THRESHOLDS["normal"]
SIGMA_MM = 1.0 / PASSES  # so that a jerk of 1 mm just passes
TALL, WEAK = 1.3, 0.7  # mm: the one passes, the other does not


@dataclass
class Jerk:
    t_s: float
    region: str = LEFT
    mm: float = TALL
    toward: tuple[float, float] = UP
    share: float = 1.0  # score over excess: below 1 the rest of the face moved too
    why: WhyNot = WhyNot.NONE
    candidate: bool = True


@dataclass
class Scene:
    """Seconds of a quiet face with the jerks put in; ``gaps`` are times at which nothing was measured."""

    jerks: list[Jerk]
    seconds: float = 12.0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    noisy: dict[str, float] = field(default_factory=dict)  # floor of a region, mm
    later_s: float = 0.1  # a candidate comes this long after its moment, the moments between before it

    def items(self) -> list[Moment | Candidate]:
        count = round(self.seconds * RATE_HZ)
        times = np.arange(count) / RATE_HZ
        height = np.zeros((count, REGION_COUNT, 2))
        share = np.ones((count, REGION_COUNT))
        why = np.zeros(count, dtype=int)
        for jerk in self.jerks:
            region = SITE_NAMES.index(jerk.region)
            course = jerk.mm * pulse(times - jerk.t_s, 0.05, 0.11)
            height[:, region] += course[:, None] * np.array(jerk.toward)
            near = np.abs(times - jerk.t_s) < 0.05
            share[near, region] = jerk.share
            why[near] |= int(jerk.why)
        excess = np.hypot(height[..., 0], height[..., 1]) / SIGMA_MM
        floor = np.full(REGION_COUNT, 0.5, np.float32)
        for name, value in self.noisy.items():
            floor[SITE_NAMES.index(name)] = value
        moments = [
            Moment(
                t_s=float(times[k]),
                score=(share[k] * excess[k]).astype(np.float32),
                excess=excess[k].astype(np.float32),
                height_mm=height[k].astype(np.float32),
                motion_mm=height[k].astype(np.float32),
                sigma_mm=np.full(REGION_COUNT, SIGMA_MM, np.float32),
                floor_mm=floor,
                needed_mm=floor,
                why_not=WhyNot(int(why[k])),
                head_speed_mm_s=1.0,
                px_per_mm=2.0,
                face_excess=_on_face(excess[k]),
                face_mm=_on_face(height[k]),
            )
            for k in range(count)
            if not any(first <= times[k] < last for first, last in self.gaps)
        ]
        wanted = sorted((jerk for jerk in self.jerks if jerk.candidate), key=lambda jerk: jerk.t_s)
        waiting = [
            Candidate(min(moments, key=lambda m: abs(m.t_s - jerk.t_s)), SITE_NAMES.index(jerk.region))
            for jerk in wanted
        ]
        out: list[Moment | Candidate] = []
        for before, moment in itertools.pairwise([moments[0], *moments]):
            stretch_ends = moment.t_s - before.t_s > 1.5 / RATE_HZ
            while waiting and (stretch_ends or waiting[0].moment.t_s + self.later_s <= moment.t_s):
                if waiting[0].moment.t_s > before.t_s:
                    break
                out.append(waiting.pop(0))
            out.append(moment)
        return out + waiting


def _on_face(at_regions: npt.NDArray[np.float64]) -> FloatArray:
    """The same at every site of the face: nothing between the regions."""
    between = np.zeros((SITE_COUNT - REGION_COUNT, *at_regions.shape[1:]))
    return np.concatenate([at_regions, between]).astype(np.float32)


def grouped(scene: Scene, settings: Settings | None = None) -> list[Episode | Twitch]:
    grouper = Grouper(settings or Settings())
    return [thing for item in scene.items() for thing in grouper.push(item)] + list(grouper.finish())


def found(scene: Scene, settings: Settings | None = None) -> list[Episode]:
    return [thing for thing in grouped(scene, settings) if isinstance(thing, Episode)]


def rejected(scene: Scene) -> list[tuple[float, str]]:
    return [
        (round(thing.peak_s, 1), thing.reason)
        for thing in grouped(scene)
        if isinstance(thing, Twitch) and not thing.kept
    ]  # fmt: skip


def peaks(scene: Scene, settings: Settings | None = None) -> list[list[float]]:
    """Times of the jerks of each episode, those of the scene where they agree within 15 ms."""
    known = [jerk.t_s for jerk in scene.jerks]
    return [
        [next((t for t in known if abs(t - twitch.peak_s) < 0.015), twitch.peak_s) for twitch in episode.twitches]
        for episode in found(scene, settings)
    ]


# one jerk, and trains


def test_a_single_jerk_is_an_episode() -> None:
    (episode,) = found(Scene([Jerk(5.0)]))
    (twitch,) = episode.twitches
    assert (episode.number, episode.twitch_count, episode.region, episode.side) == (1, 1, LEFT, "left")
    assert (episode.laterality, episode.rate_hz, episode.rhythm_cv) == (1.0, None, None)
    assert episode.start_s == twitch.onset_s < twitch.peak_s < twitch.offset_s == episode.end_s
    assert twitch.peak_s == pytest.approx(5.0, abs=0.01)
    assert twitch.kept
    assert twitch.reason == ""
    assert episode.peak_mm == twitch.amplitude_mm == pytest.approx(TALL, rel=1e-3)
    assert episode.peak_px == pytest.approx(2.0 * TALL, rel=1e-3)
    assert episode.snr == pytest.approx(TALL / SIGMA_MM, rel=1e-3)
    assert episode.kind == "fasciculation_like"
    assert episode.co_movement == ""


def test_nothing_is_an_episode_where_nothing_moves() -> None:
    assert grouped(Scene([])) == []


def test_weaker_jerks_of_a_train_belong_to_it_before_and_after_the_one_that_passes() -> None:
    train = [Jerk(4.8, mm=WEAK), Jerk(5.0, mm=WEAK), Jerk(5.2), Jerk(5.4, mm=WEAK), Jerk(5.6, mm=WEAK)]
    assert peaks(Scene(train)) == [[4.8, 5.0, 5.2, 5.4, 5.6]]
    (episode,) = found(Scene(train))
    assert episode.rate_hz == pytest.approx(5.0, rel=0.02)
    assert episode.rhythm_cv == pytest.approx(0.0, abs=0.05)
    assert episode.twitch_count == 5
    assert episode.mean_mm == pytest.approx((TALL + 4 * WEAK) / 5, rel=0.02)
    assert rejected(Scene(train)) == []


def test_followers_are_found_without_being_candidates_themselves() -> None:
    train = [Jerk(5.0), Jerk(5.2, mm=WEAK, candidate=False), Jerk(5.4, mm=WEAK, candidate=False)]
    assert peaks(Scene(train)) == [[5.0, 5.2, 5.4]]


def test_an_uneven_train_says_so() -> None:
    (episode,) = found(Scene([Jerk(5.0), Jerk(5.2), Jerk(5.6)]))
    gaps = np.array([0.2, 0.4])
    assert episode.rhythm_cv == pytest.approx(gaps.std(ddof=1) / gaps.mean(), rel=0.05)
    assert episode.rate_hz == pytest.approx(2 / 0.6, rel=0.02)


def test_a_weak_jerk_after_a_longer_pause_is_none_of_the_train() -> None:
    pause = episodes.CHAIN_S + 0.1
    scene = Scene([Jerk(5.0), Jerk(5.2, mm=WEAK), Jerk(5.2 + pause, mm=WEAK)])
    assert peaks(scene) == [[5.0, 5.2]]


@pytest.mark.parametrize("follower", [Jerk(5.2, mm=WEAK, region=RIGHT), Jerk(5.2, mm=WEAK, toward=DOWN)])
def test_a_weak_jerk_elsewhere_or_the_other_way_is_none_of_the_train(follower: Jerk) -> None:
    assert peaks(Scene([Jerk(5.0), follower])) == [[5.0]]


def test_a_follower_that_could_not_be_judged_does_not_count() -> None:
    assert peaks(Scene([Jerk(5.0), Jerk(5.2, mm=WEAK, why=WhyNot.MOTION)])) == [[5.0]]


def test_trains_at_eight_a_second_are_counted_to_the_last_jerk() -> None:
    assert [e.twitch_count for e in found(Scene([Jerk(5.0 + k / 8.0) for k in range(8)]))] == [8]


@pytest.mark.parametrize("mm", [0.45, 0.9])
def test_the_skin_swinging_back_is_not_a_jerk_of_its_own(mm: float) -> None:
    swing = Jerk(5.0 + 0.8 * neighbors.ECHO_S, mm=mm * TALL, toward=DOWN)
    assert peaks(Scene([Jerk(5.0), swing])) == [[5.0]]
    assert rejected(Scene([Jerk(5.0), swing])) == []


def test_a_jerk_the_other_way_later_on_counts() -> None:
    later = 5.0 + neighbors.SWING_S + 0.1
    assert peaks(Scene([Jerk(5.0), Jerk(later, toward=DOWN)])) == [[5.0, pytest.approx(later, abs=0.02)]]


def test_the_swing_back_from_a_jerk_that_could_not_be_judged_does_no_harm() -> None:
    scene = Scene([Jerk(5.0), Jerk(5.12, region=RIGHT, mm=3.0, toward=DOWN)], noisy={RIGHT: 9.0})
    assert len(found(scene)) <= 1


# episodes apart and together


def test_jerks_with_a_longer_pause_are_two_episodes() -> None:
    assert peaks(Scene([Jerk(5.0), Jerk(6.2)])) == [[5.0], [6.2]]
    assert [e.number for e in found(Scene([Jerk(5.0), Jerk(6.2)]))] == [1, 2]


def test_how_long_a_pause_may_be_is_set() -> None:
    scene = Scene([Jerk(3.0), Jerk(5.5)])
    assert peaks(scene, Settings(episode_gap_s=3.0)) == [[3.0, 5.5]]
    assert peaks(scene, Settings(episode_gap_s=2.0)) == [[3.0], [5.5]]


@pytest.mark.parametrize("later_s", [0.0, 0.05, 0.1, 0.17])
@pytest.mark.parametrize("pause_s", [0.85, 0.95])
def test_the_pause_between_the_jerks_decides_not_when_the_news_of_them_comes(pause_s: float, later_s: float) -> None:
    assert len(found(Scene([Jerk(5.0), Jerk(5.0 + pause_s)], later_s=later_s))) == 1


@pytest.mark.parametrize("later_s", [0.0, 0.1, 0.17])
def test_a_train_with_a_weak_middle_is_told_once(later_s: float) -> None:
    train = [Jerk(5.0), *(Jerk(5.0 + 0.4 * k, mm=WEAK) for k in (1, 2, 3)), Jerk(6.6)]
    assert peaks(Scene(train, later_s=later_s)) == [[5.0, 5.4, 5.8, 6.2, 6.6]]


def test_a_train_with_a_weak_middle_that_another_muscle_takes_up_is_told_once() -> None:
    train = [
        Jerk(5.0),
        *(Jerk(5.0 + 0.4 * k, mm=WEAK) for k in (1, 2, 3)),
        Jerk(6.6, region="orbicularis_oris_upper_left"),
    ]
    assert peaks(Scene(train)) == [[5.0, 5.4, 5.8, 6.2, 6.6]]


def test_both_sides_in_turn_are_both() -> None:
    (episode,) = found(Scene([Jerk(5.0, LEFT), Jerk(5.4, RIGHT), Jerk(5.8, LEFT), Jerk(6.2, RIGHT)]))
    assert (episode.side, episode.twitch_count, episode.kind) == ("both", 4, "undetermined")
    assert episode.laterality == pytest.approx(0.0, abs=0.05)
    assert set(episode.regions) == {LEFT, RIGHT}


def test_one_jerk_of_many_on_the_other_side_leaves_the_side() -> None:
    jerks = [Jerk(5.0 + 0.4 * k, LEFT, 1.6) for k in range(4)]
    (episode,) = found(Scene([*jerks, Jerk(6.6, RIGHT, 1.1)]))
    assert episode.side == "left"
    assert 0.5 < episode.laterality < 0.95
    assert episode.regions == (LEFT, RIGHT)


@pytest.mark.parametrize(
    ("region", "side", "laterality"), [(LEFT, "left", 1), (RIGHT, "right", -1), (MIDDLE, "midline", 0)]
)
def test_the_side_is_that_of_the_region(region: str, side: str, laterality: float) -> None:
    (episode,) = found(Scene([Jerk(5.0, region)]))
    assert (episode.side, episode.laterality, episode.twitches[0].side) == (side, laterality, side)


def test_what_moved_at_the_same_moment_far_away_is_named_and_is_no_second_jerk() -> None:
    (episode,) = found(Scene([Jerk(5.0, LEFT, 1.6), Jerk(5.0, "zygomaticus_right", 1.2)]))
    assert (episode.twitch_count, episode.co_movement) == (1, "zygomaticus_right")
    assert episode.kind == "undetermined"


def test_a_muscle_that_leaks_into_its_neighbor_is_counted_once() -> None:
    """The neighbor's own jerk between two of the train must not count the train a second time."""
    neighbor = "levator_labii_alaeque_nasi_left"
    train = [Jerk(5.0 + 0.3 * k, LEFT, 1.8) for k in range(4)]
    leak = [Jerk(jerk.t_s, neighbor, 1.3, candidate=False) for jerk in train]
    own = Jerk(5.42, neighbor, 1.4)
    (episode,) = found(Scene([*train, *leak, own]))
    times = [t.peak_s for t in episode.twitches]
    assert np.diff(times).min() > neighbors.SAME_S, times
    assert episode.twitch_count in (4, 5)


# what does not count, and why


def test_a_movement_of_the_whole_face_is_rejected_as_such() -> None:
    assert rejected(Scene([Jerk(5.0, share=0.4)])) == [(5.0, "whole_face")]
    assert found(Scene([Jerk(5.0, share=0.4)])) == []


def test_a_near_miss_is_kept_for_review_and_a_far_miss_is_not() -> None:
    near = episodes.NEAR_MISS
    assert rejected(Scene([Jerk(5.0, mm=0.5 * (near + 1.0))])) == [(5.0, "below_threshold")]
    assert rejected(Scene([Jerk(5.0, mm=0.9 * near)])) == []


def test_a_jerk_that_could_not_be_judged_says_why() -> None:
    assert rejected(Scene([Jerk(5.0, why=WhyNot.MOTION)])) == [(5.0, "motion")]
    assert rejected(Scene([Jerk(5.0, why=WhyNot.MOTION | WhyNot.EDGE)])) == [(5.0, "motion;edge")]
    assert rejected(Scene([Jerk(5.0, why=WhyNot.NOISE)])) == [(5.0, "noise")]


def test_a_jerk_that_stands_out_of_a_noisy_region_counts_where_the_rest_is_quiet() -> None:
    assert len(found(Scene([Jerk(5.0)], noisy={LEFT: 5.0}))) == 1


def test_noise_in_one_region_does_not_blind_the_others() -> None:
    assert len(found(Scene([Jerk(5.0, RIGHT)], noisy={LEFT: 5.0}))) == 1


def test_rejected_jerks_near_an_episode_are_told_with_it_or_after_it() -> None:
    scene = Scene([Jerk(3.5, mm=0.9), Jerk(5.0), Jerk(5.7, region=RIGHT, mm=0.9), Jerk(8.0, mm=0.9)])
    assert rejected(scene) == [(3.5, "below_threshold"), (5.7, "below_threshold"), (8.0, "below_threshold")]
    assert peaks(scene) == [[5.0]]


@pytest.mark.parametrize(
    ("why", "words"),
    [(WhyNot.NONE, ""), (WhyNot.NO_FACE, "no_face"), (WhyNot.NOISE | WhyNot.SETTLING, "settling;noise")],
)
def test_reasons_in_words(why: WhyNot, words: str) -> None:
    assert why_words(why) == words


# gaps between stretches


def test_a_jerk_soon_after_a_gap_has_its_own_time() -> None:
    """What lies before the gap is not the frame before."""
    scene = Scene([Jerk(6.2)], gaps=[(4.0, 6.0)])
    (episode,) = found(scene)
    assert episode.twitches[0].peak_s == pytest.approx(6.2, abs=0.02)
    assert episode.start_s > 6.0


def test_a_train_does_not_reach_over_a_gap_longer_than_its_pauses() -> None:
    scene = Scene([Jerk(5.0), Jerk(7.1, mm=WEAK)], gaps=[(5.12, 7.0)], seconds=14.0)
    times = peaks(scene, Settings(episode_gap_s=3.0))
    assert times == [[5.0]]


# nothing twice, nothing lost, nothing kept for ever


MANY = st.lists(
    st.builds(
        Jerk,
        t_s=st.integers(6, 290).map(lambda k: k * 2 / RATE_HZ),
        region=st.sampled_from([LEFT, RIGHT, MIDDLE, "levator_labii_alaeque_nasi_left"]),
        mm=st.sampled_from([0.4, 0.6, 0.8, 0.95, 1.2, 1.5, 2.5]),
        toward=st.sampled_from([UP, DOWN, ACROSS]),
        share=st.sampled_from([0.3, 0.7, 1.0, 1.0, 1.0]),
        why=st.sampled_from([WhyNot.NONE, WhyNot.NONE, WhyNot.NONE, WhyNot.MOTION]),
    ),
    max_size=12,
)


def overlap_free(jerks: Iterable[Jerk]) -> list[Jerk]:
    kept: list[Jerk] = []
    for jerk in sorted(jerks, key=lambda jerk: jerk.t_s):
        if not kept or jerk.t_s - kept[-1].t_s > neighbors.SAME_S + 0.01:
            kept.append(jerk)
    return kept


@given(jerks=MANY, later_s=st.sampled_from([0.0, 0.1, 0.17]), noisy=st.booleans(), gap=st.booleans())
def test_every_jerk_is_told_once_in_order_and_nothing_is_held_back(
    jerks: list[Jerk], later_s: float, noisy: bool, gap: bool
) -> None:
    gaps = [(4.0, 4.6)] if gap else []
    shown = [jerk for jerk in overlap_free(jerks) if not (gap and 3.85 < jerk.t_s < 4.75)]
    scene = Scene(shown, 11.0, gaps, {RIGHT: 5.0} if noisy else {}, later_s)
    grouper = Grouper(Settings())
    items = scene.items()
    out = [thing for item in items for thing in grouper.push(item)] + list(grouper.finish())
    told = [thing for thing in out if isinstance(thing, Episode)]
    jerks_told = [thing for thing in out if isinstance(thing, Twitch)]
    kept = [t for t in jerks_told if t.kept]

    assert [e.number for e in told] == list(range(1, len(told) + 1))
    assert [e.start_s for e in told] == sorted(e.start_s for e in told)
    assert kept == [t for e in told for t in e.twitches], "a kept jerk belongs to one episode"
    for episode in told:
        times = [t.peak_s for t in episode.twitches]
        assert times == sorted(times)
        assert all(b - a > 0.5 * neighbors.SAME_S for a, b in itertools.pairwise(times)), "one moment is one jerk"
        assert episode.twitch_count == len(times)
        assert max(t.score for t in episode.twitches) >= PASSES
        assert math.isfinite(episode.snr)
    times = sorted(t.peak_s for t in kept)
    assert all(b - a > 0.5 * neighbors.SAME_S for a, b in itertools.pairwise(times)), "nor of two episodes"
    # every candidate that passes is a jerk of an episode, or lies so close to one that it is its echo
    for item in items:
        if not isinstance(item, Candidate) or item.moment.score[item.region] < PASSES or item.moment.why_not:
            continue
        if item.moment.floor_mm[item.region] < Settings().floor_limit_mm:
            assert min(abs(t.peak_s - item.moment.t_s) for t in kept) <= neighbors.ECHO_S + 0.07
    assert list(grouper.finish()) == []
    held = [len(value) for value in vars(grouper).values() if isinstance(value, list)]
    assert sum(held) == 0


def test_an_episode_whose_telling_is_cut_short_is_told_at_the_end() -> None:
    """Ctrl-C may come between a jerk and its episode: the log keeps jerks with their episode, so it must still come."""
    grouper = Grouper(Settings())
    for item in Scene([Jerk(5.0), Jerk(5.2)]).items():
        first = next(grouper.push(item), None)
        if first is not None:
            break
    rest = [thing for thing in grouper.finish() if isinstance(thing, Episode)]
    told = [first] if isinstance(first, Episode) else rest
    assert [e.twitch_count for e in told] == [2]


def test_the_swing_of_a_train_that_is_told_already_is_no_train_of_its_own() -> None:
    """Seen on the sample: downward echoes between the jerks, the last of them after the train's end."""
    jerks = [Jerk(5.0 + 0.145 * k, mm=1.9) for k in range(7)]
    echoes = [
        Jerk(jerk.t_s + 0.08, mm=m, toward=DOWN) for jerk, m in zip(jerks, [0.4] * 4 + [0.8, 1.2, 1.4], strict=True)
    ]
    late = Jerk(jerks[-1].t_s + 0.24, mm=0.6, toward=DOWN)
    told = found(Scene([*jerks, *echoes, late]))
    assert [e.twitch_count for e in told] == [7]


def test_a_train_without_end_is_cut_so_that_memory_and_time_stay_bounded() -> None:
    seconds = 2.5 * episodes.LONGEST_S
    scene = Scene([Jerk(1.0 + 0.4 * k, mm=TALL if k % 2 else WEAK) for k in range(int(2.5 * seconds) - 5)], seconds)
    grouper, told, held, calls = Grouper(Settings()), [], [], []
    for item in scene.items():
        calls.append(calls_of(lambda item=item: told.extend(grouper.push(item))))
        held.append(sum(len(value) for value in vars(grouper).values() if isinstance(value, list)))
    told = [thing for thing in [*told, *grouper.finish()] if isinstance(thing, Episode)]
    early, late = np.array_split(calls, 2)
    assert late.mean() < 1.5 * early.mean(), "the longer it lasts, the longer a frame takes"
    assert len(told) >= 2
    assert max(held) < (episodes.LONGEST_S + 10.0) * RATE_HZ * 1.2
    times = [t.peak_s for e in told for t in e.twitches]
    assert np.diff(times).min() > 0.3, "cut between two jerks, none told twice"
    assert len(times) >= len(scene.jerks) - 2
