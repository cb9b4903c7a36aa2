"""How large a twitch must be to be found: the fit, the sizes tried, what counts, and what is said of it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cli
from detector import regions
from detector.errors import OutputError, SourceError, UsageError
from detector.plot_file import check_plot
from detector.readings import Measured, Reading
from detector.recover import PASSES, PER_SIZE, false_alarms, free_spans, judge, places, recover
from detector.recover_clip import Injected, ObservedTime, Untouched, Watch
from detector.recover_fit import (
    LARGEST_MM,
    Curve,
    Trials,
    first_sizes,
    further_sizes,
    misfit,
    pooled,
    share_out,
)
from detector.recover_plot import write_plot
from detector.recover_report import MISFIT, difference, document, missed, no_limit, report, sentences
from detector.recover_result import Recovery, Stated, limits, stated_over
from detector.simulate_plan import NOSE_MUSCLES, TwitchPlan
from detector.tables import as_json
from detector.types import Episode, RegionMotion, Session, Twitch, WhyNot
from tests.clips import even_times, textured, write_clip

SITES = len(regions.SITES)
SCALE = 2.0  # px/mm of the stand-in


# the fit


def _exact(curve: Curve, sizes: Sequence[float], each: int) -> tuple[list[float], list[bool]]:
    """As many found of each size as the curve says."""
    tried = [size for size in sizes for _ in range(each)]
    hits = [(k + 0.5) / each < float(curve.chance(size)) for size in sizes for k in range(each)]
    return tried, hits


def test_fit_recovers_a_known_curve() -> None:
    known = Curve(0.8, 4.0)
    fit = Trials(*_exact(known, np.geomspace(0.2, 3.2, 15).tolist(), 200))
    assert fit.curve is not None
    assert fit.curve.d50 == pytest.approx(0.8, rel=0.01)
    assert fit.curve.slope == pytest.approx(4.0, rel=0.02)
    assert known.size(0.9) == pytest.approx(0.8 * 9.0**0.25)
    assert float(known.chance(known.size(0.9))) == pytest.approx(0.9)
    for share in (0.5, 0.9):
        estimate = fit.estimate(share)
        assert estimate.value == pytest.approx(known.size(share), rel=0.02)
        assert estimate.low is not None and estimate.high is not None
        assert estimate.low < known.size(share) < estimate.high


def test_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    known, rng = Curve(1.0, 4.0), np.random.default_rng(5)
    sizes = np.repeat([0.5, 0.7, 1.0, 1.4, 2.0], 10)
    held = {0.5: 0, 0.9: 0}
    for _ in range(80):
        fit = Trials(sizes, rng.random(len(sizes)) < known.chance(sizes))
        for share in held:
            estimate = fit.estimate(share)
            held[share] += (estimate.low or 0.0) <= known.size(share) <= (estimate.high or math.inf)
    assert all(71 <= times <= 80 for times in held.values()), held  # 76 expected, standard deviation 2


def test_interval_does_not_depend_on_the_unit_and_shrinks_with_events() -> None:
    sizes, hits = _exact(Curve(1.0, 3.0), (0.5, 0.7, 1.0, 1.4, 2.0), 10)
    few, px = Trials(sizes, hits).estimate(0.5), Trials([2.0 * size for size in sizes], hits).estimate(0.5)
    many = Trials(sizes * 9, hits * 9).estimate(0.5)
    assert few.low and few.high and many.low and many.high and px.low
    assert px.value == pytest.approx(2.0 * few.value, rel=1e-4) and px.low == pytest.approx(2.0 * few.low, rel=1e-3)
    narrower = math.log(many.high / many.low) / math.log(few.high / few.low)
    assert narrower == pytest.approx(1.0 / 3.0, rel=0.15)


def test_ends_that_the_events_do_not_bound_are_open() -> None:
    sizes, hits = [0.5] * 10 + [1.0] * 10 + [2.0] * 10, [False] * 20 + [True] * 10
    apart = Trials(sizes, hits).estimate(0.5)  # perfectly separated: somewhere between, no finite best slope
    assert 1.0 < apart.value < 2.0 and apart.low is not None and apart.high is not None
    assert 0.7 < apart.low < apart.high < 2.8
    flat = Trials(sizes, [True, False] * 5 + [True, False] * 5 + [True] * 6 + [False] * 4)
    assert flat.estimate(0.9).high is None
    assert Trials(sizes, [not hit for hit in hits]).curve is None
    with pytest.raises(ValueError, match="not found more often"):
        Trials(sizes, [not hit for hit in hits]).estimate(0.5)


def test_limits_need_enough_to_go_by() -> None:
    sizes, hits = _exact(Curve(1.0, 5.0), (0.5, 1.0, 2.0), 8)
    assert limits(sizes, hits).d50 is not None and limits(sizes, hits).note == ""
    assert limits(sizes[:19], hits[:19]).note == "needs 20 events of 3 sizes"
    assert limits(sizes, [True] * 20 + [False] * 4).note == "needs 5 found and 5 missed"
    assert limits([], []).events == 0
    low = limits(*_exact(Curve(1.4, 3.0), (0.5, 0.7, 1.0, 1.5), 10))
    assert (low.d90, low.note) == (None, "outside the sizes tried") and low.d50 is not None


def test_counts_that_no_curve_fits_are_told() -> None:
    sizes, ten = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0], [10] * 7
    good, plateau = [0, 1, 3, 6, 8, 10, 10], [0, 1, 6, 10, 8, 7, 8]
    chances = []
    for found in (good, plateau):
        hits = [k < f for f in found for k in range(10)]
        curve = Trials(np.repeat(sizes, 10), hits).curve
        assert curve is not None
        chances.append(misfit(curve, sizes, found, ten) or 0.0)
    assert chances[0] > 0.3 and chances[1] < MISFIT
    assert misfit(Curve(1.0, 4.0), [0.5, 1.0], [0, 5], [10, 10]) is None


def test_several_curves_together() -> None:
    low, high = Curve(0.5, 8.0), Curve(2.0, 8.0)
    assert pooled([low], [3.0], 0.9) == pytest.approx(low.size(0.9))
    assert pooled([low, high], [1.0, 0.0], 0.5) == pytest.approx(0.5)
    assert pooled([low, high], [1.0, 1.0], 0.5) == pytest.approx(1.0)
    # nine in ten of both: four in five of the hard one, when the easy one is always found
    assert pooled([low, high], [1.0, 1.0], 0.9) == pytest.approx(high.size(0.8), rel=0.01)
    assert pooled([], [], 0.5) is None and pooled([low], [0.0], 0.5) is None


# the sizes


def test_first_sizes_span_the_stated_limits() -> None:
    assert first_sizes(0.6) == pytest.approx([0.3, 0.42, 0.6, 0.803, 1.08, 1.44], rel=0.01)
    assert first_sizes(0.6, 1.0) == pytest.approx([0.3, 0.42, 0.6, 0.849, 1.2], rel=0.01)
    wide = first_sizes(0.5, 3.0)  # many are missed in bad moments: sizes go to beyond nine in ten
    assert wide[:3] == (0.25, 0.35, 0.5) and wide[-1] == pytest.approx(3.6) and len(wide) == 8
    for half, most in ((100.0, None), (0.0, None), (2.0, 50.0), (0.4, 0.4)):
        sizes = first_sizes(half, most)
        assert sorted(set(sizes)) == list(sizes) and sizes[0] > 0.0 and sizes[-1] <= LARGEST_MM


def test_further_sizes_seek_both_ends_of_the_curve() -> None:
    good = {0.5: (0, 5), 1.0: (3, 5), 2.0: (5, 5)}
    assert further_sizes(good) == ()
    assert further_sizes(good | {2.0: (4, 5)}) == pytest.approx([2.83])
    assert further_sizes(good | {2.0: (2, 5)}) == pytest.approx([2.83, 4.0])
    assert further_sizes(good | {0.5: (2, 5)}) == pytest.approx([0.354])
    assert further_sizes(good | {0.5: (4, 5)}) == pytest.approx([0.25, 0.354])
    assert further_sizes(good | {2.0: (0, 3)}) == ()  # too few to conclude anything
    assert further_sizes({4.0: (0, 9), 5.0: (1, 9)}) == (LARGEST_MM,)  # 7 and 10 mm are no small twitches
    assert further_sizes({4.0: (0, 9), LARGEST_MM: (1, 9)}) == ()


def test_the_rarest_size_comes_next() -> None:
    assert share_out({1.0: 2, 2.0: 0, 3.0: 1}, 4) == [2.0, 2.0, 3.0, 1.0]
    assert sorted(share_out({1.0: 0, 2.0: 0}, 6)) == [1.0] * 3 + [2.0] * 3


# what counts


def _observed(length_s: float = 60.0, *holes: tuple[float, float]) -> ObservedTime:
    times = np.arange(0.0, length_s + 1e-9, 0.04)
    good = np.ones((len(times), SITES), dtype=bool)
    for a, b in holes:
        good[(times > a) & (times <= b)] = False
    return ObservedTime(times, good)


def test_only_wholly_observed_time_counts() -> None:
    time = _observed(10.0, (4.0, 5.0))
    assert time.covers(0, 1.0, 1.2) and time.covers(0, 5.01, 5.2)
    assert not time.covers(0, 3.9, 4.05) and not time.covers(0, 4.9, 5.1) and not time.covers(0, 3.9, 5.1)
    assert not time.covers(0, 9.9, 10.1) and not time.covers(0, -0.1, 0.1)
    time.good[:, 3] = False
    assert not time.covers(3, 1.0, 1.2) and time.covers(2, 1.0, 1.2)


def _measured(
    t_s: float, why: WhyNot | None, *, observed: Sequence[int] = range(SITES), face: bool = True, repeated: bool = False
) -> Measured:
    zeros = np.zeros(SITES, dtype=np.float32)
    seen = np.isin(np.arange(SITES), list(observed))
    motion = None if why is None else RegionMotion(t_s, np.zeros((SITES, 2), np.float32), zeros, zeros, 0.0, seen, why)
    mesh: Any = object() if face else None
    return Measured(Reading(t_s, repeated, int(face), SCALE, None, face=mesh), motion, None)


def test_time_is_observed_as_the_session_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.simulate_clip.measure", lambda face: np.ones(2 * SITES + 4))
    watch = Watch(max_gap_s=0.25)
    first: list[tuple[WhyNot | None, bool, bool]] = [  # why not, a face, a repeated picture
        (None, True, False), (WhyNot.SETTLING, True, False), (WhyNot.NONE, True, False), (None, True, True),
        (WhyNot.NONE, True, False), (None, False, False), (None, True, True), (WhyNot.NONE, True, False),
        (WhyNot.NOISE, True, False),
    ]  # fmt: skip
    for k, (why, face, repeated) in enumerate(first):
        watch.take(_measured(5.0 + 0.1 * k, why, face=face, repeated=repeated))
    watch.take(_measured(7.0, WhyNot.NONE))  # after a gap: nothing is known of the time before
    watch.take(_measured(7.1, WhyNot.NONE, observed=[2]))
    for k in range(4):  # a frozen picture stands for nothing any more after a quarter of a second
        watch.take(_measured(7.2 + 0.1 * k, None, repeated=True))
    watch.take(object())
    time = watch.observed()
    assert watch.first_s == 5.0 and time.t_s[1] == pytest.approx(0.1)
    assert time.good[:, 2].tolist() == [0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0]
    assert time.good[:, 3].tolist() == [0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert watch.track().spans() == [(0.0, pytest.approx(0.4)), (pytest.approx(0.6), pytest.approx(2.5))]


def test_the_clips_own_findings_are_kept_clear_of() -> None:
    assert free_spans([(0.0, 10.0), (12.0, 20.0)], [(4.0, 5.0), (9.5, 12.5)]) == [
        (0.0, 4.0), (5.0, 9.5), (12.5, 20.0),
    ]  # fmt: skip
    assert free_spans([(3.0, 6.0)], [(2.0, 7.0)]) == []
    assert places([(0.0, 2.0)]) == 0 and places([(0.0, 2.3)]) == 1
    assert places([(0.0, 23.0), (30.0, 53.0)]) == 20


def _twitch(at: float, size_mm: float = 1.0) -> Twitch:
    return Twitch(
        "nasalis_alar_left", "left", at, at + 0.05, at + 0.15, size_mm, SCALE * size_mm, 20.0, 0.0, 9.0, 9.0, True
    )


def _episode(*twitches: Twitch) -> Episode:
    start, end = twitches[0].onset_s, twitches[-1].offset_s
    return Episode(
        1, start, end, "fasciculation_like", "left", 1.0, "nasalis_alar_left", ("nasalis_alar_left",), len(twitches),
        1.0, 1.0, 2.0, 9.0, 0.9, twitches=twitches,
    )  # fmt: skip


def _plan(event: int, at: float, size_mm: float = 1.0) -> TwitchPlan:
    return TwitchPlan(event, "nasalis_alar", "left", (at,), amplitude_mm=size_mm)


def _session(**values: Any) -> Session:
    half = dict.fromkeys(regions.SITE_NAMES, 0.8)
    most = dict.fromkeys(regions.SITE_NAMES, 0.8 * 9.0**0.25)
    known = {"duration_s": 60.0, "observed_s": 60.0, "px_per_mm": SCALE, "limit50_mm": half, "limit90_mm": most}
    return Session("abc", "folder/clip.mp4", "", "", **known | values)


def test_an_event_is_found_by_a_twitch_of_its_own() -> None:
    clip = Untouched(_session(), ((0.0, 60.0),), _observed(60.0, (20.0, 22.0)), ((40.0, 41.0),))
    plans = [_plan(1, 10.0, 0.5), _plan(2, 12.0), _plan(3, 21.0), _plan(4, 30.0)]
    episodes = (
        _episode(_twitch(10.01, 0.6), _twitch(11.0)),  # reaches towards the second, which no twitch of it touches
        _episode(_twitch(21.0)),
        _episode(_twitch(26.0)),
        _episode(_twitch(40.5)),  # the clip's own
    )
    aside = tuple(replace(_twitch(at), kept=False, reason=why) for at, why in ((30.1, "noise"), (33.0, "whole_face")))
    result = Injected(tuple(plan.truth(SCALE) for plan in plans), episodes, 58.0, aside)
    trials = judge(3, plans, result, clip)
    assert [trial.found for trial in trials] == [True, False, True, False]
    assert [trial.observed for trial in trials] == [True, True, False, True]
    assert (trials[0].number, trials[0].size_mm, trials[0].size_px, trials[0].read_mm) == (3, 0.5, 1.0, 0.6)
    assert trials[1].read_mm is None and [trial.reason for trial in trials] == ["", "", "", "noise"]
    assert false_alarms(plans, result, clip.findings) == 1
    assert false_alarms(plans, result, ()) == 2


# all of it, with a stand-in for the clip


class StandIn:
    """A clip in which the chance of being found follows a known curve, and lots are drawn by the event's time."""

    def __init__(
        self, curve: Curve, *, stop_after: int | None = None, session: Session | None = None,
        observed: ObservedTime | None = None, face: tuple[tuple[float, float], ...] = ((0.0, 60.0),),
    ) -> None:  # fmt: skip
        self.curve = curve
        self.plans: list[Sequence[TwitchPlan]] = []
        self._stop_after = stop_after
        self._clip = Untouched(session or _session(), face, observed or _observed(), ())

    def untouched(self, progress: Callable[[float], None]) -> Untouched:
        progress(60.0)
        return self._clip

    def with_twitches(self, plans: Sequence[TwitchPlan], progress: Callable[[float], None]) -> Injected:
        if len(self.plans) == self._stop_after:
            raise KeyboardInterrupt
        self.plans.append(plans)
        progress(30.0)
        found = []
        for plan in plans:
            assert plan.amplitude_mm is not None
            lot = np.random.default_rng(round(1e4 * plan.onset_s)).random()
            if lot < float(self.curve.chance(plan.amplitude_mm)):
                found.append(_episode(_twitch(plan.onset_s, 0.9 * plan.amplitude_mm)))
        return Injected(tuple(plan.truth(SCALE) for plan in plans), tuple(found), 60.0)


