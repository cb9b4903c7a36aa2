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
def warp_affine(image: F32, matrix: F64, out: F32) -> None:
    """Sample ``image`` at ``matrix @ (x, y, 1)`` for every output pixel, by Catmull-Rom cubic interpolation.

    OpenCV's own warp rounds positions to 1/32 px, which is as large as the motion looked for. Outside the picture the
    border is repeated.

    Parameters
    ----------
    image : (H, W) float32
    matrix : (2, 3) float64
        Output pixel to input pixel.
    out : (h, w) float32
        Written in place.
    """
    height, width = image.shape
    rows, cols = out.shape
    wx = np.empty(4)
    wy = np.empty(4)
    for r in range(rows):
        for c in range(cols):
            x = matrix[0, 0] * c + matrix[0, 1] * r + matrix[0, 2]
            y = matrix[1, 0] * c + matrix[1, 1] * r + matrix[1, 2]
            ix = int(np.floor(x))
            iy = int(np.floor(y))
            _cubic_weights(x - ix, wx)
            _cubic_weights(y - iy, wy)
            total = 0.0
            if 1 <= ix < width - 2 and 1 <= iy < height - 2:
                for j in range(4):
                    line = 0.0
                    for i in range(4):
                        line += wx[i] * image[iy - 1 + j, ix - 1 + i]
                    total += wy[j] * line
            else:
                for j in range(4):
                    yy = min(max(iy - 1 + j, 0), height - 1)
                    line = 0.0
                    for i in range(4):
                        xx = min(max(ix - 1 + i, 0), width - 1)
                        line += wx[i] * image[yy, xx]
                    total += wy[j] * line
            out[r, c] = total


@njit(cache=True, nogil=True)
def _cubic_weights(t: float, w: F64) -> None:
    t2 = t * t
    t3 = t2 * t
    w[0] = -0.5 * t3 + t2 - 0.5 * t
    w[1] = 1.5 * t3 - 2.5 * t2 + 1.0
    w[2] = -1.5 * t3 + 2.0 * t2 + 0.5 * t
    w[3] = 0.5 * t3 - 0.5 * t2


