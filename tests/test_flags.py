"""Red flags: each by a record that must raise it and one near it that must not."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from detector.study.flag_rule import ALWAYS, Flag
from detector.study.flags import RULES, raise_flags
from detector.study.history import History, read_history
from tests.flag_pairs import PAIRS, TODAY, Pair, days, medicine, on, rising, several, sided, symptom, wide, written
from tests.histories import FIRST, entry, history, run

DISEASES = (
    "palsy", "stroke", "spasm", "myokymia", "sclerosis", "tumor", "tumour", "dystonia", "tourette", "als",
    "parkinson", "epilepsy", "migraine", "neuralgia", "fasciculation", "paralysis", "paresis", "blepharospasm",
    "synkinesis", "tic", "aneurysm", "meningitis", "neuropathy", "disease", "disorder", "syndrome", "diagnosis",
)  # fmt: skip


def names(record: History, today: date = TODAY) -> list[str]:
    return [flag.name for flag in raise_flags(record, today)]


def each_pair() -> Iterator[object]:
    for rule in RULES:
        for number, pair in enumerate(PAIRS[rule.name], start=1):
            yield pytest.param(rule.name, pair, id=f"{rule.name}-{number}")


@pytest.mark.parametrize(("name", "pair"), each_pair())
def test_is_raised_by_one_record_and_not_by_its_neighbor(name: str, pair: Pair) -> None:
    raised = raise_flags(pair.yes(), TODAY)
    assert name in [flag.name for flag in raised], pair.raised_by
    assert name not in names(pair.no()), pair.not_by


def test_every_rule_has_a_pair_and_every_pair_a_rule() -> None:
    assert [rule.name for rule in RULES if not PAIRS.get(rule.name)] == []
    assert PAIRS.keys() == {rule.name for rule in RULES}


@functools.cache
def all_flags() -> tuple[Flag, ...]:
    return tuple(flag for pairs in PAIRS.values() for pair in pairs for flag in raise_flags(pair.yes(), TODAY))


def test_no_flag_names_a_disease_and_each_says_what_when_and_what_to_do() -> None:
    flags = all_flags()
    assert {flag.name for flag in flags} == set(PAIRS)
    for flag in flags:
        said = " ".join((flag.title, flag.seen, flag.advice, flag.threshold, *flag.evidence)).lower()
        assert not [name for name in DISEASES if re.search(rf"\b{name}s?\b", said)], flag
        assert re.search(r"\d+ (January|February|March|April|May) 20\d\d", flag.seen), flag.seen
        assert flag.first is not None and flag.last is not None and flag.first <= flag.last
        assert any(words in flag.advice for words in ("clinician", "emergency number", "prescribed")), flag.advice
        assert "http" in flag.source or "doi" in flag.source
        assert re.search(r"\d|[Aa]ny entry", flag.threshold)


def test_sentences_read_well() -> None:
    """One of something is not called many, and nothing is left half said."""
    for flag in all_flags():
        for text in (flag.seen, flag.advice, flag.threshold, flag.title, *flag.evidence):
            assert not re.search(r"(?<![.\d])\b1 \w+s\b(?! of)", text.replace("1 was", "")), text
            assert not re.search(r"\b([02-9]|\d\d+) (day|week|episode|session|entry|month)\b", text), text
            assert "  " not in text and "nan" not in text and "None" not in text
        assert flag.seen.endswith(".") and flag.advice.endswith(".") and flag.threshold.endswith(".")
        assert not flag.title.endswith(".")


@pytest.mark.parametrize("name", [rule.name for rule in RULES if rule.urgent])
def test_urgent_ones_lead_with_the_emergency(name: str) -> None:
    flag = next(flag for flag in raise_flags(PAIRS[name][0].yes(), TODAY) if flag.name == name)
    assert flag.urgent
    assert flag.advice.startswith(("EMERGENCY", "URGENT")) and "emergency number" in flag.advice


def test_urgent_ones_come_first_and_weakness_before_all() -> None:
    record = days(
        [4] * 40,
        journal=[
            symptom("sleep_twitch", 3), symptom("sleep_twitch", 35), symptom("spread", 38),
            symptom("headache", 37, value=9.0), symptom("weakness", 39, sudden=True),
        ],
    )  # fmt: skip
    flags = raise_flags(record, TODAY)
    assert [flag.urgent for flag in flags] == sorted((flag.urgent for flag in flags), reverse=True)
    assert [flag.name for flag in flags][:2] == ["sudden_weakness", "severe_headache"]
    assert {"spread", "persisting", "one_sided_weeks"} <= {flag.name for flag in flags}


def test_old_urgent_entries_are_told_as_past_and_fresh_ones_as_now() -> None:
    record = written(symptom("weakness", 10, sudden=True))
    fresh = raise_flags(record, on(10))[0].advice
    old = raise_flags(record, on(60))[0].advice
    assert "is so now" in fresh and "is still so" in old and "emergency number" in old


def test_nothing_is_raised_by_an_empty_or_an_unobserved_record() -> None:
    assert names(History()) == []
    assert names(history([None] * 40)) == []
    assert names(history([0] * 60)) == []
    assert names(written(entry("caffeine", on(3), value=80.0), entry("note", on(4), text="sudden weakness"))) == []


def test_what_is_dated_later_than_today_is_left_out() -> None:
    record = written(symptom("weakness", 10, sudden=True))
    assert names(record, on(9)) == []
    assert names(record, on(10)) == ["sudden_weakness"]


def test_worse_at_rest_alone_raises_nothing() -> None:
    assert names(written(entry("note", on(5), text="worse at rest"), symptom("sleep_twitch", 5))) == []


def test_a_medicine_is_never_to_be_stopped() -> None:
    flag = next(flag for flag in raise_flags(medicine(14, [0] * 14, [0, *[4] * 13]), TODAY) if "medicine" in flag.name)
    assert "Do not stop" in flag.advice and "prescribed" in flag.advice
    assert (
        "drug X was started on 16 March 2026" in flag.seen and "from 1 day later on, until 29 March 2026" in flag.seen
    )
    assert "does not say that it came of it" in flag.seen


def test_the_side_is_the_person_s_own_and_told_with_its_numbers() -> None:
    flag = next(flag for flag in raise_flags(sided(["right"] * 24 + ["left"]), TODAY) if flag.name == "one_sided_weeks")
    assert "96 of 100 of them were on the right side, which led on 24 of 25 days" in flag.seen
    assert (flag.first, flag.last) == (on(0), on(24))


def test_spread_tells_the_side_and_what_was_before() -> None:
    flag = next(flag for flag in raise_flags(wide(["right"] * 4, [4, 5, 6, 7]), TODAY) if flag.name == "spread")
    assert "the corner of the mouth and the eyelid of the right side moved together with the nose" in flag.seen
    assert any(line.startswith("Before the first of them: 15 sure episodes") for line in flag.evidence)


def test_a_rise_is_told_with_its_interval() -> None:
    flag = next(flag for flag in raise_flags(rising(1.25), TODAY) if flag.name == "rising_rate")
    assert re.search(
        r"rose from 2 March 2026 to 12 April 2026 by \d+ % a week \(95 % interval \d+ % to \d+ %\)", flag.seen
    )


def test_a_written_log_raises_them(tmp_path: object) -> None:
    """The same through the file: entries, episodes and sessions are written, read and judged."""
    rows = [
        JournalEntry(
            "droop", datetime(2026, 3, 20, 8, tzinfo=UTC).isoformat(), details={"side": "left", "sudden": True}
        ),
        JournalEntry("vision", datetime(2026, 3, 20, 9, tzinfo=UTC).isoformat(), value=0.0),
    ]
    with EpisodeLog(tmp_path / "log.sqlite") as log:  # type: ignore[operator]
        for k in range(31):
            session = run(k + 1, datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(days=k)).session
            key = log.begin(session)
            for found in several(4):
                log.add_episode(key, found)
            log.finish(key, session)
        log.write_journal(rows)
        record = read_history(log, zone=UTC)
        kept = log.journal()[0]
        assert names(record) == ["sudden_weakness", "one_sided_weeks", "persisting"]
        log.write_journal([JournalEntry(kept.kind, kept.at, key=kept.key, removed=True)])
        assert names(read_history(log, zone=UTC)) == ["one_sided_weeks", "persisting"]


def test_what_to_do_at_once_is_said_whatever_is_raised() -> None:
    assert "suddenly" in ALWAYS and "emergency number" in ALWAYS and "whatever else" in ALWAYS


def test_table_of_pairs() -> None:
    """With ``-s`` it prints which records raise each flag and which do not."""
    for rule in RULES:
        for pair in PAIRS[rule.name]:
            print(f"{rule.name}: {pair.raised_by} | {pair.not_by}")
    assert on(0) == FIRST
