"""What the measurement comes to: found of put in by size and muscle, the limits fitted, and those that were stated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from detector.recover_clip import Untouched
from detector.recover_fit import Curve, Estimate, Trials, misfit, pooled
from detector.regions import SITES
from detector.score import LIMIT_EACH, LIMIT_EVENTS, LIMIT_SIZES
from detector.simulate_plan import NOSE_MUSCLES
from detector.types import Session, Side

OUTSIDE = "outside the sizes tried"
SITE_INDEX = {(site.muscle, site.side): index for index, site in enumerate(SITES)}


@dataclass(frozen=True, slots=True)
class Trial:
    """One injected jerk and what became of it."""

    number: int  # of the pass, from 1
    muscle: str
    side: Side
    onset_s: float  # from the first frame
    size_mm: float
    size_px: float
    observed: bool  # wholly in time with a verdict on this muscle
    found: bool
    read_mm: float | None  # size that the program read; None when not found
    reason: str = ""  # why it was noticed but not kept; empty when found, or not noticed at all


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes found half and nine times in ten; None with the reason in ``note``."""

    found: int
    events: int
    d50: Estimate | None
    d90: Estimate | None
    curve: Curve | None
    note: str


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Events of one size."""

    size_mm: float
    size_px: float
    found: int
    events: int


@dataclass(frozen=True, slots=True)
class Stated:
    """What the analysis of the untouched clip says it would find, mm; None where it says nothing."""

    d50: float | None
    d90: float | None


@dataclass(frozen=True, slots=True)
class MuscleRow:
    """Events of one muscle, its sides together."""

    muscle: str
    limits_mm: Limits
    stated_mm: Stated


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found of what was put in."""

    session: Session  # of the untouched clip
    seed: int
    passes: int
    interrupted: bool
    own_findings: int  # episodes of the untouched clip; nothing was put near them
    observed_s: float  # in all passes together
    false_alarms: int  # episodes over no injected twitch and none of the clip's own
    sizes: tuple[SizeRow, ...]
    not_observed: tuple[int, int]  # found, events outside observed time
    limits_mm: Limits
    limits_px: Limits
    misfit: float | None  # probability of counts as far from the fitted curve as these
    stated_mm: Stated
    muscles: tuple[MuscleRow, ...]
    read_over_true: float | None  # median over those found
    trials: tuple[Trial, ...]

    def ratio(self, which: str) -> float | None:
        """Recovered over stated, of ``d50`` or ``d90``; None where one of them is not known."""
        here, there = getattr(self.limits_mm, which), getattr(self.stated_mm, which)
        return None if here is None or not there else here.value / there


def summary(
    clip: Untouched,
    seed: int,
    passes: int,
    interrupted: bool,
    observed_s: float,
    alarms: int,
    trials: Sequence[Trial],
) -> Recovery:
    """All measures of the trials."""
    seen = [trial for trial in trials if trial.observed]
    rows = []
    for size in sorted({trial.size_mm for trial in seen}):
        same = [trial for trial in seen if trial.size_mm == size]
        rows.append(SizeRow(size, median(t.size_px for t in same), sum(t.found for t in same), len(same)))
    muscles = []
    for muscle in dict.fromkeys(site.muscle for site in SITES):
        own = [trial for trial in seen if trial.muscle == muscle]
        if own:
            fit = limits([t.size_mm for t in own], [t.found for t in own])
            muscles.append(MuscleRow(muscle, fit, stated_over(clip.session, own)))
    fitted = limits([t.size_mm for t in seen], [t.found for t in seen])
    counts = [r.size_mm for r in rows], [r.found for r in rows], [r.events for r in rows]
    unseen = [trial.found for trial in trials if not trial.observed]
    gains = [t.read_mm / t.size_mm for t in seen if t.read_mm is not None]
    return Recovery(
        session=clip.session,
        seed=seed,
        passes=passes,
        interrupted=interrupted,
        own_findings=len(clip.findings),
        observed_s=observed_s,
        false_alarms=alarms,
        sizes=tuple(rows),
        not_observed=(sum(unseen), len(unseen)),
        limits_mm=fitted,
        limits_px=limits([t.size_px for t in seen], [t.found for t in seen]),
        misfit=None if fitted.curve is None else misfit(fitted.curve, *counts),
        stated_mm=stated_over(clip.session, seen),
        muscles=tuple(muscles),
        read_over_true=median(gains) if gains else None,
        trials=tuple(trials),
    )


def stated_curves(session: Session) -> dict[int, Curve]:
    """What the session says about each nasal muscle, as a curve through the sizes found half and nine times in ten."""
    curves = {}
    for index, site in enumerate(SITES):
        d50, d90 = session.limit50_mm.get(site.name, 0.0), session.limit90_mm.get(site.name, 0.0)
        if site.muscle in NOSE_MUSCLES and 0.0 < d50 <= d90 < math.inf:
            curves[index] = Curve(d50, math.log(9.0) / max(math.log(d90 / d50), 0.01))
    return curves


def stated_over(session: Session, trials: Sequence[Trial]) -> Stated:
    """What the session says about the muscles of these trials together, each as often as it is among them."""
    curves = stated_curves(session)
    sites = [SITE_INDEX[trial.muscle, trial.side] for trial in trials if trial.observed]
    known = sorted(set(sites) & set(curves))
    weights = [float(sites.count(site)) for site in known]
    half, most = (pooled([curves[site] for site in known], weights, share) for share in (0.5, 0.9))
    return Stated(half, most)


def limits(sizes: Sequence[float], hits: Sequence[bool]) -> Limits:
    """Fit the curve; with too few events for one, the note says what it takes."""
    found, events = sum(hits), len(hits)
    if events < LIMIT_EVENTS or len({f"{size:.2g}" for size in sizes}) < LIMIT_SIZES:
        return Limits(found, events, None, None, None, f"needs {LIMIT_EVENTS} events of {LIMIT_SIZES} sizes")
    if min(found, events - found) < LIMIT_EACH:
        return Limits(found, events, None, None, None, f"needs {LIMIT_EACH} found and {LIMIT_EACH} missed")
    fit = Trials(sizes, hits)
    if fit.curve is None:
        return Limits(found, events, None, None, None, "takes larger ones to be found more often")
    inside = [min(sizes) <= fit.curve.size(share) <= max(sizes) for share in (0.5, 0.9)]
    d50, d90 = (fit.estimate(share) if good else None for share, good in zip((0.5, 0.9), inside, strict=True))
    return Limits(found, events, d50, d90, fit.curve, "" if all(inside) else OUTSIDE)
