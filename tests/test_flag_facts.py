"""What counts as twitching: more sure episodes than false alarms, and what breaks a stretch of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detector.study.flag_facts import (
    AIMED_PER_HOUR,
    FALSE_PER_HOUR,
    SURE,
    build_facts,
    find_stretch,
    is_more,
    only_sure,
)
from detector.study.flag_rule import chance, count, duration, listed, of_days
from detector.study.history import History
from detector.summary import confidence
from detector.twitches import TAIL, THRESHOLDS
from tests.flag_pairs import TODAY, days, on, symptom, written
from tests.histories import FIRST


def test_false_alarms_of_sure_episodes_follow_from_the_aim_of_normal_sensitivity() -> None:
    """6 an hour pass the threshold, and e times fewer for each TAIL above it."""
    score = THRESHOLDS["normal"] + TAIL * np.log(SURE / (1.0 - SURE))
    assert confidence(score) == pytest.approx(SURE)
    assert pytest.approx(6.0 * np.exp(-(score - THRESHOLDS["normal"]) / TAIL)) == AIMED_PER_HOUR
    assert pytest.approx(2.0 * AIMED_PER_HOUR) == FALSE_PER_HOUR


def test_sure_ones_are_those_that_every_sensitivity_lists() -> None:
    assert confidence(THRESHOLDS["low"]) < SURE


def test_is_more_is_the_exact_tail_of_a_poisson() -> None:
    none = np.exp(-FALSE_PER_HOUR)
    assert is_more(1, 1.0, 1.0 - none + 1e-9) and not is_more(1, 1.0, 1.0 - none - 1e-9)
    assert not is_more(100, 0.0, 0.05)
    assert not is_more(0, 5.0, 0.99)


def test_unsure_episodes_are_left_out() -> None:
    record = only_sure(days([3] * 4, confidence=SURE - 0.001))
    assert not record.found and not any(day.episodes for day in record.days) and record.observed_h == 4.0
    assert len(only_sure(days([3] * 4, confidence=SURE)).found) == 12


def test_what_a_person_confirmed_is_sure() -> None:
    record = days([3] * 4, confidence=0.5)
    first = record.found[0]
    seen = dataclasses.replace(first, logged=dataclasses.replace(first.logged, review="confirmed"))
    assert only_sure(dataclasses.replace(record, found=(seen, *record.found[1:]))).found == (seen,)


def watched(record: History, numbers: range, minutes: float) -> History:
    """The record with another observed time on some days."""
    changed = [
        dataclasses.replace(day, observed_s=60.0 * minutes) if k in numbers else day
        for k, day in enumerate(record.days)
    ]
    return dataclasses.replace(record, days=tuple(changed))


def test_a_stretch_runs_from_the_first_to_the_last_day_with_twitching() -> None:
    stretch = find_stretch(days([0] * 10 + [4, 5, 3, 6, 0, 4, 5] + [0] * 3))
    assert stretch is not None
    assert (stretch.first, stretch.last, stretch.length) == (on(10), on(16), 7)
    assert len(stretch.episodes) == 27 and stretch.hours == 7.0


def test_single_false_alarms_do_not_lengthen_it() -> None:
    counts: list[int | None] = [0, 1, 0, 0, 1, 0, 1, 0, 0, 0] + [5] * 8 + [0, 1, 0]
    stretch = find_stretch(days(counts))
    assert stretch is not None and (stretch.first, stretch.last) == (on(10), on(17))


def test_unobserved_days_neither_break_it_nor_are_counted_as_watched() -> None:
    stretch = find_stretch(days([4] * 10 + [None] * 12 + [4] * 9))
    assert stretch is not None
    assert (stretch.length, len(stretch.observed), stretch.hours) == (31, 19, 19.0)
    assert (stretch.weeks, stretch.weeks_shown) == (4, 3)


@pytest.mark.parametrize(
    ("minutes", "free"),
    [(60.0, True), (15.0, True), (2.0, False)],
    ids=["an hour a day", "a quarter", "two minutes"],
)
def test_a_week_is_free_only_if_it_was_watched_long_enough(minutes: float, free: bool) -> None:
    """Four an hour: two minutes a day would have shown one episode in the week."""
    record = watched(days([4] * 14 + [0] * 7 + [4] * 14), range(14, 21), minutes)
    stretch = find_stretch(record)
    assert stretch is not None and stretch.first == (on(21) if free else FIRST)


def test_it_is_over_after_a_free_week_and_not_after_six_days() -> None:
    assert find_stretch(days([4] * 20 + [0] * 7)) is None
    assert find_stretch(days([4] * 20 + [0] * 6)) is not None


def test_episodes_without_observed_time_prove_nothing() -> None:
    assert find_stretch(days([4] * 35)) is not None
    assert find_stretch(watched(days([4] * 35), range(35), 0.0)) is None


def test_entries_that_say_none_are_left_out_and_the_end_is_the_last_that_is_known() -> None:
    facts = build_facts(written(symptom("droop", 3, value=0.0), symptom("droop", 25, value=1.0)), TODAY)
    assert [row.entry.value for row in facts.written("droop")] == [1.0]
    assert facts.end == on(25) and facts.today == TODAY
    assert facts.lately("droop", days=1) and not facts.lately("weakness", days=30)


def test_words() -> None:
    assert count(1, "day") == "1 day" and count(2, "day") == "2 days"
    assert of_days(1, 1) == "on the only observed day" and of_days(2, 3) == "on 2 of 3 observed days"
    assert duration(0.5) == "30 min" and duration(22.53) == "22.5 h"
    assert chance(0.0001) == "less than 1 in 1000" and chance(0.0078) == "0.008" and chance(0.2) == "0.20"
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"
