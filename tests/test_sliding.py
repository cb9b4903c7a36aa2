"""The least of the last seconds and quantiles of a few: what NumPy says of the same numbers, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.sliding import Least, quantile

VALUES = st.one_of(st.integers(0, 4).map(float), st.floats(-1e6, 1e6))


@given(steps=st.lists(st.tuples(st.floats(0.0078125, 1.5), VALUES), min_size=1, max_size=60))
def test_the_least_is_that_of_the_values_that_count(steps: list[tuple[float, float]]) -> None:
    least, t_s, known = Least(2.0), 0.0, []
    for step_s, value in steps:
        t_s += step_s
        known.append((t_s, value))
        assert least.push(t_s, value) == min(v for t, v in known if t >= t_s - 2.0)
    least.clear()
    assert least.push(t_s + 0.01, 2e6) == 2e6, "nothing is left of before"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
@given(values=st.lists(VALUES, min_size=1, max_size=40))
def test_a_quantile_has_the_bits_of_numpys(share: float, values: list[float]) -> None:
    assert quantile(sorted(values), share) == np.quantile(values, share)
