"""The journal: what a person said as an entry, an entry changed, and an entry in words. No files and no SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from detector.errors import UsageError
from detector.record.entries import JournalEntry, clean_text
from detector.study.journal_amounts import checked, parse_amount
from detector.study.journal_kinds import (
    CHANGES,
    KINDS,
    LONGEST,
    QUALITY_HIGH,
    QUALITY_LOW,
    SIDES,
    EntryKind,
    kind_named,
    nearest_kind,
)
from detector.study.journal_times import Moment, parse_moment, zone_named

_CHANGE_WORDS = {"started": "started", "stopped": "stopped", "dose": "dose changed", "taken": "taken"}


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What goes with an entry besides its amount and words; None: not said."""

    side: str | None = None
    sudden: bool | None = None
    quality: int | None = None
    change: str | None = None
    note: str | None = None

    def given(self) -> dict[str, Any]:
        """Those that were said, by name."""
        facts = dataclasses.asdict(self)
        return {name: value for name, value in facts.items() if value is not None}


@dataclasses.dataclass(frozen=True, slots=True)
class Noted:
    """An entry, and what was taken for granted on the way to it."""

    entry: JournalEntry
    remarks: tuple[str, ...] = ()


def split_kind(said: Sequence[str]) -> tuple[EntryKind, str]:
    """The kind at the beginning of what was said, which may be of several words, and the rest.

    Raises
    ------
    UsageError
        There is no such kind.
    """
    words = " ".join(said).split(" ")
    for count in range(min(LONGEST, len(words)), 0, -1):
        found = kind_named(" ".join(words[:count]))
        if found is not None:
            kind, stands_for = found
            return kind, " ".join((stands_for, *words[count:])).strip()
    near = nearest_kind(" ".join(words)) or nearest_kind(words[0])
    hint = f"did you mean {near}?" if near else "nasalis journal kinds lists them"
    raise UsageError(f"there is no kind of entry '{words[0]}': {hint}")


def new_entry(
    said: Sequence[str], facts: Facts, at: str | None = None, zone: str | None = None, *, now: datetime
) -> Noted:
    """The entry that is meant.

    Parameters
    ----------
    said : sequence of str
        The kind, then an amount or words: ``caffeine 2 espresso``, ``sleep 7h30``.
    facts : Facts
        Only those that the kind can carry.
    at, zone : str or None
        When, and in which zone; None: now, and the zone of this computer.
    now : datetime
        With its offset.

    Raises
    ------
    UsageError
        Something in it cannot be understood, or cannot be true.
    """
    kind, rest = split_kind(said)
    if kind.name == "experiment":
        raise UsageError('an experiment begins with: nasalis journal experiment start "no caffeine" --days 5')
    place = zone_named(zone)
    moment = parse_moment(at, place, now)
    amount = parse_amount(kind, rest)
    text, details = _with_facts(kind, amount.text, {}, facts, with_words=bool(amount.text))
    if "change" in kind.details:
        details.setdefault("change", "taken")
    entry = entry_of(kind, moment, amount.value, text, details)
    return Noted(entry, (*(part for part in (amount.remark,) if part), *moment.remarks))


def entry_of(kind: EntryKind, moment: Moment, value: float | None, text: str, details: dict[str, Any]) -> JournalEntry:
    """An entry of parts that were understood, if they make sense together.

    Raises
    ------
    UsageError
        They do not.
    """
    if value is not None:
        checked(kind, value)
    elif kind.amount == "needed":
        raise UsageError(f"{kind.label} needs an amount: write it like {kind.example}")
    if kind.words == "needed" and not text.strip():
        what = "its words" if kind.name == "note" else "a name"
        raise UsageError(f"{kind.label} needs {what}: write it like {kind.example}")
    return JournalEntry(
        kind=kind.name,
        at=moment.text,
        zone=moment.zone,
        value=value,
        unit="" if value is None else kind.unit,
        text=_cleaned(text),
        details=checked_details(kind, details),
    )


def changed_entry(
    entry: JournalEntry, said: Sequence[str], facts: Facts, at: str | None, zone: str | None, *, now: datetime
) -> Noted:
    """The next version of ``entry``: what is given is changed, all else stays.

    A zone without a time keeps what the clock showed and moves the entry to that zone.

    Raises
    ------
    UsageError
        As for :func:`new_entry`; also when nothing is given, or the entry was taken back.
    """
    if entry.removed:
        raise UsageError(f"entry {entry.key} was taken back: nasalis journal remove {entry.key} --undo brings it back")
    kind = KINDS.get(entry.kind)
    if kind is None:
        raise UsageError(f"entry {entry.key} is of the kind '{entry.kind}', which this version cannot change")
    words = " ".join(said).strip()
    if not words and not facts.given() and at is None and zone is None:
        raise UsageError('nothing to change was given: e.g. an amount, --note "..." or --at "yesterday 22:30"')
    value, text, remarks = entry.value, entry.text, []
    if words:
        loose = kind if any(char.isdigit() for char in words) else dataclasses.replace(kind, amount="optional")
        amount = parse_amount(kind if kind.amount == "none" else loose, words)
        value = entry.value if amount.value is None else amount.value
        text = amount.text or text
        remarks += [amount.remark] if amount.remark else []
    moment = Moment(datetime.fromisoformat(entry.at), entry.zone)
    if at is not None or zone is not None:
        place = zone_named(zone if zone is not None else entry.zone)
        shown = at if at is not None else f"{moment.at.replace(tzinfo=None):%Y-%m-%d %H:%M:%S}"
        moment = parse_moment(shown, place, now)
        remarks += moment.remarks
    text, details = _with_facts(kind, text, dict(entry.details), facts, with_words=bool(words))
    changed = entry_of(kind, moment, value, text, details)
    return Noted(dataclasses.replace(changed, key=entry.key), tuple(remarks))


