"""What chance does: false alarms on time without events, thresholds that allow so many of them, intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.rival_scores import Peaks
from detector.score import TruthEvent

F64 = npt.NDArray[np.float64]

QUIET_S = 0.5  # farther than this from every event is quiet: farther than the filters reach
ALARM_S = 1.0  # peaks nearer to each other are one alarm, as the program's episodes are
FIT_PER_MIN = 10.0  # the tail is fitted to the alarms above the height that so many a minute pass
DRAWS = 4000


def quiet_s(truth: Sequence[TruthEvent], length_s: float) -> float:
    """Seconds of a clip that are farther than ``QUIET_S`` from every event."""
    edges = [(max(event.onset_s - QUIET_S, 0.0), min(event.offset_s + QUIET_S, length_s)) for event in truth]
    busy, until = 0.0, 0.0
    for start, end in sorted(edges):
        busy += max(end - max(start, until), 0.0)
        until = max(until, end)
    return length_s - busy


def alarms(peaks: Peaks, truth: Sequence[TruthEvent]) -> list[float]:
    """Heights of the peaks in quiet time; of those nearer than ``ALARM_S`` to each other only the highest."""
    near = np.zeros(len(peaks.t_s), dtype=bool)
    for event in truth:
        near |= (peaks.t_s >= event.onset_s - QUIET_S) & (peaks.t_s <= event.offset_s + QUIET_S)
    left = list(zip(peaks.score[~near].tolist(), peaks.t_s[~near].tolist(), strict=True))
    kept: list[tuple[float, float]] = []
    for height, t_s in sorted(left, reverse=True):
        if all(abs(t_s - other) >= ALARM_S for _, other in kept):
            kept.append((height, t_s))
    return [height for height, _ in kept]


def counted(heights: Sequence[float], minutes: float, per_min: float) -> float:
    """The threshold that ``per_min`` alarms a minute pass (rounded to whole alarms), halfway to the next one."""
    allowed = round(minutes * per_min)
    ranked = sorted(heights, reverse=True)
    if allowed >= len(ranked):
        return 0.0
    return ranked[0] * 1.0001 if allowed == 0 else 0.5 * (ranked[allowed - 1] + ranked[allowed])


def extrapolated(heights: Sequence[float], minutes: float, per_min: float) -> tuple[float, float]:
    """The threshold for a rate too low to be counted, and the tail it comes from.

    Alarms above the height u that ``FIT_PER_MIN`` a minute pass are taken as exponential (mean excess beta, the maximum
    likelihood fit): the rate above s is FIT_PER_MIN exp(-(s - u) / beta).

    Returns
    -------
    threshold, beta
    """
    least = counted(heights, minutes, FIT_PER_MIN)
    beta = float(np.mean([height - least for height in heights if height > least]))
    return least + beta * float(np.log(FIT_PER_MIN / per_min)), beta


def interval(people: Sequence[Sequence[int]]) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over events: people are drawn anew, then the events of each.

    Parameters
    ----------
    people : sequence of sequences of int
        For each person, of each event: 1 found, 0 missed; or of two methods, the one less the other (-1, 0, 1).
    """
    rng = np.random.default_rng(1)
    events = np.array([len(person) for person in people])
    shares = np.array([[person.count(value) / len(person) for value in (-1, 0, 1)] for person in map(list, people)])
    drawn = rng.integers(len(people), size=(DRAWS, len(people)))
    counts = rng.multinomial(events[drawn], shares[drawn]).sum(axis=1)  # (DRAWS, 3)
    low, high = np.percentile((counts[:, 2] - counts[:, 0]) / counts.sum(axis=1), (2.5, 97.5))
    return float(low), float(high)
