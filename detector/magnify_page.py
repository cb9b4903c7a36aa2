"""One picture of a magnified replay: the face as it was beside its motion enlarged, and the measured motion below.

What the enlargement cannot be trusted with is written into the picture itself, because a replay is passed on without
its report.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from detector import regions
from detector.drawing import (
    DARK,
    GRAY,
    PANEL,
    SIDE_COLORS,
    UNOBSERVED,
    WARNING,
    WHITE,
    Color,
    Picture,
    put_text,
    scaled,
    text_width,
)
from detector.magnify_field import LEFT_MM, SIZE_MM, TOP_MM
from detector.magnify_measure import Measured
from detector.magnify_notes import ROWS, clock, notes, side_lengths
from detector.magnify_warp import AREA_MM, PANEL_PX
from detector.record.entries import moment_of
from detector.types import Twitch, WhyNot

PX_PER_MM = PANEL_PX / SIZE_MM
TEXT_PX = 17
PAD = 8
BAR_PX, NOTE_PX, ROW_PX, AXIS_PX = 34, 60, 58, 30
LABEL_PX = 70  # names of the sides, left of their traces
WIDTH = 2 * PANEL_PX + PAD
HEIGHT = BAR_PX + PANEL_PX + NOTE_PX + 3 * ROW_PX + AXIS_PX
WINDOW_S = 6.0  # of a longer part the trace shows this much round the moment
NOISE_COLOR: Color = (72, 58, 44)  # a shade of the panel, darker than any line on it
RING_MM = 8.0  # round the region of the episode: outside its bump of 6 mm, so that the skin itself stays free to see
_WHY: dict[WhyNot, str] = {
    WhyNot.NO_FACE: "no face",
    WhyNot.SETTLING: "noise not yet known",
    WhyNot.FACE_SMALL: "face too small",
    WhyNot.MOTION: "head moves too fast",
    WhyNot.NOISE: "too much motion or noise: speech, light, compression",
    WhyNot.GAP: "pictures missing",
    WhyNot.EDGE: "face at the edge of the picture",
}


@dataclass(frozen=True, slots=True)
class Show:
    """What is shown, and how."""

    start_s: float
    end_s: float
    factor: float
    slow: float = 1.0
    title: str = ""
    span_s: tuple[float, float] | None = None  # of the episode
    region: str = ""  # its strongest; empty: none is marked
    side: str = ""
    twitches: tuple[Twitch, ...] = ()
    clock: str = ""  # time of day at the start, ISO 8601; empty when unknown


class Page:
    """Draws pages of ``WIDTH`` x ``HEIGHT``."""

    def __init__(self, measured: Measured, show: Show) -> None:
        self._measured, self._show = measured, show
        self._t_s = measured.skin.t_s
        self._times = [one.t_s for one in measured.seen]
        self.trace = side_lengths(measured)
        floors = [one.floor_mm[list(regions.NOSE)].min() for one in measured.seen if one.floor_mm is not None]
        self._floor_mm = float(np.median(floors)) if floors else math.nan
        inside = (self._t_s >= show.start_s) & (self._t_s < show.end_s)
        highest = max((float(rows[inside].max(initial=0.0)) for rows in self.trace.values()), default=0.0)
        self.top_mm = 1.15 * max(highest, 2.0 * measured.noise_mm, 0.05)
        self.notes = notes(measured, show.factor)
        self._rings = self._make_rings()
        self._drawn: Picture = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
        self._drawn_for: tuple[float, float] | None = None

    def draw(self, t_s: float, still: Picture | None, magnified: Picture | None, cut: bool) -> Picture:
        """The page of the frame at ``t_s``; without panels there was no face."""
        page = self._background(*self._window(t_s)).copy()
        now = bisect_right(self._times, t_s + 1e-6) - 1
        why = self._measured.seen[now].why if now >= 0 else WhyNot.SETTLING
        self._draw_bar(page, t_s)
        for left, panel, name in ((0, still, "as filmed, head held still"), (PANEL_PX + PAD, magnified, self._name())):
            area = page[BAR_PX : BAR_PX + PANEL_PX, left : left + PANEL_PX]
            area[:] = PANEL if panel is None else panel
            if panel is None:
                self._boxed(area, "no face in this picture", (PANEL_PX // 2 - 90, PANEL_PX // 2), WARNING)
            else:
                self._mark(area, left > 0)
            self._boxed(area, name, (PAD, 24), WHITE, bold=True)
            self._boxed(area, "subject's right", (PAD, PANEL_PX - 12), SIDE_COLORS["right"])
            words = "subject's left"
            self._boxed(area, words, (PANEL_PX - PAD - text_width(words, TEXT_PX), PANEL_PX - 12), SIDE_COLORS["left"])
            if left > 0:
                self._warn(area, why, cut, t_s)
        self._draw_cursor(page, t_s)
        return page

    def _background(self, start_s: float, end_s: float) -> Picture:
        """Notes and traces: the same as long as the window is."""
        if self._drawn_for != (start_s, end_s):
            self._drawn[:] = DARK
            self._draw_notes(self._drawn)
            self._draw_trace(self._drawn, start_s, end_s)
            self._drawn_for = (start_s, end_s)
        return self._drawn

    def _name(self) -> str:
        return f"motion x{self._show.factor:g}"

    def _draw_bar(self, page: Picture, t_s: float) -> None:
        put_text(page, clock(t_s), (PAD, 24), WHITE, TEXT_PX + 3, True)
        put_text(page, self._show.title, (PAD + 110, 24), WHITE, TEXT_PX)
        slow = self._show.slow
        words = "normal speed" if slow == 1.0 else f"{slow:g} times slower than life"
        moment = moment_of(self._show.clock, t_s - self._show.start_s)
        if moment is not None:
            utc = " UTC" if not moment.utcoffset() else ""
            words = f"{moment:%Y-%m-%d %H:%M:%S}{utc}   {words}"
        put_text(page, words, (WIDTH - PAD - text_width(words, TEXT_PX), 24), WHITE, TEXT_PX)

    def _make_rings(self) -> list[tuple[tuple[int, int], Color]]:
        show, rings = self._show, []
        for index, site in enumerate(regions.SITES):
            if site.name == show.region or (site.muscle == _muscle(show.region) and show.side in (site.side, "both")):
                x, y = (self._measured.sites_mm[index] - (LEFT_MM, TOP_MM)) * PX_PER_MM
                rings.append(((round(x), round(y)), SIDE_COLORS[site.side]))
        return rings

    def _mark(self, area: Picture, enlarged: bool) -> None:
        import cv2

        for at, color in self._rings:  # all the time and at one place: a ring that came and went would be a hint
            cv2.circle(area, at, round(RING_MM * PX_PER_MM), color, 1, cv2.LINE_AA)
        if enlarged:
            (x, y), (wide, tall) = AREA_MM
            middle = (round((x - LEFT_MM) * PX_PER_MM), round((y - TOP_MM) * PX_PER_MM))
            axes = (round(wide * PX_PER_MM), round(tall * PX_PER_MM))
            for angle in range(0, 360, 6):
                cv2.ellipse(area, middle, axes, 0.0, angle, angle + 2, GRAY, 1, cv2.LINE_AA)
            self._ruler(area)

    def _ruler(self, area: Picture) -> None:
        """How tall noise is drawn here."""
        import cv2

        noise_px = round(self._show.factor * self._measured.noise_mm * PX_PER_MM)
        x, y = PANEL_PX // 2 - 34, PANEL_PX - 14
        cv2.rectangle(area, (x - 6, y - 18), (x + 74 + max(noise_px, 2), y + 8), DARK, -1)
        put_text(area, "noise", (x, y), GRAY, TEXT_PX - 2)
        left, right = x + 50, x + 50 + max(noise_px, 2)
        cv2.line(area, (left, y - 5), (right, y - 5), WARNING if self.notes[0] else WHITE, 2)
        for end in (left, right):
            cv2.line(area, (end, y - 11), (end, y + 1), WARNING if self.notes[0] else WHITE, 2)

    def _warn(self, area: Picture, why: WhyNot, cut: bool, t_s: float) -> None:
        words = [text for bit, text in _WHY.items() if bit in why][:2] if why else []
        words = [f"no verdict here: {', '.join(words)}"] if words else []
        words += [
            f"{episode.kind.replace('_', ' ')} now: the skin is pulled along"
            for episode in self._measured.ordinary
            if episode.start_s <= t_s < episode.end_s
        ][:1]
        words += ["cut off: more than can be drawn"] if cut else []
        for row, text in enumerate(words):
            self._boxed(area, text, (PAD, 52 + 26 * row), WARNING)

    def _draw_notes(self, page: Picture) -> None:
        warning, plain = self.notes
        y = BAR_PX + PANEL_PX + 22
        put_text(page, warning or plain[0], (PAD, y), WARNING if warning else WHITE, TEXT_PX, bool(warning))
        rest = plain if warning else plain[1:]
        put_text(page, "   ".join(rest), (PAD, y + 25), GRAY, TEXT_PX - 2)

    def _draw_cursor(self, page: Picture, t_s: float) -> None:
        import cv2

        top = BAR_PX + PANEL_PX + NOTE_PX
        x = round(scaled(*self._window(t_s), LABEL_PX, WIDTH - PAD)(t_s))
        cv2.line(page, (x, top), (x, top + 3 * ROW_PX - 4), WHITE, 1)

    def _draw_trace(self, page: Picture, start_s: float, end_s: float) -> None:
        import cv2

        show, measured = self._show, self._measured
        left, right = LABEL_PX, WIDTH - PAD
        x_of = scaled(start_s, end_s, left, right)
        top = BAR_PX + PANEL_PX + NOTE_PX
        bottom = top + 3 * ROW_PX
        inside = (self._t_s >= start_s) & (self._t_s <= end_s)
        x = np.round([x_of(t) for t in self._t_s[inside]]).astype(np.int32)
        for row, (side, name) in enumerate(ROWS):
            upper, lower = top + row * ROW_PX, top + (row + 1) * ROW_PX - 4
            y_of = scaled(0.0, self.top_mm, lower - 1, upper + 1)
            cv2.rectangle(page, (left, upper), (right, lower), PANEL, -1)
            band = round(max(y_of(measured.noise_mm), upper))
            cv2.rectangle(page, (left, band), (right, lower), NOISE_COLOR, -1)
            self._shade(page, x_of, upper, lower, start_s, end_s)
            if self._floor_mm <= self.top_mm:
                y = round(y_of(self._floor_mm))
                for dash in range(left, right, 10):
                    cv2.line(page, (dash, y), (min(dash + 5, right), y), GRAY, 1)
            heights = np.clip(self.trace[side][inside], 0.0, self.top_mm)
            line = np.column_stack([x, np.round([y_of(h) for h in heights]).astype(np.int32)])
            if len(line) > 1:
                cv2.polylines(page, [line], False, SIDE_COLORS[side], 1, cv2.LINE_AA)
            for twitch in show.twitches:
                if twitch.side in (side, "both") and start_s <= twitch.peak_s < end_s:
                    tip = round(x_of(twitch.peak_s))
                    corners = np.array([(tip - 5, upper), (tip + 5, upper), (tip, upper + 9)], np.int32)
                    cv2.fillPoly(page, [corners], WHITE, cv2.LINE_AA)
            put_text(page, name, (PAD, (upper + lower) // 2 + 6), SIDE_COLORS[side], TEXT_PX, True)
        legend = f"motion of each side, to {self.top_mm:.2f} mm; shaded below: noise; triangles: twitches found"
        if show.span_s is not None:
            legend += "; box: the episode"
        if self._floor_mm <= self.top_mm:
            legend += f"; dashes: the smallest it could find ({self._floor_mm:.1f} mm)"
        put_text(page, legend, (left, bottom + 17), GRAY, TEXT_PX - 3)

    def _shade(self, page: Picture, x_of: object, upper: int, lower: int, start_s: float, end_s: float) -> None:
        """Where there is no verdict, and where the episode is."""
        import cv2

        assert callable(x_of)
        first, last = bisect_right(self._times, start_s), bisect_right(self._times, end_s)
        for k in range(max(first, 1), last):
            if self._measured.seen[k].why:
                a, b = (round(x_of(self._times[i])) for i in (k - 1, k))
                cv2.rectangle(page, (a, upper), (b, lower), UNOBSERVED, -1)
        if self._show.span_s is not None:
            a, b = (round(min(max(x_of(t), LABEL_PX), WIDTH - PAD)) for t in self._show.span_s)
            if b > a:
                cv2.rectangle(page, (a, upper), (b, lower), WHITE, 1)
        for episode in self._measured.ordinary:
            a, b = (round(min(max(x_of(t), LABEL_PX), WIDTH - PAD)) for t in (episode.start_s, episode.end_s))
            if b > a:
                cv2.line(page, (a, lower), (b, lower), WARNING, 2)
                if upper < BAR_PX + PANEL_PX + NOTE_PX + ROW_PX:
                    put_text(page, episode.kind.replace("_", " "), (a, upper + 12), WARNING, TEXT_PX - 4)

    def _window(self, t_s: float) -> tuple[float, float]:
        show = self._show
        if show.end_s - show.start_s <= WINDOW_S:
            return show.start_s, show.end_s
        start_s = min(max(t_s - WINDOW_S / 2, show.start_s), show.end_s - WINDOW_S)
        return start_s, start_s + WINDOW_S

    def _boxed(self, area: Picture, words: str, at: tuple[int, int], color: Color, bold: bool = False) -> None:
        import cv2

        wide = text_width(words, TEXT_PX, bold)
        cv2.rectangle(area, (at[0] - 4, at[1] - TEXT_PX), (at[0] + wide + 4, at[1] + 6), DARK, -1)
        put_text(area, words, at, color, TEXT_PX, bold)


def _muscle(region: str) -> str:
    return region.removesuffix("_left").removesuffix("_right")
