"""How a file of ours comes to its place: written whole beside it, put on the disk, then moved over what was there.

All that this program writes says something about a person's health or shows a face, so what it makes is for its owner
only, whatever the umask; a file that was there keeps its mode.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from detector.errors import OutputError, UsageError

LEFT_S = 3600.0  # a file half written so long ago, by a program that is gone, is left behind
_HALF_WRITTEN = re.compile(r"\.(.+)\.part(\.[^.]+)")
_DATABASE = b"SQLite format 3\0"  # how every SQLite file begins: sqlite.org/fileformat.html


def real_path(path: Path | str) -> Path:
    """Where a file is to be written: a link keeps being one, what it points to is replaced."""
    return Path(os.path.realpath(path))


def temporary_beside(path: Path, mark: str) -> Path:
    """A name in the folder of ``path`` that no other program uses; ``mark`` tells apart those of this one."""
    return path.with_name(f".nasalis-{os.getpid()}-{mark}.tmp")


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed program of ours had half written in ``folder``; nobody else would ever look at it."""
    for path in folder.glob(".nasalis-*.tmp"):
        pid = path.name.split("-")[1]
        with contextlib.suppress(OSError):
            # on a network drive another machine may be writing, whose processes are not seen here
            if (
                path.is_file()
                and time.time() - path.stat().st_mtime > LEFT_S
                and pid.isdecimal()
                and not _runs(int(pid))
            ):
                path.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no number of a process
        return True
    return True


def make_private(path: Path) -> None:
    """Make an empty file that only its owner can read and write: whoever fills it afterwards leaves that as it is.

    What was at ``path`` is gone, and a link there is not followed: the name may lie in a folder that others write to.
    """
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def half_written(path: Path) -> Path:
    """Where a video is until it is complete."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def whole_name(name: str) -> str:
    """The name that a half-written video was to have; every other as it is."""
    match = _HALF_WRITTEN.fullmatch(name)
    return match[1] + match[2] if match else name


def finish_durably(temporary: Path, path: Path) -> None:
    """Put a written file on the disk, with the mode of the ``path`` that it is to replace."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    keep_mode(path, temporary)


def keep_mode(path: Path, temporary: Path) -> None:
    """Give what is about to replace ``path`` its mode: what its owner opened to others, or closed, stays so."""
    with contextlib.suppress(OSError):  # there is none, or the file system knows no modes
        shutil.copymode(path, temporary)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """An OSError inside becomes an OutputError that names the file and says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise OutputError(
            f"{path} cannot be written: the folder {path.parent} does not exist, make it first"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({_reason(error)}): free some space or choose another place"
        ) from error


def _reason(error: OSError) -> str:
    if error.strerror:
        return error.strerror
    told = re.search(r"error message = '([^']*)'", str(error))  # HDF5 wraps it in a screenful
    return told[1] if told else str(error)


def is_special(path: Path) -> bool:
    """Whether ``path`` is there and no file: a pipe, a device or a folder."""
    return path.exists() and not path.is_file()


def is_database(path: Path) -> bool:
    """Whether ``path`` is an SQLite file, as every episode log is."""
    if not path.is_file() or not os.access(path, os.R_OK):
        return False
    with path.open("rb") as file:
        return file.read(len(_DATABASE)) == _DATABASE


def write_whole(files: Mapping[Path | None, bytes]) -> None:
    """Write all files, or none when one of them cannot be written; None is stdout.

    Raises
    ------
    OutputError
        One cannot be written; those that were there before are untouched.
    UsageError
        One would take the place of an episode log, this one or another: it may be the only record of months.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        for number, (path, content) in enumerate(files.items()):
            if path is None:
                _to_stdout(content)
                continue
            with explained(path):
                if is_special(path) and not path.is_dir():
                    path.write_bytes(content)  # a pipe or a device: nothing to replace
                    continue
                if path.is_dir():
                    raise OutputError(f"{path} is a folder: name a file in it")
                if is_database(path):
                    raise UsageError(f"{path} is an episode log or another database: choose another name")
                temporary = temporary_beside(path, str(number))
                waiting.append((temporary, path))
                make_private(temporary)
                temporary.write_bytes(content)
                finish_durably(temporary, path)
        for temporary, path in waiting:
            with explained(path):
                temporary.replace(path)
        for folder in {path.parent for _, path in waiting}:
            remove_leftovers(folder)
    finally:
        for temporary, _ in waiting:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _to_stdout(content: bytes) -> None:
    # bytes, so that no platform changes the line ends; a closed pipe is the reader's choice and no error of ours
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(content.decode("utf-8"))
    else:
        sys.stdout.flush()
        stream.write(content)
    sys.stdout.flush()
