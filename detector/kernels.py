"""The numba core: arrays in, arrays out; no dataclass, no input or output.

Every kernel has a plain-Python twin in ``tests/naive.py`` that the tests hold it against. No ``parallel`` (mediapipe
and numba would fight over the cores) and no ``fastmath`` (NaN marks what was not measured).
"""

from __future__ import annotations

import os

if "NUMBA_CACHE_DIR" not in os.environ:  # a read-only install without HOME cannot cache beside the source
    from platformdirs import user_cache_dir

    os.environ["NUMBA_CACHE_DIR"] = os.path.join(user_cache_dir("nasalis"), "numba")  # noqa: PTH118

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def filter_block(values: F32, taps: F64, out: F32) -> None:
    """Run every filter over a stretch of an evenly sampled record.

    Parameters
    ----------
    values : (T, M, 2) float32
        The record of M sites, both axes.
    taps : (C, n) float64
        C filters of the same length.
    out : (B, C, M, 2) float32
        Filtered stretch: row b is ``taps`` over the rows b to b + n - 1; B + n - 1 <= T.
    """
    block, filters, sites, _ = out.shape
    total = np.empty((sites, 2))
    for b in range(block):
        for c in range(filters):
            total[:] = 0.0
            for i in range(taps.shape[1]):
                w = taps[c, i]
                for m in range(sites):  # innermost, for several sites to be added up at once
                    total[m, 0] += w * values[b + i, m, 0]
                    total[m, 1] += w * values[b + i, m, 1]
            out[b, c] = total


@njit(cache=True, nogil=True)
def rounded_lengths(filtered: F32, shape: F32, out: F32) -> None:
    """Lengths of filtered heights after the noise of each site was made round.

    Parameters
    ----------
    filtered : (B, C, S, 2) float32
    shape : (S, 2, 2) float32
        Matrices of determinant 1.
    out : (B, C, S) float32
        Length of ``shape[s] @ filtered[b, c, s]``.
    """
    block, filters, sites, _ = filtered.shape
    for b in range(block):
        for c in range(filters):
            for s in range(sites):
                x = filtered[b, c, s, 0]
                y = filtered[b, c, s, 1]
                out[b, c, s] = np.hypot(
                    shape[s, 0, 0] * x + shape[s, 0, 1] * y, shape[s, 1, 0] * x + shape[s, 1, 1] * y
                )


@njit(cache=True, nogil=True, error_model="numpy")  # over no noise at all a height is infinite
def score_block(heights: F32, scale: F32, apart: F32, excess: F32, around: F32) -> None:
    """How far each region stands out of its own noise, and how busy the face is elsewhere at the same time.

    Parameters
    ----------
    heights : (B, C, M) float32
        Filtered bump heights, the S regions first, then the lattice.
    scale : (C, M) float32
        Noise scale of each filter and site.
    apart : (S, M - S) float32
        Rows that sum to 1: the lattice sites that lie apart from each region.
    excess : (B, C, S) float32
        Height over noise scale.
    around : (B, C, S) float32
        Root mean square of the same over the lattice apart from the region, over sqrt(2): about 1 at rest.
    """
    block, filters, _ = heights.shape
    regions, lattice = apart.shape
    elsewhere = np.empty(lattice, np.float32)
    for b in range(block):
        for c in range(filters):
            for k in range(lattice):
                u = heights[b, c, regions + k] / scale[c, regions + k]
                elsewhere[k] = u if np.isfinite(u) else 0.0
            for s in range(regions):
                excess[b, c, s] = heights[b, c, s] / scale[c, s]
                total = 0.0
                for k in range(lattice):
                    total += apart[s, k] * elsewhere[k] * elsewhere[k]
                around[b, c, s] = np.sqrt(0.5 * total)


@njit(cache=True, nogil=True)
def find_peaks(score: F32, radius: int, least: float, first: int, last: int) -> npt.NDArray[np.int64]:
    """Rows in [first, last) where the record is at least ``least`` and the highest within ``radius`` rows.

    Of equal neighbors the earliest counts; NaN is never a peak.
    """
    rows = score.shape[0]
    found = np.empty(max(last - first, 0), dtype=np.int64)
    count = 0
    for r in range(first, last):
        value = score[r]
        if not (value >= least):
            continue
        peak = True
        for k in range(max(r - radius, 0), min(r + radius + 1, rows)):
            if score[k] > value or (k < r and score[k] == value):
                peak = False
                break
        if peak:
            found[count] = r
            count += 1
    return found[:count]
