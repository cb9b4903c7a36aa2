"""What is said where: data to stdout, talk to stderr; and what happens when either ends.

Text from outside (file names, notes of a log) is shown with its control characters written out, so that a file name
cannot move the cursor or turn the terminal's colors.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from detector.errors import OutputError, UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_LONGEST = 1200  # letters, twice the longest sentence of ours
WIDE = 160  # columns, where the output is no terminal: a row of a table stays on one line

Progress = Callable[[float, float | None], None]


def plain(text: object) -> str:
    """``text`` with control, direction and undecodable characters as ``\\xNN`` or ``\\uNNNN``."""
    return "".join(_escaped(char) if _is_hidden(char) else char for char in str(text))


def _is_hidden(char: str) -> bool:
    # Cc: control; Cf: direction marks and other invisible ones, but for the joiners, which scripts and emoji need;
    # Cs: bytes of a name that are not UTF-8; Zl, Zp: ends of line and paragraph
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\u200c\u200d"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def bug_sentence(error: BaseException) -> str:
    """One sentence about a mistake of the program itself."""
    return f"an error inside the program ({type(error).__name__}: {error}); -v shows where, please report it."


class Talk:
    """Sentences on stderr.

    Parameters
    ----------
    level : int
        -1 errors only, 0 the usual, 1 details too.
    """

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self._file = _own_stderr()

    def error(self, text: object) -> None:
        """What went wrong; always said. Of a sentence that quotes a page of a damaged file, begin and end."""
        said = plain(text)
        if len(said) > _LONGEST:
            said = f"{said[: _LONGEST // 2]} ... {said[-_LONGEST // 2 :]}"
        self._say(f"nasalis: {said}")

    def say(self, text: object) -> None:
        """What the user may want to know."""
        if self.level >= 0:
            self._say(plain(text))

    def detail(self, text: object) -> None:
        """What only a curious user wants to know."""
        if self.level >= 1:
            self._say(plain(text))

    def trace(self, error: BaseException) -> None:
        """Where an error came from, with ``-v`` only."""
        if self.level >= 1:
            lines = "".join(traceback.format_exception(error)).rstrip().split("\n")
            self._say("\n".join(plain(line) for line in lines))

    @property
    def is_terminal(self) -> bool:
        """Whether a person may be looking."""
        return _is_terminal(self._file)

    def console(self) -> Console:
        """For what moves on the screen."""
        from rich.console import Console

        return Console(file=self._file, highlight=False)

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody listens: no reason to stop working
            self._file.write(text + "\n")
            self._file.flush()

    @contextlib.contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Show how far a job is, with the time left; a plain line instead where stderr is no terminal.

        Yields a function to be called with (seconds done, duration or None).
        """
        if self.level < 0:
            yield lambda done, total: None
            return
        if not self.is_terminal:
            self._say(plain(label))
            yield lambda done, total: None
            return
        from rich import progress as rich_progress

        columns = (
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.TaskProgressColumn(),
            rich_progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        )
        with rich_progress.Progress(*columns, console=self.console(), transient=True) as bars:
            task = bars.add_task(plain(label), total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)


def talk_as_told(quiet: bool, verbose: bool) -> Talk:
    """Sentences on stderr as -q and -v ask for.

    Raises
    ------
    UsageError
        Both are given.
    """
    if quiet and verbose:
        raise UsageError("-q and -v contradict each other: give one of them.")
    return Talk(-1 if quiet else int(verbose))


class Out:
    """Data on stdout. When the reader is gone (``| head``) the program goes on in silence: its files still count."""

    def __init__(self) -> None:
        self._console: Console | None = None

    def show(self, thing: RenderableType) -> None:
        """A table or a text."""
        with self.reader():
            self.console.print(thing)

    def write(self, text: str) -> None:
        """Text as it is."""
        with self.reader():
            sys.stdout.write(text)
            sys.stdout.flush()

    @property
    def console(self) -> Console:
        """Made at the first use: importing rich takes as long as all the rest of a help text."""
        if self._console is None:
            from rich.console import Console

            class _Console(Console):
                def on_broken_pipe(self) -> None:  # rich would end the program here
                    raise BrokenPipeError

            width = None if _is_terminal(sys.stdout) else WIDE
            self._console = _Console(width=width, highlight=False, markup=False, emoji=False)
        return self._console

    @contextlib.contextmanager
    def reader(self) -> Iterator[None]:
        """For anything that writes to stdout.

        Raises
        ------
        OutputError
            It cannot be written, for another reason than a reader who left.
        """
        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            _discard_stdout()
        except OSError as error:
            _discard_stdout()
            raise OutputError(f"The output cannot be written ({error.strerror}): free some space.") from error


def prepare_streams() -> None:
    """Let a character that the terminal cannot show be escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _own_stderr() -> TextIO:
    """A descriptor of our own: while the face model runs, descriptor 2 is turned off for its chatter."""
    try:
        own = os.dup(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something that is no file
        return sys.stderr or open(os.devnull, "w")  # noqa: PTH123
    return open(own, "w", encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: PTH123


def _discard_stdout() -> None:
    """Send what else is written to stdout nowhere, also what Python still holds when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
