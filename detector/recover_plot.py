"""Found against size as a picture: the counts with their uncertainty, the fitted curve, the limits."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import beta

from detector.plot_file import plot_into
from detector.terminal import plain

if TYPE_CHECKING:
    from detector.recover_result import Recovery

# Okabe and Ito: apart for any color vision; the stated limit is dashed as well
_MEASURED, _STATED, _GRAY = "#0072B2", "#D55E00", "#777777"


def write_plot(recovery: Recovery, path: Path) -> None:
    """Draw the share found against size; the picture is the same for the same numbers.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with plot_into(path, 7.2, 5.0) as figure:
        axes = figure.add_subplot()
        _draw(axes, recovery)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def _draw(axes: Any, recovery: Recovery) -> None:
    rows, limits, stated = recovery.sizes, recovery.limits_mm, recovery.stated_mm
    sizes = np.array([row.size_mm for row in rows])
    found, events = np.array([row.found for row in rows]), np.array([row.events for row in rows])
    shares = found / np.maximum(events, 1)
    # Jeffreys' interval: sensible also where all or none were found
    low = np.where(found > 0, beta.ppf(0.025, found + 0.5, events - found + 0.5), 0.0)
    high = np.where(found < events, beta.ppf(0.975, found + 0.5, events - found + 0.5), 1.0)
    axes.errorbar(
        sizes, shares, [shares - low, high - shares], fmt="o", color="black", ecolor=_GRAY, capsize=3, zorder=3,
        label="found (95 %)",
    )  # fmt: skip
    ends = [*sizes, *(value for value in (stated.d50, stated.d90) if value)]
    left, right = (min(ends) / 1.25, max(ends) * 1.25) if ends else (0.1, 10.0)
    if limits.curve is not None:
        x = np.geomspace(left, right, 300)
        axes.plot(x, limits.curve.chance(x), color=_MEASURED, label="fitted curve")
    label: str | None = "measured limit (95 %)"
    for estimate, share in ((limits.d50, 0.5), (limits.d90, 0.9)):
        if estimate is not None:
            reach = estimate.value - (estimate.low or left), (estimate.high or right) - estimate.value
            axes.errorbar(
                [estimate.value], [share], xerr=[[reach[0]], [reach[1]]], fmt="D", color=_MEASURED, ms=6, elinewidth=5,
                ecolor=_MEASURED + "59", zorder=2, label=label,
            )  # fmt: skip
            label = None
    label = "stated limit"
    for value, share in ((stated.d50, 0.5), (stated.d90, 0.9)):
        if value:
            axes.axvline(value, color=_STATED, ls="--", lw=1.0, zorder=0)
            axes.plot(
                [value], [share], marker="s", mfc="none", mew=1.5, color=_STATED, ms=10, ls="", label=label, zorder=4
            )
            label = None
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xticks(sizes, [f"{row.size_mm:.2f}\n{row.size_px:.2g} px" for row in rows])
    axes.set_xticks([], minor=True)
    axes.set_yticks(np.linspace(0.0, 1.0, 11), [f"{10 * k} %" for k in range(11)])
    axes.grid(axis="y", alpha=0.25)
    axes.set_xlabel("size of the twitch, mm")
    axes.set_ylabel("found")
    counts = axes.secondary_xaxis("top")
    counts.set_xticks(sizes, [f"{row.found}/{row.events}" for row in rows])
    counts.set_xticks([], minor=True)
    counts.tick_params(length=0)
    axes.set_title(plain(PurePath(recovery.session.source).name), loc="left")
