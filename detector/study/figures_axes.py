"""What the figures of the report share: dates along an axis, time without a camera, points with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from detector.study.colors import mark
from detector.study.rates import Rate

HATCH = "//////"
TALLEST = (
    1.6  # highest rate times this is as far as a figure reaches: a whisker of a few minutes would flatten the rest
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def short_date(day: date, *, year: bool = False) -> str:
    """``2 Mar``, in English whatever the computer's language."""
    return f"{day.day} {MONTHS[day.month - 1]}" + (f" {day.year}" if year else "")


def day_words(first: date, last: date) -> str:
    """``2 Mar to 5 Apr 2026``, or of one day ``2 Mar 2026``."""
    if first == last:
        return short_date(first, year=True)
    return f"{short_date(first, year=first.year != last.year)} to {short_date(last, year=True)}"


def date_ticks(first: date, last: date, most: int) -> list[tuple[int, str]]:
    """At most about ``most`` days to be named, as days from ``first`` and words: Mondays, else firsts of months."""
    length = (last - first).days + 1
    if length <= 7:
        days = [first + timedelta(days=k) for k in range(length)]
        return [((day - first).days, short_date(day)) for day in days]
    for weeks in (1, 2):
        if length <= 7 * weeks * most:
            monday = first + timedelta(days=-first.weekday() % 7)
            days = [monday + timedelta(weeks=weeks * k) for k in range(length // (7 * weeks) + 1)]
            return [((day - first).days, short_date(day)) for day in days if day <= last]
    step = next((months for months in (1, 2, 3, 6, 12) if length / 30.4 / months <= most), 24)
    firsts = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13, step if step <= 12 else 12)
        if (year - first.year) % max(step // 12, 1) == 0 and first <= date(year, month, 1) <= last
    ]
    return [
        ((day - first).days, MONTHS[day.month - 1] + (f"\n{day.year}" if day.month == 1 or day == firsts[0] else ""))
        for day in firsts
    ]


def set_dates(axes: Any, first: date, last: date, most: int) -> None:
    """Days from ``first`` on as the horizontal axis; day k reaches from k - 0.5 to k + 0.5."""
    ticks = date_ticks(first, last, most)
    axes.set_xlim(-0.7, (last - first).days + 0.7)
    axes.set_xticks([at for at, _ in ticks], [words for _, words in ticks])


def gaps(observed: Sequence[bool]) -> list[tuple[int, int]]:
    """Stretches ``[first, last]`` of False."""
    found: list[tuple[int, int]] = []
    for k, seen in enumerate(observed):
        if seen:
            continue
        if found and found[-1][1] == k - 1:
            found[-1] = (found[-1][0], k)
        else:
            found.append((k, k))
    return found


def shade_unobserved(axes: Any, spans: Iterable[tuple[float, float]]) -> None:
    """Hatch what nothing is known of."""
    for left, right in spans:
        axes.axvspan(left, right, facecolor="none", edgecolor=mark("hatch"), hatch=HATCH, linewidth=0.0, zorder=0)


def top_of(rates: Sequence[Rate]) -> float:
    """How far an axis of these rates reaches."""
    highest = max((rate.per_hour for rate in rates if rate.hours > 0.0), default=0.0)
    reach = max((rate.high for rate in rates if rate.hours > 0.0), default=1.0)
    return min(reach, TALLEST * highest) * 1.06 if highest > 0.0 else min(reach * 1.06, 1.0)


def points(axes: Any, at: Sequence[float], rates: Sequence[Rate], top: float, role: str, size: float) -> None:
    """Rates with their intervals; a hollow point is a zero that was watched, a caret says that the interval goes on."""
    color = mark(role)
    known = [(x, rate) for x, rate in zip(at, rates, strict=True) if math.isfinite(rate.per_hour)]
    axes.vlines(
        [x for x, _ in known], [rate.low for _, rate in known], [min(rate.high, top) for _, rate in known], color=color,
        lw=0.8, zorder=2,
    )  # fmt: skip
    if beyond := [x for x, rate in known if rate.high > top]:
        axes.plot(beyond, [top] * len(beyond), ls="", marker="^", ms=3.0, color=color, clip_on=False, zorder=2)
    for hollow in (False, True):
        chosen = [(x, rate) for x, rate in known if (rate.count == 0) == hollow]
        if not chosen:  # nothing drawn, but not clipped, would have no place, and the layout would make room for it
            continue
        axes.plot(
            [x for x, _ in chosen],
            [rate.per_hour for _, rate in chosen],
            ls="",
            marker="o",
            ms=size,
            mfc=mark("paper") if hollow else color,
            mec=color,
            mew=0.9,
            zorder=3,
            clip_on=False,
        )
