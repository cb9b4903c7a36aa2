"""Agreement beyond chance: known values, what cannot be told, and seconds that are neighbors."""

from __future__ import annotations

import numpy as np
import pytest

from detector.study.kappa import cohen, compare, seconds


def answers(both: int, first: int, second: int, neither: int) -> np.ndarray:
    rows = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second + [(False, False)] * neither
    return np.array(rows, dtype=bool).reshape(-1, 2)


def spans(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        # agreement 35 of 50, by chance 0.5: (0.7 - 0.5) / 0.5
        ((20, 5, 10, 15), 0.4),
        # the same agreement of 0.6 with other margins: chance 0.54 and 0.46
        ((45, 15, 25, 15), 0.1304),
        ((25, 35, 5, 35), 0.2593),
        ((10, 0, 0, 10), 1.0),
        ((0, 10, 10, 0), -1.0),
    ],
)
def test_known_values(table: tuple[int, int, int, int], value: float) -> None:
    kappa = compare("a", "b", "episodes", answers(*table))
    assert kappa.value == pytest.approx(value, abs=1e-4)
    assert (kappa.both, kappa.only_first, kappa.only_second, kappa.neither) == table
    assert kappa.count == sum(table)


def test_it_does_not_matter_who_is_first() -> None:
    one, other = cohen(*np.array([20.0, 5.0, 10.0, 15.0])), cohen(*np.array([20.0, 10.0, 5.0, 15.0]))
    assert one == other


def test_the_interval_holds_the_value_and_narrows_with_more() -> None:
    few, many = (compare("a", "b", "episodes", answers(*(n * k for k in (4, 1, 2, 3)))) for n in (2, 50))
    for kappa in (few, many):
        assert kappa.low is not None and kappa.high is not None and kappa.value is not None
        assert kappa.low < kappa.value < kappa.high
    assert many.high - many.low < 0.5 * (few.high - few.low)  # type: ignore[operator]
    # the large-sample standard error of 0.4 over 500 is 0.040 (Fleiss, Cohen & Everitt, Psychol Bull 1969)
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.040, rel=0.1)  # type: ignore[operator]


def test_one_who_says_the_same_of_everything_agrees_with_nobody() -> None:
    kappa = compare("a", "b", "episodes", answers(8, 4, 0, 0))
    assert kappa.value is None and kappa.low is None and "not defined" in kappa.note
    assert compare("a", "b", "episodes", answers(0, 0, 0, 0)).note == "nothing that both judged"


def test_too_little_has_a_value_and_no_interval() -> None:
    kappa = compare("a", "b", "episodes", answers(3, 1, 0, 3))
    assert kappa.value is not None and kappa.low is None and "too little" in kappa.note


def test_seconds_count_where_they_were_observed() -> None:
    one, other = spans((3.2, 3.4), (10.1, 11.9), (50.0, 50.5)), spans((3.6, 3.9), (11.0, 12.0))
    observed = spans((0.0, 20.0), (30.0, 40.4))
    kappa = seconds("a", "b", [(one, other, observed)])
    # second 3 and second 11 both, second 10 only the first; 50 s was not observed, and of second 40 less than half
    assert (kappa.both, kappa.only_first, kappa.only_second, kappa.neither) == (2, 1, 0, 27)


def test_overlapping_marks_count_once_and_recordings_add_up() -> None:
    one, observed = spans((1.0, 4.0), (2.0, 3.0)), spans((0.0, 10.0))
    alone = seconds("a", "b", [(one, spans((1.0, 4.0)), observed)])
    twice = seconds("a", "b", [(one, spans((1.0, 4.0)), observed)] * 2)
    assert (alone.both, alone.neither, alone.value) == (3, 7, 1.0)
    assert (twice.both, twice.neither) == (6, 14)


def test_bunches_widen_the_interval() -> None:
    """Seconds of one minute are drawn together: agreement in bunches is known less well than its count suggests."""
    table = answers(20, 20, 20, 240)
    rng = np.random.default_rng(1)
    apart = compare("a", "b", "seconds", table[rng.permutation(len(table))], np.arange(len(table)))
    bunched = compare("a", "b", "seconds", table, np.arange(len(table)) // 20)
    assert apart.value == bunched.value
    assert bunched.high - bunched.low > 1.5 * (apart.high - apart.low)  # type: ignore[operator]
