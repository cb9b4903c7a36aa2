"""What the rest of the face and the picture do meanwhile: lids, lips, brows, pose, light, a hand; from the same pass.

None of it is used to measure a twitch: it tells what else may have moved the skin. What comes from the mesh is ten
times a second and interpolated, good for lips and brows; lids are quicker, and are read from the pixels of every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.kernels_crop import luma_and_detail
from detector.placement import Crop
from detector.types import FloatArray

CENTER_MEMORY_S = 2.0  # eyes sit where the mesh puts them on average over this long: a blink must not move the window
# The window in which the vertical edges of iris and lid corner are read: they are gone when the lid is down. Of dark
# area, contrast and edges in both directions these followed the mesh at full rate best (r 0.66 to 0.92 on five clips).
EYE_MM = (16.0, 8.0)  # width and height
SKIN_PERCENTILE = 75.0  # of the gray levels round the eye: its skin
_SKIN_MM = (30.0, 12.0)
_EYES = tuple([outline[0], outline[8]] for outline in (regions.EYE_OUTLINE_RIGHT, regions.EYE_OUTLINE_LEFT))
_LIDS = (regions.LIDS_RIGHT, regions.LIDS_LEFT)
_MIDLINE = (168, 152)  # root of the nose, tip of the chin
_BROWS = ([105, 66, 52, 65], [334, 296, 282, 295])  # middle of the brow, upper and lower edge


@dataclass(frozen=True, slots=True)
class Context:
    """Beside the skin's motion, at one moment; the subject's right first; NaN where it is not known."""

    eye_edges: FloatArray  # (2,) vertical edges in the eye's opening: gray levels per mm over those of the skin
    eye_open_mm: FloatArray  # (2,) between the lids, by the mesh
    lip_gap_mm: float  # between the inner lips, by the mesh
    eyes_mm: FloatArray  # (2, 2) middles of the eyes, between their corners, in the same frame as the mouth
    midline_mm: FloatArray  # (2, 2) root of the nose and tip of the chin
    mouth_mm: FloatArray  # (2, 2) corners of the mouth, from the middle of the eyes, x right and y down
    brow_mm: FloatArray  # (2,) height of the brows over the middle of the eyes
    pose_deg: FloatArray  # (3,) yaw, pitch, roll
    luma: float  # mean gray level of the crop, 0-255
    detail: float  # mean difference of neighboring pixels over the crop, gray levels: falls and rises with the coding
    covered: float  # share of the patches round the nose that no longer look like skin did


UNKNOWN = Context(
    eye_edges=np.full(2, np.nan, dtype=np.float32),
    eye_open_mm=np.full(2, np.nan, dtype=np.float32),
    lip_gap_mm=np.nan,
    eyes_mm=np.full((2, 2), np.nan, dtype=np.float32),
    midline_mm=np.full((2, 2), np.nan, dtype=np.float32),
    mouth_mm=np.full((2, 2), np.nan, dtype=np.float32),
    brow_mm=np.full(2, np.nan, dtype=np.float32),
    pose_deg=np.full(3, np.nan, dtype=np.float32),
    luma=np.nan,
    detail=np.nan,
    covered=np.nan,
)


class ContextMeter:
    """Streams crops in and contexts out.

    Parameters
    ----------
    patches_mm : (N, 2)
        Of the registration.
    scale : float
        Crop px per mm.
    origin : (2,)
        Middle of the eyes in the crop, px.
    """

    def __init__(self, patches_mm: npt.NDArray[np.float64], scale: float, origin: npt.NDArray[np.float64]) -> None:
        self._scale = scale
        self._origin = origin
        self._round_nose = np.hypot(patches_mm[:, 0] / 22.0, (patches_mm[:, 1] - 28.0) / 28.0) < 1.0
        self.reset()

    def reset(self) -> None:
        self._eyes_px: npt.NDArray[np.float64] | None = None
        self._count = 0
        self._before_t = 0.0

    def measure(self, crop: Crop, step_px: FloatArray) -> Context:
        """The context of this crop, whose patches moved by ``step_px`` (N, 2)."""
        points = crop.points_px()
        points_mm = (points - self._origin) / self._scale
        eyes = np.array([points[corners].mean(axis=0) for corners in _EYES])
        self._count += 1
        share = max(1.0 / self._count, 1.0 - float(np.exp(-(crop.t_s - self._before_t) / CENTER_MEMORY_S)))
        self._before_t = crop.t_s
        self._eyes_px = eyes if self._eyes_px is None else (1.0 - share) * self._eyes_px + share * eyes
        image = crop.image
        luma, detail = luma_and_detail(image)
        return Context(
            eye_edges=np.array([self._edges(image, center) for center in self._eyes_px], dtype=np.float32),
            eye_open_mm=np.array([_apart(points_mm, *pair) for pair in _LIDS], dtype=np.float32),
            lip_gap_mm=_apart(points_mm, *regions.LIPS_INNER),
            eyes_mm=((eyes - self._origin) / self._scale).astype(np.float32),
            midline_mm=points_mm[list(_MIDLINE)].astype(np.float32),
            mouth_mm=points_mm[list(regions.MOUTH_CORNERS)].astype(np.float32),
            brow_mm=np.array([-points_mm[brow, 1].mean() for brow in _BROWS], dtype=np.float32),
            pose_deg=np.array(crop.face.pose_deg, dtype=np.float32),
            luma=luma,
            detail=detail,
            covered=float(np.isnan(step_px[self._round_nose, 0]).mean()),
        )

    def _edges(self, image: FloatArray, center: npt.NDArray[np.float64]) -> float:
        opening, around = (_window(image, center, size, self._scale) for size in (EYE_MM, _SKIN_MM))
        if opening.shape[0] < 2 or opening.shape[1] < 2:
            return float("nan")
        skin = max(_quantile(around, 0.01 * SKIN_PERCENTILE), 1.0)
        return luma_and_detail(np.ascontiguousarray(opening))[1] * self._scale / skin


def _quantile(values: FloatArray, share: float) -> float:
    """As NumPy's, which takes ten times as long."""
    position = share * (values.size - 1)
    below = int(position)
    above = min(below + 1, values.size - 1)
    part = np.partition(values, (below, above), axis=None)
    return float(part[below] + (part[above] - part[below]) * (position - below))


def _window(
    image: FloatArray, center: npt.NDArray[np.float64], size_mm: tuple[float, float], scale: float
) -> FloatArray:
    """Part of the crop about ``center``, cut off at its borders."""
    half_x, half_y = (round(0.5 * length * scale) for length in size_mm)
    x, y = round(float(center[0])), round(float(center[1]))
    return image[max(y - half_y, 0) : max(y + half_y, 0), max(x - half_x, 0) : max(x + half_x, 0)]


def _apart(points_mm: npt.NDArray[np.float64], a: int, b: int) -> float:
    return float(np.hypot(*(points_mm[a] - points_mm[b])))
