"""How far each area of the face was pulled, frame by frame, from the signals file of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.errors import SourceError
from detector.record.traces import DAMAGE
from detector.regions import SITES


@dataclass(frozen=True, slots=True)
class Heights:
    """One value per frame and area; T frames, R areas.

    Attributes
    ----------
    t_s : (T,) float64
        Times, rising.
    names : tuple of str
        Of the R areas.
    pull_mm : (T, R) float32
        Excursion along the pull of the area's muscle, mm, zero at the median of each unbroken stretch, as only changes
        mean anything; NaN where nothing was measured.
    """

    t_s: npt.NDArray[np.float64]
    names: tuple[str, ...]
    pull_mm: npt.NDArray[np.float32]


def read_heights(path: Path) -> Heights:
    """The excursions in a signals file; areas that this version does not know are left out.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    import h5py

    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            there = [bytes(name).decode() for name in file["region_names"][:]]
            t_s = np.asarray(file["reading/t_s"][:], np.float64)
            breaks = np.asarray(file["reading/ends_stretch"][:], np.bool_)
            height = np.full((len(t_s), len(there), 2), np.nan, np.float32)
            if "height_mm" in file["sample"]:  # none when no frame had a face
                height[:] = file["sample/height_mm"][:, : len(there)]
    except DAMAGE as error:
        raise SourceError(f"the signals file {path} cannot be read: analyze the clip again with --signals") from error
    known = [site for site in SITES if site.name in there]
    pull = np.deg2rad([site.pull_deg for site in known])
    height = height[:, [there.index(site.name) for site in known]]
    along = height[..., 0] * np.cos(pull) - height[..., 1] * np.sin(pull)  # y is down, 90 degrees is up
    for rows in _stretches(breaks):
        part = along[rows]
        told = ~np.isnan(part).all(axis=0)
        part[:, told] -= np.nanmedian(part[:, told], axis=0)
    order = np.argsort(t_s, kind="stable")  # clocks of some files step back
    return Heights(t_s[order], tuple(site.name for site in known), along[order].astype(np.float32))


def _stretches(breaks: npt.NDArray[np.bool_]) -> list[slice]:
    ends = [*(np.flatnonzero(breaks) + 1).tolist(), len(breaks)]
    starts = [0, *ends[:-1]]
    return [slice(a, b) for a, b in zip(starts, ends, strict=True) if b > a]
