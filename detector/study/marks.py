"""What of the journal is drawn over time: rows of amounts by day, bands of experiments, and numbered moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from detector.record.entries import JournalEntry
from detector.study.experiments import ExperimentResult
from detector.study.history import History, Written
from detector.study.journal_kinds import KINDS, SYMPTOMS

MOST_NUMBERED = 9
MOST_ROWS = 5
FEW_DAYS = 3  # a kind written down on fewer days is told in words and gets no row
_CHANGES = {"started": "started", "stopped": "stopped", "dose": "new dose", "taken": "taken"}
# an amount of a day adds up in these units; of scales and hours of sleep the largest counts
_ADDS_UP = ("mg", "g", "l", "min", "puffs")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of entry, day by day."""

    kind: str
    label: str
    unit: str  # empty: there or not
    amounts: dict[date, float]  # of the days it was written down on


@dataclass(frozen=True, slots=True)
class Numbered:
    """A moment that is named in a list below the figure."""

    number: int
    date: date
    words: str


@dataclass(frozen=True, slots=True)
class Band:
    """Days of an experiment, both included, and those before it that it is compared with."""

    title: str
    first: date
    last: date
    baseline: date | None


def rows(history: History) -> list[Row]:
    """The kinds written down most often, most first."""
    found: dict[str, dict[date, float]] = {}
    for line in history.journal:
        kind = KINDS.get(line.entry.kind)
        if kind is None or kind.group in ("note", "experiment", "medicine"):
            continue
        amounts = found.setdefault(kind.name, {})
        before = amounts.get(line.at.date(), 0.0)
        value = 1.0 if line.entry.value is None else line.entry.value
        amounts[line.at.date()] = before + value if kind.unit in _ADDS_UP else max(before, value)
    often = sorted((name for name, days in found.items() if len(days) >= FEW_DAYS), key=lambda n: (-len(found[n]), n))
    return [Row(name, KINDS[name].label, KINDS[name].unit, found[name]) for name in often[:MOST_ROWS]]


def numbered(history: History) -> tuple[list[Numbered], int]:
    """Symptoms, changes of medicine and notes, in order of time, and how many more there are.

    A medicine that is taken day after day is told once.
    """
    told: set[tuple[str, str, object]] = set()
    chosen: list[tuple[int, Written]] = []
    for line in history.journal:
        entry = line.entry
        rank = _rank(entry)
        same = (entry.kind, entry.text.casefold(), entry.details.get("change"))
        if rank is None or (rank == 1 and entry.details.get("change", "taken") == "taken" and same in told):
            continue
        told.add(same)
        chosen.append((rank, line))
    chosen.reverse()  # of notes alike the latest
    kept = sorted(chosen, key=lambda row: row[0])[:MOST_NUMBERED]
    ordered = sorted((line for _, line in kept), key=lambda line: line.at)
    return [Numbered(k, line.at.date(), words(line.entry)) for k, line in enumerate(ordered, 1)], len(chosen) - len(
        kept
    )


def bands(experiments: Sequence[ExperimentResult]) -> list[Band]:
    """The experiments as bands."""
    return [Band(one.title, one.start, one.end, one.baseline_start) for one in experiments]


def words(entry: JournalEntry) -> str:
    """One entry as a short phrase, e.g. ``Cetirizine 10 mg started``, ``headache 7 of 10, left``."""
    kind = KINDS.get(entry.kind)
    label = kind.label if kind is not None else entry.kind.replace("_", " ")
    if entry.kind == "note":
        return entry.text
    scale = kind is not None and kind.is_scale
    amount = (
        "" if entry.value is None else f"{entry.value:g} of 10" if scale else f"{entry.value:g} {entry.unit}".strip()
    )
    if kind is not None and kind.group == "medicine":
        parts = [entry.text or label, amount, _CHANGES.get(str(entry.details.get("change", "")), "")]
        return " ".join(part for part in parts if part)
    facts = [" ".join(part for part in (label, amount) if part)]
    if entry.details.get("sudden"):
        facts.append("sudden")
    if entry.details.get("side") in ("left", "right", "both"):
        facts.append({"both": "both sides"}.get(str(entry.details["side"]), str(entry.details["side"])))
    return ", ".join(facts) + (f": {entry.text}" if entry.text else "")


def _rank(entry: JournalEntry) -> int | None:
    if entry.kind in SYMPTOMS:
        return 0
    if entry.kind in ("medication", "supplement"):
        return 1
    return 2 if entry.kind == "note" else None
