"""Felt against found: what a person marked while being watched, compared with what the program found.

The person's own feeling is the only ground truth there is at home, and a weak one: small twitches are not felt, a key
is not always at hand, and attention tires. So nothing here is called a recall or a precision, every share has its
interval, and the number of hits that chance alone would give stands beside them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Interval = tuple[float, float]  # s, half-open
Watched = Literal["yes", "partly", "no", "unknown"]

# A key is pressed after the twitch is felt. Simple reactions to a touch take about 0.2 s, with noticing, deciding and
# finding the key 0.5 to 1.5 s; 3 s leaves room for a hand that was elsewhere. More would let chance in.
BEFORE_S = 3.0
# An onset is known to some hundredths of a second and the key press to one frame; what begins later was not felt.
AFTER_S = 0.3
CONFIDENCE = 0.95
_TINY_S = 1e-6  # a distance of exactly the reach is inside


@dataclass(frozen=True, slots=True)
class Span:
    """An episode, or a twitch, that was found."""

    id: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Hit:
    """Felt and found."""

    marker_s: float
    found: Span

    @property
    def lag_s(self) -> float:
        """From the start of what was found to the key press."""
        return round(self.marker_s - self.found.start_s, 6)


@dataclass(frozen=True, slots=True)
class Miss:
    """Felt, and nothing found."""

    marker_s: float
    watched: Watched  # whether the program could have found something in the seconds before


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole`` with its exact (Clopper-Pearson) 95 % interval."""

    part: int
    whole: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from the start of what was found to the key press."""

    median_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """One session, or several together."""

    hits: tuple[Hit, ...]
    missed: tuple[Miss, ...]
    again: tuple[float, ...]  # markers in reach of something found that another marker has: pressed twice, or a train
    unfelt: tuple[Span, ...]  # found, and no marker in reach
    beside: tuple[Span, ...]  # found in reach of a marker that has another one
    chance_hits: float | None  # expected, were the same markers made at random times; None when that is not known

    @property
    def markers(self) -> int:
        return len(self.hits) + len(self.missed) + len(self.again)

    @property
    def found(self) -> int:
        return len(self.hits) + len(self.unfelt) + len(self.beside)

    @property
    def felt_found(self) -> Share | None:
        """Of what was felt, the share that was found; markers at times that were not watched are left out."""
        return share(len(self.hits), len(self.hits) + sum(miss.watched != "no" for miss in self.missed))

    @property
    def found_felt(self) -> Share | None:
        """Of what was found, the share that was felt. Not a precision: small twitches are real and not felt."""
        return share(len(self.hits), len(self.hits) + len(self.unfelt))

    @property
    def lag(self) -> Lag | None:
        """None without a hit."""
        from statistics import median

        lags = [hit.lag_s for hit in self.hits]
        return Lag(median(lags), min(lags), max(lags)) if lags else None


def compare(
    markers_s: Sequence[float],
    found: Sequence[Span],
    *,
    observed: Sequence[Interval] | None = None,
    gaps: Sequence[Interval] = (),
    session: Interval | None = None,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
) -> Agreement:
    """Match felt markers with what was found, one to one.

    A marker and a finding match when any part of the finding lies in ``[marker - before_s, marker + after_s]``: a key
    pressed in the middle of a long train tells that train, though it began longer ago. Of all matchings with the most
    pairs it is the one nearest in time, where a finding that begins after the key press comes last.

    Parameters
    ----------
    markers_s : sequence of float
        When the key was pressed, s; any order.
    found : sequence of Span
        Episodes or twitches, s; any order.
    observed : sequence of (start, end), optional
        When the program could give a verdict, s; None when it is not known.
    gaps : sequence of (start, end)
        When there were no pictures, s.
    session : (start, end), optional
        The time in which markers could have been made, s; it is widened to hold all that was made and found. None:
        the hits of chance are not known.
    before_s, after_s : float
        Reach of a marker into the past and the future, s, >= 0. More finds more pairs, of chance too.
    """
    if not (before_s >= 0.0 and after_s >= 0.0):
        raise ValueError(f"a reach of {before_s} and {after_s} s: both must be 0 or more")
    times = sorted(markers_s)
    spans = sorted(found, key=lambda span: (span.start_s, span.end_s, span.id))
    costs = _costs(times, spans, before_s, after_s)
    pairs = _nearest_pairs(costs)
    near_marker, near_span = {i for i, _ in costs}, {j for _, j in costs}
    taken, had = set(pairs), set(pairs.values())
    return Agreement(
        hits=tuple(Hit(times[i], spans[j]) for i, j in sorted(pairs.items())),
        missed=tuple(
            Miss(marker, _watched((marker - before_s, marker + after_s), observed, gaps))
            for i, marker in enumerate(times)
            if i not in near_marker
        ),
        again=tuple(times[i] for i in sorted(near_marker - taken)),
        unfelt=tuple(span for j, span in enumerate(spans) if j not in near_span),
        beside=tuple(spans[j] for j in sorted(near_span - had)),
        chance_hits=_chance(times, spans, observed, gaps, session, before_s, after_s),
    )


def pool(agreements: Sequence[Agreement]) -> Agreement:
    """Several sessions as one; the hits of chance are known only if they are of all."""
    chances = [one.chance_hits for one in agreements]
    known = [chance for chance in chances if chance is not None]
    return Agreement(
        hits=tuple(hit for one in agreements for hit in one.hits),
        missed=tuple(miss for one in agreements for miss in one.missed),
        again=tuple(marker for one in agreements for marker in one.again),
        unfelt=tuple(span for one in agreements for span in one.unfelt),
        beside=tuple(span for one in agreements for span in one.beside),
        chance_hits=sum(known) if len(known) == len(chances) else None,
    )


def share(part: int, whole: int) -> Share | None:
    """With its exact interval; None of nothing."""
    if whole == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(part, whole).proportion_ci(CONFIDENCE, method="exact")
    return Share(part, whole, part / whole, float(interval.low), float(interval.high))


def _costs(
    times: Sequence[float], spans: Sequence[Span], before_s: float, after_s: float
) -> dict[tuple[int, int], float]:
    """(marker, finding) of all pairs in reach -> how far apart they are."""
    starts = [span.start_s for span in spans]
    longest = max((span.end_s - span.start_s for span in spans), default=0.0)
    costs = {}
    for i, marker in enumerate(times):
        first = bisect_left(starts, marker - before_s - longest - _TINY_S)
        last = bisect_right(starts, marker + after_s + _TINY_S)
        for j in range(first, last):
            if spans[j].end_s >= marker - before_s - _TINY_S:
                costs[i, j] = _cost(marker, spans[j], before_s)
    return costs


def _cost(marker_s: float, span: Span, before_s: float) -> float:
    """Distance in time, 0 inside; what begins after the key press is farther than all that was before it."""
    if span.start_s > marker_s:
        return before_s + (span.start_s - marker_s)
    return max(0.0, marker_s - span.end_s)


def _nearest_pairs(costs: dict[tuple[int, int], float]) -> dict[int, int]:
    """Marker -> finding: as many pairs as there can be, and of those matchings one with the least total cost."""
    if not costs:
        return {}
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    rows, columns = sorted({i for i, _ in costs}), sorted({j for _, j in costs})
    row_of, column_of = {i: k for k, i in enumerate(rows)}, {j: k for k, j in enumerate(columns)}
    # one forbidden pair costs more than all that are allowed together, so that their number comes first
    forbidden = (max(costs.values()) + 1.0) * (min(len(rows), len(columns)) + 1)
    matrix = np.full((len(rows), len(columns)), forbidden)
    for (i, j), cost in costs.items():
        matrix[row_of[i], column_of[j]] = cost
    chosen = zip(*linear_sum_assignment(matrix), strict=True)
    return {rows[r]: columns[c] for r, c in chosen if (rows[r], columns[c]) in costs}


def _watched(reach: Interval, observed: Sequence[Interval] | None, gaps: Sequence[Interval]) -> Watched:
    length = reach[1] - reach[0]
    lost = _length(_union(gaps, reach))
    if observed is None:  # of the rest nothing is known
        return "no" if lost >= length - _TINY_S else "partly" if lost > _TINY_S else "unknown"
    seen = _length(_without(_union(observed, reach), gaps))
    return "yes" if seen >= length - _TINY_S else "partly" if seen > _TINY_S else "no"


def _chance(
    times: Sequence[float],
    spans: Sequence[Span],
    observed: Sequence[Interval] | None,
    gaps: Sequence[Interval],
    session: Interval | None,
    before_s: float,
    after_s: float,
) -> float | None:
    """Markers times the share of the time in which a key press would have met a finding.

    That is markers times rate times reach for short findings that lie apart, and stays right for long ones and trains.
    At most one marker for each finding, as in the matching.
    """
    if session is None:
        return None
    edges = [*times, *(edge for span in spans for edge in (span.start_s, span.end_s))]
    whole = (min([session[0], *edges]), max([session[1], *edges]))
    watched = _without(_union([whole] if observed is None else observed, whole), gaps)
    total = _length(watched)
    if not math.isfinite(total) or total <= 0.0:
        return None
    met = _union([(span.start_s - after_s, span.end_s + before_s) for span in spans], whole)
    inside = total - _length(_without(watched, met))
    return min(len(times) * inside / total, float(len(spans)))


def _union(intervals: Sequence[Interval], limits: Interval) -> list[Interval]:
    """Disjoint and in order, cut to the limits."""
    joined: list[Interval] = []
    for start, end in sorted((max(a, limits[0]), min(b, limits[1])) for a, b in intervals):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """What of disjoint intervals lies in no hole."""
    left: list[Interval] = []
    for start, end in intervals:
        for a, b in _union(holes, (start, end)):
            if a > start:
                left.append((start, a))
            start = b
        if end > start:
            left.append((start, end))
    return left


def _length(intervals: Sequence[Interval]) -> float:
    return sum(end - start for start, end in intervals)
