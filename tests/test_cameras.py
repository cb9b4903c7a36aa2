"""Cameras by index and name, and what the kernel's answers mean."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from detector import cameras, v4l2
from detector.cameras import Camera, find_camera, list_cameras
from detector.errors import SourceError
from detector.v4l2 import Device, Mode

HD = Mode(1280, 720, 30.0, "MJPG")


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[int, Device]:
    """What is connected: put a device in, and it is there."""
    there: dict[int, Device] = {}
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(cameras, "_DEVICES", tmp_path / "dev")
    monkeypatch.setattr(cameras, "_NAMES", tmp_path / "sys")
    (tmp_path / "dev").mkdir()
    for name in [*(f"video{number}" for number in range(12)), "video", "videodev", "null"]:
        (tmp_path / "dev" / name).touch()
    monkeypatch.setattr(v4l2, "inspect", lambda path: there.get(int(path.name.removeprefix("video"))))
    return there


def in_sysfs(number: int, **files: str) -> None:
    folder = cameras._NAMES / f"video{number}"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")


def test_list_leaves_out_what_gives_no_picture(devices: dict[int, Device]) -> None:
    devices[10] = Device("Rear", True, "busy", ())
    devices[0] = Device("Integrated", True, "free", (HD,))
    devices[1] = Device("Integrated", False, "free", ())
    devices[2] = Device("", None, "no permission", ())
    devices[3] = Device("", None, "no permission", ())
    in_sysfs(0, name="Integrated Camera: HD", index="0")
    in_sysfs(2, name="USB Cam", index="0")
    in_sysfs(3, name="USB Cam", index="1")
    folder = cameras._DEVICES
    assert list_cameras() == [
        Camera(0, str(folder / "video0"), "Integrated Camera: HD", "free", (HD,)),
        Camera(2, str(folder / "video2"), "USB Cam", "no permission"),
        Camera(10, str(folder / "video10"), "Rear", "busy"),
    ]


@pytest.mark.parametrize(
    ("text", "index"),
    [("0", 0), ("10", 10), ("", 0), ("studio cam", 2), ("Studio", 2), (" hd ", 0), ("STUDIO CAM PRO", 3), ("/dev", 10)],
)
def test_camera_by_index_device_or_name(devices: dict[int, Device], text: str, index: int) -> None:
    for number, name in {0: "Laptop HD", 2: "Studio Cam", 3: "Studio Cam Pro", 10: "Rear"}.items():
        devices[number] = Device(name, True, "free", ())
    if text == "Studio":
        with pytest.raises(SourceError, match=r"'Studio' fits 2 cameras: .*camera 2 \(Studio Cam\), camera 3"):
            find_camera(text)
        return
    text = str(cameras._DEVICES / "video10") if text == "/dev" else text
    assert find_camera(text).index == index


def test_without_a_name_a_free_camera_comes_first(devices: dict[int, Device]) -> None:
    devices[0] = Device("", None, "no permission", ())
    devices[1] = Device("Used", True, "busy", ())
    devices[2] = Device("Free", True, "free", ())
    assert find_camera().index == 2
    del devices[2]
    assert find_camera().index == 1


def test_no_camera(devices: dict[int, Device]) -> None:
    for text in ("", "0", "Studio"):
        with pytest.raises(SourceError, match=r"^No camera found: connect one, or replay a clip with") as caught:
            find_camera(text)
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("text", ["7", "Studio", "/dev/video9"])
def test_an_unknown_one_says_which_there_are(devices: dict[int, Device], text: str) -> None:
    devices[0] = Device("Laptop HD", True, "free", ())
    with pytest.raises(SourceError, match=rf"^There is no camera '{text}': .* camera 0 \(Laptop HD\)\.$"):
        find_camera(text)


def test_without_permission_it_says_how_to_get_it(devices: dict[int, Device]) -> None:
    devices[0] = Device("", None, "no permission", ())
    with pytest.raises(SourceError, match=r"You may not use camera 0: join the group 'video'"):
        find_camera("0")


# --- the kernel's answers -------------------------------------------------------------------------------------------


class Driver:
    """Answers as a webcam's driver does; layouts as in linux/videodev2.h."""

    def __init__(self) -> None:
        self.capabilities = (0x84A00001, 0x04200001)  # of all nodes together, and of this one
        self.busy = False
        self.endless = False
        self.sizes = {b"YUYV": [(640, 480, [30, 15]), (1280, 720, [10])], b"MJPG": [(1280, 720, [60, 30])]}

    def ioctl(self, handle: int, code: int, request: bytes) -> bytes:
        assert (code >> 16) & 0x3FFF == len(request), "the kernel would write past the end"
        assert code >> 8 & 0xFF == ord("V")
        return {0: self._capability, 2: self._format, 8: self._buffers, 74: self._size, 75: self._interval}[
            code & 0xFF
        ](request)

    def _capability(self, request: bytes) -> bytes:
        texts = [text.ljust(length, b"\0") for text, length in ((b"uvcvideo", 16), (b"HD Cam", 32), (b"usb-1", 32))]
        return b"".join(texts) + struct.pack("=6I", 0x060000, *self.capabilities, 0, 0, 0)

    def _buffers(self, request: bytes) -> bytes:
        assert struct.unpack("=5I", request) == (0, 1, 1, 0, 0)
        if self.busy:
            raise OSError(errno.EBUSY, "busy")
        return request

    def _format(self, request: bytes) -> bytes:
        number, kind = struct.unpack_from("=2I", request)
        assert kind == 1
        code = self._nth(list(self.sizes), number)
        return request[:8] + bytes(4) + b"some coding".ljust(32, b"\0") + code + bytes(16)

    def _size(self, request: bytes) -> bytes:
        number, code = struct.unpack_from("=I4s", request)
        width, height, _ = self._nth(self.sizes[code], number)
        return request[:8] + struct.pack("=3I", 1, width, height) + bytes(24)

    def _interval(self, request: bytes) -> bytes:
        number, code, width, height = struct.unpack_from("=I4s2I", request)
        (rates,) = [rates for w, h, rates in self.sizes[code] if (w, h) == (width, height)]
        return request[:16] + struct.pack("=3I", 1, 1, self._nth(rates, number)) + bytes(24)

    def _nth(self, items: list, number: int):  # type: ignore[no-untyped-def]
        if self.endless:
            number %= len(items)
        if number >= len(items):
            raise OSError(errno.EINVAL, "no more")
        return items[number]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setattr(fcntl, "ioctl", driver.ioctl)
    return driver


