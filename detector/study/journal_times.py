"""When something was: what a person says of a time, as a moment with its offset, and what was taken for granted.

Only words with one meaning are taken. Days and months by name go through dateparser, which would also make something
of ``today 25:00`` or ``5``; so nothing reaches it that is not one of the forms below.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

from detector.errors import UsageError

SLACK = timedelta(minutes=1)  # a clock may be a little behind that of the computer which wrote a file
OLDEST_YEAR, NEWEST_YEAR = 1900, 2999
NOON = time(12)
FORMS = "write it like 2026-03-01 08:10, 22:30, yesterday 22:30, monday 8am or 20 min ago"

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d?:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?: ?(?:Z|[+-]\d\d:?\d\d(?::\d\d)?))?)?", re.I
)
_CLOCK = r"(?P<hour>\d{1,2})(?:[:h](?P<minute>\d\d)(?::(?P<second>\d\d))?)?\s?(?P<half>[ap]m)?"
_TIME = re.compile(rf"(?:^|[\s,]+)(?:at\s+)?(?:{_CLOCK}|(?P<noon>noon))$")
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|" \
         r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"  # fmt: skip
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?)"
_AGO = rf"(?:(?:\d+(?:\.\d+)?|an?)\s*{_UNIT}(?:,|\s|\band\b)*)+ago"
_DAY = re.compile(
    rf"today|tomorrow|yesterday|(?:the )?day before yesterday|(?:on )?{_WEEKDAY}|{_AGO}"
    rf"|(?:on )?(?:{_WEEKDAY},? )?(?:{_NTH}(?: of)? {_MONTH}|{_MONTH} {_NTH})\.?(?:,? \d{{4}})?"
)
_SHORT = re.compile(r"(?<![a-z])(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b")  # lengths that are no days
_SLASHED = re.compile(r"\d{1,4}[/.]\d{1,2}(?:[/.]\d{1,4})?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it is stored, and what was taken for granted on the way."""

    at: datetime  # with the offset of its zone
    zone: str = ""  # IANA name; empty when only the offset is known
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """ISO 8601 with offset, as fine as it is known."""
        exact = self.at.microsecond % 1000 == 0 and self.at.microsecond > 0
        return self.at.isoformat(timespec="milliseconds" if exact else "auto")


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a person's clock hangs; without rules, that of the computer by its own."""

    name: str = ""
    rules: tzinfo | None = None

    def local(self, moment: datetime) -> datetime:
        """A moment by this clock."""
        return moment.astimezone(self.rules)

    def readings(self, naive: datetime) -> list[datetime]:
        """The moments at which this clock shows ``naive``, earlier first: none, one or two."""
        found = {}
        for fold in (0, 1):
            moment = naive.replace(tzinfo=self.rules, fold=fold).astimezone(UTC)
            if self.local(moment).replace(tzinfo=None, fold=0) == naive:
                found[moment] = self.local(moment)
        return [found[moment] for moment in sorted(found)]


@functools.cache
def zone_named(name: str | None) -> Zone:
    """The zone of that IANA name; None or empty: that of this computer.

    Raises
    ------
    UsageError
        There is no such zone.
    """
    from zoneinfo import ZoneInfo, available_timezones

    if not name:
        return _own_zone()
    names = {known.casefold(): known for known in available_timezones()}
    known = names.get(name.strip().casefold())
    if known is None:
        import difflib

        wanted = name.strip().casefold().replace(" ", "_")
        cities = {key.rpartition("/")[2]: value for key, value in names.items()}
        near = difflib.get_close_matches(wanted, [*names, *cities], 1, 0.7)
        hint = f"did you mean {names.get(near[0]) or cities[near[0]]}?" if near else "write it like Europe/Berlin"
        raise UsageError(f"there is no time zone '{name}': {hint}")
    return Zone(known, ZoneInfo(known))


def _own_zone() -> Zone:
    from zoneinfo import ZoneInfo

    import tzlocal

    try:
        name = str(getattr(tzlocal.reload_localzone(), "key", "") or "")
        return Zone(name, ZoneInfo(name)) if name else Zone()
    except (ValueError, KeyError, OSError):  # a computer set by hand: its clock is right, only the name is not known
        return Zone()


def parse_moment(text: str | None, zone: Zone, now: datetime) -> Moment:
    """The moment that is meant by ``text``.

    Parameters
    ----------
    text : str or None
        None: now. A time of day alone is that of today, or of yesterday if it is still to come. A day alone
        is taken at noon, or now if that is earlier.
    zone : Zone
        In which ``text`` is read.
    now : datetime
        With its offset.

    Raises
    ------
    UsageError
        Nothing that has one meaning, a moment to come, or one that the clocks skipped.
    """
    said = " ".join(("now" if text is None else text).split())
    if not said:  # an unset variable of a script, which must not date a clip or an entry to this moment
        raise UsageError("the time that was given is empty: write it like 2026-03-01 08:10, or leave it out")
    moment = _iso(said, zone, now) if _ISO.fullmatch(said) else _words(said, zone, now)
    if moment.at > now + SLACK:
        shown = f"{moment.at:%Y-%m-%d %H:%M}"
        raise UsageError(f"'{said}' is still to come ({shown}): give a time that has been")
    if moment.at.year < OLDEST_YEAR:
        raise UsageError(f"'{said}' cannot be: the journal goes from {OLDEST_YEAR} to now")
    return moment


def parse_day_bound(text: str, zone: Zone, now: datetime) -> datetime:
    """A moment that limits a list; a day alone is its first moment, and it may be to come.

    Raises
    ------
    UsageError
        As for :func:`parse_moment`.
    """
    said = " ".join(text.split())
    if _ISO.fullmatch(said):
        return _iso(said, zone, now, day_at=time()).at
    return _words(said, zone, now, day_at=time()).at


