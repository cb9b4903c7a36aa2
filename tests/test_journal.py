"""What people write down, as entries; entries changed; entries in words; and what must not wait."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from detector.errors import UsageError
from detector.record.entries import JournalEntry
from detector.study.journal import Facts, changed_entry, entry_words, new_entry, stored_words, time_words
from detector.study.journal_amounts import UNITS, parse_amount
from detector.study.journal_kinds import KINDS, SYMPTOMS, kind_named, nearest_kind
from detector.study.journal_times import zone_named
from detector.study.urgent_words import urgent_sentence

BERLIN = zone_named("Europe/Berlin")
NOW = datetime(2026, 3, 10, 14, 20, tzinfo=BERLIN.rules)


def noted(said: str, **facts: Any) -> JournalEntry:
    return new_entry(said.split(" "), Facts(**facts), "2026-03-09 08:00", "Europe/Berlin", now=NOW).entry


# kinds


def test_the_table_of_kinds_is_whole() -> None:
    named = "caffeine nicotine alcohol sleep stress medication hydration supplement exercise allergy cold"
    named += " nasal_irritation nasal_spray screen_time warm_compress relaxation note experiment"
    assert set(named.split()) <= set(KINDS)
    symptoms = "weakness droop numbness headache vision hearing dizziness eye_closure sleep_twitch spread"
    assert " ".join(SYMPTOMS) == symptoms
    for name, kind in KINDS.items():
        assert name == kind.name and kind.meaning and kind.example.startswith((name, "journal"))
        assert kind.low <= kind.high
        assert kind.is_scale or not kind.unit or kind.unit in UNITS, f"{name}: amounts cannot be read"
        for preset in kind.presets:
            assert kind.low <= preset.value <= kind.high and preset.source
            assert preset.serving is None or UNITS[preset.serving_unit]


def test_the_example_of_every_kind_is_understood() -> None:
    for name, kind in KINDS.items():
        if name != "experiment":
            said = re.sub(r" --.*|\"", "", kind.example)
            assert noted(said).kind == name


def test_kinds_are_found_by_other_names_and_suggested() -> None:
    assert kind_named("Screen-Time") == (KINDS["screen_time"], "")
    assert kind_named("magnesium") == (KINDS["supplement"], "magnesium")
    assert kind_named("coffee") is None
    assert nearest_kind("cofein") == nearest_kind("caffiene") == "caffeine"
    assert nearest_kind("espressos") == "caffeine espresso"
    assert nearest_kind("qwertz") == ""
    assert noted("screen time 5h").kind == "screen_time"
    for kind in KINDS.values():  # as the list shows it
        assert kind_named(kind.label) == (kind, "")
    assert noted("trouble closing an eye 4 since noon").value == 4.0
    assert noted("magnesium 300mg").text == "magnesium"
    with pytest.raises(UsageError, match="there is no kind of entry 'espresso': did you mean caffeine espresso"):
        noted("espresso")


# amounts


@pytest.mark.parametrize(
    ("said", "value", "text"),
    [
        ("caffeine espresso", 80.0, "espresso"),
        ("caffeine 2 Espressos", 160.0, "2 espresso"),
        ("caffeine double espresso", 160.0, "2 espresso"),
        ("caffeine two cups of filter coffee", 180.0, "2 filter coffee"),
        ("caffeine 500ml coffee", 225.0, "500 ml filter coffee"),
        ("caffeine 0.71 l of cola", 80.0, "0.71 l cola"),
        ("caffeine 100 g dark chocolate", 50.0, "100 g plain chocolate"),
        ("caffeine 120mg", 120.0, ""),
        ("caffeine 0,12 g pill", 120.0, "pill"),
        ("caffeine 0mg", 0.0, ""),
        ("nicotine 3 cigarettes", 3.0, "3 cigarette"),
        ("alcohol 2 drinks", 28.0, "2 standard drink"),
        ("alcohol 3 units", 24.0, "3 UK unit"),
        ("alcohol 20g", 20.0, ""),
        ("sleep 7.5h", 7.5, ""),
        ("sleep 7,5 h", 7.5, ""),
        ("sleep 7h30", 7.5, ""),
        ("sleep 7:30 woke twice", 7.5, "woke twice"),
        ("sleep 7 hours and 30 minutes", 7.5, ""),
        ("sleep 450 min", 7.5, ""),
        ("sleep 27000 s", 7.5, ""),
        ("stress 6", 6.0, ""),
        ("stress 6/10 deadline", 6.0, "deadline"),
        ("stress 6.5 of 10", 6.5, ""),
        ("headache", None, ""),
        ("headache 7, left temple", 7.0, "left temple"),
        ("headache 2 hours", None, "2 hours"),
        ("medication sertraline 50mg", 50.0, "sertraline"),
        ("medication 50 mg of sertraline", 50.0, "sertraline"),
        ("medication ibuprofen", None, "ibuprofen"),
        ("medication levothyroxine 25 µg", 0.025, "levothyroxine"),
        ("supplement vitamin B12 1000 mcg", 1.0, "vitamin B12"),
        ("hydration 2 cups", 0.48, ""),
        ("hydration 50cl", 0.5, ""),
        ("nasal_spray xylometazoline 2 puffs", 2.0, "xylometazoline"),
        ("exercise run 1h", 60.0, "run"),
        ("warm_compress", None, ""),
        ("note slept 7h badly", None, "slept 7h badly"),
    ],
)
def test_amounts_that_are_taken(said: str, value: float | None, text: str) -> None:
    entry = noted(said)
    assert (entry.value, entry.text) == (None if value is None else pytest.approx(value, rel=1e-9), text)
    assert entry.unit == ("" if value is None else KINDS[entry.kind].unit)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("caffeine", "the amount of caffeine is missing"),
        ("caffeine latte", "'latte' is no amount of caffeine that is known"),
        ("caffeine 120", "write it in mg"),
        ("caffeine 120 ml", "'ml' is in another kind of unit: caffeine is counted in mg"),
        ("caffeine 5000mg", "5000 mg cannot be right"),
        ("caffeine 60 espresso", "4800 mg cannot be right"),
        ("caffeine 1,500 mg", "two ways: write 1500 or 1.500"),
        ("caffeine 100mg 20mg", "2 amounts"),
        ("caffeine -5mg", "no amount"),
        ("sleep 7.5", "7.5 of what"),
        ("sleep 7h75", "60 minutes"),
        ("sleep 25h", "cannot be right"),
        ("sleep 8mg", "counted in h"),
        ("stress", "number from 0 to 10"),
        ("stress high", "number from 0 to 10"),
        ("stress 11", "11 is outside"),
        ("stress 6 mg", "has no unit 'mg'"),
        ("headache 12", "12 is outside"),
        ("headache 7mg", "number from 0 to 10"),
        ("medication", "needs a name"),
        ("medication 50mg", "needs a name"),
        ("medication syrup 10 ml", "counted in mg"),
        ("supplement vitamin D 1000 IU", "counted in mg"),
        ("hydration 30l", "cannot be right"),
        ("note", "needs its words"),
        ("experiment no caffeine 5 days", "journal experiment start"),
        ("qwertz 5", "nasalis journal kinds lists them"),
    ],
)
def test_amounts_that_are_refused(said: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        noted(said)


def test_a_serving_says_what_it_rests_on() -> None:
    amount = parse_amount(KINDS["caffeine"], "espresso")
    assert amount.remark == ("espresso of 60 ml: about 80 mg (EFSA 2015, Scientific Opinion on the safety of caffeine)")
    assert "300 has no unit" in parse_amount(KINDS["supplement"], "magnesium 300").remark


# facts


def test_facts_go_with_their_kinds_only() -> None:
    assert noted("sleep 7h", quality=3).details == {"quality": 3}
    assert noted("medication sertraline 50mg").details == {"change": "taken"}
    assert noted("medication sertraline", change="started").details == {"change": "started"}
    assert noted("droop", side="left", sudden=True, note="woke up so") == JournalEntry(
        "droop", "2026-03-09T08:00:00+01:00", "Europe/Berlin", text="woke up so",
        details={"side": "left", "sudden": True},
    )  # fmt: skip
    assert noted("caffeine espresso", note="late").details == {"note": "late"}
    assert noted("droop corner of the mouth", note="late").details == {"note": "late"}
    for said, facts, told in (
        ("caffeine espresso", {"side": "left"}, "side does not go with caffeine"),
        ("caffeine espresso", {"sudden": False}, "sudden does not go with caffeine"),
        ("caffeine espresso", {"quality": 3}, "quality does not go with caffeine"),
        ("stress 6", {"change": "started"}, "change does not go with stress"),
        ("sleep 7h", {"quality": 6}, "quality goes from 1"),
        ("droop", {"side": "up"}, "there is no side 'up'"),
    ):
        with pytest.raises(UsageError, match=told):
            noted(said, **facts)


# changes


def changed(
    entry: JournalEntry, said: str = "", at: str | None = None, zone: str | None = None, **facts: Any
) -> JournalEntry:
    return changed_entry(entry, said.split(), Facts(**facts), at, zone, now=NOW).entry


def test_only_what_is_given_changes() -> None:
    first = noted("medication sertraline 50mg", change="started", note="evenings")
    assert changed(first, "100mg").value == 100.0
    assert changed(first, "100mg").text == "sertraline"
    assert changed(first, change="dose").details == {"change": "dose", "note": "evenings"}
    assert changed(first, "citalopram").text == "citalopram"
    assert changed(first, "citalopram").value == 50.0
    moved = changed(first, at="2026-03-08 21:00")
    assert (moved.at, moved.value, moved.details) == ("2026-03-08T21:00:00+01:00", 50.0, first.details)
    away = changed(first, zone="America/New_York")
    assert (away.at, away.zone) == ("2026-03-09T08:00:00-04:00", "America/New_York")
    symptom = noted("droop", note="woke up so")
    assert (changed(symptom, note="at noon").text, changed(symptom, side="left").text) == ("at noon", "woke up so")
    note = noted("note slept badly")
    assert changed(note, "slept 5h badly").text == "slept 5h badly"
    assert changed(noted("stress 6 deadline"), "exam").text == "exam"


def test_changes_are_checked_like_new_entries() -> None:
    first = noted("caffeine espresso")
    for said, told in (("5000mg", "cannot be right"), ("90 ml", "counted in mg"), ("90", "no amount")):
        with pytest.raises(UsageError, match=told):
            changed(first, said)
    with pytest.raises(UsageError, match="side does not go"):
        changed(first, side="left")
    with pytest.raises(UsageError, match="still to come"):
        changed(first, at="2026-04-01 08:00")
    with pytest.raises(UsageError, match="nothing to change"):
        changed(first)


# words


@pytest.mark.parametrize(
    ("said", "facts", "words"),
    [
        ("caffeine 2 espresso", {}, "caffeine 160 mg (2 espresso)"),
        ("caffeine 120mg", {"note": "late"}, "caffeine 120 mg - late"),
        ("caffeine 0.5 l cola", {}, "caffeine 56.3 mg (0.5 l cola)"),
        ("sleep 7h30", {"quality": 3}, "sleep 7 h 30 min, quality 3 of 5"),
        ("sleep 0h", {}, "sleep 0 h"),
        ("sleep 45min", {}, "sleep 45 min"),
        ("stress 6", {}, "stress 6 of 10"),
        ("medication levothyroxine 25 ug", {"change": "dose"}, "medication levothyroxine 0.025 mg, dose changed"),
        ("supplement creatine 20000 mg", {}, "supplement creatine 20000 mg, taken"),
        ("nasal_spray 1 puff", {}, "nasal spray 1 puff"),
        ("droop 4 mouth", {"side": "left", "sudden": True}, "droop 4 of 10, left, sudden: mouth"),
        ("spread", {"side": "both", "sudden": False}, "spread, both sides, gradual"),
        ("vision", {}, "vision change"),
        ("note slept badly", {}, "note: slept badly"),
    ],
)
def test_entries_in_words(said: str, facts: dict[str, Any], words: str) -> None:
    assert entry_words(noted(said, **facts)) == words


def test_words_are_one_line_and_kinds_of_a_newer_version_are_shown() -> None:
    assert entry_words(JournalEntry("note", "2026-03-01T08:00:00+01:00", text="a\nb\r\n  c")) == "note: a b c"
    newer = JournalEntry("light_therapy", "2026-03-01T08:00:00+01:00", value=30.0, unit="min", text="lamp")
    assert entry_words(newer) == "light therapy 30 min: lamp"


def test_the_time_is_shown_as_the_clock_of_the_person_stood() -> None:
    entry = JournalEntry("note", "2026-10-25T02:30:00+01:00", "Europe/Berlin", text="awake", key=7)
    assert time_words(entry) == "2026-10-25 02:30 +01:00"
    assert stored_words(entry) == "7: Sun 2026-10-25 02:30 +01:00 Europe/Berlin: note: awake"


# what must not wait


@pytest.mark.parametrize(
    ("said", "facts", "urgent"),
    [
        ("droop", {"sudden": True, "side": "left"}, "of the face, above all of one side, is an emergency"),
        ("weakness", {}, "of the face"),
        ("weakness", {"sudden": False}, ""),
        ("headache 7", {}, "severe headache"),
        ("headache 6", {}, ""),
        ("headache", {"sudden": True}, "severe headache"),
        ("headache severe", {}, "severe headache"),
        ("headache Worst of my life", {}, "severe headache"),
        ("headache 3 worst at noon", {}, ""),
        ("headache not severe", {}, ""),
        ("headache came suddenly", {}, "severe headache"),
        ("numbness", {"note": "all of a sudden"}, "numbness"),
        ("numbness", {"note": "not sudden"}, ""),
        ("droop 0", {}, ""),
        ("vision 0", {}, ""),
        ("vision blurred", {}, "change of vision"),
        ("hearing", {}, "change of hearing"),
        ("numbness", {"sudden": True}, "numbness"),
        ("numbness", {}, ""),
        ("dizziness", {"sudden": True}, "dizziness"),
        ("eye_closure", {"sudden": True}, "cannot be closed"),
        ("spread", {"sudden": True}, ""),
        ("stress 10", {}, ""),
    ],
)
def test_what_must_not_wait(said: str, facts: dict[str, Any], urgent: str) -> None:
    sentence = urgent_sentence(noted(said, **facts))
    assert urgent in sentence
    assert bool(sentence) is bool(urgent)
    if sentence:
        assert "call the emergency number" in sentence
        assert not re.search(r"stroke|palsy|tumor|aneurysm|sclerosis", sentence, re.I)
