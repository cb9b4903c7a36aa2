"""How far two raters agree beyond chance: two people, or a person and the program, by Cohen's kappa.

Over episodes: of those that both judged, each said twitch or no twitch. Over seconds: of the seconds observed, each
marked some and not the others; there the many seconds without anything count as agreement, which is what kappa allows
for. Cohen, Educ Psychol Meas 1960; 20:37. Landis and Koch (Biometrics 1977; 33:159) call 0.41-0.6 moderate, 0.61-0.8
substantial, more almost perfect; these words are a convention, not a test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.study.labels import covered

F64 = npt.NDArray[np.floating[Any]]

CELL_S = 1.0  # seconds that are compared as one: the step at which people can mark by hand
OBSERVED = 0.5  # of a second must be observed for it to count
BLOCK = 60  # seconds drawn together: neighbors are not independent
DRAWS = 2000
LEAST = 10  # things that both judged
_LEAST_S = 1e-6  # of a second is no mark but rounding


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement of two raters over ``count`` things: both yes, only the first, only the second, neither."""

    first: str
    second: str
    over: str  # "episodes" or "seconds"
    both: int
    only_first: int
    only_second: int
    neither: int
    value: float | None  # None where it is not defined: one of them said the same of everything
    low: float | None  # 95 %, by bootstrap; None with too little
    high: float | None
    note: str = ""

    @property
    def count(self) -> int:
        """Things that both judged."""
        return self.both + self.only_first + self.only_second + self.neither


def cohen(both: F64, only_first: F64, only_second: F64, neither: F64) -> F64:
    """Cohen's kappa of tables of two answers, any shape; nan where a rater gave one answer only to everything."""
    whole = both + only_first + only_second + neither
    with np.errstate(divide="ignore", invalid="ignore"):
        agreed = (both + neither) / whole
        first, second = (both + only_first) / whole, (both + only_second) / whole
        chance = first * second + (1.0 - first) * (1.0 - second)
        usable = (first > 0.0) & (first < 1.0) & (second > 0.0) & (second < 1.0)
        out: F64 = np.where(usable, (agreed - chance) / (1.0 - chance), np.nan)
    return out


def compare(
    first: str,
    second: str,
    over: str,
    answers: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Kappa:
    """Kappa of answers (n, 2).

    Parameters
    ----------
    blocks : (n,) of int, optional
        What is drawn together for the interval; default each by itself.
    """
    cells = np.stack(
        [answers[:, 0] & answers[:, 1], answers[:, 0] & ~answers[:, 1], ~answers[:, 0] & answers[:, 1],
         ~answers[:, 0] & ~answers[:, 1]], axis=1,
    ).astype(np.float64)  # fmt: skip
    if blocks is not None and len(cells):
        groups = np.unique(blocks, return_inverse=True)[1]
        parts = np.zeros((int(groups.max()) + 1, 4))
        np.add.at(parts, groups, cells)
    else:
        parts = cells
    table = cells.sum(axis=0)
    value = float(cohen(*table)) if len(cells) else math.nan
    low = high = None
    note = ""
    if math.isnan(value):
        note = "not defined: one of the two said the same of everything" if len(cells) else "nothing that both judged"
    elif len(cells) < LEAST or len(parts) < 2:
        note = "too little for an interval"
    else:
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(len(parts), np.full(len(parts), 1.0 / len(parts)), size=DRAWS).astype(np.float64)
        drawn = cohen(*(weights @ parts).T)
        drawn = drawn[np.isfinite(drawn)]
        if len(drawn) > 0.5 * DRAWS:
            low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    yes_yes, yes_no, no_yes, no_no = (int(cell) for cell in table)
    known = None if math.isnan(value) else value
    return Kappa(first, second, over, yes_yes, yes_no, no_yes, no_no, known, low, high, note)


def seconds(first: str, second: str, recordings: Sequence[tuple[F64, F64, F64]]) -> Kappa:
    """Second by second, from (marks of the first, marks of the second, observed spans) of each recording."""
    answers, blocks = [], []
    for number, (one, other, observed) in enumerate(recordings):
        last_s = float(observed[:, 1].max(initial=0.0))
        edges = CELL_S * np.arange(math.ceil(last_s / CELL_S) + 1)
        seen = covered(observed, edges) >= OBSERVED * CELL_S
        both = np.stack([covered(_joined(spans), edges) > _LEAST_S for spans in (one, other)], axis=1)
        answers.append(both[seen])
        blocks.append(1_000_000 * number + np.flatnonzero(seen) // BLOCK)
    return compare(first, second, "seconds", np.concatenate(answers), np.concatenate(blocks))


def _joined(spans: F64) -> F64:
    """The same time without overlaps."""
    out: list[list[float]] = []
    for begin, end in sorted(spans.tolist()):
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return np.array(out, dtype=np.float64).reshape(-1, 2)
