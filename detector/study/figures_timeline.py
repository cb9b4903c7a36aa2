"""The rate over time, with what was written down and with how small a twitch would have been found, day below day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from detector.study.colors import mark
from detector.study.figures import NARROW_PT, WIDE_PT, Picture, Table, draw
from detector.study.figures_axes import gaps, points, set_dates, shade_unobserved, short_date, top_of
from detector.study.limits import DayLimit
from detector.study.marks import Band, Numbered, Row
from detector.study.rates import Rate
from detector.tables import count_words

RATE_PT, ROW_PT, LIMIT_PT = 88.0, 11.0, 32.0  # heights of the panels
DAILY_DAYS = 120  # up to so many, a point for each day; beyond, for each week


def timeline(
    days: Sequence[Rate],
    weeks: Sequence[Rate],
    rows: Sequence[Row],
    numbered: Sequence[Numbered],
    bands: Sequence[Band],
    limits: Sequence[DayLimit],
) -> Picture | None:
    """Rates of days, or of weeks when there are many; None when nothing was observed."""
    if not any(day.hours > 0.0 for day in days):
        return None
    first, last = days[0].start, days[-1].start
    assert first is not None and last is not None
    weekly = len(days) > DAILY_DAYS
    parts = list(weeks if weekly else days)
    centers = [(part.start - first).days + (3.0 if weekly else 0.0) for part in parts if part.start is not None]
    top = top_of(parts)
    spans = [
        (centers[a] - (3.5 if weekly else 0.5), centers[b] + (3.5 if weekly else 0.5))
        for a, b in gaps([part.hours > 0.0 for part in parts])
    ]

    def paint(figure: Any, narrow: bool) -> None:
        heights = [RATE_PT, *[ROW_PT + 5.0 * narrow] * len(rows), LIMIT_PT]
        panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.04})
        rate, journal, limit = panels[0], panels[1:-1], panels[-1]
        for axes in (rate, limit):
            shade_unobserved(axes, spans)
            axes.grid(axis="y")
        for axes in panels:
            _bands(axes, bands, first, last)
        points(rate, centers, parts, top, "ink", 2.4 if narrow or len(parts) > 60 else 3.0)
        rate.set_ylim(0.0, top)
        rate.set_ylabel("episodes / h")
        _numbers(rate, numbered, first, last, top, 17.0 if narrow else 9.0)
        for axes, row in zip(journal, rows, strict=True):
            _row(axes, row, first, narrow)
        _limits(limit, limits, first, narrow)
        set_dates(limit, first, last, 5 if narrow else 10)
        for axes in panels[:-1]:
            axes.tick_params(axis="x", length=0, labelbottom=False)

    length = RATE_PT + (ROW_PT + 4.0) * len(rows) + LIMIT_PT + 34.0
    says = _says(parts, weekly)
    how = _how(weekly, bool(spans), bands, bool(rows))
    wide = draw("timeline", says, WIDE_PT, length, lambda figure: paint(figure, narrow=False))
    phone = draw(
        "timeline-phone", says, NARROW_PT, length + 24.0 + 5.0 * len(rows), lambda figure: paint(figure, narrow=True)
    )
    return Picture("timeline", "Over time", says, how, wide, phone, _table(parts, weekly))


def _bands(axes: Any, bands: Sequence[Band], first: date, last: date) -> None:
    for k, band in enumerate(bands):
        left, right = (band.first - first).days - 0.5, (min(band.last, last) - first).days + 0.5
        if right < -0.5 or left > (last - first).days + 0.5:
            continue
        axes.axvspan(left, right, facecolor=mark("band"), edgecolor="none", zorder=-1)
        if band.baseline is not None:
            axes.axvspan(
                (band.baseline - first).days - 0.5, left, facecolor=mark("band-soft"), edgecolor="none", zorder=-2
            )
        for x in (left, right):
            axes.axvline(x, color=mark("band-ink"), lw=0.8, ls=(0, (4, 2)), zorder=0)
        if axes.get_subplotspec().is_first_row():
            axes.annotate(
                chr(ord("A") + k % 26), (0.5 * (left + right), 1.0), (0, -2), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", va="top", weight="bold", color=mark("band-ink"),
            )  # fmt: skip


def _numbers(axes: Any, numbered: Sequence[Numbered], first: date, last: date, top: float, apart_pt: float) -> None:
    ends = [-math.inf] * 3  # of what stands on each level already
    length = (last - first).days + 1
    for one in numbered:
        x = min(max((one.date - first).days, -0.7), length - 0.3)  # what holds since before is told at the edge
        axes.axvline(x, color=mark("notice"), lw=0.8, ls=(0, (1, 1.5)), zorder=1)
        reach = apart_pt * length / WIDE_PT
        level = next((k for k, end in enumerate(ends) if x - end >= reach), int(min(range(3), key=ends.__getitem__)))
        ends[level] = x
        axes.annotate(
            str(one.number), (x, 1.0), (0, 5 + 9 * level), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", va="center", fontsize=6.5, color=mark("paper"), weight="bold",
            bbox={"boxstyle": "circle,pad=0.2", "facecolor": mark("notice"), "edgecolor": "none"},
            annotation_clip=False,
        )  # fmt: skip


def _row(axes: Any, row: Row, first: date, narrow: bool) -> None:
    days = sorted(row.amounts)
    x = [(day - first).days for day in days]
    highest = max(row.amounts.values()) or 1.0
    if any(value > 0.0 for value in row.amounts.values()):
        axes.bar(x, [row.amounts[day] / highest for day in days], 0.7, color=mark("muted"))
    axes.set_ylim(0.0, 1.15)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    sep = "\n" if narrow else " "
    unit = {"0-10": "of 10"}.get(row.unit, row.unit)
    name = f"{row.label}{sep}≤ {highest:g} {unit}".rstrip() if row.unit else row.label
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=6.5, labelpad=4.0)


def _limits(axes: Any, limits: Sequence[DayLimit], first: date, narrow: bool) -> None:
    x = [(one.date - first).days for one in limits]
    size = 1.8 if narrow or len(x) > 120 else 2.4
    if x:
        axes.plot(x, [one.most_mm for one in limits], ls="", marker="_", ms=2.0 * size, mew=1.0, color=mark("muted"))
        axes.plot(x, [one.half_mm for one in limits], ls="", marker="D", ms=size, color=mark("middle"))
        highest = max(one.half_mm for one in limits)
        tall = [one.most_mm for one in limits if one.most_mm == one.most_mm]
        axes.set_ylim(0.0, 1.15 * max(min(max(tall, default=highest), 3.0 * highest), highest))
    else:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center", color=mark("muted"))
        axes.set_yticks([])
    axes.locator_params(axis="y", nbins=3)
    axes.set_ylabel("limit, mm")


def _says(parts: Sequence[Rate], weekly: bool) -> str:
    seen = [part for part in parts if part.hours > 0.0]
    high = max(seen, key=lambda part: part.per_hour)
    what = "week" if weekly else "day"
    episodes = count_words(sum(part.count for part in seen), "episode")
    says = f"{len(seen)} of {count_words(len(parts), what)} watched, with {episodes}."
    if high.count and high.start is not None:
        since = "the week of " if weekly else ""
        says += (
            f" The highest rate was {high.per_hour:.1f} an observed hour ({since}{short_date(high.start)}, "
            f"{high.low:.1f} to {high.high:.1f})."
        )
    return says


def _how(weekly: bool, gaps_there: bool, bands: Sequence[Band], rows: bool) -> str:
    what = "week" if weekly else "day"
    how = f"Top: a point for each {what} with its 95 % interval (a caret: it goes on); hollow points are watched zeros."
    if gaps_there:
        how += " Hatched: not watched."
    if bands:
        how += " A letter: an experiment; paler, what it is compared with."
    if rows:
        how += " Middle: the journal, bars up to the largest amount."
    return how + (
        " Bottom: twitches under the diamond were missed more often than not, those over the dash found nine times in "
        "ten; when it rises, fewer are found although nothing else has changed."
    )


def _table(parts: Sequence[Rate], weekly: bool) -> Table:
    rows = tuple(
        (part.label, str(part.count), f"{part.hours:.1f}", f"{part.per_hour:.2f}", f"{part.low:.2f} to {part.high:.2f}")
        if part.hours > 0.0
        else (part.label, "not watched", "0.0", "unknown", "unknown")
        for part in parts
    )
    head = ("week from" if weekly else "day", "episodes", "observed h", "per observed h", "95 % interval")
    return Table("Rate over time", head, rows)
