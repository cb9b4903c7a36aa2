"""The curves of ``tune`` as a picture: recall against precision, and false alarms an hour against the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.config import THRESHOLDS
from detector.plot_file import plot_into
from detector.study.tune_run import Tuned
from detector.study.tuning import Interval, Point

# Okabe and Ito: apart for any color vision
_BLUE, _RED, _GREEN, _GRAY = "#0072B2", "#D55E00", "#009E73", "#777777"


def write_plot(tuned: Tuned, path: Path) -> None:
    """Draw the curves; the picture is the same for the same numbers.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with plot_into(path, 10.5, 4.8) as figure:
        left, right = figure.subplots(1, 2)
        _precision_recall(left, tuned)
        _false_alarms(right, tuned)


def _precision_recall(axes: Any, tuned: Tuned) -> None:
    known = [point for point in tuned.points if point.recall is not None and point.precision is not None]
    axes.plot([p.recall.value for p in known], [p.precision.value for p in known], color=_BLUE, lw=1.5)  # type: ignore[union-attr]
    for point in known:
        if point.threshold in THRESHOLDS.values() or point.threshold == _proposed(tuned):
            assert point.recall is not None and point.precision is not None
            color = _RED if point.threshold == _proposed(tuned) else _BLUE
            axes.errorbar(
                [point.recall.value], [point.precision.value],
                xerr=_reach([point.recall]), yerr=_reach([point.precision]),
                fmt="D" if color == _RED else "o", color=color, ecolor=_GRAY, elinewidth=0.8, capsize=2,
            )  # fmt: skip
            axes.annotate(
                f"{point.threshold:g}", (point.recall.value, point.precision.value), (6, 6), textcoords="offset points"
            )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.25)
    axes.set_xlabel(f"recall, of {tuned.twitches} twitches in observed time")
    axes.set_ylabel("precision")
    axes.set_title("found against right, by threshold", loc="left")


def _false_alarms(axes: Any, tuned: Tuned) -> None:
    counted = [point for point in tuned.points if point.false_per_hour is not None and point.false]
    axes.errorbar(
        [p.threshold for p in counted], [p.false_per_hour.value for p in counted],  # type: ignore[union-attr]
        yerr=_reach([p.false_per_hour for p in counted]),
        fmt="o", ms=4, color=_BLUE, ecolor=_GRAY, elinewidth=0.8, label="counted (95 %)",
    )  # fmt: skip
    fitted: list[tuple[Point, Interval]] = [(p, p.fitted_per_hour) for p in tuned.points if p.fitted_per_hour]
    if fitted:
        x = [point.threshold for point, _ in fitted]
        axes.plot(x, [rate.value for _, rate in fitted], color=_GREEN, label="reckoned")
        low, high = [max(rate.low, 1e-6) for _, rate in fitted], [rate.high for _, rate in fitted]
        axes.fill_between(x, low, high, color=_GREEN, alpha=0.15, lw=0)
    if tuned.proposal is not None:
        axes.axhline(tuned.proposal.asked_per_hour, color=_GRAY, ls=":", label="asked")
        if tuned.proposal.threshold is not None:
            axes.axvline(tuned.proposal.threshold, color=_RED, ls="--", label=f"proposed: {tuned.proposal.threshold:g}")
    for name, threshold in THRESHOLDS.items():
        axes.annotate(name, (threshold, 0.01), xycoords=("data", "axes fraction"), ha="center", fontsize=8, color=_GRAY)
    axes.set_yscale("log")
    rates = [p.false_per_hour.high for p in counted if p.false_per_hour is not None]
    asked = 6.0 if tuned.proposal is None else tuned.proposal.asked_per_hour
    axes.set_ylim(0.05 * asked, 2.0 * max([asked, *rates]))
    axes.set_xlim(tuned.points[0].threshold - 0.1, 10.1)
    axes.grid(alpha=0.25)
    axes.set_xlabel("threshold of the score")
    axes.set_ylabel("false alarms per observed hour")
    axes.set_title(f"in {60.0 * tuned.quiet_h:.1f} min away from twitches", loc="left")
    axes.legend(frameon=False, fontsize=9)


def _proposed(tuned: Tuned) -> float | None:
    return None if tuned.proposal is None else tuned.proposal.threshold


def _reach(values: Sequence[Interval | None]) -> list[list[float]]:
    known = [value for value in values if value is not None]
    return [[value.value - value.low for value in known], [value.high - value.value for value in known]]
