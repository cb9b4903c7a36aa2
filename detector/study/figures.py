"""Pictures of the report: how one is drawn with matplotlib and becomes SVG inside a page.

Words stay words, so that they can be read aloud, searched and copied; ids carry the name of the figure, because all
stand in one page; colors are stand-ins (:mod:`detector.study.colors`). The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from detector.study.colors import mark

# Points. Two narrow ones fit beside each other on A4 with 12 mm margins, and one fills a phone at full size.
NARROW_PT, WIDE_PT = 252.0, 527.0
TEXT_PT = 8.0
FONTS = "'Helvetica Neue', Arial, 'Liberation Sans', Roboto, 'DejaVu Sans', sans-serif"
_STYLE = {
    "svg.fonttype": "none",
    "font.size": TEXT_PT,
    "axes.titlesize": TEXT_PT,
    "text.parse_math": False,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2.5,
    "ytick.major.pad": 2.5,
    "axes.labelpad": 2.5,
    "hatch.linewidth": 1.0,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "path.simplify": False,
}
_ROLES = {
    "text.color": "ink", "axes.labelcolor": "ink", "axes.edgecolor": "muted", "axes.titlecolor": "ink",
    "xtick.color": "muted", "ytick.color": "muted", "xtick.labelcolor": "ink", "ytick.labelcolor": "ink",
    "grid.color": "grid", "hatch.color": "hatch",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to be read, the first cell of each its name."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of the page.

    Attributes
    ----------
    key : str
        Its name in the page, e.g. ``hours``.
    title : str
        What it is about.
    says : str
        What is to be seen in it, in a sentence, for who cannot see it.
    how : str
        How to read it.
    svg : str
        With stand-ins for colors.
    svg_phone : str
        The same drawn for a narrow screen; empty when ``svg`` is that already.
    table : Table or None
        Its numbers.
    """

    key: str
    title: str
    says: str
    how: str
    svg: str
    svg_phone: str = ""
    table: Table | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it takes the whole width of a page."""
        return bool(self.svg_phone)


def draw(
    key: str, says: str, width_pt: float, height_pt: float, paint: Callable[[Any], None], *, title: str = ""
) -> str:
    """``paint`` is given the matplotlib figure; the SVG that comes of it can stand in a page beside others."""
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[str, Any] = {**_STYLE, **{name: mark(role) for name, role in _ROLES.items()}, "svg.hashsalt": key}
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever the user has set for figures of their own
        matplotlib.rcParams.update(style)  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts draw the words
        figure = Figure(figsize=(width_pt / 72.0, height_pt / 72.0), layout="constrained")
        paint(figure)
        data = io.BytesIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(data, format="svg", metadata=nothing, transparent=True)
    return _for_a_page(data.getvalue().decode("utf-8"), key, title, says)


def _for_a_page(svg: str, key: str, title: str, says: str) -> str:
    svg = svg[svg.index("<svg") :]
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr]
    body = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.S)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r"font-family: [^;\"]*(; )?", "", body)
    body = body.replace("xlink:href=", "href=").replace(' transform="rotate(-0 ', ' data-rotate="(')
    body = re.sub(r' data-rotate="[^"]*"', "", body)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r"-?\d+\.\d{3,}", _short, body)
    body = re.sub(r"\s*\n\s*", " ", body)
    body = re.sub(r"> <", "><", body)
    named = f'role="img" aria-labelledby="{key}-t {key}-d"' if title else f'role="img" aria-label="{escape(says)}"'
    words = f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(says)}</desc>' if title else ""
    return (
        f'<svg {named} viewBox="0 0 {width} {height}" width="{width}pt" height="{height}pt" font-family="{FONTS}" '
        f'stroke-linejoin="round">{words}{body.strip()}</svg>'
    )


def _short(found: re.Match[str]) -> str:
    # a hundredth of a point is far below what any screen or printer shows
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
