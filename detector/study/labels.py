"""What a person says about a recording, against what is found in it at every threshold: counts by the minute.

A truth file says of the whole recording what is there. Reviews say it of the episodes they were given: what no review
speaks of stays unknown, and is neither a hit nor a false alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.score import WIDEN_S
from detector.score_files import TruthEvent
from detector.study.ladder import RUNGS, Ladder

F64 = npt.NDArray[np.floating[Any]]
I64 = npt.NDArray[np.int64]

BLOCK_S = 60.0  # false alarms come in bunches (a conversation, a cold): what is drawn anew is minutes, not episodes


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of one recording; (n, 2) arrays of start and end, s."""

    twitches: F64  # that are there
    rejected: F64  # found by the program, and no twitch
    unsure: F64  # neither counts
    complete: bool  # a truth file: what meets none of these is a false alarm


@dataclass(frozen=True, slots=True)
class Counts:
    """Minute by minute (B of them) and rung by rung (K of ``RUNGS``)."""

    recording: I64  # (B,) number of the recording
    observed_s: F64  # (B,)
    quiet_s: F64  # (B,) observed, and away from every twitch: what false alarms are counted over
    twitches: I64  # (B,) there, in observed time
    unseen: int  # twitches in time that was not observed: nobody could have found them
    found: I64  # (B, K) of ``twitches``
    false: I64  # (B, K) episodes that are no twitch
    unknown: I64  # (B, K) episodes that nobody has judged
    judged: I64  # (B, K) episodes that somebody has

    @property
    def hours(self) -> float:
        """Hours that false alarms are counted over."""
        return float(self.quiet_s.sum()) / 3600.0


def marks_of_truth(events: Sequence[TruthEvent]) -> Marks:
    """Blinks, speech and the like in a truth file are not to be found."""
    spans = [(event.onset_s, event.offset_s) for event in events if not event.distractor]
    return Marks(_spans(spans), _spans([]), _spans([]), complete=True)


def marks_of_reviews(judged: Sequence[tuple[float, float, str]]) -> Marks:
    """From (start, end, review) of the episodes of one recording that were reviewed."""
    by = {word: _spans([(start, end) for start, end, said in judged if said == word]) for word in _WORDS}
    return Marks(by["confirmed"], by["rejected"], by["unsure"], complete=False)


def count(recordings: Sequence[tuple[Ladder, Marks]]) -> Counts:
    """Hits, false alarms and what is unknown, of all recordings together."""
    parts = [_count(number, ladder, marks) for number, (ladder, marks) in enumerate(recordings)]
    names = ("recording", "observed_s", "quiet_s", "twitches", "found", "false", "unknown", "judged")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Counts(**joined, unseen=sum(part.unseen for part in parts))


_WORDS = ("confirmed", "rejected", "unsure")


def _count(number: int, ladder: Ladder, marks: Marks) -> Counts:
    base_s = float(ladder.first_s)
    blocks = max(int(np.ceil((ladder.last_s - base_s) / BLOCK_S)), 1)
    edges = base_s + BLOCK_S * np.arange(blocks + 1)
    edges[-1] = max(edges[-1], ladder.last_s + BLOCK_S)
    widened = _widened(marks.twitches)
    seen = _overlaps(marks.twitches, ladder.observed)
    block_of = np.clip(((marks.twitches[:, 0] - base_s) // BLOCK_S).astype(np.int64), 0, blocks - 1)
    shape = (blocks, len(RUNGS))
    table = {name: np.zeros(shape, dtype=np.int64) for name in ("found", "false", "unknown", "judged")}
    for rung in range(len(RUNGS)):
        here = ladder.at(rung)
        np.add.at(table["found"][:, rung], block_of[matched(widened, here) & seen], 1)
        on_twitch = _overlaps(here, widened)
        doubtful = _overlaps(here, _widened(marks.unsure)) & ~on_twitch
        wrong = ~on_twitch & ~doubtful
        if not marks.complete:
            known = _overlaps(here, _widened(marks.rejected))
            unknown, wrong = wrong & ~known, wrong & known
        else:
            unknown = np.zeros(len(here), dtype=bool)
        place = np.clip(((here[:, 0] - base_s) // BLOCK_S).astype(np.int64), 0, blocks - 1)
        for name, which in (("false", wrong), ("unknown", unknown), ("judged", on_twitch | wrong | doubtful)):
            np.add.at(table[name][:, rung], place[which], 1)
    quiet = without(ladder.observed, np.concatenate([widened, _widened(marks.unsure)]))
    return Counts(
        recording=np.full(blocks, number),
        observed_s=covered(ladder.observed, edges),
        quiet_s=covered(quiet, edges),
        twitches=np.bincount(block_of[seen], minlength=blocks),
        unseen=int(np.sum(~seen)),
        **table,
    )


def matched(there: F64, here: F64) -> npt.NDArray[np.bool_]:
    """(n,) which of the spans ``there`` have one of ``here`` to themselves, in a largest one-to-one matching."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    near = (here[None, :, 1] > there[:, None, 0]) & (here[None, :, 0] < there[:, None, 1])
    if not near.any():
        return np.zeros(len(there), dtype=bool)
    other = np.asarray(maximum_bipartite_matching(csr_array(near), perm_type="column"))
    return np.asarray(other >= 0, dtype=bool)


def without(spans: F64, holes: F64) -> F64:
    """``spans`` less ``holes``; the first must not overlap each other, the second may."""
    out = []
    holes = holes[np.argsort(holes[:, 0])]
    for begin, end in spans.tolist():
        for low, high in holes[(holes[:, 1] > begin) & (holes[:, 0] < end)].tolist():
            if low > begin:
                out.append((begin, low))
            begin = max(begin, high)
        if end > begin:
            out.append((begin, end))
    return _spans(out)


def covered(spans: F64, edges: F64) -> F64:
    """(n - 1,) s between each edge and the next that spans cover, which do not overlap each other."""
    if not len(spans):
        return np.zeros(len(edges) - 1)
    spans = spans[np.argsort(spans[:, 0])]
    so_far = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    knots_s = spans.ravel()
    reached = np.repeat(so_far, 2)[1:-1]  # at the beginning and at the end of each
    out: F64 = np.diff(np.interp(edges, knots_s, reached))
    return out


def _spans(spans: Sequence[tuple[float, float]]) -> F64:
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _widened(spans: F64) -> F64:
    return spans + np.array([-WIDEN_S, WIDEN_S])


def _overlaps(spans: F64, others: F64) -> npt.NDArray[np.bool_]:
    """(n,) whether a span overlaps any of the others."""
    touch = (others[None, :, 1] > spans[:, None, 0]) & (others[None, :, 0] < spans[:, None, 1])
    return np.asarray(touch.any(axis=1), dtype=bool)
