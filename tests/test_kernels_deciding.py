"""Each kernel of deciding against its plain twin in ``naive.py``, and against what is known of the answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector import kernels_deciding
from detector.kernels import F32
from tests import naive

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, block=st.integers(1, 7))
def test_directions_are_the_twins(seed: int, block: int) -> None:
    filtered = np.random.default_rng(seed).normal(size=(block, 5, 2)).astype(np.float32)
    out = np.empty((5, 2), np.float32)
    kernels_deciding.bump_directions(filtered, out)
    np.testing.assert_allclose(out, naive.bump_directions(filtered), atol=1e-5)


def test_skin_that_keeps_still_has_no_direction() -> None:
    out = np.full((2, 2), np.nan, np.float32)
    kernels_deciding.bump_directions(np.zeros((3, 2, 2), np.float32), out)
    assert (out == 0.0).all()


@given(
    heights=hnp.arrays(np.float32, (2, 3, 4), elements=st.sampled_from([0.0, 0.5, 3.0, np.inf, np.nan])),
    scale=hnp.arrays(np.float32, (3, 4), elements=st.sampled_from([0.0, 0.25, 2.0, np.inf])),
)
def test_heights_over_noise_are_the_twins(heights: F32, scale: F32) -> None:
    out = np.empty_like(heights)
    kernels_deciding.over_noise(heights, scale, out)
    np.testing.assert_array_equal(out, naive.over_noise(heights, scale))


def table(areas: list[list[list[int]]]) -> npt.NDArray[np.int64]:
    most = max(len(sites) for pattern in areas for sites in pattern)
    out = np.full((len(areas), max(map(len, areas)), most), -1)
    for p, pattern in enumerate(areas):
        for a, sites in enumerate(pattern):
            out[p, a, : len(sites)] = sites
    return out


@given(seed=SEEDS, block=st.integers(1, 3))
def test_areas_are_the_twins(seed: int, block: int) -> None:
    excess = np.random.default_rng(seed).rayleigh(size=(block, 2, 9)).astype(np.float32)
    strong = [[[0, 1], [4], [8, 2, 3]], [[5]], [[7, 6], [0, 8]]]
    quiet = [[[3, 4, 5, 6], [8]], [[0]], [[1, 2, 7]]]
    strength, around = np.empty((block, 2, 3), np.float32), np.empty((block, 2, 3), np.float32)
    kernels_deciding.score_areas(excess, table(strong), table(quiet), strength, around)
    want_strength, want_around = naive.score_areas(excess, strong, quiet)
    np.testing.assert_array_equal(strength, want_strength)
    np.testing.assert_allclose(around, want_around, rtol=1e-5)


@given(
    around=hnp.arrays(np.float32, (12, 2, 3), elements=st.floats(0.0, 5.0, width=32)),
    first=st.integers(0, 9),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
)
def test_the_busiest_moment_is_the_twins(around: F32, first: int, before: int, after: int) -> None:
    out = np.empty((3, 2, 3), np.float32)
    kernels_deciding.busiest(around, first, before, after, out)
    np.testing.assert_array_equal(out, naive.busiest(around, first, before, after, 3))


@given(excess=hnp.arrays(np.float32, (2, 3, 5), elements=st.sampled_from([0.0, 1.0, 2.0, 8.0])), seed=SEEDS)
def test_the_best_course_is_the_twins_also_of_equals(excess: F32, seed: int) -> None:
    rng = np.random.default_rng(seed)
    busy = rng.choice([1.0, 2.0, 4.0], excess.shape).astype(np.float32)
    filtered = rng.normal(size=(2, 3, 6, 2)).astype(np.float32)
    ratio, own = np.empty((2, 5), np.float32), np.empty((2, 4), np.float32)
    height = np.empty((2, 4, 2), np.float32)
    kernels_deciding.best_courses(excess, busy, filtered, np.float32(0.5), np.float32(0.8), ratio, own, height)
    want = naive.best_courses(excess, busy, filtered, 0.5, 0.8, 4)
    np.testing.assert_array_equal(ratio, want[0])
    np.testing.assert_array_equal(own, want[1])
    np.testing.assert_allclose(height, want[2], rtol=1e-6)


def test_a_course_that_is_no_number_is_the_best_as_in_numpy() -> None:
    excess = np.array([[[1.0], [np.inf], [9.0]]], np.float32)
    busy = np.array([[[1.0], [np.inf], [1.0]]], np.float32)
    ratio, own, height = np.empty((1, 1), np.float32), np.empty((1, 1), np.float32), np.empty((1, 1, 2), np.float32)
    filtered = np.arange(6, dtype=np.float32).reshape(1, 3, 1, 2)
    kernels_deciding.best_courses(excess, busy, filtered, np.float32(1.0), np.float32(1.0), ratio, own, height)
    assert np.isnan(ratio[0, 0]) and own[0, 0] == np.inf and height[0, 0].tolist() == [2.0, 3.0]


@given(seed=SEEDS, reach=st.floats(0.0, 8.0))
def test_needed_heights_are_the_twins_and_reach_just_so_far(seed: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    height = rng.normal(size=(2, 6, 2)).astype(np.float32)
    shape = (np.eye(2) + 0.2 * rng.uniform(-1.0, 1.0, (4, 2, 2))).astype(np.float32)
    turn = rng.uniform(0.0, 2.0 * np.pi, 4)
    pull = np.einsum("rij,rj->ri", shape, np.column_stack([np.cos(turn), np.sin(turn)]))
    reached, out = np.full((2, 4), reach, np.float32), np.empty((2, 4), np.float32)
    kernels_deciding.needed_heights(height, shape, pull, reached, out)
    np.testing.assert_allclose(out, naive.needed_heights(height, shape, pull, reached), rtol=1e-3, atol=1e-3)
    start = np.einsum("rij,brj->bri", shape, height[:, :4])
    low = np.linalg.norm(start, axis=-1) < reach
    got = np.linalg.norm(start + out[..., None] * pull, axis=-1)
    np.testing.assert_allclose(got[low], reach, rtol=1e-3, atol=1e-3)
