"""Flags on the screen: urgent ones unmistakable, and what to do at once always told."""

from __future__ import annotations

from rich.console import Console, RenderableType

from detector.study.flag_rule import ALWAYS
from detector.study.flag_words import flag_heading, flag_report
from detector.study.flags import RULES, raise_flags
from tests.flag_pairs import TODAY, days, medicine, on, symptom
from tests.histories import entry


def shown(report: RenderableType) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(report)
    return " ".join(capture.get().split())


def test_urgent_ones_are_first_and_marked() -> None:
    flags = raise_flags(days([4] * 40, journal=[symptom("weakness", sudden=True)]), TODAY)
    text = shown(flag_report(flags))
    assert text.startswith(f"3 red flags are raised by this record ({len(RULES)} rules were asked); 1 urgent. URGENT: ")
    assert text.index("URGENT: Weakness") < text.index("Twitching of one side")
    assert text.count("What to do:") == text.count("What was seen:") == 3
    assert "EMERGENCY" in text and "Raised when" not in text


def test_verbose_tells_threshold_and_source() -> None:
    text = shown(flag_report(raise_flags(days([4] * 40), TODAY), verbose=True))
    assert text.count("Raised when:") == text.count("Source:") == 2


def test_no_flag_is_no_all_clear_and_the_emergency_is_told_all_the_same() -> None:
    text = shown(flag_report([]))
    assert text.startswith(flag_heading([])) and "does not mean that nothing is wrong" in text
    assert text.endswith(ALWAYS)
    assert flag_heading(raise_flags(days([0] * 9, journal=[symptom("headache", 3, value=8.0)]), TODAY)) == (
        f"1 red flag is raised by this record ({len(RULES)} rules were asked); 1 urgent."
    )


def test_names_from_outside_cannot_write_on_the_terminal() -> None:
    record = medicine(14, [0] * 14, [4] * 14)
    row = entry("medication", on(14), 7.0, text="[red]X\x1b[2J", details={"change": "started"})
    text = shown(flag_report(raise_flags(days([0] * 14 + [4] * 14, journal=[row]), TODAY)))
    assert "[red]X\\x1b[2J was started" in text
    assert "drug X was started" in shown(flag_report(raise_flags(record, TODAY)))