def checked_details(kind: EntryKind, details: dict[str, Any]) -> dict[str, Any]:
    """The facts of an entry, if they belong to its kind and can be true.

    Raises
    ------
    UsageError
        One does not, or cannot.
    """
    for name, value in details.items():
        if name in ("side", "sudden", "quality", "change", "baseline_days", "stopped") and name not in kind.details:
            raise UsageError(f"{name} does not go with {kind.label}: leave it out")
        if name == "side" and value not in SIDES:
            raise UsageError(f"there is no side '{value}': it is {', '.join(SIDES)}, as you would say of yourself")
        if name == "change" and value not in CHANGES:
            raise UsageError(f"there is no change '{value}': it is one of {', '.join(CHANGES)}")
        if name == "quality" and not (isinstance(value, int) and QUALITY_LOW <= value <= QUALITY_HIGH):
            raise UsageError(f"quality goes from {QUALITY_LOW}, very bad, to {QUALITY_HIGH}, very good: not {value}")
        if name == "baseline_days" and value is not None and not (isinstance(value, int) and 1 <= value <= kind.high):
            raise UsageError(f"a baseline has 1 to {kind.high:g} days: not {value}")
        if name == "stopped" and value is not None:
            _day(value)
    return details


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise UsageError(f"'{value}' is no day: write it like 2026-03-01") from error


def _with_facts(
    kind: EntryKind, text: str, details: dict[str, Any], facts: Facts, *, with_words: bool
) -> tuple[str, dict[str, Any]]:
    given = facts.given()
    note = given.pop("note", None)
    is_text = kind.name == "note" or (kind.group == "symptom" and "note" not in details)
    if note is not None and is_text and not with_words:
        text = note  # the words about a symptom are its text, however they came
    elif note is not None:
        given["note"] = _cleaned(note)
    return text, details | given


def _cleaned(text: str) -> str:
    return clean_text(text).replace("\0", "").strip()


# in words


def entry_words(entry: JournalEntry) -> str:
    """An entry in one line: ``caffeine 160 mg (2 espresso)``, ``sleep 7 h 30 min, quality 3 of 5``.

    Text of the person is in it as it was written, but on one line: show it through :func:`detector.terminal.plain`.
    """
    kind = KINDS.get(entry.kind)
    label, unit = (kind.label, kind.unit) if kind else (entry.kind.replace("_", " "), entry.unit)
    text = " ".join(entry.text.split())
    amount = "" if entry.value is None else amount_words(entry.value, unit)
    if kind and kind.words == "needed" and kind.amount != "none":
        joint = ", " if kind.name == "experiment" else " "
        parts = [joint.join(part for part in (f"{label} {text}".strip(), amount) if part)]
        text = ""
    else:
        parts = [f"{label} {amount}".strip()]
    parts += _detail_words(entry.details)
    line = ", ".join(parts)
    if text:
        line += f" ({text})" if kind and kind.group == "intake" else f": {text}"
    note = " ".join(str(entry.details.get("note", "")).split())
    return f"{line} - {note}" if note else line


def _detail_words(details: dict[str, Any]) -> list[str]:
    words = []
    if details.get("side"):
        words.append("both sides" if details["side"] == "both" else str(details["side"]))
    if details.get("sudden") is not None:
        words.append("sudden" if details["sudden"] else "gradual")
    if details.get("quality") is not None:
        words.append(f"quality {details['quality']} of {QUALITY_HIGH}")
    if details.get("change"):
        words.append(_CHANGE_WORDS.get(str(details["change"]), str(details["change"])))
    if details.get("baseline_days") is not None:
        words.append(f"compared with {details['baseline_days']} days before")
    if details.get("stopped"):
        words.append(f"stopped {details['stopped']}")
    return words


def amount_words(value: float, unit: str) -> str:
    """``80 mg``, ``7 h 30 min``, ``6 of 10``, ``1 day``."""
    if unit == "0-10":
        return f"{value:g} of 10"
    if unit == "h":
        hours, minutes = divmod(round(60.0 * value), 60)
        parts = [f"{hours} h" if hours or not minutes else "", f"{minutes} min" if minutes else ""]
        return " ".join(part for part in parts if part)
    number = f"{value:.3g}" if abs(value) < 1.0 else f"{round(value, 2 if abs(value) < 10.0 else 1):.10g}"
    if unit in ("days", "puffs") and number == "1":
        unit = unit.removesuffix("s")
    return f"{number} {unit}".strip()


def time_words(entry: JournalEntry) -> str:
    """When it was by the person's own clock, with the offset that this clock had: ``2026-03-01 08:10 +01:00``."""
    at = datetime.fromisoformat(entry.at)
    return f"{at:%Y-%m-%d %H:%M} {at.isoformat()[-6:]}"


def stored_words(entry: JournalEntry) -> str:
    """An entry as it stands in the log, with its number and all that is known of its time."""
    day = datetime.fromisoformat(entry.at).strftime("%a")
    return " ".join(f"{entry.key}: {day} {time_words(entry)} {entry.zone}".split()) + f": {entry_words(entry)}"


def entry_document(entry: JournalEntry) -> dict[str, Any]:
    """An entry for a JSON document."""
    return dataclasses.asdict(entry) | {"words": entry_words(entry)}
