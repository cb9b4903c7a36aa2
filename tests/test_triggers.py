"""Things of the journal: which days count as with and without, what is told, and what by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from detector.record.entries import JournalEntry
from detector.study.exposures import NAMED, THINGS, exposures
from detector.study.journal_kinds import KINDS
from detector.study.triggers import TriggerResult, trigger_results
from tests.histories import FIRST, entry, history


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def present(journal: Sequence[JournalEntry], days: int = 14) -> list[float | None]:
    """Of the only thing in the journal, what each day counts as; None where it is not known."""
    (thing,) = exposures(history([1] * days, journal=journal))
    return [None if math.isnan(value) else value for value in thing.present]


def results(counts: Sequence[int | None], journal: Sequence[JournalEntry]) -> dict[str, TriggerResult]:
    return {row.label: row for row in trigger_results(history(counts, journal=journal))}


def test_day_without_an_entry_counts_as_none_only_while_the_kind_is_written_down() -> None:
    coffee = [entry("caffeine", day(k), value=80.0) for k in (2, 5, 12)]
    # three days apart: written down regularly; seven apart too; before the first and after the last nothing is known
    assert present(coffee) == [None, None, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, None]
    rare = [entry("alcohol", day(k), value=20.0) for k in (0, 10)]
    assert present(rare, 11) == [1, *[None] * 9, 1]


def test_in_a_longer_gap_days_with_other_entries_count_as_none() -> None:
    journal = [entry("alcohol", day(k), value=20.0) for k in (0, 10)] + [entry("note", day(4), text="tired")]
    assert present(journal, 11) == [1, None, None, None, 0, None, None, None, None, None, 1]


def test_sleep_is_known_on_days_with_an_entry_only_and_counts_for_the_day_of_waking() -> None:
    nights = [entry("sleep", day(0), 7.5, value=6.5), entry("sleep", day(2), 8.0, value=7.0)]
    assert present(nights, 4) == [1, None, 0, None]


def test_naps_add_up_and_ratings_do_not() -> None:
    nights = [entry("sleep", day(0), 7.0, value=5.0), entry("sleep", day(0), 15.0, value=2.5)]
    (slept,) = exposures(history([1], journal=nights))
    assert (slept.amounts[0], slept.present[0]) == (7.5, 0.0)
    rated = [entry("stress", day(0), 9.0, value=4.0), entry("stress", day(0), 18.0, value=8.0)]
    (strained,) = exposures(history([1], journal=rated))
    assert strained.amounts[0] == 6.0


def test_who_drinks_coffee_every_day_is_split_at_the_usual_amount() -> None:
    (thing,) = exposures(
        history([1] * 10, journal=[entry("caffeine", day(k), value=100.0 + 20 * k) for k in range(10)])
    )
    assert thing.label == "caffeine over 190 mg"
    assert thing.present.tolist() == [0] * 5 + [1] * 5


def test_medicine_holds_from_its_start_to_its_stop() -> None:
    journal = [
        entry("medication", day(3), text="Sertraline", details={"change": "started"}),
        entry("medication", day(5), text="sertraline", details={"change": "dose"}),
        entry("medication", day(7), text="sertraline", details={"change": "stopped"}),
    ]
    assert present(journal, 10) == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]


def test_symptoms_and_notes_are_no_triggers() -> None:
    journal = [entry("headache", day(1), value=4.0), entry("note", day(2), text="windy")]
    assert exposures(history([1] * 5, journal=journal)) == []


def test_clear_difference_is_told_and_not_called_a_cause() -> None:
    rng = np.random.default_rng(3)
    with_it = rng.random(50) < 0.5
    counts = [int(count) for count in rng.poisson(np.where(with_it, 12.0, 4.0))]
    journal = [entry("caffeine", day(k), value=160.0) for k in range(50) if with_it[k]]
    journal += [entry("sleep", day(k), 7.0, value=float(rng.normal(7.0, 1.0))) for k in range(50)]
    found = results(counts, journal)
    coffee, sleep = found["caffeine"], found["sleep under 7 h"]
    assert list(found) == ["caffeine", "sleep under 7 h"]
    assert coffee.told
    assert coffee.p_corrected is not None
    assert coffee.p_corrected <= 0.05
    assert coffee.result is not None
    assert coffee.result.low < 3.0 < coffee.result.high
    assert "They went together; what made what is not known." in coffee.sentence
    assert "2 things looked at" in coffee.sentence
    assert not sleep.told
    assert sleep.sentence.startswith("No difference told of 2 things looked at")


def test_amount_is_told_per_step() -> None:
    rng = np.random.default_rng(5)
    mg = 80.0 * rng.integers(0, 5, 60)
    counts = [int(count) for count in rng.poisson(3.0 * 1.4 ** (mg / 100.0))]
    journal = [entry("caffeine", day(k), value=float(mg[k])) for k in range(60) if mg[k] > 0]
    dose = results(counts, journal)["caffeine"].dose
    assert dose is not None
    assert (dose.step, dose.unit) == (100.0, "mg")
    assert dose.low < 1.4 < dose.high
    assert dose.low > 1.0


def test_days_that_were_not_watched_are_neither_with_nor_without() -> None:
    counts = [None if k % 4 == 0 else 5 for k in range(24)]
    row = results(counts, [entry("caffeine", day(k), value=80.0) for k in range(0, 24, 2)])["caffeine"]
    assert row.days_with == 6  # of days 2, 6, 10 ...: the other even days were not watched
    assert row.days_without == 11  # the last day is after the last entry


def test_too_few_days_are_not_judged() -> None:
    row = results([6, 5, 7, 6] * 6, [entry("alcohol", day(k), value=20.0) for k in (1, 8, 15, 22)])["alcohol"]
    assert (row.days_with, row.p_corrected, row.told) == (4, None, False)
    assert row.sentence.startswith("Not enough data: 4 days with alcohol and 18 days without")
    assert row.days_needed is not None
    assert f"About {row.days_needed} more days of the rarer sort" in row.sentence


def test_slow_fall_is_not_taken_for_the_effect_of_what_was_given_up_on_the_way() -> None:
    rng = np.random.default_rng(11)
    counts = [int(count) for count in rng.poisson(20.0 * 0.97 ** np.arange(60))]
    journal = [entry("caffeine", day(k), value=80.0) for k in range(60) if k < 30 or k == 59]
    journal += [entry("stress", day(k), 18.0, value=float(rng.integers(0, 10))) for k in range(60)]
    coffee = results(counts, journal)["caffeine"]
    assert coffee.result is not None
    assert coffee.result.high < 1.0 or coffee.result.low > 1.0  # the days do differ
    assert not coffee.told


def made_up(rng: np.random.Generator, days: int) -> dict[str, TriggerResult]:
    """A log in which nothing matters: rates and things alike from day to day."""
    series = rng.standard_normal((5, days))
    for k in range(1, days):
        series[:, k] = 0.5 * series[:, k - 1] + math.sqrt(0.75) * series[:, k]
    counts = [int(count) for count in rng.poisson(4.0 * np.exp(0.6 * series[0] - 0.18))]
    journal: list[JournalEntry] = []
    for k in range(days):
        journal.append(entry("sleep", day(k), 7.0, value=float(7.0 + series[1, k])))
        journal.append(entry("stress", day(k), 18.0, value=float(np.clip(round(5 + 2 * series[2, k]), 0, 10))))
        if series[3, k] > 0.0:
            journal.append(entry("caffeine", day(k), value=160.0))
        if series[4, k] > 0.5:
            journal.append(entry("exercise", day(k), value=30.0))
    return results(counts, journal)


@pytest.mark.parametrize("seed", [1, 2])
def test_chance_alone_is_rarely_taken_for_an_effect(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logs = [made_up(rng, 28) for _ in range(12)]
    assert all(len(log) == 4 for log in logs)
    assert sum(any(row.told for row in log.values()) for log in logs) <= 2
    # uncorrected, about one log in five would have something to tell
    assert min(row.p_corrected for log in logs for row in log.values() if row.p_corrected is not None) >= 1 / 56


def test_without_a_journal_there_is_nothing_to_look_at() -> None:
    assert trigger_results(history([1, 2, 3])) == []


def test_things_are_kinds_of_the_journal_in_their_own_units() -> None:
    for thing in THINGS:
        kind = KINDS[thing.kind]
        assert not thing.step or thing.unit == kind.unit.replace("0-10", "of 10")
    assert {KINDS[name].group for name in NAMED} == {"medicine"}
