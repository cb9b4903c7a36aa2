"""Magnified replays of episodes: rendered once when asked for, kept in the cache for their owner only."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from detector.clip_folder import ClipFolder
from detector.errors import NasalisError, OutputError
from detector.record.entries import LoggedEpisode
from detector.study.review.clips import Clip
from detector.study.review.rendering import render_replay, stop_drawing
from detector.terminal import bug_sentence

CACHE_MB = 500.0  # as live --record-clips takes for its clips: the oldest replays go first
CLOSE_S = 5.0  # for a half-made replay to be thrown away: killing what draws it takes milliseconds
Magnifier = Callable[[Path, Path, LoggedEpisode, float], None]  # source, output, episode, seconds to add to its times


class Replays:
    """Replays in the making and in the cache; safe to be asked from several threads.

    Parameters
    ----------
    folder : Path
        The cache.
    render : callable
        What makes one.
    stop : callable
        Makes ``render`` fail at once.
    """

    def __init__(
        self, folder: Path, render: Magnifier = render_replay, stop: Callable[[], None] = stop_drawing
    ) -> None:
        self._path = folder
        self._render, self._stop = render, stop
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()  # of the two below
        self._working: set[str] = set()
        self._failed: dict[str, str] = {}
        self._turn = threading.Lock()  # one at a time: a replay takes all the cores there are

    def replay_of(self, episode: LoggedEpisode) -> Path | None:
        """The finished replay of an episode; None when there is none."""
        path = self._path / replay_name(episode.episode_id, episode.episode.number)
        return path if path.is_file() else None

    def ask(self, episode: LoggedEpisode, clip: Clip) -> None:
        """Begin to render one, unless it is there or being made; a failed one is tried again."""
        with self._lock:
            if self._closed or episode.episode_id in self._working or self.replay_of(episode) is not None:
                return
            self._working.add(episode.episode_id)
            self._failed.pop(episode.episode_id, None)
            thread = threading.Thread(target=self._make, args=(episode, clip), name="nasalis-replay", daemon=True)
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        """Make no more, and leave nothing half-made behind."""
        with self._lock:
            self._closed = True
            threads = self._threads
        until = time.monotonic() + CLOSE_S
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            self._stop()  # again, for one that was about to begin
            for thread in threads:
                thread.join(0.05)

    def state(self, episode: LoggedEpisode) -> tuple[str, str]:
        """``none``, ``working``, ``ready`` or ``failed``, and of a failure the reason."""
        with self._lock:
            if episode.episode_id in self._working:
                return "working", ""
            if episode.episode_id in self._failed:
                return "failed", self._failed[episode.episode_id]
        return ("none" if self.replay_of(episode) is None else "ready"), ""

    def _make(self, episode: LoggedEpisode, clip: Clip) -> None:
        why = ""
        try:
            with self._turn:
                if self._closed:
                    return
                self._render_into_cache(episode, clip)
        except NasalisError as error:
            why = str(error)
        except Exception as error:
            why = bug_sentence(error)
        with self._lock:
            self._working.discard(episode.episode_id)
            if why:
                self._failed[episode.episode_id] = why

    def _render_into_cache(self, episode: LoggedEpisode, clip: Clip) -> None:
        cache = ClipFolder(self._path, CACHE_MB)
        with cache.part() as part:
            made = part / replay_name(episode.episode_id, episode.episode.number)
            self._render(clip.path, made, episode, clip.offset_s)
            if cache.take(made) is None:
                raise OutputError(f"The replay is larger than the {CACHE_MB:g} MB that all replays may take.")


def replay_folder() -> Path:
    """Where replays are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("nasalis", appauthor=False) / "replays"


def replay_name(episode_id: str, number: int) -> str:
    """What the replay of an episode is called."""
    # not the id itself: that is what the log says, and a log may come from elsewhere
    digest = hashlib.sha256(episode_id.encode()).hexdigest()[:16]
    return f"{digest}-e{abs(number):04d}.mp4"
