"""The command ``batch``. See :mod:`cli`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.errors import UsageError
from detector.options import AsJson, Level, LogFile, ModelFile, Quiet, Threshold, Verbose
from detector.terminal import Out
from detector.terminal import talk_as_told as _talk

if TYPE_CHECKING:
    from detector.batch.engine import Engine
    from detector.batch.table import Row

app = typer.Typer()  # without a name: its command stands beside the others


@app.command()
def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DIR|LIST", help="A folder, with all below it; or a text file with a clip a line, - for stdin."
        ),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, show_default=False, help="Processes on this machine; default its cores."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Workers of a dask scheduler that runs already, tcp://HOST:PORT. Whoever reaches it can run programs "
            "there: on a trusted network only.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="The table, a row per clip, as CSV; - for stdout."),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            "--parquet", metavar="FOLDER", help="Sessions, episodes and twitches as Parquet there too, in parts."
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="S", min=1.0, help="Give a clip up after so many seconds.")
    ] = 3600.0,
    memory_limit: Annotated[
        float, typer.Option("--memory-limit", metavar="MB", min=100.0, help="Give a clip up that takes more memory.")
    ] = 4000.0,
    retries: Annotated[
        int,
        typer.Option(
            "--retries",
            metavar="N",
            min=0,
            help="So many more times for a clip whose process or worker died. What cannot be read, or is over a "
            "limit, is not tried again before the next run.",
        ),
    ] = 2,
    log: LogFile = None,
    sensitivity: Annotated[
        Level, typer.Option(help="Aimed false alarms per observed hour: low 1, normal 6, high 30.")
    ] = Level.normal,
    threshold: Threshold = None,
    model: ModelFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Analyze thousands of clips on several processes or machines. The same command again goes on where it stopped.

    A clip is done when the log has a complete session of the same content, settings and versions; what failed is tried
    again. A clip that crashes, hangs or takes too much memory is a row in the table with its reason, not the end.
    """
    from detector.batch import clips
    from detector.batch.job import BatchJob
    from detector.batch.run import run

    if workers is not None and scheduler is not None:
        raise UsageError("--workers are of this machine and --scheduler has its own: give one of them.")
    if as_json and output == "-":
        raise UsageError("--json and the table cannot both go to the standard output: give the table a file name.")
    talk, out = _talk(quiet, verbose), Out()
    found = clips.find(source)
    job = BatchJob(found, sensitivity.value, threshold, log, model, output, parquet, time_limit, memory_limit, retries)
    rows: list[Row] = []

    def start() -> Engine:
        from detector.batch.engine import DaskEngine

        return DaskEngine(workers=workers or _cores(), scheduler=scheduler or "", say=talk.say)

    outcome = run(job, start, talk, rows.append if as_json else lambda row: None)
    if as_json:
        from dataclasses import asdict

        from detector.record.export import write_json

        with out.reader():
            write_json(None, "batch", outcome.to_dict() | {"rows": [asdict(row) for row in rows]})
    elif output != "-":
        from detector.batch.words import outcome_table

        out.show(outcome_table(outcome))
    talk.say(outcome.closing_words())
    raise typer.Exit(outcome.exit_code)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
