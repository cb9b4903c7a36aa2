"""A log as a history: what was observed and found on each day of a person's own calendar, and what they wrote down.

Everything in it that has no time of day is left out and counted: no day, and so no rate, can be told from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from detector.record.entries import JournalEntry, LoggedEpisode, LoggedRun, moment_of
from detector.record.log import EpisodeLog
from detector.types import Session

UNDATED = "that do not say when they were made (nasalis analyze --recorded tells it)"
REJECTED_REVIEW = "rejected"  # episodes that a person looked at and did not believe
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Minute:
    """Up to a minute of a session, in which something was observed."""

    start: datetime  # local, with offset
    observed_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """One episode and when it began."""

    at: datetime  # local, with offset
    logged: LoggedEpisode

    @property
    def twitches(self) -> int:
        """How many it counts."""
        return self.logged.episode.twitch_count


@dataclass(frozen=True, slots=True)
class Written:
    """One journal entry and when it holds."""

    at: datetime  # local, with offset
    entry: JournalEntry


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar. Without observed time nothing is known of it, least of all that nothing happened."""

    date: date
    observed_s: float = 0.0
    episodes: tuple[Found, ...] = ()
    journal: tuple[Written, ...] = ()

    @property
    def is_observed(self) -> bool:
        """Whether anything can be said of it."""
        return self.observed_s > 0.0

    @property
    def twitches(self) -> int:
        """Of all its episodes."""
        return sum(found.twitches for found in self.episodes)


@dataclass(frozen=True, slots=True)
class History:
    """Everything of a log that has a time of day.

    Attributes
    ----------
    zone : tzinfo or None
        Days and hours are counted in it; None: the computer's own.
    runs : tuple of LoggedRun
        The sessions that count, in time order; their figures on quality and the face at rest are there.
    minutes, found, journal : tuple
        In time order.
    days : tuple of Day
        Every day from the first to the last with anything observed, the unobserved between them too; without any, of
        the journal.
    undated_s, undated_episodes : float, int
        Observed time and episodes of recordings that do not say when they were made.
    doubled_s : float
        At most how long more than one session observed, by their minutes: two cameras at once, or two recordings
        of one time. It is in ``minutes`` once for each of them, and so are its episodes.
    rejected_episodes : int
        Episodes that a person rejected; they are nowhere else in here.
    """

    zone: tzinfo | None = None
    runs: tuple[LoggedRun, ...] = ()
    minutes: tuple[Minute, ...] = ()
    found: tuple[Found, ...] = ()
    journal: tuple[Written, ...] = ()
    days: tuple[Day, ...] = ()
    undated_s: float = 0.0
    undated_episodes: int = 0
    doubled_s: float = 0.0
    rejected_episodes: int = 0

    @property
    def observed_h(self) -> float:
        """Hours observed, the denominator of every rate."""
        return sum(minute.observed_s for minute in self.minutes) / 3600.0


def read_history(
    log: EpisodeLog, *, since: date | None = None, until: date | None = None, zone: tzinfo | None = None
) -> History:
    """The history that a log tells, of the days ``[since, until)``.

    Episodes that a person rejected are left out, and so are ordinary movements.
    """
    current = set(log.current_runs())
    runs = [run for run in log.runs() if run.run in current]
    return build_history(runs, log.episodes(), log.journal(), since=since, until=until, zone=zone)


def newest_of_each(runs: Sequence[LoggedRun]) -> list[LoggedRun]:
    """The runs without those whose recording a later one looked at again, say with another sensitivity.

    A log keeps both, but the same hour must not be counted twice. Complete runs go before others, and those that know
    when they were recorded before those that do not; two runs look at the same part of a recording when it makes up
    more than half of the shorter one. A later look at less than half of it does not stand for the whole.
    """
    kept: list[LoggedRun] = []
    for run in sorted(runs, key=_weight, reverse=True):
        rivals = [other for other in kept if _is_same_part(run.session, other.session)]
        if not rivals or run.session.duration_s > 2.0 * sum(other.session.duration_s for other in rivals):
            kept = [other for other in kept if other not in rivals] + [run]
    return sorted(kept, key=lambda run: run.run)


def _weight(run: LoggedRun) -> tuple[bool, bool, int]:
    return run.session.status == "complete", bool(run.session.start_utc), run.run


def _is_same_part(one: Session, other: Session) -> bool:
    if not one.sha256 or one.sha256 != other.sha256:
        return False
    begins = [float(session.settings.get("start_s") or 0.0) for session in (one, other)]  # type: ignore[arg-type]
    ends = [begin + session.duration_s for begin, session in zip(begins, (one, other), strict=True)]
    return min(ends) - max(begins) > 0.5 * min(one.duration_s, other.duration_s)


