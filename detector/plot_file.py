"""A plot into a file: where it may go, and that it comes out whole and the same for the same numbers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.record.files import real_path, write_whole

SUFFIXES = (".png", ".svg")


def check_plot(path: Path, sources: Sequence[Path], option: str = "-o") -> None:
    """Refuse a name that cannot be drawn to, or is one of ``sources``, before the work begins."""
    from detector.analyzing import check_writable

    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{option} draws a plot: {path} needs a name that ends in {' or '.join(SUFFIXES)}.")
    if path.exists() and any(source.exists() and path.samefile(source) for source in sources):
        raise UsageError(f"{path} is what the plot is made from: choose another name for the plot.")
    check_writable(path)


@contextlib.contextmanager
def plot_into(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of so many inches, to be drawn into; it is written at the end, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # Words stay words in an SVG, and its ids do not depend on the moment.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nasalis", "font.size": 10.0}):
        figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
        yield figure
        data = io.BytesIO()
        form = path.suffix.lower().lstrip(".")
        figure.savefig(data, format=form, metadata={"Date": None} if form == "svg" else {"Software": None})
    write_whole({real_path(path): data.getvalue()})
