"""The traces of sessions, found by what their signals files say of themselves, and kept while they are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from detector.record.traces import Traces, read_traces, signal_files
from detector.types import Session

KEPT = 3  # sessions whose traces stay in memory: 24 MB each for ten hours


class Signals:
    """Signals files of a log; safe to be asked from several threads.

    Parameters
    ----------
    place : Path, optional
        A signals file, or a folder of them.

    Raises
    ------
    SourceError
        There is none at ``place``.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._files = {} if place is None else signal_files(place)
        # the score is the same whatever sensitivity a session was decided with: rescored ones share a file
        self._by_source = {sha256: path for (_, sha256), path in self._files.items() if sha256}
        self._traces: OrderedDict[Path, Traces] = OrderedDict()
        self._lock = threading.Lock()

    def file_of(self, session: Session) -> Path | None:
        """The signals file of a session, or of another one over the same source."""
        exact = self._files.get((session.session_id, session.sha256))
        return exact or self._by_source.get(session.sha256)

    def traces_of(self, session: Session) -> Traces | None:
        """The traces of a session; None without a file. SourceError when the file cannot be read."""
        path = self.file_of(session)
        if path is None:
            return None
        with self._lock:  # reading takes seconds: the second who asks waits for the first
            if path not in self._traces:
                self._traces[path] = read_traces(path)
            self._traces.move_to_end(path)
            while len(self._traces) > KEPT:
                self._traces.popitem(last=False)
            return self._traces[path]
