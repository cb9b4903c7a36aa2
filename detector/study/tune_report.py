"""What ``nasalis tune`` found, in tables, sentences and JSON; nothing here counts or decides."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from detector.config import FALSE_ALARMS_PER_HOUR, THRESHOLDS
from detector.study.kappa import Kappa
from detector.study.ladder import RUNGS
from detector.study.tune_run import REVIEWS, Tuned
from detector.study.tuning import Interval, Point
from detector.tables import count_words, data_table
from detector.terminal import plain

SHOWN = RUNGS[::2]  # in the table; JSON and plot have all


def report(tuned: Tuned) -> RenderableType:
    """The curve, the proposal, and how far people and program agree."""
    parts: list[RenderableType] = []
    if tuned.proposal is not None:
        named = {threshold: name for name, threshold in THRESHOLDS.items()}
        wanted = {*SHOWN, tuned.proposal.threshold}
        rows = [point for point in tuned.points if point.threshold in wanted or point.threshold in named]
        columns = ("=at", ">found", "=recall, %", ">false", "=precision, %", "=false an hour", "")
        parts += [data_table(columns, [_row(tuned, point, named) for point in rows]), Text("")]
    parts += [Text(line) for line in sentences(tuned)]
    if tuned.agreement:
        raters = ("=1st", "=2nd", ">both", ">only 1st", ">2nd", ">neither", "=kappa (95 %)", "of")
        parts += [Text(""), data_table(raters, [_kappa_row(kappa) for kappa in tuned.agreement])]
    return Group(*parts)


def sentences(tuned: Tuned) -> list[str]:
    """What was counted over, the proposal, and how sure it is."""
    proposal = tuned.proposal
    if proposal is None:
        return []
    unseen = f"; {tuned.unseen} more while nothing was observed" if tuned.unseen else ""
    lines = [
        f"{count_words(len(tuned.recordings), 'recording')}, {_hours(tuned.observed_h)} observed, "
        f"{_hours(tuned.quiet_h)} of it away from twitches; {count_words(tuned.twitches, 'twitch')}{unseen}. "
        "In brackets: 95 % intervals."
    ]
    if any(recording.labels == REVIEWS for recording in tuned.recordings):
        lines.append("Recall is of what was found and confirmed: a twitch that the program never found is not in it.")
    asked = f"{proposal.asked_per_hour:g} false alarms per observed hour"
    if proposal.threshold is None:
        return [*lines, f"No threshold is proposed for {asked}: {proposal.reason}."]
    expected, reach = proposal.expected_per_hour, proposal.range
    assert expected is not None and reach is not None
    said = (
        f"Proposed for {asked}: --threshold {proposal.threshold:g}; to be expected there: {_numbers(expected)} an hour."
    )
    if reach[0] < reach[1]:
        said += f" The threshold that gives just that is between {reach[0]:.1f} and {reach[1]:.1f} (95 %)."
    lines += [said, "It holds for the person and the camera of these recordings; others need their own."]
    point = next(point for point in tuned.points if point.threshold == proposal.threshold)
    counted = f"Counted there: {count_words(point.false, 'false alarm')}"
    counted += f" ({_numbers(point.false_per_hour)} an hour)" if point.false_per_hour is not None else ""
    counted += f"; {point.found} of {tuned.twitches} twitches found" if tuned.twitches else ""
    lines.append(counted + (f"; {point.unknown} episodes not judged." if point.unknown else "."))
    if proposal.reason:
        lines.append(f"To be minded: {proposal.reason}.")
    if proposal.tail is not None:
        lines.append(
            f"Reckoned from {proposal.reference:g}, above which false alarms fall by e per {proposal.tail:.2f}; the "
            f"program's own three are {', '.join(f'{n} {t:g}' for n, t in THRESHOLDS.items())}."
        )
    return lines


def document(tuned: Tuned) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "tuned": tuned,
        "sensitivities": {
            name: {"threshold": threshold, "aimed_per_hour": FALSE_ALARMS_PER_HOUR[name]}
            for name, threshold in THRESHOLDS.items()
        },
        "sentences": sentences(tuned),
    }


def _row(tuned: Tuned, point: Point, named: dict[float, str]) -> tuple[str, ...]:
    notes = [named[point.threshold]] if point.threshold in named else []
    if tuned.proposal is not None and tuned.proposal.threshold == point.threshold:
        notes.append("proposed")
    if point.unknown:
        notes.append(f"{point.unknown} not judged")
    return (
        f"{point.threshold:g}", str(point.found), _percent(point.recall), str(point.false), _percent(point.precision),
        _numbers(point.false_per_hour), ", ".join(notes),
    )  # fmt: skip


def _kappa_row(kappa: Kappa) -> tuple[str, ...]:
    value = "-" if kappa.value is None else f"{kappa.value:.2f}"
    if kappa.low is not None and kappa.high is not None:
        value += f" ({kappa.low:.2f} to {kappa.high:.2f})"
    cells = (str(cell) for cell in (kappa.both, kappa.only_first, kappa.only_second, kappa.neither))
    over = "episodes both judged" if kappa.over == "episodes" else "seconds observed"
    return (plain(kappa.first), plain(kappa.second), *cells, value, f"{over}; {kappa.note}" if kappa.note else over)


def _percent(value: Interval | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value.value:.0f} ({100 * value.low:.0f}-{100 * value.high:.0f})"


def _numbers(value: Interval | None) -> str:
    return "-" if value is None else f"{_rate(value.value)} ({_rate(value.low)}-{_rate(value.high)})"


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 10.0 else f"{value:.2g}"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.1f} min"
