"""How much of a known motion this recording lets through: a bump put into its own crops every few seconds, and read.

Blur, few pixels per mm and noise in the gradients all make motion read too small, and not alike in every recording.
What happens before the crop (exposure, compression) cannot be told from the crop; it is in ``twitches.COURSE_GAIN``.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from detector import regions
from detector.motion import BUMP_MM, Meter, Sample
from detector.placement import Crop
from detector.registration import Registrar
from detector.types import FloatArray

EVERY_S = 2.0  # between two probes: 0.1 ms per frame
BUMP_STEP_MM = 0.4  # 1 px of the crop: a usual step of a twitch from one frame to the next
MEMORY = 40  # probes: every region four times
USUAL, USUAL_COUNT = 0.85, 4  # of webcams and portraits (0.7-0.95); it counts as so many probes
LIMITS = (0.4, 1.2)
_NASAL = np.flatnonzero(regions.IS_NASAL)
_STRIDE = 3  # through the regions, so that neighbors do not follow each other


class GainProbe:
    """Puts bumps into crops and keeps the median of what is read of them."""

    def __init__(self, scale: float, shape: tuple[int, int], origin: npt.NDArray[np.float64]) -> None:
        import cv2

        self._cv2: Any = cv2
        self._scale, self._origin = scale, origin
        self._read: deque[float] = deque([USUAL] * USUAL_COUNT, maxlen=MEMORY)
        self._gain = self._median()
        self._count = 0
        self._probed_s = -np.inf
        self._row, self._column = np.mgrid[: shape[0], : shape[1]].astype(np.float32)

    def gain(self) -> float:
        """Height read of a bump of 1 mm, 0.4-1.2."""
        return self._gain

    def look(self, crop: Crop, sample: Sample, step_px: FloatArray, registrar: Registrar, meter: Meter) -> None:
        """Probe with the crop last measured, when it is time."""
        if 0.0 <= crop.t_s - self._probed_s < EVERY_S or not registrar.ready or not np.isfinite(step_px).any():
            return
        self._probed_s = crop.t_s
        region = int(_NASAL[_STRIDE * self._count % len(_NASAL)])
        self._count += 1
        pull = np.radians(regions.SITES[region].pull_deg)
        toward = np.array([np.cos(pull), -np.sin(pull)])
        bumped = registrar.reread(self._bumped(crop.image, sample.centers_mm[region], toward), crop.speed_mm_s)
        more = meter.height_of(bumped, region) - meter.height_of(step_px, region)
        if np.isfinite(more).all():
            self._read.append(float(more @ toward) / BUMP_STEP_MM)
            self._gain = self._median()

    def _median(self) -> float:
        return float(np.clip(np.median(self._read), *LIMITS))

    def _bumped(self, image: FloatArray, center_mm: FloatArray, toward: npt.NDArray[np.float64]) -> FloatArray:
        x, y = center_mm * self._scale + self._origin
        apart2 = (self._column - x) ** 2 + (self._row - y) ** 2
        height = (BUMP_STEP_MM * self._scale) * np.exp(-apart2 / (2.0 * (BUMP_MM * self._scale) ** 2))
        x_of = (self._column - height * toward[0]).astype(np.float32)
        y_of = (self._row - height * toward[1]).astype(np.float32)
        # to 1/32 px, which is 1.5 % of the bump and as often too much as too little
        bumped: FloatArray = self._cv2.remap(image, x_of, y_of, self._cv2.INTER_CUBIC)
        return bumped
