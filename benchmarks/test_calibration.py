"""Does the program keep its word: false alarms as rare as asked for, twitches found from the stated limit on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import chi2

from benchmarks.clean import MOVING, RENDERED, RESTING, SENSITIVITIES, Clean, clean_clips
from benchmarks.material import bench_dir, show
from benchmarks.reliability import FAR_S, GROUPS, NEAR_S, ONLY, Outcome, outcomes
from benchmarks.reliability_plot import RATIO_EDGES, binned, draw, labels, trials, wilson
from detector.config import FALSE_ALARMS_PER_HOUR

MULTIPLE_EDGES = (4.0, 7.0, 10.0, 14.0, 20.0)


@pytest.fixture(scope="module")
def clean() -> list[Clean]:
    return clean_clips()


@pytest.fixture(scope="module")
def events() -> list[Outcome]:
    return outcomes()


def poisson(count: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean behind a count."""
    low = 0.5 * float(chi2.ppf(0.025, 2 * count)) if count else 0.0
    return low, 0.5 * float(chi2.ppf(0.975, 2 * count + 2))


def rate(count: int, observed_s: float, per_s: float) -> str:
    """A count as a rate with its interval."""
    per, form = per_s / observed_s, ".0f" if per_s > 60.0 else ".1f"
    low, high = poisson(count)
    return f"{count * per:{form}} ({low * per:{form}}-{high * per:{form}})"


def alarm_row(label: str, clips: Sequence[Clean]) -> list[str]:
    """One line of the table of false alarms."""
    observed_s = sum(clip.normal.observed_s for clip in clips)
    cells = [label, f"{observed_s:.1f}"]
    for level in SENSITIVITIES:
        count = sum(len(clip.verdicts[level].episodes) for clip in clips)
        asked = FALSE_ALARMS_PER_HOUR[level] * observed_s / 3600.0
        cells += [str(count), rate(count, observed_s, 3600.0), f"{asked:.2f}"]
    return cells


def silence_row(label: str, does: str, clips: Sequence[Clean]) -> list[str]:
    """One line of the table of what is not observed."""
    face_s, observed_s = (sum(getattr(clip.normal, name) for clip in clips) for name in ("face_s", "observed_s"))
    why: Counter[str] = Counter()
    for clip in clips:
        why.update({name: s for name, s in clip.normal.not_observed_s.items() if name != "no_face"})
    count = sum(len(clip.normal.episodes) for clip in clips)
    return [
        label,
        does,
        f"{face_s:.1f}",
        f"{1.0 - observed_s / face_s:.0%}" if face_s else "-",
        ", ".join(f"{name} {seconds:.1f}" for name, seconds in why.most_common(2)),
        f"{observed_s:.1f}",
        str(count),
        rate(count, observed_s, 60.0) if observed_s else "-",
    ]


def share(chosen: Sequence[Outcome], interval: bool = False) -> str:
    """Found of all, with the interval below it if wanted."""
    if not chosen:
        return "-"
    found = sum(o.found is not None for o in chosen)
    if not interval:
        return f"{found}/{len(chosen)}"
    low, high = wilson(found, len(chosen))
    return f"{found}/{len(chosen)}\n{100 * low:.0f}-{100 * high:.0f} %"


def by_bin(
    edges: Sequence[float], chosen: Sequence[Outcome], value: Callable[[Outcome], float | None]
) -> list[list[Outcome]]:
    """The events of each bin, and last those whose muscle was not observed."""
    places = binned(edges, [value(o) for o in chosen])
    which = [*range(len(edges) + 1), None]
    return [[o for o, at in zip(chosen, places, strict=True) if at == wanted] for wanted in which]


def reliability_row(label: str, chosen: Sequence[Outcome]) -> list[str]:
    """One line of the table of stated limits."""
    fit = trials(chosen)
    half = "-"
    if fit is not None:
        limit = fit.estimate(0.5)
        ends = ["?" if end is None else f"{end:.2f}" for end in (limit.low, limit.high)]
        half = f"{limit.value:.2f}\n{ends[0]}-{ends[1]}"
    return [label, *(share(inside, interval=True) for inside in by_bin(RATIO_EDGES, chosen, lambda o: o.ratio)), half]


def spread(values: Sequence[float], form: str) -> str:
    if not values:
        return "-"
    lower, median, upper = np.percentile(values, (25, 50, 75))
    return f"{median:{form}} ({lower:{form}} to {upper:{form}})"


def background_row(label: str, chosen: Sequence[Outcome]) -> list[str]:
    """One line of the table by multiples of the background."""
    found = [(o, o.found) for o in chosen if o.found is not None]
    sided = [(o.truth.side, episode.side) for o, episode in found if o.truth.side in ("left", "right")]
    kinds = [[o for o in chosen if low <= (o.truth.twitches or 1) <= high] for low, high in ((1, 1), (4, 99), (2, 3))]
    return [
        label,
        *(share(kind) for kind in kinds),
        spread([o.place_mm for o, _ in found if o.place_mm is not None], ".1f"),
        spread([100.0 * (episode.peak_mm / o.size_mm - 1.0) for o, episode in found], "+.0f"),
        spread([1000.0 * (episode.start_s - o.truth.onset_s) for o, episode in found], "+.0f"),
        f"{sum(there == here for there, here in sided)}/{len(sided)}",
    ]


