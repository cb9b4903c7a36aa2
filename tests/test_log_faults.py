"""The log when the power goes, on strange disks, beside other programs, and after a program that died."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import cli
from detector.errors import LogBusyError, LogError
from detector.record import places, schema
from detector.record.check import check_log
from detector.record.cut_off import NOTE
from detector.record.log import EpisodeLog
from detector.record.places import network_kind
from detector.record.presence import Presence
from tests.older_logs import writing_format
from tests.test_log import episode, recorded, session, twitch
from tests.test_log_file import ROOT, _writer

WAL_HEADER, FRAME_HEADER, PAGE = 32, 24, 4096  # bytes: sqlite.org/fileformat2.html, 4.1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


# power loss


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A log whose episodes are all in its write-ahead log, and how long that was after each of them."""
    path = tmp_path_factory.mktemp("grown") / "log.sqlite"
    ends = []
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log._db.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(1, 21):
            log.add_episode(run, episode(number, float(number)))
            ends.append(Path(f"{path}-wal").stat().st_size)
        copy = path.with_name("copy.sqlite")
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", f"{copy}{ending}")
    return copy, ends


def opened_after(grown: Path, folder: Path, wal: bytes, main: bytes | None = None) -> list[int]:
    """The numbers of the episodes in the log after it came back like that."""
    path = folder / "back.sqlite"
    path.write_bytes(grown.read_bytes() if main is None else main)
    Path(f"{path}-wal").write_bytes(wal)
    Path(f"{path}-shm").unlink(missing_ok=True)
    with EpisodeLog(path) as log:
        numbers = [row.episode.number for row in log.episodes()]
        assert all(len(row.episode.twitches) == 2 for row in log.episodes()), "an episode without its twitches"
    assert check_log(path).sound
    return numbers


def test_a_write_that_the_power_cut_off_is_gone_and_all_before_it_are_there(
    grown: tuple[Path, list[int]], tmp_path: Path
) -> None:
    path, ends = grown
    wal, chance = Path(f"{path}-wal").read_bytes(), random.Random(1)
    frame = FRAME_HEADER + PAGE
    cuts = {*ends, *(end - 1 for end in ends[::5]), *(end - frame for end in ends[1::5]), 0, 5, WAL_HEADER, len(wal)}
    for cut in sorted(cuts | {chance.randrange(len(wal)) for _ in range(10)}):
        kept = sum(end <= cut for end in ends)
        assert opened_after(path, tmp_path, wal[:cut]) == list(range(1, kept + 1)), cut


def test_what_the_disk_made_of_the_end_of_a_cut_off_write_is_not_believed(
    grown: tuple[Path, list[int]], tmp_path: Path
) -> None:
    path, ends = grown
    wal, chance = Path(f"{path}-wal").read_bytes(), random.Random(2)
    for _ in range(12):
        cut = chance.randrange(WAL_HEADER, len(wal))
        rest = bytes(len(wal) - cut) if chance.random() < 0.3 else chance.randbytes(chance.randrange(1, 3 * PAGE))
        kept = sum(end <= cut for end in ends)
        assert opened_after(path, tmp_path, wal[:cut] + rest) == list(range(1, kept + 1)), cut


