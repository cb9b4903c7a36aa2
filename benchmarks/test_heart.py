"""Ours against seven rivals on the same injected clips, at the same rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from benchmarks.chance import ALARM_S, FIT_PER_MIN, QUIET_S, interval
from benchmarks.contest import (
    CLASSES,
    COUNTED_PER_MIN,
    FITTED_PER_MIN,
    Hit,
    Line,
    by_person,
    false_count,
    hits,
    quiet_min,
    recall,
)
from benchmarks.kept import Clip, measured, stale_note
from benchmarks.material import QUICK, SIZES_PX, Group, chosen_material, show
from benchmarks.ways import VARIANTS, Entrants, entrants
from detector.config import Settings

GROUPS: tuple[Group, ...] = ("test", "tuning")
HEADER = (
    "found, % and 95 % interval",
    *(f"{'train' if train else 'single'}\n{size:g} px" for train, size in CLASSES),
    *("all", "less ours", "side\nright", "false,\n/min"),
)


def variant_row(line: Line, clips: Sequence[Clip]) -> list[str]:
    """One line of the table of variants."""
    cells = [line.label]
    for group in GROUPS[::-1]:
        for threshold in (line.limits.counted, line.limits.fitted):
            false = f" ({false_count(line, clips, group, threshold)})" if group == "test" else ""
            cells.append(f"{100 * recall(hits(line, clips, group, threshold)):.0f}{false}")
    return [*cells, f"{line.limits.counted:.1f}", f"{line.limits.fitted:.1f}", f"{line.limits.tail:.2f}"]


def row(found: Sequence[Hit], ours: Sequence[Hit]) -> list[str]:
    """What was found of each class of events, of all of them, and of all less what ours found of the same."""
    cells = []
    for wanted in (*CLASSES, None):
        chosen = [hit for hit in found if wanted is None or hit.kind == wanted]
        if not chosen:
            cells.append("-")
            continue
        low, high = interval(by_person(chosen, [hit.found for hit in chosen]))
        cells.append(f"{100 * recall(chosen):.0f} {100 * low:.0f}-{100 * high:.0f}")
    less = [hit.found - own.found for hit, own in zip(found, ours, strict=True)]
    low, high = interval(by_person(found, less))
    apart = f"{100 * float(np.mean(less)):+.0f} {100 * low:+.0f} to {100 * high:+.0f}" if found is not ours else ""
    sided = [hit for hit in found if hit.found and hit.event.side in ("left", "right")]
    right = sum(hit.side == hit.event.side for hit in sided)
    return [
        *cells,
        apart,
        f"{right}/{len(sided)}",
    ]


def table(here: Entrants, clips: Sequence[Clip]) -> Iterator[list[str]]:
    """Both groups at both rates; the program's own episodes where the rate is that which it aims at."""
    ours = here.ours
    for group in GROUPS:
        minutes = quiet_min(clips, group)
        for name, field in (
            (f"{COUNTED_PER_MIN:g} a minute", "counted"),
            (f"{60 * FITTED_PER_MIN:g} an hour", "fitted"),
        ):
            own = hits(ours, clips, group, getattr(ours.limits, field))
            counts = [sum(hit.kind == kind for hit in own) for kind in CLASSES]
            head = [f"{group.upper()} PEOPLE, {name}", *(f"of {count}" for count in (*counts, len(own)))]
            yield [*head, "", "", f"in {minutes:.1f}"]
            for line in (*here.rivals, ours, *([here.told] if field == "fitted" else [])):
                threshold = getattr(line.limits, field)
                false = false_count(line, clips, group, threshold)
                found = own if line is ours else hits(line, clips, group, threshold)
                yield [line.label, *row(found, own), f"{false}, {false / minutes:.1f}"]


@pytest.mark.benchmarks
def test_ours_against_rivals_on_injected_twitches() -> None:
    clips = [measured(material, seed, list(VARIANTS.values())) for material, seed in chosen_material()]
    here = entrants(clips)
    ours, rivals = here.ours, here.rivals
    show(
        "Every variant, % found (false alarms): each rival's was chosen by the tuning columns",
        (*("", "tuning, 1/min", "6/h", "test, 1/min", "6/h"), *("score for 1/min", "6/h", "tail")),
        [variant_row(line, clips) for line in (*here.tried, ours, here.free)],
        f"Divided: by simultaneous activity elsewhere. 6/h is extrapolated: exponential tail above the score that "
        f"{FIT_PER_MIN:g} false alarms a minute pass, on {quiet_min(clips, 'tuning'):.1f} quiet minutes.",
    )
    show(
        "Ours against rivals, on the same injected clips",
        HEADER,
        table(here, clips),
        f"Rivals have the program's crop, muscles, filters, noise scale and, where divided, its division by activity "
        f"elsewhere (noseSneer has none of that); of each the variant that finds most on the tuning people. DIS and "
        f"Farneback flow are dense. Scores are set on the tuning people's quiet time (farther than {QUIET_S:g} s from "
        f"every event; peaks within {ALARM_S:g} s are one alarm). "
        f"Less ours: paired, in points. Episodes told: the program as it is, sensitivity {Settings().sensitivity}. "
        f"Observed: {observed(clips)}. {stale_note()}",
    )
    for line in (*here.tried, ours, here.free):
        for clip, peaks in zip(clips, line.peaks, strict=True):
            assert peaks.finite, (line.label, clip.material.label)
            assert peaks.covered_s > 0.9 * clip.length_s, (line.label, clip.material.label, peaks.covered_s)
        allowed = round(COUNTED_PER_MIN * quiet_min(clips, "tuning"))
        assert false_count(line, clips, "tuning", line.limits.counted) <= allowed, line.label
        assert np.isfinite([line.limits.counted, line.limits.fitted, line.limits.tail]).all(), line.label
    if QUICK:  # a handful of events tells nothing
        return
    for rival in rivals[:3]:  # noseSneer, landmarks, blendshapes: no measurement of skin at all
        pairs = []
        for group in GROUPS:
            own, theirs = (hits(line, clips, group, line.limits.counted) for line in (ours, rival))
            assert recall(own) > recall(theirs)
            pairs += list(zip(own, theirs, strict=True))
        # of all people together: three alone leave 1 draw in 27 to the one on whom nothing can be found
        assert interval(by_person([hit for hit, _ in pairs], [a.found - b.found for a, b in pairs]))[0] > 0.0
    own = [hit for group in GROUPS for hit in hits(ours, clips, group, ours.limits.counted)]
    smallest, largest = (recall([hit for hit in own if hit.kind[1] == size]) for size in (min(SIZES_PX), max(SIZES_PX)))
    assert largest > smallest


def observed(clips: Sequence[Clip]) -> str:
    """Share of the recorded time with a verdict, for both groups."""
    return ", ".join(
        f"{group} {sum(c.observed_s for c in part) / sum(c.length_s for c in part):.0%}"
        for group in GROUPS
        if (part := [clip for clip in clips if clip.material.group == group])
    )
