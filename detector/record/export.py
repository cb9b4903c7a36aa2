"""Episodes and twitches to CSV, each with a JSON beside it that explains it; episodes to JSON.

The same findings give the same bytes: numbers have a fixed number of decimals, keys are sorted, and nothing says when
the file was written. Files are written whole or not at all.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from detector import __version__
from detector.record.entries import LoggedEpisode, LoggedTwitch, clean_text
from detector.record.files import is_special, real_path, write_whole
from detector.record.harmless import SAID, defused, json_text, shown
from detector.types import Session

SIDECAR_FORMAT = 1


class Column(NamedTuple):
    """One column: its name, unit, meaning, where the value comes from, and its decimals (None: text)."""

    name: str
    unit: str
    meaning: str
    value: Callable[[Any], Any]
    decimals: int | None = None


def _duration(entry: LoggedEpisode) -> float:
    # of the times as written, so that the three columns agree to the last digit
    return round(entry.episode.end_s, 3) - round(entry.episode.start_s, 3)


EPISODE_COLUMNS: tuple[Column, ...] = (
    Column("episode_id", "", "session and number of the episode", lambda e: e.episode_id),
    Column("session_id", "", "the run: same file, settings and versions give the same id", lambda e: e.session_id),
    Column("source", "", "the clip or camera as it was named", lambda e: e.source),
    Column("start_s", "s", "start, from the beginning of the source", lambda e: e.episode.start_s, 3),
    Column("end_s", "s", "end, exclusive", lambda e: e.episode.end_s, 3),
    Column("duration_s", "s", "end_s minus start_s", _duration, 3),
    Column("start_time", "ISO 8601", "time of day of the start; empty when the recording does not say",
           lambda e: e.start_time),
    Column("kind", "", "fasciculation_like, hemifacial_spasm_like, tic_like, synkinesis_like or undetermined; with "
           "--all also blink, speech, expression, sniff, head_motion, artefact; a description, never a diagnosis",
           lambda e: e.episode.kind),
    Column("side", "", "left, right, both or midline; the subject's own left and right", lambda e: e.episode.side),
    Column("laterality", "-1..+1", "-1 the subject's right only, +1 left only", lambda e: e.episode.laterality, 2),
    Column("region", "", "the muscle area that moved most", lambda e: e.episode.region),
    Column("regions", "", "all areas that moved, strongest first, joined with ;",
           lambda e: ";".join(e.episode.regions)),
    Column("twitch_count", "", "number of twitches", lambda e: e.episode.twitch_count, 0),
    Column("rate_hz", "1/s", "twitches per second inside the episode; empty for a single one",
           lambda e: e.episode.rate_hz, 2),
    Column("rhythm_cv", "", "standard deviation over mean of the intervals; empty under three twitches",
           lambda e: e.episode.rhythm_cv, 3),
    Column("peak_mm", "mm", "largest amplitude; the scale is good to about 10 %", lambda e: e.episode.peak_mm, 3),
    Column("mean_mm", "mm", "mean amplitude", lambda e: e.episode.mean_mm, 3),
    Column("peak_px", "px", "largest amplitude in the picture", lambda e: e.episode.peak_px, 2),
    Column("snr", "", "largest amplitude over the local standard deviation", lambda e: e.episode.snr, 2),
    Column("confidence", "0..1", "how sure the program is that this is a twitch", lambda e: e.episode.confidence, 3),
    Column("co_movement", "", "other areas that moved with it, joined with ;", lambda e: e.episode.co_movement),
    Column("review", "", "what a person decided about it; empty when not reviewed", lambda e: e.review),
    Column("note", "", "a person's remark", lambda e: e.note),
)  # fmt: skip

TWITCH_COLUMNS: tuple[Column, ...] = (
    Column("twitch_id", "", "session and number in time order, kept and rejected alike", lambda e: e.twitch_id),
    Column("episode_id", "", "the episode it belongs to; empty when rejected", lambda e: e.episode_id),
    Column("region", "", "the muscle area that moved", lambda e: e.twitch.region),
    Column("side", "", "left, right, both or midline; the subject's own left and right", lambda e: e.twitch.side),
    Column("onset_s", "s", "begin, from the beginning of the source", lambda e: e.twitch.onset_s, 3),
    Column("peak_s", "s", "moment of the largest excursion", lambda e: e.twitch.peak_s, 3),
    Column("offset_s", "s", "end, exclusive", lambda e: e.twitch.offset_s, 3),
    Column("amplitude_mm", "mm", "excursion; the scale is good to about 10 %", lambda e: e.twitch.amplitude_mm, 3),
    Column("amplitude_px", "px", "excursion in the picture", lambda e: e.twitch.amplitude_px, 2),
    Column("velocity_mm_s", "mm/s", "largest speed", lambda e: e.twitch.velocity_mm_s, 2),
    Column("direction_deg", "deg", "0 to the picture's right, 90 up", lambda e: e.twitch.direction_deg, 1),
    Column("snr", "", "amplitude over the local standard deviation", lambda e: e.twitch.snr, 2),
    Column("score", "", "what the threshold of --sensitivity is compared with", lambda e: e.twitch.score, 3),
    Column("kept", "true|false", "false: found, but not counted", lambda e: "true" if e.twitch.kept else "false"),
    Column("reason", "", "why it was not kept", lambda e: e.twitch.reason),
)


def write_episodes_csv(
    path: Path | str | None, rows: Iterable[LoggedEpisode], sessions: Iterable[Session], *, sidecar: bool = True
) -> None:
    """Write ``episodes.csv`` and its sidecar (``episodes.json``).

    Parameters
    ----------
    path : Path, str or None
        ``-`` or None: stdout, without a sidecar. A pipe or device gets none either.
    rows : iterable of LoggedEpisode
        Written in this order.
    sessions : iterable of Session
        All that were looked at, those without an episode too: their observed time is the denominator of every rate.

    Raises
    ------
    OutputError
        A file cannot be written; the ones that were there before are untouched.
    """
    _write_table(path, "episodes", EPISODE_COLUMNS, list(rows), list(sessions) if sidecar else None)


def write_twitches_csv(
    path: Path | str | None, rows: Iterable[LoggedTwitch], sessions: Iterable[Session], *, sidecar: bool = True
) -> None:
    """Write ``twitches.csv`` and its sidecar; the parameters and errors are those of :func:`write_episodes_csv`."""
    _write_table(path, "twitches", TWITCH_COLUMNS, list(rows), list(sessions) if sidecar else None)


def write_episodes_json(path: Path | str | None, rows: Iterable[LoggedEpisode], sessions: Iterable[Session]) -> None:
    """Write episodes as one JSON document: the columns of the CSV as typed values, with the evidence, and the sessions.

    Unknown values are null, ``regions`` is a list, and texts are as they are (JSON runs no formulas). ``review_kind``
    is what an episode is in the eyes of the person who reviewed it; empty: as the program says.
    """
    document = _about("episodes", list(sessions)) | {"episodes": [episode_document(row) for row in rows]}
    write_whole({_target(path): _json_bytes(document)})


def write_csv(
    path: Path | str | None, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]], about: dict[str, Any]
) -> None:
    """Write cells as they are, with a sidecar that begins with the version and goes on with ``about``.

    Raises
    ------
    OutputError
        As for :func:`write_episodes_csv`.
    """
    cells = list(rows)
    target = _target(path)
    files = {target: _csv_bytes(columns, cells)}
    if target is not None and not is_special(target):
        header = {"nasalis": __version__, "format": SIDECAR_FORMAT, "table": table, "rows": len(cells)}
        files[sidecar_path(target)] = _json_bytes(header | about)
    write_whole(files)


def write_json(path: Path | str | None, table: str, about: dict[str, Any]) -> None:
    """Write one JSON document that begins with the version and goes on with ``about``.

    Raises
    ------
    OutputError
        As for :func:`write_episodes_csv`.
    """
    header = {"nasalis": __version__, "format": SIDECAR_FORMAT, "table": table}
    write_whole({_target(path): _json_bytes(header | about)})


def episode_document(row: LoggedEpisode) -> dict[str, Any]:
    """One episode as it stands in the document of :func:`write_episodes_json`."""
    values: dict[str, Any] = {}
    for column in EPISODE_COLUMNS:
        value = column.value(row)
        values[column.name] = clean_text(value) if column.decimals is None else _rounded(value, column.decimals)
    values["twitch_count"] = int(row.episode.twitch_count)
    values["regions"] = list(row.episode.regions)
    values["evidence"] = clean_text(row.episode.evidence)
    values["review_kind"] = clean_text(row.review_kind)
    return values


def about_sessions(table: str, sessions: Sequence[Session]) -> dict[str, Any]:
    """What every JSON of ours begins with, in plain values that JSON knows."""
    plain: dict[str, Any] = _strict(_about(table, sessions))
    return plain


def sidecar_path(path: Path) -> Path:
    """Where the JSON beside a CSV lies: ``episodes.csv`` -> ``episodes.json``, ``a.tsv`` -> ``a.tsv.json``."""
    return path.with_suffix(".json") if path.suffix.lower() == ".csv" else path.with_name(path.name + ".json")


def _write_table(
    path: Path | str | None, table: str, columns: Sequence[Column], rows: list[Any], sessions: list[Session] | None
) -> None:
    target = _target(path)
    cells = ([_cell(column, row) for column in columns] for row in rows)
    files = {target: _csv_bytes([column.name for column in columns], cells)}
    if sessions is not None and target is not None and not is_special(target):
        about = _about(table, sessions) | {
            "columns": column_facts(columns),
            "rows": len(rows),
            "conventions": {
                "times": "seconds from the start of the source, intervals half-open",
                "sides": "the subject's own left and right",
                "empty": "unknown",
                "detection_floor_mm": "smallest twitch that would have been found, per area, median over observed time",
                "detection_limit50_mm": "a twitch of this size would have been found at half of the observed moments, "
                "per area: known twitches added to the recording itself, at the sensitivity of the session",
                "detection_limit90_mm": "the same for nine in ten of the observed moments",
                "observed_s": "time with a verdict, the denominator of every rate",
                "resting": "measurements of the face at rest, no findings: over quiet_s without speech mouth_height_mm "
                "of the corners below the line through the eyes, mouth_reach_mm from the line from nose root to chin, "
                "eye_open_mm, brow_height_mm over the eyes; over watched_s lid_closing, the share of the opening that "
                "goes in a blink (a whole closing reads 0.6 to 0.9), and one_sided_share of the blinks in which one "
                "lid closes less than 0.6 of the other; difference is left minus right as of a head that faces the "
                "camera, error its standard error, spread its robust standard deviation, ratio the smaller over the "
                "larger; landmarks show a difference a quarter too small; null: too little to go by",
                "texts": SAID,
                "relabeled": "episodes that are of another kind in the eyes of the person who reviewed them; the "
                "column kind stays what the program says, which its rates and errors are counted by",
            },
        }
        if table == "episodes":
            about["relabeled"] = {row.episode_id: row.review_kind for row in rows if row.review_kind}
        files[sidecar_path(target)] = _json_bytes(about)
    write_whole(files)


def csv_head(columns: Sequence[Column]) -> bytes:
    """The first line of a table that is written row by row."""
    return _csv_bytes([column.name for column in columns], [])


def csv_line(columns: Sequence[Column], row: Any) -> bytes:
    """One row of such a table."""
    return _csv_bytes([_cell(column, row) for column in columns], [])


def column_facts(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """What the columns of a table mean, for the JSON beside it."""
    return [{"name": c.name, "unit": c.unit, "meaning": c.meaning, "decimals": c.decimals} for c in columns]


def _csv_bytes(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(columns)
    writer.writerows(cells)
    return text.getvalue().encode("utf-8")


def _cell(column: Column, row: Any) -> str:
    value = column.value(row)
    if column.decimals is None:
        return defused(shown(clean_text("" if value is None else value)))
    number = _rounded(value, column.decimals)
    return "" if number is None else f"{number:.{column.decimals}f}"


def _rounded(value: Any, decimals: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), decimals) + 0.0  # -0.0 + 0.0 is 0.0: no "-0.000"


def _about(table: str, sessions: Sequence[Session]) -> dict[str, Any]:
    """What every JSON of ours begins with; ``observed_s`` is the sum over the sessions."""
    unique = {session.session_id: session for session in sessions}
    observed = [_rounded(session.observed_s, 3) for session in unique.values()]
    return {
        "nasalis": __version__,
        "format": SIDECAR_FORMAT,
        "table": table,
        "observed_s": None if None in observed else _rounded(sum(observed), 3),  # type: ignore[arg-type]
        "sessions": [_describe(session) for session in unique.values()],
    }


def _describe(session: Session) -> dict[str, Any]:
    described: dict[str, Any] = {
        name: clean_text(getattr(session, name))
        for name in ("session_id", "source", "sha256", "start_utc", "config_digest", "status")
    }
    for name in ("width", "height", "frames", "frames_repeated", "frames_lost"):
        described[name] = int(getattr(session, name))
    for name in ("duration_s", "observed_s", "face_s", "fps", "px_per_mm"):
        described[name] = _rounded(getattr(session, name), 3)
    for name in ("floor_mm", "limit50_mm", "limit90_mm"):
        sizes = getattr(session, name)
        described[f"detection_{name}"] = {area: _rounded(value, 3) for area, value in sizes.items()}
    described["not_observed_s"] = {name: _rounded(value, 3) for name, value in session.not_observed_s.items()}
    described["resting"] = None if session.resting is None else dataclasses.asdict(session.resting)
    described["settings"] = session.settings
    described["versions"] = session.versions
    described["notes"] = [clean_text(note) for note in session.notes]
    return described


def _json_bytes(document: dict[str, Any]) -> bytes:
    return (clean_text(json_text(_strict(document), sort_keys=True, indent=2)) + "\n").encode("utf-8")


def _strict(value: Any) -> Any:
    """The same with plain Python values only; NaN and infinity, which JSON does not know, as null."""
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "item"):  # a numpy scalar
        return _strict(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def _target(path: Path | str | None) -> Path | None:
    if path is None or str(path) == "-":
        return None
    return real_path(path)
