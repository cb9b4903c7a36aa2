"""Keeps the process that clips are given to: asks it, watches its time and memory, kills it with all its children."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from detector.batch.messages import Answer, Failure, Request
from detector.batch.watching import Memory, kill_family

START_S = 120.0  # importing OpenCV on a cold disk under load; usually 1 s
POLL_S = 0.1  # of the memory: at 1 GB/s, the most that a process was seen to take, 100 MB over the limit
REAP_S = 5.0  # a process stuck in a dead file system cannot be killed: it is left behind
CLIPS_EACH = 200  # then a new one, so that a slow leak stays small; its start is 5 % of 200 clips of 1 s
COMMAND = (sys.executable, "-P", "-m", "detector.batch.child")  # -P: not what lies in the current folder
# The libraries read these when they are loaded. XNNPACK inside MediaPipe has no such switch and uses what it is given.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FFMPEG_THREADS"), "1"
)


class Keeper:
    """One process for clips, started when it is first needed and anew after it was killed; for one thread at a time.

    Parameters
    ----------
    command : sequence of str
        What is started; tests have their own.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._done = 0

    def ask(self, request: Request, wanted: Callable[[], bool] = lambda: True) -> Answer:
        """Have one thing done; whatever happens to the process is an answer.

        Parameters
        ----------
        request : Request
        wanted : callable
            Asked ten times a second: False stops the work, because nobody waits for it any more.
        """
        try:
            process = self._started()
        except (OSError, _Ended) as error:
            self.stop()
            return Answer("crash", f"the process for clips does not start ({error})")
        began, peak = time.monotonic(), 0
        memory = Memory(process.pid)
        failure: Failure
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
            process.stdin.flush()
            for line in _lines(process):
                peak = max(peak, memory.resident_bytes())
                if line is not None:
                    self._done += 1
                    return self._understood(line, time.monotonic() - began, peak)
                if peak > request.memory_limit_mb * 1e6:
                    failure, reason = "memory", f"over the memory limit of {request.memory_limit_mb:g} MB"
                    break
                if time.monotonic() - began > request.time_limit_s:
                    failure, reason = "time", f"over the time limit of {request.time_limit_s:g} s"
                    break
                if not wanted():
                    failure, reason = "crash", "stopped, because nobody waits for it"
                    break
            self.stop()
        except (OSError, _Ended) as error:
            failure, reason = "crash", self.stop() or str(error)
        return Answer(failure, reason, seconds=time.monotonic() - began, peak_mb=peak / 1e6)

    def stop(self) -> str:
        """Kill the process and its children; returns how it had ended, if it had."""
        process, self._process = self._process, None
        words = ""
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # its pipes may close a moment before it is gone
                process.wait(POLL_S)
            words = "" if process.returncode is None else _how(process.returncode)
            kill_family(process.pid)  # those too that left the group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(REAP_S)
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        return words

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.stop()
        self._done = 0
        self._folder = tempfile.TemporaryDirectory(prefix="nasalis-batch-", ignore_cleanup_errors=True)
        search = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with (Path(self._folder.name) / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | ONE_THREAD | {"PYTHONPATH": search, "NASALIS_BATCH_FOLDER": self._folder.name},
                start_new_session=True,  # a group of its own, to be killed whole, out of reach of Ctrl-C
            )
        deadline = time.monotonic() + START_S
        try:
            for line in _lines(self._process):
                if line is not None:
                    return self._process
                if time.monotonic() > deadline:
                    raise _Ended(f"nothing heard of it for {START_S:g} s")
        except _Ended as error:
            raise _Ended(_last_line(Path(self._folder.name) / "stderr") or str(error)) from error
        raise AssertionError("a process that neither answers nor ends")

    def _understood(self, line: bytes, seconds: float, peak: int) -> Answer:
        facts = json.loads(line)
        facts["parcel"] = base64.b64decode(facts.get("parcel", ""))
        answer = Answer(**facts, seconds=seconds, peak_mb=peak / 1e6)
        if answer.failure in ("bug", "memory", "setup") or self._done >= CLIPS_EACH:
            self.stop()
        return answer


class _Ended(Exception):
    """The process closed its end."""


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes | None]:
    """Its answers as they come, and None every POLL_S while there is none."""
    pipe: IO[bytes] | None = process.stdout
    assert pipe is not None
    held = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while True:
            if not waiting.select(POLL_S):
                yield None
                continue
            part = os.read(pipe.fileno(), 1 << 20)
            if not part:
                raise _Ended("its process ended")
            held += part
            while (end := held.find(b"\n")) >= 0:
                line, held = bytes(held[:end]), held[end + 1 :]
                yield line


def _how(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    hint = ", by the system for want of memory or by somebody" if -code == signal.SIGKILL else ""
    return f"its process was ended by signal {name}{hint}"


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = path.read_text(errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
    return ""
