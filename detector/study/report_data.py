"""Everything a report tells, gathered from a log once, so that its page, its text and its JSON say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from detector.record.log import EpisodeLog
from detector.study import demo
from detector.study.experiments import ExperimentResult, experiment_results
from detector.study.figures_twitch import Average, averages
from detector.study.flags import Flag, raise_flags
from detector.study.history import History, read_history
from detector.study.limits import DayLimit, Limits, day_limits, overall_limits
from detector.study.rates import Rate, overall, rates_by
from detector.study.trend import Trend, rate_trend, strength_trend
from detector.study.triggers import TriggerResult, trigger_results


@dataclass(frozen=True, slots=True)
class ReportData:
    """What is known, and nothing of how it looks.

    Attributes
    ----------
    made : date
        The day the report is made on.
    simulated : bool
        Whether any of it was made up for the demo.
    felt : tuple of str
        Sentences on what was marked as felt against what was found.
    is_part : bool
        Whether days were chosen, so that the log may hold others.
    """

    history: History
    name: str
    made: date
    simulated: bool
    episodes: Rate
    twitches: Rate
    days: tuple[Rate, ...]
    weeks: tuple[Rate, ...]
    hours: tuple[Rate, ...]
    sides: tuple[Rate, ...]
    regions: tuple[Rate, ...]
    kinds: tuple[Rate, ...]
    rate_trend: Trend | None
    strength_trend: Trend | None
    flags: tuple[Flag, ...]
    experiments: tuple[ExperimentResult, ...]
    triggers: tuple[TriggerResult, ...]
    limits: Limits | None
    day_limits: tuple[DayLimit, ...]
    averages: tuple[Average, ...]
    felt: tuple[str, ...] = field(default=())
    is_part: bool = False


def gather(
    log: EpisodeLog,
    *,
    since: date | None = None,
    until: date | None = None,
    zone: tzinfo | None = None,
    name: str = "",
    today: date | None = None,
) -> ReportData:
    """The data of a report on the days ``[since, until)``.

    Parameters
    ----------
    zone : tzinfo, optional
        Days and hours are counted in it; None: the computer's own.
    name : str
        Whom it is about; printed as given.
    today : date, optional
        The day it is made on; None: today in ``zone``.
    """
    history = read_history(log, since=since, until=until, zone=zone)
    is_part = since is not None or until is not None
    return report_of(history, name=name, today=today, felt=_felt(log, history), is_part=is_part)


def report_of(
    history: History, *, name: str = "", today: date | None = None, felt: tuple[str, ...] = (), is_part: bool = False
) -> ReportData:
    """The data of a report on a history; the parameters are those of :func:`gather`."""
    today = today or datetime.now(history.zone).date()
    observed = bool(history.minutes or history.found)
    return ReportData(
        history=history,
        name=name,
        made=today,
        simulated=any(run.session.source == demo.SOURCE for run in history.runs),
        episodes=overall(history),
        twitches=overall(history, "twitches"),
        days=tuple(rates_by(history, "day")) if observed else (),  # without, the days of the journal alone
        weeks=tuple(rates_by(history, "week")) if observed else (),
        hours=tuple(rates_by(history, "hour")),
        sides=tuple(rates_by(history, "side")),
        regions=tuple(rates_by(history, "region")),
        kinds=tuple(rates_by(history, "kind")),
        rate_trend=rate_trend(history),
        strength_trend=strength_trend(history),
        flags=tuple(raise_flags(history, today)),
        experiments=tuple(experiment_results(history, today)),
        triggers=tuple(trigger_results(history)),
        limits=overall_limits(history),
        day_limits=tuple(day_limits(history)),
        averages=tuple(averages(history)),
        felt=felt,
        is_part=is_part,
    )


def _felt(log: EpisodeLog, history: History) -> tuple[str, ...]:
    from detector.agreement import pool
    from detector.agreement_table import felt_sessions, summary
    from detector.record.selection import Selection

    runs = {run.run for run in history.runs}
    sessions, _ = felt_sessions(log, Selection())
    marked = [one.agreement for one in sessions if one.run.run in runs]
    return tuple(summary(pool(marked))[:2]) if marked else ()  # the rest is for nasalis log --markers
