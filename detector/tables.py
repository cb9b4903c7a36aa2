"""Results as tables and sentences for the screen; nothing here prints, decides or reads a file."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from detector.doctor import Check
from detector.record.entries import REJECTED_KINDS, LoggedEpisode, LoggedRun, LoggedTwitch
from detector.record.harmless import json_text
from detector.regions import NOSE, SITE_NAMES
from detector.resting_words import resting_lines
from detector.score_result import Scores
from detector.terminal import plain
from detector.types import Session, Twitch

if TYPE_CHECKING:
    from detector.analyzing import ClipResult
    from detector.cameras import Camera
    from detector.simulate_plan import TruthRow

REASONS: dict[str, str] = {
    "no_face": "no face",
    "settling": "face or noise not yet known",
    "face_small": "face too small",
    "motion": "head moving",
    "noise": "too noisy (speech, darkness, compression)",
    "gap": "frames missing or frozen",
    "edge": "face at the edge of the picture",
}
_HIDDEN_MM = 3.0  # at moments in which a twitch would have to be larger, something else moves: no size tells of them
MEANINGS = {
    "fasciculation_like": "one small area, brief, nothing else moving",
    "hemifacial_spasm_like": "lid, nose and mouth of one side together",
    "tic_like": "both sides of the nose together, quick",
    "synkinesis_like": "one side, locked to blinks or smiles",
    "undetermined": "a twitch that fits no kind",
    "blink": "skin drawn along by the lids",
    "speech": "lips that open and close",
    "expression": "slow, or led by the mouth",
    "sniff": "both wings of the nose outwards",
    "head_motion": "the head moved or turned",
    "artefact": "the light, the coding or something before the face",
}
# Trains of jerks put into footage are told apart up to 8 a second, and with four frames to each.
FRAMES_A_JERK, FASTEST_HZ = 4.0, 8.0
_SMALL_MM = 0.5  # floors below it are good, see the notes on measurability


def clock(seconds: float) -> str:
    """Time from the start of the source, ``m:ss.ss`` or ``h:mm:ss.ss``."""
    if not math.isfinite(seconds):
        return "-"
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02d}.{rest % 100:02d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def words(name: str) -> str:
    """A region or kind as words: ``nasalis_alar_left`` is ``nasalis alar left``, ``tic_like`` is ``tic-like``."""
    return plain(name).replace("_like", "-like").replace("_", " ")


def number(value: float | None, decimals: int = 1) -> str:
    """A number, or ``-`` when it is not known."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{decimals}f}"


