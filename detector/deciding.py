"""The second half of the line: readings -> moments -> twitches -> episodes, and the totals of the source.

It needs no picture: readings kept from an earlier run give the same findings as that run did.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np

from detector import regions
from detector.config import Settings
from detector.episodes import Grouper, why_words
from detector.lids import Closing, Lids
from detector.locking import Locking
from detector.readings import Event, Measured, Reading
from detector.resting import Resting
from detector.smiles import Smiles
from detector.twitches import Candidate, Detector, Moment
from detector.types import ORDINARY_KINDS, Episode, FloatArray, RegionMotion, Twitch, WhyNot

_NASAL = np.flatnonzero(regions.IS_NASAL)
SPOILED_S = 0.5  # what a jerk would have needed is not asked this near a twitch: it would have had to pass the twitch
LIMIT_MOST = 10_000  # hundredths of mm: larger needs count as this much, so that their histogram stays small


@dataclass(slots=True)
class _Tally:
    """Running totals; but for a number a minute, nothing in it grows with the length of the source."""

    last_t: float | None = None
    first_t: float | None = None
    seen_t: float = -np.inf  # last picture that was not a repeated one
    why: str = ""  # why that was not observed; empty when it was
    face_s: float = 0.0
    observed_s: float = 0.0
    base_s: float = 0.0  # the source's time that the session's own begins at
    minute_s: list[float] = field(default_factory=list)  # observed in each minute of the session
    why_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    intervals: Counter[int] = field(default_factory=Counter)  # of measured frames, in 0.01 ms
    scales: Counter[int] = field(default_factory=Counter)  # px/mm in hundredths
    faces: Counter[int] = field(default_factory=Counter)  # meshes by faces seen
    # per region, mm in hundredths: the floor while the face was observed, the needed height while the region was
    floors: list[Counter[int]] = field(default_factory=lambda: [Counter() for _ in regions.SITES])
    needs: list[Counter[int]] = field(default_factory=lambda: [Counter() for _ in regions.SITES])
    resting: Resting = field(default_factory=Resting)


class Groups(Protocol):
    """Moments and candidates in, twitches and episodes out."""

    def push(self, item: Moment | Candidate) -> Iterator[Twitch | Episode]: ...
    def blink(self, closing: Closing) -> None: ...
    def finish(self) -> Iterator[Twitch | Episode]: ...


class Decider:
    """One source from readings to episodes.

    Parameters
    ----------
    settings : Settings
    on_sighting : callable, optional
        Called with every jerk as soon as it is over, before its episode is.
    grouper : Groups, optional
        What makes twitches and episodes of the candidates; default a :class:`~detector.episodes.Grouper`.
    """

    def __init__(
        self,
        settings: Settings,
        on_sighting: Callable[[Twitch], None] | None = None,
        grouper: Groups | None = None,
    ) -> None:
        self._settings = settings
        self._detector = Detector(settings)
        self._grouper: Groups = Grouper(settings, on_sighting) if grouper is None else grouper
        self._lids = Lids()
        self._smiles = Smiles()
        self._locking = Locking()
        self._waiting: deque[Reading] = deque()  # for their scores
        self._decided: deque[Moment | Candidate] = deque()  # not yet grouped; outlives a reader who is stopped halfway
        self._moments: deque[Moment] = deque()
        self._in_stretch = False
        self._tally = _Tally()
        self._needed: deque[tuple[float, FloatArray]] = deque()  # time and needed heights, until no twitch is near
        self._spoiled_until = -np.inf

    @property
    def threshold(self) -> float:
        """Score that a jerk must reach."""
        return self._detector.threshold

    @property
    def observed_s(self) -> float:
        """Seconds observed so far."""
        return self._tally.observed_s

    def run(self, readings: Iterable[Reading]) -> Iterator[Event]:
        """Everything found, as it is settled: about 0.5 s behind the readings."""
        for reading in readings:
            yield from self.push(reading)
        yield from self.drain()

    def push(self, reading: Reading) -> Iterator[Event]:
        """What this reading settles."""
        self._waiting.append(reading)
        if reading.sample is not None:
            self._in_stretch = True
            context = reading.sample.context
            self._blink(self._lids.push(reading.t_s, context.eye_edges, context.eye_open_mm))
            for began_s in self._smiles.push(reading.t_s, context.mouth_mm):
                self._locking.smile(began_s)
            self._decided += self._detector.push(reading.sample)
            yield from self._settle()
        if reading.ends_stretch:
            yield from self._end_stretch()
        elif not self._in_stretch:
            yield from self._release(np.inf)

    def drain(self) -> Iterator[Event]:
        """What is still on its way, when the readings have ended or something stopped them."""
        yield from self._settle()
        yield from self._end_stretch()
        yield from self._named(self._grouper.finish())
        yield from self._locking.revise(at_the_end=True)

    def _blink(self, closings: list[Closing]) -> None:
        for closing in closings:
            self._grouper.blink(closing)
            self._locking.blink(closing)
            self._tally.resting.blink(closing)

    def _end_stretch(self) -> Iterator[Event]:
        self._blink(self._lids.finish())
        self._smiles.finish()
        self._decided += self._detector.finish()
        self._in_stretch = False
        yield from self._settle()
        yield from self._release(np.inf)
        self._count_needed(np.inf)
        self._moments.clear()

    def _settle(self) -> Iterator[Event]:
        while self._decided:
            item = self._decided.popleft()
            if isinstance(item, Moment):
                self._moments.append(item)
            yield from self._named(self._grouper.push(item))
        if self._moments:
            yield from self._release(self._moments[-1].t_s)

    def _named(self, found: Iterator[Twitch | Episode]) -> Iterator[Event]:
        """What was found; episodes with their kind in the light of the session, and earlier ones of another by now."""
        for event in found:
            if isinstance(event, Episode) and event.kind not in ORDINARY_KINDS:
                yield self._locking.add(event)
                yield from self._locking.revise()
            else:
                yield event

    def _release(self, until_s: float) -> Iterator[Measured]:
        """Frames whose scores are in; their time goes into the tally."""
        while self._waiting and self._waiting[0].t_s < until_s:
            reading = self._waiting.popleft()
            while len(self._moments) > 1 and self._moments[1].t_s <= reading.t_s + 1e-6:
                self._moments.popleft()
            moment = self._moments[0] if self._moments and reading.sample is not None else None
            measured = self._describe(reading, moment)
            self._count(measured, moment)
            yield measured

    def _describe(self, reading: Reading, moment: Moment | None) -> Measured:
        if reading.sample is None or moment is None:
            return Measured(reading, None, None)
        seen = moment.floor_mm <= self._settings.floor_limit_mm
        motion = RegionMotion(
            t_s=reading.t_s,
            motion_mm=reading.sample.height_mm[: len(regions.SITES)],
            sigma_mm=moment.sigma_mm,
            floor_mm=moment.floor_mm,
            head_speed_mm_s=moment.head_speed_mm_s,
            observed=seen & (moment.why_not == WhyNot.NONE),
            why_not=moment.why_not,
        )
        return Measured(reading, motion, moment.score)

    def _count(self, measured: Measured, moment: Moment | None) -> None:
        tally, reading = self._tally, measured.reading
        step = 0.0 if tally.last_t is None else reading.t_s - tally.last_t
        if tally.first_t is None:
            tally.first_t = reading.t_s
        tally.last_t = reading.t_s
        if step > self._settings.max_gap_s:
            tally.why_s["gap"] += step
            step = 0.0
        if step and not reading.repeated:
            tally.intervals[round(step * 1e5)] += 1
        if reading.faces_seen == 0:
            tally.why_s["no_face"] += step
            return
        tally.face_s += step
        tally.faces[reading.faces_seen] += 1
        tally.scales[round(reading.px_per_mm * 100)] += 1
        if not reading.repeated:
            tally.seen_t = reading.t_s
            why_not = WhyNot.SETTLING if measured.motion is None else measured.motion.why_not
            tally.why = _first_word(why_not)
        # a repeated picture stands for the one before it; a frozen one for nothing
        why = "gap" if reading.t_s - tally.seen_t > self._settings.max_gap_s else tally.why
        if reading.sample is not None:
            tally.resting.push(reading.sample.t_s, reading.sample.context, not why)
        if why:
            tally.why_s[why] += step
            return
        tally.observed_s += step
        minute = max(int((reading.t_s - tally.base_s) // 60.0), 0)
        tally.minute_s += [0.0] * (minute + 1 - len(tally.minute_s))
        tally.minute_s[minute] += step
        self._locking.observe(reading.t_s - step, reading.t_s)
        if measured.motion is not None and moment is not None:
            self._count_limits(measured.motion, moment)

    def _count_limits(self, motion: RegionMotion, moment: Moment) -> None:
        for counter, floor in zip(self._tally.floors, motion.floor_mm.tolist(), strict=True):
            counter[round(floor * 100)] += 1
        if moment.score[_NASAL].max() >= self.threshold:
            self._needed.clear()
            self._spoiled_until = motion.t_s + SPOILED_S
        elif motion.t_s >= self._spoiled_until:
            self._needed.append((motion.t_s, np.where(motion.observed, moment.needed_mm, np.nan)))
        self._count_needed(motion.t_s - SPOILED_S)

    def _count_needed(self, until_s: float) -> None:
        while self._needed and self._needed[0][0] < until_s:
            hundredths = np.minimum(100.0 * self._needed.popleft()[1], LIMIT_MOST).tolist()
            for counter, value in zip(self._tally.needs, hundredths, strict=True):
                if math.isfinite(value):
                    counter[round(value)] += 1

    def start_anew(self) -> None:
        """Forget the noise learned so far; between two stretches."""
        self._detector = Detector(self._settings)

    def begin_session(self) -> None:
        """Count the totals from here on; findings go on as they are."""
        last_s, seen_s, why = self._tally.last_t, self._tally.seen_t, self._tally.why
        self._tally = _Tally(last_t=last_s, first_t=last_s, seen_t=seen_s, why=why, base_s=last_s or 0.0)

    def seconds(self) -> float:
        """Length of what has been through, the last frame counted as long as the others."""
        tally = self._tally
        if tally.first_t is None or tally.last_t is None:
            return 0.0
        return round(tally.last_t - tally.first_t + (_quantile(tally.intervals, 0.5) or 0) / 1e5, 3)

    def session_fields(self) -> dict[str, Any]:
        """Fields of :class:`~detector.types.Session` that the line itself knows, as they stand now."""
        tally = self._tally
        interval = _quantile(tally.intervals, 0.5)
        seen = sum(tally.faces.values())
        several = sum(count for faces, count in tally.faces.items() if faces > 1)
        notes = []
        if several > 0.02 * seen:
            notes.append(f"more than one face in {100 * several / seen:.0f} % of the frames: the largest was followed")
        scale = _quantile(tally.scales, 0.5)
        if scale is not None and scale / 100 < self._settings.min_face_px_per_mm:
            notes.append(f"the face is too small ({scale / 100:.2f} px/mm): move closer to the camera")
        return {
            "face_s": round(tally.face_s, 6),
            "observed_s": round(tally.observed_s, 6),
            "fps": round(1e5 / interval, 3) if interval else 0.0,
            "px_per_mm": None if scale is None else scale / 100,
            "floor_mm": _per_region(tally.floors, 0.5),
            "limit50_mm": _per_region(tally.needs, 0.5),
            "limit90_mm": _per_region(tally.needs, 0.9),
            "not_observed_s": {why: round(seconds, 3) for why, seconds in sorted(tally.why_s.items()) if seconds > 0},
            "observed_by_minute_s": tuple(round(seconds, 3) for seconds in tally.minute_s),
            "resting": tally.resting.figures(),
            "notes": notes,
        }


@cache
def _first_word(why: WhyNot) -> str:
    """Of the reasons that which is told: what keeps the noise from becoming known says more than that it is not."""
    return why_words((why & ~WhyNot.SETTLING) or why).split(";")[0]


def _per_region(hundredths: list[Counter[int]], share: float) -> dict[str, float]:
    """Quantile of each region in mm; regions without any are left out."""
    return {
        name: value / 100
        for name, counter in zip(regions.SITE_NAMES, hundredths, strict=True)
        if (value := _quantile(counter, share)) is not None
    }


def _quantile(counts: Counter[int], share: float) -> int | None:
    """Smallest key of a histogram that at least ``share`` of it do not exceed; None when empty."""
    least = math.ceil(share * counts.total() - 1e-9)
    reached = 0
    for key in sorted(counts):
        reached += counts[key]
        if reached >= least and reached:
            return key
    return None
