"""From counts at every threshold to a threshold for this person and camera, and how sure that is.

False alarms are rare where they are wanted rare: an hour at 6 an hour holds six. What is rare is reckoned from what is
not: above a reference threshold at which there were enough of them, their number falls exponentially with the
threshold. How fast is taken from the recordings themselves, drawn toward the tail that the program's own thresholds
were read off, the more so the fewer there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.config import TAIL
from detector.study.labels import Counts
from detector.study.ladder import RUNGS

F64 = npt.NDArray[np.floating[Any]]

CONFIDENCE = 0.95
ENOUGH = 20  # false alarms that make a threshold the reference: their number is then known to a quarter
LEAST = 8  # with fewer above the lowest threshold that was judged nothing is proposed
LEAST_MINUTES = 5  # nor when they lie in fewer minutes: they may be one conversation
LEAST_JUDGED = 0.8  # of the episodes at a threshold: with fewer the rest would have to be guessed
WIDEST = 20.0  # nor when the rate at the proposal is not known to this factor, end to end
# False alarms that the program's own tail counts as: it is then known to a third. Of twelve people, with 2 to 18 false
# alarms each, the tails were 0.2 to 1.7 (benchmarks/test_tune.py).
PRIOR = 10.0
DRAWS = 1000  # of the minutes, with replacement

_T = np.array(RUNGS)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold comes to."""

    threshold: float
    found: int
    false: int
    unknown: int  # episodes that nobody has judged
    recall: Interval | None  # Wilson; of the twitches in observed time
    precision: Interval | None  # Wilson; twitches found over these and the false alarms
    false_per_hour: Interval | None  # exact Poisson, over observed time away from twitches
    fitted_per_hour: Interval | None = None  # from the reference threshold and the tail; bootstrap over minutes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold, or why there is none."""

    asked_per_hour: float
    threshold: float | None  # one of RUNGS
    range: tuple[float, float] | None  # thresholds that may be the right one, 95 %
    expected_per_hour: Interval | None  # at the proposal
    reference: float | None  # threshold that it is reckoned from
    tail: float | None  # the number falls by e per this much of the score
    reason: str  # why there is none, or what to mind; empty when there is nothing to say


@dataclass(frozen=True, slots=True)
class _Fit:
    reference: int  # position in RUNGS
    rate: F64  # (1 + DRAWS,) an hour at the reference; the first of the recordings as they are
    tail: F64  # (1 + DRAWS,)

    def rates(self, threshold: float) -> F64:
        """False alarms an hour at a threshold."""
        out: F64 = self.rate * np.exp((_T[self.reference] - threshold) / self.tail)
        return out

    def thresholds(self, asked_per_hour: float) -> F64:
        with np.errstate(divide="ignore"):
            wanted = _T[self.reference] + self.tail * np.log(self.rate / asked_per_hour)
        out: F64 = np.clip(wanted, _T[0], _T[-1])
        return out


def curve(counts: Counts, fit: _Fit | None = None) -> list[Point]:
    """Every threshold of ``RUNGS``."""
    twitches = int(counts.twitches.sum())
    found, false, unknown = (np.sum(getattr(counts, n), axis=0).tolist() for n in ("found", "false", "unknown"))
    hours = counts.hours * _shares(counts)
    points = []
    for k, threshold in enumerate(RUNGS):
        rates = None if fit is None or k < fit.reference else fit.rates(threshold)
        points.append(
            Point(
                threshold, found[k], false[k], unknown[k],
                share(found[k], twitches), share(found[k], found[k] + false[k]), per_hour(false[k], float(hours[k])),
                None if rates is None else _interval(rates),
            )
        )  # fmt: skip
    return points


