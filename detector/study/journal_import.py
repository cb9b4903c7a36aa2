"""The journal from CSV. What was exported is read to the letter, a sheet made by hand with more sense."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.errors import SourceError, UsageError
from detector.record.entries import JournalEntry
from detector.record.harmless import undefused, unshown
from detector.record.log import EpisodeLog
from detector.study.journal import entry_of, split_kind
from detector.study.journal_amounts import in_unit, number_of, parse_amount
from detector.study.journal_book import refuse_overlap
from detector.study.journal_csv import COLUMNS, FACTS, TEXTS
from detector.study.journal_kinds import EntryKind
from detector.study.journal_times import Moment, Zone, parse_moment, zone_named

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.]\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf(?:inity)?)", re.I)
LONGEST_CELL = 2**24  # characters: a note may be long; without a limit one stray quote would take the whole file


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be imported."""

    line: int  # in the file, from 1
    problem: str


@dataclass(slots=True)
class Imported:
    """What came of a file."""

    rows: int = 0
    known: int = 0  # were in the log already, or twice in the file
    entries: list[tuple[int, JournalEntry]] = field(default_factory=list)  # with their lines
    bad: list[BadRow] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)  # line, what was taken for granted


def import_csv(
    book: EpisodeLog, content: bytes, name: str, zone: str | None = None, *, skip_bad: bool = False, now: datetime
) -> Imported:
    """Keep what a file holds and the log does not; all of it or, unless ``skip_bad``, nothing.

    A row that the log has, in any version of any entry, is not imported again: what was changed or taken back since
    does not return with the next import of the same sheet.

    Raises
    ------
    UsageError
        A bad row without ``skip_bad``; the first is named, the others are counted.
    SourceError
        The file is no CSV of a journal.
    """
    found = read_csv(content, name, zone, now=now)
    fresh: list[tuple[int, JournalEntry]] = []

    def inside() -> Iterator[JournalEntry]:
        in_log = _times_in_log(book.journal_all_versions())
        for line, entry in found.entries:
            same = _identity(entry)
            if in_log[same] > 0:
                in_log[same] -= 1
                found.known += 1
                continue
            try:
                refuse_overlap(book, entry)
            except UsageError as error:
                found.bad.append(BadRow(line, str(error)))
                _refuse_bad(found, name, skip_bad)
                continue
            fresh.append((line, entry))
            yield entry

    _refuse_bad(found, name, skip_bad)
    book.write_journal(inside())
    found.entries = fresh
    return found


def _refuse_bad(found: Imported, name: str, skip_bad: bool) -> None:
    if not found.bad or skip_bad:
        return
    first, more = found.bad[0], len(found.bad) - 1
    others = f"; {more} more {'row is' if more == 1 else 'rows are'} bad too" if more else ""
    raise UsageError(
        f"{name}, line {first.line}: {first.problem}{others}. Nothing was imported: mend the file, or leave "
        "bad rows out with --skip-bad"
    )


