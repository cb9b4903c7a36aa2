"""``nasalis live``: watch a camera, a stream or a clip in real time, and log episodes as they end.

A thread grabs, a thread decodes and places the mesh, a thread measures; here, in the main thread, are the log, the
window and whoever is told.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from detector.config import Settings
from detector.errors import LogError, NasalisError
from detector.instant import Flash
from detector.live_due import Due
from detector.live_line import Ended, Gap, LiveLine, Message, Sighting, Totals
from detector.live_log import LiveLog
from detector.live_output import Teller, Tellers
from detector.live_source import LiveSource, SourceEvent
from detector.live_state import LiveState
from detector.live_view import LiveView
from detector.live_waiting import PATIENCE_S, Felt, Waiting
from detector.live_window import Action, LiveWindow
from detector.pipeline import Measured
from detector.record.entries import LoggedEpisode
from detector.record.files import write_whole
from detector.stopping import calling_on_stop
from detector.types import ORDINARY_KINDS, Episode, Revision, Twitch

SAVE_S = 10.0  # between two looks at the figures of the session: so much of them a power cut loses
DRAW_S = 0.033  # between two pictures of the window
STATUS_S = 0.25  # between two looks at how it is going, without one
QUIET_S = 5.0  # without a jerk, in which no episode is under way and a session can give way to the next
LATEST_S = 600.0  # a session gives way this late, quiet or not
LET_GO_S = 15.0  # a source that is not back within this long is left behind
HELD_AT_END_S = 60.0  # a log that another program holds so long after the end does without what is left

TOO_SLOW = "pictures were lost: this computer is busy"
_GAP_REASONS = {
    "lost": "the source gave no pictures",
    "resolution": "the size of the pictures changed",
    "slept": "the computer slept",
}


@dataclass(slots=True)
class Watching:
    """What a watch is made of.

    Attributes
    ----------
    roll_h : float
        Hours after which a session gives way to the next; 0: at midnight of this computer's clock.
    on_episode : callable
        Called with the logged episode, its start and its end, s of the source.
    """

    line: LiveLine
    source: LiveSource
    book: LiveLog
    tellers: Tellers
    settings: Settings
    roll_h: float = 0.0
    window: LiveWindow | None = None
    recording: bool = False
    on_episode: Callable[[LoggedEpisode, float, float], None] | None = None
    snapshots: Path = field(default_factory=Path.cwd)


class Watch:
    """One watch from start to end; :meth:`run` once."""

    def __init__(self, parts: Watching) -> None:
        self._parts = parts
        self._line, self._source, self._book = parts.line, parts.source, parts.book
        self._tell: Callable[[Callable[[Teller], None]], None] = parts.tellers.each
        self._on_episode = parts.on_episode
        self._view = LiveView(parts.source.name, parts.settings, recording=parts.recording)
        self._sighted_s = -math.inf
        self._save_s = SAVE_S
        self._due = Due(parts.source, parts.roll_h)
        self._frames_at_first = (0, 0, 0)
        self._frames_before = (0, 0, 0)  # the session
        self._totals: Totals | None = None  # the last ones
        self._rolling = False
        self._gap_reason = TOO_SLOW  # unless the source says otherwise
        self._status = "complete"
        self._signaled = False
        self._let_go = math.inf
        self._waiting = Waiting(self._hear, self._say)
        self._ended = False
        self._error: BaseException | None = None

    def run(self) -> bool:
        """Until the source ends, the window is closed or a signal comes; whether it was a signal.

        Raises
        ------
        NasalisError
            What stopped the watch; everything found until then is in the log.
        """
        # what was lost before anyone was ready is no loss
        self._frames_at_first = self._frames_before = self._frame_counts()
        self._book.wait_at_most(PATIENCE_S)
        self._tell_session()
        self._line.start()
        try:
            with calling_on_stop(self.interrupt):  # nothing is cut off halfway
                self._watch()
        except BaseException:  # of the log, the window or who is told: the line must not be left running
            self._line.stop()
            self._line.wait(LET_GO_S)
            self._keep_the_rest()
            raise
        self._waiting.hear()  # a key pressed at the last moment
        if self._waiting:
            raise LogError(self._keep_beside())
        self._book.wait_at_most(HELD_AT_END_S)
        self._save(self._status if self._error is None else "failed")
        last = self._state(self._line.now_s)
        self._tell(lambda teller: teller.end(last))
        if self._error is not None:
            raise self._error
        return self._signaled

    def interrupt(self) -> None:
        """Come to an end soon, with everything found; from a signal handler."""
        self._status, self._signaled = "interrupted", True
        self._let_go = min(self._let_go, time.monotonic() + LET_GO_S)
        self._line.stop()

    def _keep_the_rest(self) -> None:
        """What was on its way goes into the log, though nobody can be told any more."""
        self._tell, self._on_episode = (lambda tell: None), None
        with contextlib.suppress(Exception):
            self._hear_all(0.0)
        with contextlib.suppress(NasalisError):
            if self._waiting.is_held:
                self._keep_beside()
            else:
                self._save("failed")

    def _keep_beside(self) -> str:
        """What could not be written to the log goes into another one; what to say of that."""
        held, (self._book, log) = self._book, self._book.beside()
        with log:
            self._waiting.is_held = False
            self._waiting.hear()
            self._save("interrupted")
        return (
            f"the episode log {held.path} is held by another program: what was found since then is kept in {log.path}, "
            "look at it with --log"
        )

    def _watch(self) -> None:
        while not self._turn() and time.monotonic() < self._let_go:
            pass

    def _turn(self) -> bool:
        """Hear what comes until the next picture is due, and show it; whether it was the last."""
        until = time.monotonic() + (DRAW_S if self._parts.window is not None else STATUS_S)
        while not self._ended and (left_s := until - time.monotonic()) > 0.0:
            self._hear_all(left_s)
        now_s = self._line.now_s
        self._keep_house(now_s)
        state = self._state(now_s)
        self._tell(lambda teller: teller.status(state))
        if self._parts.window is not None:
            for action in self._parts.window.show(state):
                self._act(action, now_s)
        return self._ended

    def _hear_all(self, timeout_s: float) -> None:
        self._waiting.add(self._line.take(timeout_s))
        self._waiting.hear()
        if self._waiting.is_held and self._waiting.has_last:
            self._let_go = min(self._let_go, time.monotonic() + HELD_AT_END_S)

    def _say(self, words: str) -> None:
        now_s = self._line.now_s
        self._view.notice(words, now_s)
        self._tell(lambda teller: teller.notice(now_s, words))

    def _hear(self, message: Message | Felt) -> None:
        now_s = self._line.now_s
        match message:
            case Measured():
                self._view.measured(message)
            case Flash():
                self._view.flashed(message, now_s)
                self._tell(lambda teller: teller.flash(message, now_s - message.t_s))
            case Sighting(twitch):
                self._book.add_sighting(twitch)
                self._sighted_s = twitch.peak_s
                self._view.sighted(twitch, now_s)
                self._tell(lambda teller: teller.twitch(twitch, now_s - twitch.offset_s))
            case Twitch():
                if not message.kept:
                    self._book.add_rejected(message)
            case Episode(kind=kind) if kind in ORDINARY_KINDS:
                self._book.add_ordinary(message)
            case Episode():
                self._tell_episode(message)
            case Revision(episode):
                self._book.revise(episode)
            case Felt(t_s, undone):
                self._feel(t_s, undone)
            case SourceEvent():
                self._gap_reason = _GAP_REASONS.get(message.kind, self._gap_reason)
                self._view.notice(message.words, now_s)
                self._tell(lambda teller: teller.source(message))
            case Gap(start_s, end_s, paused):
                reason = "paused" if paused else self._gap_reason
                self._book.add_gap(start_s, end_s, reason)
                self._gap_reason = TOO_SLOW
                self._tell(lambda teller: teller.gap(start_s, end_s, reason))
            case Totals():
                self._take_totals(message)
            case Ended(error):
                self._ended, self._error = True, error

    def _tell_episode(self, episode: Episode) -> None:
        row = self._book.add_episode(episode)
        self._view.told(episode)
        self._tell(lambda teller: teller.episode(row, episode.start_s, self._line.now_s - episode.end_s))
        if self._on_episode is not None:
            self._on_episode(row, episode.start_s, episode.end_s)

    # sessions

    def _keep_house(self, now_s: float) -> None:
        if self._rolling:
            return
        if news := self._due.news(now_s):
            self._say(news)
        due_s = self._due.at_s
        if now_s >= due_s and (now_s - self._sighted_s > QUIET_S or now_s > due_s + LATEST_S):
            self._rolling = True
            self._line.ask_totals(count_anew=True)
        elif now_s >= self._save_s:
            self._save_s = now_s + SAVE_S
            self._line.ask_totals()

    def _take_totals(self, totals: Totals) -> None:
        known = self._with_counts(totals)
        if totals.counted_anew:
            self._book.roll(totals.at_s, known, self._due.clock_moved_s)
            self._totals = None
            self._frames_before = self._frame_counts()
            self._due.begin(totals.at_s)
            self._rolling = False
            self._tell_session()
        else:
            self._totals = known
            self._save("running")

    def _tell_session(self) -> None:
        session, start_s = self._book.session, self._book.start_s
        self._tell(lambda teller: teller.session(session, start_s))

    def _frame_counts(self) -> tuple[int, int, int]:
        return self._source.frames_read, self._source.frames_repeated, self._source.frames_lost

    def _frames_since(self, before: tuple[int, int, int]) -> tuple[int, ...]:
        """Read, repeated and lost."""
        return tuple(a - b for a, b in zip(self._frame_counts(), before, strict=True))

    def _with_counts(self, totals: Totals) -> Totals:
        read, repeated, lost = self._frames_since(self._frames_before)
        counts = {"frames": read, "frames_repeated": repeated, "frames_lost": lost}
        size = {"width": self._source.width, "height": self._source.height}
        notes = [*totals.fields["notes"], *self._source.notes]
        return replace(totals, fields=totals.fields | counts | size | {"notes": notes})

    def _save(self, status: str) -> None:
        self._book.save(self._totals, status)

    # the window

    def _state(self, now_s: float) -> LiveState:
        read, _, lost = self._frames_since(self._frames_at_first)
        return self._view.state(
            self._line.picture,
            now_s,
            fps=self._source.fps,
            frames=read,
            frames_lost=lost,
            paused=self._line.paused,
        )

    def _act(self, action: Action, now_s: float) -> None:
        match action:
            case Action.QUIT:
                if self._source.is_clip:  # a recording that was not seen to its end
                    self._status = "interrupted"
                self._line.stop()
            case Action.PAUSE:
                self._line.pause(not self._line.paused)
            case Action.MARK:
                self._waiting.add([Felt(now_s)])
            case Action.UNDO:
                self._waiting.add([Felt(now_s, undone=True)])
            case Action.REBASELINE:
                self._line.start_anew()
                self._view.notice("learning anew: hold still for three seconds", now_s)
            case Action.SNAPSHOT:
                words = self._snapshot()
                self._view.notice(words, now_s)
                self._tell(lambda teller: teller.notice(now_s, words))

    def _feel(self, at_s: float, undone: bool) -> None:
        if not undone:
            self._book.add_marker(at_s)
            self._view.felt(at_s)
            self._tell(lambda teller: teller.marker(at_s, undone=False))
            return
        t_s = self._book.undo_marker()
        if t_s is None:
            self._view.notice("there is no mark to take back", at_s)
        else:
            self._view.taken_back(t_s)
            self._tell(lambda teller: teller.marker(t_s, undone=True))

    def _snapshot(self) -> str:
        """What became of it."""
        import cv2

        window = self._parts.window
        assert window is not None
        path = self._parts.snapshots / f"nasalis_{datetime.now():%Y%m%d_%H%M%S}.png"
        good = False
        with contextlib.suppress(cv2.error, NasalisError):
            if window.picture is not None:
                write_whole({path: cv2.imencode(".png", window.picture)[1].tobytes()})
                good = True
        return f"snapshot saved: {path}" if good else f"the snapshot cannot be written: {path}"
