"""Flags from the face itself in the video: corners of the mouth, eyes at rest and the closing of the lids.

Faces are not alike on both sides, and landmarks, cameras and the turn of the head add their part. What counts is
therefore a change against the same person's earlier sessions, larger than all the errors; or a difference so large that
people would notice it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from detector.record.entries import moment_of
from detector.study import flag_sources as sources
from detector.study.flag_facts import Facts
from detector.study.flag_rule import CALL, EMERGENCY, EMERGENCY_PAST, SHOW, Rule, Seen, count, listed, moment
from detector.study.flags_urgent import PAST_DAYS
from detector.types import BothSides, RestingFace

EARLIER = 3  # sessions before the change, on two days at least: fewer do not show how much they differ by themselves
ERRORS = 4.0  # times the standard error: hundreds of sessions and four quantities are looked at
SUDDEN_DAYS = 3.0  # weakness of the face is at its worst within 48 to 72 hours (MSD Manual)
LARGE_SESSIONS = 2  # on different days; one may have been a grimace
BLINKS = 10  # fewer closings of the lids say little
ONE_SIDED_SHARE = 0.5  # of the blinks; 2 of 113 in healthy people, 7 of 8 with one eye kept open


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measured on both sides."""

    name: str  # field of RestingFace
    label: str
    unit: str
    scale: float  # shown value for one of the measured
    change: float  # least change of left minus right that counts
    large: float  # least difference that counts without earlier sessions
    repeats: float  # by how much it differs between parts of one clip: the least spread between sessions


# Differences between the sides of a face are noticed from 3 mm at the corners of the mouth and 2 mm at the lids
# (PubMed 28200081); the landmarks read about three quarters of a lowered corner (0.70 to 0.82, docs/measurements.md;
# taken for the lids as well, where it was not measured). Healthy faces showed up to 1.5 and 0.6 mm. Parts of a clip
# agreed within 0.4 and 0.3 mm, the difference in closing was right to 0.05 and healthy people showed up to 0.08; a
# change of 0.25 is a third of a whole closing. Brows are left out: they are raised on one side at will.
MOUTH = Quantity("mouth_height_mm", "corner of the mouth", "mm", 1.0, 2.2, 3.0, 0.4)
EYE = Quantity("eye_open_mm", "opening of the eye", "mm", 1.0, 1.5, 2.0, 0.3)
CLOSING = Quantity("lid_closing", "closing of the lid", "%", 100.0, 0.25, 0.4, 0.05)


