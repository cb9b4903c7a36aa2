"""A made-up person: what they wrote down, when a camera watched them, in what light, and how often their nose twitched.

Nobody's data: every number is drawn by a seeded generator. The rates are an assumption of this story and no measurement
(how often a nose twitches is not known from anywhere); they are chosen so that each figure of a report has something to
show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

FIRST = date(2026, 1, 5)  # a Monday
DAYS = 91
SEED = 6  # the first with two flags, an experiment that tells a difference and a thing that goes with it
EXPERIMENT_FROM, EXPERIMENT_DAYS, BASELINE_DAYS = 56, 14, 14  # days since FIRST: the ninth and tenth week
COLD_FROM, COLD_DAYS = 33, 6
MAGNESIUM_FROM = 40
HAY_FEVER_FROM = 74
AWAY = range(22, 27)  # a journey: no camera
LAMP_FROM, LAMP_TO = 30, 48  # the desk lamp is broken: small twitches are missed
BASE_PER_H = 4.6  # episodes that happen, seen or not, after 7 h of sleep and 150 mg of caffeine
PER_100_MG, PER_HOUR_OF_SLEEP = 1.45, 0.80  # factors of that rate
LEFT_SHARE = 0.93
SIZE_MM, SIZE_SPREAD = 0.85, 0.42  # median of the true heights, and the standard deviation of their logarithm


@dataclass(frozen=True, slots=True)
class Watch:
    """One session: hour of the day it begins at, its length, and the size found half of the time."""

    hour: float
    length_s: float
    limit50_mm: float


@dataclass(frozen=True, slots=True)
class StoryDay:
    """One day: what the person did, how often twitches came, and when they were watched."""

    date: date
    sleep_h: float
    sleep_quality: int
    coffee_mg: tuple[float, ...]
    stress: float
    rate_per_h: float
    watches: tuple[Watch, ...]

    @property
    def caffeine_mg(self) -> float:
        """Of the whole day."""
        return sum(self.coffee_mg)


def tell(rng: np.random.Generator) -> list[StoryDay]:
    """The days of the story, in order."""
    return [_day(k, rng) for k in range(DAYS)]


def is_in(day: int, first: int, length: int) -> bool:
    """Whether day number ``day`` is one of ``length`` days from ``first`` on."""
    return first <= day < first + length


def _day(k: int, rng: np.random.Generator) -> StoryDay:
    day = FIRST + timedelta(days=k)
    workday = day.weekday() < 5
    sleep_h = float(np.clip(np.round(rng.normal(6.7 if workday else 7.9, 0.9) * 4.0) / 4.0, 4.0, 9.5))
    quality = int(np.clip(np.round(rng.normal(sleep_h - 3.6, 0.7)), 1, 5))
    cups = int(rng.poisson(2.3 if workday else 1.2))
    if is_in(k, EXPERIMENT_FROM, EXPERIMENT_DAYS):
        cups = 0
    stress = float(np.clip(np.round(rng.normal(4.5 if workday else 2.5, 1.5)), 0, 10))
    rate = BASE_PER_H * PER_100_MG ** (0.9 * cups - 1.5) * PER_HOUR_OF_SLEEP ** (sleep_h - 7.0)
    rate *= float(rng.gamma(15.0, 1.0 / 15.0))  # days differ beyond what was written down
    return StoryDay(
        day, sleep_h, quality, (90.0,) * cups, stress, rate, tuple(_watches(k, workday, rng)) if k not in AWAY else ()
    )


def _watches(k: int, workday: bool, rng: np.random.Generator) -> list[Watch]:
    if rng.random() > (0.9 if workday else 0.55):
        return []
    hours = [9.0] if workday else [10.5]
    if rng.random() < 0.45:
        hours.append(14.0 if workday else 16.0)
    if rng.random() < 0.2:
        hours.append(20.0)
    return [_watch(k, hour + float(rng.uniform(-0.6, 0.9)), rng) for hour in hours]


def _watch(k: int, hour: float, rng: np.random.Generator) -> Watch:
    limit = 0.48 * float(rng.lognormal(0.0, 0.08))
    if LAMP_FROM <= k < LAMP_TO:
        limit *= 1.75
    if hour > 18.0:
        limit *= 1.35  # lamplight
    return Watch(hour, float(np.round(rng.uniform(30.0, 85.0))) * 60.0, limit)
