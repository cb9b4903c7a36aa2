"""What a person judges about episodes: kept in versions, beside what the program says, and through another analysis."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from detector.errors import LogError, UsageError
from detector.record.export import EPISODE_COLUMNS, write_episodes_csv, write_episodes_json
from detector.record.log import EpisodeLog
from detector.study.history import read_history
from tests.test_log import episode, recorded, session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def test_every_change_of_mind_is_kept_and_the_newest_counts(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = recorded(log, session(), episode(1, 1.0), episode(2, 9.0))
        log.review_episode(run, 1, reviewer="me", review="confirmed", note="clear")
        log.review_episode(run, 1, reviewer="you", kind="tic_like")
        last = log.review_episode(run, 1, reviewer="me", review="", note="")
    with EpisodeLog(path) as log:
        said = log.reviews(run, 1)
        assert [(r.reviewer, r.review, r.kind, r.note) for r in said] == [
            ("me", "confirmed", "", "clear"),
            ("you", "confirmed", "tic_like", "clear"),
            ("me", "", "tic_like", ""),
        ]
        assert said[-1] == last and all(r.made_utc.endswith("+00:00") for r in said)
        first, second = log.episodes()
        assert (first.review, first.review_kind, first.note) == ("", "tic_like", "")
        assert first.episode.kind == "fasciculation_like", "the program's own kind is not overwritten"
        assert (second.review, log.reviews(run, 2)) == ("", [])


def test_only_known_words_and_episodes_are_taken(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = recorded(log, session(), episode(1, 1.0))
        with pytest.raises(UsageError, match="no review 'maybe'"):
            log.review_episode(run, 1, reviewer="me", review="maybe")
        with pytest.raises(UsageError, match="no kind 'hiccup'"):
            log.review_episode(run, 1, reviewer="me", kind="hiccup")
        with pytest.raises(LogError, match="no episode 7"):
            log.review_episode(run, 7, reviewer="me", review="confirmed")
        assert log.reviews(run, 1) == log.reviews(run, 7) == []


def test_a_review_outlives_another_analysis_of_the_same_file(path: Path) -> None:
    with EpisodeLog(path) as log:
        first = recorded(log, session("aa11"), episode(1, 1.0), episode(2, 9.0))
        log.review_episode(first, 1, reviewer="me", review="confirmed", kind="tic_like", note="twice")
        log.review_episode(first, 1, reviewer="me", review="rejected")
        log.review_episode(first, 2, reviewer="me", review="unsure")
        second = recorded(log, session("aa11"), episode(1, 1.0), episode(2, 9.5))
        assert log.current_runs() == [second]
        one, other = log.episodes()
        assert (one.review, one.review_kind, one.note) == ("rejected", "tic_like", "twice")
        assert [r.review for r in log.reviews(second, 1)] == ["confirmed", "rejected"]
        assert other.review == "", "another movement, even if it has the same number"
        log.review_episode(second, 1, reviewer="me", review="confirmed")
        log.finish(second, dataclasses.replace(session("aa11"), status="complete"))  # once more changes nothing
        assert log.episodes()[0].review == "confirmed" and len(log.reviews(second, 1)) == 3


@pytest.mark.parametrize("changes", [{"session_id": "bb22"}, {"sha256": ""}])
def test_other_settings_and_cameras_are_judged_anew(path: Path, changes: dict[str, str]) -> None:
    again = dataclasses.replace(session("aa11"), **changes)  # type: ignore[arg-type]
    with EpisodeLog(path) as log:
        first = recorded(log, dataclasses.replace(again, session_id="aa11"), episode(1, 1.0))
        log.review_episode(first, 1, reviewer="me", review="confirmed")
        second = recorded(log, again, episode(1, 1.0))
        assert [row.review for row in log.episodes(second)] == [""]


def test_the_csv_keeps_its_columns_and_tells_other_kinds_beside_it(path: Path, tmp_path: Path) -> None:
    with EpisodeLog(path) as log:
        run = recorded(log, session(), episode(1, 1.0), episode(2, 9.0))
        log.review_episode(run, 2, reviewer="me", review="confirmed", kind="tic_like", note="=1+1")
        rows, sessions = log.episodes(), [log.session(run)]
    write_episodes_csv(tmp_path / "e.csv", rows, sessions)
    with (tmp_path / "e.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == [column.name for column in EPISODE_COLUMNS]
    assert [(row["kind"], row["review"], row["note"]) for row in table] == [
        ("fasciculation_like", "", ""),
        ("fasciculation_like", "confirmed", "'=1+1"),
    ]
    assert json.loads((tmp_path / "e.json").read_text())["relabeled"] == {"aa11-e0002": "tic_like"}
    write_episodes_json(tmp_path / "all.json", rows, sessions)
    assert [row["review_kind"] for row in json.loads((tmp_path / "all.json").read_text())["episodes"]] == [
        "",
        "tic_like",
    ]


def test_what_was_rejected_is_no_part_of_the_history(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = recorded(log, session(), episode(1, 1.0), episode(2, 9.0))
        assert len(read_history(log).found) == 2
        log.review_episode(run, 1, reviewer="me", review="rejected")
        assert [found.logged.episode.number for found in read_history(log).found] == [2]


def test_long_lists_come_without_twitches_and_marks_without_courses(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = recorded(log, session(), episode(1, 1.0))
        (bare,) = log.episodes(with_twitches=False)
        (full,) = log.episodes()
        assert bare == dataclasses.replace(full, episode=dataclasses.replace(full.episode, twitches=()))
        marks = log.twitch_marks(run)
        assert [(mark.peak_s, mark.score, mark.kept) for mark in marks] == [(1.05, 7.5, True), (1.3, 7.5, True)]
