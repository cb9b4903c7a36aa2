"""How near the program comes to an oracle: d' per mm with place, direction and course known, and what blindness costs.

Per clip without events, for a jerk of the average course and a bump of 6 mm at each nasal muscle, along its pull:

- Oracle, ours: d' per mm is what a jerk of 1 mm reads at its peak through the program's matched filter, over the robust
  standard deviation of the filtered readings at quiet moments. Jerks are put into the crops, and what is read of the
  same crops without them is taken off. Ours are the heights of ``Meter``. Share: ours over the better oracle.
- Blind: the oracle that knows everything but the time needs d' = u for every second jerk to pass at 6 false alarms an
  hour, where Gaussian noise crossing its mean r times a second passes u that often: u = sqrt(2 ln(3600 r / 6)). Ours
  needs what the program states (half of the observed moments, normal sensitivity). Share: the one over the other.

Readings are medians over the ten muscles.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.material import MATERIAL, QUICK, Material, bench_dir, need, picture_of, show
from benchmarks.oracle import NASAL, TOWARD, Oracle, filtered, robust_sd
from detector import regions
from detector.config import FALSE_ALARMS_PER_HOUR, Settings
from detector.deciding import Decider
from detector.grid import COURSES_S, RATE_HZ, matched_filters, pulse
from detector.measuring import Measurer
from detector.motion import Meter, Sample
from detector.placement import Crop, HeadCrop
from detector.readings import Measured, Reading
from detector.registration import Registrar
from detector.simulate_clip import read_frames
from detector.types import WhyNot

F64 = npt.NDArray[np.float64]

LABELS = ("webcam_neutral_a", "webcam_neutral_b", "still_moving_camera_720p", "portrait_a", "portrait_b", "astronaut")
QUICK_LABELS, QUICK_S = LABELS[1:3], 12.0
RENDERED_S = 40.0
AVERAGE = 1  # of COURSES_S
SIZE_MM = 0.8
EACH = 2 if QUICK else 8  # jerks at each muscle
APART_S = 1.6  # between two jerks of a pass: none is in the reference of another
LEAST_QUIET_S = 4.0
HEADER = (
    *("clip", "px/mm", "quiet s", "oracle\nplain", "oracle\nweighted", "ours", "reads\nper mm", "share\n%"),
    *("oracle\nneeds mm", "ours blind\nneeds mm", "blind\nshare %"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One clip; the arrays are over the nasal muscles."""

    material: Material
    px_per_mm: float
    quiet_s: float
    oracle: F64  # (2, M) d' per mm: plain, weighted
    ours: F64  # (M,) d' per mm
    gain: F64  # (M,) mm read per mm
    needed_mm: F64  # (M,) as the program states it; infinite where it never observed the muscle
    crossings_hz: float  # of the better oracle's reading through its mean, upwards

    @property
    def best(self) -> F64:
        return self.oracle[int(np.argmax(np.median(self.oracle, axis=1)))]

    @property
    def oracle_needs_mm(self) -> float:
        per_s = FALSE_ALARMS_PER_HOUR["normal"] / 3600.0
        return float(np.sqrt(2.0 * np.log(self.crossings_hz / per_s)) / np.median(self.best))

    def row(self) -> list[str]:
        plain, weighted = np.median(self.oracle, axis=1)
        needed = float(np.median(self.needed_mm))
        return [
            f"{self.material.label}{' (test)' if self.material.group == 'test' else ''}",
            f"{self.px_per_mm:.2f}",
            f"{self.quiet_s:.0f}",
            f"{plain:.1f}",
            f"{weighted:.1f}",
            f"{np.median(self.ours):.1f}",
            f"{np.median(self.gain):.2f}",
            f"{100 * np.median(self.ours) / np.median(self.best):.0f}",
            f"{self.oracle_needs_mm:.2f}",
            f"{needed:.2f}",
            f"{100 * self.oracle_needs_mm / needed:.0f}",
        ]


