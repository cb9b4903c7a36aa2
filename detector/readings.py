"""One source frame, first as it was measured, then as it was judged: what passes from measuring to deciding and on."""

from __future__ import annotations

from dataclasses import dataclass

from detector.motion import Sample
from detector.types import Episode, Face, FloatArray, RegionMotion, Revision, Twitch


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured of one source frame: all that deciding needs, so that it can be kept and decided again.

    Readings come in time order, one for every frame of the source.
    """

    t_s: float
    repeated: bool  # nothing of its own: pixels equal to the frame before, or measured together with the frame after
    faces_seen: int  # 0: no face followed
    px_per_mm: float  # of the followed face; NaN without one
    sample: Sample | None  # None without a face, and for repeated frames
    ends_stretch: bool = False  # the last one before a face was lost, pictures were missing, or the source ended
    face: Face | None = None  # to draw; never needed to decide, and not kept

    @property
    def measurable(self) -> bool:
        """Whether a new picture of a face: it gets a sample, or waits for the next to be measured together."""
        return self.faces_seen > 0 and not self.repeated


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one source frame once its scores are in; frames come in time order, a fixed time late."""

    reading: Reading
    motion: RegionMotion | None  # None without a face and for repeated frames
    score: FloatArray | None  # (R,)

    @property
    def t_s(self) -> float:
        return self.reading.t_s

    @property
    def face(self) -> Face | None:
        """To draw; None when decided again from stored signals."""
        return self.reading.face

    @property
    def centers_px(self) -> FloatArray | None:
        """(R, 2) of the regions in the frame."""
        sample = self.reading.sample
        return None if sample is None or self.motion is None else sample.centers_px


Event = Measured | Twitch | Episode | Revision  # what deciding gives
