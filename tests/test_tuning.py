"""Counts against what a person says, and the threshold reckoned from them: known truths come back."""

from __future__ import annotations

import numpy as np
import pytest

from detector.score_files import TruthEvent
from detector.study.labels import BLOCK_S, Counts, Marks, count, covered, marks_of_reviews, marks_of_truth, without
from detector.study.ladder import RUNGS, Ladder
from detector.study.tuning import ENOUGH, curve, per_hour, propose, share

T = np.array(RUNGS)
NONE = np.empty((0, 2))


def spans(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def ladder(scored: list[tuple[float, float]], observed: np.ndarray, last_s: float = 120.0) -> Ladder:
    """Episodes of 0.3 s that begin at a time and are found up to a threshold."""
    rows = [(k, t_s, t_s + 0.3) for k, rung in enumerate(RUNGS) for t_s, score in sorted(scored) if score >= rung]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Ladder(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], observed, 0.0, last_s)


def truth(*events: tuple[float, float, str]) -> Marks:
    return marks_of_truth([TruthEvent("", kind, "", "", a, b, None, None, None) for a, b, kind in events])


def noise(hours: float, per_hour_at_5: float, tail: float, seed: int, twitches: int = 0) -> Counts:
    """What recordings give whose false alarms really are exponential, by the minute."""
    rng = np.random.default_rng(seed)
    minutes = round(60.0 * hours)
    false = np.zeros((minutes, len(RUNGS)), dtype=np.int64)
    for minute in range(minutes):
        scores = 5.0 + rng.exponential(tail, rng.poisson(per_hour_at_5 / 60.0))
        false[minute] = np.sum(scores[:, None] >= T[None, :], axis=0)
    there = np.zeros(minutes, dtype=np.int64)
    there[0] = twitches
    full = np.full(minutes, 60.0)
    found = np.zeros_like(false)
    return Counts(np.zeros(minutes, np.int64), full, full, there, 0, found, false, np.zeros_like(false), false)


# labels


def test_a_truth_file_tells_hits_from_false_alarms_and_leaves_out_what_nobody_saw() -> None:
    seen = spans((0.0, 50.0), (60.0, 120.0))
    found = ladder([(10.1, 9.0), (20.0, 6.1), (80.0, 7.5), (100.0, 5.3)], seen)
    marks = truth((10.0, 10.4, "tic_like"), (55.0, 55.5, ""), (80.0, 80.4, "twitch"), (100.0, 100.3, "blink"))
    counts = count([(found, marks)])
    assert counts.twitches.tolist() == [1, 1] and counts.unseen == 1
    assert counts.found.sum(axis=0)[RUNGS.index(7.4)] == 2 and counts.found.sum(axis=0)[RUNGS.index(8.0)] == 1
    assert counts.false[:, RUNGS.index(6.0)].tolist() == [1, 0]  # at 20 s
    assert counts.false[:, RUNGS.index(5.2)].tolist() == [1, 1]  # and on the blink
    assert counts.unknown.sum() == 0
    assert counts.observed_s.tolist() == [50.0, 60.0]
    # the twitches widened by 0.2 s are no time for false alarms
    assert counts.quiet_s == pytest.approx([50.0 - 0.8, 60.0 - 0.8])


def test_reviews_speak_of_what_they_were_given() -> None:
    found = ladder([(10.0, 9.0), (20.0, 8.0), (30.0, 8.0), (40.0, 5.5)], spans((0.0, 120.0)))
    marks = marks_of_reviews([(10.0, 10.3, "confirmed"), (20.0, 20.3, "rejected"), (30.0, 30.3, "unsure")])
    counts = count([(found, marks)])
    at = RUNGS.index(7.4)
    assert (counts.found.sum(axis=0)[at], counts.false.sum(axis=0)[at], counts.unknown.sum(axis=0)[at]) == (1, 1, 0)
    low = RUNGS.index(5.2)
    assert (counts.false.sum(axis=0)[low], counts.unknown.sum(axis=0)[low]) == (1, 1)
    assert counts.judged.sum(axis=0)[low] == 3


def test_two_marks_in_one_episode_are_one_found() -> None:
    found = ladder([(10.0, 9.0)], spans((0.0, 60.0)), 60.0)
    counts = count([(found, truth((9.9, 10.1, ""), (10.2, 10.4, "")))])
    assert counts.twitches.sum() == 2 and counts.found.max() == 1 and counts.false.sum() == 0


def test_spans_without_others_and_what_they_cover() -> None:
    left = without(spans((0.0, 10.0), (20.0, 30.0)), spans((2.0, 3.0), (2.5, 4.0), (9.0, 21.0), (40.0, 50.0)))
    assert left.tolist() == [[0.0, 2.0], [4.0, 9.0], [21.0, 30.0]]
    assert covered(left, np.array([0.0, 5.0, 22.0, 60.0])) == pytest.approx([3.0, 5.0, 8.0])
    assert covered(NONE, np.array([0.0, 5.0, 9.0])).tolist() == [0.0, 0.0]


def test_counts_do_not_depend_on_how_a_recording_is_cut() -> None:
    """Two files of a minute, or one of two: the same counts."""
    one = ladder([(10.0, 6.0), (70.0, 8.0)], spans((0.0, 2 * BLOCK_S)))
    first, second = (ladder([(10.0, score)], spans((0.0, BLOCK_S)), BLOCK_S) for score in (6.0, 8.0))
    whole, parts = count([(one, truth())]), count([(first, truth()), (second, truth())])
    assert whole.false.tolist() == parts.false.tolist() and whole.quiet_s.tolist() == parts.quiet_s.tolist()


# the proposal


