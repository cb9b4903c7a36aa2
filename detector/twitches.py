"""Samples -> scores and candidates: what stands out of the recording's own noise, and what it would take to do so.

The score of a region is the height of its best-fitting jerk over the region's own noise of the last seconds, divided by
how far the rest of the face stands out at the same time. That division is what tells a twitch from a blink, a word or
a jerk of the head.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.config import TAIL as TAIL
from detector.config import THRESHOLD_LIMITS, Settings
from detector.config import THRESHOLDS as THRESHOLDS
from detector.context import UNKNOWN, Context
from detector.grid import COURSES_S, HALF_S, RATE_HZ, EvenGrid, Record, matched_filters
from detector.kernels import filter_block, find_peaks, score_block
from detector.kernels_deciding import best_courses, busiest, needed_heights, over_noise
from detector.motion import REGION_COUNT, SITE_COUNT, Sample, apart_shares
from detector.noise import Noise
from detector.null import Null
from detector.patterns import AT_NORMAL, PATTERNS, score_patterns
from detector.patterns import TAIL as PATTERN_TAIL
from detector.types import FloatArray, WhyNot

# Of a jerk of 1 mm this much is left after compression, exposure and filter, beside what the recording's own gain tells
# (docs/measurements.md).
COURSE_GAIN = 0.74
FOLLOWER_SHARE = 0.4  # of the threshold is enough to be looked at as a jerk of a train
AROUND_S = 0.12  # the rest of the face counts as busy this long before and after; 0.1 and 0.15 s find a little less
GUARD_S = 0.1  # what cannot be judged spoils what comes this shortly before and after it
BLOCK = 2  # grid samples decided together: few, so that nothing waits long for the rest of its block
PEAK_RADIUS_S = 0.06  # jerks of an 8 Hz train are 0.125 s apart
RESTLESS_MM_S = 15.0  # a head this fast on average is named as the reason where there is too much noise to judge
RESTLESS_S = 6.0  # the average is over this long
LEAST_SCALE_PX = 0.03  # noise under this is a codec that skips still blocks, until it no longer does
WAIT_S = 3.2  # for the noise to become known, more than the settling of a face takes: then it is waited for no longer
APART_STEP = 30  # grid samples between two looks at where the muscles are: their places are averages over seconds
LEAST_INTERVALS = 8  # between frames, before the rate is taken as known
EDGE_S = 0.15  # filters at the end of a stretch see it cut off
AVERAGE = 1  # of COURSES_S: the jerk whose size sigma, floor and needed height are stated for
_PULL = np.array([(np.cos(np.radians(site.pull_deg)), -np.sin(np.radians(site.pull_deg))) for site in regions.SITES])
_NOSE = list(regions.NOSE)
_NASAL = np.flatnonzero(regions.IS_NASAL)
_NEIGHBORS = np.flatnonzero(~np.array(regions.IS_NASAL))
_HALF = round(HALF_S * RATE_HZ)
_AROUND = round(AROUND_S * RATE_HZ)
_GUARD = round(GUARD_S * RATE_HZ)
_RADIUS = round(PEAK_RADIUS_S * RATE_HZ)
_SETTLING, _FACE_SMALL, _EDGE, _MOTION, _NOISE = (  # plain numbers: operations on flags take ten times as long
    int(bit) for bit in (WhyNot.SETTLING, WhyNot.FACE_SMALL, WhyNot.EDGE, WhyNot.MOTION, WhyNot.NOISE)
)
_TAILS = TAIL / np.array(PATTERN_TAIL)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far past a moment the detector looks before it decides."""

    filter_s: float = HALF_S
    around_s: float = AROUND_S


def _none() -> FloatArray:
    return np.zeros(len(PATTERNS), dtype=np.float32)


def _nowhere() -> FloatArray:
    return np.zeros(SITE_COUNT, dtype=np.float32)


