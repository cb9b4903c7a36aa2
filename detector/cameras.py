"""The cameras of this computer, and the one that is meant."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from detector import capture, v4l2
from detector.errors import SourceError
from detector.v4l2 import Mode, State

__all__ = ["Camera", "Mode", "find_camera", "list_cameras"]

NO_CAMERA = "No camera found: connect one, or replay a clip with nasalis live --source CLIP --replay."
_DEVICES = Path("/dev")
_NAMES = Path("/sys/class/video4linux")
_TRIED = range(5)  # indices, where nothing lists the cameras; each costs up to a second


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that is connected."""

    index: int
    device: str  # path on Linux; the index elsewhere
    name: str
    state: State
    modes: tuple[Mode, ...] = ()  # largest first; empty when it does not tell

    def __str__(self) -> str:
        return f"camera {self.index} ({self.name})" if self.name else f"camera {self.index}"


def list_cameras() -> list[Camera]:
    """Every camera there is, by index; those in use and those that may not be used too."""
    if sys.platform != "linux":
        return _tried()
    numbers = sorted(
        int(match[1]) for path in _DEVICES.glob("video*") if (match := re.fullmatch(r"video(\d+)", path.name))
    )
    return [camera for number in numbers if (camera := _camera(number)) is not None]


def _camera(number: int) -> Camera | None:
    path = _DEVICES / f"video{number}"
    device = v4l2.inspect(path)
    if device is None or device.captures is False:
        return None
    # A webcam has a second node, for data on its pictures. Where it may not be asked, the first is the picture.
    if device.captures is None and _read(number, "index") not in ("", "0"):
        return None
    return Camera(number, str(path), _read(number, "name") or device.name, device.state, device.modes)


def _read(number: int, what: str) -> str:
    try:
        return (_NAMES / f"video{number}" / what).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _tried() -> list[Camera]:
    found = []
    for number in _TRIED:
        opened = capture.open_camera(number, capture.CameraRequest())
        if opened is None:
            continue
        mode = Mode(opened.width, opened.height, opened.announced_fps, opened.codec)
        opened.close()
        found.append(Camera(number, str(number), "", "free", (mode,)))
    return found


def find_camera(text: str = "") -> Camera:
    """The camera that ``text`` means.

    Parameters
    ----------
    text
        Its index, its device, its name or a part of that; empty for the first that is free.

    Raises
    ------
    SourceError
        When there is none, none or several are meant, or it may not be used.
    """
    cameras = list_cameras()
    if not cameras:
        raise SourceError(NO_CAMERA)
    there = ", ".join(map(str, cameras))
    wanted = text.strip()
    if not wanted:
        rank = ("free", "busy", "no permission")
        meant = sorted(cameras, key=lambda camera: rank.index(camera.state))[:1]
    elif wanted.isdecimal():
        meant = [camera for camera in cameras if camera.index == int(wanted)]
    else:
        name = wanted.casefold()
        meant = [camera for camera in cameras if name in (camera.name.casefold(), camera.device)]
        meant = meant or [camera for camera in cameras if name in camera.name.casefold()]
    if not meant:
        raise SourceError(f"There is no camera '{wanted}': connect it, or name one of these: {there}.")
    if len(meant) > 1:
        several = ", ".join(map(str, meant))
        raise SourceError(f"'{wanted}' fits {len(meant)} cameras: give the index of one of these: {several}.")
    check_permission(meant[0])
    return meant[0]


def check_permission(camera: Camera) -> None:
    """Pass when the camera may be used.

    Raises
    ------
    SourceError
        When the user has no right to.
    """
    if camera.state == "no permission":
        raise SourceError(
            f"You may not use {camera}: join the group 'video' (sudo usermod -aG video $USER), then log in again."
        )
