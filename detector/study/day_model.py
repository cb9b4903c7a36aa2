"""Counts of days as a model: log rate per observed hour against whatever is known of each day.

Negative-binomial regression with the log of the observed hours as offset (statsmodels); how far days vary beyond chance
is taken from their Pearson residuals, by moments. The errors of its coefficients come from the slow waves of the
residuals (:mod:`detector.study.spread`), so that neighboring days may be alike.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.study.spread import slow_waves, variance_of_sum, wave_count

CONFIDENCE = 0.95
# Days that vary more than this are fitted as if they varied so: the variance of a day's rate is then 5 times its
# square, and every such day weighs the same whatever its hours.
_MOST_EXTRA = 5.0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """One coefficient: a change of the log rate."""

    log: float
    error: float
    freedom: int  # of Student's t
    chance: float  # the error if days varied by chance (Poisson) only

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Of the log; never narrower than chance alone would make it."""
        from scipy.stats import norm, t

        tail = 0.5 * (1.0 - confidence)
        reach = max(float(t.isf(tail, self.freedom)) * self.error, float(norm.isf(tail)) * self.chance)
        return self.log - reach, self.log + reach

    @property
    def p(self) -> float:
        """Two-sided, of no change."""
        from scipy.stats import norm, t

        size = abs(self.log)
        if self.error <= 0.0:
            return float(2.0 * norm.sf(size / self.chance))
        return max(float(2.0 * t.sf(size / self.error, self.freedom)), float(2.0 * norm.sf(size / self.chance)))


@dataclass(frozen=True, slots=True)
class DayFit:
    """The fitted counts of days in time order."""

    counts: FloatArray
    design: FloatArray  # (days, columns); the first column is 1
    expected: FloatArray
    extra: float  # the variance of a day's rate over its square: 0 when days vary by chance only
    coefficients: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Of each day's count."""
        return self.expected * (1.0 + self.extra * self.expected)

    def slow_effect(self, column: int) -> Effect | None:
        """Of what changes slowly, as a trend: by the slow waves that the design leaves; None without any."""
        weighted, residuals = self._weighted()
        left = slow_waves(self.design.shape[0], weighted)
        if not len(left):
            return None
        error2 = np.mean((left @ residuals) ** 2) * np.linalg.inv(weighted.T @ weighted)[column, column]
        return Effect(float(self.coefficients[column]), float(np.sqrt(error2)), len(left), self._chance(column))

    def quick_effect(self, column: int) -> Effect:
        """Of what comes and goes: by the slow waves of what each day adds to the coefficient."""
        weighted, residuals = self._weighted()
        inverse = np.linalg.inv(weighted.T @ weighted)
        pull = np.clip(np.sum((weighted @ inverse) * weighted, axis=1), 0.0, 0.99)
        parts = (weighted @ inverse)[:, column] * residuals / np.sqrt(1.0 - pull)
        error = float(np.sqrt(variance_of_sum(parts)))
        return Effect(float(self.coefficients[column]), error, wave_count(len(parts)), self._chance(column))

    def _weighted(self) -> tuple[FloatArray, FloatArray]:
        scale = np.sqrt(self.variance)
        return self.design * (self.expected / scale)[:, None], (self.counts - self.expected) / scale

    def _chance(self, column: int) -> float:
        information = self.design.T @ (self.design * self.expected[:, None])
        return float(np.sqrt(np.linalg.inv(information)[column, column]))


def fit_days(counts: FloatArray, hours: FloatArray, design: FloatArray) -> DayFit | None:
    """Fit days in time order; None when they do not determine every column.

    Parameters
    ----------
    counts, hours : (days,) arrays
        Hours over 0.
    design : (days, columns) array
        The first column is 1.
    """
    from statsmodels.genmod.families import NegativeBinomial, Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    days, columns = design.shape
    if days <= columns or counts.sum() == 0 or np.linalg.matrix_rank(design) < columns:
        return None
    offset = np.log(hours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that do not settle; they are told by their result below
        try:
            fit = GLM(counts, design, family=Poisson(), offset=offset).fit()
            extra = _extra(counts, fit.mu, days - columns)
            if extra > 0.0:
                fit = GLM(counts, design, family=NegativeBinomial(alpha=extra), offset=offset).fit()
        except (ValueError, np.linalg.LinAlgError):
            return None
    expected = np.asarray(fit.mu, dtype=float)
    # without a count where a column is on, its coefficient runs off to minus infinity
    if (
        not fit.converged
        or not np.isfinite(expected).all()
        or np.abs(fit.params[1:] * np.ptp(design[:, 1:], 0)).max(initial=0.0) > 20.0
    ):
        return None
    return DayFit(counts, design, expected, extra, np.asarray(fit.params, dtype=float))


def _extra(counts: FloatArray, expected: FloatArray, freedom: int) -> float:
    """By moments: such that Pearson's sum is what it should be (Breslow, Appl Stat 1984; 33:38)."""
    from scipy.optimize import brentq

    def excess(extra: float) -> float:
        return float(np.sum((counts - expected) ** 2 / (expected * (1.0 + extra * expected)))) - freedom

    if excess(0.0) <= 0.0:
        return 0.0
    return _MOST_EXTRA if excess(_MOST_EXTRA) >= 0.0 else float(brentq(excess, 0.0, _MOST_EXTRA))
