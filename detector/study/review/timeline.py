"""What a timeline draws: traces thinned to what fits into its pixels, and moments that almost passed the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.config import TAIL, threshold_in
from detector.record.traces import Traces
from detector.types import Session

MAX_COLUMNS = 4000  # pixels of the widest screens in use
NEAR_TAILS = 2.0  # a near miss is at most so many TAIL under: 7 such peaks for each false alarm
APART_S = 0.5  # of near misses closer than this the highest is shown: one movement has several peaks
MAX_NEAR = 500  # shown at once; more cannot be told apart on a screen


@dataclass(frozen=True, slots=True)
class Envelope:
    """Lowest and highest value in each column of pixels; NaN where there is none."""

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A moment at which the score came close to the threshold."""

    t_s: float
    score: float
    side: str


def threshold_of(session: Session) -> float:
    """The threshold of the score of a session; NaN when that is not known."""
    return threshold_in(session.settings)


def column_edges(t_s: npt.NDArray[np.float64], from_s: float, to_s: float, columns: int) -> npt.NDArray[np.intp]:
    """For each of ``columns`` equal parts of ``[from_s, to_s)`` the first frame in it, and the end of the last part."""
    return np.searchsorted(t_s, np.linspace(from_s, to_s, columns + 1))


def envelope(values: npt.NDArray[np.float32], edges: npt.NDArray[np.intp]) -> Envelope:
    """The envelope of ``values`` (one per frame) in the columns that begin and end at ``edges``.

    Every frame is in exactly one column: a peak one frame wide is never lost, however far out one has zoomed.
    """
    columns = len(edges) - 1
    low, high = np.full(columns, np.nan, np.float32), np.full(columns, np.nan, np.float32)
    filled = np.flatnonzero(edges[1:] > edges[:-1])
    if len(filled):
        starts, stop = edges[filled], int(edges[-1])
        # empty columns lie between full ones or after the last, so that each part ends where the next one begins
        low[filled] = np.fmin.reduceat(values[:stop], starts)
        high[filled] = np.fmax.reduceat(values[:stop], starts)
    return Envelope(low, high)


def observed_shares(observed: npt.NDArray[np.bool_], edges: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """The share of frames with a verdict in each column; NaN where there is no frame."""
    sums = np.concatenate(([0], np.cumsum(observed)))
    counts = np.diff(edges)
    with np.errstate(invalid="ignore"):
        return ((sums[edges[1:]] - sums[edges[:-1]]) / np.where(counts > 0, counts, np.nan)).astype(np.float32)


def near_misses(traces: Traces, threshold: float, from_s: float, to_s: float) -> list[NearMiss]:
    """The highest peaks of the score just under the threshold in ``[from_s, to_s)``, in time order.

    Where the score is over the threshold at the same moment on any side, it was no miss.
    """
    if not threshold > 0.0:
        return []
    first, stop = np.searchsorted(traces.t_s, (from_s, to_s))
    t_s = traces.t_s[first:stop]
    if len(t_s) < 3:
        return []
    sides = list(traces.scores)
    every = np.nan_to_num(np.stack([traces.scores[side][first:stop] for side in sides]), nan=-1.0)
    score = every.max(axis=0)
    inner = score[1:-1]
    peaks = 1 + np.flatnonzero((inner >= score[:-2]) & (inner > score[2:]))
    lowest = threshold - NEAR_TAILS * TAIL
    peaks = peaks[score[peaks] >= lowest]
    taken: list[int] = []
    for peak in peaks:  # of a cluster the highest, which also decides whether it was a miss at all
        if taken and t_s[peak] - t_s[taken[-1]] < APART_S:
            if score[peak] > score[taken[-1]]:
                taken[-1] = int(peak)
        else:
            taken.append(int(peak))
    missed = sorted((peak for peak in taken if score[peak] < threshold), key=lambda peak: -score[peak])[:MAX_NEAR]
    return [
        NearMiss(float(t_s[peak]), float(score[peak]), sides[int(every[:, peak].argmax())]) for peak in sorted(missed)
    ]
