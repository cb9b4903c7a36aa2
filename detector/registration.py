"""Crops -> how far each patch of skin moved since the crop before, with the head's own motion taken out.

Motion is measured from frame to frame and summed up later: a turning head changes little from one frame to the next,
so its twitches are still seen. Against a reference of half a second ago it changes too much: that lost a quarter of the
time to "head moves" (docs/measurements.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.kernels_fit import fit_head, median_length, start_from, trust_by_texture
from detector.kernels_looks import unlikeness
from detector.kernels_patches import register_patches
from detector.placement import BOTTOM_MM, LEFT_MM, RIGHT_MM, TOP_MM, Crop
from detector.types import FloatArray

PATCH_PX = 15
PATCH_SIGMA_PX = 4.2
GRID_MM = 4.0
# Coarser levels first, so that a tall twitch (8 px from one frame to the next) is still within reach: how many times
# smaller the picture, and how far apart its patches.
LEVELS = ((4, 12.0), (2, 8.0))
COARSE_PX = 0.5  # of the coarser picture; smaller coarse motion is not worth starting from: noisier than starting at 0
COARSE_ROUNDS, COARSE_TOLERANCE_PX = 4, 0.05
DAMPING = 0.01
ROUNDS = 4
REACH_PX = 6.0
TOLERANCE_PX = 0.004
TUKEY = 4.685
LEAST_SCALE_PX = 0.01
FAST_MM_S = 9.0  # above it (0.3 mm per frame at 30/s) the head is fitted with a quadratic field
# Averaged crops are measured against one of them for so long, unless the face is off it by so much: at 50 and 60
# frames/s codecs leave small changes out of one frame and make up for them in a later one. At 30/s and below it brings
# nothing, and loses time with heads that move.
KEY_S, KEY_PX = 1.0, 0.4
# A patch that no longer looks like the mean of the last second is covered, by a hand or a cup, or turned out of sight.
LOOKS_S = 1.0  # 3 s called a quarter of a talking man's time covered
LOOKS_BY = 4  # looks are compared in a picture so many times smaller
LOOKS_MOVED_PX = np.array((-2, 0, 2))  # and moved by any of these in it, both ways: a tall twitch is no other look
LOOKS_PX = 1.5  # SD of the window in which they are compared, px of that picture
UNLIKE = 0.5  # share of the variance that is not shared: 0 for the same picture, 1 for another one
FLAT = 9.0  # gray levels^2: noise of a patch without texture does not make it another


@dataclass(frozen=True, slots=True)
class Field:
    """Patch motion from the crop before to this one, crop px."""

    t_s: float
    step_px: FloatArray  # (N, 2) against the head; NaN where a patch was lost or is covered
    crop: Crop


class Registrar:
    """Streams crops in and fields out, one for one; the first of a stretch moves nowhere."""

    def __init__(self, scale: float, shape: tuple[int, int], origin: npt.NDArray[np.float64]) -> None:
        import cv2

        self._cv2: Any = cv2
        half = PATCH_PX // 2
        axis = np.arange(-half, half + 1)
        gauss = np.exp(-(axis**2) / (2.0 * PATCH_SIGMA_PX**2))
        self._window = np.outer(gauss, gauss).astype(np.float32)
        self.centers = _grid(GRID_MM, scale, shape, origin, half + 9)
        self.centers_mm = (self.centers - origin) / scale
        self._levels = []
        finer = [
            _grid(step, scale / by, (shape[0] // by, shape[1] // by), origin / by, half + 2) for by, step in LEVELS
        ]
        for number, (by, _) in enumerate(LEVELS):
            last = number == len(LEVELS) - 1
            below = self.centers if last else LEVELS[number + 1][0] * finer[number + 1]
            self._levels.append(_Level(by, finer[number], _spread(by * finer[number], below)))
        self._looks_at = self.centers // LOOKS_BY
        taps = 2 * round(4.0 * LOOKS_PX) + 1  # four standard deviations to either side
        self._looks_window = cv2.getGaussianKernel(taps, LOOKS_PX).ravel().astype(np.float32)
        self.trust = _trust(self.centers_mm)
        x, y = self.centers_mm[:, 0] / 40.0, (self.centers_mm[:, 1] - 20.0) / 40.0
        one = np.ones_like(x)
        self._affine = np.column_stack([one, x, y])
        self._quadratic = np.column_stack([one, x, y, x * x, x * y, y * y])
        self.reset()

    def reset(self) -> None:
        self._now: dict[int, FloatArray] = {}  # the last crop at each size
        self._now_t = 0.0
        self._key: dict[int, FloatArray] = {}  # the crop that the last was measured against
        self._key_t = -np.inf
        self._off_px = np.inf  # of the key, by as much as half of the last crop's patches or more
        nowhere = np.zeros((len(self.centers), 2), dtype=np.float32)
        self._before, self._last = nowhere, nowhere  # motion since the key, of the crop before the last and of the last
        self._looks: FloatArray | None = None  # mean of the last crops at that size
        self._count = 0

    def push(self, crop: Crop) -> Field:
        """The motion that ends in this crop."""
        now = self._sizes(crop.image)
        step = np.zeros((len(self.centers), 2), dtype=np.float32)
        if self._now:
            if not crop.averaged or self._off_px > KEY_PX or self._now_t - self._key_t >= KEY_S:
                self._key, self._key_t, self._last = self._now, self._now_t, np.zeros_like(step)
            self._before = self._last
            self._last, self._off_px = self._motion(now, crop.speed_mm_s)
            step = self._last - self._before
        self._remember(now[LOOKS_BY], crop.t_s - self._now_t)
        self._now, self._now_t = now, crop.t_s
        return Field(crop.t_s, step, crop)

    @property
    def ready(self) -> bool:
        """Whether two crops have come, so that the last can be read again."""
        return bool(self._key)

    def reread(self, image: FloatArray, speed_mm_s: float) -> FloatArray:
        """(N, 2) steps, px, had the crop last pushed looked like ``image``; nothing is kept of it."""
        assert self._key, "after two crops"
        return self._motion(self._sizes(image), speed_mm_s)[0] - self._before

    def _motion(self, now: dict[int, FloatArray], speed_mm_s: float) -> tuple[FloatArray, float]:
        """(N, 2) motion since the key against the head, px, and how far half of the patches are off the key."""
        motion, texture = self._register(self._key, now)
        off_px = median_length(motion)
        motion[self._covered(now[LOOKS_BY])] = np.nan
        basis = self._quadratic if speed_mm_s > FAST_MM_S else self._affine
        trust = np.empty(len(self.centers), dtype=np.float32)
        trust_by_texture(self.trust, texture, trust)
        own = np.empty((len(self.centers), 2), dtype=np.float32)
        fit_head(basis, motion, trust, 6, TUKEY, LEAST_SCALE_PX, own)
        return own, off_px

    def _sizes(self, image: FloatArray) -> dict[int, FloatArray]:
        return {by: self._smaller(image, by) for by in (1, *(level.by for level in self._levels))}

    def _register(self, before: dict[int, FloatArray], now: dict[int, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Motion and texture of every patch, coarse to fine."""
        start = np.zeros((len(self._levels[0].centers), 2), dtype=np.float32)
        for level, finer in zip(self._levels, (*(below.by for below in self._levels[1:]), 1), strict=True):
            texture = np.empty(len(start), dtype=np.float32)
            self._search(before, now, level.by, level.centers, start, texture)
            coarse, start = start, np.empty((len(level.below), 2), dtype=np.float32)
            start_from(coarse, level.below, COARSE_PX, level.by / finer, start)
        texture = np.empty(len(start), dtype=np.float32)
        self._search(before, now, 1, self.centers, start, texture)
        return start, texture

    def _search(
        self,
        before: dict[int, FloatArray],
        now: dict[int, FloatArray],
        by: int,
        centers: npt.NDArray[np.int64],
        motion: FloatArray,
        texture: FloatArray,
    ) -> None:
        rounds, tolerance = (ROUNDS, TOLERANCE_PX) if by == 1 else (COARSE_ROUNDS, COARSE_TOLERANCE_PX)
        register_patches(
            before[by], now[by], centers, self._window, DAMPING, rounds, tolerance, REACH_PX, motion, texture
        )

    def _smaller(self, image: FloatArray, by: int) -> FloatArray:
        if by == 1:
            return image
        height, width = image.shape[0] // by, image.shape[1] // by
        whole = image[: by * height, : by * width]
        smaller: FloatArray = self._cv2.resize(whole, (width, height), interpolation=self._cv2.INTER_AREA)
        return smaller

    def _covered(self, small: FloatArray) -> npt.NDArray[np.bool_]:
        """Which patches look like something else than they did during the last second, wherever they have moved."""
        assert self._looks is not None
        unlike = np.empty(len(self._looks_at), dtype=np.float32)
        unlikeness(small, self._looks, self._looks_at, self._looks_window, LOOKS_MOVED_PX, FLAT, unlike)
        covered: npt.NDArray[np.bool_] = unlike > UNLIKE
        return covered

    def _remember(self, small: FloatArray, dt: float) -> None:
        self._count += 1
        share = max(1.0 / self._count, 1.0 - float(np.exp(-dt / LOOKS_S)))
        if self._looks is None:
            self._looks = small.copy()
        self._looks += np.float32(share) * (small - self._looks)


