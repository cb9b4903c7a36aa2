"""What every picture with words and traces in it is drawn with: colors, text, and the small geometry.

Colors are those of Okabe and Ito, which people with any color vision can tell apart; what they say is written out too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.types import FloatArray

Picture = npt.NDArray[np.uint8]
Color = tuple[int, int, int]  # blue, green, red
Box = tuple[int, int, int, int]  # left, top, width, height

SIDE_COLORS: dict[str, Color] = {
    "right": (0, 159, 230),  # orange
    "left": (233, 180, 86),  # sky blue
    "midline": (115, 190, 60),  # bluish green, lighter than theirs: it has to show on skin and on gray
    "both": (115, 190, 60),
}
WARNING: Color = (66, 228, 240)  # their yellow
WHITE: Color = (245, 245, 245)
GRAY: Color = (150, 150, 150)
DARK: Color = (28, 28, 28)
PANEL: Color = (44, 44, 44)
UNOBSERVED: Color = (74, 74, 74)


@cache
def font() -> Any:
    """The font of all words; comes with OpenCV 5, smooth at every size."""
    import cv2

    return cv2.FontFace("sans")


@lru_cache(maxsize=1024)  # numbers that change all the time are words too
def text_width(words: str, size: int, bold: bool = False) -> int:
    """Width of ``words``, px, at a font size of ``size`` px."""
    import cv2

    box = cv2.getTextSize((10_000, 1_000), words, (0, 0), font(), size, 700 if bold else 400)
    return int(box[0] + box[2])


def put_text(picture: Picture, words: str, at: tuple[int, int], color: Color, size: int, bold: bool = False) -> None:
    """Draw ``words`` from the left end of their base line at ``at``; what sticks out is cut off."""
    import cv2

    cv2.putText(picture, words, at, color, font(), size, 700 if bold else 400)


def even(value: float) -> int:
    """The nearest even number of pixels, at least 2."""
    return 2 * max(1, round(value / 2.0))


def scaled(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Linear map of ``low..high`` to ``first..last``."""
    return lambda value: first + (value - low) / (high - low) * (last - first)


def runs(values: FloatArray) -> list[range]:
    """Stretches of two or more finite values."""
    return [run for run in stretches(np.isfinite(values)) if len(run) > 1]


def stretches(flags: npt.NDArray[np.bool_]) -> list[range]:
    """Stretches over which ``flags`` holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [range(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def toward(start: tuple[int, int], end: tuple[int, int], length: float) -> tuple[int, int]:
    """The point ``length`` away from ``start`` in the direction of ``end``."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    far = math.hypot(dx, dy) or 1.0
    return (round(start[0] + dx / far * length), round(start[1] + dy / far * length))
