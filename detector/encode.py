"""Pictures with presentation times -> a video file; the only file that writes one.

Lossless codecs keep the truth of a simulation untouched; the lossy ones are those of phones and webcams. The file
appears under its name only when it is complete.
"""

from __future__ import annotations

import contextlib
import errno
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import cv2  # noqa: F401  (PyAV loaded before cv2 hangs cv2's windows on Linux, so cv2 always goes first)
import numpy as np
import numpy.typing as npt

from detector.errors import OutputError, UsageError
from detector.record.files import half_written, keep_mode, make_private

Codec = Literal["h264", "h264-lossless", "ffv1", "mjpeg", "hevc", "vp9"]

# name -> encoder, pixel format, default quality, range of the quality. The quality is the encoder's own scale: CRF for
# h264 (0-51), hevc (0-51) and vp9 (0-63), the quantizer scale 2-31 for MJPEG; lower is better everywhere.
_ENCODERS: dict[str, tuple[str, str, int | None, tuple[int, int]]] = {
    "h264": ("libx264", "yuv420p", 23, (0, 51)),
    "h264-lossless": ("libx264rgb", "bgr24", None, (0, 0)),
    "ffv1": ("ffv1", "bgr0", None, (0, 0)),
    "mjpeg": ("mjpeg", "yuvj420p", 4, (2, 31)),
    "hevc": ("libx265", "yuv420p", 28, (0, 51)),
    "vp9": ("libvpx-vp9", "yuv420p", 32, (0, 63)),
}
CODECS: tuple[str, ...] = tuple(_ENCODERS)
_TICKS = 90_000  # 1/s; whole ticks for 24, 25, 30, 50, 60 and 29.97 frames/s
_THREADS = 2  # fixed: the bit stream of x264 depends on the number of threads


