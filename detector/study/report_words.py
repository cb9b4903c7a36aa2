"""The sentences of a report. They say what was seen and over how much observed time, and never what it means."""

from __future__ import annotations

import math
from collections import Counter

from detector.config import aimed_per_hour, sensitivity_words
from detector.study.figures_axes import day_words
from detector.study.figures_parts import SIDES
from detector.study.flag_facts import CLEARLY, SURE, is_more, only_sure
from detector.study.history import MINUTE_S, UNDATED
from detector.study.rates import Rate
from detector.study.report_data import ReportData
from detector.study.trend import Trend
from detector.tables import count_words, why_not_observed

# Aimed by --sensitivity, an observed hour; the thresholds were read off minutes of footage (docs/measurements.md).
HIDDEN_MM = 3.0  # a limit beyond it tells of blinks and speech, not of size
_ON = {"left": "on the left", "right": "on the right", "both": "on both sides", "midline": "in the midline"}


def period(data: ReportData) -> str:
    """The days it is about; empty when there are none."""
    if not data.days or data.days[0].start is None or data.days[-1].start is None:
        return ""
    return day_words(data.days[0].start, data.days[-1].start)


def summary(data: ReportData) -> str:
    """The report in a sentence or three."""
    history, episodes = data.history, data.episodes
    if not history.runs and data.is_part:
        return "Nothing was recorded in the days that were asked for, so nothing can be said of them."
    if not history.runs:
        return (
            "Nothing has been observed yet, so nothing can be said. Watch some time with nasalis live, or analyze "
            "recordings with nasalis analyze."
        )
    if history.observed_h <= 0.0 and not history.found:
        if history.undated_s <= 0.0:
            return "The recordings hold no observed time, so nothing can be said about twitches in them."
        return f"{undated(data)} No day and no rate over time can be told from them."
    seen = f"{hours_words(history.observed_h)} of observed time on {_days_words(data)}"
    if not history.found:
        besides = count_words(history.rejected_episodes, "episode")
        seen += f", besides {besides} that a person rejected" if history.rejected_episodes else ""
        return (
            f"No twitch was found in {seen}. That is less than {high_words(episodes)} an hour, as far as chance "
            "allows (95 %), and says nothing of twitches too small to be seen."
        )
    words = f"{count_words(len(history.found), 'episode')} of twitching"
    words += f" ({count_words(sum(found.twitches for found in history.found), 'twitch')})"
    said = f"{words} in {seen}: {rate_words(episodes)}. {sides(data)}"
    if data.rate_trend is not None:
        said += f" {trend(data.rate_trend)}"
    return said


def sides(data: ReportData) -> str:
    """Which side, with the interval of the share."""
    from scipy.stats import binomtest

    counts: Counter[str] = Counter(found.logged.episode.side for found in data.history.found)
    one_sided = counts["left"] + counts["right"]
    others = ", ".join(f"{counts[side]} {_ON[side]}" for side in SIDES[2:] if counts[side])
    if not one_sided:
        return f"{others[:1].upper()}{others[1:]}." if others else ""
    if one_sided == len(data.history.found) == 1:
        return f"It was {_ON['left' if counts['left'] else 'right']}."
    side = "left" if counts["left"] >= counts["right"] else "right"
    bounds = binomtest(counts[side], one_sided).proportion_ci(0.95, method="wilson")
    said = f"{counts[side]} of {count_words(one_sided, 'one-sided episode')} {'was' if one_sided == 1 else 'were'}"
    said += f" {_ON[side]}"
    if one_sided > 1:
        said += f" ({100.0 * counts[side] / one_sided:.0f} %; 95 % interval {100.0 * bounds.low:.0f} to "
        said += f"{100.0 * bounds.high:.0f})"
    return f"{said}{f'; {others}' if others else ''}."


def trend(one: Trend, what: str = "rate") -> str:
    """How it changes in a week."""
    change = f"{_percent(one.per_week)} a week (95 % interval {_percent(one.low)} to {_percent(one.high)})"
    if one.low <= 1.0 <= one.high:
        return f"The {what} shows no clear change over time: {change}."
    return f"The {what} {'rose' if one.per_week > 1.0 else 'fell'} over time: {change}."


def limit(data: ReportData) -> str:
    """What would have been missed."""
    limits = data.limits
    if limits is None:
        return "How small a twitch would have been found is not known for these recordings."
    said = f"Twitches under about {limits.half_mm:.1f} mm would have been missed more often than not"
    if math.isfinite(limits.most_mm) and limits.most_mm <= HIDDEN_MM:
        said += f"; those over about {limits.most_mm:.1f} mm would have been found nine times in ten."
    else:
        said += "; blinks and other movement hid a tenth of the time or more, whatever the size."
    if f"{limits.half_low_mm:.1f}" != f"{limits.half_high_mm:.1f}":
        said += (
            f" It varied: the first figure was between {limits.half_low_mm:.1f} and {limits.half_high_mm:.1f} mm for "
            "four fifths of the observed time."
        )
    if limits.known_share < 0.995:
        said += f" It is known for {100.0 * limits.known_share:.0f} % of the observed time only."
    return said


