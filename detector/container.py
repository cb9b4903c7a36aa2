"""Clips as files: which are meant, and what their first bytes and MP4 boxes say, without decoding a picture.

Used for the sentences a user gets when a file cannot be read, for the recording time, and for the one display flag
OpenCV gets wrong (mirrored clips).
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

from detector.errors import SourceError, UsageError

# Taken from a folder; a file named by itself may be called anything.
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".3gp", ".wmv", ".ogv")
)
FileKind = Literal["still", "sound", "pdf", "text", "mp4", "matroska", "other"]

# MP4 and QuickTime count seconds from 1904-01-01 UTC (ISO 14496-12, mvhd).
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
# Cameras with an unset clock write 0, 1970 or 2^31; nothing before digital video is believed.
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_STILL_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"}
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"  # Matroska and WebM (RFC 9559)
_HEAD_BYTES = 65536
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")  # two letters at least: C:/ is a drive; Path turns :// into :/
_MAX_BOXES = 100_000  # a damaged file must not keep the walk busy for long


@dataclass(frozen=True, slots=True)
class Mp4:
    """What the boxes of an MP4 or QuickTime file say.

    Attributes
    ----------
    has_index
        False when neither ``moov`` nor ``moof`` was found: the recording was cut short.
    has_picture
        True when a track with a ``vide`` handler exists.
    created
        Creation time of the movie, or None when unset or absurd.
    matrix
        Upper-left 2 x 2 of the picture track's display matrix (a, b, c, d): a stored point (x, y) is shown at
        (a x + c y, b x + d y).
    """

    has_index: bool = False
    has_picture: bool = False
    created: datetime | None = None
    matrix: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)

    @property
    def mirrored(self) -> bool:
        """True when the picture is to be shown as in a mirror (negative determinant)."""
        a, b, c, d = self.matrix
        return a * d - b * c < 0


def sniff(path: Path) -> FileKind:
    """Kind of file by its first bytes; ``other`` covers every container that is not recognized here.

    Raises
    ------
    OSError
        When the file cannot be opened or read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")):
        return "still"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "still"
    if head[:2] == b"BM" and len(head) >= 6 and int.from_bytes(head[2:6], "little") == path.stat().st_size:
        return "still"
    if head[4:8] == b"ftyp":
        return "still" if head[8:12] in _STILL_BRANDS else "mp4"
    if head.startswith(_EBML):
        return "matroska"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head.startswith((b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    ):
        return "sound"
    if head.startswith(b"%PDF"):
        return "pdf"
    if head and b"\0" not in head and sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head[:4096]) == 0:
        return "text"
    return "other"


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Box types with the first and last byte of their content."""
    for _ in range(_MAX_BOXES):
        if start + 8 > stop:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        body = start + 8
        if size == 1 and len(head) == 16:
            size, body = struct.unpack(">Q", head[8:])[0], start + 16
        elif size == 0:
            size = stop - start
        if size < body - start:
            return
        yield kind, body, min(start + size, stop)
        start += size


def _created(data: bytes) -> datetime | None:
    """Creation time in the content of an ``mvhd`` box."""
    if len(data) < 12:
        return None
    seconds = struct.unpack(">Q", data[4:12])[0] if data[0] == 1 else struct.unpack(">I", data[4:8])[0]
    if seconds > 2**33:  # beyond 2176
        return None
    when = _EPOCH + timedelta(seconds=seconds)
    return when if _EARLIEST <= when <= datetime.now(UTC) + timedelta(days=1) else None


def _track(file: BinaryIO, start: int, stop: int) -> tuple[bool, tuple[float, float, float, float]]:
    """Whether a ``trak`` box holds pictures, and its display matrix."""
    picture, matrix = False, (1.0, 0.0, 0.0, 1.0)
    for kind, first, last in _boxes(file, start, stop):
        if kind == b"tkhd":
            file.seek(first)
            data = file.read(min(last - first, 104))
            at = 52 if data[:1] == b"\1" else 40  # version 1 has 64-bit times
            if len(data) >= at + 36:
                a, b, _, c, d = struct.unpack(">5i", data[at : at + 20])
                matrix = (a / 65536, b / 65536, c / 65536, d / 65536)  # 16.16 fixed point
        elif kind == b"mdia":
            for inner, inner_first, _ in _boxes(file, first, last):
                if inner == b"hdlr":
                    file.seek(inner_first + 8)
                    picture = file.read(4) == b"vide"
    return picture, matrix


def read_mp4(path: Path) -> Mp4:
    """Index, picture track, creation time and display matrix of an MP4 or QuickTime file.

    A damaged file gives what could be read of it; nothing is raised but ``OSError``.
    """
    has_index = has_picture = False
    created: datetime | None = None
    matrix = (1.0, 0.0, 0.0, 1.0)
    size = path.stat().st_size
    with path.open("rb") as file:
        for kind, first, last in _boxes(file, 0, size):
            has_index |= kind in (b"moov", b"moof")
            if kind != b"moov":
                continue
            for inner, inner_first, inner_last in _boxes(file, first, last):
                if inner == b"mvhd":
                    file.seek(inner_first)
                    created = _created(file.read(32))
                elif inner == b"trak":
                    is_picture, its_matrix = _track(file, inner_first, inner_last)
                    if is_picture and not has_picture:
                        has_picture, matrix = True, its_matrix
    return Mp4(has_index=has_index, has_picture=has_picture, created=created, matrix=matrix)


def announces_true_length(path: Path) -> bool:
    """Whether the announced length can be held against the pictures that were read.

    Not in a whole Matroska file: its length counts from zero, even when its first picture comes much later. When the
    file is shorter than the segment in it, it was cut and pictures are missing in any case.
    """
    if sniff(path) != "matroska":
        return True
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    at = head.find(_SEGMENT)
    length = 9 - head[at + 4].bit_length() if 0 <= at < len(head) - 12 and head[at + 4] else 0
    if not length:
        return False
    size = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    unknown = size == (1 << 7 * length) - 1  # written live, never completed
    return not unknown and at + 4 + length + size > path.stat().st_size


def check_file(path: Path) -> Mp4 | None:
    """What the boxes say when ``path`` may be a clip in an MP4 or QuickTime file, None for other containers.

    Raises
    ------
    SourceError
        When it cannot be a clip: missing, a folder, not a regular file, not readable, empty, a still picture, sound.
    """
    if not os.path.lexists(path) and _URL.match(str(path)):
        raise SourceError(f"'{path}' is a network address: save the clip to this computer and name the file.")
    try:
        str(path).encode()
    except UnicodeEncodeError:  # OpenCV would not survive it
        raise SourceError(f"The name of {str(path)!a} is not valid text: rename the file.") from None
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"'{path}' is a folder, not a clip: name a video file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"'{path}' is a device or pipe, not a file: record a clip first and name its file.")
        if status.st_size == 0:
            raise SourceError(f"'{path}' is empty (0 bytes): copy it again from where it was recorded.")
        kind = sniff(path)
        mp4 = read_mp4(path) if kind == "mp4" else None
    except FileNotFoundError:
        raise SourceError(f"There is no file '{path}': check the name and the folder.") from None
    except PermissionError:
        raise SourceError(f"'{path}' may not be read by you: change its permissions or copy it.") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"'{path}' cannot be read ({reason}): copy it to another place and try again.") from None
    if kind == "still":
        raise SourceError(
            f"'{path}' is a still picture, not a clip: name a video; 'nasalis simulate' makes a clip from a portrait."
        )
    if kind == "sound" or (mp4 is not None and mp4.has_index and not mp4.has_picture):
        raise SourceError(f"'{path}' holds sound but no picture: name the video recording.")
    return mp4


def why_unreadable(path: Path, mp4: Mp4 | None) -> str:
    """One sentence for a file that :func:`check_file` let pass and that could not be opened as video."""
    if mp4 is not None and not mp4.has_index:
        return (
            f"'{path}' is cut short (its index is missing): copy it again in full, or repair it with a tool such as "
            "untrunc."
        )
    kind = sniff(path)
    if kind == "pdf":
        return f"'{path}' is a PDF document, not a clip: name a video file."
    if kind == "text":
        return f"'{path}' is text or a playlist, not a clip: name the video file itself."
    return (
        f"'{path}' is damaged or not a video this program can read: if a player shows it, convert it to H.264 in MP4 "
        "and try again."
    )


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's content, 64 hex digits; the file is streamed.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"'{path}' cannot be read ({error.strerror}): check the name and its permissions.") from None


def recorded_at(path: str | Path) -> str:
    """When the recording was made, ISO 8601 in UTC, from the container's own creation time.

    Read from MP4 and QuickTime files; empty for other containers, and when the time is unset or absurd. Some cameras
    write their local time there as if it were UTC, which cannot be told from the file.
    """
    try:
        created = read_mp4(Path(path)).created if sniff(Path(path)) == "mp4" else None
    except OSError:
        return ""
    return created.strftime("%Y-%m-%dT%H:%M:%SZ") if created is not None else ""


def find_clips(args: Sequence[str | Path]) -> list[Path]:
    """Clips named on the command line, in order, each once.

    Parameters
    ----------
    args
        Files, folders and patterns. A folder gives its video files sorted by name, and those of its subfolders when it
        holds none itself. A pattern such as ``'takes/*.mp4'`` is resolved here when the shell did not.

    Raises
    ------
    UsageError
        When nothing is named.
    SourceError
        When an argument names nothing there is, or a folder or pattern without a clip.
    """
    if not args:
        raise UsageError("No clip is named: give a video file, a folder or a pattern such as 'takes/*.mp4'.")
    found: dict[str, Path] = {}
    for arg in args:
        for path in _resolve(str(arg)):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _resolve(arg: str) -> list[Path]:
    if not arg:
        raise UsageError("An empty name was given: name a video file, a folder or a pattern.")
    path = Path(arg)
    try:
        if path.is_dir():
            clips = _videos(path.iterdir()) or _videos(path.rglob("*"))
            if not clips:
                suffixes = ", ".join(sorted(VIDEO_SUFFIXES))
                raise SourceError(f"The folder '{arg}' has no clip in it (looked for {suffixes}): name another folder.")
            return clips
        if not os.path.lexists(path) and glob.has_magic(arg):
            names = glob.glob(str(path), recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
            clips = _videos(map(Path, names))
            if not clips:
                raise SourceError(f"No clip matches '{arg}': check the pattern, or name a file or a folder.")
            return clips
    except OSError as error:
        raise SourceError(f"'{arg}' cannot be listed ({error.strerror}): check the name and its permissions.") from None
    if not os.path.lexists(path):
        check_file(path)  # raises: a network address, or nothing there
    return [path]


def _videos(paths: Iterable[Path]) -> list[Path]:
    """Video files among ``paths``, sorted; hidden ones are left out (macOS writes a '._' twin beside every file)."""
    return sorted(p for p in paths if p.suffix.lower() in VIDEO_SUFFIXES and not p.name.startswith(".") and p.is_file())
