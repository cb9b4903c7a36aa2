"""``nasalis forget``: what goes is gone from every byte of every file, and what stays is as it was."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import cli
from detector.clip_folder import ClipFolder
from detector.encode import VideoWriter
from detector.forgetting import plan
from detector.record.entries import JournalEntry
from detector.record.forget import Wanted
from detector.record.log import EpisodeLog
from detector.study.review.replays import replay_name
from detector.types import Session
from tests.histories import episode, twitch
from tests.test_signals import known

SECRET = "Katharina"  # in every text of what is to be forgotten
KEPT = "Benedikt"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, with a log and a cache of its own and nobody at the keyboard."""
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def _run(*words: object) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *capfd.readouterr())

    return _run


def session(name: str, number: int, **changes: object) -> Session:
    base = known(
        session_id=f"{name.lower()}{number}", source=f"films/{name} {number}.mp4", sha256=f"{number}" * 64,
        start_utc=f"2026-03-{number:02d}T08:00:00+00:00", notes=[f"a note on {name}"],
        settings={"who": name}, versions={"of": name},
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def add(log: EpisodeLog, of: Session, name: str, *, replace: bool = False) -> int:
    """A run with a row in every table, each of which has the name in every text that a person or a file gave."""
    run = log.begin(of, replace=replace)
    for number in (1, 2, -1):
        kind = "blink" if number < 0 else "tic_like"
        found = episode(number, 10.0 + 5 * number, "left", count=2, kind=kind)
        log.add_episode(run, dataclasses.replace(found, evidence=f"evidence of {name}", co_movement=name))
    log.add_twitch(run, twitch(50.0, "left", kept=False, reason=f"reason of {name}"))
    log.review_episode(run, 1, reviewer=f"Dr. {name}", review="confirmed", note=f"{name} at first")
    log.review_episode(run, 1, reviewer=f"Dr. {name}", review="rejected", note=f"{name} then")
    log.add_marker(run, 12.0, f"{name} felt it")
    log.add_gap(run, 60.0, 61.0, f"{name} unplugged it")
    log.finish(run, of)
    return run


def note(name: str, day: int, **changes: object) -> JournalEntry:
    entry = JournalEntry("note", f"2026-03-{day:02d}T09:00:00+00:00", text=f"a word on {name}", details={"note": name})
    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two people: one to be forgotten between two days of the other."""
    path = tmp_path / "log.sqlite"
    with EpisodeLog(path) as log:
        add(log, session(KEPT, 1), KEPT)
        add(log, session(SECRET, 5), SECRET)
        add(log, session(KEPT, 9), KEPT)
        log.write_journal([note(KEPT, 1), note(SECRET, 5), note(KEPT, 9)])
        log.write_journal([note(f"{SECRET} again", 5, key=2)])
        log.write_journal([note(SECRET, 5, key=2, removed=True)])
    return path


def bytes_of(folder: Path) -> bytes:
    """Everything in a folder, names of files included."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return b"".join(str(file).encode() + file.read_bytes() for file in files)


def listed(path: Path) -> object:
    """All that the log says, but for the secret."""
    with EpisodeLog(path) as log:
        runs = [run for run in log.runs(True) if SECRET.lower() not in run.session.session_id]
        keys = [run.run for run in runs]
        return (
            runs,
            log.episodes(keys, include_rejected=True),
            log.twitches(keys, include_rejected=True),
            [log.reviews(key, 1) for key in keys],
            log.markers(keys),
            log.gaps(keys),
            [entry for entry in log.journal_all_versions() if SECRET not in entry.text],
        )


WAYS = [
    "--session katharina5",
    "--session katharina",
    f"--source films/{SECRET}_5.mp4",
    f"--source {SECRET}_5.mp4",
    f"--sha256 {'5' * 64}",
    "--since 2026-03-04 --until 2026-03-08",
    "--since 2026-03-04T00:00+00:00 --until 2026-03-08",
]


@pytest.mark.parametrize("way", WAYS)
def test_every_byte_of_a_session_goes_and_nothing_else(run: Run, path: Path, tmp_path: Path, way: str) -> None:
    before = listed(path)
    assert bytes_of(tmp_path).count(SECRET.encode()) > 20
    with EpisodeLog(path):  # as a review page or another command holds it: the file beside it stays
        ran = run("forget", *(word.replace("_", " ") for word in way.split()), "--entry", 2, "--yes")
        assert ran.code == 0 and "Removed." in ran.err and "held" not in ran.err
        assert SECRET.encode() not in bytes_of(tmp_path)
        assert SECRET.lower().encode() not in bytes_of(tmp_path)
    assert listed(path) == before
    with EpisodeLog(path) as log:
        assert log.begin(session("new", 3)) == 4, "no key is given twice"


def test_rows_deleted_earlier_go_as_well(run: Run, path: Path, tmp_path: Path) -> None:
    with EpisodeLog(path) as log:
        for k in range(200):
            log.add_twitch(1, twitch(100.0 + k, "left", reason=f"sighted {SECRET}"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = OFF")  # some builds of SQLite have it on from the start, others not
        db.execute("DELETE FROM twitches WHERE onset_s > 99")
    assert run("forget", "--session", "katharina5", "--entry", 2, "--dry-run").code == 0
    assert b"sighted " + SECRET.encode() in bytes_of(tmp_path), "pages that are free keep what stood in them"
    assert run("forget", "--session", "katharina5", "--entry", 2, "--yes").code == 0
    assert SECRET.encode() not in bytes_of(tmp_path)


def test_the_journal_of_a_time_goes_with_all_versions(run: Run, path: Path) -> None:
    ran = run("forget", "--since", "2026-03-04", "--until", "2026-03-08", "--journal", "--yes")
    assert ran.code == 0
    assert SECRET.encode() not in bytes_of(path.parent)
    with EpisodeLog(path) as log:
        assert [entry.key for entry in log.journal_all_versions()] == [1, 3]


def test_all_of_it(run: Run, path: Path) -> None:
    ran = run("forget", "--all", "--yes", "--json")
    told = json.loads(ran.out)
    assert told["removed"] is True and told["counts"]["sessions"] == 3 and told["counts"]["journal_entries"] == 0
    with EpisodeLog(path) as log:
        assert log.runs(True) == [] and len(log.journal()) == 2
    assert b"films/" not in bytes_of(path.parent)
    run("forget", "--all", "--journal", "--yes")
    left = bytes_of(path.parent)
    assert KEPT.encode() not in left and SECRET.encode() not in left


def test_what_a_run_superseded_goes_with_it(run: Run, path: Path) -> None:
    with EpisodeLog(path) as log:
        for number in (6, 7):
            again = session(SECRET, 5, session_id=f"katharina-again{number}")
            add(log, again, SECRET, replace=True)
        assert [entry.run for entry in log.runs()] == [1, 3, 5]
    assert run("forget", "--session", "katharina-again7", "--entry", 2, "--yes").code == 0
    with EpisodeLog(path) as log:
        assert [entry.run for entry in log.runs(True)] == [1, 3]
    assert SECRET.encode() not in bytes_of(path.parent)


def test_a_run_that_was_superseded_can_go_alone(run: Run, path: Path) -> None:
    with EpisodeLog(path) as log:
        add(log, session(SECRET, 5, session_id="later"), SECRET, replace=True)
    assert run("forget", "--session", "katharina5", "--yes").code == 0
    with EpisodeLog(path) as log:
        assert [entry.session.session_id for entry in log.runs(True)] == ["benedikt1", "benedikt9", "later"]


def test_a_file_is_found_by_its_hash_under_any_name(run: Run, path: Path, tmp_path: Path) -> None:
    from detector.container import sha256_of

    clip = tmp_path / "renamed.mp4"
    clip.write_bytes(b"pictures")
    with EpisodeLog(path) as log:
        add(log, session(SECRET, 6, sha256=sha256_of(clip)), SECRET)
    told = json.loads(run("forget", "--source", clip, "--dry-run", "--json").out)
    assert [one["session_id"] for one in told["sessions"]] == ["katharina6"]


def test_clips_and_replays_of_the_session_go_and_no_others(run: Run, path: Path, tmp_path: Path) -> None:
    clips, cache = tmp_path / "kept clips", tmp_path / "cache" / "nasalis"
    going = [clips / "katharina5-e0001.mp4", clips / "katharina5-e0099.mp4"]
    going += [cache / "replays" / replay_name("katharina5-e0001", 1), cache / "tune" / "0123.npz"]
    staying = [clips / "benedikt1-e0001.mp4", clips / "katharina5-notes.txt", clips / "katharina55-e0001.mp4"]
    staying += [cache / "replays" / replay_name("benedikt1-e0001", 1), tmp_path / "mine.mp4"]
    for file in (*going, *staying):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a face")
    link = clips / "katharina5-e0002.mp4"
    link.symlink_to(tmp_path / "mine.mp4")
    ran = run("forget", "--session", "katharina5", "--clips", clips, "--dry-run", "-v")
    assert "2 clips" in ran.err and "1 cached replay" in ran.err and str(going[1]) in ran.err
    assert all(file.exists() for file in going), "a dry run changes nothing"
    assert run("forget", "--session", "katharina5", "--clips", clips, "--yes").code == 0
    assert not any(file.exists() for file in going)
    assert all(file.exists() for file in (*staying, link))


def test_what_a_killed_program_had_half_written_goes_too(
    run: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, replays = tmp_path / "kept clips", tmp_path / "cache" / "nasalis" / "replays"
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if killed before
    left = {}
    for name in ("katharina5-e0001", "benedikt1-e0001"):
        with ClipFolder(clips, 100.0).part() as part, ClipFolder(replays, 100.0).part() as cached:
            writers = [VideoWriter(place, 64, 48) for place in (part / f"{name}.mp4", cached / replay_name(name, 1))]
        left[name] = [writer._part for writer in writers]
        assert all(file.exists() for file in left[name])
    assert run("forget", "--session", "katharina5", "--clips", clips, "--yes").code == 0
    assert not any(file.exists() for file in left["katharina5-e0001"])
    assert all(file.exists() for file in left["benedikt1-e0001"])


def test_a_clip_that_cannot_be_removed_stops_it_before_the_log(
    run: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "clips" / "katharina5-e0001.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"a face")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    before = listed(path)
    monkeypatch.setattr(Path, "unlink", refused)
    ran = run("forget", "--session", "katharina5", "--clips", clip.parent, "--yes")
    assert ran.code == 2 and "cannot be removed (Permission denied)" in ran.err
    assert listed(path) == before
    with EpisodeLog(path) as log:
        assert len(log.runs(True)) == 3


def test_a_session_that_goes_on_is_left_alone(run: Run, path: Path) -> None:
    with EpisodeLog(path) as live:
        going = live.begin(session(SECRET, 8, status="running"))
        ran = run("forget", "--all", "--yes")
        assert ran.code == 2 and "katharina8 is still going on" in ran.err
        assert len(live.runs(True)) == 4
        live.add_marker(going, 1.0)
    assert run("forget", "--session", "katharina8", "--yes").code == 0, "its program is gone"


def test_what_a_repair_has_kept_goes_with_everything_and_is_named_otherwise(run: Run, path: Path) -> None:
    kept = [
        path.with_name("log.sqlite.damaged-20260301-080000"),
        path.with_name("log.sqlite.damaged-20260301-080000-wal"),
    ]
    for file in kept:
        file.write_bytes(SECRET.encode())
    for way in ("--session katharina5", "--all"):
        ran = run("forget", *way.split(), "--yes")
        assert all(file.exists() and str(file) in ran.err for file in kept)
    assert "2 damaged log files" in run("forget", "--all", "--journal", "--yes").err
    assert SECRET.encode() not in bytes_of(path.parent)


def test_nobody_at_the_keyboard_is_no_yes(run: Run, path: Path) -> None:
    before = path.read_bytes()
    ran = run("forget", "--all")
    assert ran.code == 2 and "add --yes" in ran.err and path.read_bytes() == before


@pytest.mark.parametrize(("said", "gone"), [("yes\n", True), ("y\n", False), ("\n", False), ("", False)])
def test_a_person_is_asked(run: Run, path: Path, monkeypatch: pytest.MonkeyPatch, said: str, gone: bool) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Keyboard(said))
    monkeypatch.setattr("detector.terminal.Talk.is_terminal", True)
    ran = run("forget", "--session", "katharina5")
    assert ran.code == 0 and "1 session, 3 episodes" in ran.err and "films/Katharina 5.mp4" in ran.out
    with EpisodeLog(path) as log:
        assert (len(log.runs(True)) == 2) is gone


@pytest.mark.parametrize(("line", "words"), [
    ("", "Say what is to be forgotten"),
    ("--all --session benedikt1", "give either"),
    ("--session benedikt1 --journal", "--journal goes with --all"),
    ("--journal", "Say what is to be forgotten"),
    ("--session benedikt", "2 sessions fit"),
    ("--session nobody", "no session fits"),
    ("--entry 77", "no entry 77"),
    ("--since yesterday-ish", "is no time"),
    ("--all --clips nowhere", "nowhere is no folder"),
    ("--all --yes --dry-run", "contradict"),
])  # fmt: skip
def test_what_is_not_clear_is_one_sentence(run: Run, path: Path, line: str, words: str) -> None:
    before = path.read_bytes()
    ran = run("forget", *line.split())
    assert ran.code == 2 and words in ran.err and ran.err.count("\n") == 1 and ran.out == ""
    assert path.read_bytes() == before


def test_sessions_of_an_unknown_time_are_left_and_told(run: Run, path: Path) -> None:
    with EpisodeLog(path) as log:
        add(log, session(SECRET, 7, start_utc=""), SECRET)
    ran = run("forget", "--since", "2020-01-01", "--yes")
    assert ran.code == 0 and "Of 1 session nobody knows when it was" in ran.err
    with EpisodeLog(path) as log:
        assert [run.session.session_id for run in log.runs(True)] == ["katharina7"]


def test_a_reader_in_the_way_is_told(path: Path) -> None:
    from detector.forgetting import carry_out
    from detector.record import forget, schema

    reader = schema.connect(path)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        schema_busy, forget.schema.BUSY_S = schema.BUSY_S, 0.05
        try:
            assert carry_out(plan(path, Wanted(everything=True), None)) is False
        finally:
            forget.schema.BUSY_S = schema_busy
    finally:
        reader.close()
    with EpisodeLog(path) as log:
        assert log.runs(True) == []
