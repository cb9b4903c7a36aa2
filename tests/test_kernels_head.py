"""The kernels round the crop, the head and the noise of patches, against their plain twins and what is known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import kernels_bumps, kernels_crop, kernels_fit, kernels_looks
from tests import naive

F64 = npt.NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("shrink", [1, 2, 3])
def test_gray_is_the_luma_of_whole_squares(shrink: int) -> None:
    image = np.random.default_rng(shrink).integers(0, 256, (14, 20, 3), np.uint8)
    out = np.empty((14 // shrink, 20 // shrink), np.float32)
    kernels_crop.gray_means(image, shrink, out)
    np.testing.assert_allclose(out, naive.gray_means(image, shrink), atol=1e-4)


def test_gray_of_gray_is_itself() -> None:
    image = np.full((6, 6, 3), 200, np.uint8)
    out = np.empty((3, 3), np.float32)
    kernels_crop.gray_means(image, 2, out)
    np.testing.assert_allclose(out, 200.0, atol=1e-4)


@given(SEEDS)
def test_luma_and_detail_match_the_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(0.0, 255.0, rng.integers(2, 40, 2)).astype(np.float32)
    np.testing.assert_allclose(kernels_crop.luma_and_detail(image), naive.luma_and_detail(image), rtol=1e-5)


def scattered(seed: int, strays: int, noise_px: float = 0.1) -> tuple[F64, F64, F64]:
    """40 points, where an affine takes them, and the affine; some went astray."""
    rng = np.random.default_rng(seed)
    affine = np.column_stack([np.eye(2) + rng.normal(0.0, 0.05, (2, 2)), rng.normal(0.0, 20.0, 2)])
    source = rng.uniform(0.0, 240.0, (40, 2))
    target = source @ affine[:, :2].T + affine[:, 2] + rng.normal(0.0, noise_px, (40, 2))
    target[:strays] += rng.uniform(5.0, 30.0, (strays, 2))
    return source, target, affine


@given(SEEDS, st.integers(0, 12))
def test_affine_fit_matches_the_twin(seed: int, strays: int) -> None:
    source, target, _ = scattered(seed, strays)
    out = np.empty((2, 3))
    assert kernels_fit.fit_affine(source, target, 6, 4.685, 0.02, out)
    np.testing.assert_allclose(out, naive.fit_affine(source, target, 6, 4.685, 0.02), rtol=1e-6, atol=1e-6)


def test_affine_fit_does_not_follow_points_that_went_astray() -> None:
    source, target, affine = scattered(3, strays=10, noise_px=0.0)
    out = np.empty((2, 3))
    assert kernels_fit.fit_affine(source, target, 6, 4.685, 0.02, out)
    np.testing.assert_allclose(out, affine, atol=1e-6)


def test_affine_fit_of_points_on_a_line_is_refused() -> None:
    source = np.column_stack([np.arange(20.0), 2.0 * np.arange(20.0)])
    assert not kernels_fit.fit_affine(source, source, 6, 4.685, 0.02, np.empty((2, 3)))


@given(SEEDS, st.floats(-math.pi, math.pi), st.integers(0, 8))
def test_rotation_fit_matches_the_twin(seed: int, angle: float, strays: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    source = rng.normal(0.0, 30.0, (35, 2))
    target = 1.7 * source @ turn.T + rng.normal(0.0, 0.5, (35, 2)) + np.array([300.0, 200.0])
    target[:strays] += 25.0
    cosine, sine = kernels_fit.fit_rotation(source, target, 4, 3.0)
    want = naive.fit_rotation(source, target, 4, 3.0)
    np.testing.assert_allclose([[cosine, -sine], [sine, cosine]], want, atol=1e-9)
    if not strays:
        np.testing.assert_allclose([[cosine, -sine], [sine, cosine]], turn, atol=0.02)


@given(SEEDS)
def test_unlikeness_matches_the_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.0, 255.0, (12, 11)).astype(np.float32)
    now = (before + rng.normal(0.0, 60.0, before.shape)).astype(np.float32)
    places = np.array([(x, y) for x in (0, 4, 10) for y in (1, 6, 11)], np.int64)
    taps, shifts = np.array([0.1, 0.2, 0.4, 0.2, 0.1], np.float32), np.array([-2, 0, 2])
    out = np.empty(len(places), np.float32)
    kernels_looks.unlikeness(now, before, places, taps, shifts, 9.0, out)
    np.testing.assert_allclose(out, naive.unlikeness(now, before, places, taps, shifts, 9.0), rtol=1e-3, atol=1e-4)


def test_unlikeness_knows_the_same_from_another() -> None:
    rng = np.random.default_rng(0)
    before, other = rng.uniform(0.0, 255.0, (2, 30, 30)).astype(np.float32)
    places, taps = np.array([(15, 15)]), np.full(9, 1.0 / 9.0, np.float32)
    out = np.empty(1, np.float32)
    for now, low, high in ((before, 0.0, 1e-3), (np.roll(before, (2, -2), (0, 1)), 0.0, 1e-3), (other, 0.7, 1.3)):
        kernels_looks.unlikeness(now, before, places, taps, np.array([-2, 0, 2]), 9.0, out)
        assert low <= out[0] <= high


@given(SEEDS)
def test_starts_and_trust_match_the_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0.0, 1.0, (9, 2)).astype(np.float32)
    coarse[rng.random(9) < 0.3] = np.nan
    nearest = rng.integers(0, 9, 25).astype(np.intp)
    start = np.empty((25, 2), np.float32)
    kernels_fit.start_from(coarse, nearest, 0.5, 2.0, start)
    np.testing.assert_allclose(start, naive.start_from(coarse, nearest, 0.5, 2.0), rtol=1e-6)
    trust, texture = (rng.random(25) < 0.7).astype(np.float32), rng.normal(1e3, 1e3, 25).astype(np.float32)
    trust[0] = 1.0
    out = np.empty(25, np.float32)
    kernels_fit.trust_by_texture(trust, texture, out)
    np.testing.assert_allclose(out, naive.trust_by_texture(trust, texture), rtol=1e-5, atol=1e-6)


def test_median_length_is_of_what_was_measured() -> None:
    motion = np.array([(3.0, 4.0), (np.nan, np.nan), (0.0, 1.0), (6.0, 8.0)], np.float32)
    assert kernels_fit.median_length(motion) == pytest.approx(5.0)
    assert kernels_fit.median_length(motion[1:2]) == math.inf


@given(SEEDS)
def test_noise_of_patches_matches_the_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    change, seen = rng.uniform(0.01, 0.2, 30), rng.integers(0, 12, 30).astype(np.float64)
    step = rng.normal(0.0, 0.3, (30, 2)).astype(np.float32)
    step[rng.random(30) < 0.2] = np.nan
    want_change, want_seen = naive.learn_steps(step, 0.01, 4.5, change, seen)
    kernels_bumps.learn_steps(step, 0.01, 4.5, change, seen)
    np.testing.assert_allclose(change, want_change, rtol=1e-6)
    np.testing.assert_array_equal(seen, want_seen)
    for known in (seen, np.zeros(30)):
        out = np.empty(30, np.float32)
        kernels_bumps.noise_weights(change, known, out)
        np.testing.assert_allclose(out, naive.noise_weights(change, known), rtol=1e-5)


def test_bump_shapes_match_the_twin() -> None:
    rng = np.random.default_rng(1)
    centers, patches = rng.normal(0.0, 20.0, (5, 2)), rng.normal(0.0, 20.0, (40, 2))
    out = np.empty((5, 40), np.float32)
    kernels_bumps.bump_shapes(centers, patches, 6.0, out)
    np.testing.assert_allclose(out, naive.bump_shapes(centers, patches, 6.0), atol=1e-6)
