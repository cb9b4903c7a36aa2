"""Crops -> patch motion against a running reference, with the head's own motion taken out.

The reference of a moment is the mean of the crops 0.25 to 0.8 s away on both sides: near enough that light, pose and
compression have hardly changed, far enough that a twitch is not part of its own reference.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.kernels import fit_head, register_patches
from detector.placement import BOTTOM_MM, LEFT_MM, RIGHT_MM, TOP_MM, Crop
from detector.types import FloatArray

NEAR_S = 0.25  # a twitch of 45 + 60 ms must be over before its reference begins
FAR_S = 0.80  # longer references meet more head motion and key-frame changes and are worse
AHEAD_S = 0.80  # as far as behind: a shorter one left the drift of a turning head in, and gave false alarms
TURN_S = 0.4
LEAST_REFERENCE_S = 0.25  # less than this much reference says nothing
PATCH_PX = 15
PATCH_SIGMA_PX = 4.2
GRID_MM = 4.0
COARSE_MM = 8.0  # on a crop of half the size, so that a tall twitch (over 5 px) is still within reach
DAMPING = 0.01
ROUNDS = 6
REACH_PX = 6.0
COARSE_FROM_PX = 1.5  # smaller coarse motion is not worth starting from: it is noisier than starting at 0
TOLERANCE_PX = 0.004
TUKEY = 4.685
LEAST_SCALE_PX = 0.01
FAST_MM_S = 9.0  # above it (0.3 mm per frame at 30/s) the head is fitted with a quadratic field


@dataclass(frozen=True, slots=True)
class Field:
    """Patch motion at one moment, crop px."""

    t_s: float
    motion_px: FloatArray  # (N, 2) against the head; NaN where a patch was lost
    head_px: float  # robust SD of what the head fit left
    turn_deg: float  # how far the head turned or nodded within TURN_S around
    crop: Crop


class Registrar:
    """Streams crops in, fields out, ``AHEAD_S`` later; both sides of a moment serve as its reference."""

    def __init__(self, scale: float, shape: tuple[int, int], origin: npt.NDArray[np.float64]) -> None:
        import cv2

        self._cv2: Any = cv2
        half = PATCH_PX // 2
        axis = np.arange(-half, half + 1)
        gauss = np.exp(-(axis**2) / (2.0 * PATCH_SIGMA_PX**2))
        self._window = np.outer(gauss, gauss).astype(np.float32)
        self.centers = _grid(GRID_MM, scale, shape, origin, half + 9)
        self.centers_mm = (self.centers - origin) / scale
        half_shape = (shape[0] // 2, shape[1] // 2)
        self._coarse = _grid(COARSE_MM, scale / 2.0, half_shape, origin / 2.0, half + 3)
        self._from_coarse = _spread(2.0 * self._coarse, self.centers)
        self.trust = _trust(self.centers_mm)
        x, y = self.centers_mm[:, 0] / 40.0, (self.centers_mm[:, 1] - 20.0) / 40.0
        one = np.ones_like(x)
        self._affine = np.column_stack([one, x, y])
        self._quadratic = np.column_stack([one, x, y, x * x, x * y, y * y])
        self._shape = shape
        self.reset()

    def reset(self) -> None:
        self._crops: deque[Crop] = deque()
        self._next = 0  # position in _crops of the crop to be measured next
        # sums of the crops before and after the next one, moved along by adding and taking away single crops
        self._before = _Window(self._shape)
        self._after = _Window(self._shape)

    def push(self, crop: Crop) -> list[Field]:
        """Fields that this crop completes (usually one)."""
        self._crops.append(crop)
        fields = []
        while self._next < len(self._crops) and crop.t_s - self._crops[self._next].t_s >= AHEAD_S - 1e-6:
            fields.append(self._measure())
        return fields

    def flush(self) -> list[Field]:
        """The last moments, with what reference there is on their far side."""
        fields = []
        while self._next < len(self._crops):
            fields.append(self._measure())
        return fields

    def _measure(self) -> Field:
        crop = self._crops[self._next]
        motion = np.full((len(self.centers), 2), np.nan, dtype=np.float32)
        residual = np.full_like(motion, np.nan)
        head = np.nan
        reference = self._reference(crop.t_s)
        if reference is not None:
            texture = np.empty(len(self.centers), dtype=np.float32)
            motion[:] = self._start(reference, crop.image)
            register_patches(
                reference,
                crop.image,
                self.centers,
                self._window,
                DAMPING,
                ROUNDS,
                TOLERANCE_PX,
                REACH_PX,
                motion,
                texture,
            )
            basis = self._quadratic if crop.speed_mm_s > FAST_MM_S else self._affine
            # a patch without texture says little about the head: weight by how well it can be placed
            usable = np.maximum(texture, 0.0)
            middle = float(np.median(usable[self.trust > 0.0]))
            trust = (self.trust * usable / (usable + middle + 1e-6)).astype(np.float32)
            head = fit_head(basis, motion, trust, 6, TUKEY, LEAST_SCALE_PX, residual)
        turn = self._turn(crop.t_s)
        self._next += 1
        while self._crops and crop.t_s - self._crops[0].t_s > FAR_S + 0.1:
            self._crops.popleft()
            self._next -= 1
        return Field(crop.t_s, residual, head, turn, crop)

    def _reference(self, t_s: float) -> FloatArray | None:
        self._before.move(self._crops, t_s - FAR_S, t_s - NEAR_S)
        self._after.move(self._crops, t_s + NEAR_S, t_s + AHEAD_S)
        count = self._before.count + self._after.count
        span = self._crops[-1].t_s - self._crops[0].t_s
        if count < 3 or span < LEAST_REFERENCE_S:
            return None
        return ((self._before.total + self._after.total) / count).astype(np.float32)

    def _turn(self, t_s: float) -> float:
        poses = [c.face.pose_deg[:2] for c in self._crops if abs(c.t_s - t_s) <= TURN_S]
        return float(np.ptp(np.array(poses), axis=0).max())

    def _start(self, reference: FloatArray, current: FloatArray) -> FloatArray:
        """Where each patch's search starts: 0, or the coarse motion where that is large."""
        size = (self._shape[1] // 2, self._shape[0] // 2)
        small_reference = self._cv2.resize(reference[: 2 * size[1], : 2 * size[0]], size, interpolation=3)
        small_current = self._cv2.resize(current[: 2 * size[1], : 2 * size[0]], size, interpolation=3)
        coarse = np.zeros((len(self._coarse), 2), dtype=np.float32)
        texture = np.empty(len(self._coarse), dtype=np.float32)
        register_patches(
            small_reference,
            small_current,
            self._coarse,
            self._window,
            DAMPING,
            3,
            0.1,
            REACH_PX,
            coarse,
            texture,
        )
        start = 2.0 * np.nan_to_num(coarse)[self._from_coarse]
        start[np.hypot(start[:, 0], start[:, 1]) < COARSE_FROM_PX] = 0.0
        return start.astype(np.float32)


class _Window:
    """Sum of the crops with first <= t <= last; both ends only ever move forward."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.total = np.zeros(shape, dtype=np.float64)
        self.count = 0
        self._held: deque[Crop] = deque()
        self._newest = -np.inf

    def move(self, crops: deque[Crop], first: float, last: float) -> None:
        for crop in crops:
            if self._newest < crop.t_s <= last + 1e-6:
                self._newest = crop.t_s
                if crop.t_s >= first - 1e-6:
                    self._held.append(crop)
                    self.total += crop.image
                    self.count += 1
        while self._held and self._held[0].t_s < first - 1e-6:
            self.total -= self._held.popleft().image
            self.count -= 1


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


def _spread(coarse_px: npt.NDArray[Any], fine_px: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The nearest coarse patch of each fine one."""
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
