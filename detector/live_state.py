"""All that the window of ``nasalis live`` shows at one moment; filled by the live loop, drawn by ``live_page``.

Everything has a value for "not known yet", so that the window can be shown before the first picture has come. Nothing
here is mirrored: left and right are the subject's own, and places are those in the picture as the camera gave it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.types import FloatArray, Side

WINDOW_S = 10.0  # of the traces; older parts may be in a trace and are not shown
Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """How far one side stood out over the last ``WINDOW_S`` seconds.

    The score is known 0.1 to 0.6 s after the picture: a trace may end that long before ``LiveState.now_s``.
    """

    times_s: Times  # (N,) increasing, in the time of ``LiveState.now_s``
    values: FloatArray  # (N,) highest score of the side's regions in thresholds: 1 is the threshold; NaN unknown
    observed: npt.NDArray[np.bool_]  # (N,) the moment counts as observed


@dataclass(frozen=True, slots=True)
class Flagged:
    """A twitch flagged for the eye; lights up from ``told_s`` on and stays in the trace at ``t_s``."""

    t_s: float  # of the twitch
    region: int  # in ``regions.SITES``
    told_s: float  # when it was first shown, in the time of ``LiveState.now_s``


@dataclass(frozen=True, slots=True)
class Quality:
    """How well things can be seen now; NaN where not known. Averages over about a second are calm enough to be read."""

    px_per_mm: float = math.nan  # of the followed face
    luma: float = math.nan  # mean gray level of the face, 0-255
    sharpness: float = math.nan  # variance of the Laplacian over the face
    head_mm_s: float = math.nan  # speed of the head
    fps: float = math.nan  # pictures per second that arrive
    frames: int = 0  # that arrived in this watch
    frames_lost: int = 0  # that the source made and the program never got
    observed_s: float = 0.0  # of this watch

    @property
    def lost_share(self) -> float:
        """Lost frames over all frames, 0..1; 0 before the first."""
        return self.frames_lost / max(1, self.frames + self.frames_lost)


@dataclass(frozen=True, slots=True, eq=False)
class LiveState:
    """One moment of a live session, as shown."""

    now_s: float = 0.0  # since the watch began
    image: npt.NDArray[np.uint8] | None = None  # (H, W, 3) BGR, not mirrored; None before the first picture
    centers_px: FloatArray | None = None  # (R, 2) of ``regions.SITES`` in ``image``; None without a face
    why: str = ""  # why there is no verdict now, e.g. ``live_words.why_words(motion.why_not)``; empty when observed
    settling: float | None = None  # 0..1 of the settling done; None when it is over or how far is not known
    traces: Mapping[Side, Trace] = field(default_factory=dict)  # of "left", "midline" and "right"
    flagged: tuple[Flagged, ...] = ()  # of the last ``WINDOW_S``, in the order of time
    felt_s: tuple[float, ...] = ()  # the user's own marks of the last ``WINDOW_S``
    counts: Mapping[Side, int] = field(default_factory=dict)  # twitches of this watch, per side
    episodes: int = 0  # of this watch
    last_episode: str = ""  # in words, e.g. "left, 3 twitches in 1.2 s"
    quality: Quality = Quality()
    source: str = ""  # e.g. "camera 0" or a file name
    paused: bool = False
    recording: bool = False  # pictures or signals are being written to a file
    notice: str = ""  # one short message for the moment, e.g. "snapshot saved"
