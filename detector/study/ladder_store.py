"""Ladders kept from one run of ``tune`` to the next, in the user's cache folder: the second look takes milliseconds.

A ladder is named by a digest of the signals, of the versions and of the sources that decide: what has changed since is
decided anew. Nothing depends on the folder; it may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

import detector
from detector.record.signals import SignalFile
from detector.session import DECIDING, settings_of, versions
from detector.study.ladder import RUNGS, Ladder, decide_at_all

# What has a part in deciding; the rest of the program may change without a ladder being decided anew.
SOURCES = (
    *("config", "context", "coupling", "deciding", "episodes", "grid", "held", "kernels", "kinds", "lids", "locking"),
    *("motion", "movement", "neighbors", "noise", "null", "ordinary", "ordinary_episodes", "patterns", "placement"),
    *("readings", "regions", "registration", "resting", "shape", "smiles", "study/ladder", "summary", "twitches"),
    "types",
)
_FIELDS = ("rung", "start_s", "end_s", "observed", "first_s", "last_s")


def ladder_of(
    signals: SignalFile, on_time: Callable[[float], None] | None = None, folder: Path | None = None
) -> Ladder:
    """The ladder of a signals file: the one kept, or decided now and kept.

    Parameters
    ----------
    signals : SignalFile
    on_time : callable, optional
        Called with the time of each frame, when it has to be decided.
    folder : Path, optional
        Where ladders are kept; default in the user's cache folder.
    """
    kept = (folder or _folder()) / f"{_name(signals)}.npz"
    with contextlib.suppress(OSError, ValueError, KeyError), np.load(kept, allow_pickle=False) as file:
        arrays = [file[name] for name in _FIELDS[:4]]
        return Ladder(*arrays, *(float(file[name]) for name in _FIELDS[4:]))
    ladder = decide_at_all(signals.readings(), settings_of(signals), on_time)
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time only
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npz")
        np.savez(part, **{name: np.asarray(getattr(ladder, name)) for name in _FIELDS})  # type: ignore[arg-type]
        part.replace(kept)
    return ladder


def _folder() -> Path:
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
