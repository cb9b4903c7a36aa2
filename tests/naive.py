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


def gray_means(image: npt.ArrayLike, shrink: int) -> F64:
    """Luma of ITU-R BT.601, averaged over whole squares."""
    luma = np.asarray(image, dtype=np.float64) @ np.array([0.114, 0.587, 0.299])
    rows, columns = luma.shape[0] // shrink, luma.shape[1] // shrink
    return np.array(
        [
            [luma[r * shrink : (r + 1) * shrink, c * shrink : (c + 1) * shrink].mean() for c in range(columns)]
            for r in range(rows)
        ]
    )


def luma_and_detail(image: npt.ArrayLike) -> tuple[float, float]:
    """Mean, and mean absolute difference along the rows."""
    picture = np.asarray(image, dtype=np.float64)
    return float(picture.mean()), float(np.abs(picture[:, 1:] - picture[:, :-1]).mean())


def fit_affine(source: F64, target: F64, rounds: int, cut: float, floor_px: float) -> F64:
    """(2, 3) by reweighted least squares."""
    design = np.column_stack([source, np.ones(len(source))])
    weight = np.ones(len(source))
    terms = np.zeros((3, 2))
    for _ in range(rounds):
        root = np.sqrt(weight)[:, None]
        terms = np.linalg.lstsq(design * root, target * root, rcond=None)[0]
        miss = np.linalg.norm(target - design @ terms, axis=1)
        u = miss / (cut * max(float(np.median(miss)) / 1.177, floor_px))
        weight = np.where(u < 1.0, (1.0 - u**2) ** 2, 0.0)
    return terms.T


def fit_rotation(source: F64, target: F64, rounds: int, cut: float) -> F64:
    """(2, 2) rotation of the best similarity by singular values (Umeyama 1991), reweighted."""
    weight = np.ones(len(source))
    rotation = np.eye(2)
    for _ in range(rounds):
        a = source - weight @ source / weight.sum()
        b = target - weight @ target / weight.sum()
        u, s, vt = np.linalg.svd((b * weight[:, None]).T @ a)
        sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u * sign) @ vt
        scale = (s * sign).sum() / (weight @ (a**2).sum(axis=1))
        miss = np.linalg.norm(b - scale * a @ rotation.T, axis=1)
        v = miss / max(cut * float(np.median(miss)), 1e-6)
        weight = np.where(v < 1.0, (1.0 - v**2) ** 2, 0.0)
    return rotation


def unlikeness(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    places: npt.NDArray[np.int64],
    taps: npt.ArrayLike,
    shifts: npt.NDArray[np.int64],
    flat: float,
) -> F64:
    """Least, over the shifts, of the variance of the difference over the sum of both, in a window at each place."""
    new, old = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    height, width = new.shape
    row = np.asarray(taps, dtype=np.float64)
    window, reach = np.outer(row, row), len(row) // 2

    def variance(picture: F64, x: int, y: int) -> float:
        seen = np.pad(picture, reach, mode="reflect")[y : y + len(row), x : x + len(row)]
        return float((window * seen**2).sum() - (window * seen).sum() ** 2)

    def moved(down: int, right: int) -> F64:
        rows, columns = np.arange(height) + down, np.arange(width) + right
        return old[np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))]

    least = np.full(len(places), np.inf)
    for down in shifts:
        for right in shifts:
            apart = new - moved(down, right)
            for n, (x, y) in enumerate(places):
                there = variance(old, min(max(x + right, 0), width - 1), min(max(y + down, 0), height - 1))
                unlike = variance(apart, x, y) / (variance(new, x, y) + there + 2.0 * flat)
                least[n] = min(least[n], unlike)
    return least


def start_from(coarse: npt.ArrayLike, nearest: npt.NDArray[np.intp], least: float, times: float) -> F64:
    """The motion of the nearest coarse patch, or none."""
    known = np.nan_to_num(np.asarray(coarse, dtype=np.float64))
    known[np.linalg.norm(known, axis=1) < least] = 0.0
    return times * known[nearest]


def trust_by_texture(trust: npt.ArrayLike, texture: npt.ArrayLike) -> F64:
    """Trust times usable / (usable + middle)."""
    trusted, usable = np.asarray(trust, dtype=np.float64), np.maximum(np.asarray(texture, dtype=np.float64), 0.0)
    return trusted * usable / (usable + float(np.median(usable[trusted > 0.0])) + 1e-6)


