"""One clip through the pipeline and into the log: what ``nasalis analyze`` does for each file."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detector import __version__
from detector.config import Settings
from detector.types import Episode, Session, Twitch

if TYPE_CHECKING:
    from detector.frames import ClipSource
    from detector.pipeline import Measured, Pipeline
    from detector.record.log import EpisodeLog


@dataclass(slots=True)
class Result:
    """What one clip gave."""

    session: Session
    threshold: float
    episodes: list[Episode] = field(default_factory=list)
    twitches: list[Twitch] = field(default_factory=list)  # kept and rejected


def versions() -> dict[str, str]:
    """Versions of everything that decides what is found."""
    names = ("mediapipe", "opencv-python", "numpy", "numba", "scipy")
    return {"nasalis": __version__} | {name: importlib.metadata.version(name) for name in names}


def analyze_clip(
    path: Path,
    settings: Settings,
    *,
    model: Path | None = None,
    log: EpisodeLog | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    replace: bool = False,
    on_progress: Callable[[float, float | None], None] | None = None,
    on_event: Callable[[Measured | Twitch | Episode], None] | None = None,
) -> Result:
    """Find the twitches and episodes of a clip.

    Parameters
    ----------
    path : Path
        The clip.
    settings : Settings
    model : Path, optional
        Face model; default the installed one.
    log : EpisodeLog, optional
        Everything is written there as it is settled.
    start_s, end_s : float, optional
        Part of the clip, s.
    replace : bool
        Earlier sessions over the same file count as superseded.
    on_progress : callable, optional
        Called with the seconds done and the duration (None when unknown).
    on_event : callable, optional
        Called with everything the pipeline gives.

    Raises
    ------
    SourceError, UsageError, ModelError, LogError
        What was found until then is in the log, the session marked interrupted or failed.
    """
    from detector.frames import ClipSource, recorded_at, sha256_of
    from detector.pipeline import Measured, Pipeline
    from models import resolve

    pipeline = Pipeline(settings, resolve(model))
    with ClipSource(path, start_s=start_s, end_s=end_s) as source:
        session = Session(
            session_id="",
            source=str(path),
            sha256=sha256_of(path),
            start_utc=recorded_at(path),
            width=source.width,
            height=source.height,
            config_digest=settings.digest(),
            settings=settings.model_dump() | {"start_s": start_s, "end_s": end_s},
            versions=versions(),
        )
        session.session_id = _identity(session)
        result = Result(session, pipeline.threshold)
        run = log.begin(session, replace=replace) if log is not None else None

        def keep(event: Measured | Twitch | Episode) -> None:
            if isinstance(event, Twitch):
                result.twitches.append(event)
                if log is not None and run is not None and not event.kept:
                    log.add_twitch(run, event)
            elif isinstance(event, Episode):
                result.episodes.append(event)
                if log is not None and run is not None:
                    log.add_episode(run, event)

        try:
            for event in pipeline.run(source):
                keep(event)
                if isinstance(event, Measured) and on_progress is not None:
                    on_progress(event.t_s - (start_s or 0.0), _span(source, start_s, end_s))
                if on_event is not None:
                    on_event(event)
            session.status = "complete"
        except BaseException as error:
            session.status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            # the frames of the last seconds are measured but not decided: nothing of them is lost, unless the fault
            # left the line in a state that cannot be drained, and then the first fault is the one to tell
            with suppress(Exception):
                for event in pipeline.drain():
                    keep(event)
            raise
        finally:
            source.close()
            _fill(session, source, pipeline)
            if log is not None and run is not None:
                log.finish(run, session)
    return result


def _identity(session: Session) -> str:
    """12 hex digits of everything that decides the outcome, so that the same analysis has the same id."""
    text = json.dumps([session.sha256, session.settings, session.versions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _span(source: ClipSource, start_s: float | None, end_s: float | None) -> float | None:
    if source.duration_s is None and end_s is None:
        return None
    end = min(value for value in (source.duration_s, end_s) if value is not None)
    return max(end - (start_s or 0.0), 0.0)


def _fill(session: Session, source: ClipSource, pipeline: Pipeline) -> None:
    known = pipeline.session_fields()
    session.notes = [*source.notes, *known.pop("notes")]
    for name, value in known.items():
        setattr(session, name, value)
    session.frames = source.frames_read
    session.frames_repeated = source.frames_repeated
    session.frames_lost = source.frames_lost
    session.duration_s = pipeline.seconds()