@njit(cache=True, nogil=True)
def register_patches(
    reference: F32,
    current: F32,
    centers: npt.NDArray[np.int64],
    weights: F32,
    damping: float,
    rounds: int,
    tolerance: float,
    reach: float,
    out: F32,
    texture: F32,
) -> None:
    """How far each patch of ``current`` lies from the same patch of ``reference``, in px.

    Gauss-Newton on the weighted squared difference with the gradient of the reference held (inverse compositional),
    patch means removed so that a change of light is not motion. A damped Hessian keeps patches without texture at 0.

    Parameters
    ----------
    reference, current : (h, w) float32
    centers : (N, 2) int64
        Patch centers (x, y), at least half a patch + 1 px inside the picture.
    weights : (k, k) float32
        Patch window, k odd.
    damping : float
        Share of the Hessian's trace added to its diagonal; raising it shrinks motion where texture is weak.
    rounds : int
        Most Gauss-Newton steps.
    tolerance : float
        px; a smaller step ends the search.
    reach : float
        px; a search that goes farther than this from its start is given up.
    out : (N, 2) float32
        Where each search starts; overwritten by the displacement (x, y), NaN where the search was given up.
    texture : (N,) float32
        Smaller eigenvalue of the Hessian: how well the patch can be placed in its worst direction.
    """
    k = weights.shape[0]
    half = k // 2
    total_weight = 0.0
    for j in range(k):
        for i in range(k):
            total_weight += weights[j, i]
    gx = np.empty((k, k))
    gy = np.empty((k, k))
    ref = np.empty((k, k))
    rows = np.empty((k + 3, k))
    wx = np.empty(4)
    wy = np.empty(4)
    height, width = current.shape
    for n in range(centers.shape[0]):
        cx = centers[n, 0]
        cy = centers[n, 1]
        hxx = 0.0
        hxy = 0.0
        hyy = 0.0
        mean = 0.0
        mgx = 0.0
        mgy = 0.0
        for j in range(k):
            y = cy - half + j
            for i in range(k):
                x = cx - half + i
                w = weights[j, i]
                ref[j, i] = reference[y, x]
                a = 0.5 * (reference[y, x + 1] - reference[y, x - 1])
                b = 0.5 * (reference[y + 1, x] - reference[y - 1, x])
                gx[j, i] = a
                gy[j, i] = b
                mean += w * ref[j, i]
                mgx += w * a
                mgy += w * b
        mean /= total_weight
        mgx /= total_weight
        mgy /= total_weight
        for j in range(k):
            for i in range(k):
                w = weights[j, i]
                a = gx[j, i] - mgx
                b = gy[j, i] - mgy
                gx[j, i] = a
                gy[j, i] = b
                ref[j, i] -= mean
                hxx += w * a * a
                hxy += w * a * b
                hyy += w * b * b
        trace = hxx + hyy
        gap = np.sqrt(0.25 * (hxx - hyy) ** 2 + hxy * hxy)
        texture[n] = 0.5 * trace - gap
        lam = damping * trace + 1e-3 * total_weight
        det = (hxx + lam) * (hyy + lam) - hxy * hxy
        start_x = out[n, 0]
        start_y = out[n, 1]
        dx = start_x
        dy = start_y
        lost = False
        for _ in range(rounds):
            ix = int(np.floor(dx))
            iy = int(np.floor(dy))
            _cubic_weights(dx - ix, wx)
            _cubic_weights(dy - iy, wy)
            left = cx - half + ix - 1
            top = cy - half + iy - 1
            if left < 0 or top < 0 or left + k + 3 > width or top + k + 3 > height:
                lost = True
                break
            for j in range(k + 3):
                for i in range(k):
                    rows[j, i] = (
                        wx[0] * current[top + j, left + i]
                        + wx[1] * current[top + j, left + i + 1]
                        + wx[2] * current[top + j, left + i + 2]
                        + wx[3] * current[top + j, left + i + 3]
                    )
            # gx and gy have weighted mean 0, so the mean of the difference drops out of both sums by itself
            bx = 0.0
            by = 0.0
            for j in range(k):
                for i in range(k):
                    value = (
                        wy[0] * rows[j, i] + wy[1] * rows[j + 1, i] + wy[2] * rows[j + 2, i] + wy[3] * rows[j + 3, i]
                    )
                    e = weights[j, i] * (value - ref[j, i])
                    bx += e * gx[j, i]
                    by += e * gy[j, i]
            sx = ((hyy + lam) * bx - hxy * by) / det
            sy = ((hxx + lam) * by - hxy * bx) / det
            dx -= sx
            dy -= sy
            if not (abs(dx - start_x) < reach and abs(dy - start_y) < reach):
                lost = True
                break
            if abs(sx) < tolerance and abs(sy) < tolerance:
                break
        if lost:
            out[n, 0] = np.nan
            out[n, 1] = np.nan
        else:
            out[n, 0] = dx
            out[n, 1] = dy


@njit(cache=True, nogil=True)
def solve(matrix: F64, rhs: F64) -> bool:
    """Solve ``matrix @ x = rhs`` in place by Gaussian elimination with pivoting; False when singular.

    ``matrix`` (K, K) and ``rhs`` (K, M) are overwritten; the answer is in ``rhs``. For the handful of unknowns of the
    head fit this is far quicker than a call into LAPACK.
    """
    size = matrix.shape[0]
    columns = rhs.shape[1]
    for p in range(size):
        pivot = p
        for r in range(p + 1, size):
            if abs(matrix[r, p]) > abs(matrix[pivot, p]):
                pivot = r
        if abs(matrix[pivot, p]) < 1e-12:
            return False
        if pivot != p:
            for c in range(size):
                matrix[p, c], matrix[pivot, c] = matrix[pivot, c], matrix[p, c]
            for c in range(columns):
                rhs[p, c], rhs[pivot, c] = rhs[pivot, c], rhs[p, c]
        for r in range(p + 1, size):
            factor = matrix[r, p] / matrix[p, p]
            for c in range(p, size):
                matrix[r, c] -= factor * matrix[p, c]
            for c in range(columns):
                rhs[r, c] -= factor * rhs[p, c]
    for c in range(columns):
        for r in range(size - 1, -1, -1):
            value = rhs[r, c]
            for k in range(r + 1, size):
                value -= matrix[r, k] * rhs[k, c]
            rhs[r, c] = value / matrix[r, r]
    return True


