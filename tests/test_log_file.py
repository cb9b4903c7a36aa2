"""The file of the log: killed writers, company, full disks, and files that are no log."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from detector.errors import LogError
from detector.record import schema
from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from tests import older_logs
from tests.older_logs import added_after, writing_format
from tests.test_log import episode, recorded, session, twitch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data folder" / "log.sqlite"


_WRITER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from detector.record.log import EpisodeLog
    from tests.test_log import episode, session, twitch
    log = EpisodeLog(Path(sys.argv[1]))
    run = log.begin(session(sys.argv[3]))
    for number in range(1, int(sys.argv[4]) + 1):
        log.add_episode(run, episode(number, float(number)))
    log.add_twitch(run, twitch(99.0, kept=False, reason="noise"))
    print("written", flush=True)
    if sys.argv[5] == "hang":
        log._db.execute("BEGIN IMMEDIATE")  # killed inside a write
        log._db.execute("DELETE FROM episodes")
        print("inside", flush=True)
        time.sleep(60)
    log.finish(run, session(sys.argv[3], status="complete"))
    """
)
ROOT = str(Path(__file__).resolve().parent.parent)


def _writer(path: Path, session_id: str, episodes: int, end: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(path), ROOT, session_id, str(episodes), end]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_program_loses_nothing_it_had_written(path: Path) -> None:
    with _writer(path, "aa11", 2, "hang") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        assert process.stdout.readline() == "inside\n"
        process.send_signal(signal.SIGKILL)
    with EpisodeLog(path) as log:
        assert [run.session.status for run in log.runs()] == ["running"]
        assert [e.episode.number for e in log.episodes()] == [1, 2]
        assert len(log.twitches(include_rejected=True)) == 5
        recorded(log, session("aa11"), episode(1, 1.0))  # and it can be written on
        assert len(log.runs()) == 2


def test_two_programs_make_and_write_one_log_at_once(path: Path) -> None:
    writers = [_writer(path, name, 25, "finish") for name in ("aa11", "bb22")]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with EpisodeLog(path) as log:
        assert sorted(run.session.session_id for run in log.runs()) == ["aa11", "bb22"]
        for run in log.runs():
            assert [e.episode.number for e in log.episodes(run.run)] == list(range(1, 26))


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    with EpisodeLog(path) as log, EpisodeLog(path) as reader:
        recorded(log, session(), episode(1, 1.0))
        log._db.execute("BEGIN IMMEDIATE")
        assert len(reader.episodes()) == 1
        log._db.execute("ROLLBACK")


def test_a_log_held_by_another_program_is_said(path: Path) -> None:
    with EpisodeLog(path) as log, EpisodeLog(path) as other:
        other._db.execute("PRAGMA busy_timeout = 50")
        log._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogError, match="held by another program"):
            other.begin(session())
        log._db.execute("ROLLBACK")
        assert other.begin(session()) == 1


