"""Only brief jerks of one small area on one side, with nothing else moving, are called fasciculation-like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.kinds import LONGEST_JERK_S, kind_of
from detector.types import Side, Twitch

JERK = Twitch(
    "nasalis_alar_left", "left", 5.0, 5.05, 5.16, 1.0, 2.0, 20.0, 90.0, 20.0, 12.0, kept=True
)  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right", "midline"])
def test_brief_jerks_of_one_place_are_fasciculation_like(side: Side) -> None:
    kind, evidence = kind_of((JERK,), side, ())
    assert kind == "fasciculation_like"
    assert "one jerk" in evidence
    assert "nothing else moved" in evidence
    assert side in evidence
    assert "0.16 s" in evidence


def test_the_jerks_are_counted_and_the_longest_named() -> None:
    _, evidence = kind_of((JERK, replace(JERK, offset_s=5.3), JERK), "left", ())
    assert "3 jerks" in evidence
    assert "0.30 s" in evidence


@pytest.mark.parametrize(
    ("twitches", "side", "co_movement", "word"),
    [
        ((JERK,), "both", (), "both sides"),
        ((JERK,), "left", ("zygomaticus_left", "procerus"), "zygomaticus left moved with it"),
        ((JERK, replace(JERK, offset_s=5.0 + LONGEST_JERK_S + 0.1)), "left", (), "0.60 s"),
    ],
)
def test_anything_else_is_undetermined_and_says_why(
    twitches: tuple[Twitch, ...], side: Side, co_movement: tuple[str, ...], word: str
) -> None:
    kind, evidence = kind_of(twitches, side, co_movement)
    assert kind == "undetermined"
    assert word in evidence


def test_a_jerk_of_the_longest_length_still_counts() -> None:
    twitch = replace(JERK, onset_s=5.0, offset_s=5.0 + LONGEST_JERK_S)
    assert kind_of((twitch,), "left", ())[0] == "fasciculation_like"


def test_no_kind_names_a_disease() -> None:
    texts = " ".join(str(kind_of((JERK,), side, co)) for side in ("left", "both") for co in ((), ("procerus",)))
    assert not any(word in texts.lower() for word in ("als", "disease", "diagnos", "syndrome", "spasm"))
