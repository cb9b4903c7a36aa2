"""A frame and how its skin moved -> the face held still, as it was and with that motion enlarged.

Every picture is sampled once, from the frame itself: the skin that lies a little off its rest is drawn as many times
farther off. Nothing is blended, so nothing can ghost; where the enlarged field would be too tall it is cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.drawing import Picture
from detector.magnify_field import LEFT_MM, NODE_MM, SIZE_MM, TOP_MM
from detector.types import FloatArray

F64 = npt.NDArray[np.float64]

PANEL_PX = 576  # 8 px/mm: a twitch enlarged to 1 mm moves 8 px on the screen
MAP_PX = 144  # the map is as smooth as the field: made at a quarter of the size
# Enlarged motion up to the first is drawn as it is, beyond it ever less, never as far as the second: a bump of 6 mm
# that is moved by 10 mm folds over itself (its slope is 0.61 times height over width).
TRUE_MM, MOST_MM = 6.0, 9.0
# Of finding which skin is drawn at a place: as many rounds as it takes to change by less, mm. After 14 rounds a bump of
# 6 mm is off by 0.07 mm, one cut off at 9 mm by 0.5 mm.
ROUNDS, TOLERANCE_MM = 14, 0.02
# Full strength on nose, its wings and the upper lip (28 mm to either side: turned heads show a wing at 25), none at the
# eyes: ellipse of the amplified area, mm.
AREA_MM = ((0.0, 27.0), (35.0, 31.0))  # middle; half-width and half-height of where it has faded out
AREA_FULL = 0.8  # share of the ellipse with full strength


class Panels:
    """Draws panels of ``PANEL_PX`` squared."""

    def __init__(self, crop_px_per_mm: float, crop_origin: F64) -> None:
        import cv2

        self._cv2: Any = cv2
        axis = (np.arange(MAP_PX, dtype=np.float32) + 0.5) * np.float32(SIZE_MM / MAP_PX)
        self._x, self._y = np.meshgrid(axis, axis)  # mm from the corner
        self._strength = area_strength(self._x + LEFT_MM, self._y + TOP_MM)
        corner = np.array([LEFT_MM, TOP_MM]) * crop_px_per_mm + crop_origin
        self._to_crop = np.column_stack([np.eye(2) * crop_px_per_mm, corner])  # mm from the corner -> crop px

    def still(self, image: Picture, to_image: F64) -> Picture:
        """The face as it was, held still."""
        return self._sample(image, to_image, self._x, self._y)

    def magnified(self, image: Picture, to_image: F64, moved_mm: FloatArray, factor: float) -> tuple[Picture, bool]:
        """The face with its motion (n, n, 2) drawn ``factor`` times as large, and whether that had to be cut off."""
        field = self._fine(moved_mm) * self._strength[..., None]
        extra = np.float32(factor - 1.0) * field
        tall = np.hypot(extra[..., 0], extra[..., 1])
        cut = bool(tall.max() > TRUE_MM)
        if cut:
            extra *= (limited(tall) / np.maximum(tall, 1e-6))[..., None]
        x, y = self._rest_of(extra)
        return self._sample(image, to_image, x, y), cut

    def _fine(self, moved_mm: FloatArray) -> FloatArray:
        """The field on the map's own grid."""
        x, y = self._x / np.float32(NODE_MM), self._y / np.float32(NODE_MM)
        fine: FloatArray = self._cv2.remap(moved_mm, x, y, self._cv2.INTER_CUBIC, borderMode=self._cv2.BORDER_REPLICATE)
        return fine

    def _rest_of(self, extra: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where the skin that is drawn at each place of the map lies in the frame: p + extra(p) = place."""
        x, y = self._x, self._y
        per_mm = np.float32(MAP_PX / SIZE_MM)
        for _ in range(ROUNDS):
            at_x, at_y = x * per_mm - np.float32(0.5), y * per_mm - np.float32(0.5)
            more = self._cv2.remap(extra, at_x, at_y, self._cv2.INTER_LINEAR, borderMode=self._cv2.BORDER_REPLICATE)
            # halfway, so that steep fields settle too
            before_x, before_y = x, y
            x, y = (x + self._x - more[..., 0]) / 2, (y + self._y - more[..., 1]) / 2
            if max(float(np.abs(x - before_x).max()), float(np.abs(y - before_y).max())) < TOLERANCE_MM:
                break
        return x, y

    def _sample(self, image: Picture, to_image: F64, x: FloatArray, y: FloatArray) -> Picture:
        cv2 = self._cv2
        linear = to_image[:, :2] @ self._to_crop[:, :2]
        shift = to_image[:, :2] @ self._to_crop[:, 2] + to_image[:, 2]
        at = np.stack([x, y], axis=-1) @ linear.T.astype(np.float32) + shift.astype(np.float32)
        size = (PANEL_PX, PANEL_PX)
        columns, rows = (cv2.resize(np.ascontiguousarray(at[..., k]), size) for k in (0, 1))
        # from the face alone: the map of a large picture costs no more than that of a small one
        x0, y0 = (max(int(v.min()) - 4, 0) for v in (columns, rows))
        x1, y1 = int(columns.max()) + 5, int(rows.max()) + 5
        part = image[y0:y1, x0:x1]
        if part.size == 0:
            return np.zeros((PANEL_PX, PANEL_PX, 3), dtype=np.uint8)
        shrink = np.sqrt(abs(np.linalg.det(linear))) * SIZE_MM / PANEL_PX  # px of the frame per px of the panel
        if shrink > 1.5:  # else pixels would be left out, and their noise would flicker
            part = cv2.GaussianBlur(part, (0, 0), 0.4 * shrink)
        panel: Picture = cv2.remap(part, columns - x0, rows - y0, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
        return panel


def area_strength(x_mm: FloatArray, y_mm: FloatArray) -> FloatArray:
    """1 on the nose and round it, smoothly down to 0 at the ellipse of ``AREA_MM``."""
    (x, y), (wide, tall) = AREA_MM
    out = np.hypot((x_mm - x) / wide, (y_mm - y) / tall)
    share = np.clip((1.0 - out) / (1.0 - AREA_FULL), 0.0, 1.0)
    return (share * share * (3.0 - 2.0 * share)).astype(np.float32)


def limited(length_mm: FloatArray) -> FloatArray:
    """Lengths as they are drawn."""
    room = MOST_MM - TRUE_MM
    beyond = TRUE_MM + room * np.tanh((length_mm - TRUE_MM) / room)
    return np.where(length_mm <= TRUE_MM, length_mm, beyond).astype(np.float32)
