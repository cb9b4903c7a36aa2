"""One picture of the live window: a mirror with the traces of both sides under it.

The subject looks at it, so it is mirrored: the subject's left is on the left of the window. What a twitch lights up is
a ring and the border of a strip, never more than a few percent of the window, and fades slowly: trains of twitches
must not become a strobe (WCAG 2.3.1 allows three flashes a second, or any number in a quarter of the central view).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from detector import live_words as words_of
from detector.drawing import DARK, GRAY, WARNING, WHITE, Color, Picture, put_text, text_width
from detector.live_layout import Layout, fitting, layout
from detector.live_picture import draw_box, draw_picture
from detector.live_state import LiveState
from detector.live_strips import draw_strip, draw_strip_frame
from detector.terminal import plain

LEAST_WIDTH, LEAST_HEIGHT = 320, 240  # a smaller window shows the page of this size reduced


class LivePage:
    """Draws :class:`LiveState` at any size; keeps what does not change from one picture to the next."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._still: Picture = np.zeros((0, 0, 3), np.uint8)
        self._quality: tuple[object, Picture] | None = None

    def draw(self, state: LiveState, width: int, height: int, *, help_shown: bool = False) -> Picture:
        """The page, uint8 (height, width, 3) BGR; ``state`` stays as it is.

        Parameters
        ----------
        state : LiveState
            What to show.
        width, height : int
            Of the window, px, from 1. Words are drawn at this size and stay crisp.
        help_shown : bool
            The keys and what is what, over the rest.
        """
        import cv2

        wide, tall = max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT)
        plan = layout(wide, tall)
        if self._size != (wide, tall):
            self._size, self._still, self._quality = (wide, tall), _still(plan), None
        page = self._still.copy()
        self._draw_bar(page, plan, state)
        draw_picture(page, plan, state)
        for side, box in plan.strips.items():
            draw_strip(page, plan, box, side, state)
        self._draw_quality(page, plan, state)
        if help_shown:
            _draw_help(page, plan)
        if (wide, tall) == (width, height):
            return page
        small: Any = cv2.resize(page, (max(1, width), max(1, height)), interpolation=cv2.INTER_AREA)
        return small

    def _draw_bar(self, page: Picture, plan: Layout, state: LiveState) -> None:
        text, base = plan.text, round(1.35 * plan.text)
        right = plan.width - plan.pad
        hint = "h: help"
        right -= text_width(hint, text)
        put_text(page, hint, (right, base), GRAY, text)
        if state.recording:
            right -= 2 * plan.pad + text_width("recording", text, True)
            put_text(page, "recording", (right, base), WHITE, text, True)
            right -= text
            _dot(page, (right + text // 3, base - round(0.33 * text)), text // 3, WHITE)
        left = plan.pad
        count = f"{state.episodes} episode" + ("" if state.episodes == 1 else "s")
        last = f"last: {plain(state.last_episode)}" if state.last_episode else ""
        for words, color, bold in (
            (words_of.clock(state.now_s), WHITE, True),
            (count, WHITE, False),
            (last, GRAY, False),
            (plain(state.source), GRAY, False),
        ):
            shown = fitting((words,), text, right - 2 * plan.pad - left, bold)
            if shown:
                put_text(page, shown, (left, base), color, text, bold)
                left += text_width(shown, text, bold) + 2 * plan.pad

    def _draw_quality(self, page: Picture, plan: Layout, state: LiveState) -> None:
        left, top, wide, tall = plan.quality
        items, columns = words_of.quality_items(state), list(plan.strips.values())
        if self._quality is None or self._quality[0] != items:
            drawn = np.full((tall, wide, 3), DARK, np.uint8)
            for number, item in enumerate(items):
                x, _, room, _ = columns[number % 3]
                _draw_item(drawn, plan, item, x, number // 3 * plan.row + round(1.15 * plan.text), room)
            self._quality = (items, drawn)
        page[top : top + tall, left : left + wide] = self._quality[1]


def _still(plan: Layout) -> Picture:
    """What never changes at one size of the window."""
    page: Picture = np.full((plan.height, plan.width, 3), DARK, np.uint8)
    for side, box in plan.strips.items():
        draw_strip_frame(page, plan, box, side)
    return page


def _draw_item(drawn: Picture, plan: Layout, item: words_of.Item, x: int, base: int, room: int) -> None:
    """The name in gray, then the words; a warning is bold, in another color and has a sign."""
    put_text(drawn, item.name, (x, base), GRAY, plan.text)
    at = x + text_width(f"{item.name} ", plan.text) + plan.text // 3
    if item.harms:
        _warning_sign(drawn, (at, base), plan.text)
        at += round(1.4 * plan.text)
    words = fitting(item.words, plan.text, x + room - at, item.harms)
    put_text(drawn, words, (at, base), WARNING if item.harms else WHITE, plan.text, item.harms)


def _warning_sign(drawn: Picture, at: tuple[int, int], size: int) -> None:
    import cv2

    x, y = at[0], at[1] + size // 8
    corners = np.array([(x, y), (x + size, y), (x + size // 2, y - round(0.95 * size))], np.int32)
    cv2.fillPoly(drawn, [corners], WARNING, cv2.LINE_AA)
    mark = round(0.75 * size)
    put_text(drawn, "!", (x + (size - text_width("!", mark, True)) // 2, at[1]), DARK, mark, True)


def _dot(area: Picture, at: tuple[int, int], radius: int, color: Color) -> None:
    import cv2

    cv2.circle(area, at, radius, color, -1, cv2.LINE_AA)


def _draw_help(page: Picture, plan: Layout) -> None:
    left, top, wide, tall = plan.help
    panel = page[top : top + tall, left : left + wide]
    panel[:] = _help_panel(plan)[: panel.shape[0], : panel.shape[1]]


@lru_cache(maxsize=2)
def _help_panel(plan: Layout) -> Picture:
    _, _, wide, tall = plan.help
    panel: Picture = np.full((tall, wide, 3), DARK, np.uint8)
    draw_box(panel, plan, (0, 0, wide - 1, tall - 1), WHITE)
    text, x = plan.text, plan.text
    y = round(1.6 * text)
    put_text(panel, "Keys", (x, y), WHITE, text, True)
    for key, words in words_of.KEYS:
        y += plan.help_row
        put_text(panel, key, (x, y), WARNING, text, True)
        put_text(panel, fitting((words,), text, wide - 6 * text), (x + 4 * text, y), WHITE, text)
    y += plan.help_row // 2
    for words in words_of.LEGEND:
        y += plan.help_row
        put_text(panel, fitting((words,), text, wide - 2 * text), (x, y), GRAY, text)
    return panel
