"""The face at rest: how much people differ, how well it repeats, how much of a droop landmarks see, and the lids."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.material import CLIPS, QUICK, bench_dir, need, show
from detector import regions
from detector.config import Settings
from detector.deciding import Decider
from detector.face import FaceTracker
from detector.frames import ClipSource
from detector.lids import Closing, Lids
from detector.measuring import Measurer
from detector.record.signals import SignalFile
from detector.session import analyze_clip
from detector.types import BothSides, Face, Frame, RestingFace
from detector.warp import Bump, warp_picture
from models import resolve

pytestmark = pytest.mark.benchmarks

F64 = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

SIZES = ("mouth_height_mm", "mouth_reach_mm", "eye_open_mm", "brow_height_mm", "lid_closing")
RESTED = (
    *("conversation_200s.mp4", "webcam_neutral_a.mp4", "webcam_neutral_b.mp4", "still_moving_camera_720p.mp4"),
    *("lip_shifts_glasses.mp4", "blinks_gaze_pout.mp4", "talking_50fps.mp4", "talking_address.mp4"),
)
HALVES = {"conversation_200s.mp4": (0.0, 50.0, 100.0, 150.0, 200.0), "webcam_neutral_a.mp4": (0.0, 25.0, 60.0)}
# Pictures with a mouth to be lowered at one corner, and times of blinks in which one eye is to stay open.
DROOPED = (
    *(("webcam_neutral_a.mp4", 3.0), ("conversation_200s.mp4", 46.0), ("conversation_200s.mp4", 80.0)),
    *(("still_moving_camera_720p.mp4", 2.0), ("sentence_e.mpg", 0.1), ("sentence_d.mpg", 0.1)),
    ("blinks_gaze_pout.mp4", 0.2),
)
DROOPS_MM, RADII_MM = (1.0, 2.0, 4.0, 6.0), (8.0, 12.0)
BLINKS = (
    *(("conversation_200s.mp4", 48.12), ("conversation_200s.mp4", 30.33), ("talking_50fps.mp4", 2.40)),
    ("blinks_gaze_pout.mp4", 9.50),
)
EYES = ((regions.EYE_OUTLINE_RIGHT, regions.LIDS_RIGHT), (regions.EYE_OUTLINE_LEFT, regions.LIDS_LEFT))


def test_how_much_people_differ_and_how_well_it_repeats() -> None:
    rows = []
    for name in RESTED[1:2] if QUICK else RESTED:
        times = HALVES.get(name, ())
        spans = [(0.0, np.inf), *itertools.pairwise(times)]
        for first, last in spans:
            found = rested(name, first, last)
            label = Path(name).stem + ("" if last == np.inf else f" {first:.0f}-{last:.0f} s")
            if found is not None:
                rows.append([label, f"{found.quiet_s:.0f}", *(_cell(found, size) for size in SIZES), found.blinks])
    show("left minus right +- error (spread)", ("clip", "quiet s", *SIZES, "blinks"), rows)
    assert rows


def _cell(found: RestingFace, name: str) -> str:
    sides = getattr(found, name)
    if not isinstance(sides, BothSides):
        return "-"
    return f"{sides.difference:+.2f} +- {sides.error:.2f} ({sides.spread:.2f})"


def rested(name: str, first_s: float, last_s: float) -> RestingFace | None:
    """Of a part of a clip, from its signals, which are kept."""
    kept = bench_dir() / f"resting_{Path(name).stem}.h5"
    if not kept.exists():
        analyze_clip(need(CLIPS / name), Settings(), signals=kept)
    decider = Decider(Settings())
    with SignalFile(kept) as file:
        for _ in decider.run(r for r in file.readings() if first_s <= r.t_s < last_s):
            pass
    found: RestingFace | None = decider.session_fields()["resting"]
    return found


def test_how_much_of_a_lowered_corner_landmarks_see() -> None:
    shares: dict[float, list[float]] = {radius: [] for radius in RADII_MM}
    rows = []
    for name, at_s in DROOPED[:1] if QUICK else DROOPED:
        picture = next(pictures(name, at_s, at_s + 1.0)).image
        before = meshes([picture] * 6)[-1]
        down = np.array([-_along(before)[1], _along(before)[0]])
        cells = []
        for radius in RADII_MM:
            seen = []
            for corner, sign in zip(regions.MOUTH_CORNERS, (-1.0, 1.0), strict=True):
                for droop in DROOPS_MM:
                    x, y = before.points_px[corner].astype(float)
                    dx, dy = down * droop * before.px_per_mm
                    moved = warp_picture(picture, [[Bump(x, y, dx, dy, radius * before.px_per_mm)]])
                    seen.append(sign * (_lower(meshes([moved] * 6)[-1]) - _lower(before)) / droop)
            shares[radius] += seen
            cells.append(" ".join(f"{share:.2f}" for share in seen))
        rows.append([f"{Path(name).stem} {at_s:.0f} s", f"{before.px_per_mm:.2f}", *cells])
    middle = [" ".join(f"{share:.2f}" for share in np.percentile(shares[r], (25, 50, 75))) for r in RADII_MM]
    header = ("picture", "px/mm", *(f"{radius:.0f} mm wide: right, left by 1, 2, 4, 6 mm" for radius in RADII_MM))
    show("share of a lowered corner that is read", header, [*rows, ["quartiles", "", *middle]])
    assert all(shares.values())


def _along(face: Face) -> F64:
    """Unit vector from the right eye to the left."""
    corners = face.points_px[list(regions.EYE_CORNERS)].astype(np.float64)
    vector = corners[2:].mean(axis=0) - corners[:2].mean(axis=0)
    unit: F64 = vector / np.hypot(*vector)
    return unit


def _lower(face: Face) -> float:
    """How much lower than the right corner the left one is, mm."""
    right, left = face.points_px[list(regions.MOUTH_CORNERS)].astype(np.float64)
    along = _along(face)
    return float((left - right) @ np.array([-along[1], along[0]])) / face.px_per_mm


def test_lids_against_the_mesh_at_full_rate_and_with_one_eye_kept_open() -> None:
    rows = []
    for name, at_s in BLINKS[:1] if QUICK else BLINKS:
        frames = list(pictures(name, max(at_s - 3.0, 0.0), at_s + 0.9))
        faces = meshes([frame.image for frame in frames])
        closed = closing_of(faces)
        near = np.abs(np.array([frame.t_s for frame in frames]) - at_s) < 0.45
        for share in (None, 0.0, 0.3, 0.5):
            for side in (0,) if share is None else (0, 1):
                new, true = frames, closed[near].max(axis=0)
                if share is not None:
                    source = int(np.argmin(np.abs(closed[:, side] - share)))
                    if abs(closed[source, side] - share) > 0.12:
                        continue
                    true[side] = max(closed[source, side], 0.0)
                    new = kept_open(frames, faces, closed, near, side, source)
                rows.append([f"{Path(name).stem} {at_s:.1f} s", *_of_both(true), *read_by_lids(new, at_s)])
    header = ("blink", "true right", "left", "read right", "left", "by the mesh at 10/s right", "left")
    show("share of the opening that goes", header, rows, "true: by the mesh at full rate; one eye held at that share")
    assert rows


def read_by_lids(frames: Sequence[Frame], at_s: float) -> list[str]:
    """Closing of the right and the left lid as the line reads it, and by its mesh alone."""
    samples = [r.sample for r in Measurer(Settings(), resolve()).run(frames) if r.sample is not None]
    lids, found = Lids(), list[Closing]()
    for sample in samples:
        found += lids.push(sample.t_s, sample.context.eye_edges, sample.context.eye_open_mm)
    found += lids.finish()
    openings = np.array([sample.context.eye_open_mm for sample in samples])
    near = np.abs(np.array([sample.t_s for sample in samples]) - at_s) < 0.3
    mesh = 1.0 - openings[near].min(axis=0) / np.percentile(openings, 80, axis=0)
    read = next((closing.closed for closing in found if abs(closing.peak_s - at_s) < 0.2), None)
    return [*(_of_both(read) if read else ["not found", ""]), *_of_both(mesh)]


def _of_both(values: Sequence[float] | F64) -> list[str]:
    return [f"{value:.2f}" for value in values]


def kept_open(
    frames: Sequence[Frame],
    faces: Sequence[Face],
    closed: F64,
    near: npt.NDArray[np.bool_],
    side: int,
    source: int,
) -> list[Frame]:
    """The frames with one eye as it was in frame ``source``, wherever it would be closed farther."""
    out = []
    for k, frame in enumerate(frames):
        image = frame.image
        if near[k] and closed[k, side] > closed[source, side] + 0.03:
            image = with_eye(image, faces[k], frames[source].image, faces[source], side)
        out.append(dataclasses.replace(frame, image=image))
    return out


def with_eye(image: Picture, face: Face, source: Picture, source_face: Face, side: int) -> Picture:
    """The picture with one eye taken from another, laid over it by its corners."""
    import cv2

    corners = [EYES[side][0][0], EYES[side][0][8]]
    there, here = (f.points_px[corners].astype(np.float64) for f in (source_face, face))
    ratio = complex(*(here[1] - here[0])) / complex(*(there[1] - there[0]))
    linear = np.array([[ratio.real, -ratio.imag], [ratio.imag, ratio.real]])
    matrix = np.column_stack([linear, here.mean(axis=0) - linear @ there.mean(axis=0)])
    laid = cv2.warpAffine(source, matrix, image.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    width = float(np.hypot(*(here[1] - here[0])))
    mask = np.zeros(image.shape[:2], np.float32)
    middle = tuple(int(v) for v in here.mean(axis=0))
    tilt = float(np.degrees(np.arctan2(*(here[1] - here[0])[::-1])))
    cv2.ellipse(mask, middle, (int(0.75 * width), int(0.55 * width)), tilt, 0, 360, 1.0, -1)
    share = cv2.GaussianBlur(mask, (0, 0), 0.08 * width)[:, :, None]
    mixed: Picture = (image * (1.0 - share) + laid * share).astype(np.uint8)
    return mixed


def closing_of(faces: Sequence[Face]) -> F64:
    """(N, 2) share of the usual opening that is gone, right and left."""
    openings = np.array([
        [np.hypot(*(face.points_px[a] - face.points_px[b])) / face.px_per_mm for _, (a, b) in EYES] for face in faces
    ])  # fmt: skip
    shares: F64 = 1.0 - openings / np.percentile(openings, 80, axis=0)
    return shares


def meshes(images: Sequence[Picture]) -> list[Face]:
    """Of every picture, one after the other at 25/s."""
    with FaceTracker(resolve()) as tracker:
        faces = [tracker.detect(Frame(k, k / 25.0, True, image)) for k, image in enumerate(images)]
    assert all(face is not None for face in faces)
    return [face for face in faces if face is not None]


def pictures(name: str, start_s: float, end_s: float) -> Iterator[Frame]:
    with ClipSource(need(CLIPS / name), start_s=start_s, end_s=end_s) as source:
        yield from source
