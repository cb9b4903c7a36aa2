"""Frame difference and optical flow in the program's own crop, read at the muscles and over the rest of the face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.config import Settings
from detector.face import Tracked
from detector.kernels_fit import fit_head
from detector.motion import BUMP_MM, LATTICE_MM
from detector.placement import HeadCrop
from detector.registration import Registrar
from detector.types import FloatArray

F64 = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

CROPPED = (
    *("difference_before", "difference_reference", "lucas_kanade"),
    *("dis_before", "dis_reference", "farneback_before"),
)
NEAR_S, FAR_S = 0.25, 0.80  # the reference is the mean of what lies this far before and after
TUKEY, LEAST_SCALE_PX = 4.685, 0.01  # of the head fit
CELL_PX = 5  # differences are averaged over cells of this size before they are weighed: 2 mm
LK_WINDOW_PX = 21
DENSE_BLUR_PX = 15  # dense flow is averaged over as much as a patch of the program's
# Pyramid scale, levels, window, iterations, neighborhood, its standard deviation, flags: those of OpenCV's tutorial.
FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)


@dataclass(frozen=True, slots=True)
class Shot:
    """What is needed of a crop; its floats would fill the memory."""

    picture: Picture
    centers_mm: F64  # (R, 2) of the muscles


def shoot(head: HeadCrop, tracked: Tracked) -> Shot:
    """The head-fixed picture of a frame with a face, rounded to the 8 bits that OpenCV's flows take."""
    assert tracked.face is not None
    crop = head.crop(tracked.frame, tracked.face)
    groups = [list(site.points) for site in regions.SITES]
    placed = np.array([tracked.face.points_px[points].mean(axis=0) for points in groups], dtype=np.float64)
    in_crop = (placed - crop.to_image[:, 2]) @ np.linalg.inv(crop.to_image[:, :2]).T
    picture = np.clip(np.rint(crop.image), 0, 255).astype(np.uint8)
    return Shot(picture, (in_crop - head.origin) / head.scale)


