"""Marks that a person made in another program: read from CSV, BIDS events.tsv and ELAN .eaf, all of them or none.

A mark is a span of time with a label. What a label means is looked up in words of our own and of the field; one that is
not among them is a twitch only when the caller says so, for such files hold other things as well (rest, stimuli).
"""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.record.mark_words import ANY, Meaning, is_missing, meaning_of, seconds_of, unit_of
from detector.score_files import SIDES

POINT_S = 0.05  # given to a mark without a length: no twitch is shorter
# What a column may be called, besides how a truth file calls it; without unit, spaces and case.
ALIASES: dict[str, tuple[str, ...]] = {
    "onset": ("onset", "start", "begin", "begintime", "starttime", "from", "tmin"),
    "offset": ("offset", "end", "stop", "endtime", "stoptime", "to", "tmax"),
    "duration": ("duration", "dur", "length"),
    "label": ("kind", "label", "trialtype", "value", "annotation", "type", "behavior", "text"),
    "side": ("side",),
    "muscle": ("muscle",),
    "twitches": ("twitches", "twitchcount", "count"),
    "amplitude_mm": ("amplitudemm",),
    "px_per_mm": ("pxpermm",),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One span that a person marked."""

    start_s: float
    end_s: float
    label: str  # as it was written
    kind: str  # of ours; empty: a twitch of no kind that was told
    side: str
    muscle: str = ""
    twitches: int | None = None
    amplitude_mm: float | None = None
    px_per_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A mark before its label is understood."""

    where: str  # for a sentence about it
    start_s: float
    end_s: float
    cells: Mapping[str, str]  # by the names of ALIASES


def read_marks(path: Path, *, tier: str | None = None, labels: Sequence[str] = ()) -> list[Mark]:
    """The marks of a file, in time order.

    Parameters
    ----------
    path : Path
        ``.eaf`` is ELAN's; anything else is a table with a line of names: commas, semicolons or tabs.
    tier : str, optional
        Of an ELAN file; needed when several have annotations.
    labels : sequence of str
        Only marks with these labels, and all of them are twitches unless the label says otherwise; ``*``: any label.

    Raises
    ------
    UsageError
        Missing or unreadable file, a cell that cannot be right (with its line), a label that is not understood.
    """
    if path.suffix.lower() == ".eaf":
        raw = _elan(path, tier)
    elif tier is not None:
        raise UsageError(f"--tier is for ELAN files, and {path} is none: leave it out")
    else:
        raw = _table(path)
    return sorted(_understood(path, raw, labels), key=lambda mark: (mark.start_s, mark.end_s))


def _understood(path: Path, raw: Sequence[Raw], labels: Sequence[str]) -> list[Mark]:
    wanted = {label.strip().lower() for label in labels}
    marks, strange = [], Counter[str]()
    for one in raw:
        label = one.cells.get("label", "").strip()
        if wanted and ANY not in wanted and label.lower() not in wanted:
            continue
        meaning = meaning_of(label)
        if meaning is None:
            strange[label] += 1
            meaning = Meaning("", "")
        marks.append(_mark(path, one, label, meaning))
    if strange and not wanted:
        told = ", ".join(f"'{label}' ({count})" for label, count in strange.most_common(8))
        raise UsageError(f"{path} has labels that mean nothing here: {told}; name those of twitches with --label")
    if wanted and not marks:
        there = ", ".join(sorted({f"'{one.cells.get('label', '').strip()}'" for one in raw})[:8]) or "none"
        raise UsageError(f"{path} has no mark with --label {' or '.join(labels)}: its labels are {there}")
    return marks


def _mark(path: Path, one: Raw, label: str, meaning: Meaning) -> Mark:
    side = one.cells.get("side", "").strip().lower()
    if side and side not in SIDES:
        raise UsageError(f"{path}, {one.where}: the side '{side}' is not left, right, both or midline, correct it")
    numbers: dict[str, float | None] = {}
    for name in ("twitches", "amplitude_mm", "px_per_mm"):
        text = one.cells.get(name, "").strip()
        try:
            numbers[name] = None if is_missing(text) else float(text)
        except ValueError as error:
            raise UsageError(f"{path}, {one.where}: {name} '{text}' is not a number, correct it") from error
        if not math.isfinite(numbers[name] or 0.0):
            raise UsageError(f"{path}, {one.where}: {name} '{text}' is not finite, correct it")
        if (numbers[name] or 0.0) < 0.0:
            raise UsageError(f"{path}, {one.where}: {name} '{text}' is below 0, correct it")
    count = numbers["twitches"]
    if count is not None and count != int(count):
        raise UsageError(f"{path}, {one.where}: twitches '{count:g}' is not a whole number, correct it")
    return Mark(
        one.start_s, one.end_s, label, meaning.kind, side or meaning.side, one.cells.get("muscle", "").strip(),
        None if count is None else int(count), numbers["amplitude_mm"], numbers["px_per_mm"],
    )  # fmt: skip


def _table(path: Path) -> list[Raw]:
    header, lines = _lines(path)
    columns: dict[str, tuple[str, float]] = {}  # name of ALIASES -> the file's name, seconds per unit
    known_as = {bare: (named, unit_s) for named in reversed(header) for bare, unit_s in [unit_of(named)]}
    for name, aliases in ALIASES.items():
        column = next((known_as[alias] for alias in aliases if alias in known_as), None)
        if column is not None:
            columns[name] = column
    if "onset" not in columns or not {"offset", "duration"} & set(columns):
        raise UsageError(
            f"{path}, line 1: a table of marks needs a column onset and a column offset or duration, "
            f"and has {', '.join(name or 'one without a name' for name in header)}"
        )
    out = []
    for line, cells in lines:
        where = f"line {line}"
        known = {name: cells.get(named, "") for name, (named, _) in columns.items()}
        known = {name: "" if is_missing(text) else text for name, text in known.items()}
        times = {
            name: _time(path, where, name, known.get(name, ""), columns.get(name, ("", 1.0))[1])
            for name in ("onset", "offset", "duration")
        }
        start_s, end_s, length_s = times["onset"], times["offset"], times["duration"]
        if start_s is None:
            raise UsageError(f"{path}, {where}: the onset is missing, write it or take the line out")
        if end_s is None:
            end_s = start_s + (length_s or 0.0)
        out.append(_raw(path, where, start_s, end_s, known))
    return out


def _time(path: Path, where: str, name: str, text: str, unit_s: float) -> float | None:
    if not text:
        return None
    try:
        value = seconds_of(text, unit_s)
    except ValueError as error:
        raise UsageError(
            f"{path}, {where}: the {name} '{text}' is no time: write 12.5, 12500 ms or 0:00:12.5"
        ) from error
    return value


def _raw(path: Path, where: str, start_s: float, end_s: float, cells: Mapping[str, str]) -> Raw:
    if start_s < 0.0:
        raise UsageError(f"{path}, {where}: {start_s:g} s is before the recording begins, correct it")
    if end_s < start_s:
        raise UsageError(f"{path}, {where}: the mark ends at {end_s:g} s and begins at {start_s:g} s, correct it")
    return Raw(where, start_s, end_s if end_s > start_s else start_s + POINT_S, cells)


def _lines(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error}): check its name") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8: save it as CSV, .tsv or ELAN's .eaf") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise UsageError(f"{path} is empty: a table of marks begins with the names of its columns")
    delimiter = max("\t;,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: Iterable[tuple[int, list[str]]] = ((reader.line_num, cells) for cells in reader)
    try:
        rows = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]
    except csv.Error as error:  # a cell of more than 128 KB above all: quotes that were never closed
        raise UsageError(f"{path}, line {reader.line_num}: it is no table ({error}), correct it") from error
    header = [name.strip() for name in rows[0][1]]
    out = []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise UsageError(f"{path}, line {line}: {len(cells)} cells under {len(header)} columns, correct it")
        out.append((line, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return header, out


def _elan(path: Path, tier: str | None) -> list[Raw]:
    try:
        from pympi.Elan import Eaf
    except ImportError as error:
        raise UsageError("ELAN files need pympi-ling: install it with pip install 'nasalis[exchange]'") from error
    if not path.is_file():
        raise UsageError(f"{path} cannot be read: check its name")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of newer versions of the format, which keep what is read here
            file = Eaf(str(path))
        tiers = {name: file.get_annotation_data_for_tier(name) for name in file.get_tier_names()}
    except Exception as error:  # it raises whatever it stumbles over
        raise UsageError(f"{path} is no ELAN file that can be read: open it in ELAN and save it again") from error
    full = [name for name, annotations in tiers.items() if annotations]
    ours = all(_side_of(name) is not None for name in full) and any(_side_of(name) for name in full)
    if tier is None and ours:
        # as they are exported: a tier for each side, and remarks of which nothing is read
        return [mark for name in full if _side_of(name) for mark in _annotations(path, name, tiers[name])]
    if tier is None:
        if len(full) != 1:
            told = ", ".join(f"'{name}' ({len(tiers[name])})" for name in full) or "none"
            raise UsageError(f"{path} has annotations in {len(full)} tiers: {told}; name one with --tier")
        tier = full[0]
    if tier not in tiers:
        raise UsageError(f"{path} has no tier '{tier}': its tiers are {', '.join(tiers) or 'none'}")
    return _annotations(path, tier, tiers[tier])


def _side_of(tier: str) -> str | None:
    """The side of an exported tier such as ``left`` or ``left 2``; empty for its notes, None for another's tier."""
    found = re.fullmatch(rf"({'|'.join(SIDES)}|notes)(?: \d+)?", tier)
    return None if found is None else found[1].replace("notes", "")


def _annotations(path: Path, tier: str, annotations: Iterable[Sequence[Any]]) -> list[Raw]:
    side = _side_of(tier) or ""
    out = []
    for number, annotation in enumerate(annotations, start=1):
        where = f"annotation {number} of tier '{tier}'"
        begin_ms, end_ms, value = annotation[:3]
        if begin_ms is None or end_ms is None:
            raise UsageError(f"{path}, {where}: it has no time of its own, set its beginning and end in ELAN")
        out.append(_raw(path, where, begin_ms / 1000.0, end_ms / 1000.0, {"label": value or "", "side": side}))
    return out
