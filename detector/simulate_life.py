"""What a living head does all the time, over continuous time and from a seed: sway, breathing, blinks, exposure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.simulate_plan import course

BLINKS_PER_MIN = 14.0  # at rest about 17 (Bentivoglio 1997)
BLINK_S = (0.15, 0.30)
_SWAY_MM = (1.2, 0.8)  # standard deviation across and down
_TURN_DEG = 0.35
_NOD = 0.003  # standard deviation of the size: leaning to and fro
_BREATH_MM, _BREATH_HZ = 0.35, 0.25


@dataclass(frozen=True, slots=True)
class Blink:
    """One closing of both eyes."""

    onset_s: float
    close_s: float
    open_s: float
    depth: float  # 1: fully closed

    @property
    def offset_s(self) -> float:
        return self.onset_s + self.close_s + self.open_s

    def closed(self, t_s: float) -> float:
        return self.depth * float(course(t_s - self.onset_s, self.close_s, self.open_s, 0.85))


@dataclass(frozen=True, slots=True)
class Pose:
    """Of the head against the portrait: mm to the picture's right and down, degrees clockwise, size."""

    x: float
    y: float
    turn_deg: float
    size: float


class Life:
    """Head sway and exposure over continuous time, from a seed.

    Sums of slow sinusoids with random phases, the power falling with frequency as that of a held posture does; nothing
    above 0.9 Hz, so none of it looks like a twitch.
    """

    def __init__(self, seed: int, duration_s: float, *, sway: float = 1.0, drift: float = 1.0) -> None:
        rng = np.random.default_rng([seed, 1])
        self._hz = np.geomspace(0.03, 0.9, 24) * rng.uniform(0.93, 1.07, (4, 24))
        height = self._hz**-0.5 * rng.uniform(0.5, 1.0, (4, 24))
        norm = np.sqrt(0.5 * (height**2).sum(axis=1, keepdims=True))
        spread = np.array([[_SWAY_MM[0]], [_SWAY_MM[1]], [_TURN_DEG], [_NOD]])
        self._height = sway * spread * height / norm
        self._phase = rng.uniform(0.0, 2.0 * np.pi, (4, 24))
        self._breath = sway * _BREATH_MM
        self._drift = drift
        self._gain_hz = rng.uniform([0.01, 0.03], [0.02, 0.06])
        self._gain_phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        steps = rng.poisson(duration_s / 15.0)
        self._step_s = np.sort(rng.uniform(0.0, duration_s, steps))
        self._step = 0.004 * rng.choice([-1.0, 1.0], steps)

    def pose(self, t_s: float) -> Pose:
        x, y, turn, size = (self._height * np.sin(2.0 * np.pi * self._hz * t_s + self._phase)).sum(axis=1)
        breath = self._breath * math.sin(2.0 * math.pi * _BREATH_HZ * t_s)
        return Pose(float(x), float(y) + breath, float(turn), 1.0 + float(size))

    def gain(self, t_s: float) -> float:
        """Exposure against the portrait's: within 2 %, with the small steps of an automatic one."""
        slow = 0.007 * np.sin(2.0 * np.pi * self._gain_hz * t_s + self._gain_phase).sum()
        ramps = np.clip((t_s - self._step_s) / 0.15, 0.0, 1.0)
        return 1.0 + self._drift * float(np.clip(slow + (self._step * ramps).sum(), -0.02, 0.02))


def plan_blinks(
    duration_s: float, seed: int, per_min: float = BLINKS_PER_MIN, clear: Sequence[tuple[float, float]] = ()
) -> list[Blink]:
    """Blinks at irregular intervals; one that would touch an interval of ``clear`` waits for its end."""
    rng = np.random.default_rng([seed, 2])
    blinks: list[Blink] = []
    t = float(rng.uniform(0.5, 3.0))
    while per_min > 0.0:
        length = float(rng.uniform(*BLINK_S))
        for a, b in sorted(clear):
            if a < t + length and t < b:
                t = b + float(rng.uniform(0.05, 0.4))
        if t + length >= duration_s:
            break
        blinks.append(Blink(t, 0.36 * length, 0.64 * length, float(rng.uniform(0.95, 1.0))))
        # Gamma, shape 3: irregular, but seldom two at once.
        t += max(0.6, float(rng.gamma(3.0, 20.0 / per_min)))
    return blinks
