"""Which clips a batch is about: those of a folder, or those of a list."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from detector.container import VIDEO_SUFFIXES
from detector.errors import SourceError, UsageError

STDIN = "-"


def find(name: str) -> list[str]:
    """Absolute paths, in order.

    Parameters
    ----------
    name : str
        A folder: every file below it with the name of a video, by name, hidden ones left out. What has such a name and
        cannot be read is listed too: it gets its row. Otherwise a text file with a clip a line, or ``-`` for stdin;
        blank lines and lines that begin with ``#`` are passed over, and relative names count from the current folder.

    Raises
    ------
    UsageError, SourceError
        There is no such folder or list, or it names no clip.
    """
    if name == STDIN:
        found = _listed(sys.stdin.buffer.read(), "the list on the standard input")
    elif os.path.isdir(name):  # noqa: PTH112  as a name that may hold any bytes
        found = _below(name)
    else:
        path = Path(name)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise UsageError(f"'{name}' is a clip: nasalis analyze is for one; batch wants a folder or a list.")
        try:
            found = _listed(path.read_bytes(), f"the list '{name}'")
        except OSError as error:
            raise SourceError(
                f"'{name}' cannot be read ({error.strerror}): name a folder or a list of clips."
            ) from None
    if not found:
        raise SourceError(f"'{name}' names no clip: name a folder with clips or a list with one a line.")
    return found


def _below(folder: str) -> list[str]:
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [
            os.path.abspath(os.path.join(here, one))  # noqa: PTH100, PTH118
            for one in sorted(names)
            if not one.startswith(".") and os.path.splitext(one)[1].lower() in VIDEO_SUFFIXES  # noqa: PTH122
        ]
    return found


def _listed(content: bytes, what: str) -> list[str]:
    if b"\0" in content:
        raise UsageError(f"{what} is no text: write one clip a line.")
    lines = (os.fsdecode(line.strip(b"\r")) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return [os.path.abspath(line) for line in lines if line.strip() and not line.startswith("#")]  # noqa: PTH100