@pytest.mark.parametrize(("asked", "tail"), [(6.0, 0.72), (6.0, 1.1), (1.0, 0.72)])
def test_the_threshold_that_gives_what_is_asked_is_found(asked: float, tail: float) -> None:
    right = 5.0 + tail * np.log(150.0 / asked)
    near, inside = 0, 0
    for seed in range(10):
        proposal, _ = propose(noise(4.0, 150.0, tail, seed), asked, seed)
        assert proposal.threshold is not None and proposal.range is not None and proposal.expected_per_hour is not None
        near += abs(proposal.threshold - right) <= 0.6
        inside += proposal.range[0] - 0.1 <= right <= proposal.range[1] + 0.1  # a proposal is a rung
    assert near >= 8 and inside >= 8  # of 40 it was 36 and more


def test_more_hours_make_it_surer() -> None:
    widths = []
    for hours in (1.0, 16.0):
        proposal, _ = propose(noise(hours, 150.0, 0.8, 3), 6.0)
        assert proposal.range is not None
        widths.append(proposal.range[1] - proposal.range[0])
    assert widths[1] < 0.5 * widths[0]


def test_the_reference_is_the_nearest_threshold_with_enough() -> None:
    counts = noise(4.0, 150.0, 0.72, 1)
    proposal, _ = propose(counts, 6.0)
    false = counts.false.sum(axis=0)
    assert proposal.reference is not None
    at = RUNGS.index(proposal.reference)
    assert false[at] >= ENOUGH and (false[at + 1] < ENOUGH or false[at + 1] / counts.hours < 6.0)


def test_too_little_proposes_nothing_and_says_what_is_missing() -> None:
    for counts in (noise(0.05, 60.0, 0.72, 1), noise(0.1, 30.0, 0.72, 1)):
        proposal, points = propose(counts, 6.0)
        assert proposal.threshold is None and proposal.expected_per_hour is None
        assert "give more" in proposal.reason
        assert len(points) == len(RUNGS)


def test_one_bad_minute_is_not_enough() -> None:
    counts = noise(1.0, 0.0, 0.72, 1)
    counts.false[7, :10] = 30
    proposal, _ = propose(counts, 6.0)
    assert proposal.threshold is None and "in 1 of at least 5 different minutes" in proposal.reason


def test_a_quiet_person_gets_the_lowest_threshold() -> None:
    proposal, _ = propose(noise(3.0, 0.5, 0.72, 1), 6.0)
    assert proposal.threshold == RUNGS[0] and "fewer" in proposal.reason


def test_a_count_that_contradicts_the_tail_is_not_passed_over() -> None:
    """Real movement that scores high in 20 of 120 minutes: no exponential, and ten an hour at any threshold to 9."""
    counts = noise(2.0, 150.0, 0.5, 1)
    counts.false[:20, : RUNGS.index(9.0) + 1] += 1
    proposal, points = propose(counts, 2.0)
    if proposal.threshold is not None:
        point = next(point for point in points if point.threshold == proposal.threshold)
        assert point.false_per_hour is not None and point.false_per_hour.low <= 2.0
        assert proposal.threshold > 9.0


def test_what_is_not_reviewed_is_taken_to_be_like_what_is() -> None:
    counts = noise(4.0, 150.0, 0.72, 5)
    part = counts.false.copy()
    part[::10] = 0  # nobody looked at every tenth minute
    rest = counts.false - part
    reviewed = Counts(
        counts.recording, counts.observed_s, counts.quiet_s, counts.twitches, 0, counts.found, part, rest, part
    )
    all_, most = propose(counts, 6.0)[0], propose(reviewed, 6.0)[0]
    assert all_.threshold is not None and most.threshold is not None
    assert abs(all_.threshold - most.threshold) <= 0.2
    half = Counts(
        counts.recording, counts.observed_s, counts.quiet_s, counts.twitches, 0, counts.found, part, 2 * part, part
    )
    proposal, _ = propose(half, 6.0)
    assert proposal.threshold is None and "review the rest" in proposal.reason


def test_the_same_numbers_give_the_same_answer() -> None:
    counts = noise(2.0, 150.0, 0.8, 9)
    assert propose(counts, 6.0) == propose(counts, 6.0)


def test_the_curve_counts_what_there_is() -> None:
    found = ladder([(10.0, 9.0), (40.0, 6.0)], spans((0.0, 60.0)), 60.0)
    points = curve(count([(found, truth((10.0, 10.3, ""), (50.0, 50.3, "")))]))
    low, high = points[0], points[RUNGS.index(7.4)]
    assert (low.found, low.false, high.found, high.false) == (1, 1, 1, 0)
    assert low.recall is not None and low.recall.value == 0.5 and low.precision is not None
    assert low.precision.value == 0.5 and high.precision is not None and high.precision.value == 1.0
    assert high.false_per_hour is not None and high.false_per_hour.low == 0.0


# intervals


def test_intervals_are_those_of_the_books() -> None:
    # Wilson, J Am Stat Assoc 1927: 5 of 10
    half = share(5, 10)
    assert half is not None and (half.low, half.high) == (
        pytest.approx(0.2366, abs=1e-4),
        pytest.approx(0.7634, abs=1e-4),
    )
    # Garwood, Biometrika 1936: 0 and 10 events
    nothing, ten = per_hour(0, 1.0), per_hour(10, 2.0)
    assert nothing is not None and (nothing.low, nothing.high) == (0.0, pytest.approx(3.689, abs=1e-3))
    assert ten is not None and (ten.low, ten.high) == (pytest.approx(2.398, abs=1e-3), pytest.approx(9.195, abs=1e-3))
    assert share(0, 0) is None and per_hour(3, 0.0) is None