def test_pages_half_written_into_the_file_are_written_again(grown: tuple[Path, list[int]], tmp_path: Path) -> None:
    """The power goes while the write-ahead log is being copied into the file, which happens page by page."""
    path, ends = grown
    wal, main = Path(f"{path}-wal").read_bytes(), bytearray(path.read_bytes())
    torn = random.Random(3)
    for at in range(WAL_HEADER, len(wal), FRAME_HEADER + PAGE):
        page = int.from_bytes(wal[at : at + 4], "big") - 1
        content = wal[at + FRAME_HEADER : at + FRAME_HEADER + PAGE // 2] + torn.randbytes(PAGE // 2)
        main[page * PAGE : (page + 1) * PAGE] = content.ljust(PAGE, b"\0")
    assert opened_after(path, tmp_path, wal, bytes(main)) == list(range(1, len(ends) + 1))


def test_without_a_write_ahead_log_a_write_that_was_cut_off_is_undone(path: Path, tmp_path: Path) -> None:
    """The journal that is rolled back, as on a network drive: the file as the power left it, amid a write."""
    with EpisodeLog(path) as log:
        run = recorded(log, session(), *(episode(number, float(number)) for number in range(1, 40)))
        log._db.execute("PRAGMA journal_mode = TRUNCATE")
        log._db.execute("PRAGMA cache_size = 1")  # so that pages go into the file before the end
        log._db.execute("BEGIN IMMEDIATE")
        log._db.execute("UPDATE episodes SET evidence = hex(randomblob(300))")
        copy = tmp_path / "cut.sqlite"
        for ending in ("", "-journal"):
            shutil.copy(f"{path}{ending}", f"{copy}{ending}")
        log._db.execute("ROLLBACK")
        kept = log.episodes(run)
    assert copy.read_bytes() != path.read_bytes()
    with EpisodeLog(copy) as log:
        assert log.episodes(run) == kept
    assert check_log(copy).sound


# strange disks


def mounted(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str) -> None:
    device = path.parent.stat().st_dev
    mounts = path.with_name("mountinfo")
    mounts.write_text(
        "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n"
        f"36 35 {os.major(device)}:{os.minor(device)} / /mnt\\040drive rw master:1 - {kind} server:/data rw,vers=4.2\n"
    )
    monkeypatch.setattr(places, "MOUNTS", mounts)


@pytest.mark.parametrize(("kind", "is_network"), [("nfs4", True), ("cifs", True), ("fuse.sshfs", True),
                                                  ("ext4", False), ("fuseblk", False)])  # fmt: skip
def test_a_network_drive_is_known(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_network: bool) -> None:
    mounted(monkeypatch, path, kind)
    assert network_kind(path) == (kind if is_network else "")


def test_where_nothing_is_told_of_drives_the_log_is_on_a_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOUNTS", path.with_name("no such file"))
    assert network_kind(path) == ""
    assert network_kind(path.with_name("no such folder") / "log.sqlite") == ""


def mode_of(log: EpisodeLog) -> tuple[str, int]:
    return log._db.execute("PRAGMA journal_mode").fetchone()[0], log._db.execute("PRAGMA synchronous").fetchone()[0]


def test_on_a_network_drive_a_log_does_without_shared_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session("aa"), episode(1, 1.0))
        assert mode_of(log) == ("wal", 2)
    mounted(monkeypatch, path, "nfs4")
    with EpisodeLog(path) as log:
        assert mode_of(log) == ("truncate", 2)
        recorded(log, session("bb"), episode(1, 1.0))
        assert len(log.episodes()) == 2
        assert not Path(f"{path}-wal").exists() and not Path(f"{path}-shm").exists()
        with EpisodeLog(path) as second:  # and two programs share it
            recorded(second, session("cc"), episode(1, 1.0))
        assert len(log.episodes()) == 3
    monkeypatch.undo()
    with EpisodeLog(path) as log:  # moved to a disk again
        assert mode_of(log) == ("wal", 2) and len(log.episodes()) == 3


