"""Colors of the report by what they are for, in light and in dark; the figures name the role and never the color."""

from __future__ import annotations

import re

# Role: (light and print, dark). Sides are those of the overlay, blue left and orange right, from Okabe and Ito (apart
# for any color vision), darkened or lightened until they stand 3:1 against the page, and text 4.5:1 (WCAG 2.2).
ROLES: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14181d"),
    "panel": ("#f3f5f7", "#1d232a"),
    "ink": ("#1a2027", "#e8ecf0"),
    "muted": ("#535c66", "#a9b4bf"),
    "rule": ("#c9d0d7", "#3a444f"),
    "grid": ("#e6eaee", "#29313a"),
    "hatch": ("#9aa4ae", "#65717d"),
    "left": ("#00639c", "#5cb3e6"),
    "left-soft": ("#b9d9ec", "#1f4a66"),
    "right": ("#b34700", "#f29455"),
    "right-soft": ("#f3cfb3", "#6b3a17"),
    "middle": ("#5b5470", "#b9aee0"),
    "middle-soft": ("#d8d4e3", "#443d5c"),
    "accent": ("#00639c", "#5cb3e6"),
    "band": ("#e3ebdc", "#2a3a26"),
    "band-soft": ("#f1f5ee", "#1f2a1e"),
    "band-ink": ("#3c5a22", "#a8cf8a"),
    "urgent": ("#a4161a", "#ff8a8a"),
    "urgent-soft": ("#fdecec", "#3a1a1c"),
    "notice": ("#7a5200", "#e8bd5a"),
    "notice-soft": ("#fff6e0", "#33290f"),
    "link": ("#00527f", "#7cc4f0"),
    # of the calendar, from few to many, and the numbers on them
    "heat-0": ("#ffffff", "#14181d"),
    "heat-1": ("#dcebf5", "#1d3a4f"),
    "heat-2": ("#aed0e6", "#265877"),
    "heat-3": ("#6ea8cf", "#3b83ad"),
    "heat-4": ("#2f7ab0", "#67b3de"),
    "heat-5": ("#0b4570", "#b5e0f8"),
    "heat-text-0": ("#1a2027", "#e8ecf0"),
    "heat-text-1": ("#1a2027", "#e8ecf0"),
    "heat-text-2": ("#1a2027", "#ffffff"),
    "heat-text-3": ("#10151a", "#0c1014"),
    "heat-text-4": ("#ffffff", "#0c1014"),
    "heat-text-5": ("#ffffff", "#0c1014"),
}
# What a figure is drawn with: no color, but the number of a role, found again in the finished SVG.
_MARK = "#0f1e{:02x}"
_NAMES = list(ROLES)
_FIND = re.compile(r"#0f1e([0-9a-f]{2})")


def mark(role: str) -> str:
    """The stand-in for the color of a role."""
    return _MARK.format(_NAMES.index(role))


def with_variables(text: str) -> str:
    """The stand-ins as ``var(--role)``: for a page that follows the reader's choice of light or dark."""
    return _FIND.sub(lambda found: f"var(--{_NAMES[int(found[1], 16)]})", text)


def with_colors(text: str) -> str:
    """The stand-ins as light colors: for what knows no variables."""
    return _FIND.sub(lambda found: ROLES[_NAMES[int(found[1], 16)]][0], text)


def css_variables(dark: bool) -> str:
    """Declarations of all roles."""
    return "".join(f"--{role}:{colors[int(dark)]};" for role, colors in ROLES.items())
