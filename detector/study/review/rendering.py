"""An episode of a clip -> its magnified replay, made by a process of its own.

What decodes and measures pictures takes half a gigabyte and may fail in ways that no program survives; the page goes
on.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
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
    # a daemon ends with the page
    worker = context.Process(target=_work, args=(theirs, source, output, episode, offset_s), daemon=True)
    worker.start()
    theirs.close()
    try:
        why = str(ours.recv())
    except EOFError:
        worker.join()
        why = f"The process that draws the replay ended by itself (code {worker.exitcode}): try again, or use magnify."
    worker.join()
    if why:
        raise OutputError(why)


def _work(answer: Connection, source: Path, output: Path, episode: LoggedEpisode, offset_s: float) -> None:
    from detector.magnify import Wanted, magnify
    from detector.magnify_source import AROUND_S

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
