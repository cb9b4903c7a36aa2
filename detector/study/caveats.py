"""What else differed between two sets of days, so that a difference of their rates need not be due to what was changed.

Each sentence is a fact of the log or of the journal. None of them takes anything away from the figures; they say how
far these can be believed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import date

import numpy as np

from detector.config import sensitivity_words
from detector.record.entries import LoggedRun, moment_of
from detector.regions import NOSE, SITE_NAMES
from detector.study.exposures import NAMED, THINGS, Thing, daily
from detector.study.history import Day, History
from detector.study.ratio import RateRatio, times
from detector.study.trend import trend_of

FEW_DAYS = 5  # on a side: intervals of fewer were not measured, see benchmarks/test_study.py
FEW_HOURS = 2.0  # on a side: a rate of one or two an hour then rests on a handful of episodes
# The scale of a session, px per mm, is known to about 10 % (the width of the iris), so that two limits may differ by
# twice that though nothing has changed.
LIMIT_APART = 1.2
SAME_HOURS = 0.5  # of the observed time in hours of the day that were watched alike
# Means of what was written down, further apart than half their standard deviation ("medium": Cohen 1988).
APART_SD = 0.5
APART_SHARE = 0.25  # of the days that had something, e.g. a cold
# False alarms that each setting of --sensitivity aims at, per observed hour
FALSE_ALARMS = {"low": 1.0, "normal": 6.0, "high": 30.0}


def caveats(
    history: History, before: Sequence[Day], after: Sequence[Day], title: str, result: RateRatio | None
) -> list[str]:
    """Warnings on a comparison of the observed days ``before`` and ``after``, the weightiest first.

    Parameters
    ----------
    title : str
        What was changed on purpose: a kind that is named in it is no warning.
    """
    told = _too_little(before, after)
    if not before or not after:
        return told
    told += _seen_alike(history, before, after)
    told += _false_alarms(history, before, after, result)
    told += _trend_before(before)
    told += _hours_alike(history, before, after)
    told += _medicines(history, before[0].date, after[-1].date, title)
    return told + [line for thing in THINGS if (line := _lived_alike(thing, before, after, title))]


def nose_limit_mm(limits: dict[str, float]) -> float | None:
    """The detection limit of the nose's median area, mm; None when it is not known."""
    names = (SITE_NAMES[k] for k in NOSE)
    known = [limits[name] for name in names if math.isfinite(limits.get(name, math.nan))]
    return statistics.median(known) if known else None


def _too_little(before: Sequence[Day], after: Sequence[Day]) -> list[str]:
    told = []
    for days, when in ((before, "before"), (after, "since the start")):
        hours = sum(day.observed_s for day in days) / 3600.0
        if len(days) < FEW_DAYS:
            told.append(
                f"Only {len(days)} observed {'day' if len(days) == 1 else 'days'} {when}: five or more tell more."
            )
        elif hours < FEW_HOURS:
            told.append(f"Only {hours:.1f} observed hours {when}.")
    return told


def _seen_alike(history: History, before: Sequence[Day], after: Sequence[Day]) -> list[str]:
    """Whether twitches of the same size could be found."""
    told = []
    levels = [_sensitivities(history, days) for days in (before, after)]
    if levels[0] and levels[1] and levels[0] != levels[1]:
        first, second = (" and ".join(sorted(names)) for names in levels)
        told.append(f"The sensitivity was {first} before and {second} since: that alone changes the rate.")
    there, here = _limit_mm(history, before), _limit_mm(history, after)
    if there is not None and here is not None and max(there, here) > LIMIT_APART * min(there, here):
        easier = "more" if here < there else "fewer"
        told.append(
            f"The detection limit was {there:.2f} mm before and {here:.2f} mm since: {easier} small twitches "
            "could be found since the start, whatever was changed."
        )
    return told


def _false_alarms(history: History, before: Sequence[Day], after: Sequence[Day], result: RateRatio | None) -> list[str]:
    levels = _sensitivities(history, before) | _sensitivities(history, after)
    aimed = max((FALSE_ALARMS.get(level, 0.0) for level in levels), default=0.0)
    if result is None or aimed <= 0.0 or abs(result.rate_a - result.rate_b) >= aimed:
        return []
    return [
        f"The rates differ by {abs(result.rate_a - result.rate_b):.1f} an hour, and about {aimed:g} an hour may be "
        "false alarms at this sensitivity: a change in those, as with other light or more speech, could look the same."
    ]


