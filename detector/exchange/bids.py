"""BIDS: ``events.tsv`` and the ``events.json`` that explains it (BIDS 1.10, task events and tabular files)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from detector import __version__
from detector.exchange.recording import Recording, number, one_line
from detector.record.entries import REJECTED_KINDS, LoggedEpisode
from detector.record.harmless import SAID, defused, json_text
from detector.types import Kind

KIND_WORDS: dict[str, str] = {
    "fasciculation_like": "small and brief, of one muscle, as fasciculations are",
    "hemifacial_spasm_like": "several muscles of one side together, as in hemifacial spasm",
    "tic_like": "as tics are",
    "synkinesis_like": "goes with a movement that was meant, as synkinesis does",
    "undetermined": "a twitch of which no more can be said",
    "blink": "no twitch: the lids close",
    "speech": "no twitch: speaking",
    "expression": "no twitch: an expression of the face",
    "sniff": "no twitch: a sniff",
    "head_motion": "no twitch: the head moves",
    "artefact": "no twitch: a fault of the picture",
}
KINDS: tuple[str, ...] = (*get_args(Kind), *REJECTED_KINDS)


class _Column(NamedTuple):
    name: str
    about: dict[str, Any]
    value: Callable[[LoggedEpisode], str]


def _said(text: str) -> str:
    return defused(one_line(text)) or "n/a"


_COLUMNS: tuple[_Column, ...] = (
    _Column("onset", {"Description": "Start, from the beginning of the recording", "Units": "s"},
            lambda row: number(row.episode.start_s, 3)),
    _Column("duration", {"Description": "Length; the end itself is no longer part of it", "Units": "s"},
            lambda row: number(max(round(row.episode.end_s, 3) - round(row.episode.start_s, 3), 0.0), 3)),
    _Column("trial_type", {"Description": "What the movement looks like; a description, never a diagnosis",
                           "Levels": {kind: KIND_WORDS[kind] for kind in KINDS}}, lambda row: _said(row.episode.kind)),
    _Column("side", {"Description": "The subject's own side", "Levels": {
        "left": "the subject's left", "right": "the subject's right", "both": "both sides", "midline": "the middle"}},
            lambda row: _said(row.episode.side)),
    _Column("region", {"Description": "Muscle area that moved most"}, lambda row: _said(row.episode.region)),
    _Column("twitch_count", {"Description": "Number of twitches"}, lambda row: str(int(row.episode.twitch_count))),
    _Column("rate_hz", {"Description": "Twitches per second inside the episode", "Units": "Hz"},
            lambda row: number(row.episode.rate_hz, 2)),
    _Column("peak_mm", {"Description": "Largest amplitude; the scale is good to about 10 %", "Units": "mm"},
            lambda row: number(row.episode.peak_mm, 3)),
    _Column("mean_mm", {"Description": "Mean amplitude", "Units": "mm"},
            lambda row: number(row.episode.mean_mm, 3)),
    _Column("snr", {"Description": "Largest amplitude over the local standard deviation"},
            lambda row: number(row.episode.snr, 2)),
    _Column("confidence", {"Description": "How sure the program is that this is a twitch, 0 to 1"},
            lambda row: number(row.episode.confidence, 3)),
    _Column("review", {"Description": "What a person decided about it", "Levels": {
        "confirmed": "it is one", "rejected": "it is none", "unsure": "cannot be told"}},
            lambda row: _said(row.review)),
    _Column("review_kind", {"Description": "Kind in the eyes of that person, where it is another"},
            lambda row: _said(row.review_kind)),
    _Column("note", {"Description": f"A person's remark; {SAID}"}, lambda row: _said(row.note)),
    _Column("episode_id", {"Description": "Id in the episode log"}, lambda row: _said(row.episode_id)),
    _Column("start_time", {"Description": "Time of day of the start, ISO 8601 with offset"},
            lambda row: _said(row.start_time)),
)  # fmt: skip


def events_tsv(recording: Recording) -> bytes:
    """One line for each episode, in time order; ``n/a`` where nothing is known, as BIDS asks.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    bytes
        UTF-8, tabs between the cells and no quotes: line ends and tabs in notes become spaces.
    """
    lines = ["\t".join(column.name for column in _COLUMNS)]
    lines += ["\t".join(column.value(row) for column in _COLUMNS) for row in recording.episodes]
    return ("\n".join(lines) + "\n").encode("utf-8")


def events_json(recording: Recording) -> bytes:
    """What the columns of :func:`events_tsv` mean, with their units and levels, and which session they are of."""
    session = recording.session
    about: dict[str, Any] = {column.name: column.about for column in _COLUMNS}
    about["GeneratedBy"] = {"Name": "nasalis", "Version": __version__, "Session": session.session_id}
    about["Recording"] = {
        "Source": one_line(session.source),
        "SHA256": session.sha256 or "n/a",
        "Start": "n/a" if recording.started is None else recording.started.isoformat(timespec="milliseconds"),
        "DurationSeconds": round(float(session.duration_s), 3),
        "ObservedSeconds": round(float(session.observed_s), 3),
    }
    return (json_text(about, indent=2) + "\n").encode("utf-8")
