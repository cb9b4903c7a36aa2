"""Found or missed against size: the sizes found half and nine times in ten, with intervals over people.

Other than ``detector.recover_fit``, which asks of one clip, this asks of people: some events are missed however large
they are (nobody watches during a blink, some footage allows no verdict), so the curve has a lapse rate, and a person's
events are alike, so whole people are drawn anew for the intervals. Curves are compared on a grid: no start values, no
failure to converge, and every draw of the bootstrap is a row of one product of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]

DRAWS = 1000
STEP = 0.025  # between the grid's middles, in logarithm: an eighth of the narrowest interval met here
BEYOND = 3.0  # the grid's middles go this many times beyond the sizes tried, for curves that only begin to rise
# Per unit of ln(size). From 10 to 90 % over a factor of 81 (as flat as no rise at all) to one of 1.4 (about the step
# between two sizes: what is steeper cannot be told from it).
SLOPES = np.geomspace(1.0, 12.0, 10)
LAPSES = np.array([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
# Large lapse rates and flat slopes say nearly the same of few events. The prior on the lapse rate, Beta(1, 10), is that
# of psignifit 4 (Schütt et al. 2016, Vision Research 122), there also the default: 9 log(1 - lapse).
PRIOR = 9.0
_LEAST = 1e-4  # chance of a find or a miss that no curve excludes: a slip of matching, a false alarm at the moment
_BLOCK = 100  # draws at a time, for the memory


@dataclass(frozen=True, slots=True)
class Curve:
    """Chance of being found: ``(1 - lapse) / (1 + (middle / size)^slope)``."""

    middle: float
    slope: float
    lapse: float

    def chance(self, sizes: npt.ArrayLike) -> F64:
        """Of each of the sizes, any shape, in the unit of ``middle``."""
        above = self.slope * np.log(np.asarray(sizes, dtype=np.float64) / self.middle)
        return np.asarray((1.0 - self.lapse) / (1.0 + np.exp(-above)))


@dataclass(frozen=True, slots=True)
class Size:
    """A size with its 95 % interval; infinite where it lies beyond the sizes tried, zero where below them."""

    value: float
    low: float
    high: float


class Psychometric:
    """The curve through found and missed.

    Parameters
    ----------
    sizes : (N,)
        Over zero, px or mm.
    found : (N,)
        True where found.
    people : (N,)
        Whose event it was: equal for the events of one person.
    seed : int
        Of the bootstrap. Ways with the same events and seed are given the same draws, so that they can be compared.
    """

    def __init__(self, sizes: Sequence[float], found: Sequence[bool], people: Sequence[str], seed: int = 1) -> None:
        x = np.log(np.asarray(sizes, dtype=np.float64))
        self._least, self._most = float(np.exp(x.min())), float(np.exp(x.max()))
        reach = math.log(BEYOND)
        middles = np.arange(x.min() - reach, x.max() + reach, STEP)
        grid = np.stack(np.meshgrid(middles, SLOPES, LAPSES, indexing="ij"), axis=-1).reshape(-1, 3)
        self._middle, self._slope, self._lapse = grid.T
        chance = (1.0 - self._lapse) / (1.0 + np.exp(-self._slope * (x[:, None] - self._middle)))
        hit = np.asarray(found, dtype=bool)[:, None]
        likely = np.log(np.clip(np.where(hit, chance, 1.0 - chance), _LEAST, 1.0)).astype(np.float32)
        prior = (PRIOR * np.log1p(-self._lapse)).astype(np.float32)
        self._best = int(np.argmax(likely.sum(axis=0) + prior))
        weights = _drawn(people, seed)
        blocks = [weights[k : k + _BLOCK] @ likely + prior for k in range(0, DRAWS, _BLOCK)]
        self._drawn = np.concatenate([block.argmax(axis=1) for block in blocks])

    @property
    def curve(self) -> Curve:
        """The likeliest."""
        k = self._best
        return Curve(float(np.exp(self._middle[k])), float(self._slope[k]), float(self._lapse[k]))

    def size(self, share: float) -> Size:
        """The size found that often (0-1), lapses included; never one that was not tried."""
        drawn = self.draws(share)
        # an order, not an interpolation: between a size and infinity there is none
        low, high = np.sort(drawn)[[round(0.025 * (DRAWS - 1)), round(0.975 * (DRAWS - 1))]]
        return Size(float(self._sizes(np.array([self._best]), share)[0]), float(low), float(high))

    def draws(self, share: float) -> F64:
        """(DRAWS,) the same of every draw of the bootstrap."""
        return self._sizes(self._drawn, share)

    def chances(self, sizes: npt.ArrayLike) -> tuple[F64, F64]:
        """95 % band of the curve at each of the sizes."""
        x = np.log(np.asarray(sizes, dtype=np.float64))
        k = self._drawn[:, None]
        chance = (1.0 - self._lapse[k]) / (1.0 + np.exp(-self._slope[k] * (x - self._middle[k])))
        low, high = np.percentile(chance, (2.5, 97.5), axis=0)
        return low, high

    def _sizes(self, rows: npt.NDArray[np.intp], share: float) -> F64:
        rest = 1.0 - self._lapse[rows] - share
        odds = np.log(share / np.where(rest > 0.0, rest, 1.0))
        size = np.exp(self._middle[rows] + odds / self._slope[rows])
        slack = math.exp(STEP / 2.0)  # of the grid
        size = np.where((rest <= 0.0) | (size > self._most * slack), np.inf, size)
        return np.asarray(np.where(size < self._least / slack, 0.0, size))


def _drawn(people: Sequence[str], seed: int) -> F32:
    """(DRAWS, N) how often each event is drawn: people anew, then as many events of each as there are."""
    rng = np.random.default_rng(seed)
    names = sorted(set(people))
    events = [np.flatnonzero(np.array(people) == name) for name in names]
    out = np.zeros((DRAWS, len(people)), dtype=np.float32)
    for row in out:
        for person in rng.integers(len(names), size=len(names)):
            own = events[person]
            row[own] += rng.multinomial(len(own), np.full(len(own), 1.0 / len(own)))
    return out
