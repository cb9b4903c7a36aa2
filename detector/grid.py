"""Samples at the times of the frames -> an even time grid; and the filters that run on it.

All filtering is done on one fixed grid, so that thresholds and durations mean the same at 15 and at 240 frames/s.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detector.types import FloatArray

RATE_HZ = 60.0  # of the grid: twitches have nothing above 15 Hz, and 60 frames a second pass unthinned
HALF_S = 0.3  # filters reach this far to both sides; 0.4 s would see jerks 2 % smaller, 0.25 s only 4 % larger ones
# Rise and fall of the courses looked for: a jerk of a small muscle, an average one, a slow one (s).
COURSES_S = ((0.045, 0.060), (0.050, 0.110), (0.080, 0.200))
# The noise of skin motion in compressed video falls off with frequency; flat below 0.4 Hz, where the drift of
# the summed steps is taken out. With steeper or flatter slopes (1-2) recall changed by less than its uncertainty.
NOISE_SLOPE = 1.5
NOISE_FLAT_HZ = 0.4
NOISE_WHITE = 0.05
_ROOM = round(2.0 * RATE_HZ)  # samples that a record takes in before it is copied


class EvenGrid:
    """Linear interpolation onto the times k / RATE_HZ; a stretch ends with ``reset``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._t: float | None = None
        self._values: FloatArray | None = None

    def push(self, t_s: float, values: FloatArray) -> list[tuple[int, FloatArray]]:
        """Grid samples (k, values) that lie after the sample before and up to this one."""
        out: list[tuple[int, FloatArray]] = []
        if self._t is None or self._values is None:
            k = int(np.ceil(t_s * RATE_HZ - 1e-6))
            if abs(k / RATE_HZ - t_s) < 1e-6:
                out.append((k, values))
        else:
            first = int(np.floor(self._t * RATE_HZ + 1e-6)) + 1
            last = int(np.floor(t_s * RATE_HZ + 1e-6))
            span = t_s - self._t
            for k in range(first, last + 1):
                share = np.float32(min(max((k / RATE_HZ - self._t) / span, 0.0), 1.0))
                out.append((k, (1 - share) * self._values + share * values))
        self._t, self._values = t_s, values
        return out


class Record:
    """Grid samples (M, 2) of a stretch in one array that grows at its end and is forgotten from its beginning."""

    def __init__(self) -> None:
        self._rows: FloatArray = np.empty((0, 0, 2), dtype=np.float32)
        self._first = self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def last(self) -> FloatArray:
        """The newest sample."""
        return self._rows[self._end - 1]

    def append(self, values: FloatArray, times: int = 1) -> None:
        """Add one sample, several times over."""
        if self._end + times > len(self._rows):
            kept = self._rows[self._first : self._end]
            # parts that were handed out stay as they are
            self._rows = np.empty((2 * (len(kept) + times) + _ROOM, *values.shape), dtype=np.float32)
            self._rows[: len(kept)] = kept.reshape(len(kept), *values.shape)
            self._first, self._end = 0, len(kept)
        self._rows[self._end : self._end + times] = values
        self._end += times

    def part(self, first: int, last: int) -> FloatArray:
        """Samples (T, M, 2) from ``first`` to before ``last``, counted from the oldest that is left."""
        return self._rows[self._first + first : self._first + last]

    def forget(self, count: int) -> None:
        """The oldest ``count`` samples."""
        self._first += count


def pulse(t_s: npt.NDArray[np.float64], rise_s: float, fall_s: float) -> npt.NDArray[np.float64]:
    """A jerk of height 1 with its peak at 0: raised cosines up and down."""
    up = (t_s >= -rise_s) & (t_s < 0.0)
    down = (t_s >= 0.0) & (t_s < fall_s)
    return np.where(up, 0.5 * (1 + np.cos(np.pi * t_s / rise_s)), 0.0) + np.where(
        down, 0.5 * (1 + np.cos(np.pi * t_s / fall_s)), 0.0
    )


def matched_filters(source_hz: float, ahead_s: float = HALF_S) -> npt.NDArray[np.float64]:
    """Filters that read a jerk's height out of 1/f noise, blind to level and drift.

    For a course h and noise covariance C the best linear reading is C^-1 h, made orthogonal to a constant and a slope
    and scaled to unit gain.

    Parameters
    ----------
    source_hz : float
        Rate of the measured frames: above its half the interpolated grid holds nothing.
    ahead_s : float
        How far the filters see past the peak, 0 to ``HALF_S``: less answers earlier and worse.

    Returns
    -------
    (C, n + m + 1) float64
        One filter per course of ``COURSES_S``, to be correlated with the record from n = ``HALF_S`` before the peak to
        m = ``ahead_s`` after it, in grid steps.
    """
    from scipy.linalg import solve, toeplitz

    t = np.arange(-round(HALF_S * RATE_HZ), round(ahead_s * RATE_HZ) + 1) / RATE_HZ
    source_hz = min(source_hz, RATE_HZ)
    frequency = np.fft.rfftfreq(4096, 1.0 / RATE_HZ)
    spectrum = 1.0 / np.maximum(frequency, NOISE_FLAT_HZ) ** NOISE_SLOPE + NOISE_WHITE
    spectrum = spectrum * np.sinc(frequency / source_hz) ** 4 + 1e-3
    lags = np.fft.irfft(spectrum)
    covariance = toeplitz(lags[: len(t)] / lags[0]) + 1e-4 * np.eye(len(t))
    drift = np.column_stack([np.ones_like(t), t / HALF_S])
    drift_seen = solve(covariance, drift, assume_a="pos")
    long = np.arange(-round(HALF_S * RATE_HZ), round(HALF_S * RATE_HZ) + 1) / RATE_HZ
    smear = np.ones(max(1, round(RATE_HZ / source_hz)))
    taps = []
    for rise_s, fall_s in COURSES_S:
        whole = np.convolve(pulse(long, rise_s, fall_s), smear / len(smear), mode="same")
        course = whole[: len(t)]
        weight = solve(covariance, course, assume_a="pos")
        weight -= drift_seen @ np.linalg.solve(drift.T @ drift_seen, drift_seen.T @ course)
        taps.append(weight / (weight @ course))
    return np.array(taps)
