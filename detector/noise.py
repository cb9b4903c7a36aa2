"""What the noise of a recording is like lately: how strong at each site, and in which direction.

Scores are heights over this noise. It is learned as the recording goes, from medians and from bare directions, so that
the twitches in it hardly count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detector.grid import RATE_HZ
from detector.kernels import rounded_lengths
from detector.kernels_deciding import bump_directions
from detector.kernels_noise import column_medians, middles, slide
from detector.types import FloatArray

SCALE_S = 10.0  # noise memory; 6 s is a little worse, 15 s no better and slower to notice a change
SCALE_LEAST_S = 2.0  # nothing is decided on less, the first seconds wait for it; on 1 s noise passed for twitches
STEP = 6  # grid samples learned together
MEMORY = round(SCALE_S * RATE_HZ / STEP)
DIRECTIONS_HZ = 7.0  # independent directions of noise a second: a filtered course is about 0.14 s wide
RAYLEIGH = 1.177  # median length of round noise with a standard deviation of 1 per axis


class Noise:
    """Learns from filtered heights, a few samples at a time."""

    def __init__(self) -> None:
        self._lengths: _Memory | None = None
        self._ordered: FloatArray = np.empty((0, 0), dtype=np.float32)  # those, each place by itself
        self._directions: _Memory | None = None
        self._direction_sum: npt.NDArray[np.float64] | None = None
        self._new_lengths: list[FloatArray] = []
        self._new_filtered: list[FloatArray] = []
        self._scale: npt.NDArray[np.floating] | None = None
        self._shape: FloatArray | None = None

    @property
    def known(self) -> bool:
        """Whether enough was learned to decide by."""
        return self._lengths is not None and self._lengths.count >= round(SCALE_LEAST_S * RATE_HZ / STEP)

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
            self._shape = self._learn_directions(mean_directions(np.stack(self._new_filtered)))
            self._new_filtered.clear()
        lengths = np.empty(filtered.shape[:-1], dtype=np.float32)
        rounded_lengths(filtered, self._shape, lengths)
        return lengths, self._shape

    def learn(self, lengths: FloatArray) -> None:
        """Add the lengths (B, C, S) of rounded heights from time in which a verdict is possible."""
        self._new_lengths.extend(lengths)
        while len(self._new_lengths) >= STEP:
            self._learn_lengths(np.stack(self._new_lengths[:STEP]))
            del self._new_lengths[:STEP]
            self._scale = None

    def scale(self) -> npt.NDArray[np.floating] | None:
        """Standard deviation per axis (C, S), mm; None before anything was learned."""
        if self._scale is None and self._lengths is not None:
            middle = np.empty(self._lengths.shape, dtype=np.float32)
            middles(self._ordered, self._lengths.count, middle.reshape(-1))
            self._scale = middle / RAYLEIGH
        return self._scale

    def _learn_lengths(self, lengths: FloatArray) -> None:
        """Add the medians of (STEP, C, S); medians over the memory are kept by moving one value in order."""
        if self._lengths is None:
            self._lengths = _Memory(lengths.shape[1:])
            self._ordered = np.empty((lengths[0].size, MEMORY), dtype=np.float32)
        middle = np.empty(lengths[0].size, dtype=np.float32)
        column_medians(lengths.reshape(len(lengths), -1), middle)
        gone = self._lengths.push(middle.reshape(self._lengths.shape))
        old = np.empty(0, dtype=np.float32) if gone is None else gone.reshape(-1)
        slide(self._ordered, self._lengths.count - 1, old, middle)

    def _learn_directions(self, directions: FloatArray) -> FloatArray:
        """Add (S, 2); the matrices that make the noise round."""
        if self._directions is None or self._direction_sum is None:
            self._directions = _Memory(directions.shape)
            self._direction_sum = np.zeros(directions.shape)
        gone = self._directions.push(directions)
        self._direction_sum += directions if gone is None else directions - gone.astype(np.float64)
        count = self._directions.count
        mean = (self._direction_sum / count).astype(np.float32)
        return round_noise(mean, count * STEP / RATE_HZ)


class _Memory:
    """The last ``MEMORY`` arrays of one shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.count = 0
        self._next = 0
        self._kept = np.empty((MEMORY, *shape), dtype=np.float32)

    def push(self, values: FloatArray) -> FloatArray | None:
        """Keep ``values``; what gives way to them, if anything does."""
        full = self.count == MEMORY
        gone = self._kept[self._next].copy() if full else None
        self._kept[self._next] = values
        self._next = (self._next + 1) % MEMORY
        self.count = min(self.count + 1, MEMORY)
        return gone


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
    out = np.empty(filtered.shape[1:], dtype=np.float32)
    bump_directions(filtered, out)
    return out


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
