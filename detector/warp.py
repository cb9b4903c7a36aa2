"""The picture in which the skin has moved: arrays in, arrays out.

The picture is warped backwards through the exact inverse of the displacement field, so that a point of the skin really
moves by the field, and sampled with double-precision cubic splines: the 1/32 px steps of the usual remapping would
themselves be a signal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.errors import UsageError

Array = npt.NDArray[np.float64]

_FLAT, _EDGE = 3.0, 4.0  # a bump is untouched to 3 radii and led to exactly zero at 4
_LIMIT = 0.95  # of the slope; at 1 the skin folds
_STEEPEST = math.exp(-0.5)  # steepest slope of a bump, in heights per radius; a sum of 1 would fold the skin


@dataclass(frozen=True, slots=True)
class Bump:
    """A displacement field: ``(dx, dy) * exp(-|p - c|^2 / 2 radius^2)``; everything in px, y down."""

    x: float
    y: float
    dx: float
    dy: float
    radius: float

    def times(self, factor: float) -> Bump:
        return Bump(self.x, self.y, self.dx * factor, self.dy * factor, self.radius)


def displacement(bumps: Sequence[Bump], x: Array, y: Array) -> tuple[Array, Array]:
    """How far the skin at rest position ``(x, y)`` is moved, px; exactly zero beyond four radii of every bump."""
    u, v = np.zeros_like(x), np.zeros_like(y)
    for bump in bumps:
        r2 = ((x - bump.x) ** 2 + (y - bump.y) ** 2) / bump.radius**2
        edge = np.clip((_EDGE - np.sqrt(r2)) / (_EDGE - _FLAT), 0.0, 1.0)
        weight = np.exp(-0.5 * r2) * (edge * edge * (3.0 - 2.0 * edge))
        u += bump.dx * weight
        v += bump.dy * weight
    return u, v


def rest_position(bumps: Sequence[Bump], x: Array, y: Array, tolerance_px: float = 1e-4) -> tuple[Array, Array]:
    """Where the skin now seen at ``(x, y)`` lies at rest: the inverse of the field, by fixed point.

    The iteration shrinks the error by the field's steepest slope each round, which must be under 1 (no folding).
    """
    slope = sum(math.hypot(b.dx, b.dy) * _STEEPEST / b.radius for b in bumps)
    if slope >= _LIMIT and len(bumps) > 1:
        slope = _steepest(bumps)  # the sum holds where all are steepest at one place, which bumps far apart never are
    if slope >= _LIMIT:
        raise UsageError("The twitch is too high for its width, the skin would fold: choose a smaller size.")
    rest_x, rest_y = x, y
    for _ in range(200):
        u, v = displacement(bumps, rest_x, rest_y)
        next_x, next_y = x - u, y - v
        change = max(float(np.abs(next_x - rest_x).max(initial=0)), float(np.abs(next_y - rest_y).max(initial=0)))
        rest_x, rest_y = next_x, next_y
        if change <= tolerance_px * (1.0 - slope):
            break
    return rest_x, rest_y


def _steepest(bumps: Sequence[Bump]) -> float:
    """Steepest slope of the sum of the fields: the largest singular value of its gradient anywhere."""
    left, top, right, bottom = warp_reach(bumps)
    step = min(b.radius for b in bumps) / 6.0  # the slope of a bump bends over about a radius
    across, down = (max(3, math.ceil(n / step) + 1) for n in (right - left, bottom - top))
    y, x = np.meshgrid(np.linspace(top, bottom, down), np.linspace(left, right, across), indexing="ij")
    eps = 0.01 * step
    ux, vx = _difference(bumps, x, y, eps, 0.0)
    uy, vy = _difference(bumps, x, y, 0.0, eps)
    square, det = ux**2 + uy**2 + vx**2 + vy**2, ux * vy - uy * vx
    largest = 0.5 * (square + np.sqrt(np.maximum(square**2 - 4.0 * det**2, 0.0)))
    return 1.02 * float(np.sqrt(largest.max()))  # the grid may miss the very steepest place by that


def _difference(bumps: Sequence[Bump], x: Array, y: Array, ex: float, ey: float) -> tuple[Array, Array]:
    """Change of the sum of the fields per px, along the step ``(ex, ey)``."""
    u0, v0 = displacement(bumps, x - ex, y - ey)
    u1, v1 = displacement(bumps, x + ex, y + ey)
    return (u1 - u0) / (2.0 * (ex + ey)), (v1 - v0) / (2.0 * (ex + ey))


def warp_reach(bumps: Sequence[Bump]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the fields can move, px; an empty box when there are none."""
    reach = [_EDGE * b.radius + math.hypot(b.dx, b.dy) for b in bumps]
    return (
        min((b.x - r for b, r in zip(bumps, reach, strict=True)), default=math.inf),
        min((b.y - r for b, r in zip(bumps, reach, strict=True)), default=math.inf),
        max((b.x + r for b, r in zip(bumps, reach, strict=True)), default=-math.inf),
        max((b.y + r for b, r in zip(bumps, reach, strict=True)), default=-math.inf),
    )


def warp_picture(picture: npt.NDArray[np.uint8], exposures: Sequence[Sequence[Bump]]) -> npt.NDArray[np.uint8]:
    """The picture with its skin moved, averaged over the exposure.

    Parameters
    ----------
    picture : uint8 (H, W, 3)
        Skin at rest. Not changed.
    exposures : sequence of sequences of Bump
        The fields at each moment of the exposure.

    Returns
    -------
    uint8 (H, W, 3)
        A new array; bit-identical to ``picture`` farther than four radii from every bump. Inside, interpolation takes
        a little of the finest noise away, as any warp of recorded footage must.
    """
    from detector.spline import coefficients, sample

    out = picture.copy()
    bumps = [bump for moment in exposures for bump in moment if bump.dx or bump.dy]
    if not bumps:
        return out
    height, width = picture.shape[:2]
    reach = warp_reach(bumps)
    left, top = max(0, math.floor(reach[0])), max(0, math.floor(reach[1]))
    right, bottom = min(width, math.ceil(reach[2]) + 1), min(height, math.ceil(reach[3]) + 1)
    if left >= right or top >= bottom:
        return out
    # The spline's memory fades by 0.27 per px: 14 px of margin leave less than 1e-7 of a step at its border.
    x0, x1, y0, y1 = max(0, left - 14), min(width, right + 14), max(0, top - 14), min(height, bottom + 14)
    spline = coefficients(picture[y0:y1, x0:x1])
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    total = np.zeros((bottom - top, right - left, 3))
    moved = np.zeros(x.shape, dtype=bool)
    for moment in exposures:
        rest_x, rest_y = rest_position(moment, x, y)
        moved |= (rest_x != x) | (rest_y != y)
        total += sample(spline, rest_x - x0, rest_y - y0)
    mean = np.clip(np.rint(total / len(exposures)), 0, 255).astype(np.uint8)
    region = out[top:bottom, left:right]
    region[moved] = mean[moved]
    return out
