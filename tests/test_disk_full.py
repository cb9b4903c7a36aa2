"""A disk that fills up under each command: one sentence, what was reported is kept, no half file replaces a whole."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from detector.errors import LogError, OutputError
from detector.record import files
from detector.record.check import check_log
from detector.record.log import EpisodeLog
from tests.clips import even_times, textured, write_clip
from tests.small_disk import fill, small_disk
from tests.test_cli_stop import FAKE, ROOT, rows_of
from tests.test_log import episode, recorded, session

OLD = b"of an earlier time, and whole\r\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 600) as folder:
        yield folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "four seconds.mp4"
    return write_clip(path, even_times(100, 25.0), textured(100, 64, 48))


def logged(path: Path, count: int = 20) -> Path:
    with EpisodeLog(path) as log:
        recorded(log, session(), *(episode(number, float(number)) for number in range(1, count + 1)))
    return path


def analyze(clip: Path, log: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FAKE, "analyze", str(clip), "--log", str(log), *map(str, more)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def one_sentence(said: str) -> str:
    (line,) = [line for line in said.splitlines() if line.startswith("nasalis: ")]
    assert "Traceback" not in said
    return line


# the log


def test_a_log_grows_to_the_end_of_the_disk_and_loses_nothing(disk: Path) -> None:
    path = logged(disk / "log.sqlite")
    fill(disk, but_bytes=200_000)
    written = 0
    with EpisodeLog(path) as log:
        run = log.begin(session("bb", sha256="b"))
        with pytest.raises(LogError, match=r"the disk is full.*free some space"):
            for number in range(1, 2000):
                log.add_episode(run, episode(number, float(number)))
                written = number
        assert written > 3 and len(log.episodes(run)) == written
    assert check_log(path).sound
    (disk / "ballast").unlink()
    with EpisodeLog(path) as log:  # and with space again it goes on
        assert len(log.episodes(run)) == written
        log.add_episode(run, episode(written + 1, written + 1.0))
        log.finish(run, session("bb", sha256="b", status="complete"))
    assert check_log(path).sound


def test_a_log_can_be_read_on_a_disk_that_is_full(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = logged(disk / "log.sqlite")
    fill(disk)
    for command in (["log"], ["log", "--check"], ["show", "e0001"], ["export"]):
        cli.app([*command, "--log", str(path)], standalone_mode=False)
    assert "20 episodes" in capsys.readouterr().out


def test_analyze_with_a_full_disk_is_one_sentence_and_what_was_found_is_kept(disk: Path, clip: Path) -> None:
    log = logged(disk / "log.sqlite")
    fill(disk)
    done = analyze(clip, log)
    assert done.returncode == 2
    assert "free some space" in one_sentence(done.stderr)
    with EpisodeLog(log, must_exist=True) as book:
        assert book.read_only and len(book.episodes()) == 20
    assert check_log(log).sound


# other files


def test_a_table_that_does_not_fit_leaves_the_older_one(disk: Path, clip: Path, tmp_path: Path) -> None:
    table = disk / "e.csv"
    table.write_bytes(OLD)
    fill(disk)
    done = analyze(clip, tmp_path / "log.sqlite", "--csv", table)
    assert done.returncode == 2 and "e.csv cannot be written (No space left on device)" in one_sentence(done.stderr)
    assert table.read_bytes() == OLD and sorted(path.name for path in disk.iterdir()) == ["ballast", "e.csv"]


def test_a_disk_that_fills_up_during_the_work_costs_the_table_and_not_the_log(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands anywhere, without a disk of its own: the outputs were tried before, and then there is no room."""
    import detector.session
    from tests import fake_pipeline

    monkeypatch.setattr(detector.session, "analyze_clip", fake_pipeline.analyze_clip)
    table = tmp_path / "e.csv"
    table.write_bytes(OLD)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "finish_durably", full)
    log = tmp_path / "log.sqlite"
    with pytest.raises(OutputError, match=r"e\.csv cannot be written \(No space left on device\)"):
        cli.app(["analyze", str(clip), "--log", str(log), "--csv", str(table)], standalone_mode=False)
    assert table.read_bytes() == OLD and not list(tmp_path.glob(".nasalis*"))
    with EpisodeLog(log) as book:
        assert [run.session.status for run in book.runs()] == ["complete"] and len(book.episodes()) == 2
    monkeypatch.undo()
    cli.app(["export", "--log", str(log), "--csv", str(table)], standalone_mode=False)
    assert len(rows_of(table)) == 2, "and the table can be had later"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["export", "--csv"], "all.csv"),
        (["export", "--json", "-o"], "all.json"),
        (["export", "--format", "webvtt", "-o"], "all.vtt"),
        (["report", "-o"], "report.html"),
    ],
)
def test_what_is_written_from_the_log_leaves_the_older_file(
    disk: Path, tmp_path: Path, command: list[str], name: str
) -> None:
    log, target = logged(tmp_path / "log.sqlite", 200), disk / name
    target.write_bytes(OLD)
    fill(disk, but_bytes=8192)
    with pytest.raises(OutputError, match=f"{name} cannot be written .*No space left on device"):
        cli.app([*command, str(target), "--log", str(log)], standalone_mode=False)
    assert target.read_bytes() == OLD
    assert sorted(path.name for path in disk.iterdir()) == sorted(["ballast", name])


def test_repair_needs_room_and_says_so(disk: Path) -> None:
    path = logged(disk / "log.sqlite")
    with path.open("r+b") as file:
        file.seek(4 * 4096)
        file.write(b"\x5a" * 4096)
    damaged = path.read_bytes()
    fill(disk, but_bytes=50_000)
    with pytest.raises((LogError, OutputError), match="No space left on device"):
        cli.app(["log", "--repair", "--log", str(path)], standalone_mode=False)
    assert path.read_bytes() == damaged
    assert not list(disk.glob(".nasalis*")) and not list(disk.glob("*damaged*"))


def test_what_a_killed_program_had_half_written_goes_with_the_next_file(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    names = {
        "old and left": f".nasalis-{gone.pid}-0.tmp",
        "just now": f".nasalis-{gone.pid}-1.tmp",
        "of one that runs": f".nasalis-{os.getpid()}-7.tmp",
        "of somebody else": ".other-1-0.tmp",
        "no number": ".nasalis-x-0.tmp",
    }
    for what, name in names.items():
        (tmp_path / name).write_bytes(b"half")
        if what != "just now":
            os.utime(tmp_path / name, (1.0, 1.0))
    files.write_whole({tmp_path / "new.csv": OLD})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"new.csv", *names.values()} - {names["old and left"]}
