"""What goes with more twitching: the days with each thing of the journal against the days without it.

Whoever looks at ten things will find one that seems to matter. What is called told here has passed two tests. The
ratio of the rates has a 95 % interval that leaves out 1 (:mod:`detector.study.ratio`). And the difference is larger
than that of any of the things looked at when the days of the journal are shifted against the days of the findings, all
things together, forwards and backwards round a circle: in no more than 5 of 100 of the shifts. So the chance that
anything at all is told when nothing matters stays below 5 %, also when neighboring days are alike and when things go
together; a steady rise or fall over the whole time is taken out first. Holm's correction of single tests was tried and
measured: it told something in 6 to 22 of 100 such logs, because few days make far tails unreliable.

A difference says that two things went together, never that one makes the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.study.day_model import DayFit, fit_days
from detector.study.exposures import FEWEST_DAYS, Exposure, exposures
from detector.study.history import History
from detector.study.power import days_needed, extra_of
from detector.study.ratio import RateRatio, rate_ratio, times

LEVEL = 0.05  # the chance of telling anything when nothing matters


@dataclass(frozen=True, slots=True)
class Dose:
    """The factor of the rate for a step of the amount; looked at by itself, not corrected for looking at many."""

    step: float
    unit: str
    factor: float
    low: float  # 95 % interval
    high: float
    p: float
    days: int


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """The days with a thing against those without it."""

    kind: str  # of the journal
    label: str
    days_with: int  # observed
    days_without: int
    result: RateRatio | None  # with (b) against without (a)
    p_corrected: float | None  # for all things looked at together
    dose: Dose | None
    sentence: str
    days_needed: int | None  # more of the rarer sort, to tell a halving or doubling at 80 % power; None: told, or years
    told: bool = False
    looked_at: int = 0  # things that had enough days


def trigger_results(history: History) -> list[TriggerResult]:
    """Every thing of the journal, those told first, then by how clear the difference is."""
    observed = np.array([day.is_observed for day in history.days], dtype=bool)
    counts = np.array([len(day.episodes) for day in history.days], float)
    hours = np.array([day.observed_s / 3600.0 for day in history.days])
    things = exposures(history)
    sides = [(observed & (thing.present == 1.0), observed & (thing.present == 0.0)) for thing in things]
    enough = [min(have.sum(), lack.sum()) >= FEWEST_DAYS for have, lack in sides]
    looked = [thing for thing, usable in zip(things, enough, strict=True) if usable]
    fit = _course_of_time(counts[observed], hours[observed], np.flatnonzero(observed) / 7.0) if looked else None
    corrected = iter(_shifted(fit, observed, looked) if fit is not None else [None] * len(looked))
    needed = _needed(counts[observed], hours[observed]) if things else None
    results = []
    for thing, (have, lack), usable in zip(things, sides, enough, strict=True):
        result = rate_ratio(counts[lack], hours[lack], counts[have], hours[have], shuffle=False)
        p = next(corrected) if usable else None
        told = result is not None and p is not None and p <= LEVEL and not result.low <= 1.0 <= result.high
        rarer = int(min(have.sum(), lack.sum()))
        more = None if told or needed is None else max(0, max(needed, FEWEST_DAYS) - rarer)
        known = observed & np.isfinite(thing.amounts)
        dose = _dose(counts[known], hours[known], np.flatnonzero(known) / 7.0, thing, thing.amounts[known])
        days = (int(have.sum()), int(lack.sum()))
        sentence = _sentence(thing.label, days, result if usable else None, p, told, len(looked), more)
        results.append(
            TriggerResult(thing.kind, thing.label, *days, result, p, dose, sentence, more, told, len(looked))
        )
    return sorted(results, key=lambda row: (not row.told, 2.0 if row.p_corrected is None else row.p_corrected))


def _course_of_time(
    counts: npt.NDArray[np.float64], hours: npt.NDArray[np.float64], weeks: npt.NDArray[np.float64]
) -> DayFit | None:
    """What the days would be if nothing but the time that goes by mattered."""
    return fit_days(counts, hours, np.stack([np.ones_like(weeks), weeks - weeks.mean()], axis=1))


def _shifted(fit: DayFit, observed: npt.NDArray[np.bool_], things: Sequence[Exposure]) -> list[float]:
    """p of each thing: the share of shifts in which the clearest difference of all is as clear as this one.

    The largest of all statistics under a shift of all together corrects for their number and for what they share
    (Westfall & Young 1993, Resampling-based multiple testing); a shift keeps what neighboring days share.
    """
    days = len(observed)
    residuals, weights = np.zeros(days), np.zeros(days)
    spread = 1.0 + fit.extra * fit.expected
    residuals[observed], weights[observed] = (fit.counts - fit.expected) / spread, fit.expected / spread
    turn = (np.arange(days) + np.arange(days)[:, None]) % days
    turn = np.concatenate([turn, turn[:, ::-1]])  # the first is the log as it is
    clear = np.array([_clearness(residuals[turn], weights[turn], thing.present) for thing in things])
    clearest = clear.max(axis=0)
    return [float(np.mean(clearest >= row[0] - 1e-9)) for row in clear]


def _clearness(
    residuals: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], present: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The score statistic of a thing in a log-linear model, for each shift; 0 where no day is left to compare."""
    known = np.isfinite(present)
    residuals, weights, there = residuals[:, known], weights[:, known], present[known]
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        # from the mean of the known days, in what was there and in what was found
        apart = there - (weights * there).sum(axis=1, keepdims=True) / total
        level = residuals.sum(axis=1, keepdims=True) / total
        score = np.abs((apart * (residuals - level * weights)).sum(axis=1))
        return np.nan_to_num(score / np.sqrt((weights * apart**2).sum(axis=1)), posinf=0.0)


