"""Whether a place looks like it did, for the numba core."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.kernels import F32

_SUMS = {"contract", "reassoc", "nsz"}  # as in kernels_patches


@njit(cache=True, nogil=True)
def unlikeness(
    now: F32,
    before: F32,
    places: npt.NDArray[np.int64],
    taps: F32,
    shifts: npt.NDArray[np.int64],
    flat: float,
    out: F32,
) -> None:
    """How little each place of ``now`` looks like itself in ``before``, at best over some shifts.

    Parameters
    ----------
    now, before : (h, w) float32
        Gray levels.
    places : (N, 2) int64
        (x, y) of the places.
    taps : (2 r + 1,) float32
        Window in which they are compared, the same in both directions; sums to 1. Beyond its border the picture is
        mirrored, without the border itself.
    shifts : (M,) int64
        px; ``before`` is moved by each of these in both directions, its border repeated outside.
    flat : float
        gray levels^2; noise of so much in each picture does not make a place another.
    out : (N,) float32
        Variance of the difference over the sum of the variances: 0 for the same look, 1 for another one.
    """
    height, width = now.shape
    reach = len(taps) // 2
    mean = before.mean()  # of squares of large numbers little would be left
    stride = width + 2 * reach
    padded = np.zeros((height + 2 * reach) * stride + 2 * reach, np.float32)
    first, second = np.empty((height + 2 * reach) * stride, np.float32), np.empty_like(padded)
    own = np.empty(len(places), np.float32)
    _mirrored(now, reach, mean, padded)
    _along_rows(padded, taps, first, second)
    for n in range(len(places)):
        own[n] = _variance(first, second, taps, places[n, 1] * stride + places[n, 0], stride)
    kept = np.empty((height, width), np.float32)
    _mirrored(before, reach, mean, padded)
    _along_rows(padded, taps, first, second)
    for y in range(height):
        for x in range(width):
            kept[y, x] = _variance(first, second, taps, y * stride + x, stride)
    difference = np.empty((height, width), np.float32)
    out[:] = np.inf
    for down in shifts:
        for right in shifts:
            for y in range(height):
                yy = min(max(y + down, 0), height - 1)
                for x in range(width):
                    difference[y, x] = now[y, x] - before[yy, min(max(x + right, 0), width - 1)]
            _mirrored(difference, reach, 0.0, padded)
            _along_rows(padded, taps, first, second)
            for n in range(len(places)):
                x, y = places[n]
                there = kept[min(max(y + down, 0), height - 1), min(max(x + right, 0), width - 1)]
                unlike = _variance(first, second, taps, y * stride + x, stride)
                out[n] = min(out[n], unlike / (own[n] + there + 2.0 * flat))


@njit(cache=True, nogil=True)
def _mirrored(picture: F32, reach: int, mean: float, out: F32) -> None:
    """The picture less ``mean``, row after row, with room around it in which it is mirrored."""
    height, width = picture.shape
    less = np.float32(mean)
    for y in range(height + 2 * reach):
        row = abs(y - reach)
        row = row if row < height else 2 * height - 2 - row
        start = y * (width + 2 * reach) + reach
        for x in range(width):
            out[start + x] = picture[row, x] - less
        for x in range(1, reach + 1):
            out[start - x] = out[start + x]
            out[start + width - 1 + x] = out[start + width - 1 - x]


@njit(cache=True, nogil=True, forceinline=True, fastmath=_SUMS)
def _along_rows(padded: F32, taps: F32, first: F32, second: F32) -> None:
    """Weighted means of what follows each value and of its square; all rows as one, for long loops."""
    count = len(first)
    first[:] = 0.0
    second[:] = 0.0
    for i in range(len(taps)):
        tap = taps[i]
        moved = padded[i : i + count]
        for n in range(count):
            weighted = tap * moved[n]
            first[n] += weighted
            second[n] += weighted * moved[n]


@njit(cache=True, nogil=True)
def _variance(first: F32, second: F32, taps: F32, corner: int, stride: int) -> np.float32:
    mean = square = np.float32(0.0)
    for j in range(len(taps)):
        mean += taps[j] * first[corner + j * stride]
        square += taps[j] * second[corner + j * stride]
    return square - mean * mean
