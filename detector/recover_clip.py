"""The clip that is measured: analyzed as it is, and again with twitches in it; times count from its first frame.

The frames with twitches go straight from the decoder into the analysis. A file between them would go through a codec,
and the codec that made the clip has already put its noise into it: putting it in twice would make the program look
blinder than it is. What that codec took of a real twitch is not in the measurement: sizes are those in the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from detector.config import Settings
from detector.record.entries import REJECTED_KINDS
from detector.regions import SITES
from detector.simulate_plan import TruthRow, TwitchPlan
from detector.types import Episode, Session, Twitch, WhyNot

if TYPE_CHECKING:
    from detector.pipeline import Measured
    from detector.simulate_clip import FaceTrack

Span = tuple[float, float]  # (start_s, end_s)
Progress = Callable[[float], None]  # seconds of the clip done
_NOWHERE = np.zeros(len(SITES), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class ObservedTime:
    """When a verdict is given, muscle by muscle.

    Attributes
    ----------
    t_s : (N,)
        Of the frames.
    good : (N, S) bool
        Whether the time from the frame before to this one is observed, for each of ``regions.SITES``.
    """

    t_s: npt.NDArray[np.float64]
    good: npt.NDArray[np.bool_]

    def covers(self, site: int, start_s: float, end_s: float) -> bool:
        """Whether all of that time is observed at that site."""
        first, last = np.searchsorted(self.t_s, start_s, "right"), np.searchsorted(self.t_s, end_s, "left")
        return bool(0 < first <= last < len(self.t_s) and self.good[first : last + 1, site].all())


@dataclass(frozen=True, slots=True)
class Untouched:
    """What the analysis says of the clip as it is."""

    session: Session
    face: tuple[Span, ...]  # a face is followed
    observed: ObservedTime
    findings: tuple[Span, ...]  # of the clip's own


@dataclass(frozen=True, slots=True)
class Injected:
    """What the analysis says of the clip with twitches in it."""

    truth: tuple[TruthRow, ...]  # in the order of the plans
    episodes: tuple[Episode, ...]  # claimed ones; those of the clip itself are among them
    observed_s: float
    set_aside: tuple[Twitch, ...] = ()  # noticed, but not kept


class Subject(Protocol):
    """What can be measured: a clip, or a stand-in of the tests."""

    def untouched(self, progress: Progress) -> Untouched: ...

    def with_twitches(self, plans: Sequence[TwitchPlan], progress: Progress) -> Injected: ...


class ClipSubject:
    """A clip on the disk.

    Parameters
    ----------
    path : Path
    settings : Settings
        Of every analysis.
    model : Path, optional
        Face model; default the installed one.
    start_s, end_s : float, optional
        Part of the clip, s.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        model: Path | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> None:
        self._path = path
        self._settings = settings
        self._model = model
        self._part = (start_s, end_s)
        self._track: FaceTrack | None = None

    def untouched(self, progress: Progress) -> Untouched:
        """Analyze the clip as it is; nothing goes into the log.

        Raises
        ------
        SourceError
            Unreadable, or no face in any frame.
        """
        from detector.session import analyze_clip

        watch = Watch(self._settings.max_gap_s)
        result = analyze_clip(
            self._path,
            self._settings,
            model=self._model,
            start_s=self._part[0],
            end_s=self._part[1],
            on_progress=lambda done, _: progress(done),
            on_event=watch.take,
        )
        self._track = watch.track()
        return Untouched(
            session=result.session,
            face=tuple(self._track.spans()),
            observed=watch.observed(),
            findings=tuple((e.start_s - watch.first_s, e.end_s - watch.first_s) for e in claimed(result.episodes)),
        )

    def with_twitches(self, plans: Sequence[TwitchPlan], progress: Progress) -> Injected:
        """Analyze the clip with these events in it; ``untouched`` comes first, for it tells where the face is."""
        from detector.pipeline import Measured, Pipeline
        from detector.simulate_clip import inject_frames, read_frames
        from models import resolve

        assert self._track is not None
        frames, truth = inject_frames(read_frames(self._path, *self._part), plans, self._track)
        line = Pipeline(self._settings, resolve(self._model))
        episodes, set_aside = [], []
        for event in line.run(frames):
            if isinstance(event, Episode):
                episodes.append(event)
            elif isinstance(event, Measured):
                progress(event.t_s)
            elif isinstance(event, Twitch) and not event.kept:
                set_aside.append(event)
        observed_s = float(line.session_fields()["observed_s"])
        return Injected(tuple(truth), tuple(claimed(episodes)), observed_s, tuple(set_aside))


def claimed(episodes: Sequence[Episode]) -> list[Episode]:
    """Those that the program calls twitches."""
    return [episode for episode in episodes if episode.kind not in REJECTED_KINDS]


class Watch:
    """Keeps of an analysis where the face is and which time is observed, counted as the session counts it.

    Parameters
    ----------
    max_gap_s : float
        Time without a new picture that is no longer observed, s.
    """

    def __init__(self, max_gap_s: float) -> None:
        self._max_gap_s = max_gap_s
        self.first_s = 0.0
        self._times: list[float] = []
        self._faces: list[npt.NDArray[np.float64] | None] = []
        self._good: list[npt.NDArray[np.bool_]] = []
        self._now = _NOWHERE
        self._seen_s = -np.inf  # last picture that was not a repeated one

    def take(self, event: object) -> None:
        """Anything that the pipeline gives."""
        from detector.pipeline import Measured

        if isinstance(event, Measured):
            self._take(event)

    def _take(self, event: Measured) -> None:
        from detector.simulate_clip import measure

        if not self._times:
            self.first_s = event.t_s
        t_s = event.t_s - self.first_s
        last_s = self._times[-1] if self._times else t_s
        if event.face is None:
            self._now = _NOWHERE
        elif not event.reading.repeated:
            self._seen_s = t_s
            motion = event.motion
            self._now = motion.observed if motion is not None and motion.why_not == WhyNot.NONE else _NOWHERE
        # a repeated picture stands for the one before it; a frozen one for nothing
        old = max(t_s - self._seen_s, t_s - last_s) > self._max_gap_s
        self._times.append(t_s)
        self._faces.append(None if event.face is None else measure(event.face))
        self._good.append(_NOWHERE if old else self._now)

    def observed(self) -> ObservedTime:
        """All of it so far."""
        return ObservedTime(np.array(self._times), np.array(self._good, dtype=np.bool_).reshape(-1, len(SITES)))

    def track(self) -> FaceTrack:
        """The face over time; SourceError when there was none."""
        from detector.simulate_clip import track_of

        return track_of(self._times, self._faces)
