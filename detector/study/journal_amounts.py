"""How much: what a person says of an amount, as a value in the kind's own unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from detector.errors import UsageError
from detector.study.journal_kinds import EntryKind, Preset

CUP_L = 0.24  # 21 CFR 101.9(b)(5)(viii): a cup of 8 fluid ounces is 240 ml on a label
FLUID_OUNCE_L = 0.0295735295625  # US customary, NIST Handbook 44
DECIMALS = 6  # a third of an hour needs no more

# unit -> what it measures, and how much of the first unit of that it is
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("mg", "milligram", "milligrams"), ("weight", 1.0)),
    **dict.fromkeys(("g", "gr", "gram", "grams"), ("weight", 1e3)),
    **dict.fromkeys(("kg",), ("weight", 1e6)),
    **dict.fromkeys(("ug", "mcg", "\u00b5g", "\u03bcg", "microgram", "micrograms"), ("weight", 1e-3)),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), ("volume", 1.0)),
    **dict.fromkeys(("dl",), ("volume", 0.1)),
    **dict.fromkeys(("cl",), ("volume", 0.01)),
    **dict.fromkeys(("ml", "milliliter", "milliliters"), ("volume", 0.001)),
    **dict.fromkeys(("cup", "cups", "glass", "glasses"), ("volume", CUP_L)),
    **dict.fromkeys(("floz", "fl oz", "oz"), ("volume", FLUID_OUNCE_L)),
    **dict.fromkeys(("min", "mins", "m", "minute", "minutes"), ("time", 1.0)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), ("time", 60.0)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), ("time", 1.0 / 60.0)),
    **dict.fromkeys(("d", "day", "days"), ("days", 1.0)),
    **dict.fromkeys(("puff", "puffs", "spray", "sprays"), ("puffs", 1.0)),
    **dict.fromkeys(("iu", "ie"), ("international units", 1.0)),
}
_NUMBER = r"\d+(?:[.,]\d+)?"
_NAMES = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
_AMOUNT = re.compile(rf"(?<![\w.,/-])({_NUMBER})\s*({_NAMES})(?![\w/])", re.I)
_LENGTH = re.compile(r"(?<![\w.,:-])(?:(\d+)\s*(?:h|hrs?|hours?)\s*(?:and\s*)?(\d{1,2})(?:\s*m(?:in)?s?(?:utes)?)?"
                     r"|(\d{1,2}):(\d\d))(?![\w:.,])", re.I)  # fmt: skip
_SCALE = re.compile(rf"({_NUMBER})\s*(?:(?:/|of|out of)\s*10)?(?:\s*[,:;]\s*|\s+|$)(.*)", re.I | re.S)
_COUNTS = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "half": 0.5, "half a": 0.5,
           "half an": 0.5, "double": 2.0, "single": 1.0}  # fmt: skip
_VESSEL = r"(?:(?:cups?|mugs?|cans?|glass|glasses|bottles?|shots?|bars?|servings?)\s+(?:of\s+)?)?"


@dataclass(frozen=True, slots=True)
class Amount:
    """A value in the kind's unit, the words that go with it, and how it was reckoned."""

    value: float | None
    text: str = ""
    remark: str = ""


def parse_amount(kind: EntryKind, said: str) -> Amount:
    """The amount in what a person wrote after the name of the kind, and the other words.

    Raises
    ------
    UsageError
        An amount in another unit, of an unknown size, more than can be true, or none where one is needed.
    """
    said = said.strip()
    if kind.amount == "none":
        return Amount(None, said)
    if kind.is_scale:
        return _of_scale(kind, said)
    served = _of_presets(kind, said)
    if served is not None:
        return served
    found = _lengths(said) if measure_of(kind) == "time" else []
    for match in _AMOUNT.finditer(said):
        if not any(first <= match.start() < last for (first, last), _, _ in found):  # the 7 h of 7 h 30 min
            found.append((match.span(), number_of(match[1]), match[2].casefold()))
    if len(found) > 1:
        raise UsageError(f"'{said}' names {len(found)} amounts: give one, and the rest with --note")
    if not found:
        return _without(kind, said)
    (start, end), number, unit = found[0]
    rest = f"{said[:start].strip()} {said[end:].strip()}".strip()
    return Amount(in_unit(kind, number, unit), re.sub(r"^of\s+", "", rest, flags=re.I))


def in_unit(kind: EntryKind, number: float, unit: str) -> float:
    """``number`` of ``unit`` in the kind's own unit.

    Raises
    ------
    UsageError
        Another kind of unit, or more or less than can be true.
    """
    unit = unit.strip()
    if kind.is_scale or not unit:
        if unit.casefold() not in ("", "0-10", "/10", "of 10"):
            raise UsageError(f"{kind.label} goes from 0 to 10 and has no unit '{unit}': write it like {kind.example}")
        if not kind.is_scale:
            # of a kind with servings the example is one of them, and has no unit
            shown = f"{kind.name} {kind.presets[0].value:g}{kind.unit}" if kind.presets else kind.example
            raise UsageError(f"{kind.label} {number:g} of what? Give the unit too, like {shown}")
        return checked(kind, number)
    measure, factor = UNITS.get(unit.casefold(), ("", 1.0))
    if measure != measure_of(kind):
        known = "in another kind of unit" if measure else "a unit that is not known"
        raise UsageError(
            f"'{unit}' is {known}: {kind.label} is counted in {kind.unit}"
            + (f", write it like {kind.example}" if kind.example else "")
        )
    own = UNITS[kind.unit][1]
    return checked(kind, number if factor == own else round(number * factor / own, DECIMALS))


