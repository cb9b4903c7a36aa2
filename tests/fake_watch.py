"""Stand-ins for the parts of a watch: a line that says what the test wrote, a listener, a window with keys pressed."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detector.config import Settings
from detector.live import Watch, Watching
from detector.live_line import Ended, Picture, Totals
from detector.live_log import LiveLog
from detector.live_output import Tellers
from detector.live_state import LiveState
from detector.live_window import Action
from detector.record.log import EpisodeLog
from detector.types import Session
from tests.fake_live import MemorySource

# noon on this computer's clock when that is UTC, so that midnight is twelve hours off
NOON = "2026-03-01T12:00:00"
CTRL_C = object()


class FakeLine:
    """Says what the test has written down; what it is asked, it answers in its next words.

    Each step of the script is the time, and messages.
    """

    late_s = 0.6  # what is decided lies this long before now

    def __init__(self, *script: tuple[Any, ...]) -> None:
        self._script = deque(script)
        self._totals: list[bool] = []
        self.picture: Picture | None = None
        self.paused = False
        self.now_s = 0.0
        self.calls: list[str] = []
        self.asked: list[tuple[float, bool]] = []
        self.end = Ended(None)
        self._over = False

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        if "stop" not in self.calls:
            self._script.clear()  # no more pictures
        self.calls.append("stop")

    def wait(self, timeout_s: float) -> None:
        self.calls.append("wait")

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def start_anew(self) -> None:
        self.calls.append("start_anew")

    def ask_totals(self, *, count_anew: bool = False) -> None:
        self.asked.append((self.now_s, count_anew))
        self._totals.append(count_anew)

    def take(self, timeout_s: float) -> list[Any]:
        time.sleep(timeout_s)  # one step a turn
        taken: list[Any] = []
        while self._totals:
            taken.append(totals(self.now_s - self.late_s, anew=self._totals.pop(0)))
        if self._script:
            self.now_s, *messages = self._script.popleft()
            if messages == [CTRL_C]:
                signal.raise_signal(signal.SIGINT)
                messages = []
            taken += messages
        elif not self._over:
            self._over = True
            taken += [totals(float("inf")), self.end]
        return taken


def totals(at_s: float, *, anew: bool = False, observed_s: float = 50.0) -> Totals:
    return Totals(at_s, anew, {"observed_s": observed_s, "notes": []}, 58.0)


class Heard:
    """A teller that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *what, **more: None if name == "status" else self.told.append((name, *what, *more.values()))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [what for what in self.told if what[0] == name]


class FakeWindow:
    """Presses the keys of the test, one list per look."""

    def __init__(self, *keys: list[Action]) -> None:
        self.keys = deque(keys)
        self.states: list[LiveState] = []
        self.picture: np.ndarray | None = np.zeros((8, 8, 3), np.uint8)

    def show(self, state: LiveState) -> list[Action]:
        self.states.append(state)
        return self.keys.popleft() if self.keys else []


@dataclasses.dataclass
class Setup:
    watch: Watch
    line: FakeLine
    log: EpisodeLog
    heard: Heard
    source: MemorySource
    window: FakeWindow | None
    episodes: list[tuple[str, float, float]]

    def run(self) -> bool:
        return self.watch.run()

    def statuses(self) -> list[str]:
        return [run.session.status for run in self.log.runs()]


Make = Callable[..., Setup]


def maker(log: EpisodeLog, snapshots: Path) -> Make:
    """Makes watches that write to ``log``."""

    def make(
        *script: tuple[Any, ...],
        window: FakeWindow | None = None,
        is_clip: bool = False,
        keep_rejected: bool = False,
        **parts: Any,
    ) -> Setup:
        source = MemorySource(is_clip=is_clip, start_utc=NOON + "+00:00")
        session = Session(session_id="", source="camera 0", sha256="", start_utc=source.start_utc)
        line, heard, ends = FakeLine(*script), Heard(), []  # type: ignore[var-annotated]
        watching = Watching(
            line,  # type: ignore[arg-type]
            source,
            LiveLog(log, session, keep_rejected=keep_rejected),
            Tellers((heard,)),  # type: ignore[arg-type]
            Settings(),
            window=window,  # type: ignore[arg-type]
            on_episode=lambda row, start_s, end_s: ends.append((row.episode_id, start_s, end_s)),
            snapshots=snapshots,
            **parts,
        )
        return Setup(Watch(watching), line, log, heard, source, window, ends)

    return make
