"""Signals decided at every threshold at once: what would be found at each, so that any of them is a look into a table.

Scores do not depend on the threshold, only what is made of them does. So the scores are made once and given to one
grouping for each threshold of :data:`RUNGS`; what each finds is what ``rescore --threshold`` finds there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detector.config import Settings
from detector.deciding import Decider
from detector.episodes import Grouper
from detector.lids import Closing
from detector.readings import Measured, Reading
from detector.twitches import FOLLOWER_SHARE, Candidate, Moment, candidate_of
from detector.types import Episode, Twitch

if TYPE_CHECKING:
    from collections.abc import Callable


F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
# From where noise passes every 20 s or so to where it never does: the tail of the score falls by e per 0.72, so that a
# step of 0.2 changes the false alarms by a quarter, and noise that passes 6 an hour at 7.4 passes once in 100 h at 12.
RUNGS = (*(round(5.0 + 0.2 * k, 1) for k in range(21)), 9.5, 10.0, 11.0, 12.0)
JOIN_S = 0.05  # observed times closer than this are one span: the frames of a span join up to rounding


@dataclass(frozen=True, slots=True)
class Ladder:
    """What one recording gives at every threshold of ``RUNGS``; times in s from its start."""

    rung: I64  # (E,) position in RUNGS, rising
    start_s: F64  # (E,) of the episodes found at it, ordinary movements left out; in time order within a rung
    end_s: F64  # (E,)
    observed: F64  # (S, 2) when a verdict was possible, the same at every threshold
    first_s: float
    last_s: float

    def at(self, rung: int) -> F64:
        """(n, 2) start and end of the episodes at a rung."""
        low, high = np.searchsorted(self.rung, [rung, rung + 1])
        return np.stack([self.start_s[low:high], self.end_s[low:high]], axis=1)

    @property
    def observed_s(self) -> float:
        """Seconds observed."""
        return float(np.sum(self.observed[:, 1] - self.observed[:, 0]))


class _Rungs:
    """One grouping for each threshold; tells nothing, keeps the episodes."""

    def __init__(self, settings: Settings) -> None:
        self._each = [(t, Grouper(settings.model_copy(update={"threshold": t}))) for t in RUNGS]
        self.found: list[list[Episode]] = [[] for _ in RUNGS]

    def push(self, item: Moment | Candidate) -> Iterator[Twitch | Episode]:
        if isinstance(item, Moment):
            for (_, grouper), found in zip(self._each, self.found, strict=True):
                _keep(grouper.push(item), found)
        else:
            moment = item.moment
            highest = max(float(moment.score.max()), float(moment.patterns.max()), float(moment.excess.max()))
            for (threshold, grouper), found in zip(self._each, self.found, strict=True):
                if highest < FOLLOWER_SHARE * threshold:
                    break
                _keep(grouper.push(candidate_of(moment, FOLLOWER_SHARE * threshold)), found)
        return iter(())

    def blink(self, closing: Closing) -> None:
        for _, grouper in self._each:
            grouper.blink(closing)

    def finish(self) -> Iterator[Twitch | Episode]:
        for (_, grouper), found in zip(self._each, self.found, strict=True):
            _keep(grouper.finish(), found)
        return iter(())


def _keep(events: Iterable[Twitch | Episode], found: list[Episode]) -> None:
    found.extend(event for event in events if isinstance(event, Episode) and event.number > 0)


def decide_at_all(
    readings: Iterable[Reading], settings: Settings, on_time: Callable[[float], None] | None = None
) -> Ladder:
    """The ladder of one recording.

    Parameters
    ----------
    readings : iterable of Reading
        Of the signals, in time order.
    settings : Settings
        Those of the analysis; its sensitivity and threshold play no part.
    on_time : callable, optional
        Called with the time of each frame decided.
    """
    rungs = _Rungs(settings)
    decider = Decider(settings.model_copy(update={"threshold": RUNGS[0]}), grouper=rungs)
    spans: list[list[float]] = []
    observed_s, first_s, last_s = 0.0, None, 0.0
    for event in decider.run(readings):
        if not isinstance(event, Measured):
            continue
        first_s, last_s = event.t_s if first_s is None else first_s, event.t_s
        step, observed_s = decider.observed_s - observed_s, decider.observed_s
        if step > 0.0:
            if spans and event.t_s - step - spans[-1][1] < JOIN_S:
                spans[-1][1] = event.t_s
            else:
                spans.append([event.t_s - step, event.t_s])
        if on_time is not None:
            on_time(event.t_s)
    found = [(k, e.start_s, e.end_s) for k, each in enumerate(rungs.found) for e in each]
    table = np.array(sorted(found), dtype=np.float64).reshape(-1, 3)
    return Ladder(
        table[:, 0].astype(np.int64), table[:, 1], table[:, 2], np.array(spans, dtype=np.float64).reshape(-1, 2),
        first_s or 0.0, last_s,
    )  # fmt: skip
