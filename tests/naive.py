"""The plain twins of ``detector.kernels``: written from the formulas, one thing at a time, to be read, not to be fast.

They return what the kernels write into their last arguments. Everything is float64; the kernels keep float32 pictures.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def keys_cubic(distance: float) -> float:
    """Cubic convolution with a = -1/2 (Keys 1981): the weight of a sample at this distance."""
    d = abs(distance)
    if d < 1.0:
        return 1.5 * d**3 - 2.5 * d**2 + 1.0
    if d < 2.0:
        return -0.5 * d**3 + 2.5 * d**2 - 4.0 * d + 2.0
    return 0.0


def sample_cubic(image: npt.ArrayLike, x: float, y: float) -> float:
    """Value between the pixels: every pixel within 2 px weighted by distance; the border repeats outside."""
    picture = np.asarray(image, dtype=np.float64)
    height, width = picture.shape
    total = 0.0
    for row in range(math.floor(y) - 1, math.floor(y) + 3):
        for column in range(math.floor(x) - 1, math.floor(x) + 3):
            value = picture[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
            total += keys_cubic(x - column) * keys_cubic(y - row) * value
    return total


def warp_affine(image: npt.ArrayLike, matrix: F64, shape: tuple[int, int]) -> F64:
    """Picture of ``shape`` whose pixel (x, y) is the value of ``image`` at ``matrix @ (x, y, 1)``."""
    out = np.empty(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            x, y = matrix @ np.array([column, row, 1.0])
            out[row, column] = sample_cubic(image, x, y)
    return out


def register_patches(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    centers: npt.NDArray[np.int64],
    weights: npt.ArrayLike,
    damping: float,
    rounds: int,
    tolerance: float,
    reach: float,
    start: npt.ArrayLike,
) -> tuple[F64, F64]:
    """Displacement (N, 2) of each patch, and its texture (N,).

    With weighted means removed on both sides, d is moved against the solution s of ``(H + lam I) s = sum w e grad(R)``,
    where e is the current patch at d minus the reference, until a step is small.
    """
    ref, cur = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    window = np.asarray(weights, dtype=np.float64)
    height, width = cur.shape
    half = len(window) // 2
    share = window / window.sum()
    found = np.asarray(start, dtype=np.float64).copy()
    texture = np.empty(len(centers))
    for n, (cx, cy) in enumerate(centers):
        rows, columns = slice(cy - half, cy + half + 1), slice(cx - half, cx + half + 1)
        patch = ref[rows, columns]
        along_x = 0.5 * (ref[rows, cx - half + 1 : cx + half + 2] - ref[rows, cx - half - 1 : cx + half])
        along_y = 0.5 * (ref[cy - half + 1 : cy + half + 2, columns] - ref[cy - half - 1 : cy + half, columns])
        patch = patch - (share * patch).sum()
        gradients = np.stack([along_x - (share * along_x).sum(), along_y - (share * along_y).sum()])
        hessian = np.einsum("ars,brs,rs->ab", gradients, gradients, window)
        texture[n] = np.linalg.eigvalsh(hessian)[0]
        damped = hessian + (damping * np.trace(hessian) + 1e-3 * window.sum()) * np.eye(2)
        begin = found[n].copy()
        at = begin.copy()
        for _ in range(rounds):
            left, top = cx - half + math.floor(at[0]) - 1, cy - half + math.floor(at[1]) - 1
            if left < 0 or top < 0 or left + len(window) + 3 > width or top + len(window) + 3 > height:
                at[:] = np.nan
                break
            moved = np.array(
                [
                    [sample_cubic(cur, cx - half + i + at[0], cy - half + j + at[1]) for i in range(len(window))]
                    for j in range(len(window))
                ]
            )
            error = moved - (share * moved).sum() - patch
            step = np.linalg.solve(damped, np.einsum("ars,rs,rs->a", gradients, error, window))
            at -= step
            if not (np.abs(at - begin) < reach).all():
                at[:] = np.nan
                break
            if (np.abs(step) < tolerance).all():
                break
        found[n] = at
    return found, texture


def solve(matrix: F64, rhs: F64) -> F64 | None:
    """The answer of ``matrix @ x = rhs``; None when a row is a sum of others."""
    if np.linalg.matrix_rank(matrix) < len(matrix):
        return None
    return np.linalg.solve(matrix, rhs)


def fit_head(
    basis: F64, motion: npt.ArrayLike, trust: npt.ArrayLike, rounds: int, cut: float, floor_px: float
) -> tuple[F64, float]:
    """Motion left over (N, 2) and its robust standard deviation per axis."""
    moved, trusted = np.asarray(motion, dtype=np.float64), np.asarray(trust, dtype=np.float64)
    nothing = np.full_like(moved, np.nan)
    usable = (trusted > 0.0) & np.isfinite(moved[:, 0])
    if usable.sum() < 3 * basis.shape[1]:
        return nothing, math.nan
    weight = np.where(usable, trusted, 0.0)
    left, scale = nothing, math.nan
    for _ in range(rounds):
        root = np.sqrt(weight[usable])[:, None]
        terms, _, rank, _ = np.linalg.lstsq(basis[usable] * root, moved[usable] * root, rcond=None)
        if rank < basis.shape[1]:
            return nothing, math.nan
        left = moved - basis @ terms
        length = np.hypot(left[:, 0], left[:, 1])
        scale = max(float(np.median(length[usable])) / 1.177, floor_px)
        u = length / (cut * scale)
        weight = np.where(usable & (u < 1.0), trusted * (1.0 - np.where(usable, u, 0.0) ** 2) ** 2, 0.0)
    return left, scale


def bump_amplitudes(motion: npt.ArrayLike, weight: npt.ArrayLike, bumps: npt.ArrayLike, least_share: float) -> F64:
    """Heights (S, 2): the a that makes ``sum weight (motion - a bump)^2`` least, site by site and axis by axis."""
    moved, trusted = np.asarray(motion, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    heights = []
    for site in np.asarray(bumps, dtype=np.float64):
        shape = np.where(site < np.float32(1e-3), 0.0, site)
        seen = np.isfinite(moved[:, 0])
        whole = (trusted * shape**2).sum()
        present = (trusted * shape**2)[seen].sum()
        if present > 0.0 and present > least_share * whole:
            heights.append(((trusted * shape)[seen, None] * moved[seen]).sum(axis=0) / present)
        else:
            heights.append(np.full(2, np.nan))
    return np.array(heights)


def filter_block(values: npt.ArrayLike, taps: F64, count: int) -> F64:
    """(count, C, M, 2): each filter laid over the record from row 0, 1, ... on."""
    record = np.asarray(values, dtype=np.float64)
    length = taps.shape[1]
    return np.array(
        [[np.tensordot(filter_, record[row : row + length], axes=1) for filter_ in taps] for row in range(count)]
    )


def rounded_lengths(filtered: npt.ArrayLike, shape: npt.ArrayLike) -> F64:
    """(B, C, S) lengths of ``shape[s] @ filtered[b, c, s]``."""
    heights, matrices = np.asarray(filtered, dtype=np.float64), np.asarray(shape, dtype=np.float64)
    return np.linalg.norm(np.einsum("sij,bcsj->bcsi", matrices, heights), axis=-1)


def score_block(heights: npt.ArrayLike, scale: npt.ArrayLike, apart: npt.ArrayLike) -> tuple[F64, F64]:
    """Excess and activity elsewhere, both (B, C, S)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        over_noise = np.asarray(heights, dtype=np.float64) / np.asarray(scale, dtype=np.float64)
    shares = np.asarray(apart, dtype=np.float64)
    regions = len(shares)
    excess, lattice = over_noise[..., :regions], over_noise[..., regions:]
    squares = np.where(np.isfinite(lattice), lattice, 0.0) ** 2
    return excess, np.sqrt(np.einsum("bck,sk->bcs", squares, shares) / 2.0)


def find_peaks(score: npt.ArrayLike, radius: int, least: float, first: int, last: int) -> list[int]:
    """Rows that are at least ``least``, above all ``radius`` rows before and not below the ``radius`` rows after."""
    values = np.asarray(score, dtype=np.float64)
    found = []
    for row in range(first, last):
        before = values[max(row - radius, 0) : row]
        after = values[row + 1 : row + radius + 1]
        enough = values[row] >= least
        if enough and not (before >= values[row]).any() and not (after > values[row]).any():
            found.append(row)
    return found
