"""Flags from the course of the twitching over weeks: how long, on which side, how far it spreads, whether it rises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from detector.regions import NEIGHBORS, NOSE, SITE_NAMES
from detector.study import flag_sources as sources
from detector.study.flag_facts import (
    CLEARLY,
    FALSE_PER_HOUR,
    FREE_DAYS,
    FREE_OBSERVED_DAYS,
    RARE,
    SURE,
    Facts,
    Stretch,
    until,
)
from detector.study.flag_rule import SHOW, Rule, Seen, chance, count, day, duration, listed, of_days, period
from detector.study.flags_own import RECENT_DAYS
from detector.study.flags_urgent import told
from detector.study.history import Found, History

if TYPE_CHECKING:
    from detector.study.trend import Trend

SIDED_DAYS, SIDED_WEEKS = 21, 3  # "does not go away within a few weeks" (Mayo Clinic); the NHS says two
LASTING_DAYS, LASTING_WEEKS = 30, 4  # a month
SIDE_SHARE = 0.8  # of the episodes; up to a fifth may be false alarms or wrongly sided; our choice
SIDE_P = 0.01  # of so many days with more on that side, were the sides alike: eight days of eight
SPREAD_EPISODES, SPREAD_DAYS = 3, 2  # one moment may be a smile or a blink; our choice
SPREAD_SHARE = 0.1  # of the sure episodes in that time; our choice
AREAS = {NEIGHBORS[0]: "the eyelid", NEIGHBORS[1]: "the corner of the mouth", "orbicularis_oris_upper": "the upper lip"}
NOSE_NAMES = frozenset(SITE_NAMES[k] for k in NOSE)
WORSE_DAYS = 56  # eight weeks: what was before says little of now
WORSE_OBSERVED_DAYS, WORSE_SPAN_DAYS = 10, 21  # week by week takes three weeks
WORSE_PER_WEEK = 1.1  # a tenth more each week, half as much again in four; our choice


def persisting(facts: Facts) -> Seen | None:
    """Twitching for a month or more without a free period."""
    stretch = facts.stretch
    if stretch is None or not _lasts(stretch, LASTING_DAYS, LASTING_WEEKS):
        return None
    return Seen(_stretch_words(stretch), stretch.first, stretch.last, _stretch_evidence(stretch))


def one_sided(facts: Facts) -> Seen | None:
    """Twitching of one side that lasts beyond a few weeks."""
    from scipy.stats import binomtest

    stretch = facts.stretch
    if stretch is None or not _lasts(stretch, SIDED_DAYS, SIDED_WEEKS):
        return None
    limits = _limits(facts.history)
    episodes = [found for found in stretch.episodes if _seen_on_both(found, limits)]
    if not episodes:
        return None
    sides: list[str] = [found.logged.episode.side for found in episodes]
    side = max(("left", "right"), key=sides.count)
    lead = _days_led(episodes, side)
    p = float(binomtest(lead[0], sum(lead)).pvalue) if sum(lead) else 1.0
    if sides.count(side) < SIDE_SHARE * len(sides) or p > SIDE_P or lead[0] <= lead[1]:
        return None
    text = (
        f"{_stretch_words(stretch)} {sides.count(side)} of {len(sides)} of them were on the {side} side, which led "
        f"on {lead[0]} of {count(sum(lead), 'day')}; were the sides alike, the chance of that would be {chance(p)}."
    )
    evidence = (
        *_stretch_evidence(stretch),
        "Only episodes large enough to be found on the other side too count for the side: "
        f"{len(episodes)} of {len(stretch.episodes)}.",
    )
    return Seen(text, stretch.first, stretch.last, evidence)


def spread(facts: Facts) -> Seen | None:
    """Lid or mouth of one side twitch along with the nose, or the person says that it has spread."""
    own = facts.lately("spread", days=RECENT_DAYS)
    last = max((found.at.date() for found in facts.sure.found), default=None)
    lately = [] if last is None else [f for f in facts.sure.found if f.at.date() > last - timedelta(days=RECENT_DAYS)]
    wide = {side: [found for found in lately if _reach(found, side)] for side in ("left", "right")}
    side = max(wide, key=lambda side: len(wide[side]))
    rows = wide[side]
    days = {found.at.date() for found in rows}
    enough = len(rows) >= max(SPREAD_EPISODES, SPREAD_SHARE * len(lately)) and len(days) >= SPREAD_DAYS
    enough = enough and len(rows) >= SIDE_SHARE * sum(map(len, wide.values()))
    if not enough:
        return Seen(told(own), own[0].at.date(), own[-1].at.date()) if own else None
    areas = sorted({area for found in rows for area in _reach(found, side)})
    observed = {row.date for row in facts.sure.days if row.is_observed and min(days) <= row.date <= max(days)}
    text = (
        f"In {len(rows)} of {count(len(lately), 'sure episode')} {listed(areas)} of the {side} side moved together "
        f"with the nose, {period(min(days), max(days))} ({of_days(len(days), len(observed))})."
    )
    before = [f for f in facts.sure.found if f.at < rows[0].at and not _reach(f, "left") and not _reach(f, "right")]
    evidence = [f"Episodes: {', '.join(found.logged.episode_id for found in rows[:5])}."]
    if before:
        evidence.append(f"Before the first of them: {count(len(before), 'sure episode')} at the nose alone.")
    return Seen(f"{text} {told(own)}".strip(), min(days), max(days), tuple(evidence))


def rising_rate(facts: Facts) -> Seen | None:
    """More episodes an observed hour from week to week."""
    from detector.study.trend import rate_trend

    return _worsening(facts, rate_trend, "The rate of sure episodes")


def rising_strength(facts: Facts) -> Seen | None:
    """Larger twitches from week to week."""
    from detector.study.trend import strength_trend

    return _worsening(facts, strength_trend, "The size of the largest twitch of sure episodes")


def _lasts(stretch: Stretch, days: int, weeks: int) -> bool:
    enough = stretch.weeks_shown >= weeks and 2 * stretch.weeks_shown > stretch.weeks
    return enough and (stretch.last - stretch.first).days >= days


def _stretch_words(stretch: Stretch) -> str:
    twitching = sum(bool(row.episodes) for row in stretch.days)
    return (
        f"Twitching was seen {period(stretch.first, stretch.last)}, {count(stretch.length, 'day')}, without an "
        f"observed free period: {count(len(stretch.episodes), 'sure episode')} "
        f"{of_days(twitching, len(stretch.observed))}, in {duration(stretch.hours)} observed."
    )


def _stretch_evidence(stretch: Stretch) -> tuple[str, ...]:
    lines = [
        f"More sure episodes than false alarms explain in {stretch.weeks_shown} of {count(stretch.weeks, 'week')}; "
        f"{len(stretch.episodes) / stretch.hours:.1f} an observed hour, where false alarms are taken to be "
        f"{FALSE_PER_HOUR:.1f} at most."
    ]
    unobserved = stretch.length - len(stretch.observed)
    if unobserved:
        lines.append(f"{count(unobserved, 'day')} between them {'was' if unobserved == 1 else 'were'} not observed.")
    return tuple(lines)


def _limits(history: History) -> dict[int, dict[str, float]]:
    """Of each run, per region, the size from which a twitch is found at half of the moments."""
    return {run.run: run.session.limit50_mm or run.session.floor_mm for run in history.runs}


def _seen_on_both(found: Found, limits: dict[int, dict[str, float]]) -> bool:
    """Whether an episode is so large that it would have been found on the other side as well."""
    episode = found.logged.episode
    other = {"left": "right", "right": "left"}.get(episode.side)
    if other is None:
        return True
    mirrored = episode.region.removesuffix(episode.side) + other
    limit_mm = limits.get(found.logged.run, {}).get(mirrored, math.nan)
    return episode.peak_mm >= limit_mm  # not for NaN: it is not known whether that side was seen


def _days_led(episodes: Sequence[Found], side: str) -> tuple[int, int]:
    """Days with more episodes on ``side`` than elsewhere, and with fewer; as many of both say nothing."""
    balance: dict[object, int] = {}
    for found in episodes:
        way = 1 if found.logged.episode.side == side else -1
        balance[found.at.date()] = balance.get(found.at.date(), 0) + way
    return sum(value > 0 for value in balance.values()), sum(value < 0 for value in balance.values())


def _reach(found: Found, side: str) -> set[str]:
    """The areas besides the nose that moved with it; none unless all that moved was of that side."""
    episode = found.logged.episode
    if episode.side != side:
        return set()
    moved = {*episode.regions, *episode.co_movement.split(";")}
    if any(name.endswith(("_left", "_right")) and not name.endswith(side) for name in moved):
        return set()
    if episode.kind == "hemifacial_spasm_like":
        return {"the eyelid", "the corner of the mouth"}
    areas = {words for muscle, words in AREAS.items() if f"{muscle}_{side}" in moved}
    return areas if moved.intersection(NOSE_NAMES) else set()


def _worsening(facts: Facts, trend_of: Callable[[History], Trend | None], what: str) -> Seen | None:
    stretch = facts.stretch
    if stretch is None:
        return None
    # only since it began: that there was none before is an onset, not a rise from week to week
    end = facts.sure.days[-1].date
    lately = until(facts.sure, end, max(stretch.first, end - timedelta(days=WORSE_DAYS - 1)))
    days = [row.date for row in lately.days if row.is_observed]
    if len(days) < WORSE_OBSERVED_DAYS or (days[-1] - days[0]).days < WORSE_SPAN_DAYS:
        return None
    trend = trend_of(lately)
    if trend is None or not (trend.low > 1.0 and trend.per_week >= WORSE_PER_WEEK):
        return None
    text = (
        f"{what} rose from {day(days[0])} to {day(days[-1])} by {_percent(trend.per_week)} a week (95 % interval "
        f"{_percent(trend.low)} to {_percent(trend.high)}), on {count(len(days), 'observed day')} with "
        f"{duration(lately.observed_h)} observed and {count(len(lately.found), 'sure episode')}."
    )
    return Seen(text, days[0], days[-1])


def _percent(factor: float) -> str:
    return f"{100.0 * (factor - 1.0):.0f} %"


_SURE_WORDS = (
    f"Sure episodes have a confidence of at least {SURE:g}: false alarms of that kind are aimed at less than one an "
    f"observed hour, and twice the aim ({FALSE_PER_HOUR:.1f}) is tested against."
)
_FREE_WORDS = (
    f"A free period is {FREE_DAYS} days in a row, {FREE_OBSERVED_DAYS} of them observed at least, with no more than "
    f"false alarms, and with so few that the usual rate gives them at most once in {1.0 / RARE:.0f} times. Days that "
    f"were not observed are neither free nor with twitching. The stretch must be more than false alarms give once in "
    f"{1.0 / CLEARLY:.0f} times, and must not be over."
)
_WORSE_WORDS = (
    f"In the last {WORSE_DAYS} days of the record and since the twitching began, at least {WORSE_OBSERVED_DAYS} days "
    f"observed, {WORSE_SPAN_DAYS} days from the first to the last: at least {_percent(WORSE_PER_WEEK)} more a week and "
    "a 95 % interval all of which is a rise. Sure episodes only. The sizes are our choice: no figure was found."
)


def _weeks(days: int, weeks: int) -> str:
    return (
        f"At least {days} days from the first to the last with twitching, shown in {weeks} weeks or more and in most "
        "of the weeks between."
    )


RULES = (
    Rule(
        name="spread",
        urgent=False,
        title="Twitching reaches the eyelid or the mouth of the same side",
        advice=f"{SHOW} Make an appointment soon, and bring a clip of it.",
        threshold=f"In the {RECENT_DAYS} days up to the last sure episode: at least {SPREAD_EPISODES} sure episodes on "
        f"{SPREAD_DAYS} days or more, and {100 * SPREAD_SHARE:.0f} % of all, in which lid, upper lip or corner of the "
        f"mouth of one side moved with the nose and nothing on the other side did; {100 * SIDE_SHARE:.0f} % of such on "
        f"one side. Or an own entry of spread in the last {RECENT_DAYS} days of the record. Our choice: no figure was "
        "found.",
        source="; ".join((sources.SPREAD, sources.MAYO_TWITCH, sources.NHS_TWITCH, sources.LID_BROCHURE)),
        find=spread,
    ),
    Rule(
        name="one_sided_weeks",
        urgent=False,
        title="Twitching of one side for weeks",
        advice=SHOW,
        threshold=f"{_weeks(SIDED_DAYS, SIDED_WEEKS)} At least {100 * SIDE_SHARE:.0f} % of the sure episodes on one "
        f"side, and so many days led by it that equal sides give it with a probability of at most {SIDE_P:g} (exact "
        f"binomial); episodes count that are large enough to be found on either side. {_SURE_WORDS} {_FREE_WORDS}",
        source="; ".join((sources.MAYO_TWITCH, sources.NHS_TWITCH)),
        find=one_sided,
    ),
    Rule(
        name="persisting",
        urgent=False,
        title="Twitching for a month or more without a free period",
        advice=SHOW,
        threshold=f"{_weeks(LASTING_DAYS, LASTING_WEEKS)} {_SURE_WORDS} {_FREE_WORDS}",
        source="; ".join((sources.NHS_TWITCH, sources.MAYO_TWITCH)),
        find=persisting,
    ),
    Rule(
        name="rising_rate",
        urgent=False,
        title="Twitching becomes more frequent week by week",
        advice=SHOW,
        threshold=_WORSE_WORDS,
        source=sources.WORSE,
        find=rising_rate,
    ),
    Rule(
        name="rising_strength",
        urgent=False,
        title="Twitches become larger week by week",
        advice=SHOW,
        threshold=f"{_WORSE_WORDS} The size is that of the largest twitch of each episode, in mm of skin.",
        source=sources.WORSE,
        find=rising_strength,
    ),
)
