"""What happens to the whole picture or the whole head: light flicker, key-frame pumping, a nod; none of it a twitch."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detector.simulate_life import Pose

Picture = npt.NDArray[np.uint8]
_STEP_S = 0.02  # s; chosen: a step of the exposure takes about one frame


@dataclass(frozen=True, slots=True)
class Flicker:
    """The light or the exposure of the whole picture changes: brightness times ``gains`` at ``times_s``.

    Before the first and after the last time the gain is 1.
    """

    times_s: tuple[float, ...]
    gains: tuple[float, ...]
    smooth: bool  # False: each gain comes at once and stays

    def gain(self, t_s: float) -> float:
        """Brightness against that without flicker."""
        if not self.times_s[0] <= t_s <= self.times_s[-1]:
            return 1.0
        k = min(int(np.searchsorted(self.times_s, t_s, "right")) - 1, len(self.times_s) - 2)
        start, end = self.times_s[k], self.times_s[k + 1]
        if self.smooth:
            share = 0.5 - 0.5 * math.cos(math.pi * (t_s - start) / (end - start))
            return self.gains[k] + share * (self.gains[k + 1] - self.gains[k])
        before = self.gains[k - 1] if k else 1.0
        gain = before + min(1.0, (t_s - start) / _STEP_S) * (self.gains[k] - before)
        # The last one ends as it began: in a step.
        return gain if k < len(self.times_s) - 2 else 1.0 + min(1.0, (end - t_s) / _STEP_S) * (gain - 1.0)

    def moved(self, by_s: float) -> Flicker:
        return replace(self, times_s=tuple(round(t + by_s, 4) for t in self.times_s))


@dataclass(frozen=True, slots=True)
class Pumping:
    """The picture is coded anew at every key frame: suddenly coarse in blocks and a little soft, and slowly good again.

    Attributes
    ----------
    onset_s, period_s : float
        First key frame, and from one to the next, s.
    pulses : int
        Number of key frames.
    quality : int
        Of the JPEG coding that stands for the key frame's quantization, 1-95; lower is coarser.
    blur_px : float
        Standard deviation of the softness, px.
    """

    onset_s: float
    period_s: float
    pulses: int
    quality: int
    blur_px: float

    def strength(self, t_s: float) -> float:
        """Share of the coarse picture, 0-1: all at a key frame, none just before the next one."""
        phase = (t_s - self.onset_s) / self.period_s
        return 1.0 - phase % 1.0 if 0.0 <= phase < self.pulses else 0.0

    def apply(self, picture: Picture, t_s: float) -> Picture:
        """The picture (H, W, 3) as it is coded at ``t_s``; itself outside the event."""
        strength = self.strength(t_s)
        if strength <= 0.0:
            return picture
        import cv2

        soft = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        done, data = cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        assert done
        coarse = cv2.imdecode(data, cv2.IMREAD_COLOR)
        mixed = (1.0 - strength) * picture + strength * np.asarray(coarse, dtype=np.float64)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    def moved(self, by_s: float) -> Pumping:
        return replace(self, onset_s=round(self.onset_s + by_s, 4))


@dataclass(frozen=True, slots=True)
class Nod:
    """The whole head jerks and comes back: a nod (down), a shake (across) or a tilt; in the plane of the picture.

    Attributes
    ----------
    onset_s, length_s : float
    x_mm, y_mm, turn_deg : float
        Farthest from where it was: to the picture's right, down, clockwise.
    swings : int
        1: there and back; more: to and fro about the middle as often as that.
    """

    onset_s: float
    length_s: float
    x_mm: float
    y_mm: float
    turn_deg: float
    swings: int = 1

    def share(self, t_s: float) -> float:
        """How far it is, -1 to 1; zero before and after, smooth at both ends."""
        u = (t_s - self.onset_s) / self.length_s
        if not 0.0 < u < 1.0:
            return 0.0
        return float(_swing(u, self.swings)) / _peak(self.swings)

    def moved(self, by_s: float) -> Nod:
        return replace(self, onset_s=round(self.onset_s + by_s, 4))


def _swing(u: npt.ArrayLike, swings: int) -> npt.NDArray[np.float64]:
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.asarray(u))
    return np.asarray(window if swings == 1 else window * np.sin(2.0 * np.pi * swings * np.asarray(u)))


@functools.cache
def _peak(swings: int) -> float:
    """The window takes a little of the outermost swing."""
    return float(_swing(np.linspace(0.0, 1.0, 10_001), swings).max())


Effect = Flicker | Pumping | Nod


class Effects:
    """All effects of a clip together.

    Parameters
    ----------
    effects : iterable of Effect or None
        Those of the events; None for an event that has none.
    """

    def __init__(self, effects: Iterable[Effect | None]) -> None:
        found = list(effects)
        self.flickers = [effect for effect in found if isinstance(effect, Flicker)]
        self.pumpings = [effect for effect in found if isinstance(effect, Pumping)]
        self.nods = [effect for effect in found if isinstance(effect, Nod)]

    def gain(self, t_s: float) -> float:
        """Brightness against that without flicker; exactly 1 without."""
        return math.prod(flicker.gain(t_s) for flicker in self.flickers)

    def nodding(self, t_s: float) -> bool:
        return any(nod.share(t_s) for nod in self.nods)

    def pose(self, pose: Pose, t_s: float) -> Pose:
        """The pose with the nods in it."""
        for nod in self.nods:
            share = nod.share(t_s)
            pose = Pose(
                pose.x + share * nod.x_mm, pose.y + share * nod.y_mm, pose.turn_deg + share * nod.turn_deg, pose.size
            )
        return pose

    def coded(self, picture: Picture, t_s: float) -> Picture:
        """The picture as the coding leaves it; itself outside of any pumping."""
        for pumping in self.pumpings:
            picture = pumping.apply(picture, t_s)
        return picture

    def recorded(self, picture: Picture, t_s: float) -> Picture:
        """The picture of a recording with flicker and coding in it; itself where neither is."""
        gain = self.gain(t_s)
        if gain != 1.0:
            picture = np.clip(np.rint(picture * gain), 0, 255).astype(np.uint8)
        return self.coded(picture, t_s)
