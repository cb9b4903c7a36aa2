"""How near the program comes to an oracle: d' per mm with place, direction and course known, and what blindness costs.

Per clip without events, for a jerk of the average course and a bump of 6 mm at each nasal muscle along its pull:

- d' per mm: what a jerk of 1 mm reads at its peak through the program's matched filter, over the robust standard
  deviation of the filtered readings at quiet moments. Jerks are put into the crops; what is read of the same crops
  without them is taken off. Ours are the heights of ``Meter``.
- Blind: the oracle knows all but the time. Gaussian noise that rises through its mean r times a second passes u at
  6 false alarms an hour when u = sqrt(2 ln(3600 r / 6)); every second jerk of u / d' passes. Ours needs what the
  program states for half of the observed moments at normal sensitivity.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.material import MATERIAL, QUICK, Material, bench_dir, need, picture_of, show
from benchmarks.oracle import NASAL, TOWARD, Oracle, filtered, jerk_passes, mixed, robust_sd
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
COURSE_S = COURSES_S[1]  # the average one
SIZE_MM = 0.8
EACH = 2 if QUICK else 8  # jerks at each muscle
APART_S = 1.6  # between two jerks of a pass: none is in the reference of another
HEADER = (
    *("clip", "px/mm", "quiet\ns", "oracle\nplain", "oracle\nweighted", "oracle\nmixed", "ours", "ours reads\nper mm"),
    *("share of\nplain %", "share of\nbest %", "oracle\nneeds mm", "ours blind\nneeds mm", "blind\nshare %"),
)
NOTE = f"""d' per mm: what a jerk of 1 mm reads at its peak through the matched filter, over the robust SD of the
filtered reading at quiet (observed) moments; a single jerk of the average course, bump of 6 mm, along the muscle's
pull; read from {EACH} jerks of {SIZE_MM} mm at each muscle put into the crops. The course alone reads 0.76-0.79 at
25-30 frames/s, whoever reads it.
Oracle: knows place, shape, direction and course, meets the real residual against the crops 0.25-0.8 s away. Plain:
projected on the picture of the motion. Weighted: local mean taken off, pixels weighted by 1/variance at other moments.
Mixed: least noisy mean of plain, weighted and ours, learned at other moments. Best: the highest of the three.
Blind: size found half the time at 6 false alarms an hour; the best oracle knows all but the time (Gaussian noise), ours
knows nothing (the program's stated limit, which allows for the codec). Share: the one over the other.
Injecting into crops leaves out what the codec and the steadying of the head take of a real twitch.
Groundwork (other clips): oracle 33 / 16 / 9, practical 24 / 11 / 5.5 per mm on close-up / phone / dim webcam, share
74 / 66 / 60 %. Aims: 80 %, and 40 % blind."""


@dataclass(frozen=True, slots=True)
class Result:
    """One clip; the arrays are over the nasal muscles."""

    material: Material
    px_per_mm: float
    quiet_s: float
    each: F64  # (4, M) d' per mm: plain, weighted, mixed, ours
    gain: F64  # (M,) mm that ours reads per mm
    oracle_mm: float  # found half the time, the time unknown
    needed_mm: F64  # (M,) as the program states it; infinite where it never observed the muscle

    def row(self) -> list[str]:
        plain, weighted, mix, ours = np.median(self.each, axis=1)
        needed = float(np.median(self.needed_mm))
        return [
            f"{self.material.label}{' (test)' if self.material.group == 'test' else ''}",
            *(f"{self.px_per_mm:.2f}", f"{self.quiet_s:.0f}"),
            *(f"{d:.1f}" for d in (plain, weighted, mix, ours)),
            f"{np.median(self.gain):.2f}",
            *(f"{100 * ours / d:.0f}" for d in (plain, max(plain, weighted, mix))),
            *(f"{self.oracle_mm:.2f}", f"{needed:.2f}", f"{100 * self.oracle_mm / needed:.0f}"),
        ]


def measure(material: Material) -> Result:
    """One clip: by the program as it is, by the oracle, and by both with jerks put into the crops."""
    from models import resolve

    path, settings = quiet_clip(material), Settings()
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
    crops = crops_of(path, end_s, readings, head)
    t_s = np.array([crop.t_s for crop in crops])
    quiet = np.array([judged.get(crop.t_s, False) for crop in crops])
    taps = matched_filters(1.0 / float(np.median(np.diff(t_s))))[COURSES_S.index(COURSE_S)]
    oracle = Oracle(crops, head)
    oracle.learn(quiet)
    samples = heights(crops, head)
    centers = np.array([sample.centers_mm for sample in samples], dtype=np.float64)[:, NASAL]
    read = np.empty((len(crops), len(NASAL), 3))  # plain, weighted, ours
    for i in range(len(crops)):
        read[i, :, :2] = [oracle.read(i, k, center) for k, center in zip(NASAL, centers[i], strict=True)]
    read[:, :, 2] = along(samples)
    grid, _ = filtered(t_s, read[:, 0, 2], taps)
    still = quiet[np.clip(np.searchsorted(t_s, grid), 0, len(t_s) - 1)]

    answers: list[list[F64]] = [[] for _ in NASAL]
    for jerks in jerk_passes(grid[still], APART_S, EACH):
        changed, more = list(crops), np.zeros((len(jerks), len(crops), 3))
        for number, (peak_s, m) in enumerate(jerks):
            course = SIZE_MM * pulse(t_s - peak_s, *COURSE_S)
            for i in np.flatnonzero(course).tolist():
                image = oracle.bumped(crops[i].image, NASAL[m], centers[i, m], float(course[i]))
                changed[i] = replace(crops[i], image=image)
                more[number, i, :2] = np.subtract(oracle.read(i, NASAL[m], centers[i, m], image), read[i, m, :2])
        ours = along(heights(changed, head)) - read[:, :, 2]
        for number, (peak_s, m) in enumerate(jerks):
            more[number, :, 2] = ours[:, m]
            at = int(np.argmin(np.abs(grid - peak_s)))
            answers[m].append(np.array([filtered(t_s, part, taps)[1][at] / SIZE_MM for part in more[number].T]))

    gain = np.array([np.median(of_muscle, axis=0) for of_muscle in answers])  # (M, 3)
    records = np.empty((4, len(NASAL), int(still.sum())))  # unit gain: plain, weighted, mixed, ours
    for m in range(len(NASAL)):
        three = np.array([filtered(t_s, read[:, m, j], taps)[1][still] / gain[m, j] for j in range(3)])
        records[:, m] = three[0], three[1], mixed(grid[still], three), three[2]
    each = np.array([[1.0 / robust_sd(record) for record in kind] for kind in records])
    best = int(np.argmax(np.median(each[:3], axis=1)))
    above = records[best] > np.median(records[best], axis=1, keepdims=True)
    rises = np.count_nonzero(above[:, 1:] & ~above[:, :-1], axis=1) * RATE_HZ / above.shape[1]
    u = np.sqrt(2.0 * np.log(3600.0 * float(np.median(rises)) / FALSE_ALARMS_PER_HOUR["normal"]))
    return Result(
        material=material,
        px_per_mm=float(np.median([crop.px_per_mm for crop in crops])),
        quiet_s=float(still.sum() / RATE_HZ),
        each=each,
        gain=gain[:, 2],
        oracle_mm=float(u / np.median(each[best])),
        needed_mm=np.array([stated.get(regions.SITE_NAMES[k], np.inf) for k in NASAL]),
    )


def heights(crops: Sequence[Crop], head: HeadCrop) -> list[Sample]:
    """What the program measures of the crops."""
    registrar = Registrar(head.scale, head.shape, head.origin)
    meter = Meter(registrar.centers_mm, head.scale, head.origin)
    return [meter.measure(registrar.push(crop)) for crop in crops]


def along(samples: Sequence[Sample]) -> F64:
    """(T, M) heights along the pulls of the nasal muscles."""
    both = np.array([sample.height_mm[NASAL] for sample in samples], dtype=np.float64)
    return np.asarray(np.sum(both * TOWARD[NASAL], axis=2))


def crops_of(path: Path, end_s: float | None, readings: Sequence[Reading], head: HeadCrop) -> list[Crop]:
    """Crops of the longest stretch with a face."""
    stretches: list[list[Crop]] = [[]]
    for frame, reading in zip(read_frames(path, None, end_s), readings, strict=True):
        if reading.measurable and reading.face is not None:
            stretches[-1].append(head.crop(frame, reading.face))
        if reading.ends_stretch:
            head.reset()
            stretches.append([])
    return max(stretches, key=len)


def quiet_clip(material: Material) -> Path:
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
    results = [measure(material) for label in labels for material in MATERIAL if material.label == label]
    show("Ours against an oracle: d' per mm, medians of the ten muscles", HEADER, [r.row() for r in results], NOTE)
    for result in results:
        label, middle = result.material.label, np.median(result.each, axis=1)
        assert np.isfinite(result.each).all() and np.isfinite(result.oracle_mm), label
        assert 0.3 < np.median(result.gain) < 1.3, label
        assert middle[:3].max() >= 0.9 * middle[3], label
