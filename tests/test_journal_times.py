"""What people say of a time: one meaning or none, and the nights in which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from detector.errors import UsageError
from detector.study.journal_times import Zone, parse_day_bound, parse_moment, zone_named

BERLIN = zone_named("Europe/Berlin")
NOW = datetime(2026, 3, 10, 14, 20, 33, 123456, tzinfo=BERLIN.rules)  # a Tuesday


def at(said: str | None, zone: Zone = BERLIN, now: datetime = NOW) -> str:
    return parse_moment(said, zone, now).text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, "2026-03-10T14:20:33.123+01:00"),
        ("now", "2026-03-10T14:20:33.123+01:00"),
        ("08:10", "2026-03-10T08:10:00+01:00"),
        ("22:30", "2026-03-09T22:30:00+01:00"),  # still to come today
        ("14:21", "2026-03-10T14:21:00+01:00"),  # within the slack of clocks
        ("8am", "2026-03-10T08:00:00+01:00"),
        ("12 am", "2026-03-10T00:00:00+01:00"),
        ("12pm", "2026-03-10T12:00:00+01:00"),
        ("10:30 pm", "2026-03-09T22:30:00+01:00"),
        ("noon", "2026-03-10T12:00:00+01:00"),
        ("yesterday 22:30", "2026-03-09T22:30:00+01:00"),
        ("Yesterday at 10pm", "2026-03-09T22:00:00+01:00"),
        ("day before yesterday 10:00", "2026-03-08T10:00:00+01:00"),
        ("monday 8:00", "2026-03-09T08:00:00+01:00"),
        ("3 days ago at 8:00", "2026-03-07T08:00:00+01:00"),
        ("20 min ago", "2026-03-10T14:00:33+01:00"),
        ("20m ago", "2026-03-10T14:00:33+01:00"),
        ("half an hour ago", "2026-03-10T13:50:33+01:00"),
        ("1h30 ago", "2026-03-10T12:50:33+01:00"),
        ("1 day and 2 hours ago", "2026-03-09T12:20:33+01:00"),
        ("1 march 8:10", "2026-03-01T08:10:00+01:00"),
        ("March 1st, 2025 8pm", "2025-03-01T20:00:00+01:00"),
        ("december 24 18:00", "2025-12-24T18:00:00+01:00"),
        ("2026-03-01 8:10", "2026-03-01T08:10:00+01:00"),
        ("2026-03-01T08:10:05.250+01:00", "2026-03-01T08:10:05.250+01:00"),
        ("2026-03-01 08:10 +05:00", "2026-03-01T08:10:00+05:00"),
        ("2026-03-01 08:10Z", "2026-03-01T08:10:00+00:00"),
    ],
)
def test_times_that_are_taken(said: str | None, meant: str) -> None:
    assert at(said) == meant


@pytest.mark.parametrize(
    "said",
    [
        "12", "5", "2025", "1230", "may", "march 2025", "8.10", "03/04/2026 8:00", "1.3.2026", "today 25:00", "25:00",
        "8:61", "14:00 pm", "13 pm", "yesterday 8", "last night", "this morning", "last monday 8:00", "midnight",
        "2026-02-30", "31 feb 2026 8:00", "2026-03-01 24:00", "2026-13-01", "2026-03-01 08:10 EST", "22:30 UTC+2",
        "espresso", "2 espresso", "20 minutes", "mon 1 march 2026 8:00", "99999 years ago", "-5 min", "x" * 500,
    ],
)  # fmt: skip
def test_what_would_only_be_guessed_is_refused(said: str) -> None:
    with pytest.raises(UsageError):
        at(said)


@pytest.mark.parametrize("said", ["", "  "])
def test_an_empty_time_is_not_now(said: str) -> None:
    with pytest.raises(UsageError, match="the time that was given is empty"):
        at(said)


@pytest.mark.parametrize("said", ["tomorrow", "tomorrow 8:00", "2026-03-10 14:22", "2026-03-11", "2026-03-10 13:30Z"])
def test_what_is_to_come_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="still to come"):
        at(said)


@pytest.mark.parametrize("said", ["1899-12-31 08:00", "0001-01-01", "9999-12-31 23:59", "9999-12-31T23:59-12:00"])
def test_years_that_cannot_be(said: str) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        at(said, zone_named("Pacific/Kiritimati"))


def test_a_day_alone_is_taken_at_noon_and_said() -> None:
    moment = parse_moment("2026-03-01", BERLIN, NOW)
    assert (moment.text, moment.remarks) == (
        "2026-03-01T12:00:00+01:00", ("no time of day was given: 12:00 is taken",)
    )  # fmt: skip
    early = NOW.replace(hour=9)
    moment = parse_moment("today", BERLIN, early)
    assert moment.at == early.replace(microsecond=0)
    assert moment.remarks == ("no time of day was given: now is taken",)


def test_bounds_of_a_list_begin_with_the_day_and_may_be_to_come() -> None:
    assert parse_day_bound("2026-03-01", BERLIN, NOW).isoformat() == "2026-03-01T00:00:00+01:00"
    assert parse_day_bound("yesterday", BERLIN, NOW).isoformat() == "2026-03-09T00:00:00+01:00"
    assert parse_day_bound("tomorrow", BERLIN, NOW).isoformat() == "2026-03-11T00:00:00+01:00"
    # the clocks of Cairo skip midnight
    cairo = zone_named("Africa/Cairo")
    assert parse_day_bound("2025-04-25", cairo, NOW).isoformat() == "2025-04-25T01:00:00+03:00"


# the nights in which the clocks change

LATER = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "clock", "first", "second"),
    [
        ("Europe/Berlin", "2026-10-25 02:30", "+02:00", "+01:00"),
        ("Europe/London", "2026-10-25 01:30", "+01:00", "+00:00"),
        ("America/New_York", "2026-11-01 01:30", "-04:00", "-05:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "+11:00", "+10:30"),  # by half an hour
    ],
)
def test_an_hour_that_was_twice(zone: str, clock: str, first: str, second: str) -> None:
    moment = parse_moment(clock, zone_named(zone), LATER)
    assert moment.text == f"{clock.replace(' ', 'T')}:00{first}"
    assert moment.remarks == (
        f"{clock} was twice in {zone}: the earlier is taken ({first}); write {clock}{second} for the later",
    )
    later = parse_moment(f"{clock}{second}", zone_named(zone), LATER)
    assert (later.text, later.zone, later.remarks) == (f"{clock.replace(' ', 'T')}:00{second}", zone, ())
    assert later.at.astimezone(UTC) > moment.at.astimezone(UTC)
    assert parse_moment(f"{clock}{first}", zone_named(zone), LATER).text == moment.text


@pytest.mark.parametrize(
    ("zone", "clock"),
    [
        ("Europe/Berlin", "2026-03-29 02:30"),
        ("Europe/London", "2026-03-29 01:00"),
        ("America/New_York", "2026-03-08 02:59"),
        ("Australia/Lord_Howe", "2025-10-05 02:15"),
        ("Pacific/Apia", "2011-12-30 12:00"),  # a whole day
    ],
)
def test_an_hour_that_was_skipped(zone: str, clock: str) -> None:
    with pytest.raises(UsageError, match=f"{clock} did not exist in {zone}"):
        parse_moment(clock, zone_named(zone), LATER)


def test_the_minutes_round_a_change_are_what_the_clock_showed() -> None:
    assert at("2026-03-29 01:59", now=LATER) == "2026-03-29T01:59:00+01:00"
    assert at("2026-03-29 03:00", now=LATER) == "2026-03-29T03:00:00+02:00"
    assert at("2026-10-25 01:59", now=LATER) == "2026-10-25T01:59:00+02:00"
    assert at("2026-10-25 03:00", now=LATER) == "2026-10-25T03:00:00+01:00"


def test_lengths_count_on_through_a_change_of_the_clocks() -> None:
    spring = datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN.rules)
    assert at("1 hour ago", now=spring) == "2026-03-29T01:30:00+01:00"
    fall = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time
    assert at("30 min ago", now=fall) == "2026-10-25T02:00:00+01:00"
    assert at("90 min ago", now=fall) == "2026-10-25T02:00:00+02:00"


def test_a_time_of_day_in_the_night_of_the_change() -> None:
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert at("02:30", now=second) == "2026-10-25T02:30:00+02:00"  # the first 02:30 has been
    spring = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # 01:30: 02:30 will be skipped, so it is that of yesterday
    assert at("02:30", now=spring) == "2026-03-28T02:30:00+01:00"


# zones


def test_zones_by_name() -> None:
    assert zone_named("europe/berlin").name == "Europe/Berlin"
    for wrong, hint in (("Berlin", "did you mean Europe/Berlin"), ("Europe/Berlim", "Berlin"), ("../etc", "write it")):
        with pytest.raises(UsageError, match=hint):
            zone_named(wrong)


@pytest.mark.usefixtures("in_utc")
def test_without_a_name_it_is_the_zone_of_the_computer() -> None:
    zone_named.cache_clear()
    zone = zone_named(None)
    zone_named.cache_clear()
    assert zone.local(NOW).utcoffset() == timedelta(0)


def test_a_computer_whose_zone_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "XYZ-3ABC-4,M3.5.0,M10.5.0/3")
    time.tzset()
    zone_named.cache_clear()
    try:
        zone = zone_named(None)
        assert zone.name == ""
        assert at("2026-01-01 08:00", zone) == "2026-01-01T08:00:00+03:00"
        with pytest.raises(UsageError, match="did not exist in the zone of this computer"):
            at("2025-03-30 02:30", zone)
    finally:
        monkeypatch.undo()
        time.tzset()
        zone_named.cache_clear()
