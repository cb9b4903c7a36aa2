"""The process that clips are given to: whatever happens in it is an answer, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="needs the extra batch")

from detector.batch.keeper import ONE_THREAD, Keeper
from detector.batch.messages import Request
from detector.config import Settings

ROOT = Path(__file__).resolve().parent.parent
FAKE = (sys.executable, str(ROOT / "tests" / "fake_child.py"))


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    one = Keeper(FAKE)
    yield one
    one.stop()


def request(clip: str, *, time_s: float = 60.0, memory_mb: float = 4000.0, stage: str = "analyze") -> Request:
    return Request(stage, clip, Settings().model_dump(), None, time_s, memory_mb)  # type: ignore[arg-type]


def is_gone(pid: int, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # dead; its parent has not looked yet
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_one_process_does_many_clips(keeper: Keeper) -> None:
    answers = [keeper.ask(request("fine")) for _ in range(3)]
    assert len({answer.sha256 for answer in answers}) == 1
    assert answers[0].failure == "" and answers[0].cpu_s == 0.5 and answers[0].peak_mb > 1.0


@pytest.mark.parametrize(
    ("clip", "reason"), [("crash", "ended by signal SIGSEGV"), ("leave", "ended with exit status 7")]
)
def test_a_process_that_ends_says_how_and_the_next_clip_has_a_new_one(keeper: Keeper, clip: str, reason: str) -> None:
    first = keeper.ask(request("fine"))
    answer = keeper.ask(request(clip))
    assert answer.failure == "crash" and reason in answer.reason
    assert keeper.ask(request("fine")).sha256 not in ("", first.sha256)


def test_over_time(keeper: Keeper) -> None:
    pid = int(keeper.ask(request("fine")).sha256)
    answer = keeper.ask(request("hang", time_s=0.3))
    assert (answer.failure, answer.reason) == ("time", "over the time limit of 0.3 s") and answer.seconds >= 0.3
    assert is_gone(pid)


def test_over_memory(keeper: Keeper) -> None:
    answer = keeper.ask(request("eat", memory_mb=150.0))
    assert (answer.failure, answer.reason) == ("memory", "over the memory limit of 150 MB") and answer.peak_mb > 150.0


def test_the_children_of_the_process_go_with_it(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMILY", str(tmp_path / "pid"))
    keeper.ask(request("family", time_s=1.5))
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_what_nobody_waits_for_is_stopped(keeper: Keeper) -> None:
    pid = int(keeper.ask(request("fine")).sha256)
    answer = keeper.ask(request("hang"), wanted=lambda: False)
    assert answer.failure == "crash" and "nobody waits" in answer.reason and is_gone(pid)


def test_a_mistake_of_the_program_ends_its_process(keeper: Keeper) -> None:
    first = keeper.ask(request("fine"))
    assert keeper.ask(request("bug")).failure == "bug"
    assert keeper.ask(request("fine")).sha256 != first.sha256


def test_a_process_that_does_not_start_says_why(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEVER_READY", "1")
    answer = keeper.ask(request("fine"))
    assert answer.failure == "crash" and "ImportError: no such library" in answer.reason
    assert "no such file" in Keeper(["/nowhere/python"]).ask(request("fine")).reason.lower()


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
from detector.batch.keeper import Keeper
from tests.test_batch_keeper import request
keeper = Keeper()
print(keeper.ask(request(sys.argv[2], stage="look")).failure, keeper._process.pid, flush=True)
keeper.ask(request(sys.argv[3], stage="look"))
"""


def test_the_real_process_goes_when_its_worker_dies(tmp_path: Path) -> None:
    endless = tmp_path / "endless.mp4"
    with endless.open("wb") as file:  # none of it on the disk, hours to read
        file.write(b"\xff" * 64)
        file.truncate(4 << 40)
    words = [sys.executable, "-c", WORKER, str(ROOT), str(tmp_path / "missing.mp4"), str(endless)]
    worker = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    failure, pid = worker.stdout.readline().split()
    assert failure == "source"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    assert is_gone(int(pid))


def test_the_real_process_looks_as_the_analysis_would_name_it(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\xff" * 1000)
    one = Keeper()
    try:
        answer = one.ask(request(str(clip), stage="look"))
        missing = one.ask(request(str(tmp_path / "no.mp4"), stage="look"))
        assert one._process is not None
        environment = Path(f"/proc/{one._process.pid}/environ").read_bytes().split(b"\0")
    finally:
        one.stop()
    from tests.fake_engine import session_of

    assert (answer.failure, answer.session_id) == ("", session_of(clip).session_id) and json.dumps(answer.versions)
    assert (missing.failure, missing.seen) == ("source", False) and "There is no file" in missing.reason
    assert {f"{name}=1".encode() for name in ONE_THREAD} <= set(environment)
