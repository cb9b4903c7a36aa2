"""Gray pictures and crops for the numba core: straight from the pixels of the frame, without a copy of it in floats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.kernels import F32, F64

_HALF = np.float32(0.5)
_ONE, _TWO, _THREE = np.uint32(1), np.uint32(2), np.uint32(3)


@njit(cache=True, nogil=True)
def gray_means(image: npt.NDArray[np.uint8], shrink: int, out: F32) -> None:
    """Gray levels of a color picture, not rounded to whole ones: that would add noise of its own.

    Parameters
    ----------
    image : (H, W, 3) uint8
        Blue, green, red.
    shrink : int
        Each value is the mean over a square of so many pixels to a side.
    out : (h, w) float32
        Written in place, 0-255; the picture is at least ``shrink`` times as high and wide.
    """
    rows, cols = out.shape
    blue, green, red = np.float32(0.114), np.float32(0.587), np.float32(0.299)  # luma of ITU-R BT.601
    if shrink == 1:
        for r in range(rows):
            for c in range(cols):
                out[r, c] = blue * image[r, c, 0] + green * image[r, c, 1] + red * image[r, c, 2]
        return
    share = np.float32(1.0 / (shrink * shrink))
    for r in range(rows):
        for c in range(cols):
            b = g = d = np.uint32(0)
            for j in range(r * shrink, (r + 1) * shrink):
                for i in range(c * shrink, (c + 1) * shrink):
                    b += np.uint32(image[j, i, 0])
                    g += np.uint32(image[j, i, 1])
                    d += np.uint32(image[j, i, 2])
            out[r, c] = share * (blue * b + green * g + red * d)


@njit(cache=True, nogil=True)
def warp_affine(image: F32, matrix: F64, out: F32) -> None:
    """Sample ``image`` at ``matrix @ (x, y, 1)`` for every output pixel, by Catmull-Rom cubic interpolation.

    OpenCV's own warp rounds positions to 1/32 px, which is as large as the motion looked for. Outside the picture the
    border is repeated.

    Parameters
    ----------
    image : (H, W) float32
        Contiguous.
    matrix : (2, 3) float64
        Output pixel to input pixel.
    out : (h, w) float32
        Written in place.
    """
    height, width = image.shape
    rows, cols = out.shape
    flat = image.ravel()  # numbered without a sign, so that the compiler can gather eight pixels at once
    corner = np.empty(cols, np.uint32)
    across = np.empty(cols, np.float32)
    down = np.empty(cols, np.float32)
    for r in range(rows):
        first_x = matrix[0, 1] * r + matrix[0, 2]
        first_y = matrix[1, 1] * r + matrix[1, 2]
        last_x = matrix[0, 0] * (cols - 1) + first_x
        last_y = matrix[1, 0] * (cols - 1) + first_y
        inside_x = min(first_x, last_x) >= 1.0 and max(first_x, last_x) < width - 2
        inside_y = min(first_y, last_y) >= 1.0 and max(first_y, last_y) < height - 2
        if inside_x and inside_y:
            for c in range(cols):
                x = matrix[0, 0] * c + first_x
                y = matrix[1, 0] * c + first_y
                ix, iy = np.int32(x), np.int32(y)
                across[c] = np.float32(x - ix)
                down[c] = np.float32(y - iy)
                corner[c] = np.uint32((iy - 1) * width + ix - 1)
            _warp_inside(flat, np.uint32(width), corner, across, down, out[r])
        else:
            for c in range(cols):
                out[r, c] = _sample_near_border(
                    image, matrix[0, 0] * c + first_x, matrix[1, 0] * c + first_y, height, width
                )


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract"})
def _warp_inside(flat: F32, width: np.uint32, corner: npt.NDArray[np.uint32], across: F32, down: F32, out: F32) -> None:
    for c in range(len(out)):
        x0, x1, x2, x3 = _cubic_weights(across[c])
        y0, y1, y2, y3 = _cubic_weights(down[c])
        a = corner[c]
        b = a + width
        d = b + width
        e = d + width
        total = y0 * (x0 * flat[a] + x1 * flat[a + _ONE] + x2 * flat[a + _TWO] + x3 * flat[a + _THREE])
        total += y1 * (x0 * flat[b] + x1 * flat[b + _ONE] + x2 * flat[b + _TWO] + x3 * flat[b + _THREE])
        total += y2 * (x0 * flat[d] + x1 * flat[d + _ONE] + x2 * flat[d + _TWO] + x3 * flat[d + _THREE])
        total += y3 * (x0 * flat[e] + x1 * flat[e + _ONE] + x2 * flat[e + _TWO] + x3 * flat[e + _THREE])
        out[c] = total


@njit(cache=True, nogil=True)
def _sample_near_border(image: F32, x: float, y: float, height: int, width: int) -> np.float32:
    ix, iy = int(np.floor(x)), int(np.floor(y))
    wx = _cubic_weights(np.float32(x - ix))
    wy = _cubic_weights(np.float32(y - iy))
    total = np.float32(0.0)
    for j in range(4):
        yy = min(max(iy - 1 + j, 0), height - 1)
        line = np.float32(0.0)
        for i in range(4):
            line += wx[i] * image[yy, min(max(ix - 1 + i, 0), width - 1)]
        total += wy[j] * line
    return total


@njit(cache=True, nogil=True)
def _cubic_weights(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    t2 = t * t
    t3 = t2 * t
    return (
        t2 - _HALF * (t3 + t),
        np.float32(1.5) * t3 - np.float32(2.5) * t2 + np.float32(1.0),
        np.float32(2.0) * t2 - np.float32(1.5) * t3 + _HALF * t,
        _HALF * (t3 - t2),
    )


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def luma_and_detail(image: F32) -> tuple[float, float]:
    """Mean of a picture, and mean difference of neighbors along its rows; (h, w) float32, two columns at least."""
    height, width = image.shape
    total = apart = 0.0
    for r in range(height):
        row = image[r]
        line = steps = np.float32(0.0)
        for c in range(width):
            line += row[c]
        for c in range(width - 1):
            steps += abs(row[np.uint32(c) + _ONE] - row[c])
        total += float(line)
        apart += float(steps)
    return total / (height * width), apart / (height * (width - 1))
