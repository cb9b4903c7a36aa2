"""Noise learned from a stream: as strong and as long-drawn as it is, whatever twitches in it."""

from __future__ import annotations

import numpy as np
import pytest

from detector.grid import RATE_HZ
from detector.kernels import rounded_lengths
from detector.kernels_noise import column_medians, middles, slide
from detector.noise import MEMORY, SCALE_LEAST_S, STEP, Noise, mean_directions, round_noise
from tests import naive

RNG = np.random.default_rng(3)


def stream(count: int, sd: tuple[float, float], turn_deg: float = 0.0, sites: int = 3) -> np.ndarray:
    """(count, 1, sites, 2) independent Gaussian heights with these standard deviations along turned axes."""
    turn = np.radians(turn_deg)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (RNG.normal(size=(count, 1, sites, 2)) * sd @ axes.T).astype(np.float32)


def learned(heights: np.ndarray, block: int = 2) -> tuple[Noise, np.ndarray]:
    noise, rounded = Noise(), []
    for k in range(0, len(heights), block):
        lengths, shape = noise.round(heights[k : k + block], 0)
        assert np.linalg.det(shape) == pytest.approx(1.0, abs=1e-4)
        noise.learn(lengths)
        rounded.append(np.einsum("sij,bcsj->bcsi", shape, heights[k : k + block]))
    return noise, np.concatenate(rounded)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 90.0, 135.0])
def test_long_drawn_noise_becomes_round(turn_deg: float) -> None:
    noise, rounded = learned(stream(2000, (2.0, 1.0), turn_deg))
    spread = np.linalg.eigvalsh(np.cov(rounded[600:, 0, 0].T))
    assert np.sqrt(spread[1] / spread[0]) < 1.25
    scale = noise.scale()
    assert scale is not None and scale[0, 0] == pytest.approx(np.sqrt(2.0), rel=0.1)  # the determinant is kept


def test_the_kernel_is_its_twin() -> None:
    heights = stream(5, (1.0, 2.0), sites=7).repeat(3, axis=1)
    shape = RNG.normal(size=(7, 2, 2)).astype(np.float32)
    out = np.empty(heights.shape[:-1], np.float32)
    rounded_lengths(heights, shape, out)
    np.testing.assert_allclose(out, naive.rounded_lengths(heights, shape), rtol=1e-5)


def test_round_noise_stays_as_it_is() -> None:
    noise, rounded = learned(stream(2000, (1.0, 1.0)))
    spread = np.linalg.eigvalsh(np.cov(rounded[600:, 0, 0].T))
    assert np.sqrt(spread[1] / spread[0]) < 1.15
    scale = noise.scale()
    assert scale is not None and scale[0] == pytest.approx(np.ones(3), rel=0.1)


def test_chance_in_a_few_directions_is_not_taken_for_shape() -> None:
    few = mean_directions(stream(8, (1.0, 1.0), sites=200)[:, 0])
    shapes = round_noise(few, 8 / RATE_HZ)
    assert np.mean(np.abs(shapes - np.eye(2)).max(axis=(1, 2)) < 1e-6) > 0.5


def test_a_twitch_hardly_changes_strength_or_shape() -> None:
    quiet = stream(900, (1.0, 1.0))
    twitching = quiet.copy()
    twitching[300:330, :, 0] += (0.0, 20.0)
    plain, other = learned(quiet)[0].scale(), learned(twitching)[0].scale()
    assert plain is not None and other is not None
    assert other[0, 0] == pytest.approx(plain[0, 0], rel=0.15)


def test_nothing_is_known_before_enough_was_learned_and_steps_do_not_matter() -> None:
    heights = stream(round(SCALE_LEAST_S * RATE_HZ), (1.0, 1.0))
    assert Noise().scale() is None and not Noise().known
    assert not learned(heights[:-STEP])[0].known and learned(heights)[0].known


def test_no_direction_at_all_is_no_crash() -> None:
    noise, rounded = learned(np.zeros((400, 1, 3, 2), np.float32))
    assert not rounded.any() and np.isfinite(noise.scale()).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", [1, 5, 8])
def test_sliding_medians_are_those_of_the_last_values(memory: int) -> None:
    values = np.random.default_rng(memory).integers(0, 9, (40, 7)).astype(np.float32)  # many of them equal
    ordered, middle = np.empty((7, memory), np.float32), np.empty(7, np.float32)
    for k, new in enumerate(values):
        old = values[k - memory] if k >= memory else np.empty(0, np.float32)
        count = min(k + 1, memory)
        slide(ordered, count - 1, old, new)
        middles(ordered, count, middle)
        np.testing.assert_array_equal(middle, np.median(values[max(k + 1 - memory, 0) : k + 1], axis=0))


@pytest.mark.parametrize("rows", [1, 2, 6, 7])
def test_column_medians(rows: int) -> None:
    values = np.random.default_rng(rows).normal(0.0, 1.0, (rows, 30)).astype(np.float32)
    out = np.empty(30, np.float32)
    column_medians(values, out)
    np.testing.assert_array_equal(out, np.median(values, axis=0))


def test_scale_is_of_the_last_seconds_only() -> None:
    """The memory slides: an hour of another noise long ago leaves no trace."""
    rng = np.random.default_rng(4)
    lately = rng.rayleigh(1.0, (MEMORY * STEP, 2, 5)).astype(np.float32)
    noise, fresh = Noise(), Noise()
    noise.learn(rng.rayleigh(30.0, (3 * MEMORY * STEP, 2, 5)).astype(np.float32))
    noise.learn(lately)
    fresh.learn(lately)
    np.testing.assert_array_equal(noise.scale(), fresh.scale())
    np.testing.assert_allclose(fresh.scale(), 1.0, rtol=0.1)
