"""What the figures show: every interval, nothing for what was not watched, and colors that can be told apart."""

from __future__ import annotations

import itertools
import math
import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from detector.study import colors, marks
from detector.study.figures_axes import date_ticks, day_words, gaps, top_of
from detector.study.figures_calendar import calendar, class_edges, class_of
from detector.study.figures_parts import balance, by_hour
from detector.study.figures_timeline import timeline
from detector.study.figures_twitch import STEPS, average_twitch, averages
from detector.study.history import build_history
from detector.study.limits import day_limits, overall_limits
from detector.study.rates import Rate, rates_by
from tests.histories import FIRST, entry, episode, history, run, twitch


def squares(svg: str) -> list[str]:
    """Numbers written into the squares of the calendar."""
    inside = re.findall(r"<text style=\"([^\"]*)\"[^>]*>(\d+)</text>", svg)
    return [words for style, words in inside if "heat-text" in colors.with_variables(style)]


def test_a_day_that_was_not_watched_is_not_drawn_as_zero() -> None:
    days = rates_by(history([0, None, 3]), "day")
    picture = calendar(days)
    assert picture is not None
    assert squares(picture.svg) == ["0", "3"]  # two squares with a number, none for the day between
    hatch = colors.mark("hatch")
    lines = [path for path in re.findall(r"<path[^>]*>", picture.svg) if hatch in path]
    assert len(lines) == 3
    assert picture.table is not None
    assert picture.table.rows[1] == ("2026-03-03", "not watched", "0.0", "unknown")
    assert picture.table.rows[0][1] == "0"


def test_the_hatch_goes_with_the_days_that_were_not_watched() -> None:
    def lines(counts: list[int | None]) -> int:
        picture = calendar(rates_by(history(counts), "day"))
        assert picture is not None
        return sum(colors.mark("hatch") in path for path in re.findall(r"<path[^>]*>", picture.svg))

    assert lines([1, None, 1]) == 3
    assert lines([1, None, None, None, 1]) == 9
    assert lines([1, 2, 1]) == 0


@pytest.mark.parametrize("highest", [0.04, 0.7, 3.1, 14.0, 900.0, 4000.0])
def test_classes_reach_to_the_highest_day(highest: float) -> None:
    days = [Rate("", 1, 1.0, highest * share, 0.0, 1.0, FIRST, 1) for share in (0.01, 0.5, 1.0)]
    edges = class_edges(days)
    assert edges == sorted(edges)
    assert next(class_of(day, edges) for day in days) == 1
    assert 2 <= class_of(days[2], edges) <= 5
    assert class_of(Rate("", 0, 1.0, 0.0, 0.0, 1.0, FIRST, 1), edges) == 0


def test_hours_that_were_never_watched_are_told_so() -> None:
    picture = by_hour(rates_by(history([2, 3], hour=10.0), "hour"))
    assert picture is not None
    assert picture.table is not None
    assert picture.table.rows[10][1] == "5"
    assert picture.table.rows[3] == ("03:00", "not watched", "0.0", "unknown", "unknown")
    assert "Watched in 1 of the 24 hours" in picture.says


def test_nothing_watched_gives_no_picture() -> None:
    nothing = history([])
    assert calendar(rates_by(nothing, "day")) is None
    assert by_hour(rates_by(nothing, "hour")) is None
    assert balance(nothing, [], []) is None
    assert timeline([], [], [], [], [], []) is None
    assert average_twitch([], 0) is None


def test_sides_are_counted_by_day_and_by_week() -> None:
    counts = {FIRST + timedelta(days=k): [episode(1, 5.0, "left" if k % 3 else "right")] for k in range(28)}
    for days in (14, 28):
        record = history({day: rows for day, rows in counts.items() if day < FIRST + timedelta(days=days)})
        picture = balance(record, rates_by(record, "day"), rates_by(record, "week"))
        assert picture is not None
        assert picture.table is not None
        assert len(picture.table.rows) == (14 if days == 14 else 4)
        right = sum(k % 3 == 0 for k in range(days))
        assert sum(int(row[2]) for row in picture.table.rows) == right
        assert f"{days - right} on the left, {right} on the right" in picture.says


