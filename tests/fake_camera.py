"""A camera that is not there: stands in for ``cv2.VideoCapture`` and for what Linux says of its devices."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from detector import cameras, capture, clock, frame_queue, grabbing, v4l2
from detector.live_source import LiveSource, SourceEvent, Waits

Image = npt.NDArray[np.uint8]

# The program's own waits, most of them shortened about tenfold. The one for silence is longer than a busy computer
# stands still: who tests silence gives their own.
WAITS = Waits(backoff_s=(0.03, 0.06), silent_s=5.0, steady_s=0.5, rate_s=1.0, black_s=0.3, frozen_s=0.3, open_s=15.0)


def lively(number: int, width: int = 64, height: int = 48) -> Image:
    """A picture of noise around gray: as different from every other as real ones are."""
    return np.random.default_rng(number).integers(60, 200, (height, width, 3), dtype=np.uint8)


class FakeCamera:
    """What the tests turn and pull; the captures the program opens read it.

    Attributes
    ----------
    devices : dict[int, str]
        Connected, index to name.
    busy : bool
        Another program has it.
    fps, codec
        What it gives; ``asked`` is what it was asked for, in order.
    skip
        Frame numbers that it never hands over.
    pictures : int | None
        How many it gives; then the next grab waits until the source is stopped.
    free : threading.Event
        While cleared, a grab hangs.
    """

    def __init__(self) -> None:
        self.devices = {0: "Test Cam"}
        self.busy = False
        self.fps = 50.0
        self.codec = "MJPG"
        self.picture: Callable[[int], Image | None] = lively
        self.skip: set[int] = set()
        self.pictures: int | None = None
        self.is_stopped = False
        self.free = threading.Event()
        self.free.set()
        self.now: Callable[[], float] = time.monotonic
        self.wait_until: Callable[[float], None] = lambda due_s: time.sleep(max(0.0, due_s - time.monotonic()))
        self.clock: Callable[[float], float] = lambda taken_s: taken_s
        self.asked: list[tuple[int, float]] = []
        self.opened_at: list[str] = []
        self.open_now = 0
        self.numbers = itertools.count()

    def inspect(self, path: Path) -> v4l2.Device | None:
        name = self.devices.get(int(path.name.removeprefix("video")))
        return None if name is None else v4l2.Device(name, True, "busy" if self.busy else "free", ())


class _Capture:
    def __init__(self, camera: FakeCamera, device: str) -> None:
        self._camera = camera
        self._index = int(device.removeprefix(str(cameras._DEVICES)).removeprefix("/video"))
        self._is_open = not camera.busy and self._index in camera.devices
        camera.open_now += self._is_open
        if self._is_open:
            camera.opened_at.append(device)
        self._due_s = camera.now()
        self._number = -1

    def isOpened(self) -> bool:
        return self._is_open

    def set(self, what: int, value: float) -> bool:
        self._camera.asked.append((what, value))
        return True

    def get(self, what: int) -> float:
        camera = self._camera
        values = {
            cv2.CAP_PROP_FPS: camera.fps,
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*camera.codec),
            cv2.CAP_PROP_POS_MSEC: 1000 * camera.clock(self._due_s),
        }
        return float(values.get(what, 0.0))

    def grab(self) -> bool:
        camera = self._camera
        if not camera.free.is_set():
            camera.free.wait()
            self._due_s = camera.now()
        while camera.pictures is not None and self._number + 1 >= camera.pictures and not camera.is_stopped:
            time.sleep(0.002)
        # Held up by a busy computer it keeps its own time, as long as the program believes a driver's stamps.
        self._due_s = max(self._due_s, camera.now() - 0.7) + 1.0 / camera.fps
        self._number = next(camera.numbers)
        while self._number in camera.skip:
            self._due_s += 1.0 / camera.fps
            self._number = next(camera.numbers)
        camera.wait_until(self._due_s)
        return self._index in camera.devices

    def retrieve(self) -> tuple[bool, Any]:
        image = self._camera.picture(self._number)
        return image is not None, image

    def release(self) -> None:
        self._camera.open_now -= self._is_open
        self._is_open = False


def plug_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> FakeCamera:
    """Let the program see a fake camera, and no other."""
    camera = FakeCamera()
    for number in range(4):
        (folder / f"video{number}").touch()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(cameras, "_DEVICES", folder)
    monkeypatch.setattr(cameras, "_NAMES", folder / "none")
    monkeypatch.setattr(v4l2, "inspect", camera.inspect)
    monkeypatch.setattr(cv2, "VideoCapture", lambda device, backend: _Capture(camera, device))
    return camera


def at_leisure(monkeypatch: pytest.MonkeyPatch, camera: FakeCamera, pictures: int) -> None:
    """Let the camera give so many pictures by a clock of its own: nothing depends on how busy the computer is."""
    now = [1000.0]

    def wait_until(due_s: float) -> None:
        now[0] = max(now[0], due_s)

    stop = LiveSource.stop

    def stopping(source: LiveSource) -> None:
        camera.is_stopped = True
        stop(source)

    camera.pictures, camera.now, camera.wait_until = pictures, lambda: now[0], wait_until
    for module in (capture, frame_queue):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=camera.now))
    monkeypatch.setattr(clock, "slept_s", lambda: 0.0)
    monkeypatch.setattr(grabbing.GrabbedSource, "clock", staticmethod(camera.now))
    monkeypatch.setattr(grabbing, "FrameQueue", lambda: frame_queue.FrameQueue(pictures))
    monkeypatch.setattr(LiveSource, "stop", stopping)


class Events(list[SourceEvent]):
    """Collects what is told."""

    def __call__(self, event: SourceEvent) -> None:
        self.append(event)

    def kinds(self) -> list[str]:
        return [event.kind for event in self]

    def of(self, kind: str) -> SourceEvent:
        (event,) = (event for event in self if event.kind == kind)
        return event


def wait_for(condition: Callable[[], object], most_s: float = 30.0) -> None:
    """Until it holds; a failure when it does not."""
    until_s = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < until_s, "what the test waits for did not come"
        time.sleep(0.005)
