"""Flags that cannot wait for an appointment: what the person wrote down, whatever else the record shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from detector.study import flag_sources as sources
from detector.study.flag_facts import RARE, Facts, found_between, is_more, minutes_between
from detector.study.flag_rule import EMERGENCY, EMERGENCY_PAST, TODAY, Rule, Seen, count, listed, moment
from detector.study.history import Written

SEVERE = 7.0  # of 10 (Palos 2006)
WITH_DAYS = 7  # an entry goes with twitching that was seen so many days before or after it; our choice
PAST_DAYS = 7  # an entry older than that is told as something that may have passed; our choice
TOLD = 5  # entries told one by one; the rest are counted
LABELS = {
    "weakness": "weakness",
    "droop": "drooping of the face",
    "eye_closure": "trouble closing an eye",
    "headache": "headache",
    "vision": "change of vision",
    "hearing": "change of hearing",
    "numbness": "numbness",
    "dizziness": "dizziness",
    "sleep_twitch": "twitching in sleep",
    "spread": "spread to another part of the face",
}


def is_sudden(row: Written) -> bool:
    """Whether the person said that it came suddenly."""
    return row.entry.details.get("sudden") is True


def is_severe(row: Written) -> bool:
    """Whether the person gave it a severity that people call severe."""
    return row.entry.value is not None and row.entry.value >= SEVERE


def may_be_sudden(row: Written) -> bool:
    """Unless the person said that it came gradually: who is in haste gives no details."""
    return row.entry.details.get("sudden") is not False


def told(rows: Sequence[Written]) -> str:
    """Entries in a sentence each, the latest first."""
    said = [f"Written down for {moment(row.at)}: {_entry(row)}." for row in reversed(rows)][:TOLD]
    if len(rows) > TOLD:
        said.append(f"Before them {count(len(rows) - TOLD, 'more entry').replace('entrys', 'entries')}.")
    return " ".join(said)


def seen_entries(rows: Sequence[Written], evidence: tuple[str, ...] = (), advice: str = "") -> Seen:
    """What was found, of entries in time order."""
    return Seen(told(rows), rows[0].at.date(), rows[-1].at.date(), evidence, advice)


def twitched_with(facts: Facts, row: Written) -> bool:
    """Whether more sure episodes were seen round an entry than false alarms explain."""
    start, end = row.at - timedelta(days=WITH_DAYS), row.at + timedelta(days=WITH_DAYS)
    hours = sum(minute.observed_s for minute in minutes_between(facts.sure, start, end)) / 3600.0
    return is_more(len(found_between(facts.sure, start, end)), hours, RARE)


def _entry(row: Written) -> str:
    details = row.entry.details
    side = {"left": "left side", "right": "right side", "both": "both sides"}.get(str(details.get("side")), "")
    severity = "" if row.entry.value is None else f"severity {row.entry.value:g} of 10"
    start = "sudden " if details.get("sudden") is True else ""
    parts = [f"{start}{LABELS.get(row.entry.kind, row.entry.kind)}", side, severity]
    if details.get("sudden") is False:
        parts.append("came gradually")
    return ", ".join(part for part in parts if part)


def _entries(*kinds: str, wanted: Callable[[Facts, Written], bool]) -> Callable[[Facts], Seen | None]:
    """A rule about entries of these kinds."""

    def find(facts: Facts) -> Seen | None:
        rows = [row for row in facts.written(*kinds) if wanted(facts, row)]
        if not rows:
            return None
        with_twitching = [row for row in rows if twitched_with(facts, row)]
        evidence: tuple[str, ...] = ()
        if with_twitching:
            entries = "entry" if len(with_twitching) == 1 else f"{len(with_twitching)} entries"
            kinds_said = listed(sorted({LABELS[row.entry.kind] for row in with_twitching}))
            evidence = (f"Twitching was seen within {count(WITH_DAYS, 'day')} of the {entries} ({kinds_said}).",)
        return seen_entries(rows, evidence, _advice(facts, rows))

    return find


def _advice(facts: Facts, rows: Sequence[Written]) -> str:
    if not any(is_severe(row) or may_be_sudden(row) for row in rows):
        return TODAY
    past = (facts.today - rows[-1].at.date()).days > PAST_DAYS
    return EMERGENCY_PAST if past else EMERGENCY


def _weak(facts: Facts, row: Written) -> bool:
    sudden = is_sudden(row) if row.entry.kind == "eye_closure" else may_be_sudden(row)
    return sudden or is_severe(row)


def _severe(facts: Facts, row: Written) -> bool:
    return is_sudden(row) or is_severe(row)


def _always(facts: Facts, row: Written) -> bool:
    return True


def _with_twitching(facts: Facts, row: Written) -> bool:
    return _severe(facts, row) or twitched_with(facts, row)


_SEVERE_WORDS = f"Severe: {SEVERE:g} of 10 or more."
RULES = (
    Rule(
        name="sudden_weakness",
        urgent=True,
        title="Weakness or drooping of the face, or trouble closing an eye, sudden or severe",
        advice=EMERGENCY,
        threshold="An entry of weakness or drooping, unless it is said that it came gradually; an entry of trouble "
        f"closing an eye that came suddenly; any of the three if severe. {_SEVERE_WORDS} One entry is enough, "
        "whatever else the record says.",
        source="; ".join((sources.FAST, sources.FACIAL_WEAKNESS, sources.PASSED, sources.SEVERE)),
        find=_entries("weakness", "droop", "eye_closure", wanted=_weak),
    ),
    Rule(
        name="severe_headache",
        urgent=True,
        title="Headache, severe or sudden",
        advice=EMERGENCY,
        threshold=f"An entry of headache that is severe or came suddenly. {_SEVERE_WORDS}",
        source="; ".join((sources.SUDDEN, sources.SEVERE)),
        find=_entries("headache", wanted=_severe),
    ),
    Rule(
        name="vision_or_hearing",
        urgent=True,
        title="Change of vision or hearing",
        advice=EMERGENCY,
        threshold="Any entry of a change of vision or hearing with a severity over 0, or without one.",
        source="; ".join((sources.SUDDEN, sources.HEARING)),
        find=_entries("vision", "hearing", wanted=_always),
    ),
    Rule(
        name="numbness_or_dizziness",
        urgent=True,
        title="Numbness or dizziness",
        advice=EMERGENCY,
        threshold="An entry of numbness or dizziness that came suddenly, is severe, or has twitching seen within "
        f"{WITH_DAYS} days of it (more sure episodes than false alarms would give once in {1.0 / RARE:.0f} times). "
        f"{_SEVERE_WORDS} The number of days is our choice: no figure was found.",
        source="; ".join((sources.SUDDEN, sources.SEVERE)),
        find=_entries("numbness", "dizziness", wanted=_with_twitching),
    ),
)
