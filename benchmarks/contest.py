"""What a method finds of the events at a given rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.chance import alarms, counted, extrapolated, quiet_s
from benchmarks.kept import Clip
from benchmarks.material import SIZES_PX, Group
from benchmarks.rival_scores import Peaks
from detector.score import TruthEvent

WIDEN_S = 0.15  # a peak this near to an event belongs to it
COUNTED_PER_MIN, FITTED_PER_MIN = 1.0, 0.1
CLASSES: tuple[tuple[bool, float], ...] = tuple((train, size) for train in (False, True) for size in SIZES_PX)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a method's score has to be."""

    counted: float  # for COUNTED_PER_MIN
    fitted: float  # for FITTED_PER_MIN
    tail: float  # the score that takes the rate of false alarms down by e


@dataclass(frozen=True, slots=True)
class Line:
    """A method, its peaks on every clip, and the limits that the tuning people's time without events sets it."""

    label: str
    peaks: tuple[Peaks, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Hit:
    """What a method made of an event."""

    person: str
    event: TruthEvent
    side: str | None  # None: not found

    @property
    def found(self) -> bool:
        return self.side is not None

    @property
    def kind(self) -> tuple[bool, float]:
        """Of ``CLASSES``: train or not, nominal size."""
        size = self.event.amplitude_px
        assert size is not None
        return (self.event.twitches or 1) > 1, min(SIZES_PX, key=lambda nominal: abs(nominal - size))


def enter(label: str, peaks: Sequence[Peaks], clips: Sequence[Clip]) -> Line:
    """A method with its limits."""
    heights, minutes = false_alarms(peaks, clips, "tuning"), quiet_min(clips, "tuning")
    fitted, tail = extrapolated(heights, minutes, FITTED_PER_MIN)
    return Line(label, tuple(peaks), Limits(counted(heights, minutes, COUNTED_PER_MIN), fitted, tail))


def hits(line: Line, clips: Sequence[Clip], group: Group, threshold: float) -> list[Hit]:
    """Every event of the group's clips, found when a peak above the threshold lies within it, widened."""
    out = []
    for clip, peaks in zip(clips, line.peaks, strict=True):
        for event in clip.truth if clip.material.group == group else ():
            near = (peaks.t_s >= event.onset_s - WIDEN_S) & (peaks.t_s <= event.offset_s + WIDEN_S)
            best = int(np.argmax(np.where(near, peaks.score, -1.0))) if near.any() else -1
            found = best >= 0 and peaks.score[best] > threshold
            out.append(Hit(clip.material.person, event, peaks.side[best] if found else None))
    return out


def recall(found: Sequence[Hit]) -> float:
    """Share of the events that were found."""
    return float(np.mean([hit.found for hit in found]))


def false_alarms(peaks: Sequence[Peaks], clips: Sequence[Clip], group: Group) -> list[float]:
    """Heights of the false alarms of the group's clips."""
    pairs = [pair for pair in zip(peaks, clips, strict=True) if pair[1].material.group == group]
    return [height for here, clip in pairs for height in alarms(here, clip.truth)]


def false_count(line: Line, clips: Sequence[Clip], group: Group, threshold: float) -> int:
    """False alarms of the group above the threshold."""
    return sum(height > threshold for height in false_alarms(line.peaks, clips, group))


def quiet_min(clips: Sequence[Clip], group: Group) -> float:
    """Minutes of the group in which a peak is a false alarm."""
    return sum(quiet_s(clip.truth, clip.length_s) for clip in clips if clip.material.group == group) / 60.0


def best_of(lines: Sequence[Line], clips: Sequence[Clip]) -> Line:
    """The one that finds most on the tuning people, both rates together; of equals the first."""

    def found(line: Line) -> float:
        return sum(recall(hits(line, clips, "tuning", limit)) for limit in (line.limits.counted, line.limits.fitted))

    return max(lines, key=found)


def by_person(events: Sequence[Hit], values: Sequence[int]) -> list[list[int]]:
    """The values of each person's events."""
    people: dict[str, list[int]] = {}
    for hit, value in zip(events, values, strict=True):
        people.setdefault(hit.person, []).append(int(value))
    return list(people.values())
