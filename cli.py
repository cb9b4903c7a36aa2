"""The command ``nasalis``: one short function per command. What they do is in :mod:`detector`, imported when needed.

Data goes to stdout, talk to stderr. Exit codes: 0 done (also with no episode), 2 wrong usage, 3 source unreadable,
130 interrupted with the log saved; 1 is a mistake of the program itself.
"""

from __future__ import annotations

from detector import early  # first: from here on Ctrl-C is quiet, up to the end of this file

# isort: split

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from detector import __version__
from detector.batch_command import app as batch
from detector.errors import NasalisError, UsageError
from detector.forget_command import app as forgetting
from detector.journal_commands import app as journal
from detector.options import (
    AsJson,
    CodecName,
    CsvFile,
    End,
    Everything,
    Factor,
    Format,
    Level,
    LogFile,
    ModelFile,
    OnlyKind,
    OnlySide,
    Quiet,
    RatesBy,
    RatesOf,
    Replace,
    SessionId,
    Since,
    Slow,
    Start,
    TargetMm,
    Threshold,
    TwitchFile,
    Until,
    Verbose,
)
from detector.review_commands import app as looking
from detector.stopping import interruptible
from detector.terminal import Out, Talk, bug_sentence, plain, prepare_streams
from detector.terminal import talk_as_told as _talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.analyzing import ClipResult, Job, Outcome

app = typer.Typer(
    name="nasalis",
    help="Finds small involuntary twitches around the nose in ordinary video, and keeps a log of them.",
    epilog="It describes movements and never diagnoses. Left and right are always the subject's own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(batch)
app.add_typer(journal)
app.add_typer(looking)
app.add_typer(forgetting)

# of simulate: what is for the clip that is written, and what for the measurement
WRITING = (
    "truth",
    "events",
    "kind",
    "size_px",
    "trains",
    "codec",
    "crf",
    "bitrate",
    "fps",
    "scale",
    "duration",
    "face_width",
)
RECOVERING = ("passes", "sensitivity")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False) -> None:
    if version:
        Out().write(f"nasalis {__version__}\n")
        raise typer.Exit


@app.command()
def analyze(
    clips: Annotated[list[str], typer.Argument(metavar="CLIP", help="Video files, folders, or patterns.")],
    csv: CsvFile = None,
    twitches: TwitchFile = None,
    log: LogFile = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", metavar="FILE", help="The clip with the findings drawn in (.mp4).")
    ] = None,
    signals: Annotated[
        Path | None, typer.Option("--signals", metavar="FILE", help="What was measured, as HDF5; for rescore.")
    ] = None,
    sensitivity: Annotated[
        Level, typer.Option(help="Aimed false alarms per observed hour: low 1, normal 6, high 30.")
    ] = Level.normal,
    threshold: Threshold = None,
    everything: Everything = False,
    start: Start = None,
    end: End = None,
    recorded: Annotated[
        str | None,
        typer.Option("--recorded", metavar="TIME", help="When the clip was recorded; default what its file says."),
    ] = None,
    replace: Replace = False,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Find the episodes in recorded clips and keep them in the log."""
    from detector import analyzing as work

    began = "" if recorded is None else work.recording_time(recorded)
    job = work.Job(
        sensitivity.value,
        log,
        model,
        start,
        end,
        replace,
        everything,
        csv,
        twitches,
        overlay,
        signals,
        recorded=began,
        threshold=threshold,
    )
    _find(lambda talk, report: work.run(clips, job, talk, report), job, as_json, _talk(quiet, verbose))


@app.command()
def live(
    source: Annotated[
        str, typer.Option(metavar="WHAT", help="Camera (index or name), stream URL, or with --replay a clip.")
    ] = "",
    replay: Annotated[bool, typer.Option("--replay", help="The source is a clip: play it as if it were live.")] = False,
    replay_speed: Annotated[str, typer.Option(metavar="X", help="With --replay: times faster, or max.")] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="With --replay: again and again.")] = False,
    no_window: Annotated[bool, typer.Option("--no-window", help="No window: for a terminal or a service.")] = False,
    duration: Annotated[float | None, typer.Option(metavar="S", help="Stop after so many seconds.")] = None,
    session_hours: Annotated[
        float,
        typer.Option(
            metavar="H",
            show_default=False,
            help="A new session about every so many hours, at a quiet moment; default at midnight.",
        ),
    ] = 0.0,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Ask the camera for this size.")] = None,
    fps: Annotated[float | None, typer.Option(help="Ask the camera for this rate.")] = None,
    notify: Annotated[bool, typer.Option("--notify", help="A notice on the desktop at each episode.")] = False,
    on_episode: Annotated[
        str | None, typer.Option(metavar="CMD", help="Run this at each episode, with the episode as JSON on its stdin.")
    ] = None,
    record_clips: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep a few seconds of video round each episode there.")
    ] = None,
    clips_mb: Annotated[float, typer.Option(metavar="MB", help="With --record-clips: the most they may take.")] = 500.0,
    csv: CsvFile = None,
    twitches: TwitchFile = None,
    log: LogFile = None,
    sensitivity: Annotated[
        Level, typer.Option(help="Aimed false alarms per observed hour: low 1, normal 6, high 30.")
    ] = Level.normal,
    threshold: Threshold = None,
    everything: Everything = False,
    model: ModelFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line and event, as it happens.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Watch a camera, and log episodes as they end."""
    from detector import live_job as work

    job = work.LiveJob(
        source=source,
        replay=replay,
        replay_speed=replay_speed,
        loop=loop,
        size=size,
        fps=fps,
        sensitivity=sensitivity.value,
        threshold=threshold,
        duration_s=duration,
        roll_h=session_hours,
        log=log,
        model=model,
        csv=csv,
        twitches=twitches,
        keep_rejected=everything,
        window=not no_window,
        as_json=as_json,
        notify=notify,
        command=on_episode,
        clips=record_clips,
        clips_mb=clips_mb,
    )
    talk, out = _talk(quiet, verbose), Out()
    watched = work.run(job, talk, out)
    if not as_json and work.STDOUT not in (csv, twitches):
        from detector.tables import episode_table

        out.show(episode_table(watched.episodes))
    talk.say(watched.closing_words())
    raise typer.Exit(watched.exit_code)


