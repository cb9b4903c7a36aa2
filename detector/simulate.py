"""Known twitches into a clip or a still portrait, with the truth beside it: the front door of the simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.errors import SourceError, UsageError
from detector.record.files import is_database
from detector.simulate_compound import Event
from detector.simulate_kinds import AT_BLINKS, SIMULATED, plan_kinds
from detector.simulate_life import Blink, plan_blinks
from detector.simulate_plan import KIND, TruthRow, TwitchPlan, plan_events, write_truth

__all__ = [
    "SIMULATED",
    "STILL_SUFFIXES",
    "TruthRow",
    "TwitchPlan",
    "plan_events",
    "plan_kinds",
    "simulate",
    "write_truth",
]

STILL_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def simulate(
    source: Path,
    out: Path,
    *,
    truth: Path | None = None,
    events: int | None = None,
    seed: int = 1,
    kinds: Sequence[str] | None = None,
    sizes_mm: Sequence[float] | None = None,
    sizes_px: Sequence[float] | None = None,
    muscles: Sequence[str] | None = None,
    train_share: float = 0.5,
    codec: str = "h264",
    crf: int | None = None,
    bitrate: int | None = None,
    fps: float | None = None,
    scale: float = 1.0,
    duration_s: float | None = None,
    face_width_px: float = 200.0,
    start_s: float | None = None,
    end_s: float | None = None,
    model: Path | None = None,
    progress: Callable[[float, float | None], None] | None = None,
) -> list[TruthRow]:
    """Write ``source`` with random but repeatable events to ``out``, and what was put in to ``truth``.

    Parameters
    ----------
    source : Path
        A clip, or a still portrait (by its suffix, ``STILL_SUFFIXES``) that is brought to life first: head sway,
        breathing, blinks, sensor noise, exposure drift.
    out, truth : Path
        Clip and truth file to write; by default the truth is ``out`` with the suffix ``.csv`` after ``_truth``.
    events : int, optional
        Number of events, those at blinks not counted; default one in five seconds.
    seed : int
        The same seed gives the same clip.
    kinds : sequence of str, optional
        What to put in, names from ``SIMULATED``; default fasciculation-like twitches. ``blink`` puts nothing in: it
        writes the blinks that are there into the truth.
    sizes_mm, sizes_px : sequence of float, optional
        Peak displacements to draw from, in mm or in px of the source (stills: of the clip); default by kind,
        0.4, 0.8, 1.6 mm for twitches; distractors have their own.
    muscles : sequence of str, optional
        Names from ``regions.MUSCLES``; default those of nose and upper lip.
    train_share : float
        Share of trains, 0-1.
    codec, crf, bitrate
        As in ``encode.VideoWriter``; by default h264 at quality 18 for clips (the source's own compression decides)
        and 23 for stills.
    fps : float, optional
        Frames per second of the written clip; default the source's own times, 30 for stills.
    scale : float
        Size of the written picture against the source (clips), or against 640x480 (stills).
    duration_s : float, optional
        Stills: length of the clip, s; default 60.
    face_width_px : float
        Stills: temple to temple in the clip before ``scale``, px.
    start_s, end_s : float, optional
        Clips: the part to use.
    model : Path, optional
        The face model; default the installed one.
    progress : callable, optional
        Called with (seconds written, duration or None).

    Returns
    -------
    list of TruthRow
        What was injected, in the order of time.
    """
    from models import resolve

    kinds = (KIND,) if kinds is None else tuple(kinds)
    if not source.is_file():
        raise SourceError(f"There is no file {source}.")
    if out.exists() and out.resolve() == source.resolve():
        raise UsageError("The source would be overwritten: give another name for the output.")
    truth = out.with_name(f"{out.stem}_truth.csv") if truth is None else truth
    for path in (out, truth):
        if is_database(path):
            raise UsageError(f"{path} is an episode log or another database: choose another name")
    task = resolve(model)

    def plan(
        length_s: float,
        spans: Sequence[tuple[float, float]] | None = None,
        blinks: Sequence[Blink] = (),
        lid_pull_mm: float = 0.0,
    ) -> list[Event]:
        return plan_kinds(
            length_s,
            seed,
            kinds,
            n=events,
            sizes_mm=sizes_mm,
            sizes_px=sizes_px,
            muscles=muscles,
            train_share=train_share,
            spans=spans,
            blinks=blinks,
            lid_pull_mm=lid_pull_mm,
        )

    if source.suffix.lower() in STILL_SUFFIXES:
        from detector.simulate_still import LID_PULL_MM, render_still

        if start_s is not None or end_s is not None:
            raise UsageError("A still picture has no start and end: give its duration instead.")
        length = 60.0 if duration_s is None else duration_s
        blinks = plan_blinks(length, seed)
        return render_still(
            source,
            out,
            truth,
            plan(length, None, blinks, LID_PULL_MM),
            model=task,
            duration_s=length,
            width=round(640 * scale),
            height=round(480 * scale),
            face_width_px=face_width_px * scale,
            fps=30.0 if fps is None else fps,
            seed=seed,
            blinks=blinks,
            codec=codec,
            crf=crf,
            bitrate=bitrate,
            progress=progress,
        )
    from detector.simulate_clip import follow_face, inject_clip, read_frames

    if duration_s is not None:
        raise UsageError("A clip has its own duration: choose a part of it with start and end instead.")
    if "head_motion" in kinds:
        raise UsageError("A head in a clip cannot be made to move: use a portrait for head_motion.")
    track = follow_face(read_frames(source, start_s, end_s), task)
    found: list[Blink] = []
    if set(kinds) & set(AT_BLINKS):
        from detector.simulate_blinks import blinks_of, follow_eyes

        found = blinks_of(follow_eyes(read_frames(source, start_s, end_s), task))
    return inject_clip(
        source,
        out,
        truth,
        plan(float(track.t_s[-1]), track.spans(), found),
        model=task,
        track=track,
        codec=codec,
        crf=18 if crf is None and bitrate is None and codec == "h264" else crf,
        bitrate=bitrate,
        fps=fps,
        scale=scale,
        start_s=start_s,
        end_s=end_s,
        progress=progress,
    )
