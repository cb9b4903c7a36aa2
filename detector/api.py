"""What a notebook or another program uses: analyze a clip, read the log, results as dataclasses and frames."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from detector.types import Episode, Session, Twitch

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from detector.config import Sensitivity
    from detector.record.entries import LoggedEpisode, LoggedTwitch
    from detector.record.heights import Heights
    from detector.record.selection import Selection
    from detector.record.traces import Traces

Pathlike = Path | str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in one clip.

    Attributes
    ----------
    session : Session
        The clip and the run, with the observed time that every rate is over.
    threshold : float
        Score that a twitch had to reach.
    episodes : tuple of Episode
        Of twitches, in time order.
    ordinary : tuple of Episode
        Blinks, speech and the like: found, and not counted.
    twitches, rejected : tuple of Twitch
        The kept ones, and those that were not kept, with the reason.
    traces : Traces
        Per frame: the score of each side, the smallest twitch that would have been found, and what was observed.
    heights : Heights
        Per frame and muscle area: excursion along its pull, mm.
    """

    session: Session
    threshold: float
    episodes: tuple[Episode, ...]
    ordinary: tuple[Episode, ...]
    twitches: tuple[Twitch, ...]
    rejected: tuple[Twitch, ...]
    traces: Traces
    heights: Heights

    def episodes_frame(self, *, everything: bool = False) -> pd.DataFrame:
        """The columns of ``episodes.csv``, one row each; ``everything``: the ordinary movements too."""
        from detector import frames_of
        from detector.record.entries import logged_episodes

        rows = logged_episodes(self.session, (*self.episodes, *self.ordinary), include_rejected=everything)
        return frames_of.episodes(rows)

    def twitches_frame(self, *, everything: bool = False) -> pd.DataFrame:
        """The columns of ``twitches.csv``, one row each; ``everything``: the rejected ones too."""
        from detector import frames_of
        from detector.record.entries import logged_twitches

        every = (*self.twitches, *self.rejected)
        episodes = (*self.episodes, *self.ordinary)
        return frames_of.twitches(logged_twitches(self.session, every, episodes, include_rejected=everything))

    def traces_frame(self) -> pd.DataFrame:
        """One row per frame, by its time in s: scores, floor in mm, whether observed, and the excursions in mm."""
        from detector import frames_of

        return frames_of.traces(self.traces, self.heights)

    def plot(self, axes: Axes) -> Axes:
        """Draw the score of each side, the threshold, and the episodes shaded, into axes of matplotlib."""
        for side, scores in self.traces.scores.items():
            axes.plot(self.traces.t_s, scores, linewidth=0.8, label=side)
        axes.axhline(self.threshold, color="black", linestyle="--", linewidth=0.8, label="threshold")
        for k, found in enumerate(self.episodes):
            axes.axvspan(
                found.start_s,
                found.end_s,
                color="tab:red",
                alpha=0.2,
                linewidth=0.0,
                label=None if k else "episode",
            )
        axes.set(xlabel="s", ylabel="score")
        axes.legend(loc="upper right")
        return axes


class Log:
    """The episode log, to read; a context manager.

    All filters are those of ``nasalis export``: ``session`` (id, or how the only one begins or ends), ``since`` and
    ``until`` (ISO 8601), ``side``, ``kind``, and ``everything`` for rejected movements too.

    Parameters
    ----------
    path : Path or str, optional
        Default NASALIS_LOG, or the log in the user's data folder.

    Raises
    ------
    LogError
        There is none, or it cannot be read.
    """

    def __init__(self, path: Pathlike | None = None) -> None:
        from detector.record.log import EpisodeLog

        self._log = EpisodeLog(None if path is None else Path(path), must_exist=True)

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._log.close()

    def sessions(self, **filters: Any) -> list[Session]:
        """The sessions that count: none superseded, one of each."""
        return [run.session for run in _selection(filters).runs(self._log)]

    def episodes(self, **filters: Any) -> list[LoggedEpisode]:
        """The episodes, in the order of the log."""
        return _selection(filters).episodes(self._log)

    def twitches(self, **filters: Any) -> list[LoggedTwitch]:
        """The twitches, in the order of the log."""
        return _selection(filters).twitches(self._log)

    def sessions_frame(self, **filters: Any) -> pd.DataFrame:
        """One row per session; ``observed_s`` is what rates are over."""
        from detector import frames_of

        return frames_of.sessions(self.sessions(**filters))

    def episodes_frame(self, **filters: Any) -> pd.DataFrame:
        """The columns of ``episodes.csv``, with the evidence and the kind of the person who reviewed it."""
        from detector import frames_of

        return frames_of.episodes(self.episodes(**filters))

    def twitches_frame(self, **filters: Any) -> pd.DataFrame:
        """The columns of ``twitches.csv``."""
        from detector import frames_of

        return frames_of.twitches(self.twitches(**filters))

    def export(self, path: Pathlike, fmt: str, *, signals: Pathlike | None = None, **filters: Any) -> list[Path]:
        """Write episodes as ``nasalis export --format`` does, and tell which files that made."""
        from detector.errors import UsageError
        from detector.exchange import formats

        if fmt not in formats.FORMATS:
            raise UsageError(f"There is no format '{fmt}': the formats are {', '.join(formats.FORMATS)}.")
        chosen = _selection(filters)
        kept = None if signals is None else Path(signals)
        runs, rows = chosen.runs(self._log), chosen.episodes(self._log)
        return [Path(name) for name in formats.write(fmt, str(path), runs, rows, signals=kept)]


