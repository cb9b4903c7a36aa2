"""Several clips one after the other: what ``nasalis analyze`` does around the line, and ``rescore`` around half of it.

One bad clip does not stop the others, outputs are tried before hours of work, and whatever ends the run early (Ctrl-C,
a full disk, a mistake of ours) leaves what was found until then in the log and in the CSV files.
"""

from __future__ import annotations

import errno
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from detector.config import Sensitivity, Settings
from detector.errors import NasalisError, OutputError, SourceError, UsageError
from detector.record.entries import LoggedEpisode, LoggedTwitch
from detector.record.export import sidecar_path, write_episodes_csv, write_twitches_csv
from detector.record.files import is_database
from detector.record.log import EpisodeLog
from detector.stopping import interruptible
from detector.terminal import Out, Progress, Talk, bug_sentence
from detector.types import Episode, Revision, Session, Twitch

if TYPE_CHECKING:
    from detector.overlay import Recorder
    from detector.readings import Event
    from detector.session import Result

STDOUT = "-"
INTERRUPTED = 130
OVERLAY_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


@dataclass(frozen=True, slots=True)
class Job:
    """What is wanted of every clip."""

    sensitivity: Sensitivity | None = None  # None: the default; of signals, that of their analysis
    log: Path | None = None  # None: the default place
    model: Path | None = None
    start_s: float | None = None
    end_s: float | None = None
    replace: bool = False  # supersede earlier sessions over the same file
    keep_rejected: bool = False  # list rejected movements too
    csv: str | None = None  # file, or "-"
    twitches: str | None = None
    overlay: Path | None = None
    signals: Path | None = None
    recorded: str = ""  # when the clip was recorded, ISO 8601; empty: as its file says
    threshold: float | None = None  # score to reach, instead of that of the sensitivity


@dataclass(slots=True)
class ClipResult:
    """What came of one clip, read back from the log: the same rows as ``nasalis export`` gives."""

    clip: Path
    session: Session | None = None  # None: nothing of it could be read
    episodes: list[LoggedEpisode] = field(default_factory=list)
    twitches: list[LoggedTwitch] = field(default_factory=list)
    error: Exception | None = None
    interrupted: bool = False
    threshold: float = math.nan  # score that a twitch must reach
    recorder: Recorder | None = None  # for the overlay only

    def note(self) -> str:
        """What went wrong with it, in a sentence; empty when nothing did."""
        if self.error is None:
            return "interrupted" if self.interrupted else ""
        if not isinstance(self.error, NasalisError):
            return f"{self.clip}: {bug_sentence(self.error)}"
        if self.session is not None and isinstance(self.error, SourceError):
            return f"{str(self.error).removesuffix('.')}; what was found until then is in the log."
        return str(self.error)


@dataclass(slots=True)
class Outcome:
    """What came of all clips."""

    log: Path
    results: list[ClipResult]
    unfound: list[NasalisError]  # names on the command line without a clip
    interrupted: bool = False

    def episodes(self) -> list[LoggedEpisode]:
        """Of all clips."""
        return [row for result in self.results for row in result.episodes]

    def twitches(self) -> list[LoggedTwitch]:
        """Of all clips."""
        return [row for result in self.results for row in result.twitches]

    def sessions(self) -> list[Session]:
        """Of the clips that could be read."""
        return [result.session for result in self.results if result.session is not None]

    @property
    def exit_code(self) -> int:
        """130 interrupted, 3 when a source could not be read, that of another error, 0."""
        if self.interrupted:
            return INTERRUPTED
        errors = [result.error for result in self.results if result.error is not None]
        codes = [exit_code(error) for error in (*self.unfound, *errors)]
        return SourceError.exit_code if SourceError.exit_code in codes else max(codes, default=0)

    def closing_words(self, job: Job) -> str:
        """Where the findings are."""
        files = [str(name) for name in (self.log, job.csv, job.twitches, job.signals) if name not in (None, STDOUT)]
        if self.interrupted:
            kept = [name for name in files if Path(name).exists()]
            return f"Interrupted: what was found until then is kept in {' and '.join(kept)}."
        shown = next((row.episode_id for result in self.results for row in result.episodes), None)
        hint = "" if shown is None else f"; more on an episode: nasalis show {shown}"
        return f"Log: {self.log}" + (f"{hint} --log {self.log}" if hint and job.log is not None else hint)


