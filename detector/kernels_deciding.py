"""What of deciding runs for every grid sample, for the numba core.

What is added up is added in the order in which it is kept, in float32 unless said otherwise: the same bits everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.kernels import F32, F64

_HIGHEST = np.float32(np.finfo(np.float32).max)
_NOWHERE = np.float32(1e-12)  # mm^2: shorter heights point nowhere


@njit(cache=True, nogil=True)
def bump_directions(filtered: F32, out: F32) -> None:
    """Mean of cos and sin of twice the direction (S, 2) of some heights (B, S, 2)."""
    block, sites, _ = filtered.shape
    out[:] = 0.0
    for b in range(block):
        for s in range(sites):
            x, y = filtered[b, s, 0], filtered[b, s, 1]
            length2 = np.maximum(x * x + y * y, _NOWHERE)
            out[s, 0] += (x * x - y * y) / length2
            out[s, 1] += (x + x) * y / length2
    for s in range(sites):
        out[s, 0] /= np.float32(block)
        out[s, 1] /= np.float32(block)


@njit(cache=True, nogil=True, error_model="numpy")
def over_noise(heights: F32, scale: F32, out: F32) -> None:
    """Heights (B, C, M) over noise (C, M): 0 where unknown, the largest number where infinite."""
    block, courses, sites = heights.shape
    for b in range(block):
        for c in range(courses):
            for m in range(sites):
                u = heights[b, c, m] / scale[c, m]
                out[b, c, m] = np.float32(0.0) if np.isnan(u) else min(u, _HIGHEST)


@njit(cache=True, nogil=True)
def score_areas(
    excess: F32, strong: npt.NDArray[np.int64], quiet: npt.NDArray[np.int64], strength: F32, around: F32
) -> None:
    """How far the weakest area of each pattern stands out, and how busy the parts it leaves alone are.

    Parameters
    ----------
    excess : (B, C, M) float32
        Height over noise; no NaN.
    strong, quiet : (P, A, n), (P, Q, n) int
        Sites of each area and of each part of a pattern; those with fewer end in -1, those left out begin with it.
    strength : (B, C, P) float32
        The least, over the areas, of the highest of an area.
    around : (B, C, P) float32
        Root of the mean, over the parts, of the mean square of a part, over sqrt(2): about 1 at rest.
    """
    block, courses, _ = excess.shape
    for b in range(block):
        for c in range(courses):
            row = excess[b, c]
            for p in range(len(strong)):
                weakest = np.float32(np.inf)
                for area in strong[p]:
                    if area[0] >= 0:
                        highest = row[area[0]]
                        for m in area:
                            if m < 0:
                                break
                            highest = max(highest, row[m])
                        weakest = min(weakest, highest)
                strength[b, c, p] = weakest
                total, parts = np.float32(0.0), 0
                for part in quiet[p]:
                    square, sites = np.float32(0.0), 0
                    for m in part:
                        if m < 0:
                            break
                        square += row[m] * row[m]
                        sites += 1
                    if sites:
                        total += square / np.float32(sites)
                        parts += 1
                around[b, c, p] = np.sqrt(np.float32(0.5) / np.float32(parts) * total)


@njit(cache=True, nogil=True)
def busiest(around: F32, first: int, before: int, after: int, out: F32) -> None:
    """The highest of each column within ``before`` rows before and ``after`` behind a row; nothing counts under 1.

    Parameters
    ----------
    around : (T, C, K) float32
    first : int
        Row that the first of ``out`` is for.
    out : (B, C, K) float32
    """
    block, courses, columns = out.shape
    out[:] = 1.0
    for b in range(block):
        for t in range(max(first + b - before, 0), min(first + b + after + 1, len(around))):
            for c in range(courses):
                for k in range(columns):
                    out[b, c, k] = max(out[b, c, k], around[t, c, k])


@njit(cache=True, nogil=True, error_model="numpy")
def best_courses(
    excess: F32, busy: F32, filtered: F32, usual: np.float32, gain: np.float32, ratio: F32, own: F32, height: F32
) -> None:
    """The course of a jerk that fits best at each region, and what it reads.

    Parameters
    ----------
    excess, busy : (B, C, K) float32
        Height over noise and activity elsewhere; of the regions, then of the patterns.
    filtered : (B, C, M, 2) float32
        Heights at all sites, of which the first R are the regions.
    usual, gain : float32
        What the ratio is multiplied, and heights are divided by.
    ratio : (B, K) float32
        The highest of the courses, the first of equals.
    own : (B, R) float32
        Height over noise of that course at each region.
    height : (B, R, 2) float32
        What that course reads there.
    """
    block, courses, columns = excess.shape
    for b in range(block):
        for k in range(columns):
            best = 0
            highest = usual * excess[b, 0, k] / busy[b, 0, k]
            for c in range(1, courses):
                value = usual * excess[b, c, k] / busy[b, c, k]
                if value > highest or (np.isnan(value) and not np.isnan(highest)):
                    best, highest = c, value
            ratio[b, k] = highest
            if k < own.shape[1]:
                own[b, k] = excess[b, best, k]
                height[b, k, 0] = filtered[b, best, k, 0] / gain
                height[b, k, 1] = filtered[b, best, k, 1] / gain


@njit(cache=True, nogil=True, error_model="numpy")
def needed_heights(height: F32, shape: F32, pull: F64, reach: F32, out: F32) -> None:
    """How large a jerk along the pull must be for noise and jerk together to reach so far: an injection, solved.

    The filters are linear, so a jerk of height a at this very moment would read ``height + a * pull`` (both with the
    noise made round).

    Parameters
    ----------
    height : (B, M, 2) float32
        Of which the first R sites are the regions.
    shape : (R, 2, 2) float32
        What makes the noise round.
    pull : (R, 2) float64
        Of a jerk of height 1, with the noise made round.
    reach : (B, R) float32
    out : (B, R) float32
    """
    block, regions = reach.shape
    for b in range(block):
        for r in range(regions):
            px, py = pull[r]
            x = shape[r, 0, 0] * height[b, r, 0] + shape[r, 0, 1] * height[b, r, 1]
            y = shape[r, 1, 0] * height[b, r, 0] + shape[r, 1, 1] * height[b, r, 1]
            squared = px * px + py * py
            along = (x * px + y * py) / squared
            across2 = (x * x + y * y) / squared - along * along
            missing = reach[b, r] * reach[b, r] / squared - across2
            out[b, r] = np.maximum(np.sqrt(np.maximum(missing, 0.0)) - along, 0.0)
