"""One picture of the overlay.

Above the clip: time, episodes, and why there is no verdict. In it: a ring on every region, in the color of its side,
and a label at each twitch. Below: the detection score of each side over the last seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.drawing import (
    DARK,
    GRAY,
    PANEL,
    SIDE_COLORS,
    UNOBSERVED,
    WHITE,
    Box,
    Color,
    Picture,
    even,
    put_text,
    runs,
    scaled,
    text_width,
    toward,
)
from detector.regions import SITES
from detector.types import Episode, FloatArray, Frame, Twitch

Label = tuple[Box, str, Color, Color]  # where, words, color of the frame and of the words

WINDOW_S = 5.0  # shown in the strip
LINGER_S = 0.6  # s that a twitch stays marked: one of 0.1 s would pass unseen
SHOWN_THRESHOLDS = 2.5  # height of a row of the strip, in thresholds
SMALL_PX, LARGE_PX = 540, 1920  # a shorter side below is enlarged, a longer side above reduced
_AREAS: tuple[tuple[str, str], ...] = (("right", "right"), ("midline", "mid"), ("left", "left"))
_OF_AREA = {area: np.array([site.side == area for site in SITES]) for area, _ in _AREAS}


@dataclass(frozen=True, slots=True)
class OverlayRecord:
    """What the overlay needs of one frame: about half a kilobyte."""

    t_s: float
    centers_px: FloatArray | None  # (R, 2) in the order of ``regions.SITES``
    score: FloatArray | None  # (R,) what the threshold is compared with
    observed: bool  # the moment counts as observed
    why: str  # why not, in words; empty when observed


class Page:
    """Draws one picture of the overlay; sizes follow from the size of the clip.

    Parameters
    ----------
    width, height : int
        Of the clip, px.
    records, twitches, episodes, threshold
        As in :func:`write_overlay`.
    """

    def __init__(
        self,
        width: int,
        height: int,
        records: Sequence[OverlayRecord],
        twitches: Sequence[Twitch],
        episodes: Sequence[Episode],
        threshold: float,
    ) -> None:
        self.scale = _scale(width, height)
        self.picture_size = (even(width * self.scale), even(height * self.scale))
        self.width = self.picture_size[0]
        self.text_px = max(13, round(min(self.width, self.picture_size[1]) / 36))
        self.line_px = max(1, round(self.text_px / 12))
        self.bar_px = even(1.9 * self.text_px)
        self.strip_px = even(3 * 3.0 * self.text_px + 1.8 * self.text_px)
        self.height = self.bar_px + self.picture_size[1] + self.strip_px
        self._blank: Picture = np.full((self.height, self.width, 3), DARK, np.uint8)
        self._records = records
        self._times = [record.t_s for record in records]
        self._peaks = _peaks(records, threshold)
        self._twitches = sorted(twitches, key=lambda twitch: twitch.onset_s)
        self._episodes = episodes
        # A frame belongs to a record when both have the same time, but for rounding.
        self._near_s = 0.5 / _rate(self._times)
        self._places = {(site.muscle, site.side): index for index, site in enumerate(SITES)}

    def draw(self, frame: Frame) -> Picture:
        """The page at the time of ``frame``, uint8 (height, width, 3) BGR."""
        import cv2

        now = bisect_right(self._times, frame.t_s + self._near_s) - 1
        record = self._records[now] if now >= 0 and frame.t_s - self._times[now] <= self._near_s else None
        page = self._blank.copy()
        shrink = self.scale < 1.0
        picture: Any = cv2.resize(
            frame.image, self.picture_size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
        )
        if record is not None and record.centers_px is not None:
            self._draw_regions(picture, record, frame.t_s)
        page[self.bar_px : self.bar_px + self.picture_size[1]] = picture
        self._draw_bar(page, frame.t_s, record)
        self._draw_strip(page, frame.t_s, now)
        return page

    def _draw_bar(self, page: Picture, t_s: float, record: OverlayRecord | None) -> None:
        pad, base = self.text_px // 2, round(1.3 * self.text_px)
        begun = sum(episode.start_s <= t_s for episode in self._episodes)
        going = any(episode.start_s <= t_s < episode.end_s for episode in self._episodes)
        clock = f"{int(t_s // 60)}:{t_s % 60:05.2f}"
        right = self._text(page, clock, (pad, base), WHITE)
        count = f"episode {begun} of {len(self._episodes)}"
        self._text(page, count, (right + 2 * pad, base), WHITE if going else GRAY, bold=going)
        if record is None or not record.observed:
            why = "not measured" if record is None else record.why
            left = right + 2 * pad + self._measure(count, going) + 2 * pad
            # On a narrow picture the first reason has to do.
            full, first = (f"not observed: {text}" for text in (why, why.partition(",")[0]))
            label = full if self._measure(full, True) <= self.width - pad - left else first
            self._text(page, label, (self.width - pad - self._measure(label, True), base), WHITE, bold=True)

    def _draw_regions(self, picture: Picture, record: OverlayRecord, t_s: float) -> None:
        import cv2

        assert record.centers_px is not None
        centers = record.centers_px.astype(np.float64) * self.scale
        face = _extent(centers)
        sharp = 4  # fixed-point bits, so that rings move smoothly
        for site, (x, y) in zip(SITES, centers, strict=True):
            if math.isfinite(x) and math.isfinite(y):
                at = (round(x * 2**sharp), round(y * 2**sharp))
                ring = round(face.ring * 2**sharp)
                cv2.circle(picture, at, ring, SIDE_COLORS[site.side], self.line_px, cv2.LINE_AA, sharp)
        labels: list[Label] = []
        for twitch in self._marked(t_s):
            center = self._center(twitch, centers)
            if center is not None:
                labels.append(self._draw_twitch(picture, twitch, center, face, [box for box, *_ in labels]))
        for (left, top, wide, tall), words, frame, ink in labels:  # after all lines, so that none crosses a label
            cv2.rectangle(picture, (left, top), (left + wide, top + tall), DARK, -1)
            cv2.rectangle(picture, (left, top), (left + wide, top + tall), frame, self.line_px)
            self._text(picture, words, (left + self.text_px // 2, top + round(1.2 * self.text_px)), ink)

    def _marked(self, t_s: float) -> list[Twitch]:
        """Twitches to be marked now, kept ones last so that they lie on top; of one region only the latest."""
        last = bisect_right([twitch.onset_s for twitch in self._twitches], t_s)
        shown: dict[tuple[bool, str, str], Twitch] = {}
        for twitch in self._twitches[max(0, last - 64) : last]:
            if t_s < max(twitch.offset_s, twitch.onset_s + LINGER_S):
                shown[(twitch.kept, twitch.region, twitch.side)] = twitch
        return sorted(shown.values(), key=lambda twitch: twitch.kept)

    def _center(self, twitch: Twitch, centers: npt.NDArray[np.float64]) -> tuple[float, float] | None:
        index = self._places.get((_muscle(twitch.region), twitch.side))
        if index is None:  # a twitch of both sides: between them
            same = [i for i, site in enumerate(SITES) if site.muscle == _muscle(twitch.region)]
            if not same:
                return None
            center = centers[same].mean(axis=0)
        else:
            center = centers[index]
        return (float(center[0]), float(center[1])) if np.isfinite(center).all() else None

    def _draw_twitch(
        self, picture: Picture, twitch: Twitch, center: tuple[float, float], face: _Extent, taken: list[Box]
    ) -> Label:
        """Draw the ring and the line to its label, and give the label."""
        import cv2

        color = SIDE_COLORS[twitch.side] if twitch.kept else GRAY
        at = (round(center[0]), round(center[1]))
        reach = round(2.0 * face.ring)
        # A dark rim, so that the ring shows on any skin; the skin inside stays free to look at.
        rings = ((DARK, 2 * self.line_px + 2), (color, 2 * self.line_px)) if twitch.kept else ((color, self.line_px),)
        for ring, thick in rings:
            cv2.circle(picture, at, reach, ring, thick, cv2.LINE_AA)
        words = f"{twitch.side} {_muscle(twitch.region).replace('_', ' ')} {twitch.amplitude_mm:.1f} mm"
        reason = f"rejected: {twitch.reason.replace('_', ' ')}"
        if not twitch.kept:
            fits = self._measure(f"{words}, {reason}") < picture.shape[1] // 2
            words = f"{words}, {reason}" if fits else f"{words}, rejected"
        box = self._place(words, at, face, twitch.side, picture.shape[1], picture.shape[0], taken)
        left, top, width, height = box
        # The line meets the label on the side that faces the region.
        if left > at[0] or left + width < at[0]:
            anchor = (left if left > at[0] else left + width, top + height // 2)
        else:
            anchor = (at[0], top)
        cv2.line(picture, toward(at, anchor, reach), anchor, color, self.line_px, cv2.LINE_AA)
        return box, words, color, WHITE if twitch.kept else GRAY

    def _place(
        self, words: str, at: tuple[int, int], face: _Extent, side: str, width: int, height: int, taken: list[Box]
    ) -> Box:
        """Where a label hides no face: beside it, on the region's own side, or else under the chin."""
        wide, tall = self._measure(words) + self.text_px, round(1.7 * self.text_px)
        step, edge = tall + 4, 4
        low, high = edge, max(height - tall - edge, edge)
        # The subject's right is the picture's left.
        if side == "right":
            left, beside = face.left - wide, face.left - wide >= edge
        else:
            left, beside = face.right, face.right + wide <= width - edge
        if beside:
            start = min(max(at[1] - tall // 2, low), high)
            tops = [start + sign * k * step for k in range(1 + height // step) for sign in (1, -1)]
        else:
            left = {"right": edge, "left": width - wide - edge}.get(side, (width - wide) // 2)
            tops = list(range(max(low, min(face.chin, high - 3 * step)), high + 1, step))
        left = min(max(left, edge), max(width - wide - edge, edge))
        boxes = [(left, top, wide, tall) for top in tops if low <= top <= high]
        free = [box for box in boxes if not any(_overlap(box, other) for other in taken)]
        return (free or boxes or [(left, low, wide, tall)])[0]

    def _draw_strip(self, page: Picture, t_s: float, now: int) -> None:
        import cv2

        pad, label_px = self.text_px // 2, self._measure("right") + self.text_px
        left, right = label_px, self.width - pad
        top = self.bar_px + self.picture_size[1] + pad
        row_px = (self.height - round(1.3 * self.text_px) - top) // len(_AREAS)
        first = bisect_right(self._times, t_s - WINDOW_S)
        x_of = scaled(t_s - WINDOW_S, t_s, left, right)
        x = [round(x_of(time)) for time in self._times[first : now + 1]]
        for row, (area, name) in enumerate(_AREAS):
            upper, lower = top + row * row_px, top + (row + 1) * row_px - self.line_px - 2
            cv2.rectangle(page, (left, upper), (right, lower), PANEL, -1)
            for index, a, b in zip(range(first, now), x, x[1:], strict=False):
                if not self._records[index].observed:
                    cv2.rectangle(page, (a, upper), (b, lower), UNOBSERVED, -1)
            y_of = scaled(0.0, SHOWN_THRESHOLDS, lower - self.line_px, upper + self.line_px)
            bar = round(y_of(1.0))
            for dash in range(left, right, 8 * self.line_px):
                cv2.line(page, (dash, bar), (min(dash + 4 * self.line_px, right), bar), GRAY, self.line_px)
            heights = self._peaks[area][first : now + 1]
            for run in runs(heights):
                line = np.array([(x[i], round(y_of(heights[i]))) for i in run], np.int32)
                cv2.polylines(page, [line], False, SIDE_COLORS[area], self.line_px, cv2.LINE_AA)
            for twitch in self._twitches:
                if twitch.side in (area, "both") and t_s - WINDOW_S < twitch.peak_s <= t_s:
                    self._draw_mark(page, round(x_of(twitch.peak_s)), upper, twitch)
            self._text(page, name, (pad, (upper + lower + self.text_px) // 2 - 1), SIDE_COLORS[area], bold=True)
        note = f"score of each side, last {WINDOW_S:g} s; dashes: threshold; gray: not observed"
        self._text(page, note, (left, self.height - round(0.35 * self.text_px)), GRAY, small=True)

    def _draw_mark(self, page: Picture, x: int, top: int, twitch: Twitch) -> None:
        """A triangle that points at the peak of a kept twitch; an outline for a rejected one."""
        import cv2

        half = self.text_px // 3
        corners = np.array([(x - half, top + 1), (x + half, top + 1), (x, top + 1 + 2 * half)], np.int32)
        if twitch.kept:
            cv2.fillPoly(page, [corners], WHITE, cv2.LINE_AA)
        else:
            cv2.polylines(page, [corners], True, GRAY, 1, cv2.LINE_AA)

    def _measure(self, words: str, bold: bool = False, *, small: bool = False) -> int:
        size = round(0.8 * self.text_px) if small else self.text_px
        return text_width(words, size, bold)

    def _text(
        self,
        picture: Picture,
        words: str,
        at: tuple[int, int],
        color: Color,
        *,
        bold: bool = False,
        small: bool = False,
    ) -> int:
        """Draw ``words`` from the left end of their base line at ``at``, and give the x of their right end."""
        size = round(0.8 * self.text_px) if small else self.text_px
        put_text(picture, words, at, color, size, bold)
        return at[0] + self._measure(words, bold, small=small)


@dataclass(frozen=True, slots=True)
class _Extent:
    """The face in the picture, px: radius of the outlines, and about where its sides and its chin are."""

    ring: float
    left: int
    right: int
    chin: int


def _scale(width: int, height: int) -> float:
    """How much a clip is enlarged (whole numbers) or reduced, so that text is crisp and the file is small."""
    if max(width, height) > LARGE_PX:
        return LARGE_PX / max(width, height)
    enlarged = min(math.ceil(SMALL_PX / min(width, height)), 4)
    return float(max(1, min(enlarged, LARGE_PX // max(width, height))))


def _rate(times: Sequence[float]) -> float:
    """Frames per second, from the median interval; 30 when that is not known."""
    if len(times) < 2:
        return 30.0
    step = float(np.median(np.diff(times)))
    return 1.0 / step if step > 0.0 else 30.0


def _peaks(records: Sequence[OverlayRecord], threshold: float) -> dict[str, FloatArray]:
    """The highest score of each area in thresholds, cut off at what the strip shows; NaN where there is none."""
    peaks = {area: np.full(len(records), np.nan, np.float32) for area, _ in _AREAS}
    for index, record in enumerate(records):
        if record.score is None:
            continue
        for area, _ in _AREAS:
            scores = record.score[_OF_AREA[area]]
            if np.isfinite(scores).any():
                peaks[area][index] = min(float(np.nanmax(scores)) / threshold, SHOWN_THRESHOLDS)
    return peaks


def _extent(centers: npt.NDArray[np.float64]) -> _Extent:
    """Outlines and labels follow the size of the face, not that of the picture."""
    where = {site.name: index for index, site in enumerate(SITES)}
    right, left = centers[where["nasalis_alar_right"]], centers[where["nasalis_alar_left"]]
    wide, middle = float(np.hypot(*(left - right))), float(left[0] + right[0]) / 2.0
    if not (math.isfinite(wide) and math.isfinite(middle)):
        return _Extent(2.5, 0, 0, 0)
    # The alar sites are about 30 mm apart, a face about 150 mm wide, and the chin is about 70 mm below the nose.
    chin = round(float(left[1] + right[1]) / 2.0 + 2.9 * wide)
    return _Extent(max(2.5, wide / 9.0), round(middle - 2.4 * wide), round(middle + 2.4 * wide), chin)


def _muscle(region: str) -> str:
    """The muscle of a region that may carry its side at the end."""
    return region.removesuffix("_left").removesuffix("_right")


def _overlap(one: Box, other: Box) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )
