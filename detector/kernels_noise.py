"""Medians over a memory that slides, for the numba core."""

from __future__ import annotations

import numpy as np
from numba import njit

from detector.kernels import F32


@njit(cache=True, nogil=True)
def slide(ordered: F32, count: int, old: F32, new: F32) -> None:
    """Put one value into each row of a sorted table, in the place of another where there is one.

    Parameters
    ----------
    ordered : (K, M) float32
        Each row holds ``count`` values in rising order, changed in place.
    count : int
        Values that stay, 0 to M - 1; one more are there while one is to go.
    old, new : (K,) float32
        What goes, empty when nothing does, and what comes; no NaN.
    """
    for k in range(len(new)):
        row, value = ordered[k], new[k]
        at = count
        if len(old):
            at = np.searchsorted(row[: count + 1], old[k])
        while at > 0 and row[at - 1] > value:
            row[at] = row[at - 1]
            at -= 1
        while at < count and row[at + 1] < value:
            row[at] = row[at + 1]
            at += 1
        row[at] = value


@njit(cache=True, nogil=True)
def middles(ordered: F32, count: int, out: F32) -> None:
    """Medians (K,) of the first ``count`` values of each sorted row."""
    for k in range(len(out)):
        out[k] = np.float32(0.5) * (ordered[k, (count - 1) // 2] + ordered[k, count // 2])


@njit(cache=True, nogil=True)
def column_medians(values: F32, out: F32) -> None:
    """Medians (K,) of a few rows (T, K), by insertion."""
    few = np.empty(len(values), np.float32)
    for k in range(values.shape[1]):
        for t in range(len(values)):
            value, at = values[t, k], t
            while at > 0 and few[at - 1] > value:
                few[at] = few[at - 1]
                at -= 1
            few[at] = value
        out[k] = np.float32(0.5) * (few[(len(few) - 1) // 2] + few[len(few) // 2])
