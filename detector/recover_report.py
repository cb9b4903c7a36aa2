"""The measurement in tables, sentences and JSON; nothing here counts or decides."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from detector.recover_fit import Estimate
from detector.recover_result import OUTSIDE, Recovery
from detector.tables import data_table, number, share, why_not_observed, words
from detector.terminal import plain

DIFFER = 1.2  # measured over stated, or the other way round, from which on the difference is told
MISFIT = 0.01  # counts less probable than this are not those of the fitted curve
SHARES = {"d50": "half the time", "d90": "nine times in ten"}
_RATIO = "measured / stated"


def report(recovery: Recovery) -> RenderableType:
    """Found by size, the limits measured and stated, the muscles one by one, and what is to be said about it."""
    title = f"{plain(PurePath(recovery.session.source).name)}: {len(recovery.trials)} twitches put in"
    if recovery.interrupted:
        title += " (stopped early)"
    sizes = data_table(
        (">mm", ">px", ">found", ">of", ">share"),
        [
            (number(r.size_mm, 2), number(r.size_px, 2), str(r.found), str(r.events), share(r.found, r.events))
            for r in recovery.sizes
        ],
    )
    limits = data_table(
        ("=found", ">mm", "=(95 %)", ">px", "=(95 %)", ">stated mm", f">{_RATIO}"),
        [_limit_row(recovery, which, name) for which, name in SHARES.items()],
    )
    muscles = data_table(
        ("=muscle", ">found", ">half, mm", ">stated", ">nine in ten, mm", ">stated"),
        [
            (
                words(row.muscle),
                f"{row.limits_mm.found} of {row.limits_mm.events}",
                _value(row.limits_mm.d50),
                number(row.stated_mm.d50, 2),
                _value(row.limits_mm.d90),
                number(row.stated_mm.d90, 2),
            )
            for row in recovery.muscles
        ],
    )
    parts: list[RenderableType] = [Text(title, style="bold"), sizes, Text(""), limits, Text(""), muscles, Text("")]
    return Group(*parts, *(Text(line) for line in sentences(recovery)))


def sentences(recovery: Recovery) -> list[str]:
    """What the tables do not say."""
    session = recovery.session
    lines = [
        f"Observed {number(session.observed_s)} of {number(session.duration_s)} s; "
        f"{number(recovery.observed_s)} s in {_passes(recovery.passes)} with twitches. "
        f"False alarms in them: {recovery.false_alarms}. The clip's own findings, which were kept clear of: "
        f"{recovery.own_findings}."
    ]
    missing = why_not_observed(session.not_observed_s)
    found, events = recovery.not_observed
    if events:
        why = f" ({missing})" if missing else ""
        lines.append(f"Not counted: {events} twitches in time that is not observed{why}; {found} of them found.")
    if recovery.read_over_true is not None:
        lines.append(f"Sizes read: {number(recovery.read_over_true, 2)} of the true ones (median of those found).")
    lines.append("Sizes are those in the clip's pixels: what its codec took of a twitch before is not known from it.")
    if recovery.misfit is not None and recovery.misfit < MISFIT:
        lines.append(
            f"The counts do not follow one smooth curve (p = {recovery.misfit:.2g}), as when large ones are missed in "
            "bad moments (a blink, a word): go by the counts rather than by the fitted limits."
        )
    lines += [text for text in (missed(recovery), no_limit(recovery)) if text]
    return [*lines, said] if (said := difference(recovery)) else lines


def missed(recovery: Recovery) -> str:
    """What became of those that were missed although the session states that most of their size are found."""
    stated = recovery.stated_mm.d90
    lost = [t for t in recovery.trials if t.observed and not t.found and stated is not None and t.size_mm >= stated]
    if not lost:
        return ""
    reasons = Counter(f"set aside ({words(t.reason)})" if t.reason else "not noticed" for t in lost)
    became = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"Missed at {number(stated, 2)} mm or more, where nine in ten should be found: {became}."


def no_limit(recovery: Recovery) -> str:
    """Why a limit is left open; empty when none is."""
    limits = recovery.limits_mm
    if limits.note != OUTSIDE:
        return f"No limit: that {limits.note}." if limits.note else ""
    which = " and ".join(often for which, often in SHARES.items() if getattr(limits, which) is None)
    sizes = [row.size_mm for row in recovery.sizes]
    return f"The size found {which} is outside those tried, {number(min(sizes), 2)} to {number(max(sizes), 2)} mm."


def difference(recovery: Recovery) -> str:
    """A sentence when a limit that the session states is not the one measured; empty when they agree to 20 %."""
    parts = []
    for which, often in SHARES.items():
        ratio, limit = recovery.ratio(which), getattr(recovery.limits_mm, which)
        stated = getattr(recovery.stated_mm, which)
        if ratio is None or 1.0 / DIFFER <= ratio <= DIFFER:
            continue
        inside = (limit.low is None or limit.low <= stated) and (limit.high is None or stated <= limit.high)
        judged = "too hopeful" if ratio > 1.0 else "too cautious"
        judged += ", but with so few events that may be chance" if inside else ""
        parts.append(f"{number(limit.value, 2)} mm is found {often}, {number(stated, 2)} mm is stated ({judged})")
    return f"Stated and measured limit differ by more than 20 %: {'; '.join(parts)}." if parts else ""


def document(recovery: Recovery) -> dict[str, Any]:
    """For ``--json``."""
    ratio = {which: recovery.ratio(which) for which in SHARES}
    return {"recovery": recovery, "measured_over_stated": ratio, "sentences": sentences(recovery)}


def _limit_row(recovery: Recovery, which: str, name: str) -> tuple[str, ...]:
    mm, px = (getattr(limits, which) for limits in (recovery.limits_mm, recovery.limits_px))
    stated = number(getattr(recovery.stated_mm, which), 2)
    return (name, _value(mm), _interval(mm), _value(px), _interval(px), stated, number(recovery.ratio(which), 2))


def _value(estimate: Estimate | None) -> str:
    return "-" if estimate is None else number(estimate.value, 2)


def _interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    low = "0" if estimate.low is None else number(estimate.low, 2)
    return f"{low} to {number(estimate.high, 2)}" if estimate.high is not None else f"{low} or more"


def _passes(count: int) -> str:
    return f"{count} pass{'' if count == 1 else 'es'}"
