"""Felt against found, session by session: read from the log, and shown as tables, sentences or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from detector.agreement import AFTER_S, BEFORE_S, Agreement, Share, Span, compare, pool
from detector.record.entries import LoggedGap, LoggedRun
from detector.record.log import EpisodeLog
from detector.record.selection import Selection
from detector.tables import clock, data_table, number
from detector.terminal import plain

_WATCHED = {
    "yes": "watched then",
    "partly": "watched for a part of that time",
    "no": "no pictures then: not counted",
    "unknown": "",
}


@dataclass(frozen=True, slots=True)
class Felt:
    """One session in which something was marked as felt."""

    run: LoggedRun
    agreement: Agreement
    gaps: tuple[LoggedGap, ...]


def felt_sessions(log: EpisodeLog, chosen: Selection) -> tuple[list[Felt], int]:
    """The sessions with a marker, and the number of those without.

    A session without a marker tells nothing: nobody may have been there to press the key.
    """
    episodes, markers, runs = chosen.episodes(log), chosen.markers(log), chosen.runs(log)
    sessions = []
    for run in runs:
        times = [marker.t_s for marker in markers if marker.run == run.run]
        if not times:
            continue
        found = [Span(row.episode_id, row.episode.start_s, row.episode.end_s) for row in episodes if row.run == run.run]
        gaps = tuple(log.gaps(run.run))
        begin, end = chosen.part_s(run.session)
        whole = (max(0.0, begin), max(0.0, begin, min(run.session.duration_s, end)))
        agreement = compare(times, found, gaps=[(gap.start_s, gap.end_s) for gap in gaps], session=whole)
        sessions.append(Felt(run, agreement, gaps))
    return sessions, len(runs) - len(sessions)


def report(sessions: Sequence[Felt], without: int) -> RenderableType:
    """A table and a summary for each session, and for all together when there are several."""
    if not sessions:
        return Text("Nothing was marked as felt here: press m in nasalis live whenever you feel a twitch.")
    parts: list[RenderableType] = []
    for one in sessions:
        session = one.run.session
        title = f"{plain(session.session_id)}, {plain(session.source)}"
        if session.start_utc:
            title += f", {plain(session.start_utc[:16]).replace('T', ' ')}"
        parts += [Text(title, style="bold"), _table(one.agreement)]
        parts += [Text(line) for line in [*summary(one.agreement), *_gap_lines(one.gaps)]] + [Text("")]
    if len(sessions) > 1:
        parts.append(Text(f"All {len(sessions)} sessions", style="bold"))
        parts += [Text(line) for line in summary(pool([one.agreement for one in sessions]))] + [Text("")]
    if without:
        left = "1 session has" if without == 1 else f"{without} sessions have"
        parts.append(Text(f"{left} no marker and {'is' if without == 1 else 'are'} left out."))
    return Group(*parts)


def summary(agreement: Agreement) -> list[str]:
    """What it comes to, in sentences."""
    hits, lag = len(agreement.hits), agreement.lag
    lines = [f"{agreement.markers} felt, {agreement.found} found, {hits} of them the same."]
    if lag is not None:
        lines[0] += f" The key came {number(lag.median_s, 2)} s after the start"
        lines[0] += f" ({number(lag.low_s, 2)} to {number(lag.high_s, 2)} s)." if hits > 1 else "."
    lines.append(f"Of what was felt, found: {_share_words(agreement.felt_found)}.")
    lines.append(f"Of what was found, felt: {_share_words(agreement.found_felt)}; what was not felt may be real.")
    if agreement.chance_hits is not None:
        chance = 100.0 * agreement.chance_hits / max(agreement.markers, 1)
        lines.append(f"By chance alone {number(chance, 0)} % of such markers would have met a finding.")
    lost = sum(miss.watched == "no" for miss in agreement.missed)
    apart = [(len(agreement.again), "felt in reach of a finding that another marker has")]
    apart += [(len(agreement.beside), "found in reach of a marker that has another finding")]
    apart += [(lost, "felt while there were no pictures")]
    left_out = [f"{count} {what}" for count, what in apart if count]
    if left_out:
        lines.append(f"In neither share: {', '.join(left_out)}.")
    return lines


def document(sessions: Sequence[Felt], without: int) -> dict[str, Any]:
    """The same for ``--json``; ``together`` is null when nothing was marked."""
    return {
        "reach_s": {"before": BEFORE_S, "after": AFTER_S},
        "sessions": [
            {
                "session_id": one.run.session.session_id,
                "run": one.run.run,
                "source": one.run.session.source,
                "start_utc": one.run.session.start_utc,
                "status": one.run.session.status,
                "duration_s": one.run.session.duration_s,
                "observed_s": one.run.session.observed_s,
                "gaps": [{"start_s": gap.start_s, "end_s": gap.end_s, "reason": gap.reason} for gap in one.gaps],
                **_figures(one.agreement),
                "hits": [
                    {"marker_s": hit.marker_s, "episode_id": hit.found.id, "lag_s": hit.lag_s}
                    for hit in one.agreement.hits
                ],
                "felt_not_found": [
                    {"marker_s": miss.marker_s, "watched": miss.watched} for miss in one.agreement.missed
                ],
                "felt_again": list(one.agreement.again),
                "found_not_felt": [span.id for span in one.agreement.unfelt],
                "found_beside": [span.id for span in one.agreement.beside],
            }
            for one in sessions
        ],
        "together": _figures(pool([one.agreement for one in sessions])) if sessions else None,
        "sessions_without_marker": without,
    }


def _figures(agreement: Agreement) -> dict[str, Any]:
    return {
        "felt": agreement.markers,
        "found": agreement.found,
        "both": len(agreement.hits),
        "lag": agreement.lag,
        "share_of_felt_found": agreement.felt_found,
        "share_of_found_felt": agreement.found_felt,
        "expected_by_chance": agreement.chance_hits,
    }


def _table(agreement: Agreement) -> RenderableType:
    rows: list[tuple[float, tuple[str, ...]]] = []
    for hit in agreement.hits:
        rows.append((hit.marker_s, ("felt, found", _short(hit.found), number(hit.lag_s, 2), "")))
    for miss in agreement.missed:
        rows.append((miss.marker_s, ("felt, not found", "-", "-", _WATCHED[miss.watched])))
    for marker_s in agreement.again:
        rows.append((marker_s, ("felt again", "-", "-", "another marker has the finding")))
    for span in agreement.unfelt:
        rows.append((span.start_s, ("found, not felt", _short(span), "-", "")))
    for span in agreement.beside:
        rows.append((span.start_s, ("found beside", _short(span), "-", "the marker has another finding")))
    columns = ("=time", "=what", "=episode", ">lag s", "note")
    return data_table(columns, [(clock(t_s), *cells) for t_s, cells in sorted(rows)])


def _short(span: Span) -> str:
    return span.id.rpartition("-")[2]


def _share_words(share: Share | None) -> str:
    if share is None:
        return "nothing to compare"
    percent = [f"{100.0 * value:.0f}" for value in (share.value, share.low, share.high)]
    return f"{share.part} of {share.whole}, {percent[0]} % (95 % interval {percent[1]} to {percent[2]} %)"


def _gap_lines(gaps: Sequence[LoggedGap]) -> list[str]:
    if not gaps:
        return []
    told = ", ".join(f"{clock(gap.start_s)} to {clock(gap.end_s)} ({plain(gap.reason)})" for gap in gaps[:5])
    more = f", and {len(gaps) - 5} more" if len(gaps) > 5 else ""
    return [f"No pictures: {told}{more}."]