def checked(kind: EntryKind, value: float) -> float:
    """``value``, if it can be true.

    Raises
    ------
    UsageError
        It cannot.
    """
    if kind.low <= value <= kind.high:
        return value
    if kind.is_scale:
        raise UsageError(f"{kind.label} goes from 0 to 10: {value:g} is outside")
    raise UsageError(
        f"{kind.label} of {value:g} {kind.unit} cannot be right: the journal takes {kind.low:g} to {kind.high:g} "
        f"{kind.unit} at once, check the number and its unit"
    )


def measure_of(kind: EntryKind) -> str:
    """What the kind's unit measures: ``weight``, ``volume``, ``time`` ...; empty for scales and words."""
    return UNITS[kind.unit][0] if kind.unit in UNITS else ""


def number_of(said: str) -> float:
    """A number with a dot or a comma before its decimals.

    Raises
    ------
    UsageError
        A comma before three digits, which may mean thousands.
    """
    if re.fullmatch(r"\d+,\d{3}", said):
        raise UsageError(f"'{said}' can be read in two ways: write {said.replace(',', '')} or {said.replace(',', '.')}")
    return float(said.replace(",", "."))


def _of_scale(kind: EntryKind, said: str) -> Amount:
    match = _SCALE.fullmatch(said)
    next_word = match[2].split(" ")[0].casefold() if match else ""
    if match and next_word not in UNITS:
        return Amount(checked(kind, number_of(match[1])), match[2].strip())
    if kind.amount == "needed" and next_word in UNITS:
        in_unit(kind, 0.0, next_word)
    glued = re.match(r"-?\d", said)
    if kind.amount == "needed" or (glued and not match):
        raise UsageError(f"{kind.label} needs a number from 0 to 10: write it like {kind.example}")
    return Amount(None, said)


def _of_presets(kind: EntryKind, said: str) -> Amount | None:
    for preset in kind.presets:
        names = "|".join(re.escape(name) for name in (preset.name.casefold(), *preset.aliases))
        name = rf"(?:{names})(?:s|es)?"
        low = " ".join(said.casefold().split())
        counts = "|".join(sorted(_COUNTS, key=len, reverse=True))
        match = re.fullmatch(rf"(?:({_NUMBER}|{counts})\s*(?:[x×*]\s*)?)?{_VESSEL}{name}", low)
        if match:
            count = _COUNTS[match[1]] if match[1] in _COUNTS else number_of(match[1] or "1")
            return _served(kind, preset, count)
        sized = re.fullmatch(rf"({_NUMBER})\s*({_NAMES})\s*(?:of\s+)?{name}", low)
        if sized and preset.serving:
            measure, factor = UNITS[sized[2]]
            if measure == UNITS[preset.serving_unit][0]:
                size = number_of(sized[1]) * factor / UNITS[preset.serving_unit][1]
                return _served(kind, preset, size / preset.serving, f"{sized[1]} {sized[2]} {preset.name}")
    return None


def _served(kind: EntryKind, preset: Preset, count: float, text: str = "") -> Amount:
    size = f" of {preset.serving:g} {preset.serving_unit}" if preset.serving else ""
    remark = f"{preset.name}{size}: about {preset.value:g} {kind.unit} ({preset.source})"
    text = text or (preset.name if count == 1.0 else f"{count:g} {preset.name}")
    return Amount(checked(kind, round(preset.value * count, DECIMALS)), text, remark)


def _lengths(said: str) -> list[tuple[tuple[int, int], float, str]]:
    found = []
    for match in _LENGTH.finditer(said):
        hours, minutes = (int(part) for part in match.groups() if part is not None)
        if minutes >= 60:
            raise UsageError(f"'{match[0]}' is no length of time: an hour has 60 minutes, write it like 7h30")
        found.append((match.span(), 60.0 * hours + minutes, "min"))
    return found


def _without(kind: EntryKind, said: str) -> Amount:
    number = re.fullmatch(rf"({_NUMBER})\s*([^\W\d]*)", said)
    if number and not kind.presets and (kind.amount == "needed" or not number[2]):
        in_unit(kind, number_of(number[1]), number[2])  # says what is wrong with it
    if kind.amount == "needed":
        what = (
            f"'{said}' is no amount of {kind.label} that is known" if said else f"the amount of {kind.label} is missing"
        )
        names = ", ".join(preset.name for preset in kind.presets)
        raise UsageError(
            f"{what}: write it in {kind.unit}, or like {kind.example}" + (f"; known are {names}" if names else "")
        )
    loose = re.search(rf"(?:^|\s)({_NUMBER})$", said)
    return Amount(None, said, f"{loose[1]} has no unit, so it is kept as part of the words" if loose else "")
