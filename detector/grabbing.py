"""A camera or stream as a live source: a thread grabs, stamps and judges, and opens it again after every fault."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from detector import clock
from detector.capture import STREAM_OPEN_S, Image, LiveCapture
from detector.errors import SourceError
from detector.frame_queue import POLL_S, FrameQueue
from detector.live_checks import Missing, PictureState, Rate, Slowness, slow_words
from detector.live_source import EventKind, LiveSource, SourceEvent, Tell, Waits
from detector.types import Frame

Opener = Callable[[], LiveCapture]

# At closing, for the thread to let go of the device: longer than the longest wait inside OpenCV, that for a stream to
# open. It cannot be cut short, and a program that ends while a thread is in there is aborted by the C++ runtime.
_JOIN_S = STREAM_OPEN_S + 1.0
_LEAST_STEP_S = 1e-6  # between two times, should a clock ever give one twice
_DOUBLED_SHARE = 0.9  # fewer new pictures than this are mentioned with the rate
_STATE_WORDS = {
    "black": "The picture is black: uncover the lens, open its shutter or turn on a light.",
    "frozen": "Nothing in the picture has moved for a while: the camera hangs, or no one is in view.",
    "resumed": "The picture is there and moves again.",
}


class BusyError(SourceError):
    """Another program uses the camera: worth waiting for."""


class GrabbedSource(LiveSource):
    """Frames of a camera or stream.

    Construction returns with the first picture, or when the camera is busy and waited for.

    Parameters
    ----------
    name : str
        To show.
    what : "camera" | "stream"
    opener
        Opens it, within seconds. Called in the grabbing thread at the start and after every fault.
    tell
        Gets every event, from any thread.
    waits : Waits

    Raises
    ------
    SourceError
        When it cannot be opened at the start, or gives no picture.
    """

    clock = staticmethod(clock.now_s)  # a camera does not wait for a computer that sleeps

    def __init__(
        self, name: str, what: Literal["camera", "stream"], opener: Opener, tell: Tell, waits: Waits | None = None
    ) -> None:
        super().__init__(name, is_clip=False, start_utc=datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._zero_s = self.clock()
        self._slept_s = clock.slept_s()  # before the latest picture
        self._what = what
        self._opener = opener
        self._tell_to = tell
        self._waits = waits or Waits()
        self._queue = FrameQueue()
        self._rate = Rate()
        self._rate_told = False
        self._slowness = Slowness()
        self._missing = Missing()
        self._lost = 0
        self._state = PictureState(self._waits.black_s, self._waits.frozen_s)
        self._frames = 0
        self._last_s = 0.0  # time of the latest picture
        self._since_s = 0.0  # of the first one since the source was opened
        self._settled = False  # the first picture came, or the camera is busy: from now on faults are waited out
        self._down = False  # a loss was told and nothing came since
        self._busy_told = False
        self._telling = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="nasalis-grab", daemon=True)
        atexit.register(self.close)  # a caller who fails before closing must not be aborted in addition
        self._thread.start()
        try:
            self._wait_until_settled()
        except BaseException:
            self.close()
            raise

    @property
    def frames_lost(self) -> int:
        """Frames that the camera, the network or a late reader lost, outages apart."""
        return self._lost + self._queue.dropped

    def stretches(self) -> Iterator[Iterator[Frame]]:
        """One iterator of frames per unbroken stretch, until :meth:`stop`."""
        for frames in self._queue.stretches(lambda: self._stopped, self._waits.silent_s, self._lose):
            yield self._counted(frames)

    def close(self) -> None:
        """Stop, and wait until the device is free: at once for a camera, up to 5 s for a stream being opened."""
        self.stop()
        atexit.unregister(self.close)
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    def _wait_until_settled(self) -> None:
        begin_s = time.monotonic()
        while not self._settled and self._thread.is_alive() and time.monotonic() - begin_s < self._waits.open_s:
            time.sleep(POLL_S / 5)
        if self._settled:
            return
        self._queue.check()
        raise SourceError(f"{_first_upper(self.name)} does not answer: {self._remedy()}.")

    # --- in the grabbing thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # the reader's to handle, whatever it is
            self._queue.end(error)
        else:
            self._queue.end()

    def _ended(self) -> bool:
        return self._stopped or not threading.main_thread().is_alive()

    def _serve(self) -> None:
        attempt = 0
        while not self._ended():
            try:
                capture = self._opener()
            except BusyError as error:
                self._wait_for_other_program(str(error))
            except SourceError:
                if not self._settled:
                    raise
            else:
                before = self._frames
                try:
                    self._grab_all(capture)
                finally:
                    capture.close()
                if not self._settled and not self._ended():
                    raise SourceError(f"{_first_upper(self.name)} gives no picture: {self._remedy()}.")
                if self._frames > before and self._last_s - self._since_s > self._waits.steady_s:
                    attempt = 0
                if not self._ended():
                    self._lose()
            self._pause(self._waits.backoff_s[min(attempt, len(self._waits.backoff_s) - 1)])
            attempt += 1

    def _pause(self, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        while not self._ended() and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, POLL_S))

    def _grab_all(self, capture: LiveCapture) -> None:
        """Grab until nothing comes any more, or only damaged pictures."""
        fresh = True
        good_s = self.clock()
        while not self._ended():
            stamp_s = capture.grab()
            if stamp_s is None or self._ended():
                return
            image = capture.picture()
            if image is not None:
                good_s = stamp_s
                self._take(stamp_s, image, capture.codec, fresh)
                fresh = False
            elif stamp_s - good_s > self._waits.silent_s:
                return

    def _take(self, stamp_s: float, image: Image, codec: str, fresh: bool) -> None:
        t_s = max(stamp_s - self._zero_s, self._last_s + _LEAST_STEP_S)
        height, width = image.shape[:2]
        changed = self._frames > 0 and (width, height) != (self.width, self.height)
        self._tell_sleep(t_s)
        if self._frames and not fresh and t_s - self._last_s > self._waits.silent_s:
            self._lose()
        if fresh or changed or self._down:
            self._begin_stretch(t_s, width, height, changed)
            if fresh:
                self._since_s = t_s
        self._lost += self._missing.push(t_s)
        repeated, news = self._state.push(t_s, image)
        self._queue.put(Frame(self._frames, t_s, True, image, repeated))
        self._frames += 1
        self._last_s = t_s
        self._rate.push(t_s, repeated)
        if self._state.stands:
            self._rate.forget_repeats()
        self.fps = self._rate.fps
        self._settled = True
        if news is not None:
            self._tell(t_s, news, _STATE_WORDS[news])
        self._tell_rate(t_s, codec)

    def _tell_sleep(self, t_s: float) -> None:
        """Say that the computer slept since the picture before: with that the gap is explained."""
        before_s, self._slept_s = self._slept_s, clock.slept_s()
        if self._frames and self._slept_s - before_s > self._waits.silent_s:
            with self._telling:
                self._down = True
            self._queue.cut()
            slept = timedelta(seconds=round(self._slept_s - before_s))
            self._tell(t_s, "slept", f"The computer slept for {slept}: nothing was seen then.")

    def _begin_stretch(self, t_s: float, width: int, height: int, changed: bool) -> None:
        self._lost += self._missing.new_stretch()
        self._state.new_stretch()
        self._rate = Rate()
        with self._telling:
            was_down, self._down = self._down, False
        if changed:
            self._queue.cut()
            words = f"The picture changed from {self.width}x{self.height} to {width}x{height}."
            self._tell(t_s, "resolution", words)
        self._rate_told &= not changed
        self.width, self.height = width, height
        if was_down:
            self._tell(t_s, "resumed", f"Pictures come again, after {t_s - self._last_s:.1f} s without.")
        self._busy_told = False

    def _tell_rate(self, t_s: float, codec: str) -> None:
        if self._rate.span_s < self._waits.rate_s or not self.fps:
            return
        share = self._rate.new_share
        if not self._rate_told:
            self._rate_told = True
            coding = f", {codec}" if codec else ""
            words = f"{_first_upper(self.name)}: {self.width}x{self.height}{coding}, {self.fps:.1f} pictures a second"
            doubled = f", of which {100 * (1 - share):.0f} % repeat the one before" if share < _DOUBLED_SHARE else ""
            self._tell(t_s, "opened", f"{words}{doubled} (measured).")
        if self._slowness.push(self.fps * share):
            self._tell(t_s, "slow", slow_words(self.fps * share))

    # --- words, from both threads -----------------------------------------------------------------------------------

    def _lose(self) -> None:
        """End the stretch and say so, once per outage."""
        with self._telling:
            news = self._frames > 0 and not self._down
            self._down |= news
        if news:
            self._queue.cut()
            self.fps = 0.0
            cause = "cut off or silent" if self._what == "stream" else "unplugged, hanging or taken"
            words = f"No more pictures from {self.name} ({cause}): trying again until they come."
            self._tell(self._last_s, "lost", words)

    def _wait_for_other_program(self, words: str) -> None:
        if not self._busy_told:
            self._busy_told = True
            self._tell(max(self.clock() - self._zero_s, 0.0), "busy", words)
        self._settled = True

    def _remedy(self) -> str:
        if self._what == "stream":
            return "check the address and that the camera is on"
        return "unplug it, connect it again, and close other programs that use it"

    def _tell(self, t_s: float, kind: EventKind, words: str) -> None:
        self._tell_to(SourceEvent(t_s, kind, words))


def _first_upper(name: str) -> str:
    return name[:1].upper() + name[1:] if name.startswith("camera ") else name
