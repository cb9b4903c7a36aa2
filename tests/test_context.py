"""What the face and the picture do meanwhile, read from drawn pictures and a made mesh."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest

from detector import regions
from detector.config import Settings
from detector.context import CENTER_MEMORY_S, UNKNOWN, Context, ContextMeter
from detector.placement import BOTTOM_MM, LEFT_MM, RIGHT_MM, TOP_MM, Crop, HeadCrop
from detector.registration import GRID_MM
from detector.types import Face, FloatArray, Frame
from tests.test_registration import Pose, mesh_mm

F64 = npt.NDArray[np.float64]
EYES_MM = np.array([(-31.5, 0.0), (31.5, 0.0)])  # the subject's right first
IRIS_MM = 11.7
SKIN, IRIS = 150.0, 40.0
PATCHES_MM = np.stack(
    np.meshgrid(np.arange(LEFT_MM, RIGHT_MM, GRID_MM), np.arange(TOP_MM, BOTTOM_MM, GRID_MM)), axis=-1
).reshape(-1, 2)
STEADY = np.zeros((len(PATCHES_MM), 2), dtype=np.float32)


def mesh(lids_mm: tuple[float, float] = (10.0, 8.0), lip_gap_mm: float = 3.0) -> F64:
    """A face from the front whose mouth hangs lower on the subject's left, and whose left brow is raised."""
    points = mesh_mm()
    for (upper, lower), center, opening in zip((regions.LIDS_RIGHT, regions.LIDS_LEFT), EYES_MM, lids_mm, strict=True):
        down = np.array([0.0, 0.5 * opening])
        points[upper], points[lower] = center - down, center + down
    points[list(regions.MOUTH_CORNERS)] = (-24.0, 56.0), (26.0, 60.0)
    points[[168, 152]] = (0.0, -6.5), (1.0, 95.0)
    points[list(regions.LIPS_INNER)] = (0.0, 56.0), (0.0, 56.0 + lip_gap_mm)
    for brow, height in (((105, 66, 52, 65), 20.0), ((334, 296, 282, 295), 25.0)):
        points[list(brow), 0], points[list(brow), 1] = np.arange(4), -height + np.array([2.0, -2.0, 1.0, -1.0])
    for corners, center in (((33, 133), EYES_MM[0]), ((362, 263), EYES_MM[1])):
        points[list(corners)] = center + np.array([(-14.0, 0.0), (14.0, 0.0)])
    return points


