"""What opens a device, a stream or a clip: the only file that makes a ``cv2.VideoCapture``."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from detector import clock
from detector.container import Mp4
from detector.errors import SourceError

Image = npt.NDArray[np.uint8]

# FFmpeg demuxers that read one local file and nothing else. Playlists (hls, dash, concat, sdp) and picture series
# (image2) are left out: a text file must not make the program open other files or a socket.
_FORMATS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v,ivf,obu,dv,mxf,nut,yuv4mpegpipe"
_CLIP_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
# A stream has no file beside it to open, and playlists stay out here too.
_STREAM_OPTIONS = {
    "protocol_whitelist": "http,https,tcp,tls,httpproxy,udp,rtp,rtsp",
    "format_whitelist": "rtsp,mpjpeg,mjpeg,mpegts,flv,asf,ogg,matroska,mov,h264,hevc",
    "rtsp_transport": "tcp",  # over UDP a lost packet smears the picture until the next key frame
    "fflags": "nobuffer",  # else what was read to guess the format comes first, late and all at once
}
STREAM_OPEN_S = 5.0
_STREAM_SILENT_S = 3.0  # after it a grab gives up
_CAMERA_SILENT_S = 2  # likewise, whole seconds (OpenCV's own is 10): a hanging driver is let go and opened anew

# Of a face at arm's length 1280 x 720 gives 2 to 3 px/mm; what lies beyond costs time and brings no smaller twitch.
_SIZE = (1280, 720)
_RATE = 60.0  # a driver takes the nearest rate it has
# Without MJPG a USB 2 camera sends 1280 x 720 at 5 to 10/s only; this size it sends at its full rate.
_SMALL_SIZE = (640, 480)
_FULL_RATE = 24.0
# One picture is being filled while the one before is decoded. With a single one the camera finds none free at every
# other picture, and its rate halves.
_BUFFERS = 2
_DRIVER_LAG_S = 1.0  # a driver's time stamp further back, or ahead, is of another clock
_OPEN_LOCK = threading.Lock()


class Decoder(Protocol):
    """What frames are read through: OpenCV, or PyAV for AV1."""

    def grab(self) -> bool: ...
    def time_s(self) -> float: ...
    def picture(self, into: Image | None = None) -> Image | None: ...
    def seek(self, time_s: float) -> None: ...
    def close(self) -> None: ...


def _quiet_cv2() -> ModuleType:
    """OpenCV, told to keep its own words off the terminal."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # read when cv2 is first imported
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read at the first opening; -8 is AV_LOG_QUIET
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(_CAMERA_SILENT_S))  # read at the first wait
    import cv2

    if os.environ["OPENCV_LOG_LEVEL"] == "SILENT":
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


@contextmanager
def _ffmpeg_held_to(options: dict[str, str]) -> Iterator[None]:
    """FFmpeg inside OpenCV opens what ``options`` allow only, while the body runs."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # read at every opening
    with _OPEN_LOCK:
        before = os.environ.get(name)
        os.environ[name] = "|".join(f"{key};{value}" for key, value in options.items())
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def _codec(code: float) -> str:
    return int(code).to_bytes(4, "little").decode("latin-1") if 0 < code < 2**32 else ""


class CvDecoder:
    """OpenCV's own FFmpeg."""

    def __init__(self, path: Path, mp4: Mp4 | None) -> None:
        cv2 = self._cv2 = _quiet_cv2()
        with _ffmpeg_held_to(_CLIP_OPTIONS):
            # The absolute path cannot be taken for a URL or an option; CAP_FFMPEG keeps 'img_%03d.png' literal.
            self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        self.is_open = self._capture.isOpened()
        # OpenCV knows rotations only: it would turn a mirrored clip upside down.
        self._matrix = mp4.matrix if mp4 is not None and mp4.mirrored else None
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0 if self._matrix else 1)
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.pixel_aspect = self._get_pixel_aspect()
        self.codec = _codec(self._capture.get(cv2.CAP_PROP_FOURCC))

    def _get_pixel_aspect(self) -> float:
        across = self._capture.get(self._cv2.CAP_PROP_SAR_NUM)
        down = self._capture.get(self._cv2.CAP_PROP_SAR_DEN)
        return across / down if across > 0 and down > 0 else 1.0

    def grab(self) -> bool:
        return bool(self._capture.grab())

    def time_s(self) -> float:
        return float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000.0

    def picture(self, into: Image | None = None) -> Image | None:
        """The picture grabbed last, in ``into`` where that has its shape."""
        good, image = self._capture.retrieve(into)
        if not good or image is None or image.ndim != 3:
            return None
        upright = cast(Image, image)
        return upright if self._matrix is None else _displayed(upright, self._matrix)

    def seek(self, time_s: float) -> None:
        self._capture.set(self._cv2.CAP_PROP_POS_MSEC, time_s * 1000.0)

    def close(self) -> None:
        self._capture.release()


