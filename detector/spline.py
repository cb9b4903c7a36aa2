"""Cubic B-spline sampling of color pictures in double precision: for making truth, where every step counts.

The same mathematics as ``scipy.ndimage.map_coordinates`` of order 3, with the weights of a position computed once for
all three colors: about six times as fast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import detector.kernels  # noqa: F401  (names numba's cache folder before numba is used)

from numba import njit  # isort: skip

Array = npt.NDArray[np.float64]


def coefficients(picture: npt.NDArray[np.generic]) -> Array:
    """B-spline coefficients of a color picture (H, W, 3), mirrored at its border; H and W at least 4."""
    from scipy.ndimage import spline_filter

    planes = [spline_filter(picture[..., c].astype(np.float64), 3, mode="mirror") for c in range(3)]
    return np.ascontiguousarray(np.stack(planes, axis=-1))


def sample(spline: Array, x: Array, y: Array) -> Array:
    """Colors at positions in px, (..., 3); outside the picture those of the nearest place on its border.

    Parameters
    ----------
    spline : (H, W, 3)
        From ``coefficients``.
    x, y : float64, any shape
    """
    out = np.empty((x.size, 3))
    _sample(spline, np.ascontiguousarray(x).ravel(), np.ascontiguousarray(y).ravel(), out)
    return out.reshape(*x.shape, 3)


@njit(cache=True, nogil=True)
def _sample(spline: Array, x: Array, y: Array, out: Array) -> None:
    height, width, _ = spline.shape
    wx = np.empty(4)
    wy = np.empty(4)
    ix = np.empty(4, np.int64)
    for i in range(x.size):
        px = min(max(x[i], 0.0), width - 1.0)
        py = min(max(y[i], 0.0), height - 1.0)
        x0 = int(np.floor(px))
        y0 = int(np.floor(py))
        _weights(px - x0, wx)
        _weights(py - y0, wy)
        for k in range(4):
            ix[k] = _mirrored(x0 - 1 + k, width)
        blue = green = red = 0.0
        for j in range(4):
            iy = _mirrored(y0 - 1 + j, height)
            for k in range(4):
                w = wy[j] * wx[k]
                blue += w * spline[iy, ix[k], 0]
                green += w * spline[iy, ix[k], 1]
                red += w * spline[iy, ix[k], 2]
        out[i, 0] = blue
        out[i, 1] = green
        out[i, 2] = red


@njit(cache=True, nogil=True)
def _mirrored(index: int, size: int) -> int:
    if index < 0:
        return -index
    return 2 * size - 2 - index if index >= size else index


@njit(cache=True, nogil=True)
def _weights(f: float, out: Array) -> None:
    g = 1.0 - f
    out[0] = g * g * g / 6.0
    out[1] = 2.0 / 3.0 - 0.5 * f * f * (2.0 - f)
    out[2] = 2.0 / 3.0 - 0.5 * g * g * (2.0 - g)
    out[3] = f * f * f / 6.0
