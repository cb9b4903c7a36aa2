"""What the person felt and when there were no pictures: kept, taken back without being lost, and found again."""

from __future__ import annotations

import math
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detector.errors import LogError, UsageError
from detector.record import schema
from detector.record.entries import LoggedGap
from detector.record.log import EpisodeLog
from detector.record.selection import Selection
from tests.older_logs import writing_format
from tests.test_log import episode, recorded, session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def camera(session_id: str, **changes: object):  # type: ignore[no-untyped-def]
    return session(session_id, sha256="", **changes)


def test_a_marker_comes_back_with_its_time_of_day(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(camera("cam1"))
        key = log.add_marker(run, 12.5, "strong, Ünï \udcff")
        assert log.add_marker(run, np.float64(3.25)) != key  # type: ignore[arg-type]
    with EpisodeLog(path) as log:
        first, second = log.markers()
        assert (first.t_s, first.time, first.note) == (3.25, "2026-03-01T08:00:03.250+00:00", "")
        assert (second.key, second.run, second.session_id, second.t_s) == (key, run, "cam1", 12.5)
        assert (second.note, second.undone) == ("strong, Ünï \\udcff", False)
        age = datetime.now(UTC) - datetime.fromisoformat(second.made_utc)
        assert timedelta(0) <= age < timedelta(minutes=1)


def test_undo_takes_back_what_was_made_last_and_deletes_nothing(path: Path) -> None:
    with EpisodeLog(path) as log:
        run, other = log.begin(camera("cam1")), log.begin(camera("cam2"))
        for t_s in (5.0, 20.0, 9.0):
            log.add_marker(run, t_s)
        log.add_marker(other, 1.0)
        assert log.undo_marker(run) == 9.0, "made last, though not the latest"
        assert log.undo_marker(run) == 20.0
        log.add_marker(run, 30.0)
        assert [m.t_s for m in log.markers(run)] == [5.0, 30.0]
        assert [log.undo_marker(run) for _ in range(3)] == [30.0, 5.0, None]
        assert log.markers(run) == []
        assert [(m.t_s, m.undone) for m in log.markers(run, include_undone=True)] == [
            (5.0, True), (9.0, True), (20.0, True), (30.0, True),
        ]  # fmt: skip
        assert [m.t_s for m in log.markers([run, other])] == [1.0], "the other run is left alone"


def test_gaps_come_back_in_order(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(camera("cam1"))
        log.add_gap(run, 40.0, 55.5, "camera unplugged")
        log.add_gap(run, 10.0, np.float32(12.5), "machine asleep")  # type: ignore[arg-type]
        assert log.gaps(run) == [
            LoggedGap(run, 10.0, 12.5, "machine asleep"),
            LoggedGap(run, 40.0, 55.5, "camera unplugged"),
        ]
        assert log.gaps(run + 1) == []


def test_what_makes_no_sense_is_refused_and_the_log_stays_usable(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(camera("cam1"))
        for refused in (
            lambda: log.add_marker(run, float("nan")),
            lambda: log.add_marker(run + 1, 1.0),
            lambda: log.add_gap(run, 5.0, 4.0, "backwards"),
            lambda: log.add_gap(run + 1, 4.0, 5.0, "no such run"),
        ):
            with pytest.raises(LogError, match="refused a record"):
                refused()
        log.add_marker(run, 1.0)
        log.add_gap(run, 4.0, 4.0, "empty")
        assert (len(log.markers()), len(log.gaps())) == (1, 1)


def test_every_run_of_a_camera_counts_and_a_range_of_dates_holds(path: Path) -> None:
    with EpisodeLog(path) as log:
        early = log.begin(camera("cam", start_utc="2026-03-01T08:00:00Z"))
        late = log.begin(camera("cam", start_utc="2026-03-02T08:00:00Z"))
        unknown = log.begin(camera("cam", start_utc=""))
        for run in (early, late, unknown):
            log.add_marker(run, 10.0)
        assert [m.run for m in log.markers()] == [early, late, unknown]
        assert [m.run for m in log.markers(since="2026-03-01T08:00:11Z")] == [late]
        assert [m.run for m in log.markers(since="2026-03-01T08:00:10Z", until="2026-03-02T08:00:10Z")] == [early]
        with pytest.raises(UsageError, match="--until 'soon' is no time"):
            log.markers(until="soon")


def test_markers_of_a_superseded_run_do_not_count(path: Path) -> None:
    with EpisodeLog(path) as log:
        first = recorded(log, session("aa11"))
        log.add_marker(first, 1.0)
        second = recorded(log, session("bb22"), replace=True)
        log.add_marker(second, 2.0)
        assert [m.run for m in log.markers()] == [second]
        assert [m.run for m in log.markers(first)] == [first]


@pytest.mark.parametrize("old", [1, 2])
def test_an_older_log_gets_markers_and_gaps(path: Path, monkeypatch: pytest.MonkeyPatch, old: int) -> None:
    with writing_format(monkeypatch, old), EpisodeLog(path) as log:
        run = recorded(log, session("aa11"), episode(1, 1.0))
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == old
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name IN ('markers', 'gaps')").fetchall()
    with EpisodeLog(path) as log:
        assert log._db.execute("PRAGMA user_version").fetchone()[0] == schema.FORMAT
        assert (log.markers(), log.gaps()) == ([], [])
        assert len(log.episodes()) == 1 and log.session(run).session_id == "aa11"
        log.add_marker(run, 2.0)
        log.add_gap(run, 3.0, 4.0, "camera unplugged")
        assert (len(log.markers()), len(log.gaps())) == (1, 1)


def test_a_marker_is_on_the_disk_when_it_is_made(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(camera("cam1"))
        log.add_marker(run, 7.0)
        with EpisodeLog(path) as other:
            assert [m.t_s for m in other.markers()] == [7.0]


def test_a_selection_narrows_markers_as_it_does_episodes(path: Path) -> None:
    with EpisodeLog(path) as log:
        first = log.begin(camera("aa11", start_utc="2026-03-01T08:00:00Z"))
        second = log.begin(camera("bb22", start_utc="2026-03-01T08:00:00Z"))
        for run in (first, second):
            log.add_marker(run, 1.0)
            log.add_marker(run, 2.0)
        assert len(Selection().markers(log)) == 4
        assert {m.session_id for m in Selection(session="bb").markers(log)} == {"bb22"}
        chosen = Selection(session="aa11", until="2026-03-01T08:00:02Z")
        assert [m.t_s for m in chosen.markers(log)] == [1.0]
        assert chosen.part_s(log.session(first)) == (-math.inf, 2.0)
        assert Selection(since="2026-03-01T08:00:01Z").part_s(log.session(first)) == (1.0, math.inf)
        with pytest.raises(UsageError, match="--since 'soon' is no time"):
            Selection(since="soon").markers(log)
