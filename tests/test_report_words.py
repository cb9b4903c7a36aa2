"""The sentences: what they claim, and what they must not."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from detector.record.entries import logged_episodes
from detector.study import report_tables, report_words
from detector.study.history import build_history
from detector.study.report_data import ReportData, report_of
from detector.study.trend import Trend
from tests import histories
from tests.histories import FIRST, entry, episode, history


def data_of(counts: object, **options: object) -> ReportData:
    return report_of(history(counts, **options), today=FIRST + timedelta(days=90))  # type: ignore[arg-type]


def test_without_a_finding_only_an_upper_end_is_told() -> None:
    said = report_words.summary(data_of([0] * 10))
    assert "No twitch was found in 10.0 h of observed time on 10 of 10 days" in said
    assert "less than 0.37 an hour" in said  # -ln(0.025) / 10
    assert "says nothing of twitches too small to be seen" in said


def test_what_a_person_rejected_is_left_out_and_told() -> None:
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    session = histories.run(1, start)
    rows = [
        dataclasses.replace(row, review="rejected")
        for row in logged_episodes(session.session, [episode(1, 5.0)], run=1)
    ]
    data = report_of(build_history([session], rows, [], zone=UTC), today=FIRST)
    assert "No twitch was found in 1.0 h of observed time on one day, besides 1 episode that a person rejected." in (
        report_words.summary(data)
    )
    assert "1 episode rejected by a person on review: left out." in report_words.quality(data)


def test_time_in_two_sessions_is_told() -> None:
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)

    def doubts(second: datetime) -> list[str]:
        runs = [histories.run(1, start, 3590.0), histories.run(2, second, 3600.0, source="camera 1")]
        return report_words.doubts(report_of(build_history(runs, [], [], zone=UTC), today=FIRST))

    assert doubts(start + timedelta(seconds=3591)) == []
    assert "Up to 50 min were in more than one session" in doubts(start + timedelta(seconds=590))[0]
    assert "Up to 60 min were in more than one session" in doubts(start)[0]


def test_days_after_the_report_are_told() -> None:
    data = report_of(history([1, None, 0]), today=FIRST + timedelta(days=1))
    assert report_words.doubts(data) == [
        "1 observed day lies after the day of this report, up to 4 Mar 2026: a clock was wrong, and so is all that "
        "rests on days."
    ]
    assert report_words.doubts(report_of(history([1, None, 0]), today=FIRST + timedelta(days=2))) == []


def test_days_without_a_recording_are_not_a_log_without_one() -> None:
    said = report_words.summary(report_of(history([]), today=FIRST, is_part=True))
    assert said == "Nothing was recorded in the days that were asked for, so nothing can be said of them."


def test_unobserved_days_are_counted_as_such() -> None:
    assert "on 2 of 5 days" in report_words.summary(data_of([3, None, None, None, 2]))


def test_sides_come_with_their_interval() -> None:
    rows = [episode(k + 1, 10.0 * k, "left" if k else "right") for k in range(10)]
    said = report_words.sides(data_of({FIRST: rows}))
    assert said == "9 of 10 one-sided episodes were on the left (90 %; 95 % interval 60 to 98)."  # Wilson
    assert report_words.sides(data_of([2], side="both")) == "2 on both sides."


@pytest.mark.parametrize(
    ("trend", "said"),
    [
        (Trend(1.1, 1.02, 1.19, 0.01, 60), "The rate rose over time: +10 % a week (95 % interval +2 % to +19 %)."),
        (Trend(0.9, 0.82, 0.97, 0.01, 60), "The rate fell over time: −10 % a week (95 % interval −18 % to −3 %)."),
        (Trend(1.1, 0.9, 1.3, 0.3, 60), "The rate shows no clear change over time: +10 % a week"),
        (Trend(1.0, 0.996, 1.004, 0.9, 700), "no clear change over time: 0 % a week (95 % interval −0.4 % to +0.4 %)."),
    ],
)
def test_a_trend_is_told_as_far_as_it_is_known(trend: Trend, said: str) -> None:
    assert said in report_words.trend(trend)


def test_what_would_have_been_missed() -> None:
    said = report_words.limit(data_of([1, 1], runs={FIRST: {"limit_mm": 1.2}}))
    assert "under about 0.5 mm would have been missed more often than not" in said
    assert "It varied: the first figure was between 0.5 and 1.2 mm" in said
    hidden = report_words.limit(data_of([1], runs={FIRST: {"limit_mm": 1.6}}))  # nine in ten only at 3.2 mm
    assert "hid a tenth of the time or more, whatever the size" in hidden
    unknown = report_words.limit(data_of([1], runs={FIRST: {"limit50_mm": {}, "limit90_mm": {}}}))
    assert unknown == "How small a twitch would have been found is not known for these recordings."


def test_a_rate_that_may_be_false_alarms_is_told_so() -> None:
    assert "may be false alarms alone" in report_words.false_alarms(data_of([3] * 10))  # 3 an hour, 6 are aimed at
    # a page that flags the sure ones must not call them false alarms
    sure = data_of([3] * 40, confidence=0.95)
    assert {flag.name for flag in sure.flags} >= {"one_sided_weeks", "persisting"}
    assert "may be false alarms alone" not in report_words.false_alarms(sure)
    assert "confirmed on review: 120): it is above twice the false alarms of that kind" in report_words.false_alarms(
        sure
    )
    clear = report_words.false_alarms(data_of([20] * 10))
    assert "aims at 6 false alarms an observed hour" in clear
    assert "alone" not in clear
    low = {FIRST + timedelta(days=k): {"settings": {"sensitivity": "low"}} for k in range(10)}
    assert "aims at 1 false alarm an observed hour" in report_words.false_alarms(data_of([3] * 10, runs=low))


def test_quality_tells_what_was_not_seen() -> None:
    bad = {"not_observed_s": {"noise": 1200.0, "no_face": 5400.0}, "duration_s": 10200.0, "status": "interrupted"}
    lines = " ".join(report_words.quality(data_of([1, 1], runs={FIRST: bad})))
    assert "2 sessions, 2.0 h observed of 3.8 h recorded." in lines
    assert "no face 1.5 h, too noisy (speech, darkness, compression) 20 min" in lines
    assert "1 session did not end as planned" in lines


def test_undated_recordings_are_told_and_not_counted() -> None:
    data = data_of([1])
    data = dataclasses.replace(data, history=dataclasses.replace(data.history, undated_s=7200.0, undated_episodes=3))
    said = " ".join(report_words.quality(data))
    assert "2.0 h of observed time with 3 episodes come from recordings that do not say when" in said
    assert "not counted above" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.0341, "0.034"), (0.5, "0.50"), (3.24, "3.2"), (12.4, "12"), (float("nan"), "unknown")],
)
def test_numbers_have_two_figures_that_count(value: float, said: str) -> None:
    assert report_words.number(value) == said


def test_kinds_have_their_rate_and_the_evidence_of_the_surest() -> None:
    rows = [
        episode(1, 5.0, confidence=0.6, evidence="weak"),
        episode(2, 500.0, confidence=0.9, evidence="strong"),
        episode(3, 900.0, kind="tic_like", evidence="both at once"),
    ]
    kinds = report_tables.kinds(data_of({FIRST: rows}))
    assert kinds is not None
    assert [row[1] for row in kinds.table.rows] == ["2", "1"]
    assert kinds.table.rows[0][2].startswith("2.0 (0.24 to 7.2)")  # 2 in 1 h, exact
    assert [line.rpartition(": ")[2] for line in kinds.evidence] == ["strong.", "both at once."]


def test_the_journal_is_counted_by_days() -> None:
    journal = [entry("caffeine", FIRST, hour, value=mg, unit="mg") for hour, mg in ((8.0, 60.0), (12.0, 100.0))]
    data = data_of([1, 1], journal=[*journal, entry("note", FIRST, 9.0, text="slept badly")])
    assert report_tables.journal_sentence(data) == (
        "Written down, with the median amount: caffeine on 1 day (80 mg), note on 1 day."
    )
    assert [note.words for note in report_tables.notes(data)] == ["slept badly"]


def test_the_face_at_rest_is_a_median_and_no_finding() -> None:
    from detector.types import BothSides, RestingFace

    def face(left: float) -> RestingFace:
        return RestingFace(quiet_s=60.0, eye_open_mm=BothSides(10.0, left, left - 10.0, 0.9, 0.2, 0.2))

    runs = {FIRST + timedelta(days=k): {"resting": face(left)} for k, left in enumerate((9.0, 9.5, 12.0))}
    table = report_tables.resting(data_of([1, 1, 1], runs=runs))
    assert table is not None
    assert table.rows == (("eye opening, mm", "10.0", "9.5", "−0.5 (−0.8 to +0.8)", "3"),)
    assert "no findings" in report_tables.RESTING_NOTE
