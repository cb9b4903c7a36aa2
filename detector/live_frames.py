"""Camera, stream or clip as one live source: which one the user means, how it is opened, and what it is called."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from detector import capture
from detector.cameras import NO_CAMERA, Camera, check_permission, find_camera, list_cameras
from detector.capture import CameraRequest, LiveCapture
from detector.container import VIDEO_SUFFIXES, check_file
from detector.errors import SourceError, UsageError
from detector.grabbing import BusyError, GrabbedSource
from detector.live_source import LiveSource, SourceEvent, Tell, Waits

__all__ = ["CameraRequest", "LiveSource", "SourceEvent", "Tell", "Waits", "open_live", "shown_url"]

_SCHEMES = ("rtsp", "rtsps", "http", "https")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SECRET = re.compile(r"pass|pwd|user|login|token|auth|key|secret", re.IGNORECASE)


def open_live(
    source: str = "",
    *,
    replay: bool = False,
    replay_speed: float | Literal["max"] = 1.0,
    loop: bool = False,
    request: CameraRequest | None = None,
    on_event: Tell = lambda event: None,
    waits: Waits | None = None,
) -> LiveSource:
    """The live source that is meant, with its first picture there, or waited for because the camera is busy.

    Parameters
    ----------
    source
        Index, device or name of a camera, empty for the first; URL of a stream; with ``replay`` a clip.
    replay, replay_speed, loop
        See :class:`detector.replay.ClipReplay`; ``"max"`` is as fast as the clip can be read.
    request
        Size and rate for a camera.
    on_event
        Gets every :class:`SourceEvent`, from any thread; it must return soon.
    waits
        For tests.

    Raises
    ------
    SourceError
        When there is no such source or it cannot be opened.
    UsageError
        When the arguments contradict each other.
    """
    url = _URL.match(source)
    if not replay:
        if loop or replay_speed != 1.0:
            raise UsageError("Only a clip can be repeated or played faster: add --replay, and --source CLIP.")
        if url:
            return _open_stream(source, url[1].lower(), on_event, waits)
        _check_no_clip(source)
        return _open_camera(source, request or CameraRequest(), on_event, waits)
    if url or not source:
        raise UsageError("Only a clip can be replayed: name its file with --source CLIP.")
    from detector.replay import ClipReplay

    return ClipReplay(source, math.inf if replay_speed == "max" else replay_speed, loop, on_event, waits)


def _check_no_clip(source: str) -> None:
    path = Path(source)
    if source and not source.isdecimal() and (path.suffix.lower() in VIDEO_SUFFIXES or path.is_file()):
        check_file(path)
        raise UsageError(f"'{source}' is a clip, not a camera: add --replay to play it, or run 'nasalis analyze'.")


# --- streams --------------------------------------------------------------------------------------------------------


def shown_url(url: str) -> str:
    """A URL without user name, password, query or anything else that may be a secret.

    Some cameras want the password in the query or even in the path: the query is left out, and a path that looks so.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the stream"
    if "@" in parts.path + parts.query + parts.fragment:  # a password with / or # in it: its end was taken for the path
        return "the stream"
    host = f"[{host}]" if ":" in host else host
    path = "/..." if _SECRET.search(parts.path) else parts.path
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


def _open_stream(url: str, scheme: str, tell: Tell, waits: Waits | None) -> LiveSource:
    shown = shown_url(url)
    if scheme not in _SCHEMES:
        raise UsageError(
            f"'{shown}' cannot be watched: give an address that begins with rtsp:// or http://, or a camera."
        )

    def opener() -> LiveCapture:
        opened = capture.open_stream(url)
        if opened is None:
            raise SourceError(
                f"No video can be read from {shown}: check the address, user name and password, and that it is on."
            )
        return opened

    return GrabbedSource(shown, "stream", opener, tell, waits)


# --- cameras --------------------------------------------------------------------------------------------------------


def _open_camera(text: str, request: CameraRequest, tell: Tell, waits: Waits | None) -> LiveSource:
    first = find_camera(text)
    twins = {camera.device for camera in list_cameras() if camera.name == first.name} - {first.device}

    def opener() -> LiveCapture:
        camera = _again(first, twins)
        check_permission(camera)
        _check_free(camera)
        opened = capture.open_camera(camera.device if sys.platform == "linux" else camera.index, request)
        if opened is None:
            _check_free(_again(first, twins))  # taken by another program in this moment
            raise SourceError(
                f"Pictures of {camera} cannot be read: unplug it, connect it again, and close other programs."
            )
        return opened

    return GrabbedSource(str(first), "camera", opener, tell, waits)


def _again(camera: Camera, twins: set[str]) -> Camera:
    """The same camera as it is now: plugged in again it may have another index, but is none of its ``twins``."""
    if sys.platform != "linux":  # listing them means opening them
        return camera
    there = list_cameras()
    same = [other for other in there if other.name == camera.name and other.device not in twins]
    for other in same:
        if other.device == camera.device:
            return other
    if not same:
        raise SourceError(NO_CAMERA)
    return same[0]


def _check_free(camera: Camera) -> None:
    if camera.state == "busy":
        raise BusyError(f"Another program uses {camera}: close it; it is tried again until it is free.")
