"""The line as one generator: frames -> face -> crop -> field -> sample -> moments -> twitches -> episodes."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detector import regions
from detector.config import Settings
from detector.episodes import Grouper, why_words
from detector.face import FaceTracker, Tracked, track
from detector.motion import Meter, Sample
from detector.placement import HeadCrop
from detector.registration import Registrar
from detector.twitches import Detector, Moment
from detector.types import Episode, Face, FloatArray, Frame, RegionMotion, Twitch, WhyNot

# A moment is observed when at least half of these can be judged: the nose itself and what lifts its wings.
NASAL = tuple(
    k
    for k, site in enumerate(regions.SITES)
    if site.muscle
    in ("procerus", "depressor_septi_nasi", "nasalis_transverse", "nasalis_alar", "levator_labii_alaeque_nasi")
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one source frame once its scores are in; frames come in time order, a fixed time late."""

    t_s: float
    face: Face | None
    motion: RegionMotion | None  # None without a face, for repeated frames, and where the reference was missing
    centers_px: FloatArray | None  # (R, 2)
    score: FloatArray | None  # (R,)


@dataclass(slots=True)
class _Waiting:
    t_s: float
    face: Face | None
    sample: Sample | None = None
    repeated: bool = False


@dataclass(slots=True)
class _Tally:
    """Running totals; nothing in it grows with the length of the source."""

    last_t: float | None = None
    first_t: float | None = None
    seen_t: float = -np.inf  # last picture that was not a repeated one
    why: str = ""  # why that was not observed; empty when it was
    face_s: float = 0.0
    observed_s: float = 0.0
    why_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    intervals: Counter[int] = field(default_factory=Counter)  # of measured frames, in 0.01 ms
    scales: Counter[int] = field(default_factory=Counter)  # px/mm in hundredths
    floors: list[Counter[int]] = field(default_factory=lambda: [Counter() for _ in regions.SITES])  # mm in hundredths
    faces: Counter[int] = field(default_factory=Counter)  # meshes by faces seen


