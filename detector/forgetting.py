"""``nasalis forget``: what is found of a session besides the log, removed with it, and what cannot be.

Files go first and the log last: stopped halfway, the same call finds the rest again.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.container import sha256_of
from detector.errors import OutputError, UsageError
from detector.record.files import whole_name
from detector.record.forget import Found, Wanted, erase, find, refuse_living

if TYPE_CHECKING:
    from rich.table import Table

# what no program of ours knows the places of, or could reach
OUT_OF_REACH = (
    "the recordings themselves; files written from the log or beside it (CSV, JSON, reports, signals, overlays, "
    "replays, snapshots); backups and snapshots of the disk; what a disk keeps of blocks it no longer uses, "
    "which only an encrypted disk makes unreadable"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one call would remove."""

    found: Found
    clips: tuple[Path, ...]  # of live --record-clips
    replays: tuple[Path, ...]  # in the cache of the review page
    ladders: tuple[Path, ...]  # in the cache of tune; they name no session, so all of them go
    damaged: tuple[Path, ...]  # logs that a repair has kept, removed only with all sessions and the journal

    def __bool__(self) -> bool:
        return bool(self.found)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that would be removed."""
        return (*self.clips, *self.replays, *self.ladders, *(self.damaged if self.found.everything else ()))

    def counts(self) -> dict[str, int]:
        """How many of what, in the order they are told."""
        rows = self.found.counts
        return {
            "session": rows["sessions"], "episode": rows["episodes"], "twitch": rows["twitches"],
            "review": rows["reviews"], "felt marker": rows["markers"], "gap": rows["gaps"],
            "journal entry": len(self.found.entries), "clip": len(self.clips),
            "cached replay": len(self.replays), "cached tuning": len(self.ladders),
            "damaged log file": len(self.damaged) if self.found.everything else 0,
        }  # fmt: skip

    def document(self, removed: bool) -> dict[str, Any]:
        """The same for ``--json``."""
        from detector.tables import plural_of

        runs = self.found.runs
        return {
            "log": str(self.found.path),
            "removed": removed,
            "counts": {plural_of(name).replace(" ", "_"): count for name, count in self.counts().items()},
            "sessions": [
                {"session_id": run.session.session_id, "source": run.session.source, "start": run.session.start_utc}
                for run in runs
            ],
            "journal_entries": [entry.key for entry in self.found.entries],
            "files": [str(path) for path in self.files],
            "not_removed": OUT_OF_REACH,
        }


def plan(log: Path | None, wanted: Wanted, clips: Path | None) -> Plan:
    """Look for everything that fits; nothing is changed.

    Raises
    ------
    UsageError
        It is not said what is meant, or ``clips`` is no folder.
    LogError
        There is no log, or it cannot be read.
    """
    if clips is not None and not clips.is_dir():
        raise UsageError(f"{clips} is no folder: name the one with the clips.")
    named = Path(wanted.source)
    is_there = bool(wanted.source) and named.is_file() and os.access(named, os.R_OK)
    found = find(log, wanted, sha256_of(named) if is_there else "")
    if not found:
        return Plan(found, (), (), (), ())
    damaged = found.path.absolute().parent.glob(f"{glob.escape(found.path.name)}.damaged-*")
    return Plan(
        found,
        () if clips is None else tuple(_clips(found, clips)),
        tuple(_replays(found)) if found.runs else (),
        tuple(_ladders()) if found.runs else (),
        tuple(sorted(damaged)),
    )


def carry_out(planned: Plan) -> bool:
    """Remove it; False when bytes of it stay in the log's files until another program closes the log.

    Raises
    ------
    OutputError
        A file cannot be removed; the log is untouched then.
    LogError
        The log cannot be written, or a session is still going on; then nothing is gone.
    """
    refuse_living(planned.found)
    for path in planned.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be removed ({error.strerror or error}), and the log still holds all: make its folder "
                "writable or remove it yourself, then try again"
            ) from error
    return erase(planned.found) if planned.found else True


def table_of(planned: Plan) -> Table:
    """The sessions, one a line."""
    from detector.tables import data_table

    episodes = {run.run: 0 for run in planned.found.runs}
    for run, _, number in planned.found.episodes:
        episodes[run] += number > 0
    rows = [
        (
            run.session.session_id,
            run.session.start_utc[:16].replace("T", " ") or "-",
            run.session.source,
            str(episodes[run.run]),
            f"{run.session.status}, superseded" if run.superseded else run.session.status,
        )
        for run in planned.found.runs
    ]
    return data_table(("=session", "recorded", "source", ">episodes", "status"), rows)


def _clips(found: Found, folder: Path) -> Iterator[Path]:
    """Clips of the sessions, also of episodes that the log no longer lists."""
    from detector.clip_folder import is_clip_name

    ids = {run.session.session_id for run in found.runs}
    return _videos(folder, lambda name: is_clip_name(name) and name.rpartition("-e")[0] in ids)


def _replays(found: Found) -> Iterator[Path]:
    from detector.study.review.replays import replay_folder, replay_name

    ours = {replay_name(name, number) for _, name, number in found.episodes}
    return _videos(replay_folder(), lambda name: name.endswith(".mp4") if found.every_run else name in ours)


def _videos(folder: Path, is_ours: Callable[[str], bool]) -> Iterator[Path]:
    """Those in the folder, and what a program that was killed had written of one."""
    from detector.clip_folder import part_folders

    for place in (folder, *part_folders(folder)):
        yield from _files(place, lambda name: is_ours(whole_name(name)))


def _ladders() -> Iterator[Path]:
    from detector.study.ladder_store import ladder_folder

    yield from _files(ladder_folder(), lambda name: name.endswith(".npz"))


def _files(folder: Path, is_ours: Callable[[str], bool]) -> Iterator[Path]:
    if folder.is_dir():
        # a link that somebody laid there is none of ours
        yield from sorted(p for p in folder.iterdir() if is_ours(p.name) and p.is_file() and not p.is_symlink())
