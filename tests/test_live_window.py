"""The window of the live command: keys, size, its end; under a virtual screen where there is one."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from detector import live_window
from detector.errors import UsageError
from detector.live_state import LiveState
from detector.live_window import NO_SCREEN, Action, LiveWindow
from detector.live_words import KEYS

LINUX = sys.platform.startswith("linux")


class Screen:
    """OpenCV's windows without a screen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[int] = []
        self.size = (640, 480)
        self.visible = 1.0
        self.shown: list[tuple[int, ...]] = []
        self.now_s = 0.0
        monkeypatch.setattr(live_window, "_screen_usable", lambda: True)
        monkeypatch.setattr(live_window.time, "monotonic", lambda: self.now_s)
        for name, what in (
            ("namedWindow", lambda *_: None),
            ("resizeWindow", lambda *_: None),
            ("destroyWindow", lambda *_: None),
            ("imshow", lambda _, picture: self.shown.append(picture.shape)),
            ("pollKey", lambda: self.keys.pop(0) if self.keys else -1),
            ("getWindowImageRect", lambda _: (0, 0, *self.size)),
            ("getWindowProperty", lambda *_: self.visible),
        ):
            monkeypatch.setattr(cv2, name, what)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    return Screen(monkeypatch)


def test_keys_become_actions_in_order(screen: Screen) -> None:
    window = LiveWindow()
    screen.keys = [ord(key) for key in " muRSq"] + [0xFF53, 0x01000053, 9]
    assert window.show(LiveState()) == [
        Action.PAUSE, Action.MARK, Action.UNDO, Action.REBASELINE, Action.SNAPSHOT, Action.QUIT
    ]  # fmt: skip
    assert window.show(LiveState()) == []


def test_a_key_held_down_is_one_press_and_quick_taps_are_several(screen: Screen) -> None:
    window, seen = LiveWindow(), []
    for step_s, count in ((0.03, 10), (0.5, 1), (0.15, 3)):
        for _ in range(count):
            screen.now_s += step_s
            screen.keys = [ord("m")]
            seen.append(len(window.show(LiveState())))
    assert seen == [1] + 9 * [0] + [1] + 3 * [1]


def test_help_is_the_windows_own(screen: Screen) -> None:
    window = LiveWindow()
    pictures = []
    for key in ("h", "", "\x1b", "", "h", "h"):
        screen.now_s += 1.0
        screen.keys = [ord(key)] if key else []
        assert window.show(LiveState()) == []
        pictures.append((window.help_shown, window.picture))
    assert [shown for shown, _ in pictures] == [True, True, False, False, True, False]
    assert pictures[1][1] is not None and (pictures[1][1] != pictures[3][1]).any()


def test_every_key_of_the_help_does_something() -> None:
    assert {key.replace("space", " ") for key, _ in KEYS} == {action.value for action in Action} | {"h"}


def test_the_page_follows_the_size_of_the_window(screen: Screen) -> None:
    window = LiveWindow()
    for size, shape in (((640, 480), (480, 640, 3)), ((900, 500), (500, 900, 3)), ((0, 0), (500, 900, 3))):
        screen.size = size
        window.show(LiveState())
        assert screen.shown[-1] == shape


def test_closing_the_window_quits_and_never_opens_it_again(screen: Screen) -> None:
    window = LiveWindow()
    assert window.show(LiveState()) == []
    screen.visible = 0.0
    assert window.show(LiveState()) == [Action.QUIT]
    screen.visible = 1.0
    assert window.show(LiveState()) == [Action.QUIT] and len(screen.shown) == 1


def test_closing_while_shown_quits_too(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    window = LiveWindow()
    monkeypatch.setattr(cv2, "pollKey", lambda: setattr(screen, "visible", -1.0) or -1)
    assert window.show(LiveState()) == [Action.QUIT]


def test_after_close_nothing_is_shown(screen: Screen) -> None:
    with LiveWindow() as window:
        window.show(LiveState())
    window.close()
    assert window.show(LiveState()) == [Action.QUIT] and len(screen.shown) == 1


def test_a_build_without_windows_is_a_usage_error(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("not implemented")

    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(UsageError, match="--no-window"):
        LiveWindow()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own: where Qt finds no screen it ends the whole program."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept |= {"PYTHONPATH": str(Path(__file__).parents[1]), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=kept, capture_output=True, text=True, timeout=60, check=False
    )


OPEN = """
from detector.errors import UsageError
from detector.live_window import LiveWindow
try:
    LiveWindow()
except UsageError as error:
    print(error)
"""


@pytest.mark.skipif(not LINUX, reason="other systems always have a screen")
@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":4095"}, {"DISPLAY": "none", "WAYLAND_DISPLAY": "wayland-0"}])
def test_without_a_screen_one_sentence_says_what_to_do(environment: dict[str, str]) -> None:
    done = run(OPEN, **environment)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, NO_SCREEN, "")


@pytest.fixture
def display() -> Iterator[str]:
    if not LINUX or shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb")
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1280x720x24"],
        pass_fds=[theirs],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as told:
            number = told.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


USE = """
import ctypes, ctypes.util, time
import cv2
from detector.live_state import LiveState
from detector.live_window import LiveWindow

x11, xtst = (ctypes.CDLL(ctypes.util.find_library(name)) for name in ("X11", "Xtst"))
x11.XOpenDisplay.restype = ctypes.c_void_p
x11.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
xtst.XTestFakeKeyEvent.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_ulong]
x11.XFlush.argtypes = [ctypes.c_void_p]
screen = x11.XOpenDisplay(None)

def look(seconds=0.3):
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        seen += window.show(LiveState(now_s=time.monotonic()))
        time.sleep(0.01)
    return seen

def press(letter):
    code = x11.XKeysymToKeycode(screen, ord(letter))
    for down in (1, 0):
        xtst.XTestFakeKeyEvent(screen, code, down, 0)
    x11.XFlush(screen)

window = LiveWindow()
look(0.5)
print(window.picture.shape)
for letter in " murshq":
    press(letter)
    print(*[action.name for action in look()], window.help_shown)
cv2.resizeWindow("nasalis", 900, 500)
look()
print(window.picture.shape)
cv2.destroyWindow("nasalis")
print({action.name for action in look()})
window.close()
"""


@pytest.mark.skipif(ctypes.util.find_library("Xtst") is None, reason="no way to press keys")
def test_a_real_window_takes_keys_is_resized_and_closed_in_silence(display: str) -> None:
    done = run(USE, DISPLAY=display, XDG_SESSION_TYPE="wayland", QT_QPA_PLATFORM="wayland")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "(720, 1280, 3)",
        "PAUSE False",
        "MARK False",
        "UNDO False",
        "REBASELINE False",
        "SNAPSHOT False",
        "True",
        "QUIT True",
        "(500, 900, 3)",
        "{'QUIT'}",
    ]


def test_importing_it_is_light() -> None:
    done = run("import sys, detector.live_window; print({'cv2', 'mediapipe', 'numba'} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr


def test_actions_of_a_dead_screen_are_not_invented(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> float:
        raise cv2.error("no such window")

    window = LiveWindow()
    monkeypatch.setattr(cv2, "getWindowProperty", gone)
    assert window.show(LiveState()) == [Action.QUIT]
