"""Tables and lists of a report, in words and numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from detector.study import marks
from detector.study.figures import Table
from detector.study.figures_axes import short_date
from detector.study.history import Found
from detector.study.journal_kinds import KINDS
from detector.study.report_data import ReportData
from detector.study.report_words import false_alarms, number
from detector.tables import MEANINGS, words
from detector.types import BothSides, RestingFace

RESTING_NOTE = (
    "Measured while the face is at rest: medians over the sessions, with the middle half of them. These are "
    "measurements and no findings: faces that are not known to be weak differ by up to 1.6 mm, and landmarks "
    "show a droop a quarter too small."
)
# name, what it is, unit, how much to multiply, decimals
_RESTING: tuple[tuple[str, str, str, float, int], ...] = (
    ("mouth_height_mm", "mouth corner below the eyes", "mm", 1.0, 1),
    ("eye_open_mm", "eye opening", "mm", 1.0, 1),
    ("brow_height_mm", "brow over the eye", "mm", 1.0, 1),
    ("lid_closing", "lid closes in a blink", "%", 100.0, 0),
)
_NOTED = ("symptom", "medicine", "note")


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the journal that is told in words."""

    date: str
    words: str


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds with their rates, and for each the evidence of the surest episode."""

    table: Table
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Triggers:
    """Sentences on things written down: those told from chance, those compared in vain, and all the others in one."""

    told: tuple[str, ...]
    compared: tuple[str, ...]
    rest: str


def kinds(data: ReportData) -> Kinds | None:
    """Each kind with its rate, and the evidence for the surest episode of it."""
    by_kind: dict[str, list[Found]] = {}
    for found in data.history.found:
        by_kind.setdefault(found.logged.episode.kind, []).append(found)
    rates = {rate.label: rate for rate in data.kinds}
    rows, evidence = [], []
    for kind, every in sorted(by_kind.items(), key=lambda item: (-len(item[1]), item[0])):
        rate = rates.get(kind)
        known = rate is not None and rate.hours > 0.0
        hourly = f"{number(rate.per_hour)} ({number(rate.low)} to {number(rate.high)})" if known and rate else "unknown"
        surest = max(every, key=lambda one: (one.logged.episode.confidence, one.at))
        evidence.append(
            f"{words(kind)}, {short_date(surest.at.date())} {surest.at:%H:%M}: "
            f"{surest.logged.episode.evidence or 'not kept'}."
        )
        rows.append((f"{words(kind)}: {MEANINGS.get(kind, 'unknown')}", str(len(every)), hourly))
    head = ("kind", "episodes", "an observed hour (95 % interval)")
    return Kinds(Table("Kinds of movement", head, tuple(rows)), tuple(evidence)) if rows else None


def triggers(data: ReportData) -> Triggers | None:
    """What went with more or with fewer episodes; None when nothing was written down that could."""
    if not data.triggers:
        return None
    told = [one.sentence for one in data.triggers if one.told]
    compared = [one for one in data.triggers if not one.told and one.result is not None]
    few = [one.label for one in data.triggers if not one.told and one.result is None]
    rest = (
        [f"No difference that could be told from chance: {_listed([one.label for one in compared])}."]
        if compared
        else []
    )
    rest += [f"Too few watched days with or without it to compare: {_listed(few)}."] if few else []
    return Triggers(tuple(told), tuple(one.sentence for one in compared), " ".join(rest))


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def resting(data: ReportData) -> Table | None:
    """Right against left, over the sessions that measured it."""
    faces = [run.session.resting for run in data.history.runs if run.session.resting is not None]
    rows = [row for spec in _RESTING if (row := _resting_row(faces, *spec)) is not None]
    head = ("at rest", "right", "left", "left minus right (middle half)", "sessions")
    return Table("The face at rest", head, tuple(rows)) if rows else None


def journal(data: ReportData) -> Table | None:
    """How often each kind was written down, and how much."""
    found: dict[str, list[float | None]] = {}
    days: dict[str, set[object]] = {}
    for line in data.history.journal:
        if line.entry.kind == "experiment":
            continue
        found.setdefault(line.entry.kind, []).append(line.entry.value)
        days.setdefault(line.entry.kind, set()).add(line.at.date())
    rows = []
    for kind, values in sorted(found.items(), key=lambda item: (-len(days[item[0]]), item[0])):
        known = [value for value in values if value is not None]
        about = KINDS.get(kind)
        unit = "of 10" if about is not None and about.is_scale else about.unit if about is not None else ""
        amount = f"{statistics.median(known):g} {unit}".strip() if known else ""
        label = about.label if about is not None else kind.replace("_", " ")
        rows.append((label, str(len(values)), str(len(days[kind])), amount))
    return Table("What was written down", ("entry", "times", "days", "median amount"), tuple(rows)) if rows else None


def journal_sentence(data: ReportData) -> str:
    """The table in a sentence, for paper."""
    table = journal(data)
    rows = () if table is None else table.rows
    said = [
        f"{row[0]} on {row[2]} {'day' if row[2] == '1' else 'days'}{f' ({row[3]})' if row[3] else ''}" for row in rows
    ]
    return f"Written down, with the median amount: {', '.join(said)}." if said else ""


def notes(data: ReportData) -> Iterator[Note]:
    """Symptoms, medicines and notes one by one, in order of time."""
    for line in data.history.journal:
        kind = KINDS.get(line.entry.kind)
        if kind is None or kind.group in _NOTED:
            yield Note(short_date(line.at.date(), year=True), marks.words(line.entry))


def method(data: ReportData) -> Iterator[str]:
    """How it was measured, and what cannot be concluded from it."""
    zone = data.history.zone
    yield (
        "Observed time is time with a settled, uncovered face and a noise that would not hide a twitch of 1.5 mm. "
        "Every rate is over observed time; outside it nothing is known, and a day without any is unknown, never zero."
    )
    yield (
        "95 % intervals of rates are exact for a count that varies by chance alone; days differ by more than that, "
        "which comparisons of days allow for."
    )
    if said := false_alarms(data):
        yield said
    yield (
        "Sizes come from the width of the iris (11.7 mm in nearly everyone): the scale is good to about 10 %, the size "
        "of a single twitch to about 30 %. Tested on twitches put into real footage and portraits, not on people with "
        "a twitch: how far a real one moves the skin is not known from anywhere."
    )
    yield "Episodes that a person looked at and rejected are left out, and so are blinks, speech and other movements."
    versions = sorted({run.nasalis_version for run in data.history.runs if run.nasalis_version})
    yield (
        f"Days and hours are those of {zone if zone is not None else 'the computer’s own time zone'}"
        + (f"; found by nasalis {', '.join(versions)}" if versions else "")
        + ". It describes movements and never diagnoses."
    )


def _resting_row(
    faces: list[RestingFace], name: str, what: str, unit: str, times: float, decimals: int
) -> tuple[str, ...] | None:
    measured: list[BothSides] = [sides for face in faces if (sides := getattr(face, name)) is not None]
    if not measured:
        return None

    def median(value: Callable[[BothSides], float]) -> str:
        return f"{times * statistics.median(value(one) for one in measured):.{decimals}f}"

    differences = [times * one.difference for one in measured]
    middle = f"{statistics.median(differences):+.{decimals}f}"
    if len(differences) > 1:
        low, _, high = statistics.quantiles(differences, n=4, method="inclusive")
        middle += f" ({low:+.{decimals}f} to {high:+.{decimals}f})"
    sides = (median(lambda one: one.right), median(lambda one: one.left), middle.replace("-", "−"))
    return (f"{what}, {unit}", *sides, str(len(measured)))
