"""What an oracle reads: it knows place, shape, direction and course of a jerk, and meets what is really left over.

It looks at the head-fixed crops against a running reference and a head fit of its own, so that the yardstick stays the
same however the program comes to measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from detector import regions
from detector.grid import RATE_HZ
from detector.kernels_crop import warp_affine
from detector.motion import BUMP_MM
from detector.placement import Crop, HeadCrop
from detector.types import FloatArray
from detector.warp import Bump, rest_position

F64 = npt.NDArray[np.float64]

NEAR_S, FAR_S = 0.25, 0.8  # the reference: mean of the crops so far away, on both sides
BLOCK_S = 3.0  # weights for the even blocks of time are learned on the odd ones, and the other way round
LOCAL_PX = 12.0  # what changes over more than about 5 mm is light, not motion
SMOOTH_PX = 2.0  # of the variance: it is known from some hundred independent moments at best
TUKEY = 4.685
UNIT_MM = 40.0  # affine terms count in this, so that all of them are of one size
REACH = 4.0  # radii of the bump looked at

NASAL = [k for k, nasal in enumerate(regions.IS_NASAL) if nasal]
_RAD = np.radians([site.pull_deg for site in regions.SITES])
TOWARD: F64 = np.column_stack([np.cos(_RAD), -np.sin(_RAD)])  # pulls, x right and y down


class Oracle:
    """Reads the height of a jerk at a known muscle off the crops of one stretch.

    The picture of a motion of 1 mm is laid over what the crop and its reference differ in, once plainly and once with
    the local mean taken off both and every pixel weighted by one over its variance at other moments.
    """

    def __init__(self, crops: Sequence[Crop], head: HeadCrop) -> None:
        self._scale, self._origin = head.scale, head.origin
        self._row, self._column = np.mgrid[: head.shape[0], : head.shape[1]].astype(np.float64)
        x = (self._column - self._origin[0]) / self._scale
        y = (self._row - self._origin[1]) / self._scale
        # what is rigid enough to say how the head moved: not the eyes, not from the upper lip down, not the outline
        eyes = (np.abs(np.abs(x) - 31.0) < 17.0) & (np.abs(y) < 9.0)
        lips = (y > 48.0) & (np.abs(x) < 34.0)
        self._rigid = ~eyes & ~lips & (np.hypot(x / 44.0, (y - 20.0) / 48.0) < 1.0)
        u, v = x[self._rigid] / UNIT_MM, (y[self._rigid] - 20.0) / UNIT_MM
        self._terms = np.stack([np.ones_like(u), u, v])
        per_px = 1.0 / (UNIT_MM * self._scale)
        shift = -(self._origin + np.array([0.0, 20.0 * self._scale])) * per_px
        self._units = np.array([[0.0, 0.0, 1.0], [per_px, 0.0, shift[0]], [0.0, per_px, shift[1]]])

        self._references = references(crops)
        self.t_s = np.array([crop.t_s for crop in crops])
        self._still = np.empty((len(crops), *head.shape), dtype=np.float32)  # references, moved as the head was
        self._left = np.empty_like(self._still)  # crops less those
        for i, crop in enumerate(crops):
            self._still[i] = self._follow(self._references[i], crop.image)
            self._left[i] = crop.image - self._still[i]
        self._weight: list[npt.NDArray[Any]] = []

    def learn(self, quiet: npt.NDArray[np.bool_]) -> None:
        """Weights of the pixels for the even and the odd blocks, each from the quiet moments of the others."""
        self._weight = []
        for parity in (0, 1):
            others = np.flatnonzero(quiet & (self._block() != parity))
            total = np.zeros(self._rigid.shape, dtype=np.float32)
            for i in others:
                total += _sharp(self._left[i]) ** 2
            variance = cv2.GaussianBlur(total / max(len(others), 1), (0, 0), SMOOTH_PX)
            self._weight.append(1.0 / np.maximum(variance, 0.1 * np.median(variance)))

    def read(self, i: int, site: int, center_mm: F64, image: FloatArray | None = None) -> tuple[float, float]:
        """Height along the muscle's pull at moment i, mm: plain, weighted. ``image``: had the crop looked like this."""
        still, left = self._still[i], self._left[i]
        if image is not None:
            still = self._follow(self._references[i], image)
            left = image - still
        middle = center_mm * self._scale + self._origin
        radius = BUMP_MM * self._scale
        low = np.maximum(np.floor(middle - REACH * radius).astype(int), 0)
        high = np.ceil(middle + REACH * radius).astype(int)
        box = np.s_[low[1] : high[1], low[0] : high[0]]
        apart2 = (self._column[box] - middle[0]) ** 2 + (self._row[box] - middle[1]) ** 2
        down, right = np.gradient(still[box])
        moved = -self._scale * np.exp(-apart2 / (2.0 * radius**2)) * (right * TOWARD[site, 0] + down * TOWARD[site, 1])
        plain = float(np.sum(moved * left[box]) / np.sum(moved * moved))
        sharp = _sharp(moved)
        weighted = sharp * self._weight[self._block()[i]][box]
        return plain, float(np.sum(weighted * _sharp(left)[box]) / np.sum(weighted * sharp))

    def bumped(self, image: FloatArray, site: int, center_mm: F64, height_mm: float) -> FloatArray:
        """The crop with the skin over a muscle moved along its pull, warped as the simulation warps frames."""
        x, y = center_mm * self._scale + self._origin
        dx, dy = TOWARD[site] * height_mm * self._scale
        rest_x, rest_y = rest_position([Bump(x, y, dx, dy, BUMP_MM * self._scale)], self._column, self._row)
        moved = map_coordinates(image.astype(np.float64), (rest_y, rest_x), order=3, mode="nearest")
        return np.asarray(moved, dtype=np.float32)

    def _block(self) -> npt.NDArray[np.int64]:
        return (self.t_s // BLOCK_S).astype(np.int64) % 2

    def _follow(self, reference: FloatArray, image: FloatArray) -> FloatArray:
        """The reference moved as the head was (robust affine fit to the pixels), at the light of the image."""
        matrix, out = np.eye(3), np.array(reference)
        for _ in range(4):
            down, right = np.asarray(np.gradient(out))
            rigid = out[self._rigid]
            design = np.vstack([right[self._rigid] * self._terms, down[self._rigid] * self._terms])
            design = np.vstack([design, np.ones_like(rigid), rigid / 100.0])
            target = image[self._rigid] - rigid
            weight = np.ones_like(target)
            for _ in range(2):
                found = np.linalg.solve((design * weight) @ design.T, (design * weight) @ target)
                miss = target - found @ design
                cut = TUKEY * 1.4826 * float(np.median(np.abs(miss))) + 1e-6
                weight = np.clip(1.0 - (miss / cut) ** 2, 0.0, None) ** 2
            step = np.vstack([found[:6].reshape(2, 3) @ self._units, np.zeros(3)])
            matrix = matrix @ (np.eye(3) + step)
            warp_affine(reference, np.ascontiguousarray(matrix[:2]), out)
            if np.abs(found[:6]).max() < 0.003:  # px
                break
        return out + np.float32(found[6]) + np.float32(found[7] / 100.0) * out


def references(crops: Sequence[Crop]) -> list[FloatArray]:
    """For each crop the mean of those ``NEAR_S`` to ``FAR_S`` away."""
    t_s = np.array([crop.t_s for crop in crops])
    out = []
    for now in t_s:
        apart = np.abs(t_s - now)
        chosen = np.flatnonzero((apart > NEAR_S - 1e-6) & (apart < FAR_S + 1e-6))
        total = np.zeros(crops[0].image.shape, dtype=np.float64)
        for i in chosen.tolist():
            total += crops[i].image
        out.append((total / len(chosen)).astype(np.float32))
    return out


def filtered(t_s: F64, values: F64, taps: F64) -> tuple[F64, F64]:
    """Values at the times of the frames -> the even grid -> a filter of the program; where all of it fits.

    Returns
    -------
    grid times, filtered values
    """
    known = np.isfinite(values)
    first, last = int(np.ceil(t_s[0] * RATE_HZ - 1e-6)), int(np.floor(t_s[-1] * RATE_HZ + 1e-6))
    grid = np.arange(first, last + 1) / RATE_HZ
    half = len(taps) // 2
    even = np.interp(grid, t_s[known], values[known])
    return grid[half:-half], np.correlate(even, taps, mode="valid")


def mixed(t_s: F64, readings: F64) -> F64:
    """The least noisy mean of readings (J, T) of unit gain, its weights learned on the other blocks of time.

    A single template is no bound: it leans on the strongest edges (brows, nostrils), which move on their own. With the
    program's own reading among them, the mixture bounds what is known to be within reach.
    """
    block = (t_s // BLOCK_S).astype(np.int64) % 2
    out = np.empty(readings.shape[1])
    for parity in (0, 1):
        others = readings[:, block != parity]
        centered = others - np.median(others, axis=1, keepdims=True)
        spread = np.array([robust_sd(reading) for reading in others])
        clipped = np.clip(centered / spread[:, None], -4.0, 4.0)  # a blink must not decide
        covariance = np.outer(spread, spread) * (clipped @ clipped.T / clipped.shape[1] + 0.02 * np.eye(len(spread)))
        weight = np.linalg.solve(covariance, np.ones(len(spread)))
        out[block == parity] = weight @ readings[:, block == parity] / weight.sum()
    return out


def jerk_passes(free_s: F64, apart_s: float, each: int) -> Iterator[list[tuple[float, int]]]:
    """(peak, number of the muscle) at free times, far apart within a pass; muscles in turn, ``each`` jerks for each."""
    count, wanted = 0, each * len(NASAL)
    while count < wanted:
        first = free_s[0] + apart_s * count / wanted
        jerks: list[tuple[float, int]] = []
        for free in free_s[free_s >= first].tolist():
            if count < wanted and (not jerks or free - jerks[-1][0] >= apart_s):
                jerks.append((free, count % len(NASAL)))
                count += 1
        yield jerks


def robust_sd(values: F64) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _sharp(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    less: npt.NDArray[Any] = picture - cv2.GaussianBlur(picture, (0, 0), LOCAL_PX)
    return less
