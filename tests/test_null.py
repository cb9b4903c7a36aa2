"""The null of a recording: what is asked for is what is found, on quiet and on restless recordings alike."""

from __future__ import annotations

import numpy as np
import pytest

from detector import null
from detector.null import AIMED_PER_MIN, LEVEL, LIMITS, RATE_PER_MIN, TAIL, WIDE_S, Null


def noise(rate_per_min: float, tail: float, minutes: float, seed: int = 0) -> list[tuple[float, float]]:
    """Peaks over LEVEL with an exponential tail, at most one in each half second."""
    rng = np.random.default_rng(seed)
    bins = int(minutes * 60 / WIDE_S)
    there = np.flatnonzero(rng.random(bins) < rate_per_min / 60 * WIDE_S)
    return [(WIDE_S * (b + 0.5), LEVEL + rng.exponential(tail)) for b in there]


def fed(peaks: list[tuple[float, float]], minutes: float) -> Null:
    one = Null()
    one.observe(60.0 * minutes)
    for t_s, score in peaks:
        one.peak(t_s, score)
    return one


def test_a_new_recording_is_judged_like_the_usual_one() -> None:
    assert Null().scale() == pytest.approx(1.0)
    assert Null().threshold() == pytest.approx(LEVEL + TAIL * np.log(RATE_PER_MIN / AIMED_PER_MIN))


@pytest.mark.parametrize(("rate", "tail"), [(36.0, 0.58), (15.0, 0.45), (50.0, 0.7)])
def test_noise_passes_its_own_threshold_as_often_as_asked(rate: float, tail: float) -> None:
    minutes = 600.0
    threshold = fed(noise(rate, tail, minutes), minutes).threshold()
    after = noise(rate, tail, 6000.0, seed=1)
    per_min = sum(score > threshold for _, score in after) / 6000.0
    assert AIMED_PER_MIN / 2.5 < per_min < 2.5 * AIMED_PER_MIN


def test_a_quiet_recording_is_judged_more_keenly_and_a_restless_one_less() -> None:
    assert fed(noise(10.0, 0.45, 30.0), 30.0).scale() > 1.05
    assert fed(noise(90.0, 0.95, 30.0), 30.0).scale() < 0.85


def test_a_few_seconds_decide_little() -> None:
    assert fed([], 5.0 / 60.0).scale() == pytest.approx(1.0, abs=0.02)


def test_twitches_do_not_raise_the_bar_for_themselves() -> None:
    quiet = noise(20.0, 0.5, 10.0)
    trains = [(40.0 * k + 0.2 * j, 12.0 if j % 2 else 5.0) for k in range(15) for j in range(10)]
    without, with_ = fed(quiet, 10.0), fed(sorted(quiet + trains), 10.0)
    assert with_.scale() == pytest.approx(without.scale(), abs=0.03)


def test_the_scale_stays_within_its_limits_whatever_comes() -> None:
    storm = [(WIDE_S * (k + 0.5), 6.8) for k in range(5000)]
    assert LIMITS[0] <= fed(storm, 42.0).scale() < 1.0
    assert fed([], 1000.0).scale() <= LIMITS[1]


def test_memory_is_flat() -> None:
    one = fed(noise(60.0, 0.6, 300.0), 300.0)
    assert len(one._held) <= 4 * null.NEAR_BINS