@njit(cache=True, nogil=True)
def fit_head(basis: F64, motion: F32, trust: F32, rounds: int, cut: float, floor_px: float, residual: F32) -> float:
    """Remove the smooth motion of the head from the patch motions by a robust fit (Tukey's biweight).

    Parameters
    ----------
    basis : (N, K) float64
        Polynomial terms at the patch centers: 1, x, y (affine), and x2, xy, y2 for a turning head.
    motion : (N, 2) float32
        px; NaN patches take no part.
    trust : (N,) float32
        0 keeps a patch out of the fit (eyes, mouth, outline).
    rounds : int
        Reweighting rounds.
    cut : float
        Tukey's constant in units of the residual's robust scale; 4.685 keeps 95 % efficiency.
    floor_px : float
        px; the least scale, so that a nearly perfect fit does not throw patches out.
    residual : (N, 2) float32
        Motion left over, written for all patches (NaN stays NaN).

    Returns
    -------
    float
        Robust standard deviation per axis of the fitted patches' residual, px; NaN when there were too few.
    """
    count, terms = basis.shape
    weight = np.zeros(count)
    used = 0
    for n in range(count):
        if trust[n] > 0.0 and np.isfinite(motion[n, 0]):
            weight[n] = trust[n]
            used += 1
    if used < 3 * terms:
        residual[:, :] = np.nan
        return np.nan
    lengths = np.empty(used)
    scale = np.nan
    for _ in range(rounds):
        normal = np.zeros((terms, terms))
        rhs = np.zeros((terms, 2))
        for n in range(count):
            w = weight[n]
            if w > 0.0:
                for a in range(terms):
                    wa = w * basis[n, a]
                    rhs[a, 0] += wa * motion[n, 0]
                    rhs[a, 1] += wa * motion[n, 1]
                    for b in range(terms):
                        normal[a, b] += wa * basis[n, b]
        if not solve(normal, rhs):
            residual[:, :] = np.nan
            return np.nan
        m = 0
        for n in range(count):
            px = motion[n, 0]
            py = motion[n, 1]
            for a in range(terms):
                px -= basis[n, a] * rhs[a, 0]
                py -= basis[n, a] * rhs[a, 1]
            residual[n, 0] = px
            residual[n, 1] = py
            if trust[n] > 0.0 and np.isfinite(motion[n, 0]):
                lengths[m] = np.sqrt(px * px + py * py)
                m += 1
        scale = max(np.median(lengths[:m]) / 1.177, floor_px)  # the median of a Rayleigh length is 1.177 sigma
        for n in range(count):
            if trust[n] > 0.0 and np.isfinite(motion[n, 0]):
                u = np.sqrt(residual[n, 0] ** 2 + residual[n, 1] ** 2) / (cut * scale)
                weight[n] = trust[n] * (1.0 - u * u) ** 2 if u < 1.0 else 0.0
    return scale


@njit(cache=True, nogil=True)
def bump_amplitudes(motion: F32, weight: F32, bumps: F32, least_share: float, out: F32) -> None:
    """Height of a Gaussian bump of motion at each site, by weighted least squares over the patches.

    Parameters
    ----------
    motion : (N, 2) float32
        Patch motion; NaN patches take no part.
    weight : (N,) float32
        One over each patch's noise variance.
    bumps : (S, N) float32
        Value of each site's bump at each patch, 0-1.
    least_share : float
        Share of a site's total weight that must be present, else its height is NaN.
    out : (S, 2) float32
        Heights (x, y), in the unit of ``motion``.
    """
    sites, count = bumps.shape
    for s in range(sites):
        whole = 0.0
        present = 0.0
        ax = 0.0
        ay = 0.0
        for n in range(count):
            g = bumps[s, n]
            if g < 1e-3:
                continue
            w = weight[n] * g
            whole += w * g
            if np.isfinite(motion[n, 0]):
                present += w * g
                ax += w * motion[n, 0]
                ay += w * motion[n, 1]
        if present > least_share * whole and present > 0.0:
            out[s, 0] = ax / present
            out[s, 1] = ay / present
        else:
            out[s, 0] = np.nan
            out[s, 1] = np.nan


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
    length = taps.shape[1]
    for b in range(block):
        for c in range(filters):
            for m in range(sites):
                x = 0.0
                y = 0.0
                for i in range(length):
                    w = taps[c, i]
                    x += w * values[b + i, m, 0]
                    y += w * values[b + i, m, 1]
                out[b, c, m, 0] = x
                out[b, c, m, 1] = y


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


@njit(cache=True, nogil=True)
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
    for b in range(block):
        for c in range(filters):
            for s in range(regions):
                excess[b, c, s] = heights[b, c, s] / scale[c, s]
                total = 0.0
                for k in range(lattice):
                    share = apart[s, k]
                    if share > 0.0:
                        u = heights[b, c, regions + k] / scale[c, regions + k]
                        if np.isfinite(u):
                            total += share * u * u
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
