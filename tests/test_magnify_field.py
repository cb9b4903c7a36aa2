"""The field that a magnified replay enlarges: known motion keeps its height, noise and drift do not become motion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from detector.grid import pulse
from detector.magnify_field import LEFT_MM, NODE_MM, SIZE_MM, TOP_MM, SkinMotion, Tape, lattice_mm
from detector.motion import BUMP_MM

PATCHES = np.array([(x, y) for y in np.arange(-22.0, 69.0, 4.0) for x in np.arange(-40.0, 41.0, 4.0)])
PLACE = np.array([14.0, 38.0])  # beside the nose, on no node
FAR = np.array([-16.0, 10.0])


def times(fps: float, seconds: float = 3.0) -> npt.NDArray[np.float64]:
    return np.arange(0.0, seconds, 1.0 / fps)


def tape_of(t_s: npt.NDArray[np.float64], course_mm: npt.NDArray[np.float64], noise_mm: float = 0.0) -> Tape:
    """Steps of a bump that pulls up and to the right along a course, with noise on every patch."""
    rng = np.random.default_rng(1)
    bump = np.exp(-((PATCHES - PLACE) ** 2).sum(axis=1) / (2.0 * BUMP_MM**2))
    tape = Tape(PATCHES)
    last = course_mm[0]
    for t, height in zip(t_s, course_mm, strict=True):
        step = (height - last) * bump[:, None] * np.array([0.6, -0.8])
        tape.add(t, (step + rng.normal(0.0, noise_mm, (len(PATCHES), 2))).astype(np.float32))
        last = height
    return tape


def jerk(t_s: npt.NDArray[np.float64], height_mm: float, peak_s: float = 1.5) -> npt.NDArray[np.float64]:
    return height_mm * pulse(t_s - peak_s, 0.05, 0.11)


@pytest.mark.parametrize("fps", [15.0, 24.0, 30.0, 60.0])
def test_a_jerk_keeps_its_height_at_any_rate(fps: float) -> None:
    t_s = times(fps)
    peak_s = round(1.5 * fps) / fps  # on a picture: at 15/s one may miss the peak by 33 ms
    skin = tape_of(t_s, jerk(t_s, 0.3, peak_s)).motion(1.0)
    near, far = skin.lengths_at([PLACE, FAR]).T
    assert near.max() == pytest.approx(0.3, rel=0.12)
    assert t_s[near.argmax()] == pytest.approx(peak_s) and far.max() < 0.01
    moved = skin.moved_mm[near.argmax()].reshape(-1, 2)
    strongest = moved[np.hypot(*moved.T).argmax()]
    assert np.allclose(strongest / np.hypot(*strongest), (0.6, -0.8), atol=0.02)


def test_what_is_read_too_small_is_made_good() -> None:
    t_s = times(30.0)
    half = tape_of(t_s, jerk(t_s, 0.15)).motion(0.5)
    assert half.lengths_at([PLACE]).max() == pytest.approx(0.3, rel=0.12)


def test_breath_and_drift_are_no_twitch() -> None:
    t_s = times(30.0, 12.0)
    slow = np.sin(2.0 * np.pi * 0.25 * t_s) + 0.2 * t_s
    heights = tape_of(t_s, slow).motion(1.0).lengths_at([PLACE])[(t_s > 1.0) & (t_s < 11.0)]
    assert heights.max() < 0.08  # of 1 mm of breath


def test_after_a_gap_rest_is_learned_anew() -> None:
    t_s = np.concatenate([times(30.0, 2.0), 3.0 + times(30.0, 2.0)])
    heights = tape_of(t_s, np.where(t_s < 2.5, 0.0, 5.0)).motion(1.0).lengths_at([PLACE])
    assert heights.max() < 1e-3


def test_noise_of_patches_averages_out() -> None:
    t_s = times(30.0, 10.0)
    heights = tape_of(t_s, np.zeros_like(t_s), noise_mm=0.05).motion(1.0).lengths_at([PLACE, FAR])
    assert 0.0 < np.percentile(heights, 99) < 0.15  # three SD of a patch's step, over all drift of their sum


def test_lost_patches_are_stood_in_for_by_their_neighbors_and_nothing_by_nothing() -> None:
    t_s = times(30.0)
    tape, holes, blind = tape_of(t_s, jerk(t_s, 0.3)), Tape(PATCHES), Tape(PATCHES)
    lost = np.arange(len(PATCHES)) % 5 == 0
    for t, step in zip(t_s, tape._steps_mm, strict=True):
        holes.add(t, np.where(lost[:, None], np.float32(np.nan), step))
        blind.add(t, np.full_like(step, np.nan))
    assert holes.motion(1.0).lengths_at([PLACE]).max() == pytest.approx(0.3, rel=0.2)
    assert not blind.motion(1.0).moved_mm.any()


def test_between_two_moments_the_field_is_between_theirs() -> None:
    n = round(SIZE_MM / NODE_MM) + 1
    moved = np.zeros((3, n, n, 2), dtype=np.float32)
    moved[1] = 1.0
    skin = SkinMotion(np.array([1.0, 1.1, 2.0]), moved)
    assert np.allclose(skin.at(1.1), 1.0) and np.allclose(skin.at(1.025), 0.25)
    assert not skin.at(0.5).any() and not skin.at(2.5).any()
    assert not skin.at(1.5).any(), "0.9 s is a gap"


def test_an_empty_tape_has_no_motion() -> None:
    assert len(Tape(PATCHES).motion(1.0).t_s) == 0


def test_the_lattice_covers_the_part_that_is_shown() -> None:
    nodes = lattice_mm()
    assert nodes.min(axis=0).tolist() == [LEFT_MM, TOP_MM]
    assert nodes.max(axis=0).tolist() == [LEFT_MM + SIZE_MM, TOP_MM + SIZE_MM]
