"""Pictures with motion drawn larger: a mark on the skin that moved by a known fraction of a pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from detector.magnify_field import LEFT_MM, SIZE_MM, TOP_MM, lattice_mm
from detector.magnify_warp import AREA_MM, MOST_MM, PANEL_PX, TRUE_MM, Panels, area_strength, limited
from detector.motion import BUMP_MM
from detector.types import FloatArray

SCALE, ORIGIN = 2.5, np.array([115.0, 65.0])  # of the crop, px/mm and px
PX_MM = 2.0  # of the frame
# crop px -> frame px: turned a little, the middle of the eyes at (150, 90)
TURN = np.array([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]) * PX_MM / SCALE
TO_IMAGE = np.column_stack([TURN, np.array([150.0, 90.0]) - TURN @ ORIGIN])
MARK_MM = np.array([5.0, 30.0])


def frame_with_mark(at_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    x, y = TURN @ (SCALE * at_mm + ORIGIN) + TO_IMAGE[:, 2]
    rows, columns = np.mgrid[:300, :320]
    gray = 40.0 + 180.0 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2.0 * 2.5**2))
    return np.repeat(np.round(gray).astype(np.uint8)[..., None], 3, axis=2)


def where_mm(panel: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Middle of the mark, mm from the middle of the eyes."""
    weight = np.maximum(panel[..., 0].astype(np.float64) - 130.0, 0.0)
    rows, columns = np.mgrid[:PANEL_PX, :PANEL_PX]
    pixel = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    middle: npt.NDArray[np.float64] = (pixel + 0.5) * SIZE_MM / PANEL_PX + (LEFT_MM, TOP_MM)
    return middle


def bump(moved_mm: npt.NDArray[np.float64]) -> FloatArray:
    nodes = lattice_mm()
    height = np.exp(-((nodes - MARK_MM) ** 2).sum(axis=1) / (2.0 * BUMP_MM**2))
    n = round(np.sqrt(len(nodes)))
    return (height[:, None] * moved_mm).reshape(n, n, 2).astype(np.float32)


@pytest.fixture(scope="module")
def panels() -> Panels:
    return Panels(SCALE, ORIGIN)


def test_the_face_is_held_where_the_head_is(panels: Panels) -> None:
    assert np.allclose(where_mm(panels.still(frame_with_mark(MARK_MM), TO_IMAGE)), MARK_MM, atol=0.03)


@pytest.mark.parametrize(("size_px", "factor"), [(0.25, 4.0), (0.5, 8.0), (0.5, 20.0), (1.0, 10.0), (0.2, 30.0)])
def test_motion_below_a_pixel_is_drawn_so_many_times_larger(panels: Panels, size_px: float, factor: float) -> None:
    moved = size_px / PX_MM * np.array([0.8, -0.6])
    image = frame_with_mark(MARK_MM + moved)
    panel, cut = panels.magnified(image, TO_IMAGE, bump(moved), factor)
    assert not cut
    assert np.allclose(where_mm(panel) - MARK_MM, factor * moved, atol=0.03 + 0.04 * factor * size_px / PX_MM)
    assert np.hypot(*(where_mm(panels.still(image, TO_IMAGE)) - MARK_MM - moved)) < 0.03, "beside it: as it was"


def test_large_motion_does_not_explode(panels: Panels) -> None:
    moved = np.array([2.0, 0.0])
    panel, cut = panels.magnified(frame_with_mark(MARK_MM + moved), TO_IMAGE, bump(moved), 30.0)
    assert cut
    shown = float(np.hypot(*(where_mm(panel) - MARK_MM)))
    assert TRUE_MM < shown < MOST_MM + 2.0 + 0.5


def test_without_motion_nothing_changes_and_beyond_the_area_never(panels: Panels) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (300, 320, 3), dtype=np.uint8)
    still = panels.still(noise, TO_IMAGE)
    panel, cut = panels.magnified(noise, TO_IMAGE, np.zeros_like(bump(MARK_MM)), 30.0)
    assert not cut and np.array_equal(panel, still)
    everywhere = np.full_like(bump(MARK_MM), 0.3)
    panel, _ = panels.magnified(noise, TO_IMAGE, everywhere, 10.0)
    axis = (np.arange(PANEL_PX) + 0.5) * SIZE_MM / PANEL_PX
    x, y = np.meshgrid(LEFT_MM + axis, TOP_MM + axis)
    outside = np.hypot((x - AREA_MM[0][0]) / AREA_MM[1][0], (y - AREA_MM[0][1]) / AREA_MM[1][1]) > 1.05
    assert outside.mean() > 0.2 and np.array_equal(panel[outside], still[outside])
    assert (panel[~outside] != still[~outside]).mean() > 0.5


def test_a_face_that_leaves_the_picture_is_drawn_as_far_as_it_is_there(panels: Panels) -> None:
    away = TO_IMAGE.copy()
    away[:, 2] += 200.0
    part = panels.still(frame_with_mark(MARK_MM), away)
    assert part[-1, -1].tolist() == [0, 0, 0] and part.max() > 0
    away[:, 2] += 5000.0
    assert not panels.still(frame_with_mark(MARK_MM), away).any()


def test_lengths_are_true_up_to_a_limit_and_never_reach_the_next() -> None:
    lengths = np.linspace(0.0, 100.0, 500, dtype=np.float32)
    drawn = limited(lengths)
    assert np.array_equal(drawn[lengths <= TRUE_MM], lengths[lengths <= TRUE_MM])
    assert (np.diff(drawn) >= 0.0).all() and drawn.max() <= MOST_MM


def test_the_nose_is_enlarged_whole_and_the_eyes_not_at_all() -> None:
    places = np.array([(0.0, 15.0), (16.0, 38.0), (0.0, 45.0), (31.0, 0.0), (-31.0, 0.0)], dtype=np.float32)
    assert area_strength(places[:, 0], places[:, 1]).tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
