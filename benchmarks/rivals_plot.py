"""Found against size for every way, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import Hit
from benchmarks.found import Found
from benchmarks.material import SIZES_PX
from benchmarks.psychometric import Psychometric
from benchmarks.sizes import FURTHER_PX
from benchmarks.ways import TOLD

LEFT, RIGHT = 0.42, 14.5
TRIED_PX = tuple(sorted({*SIZES_PX, *FURTHER_PX}))
# Okabe and Ito: apart for any color vision; dashes and marks differ as well. Best first.
_STYLE: dict[str, tuple[str, str, str]] = {
    TOLD: ("#000000", "-", "o"),
    "DIS dense flow": ("#0072B2", "--", "s"),
    "Farneback dense flow": ("#56B4E9", "-.", "D"),
    "Lucas-Kanade": ("#009E73", ":", "^"),
    "frame difference": ("#E69F00", (0, (6, 1, 1, 1, 1, 1)), "v"),  # type: ignore[dict-item]
    "landmarks only": ("#D55E00", "--", "x"),
    "blendshapes": ("#CC79A7", "-.", "+"),
    "noseSneer threshold": ("#7F7F7F", ":", "*"),
}


def draw(ways: Sequence[Found], path: Path) -> None:
    """Write the picture: single twitches to the left, trains to the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 5.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, train in zip(panels, (False, True), strict=True):
        for name in reversed(_STYLE):  # ours on top
            way = next((way for way in ways if way.label.split(": ")[0] == name or way.label == name), None)
            if way is not None:
                _series(axes, way.of(train), name)
        _frame(axes, "trains of 3 to 8" if train else "single twitches")
    panels[0].set_ylabel("found")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)
    figure.savefig(path, metadata={"Software": None})


def _series(axes: Any, chosen: Sequence[Hit], name: str) -> None:
    color, dashes, mark = _STYLE[name]
    size = np.array([hit.event.amplitude_px for hit in chosen], dtype=np.float64)
    found = np.array([hit.found for hit in chosen])
    fit = Psychometric(size.tolist(), found.tolist(), [hit.person for hit in chosen])
    x = np.geomspace(size.min(), size.max(), 200)
    ours = name == TOLD
    axes.plot(x, fit.curve.chance(x), color=color, ls=dashes, lw=2.4 if ours else 1.5)
    if ours:
        low, high = fit.chances(x)
        axes.fill_between(x, low, high, color=color, alpha=0.12, lw=0.0)
    nominal = np.abs(np.log(size[:, None] / np.array(TRIED_PX))).argmin(axis=1)
    at = [k for k in range(len(TRIED_PX)) if (nominal == k).any()]
    shares = [found[nominal == k].mean() for k in at]
    axes.plot([TRIED_PX[k] for k in at], shares, mark, color=color, ms=5.5 if ours else 4.5, alpha=0.85)
    axes.plot([], [], marker=mark, color=color, ls=dashes, lw=2.4 if ours else 1.5, ms=5.0, label=name)


def _frame(axes: Any, title: str) -> None:
    for share in (0.5, 0.9):
        axes.axhline(share, color="black", lw=0.6, alpha=0.4, zorder=0)
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.set_xscale("log")
    axes.set_xlim(LEFT, RIGHT)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xticks(TRIED_PX, [f"{tick:g}" for tick in TRIED_PX], fontsize=8.5)
    axes.set_xticks([], minor=True)
    axes.set_yticks((0.0, 0.25, 0.5, 0.75, 0.9, 1.0), ["0", "25 %", "50 %", "75 %", "90 %", "100 %"])
    axes.set_xlabel("height of the twitch, px of the picture")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
