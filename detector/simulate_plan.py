"""Known twitches as numbers: which muscle, when, and how far the skin moves; and the truth file that says so.

A twitch is a displacement field over the skin: a direction, a height, a Gaussian bump in space and a course in time.
No facial fasciculation has been measured in mm anywhere, so sizes and extents are options, not facts.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.errors import UsageError
from detector.record.files import real_path, write_whole
from detector.regions import MUSCLES, SITES, Site
from detector.types import Side
from detector.warp import Bump

Array = npt.NDArray[np.float64]

TRUTH_COLUMNS = ("event", "kind", "muscle", "side", "onset_s", "offset_s", "twitches", "amplitude_mm", "px_per_mm")
KIND = "fasciculation_like"
GAP_S = 1.5  # s of quiet between two events, so that no grouping of twitches can take two for one
MARGIN_S = 1.0  # s of quiet at either end, where a detector does not know the noise yet or sees its filters cut off
RISE_S = (0.035, 0.060)  # from rest to the peak
FALL_S = (0.060, 0.120)  # from the peak back to rest
TRAIN_TWITCHES = (3, 8)
TRAIN_HZ = (3.0, 8.0)
RADIUS_MM = (5.0, 7.0)  # standard deviation of the bump
_SKEW = (0.7, 1.0)  # see course(); 1 is a raised cosine
_PULL_JITTER_DEG = 12.0  # standard deviation: fibers differ between people
_CENTER_JITTER_MM = (1.0, 2.0)


class Placed:
    """What a pull at a muscle has, alone or as a part of more: where it is, and how high in mm or in px."""

    __slots__ = ()
    muscle: str
    side: Side
    amplitude_mm: float | None
    amplitude_px: float | None

    def check(self) -> None:
        """ValueError unless there is one amplitude; UsageError when there is no such muscle."""
        if (self.amplitude_mm is None) == (self.amplitude_px is None):
            raise ValueError("give the amplitude either in mm or in px")
        self.site()

    def site(self) -> Site:
        """The muscle on its side; UsageError when there is no such."""
        return site_of(self.muscle, self.side)

    def height_mm(self, px_per_mm: float) -> float:
        """Peak displacement in mm at that scale."""
        if self.amplitude_mm is not None:
            return self.amplitude_mm
        assert self.amplitude_px is not None
        return self.amplitude_px / px_per_mm


@dataclass(frozen=True, slots=True)
class TwitchPlan(Placed):
    """One event to inject: a single twitch or a train."""

    event: int  # 1-based
    muscle: str
    side: Side  # left, right (the subject's own) or midline
    onsets_s: tuple[float, ...]  # start of the rise of each twitch
    amplitude_mm: float | None = None  # peak displacement of the skin point at the center; this one or ...
    amplitude_px: float | None = None  # ... that one, in px of the source
    strengths: tuple[float, ...] = ()  # height of each twitch against the highest; empty: all 1
    rise_s: float = 0.045
    fall_s: float = 0.090
    skew: float = 1.0  # below 1 the fall starts quickly and ends slowly
    radius_mm: float = 6.0
    pull_jitter_deg: float = 0.0  # added to the direction of the muscle
    center_mm: tuple[float, float] = (0.0, 0.0)  # shift of the center, x to the picture's right, y down

    def __post_init__(self) -> None:
        if not self.onsets_s:
            raise ValueError("an event needs one twitch at least")
        self.check()

    @property
    def onset_s(self) -> float:
        return self.onsets_s[0]

    @property
    def offset_s(self) -> float:
        return self.onsets_s[-1] + self.rise_s + self.fall_s

    @property
    def parts(self) -> tuple[TwitchPlan, ...]:
        """Itself: all that moves."""
        return (self,)

    @property
    def effect(self) -> None:
        """On the whole picture: none."""

    def course(self, t_s: npt.ArrayLike) -> Array:
        """Displacement against the amplitude, 0 to 1, at the times ``t_s`` (any shape)."""
        t = np.asarray(t_s, dtype=np.float64)
        height = np.zeros_like(t)
        for onset, strength in zip(self.onsets_s, self.strengths or (1.0,) * len(self.onsets_s), strict=True):
            height += strength * course(t - onset, self.rise_s, self.fall_s, self.skew)
        return height

    def bump(self, center_px: npt.ArrayLike, px_per_mm: float, roll_deg: float) -> Bump:
        """The event's field at its peak.

        Parameters
        ----------
        center_px : (2,)
            Where the muscle lies in the picture now.
        px_per_mm : float
            Scale of the face.
        roll_deg : float
            Counterclockwise tilt of the head in the picture.

        Raises
        ------
        UsageError
            The twitch is so high over so small an area that the skin would fold.
        """
        height = self.height_mm(px_per_mm)
        return field_of(
            center_px,
            px_per_mm,
            roll_deg,
            height_mm=height,
            # A tall twitch needs a wide base: at one radius the slope is 0.61, still far from a fold.
            radius_mm=max(self.radius_mm, height),
            pull_deg=self.site().pull_deg,
            jitter_deg=self.pull_jitter_deg,
            center_mm=self.center_mm,
        )

    def bumps(self, centers_px: Sequence[npt.ArrayLike], px_per_mm: float, roll_deg: float) -> list[Bump]:
        """The field of each part: of the one there is."""
        return [self.bump(centers_px[0], px_per_mm, roll_deg)]

    def truth(self, px_per_mm: float, scale: float = 1.0) -> TruthRow:
        """The event's line in the truth file: ``px_per_mm`` of the source, ``scale`` of the written picture to it."""
        return TruthRow(
            event=self.event,
            kind=KIND,
            muscle=self.muscle,
            side=self.side,
            onset_s=self.onset_s,
            offset_s=self.offset_s,
            twitches=len(self.onsets_s),
            amplitude_mm=self.height_mm(px_per_mm),
            px_per_mm=px_per_mm * scale,
        )


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One line of a truth file; the fields are its columns."""

    event: int
    kind: str
    muscle: str
    side: Side
    onset_s: float
    offset_s: float
    twitches: int
    amplitude_mm: float
    px_per_mm: float


def site_of(muscle: str, side: str) -> Site:
    """The muscle on that side; UsageError when there is no such."""
    for site in SITES:
        if site.muscle == muscle and site.side == side:
            return site
    raise UsageError(f"No muscle {muscle!r} on the side {side!r}: the muscles are {', '.join(MUSCLES)}.")


def field_of(
    center_px: npt.ArrayLike,
    px_per_mm: float,
    roll_deg: float,
    *,
    height_mm: float,
    radius_mm: float,
    pull_deg: float,
    jitter_deg: float = 0.0,
    center_mm: tuple[float, float] = (0.0, 0.0),
) -> Bump:
    """A field of ``height_mm`` and ``radius_mm`` at a muscle's place, pulling to ``pull_deg`` in the head's own frame.

    Raises
    ------
    UsageError
        No face moves that far.
    """
    if height_mm > 15.0:
        raise UsageError(f"A twitch of {height_mm:.1f} mm is not possible on a face: choose a size under 15 mm.")
    angle = math.radians(pull_deg + roll_deg + jitter_deg)
    turn = math.radians(roll_deg)
    dx, dy = center_mm
    x, y = np.asarray(center_px, dtype=np.float64)
    return Bump(
        x=float(x) + px_per_mm * (dx * math.cos(turn) + dy * math.sin(turn)),
        y=float(y) + px_per_mm * (dy * math.cos(turn) - dx * math.sin(turn)),
        dx=height_mm * px_per_mm * math.cos(angle),
        dy=-height_mm * px_per_mm * math.sin(angle),
        radius=radius_mm * px_per_mm,
    )


def course(t_s: npt.ArrayLike, rise_s: float, fall_s: float, skew: float = 1.0) -> Array:
    """Height of one twitch, 0 to 1, ``t_s`` seconds after its onset.

    A raised cosine up over ``rise_s`` and down over ``fall_s``; exactly zero before and after, smooth at the onset and
    at the peak. With ``skew`` q the fall is ``(1 + cos(pi x^q)) / 2``: relaxing muscle lets go quickly and settles
    slowly.
    """
    t = np.asarray(t_s, dtype=np.float64)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(t / rise_s, 0.0, 1.0))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.clip((t - rise_s) / fall_s, 0.0, 1.0) ** skew)
    return np.where(t < rise_s, rise, fall)


def exposure_times(t_s: float, shutter_s: float, samples: int = 5) -> Array:
    """Moments spread evenly over an exposure of ``shutter_s`` about ``t_s``."""
    return t_s + shutter_s * ((np.arange(samples) + 0.5) / samples - 0.5)


def plan_events(
    duration_s: float,
    n: int,
    seed: int,
    *,
    sizes_mm: Sequence[float] | None = None,
    sizes_px: Sequence[float] | None = None,
    muscles: Sequence[str] | None = None,
    train_share: float = 0.5,
    radius_mm: tuple[float, float] = RADIUS_MM,
    spans: Sequence[tuple[float, float]] | None = None,
) -> list[TwitchPlan]:
    """Random but repeatable events, in the order of time.

    Parameters
    ----------
    duration_s : float
        Length of the clip, s.
    n : int
        Number of events.
    seed : int
        The same seed gives the same events.
    sizes_mm, sizes_px : sequence of float
        Peak displacements to draw from, evenly; exactly one of the two.
    muscles : sequence of str, optional
        Names from ``regions.MUSCLES``; default the muscles of the nose and upper lip, drawn with their sides evenly.
    train_share : float
        Share of trains, 0-1; the rest are single twitches.
    radius_mm : (float, float)
        Range of the bumps' standard deviation, mm.
    spans : sequence of (start_s, end_s), optional
        Where events may lie (a face is seen); default all of the clip.

    Raises
    ------
    UsageError
        The events do not fit with 1.5 s between them and 1 s at either end, or a parameter is out of its range.
    """
    rng = np.random.default_rng(seed)
    sizes, in_px = checked_sizes(sizes_mm, sizes_px)
    if n < 1:
        raise UsageError("The number of events must be 1 or more.")
    if not 0.0 <= train_share <= 1.0:
        raise UsageError(f"The share of trains, {train_share:g}, is outside 0-1.")
    check_muscles(muscles)
    sites = nose_sites(muscles)
    # Shuffled decks instead of free draws: small sets, too, have every size, side and length.
    trains = rng.permutation(np.arange(n) < round(train_share * n))
    size_of = shuffled_deck(rng, len(sizes), n)
    site_of = shuffled_deck(rng, len(sites), n)
    drafts = [draft_twitch(rng, bool(train), radius_mm) for train in trains]
    onsets = place_events(rng, [d.offset_s for d in drafts], spans or ((0.0, duration_s),))
    plans = []
    for i, at in enumerate(onsets):
        draft, site, size = drafts[i], sites[site_of[i]], sizes[size_of[i]]
        plans.append((at, draft, site, size))
    plans.sort(key=lambda plan: plan[0])
    return [
        TwitchPlan(
            event=number,
            muscle=site.muscle,
            side=site.side,
            onsets_s=tuple(round(float(at + o), 4) for o in draft.onsets_s),
            amplitude_mm=None if in_px else size,
            amplitude_px=size if in_px else None,
            strengths=draft.strengths,
            rise_s=draft.rise_s,
            fall_s=draft.fall_s,
            skew=draft.skew,
            radius_mm=draft.radius_mm,
            pull_jitter_deg=draft.pull_jitter_deg,
            center_mm=draft.center_mm,
        )
        for number, (at, draft, site, size) in enumerate(plans, start=1)
    ]


# Those round the nose; lower lid and cheek are for spread and smile.
NOSE_MUSCLES = tuple(m for m in MUSCLES if m not in ("orbicularis_oculi_lower", "zygomaticus"))


def check_muscles(muscles: Sequence[str] | None) -> None:
    """UsageError when there is none of that name."""
    unknown = sorted(set(muscles or ()) - set(MUSCLES))
    if unknown:
        raise UsageError(f"No muscle {unknown[0]!r}: the muscles are {', '.join(MUSCLES)}.")


def nose_sites(muscles: Sequence[str] | None = None) -> list[Site]:
    """The sites of these muscles; default those of the nose and upper lip."""
    return [s for s in SITES if s.muscle in (muscles or NOSE_MUSCLES)]


def checked_sizes(sizes_mm: Sequence[float] | None, sizes_px: Sequence[float] | None) -> tuple[list[float], bool]:
    """The sizes, and whether they are in px; UsageError unless exactly one of the two is given."""
    if (sizes_mm is None) == (sizes_px is None):
        raise UsageError("Give the sizes either in mm or in px.")
    sizes = [float(s) for s in (sizes_mm if sizes_mm is not None else sizes_px) or ()]
    if not sizes or not all(0.0 < s <= 100.0 for s in sizes):
        raise UsageError("Sizes must be greater than zero and given at least once.")
    return sizes, sizes_mm is None


def shuffled_deck(rng: np.random.Generator, kinds: int, n: int) -> list[int]:
    """``n`` of the numbers below ``kinds`` in random order, each as often as any other, or once more."""
    cards: list[int] = []
    while len(cards) < n:
        cards += [int(i) for i in rng.permutation(kinds)]
    return [cards[int(i)] for i in rng.permutation(n)]


def draft_twitch(rng: np.random.Generator, train: bool, radius_mm: tuple[float, float]) -> TwitchPlan:
    """An event at time zero with everything but muscle and size."""
    rise, fall = rng.uniform(*RISE_S), rng.uniform(*FALL_S)
    count, interval = 1, 1.0
    if train:
        count = int(rng.integers(TRAIN_TWITCHES[0], TRAIN_TWITCHES[1] + 1))
        interval = 1.0 / rng.uniform(*TRAIN_HZ)
    # Semirhythmic: intervals within 8 %; each twitch ends before the next begins.
    gaps = interval * rng.uniform(0.92, 1.08, count - 1)
    room = 0.98 * min(gaps, default=1.0)
    rise = min(rise, max(RISE_S[0], room - FALL_S[1]), 0.45 * room)
    fall = min(fall, room - rise)
    strengths = rng.uniform(0.75, 1.0, count)
    angle, shift = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(*_CENTER_JITTER_MM)
    return TwitchPlan(
        event=1,
        muscle="procerus",
        side="midline",
        onsets_s=tuple(float(o) for o in np.concatenate([[0.0], np.cumsum(gaps)])),
        amplitude_mm=1.0,
        strengths=tuple(float(s) for s in strengths / strengths.max()),
        rise_s=float(rise),
        fall_s=float(fall),
        skew=float(rng.uniform(*_SKEW)),
        radius_mm=float(rng.uniform(*radius_mm)),
        pull_jitter_deg=float(np.clip(rng.normal(0.0, _PULL_JITTER_DEG), -30.0, 30.0)),
        center_mm=(float(shift * np.cos(angle)), float(shift * np.sin(angle))),
    )


def place_events(
    rng: np.random.Generator, lengths: Sequence[float], spans: Sequence[tuple[float, float]]
) -> list[float]:
    """Onsets of events of these lengths; what a span has left over is shared out at random between its events."""
    room = [end - start - 2.0 * MARGIN_S + GAP_S for start, end in spans]
    members: list[list[int]] = [[] for _ in spans]
    for i in rng.permutation(len(lengths)):
        best = int(np.argmax(room))
        room[best] -= lengths[i] + GAP_S
        if room[best] < 0.0:
            total = sum(end - start for start, end in spans)
            raise UsageError(
                f"{len(lengths)} events do not fit into {total:.1f} s with a face, {GAP_S} s apart: ask for fewer."
            )
        members[best].append(int(i))
    onsets = [0.0] * len(lengths)
    for (start, _), order, slack in zip(spans, members, room, strict=True):
        if not order:
            continue
        waits = np.diff(np.sort(rng.uniform(0.0, slack, len(order))), prepend=0.0)
        at = start + MARGIN_S
        for i, wait in zip(order, waits, strict=True):
            at += wait
            onsets[i] = float(at)
            at += lengths[i] + GAP_S
    return onsets


def write_truth(path: Path, rows: Sequence[TruthRow]) -> None:
    """Write a truth file: one line per event, the columns of ``TRUTH_COLUMNS``; OutputError when it cannot be."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(TRUTH_COLUMNS)
    for r in rows:
        times = (f"{r.onset_s:.4f}", f"{r.offset_s:.4f}")
        sizes = (f"{r.amplitude_mm:.4f}", f"{r.px_per_mm:.4f}")
        writer.writerow((r.event, r.kind, r.muscle, r.side, *times, r.twitches, *sizes))
    write_whole({real_path(path): text.getvalue().encode("utf-8")})
