"""Whatever the program makes is for its owner only, with any umask; what was there keeps its mode."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detector import doctor
from detector.encode import VideoWriter
from detector.record import schema
from detector.record.files import make_private, write_whole
from detector.record.log import EpisodeLog
from detector.record.signals import SignalWriter
from detector.study.importing import truth_file
from tests.fake_live import measured_at
from tests.test_signals import known

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no modes of files")


@pytest.fixture(params=[0o000, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def video(path: Path) -> None:
    with VideoWriter(path, 32, 24, codec="mjpeg") as writer:
        writer.write(np.zeros((24, 32, 3), np.uint8))


def signals(path: Path) -> None:
    with SignalWriter(path, known()) as writer:
        writer.add(measured_at(0.0))


def truth(path: Path) -> None:
    with truth_file(path, []):
        pass


MAKERS = {"out.csv": lambda path: write_whole({path: b"x"}), "out.avi": video, "out.h5": signals, "truth.csv": truth}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_made_is_for_its_owner_only(umask: None, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    MAKERS[name](path)
    assert mode(path) == 0o600
    assert [other.name for other in tmp_path.iterdir()] == [name], "nothing else stays behind"


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_there_keeps_its_mode(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"for my doctor too")
    path.chmod(0o640)
    MAKERS[name](path)
    assert mode(path) == 0o640 and path.read_bytes() != b"for my doctor too"


def test_a_link_laid_where_a_file_is_to_be_made_is_not_followed(tmp_path: Path) -> None:
    victim, trap = tmp_path / "victim", tmp_path / ".nasalis-1-0.tmp"
    victim.write_text("mine")
    trap.symlink_to(victim)
    make_private(trap)
    trap.write_text("new")
    assert victim.read_text() == "mine" and not trap.is_symlink()


def test_a_log_and_all_beside_it_are_closed_to_others(umask: None, tmp_path: Path) -> None:
    path = tmp_path / "data" / "nasalis" / "log.sqlite"
    with EpisodeLog(path) as log:
        log.begin(known())
        assert {file.name for file in path.parent.iterdir()} >= {"log.sqlite", "log.sqlite-shm", "log.sqlite-wal"}
        assert {mode(file) for file in path.parent.iterdir()} == {0o600}
        for ending in ("", "-shm", "-wal"):  # as a copy or an older program may have left them
            path.with_name(f"log.sqlite{ending}").chmod(0o644)
        with EpisodeLog(path):
            assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700


def test_a_disk_without_modes_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")  # of chmod on FAT and some network drives

    monkeypatch.setattr(os, "chmod", refused)
    monkeypatch.setattr(Path, "chmod", refused)
    monkeypatch.setattr(shutil, "copymode", refused)
    schema.connect(tmp_path / "log.sqlite").close()
    (tmp_path / "out.csv").write_text("before")
    write_whole({tmp_path / "out.csv": b"after"})
    assert (tmp_path / "out.csv").read_text() == "after"


def test_the_doctor_says_that_others_may_read_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    EpisodeLog(path).close()
    assert doctor._log(path).ok is True
    path.chmod(0o644)
    found = doctor._log(path)
    assert found.ok is None and "other users" in found.detail and found.advice
