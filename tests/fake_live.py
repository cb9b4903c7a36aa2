"""Live sources in memory and a measurer that needs no face: the rest of the line is the real one, and fast."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import pipeline
from detector.ahead import ahead
from detector.config import Settings
from detector.live_line import Ended, LiveLine, Message
from detector.live_source import LiveSource
from detector.measuring import FRAMES_AHEAD
from detector.motion import REGION_COUNT
from detector.readings import Measured, Reading
from detector.regions import SITES
from detector.types import Face, Frame, RegionMotion, WhyNot
from tests.test_twitches import Jerk, Skin, sample_at

FPS = 30.0
SCALE = 2.5  # px/mm
PICTURE = np.zeros((4, 4, 3), np.uint8)


def frames(start_s: float, seconds: float, fps: float = FPS) -> list[Frame]:
    first = round(start_s * fps)
    return [Frame(k, k / fps, True, PICTURE) for k in range(first, first + round(seconds * fps))]


class MemorySource(LiveSource):
    """Stretches of frames that are there already.

    Attributes
    ----------
    at : dict[int, callable]
        Called before the frame of that number is handed out, in the thread that reads: what a test does "meanwhile".
    """

    def __init__(self, *stretches: Sequence[Frame], is_clip: bool = False, start_utc: str = "") -> None:
        super().__init__("memory", is_clip=is_clip, start_utc=start_utc)
        self._stretches = stretches
        self.at: dict[int, Callable[[], object]] = {}
        self.width, self.height, self.fps, self.lost = 4, 3, FPS, 0
        self.closed = False

    @property
    def frames_lost(self) -> int:
        return self.lost

    def stretches(self) -> Iterator[Iterator[Frame]]:
        for stretch in self._stretches:
            if self._stopped:
                return
            yield self._counted(self._one(stretch))

    def _one(self, stretch: Sequence[Frame]) -> Iterator[Frame]:
        for frame in stretch:
            if self._stopped:
                return
            self.at.get(frame.index, lambda: None)()
            yield frame

    def close(self) -> None:
        self.closed = True


class SkinMeasurer:
    """In the place of the measurer: what ``skin`` does at the time of each frame."""

    skin = Skin()
    made: list[SkinMeasurer]
    fault_s = np.inf  # measuring fails there

    def __init__(self, settings: Settings, model: Path, *, runs_again: bool = False) -> None:
        self._last: Reading | None = None
        self.runs = self.anew = self.closed = 0
        type(self).made.append(self)

    def start_anew(self) -> None:
        self.anew += 1

    def close(self) -> None:
        self.closed += 1

    def run(self, frames: Iterable[Frame]) -> Iterator[Reading]:
        self.runs += 1
        with closing(ahead(frames, FRAMES_AHEAD)) as following:
            for frame in following:
                if frame.t_s >= self.fault_s:
                    raise RuntimeError("measuring failed")
                sample = sample_at(frame.t_s, self.skin.height_mm(frame.t_s))
                before, self._last = self._last, Reading(frame.t_s, False, 1, SCALE, sample)
                if before is not None:
                    yield before
        yield from self.drain()

    def drain(self) -> Iterator[Reading]:
        if self._last is not None:
            last, self._last = self._last, None
            yield replace(last, ends_stretch=True)


@pytest.fixture
def skin(monkeypatch: pytest.MonkeyPatch) -> type[SkinMeasurer]:
    monkeypatch.setattr(pipeline, "Measurer", SkinMeasurer)
    monkeypatch.setattr(SkinMeasurer, "skin", Skin())
    monkeypatch.setattr(SkinMeasurer, "made", [], raising=False)
    monkeypatch.setattr(SkinMeasurer, "fault_s", np.inf)
    return SkinMeasurer


def twitching(*jerks: Jerk) -> Skin:
    return Skin(jerks)


def line_over(source: LiveSource, **options: Any) -> LiveLine:
    return LiveLine(source, Settings(), Path("unused"), queue.SimpleQueue(), **options)


def everything(line: LiveLine, most_s: float = 20.0) -> list[Message]:
    """All messages to the last, which must be the only one of its kind."""
    out: list[Message] = []
    while not (out and isinstance(out[-1], Ended)):
        taken = line.take(most_s)
        assert taken, "the line does not end"
        out += taken
    assert sum(isinstance(message, Ended) for message in out) == 1
    return out


def all_of(source: LiveSource, **options: Any) -> list[Message]:
    line = line_over(source, **options)
    line.start()
    return everything(line)


def of(kind: type, messages: Iterable[object]) -> list[Any]:
    return [message for message in messages if isinstance(message, kind)]


def measured_at(
    t_s: float,
    *,
    why: WhyNot = WhyNot.NONE,
    faces: int = 1,
    repeated: bool = False,
    scores: dict[str, float] | None = None,
    face: Face | None = None,
    head_mm_s: float = 1.0,
) -> Measured:
    """One frame as it was judged; ``scores`` by region name, all others 0."""
    if faces == 0 or repeated:
        return Measured(Reading(t_s, repeated, faces, SCALE if faces else np.nan, None, face=face), None, None)
    score = np.array([(scores or {}).get(site.name, 0.0) for site in SITES], np.float32)
    level = np.full(REGION_COUNT, 0.3, np.float32)
    sample = sample_at(t_s, Skin().height_mm(t_s), head_speed_mm_s=head_mm_s)
    motion = RegionMotion(
        t_s=t_s,
        motion_mm=sample.height_mm[: len(SITES)],
        sigma_mm=level,
        floor_mm=level,
        head_speed_mm_s=head_mm_s,
        observed=np.full(len(SITES), not why),
        why_not=why,
    )
    return Measured(Reading(t_s, False, faces, SCALE, sample, face=face), motion, score)