class _RunLog(EpisodeLog):
    """Remembers the runs that began here: one that ends early returns nothing."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.begun: list[int] = []

    def begin(self, session: Session, *, replace: bool = False) -> int:
        self.begun.append(super().begin(session, replace=replace))
        return self.begun[-1]


# Gets the clip, the log, and whom to tell of progress and of everything found.
_Work = Callable[[Path, _RunLog, Progress, "Callable[[Event], None]"], "Result"]


def run(names: Sequence[str], job: Job, talk: Talk, on_result: Callable[[ClipResult], None]) -> Outcome:
    """Analyze every clip that ``names`` stand for, write the CSV files, the signals and the overlay.

    Parameters
    ----------
    names : sequence of str
        Files, folders and patterns.
    on_result : callable
        Called with each clip that was read, as soon as it is done.

    Raises
    ------
    NasalisError
        None of the names can be used, an output or the log cannot be written, or the model is missing.
    """
    from models import resolve

    clips, unfound = _find(names)
    if not clips:
        raise unfound[0]
    if job.recorded and len(clips) > 1:
        raise UsageError(f"--recorded is the time of one clip, and {len(clips)} are named: analyze them one by one.")
    check_outputs(job, clips)
    talk.detail(f"Face model: {resolve(job.model)}")
    settings = Settings(sensitivity=job.sensitivity or "normal", threshold=job.threshold)

    def work(clip: Path, log: _RunLog, progress: Progress, on_event: Callable[[Event], None]) -> Result:
        from detector.session import analyze_clip

        return analyze_clip(
            clip,
            settings,
            model=job.model,
            log=log,
            start_s=job.start_s,
            end_s=job.end_s,
            replace=job.replace,
            signals=job.signals,
            recorded=job.recorded,
            on_progress=progress,
            on_event=on_event,
        )

    outcome = _run(clips, unfound, job, talk, on_result, "analyzing", work)
    if job.overlay is not None and not outcome.interrupted and outcome.results[0].error is None:
        with interruptible():
            try:
                _draw(outcome.results[0], job, talk)
            except KeyboardInterrupt:
                outcome.interrupted = True
    return outcome


def recording_time(said: str) -> str:
    """When a clip was recorded, by this computer's clock, as ISO 8601; UsageError when ``said`` is no time gone by."""
    from detector.study.journal_times import parse_moment, zone_named

    return parse_moment(said, zone_named(None), datetime.now(UTC)).text


def rescore(signals: Path, job: Job, talk: Talk, on_result: Callable[[ClipResult], None]) -> Outcome:
    """Decide again from the signals of an analysis, write the CSV files.

    Parameters
    ----------
    signals : Path
        What ``analyze --signals`` has written.
    job : Job
        Its sensitivity, threshold, log, ``replace``, ``keep_rejected`` and CSV files count.
    on_result : callable
        Called with the result.

    Raises
    ------
    NasalisError
        The signals cannot be read, or an output or the log cannot be written.
    """
    from detector.record.signals import SignalFile
    from detector.session import rescore_signals

    with SignalFile(signals) as file:
        clip = Path(file.session.source)
        check_outputs(job, [clip], signals)

        def work(_: Path, log: _RunLog, progress: Progress, on_event: Callable[[Event], None]) -> Result:
            return rescore_signals(
                file,
                job.sensitivity,
                threshold=job.threshold,
                log=log,
                replace=job.replace,
                on_progress=progress,
                on_event=on_event,
            )

        return _run([clip], [], job, talk, on_result, "rescoring", work)


def _run(
    clips: Sequence[Path],
    unfound: list[NasalisError],
    job: Job,
    talk: Talk,
    on_result: Callable[[ClipResult], None],
    doing: str,
    work: _Work,
) -> Outcome:
    results: list[ClipResult] = []
    log = _RunLog(job.log)
    with log, interruptible():
        outcome = Outcome(log.path, results, unfound)
        for error in unfound:
            talk.error(error)
        try:
            for number, clip in enumerate(clips, start=1):
                label = f"{doing} {clip.name}" + (f" ({number} of {len(clips)})" if len(clips) > 1 else "")
                with talk.progress(label) as progress:
                    result = _one(clip, job, log, progress, work)
                results.append(result)
                if result.error is not None:
                    talk.error(result.note())
                    if not isinstance(result.error, NasalisError):
                        talk.trace(result.error)
                if result.session is not None:
                    talk.detail(_details(result.session))
                    on_result(result)
                if result.interrupted:
                    outcome.interrupted = True
                    break
        except KeyboardInterrupt:
            outcome.interrupted = True
        finally:
            _save(outcome, job)
    return outcome


def exit_code(error: Exception) -> int:
    """That of the contract for our own errors, 1 for a mistake of the program."""
    return error.exit_code if isinstance(error, NasalisError) else 1


