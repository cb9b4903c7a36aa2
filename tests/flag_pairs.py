"""For every red flag, records that must raise it and records near them that must not."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from datetime import date, timedelta

from detector.record.entries import JournalEntry
from detector.study.history import History
from detector.types import BothSides, Episode, RestingFace
from tests.histories import FIRST, entry, episode, history

TODAY = date(2026, 6, 1)
SURE = 0.97  # confidence of what is no false alarm
Build = Callable[[], History]


@dataclasses.dataclass(frozen=True)
class Pair:
    """One record that raises a flag and one that does not, in words and as they are made."""

    raised_by: str
    yes: Build
    not_by: str
    no: Build


def on(number: int) -> date:
    """Day ``number`` of the record, the first is 0."""
    return FIRST + timedelta(days=number)


def days(counts: list[int | None], **changes: object) -> History:
    """So many sure episodes a day; None: not observed."""
    return history(counts, **{"confidence": SURE, **changes})  # type: ignore[arg-type]


def sided(sides: list[str], per_day: int = 4, mm: float = 0.8, **changes: object) -> History:
    """A side for each day."""
    return history(
        {on(k): several(per_day, side=side, mm=mm) for k, side in enumerate(sides)},
        **changes,  # type: ignore[arg-type]
    )


def several(count: int, **changes: object) -> list[Episode]:
    """Sure episodes of one day, ten minutes apart."""
    made = {"confidence": SURE, **changes}
    return [episode(k + 1, 600.0 * k + 60.0, **made) for k in range(count)]  # type: ignore[arg-type]


def wide(sides: list[str], day_of: list[int], **changes: object) -> History:
    """Episodes with the lid or the mouth of their side, amid others."""
    found: dict[date, list[Episode]] = {on(k): several(3) for k in range(10)}
    for k, side in zip(day_of, sides, strict=True):
        made = {"confidence": SURE, "co_movement": f"orbicularis_oculi_lower_{side};zygomaticus_{side}", **changes}
        found[on(k)].append(episode(len(found[on(k)]) + 1, 3000.0 + k, side=side, **made))  # type: ignore[arg-type]
    return history(found)


def both(difference: float, error: float = 0.4, mean: float = 40.0) -> BothSides:
    """Left minus right as given."""
    right, left = mean - difference / 2.0, mean + difference / 2.0
    return BothSides(right, left, difference, min(right, left) / max(right, left), 0.5, error)


def face(
    mouth: float = 0.4, eye: float = 0.2, closing: float = 0.02, one_sided: float = 0.02, blinks: int = 20
) -> RestingFace:
    """A face at rest of these differences, mm and share."""
    return RestingFace(
        quiet_s=60.0, mouth_height_mm=both(mouth), mouth_reach_mm=both(0.0), eye_open_mm=both(eye, 0.15, 10.0),
        brow_height_mm=both(1.0), watched_s=300.0, blinks=blinks, blinks_per_minute=15.0,
        lid_closing=both(closing, 0.03, 0.75), one_sided_share=one_sided,
    )  # fmt: skip


def faces(rows: dict[int, RestingFace]) -> History:
    """A session on each of these days, without a twitch."""
    return history({on(k): 0 for k in rows}, runs={on(k): {"resting": row} for k, row in rows.items()})


def written(*entries: JournalEntry, counts: list[int | None] | None = None) -> History:
    """A record of journal entries."""
    return days([0] * 20 if counts is None else counts, journal=entries)


def medicine(day: int, before: list[int | None], after: list[int | None], change: str = "started") -> History:
    """A medicine on ``day``, and sure episodes by day, its own first among ``after``."""
    row = entry("medication", on(day), 7.0, text="drug X", value=20.0, details={"change": change})
    return days([*before, *after], journal=[row])


def rising(per_week: float, weeks: int = 6, seed: int = 1, size: bool = False) -> History:
    """Episodes, or their sizes, that rise by a factor each week, with the usual scatter."""
    chance = random.Random(seed)
    found: dict[date, list[Episode]] = {}
    for k in range(7 * weeks):
        factor = per_week ** (k / 7.0)
        count = 5 if size else sum(chance.random() < 4.0 * factor / 60.0 for _ in range(60))
        mm = [0.6 * (factor if size else 1.0) * chance.lognormvariate(0.0, 0.2) for _ in range(count)]
        found[on(k)] = [episode(n + 1, 55.0 * n, mm=value, confidence=SURE) for n, value in enumerate(mm)]
    return history(found)


def symptom(kind: str, number: int = 10, **fields: object) -> JournalEntry:
    """An entry of day ``number`` with ``value``, ``sudden`` and ``side`` of choice."""
    details = {name: fields.pop(name) for name in ("side", "sudden") if name in fields}
    return entry(kind, on(number), details=details, unit="0-10", **fields)


LEFT, RIGHT = "left", "right"
STEADY = {k: face(0.4 + 0.2 * (-1) ** k) for k in range(0, 12, 2)}

PAIRS: dict[str, list[Pair]] = {
    "sudden_weakness": [
        Pair(
            "one entry of weakness, left, sudden, severity 3",
            lambda: written(symptom("weakness", value=3.0, side=LEFT, sudden=True)),
            "the same, said to have come gradually",
            lambda: written(symptom("weakness", value=3.0, side=LEFT, sudden=False)),
        ),
        Pair(
            "drooping without any details",
            lambda: written(symptom("droop")),
            "drooping of severity 6, gradual, months ago",
            lambda: written(symptom("droop", -90, value=6.0, sudden=False)),
        ),
        Pair(
            "gradual drooping of severity 7",
            lambda: written(symptom("droop", value=7.0, sudden=False)),
            "an entry that says none (severity 0)",
            lambda: written(symptom("droop", value=0.0)),
        ),
        Pair(
            "an eye that suddenly cannot be closed",
            lambda: written(symptom("eye_closure", side=RIGHT, sudden=True)),
            "trouble closing an eye of severity 6, not sudden",
            lambda: written(symptom("eye_closure", side=RIGHT, value=6.0)),
        ),
    ],
    "sudden_change_seen": [
        Pair(
            "the left corner of the mouth 3 mm lower from one day to the next",
            lambda: faces(STEADY | {12: face(3.4), 13: face(3.6)}),
            "2 mm lower",
            lambda: faces(STEADY | {12: face(2.4), 13: face(2.4)}),
        ),
        Pair(
            "one lid closes 35 % less from one day to the next",
            lambda: faces(STEADY | {12: face(closing=0.37)}),
            "the same with 6 blinks",
            lambda: faces(STEADY | {12: face(closing=0.37, blinks=6)}),
        ),
        Pair(
            "3 mm lower, three days after the last session",
            lambda: faces(STEADY | {13: face(3.4), 14: face(3.4)}),
            "3 mm lower, four days after it",
            lambda: faces(STEADY | {14: face(3.4), 15: face(3.4)}),
        ),
    ],
    "severe_headache": [
        Pair(
            "headache of severity 7",
            lambda: written(symptom("headache", value=7.0)),
            "headache of severity 6",
            lambda: written(symptom("headache", value=6.0)),
        ),
        Pair(
            "a sudden headache without severity",
            lambda: written(symptom("headache", sudden=True)),
            "a headache without severity",
            lambda: written(symptom("headache")),
        ),
    ],
    "vision_or_hearing": [
        Pair(
            "change of vision of severity 1",
            lambda: written(symptom("vision", value=1.0)),
            "an entry that says none (severity 0)",
            lambda: written(symptom("vision", value=0.0)),
        ),
        Pair(
            "change of hearing, gradual",
            lambda: written(symptom("hearing", sudden=False)),
            "a headache of severity 2 in its place",
            lambda: written(symptom("headache", value=2.0)),
        ),
    ],
    "numbness_or_dizziness": [
        Pair(
            "mild numbness amid days with twitching",
            lambda: written(symptom("numbness", value=2.0), counts=[4] * 20),
            "mild numbness amid days with one false alarm each",
            lambda: written(symptom("numbness", value=2.0), counts=[1] * 20),
        ),
        Pair(
            "sudden dizziness, nothing observed",
            lambda: written(symptom("dizziness", sudden=True), counts=[]),
            "mild dizziness ten days after the twitching ended",
            lambda: written(symptom("dizziness", 30, value=3.0), counts=[4] * 20 + [0] * 20),
        ),
    ],
    "weakness_entered": [
        Pair(
            "gradual drooping of severity 2, 29 days before the end",
            lambda: written(symptom("droop", 0, value=2.0, sudden=False), counts=[0] * 30),
            "the same, 31 days before the end",
            lambda: written(symptom("droop", 0, value=2.0, sudden=False), counts=[0] * 32),
        ),
        Pair(
            "trouble closing an eye, not sudden",
            lambda: written(symptom("eye_closure", value=4.0)),
            "sudden: that is the urgent flag",
            lambda: written(symptom("eye_closure", value=4.0, sudden=True)),
        ),
    ],
    "face_changed": [
        Pair(
            "the left corner 3 mm lower after a month without sessions",
            lambda: faces(STEADY | {40: face(3.4), 42: face(3.4)}),
            "2 mm lower after it",
            lambda: faces(STEADY | {40: face(2.4), 42: face(2.4)}),
        ),
        Pair(
            "the right eye opens 2 mm less after two weeks",
            lambda: faces(STEADY | {26: face(eye=2.2), 28: face(eye=2.2)}),
            "one such session, and as before in the last",
            lambda: faces(STEADY | {26: face(eye=2.2), 28: face()}),
        ),
        Pair(
            "3 mm against three earlier sessions",
            lambda: faces({0: face(), 2: face(0.5), 4: face(), 30: face(3.4)}),
            "3 mm against two",
            lambda: faces({0: face(), 2: face(0.5), 30: face(3.4)}),
        ),
        Pair(
            "3 mm where earlier sessions differ by 0.2 mm",
            lambda: faces(STEADY | {30: face(3.4)}),
            "3 mm where earlier sessions differ by 1 mm",
            lambda: faces({k: face(0.4 + (-1) ** (k // 2)) for k in range(0, 12, 2)} | {30: face(3.4)}),
        ),
    ],
    "lid_closes_less": [
        Pair(
            "one lid closes 30 % less after two weeks",
            lambda: faces(STEADY | {26: face(closing=0.32), 28: face(closing=0.32)}),
            "20 % less",
            lambda: faces(STEADY | {26: face(closing=0.22), 28: face(closing=0.22)}),
        ),
    ],
    "large_difference": [
        Pair(
            "3.2 mm between the corners of the mouth in two sessions",
            lambda: faces({0: face(3.2), 1: face(3.3)}),
            "3.2 and 2.8 mm",
            lambda: faces({0: face(3.2), 1: face(2.8)}),
        ),
        Pair(
            "3.2 mm in two sessions",
            lambda: faces({0: face(3.2), 1: face(3.2)}),
            "in one session",
            lambda: faces({0: face(3.2)}),
        ),
        Pair(
            "one lid closes much less in half of 20 blinks, twice",
            lambda: faces({0: face(one_sided=0.5), 1: face(one_sided=0.5)}),
            "in 40 % of them",
            lambda: faces({0: face(one_sided=0.4), 1: face(one_sided=0.4)}),
        ),
    ],
    "spread": [
        Pair(
            "the left lid and cheek with the nose, 4 episodes on 2 days",
            lambda: wide([LEFT] * 4, [3, 3, 8, 8]),
            "4 episodes on 1 day",
            lambda: wide([LEFT] * 4, [8] * 4),
        ),
        Pair(
            "4 episodes, all of the left",
            lambda: wide([LEFT] * 4, [3, 4, 5, 6]),
            "2 of the left and 2 of the right",
            lambda: wide([LEFT, RIGHT] * 2, [3, 4, 5, 6]),
        ),
        Pair(
            "nose, lid and mouth together by kind",
            lambda: wide([LEFT] * 4, [3, 4, 5, 6], co_movement="", kind="hemifacial_spasm_like"),
            "the other side's lid with them",
            lambda: wide(
                [LEFT] * 4, [3, 4, 5, 6], co_movement="orbicularis_oculi_lower_left;orbicularis_oculi_lower_right"
            ),
        ),
        Pair(
            "4 sure episodes",
            lambda: wide([LEFT] * 4, [3, 4, 5, 6]),
            "4 unsure ones",
            lambda: wide([LEFT] * 4, [3, 4, 5, 6], confidence=0.85),
        ),
        Pair(
            "an own entry of spread",
            lambda: written(symptom("spread", side=LEFT)),
            "an own entry of spread 40 days before the end",
            lambda: written(symptom("spread", 0, side=LEFT), counts=[0] * 41),
        ),
    ],
    "one_sided_weeks": [
        Pair("left on 22 days", lambda: sided([LEFT] * 22), "left on 20 days", lambda: sided([LEFT] * 20)),
        Pair(
            "left on 24 of 28 days, right on 4",
            lambda: sided([LEFT, LEFT, LEFT, RIGHT, LEFT, LEFT, LEFT] * 4),
            "left and right by turns",
            lambda: sided([LEFT, RIGHT] * 14),
        ),
        Pair(
            "left for four weeks",
            lambda: sided([LEFT] * 28),
            "left for two weeks, then right for two",
            lambda: sided([LEFT] * 14 + [RIGHT] * 14),
        ),
        Pair(
            "left, and the right side watched as well",
            lambda: sided([LEFT] * 28),
            "left, but the right side too poorly seen to find such twitches",
            lambda: sided(
                [LEFT] * 28,
                runs={on(k): {"limit50_mm": {"nasalis_alar_left": 0.5, "nasalis_alar_right": 1.2}} for k in range(28)},
            ),
        ),
        Pair(
            "left on 28 days",
            lambda: sided([LEFT] * 28),
            "left on 28 days, a week without in the middle",
            lambda: days([4] * 14 + [0] * 7 + [4] * 14),
        ),
        Pair(
            "left, 4 an hour",
            lambda: sided([LEFT] * 28),
            "left, 1 an hour: as many as false alarms",
            lambda: sided([LEFT] * 28, per_day=1),
        ),
    ],
    "persisting": [
        Pair("31 days", lambda: days([4] * 31), "29 days", lambda: days([4] * 29)),
        Pair(
            "40 days, 5 of them in a row without",
            lambda: days([4] * 18 + [0] * 5 + [4] * 17),
            "40 days, 7 of them in a row without",
            lambda: days([4] * 17 + [0] * 7 + [4] * 16),
        ),
        Pair(
            "40 days, a week of them not observed",
            lambda: days([4] * 17 + [None] * 7 + [4] * 16),
            "40 days of which the three weeks in the middle were not observed",
            lambda: days([4] * 10 + [None] * 21 + [4] * 9),
        ),
        Pair(
            "an hour a day with 4 sure episodes",
            lambda: days([4] * 35),
            "an hour a day with 6 unsure ones, as false alarms are at normal sensitivity",
            lambda: days([6] * 35, confidence=0.6),
        ),
        Pair(
            "five weeks of twitching after a free one",
            lambda: days([0] * 7 + [4] * 35),
            "five weeks of twitching before a free one",
            lambda: days([4] * 35 + [0] * 7),
        ),
        Pair(
            "both sides by turns for 35 days",
            lambda: sided([LEFT, RIGHT] * 18),
            "35 days with one false alarm each",
            lambda: days([1] * 35),
        ),
    ],
    "in_sleep": [
        Pair(
            "seen in sleep on two nights",
            lambda: written(symptom("sleep_twitch", 3), symptom("sleep_twitch", 9)),
            "on one night, written down twice",
            lambda: written(symptom("sleep_twitch", 3), symptom("sleep_twitch", 3, side=LEFT)),
        ),
        Pair(
            "two nights within 30 days",
            lambda: written(symptom("sleep_twitch", 1), symptom("sleep_twitch", 30), counts=[0] * 31),
            "two nights 31 days apart",
            lambda: written(symptom("sleep_twitch", 0), symptom("sleep_twitch", 31), counts=[0] * 32),
        ),
    ],
    "after_medicine": [
        Pair(
            "free for 14 days, a medicine, twitching from the third day on",
            lambda: medicine(14, [0] * 14, [0, 0, *[4] * 14]),
            "twitching from three days before the medicine on",
            lambda: medicine(14, [*[0] * 11, *[4] * 3], [4] * 14),
        ),
        Pair(
            "a new dose, and twice as much after it",
            lambda: medicine(14, [3] * 14, [7] * 14, "dose"),
            "half as much again after it",
            lambda: medicine(14, [4] * 14, [6] * 14, "dose"),
        ),
        Pair(
            "a week observed before it",
            lambda: medicine(21, [0] * 7 + [None] * 14, [4] * 14),
            "nothing observed before it",
            lambda: medicine(0, [], [4] * 14),
        ),
        Pair(
            "started",
            lambda: medicine(14, [0] * 14, [4] * 14),
            "taken, as every day",
            lambda: medicine(14, [0] * 14, [4] * 14, "taken"),
        ),
        Pair(
            "twitching within four weeks of it",
            lambda: medicine(14, [0] * 14, [0] * 20 + [4] * 14),
            "twitching five weeks after it",
            lambda: medicine(14, [0] * 14, [0] * 35 + [4] * 14),
        ),
    ],
    "rising_rate": [
        Pair("a rate that rises by 25 % a week", lambda: rising(1.25), "a steady rate", lambda: rising(1.0)),
        Pair(
            "six weeks of it",
            lambda: rising(1.25),
            "ten days of it: the interval is wide",
            lambda: history({day: list(row) for day, row in _cut(rising(1.25), 10).items()}),
        ),
        Pair(
            "a rise of 25 %",
            lambda: rising(1.25),
            "twitching that began four weeks ago and is steady",
            lambda: days([0] * 28 + [4, 5, 3, 4] * 7),
        ),
        Pair(
            "a rise of 25 %",
            lambda: rising(1.25),
            "a certain rise of 5 %, too small to count",
            lambda: days([round(40 * 1.05 ** (k / 7)) for k in range(42)]),
        ),
    ],
    "rising_strength": [
        Pair(
            "sizes that rise by 15 % a week",
            lambda: rising(1.15, size=True),
            "by 4 %",
            lambda: rising(1.04, size=True),
        ),
    ],
}


def _cut(whole: History, length: int) -> dict[date, list[Episode]]:
    return {day.date: [found.logged.episode for found in day.episodes] for day in whole.days[:length]}
