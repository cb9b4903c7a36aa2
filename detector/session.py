"""One source through the line and into the log: a clip, or the signals kept of one.

What ``nasalis analyze`` does for each clip, and ``nasalis rescore`` for a signals file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from detector import __version__
from detector.config import Sensitivity, Settings
from detector.errors import SourceError
from detector.types import Episode, Revision, Session, Twitch

if TYPE_CHECKING:
    from detector.guarded import GuardedClip
    from detector.readings import Event
    from detector.record.log import EpisodeLog
    from detector.record.signals import SignalFile, SignalWriter

MEASURING = ("mediapipe", "opencv-python")  # have no part in deciding
DECIDING = ("numpy", "numba", "scipy")  # have a part in both


@dataclass(slots=True)
class Result:
    """What one source gave."""

    session: Session
    threshold: float
    episodes: list[Episode] = field(default_factory=list)
    twitches: list[Twitch] = field(default_factory=list)  # kept and rejected


class _Line(Protocol):
    """The whole line, or its second half."""

    @property
    def threshold(self) -> float: ...
    def drain(self) -> Iterator[Event]: ...
    def seconds(self) -> float: ...
    def session_fields(self) -> dict[str, Any]: ...


def versions() -> dict[str, str]:
    """Versions of everything that decides what is found."""
    return _versions(MEASURING + DECIDING)


def _versions(names: Iterable[str]) -> dict[str, str]:
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
    signals: Path | None = None,
    recorded: str = "",
    on_progress: Callable[[float, float | None], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
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
    signals : Path, optional
        What was measured of every frame is written there, for :func:`rescore_signals`; also when the run is stopped.
    recorded : str
        When the recording began, ISO 8601; empty: as the file says, which may be not at all.
    on_progress : callable, optional
        Called with the seconds done and the duration (None when unknown).
    on_event : callable, optional
        Called with everything the pipeline gives.

    Raises
    ------
    SourceError, UsageError, ModelError, LogError, OutputError
        What was found until then is in the log, the session marked interrupted or failed.
    """
    from detector.container import recorded_at, sha256_of
    from detector.guarded import GuardedClip, UntilFault
    from detector.pipeline import Pipeline
    from models import resolve

    pipeline = Pipeline(settings, resolve(model))
    with GuardedClip(path, start_s=start_s, end_s=end_s) as source:
        session = Session(
            session_id="",
            source=str(path),
            sha256=sha256_of(path),
            start_utc=recorded or recorded_at(path),
            width=source.width,
            height=source.height,
            config_digest=settings.digest(),
            settings=settings.model_dump() | {"start_s": start_s, "end_s": end_s},
            versions=versions(),
        )
        session.session_id = identity(session)
        tell = on_progress or _nothing

        def at_the_end() -> None:
            source.close()
            session.notes = list(source.notes)
            session.frames = source.frames_read
            session.frames_repeated = source.frames_repeated
            session.frames_lost = source.frames_lost

        frames = UntilFault(source)
        with _writer(signals, session) as writer:
            return _follow(
                session,
                pipeline,
                frames.then_raise(pipeline.run(frames)),
                log,
                replace=replace,
                at_the_end=at_the_end,
                writer=writer,
                on_time=lambda t_s: tell(t_s - (start_s or 0.0), _span(source, start_s, end_s)),
                on_event=on_event,
            )


