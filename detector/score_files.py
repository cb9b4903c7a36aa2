"""What ``nasalis score`` reads: a truth file, ``episodes.csv`` or ``twitches.csv``, and the observed time beside it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from detector.errors import UsageError
from detector.record.entries import REJECTED_KINDS
from detector.record.export import sidecar_path

TRUTH_COLUMNS = ("event", "kind", "muscle", "side", "onset_s", "offset_s", "twitches", "amplitude_mm", "px_per_mm")
SIDES = ("left", "right", "both", "midline")
_YES = ("true", "1", "yes")
_NO = ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """One line of a truth file: a single twitch, a train, or a distractor that is not to be found."""

    event: str
    kind: str
    muscle: str
    side: str  # empty when not known
    onset_s: float
    offset_s: float
    twitches: int | None  # in the event; None when not known
    amplitude_mm: float | None
    px_per_mm: float | None

    @property
    def distractor(self) -> bool:
        """True for blinks, speech and the like: finding it is a false alarm."""
        return self.kind in REJECTED_KINDS

    @property
    def amplitude_px(self) -> float | None:
        """Size in px of the picture; None when the size or the scale is not known."""
        if self.amplitude_mm is None or self.px_per_mm is None:
            return None
        return self.amplitude_mm * self.px_per_mm


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One line of ``episodes.csv`` or ``twitches.csv``."""

    name: str
    kind: str  # empty for a twitch
    side: str
    start_s: float
    end_s: float
    twitch_count: int | None
    peak_mm: float | None
    claimed: bool  # False: found but rejected (kept is false, or a kind such as blink)
    single: bool  # a line of twitches.csv


class _Row(NamedTuple):
    path: Path
    line: int
    cells: Mapping[str, str]

    def fail(self, column: str, wanted: str) -> UsageError:
        found = self.cells.get(column, "")
        return UsageError(f"{self.path}, line {self.line}, column {column}: '{found}' is not {wanted}, correct it")

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def number(self, column: str) -> float | None:
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError as error:
            raise self.fail(column, "a number") from error
        if not math.isfinite(value):
            raise self.fail(column, "a finite number")
        return value

    def seconds(self, column: str) -> float:
        value = self.number(column)
        if value is None or value < 0.0:
            raise self.fail(column, "a time in seconds from 0 on")
        return value

    def size(self, column: str) -> float | None:
        value = self.number(column)
        if value is not None and value < 0.0:
            raise self.fail(column, "a size (leave it empty when unknown)")
        return value or None  # a size of 0 is none: nothing moved

    def whole(self, column: str) -> int | None:
        value = self.number(column)
        if value is not None and (value < 0 or value != int(value)):
            raise self.fail(column, "a whole number")
        return None if value is None else int(value)

    def side(self, column: str) -> str:
        value = self.text(column)
        if value and value not in SIDES:
            raise self.fail(column, "left, right, both or midline")
        return value


def read_truth(path: Path) -> list[TruthEvent]:
    """The events of a truth file in time order.

    Columns ``event,kind,muscle,side,onset_s,offset_s,twitches,amplitude_mm,px_per_mm``, in any order and among others;
    every cell but the two times may be empty (unknown). No lines means that nothing was to be found.

    Raises
    ------
    UsageError
        Missing file or column, or a cell that cannot be right: with its line and column.
    """
    header, rows = _read(path)
    missing = [name for name in TRUTH_COLUMNS if name not in header]
    if missing:
        raise UsageError(
            f"{path}, line 1: a truth file needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            " (the truth is the second of the two files)"
        )
    events = []
    for row in rows:
        onset, offset = row.seconds("onset_s"), row.seconds("offset_s")
        if offset <= onset:
            raise row.fail("offset_s", "after onset_s")
        events.append(
            TruthEvent(
                row.text("event"), row.text("kind"), row.text("muscle"), row.side("side"), onset, offset,
                row.whole("twitches"), row.size("amplitude_mm"), row.size("px_per_mm"),
            )
        )  # fmt: skip
    return sorted(events, key=lambda event: (event.onset_s, event.offset_s))


def read_found(path: Path) -> list[FoundEvent]:
    """The lines of an ``episodes.csv`` or ``twitches.csv`` in time order, the rejected ones marked as not claimed.

    Raises
    ------
    UsageError
        Missing file or column, a cell that cannot be right, or findings of more than one session: a truth file is
        about one clip.
    """
    header, rows = _read(path)
    if {"start_s", "end_s"} <= set(header):
        found = [_episode(row) for row in rows]
        names = {row.text("session_id") for row in rows}
    elif {"onset_s", "offset_s", "kept"} <= set(header):
        found = [_twitch(row) for row in rows]
        names = {row.text("twitch_id").rpartition("-")[0] for row in rows}
    else:
        hint = " (it looks like a truth file: name what was found first)" if "event" in header else ""
        raise UsageError(f"{path}, line 1: these are not the columns of an episodes.csv or twitches.csv{hint}")
    if len(names) > 1:
        raise UsageError(f"{path} holds findings of {len(names)} sessions: export the one that the truth is about")
    return sorted(found, key=lambda event: (event.start_s, event.end_s))


def read_observed_s(path: Path) -> float | None:
    """Observed seconds from the JSON beside the CSV ``path``; None when there is none, or more than one session."""
    try:
        about = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
        if len(about["sessions"]) != 1:
            return None
        observed = about["sessions"][0]["observed_s"]
        return float(observed) if observed is not None and math.isfinite(observed) else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # none, or another program's: nothing is guessed
        return None


def _episode(row: _Row) -> FoundEvent:
    start, end = row.seconds("start_s"), row.seconds("end_s")
    if end < start:
        raise row.fail("end_s", "at or after start_s")
    kind = row.text("kind")
    return FoundEvent(
        row.text("episode_id"), kind, row.side("side"), start, end, row.whole("twitch_count"), row.number("peak_mm"),
        kind not in REJECTED_KINDS, False,
    )  # fmt: skip


def _twitch(row: _Row) -> FoundEvent:
    start, end = row.seconds("onset_s"), row.seconds("offset_s")
    if end < start:
        raise row.fail("offset_s", "at or after onset_s")
    kept = row.text("kept").lower()
    if kept not in _YES + _NO:
        raise row.fail("kept", "true or false")
    return FoundEvent(
        row.text("twitch_id"), "", row.side("side"), start, end, 1, row.number("amplitude_mm"), kept in _YES, True
    )


def _read(path: Path) -> tuple[list[str], list[_Row]]:
    rows: list[_Row] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader: Any = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise UsageError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns, "
                        "write numbers with a dot and put texts that hold a comma in quotes"
                    )
                rows.append(_Row(path, reader.line_num, dict(zip(header, cells, strict=True))))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error}): check its name") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file in UTF-8: save it as one") from error
    if not any(header):
        raise UsageError(f"{path} is empty: a CSV file begins with the names of its columns")
    return header, rows
