"""The report as one HTML file that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources

from detector import __version__
from detector.record.harmless import shown
from detector.study import colors, figures_calendar, figures_parts, figures_timeline, figures_twitch, marks
from detector.study import report_tables as tables
from detector.study import report_words as words
from detector.study.figures import Picture, Table
from detector.study.figures_axes import day_words, short_date
from detector.study.flag_rule import ALWAYS
from detector.study.flag_words import flag_heading
from detector.study.flags import Flag
from detector.study.report_data import ReportData
from detector.tables import count_words

TITLE = "Twitches around the nose"
NO_ALL_CLEAR = "That does not mean that nothing is wrong: see a clinician about whatever worries you."


# Shapes tell urgent from not urgent without color: an octagon as of a stop sign, a triangle.
OCTAGON = (
    '<svg class="sign" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">'
    f'<path d="M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z" style="fill:{colors.mark("urgent")}"/>'
    f'<path d="M12 5v9M12 17v2.5" style="stroke:{colors.mark("paper")};stroke-width:3;fill:none"/></svg>'
)
TRIANGLE = (
    '<svg class="sign" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">'
    f'<path d="M12 2.5 22.5 21.5H1.5z" style="fill:none;stroke:{colors.mark("notice")};stroke-width:2.2"/>'
    f'<path d="M12 9v6M12 17v2" style="stroke:{colors.mark("notice")};stroke-width:2.2;fill:none"/></svg>'
)
# of "NHS, Twitching eyes and muscles (https://...): what it says; ..." the names
_NAMED = re.compile(r"([^;()]+?) \(https?://[^)]*\)")


@dataclass(frozen=True, slots=True)
class Key:
    """One of the figures at the top."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Told:
    """A sign and what it stands for; of a note, its day."""

    sign: str
    words: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A flag, and the short form of its sources for paper."""

    flag: Flag
    sources: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the template fills in, all of it plain text but the pictures."""

    title: str
    period: str
    made: str
    simulated: bool
    summary: str
    keys: tuple[Key, ...]
    flags: tuple[Sign, ...]
    flag_heading: str
    pictures: tuple[Picture, ...]
    bands: tuple[Told, ...]
    numbered: tuple[Told, ...]
    more_numbered: int
    kinds: tables.Kinds | None
    experiments: tuple[object, ...]
    triggers: tables.Triggers | None
    limit: str
    quality: tuple[str, ...]
    resting: Table | None
    journal: Table | None
    journal_sentence: str
    notes: tuple[tables.Note, ...]
    method: tuple[str, ...]
    always: str = ALWAYS
    no_all_clear: str = NO_ALL_CLEAR
    resting_note: str = field(default=tables.RESTING_NOTE)


def make_page(data: ReportData) -> Page:
    """What the page says, drawn and worded."""
    numbered, more = marks.numbered(data.history)
    bands = marks.bands(data.experiments)
    return Page(
        title=f"{TITLE}: {data.name}" if data.name else TITLE,
        period=words.period(data),
        made=short_date(data.made, year=True),
        simulated=data.simulated,
        summary=words.summary(data),
        keys=tuple(_keys(data)),
        flags=tuple(Sign(flag, "; ".join(_NAMED.findall(flag.source))) for flag in data.flags),
        flag_heading=flag_heading(data.flags),
        pictures=tuple(_pictures(data, numbered, bands)),
        bands=tuple(
            Told(chr(ord("A") + k % 26), f"{band.title}, {day_words(band.first, band.last)}")
            for k, band in enumerate(bands)
        ),
        numbered=tuple(Told(str(one.number), f"{short_date(one.date)}: {one.words}") for one in numbered),
        more_numbered=more,
        kinds=tables.kinds(data),
        experiments=data.experiments,
        triggers=tables.triggers(data),
        limit=words.limit(data),
        quality=tuple(words.quality(data)),
        resting=tables.resting(data),
        journal=tables.journal(data),
        journal_sentence=tables.journal_sentence(data),
        notes=tuple(tables.notes(data)),
        method=tuple(tables.method(data)),
    )


def render(page: Page, *, static: bool = False) -> str:
    """The page as HTML; ``static``: in light colors and without what is for screens only, to be printed."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    color = colors.with_colors if static else colors.with_variables

    def svg(text: str) -> Markup:
        return Markup(color(text))  # of our own making: matplotlib has escaped the words in it

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        loader=FunctionLoader(_resource),
        finalize=_unbroken,
    )
    template = environment.get_template("page.html.j2")
    signs = {True: OCTAGON, False: TRIANGLE}
    text = template.render(
        page=page, css=Markup(_css(static)), svg=svg, signs=signs, static=static, version=__version__
    )
    return shown(re.sub(r"\n\s*\n+", "\n", text))


def _unbroken(value: object) -> object:
    """Numbers stay with their percent sign."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _css(static: bool) -> str:
    light, dark = (f":root{{{colors.css_variables(shade)}}}\n" for shade in (False, True))
    page, printed = _resource("page.css"), _resource("print.css")
    page_rule, rest = printed[: printed.index("body {")], printed[printed.index("body {") :]
    if static:
        return _plain(light + page + page_rule + rest)
    print_colors = f"@media print {{ :root{{color-scheme:light;{colors.css_variables(False)}}}\n{rest}}}\n"
    return f"{light}@media (prefers-color-scheme: dark) {{ {dark}}}\n{page}{page_rule}{print_colors}"


def _plain(css: str) -> str:
    """Variables as the colors they stand for in light."""
    return re.sub(r"var\(--([\w-]+)\)", lambda found: colors.ROLES[found[1]][0], css)


def _resource(name: str) -> str:
    return (resources.files("detector.study") / "templates" / name).read_text(encoding="utf-8")


def _keys(data: ReportData) -> Iterator[Key]:
    history, episodes = data.history, data.episodes
    if history.observed_h <= 0.0:
        return
    watched = sum(rate.hours > 0.0 for rate in data.days)
    yield Key("Episodes an observed hour", words.number(episodes.per_hour),
              f"95 % interval {words.number(episodes.low)} to {words.number(episodes.high)}")  # fmt: skip
    yield Key(
        "Observed time", words.hours_words(history.observed_h), f"on {watched} of {count_words(len(data.days), 'day')}"
    )
    counts = {side: sum(found.logged.episode.side == side for found in history.found) for side in figures_parts.SIDES}
    if any(counts.values()):
        side = max(counts, key=lambda name: counts[name])
        name = {"both": "both sides", "midline": "midline"}.get(side, f"the {side}")
        yield Key("Most often on", name, f"{counts[side]} of {count_words(len(history.found), 'episode')}")
    if data.limits is not None:
        yield Key("Missed more often than not", f"under {data.limits.half_mm:.1f} mm", "detection limit, half the time")


def _pictures(data: ReportData, numbered: list[marks.Numbered], bands: list[marks.Band]) -> Iterator[Picture]:
    twitches = sum(found.twitches for found in data.history.found)
    made = (
        figures_calendar.calendar(data.days),
        figures_parts.by_hour(data.hours),
        figures_timeline.timeline(data.days, data.weeks, marks.rows(data.history), numbered, bands, data.day_limits),
        figures_parts.balance(data.history, data.days, data.weeks),
        figures_twitch.average_twitch(data.averages, twitches),
    )
    return (picture for picture in made if picture is not None)
