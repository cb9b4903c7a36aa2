"""A record of measurements -> scores and their peaks: the same treatment for every rival, taken from the program.

Even grid, matched filters, a rolling robust scale, if wanted division by what the rest of the face does, and the best
of the nasal sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rivals import NASAL_SHAPES, SNEERS
from detector import regions
from detector.config import Settings
from detector.grid import HALF_S, RATE_HZ, EvenGrid, matched_filters
from detector.kernels import find_peaks
from detector.motion import REGION_COUNT, apart_shares

F64 = npt.NDArray[np.float64]
Record = dict[str, npt.NDArray[Any]]

SCALE_S, SCALE_LEAST_S = 6.0, 3.0  # the rolling scale's memory, and what the first seconds take theirs from
BLOCK_S = 0.5  # it is taken anew this often
# Of its median over the clip: a scale below it is a codec that skips still blocks. The program's own floor in px is
# left out, for it costs the flows up to 9 of 100 events.
LEAST_SHARE = 0.25
AROUND_S = 0.1  # the rest of the face counts as busy this long before and after
PEAK_RADIUS_S = 0.06  # jerks of an 8 Hz train are 0.125 s apart
MEDIAN_2D, MEDIAN_1D = 1.177, 0.6745  # of a Rayleigh length and of an absolute normal, over the standard deviation


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make a score of a measurement."""

    measure: str
    integrated: bool = False  # summed up over time: motion from frame to frame becomes a place, as the filters expect
    divided: bool = False  # by simultaneous activity elsewhere
    raw: bool = False  # the blendshapes of the nose as they come, against a threshold: no filter, no noise scale


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest moments of a clip's score, in time order, and the side of the site that was best there."""

    t_s: F64
    score: F64
    side: tuple[str, ...]
    finite: bool  # whether the score was a number wherever there was a face
    covered_s: float  # time between scores

    def __post_init__(self) -> None:
        assert len(self.t_s) == len(self.score) == len(self.side)


def peaks_of(t_s: F64, score: npt.NDArray[Any], sides: tuple[str, ...]) -> Peaks:
    """Peaks of the best site.

    Parameters
    ----------
    t_s : (K,)
        Rising.
    score : (K, R)
        Of the nasal sites; NaN where there is none.
    sides : R sides of them
    """
    known = np.isfinite(score).all(axis=1)
    best = np.where(known, np.nan_to_num(score).max(axis=1), -1.0).astype(np.float32)
    step = float(np.median(np.diff(t_s)))
    rows = find_peaks(best, round(PEAK_RADIUS_S / step), 0.0, 0, len(best))
    rows = rows[best[rows] > 0.0]
    where = np.nan_to_num(score)[rows].argmax(axis=1)
    steps = np.diff(t_s[known])
    covered_s = float(steps[steps <= Settings().max_gap_s].sum())
    return Peaks(t_s[rows], best[rows].astype(float), tuple(sides[k] for k in where), bool(known.all()), covered_s)


def read(record: Record, variant: Variant) -> Peaks:
    """Peaks of one variant on one clip's record, as :func:`benchmarks.rivals.measure` made it."""
    if variant.raw:
        columns = [list(record["shapes"]).index(name) for name in SNEERS]
        there = np.isfinite(record["blendshapes"]).all(axis=(1, 2))
        return peaks_of(record["t_s"][there], record["blendshapes"][there][:, columns, 0], ("left", "right"))
    values, nasal, apart, sides = _sites(record, variant.measure)
    t_s = record["t_s"]
    if variant.integrated:
        values = np.where(np.isfinite(values), np.nan_to_num(values).cumsum(axis=0), np.nan).astype(np.float64)
    taps = matched_filters(1.0 / float(np.median(np.diff(t_s))))
    one_sided = variant.measure.startswith("difference")  # a difference has no direction: less than usual is no twitch
    times, scores = [], []
    for first, last in _stretches(t_s, values):
        k, even = _even(t_s[first:last], values[first:last])
        filtered = np.stack([_correlate(even, tap) for tap in taps], axis=1)  # (K, C, S, D)
        score = _score(filtered, nasal, apart if variant.divided else None, one_sided)
        settled = round(Settings().settle_s * RATE_HZ)
        times.append(k[settled:] / RATE_HZ)
        scores.append(score[settled:])
    return peaks_of(np.concatenate(times), np.concatenate(scores), sides)


