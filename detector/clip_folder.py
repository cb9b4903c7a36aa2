"""The folder of the clips round episodes: for its owner only, and never larger than its cap.

Only files with a name of our own making are ever counted or removed.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.errors import OutputError, UsageError

STALE_S = 3600.0  # a half-written clip this old is that of a program that died
_PART = ".nasalis-clip-"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*-e\d{4,}\.mp4")  # what episode_id() of the log gives
_MB = 1e6


@dataclass(frozen=True, slots=True, order=True)
class Clip:
    """A clip in the folder; they sort by age, oldest first."""

    written_ns: int
    size: int  # bytes
    path: Path


class ClipFolder:
    """``path``, made for its owner only (0700) when it is not there; one that is there keeps its mode.

    Parameters
    ----------
    path : Path
    cap_mb : float
        Megabytes that the clips in it may take, > 0.

    Raises
    ------
    UsageError
        The cap leaves no room.
    OutputError
        Nothing can be written there.
    """

    def __init__(self, path: Path, cap_mb: float) -> None:
        if not cap_mb > 0.0:
            raise UsageError(f"A limit of {cap_mb:g} MB leaves no room for clips: give more than 0.")
        self.path, self.cap_mb = path, cap_mb
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
            for part in part_folders(path):
                if time.time() - part.stat().st_mtime > STALE_S:
                    shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputError(f"{path} cannot hold clips ({reason}): name another folder for them.") from error

    def clips(self) -> list[Clip]:
        """Those with a name of ours, oldest first."""
        found = []
        for path in self.path.iterdir():
            if is_clip_name(path.name):
                with contextlib.suppress(OSError):  # another program may have removed it
                    about = path.lstat()
                    if stat.S_ISREG(about.st_mode):
                        found.append(Clip(about.st_mtime_ns, about.st_size, path))
        return sorted(found)

    @contextlib.contextmanager
    def part(self) -> Iterator[Path]:
        """A folder inside, for its owner only, where a clip can be written; gone afterwards."""
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=self.path))
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def take(self, file: Path) -> list[Path] | None:
        """Move a finished clip in, after the oldest have been removed until there is room for it.

        Returns
        -------
        list of Path or None
            Those that were removed; None when the clip alone is larger than the cap, and nothing was done.
        """
        room = self.cap_mb * _MB - file.stat().st_size
        if room < 0.0:
            return None
        file.chmod(0o600)
        newest_first = [clip for clip in reversed(self.clips()) if clip.path.name != file.name]
        filled = itertools.accumulate(clip.size for clip in newest_first)
        removed = [clip.path for clip, total in zip(newest_first, filled, strict=True) if total > room][::-1]
        for path in removed:
            path.unlink(missing_ok=True)
        file.replace(self.path / file.name)
        return removed


def part_folders(path: Path) -> list[Path]:
    """Folders inside in which a clip is being written, or was by a program that died."""
    return sorted(part for part in path.glob(f"{_PART}*") if part.is_dir() and not part.is_symlink())


def is_clip_name(name: str) -> bool:
    """Whether a clip of ours could have this name: the id of an episode and ``.mp4``."""
    return _NAME.fullmatch(name) is not None