def share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent, or ``-``."""
    return f"{100.0 * part / whole:.0f} %" if whole > 0.0 else "-"


def episode_table(rows: Sequence[LoggedEpisode], *, full_ids: bool = False) -> Table:
    """Episodes, one a line; ids without their session, unless ``full_ids``."""
    table = _table("=id", "=time", ">s", "=side", "region", "=kind", ">count", ">mm", ">snr", ">sure")
    for row in rows:
        episode = row.episode
        _add(
            table,
            row.episode_id if full_ids else row.episode_id.rpartition("-")[2],
            clock(episode.start_s),
            number(episode.end_s - episode.start_s, 2),
            episode.side,
            words(episode.region).removesuffix(f" {episode.side}"),
            words(episode.kind),
            str(episode.twitch_count),
            number(episode.peak_mm, 2),
            number(episode.snr, 1),
            number(episode.confidence, 2),
        )
    return table


def twitch_table(rows: Iterable[Twitch]) -> Table:
    """Twitches, one a line, with the reason of those not kept."""
    table = _table("=peak", ">s", "=side", "region", ">mm", ">px", ">mm/s", ">deg", ">snr", ">score", "kept")
    for twitch in rows:
        _add(
            table,
            clock(twitch.peak_s),
            number(twitch.offset_s - twitch.onset_s, 3),
            twitch.side,
            words(twitch.region).removesuffix(f" {twitch.side}"),
            number(twitch.amplitude_mm, 2),
            number(twitch.amplitude_px, 1),
            number(twitch.velocity_mm_s, 0),
            number(twitch.direction_deg, 0),
            number(twitch.snr, 1),
            number(twitch.score, 1),
            "yes" if twitch.kept else f"no: {words(twitch.reason)}",
        )
    return table


def clip_report(
    clip: object, session: Session, episodes: Sequence[LoggedEpisode], rejected: Sequence[LoggedTwitch]
) -> RenderableType:
    """What was found in one clip: episodes, rejected movements when there are any to show, and what was observed."""
    title = f"{plain(clip)}: {count_words(_kept(episodes), 'episode')}"
    if session.status != "complete":
        title += f" ({plain(session.status)} at {clock(session.duration_s)})"
    parts: list[RenderableType] = [Text(title, style="bold")]
    if episodes:
        parts.append(episode_table(episodes))
    if rejected:
        parts += [Text(count_words(len(rejected), "rejected movement")), twitch_table(row.twitch for row in rejected)]
    parts += [Text(line) for line in observed_lines(session)]
    return Group(*parts, Text(""))


def observed_lines(session: Session) -> list[str]:
    """How much was observed, the smallest twitch that could be seen, what was not observed, the face at rest, notes."""
    lines = [f"Observed {number(session.observed_s)} of {number(session.duration_s)} s."]
    floors = [floor for floor in session.floor_mm.values() if math.isfinite(floor)]
    if floors and session.observed_s > 0.0:
        low, high = number(min(floors)), number(max(floors))
        size = f"{low} mm" if low == high else f"{low} to {high} mm, depending on the area"
        lines[0] += f" Smallest twitch that could be seen: about {size}."
        limit = limit_words(session)
        if limit:
            lines[0] += f" {limit[0].upper()}{limit[1:]}."
        if min(floors) > _SMALL_MM:
            lines[0] += " More light, a larger face or a better camera would show smaller ones."
    elif session.duration_s > 0.0:
        lines[0] += " Nothing can be said about twitches in it."
    missing = why_not_observed(session.not_observed_s)
    if missing:
        lines.append(f"Not observed: {missing}.")
    lines += resting_lines(session.resting)
    lines += [f"Note: {plain(note)}." for note in session.notes]
    return lines


def limit_words(session: Session) -> str:
    """The detection limit of the nose's median area, e.g. ``detection limit 0.6 mm (half), 0.9 mm (nine in ten)``.

    Empty when it is not known: nothing was observed, or the session is from a log of an older format.
    """
    half, most = _median_of_nose(session.limit50_mm), _median_of_nose(session.limit90_mm)
    if half is None or most is None:
        return ""
    if most > _HIDDEN_MM:
        return f"detection limit {number(half)} mm (half); blinks and other movement hide a tenth of the time or more"
    return f"detection limit {number(half)} mm (half), {number(most)} mm (nine in ten)"


def _median_of_nose(sizes_mm: Mapping[str, float]) -> float | None:
    names = (SITE_NAMES[k] for k in NOSE)
    known = [sizes_mm[name] for name in names if math.isfinite(sizes_mm.get(name, math.nan))]
    return statistics.median(known) if known else None


def why_not_observed(seconds: Mapping[str, float]) -> str:
    """Reasons with their seconds, longest first."""
    known = {name: value for name, value in seconds.items() if math.isfinite(value) and value >= 0.05}
    ordered = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{REASONS.get(name.lower(), words(name))} {number(value)} s" for name, value in ordered)


def summary_table(results: Sequence[ClipResult]) -> Table:
    """Several clips, one a line, and their sum."""
    table = _table("clip", ">s", ">face", ">observed s", ">episodes", "note")
    for result in results:
        session = result.session
        if session is None:
            _add(table, str(result.clip), "-", "-", "-", "-", "not read" if result.error is not None else result.note())
            continue
        _add(
            table,
            str(result.clip),
            number(session.duration_s),
            share(session.face_s, session.duration_s),
            number(session.observed_s),
            str(_kept(result.episodes)),
            "; ".join(text for text in (result.note(), *session.notes) if text),
        )
    read = [(result.session, _kept(result.episodes)) for result in results if result.session is not None]
    if len(read) > 1:
        length = sum(session.duration_s for session, _ in read)
        table.add_section()
        _add(
            table,
            f"all {len(read)}",
            number(length),
            share(sum(session.face_s for session, _ in read), length),
            number(sum(session.observed_s for session, _ in read)),
            str(sum(episodes for _, episodes in read)),
            "",
        )
    return table


def session_table(runs: Sequence[LoggedRun], episodes: Sequence[LoggedEpisode]) -> Table:
    """Sessions of a log, one a line, with the number of their episodes.

    The limit is the size that would have been found at half of the observed moments, in the nose's median area.
    """
    counts = Counter(row.run for row in episodes)
    table = _table("=session", "=analyzed", "recorded", "clip", ">s", ">observed s", ">limit mm", ">episodes", "status")
    for run in runs:
        session = run.session
        status = f"{session.status}, superseded" if run.superseded else session.status
        _add(
            table,
            session.session_id,
            run.created_utc[:10],
            session.start_utc[:16].replace("T", " ") or "-",
            PurePath(session.source).name,
            number(session.duration_s),
            number(session.observed_s),
            number(_median_of_nose(session.limit50_mm)),
            str(counts[run.run]),
            status,
        )
    return table


def session_story(runs: Sequence[LoggedRun], episodes: Sequence[LoggedEpisode]) -> RenderableType:
    """Sessions as in :func:`session_table`, with what was observed in each and the face at rest."""
    lines = [Text(line) for run in runs for line in observed_lines(run.session)]
    return Group(session_table(runs, episodes), Text(""), *lines)


def episode_story(row: LoggedEpisode, session: Session) -> RenderableType:
    """One episode in words and numbers, with its twitches."""
    episode = row.episode
    when = f"{clock(episode.start_s)} to {clock(episode.end_s)} ({number(episode.end_s - episode.start_s, 2)} s)"
    side = {"both": "on both sides", "midline": "in the midline"}.get(episode.side, f"on the subject's {episode.side}")
    place = words(episode.region).removesuffix(f" {episode.side}")
    ordinary = episode.kind in REJECTED_KINDS
    what = f"{count_words(episode.twitch_count, 'movement' if ordinary else 'twitch')} {side}, in {place}"
    if episode.rate_hz is not None:
        what += f", {number(episode.rate_hz)} a second"
    size = f"largest about {number(episode.peak_mm, 2)} mm ({number(episode.peak_px)} px)"
    size += f", mean {number(episode.mean_mm, 2)} mm; {number(episode.snr)} times the noise there"
    facts = [
        ("episode", row.episode_id),
        ("clip", row.source),
        ("when", when + (f", {row.start_time}" if row.start_time else "")),
        ("what", what),
        ("size", size),
        ("kind", f"{words(episode.kind)} ({MEANINGS.get(episode.kind, 'unknown')}); what moved, never a diagnosis"),
        ("why", episode.evidence or "-"),
        ("sure", "no twitch" if ordinary else f"{number(episode.confidence, 2)} of 1"),
        ("laterality", "-" if ordinary else f"{episode.laterality:+.2f} (-1 the subject's right only, +1 left only)"),
        ("areas", ", ".join(words(name) for name in episode.regions) or "-"),
        ("moved with it", episode.co_movement.replace("_", " ") or "nothing else"),
        ("rhythm", _rhythm(episode.rhythm_cv, session.fps)),
        ("observed", f"{number(session.observed_s)} of {number(session.duration_s)} s of this clip"),
        ("detection limit", limit_words(session).removeprefix("detection limit ") or "not known"),
    ]
    at_rest = " ".join(resting_lines(session.resting))
    facts += [
        (name, text)
        for name, text in (
            ("the face", at_rest),
            ("review", row.review),
            ("the reviewer's kind", words(row.review_kind)),
            ("remark", row.note),
        )
        if text
    ]
    grid = Table.grid(padding=(0, 2))
    for name, text in facts:
        grid.add_row(Text(name, style="bold"), Text(plain(text)))
    return Group(grid, Text(""), twitch_table(episode.twitches))


def score_table(scores: Scores) -> Table:
    """Found against truth: measure, value, note."""
    table = _table("measure", ">value", "note")
    for row in scores.rows():
        _add(table, *row)
    return table


def check_table(checks: Sequence[Check]) -> Table:
    """What ``doctor`` found: good, to be minded, or to be mended, and how."""
    table = _table("=", "=checked", "found", "what to do")
    for check in checks:
        mark = {True: "ok", None: "mind", False: "MEND"}[check.ok]
        style = {True: "green", None: "yellow", False: "bold red"}[check.ok]
        _add(table, Text(mark, style=style), check.name, check.detail, check.advice)
    return table


def camera_table(cameras: Sequence[Camera]) -> Table:
    """Cameras with what they can do at most, at their largest size and at their highest rate."""
    table = _table(">index", "=device", "name", "=state", "sizes and rates")
    for camera in cameras:
        modes = "; ".join(str(mode) for mode in camera.modes[:6]) or "not told"
        _add(table, str(camera.index), camera.device, plain(camera.name), camera.state, modes)
    return table


def truth_table(rows: Iterable[TruthRow]) -> Table:
    """Injected events."""
    table = _table(">event", "=kind", "=time", "=side", "muscle", ">twitches", ">mm", ">px")
    for row in rows:
        size = (number(row.amplitude_mm, 2), number(row.amplitude_mm * row.px_per_mm, 1))
        what = (words(row.kind), clock(row.onset_s), row.side, words(row.muscle))
        _add(table, str(row.event), *what, str(row.twitches), *size)
    return table


def data_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Any columns, marked as in ``_table``."""
    table = _table(*columns)
    for row in rows:
        _add(table, *row)
    return table


