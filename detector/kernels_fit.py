"""Robust fits for the numba core: how the head turned, and what of the motion is its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.kernels import F32, F64


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
        if not abs(matrix[pivot, p]) >= 1e-12:  # NaN too
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
def fit_affine(source: F64, target: F64, rounds: int, cut: float, floor_px: float, out: F64) -> bool:
    """The affine that takes ``source`` to ``target``, by a robust fit (Tukey's biweight).

    Parameters
    ----------
    source, target : (N, 2) float64
        px; at least three points that do not lie on a line.
    rounds : int
        Reweighting rounds.
    cut, floor_px : float
        As of :func:`fit_head`.
    out : (2, 3) float64
        Written in place.

    Returns
    -------
    bool
        False when the points do not tell; ``out`` is then of no use.
    """
    count = len(source)
    weight = np.ones(count)
    miss = np.empty(count)
    for _ in range(rounds):
        normal = np.zeros((3, 3))
        rhs = np.zeros((3, 2))
        for n in range(count):
            w = weight[n]
            if w > 0.0:
                x, y = source[n, 0], source[n, 1]
                normal[0, 0] += w
                normal[0, 1] += w * x
                normal[0, 2] += w * y
                normal[1, 1] += w * x * x
                normal[1, 2] += w * x * y
                normal[2, 2] += w * y * y
                for c in range(2):
                    rhs[0, c] += w * target[n, c]
                    rhs[1, c] += w * x * target[n, c]
                    rhs[2, c] += w * y * target[n, c]
        normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
        if not solve(normal, rhs):
            return False
        for n in range(count):
            x, y = source[n, 0], source[n, 1]
            off_x = target[n, 0] - (rhs[0, 0] + rhs[1, 0] * x + rhs[2, 0] * y)
            off_y = target[n, 1] - (rhs[0, 1] + rhs[1, 1] * x + rhs[2, 1] * y)
            miss[n] = np.sqrt(off_x * off_x + off_y * off_y)
        widest = cut * max(np.median(miss) / 1.177, floor_px)
        for n in range(count):
            u = miss[n] / widest
            weight[n] = (1.0 - u * u) ** 2 if u < 1.0 else 0.0
    for c in range(2):
        out[c, 0], out[c, 1], out[c, 2] = rhs[1, c], rhs[2, c], rhs[0, c]
    return True


@njit(cache=True, nogil=True)
def fit_rotation(source: F64, target: F64, rounds: int, cut: float) -> tuple[float, float]:
    """Cosine and sine of the turn of the similarity that takes ``source`` to ``target``, by a robust fit.

    Least squares in closed form (Umeyama 1991, in the plane), reweighted by Tukey's biweight.

    Parameters
    ----------
    source, target : (N, 2) float64
        In any two units.
    rounds : int
        Fits, the first of them with all points alike.
    cut : float
        Points farther off than this many median distances count for nothing.
    """
    count = len(source)
    weight = np.ones(count)
    miss = np.empty(count)
    cosine, sine = 1.0, 0.0
    for _ in range(rounds):
        total = sx = sy = tx = ty = 0.0
        for n in range(count):
            w = weight[n]
            total += w
            sx += w * source[n, 0]
            sy += w * source[n, 1]
            tx += w * target[n, 0]
            ty += w * target[n, 1]
        if not total > 0.0:
            break
        sx, sy, tx, ty = sx / total, sy / total, tx / total, ty / total
        along = across = spread = 0.0
        for n in range(count):
            w = weight[n]
            ax, ay = source[n, 0] - sx, source[n, 1] - sy
            bx, by = target[n, 0] - tx, target[n, 1] - ty
            along += w * (ax * bx + ay * by)
            across += w * (ax * by - ay * bx)
            spread += w * (ax * ax + ay * ay)
        if not 0.0 < spread < np.inf:  # all points are one, or one of them is unknown: there is no turn to be told
            break
        size = max(np.sqrt(along * along + across * across), 1e-12)
        cosine, sine = along / size, across / size
        scale = size / spread
        for n in range(count):
            ax, ay = source[n, 0] - sx, source[n, 1] - sy
            off_x = target[n, 0] - tx - scale * (cosine * ax - sine * ay)
            off_y = target[n, 1] - ty - scale * (sine * ax + cosine * ay)
            miss[n] = np.sqrt(off_x * off_x + off_y * off_y)
        widest = max(cut * np.median(miss), 1e-6)
        for n in range(count):
            u = miss[n] / widest
            weight[n] = (1.0 - u * u) ** 2 if u < 1.0 else 0.0
    return cosine, sine


@njit(cache=True, nogil=True)
def trust_by_texture(trust: F32, texture: F32, out: F32) -> None:
    """Trust in each patch for the fit of the head: one without texture says little.

    Parameters
    ----------
    trust, texture : (N,) float32
        As of :func:`fit_head` and :func:`~detector.kernels_patches.register_patches`.
    out : (N,) float32
        Half the trust where a patch has the texture of the middle one of those trusted at all.
    """
    middle = np.median(np.maximum(texture[trust > 0.0], np.float32(0.0)))
    for n in range(len(trust)):
        usable = max(texture[n], np.float32(0.0))
        out[n] = trust[n] * usable / (usable + middle + 1e-6)


@njit(cache=True, nogil=True)
def median_length(motion: F32) -> float:
    """Median length of the rows (N, 2) that are finite; infinite when none is."""
    lengths = np.empty(len(motion), np.float32)
    count = 0
    for n in range(len(motion)):
        length = np.hypot(motion[n, 0], motion[n, 1])
        if np.isfinite(length):
            lengths[count] = length
            count += 1
    return float(np.median(lengths[:count])) if count else np.inf


@njit(cache=True, nogil=True)
def start_from(coarse: F32, nearest: npt.NDArray[np.intp], least: float, times: float, out: F32) -> None:
    """Where finer patches begin their search: at the motion of the nearest coarse one.

    Parameters
    ----------
    coarse : (M, 2) float32
        Motion; NaN counts as none, and so does less than ``least``.
    nearest : (N,) int
        The coarse patch of each finer one.
    times : float
        How many px of the finer picture make one of the coarse.
    out : (N, 2) float32
    """
    for n in range(len(nearest)):
        x, y = coarse[nearest[n], 0], coarse[nearest[n], 1]
        known = np.isfinite(x) and np.isfinite(y) and np.hypot(x, y) >= least
        out[n, 0] = x * times if known else 0.0
        out[n, 1] = y * times if known else 0.0