def open_log(path: Pathlike | None = None) -> Log:
    """The episode log, to read: ``with open_log() as log: log.episodes_frame()``; errors as :class:`Log`."""
    return Log(path)


def analyze(
    clip: Pathlike,
    *,
    sensitivity: Sensitivity = "normal",
    threshold: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    recorded: str = "",
    log: Pathlike | None = None,
    signals: Pathlike | None = None,
    model: Pathlike | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> Analysis:
    """Find the twitches and episodes of a clip, as ``nasalis analyze`` does.

    Parameters
    ----------
    clip : Path or str
    sensitivity : {"low", "normal", "high"}
        Aims at 1, 6 or 30 false alarms per observed hour.
    threshold : float, optional
        Score to reach, instead of a sensitivity.
    start_s, end_s : float, optional
        Only this part.
    recorded : str
        When the clip was recorded, ISO 8601; empty: as its file says.
    log : Path or str, optional
        Keep the findings in this log; default in none, unlike the command.
    signals : Path or str, optional
        Keep what was measured there, for ``nasalis rescore`` and ``Log.export``.
    model : Path or str, optional
        Face model; default the installed one.
    on_progress : callable, optional
        Gets the seconds done and those there are, None when unknown.

    Raises
    ------
    NasalisError
        The clip, the model or a file cannot be used; the message says what to do.
    """
    from contextlib import ExitStack

    from detector.config import Settings
    from detector.record.heights import read_heights
    from detector.record.log import EpisodeLog
    from detector.record.traces import read_traces
    from detector.session import analyze_clip

    with ExitStack() as stack:
        book = None if log is None else stack.enter_context(EpisodeLog(Path(log)))
        if signals is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nasalis-"))) / "signals.h5"
        else:
            kept = Path(signals)
        done = analyze_clip(
            Path(clip), Settings(sensitivity=sensitivity, threshold=threshold), start_s=start_s, end_s=end_s,
            recorded=recorded, log=book, signals=kept, model=None if model is None else Path(model),
            on_progress=on_progress,
        )  # fmt: skip
        return Analysis(
            done.session,
            done.threshold,
            tuple(found for found in done.episodes if found.number > 0),
            tuple(found for found in done.episodes if found.number < 0),
            _all_kept(done.episodes, done.twitches),
            tuple(found for found in done.twitches if not found.kept),
            read_traces(kept),
            read_heights(kept),
        )


def _all_kept(episodes: list[Episode], twitches: list[Twitch]) -> tuple[Twitch, ...]:
    from detector.record.entries import twitch_order

    every = {twitch for found in episodes for twitch in found.twitches} | set(twitches)
    return tuple(sorted((twitch for twitch in every if twitch.kept), key=twitch_order))


def _selection(filters: dict[str, Any]) -> Selection:
    from detector.record.selection import Selection

    known = {"session", "since", "until", "side", "kind", "everything"}
    strange = sorted(set(filters) - known)
    if strange:
        raise TypeError(f"there is no filter {strange[0]!r}: the filters are {', '.join(sorted(known))}")
    chosen = dict(filters)
    return Selection(include_rejected=bool(chosen.pop("everything", False)), **chosen)