def _iso(said: str, zone: Zone, now: datetime, day_at: time | None = None) -> Moment:
    try:
        day, clock = said[:10], said[11:].replace(",", ".").replace(" ", "")
        clock = f"0{clock}" if clock[1:2] == ":" else clock
        parsed = datetime.fromisoformat(f"{day}T{clock}".rstrip("T"))
    except ValueError as error:
        raise UsageError(f"there is no time '{said}': {FORMS}") from error
    if not OLDEST_YEAR <= parsed.year <= NEWEST_YEAR:
        raise UsageError(f"'{said}' cannot be: the journal goes from {OLDEST_YEAR} to now")
    if parsed.tzinfo is not None:
        return _with_offset(parsed, zone)
    return _at_day(parsed, zone, now, day_at) if len(said) == 10 else _on_clock(parsed, zone)


def _with_offset(moment: datetime, zone: Zone) -> Moment:
    """The moment is certain; the zone goes with it when that was its offset then, else only the offset is known."""
    local = zone.local(moment)
    if local.utcoffset() == moment.utcoffset():
        return Moment(local, zone.name)
    return Moment(moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta())), "")


def _words(said: str, zone: Zone, now: datetime, day_at: time | None = None) -> Moment:
    low = said.casefold()
    if low in ("now", "just now"):
        local = zone.local(now)
        return Moment(local.replace(microsecond=local.microsecond // 1000 * 1000), zone.name)
    low = re.sub(r"\bhalf an? hour\b", "30 min", low)
    low = re.sub(r"\b(\d+)h(\d+)(?:m|min)?\b(?= ago)", r"\1 h \2 min", low)
    if _SLASHED.search(low) and not low.endswith("ago"):
        raise UsageError(f"'{said}' can be read in several ways: write a day like 2026-03-01 and a time like 08:10")
    clock = None if low.endswith("ago") else _TIME.search(low)
    if clock and clock["hour"] and not clock["minute"] and not clock["half"]:
        clock = None  # the 1 of "march 1", or an hour that may be in the morning or in the evening
    day = low[: clock.start()].strip(" ,") if clock else low
    if day and not _DAY.fullmatch(day):
        raise UsageError(f"'{said}' is no time that has one meaning: {FORMS}")
    today = zone.local(now).replace(tzinfo=None, fold=0)
    if clock is None and _SHORT.search(day):
        # lengths count on through a change of the clocks
        at = zone.local(_resolved(day, said, now.astimezone(UTC).replace(tzinfo=None)).replace(tzinfo=UTC))
        return Moment(at.replace(microsecond=0), zone.name)
    date = _resolved(day, said, today) if day else today
    if clock is None:
        return _at_day(date, zone, now, day_at)
    naive = datetime.combine(date, _time_of(clock, said))
    if not day and not any(moment <= now + SLACK for moment in zone.readings(naive)):
        naive -= timedelta(days=1)
    return _on_clock(naive, zone)


def _time_of(clock: re.Match[str], said: str) -> time:
    if clock["noon"]:
        return NOON
    hour, half = int(clock["hour"]), clock["half"]
    try:
        if half and not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
        return time(hour, int(clock["minute"] or 0), int(clock["second"] or 0))
    except ValueError as error:
        raise UsageError(f"there is no time of day '{said}': write it like 08:10 or 10:30 pm") from error


def _resolved(day: str, said: str, base: datetime) -> datetime:
    """A day in words, or a length of time ago, against ``base``."""
    from dateparser.date import DateDataParser

    parser = DateDataParser(
        languages=["en"],
        settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past", "PARSERS": ["relative-time", "absolute-time"]},
    )
    try:
        found = parser.get_date_data(re.sub(r"\b(?:the|on) |(?<=\d)(?:st|nd|rd|th)\b|,", "", day)).date_obj
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is not None:
        raise UsageError(f"there is no time '{said}': {FORMS}")
    weekday = re.match(_WEEKDAY, day)
    if weekday and weekday[0][:3] != f"{found:%a}".casefold():
        raise UsageError(f"there is no '{said}': {found:%Y-%m-%d} is a {found:%A}")
    return found


def _at_day(day: datetime, zone: Zone, now: datetime, day_at: time | None) -> Moment:
    if day_at is not None:
        first = datetime.combine(day, day_at)
        while not zone.readings(first):  # the clocks may skip midnight
            first += timedelta(minutes=15)
        return Moment(zone.readings(first)[0], zone.name)
    moment = _on_clock(datetime.combine(day, NOON), zone)
    if moment.at > now and moment.at.date() == zone.local(now).date():
        return Moment(zone.local(now).replace(microsecond=0), zone.name, ("no time of day was given: now is taken",))
    return Moment(moment.at, zone.name, (*moment.remarks, "no time of day was given: 12:00 is taken"))


def _on_clock(naive: datetime, zone: Zone) -> Moment:
    """The moment at which the clock of the zone showed this."""
    moments = zone.readings(naive)
    where = zone.name or "the zone of this computer"
    shown = f"{naive:%Y-%m-%d %H:%M}"
    if not moments:
        raise UsageError(f"{shown} did not exist in {where}: the clocks were put forward over it, give another time")
    if len(moments) == 1:
        return Moment(moments[0], zone.name)
    first, second = (moment.isoformat()[-6:] for moment in moments)
    said = f"{shown} was twice in {where}: the earlier is taken ({first}); write {shown}{second} for the later"
    return Moment(moments[0], zone.name, (said,))