def build_history(
    runs: Sequence[LoggedRun],
    episodes: Sequence[LoggedEpisode],
    journal: Sequence[JournalEntry],
    *,
    since: date | None = None,
    until: date | None = None,
    zone: tzinfo | None = None,
) -> History:
    """The history of what a log lists; the parameters are those of :func:`read_history`."""

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    def wanted(moment: datetime) -> bool:
        return (since is None or moment.date() >= since) and (until is None or moment.date() < until)

    runs = newest_of_each(runs)
    starts = {run.run: moment_of(run.session.start_utc, 0.0) for run in runs}
    counted = [row for row in episodes if row.run in starts]
    begins = [(row, moment_of(start.isoformat(), row.episode.start_s)) for row in counted if (start := starts[row.run])]
    dated = [Found(local(at), row) for row, at in begins if at is not None]
    found = [row for row in dated if row.logged.review != REJECTED_REVIEW]
    rejected = [row for row in dated if row.logged.review == REJECTED_REVIEW and wanted(row.at)]
    minutes = [
        Minute(local(start), observed_s)
        for run in runs
        if (base := starts[run.run]) is not None
        for start, observed_s in _minutes(run, base)
    ]
    written = [Written(local(datetime.fromisoformat(entry.at)), entry) for entry in journal]
    found = sorted((row for row in found if wanted(row.at)), key=lambda row: row.at)
    minutes = sorted((row for row in minutes if wanted(row.start)), key=lambda row: row.start)
    written = sorted((row for row in written if wanted(row.at)), key=lambda row: row.at)
    reaching = [run for run in runs if (base := starts[run.run]) is None or _reaches(run, local(base), wanted)]
    return History(
        zone=zone,
        runs=tuple(sorted(reaching, key=lambda run: (run.session.start_utc, run.run))),
        minutes=tuple(minutes),
        found=tuple(found),
        journal=tuple(written),
        days=tuple(_days(minutes, found, written)),
        undated_s=sum(run.session.observed_s for run in runs if starts[run.run] is None),
        undated_episodes=sum(starts[row.run] is None and row.review != REJECTED_REVIEW for row in counted),
        doubled_s=_doubled_s(
            [(run, base) for run in runs if (base := starts[run.run]) is not None], lambda at: wanted(local(at))
        ),
        rejected_episodes=len(rejected),
    )


def _minutes(run: LoggedRun, base: datetime) -> Iterator[tuple[datetime, float]]:
    """The observed minutes of a session; where they were not kept, its observed time spread over its length."""
    session = run.session
    seconds = session.observed_by_minute_s
    if not seconds and session.observed_s > 0.0:
        count = max(-int(-session.duration_s // MINUTE_S), 1)
        seconds = (session.observed_s / count,) * count
    for k, observed_s in enumerate(seconds):
        if observed_s > 0.0:
            yield base + timedelta(seconds=MINUTE_S * k), observed_s


def _doubled_s(runs: Sequence[tuple[LoggedRun, datetime]], wanted: Callable[[datetime], bool]) -> float:
    """The time that minutes of several sessions share, once for each session beyond the first."""
    spans = []
    for run, base in runs:
        end = base + timedelta(seconds=run.session.duration_s)
        for start, observed_s in _minutes(run, base):
            if wanted(start):  # the last minute ends with its session
                whole = min(start + timedelta(seconds=MINUTE_S), end)
                spans.append((start, max(whole, start + timedelta(seconds=observed_s))))
    doubled_s, reached = 0.0, None
    for start, stop in sorted(spans):
        if reached is not None and start < reached:
            doubled_s += (min(stop, reached) - start).total_seconds()
        reached = stop if reached is None else max(reached, stop)
    return doubled_s


def _reaches(run: LoggedRun, start: datetime, wanted: Callable[[datetime], bool]) -> bool:
    length = timedelta(seconds=run.session.duration_s)
    return any(wanted(start + length * share) for share in (0.0, 0.5, 1.0))


def _days(minutes: Sequence[Minute], found: Sequence[Found], written: Sequence[Written]) -> Iterator[Day]:
    observed: dict[date, float] = {}
    for minute in minutes:
        day = minute.start.date()
        observed[day] = observed.get(day, 0.0) + minute.observed_s
    episodes: dict[date, list[Found]] = {}
    for row in found:
        episodes.setdefault(row.at.date(), []).append(row)
    entries: dict[date, list[Written]] = {}
    for line in written:
        entries.setdefault(line.at.date(), []).append(line)
    known = [*observed, *episodes] or [*entries]  # a medicine begun years ago opens no years of unobserved days
    day = min(known, default=date.max)
    while known and day <= max(known):
        yield Day(day, observed.get(day, 0.0), tuple(episodes.get(day, ())), tuple(entries.get(day, ())))
        day += timedelta(days=1)
