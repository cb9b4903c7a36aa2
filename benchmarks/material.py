"""What the measurements are made on: resting footage of several people, split in two, and twitches injected into it.

Everything is made once and kept in the folder of ``NASALIS_BENCH_DIR``; delete it to have everything made anew.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from rich.table import Table

from detector.simulate_plan import TwitchPlan, plan_events

Group = Literal["tuning", "test"]

ROOT = Path(__file__).resolve().parents[1]
CLIPS = Path(os.environ.get("NASALIS_CLIPS", ROOT.parent / "shared" / "clips"))
QUICK = bool(os.environ.get("NASALIS_BENCH_QUICK"))  # a small part of everything: does it run at all?
SIZES_PX = (1.0, 2.0, 4.0)
STILL_S = 60.0  # length of the clips made from portraits
WIDTH = 168  # columns of the tables


@dataclass(frozen=True, slots=True)
class Material:
    """Resting footage of one person, or a portrait (``.jpg``, and scikit-image's ``astronaut``)."""

    name: str  # file name in CLIPS
    person: str
    group: Group
    events: int  # per clip, as many as its length holds with quiet between them
    seeds: tuple[int, ...]  # one clip with other twitches for each
    end_s: float | None = None  # use the footage to here
    sizes_px: tuple[float, ...] = SIZES_PX  # drawn from evenly

    @property
    def label(self) -> str:
        return Path(self.name).stem

    @property
    def is_still(self) -> bool:
        return not self.name.endswith(".mp4")

    @property
    def source(self) -> Path | None:
        """The file; None for the portrait that scikit-image carries."""
        return None if self.name == "astronaut" else CLIPS / self.name


# Split by person, not by clip: webcam a and b show the same man. The twitches of the test people come from seeds that
# were not looked at while thresholds were chosen. Both groups have over 60 events.
MATERIAL: tuple[Material, ...] = (
    Material("webcam_neutral_a.mp4", "webcam man", "tuning", 13, (1, 2), end_s=45.0),  # then a hand at the chin
    Material("webcam_neutral_b.mp4", "webcam man", "tuning", 8, (1, 2)),
    Material("blinks_gaze_pout.mp4", "pouting woman", "tuning", 6, (1, 2)),
    Material("astronaut", "astronaut", "tuning", 14, (1, 2)),
    Material("portrait_a.jpg", "portrait a", "tuning", 14, (1, 2)),
    Material("still_moving_camera_720p.mp4", "still woman", "test", 3, (21, 22, 23, 24, 25, 26)),
    Material("one_sided_smile_glasses.mp4", "man with glasses", "test", 3, (21, 22, 23, 24, 25, 26)),
    Material("portrait_b.jpg", "portrait b", "test", 14, (21, 22)),
)


def bench_dir() -> Path:
    """The folder that keeps what was made."""
    named = os.environ.get("NASALIS_BENCH_DIR")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "nasalis-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def need(path: Path) -> Path:
    """``path``, or the test is skipped."""
    if not path.exists():
        pytest.skip(f"{path} is not there: name the folder with the clips in NASALIS_CLIPS")
    return path


def chosen_material() -> list[tuple[Material, int]]:
    """(material, seed) of every injected clip; a quick run: one of each group. Skips without footage."""
    if QUICK:
        chosen = [(m, m.seeds[-1]) for m in MATERIAL if m.label in ("webcam_neutral_b", "still_moving_camera_720p")]
    else:
        chosen = [(material, seed) for material in MATERIAL for seed in material.seeds]
    for material, _ in chosen:  # all of them before the first minute is spent on one
        if material.source is not None:
            need(material.source)
    return chosen


def picture_of(material: Material) -> Path | npt.NDArray[np.uint8]:
    """A portrait, as ``render_still`` takes it."""
    if material.source is not None:
        return need(material.source)
    data = pytest.importorskip("skimage.data", reason="the astronaut needs the dev extra")
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


def injected(material: Material, seed: int) -> tuple[Path, Path]:
    """The clip with twitches in it and its truth file, made when they are not there yet."""
    from detector.simulate_clip import follow_face, inject_clip, read_frames
    from detector.simulate_still import render_still
    from models import resolve

    clip = bench_dir() / f"{material.label}_s{seed}.mp4"
    truth = clip.with_suffix(".csv")
    if clip.exists() and truth.exists():
        return clip, truth
    model = resolve()
    if material.is_still:
        plans = _plan(material, seed, STILL_S)
        render_still(
            picture_of(material), clip, truth, plans, model=model, duration_s=STILL_S, seed=_code(material, seed)
        )
        return clip, truth
    assert material.source is not None
    source = need(material.source)
    track = follow_face(read_frames(source, None, material.end_s), model)
    plans = _plan(material, seed, float(track.t_s[-1]), track.spans())
    inject_clip(source, clip, truth, plans, model=model, track=track, end_s=material.end_s)
    return clip, truth


def _plan(
    material: Material, seed: int, length_s: float, spans: Sequence[tuple[float, float]] | None = None
) -> list[TwitchPlan]:
    """Half single twitches, half trains; an odd number is rounded down and up in turn."""
    trains = (material.events + seed % 2) // 2
    return plan_events(
        length_s,
        material.events,
        _code(material, seed),
        sizes_px=material.sizes_px,
        train_share=trains / material.events,
        spans=spans,
    )


def _code(material: Material, seed: int) -> int:
    """A seed of its own for each clip, whatever its place in the list."""
    return zlib.crc32(f"{material.label} {seed}".encode())


def nearest_pairs(there: Sequence[float], here: Sequence[float], reach_s: float) -> list[tuple[int, int]]:
    """One-to-one pairs of times no farther apart than ``reach_s``: as many as possible, and of those the nearest."""
    from scipy.optimize import linear_sum_assignment

    if not there or not here:
        return []
    apart = np.abs(np.subtract.outer(np.array(there), np.array(here)))
    near = apart <= reach_s
    rows, columns = linear_sum_assignment(np.where(near, apart, 1e3))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if near[i, j]]


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> None:
    """Print a table; text to the left, everything under the other headings to the right."""
    table = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    console = Console(width=WIDTH, highlight=False, markup=False)
    console.print()
    console.print(table)
