"""What the user wants done at each episode while it is watched for: a command of theirs, a notice on the desktop.

Both run in a thread of their own, so that neither a slow nor a failing program holds up the watching; nothing of them
raises once they are made.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from detector.errors import UsageError
from detector.live_words import place_of
from detector.record.entries import LoggedEpisode
from detector.record.export import episode_document
from detector.record.harmless import json_text
from detector.terminal import plain

TIMEOUT_S = 30.0  # for one run of a command; longer, and a busy day would pile them up
NOTICE_TIMEOUT_S = 10.0
WAITING = 32  # episodes that may wait: more than the watching tells while one command takes its full time
CLOSE_S = 3.0  # how long the end of a session waits for what is still to be done
EVERY_S = 10.0  # between two notices: a train of episodes must not bury the screen
_TOLD = 200  # characters of what a failing command said

Say = Callable[[str], None]


class _Worker(ABC):
    """A thread that handles one episode after the other, and a queue that never holds up who fills it."""

    _name = "hook"

    def __init__(self, say: Say | None) -> None:
        self._tell = say
        self._told: set[str] = set()
        self._queue: queue.Queue[LoggedEpisode | None] = queue.Queue(WAITING)
        self._closing = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"nasalis-{self._name}", daemon=True)
        self._thread.start()

    def episode(self, row: LoggedEpisode) -> None:
        """Have it done; returns at once. With too many waiting the episode is left out, which is told once."""
        if self._closing.is_set():
            return
        try:
            self._queue.put_nowait(row)
        except queue.Full:
            self._say_once("full", f"the {self._name} is slower than the episodes come: some are left out.")

    def close(self, wait_s: float = CLOSE_S) -> None:
        """Finish what waits within ``wait_s`` seconds, then end it."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(queue.Full):  # the thread looks at _closing as well
            self._queue.put_nowait(None)
        self._thread.join(wait_s)
        if self._thread.is_alive():
            self._say_once("late", f"the {self._name} was not done when the session ended: it was stopped.")
            self._drop_waiting()
            running = self._running
            if running is not None:
                _kill(running)
            self._thread.join(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while (row := self._next(None)) is not None:
            self._guarded(row)

    def _guarded(self, row: LoggedEpisode) -> None:
        try:
            self._handle(row)
        except Exception as error:  # a fault in here must not end the session
            self._say_once(type(error).__name__, f"the {self._name} failed ({plain(error)}): the session goes on.")

    @abstractmethod
    def _handle(self, row: LoggedEpisode) -> None:
        """Do what is to be done; may take its time and may fail."""

    def _next(self, until: float | None) -> LoggedEpisode | None:
        """The next episode; None when all is done, or at ``until`` (monotonic seconds)."""
        while True:
            left = 0.2 if until is None else min(0.2, until - time.monotonic())
            try:
                return self._queue.get(timeout=max(left, 0.001))
            except queue.Empty:
                if self._closing.is_set() or (until is not None and time.monotonic() >= until):
                    return None

    def _drop_waiting(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()

    def _call(self, words: Sequence[str], given: bytes, timeout_s: float) -> None:
        """Run a program and tell once for each kind of failure."""
        # a file and no pipe: a command that says a lot takes no memory of ours; nothing may reach our own stdout
        with tempfile.TemporaryFile() as told:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=told,
                    start_new_session=True,  # so that Ctrl-C is not for it, and its children end with it
                )
            except OSError as error:
                reason = error.strerror or type(error).__name__
                self._say_once("start", f"the {self._name} cannot be started ({reason}): the session goes on without.")
                return
            self._running = process
            try:
                process.communicate(given, timeout=timeout_s)
            except subprocess.TimeoutExpired:
                _kill(process)
                self._say_once("slow", f"the {self._name} took longer than {timeout_s:g} s and was stopped.")
                return
            finally:
                self._running = None
            if process.returncode and not self._closing_late(process.returncode):
                kind = f"exit {process.returncode}"
                self._say_once(kind, f"the {self._name} failed ({kind}{_last_line(told)}): the session goes on.")

    def _closing_late(self, code: int) -> bool:
        return self._closing.is_set() and code == -signal.SIGKILL  # our own doing, told already

    def _say_once(self, kind: str, text: str) -> None:
        if kind in self._told:
            return
        self._told.add(kind)
        if self._tell is not None:
            with contextlib.suppress(Exception):
                self._tell(text)


class CommandHook(_Worker):
    """Run the user's command at each episode, with the episode as one line of JSON on its standard input.

    The object is the one of ``nasalis export --json``. Commands run one after the other; what they write to stdout is
    thrown away.

    Parameters
    ----------
    command : str
        Split as a shell would, but run without one: no pipes, no variables.
    say : callable, optional
        Told one sentence at the first failure of each kind; called from another thread.
    timeout_s : float
        Seconds after which the command and its children are killed.

    Raises
    ------
    UsageError
        The command is empty, has an open quote, or its program cannot be found.
    """

    _name = "command of --on-episode"

    def __init__(self, command: str, say: Say | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"--on-episode '{command}' cannot be read ({error}): close the quote.") from error
        if not words:
            raise UsageError("--on-episode is empty: name the command to run, or leave it out.")
        program = shutil.which(str(Path(words[0]).expanduser()))
        if program is None:
            raise UsageError(f"--on-episode: there is no program '{words[0]}': check its name, or give its full path.")
        # absolute: a program named by a relative path is found again wherever the session goes
        self._words = [str(Path(program).absolute()), *words[1:]]
        self._timeout_s = timeout_s
        super().__init__(say)

    def _handle(self, row: LoggedEpisode) -> None:
        line = json_text(episode_document(row), sort_keys=True) + "\n"
        self._call(self._words, line.encode("utf-8"), self._timeout_s)


class DesktopNotice(_Worker):
    """Show each episode on the desktop: the first at once, those of the next seconds summed up in one notice.

    Parameters
    ----------
    say : callable, optional
        Told one sentence at the first failure of each kind; called from another thread.
    every_s : float
        Least seconds between two notices.

    Raises
    ------
    UsageError
        There is no program on this machine that shows notices.
    """

    _name = "desktop notice"

    def __init__(self, say: Say | None = None, *, every_s: float = EVERY_S) -> None:
        self._words = _notifier()
        self._every_s = every_s
        self._free = time.monotonic()  # when the next notice may be shown
        super().__init__(say)

    def _handle(self, row: LoggedEpisode) -> None:
        rows = [row]
        while (until := self._free) > time.monotonic():
            more = self._next(until)
            if more is not None:
                rows.append(more)
            elif self._closing.is_set():
                break  # the last ones are shown before their time rather than never
        self._call([*self._words, notice_text(rows)], b"", NOTICE_TIMEOUT_S)
        self._free = time.monotonic() + self._every_s


def notice_text(rows: Sequence[LoggedEpisode]) -> str:
    """One or more episodes in a line, e.g. ``Twitch, left nostril wing, 0.8 mm, 3 twitches``."""
    sizes = [row.episode.peak_mm for row in rows if math.isfinite(row.episode.peak_mm)]
    count = sum(row.episode.twitch_count for row in rows)
    parts = ["Twitch" if len(rows) == 1 else f"{len(rows)} episodes"]
    places = list(dict.fromkeys(place_of(row.episode.region, row.episode.side) for row in rows))
    parts.append(places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more")
    if sizes:
        parts.append(f"{'up to ' if len(rows) > 1 else ''}{max(sizes):.1f} mm")
    return ", ".join([*parts, *([f"{count} twitches"] if count > 1 else [])])


def _notifier() -> list[str]:
    """The command to which the text is added."""
    if program := shutil.which("notify-send"):
        return [program, "--app-name=nasalis", "nasalis"]
    if program := shutil.which("osascript"):
        # the text goes in as an argument: no quote in it can become a part of the script
        script = 'display notification (item 1 of argv) with title "nasalis"'
        return [program, "-e", "on run argv", "-e", script, "-e", "end run"]
    raise UsageError("--notify needs notify-send (of libnotify) and it is not installed: install it or leave it out.")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2.0)
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _last_line(told: IO[bytes]) -> str:
    """What the program said last, for the sentence about its failure."""
    with contextlib.suppress(OSError, ValueError):
        end = told.seek(0, os.SEEK_END)
        told.seek(max(0, end - 4 * _TOLD))
        lines = told.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {plain(said[-1][:_TOLD])}" if said else ""
    return ""
