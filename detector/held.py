"""Contractions that are held: one jerk each, though the filters answer to their beginning, their end and in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.shape import Course
from detector.summary import Jerk

ANSWER_S = 0.35  # filters reach 0.3 s
HELD_S = 0.15  # longer than this above half its height after the top: held
RELEASE_S = 0.35  # after it a release shows: a slow one is read where it ends, as late as the filters reach
NO_DIP = 0.7  # of the lower of two heights: between jerks of a train the skin goes back farther


def one_by_one(jerks: Sequence[Jerk]) -> list[Jerk]:
    """The jerks, in time order, without those that are another view of one that was held."""
    courses = [jerk.course for jerk in jerks]
    real = [jerk for jerk in jerks if not is_answer(jerk.course, courses)]
    kept: list[Jerk] = []
    for jerk in real:
        if not any(_is_part(before, jerk) for before in kept):
            kept.append(jerk)
    return kept


def is_answer(course: Course, others: Sequence[Course]) -> bool:
    """Whether nothing rose here: the filter saw another jerk begin, or end, close by."""
    return not course.rises and any(other.rises and abs(other.top_s - course.top_s) <= ANSWER_S for other in others)


def _is_part(held: Jerk, later: Jerk) -> bool:
    """Whether a later jerk is the middle or the release of one that was held."""
    if held.course.until_s - held.course.top_s < HELD_S or later.twitch.peak_s > held.course.until_s + RELEASE_S:
        return False
    cosine = float(np.cos(np.radians(later.twitch.direction_deg - held.twitch.direction_deg)))
    if cosine < 0.0:
        return True
    lower = min(held.course.height_mm, later.course.height_mm)
    return held.course.lowest_mm(held.course.top_s, later.twitch.peak_s) >= NO_DIP * lower
