"""Everything that ``nasalis live`` was asked for, put together, run, and tidied up whatever ends it."""

from __future__ import annotations

import math
import queue
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from detector.analyzing import INTERRUPTED, STDOUT, Job, check_outputs
from detector.config import Sensitivity, Settings
from detector.errors import UsageError
from detector.memory import keep_flat
from detector.stopping import interruptible
from detector.terminal import Out, Talk
from detector.types import Session

if TYPE_CHECKING:
    from detector.clip_recorder import ClipRecorder
    from detector.hooks import CommandHook, DesktopNotice
    from detector.live import Watching
    from detector.live_log import LiveLog
    from detector.live_output import Tellers
    from detector.live_source import LiveSource
    from detector.live_window import LiveWindow
    from detector.record.entries import LoggedEpisode, LoggedTwitch
    from detector.record.log import EpisodeLog


LEAST_OBSERVED_S = 10.0  # a limit is not told of less: it would be that of a few lucky moments


@dataclass(frozen=True, slots=True)
class LiveJob:
    """What is wanted of a watch."""

    source: str = ""  # camera index or name, URL, or with replay a clip; empty: the first camera
    replay: bool = False
    replay_speed: str = "1"  # a factor, or "max"
    loop: bool = False
    size: str | None = None  # of the camera's pictures, "1280x720"
    fps: float | None = None  # of the camera
    sensitivity: Sensitivity = "normal"
    duration_s: float | None = None
    roll_h: float = 0.0  # 0: at midnight
    log: Path | None = None
    model: Path | None = None
    csv: str | None = None
    twitches: str | None = None
    keep_rejected: bool = False
    window: bool = True
    as_json: bool = False
    notify: bool = False
    command: str | None = None
    clips: Path | None = None
    clips_mb: float = 500.0
    threshold: float | None = None  # score to reach, instead of that of the sensitivity


@dataclass(slots=True)
class Watched:
    """What came of it, read back from the log."""

    log: Path
    exit_code: int = 0
    sessions: list[Session] = field(default_factory=list)
    episodes: list[LoggedEpisode] = field(default_factory=list)
    twitches: list[LoggedTwitch] = field(default_factory=list)

    def closing_words(self) -> str:
        """How long was watched, what was found, and where it is."""
        from detector.live_words import LOST_MAX, clock

        observed, whole = (sum(getattr(s, name) for s in self.sessions) for name in ("observed_s", "duration_s"))
        count = len(self.episodes)
        found = "1 episode" if count == 1 else f"{count} episodes"
        limits = [v for s in self.sessions[-1:] if s.observed_s >= LEAST_OBSERVED_S for v in s.limit50_mm.values()]
        limit = f", half of all twitches of {min(limits):.1f}-{max(limits):.1f} mm would be found" if limits else ""
        read, lost = (sum(getattr(s, name) for s in self.sessions) for name in ("frames", "frames_lost"))
        missed = f"; {lost} of {read + lost} pictures were lost" if lost > LOST_MAX * (read + lost) else ""
        stopped = "Stopped: " if self.exit_code == INTERRUPTED else ""
        words = f"{stopped}{found} in {clock(observed)} observed of {clock(whole)} watched{limit}{missed}."
        return f"{words} Log: {self.log}"


def run(job: LiveJob, talk: Talk, out: Out) -> Watched:
    """Watch until it ends.

    Raises
    ------
    NasalisError
        It cannot begin, or something stopped it; everything found until then is in the log.
    """
    from detector.live import Watching
    from detector.live_frames import CameraRequest, open_live
    from detector.live_line import LiveLine, Message
    from detector.live_log import LiveLog
    from detector.record.log import EpisodeLog
    from detector.warm import warm_up
    from models import resolve

    if not ((job.duration_s is None or job.duration_s > 0.0) and job.roll_h >= 0.0):
        raise UsageError("--duration and --session-hours must be above 0.")
    if job.replay and (job.size is not None or job.fps is not None):
        raise UsageError("--size and --fps are for a camera: a clip has its own.")
    if job.fps is not None and not 1.0 <= job.fps <= 1000.0:
        raise UsageError(f"--fps {job.fps:g} is no rate of pictures: give one like 30.")
    if job.as_json and STDOUT in (job.csv, job.twitches):
        raise UsageError("--json and a CSV cannot both go to the standard output: give the CSV a file name.")
    check_outputs(Job(csv=job.csv, twitches=job.twitches), [])
    speed, request = _speed(job.replay_speed), CameraRequest(*_size(job.size), job.fps)
    settings = Settings(sensitivity=job.sensitivity, threshold=job.threshold)
    model = resolve(job.model)
    keep_flat()
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    with ExitStack() as stack, interruptible():
        hooks = _hooks(job, talk, stack)
        recorder = _recorder(job, talk, stack)
        source = stack.enter_context(
            open_live(
                job.source,
                replay=job.replay,
                replay_speed=speed,
                loop=job.loop,
                request=request,
                on_event=messages.put,
            )
        )
        log = stack.enter_context(EpisodeLog(job.log))
        window = _window(stack) if job.window else None
        warm_up(settings, model)
        line = LiveLine(
            source,
            settings,
            model,
            messages,
            duration_s=math.inf if job.duration_s is None else job.duration_s,
            on_frame=None if recorder is None else recorder.push,
        )
        book = LiveLog(log, _session(job, source, settings), keep_rejected=job.keep_rejected)
        parts = Watching(line, source, book, _tellers(job, talk, out, book, window), settings, job.roll_h, window)
        parts.recording = recorder is not None

        def on_episode(row: LoggedEpisode, start_s: float, end_s: float) -> None:
            for hook in hooks:
                hook.episode(row)
            if recorder is not None:
                recorder.episode(row.episode_id, start_s, end_s)

        parts.on_episode = on_episode
        return _watch(job, out, log, parts)