@dataclass(frozen=True, slots=True)
class _Level:
    by: int  # how many times smaller
    centers: npt.NDArray[np.int64]
    below: npt.NDArray[np.intp]  # of each patch of the next finer level, the nearest patch of this one


def _grid(
    step_mm: float, scale: float, shape: tuple[int, int], origin: npt.NDArray[np.float64], border: int
) -> npt.NDArray[np.int64]:
    """Patch centers (x, y) in crop px, ``step_mm`` apart and ``border`` px inside."""
    xs = np.arange(LEFT_MM, RIGHT_MM + 0.1, step_mm) * scale + origin[0]
    ys = np.arange(TOP_MM, BOTTOM_MM + 0.1, step_mm) * scale + origin[1]
    inside = [
        (round(x), round(y))
        for y in ys
        for x in xs
        if border <= x < shape[1] - border and border <= y < shape[0] - border
    ]
    return np.array(inside, dtype=np.int64)


def _spread(coarse_px: npt.NDArray[np.int64], fine_px: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The nearest coarse patch of each fine one; both in px of the crop."""
    apart = ((fine_px[:, None, :] - coarse_px[None, :, :]) ** 2).sum(axis=-1)
    nearest: npt.NDArray[np.intp] = apart.argmin(axis=1)
    return nearest


def _trust(centers_mm: npt.NDArray[np.float64]) -> FloatArray:
    """Which patches may say how the head moved: not the eyes, not from the upper lip down, not the outline."""
    x, y = centers_mm[:, 0], centers_mm[:, 1]
    eye = (np.abs(np.abs(x) - 31.0) < 17.0) & (np.abs(y) < 9.0)
    mouth = (y > 48.0) & (np.abs(x) < 34.0)
    outline = np.hypot(x / 46.0, (y - 20.0) / 52.0) > 0.98
    return np.where(eye | mouth | outline, 0.0, 1.0).astype(np.float32)
