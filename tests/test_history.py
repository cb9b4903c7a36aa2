"""A log as days of a person's own calendar: what counts, when, and what is left out."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from detector.record.entries import JournalEntry, logged_episodes
from detector.record.log import EpisodeLog
from detector.study.history import build_history, newest_of_each, read_history
from tests.histories import FIRST, entry, episode, history, run

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_days_between_are_there_and_unobserved() -> None:
    record = history([2, None, None, 0])
    assert [day.date for day in record.days] == [FIRST + timedelta(days=k) for k in range(4)]
    assert [day.is_observed for day in record.days] == [True, False, False, True]
    assert [len(day.episodes) for day in record.days] == [2, 0, 0, 0]
    assert [day.twitches for day in record.days] == [4, 0, 0, 0]
    assert record.observed_h == pytest.approx(2.0)


def test_a_session_over_midnight_belongs_to_both_days() -> None:
    one = run(1, datetime(2026, 3, 2, 23, 30, tzinfo=UTC), 3600.0)
    found = logged_episodes(one.session, [episode(1, 600.0), episode(2, 2400.0)], run=1)
    first, second = build_history([one], found, [], zone=UTC).days
    assert (first.observed_s, second.observed_s) == (1800.0, 1800.0)
    assert (len(first.episodes), len(second.episodes)) == (1, 1)


def test_days_are_those_of_the_zone() -> None:
    one = run(1, datetime(2026, 3, 2, 23, 30, tzinfo=UTC), 1200.0)
    assert [day.date for day in build_history([one], [], [], zone=UTC).days] == [date(2026, 3, 2)]
    assert [day.date for day in build_history([one], [], [], zone=ZoneInfo("Europe/Berlin")).days] == [date(2026, 3, 3)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 28), 24)])
def test_a_day_on_which_the_clocks_change_has_its_own_length(day: date, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    watched = run(1, midnight - timedelta(hours=2), 30 * 3600.0)
    record = build_history([watched], [], [], zone=zone)
    assert {one.date: one.observed_s for one in record.days}[day] == hours * 3600.0


def test_older_logs_spread_their_observed_time_over_the_session() -> None:
    one = run(1, START, 1800.0, observed_by_minute_s=(), duration_s=3600.0)
    record = build_history([one], [], [], zone=UTC)
    assert record.observed_h == pytest.approx(0.5)
    assert {minute.observed_s for minute in record.minutes} == {30.0} and len(record.minutes) == 60


def test_what_has_no_time_is_counted_and_left_out() -> None:
    one, two = run(1, START, 600.0), run(2, START, 900.0, start_utc="")
    rows = [*logged_episodes(one.session, [episode(1, 5.0)], run=1)]
    rows += logged_episodes(two.session, [episode(1, 5.0), episode(2, 50.0)], run=2)
    record = build_history([one, two], rows, [], zone=UTC)
    assert (record.undated_s, record.undated_episodes) == (900.0, 2)
    assert len(record.found) == 1 and record.observed_h == pytest.approx(1 / 6)


def test_rejected_episodes_are_left_out_and_confirmed_ones_stay() -> None:
    one = run(1, START)
    rows = logged_episodes(one.session, [episode(k, 60.0 * k) for k in (1, 2, 3)], run=1)
    judged = [
        dataclasses.replace(row, review=word) for row, word in zip(rows, ("rejected", "confirmed", ""), strict=True)
    ]
    assert [row.logged.episode.number for row in build_history([one], judged, [], zone=UTC).found] == [2, 3]


def test_since_and_until_are_days() -> None:
    runs = [run(k + 1, START + timedelta(days=k), 600.0) for k in range(4)]
    second, fourth = FIRST + timedelta(days=1), FIRST + timedelta(days=3)
    record = build_history(runs, [], [entry("note", FIRST, text="before")], since=second, until=fourth, zone=UTC)
    assert [day.date for day in record.days] == [second, FIRST + timedelta(days=2)]
    assert not record.journal and [one.run for one in record.runs] == [2, 3]


def test_an_old_entry_opens_no_years_of_unobserved_days() -> None:
    record = history([1], journal=[entry("medication", date(2019, 1, 1), text="x", details={"change": "started"})])
    assert len(record.days) == 1 and len(record.journal) == 1
    only = build_history([], [], [JournalEntry("note", "2026-03-02T09:00:00+00:00", text="x")], zone=UTC)
    assert [day.date for day in only.days] == [FIRST]


# one recording looked at twice


def of_file(number: int, **changes: object) -> object:
    return run(number, START, 600.0, **{"sha256": "f" * 64, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        ([of_file(1), of_file(2)], [2]),
        ([of_file(1), of_file(2, status="interrupted")], [1]),
        ([of_file(1), of_file(2, start_utc="")], [1]),
        ([of_file(1), of_file(2, sha256="e" * 64)], [1, 2]),
        ([of_file(1, sha256=""), of_file(2, sha256="")], [1, 2]),
        ([of_file(1), of_file(2, settings={"start_s": 600.0})], [1, 2]),
        ([of_file(1), of_file(2, settings={"start_s": 100.0}, duration_s=60.0)], [1]),
        ([of_file(1), of_file(2, settings={"start_s": 100.0}, duration_s=500.0)], [2]),
        ([of_file(1, duration_s=0.0, sha256="", status="running"), of_file(2)], [1, 2]),
    ],
)
def test_the_newest_look_at_a_recording_counts(runs: list, kept: list[int]) -> None:
    assert [one.run for one in newest_of_each(runs)] == kept


def test_a_recording_analyzed_twice_counts_once(tmp_path: Path) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        for name, level in (("aa11", "normal"), ("bb22", "low")):
            session = dataclasses.replace(
                of_file(1).session,
                session_id=name,
                settings={"sensitivity": level},  # type: ignore[attr-defined]
            )
            key = log.begin(session)
            log.add_episode(key, episode(1, 60.0))
            log.finish(key, session)
        record = read_history(log, zone=UTC)
    assert len(record.found) == 1 and record.observed_h == pytest.approx(1 / 6)
    assert record.runs[0].session.session_id == "bb22"