def quality(data: ReportData) -> list[str]:
    """What was recorded and what of it counts."""
    sessions = [run.session for run in data.history.runs]
    if not sessions:
        return []
    recorded_s, observed_s = sum(s.duration_s for s in sessions), sum(s.observed_s for s in sessions)
    lines = [
        f"{count_words(len(sessions), 'session')}, {hours_words(observed_s / 3600.0)} observed of "
        f"{hours_words(recorded_s / 3600.0)} recorded."
    ]
    missing: Counter[str] = Counter()
    for session in sessions:
        for reason, seconds in session.not_observed_s.items():
            missing[reason] += seconds if math.isfinite(seconds) else 0.0  # type: ignore[assignment]
    minutes = {reason: seconds for reason, seconds in missing.items() if seconds >= 30.0}
    if minutes:
        lines.append(f"Not observed: {_minutes(why_not_observed(minutes))}.")
    lost, frames = sum(s.frames_lost for s in sessions), sum(s.frames for s in sessions)
    if lost and frames:
        lines.append(f"Pictures lost: {100.0 * lost / (lost + frames):.1f} %.")
    interrupted = sum(session.status != "complete" for session in sessions)
    if interrupted:
        lines.append(f"{count_words(interrupted, 'session')} did not end as planned; what was found until then counts.")
    if data.history.undated_s > 0.0 or data.history.undated_episodes:
        lines.append(f"{undated(data)} They are not counted above.")
    lines += doubts(data)
    if data.felt:
        lines.append(f"Felt, and marked by hand: {' '.join(data.felt)}")
    return lines


def doubts(data: ReportData) -> list[str]:
    """What of the figures may not be what it seems."""
    history, lines = data.history, []
    if history.rejected_episodes:
        lines.append(f"{count_words(history.rejected_episodes, 'episode')} rejected by a person on review: left out.")
    if history.doubled_s >= MINUTE_S:
        lines.append(
            f"Up to {hours_words(history.doubled_s / 3600.0)} were in more than one session (two cameras at once, or "
            "two recordings of one time): that time and its episodes count once for each, and the intervals are "
            "narrower than they should be."
        )
    late = [rate.start for rate in data.days if rate.start is not None and rate.hours > 0.0 and rate.start > data.made]
    if late:
        lie = "lies" if len(late) == 1 else "lie"
        lines.append(
            f"{count_words(len(late), 'observed day')} {lie} after the day of this report, up to "
            f"{day_words(late[-1], late[-1])}: a clock was wrong, and so is all that rests on days."
        )
    return lines


def undated(data: ReportData) -> str:
    """What has no time of day."""
    history = data.history
    return (
        f"{hours_words(history.undated_s / 3600.0)} of observed time with "
        f"{count_words(history.undated_episodes, 'episode')} come from recordings {UNDATED}."
    )


def false_alarms(data: ReportData) -> str:
    """What of the rate could be false alarms alone."""
    sessions = [run.session for run in data.history.runs if run.session.observed_s > 0.0]
    levels = {sensitivity_words(one.settings): aimed_per_hour(one.settings) for one in sessions}
    known = {level: per_hour for level, per_hour in levels.items() if math.isfinite(per_hour)}
    if not known:
        return ""
    seconds = dict.fromkeys(known, 0.0)
    for one in sessions:
        level = sensitivity_words(one.settings)
        if level in known:
            seconds[level] += one.observed_s
    aimed = sum(known[level] * s for level, s in seconds.items()) / sum(seconds.values())
    names = " and ".join(sorted(known, key=lambda level: known[level]))
    said = (
        f"The sensitivity ({names}) aims at {aimed:.3g} false {'alarm' if aimed == 1.0 else 'alarms'} an observed "
        "hour, which was extrapolated from minutes of footage."
    )
    if data.episodes.hours > 0.0 and data.history.found and data.episodes.low <= aimed:
        sure = only_sure(data.history)
        if is_more(len(sure.found), data.episodes.hours, CLEARLY):
            said += (
                " The rate of all episodes is not clearly above that. That of the sure ones is (a confidence of "
                f"{SURE:g} and more, or confirmed on review: {len(sure.found)}): it is above twice the false alarms of "
                "that kind that are aimed at."
            )
        else:
            said += " The rate found here is not clearly above that: it may be false alarms alone."
    return said


def rate_words(rate: Rate) -> str:
    """``3.2 an observed hour (95 % interval 2.8 to 3.6)``."""
    if rate.hours <= 0.0:
        return "no rate, for nothing was observed"
    return f"{number(rate.per_hour)} an observed hour (95 % interval {number(rate.low)} to {number(rate.high)})"


def high_words(rate: Rate) -> str:
    """The upper end."""
    return number(rate.high)


def number(value: float) -> str:
    """Two figures that count, and no more decimals than that: 0.034, 0.5, 3.2, 12."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "more than can be told"
    if value == 0.0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 4)}f}" if abs(value) < 10.0 else f"{value:.0f}"


def hours_words(hours: float) -> str:
    """``85 h``, ``1.5 h``, ``12 min``."""
    if hours < 1.0:
        return f"{60.0 * hours:.0f} min" if hours >= 1.0 / 60.0 or hours == 0.0 else f"{3600.0 * hours:.0f} s"
    return f"{hours:.0f} h" if hours >= 20.0 else f"{hours:.1f} h"


def _days_words(data: ReportData) -> str:
    observed = sum(rate.hours > 0.0 for rate in data.days)
    return f"{observed} of {len(data.days)} days" if len(data.days) > 1 else "one day"


def _percent(factor: float) -> str:
    if not math.isfinite(factor):
        return "unknown"
    change = 100.0 * (factor - 1.0)
    said = f"{change:+.0f}" if abs(change) >= 1.0 else f"{change:+.1f}"
    return ("0" if float(said) == 0.0 else said.replace("-", "−")) + " %"


def _minutes(text: str) -> str:
    """The seconds of a list of reasons as minutes or hours."""
    import re

    return re.sub(r"([\d.]+) s\b", lambda found: hours_words(float(found[1]) / 3600.0), text)
