"""Registration of patches for the numba core."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.kernels import F32

# Rows of the window are filled up to a multiple of this with weight 0: a count known beforehand lets the compiler take
# eight or sixteen pixels at once.
LANES = 16
# Sums may be taken in any order and products joined with them. NaN never comes here: pictures have none. A function
# with such sums is always inlined: of one that is called, every caller keeps a copy that was compiled anew and may take
# its sums in another order, so that a run that compiles would read otherwise than one that loads from the cache.
_SUMS = {"contract", "reassoc", "nsz"}
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)  # without a sign, or every index would be checked for one


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
        Contiguous and of one size.
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
    height, width = current.shape
    stride = np.uint64(width)
    padded = (k + LANES - 1) // LANES * LANES
    window = np.zeros((k, padded), np.float32)
    total = 0.0
    for j in range(k):
        for i in range(k):
            window[j, i] = weights[j, i]
            total += weights[j, i]
    # weight 0 is read past the window, which must not be past the end of the picture
    spare = padded - k + 3
    flat_reference = _with_room(reference, spare)
    flat_current = _with_room(current, spare)
    for n in range(centers.shape[0]):
        left, top = centers[n, 0] - half, centers[n, 1] - half
        p = np.uint64(top * width + left)
        ax, ay, axx, axy, ayy = _gradient_sums(flat_reference, p, stride, window)
        # differences of two pixels are twice the gradient; means are taken off by way of the sums
        mean_x, mean_y = 0.5 * ax / total, 0.5 * ay / total
        hxx = 0.25 * axx - mean_x * mean_x * total
        hxy = 0.25 * axy - mean_x * mean_y * total
        hyy = 0.25 * ayy - mean_y * mean_y * total
        trace = hxx + hyy
        texture[n] = 0.5 * trace - np.sqrt(0.25 * (hxx - hyy) ** 2 + hxy * hxy)
        lam = damping * trace + 1e-3 * total
        det = (hxx + lam) * (hyy + lam) - hxy * hxy
        start_x, start_y = out[n, 0], out[n, 1]
        dx, dy = float(start_x), float(start_y)
        lost = False
        for _ in range(rounds):
            fx, fy = np.floor(dx), np.floor(dy)
            x, y = left + int(fx) - 1, top + int(fy) - 1
            if x < 0 or y < 0 or x + k + 3 > width or y + k + 3 > height:
                lost = True
                break
            ux = _cubic_weights(np.float32(dx - fx))
            uy = _cubic_weights(np.float32(dy - fy))
            bare, along_x, along_y = _difference_sums(
                flat_reference, p, flat_current, np.uint64(y * width + x), stride, window, ux, uy
            )
            bx, by = 0.5 * along_x - mean_x * bare, 0.5 * along_y - mean_y * bare
            sx = ((hyy + lam) * bx - hxy * by) / det
            sy = ((hxx + lam) * by - hxy * bx) / det
            dx -= sx
            dy -= sy
            if not (abs(dx - start_x) < reach and abs(dy - start_y) < reach):
                lost = True
                break
            if abs(sx) < tolerance and abs(sy) < tolerance:
                break
        out[n, 0] = np.nan if lost else dx
        out[n, 1] = np.nan if lost else dy


@njit(cache=True, nogil=True)
def _with_room(picture: F32, spare: int) -> F32:
    """The pixels row after row, and some zeros."""
    room = np.zeros(picture.size + spare, np.float32)
    room[: picture.size] = picture.ravel()
    return room


@njit(cache=True, nogil=True, forceinline=True, fastmath=_SUMS)
def _gradient_sums(
    picture: F32, p: np.uint64, stride: np.uint64, window: F32
) -> tuple[float, float, float, float, float]:
    """Weighted sums of the differences a (right - left) and b (below - above), of a * a, a * b and b * b."""
    ax = ay = axx = axy = ayy = np.float32(0.0)
    for j in range(window.shape[0]):
        for first in range(0, window.shape[1], LANES):
            here = p + np.uint64(j) * stride + np.uint64(first)
            above, below = here - stride, here + stride
            for i in range(LANES):
                c = np.uint64(i)
                a = picture[here + c + _ONE] - picture[here + c - _ONE]
                b = picture[below + c] - picture[above + c]
                wa = window[j, first + i] * a
                wb = window[j, first + i] * b
                ax += wa
                ay += wb
                axx += wa * a
                axy += wa * b
                ayy += wb * b
    return float(ax), float(ay), float(axx), float(axy), float(ayy)


@njit(cache=True, nogil=True, forceinline=True, fastmath=_SUMS)
def _difference_sums(
    reference: F32,
    p: np.uint64,
    current: F32,
    q: np.uint64,
    stride: np.uint64,
    window: F32,
    ux: tuple[np.float32, np.float32, np.float32, np.float32],
    uy: tuple[np.float32, np.float32, np.float32, np.float32],
) -> tuple[float, float, float]:
    """Weighted sums of the difference of the pictures, and of it times those of :func:`_gradient_sums`."""
    x0, x1, x2, x3 = ux
    y0, y1, y2, y3 = uy
    bare = along_x = along_y = np.float32(0.0)
    for j in range(window.shape[0]):
        for first in range(0, window.shape[1], LANES):
            here = p + np.uint64(j) * stride + np.uint64(first)
            above, below = here - stride, here + stride
            a = q + np.uint64(j) * stride + np.uint64(first)
            b = a + stride
            d = b + stride
            e = d + stride
            for i in range(LANES):
                c = np.uint64(i)
                value = y0 * (
                    x0 * current[a + c]
                    + x1 * current[a + c + _ONE]
                    + x2 * current[a + c + _TWO]
                    + x3 * current[a + c + _THREE]
                )
                value += y1 * (
                    x0 * current[b + c]
                    + x1 * current[b + c + _ONE]
                    + x2 * current[b + c + _TWO]
                    + x3 * current[b + c + _THREE]
                )
                value += y2 * (
                    x0 * current[d + c]
                    + x1 * current[d + c + _ONE]
                    + x2 * current[d + c + _TWO]
                    + x3 * current[d + c + _THREE]
                )
                value += y3 * (
                    x0 * current[e + c]
                    + x1 * current[e + c + _ONE]
                    + x2 * current[e + c + _TWO]
                    + x3 * current[e + c + _THREE]
                )
                apart = window[j, first + i] * (value - reference[here + c])
                bare += apart
                along_x += apart * (reference[here + c + _ONE] - reference[here + c - _ONE])
                along_y += apart * (reference[below + c] - reference[above + c])
    return float(bare), float(along_x), float(along_y)


@njit(cache=True, nogil=True)
def _cubic_weights(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    half = np.float32(0.5)
    t2 = t * t
    t3 = t2 * t
    return (
        t2 - half * (t3 + t),
        np.float32(1.5) * t3 - np.float32(2.5) * t2 + np.float32(1.0),
        np.float32(2.0) * t2 - np.float32(1.5) * t3 + half * t,
        half * (t3 - t2),
    )
