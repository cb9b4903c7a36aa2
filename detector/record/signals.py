"""What was measured of every frame, kept in an HDF5 file: to look at, and to decide again without the pictures.

One row per source frame in every column. ``reading`` and ``sample`` hold all that deciding needs, bit for bit;
``judged`` is what the analysis made of it, to look at. The columns of ``sample`` are the fields of
:class:`~detector.motion.Sample` and of its context: a field added there is kept without a change here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import math
import os
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from detector import __version__, regions
from detector.context import UNKNOWN, Context
from detector.errors import OutputError, SourceError
from detector.motion import LATTICE_MM, SITE_COUNT, Sample
from detector.readings import Measured, Reading
from detector.record.entries import clean_text
from detector.record.files import explained, finish_durably, make_private, real_path, temporary_beside
from detector.types import Session, WhyNot

FORMAT = 3
BLOCK = 256  # rows written together, and packed together: 9 s at 30/s, 0.2 MB of bump heights
_ROOM = 1_000_000  # bytes: more than a block takes, unpacked and with all that HDF5 writes around it
_ABSURD_S = 1e7  # no clip or watch lasts 115 days
_LEAP_S = 60.0  # in a stretch; the settings allow 2 s at most
_MARK = "nasalis_signals"  # attribute with the format: tells our files from others
_TEXTS = ("session_id", "source", "sha256", "start_utc", "config_digest", "status")
_COUNTS = ("width", "height", "frames", "frames_repeated", "frames_lost")
_JSONS = ("settings", "versions", "notes")
_UNITS = (("px_per_mm", "px/mm"), ("_mm_s", "mm/s"), ("_mm", "mm"), ("_px", "px"), ("_deg", "deg"), ("_s", "s"))
_REGIONS = len(regions.SITES)
_READING: dict[str, tuple[type, str]] = {
    "t_s": (np.float64, "presentation time, from the start of the source"),
    "repeated": (np.bool_, "pixels equal to the frame before, or measured together with the frame after"),
    "faces_seen": (np.int16, "faces in the picture; 0: none followed"),
    "px_per_mm": (np.float64, "scale of the followed face, good to about 10 %; NaN without one"),
    "ends_stretch": (np.bool_, "the last frame before the face was lost, pictures were missing, or the source ended"),
    "measured": (np.bool_, "whether the frame has a sample; if not, the columns of sample are empty there"),
}
_SAMPLE: dict[str, str] = {
    "height_mm": "bump height (x to the picture's right, y down) at each of region_names, then at each of lattice_mm; "
    "steps from frame to frame summed up, so that only changes mean anything; NaN where the picture did not tell",
    "centers_mm": "middle of each region, from the middle of the eyes, in the head's frame",
    "centers_px": "middle of each region in the frame",
    "head_speed_mm_s": "of the head in the picture",
    "px_per_mm": "scale",
    "inside": "whether the face lay wholly inside the picture",
    "since_acquired_s": "since the face was found, or found again",
    "gain": "height that a bump of 1 mm put into the recording's own crops lately read",
    "context/eye_edges": "vertical edges in the opening of each eye over the gray level of the skin, per mm: few when "
    "the lid is down; right, left",
    "context/eye_open_mm": "between the lids, by the mesh; right, left",
    "context/lip_gap_mm": "between the inner lips, by the mesh",
    "context/eyes_mm": "middles of the eyes, between their corners, by the mesh; right, left",
    "context/midline_mm": "root of the nose and tip of the chin, by the mesh",
    "context/mouth_mm": "corners of the mouth from the middle of the eyes, by the mesh; right, left",
    "context/brow_mm": "height of the brows over the middle of the eyes, by the mesh; right, left",
    "context/pose_deg": "yaw (+ to the subject's left), pitch (+ down), roll (+ head tilted to the subject's right)",
    "context/luma": "mean gray level of the head-fixed picture",
    "context/detail": "mean difference of its neighboring pixels, gray levels",
    "context/covered": "share of the patches round the nose that no longer look as they did",
}
_JUDGED: dict[str, tuple[type, tuple[int, ...], str]] = {
    "sigma_mm": (np.float32, (_REGIONS,), "local standard deviation of each region's height; NaN where unknown"),
    "floor_mm": (np.float32, (_REGIONS,), "smallest twitch that would be found there and then"),
    "score": (np.float32, (_REGIONS,), "height over noise, over what the rest of the face does"),
    "observed": (np.bool_, (_REGIONS,), "whether there was a verdict on the region"),
    "why_not": (np.int16, (), "bit set of why the frame was not observed, see its attribute bits; -1: not judged"),
}
_UNKNOWN = {field.name: getattr(UNKNOWN, field.name) for field in dataclasses.fields(Context)}
_CONTEXT_COLUMNS = [f"context/{name}" for name in _UNKNOWN]
_SAMPLE_COLUMNS = [  # in the order of its fields; t_s is that of the reading
    *(field.name for field in dataclasses.fields(Sample) if field.name not in ("t_s", "context")),
    *_CONTEXT_COLUMNS,
]
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError)


class SignalWriter:
    """A signals file in the making; a context manager, at the end of which the file comes to its place.

    Parameters
    ----------
    path : Path
        Where the file will be; what is there stays until then, and for good when nothing was measured.
    session : Session
        What is known of the source at the start.

    Raises
    ------
    OutputError
        Here, in :meth:`add` and at the end: the file cannot be written. What was at ``path`` is untouched.
    """

    def __init__(self, path: Path, session: Session) -> None:
        self._path = real_path(path)
        self._temporary = temporary_beside(self._path, "signals")
        self._rows = 0
        self._block: list[Measured] = []
        self._sound = True
        self.describe(session)
        with self._writing():
            make_private(self._temporary)
            self._file = h5py.File(self._temporary, "w", locking="best-effort")
        try:
            with self._writing():
                self._begin()
        except BaseException:
            self._discard()
            raise

    def describe(self, session: Session) -> None:
        """Keep this as what the source and the run are: their own figures and notes, nothing of what was found."""
        self._session = dataclasses.replace(session, notes=list(session.notes))

    def add(self, measured: Measured) -> None:
        """Keep one frame; frames come in time order. Once a write has failed, nothing more is kept."""
        if not self._sound:
            return
        self._block.append(measured)
        if len(self._block) >= BLOCK:
            self._flush()

    def __enter__(self) -> SignalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._sound and self._rows + len(self._block):
                self._finish()
        finally:
            self._discard()

    def _discard(self) -> None:
        with contextlib.suppress(*_DAMAGE):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    def _begin(self) -> None:
        root = self._file
        root.attrs[_MARK] = FORMAT
        root.attrs["about"] = f"per-frame signals of nasalis {__version__}; one row per frame of the source"
        root.create_dataset("region_names", data=list(regions.SITE_NAMES), dtype=h5py.string_dtype())
        lattice = root.create_dataset("lattice_mm", data=LATTICE_MM)
        lattice.attrs["units"] = "mm"
        lattice.attrs["meaning"] = "places over the face that tell what moves elsewhere, from the middle of the eyes"
        for name, (dtype, meaning) in _READING.items():
            self._column(f"reading/{name}", dtype, (), meaning)
        root.create_group("sample")
        for name, (dtype, shape, meaning) in _JUDGED.items():
            column = self._column(f"judged/{name}", dtype, shape, meaning)
            if name == "why_not":
                column.attrs["bits"] = json.dumps({flag.name: flag.value for flag in WhyNot if flag.name})

    def _column(self, name: str, dtype: npt.DTypeLike, shape: tuple[int, ...], meaning: str) -> h5py.Dataset:
        column = self._file.create_dataset(
            name,
            shape=(self._rows, *shape),
            maxshape=(None, *shape),
            chunks=(BLOCK, *shape),
            dtype=dtype,
            fillvalue=np.nan if np.issubdtype(dtype, np.floating) else np.zeros((), dtype)[()],
            compression="gzip",
            shuffle=True,
            fletcher32=True,  # so that a damaged file is noticed
        )
        column.attrs["units"] = _unit(name)
        column.attrs["meaning"] = meaning
        return column

    def _flush(self) -> None:
        """Write the block; done again from the start when something stopped it halfway."""
        block = self._block
        if not block:
            return
        with self._writing():
            self._reserve()
            first = self._rows
            readings = [measured.reading for measured in block]
            for name, (dtype, _) in _READING.items():
                values = [r.sample is not None if name == "measured" else getattr(r, name) for r in readings]
                _append(self._file[f"reading/{name}"], first, np.array(values, dtype))
            self._append_samples(first, [r.sample for r in readings])
            for name, (dtype, shape, _) in _JUDGED.items():
                judged = np.stack([_judged(measured, name, dtype, shape) for measured in block])
                _append(self._file[f"judged/{name}"], first, judged)
        self._rows = first + len(block)
        self._block = []

    def _reserve(self) -> None:
        """Take the room of the next block from the disk now: a disk that fills up under HDF5 ends the program."""
        size = self._file.id.get_filesize()
        with self._temporary.open("rb+") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, size + _ROOM)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    raise

    def _append_samples(self, first: int, samples: list[Sample | None]) -> None:
        usual = next((sample for sample in samples if sample is not None), None)
        for field in _SAMPLE_COLUMNS:
            name = f"sample/{field}"
            if name not in self._file:
                if usual is None:
                    continue
                like = np.asarray(_value(usual, field))
                dtype = np.float64 if like.dtype == np.int_ else like.dtype  # a float may happen to be a whole number
                self._column(name, dtype, like.shape, _SAMPLE.get(field, ""))
            column = self._file[name]
            rows = np.full((len(samples), *column.shape[1:]), column.fillvalue, column.dtype)
            for row, sample in enumerate(samples):
                if sample is not None:
                    rows[row] = _value(sample, field)
            _append(column, first, rows)

    def _finish(self) -> None:
        self._flush()
        with self._writing():
            attributes = self._file.attrs
            for name in _TEXTS:
                attributes[name] = clean_text(getattr(self._session, name))
            for name in _COUNTS:
                attributes[name] = int(getattr(self._session, name))
            for name in _JSONS:
                attributes[name] = json.dumps(getattr(self._session, name), sort_keys=True)
            self._file.flush()
            size = self._file.id.get_filesize()
            self._file.close()
            if self._temporary.stat().st_size > size:
                os.truncate(self._temporary, size)  # the room that was not needed
            finish_durably(self._temporary, self._path)
            self._temporary.replace(self._path)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with explained(self._path):
                try:
                    yield
                except RuntimeError as error:  # HDF5 says so of a disk that filled up earlier
                    raise OSError(str(error)) from error
        except OutputError:
            self._sound = False
            raise


class SignalFile:
    """Signals kept by an earlier analysis; a context manager.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    session : Session
        What the source and that analysis were, without what it found.

    Raises
    ------
    SourceError
        Here and in :meth:`readings`: missing, damaged, newer than this program, or no signals file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise SourceError(f"{path} does not exist: name a file that nasalis analyze --signals has written")
        if not path.is_file():
            raise SourceError(f"{path} is not a file: name one that nasalis analyze --signals has written")
        try:
            self._file = h5py.File(path, "r", locking="best-effort")
        except PermissionError as error:
            raise SourceError(f"{path} may not be read ({error.strerror}): ask its owner") from error
        except OSError as error:
            if path.stat().st_size and h5py.is_hdf5(path):
                raise self._damaged() from error
            raise self._foreign() from error
        try:
            self._check_kind()
            with self._reading():
                self.session = self._read_session()
                self._rows = self._check_columns()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SignalFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(*_DAMAGE):
            self._file.close()

    @property
    def span_s(self) -> tuple[float, float]:
        """Times of the first and the last frame."""
        with self._reading():
            times = self._file["reading/t_s"]
            return float(times[0]), float(times[-1])

    def readings(self) -> Iterator[Reading]:
        """Every frame as it was measured, in time order; memory does not grow with the length."""
        last_s, reached_s = -math.inf, math.nan  # the frame before, and the one measured before in its stretch
        for first in range(0, self._rows, BLOCK):
            with self._reading():
                block = self._read_block(slice(first, min(first + BLOCK, self._rows)))
            for reading in block:
                # a time that leaps would have to be filled with so many samples between
                leaps = reading.sample is not None and reading.t_s - reached_s > _LEAP_S
                if leaps or not last_s < reading.t_s < _ABSURD_S or not _makes_sense(reading):
                    raise self._damaged()
                last_s = reading.t_s
                reached_s = math.nan if reading.ends_stretch else last_s if reading.sample is not None else reached_s
                yield reading

    def _read_block(self, rows: slice) -> list[Reading]:
        known = {name: self._file[f"reading/{name}"][rows].tolist() for name in _READING}
        measured = known.pop("measured")
        samples = self._read_samples(rows, known["t_s"]) if any(measured) else repeat(None, len(measured))
        return [
            Reading(**dict(zip(known, fields, strict=True)), sample=sample if there else None)
            for there, sample, *fields in zip(measured, samples, *known.values(), strict=True)
        ]

    def _read_samples(self, rows: slice, times: list[float]) -> Iterator[Sample]:
        columns: dict[str, Any] = {}
        for name in self._sample_fields():
            column = self._file[f"sample/{name}"][rows]
            columns[name] = column.tolist() if column.ndim == 1 else column
        contexts: Iterator[Context] = repeat(UNKNOWN)
        if not columns.keys().isdisjoint(_CONTEXT_COLUMNS):
            parts = [columns.pop(f"context/{name}", repeat(usual)) for name, usual in _UNKNOWN.items()]
            contexts = map(Context, *parts)
        return map(Sample, times, *columns.values(), contexts)

    def _sample_fields(self) -> list[str]:
        """The columns of a sample that the file has; those of the context came later and may be missing."""
        group = self._file["sample"]
        missing = [name for name in _SAMPLE_COLUMNS if name not in group]
        missing = [name for name in missing if name not in _CONTEXT_COLUMNS]
        if missing:
            raise SourceError(
                f"{self.path} was written by an older nasalis and lacks {missing[0]}: analyze the clip again"
            )
        return [name for name in _SAMPLE_COLUMNS if name in group]

    def _check_kind(self) -> None:
        try:
            found = int(self._file.attrs[_MARK])
        except _DAMAGE as error:
            raise self._foreign() from error
        if found > FORMAT:
            raise SourceError(
                f"{self.path} was written by a newer nasalis (format {found}, this program knows {FORMAT}): "
                "update nasalis"
            )

    def _check_columns(self) -> int:
        """The number of rows."""
        names = [bytes(name).decode() for name in self._file["region_names"][:]]
        if names != list(regions.SITE_NAMES) or not np.array_equal(self._file["lattice_mm"][:], LATTICE_MM):
            raise SourceError(
                f"{self.path} was measured at other places of the face than this nasalis does: analyze the clip again"
            )
        rows = len(self._file["reading/t_s"])  # never 0: a run without a frame leaves no file
        columns = [f"reading/{name}" for name in _READING]
        if len(self._file["sample"]):
            columns += [f"sample/{name}" for name in self._sample_fields()]
        if any(len(self._file[name]) != rows or self._file[name].dtype.kind not in "fiub" for name in columns):
            raise self._damaged()
        if any(self._file[name].shape[1:] != _shape(name.removeprefix("sample/")) for name in columns):
            raise self._damaged()
        return rows

    def _read_session(self) -> Session:
        attributes = self._file.attrs
        known: dict[str, Any] = {name: str(attributes[name]) for name in _TEXTS}
        known |= {name: int(attributes[name]) for name in _COUNTS}
        known |= {name: json.loads(attributes[name]) for name in _JSONS}
        if not isinstance(known["settings"], dict) or not isinstance(known["versions"], dict):
            raise self._damaged()
        return Session(**known)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise self._damaged() from error

    def _damaged(self) -> SourceError:
        return SourceError(f"{self.path} is damaged: restore a copy of it, or analyze the clip again with --signals")

    def _foreign(self) -> SourceError:
        return SourceError(f"{self.path} is not a signals file: name one that nasalis analyze --signals has written")


