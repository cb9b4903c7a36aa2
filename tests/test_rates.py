"""Rates per observed hour: hand-counted histories, exact intervals, and nothing known where nothing was observed."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from detector.study.history import History
from detector.study.rates import count_interval, overall, rates_by
from tests.histories import FIRST, episode, history, twitch


def test_rate_is_the_count_over_observed_hours_with_garwoods_interval() -> None:
    rate = overall(history([3, 5, 2], hours=2.0))
    assert (rate.count, rate.hours, rate.days) == (10, 6.0, 3)
    assert rate.per_hour == pytest.approx(10 / 6)
    # Garwood's table for a count of 10: 4.795 to 18.390
    assert (rate.low * 6, rate.high * 6) == (pytest.approx(4.795, abs=0.001), pytest.approx(18.390, abs=0.001))


def test_nothing_found_has_an_upper_end() -> None:
    rate = overall(history([0, 0]))
    assert (rate.per_hour, rate.low) == (0.0, 0.0)
    assert rate.high == pytest.approx(3.689 / 2, abs=0.001)  # Garwood's table for a count of 0


def test_day_that_was_not_watched_is_unknown_not_zero() -> None:
    rates = rates_by(history([2, None, 0]))
    assert [rate.label for rate in rates] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert (rates[1].hours, rates[1].count, rates[1].days) == (0.0, 0, 0)
    assert all(math.isnan(value) for value in (rates[1].per_hour, rates[1].low, rates[1].high))
    assert (rates[2].hours, rates[2].per_hour) == (1.0, 0.0)


def test_weeks_begin_on_monday_and_unwatched_ones_stay_in_the_list() -> None:
    rates = rates_by(history({FIRST + timedelta(days=6): 2, FIRST + timedelta(days=21): 3}, hours=0.5), "week")
    assert [(rate.label, rate.count, rate.hours, rate.days) for rate in rates] == [
        ("2026-03-02", 2, 0.5, 1),
        ("2026-03-09", 0, 0.0, 0),
        ("2026-03-16", 0, 0.0, 0),
        ("2026-03-23", 3, 0.5, 1),
    ]
    assert rates[3].start == date(2026, 3, 23)


def test_hours_of_the_day_are_counted_by_observed_minutes() -> None:
    rates = rates_by(history([4, 4], hours=1.5, hour=22.5), "hour")
    assert len(rates) == 24
    assert [(rate.label, rate.hours) for rate in rates if rate.hours > 0] == [("22:00", 1.0), ("23:00", 2.0)]
    assert [rate.count for rate in rates[22:]] == [2, 6]  # a quarter, half, and so on of 90 min from 22:30
    assert math.isnan(rates[0].per_hour)


@pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 29), 23.0), (date(2026, 10, 25), 25.0)])
def test_day_on_which_the_clock_changes_has_its_own_length(day: date, length: float) -> None:
    watched = history({day: 3}, hours=48.0, hour=0.0, zone=ZoneInfo("Europe/Berlin"))  # from midnight, without a pause
    rates = rates_by(watched, "day")
    assert [rate.hours for rate in rates][:2] == [length, min(48.0 - length, 24.0)]
    hours = rates_by(watched, "hour")
    # that night the hour from 2 to 3 is missing, or comes twice
    assert [hours[hour].hours for hour in (1, 2, 4)] == ([2.0, 1.0, 2.0] if length < 24.0 else [2.0, 3.0, 2.0])


def test_sides_regions_and_kinds_share_all_observed_hours_and_list_what_was_not_found() -> None:
    found = [episode(1, 10.0), episode(2, 30.0, "right", kind="tic_like"), episode(3, 50.0, "right")]
    told = history({FIRST: found, FIRST + timedelta(days=1): 0})
    assert {rate.label: rate.count for rate in rates_by(told, "side")} == {
        "left": 1,
        "right": 2,
        "both": 0,
        "midline": 0,
    }
    assert {rate.hours for rate in rates_by(told, "side")} == {2.0}
    kinds = {rate.label: rate.count for rate in rates_by(told, "kind")}
    assert (kinds["fasciculation_like"], kinds["tic_like"], kinds["undetermined"]) == (2, 1, 0)
    assert "blink" not in kinds
    regions = {rate.label: rate.count for rate in rates_by(told, "region")}
    assert (regions["nasalis_alar_left"], regions["nasalis_alar_right"], sum(regions.values())) == (1, 2, 3)


def test_twitches_are_counted_on_their_own_side() -> None:
    both = (twitch(10.0, "left"), twitch(10.5, "left"), twitch(11.0, "right"))
    told = history({FIRST: [dataclasses.replace(episode(1, 10.0), side="both", twitches=both, twitch_count=3)]})
    assert [(rate.label, rate.count) for rate in rates_by(told, "side", "twitches")][:3] == [
        ("left", 2),
        ("right", 1),
        ("both", 0),
    ]
    assert overall(told, "twitches").count == 3


def test_twitches_in_trains_have_a_wider_interval_than_as_many_single_ones() -> None:
    single, trains = count_interval([1] * 20), count_interval([5] * 4)
    assert trains[0] < single[0] < 20 < single[1] < trains[1]


def test_interval_of_twitches_in_trains_covers() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        sizes = [int(size) for size in rng.geometric(0.3, rng.poisson(8.0))]
        low, high = count_interval(sizes)
        inside += low <= 8.0 / 0.3 <= high
    assert 0.93 <= inside / 400 <= 1.0  # plain Poisson intervals hold it in about 65 of 100


def test_empty_history_has_no_rates() -> None:
    assert rates_by(History(), "day") == []
    assert math.isnan(overall(History()).per_hour)
