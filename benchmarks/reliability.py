"""What the program states of its own limits, beside what it found: every clip measured once, decided as often as asked.

The signals of a clip are kept in the folder of the benchmarks, by a digest of the clip and of the sources that may have
a part in measuring; what decides may change without a picture being read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.material import ROOT, Group, Material, bench_dir, chosen_material, injected
from detector import regions
from detector.config import Sensitivity, Settings
from detector.deciding import Decider
from detector.readings import Reading
from detector.record.entries import REJECTED_KINDS
from detector.score import FoundEvent, TruthEvent, matched_pairs, read_truth
from detector.twitches import Detector, Moment
from detector.types import Episode, WhyNot

F64 = npt.NDArray[np.float64]

GROUPS: tuple[Group, ...] = ("tuning", "test")
ONLY = os.environ.get("NASALIS_BENCH_GROUP", "")  # injected clips of this group alone
# The twitch itself and the filters' answer to it reach less than NEAR_S; the noise of so far away is still its own.
NEAR_S, FAR_S = 0.3, 1.0
# Known only to decide: of every other source it is safer to think that the readings depend on it.
_DECIDED_BY = ("deciding", "episodes", "kinds", "noise", "null", "shape", "twitches")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of a clip at one sensitivity."""

    episodes: tuple[Episode, ...]  # told as twitches
    duration_s: float
    face_s: float
    observed_s: float
    not_observed_s: dict[str, float]  # per reason


@dataclass(frozen=True, slots=True)
class Stated:
    """What the program said at every moment of a clip, region by region, whether or not anything twitched."""

    t_s: F64  # (T,)
    observed: npt.NDArray[np.bool_]  # (T, R)
    needed_mm: F64  # (T, R)
    sigma_mm: F64  # (T, R) of the filtered height along the muscle's pull, as large as the skin's own motion


@dataclass(frozen=True, slots=True)
class Outcome:
    """An injected event: what was stated of its muscle around it, and what became of it."""

    material: Material
    truth: TruthEvent
    needed_mm: float | None  # None: the muscle was not observed
    sigma_mm: float | None
    found: Episode | None
    place_mm: float | None  # from the middle of its muscle to that of the region found

    @property
    def is_train(self) -> bool:
        return (self.truth.twitches or 1) > 1

    @property
    def size_mm(self) -> float:
        assert self.truth.amplitude_mm is not None
        return self.truth.amplitude_mm

    @property
    def ratio(self) -> float | None:
        """Size over the needed one; 1 is the stated limit."""
        return None if self.needed_mm is None else self.size_mm / max(self.needed_mm, 1e-3)

    @property
    def multiple(self) -> float | None:
        """Size over the standard deviation of the background."""
        return None if self.sigma_mm is None else self.size_mm / self.sigma_mm


def readings_of(clip: Path) -> list[Reading]:
    """What was measured of every frame."""
    from detector.record.signals import SignalFile
    from detector.session import analyze_clip

    folder = bench_dir() / "signals"
    folder.mkdir(exist_ok=True)
    sources = (file for file in sorted((ROOT / "detector").glob("*.py")) if file.stem not in _DECIDED_BY)
    made_by = b"".join(source.read_bytes() for source in sources)
    file = folder / f"{clip.stem}_{hashlib.sha256(clip.read_bytes() + made_by).hexdigest()[:12]}.h5"
    if not file.exists():
        for old in folder.glob(f"{clip.stem}_{'[0-9a-f]' * 12}.h5"):
            old.unlink()
        analyze_clip(clip, Settings(), signals=file)
    with SignalFile(file) as signals:
        return list(signals.readings())


def decide(readings: Sequence[Reading], sensitivity: Sensitivity = "normal") -> Verdict:
    """Episodes and times of a measured clip."""
    decider = Decider(Settings(sensitivity=sensitivity))
    episodes = tuple(e for e in decider.run(readings) if isinstance(e, Episode) and e.kind not in REJECTED_KINDS)
    known = decider.session_fields()
    return Verdict(episodes, decider.seconds(), known["face_s"], known["observed_s"], known["not_observed_s"])