def cropped(
    times: F64, shots: Sequence[Shot | None], head: HeadCrop, wanted: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """The records of :func:`benchmarks.rivals.measure` that are made of crops; None stands for a frame without one."""
    import cv2

    cv: Any = cv2
    dis = cv.DISOpticalFlow_create(cv.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there = [shot for shot in shots if shot is not None]
    centers = np.median([shot.centers_mm for shot in there], axis=0)
    reader = Reader(head, np.concatenate([centers, LATTICE_MM]))
    pictures = [None if shot is None else shot.picture for shot in shots]
    out = {
        name: np.full((len(times), len(reader.sites), 1 if "difference" in name else 2), np.nan, dtype=np.float32)
        for name in wanted
        if name in CROPPED
    }
    max_gap_s = Settings().max_gap_s
    references = _references(times, pictures) if any("reference" in name for name in wanted) else None
    for k, now in enumerate(pictures):
        reference = None if references is None else next(references)
        before = pictures[k - 1] if k and times[k] - times[k - 1] <= max_gap_s else None
        for name, record in out.items():
            other = reference if "reference" in name else before
            if now is None or other is None:
                continue
            if "difference" in name:
                record[k, :, 0] = reader.mean(cv.absdiff(now, other))
                continue
            if name == "lucas_kanade":
                motion = reader.track(other, now)
            else:
                if name == "farneback_before":
                    dense = cv.calcOpticalFlowFarneback(other, now, None, *FARNEBACK)
                else:
                    dense = dis.calc(other, now, None)
                motion = reader.sample(cv.blur(dense, (DENSE_BLUR_PX, DENSE_BLUR_PX)))
            record[k] = reader.against_head(motion, now)
    return out | {"centers_mm": centers}


def _references(times: F64, pictures: list[Picture | None]) -> Iterator[Picture | None]:
    """Mean of the pictures ``NEAR_S`` to ``FAR_S`` before and after each."""
    total: F64 | None = None
    held: set[int] = set()
    for t_s in times:
        edges = np.searchsorted(times, t_s + np.array([-FAR_S, -NEAR_S, NEAR_S, FAR_S]) + [-1e-6, 1e-6, -1e-6, 1e-6])
        wanted = {k for k in (*range(*edges[:2]), *range(*edges[2:])) if pictures[k] is not None}
        for k in held ^ wanted:  # moved along by single pictures: most of them stay
            picture = pictures[k]
            assert picture is not None
            total = np.zeros(picture.shape) if total is None else total
            total += picture if k in wanted else -picture.astype(np.float64)
        held = wanted
        yield np.rint(total / len(held)).astype(np.uint8) if total is not None and len(held) >= 3 else None


class Reader:
    """Reads pictures and motion of the crop at the sites."""

    def __init__(self, head: HeadCrop, sites_mm: F64) -> None:
        import cv2

        self._cv2: Any = cv2
        grid = Registrar(head.scale, head.shape, head.origin)
        x, y = grid.centers_mm[:, 0] / 40.0, (grid.centers_mm[:, 1] - 20.0) / 40.0
        self._affine = np.column_stack([np.ones_like(x), x, y])
        self._trust, self._scale, self._grid = grid.trust, head.scale, grid.centers
        self._points = grid.centers.astype(np.float32).reshape(-1, 1, 2)
        apart = ((grid.centers_mm[None] - sites_mm[:, None]) ** 2).sum(axis=-1)
        self._near = np.exp(-apart / (2.0 * BUMP_MM**2))
        self.sites = sites_mm
        self._cells = np.rint((sites_mm * head.scale + head.origin) / CELL_PX - 0.5).astype(int)

    def mean(self, picture: Picture) -> FloatArray:
        """(S,) mean of a picture under each site's Gaussian."""
        size = (picture.shape[1] // CELL_PX, picture.shape[0] // CELL_PX)
        small = self._cv2.resize(picture.astype(np.float32), size, interpolation=self._cv2.INTER_AREA)
        smooth = self._cv2.GaussianBlur(small, (0, 0), BUMP_MM * self._scale / CELL_PX)
        rows, columns = np.clip(self._cells[:, 1], 0, size[1] - 1), np.clip(self._cells[:, 0], 0, size[0] - 1)
        return np.asarray(smooth[rows, columns], dtype=np.float32)

    def track(self, before: Picture, now: Picture) -> FloatArray:
        """(N, 2) px from frame to frame at the patch centers; NaN where a point was lost."""
        moved, found, _ = self._cv2.calcOpticalFlowPyrLK(
            before, now, self._points, None, winSize=(LK_WINDOW_PX, LK_WINDOW_PX), maxLevel=2, criteria=(3, 20, 0.005)
        )
        motion = (moved - self._points)[:, 0]
        motion[found.ravel() == 0] = np.nan
        return np.asarray(motion, dtype=np.float32)

    def sample(self, flow: FloatArray) -> FloatArray:
        """(N, 2) px of a dense flow at the patch centers."""
        return np.ascontiguousarray(flow[self._grid[:, 1], self._grid[:, 0]], dtype=np.float32)

    def against_head(self, motion: FloatArray, now: Picture) -> FloatArray:
        """(S, 2) mm: the sites' mean motion once the head's, a robust affine fit, is taken out.

        Points count by their texture in both, as in the program: without it the head fit of all flows is worse.
        """
        corner = self._cv2.cornerMinEigenVal(now, 15)[self._grid[:, 1], self._grid[:, 0]]
        texture = corner / (corner + np.median(corner) + 1e-12)
        residual = np.empty_like(motion)
        fit_head(self._affine, motion, (self._trust * texture).astype(np.float32), 6, TUKEY, LEAST_SCALE_PX, residual)
        weight = self._near * texture * np.isfinite(residual[:, 0])
        with np.errstate(invalid="ignore"):
            mean = weight @ np.nan_to_num(residual) / weight.sum(axis=1, keepdims=True)
        return np.asarray(mean / self._scale, dtype=np.float32)