def test_measured_limit_is_that_of_the_stand_in() -> None:
    clip = StandIn(Curve(0.8, 5.0))
    got = recover(clip, passes=60, sizes_mm=[0.4, 0.55, 0.8, 1.1, 1.6])
    assert got.passes == math.ceil(5 * PER_SIZE / places([(0.0, 60.0)]))
    assert all(row.events >= PER_SIZE and row.size_px == SCALE * row.size_mm for row in got.sizes)
    mm, px = got.limits_mm.d50, got.limits_px.d50
    assert mm is not None and px is not None and mm.low is not None and mm.high is not None
    assert mm.low < 0.8 < mm.high and px.value == pytest.approx(SCALE * mm.value, rel=1e-3)
    assert got.stated_mm.d50 == pytest.approx(0.8) and got.ratio("d50") == pytest.approx(mm.value / 0.8)
    assert {row.muscle for row in got.muscles} == set(NOSE_MUSCLES)
    assert sum(row.limits_mm.events for row in got.muscles) == got.limits_mm.events == len(got.trials)
    assert got.read_over_true == pytest.approx(0.9) and got.false_alarms == 0 and got.not_observed == (0, 0)
    assert got.observed_s == 60.0 * got.passes
    for plans in clip.plans:
        onsets = np.array([plan.onset_s for plan in plans])
        assert all(len(plan.onsets_s) == 1 for plan in plans) and np.diff(onsets).min() > 1.5
        assert {plan.side for plan in plans} == {"left", "right", "midline"}


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_sizes_go_where_the_limit_is(factor: float) -> None:
    """The session states 0.8 mm; the sizes tried move to where the stand-in's curve rises."""
    truth = 0.8 * factor
    got = recover(StandIn(Curve(truth, 6.0)), passes=30)
    sizes = [row.size_mm for row in got.sizes]
    assert sizes[0] < truth and sizes[-1] > 1.2 * truth and got.limits_mm.d50 is not None
    assert got.limits_mm.d50.value == pytest.approx(truth, rel=0.25)
    assert got.sizes[0].found <= 0.4 * got.sizes[0].events and got.sizes[-1].found >= 0.8 * got.sizes[-1].events