def _dose(
    counts: npt.NDArray[np.float64],
    hours: npt.NDArray[np.float64],
    weeks: npt.NDArray[np.float64],
    thing: Exposure,
    amounts: npt.NDArray[np.float64],
) -> Dose | None:
    """By a regression on the amount and the time that goes by; needs three amounts and twice the fewest days."""
    if thing.step <= 0.0 or len(np.unique(amounts)) < 3 or len(amounts) < 2 * FEWEST_DAYS:
        return None
    scaled = amounts / thing.step
    fit = fit_days(counts, hours, np.stack([np.ones_like(weeks), weeks - weeks.mean(), scaled - scaled.mean()], axis=1))
    if fit is None:
        return None
    effect = fit.quick_effect(2)
    low, high = effect.interval()
    if not math.isfinite(high) or high > 700.0:
        return None
    factors = (math.exp(effect.log), math.exp(low), math.exp(high))
    return Dose(thing.step, thing.unit, *factors, effect.p, len(amounts))


def _needed(counts: npt.NDArray[np.float64], hours: npt.NDArray[np.float64]) -> int | None:
    """Days of each sort that tell a halving or doubling, as the person twitches and is watched."""
    if counts.sum() == 0:
        return None
    return days_needed(float(counts.sum() / hours.sum()), float(hours.mean()), extra_of(counts, hours))


def _sentence(
    label: str,
    days: tuple[int, int],
    result: RateRatio | None,
    p: float | None,
    told: bool,
    looked: int,
    more: int | None,
) -> str:
    count = f"{_days(days[0])} with {label} and {_days(days[1])} without"
    wait = (
        ""
        if not more
        else f" About {more} more {'day' if more == 1 else 'days'} of the rarer sort would tell a halving or doubling."
    )
    if result is None or p is None:
        return f"Not enough data: {count}; it takes {FEWEST_DAYS} of each, watched, with something found.{wait}"
    span = f"(95 % interval {bounds(result)})"
    looks = f" of {looked} things looked at" if looked > 1 else ""
    if not told:
        return f"No difference told{looks}: {count}, rate {factor(result)} times {span}.{wait}"
    return (
        f"{count[0].upper()}{count[1:]}: the rate was {factor(result)} times {span}, more than chance alone explains, "
        f"also with {_plural(looked, 'thing')} looked at (p {p:.2g}). They went together; what made what is not known."
    )


def factor(result: RateRatio) -> str:
    """A ratio for a sentence."""
    return "infinitely many" if math.isinf(result.ratio) else times(result.ratio)


def bounds(result: RateRatio) -> str:
    """The interval of a ratio for a sentence; one-sided when one set has no count."""
    if math.isinf(result.high):
        return f"{times(result.low)} or more"
    return f"{times(result.high)} or less" if result.count_b == 0 else f"{times(result.low)} to {times(result.high)}"


def _days(count: int) -> str:
    return _plural(count, "day")


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
