"""An episode of a clip -> its magnified replay, made by a process of its own.

What decodes and measures pictures takes half a gigabyte and may fail in ways that no program survives; the page goes
on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from detector.errors import NasalisError, OutputError
from detector.record.entries import LoggedEpisode
from detector.terminal import Talk, bug_sentence


def render_replay(source: Path, output: Path, episode: LoggedEpisode, offset_s: float) -> None:
    """Write the replay of ``episode`` in ``source`` to ``output``.

    Parameters
    ----------
    offset_s : float
        Seconds of the clip at second 0 of the episode's session.

    Raises
    ------
    OutputError
        It could not be made, with the reason.
    """
    # spawned: nothing that runs threads or has a face tracker may be forked
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(theirs, source, output, episode, offset_s), daemon=True)
    _start_deaf(worker)
    theirs.close()
    try:
        why = str(ours.recv())
    except EOFError:
        worker.join()
        why = f"The process that draws the replay ended by itself (code {worker.exitcode}): try again, or use magnify."
    worker.join()
    if why:
        raise OutputError(why)


def stop_drawing() -> None:
    """End every process that draws a replay, at once: whoever waits for it is told that it ended by itself."""
    for worker in multiprocessing.active_children():
        worker.kill()


def _start_deaf(worker: BaseProcess) -> None:
    """Ctrl-C goes to every process of a terminal: what the drawing one says of it is no news to anybody."""
    if not hasattr(signal, "pthread_sigmask"):
        worker.start()
        return
    resource_tracker.ensure_running()  # by start() it would be too late: it opens the mask again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        worker.start()  # inherits the mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_the_page() -> None:
    page = multiprocessing.parent_process()
    if page is not None:
        page.join()
        os._exit(1)  # also when the page was killed: nobody would take the replay


def _work(answer: Connection, source: Path, output: Path, episode: LoggedEpisode, offset_s: float) -> None:
    from detector.magnify import Wanted, magnify
    from detector.magnify_source import AROUND_S

    threading.Thread(target=_end_with_the_page, name="nasalis-page", daemon=True).start()
    why = ""
    start_s = max(episode.episode.start_s + offset_s - AROUND_S, 0.0)
    end_s = episode.episode.end_s + offset_s + AROUND_S
    try:
        magnify(source, output, Wanted(), Talk(-1), start_s=start_s, end_s=end_s, episode=episode, offset_s=offset_s)
    except NasalisError as error:
        why = str(error)
    except Exception as error:
        why = bug_sentence(error)
    answer.send(why)
