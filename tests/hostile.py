"""A log in which every text was written by somebody who means harm, and what is looked for in what comes out."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from tests.histories import episode, twitch
from tests.test_signals import known

EVIL = (
    '=HYPERLINK("http://a.invalid";1)\x1b]0;owned\x07\x1b[31m\x9b5m\u202e\u2066'
    "<script>owned=1</script><img src=x onerror=owned=1></title></svg></table>"
    "\r\n@SUM(1);=1+1\t-2\n--> \n\n00:00.000 --> 99:00.000\nowned\n../../../../owned\x00\x7f"
    "' \" ]]> &lt; {{7*7}} $x$ \\alpha [bold red]{0} %s" + "A" * 300
)
# characters that move the cursor, color or hide text, or turn its direction
MOVING = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
MOVING -= {"\t", "\n", "\r"}
# what a person, a camera or a file gave
FREE = {
    "sessions": ("source", "config_digest", "nasalis_version", "created_utc"),
    "episodes": ("co_movement", "evidence", "note"),
    "twitches": ("reason",),
    "markers": ("note",),
    "gaps": ("reason",),
    "reviews": ("reviewer", "note"),
    "journal": ("text", "unit", "zone"),
}
# words that only a program gives: shown as they are, as another version may have others
WORDS = {
    "sessions": ("status", "start_utc", "sha256"),
    "episodes": ("kind", "side", "region", "review", "review_kind"),
    "twitches": ("side", "region"),
    "markers": ("made_utc",),
    "reviews": ("made_utc", "kind", "review"),
    "journal": ("kind", "made_utc"),
}
# what must be an id, a number, a time or a document
REFUSED = (
    ("sessions", "session_id"), ("sessions", "notes"), ("sessions", "settings"), ("sessions", "floor_mm"),
    ("sessions", "resting"), ("sessions", "duration_s"), ("episodes", "regions"), ("episodes", "snr"),
    ("twitches", "course_mm"), ("journal", "at"), ("journal", "details"), ("journal", "value"),
)  # fmt: skip


def write_hostile_log(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """A log with a row in every table, and the evil text in these columns and in every text inside of others."""
    sizes = {"procerus": 0.3, EVIL: 0.2}
    session = known(
        session_id="abc123def456", source="clip.mp4", start_utc="2026-03-01T08:00:00+00:00",
        settings={EVIL: EVIL, "sensitivity": "normal"}, versions={EVIL: EVIL}, notes=[EVIL, EVIL],
        duration_s=1800.0, observed_s=1800.0, face_s=1800.0, observed_by_minute_s=(60.0,) * 30,
        not_observed_s={EVIL: 3.0}, floor_mm=sizes, limit50_mm=sizes, limit90_mm=sizes,
    )  # fmt: skip
    at = "2026-03-01T09:00:00+00:00"
    with EpisodeLog(path) as log:
        run = log.begin(session)
        for number in (1, 2, -1):
            found = episode(number, 10.0 + 5 * number, "left", count=2, kind="blink" if number < 0 else "tic_like")
            log.add_episode(run, dataclasses.replace(found, regions=("procerus", EVIL)))
        log.add_twitch(run, twitch(50.0, "left", kept=False, reason="below threshold"))
        for number in (1, 2, -1):
            log.review_episode(run, number, reviewer="me", review="confirmed", note="a note")
        log.add_marker(run, 15.0, "felt it")
        log.add_gap(run, 60.0, 61.0, "unplugged")
        log.finish(run, session)
        log.write_journal([
            JournalEntry("note", at, text="a word", details={"note": EVIL, EVIL: EVIL}),
            JournalEntry("medication", at, text="a name", details={"change": "started", "note": EVIL, "side": EVIL}),
            JournalEntry("caffeine", at, value=100.0, unit="mg", details={"note": EVIL, EVIL: EVIL}),
            JournalEntry("experiment", at, value=5.0, unit="days", text="less", details={"note": EVIL}),
        ])  # fmt: skip
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for table, names in columns.items():
            for name in names:
                db.execute(f"UPDATE {table} SET {name} = ?", (EVIL,))
