"""Frame -> Face: the mesh on a schedule by time, interpolated to every frame; the only file that imports mediapipe.

The mesh only places regions and holds the crop roughly still. It does not see twitches (a nostril warped by 2 px moves
its landmark by a few percent of that), so nothing here is ever used as a measurement of skin motion.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.config import Settings
from detector.types import Face, FloatArray, Frame

if TYPE_CHECKING:
    import mediapipe as mp

IRIS_MM = 11.7  # visible iris, horizontal, +- 0.5 mm in nearly all adults
MAX_FACES = 2  # enough to notice a second face; the largest is followed
FOLLOW_RATIO = 1.5  # another face must be this much wider before it is followed instead
SCALE_MEMORY_S = 5.0  # the iris is a few pixels wide: its ratio to the eye distance is averaged over this long


@dataclass(frozen=True, slots=True)
class Tracked:
    """A frame with its face: None when there is none, or when the face was lost before the next mesh."""

    frame: Frame
    face: Face | None


class FaceTracker:
    """FaceLandmarker in VIDEO mode; a fresh one per source, so that runs are repeatable.

    Parameters
    ----------
    model : Path
        ``face_landmarker.task``, verified by :mod:`models`.
    """

    def __init__(self, model: Path) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import cv2
        import mediapipe as mp
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        self._cv2: Any = cv2
        self._mp: Any = mp
        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=MAX_FACES,
            output_facial_transformation_matrixes=True,
        )
        with _quiet_stderr():
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
        self._chatty = True  # until its first picture is through
        self._last_ms = -1
        self._rgb: npt.NDArray[np.uint8] | None = None
        self._center: npt.NDArray[np.float64] | None = None
        self._width = 0.0
        self._acquired_s = 0.0
        self._iris_ratios: list[tuple[float, float]] = []

    def __enter__(self) -> FaceTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the landmarker (its own finalizer fails at interpreter exit)."""
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def forget(self) -> None:
        """The next face is a newly found one."""
        self._center = None

    def detect(self, frame: Frame) -> Face | None:
        """The followed face in this frame, or None. Frames must come in time order."""
        self._last_ms = max(self._last_ms + 1, round(frame.t_s * 1000.0))
        # into the same memory where the size is the same: what is given on is copied
        self._rgb = self._cv2.cvtColor(frame.image, self._cv2.COLOR_BGR2RGB, dst=self._rgb)
        image: mp.Image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=self._rgb)
        if self._chatty:  # not always: descriptor 2 belongs to the progress bar too, and that is drawn meanwhile
            with _quiet_stderr():
                result = self._landmarker.detect_for_video(image, self._last_ms)
            self._chatty = False
        else:
            result = self._landmarker.detect_for_video(image, self._last_ms)
        if not result.face_landmarks:
            self._center = None
            return None
        height, width = frame.image.shape[:2]
        meshes = [
            np.array([(p.x * width, p.y * height) for p in mesh], dtype=np.float64) for mesh in result.face_landmarks
        ]
        chosen = self._choose(meshes)
        points = meshes[chosen]
        if self._center is None:
            self._acquired_s = frame.t_s
            self._iris_ratios.clear()
        self._center = points.mean(axis=0)
        self._width = _distance(points, *regions.TEMPLES)
        matrix = np.asarray(result.facial_transformation_matrixes[chosen], dtype=np.float64)
        return self._describe(frame, points.astype(np.float32), matrix, len(meshes))

    def _choose(self, meshes: list[npt.NDArray[np.float64]]) -> int:
        widths = [_distance(points, *regions.TEMPLES) for points in meshes]
        largest = int(np.argmax(widths))
        if self._center is None:
            return largest
        nearest = int(np.argmin([np.hypot(*(points.mean(axis=0) - self._center)) for points in meshes]))
        near_enough = float(np.hypot(*(meshes[nearest].mean(axis=0) - self._center))) < 0.5 * self._width
        if near_enough and widths[largest] < FOLLOW_RATIO * widths[nearest]:
            return nearest
        self._center = None  # another face: acquired anew
        return largest

    def _describe(self, frame: Frame, points: FloatArray, matrix: npt.NDArray[np.float64], seen: int) -> Face:
        x0, y0 = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
        x1, y1 = np.ceil(points.max(axis=0)).astype(int) + 1
        patch = frame.image[y0:y1, x0:x1]
        sharpness, luma = 0.0, 0.0
        if patch.size:
            gray = self._cv2.cvtColor(patch, self._cv2.COLOR_BGR2GRAY)
            sharpness = float(self._cv2.Laplacian(gray, self._cv2.CV_32F).var())
            luma = float(gray.mean())
        return Face(
            index=frame.index,
            t_s=frame.t_s,
            points_px=points,
            px_per_mm=self._scale(frame.t_s, points),
            pose_deg=_pose(matrix),
            eye_open=(
                _distance(points, *regions.LIDS_RIGHT) / max(_distance(points, 33, 133), 1e-6),
                _distance(points, *regions.LIDS_LEFT) / max(_distance(points, 362, 263), 1e-6),
            ),
            jaw_open=_distance(points, *regions.LIPS_INNER) / max(_distance(points, *regions.MOUTH_CORNERS), 1e-6),
            sharpness=sharpness,
            luma=luma,
            width_px=self._width,
            faces_seen=seen,
            since_acquired_s=frame.t_s - self._acquired_s,
        )

    def _scale(self, t_s: float, points: FloatArray) -> float:
        """px per mm: the iris over the eye distance, a ratio of the person's own, times the eye distance now."""
        eyes = _distance(points, 33, 263)
        iris = 0.5 * (_distance(points, 469, 471) + _distance(points, 474, 476))
        self._iris_ratios.append((t_s, iris / max(eyes, 1e-6)))
        while self._iris_ratios[0][0] < t_s - SCALE_MEMORY_S:
            self._iris_ratios.pop(0)
        return float(np.median([ratio for _, ratio in self._iris_ratios])) * eyes / IRIS_MM


