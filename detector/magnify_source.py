"""An episode of the log -> the clip it can be seen in: the analyzed file still the same, or one kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import SourceError, UsageError

if TYPE_CHECKING:
    from detector.record.entries import LoggedEpisode
    from detector.types import Session

AROUND_S = 1.5  # shown before and after an episode


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an episode is to be seen."""

    clip: Path
    start_s: float = 0.0  # s of the clip
    end_s: float | None = None  # None: to the end
    offset_s: float | None = 0.0  # s of the clip at second 0 of the session; None when not known


def scene_of(row: LoggedEpisode, session: Session, clips: Path | None = None) -> Scene:
    """The clip of an episode and the part to show.

    Parameters
    ----------
    row : LoggedEpisode
    session : Session
        That of the episode.
    clips : Path, optional
        Folder that ``live --record-clips`` kept clips in: the one of this episode is taken, whatever it came from.

    Raises
    ------
    UsageError
        The episode came from a camera and no folder is given, or the clip was played more than once.
    SourceError
        The clip is gone, or is another file by now.
    """
    from detector.frames import sha256_of

    if clips is not None:
        kept = clips / f"{row.episode_id}.mp4"
        if not kept.is_file():
            raise SourceError(
                f"No clip of episode {row.episode_id} is in {clips}: name the folder given to live --record-clips; the "
                "oldest clips there make room for new ones."
            )
        return Scene(kept, offset_s=None)
    if not session.sha256:
        raise UsageError(
            f"Episode {row.episode_id} came from {session.source}, which keeps no video: record with nasalis live "
            "--record-clips FOLDER, and name that folder here with --clips FOLDER."
        )
    if session.settings.get("loop"):
        raise UsageError(f"Episode {row.episode_id} is of a clip played in a loop: use nasalis magnify on the clip.")
    clip = Path(session.source)
    if not clip.is_file():
        raise SourceError(
            f"The clip of episode {row.episode_id} is no longer at {clip}: put it back there, or find the moment in it "
            "with nasalis magnify CLIP --start S --end S."
        )
    if sha256_of(clip) != session.sha256:
        raise SourceError(
            f"{clip} is another file than the one episode {row.episode_id} was found in: analyze it anew with "
            "nasalis analyze, and show an episode of that."
        )
    # sessions of a played clip count from their own beginning, those of an analysis from that of the clip
    begun = session.settings.get("start_s") if "replayed_utc" in session.settings else None
    offset_s = float(begun) if isinstance(begun, int | float) else 0.0
    start_s = max(row.episode.start_s + offset_s - AROUND_S, 0.0)
    return Scene(clip, start_s, row.episode.end_s + offset_s + AROUND_S, offset_s)