def check_outputs(job: Job, clips: Iterable[Path], signals: Path | None = None) -> None:
    """Refuse outputs that cannot be written, or would overwrite a source or each other, before the work begins."""
    clips = list(clips)
    if job.csv == STDOUT and job.twitches == STDOUT:
        raise UsageError("Only one of --csv and --twitches can go to the standard output: give the other a file name.")
    files: dict[str, str] = {os.path.realpath(clip): "a clip" for clip in clips}
    if signals is not None:
        files[os.path.realpath(signals)] = "the signals"
    tables = (("--csv", job.csv), ("--twitches", job.twitches))
    for option, value in (*tables, ("--overlay", job.overlay), ("--signals", job.signals)):
        if value is None or (value == STDOUT and (option, value) in tables):
            continue
        path = Path(value)
        wanted = [path, sidecar_path(path)] if (option, value) in tables else [path]
        for file in wanted:
            taken = files.setdefault(os.path.realpath(file), option)
            if taken != option:
                raise UsageError(f"{file} is both {taken} and written by {option}: choose another name for {option}.")
            check_writable(file)
    if job.signals is not None:
        if len(clips) > 1:
            raise UsageError(f"--signals keeps those of one clip, and {len(clips)} are named: analyze that clip alone.")
        if str(job.signals) == STDOUT or (job.signals.exists() and not job.signals.is_file()):
            raise UsageError("--signals needs the name of a file: it cannot go to the standard output or a device.")
    if job.overlay is not None:
        if len(clips) > 1:
            raise UsageError(f"--overlay draws one clip, and {len(clips)} are named: analyze that clip alone.")
        if job.overlay.suffix.lower() not in OVERLAY_SUFFIXES:
            raise UsageError(f"--overlay {job.overlay} needs a name that ends in {' or '.join(OVERLAY_SUFFIXES)}.")


def check_writable(path: Path) -> None:
    """OutputError when ``path`` could not be written; a file really appears for a moment, what is there is kept."""
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"{path} is a folder: name a file in it.")
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written: the folder {folder} does not exist, make it first.")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"{path} cannot be written: it is write-protected, choose another name.")
    if is_database(path):
        raise UsageError(f"{path} is an episode log or another database: choose another name")
    if path.exists() and not path.is_file():
        return  # a pipe or a device: trying it would be using it
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"nasalis")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}): choose another place.") from error


def _find(names: Sequence[str]) -> tuple[list[Path], list[NasalisError]]:
    from detector.frames import find_clips

    found: dict[str, Path] = {}
    errors: list[NasalisError] = []
    for name in names:
        try:
            for clip in find_clips([name]):
                found.setdefault(os.path.realpath(clip), clip)
        except NasalisError as error:
            errors.append(error)
    return list(found.values()), errors


def _one(clip: Path, job: Job, log: _RunLog, progress: Progress, work: _Work) -> ClipResult:
    result = ClipResult(clip)

    def record(event: Event) -> None:
        if result.recorder is not None and not isinstance(event, Twitch | Episode | Revision):
            result.recorder.take(event)

    if job.overlay is not None:
        from detector.overlay import Recorder

        result.recorder = Recorder()
    begun = len(log.begun)
    try:
        result.threshold = work(clip, log, progress, record).threshold
    except KeyboardInterrupt:
        result.interrupted = True
    except NasalisError as error:
        if not isinstance(error, SourceError | UsageError | OutputError):
            raise  # the log or the model: no other clip would fare better
        result.error = error
    except Exception as error:  # a mistake of ours with this clip: the others may do without it
        result.error = _too_large(clip) if _is_out_of_memory(error) else error
    if len(log.begun) > begun:
        run = log.begun[-1]
        session = log.session(run)
        if session.frames > 0 or result.error is None:  # a part that holds no picture is an error and no finding
            result.session = session
            result.episodes = log.episodes(run, include_rejected=job.keep_rejected)
            result.twitches = log.twitches(run, include_rejected=job.keep_rejected)
    return result


def _is_out_of_memory(error: Exception) -> bool:
    # numpy and PyAV raise a MemoryError, the system ENOMEM, OpenCV its own (cv2.Error.StsNoMem)
    own = type(error).__module__ == "cv2" and getattr(error, "code", 0) == -4
    return own or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def _too_large(clip: Path) -> SourceError:
    return SourceError(
        f"{clip} takes more memory than this computer has left: close other programs, "
        "or analyze a part of it with --start and --end"
    )


def _details(session: Session) -> str:
    scale = "unknown" if session.px_per_mm is None else f"{session.px_per_mm:.2f} px/mm"
    return (
        f"Session {session.session_id}: {session.frames} frames ({session.frames_repeated} repeated, "
        f"{session.frames_lost} lost), {session.fps:.4g} a second, {session.width}x{session.height}, scale {scale}, "
        f"settings {session.config_digest}."
    )


def _save(outcome: Outcome, job: Job) -> None:
    sessions = outcome.sessions()
    if not sessions:
        return  # an empty table over an older one would look like an answer
    with Out().reader():
        if job.csv is not None:
            write_episodes_csv(job.csv, outcome.episodes(), sessions)
        if job.twitches is not None:
            write_twitches_csv(job.twitches, outcome.twitches(), sessions)


def _draw(result: ClipResult, job: Job, talk: Talk) -> None:
    from detector.overlay import write_overlay

    assert job.overlay is not None and result.recorder is not None
    with talk.progress(f"drawing {job.overlay.name}") as progress:
        write_overlay(
            result.clip,
            job.overlay,
            result.recorder.records,
            [row.twitch for row in result.twitches],
            [row.episode for row in result.episodes],
            result.threshold,
            start_s=job.start_s,
            end_s=job.end_s,
            on_progress=progress,
        )
