"""Found or missed against size: the fitted curve, the sizes found half and nine times in ten, the sizes to try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit
from scipy.stats import chi2

Array = npt.NDArray[np.float64]

FIRST = (0.5, 0.7, 1.0)  # times the size that is to be found half the time, if what is stated is right
BEYOND = 1.2  # times the size that is to be found nine times in ten: the largest to begin with
STEP = math.sqrt(2.0)  # between two sizes: the curve climbs from half to nine in ten over two or three such steps
SMALLEST_MM, LARGEST_MM = 0.02, 6.0  # smaller is under any camera's noise; larger is no small twitch any more
CHI2_95 = 3.8415  # of one degree of freedom
_FAR = math.log(8.0)  # an interval that reaches this far beyond the sizes tried is open
_STEEPEST = 100.0  # per standard deviation of the sizes: as good as a step
_PENALTY = 1e-3  # on the slope: sizes that separate hits from misses perfectly have no finite maximum otherwise


@dataclass(frozen=True, slots=True)
class Curve:
    """Chance of being found: ``1 / (1 + exp(-slope * ln(size / d50)))``."""

    d50: float
    slope: float

    def chance(self, size: npt.ArrayLike) -> Array:
        """Of each of the sizes, any shape, in the unit of ``d50``."""
        return np.asarray(expit(self.slope * np.log(np.asarray(size, dtype=np.float64) / self.d50)))

    def size(self, share: float) -> float:
        """The size found that often, 0-1."""
        return self.d50 * math.exp(math.log(share / (1.0 - share)) / self.slope)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A size with its 95 % interval; an end is None where the events tried do not bound it."""

    value: float
    low: float | None
    high: float | None


class Trials:
    """Sizes and what became of them.

    Parameters
    ----------
    sizes : (N,)
        Greater than zero, in any unit; at least two different ones.
    hits : (N,)
        True where found.
    """

    def __init__(self, sizes: Sequence[float] | Array, hits: Sequence[bool] | npt.NDArray[np.bool_]) -> None:
        self._x = np.log(np.asarray(sizes, dtype=np.float64))
        self._hit = np.asarray(hits, dtype=np.float64)
        self._center, self._spread = float(self._x.mean()), float(self._x.std())
        self._z = (self._x - self._center) / self._spread
        best = minimize(self._loss, np.zeros(2), jac=True, method="BFGS")
        self._least = float(best.fun)
        self._level, self._slope = (float(b) for b in best.x)

    @property
    def curve(self) -> Curve | None:
        """The likeliest curve; None when larger ones were not found more often."""
        if self._slope <= 0.0:
            return None
        return Curve(math.exp(self._center - self._spread * self._level / self._slope), self._slope / self._spread)

    def estimate(self, share: float) -> Estimate:
        """The size found that often with its profile-likelihood interval; ValueError without a curve.

        The profile is used because few events give a lopsided uncertainty, and because it is the same every time,
        which a bootstrap is not.
        """
        curve = self.curve
        if curve is None:
            raise ValueError("larger events were not found more often")
        value = curve.size(share)
        at, rise = math.log(value), math.log(share / (1.0 - share))
        down, up = at - (float(self._x.min()) - _FAR), float(self._x.max()) + _FAR - at
        return Estimate(value, self._crossing(at, -down, rise), self._crossing(at, up, rise))

    def _crossing(self, at: float, way: float, rise: float) -> float | None:
        """Size between ``at`` and ``at + way`` (logarithms) from which on the events speak against it."""

        def excess(x: float) -> float:
            return self._deviance(x, rise) - CHI2_95

        if excess(at) > 0.0 or excess(at + way) <= 0.0:
            return None
        return math.exp(brentq(excess, at, at + way, xtol=1e-4))

    def _deviance(self, x: float, rise: float) -> float:
        """Twice the log likelihood lost when the curve must pass through ``rise`` (log odds) at size ``exp(x)``."""
        apart = self._z - (x - self._center) / self._spread

        def loss(slope: float) -> float:
            return self._misfit(rise + slope * apart) + 0.5 * _PENALTY * slope**2

        best = minimize_scalar(loss, bounds=(0.0, _STEEPEST), method="bounded", options={"xatol": 1e-6})
        return 2.0 * (float(best.fun) - self._least)

    def _loss(self, beta: Array) -> tuple[float, Array]:
        line = beta[0] + beta[1] * self._z
        value = self._misfit(line) + 0.5 * _PENALTY * beta[1] ** 2
        rest = expit(line) - self._hit
        return value, np.array([rest.sum(), (rest * self._z).sum() + _PENALTY * beta[1]])

    def _misfit(self, line: Array) -> float:
        return float((np.logaddexp(0.0, line) - self._hit * line).sum())