def measure(material: Material) -> Result:
    """One clip, first by the program as it is, then by crops with jerks in them."""
    from models import resolve

    path, settings = _quiet_clip(material), Settings()
    end_s = QUICK_S if QUICK else material.end_s
    readings = list(Measurer(settings, resolve()).run(read_frames(path, None, end_s)))
    decider = Decider(settings)
    judged = {
        event.t_s: event.motion.why_not == WhyNot.NONE
        for event in decider.run(readings)
        if isinstance(event, Measured) and event.motion is not None
    }
    stated = decider.session_fields()["limit50_mm"]
    head = HeadCrop(settings)
    crops = _crops(path, end_s, readings, head)
    t_s = np.array([crop.t_s for crop in crops])
    taps = matched_filters(1.0 / float(np.median(np.diff(t_s))))[AVERAGE]
    quiet = np.array([judged.get(crop.t_s, False) for crop in crops])
    oracle = Oracle(crops, head)
    oracle.learn(quiet)
    samples = heights(crops, head)
    centers = [sample.centers_mm.astype(np.float64) for sample in samples]
    seen = np.array([[oracle.read(i, k, centers[i][k]) for k in NASAL] for i in range(len(crops))])  # (T, M, 2)
    own = _along(samples)
    grid, _ = filtered(t_s, own[:, 0], taps)
    still = quiet[np.clip(np.searchsorted(t_s, grid), 0, len(t_s) - 1)]

    read: dict[int, list[tuple[float, float, float]]] = {m: [] for m in range(len(NASAL))}
    for jerks in _passes(grid[still], t_s[-1] - t_s[0]):
        changed = list(crops)
        told = np.zeros((len(crops), len(jerks), 2))
        for number, (peak_s, m) in enumerate(jerks):
            course = SIZE_MM * pulse(t_s - peak_s, *COURSES_S[AVERAGE])
            for i in np.flatnonzero(course).tolist():
                center = centers[i][NASAL[m]]
                image = oracle.bumped(crops[i].image, NASAL[m], center, float(course[i]))
                changed[i] = replace(crops[i], image=image)
                told[i, number] = np.subtract(oracle.read(i, NASAL[m], center, image), seen[i, m])
        more = _along(heights(changed, head)) - own
        for number, (peak_s, m) in enumerate(jerks):
            at = int(np.argmin(np.abs(grid - peak_s)))
            answers = (told[:, number, 0], told[:, number, 1], more[:, m])
            plain, weighted, ours = (float(filtered(t_s, answer, taps)[1][at]) / SIZE_MM for answer in answers)
            read[m].append((plain, weighted, ours))
    gain = np.array([np.median(read[m], axis=0) for m in read])  # (M, 3)
    records = np.array(
        [[filtered(t_s, values[:, m], taps)[1][still] for m in read] for values in (*np.moveaxis(seen, 2, 0), own)]
    )  # (3, M, grid)
    noise = np.array([[robust_sd(record) for record in of_muscles] for of_muscles in records])
    each = gain.T / noise
    best = records[int(np.argmax(np.median(each[:2], axis=1)))]
    above = best > np.median(best, axis=1, keepdims=True)
    crossings = np.count_nonzero(above[:, 1:] & ~above[:, :-1], axis=1) * RATE_HZ / best.shape[1]
    return Result(
        material=material,
        px_per_mm=float(np.median([crop.px_per_mm for crop in crops])),
        quiet_s=float(still.sum() / RATE_HZ),
        oracle=each[:2],
        ours=each[2],
        gain=gain[:, 2],
        needed_mm=np.array([stated.get(regions.SITE_NAMES[k], np.inf) for k in NASAL]),
        crossings_hz=float(np.median(crossings)),
    )


def heights(crops: Sequence[Crop], head: HeadCrop) -> list[Sample]:
    """What the program measures of the crops."""
    registrar = Registrar(head.scale, head.shape, head.origin)
    meter = Meter(registrar.centers_mm, head.scale, head.origin)
    return [meter.measure(registrar.push(crop)) for crop in crops]


def _along(samples: Sequence[Sample]) -> F64:
    """(T, M) heights along the pulls of the nasal muscles."""
    both = np.array([sample.height_mm[NASAL] for sample in samples], dtype=np.float64)
    along: F64 = np.sum(both * TOWARD[NASAL], axis=2)
    return along


def _crops(path: Path, end_s: float | None, readings: Sequence[Reading], head: HeadCrop) -> list[Crop]:
    """Crops of the longest stretch with a face."""
    stretches: list[list[Crop]] = [[]]
    for frame, reading in zip(read_frames(path, None, end_s), readings, strict=True):
        if reading.measurable and reading.face is not None:
            stretches[-1].append(head.crop(frame, reading.face))
        if reading.ends_stretch:
            head.reset()
            stretches.append([])
    return max(stretches, key=len)


def _passes(free_s: F64, length_s: float) -> Iterator[list[tuple[float, int]]]:
    """Jerks (peak, muscle) at quiet grid times, far apart within a pass; muscles in turn, ``EACH`` for each."""
    wanted = EACH * len(NASAL)
    count = 0
    while count < wanted:
        late = APART_S * (count / wanted)
        jerks: list[tuple[float, int]] = []
        for free in free_s:
            if free >= free_s[0] + late and (not jerks or free - jerks[-1][0] >= APART_S) and count < wanted:
                jerks.append((float(free), count % len(NASAL)))
                count += 1
        yield jerks


def _quiet_clip(material: Material) -> Path:
    """The footage, or the portrait alive without a twitch."""
    from detector.simulate_still import render_still
    from models import resolve

    if not material.is_still:
        assert material.source is not None
        return need(material.source)
    clip = bench_dir() / f"{material.label}_quiet_{RENDERED_S:.0f}s.mp4"
    if not clip.exists():
        seed = zlib.crc32(f"{material.label} quiet".encode())
        render_still(picture_of(material), clip, None, [], model=resolve(), duration_s=RENDERED_S, seed=seed)
    return clip


@pytest.mark.benchmarks
def test_share_of_the_oracle() -> None:
    labels = QUICK_LABELS if QUICK else LABELS
    chosen = [material for label in labels for material in MATERIAL if material.label == label]
    results = [measure(material) for material in chosen]
    show(
        f"d' per mm of a single jerk, ours against an oracle (median of {len(NASAL)} muscles)",
        HEADER,
        [result.row() for result in results],
        "...",
    )
    for result in results:
        label = result.material.label
        assert result.quiet_s >= LEAST_QUIET_S, label
        assert np.isfinite(result.oracle).all() and np.isfinite(result.ours).all(), label
        assert 0.3 < np.median(result.gain) < 1.3, label
        assert np.median(result.best) >= 0.9 * np.median(result.ours), label
