"""BORIS: a project that the program opens, and whose observations it takes into another (File, Import observations).

BORIS imports observations from projects and from spreadsheets into an observation that is already open, and reads its
own exported tables of events back from neither; so this is a project, an observation for each session. The names are
those of its project format 7.0, in ``config.py`` of https://github.com/olivierfriard/BORIS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from detector.exchange.bids import KIND_WORDS
from detector.exchange.recording import Recording, number, one_line, started_text
from detector.record.entries import LoggedEpisode
from detector.record.harmless import json_text
from detector.types import Side

PROJECT_FORMAT = "7.0"
SIDES = get_args(Side)


def boris(recordings: Sequence[Recording]) -> bytes:
    """A project with an observation for each recording; kinds are state events, their modifier is the side.

    Parameters
    ----------
    recordings : sequence of Recording

    Returns
    -------
    bytes
        UTF-8. BORIS pairs the beginnings and ends of a kind and side by their order alone, so episodes of one kind and
        side that overlap are one event, with both ids in its comment.
    """
    kinds = list(KIND_WORDS)
    behaviors = {str(k): _behavior(kind, "abcdefghijklmnopqrstuvwxyz"[k]) for k, kind in enumerate(kinds)}
    project = {
        "time_format": "hh:mm:ss",
        "project_date": started_text(recordings[0])[:19] if recordings else "1970-01-01T00:00:00",
        "project_name": "nasalis",
        "project_description": "Episodes of nasalis: descriptions of movements, never diagnoses. Left and right are "
        "the subject's own. Dates are of the clock that the log keeps, UTC as a rule; 1970 when nobody knows.",
        "project_format_version": PROJECT_FORMAT,
        "subjects_conf": {},
        "behaviors_conf": behaviors,
        "observations": {recording.name: _observation(recording) for recording in recordings},
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    return (json_text(project, indent=1) + "\n").encode("utf-8")


def _behavior(kind: str, key: str) -> dict[str, Any]:
    side = {"name": "side", "description": "", "type": 0, "ask at stop": False, "values": list(SIDES)}
    return {
        "type": "State event", "key": key, "code": kind, "description": KIND_WORDS[kind], "color": "", "category": "",
        "modifiers": {"0": side}, "excluded": "", "coding map": "",
    }  # fmt: skip


def _observation(recording: Recording) -> dict[str, Any]:
    session, media = recording.session, one_line(recording.session.source)
    known: dict[str, Any] = {
        "file": {"1": [media]} if recording.is_file else {},
        "type": "MEDIA" if recording.is_file else "LIVE",
        "date": started_text(recording)[:19],
        "description": f"nasalis session {session.session_id}, {number(session.observed_s, 0)} s observed",
        "time offset": 0.0,
        "events": _events(recording),
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "close_behaviors_between_videos": False,
        "scan_sampling_time": 0,
    }
    if recording.is_file:
        known["media_info"] = {
            "length": {media: round(float(session.duration_s), 3)},
            "fps": {media: round(float(session.fps), 3)},
            "hasVideo": {media: True},
            "hasAudio": {media: False},
            "offset": {"1": 0.0},
        }
    return known


def _events(recording: Recording) -> list[list[Any]]:
    states: dict[tuple[str, str], list[tuple[float, float, list[LoggedEpisode]]]] = {}
    for row in recording.episodes:
        start, end = round(row.episode.start_s, 3), round(row.episode.end_s, 3)
        same = states.setdefault((row.episode.kind, row.episode.side), [])
        if same and start < same[-1][1]:
            begun, ended, rows = same.pop()
            same.append((begun, max(ended, end), [*rows, row]))
        else:
            same.append((start, end, [row]))
    frame = ["NA"] if recording.is_file else []  # no frame number: the player goes by the time
    events: list[list[Any]] = []
    for (kind, side), spans in states.items():
        for start, end, rows in spans:
            comment = "; ".join(_comment(row) for row in rows)
            events += [[start, "", kind, side, comment, *frame], [end, "", kind, side, "", *frame]]
    return sorted(events, key=lambda event: event[0])


def _comment(row: LoggedEpisode) -> str:
    note = one_line(row.note)
    return f"{row.episode_id}, {number(row.episode.peak_mm, 2)} mm" + (f", {note}" if note else "")