def test_a_long_record_is_told_by_weeks() -> None:
    short, long = history([1] * 20), history([1] * 150)
    for record, first in ((short, "day"), (long, "week from")):
        picture = timeline(rates_by(record, "day"), rates_by(record, "week"), [], [], [], day_limits(record))
        assert picture is not None
        assert picture.table is not None
        assert picture.table.head[0] == first


def test_the_average_twitch_is_the_median_course() -> None:
    times = np.arange(STEPS)
    course = np.where(times == 18, 1.0, 0.0)
    jerks = [twitch(1.0 + k, course_mm=tuple(course * (k + 1))) for k in range(5)]
    jerks += [twitch(9.0, course_mm=tuple(course)[:20]), twitch(9.5)]
    record = history({FIRST: [episode(1, 1.0, twitches=tuple(jerks), twitch_count=len(jerks))]})
    (found,) = averages(record)
    assert (found.side, found.region, found.count) == ("left", "nasalis_alar_left", 5)
    assert found.height_mm() == 3.0
    assert found.quartiles_mm()[:, 18].tolist() == [2.0, 3.0, 4.0]
    picture = average_twitch([found], 7)
    assert picture is not None
    assert "n = 5" in picture.svg
    assert "2 of 7 twitches have no whole course" in picture.how


def test_the_twitches_of_a_train_are_not_drawn_into_each_other() -> None:
    course = tuple(np.full(STEPS, 0.5))
    jerks = tuple(twitch(1.0 + 0.21 * k, course_mm=course) for k in range(6))
    (found,) = averages(history({FIRST: [episode(1, 1.0, twitches=jerks, twitch_count=6)]}))
    own = np.isfinite(found.courses_mm)
    # steps of 1/60 s from 0.3 s before: 0.1 s to each side belong to a twitch, but at the ends of the train
    assert [int(row.sum()) for row in own] == [18 + 7, 13, 13, 13, 13, 7 + 24]
    assert own[1, 12:25].all()
    _, middle, _ = found.quartiles_mm()
    assert np.isnan(middle[:12]).all() and np.isnan(middle[25:]).all() and (middle[12:25] == 0.5).all()
    assert average_twitch([found], 6) is not None


def test_limits_are_weighted_by_observed_time() -> None:
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    record = build_history(
        [
            run(1, start, 1000.0, limit_mm=0.4),
            run(2, start + timedelta(days=1), 5000.0, limit_mm=1.0),
            run(3, start + timedelta(days=2), 3000.0, limit50_mm={}, limit90_mm={}),
        ],
        [],
        [],
        zone=UTC,
    )
    limits = overall_limits(record)
    assert limits is not None
    assert (limits.half_mm, limits.most_mm) == (1.0, 2.0)
    assert (limits.half_low_mm, limits.half_high_mm) == (0.4, 1.0)
    assert limits.known_share == pytest.approx(6000.0 / 9000.0)
    assert [(one.date.day, one.half_mm) for one in day_limits(record)] == [(2, 0.4), (3, 1.0)]
    assert overall_limits(history([])) is None


def test_what_was_written_down_becomes_rows_and_numbers() -> None:
    days = [FIRST + timedelta(days=k) for k in range(6)]
    journal = [entry("caffeine", day, hour, value=90.0, unit="mg") for day in days for hour in (8.0, 14.0)]
    journal += [entry("sleep", day, 7.0, value=6.0 + k, unit="h") for k, day in enumerate(days[:4])]
    journal += [entry("stress", days[0], value=3.0, unit="0-10")]
    journal += [entry("supplement", day, 8.0, value=300.0, unit="mg", text="Magnesium") for day in days]
    journal += [entry("headache", days[3], 20.0, value=7.0, unit="0-10", details={"side": "left", "sudden": True})]
    record = history([1] * 6, journal=journal)
    caffeine, sleep = marks.rows(record)  # stress is written down on too few days
    assert (caffeine.kind, caffeine.amounts[days[0]]) == ("caffeine", 180.0)
    assert (sleep.unit, list(sleep.amounts.values())) == ("h", [6.0, 7.0, 8.0, 9.0])
    numbered, more = marks.numbered(record)
    assert [(one.number, one.date, one.words) for one in numbered] == [
        (1, days[0], "Magnesium 300 mg"),
        (2, days[3], "headache 7 of 10, sudden, left"),
    ]
    assert more == 0


