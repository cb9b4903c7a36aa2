"""A stand-in for ``detector.session`` that needs no face: a twitch on the left every second, an episode every other.

The tests of the command line are about exit codes, streams and files; what the real line finds is tested elsewhere.
With ``FAKE_FRAME_S`` in the environment every frame takes that long, so that a test can stop the program halfway.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.config import Settings
from detector.frames import ClipSource, recorded_at, sha256_of
from detector.record.log import EpisodeLog
from detector.session import rescore_signals
from detector.types import BothSides, Episode, RestingFace, Session, Twitch

__all__ = ["analyze_clip", "rescore_signals"]

RESTING = RestingFace(quiet_s=3.0, watched_s=3.5, mouth_height_mm=BothSides(66.0, 66.6, 0.6, 0.991, 0.4, 0.5))


@dataclass(frozen=True)
class Measured:
    t_s: float
    face: None = None
    motion: None = None
    centers_px: None = None
    score: None = None


@dataclass(frozen=True)
class Result:
    session: Session
    episodes: list[Episode]
    twitches: list[Twitch]
    threshold: float = 10.0


def twitch(t_s: float, kept: bool = True) -> Twitch:
    reason = "" if kept else "other areas moved too"
    return Twitch(
        "nasalis_alar_left", "left", t_s, t_s + 0.05, t_s + 0.15, 1.2, 2.4, 20.0, 350.0, 18.0, 14.0, kept, reason
    )


def analyze_clip(
    path: Path,
    settings: Settings,
    *,
    model: Path | None = None,
    log: EpisodeLog | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    replace: bool = False,
    signals: Path | None = None,
    recorded: str = "",
    on_progress: Callable[[float, float | None], None] | None = None,
    on_event: Callable[[Any], None] | None = None,
) -> Result:
    assert log is not None
    if "bug" in path.name:
        raise ZeroDivisionError("made for the test")
    if "huge" in path.name:
        raise MemoryError
    twitches: list[Twitch] = []
    episodes: list[Episode] = []
    with ClipSource(path, start_s=start_s, end_s=end_s) as source:
        digest = sha256_of(path)
        session = Session(digest[:10], str(path), digest, recorded or recorded_at(path), fps=source.nominal_fps)
        session.width, session.height, session.settings = source.width, source.height, settings.model_dump()
        run = log.begin(session, replace=replace)
        session.status = "failed"
        try:
            for frame in source:
                session.duration_s = session.face_s = frame.t_s + 1.0 / (source.nominal_fps or 30.0)
                session.observed_s, session.frames = session.duration_s - 0.5, frame.index + 1
                session.limit50_mm, session.limit90_mm = {"procerus": 0.5}, {"procerus": 0.8, "zygomaticus_left": 2.5}
                session.floor_mm, session.not_observed_s = {"procerus": 0.4, "zygomaticus_left": 0.9}, {"settling": 0.5}
                session.resting = RESTING
                if on_event is not None:
                    on_event(Measured(frame.t_s))
                if on_progress is not None:
                    on_progress(frame.t_s, source.duration_s)
                if frame.t_s >= len(twitches) + 0.5:
                    kept = len(twitches) % 2 == 0
                    twitches.append(twitch(frame.t_s, kept))
                    if kept:
                        episodes.append(_episode(len(episodes) + 1, twitches[-1]))
                        log.add_episode(run, episodes[-1])
                        print("FOUND", file=sys.stderr, flush=True)
                    else:
                        log.add_twitch(run, twitches[-1])
                time.sleep(float(os.environ.get("FAKE_FRAME_S", "0")))
            session.status = "complete"
        except KeyboardInterrupt:
            session.status = "interrupted"
            raise
        finally:
            session.notes = list(source.notes)
            log.finish(run, session)
    return Result(session, episodes, twitches)


def _episode(number: int, one: Twitch) -> Episode:
    return Episode(
        number, one.onset_s, one.offset_s, "fasciculation_like", "left", 1.0, one.region, (one.region,), 1,
        one.amplitude_mm, one.amplitude_mm, one.amplitude_px, one.snr, 0.9, evidence="made up", twitches=(one,),
    )  # fmt: skip
