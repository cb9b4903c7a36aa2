"""Candidates -> twitches and episodes: which jerks are real, and which of them belong together."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from detector import kinds, regions
from detector.config import Settings
from detector.grid import RATE_HZ
from detector.shape import shape_twitch
from detector.twitches import TAIL, THRESHOLDS, Candidate, Moment
from detector.types import Episode, FloatArray, Side, Twitch, WhyNot

CHAIN_S = 0.45  # longest pause inside a train (3 Hz), with a third to spare
NEAR_MM = 14.0  # two regions closer than this are one muscle's width apart
PULL_MM = 1.8 * NEAR_MM  # lids and cheeks pull the skin this far
SAME_S = 0.06  # peaks closer than this are one moment: jerks of an 8 Hz train are 0.125 s apart
ECHO_S = 0.17  # what moves apart from a jerk this soon moves with it
SWING_S = 0.30  # skin swinging back, and the slow filter's own answer to a jerk, come this soon before and after
OTHER_WAY = -0.3  # cosine of two directions below which one is a swing back of the other
TRAIN_SHARE = 0.3  # of the strongest jerk's height: weaker ones in its train are not told from noise and echo
TRAIN_SNR = 3.5  # nor those under this many standard deviations
TRAIN_LEAST_SCORE = 1.0  # nor those no stronger than what the rest of the face does
TRAIN_LEAST = 3  # jerks that make a train
TRAIN_BAR = 1.1  # of the threshold, for their joint score: speech reached 1.01 with nine jerks of the upper lip
TRAIN_QUIET = 2.5  # score that noise reaches often: what a jerk adds to its train is above it
TRAIN_AHEAD_S = 1.0  # a train is judged with what came this long after
NEWS_S = 0.2  # a candidate comes this long after its moment at most
SIGHTED_S = 0.25  # after its peak a jerk is over as a rule and can be measured, long before its episode is
LONGEST_S = 60.0  # an episode is cut there, so that memory stays flat
LOOK_BACK_S = 3.0  # a train may begin this long before the jerk that passes
NEAR_MISS = 0.75  # of the threshold: kept as rejected, for review
OTHER_SIDE_SHARE = 0.3  # of the summed height; less on the other side is leakage
CO_MOVING_SHARE = 0.5  # of the strongest score at the same moment
WHOLE_FACE = "whole_face"  # the rest of the face moved as much
PULLED = "lid_or_cheek"  # the skin beside the nose was pulled by a lid or the cheek
BELOW = "below_threshold"
_CENTERS_MM = np.array(
    [  # typical places, for distances between regions only (canonical face model)
        *[(0.0, -3.3), (0.0, 45.0)],
        *[(-10.8, 20.3), (10.8, 20.3), (-15.2, 37.4), (15.2, 37.4), (-18.8, 33.0), (18.8, 33.0)],
        *[(-14.0, 55.4), (14.0, 55.4), (-26.9, 12.7), (26.9, 12.7), (-32.1, 41.4), (32.1, 41.4)],
    ]
)
_RADIUS = round(SAME_S * RATE_HZ)


class Grouper:
    """Streams moments and candidates in, twitches and episodes out.

    Parameters
    ----------
    settings : Settings
    on_sighting : callable, optional
        Called with every jerk that passes as soon as it is over: a second or more before its episode is, which may
        still find weaker jerks beside it, or take it for the echo of another.
    """

    def __init__(self, settings: Settings, on_sighting: Callable[[Twitch], None] | None = None) -> None:
        self._settings = settings
        self._threshold = THRESHOLDS[settings.sensitivity]
        self._number = 0
        self._record: list[Moment] = []  # as far back as an open episode may reach
        self._waiting: list[Candidate] = []  # not yet decided, oldest first
        self._telling: deque[Twitch | Episode] = deque()  # settled; outlives a reader who is stopped halfway
        self._close_at = np.inf
        self._told_s = -np.inf  # jerks up to here are told
        self._judged_s = -np.inf  # candidates up to here have been judged as seeds of a train
        self._trains: set[float] = set()  # times of waiting candidates that pass as part of a train
        self._on_sighting = on_sighting
        self._sighted_s = -np.inf  # jerks up to here are sighted, or did not pass
        self._sighted: deque[tuple[float, int, FloatArray]] = deque(maxlen=4)  # those of the last moments

    def push(self, item: Moment | Candidate) -> Iterator[Twitch | Episode]:
        """Twitches and episodes that are settled once ``item`` has come."""
        if isinstance(item, Candidate):
            self._waiting.append(item)
            if self._passes(item):
                self._wait_until(item.moment.t_s)
            return
        self._record.append(item)
        self._judge_trains(item.t_s - TRAIN_AHEAD_S)
        self._sight(item.t_s - SIGHTED_S)
        passed = self._first_run()
        if passed and item.t_s - passed[0].moment.t_s > LONGEST_S:
            until_s = item.t_s - CHAIN_S  # not amid a jerk
            yield from self._close([c for c in passed if c.moment.t_s <= until_s], until_s)
        elif item.t_s > self._close_at:
            self._wait_until(max(self._record[k].t_s for k, _, _ in self._members(passed)))
            if item.t_s > self._close_at:
                yield from self._close(passed)
        if np.isinf(self._close_at):
            yield from self._reject_before(item.t_s - LOOK_BACK_S)
            self._forget(item.t_s - LOOK_BACK_S - CHAIN_S)

    def finish(self) -> Iterator[Twitch | Episode]:
        """Everything that is left."""
        yield from self._tell()
        self._judge_trains(np.inf)
        self._sight(np.inf)
        while passed := self._first_run():
            yield from self._close(passed)
        yield from self._reject_before(np.inf)
        self._record.clear()

    def _wait_until(self, last_s: float) -> None:
        self._close_at = last_s + self._settings.episode_gap_s + NEWS_S

    def _first_run(self) -> list[Candidate]:
        """Waiting candidates that pass, up to the first pause that ends an episode."""
        run: list[Candidate] = []
        for c in self._waiting:
            if not self._passes(c):
                continue
            if run and c.moment.t_s - run[-1].moment.t_s > self._settings.episode_gap_s:
                last = max(self._record[k].t_s for k, _, _ in self._members(run))
                if c.moment.t_s - last > self._settings.episode_gap_s:
                    break
            run.append(c)
        return run

    def _passes(self, candidate: Candidate) -> bool:
        if candidate.moment.why_not or _is_pulled(candidate):
            return False
        return _score(candidate) >= self._threshold or candidate.moment.t_s in self._trains

    def _judge_trains(self, until_s: float) -> None:
        """Let jerks pass that would not alone: at least three at train pace, in one region and one direction.

        Near a jerk that passes alone they belong to it, or are its echoes.
        """
        for c in self._waiting:
            if not self._judged_s < c.moment.t_s <= until_s:
                continue
            self._judged_s = c.moment.t_s
            if c.moment.why_not or _is_pulled(c):
                continue
            alone = (m.moment.t_s for m in self._waiting if _score(m) >= self._threshold and self._passes(m))
            if any(abs(t_s - c.moment.t_s) <= TRAIN_AHEAD_S for t_s in alone):
                continue
            if self.train_score(c) >= TRAIN_BAR * self._threshold:
                self._trains.add(c.moment.t_s)
                self._wait_until(c.moment.t_s)

    def _sight(self, until_s: float) -> None:
        if self._on_sighting is None:
            return
        for c in self._waiting:
            if not self._sighted_s < c.moment.t_s <= until_s:
                continue
            self._sighted_s = c.moment.t_s
            jerk = (c.moment.t_s, c.region, _toward(c))
            if not self._passes(c) or any(_is_echo(*jerk, *before) for before in self._sighted):
                continue
            self._sighted.append(jerk)
            place = self._position(c.moment.t_s)
            self._on_sighting(shape_twitch(self._record, place, c.region, _toward(c), kept=True, reason=""))

    def train_score(self, candidate: Candidate) -> float:
        """Joint score of the train that a jerk belongs to; 0 when there are not ``TRAIN_LEAST`` of them."""
        found = self._train(candidate)
        scores = np.array([self._record[k].score[candidate.region] for k in found])
        scores = scores[scores >= TRAIN_QUIET]
        if len(scores) < TRAIN_LEAST:
            return 0.0
        return float(np.sqrt(np.sum(scores**2 - TRAIN_QUIET**2)))

    def _members(self, passed: list[Candidate]) -> list[tuple[int, int, FloatArray]]:
        """Jerks of the episode (position in the record, region, direction), in time order.

        The strongest leads; its region is followed along its direction for the weaker jerks of the same train. What
        passed elsewhere or the other way, and is neither an echo nor the same moment, leads in its turn.
        """
        members: list[tuple[int, int, FloatArray]] = []
        for lead in sorted(passed, key=_score, reverse=True):
            toward = _toward(lead)
            if any(self._is_echo(lead.moment.t_s, lead.region, toward, member) for member in members):
                continue
            members += [
                (k, lead.region, toward)
                for k in self._train(lead)
                if not any(self._is_echo(self._record[k].t_s, lead.region, toward, member) for member in members)
            ]
        return sorted(members, key=lambda member: member[0])

    def _train(self, lead: Candidate) -> list[int]:
        """Positions of the lead and of the jerks chained to it in its own region and direction."""
        toward = _toward(lead)
        course = np.array([m.height_mm[lead.region] @ toward for m in self._record])
        middle = self._position(lead.moment.t_s)
        least = TRAIN_SHARE * course[middle]
        found = [middle]
        for step in (-1, +1):
            last = k = middle
            while 0 <= k + step < len(course) and abs(k + step - last) <= CHAIN_S * RATE_HZ:
                if abs(self._record[k + step].t_s - self._record[k].t_s) > 1.5 / RATE_HZ:
                    break  # a gap: what lies beyond is another stretch
                if self._record[k + step].t_s <= self._told_s:
                    break
                k += step
                near = course[max(k - _RADIUS, 0) : k + _RADIUS + 1]
                moment = self._record[k]
                if abs(k - last) <= _RADIUS or course[k] < near.max() or moment.why_not:
                    continue
                if moment.score[lead.region] < TRAIN_LEAST_SCORE:
                    continue
                if course[k] >= max(least, TRAIN_SNR * moment.sigma_mm[lead.region]):
                    found.append(k)
                    last = k
        return found

    def _is_echo(self, t_s: float, region: int, toward: FloatArray, member: tuple[int, int, FloatArray]) -> bool:
        position, taken_region, taken_toward = member
        return _is_echo(t_s, region, toward, self._record[position].t_s, taken_region, taken_toward)

    def _close(self, passed: list[Candidate], until_s: float = np.inf) -> Iterator[Twitch | Episode]:
        members = [member for member in self._members(passed) if self._record[member[0]].t_s <= until_s]
        times = [self._record[k].t_s for k, _, _ in members]
        twitches = [shape_twitch(self._record, k, region, way, kept=True, reason="") for k, region, way in members]
        taken = {id(c) for c in passed}
        later: list[Candidate] = []
        for c in self._waiting:
            if id(c) in taken:
                continue
            if c.moment.t_s > times[-1] + ECHO_S:
                later.append(c)
            elif min(abs(c.moment.t_s - t) for t in times) > ECHO_S:
                self._telling += self._reject(c)
        self._waiting = later
        self._trains &= {c.moment.t_s for c in later}
        self._close_at = np.inf
        for c in later:  # the next episode has begun
            if self._passes(c):
                self._wait_until(c.moment.t_s)
        self._telling += [*twitches, self._episode(max(passed, key=_score), tuple(twitches))]
        self._told_s = times[-1] + ECHO_S
        self._forget(self._told_s)
        yield from self._tell()

    def _tell(self) -> Iterator[Twitch | Episode]:
        while self._telling:
            yield self._telling.popleft()

    def _forget(self, t_s: float) -> None:
        """The record before ``t_s``, but not what a waiting candidate still needs."""
        oldest = min((c.moment.t_s for c in self._waiting), default=np.inf)
        keep = min(t_s, oldest - CHAIN_S)
        gone = 0
        while gone < len(self._record) and self._record[gone].t_s < keep:
            gone += 1
        del self._record[:gone]

    def _position(self, t_s: float) -> int:
        times = [m.t_s for m in self._record]
        return min(bisect_left(times, t_s - 1e-9), len(times) - 1)

    def _reject_before(self, t_s: float) -> Iterator[Twitch]:
        while self._waiting and self._waiting[0].moment.t_s < t_s:
            yield from self._reject(self._waiting.pop(0))

    def _reject(self, candidate: Candidate) -> Iterator[Twitch]:
        """What stood out of the noise and is still no twitch, with the reason; the many weak ones are not kept."""
        moment, region = candidate.moment, candidate.region
        why = moment.why_not
        score = _score(candidate)
        if why and score >= self._threshold:
            reason = why_words(why)
        elif score >= self._threshold and _is_pulled(candidate):
            reason = PULLED
        elif moment.excess[region] >= self._threshold and score < self._threshold:
            reason = WHOLE_FACE
        elif score >= NEAR_MISS * self._threshold:
            reason = BELOW
        else:
            return
        place = self._position(moment.t_s)
        yield shape_twitch(self._record, place, region, _toward(candidate), kept=False, reason=reason)

    def _episode(self, lead: Candidate, twitches: tuple[Twitch, ...]) -> Episode:
        self._number += 1
        strongest = max(twitches, key=lambda twitch: twitch.score)
        heights: dict[str, float] = {}
        for twitch in twitches:
            heights[twitch.region] = heights.get(twitch.region, 0.0) + twitch.amplitude_mm
        side, laterality = _side(twitches, strongest)
        co_movement = _co_moving(lead)
        peaks = np.array([twitch.peak_s for twitch in twitches])
        gaps = np.diff(peaks)
        kind, evidence = kinds.kind_of(twitches, side, co_movement)
        top = max(twitches, key=lambda twitch: twitch.amplitude_mm)
        return Episode(
            number=self._number,
            start_s=min(twitch.onset_s for twitch in twitches),
            end_s=max(twitch.offset_s for twitch in twitches),
            kind=kind,
            side=side,
            laterality=laterality,
            region=strongest.region,
            regions=tuple(sorted(heights, key=lambda name: (name != strongest.region, -heights[name]))),
            twitch_count=len(twitches),
            peak_mm=top.amplitude_mm,
            mean_mm=float(np.mean([twitch.amplitude_mm for twitch in twitches])),
            peak_px=top.amplitude_px,
            snr=strongest.snr,
            confidence=confidence(strongest.score),
            rate_hz=float(len(gaps) / gaps.sum()) if len(gaps) and gaps.sum() > 0.0 else None,
            rhythm_cv=float(gaps.std(ddof=1) / gaps.mean()) if len(gaps) >= 2 and gaps.mean() > 0.0 else None,
            co_movement=";".join(co_movement),
            evidence=evidence,
            twitches=twitches,
        )


def confidence(score: float) -> float:
    """Share of findings of this score that are real, were real ones as frequent as false alarms at normal sensitivity.

    The tail of the score over footage without twitches falls by e per ``twitches.TAIL``.
    """
    return float(1.0 / (1.0 + np.exp(-(score - THRESHOLDS["normal"]) / TAIL)))


def why_words(why: WhyNot) -> str:
    """``head_motion;dark_or_noisy``-like words for a reason set."""
    return ";".join(flag.name.lower() for flag in WhyNot if flag and flag in why and flag.name)


def _score(candidate: Candidate) -> float:
    return float(candidate.moment.score[candidate.region])


def _is_pulled(candidate: Candidate) -> bool:
    """Whether a lid or cheek close by stands out more: what the region shows is then its leakage."""
    return candidate.neighbor is not None and _apart(candidate.neighbor, candidate.region) <= PULL_MM


def _toward(candidate: Candidate) -> FloatArray:
    """Unit vector of the jerk."""
    height = candidate.moment.height_mm[candidate.region]
    return (height / max(float(np.hypot(*height)), 1e-9)).astype(np.float32)


def _is_echo(
    t_s: float, region: int, toward: FloatArray, taken_s: float, taken_region: int, taken_toward: FloatArray
) -> bool:
    """Whether a jerk is the same moment as one already taken, or the swing back from it."""
    apart_s = abs(taken_s - t_s)
    if apart_s <= SAME_S:
        return True
    if _apart(region, taken_region) > NEAR_MM:
        return apart_s <= ECHO_S
    return apart_s <= SWING_S and float(toward @ taken_toward) < OTHER_WAY


def _apart(a: int, b: int) -> float:
    """Usual distance of two regions, mm."""
    return float(np.hypot(*(_CENTERS_MM[a] - _CENTERS_MM[b])))


def _side(twitches: tuple[Twitch, ...], strongest: Twitch) -> tuple[Side, float]:
    """Side and laterality (-1 right .. +1 left) from the summed heights of each side."""
    left = sum(twitch.amplitude_mm for twitch in twitches if twitch.side == "left")
    right = sum(twitch.amplitude_mm for twitch in twitches if twitch.side == "right")
    middle = sum(twitch.amplitude_mm for twitch in twitches if twitch.side == "midline")
    laterality = (left - right) / max(left + right + middle, 1e-9)
    if min(left, right) > OTHER_SIDE_SHARE * (left + right):
        return "both", laterality
    return strongest.side, laterality


def _co_moving(lead: Candidate) -> tuple[str, ...]:
    """Regions too far from the strongest to be its leakage that stood out at the same moment."""
    score = lead.moment.excess
    apart = np.hypot(*(_CENTERS_MM - _CENTERS_MM[lead.region]).T)
    moving = (apart > 1.5 * NEAR_MM) & (score > CO_MOVING_SHARE * score[lead.region])
    return tuple(regions.SITE_NAMES[k] for k in np.argsort(-score) if moving[k])
