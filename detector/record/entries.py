"""What the log lists: runs, episodes and twitches with their ids. No SQL and no files.

The ids do not depend on options: ``SESSION-e0001`` is the first episode of its session, ``SESSION-t0001`` the first
twitch in time order, kept and rejected counted alike. :func:`logged_episodes` and :func:`logged_twitches` give what the
log would list for a result that was not written to one, so that both roads lead to the same CSV.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from detector.types import ORDINARY_KINDS, Episode, Session, Twitch

REJECTED_KINDS = ORDINARY_KINDS
REVIEWS = ("", "confirmed", "rejected", "unsure")  # "": not decided, or taken back


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run over one source, as stored."""

    run: int  # key in this log
    session: Session
    created_utc: str  # ISO 8601 when the run began
    superseded: bool  # a later complete run over the same file was to replace it
    nasalis_version: str = ""


@dataclass(frozen=True, slots=True)
class LoggedEpisode:
    """One episode with its id and the time of day it began."""

    episode_id: str
    run: int
    session_id: str
    source: str
    start_time: str  # ISO 8601 with milliseconds and offset; empty when the start of the recording is unknown
    episode: Episode
    review: str = ""  # a word of REVIEWS: what a person decided
    note: str = ""
    review_kind: str = ""  # what it is in that person's eyes, where that differs; ``episode.kind`` stays the program's


@dataclass(frozen=True, slots=True)
class LoggedReview:
    """What held of one episode after a person had said something of it."""

    version: int  # in this log, in the order they were made
    run: int
    number: int  # of the episode in its run
    reviewer: str
    review: str  # a word of REVIEWS
    kind: str  # the person's own, empty: as the program says
    note: str
    made_utc: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class TwitchMark:
    """Of one twitch, kept or rejected, what a timeline shows."""

    peak_s: float
    score: float
    side: str
    region: str
    amplitude_mm: float
    kept: bool
    reason: str  # why it was not kept


@dataclass(frozen=True, slots=True)
class LoggedTwitch:
    """One twitch, kept or rejected, with its id."""

    twitch_id: str
    episode_id: str  # empty when it belongs to none
    twitch: Twitch


@dataclass(frozen=True, slots=True)
class LoggedMarker:
    """A moment at which the person said "I felt one"."""

    key: int  # in this log
    run: int
    session_id: str
    t_s: float  # s from the start of the session, when the key was pressed: after what was felt
    time: str  # ISO 8601 of that moment; empty when the start of the recording is unknown
    made_utc: str  # ISO 8601 when it was written down
    undone: bool  # taken back by the person
    note: str = ""


@dataclass(frozen=True, slots=True)
class LoggedGap:
    """Time of a run without pictures, ``[start_s, end_s)``."""

    run: int
    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that a person wrote down: what it was, how much, and when."""

    kind: str  # a name of detector.study.journal_kinds
    at: str  # ISO 8601 with offset
    zone: str = ""  # IANA name of the zone the person was in; empty when only the offset is known
    value: float | None = None  # in ``unit``; None for what has no amount
    unit: str = ""
    text: str = ""  # of a medicine the name, of a note the words
    details: dict[str, Any] = field(default_factory=dict)  # further facts, by name
    key: int = 0  # of the entry, the same in all its versions; 0 before it is written
    made_utc: str = ""  # ISO 8601 when this version was written
    removed: bool = False  # this version takes the entry back


def episode_id(session_id: str, number: int) -> str:
    """The id of the session's episode ``number``: ``-e0001`` is the first, ``-o0001`` the first ordinary movement."""
    return f"{session_id}-e{number:04d}" if number >= 0 else f"{session_id}-o{-number:04d}"


def twitch_id(session_id: str, number: int) -> str:
    """The id of the session's twitch ``number``, 1-based in time order, kept and rejected alike."""
    return f"{session_id}-t{number:04d}"


def clean_text(value: object) -> str:
    """Text that can be stored as UTF-8: bytes of a file name that are not UTF-8 become ``\\udcXX`` escapes."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def time_of_day(start_utc: str, seconds: float) -> str:
    """ISO 8601 with milliseconds and offset, ``seconds`` after ``start_utc``; empty when that is unknown.

    A ``start_utc`` without an offset is taken as UTC, as its name says; one with an offset keeps it.
    """
    moment = moment_of(start_utc, seconds)
    return "" if moment is None else moment.isoformat(timespec="milliseconds")


def moment_of(start_utc: str, seconds: float) -> datetime | None:
    """The moment ``seconds`` after ``start_utc`` to the millisecond; None when ``start_utc`` is empty or no time."""
    try:
        base = datetime.fromisoformat(start_utc)
        # half a millisecond more, because isoformat cuts where it should round
        moment = base + timedelta(seconds=float(seconds), microseconds=500)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def twitch_order(twitch: Twitch) -> tuple[float, float, float, str, str]:
    """Sort key that numbers the twitches of a session: by time, then by place."""
    return (twitch.onset_s, twitch.peak_s, twitch.offset_s, twitch.region, twitch.side)


def logged_episodes(
    session: Session, episodes: Iterable[Episode], *, run: int = 0, include_rejected: bool = False
) -> list[LoggedEpisode]:
    """What the log would list for the episodes of ``session``, in time order."""
    return [
        LoggedEpisode(
            episode_id(session.session_id, episode.number),
            run,
            session.session_id,
            session.source,
            time_of_day(session.start_utc, episode.start_s),
            episode,
        )
        for episode in sorted(episodes, key=lambda episode: (episode.start_s, episode.number))
        if include_rejected or episode.kind not in REJECTED_KINDS
    ]


def logged_twitches(
    session: Session, twitches: Sequence[Twitch], episodes: Iterable[Episode], *, include_rejected: bool = False
) -> list[LoggedTwitch]:
    """What the log would list for the twitches of ``session`` in time order.

    Parameters
    ----------
    twitches : sequence of Twitch
        All of the session, kept and rejected: the numbers count both. Those inside ``episodes`` may be repeated here
        or left out.
    include_rejected : bool
        List the rejected too.
    """
    owner: dict[tuple[float, float, str, str], str] = {}
    every: dict[tuple[float, float, str, str], Twitch] = {}
    for twitch in twitches:
        every[_same(twitch)] = twitch
    for episode in episodes:
        for twitch in episode.twitches:
            every[_same(twitch)] = twitch
            owner[_same(twitch)] = episode_id(session.session_id, episode.number)
    ordered = sorted(every.values(), key=twitch_order)
    return [
        LoggedTwitch(twitch_id(session.session_id, number), owner.get(_same(twitch), ""), twitch)
        for number, twitch in enumerate(ordered, start=1)
        if include_rejected or twitch.kept
    ]


def _same(twitch: Twitch) -> tuple[float, float, str, str]:
    return (twitch.onset_s, twitch.peak_s, twitch.region, twitch.side)
