"""The strip of one side in the live window: name, count and trace of the last seconds."""

from __future__ import annotations

import numpy as np

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
    put_text,
    runs,
    scaled,
    stretches,
    text_width,
)
from detector.live_layout import Layout, fitting
from detector.live_state import WINDOW_S, LiveState, Trace
from detector.live_words import place_words
from detector.regions import SITES

HEADS = {"left": "your left", "midline": "middle", "right": "your right"}
LIT_S = 0.6  # a border and a ring fade over this long after a twitch
SHOWN_THRESHOLDS = 2.5  # height of a strip, in thresholds
_BITS = 4  # of fixed-point coordinates, so that a trace glides


def draw_strip_frame(page: Picture, plan: Layout, box: Box, side: str) -> None:
    """What stays: the ground, a tick every second, the threshold, the name."""
    import cv2

    left, top, right, low = _plot(plan, box)
    cv2.rectangle(page, (left, top), (right, low), PANEL, -1)
    put_text(page, HEADS[side], (box[0], _base(plan, box)), SIDE_COLORS[side], plan.text, True)


def draw_strip(page: Picture, plan: Layout, box: Box, side: str, state: LiveState) -> None:
    """What changes.

    Parameters
    ----------
    page : Picture
        With the strip's frame in it; drawn on.
    plan, box
        Sizes, and where the strip is.
    side : str
        Of the subject: ``left``, ``midline`` or ``right``.
    state : LiveState
        Where the trace comes from.
    """
    import cv2

    lit = _lit(state, side)
    left, top, right, low = _plot(plan, box)
    x_of = scaled(state.now_s - WINDOW_S, state.now_s, left, right)
    plot = page[top : low + 1, left : right + 1]
    trace = next((trace for name, trace in state.traces.items() if name == side), None)
    if trace is not None and len(trace.times_s):
        x = left + (np.asarray(trace.times_s) - state.now_s + WINDOW_S) / WINDOW_S * (right - left)
        _shade(plot, x - left, trace)
    for second in range(1, round(WINDOW_S)):
        at = round(left + second / WINDOW_S * (right - left))
        cv2.line(page, (at, low - plan.text // 4), (at, low), GRAY, 1)
    y_of = scaled(0.0, SHOWN_THRESHOLDS, low - top - plan.line, plan.line)
    bar = top + round(y_of(1.0))
    for dash in range(left, right, 8 * plan.line):
        cv2.line(page, (dash, bar), (min(dash + 4 * plan.line, right), bar), GRAY, plan.line)
    if trace is not None and len(trace.times_s):
        heights = np.clip(np.asarray(trace.values, np.float64), 0.0, SHOWN_THRESHOLDS)
        y = y_of(0.0) + heights * (y_of(1.0) - y_of(0.0))
        for run in runs(y.astype(np.float32)):
            _polyline(plot, np.stack([x - left, y], axis=1)[run.start : run.stop], SIDE_COLORS[side], plan.line)
    for felt in state.felt_s:
        at = round(x_of(felt))
        if left <= at <= right:
            cv2.line(page, (at, top), (at, low), WHITE, plan.line)
            cv2.circle(page, (at, low - plan.text // 2), plan.text // 3, WHITE, -1, cv2.LINE_AA)
    mine = [one for one in state.flagged if SITES[one.region].side == side]
    for one in mine:
        at = round(x_of(one.t_s))
        if left <= at <= right:
            half = plan.text // 3
            edge = top + 2 * plan.line + 1  # the border of a lit strip is this wide
            corners = np.array([(at - half, edge), (at + half, edge), (at, edge + 2 * half)], np.int32)
            cv2.fillPoly(page, [corners], WHITE, cv2.LINE_AA)
    if lit > 0.0:
        color = _blend(PANEL, SIDE_COLORS[side], lit)
        cv2.rectangle(page, (left, top), (right, low), color, 4 * plan.line)
    last = place_words(mine[-1].region)[0].removeprefix(f"{side} ") if mine else ""
    _draw_head(page, plan, box, side, _count(state, side), last, lit)


def _lit(state: LiveState, side: str) -> float:
    """How bright the latest twitch of a side still shines, 0..1."""
    ages = [state.now_s - one.told_s for one in state.flagged if SITES[one.region].side == side]
    return max((1.0 - age / LIT_S for age in ages if 0.0 <= age < LIT_S), default=0.0)


def _plot(plan: Layout, box: Box) -> tuple[int, int, int, int]:
    """Left, top, right and lower edge of the ground of the trace."""
    left, top, wide, tall = box
    return left, top + round(1.7 * plan.text), left + wide - 1, top + tall - 1


def _base(plan: Layout, box: Box) -> int:
    return box[1] + round(1.2 * plan.text)


def _shade(plot: Picture, x: np.ndarray, trace: Trace) -> None:
    """Gray where the moment does not count as observed, up to the next one."""
    edges = np.clip(np.round(x), 0, plot.shape[1]).astype(int)
    for run in stretches(~np.asarray(trace.observed, np.bool_)):
        plot[:, edges[run.start] : edges[min(run.stop, len(edges) - 1)]] = UNOBSERVED


def _draw_head(page: Picture, plan: Layout, box: Box, side: str, count: int, last: str, lit: float) -> None:
    """The count, inverted while a twitch is lit, and where the latest one was."""
    import cv2

    base, right = _base(plan, box), box[0] + box[2]
    room = box[2] - text_width(HEADS[side], plan.text, True) - 2 * plan.text
    number = fitting((f"{count} twitch" + ("" if count == 1 else "es"), f"{count}"), plan.text, room, True)
    wide = text_width(number, plan.text, True)
    left = right - wide - plan.text // 2
    if lit > 0.0:
        cv2.rectangle(page, (left - plan.text // 2, box[1]), (right, base + plan.text // 3), SIDE_COLORS[side], -1)
    put_text(page, number, (left, base), DARK if lit > 0.0 else WHITE, plan.text, True)
    start = box[0] + text_width(HEADS[side], plan.text, True) + plan.text
    words = fitting((last, ""), plan.text, left - plan.text - start)
    put_text(page, words, (start, base), GRAY, plan.text)


def _polyline(plot: Picture, points: np.ndarray, color: Color, thick: int) -> None:
    """A line of ``thick`` px made of lines of 1 px side by side, which OpenCV draws in a third of the time."""
    import cv2

    for number in range(thick):
        shifted = np.clip(points + 0.75 * (number - (thick - 1) / 2), -1e4, 1e5)
        cv2.polylines(plot, [np.round(shifted * 2**_BITS).astype(np.int32)], False, color, 1, cv2.LINE_AA, _BITS)


def _blend(one: Color, other: Color, share: float) -> Color:
    mixed = [round(a + (b - a) * share) for a, b in zip(one, other, strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def _count(state: LiveState, side: str) -> int:
    """Twitches of this side; those of both sides are of each."""
    wanted = (side,) if side == "midline" else (side, "both")
    return sum(count for name, count in state.counts.items() if name in wanted)
