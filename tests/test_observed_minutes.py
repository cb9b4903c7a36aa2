"""Observed time is kept by the minute of the session, so that rates can be told by day and hour."""

from __future__ import annotations

import pytest

from detector.config import Settings
from detector.deciding import Decider
from detector.readings import Reading
from tests.test_twitches import Skin, sample_at

FPS = 25.0


def watched(from_s: float, to_s: float) -> list[Reading]:
    skin = Skin()
    times = [k / FPS for k in range(round(from_s * FPS), round(to_s * FPS))]
    return [Reading(t_s, False, 1, 2.5, sample_at(t_s, skin.height_mm(t_s))) for t_s in times]


def test_every_observed_second_is_in_its_minute() -> None:
    line = Decider(Settings())
    list(line.run(watched(52.0, 66.0)))
    fields = line.session_fields()
    before, after = fields["observed_by_minute_s"]
    assert before + after == pytest.approx(fields["observed_s"], abs=0.002)
    assert after == pytest.approx(6.0, abs=0.4)  # the last moments are not judged
    assert 4.0 < before < 8.0  # the noise is not known at once


def test_minutes_are_those_of_the_session_and_not_of_the_source() -> None:
    line = Decider(Settings())
    rows = watched(52.0, 68.0)
    for row in rows[: len(rows) // 2]:
        list(line.push(row))
    line.begin_session()
    for row in rows[len(rows) // 2 :]:
        list(line.push(row))
    list(line.drain())
    fields = line.session_fields()
    assert fields["observed_by_minute_s"] == (pytest.approx(fields["observed_s"], abs=0.001),)
    assert fields["observed_s"] == pytest.approx(8.0, abs=2.0)


def test_nothing_observed_leaves_no_minutes() -> None:
    assert Decider(Settings()).session_fields()["observed_by_minute_s"] == ()
