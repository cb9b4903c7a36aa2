"""The line as one generator: frames are measured, then it is decided what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from detector import regions
from detector.config import Settings
from detector.deciding import Decider
from detector.measuring import Measurer
from detector.readings import Event, Measured, Reading
from detector.types import Frame, Twitch

__all__ = ["NASAL", "Event", "Measured", "Pipeline", "Reading"]

NASAL = regions.NOSE


class Pipeline:
    """One source from frames to episodes.

    Parameters
    ----------
    settings : Settings
    model : Path
        The verified face model.
    runs_again : bool
        It will, so that the face tracker is kept, until :meth:`close`.
    on_reading : callable, optional
        Called with every frame once it is measured, half a second before it is decided.
    on_sighting : callable, optional
        Called with every jerk as soon as it is over, before its episode is.
    """

    def __init__(
        self,
        settings: Settings,
        model: Path,
        *,
        runs_again: bool = False,
        on_reading: Callable[[Reading], None] | None = None,
        on_sighting: Callable[[Twitch], None] | None = None,
    ) -> None:
        self.settings = settings
        self._measurer = Measurer(settings, model, runs_again=runs_again)
        self._decider = Decider(settings, on_sighting)
        self._on_reading = on_reading

    @property
    def threshold(self) -> float:
        """Score that a jerk must reach."""
        return self._decider.threshold

    def run(self, frames: Iterable[Frame]) -> Iterator[Event]:
        """Everything found, as it is settled: moments about 0.6 s behind the frames, episodes once they are over.

        It may run again with later frames of the same source: what was learned of it serves on.
        """
        for reading in self._measurer.run(frames):
            yield from self._push(reading)
        yield from self._decider.drain()

    def drain(self) -> Iterator[Event]:
        """What is still on its way, when the frames have ended or something stopped them."""
        for reading in self._measurer.drain():
            yield from self._push(reading)
        yield from self._decider.drain()

    def _push(self, reading: Reading) -> Iterator[Event]:
        if self._on_reading is not None:
            self._on_reading(reading)
        yield from self._decider.push(reading)

    def close(self) -> None:
        """Free what is kept between two runs."""
        self._measurer.close()

    def start_anew(self) -> None:
        """Forget what was learned of the source, as if it began now; between two runs."""
        self._measurer.start_anew()
        self._decider.start_anew()

    def begin_session(self) -> None:
        """Count :meth:`session_fields` and :meth:`seconds` from here on; findings go on as they are."""
        self._decider.begin_session()

    def seconds(self) -> float:
        """Length of what has been through, the last frame counted as long as the others."""
        return self._decider.seconds()

    def session_fields(self) -> dict[str, Any]:
        """Fields of :class:`~detector.types.Session` that the line itself knows, as they stand now."""
        return self._decider.session_fields()
