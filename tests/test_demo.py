"""The demo: always the same, always told from the truth, and never in place of anybody's log."""

from __future__ import annotations

from datetime import UTC, date
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.record.log import EpisodeLog
from detector.study import demo, demo_findings, demo_story
from detector.study.history import History, read_history
from detector.study.report import ReportJob, run
from detector.summary import confidence
from tests.histories import run as made_run


@pytest.fixture(scope="module")
def log_path(demo_report: Path) -> Path:
    return demo_report.with_suffix(".sqlite")


@pytest.fixture(scope="module")
def history(log_path: Path) -> History:
    with EpisodeLog(log_path) as log:
        return read_history(log, zone=UTC)


def test_the_same_seed_tells_the_same(log_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "again.sqlite"
    demo.write_demo_log(other)
    with EpisodeLog(log_path) as first, EpisodeLog(other) as second:
        assert first.episodes() == second.episodes()
        assert [run.session for run in first.runs()] == [run.session for run in second.runs()]
        assert [entry.at for entry in first.journal()] == [entry.at for entry in second.journal()]
        assert [marker.t_s for marker in first.markers()] == [marker.t_s for marker in second.markers()]


def test_it_is_marked_in_the_log_and_on_every_page(log_path: Path, demo_report: Path) -> None:
    with EpisodeLog(log_path) as log:
        assert {run.session.source for run in log.runs()} == {"simulated"}
    page = demo_report.read_text("utf-8")
    assert '<p class="banner" role="note"><b>SIMULATED.</b>' in page
    assert "(simulated)</title>" in page
    assert "Felt, and marked by hand: " in page
    assert '@bottom-center { content: "SIMULATED' in page  # a margin box: printed on each page


def test_a_report_of_a_person_is_not_marked() -> None:
    from detector.study.report_data import report_of
    from tests import histories

    assert not report_of(histories.history([1, 2])).simulated


def test_the_story_has_something_for_every_part_of_a_report(history: History) -> None:
    from detector.study.report_data import report_of

    data = report_of(history, today=demo.last_day())
    assert 90 <= len(history.days) <= 92
    assert 5 < sum(not day.is_observed for day in history.days) < 40
    assert [flag.urgent for flag in data.flags] == [False, False]
    assert len(data.experiments) == 1
    assert (data.experiments[0].end - data.experiments[0].start).days >= 4
    assert data.experiments[0].result is not None
    assert any(trigger.told for trigger in data.triggers)
    assert data.limits is not None
    assert data.limits.half_high_mm > 1.3 * data.limits.half_low_mm
    assert {one.side for one in data.averages} == {"left", "right"}


def test_twitches_lie_inside_their_sessions_and_have_whole_courses(history: History) -> None:
    lengths = {run.run: run.session.duration_s for run in history.runs}
    for found in history.found:
        episode = found.logged.episode
        assert 0.0 <= episode.start_s < episode.end_s <= lengths[found.logged.run]
        for twitch in episode.twitches:
            assert len(twitch.course_mm) == 43  # 0.3 s before to 0.4 s after, at 60 Hz
            assert max(twitch.course_mm) == pytest.approx(twitch.amplitude_mm, abs=0.6)


def test_small_twitches_are_missed_when_the_lamp_is_broken(history: History) -> None:
    lamp = {demo_story.FIRST.toordinal() + k for k in range(demo_story.LAMP_FROM, demo_story.LAMP_TO)}
    sizes: dict[bool, list[float]] = {True: [], False: []}
    for found in history.found:
        sizes[found.at.date().toordinal() in lamp].append(found.logged.episode.peak_mm)
    assert min(sizes[True]) > min(sizes[False])


@pytest.mark.parametrize("score", [5.0, 7.4, 8.7, 12.0])
def test_confidence_is_that_of_the_line(score: float) -> None:
    assert demo_findings.confidence(score) == pytest.approx(confidence(score))


def test_the_log_of_a_person_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.sqlite"
    with EpisodeLog(path) as log:
        log.begin(made_run(1, demo._moment(date(2026, 3, 2), 10.0)).session)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="no demo of nasalis, so it is left alone"):
        run(ReportJob(output=tmp_path / "mine.html", demo=True))
    assert path.read_bytes() == before
    assert not (tmp_path / "mine.html").exists()


def test_another_file_is_left_alone_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "nasalis-demo.sqlite"
    path.write_text("not a database")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="left alone"):
        demo.write_demo_log(path)
    assert path.read_text() == "not a database"
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_older_demo_is_replaced(log_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo_story, "DAYS", 3)
    path = tmp_path / "nasalis-demo.sqlite"
    path.write_bytes(log_path.read_bytes())
    with EpisodeLog(path) as log:
        log.add_marker(log.runs()[0].run, 1.0, "made later")
    demo.write_demo_log(path)
    with EpisodeLog(path) as log:
        assert all(marker.note != "made later" for marker in log.markers())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_full_log_is_not_filled_again(log_path: Path) -> None:
    from detector.errors import LogError

    with EpisodeLog(log_path) as log, pytest.raises(LogError, match="needs an empty log"):
        demo.fill(log)


def test_without_a_name_it_goes_to_the_folder_one_is_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from detector.study import report_page

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_story, "DAYS", 3)
    monkeypatch.setattr(report_page, "render", lambda page, static=False: page.summary)
    monkeypatch.setattr(report_page, "_pictures", lambda *_: ())
    made = run(ReportJob(demo=True))
    assert [path.name for path in made.written] == ["nasalis-demo.sqlite", "nasalis-demo.html"]
    assert {file.name for file in tmp_path.iterdir()} == {"nasalis-demo.sqlite", "nasalis-demo.html"}


def test_the_demo_takes_no_log(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--log is not for --demo"):
        run(ReportJob(demo=True, log=tmp_path / "log.sqlite"))
    assert not list(tmp_path.iterdir())
