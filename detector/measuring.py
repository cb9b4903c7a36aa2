"""The first half of the line: frames -> face -> crop -> field -> sample, one reading per frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.ahead import ahead
from detector.config import Settings
from detector.face import FaceTracker, Tracked, track
from detector.gain import GainProbe
from detector.motion import Meter, Sample
from detector.placement import Crop, HeadCrop
from detector.readings import Reading
from detector.registration import Field, Registrar
from detector.types import Frame

# Frames that follow each other faster than this are averaged and measured as one: each step from frame to frame adds
# its error to the sum, and at 50 and 60 frames/s twice the steps cost more than twice the frames bring.
LEAST_STEP_S = 0.022
FRAMES_AHEAD = 8  # decoded and meshed before they are asked for: two mesh intervals at 30/s


class Measurer:
    """One source from frames to readings.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    runs_again : bool
        The face tracker is kept from one run to the next, until :meth:`close`: each new one costs 3.5 MB for good.
    on_crop : callable, optional
        Called with the crop of every frame that has one of its own, to draw by.
    on_field : callable, optional
        Called with every field: the motion of all patches, of which a reading keeps sums only.
    """

    def __init__(
        self,
        settings: Settings,
        model: Path,
        *,
        runs_again: bool = False,
        on_crop: Callable[[Crop], None] | None = None,
        on_field: Callable[[Field], None] | None = None,
    ) -> None:
        self._settings = settings
        self._model = model
        self._runs_again = runs_again
        self._on_crop, self._on_field = on_crop, on_field
        self._tracker: FaceTracker | None = None
        self._crops = HeadCrop(settings)
        self._registrar = Registrar(self._crops.scale, self._crops.shape, self._crops.origin)
        self._meter = Meter(self._registrar.centers_mm, self._crops.scale, self._crops.origin)
        self.start_anew()
        self._held: list[Crop] = []  # to be measured together with the next
        self._measured_s = -np.inf  # the crop measured last
        self._last: Reading | None = None  # held back until it is known whether it ends its stretch

    @property
    def crops(self) -> HeadCrop:
        """The crop's own geometry."""
        return self._crops

    @property
    def patches_mm(self) -> npt.NDArray[np.float64]:
        """(N, 2) middles of the patches whose motion fields hold."""
        return self._registrar.centers_mm

    def start_anew(self) -> None:
        """Forget how small motion reads in this recording; between two runs."""
        self._probe = GainProbe(self._crops.scale, self._crops.shape, self._crops.origin)

    def run(self, frames: Iterable[Frame]) -> Generator[Reading]:
        """A reading for every frame, one mesh interval and one frame behind."""
        if self._tracker is None:
            self._tracker = FaceTracker(self._model)
        self._tracker.forget()
        try:
            with closing(ahead(track(frames, self._tracker, self._settings), FRAMES_AHEAD)) as following:
                try:
                    yield from self.measure(following)
                finally:
                    stop = getattr(frames, "stop", None)
                    if stop is not None:  # closing would wait for a picture that may never come
                        stop()
        finally:
            if not self._runs_again:
                self.close()

    def close(self) -> None:
        """Free the face tracker."""
        if self._tracker is not None:
            self._tracker.close()
            self._tracker = None

    def measure(self, following: Iterable[Tracked]) -> Iterator[Reading]:
        """A reading for every frame whose face is known."""
        in_stretch = False
        measured_t = -np.inf
        for tracked in following:
            t_s = tracked.frame.t_s
            gap = t_s - measured_t > self._settings.max_gap_s
            if in_stretch and (tracked.face is None or gap):
                yield from self.drain()
                in_stretch = False
            reading = _unmeasured(tracked)
            if reading.measurable:
                in_stretch = True
                measured_t = t_s
                sample = self._measure(tracked)
                reading = replace(reading, sample=sample, repeated=sample is None)
            before, self._last = self._last, reading
            if before is not None:
                yield before
        yield from self.drain()

    def drain(self) -> Iterator[Reading]:
        """What is still on its way, when a stretch or the frames have ended or something stopped them."""
        for part in (self._crops, self._registrar, self._meter):
            part.reset()
        self._held, self._measured_s = [], -np.inf
        if self._last is not None:
            last, self._last = self._last, None
            yield replace(last, ends_stretch=True)

    def _measure(self, tracked: Tracked) -> Sample | None:
        """The sample that this frame completes; None when it waits for the next."""
        assert tracked.face is not None
        self._held.append(self._crops.crop(tracked.frame, tracked.face))
        if self._on_crop is not None:
            self._on_crop(self._held[-1])
        if tracked.frame.t_s - self._measured_s < LEAST_STEP_S - 1e-6:
            return None
        crop = _together(self._held)
        self._held, self._measured_s = [], tracked.frame.t_s
        field = self._registrar.push(crop)
        if self._on_field is not None:
            self._on_field(field)
        sample = self._meter.measure(field, self._probe.gain())
        self._probe.look(crop, sample, field.step_px, self._registrar, self._meter)
        return sample


def _together(crops: list[Crop]) -> Crop:
    """The mean picture of consecutive crops at their mean time; all else is that of the last."""
    if len(crops) == 1:
        return crops[0]
    image = np.mean(np.stack([crop.image for crop in crops]), axis=0, dtype=np.float32)
    t_s = float(np.mean([crop.t_s for crop in crops]))
    return replace(crops[-1], image=np.asarray(image), t_s=t_s, averaged=True)


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
