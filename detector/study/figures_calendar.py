"""The calendar: a square for each day, weeks as columns; days without observed time are hatched and never pale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from detector.study.colors import mark
from detector.study.figures import NARROW_PT, Picture, Table, draw
from detector.study.figures_axes import MONTHS, day_words
from detector.study.rates import Rate
from detector.tables import count_words

CLASSES = 5
BLOCK_WEEKS = 27  # columns beside each other; half a year
NUMBERED_WEEKS = 15  # up to so many columns a square is large enough for a number
MOST_WEEKS = 4 * BLOCK_WEEKS
Polygon = list[tuple[float, float]]
NUMBERED_PT = 11.0  # a square of more holds a number
ABOVE_PT, BETWEEN_PT, BELOW_PT = 12.0, 14.0, 15.0  # for names of months, and below for what the shades mean
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
    height = ABOVE_PT + blocks * 7.0 * cell_pt + (blocks - 1) * BETWEEN_PT + BELOW_PT

    def paint(figure: Any) -> None:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))  # the size of a square is reckoned from that of the figure
        axes.set_axis_off()
        gap = BETWEEN_PT / cell_pt
        placed = []
        for day in shown:
            assert day.start is not None
            week = (day.start - monday).days // 7
            x, top = week % columns, (week // columns) * (7.0 + gap)
            placed.append((x, top + day.start.weekday(), day))
            if (day.start.day == 1 and x < columns - 1) or (day is shown[0] and day.start.day < 22):
                axes.text(
                    x - 0.4, top - 0.5 - 3.0 / cell_pt, MONTHS[day.start.month - 1], fontsize=7, color=mark("muted")
                )
        _squares(axes, placed, edges, cell_pt)
        for block in range(blocks):
            for k, name in enumerate(_WEEKDAYS):
                y = block * (7.0 + gap) + k
                axes.text(-0.75, y, name, ha="right", va="center", fontsize=6.5, color=mark("muted"))
        bottom = blocks * (7.0 + gap) - gap - 0.5
        _legend(axes, edges, bottom + 9.0 / cell_pt, cell_pt)
        axes.set_xlim(-24.0 / cell_pt - 0.5, columns - 0.5 + 2.0 / cell_pt)
        axes.set_ylim(bottom + BELOW_PT / cell_pt, -0.5 - ABOVE_PT / cell_pt)

    observed = [day for day in shown if day.hours > 0.0]
    zero = sum(day.count == 0 for day in observed)
    says = (
        f"{count_words(len(shown), 'day')}, {day_words(shown[0].start or first, last)}: {len(observed)} watched, "
        f"{len(observed) - zero} of them with episodes, {zero} without."
    )
    how = "Weeks run left to right; colors go by episodes an observed hour"
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
    for step in (
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1.0,
        1.5,
        2.0,
        2.5,
        3.0,
        4.0,
        5.0,
        10.0,
        20.0,
        50.0,
        100.0,
        200.0,
        500.0,
    ):
        if CLASSES * step >= highest:
            return [step * k for k in range(1, CLASSES)]
    return [highest / CLASSES * k for k in range(1, CLASSES)]


def class_of(day: Rate, edges: Sequence[float]) -> int:
    """0 for a watched day without an episode, else 1 to 5."""
    return 0 if day.count == 0 else 1 + int(np.searchsorted(edges, day.per_hour, side="left"))


def _squares(axes: Any, placed: Sequence[tuple[float, float, Rate]], edges: Sequence[float], cell_pt: float) -> None:
    """Draw days; the unobserved are hatched by lines, for a pattern would look different at every zoom."""
    from matplotlib.collections import LineCollection, PolyCollection

    inner = 0.5 - min(0.9 / cell_pt, 0.12)
    size = 2.0 * inner
    shifts = [-0.5, 0.0, 0.5] if cell_pt > NUMBERED_PT else [0.0]
    ends = [(max(-inner, s * size - inner), min(inner, s * size + inner), s * size) for s in shifts]
    watched: dict[int, list[Polygon]] = {}
    unknown: list[Polygon] = []
    lines: list[Polygon] = []
    for x, y, day in placed:
        corners = [(x + dx, y + dy) for dx, dy in ((-inner, -inner), (inner, -inner), (inner, inner), (-inner, inner))]
        if day.hours <= 0.0:
            unknown.append(corners)
            lines += [[(x + low, y - low + shift), (x + high, y - high + shift)] for low, high, shift in ends]
            continue
        level = class_of(day, edges)
        watched.setdefault(level, []).append(corners)
        if cell_pt > NUMBERED_PT:
            axes.text(
                x, y + 0.03, str(day.count), ha="center", va="center", fontsize=6.5 if day.count < 100 else 5.0,
                color=mark(f"heat-text-{level}"),
            )  # fmt: skip
    for level, squares in watched.items():
        edge = mark("rule") if level == 0 else "none"
        axes.add_collection(PolyCollection(squares, facecolor=mark(f"heat-{level}"), edgecolor=edge, lw=0.6))
    axes.add_collection(PolyCollection(unknown, facecolor="none", edgecolor=mark("rule"), lw=0.5, ls=(0, (2, 1.5))))
    axes.add_collection(LineCollection(lines, color=mark("hatch"), lw=0.7, capstyle="butt"))


def _legend(axes: Any, edges: Sequence[float], y: float, cell_pt: float) -> None:
    from matplotlib.patches import Rectangle

    size = 8.0 / cell_pt
    x = -0.5
    for level, word in enumerate(["0", *(f"to {edge:g}" for edge in edges), "more an hour"]):
        edge = mark("rule") if level == 0 else "none"
        axes.add_patch(
            Rectangle((x, y - size / 2), size, size, facecolor=mark(f"heat-{level}"), edgecolor=edge, lw=0.6)
        )
        axes.text(x + 1.3 * size, y, word, va="center", fontsize=6.5, color=mark("muted"))
        x += (18.0 + 3.4 * len(word)) / cell_pt
