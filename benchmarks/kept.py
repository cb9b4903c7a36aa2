"""Measurements of the injected clips that are kept on disk: the rivals' records and the program's own.

A file is named by a digest of the clip and of the sources it was made by: what has changed since is made anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import rival_scores, rivals, rivals_crop
from benchmarks.material import ROOT, Material, bench_dir, injected
from benchmarks.rival_scores import Peaks, Record, Variant, peaks_of, read
from benchmarks.rivals_crop import CROPPED
from detector import regions
from detector.config import Settings
from detector.motion import BUMP_MM, LATTICE_MM
from detector.score import TruthEvent, read_truth

NASAL = np.flatnonzero(regions.IS_NASAL)
SIDES = tuple(regions.SITES[k].side for k in NASAL)
# Take what is kept although the sources have changed since: for a change that is known to leave results as they are.
STALE = bool(os.environ.get("NASALIS_BENCH_STALE"))
# What measures our own; all else in detector/ decides, from the same signals.
_MEASURED_BY = ("face", "frames", "gain", "kernels", "measuring", "motion", "placement", "registration")
# What places the rivals' crop and sites. Delete the folder after a change to decoding or to the schedule of the mesh.
_PLACED_ON = (regions.SITES, regions.RIGID, regions.RIGID_MM, LATTICE_MM.tolist(), BUMP_MM, Settings().digest())


@dataclass(frozen=True, slots=True)
class Clip:
    """One injected clip and everything measured on it."""

    material: Material
    truth: tuple[TruthEvent, ...]
    rivals: dict[Variant, Peaks]
    own: Record  # t_s (T,), score (T, R), observed (T, R); peak_s (P,) and side (P,) of the jerks of found episodes
    length_s: float
    observed_s: float

    def score_peaks(self, observed_only: bool) -> Peaks:
        """Peaks of the program's score, treated as a rival's."""
        scored = np.isfinite(self.own["score"]).any(axis=1)  # a repeated frame has no score of its own
        score, observed = (self.own[name][scored][:, NASAL] for name in ("score", "observed"))
        return peaks_of(self.own["t_s"][scored], np.where(observed, score, 0.0) if observed_only else score, SIDES)

    def told_peaks(self) -> Peaks:
        """Jerks of the episodes that the program tells of; all of the same score, for they have passed."""
        t_s = self.own["peak_s"]
        return Peaks(t_s, np.ones(len(t_s)), tuple(str(side) for side in self.own["side"]), True, self.length_s)


def measured(material: Material, seed: int, variants: Sequence[Variant]) -> Clip:
    """The clip, made and measured where that is not kept from an earlier time."""
    path, truth = injected(material, seed)
    own = _kept(path, "own", _digest([*(ROOT / "detector").rglob("*.py"), Path(__file__)]), lambda: _own(path))
    length_s, observed_s = (float(own[name]) for name in ("length_s", "observed_s"))
    return Clip(material, tuple(read_truth(truth)), _rivals(path, variants), own, length_s, observed_s)


def _rivals(path: Path, variants: Sequence[Variant]) -> dict[Variant, Peaks]:
    def make() -> Record:
        record = _record(path, sorted({variant.measure for variant in variants}))
        flat: Record = {}
        for number, variant in enumerate(variants):
            peaks = read(record, variant)
            flat |= {f"{number}_t_s": peaks.t_s, f"{number}_score": peaks.score}
            flat |= {f"{number}_side": np.array(peaks.side, dtype=str)}
            flat |= {f"{number}_finite": np.array(peaks.finite), f"{number}_covered_s": np.array(peaks.covered_s)}
        return flat

    sources = (Path(rival_scores.__file__), ROOT / "detector" / "grid.py")
    kind = "peaks-" + hashlib.sha256(repr(list(variants)).encode()).hexdigest()[:6]
    flat = _kept(path, kind, _rivals_digest() + _digest(sources), make)
    out = {}
    for number, variant in enumerate(variants):
        t_s, score, side, finite, covered_s = (
            flat[f"{number}_{name}"] for name in ("t_s", "score", "side", "finite", "covered_s")
        )
        out[variant] = Peaks(t_s, score, tuple(side.tolist()), bool(finite), float(covered_s))
    return out


def _record(path: Path, wanted: Sequence[str]) -> Record:
    """What the rivals measured, each measurement kept by itself: one more does not have the others made anew."""
    missing = [name for name in wanted if not _file(path, name, "npz", _rivals_digest()).exists()]
    made = rivals.measure(path, missing) if missing else {}
    out: Record = {}
    for name in wanted:
        names = [name, "t_s", *(["shapes"] if name == "blendshapes" else ["centers_mm"] if name in CROPPED else [])]
        out |= _kept(path, name, _rivals_digest(), lambda names=names: {key: made[key] for key in names})
    return out


def _own(path: Path) -> Record:
    """What ``analyze`` finds and every score on the way; NaN for a frame without one."""
    from detector.pipeline import Measured
    from detector.record.entries import REJECTED_KINDS
    from detector.record.signals import SignalFile
    from detector.session import analyze_clip, rescore_signals

    sources = [ROOT / "detector" / f"{name}.py" for name in _MEASURED_BY]
    file = _file(path, "signals", "h5", _digest(sources) + repr(_PLACED_ON).encode())
    if not file.exists():
        analyze_clip(path, Settings(), signals=file)
    seen: list[Measured] = []

    def keep(event: object) -> None:
        if isinstance(event, Measured):
            seen.append(event)

    with SignalFile(file) as signals:
        result = rescore_signals(signals, on_event=keep)
    nothing, unseen = np.full(len(regions.SITES), np.nan), np.zeros(len(regions.SITES), dtype=bool)
    told = [episode for episode in result.episodes if episode.kind not in REJECTED_KINDS]
    jerks = [(twitch.peak_s, episode.side) for episode in told for twitch in episode.twitches]
    return {
        "t_s": np.array([frame.t_s for frame in seen]),
        "score": np.array([nothing if frame.score is None else frame.score for frame in seen]),
        "observed": np.array([unseen if frame.motion is None else frame.motion.observed for frame in seen]),
        "peak_s": np.array(sorted(peak_s for peak_s, _ in jerks)),
        "side": np.array([side for _, side in sorted(jerks)], dtype=str),
        "length_s": np.array(result.session.duration_s),
        "observed_s": np.array(result.session.observed_s),
    }


def stale_note() -> str:
    """For a table's caption."""
    return "MEASURED BY OLDER SOURCES, as NASALIS_BENCH_STALE asks for." if STALE else ""


