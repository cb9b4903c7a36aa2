"""Face + Frame -> a crop that holds the head still: placed by the mesh, steadied by the picture itself.

Landmarks alone leave twice the motion that the picture can take out, so every crop is also aligned to the one before it
(sparse optical flow off eyes, nose and mouth, robust affine) and drawn back to the mesh only slowly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.config import Settings
from detector.kernels_crop import gray_means, warp_affine
from detector.kernels_fit import fit_affine, fit_rotation
from detector.types import Face, FloatArray, Frame

F64 = npt.NDArray[np.float64]

# The crop in mm about the middle of the eyes (x right, y down): outer canthi to mouth corners.
LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = -46.0, 46.0, -26.0, 72.0
RELAX_S = 1.0  # the crop is drawn back to the mesh with this time constant (3 % per frame at 30/s)
BLUR_PX = 0.8  # Gaussian on every crop before registration: less pixel noise, straighter gradients
_SURROUNDINGS_MM = ((-30.0, -5.0), (30.0, -5.0), (-30.0, 60.0), (30.0, 60.0))  # of the nose: must lie in the picture
_STEADY_SCALE = 0.5  # the steadying works on a crop of half the size


@dataclass(frozen=True, slots=True)
class Crop:
    """One head-fixed picture."""

    t_s: float
    image: FloatArray  # (h, w) gray, blurred by BLUR_PX
    to_image: F64  # (2, 3) crop px -> frame px
    px_per_mm: float  # of the frame
    speed_mm_s: float  # of the head in the picture, against the crop before
    inside: bool  # False when part of the crop lies outside the picture
    face: Face
    averaged: bool = False  # the mean of consecutive pictures

    def points_px(self) -> F64:
        """(478, 2) points of the face in the crop."""
        back = _invert(self.to_image)
        points: F64 = self.face.points_px @ back[:, :2].T + back[:, 2]
        return points


class HeadCrop:
    """Turns tracked frames into crops; forget everything with ``reset`` when the face is lost or after a gap."""

    def __init__(self, settings: Settings) -> None:
        import cv2

        self._cv2: Any = cv2
        self.scale = settings.crop_px_per_mm
        self.shape = (round((BOTTOM_MM - TOP_MM) * self.scale), round((RIGHT_MM - LEFT_MM) * self.scale))
        self.origin = np.array([-LEFT_MM, -TOP_MM]) * self.scale
        self._template_mm = np.array(regions.RIGID_MM)
        height, width = self.shape
        self._corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
        self._surroundings = np.array(_SURROUNDINGS_MM) * self.scale + self.origin
        self._steady_points = self._choose_steady_points()
        self.reset()

    def reset(self) -> None:
        self._placed: F64 | None = None  # last crop -> frame
        self._meshed: F64 | None = None  # the mesh's own placement then
        self._small: npt.NDArray[np.uint8] | None = None
        self._t_s = 0.0

    def crop(self, frame: Frame, face: Face) -> Crop:
        """The head-fixed crop of this frame."""
        meshed = self._place_by_mesh(face)
        work, offset, shrink = self._gray(frame, face, meshed)
        if self._placed is None or self._meshed is None or self._small is None:
            placed = meshed
            small = self._render_small(work, placed, offset, shrink)
            speed = 0.0
        else:
            dt = max(frame.t_s - self._t_s, 1e-3)
            step = _compose(meshed, _invert(self._meshed))
            predicted = _compose(step, self._placed)
            first = self._render_small(work, predicted, offset, shrink)
            correction = self._align(self._small, first)
            placed = _compose(predicted, correction)
            share = 1.0 - np.exp(-dt / RELAX_S)
            placed = (1.0 - share) * placed + share * meshed
            small = self._render_small(work, placed, offset, shrink)
            center = np.array([self.shape[1] / 2, self.shape[0] / 2])
            travel = _apply(placed, center) - _apply(self._placed, center)
            speed = float(np.hypot(*travel)) / face.px_per_mm / dt
        self._placed, self._meshed, self._small, self._t_s = placed, meshed, small, frame.t_s
        image = self._render(work, placed, offset, shrink, self.shape)
        blurred = self._cv2.GaussianBlur(image, (0, 0), BLUR_PX)
        return Crop(frame.t_s, blurred, placed, face.px_per_mm, speed, self._is_inside(placed, frame), face)

    def _place_by_mesh(self, face: Face) -> F64:
        """Similarity from crop px to frame px through the rigid mesh points, at the iris scale."""
        target = face.points_px[list(regions.RIGID)].astype(np.float64)
        cosine, sine = fit_rotation(self._template_mm, target, 4, 3.0)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        eyes = face.points_px[list(regions.EYE_CORNERS)].mean(axis=0).astype(np.float64)
        linear = rotation * (face.px_per_mm / self.scale)
        return np.column_stack([linear, eyes - linear @ self.origin])

    def _gray(self, frame: Frame, face: Face, placed: F64) -> tuple[FloatArray, F64, int]:
        """Gray float picture of the face's surroundings, shrunk by whole numbers where the face is large."""
        height, width = frame.image.shape[:2]
        around = self._corners @ placed[:, :2].T + placed[:, 2]
        margin = 12.0 * face.px_per_mm
        (x0, y0), (x1, y1) = around.min(axis=0) - margin, around.max(axis=0) + margin
        left, top = min(max(math.floor(x0), 0), width - 8), min(max(math.floor(y0), 0), height - 8)
        right, bottom = max(min(math.ceil(x1), width), left + 8), max(min(math.ceil(y1), height), top + 8)
        part = frame.image[top:bottom, left:right].copy()  # of one layout, whatever that of the frame: one kernel
        shrink = max(1, int(face.px_per_mm / self.scale))
        gray = np.empty((part.shape[0] // shrink, part.shape[1] // shrink), dtype=np.float32)
        gray_means(part, shrink, gray)
        return gray, np.array([left, top], dtype=np.float64), shrink

    def _render(self, work: FloatArray, placed: F64, offset: F64, shrink: int, shape: tuple[int, int]) -> FloatArray:
        """The crop, or with a smaller shape the whole crop at a smaller scale."""
        zoom = self.shape[0] / shape[0]
        matrix = placed.copy()
        matrix[:, 2] -= offset
        matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5 * (zoom - 1.0))
        matrix[:, :2] *= zoom
        if shrink > 1:
            matrix[:, 2] -= 0.5 * (shrink - 1.0)  # the middle of a block of pixels
            matrix /= shrink
        out = np.empty(shape, dtype=np.float32)
        warp_affine(work, matrix, out)
        return out

    def _render_small(self, work: FloatArray, placed: F64, offset: F64, shrink: int) -> npt.NDArray[np.uint8]:
        shape = (round(self.shape[0] * _STEADY_SCALE), round(self.shape[1] * _STEADY_SCALE))
        small = self._render(work, placed, offset, shrink, shape)
        return np.clip(small + 0.5, 0, 255).astype(np.uint8)

    def _align(self, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> F64:
        """Affine taking crop px of ``before`` to crop px of ``after``; identity when it cannot be told."""
        points = self._steady_points
        moved, found, _ = self._cv2.calcOpticalFlowPyrLK(
            before, after, points, None, winSize=(15, 15), maxLevel=2, criteria=(3, 20, 0.005)
        )
        good = found.ravel() == 1
        if good.sum() < 12:
            return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        source = points[good, 0].astype(np.float64) / _STEADY_SCALE
        target = moved[good, 0].astype(np.float64) / _STEADY_SCALE
        affine = np.empty((2, 3))
        if not fit_affine(source, target, 6, 4.685, 0.02, affine):
            return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        least, most = _stretches(affine)
        if most > 1.15 or least < 0.87:
            return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        return affine

    def _choose_steady_points(self) -> FloatArray:
        """A lattice off eyes, nose and mouth (small-crop px), so that the signal is never steadied away."""
        points = []
        for y in np.arange(TOP_MM + 5, BOTTOM_MM - 4, 7.0):
            for x in np.arange(LEFT_MM + 5, RIGHT_MM - 4, 7.0):
                on_eye = abs(abs(x) - 31.0) < 16.0 and -10.0 < y < 9.0
                on_nose_or_mouth = abs(x) < 24.0 and y > 6.0
                if not on_eye and not on_nose_or_mouth:
                    points.append((x, y))
        crop_px = (np.array(points) * self.scale + self.origin) * _STEADY_SCALE
        return crop_px.astype(np.float32).reshape(-1, 1, 2)

    def _is_inside(self, placed: F64, frame: Frame) -> bool:
        """Whether the nose and its surroundings lie in the picture."""
        height, width = frame.image.shape[:2]
        x, y = (self._surroundings @ placed[:, :2].T + placed[:, 2]).T.tolist()
        return min(x) >= 0.0 and max(x) < width and min(y) >= 0.0 and max(y) < height


def _compose(outer: F64, inner: F64) -> F64:
    """Affine ``outer`` after ``inner``."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _invert(affine: F64) -> F64:
    (a, b, x), (c, d, y) = affine.tolist()  # of so few numbers NumPy would take ten times as long
    det = a * d - b * c
    a, b, c, d = d / det, -b / det, -c / det, a / det
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def _stretches(affine: F64) -> tuple[float, float]:
    """Least and largest factor by which it changes a length."""
    (a, b, _), (c, d, _) = affine.tolist()
    sum_, apart = math.hypot(a + d, b - c), math.hypot(a - d, b + c)
    return 0.5 * abs(sum_ - apart), 0.5 * (sum_ + apart)


def _apply(affine: F64, point: F64) -> F64:
    result: F64 = affine[:, :2] @ point + affine[:, 2]
    return result
