"""Hour of the day, and left against right over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from detector.study.colors import mark
from detector.study.figures import NARROW_PT, Picture, Table, draw
from detector.study.figures_axes import gaps, points, set_dates, shade_unobserved, top_of
from detector.study.history import History
from detector.study.rates import Rate

FEW_DAYS = 21  # up to so many, a bar for each day; beyond, for each week
SIDES = ("left", "right", "both", "midline")


def by_hour(rates: Sequence[Rate]) -> Picture | None:
    """Rates of the 24 hours of the day with their intervals; None when nothing was observed."""
    if not any(rate.hours > 0.0 for rate in rates):
        return None
    top = top_of(rates)

    def paint(figure: Any) -> None:
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (4.0, 1.0), "hspace": 0.06})
        spans = [(first - 0.5, last + 0.5) for first, last in gaps([rate.hours > 0.0 for rate in rates])]
        shade_unobserved(above, spans)
        above.grid(axis="y")
        points(above, range(24), rates, top, "accent", 4.0)
        above.set_ylim(0.0, top)
        above.set_ylabel("episodes / h")
        shade_unobserved(below, spans)
        below.bar(range(24), [rate.hours for rate in rates], width=0.75, color=mark("hatch"))
        below.set_ylabel("hours\nwatched", fontsize=6.5)
        below.locator_params(axis="y", nbins=2)
        below.set_xlim(-0.6, 23.6)
        below.set_xticks(range(0, 24, 3), [f"{hour}:00" for hour in range(0, 24, 3)])

    seen = [rate for rate in rates if rate.hours > 0.0]
    highest = max(seen, key=lambda rate: rate.per_hour)
    says = f"Watched in {len(seen)} of the 24 hours of the day."
    if highest.count:
        says += (
            f" Most an observed hour from {highest.label}: {highest.per_hour:.1f} "
            f"({highest.low:.1f} to {highest.high:.1f}, in {highest.hours:.1f} h)."
        )
    how = (
        "Each point has its 95 % interval, long where little was watched (bars below; a caret: it goes on). Hatched "
        "hours were never watched."
    )
    table = rate_table("Hours of the day", "hour", rates)
    return Picture("hours", "Hour of the day", says, how, draw("hours", says, NARROW_PT, 136.0, paint), table=table)


def balance(history: History, days: Sequence[Rate], weeks: Sequence[Rate]) -> Picture | None:
    """Episodes of each side an observed hour, over time; None when nothing was observed."""
    if not any(rate.hours > 0.0 for rate in days):
        return None
    weekly = len(days) > FEW_DAYS
    parts = weeks if weekly else days
    counts = side_counts(history, weekly)
    first, last = days[0].start, days[-1].start
    assert first is not None and last is not None
    centers = [(part.start - first).days + (3.0 if weekly else 0.0) for part in parts if part.start is not None]
    width = 7.0 if weekly else 1.0

    def height(part: Rate, *sides: str) -> float:
        return sum(counts[part.start, side] for side in sides) / part.hours if part.hours > 0.0 else 0.0

    left = [height(part, "left") for part in parts]
    right = [height(part, "right") for part in parts]
    middle = [height(part, "both", "midline") for part in parts]
    reach = 1.12 * max([*left, *right, *(0.5 * x for x in middle), 0.1])

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        shade_unobserved(
            axes,
            [
                (centers[a] - 0.5 * width, centers[b] + 0.5 * width)
                for a, b in gaps([part.hours > 0.0 for part in parts])
            ],
        )
        axes.bar(centers, left, 0.8 * width, color=mark("left"))
        axes.bar(
            centers, [-x for x in right], 0.8 * width, facecolor=mark("right-soft"), edgecolor=mark("right"),
            hatch="\\\\\\\\", lw=0.8,
        )  # fmt: skip
        if any(middle):
            axes.bar(
                centers, middle, 0.3 * width, bottom=[-0.5 * x for x in middle], facecolor=mark("middle-soft"),
                edgecolor=mark("middle"), lw=0.9,
            )  # fmt: skip
        axes.axhline(0.0, color=mark("muted"), lw=0.9)
        low = -max(reach if max(right) > 0.4 * reach else 1.25 * max(right), 0.35 * reach)
        axes.set_ylim(low, reach)
        axes.spines["bottom"].set_visible(False)
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.locator_params(axis="y", nbins=6)
        axes.set_ylabel("right       left", loc="center")
        set_dates(axes, first, last, 5)
        if weekly:
            axes.set_xlim(min(centers) - 0.6 * width, max(centers) + 0.6 * width)
        axes.set_ylabel("episodes / h")
        axes.text(0.01, 0.98, "▲ left", transform=axes.transAxes, va="top", color=mark("left"), weight="bold")
        axes.text(0.01, 0.02, "▼ right", transform=axes.transAxes, va="bottom", color=mark("right"), weight="bold")

    total: Counter[str] = Counter(found.logged.episode.side for found in history.found)
    says = "Episodes: " + ", ".join(f"{total[side]} {_where(side)}" for side in SIDES if total[side]) + "."
    how = (
        f"Episodes an observed hour {'by week' if weekly else 'by day'}: upwards the person's own left, downwards and "
    )
    how += "striped their right" + (", narrow bars round the line both or the midline" if any(middle) else "")
    how += ". Hatched: not watched."
    rows = tuple(
        (part.label, *(str(counts[part.start, side]) for side in SIDES), f"{part.hours:.1f}")
        if part.hours > 0.0
        else (part.label, *("not watched",) * len(SIDES), "0.0")
        for part in parts
    )
    table = Table(
        "Sides", ("week from" if weekly else "day", *(f"{side}, episodes" for side in SIDES), "observed h"), rows
    )
    return Picture("balance", "Left and right", says, how, draw("balance", says, NARROW_PT, 145.0, paint), table=table)


def side_counts(history: History, weekly: bool) -> Counter[tuple[date | None, str]]:
    """Episodes by the first day of their week, or their day, and by side."""
    return Counter(
        (
            found.at.date() - timedelta(days=found.at.weekday() if weekly else 0),
            found.logged.episode.side,
        )
        for found in history.found
    )


def rate_table(caption: str, what: str, rates: Sequence[Rate]) -> Table:
    """Rates as rows."""
    rows = tuple(
        (rate.label, str(rate.count), f"{rate.hours:.1f}", f"{rate.per_hour:.1f}", f"{rate.low:.1f} to {rate.high:.1f}")
        if rate.hours > 0.0
        else (rate.label, "not watched", "0.0", "unknown", "unknown")
        for rate in rates
    )
    return Table(caption, (what, "episodes", "observed h", "per observed h", "95 % interval"), rows)


def _where(side: str) -> str:
    return {"left": "on the left", "right": "on the right", "both": "on both sides", "midline": "in the midline"}[side]
