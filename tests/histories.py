"""Histories made up for tests: so many days, each watched so long, with so many episodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from detector.record.entries import JournalEntry, LoggedEpisode, LoggedRun, logged_episodes
from detector.study.history import History, build_history
from detector.types import Episode, RestingFace, Session, Twitch

FIRST = date(2026, 3, 2)  # a Monday


def twitch(at_s: float, side: str = "left", mm: float = 0.8, **changes: object) -> Twitch:
    """One of the wing of the nose, or of ``region``."""
    base = Twitch(
        region=f"nasalis_alar_{side}", side=side, onset_s=at_s, peak_s=at_s + 0.05, offset_s=at_s + 0.15,
        amplitude_mm=mm, amplitude_px=2.0 * mm, velocity_mm_s=20.0 * mm, direction_deg=200.0, snr=9.0, score=7.5,
        kept=True,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def episode(
    number: int, at_s: float, side: str = "left", mm: float = 0.8, count: int = 2, **changes: object
) -> Episode:
    """``count`` twitches four a second, one-sided unless told otherwise."""
    jerks = tuple(twitch(at_s + 0.25 * k, side, mm) for k in range(count))
    region = jerks[0].region
    base = Episode(
        number=number, start_s=at_s, end_s=jerks[-1].offset_s, kind="fasciculation_like", side=side,
        laterality={"left": 0.9, "right": -0.9}.get(side, 0.0), region=region, regions=(region,), twitch_count=count,
        peak_mm=mm, mean_mm=mm, peak_px=2.0 * mm, snr=9.0, confidence=0.8, rate_hz=4.0 if count > 1 else None,
        evidence="one small area", twitches=jerks,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def run(
    number: int,
    start: datetime,
    observed_s: float = 3600.0,
    *,
    limit_mm: float = 0.5,
    resting: RestingFace | None = None,
    **changes: object,
) -> LoggedRun:
    """A session watched from beginning to end."""
    full, rest = divmod(observed_s, 60.0)
    minutes = (60.0,) * int(full) + ((rest,) if rest else ())
    session = Session(
        session_id=f"{number:012x}", source="camera 0", sha256="", start_utc=start.isoformat(), duration_s=observed_s,
        observed_s=observed_s, face_s=observed_s, fps=30.0, width=1280, height=720, px_per_mm=2.0,
        floor_mm={"nasalis_alar_left": 0.6 * limit_mm, "nasalis_alar_right": 0.6 * limit_mm},
        limit50_mm={"nasalis_alar_left": limit_mm, "nasalis_alar_right": limit_mm},
        limit90_mm={"nasalis_alar_left": 2.0 * limit_mm, "nasalis_alar_right": 2.0 * limit_mm},
        observed_by_minute_s=minutes, resting=resting, settings={"sensitivity": "normal"}, status="complete",
    )  # fmt: skip
    session = dataclasses.replace(session, **changes)  # type: ignore[arg-type]
    return LoggedRun(number, session, start.isoformat(), False, "0.1.0")


def entry(kind: str, day: date, hour: float = 9.0, *, zone: tzinfo = UTC, **fields: object) -> JournalEntry:
    """A journal entry at an hour of a day."""
    at = datetime.combine(day, time(), zone) + timedelta(hours=hour)
    return JournalEntry(kind=kind, at=at.isoformat(), **fields)  # type: ignore[arg-type]


def history(
    counts: Mapping[date, int | Iterable[Episode]] | Iterable[int | None],
    *,
    hours: float = 1.0,
    hour: float = 10.0,
    journal: Iterable[JournalEntry] = (),
    zone: tzinfo = UTC,
    runs: Mapping[date, Mapping[str, object]] | None = None,
    **changes: object,
) -> History:
    """A history of one session a day.

    Parameters
    ----------
    counts
        Episodes of each day, as a number or as themselves (their times are those of the session). A sequence counts
        from ``FIRST``, with None for a day that was not watched.
    hours, hour
        Length of each session and the hour of the day it begins at.
    runs
        Changes to the session of single days.
    changes
        To every episode given as a number, e.g. ``side="right"``.
    """
    if not isinstance(counts, Mapping):
        counts = {FIRST + timedelta(days=k): count for k, count in enumerate(counts) if count is not None}
    logged: list[LoggedRun] = []
    rows: list[LoggedEpisode] = []
    for number, (day, found) in enumerate(sorted(counts.items()), start=1):
        start = datetime.combine(day, time(), zone) + timedelta(hours=hour)
        seconds = 3600.0 * hours
        one = run(number, start, seconds, **dict((runs or {}).get(day, {})))  # type: ignore[arg-type]
        if isinstance(found, int):
            found = [episode(k + 1, seconds * (k + 0.5) / found, **changes) for k in range(found)]  # type: ignore[arg-type]
        logged.append(one)
        rows += logged_episodes(one.session, found, run=number)
    return build_history(logged, rows, list(journal), zone=zone)
