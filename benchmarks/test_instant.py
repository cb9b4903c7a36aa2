"""What the flash of the live window loses against the log, which sees what comes after: past only beside two-sided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.material import QUICK, Material, chosen_material, injected, show
from benchmarks.reliability import GROUPS, ONLY, decide, readings_of
from detector.config import Settings
from detector.instant import Flasher
from detector.readings import Reading
from detector.score import TruthEvent, read_truth

REACH_S = 0.2  # as of ``nasalis score``: an event is widened by this
HEADER = (
    "people",
    "events",
    "found by the log",
    "flashed",
    "both",
    "false in the log",
    "false flashes",
    "told after, ms",
)


@dataclass(frozen=True, slots=True)
class Both:
    """One event, or a false alarm where there is no event, as the log and the flash saw it."""

    logged: int
    flashed: int
    after_s: float | None  # from the onset of the event to its flash


def flashes(readings: list[Reading]) -> list[tuple[float, float]]:
    """Time of each flash, and of the frame that set it off."""
    flasher, out = Flasher(Settings()), []
    for reading in readings:
        flash = None if reading.sample is None else flasher.push(reading.sample)
        if flash is not None:
            out.append((flash.t_s, reading.t_s))
        if reading.ends_stretch:
            flasher.finish()
    return out


def seen(material: Material, seed: int) -> tuple[list[Both], Both]:
    """Every event of a clip, and the false alarms."""
    clip, truth = injected(material, seed)
    readings = readings_of(clip)
    told, lit = decide(readings).episodes, flashes(readings)
    events = [event for event in read_truth(truth) if not event.distractor]
    out = []
    for event in events:
        after = [frame_s - event.onset_s for t_s, frame_s in lit if touches(event, t_s, t_s)]
        logged = sum(touches(event, episode.start_s, episode.end_s) for episode in told)
        out.append(Both(logged, len(after), min(after, default=None)))
    false_log = sum(not any(touches(event, e.start_s, e.end_s) for event in events) for e in told)
    false_lit = sum(not any(touches(event, t_s, t_s) for event in events) for t_s, _ in lit)
    return out, Both(false_log, false_lit, None)


def touches(event: TruthEvent, start_s: float, end_s: float) -> bool:
    return start_s <= event.offset_s + REACH_S and end_s >= event.onset_s - REACH_S


@pytest.mark.benchmarks
def test_past_only_beside_two_sided() -> None:
    chosen = [(material, seed) for material, seed in chosen_material() if ONLY in ("", material.group)]
    rows, events = [], []
    for group in GROUPS:
        pairs = [seen(material, seed) for material, seed in chosen if material.group == group]
        own = [event for found, _ in pairs for event in found]
        events += own
        if not own:
            continue
        after = [1000.0 * event.after_s for event in own if event.after_s is not None]
        quartiles = "-" if not after else "{:.0f} ({:.0f} to {:.0f})".format(*np.percentile(after, [50, 25, 75]))
        rows.append(
            (
                group,
                len(own),
                sum(event.logged > 0 for event in own),
                sum(event.flashed > 0 for event in own),
                sum(event.logged > 0 and event.flashed > 0 for event in own),
                sum(false.logged for _, false in pairs),
                sum(false.flashed for _, false in pairs),
                quartiles,
            )
        )
    show(
        "Past only (the flash) beside two-sided (the log), sensitivity normal",
        HEADER,
        rows,
        "Told after: from the onset of the event to the frame that sets off its flash, median (quartiles); the mesh "
        "holds frames back by up to 0.1 s more. A train of jerks too weak alone is found by the log only.",
    )
    assert events
    assert all(event.after_s is None or event.after_s >= -REACH_S for event in events)
    if not QUICK:
        assert sum(event.flashed > 0 for event in events) > 0.5 * sum(event.logged > 0 for event in events) > 0
