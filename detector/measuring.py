"""The first half of the line: frames -> face -> crop -> field -> sample, one reading per frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.ahead import ahead
from detector.config import Settings
from detector.face import FaceTracker, Tracked, track
from detector.motion import Meter
from detector.placement import HeadCrop
from detector.readings import Reading
from detector.registration import Field, Registrar
from detector.types import Frame

FRAMES_AHEAD = 8  # decoded and meshed before they are asked for: two mesh intervals at 30/s


class Measurer:
    """One source from frames to readings.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    """

    def __init__(self, settings: Settings, model: Path) -> None:
        self._settings = settings
        self._model = model
        self._crops = HeadCrop(settings)
        self._registrar = Registrar(self._crops.scale, self._crops.shape, self._crops.origin)
        self._meter = Meter(self._registrar.centers_mm, self._crops.scale, self._crops.origin)
        self._waiting: deque[Reading] = deque()  # for the sample of the first, the frames after it behind it

    def run(self, frames: Iterable[Frame]) -> Iterator[Reading]:
        """A reading for every frame, about 0.8 s behind while there is a face."""
        in_stretch = False
        measured_t = -np.inf
        with (
            FaceTracker(self._model) as tracker,
            closing(ahead(track(frames, tracker, self._settings), FRAMES_AHEAD)) as following,
        ):
            for tracked in following:
                t_s = tracked.frame.t_s
                gap = t_s - measured_t > self._settings.max_gap_s
                if in_stretch and (tracked.face is None or gap):
                    yield from self.drain()
                    in_stretch = False
                reading = _unmeasured(tracked)
                self._waiting.append(reading)
                if reading.measurable:
                    in_stretch = True
                    measured_t = t_s
                    self._measure(tracked)
                yield from self._release()
        yield from self.drain()

    def drain(self) -> Iterator[Reading]:
        """What is still on its way, when a stretch or the frames have ended or something stopped them."""
        self._keep(self._registrar.flush())
        for part in (self._crops, self._registrar, self._meter):
            part.reset()
        if self._waiting:
            self._waiting[-1] = replace(self._waiting[-1], ends_stretch=True)
        while self._waiting:
            yield self._waiting.popleft()

    def _measure(self, tracked: Tracked) -> None:
        assert tracked.face is not None
        self._keep(self._registrar.push(self._crops.crop(tracked.frame, tracked.face)))

    def _keep(self, fields: list[Field]) -> None:
        for field in fields:
            sample = self._meter.measure(field)
            for k, reading in enumerate(self._waiting):
                if reading.t_s == sample.t_s:
                    self._waiting[k] = replace(reading, sample=sample)
                    break

    def _release(self) -> Iterator[Reading]:
        while self._waiting and not (self._waiting[0].measurable and self._waiting[0].sample is None):
            yield self._waiting.popleft()


def _unmeasured(tracked: Tracked) -> Reading:
    frame, face = tracked.frame, tracked.face
    return Reading(
        t_s=frame.t_s,
        repeated=frame.repeated,
        faces_seen=0 if face is None else face.faces_seen,
        px_per_mm=np.nan if face is None else face.px_per_mm,
        sample=None,
        face=face,
    )