class AvDecoder:
    """PyAV, for AV1: OpenCV's wheels carry no AV1 decoder that runs without special hardware."""

    def __init__(self, path: Path, mp4: Mp4 | None) -> None:
        import av  # after cv2: the other way round cv2's windows hang on Linux

        self._errors = av.error.FFmpegError
        self._matrix = mp4.matrix if mp4 is not None and mp4.mirrored else None
        self._container = av.open(str(path.absolute()), options=dict(_CLIP_OPTIONS))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._tick_s = float(self._stream.time_base or 0)
        self._frames = self._container.decode(self._stream)
        self._frame: av.VideoFrame | None = None

    def grab(self) -> bool:
        try:
            self._frame = next(self._frames, None)
        except self._errors:
            self._frame = None
            self._frames = self._container.decode(self._stream)  # an error ends the generator, not the clip
        return self._frame is not None

    def time_s(self) -> float:
        if self._frame is None or self._frame.pts is None:
            return math.nan
        return (self._frame.pts - (self._stream.start_time or 0)) * self._tick_s

    def picture(self, into: Image | None = None) -> Image | None:
        """The picture grabbed last, in an array of its own."""
        if self._frame is None:
            return None
        image = cast(Image, self._frame.to_ndarray(format="bgr24"))
        if self._matrix is not None:
            return _displayed(image, self._matrix)
        quarter_turns = round(getattr(self._frame, "rotation", 0) / 90) % 4  # counter-clockwise, as np.rot90
        return np.ascontiguousarray(np.rot90(image, quarter_turns))

    def seek(self, time_s: float) -> None:
        try:
            self._container.seek(round(time_s * 1e6))  # microseconds of the whole container
        except self._errors:
            return  # the next grab fails and says so
        self._frames = self._container.decode(self._stream)

    def close(self) -> None:
        self._container.close()


def _displayed(image: Image, matrix: tuple[float, float, float, float]) -> Image:
    """The picture as players show it, for a display matrix of quarter turns and mirrors."""
    a, b, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def open_av1(path: Path, mp4: Mp4 | None) -> Decoder:
    try:
        return AvDecoder(path, mp4)
    except ImportError:
        raise SourceError(
            f"'{path}' is AV1 video, which needs one more package: run 'pip install av', or convert the clip to H.264."
        ) from None
    except (OSError, ValueError, IndexError):
        raise SourceError(f"'{path}' is AV1 video that cannot be read: convert it to H.264 and try again.") from None


@dataclass(frozen=True, slots=True)
class CameraRequest:
    """What a camera is asked for; it gives the nearest it has. None leaves the choice to the program."""

    width: int | None = None  # px
    height: int | None = None  # px
    fps: float | None = None  # pictures per second


class LiveCapture:
    """A camera or stream that is open.

    Parameters
    ----------
    capture
        An open ``cv2.VideoCapture``.
    driver_clock
        Whether the driver's own time stamps may be of the clock ``time.monotonic`` reads (V4L2). They tell when the
        picture was taken; the return of a grab comes later by what else the computer has to do.

    Attributes
    ----------
    width, height : int
        Announced, px.
    announced_fps : float
        0 when nothing between 1 and 1000 is announced.
    codec : str
        Four letters, or empty.
    """

    def __init__(self, capture: Any, *, driver_clock: bool = False) -> None:
        self._cv2 = _quiet_cv2()
        self._capture = capture
        self._driver_clock = driver_clock
        self.width = int(capture.get(self._cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(self._cv2.CAP_PROP_FRAME_HEIGHT))
        fps = float(capture.get(self._cv2.CAP_PROP_FPS))
        self.announced_fps = fps if 1.0 <= fps <= 1000.0 else 0.0
        self.codec = _codec(capture.get(self._cv2.CAP_PROP_FOURCC)).strip()

    def grab(self) -> float | None:
        """When the next picture was taken, s of ``clock.now_s``; None when none came."""
        if not self._capture.grab():
            return None
        now = time.monotonic()
        if self._driver_clock:
            stamp = float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000.0
            if 0.0 <= now - stamp < _DRIVER_LAG_S:
                return stamp + clock.slept_s()
            self._driver_clock = False
        return now + clock.slept_s()

    def picture(self) -> Image | None:
        """The picture grabbed last, BGR; None when it is damaged."""
        try:
            good, image = self._capture.retrieve()
        except self._cv2.error:
            return None
        return cast(Image, image) if good and image is not None and image.ndim == 3 else None

    def close(self) -> None:
        """Let go of the device or the connection."""
        self._capture.release()


def open_camera(device: str | int, request: CameraRequest) -> LiveCapture | None:
    """Open a camera as MJPG, at the highest rate and with the fewest buffers; None when it cannot be opened.

    Parameters
    ----------
    device
        Path of the device on Linux, index elsewhere.
    request
        Size and rate to ask for.
    """
    cv2 = _quiet_cv2()
    on_linux = sys.platform == "linux"
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if on_linux else cv2.CAP_ANY)
    if not capture.isOpened():
        capture.release()
        return None
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    _ask_for(capture, request.width or _SIZE[0], request.height or _SIZE[1], request.fps or _RATE)
    given = LiveCapture(capture)
    if given.codec != "MJPG" and 0.0 < given.announced_fps < _FULL_RATE and not (request.width or request.height):
        _ask_for(capture, *_SMALL_SIZE, request.fps or _RATE)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, _BUFFERS)
    return LiveCapture(capture, driver_clock=on_linux)


def _ask_for(capture: Any, width: int, height: int, fps: float) -> None:
    cv2 = _quiet_cv2()
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_FPS, fps)


def open_stream(url: str) -> LiveCapture | None:
    """Open a stream over the network; None when nobody answers in time or what answers is no video."""
    cv2 = _quiet_cv2()
    limits = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * STREAM_OPEN_S)),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * _STREAM_SILENT_S)),
    ]
    with _ffmpeg_held_to(_STREAM_OPTIONS):
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, [number for limit in limits for number in limit])
    if not capture.isOpened():
        capture.release()
        return None
    return LiveCapture(capture)
