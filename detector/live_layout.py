"""Where things are on the page of the live window; follows from the window's size alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from detector.drawing import Box, text_width
from detector.live_words import KEYS, LEGEND

SIDES = ("left", "midline", "right")  # of the subject, as in a mirror


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Boxes, px, from top to bottom: bar, picture, strips, quality."""

    width: int
    height: int
    text: int  # size of the usual words
    line: int  # thickness of the usual lines
    pad: int
    row: int  # of the quality line
    picture: Box
    strips: dict[str, Box]  # by side
    quality: Box
    help: Box
    help_row: int


@lru_cache(maxsize=4)
def layout(width: int, height: int) -> Layout:
    """The page for a window of ``width`` x ``height`` px."""
    text = max(12, round(min(width / 64, height / 38)))
    line, pad = max(1, round(text / 12)), max(4, text // 2)
    bar, row = round(1.9 * text), round(1.6 * text)
    quality = 2 * row + pad // 2
    # In tall windows the traces get more of the room, once the picture is as wide as it can be.
    strip = round(min(max(0.18 * height, 6.5 * text), 12 * text, 0.3 * height))
    picture = max(1, height - bar - strip - quality - pad)
    top = bar + picture + pad // 2
    gap = pad
    each = (width - 4 * gap) // 3
    strips = {side: (gap + number * (each + gap), top, each, strip) for number, side in enumerate(SIDES)}
    help_row = min(round(1.55 * text), (height - 2 * text) // (len(KEYS) + len(LEGEND) + 2))
    wide = min(width, max(text_width(words, text) for words in LEGEND) + 2 * text)
    tall = min(height, round((len(KEYS) + len(LEGEND) + 0.5) * help_row + 2.6 * text))
    return Layout(
        width,
        height,
        text,
        line,
        pad,
        row,
        picture=(0, bar, width, picture),
        strips=strips,
        quality=(0, height - quality, width, quality),
        help=((width - wide) // 2, (height - tall) // 2, wide, tall),
        help_row=help_row,
    )


def fitting(options: Sequence[str], size: int, room: int, bold: bool = False) -> str:
    """The first of several wordings that fits into ``room`` px; else as much of the last as fits."""
    for words in options:
        if text_width(words, size, bold) <= room:
            return words
    words = options[-1]
    while words and text_width(f"{words}...", size, bold) > room:
        words = words[:-1]
    return f"{words.rstrip()}..." if words.strip() else ""
