"""A part of a clip -> a replay that holds the head still and enlarges what the nose does, for a person to look at.

A number that nobody can check is not trusted. The clip is read twice: once to measure, once to draw.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import SourceError, UsageError
from detector.stopping import interruptible
from detector.terminal import Talk

if TYPE_CHECKING:
    from detector.magnify_measure import Measured
    from detector.magnify_page import Show
    from detector.record.entries import LoggedEpisode
    from detector.types import Session

# The motion of all patches is kept while filters run: 0.43 GB for five minutes at 45/s.
MOST_S = 300.0
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
SLOWEST = 20.0  # a picture of 30/s then stands for two thirds of a second
FACTORS = (1.0, 100.0)
CRF = 18  # a finer quality than usual: the point is to look at small things


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for; None: chosen by the program."""

    factor: float | None = None
    target_mm: float | None = None  # draw the strongest motion as tall as this
    slow: float = 1.0

    def __post_init__(self) -> None:
        if self.factor is not None and self.target_mm is not None:
            raise UsageError("--factor and --mm both say how far to enlarge: give one of them.")
        if self.factor is not None and not FACTORS[0] <= self.factor <= FACTORS[1]:
            raise UsageError(f"A factor of {self.factor:g} is out of range: give {FACTORS[0]:g} to {FACTORS[1]:g}.")
        if self.target_mm is not None and not 0.1 <= self.target_mm <= 20.0:
            raise UsageError(f"A height of {self.target_mm:g} mm is out of range: give 0.1 to 20.")
        if not 1.0 <= self.slow <= SLOWEST:
            raise UsageError(f"{self.slow:g} times slower is out of range: give 1 to {SLOWEST:g}.")


@dataclass(frozen=True, slots=True)
class Replay:
    """What was written."""

    output: str
    clip: str
    start_s: float
    end_s: float
    frames: int
    factor: float
    slow: float
    noise_mm: float  # of skin; 99 of 100 quiet pictures stay under it
    noise_shown_mm: float  # the same as it is drawn
    peak_mm: float  # the tallest motion within the part, as measured
    beyond_noise: bool  # the factor enlarges the noise more than it should be
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def words(self) -> str:
        """For a person: what was written, and a warning where there is one."""
        seconds = f"{self.end_s - self.start_s:.1f} s"
        slow = "" if self.slow == 1.0 else f", {self.slow:g} times slower"
        noise = f"what moves less than {self.noise_shown_mm:.1f} mm in it ({self.noise_mm:.2f} mm of skin) is noise"
        warning = f" {self.remarks[0][0].upper()}{self.remarks[0][1:]}." if self.beyond_noise else ""
        return f"{self.output}: {seconds} enlarged x{self.factor:g}{slow}; {noise}.{warning}"


