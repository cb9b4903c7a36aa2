"""Red flags as a table for the screen; nothing here decides."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from detector.study.flag_rule import ALWAYS, Flag
from detector.study.flags import RULES
from detector.terminal import plain


def flag_report(flags: Sequence[Flag], *, verbose: bool = False) -> Group:
    """Every flag with what was seen and what to do, urgent ones first and set apart; never a finding.

    Parameters
    ----------
    flags : sequence of Flag
        As :func:`~detector.study.flags.raise_flags` gives them.
    verbose : bool
        With the threshold and the source of each.
    """
    parts: list[RenderableType] = [Text(flag_heading(flags), style="bold")]
    for flag in flags:
        parts += [Text(""), *_flag(flag, verbose)]
    if not flags:
        parts.append(Text("That does not mean that nothing is wrong: see a clinician about whatever worries you."))
    return Group(*parts, Text(""), Text(ALWAYS, style="bold"))


def flag_heading(flags: Sequence[Flag]) -> str:
    """How many of the rules raised a flag."""
    urgent = sum(flag.urgent for flag in flags)
    if not flags:
        return f"No red flag is raised by this record ({len(RULES)} rules were asked)."
    words = "1 red flag is" if len(flags) == 1 else f"{len(flags)} red flags are"
    return f"{words} raised by this record ({len(RULES)} rules were asked)" + (f"; {urgent} urgent." if urgent else ".")


def _flag(flag: Flag, verbose: bool) -> list[RenderableType]:
    style = "bold red" if flag.urgent else "bold"
    lines = [
        Text(f"{'URGENT: ' if flag.urgent else ''}{plain(flag.title)}", style=style),
        Text(f"What to do: {plain(flag.advice)}", style="bold" if flag.urgent else ""),
        Text(f"What was seen: {plain(flag.seen)}"),
        *(Text(f"  {plain(line)}") for line in flag.evidence),
    ]
    if verbose:
        lines += [Text(f"Raised when: {flag.threshold}", style="dim"), Text(f"Source: {flag.source}", style="dim")]
    return list(lines)
