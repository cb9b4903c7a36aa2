"""Heights of bumps of motion and the noise of patches, for the numba core."""

from __future__ import annotations

import numpy as np
from numba import njit

from detector.kernels import F32, F64


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
def bump_shapes(centers: F64, patches: F64, sigma: float, out: F32) -> None:
    """Value of a Gaussian bump at each patch, 0-1.

    Parameters
    ----------
    centers, patches : (S, 2), (N, 2) float64
        mm.
    sigma : float
        mm; standard deviation of the bumps.
    out : (S, N) float32
    """
    for s in range(len(centers)):
        for n in range(len(patches)):
            x, y = patches[n, 0] - centers[s, 0], patches[n, 1] - centers[s, 1]
            out[s, n] = np.exp(-(x * x + y * y) / (2.0 * sigma * sigma))


@njit(cache=True, nogil=True)
def learn_steps(step: F32, share: float, clip: float, change: F64, seen: F64) -> None:
    """Go on with the mean absolute step of each patch, in place.

    Parameters
    ----------
    step : (N, 2) float32
        px; NaN patches keep what they have.
    share : float
        Of the new step in the mean, once more than one over it were seen: until then all count alike.
    clip : float
        A step counts as so many mean steps at most, once six were seen.
    change : (N,) float64
        Mean over both axes, px.
    seen : (N,) float64
        Steps so far.
    """
    for n in range(len(change)):
        new = 0.5 * (abs(step[n, 0]) + abs(step[n, 1]))
        if not np.isfinite(new):
            continue
        seen[n] += 1.0
        if seen[n] > 5.0:
            new = min(new, clip * change[n])
        part = max(1.0 / seen[n], share)
        change[n] = (1.0 - part) * change[n] + part * new


@njit(cache=True, nogil=True)
def noise_weights(change: F64, seen: F64, out: F32) -> None:
    """One over the noise variance of each patch, from :func:`learn_steps`; all alike until there is something to go by.

    A patch not known yet counts as three times as noisy as the middle one, and none as less than a fifth of it.
    """
    known = seen > 3.0
    usual = np.median(change[known]) if known.any() else np.nan
    for n in range(len(out)):
        noise = max(change[n], 0.2 * usual) if known[n] else 3.0 * usual
        out[n] = 1.0 / max(noise, 1e-4) ** 2 if np.isfinite(usual) else 1.0
