"""The clip once more, with what was measured and found drawn into it, to look at; how, is in ``overlay_page``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.overlay_page import OverlayRecord, Page
from detector.regions import SITES
from detector.types import Episode, Twitch, WhyNot

if TYPE_CHECKING:
    from detector.pipeline import Measured

WORDS: dict[WhyNot, str] = {
    WhyNot.NO_FACE: "no face",
    WhyNot.SETTLING: "settling",
    WhyNot.FACE_SMALL: "face too small",
    WhyNot.MOTION: "head moves",
    WhyNot.NOISE: "too much noise",
    WhyNot.GAP: "frames missing",
    WhyNot.EDGE: "at the edge of the picture",
}
HOLD_S = 0.1  # s that a measurement stands for repeated frames after it


class Recorder:
    """Keeps the light part of everything that was measured.

    A repeated frame carries no measurement of its own: for a moment that of the frame before stands for it.
    """

    def __init__(self) -> None:
        self.records: list[OverlayRecord] = []
        self._last: OverlayRecord | None = None  # that was measured itself

    def take(self, measured: Measured) -> None:
        """Keep one frame; frames come in the order of time."""
        record = self._record(measured)
        if measured.motion is not None:
            self._last = record
        self.records.append(record)

    def _record(self, measured: Measured) -> OverlayRecord:
        t_s, face, motion = measured.t_s, measured.face, measured.motion
        if motion is not None:
            observed = motion.why_not == WhyNot.NONE
            why = "" if observed else why_text(motion.why_not)
            return OverlayRecord(t_s, measured.centers_px, measured.score, observed, why)
        if face is None:
            return OverlayRecord(t_s, None, None, False, WORDS[WhyNot.NO_FACE])
        if self._last is not None and t_s - self._last.t_s <= HOLD_S:
            return replace(self._last, t_s=t_s)
        centers = np.array([face.points_px[list(site.points)].mean(axis=0) for site in SITES], np.float32)
        return OverlayRecord(t_s, centers, None, False, WORDS[WhyNot.SETTLING])


def why_text(bits: WhyNot) -> str:
    """The reasons in words, joined with commas; ``unknown`` when there is none."""
    return ", ".join(word for bit, word in WORDS.items() if bit in bits) or "unknown"


def write_overlay(
    clip: Path,
    out: Path,
    records: Sequence[OverlayRecord],
    twitches: Sequence[Twitch],
    episodes: Sequence[Episode],
    threshold: float,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> None:
    """Decode ``clip`` once more and write it with the findings drawn in, as H.264.

    Parameters
    ----------
    clip, out : Path
        Source and the file to write (.mp4, .mkv or .mov).
    records : sequence of OverlayRecord
        One per frame, in the order of time.
    twitches : sequence of Twitch
        To be marked; those not kept are drawn in gray with their reason.
    episodes : sequence of Episode
        Counted at the top.
    threshold : float
        Score from which a twitch is kept, drawn as a line.
    start_s, end_s : float, optional
        The part that was measured, s.
    on_progress : callable, optional
        Called with (seconds written, duration or None).

    Raises
    ------
    SourceError
        The clip cannot be read any more.
    OutputError
        The file cannot be written; nothing half-written stays behind.
    """
    from detector.guarded import GuardedClip

    with GuardedClip(clip, start_s=start_s, end_s=end_s) as source:
        from detector.encode import VideoWriter

        page = Page(source.width, source.height, records, twitches, episodes, threshold)
        fps = source.nominal_fps or 30.0
        with VideoWriter(out, page.width, page.height, fps=fps, codec="h264", crf=20) as writer:
            for frame in source:
                writer.write(page.draw(frame), frame.t_s - (start_s or 0.0))
                if on_progress is not None:
                    on_progress(frame.t_s, source.duration_s)
