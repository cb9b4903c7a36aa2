"""What ``nasalis live`` says while it watches: JSON lines on stdout for programs, a panel or plain lines on stderr."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from detector.live_source import SourceEvent
from detector.live_state import LiveState, Quality
from detector.live_words import LOST_MAX, clock, place_of, quality_items
from detector.record.entries import LoggedEpisode
from detector.record.harmless import json_text
from detector.regions import SITE_NAMES
from detector.terminal import plain
from detector.types import Session, Twitch

if TYPE_CHECKING:
    from detector.instant import Flash
    from detector.terminal import Out, Talk

LOST_LEAST = 30  # frames: fewer are no reason to say so at once
STATUS_S = 60.0  # between two plain lines on how it is going


class Teller(Protocol):
    """Is told what happens, in seconds since the watch began; ``after_s`` is how long after the movement it is told."""

    def source(self, event: SourceEvent) -> None: ...
    def gap(self, start_s: float, end_s: float, reason: str) -> None: ...
    def flash(self, flash: Flash, after_s: float) -> None: ...
    def twitch(self, twitch: Twitch, after_s: float) -> None: ...
    def episode(self, row: LoggedEpisode, t_s: float, after_s: float) -> None: ...
    def marker(self, t_s: float, undone: bool) -> None: ...
    def notice(self, t_s: float, words: str) -> None: ...
    def session(self, session: Session, start_s: float) -> None: ...
    def status(self, state: LiveState) -> None: ...
    def end(self, state: LiveState) -> None: ...
    def close(self) -> None: ...


class JsonLines:
    """One JSON object per line and event on stdout, at once.

    Times are seconds since the watch began, but inside an episode since its session began, as in the log: a ``session``
    line tells when that was. A ``twitch`` is told before its episode is over: the episode has the last word on it.
    """

    def __init__(self, out: Out) -> None:
        self._out = out
        self._told_s = -math.inf

    def source(self, event: SourceEvent) -> None:
        self._write("source", t_s=event.t_s, what=event.kind, words=event.words)

    def gap(self, start_s: float, end_s: float, reason: str) -> None:
        self._write("gap", start_s=start_s, end_s=end_s, reason=reason)

    def flash(self, flash: Flash, after_s: float) -> None:
        self._write("flash", t_s=flash.t_s, region=SITE_NAMES[flash.region], score=flash.score, told_after_s=after_s)

    def twitch(self, twitch: Twitch, after_s: float) -> None:
        from dataclasses import asdict

        own = asdict(twitch)
        del own["kept"], own["reason"]
        self._write("twitch", **own, told_after_s=after_s)

    def episode(self, row: LoggedEpisode, t_s: float, after_s: float) -> None:
        from detector.record.export import episode_document

        self._write("episode", t_s=t_s, **episode_document(row), told_after_s=after_s)

    def marker(self, t_s: float, undone: bool) -> None:
        self._write("marker", t_s=t_s, undone=undone)

    def status(self, state: LiveState) -> None:
        if state.now_s - self._told_s < STATUS_S:
            return
        self._told_s = state.now_s
        self._write_state("status", state)

    def end(self, state: LiveState) -> None:
        self._write_state("end", state)

    def notice(self, t_s: float, words: str) -> None:
        self._write("notice", t_s=t_s, words=words)

    def session(self, session: Session, start_s: float) -> None:
        own = {"session_id": session.session_id, "source": session.source, "start_utc": session.start_utc}
        self._write("session", start_s=start_s, **own)

    def _write_state(self, event: str, state: LiveState) -> None:
        quality = state.quality
        self._write(
            event,
            t_s=state.now_s,
            observed_s=quality.observed_s,
            fps=quality.fps,
            frames=quality.frames,
            frames_lost=quality.frames_lost,
            px_per_mm=quality.px_per_mm,
            episodes=state.episodes,
            twitches=sum(state.counts.values()),
            not_observed_now=state.why,
        )

    def close(self) -> None:
        """Everything is written already."""

    def _write(self, event: str, **fields: Any) -> None:
        rounded = {name: _rounded(value) for name, value in fields.items()}
        self._out.write(json_text({"event": event, **rounded}) + "\n")


class PlainLines:
    """One line per event on stderr, with the time of day."""

    def __init__(self, say: Callable[[str], None], time_of_day: Callable[[float], str], *, verbose: bool) -> None:
        self._write, self._time_of_day, self._verbose = say, time_of_day, verbose
        self._told_s: float | None = None
        self._warned = False  # of lost pictures

    def source(self, event: SourceEvent) -> None:
        self._say(event.t_s, event.words)

    def gap(self, start_s: float, end_s: float, reason: str) -> None:
        self._say(end_s, f"nothing was measured for {end_s - start_s:.1f} s: {reason}")

    def flash(self, flash: Flash, after_s: float) -> None:
        """For the eye only."""

    def twitch(self, twitch: Twitch, after_s: float) -> None:
        if self._verbose:
            self._say(twitch.peak_s, twitch_words(twitch))

    def episode(self, row: LoggedEpisode, t_s: float, after_s: float) -> None:
        self._say(t_s, episode_words(row))

    def marker(self, t_s: float, undone: bool) -> None:
        self._say(t_s, "felt one: taken back" if undone else "felt one")

    def notice(self, t_s: float, words: str) -> None:
        self._say(t_s, words)

    def session(self, session: Session, start_s: float) -> None:
        if start_s > 0.0:
            self._say(start_s, f"a new session begins: {session.session_id}")

    def end(self, state: LiveState) -> None:
        """The closing words come from elsewhere."""

    def status(self, state: LiveState) -> None:
        if self._told_s is None:
            self._told_s = state.now_s
        quality = state.quality
        if not self._warned and quality.lost_share > LOST_MAX and quality.frames_lost > LOST_LEAST:
            self._warned = True
            self._say(state.now_s, f"{lost_words(quality)}: this computer is too busy, and short twitches are missed")
        if state.now_s - self._told_s >= STATUS_S:
            self._told_s = state.now_s
            self._say(state.now_s, status_words(state))

    def close(self) -> None:
        """Everything is written already."""

    def _say(self, t_s: float, words: str) -> None:
        self._write(f"{_short(self._time_of_day(t_s) or clock(t_s))}  {words}")


class Panel:
    """The same on a terminal: events scroll by above a panel that says how it is going."""

    def __init__(self, talk: Talk, time_of_day: Callable[[float], str]) -> None:
        from rich.live import Live

        self._console = talk.console()
        self._lines = PlainLines(self._print, time_of_day, verbose=talk.level > 0)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def source(self, event: SourceEvent) -> None:
        self._lines.source(event)

    def gap(self, start_s: float, end_s: float, reason: str) -> None:
        self._lines.gap(start_s, end_s, reason)

    def flash(self, flash: Flash, after_s: float) -> None:
        """The episode is told soon enough."""

    def twitch(self, twitch: Twitch, after_s: float) -> None:
        self._lines.twitch(twitch, after_s)

    def episode(self, row: LoggedEpisode, t_s: float, after_s: float) -> None:
        self._lines.episode(row, t_s, after_s)

    def marker(self, t_s: float, undone: bool) -> None:
        self._lines.marker(t_s, undone)

    def notice(self, t_s: float, words: str) -> None:
        self._lines.notice(t_s, words)

    def session(self, session: Session, start_s: float) -> None:
        self._lines.session(session, start_s)

    def end(self, state: LiveState) -> None:
        """The closing words come from elsewhere."""

    def status(self, state: LiveState) -> None:
        from rich.panel import Panel as Box
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 2))
        verdict = Text(f"no verdict: {state.why}", "bold yellow") if state.why else Text("watching", "bold green")
        rows.add_row("now", Text("paused", "bold") if state.paused else verdict)
        sides = ("left", "midline", "right", *(("both",) if state.counts.get("both") else ()))
        counts = ", ".join(f"{state.counts.get(side, 0)} {side}" for side in sides)
        rows.add_row("found", Text(f"{state.episodes} episodes; twitches: {counts}"))
        rows.add_row("last", Text(state.last_episode or "-"))
        for item in quality_items(state):
            rows.add_row(item.name, Text(item.words[0], "yellow" if item.harms else ""))
        self._live.update(Box(rows, title=Text(plain(f"nasalis {state.source}")), title_align="left", expand=False))

    def close(self) -> None:
        self._live.stop()

    def _print(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(plain(text)))


@dataclass(frozen=True, slots=True)
class Tellers:
    """Several as one; closed at the end of a ``with``."""

    all: tuple[Teller, ...]

    def each(self, tell: Callable[[Teller], None]) -> None:
        for teller in self.all:
            tell(teller)

    def __enter__(self) -> Tellers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.each(lambda teller: teller.close())


def twitch_words(twitch: Twitch) -> str:
    """``left nostril wing, about 0.8 mm``."""
    return f"{place_of(twitch.region, twitch.side)}, about {twitch.amplitude_mm:.1f} mm"


def episode_words(row: LoggedEpisode) -> str:
    """One line on an episode."""
    episode = row.episode
    count = f"{episode.twitch_count} twitches" if episode.twitch_count > 1 else "1 twitch"
    rate = "" if episode.rate_hz is None else f" at {episode.rate_hz:.1f}/s"
    place = place_of(episode.region, episode.side)
    kind = episode.kind.replace("_", "-")
    return f"{place}: {count}{rate}, about {episode.peak_mm:.1f} mm, {kind} ({row.episode_id})"


def status_words(state: LiveState) -> str:
    """One line on how it is going."""
    quality = state.quality
    fps = "" if math.isnan(quality.fps) else f", {quality.fps:.0f} pictures a second"
    now = f"; now no verdict: {state.why}" if state.why else ""
    return (
        f"observed {clock(quality.observed_s)} of {clock(state.now_s)}, {state.episodes} episodes{fps}, "
        f"{quality.frames_lost} lost{now}"
    )


def lost_words(quality: Quality) -> str:
    """``12 pictures lost (3 %)``."""
    return f"{quality.frames_lost} pictures lost ({100.0 * quality.lost_share:.0f} %)"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if not math.isfinite(value) else round(value, 4)
    return value


def _short(moment: str) -> str:
    """The time of day of an ISO 8601 moment, on this computer's clock; anything else as it is."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return moment
