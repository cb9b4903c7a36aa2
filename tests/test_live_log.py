"""A live watch in the log: everything under the session it falls in, in that session's own times and numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector import live_log
from detector.live_line import Totals
from detector.live_log import LiveLog
from detector.record.log import EpisodeLog
from detector.types import Session
from tests.test_log import episode, ordinary, twitch

START = "2026-03-01T23:59:00+00:00"
ROLL_S = 60.5


def known(**changes: Any) -> Session:
    base = Session(
        session_id="", source="camera 0 (Test Cam)", sha256="", start_utc=START, width=640, height=480,
        settings={"sensitivity": "normal", "start_s": None}, versions={"nasalis": "0.1.0"}, notes=["of the watch"],
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def totals(at_s: float = 60.0, *notes: str, **fields: Any) -> Totals:
    return Totals(at_s, False, {"observed_s": 50.0, "fps": 30.0, "frames": 1800, "notes": [*notes], **fields}, 58.5)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EpisodeLog]:
    with EpisodeLog(tmp_path / "log.sqlite") as opened:
        yield opened


@pytest.fixture
def book(log: EpisodeLog) -> LiveLog:
    return LiveLog(log, known(), keep_rejected=False)


def found(log: EpisodeLog) -> list[tuple[int, int, float]]:
    return [(row.run, row.episode.number, row.episode.start_s) for row in log.episodes()]


def test_it_is_there_from_the_first_moment(log: EpisodeLog, book: LiveLog) -> None:
    (run,) = log.runs()
    assert (run.session.status, run.session.start_utc) == ("running", "2026-03-01T23:59:00.000+00:00")
    assert run.session.session_id == book.session.session_id != ""
    assert (book.runs, book.start_s) == ([run.run], 0.0)


def test_before_any_roll_times_are_those_of_the_source(log: EpisodeLog, book: LiveLog) -> None:
    row = book.add_episode(episode(7, 12.0))
    assert row == log.episodes()[0]
    assert (row.episode.number, row.episode.start_s) == (1, 12.0)
    assert row.start_time == "2026-03-01T23:59:12.000+00:00"
    assert row.episode.twitches == episode(7, 12.0).twitches


def test_after_a_roll_everything_has_the_times_and_numbers_of_its_session(log: EpisodeLog, book: LiveLog) -> None:
    book.add_episode(episode(1, 12.0))
    book.add_episode(episode(2, 30.0))
    book.roll(ROLL_S, totals())
    row = book.add_episode(episode(3, 70.5))
    book.add_marker(71.0)
    book.add_gap(80.5, 82.5, "unplugged")
    old, new = book.runs
    assert found(log) == [(old, 1, 12.0), (old, 2, 30.0), (new, 1, 10.0)]
    assert row == log.episodes(new)[0], "the reader is told what stands in the log"
    assert (row.episode.end_s, row.start_time) == (pytest.approx(10.4), "2026-03-02T00:00:10.500+00:00")
    times = [(t.twitch.onset_s, t.twitch.peak_s, t.twitch.offset_s) for t in log.twitches(new)]
    assert times[0] == pytest.approx((10.0, 10.05, 10.15))
    assert [(m.run, m.t_s, m.time) for m in log.markers()] == [(new, 10.5, "2026-03-02T00:00:11.000+00:00")]
    assert [(g.run, g.start_s, g.end_s, g.reason) for g in log.gaps()] == [(new, 20.0, 22.0, "unplugged")]


def test_what_comes_late_goes_to_the_session_it_happened_in(log: EpisodeLog, book: LiveLog) -> None:
    book.add_episode(episode(1, 12.0))
    book.roll(ROLL_S, totals())
    book.add_episode(episode(2, 60.2))  # began before, told after
    book.add_episode(episode(3, 90.5))
    book.add_marker(59.0)
    book.add_gap(58.0, 61.0, "no pictures")
    old, new = book.runs
    assert found(log) == [(old, 1, 12.0), (old, 2, 60.2), (new, 1, 30.0)]
    assert [(m.run, m.t_s) for m in log.markers()] == [(old, 59.0)]
    assert [(g.run, g.start_s, g.end_s) for g in log.gaps()] == [(old, 58.0, 61.0)]


def test_every_session_has_its_own_id_and_start(log: EpisodeLog, book: LiveLog) -> None:
    book.roll(60.0, totals())
    book.roll(120.25, totals())
    sessions = [run.session for run in log.runs()]
    assert len({session.session_id for session in sessions}) == 3
    assert [session.start_utc for session in sessions] == [
        "2026-03-01T23:59:00.000+00:00", "2026-03-02T00:00:00.000+00:00", "2026-03-02T00:01:00.250+00:00"
    ]  # fmt: skip
    assert [session.status for session in sessions] == ["complete", "complete", "running"]
    assert book.start_s == 120.25


@pytest.mark.parametrize("start_utc", [START, ""])
def test_sessions_of_a_clip_played_over_and_over_all_count(log: EpisodeLog, start_utc: str) -> None:
    """A clip has a hash, and of two sessions with the same id only the last would count."""
    book = LiveLog(log, known(sha256="f" * 64, start_utc=start_utc), keep_rejected=False)
    for k in range(3):
        book.add_episode(episode(1, 60.0 * k + 5.0))
        book.roll(60.0 * (k + 1), totals())
    assert log.current_runs() == book.runs
    assert len(log.episodes()) == 3


def test_a_clip_that_is_not_rolled_is_the_recording_itself(log: EpisodeLog) -> None:
    from detector.session import identity

    clip = known(sha256="f" * 64)
    assert LiveLog(log, clip, keep_rejected=False).session.session_id == identity(clip)


def test_figures_are_saved_as_they_stand_and_again(log: EpisodeLog, book: LiveLog) -> None:
    book.save(totals(60.0, "small", observed_s=40.0), "running")
    (first,) = log.runs()
    assert (first.session.status, first.session.observed_s, first.session.duration_s) == ("running", 40.0, 58.5)
    assert first.session.notes == ["of the watch", "small"]
    book.save(totals(60.0, "small", "two faces"), "complete")
    (last,) = log.runs()
    assert (last.session.status, last.session.observed_s, last.session.frames) == ("complete", 50.0, 1800)
    assert last.session.notes == ["of the watch", "small", "two faces"]


def test_without_figures_the_status_is_saved(log: EpisodeLog, book: LiveLog) -> None:
    book.save(totals(), "running")
    book.save(None, "failed")
    (run,) = log.runs()
    assert (run.session.status, run.session.observed_s) == ("failed", 50.0)


def test_a_roll_leaves_the_figures_with_the_old_session(log: EpisodeLog, book: LiveLog) -> None:
    book.roll(60.0, totals(60.0, "small"))
    old, new = (run.session for run in log.runs())
    assert (old.observed_s, old.duration_s, old.notes) == (50.0, 58.5, ["of the watch", "small"])
    assert (new.observed_s, new.duration_s, new.notes) == (0.0, 0.0, [])
    assert (new.width, new.settings, new.source) == (old.width, old.settings, old.source)
    book.save(totals(observed_s=3.0), "complete")
    assert [run.session.observed_s for run in log.runs()] == [50.0, 3.0]


def test_sightings_are_there_at_once_and_give_way_to_their_episode(log: EpisodeLog, book: LiveLog) -> None:
    one = episode(1, 5.0)
    book.add_sighting(dataclasses.replace(one.twitches[0], onset_s=4.99))  # measured anew once its surroundings came
    book.add_sighting(twitch(5.2, region="procerus", side="midline"))  # its echo: none after all
    book.add_sighting(twitch(20.0))
    assert [t.episode_id for t in log.twitches()] == ["", "", ""]
    row = book.add_episode(one)
    assert [t.twitch for t in log.twitches()][:2] == list(one.twitches)
    assert [t.episode_id for t in log.twitches()] == [row.episode_id, row.episode_id, ""]


def test_sightings_after_a_roll_are_those_of_the_new_session(log: EpisodeLog, book: LiveLog) -> None:
    book.roll(ROLL_S, totals())
    book.add_sighting(twitch(59.0))
    book.add_sighting(twitch(70.5))
    old, new = book.runs
    assert [t.twitch.onset_s for t in log.twitches(old)] == [59.0]
    assert [t.twitch.onset_s for t in log.twitches(new)] == [10.0]


def test_an_episode_over_the_roll_is_counted_once(log: EpisodeLog, book: LiveLog) -> None:
    one = episode(1, 60.4)  # jerks on both sides of the roll
    book.add_sighting(one.twitches[0])
    book.roll(ROLL_S, totals())
    book.add_sighting(one.twitches[1])
    book.add_sighting(twitch(75.0))
    book.add_episode(one)
    old, new = book.runs
    assert [t.twitch for t in log.twitches(old)] == list(one.twitches)
    assert [t.twitch.onset_s for t in log.twitches(new)] == [75.0 - ROLL_S], "of another episode, still under way"


@pytest.mark.parametrize("kept", [False, True])
def test_what_was_rejected_is_kept_only_when_asked_for(log: EpisodeLog, kept: bool) -> None:
    book = LiveLog(log, known(), keep_rejected=kept)
    book.roll(60.0, totals())
    book.add_rejected(twitch(62.0, kept=False, reason="noise"))
    book.add_sighting(twitch(64.0))
    book.add_episode(episode(1, 65.0))
    rejected = [t.twitch.onset_s for t in log.twitches(include_rejected=True) if not t.twitch.kept]
    assert rejected == ([2.0] if kept else [])
    assert log.twitches(book.runs[0], include_rejected=True) == []


@pytest.mark.parametrize("kept", [False, True])
def test_ordinary_movements_are_kept_only_when_asked_for(log: EpisodeLog, kept: bool) -> None:
    book = LiveLog(log, known(), keep_rejected=kept)
    book.add_ordinary(ordinary(-1, 5.0))
    book.add_episode(episode(1, 20.0))
    book.roll(ROLL_S, totals())
    book.add_ordinary(ordinary(-2, 70.5, "speech"))
    book.add_episode(episode(2, 80.5))
    old, new = book.runs
    rows = [(e.run, e.episode.number, e.episode.start_s) for e in log.episodes(include_rejected=True)]
    assert [row for row in rows if row[1] > 0] == [(old, 1, 20.0), (new, 1, 20.0)]
    assert [row for row in rows if row[1] < 0] == ([(old, -1, 5.0), (new, -1, 10.0)] if kept else [])
    ids = [e.episode_id[-6:] for e in log.episodes(new, include_rejected=True)]
    assert ids == (["-o0001", "-e0001"] if kept else ["-e0001"])


@pytest.mark.parametrize("kept", [False, True])
def test_what_was_sighted_of_an_ordinary_movement_was_no_twitch(log: EpisodeLog, kept: bool) -> None:
    book = LiveLog(log, known(), keep_rejected=kept)
    book.add_sighting(twitch(2.0))  # of an episode that is still under way
    book.add_sighting(twitch(5.01))
    book.add_ordinary(ordinary(-1, 5.0))
    book.add_sighting(twitch(60.3))
    book.roll(ROLL_S, totals())
    book.add_sighting(twitch(60.6))
    book.add_sighting(twitch(75.0))
    book.add_ordinary(ordinary(-2, 60.3))  # over the roll
    assert [t.twitch.onset_s for t in log.twitches()] == [2.0, 75.0 - ROLL_S]


def test_another_kind_goes_to_the_right_episode_also_after_a_roll(log: EpisodeLog) -> None:
    book = LiveLog(log, known(), keep_rejected=True)
    told = [episode(1, 5.0), episode(2, 20.0), episode(3, 60.2), episode(4, 70.5), episode(5, 80.5)]
    book.add_ordinary(ordinary(-1, 3.0))
    for one in told[:2]:
        book.add_episode(one)
    book.roll(ROLL_S, totals())
    for one in told[2:]:
        book.add_episode(one)
    before = log.episodes(include_rejected=True)
    for one in (told[1], told[2], told[3]):
        book.revise(dataclasses.replace(one, kind="synkinesis_like", evidence=f"locked {one.number}"))
    book.revise(episode(9, 90.0, kind="synkinesis_like"))  # of an earlier watch: nobody knows it
    old, new = book.runs
    rows = log.episodes(include_rejected=True)
    assert [(e.run, e.episode.number, e.episode.evidence) for e in rows if e.episode.kind == "synkinesis_like"] == [
        (old, 2, "locked 2"), (old, 3, "locked 3"), (new, 1, "locked 4")
    ]  # fmt: skip
    for row, was in zip(rows, before, strict=True):  # in the times of their sessions, as before
        kind, evidence = was.episode.kind, was.episode.evidence
        assert dataclasses.replace(row, episode=dataclasses.replace(row.episode, kind=kind, evidence=evidence)) == was


def test_only_so_many_episodes_are_remembered(log: EpisodeLog, book: LiveLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_log, "REMEMBERED", 2)
    for k in (1, 2, 3):
        book.add_episode(episode(k, 10.0 * k))
    for k in (1, 2, 3):
        book.revise(episode(k, 10.0 * k, kind="synkinesis_like"))
    kinds = [row.episode.kind for row in log.episodes()]
    assert kinds == ["fasciculation_like", "synkinesis_like", "synkinesis_like"]


def test_marks_are_taken_back_from_the_last_on_over_the_roll(log: EpisodeLog, book: LiveLog) -> None:
    book.add_marker(10.0)
    book.add_marker(50.0)
    book.roll(60.0, totals())
    book.add_marker(70.0)
    assert [book.undo_marker() for _ in range(4)] == [70.0, 50.0, 10.0, None]
    assert log.markers() == []
    assert len(log.markers(include_undone=True)) == 3


def test_the_time_of_day_is_that_of_the_source(book: LiveLog) -> None:
    book.roll(60.0, totals())
    assert book.time_of_day(60.0) == "2026-03-02T00:00:00.000+00:00"
