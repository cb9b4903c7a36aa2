"""The ratio of two rates: known answers, no counts, and how often the interval holds the truth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from detector.study.ratio import rate_ratio, ratio_interval, times
from detector.study.spread import variance_of_sum, wave_count, waves


def days_of(
    rng: np.random.Generator, shape: tuple[int, int], mean: float, extra: float, alike: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Counts and hours of days that vary by gamma factors, each day alike the one before."""
    hours = np.exp(rng.normal(0.0, 0.5, shape))
    normal = rng.standard_normal(shape)
    for day in range(1, shape[1]):
        normal[:, day] = alike * normal[:, day - 1] + math.sqrt(1.0 - alike**2) * normal[:, day]
    factors = stats.gamma.ppf(stats.norm.cdf(normal), 1.0 / extra, scale=extra)
    return rng.poisson(mean * hours * factors).astype(float), hours


def covered(days: int, mean: float, extra: float, alike: float, number: int = 3000) -> float:
    """The share of intervals that hold a ratio of 1, when there is no difference."""
    counts, hours = days_of(np.random.default_rng(7), (number, 2 * days), mean, extra, alike)
    kept = counts.sum(1) > 0.0
    counts, hours = counts[kept], hours[kept]
    low, high, _ = ratio_interval(counts[:, :days], hours[:, :days], counts[:, days:], hours[:, days:])
    return float(np.mean((low <= 1.0) & (high >= 1.0)))


def test_ratio_is_of_counts_per_observed_hour() -> None:
    found = rate_ratio([4, 6, 5, 5], [1, 1, 1, 1], [5, 5, 4, 6], [2, 2, 2, 2])
    assert found is not None
    assert (found.ratio, found.count_a, found.hours_a, found.days_a) == (0.5, 20, 4.0, 4)
    assert (found.count_b, found.hours_b, found.days_b) == (20, 8.0, 4)
    assert (found.rate_a, found.rate_b) == (5.0, 2.5)


def test_days_that_hardly_vary_leave_what_chance_alone_would() -> None:
    found = rate_ratio([5, 5, 5, 5], [1] * 4, [5, 5, 5, 5], [1] * 4)
    assert found is not None
    assert found.high == pytest.approx(math.exp(1.96 * math.sqrt(1 / 20 + 1 / 20)), rel=1e-3)
    assert found.low == pytest.approx(1.0 / found.high)
    assert (found.p, found.dispersion) == (1.0, 0.0)


def test_days_that_vary_make_the_interval_wider() -> None:
    steady, varied = (
        rate_ratio([5] * 6, [1] * 6, [10] * 6, [1] * 6),
        rate_ratio([0, 10] * 3, [1] * 6, [0, 20] * 3, [1] * 6),
    )
    assert steady is not None
    assert varied is not None
    assert steady.ratio == varied.ratio == 2.0
    assert steady.low > 1.0 > varied.low
    assert varied.dispersion > 5.0 > 1.0 > steady.dispersion


def test_good_and_bad_spells_leave_less_known_than_days_that_change_places() -> None:
    spells, mixed = [2] * 5 + [8] * 5, [2, 8] * 5
    slow, quick = (rate_ratio(counts, [1] * 10, [10] * 10, [1] * 10) for counts in (spells, mixed))
    assert slow is not None
    assert quick is not None
    assert slow.high / slow.low > 2.0 * quick.high / quick.low


def test_swapping_the_sets_inverts_the_ratio() -> None:
    there, back = (
        rate_ratio([3, 5, 9], [1, 2, 1], [1, 0, 2], [1, 1, 3]),
        rate_ratio([1, 0, 2], [1, 1, 3], [3, 5, 9], [1, 2, 1]),
    )
    assert there is not None
    assert back is not None
    assert (there.ratio, there.low, there.high) == pytest.approx((1 / back.ratio, 1 / back.high, 1 / back.low))
    assert there.p == pytest.approx(back.p)