def read_bytes(path: Path) -> tuple[bytes, str]:
    """What is in a file, or comes on the standard input (``-``), and how to name it.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(), "the standard input"
        return path.read_bytes(), str(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}): check its name") from error


def read_csv(content: bytes, name: str, zone: str | None = None, *, now: datetime) -> Imported:
    """The entries of a file; bad rows apart, and rows that are in it twice only once.

    Raises
    ------
    SourceError
        It is no CSV of a journal.
    """
    reader = csv.reader(io.StringIO(_text(content, name), newline=""), delimiter=_delimiter(content), strict=True)
    place = zone_named(zone)
    found = Imported()
    header: list[str] | None = None
    seen: set[tuple[Any, ...]] = set()
    line = 1
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, name)
                continue
            found.rows += 1
            try:
                entry, number, remarks = _entry(header, cells, place, now)
            except UsageError as error:
                found.bad.append(BadRow(first, str(error)))
                continue
            same = (number, _identity(entry))
            if same in seen:
                found.known += 1
                continue
            seen.add(same)
            found.entries.append((first, entry))
            found.remarks += [(first, remark) for remark in remarks]
    except csv.Error as error:
        raise SourceError(
            f"{name} is no CSV from line {line} on ({error}): look for a quote that never ends"
        ) from error
    finally:
        csv.field_size_limit(before)  # the limit is that of the whole program
    if header is None:
        raise SourceError(f"{name} is empty: its first line must name the columns, at least at and kind")
    return found


def _text(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{name} is in UTF-16: save it as CSV UTF-8")
    if b"\0" in content:
        raise SourceError(f"{name} is no text: save the sheet as CSV UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{name} is not in UTF-8 (line {line}): save it as CSV UTF-8") from error


def _delimiter(content: bytes) -> str:
    # spreadsheets of countries with a decimal comma part the columns by semicolons
    first = content.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    return max(",;\t", key=lambda mark: first.count(mark.encode()))


def _header(cells: list[str], name: str) -> list[str]:
    header = ["_".join(cell.casefold().split()) for cell in cells]
    missing = [column for column in ("at", "kind") if column not in header]
    if missing:
        raise SourceError(f"{name} has no column {' and '.join(missing)}: its first line must name the columns")
    unknown = [cell for cell, column in zip(cells, header, strict=True) if column not in COLUMNS]
    if unknown:
        raise SourceError(f"{name} has a column '{unknown[0]}' that is not known: there are {', '.join(COLUMNS)}")
    twice = [column for column, count in Counter(header).items() if count > 1]
    if twice:
        raise SourceError(f"{name} has the column {twice[0]} twice: leave one of them out")
    return header


def _entry(
    header: list[str], cells: list[str], place: Zone, now: datetime
) -> tuple[JournalEntry, str, tuple[str, ...]]:
    if len(cells) > len(header):
        raise UsageError(
            f"it has {len(cells)} cells where the header has {len(header)}: put a text with commas in quotes"
        )
    row = dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False))
    row = {name: unshown(undefused(cell if name in TEXTS else cell.strip())) for name, cell in row.items()}
    if not row["at"] or not row["kind"].strip():
        raise UsageError(f"it has no {'at' if not row['at'] else 'kind'}: each row says what it was, and when")
    kind, stands_for = split_kind([row["kind"].strip()])
    zone = row["zone"].strip()
    moment = parse_moment(row["at"], zone_named(zone) if zone else place, now)
    if zone and not moment.zone:
        moment = Moment(moment.at, zone_named(zone).name, moment.remarks)
    by_hand = "entry" not in header
    value, text, remark = _amount(kind, row, stands_for, by_hand=by_hand)
    details = _details(kind.details, row)
    if by_hand and "change" in kind.details:
        details.setdefault("change", "taken")
    entry = entry_of(kind, moment, value, text, details)
    return entry, row["entry"], (*((remark,) if remark else ()), *moment.remarks)


def _amount(kind: EntryKind, row: dict[str, str], stands_for: str, *, by_hand: bool) -> tuple[float | None, str, str]:
    value, unit = row["value"], row["unit"].strip()
    text = row["text"] or stands_for
    if _PLAIN_NUMBER.fullmatch(value) and kind.amount != "none":
        number = number_of(value) if "," in value else float(value)
        if not math.isfinite(number):
            raise UsageError(f"'{value}' is no number: leave the value empty when it is not known")
        if unit.casefold().removesuffix("s") in {
            part for p in kind.presets for part in (p.name.casefold(), *p.aliases)
        }:
            amount = parse_amount(kind, f"{number:g} {unit}")
            return amount.value, text or amount.text, amount.remark
        return in_unit(kind, number, unit), text, ""
    if value:
        amount = parse_amount(kind, f"{value} {unit}".strip())
        return amount.value, " ".join(part for part in (amount.text, text) if part), amount.remark
    if kind.amount == "needed" or (by_hand and kind.group == "medicine"):
        amount = parse_amount(kind, text)
        return amount.value, amount.text, amount.remark
    return None, text, ""


def _details(allowed: tuple[str, ...], row: dict[str, str]) -> dict[str, Any]:
    try:
        details: dict[str, Any] = json.loads(row["details"]) if row["details"].strip() else {}
    except ValueError as error:
        raise UsageError("its details are no JSON: leave them empty, or as they were exported") from error
    if not isinstance(details, dict):
        raise UsageError("its details are no JSON object: leave them empty, or as they were exported")
    for name in FACTS:
        cell = row[name]
        if name in ("baseline_days", "stopped") and name in allowed:
            details.setdefault(name, None)
        if not cell.strip():
            continue
        if name == "sudden":
            if cell.casefold() not in _TRUTHS:
                raise UsageError(f"sudden is true or false, not '{cell}'")
            details[name] = _TRUTHS[cell.casefold()]
        elif name in ("quality", "baseline_days"):
            if not re.fullmatch(r"\d{1,4}", cell):
                raise UsageError(f"{name} is a whole number, not '{cell}'")
            details[name] = int(cell)
        else:
            details[name] = cell
    return details


def _identity(entry: JournalEntry) -> tuple[Any, ...]:
    """What makes two entries the same; the same moment in another zone is the same moment."""
    details = {name: value for name, value in entry.details.items() if value is not None}
    moment = datetime.fromisoformat(entry.at).timestamp()
    return (entry.kind, moment, entry.value, entry.unit, entry.text, json.dumps(details, sort_keys=True))


def _times_in_log(versions: Iterable[JournalEntry]) -> Counter[tuple[Any, ...]]:
    """How many entries are, or once were, like this."""
    return Counter(same for _, same in {(entry.key, _identity(entry)) for entry in versions})
