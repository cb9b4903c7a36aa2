"""What the page is told, as plain values: lists of episodes and sessions, one episode, one session."""

from __future__ import annotations

import math
from typing import Any

from detector.config import sensitivity_words
from detector.record.entries import (
    REJECTED_KINDS,
    LoggedEpisode,
    LoggedGap,
    LoggedMarker,
    LoggedReview,
    LoggedRun,
    TwitchMark,
    time_of_day,
)
from detector.record.export import episode_document
from detector.study.review.timeline import Envelope, NearMiss, threshold_of
from detector.terminal import plain
from detector.types import Session

# Of a row in the list; by place and not by name, as ten thousand rows repeat every name
ROW = ("run", "number", "id", "start_s", "end_s", "time", "kind", "side", "twitches", "mm", "confidence", "review",
       "own_kind", "note", "region", "ordinary")  # fmt: skip


def shown(text: str) -> str:
    """Text from outside with control and direction characters written out, but for the ends of its lines."""
    return "\n".join(plain(line) for line in text.replace("\r\n", "\n").split("\n"))


def number(value: float | None, decimals: int) -> float | None:
    """JSON knows no NaN."""
    return None if value is None or not math.isfinite(value) else round(float(value), decimals)


def rows(episodes: list[LoggedEpisode]) -> list[list[Any]]:
    """The list of episodes, each in the order of ``ROW``."""
    return [
        [
            entry.run,
            entry.episode.number,
            shown(entry.episode_id),
            number(entry.episode.start_s, 3),
            number(entry.episode.end_s, 3),
            entry.start_time,
            shown(entry.episode.kind),
            shown(entry.episode.side),
            entry.episode.twitch_count,
            number(entry.episode.peak_mm, 2),
            number(entry.episode.confidence, 3),
            entry.review,
            entry.review_kind,
            shown(entry.note),
            shown(entry.episode.region),
            int(entry.episode.kind in REJECTED_KINDS),
        ]
        for entry in episodes
    ]


def session_line(run: LoggedRun, has_signals: bool) -> dict[str, Any]:
    """One session of the list."""
    session = run.session
    return {
        "run": run.run,
        "id": shown(session.session_id),
        "source": shown(session.source),
        "time": time_of_day(session.start_utc, 0.0),
        "duration_s": number(session.duration_s, 3) or 0.0,
        "observed_s": number(session.observed_s, 1) or 0.0,
        "status": shown(session.status),
        "signals": has_signals,
    }


def episode_page(entry: LoggedEpisode, history: list[LoggedReview]) -> dict[str, Any]:
    """Everything about one episode."""
    facts = episode_document(entry)
    texts = {name: shown(value) for name, value in facts.items() if isinstance(value, str)}
    return {
        "run": entry.run,
        "number": entry.episode.number,
        "facts": facts | texts | {"regions": [shown(name) for name in entry.episode.regions]},
        "note": entry.note,  # as it is: it goes into the field where it is edited
        "own_kind": entry.review_kind,
        "review": entry.review,
        "history": [
            {
                "reviewer": shown(said.reviewer),
                "review": said.review,
                "own_kind": said.kind,
                "note": shown(said.note),
                "made": said.made_utc,
            }
            for said in reversed(history)
        ],
    }


def session_page(
    session: Session, marks: list[TwitchMark], gaps: list[LoggedGap], felt: list[LoggedMarker]
) -> dict[str, Any]:
    """Everything that the timeline of one session shows, but for the traces."""
    return {
        "threshold": number(threshold_of(session), 2),
        "sensitivity": "own" if "threshold" in session.settings else shown(sensitivity_words(session.settings)),
        "limit90_mm": number(min((v for v in session.limit90_mm.values() if v > 0.0), default=math.nan), 2),
        "marks": [
            [number(m.peak_s, 3), number(m.score, 2), m.side, int(m.kept), number(m.amplitude_mm, 2), shown(m.reason)]
            for m in marks
        ],
        "gaps": [[number(gap.start_s, 2), number(gap.end_s, 2), shown(gap.reason)] for gap in gaps],
        "felt": [[number(marker.t_s, 2), shown(marker.note)] for marker in felt],
        "minutes": [number(seconds, 1) or 0.0 for seconds in session.observed_by_minute_s],
        "notes": [shown(note) for note in session.notes],
    }


def traces_page(
    from_s: float,
    to_s: float,
    envelopes: dict[str, Envelope],
    observed: list[float | None],
    floor: Envelope,
    near: list[NearMiss],
) -> dict[str, Any]:
    """The traces of a part of a session: for each side the lowest and the highest score in each column of pixels."""
    return {
        "from": from_s,
        "to": to_s,
        "sides": {side: [_values(part.low), _values(part.high)] for side, part in envelopes.items()},
        "observed": observed,
        "floor_mm": _values(floor.low),
        "near": [[number(miss.t_s, 3), number(miss.score, 2), miss.side] for miss in near],
    }


def _values(column: Any) -> list[float | None]:
    return [number(value, 2) for value in column.tolist()]
