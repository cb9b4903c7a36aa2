"""Whether a log is sound: what SQLite says of the file, and whether every row in it is one that nasalis could write."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from detector.record import cut_off, schema
from detector.record.entries import REJECTED_KINDS, REVIEWS
from detector.record.places import is_writable
from detector.record.presence import Presence
from detector.record.reading import open_to_read
from detector.types import Kind, Side

TABLES = ("sessions", "episodes", "twitches", "markers", "gaps", "journal", "reviews")
CODECS: dict[str, Mapping[str, schema.Codec]] = {
    "sessions": schema.SESSION,
    "episodes": schema.EPISODE,
    "twitches": schema.TWITCH,
}
STATUSES = ("running", "complete", "interrupted", "failed")
MOST = 20  # faults of one sort that are listed one by one
_SLACK_S = 1.0  # that observed time may exceed the duration by, which is counted from other frames
_KINDS = (*get_args(Kind), *REJECTED_KINDS)
# what a row is called: with these columns somebody can find it again
_KEYS = {"sessions": ("run",), "episodes": ("run", "number"), "twitches": ("id", "run")}


@dataclass(slots=True)
class Checked:
    """What was found.

    Attributes
    ----------
    faults : list of str
        What is wrong, a sentence each; none in a sound log.
    notes : list of str
        What is worth knowing and no fault.
    rows : dict
        How many there are, by table; without those that could not be counted.
    """

    path: Path
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def words(self) -> str:
        """All of it, to be read."""
        counts = ", ".join(f"{count} {table}" for table, count in self.rows.items())
        verdict = "sound" if self.sound else f"NOT SOUND, {_many(len(self.faults), 'fault')}"
        lines = [f"{self.path}: {verdict}. {counts}.", *(f"  fault: {text}" for text in self.faults)]
        return "\n".join([*lines, *(f"  note: {text}" for text in self.notes)])


def check_log(path: Path, presence: Presence | None = None) -> Checked:
    """Look at everything in the log, and change nothing.

    Parameters
    ----------
    path : Path
    presence : Presence, optional
        What tells which runs are still going on, where the caller has one already.

    Raises
    ------
    LogError
        It is no log, is newer than this program, or cannot be opened or read at all.
    """
    checked = Checked(path)
    opened = open_to_read(path)
    try:
        db = opened.db
        with schema.errors_of(path):
            db.execute("BEGIN")  # one state of it, whoever writes meanwhile
        if opened.copy is not None:
            checked.notes.append("it was read from a copy: it is of an older format, or lies where nothing can be made")
        _try(checked, lambda: _check_file(db, checked))
        for table in TABLES:
            _check_rows(db, table, checked)
        _try(checked, lambda: _check_links(db, checked))
        _try(checked, lambda: _note_open_runs(db, path, checked, presence))
    finally:
        opened.close()
    return checked


def _try(checked: Checked, look: Callable[[], None]) -> None:
    """What SQLite cannot read is a fault of its own, told once."""
    try:
        look()
    except sqlite3.DatabaseError as error:
        if schema.is_busy(error):
            with schema.errors_of(checked.path):
                raise
        fault = f"the file is damaged: {error}"
        if fault not in checked.faults:
            checked.faults.append(fault)


def _check_file(db: sqlite3.Connection, checked: Checked) -> None:
    said = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({MOST})")]
    checked.faults += [f"the file is damaged: {line}" for text in said if text != "ok" for line in text.splitlines()]
    strangers = Counter((row[0], row[2]) for row in db.execute("PRAGMA foreign_key_check"))
    checked.faults += [
        f"{_many(count, 'row')} of {table} belong to {parent} that are not there"
        for (table, parent), count in strangers.items()
    ]


def _check_rows(db: sqlite3.Connection, table: str, checked: Checked) -> None:
    faults: list[str] = []
    count = 0
    try:
        for row in db.execute(f"SELECT rowid AS rowid, * FROM {table} NOT INDEXED ORDER BY rowid"):
            count += 1
            cells = dict(zip(row.keys(), row, strict=True))
            faults += [f"{row_name(table, cells)}: {text}" for text in row_faults(table, cells)]
    except sqlite3.DatabaseError as error:
        checked.faults.append(f"{table}: only {count} of the rows can be read ({error})")
    checked.rows[table] = count
    checked.faults += faults[:MOST]
    if len(faults) > MOST:
        checked.faults.append(f"{table}: {len(faults) - MOST} more of the kind")


def row_name(table: str, cells: Mapping[str, Any]) -> str:
    """What a row is called, e.g. ``episodes, run 3, number 2``."""
    return ", ".join([table, *(f"{key} {cells[key]}" for key in _KEYS.get(table, ("rowid",)))])


def row_faults(table: str, cells: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one row as it is stored."""
    unread = [name for name, codec in CODECS.get(table, {}).items() if not reads(codec, cells[name])]
    unread += [name for name in ("details",) if table == "journal" and not _is_table(cells[name])]
    if unread:
        yield f"{', '.join(unread)} cannot be read"
        return
    check = {
        "sessions": _session,
        "episodes": _episode,
        "twitches": _twitch,
        "markers": lambda row: _unless(_is_number(row["t_s"]), "its time is no number"),
        "gaps": lambda row: _unless(_in_order(row["start_s"], row["end_s"]), "it ends before it begins"),
        "journal": lambda row: _unless(_is_moment(row["at"]), "its time cannot be read"),
        "reviews": lambda row: _unless(row["review"] in REVIEWS, "its review is no word of nasalis"),
    }[table]
    yield from check(cells)


