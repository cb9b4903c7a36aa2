"""An engine for batches that analyzes nothing: what comes of each clip is said beforehand."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from detector.batch.messages import Answer, Request
from detector.config import Settings
from detector.record.log import EpisodeLog
from detector.session import identity, versions
from detector.types import Session
from tests.histories import episode

Script = Callable[[Request, int], Answer | None]  # by the request and how often it came; None: it goes well


class FakeEngine:
    """Answers in turns, the newest request first, so that rows come out of order."""

    def __init__(self, folder: Path, script: Script = lambda request, times: None, slots: int = 2) -> None:
        self._log = EpisodeLog(folder / "worker.sqlite")
        self._script, self._slots = script, slots
        self._waiting: deque[tuple[int, Request]] = deque()
        self.asked: list[tuple[str, str]] = []  # stage and name of the clip, as they came
        self.most = 0
        self.closed = False

    def submit(self, key: int, request: Request) -> None:
        self._waiting.append((key, request))
        self.asked.append((request.stage, Path(request.clip).name))
        self.most = max(self.most, len(self._waiting))

    def finished(self, timeout_s: float) -> list[tuple[int, Answer]]:
        if not self._waiting:
            return []
        key, request = self._waiting.pop()
        return [(key, self._answer(request))]

    def slots(self) -> int:
        return self._slots

    def close(self) -> None:
        self.closed = True
        self._log.close()

    def session(self, request: Request) -> Session:
        """What the analysis asked for begins with."""
        return session_of(Path(request.clip))

    def _answer(self, request: Request) -> Answer:
        told = self._script(request, self.asked.count((request.stage, Path(request.clip).name)))
        if told is not None:
            return replace(told, worker="fake")
        it = self.session(request)
        parcel = b""
        if request.stage == "analyze":
            run = self._log.begin(it)
            self._log.add_episode(run, episode(1, 0.5))
            self._log.finish(run, replace(it, status="complete"))
            parcel = self._log.pack(run)
        return Answer("", "", True, it.sha256, it.session_id, it.versions, parcel, 2.0, 1.5, 300.0, "fake")


def session_of(clip: Path) -> Session:
    """What the analysis of ``clip`` would begin with."""
    digest = hashlib.sha256(clip.read_bytes()).hexdigest()
    whole = Settings().model_dump() | {"start_s": None, "end_s": None}
    it = Session("", str(clip), digest, "", settings=whole, versions=versions(), duration_s=2.0, observed_s=1.5)
    it.session_id = identity(it)
    return it
