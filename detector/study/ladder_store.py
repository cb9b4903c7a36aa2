"""Ladders kept from one run of ``tune`` to the next, in the user's cache folder: the second look takes milliseconds.

A ladder is named by a digest of the signals, of the versions and of the sources that decide: what has changed since is
decided anew. Nothing depends on the folder; it may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

import detector
from detector.record.files import make_private
from detector.record.signals import SignalFile
from detector.session import DECIDING, settings_of, versions
from detector.study.ladder import RUNGS, Ladder, decide_at_all

# What has a part in deciding; the rest of the program may change without a ladder being decided anew.
SOURCES = (
    *("config", "context", "coupling", "deciding", "episodes", "grid", "held", "kernels", "kernels_bumps"),
    *("kernels_crop", "kernels_deciding", "kernels_fit", "kernels_looks", "kernels_noise", "kernels_patches", "kinds"),
    *("lids", "locking", "motion", "movement", "neighbors", "noise", "null", "ordinary", "ordinary_episodes"),
    *("patterns", "placement", "readings", "regions", "registration", "resting", "shape", "sliding", "smiles"),
    *("study/ladder", "summary", "twitches", "types"),
)
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
_FIELDS = ("rung", "start_s", "end_s", "observed", "first_s", "last_s")


def kept_ladder(signals: SignalFile, folder: Path | None = None) -> Ladder | None:
    """The ladder that an earlier run kept; None when there is none.

    Parameters
    ----------
    signals : SignalFile
    folder : Path, optional
        Where ladders are kept; default in the user's cache folder.
    """
    # what a crash or a full disk left of one is no ladder either, whatever the reader stumbles over
    with contextlib.suppress(*_UNREADABLE), np.load(_place(signals, folder)) as file:
        arrays = [file[name] for name in _FIELDS[:4]]
        return Ladder(*arrays, *(float(file[name]) for name in _FIELDS[4:]))
    return None


def make_ladder(
    signals: SignalFile, on_time: Callable[[float], None] | None = None, folder: Path | None = None
) -> Ladder:
    """The ladder decided now, and kept.

    Parameters
    ----------
    signals : SignalFile
    on_time : callable, optional
        Called with the time of each frame decided.
    folder : Path, optional
        As in :func:`kept_ladder`; one that cannot be written costs the next run its time, and nothing else.
    """
    ladder = decide_at_all(signals.readings(), settings_of(signals), on_time)
    place = _place(signals, folder)
    with contextlib.suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}.part.npz")
        make_private(part)
        np.savez(part, **{name: np.asarray(getattr(ladder, name)) for name in _FIELDS})  # type: ignore[arg-type]
        part.replace(place)
    return ladder


def _place(signals: SignalFile, folder: Path | None) -> Path:
    return (ladder_folder() if folder is None else folder) / f"{_name(signals)}.npz"


def ladder_folder() -> Path:
    """Where ladders are kept."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("nasalis", appauthor=False)) / "tune"


def _name(signals: SignalFile) -> str:
    session, about = signals.session, signals.path.stat()
    known = versions()
    what = [
        session.session_id, session.sha256, session.settings, session.status, about.st_size, about.st_mtime_ns,
        [known[name] for name in DECIDING], RUNGS,
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    for name in SOURCES:
        digest.update((Path(detector.__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:24]