def reads(codec: schema.Codec, cell: object) -> bool:
    """Whether a cell holds what nasalis writes there."""
    text = codec.sql.startswith("TEXT")
    if cell is None:
        return "NOT NULL" not in codec.sql
    if not isinstance(cell, str if text else (int, float)):
        return False
    try:
        codec.decode(cell)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return False
    return True


def _session(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _unless(row["status"] in STATUSES, f"there is no status '{row['status']}'")
    yield from _unless(not row["start_utc"] or _is_moment(row["start_utc"]), "when it began cannot be read")
    numbers = [row[name] for name in ("duration_s", "observed_s", "face_s", "fps", "width", "height", "frames")]
    yield from _unless(all(number is None or number >= 0 for number in numbers), "a length or a count is under 0")
    if row["status"] == "complete" and row["observed_s"] is not None and row["duration_s"] is not None:
        fits = row["observed_s"] <= row["duration_s"] + _SLACK_S
        yield from _unless(fits, "more was observed than there was")


def _episode(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _unless(_in_order(row["start_s"], row["end_s"]), "it ends before it begins")
    yield from _unless(row["kind"] in _KINDS, f"there is no kind '{row['kind']}'")
    yield from _unless(row["review"] in REVIEWS, f"there is no review '{row['review']}'")
    yield from _sided(row)
    yield from _unless(row["twitch_count"] >= 0, "its number of twitches is under 0")
    yield from _unless(_within(row["laterality"], -1.0, 1.0), "its laterality is not between -1 and 1")
    yield from _unless(_within(row["confidence"], 0.0, 1.0), "its confidence is not between 0 and 1")


def _twitch(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _unless(_in_order(row["onset_s"], row["peak_s"], row["offset_s"]), "its times are not in order")
    yield from _sided(row)


def _sided(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _unless(row["side"] in get_args(Side), f"there is no side '{row['side']}'")


def _check_links(db: sqlite3.Connection, checked: Checked) -> None:
    """What rows say of each other."""
    for question, text in (
        (
            "SELECT count(*) FROM twitches t WHERE kept AND episode IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM episodes e WHERE e.run = t.run AND e.number = t.episode)",
            "twitches belong to episodes that are not there",
        ),
        (
            "SELECT count(*) FROM sessions WHERE superseded_by <= run",
            "sessions are superseded by an earlier one",
        ),
        (
            "SELECT count(*) FROM episodes e JOIN reviews r ON r.version = (SELECT max(version) FROM reviews"
            " WHERE run = e.run AND number = e.number)"
            " WHERE (e.review, e.review_kind, e.note) IS NOT (r.review, r.kind, r.note)",
            "episodes do not hold what was said of them last",
        ),
        (
            "SELECT count(*) FROM episodes e WHERE (review != '' OR review_kind != '' OR note != '') AND NOT EXISTS"
            " (SELECT 1 FROM reviews r WHERE r.run = e.run AND r.number = e.number)",
            "episodes hold a review that nobody made",
        ),
        (
            "SELECT count(*) FROM journal WHERE entry < 1 OR (removed AND entry NOT IN"
            " (SELECT entry FROM journal WHERE NOT removed))",
            "journal entries were taken back that were never made",
        ),
    ):
        count = db.execute(question).fetchone()[0]
        if count:
            checked.faults.append(f"{count} {text}")


def _note_open_runs(db: sqlite3.Connection, path: Path, checked: Checked, presence: Presence | None) -> None:
    own = Presence(path) if presence is None and is_writable(path) else None
    try:
        gone, unknown = cut_off.find(db, path, presence or own)
    finally:
        if own is not None:
            own.close()
    if gone:
        checked.notes.append(
            f"{_many(len(gone), 'session')} {'was' if len(gone) == 1 else 'were'} cut off (run {_list(gone)}): "
            "marked as interrupted by the next that begins, or by nasalis log --repair"
        )
    if unknown:
        checked.notes.append(
            f"{_many(len(unknown), 'session')} {'is' if len(unknown) == 1 else 'are'} going on, "
            f"or {'was' if len(unknown) == 1 else 'were'} cut off (run {_list(unknown)}): it cannot be told from here"
        )


def _unless(good: bool, text: str) -> Iterator[str]:
    if not good:
        yield text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _in_order(*times: object) -> bool:
    numbers = [time for time in times if isinstance(time, int | float) and math.isfinite(time)]
    return len(numbers) == len(times) and numbers == sorted(numbers)


def _within(value: Any, low: float, high: float) -> bool:
    return value is None or low <= value <= high


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _is_table(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _list(runs: list[int]) -> str:
    return ", ".join(map(str, runs[:MOST])) + (", ..." if len(runs) > MOST else "")