@pytest.mark.benchmarks
def test_false_alarms_against_the_asked_rate(clean: list[Clean]) -> None:
    seen = [clip for clip in clean if clip.normal.observed_s > 0.0]
    rows = []
    for group in (RESTING, MOVING, RENDERED):
        inside = [clip for clip in seen if clip.group == group]
        rows += [alarm_row(clip.name, [clip]) for clip in inside]
        if inside:
            rows.append(alarm_row(f"= {group}", inside))
    footage = [clip for clip in seen if clip.group != RENDERED]
    rows += [alarm_row("= all footage", footage), alarm_row("= all", seen)]
    columns = [f"{level}\n{name}" for level in SENSITIVITIES for name in ("false", "per hour (95 %)", "expected")]
    show(
        "False alarms on footage without injected twitches",
        ["clip", "observed s", *columns],
        rows,
        f"{len(clean) - len(seen)} clips without observed time are left out. Expected: how many the asked rate "
        f"({', '.join(f'{FALSE_ALARMS_PER_HOUR[level]:g}' for level in SENSITIVITIES)} per observed hour) would give. "
        "Every episode counts; natural twitches of these people cannot be excluded. Exact Poisson intervals. "
        "(test): a person not tuned on.",
    )
    assert footage and any(clip.group == RENDERED for clip in seen)
    for clip in clean:
        assert len({verdict.observed_s for verdict in clip.verdicts.values()}) == 1, clip.name
        assert 0.0 <= clip.normal.observed_s <= clip.normal.face_s + 1e-6, clip.name
        assert clip.normal.face_s <= clip.normal.duration_s + 1e-6, clip.name


@pytest.mark.benchmarks
def test_what_is_not_observed_of_people_who_talk_and_move(clean: list[Clean]) -> None:
    moving = [clip for clip in clean if clip.group == MOVING]
    rows = [silence_row(clip.name, clip.does, [clip]) for clip in moving]
    show(
        "People who talk and move (sensitivity normal)",
        ["clip", "does", "face s", "not observed", "mainly, s", "observed s", "false", "per observed min (95 %)"],
        [*rows, silence_row("= all", "", moving)],
        "Not observed: share of the time with a face. Every episode counts as a false alarm.",
    )
    assert moving and any(clip.normal.face_s > 0.0 for clip in moving)


@pytest.mark.benchmarks
def test_found_against_the_stated_limit(events: list[Outcome]) -> None:
    rows = []
    for group in GROUPS:
        here = [o for o in events if o.material.group == group]
        for name, train in (("singles", False), ("trains", True)):
            chosen = [o for o in here if o.is_train == train]
            if chosen:
                rows.append(reliability_row(f"{group}, {name}", chosen))
        if here:
            rows.append(reliability_row(f"{group}, all", here))
    picture = bench_dir() / "reliability.png"
    draw(events, picture)
    show(
        "Found/events by size over the needed size stated for their muscle (sensitivity normal)",
        ["people", *labels(RATIO_EDGES), "not observed", "half found at"],
        rows,
        f"Needed: median over the observed moments {NEAR_S:g}-{FAR_S:g} s before and after the event. Wilson 95 % "
        "intervals. Half found at: logistic fit with its 95 % profile interval; 1 when the limit is what it says. "
        f"Not observed: at the onset. Picture: {picture.name}.",
    )
    assert events and picture.stat().st_size > 0
    assert {o.material.group for o in events} == ({ONLY} if ONLY else set(GROUPS))
    assert all(o.needed_mm is None or 0.0 < o.needed_mm < 100.0 for o in events)


@pytest.mark.benchmarks
def test_found_by_multiples_of_the_background(events: list[Outcome]) -> None:
    rows = []
    names = [*(f"{name} SD" for name in labels(MULTIPLE_EDGES)), "not observed"]
    for group in GROUPS:
        here = [o for o in events if o.material.group == group]
        for name, chosen in zip(names, by_bin(MULTIPLE_EDGES, here, lambda o: o.multiple), strict=True):
            if chosen:
                rows.append(background_row(f"{group}, {name}", chosen))
        if here:
            rows.append(background_row(f"{group}, all", here))
    show(
        "Injected twitches by size over the local standard deviation of the same measurement (sensitivity normal)",
        ["people, size", "singles", "trains of 4+", "other trains", "place, mm", "size, %", "onset, ms", "side"],
        rows,
        "SD: of the filtered height along the muscle's pull, gain-corrected, median around the event as above. "
        "Place: from the middle of the muscle to that of the region found. Of found events: median (quartiles); "
        "side: one-sided events called right.",
    )
    assert events and all(o.sigma_mm is None or o.sigma_mm > 0.0 for o in events)
    assert any(o.found is not None for o in events)
