"""Are twitches locked to blinks, or to smiles? Coincidences counted against shuffled controls of the same session.

Some twitches fall on blinks by chance alone: at 17 blinks and 30 twitches a minute, two or three a minute do. What
counts is how many more do than when the same blinks come at other times. So the blinks are shuffled and the twitches
left as they are: whatever rhythm these have, trains and spells included, is the same in every control.

Blinks keep a pause after each other, and there are many while a person talks and few while she reads. A control
therefore keeps their very intervals, only in another order among neighbors and begun at another time. Two simpler ways
were tried. Moving all blinks along the time together, intervals in order, needed 40 of them to be as sure as this is
with 7. Shuffling over the whole session took twitches and blinks that merely come in the same busy minutes for locked:
23 % of sessions at p <= 0.05, against 5 %.

What no control can tell: where twitches and blinks both keep the beat of a clock, each of its own, and the clocks go
alike, a single phase decides all coincidences. One such session of twenty is taken for locked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Trigger = Literal["blink", "smile"]

# To either side. Simulated twitches that begin up to 0.06 s after a blink peak 0.1 s before to 0.12 s after it does.
# At 0.2 s a third more fall in by chance, and of sessions with ten blinks, a twitch at half of them and 6 others a
# minute 78 % are found instead of 84 %.
WINDOW_S = 0.15
TRAIN_S = 0.5  # jerks nearer to the one before are one train, counted once, at its first: trains beat at 3-8 Hz
LEAST_TOGETHER = 2  # never one coincidence
LEAST_RATIO = 2.0  # of those expected: with hundreds of blinks, a trifle that any artifact makes would be significant
# p up to which twitches count as locked at a single look, when the session is over. Of sessions of 20 to 600 s in which
# nothing is, with blinks like blinks, double or by the clock, and twitches at random, in trains or steady, at most
# 4.5 % (of 200 each) are taken for locked all the same, by blinks or by smiles.
ALPHA = 0.05
# The same for a look after every new twitch: the more looks, the more luck. Here, too, at most 4 % are; at random 3 %
# (of 839) in 600 s and 5 % (of 55) in an hour, but 4 % and 13 % at 0.01, 15 % and 31 % at 0.05. Of sessions with 6
# other twitches a minute it finds those with a twitch at 85 % of the blinks after 5 blinks by 84 %, after 7 by 98 %;
# with one at 50 %, after 7 by 65 %, after 15 by 97 %; with one at 30 %, after 15 by 70 %.
ALPHA_REPEATED = 0.005
SHUFFLES = 999
ENOUGH = 40  # controls with as many together that end the shuffling: p is then over 0.04, and known to 16 %
BLOCK = 5  # intervals that are shuffled among themselves, about 20 s of blinks: slower changes of their rate are kept
SHIFT = 1.5  # mean intervals by which a control begins earlier or later, at most
_CELL_S = 0.1  # windows lie at least TRAIN_S - 2 WINDOW_S apart: no cell of this length touches two
_AT_ONCE = 200  # shuffles between two looks at whether it is enough


@dataclass(frozen=True, slots=True)
class Coupling:
    """How twitches lie to the events of one session (blinks, or smiles)."""

    event: Trigger
    twitches: int  # trains and single jerks that were tested
    events: int  # that were tested
    together: int  # twitches within WINDOW_S of an event
    expected: float  # mean of the controls
    p: float  # share of controls with at least as many together, the session itself counted among them; 0 to 1
    lag_s: float  # median of twitch - event over those together; NaN without any
    lag_sd_s: float  # NaN with fewer than two


def measure_coupling(
    twitches_s: Sequence[float] | Array,
    events_s: Sequence[float] | Array,
    observed: Sequence[tuple[float, float]],
    *,
    event: Trigger = "blink",
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> Coupling:
    """Count what comes together, and how often as much would by chance.

    The twitches must have been looked for in the same way at all times. A detector that is told of blinks and looks
    more closely there, or twitches gathered from round the blinks, make anything look locked; so does the pull of a lid
    that was taken for a twitch. Overlooking twitches at blinks is harmless: it only hides a coupling.

    Parameters
    ----------
    twitches_s : (N,)
        Peaks of the jerks in any order, s: those that count, not those merely marked.
    events_s : (M,)
        Peaks of the blinks, s; of smiles the moment at which they rise fastest, for that is when muscles join in.
    observed : sequence of (start, end)
        Half-open spans in which twitches could have been found, s, in any order; what lies outside is left out, a
        blink whose peak does as well. A train that goes on after a gap is still one.
    event : "blink" or "smile"
        What the events are; told on.
    shuffles : int
        Controls at most, 1 or more. The least p is 1 / (shuffles + 1).
    seed : int
        The same input and seed give the same p.

    Returns
    -------
    Coupling
        With p = 1 where there is nothing to shuffle.

    Raises
    ------
    ValueError
        Times that are not finite, or no shuffle.
    """
    if shuffles < 1:
        raise ValueError(f"At least 1 shuffle is needed, not {shuffles}.")
    line = _Line(observed)
    twitches, starts, ends = line.place(twitches_s)
    first = np.diff(twitches, prepend=-np.inf) >= TRAIN_S
    twitches, starts, ends = twitches[first], starts[first], ends[first]
    events, _, _ = line.place(events_s)
    if not len(twitches) or not len(events):
        return Coupling(event, len(twitches), len(events), 0, 0.0, 1.0, np.nan, np.nan)
    # Cut at the ends of its span: what lies beyond is not next to it in truth.
    low, high = np.maximum(twitches - WINDOW_S, starts), np.minimum(twitches + WINDOW_S, ends)
    lags = _lags(twitches, low, high, events)
    lags = lags[np.isfinite(lags)]
    windows = _Windows(low, high, line.length_s)
    done = as_many = in_all = 0
    for rows in _controls(events, line.length_s, shuffles, seed):
        counts = windows.count(rows)
        done += len(counts)
        in_all += int(counts.sum())
        as_many += int(np.count_nonzero(counts >= len(lags)))
        if as_many >= ENOUGH:
            break
    return Coupling(
        event=event,
        twitches=len(twitches),
        events=len(events),
        together=len(lags),
        expected=in_all / done,
        p=(1 + as_many) / (1 + done),
        lag_s=float(np.median(lags)) if len(lags) else np.nan,
        lag_sd_s=float(lags.std(ddof=1)) if len(lags) > 1 else np.nan,
    )


def is_coupled(coupling: Coupling, alpha: float = ALPHA_REPEATED) -> bool:
    """Whether the twitches are locked to the events.

    Parameters
    ----------
    coupling : Coupling
    alpha : float
        ``ALPHA_REPEATED`` when a session is judged again with every twitch, ``ALPHA`` when only once, at its end; both
        hold for a session that is judged by blinks and by smiles.
    """
    enough = coupling.together >= max(LEAST_TOGETHER, LEAST_RATIO * coupling.expected)
    return enough and coupling.p <= alpha


def near_events(twitches_s: Sequence[float] | Array, events_s: Sequence[float] | Array) -> npt.NDArray[np.bool_]:
    """Which twitches (N,) lie within ``WINDOW_S`` of one of the events (M,): those that a coupling speaks of."""
    twitches, events = np.asarray(twitches_s, dtype=np.float64), np.sort(np.asarray(events_s, dtype=np.float64))
    return np.isfinite(_lags(twitches, twitches - WINDOW_S, twitches + WINDOW_S, events))


class _Line:
    """Observed time laid end to end."""

    def __init__(self, observed: Sequence[tuple[float, float]]) -> None:
        if not np.isfinite(np.array(observed)).all():
            raise ValueError("The spans of observed time must be finite.")
        joined: list[tuple[float, float]] = []
        for start, end in sorted(observed):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            elif end > start:
                joined.append((start, end))
        self._spans = np.array(joined, dtype=np.float64).reshape(-1, 2)
        self._edges = np.concatenate([[0.0], np.cumsum(self._spans[:, 1] - self._spans[:, 0])])  # on the line
        self.length_s = float(self._edges[-1])

    def place(self, times_s: Sequence[float] | Array) -> tuple[Array, Array, Array]:
        """Places on the line in order, and where the span of each starts and ends there; without what is outside."""
        times = np.sort(np.asarray(times_s, dtype=np.float64))
        if not np.isfinite(times).all():
            raise ValueError("The times of twitches and events must be finite.")
        span = np.searchsorted(self._spans[:, 0], times, side="right") - 1
        times, span = times[span >= 0], span[span >= 0]
        inside = times < self._spans[span, 1]
        times, span = times[inside], span[inside]
        return times - self._spans[span, 0] + self._edges[span], self._edges[span], self._edges[span + 1]


class _Windows:
    """The windows [low, high) of the twitches on the line, in order, to be looked up a million times."""

    def __init__(self, low: Array, high: Array, length_s: float) -> None:
        # A cell names the only window it may touch, so that no search is needed; number 0 is no window.
        self._low, self._high = np.concatenate([[np.inf], low]), np.concatenate([[-np.inf], high])
        self._cells = np.zeros(int(length_s / _CELL_S) + 2, dtype=np.intp)
        first, last = (low / _CELL_S).astype(np.intp), (high / _CELL_S).astype(np.intp)
        for step in range(int((last - first).max()) + 1):
            touched = first + step <= last
            self._cells[first[touched] + step] = 1 + np.flatnonzero(touched)

    def count(self, rows: Array) -> npt.NDArray[np.intp]:
        """Windows with an event (S,), of S rows of events (S, M), each in order but for the turn of the line."""
        number = self._cells.take((rows / _CELL_S).astype(np.intp))
        inside = (rows >= self._low.take(number)) & (rows < self._high.take(number))
        again = inside[:, 1:] & inside[:, :-1] & (number[:, 1:] == number[:, :-1])  # two blinks at one twitch
        return np.count_nonzero(inside, axis=1) - np.count_nonzero(again, axis=1)


def _controls(events: Array, length_s: float, shuffles: int, seed: int) -> Iterator[Array]:
    """Rows of events (S, M) on the line, closed to a ring: their intervals in another order, begun at another time."""
    rng = np.random.default_rng(seed)
    count = len(events)
    intervals = np.diff(events, append=events[0] + length_s)
    cuts = np.linspace(0, count, max(1, round(count / BLOCK)) + 1).round().astype(int).tolist()
    reach_s = length_s * min(SHIFT / count, 0.5)
    for done in range(0, shuffles, _AT_ONCE):
        rows = np.empty((min(_AT_ONCE, shuffles - done), count))
        rows[:] = intervals
        for start, end in pairwise(cuts):
            rng.permuted(rows[:, start:end], axis=1, out=rows[:, start:end])
        rows[:, 0] += (events[0] + rng.uniform(-reach_s, reach_s, len(rows))) % length_s
        np.cumsum(rows, axis=1, out=rows)
        rows -= length_s * (rows >= length_s)
        yield rows


def _lags(times: Array, low: Array, high: Array, events: Array) -> Array:
    """Time less the nearest event in [low, high) of each (N,); NaN without one. Events in order."""
    place = np.searchsorted(events, times)
    padded = np.concatenate([[-np.inf], events, [np.inf]])
    before, after = padded[place], padded[place + 1]
    lag_before = np.where(before >= low, times - before, np.inf)
    lag_after = np.where(after < high, after - times, np.inf)
    lags = np.where(lag_before <= lag_after, lag_before, -lag_after)
    return np.where(np.isfinite(lags), lags, np.nan)