@app.command()
def cameras(as_json: AsJson = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """List the cameras of this machine."""
    from detector import tables
    from detector.cameras import NO_CAMERA, list_cameras

    found = list_cameras()
    if as_json:
        Out().write(tables.as_json({"cameras": found}))
    elif found:
        Out().show(tables.camera_table(found))
    if not found:
        _talk(quiet, verbose).say(NO_CAMERA)


@app.command()
def rescore(
    signals: Annotated[Path, typer.Argument(metavar="SIGNALS", help="File that analyze --signals has written.")],
    csv: CsvFile = None,
    twitches: TwitchFile = None,
    log: LogFile = None,
    sensitivity: Annotated[
        Level | None, typer.Option(help="Aimed false alarms per observed hour; default that of the analysis.")
    ] = None,
    threshold: Threshold = None,
    everything: Everything = False,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Decide again from the signals of an analysis, without the clip."""
    from detector import analyzing as work

    job = work.Job(
        None if sensitivity is None else sensitivity.value,
        log,
        replace=replace,
        keep_rejected=everything,
        csv=csv,
        twitches=twitches,
        threshold=threshold,
    )
    _find(lambda talk, report: work.rescore(signals, job, talk, report), job, as_json, _talk(quiet, verbose))


@app.command()
def export(
    csv: CsvFile = None,
    twitches: TwitchFile = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Episodes in the --format, or JSON with --json; a folder."),
    ] = None,
    fmt: Annotated[
        Format | None,
        typer.Option(
            "--format",
            show_default=False,
            help="Of -o; default csv. bids, elan, edf and webvtt are of one recording: choose it with --session, or "
            "name a folder that gets a file for each.",
        ),
    ] = None,
    signals: Annotated[
        Path | None,
        typer.Option("--signals", metavar="FILE", help="With edf: what analyze --signals kept, as channels."),
    ] = None,
    log: LogFile = None,
    session: SessionId = None,
    since: Since = None,
    until: Until = None,
    side: OnlySide = None,
    kind: OnlyKind = None,
    everything: Everything = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the log to CSV or JSON, or in the formats of other programs."""
    from detector.exchange import formats
    from detector.record import export as files
    from detector.record.log import EpisodeLog
    from detector.record.selection import Selection
    from detector.tables import count_words

    if as_json and fmt not in (None, Format.json):
        raise UsageError(f"--json is --format json, and --format {fmt} is another: give one of them.")
    if output is None and csv is None and twitches is None:
        output = "-"
    if output is None and (fmt is not None or signals is not None):
        raise UsageError("--format and --signals are of the file that -o names: give -o FILE too.")
    if [csv, twitches, output].count("-") > 1:
        raise UsageError("Only one output can go to the standard output: give the others file names.")
    chosen = Selection(session, since, until, None if side is None else side.value, kind, everything)
    with EpisodeLog(log, must_exist=True) as book:
        episodes, jerks = chosen.episodes(book), chosen.twitches(book)
        runs = chosen.runs(book)
        # a session that was cut off has no length, and does not seem to reach into the time of its own episodes
        cut_off = {row.run for row in episodes} - {run.run for run in runs}
        runs += [run for run in book.runs(True) if run.run in cut_off]
    sessions = [run.session for run in runs]
    talk = _talk(quiet, verbose)
    with Out().reader():
        if csv is not None:
            files.write_episodes_csv(csv, episodes, sessions)
        if twitches is not None:
            files.write_twitches_csv(twitches, jerks, sessions)
        if output is not None:
            named = "json" if as_json else "csv" if fmt is None else fmt.value
            for name in formats.write(named, output, runs, episodes, signals=signals):
                talk.detail(f"Written: {name}")
    counts = ((episodes, "episode"), (jerks, "twitch"), (sessions, "session"))
    words = [count_words(len(rows), name) for rows, name in counts]
    talk.say(f"{words[0]} and {words[1]} of {words[2]}.")


@app.command(name="log")
def list_log(
    log: LogFile = None,
    episodes: Annotated[bool, typer.Option("--episodes", help="List episodes instead of sessions.")] = False,
    markers: Annotated[
        bool, typer.Option("--markers", help="Compare what you marked as felt with what was found.")
    ] = False,
    rates: Annotated[
        RatesBy | None,
        typer.Option("--rates", help="Counts per observed hour, by this; --since and --until are days."),
    ] = None,
    of: Annotated[RatesOf | None, typer.Option("--of", help="With --rates: count these; default episodes.")] = None,
    session: SessionId = None,
    since: Since = None,
    until: Until = None,
    side: OnlySide = None,
    kind: OnlyKind = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was rejected, and sessions that a later one supersedes.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Tell whether the log is sound; exit code 2 if not.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Save what can be read of a damaged log; the damaged one is kept.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="With --repair: write the good log there.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the sessions of the log, their episodes, or rates; compare what was felt with what was found; check it."""
    from detector import agreement_table, tables
    from detector.record.log import EpisodeLog
    from detector.record.selection import Selection

    if episodes + markers + (rates is not None) + check + repair > 1:
        raise UsageError(
            "--episodes, --markers and --rates are different lists, --check and --repair make none: give one of them."
        )
    if output is not None and not repair:
        raise UsageError("-o is for --repair: leave it out, or write the log elsewhere with nasalis export.")
    if check or repair:
        from detector import log_care

        log_care.check(log, as_json) if check else log_care.repair(log, output, as_json)
        return
    if of is not None and rates is None:
        raise UsageError("--of goes with --rates: give it too, e.g. --rates day --of twitches.")
    if rates is not None:
        from detector.study import rate_tables

        chosen = Selection(session, since, until, None if side is None else side.value, kind, everything)
        told = rate_tables.read_rates(log, chosen, rates.value, "episodes" if of is None else of.value)
        if as_json:
            Out().write(tables.as_json(told.document()))
        else:
            Out().show(told.report())
            _talk(quiet, verbose).say(f"Log: {told.log}")
        return
    chosen = Selection(session, since, until, None if side is None else side.value, kind, everything, everything)
    with EpisodeLog(log, must_exist=True) as book:
        rows = chosen.episodes(book)
        runs = chosen.runs(book)
        felt = agreement_table.felt_sessions(book, chosen) if markers else ([], 0)
    if as_json and markers:
        Out().write(tables.as_json(agreement_table.document(*felt)))
    elif as_json:
        Out().write(tables.as_json({"episodes": rows} if episodes else {"sessions": runs}))
    elif markers:
        Out().show(agreement_table.report(*felt))
        _talk(quiet, verbose).say(f"Log: {book.words}")
    else:
        of_sessions = tables.session_table if session is None else tables.session_story
        Out().show(tables.episode_table(rows, full_ids=True) if episodes else of_sessions(runs, rows))
        _talk(quiet, verbose).say(f"Log: {book.words}")


@app.command()
def show(
    context: typer.Context,
    episode: Annotated[str, typer.Argument(metavar="ID", help="Id of an episode, or how it begins or ends.")],
    log: LogFile = None,
    clip: Annotated[
        Path | None, typer.Option("--clip", metavar="FILE", help="Also write its magnified replay there (.mp4).")
    ] = None,
    clips: Annotated[
        Path | None, typer.Option("--clips", metavar="FOLDER", help="With --clip: where live --record-clips kept them.")
    ] = None,
    factor: Factor = None,
    target_mm: TargetMm = None,
    slow: Slow = 1.0,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Tell one episode in words and numbers; with --clip let it be seen, magnified."""
    from detector import tables
    from detector.record.log import EpisodeLog

    talk = _talk(quiet, verbose)
    if clip is None:
        _refuse(context, ("clips", "factor", "target_mm", "slow", "model"), "is only for --clip")
    with EpisodeLog(log, must_exist=True) as book:
        row = book.find_episode(episode)
        session = book.session(row.run)
    if clip is not None:
        from detector import magnify as work

        wanted = work.Wanted(factor, target_mm, slow)
        talk.say(work.show_episode(row, session, clip, wanted, talk, clips=clips, model=model).words())
    if as_json:
        Out().write(tables.as_json(row))
    else:
        Out().show(tables.episode_story(row, session))


@app.command()
def report(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The report as one HTML file.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="The report as PDF, to be printed.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="From this day on, e.g. 2026-03-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Up to the day before this one.")] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Count days and hours there; default this computer's zone.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="Whom it is about; for the title.")] = "",
    demo: Annotated[
        bool, typer.Option("--demo", help="A report of three simulated months, nasalis-demo.html, with its log beside.")
    ] = False,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Tell what the log shows, for yourself or a doctor; in a few lines without -o or --pdf."""
    from detector.study import report as work

    talk = _talk(quiet, verbose)
    made = work.run(work.ReportJob(output, pdf, log, since, until, zone, name, demo, as_json))
    Out().write(made.text)
    talk.say(made.closing_words())


@app.command()
def score(
    found: Annotated[Path, typer.Argument(metavar="FOUND", help="episodes.csv or twitches.csv of one clip.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Truth file of that clip.")],
    observed: Annotated[
        float | None, typer.Option(metavar="S", help="Observed seconds; default from the JSON beside FOUND.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compare what was found with a truth file."""
    from detector import score as measures
    from detector import tables

    seconds = measures.read_observed_s(found) if observed is None else observed
    scores = measures.score_events(measures.read_found(found), measures.read_truth(truth), seconds)
    if as_json:
        Out().write(tables.as_json(scores.to_dict()))
    else:
        Out().show(tables.score_table(scores))


@app.command()
def simulate(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A clip, or a still portrait.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The clip to write; with --recover a plot, .png or .svg."),
    ] = None,
    recover: Annotated[
        bool, typer.Option("--recover", help="Write no clip: measure how large a twitch in it must be to be found.")
    ] = False,
    passes: Annotated[int, typer.Option(min=1, help="With --recover: analyze it this often at most.")] = 20,
    sensitivity: Annotated[Level, typer.Option(help="With --recover: as for analyze.")] = Level.normal,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The truth to write; default OUTPUT with _truth.csv.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Number of events; default one in five seconds.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same clip.")] = 1,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="What to put in, e.g. tic_like, smile, flicker; repeatable. Default twitches."
        ),
    ] = None,
    size_mm: Annotated[
        list[float] | None, typer.Option("--mm", help="Size to draw from, mm; repeatable. Twitches: 0.4, 0.8, 1.6.")
    ] = None,
    size_px: Annotated[list[float] | None, typer.Option("--px", help="Size in px of the source; repeatable.")] = None,
    muscle: Annotated[list[str] | None, typer.Option(help="Muscle to draw from; repeatable. Default the nose.")] = None,
    trains: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of trains; the rest are single.")] = 0.5,
    codec: Annotated[CodecName, typer.Option(help="How the clip is encoded.")] = CodecName.h264,
    crf: Annotated[int | None, typer.Option(help="Quality on the encoder's own scale; lower is better.")] = None,
    bitrate: Annotated[int | None, typer.Option(metavar="BPS", help="Bits per second instead of a quality.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second; default the source's, 30 for stills.")] = None,
    scale: Annotated[float, typer.Option(help="Size of the picture against the source (stills: 640x480).")] = 1.0,
    duration: Annotated[float | None, typer.Option(metavar="S", help="Stills: length; default 60.")] = None,
    face_width: Annotated[float, typer.Option(metavar="PX", help="Stills: temple to temple, before --scale.")] = 200.0,
    start: Start = None,
    end: End = None,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Put known movements into a clip or a portrait; with --recover, measure what is found of them."""
    from detector import simulate as work
    from detector import tables

    talk, out = _talk(quiet, verbose), Out()
    _refuse(context, WRITING if recover else RECOVERING, f"{'is not' if recover else 'is only'} for --recover")
    if recover:
        from detector.config import Settings
        from detector.recover_report import document, report
        from detector.recover_run import measure

        measured = measure(
            source,
            Settings(sensitivity=sensitivity.value),
            talk,
            plot=output,
            passes=passes,
            seed=seed,
            sizes_mm=size_mm,
            muscles=muscle,
            start_s=start,
            end_s=end,
            model=model,
        )
        if as_json:
            out.write(tables.as_json(document(measured)))
        else:
            out.show(report(measured))
        raise typer.Exit(130 if measured.interrupted else 0)
    if output is None:
        raise UsageError("The clip to write has no name: give it with -o FILE, or measure with --recover.")
    with talk.progress(f"simulating {output.name}") as progress:
        rows = work.simulate(
            source,
            output,
            truth=truth,
            events=events,
            seed=seed,
            kinds=kind,
            sizes_mm=size_mm,
            sizes_px=size_px,
            muscles=muscle,
            train_share=trains,
            codec=codec.value,
            crf=crf,
            bitrate=bitrate,
            fps=fps,
            scale=scale,
            duration_s=duration,
            face_width_px=face_width,
            start_s=start,
            end_s=end,
            model=model,
            progress=progress,
        )
    if as_json:
        out.write(tables.as_json({"events": rows}))
    else:
        out.show(tables.truth_table(rows))


@app.command()
def doctor(
    log: LogFile = None,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Check this machine, and say what to mend."""
    from detector import tables
    from detector.doctor import run_checks

    checks = run_checks(log, model)
    if as_json:
        Out().write(tables.as_json({"checks": checks}))
    else:
        Out().show(tables.check_table(checks))
    if any(check.ok is False for check in checks):
        raise UsageError("Something must be mended before nasalis works: see the table.")


def _refuse(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Options that would be passed over in silence."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in names and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{option.opts[0]} {why}: leave it out.")


def _find(
    work: Callable[[Talk, Callable[[ClipResult], None]], Outcome], job: Job, as_json: bool, talk: Talk
) -> NoReturn:
    """Do the work of ``analyze`` or ``rescore``, show what came of it, and leave."""
    from detector.analyzing import STDOUT

    tables_wanted = not as_json and STDOUT not in (job.csv, job.twitches)
    if as_json and STDOUT in (job.csv, job.twitches):
        raise UsageError("--json and a CSV cannot both go to the standard output: give the CSV a file name.")
    out = Out()
    outcome = work(talk, _reporter(out, job.keep_rejected) if tables_wanted else _silence)
    if as_json:
        from detector.record.export import write_episodes_json

        with out.reader():
            write_episodes_json(None, outcome.episodes(), outcome.sessions())
    elif tables_wanted and len(outcome.results) > 1:
        from detector.tables import summary_table

        out.show(summary_table(outcome.results))
    if outcome.interrupted:
        talk.error(outcome.closing_words(job))
    else:
        talk.say(outcome.closing_words(job))
    raise typer.Exit(outcome.exit_code)


def _silence(result: ClipResult) -> None:
    """Nothing is shown of a clip: stdout is for a document."""


def _reporter(out: Out, everything: bool) -> Callable[[ClipResult], None]:
    def report(result: ClipResult) -> None:
        from detector.tables import clip_report

        assert result.session is not None
        rejected = [row for row in result.twitches if not row.twitch.kept] if everything else []
        out.show(clip_report(result.clip, result.session, result.episodes, rejected))

    return report


def _refuse_strange_options(words: list[str]) -> None:
    """An option that is none is said back by the library that reads them; a file may be called like one."""
    for word in words:
        if word.startswith("-") and plain(word) != word:
            raise UsageError(f"There is no option '{word}': if it is a file, write ./ before its name.")


def main() -> None:
    """Whatever goes wrong ends in one sentence and the exit code of the contract."""
    prepare_streams()
    try:
        _refuse_strange_options(sys.argv[1:])
        app()
    except NasalisError as error:
        Talk().error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(early.INTERRUPTED)
    except Exception as error:
        talk = Talk(int(any(word in ("-v", "--verbose") for word in sys.argv[1:])))
        talk.error(bug_sentence(error))
        talk.trace(error)
        sys.exit(1)


def program() -> None:
    """Entry point of the console script."""
    try:
        with interruptible():
            try:
                main()
            finally:
                early.over()
    except KeyboardInterrupt:  # between main and the end
        sys.exit(early.INTERRUPTED)


early.end()

if __name__ == "__main__":
    program()