def _sites(record: Record, measure: str) -> tuple[npt.NDArray[Any], list[int], F64, tuple[str, ...]]:
    """Values of the usable sites (T, S, D), nasal ones among them, shares of the others apart from each, sides."""
    values = record[measure]
    if measure == "blendshapes":
        names = list(record["shapes"])
        nasal = [names.index(name) for name in NASAL_SHAPES]
        others = np.array([name not in NASAL_SHAPES and name != "_neutral" for name in names], dtype=np.float64)
        ends = {"Left": "left", "ight": "right"}
        sides = tuple(ends.get(name[-4:], "midline") for name in NASAL_SHAPES)
        return values, nasal, np.tile(others / others.sum(), (len(nasal), 1)), sides
    nasal = np.flatnonzero(regions.IS_NASAL).tolist()
    apart = np.zeros((len(nasal), values.shape[1]))
    centers = np.nanmedian(values[:, :REGION_COUNT], axis=0) if measure == "landmarks" else record["centers_mm"]
    apart[:, REGION_COUNT:] = apart_shares(centers.astype(np.float32))[nasal]
    there = np.asarray(np.isfinite(values).any(axis=(0, 2)))
    assert there[:REGION_COUNT].all()
    apart = apart[:, there]
    sides = tuple(regions.SITES[k].side for k in nasal)
    return values[:, there], nasal, apart / apart.sum(axis=1, keepdims=True), sides


def _stretches(t_s: F64, values: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """[first, last) of the frames with values and without a gap, as long as a noise scale needs at least."""
    known = np.flatnonzero(np.isfinite(values).all(axis=(1, 2)))
    cuts = np.flatnonzero(np.diff(t_s[known]) > Settings().max_gap_s) + 1
    parts = [part for part in np.split(known, cuts) if len(part) and t_s[part[-1]] - t_s[part[0]] > SCALE_LEAST_S]
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]


def _even(t_s: F64, values: npt.NDArray[Any]) -> tuple[F64, npt.NDArray[Any]]:
    known = np.isfinite(values).all(axis=(1, 2))
    grid = EvenGrid()
    out = [item for t, row in zip(t_s[known], values[known], strict=True) for item in grid.push(float(t), row)]
    return np.array([k for k, _ in out], dtype=np.float64), np.stack([row for _, row in out])


def _correlate(even: npt.NDArray[Any], tap: F64) -> npt.NDArray[Any]:
    from scipy.signal import oaconvolve

    half = round(HALF_S * RATE_HZ)
    # the level is taken off first, for a sum over a minute would cost the transform its last digits
    padded = np.pad(even.astype(np.float64) - even.mean(axis=0), ((half, half), (0, 0), (0, 0)), mode="edge")
    return np.asarray(oaconvolve(padded, tap[::-1, None, None], mode="valid", axes=0))


def _score(filtered: npt.NDArray[Any], nasal: list[int], apart: F64 | None, one_sided: bool) -> npt.NDArray[Any]:
    """(K, R) best over the courses of height over scale, over the activity elsewhere if ``apart`` is given."""
    from scipy.ndimage import maximum_filter1d

    axes = filtered.shape[-1]
    length = np.sqrt((filtered**2).sum(axis=-1))
    scale = _rolling_median(length) / (MEDIAN_2D if axes == 2 else MEDIAN_1D)
    scale = np.maximum(scale, LEAST_SHARE * np.median(scale, axis=0) + 1e-30)
    excess = length / scale
    top = np.where(filtered[..., 0] > 0.0, excess, 0.0) if one_sided else excess
    ratio = top[:, :, nasal]
    if apart is not None:
        around = np.sqrt(excess**2 @ apart.T / axes)
        reach = 2 * round(AROUND_S * RATE_HZ) + 1
        ratio = ratio / np.maximum(maximum_filter1d(around, reach, axis=0), 1.0)
    return np.asarray(ratio.max(axis=1))


def _rolling_median(length: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Median over the last ``SCALE_S``; the first seconds take that of the first ``SCALE_LEAST_S``."""
    out = np.empty_like(length)
    step = round(BLOCK_S * RATE_HZ)
    for first in range(0, len(length), step):
        last = max(first + step, round(SCALE_LEAST_S * RATE_HZ))
        window = length[max(last - round(SCALE_S * RATE_HZ), 0) : last : 3]  # neighbors say nearly the same
        out[first : first + step] = np.median(window, axis=0)
    return out
