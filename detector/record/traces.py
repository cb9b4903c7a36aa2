"""The score and the floor of a session as traces for a timeline, from the signals file of its analysis.

Only columns that are named in the file itself are read, none of the measuring code is needed, and a file of another
version of nasalis with other areas of the face can be shown just the same.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detector.errors import SourceError

if TYPE_CHECKING:
    import h5py

SIDES = ("left", "right", "midline")
NEIGHBORS = ("orbicularis_oculi_lower", "zygomaticus")  # of regions.NEIGHBORS: areas where no twitch is looked for
_MARK = "nasalis_signals"
_ROWS = 64 * 256  # read at once: blocks of the file, 1 MB of scores
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError)


@dataclass(frozen=True, slots=True)
class Traces:
    """One value per frame; T frames.

    Attributes
    ----------
    t_s : (T,) float64
        Times, rising.
    scores : dict of side to (T,) float32
        The highest score of the areas on that side; NaN where nothing could be judged.
    floor_mm : (T,) float32
        The smallest twitch that would have been found in the middle one of the areas; NaN where unknown.
    observed : (T,) bool
        Whether there was a verdict on any area.
    """

    t_s: npt.NDArray[np.float64]
    scores: dict[str, npt.NDArray[np.float32]]
    floor_mm: npt.NDArray[np.float32]
    observed: npt.NDArray[np.bool_]


def signal_files(place: Path) -> dict[tuple[str, str], Path]:
    """Signals files by the session id and the hash of the source that they name.

    Parameters
    ----------
    place : Path
        A signals file, or a folder with some among other files; the newest of two for one session counts.

    Raises
    ------
    SourceError
        It does not exist, or it is a file of another kind.
    """
    if place.is_dir():
        files = [path for path in place.iterdir() if path.suffix.lower() in (".h5", ".hdf5", ".hdf")]
        found = {}
        for path in sorted(files, key=_age_ns):
            key = _session_of(path)
            if key is not None:
                found[key] = path
        return found
    if not place.exists():
        raise SourceError(f"{place} does not exist: name a file that nasalis analyze --signals has written")
    key = _session_of(place)
    if key is None:
        raise SourceError(f"{place} is not a signals file: name one that nasalis analyze --signals has written")
    return {key: place}


def read_traces(path: Path) -> Traces:
    """The traces of a signals file; memory is 22 bytes per frame, 24 MB for ten hours at 30 frames per second.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    import h5py

    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            return _read(file)
    except DAMAGE as error:
        raise SourceError(f"the signals file {path} cannot be read: analyze the clip again with --signals") from error


def _read(file: h5py.File) -> Traces:
    names = [bytes(name).decode() for name in file["region_names"][:]]
    nasal = [k for k, name in enumerate(names) if not name.startswith(NEIGHBORS)]
    of_side = {side: [k for k in nasal if _side(names[k]) == side] for side in SIDES}
    t_s = np.asarray(file["reading/t_s"][:], np.float64)
    scores = {side: np.full(len(t_s), np.nan, np.float32) for side in SIDES}
    floor_mm = np.full(len(t_s), np.nan, np.float32)
    observed = np.zeros(len(t_s), np.bool_)
    for rows in _blocks(len(t_s)):
        score = file["judged/score"][rows]
        for side, columns in of_side.items():
            if columns:
                # fmax passes over NaN without a warning for rows that have nothing else
                scores[side][rows] = np.fmax.reduce(score[:, columns], axis=1)
        floor_mm[rows] = _middle(file["judged/floor_mm"][rows][:, nasal])
        observed[rows] = file["judged/observed"][rows][:, nasal].any(axis=1)
    order = np.argsort(t_s, kind="stable")
    if not np.array_equal(order, np.arange(len(t_s))):  # clocks of some files step back
        t_s, floor_mm, observed = t_s[order], floor_mm[order], observed[order]
        scores = {side: values[order] for side, values in scores.items()}
    return Traces(t_s, scores, floor_mm, observed)


def _blocks(count: int) -> Iterator[slice]:
    for first in range(0, count, _ROWS):
        yield slice(first, min(first + _ROWS, count))


def _middle(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The lower median of each row, NaN only where nothing is known."""
    ordered = np.sort(values, axis=1)  # NaN last
    known = np.count_nonzero(~np.isnan(values), axis=1)
    return np.asarray(ordered[np.arange(len(values)), np.maximum(known - 1, 0) // 2], np.float32)


def _side(region: str) -> str:
    ending = region.rpartition("_")[2]
    return ending if ending in ("left", "right") else "midline"


def _age_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _session_of(path: Path) -> tuple[str, str] | None:
    """Session id and hash of the source, if this is a signals file."""
    import h5py

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with h5py.File(path, "r", locking="best-effort") as file:
            return (str(file.attrs["session_id"]), str(file.attrs["sha256"])) if _MARK in file.attrs else None
    except DAMAGE:
        return None
