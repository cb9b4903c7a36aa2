"""Patch steps of a stretch of video -> how far the skin was from its own rest, at every place and time, in mm.

The same measurement that detection rests on (``registration``), but nothing that was decided: what is enlarged in a
magnified replay knows neither thresholds nor twitches. Quick motion only: what the skin does within about half a
second; slower drift, breath and what is left of the head's motion are taken out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.grid import COURSES_S, RATE_HZ, pulse
from detector.motion import BUMP_MM
from detector.types import FloatArray

F64 = npt.NDArray[np.float64]

# The part of the face that a magnified replay shows, mm from the middle of the eyes (x right, y down): from the lower
# lids to the upper lip, a square.
LEFT_MM, TOP_MM, SIZE_MM = -36.0, -12.0, 72.0
NODE_MM = 4.0  # as far apart as the patches; the field is smooth over that distance
SMOOTH_MM = 4.0  # SD over which patches are averaged; 3 mm gave the same height over noise, 6 mm a fifth less
# SD of the running mean that is rest: half of a 1.6 Hz motion is left, nine tenths at 2.8 Hz. From 0.08 to 0.22 s the
# height of injected twitches over the noise changes by less than a fifth. A running median would keep slow twitches
# whole, but brought no more height over noise.
REST_S = 0.12
GAP_S = 0.25  # without a picture for so long, rest is learned anew
QUIETER = 0.3  # a patch does not count as less noisy than this share of the usual, or codecs that skip blocks win
LEAST_WEIGHT = 0.05  # of what patches usually say at a node; under it nothing is known there


@dataclass(frozen=True, slots=True)
class SkinMotion:
    """Displacement from rest on a lattice over the face."""

    t_s: F64  # (T,) increasing
    moved_mm: FloatArray  # (T, n, n, 2) x right, y down, in the head's frame; 0 where nothing is known

    def at(self, t_s: float) -> FloatArray:
        """(n, n, 2) mm, between two measurements in proportion; 0 outside and in gaps."""
        k = int(np.searchsorted(self.t_s, t_s - 1e-9))
        if k < len(self.t_s) and abs(self.t_s[k] - t_s) < 1e-6:
            return self.moved_mm[k]
        if not 0 < k < len(self.t_s) or self.t_s[k] - self.t_s[k - 1] > GAP_S:
            return np.zeros_like(self.moved_mm[0])
        share = np.float32((t_s - self.t_s[k - 1]) / (self.t_s[k] - self.t_s[k - 1]))
        return (1 - share) * self.moved_mm[k - 1] + share * self.moved_mm[k]

    def lengths_at(self, places_mm: npt.ArrayLike) -> FloatArray:
        """(T, S) mm, how far each place (S, 2) is from rest; the nearest edge stands for places outside."""
        steps = self.moved_mm.shape[1] - 1
        place = (np.asarray(places_mm, dtype=np.float64) - (LEFT_MM, TOP_MM)) / NODE_MM
        cell = np.clip(np.floor(place).astype(int), 0, steps - 1)
        x, y = np.clip(place - cell, 0.0, 1.0).T.astype(np.float32)[:, None, :, None]
        column, row = cell.T
        upper = (1 - x) * self.moved_mm[:, row, column] + x * self.moved_mm[:, row, column + 1]
        lower = (1 - x) * self.moved_mm[:, row + 1, column] + x * self.moved_mm[:, row + 1, column + 1]
        moved = (1 - y) * upper + y * lower
        return np.hypot(moved[..., 0], moved[..., 1])


class Tape:
    """Keeps the patch steps of a stretch: about 4 kB each."""

    def __init__(self, patches_mm: npt.NDArray[np.float64]) -> None:
        self._patches_mm = patches_mm
        self._t_s: list[float] = []
        self._steps_mm: list[FloatArray] = []

    def __len__(self) -> int:
        return len(self._t_s)

    def add(self, t_s: float, step_mm: FloatArray) -> None:
        """Keep the motion (N, 2) of the patches since the moment before; NaN where it is not known."""
        self._t_s.append(t_s)
        self._steps_mm.append(step_mm.astype(np.float32))

    def motion(self, gain: float) -> SkinMotion:
        """What the skin did.

        Parameters
        ----------
        gain : float
            What is read of a bump of 1 mm between two frames, from :mod:`detector.gain`: the field is divided by it,
            and by what smoothing in space and time leaves of an average jerk, so that its peak keeps its height.
        """
        n = round(SIZE_MM / NODE_MM) + 1
        if not self._t_s:
            return SkinMotion(np.empty(0), np.empty((0, n, n, 2), dtype=np.float32))
        t_s, steps = np.array(self._t_s), np.stack(self._steps_mm)
        nodes = _smoothed(steps, self._patches_mm, lattice_mm()) / np.float32(gain * _space_gain() * time_gain())
        np.cumsum(nodes, axis=0, out=nodes)
        for part in _parts(t_s):
            nodes[part] -= _rest(t_s[part], nodes[part])
        return SkinMotion(t_s, nodes.reshape(len(t_s), n, n, 2))


def lattice_mm() -> F64:
    """(n * n, 2) places of the nodes, row by row from the top."""
    axis = np.arange(0.0, SIZE_MM + 0.1, NODE_MM)
    x, y = np.meshgrid(LEFT_MM + axis, TOP_MM + axis)
    return np.column_stack([x.ravel(), y.ravel()])


def time_gain() -> float:
    """Peak of an average jerk after its rest is taken out, share."""
    t = np.arange(-1.0, 1.0, 1.0 / (4.0 * RATE_HZ))
    jerk = pulse(t, *COURSES_S[1])
    weight = np.exp(-0.5 * (t / REST_S) ** 2)
    return float(1.0 - (weight * jerk).sum() / weight.sum())


def _space_gain() -> float:
    """Peak of a muscle's bump after the averaging, share."""
    return BUMP_MM**2 / (BUMP_MM**2 + SMOOTH_MM**2)