def as_json(value: object) -> str:
    """Dataclasses, mappings and sequences of them as a JSON document; NaN, which JSON does not know, as null."""
    return json_text(_plain_values(value), indent=2) + "\n"


def _plain_values(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain_values(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _rhythm(cv: float | None, fps: float) -> str:
    if cv is None or not math.isfinite(cv):
        return "not known: it takes three twitches"
    said = f"intervals vary by {100.0 * cv:.0f} % of their mean"
    if fps <= 0.0:
        return said
    fastest = min(fps / FRAMES_A_JERK, FASTEST_HZ)
    return f"{said}; jerks faster than {number(fastest)} a second run together at {number(fps)} frames/s"


def _kept(rows: Iterable[LoggedEpisode]) -> int:
    return sum(row.episode.kind not in REJECTED_KINDS for row in rows)


def count_words(count: int, what: str) -> str:
    """``no episodes``, ``1 twitch``, ``2 sessions``."""
    return f"{count or 'no'} {what if count == 1 else plural_of(what)}"


def plural_of(what: str) -> str:
    """``twitches``, ``entries``, ``days``."""
    if what.endswith("y") and what[-2] not in "aeiou":
        return f"{what[:-1]}ies"
    return f"{what}es" if what.endswith("ch") else f"{what}s"


def _add(table: Table, *cells: str | Text) -> None:
    """Add a line; what is not of our own making is shown with its control characters written out."""
    table.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in cells))


def _table(*columns: str) -> Table:
    """A plain table; ``>`` before a name: aligned to the right, ``>`` or ``=``: never broken. Fits into 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        mark, name = column[:1], column.lstrip(">=")
        table.add_column(name, justify="right" if mark == ">" else "left", no_wrap=mark in (">", "="), overflow="fold")
    return table
