"""The command ``forget``, see :mod:`cli` and :mod:`detector.forgetting`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.errors import UsageError
from detector.options import AsJson, LogFile, Quiet, Verbose
from detector.terminal import Out, Talk, talk_as_told

app = typer.Typer()  # without a name: its command stands beside the others


@app.command()
def forget(
    session: Annotated[
        list[str] | None,
        typer.Option("--session", metavar="ID", help="A session, or how its id begins or ends; repeatable."),
    ] = None,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME|FILE", help="All of this clip or camera, as nasalis log names it.")
    ] = "",
    sha256: Annotated[str, typer.Option("--sha256", metavar="HEX", help="All of the clip with this hash.")] = "",
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Sessions that began at this time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Sessions that began before this time.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sessions.")] = False,
    journal: Annotated[
        bool, typer.Option("--journal", help="With --all, --since, --until: the journal of that time too.")
    ] = False,
    entry: Annotated[
        list[int] | None,
        typer.Option("--entry", metavar="KEY", help="A journal entry with all it ever said; repeatable."),
    ] = None,
    clips: Annotated[
        Path | None, typer.Option("--clips", metavar="FOLDER", help="Of live --record-clips: their clips there too.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Remove sessions for good, with all that was found in them and was kept of them."""
    from detector import forgetting as work
    from detector import tables
    from detector.record.forget import Wanted

    talk, out = talk_as_told(quiet, verbose), Out()
    if yes and dry_run:
        raise UsageError("--yes and --dry-run contradict each other: give one of them.")
    wanted = Wanted(tuple(session or ()), source, sha256, since, until, everything, journal, tuple(entry or ()))
    planned = work.plan(log, wanted, clips)
    if planned.found.runs and not as_json:
        out.show(work.table_of(planned))
    for path in planned.files:
        talk.detail(path)
    if planned.found.undated:
        count = tables.count_words(planned.found.undated, "session")
        talk.say(f"Of {count} nobody knows when it was: left alone, --session and --source name such.")
    if planned:
        told = ", ".join(tables.count_words(count, name) for name, count in planned.counts().items() if count)
        talk.say(f"To be removed for good from {planned.found.path}: {told}.")
        for path in () if planned.found.everything else planned.damaged:
            talk.say(f"What a repair has kept still holds them, remove it yourself: {path}")
    removed = False
    if planned and not dry_run and (yes or _is_sure()):
        closed = work.carry_out(planned)
        removed = True
        talk.say(f"Removed. Not removed: {work.OUT_OF_REACH}.")
        if not closed:
            talk.error("another program has the log open: the last bytes leave its files when that one ends.")
    else:
        talk.say("Nothing was removed." if planned else "Nothing in the log fits: nothing was removed.")
    if as_json:
        out.write(tables.as_json(planned.document(removed)))


def _is_sure() -> bool:
    """Ask the person.

    Raises
    ------
    UsageError
        Nobody is there to answer.
    """
    talk = Talk()
    if not (sys.stdin is not None and sys.stdin.isatty() and talk.is_terminal):
        raise UsageError("Nobody is there to say yes: add --yes to remove it, or --dry-run to see what it would be.")
    talk.say("This cannot be taken back. Type yes to go on:")
    return sys.stdin.readline().strip().lower() == "yes"
