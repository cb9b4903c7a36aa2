"""Ordinary movements that follow each other -> one episode of their kind: kept, but listed only when asked for."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np

from detector.ordinary import WORDS
from detector.types import Episode, Twitch

GAP_S = 1.0  # s of something else between two that are not one


class OrdinaryGrouper:
    """Streams rejected jerks with their kind in, episodes out."""

    def __init__(self) -> None:
        self._number = 0
        self._open: dict[str, list[Twitch]] = {}
        self._told: deque[Episode] = deque()  # outlives a reader who is stopped halfway

    def push(self, twitch: Twitch, kind: str) -> None:
        """Add a rejected jerk; they come in time order, but for those of one episode."""
        waiting = self._open.setdefault(kind, [])
        if waiting and twitch.onset_s - waiting[-1].offset_s > GAP_S:
            self._close(kind)
        self._open.setdefault(kind, []).append(twitch)

    def tell(self, until_s: float) -> Iterator[Episode]:
        """Episodes that were over a while before ``until_s``."""
        for kind in [kind for kind, twitches in self._open.items() if twitches[-1].offset_s + GAP_S < until_s]:
            self._close(kind)
        while self._told:
            yield self._told.popleft()

    def _close(self, kind: str) -> None:
        # a vetoed train comes after what was rejected between its jerks
        twitches = tuple(sorted(self._open.pop(kind), key=lambda twitch: twitch.peak_s))
        self._number -= 1
        lead = max(twitches, key=lambda twitch: twitch.amplitude_mm)
        reasons = dict.fromkeys(twitch.reason for twitch in twitches)
        self._told.append(
            Episode(
                number=self._number,
                start_s=min(twitch.onset_s for twitch in twitches),
                end_s=max(twitch.offset_s for twitch in twitches),
                kind=kind,
                side=lead.side,
                laterality=math.nan,
                region=lead.region,
                regions=tuple(dict.fromkeys([lead.region, *(twitch.region for twitch in twitches)])),
                twitch_count=len(twitches),
                peak_mm=lead.amplitude_mm,
                mean_mm=float(np.mean([twitch.amplitude_mm for twitch in twitches])),
                peak_px=lead.amplitude_px,
                snr=lead.snr,
                confidence=math.nan,
                evidence=", ".join(WORDS[reason] for reason in reasons),
                twitches=twitches,
            )
        )
