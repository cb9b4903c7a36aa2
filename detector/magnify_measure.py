"""A part of a clip -> its skin motion, where the face was in every frame, what is noise there, and how far to enlarge.

Noise is what the same field shows while nothing is found: a replay is only worth looking at when that stays small.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.config import Settings
from detector.magnify_field import GAP_S, SkinMotion, Tape
from detector.placement import Crop
from detector.readings import Event
from detector.readings import Measured as Judged
from detector.registration import Field
from detector.types import ORDINARY_KINDS, Episode, FloatArray, Twitch, WhyNot

F64 = npt.NDArray[np.float64]

LEAD_S, TAIL_S = (
    5.0,
    2.0,
)  # measured before and after what is shown: the noise is known after 2.5 s, filters reach 0.5 s
# Noise is what 99 of 100 quiet pictures stay under, at the nose site that moves most: of five seconds a look finds one
# or two pictures beyond it.
NOISE_PERCENTILE = 99.0
# The noise may be drawn this tall, mm on the face, 6 px of the panel: a quiver that one sees but takes for no twitch,
# which stands out from it as it does from the noise of the recording.
NOISE_SHOWN_MM = 0.8
# An episode is enlarged no taller than this: up to it motion is drawn as it is, beyond it is cut off (magnify_warp).
TWITCH_SHOWN_MM = 6.0
LEAST_FACTOR, MOST_FACTOR = 2.0, 30.0
QUIET_LEAST_S = 1.0  # of quiet, before its noise is believed; else all that was measured counts
BEFORE_S, AFTER_S = 0.15, 0.4  # round a twitch nothing is quiet: what is its own rise and rebound
SETTLE_S = 0.5  # the tracker's points drift for about 10 frames after a face is found
USUAL_GAIN = 0.85  # where no probe was made, see detector.gain
_SITES = np.array(regions.NOSE)


@dataclass(slots=True)
class Seen:
    """One frame."""

    t_s: float
    to_image: F64 | None = None  # (2, 3) crop px -> frame px; None without a face
    why: WhyNot = WhyNot.SETTLING  # why nothing can be told there; NONE when it can
    floor_mm: FloatArray | None = None  # (R,)


@dataclass(slots=True)
class Measured:
    """All of a part of a clip that its replay needs: about 5 kB a frame, no picture."""

    skin: SkinMotion
    seen: list[Seen]
    crop_px_per_mm: float
    crop_origin: F64
    sites_mm: F64  # (R, 2) of ``regions.SITES``, median over the part
    px_per_mm: float
    luma: float
    gain: float
    twitches: list[Twitch] = field(default_factory=list)  # kept
    ordinary: list[Episode] = field(default_factory=list)  # blinks, speech, ...
    noise_mm: float = 0.0
    quiet_s: float = 0.0  # what the noise was taken from


def measure_part(
    clip: Path,
    start_s: float,
    end_s: float | None,
    *,
    model: Path | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> Measured:
    """Measure from ``LEAD_S`` before ``start_s`` to ``TAIL_S`` after ``end_s`` (s), as analyze does.

    Raises
    ------
    SourceError, UsageError, ModelError
        The clip or the model cannot be read, or the part has no picture.
    """
    from detector.deciding import Decider
    from detector.guarded import GuardedClip
    from detector.measuring import Measurer
    from models import resolve

    settings = Settings()
    places: dict[float, F64] = {}
    scales: list[float] = []
    lumas: list[float] = []

    def on_crop(crop: Crop) -> None:
        places[crop.t_s] = crop.to_image
        scales.append(crop.px_per_mm)
        lumas.append(crop.face.luma)

    def on_field(moved: Field) -> None:
        tape.add(moved.t_s, moved.step_px / np.float32(settings.crop_px_per_mm))

    measurer = Measurer(settings, resolve(model), on_crop=on_crop, on_field=on_field)
    tape = Tape(measurer.patches_mm)
    decider = Decider(settings)
    seen: list[Seen] = []
    sites: list[FloatArray] = []
    twitches: list[Twitch] = []
    episodes: list[Episode] = []
    gain = USUAL_GAIN

    def keep(event: Event) -> None:
        if isinstance(event, Judged):
            seen.append(_seen(event, places, seen))
        elif isinstance(event, Episode):
            episodes.append(event)
            twitches.extend(event.twitches if event.kind not in ORDINARY_KINDS else ())

    first_s = max(start_s - LEAD_S, 0.0)
    last_s = None if end_s is None else end_s + TAIL_S
    with GuardedClip(clip, start_s=first_s, end_s=last_s) as source, closing(measurer.run(source)) as readings:
        until_s = last_s if source.duration_s is None else min(last_s or np.inf, source.duration_s)
        for reading in readings:
            if reading.sample is not None:
                sites.append(reading.sample.centers_mm)
                gain = reading.sample.gain
            for event in decider.push(reading):
                keep(event)
            if on_progress is not None:
                on_progress(reading.t_s - first_s, None if until_s is None else until_s - first_s)
        for event in decider.drain():
            keep(event)
    crops = measurer.crops
    out = Measured(
        skin=tape.motion(gain),
        seen=seen,
        crop_px_per_mm=crops.scale,
        crop_origin=crops.origin,
        sites_mm=np.median(np.stack(sites), axis=0).astype(np.float64) if sites else np.zeros((len(regions.SITES), 2)),
        px_per_mm=float(np.median(scales)) if scales else float("nan"),
        luma=float(np.median(lumas)) if lumas else float("nan"),
        gain=gain,
        twitches=sorted(twitches, key=lambda twitch: twitch.peak_s),
        ordinary=[episode for episode in episodes if episode.kind in ORDINARY_KINDS],
    )
    out.noise_mm, out.quiet_s = noise_of(out)
    return out


def _seen(judged: Judged, places: dict[float, F64], before: list[Seen]) -> Seen:
    """What is kept of a frame; one without a picture of its own is like the one before it."""
    t_s, motion = judged.t_s, judged.motion
    if judged.reading.faces_seen == 0:
        return Seen(t_s, why=WhyNot.NO_FACE)
    placed = places.pop(t_s, None)
    last = before[-1] if before and t_s - before[-1].t_s <= GAP_S else Seen(t_s)
    if placed is None:
        placed = last.to_image
    if motion is None:
        return Seen(t_s, placed, last.why, last.floor_mm)
    return Seen(t_s, placed, motion.why_not, motion.floor_mm)


def quiet(measured: Measured) -> npt.NDArray[np.bool_]:
    """(T,) at which moments of the field nothing is found, though it could be, or the noise only was not yet known."""
    t_s = measured.skin.t_s
    told = np.array([not one.why & ~WhyNot.SETTLING for one in measured.seen], dtype=bool)
    told[: int(np.searchsorted([one.t_s for one in measured.seen], measured.seen[0].t_s + SETTLE_S))] = False
    times = np.array([one.t_s for one in measured.seen])
    near = np.clip(np.searchsorted(times, t_s - 1e-6), 0, max(len(times) - 1, 0))
    still = told[near] if len(told) else np.zeros(len(t_s), dtype=bool)
    spans = [(t.onset_s, t.offset_s) for t in measured.twitches]
    spans += [(episode.start_s, episode.end_s) for episode in measured.ordinary]
    for begin_s, end_s in spans:
        still &= (t_s < begin_s - BEFORE_S) | (t_s > end_s + AFTER_S)
    return still


def noise_of(measured: Measured) -> tuple[float, float]:
    """Noise of the field at the nose, mm, and the seconds of quiet it was taken from (0: there were too few)."""
    if not len(measured.skin.t_s) or not measured.seen:
        return 0.0, 0.0
    most = measured.skin.lengths_at(measured.sites_mm[_SITES]).max(axis=1)
    still = quiet(measured)
    step_s = float(np.median(np.diff(measured.skin.t_s))) if len(most) > 1 else 0.0
    quiet_s = float(still.sum()) * step_s
    if quiet_s < QUIET_LEAST_S:
        return float(np.percentile(most, NOISE_PERCENTILE)), 0.0
    return float(np.percentile(most[still], NOISE_PERCENTILE)), quiet_s


def best_factor(noise_mm: float, peak_mm: float | None = None) -> float:
    """How far to enlarge: the noise stays under ``NOISE_SHOWN_MM``, and the peak of an episode within the picture.

    A whole number from 2 to 30.
    """
    most = NOISE_SHOWN_MM / max(noise_mm, 1e-6)
    if peak_mm is not None and peak_mm > 0.0:
        most = min(most, TWITCH_SHOWN_MM / peak_mm)
    return float(np.clip(np.floor(most), LEAST_FACTOR, MOST_FACTOR))
