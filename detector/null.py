"""The empirical null of a recording: how high its scores reach where nothing twitches.

Scores are ratios to the recording's own noise, but noise is not the same everywhere in its tail: heavier where people
talk or a codec pumps, lighter on a quiet face. The rate of moderate peaks and how far they reach tells; scores are then
scaled so that a threshold means the same number of false alarms per observed hour on every recording.
"""

from __future__ import annotations

import numpy as np

# Of quiet and of talking people together (docs/measurements.md): half seconds whose highest score passes LEVEL, per
# minute, and by how much those that do pass it on average (the tail falls by a factor of e per TAIL).
LEVEL = 3.5
RATE_PER_MIN = 35.0
TAIL = 0.68
PRIOR_S = 60.0  # seconds of observed time that these count as
WIDE_S = 0.5  # peaks nearer to each other are one
NEAR_BINS = 2  # half seconds around one that passes the threshold are left out: a train is no noise
REACH = 2.0  # excess over LEVEL counts up to this: a twitch must not stretch the tail it is judged by
AIMED_PER_MIN = 0.1  # the scale is set for 6 false alarms an hour, the middle of the three sensitivities
LIMITS = (0.75, 1.3)  # of the scale: what so few peaks may do


class Null:
    """Counts the peaks of one recording as they come; the longer it lasts, the more its own peaks weigh."""

    def __init__(self) -> None:
        self._observed_s = 0.0
        self._count = 0.0
        self._excess = 0.0
        self._held: dict[int, float] = {}  # highest score of each half second lately
        self._counted = -1  # half seconds up to this one have been counted

    def observe(self, seconds: float) -> None:
        """Add time in which a verdict was possible."""
        self._observed_s += seconds

    def peak(self, t_s: float, score: float) -> None:
        """Add a peak of the unscaled score in observed time; peaks come in time order."""
        now = int(t_s / WIDE_S)
        self._held[now] = max(self._held.get(now, 0.0), score)
        twitch = max(self.threshold(), _USUAL)  # a bar that had sunk would shut out the very noise that raises it
        for bin_ in [b for b in self._held if self._counted < b < now - NEAR_BINS]:
            highest = self._held[bin_]
            near = [self._held.get(b, 0.0) for b in range(bin_ - NEAR_BINS, bin_ + NEAR_BINS + 1)]
            if highest > LEVEL and max(near) < twitch:
                self._count += 1.0
                self._excess += min(highest - LEVEL, REACH)
            self._counted = bin_
        for bin_ in [b for b in self._held if b < now - 2 * NEAR_BINS]:
            del self._held[bin_]

    def threshold(self) -> float:
        """Unscaled score that noise passes ``AIMED_PER_MIN`` times in an observed minute."""
        prior = RATE_PER_MIN * PRIOR_S / 60.0
        rate_per_min = 60.0 * (self._count + prior) / (self._observed_s + PRIOR_S)
        tail = (self._excess + prior * _MEAN_EXCESS) / (self._count + prior) / _MEAN_EXCESS * TAIL
        return LEVEL + tail * float(np.log(rate_per_min / AIMED_PER_MIN))

    def scale(self) -> float:
        """What scores are multiplied by, 0.7-1.15: 1 for a recording like those the thresholds were chosen on."""
        return min(max(_USUAL / self.threshold(), LIMITS[0]), LIMITS[1])


_MEAN_EXCESS = TAIL * (1.0 - float(np.exp(-REACH / TAIL)))  # of an exponential tail cut at REACH
_USUAL = LEVEL + TAIL * float(np.log(RATE_PER_MIN / AIMED_PER_MIN))
