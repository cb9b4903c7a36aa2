"""Changes of the resting face: against the person's own earlier sessions, and never from the errors alone."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.study.flags import raise_flags
from detector.study.flags_face import CLOSING, EYE, MOUTH, Quantity, Session, find_change
from detector.types import RestingFace
from tests.flag_pairs import TODAY, both, face, faces

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def sessions(values: list[float], quantity: Quantity = MOUTH, error: float = 0.4) -> list[Session]:
    """One a day."""
    made = [dataclasses.replace(face(), **{quantity.name: both(value, error)}) for value in values]
    return [Session(START + timedelta(days=k), row) for k, row in enumerate(made)]


def test_the_change_begins_at_the_session_that_shows_it_first() -> None:
    change = find_change(sessions([0.2, 0.6, 0.4, 0.5, 0.3, 3.4, 3.6, 3.5]), MOUTH)
    assert change is not None
    assert (len(change.before), len(change.after)) == (5, 3)
    assert change.now - change.was == pytest.approx(3.1) and change.is_sudden


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_side_is_told_for_either_sign(sign: float) -> None:
    change = find_change(sessions([0.0] * 4 + [3.0 * sign] * 2), MOUTH)
    assert change is not None
    low = "left" if sign > 0.0 else "right"
    assert change.text.startswith(f"The {low} corner of the mouth lies 3.0 mm lower")
    eye = find_change(sessions([0.0] * 4 + [2.0 * sign] * 2, EYE, 0.1), EYE)
    assert eye is not None and eye.text.startswith(f"The {'right' if sign > 0.0 else 'left'} eye is open 2.0 mm less")
    lid = find_change(sessions([0.0] * 4 + [0.35 * sign] * 2, CLOSING, 0.02), CLOSING)
    assert lid is not None
    assert lid.text.startswith(f"In blinks the {'right' if sign > 0.0 else 'left'} lid closes 35 % of the eye's")


def test_what_is_as_before_in_the_last_session_is_no_change() -> None:
    assert find_change(sessions([0.0] * 6 + [3.2, 3.2, 0.1]), MOUTH) is None


def test_a_change_within_the_errors_is_none() -> None:
    assert find_change(sessions([0.0] * 6 + [2.5, 2.5], error=0.2), MOUTH) is not None
    assert find_change(sessions([0.0] * 6 + [2.5, 2.5], error=0.6), MOUTH) is None


def test_earlier_sessions_must_be_of_two_days() -> None:
    rows = sessions([0.0] * 4 + [3.2] * 2)
    same = [dataclasses.replace(row, at=START + timedelta(hours=k)) for k, row in enumerate(rows[:4])]
    assert find_change([*same, *rows[4:]], MOUTH) is None
    assert find_change(rows, MOUTH) is not None


def test_unknown_and_unmeasured_faces_are_left_out() -> None:
    rows = sessions([0.0] * 4 + [3.2] * 2)
    gap = [Session(START + timedelta(days=3, hours=k), row) for k, row in enumerate((RestingFace(), face(np.nan)))]
    change = find_change([*rows[:4], *gap, *rows[4:]], MOUTH)
    assert change is not None and len(change.before) == 4


def test_faces_that_only_scatter_raise_nothing() -> None:
    """Forty sessions that differ by 0.8 mm (SD), twice what parts of a clip do; in 300 such records none was raised."""
    rng = np.random.default_rng(7)
    for _ in range(5):
        rows = {
            k: face(0.5 + rng.normal(0.0, 0.8), 0.2 + rng.normal(0.0, 0.4), rng.normal(0.0, 0.05)) for k in range(40)
        }
        assert raise_flags(faces(rows), TODAY) == []


def test_the_urgent_one_says_when_and_against_what() -> None:
    rows = {k: face(0.4) for k in range(5)} | {5: face(3.6)}
    flag = raise_flags(faces(rows), TODAY)[0]
    assert (flag.name, flag.urgent) == ("sudden_change_seen", True)
    assert "3.2 mm lower against the right than before, since the session of 7 March 2026 at 10:00 (1 session)" in (
        flag.seen
    )
    assert "against 5 earlier sessions up to 6 March 2026 at 10:00; standard error" in flag.seen