def misfit(curve: Curve, sizes: Sequence[float], found: Sequence[int], events: Sequence[int]) -> float | None:
    """Probability of counts as far from the curve as these, by Pearson's chi-squared; None under three sizes.

    Parameters
    ----------
    curve : Curve
        Fitted to these counts, which costs two degrees of freedom.
    sizes, found, events : (K,)
        Found of the events of each size.
    """
    if len(sizes) < 3:
        return None
    n, p = np.asarray(events, dtype=np.float64), curve.chance(sizes)
    return float(chi2.sf(np.sum((np.asarray(found) - n * p) ** 2 / (n * p * (1.0 - p) + 1e-9)), len(sizes) - 2))


def pooled(curves: Sequence[Curve], weights: Sequence[float], share: float) -> float | None:
    """The size found that often over several curves, each met as often as its weight says; None without a curve."""
    if not curves or not sum(weights) > 0.0:
        return None
    w = np.asarray(weights, dtype=np.float64) / sum(weights)

    def missing(x: float) -> float:
        return float(sum(w * [float(c.chance(math.exp(x))) for c in curves])) - share

    ends = [math.log(c.size(share)) for c, weight in zip(curves, w, strict=True) if weight > 0.0]
    low, high = min(ends), max(ends)
    return math.exp(low if high - low < 1e-9 else brentq(missing, low, high, xtol=1e-6))


def first_sizes(half_mm: float, most_mm: float | None = None) -> tuple[float, ...]:
    """Sizes to begin with, mm: from half the size that should be found half the time to beyond the one of nine in ten.

    What is missed in bad moments only (a blink, a word) lies far above the middle of the curve. Sizes that end where
    most are found would not show it.

    Parameters
    ----------
    half_mm, most_mm : float
        Sizes stated to be found half and nine times in ten; the second is twice the first when not known.
    """
    half = min(max(half_mm, SMALLEST_MM / FIRST[0]), 0.5 * LARGEST_MM)
    end = min(max(BEYOND * (most_mm or 2.0 * half), 2.0 * half), LARGEST_MM)
    steps = min(max(round(math.log(end / half) / math.log(STEP)), 2), 5)
    larger = [half * (end / half) ** (k / steps) for k in range(1, steps + 1)]
    return tuple(_tidy(size) for size in (*(factor * half for factor in FIRST), *larger))


def further_sizes(tally: Mapping[float, tuple[int, int]], least: int = 4) -> tuple[float, ...]:
    """Sizes to add so that the curve has both its ends.

    Parameters
    ----------
    tally : mapping
        Size in mm to (found, events).
    least : int
        Events that the largest and the smallest must have before anything is concluded from them.

    Returns
    -------
    tuple of float
        Larger ones when the largest is missed too often to be the end of the curve, smaller ones when the smallest is
        found too often; two steps at once when it is not even near.
    """
    more: list[float] = []
    largest, smallest = max(tally), min(tally)
    found, events = tally[largest]
    if events >= least and found < 0.9 * events:
        more += [largest * STEP ** (k + 1) for k in range(2 if found < 0.5 * events else 1)]
    found, events = tally[smallest]
    if events >= least and found > 0.3 * events:
        more += [smallest / STEP ** (k + 1) for k in range(2 if found > 0.5 * events else 1)]
    kept = {_tidy(min(max(size, SMALLEST_MM), LARGEST_MM)) for size in more}
    # at the end of the range a step may be short, but not so short that it is no other size
    return tuple(sorted(size for size in kept if not smallest / 1.1 < size < 1.1 * largest))


def share_out(events: Mapping[float, int], n: int) -> list[float]:
    """``n`` sizes, the next one always that of which there are fewest; the smaller one when there are as few of both.

    Parameters
    ----------
    events : mapping
        Size to the events there are of it.
    """
    counts = dict(events)
    sizes = []
    for _ in range(n):
        size = min(counts, key=lambda s: (counts[s], s))
        counts[size] += 1
        sizes.append(size)
    return sizes


def _tidy(size: float) -> float:
    return float(f"{size:.3g}")