def magnify(
    clip: Path,
    output: Path,
    wanted: Wanted,
    talk: Talk,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    model: Path | None = None,
    episode: LoggedEpisode | None = None,
    offset_s: float | None = None,
) -> Replay:
    """Write the replay of a part of ``clip`` to ``output``.

    Parameters
    ----------
    clip, output : Path
        A clip, and the file to write (.mp4, .mkv or .mov); nothing half-written stays behind.
    wanted : Wanted
    talk : Talk
        Progress goes there.
    start_s, end_s : float, optional
        The part, s; at most ``MOST_S``.
    model : Path, optional
        Face model; default the installed one.
    episode : LoggedEpisode, optional
        The one to be seen: it is named, marked, and enlarged within the picture.
    offset_s : float, optional
        Seconds of the clip at second 0 of the episode's session; None when not known, and no time is marked.

    Raises
    ------
    UsageError
        A part too long or empty, or an output that is the clip or no video file.
    SourceError
        No clip, or no face in it.
    OutputError
        The output cannot be written.
    """
    from detector.guarded import GuardedClip
    from detector.magnify_measure import measure_part

    check_output(output, clip)
    begin_s, last_s = start_s or 0.0, end_s
    if not 0.0 <= begin_s < math.inf:  # before the work, also where no end is given
        raise UsageError(f"A part that begins at {begin_s:g} s is in no clip: give a start of 0 or more.")
    if last_s is not None and not begin_s < last_s:
        raise UsageError(f"The part from {begin_s:g} s to {last_s:g} s is empty: give an end after the start.")
    if last_s is not None and last_s - begin_s > MOST_S:
        raise UsageError(
            f"At most {MOST_S / 60:g} minutes fit into one replay: give --start and --end nearer together."
        )
    if last_s is None:
        with GuardedClip(clip) as source:
            if (source.duration_s or 0.0) - begin_s > MOST_S:
                raise UsageError(_too_long(clip))
    with interruptible():
        ask_s = begin_s + MOST_S if last_s is None else last_s
        with talk.progress(f"measuring {clip.name}") as progress:
            measured = measure_part(clip, begin_s, ask_s, model=model, on_progress=progress)
        shown_s = [one.t_s for one in measured.seen if begin_s <= one.t_s < ask_s]
        if last_s is None and measured.seen[-1].t_s > ask_s:
            raise UsageError(_too_long(clip))
        if not shown_s:
            raise UsageError(f"'{clip}' has no picture from {begin_s:g} s to {ask_s:g} s: name another part.")
        if not any(one.to_image is not None for one in measured.seen if begin_s <= one.t_s < ask_s):
            raise SourceError(f"No face is seen in this part of '{clip}': there is nothing to hold still and enlarge.")
        span = (begin_s, min(ask_s, shown_s[-1] + 1e-3 if last_s is None else ask_s))
        show, peak_mm = _show(measured, clip, span, wanted, episode, offset_s)
        with talk.progress(f"drawing {output.name}") as progress:
            frames = _draw(clip, output, measured, show, progress)
    return _replay(measured, show, clip, output, frames, peak_mm)


def show_episode(
    row: LoggedEpisode,
    session: Session,
    output: Path,
    wanted: Wanted,
    talk: Talk,
    *,
    clips: Path | None = None,
    model: Path | None = None,
) -> Replay:
    """Write the replay of an episode of the log; errors are those of :func:`magnify` and ``magnify_source``."""
    from detector.magnify_source import scene_of

    scene = scene_of(row, session, clips)
    end_s = scene.end_s
    if end_s is not None and end_s - scene.start_s > MOST_S:  # a very long one: how it began
        talk.say(f"The episode is longer than {MOST_S / 60:g} minutes: the replay shows its beginning.")
        end_s = scene.start_s + MOST_S
    return magnify(
        scene.clip,
        output,
        wanted,
        talk,
        start_s=scene.start_s,
        end_s=end_s,
        model=model,
        episode=row,
        offset_s=scene.offset_s,
    )


def _too_long(clip: Path) -> str:
    return f"'{clip}' is longer than the {MOST_S / 60:g} minutes of one replay: name a part with --start and --end."


def check_output(output: Path, clip: Path) -> None:
    """Refuse what cannot be written before the work begins."""
    from detector.analyzing import check_writable

    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output} is no name for a video: end it with .mp4.")
    if os.path.realpath(output) == os.path.realpath(clip):
        raise UsageError(f"{output} is the clip itself: name another file.")
    check_writable(output)


