"""What opens a device, a stream or a clip: the only file that makes a ``cv2.VideoCapture``."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from detector.container import Mp4
from detector.errors import SourceError

Image = npt.NDArray[np.uint8]

# FFmpeg demuxers that read one local file and nothing else. Playlists (hls, dash, concat, sdp) and picture series
# (image2) are left out: a text file must not make the program open other files or a socket.
_FORMATS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v,ivf,obu,dv,mxf,nut,yuv4mpegpipe"
_CLIP_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_OPEN_LOCK = threading.Lock()


class Decoder(Protocol):
    """What frames are read through: OpenCV, or PyAV for AV1."""

    def grab(self) -> bool: ...
    def time_s(self) -> float: ...
    def picture(self) -> Image | None: ...
    def seek(self, time_s: float) -> None: ...
    def close(self) -> None: ...


@contextmanager
def _quiet_ffmpeg(options: dict[str, str]) -> Iterator[None]:
    """FFmpeg inside OpenCV says nothing, and is held to ``options``, while the body runs."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # read when cv2 is first imported
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read at the first opening; -8 is AV_LOG_QUIET
    import cv2

    if os.environ["OPENCV_LOG_LEVEL"] == "SILENT":
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
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


class CvDecoder:
    """OpenCV's own FFmpeg."""

    def __init__(self, path: Path, mp4: Mp4 | None) -> None:
        with _quiet_ffmpeg(_CLIP_OPTIONS):
            import cv2

            self._cv2 = cv2
            # The absolute path cannot be taken for a URL or an option; CAP_FFMPEG keeps 'img_%03d.png' literal.
            self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        self.is_open = self._capture.isOpened()
        # OpenCV knows rotations only: it would turn a mirrored clip upside down.
        self._matrix = mp4.matrix if mp4 is not None and mp4.mirrored else None
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0 if self._matrix else 1)
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.pixel_aspect = self._get_pixel_aspect()
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        self.codec = code.to_bytes(4, "little").decode("latin-1") if code > 0 else ""

    def _get_pixel_aspect(self) -> float:
        across = self._capture.get(self._cv2.CAP_PROP_SAR_NUM)
        down = self._capture.get(self._cv2.CAP_PROP_SAR_DEN)
        return across / down if across > 0 and down > 0 else 1.0

    def grab(self) -> bool:
        return bool(self._capture.grab())

    def time_s(self) -> float:
        return float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000.0

    def picture(self) -> Image | None:
        good, image = self._capture.retrieve()
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

    def picture(self) -> Image | None:
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
