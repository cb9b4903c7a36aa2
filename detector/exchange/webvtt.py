"""WebVTT: captions that a browser or a player shows over the clip (W3C WebVTT, candidate recommendation of 2019)."""

from __future__ import annotations

from detector.exchange.recording import Recording, number, one_line, span_ms
from detector.record.entries import LoggedEpisode


def webvtt(recording: Recording) -> bytes:
    """Captions of one recording, a cue for each episode.

    Parameters
    ----------
    recording : Recording
        Times count from its start, as those of the player do.

    Returns
    -------
    bytes
        UTF-8. Texts are escaped, so that a note cannot become markup or end its cue.
    """
    session = recording.session
    about = f"nasalis session {session.session_id} of {one_line(session.source)}; left and right are the subject's own"
    blocks = ["WEBVTT", "NOTE " + _escaped(about)]
    for row in recording.episodes:
        start, end = span_ms(row.episode.start_s, row.episode.end_s)
        blocks.append(f"{row.episode_id}\n{_clock(start)} --> {_clock(end)}\n{_escaped(one_line(_words(row)))}")
    return ("\n\n".join(blocks) + "\n").encode("utf-8")


def _words(row: LoggedEpisode) -> str:
    found = row.episode
    told = [found.kind.replace("_", " "), found.side]
    if found.twitch_count:
        told.append(f"{found.twitch_count} twitch{'es' * (found.twitch_count != 1)}")
    size = number(found.peak_mm, 2, "")
    told += [f"{size} mm"] * bool(size) + [row.review] * bool(row.review)
    return ", ".join(told) + (f": {row.note}" if row.note.strip() else "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