def _smoothed(steps: FloatArray, patches_mm: F64, nodes_mm: F64) -> FloatArray:
    """(T, M, 2) weighted means of the patches round each node; quiet patches count more."""
    known: npt.NDArray[np.bool_] = np.isfinite(steps[..., 0]) & np.isfinite(steps[..., 1])
    steps = np.where(known[..., None], steps, np.float32(0.0))
    size = np.abs(steps).sum(axis=2)
    noise = np.array([np.median(size[known[:, p], p]) if known[:, p].any() else np.inf for p in range(size.shape[1])])
    usual = float(np.median(noise[np.isfinite(noise)])) if np.isfinite(noise).any() else 1.0
    quiet = 1.0 / np.maximum(noise, max(QUIETER * usual, 1e-6)) ** 2
    apart2 = ((nodes_mm[:, None, :] - patches_mm[None, :, :]) ** 2).sum(axis=2)
    kernel = (np.exp(-apart2 / (2.0 * SMOOTH_MM**2)) * quiet).astype(np.float32).T
    total = known.astype(np.float32) @ kernel
    least = np.float32(max(LEAST_WEIGHT * float(np.median(kernel.sum(axis=0))), 1e-9))
    out = np.empty((len(steps), len(nodes_mm), 2), dtype=np.float32)
    for axis in (0, 1):
        np.divide(steps[..., axis] @ kernel, np.maximum(total, least), out=out[..., axis])
    return out


def _parts(t_s: F64) -> list[slice]:
    """Stretches without a gap."""
    breaks = [0, *(np.flatnonzero(np.diff(t_s) > GAP_S) + 1).tolist(), len(t_s)]
    return [slice(a, b) for a, b in itertools.pairwise(breaks)]


def _rest(t_s: F64, places: FloatArray) -> FloatArray:
    """The running mean of the places (T, M, 2), Gaussian in time."""
    rest = np.empty_like(places)
    first = np.searchsorted(t_s, t_s - 3.0 * REST_S)
    last = np.searchsorted(t_s, t_s + 3.0 * REST_S, side="right")
    for k, (a, b) in enumerate(zip(first, last, strict=True)):
        weight = np.exp(-0.5 * ((t_s[a:b] - t_s[k]) / REST_S) ** 2)
        rest[k] = np.tensordot((weight / weight.sum()).astype(np.float32), places[a:b], axes=1)
    return rest
