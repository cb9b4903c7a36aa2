"""The window of ``nasalis live``: opens it, shows pages at its own size, and says which keys were pressed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from enum import Enum
from types import TracebackType
from typing import Any

from detector.drawing import Picture
from detector.errors import UsageError
from detector.live_page import LivePage
from detector.live_state import LiveState

TITLE = "nasalis"
SIZE = (1280, 720)  # px, at first
NO_SCREEN = "No screen to open a window on: run nasalis live --no-window."
_ESCAPE = 27
HELD_S = 0.12  # the same key again within this long is a key held down, which repeats 10 to 30 times a second
_MOST_KEYS = 16  # taken at one look: a key that is held down must not stop the pictures


class Action(Enum):
    """What the user asks for; help is the window's own affair."""

    QUIT = "q"
    PAUSE = " "
    MARK = "m"
    UNDO = "u"
    REBASELINE = "r"
    SNAPSHOT = "s"


_HELP = "h"
_ACTIONS = {action.value: action for action in Action}


class LiveWindow:
    """A window that can be made any size.

    Parameters
    ----------
    title : str
        Of the window; its name for OpenCV too, so only one window of a title at a time.

    Raises
    ------
    UsageError
        There is no screen to open it on.
    """

    def __init__(self, title: str = TITLE) -> None:
        if not _screen_usable():
            raise UsageError(NO_SCREEN)
        # Qt's talk about fonts and sessions is not for the user.
        os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;*.info=false;*.warning=false")
        import cv2

        self._cv2: Any = cv2
        self._title = title
        self._page = LivePage()
        self._size = SIZE
        self._gone = False
        self._last_key, self._last_key_s = -1, 0.0
        self.help_shown = False
        self.picture: Picture | None = None  # shown last, e.g. for a snapshot
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(title, *SIZE)
        except cv2.error as error:  # a build of OpenCV without windows
            raise UsageError(NO_SCREEN) from error

    def __enter__(self) -> LiveWindow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, state: LiveState) -> list[Action]:
        """Draw ``state`` and give what was asked for since the last call, in order.

        The window lives by these calls: several a second, also in a pause. Once it was closed, by the user or by
        :meth:`close`, nothing is shown any more and the answer is always QUIT.
        """
        if not self._is_open():
            return [Action.QUIT]
        self._size = self._current_size()
        self.picture = self._page.draw(state, *self._size, help_shown=self.help_shown)
        self._cv2.imshow(self._title, self.picture)
        actions = self._pressed()
        if not self._is_open():  # looked at before the next imshow, which would open it again
            actions.append(Action.QUIT)
        return actions

    def close(self) -> None:
        """Take the window off the screen; calling it again does nothing."""
        if not self._gone:
            self._gone = True
            with contextlib.suppress(self._cv2.error):  # the user was quicker
                self._cv2.destroyWindow(self._title)
                self._cv2.pollKey()  # it goes with the next look at the events

    def _is_open(self) -> bool:
        if not self._gone:
            try:
                self._gone = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) < 1
            except self._cv2.error:
                self._gone = True
        return not self._gone

    def _current_size(self) -> tuple[int, int]:
        """Of the picture in the window, px; the last known one where it is not told, e.g. of a minimized window."""
        try:
            _, _, width, height = self._cv2.getWindowImageRect(self._title)
        except self._cv2.error:
            return self._size
        return (width, height) if width > 0 and height > 0 else self._size

    def _pressed(self) -> list[Action]:
        actions: list[Action] = []
        for _ in range(_MOST_KEYS):
            code = self._cv2.pollKey()
            if code < 0:
                break
            now, before, last = time.monotonic(), self._last_key_s, self._last_key
            self._last_key, self._last_key_s = code, now
            if code == last and now - before < HELD_S:
                continue
            # Codes over 127 are keys without a letter; cut to a byte, as many do, some would look like one.
            key = chr(code).lower() if code < 128 else ""
            if key == _HELP:
                self.help_shown = not self.help_shown
            elif code == _ESCAPE:
                self.help_shown = False
            elif key in _ACTIONS:
                actions.append(_ACTIONS[key])
        return actions


def _screen_usable() -> bool:
    """Whether a window can be opened. On Linux Qt would end the whole program where it cannot."""
    if not sys.platform.startswith("linux"):
        return True
    os.environ["QT_QPA_PLATFORM"] = "xcb"  # the only one in the wheels of OpenCV; another name ends the program too
    try:
        xcb: Any = ctypes.CDLL("libxcb.so.1")  # the library Qt itself connects with
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return failed == 0