def rescore_signals(
    signals: SignalFile,
    sensitivity: Sensitivity | None = None,
    *,
    threshold: float | None = None,
    log: EpisodeLog | None = None,
    replace: bool = False,
    on_progress: Callable[[float, float | None], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Find twitches and episodes in the signals of an earlier analysis: no picture is read.

    With the sensitivity and the versions of that analysis the session has the same id and the same findings.

    Parameters
    ----------
    signals : SignalFile
    sensitivity : Sensitivity, optional
        Default that of the analysis; all other settings are those of the analysis.
    threshold : float, optional
        Score that a twitch must reach, instead of that of the sensitivity.
    log, replace, on_progress, on_event
        As in :func:`analyze_clip`.

    Raises
    ------
    SourceError
        The signals are damaged, or were measured with settings that this program does not know.
    LogError
    """
    from detector.deciding import Decider

    measured = signals.session
    settings = settings_of(signals, sensitivity, threshold)
    part = {name: measured.settings.get(name) for name in ("start_s", "end_s")}
    session = dataclasses.replace(
        measured,
        status="running",
        config_digest=settings.digest(),
        settings=settings.model_dump() | part,
        versions=_rescored_versions(measured.versions),
        notes=list(measured.notes),
    )
    session.session_id = identity(session)
    decider = Decider(settings)
    tell = on_progress or _nothing
    first_s, last_s = signals.span_s
    return _follow(
        session,
        decider,
        decider.run(signals.readings()),
        log,
        replace=replace,
        status=measured.status,
        on_time=lambda t_s: tell(t_s - first_s, last_s - first_s),
        on_event=on_event,
    )


def _follow(
    session: Session,
    line: _Line,
    events: Iterator[Event],
    log: EpisodeLog | None,
    *,
    replace: bool,
    status: str = "complete",
    at_the_end: Callable[[], None] | None = None,
    writer: SignalWriter | None = None,
    on_time: Callable[[float], None],
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Keep what the line gives, whatever ends it; ``status`` is what a run to the end leads to."""
    result = Result(session, line.threshold)
    run = log.begin(session, replace=replace) if log is not None else None

    def keep(event: Event) -> None:
        if isinstance(event, Twitch):
            result.twitches.append(event)
            if log is not None and run is not None and not event.kept:
                log.add_twitch(run, event)
        elif isinstance(event, Episode):
            result.episodes.append(event)
            if log is not None and run is not None:
                log.add_episode(run, event)
        elif isinstance(event, Revision):
            now = event.episode
            result.episodes[:] = [now if known.number == now.number else known for known in result.episodes]
            if log is not None and run is not None:
                log.revise_episode(run, now)
        elif writer is not None:
            writer.add(event)

    try:
        for event in events:
            keep(event)
            if not isinstance(event, Twitch | Episode | Revision):
                on_time(event.t_s)
            if on_event is not None:
                on_event(event)
        session.status = status
    except BaseException as error:
        session.status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        # the frames of the last seconds are measured but not decided: nothing of them is lost, unless the fault
        # left the line in a state that cannot be drained, and then the first fault is the one to tell
        with suppress(Exception):
            for event in line.drain():
                keep(event)
        raise
    finally:
        if at_the_end is not None:
            at_the_end()
        if writer is not None:
            writer.describe(session)
        known = line.session_fields()
        session.notes = [*session.notes, *known.pop("notes")]
        for name, value in known.items():
            setattr(session, name, value)
        session.duration_s = line.seconds()
        if log is not None and run is not None:
            log.finish(run, session)
    return result


def identity(session: Session) -> str:
    """12 hex digits of everything that decides the outcome, so that the same analysis has the same id.

    What has no hash (a camera) is told apart by its name and when it began.
    """
    what = session.sha256 or [session.source, session.start_utc]
    text = json.dumps([what, session.settings, session.versions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _span(source: GuardedClip, start_s: float | None, end_s: float | None) -> float | None:
    if source.duration_s is None and end_s is None:
        return None
    end = min(value for value in (source.duration_s, end_s) if value is not None)
    return max(end - (start_s or 0.0), 0.0)


def _nothing(done: float, total: float | None) -> None:
    """Nobody wants to know how far it is."""


def _writer(path: Path | None, session: Session) -> AbstractContextManager[SignalWriter | None]:
    if path is None:
        return nullcontext()
    from detector.record.signals import SignalWriter

    return SignalWriter(path, session)


def settings_of(
    signals: SignalFile, sensitivity: Sensitivity | None = None, threshold: float | None = None
) -> Settings:
    """Those of the analysis, but for the sensitivity or the threshold; a sensitivity unsets a threshold."""
    known = {name: value for name, value in signals.session.settings.items() if name not in ("start_s", "end_s")}
    if sensitivity is not None:
        known |= {"sensitivity": sensitivity, "threshold": None}
    if threshold is not None:
        known["threshold"] = threshold
    try:
        return Settings.model_validate(known)
    except ValueError as error:
        raise SourceError(
            f"{signals.path} was measured with settings that this nasalis does not know: "
            "update nasalis, or analyze the clip again"
        ) from error


def _rescored_versions(measured: dict[str, str]) -> dict[str, str]:
    """Those that measured, and those that decide where they are others by now."""
    now = _versions(DECIDING)
    before = {f"{name} (measuring)": known for name, known in measured.items() if now.get(name, known) != known}
    return measured | now | before