def test_nothing_after_gives_an_upper_bound_and_says_it_is_one() -> None:
    found = rate_ratio([5, 4, 6, 5], [1] * 4, [0, 0, 0], [1] * 3)
    assert found is not None
    assert (found.ratio, found.low, found.is_open) == (0.0, 0.0, True)
    share = 1.0 - 0.025 ** (1 / 20)  # of 20 counts none fell into the 3 hours
    assert found.high == pytest.approx(share / (1.0 - share) * 4 / 3)
    assert found.p == pytest.approx(2.0 * (4 / 7) ** 20)


def test_nothing_before_gives_a_lower_bound() -> None:
    found = rate_ratio([0, 0, 0], [1] * 3, [5, 4, 6, 5], [1] * 4)
    assert found is not None
    assert (found.ratio, found.high, found.is_open) == (math.inf, math.inf, True)
    assert 1.0 < found.low < math.inf


@pytest.mark.parametrize(
    ("before", "hours"),
    [([0, 0], [1, 1]), ([3], [1]), ([3, 4], [1, 0])],
    ids=["no count", "one day", "one observed day"],
)
def test_too_little_to_compare(before: list[int], hours: list[float]) -> None:
    assert rate_ratio(before, hours, [0, 0], [1, 1]) is None


def test_counts_must_be_counts() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        rate_ratio([1, -1], [1, 1], [1, 1], [1, 1])


@pytest.mark.parametrize(
    ("days", "mean", "extra", "alike", "least", "most"),
    [
        (5, 4.0, 0.3, 0.0, 0.93, 0.985),
        (5, 20.0, 1.0, 0.0, 0.93, 0.97),
        (14, 4.0, 0.3, 0.3, 0.93, 0.97),
        (30, 20.0, 0.3, 0.3, 0.93, 0.97),
        (30, 4.0, 1.0, 0.6, 0.90, 0.97),  # plain t intervals hold it in 73 of 100
        (5, 0.3, 0.3, 0.0, 0.97, 1.00),  # hardly any counts: wider than need be
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    days: int, mean: float, extra: float, alike: float, least: float, most: float
) -> None:
    assert least <= covered(days, mean, extra, alike) <= most


def test_p_agrees_with_the_interval() -> None:
    counts, hours = days_of(np.random.default_rng(5), (500, 20), 3.0, 0.5, 0.0)
    low, high, p = ratio_interval(counts[:, :10], hours[:, :10], counts[:, 10:], hours[:, 10:])
    assert ((p < 0.05) == ((low > 1.0) | (high < 1.0))).all()


def test_shuffling_tells_a_clear_difference_and_repeats() -> None:
    clear = rate_ratio([9, 8, 10, 9, 11, 8, 9, 10], [1] * 8, [2, 1, 3, 2, 1, 2, 2, 3], [1] * 8, seed=3)
    none = rate_ratio([9, 8, 10, 9, 11, 8, 9, 10], [1] * 8, [10, 9, 9, 8, 10, 8, 11, 9], [1] * 8, seed=3)
    assert clear is not None
    assert none is not None
    assert clear.p_shuffled < 0.05 < none.p_shuffled
    again = rate_ratio([9, 8, 10, 9, 11, 8, 9, 10], [1] * 8, [2, 1, 3, 2, 1, 2, 2, 3], [1] * 8, seed=3)
    assert again == clear


def test_slow_waves_are_orthonormal_and_unbiased() -> None:
    assert waves(30) @ waves(30).T == pytest.approx(np.eye(4), abs=1e-12)
    assert waves(30).sum(1) == pytest.approx(np.zeros(4), abs=1e-12)
    noise = np.random.default_rng(2).standard_normal((4000, 30))
    assert variance_of_sum(noise).mean() == pytest.approx(30.0, rel=0.05)
    assert [wave_count(days) for days in (2, 3, 5, 14, 30, 60)] == [1, 2, 2, 3, 4, 7]


@pytest.mark.parametrize(
    ("value", "said"), [(1.04, "1.04"), (0.996, "0.996"), (1.0, "1"), (1.06, "1.1"), (0.357, "0.36"), (12.34, "12")]
)
def test_a_factor_that_is_not_1_is_not_told_as_1(value: float, said: str) -> None:
    assert times(value) == said
