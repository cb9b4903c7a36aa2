"""Found against truth: the measures that are reported together, so that no single one can flatter.

Matching is one-to-one everywhere. Times are compared to a microsecond, so that a distance of exactly 50 ms is inside a
collar of 50 ms. The side and the kind play no part in matching: they are judged on what time has matched.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from detector.score_files import FoundEvent, TruthEvent, read_found, read_observed_s, read_truth
from detector.score_result import F1, NOT_FOUND, NOTHING, Bin, CountError, Limit, Scores, Spread

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

__all__ = ["FoundEvent", "Scores", "TruthEvent", "read_found", "read_observed_s", "read_truth", "score_events"]

COLLARS_MS = (50, 100, 200)
IOU = 0.5  # the convention of micro-expression spotting (MEGC)
WIDEN_S = 0.2  # an event counts as found when an episode overlaps it widened by this much on each side
SIZE_BINS_PX = (0.8, 1.6, 3.0)
# A detection limit is a fit to hits and misses. With fewer of either, the limit would be an artefact of the fit.
LIMIT_EVENTS = 20
LIMIT_EACH = 5  # found, and missed
LIMIT_SIZES = 3  # different sizes
_DECIMALS = 6


def score_events(found: Sequence[FoundEvent], truth: Sequence[TruthEvent], observed_s: float | None = None) -> Scores:
    """Every measure of the findings of one clip against its truth.

    Parameters
    ----------
    found : sequence of FoundEvent
        From :func:`read_found`; those not claimed are neither hits nor false alarms.
    truth : sequence of TruthEvent
        From :func:`read_truth`; events of the kinds blink, speech, expression, sniff, head_motion and artefact are not
        to be found.
    observed_s : float, optional
        Seconds in which the program gave a verdict; None leaves the rates of false alarms unknown.

    Returns
    -------
    Scores
        The pairs behind recall, side, onset error, amplitude, count and kinds are, of all one-to-one matchings with
        the most pairs, one with the smallest sum of onset distances.
    """
    import numpy as np

    events = [event for event in truth if not event.distractor]
    distractors = [event for event in truth if event.distractor]
    claimed = [event for event in found if event.claimed]
    near = _touches(events, claimed)
    pairs = _nearest_pairs(events, claimed, near)
    hit = np.zeros(len(events), dtype=bool)
    hit[[i for i, _ in pairs]] = True
    alarms = [j for j in range(len(claimed)) if not near[:, j].any()]
    over = _touches(distractors, claimed)
    kinds = Counter(distractors[int(np.argmax(over[:, j]))].kind if over[:, j].any() else NOTHING for j in alarms)
    known_s = observed_s if observed_s is not None and observed_s > 0.0 else None
    sides = [(events[i].side, claimed[j].side) for i, j in pairs if events[i].side in ("left", "right")]
    starts = _outer(events, claimed, lambda event: event.onset_s, lambda event: event.start_s)
    sizes_px = [event.amplitude_px for event in events]
    sizes_mm = [event.amplitude_mm for event in events]
    single = any(event.single for event in found)
    return Scores(
        events=len(events),
        distractors=dict(sorted(Counter(event.kind for event in distractors).items())),
        found=len(claimed),
        set_aside=len(found) - len(claimed),
        observed_s=known_s,
        onset={f"{collar} ms": _f1(np.abs(starts), collar / 1000.0) for collar in COLLARS_MS},
        overlap=_f1(1.0 - _iou(events, claimed), 1.0 - IOU),
        detected=len(pairs),
        recall=len(pairs) / len(events) if events else None,
        recall_rule=f"a finding overlaps the event widened by {WIDEN_S:g} s",
        false_alarms=len(alarms),
        false_alarms_over=dict(sorted(kinds.items())),
        false_alarms_per_min=None if known_s is None else 60.0 * len(alarms) / known_s,
        false_alarms_per_hour=None if known_s is None else 3600.0 * len(alarms) / known_s,
        extra=len(claimed) - len(alarms) - len(pairs),
        side_correct=sum(there == here for there, here in sides),
        side_judged=len(sides),
        side_accuracy=sum(there == here for there, here in sides) / len(sides) if sides else None,
        onset_error_ms=_quartiles([1000.0 * starts[i, j] for i, j in pairs]),
        amplitude_gain=_quartiles(_gains(events, claimed, pairs)),
        count_error=_count_error(events, claimed, pairs, near if single else None),
        recall_by_px=_bins(sizes_px, hit),
        limit_px=detection_limit(sizes_px, hit),
        limit_mm=detection_limit(sizes_mm, hit),
        confusion={} if single else _confusion(list(truth), list(found), events, claimed, pairs),
        notes=_notes(single, known_s),
    )


def detection_limit(sizes: Sequence[float | None], hits: Sequence[bool] | npt.NDArray[np.bool_]) -> Limit:
    """Sizes found half and nine times in ten, by a logistic fit of found or missed on the logarithm of the size.

    None unless there are at least 20 events of known size, of at least 3 different sizes, at least 5 of them found and
    at least 5 missed, more found among the larger ones, and the limit lies within the sizes tried.
    """
    import numpy as np

    from detector.recover_fit import Trials

    known = [(size, bool(hit)) for size, hit in zip(sizes, hits, strict=True) if size is not None]
    tried = [size for size, _ in known]
    found = sum(hit for _, hit in known)
    if len(known) < LIMIT_EVENTS or len(set(np.round(np.log(tried), 3))) < LIMIT_SIZES:
        return Limit(None, None, f"needs {LIMIT_EVENTS} events of {LIMIT_SIZES} sizes")
    if min(found, len(known) - found) < LIMIT_EACH:
        return Limit(None, None, f"needs {LIMIT_EACH} events found and {LIMIT_EACH} missed")
    curve = Trials(tried, [hit for _, hit in known]).curve
    if curve is None:
        return Limit(None, None, "larger events were not found more often")
    limits = [curve.size(share) for share in (0.5, 0.9)]
    d50, d90 = (limit if min(tried) <= limit <= max(tried) else None for limit in limits)
    return Limit(d50, d90, "" if d50 is not None and d90 is not None else "outside the sizes tried")


def matched_pairs(truth: Sequence[TruthEvent], found: Sequence[FoundEvent]) -> list[tuple[int, int]]:
    """(truth, found) of the one-to-one matching that recall is counted by."""
    return _nearest_pairs(truth, found, _touches(truth, found))


def _outer(
    truth: Sequence[TruthEvent],
    found: Sequence[FoundEvent],
    of_truth: Callable[[TruthEvent], float],
    of_found: Callable[[FoundEvent], float],
) -> Matrix:
    """Found minus truth, (truth, found), rounded to a microsecond."""
    import numpy as np

    there = np.array([of_truth(event) for event in truth], dtype=np.float64)
    here = np.array([of_found(event) for event in found], dtype=np.float64)
    return np.round(here[None, :] - there[:, None], _DECIMALS)


def _touches(truth: Sequence[TruthEvent], found: Sequence[FoundEvent]) -> npt.NDArray[np.bool_]:
    """(truth, found): does the finding overlap the event widened on both sides."""
    after_onset = _outer(truth, found, lambda event: event.onset_s - WIDEN_S, lambda event: event.end_s) > 0.0
    before_offset = _outer(truth, found, lambda event: event.offset_s + WIDEN_S, lambda event: event.start_s) < 0.0
    return after_onset & before_offset


def _iou(truth: Sequence[TruthEvent], found: Sequence[FoundEvent]) -> Matrix:
    import numpy as np

    there = np.array([(event.onset_s, event.offset_s) for event in truth], dtype=np.float64).reshape(-1, 1, 2)
    here = np.array([(event.start_s, event.end_s) for event in found], dtype=np.float64).reshape(1, -1, 2)
    shared = np.minimum(there[..., 1], here[..., 1]) - np.maximum(there[..., 0], here[..., 0])
    shared = np.maximum(shared, 0.0)
    lengths = (there[..., 1] - there[..., 0]) + (here[..., 1] - here[..., 0])
    return np.round(shared / (lengths - shared), _DECIMALS)


def _f1(distance: Matrix, window: float) -> F1:
    """The largest one-to-one matching of pairs no farther apart than ``window``; ``distance`` is (truth, found)."""
    import numpy as np
    from mir_eval.util import match_events

    events, found = distance.shape
    pairs = match_events(np.arange(events), np.arange(found), window, distance=lambda _, __: distance)
    matched = len(pairs)
    return F1(
        matched,
        matched / found if found else None,
        matched / events if events else None,
        2.0 * matched / (events + found) if events + found else None,
    )


def _nearest_pairs(
    truth: Sequence[TruthEvent], found: Sequence[FoundEvent], allowed: npt.NDArray[np.bool_]
) -> list[tuple[int, int]]:
    # As many pairs as mir_eval would find, but of all such matchings the one nearest in time: an onset error or a side
    # taken from any other would depend on the order of the lines.
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    distance = np.abs(_outer(truth, found, lambda event: event.onset_s, lambda event: event.start_s))
    forbidden = (distance.max(initial=0.0) + 1.0) * (min(distance.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, distance, forbidden))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def _gains(events: list[TruthEvent], claimed: list[FoundEvent], pairs: list[tuple[int, int]]) -> list[float]:
    sizes = [(claimed[j].peak_mm, events[i].amplitude_mm) for i, j in pairs]
    return [here / there for here, there in sizes if here is not None and there is not None]


def _count_error(
    events: list[TruthEvent],
    claimed: list[FoundEvent],
    pairs: list[tuple[int, int]],
    overlapping: npt.NDArray[np.bool_] | None,
) -> CountError | None:
    """``overlapping`` is given for single twitches: the count of an event is then that of the twitches over it."""
    errors = []
    for i, j in pairs:
        there = events[i].twitches
        here = claimed[j].twitch_count if overlapping is None else int(overlapping[i].sum())
        if there is not None and here is not None:
            errors.append(here - there)
    if not errors:
        return None
    count = len(errors)
    return CountError(sum(errors) / count, sum(map(abs, errors)) / count, errors.count(0), count)


def _quartiles(values: Sequence[float]) -> Spread | None:
    import numpy as np

    if not values:
        return None
    lower, median, upper = np.percentile(values, (25, 50, 75))
    return Spread(float(median), float(lower), float(upper), len(values))


def _bins(sizes: Sequence[float | None], hit: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    edges = (0.0, *SIZE_BINS_PX, float("inf"))
    labels = [f"{low:g} to {high:g} px" for low, high in itertools.pairwise(SIZE_BINS_PX)]
    labels = [f"under {SIZE_BINS_PX[0]:g} px", *labels, f"{SIZE_BINS_PX[-1]:g} px and over"]
    bins = []
    for label, (low, high) in zip(labels, itertools.pairwise(edges), strict=True):
        inside = [bool(hit[i]) for i, size in enumerate(sizes) if size is not None and low <= size < high]
        bins.append(Bin(label, sum(inside), len(inside)))
    return tuple(bins)


def _confusion(
    truth: list[TruthEvent],
    found: list[FoundEvent],
    events: list[TruthEvent],
    claimed: list[FoundEvent],
    pairs: list[tuple[int, int]],
) -> dict[str, dict[str, int]]:
    """First the pairs behind recall; then what is left on both sides, distractors and set-aside findings with it.

    Extra findings over an event already found are in no cell.
    """
    table: dict[str, Counter[str]] = {}

    def add(there: str, here: str) -> None:
        table.setdefault(there, Counter())[here] += 1

    for i, j in pairs:
        add(events[i].kind or "unknown", claimed[j].kind or "unknown")
    done = {id(events[i]) for i, _ in pairs} | {id(claimed[j]) for _, j in pairs}
    near = _touches(events, claimed)
    done |= {id(event) for j, event in enumerate(claimed) if near[:, j].any()}
    truth = [event for event in truth if id(event) not in done]
    found = [event for event in found if id(event) not in done]
    rest = _nearest_pairs(truth, found, _touches(truth, found))
    for i, j in rest:
        add(truth[i].kind or "unknown", found[j].kind or "unknown")
    for i in sorted(set(range(len(truth))) - {i for i, _ in rest}):
        add(truth[i].kind or "unknown", NOT_FOUND)
    for j in sorted(set(range(len(found))) - {j for _, j in rest}):
        add(NOTHING, found[j].kind or "unknown")
    return {there: dict(sorted(row.items())) for there, row in sorted(table.items())}


def _notes(single: bool, observed_s: float | None) -> tuple[str, ...]:
    notes = []
    if single:
        notes.append("single twitches: the further ones of a train lower the precision; score the episodes for that")
    if observed_s is None:
        notes.append("no observed time: keep the .json beside the .csv, or give the observed seconds")
    return tuple(notes)
