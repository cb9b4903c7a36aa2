"""Flags from what the person wrote down that can wait for an appointment: gradual weakness, sleep, medicines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from detector.study import flag_sources as sources
from detector.study.flag_facts import (
    AIMED_PER_HOUR,
    FALSE_PER_HOUR,
    Facts,
    busiest,
    by_day,
    gains_of,
    is_more,
    usual_rate,
)
from detector.study.flag_rule import CALL, SHOW, Rule, Seen, count, day, duration
from detector.study.flags_urgent import RULES as URGENT
from detector.study.flags_urgent import seen_entries
from detector.study.history import Day
from detector.study.ratio import rate_ratio

RECENT_DAYS = 30  # entries of the last month of the record; our choice
NIGHTS = 2  # one night may be anything; our choice
MEDICINE_DAYS = 28  # onset within four weeks of a new medicine, compared with the four before; our choice
MEDICINE_OBSERVED_DAYS = 3  # before it, and from the onset on: from fewer nothing is known
MEDICINE_EPISODES = 5  # from the onset on
MEDICINE_RATIO = 2.0  # the rate doubles at least
MEDICINE_P = 0.01  # of such a ratio were the rate the same, days varying as they do
BEFORE_GAIN = 3.0  # it began before the medicine if that is e^3 = 20 times likelier
CHANGES = {"started": "started", "dose": "changed in dose"}


@dataclass(frozen=True, slots=True)
class _Days:
    """So much twitching on some days."""

    days: tuple[Day, ...]

    @property
    def episodes(self) -> int:
        return sum(len(row.episodes) for row in self.days if row.is_observed)

    @property
    def hours(self) -> float:
        return sum(row.observed_s for row in self.days) / 3600.0

    @property
    def rate(self) -> float:
        return self.episodes / self.hours

    @property
    def observed(self) -> int:
        return sum(row.is_observed for row in self.days)

    @property
    def twitching(self) -> int:
        return sum(bool(row.episodes) for row in self.days if row.is_observed)

    @property
    def words(self) -> str:
        """``12 sure episodes in 3.0 h observed on 4 days``."""
        on_days = f"observed on {count(self.observed, 'day')}"
        return f"{count(self.episodes, 'sure episode')} in {duration(self.hours)} {on_days}"


def weakness_entered(facts: Facts) -> Seen | None:
    """Gradual and milder entries of weakness, of late; the others are urgent."""
    urgent = URGENT[0].find(facts)
    rows = facts.lately("weakness", "droop", "eye_closure", days=RECENT_DAYS)
    return None if urgent is not None or not rows else seen_entries(rows)


def in_sleep(facts: Facts) -> Seen | None:
    """Twitching that somebody saw in sleep, on several nights."""
    rows = facts.lately("sleep_twitch", days=RECENT_DAYS)
    nights = {row.at.date() for row in rows}
    if len(nights) < NIGHTS:
        return None
    return seen_entries(rows, (f"Twitching in sleep was written down on {count(len(nights), 'day')}.",))


def after_medicine(facts: Facts) -> Seen | None:
    """Twitching that began or rose after a medicine was started or changed in dose."""
    found = [
        (row, sides)
        for row in facts.written("medication")
        if row.entry.details.get("change") in CHANGES and (sides := _rise(facts, row.at.date())) is not None
    ]
    if not found:
        return None
    said = []
    for row, (before, after) in found:
        waited = (after.days[0].date - row.at.date()).days
        when = "from that day on" if not waited else f"from {count(waited, 'day')} later on"
        said.append(
            f"{row.entry.text or 'A medicine'} was {CHANGES[row.entry.details['change']]} on {day(row.at.date())}. In "
            f"the {MEDICINE_DAYS} days before: {before.words}; {when}, until {day(after.days[-1].date)}: {after.words}."
        )
    said.append("One came after the other: that does not say that it came of it.")
    return Seen(
        " ".join(said),
        min(row.at.date() for row, _ in found),
        max(after.days[-1].date for _, (_, after) in found),
    )


def _rise(facts: Facts, start: date) -> tuple[_Days, _Days] | None:
    """The days before ``start``, and those from the onset after it on; None when there is no onset within four weeks.

    The onset is where the run of days begins that a higher rate explains best. What began before is not looked for
    after it.
    """
    span = timedelta(days=MEDICINE_DAYS)
    before = _Days(tuple(row for row in facts.sure.days if start - span <= row.date < start))
    later = tuple(row for row in facts.sure.days if start <= row.date < start + 2 * span)
    if before.observed < MEDICINE_OBSERVED_DAYS or not any(row.is_observed for row in later):
        return None
    base = max(before.rate, AIMED_PER_HOUR)
    after, rate = _Days(later), usual_rate(*by_day(later))
    for _ in range(2):  # first with the rate of all days, then with that of the run
        first, last = busiest(gains_of(*by_day(later), rate, base)) if rate > base else (0, 0)
        if last == first:
            return None
        after = _Days(later[first:last])
        rate = after.rate
    earlier = np.cumsum(gains_of(*by_day(before.days), rate, base)[::-1])
    onset = after.days[0].date
    # all days from the onset on, not those that fit best
    after = _Days(tuple(row for row in facts.sure.days if onset <= row.date < onset + span))
    if onset >= start + span or earlier.max() > BEFORE_GAIN or not _is_rise(before, after):
        return None
    return before, after


def _is_rise(before: _Days, after: _Days) -> bool:
    """Whether the onset is more than the days before it explain, which vary, and than false alarms do."""
    enough = after.episodes >= MEDICINE_EPISODES and min(after.observed, after.twitching) >= MEDICINE_OBSERVED_DAYS
    if not enough or not is_more(after.episodes, after.hours, MEDICINE_P):
        return False
    ratio = rate_ratio(*by_day(before.days), *by_day(after.days))
    return ratio is not None and ratio.ratio >= MEDICINE_RATIO and ratio.p <= MEDICINE_P


_OWN = "our choice: no figure was found"
RULES = (
    Rule(
        name="weakness_entered",
        urgent=False,
        title="Weakness or drooping of the face, or trouble closing an eye",
        advice=f"{SHOW} Make an appointment soon; should it become worse suddenly, {CALL}.",
        threshold=f"An entry of weakness, drooping or trouble closing an eye in the last {RECENT_DAYS} days of the "
        f"record ({_OWN}) that is not urgent by the rule for sudden and severe ones.",
        source="; ".join((sources.NHS_TWITCH, sources.FACIAL_WEAKNESS)),
        find=weakness_entered,
    ),
    Rule(
        name="in_sleep",
        urgent=False,
        title="Twitching in sleep",
        advice=f"{SHOW} A video of it, made by who saw it, helps.",
        threshold=f"Entries of twitching in sleep on {NIGHTS} days or more within the last {RECENT_DAYS} days of the "
        f"record ({_OWN}). Twitching that is worse at rest raises nothing: harmless twitches come back at rest too.",
        source=sources.SLEEP,
        find=in_sleep,
    ),
    Rule(
        name="after_medicine",
        urgent=False,
        title="Twitching began or rose after a medicine was started or changed",
        advice="Ask whoever prescribed it, or a pharmacist, and show this. Do not stop a medicine or change its dose "
        "by yourself.",
        threshold=f"Within {MEDICINE_DAYS} days after a medicine was started or changed in dose a run of days begins, "
        f"against the {MEDICINE_DAYS} days before the medicine, with at least {MEDICINE_EPISODES} sure episodes on "
        f"{MEDICINE_OBSERVED_DAYS} days or more, "
        f"a rate at least {MEDICINE_RATIO:g} times as high (p at most {MEDICINE_P:g}, days varying as they do), more "
        f"than false alarms explain (tested against {FALSE_PER_HOUR:.1f} an observed hour), and at least "
        f"{MEDICINE_OBSERVED_DAYS} observed days on each side; it must not be {math.exp(BEFORE_GAIN):.0f} times "
        f"likelier that it began before the medicine. The times are {_OWN}.",
        source=sources.NHS_TWITCH,
        find=after_medicine,
    ),
)