def _show(
    measured: Measured,
    clip: Path,
    span: tuple[float, float],
    wanted: Wanted,
    episode: LoggedEpisode | None,
    offset_s: float | None,
) -> tuple[Show, float]:
    from dataclasses import replace

    from detector.frames import recorded_at
    from detector.magnify_measure import best_factor
    from detector.magnify_notes import side_lengths
    from detector.magnify_page import Show
    from detector.record.entries import time_of_day
    from detector.tables import words

    inside = (measured.skin.t_s >= span[0]) & (measured.skin.t_s < span[1])
    peak_mm = max((float(rows[inside].max(initial=0.0)) for rows in side_lengths(measured).values()), default=0.0)
    found = [t.amplitude_mm for t in measured.twitches if span[0] <= t.peak_s < span[1]]
    strongest = max(found, default=peak_mm) if episode is None else episode.episode.peak_mm
    if wanted.factor is not None:
        factor = wanted.factor
    elif wanted.target_mm is not None:
        factor = min(max(wanted.target_mm / max(strongest, 1e-6), 1.0), FACTORS[1])
        factor = math.floor(10.0 * factor + 0.5) / 10.0
    else:
        factor = best_factor(measured.noise_mm, strongest if found or episode is not None else None)
    show = Show(
        *span,
        factor=factor,
        slow=wanted.slow,
        title=clip.name,
        twitches=tuple(measured.twitches),
        clock=time_of_day(recorded_at(clip), span[0]),
    )
    if episode is not None:
        what = episode.episode
        place = words(what.region).removesuffix(f" {what.side}")
        title = f"{episode.episode_id}: {what.side} {place}, about {what.peak_mm:.1f} mm ({what.peak_px:.1f} px)"
        show = replace(show, title=title, region=what.region, side=what.side)
        if offset_s is not None:
            moved = [
                replace(t, onset_s=t.onset_s + offset_s, peak_s=t.peak_s + offset_s, offset_s=t.offset_s + offset_s)
                for t in what.twitches
            ]
            at = (what.start_s + offset_s, what.end_s + offset_s)
            began = time_of_day(episode.start_time, span[0] - at[0])
            show = replace(show, span_s=at, twitches=tuple(moved), clock=began)
        else:
            show = replace(show, clock="")
    return show, peak_mm


def _draw(clip: Path, output: Path, measured: Measured, show: Show, progress: Any) -> int:
    from bisect import bisect_right

    from detector.guarded import GuardedClip
    from detector.magnify_page import HEIGHT, WIDTH, Page
    from detector.magnify_warp import Panels

    times = [one.t_s for one in measured.seen]
    with GuardedClip(clip, start_s=show.start_s, end_s=show.end_s) as source:
        from detector.encode import VideoWriter

        page = Page(measured, show)
        panels = Panels(measured.crop_px_per_mm, measured.crop_origin)
        fps = min(max((source.nominal_fps or 30.0) / show.slow, 1.0), 240.0)
        with VideoWriter(output, WIDTH, HEIGHT, fps=fps, codec="h264", crf=CRF) as writer:
            for frame in source:
                k = bisect_right(times, frame.t_s + 1e-6) - 1
                placed = measured.seen[k].to_image if k >= 0 else None
                still = magnified = None
                cut = False
                if placed is not None:
                    still = panels.still(frame.image, placed)
                    moved = measured.skin.at(frame.t_s)
                    magnified, cut = panels.magnified(frame.image, placed, moved, show.factor)
                writer.write(page.draw(frame.t_s, still, magnified, cut), show.slow * (frame.t_s - show.start_s))
                progress(frame.t_s - show.start_s, show.end_s - show.start_s)
            return writer.frames


def _replay(measured: Measured, show: Show, clip: Path, output: Path, frames: int, peak_mm: float) -> Replay:
    from detector.magnify_notes import notes

    warning, plain = notes(measured, show.factor)
    return Replay(
        output=str(output),
        clip=str(clip),
        start_s=show.start_s,
        end_s=show.end_s,
        frames=frames,
        factor=show.factor,
        slow=show.slow,
        noise_mm=round(measured.noise_mm, 4),
        noise_shown_mm=round(show.factor * measured.noise_mm, 3),
        peak_mm=round(peak_mm, 4),
        beyond_noise=bool(warning),
        remarks=(*((warning,) if warning else ()), *plain),
    )
