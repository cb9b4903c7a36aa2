"""The average twitch: courses of all twitches of a side and a region laid over each other at their peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.study.colors import mark
from detector.study.figures import NARROW_PT, Picture, Table, draw
from detector.study.history import History
from detector.tables import words
from detector.types import COURSE_FROM_S, COURSE_STEP_S, COURSE_TO_S

MOST_PANELS = 4
FEW = 5  # under so many, each course is drawn by itself: quartiles of four say nothing
STEPS = round(COURSE_FROM_S / COURSE_STEP_S) + round(COURSE_TO_S / COURSE_STEP_S) + 1
TIMES_S = np.arange(STEPS) * COURSE_STEP_S - COURSE_FROM_S
_ROLE = {"left": "left", "right": "right", "both": "middle", "midline": "middle"}


@dataclass(frozen=True, slots=True)
class Average:
    """Of one side and region, at every COURSE_STEP_S from COURSE_FROM_S before the peak; mm along the pull."""

    side: str
    region: str
    courses_mm: npt.NDArray[np.float64]  # (n, STEPS); nan where the twitch before or after is nearer

    @property
    def count(self) -> int:
        """How many twitches."""
        return len(self.courses_mm)

    def quartiles_mm(self) -> npt.NDArray[np.float64]:
        """Lower quartile, median, upper quartile; (3, STEPS). Nan where fewer than FEW twitches are left to tell it."""
        told = np.isfinite(self.courses_mm).sum(axis=0) >= min(FEW, self.count)
        quartiles = np.full((3, STEPS), np.nan)
        quartiles[:, told] = np.nanpercentile(self.courses_mm[:, told], (25, 50, 75), axis=0)
        return quartiles

    def height_mm(self) -> float:
        """Of the median course, at the peak."""
        return float(self.quartiles_mm()[1, round(COURSE_FROM_S / COURSE_STEP_S)])


def averages(history: History) -> list[Average]:
    """Those with most twitches first; twitches whose course was cut short, or not kept, have no part."""
    found: dict[tuple[str, str], list[npt.NDArray[np.float64]]] = {}
    for row in history.found:
        peaks_s = sorted(twitch.peak_s for twitch in row.logged.episode.twitches)
        for twitch in row.logged.episode.twitches:
            if len(twitch.course_mm) == STEPS and all(np.isfinite(twitch.course_mm)):
                own = np.where(_is_own(twitch.peak_s, peaks_s), twitch.course_mm, np.nan)
                found.setdefault((twitch.side, twitch.region), []).append(own)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Average(side, region, np.array(courses)) for (side, region), courses in ordered]


def _is_own(peak_s: float, peaks_s: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Which steps of a course are nearer to its peak than to another of the same episode: a train is no course."""
    before = max((other for other in peaks_s if other < peak_s), default=-np.inf)
    after = min((other for other in peaks_s if other > peak_s), default=np.inf)
    since_s = TIMES_S
    return (since_s >= 0.5 * (before - peak_s)) & (since_s <= 0.5 * (after - peak_s))


def average_twitch(found: Sequence[Average], twitches: int) -> Picture | None:
    """The most frequent as panels; None when no course was kept. ``twitches`` is how many there are in all."""
    if not found:
        return None
    shown = found[:MOST_PANELS]
    drawn = [one.quartiles_mm() if one.count >= FEW else one.courses_mm for one in shown]

    def paint(figure: Any) -> None:
        columns = min(len(shown), 2)
        panels = figure.subplots(-(-len(shown) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, one in zip(panels, shown, strict=False):
            color, soft = mark(_ROLE[one.side]), mark(f"{_ROLE[one.side]}-soft")
            axes.grid(axis="y")
            axes.axvline(0.0, color=mark("rule"), lw=0.8, zorder=0)
            if one.count >= FEW:
                low, middle, high = one.quartiles_mm()
                axes.fill_between(TIMES_S, low, high, facecolor=soft, edgecolor="none")
                axes.plot(TIMES_S, middle, color=color, lw=1.6, ls="--" if one.side == "right" else "-")
            else:
                for course in one.courses_mm:
                    axes.plot(TIMES_S, course, color=color, lw=0.9, ls="--" if one.side == "right" else "-")
            axes.set_title(f"{place_words(one.region, one.side)}\nn = {one.count}", loc="left", fontsize=7, pad=2.0)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        panels[0].set_xlim(TIMES_S[0], TIMES_S[-1])
        panels[0].set_xticks([-0.2, 0.0, 0.2, 0.4])
        low, top = min(np.nanmin(rows) for rows in drawn), max(np.nanmax(rows) for rows in drawn)
        panels[0].set_ylim(min(low, 0.0) * 1.1, top * 1.1)
        for axes in panels[-columns:]:
            axes.set_xlabel("s from the peak", fontsize=7)
        for axes in panels[::columns]:
            axes.set_ylabel("mm")

    height = 105.0 if len(shown) <= 2 else 165.0
    rest = twitches - sum(one.count for one in found)
    most = shown[0]
    says = (
        f"Most twitches that have a course ({most.count} of {sum(one.count for one in found)}) are "
        f"{place_words(most.region, most.side)}: the median one is {most.height_mm():.2f} mm high."
    )
    how = (
        "How far the skin moves, with the peaks of all twitches laid over each other, each as far as the next of its "
        f"train: the line is the median, half of the twitches lie in the band. n is how many; under {FEW}, each is "
        "drawn by itself. The right side is dashed."
    )
    if len(found) > len(shown):
        rarer = len(found) - len(shown)
        how += f" {rarer} rarer {'place is' if rarer == 1 else 'places are'} left out here."
    if rest > 0:
        how += f" {rest} of {twitches} twitches have no whole course (a gap or the end was near)."
    rows = tuple((place_words(one.region, one.side), str(one.count), f"{one.height_mm():.2f}") for one in found)
    table = Table("Average twitch", ("place", "twitches", "median height, mm"), rows)
    return Picture(
        "twitch", "The average twitch", says, how, draw("twitch", says, NARROW_PT, height, paint), table=table
    )


def place_words(region: str, side: str) -> str:
    """``left, nasalis alar``."""
    name = words(region)
    for ending in (" left", " right"):
        name = name.removesuffix(ending)
    return name if side == "midline" else f"{'both sides' if side == 'both' else side}, {name}"
