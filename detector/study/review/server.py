"""Serves the review page on this computer until it is told to stop."""

from __future__ import annotations

import contextlib
import errno
import getpass
import importlib.util
import logging
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import OutputError, UsageError
from detector.record.log import EpisodeLog
from detector.stopping import calling_on_stop
from detector.terminal import Out, Talk, bug_sentence

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
NEEDED = ("fastapi", "uvicorn", "jinja2")
INTERRUPTED = 130
SHUTDOWN_S = 1  # for answers under way; a clip that is being played would take as long as it plays


@dataclass(frozen=True, slots=True)
class ReviewJob:
    """What ``nasalis review`` was asked for.

    Attributes
    ----------
    log : Path, optional
        The episode log; None for the default place.
    signals : Path, optional
        A signals file, or a folder of them.
    clips : Path, optional
        A folder with clips.
    reviewer : str
        Whose judgments are kept; empty: the login name.
    port : int
        0: any that is free.
    browser : bool
        Open the page in the default browser.
    """

    log: Path | None = None
    signals: Path | None = None
    clips: Path | None = None
    reviewer: str = ""
    port: int = 0
    browser: bool = True


def run(job: ReviewJob, talk: Talk, out: Out) -> int:
    """Serve the page until it is closed, and return the exit code: 0 when the page was told to quit, 130 for Ctrl-C.

    Raises
    ------
    UsageError
        The packages of the page are not installed, the port is taken, or a folder does not exist.
    LogError, SourceError
        There is no log, or no signals file where one was named.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"The review page needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            "pip install 'nasalis[review]'."
        )
    if job.clips is not None and not job.clips.is_dir():
        raise UsageError(f"{job.clips} is no folder: name the one with the clips.")
    with EpisodeLog(job.log, must_exist=True) as log:  # held open: closing the last one would tidy up at each request
        listener = _listen(job.port)
        with contextlib.closing(listener):
            return _serve(job, log.path, listener, talk, out)


def _serve(job: ReviewJob, log: Path, listener: socket.socket, talk: Talk, out: Out) -> int:
    import uvicorn

    from detector.study.review.app import Desk, make_app
    from detector.study.review.clips import Clips
    from detector.study.review.guard import START, Guard, Keys
    from detector.study.review.replays import Replays, replay_folder
    from detector.study.review.signals import Signals

    port = listener.getsockname()[1]
    keys = Keys()

    def report(error: Exception) -> None:
        talk.error(bug_sentence(error))
        talk.trace(error)

    clips = Clips(job.clips)
    replays = Replays(replay_folder())
    desk = Desk(
        log=log,
        word=keys.word,
        reviewer=job.reviewer.strip() or _login(),
        signals=Signals(job.signals),
        clips=clips,
        replays=replays,
        on_bug=report,
    )
    address = f"http://{HOST}:{port}{START}?token="

    def ready() -> None:
        out.write(f"{address}{keys.token}\n")
        talk.say(f"Review page of {log}: open the address above in a browser of this computer; Ctrl-C ends it.")
        if job.browser:
            _open_browser(address + keys.once())

    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn").propagate = False  # what goes wrong is told by report
    server = _server(
        uvicorn.Config(
            Guard(make_app(desk), keys, port),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        ),
        ready,
    )
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        server.should_exit = True

    def leave() -> None:
        server.should_exit = True

    desk.quit = leave
    with calling_on_stop(stop):
        try:
            server.run(sockets=[listener])
        finally:
            clips.close()
            replays.close()
    talk.say(f"Closed. What you said is in the log: {log}")
    return INTERRUPTED if interrupted else 0


def _server(config: uvicorn.Config, ready: Callable[[], None]) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """Signals are ours, and the address is told when somebody answers there."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            try:
                ready()
            except OutputError:
                self.should_exit = True
                raise

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        advice = "give another with --port, or leave it out"
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"Port {port} is taken by another program: {advice}.") from error
        raise UsageError(f"Port {port} cannot be used ({error.strerror}): {advice}.") from error
    return listener


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, e.g. in a container
        return "me"


def _open_browser(address: str) -> None:
    """In a thread of its own: a browser of the terminal does not come back before it is closed."""

    def work() -> None:
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(address)

    threading.Thread(target=work, name="nasalis-browser", daemon=True).start()
