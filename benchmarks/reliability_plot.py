"""Found against size over the stated limit, as a picture; and the shares behind it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.reliability import GROUPS, Outcome
from detector.recover_fit import Trials
from detector.score import LIMIT_EACH, LIMIT_EVENTS

RATIO_EDGES = (0.5, 0.75, 1.0, 1.33, 2.0, 3.0)
LEFT, RIGHT = 0.2, 12.0  # of the picture; what lies beyond is drawn at its edge
# Color, mark, step aside, height of the counts. Okabe and Ito: apart for any color vision; the marks differ as well.
_STYLE = {"tuning": ("#0072B2", "o", 1.0 / 1.02, 1.05), "test": ("#D55E00", "s", 1.02, 1.01)}


def labels(edges: Sequence[float]) -> list[str]:
    """Names of the bins between edges."""
    between = [f"{low:g}-{high:g}" for low, high in itertools.pairwise(edges)]
    return [f"<{edges[0]:g}", *between, f">{edges[-1]:g}"]


def binned(edges: Sequence[float], values: Sequence[float | None]) -> list[int | None]:
    """The bin of each value, as ``labels`` counts them; an edge belongs to the bin above it."""
    return [None if value is None else int(np.searchsorted(edges, value, side="right")) for value in values]


def wilson(found: int, events: int) -> tuple[float, float]:
    """95 % interval of a share."""
    reach = binomtest(found, events).proportion_ci(method="wilson")
    return float(reach.low), float(reach.high)


def trials(chosen: Sequence[Outcome]) -> Trials | None:
    """Found or missed against size over the stated limit; None with too few of either, as in ``nasalis score``."""
    known = [(o.ratio, o.found is not None) for o in chosen if o.ratio is not None]
    found = sum(hit for _, hit in known)
    if len(known) < LIMIT_EVENTS or min(found, len(known) - found) < LIMIT_EACH:
        return None
    made = Trials([ratio for ratio, _ in known], [hit for _, hit in known])
    return None if made.curve is None else made


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.0), dpi=150, layout="constrained")
    for place, train in enumerate((False, True), start=1):
        axes = figure.add_subplot(1, 2, place)
        for group in GROUPS:
            chosen = [o for o in outcomes if o.is_train == train and o.material.group == group]
            if any(o.ratio is not None for o in chosen):
                _series(axes, chosen, group)
        _frame(axes)
        axes.set_title("trains" if train else "single twitches", loc="left", pad=26.0)
        if not train:
            axes.set_ylabel("found")
    figure.savefig(path, metadata={"Software": None})


def _series(axes: Any, chosen: Sequence[Outcome], group: str) -> None:
    color, mark, aside, row = _STYLE[group]
    ends = (LEFT, *RATIO_EDGES, RIGHT)
    middles = [float(np.sqrt(low * high)) for low, high in itertools.pairwise(ends)]
    places = binned(RATIO_EDGES, [o.ratio for o in chosen])
    for number in range(len(RATIO_EDGES) + 1):
        inside = [o for o, at in zip(chosen, places, strict=True) if at == number]
        if not inside:
            continue
        found = sum(o.found is not None for o in inside)
        share, (low, high) = found / len(inside), wilson(found, len(inside))
        x = float(np.clip(np.median([o.ratio or 0.0 for o in inside]), LEFT * 1.08, RIGHT / 1.08)) * aside
        axes.errorbar(
            [x], [share], [[max(share - low, 0.0)], [max(high - share, 0.0)]], fmt=mark, color=color, capsize=2.5, ms=5,
            elinewidth=1.0,
        )  # fmt: skip
        axes.annotate(  # above the picture, for the points of the two groups lie close to each other
            f"{found}/{len(inside)}", (middles[number], row), xycoords=axes.get_xaxis_transform(), color=color,
            fontsize=7, ha="center", va="bottom",
        )  # fmt: skip
    events = sum(o.ratio is not None for o in chosen)
    fit = trials(chosen)
    label = f"{group} people, {events} events"
    if fit is not None and fit.curve is not None:
        ratios = np.geomspace(LEFT, RIGHT, 300)
        axes.plot(ratios, fit.curve.chance(ratios), color=color, lw=1.0, alpha=0.6)
        label += f": half found at {fit.curve.d50:.2f}"
    axes.plot([], [], color=color, marker=mark, ms=5, lw=1.0, label=label)


def _frame(axes: Any) -> None:
    axes.axvline(1.0, color="black", ls="--", lw=0.9, zorder=0)
    axes.axhline(0.5, color="black", ls="--", lw=0.9, zorder=0)
    for edge in RATIO_EDGES:
        axes.axvline(edge, color="black", lw=0.4, alpha=0.15, zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(LEFT, RIGHT)
    axes.set_ylim(-0.03, 1.03)
    ticks = (0.25, *RATIO_EDGES, 5.0, 10.0)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8)
    axes.set_xticks([], minor=True)
    axes.set_yticks(np.linspace(0.0, 1.0, 6), [f"{20 * k} %" for k in range(6)])
    axes.set_xlabel("size of the twitch over the stated limit")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False, fontsize=8)
