"""Candidates -> twitches and episodes: which jerks are real, and which of them belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector import kinds, regions
from detector.config import Settings
from detector.shape import shape_twitch
from detector.twitches import FOLLOWER_SHARE, THRESHOLDS, Candidate, Moment
from detector.types import Episode, Side, Twitch, WhyNot

CHAIN_S = 0.45  # longest pause inside a train (3 Hz), with a third to spare
NEAR_MM = 14.0  # a follower lies at most this far from the jerk that passed the threshold: one muscle's width
LOBE_S = 0.17  # skin swinging back, and the filter's own answer to a jerk: a weaker one the other way, this close
LOBE_WAY = -0.3  # cosine below which it is the other way
SAME_WAY = 0.3  # cosine: followers pull about the same way
OTHER_SIDE_SHARE = 0.3  # of the summed height; less on the other side is leakage
CO_MOVING_SHARE = 0.5  # of the strongest score at the same moment
WHOLE_FACE = "whole_face"  # the rest of the face moved as much
BELOW = "below_threshold"
_CENTERS_MM = np.array(
    [  # typical places, for distances between regions only (canonical face model)
        *[(0.0, 22.0), (0.0, 45.0)],
        *[(-10.8, 20.3), (10.8, 20.3), (-15.2, 37.4), (15.2, 37.4), (-18.8, 33.0), (18.8, 33.0)],
        *[(-14.0, 55.4), (14.0, 55.4), (-26.9, 12.7), (26.9, 12.7), (-32.1, 41.4), (32.1, 41.4)],
    ]
)
_CENTERS_MM[0] = (0.0, -3.3)


class Grouper:
    """Streams moments and candidates in, twitches and episodes out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threshold = THRESHOLDS[settings.sensitivity]
        self._number = 0
        self._recent: list[Candidate] = []  # not yet decided
        self._open: list[Candidate] = []  # those of the open episode that passed the threshold

    def push(self, item: Moment | Candidate) -> Iterator[Twitch | Episode]:
        """Twitches and episodes that are settled once ``item`` has come."""
        if isinstance(item, Candidate):
            self._recent.append(item)
            if self._passes(item):
                if self._open and item.moment.t_s - self._open[-1].moment.t_s > self._settings.episode_gap_s + CHAIN_S:
                    yield from self._close()
                self._open.append(item)
            return
        last = max((c.moment.t_s for c in self._members()), default=None) if self._open else None
        if last is not None and item.t_s - last > self._settings.episode_gap_s:
            yield from self._close()
        elif not self._open:
            yield from self._drop_before(item.t_s - 3.0)

    def finish(self) -> Iterator[Twitch | Episode]:
        """Everything that is left."""
        if self._open:
            yield from self._close()
        yield from self._drop_before(np.inf)

    def _passes(self, candidate: Candidate) -> bool:
        return candidate.moment.score[candidate.region] >= self._threshold and not self._unseen(candidate)

    def _unseen(self, candidate: Candidate) -> WhyNot:
        why = candidate.moment.why_not
        if candidate.moment.floor_mm[candidate.region] > self._settings.floor_limit_mm:
            why |= WhyNot.NOISE
        return why

    def _members(self) -> list[Candidate]:
        """The open episode: what passed, and the weaker jerks chained to it in the same muscle and direction."""
        lead = max(self._open, key=_strength)
        members = list(self._open)
        taken = {id(c) for c in members}
        grown = True
        while grown:
            grown = False
            for c in self._recent:
                if id(c) in taken or not self._follows(c, lead):
                    continue
                if any(abs(c.moment.t_s - m.moment.t_s) <= CHAIN_S for m in members):
                    members.append(c)
                    taken.add(id(c))
                    grown = True
        return sorted(members, key=lambda c: c.moment.t_s)

    def _follows(self, candidate: Candidate, lead: Candidate) -> bool:
        if candidate.moment.score[candidate.region] < FOLLOWER_SHARE * self._threshold or self._unseen(candidate):
            return False
        apart = float(np.hypot(*(_CENTERS_MM[candidate.region] - _CENTERS_MM[lead.region])))
        return apart <= NEAR_MM and _cosine(candidate, lead) >= SAME_WAY

    def _close(self) -> Iterator[Twitch | Episode]:
        members = [c for c in self._members() if not self._is_lobe(c)]
        end = members[-1].moment.t_s
        kept = {id(c) for c in members}
        lobes = {id(c) for c in self._members()} - kept
        self._open = []
        twitches = [(c, shape_twitch(c, kept=True, reason="")) for c in members]
        waiting, self._recent = self._recent, []
        for c in waiting:
            if c.moment.t_s > end + LOBE_S:
                self._recent.append(c)
            elif id(c) not in kept and id(c) not in lobes:
                yield from self._reject(c)
        for _, twitch in twitches:
            yield twitch
        yield self._episode(twitches)
        for c in self._recent:  # what came after the last member may have opened the next episode already
            if self._passes(c):
                self._open.append(c)

    def _is_lobe(self, candidate: Candidate) -> bool:
        return any(
            other is not candidate
            and abs(other.moment.t_s - candidate.moment.t_s) <= LOBE_S
            and _strength(candidate) < _strength(other)
            and _cosine(candidate, other) < LOBE_WAY
            for other in self._recent
        )

    def _drop_before(self, t_s: float) -> Iterator[Twitch]:
        while self._recent and self._recent[0].moment.t_s < t_s:
            yield from self._reject(self._recent.pop(0))

    def _reject(self, candidate: Candidate) -> Iterator[Twitch]:
        """What stood out of the noise and is still no twitch, with the reason; the many weak ones are not kept."""
        moment, region = candidate.moment, candidate.region
        why = self._unseen(candidate)
        score = float(moment.score[region])
        if why and score >= self._threshold:
            yield shape_twitch(candidate, kept=False, reason=why_words(why))
        elif moment.excess[region] >= self._threshold and score < self._threshold:
            yield shape_twitch(candidate, kept=False, reason=WHOLE_FACE)
        elif score >= 0.75 * self._threshold:
            yield shape_twitch(candidate, kept=False, reason=BELOW)

    def _episode(self, members: list[tuple[Candidate, Twitch]]) -> Episode:
        self._number += 1
        twitches = tuple(twitch for _, twitch in members)
        lead, strongest = max(members, key=lambda pair: pair[1].score)
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

    The tail of the score over footage without twitches falls by e per 0.76 (see ``twitches.THRESHOLDS``).
    """
    return float(1.0 / (1.0 + np.exp(-(score - THRESHOLDS["normal"]) / 0.76)))


def why_words(why: WhyNot) -> str:
    """``head_motion;dark_or_noisy``-like words for a reason set."""
    return ";".join(flag.name.lower() for flag in WhyNot if flag and flag in why and flag.name)


def _strength(candidate: Candidate) -> float:
    return float(candidate.moment.score[candidate.region])


def _cosine(a: Candidate, b: Candidate) -> float:
    u, v = a.moment.height_mm[a.region], b.moment.height_mm[b.region]
    return float(u @ v / max(float(np.hypot(*u) * np.hypot(*v)), 1e-9))


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