@dataclass(frozen=True, slots=True)
class Session:
    """The face of one session."""

    at: datetime
    face: RestingFace


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between the sides that is not what it was."""

    quantity: Quantity
    before: tuple[Session, ...]
    after: tuple[Session, ...]
    was: float
    now: float
    error: float

    @property
    def is_sudden(self) -> bool:
        """Whether it came between two sessions that are no more than three days apart."""
        apart = self.after[0].at - self.before[-1].at
        return apart.total_seconds() <= 86400.0 * SUDDEN_DAYS

    @property
    def text(self) -> str:
        """What was seen, with dates and errors."""
        unit, scale = self.quantity.unit, self.quantity.scale
        size = f"{scale * abs(self.now - self.was):.{0 if unit == '%' else 1}f} {unit}"
        error = f"{scale * self.error:.{0 if unit == '%' else 1}f} {unit}"
        return (
            f"{_change_words(self.quantity, self.now > self.was, size)} since the session of "
            f"{moment(self.after[0].at)} ({count(len(self.after), 'session')}), against "
            f"{count(len(self.before), 'earlier session')} up to {moment(self.before[-1].at)}; standard error {error}."
        )


def changed_suddenly(facts: Facts) -> Seen | None:
    """A change of mouth, eye or lid within three days."""
    seen = _changed([MOUTH, EYE, CLOSING], lambda change: change.is_sudden)(facts)
    if seen is None:
        return None
    past = (facts.today - seen.last).days > PAST_DAYS
    return Seen(seen.text, seen.first, seen.last, seen.evidence, EMERGENCY_PAST if past else EMERGENCY)


def large_difference(facts: Facts) -> Seen | None:
    """A difference between the sides that people would notice, in every one of the last sessions."""
    parts = [_large(facts, quantity) for quantity in (MOUTH, EYE, CLOSING)]
    return _joined([*parts, _one_sided_blinks(facts)])


def find_change(sessions: Sequence[Session], quantity: Quantity) -> Change | None:
    """The clearest lasting change of a quantity between earlier and later sessions; None without a clear one.

    Both are told by their medians. The error is that of either (which does not fall with the number of sessions: the
    turn of the head may deceive in all of them) together with the spread among the earlier.
    """
    rows = [(session, both) for session in sessions if (both := _both(session, quantity)) is not None]
    values = np.array([both.difference for _, both in rows])
    errors = np.array([both.error for _, both in rows])
    best: Change | None = None
    for k in range(EARLIER, len(rows)):
        before, after = tuple(row for row, _ in rows[:k]), tuple(row for row, _ in rows[k:])
        if len({session.at.date() for session in before}) < 2:
            continue
        was, now = float(np.median(values[:k])), float(np.median(values[k:]))
        spread = max(float(np.std(values[:k], ddof=1)), quantity.repeats)
        error = math.hypot(float(np.median(errors[:k])), float(np.median(errors[k:])), spread)
        change = Change(quantity, before, after, was, now, error)
        clear = abs(now - was) >= max(quantity.change, ERRORS * error)
        # the session at which it is said to begin must show it, and so must the last
        shown = min(abs(values[k] - was), abs(values[-1] - was)) >= quantity.change and (values[k] > was) == (now > was)
        if clear and shown and (best is None or abs(now - was) / error > abs(best.now - best.was) / best.error):
            best = change
    return best


def _sessions(facts: Facts) -> list[Session]:
    found = []
    for run in facts.history.runs:
        start = moment_of(run.session.start_utc, 0.0)
        if start is not None and run.session.resting is not None:
            at = start.astimezone(facts.history.zone)
            if at.date() <= facts.today:
                found.append(Session(at, run.session.resting))
    return sorted(found, key=lambda session: session.at)


def _both(session: Session, quantity: Quantity) -> BothSides | None:
    both: BothSides | None = getattr(session.face, quantity.name)
    if quantity is CLOSING and session.face.blinks < BLINKS:
        return None
    return both if both is not None and math.isfinite(both.difference) and math.isfinite(both.error) else None


def _changed(quantities: Sequence[Quantity], wanted: Callable[[Change], bool]) -> Callable[[Facts], Seen | None]:
    def find(facts: Facts) -> Seen | None:
        sessions = _sessions(facts)
        changes = [change for quantity in quantities if (change := find_change(sessions, quantity)) and wanted(change)]
        return _joined([Seen(change.text, change.after[0].at.date(), change.after[-1].at.date()) for change in changes])

    return find


def _joined(parts: Sequence[Seen | None]) -> Seen | None:
    seen = [part for part in parts if part is not None]
    if not seen:
        return None
    firsts, lasts = [part.first for part in seen], [part.last for part in seen]
    return Seen(" ".join(part.text for part in seen), min(firsts), max(lasts))


def _large(facts: Facts, quantity: Quantity) -> Seen | None:
    rows = [(session, both) for session in _sessions(facts) if (both := _both(session, quantity)) is not None]
    rows = rows[-LARGE_SESSIONS:]
    if len({session.at.date() for session, _ in rows}) < LARGE_SESSIONS:
        return None
    # all of one sign, and each past the limit by more than twice its error
    least = min((abs(both.difference) - 2.0 * both.error for _, both in rows), default=0.0)
    sign = {both.difference > 0.0 for _, both in rows}
    if len(sign) != 1 or min(abs(both.difference) for _, both in rows) < quantity.large or least <= 0.0:
        return None
    sizes = listed(
        f"{quantity.scale * abs(both.difference):.{0 if quantity.unit == '%' else 1}f} {quantity.unit}"
        f" +- {quantity.scale * both.error:.{0 if quantity.unit == '%' else 1}f} on {moment(session.at)}"
        for session, both in rows
    )
    text = f"{_difference_words(quantity, sign.pop())}: {sizes}. It may have been so for long."
    return Seen(text, rows[0][0].at.date(), rows[-1][0].at.date())


def _one_sided_blinks(facts: Facts) -> Seen | None:
    rows = [
        session
        for session in _sessions(facts)
        if session.face.one_sided_share is not None and session.face.blinks >= BLINKS
    ][-LARGE_SESSIONS:]
    shares = [session.face.one_sided_share or 0.0 for session in rows]
    if len({session.at.date() for session in rows}) < LARGE_SESSIONS or min(shares) < ONE_SIDED_SHARE:
        return None
    said = listed(
        f"{100.0 * share:.0f} % of {session.face.blinks} on {moment(session.at)}"
        for session, share in zip(rows, shares, strict=True)
    )
    text = f"In most blinks one lid closed much less than the other: {said}. It may have been so for long."
    return Seen(text, rows[0].at.date(), rows[-1].at.date())


def _change_words(quantity: Quantity, left: bool, size: str) -> str:
    side, other = ("left", "right") if left else ("right", "left")
    if quantity is MOUTH:
        return f"The {side} corner of the mouth lies {size} lower against the {other} than before,"
    if quantity is EYE:
        return f"The {other} eye is open {size} less against the {side} than before,"
    return f"In blinks the {other} lid closes {size} of the eye's opening less against the {side} than before,"


def _difference_words(quantity: Quantity, left: bool) -> str:
    side, other = ("left", "right") if left else ("right", "left")
    if quantity is MOUTH:
        return f"The {side} corner of the mouth lies lower than the {other}"
    if quantity is EYE:
        return f"The {other} eye is open less than the {side}"
    return f"In blinks the {other} lid closes less of the eye's opening than the {side}"


def _least(which: str) -> str:
    return listed(
        f"{quantity.scale * getattr(quantity, which):g} {quantity.unit} ({quantity.label})"
        for quantity in (MOUTH, EYE, CLOSING)
    )


_THRESHOLD = (
    f"The difference between left and right is not what it was in at least {EARLIER} earlier sessions on two days or "
    f"more, by at least {_least('change')} and {ERRORS:g} times its standard error, to which the spread of the earlier "
    f"sessions belongs; medians of all sessions before and after, and the last session still shows it. Blinks of "
    f"sessions with {BLINKS} or more. "
)
_SCALE = "Of 3 mm that people notice at the mouth and 2 mm at the lids the landmarks read about three quarters."
_WHEN = "Another camera or light can look like a change: look at the face in a mirror, show the teeth, close both eyes."
SUDDEN = Rule(
    name="sudden_change_seen",
    urgent=True,
    title="One side of the face changed within days, in the video",
    advice=EMERGENCY,
    threshold=f"{_THRESHOLD}The last session without and the first with it are at most {SUDDEN_DAYS:g} days apart. "
    f"{_SCALE} {_WHEN}",
    source="; ".join((sources.FAST, sources.FACIAL_WEAKNESS, sources.ASYMMETRY, sources.PASSED)),
    find=changed_suddenly,
)
RULES = (
    Rule(
        name="face_changed",
        urgent=False,
        title="One side of the resting face changed, in the video",
        advice=f"{SHOW} Make an appointment soon. If it came suddenly, {CALL} at once. {_WHEN}",
        threshold=f"{_THRESHOLD}The sessions between which it came are more than {SUDDEN_DAYS:g} days apart. {_SCALE}",
        source="; ".join((sources.NHS_TWITCH, sources.FACIAL_WEAKNESS, sources.ASYMMETRY)),
        find=_changed([MOUTH, EYE], lambda change: not change.is_sudden),
    ),
    Rule(
        name="lid_closes_less",
        urgent=False,
        title="One lid closes less than before, in the video",
        advice=f"{SHOW} Make an appointment soon: an eye that does not close dries out. If it came suddenly, {CALL} at "
        f"once. {_WHEN}",
        threshold=f"{_THRESHOLD}The sessions between which it came are more than {SUDDEN_DAYS:g} days apart.",
        source="; ".join((sources.FACIAL_WEAKNESS, sources.MAYO_TWITCH)),
        find=_changed([CLOSING], lambda change: not change.is_sudden),
    ),
    Rule(
        name="large_difference",
        urgent=False,
        title="Large difference between the sides of the face, in the video",
        advice=f"{SHOW} If it is new, make an appointment soon; if it came suddenly, {CALL} at once.",
        threshold=f"In each of the last {LARGE_SESSIONS} sessions that measured it, on different days, on the same "
        f"side: at least {_least('large')} and more than twice the standard error; or one lid closing less than 0.6 "
        f"of the other in {100 * ONE_SIDED_SHARE:.0f} % of {BLINKS} blinks or more (2 of 113 in people not known to "
        "be weak).",
        source=sources.ASYMMETRY,
        find=large_difference,
    ),
)
