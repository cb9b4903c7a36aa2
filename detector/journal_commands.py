"""The commands ``nasalis journal ...``: one short function each. What they do is in :mod:`detector.study`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.errors import UsageError
from detector.options import AsJson, LogFile, Quiet, Verbose
from detector.terminal import Out, Talk, plain, talk_as_told

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from detector.record.entries import JournalEntry
    from detector.study.journal import Facts, Noted


class SideOfFace(StrEnum):
    left = "left"
    right = "right"
    both = "both"


_OPTIONS = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    name="journal",
    help="What you took, did and felt: to be seen beside what was found.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=_OPTIONS,
)
experiment = typer.Typer(
    name="experiment",
    help="Change one thing for some days, and compare.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=_OPTIONS,
)
app.add_typer(experiment)

Key = Annotated[int, typer.Argument(metavar="KEY", min=1, help="Number of the entry, as journal list shows it.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help='When: "yesterday 22:30", "20 min ago", "2026-03-01 08:10"; default now.'
    ),
]
ZoneName = Annotated[
    str | None, typer.Option("--zone", metavar="ZONE", help="Of that time, e.g. Europe/Berlin; default the computer's.")
]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A remark.")]
Side = Annotated[SideOfFace | None, typer.Option("--side", help="Of a symptom: your own left or right.")]
Sudden = Annotated[
    bool | None, typer.Option("--sudden/--gradual", show_default=False, help="Of a symptom: how it came.")
]
Quality = Annotated[int | None, typer.Option("--quality", metavar="1-5", help="Of sleep: 1 very bad, 5 very good.")]
Started = Annotated[bool, typer.Option("--started", help="Of a medicine: from now on.")]
Stopped = Annotated[bool, typer.Option("--stopped", help="Of a medicine: no longer.")]
DoseChanged = Annotated[bool, typer.Option("--dose-changed", help="Of a medicine: from now on this dose.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Then or later, e.g. 2026-03-01.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind, e.g. caffeine.")]
Removed = Annotated[bool, typer.Option("--removed", help="Also what was taken back.")]


@app.command()
def add(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WHAT", help="A kind, then how much or which: caffeine espresso, sleep 7h30, stress 6."),
    ],
    at: At = None,
    zone: ZoneName = None,
    note: Note = None,
    side: Side = None,
    sudden: Sudden = None,
    quality: Quality = None,
    started: Started = False,
    stopped: Stopped = False,
    dose_changed: DoseChanged = False,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write something down. The kinds are listed by: nasalis journal kinds."""
    from detector.record.log import EpisodeLog
    from detector.study import journal, journal_book

    talk = talk_as_told(quiet, verbose)
    facts = _facts(side, sudden, quality, started, stopped, dose_changed, note)
    noted = journal.new_entry(words, facts, at, zone, now=_now())
    _warn([noted.entry], talk)  # before anything else that can go wrong
    with EpisodeLog(log) as book:
        stored = journal_book.write(book, noted.entry)
    _tell(journal.Noted(stored, noted.remarks), as_json, talk)


@app.command()
def edit(
    key: Key,
    words: Annotated[list[str] | None, typer.Argument(metavar="WHAT", help="The new amount or words.")] = None,
    at: At = None,
    zone: ZoneName = None,
    note: Note = None,
    side: Side = None,
    sudden: Sudden = None,
    quality: Quality = None,
    started: Started = False,
    stopped: Stopped = False,
    dose_changed: DoseChanged = False,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Change what is given of an entry. What it said before stays in the log: journal list --history KEY."""
    from detector.record.log import EpisodeLog
    from detector.study import journal_book

    talk = talk_as_told(quiet, verbose)
    facts = _facts(side, sudden, quality, started, stopped, dose_changed, note)
    with EpisodeLog(log, must_exist=True) as book:
        noted = journal_book.edit(book, key, words or [], facts, at, zone, now=_now())
    _warn([noted.entry], talk)
    _tell(noted, as_json, talk)


@app.command()
def remove(
    key: Key,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back what was taken back.")] = False,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take an entry back. It stays in the log, and counts no longer."""
    from detector.record.log import EpisodeLog
    from detector.study import journal_book

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log, must_exist=True) as book:
        stored = journal_book.remove(book, key, undo=undo)
    _show_entry(stored, as_json)
    talk.say("Brought back." if undo else f"Taken back; nasalis journal remove {stored.key} --undo brings it back.")