def test_a_disk_that_gives_no_shared_memory_has_a_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def without(where: object, **options: object) -> sqlite3.Connection:
        # locks by names of files and knows no shared memory, as some drives do not
        return connect(f"file:{where}?vfs=unix-dotfile", uri=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(schema.sqlite3, "connect", without)
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
        assert mode_of(log) == ("truncate", 2) and len(log.episodes()) == 1


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Paths that nobody may write, also not root, whom permissions do not stop."""
    protected: list[Path] = []
    access = os.access

    def may(path: Path | str, mode: int, **more: bool) -> bool:
        return access(path, mode, **more) and not (mode & os.W_OK and Path(path) in protected)

    monkeypatch.setattr(os, "access", may)
    yield protected
    for folder in protected:
        folder.chmod(0o700)


def protect(guarded: list[Path], *paths: Path) -> None:
    for path in paths:
        guarded.append(path)
        path.chmod(0o500 if path.is_dir() else 0o400)


def test_a_log_in_a_read_only_folder_is_read_and_says_so(
    path: Path, guarded: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
    before = sorted(path.parent.iterdir())
    protect(guarded, path, path.parent)
    for command in (["log"], ["log", "--episodes"], ["show", "e0001"], ["export"], ["report"], ["log", "--check"]):
        cli.app([*command, "--log", str(path)], standalone_mode=False)
    said = capsys.readouterr()
    assert "read-only: nothing can be added" in said.err and "log.sqlite: sound" in said.out
    assert sorted(path.parent.iterdir()) == before, "nothing was made beside it"
    with EpisodeLog(path, must_exist=True) as log, pytest.raises(LogError, match=r"cannot be written .*--log"):
        log.review_episode(1, 1, reviewer="me", review="confirmed")
    with pytest.raises(LogError, match="cannot be written"):
        EpisodeLog(path)


def test_what_a_read_only_log_has_not_in_its_file_yet_is_read_too(path: Path, guarded: list[Path]) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
        place = path.with_name("disk")
        place.mkdir()
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", place / f"log.sqlite{ending}")
    assert Path(f"{place}/log.sqlite-wal").stat().st_size > 0
    protect(guarded, place / "log.sqlite", place)
    with EpisodeLog(place / "log.sqlite", must_exist=True) as log:
        assert log.read_only and len(log.episodes()) == 1
        with pytest.raises(LogError, match="cannot be written"):
            log.begin(session("bb"))
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("nasalis-*/log.sqlite")), "the copy is thrown away"


def test_an_old_read_only_log_is_brought_up_to_date_in_a_copy(
    path: Path, guarded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing_format(monkeypatch, 3), EpisodeLog(path) as log:
        recorded(log, session(), episode(1, 1.0))
    before = path.read_bytes()
    protect(guarded, path, path.parent)
    with EpisodeLog(path, must_exist=True) as log:
        assert len(log.episodes()) == 1 and log.journal() == []
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0 or not sys.platform.startswith("linux"), reason="only root can mount a disk")
def test_a_log_on_a_read_only_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with EpisodeLog(disk / "log.sqlite") as log:
            recorded(log, session(), episode(1, 1.0))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with EpisodeLog(disk / "log.sqlite", must_exist=True) as log:
            assert log.read_only and len(log.episodes()) == 1
        assert check_log(disk / "log.sqlite").sound
        with pytest.raises(LogError, match=r"cannot be written .*--log"):
            EpisodeLog(disk / "log.sqlite")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_log_that_may_not_be_read_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EpisodeLog(path):
        pass

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(LogError, match=r"cannot be read \(Permission denied\)"):
        check_log(path)


# programs that died


def test_a_session_that_was_cut_off_is_told_from_one_that_goes_on(path: Path) -> None:
    with EpisodeLog(path) as log:
        going = log.begin(session("aa"))
        with _writer(path, "bb", 3, "hang") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()
            with closing(sqlite3.connect(path)) as db:
                assert db.execute("SELECT count(*) FROM sessions WHERE status = 'running'").fetchone() == (2,)
            assert check_log(path).notes == []
            process.kill()
        (note,) = check_log(path).notes
        assert note.startswith("1 session was cut off (run 2)")
        log.begin(session("cc"))
        assert [run.session.status for run in log.runs()] == ["running", "interrupted", "running"]
        dead = log.session(2)
        assert dead.notes == [*session().notes, NOTE]
        # it had its duration from the start: what was written last cannot make it shorter
        assert dead.duration_s == pytest.approx(99.15)
        log.finish(going, session("aa", status="complete"))
    assert [run.session.status for run in EpisodeLog(path).runs()] == ["complete", "interrupted", "running"]


def test_repair_closes_what_was_cut_off(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = EpisodeLog(path)
    log.begin(session("aa", duration_s=0.0))
    log.add_episode(1, episode(1, 7.0))
    log.close()  # as by a kill: the lock is gone
    cli.app(["log", "--repair", "--log", str(path)], standalone_mode=False)
    assert "marked as interrupted: run 1" in capsys.readouterr().out
    with EpisodeLog(path) as log:
        assert (log.session(1).status, log.session(1).duration_s) == ("interrupted", 7.4)


def test_on_a_network_drive_nobody_is_called_dead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EpisodeLog(path)
    log.begin(session("aa"))
    log.close()
    mounted(monkeypatch, path, "nfs4")
    (note,) = check_log(path).notes
    assert "1 session is going on, or was cut off (run 1)" in note
    with EpisodeLog(path) as log:
        log.begin(session("bb"))
        assert log.session(1).status == "running"


# other programs

_BUSY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from detector.record.log import EpisodeLog
from tests.test_log import episode, session
with EpisodeLog(Path(sys.argv[1])) as log:
    run = log.begin(session(sys.argv[3]))
    for number in range(1, 41):
        log.add_episode(run, episode(number, float(number)))
        log.review_episode(run, number, reviewer=sys.argv[3], review="confirmed")
    log.finish(run, session(sys.argv[3], status="complete"))
"""


def test_four_writers_and_a_reader_share_a_log_and_nothing_is_lost(path: Path) -> None:
    with EpisodeLog(path):
        pass
    names = ["aa", "bb", "cc", "dd"]
    writers = [subprocess.Popen([sys.executable, "-c", _BUSY, str(path), ROOT, name]) for name in names]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        with EpisodeLog(path, must_exist=True) as log:
            counted = len(log.episodes(with_twitches=False))
            assert counted >= seen, "what was there is not there any more"
            seen = counted
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    with EpisodeLog(path) as log:
        assert len(log.episodes()) == 160
        assert {(row.review, len(log.reviews(row.run, row.episode.number))) for row in log.episodes()} == {
            ("confirmed", 1)
        }
    assert check_log(path).sound


def test_a_write_that_another_program_keeps_waiting_can_be_tried_again(path: Path) -> None:
    with EpisodeLog(path) as log, EpisodeLog(path) as other:
        run = log.begin(session())
        log.wait_at_most(0.02)
        other._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogBusyError, match="held by another program"):
            log.add_episode(run, episode(1, 1.0))
        with pytest.raises(LogBusyError):
            log.add_twitch(run, twitch(9.0))
        other._db.execute("ROLLBACK")
        log.add_episode(run, episode(1, 1.0))
        assert len(log.episodes()) == 1


