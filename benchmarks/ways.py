"""The ways that are compared: ours and the rivals, each rival as the variant that does best on the tuning people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.contest import Limits, Line, best_of, enter
from benchmarks.kept import Clip
from benchmarks.rival_scores import Variant

# The program gives no verdict outside observed time: its score there is shown among the variants only.
GUARDED, UNGUARDED, TOLD = "ours: score, observed time", "ours: score, all time", "ours: episodes told"
EITHER = (False, True)
# DIS and Farneback are dense: they have a motion for every pixel of the crop.
RIVALS: dict[str, tuple[Variant, ...]] = {
    "noseSneer threshold": (Variant("blendshapes", raw=True),),
    "landmarks only": tuple(Variant("landmarks", divided=d) for d in EITHER),
    "blendshapes": tuple(Variant("blendshapes", divided=d) for d in EITHER),
    "frame difference": tuple(
        Variant(measure, divided=d) for measure in ("difference_before", "difference_reference") for d in EITHER
    ),
    "Lucas-Kanade": tuple(Variant("lucas_kanade", integrated=i, divided=d) for i in EITHER for d in EITHER),
    "Farneback dense flow": tuple(Variant("farneback_before", integrated=i, divided=d) for i in EITHER for d in EITHER),
    "DIS dense flow": tuple(
        Variant(measure, integrated=i, divided=d)
        for measure, i in (("dis_before", False), ("dis_before", True), ("dis_reference", False))
        for d in EITHER
    ),
}


def words(variant: Variant) -> str:
    """What a variant does, for the tables."""
    if variant.raw:
        return "raw value"
    how = {
        "difference_before": ["frame before"],
        "difference_reference": ["reference"],
        "dis_reference": ["reference"],
    }.get(variant.measure, [])
    if variant.measure in ("lucas_kanade", "dis_before", "farneback_before"):
        how = ["integrated" if variant.integrated else "velocity"]
    return ", ".join([*how, "divided" if variant.divided else "plain"])


VARIANTS = {f"{name}: {words(variant)}": variant for name, choice in RIVALS.items() for variant in choice}


@dataclass(frozen=True, slots=True)
class Entrants:
    """Everything that was tried, and of it what is compared."""

    tried: tuple[Line, ...]  # every variant of every rival
    rivals: tuple[Line, ...]  # the best of each
    ours: Line  # the program's score where it gives a verdict
    free: Line  # the same everywhere
    told: Line  # the episodes that it tells of, at its own threshold


def entrants(clips: Sequence[Clip]) -> Entrants:
    """All of them on clips that were measured with ``VARIANTS``."""
    tried = {label: enter(label, [clip.rivals[v] for clip in clips], clips) for label, v in VARIANTS.items()}
    return Entrants(
        tuple(tried.values()),
        tuple(best_of([tried[label] for label in tried if label.startswith(f"{name}: ")], clips) for name in RIVALS),
        enter(GUARDED, [clip.score_peaks(observed_only=True) for clip in clips], clips),
        enter(UNGUARDED, [clip.score_peaks(observed_only=False) for clip in clips], clips),
        Line(TOLD, tuple(clip.told_peaks() for clip in clips), Limits(0.0, 0.0, np.nan)),
    )