@app.command(name="list")
def list_entries(
    since: Since = None,
    until: Until = None,
    kind: Kind = None,
    removed: Removed = False,
    history: Annotated[
        int | None, typer.Option("--history", metavar="KEY", min=1, help="All versions of this entry.")
    ] = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the entries, each by the clock it was written by."""
    from detector import journal_tables, tables
    from detector.record.log import EpisodeLog
    from detector.study import journal, journal_book

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log, must_exist=True) as book:
        if history is None:
            rows = journal_book.entries(book, since=since, until=until, kind=kind, removed=removed, now=_now())
        else:
            rows = book.journal_versions(history)
    if as_json:
        Out().write(tables.as_json({"entries": [journal.entry_document(row) for row in rows]}))
    else:
        Out().show(journal_tables.journal_table(rows) if history is None else journal_tables.history_table(rows))
        talk.say(f"Log: {book.path}")


@app.command()
def kinds(as_json: AsJson = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """List everything that can be written down, with units and known servings."""
    from detector import journal_tables, tables
    from detector.study.journal_kinds import KINDS

    if as_json:
        Out().write(tables.as_json({"kinds": list(KINDS.values())}))
    else:
        Out().show(journal_tables.kind_table())
        talk_as_told(quiet, verbose).say(journal_tables.KIND_NOTES)


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", allow_dash=True, help="CSV; - reads the standard input.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out instead of importing nothing.")
    ] = False,
    zone: ZoneName = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Add the rows of a CSV that are not in the journal yet. It needs the columns at and kind."""
    from detector import journal_tables, tables
    from detector.record.log import EpisodeLog
    from detector.study import journal_import

    talk = talk_as_told(quiet, verbose)
    content, name = journal_import.read_bytes(file)
    with EpisodeLog(log) as book:
        found = journal_import.import_csv(book, content, name, zone, skip_bad=skip_bad, now=_now())
    if as_json:
        Out().write(tables.as_json(journal_tables.import_document(found)))
    for line in journal_tables.import_lines(found):
        talk.say(line)
    _warn([entry for _, entry in found.entries], talk)


@app.command()
def export(
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="CSV, or JSON with --json.")] = "-",
    since: Since = None,
    until: Until = None,
    kind: Kind = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the journal to CSV, with a JSON beside it that explains the columns."""
    from detector.record.log import EpisodeLog
    from detector.study import journal_book, journal_csv

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log, must_exist=True) as book:
        rows = journal_book.entries(book, since=since, until=until, kind=kind, now=_now())
    with Out().reader():
        (journal_csv.export_json if as_json else journal_csv.export_csv)(output, rows)
    talk.say(f"Entries written: {len(rows)}.")


@experiment.command()
def start(
    title: Annotated[str, typer.Argument(metavar="WHAT", help='What you change, e.g. "no caffeine".')],
    days: Annotated[int, typer.Option("--days", metavar="N", help="How long; the first day counts.")],
    baseline: Annotated[
        int | None, typer.Option("--baseline", metavar="N", help="Compare with so many days before; default all.")
    ] = None,
    at: At = None,
    zone: ZoneName = None,
    note: Note = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Begin an experiment, today or on the day of --at."""
    from detector.record.log import EpisodeLog
    from detector.study import journal_book

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log) as book:
        noted = journal_book.start_experiment(book, title, days, baseline, at, zone, note, now=_now())
    _tell(noted, as_json, talk)


@experiment.command()
def stop(
    key: Annotated[int | None, typer.Argument(metavar="[KEY]", min=1, help="Which; default the running one.")] = None,
    at: At = None,
    zone: ZoneName = None,
    log: LogFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """End the running experiment before its time. The day of stopping no longer belongs to it."""
    from detector.record.log import EpisodeLog
    from detector.study import journal_book

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log, must_exist=True) as book:
        noted = journal_book.stop_experiment(book, key, at, zone, now=_now())
    _tell(noted, as_json, talk)


@experiment.command(name="list")
def list_experiments(
    log: LogFile = None, as_json: AsJson = False, quiet: Quiet = False, verbose: Verbose = False
) -> None:
    """List the experiments, running and past."""
    from detector import journal_tables, tables
    from detector.record.log import EpisodeLog
    from detector.study import journal_book

    talk = talk_as_told(quiet, verbose)
    with EpisodeLog(log, must_exist=True) as book:
        rows = journal_book.experiments(book)
    today = _now().date()
    if as_json:
        Out().write(tables.as_json({"experiments": journal_tables.experiment_documents(rows, today)}))
    else:
        Out().show(journal_tables.experiment_table(rows, today))
        talk.say(f"Log: {book.path}")


def _now() -> datetime:
    from datetime import datetime

    return datetime.now().astimezone()


def _facts(
    side: object,
    sudden: bool | None,
    quality: int | None,
    started: bool,
    stopped: bool,
    dose_changed: bool,
    note: str | None,
) -> Facts:
    from detector.study.journal import Facts

    changes = [name for name, said in (("started", started), ("stopped", stopped), ("dose", dose_changed)) if said]
    if len(changes) > 1:
        raise UsageError("--started, --stopped and --dose-changed contradict each other: give one of them")
    return Facts(None if side is None else str(side), sudden, quality, changes[0] if changes else None, note)


def _tell(noted: Noted, as_json: bool, talk: Talk) -> None:
    """The entry as stored on stdout, what was taken for granted on stderr."""
    _show_entry(noted.entry, as_json)
    for remark in noted.remarks:
        talk.say(f"{remark[:1].upper()}{remark[1:]}.")


def _show_entry(entry: JournalEntry, as_json: bool) -> None:
    from detector.study import journal

    if as_json:
        from detector import tables

        Out().write(tables.as_json(journal.entry_document(entry)))
    else:
        Out().write(f"{plain(journal.stored_words(entry))}\n")


def _warn(entries: Iterable[JournalEntry], talk: Talk) -> None:
    from detector.study.urgent_words import urgent_sentence

    for sentence in dict.fromkeys(urgent_sentence(entry) for entry in entries):
        if sentence:
            talk.error(sentence)