def test_the_lock_goes_with_the_last_one_who_has_the_log_open(path: Path) -> None:
    lock = Path(f"{path}-lock")
    first, second = EpisodeLog(path), EpisodeLog(path)
    run = second.begin(session())
    first.close()
    assert lock.exists()
    with EpisodeLog(path) as third:
        third.begin(session("bb"))
        assert third.session(run).status == "running"
    assert lock.exists()
    second.close()
    assert not lock.exists()


def test_many_who_open_and_close_a_log_never_lose_sight_of_one_who_has_it(path: Path) -> None:
    """The file of the locks is taken away and made anew all the time; a lock on one taken away would tell nobody."""
    with EpisodeLog(path):
        pass
    code = (
        "import sys; from pathlib import Path; from detector.record.presence import Presence\n"
        "print(flush=True)\n"
        "while not Path(sys.argv[1] + '.enough').exists(): Presence(Path(sys.argv[1])).close()"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)
    ]
    try:
        for other in others:
            assert other.stdout is not None and other.stdout.readline() == b"\n"
        for _ in range(1000):
            holder, asker = Presence(path), Presence(path)
            holder.hold(7)
            assert asker.is_alive(7)
            holder.close()
            assert asker.is_alive(7) is False
            asker.close()
    finally:
        path.with_name(path.name + ".enough").touch()
        for other in others:
            other.communicate(timeout=60.0)
    assert [other.returncode for other in others] == [0, 0, 0]