class Pipeline:
    """One source from frames to episodes.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    """

    def __init__(self, settings: Settings, model: Path) -> None:
        self.settings = settings
        self._model = model
        self._crops = HeadCrop(settings)
        self._registrar = Registrar(self._crops.scale, self._crops.shape, self._crops.origin)
        self._meter = Meter(self._registrar.centers_mm, self._crops.scale, self._crops.origin)
        self._detector = Detector(settings)
        self._grouper = Grouper(settings)
        self._waiting: deque[_Waiting] = deque()
        self._moments: deque[Moment] = deque()
        self._tally = _Tally()

    @property
    def threshold(self) -> float:
        """Score that a jerk must reach."""
        return self._detector.threshold

    def run(self, frames: Iterable[Frame]) -> Iterator[Measured | Twitch | Episode]:
        """Everything found, as it is settled: about 1.5 s behind the frames."""
        in_stretch = False
        measured_t = -np.inf
        with FaceTracker(self._model) as tracker:
            for tracked in track(frames, tracker, self.settings):
                t_s = tracked.frame.t_s
                gap = t_s - measured_t > self.settings.max_gap_s
                if in_stretch and (tracked.face is None or gap):
                    yield from self._end_stretch()
                    in_stretch = False
                self._waiting.append(_Waiting(t_s, tracked.face, repeated=tracked.frame.repeated))
                if tracked.face is not None and not tracked.frame.repeated:
                    in_stretch = True
                    measured_t = t_s
                    yield from self._measure(tracked)
                if not in_stretch:
                    yield from self._release(np.inf)
        yield from self.drain()

    def drain(self) -> Iterator[Measured | Twitch | Episode]:
        """What is still on its way, when the frames have ended or something stopped them."""
        yield from self._end_stretch()
        yield from self._release(np.inf)
        yield from self._grouper.finish()

    def _measure(self, tracked: Tracked) -> Iterator[Measured | Twitch | Episode]:
        assert tracked.face is not None
        for ready in self._registrar.push(self._crops.crop(tracked.frame, tracked.face)):
            yield from self._sample(self._meter.measure(ready))

    def _sample(self, sample: Sample) -> Iterator[Measured | Twitch | Episode]:
        for waiting in self._waiting:
            if waiting.t_s == sample.t_s:
                waiting.sample = sample
                break
        yield from self._settle(self._detector.push(sample))

    def _settle(self, items: list[Any]) -> Iterator[Measured | Twitch | Episode]:
        for item in items:
            if isinstance(item, Moment):
                self._moments.append(item)
            yield from self._grouper.push(item)
        if self._moments:
            yield from self._release(self._moments[-1].t_s)

    def _end_stretch(self) -> Iterator[Measured | Twitch | Episode]:
        for ready in self._registrar.flush():
            yield from self._sample(self._meter.measure(ready))
        yield from self._settle(self._detector.finish())
        for part in (self._crops, self._registrar, self._meter):
            part.reset()
        last = self._waiting.pop() if self._waiting and self._waiting[-1].sample is None else None
        yield from self._release(np.inf)
        if last is not None:
            self._waiting.append(last)
        self._moments.clear()

    def _release(self, until_s: float) -> Iterator[Measured]:
        """Frames whose scores are in; their time goes into the tally."""
        while self._waiting and self._waiting[0].t_s < until_s:
            waiting = self._waiting.popleft()
            while len(self._moments) > 1 and self._moments[1].t_s <= waiting.t_s + 1e-6:
                self._moments.popleft()
            moment = self._moments[0] if self._moments and waiting.sample is not None else None
            measured = self._describe(waiting, moment)
            self._count(measured, moment, waiting)
            yield measured

    def _describe(self, waiting: _Waiting, moment: Moment | None) -> Measured:
        if waiting.sample is None or moment is None:
            return Measured(waiting.t_s, waiting.face, None, None, None)
        why = moment.why_not
        seen = moment.floor_mm <= self.settings.floor_limit_mm
        observed = seen & (why == WhyNot.NONE)
        if not seen[list(NASAL)].sum() * 2 >= len(NASAL):
            why |= (
                WhyNot.NOISE
            )  # no moment of observed time; a region that is quieter than the rest may still be judged
        motion = RegionMotion(
            t_s=waiting.t_s,
            motion_mm=waiting.sample.height_mm[: len(regions.SITES)],
            sigma_mm=moment.sigma_mm,
            floor_mm=moment.floor_mm,
            head_speed_mm_s=moment.head_speed_mm_s,
            observed=observed,
            why_not=why,
        )
        return Measured(waiting.t_s, waiting.face, motion, waiting.sample.centers_px, moment.score)

    def _count(self, measured: Measured, moment: Moment | None, waiting: _Waiting) -> None:
        tally = self._tally
        step = 0.0 if tally.last_t is None else measured.t_s - tally.last_t
        if tally.first_t is None:
            tally.first_t = measured.t_s
        tally.last_t = measured.t_s
        if step > self.settings.max_gap_s:
            tally.why_s["gap"] += step
            step = 0.0
        if step and not waiting.repeated:
            tally.intervals[round(step * 1e5)] += 1
        if measured.face is None:
            tally.why_s["no_face"] += step
            return
        tally.face_s += step
        tally.faces[measured.face.faces_seen] += 1
        tally.scales[round(measured.face.px_per_mm * 100)] += 1
        if not waiting.repeated:
            tally.seen_t = measured.t_s
            why_not = WhyNot.SETTLING if measured.motion is None else measured.motion.why_not
            # what keeps the noise from becoming known says more than that it is not
            tally.why = why_words((why_not & ~WhyNot.SETTLING) or why_not).split(";")[0]
        # a repeated picture stands for the one before it; a frozen one for nothing
        why = "gap" if measured.t_s - tally.seen_t > self.settings.max_gap_s else tally.why
        if why:
            tally.why_s[why] += step
            return
        tally.observed_s += step
        if measured.motion is not None:
            for counter, floor in zip(tally.floors, measured.motion.floor_mm, strict=True):
                counter[round(float(floor) * 100)] += 1

    def seconds(self) -> float:
        """Length of what has been through, the last frame counted as long as the others."""
        tally = self._tally
        if tally.first_t is None or tally.last_t is None:
            return 0.0
        return round(tally.last_t - tally.first_t + (_median(tally.intervals) or 0) / 1e5, 3)

    def session_fields(self) -> dict[str, Any]:
        """Fields of :class:`~detector.types.Session` that the line itself knows, as they stand now."""
        tally = self._tally
        interval = _median(tally.intervals)
        seen = sum(tally.faces.values())
        several = sum(count for faces, count in tally.faces.items() if faces > 1)
        notes = []
        if several > 0.02 * seen:
            notes.append(f"more than one face in {100 * several / seen:.0f} % of the frames: the largest was followed")
        scale = _median(tally.scales)
        if scale is not None and scale / 100 < self.settings.min_face_px_per_mm:
            notes.append(f"the face is too small ({scale / 100:.2f} px/mm): move closer to the camera")
        return {
            "face_s": round(tally.face_s, 6),
            "observed_s": round(tally.observed_s, 6),
            "fps": round(1e5 / interval, 3) if interval else 0.0,
            "px_per_mm": None if scale is None else scale / 100,
            "floor_mm": {
                name: value / 100
                for name, counter in zip(regions.SITE_NAMES, tally.floors, strict=True)
                if (value := _median(counter)) is not None
            },
            "not_observed_s": {why: round(seconds, 3) for why, seconds in sorted(tally.why_s.items()) if seconds > 0},
            "notes": notes,
        }


def _median(counts: Counter[int]) -> int | None:
    """Median of a histogram with whole-number keys; None when empty."""
    half = sum(counts.values()) / 2
    reached = 0
    for key in sorted(counts):
        reached += counts[key]
        if reached >= half and reached:
            return key
    return None
