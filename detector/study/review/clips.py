"""Which file shows an episode: only one that the log itself names, and only while it is still the one it names.

A log may come from elsewhere and name any file as its source. Nothing is given out before its SHA-256 is that of the
analysis, so that no other file can be read through the page.
"""

from __future__ import annotations

import hashlib
import mimetypes
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detector.clip_folder import is_clip_name
from detector.record.entries import episode_id
from detector.types import Session

# What browsers play; a file of another ending is sent as bytes, and the browser says whether it can show it.
TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg",
         ".mkv": "video/x-matroska"}  # fmt: skip
# Whoever asks while another file is being read through waits so long: a few who wait must not keep the page from
# answering everything else.
PATIENCE_S = 2.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Clip:
    """A file that shows an episode.

    Attributes
    ----------
    path : Path
    kind : {"source", "kept"}
        The whole source, or the few seconds that ``live --record-clips`` kept.
    offset_s : float
        Time in the file at which the session's time is 0; of a kept clip unknown until it is opened, and 0.
    """

    path: Path
    kind: Literal["source", "kept"]
    offset_s: float = 0.0

    @property
    def media_type(self) -> str:
        """For the browser."""
        return TYPES.get(self.path.suffix.lower()) or mimetypes.guess_type(self.path.name)[0] or "video/mp4"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is nothing to be shown, as a sentence."""

    why: str


class Clips:
    """The files of a log; safe to be asked from several threads.

    Parameters
    ----------
    folder : Path, optional
        Where the clips of ``live --record-clips`` lie, and analyzed files that have moved.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._hashes: dict[tuple[Path, int, int], str] = {}  # by path, size and time of change
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Stop reading: a file of many gigabytes does not hold up the end of the page."""
        self._closed = True

    def of(self, session: Session, number: int) -> Clip | Missing:
        """The file that shows episode ``number`` of a session."""
        if not session.sha256:
            return self._kept(session, number)
        where = offset_s(session)
        if where is None:
            return Missing("The clip was played in a loop: its times do not tell where in the clip an episode lies.")
        name = Path(session.source)
        places = [name] if self._folder is None else [name, self._folder / name.name]
        changed = False
        for place in places:
            path = _regular(place)
            if path is None:
                continue
            found = self._hash(path)
            if found is None:
                return Missing(f"{name} is still being read, to be sure that it is what was analyzed: try again later.")
            if found == session.sha256:
                return Clip(path, "source", where)
            changed = True
        if changed:
            return Missing(f"{name} is no longer the file that was analyzed.")
        return Missing(f"{name} is not there any more: name its folder with --clips when you start nasalis review.")

    def _kept(self, session: Session, number: int) -> Clip | Missing:
        name = f"{episode_id(session.session_id, number)}.mp4"
        if self._folder is None:
            return Missing("A camera leaves no clip: name the folder of live --record-clips with --clips.")
        path = _regular(self._folder / name) if is_clip_name(name) else None
        return Missing(f"There is no clip of it in {self._folder}.") if path is None else Clip(path, "kept")

    def _hash(self, path: Path) -> str | None:
        """SHA-256 of the file, empty when it cannot be read; None when that takes longer than one can wait."""
        try:
            about = path.stat()
            key = (path, about.st_size, about.st_mtime_ns)
            if key in self._hashes:
                return self._hashes[key]
            if not self._lock.acquire(timeout=PATIENCE_S):  # one at a time: a disk reads no faster for two
                return None
            try:
                if key not in self._hashes:
                    digest = self._read(path)
                    if digest is None:
                        return None
                    self._hashes[key] = digest
                return self._hashes[key]
            finally:
                self._lock.release()
        except OSError:
            return ""

    def _read(self, path: Path) -> str | None:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                if self._closed:
                    return None
                digest.update(block)
        return digest.hexdigest()


def offset_s(session: Session) -> float | None:
    """Where in its clip a session's time 0 lies, s; None when its times do not tell.

    ``analyze`` counts from the start of the clip, whatever part of it was asked for; each session of a clip that was
    played as if it were live counts from its own start.
    """
    if session.settings.get("loop"):
        return None
    start = session.settings.get("start_s")
    return float(start) if "replay_speed" in session.settings and isinstance(start, int | float) else 0.0


def _regular(path: Path) -> Path | None:
    """A plain file, or a link to one; None for anything else, a pipe or a device above all.

    What the kernel shows as plain files has no size, and some of it (``/proc/kmsg``) makes a reader wait forever.
    """
    try:
        about = path.stat()
        return path if stat.S_ISREG(about.st_mode) and about.st_size > 0 else None
    except (OSError, ValueError):
        return None