def _trend_before(before: Sequence[Day]) -> list[str]:
    weeks = np.array([(day.date - before[0].date).days / 7.0 for day in before])
    if len(before) < FEW_DAYS:
        return []
    counts, hours = np.array([len(day.episodes) for day in before], float), _hours(before)
    trend = trend_of(counts, hours, weeks)
    if trend is None or trend.low <= 1.0 <= trend.high:
        return []
    return [
        f"The rate was already {'rising' if trend.per_week > 1.0 else 'falling'} before the start "
        f"({times(trend.per_week)} times a week, 95 % interval {times(trend.low)} to {times(trend.high)})."
    ]


def _hours_alike(history: History, before: Sequence[Day], after: Sequence[Day]) -> list[str]:
    shares = []
    for days in (before, after):
        dates, by_hour = {day.date for day in days}, np.zeros(24)
        for minute in history.minutes:
            if minute.start.date() in dates:
                by_hour[minute.start.hour] += minute.observed_s
        shares.append(by_hour / max(by_hour.sum(), 1e-9))
    common = float(np.minimum(*shares).sum())
    if common >= SAME_HOURS:
        return []
    first, second = (f"{int(share.argmax()):02d}:00" for share in shares)
    return [
        f"Other hours of the day were watched: only {100.0 * common:.0f} % are shared (mostly from {first} before, "
        f"from {second} since)."
    ]


def _medicines(history: History, first: date, last: date, title: str) -> list[str]:
    """Medicines and supplements that were changed in the whole time."""
    told = []
    for line in history.journal:
        entry, change = line.entry, str(line.entry.details.get("change", ""))
        if entry.kind in NAMED and change in ("started", "stopped", "dose") and first <= line.at.date() <= last:
            if entry.text and entry.text.casefold() in title.casefold():
                continue
            what = "its dose was changed" if change == "dose" else f"was {change}"
            told.append(f"{entry.text or entry.kind}: {what} on {line.at.date().isoformat()}.")
    return told


def _lived_alike(thing: Thing, before: Sequence[Day], after: Sequence[Day], title: str) -> str:
    if any(word in title.casefold() for word in (thing.kind.replace("_", " "), thing.label)):
        return ""
    amounts = [daily(days, thing.kind) for days in (before, after)]
    if thing.how == "there":
        shares = [float(np.mean(np.isfinite(rows))) for rows in amounts]
        if abs(shares[0] - shares[1]) < APART_SHARE:
            return ""
        return (
            f"{thing.label.capitalize()}: on {100 * shares[0]:.0f} % of the days before, {100 * shares[1]:.0f} % since."
        )
    # an amount that is written down when it happens was 0 on the other days, where it was written down at all
    if thing.how == "amount" and any(np.isfinite(rows).any() for rows in amounts):
        amounts = [np.nan_to_num(rows) for rows in amounts]
    known = [rows[np.isfinite(rows)] for rows in amounts]
    if min(len(rows) for rows in known) < 3:
        return ""
    spread = math.sqrt((float(known[0].var(ddof=1)) + float(known[1].var(ddof=1))) / 2.0)
    means = [float(rows.mean()) for rows in known]
    if abs(means[1] - means[0]) <= APART_SD * spread or means[0] == means[1]:
        return ""
    return f"{thing.label.capitalize()} differed too: {means[0]:.3g} {thing.unit} a day before, {means[1]:.3g} since."


def _sensitivities(history: History, days: Sequence[Day]) -> set[str]:
    return {sensitivity_words(run.session.settings) for run in _runs(history, days)} - {""}


def _limit_mm(history: History, days: Sequence[Day]) -> float | None:
    known = [limit for run in _runs(history, days) if (limit := nose_limit_mm(run.session.limit50_mm)) is not None]
    return statistics.median(known) if known else None


def _runs(history: History, days: Sequence[Day]) -> list[LoggedRun]:
    dates = {day.date for day in days}
    starts = [(run, moment_of(run.session.start_utc, 0.0)) for run in history.runs]
    return [run for run, start in starts if start is not None and start.astimezone(history.zone).date() in dates]


def _hours(days: Sequence[Day]) -> np.ndarray:
    return np.array([day.observed_s / 3600.0 for day in days])
