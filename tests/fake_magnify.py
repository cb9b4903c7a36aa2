"""What the first half of a magnified replay would give for a clip without a face: quiet skin, a twitch now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector import regions
from detector.frames import ClipSource
from detector.magnify_field import SkinMotion, lattice_mm
from detector.magnify_measure import Measured, Seen, noise_of
from detector.motion import BUMP_MM
from detector.types import Twitch, WhyNot

ORIGIN = np.array([115.0, 65.0])
PLACE = np.array([14.0, 38.0])  # of nasalis_alar_left
TO_IMAGE = np.array([[0.25, 0.0, 5.0], [0.0, 0.2, 2.0]])  # the crop on a picture of 64 x 48 px


def twitch(peak_s: float, height_mm: float = 0.5) -> Twitch:
    where = ("nasalis_alar_left", "left")
    return Twitch(*where, peak_s - 0.05, peak_s, peak_s + 0.1, height_mm, 1.0, 20.0, 350.0, 18.0, 14.0, True)  # type: ignore[arg-type]


def skin_of(
    t_s: Sequence[float], peaks_s: Sequence[float], height_mm: float, noise_mm: float, seed: int = 3
) -> SkinMotion:
    """A bump to the right at each peak, 0.1 s wide, and noise of that SD per axis, the same everywhere."""
    times = np.array(t_s)
    nodes = lattice_mm()
    bump = np.exp(-((nodes - PLACE) ** 2).sum(axis=1) / (2.0 * BUMP_MM**2))
    course = sum((np.exp(-(((times - peak) / 0.05) ** 2)) for peak in peaks_s), np.zeros_like(times))
    moved = height_mm * course[:, None, None] * bump[None, :, None] * np.array([1.0, 0.0])
    moved = moved + np.random.default_rng(seed).normal(0.0, noise_mm, (len(times), 1, 2))
    n = round(np.sqrt(len(nodes)))
    return SkinMotion(times, moved.reshape(len(times), n, n, 2).astype(np.float32))


def measured_of(
    t_s: Sequence[float], peaks_s: Sequence[float] = (), height_mm: float = 0.5, noise_mm: float = 0.02
) -> Measured:
    sites = np.tile(np.array([0.0, 10.0]), (len(regions.SITES), 1))
    sites[regions.SITE_NAMES.index("nasalis_alar_left")] = PLACE
    floor = np.full(len(regions.SITES), 0.4, dtype=np.float32)
    out = Measured(
        skin=skin_of(t_s, peaks_s, height_mm, noise_mm),
        seen=[Seen(t, TO_IMAGE, WhyNot.NONE, floor) for t in t_s],
        crop_px_per_mm=2.5,
        crop_origin=ORIGIN,
        sites_mm=sites,
        px_per_mm=1.5,
        luma=120.0,
        gain=0.85,
        twitches=[twitch(peak, height_mm) for peak in peaks_s],
    )
    out.noise_mm, out.quiet_s = noise_of(out)
    return out


def measure_part(
    clip: Path,
    start_s: float,
    end_s: float | None,
    *,
    model: Path | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> Measured:
    """In place of the real one: a twitch at 1 s and one every two seconds after it."""
    with ClipSource(clip) as source:
        times = [frame.t_s for frame in source]
    return measured_of(times, [float(t) for t in np.arange(1.0, times[-1], 2.0)])


def faceless(*args: Any, **kwargs: Any) -> Measured:
    out = measure_part(*args, **kwargs)
    for one in out.seen:
        one.to_image, one.why = None, WhyNot.NO_FACE
    return out
