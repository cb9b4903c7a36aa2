"""What the rivals measure: landmarks, blendshapes, frame difference and three optical flows at the muscles of a clip.

They get what the program has: its crop (placed by the mesh, steadied by the picture), its muscles, its lattice over the
rest of the face. Only the measurement itself differs. Everything is read with the whole clip at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rivals_crop import CROPPED, Shot, cropped, shoot
from detector import regions
from detector.ahead import ahead
from detector.config import Settings
from detector.face import FaceTracker, track
from detector.frames import ClipSource
from detector.measuring import FRAMES_AHEAD
from detector.motion import LATTICE_MM
from detector.placement import HeadCrop
from detector.types import FloatArray, Frame
from models import resolve

MESHED = ("landmarks", "blendshapes")
SNEERS = ("noseSneerLeft", "noseSneerRight")
NASAL_SHAPES = (
    *(*SNEERS, "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("cheekSquintLeft", "cheekSquintRight", "mouthShrugUpper", "mouthRollUpper"),
)
NUM_FACES = 1  # the model's default; with one face VIDEO mode smooths the points over time
NEAR_LATTICE_MM = 6.5  # mesh points this near belong to a site of the lattice, which is 9 mm wide


def measure(clip: Path, wanted: Sequence[str] = (*MESHED, *CROPPED)) -> dict[str, npt.NDArray[Any]]:
    """One record per measurement, the muscles of ``regions.SITES`` first and then the lattice.

    Parameters
    ----------
    clip : Path
    wanted : sequence of str
        Of ``MESHED`` and ``CROPPED``; what is not wanted costs no time.

    Returns
    -------
    dict
        ``t_s`` (T,) of the frames that are not repeated; ``landmarks`` (T, S, 2) mm; ``blendshapes`` (T, 52, 1) with
        ``shapes`` (52,) their names; ``difference_*`` (T, S, 1) gray levels; ``lucas_kanade``, ``dis_before`` and
        ``farneback_before`` (T, S, 2) mm from one frame to the next; ``dis_reference`` (T, S, 2) mm from the running
        reference; ``centers_mm`` (R, 2) of the muscles. NaN where there was no face.
    """
    times: list[float] = []
    meshes: list[FloatArray] = []
    shapes: list[FloatArray] = []
    shots: list[Shot | None] = []
    with ExitStack() as stack:
        source = stack.enter_context(ClipSource(clip))
        mesh = stack.enter_context(Mesh("blendshapes" in wanted)) if set(wanted) & set(MESHED) else None

        def frames() -> Iterator[Frame]:
            for frame in source:
                if not frame.repeated:
                    times.append(frame.t_s)
                    if mesh is not None:
                        points, values = mesh.detect(frame)
                        meshes.append(points)
                        shapes.append(values)
                yield frame

        settings = Settings()
        head = HeadCrop(settings)
        if set(wanted) & set(CROPPED):
            tracker = stack.enter_context(FaceTracker(resolve()))
            following = stack.enter_context(closing(ahead(track(frames(), tracker, settings), FRAMES_AHEAD)))
            for tracked in following:
                if tracked.face is None:
                    head.reset()
                if not tracked.frame.repeated:
                    shots.append(None if tracked.face is None else shoot(head, tracked))
        else:
            for _ in frames():
                pass
    out: dict[str, npt.NDArray[Any]] = {"t_s": np.array(times)}
    if "landmarks" in wanted:
        out["landmarks"] = landmarks(np.stack(meshes))
    if mesh is not None and "blendshapes" in wanted:
        out["blendshapes"] = np.stack(shapes)[..., None]
        out["shapes"] = np.array(mesh.shapes)
    if shots:
        out |= cropped(np.array(times), shots, head, wanted)
    return out


class Mesh:
    """FaceLandmarker in VIDEO mode on every frame, as its own example runs it."""

    def __init__(self, blendshapes: bool) -> None:
        import mediapipe as mp
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        self._mp: Any = mp
        self._options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(resolve())),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=NUM_FACES,
            output_face_blendshapes=blendshapes,
        )
        self.shapes: list[str] = [""] * 52
        self._vision: Any = vision

    def __enter__(self) -> Mesh:
        self._landmarker: Any = self._vision.FaceLandmarker.create_from_options(self._options)
        return self

    def __exit__(self, *_: object) -> None:
        self._landmarker.close()

    def detect(self, frame: Frame) -> tuple[FloatArray, FloatArray]:
        """Points (478, 2) in px and shapes (52,); NaN without a face."""
        rgb = np.ascontiguousarray(frame.image[..., ::-1])
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=rgb)
        result = self._landmarker.detect_for_video(image, round(1000.0 * frame.t_s))
        points = np.full((478, 2), np.nan, dtype=np.float32)
        values = np.full(52, np.nan, dtype=np.float32)
        if result.face_landmarks:
            height, width = frame.image.shape[:2]
            points[:] = [(p.x * width, p.y * height) for p in result.face_landmarks[0]]
        if result.face_blendshapes:
            values[:] = [shape.score for shape in result.face_blendshapes[0]]
            self.shapes = [shape.category_name for shape in result.face_blendshapes[0]]
        return points, values


def landmarks(meshes: FloatArray) -> FloatArray:
    """Mean place of each muscle's points once the rigid points lie where they usually do.

    Parameters
    ----------
    meshes : (T, 478, 2)
        px.

    Returns
    -------
    (T, S, 2) float32
        mm from the middle of the eyes; NaN for sites of the lattice without a point of the mesh.
    """
    z = meshes[..., 0] + 1j * meshes[..., 1].astype(np.complex128)
    rigid = list(regions.RIGID)
    template = np.array(regions.RIGID_MM) @ np.array([1.0, 1j])
    for _ in range(2):  # first onto the canonical face, then onto the person's own rigid points
        here = z[:, rigid] - z[:, rigid].mean(axis=1, keepdims=True)
        there = template - template.mean()
        turn = (here.conj() * there).sum(axis=1) / (np.abs(here) ** 2).sum(axis=1)
        placed = turn[:, None] * (z - z[:, rigid].mean(axis=1, keepdims=True)) + template.mean()
        usual = np.nanmedian(placed.real, axis=0) + 1j * np.nanmedian(placed.imag, axis=0)
        template = usual[rigid]
    eyes = usual[list(regions.EYE_CORNERS)].mean()
    placed, usual = placed - eyes, usual - eyes
    lattice = LATTICE_MM @ np.array([1.0, 1j])
    groups = [list(site.points) for site in regions.SITES]
    groups += [np.flatnonzero(np.abs(usual[:468] - place) < NEAR_LATTICE_MM).tolist() for place in lattice]
    out = np.full((len(z), len(groups), 2), np.nan, dtype=np.float32)
    for number, points in enumerate(groups):
        if points:
            middle = placed[:, points].mean(axis=1)
            out[:, number, 0], out[:, number, 1] = middle.real, middle.imag
    return out
