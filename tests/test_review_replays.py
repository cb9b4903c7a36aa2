"""Replays that the review page draws: nothing of them is left when the page ends, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from detector.errors import OutputError
from detector.record.entries import LoggedEpisode
from detector.record.log import EpisodeLog
from detector.study.review.clips import Clip
from detector.study.review.rendering import _start_deaf, stop_drawing
from detector.study.review.replays import Replays
from tests.review_logs import CLIP, ROOT, write_log

KILLED_PAGE = """
import multiprocessing, os, signal
from detector.study.review.rendering import _end_with_the_page
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=_end_with_the_page, daemon=True).start()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_closing_throws_a_half_made_replay_away(tmp_path: Path) -> None:
    run = write_log(tmp_path / "log.sqlite")
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        first, second = (log.episode(run, number) for number in (1, 2))
    assert first is not None and second is not None
    began, stopped = threading.Event(), threading.Event()
    drawn: list[str] = []

    def render(source: Path, output: Path, episode: LoggedEpisode, offset_s: float) -> None:
        drawn.append(episode.episode_id)
        output.write_bytes(b"half")
        began.set()
        assert stopped.wait(10)
        raise OutputError("it was ended")

    replays = Replays(tmp_path / "cache", render, stopped.set)
    replays.ask(first, Clip(CLIP, "source"))
    assert began.wait(10)
    replays.ask(second, Clip(CLIP, "source"))  # waits for its turn
    replays.close()
    assert list((tmp_path / "cache").iterdir()) == []
    replays.ask(first, Clip(CLIP, "source"))
    assert replays.state(first)[0] != "working"
    assert drawn == [first.episode_id]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signals to be deaf to")
def test_what_draws_is_ended_by_the_page_and_not_by_ctrl_c() -> None:
    worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,), daemon=True)
    _start_deaf(worker)
    assert worker.pid is not None
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(worker.pid, number)
    worker.join(0.5)
    assert worker.is_alive()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGHUP}  # we ourselves listen
    stop_drawing()
    worker.join(10)
    assert worker.exitcode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed like this there")
def test_what_draws_ends_with_a_page_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(KILLED_PAGE, encoding="utf-8")
    page = subprocess.run(
        [sys.executable, tmp_path / "page.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    # not before the last one that holds its stdout has gone
    assert page.returncode == -signal.SIGKILL
