"""What Linux says of a camera without opening its picture: name, sizes and rates, and whether it is free.

Numbers and layouts are those of ``linux/videodev2.h``; they are part of the kernel's fixed interface.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["free", "busy", "no permission"]

_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability)
_ENUM_FMT = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc)
_REQBUFS = 0xC0145608  # _IOWR('V', 8, struct v4l2_requestbuffers)
_ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, struct v4l2_frmsizeenum)
_ENUM_FRAMEINTERVALS = 0xC034564B  # _IOWR('V', 75, struct v4l2_frmivalenum)
_CAN_CAPTURE, _CAN_CAPTURE_PLANES, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_CAPTURE, _CAPTURE_PLANES = 1, 9  # enum v4l2_buf_type
_MMAP = 1  # enum v4l2_memory
_DISCRETE = 1  # also enum v4l2_frmsizetypes, v4l2_frmivaltypes
_MOST = 64  # entries asked of one list: a driver that never says "no more" must not hold the program


@dataclass(frozen=True, slots=True)
class Mode:
    """A size a camera offers."""

    width: int  # px
    height: int  # px
    fps: float  # the highest, pictures per second; 0 when it is not told
    codec: str  # four letters

    def __str__(self) -> str:
        rate = f" {self.fps:g}/s" if self.fps else ""
        return f"{self.width}x{self.height}{rate} {self.codec}"


@dataclass(frozen=True, slots=True)
class Device:
    """What a device says of itself."""

    name: str  # empty when it may not be asked
    captures: bool | None  # False for a node of settings or of other data; None when it may not be asked
    state: State
    modes: tuple[Mode, ...]  # largest first, each size once, in the coding of its highest rate


def inspect(path: Path) -> Device | None:
    """What the device at ``path`` is; None when there is none or it is no camera driver's."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except PermissionError:
        return Device("", None, "no permission", ())
    except OSError as error:
        return Device("", None, "busy", ()) if error.errno == errno.EBUSY else None
    try:
        return _ask(handle)
    except OSError:
        return None  # unplugged while it was asked
    finally:
        os.close(handle)


def _ask(handle: int) -> Device | None:
    answer = _ioctl(handle, _QUERYCAP, bytes(104))
    if answer is None:
        return None
    _, card, _, _, whole, own = struct.unpack("=16s32s32sIII", answer[:92])
    able = own if whole & _HAS_DEVICE_CAPS else whole
    name = card.split(b"\0")[0].decode("utf-8", "replace")
    if not able & (_CAN_CAPTURE | _CAN_CAPTURE_PLANES):
        return Device(name, False, "free", ())
    kind = _CAPTURE if able & _CAN_CAPTURE else _CAPTURE_PLANES
    return Device(name, True, _state(handle, kind), _modes(handle, kind))


def _state(handle: int, kind: int) -> State:
    """Asking for no buffers changes nothing, and is refused while another program has some."""
    try:
        _ioctl(handle, _REQBUFS, struct.pack("=5I", 0, kind, _MMAP, 0, 0))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return "busy"
        raise
    return "free"


def _modes(handle: int, kind: int) -> tuple[Mode, ...]:
    best: dict[tuple[int, int], Mode] = {}
    for number in range(_MOST):
        answer = _ioctl(handle, _ENUM_FMT, struct.pack("=II", number, kind) + bytes(56))
        if answer is None:
            break
        code = answer[44:48]
        for width, height in _sizes(handle, code):
            fps = max(_rates(handle, code, width, height), default=0.0)
            mode = Mode(width, height, fps, code.decode("latin-1").strip())
            known = best.get((width, height))
            if known is None or (fps, mode.codec == "MJPG") > (known.fps, known.codec == "MJPG"):
                best[width, height] = mode
    return tuple(sorted(best.values(), key=lambda mode: (-mode.width * mode.height, -mode.width)))


def _sizes(handle: int, code: bytes) -> Iterator[tuple[int, int]]:
    for number in range(_MOST):
        answer = _ioctl(handle, _ENUM_FRAMESIZES, struct.pack("=I4s", number, code) + bytes(36))
        if answer is None:
            return
        (kind,) = struct.unpack_from("=I", answer, 8)
        if kind != _DISCRETE:  # any size up to the largest
            _, width, _, _, height, _ = struct.unpack_from("=6I", answer, 12)
            yield width, height
            return
        width, height = struct.unpack_from("=2I", answer, 12)
        yield width, height


def _rates(handle: int, code: bytes, width: int, height: int) -> Iterator[float]:
    for number in range(_MOST):
        request = struct.pack("=I4sII", number, code, width, height) + bytes(36)
        answer = _ioctl(handle, _ENUM_FRAMEINTERVALS, request)
        if answer is None:
            return
        kind, above, below = struct.unpack_from("=3I", answer, 16)  # an interval in s; the shortest of a range is first
        if above:
            yield below / above
        if kind != _DISCRETE:
            return


def _ioctl(handle: int, code: int, request: bytes) -> bytes | None:
    """The answer; None when the driver does not know the question, or has no more to list.

    Raises
    ------
    OSError
        Device gone or busy.
    """
    import fcntl  # not on Windows

    try:
        return fcntl.ioctl(handle, code, request)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY):
            return None
        raise