def test_the_same_seed_gives_the_same_measurement() -> None:
    first, again = (recover(StandIn(Curve(0.8, 5.0)), passes=3, seed=4) for _ in range(2))
    other = recover(StandIn(Curve(0.8, 5.0)), passes=3, seed=5)
    assert as_json(document(first)) == as_json(document(again))
    assert first.trials != other.trials
    onsets = [{t.onset_s for t in first.trials if t.number == number} for number in (1, 2)]
    assert not onsets[0] & onsets[1]  # every pass has other twitches


def test_events_outside_observed_time_are_told_apart() -> None:
    got = recover(StandIn(Curve(0.8, 5.0), observed=_observed(60.0, (20.0, 60.0))), passes=2)
    assert got.passes == 2 and got.not_observed[1] > 0
    assert all(t.observed == (t.onset_s < 20.0) for t in got.trials if not 19.5 < t.onset_s < 20.0)
    assert sum(row.events for row in got.sizes) + got.not_observed[1] == len(got.trials)
    assert any(line.startswith(f"Not counted: {got.not_observed[1]} twitches") for line in sentences(got))


def test_progress_knows_how_long_it_will_take() -> None:
    told: list[tuple[float, float | None]] = []
    got = recover(StandIn(Curve(0.8, 5.0)), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (60.0, None)
    assert [done for done, _ in told] == [60.0, *(60.0 * number + 30.0 for number in range(1, got.passes + 1))]
    assert told[-1][1] == 60.0 * (1 + got.passes)


def test_stopped_by_the_user() -> None:
    got = recover(StandIn(Curve(0.8, 5.0), stop_after=1))
    assert got.interrupted and got.passes == 1 and got.trials
    with pytest.raises(KeyboardInterrupt):
        recover(StandIn(Curve(0.8, 5.0), stop_after=0))


def test_clips_that_cannot_be_measured() -> None:
    nothing = _session(observed_s=0.0, not_observed_s={"noise": 50.0}, limit50_mm={}, limit90_mm={})
    blind = StandIn(Curve(0.8, 5.0), session=nothing, observed=_observed(60.0, (-1.0, 60.0)))
    with pytest.raises(SourceError, match=r"Nothing of folder/clip\.mp4 is observed \(too noisy .* 50\.0 s\), so no"):
        recover(blind)
    with pytest.raises(UsageError, match=r"No stretch with a face .* is 3\.5 s long"):
        recover(StandIn(Curve(0.8, 5.0), face=((0.0, 1.5), (2.0, 3.5))))
    with pytest.raises(UsageError, match="passes must be 1 or more"):
        recover(StandIn(Curve(0.8, 5.0)), passes=0)
    with pytest.raises(UsageError, match="No nasal muscle 'zygomaticus': choose from procerus"):
        recover(StandIn(Curve(0.8, 5.0)), muscles=["procerus", "zygomaticus"])
    with pytest.raises(UsageError, match="15 mm at most"):
        recover(StandIn(Curve(0.8, 5.0)), sizes_mm=[0.0, 1.0])


# what is said of it


@pytest.fixture(scope="module")
def measured() -> Recovery:
    return recover(StandIn(Curve(0.5, 5.0)), passes=6)


def test_stated_limit_is_weighted_by_the_muscles_tried(measured: Recovery) -> None:
    half = dict.fromkeys(regions.SITE_NAMES, 0.8) | {"nasalis_alar_left": 2.0}
    session = _session(limit50_mm=half, limit90_mm={name: 1.05 * size for name, size in half.items()})
    left = [trial for trial in measured.trials if (trial.muscle, trial.side) == ("nasalis_alar", "left")]
    assert stated_over(session, left).d50 == pytest.approx(2.0)
    both = [trial for trial in measured.trials if trial.muscle == "nasalis_alar" and trial.side == "right"] + left
    assert 0.8 <= (stated_over(session, both).d50 or 0.0) <= 2.0
    assert stated_over(_session(limit50_mm={}, limit90_mm={}), left) == Stated(None, None)


def test_a_difference_is_told_from_20_percent_on(measured: Recovery) -> None:
    half, most = measured.limits_mm.d50, measured.limits_mm.d90
    assert half is not None and most is not None

    def said(d50: float | None, d90: float | None, told: Recovery = measured) -> str:
        return difference(replace(told, stated_mm=Stated(d50, d90)))

    assert said(1.19 * half.value, most.value / 1.19) == said(None, None) == ""
    cautious = said(3.0 * half.value, None)
    assert cautious.startswith("Stated and measured limit differ by more than 20 %: ")
    assert cautious.endswith(f"is found half the time, {3.0 * half.value:.2f} mm is stated (too cautious).")
    both = said(half.value / 3.0, most.value / 3.0)
    assert both.count("too hopeful") == 2 and "nine times in ten" in both
    unsure = replace(measured, limits_mm=replace(measured.limits_mm, d50=replace(half, low=None, high=None)))
    assert "(too cautious, but with so few events that may be chance)" in said(3.0 * half.value, None, unsure)


def test_what_became_of_the_missed_and_why_a_limit_is_open(measured: Recovery) -> None:
    lost = replace(measured.trials[0], found=False, observed=True, size_mm=3.0)
    trials = (lost, replace(lost, reason="whole_face"), replace(lost, size_mm=0.5), replace(lost, observed=False))
    told = replace(measured, trials=trials, stated_mm=Stated(1.0, 2.0))
    assert missed(told) == (
        "Missed at 2.00 mm or more, where nine in ten should be found: 1 not noticed, 1 set aside (whole face)."
    )
    assert missed(replace(told, trials=trials[2:])) == "" and no_limit(measured) == ""
    low, few = limits(*_exact(Curve(1.4, 3.0), (0.5, 0.7, 1.0, 1.5), 10)), limits([1.0], [True])
    assert no_limit(replace(measured, limits_mm=low)).startswith("The size found nine times in ten is outside those")
    assert any("one smooth curve (p = 0.002)" in line for line in sentences(replace(measured, misfit=0.002)))
    assert not any("smooth curve" in line for line in sentences(replace(measured, misfit=0.02)))
    assert no_limit(replace(measured, limits_mm=few)) == "No limit: that needs 20 events of 3 sizes."


def test_report_and_document(measured: Recovery) -> None:
    from rich.console import Console

    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(report(measured))
    text = console.export_text()
    assert "clip.mp4" in text and "half the time" in text and "nine times in ten" in text and "stated" in text
    assert "nasalis transverse" in text and "False alarms in them: 0" in text
    told = json.loads(as_json(document(measured)))
    assert told["measured_over_stated"]["d50"] == pytest.approx(measured.ratio("d50"))
    assert len(told["recovery"]["trials"]) == len(measured.trials)
    assert told["recovery"]["limits_mm"]["d50"]["value"] > 0.0


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot_is_the_same_for_the_same_numbers(measured: Recovery, suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "b")]
    for path in paths:
        write_plot(measured, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    nothing = replace(measured, sizes=(), limits_mm=limits([], []), stated_mm=Stated(None, None))
    write_plot(nothing, paths[0])
    with pytest.raises(OutputError, match="cannot be written"):
        write_plot(measured, tmp_path / "none" / f"a{suffix}")


def test_plot_names(tmp_path: Path) -> None:
    clip = tmp_path / "clip.svg"
    clip.touch()
    with pytest.raises(UsageError, match=r"ends in \.png or \.svg"):
        check_plot(tmp_path / "a.mp4", [clip])
    with pytest.raises(UsageError, match="what the plot is made from"):
        check_plot(clip, [clip])
    with pytest.raises(OutputError, match="does not exist"):
        check_plot(tmp_path / "none" / "a.png", [clip])


# the command

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))

    def _run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", "simulate", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        return (0 if code is None else int(code), *capfd.readouterr())

    return _run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", even_times(10, 25.0), textured(10, 64, 48))


