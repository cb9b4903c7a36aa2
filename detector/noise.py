"""What the noise of a recording is like lately: how strong at each site, and in which direction.

Scores are heights over this noise. It is learned as the recording goes, from medians and from bare directions, so that
the twitches in it hardly count.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from detector.grid import RATE_HZ
from detector.kernels import rounded_lengths
from detector.types import FloatArray

SCALE_S = 10.0  # noise memory; 6 s is a little worse, 15 s no better and slower to notice a change
SCALE_LEAST_S = 2.0  # nothing is decided on less, the first seconds wait for it; on 1 s noise passed for twitches
STEP = 6  # grid samples learned together
DIRECTIONS_HZ = 7.0  # independent directions of noise a second: a filtered course is about 0.14 s wide
RAYLEIGH = 1.177  # median length of round noise with a standard deviation of 1 per axis


class Noise:
    """Learns from filtered heights, a few samples at a time."""

    def __init__(self) -> None:
        memory = round(SCALE_S * RATE_HZ / STEP)
        self._lengths: deque[FloatArray] = deque(maxlen=memory)
        self._directions: deque[FloatArray] = deque(maxlen=memory)
        self._new_lengths: list[FloatArray] = []
        self._new_filtered: list[FloatArray] = []
        self._scale: npt.NDArray[np.floating] | None = None
        self._shape: FloatArray | None = None

    @property
    def known(self) -> bool:
        """Whether enough was learned to decide by."""
        return len(self._lengths) >= round(SCALE_LEAST_S * RATE_HZ / STEP)

    def round(self, filtered: FloatArray, average: int) -> tuple[FloatArray, FloatArray]:
        """Lengths of heights with the noise made round, and the matrices that did it; their directions are learned.

        Parameters
        ----------
        filtered : (B, C, S, 2) float32
        average : int
            The course whose directions count.

        Returns
        -------
        (B, C, S) float32, (S, 2, 2) float32
        """
        self._new_filtered.extend(filtered[:, average])
        if self._shape is None or len(self._new_filtered) >= STEP:
            self._directions.append(mean_directions(np.stack(self._new_filtered)))
            seconds = max(len(self._directions) * STEP / RATE_HZ, 1.0 / RATE_HZ)
            self._shape = round_noise(np.mean(np.stack(self._directions), axis=0), seconds)
            self._new_filtered.clear()
        lengths = np.empty(filtered.shape[:-1], dtype=np.float32)
        rounded_lengths(filtered, self._shape, lengths)
        return lengths, self._shape

    def learn(self, lengths: FloatArray) -> None:
        """Add the lengths (B, C, S) of rounded heights from time in which a verdict is possible."""
        self._new_lengths.extend(lengths)
        while len(self._new_lengths) >= STEP:
            self._lengths.append(np.median(np.stack(self._new_lengths[:STEP]), axis=0))
            del self._new_lengths[:STEP]
            self._scale = None

    def scale(self) -> npt.NDArray[np.floating] | None:
        """Standard deviation per axis (C, S), mm; None before anything was learned."""
        if self._scale is None and self._lengths:
            self._scale = np.median(np.stack(self._lengths), axis=0) / RAYLEIGH
        return self._scale


def mean_directions(filtered: FloatArray) -> FloatArray:
    """Where the noise points, each sample counting alike: a twitch among many samples hardly bends it.

    Parameters
    ----------
    filtered : (B, S, 2) float32

    Returns
    -------
    (S, 2) float32
        Mean of cos and sin of twice the direction: 0, 0 for round noise, length 1 for noise along one line.
    """
    length2 = np.maximum(np.sum(filtered * filtered, axis=-1), 1e-12)
    x, y = filtered[..., 0], filtered[..., 1]
    doubled = np.stack([(x * x - y * y) / length2, 2.0 * x * y / length2], axis=-1)
    return doubled.mean(axis=0).astype(np.float32)


def round_noise(directions: FloatArray, seconds: float) -> FloatArray:
    """Matrices of determinant 1 that make the noise of each site round.

    Lids and breath move the skin up and down more than sideways (1.4 to 1.7 times at the nose root): without this the
    noise of the one would hide the jerks of the other.

    Parameters
    ----------
    directions : (S, 2) float32
        As of :func:`mean_directions`.
    seconds : float
        How long they were averaged: what so few directions show by chance is taken off.

    Returns
    -------
    (S, 2, 2) float32
    """
    length2 = np.sum(directions * directions, axis=1)
    real = np.sqrt(np.maximum(length2 - 1.0 / (DIRECTIONS_HZ * seconds), 0.0))
    # of Gaussian noise with standard deviations p and q along its axes the mean length is (p - q) / (p + q)
    ratio = (1.0 + np.minimum(real, 0.5)) / (1.0 - np.minimum(real, 0.5))
    angle = 0.5 * np.arctan2(directions[:, 1], directions[:, 0])
    c, s = np.cos(angle), np.sin(angle)
    less, more = 1.0 / np.sqrt(ratio), np.sqrt(ratio)
    out = np.empty((len(directions), 2, 2), dtype=np.float32)
    out[:, 0, 0] = less * c * c + more * s * s
    out[:, 1, 1] = less * s * s + more * c * c
    out[:, 0, 1] = out[:, 1, 0] = (less - more) * c * s
    return out
