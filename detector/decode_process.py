"""The process that decodes, seen from the one that reads: started, listened to, given up when it is silent, ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.patience import LOOK_S, Patience, Silence
from detector.picture_ring import Image, PictureRing, Rooms, new_memory

_CHILD = "detector.decode_child"
_READ_BYTES = 65536
# NumPy would start a thread per core for linear algebra, of which decoding has none.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_END_S = 2.0  # for a killed process to be gone; one that waits for a dead disk is left behind


def _most_memory() -> int:
    # 8192 x 4352 in 10 bit of H.265 took 3.9 GB with 16 threads, the most that OpenCV uses; 720p takes 0.6 GB.
    return min(6_000_000_000, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder may take.

    Attributes
    ----------
    patience : Patience
    most_bytes : int
        Of memory of its own; as a rule 6 GB, and three quarters of what a small computer has.
    """

    patience: Patience = field(default_factory=Patience)
    most_bytes: int = field(default_factory=_most_memory)


class DecoderGone(Exception):
    """It ended, or had to be ended; the text says why."""


class DecoderProcess:
    """One clip decoded in a process of its own.

    Parameters
    ----------
    path : Path
    start_s, end_s : float, optional
    limits : Limits
    """

    def __init__(self, path: Path, start_s: float | None, end_s: float | None, limits: Limits) -> None:
        self._patience = limits.patience
        self._ring: PictureRing | None = None
        self._rooms = Rooms()
        self._received = bytearray()
        self._memory = new_memory()
        # The kernel tells a child of its parent's end when the thread is gone that started it: only the main thread
        # lasts. In others the end of the pipe has to do.
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        order = {"path": str(path), "start_s": start_s, "end_s": end_s}
        order |= {"memory": self._memory, "most_bytes": limits.most_bytes, "parent": parent}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, json.dumps(order)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries talk to it
                pass_fds=(self._memory,),
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)},
                process_group=0,  # Ctrl-C is for the parent
            )
        except BaseException:
            os.close(self._memory)
            raise
        self._let_go = weakref.finalize(self, _end, self._process, self._memory)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def message(self) -> dict[str, Any]:
        """What it says next; DecoderGone when it will say nothing more."""
        while True:
            line = self._line()
            try:
                message = dict(json.loads(line))
            except ValueError:
                raise DecoderGone("the decoder failed: what it says makes no sense") from None
            if "places" in message:
                self._ring = PictureRing(self._memory, message["places"], message["place_bytes"])
            elif "skipped" not in message:
                return message

    def picture(self, place: int, shape: Sequence[int]) -> Image:
        """The picture at a place, copied; the place is given back."""
        assert self._ring is not None
        image = self._rooms.like(shape)
        image[...] = self._ring.picture(place, shape)
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile: this picture is good all the same
            os.write(self._input, b"+")
        return image

    def stop(self) -> None:
        """End it, and a wait for its next message; from any thread."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End it and give everything back; nobody may be waiting for a message."""
        self._let_go()
        if self._ring is not None:
            self._ring.close()

    def _line(self) -> bytes:
        silence: Silence | None = None
        while (end := self._received.find(b"\n")) < 0:
            if self._poll.poll(1000.0 * LOOK_S):
                read = os.read(self._output, _READ_BYTES)
                if not read:
                    raise DecoderGone(self._last_words())
                self._received += read
            elif silence is None:
                silence = Silence(self.pid, self._patience)
            elif reason := silence.look(LOOK_S):
                self.stop()
                raise DecoderGone(reason)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _last_words(self) -> str:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "the decoder says nothing more"
        if code == -signal.SIGKILL:
            return "the decoder was killed (signal 9), as a computer short of memory does"
        if code < 0:
            return f"the decoder crashed (signal {-code}, {signal.strsignal(-code) or 'unknown'})"
        return f"the decoder ended early (code {code})"


def _end(process: subprocess.Popen[bytes], memory: int) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
    for file in (process.stdin, process.stdout):
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
    os.close(memory)