class VideoWriter:
    """Write BGR pictures with their presentation times.

    Parameters
    ----------
    path : Path
        File to write; the container follows from the suffix (.mp4, .mkv, .avi, .mov, .webm).
    width, height : int
        Size of the pictures, px. Odd sizes are padded by one repeated row or column where the codec needs even ones.
    codec : str
        One of ``CODECS``.
    crf : int, optional
        Quality on the encoder's own scale, lower is better (MJPEG: quantizer scale 2-31). Default per codec.
    bitrate : int, optional
        Bits per second; takes the place of ``crf``.
    fps : float
        Nominal rate, 1/s: for the rate control, the header, and times when ``write`` is given none.
    preset : str
        Speed of h264 and hevc.

    Raises
    ------
    UsageError
        Unknown codec, quality out of range, or a suffix whose container does not take the codec.
    OutputError
        The file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        *,
        codec: str = "h264",
        crf: int | None = None,
        bitrate: int | None = None,
        fps: float = 30.0,
        preset: str = "veryfast",
    ) -> None:
        import av
        from av.video.reformatter import Interpolation

        if codec not in _ENCODERS:
            raise UsageError(f"Unknown codec {codec!r}: choose one of {', '.join(CODECS)}.")
        encoder, pixels, default, (low, high) = _ENCODERS[codec]
        quality = default if crf is None else crf
        if default is None and (crf is not None or bitrate is not None):
            raise UsageError(f"Codec {codec} is lossless: leave out crf and bitrate.")
        if quality is not None and not low <= quality <= high:
            raise UsageError(f"Quality {quality} is outside {low}-{high} of codec {codec}.")
        if bitrate is not None and bitrate < 1000:
            raise UsageError(f"A bitrate of {bitrate} bit/s is too low: give bits per second, 1000 or more.")
        if not np.isfinite(fps) or not 1.0 <= fps <= 1000.0:
            raise UsageError(f"A frame rate of {fps:g} is outside 1-1000 frames per second.")
        self.path = Path(path)
        self.frames = 0
        self._av = av
        self._pixels = pixels
        self._exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
        self._size = (width, height)
        # 4:2:0 chroma needs even sizes.
        self._even = (width + width % 2, height + height % 2) if "420" in pixels else (width, height)
        self._fps = fps
        # AVI has no presentation times, only a rate: its times are rounded to whole frames.
        constant = self.path.suffix.lower() == ".avi"
        rate = Fraction(fps).limit_denominator(1001)
        self._base = 1 / rate if constant else Fraction(1, _TICKS)
        self._last = -1
        self._part = half_written(self.path)
        self._container: Any = None
        try:
            options = {"movflags": "+faststart"} if self.path.suffix.lower() in (".mp4", ".mov", ".m4v") else {}
            make_private(self._part)
            self._container = av.open(str(self._part), "w", options=options)
        except ValueError as error:
            self.discard()
            raise UsageError(f"{self.path.name}: no video container has this suffix; use .mp4 or .mkv.") from error
        except OSError as error:
            self.discard()
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}.") from error
        try:
            self._stream: Any = self._container.add_stream(
                encoder, rate=rate, options=_options(codec, quality, bitrate, preset)
            )
            context: Any = self._stream.codec_context
            context.width, context.height, context.pix_fmt = *self._even, pixels
            context.time_base = self._base
            self._stream.time_base = self._base
            context.thread_count = _THREADS
            if bitrate is not None:
                context.bit_rate = bitrate
            if pixels == "yuv420p":
                # Said in the header so that players use the same matrix as the conversion below.
                context.colorspace, context.color_range = 5, 1
            self._container.start_encoding()
        except Exception as error:
            self.discard()
            if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) or (
                isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
            ):
                raise OutputError(f"{self.path} cannot be written: {error.strerror or error}.") from error
            hint = "use .mkv" if codec in ("ffv1", "vp9", "h264-lossless") else "use .mp4 or .mkv"
            raise UsageError(
                f"Codec {codec} does not go into a {self.path.suffix or 'nameless'} file; {hint}."
            ) from error

    def write(self, picture: npt.NDArray[np.uint8], t_s: float | None = None) -> None:
        """Append one picture.

        Parameters
        ----------
        picture : uint8 (height, width, 3)
            BGR.
        t_s : float, optional
            Presentation time, s, later than the one before; without it the nominal rate counts on.

        Raises
        ------
        OutputError
            The disk is full or the file was taken away.
        """
        width, height = self._size
        if picture.shape != (height, width, 3):
            raise ValueError(f"picture of shape {picture.shape} in a video of {width}x{height}")
        if self._even != self._size:
            pad = ((0, self._even[1] - height), (0, self._even[0] - width), (0, 0))
            picture = np.pad(picture, pad, mode="edge")
        tick = round((self.frames / self._fps if t_s is None else t_s) / self._base)
        # A container refuses equal times; a later frame of the same tick moves on by one.
        self._last = max(tick, self._last + 1)
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
        if self._pixels == "yuv420p":
            # Without exact rounding the converter darkens every picture by a gray level.
            frame = frame.reformat(
                format=self._pixels, dst_colorspace="ITU601", dst_color_range="MPEG", interpolation=self._exact
            )
        elif self._pixels != "bgr24":
            frame = frame.reformat(format=self._pixels, interpolation=self._exact)
        frame.pts = self._last
        frame.time_base = self._base
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            self.discard()
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}.") from error
        self.frames += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._container is None:
            return
        if self.frames == 0:
            self.discard()
            raise OutputError(f"{self.path} was not written: there was no picture to put into it.")
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
            self._container = None
            keep_mode(self.path, self._part)
            self._part.replace(self.path)
        except OSError as error:
            self.discard()
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def discard(self) -> None:
        """Give up: nothing stays behind."""
        if self._container is not None:
            with contextlib.suppress(Exception):
                self._container.close()
            self._container = None
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _options(codec: str, quality: int | None, bitrate: int | None, preset: str) -> dict[str, str]:
    options: dict[str, str] = {}
    if codec in ("h264", "hevc", "h264-lossless"):
        options["preset"] = preset
    if codec == "h264-lossless":
        options["qp"] = "0"
    if codec == "hevc":
        options["x265-params"] = "log-level=error"
    if codec == "vp9":
        options |= {"deadline": "good", "cpu-used": "4", "row-mt": "1"}
    if bitrate is None and quality is not None:
        if codec == "mjpeg":
            options |= {"qmin": str(quality), "qmax": str(quality)}
        else:
            options["crf"] = str(quality)
            if codec == "vp9":
                options["b"] = "0"  # constant quality instead of constrained quality
    return options
