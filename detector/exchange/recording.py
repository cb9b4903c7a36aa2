"""What a format is written from: one recording with its episodes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from detector.errors import UsageError
from detector.record.entries import LoggedEpisode, LoggedRun, clean_text, moment_of
from detector.types import Session

_STEM = 120  # bytes: a name in a folder has 255 at most, and an id of the log 64
SHORTEST_MS = 1  # of a span in formats that count milliseconds: none may be empty


@dataclass(frozen=True, slots=True)
class Recording:
    """One session and what was found in it, in time order."""

    session: Session
    episodes: tuple[LoggedEpisode, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether the source is a file that a player could open; a camera has no hash."""
        return bool(self.session.sha256)

    @property
    def name(self) -> str:
        """For a file of this recording: letters, digits, ``-`` and ``_`` only, and no other session has it."""
        stem = re.sub(r"\W+", "-", PurePath(clean_text(self.session.source)).stem).strip("-_")
        short = stem.encode()[:_STEM].decode(errors="ignore") or "recording"
        return f"{short}_{self.session.session_id}"

    @property
    def started(self) -> datetime | None:
        """When it began, with the offset the log has (UTC where none is written); None when nobody knows."""
        return moment_of(self.session.start_utc, 0.0)


def recordings(runs: Sequence[LoggedRun], episodes: Iterable[LoggedEpisode]) -> list[Recording]:
    """One recording for each run, those without an episode included."""
    of_run: dict[int, list[LoggedEpisode]] = {run.run: [] for run in runs}
    for row in episodes:
        of_run[row.run].append(row)
    return [
        Recording(run.session, tuple(sorted(of_run[run.run], key=lambda row: (row.episode.start_s, row.episode_id))))
        for run in runs
    ]


def span_ms(start_s: float, end_s: float) -> tuple[int, int]:
    """The span in whole milliseconds, never empty and never before the beginning."""
    start = max(round(start_s * 1000.0), 0)
    return start, max(round(end_s * 1000.0), start + SHORTEST_MS)


def one_line(text: object) -> str:
    """Without line ends, tabs and control characters, which would break a line of a table or a cue."""
    return " ".join("".join(c if c.isprintable() else " " for c in clean_text(text)).split())


def number(value: float | None, decimals: int, unknown: str = "n/a") -> str:
    """With so many decimals; ``unknown`` for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return unknown
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def started_text(recording: Recording) -> str:
    """For a format that wants a date in any case: 1970 in UTC stands for unknown."""
    return (recording.started or datetime.fromtimestamp(0, UTC)).isoformat(timespec="seconds")


def missing(package: str, what: str) -> UsageError:
    """A library of the extra is not there."""
    return UsageError(f"{what} needs {package}: install it with pip install 'nasalis[exchange]'")
