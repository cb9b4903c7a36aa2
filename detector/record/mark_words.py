"""What other programs and people write: times with and without units, and labels, in words of ours."""

from __future__ import annotations

import math
import re
from typing import NamedTuple, get_args

from detector.types import ORDINARY_KINDS, Kind

ANY = "*"
_MISSING = ("", "n/a", "na", "nan", "none", "null")  # the first of BIDS
_UNITS_S = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "milliseconds": 1e-3}
_UNITS_S |= {"us": 1e-6, "min": 60.0, "minutes": 60.0}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*([a-z]*)", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right", "both": "both", "bilateral": "both"}
_SIDES |= {"midline": "midline"}
# Kinds by the words of the field; an empty kind is a twitch of which no more is said.
_KINDS: dict[str, str] = {name: name for name in (*get_args(Kind), *ORDINARY_KINDS)} | {
    "": "", "twitch": "", "twitches": "", "jerk": "", "flutter": "", "episode": "", "undetermined": "",
    "fasciculation": "fasciculation_like", "fasciculations": "fasciculation_like", "myokymia": "fasciculation_like",
    "spasm": "hemifacial_spasm_like", "hemifacial_spasm": "hemifacial_spasm_like",
    "tic": "tic_like", "synkinesis": "synkinesis_like", "eyeblink": "blink", "blinks": "blink", "talking": "speech",
    "speaking": "speech", "smile": "expression", "head_movement": "head_motion", "artifact": "artefact",
}  # fmt: skip


class Meaning(NamedTuple):
    """What a label says."""

    kind: str  # of ours; empty: a twitch
    side: str  # empty: not said


def meaning_of(label: str) -> Meaning | None:
    """Of ``Twitch, left`` or ``hemifacial spasm``; None when it is not understood."""
    words = [word for word in re.split(r"[^a-z0-9]+", label.lower()) if word]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    kind = _KINDS.get("_".join(word for word in words if word not in _SIDES))
    return None if kind is None else Meaning(kind, side)


def is_missing(text: str) -> bool:
    """Whether a cell says that nothing is known."""
    return text.strip().lower() in _MISSING


def unit_of(column: str) -> tuple[str, float]:
    """A column such as ``onset_ms`` or ``End (s)`` without unit, spaces and case, and the seconds of its unit."""
    name = column.lower().replace("hh:mm:ss.ms", "").strip(" -")  # as ELAN exports it
    found = re.fullmatch(r"(.+?)(?:[\s_-]*[(\[]\s*([a-z]+)\s*[)\]]|[\s_-]+([a-z]+))", name)
    unit = "" if found is None else found[2] or found[3]
    if found is None or unit not in _UNITS_S:
        return _bare(name), 1.0
    return _bare(found[1]), _UNITS_S[unit]


def seconds_of(text: str, unit_s: float = 1.0) -> float:
    """Of ``12.5``, ``12,5 s``, ``12500 ms``, ``0:12.5`` or ``00:00:12.500``; a bare number is in ``unit_s``.

    Raises
    ------
    ValueError
        It is no time.
    """
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in clock.groups())
        if seconds >= 60.0 or (clock[1] is not None and minutes >= 60.0):
            raise ValueError(text)
        return 3600.0 * hours + 60.0 * minutes + seconds
    number = _NUMBER.fullmatch(text)
    if number is None or (number[2] and number[2].lower() not in _UNITS_S):
        raise ValueError(text)
    value = float(number[1].replace(",", ".")) * (_UNITS_S[number[2].lower()] if number[2] else unit_s)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
