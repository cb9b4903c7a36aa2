"""Candidates -> twitches and episodes: which jerks are real, and which of them belong together."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from detector import ordinary
from detector.config import Settings
from detector.grid import RATE_HZ
from detector.held import is_answer, one_by_one
from detector.lids import Closing
from detector.movement import describe
from detector.neighbors import ECHO_S, SAME_S, is_echo, is_pulled, score_of, toward_of
from detector.ordinary import Ordinary
from detector.ordinary_episodes import OrdinaryGrouper
from detector.shape import HELD_S, course_of, shape_twitch
from detector.summary import Jerk, side_of, summarize
from detector.twitches import Candidate, Moment, threshold_of
from detector.types import Episode, FloatArray, Twitch, WhyNot

CHAIN_S = 0.45  # longest pause inside a train (3 Hz), with a third to spare
TRAIN_SHARE = 0.3  # of the strongest jerk's height: weaker ones in its train are not told from noise and echo
TRAIN_SNR = 3.5  # nor those under this many standard deviations
TRAIN_LEAST_SCORE = 1.0  # nor those no stronger than what the rest of the face does
TRAIN_LEAST = 3  # jerks that make a train
TRAIN_BAR = 1.1  # of the threshold, for their joint score: speech reached 1.01 with nine jerks of the upper lip
TRAIN_QUIET = 2.5  # score that noise reaches often: what a jerk adds to its train is above it
TRAIN_AHEAD_S = 1.0  # a train is judged with what came this long after
NEWS_S = 0.2  # a candidate comes this long after its moment at most
BLINKS_S = 10.0  # are remembered this long: longer than any episode waits
SIGHTED_S = 0.25  # after its peak a jerk is over as a rule and can be measured, long before its episode is
MOST_PARTS = 8  # jerks looked at to tell whether the last of an episode is still held: more than 3 s of it show
LONGEST_S = 60.0  # an episode is cut there, so that memory stays flat
LOOK_BACK_S = 3.0  # a train may begin this long before the jerk that passes
NEAR_MISS = 0.75  # of the threshold: kept as rejected, for review
WHOLE_FACE = "whole_face"  # the rest of the face moved as much
PULLED = "lid_or_cheek"  # the skin beside the nose was pulled by a lid or the cheek
BELOW = "below_threshold"
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
        self._threshold = threshold_of(settings)
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
        self._blinks: deque[Closing] = deque()
        self._ordinary = OrdinaryGrouper()

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
            self._close_at = np.inf
            if passed:
                self._wait_until(self._end_s(passed))
            if item.t_s > self._close_at:
                yield from self._close(passed)
        if np.isinf(self._close_at):
            yield from self._reject_before(item.t_s - LOOK_BACK_S)
            self._forget(item.t_s - LOOK_BACK_S - CHAIN_S)
        yield from self._ordinary.tell(item.t_s - LOOK_BACK_S)

    def blink(self, closing: Closing) -> None:
        """The lids closed and opened again; to be told in time order."""
        self._blinks.append(closing)
        while self._blinks[0].peak_s < closing.peak_s - BLINKS_S:
            self._blinks.popleft()

    def finish(self) -> Iterator[Twitch | Episode]:
        """Everything that is left."""
        yield from self._tell()
        self._judge_trains(np.inf)
        self._sight(np.inf)
        while passed := self._first_run():
            yield from self._close(passed)
        yield from self._reject_before(np.inf)
        yield from self._ordinary.tell(np.inf)
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
                members = self._members(run)
                last = max(self._record[k].t_s for k, _, _ in members)
                if c.moment.t_s - last > self._settings.episode_gap_s and not self._is_part(c, members):
                    break
            run.append(c)
        return run

    def _end_s(self, passed: list[Candidate]) -> float:
        """When the last jerk of the episode was over: one that is held is waited for."""
        last = one_by_one([self._jerk(*member) for member in self._members(passed)[-MOST_PARTS:]])[-1]
        twitch = last.twitch
        held = twitch.offset_s > self._record[-1].t_s - NEWS_S and twitch.offset_s - twitch.peak_s < HELD_S
        return twitch.offset_s if held else last.moment.t_s

    def _is_part(self, later: Candidate, members: list[tuple[int, int, FloatArray]]) -> bool:
        """Whether a later candidate is no jerk of its own but the middle or release of one that is held."""
        jerks = one_by_one([self._jerk(*member) for member in members[-MOST_PARTS:]])
        own = self._jerk(self._position(later.moment.t_s), later.region, toward_of(later))
        return one_by_one([*jerks, own])[-1] is not own

    def _passes(self, candidate: Candidate) -> bool:
        if candidate.moment.why_not:
            return False
        return score_of(candidate) >= self._threshold or candidate.moment.t_s in self._trains

    def _judge_trains(self, until_s: float) -> None:
        """Let jerks pass that would not alone: at least three at train pace, in one region and one direction.

        Near a jerk that passes alone they belong to it, or are its echoes.
        """
        for c in self._waiting:
            if not self._judged_s < c.moment.t_s <= until_s:
                continue
            self._judged_s = c.moment.t_s
            if c.moment.why_not or is_pulled(c):
                continue
            alone = (m.moment.t_s for m in self._waiting if score_of(m) >= self._threshold and self._passes(m))
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
            jerk = (c.moment.t_s, c.region, toward_of(c))
            if not self._passes(c) or any(is_echo(*jerk, *before) for before in self._sighted):
                continue
            self._sighted.append(jerk)
            self._on_sighting(self._jerk(self._position(c.moment.t_s), c.region, toward_of(c)).twitch)

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
        for lead in sorted(self._rising(passed), key=score_of, reverse=True):
            toward = toward_of(lead)
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
        toward = toward_of(lead)
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
        return is_echo(t_s, region, toward, self._record[position].t_s, taken_region, taken_toward)

    def _close(self, passed: list[Candidate], until_s: float = np.inf) -> Iterator[Twitch | Episode]:
        members = [member for member in self._members(passed) if self._record[member[0]].t_s <= until_s]
        jerks = one_by_one([self._jerk(*member) for member in members])
        times = [self._record[k].t_s for k, _, _ in members]
        taken = {id(c) for c in passed}
        later: list[Candidate] = []
        for c in self._waiting:
            if id(c) in taken:
                continue
            if c.moment.t_s > times[-1] + ECHO_S:
                later.append(c)
            elif min(abs(c.moment.t_s - t) for t in times) > ECHO_S:
                self._reject(c)
        self._waiting = later
        self._trains &= {c.moment.t_s for c in later}
        self._close_at = np.inf
        for c in later:  # the next episode has begun
            if self._passes(c):
                self._wait_until(c.moment.t_s)
        self._conclude(jerks)
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

    def _jerk(self, place: int, region: int, toward: FloatArray) -> Jerk:
        movement = describe(self._record, place)
        twitch = shape_twitch(self._record, place, region, toward, side=side_of(region, movement))
        course = course_of(self._record, place, region, toward)
        return Jerk(twitch, movement, self._record[place], region, course)

    def _conclude(self, jerks: list[Jerk]) -> None:
        """An episode of these jerks, unless the strongest shows that it is something ordinary."""
        lead = max(jerks, key=lambda jerk: jerk.twitch.score)
        high = [jerk.course for jerk in jerks if jerk.course.height_mm >= 0.5 * lead.course.height_mm]
        what = ordinary.veto(lead.movement, high, lead.moment.patterns)
        if what is None:
            self._number += 1
            self._telling += [*(jerk.twitch for jerk in jerks), summarize(self._number, jerks)]
            return
        for jerk in jerks:
            twitch = replace(jerk.twitch, kept=False, reason=what.reason)
            self._telling.append(twitch)
            self._ordinary.push(twitch, what.kind)

    def _rising(self, passed: list[Candidate]) -> list[Candidate]:
        """Without those where nothing rose, but close by: answers of the filter to a beginning or an end."""
        courses = [course_of(self._record, self._position(c.moment.t_s), c.region, toward_of(c)) for c in passed]
        return [c for c, course in zip(passed, courses, strict=True) if not is_answer(course, courses)]

    def _reject_before(self, t_s: float) -> Iterator[Twitch | Episode]:
        while self._waiting and self._waiting[0].moment.t_s < t_s:
            self._reject(self._waiting.pop(0))
        yield from self._tell()

    def _reject(self, candidate: Candidate) -> None:
        """Keep what stood out of the noise and is still no twitch, with the reason; not the many weak ones."""
        moment, region = candidate.moment, candidate.region
        why = moment.why_not
        score = max(float(moment.score[region]), float(moment.patterns.max()))
        place = self._position(moment.t_s)
        what: Ordinary | None = None
        if why and score >= self._threshold:
            reason = why_words(why)
        elif max(score, float(moment.excess[region])) >= self._threshold:
            what = ordinary.name(describe(self._record, place), tuple(self._blinks))
            reason = what.reason if what is not None else PULLED if is_pulled(candidate) else WHOLE_FACE
        elif score >= NEAR_MISS * self._threshold:
            reason = BELOW
        else:
            return
        twitch = shape_twitch(self._record, place, region, toward_of(candidate), kept=False, reason=reason)
        self._telling.append(twitch)
        if what is not None:
            self._ordinary.push(twitch, what.kind)


def why_words(why: WhyNot) -> str:
    """``head_motion;dark_or_noisy``-like words for a reason set."""
    return ";".join(flag.name.lower() for flag in WhyNot if flag and flag in why and flag.name)
