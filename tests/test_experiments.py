"""Experiments: which days are compared, what is said of them, and what is warned of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest

from detector.record.entries import JournalEntry
from detector.study.experiments import ExperimentResult, experiment_results
from detector.study.history import History
from tests.histories import FIRST, entry, history


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def started(number: int, planned: float = 7.0, title: str = "no caffeine", **details: object) -> JournalEntry:
    return entry("experiment", day(number), value=planned, text=title, details=details)


def made(
    counts: Sequence[int | None],
    journal: Sequence[JournalEntry],
    runs: Mapping[date, Mapping[str, object]] | None = None,
    hours: float = 2.0,
) -> History:
    return history(counts, journal=journal, runs=runs, hours=hours)


def only(told: History, today: date) -> ExperimentResult:
    (found,) = experiment_results(told, today)
    return found


def test_days_before_are_compared_with_the_days_since() -> None:
    found = only(made([8] * 14 + [2] * 7 + [8] * 5, [started(14)]), day(30))
    assert (found.title, found.start, found.end, found.baseline_start) == ("no caffeine", day(14), day(20), day(0))
    assert found.result is not None
    assert (found.result.count_a, found.result.days_a, found.result.hours_a) == (112, 14, 28.0)
    assert (found.result.count_b, found.result.days_b, found.result.hours_b) == (14, 7, 14.0)
    assert found.result.ratio == 0.25
    assert not found.running
    assert (
        "112 episodes in 28.0 observed h on 14 days; since: 14 episodes in 14.0 observed h on 7 days" in found.sentence
    )
    assert "lower than days differ by chance, in this one person and this one time" in found.sentence


def test_no_difference_is_said_as_such() -> None:
    found = only(made([5, 7, 6, 8, 5, 7, 6] * 3, [started(14)]), day(30))
    assert found.result is not None
    assert found.result.low < 1.0 < found.result.high
    assert "no difference told" in found.sentence


def test_running_counts_the_days_so_far() -> None:
    found = only(made([8] * 14 + [2] * 7, [started(14)]), day(17))
    assert found.running
    assert found.result is not None
    assert found.result.days_b == 4
    assert "It runs for 3 more days" in found.sentence


def test_not_yet_begun() -> None:
    found = only(made([8] * 14, [started(20)]), day(13))
    assert (found.running, found.result, found.sentence) == (False, None, f"Begins on {day(20).isoformat()}.")


def test_stopped_names_the_first_day_that_no_longer_belongs_to_it() -> None:
    found = only(made([8] * 14 + [2] * 7, [started(14, stopped=day(17).isoformat())]), day(30))
    assert found.end == day(16)
    assert found.result is not None
    assert (found.result.days_b, found.running) == (3, False)


@pytest.mark.parametrize(
    ("planned", "asked", "length"), [(7.0, None, 14), (20.0, None, 20), (60.0, None, 28), (7.0, 5, 5), (7.0, 40, 40)]
)
def test_length_of_the_days_before(planned: float, asked: int | None, length: int) -> None:
    found = only(made([4] * 50, [started(45, planned, baseline_days=asked)]), day(50))
    assert found.start - found.baseline_start == timedelta(days=length)


def test_days_of_an_earlier_experiment_are_no_baseline() -> None:
    told = made([4] * 40, [started(10, 7.0, "more sleep"), started(20, 7.0)])
    second = experiment_results(told, day(40))[1]
    assert second.baseline_start == day(17)
    assert any("cut short" in line for line in second.warnings)


def test_experiments_on_the_same_days_are_warned_of() -> None:
    told = made([4] * 40, [started(20, 7.0, "more sleep"), started(22, 7.0)])
    assert all(any("same days" in line for line in found.warnings) for found in experiment_results(told, day(40)))


def test_days_that_were_not_watched_are_not_counted() -> None:
    counts = [8 if k % 2 else None for k in range(14)] + [None] * 6 + [2]
    found = only(made(counts, [started(14)]), day(30))
    assert found.result is None  # one day since the start tells nothing of how days vary
    assert "Too little to compare" in found.sentence
    assert any("Only 1 observed day since" in line for line in found.warnings)


def test_nothing_found_since_is_a_bound() -> None:
    found = only(made([4] * 14 + [0] * 7, [started(14)]), day(30))
    assert found.result is not None
    assert found.result.is_open
    assert f"0 times what it was before (95 % interval {found.result.high:.2g} or less)" in found.sentence


def test_other_light_that_changed_the_detection_limit_is_warned_of() -> None:
    runs = {day(k): {"limit_mm": 0.5 if k < 14 else 0.9} for k in range(21)}
    found = only(made([8] * 14 + [4] * 7, [started(14)], runs), day(30))
    assert any("0.50 mm before and 0.90 mm since: fewer small twitches" in line for line in found.warnings)
    assert not any("detection limit" in line for line in only(made([8] * 21, [started(14)]), day(30)).warnings)


def test_other_sensitivity_is_warned_of() -> None:
    runs = {day(k): {"settings": {"sensitivity": "high"}} for k in range(14, 21)}
    found = only(made([8] * 21, [started(14)], runs), day(30))
    assert any("sensitivity was normal before and high since" in line for line in found.warnings)


def test_difference_under_the_false_alarms_is_warned_of() -> None:
    small = only(made([8] * 14 + [2] * 7, [started(14)]), day(30))  # 4 an hour, and 1
    large = only(made([40] * 14 + [10] * 7, [started(14)]), day(30))  # 20 an hour, and 5
    assert any("differ by 3.0 an hour, and about 6 an hour may be false" in line for line in small.warnings)
    assert not any("false alarms" in line for line in large.warnings)


def test_other_hours_of_the_day_are_warned_of() -> None:
    runs = {day(k): {"start_utc": f"{day(k).isoformat()}T20:00:00+00:00"} for k in range(14, 21)}
    found = only(made([8] * 21, [started(14)], runs), day(30))
    assert any("only 0 % are shared (mostly from 10:00 before, from 20:00 since)" in line for line in found.warnings)


def test_rate_that_fell_already_before_is_warned_of() -> None:
    falling = [round(40 * 0.5 ** (k / 7)) for k in range(21)]
    found = only(made(falling, [started(14)]), day(30))
    assert any("already falling before the start" in line for line in found.warnings)
    assert not any("already" in line for line in only(made([8, 9] * 12, [started(14)]), day(30)).warnings)


def test_what_else_was_logged_is_compared_but_not_what_was_changed() -> None:
    journal = [started(14), entry("medication", day(16), text="sertraline", details={"change": "started"})]
    journal += [entry("caffeine", day(k), value=200.0) for k in range(14)]
    journal += [entry("sleep", day(k), 7.0, value=6.0 + 0.1 * (k % 3) + 1.5 * (k >= 14)) for k in range(21)]
    journal += [entry("cold", day(k)) for k in range(15, 19)]
    warnings = only(made([8] * 14 + [2] * 7, journal), day(30)).warnings
    assert any(line == f"sertraline: was started on {day(16).isoformat()}." for line in warnings)
    assert any(line.startswith("Sleep differed too: 6.09 h a day before, 7.61 since") for line in warnings)
    assert any(line.startswith("A cold: on 0 % of the days before, 57 % since") for line in warnings)
    assert not any("affeine" in line for line in warnings)


def test_days_needed_fall_as_days_go_by() -> None:
    told = made([8, 3, 12, 5, 9, 2, 11] * 3, [started(14, 30.0)])
    early, late = only(told, day(15)).days_needed, only(told, day(20)).days_needed
    assert early is not None
    assert late is not None
    assert early - late == 5
    assert early > 5


def test_without_experiments_nothing_is_told() -> None:
    assert experiment_results(made([1, 2], [entry("caffeine", day(0), value=80.0)])) == []
