"""Samples -> a flash about 0.1 s after a jerk, for the eye in a live window; past only, so it sees less than the log.

The log is decided with what comes after a jerk in view and half a second later. A flash has seen the rise and the first
0.05 s of the fall: what that loses is measured in docs/measurements.md. No episode is ever made of a flash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector import regions
from detector.config import Settings
from detector.motion import Sample
from detector.twitches import Detector, Moment, Reach

AT_ONCE = Reach(filter_s=0.05, around_s=0.0)
HOLD_S = 0.4  # the light stays on this long after the last such moment: the filter's own echo and a train are one flash
LATE_S = 0.3  # of the seconds that waited for the noise to be known it is too late to tell
_NASAL = np.flatnonzero(regions.IS_NASAL)


@dataclass(frozen=True, slots=True)
class Flash:
    """A jerk, or the first of a train, under way."""

    t_s: float
    region: int  # in ``regions.SITES``
    score: float


class Flasher:
    """Samples in, flashes out.

    Parameters
    ----------
    settings : Settings
        The sensitivity counts as for the log.
    """

    def __init__(self, settings: Settings) -> None:
        self._detector = Detector(settings, AT_ONCE)
        self._lit_s = -np.inf

    def push(self, sample: Sample) -> Flash | None:
        """The flash that this sample sets off; None while it stays dark, and while it is lit already."""
        flash = None
        for item in self._detector.push(sample):
            if not isinstance(item, Moment) or item.why_not or sample.t_s - item.t_s > LATE_S:
                continue
            region = int(np.argmax(item.score))  # lid and cheek take part: what they pull is no twitch of the nose
            if region in _NASAL and item.score[region] >= self._detector.threshold:
                if item.t_s > self._lit_s + HOLD_S:
                    flash = Flash(item.t_s, region, float(item.score[region]))
                self._lit_s = item.t_s
        return flash

    def finish(self) -> None:
        """End of a stretch."""
        self._detector.finish()
