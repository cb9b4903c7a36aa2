"""Episodes against the blinks and smiles of their session: which are locked to them, now and in hindsight."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from detector.coupling import ALPHA, ALPHA_REPEATED, Coupling, Trigger, is_coupled, measure_coupling, near_events
from detector.lids import Closing
from detector.types import Episode, Revision

MEMORY_S = 3600.0  # what is tested together: an hour, so that memory and time for a look stay bounded
BOTH_LIDS = 0.5  # of the lid that closes more: one that closes alone is a spasm, not a blink
# One small area that moved, or what could not be told because the lids moved too; patterns have kinds of their own.
OPEN_KINDS = ("fasciculation_like", "undetermined", "synkinesis_like")
_WORDS = {"blink": "blinks", "smile": "beginning smiles"}


class Locking:
    """Learns when the person blinks, smiles and twitches, and calls the episodes that are locked to it by their kind.

    Episodes come in time order, each after the blinks and smiles of its time. Twitches must have been looked for in
    the same way whether the lids moved or not.
    """

    def __init__(self) -> None:
        self._events: dict[Trigger, deque[float]] = {"blink": deque(), "smile": deque()}
        self._observed: deque[tuple[float, float]] = deque()
        self._episodes: deque[Episode] = deque()  # as they were told last
        self._first: dict[int, Episode] = {}  # the same as they would be without
        self._told: dict[int, Episode] = {}

    def blink(self, closing: Closing) -> None:
        """The lids closed."""
        if min(closing.closed) >= BOTH_LIDS * max(closing.closed):
            self._events["blink"].append(closing.peak_s)
            self._forget(closing.peak_s - MEMORY_S)

    def smile(self, t_s: float) -> None:
        """A smile began."""
        self._events["smile"].append(t_s)
        self._forget(t_s - MEMORY_S)

    def observe(self, start_s: float, end_s: float) -> None:
        """Time in which a twitch could have been found; in time order."""
        if self._observed and start_s <= self._observed[-1][1] + 1e-6:
            start_s = self._observed.pop()[0]
        self._observed.append((start_s, end_s))
        self._forget(end_s - MEMORY_S)

    def add(self, episode: Episode) -> Episode:
        """The episode, with its kind in the light of what came before it."""
        self._forget(episode.end_s - MEMORY_S)
        peaks = [twitch.peak_s for twitch in episode.twitches]
        for event in self._events:
            if near_events(peaks, list(self._events[event])).any():
                episode = replace(episode, evidence=f"{episode.evidence}; a {event} at the same moment")
        self._episodes.append(episode)
        self._first[episode.number] = episode
        self._look(ALPHA_REPEATED)
        self._told[episode.number] = self._episodes[-1]
        return self._episodes[-1]

    def revise(self, *, at_the_end: bool = False) -> list[Revision]:
        """Episodes told before whose kind is another by now; at the end also those with newer figures."""
        if at_the_end:
            self._look(ALPHA)
        changed = [
            episode
            for episode in self._episodes
            if episode.kind != self._told[episode.number].kind
            or (at_the_end and episode.evidence != self._told[episode.number].evidence)
        ]
        self._told |= {episode.number: episode for episode in changed}
        return [Revision(episode) for episode in changed]

    def _look(self, alpha: float) -> None:
        """Hold the twitches against the blinks and the smiles, and name the episodes anew."""
        times = [twitch.peak_s for episode in self._episodes for twitch in episode.twitches]
        found: dict[int, Coupling] = {}
        for event, peaks in self._events.items():
            if not peaks or len(self._episodes) < 2:
                continue
            coupling = measure_coupling(times, list(peaks), list(self._observed), event=event)
            if is_coupled(coupling, alpha):
                for episode in self._episodes:
                    near = near_events([twitch.peak_s for twitch in episode.twitches], list(peaks))
                    if 2 * near.sum() >= len(near):
                        found.setdefault(episode.number, coupling)
        self._episodes = deque(
            _named(self._first[episode.number], found.get(episode.number)) for episode in self._episodes
        )

    def _forget(self, before_s: float) -> None:
        for peaks in self._events.values():
            while peaks and peaks[0] < before_s:
                peaks.popleft()
        while self._observed and self._observed[0][1] < before_s:
            self._observed.popleft()
        if self._observed and self._observed[0][0] < before_s:  # controls must not reach back beyond the events
            self._observed[0] = (before_s, self._observed[0][1])
        while self._episodes and self._episodes[0].end_s < before_s:
            gone = self._episodes.popleft().number
            del self._first[gone], self._told[gone]


def _named(episode: Episode, coupling: Coupling | None) -> Episode:
    if coupling is None or episode.kind not in OPEN_KINDS or episode.side in ("both", "midline"):
        return episode
    words = (
        f"{coupling.together} of {coupling.twitches} twitches fall on {_WORDS[coupling.event]}, by chance it were "
        f"{coupling.expected:.1f} (p {coupling.p:.3f}; {1000.0 * coupling.lag_s:+.0f} +- "
        f"{1000.0 * coupling.lag_sd_s:.0f} ms after them)"
    )
    return replace(episode, kind="synkinesis_like", evidence=f"{episode.evidence}; {words}")
