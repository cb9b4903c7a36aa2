"""Decoding in a process of its own: what :class:`detector.guarded.GuardedClip` starts, never to be run by hand.

Pictures go into a ring of shared memory, everything else as one line of JSON each to the standard output. Each byte on
the standard input gives one place of the ring back; its end means that nobody reads any more, and ends this process at
once, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from detector.errors import NasalisError
from detector.frames import ClipSource
from detector.picture_ring import PictureRing, places_for
from detector.types import Frame

_SKIPPED_EVERY_S = 0.5  # often enough that a long way to the start of a part is not taken for a hang
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_FIRST_TO_END = "1000"  # of proc_pid_oom_score_adj(5): the most

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be decoded, and within which bounds."""

    path: str
    start_s: float | None
    end_s: float | None
    memory: int  # file of the ring
    most_bytes: int  # of memory of its own
    parent: int  # process to die with; 0: the end of the standard input alone tells


def main() -> NoReturn:
    order = Order(**json.loads(sys.argv[1]))
    bind(order)
    speaker = Speaker()
    ring = Ring(order.memory, speaker)
    threading.Thread(target=ring.serve, name="nasalis-places", daemon=True).start()
    try:
        decode(order, ring, speaker)
    except NasalisError as error:
        speaker.say(error=str(error), kind=type(error).__name__)
    except BrokenPipeError:
        pass
    except BaseException as error:
        failed = isinstance(error, MemoryError | OSError) or type(error).__module__.startswith("cv2")
        words = str(error) or "no memory is left for it"
        speaker.say(error=words, kind="decoder" if failed else type(error).__name__, trace=traceback.format_exc())
    os._exit(0)  # no wait for threads of a library that may be stuck


def bind(order: Order) -> None:
    """Bounds of memory, no core dump, no death but by the parent's will and with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # a lower limit was set from outside
        # Memory of its own only: what is merely reserved (stacks, heaps of threads) and the shared ring do not count.
        resource.setrlimit(resource.RLIMIT_DATA, (order.most_bytes, order.most_bytes))
    with contextlib.suppress(OSError):  # a system short of memory should end this process, not who writes the log
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_END)
    if order.parent and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != order.parent:
            os._exit(0)


class Speaker:
    """The standard output, for one line of JSON each; what libraries print there goes nowhere."""

    def __init__(self) -> None:
        self._file = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def say(self, **words: Any) -> None:
        line = json.dumps(words).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]


class Ring:
    """The writer's side of the ring: places are taken in turn, each as soon as it is free."""

    def __init__(self, memory: int, speaker: Speaker) -> None:
        self._memory = memory
        self._speaker = speaker
        self._ring: PictureRing | None = None
        self._shape: tuple[int, ...] = ()
        self._place = 0
        self._free = threading.Semaphore(0)
        self._taken = False  # the place in turn is free and ours

    def serve(self) -> None:
        """Count what the reader gives back."""
        while given := os.read(0, 4096):
            self._free.release(len(given))
        os._exit(0)

    def room(self) -> Image | None:
        """Where the next picture goes, when it is like the one before."""
        if self._ring is None:
            return None
        self._take()
        return self._ring.picture(self._place, self._shape)

    def put(self, image: Image) -> int:
        """The place that the picture is in, once it is there."""
        if self._ring is None or image.nbytes > self._ring.place_bytes:
            self._widen(image.nbytes)
        assert self._ring is not None
        self._take()
        self._shape = image.shape
        place = self._ring.picture(self._place, image.shape)
        if place.ctypes.data != image.ctypes.data:
            place[...] = image
        self._taken = False
        done, self._place = self._place, (self._place + 1) % self._ring.places
        return done

    def _take(self) -> None:
        if not self._taken:
            self._free.acquire()
            self._taken = True

    def _widen(self, picture_bytes: int) -> None:
        """Places for larger pictures, once the reader holds none of the old ones."""
        if self._ring is not None:
            for _ in range(self._ring.places - self._taken):
                self._free.acquire()
        places, place_bytes = places_for(picture_bytes)
        self._ring = PictureRing(self._memory, places, place_bytes, grow=True)
        self._place, self._taken = 0, False
        self._free.release(places)
        self._speaker.say(places=places, place_bytes=place_bytes)


def decode(order: Order, ring: Ring, speaker: Speaker) -> None:
    """Open the clip, say what it is, and send every frame with all that is known after it."""
    told_s = time.monotonic()

    def tell_of_skipping() -> None:
        nonlocal told_s
        if time.monotonic() - told_s > _SKIPPED_EVERY_S:
            told_s = time.monotonic()
            speaker.say(skipped=True)

    source = ClipSource(
        order.path, start_s=order.start_s, end_s=order.end_s, room=ring.room, on_skip=tell_of_skipping
    )  # fmt: skip
    speaker.say(
        width=source.width,
        height=source.height,
        nominal_fps=source.nominal_fps,
        duration_s=source.duration_s,
        notes=source.notes,
    )
    told = len(source.notes)
    for frame in source:
        place = ring.put(frame.image)
        speaker.say(place=place, frame=_about(frame), notes=source.notes[told:], **_counts(source))
        told = len(source.notes)
    source.close()
    speaker.say(end=True, notes=source.notes[told:], **_counts(source))


def _about(frame: Frame) -> list[Any]:
    return [frame.index, frame.t_s, frame.t_exact, frame.repeated, frame.image.shape]


def _counts(source: ClipSource) -> dict[str, Any]:
    return {
        "read": source.frames_read,
        "repeated": source.frames_repeated,
        "lost": source.frames_lost,
        "closing": source.closing_notes(),
    }


if __name__ == "__main__":
    main()
