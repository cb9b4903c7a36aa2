"""What a red flag is, and the words all of them share.

A flag says what was seen, when, and what to do about it. It names no disease: what it means is for a clinician.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.study.flag_facts import Facts

CALL = "call the emergency number (112, 911 or 999)"
# Told with every record, raised flags or none: what the record shows is no reason to wait.
ALWAYS = (
    f"If one side of the face suddenly becomes weak or droops, or one eye suddenly cannot be closed, {CALL} at once, "
    "whatever else this record says."
)
EMERGENCY = (
    f"EMERGENCY: if this is so now or comes back, {CALL} at once; do not wait and do not drive yourself. If it has "
    "passed, see a doctor the same day all the same, and say when it began."
)
EMERGENCY_PAST = (
    f"EMERGENCY: if this is still so or comes back, {CALL} at once. If it has passed and no doctor was told, make an "
    "urgent appointment and say when it began."
)
TODAY = (
    f"URGENT: get medical advice today, and show this. If it came suddenly, is severe or gets worse, {CALL} at once."
)
SHOW = "Show this to a clinician."


@dataclass(frozen=True, slots=True)
class Flag:
    """A red flag that a record raises.

    Attributes
    ----------
    name : str
        Of the rule.
    urgent : bool
        Do not wait for an appointment.
    title : str
        A few words, neutral.
    seen : str
        What was seen and when, in sentences with numbers.
    advice : str
        What to do.
    threshold : str
        What a record must show to raise it, and where the figures come from.
    source : str
        Public sources of the advice.
    first, last : date or None
        The days that it goes by.
    evidence : tuple of str
        Further facts, one a line.
    """

    name: str
    urgent: bool
    title: str
    seen: str
    advice: str
    threshold: str
    source: str
    first: date | None
    last: date | None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What one rule found."""

    text: str
    first: date
    last: date
    evidence: tuple[str, ...] = ()
    advice: str = ""  # in place of the rule's own


@dataclass(frozen=True, slots=True)
class Rule:
    """What raises a flag; the texts are those of :class:`Flag`."""

    name: str
    urgent: bool
    title: str
    advice: str
    threshold: str
    source: str
    find: Callable[[Facts], Seen | None]

    def flag(self, facts: Facts) -> Flag | None:
        """The flag, when the record raises it."""
        seen = self.find(facts)
        if seen is None:
            return None
        return Flag(
            name=self.name,
            urgent=self.urgent,
            title=self.title,
            seen=seen.text,
            advice=seen.advice or self.advice,
            threshold=self.threshold,
            source=self.source,
            first=seen.first,
            last=seen.last,
            evidence=seen.evidence,
        )


def day(when: date) -> str:
    """``3 March 2026``."""
    return f"{when.day} {when:%B} {when.year}"


def moment(when: datetime) -> str:
    """``3 March 2026 at 14:20``."""
    return f"{day(when.date())} at {when:%H:%M}"


def period(first: date, last: date) -> str:
    """``on 3 March 2026``, or ``from 3 March 2026 to 9 April 2026``."""
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def count(number: int, what: str) -> str:
    """``1 day``, ``12 days``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def of_days(part: int, whole: int) -> str:
    """``on the 1 observed day``, ``on 12 of 14 observed days``."""
    if whole == 1:
        return "on the only observed day" if part else "not on the only observed day"
    return f"on {part} of {count(whole, 'observed day')}"


def duration(hours: float) -> str:
    """``40 min``, ``22.5 h``."""
    return f"{60.0 * hours:.0f} min" if hours < 0.995 else f"{hours:.1f} h"


def chance(p: float) -> str:
    """A probability in words."""
    return "less than 1 in 1000" if p < 0.001 else f"{p:.3f}" if p < 0.01 else f"{p:.2f}"


def listed(parts: Iterable[str]) -> str:
    """``a, b and c``."""
    words = list(parts)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
