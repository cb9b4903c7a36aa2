"""Kernels on whatever can be in an array: no exception, no reading past an end, and what must not matter does not."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector import kernels, kernels_bumps, kernels_crop, kernels_fit
from tests.test_kernels import SEEDS, Texture, picture, register

F32 = npt.NDArray[np.float32]

ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
ANYTHING = st.floats(width=32)  # NaN and infinite too: what was not measured, and what went wrong
PLACES = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 1.0, -1.0, 1e-30])


def some(*shape: int, elements: st.SearchStrategy[float] = ANYTHING) -> st.SearchStrategy[F32]:
    return hnp.arrays(np.float32, shape, elements=elements)


# --- no exception ---------------------------------------------------------------------------------------------------


@given(image=some(5, 6, elements=ANY), matrix=hnp.arrays(np.float64, (2, 3), elements=st.floats(-1e12, 1e12)))
def test_any_picture_can_be_warped_anywhere(image: F32, matrix: npt.NDArray[np.float64]) -> None:
    """A cubic weight is at most 1 and at least -0.08, so that nothing much beyond the picture's own range comes out."""
    image = np.clip(image, -1e30, 1e30)
    out = np.full((4, 3), np.nan, np.float32)
    kernels_crop.warp_affine(image, matrix, out)
    assert np.abs(out).max() <= 1.6 * np.abs(image).max() + 1e-30


@given(reference=some(40, 40, elements=ANY), current=some(40, 40, elements=ANY), start=some(2, 2, elements=PLACES))
def test_any_two_pictures_can_be_registered(reference: F32, current: F32, start: F32) -> None:
    with np.errstate(all="ignore"):
        moved, _ = register(reference, current, [[19, 19], [20, 18]], start=start)
    near = np.abs(moved - start) < 6.0  # of the start, or given up
    assert (near | np.isnan(moved)).all()


@given(motion=some(24, 2), trust=some(24, elements=st.floats(0.0, 1.0, width=32)), rounds=st.integers(1, 6))
def test_the_head_is_fitted_to_anything_or_not_at_all(motion: F32, trust: F32, rounds: int) -> None:
    x, y = np.meshgrid(np.linspace(-1.0, 1.0, 6), np.linspace(-1.0, 1.0, 4))
    basis = np.column_stack([np.ones(24), x.ravel(), y.ravel()])
    left = np.zeros_like(motion)
    scale = kernels_fit.fit_head(basis, motion, trust, rounds, 4.685, 0.01, left)
    assert math.isnan(scale) or scale >= 0.01


@given(
    source=hnp.arrays(np.float64, (12, 2), elements=PLACES | st.just(math.nan)),
    target=hnp.arrays(np.float64, (12, 2), elements=PLACES | st.just(math.nan)),
)
def test_points_anywhere_give_a_turn_and_an_affine_or_none(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> None:
    """Also when all of them are one, or unknown."""
    cosine, sine = kernels_fit.fit_rotation(source, target, 4, 3.0)
    assert math.isnan(cosine) or math.hypot(cosine, sine) <= 1.0 + 1e-6
    out = np.full((2, 3), 7.0)
    assert kernels_fit.fit_affine(source, target, 6, 4.685, 0.02, out) in (False, True)


@given(motion=some(9, 2), weight=some(9, elements=st.floats(0.0, 1e6, width=32)), bumps=some(3, 9, elements=ANY))
def test_bumps_are_read_from_anything(motion: F32, weight: F32, bumps: F32) -> None:
    out = np.zeros((3, 2), np.float32)
    kernels_bumps.bump_amplitudes(motion, weight, np.clip(np.abs(bumps), 0.0, 1.0), 0.5, out)
    changed, seen = np.zeros(9), np.zeros(9)
    for _ in range(8):
        kernels_bumps.learn_steps(motion, 0.01, 4.0, changed, seen)
    assert np.isfinite(changed).all() and (changed >= 0.0).all()
    weights = np.zeros(9, np.float32)
    kernels_bumps.noise_weights(changed, seen, weights)
    assert (weights >= 0.0).all() and np.isfinite(weights).all()


@given(heights=some(2, 2, 5), scale=some(2, 5, elements=st.floats(0.0, 1e6, width=32)))
def test_scores_of_anything(heights: F32, scale: F32) -> None:
    """Also of a record without any noise."""
    excess, around = np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 3), np.float32)
    kernels.score_block(heights, scale, np.full((3, 2), 0.5, np.float32), excess, around)
    assert not (around < 0.0).any()