def test_name_and_modes(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert v4l2.inspect(tmp_path / "video0") == Device(
        "HD Cam", True, "free", (Mode(1280, 720, 60.0, "MJPG"), Mode(640, 480, 30.0, "YUYV"))
    )


def test_a_busy_camera_and_a_node_of_other_data(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    driver.busy = True
    device = v4l2.inspect(tmp_path / "video0")
    assert device is not None and device.state == "busy" and device.modes
    driver.capabilities = (0x84A00001, 0x04A00000)  # the whole camera takes pictures, this node does not
    device = v4l2.inspect(tmp_path / "video0")
    assert device is not None and device.captures is False


def test_an_endless_list_ends(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    driver.endless = True
    device = v4l2.inspect(tmp_path / "video0")
    assert device is not None and len(device.modes) == 2


def test_what_is_no_camera(tmp_path: Path) -> None:
    assert v4l2.inspect(tmp_path / "video0") is None
    assert v4l2.inspect(Path("/dev/null")) is None


@pytest.mark.parametrize(
    ("number", "state"), [(errno.EACCES, "no permission"), (errno.EBUSY, "busy"), (errno.ENODEV, None)]
)
def test_what_the_kernel_refuses(monkeypatch: pytest.MonkeyPatch, number: int, state: str | None) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    device = v4l2.inspect(Path("/dev/video0"))
    assert (None if device is None else device.state) == state
    assert device is None or device.captures is None


def test_handles_are_closed(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        v4l2.inspect(tmp_path / "video0")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
