"""Which formats there are, and which files an export in one of them writes. Libraries are imported when used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from detector.errors import UsageError
from detector.exchange.recording import Recording, recordings
from detector.record import export
from detector.record.entries import LoggedEpisode, LoggedRun
from detector.record.files import is_special, real_path, write_whole

STDOUT = "-"
# of one recording each: times count from its start
SUFFIXES = {"bids": "_events.tsv", "elan": ".eaf", "edf": ".edf", "webvtt": ".vtt"}
BINARY = ("edf", "parquet")
FORMATS = ("csv", "json", "parquet", "boris", *SUFFIXES)


def write(
    fmt: str,
    output: str,
    runs: Sequence[LoggedRun],
    episodes: Sequence[LoggedEpisode],
    *,
    signals: Path | None = None,
) -> list[str]:
    """Write episodes in a format, all files or none.

    Parameters
    ----------
    fmt : str
        One of FORMATS.
    output : str
        A file, ``-`` for stdout, or for the formats of one recording a folder, which gets a file for each.
    runs : sequence of LoggedRun
        All that were looked at, those without an episode too.
    episodes : sequence of LoggedEpisode
    signals : Path, optional
        With ``edf``: what ``analyze --signals`` kept of the recording, or a folder with such files.

    Returns
    -------
    list of str
        The files that were written, without those beside them.

    Raises
    ------
    UsageError
        Several recordings and one file, none at all, signals of another one, or a library that is not there.
    OutputError
        A file cannot be written; those that were there before are untouched.
    """
    if signals is not None and fmt != "edf":
        raise UsageError("--signals is for --format edf: leave it out, or give that format.")
    if fmt in BINARY and output == STDOUT and sys.stdout.isatty():
        raise UsageError(f"--format {fmt} is no text for a terminal: name a file with -o.")
    sessions = [run.session for run in runs]
    if fmt in ("csv", "json"):
        table = export.write_episodes_csv if fmt == "csv" else export.write_episodes_json
        table(output, episodes, sessions)
        return [output]
    found = recordings(runs, episodes)
    if fmt not in SUFFIXES:
        write_whole({_target(output): _whole(fmt, found)})
        return [output]
    chosen = _places(fmt, output, found)
    files: dict[Path | None, bytes] = {}
    make = _maker(fmt, signals)
    for path, recording in chosen:
        files[path] = make(recording)
        if fmt == "bids" and path is not None and not is_special(path):
            from detector.exchange.bids import events_json

            files[path.with_suffix(".json")] = events_json(recording)
    write_whole(files)
    return [STDOUT if path is None else str(path) for path, _ in chosen]


def _places(fmt: str, output: str, found: Sequence[Recording]) -> list[tuple[Path | None, Recording]]:
    if not found:
        raise UsageError(f"--format {fmt} is of a recording, and no session is chosen: list them with nasalis log.")
    folder = output != STDOUT and (output.endswith(os.sep) or Path(output).is_dir())
    if folder:
        if not Path(output).is_dir():
            raise UsageError(f"{output} is no folder: make it first.")
        # BIDS wants a subject, a task and letters or digits only; a log is of one person
        names = [f"sub-01_task-watch_acq-{one.session.session_id}" if fmt == "bids" else one.name for one in found]
        return [(real_path(Path(output) / (name + SUFFIXES[fmt])), one) for name, one in zip(names, found, strict=True)]
    if len(found) > 1:
        raise UsageError(
            f"--format {fmt} is of one recording, and {len(found)} sessions are chosen: choose one with --session ID, "
            "or name a folder with -o that gets a file for each."
        )
    path = _target(output)
    if fmt == "bids" and path is not None and path.suffix.lower() == ".json":
        raise UsageError(f"{output} is the name of the file beside it: name the events with .tsv, e.g. x_events.tsv.")
    return [(path, found[0])]


def _maker(fmt: str, signals: Path | None) -> Callable[[Recording], bytes]:
    if fmt == "bids":
        from detector.exchange.bids import events_tsv

        return events_tsv
    if fmt == "elan":
        from detector.exchange.elan import elan

        return elan
    if fmt == "webvtt":
        from detector.exchange.webvtt import webvtt

        return webvtt
    from detector.exchange.edf import edf

    return lambda recording: edf(recording, signals)


def _whole(fmt: str, found: Sequence[Recording]) -> bytes:
    if fmt == "boris":
        from detector.exchange.boris import boris

        return boris(found)
    from detector.exchange.parquet import parquet

    return parquet(found)


def _target(output: str) -> Path | None:
    return None if output == STDOUT else real_path(output)