def face(points_px: F64, scale: float = 2.0, pose_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Face:
    return Face(
        index=0, t_s=0.0, points_px=points_px.astype(np.float32), px_per_mm=scale, pose_deg=pose_deg,
        eye_open=(0.3, 0.3), jaw_open=0.0, sharpness=100.0, luma=125.0, width_px=150.0, faces_seen=1,
        since_acquired_s=10.0,
    )  # fmt: skip


def draw(
    scale: float, irises: tuple[bool, bool] = (True, True), light: float = 1.0, eyes_mm: F64 = EYES_MM
) -> FloatArray:
    """A crop of plain skin with two dark discs; False: the lid is down."""
    size = round((BOTTOM_MM - TOP_MM) * scale), round((RIGHT_MM - LEFT_MM) * scale)
    y, x = np.mgrid[: size[0], : size[1]] / scale + np.array([TOP_MM, LEFT_MM])[:, None, None]
    image = np.full(size, SKIN)
    for center, seen in zip(eyes_mm, irises, strict=True):
        if seen:
            edge = 0.5 * IRIS_MM - np.hypot(x - center[0], y - center[1])
            image += (IRIS - SKIN) * np.clip(edge + 0.5, 0.0, 1.0)  # a rim of 1 mm at any scale
    return (light * image).astype(np.float32)


def crop_of(image: FloatArray, scale: float, points_mm: F64 | None = None, t_s: float = 0.0) -> Crop:
    """A crop that lies upon the frame as it is."""
    points = mesh() if points_mm is None else points_mm
    to_image = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return Crop(t_s, image, to_image, scale, 0.0, True, face((points - (LEFT_MM, TOP_MM)) * scale, scale))


def meter(scale: float = 2.5) -> ContextMeter:
    return ContextMeter(PATCHES_MM, scale, np.array([-LEFT_MM, -TOP_MM]) * scale)


def edges(irises: tuple[bool, bool] = (True, True), light: float = 1.0, scale: float = 2.5) -> list[float]:
    return meter(scale).measure(crop_of(draw(scale, irises, light), scale), STEADY).eye_edges.tolist()


# the pixels


def test_edges_fall_when_the_lid_covers_the_iris_each_eye_by_itself() -> None:
    right, left = edges()
    assert right == pytest.approx(left, rel=0.05)
    assert right > 0.05
    assert edges((False, True)) == pytest.approx([0.0, left], abs=0.01 * left)
    assert edges((True, False)) == pytest.approx([right, 0.0], abs=0.01 * right)


def test_edges_are_those_of_the_face_not_of_the_light_or_the_size() -> None:
    assert edges(light=0.4) == pytest.approx(edges(), rel=0.01)
    assert edges(scale=5.0) == pytest.approx(edges(), rel=0.05)


def test_a_blink_that_pulls_the_mesh_along_does_not_move_the_window() -> None:
    it, low = meter(), mesh() + np.array([0.0, 10.0])
    image = draw(2.5)
    for k in range(60):
        usual = it.measure(crop_of(image, 2.5, t_s=k / 30.0), STEADY)
    for k in range(60, 64):
        now = it.measure(crop_of(image, 2.5, low, t_s=k / 30.0), STEADY)
    assert now.eye_edges == pytest.approx(usual.eye_edges, rel=0.1)
    for k in range(64, 64 + round(30 * 3.0 * CENTER_MEMORY_S)):  # but a head that is placed anew does
        now = it.measure(crop_of(image, 2.5, low, t_s=k / 30.0), STEADY)
    assert (now.eye_edges < 0.3 * usual.eye_edges).all()
    it.reset()
    assert it.measure(crop_of(image, 2.5, t_s=20.0), STEADY).eye_edges == pytest.approx(usual.eye_edges)


def test_an_eye_outside_the_crop_is_unknown() -> None:
    points = mesh()
    points[[33, 133], 0] -= 40.0
    found = meter().measure(crop_of(draw(2.5), 2.5, points), STEADY)
    assert np.isnan(found.eye_edges).tolist() == [True, False]


def test_light_and_detail_are_those_of_the_whole_crop() -> None:
    plain = np.full((245, 230), 80.0, dtype=np.float32)
    stripes = plain + 3.0 * (-1.0) ** np.arange(230, dtype=np.float32)
    for image, detail in ((plain, 0.0), (stripes, 6.0)):
        found = meter().measure(crop_of(image, 2.5), STEADY)
        assert (found.luma, found.detail) == pytest.approx((80.0, detail))


def test_covered_counts_the_patches_round_the_nose_alone() -> None:
    def covered(hidden: npt.NDArray[np.bool_]) -> float:
        step = np.where(hidden[:, None], np.nan, STEADY).astype(np.float32)
        return meter().measure(crop_of(draw(2.5), 2.5), step).covered

    x, y = PATCHES_MM.T
    assert covered(np.zeros(len(x), bool)) == 0.0
    assert covered(np.hypot(x, y - 28.0) > 30.0) == 0.0, "hair over the eyes, a beard"
    assert covered(np.hypot(x, y - 28.0) < 30.0) == 1.0
    assert covered(x < -0.1) == pytest.approx(0.5, abs=0.1)


# the mesh


def test_the_mesh_is_read_in_mm_in_the_frame_of_the_head() -> None:
    found = meter().measure(crop_of(draw(2.5), 2.5), STEADY)
    assert found.eye_open_mm == pytest.approx([10.0, 8.0], abs=0.01)
    assert found.lip_gap_mm == pytest.approx(3.0, abs=0.01)
    assert found.eyes_mm == pytest.approx(EYES_MM, abs=0.01)
    assert found.midline_mm == pytest.approx(np.array([(0.0, -6.5), (1.0, 95.0)]), abs=0.01)
    assert found.mouth_mm == pytest.approx(np.array([(-24.0, 56.0), (26.0, 60.0)]), abs=0.01)
    assert found.brow_mm == pytest.approx([20.0, 25.0], abs=0.01)


@pytest.mark.parametrize("pose", [Pose(), Pose(roll=math.radians(20.0)), Pose(scale=3.0, roll=-0.35, x=180.0, y=150.0)])
def test_a_head_that_is_rolled_nearer_or_elsewhere_has_the_same_mouth(pose: Pose) -> None:
    crops = HeadCrop(Settings())
    points_px = mesh() @ pose.matrix[:, :2].T + pose.matrix[:, 2]
    frame = Frame(0, 0.0, True, np.full((400, 400, 3), 120, np.uint8))
    seen = face(points_px, pose.scale, (5.0, -3.0, math.degrees(pose.roll)))
    it = ContextMeter(PATCHES_MM, crops.scale, crops.origin)
    found = it.measure(crops.crop(frame, seen), STEADY)
    assert found.mouth_mm == pytest.approx(np.array([(-24.0, 56.0), (26.0, 60.0)]), abs=0.1)
    assert found.brow_mm == pytest.approx([20.0, 25.0], abs=0.1)
    assert found.eye_open_mm == pytest.approx([10.0, 8.0], abs=0.1)
    assert found.pose_deg == pytest.approx([5.0, -3.0, math.degrees(pose.roll)])


def test_what_is_unknown_has_the_shapes_of_what_is_known() -> None:
    found = meter().measure(crop_of(draw(2.5), 2.5), STEADY)
    for name in (field.name for field in dataclasses.fields(Context)):
        known, unknown = np.asarray(getattr(found, name)), np.asarray(getattr(UNKNOWN, name))
        assert (known.shape, known.dtype) == (unknown.shape, unknown.dtype), name
        assert np.isfinite(known).all() and np.isnan(unknown).all(), name
