"""The mirror in the live window: the picture, rings on the watched places, the name of what twitched, and messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.drawing import DARK, GRAY, PANEL, SIDE_COLORS, WHITE, Box, Color, Picture, put_text, text_width, toward
from detector.live_layout import Layout, fitting
from detector.live_state import Flagged, LiveState
from detector.live_strips import HEADS, LIT_S
from detector.live_words import place_words
from detector.regions import IS_NASAL, SITE_NAMES, SITES
from detector.terminal import plain

NAMED_S = 1.5  # the name of what twitched stays longer than its light: it has to be read
RING_SHARE = 1.0 / 9.0  # radius of a ring in distances between the nostril wings, as in the recorded overlay
REACH = 2.3  # radius of the ring of a twitch, in those of the others
_RIGHT, _LEFT = SITE_NAMES.index("nasalis_alar_right"), SITE_NAMES.index("nasalis_alar_left")
_BITS = 4  # of fixed-point coordinates, so that rings move smoothly
_Points = npt.NDArray[np.float64]


def draw_picture(page: Picture, plan: Layout, state: LiveState) -> None:
    """Draw the mirror into its place on the page."""
    left, top, wide, tall = plan.picture
    area = page[top : top + tall, left : left + wide]
    centers: _Points | None = None
    if state.image is not None and state.image.size:
        picture, at, scale = _mirrored(state.image, wide, tall)
        area[at[1] : at[1] + picture.shape[0], at[0] : at[0] + picture.shape[1]] = picture
        if state.centers_px is not None and len(state.centers_px) == len(SITES):
            centers = (state.centers_px.astype(np.float64) + 0.5) * scale - 0.5
            centers[:, 0] = picture.shape[1] - 1 - centers[:, 0]
            centers += at
    if state.paused:
        area[:] = area // 3
    elif centers is not None:
        _draw_rings(area, plan, centers, state)
    for side, x in (("left", plan.pad), ("right", wide - plan.pad)):
        words = HEADS[side]
        room = text_width(words, plan.text, True)
        _draw_tag(area, plan, words, (x if side == "left" else x - room - plan.text, plan.pad), SIDE_COLORS[side])
    if state.paused:
        _draw_middle(area, plan, "paused", "space: go on")
    elif state.image is None:
        _draw_middle(area, plan, "waiting for pictures", plain(state.source))
    else:
        if state.why:
            _draw_reason(area, plan, state)
        for flagged in _latest(state):
            _draw_name(area, plan, flagged, centers, state.now_s)
    if state.notice:
        words = fitting((plain(state.notice),), plan.text, wide - 4 * plan.text, True)
        room = text_width(words, plan.text, True) + plan.text
        # Under the names of the sides, where a narrow window has no place between them.
        _draw_tag(area, plan, words, ((wide - room) // 2, plan.pad + round(2.0 * plan.text)), WHITE)


def _mirrored(image: Picture, wide: int, tall: int) -> tuple[Picture, tuple[int, int], float]:
    """The picture mirrored and scaled into the room there is, where its corner goes, and the scale."""
    import cv2

    scale = min(wide / image.shape[1], tall / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small: Any = image
    while size[0] <= small.shape[1] // 2 and size[1] <= small.shape[0] // 2:  # by two it is fast and free of moire
        small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_CUBIC if scale > 1.0 else cv2.INTER_LINEAR
    picture: Any = cv2.flip(cv2.resize(small, size, interpolation=how), 1)
    return picture, ((wide - size[0]) // 2, (tall - size[1]) // 2), scale


def _latest(state: LiveState) -> list[Flagged]:
    """The latest twitch of each side whose name is still shown."""
    shown: dict[str, Flagged] = {}
    for one in state.flagged:
        if 0.0 <= state.now_s - one.told_s < NAMED_S:
            shown[SITES[one.region].side] = one
    return list(shown.values())


def _draw_rings(area: Picture, plan: Layout, centers: _Points, state: LiveState) -> None:
    """A ring on every watched place, a thick one where it twitches; with a dark rim, so that they show on any skin."""
    import cv2

    ring = _ring(centers, plan)
    thin = max(1, round(ring / 7.0))  # the skin inside is what the subject wants to see
    lit = {one.region for one in state.flagged if 0.0 <= state.now_s - one.told_s < LIT_S}
    for number, (site, nasal, (x, y)) in enumerate(zip(SITES, IS_NASAL, centers, strict=True)):
        if nasal and number not in lit and _inside(area, x, y):
            at = (round(x * 2**_BITS), round(y * 2**_BITS))
            radius, rim = round(ring * 2**_BITS), round((ring + thin) * 2**_BITS)
            cv2.circle(area, at, rim, DARK, thin, cv2.LINE_AA, _BITS)
            cv2.circle(area, at, radius, SIDE_COLORS[site.side], thin, cv2.LINE_AA, _BITS)
    for one in state.flagged:
        x, y = centers[one.region]
        age = state.now_s - one.told_s
        if 0.0 <= age < LIT_S and _inside(area, x, y):
            at = (round(x * 2**_BITS), round(y * 2**_BITS))
            thick = max(1, round((1.0 - age / LIT_S) * min(4 * plan.line, 0.7 * ring)))
            radius = round(REACH * ring * 2**_BITS)
            cv2.circle(area, at, radius, DARK, thick + 2 * plan.line, cv2.LINE_AA, _BITS)
            cv2.circle(area, at, radius, SIDE_COLORS[SITES[one.region].side], thick, cv2.LINE_AA, _BITS)


def _ring(centers: _Points, plan: Layout) -> float:
    """Radius of a ring, px; never so small that its own line fills it."""
    wide = float(np.hypot(*(centers[_LEFT] - centers[_RIGHT])))
    least = 2.5 * plan.line
    return max(least, RING_SHARE * wide) if math.isfinite(wide) else least


def _inside(area: Picture, x: float, y: float) -> bool:
    return bool(0 <= x < area.shape[1] and 0 <= y < area.shape[0])  # not so for NaN


def _draw_name(area: Picture, plan: Layout, one: Flagged, centers: _Points | None, now_s: float) -> None:
    """Say where it twitched: at the edge of the window on that side, with a line to the ring."""
    import cv2

    side = SITES[one.region].side
    color = SIDE_COLORS[side]
    name, muscle = place_words(one.region)
    big, small, room = round(1.3 * plan.text), plan.text, area.shape[1] - 2 * plan.pad - plan.text
    name, muscle = fitting((name,), big, room, True), fitting((muscle,), small, room)
    wide = max(text_width(name, big, True), text_width(muscle, small)) + plan.text
    tall = round(3.3 * plan.text)
    left = {"left": plan.pad, "right": area.shape[1] - plan.pad - wide}.get(side, (area.shape[1] - wide) // 2)
    low, high = round(2.5 * plan.text), area.shape[0] - tall - plan.pad
    top = round(2.5 * plan.text) if side == "midline" else (area.shape[0] - tall) // 2
    if centers is not None and _inside(area, *centers[one.region]):
        x, y = round(centers[one.region][0]), round(centers[one.region][1])
        reach = round(REACH * _ring(centers, plan)) + 2 * plan.line
        if side != "midline":
            top = y - tall // 2
        if left - reach < x < left + wide + reach:  # else it would hide what it names
            top = y - reach - tall - plan.text if y - reach - tall - plan.text >= low else y + reach + plan.text
        top = min(max(top, low), max(high, 0))
        anchor = (min(max(x, left), left + wide), min(max(y, top), top + tall))
        if now_s - one.told_s < LIT_S:
            cv2.line(area, toward((x, y), anchor, reach), anchor, color, plan.line, cv2.LINE_AA)
    top = min(max(top, 0), max(high, 0))
    draw_box(area, plan, (left, top, wide, tall), color)
    put_text(area, name, (left + plan.text // 2, top + round(1.4 * plan.text)), WHITE, big, True)
    put_text(area, muscle, (left + plan.text // 2, top + round(2.75 * plan.text)), GRAY, small)


def _draw_reason(area: Picture, plan: Layout, state: LiveState) -> None:
    """Why there is no verdict, at the foot of the picture, to be read from a chair's distance."""
    import cv2

    tall = min(round(3.2 * plan.text), area.shape[0])
    foot = area[area.shape[0] - tall :]
    foot[:] = foot // 5
    why = plain(state.why)
    first = why.partition(",")[0]
    full = f"no verdict: {why}" if not why.startswith("settling") else why
    room = area.shape[1] - 4 * plan.pad
    size = 2 * plan.text if text_width(first, 2 * plan.text, True) <= room else plan.text
    words = fitting((full, why, first), size, room, True)
    left = (area.shape[1] - text_width(words, size, True)) // 2
    put_text(foot, words, (left, tall // 2 + round(0.36 * size)), WHITE, size, True)
    if state.settling is not None:
        done = min(max(state.settling, 0.0), 1.0) if math.isfinite(state.settling) else 0.0
        bar = max(2, plan.text // 4)
        cv2.rectangle(foot, (0, tall - bar), (area.shape[1], tall), PANEL, -1)
        cv2.rectangle(foot, (0, tall - bar), (round(done * area.shape[1]), tall), WHITE, -1)


def _draw_tag(area: Picture, plan: Layout, words: str, at: tuple[int, int], color: Color) -> None:
    box = (at[0], at[1], text_width(words, plan.text, True) + plan.text, round(1.7 * plan.text))
    draw_box(area, plan, box, color)
    put_text(area, words, (at[0] + plan.text // 2, at[1] + round(1.2 * plan.text)), color, plan.text, True)


def _draw_middle(area: Picture, plan: Layout, title: str, below: str) -> None:
    """Large words in the middle, and smaller ones under them."""
    size, middle = round(2.6 * plan.text), area.shape[0] // 2
    for words, height, base, color, bold in (
        (title, size, middle, WHITE, True),
        (below, plan.text, middle + 2 * plan.text, WHITE, False),
    ):
        shown = fitting((words,), height, area.shape[1] - 2 * plan.pad, bold)
        put_text(area, shown, ((area.shape[1] - text_width(shown, height, bold)) // 2, base), color, height, bold)


def draw_box(area: Picture, plan: Layout, box: Box, color: Color) -> None:
    import cv2

    left, top, wide, tall = box
    cv2.rectangle(area, (left, top), (left + wide, top + tall), DARK, -1)
    cv2.rectangle(area, (left, top), (left + wide, top + tall), color, plan.line)
