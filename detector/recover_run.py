"""What ``nasalis simulate --recover`` does around the measurement: checks first, progress, the plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.config import Settings
from detector.errors import SourceError, UsageError
from detector.recover import PASSES, recover
from detector.recover_clip import ClipSubject
from detector.recover_result import Recovery
from detector.simulate import STILL_SUFFIXES
from detector.stopping import interruptible
from detector.terminal import Talk


def measure(
    source: Path,
    settings: Settings,
    talk: Talk,
    *,
    plot: Path | None = None,
    passes: int = PASSES,
    seed: int = 1,
    sizes_mm: Sequence[float] | None = None,
    muscles: Sequence[str] | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    model: Path | None = None,
) -> Recovery:
    """Measure what would be found in a clip, and draw it to ``plot``; nothing goes into the log.

    Parameters
    ----------
    source : Path
        A clip.
    settings : Settings
        Those of the analysis whose limit is wanted.
    talk : Talk
        Progress and remarks go there.
    plot : Path, optional
        ``.png`` or ``.svg``.
    passes, seed, sizes_mm, muscles
        As in :func:`detector.recover.recover`.
    start_s, end_s : float, optional
        Part of the clip, s.
    model : Path, optional
        The face model; default the installed one.

    Raises
    ------
    SourceError
        No such file, not a clip that can be read, no face, or nothing of it is observed.
    UsageError
        A still picture, a plot that is neither PNG nor SVG, a size or muscle that cannot be, or a clip too short.
    OutputError
        The plot cannot be written.
    """
    if not source.is_file():
        raise SourceError(f"There is no file {source}.")
    if source.suffix.lower() in STILL_SUFFIXES:
        raise UsageError(f"{source} is a still picture: make a clip of it first, without --recover and with -o CLIP.")
    if plot is not None:
        from detector.plot_file import check_plot

        check_plot(plot, [source], "With --recover, -o")
    subject = ClipSubject(source, settings, model=model, start_s=start_s, end_s=end_s)
    with interruptible(), talk.progress(f"measuring {source.name}") as progress:
        recovery = recover(subject, passes=passes, seed=seed, sizes_mm=sizes_mm, muscles=muscles, progress=progress)
    if recovery.interrupted:
        talk.error(f"Interrupted: this is what {recovery.passes} of at most {passes} passes gave.")
    if plot is not None:
        from detector.recover_plot import write_plot

        write_plot(recovery, plot)
        talk.say(f"Plot: {plot}")
    return recovery