def test_command_measures_and_draws(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    given: dict[str, Any] = {}

    def subject(path: Path, settings: Any, **options: Any) -> StandIn:
        given.update(options, path=path, sensitivity=settings.sensitivity)
        return StandIn(Curve(0.5, 5.0), stop_after=1 if given["path"].name == "stop.mp4" else None)

    monkeypatch.setattr("detector.recover_run.ClipSubject", subject)
    plot = tmp_path / "limit.png"
    code, out, err = run("--recover", clip, "-o", plot, "--passes", 2, "--sensitivity", "high", "--start", 1)
    assert code == 0 and plot.exists() and "half the time" in out and f"Plot: {plot}" in err
    assert (given["path"], given["sensitivity"], given["start_s"]) == (clip, "high", 1.0)
    code, out, err = run(clip, "--recover", "--passes", 1, "--json", "-q")
    assert code == 0 and json.loads(out)["recovery"]["passes"] == 1 and err == ""
    assert not (tmp_path / "log.sqlite").exists()
    code, out, err = run(clip.rename(tmp_path / "stop.mp4"), "--recover")
    assert code == 130 and "stopped early" in out and "Interrupted: this is what 1 of at most 20 passes gave" in err


def test_command_refuses_what_it_would_not_heed(run: Run, clip: Path, tmp_path: Path) -> None:
    for words, said in (
        ((clip,), "give it with -o FILE"),
        ((clip, "-o", tmp_path / "o.mp4", "--passes", 3), "--passes is only for --recover"),
        ((clip, "--recover", "--codec", "ffv1"), "--codec is not for --recover"),
        ((clip, "--recover", "--px", 1), "--px is not for --recover"),
        ((clip, "--recover", "-o", tmp_path / "o.mp4"), "ends in .png or .svg"),
        ((tmp_path / "a.jpg", "--recover"), "no file"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (3 if said == "no file" else 2, "") and said in err and "Traceback" not in err
    assert signature(cli.simulate).parameters["passes"].default == PASSES
    still = tmp_path / "a.jpg"
    still.touch()
    assert "still picture" in run(still, "--recover")[2]
    code, _, err = run(clip, "--recover")
    assert code == 3 and "No face was found" in err


def test_a_few_seconds_of_the_sample(samples_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """End to end: of large twitches in a good clip nearly all are found, of tiny ones none."""
    from detector.config import Settings
    from detector.recover_clip import ClipSubject

    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))
    subject = ClipSubject(samples_folder / "twitches.mp4", Settings(), start_s=0.0, end_s=6.4)
    got = recover(subject, passes=1, sizes_mm=[0.05, 2.5])
    assert got.own_findings == 1 and got.session.observed_s > 3.0 and got.session.limit50_mm
    assert got.trials and all(trial.found == (trial.size_mm > 1.0) for trial in got.trials)
    assert got.limits_mm.d50 is None and not (tmp_path / "log.sqlite").exists()
