"""What the first pictures of a source would wait for, done before they come: it takes about 2 s."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detector import regions
from detector.config import Settings
from detector.deciding import Decider
from detector.face import FaceTracker, Tracked
from detector.measuring import Measurer
from detector.types import Face, Frame

_SIDE_PX = 400
_SCALE = 2.0  # px/mm
_COUNT, _STEP_S = 12, 0.1  # pictures, so that every part has something to do


def warm_up(settings: Settings, model: Path) -> None:
    """Load the face model and the compiled kernels, once a process.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    """
    with FaceTracker(model) as tracker:
        tracker.detect(Frame(0, 0.0, True, np.zeros((_SIDE_PX, _SIDE_PX, 3), np.uint8)))
    for _ in Decider(settings).run(Measurer(settings, model).measure(_noise())):
        pass


def _noise() -> Iterator[Tracked]:
    """A picture of noise that is said to hold a face, again and again: what moves could not be followed."""
    image = np.random.default_rng(0).integers(0, 255, (_SIDE_PX, _SIDE_PX, 3), np.uint8)
    points = np.full((478, 2), _SIDE_PX / 2.0, np.float32)
    points[list(regions.RIGID)] += _SCALE * np.array(regions.RIGID_MM, np.float32)
    for index in range(_COUNT):
        t_s = index * _STEP_S
        face = Face(
            index=index,
            t_s=t_s,
            points_px=points,
            px_per_mm=_SCALE,
            pose_deg=(0.0, 0.0, 0.0),
            eye_open=(0.3, 0.3),
            jaw_open=0.0,
            sharpness=0.0,
            luma=0.0,
            width_px=150.0 * _SCALE,
            faces_seen=1,
            since_acquired_s=10.0 + t_s,
        )
        yield Tracked(Frame(index, t_s, True, image), face)
