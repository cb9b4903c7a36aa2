"""Texts that people and files gave, as they go into files that other programs open: they do nothing there.

A note, the name of a clip or a log that somebody sent may hold what a spreadsheet runs as a formula or what moves the
cursor of a terminal.
"""

from __future__ import annotations

import json
import re
from typing import Any

# A spreadsheet runs a cell that begins with one of these, some also the wide forms of Japanese and Chinese:
# owasp.org/www-community/attacks/CSV_Injection. A cell begins too after a semicolon, a tab or an end of line, where
# the program that opens the file takes these for what parts the cells and passes over quotes inside one.
_RUNS = "=+\\-@\t\r\uff1d\uff0b\uff0d\uff20"
_DEFUSE = re.compile(f"(^|[;\t\r\n])(?='*[{_RUNS}])")
_UNDEFUSE = re.compile(f"(^|[;\t\r\n])'(?='*[{_RUNS}])")
# Control characters but for tab and line ends, and those that turn the direction of what follows (Unicode Cc, UAX #9).
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# the way such a character is written out, and the backslash of a text that happens to look so already
_WRITTEN = r"x(?:0[0-8bcef]|1[0-9a-f]|5c|7f|[89][0-9a-f])|u(?:202[a-e]|206[6-9])"
_LOOKS_WRITTEN = re.compile(rf"\\(?={_WRITTEN})")
_WRITTEN_OUT = re.compile(rf"\\({_WRITTEN})")
SAID = (
    "a text that begins with = + - @ tab or return, also after a semicolon, tab or line end in it, has an apostrophe "
    "before these; control characters and those that turn the direction are written out"
)


def defused(text: str) -> str:
    """``text`` as a cell that no spreadsheet runs, and that :func:`undefused` reads back."""
    return _DEFUSE.sub(r"\1'", text)


def undefused(cell: str) -> str:
    """The text that such a cell holds."""
    return _UNDEFUSE.sub(r"\1", cell)


def shown(text: str) -> str:
    r"""``text`` with control characters and those that turn its direction as ``\xNN`` or ``\uNNNN``."""
    text = _LOOKS_WRITTEN.sub(r"\\x5c", text)
    return _HIDDEN.sub(lambda found: f"\\x{ord(found[0]):02x}" if found[0] < "\u0100" else _escape(found), text)


def unshown(text: str) -> str:
    """The text that :func:`shown` has written out."""
    return _WRITTEN_OUT.sub(lambda found: chr(int(found[1][1:], 16)), text)


def json_text(value: Any, **options: Any) -> str:
    """A JSON document with the same values whose text moves no cursor: such characters are escaped in it."""
    return _HIDDEN.sub(_escape, json.dumps(value, ensure_ascii=False, allow_nan=False, **options))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
