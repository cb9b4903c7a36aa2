"""Marks as truth or as review: what meets what, nothing half imported, and what was missed is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.errors import LogError, OutputError, UsageError
from detector.record.log import EpisodeLog
from detector.record.marks import Mark
from detector.score_files import read_truth
from detector.study.importing import MISSED, import_review, import_truth, judge
from tests.test_log import episode, recorded, session
from tests.test_tune import Run, run

__all__ = ["run"]

TEXT = "onset,offset,kind\n2.1,2.3,tic\n12.0,12.2,blink\n30.0,30.5,twitch\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Episodes at 2, 12, 20 s, and a blink at 40 s."""
    path = tmp_path / "log.sqlite"
    blink = episode(-1, 40.0, kind="blink", twitches=())
    with EpisodeLog(path) as book:
        recorded(book, session(), episode(1, 2.0), episode(2, 12.0), episode(3, 20.0), blink)
    return path


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / "by ann.csv"
    path.write_text(TEXT)
    return path


def reviews(log: Path) -> list[tuple[str, str]]:
    with EpisodeLog(log) as book:
        return [(row.review, row.review_kind) for row in book.episodes(include_rejected=True)]


def review(source: Path, log: Path, **changes: object) -> object:
    asked = {"session": "aa11", "reviewer": "ann", "complete": False, "output": None, "tier": None, "labels": ()}
    asked |= changes
    return import_review(source, log, asked.pop("session"), asked.pop("reviewer"), **asked)  # type: ignore[arg-type]


def test_truth_is_what_score_reads(marks: Path, tmp_path: Path) -> None:
    done = import_truth(marks, tmp_path / "truth.csv", None, ())
    events = read_truth(tmp_path / "truth.csv")
    assert done.marks == 3 and "3 marks written" in done.sentence()
    assert [(e.kind, e.onset_s, e.offset_s, e.distractor) for e in events] == [
        ("tic_like", 2.1, 2.3, False), ("blink", 12.0, 12.2, True), ("", 30.0, 30.5, False),
    ]  # fmt: skip
    assert events[0].twitches is None and events[0].amplitude_mm is None


def test_a_marked_episode_is_confirmed_and_one_on_a_blink_rejected(marks: Path, log: Path) -> None:
    done = review(marks, log)
    assert reviews(log) == [("confirmed", "tic_like"), ("rejected", "blink"), ("", ""), ("", "")]
    assert done.missed == 1 and done.left == 1  # type: ignore[attr-defined]
    missed = marks.with_name("by ann" + MISSED)
    assert [event.onset_s for event in read_truth(missed)] == [30.0]
    said = done.sentence()  # type: ignore[attr-defined]
    assert "1 confirmed, 1 rejected, 1 left as they were; 1 marked and not found" in said and str(missed) in said


def test_only_who_watched_everything_rejects_by_silence(marks: Path, log: Path) -> None:
    review(marks, log, complete=True)
    assert reviews(log) == [("confirmed", "tic_like"), ("rejected", "blink"), ("rejected", ""), ("", "")]
    with EpisodeLog(log) as book:
        row = book.episodes()[2]
        assert [said.reviewer for said in book.reviews(row.run, row.episode.number)] == ["ann"]


def test_the_kind_that_the_program_said_is_no_relabeling(marks: Path, log: Path) -> None:
    marks.write_text("onset,offset,kind\n2.1,2.2,fasciculation\n")
    review(marks, log)
    assert reviews(log)[0] == ("confirmed", "")


def test_a_twitch_marked_beside_a_blink_wins(log: Path) -> None:
    with EpisodeLog(log) as book:
        rows = book.episodes()[:1]
    both = [Mark(2.0, 2.4, "blink", "blink", ""), Mark(2.2, 2.3, "twitch", "", "")]
    verdicts, missed = judge(both, rows, complete=False)
    assert [(v.review, v.kind) for v in verdicts] == [("confirmed", "")] and missed == []


def test_what_ends_just_short_of_an_episode_still_meets_it(log: Path) -> None:
    with EpisodeLog(log) as book:
        rows = book.episodes()[:1]  # 2.0 to 2.4 s
    assert judge([Mark(1.7, 1.85, "", "", "")], rows, complete=False)[1] == []
    assert len(judge([Mark(1.5, 1.75, "", "", "")], rows, complete=False)[1]) == 1


def test_a_bad_line_leaves_the_log_as_it_was(marks: Path, log: Path) -> None:
    marks.write_text(TEXT + "50,x,tic\n")
    with pytest.raises(UsageError, match="line 5"):
        review(marks, log, complete=True)
    assert reviews(log) == [("", "")] * 4 and not marks.with_name("by ann" + MISSED).exists()


def test_a_place_that_cannot_be_written_leaves_the_log_as_it_was(marks: Path, log: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        review(marks, log, output=tmp_path / "none" / "missed.csv")
    assert reviews(log) == [("", "")] * 4


def test_a_log_that_breaks_halfway_keeps_nothing(marks: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from detector.record import log as module

    real, calls = module.judged.insert_review, []

    def breaks(*values: object, **named: object) -> object:
        calls.append(values)
        if len(calls) == 2:
            raise LogError("the disk is full")
        return real(*values, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module.judged, "insert_review", breaks)
    with pytest.raises(LogError):
        review(marks, log)
    assert len(calls) == 2 and reviews(log) == [("", "")] * 4
    assert sorted(path.name for path in marks.parent.glob("*missed*")) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"session": None}, "--session"), ({"session": "zz"}, "no session fits"), ({"reviewer": " "}, "--reviewer")],
)
def test_whose_review_of_what_must_be_said(marks: Path, log: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        review(marks, log, **changes)


def test_marks_of_a_longer_recording_are_those_of_another(marks: Path, log: Path) -> None:
    marks.write_text("onset,offset\n75,76\n")
    with pytest.raises(UsageError, match="another recording"):
        review(marks, log)


def test_the_command_imports_both_ways(run: Run, marks: Path, log: Path, tmp_path: Path) -> None:
    ran = run("import", marks, "--as", "truth", "-o", tmp_path / "t.csv")
    assert (ran.code, ran.out) == (0, "") and "3 marks written" in ran.err
    ran = run("import", marks, "--as", "review", "--session", "aa11", "--reviewer", "ann", "--log", log, "--json")
    document = json.loads(ran.out)
    assert ran.code == 0 and document["missed"] == 1 and len(document["verdicts"]) == 2
    assert run("import", marks, "--as", "truth").code == 2
    assert run("import", marks).code == 2
    assert run("import", marks, "--as", "truth", "-o", marks).code == 2
