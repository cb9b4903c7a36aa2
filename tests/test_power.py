"""Days needed: what makes them more, and that their number gives the power it claims."""

from __future__ import annotations

import numpy as np
import pytest

from detector.study.power import days_needed, extra_of, power
from detector.study.ratio import ratio_interval


def test_more_of_everything_takes_fewer_days() -> None:
    base = days_needed(3.0, 1.0, 0.3)
    assert base is not None
    for better in (days_needed(6.0, 1.0, 0.3), days_needed(3.0, 2.0, 0.3), days_needed(3.0, 1.0, 0.0)):
        assert better is not None
        assert better < base
    for worse in (days_needed(3.0, 1.0, 0.3, ratio=0.7), days_needed(3.0, 1.0, 0.3, alike=0.5)):
        assert worse is not None
        assert worse > base


def test_same_counts_a_day_need_the_same_days() -> None:
    assert days_needed(6.0, 0.5, 0.3) == days_needed(1.0, 3.0, 0.3)


def test_what_a_year_would_not_tell_is_none() -> None:
    assert days_needed(0.05, 0.2, 0.5) is None
    assert days_needed(0.0, 1.0, 0.0) is None
    assert days_needed(3.0, 1.0, 2.0, days_a=2) is None  # two days before are never made up for


def test_number_is_the_smallest_that_reaches_the_aim() -> None:
    days = days_needed(3.0, 1.0, 0.3)
    assert days is not None
    assert power(days, days, 3.0, 1.0, 0.3) >= 0.8 > power(days - 1, days - 1, 3.0, 1.0, 0.3)


@pytest.mark.parametrize(("rate", "hours", "extra"), [(3.0, 1.0, 0.3), (6.0, 0.5, 0.0), (1.0, 3.0, 1.0)])
def test_simulated_power_is_what_was_promised(rate: float, hours: float, extra: float) -> None:
    days = days_needed(rate, hours, extra)
    assert days is not None
    rng = np.random.default_rng(9)
    factors = rng.gamma(1.0 / extra, extra, (2500, 2 * days)) if extra else np.ones((2500, 2 * days))
    counts = rng.poisson(factors * rate * hours * np.repeat([1.0, 0.5], days)).astype(float)
    watched = np.full((2500, days), hours)
    _, high, _ = ratio_interval(counts[:, :days], watched, counts[:, days:], watched)
    assert float(np.mean(high < 1.0)) == pytest.approx(0.8, abs=0.05)


def test_extra_variance_is_found_on_average() -> None:
    rng = np.random.default_rng(2)
    found = [extra_of(rng.poisson(6.0 * rng.gamma(2.0, 0.5, 20)).astype(float), np.ones(20)) for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    chance = [extra_of(rng.poisson(6.0, 20).astype(float), np.ones(20)) for _ in range(400)]
    assert np.mean(chance) < 0.05