def propose(counts: Counts, asked_per_hour: float, seed: int = 0) -> tuple[Proposal, list[Point]]:
    """The threshold with so many false alarms per observed hour, and the curve.

    Parameters
    ----------
    counts : Counts
    asked_per_hour : float
        Above 0.
    seed : int
        Of the draws; the same gives the same.
    """

    def nothing(reason: str, fit: _Fit | None = None) -> tuple[Proposal, list[Point]]:
        reference = None if fit is None else float(_T[fit.reference])
        tail = None if fit is None else float(fit.tail[0])
        return Proposal(asked_per_hour, None, None, None, reference, tail, reason), curve(counts, fit)

    false = counts.false.sum(axis=0)
    any_found = (counts.judged + counts.unknown).sum(axis=0) > 0
    # where nothing is found nothing had to be judged: that tells something only of recordings in which nothing ever is
    usable = np.flatnonzero((_shares(counts) >= LEAST_JUDGED) & (any_found | ~any_found.any()))
    if counts.hours <= 0.0:
        return nothing("nothing was observed away from twitches, so false alarms have no rate")
    if not len(usable):
        judged = 100.0 * float(_shares(counts)[any_found].max())
        return nothing(f"at most {judged:.0f} % of what is found at any threshold is reviewed: review the rest")
    lowest = int(usable[0])
    few = per_hour(int(false[lowest]), counts.hours)
    assert few is not None
    if lowest == 0 and few.high < asked_per_hour:
        said = f"even at {RUNGS[0]:g}, the lowest tried, there are fewer false alarms than asked"
        return Proposal(asked_per_hour, RUNGS[0], (RUNGS[0], RUNGS[0]), few, RUNGS[0], None, said), curve(counts)
    minutes = int(np.count_nonzero(counts.false[:, lowest]))
    if false[lowest] < LEAST or minutes < LEAST_MINUTES:
        return nothing(
            f"too few false alarms to reckon from: at {RUNGS[lowest]:g} there are {false[lowest]} of at least {LEAST}, "
            f"in {minutes} of at least {LEAST_MINUTES} different minutes: give more recordings"
        )
    fit = _fit(counts, _reference(counts, usable, asked_per_hour), seed)
    thresholds = fit.thresholds(asked_per_hour)
    chosen = int(np.argmin(np.abs(_T - thresholds[0])))
    while chosen + 1 < len(RUNGS) and _too_many(counts, chosen, asked_per_hour):
        chosen += 1
    expected = _interval(fit.rates(RUNGS[chosen]))
    if expected.high > WIDEST * max(expected.low, 1e-9):
        return nothing(
            f"at {RUNGS[chosen]:g} there could be {expected.low:.2g} to {expected.high:.2g} false alarms an hour: too "
            "little is known of these recordings, give more of them",
            fit,
        )
    low, high = np.quantile(thresholds[1:], _TAILS).tolist()
    reached = (min(low, RUNGS[chosen]), max(high, RUNGS[chosen]))
    said = ""
    if RUNGS[chosen] < RUNGS[lowest]:
        said = f"below {RUNGS[lowest]:g}, the lowest threshold that was reviewed: it is reckoned beyond what was seen"
    return (
        Proposal(
            asked_per_hour, RUNGS[chosen], reached, expected, RUNGS[fit.reference], float(fit.tail[0]), said
        ),
        curve(counts, fit),
    )  # fmt: skip


def share(part: int, whole: int) -> Interval | None:
    """Wilson's interval (J Am Stat Assoc 1927; 22:209); None of nothing."""
    if whole <= 0:
        return None
    from scipy.special import ndtri

    value, z = part / whole, float(ndtri(_TAILS[1]))
    middle = (value + z * z / (2.0 * whole)) / (1.0 + z * z / whole)
    reach = z / (1.0 + z * z / whole) * float(np.sqrt(value * (1.0 - value) / whole + z * z / (4.0 * whole * whole)))
    return Interval(value, max(middle - reach, 0.0), min(middle + reach, 1.0))


def per_hour(events: int, hours: float) -> Interval | None:
    """The exact interval of a Poisson rate (Garwood, Biometrika 1936; 28:437); None without time."""
    if hours <= 0.0:
        return None
    from scipy.special import gammaincinv

    low = float(gammaincinv(events, _TAILS[0])) if events else 0.0
    return Interval(events / hours, low / hours, float(gammaincinv(events + 1, _TAILS[1])) / hours)


_TAILS = (0.5 * (1.0 - CONFIDENCE), 0.5 * (1.0 + CONFIDENCE))


def _shares(counts: Counts) -> F64:
    """(K,) of the episodes at a threshold, the share that somebody has judged; 1 where there are none."""
    judged, unknown = counts.judged.sum(axis=0), counts.unknown.sum(axis=0)
    out: F64 = np.where(judged + unknown > 0, judged / np.maximum(judged + unknown, 1), 1.0)
    return out


def _reference(counts: Counts, usable: npt.NDArray[np.intp], asked_per_hour: float) -> int:
    """The highest threshold with enough false alarms, and more than asked: the nearest to reckon from."""
    false = counts.false.sum(axis=0)
    rates = false / (counts.hours * _shares(counts))
    fit = [int(k) for k in usable if false[k] >= ENOUGH and rates[k] >= asked_per_hour]
    return fit[-1] if fit else int(usable[0])


def _fit(counts: Counts, reference: int, seed: int) -> _Fit:
    rng = np.random.default_rng(seed)
    blocks = len(counts.quiet_s)
    weights = np.ones((1 + DRAWS, blocks))
    weights[1:] = rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=DRAWS)
    false = weights @ counts.false[:, reference:]
    judged, unknown = (weights @ getattr(counts, name)[:, reference] for name in ("judged", "unknown"))
    hours = weights @ counts.quiet_s / 3600.0 * np.where(judged > 0, judged / np.maximum(judged + unknown, 1.0), 1.0)
    # Over the reference they reach this far altogether: the area under their number.
    reach = np.sum(0.5 * (false[:, :-1] + false[:, 1:]) * np.diff(_T[reference:]), axis=1)
    prior = np.full(1 + DRAWS, PRIOR * TAIL)
    prior[1:] = TAIL * rng.gamma(PRIOR, size=DRAWS)
    tail = (reach + prior) / (false[:, 0] + PRIOR)
    return _Fit(reference, false[:, 0] / np.maximum(hours, 1e-9), tail)


def _too_many(counts: Counts, rung: int, asked_per_hour: float) -> bool:
    """Whether the very count at a threshold contradicts what is asked: a tail may be heavier than any exponential."""
    counted = per_hour(int(counts.false[:, rung].sum()), counts.hours * float(_shares(counts)[rung]))
    return counted is not None and counted.low > asked_per_hour


def _interval(draws: F64) -> Interval:
    low, high = np.quantile(draws[1:], _TAILS).tolist()
    return Interval(float(draws[0]), low, high)
