"""ELAN: an ``.eaf`` with a tier for each side, the clip linked, and the kinds as a controlled vocabulary."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from detector.exchange.bids import KIND_WORDS
from detector.exchange.recording import Recording, missing, one_line, span_ms, started_text
from detector.types import Side

KINDS_NAME, NOTES = "kinds", "notes"
_LANGUAGE = "und"  # "undetermined" of ISO 639-3: what ELAN itself writes for a vocabulary in one language
_LANGUAGE_URL = "http://cdb.iso.org/lg/CDB-00130975-001"


def elan(recording: Recording) -> bytes:
    """The episodes as annotations of ELAN, in milliseconds from the start of the clip.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    bytes
        XML. Tiers ``left``, ``right``, ``both`` and ``midline`` hold the kinds, ``notes`` the ids and what a person
        remarked. ELAN lets no two annotations of a tier overlap: those that would go to ``left 2`` and so on.

    Raises
    ------
    UsageError
        The extra is not installed.
    """
    try:
        from pympi.Elan import Eaf
    except ImportError as error:
        raise missing("pympi-ling", "ELAN's format") from error
    file = Eaf(author=f"nasalis session {recording.session.session_id}")
    file.adocument["DATE"] = started_text(recording)  # the same episodes give the same file
    _vocabulary(file)
    file.remove_tier("default")
    if recording.is_file:
        clip = Path(one_line(recording.session.source))
        # as ELAN writes it: not percent-encoded; when the file is not there, it looks beside the .eaf
        file.add_linked_file(
            f"file://{clip.absolute().as_posix()}",
            relpath=f"./{clip.name}",
            mimetype=mimetypes.guess_type(clip.name)[0] or "video/*",
        )
    rows = recording.episodes
    for side in get_args(Side):
        spans = [(*span_ms(row.episode.start_s, row.episode.end_s), row) for row in rows if row.episode.side == side]
        _fill(file, side, KINDS_NAME, [(start, end, one_line(row.episode.kind)) for start, end, row in spans])
    words = [f"{row.episode_id}" + (f", {row.review}" if row.review else "") + f": {row.note}" for row in rows]
    noted = [
        (*span_ms(row.episode.start_s, row.episode.end_s), one_line(text))
        for row, text in zip(rows, words, strict=True)
        if row.note or row.review
    ]
    _fill(file, NOTES, "default-lt", noted)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.eaf"
        file.to_file(str(path))
        return path.read_bytes()


def _vocabulary(file: Any) -> None:
    file.add_language(_LANGUAGE, _LANGUAGE_URL, "undetermined (und)")
    file.add_controlled_vocabulary(KINDS_NAME)
    told = "what the movement looks like; a description, never a diagnosis"
    file.add_cv_description(KINDS_NAME, _LANGUAGE, told)
    for kind, meaning in KIND_WORDS.items():
        file.add_cv_entry(KINDS_NAME, f"kind-{kind}", [(kind, _LANGUAGE, meaning)])
    kinds = {
        "LINGUISTIC_TYPE_ID": KINDS_NAME, "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false",
        "CONTROLLED_VOCABULARY_REF": KINDS_NAME,
    }  # fmt: skip
    file.add_linguistic_type(KINDS_NAME, param_dict=kinds)


def _fill(file: Any, name: str, linguistic: str, spans: Iterable[tuple[int, int, str]]) -> None:
    """Tiers ``name``, ``name 2`` ... with the spans, which come in the order of their starts."""
    file.add_tier(name, linguistic)
    free_ms = [0]  # of each tier, where its last annotation ends
    for start, end, text in spans:
        k = next((k for k, free in enumerate(free_ms) if free <= start), len(free_ms))
        if k == len(free_ms):
            free_ms.append(0)
            file.add_tier(f"{name} {k + 1}", linguistic)
        free_ms[k] = end
        file.add_annotation(name if k == 0 else f"{name} {k + 1}", start, end, text)