def _watch(job: LiveJob, out: Out, log: EpisodeLog, parts: Watching) -> Watched:
    from detector.live import Watch

    watched = Watched(log.path)
    try:
        with parts.tellers:
            if Watch(parts).run():
                watched.exit_code = INTERRUPTED
    finally:
        runs = parts.book.runs
        watched.sessions = [log.session(run) for run in runs]
        watched.episodes = log.episodes(runs, include_rejected=job.keep_rejected)
        watched.twitches = log.twitches(runs, include_rejected=job.keep_rejected)
        _write(job, watched, out)
    return watched


def _window(stack: ExitStack) -> LiveWindow:
    from detector.live_state import LiveState
    from detector.live_window import LiveWindow

    window = stack.enter_context(LiveWindow())
    window.show(LiveState())
    return window


def _tellers(job: LiveJob, talk: Talk, out: Out, book: LiveLog, window: LiveWindow | None) -> Tellers:
    from detector.live_output import JsonLines, Panel, PlainLines, Teller, Tellers

    tellers: list[Teller] = [JsonLines(out)] if job.as_json else []
    shows = talk.is_terminal and not talk.console().is_dumb_terminal  # a dumb one cannot draw anything anew
    if shows and window is None and talk.level >= 0:
        tellers.append(Panel(talk, book.time_of_day))
    else:
        tellers.append(PlainLines(talk.say, book.time_of_day, verbose=talk.level > 0))
    return Tellers(tuple(tellers))


def _session(job: LiveJob, source: LiveSource, settings: Settings) -> Session:
    from detector.frames import sha256_of
    from detector.session import versions

    # a clip played once, without losing a frame, is the same recording as analyze has it, and counts once
    clip = Path(job.source) if source.is_clip else None
    own: dict[str, Any] = {"start_s": None, "end_s": job.duration_s} | ({"loop": True} if job.loop else {})
    if clip is not None and job.replay_speed != "max":
        own |= {"replay_speed": job.replay_speed, "replayed_utc": datetime.now(UTC).isoformat(timespec="milliseconds")}
    return Session(
        session_id="",
        source=source.name if clip is None else str(clip),
        sha256="" if clip is None else sha256_of(clip),
        start_utc=source.start_utc,
        width=source.width,
        height=source.height,
        config_digest=settings.digest(),
        settings=settings.model_dump() | own,
        versions=versions(),
    )


def _write(job: LiveJob, watched: Watched, out: Out) -> None:
    from detector.record import export

    with out.reader():
        if job.csv is not None:
            export.write_episodes_csv(job.csv, watched.episodes, watched.sessions)
        if job.twitches is not None:
            export.write_twitches_csv(job.twitches, watched.twitches, watched.sessions)


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--size {text} is no size of pictures: give one like 1280x720.")
    return int(width), int(height)


def _speed(text: str) -> float | Literal["max"]:
    if text == "max":
        return "max"
    try:
        if math.isfinite(speed := float(text)):
            return speed
        raise ValueError
    except ValueError:
        raise UsageError(f"--replay-speed {text} is no number: give 1, another factor, or max.") from None


def _hooks(job: LiveJob, talk: Talk, stack: ExitStack) -> list[CommandHook | DesktopNotice]:
    from detector.hooks import CommandHook, DesktopNotice

    hooks: list[CommandHook | DesktopNotice] = []
    if job.command is not None:
        hooks.append(stack.enter_context(CommandHook(job.command, talk.say)))
    if job.notify:
        hooks.append(stack.enter_context(DesktopNotice(talk.say)))
    return hooks


def _recorder(job: LiveJob, talk: Talk, stack: ExitStack) -> ClipRecorder | None:
    if job.clips is None:
        return None
    from detector.clip_recorder import ClipRecorder

    return stack.enter_context(ClipRecorder(job.clips, cap_mb=job.clips_mb, say=talk.say))
