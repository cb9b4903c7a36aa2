"""Locking to blinks and smiles: how often it is seen where there is none, and after how many blinks where there is.

Only times are drawn, so no footage is needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.material import QUICK, show
from detector.coupling import (
    ALPHA,
    ALPHA_REPEATED,
    LEAST_TOGETHER,
    TRAIN_S,
    Coupling,
    is_coupled,
    measure_coupling,
    near_events,
)

Array = npt.NDArray[np.float64]
Rng = np.random.Generator
Span = tuple[float, float]

SESSIONS = 20 if QUICK else 200  # of each kind and length
LENGTHS_S = (20.0, 60.0, 200.0, 600.0)
BLINKS_PER_MIN = (14.0, 26.0)  # at rest 17, talking 26 (Bentivoglio 1997)
SMILES_PER_MIN = (1.0, 6.0)  # chosen
TWITCHES_PER_MIN = (2.0, 60.0)  # drawn evenly on a logarithmic scale
SWELL = 0.8  # of the rates about their mean, where they rise and fall
PERIOD_S = 120.0
NEWS_S = 1.0  # an episode is told this long after its last twitch
NOTHING: tuple[tuple[str, str, bool], ...] = (  # blinks, twitches, whether observed time is broken
    ("like blinks", "at random", False),
    ("like blinks", "at random", True),
    ("like blinks", "trains", False),
    ("like blinks", "rhythmic trains", True),
    ("clock", "at random", False),
    ("clock", "rhythmic trains", False),
    ("steady", "steady", False),
    ("double", "at random", False),
    ("swelling", "at random", False),
)
PER_MIN = 17.0
FROM_ONSET, FROM_PEAK = (0.0, 0.06), (-0.08, 0.12)  # lags of locked twitches, s
JITTER_S = 0.02  # standard deviation of what is measured of each
LOCKED: tuple[tuple[float, float, Span], ...] = (  # share of the blinks with a twitch, others per minute, lags
    *((share, others, FROM_ONSET) for share in (0.85, 0.5, 0.3) for others in (0.0, 6.0, 20.0)),
    (0.85, 6.0, FROM_PEAK),
)
BLINKS = (5, 7, 10, 15, 40)


@dataclass(frozen=True, slots=True)
class Session:
    twitches: Array
    blinks: Array
    smiles: Array
    observed: list[Span]


def renewed(rng: Rng, length_s: float, per_min: float, shape: float) -> Array:
    """Events with gamma intervals, some time after they began; shape 1: at random, 3: like blinks, inf: a clock."""
    mean_s = 60.0 / per_min
    count = int(2.0 * length_s / mean_s) + 60
    gaps = np.full(count, mean_s) if np.isinf(shape) else rng.gamma(shape, mean_s / shape, count)
    times = np.cumsum(gaps) - rng.uniform(10.0, 11.0) * mean_s
    return times[(times >= 0.0) & (times < length_s)]


def swelling(times: Array, length_s: float, phase: float) -> Array:
    """Times of an even rate to those of one that rises and falls; the order and the number stay."""
    grid = np.linspace(0.0, length_s, 4000)
    passed = np.cumsum(1.0 + SWELL * np.sin(2.0 * np.pi * grid / PERIOD_S + phase))
    return np.interp(times, (passed - passed[0]) / (passed[-1] - passed[0]) * length_s, grid)


def in_trains(rng: Rng, length_s: float, per_min: float, spread: float) -> Array:
    """Trains of 2 to 10 jerks at 3 to 8 Hz, begun at random."""
    starts = renewed(rng, length_s, per_min / 6.0, 1.0)
    trains = [
        start + np.cumsum(np.abs(rng.normal(1.0, spread, int(rng.integers(2, 11))))) / rng.uniform(3.0, 8.0)
        for start in starts
    ]
    times = np.sort(np.concatenate([*trains, np.zeros(0)]))
    return times[times < length_s]


def spans(rng: Rng, length_s: float, broken: bool) -> list[Span]:
    """One span, or pieces of 3 to 20 s with gaps of 0.5 to 10 s between them; ``length_s`` in all."""
    if not broken:
        return [(0.0, length_s)]
    pieces, start, left = [], 0.0, length_s
    while left > 0.0:
        piece = min(rng.uniform(3.0, 20.0), left)
        pieces.append((start, start + piece))
        start += piece + rng.uniform(0.5, 10.0)
        left -= piece
    return pieces


def session(rng: Rng, length_s: float, blinks: str, twitches: str, broken: bool) -> Session:
    """One in which nothing is locked."""
    observed = spans(rng, length_s, broken)
    whole_s = observed[-1][1]
    per_min = float(np.exp(rng.uniform(*np.log(TWITCHES_PER_MIN))))
    if twitches == "at random":
        jerks = renewed(rng, whole_s, per_min, 1.0)
    elif twitches == "steady":  # nearly a clock, as slow as blinks at most
        jerks = renewed(rng, whole_s, min(per_min, BLINKS_PER_MIN[1]), 30.0)
    else:
        jerks = in_trains(rng, whole_s, per_min, 0.05 if twitches == "rhythmic trains" else 0.4)
    shape = {"clock": np.inf, "steady": 30.0}.get(blinks, 3.0)
    closings = renewed(rng, whole_s, rng.uniform(*BLINKS_PER_MIN), shape)
    smiles = renewed(rng, whole_s, rng.uniform(*SMILES_PER_MIN), 1.5)
    if blinks == "swelling":  # and the twitches with them
        phase = rng.uniform(0.0, 2.0 * np.pi)
        jerks, closings, smiles = (swelling(times, whole_s, phase) for times in (jerks, closings, smiles))
    if blinks == "double":
        again = closings[rng.random(len(closings)) < 0.3] + rng.uniform(0.25, 0.5)
        closings = np.sort(np.concatenate([closings, again[again < whole_s]]))
    return Session(jerks, closings, smiles, observed)


def looks(one: Session, events: Array) -> Iterator[Coupling]:
    """What is known after each new twitch, from the third on.

    After twitches that lie at no event it is not asked again: on 210 sessions that changed nothing.
    """
    first = one.twitches[np.diff(one.twitches, prepend=-np.inf) >= TRAIN_S]
    near = near_events(first, events)
    for number, twitch in enumerate(first.tolist(), start=1):
        if number >= LEAST_TOGETHER and near[number - 1] and near[:number].sum() >= LEAST_TOGETHER:
            so_far = [(start, min(end, twitch + NEWS_S)) for start, end in one.observed if start < twitch + NEWS_S]
            yield measure_coupling(one.twitches, events, so_far)


def percent(found: list[bool]) -> str:
    return f"{100.0 * float(np.mean(found)):.1f}"


@pytest.mark.benchmarks
def test_what_is_not_locked_is_not_taken_for_locked() -> None:
    rows: list[tuple[object, ...]] = []
    worst = 0.0
    for length_s in LENGTHS_S:
        for blinks, twitches, broken in NOTHING:
            alone, once, again, either = [], [], [], []
            for number in range(SESSIONS):
                one = session(np.random.default_rng([number, int(length_s)]), length_s, blinks, twitches, broken)
                by_blinks = measure_coupling(one.twitches, one.blinks, one.observed)
                by_smiles = measure_coupling(one.twitches, one.smiles, one.observed, event="smile")
                alone.append(by_blinks.together >= LEAST_TOGETHER and by_blinks.p <= ALPHA)
                once.append(is_coupled(by_blinks, ALPHA) or is_coupled(by_smiles, ALPHA))
                again.append(any(is_coupled(look) for look in looks(one, one.blinks)))
                either.append(again[-1] or any(is_coupled(look) for look in looks(one, one.smiles)))
            rows.append(
                (
                    f"{length_s:g} s{', broken' if broken else ''}",
                    *(blinks, twitches),
                    *map(percent, (alone, once, again, either)),
                )
            )
            worst = max(worst, float(np.mean(once)), float(np.mean(either)))
    show(
        f"Nothing is locked: taken for locked all the same, % of {SESSIONS} sessions",
        ("observed", "blinks", "twitches", "p alone", f"end, {ALPHA:g}", f"looks, {ALPHA_REPEATED:g}", "and smiles"),
        rows,
        f"p alone: {LEAST_TOGETHER} together and p <= {ALPHA:g} at the end, by blinks. End: by blinks or by smiles, "
        "with all that is asked. Looks: after every new twitch from the third on. Blinks 14-26, smiles 1-6, twitches "
        "2-60 a minute. Clock: blinks evenly apart; steady: to 18 %; swelling: the rates of all rise and fall together "
        f"by {SWELL:.0%} in {PERIOD_S:g} s.",
    )
    assert worst <= 0.05 + 2.0 * np.sqrt(0.05 * 0.95 / SESSIONS)


def locked(rng: Rng, share: float, others_per_min: float, lags: Span, blinks: int) -> Session:
    """So many blinks, and twitches at a share of them beside others at random."""
    gaps = rng.gamma(3.0, 60.0 / PER_MIN / 3.0, blinks + 1)
    closings, length_s = np.cumsum(gaps)[:-1], float(gaps.sum())
    mine = closings[rng.random(blinks) < share]
    mine = mine + rng.uniform(*lags, len(mine)) + JITTER_S * rng.standard_normal(len(mine))
    others = rng.uniform(0.0, length_s, rng.poisson(others_per_min * length_s / 60.0))
    return Session(np.sort(np.concatenate([mine, others])), closings, np.zeros(0), [(0.0, length_s)])


def blinks_until_found(one: Session) -> float:
    first = next((look for look in looks(one, one.blinks) if is_coupled(look)), None)
    return np.inf if first is None else first.events


@pytest.mark.benchmarks
def test_what_is_locked_is_found_after_a_few_blinks() -> None:
    rows: list[tuple[object, ...]] = []
    found: dict[tuple[float, float, Span], list[float]] = {}
    for case in LOCKED:
        cells = []
        for blinks in BLINKS:
            sessions = [locked(np.random.default_rng([number, blinks]), *case, blinks) for number in range(SESSIONS)]
            measured = [measure_coupling(one.twitches, one.blinks, one.observed) for one in sessions]
            strict = [is_coupled(one) for one in measured]
            cells.append(f"{percent([is_coupled(one, ALPHA) for one in measured])} / {percent(strict)}")
            found.setdefault(case, []).append(float(np.mean(strict)))
        soon = [
            blinks_until_found(locked(np.random.default_rng([number, 0]), *case, 60)) for number in range(SESSIONS // 4)
        ]
        share, others, lags = case
        cells.append(" / ".join(f"{q:g}" for q in np.percentile(soon, (50, 90), method="higher")))
        rows.append((f"{share:.0%}", f"{others:g}", f"{lags[0]:g} to {lags[1]:g}", *cells))
    show(
        f"Locked twitches: found at the end, % of {SESSIONS} sessions at {ALPHA:g} / {ALPHA_REPEATED:g}",
        ("blinks with one", "others, /min", "lag, s", *(f"{n} blinks" for n in BLINKS), "blinks until found"),
        rows,
        f"{PER_MIN:g} blinks a minute. Blinks until found: half / nine in ten of {SESSIONS // 4} sessions, looking "
        "after every new twitch.",
    )
    assert found[0.85, 0.0, FROM_ONSET][BLINKS.index(7)] > 0.8
    assert all(shares[-1] > 0.5 for shares in found.values())


@pytest.mark.benchmarks
def test_cost() -> None:
    rows = []
    for length_s in (60.0, 300.0, 3600.0):
        blinks = round(length_s * PER_MIN / 60.0)
        costs = []
        for share, others in ((0.85, 0.0), (0.0, 12.0)):
            one = locked(np.random.default_rng(1), share, others, FROM_ONSET, blinks)
            laps = []
            for _ in range(3 if QUICK else 20):
                start = time.perf_counter()
                measure_coupling(one.twitches, one.blinks, one.observed)
                laps.append(1e3 * (time.perf_counter() - start))
            costs.append(f"{np.median(laps):.1f}")
        rows.append((f"{length_s:g} s", blinks, *costs))
    show("Time of one look, ms", ("observed", "blinks", "locked", "not locked, 12 a minute"), rows)
