"""The line as one generator: frames are measured, then it is decided what they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from detector import regions
from detector.config import Settings
from detector.deciding import Decider, Event
from detector.measuring import Measurer
from detector.readings import Measured, Reading
from detector.types import Frame

__all__ = ["NASAL", "Event", "Measured", "Pipeline", "Reading"]

NASAL = regions.NOSE


class Pipeline:
    """One source from frames to episodes.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    """

    def __init__(self, settings: Settings, model: Path) -> None:
        self.settings = settings
        self._measurer = Measurer(settings, model)
        self._decider = Decider(settings)

    @property
    def threshold(self) -> float:
        """Score that a jerk must reach."""
        return self._decider.threshold

    def run(self, frames: Iterable[Frame]) -> Iterator[Event]:
        """Everything found, as it is settled: moments about 0.6 s behind the frames, episodes once they are over."""
        for reading in self._measurer.run(frames):
            yield from self._decider.push(reading)
        yield from self._decider.drain()

    def drain(self) -> Iterator[Event]:
        """What is still on its way, when the frames have ended or something stopped them."""
        for reading in self._measurer.drain():
            yield from self._decider.push(reading)
        yield from self._decider.drain()

    def seconds(self) -> float:
        """Length of what has been through, the last frame counted as long as the others."""
        return self._decider.seconds()

    def session_fields(self) -> dict[str, Any]:
        """Fields of :class:`~detector.types.Session` that the line itself knows, as they stand now."""
        return self._decider.session_fields()