_LEAST, _MOST = 1e-3, 1e6  # scales and gains far beyond these were never measured, and divide to nothing


def _makes_sense(reading: Reading) -> bool:
    """Whether it can have been measured."""
    sample = reading.sample
    if reading.faces_seen <= 0 and sample is None:
        return True
    numbers = [reading.px_per_mm]
    if sample is not None:
        numbers += [sample.px_per_mm, sample.gain]
        if not (math.isfinite(sample.head_speed_mm_s) and math.isfinite(sample.since_acquired_s)):
            return False
    return reading.faces_seen > 0 and all(_LEAST < number < _MOST for number in numbers)


def _shape(column: str) -> tuple[int, ...]:
    """Of one row of a column of readings or samples."""
    part, _, name = column.rpartition("/")
    if part == "context":
        return np.shape(getattr(UNKNOWN, name))
    return {"height_mm": (SITE_COUNT, 2), "centers_mm": (_REGIONS, 2), "centers_px": (_REGIONS, 2)}.get(name, ())


def _value(sample: Sample, column: str) -> Any:
    """What a column of the file holds of a sample."""
    part, _, name = column.rpartition("/")
    return getattr(sample.context if part else sample, name)


def _append(column: h5py.Dataset, first: int, rows: npt.NDArray[Any]) -> None:
    column.resize(first + len(rows), axis=0)
    column[first:] = rows


def _judged(measured: Measured, name: str, dtype: type, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if measured.motion is None:
        return np.full(shape, np.nan if dtype is np.float32 else -1 if name == "why_not" else 0, dtype)
    value = measured.score if name == "score" else getattr(measured.motion, name)
    return np.asarray(value, dtype)


def _unit(name: str) -> str:
    """As the name of the column says."""
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")