def test_of_many_moments_symptoms_come_first_and_then_the_latest() -> None:
    journal = [entry("note", FIRST + timedelta(days=k), text=f"note {k}") for k in range(20)]
    journal += [entry("vision", FIRST, 12.0)]
    numbered, more = marks.numbered(history([1] * 20, journal=journal))
    assert len(numbered) == marks.MOST_NUMBERED
    assert numbered[0].words == "vision change"
    assert numbered[-1].words == "note 19"
    assert more == 21 - marks.MOST_NUMBERED


@pytest.mark.parametrize("days", [1, 5, 20, 60, 91, 200, 400, 800, 4000])
def test_dates_are_named_a_few_times_and_inside(days: int) -> None:
    ticks = date_ticks(FIRST, FIRST + timedelta(days=days - 1), 6)
    places = [at for at, _ in ticks]
    assert 1 <= len(ticks) <= 14
    assert places == sorted(set(places))
    assert 0 <= places[0] <= places[-1] < days


def test_gaps_and_days_in_words() -> None:
    assert gaps([True, False, False, True, False]) == [(1, 2), (4, 4)]
    assert gaps([]) == []
    assert day_words(FIRST, FIRST) == "2 Mar 2026"
    assert day_words(FIRST, date(2026, 4, 5)) == "2 Mar to 5 Apr 2026"
    assert day_words(date(2025, 12, 31), FIRST) == "31 Dec 2025 to 2 Mar 2026"


def test_a_long_whisker_does_not_flatten_the_rest() -> None:
    def rate(per_hour: float, high: float) -> Rate:
        return Rate("", 1, 1.0, per_hour, 0.0, high, FIRST, 1)

    assert top_of([rate(2.0, 200.0), rate(4.0, 6.0)]) == pytest.approx(1.6 * 4.0 * 1.06)
    assert top_of([rate(2.0, 2.2)]) == pytest.approx(2.2 * 1.06)
    assert top_of([Rate("", 0, 0.0, math.nan, math.nan, math.nan)]) > 0.0


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(color[k : k + 2], 16) / 255.0 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str, dark: bool) -> float:
    light, low = sorted((luminance(colors.ROLES[role][dark]) for role in (one, other)), reverse=True)
    return (light + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_what_is_behind_them(dark: bool) -> None:
    pairs = [(ink, ground) for ink in ("ink", "muted") for ground in ("paper", "panel", "notice-soft", "urgent-soft")]
    pairs += [("link", "paper"), ("link", "notice-soft"), ("left", "paper"), ("right", "paper")]
    pairs += [("paper", "urgent"), ("paper", "notice"), ("paper", "band-ink"), ("band-ink", "band")]
    pairs += [(f"heat-text-{k}", f"heat-{k}") for k in range(6)]
    low = {pair: round(contrast(*pair, dark), 2) for pair in pairs if contrast(*pair, dark) < 4.5}
    assert low == {}


@pytest.mark.parametrize("dark", [False, True])
def test_shades_of_the_calendar_go_one_way(dark: bool) -> None:
    shades = [luminance(colors.ROLES[f"heat-{k}"][dark]) for k in range(6)]
    assert shades == sorted(shades, reverse=not dark)
    assert all(abs(a - b) > 0.01 for a, b in itertools.pairwise(shades))


def test_every_color_of_a_figure_has_a_role() -> None:
    record = history([1, None, 4, 2], side="both", zone=UTC)
    picture = timeline(rates_by(record, "day"), rates_by(record, "week"), [], [], [], day_limits(record))
    assert picture is not None
    drawn = {*re.findall(r"#[0-9a-f]{6}", picture.svg)}
    assert drawn
    assert drawn <= {colors.mark(role) for role in colors.ROLES}
    assert re.findall(r"#[0-9a-f]{6}", colors.with_variables(picture.svg)) == []