def _rivals_digest() -> bytes:
    sources = (Path(rivals.__file__), Path(rivals_crop.__file__), ROOT / "detector" / "placement.py")
    return _digest(sources) + repr(_PLACED_ON).encode()


def _digest(sources: Iterable[Path]) -> bytes:
    return b"".join(hashlib.sha256(source.read_bytes()).digest() for source in sorted(sources))


def _file(path: Path, kind: str, suffix: str, made_by: bytes) -> Path:
    """Where that is kept of a clip; what older sources made of it is removed."""
    folder = bench_dir() / "heart"
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(path.read_bytes() + made_by).hexdigest()[:12]
    file = folder / f"{path.stem}_{kind}_{digest}.{suffix}"
    there = [old for old in folder.glob(f"{path.stem}_{kind}_*.{suffix}") if ".part." not in old.name]
    if STALE and there:
        return max(there, key=lambda old: old.stat().st_mtime)
    for old in there:
        if old != file:
            old.unlink()
    return file


def _kept(path: Path, kind: str, made_by: bytes, measure: Callable[[], Record]) -> Record:
    file = _file(path, kind, "npz", made_by)
    if not file.exists():
        made: dict[str, npt.NDArray[Any]] = {name: np.asarray(value) for name, value in measure().items()}
        part = file.with_suffix(".part.npz")
        np.savez(part, **made)  # type: ignore[arg-type]
        part.rename(file)  # a run that is stopped leaves no half a file
    with np.load(file) as kept:
        return {name: kept[name] for name in kept.files}
