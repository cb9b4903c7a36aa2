"""The calendar: a square for each day, weeks as columns; days without observed time are hatched and never pale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from detector.study.colors import mark
from detector.study.figures import NARROW_PT, Picture, Table, draw
from detector.study.figures_axes import MONTHS, short_date
from detector.study.rates import Rate

CLASSES = 5
BLOCK_WEEKS = 27  # columns beside each other; half a year
NUMBERED_WEEKS = 15  # up to so many columns a square is large enough for a number
MOST_WEEKS = 4 * BLOCK_WEEKS
Line = tuple[tuple[float, float], tuple[float, float]]
_WEEKDAYS = ("Mon", "", "Wed", "", "Fri", "", "Sun")


def calendar(days: Sequence[Rate]) -> Picture | None:
    """The rates of days (:func:`detector.study.rates.rates_by`) as a calendar; None without any."""
    if not days or days[0].start is None or days[-1].start is None:
        return None
    first, last = days[0].start, days[-1].start
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    cut = max(weeks - MOST_WEEKS, 0)
    monday += timedelta(weeks=cut)
    shown = [day for day in days if day.start is not None and day.start >= monday]
    weeks -= cut
    columns = NUMBERED_WEEKS if weeks <= NUMBERED_WEEKS else BLOCK_WEEKS
    blocks = -(-weeks // columns)
    edges = class_edges(shown)
    cell_pt = (NARROW_PT - 26.0) / columns
    height = blocks * (7.0 * cell_pt + 14.0) + 14.0

    def paint(figure: Any) -> None:
        from matplotlib.collections import LineCollection

        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_aspect("equal")
        gap = 14.0 / cell_pt
        lines: list[Line] = []
        for day in shown:
            assert day.start is not None
            week = (day.start - monday).days // 7
            x, y = week % columns, (week // columns) * (7.0 + gap) + day.start.weekday()
            lines += _square(axes, x, y, day, edges, cell_pt)
            if day.start.day == 1 or day is shown[0]:
                month = (day.start + timedelta(days=6 - day.start.weekday())).month
                if day.start.day == 1 or day.start.day < 22:
                    axes.text(
                        x, (week // columns) * (7.0 + gap) - 0.75, MONTHS[month - 1], fontsize=7, color=mark("muted")
                    )
        axes.add_collection(LineCollection(lines, color=mark("hatch"), lw=0.7, capstyle="butt"))
        for block in range(blocks):
            for k, name in enumerate(_WEEKDAYS):
                y = block * (7.0 + gap) + k
                axes.text(-0.75, y, name, ha="right", va="center", fontsize=6.5, color=mark("muted"))
        bottom = blocks * (7.0 + gap) - gap - 0.1
        _legend(axes, edges, bottom, columns, cell_pt)
        axes.set_xlim(-26.0 / cell_pt + 0.4, columns - 0.3)
        axes.set_ylim(bottom + 14.0 / cell_pt, -14.0 / cell_pt)

    observed = [day for day in shown if day.hours > 0.0]
    zero = sum(day.count == 0 for day in observed)
    says = (
        f"Of {len(shown)} days from {short_date(shown[0].start or first)} to {short_date(last, year=True)}, "
        f"{len(observed)} were watched; on {len(observed) - zero} of them episodes were found, on {zero} none."
    )
    how = "Weeks run left to right; darker is more episodes an observed hour"
    if weeks <= NUMBERED_WEEKS:
        how += (
            ", the number how many were found. Hatched: not watched, nothing is known; 0 is a watched day without any."
        )
    else:
        how += ". Hatched: not watched, nothing is known; an empty square is a watched day without any."
    if cut:
        how += f" Only the last {MOST_WEEKS} weeks are shown."
    rows = tuple(
        (
            day.label,
            str(day.count) if day.hours > 0.0 else "not watched",
            f"{day.hours:.1f}",
            f"{day.per_hour:.1f}" if day.hours > 0.0 else "unknown",
        )
        for day in shown
    )
    table = Table("Each day", ("day", "episodes", "observed h", "episodes per observed h"), rows)
    return Picture("calendar", "Day by day", says, how, draw("calendar", says, NARROW_PT, height, paint), table=table)


def class_edges(days: Sequence[Rate]) -> list[float]:
    """Upper ends of the classes but the last: even steps, because a calendar of equal shares would hide a bad week."""
    highest = max((day.per_hour for day in days if day.hours > 0.0 and day.count), default=0.0)
    for step in (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0):
        if CLASSES * step >= highest:
            return [step * k for k in range(1, CLASSES)]
    return [highest / CLASSES * k for k in range(1, CLASSES)]


def class_of(day: Rate, edges: Sequence[float]) -> int:
    """0 for a watched day without an episode, else 1 to 5."""
    return 0 if day.count == 0 else 1 + int(np.searchsorted(edges, day.per_hour, side="left"))


def _square(axes: Any, x: float, y: float, day: Rate, edges: Sequence[float], cell_pt: float) -> list[Line]:
    """Draw a day, and return the lines that hatch it: a pattern would look different at every zoom."""
    from matplotlib.patches import Rectangle

    inner = 0.5 - min(0.9 / cell_pt, 0.12)
    corner, size = (x - inner, y - inner), 2.0 * inner
    if day.hours <= 0.0:
        axes.add_patch(
            Rectangle(corner, size, size, facecolor="none", edgecolor=mark("rule"), lw=0.5, ls=(0, (2, 1.5)))
        )
        hatch = [-0.5, 0.0, 0.5] if cell_pt > 11.0 else [0.0]
        ends = [(max(-inner, s * size - inner), min(inner, s * size + inner), s * size) for s in hatch]
        return [((x + low, y - low + shift), (x + high, y - high + shift)) for low, high, shift in ends]
    level = class_of(day, edges)
    edge = mark("rule") if level == 0 else "none"
    axes.add_patch(Rectangle(corner, size, size, facecolor=mark(f"heat-{level}"), edgecolor=edge, lw=0.6))
    if cell_pt > 11.0:
        axes.text(
            x, y + 0.03, str(day.count), ha="center", va="center", fontsize=6.5 if day.count < 100 else 5.0,
            color=mark(f"heat-text-{level}"),
        )  # fmt: skip
    return []


def _legend(axes: Any, edges: Sequence[float], bottom: float, columns: int, cell_pt: float) -> None:
    from matplotlib.patches import Rectangle

    size = 8.0 / cell_pt
    y = bottom + 8.0 / cell_pt
    words = ["0", *(f"to {edge:g}" for edge in edges), "more"]
    x = -0.5
    for level, word in enumerate(words):
        edge = mark("rule") if level == 0 else "none"
        axes.add_patch(
            Rectangle((x, y - size / 2), size, size, facecolor=mark(f"heat-{level}"), edgecolor=edge, lw=0.6)
        )
        axes.text(x + size * 1.3, y, word, va="center", fontsize=6.5, color=mark("muted"))
        x += size * 1.6 + (4.2 * len(word) + 5.0) / cell_pt
    axes.text(x, y, "an observed hour", va="center", fontsize=6.5, color=mark("muted"))