def track(frames: Iterable[Frame], tracker: FaceTracker, settings: Settings) -> Iterator[Tracked]:
    """Every frame with its face: the mesh runs every ``mesh_every_s``, frames between two meshes are interpolated.

    Holds back at most the frames of one mesh interval. A face that is gone at the next mesh ends at the last one.
    """
    waiting: list[Frame] = []
    before: Face | None = None
    before_t = -np.inf
    for frame in frames:
        waiting.append(frame)
        if frame.t_s - before_t < settings.mesh_every_s - 1e-6 and before_t > -np.inf:
            continue
        after = tracker.detect(frame)
        yield from _between(waiting, before, after)
        waiting = []
        before, before_t = after, frame.t_s
    if waiting:  # the last frames: one more mesh, so that a face leaving the picture is not stretched to the end
        yield from _between(waiting, before, tracker.detect(waiting[-1]))


def _between(frames: list[Frame], before: Face | None, after: Face | None) -> Iterator[Tracked]:
    for frame in frames[:-1]:
        same = before is not None and after is not None and after.since_acquired_s > 0.0
        yield Tracked(frame, _interpolate(before, after, frame) if same else None)
    yield Tracked(frames[-1], after)


def _interpolate(before: Face | None, after: Face | None, frame: Frame) -> Face:
    assert before is not None and after is not None
    share = (frame.t_s - before.t_s) / (after.t_s - before.t_s)
    points = (1.0 - share) * before.points_px + share * after.points_px
    scale = (1.0 - share) * before.px_per_mm + share * after.px_per_mm
    yaw, pitch, roll = ((1.0 - share) * a + share * b for a, b in zip(before.pose_deg, after.pose_deg, strict=True))
    return replace(
        after,
        pose_deg=(yaw, pitch, roll),
        index=frame.index,
        t_s=frame.t_s,
        points_px=points.astype(np.float32),
        px_per_mm=scale,
        since_acquired_s=frame.t_s - (after.t_s - after.since_acquired_s),
    )


def _distance(points: npt.NDArray[Any], a: int, b: int) -> float:
    return float(np.hypot(*(points[a] - points[b])))


def _pose(matrix: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw (+ to the subject's left), pitch (+ down), roll (+ head tilted to the subject's right), degrees."""
    r = matrix[:3, :3] / np.cbrt(max(float(np.linalg.det(matrix[:3, :3])), 1e-9))
    yaw = np.degrees(np.arctan2(r[0, 2], r[2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(r[1, 2], -1.0, 1.0)))
    roll = np.degrees(np.arctan2(r[1, 0], r[1, 1]))
    return float(yaw), float(-pitch), float(roll)


class _quiet_stderr:
    """mediapipe's C++ side writes start-up chatter straight to descriptor 2; nothing of it is for the user."""

    def __enter__(self) -> None:
        self._saved = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)
