"""Fields -> bump heights in mm at every muscle, and on a lattice over the face that tells what moves elsewhere.

Heights are sums of the steps from frame to frame since the stretch began: a place, of which only changes mean anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.context import UNKNOWN, Context, ContextMeter
from detector.kernels_bumps import bump_amplitudes, bump_shapes, learn_steps, noise_weights
from detector.registration import Field
from detector.types import FloatArray

BUMP_MM = 6.0  # standard deviation of the bump fitted: muscles round the nose are 5-7 mm half-wide
LEAST_SHARE = 0.5  # of a site's patches must have been measured
NOISE_MEMORY_S = 4.0  # patch noise is learned over this long
CENTER_MEMORY_S = 2.0  # muscles sit where the mesh puts them on average over this long
LEAK_S = 3.0  # the sum forgets with this time constant, so that it stays near 0: twitches are over in 0.3 s
CLIP = 4.5  # changes above this many mean changes count as this many, so that a twitch is not learned as noise
APART_MM = 2.7 * BUMP_MM  # lattice sites farther than this from a muscle feel nothing of its bump

_XS_MM = np.arange(-36.0, 37.0, 9.0)
_YS_MM = np.arange(-18.0, 66.0, 9.0)
LATTICE_MM = np.array([(x, y) for y in _YS_MM for x in _XS_MM])
REGION_COUNT = len(regions.SITES)
SITE_COUNT = REGION_COUNT + len(LATTICE_MM)
_POINTS = [point for site in regions.SITES for point in site.points]  # of all regions one after the other
_POINT_COUNT = np.array([[len(site.points)] for site in regions.SITES])
_FIRST = np.cumsum(_POINT_COUNT[:, 0]) - _POINT_COUNT[:, 0]  # position of each region's own in it


@dataclass(frozen=True, slots=True)
class Sample:
    """Bump heights at one moment, summed up since the stretch began: the regions first, then the lattice."""

    t_s: float
    height_mm: FloatArray  # (SITE_COUNT, 2) x right, y down, in the head's frame
    centers_mm: FloatArray  # (R, 2) of the regions, from the middle of the eyes
    centers_px: FloatArray  # (R, 2) of the regions in the frame
    head_speed_mm_s: float
    px_per_mm: float
    inside: bool
    since_acquired_s: float
    gain: float  # height read of a bump of 1 mm between two frames of this recording
    context: Context = UNKNOWN  # what else may have moved the skin


class Meter:
    """Learns the noise of each patch as it goes, and weighs the patches of a bump by it."""

    def __init__(self, patches_mm: npt.NDArray[np.float64], scale: float, origin: npt.NDArray[np.float64]) -> None:
        self._patches_mm = patches_mm
        self._scale = scale
        self._origin = origin
        self._bumps = np.empty((SITE_COUNT, len(patches_mm)), dtype=np.float32)
        bump_shapes(LATTICE_MM, patches_mm, BUMP_MM, self._bumps[REGION_COUNT:])
        self._context = ContextMeter(patches_mm, scale, origin)
        self.reset()

    def reset(self) -> None:
        self._before_t: float | None = None
        self._change = np.zeros(len(self._patches_mm))  # mean absolute step per axis, px
        self._seen = np.zeros(len(self._patches_mm))
        self._centers_mm: npt.NDArray[np.float64] | None = None
        self._count = 0
        self._sum_px = np.zeros((SITE_COUNT, 2))
        self._context.reset()

    def measure(self, field: Field, gain: float = 1.0) -> Sample:
        """Bump heights of this field; ``gain`` is handed on."""
        crop = field.crop
        dt = 0.0 if self._before_t is None else field.t_s - self._before_t
        if self._before_t is not None:
            self._learn(field.step_px, dt)
        self._before_t = field.t_s
        placed = np.add.reduceat(crop.points_px()[_POINTS], _FIRST, axis=0) / _POINT_COUNT
        in_crop = (placed - self._origin) / self._scale
        self._count += 1
        share = max(1.0 / self._count, 1.0 - np.exp(-dt / CENTER_MEMORY_S))
        if self._centers_mm is None:
            self._centers_mm = in_crop
        self._centers_mm = (1.0 - share) * self._centers_mm + share * in_crop
        bump_shapes(self._centers_mm, self._patches_mm, BUMP_MM, self._bumps)
        step = np.empty((SITE_COUNT, 2), dtype=np.float32)
        bump_amplitudes(field.step_px, self._weight(), self._bumps, LEAST_SHARE, step)
        self._sum_px = np.exp(-dt / LEAK_S) * self._sum_px + np.nan_to_num(step)
        height = np.where(np.isfinite(step), self._sum_px, np.nan)
        in_frame = (self._centers_mm * self._scale + self._origin) @ crop.to_image[:, :2].T + crop.to_image[:, 2]
        return Sample(
            t_s=field.t_s,
            height_mm=(height / self._scale).astype(np.float32),
            centers_mm=self._centers_mm.astype(np.float32),
            centers_px=in_frame.astype(np.float32),
            head_speed_mm_s=crop.speed_mm_s,
            px_per_mm=crop.px_per_mm,
            inside=crop.inside,
            since_acquired_s=crop.face.since_acquired_s,
            gain=gain,
            context=self._context.measure(crop, field.step_px),
        )

    def height_of(self, step_px: FloatArray, region: int) -> npt.NDArray[np.float64]:
        """(2,) mm that a field of steps reads at a region; NaN where too little was measured."""
        assert self._centers_mm is not None, "after the first measure"
        height = np.empty((1, 2), dtype=np.float32)
        bump_amplitudes(step_px, self._weight(), self._bumps[region : region + 1], LEAST_SHARE, height)
        return height[0].astype(np.float64) / self._scale

    def _learn(self, step_px: FloatArray, dt: float) -> None:
        learn_steps(step_px, 1.0 - math.exp(-dt / NOISE_MEMORY_S), CLIP, self._change, self._seen)

    def _weight(self) -> FloatArray:
        weight = np.empty(len(self._change), dtype=np.float32)
        noise_weights(self._change, self._seen, weight)
        return weight


def apart_shares(centers_mm: npt.NDArray[np.float32]) -> FloatArray:
    """(R, L) rows that sum to 1 over the lattice sites that lie apart from each region."""
    distance = np.hypot(
        centers_mm[:, None, 0] - LATTICE_MM[None, :, 0], centers_mm[:, None, 1] - LATTICE_MM[None, :, 1]
    )
    far = (distance > APART_MM).astype(np.float32)
    return (far / np.maximum(far.sum(axis=1, keepdims=True), 1.0)).astype(np.float32)