def _still() -> FloatArray:
    return np.zeros((SITE_COUNT, 2), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Moment:
    """Scores at one grid time."""

    t_s: float
    score: FloatArray  # (R,) height over noise, over the activity elsewhere, scaled by the recording's null
    excess: FloatArray  # (R,) height over noise
    height_mm: FloatArray  # (R, 2) filtered bump height, gain corrected
    motion_mm: FloatArray  # (R, 2) the same before filtering
    sigma_mm: FloatArray  # (R,)
    floor_mm: FloatArray  # (R,)
    needed_mm: FloatArray  # (R,) height that a jerk along the muscle's pull, here and now, would have needed to pass
    why_not: WhyNot  # holds for all regions
    head_speed_mm_s: float
    px_per_mm: float
    usual: float = 1.0  # what the score was scaled by for it to mean the same on every recording
    patterns: FloatArray = field(
        default_factory=_none
    )  # (P,) scores of ``patterns.PATTERNS``, on the scale of the others
    face_excess: FloatArray = field(default_factory=_nowhere)  # (SITE_COUNT,) height over noise at every site
    face_mm: FloatArray = field(default_factory=_still)  # (SITE_COUNT, 2) filtered height there, gain corrected
    context: Context = UNKNOWN


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peak of the score of one region."""

    moment: Moment
    region: int  # the nasal region that stands out most
    neighbor: int | None = None  # a region of lid or cheek that stands out more, if there is one


def threshold_of(settings: Settings) -> float:
    """Score that a jerk must reach."""
    return THRESHOLDS[settings.sensitivity] if settings.threshold is None else settings.threshold


def candidate_of(moment: Moment, least: float) -> Candidate:
    """The peak at ``moment``: by its scores where a nasal one reaches ``least``, else by the height over noise."""
    strength = moment.score if float(moment.score[_NASAL].max()) >= least else moment.excess
    region = int(_NASAL[np.argmax(strength[_NASAL])])
    neighbor = int(_NEIGHBORS[np.argmax(strength[_NEIGHBORS])])
    return Candidate(moment, region, neighbor if strength[neighbor] > strength[region] else None)


class Detector:
    """Streams samples in, moments and candidates out, a fixed time later: 0.5 s as a rule."""

    def __init__(self, settings: Settings, reach: Reach = Reach()) -> None:
        self._settings = settings
        self._reach = reach
        self._ahead = round(reach.filter_s * RATE_HZ)
        self._around_ahead = round(reach.around_s * RATE_HZ)
        self.threshold = threshold_of(settings)
        self._least = FOLLOWER_SHARE * self.threshold
        # What the noise is learned from must not depend on a threshold that was chosen by what it lets through.
        lowest = self.threshold if settings.threshold is None else THRESHOLD_LIMITS[0]
        self._least_heard = FOLLOWER_SHARE * lowest
        self._grid = EvenGrid()
        self._noise = Noise()
        self._taps: npt.NDArray[np.float64] | None = None
        self._taps_sure = False  # whether they were made for a rate known well enough to keep
        self._null = Null()
        self._begin()

    def _begin(self) -> None:
        self._intervals: list[float] = []
        self._early: list[Sample] = []
        self._last: Sample | None = None
        self._speed_mm_s = 0.0  # of the head lately
        self._values = Record()  # of this stretch, oldest first
        self._context: list[Sample] = []  # the sample each grid time came from
        self._whys: list[int] = []  # bits of WhyNot: why nothing can be judged by it
        self._apart: FloatArray | None = None  # of score_block, for where the muscles were lately
        self._apart_k = 0  # grid number for which it was made
        self._first_k = 0  # grid number of _values[0]
        self._filtered = 0  # rows of _values filtered so far
        self._waiting: deque[_Block] = deque()  # filtered, waiting for the noise to be known
        self._scored: deque[_Scored] = deque()  # scored, waiting for the block after
        self._moments: deque[Moment] = deque()  # decided lately, for the peaks at their edge
        self._ranked: deque[float] = deque()  # highest nasal or pattern score of each
        self._best: deque[float] = deque()  # highest nasal excess of each
        self._peaked = 0  # moments whose peaks were looked for, as a position in _moments
        self._peaked_excess = 0  # the same for whole-face movements, which wait for the peaks around them
        self._told: deque[float] = deque(maxlen=16)  # times of the last candidates
        if not self._taps_sure:
            self._taps = None
        self._around_before: FloatArray = np.empty((0, len(COURSES_S), REGION_COUNT + len(PATTERNS)), dtype=np.float32)
        self._ended = False

    def push(self, sample: Sample) -> list[Moment | Candidate]:
        """What this sample decides: the moments of about half a second before, and the candidates among them."""
        if self._taps is None or self._early or self._last is None:
            return self._push_early(sample)
        return self._push_grid(sample)

    def finish(self) -> list[Moment | Candidate]:
        """End of a stretch (face lost, gap, end of the source): everything still waiting is decided."""
        out: list[Moment | Candidate] = []
        for sample in self._start_grid():
            out += self._push_grid(sample)
        self._ended = True
        if self._values:
            self._values.append(self._values.last, self._ahead)
            out += self._advance()
        self._grid.reset()
        self._begin()
        return out

    def _push_early(self, sample: Sample) -> list[Moment | Candidate]:
        """The first samples of a stretch tell the frame rate, which the filters are made for."""
        if self._early:
            self._intervals.append(sample.t_s - self._early[-1].t_s)
        self._early.append(sample)
        out: list[Moment | Candidate] = []
        if len(self._intervals) >= 30 or (len(self._intervals) >= LEAST_INTERVALS and sum(self._intervals) > 1.0):
            for early in self._start_grid():
                out += self._push_grid(early)
        return out

    def _start_grid(self) -> list[Sample]:
        samples, self._early = self._early, []
        if samples and self._taps is None and self._intervals:
            self._taps = matched_filters(1.0 / max(float(np.median(self._intervals)), 1e-3), self._reach.filter_s)
            self._taps_sure = len(self._intervals) >= LEAST_INTERVALS
        return samples if self._taps is not None else []

    def _push_grid(self, sample: Sample) -> list[Moment | Candidate]:
        height = sample.height_mm
        if self._last is not None and self._values:
            height = np.where(np.isfinite(height), height, self._values.last)
        else:
            height = np.nan_to_num(height)
        dt = 0.0 if self._last is None else sample.t_s - self._last.t_s
        self._speed_mm_s += (1.0 - math.exp(-dt / RESTLESS_S)) * (sample.head_speed_mm_s - self._speed_mm_s)
        self._last = sample
        why = self._why_not(sample)
        for k, values in self._grid.push(sample.t_s, height.astype(np.float32)):
            if not self._values:
                self._first_k = k - _HALF
                self._values.append(values, _HALF)  # as if still before the stretch
                self._context.extend([sample] * _HALF)
                self._whys.extend([why] * _HALF)
                self._filtered = _HALF
            self._values.append(values)
            self._context.append(sample)
            self._whys.append(why)
        return self._advance()

    def _advance(self) -> list[Moment | Candidate]:
        while self._filtered + BLOCK + self._ahead <= len(self._values):
            self._filter(BLOCK)
        if self._ended and self._values:
            rest = len(self._values) - self._ahead - self._filtered
            if rest > 0:
                self._filter(rest)
        while self._waiting and (self._ended or self._noise.known):
            self._scored.append(self._score(self._waiting.popleft()))
        while len(self._waiting) * BLOCK > WAIT_S * RATE_HZ:  # said to be unknown, rather than waited for
            self._scored.append(self._score(self._waiting.popleft()))
        out: list[Moment | Candidate] = []
        while self._scored and (self._ended or sum(len(s.around) for s in self._scored) >= self._around_ahead + BLOCK):
            out += self._decide()
        if self._ended:
            out += self._peaks(len(self._moments))
        self._forget()
        return out

    def _filter(self, count: int) -> None:
        assert self._taps is not None
        first = self._filtered
        stretch = self._values.part(first - _HALF, first + count + self._ahead)
        filtered = np.empty((count, len(self._taps), SITE_COUNT, 2), dtype=np.float32)
        filter_block(stretch, self._taps, filtered)
        length, shape = self._noise.round(filtered, AVERAGE)
        motion = stretch[_HALF : _HALF + count, :REGION_COUNT]
        why = 0
        for spoiled in self._whys[max(first - _GUARD, 0) : first + count + _GUARD]:
            why |= spoiled
        context = self._context[first]
        block = _Block(self._first_k + first, filtered, motion, length, shape, context, why)
        if not why:
            self._noise.learn(length)
        self._waiting.append(block)
        self._filtered += count

    def _score(self, block: _Block) -> _Scored:
        scale = self._noise.scale()
        if not self._noise.known:
            block = replace(block, why=block.why | _SETTLING)
        if scale is None:
            scale = np.full(block.length.shape[1:], np.inf)
        scale = np.hypot(scale, LEAST_SCALE_PX / block.context.px_per_mm).astype(np.float32)
        count, courses = block.length.shape[:2]
        excess = np.empty((count, courses, REGION_COUNT), dtype=np.float32)
        around = np.empty_like(excess)
        if self._apart is None or block.first_k - self._apart_k >= APART_STEP:
            self._apart, self._apart_k = apart_shares(block.context.centers_mm), block.first_k
        score_block(block.length, scale, self._apart, excess, around)
        face = np.empty_like(block.length)
        over_noise(block.length, scale, face)
        strength, meanwhile = score_patterns(face)
        return _Scored(
            block,
            scale,
            np.concatenate([excess, strength], axis=-1),
            np.concatenate([around, meanwhile], axis=-1),
            face,
        )

    def _decide(self) -> list[Moment | Candidate]:
        """The oldest scored block: activity elsewhere is the highest within AROUND_S to both sides."""
        now = self._scored.popleft()
        count = len(now.excess)
        joined = np.concatenate([self._around_before, now.around, *(later.around for later in self._scored)])
        first = len(self._around_before)
        busy = np.empty_like(now.around)
        busiest(joined, first, _AROUND, self._around_ahead, busy)
        self._around_before = joined[: first + count][-_AROUND:]

        context = now.block.context
        gain = COURSE_GAIN * context.gain
        usual = np.float32(self._null.scale())
        ratio = np.empty((count, REGION_COUNT + len(PATTERNS)), dtype=np.float32)
        excess = np.empty((count, REGION_COUNT), dtype=np.float32)
        height = np.empty((count, REGION_COUNT, 2), dtype=np.float32)
        best_courses(now.excess, busy, now.block.filtered, usual, np.float32(gain), ratio, excess, height)
        score = ratio[:, :REGION_COUNT]
        patterns = np.maximum(THRESHOLDS["normal"] + (ratio[:, REGION_COUNT:] - AT_NORMAL) * _TAILS, 0.0)
        face = now.face.max(axis=1)
        motion_mm = now.block.motion / np.float32(gain)
        everywhere_mm = now.block.filtered[:, AVERAGE] / np.float32(gain)
        shape = now.block.shape[:REGION_COUNT]
        pull = np.einsum("rij,rj->ri", shape, _PULL)
        scale = now.scale[AVERAGE, :REGION_COUNT] / gain
        sigma = (scale / np.hypot(pull[:, 0], pull[:, 1])).astype(np.float32)
        floor = (sigma * THRESHOLDS["normal"]).astype(np.float32)
        reach = self.threshold / usual * scale * busy[:, AVERAGE, :REGION_COUNT]
        needed = np.empty((count, REGION_COUNT), dtype=np.float32)
        needed_heights(everywhere_mm, shape, pull, reach, needed)
        why = now.block.why
        if 2 * np.count_nonzero(floor[_NOSE] <= self._settings.floor_limit_mm) < len(_NOSE):
            why |= self._too_noisy()
        self._ranked += np.maximum(score[:, _NASAL].max(axis=1), patterns.max(axis=1)).tolist()
        self._best += excess[:, _NASAL].max(axis=1).tolist()
        patterns = patterns.astype(np.float32)
        out: list[Moment | Candidate] = []
        for b in range(count):
            t_s = (now.block.first_k + b) / RATE_HZ
            moment = Moment(
                t_s=t_s,
                score=score[b],
                excess=excess[b],
                height_mm=height[b],
                motion_mm=motion_mm[b],
                sigma_mm=sigma,
                floor_mm=floor,
                needed_mm=needed[b],
                why_not=WhyNot(why | self._at_the_end(t_s)),
                head_speed_mm_s=context.head_speed_mm_s,
                px_per_mm=context.px_per_mm,
                usual=float(usual),
                patterns=patterns[b],
                face_excess=face[b],
                face_mm=everywhere_mm[b],
                context=context.context,
            )
            if not moment.why_not:
                self._null.observe(1.0 / RATE_HZ)
            self._moments.append(moment)
            out.append(moment)
        return out + self._peaks(len(self._moments) - _RADIUS)

    def _at_the_end(self, t_s: float) -> int:
        if self._ended and t_s > (self._first_k + len(self._values) - self._ahead) / RATE_HZ - EDGE_S:
            return _SETTLING
        return 0

    def _why_not(self, context: Sample) -> int:
        why = 0
        if context.since_acquired_s < self._settings.settle_s:
            why |= _SETTLING
        if context.px_per_mm < self._settings.min_face_px_per_mm:
            why |= _FACE_SMALL
        if not context.inside:
            why |= _EDGE
        if not np.isfinite(context.height_mm[_NASAL]).all():
            why |= self._too_noisy()  # patches lost: a hand over the nose, a smear
        return why

    def _too_noisy(self) -> int:
        """The noise of a head that does not keep still is called by its cause."""
        return _MOTION if self._speed_mm_s > RESTLESS_MM_S else _NOISE

    def _peaks(self, until: int) -> list[Moment | Candidate]:
        """Candidates among the moments before position ``until``: peaks in time of the best region."""
        if until <= self._peaked:
            return []
        best = np.array(self._best, dtype=np.float32)
        ranked = np.array(self._ranked, dtype=np.float32)
        out: list[Moment | Candidate] = []
        rows = find_peaks(ranked, _RADIUS, self._least_heard, self._peaked, until).tolist()
        only_heard = {r for r in rows if ranked[r] < self._least}
        self._told.extend(self._moments[r].t_s for r in rows if r not in only_heard)
        # whole-face movements are wanted too, to be kept as rejected with their reason
        until_excess = until if self._ended else until - _RADIUS
        for r in find_peaks(best, _RADIUS, self.threshold, self._peaked_excess, max(until_excess, 0)).tolist():
            t_s = self._moments[r].t_s
            if not any(abs(t_s - told) <= (_RADIUS + 0.5) / RATE_HZ for told in self._told):
                rows.append(r)
                self._told.append(t_s)
        self._peaked_excess = max(until_excess, self._peaked_excess)
        for r in sorted(rows):
            self._learn(self._moments[r])
            if r not in only_heard:
                out.append(candidate_of(self._moments[r], self._least))
        self._peaked = until
        return out

    def _learn(self, moment: Moment) -> None:
        """Count a peak for the null, unless a lid or cheek stands out more."""
        alone = float(moment.score[_NASAL].max())
        if not moment.why_not and alone >= self._least_heard and float(moment.score[_NEIGHBORS].max()) <= alone:
            self._null.peak(moment.t_s, alone / moment.usual)

    def _forget(self) -> None:
        keep_from = self._filtered - _HALF
        if keep_from > 2 * _HALF:
            self._values.forget(keep_from)
            del self._context[:keep_from]
            del self._whys[:keep_from]
            self._first_k += keep_from
            self._filtered -= keep_from
        while len(self._moments) > 4 * _RADIUS and self._peaked_excess > 2 * _RADIUS:
            self._moments.popleft()
            self._ranked.popleft()
            self._best.popleft()
            self._peaked -= 1
            self._peaked_excess -= 1


@dataclass(frozen=True, slots=True)
class _Block:
    first_k: int
    filtered: FloatArray  # (B, C, SITE_COUNT, 2)
    motion: FloatArray  # (B, R, 2)
    length: FloatArray  # (B, C, SITE_COUNT) of the heights with the noise made round
    shape: FloatArray  # (SITE_COUNT, 2, 2) what made it round
    context: Sample
    why: int  # bits of WhyNot


@dataclass(frozen=True, slots=True)
class _Scored:
    block: _Block
    scale: FloatArray  # (C, SITE_COUNT)
    excess: FloatArray  # (B, C, R + P) of the regions, then of the patterns
    around: FloatArray  # (B, C, R + P)
    face: FloatArray  # (B, C, SITE_COUNT) height over noise
