"""Commands to look at what was found and to judge it: ``magnify``, ``review``, ``tune``, ``import``. See :mod:`cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.errors import UsageError
from detector.options import (
    AsJson,
    End,
    Factor,
    LogFile,
    ModelFile,
    Quiet,
    Slow,
    Start,
    TargetMm,
    Use,
    Verbose,
)
from detector.terminal import Out
from detector.terminal import talk_as_told as _talk

app = typer.Typer()  # without a name: its commands stand beside the others


@app.command()
def magnify(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip to look at.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The replay to write, H.264 in .mp4.")],
    start: Start = None,
    end: End = None,
    factor: Factor = None,
    target_mm: TargetMm = None,
    slow: Slow = 1.0,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a replay with the head held still and the motion of the nose enlarged, beside the original."""
    from detector import magnify as work
    from detector import tables

    talk = _talk(quiet, verbose)
    wanted = work.Wanted(factor, target_mm, slow)
    replay = work.magnify(clip, output, wanted, talk, start_s=start, end_s=end, model=model)
    if as_json:
        Out().write(tables.as_json(replay.to_dict()))
    talk.say(replay.words())


@app.command()
def review(
    log: LogFile = None,
    signals: Annotated[
        Path | None,
        typer.Option("--signals", metavar="FILE|FOLDER", help="What analyze --signals has written: shows the score."),
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option("--clips", metavar="FOLDER", help="Clips of live --record-clips, and clips that have moved."),
    ] = None,
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="Who judges; default your login name.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Look at the episodes on a local page, and say what they are."""
    from detector.study.review.server import ReviewJob, run

    job = ReviewJob(log, signals, clips, reviewer, port, not no_browser)
    raise typer.Exit(run(job, _talk(quiet, verbose), Out()))


@app.command()
def tune(
    signals: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SIGNALS", help="Files that analyze --signals has written, of one person and camera."),
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Truth file, one for each of SIGNALS; default what the log's reviews say."),
    ] = None,
    second: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="With --truth: another person's, to compare the two.")
    ] = None,
    false_alarms: Annotated[
        float, typer.Option(metavar="PER_HOUR", help="So many per observed hour are wanted.")
    ] = 6.0,
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this person said; default what was said last.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Draw the curves there, .png or .svg.")
    ] = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Propose a threshold for a person and camera from what was reviewed; tell how far reviewers agree."""
    from detector import plot_file, tables
    from detector.study import tune_plot, tune_report, tune_run

    sources = [*(signals or ()), *(truth or ()), *(second or ())]
    if output is not None:
        plot_file.check_plot(output, sources)
        if not signals:
            raise UsageError("-o draws the curves of signals, and none are given: name some, or leave it out.")
    wanted = tune_run.Wanted(tuple(signals or ()), tuple(truth or ()), tuple(second or ()), log, reviewer, false_alarms)
    tuned = tune_run.tune(wanted, _talk(quiet, verbose))
    if output is not None:
        tune_plot.write_plot(tuned, output)
    if as_json:
        Out().write(tables.as_json(tune_report.document(tuned)))
    else:
        Out().show(tune_report.report(tuned))


@app.command(name="import")
def import_marks(
    marks: Annotated[
        Path, typer.Argument(metavar="FILE", help="Marks made elsewhere: CSV, BIDS events.tsv or ELAN .eaf.")
    ],
    use: Annotated[Use, typer.Option("--as", help="A truth file, or reviews of a session's episodes.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The truth file; as review, that of what was not found."),
    ] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="As review: the session.")] = None,
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="As review: who made the marks.")] = "",
    complete: Annotated[
        bool, typer.Option("--complete", help="As review: all was watched; an episode without a mark is rejected.")
    ] = False,
    tier: Annotated[str | None, typer.Option(metavar="NAME", help="Of an ELAN file: the tier with the marks.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="Only marks with this label, * for any; repeatable.")
    ] = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Read marks that a person made in another program, as truth or as a review."""
    from detector import tables
    from detector.study import importing

    talk = _talk(quiet, verbose)
    if use is Use.truth:
        done = importing.import_truth(marks, output, tier, label or ())
    else:
        done = importing.import_review(
            marks, log, session, reviewer, complete=complete, output=output, tier=tier, labels=label or ()
        )
    if as_json:
        Out().write(tables.as_json(done))
    else:
        talk.say(done.sentence())
