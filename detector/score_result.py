"""What a comparison of found and true events comes to: the measures, and their lines for a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

NOT_FOUND = "not found"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class F1:
    """Counts of a one-to-one matching; a share is None when there is nothing to divide by."""

    matched: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of ``count`` values."""

    median: float
    lower: float
    upper: float
    count: int


@dataclass(frozen=True, slots=True)
class CountError:
    """Twitches found minus twitches there, over the events found."""

    mean: float
    mean_absolute: float
    exact: int  # events whose count is right
    count: int  # events compared


@dataclass(frozen=True, slots=True)
class Bin:
    """Events of one size range."""

    label: str
    found: int
    events: int


@dataclass(frozen=True, slots=True)
class Limit:
    """Sizes found half and nine times in ten; None with the reason in ``note``."""

    d50: float | None
    d90: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Scores:
    """All measures of one comparison; a value is None when there is nothing to take it from."""

    events: int  # to be found
    distractors: dict[str, int]  # not to be found, by kind
    found: int  # claimed to be twitches
    set_aside: int  # found, but rejected by the program itself: neither hits nor false alarms
    observed_s: float | None
    onset: dict[str, F1]  # by collar, e.g. "50 ms"
    overlap: F1  # IoU >= 0.5
    detected: int
    recall: float | None
    recall_rule: str  # in words: when an event counts as found
    false_alarms: int
    false_alarms_over: dict[str, int]  # by the kind of the distractor underneath, or "nothing"
    false_alarms_per_min: float | None
    false_alarms_per_hour: float | None
    extra: int  # further findings over an event that is already found
    side_correct: int
    side_judged: int  # one-sided events found
    side_accuracy: float | None
    onset_error_ms: Spread | None  # found minus truth
    amplitude_gain: Spread | None  # found over truth
    count_error: CountError | None
    recall_by_px: tuple[Bin, ...]
    limit_px: Limit
    limit_mm: Limit
    confusion: dict[str, dict[str, int]]  # truth kind -> found kind -> count; empty for twitches
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; unknown is None."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str]]:
        """Lines of a table: measure, value, note; ``-`` where there is no value."""
        absent = ", ".join(f"{count} {kind}" for kind, count in self.distractors.items())
        lines = [
            ("events to find", str(self.events), f"not to be found: {absent}" if absent else ""),
            ("found", str(self.found), f"{self.set_aside} more set aside by the program" if self.set_aside else ""),
            ("recall", _share(self.detected, self.events), self.recall_rule),
        ]
        for collar, f1 in self.onset.items():
            lines.append((f"F1, onset within {collar}", *_f1(f1)))
        lines.append(("F1, IoU >= 0.5", *_f1(self.overlap)))
        over = ", ".join(f"{count} over {kind}" for kind, count in self.false_alarms_over.items())
        observed = "observed time unknown" if self.observed_s is None else f"in {self.observed_s:.1f} s observed"
        count, exact = "-", ""
        if self.count_error is not None:
            count = f"{self.count_error.mean:+.2f}"
            exact = f"; absolute {self.count_error.mean_absolute:.2f}"
            exact += f"; exact in {_share(self.count_error.exact, self.count_error.count)}"
        lines += [
            ("false alarms", str(self.false_alarms), over),
            ("false alarms per minute", _number(self.false_alarms_per_min, 2), observed),
            ("false alarms per hour", _number(self.false_alarms_per_hour, 1), observed),
            ("extra findings", str(self.extra), "further ones over an event already found"),
            ("side correct", _share(self.side_correct, self.side_judged), "of the one-sided events found"),
            ("onset error", _spread(self.onset_error_ms, 0, " ms"), "found minus truth: median (quartiles)"),
            ("amplitude gain", _spread(self.amplitude_gain, 2, ""), "found over truth: median (quartiles)"),
            ("count error", count, f"found minus truth: mean{exact}"),
        ]
        lines += [(f"recall, {size.label}", _share(size.found, size.events), "") for size in self.recall_by_px]
        for unit, limit in (("px", self.limit_px), ("mm", self.limit_mm)):
            for share, at in (("half the time", limit.d50), ("nine times in ten", limit.d90)):
                lines.append((f"size found {share} ({unit})", _number(at, 2), limit.note if at is None else ""))
        for truth, row in self.confusion.items():
            for found, number in row.items():
                lines.append((f"{truth} {found if found == NOT_FOUND else f'called {found}'}", str(number), ""))
        lines += [("note", "", note) for note in self.notes]
        return lines


def _f1(value: F1) -> tuple[str, str]:
    return _number(value.f1, 2), f"precision {_number(value.precision, 2)}, recall {_number(value.recall, 2)}"


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100.0 * part / whole:.0f} %)" if whole else "-"


def _spread(spread: Spread | None, decimals: int, unit: str) -> str:
    if spread is None:
        return "-"
    return f"{spread.median:.{decimals}f}{unit} ({spread.lower:.{decimals}f} to {spread.upper:.{decimals}f})"