def bump_shapes(centers: F64, patches: F64, sigma: float) -> F64:
    """Gaussian of the distance."""
    apart = np.linalg.norm(patches[None] - centers[:, None], axis=-1)
    return np.exp(-0.5 * (apart / sigma) ** 2)


def learn_steps(step: npt.ArrayLike, share: float, clip: float, change: F64, seen: F64) -> tuple[F64, F64]:
    """Mean absolute step and count, one more step in."""
    new = np.abs(np.asarray(step, dtype=np.float64)).mean(axis=1)
    known = np.isfinite(new)
    count = seen + known
    new = np.where(count > 5, np.minimum(new, clip * change), new)
    part = np.maximum(1.0 / np.maximum(count, 1.0), share)
    return np.where(known, (1.0 - part) * change + part * new, change), count


def noise_weights(change: F64, seen: F64) -> F64:
    """One over the variance of each patch."""
    known = seen > 3
    if not known.any():
        return np.ones(len(change))
    usual = float(np.median(change[known]))
    noise = np.where(known, np.maximum(change, 0.2 * usual), 3.0 * usual)
    return 1.0 / np.maximum(noise, 1e-4) ** 2


def bump_directions(filtered: npt.ArrayLike) -> F64:
    """(S, 2) mean of cos and sin of twice the angle of each height."""
    heights = np.asarray(filtered, dtype=np.float64)
    turned = 2.0 * np.arctan2(heights[..., 1], heights[..., 0])
    return np.stack([np.cos(turned), np.sin(turned)], axis=-1).mean(axis=0)


def over_noise(heights: npt.ArrayLike, scale: npt.ArrayLike) -> F64:
    """Quotients that are numbers, of float32."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient = np.asarray(heights, dtype=np.float64) / np.asarray(scale, dtype=np.float64)
    return np.nan_to_num(quotient, posinf=float(np.finfo(np.float32).max))


def score_areas(excess: npt.ArrayLike, strong: list[list[list[int]]], quiet: list[list[list[int]]]) -> tuple[F64, F64]:
    """Strength and activity elsewhere of each pattern, both (B, C, P)."""
    heights = np.asarray(excess, dtype=np.float64)
    strength = [np.min([heights[..., area].max(axis=-1) for area in areas], axis=0) for areas in strong]
    around = [np.sqrt(0.5 * np.mean([(heights[..., part] ** 2).mean(axis=-1) for part in q], axis=0)) for q in quiet]
    return np.stack(strength, axis=-1), np.stack(around, axis=-1)


def busiest(around: npt.ArrayLike, first: int, before: int, after: int, count: int) -> F64:
    """(count, C, K) highest of the rows about each, at least 1."""
    rows = np.asarray(around, dtype=np.float64)
    near = [rows[max(row - before, 0) : row + after + 1] for row in range(first, first + count)]
    return np.array([np.maximum(part.max(axis=0), 1.0) for part in near])


def best_courses(
    excess: npt.ArrayLike, busy: npt.ArrayLike, filtered: npt.ArrayLike, usual: float, gain: float, regions: int
) -> tuple[F64, F64, F64]:
    """Highest ratio (B, K); over noise (B, R) and height (B, R, 2) of the course that has it."""
    heights, read = np.asarray(excess, dtype=np.float64), np.asarray(filtered, dtype=np.float64)
    ratio = usual * heights / np.asarray(busy, dtype=np.float64)
    best = ratio.argmax(axis=1)[:, None, :regions]
    own = np.take_along_axis(heights[:, :, :regions], best, axis=1)[:, 0]
    height = np.take_along_axis(read[:, :, :regions], best[..., None], axis=1)[:, 0] / gain
    return ratio.max(axis=1), own, height


def needed_heights(height: npt.ArrayLike, shape: npt.ArrayLike, pull: F64, reach: npt.ArrayLike) -> F64:
    """(B, R) the a >= 0 with ``|shape @ height + a pull| = reach``, by the quadratic's formula."""
    reached, matrices = np.asarray(reach, dtype=np.float64), np.asarray(shape, dtype=np.float64)
    out = np.zeros_like(reached)
    for b, r in np.ndindex(out.shape):
        start = matrices[r] @ np.asarray(height, dtype=np.float64)[b, r]
        a, half_b, c = pull[r] @ pull[r], start @ pull[r], start @ start - reached[b, r] ** 2
        out[b, r] = max((-half_b + math.sqrt(max(half_b**2 - a * c, 0.0))) / a, 0.0)
    return out
