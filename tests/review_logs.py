"""Logs, signals files and clips for the review page, and the page itself without a socket or as a program."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import httpx
import numpy as np
import pytest

pytest.importorskip("fastapi")

from detector.container import sha256_of
from detector.record.log import EpisodeLog
from detector.regions import SITE_NAMES
from detector.study.review.app import Desk, make_app
from detector.study.review.guard import Guard, Keys
from detector.types import Session
from tests.histories import episode, twitch

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "samples" / "twitches.mp4"
PORT = 8123  # of the page without a socket
HOST = f"127.0.0.1:{PORT}"


def sample_session(**changes: object) -> Session:
    """Of the clip in ``samples``."""
    base = Session(
        session_id="5a3b1e0001aa", source=str(CLIP), sha256=sha256_of(CLIP), start_utc="2026-03-02T10:00:00+00:00",
        duration_s=36.0, observed_s=35.0, face_s=36.0, fps=30.0, width=640, height=480, frames=1080,
        observed_by_minute_s=(35.0,), limit90_mm={"procerus": 0.8}, settings={"sensitivity": "normal"},
        status="complete",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def write_log(path: Path) -> int:
    """A log with one session of four episodes and what else a timeline shows; returns its run."""
    with EpisodeLog(path) as log:
        run = log.begin(sample_session())
        log.add_episode(run, episode(1, 3.4, "left", count=1))
        log.add_episode(run, episode(2, 6.6, "right", count=4, kind="tic_like", confidence=0.3))
        log.add_episode(run, episode(3, 14.2, "both", count=2, kind="undetermined", confidence=0.6))
        log.add_episode(run, episode(-1, 20.0, "left", count=1, kind="blink", twitches=()))
        log.add_episode(run, episode(4, 26.4, "midline", count=3))
        log.add_twitch(run, twitch(30.0, "left", score=6.9, kept=False, reason="below threshold"))
        log.add_gap(run, 32.0, 33.0, "camera unplugged")
        log.add_marker(run, 27.5, "felt it")
        log.finish(run, sample_session())
    return run


def write_signals(path: Path, session: Session, score: np.ndarray, fps: float = 30.0) -> Path:
    """A signals file as far as the page reads it; ``score`` is (frames, regions) in the order of ``SITE_NAMES``."""
    with h5py.File(path, "w") as file:
        file.attrs["nasalis_signals"] = 3
        file.attrs["session_id"], file.attrs["sha256"] = session.session_id, session.sha256
        file.create_dataset("region_names", data=list(SITE_NAMES), dtype=h5py.string_dtype())
        file["reading/t_s"] = np.arange(len(score)) / fps
        for name, values in (
            ("score", score.astype(np.float32)),
            ("floor_mm", np.full(score.shape, 0.4, np.float32)),
            ("observed", np.isfinite(score)),
        ):
            file.create_dataset(
                f"judged/{name}", data=values, maxshape=(None, None), chunks=(256, score.shape[1]), compression="gzip"
            )
    return path


@dataclasses.dataclass(frozen=True)
class Page:
    """The page without a socket, asked as a browser asks that was let in."""

    transport: httpx.ASGITransport
    keys: Keys
    desk: Desk

    async def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        """One request; a header given as None is left out."""
        headers: dict[str, str | None] = {"host": HOST, "cookie": f"nasalis_review_{PORT}={self.keys.cookie}"}
        if method not in ("GET", "HEAD"):
            headers |= {"origin": f"http://{HOST}", "x-nasalis-word": self.keys.word}
        headers |= dict(more.pop("headers", {}))  # type: ignore[call-overload]
        kept = {name: value for name, value in headers.items() if value is not None}
        # a new one each time: it would keep the cookies it is given
        async with httpx.AsyncClient(transport=self.transport) as client:
            return await client.request(method, f"http://{HOST}{path}", headers=kept, **more)  # type: ignore[arg-type]


def page_of(log: Path, **parts: object) -> Page:
    """The page of a log."""
    keys = Keys()
    desk = Desk(log=log, word=keys.word, reviewer="me", **parts)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(Guard(make_app(desk), keys, PORT), raise_app_exceptions=False)  # type: ignore[arg-type]
    return Page(transport, keys, desk)


@contextlib.contextmanager
def serving(log: Path, *words: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``nasalis review`` as a program of its own, and the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "cli.py", "review", "--no-browser", "--log", str(log), *map(str, words)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # under a job runner Ctrl-C may be ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()