def test_settings_of_the_file(path: Path) -> None:
    with EpisodeLog(path) as log:
        (mode,) = log._db.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = log._db.execute("PRAGMA synchronous").fetchone()
        (keys,) = log._db.execute("PRAGMA foreign_keys").fetchone()
        assert (mode, synchronous, keys) == ("wal", 2, 1)
        log.begin(session())
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    with EpisodeLog(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


# what cannot be a log


def test_a_log_of_a_newer_program_is_refused_and_left_alone(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
        log._db.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    with pytest.raises(LogError) as caught:
        EpisodeLog(path)
    assert str(caught.value) == (
        f"{path} was written by a newer nasalis (format 7, this program knows {schema.FORMAT}): "
        "update nasalis or name another log with --log"
    )
    assert caught.value.exit_code == 2
    assert path.read_bytes() == before


def test_an_older_format_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
    later = schema.FORMAT + 1
    monkeypatch.setattr(schema, "FORMAT", later)
    monkeypatch.setitem(schema.MIGRATIONS, later, ("ALTER TABLE sessions ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'",))
    with EpisodeLog(path) as log:
        assert log._db.execute("PRAGMA user_version").fetchone()[0] == later
        assert log._db.execute("SELECT extra FROM sessions").fetchone()[0] == "x"
        assert len(log.episodes()) == 1
    with EpisodeLog(path) as log:  # once only
        assert len(log.runs()) == 1


@pytest.mark.parametrize("old", [1, 3, 4, 5])
def test_a_log_of_an_older_format_gets_what_was_not_measured_empty(
    path: Path, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    with writing_format(monkeypatch, old), EpisodeLog(path) as log:
        recorded(log, session("aa11"), episode(1, 1.0))
        assert log._db.execute("PRAGMA user_version").fetchone()[0] == old
    with EpisodeLog(path) as log:
        assert log._db.execute("PRAGMA user_version").fetchone()[0] == schema.FORMAT
        unknown = added_after(old, older_logs.SESSION)
        before = log.runs()[0].session
        assert before == session("aa11", status="complete", **unknown)
        course = added_after(old, older_logs.TWITCH).get("course_mm", twitch(1.0).course_mm)
        assert [one.course_mm for one in log.episodes()[0].episode.twitches] == [course, course]
        assert log.journal() == []
        (entry,) = log.episodes()
        assert (entry.review, entry.review_kind, log.reviews(entry.run, 1)) == ("", "", [])
        log.review_episode(entry.run, 1, reviewer="me", review="unsure")
        assert log.episodes()[0].review == "unsure"
        run = recorded(log, session("bb22"), replace=True)
        assert log.session(run).limit90_mm == {"procerus": 0.93, "zygomaticus_left": 1.4}
        assert log.session(run).resting == session().resting


def test_a_failed_migration_leaves_the_log_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
    with monkeypatch.context() as patch:
        patch.setattr(schema, "FORMAT", schema.FORMAT + 1)
        patch.setitem(schema.MIGRATIONS, schema.FORMAT, ("ALTER TABLE sessions ADD COLUMN extra TEXT", "no statement"))
        with pytest.raises(LogError):
            EpisodeLog(path)
    with EpisodeLog(path) as log:
        assert len(log.episodes()) == 1
        assert "extra" not in log._db.execute("SELECT * FROM sessions").fetchone().keys()  # noqa: SIM118


def test_what_is_not_a_log(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, " * 100)
    with pytest.raises(LogError, match=r"notes\.txt is not a nasalis log: name another file with --log"):
        EpisodeLog(text)
    assert text.read_text().startswith("not a database")
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE photos (name TEXT)")
    with pytest.raises(LogError, match="database of another program"):
        EpisodeLog(other)
    with sqlite3.connect(other) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]
    with pytest.raises(LogError, match="is not a file"):
        EpisodeLog(tmp_path)
    with pytest.raises(LogError, match="cannot be written"):
        EpisodeLog(text / "log.sqlite")
    with pytest.raises(LogError, match="there is no episode log at"):
        EpisodeLog(tmp_path / "typo.sqlite", must_exist=True)
    assert not (tmp_path / "typo.sqlite").exists()


def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with EpisodeLog(empty) as log:
        assert log.runs() == []


def test_a_full_disk_is_said_and_loses_nothing(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_episode(run, episode(1, 1.0))
        pages = log._db.execute("PRAGMA page_count").fetchone()[0]
        log._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LogError, match=r"the disk is full.*free some space"):
            for number in range(2, 200):
                log.add_episode(run, episode(number, float(number)))
        held = len(log.episodes())
        assert held >= 1
        assert len(log.twitches()) == 2 * held
        log._db.execute("PRAGMA max_page_count = 1000000")
        log.finish(run, session(status="failed"))
        assert log.runs()[0].session.status == "failed"


def test_a_read_only_log_is_said(path: Path) -> None:
    with EpisodeLog(path) as log:
        log._db.execute("PRAGMA query_only = ON")
        with pytest.raises(LogError, match=r"cannot be written .*--log"):
            log.begin(session())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc, where not even root can write")
def test_a_folder_that_cannot_be_made_is_said() -> None:
    with pytest.raises(LogError, match=r"the episode log /proc/.* cannot be written .*--log"):
        EpisodeLog(Path("/proc/nasalis/log.sqlite"))


def test_a_damaged_log_is_said(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), *(episode(number, float(number)) for number in range(1, 60)))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(LogError, match=r"damaged.*log --repair"), EpisodeLog(path) as log:
        log.episodes()


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        ("sessions", "settings", "{"), ("sessions", "settings", "[1]"), ("sessions", "duration_s", "long"),
        ("sessions", "frames", 1e400), ("sessions", "observed_by_minute_s", "7"), ("sessions", "floor_mm", "[]"),
        ("sessions", "resting", '{"no such": 1}'), ("sessions", "notes", "[" * 100_000),
        ("episodes", "start_s", "soon"), ("episodes", "regions", "none"), ("twitches", "snr", b"loud"),
    ],
)  # fmt: skip
def test_a_value_that_no_program_of_ours_wrote_is_said(path: Path, table: str, column: str, cell: object) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_episode(run, episode(1, 2.0))
        log.finish(run, session())
    with sqlite3.connect(path) as raw:
        raw.execute(f"UPDATE {table} SET {column} = ?", (cell,))
    raw.close()
    with EpisodeLog(path) as log, pytest.raises(LogError, match="cannot be read"):
        log.episodes() and log.session(run)


@pytest.mark.parametrize(
    ("table", "column", "cell", "reader"),
    [
        ("journal", "at", "nan", "journal"), ("journal", "at", "2026-03-01T08:00:00", "journal"),
        ("journal", "details", "[1, 2]", "journal"), ("journal", "value", "much", "journal_all_versions"),
        ("markers", "t_s", "soon", "markers"), ("gaps", "end_s", b"late", "gaps"),
    ],
)  # fmt: skip
def test_so_is_one_among_what_a_person_said(path: Path, table: str, column: str, cell: object, reader: str) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_marker(run, 3.0)
        log.add_gap(run, 5.0, 6.0, "unplugged")
        log.write_journal([JournalEntry("caffeine", "2026-03-01T08:00:00+01:00", value=80.0, unit="mg")])
    with sqlite3.connect(path) as raw:
        raw.execute(f"UPDATE {table} SET {column} = ?", (cell,))
    raw.close()
    with EpisodeLog(path) as log, pytest.raises(LogError, match="cannot be read"):
        getattr(log, reader)()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA user_version = -1", "is damaged"),
        ("ALTER TABLE episodes DROP COLUMN note", "the note of its episodes is missing"),
        ("ALTER TABLE journal RENAME COLUMN at TO moment", "the at of its journal is missing"),
        ("DROP TABLE gaps", "the table of its gaps is missing"),
    ],
)
def test_a_log_with_something_missing_is_said_when_it_is_opened(path: Path, statement: str, said: str) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
    raw.close()
    with pytest.raises(LogError, match=said):
        EpisodeLog(path)