@given(score=hnp.arrays(np.float32, st.integers(0, 30), elements=ANYTHING), radius=st.integers(0, 5), least=ANY)
def test_peaks_of_anything(score: F32, radius: int, least: float) -> None:
    found = kernels.find_peaks(score, radius, least, 0, len(score))
    assert (np.diff(found) > 0).all()
    assert (score[found] >= least).all()
    assert all(
        score[found[k]] != score[found[k + 1]] or found[k + 1] - found[k] > radius for k in range(len(found) - 1)
    )


# --- what must not matter -------------------------------------------------------------------------------------------


@given(seed=SEEDS, light=st.floats(-60.0, 60.0), shift=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)))
def test_more_light_in_one_picture_moves_nothing(seed: int, light: float, shift: tuple[float, float]) -> None:
    texture = Texture(seed % 50)
    reference, current = texture.picture(44, 44), texture.picture(44, 44, shift)
    plain, _ = register(reference, current, [[21, 21], [24, 20]])
    lit, _ = register(reference, current + np.float32(light), [[21, 21], [24, 20]])
    np.testing.assert_allclose(lit, plain, atol=2e-3)


@given(seed=SEEDS, along=st.integers(-3, 3), down=st.integers(-3, 3))
def test_a_shift_by_whole_pixels_of_both_pictures_moves_the_patch_and_not_its_motion(
    seed: int, along: int, down: int
) -> None:
    texture = Texture(seed % 50)
    wide = texture.picture(60, 60), texture.picture(60, 60, (0.6, -0.4))
    here, there = (
        [part[8 + dy : 52 + dy, 8 + dx : 52 + dx].copy() for part in wide] for dx, dy in ((0, 0), (along, down))
    )
    moved, _ = register(*here, [[21, 21]])
    again, _ = register(*there, [[21 - along, 21 - down]])
    np.testing.assert_allclose(again, moved, atol=1e-4)


@given(seed=SEEDS, along=st.integers(0, 4), down=st.integers(0, 4), light=st.floats(-100.0, 100.0, width=32))
def test_a_warp_carries_shifts_and_light(seed: int, along: int, down: int, light: float) -> None:
    image = picture(14, 14, seed)
    out, moved, lit = (np.empty((5, 5), np.float32) for _ in range(3))
    kernels_crop.warp_affine(image, np.array([[0.9, 0.1, 3.3 + along], [-0.1, 0.9, 3.7 + down]]), out)
    kernels_crop.warp_affine(
        np.ascontiguousarray(image[down:, along:]), np.array([[0.9, 0.1, 3.3], [-0.1, 0.9, 3.7]]), moved
    )
    np.testing.assert_allclose(moved, out, atol=1e-3)
    kernels_crop.warp_affine(
        image + np.float32(light), np.array([[0.9, 0.1, 3.3 + along], [-0.1, 0.9, 3.7 + down]]), lit
    )
    np.testing.assert_allclose(lit, out + light, atol=2e-3)


@given(seed=SEEDS, turn=st.floats(-3.1, 3.1), zoom=st.floats(0.2, 5.0), shift=st.floats(-50.0, 50.0))
def test_a_turn_is_found_whatever_the_scale_and_place(seed: int, turn: float, zoom: float, shift: float) -> None:
    source = np.random.default_rng(seed).normal(size=(20, 2))
    cos, sin = math.cos(turn), math.sin(turn)
    target = zoom * source @ np.array([[cos, sin], [-sin, cos]]) + shift
    assert kernels_fit.fit_rotation(source, target, 4, 3.0) == pytest.approx((cos, sin), abs=1e-5)
