"""Each kernel against its plain twin in ``naive.py``, and against what is known of the answer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector import kernels, kernels_bumps, kernels_crop, kernels_fit, kernels_patches
from tests import naive

F32 = npt.NDArray[np.float32]
SEEDS = st.integers(0, 2**32 - 1)


def picture(height: int, width: int, seed: int = 0) -> F32:
    return np.random.default_rng(seed).uniform(0.0, 255.0, (height, width)).astype(np.float32)


class Texture:
    """A smooth picture that is known everywhere, so that it can be shifted by any amount without interpolation."""

    def __init__(self, seed: int = 0, shortest_px: float = 9.0) -> None:
        rng = np.random.default_rng(seed)
        length, turn = rng.uniform(shortest_px, 3.0 * shortest_px, 24), rng.uniform(0.0, math.pi, 24)
        self._wave = np.column_stack([np.cos(turn), np.sin(turn)]) * (2.0 * math.pi / length)[:, None]
        self._phase = rng.uniform(0.0, 2.0 * math.pi, 24)

    def picture(self, height: int, width: int, shift: tuple[float, float] = (0.0, 0.0)) -> F32:
        """The texture moved by ``shift`` (x, y): what was at p is now at p + shift."""
        y, x = np.mgrid[:height, :width].astype(np.float64)
        total = np.zeros((height, width))
        for (wx, wy), phase in zip(self._wave, self._phase, strict=True):
            total += np.sin(wx * (x - shift[0]) + wy * (y - shift[1]) + phase)
        return (120.0 + 12.0 * total).astype(np.float32)


WINDOW = np.exp(-(np.arange(-7, 8) ** 2) / (2.0 * 4.2**2))
WINDOW = np.outer(WINDOW, WINDOW).astype(np.float32)


def register(
    reference: F32,
    current: F32,
    centers: npt.ArrayLike,
    *,
    start: npt.ArrayLike | None = None,
    damping: float = 0.01,
    rounds: int = 6,
    tolerance: float = 0.004,
    reach: float = 6.0,
) -> tuple[F32, F32]:
    places = np.asarray(centers, dtype=np.int64)
    out = np.zeros((len(places), 2), np.float32) if start is None else np.array(start, dtype=np.float32)
    texture = np.empty(len(places), np.float32)
    kernels_patches.register_patches(
        reference, current, places, WINDOW, damping, rounds, tolerance, reach, out, texture
    )  # fmt: skip
    return out, texture


# warp_affine


@given(
    seed=SEEDS,
    turn=st.floats(-3.2, 3.2),
    zoom=st.floats(0.3, 3.0),
    shift=st.tuples(st.floats(-12.0, 24.0), st.floats(-12.0, 24.0)),
)
def test_warp_is_the_twins_inside_at_the_border_and_outside(
    seed: int, turn: float, zoom: float, shift: tuple[float, float]
) -> None:
    image = picture(9, 12, seed)
    cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    out = np.empty((7, 5), np.float32)
    kernels_crop.warp_affine(image, matrix, out)
    np.testing.assert_allclose(out, naive.warp_affine(image, matrix, (7, 5)), atol=2e-3)


def test_warp_by_nothing_is_the_picture_itself() -> None:
    image = picture(8, 11)
    out = np.empty_like(image)
    kernels_crop.warp_affine(image, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), out)
    np.testing.assert_array_equal(out, image)


def test_warp_carries_a_ramp_exactly_at_any_fraction_of_a_pixel() -> None:
    y, x = np.mgrid[:20, :20].astype(np.float32)
    image = (3.0 * x + 5.0 * y).astype(np.float32)
    out = np.empty((12, 12), np.float32)
    for dx, dy in ((0.01, 0.0), (0.013, 0.507), (0.999, 0.25)):
        kernels_crop.warp_affine(image, np.array([[1.0, 0.0, 4.0 + dx], [0.0, 1.0, 4.0 + dy]]), out)
        np.testing.assert_allclose(out, 3.0 * (x[:12, :12] + 4 + dx) + 5.0 * (y[:12, :12] + 4 + dy), atol=1e-4)


def test_warp_repeats_the_border_far_outside() -> None:
    image = picture(6, 6)
    out = np.empty((3, 3), np.float32)
    kernels_crop.warp_affine(image, np.array([[1.0, 0.0, -50.0], [0.0, 1.0, 80.0]]), out)
    np.testing.assert_allclose(out, image[-1, 0], rtol=1e-6)


def test_warp_keeps_nan_to_the_pixels_that_use_it() -> None:
    image = picture(12, 12)
    image[2, 2] = np.nan
    out = np.empty((12, 12), np.float32)
    kernels_crop.warp_affine(image, np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]), out)
    unknown = np.zeros((12, 12), bool)
    unknown[0:4, 0:4] = True  # the 4 x 4 support of a position between pixels
    np.testing.assert_array_equal(np.isnan(out), unknown)


# register_patches


@pytest.mark.parametrize("seed", range(6))
def test_registration_is_the_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texture = Texture(seed)
    shift = tuple(rng.uniform(-2.0, 2.0, 2))
    reference = texture.picture(44, 44) + rng.normal(0.0, 2.0, (44, 44)).astype(np.float32)
    current = texture.picture(44, 44, shift) + rng.normal(0.0, 2.0, (44, 44)).astype(np.float32)
    centers = rng.integers(12, 32, (4, 2))
    start = rng.uniform(-1.0, 1.0, (4, 2))
    got, strength = register(reference, current, centers, start=start)
    want, texture_there = naive.register_patches(
        reference, current, centers, WINDOW, 0.01, 6, 0.004, 6.0, start.astype(np.float32)
    )
    np.testing.assert_allclose(got, want, atol=2e-4)
    np.testing.assert_allclose(strength, texture_there, rtol=1e-4)


def test_registration_is_the_twins_where_the_search_is_given_up() -> None:
    texture = Texture(1)
    reference, current = texture.picture(40, 40), texture.picture(40, 40, (0.9, -0.5))
    centers = np.array([[20, 20], [14, 26], [20, 20], [8, 8], [8, 31], [31, 31]])
    start = np.array([[0.0, 0.0], [1.0, 1.0], [-3.0, 2.0], [0.0, 0.0], [0.0, 3.9], [30.0, 0.0]])
    got, _ = register(reference, current, centers, start=start, reach=1.5)
    want, _ = naive.register_patches(
        reference, current, centers, WINDOW, 0.01, 6, 0.004, 1.5, start.astype(np.float32)
    )  # fmt: skip
    assert 1 < np.isnan(want[:, 0]).sum() < len(want), "the example should hold both cases"
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want, atol=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_registration_goes_on_to_the_last_pixel_of_the_picture_and_no_farther(axis: int) -> None:
    """The patch and the 4 x 4 support of its outermost positions must lie inside: 8 px before its center, 9 after."""
    texture = Texture(9)
    shift = np.zeros(2)
    shift[axis] = 0.3
    reference, current = texture.picture(40, 40), texture.picture(40, 40, (float(shift[0]), float(shift[1])))
    for place, begin, inside in ((8, 0.2, True), (8, -0.4, False), (30, 0.2, True), (30, 1.2, False), (31, 0.2, False)):
        center, start = np.array([20, 20]), np.zeros(2)
        center[axis], start[axis] = place, begin
        got, _ = register(reference, current, [center], start=[start], rounds=1)
        assert np.isfinite(got).all() == inside, (place, begin)


def test_registration_is_the_twins_where_texture_is_faint() -> None:
    texture = Texture(10)
    faint, moved = 0.02 * texture.picture(40, 40), 0.02 * texture.picture(40, 40, (0.5, 0.3))
    got, _ = register(faint, moved, [(20, 20)])
    want, _ = naive.register_patches(
        faint, moved, np.array([[20, 20]]), WINDOW, 0.01, 6, 0.004, 6.0, np.zeros((1, 2))
    )  # fmt: skip
    np.testing.assert_allclose(got, want, atol=1e-3)


@pytest.mark.parametrize("shift", [(0.05, 0.0), (0.31, -0.22), (-0.5, 0.5), (1.27, 0.64), (-1.9, -1.4)])
@pytest.mark.parametrize("seed", [3, 4])
def test_known_shifts_are_recovered_within_two_hundredths_of_a_pixel(seed: int, shift: tuple[float, float]) -> None:
    texture = Texture(seed, shortest_px=10.0)
    centers = [(x, y) for x in (20, 32, 44) for y in (20, 32, 44)]
    got, strength = register(texture.picture(64, 64), texture.picture(64, 64, shift), centers, damping=0.0, rounds=20)
    assert (strength > 0.0).all()
    np.testing.assert_allclose(got, np.broadcast_to(shift, got.shape), atol=0.02)


def test_a_shift_beyond_reach_from_zero_is_found_from_a_start_nearby() -> None:
    texture = Texture(5)
    still, moved = texture.picture(64, 64), texture.picture(64, 64, (7.3, -5.1))
    from_zero, _ = register(still, moved, [(32, 32)], reach=3.0)
    assert np.isnan(from_zero).all() or np.hypot(*(from_zero[0] - (7.3, -5.1))) > 3.0
    nearby, _ = register(still, moved, [(32, 32)], start=[(6.0, -4.0)], reach=3.0, damping=0.0, rounds=20)
    np.testing.assert_allclose(nearby[0], (7.3, -5.1), atol=0.02)


def test_more_or_less_light_is_not_motion() -> None:
    texture = Texture(6)
    still, moved = texture.picture(48, 48), texture.picture(48, 48, (0.4, -0.3))
    plain, _ = register(still, moved, [(24, 24)])
    brighter, _ = register(still, moved + np.float32(35.0), [(24, 24)])
    np.testing.assert_allclose(brighter, plain, atol=1e-4)


def test_contrast_of_both_pictures_does_not_matter() -> None:
    texture = Texture(7)
    still, moved = texture.picture(48, 48), texture.picture(48, 48, (0.6, 0.2))
    plain, strength = register(still, moved, [(24, 24)])
    double, strength_double = register(2.0 * still, 2.0 * moved, [(24, 24)])
    np.testing.assert_allclose(double, plain, atol=2e-3)
    np.testing.assert_allclose(strength_double, 4.0 * strength, rtol=1e-4)


def test_a_patch_without_texture_stays_where_it_is() -> None:
    flat = np.full((40, 40), 90.0, np.float32)
    noisy = flat + np.random.default_rng(0).normal(0.0, 0.05, flat.shape).astype(np.float32)
    got, strength = register(flat, noisy, [(20, 20)])
    assert np.abs(got).max() < 0.05
    assert strength[0] == pytest.approx(0.0, abs=1e-3)


def test_a_patch_that_is_known_along_one_direction_only_says_so() -> None:
    x = np.arange(48, dtype=np.float64)
    still = np.tile(120.0 + 40.0 * np.sin(x / 2.0), (48, 1)).astype(np.float32)
    moved = np.tile(120.0 + 40.0 * np.sin((x - 0.4) / 2.0), (48, 1)).astype(np.float32)
    got, strength = register(still, moved, [(24, 24)])
    assert got[0, 0] == pytest.approx(0.4, abs=0.05)
    assert abs(got[0, 1]) < 1e-3
    assert strength[0] == pytest.approx(0.0, abs=1.0)


def test_nan_in_the_picture_does_not_pass_for_a_measurement() -> None:
    texture = Texture(8)
    current = texture.picture(48, 48, (0.3, 0.0))
    current[30, 30] = np.nan
    got, _ = register(texture.picture(48, 48), current, [(28, 28), (12, 12)])
    assert np.isnan(got[0]).all()
    np.testing.assert_allclose(got[1], (0.3, 0.0), atol=0.03)


# solve


@given(seed=SEEDS, size=st.integers(1, 7), columns=st.integers(1, 3))
def test_solve_is_the_twins(seed: int, size: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, rhs = rng.normal(size=(size, size)), rng.normal(size=(size, columns))
    assume(np.linalg.cond(matrix) < 1e6)
    want = naive.solve(matrix, rhs)
    answer = rhs.copy()
    assert kernels_fit.solve(matrix.copy(), answer)
    np.testing.assert_allclose(answer, want, rtol=1e-7, atol=1e-9)


def test_solve_needs_its_pivoting() -> None:
    matrix = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]])
    answer = np.array([[2.0], [8.0], [15.0]])
    assert kernels_fit.solve(matrix, answer)
    np.testing.assert_allclose(answer[:, 0], [3.0, 1.0, 2.0])


def test_solve_takes_the_largest_pivot_whatever_its_sign() -> None:
    answer = np.array([[1.0], [0.0]])
    assert kernels_fit.solve(np.array([[1e-13, 1.0], [-1.0, 1.0]]), answer)
    np.testing.assert_allclose(answer[:, 0], [1.0, 1.0], rtol=1e-9)


def test_solve_says_when_there_is_no_answer() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
    assert naive.solve(matrix, np.ones((3, 1))) is None
    assert not kernels_fit.solve(matrix.copy(), np.ones((3, 1)))


# fit_head


def head(seed: int, terms: int, outliers: float, lost: float) -> tuple[npt.NDArray[np.float64], F32, F32]:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1.0, 1.0, (2, 90))
    basis = np.column_stack([np.ones(90), x, y, x * x, x * y, y * y])[:, :terms]
    motion = basis @ rng.normal(0.0, 0.8, (terms, 2)) + rng.normal(0.0, 0.05, (90, 2))
    motion[rng.uniform(size=90) < outliers] += rng.normal(0.0, 3.0, 2)
    motion[rng.uniform(size=90) < lost] = np.nan
    trust = np.where(rng.uniform(size=90) < 0.25, 0.0, rng.uniform(0.2, 1.0, 90))
    return np.ascontiguousarray(basis), motion.astype(np.float32), trust.astype(np.float32)


@given(
    seed=SEEDS,
    terms=st.sampled_from([3, 6]),
    outliers=st.floats(0.0, 0.3),
    lost=st.floats(0.0, 0.9),
    rounds=st.integers(1, 8),
    floor_px=st.sampled_from([0.001, 0.01, 0.3]),
)
def test_head_fit_is_the_twins(
    seed: int, terms: int, outliers: float, lost: float, rounds: int, floor_px: float
) -> None:
    basis, motion, trust = head(seed, terms, outliers, lost)
    left = np.empty_like(motion)
    scale = kernels_fit.fit_head(basis, motion, trust, rounds, 4.685, floor_px, left)
    want_left, want_scale = naive.fit_head(basis, motion, trust, rounds, 4.685, floor_px)
    assert scale == pytest.approx(want_scale, rel=1e-3, nan_ok=True)
    np.testing.assert_allclose(left, want_left, atol=2e-3)


def test_head_motion_is_taken_out_although_a_part_of_the_face_moves_by_itself() -> None:
    basis, _, trust = head(0, 3, 0.0, 0.0)
    drift = basis @ np.array([[0.7, -0.4], [0.2, 0.1], [-0.3, 0.25]])
    motion = drift.copy()
    motion[:12] += (2.0, 1.0)  # a twitch under 12 trusted or untrusted patches
    left = np.empty((90, 2), np.float32)
    scale = kernels_fit.fit_head(basis, motion.astype(np.float32), trust, 6, 4.685, 0.01, left)
    assert scale == pytest.approx(0.01)  # the floor: the rest fits perfectly
    np.testing.assert_allclose(left[:12], np.broadcast_to((2.0, 1.0), (12, 2)), atol=1e-3)
    np.testing.assert_allclose(left[12:], 0.0, atol=1e-3)


@pytest.mark.parametrize("usable", [8, 9])
def test_head_fit_needs_three_patches_for_each_term(usable: int) -> None:
    basis, motion, _ = head(1, 3, 0.0, 0.0)
    trust = np.zeros(90, np.float32)
    trust[:usable] = 1.0
    left = np.empty_like(motion)
    scale = kernels_fit.fit_head(basis, motion, trust, 3, 4.685, 0.01, left)
    assert np.isfinite(scale) == (usable >= 9)
    assert np.isfinite(left).all() == (usable >= 9)


def test_head_fit_refuses_patches_on_one_line() -> None:
    basis = np.column_stack([np.ones(40), np.linspace(-1, 1, 40), np.linspace(-2, 2, 40)])
    motion, left = np.zeros((40, 2), np.float32), np.zeros((40, 2), np.float32)
    assert math.isnan(kernels_fit.fit_head(basis, motion, np.ones(40, np.float32), 3, 4.685, 0.01, left))
    assert np.isnan(left).all()


# bump_amplitudes


@given(seed=SEEDS, lost=st.floats(0.0, 1.0), least_share=st.sampled_from([0.0, 0.5, 0.9]))
def test_bump_heights_are_the_twins(seed: int, lost: float, least_share: float) -> None:
    rng = np.random.default_rng(seed)
    motion = rng.normal(size=(30, 2)).astype(np.float32)
    motion[rng.uniform(size=30) < lost] = np.nan
    weight = rng.uniform(0.1, 4.0, 30).astype(np.float32)
    bumps = np.exp(-rng.uniform(0.0, 12.0, (5, 30))).astype(np.float32)
    out = np.empty((5, 2), np.float32)
    kernels_bumps.bump_amplitudes(motion, weight, bumps, least_share, out)
    np.testing.assert_allclose(out, naive.bump_amplitudes(motion, weight, bumps, least_share), rtol=1e-4, atol=1e-5)


def test_a_bump_reads_its_own_height_whatever_the_weights_and_with_patches_missing() -> None:
    rng = np.random.default_rng(2)
    bumps = np.exp(-rng.uniform(0.0, 3.0, (1, 40))).astype(np.float32)
    motion = (bumps[0][:, None] * (1.7, -0.6)).astype(np.float32)
    motion[::5] = np.nan
    weight = rng.uniform(0.01, 9.0, 40).astype(np.float32)
    out = np.empty((1, 2), np.float32)
    kernels_bumps.bump_amplitudes(motion, weight, bumps, 0.5, out)
    np.testing.assert_allclose(out[0], (1.7, -0.6), rtol=1e-5)


def test_a_site_without_enough_patches_is_unknown_and_without_any_too() -> None:
    motion = np.ones((10, 2), np.float32)
    motion[:6] = np.nan
    bumps = np.vstack([np.ones(10), np.zeros(10)]).astype(np.float32)
    out = np.empty((2, 2), np.float32)
    kernels_bumps.bump_amplitudes(motion, np.ones(10, np.float32), bumps, 0.5, out)
    assert np.isnan(out).all()  # 4 of 10 patches; and a bump that touches none
    kernels_bumps.bump_amplitudes(motion, np.ones(10, np.float32), bumps, 0.3, out)
    np.testing.assert_allclose(out[0], 1.0)


# filter_block


@given(seed=SEEDS, length=st.integers(1, 12), filters=st.integers(1, 3), block=st.integers(1, 7))
def test_filtering_is_the_twins(seed: int, length: int, filters: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(block + length - 1, 3, 2)).astype(np.float32)
    taps = rng.normal(size=(filters, length))
    out = np.empty((block, filters, 3, 2), np.float32)
    kernels.filter_block(values, taps, out)
    np.testing.assert_allclose(out, naive.filter_block(values, taps, block), rtol=1e-5, atol=1e-5)


def test_filtering_is_a_correlation_not_a_convolution() -> None:
    values = np.zeros((9, 1, 2), np.float32)
    values[5] = (1.0, -2.0)
    taps = np.array([[10.0, 20.0, 30.0]])
    out = np.empty((7, 1, 1, 2), np.float32)
    kernels.filter_block(values, taps, out)
    np.testing.assert_allclose(out[:, 0, 0, 0], [0, 0, 0, 30, 20, 10, 0])
    np.testing.assert_allclose(out[:, 0, 0, 1], [0, 0, 0, -60, -40, -20, 0])


# score_block


@given(
    heights=hnp.arrays(np.float32, (2, 2, 7), elements=st.floats(0.0, 100.0, width=32)),
    unknown=hnp.arrays(np.bool_, (2, 2, 7)),
    scale=hnp.arrays(np.float32, (2, 7), elements=st.floats(0.125, 8.0, width=32)),
    far=hnp.arrays(np.bool_, (3, 4)),
)
def test_scores_are_the_twins(
    heights: F32, unknown: npt.NDArray[np.bool_], scale: F32, far: npt.NDArray[np.bool_]
) -> None:
    heights = np.where(unknown, np.float32(np.nan), heights)
    apart = (far / np.maximum(far.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    excess, around = np.empty((2, 2, 3), np.float32), np.empty((2, 2, 3), np.float32)
    kernels.score_block(heights, scale, apart, excess, around)
    want_excess, want_around = naive.score_block(heights, scale, apart)
    np.testing.assert_allclose(excess, want_excess, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(around, want_around, rtol=1e-4, atol=1e-6)


def test_scores_do_not_depend_on_the_unit() -> None:
    rng = np.random.default_rng(3)
    heights = rng.rayleigh(size=(4, 2, 8)).astype(np.float32)
    scale = rng.uniform(0.5, 2.0, (2, 8)).astype(np.float32)
    apart = np.full((3, 5), 0.2, np.float32)
    results = []
    for unit in (np.float32(1.0), np.float32(1000.0)):
        excess, around = np.empty((4, 2, 3), np.float32), np.empty((4, 2, 3), np.float32)
        kernels.score_block(unit * heights, unit * scale, apart, excess, around)
        results.append((excess, around))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5)


def test_activity_elsewhere_is_about_one_when_all_is_noise() -> None:
    heights = np.random.default_rng(4).rayleigh(size=(400, 1, 42)).astype(np.float32)  # length of a unit 2-D Gaussian
    excess, around = np.empty((400, 1, 2), np.float32), np.empty((400, 1, 2), np.float32)
    kernels.score_block(heights, np.ones((1, 42), np.float32), np.full((2, 40), 1 / 40, np.float32), excess, around)
    assert around.mean() == pytest.approx(1.0, abs=0.02)


# find_peaks


@given(
    score=hnp.arrays(np.float32, st.integers(0, 40), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan])),
    radius=st.integers(0, 6),
    least=st.sampled_from([0.0, 1.5, 2.0]),
    cut=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_peaks_are_the_twins(score: F32, radius: int, least: float, cut: tuple[float, float]) -> None:
    first, last = sorted(round(share * len(score)) for share in cut)
    got = kernels.find_peaks(score, radius, least, first, last).tolist()
    assert got == naive.find_peaks(score, radius, least, first, last)


@given(seed=SEEDS, radius=st.integers(1, 5), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_peaks_do_not_depend_on_where_the_record_is_cut(seed: int, radius: int, cuts: list[int]) -> None:
    score = np.random.default_rng(seed).integers(0, 9, 60).astype(np.float32)
    edges = [0, *sorted(cuts), 60]
    parts = [row for a, b in itertools.pairwise(edges) for row in kernels.find_peaks(score, radius, 1.0, a, b).tolist()]
    assert parts == kernels.find_peaks(score, radius, 1.0, 0, 60).tolist()


@pytest.mark.parametrize("apart", [1, 2, 3, 4])
def test_the_higher_of_two_hides_the_other_up_to_the_radius_and_no_farther(apart: int) -> None:
    for low_first in (True, False):
        score = np.zeros(12, np.float32)
        score[4], score[4 + apart] = (2.0, 3.0) if low_first else (3.0, 2.0)
        found = kernels.find_peaks(score, 3, 1.0, 0, 12).tolist()
        assert found == ([4, 4 + apart] if apart > 3 else [4 + apart] if low_first else [4])


def test_of_equal_neighbors_the_earliest_is_the_peak_and_a_flat_record_has_one() -> None:
    assert kernels.find_peaks(np.array([0, 5, 5, 0], np.float32), 2, 1.0, 0, 4).tolist() == [1]
    assert kernels.find_peaks(np.full(6, 3.0, np.float32), 2, 1.0, 0, 6).tolist() == [0]
    assert kernels.find_peaks(np.full(6, np.nan, np.float32), 2, 1.0, 0, 6).tolist() == []
    assert kernels.find_peaks(np.zeros(0, np.float32), 2, 1.0, 0, 0).tolist() == []
