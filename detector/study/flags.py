"""Red flags of a record: what somebody should show to a clinician, and what must not wait."""

from __future__ import annotations

from datetime import date

from detector.study import flags_course, flags_face, flags_own, flags_urgent
from detector.study.flag_facts import build_facts
from detector.study.flag_rule import ALWAYS, Flag, Rule
from detector.study.history import History

__all__ = ["ALWAYS", "RULES", "Flag", "Rule", "raise_flags"]

# in the order in which they are told: urgent ones first, weakness before all others
RULES: tuple[Rule, ...] = (
    flags_urgent.RULES[0],
    flags_face.SUDDEN,
    *flags_urgent.RULES[1:],
    *flags_own.RULES[:1],
    *flags_face.RULES,
    *flags_course.RULES,
    *flags_own.RULES[1:],
)


def raise_flags(history: History, today: date | None = None) -> list[Flag]:
    """The red flags that a record raises, urgent ones first.

    Parameters
    ----------
    history : History
        What was observed, found and written down. Days without observed time count neither for nor against a flag.
    today : date, optional
        What is dated later is left out; default the day it is.
    """
    facts = build_facts(history, today)
    return [flag for rule in RULES if (flag := rule.flag(facts)) is not None]