def stated(readings: Sequence[Reading]) -> Stated:
    """Every moment of a measured clip: the decider keeps them to itself, its detector tells them."""
    settings = Settings()
    detector = Detector(settings)
    told: list[object] = []
    for reading in readings:
        if reading.sample is not None:
            told += detector.push(reading.sample)
        if reading.ends_stretch:
            told += detector.finish()
    told += detector.finish()
    moments = [item for item in told if isinstance(item, Moment)]
    count = len(regions.SITES)
    seen = [(m.floor_mm <= settings.floor_limit_mm) & (m.why_not == WhyNot.NONE) for m in moments]
    return Stated(
        np.array([m.t_s for m in moments]),
        np.array(seen, dtype=bool).reshape(-1, count),  # also without a moment
        np.array([m.needed_mm for m in moments], dtype=np.float64).reshape(-1, count),
        np.array([m.sigma_mm for m in moments], dtype=np.float64).reshape(-1, count),
    )


def outcomes() -> list[Outcome]:
    """Every injected event of the chosen people."""
    assert ONLY in ("", *GROUPS), f"NASALIS_BENCH_GROUP is one of {', '.join(GROUPS)}"
    chosen = [(material, seed) for material, seed in chosen_material() if ONLY in ("", material.group)]
    return [outcome for material, seed in chosen for outcome in _of_clip(material, *injected(material, seed))]


def _of_clip(material: Material, clip: Path, truth: Path) -> list[Outcome]:
    readings = readings_of(clip)
    events = [event for event in read_truth(truth) if not event.distractor]
    episodes = decide(readings).episodes
    pairs = dict(matched_pairs(events, [_as_found(episode) for episode in episodes]))
    moments = stated(readings)
    places = [reading.sample.centers_mm for reading in readings if reading.sample is not None]
    centers = np.median(places, axis=0)  # no table of the regions' places is public: those of this very face
    out = []
    for number, event in enumerate(events):
        region = _region(event)
        there = _around(moments, events, event, region)
        found = episodes[pairs[number]] if number in pairs else None
        apart = None if found is None else centers[regions.SITE_NAMES.index(found.region)] - centers[region]
        out.append(
            Outcome(
                material,
                event,
                float(np.median(moments.needed_mm[there, region])) if there.any() else None,
                float(np.median(moments.sigma_mm[there, region])) if there.any() else None,
                found,
                None if apart is None else float(np.hypot(*apart)),
            )
        )
    return out


def _as_found(episode: Episode) -> FoundEvent:
    return FoundEvent(
        name=str(episode.number),
        kind=episode.kind,
        side=episode.side,
        start_s=episode.start_s,
        end_s=episode.end_s,
        twitch_count=episode.twitch_count,
        peak_mm=episode.peak_mm,
        claimed=True,
        single=False,
    )


def _region(event: TruthEvent) -> int:
    return regions.SITE_NAMES.index(event.muscle if event.side == "midline" else f"{event.muscle}_{event.side}")


def _around(moments: Stated, events: Sequence[TruthEvent], event: TruthEvent, region: int) -> npt.NDArray[np.bool_]:
    """(T,) observed moments shortly before and after an event; none when its muscle was not observed at its onset.

    What is near any event is left out: a jerk on top of that one would have been needed to pass the other.
    """
    t_s, observed = moments.t_s, moments.observed[:, region]
    if not len(t_s):
        return observed
    nearest = int(np.argmin(np.abs(t_s - event.onset_s)))
    if abs(t_s[nearest] - event.onset_s) > Settings().max_gap_s or not observed[nearest]:
        return np.zeros_like(observed)
    there = (t_s >= event.onset_s - FAR_S) & (t_s <= event.offset_s + FAR_S) & observed
    for other in events:
        there &= (t_s < other.onset_s - NEAR_S) | (t_s > other.offset_s + NEAR_S)
    return there
