"""A damaged log: every fault is said, everything that can be read is saved, and the damaged file is kept."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import cli
from detector.errors import LogError, OutputError
from detector.record import schema
from detector.record.check import TABLES, check_log
from detector.record.cut_off import NOTE
from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from detector.record.pages import Pages
from detector.record.presence import Presence
from detector.record.repair import LOST_SESSION, repair_log
from tests.older_logs import writing_format
from tests.test_log import episode, ordinary, recorded, session, twitch

PAGE = 4096
Rows = dict[str, set[tuple[object, ...]]]


def fill(path: Path) -> None:
    """A log with rows in every table, trees of several pages, and rows longer than a page."""
    with EpisodeLog(path) as log:
        log._db.execute("PRAGMA synchronous = OFF")  # nobody cuts the power
        for number in range(4):
            one = session(f"aa{number}", sha256=str(number), notes=["a long note " * 500] * (number == 2))
            run = log.begin(one)
            for k in range(1, 25):
                log.add_episode(run, episode(k, 2.0 * k))
            log.add_episode(run, ordinary(-1, 90.0))
            log.add_twitch(run, twitch(70.0, kept=False, reason="noise"))
            log.add_marker(run, 3.5, "felt it")
            log.add_gap(run, 50.0, 52.0, "unplugged")
            log.finish(run, dataclasses.replace(one, status="complete"))
        log.review_episode(1, 1, reviewer="me", review="confirmed", note="sure")
        log.review_episode(1, 1, reviewer="me", review="unsure")
        entries = [JournalEntry("note", f"2026-03-01T08:{minute:02d}:00+01:00", text="tea") for minute in range(60)]
        log.write_journal(entries)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "log.sqlite"
    fill(path)
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "log.sqlite"))


def rows_of(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as db:
        return {table: set(db.execute(f"SELECT * FROM {table}")) for table in TABLES}


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def overwrite(path: Path, page: int, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE + at)
        file.write(content)


# what is said


def test_a_log_of_every_table_is_sound_and_is_not_touched_by_looking(path: Path) -> None:
    before = path.read_bytes()
    checked = check_log(path)
    assert (checked.sound, checked.faults, checked.notes) == (True, [], [])
    assert checked.rows == {
        "sessions": 4, "episodes": 100, "twitches": 204, "markers": 4, "gaps": 4, "journal": 60, "reviews": 2
    }  # fmt: skip
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE episodes SET end_s = start_s - 1 WHERE run = 2 AND number = 3", "episodes, run 2, number 3: it ends"),
        ("UPDATE episodes SET kind = 'ghost' WHERE run = 2 AND number = 3", "there is no kind 'ghost'"),
        ("UPDATE episodes SET side = 'port' WHERE run = 2 AND number = 3", "there is no side 'port'"),
        ("UPDATE episodes SET confidence = 1.5 WHERE run = 2 AND number = 3", "its confidence is not between"),
        ("UPDATE episodes SET laterality = -7 WHERE run = 2 AND number = 3", "its laterality is not between"),
        ("UPDATE episodes SET regions = 'none' WHERE run = 2 AND number = 3", "regions cannot be read"),
        ("UPDATE episodes SET peak_mm = x'00ff' WHERE run = 2 AND number = 3", "peak_mm cannot be read"),
        ("UPDATE episodes SET review = 'maybe' WHERE run = 2 AND number = 3", "there is no review 'maybe'"),
        ("UPDATE episodes SET note = 'mine' WHERE run = 2 AND number = 3", "1 episodes hold a review that nobody"),
        ("UPDATE episodes SET review = 'rejected' WHERE run = 1 AND number = 1", "do not hold what was said of them"),
        ("UPDATE twitches SET peak_s = offset_s + 1 WHERE id = 5", "twitches, id 5, run 1: its times are not in order"),
        ("UPDATE twitches SET episode = 77 WHERE id = 5", "1 twitches belong to episodes that are not there"),
        ("UPDATE sessions SET settings = '[1]' WHERE run = 3", "sessions, run 3: settings cannot be read"),
        ("UPDATE sessions SET status = 'odd' WHERE run = 3", "there is no status 'odd'"),
        ("UPDATE sessions SET start_utc = 'soon' WHERE run = 3", "when it began cannot be read"),
        ("UPDATE sessions SET observed_s = 900 WHERE run = 3", "more was observed than there was"),
        ("UPDATE sessions SET frames = -1 WHERE run = 3", "a length or a count is under 0"),
        ("UPDATE sessions SET superseded_by = 1 WHERE run = 3", "1 sessions are superseded by an earlier one"),
        ("DELETE FROM sessions WHERE run = 3", "25 rows of episodes belong to sessions that are not there"),
        ("UPDATE journal SET at = 'tea time' WHERE version = 9", "journal, rowid 9: its time cannot be read"),
        ("UPDATE journal SET details = '7' WHERE version = 9", "journal, rowid 9: details cannot be read"),
        ("UPDATE journal SET removed = 1 WHERE version = 9", "1 journal entries were taken back that were never made"),
        ("UPDATE markers SET t_s = 'then' WHERE id = 2", "markers, rowid 2: its time is no number"),
    ],
)
def test_what_no_nasalis_wrote_is_said(path: Path, statement: str, words: str) -> None:
    change(path, statement)
    checked = check_log(path)
    assert not checked.sound and any(words in fault for fault in checked.faults), checked.words()


def test_many_of_a_kind_are_told_in_short(path: Path) -> None:
    change(path, "UPDATE twitches SET side = 'port'")
    assert len(check_log(path).faults) == 21
    assert "184 more of the kind" in check_log(path).faults[-1]


def test_an_index_that_lacks_a_row_is_said_and_mended(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'gaps_by_run'").fetchone()
    overwrite(path, page, b"\0\3", at=3)  # three cells instead of four
    assert any("gaps_by_run" in fault for fault in check_log(path).faults)
    before = rows_of(path)
    assert repair_log(path).notes == []
    assert check_log(path).sound and rows_of(path) == before


def test_a_log_of_an_older_format_is_checked_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = path.with_name("old.sqlite")
    with writing_format(monkeypatch, 3), EpisodeLog(old) as log:
        recorded(log, session(), episode(1, 1.0))
    before = old.read_bytes()
    checked = check_log(old)
    assert checked.sound and checked.rows["episodes"] == 1
    assert "older format" in checked.notes[0]
    assert old.read_bytes() == before


def test_the_command_tells_it_in_words_and_its_exit_code(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_log(path, "--check")
    assert capsys.readouterr().out == f"{path}: sound. " + (
        "4 sessions, 100 episodes, 204 twitches, 4 markers, 4 gaps, 60 journal, 2 reviews.\n"
    )
    change(path, "UPDATE episodes SET side = 'port' WHERE run = 2 AND number = 3")
    with pytest.raises(LogError, match="is damaged: save what can be read with nasalis log --repair") as caught:
        run_log(path, "--check", "--json")
    assert caught.value.exit_code == 2
    assert '"sound": false' in capsys.readouterr().out


def run_log(path: Path, *words: str) -> None:
    cli.app(["log", "--log", str(path), *words], standalone_mode=False)


# what is saved


def every_page(path: Path) -> dict[int, tuple[str, str, int]]:
    """Of each page: the tree it belongs to, what it is there, and its cells."""
    with closing(sqlite3.connect(path)) as db:
        try:
            return {page: (name, kind, cells) for page, name, kind, cells in
                    db.execute("SELECT pageno, name, pagetype, ncell FROM dbstat")}  # fmt: skip
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell its pages")


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_page_costs_its_own_rows_and_no_others(whole: Path, tmp_path: Path, part: int) -> None:
    before, chance = rows_of(whole), random.Random(part)
    trees = every_page(whole)
    assert {"leaf", "internal", "overflow"} <= {kind for _, kind, _ in trees.values()}
    for page, (tree, kind, cells) in trees.items():
        if page % 4 != part:
            continue
        path = Path(shutil.copy(whole, tmp_path / f"{page}.sqlite"))
        damage = ("random", "zero", "torn")[page % 3]
        content = chance.randbytes(PAGE) if damage == "random" else bytes(PAGE)
        overwrite(path, page, content[: PAGE // 2] if damage == "torn" else content, at=PAGE // 2 * (damage == "torn"))
        repaired = repair_log(path)
        assert repaired.damaged is not None or rows_of(path) == before, "what is not seen has done no harm"
        assert check_log(path).sound, (page, tree, kind)
        after = rows_of(path)
        for table in TABLES:
            missing = before[table] - after[table]
            if table != tree:
                # of other tables a row may be changed by what it belonged to, and none is lost
                assert len(after[table]) >= len(before[table]) - (table == "reviews") * 2, (page, tree, table)
            elif kind in ("leaf", "overflow"):
                assert len(missing) <= max(cells, 1), (page, tree, missing)
            else:
                assert not missing, (page, tree)
            if missing and table == tree:
                assert any(table in note for note in repaired.notes), repaired.words()


def test_a_first_page_that_is_gone_costs_nothing(path: Path) -> None:
    before = rows_of(path)
    overwrite(path, 1, b"\x5a" * PAGE)
    with pytest.raises(LogError, match="is not a nasalis log"):
        EpisodeLog(path)
    repaired = repair_log(path)
    assert repaired.damaged is not None and repaired.damaged.read_bytes().startswith(b"\x5a")
    assert rows_of(path) == before


def test_what_only_the_write_ahead_log_holds_is_saved_too(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(whole, tmp_path / "open.sqlite"))
    copy = tmp_path / "log.sqlite"
    with EpisodeLog(path) as log:
        run = log.begin(session("bb", sha256="b"))
        for number in range(1, 30):
            log.add_episode(run, episode(number, float(number)))
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", f"{copy}{ending}")
        before = {table: set(map(tuple, log._db.execute(f"SELECT * FROM {table}"))) for table in TABLES}
    overwrite(copy, 1, b"\x5a" * PAGE)
    by_hand = Pages(copy)
    assert len(list(by_hand.rows(by_hand.tables()["episodes"]))) == 129
    repair_log(copy)
    after = rows_of(copy)
    assert after["episodes"] == before["episodes"] and after["twitches"] == before["twitches"]
    (closed,) = after["sessions"] - before["sessions"]
    assert "interrupted" in closed and any(NOTE in str(cell) for cell in closed)


def test_rows_longer_than_a_page_are_read_page_by_page(whole: Path) -> None:
    pages = Pages(whole)
    found = {table: [values for _, values in pages.rows(root)] for table, root in pages.tables().items()}
    with closing(sqlite3.connect(whole)) as db:
        for table in TABLES:
            stored = [list(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]
            # the key of a table is its rowid and stored as none
            assert [mine if mine[0] is not None else [row[0], *mine[1:]]
                    for mine, row in zip(found[table], stored, strict=True)] == stored  # fmt: skip
    assert max(len(str(values)) for values in found["sessions"]) > PAGE


def test_values_that_cannot_be_read_are_unknown_and_the_rest_stays(path: Path) -> None:
    change(
        path,
        "UPDATE episodes SET regions = '{', peak_mm = x'00ff' WHERE run = 2 AND number = 3",
        "UPDATE sessions SET settings = '[', resting = '{\"no\": 1}' WHERE run = 3",
        "UPDATE twitches SET course_mm = 'up' WHERE id = 5",
        "UPDATE episodes SET start_s = 'soon' WHERE run = 2 AND number = 4",
    )
    repaired = repair_log(path)
    assert repaired.notes == [
        "1 of sessions hold values that could not be read and are unknown now",
        "1 of episodes could not be read or made no sense, and are left out",
        "1 of episodes hold values that could not be read and are unknown now",
        "1 of twitches hold values that could not be read and are unknown now",
    ]
    with EpisodeLog(path) as log:
        assert log.session(3).settings == {} and log.session(3).resting is None
        entry = log.episode(2, 3)
        assert entry is not None and entry.episode.regions == () and len(entry.episode.twitches) == 2
        assert log.episode(2, 4) is None and len(log.episodes()) == 95


def test_episodes_of_a_lost_session_stay_under_a_made_up_one(path: Path) -> None:
    change(path, "DELETE FROM sessions WHERE run = 3")
    repaired = repair_log(path)
    assert "1 sessions were lost" in repaired.notes[0]
    with EpisodeLog(path) as log:
        lost = log.session(3)
        assert (lost.session_id, lost.status, lost.notes) == ("lost3", "failed", [LOST_SESSION])
        assert len(log.episodes(3)) == 24
    assert check_log(path).sound


def test_what_people_said_holds_though_its_versions_are_lost(path: Path) -> None:
    change(path, "DELETE FROM reviews")
    repair_log(path)
    with EpisodeLog(path) as log:
        entry = log.episode(1, 1)
        assert entry is not None and (entry.review, entry.note) == ("unsure", "sure")
        assert [said.review for said in log.reviews(1, 1)] == ["unsure"]


@pytest.mark.parametrize("links", [True, False])
def test_the_damaged_log_is_kept_with_all_its_files(path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:  # as on a memory stick
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: os.link("", ""))
    content = path.read_bytes()
    overwrite(path, 5, b"\x5a" * PAGE)
    damaged = path.read_bytes()
    repaired = repair_log(path)
    assert repaired.damaged is not None and repaired.damaged.name.startswith("log.sqlite.damaged-")
    assert repaired.damaged.read_bytes() == damaged != content
    assert not list(path.parent.glob(".nasalis*"))


def test_repaired_elsewhere_the_damaged_log_is_not_touched(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overwrite(path, 5, b"\x5a" * PAGE)
    damaged, good = path.read_bytes(), path.with_name("good.sqlite")
    run_log(path, "--repair", "-o", str(good))
    assert f"{good}: repaired, with 4 sessions" in capsys.readouterr().out
    assert path.read_bytes() == damaged and check_log(good).sound
    with pytest.raises(OutputError, match="is there already"):
        repair_log(path, good)


def test_a_sound_log_stays_as_it_is_and_can_be_copied(path: Path) -> None:
    before = path.read_bytes()
    repaired = repair_log(path, path.with_name("copy.sqlite"))
    assert repaired.damaged is None and "nothing is damaged" in repaired.words()
    assert path.read_bytes() == before and rows_of(path.with_name("copy.sqlite")) == rows_of(path)


def test_what_cannot_be_repaired_is_said_and_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.with_name("notes.txt")
    text.write_bytes(b"no database at all " * 1000)
    with pytest.raises(LogError, match="nothing that belongs to an episode log"):
        repair_log(text)
    assert text.read_bytes().startswith(b"no database") and not list(path.parent.glob("*damaged*"))
    with pytest.raises(LogError, match="there is no episode log"):
        repair_log(path.with_name("typo"))
    photos = path.with_name("photos.sqlite")
    with closing(sqlite3.connect(photos)) as db:
        db.execute("CREATE TABLE photos (name TEXT)")
    with pytest.raises(LogError, match="database of another program"):
        repair_log(photos)
    change(path, f"PRAGMA user_version = {schema.FORMAT + 1}")
    with pytest.raises(LogError, match="newer nasalis"):
        repair_log(path)


def test_a_log_in_use_is_not_repaired_and_one_being_repaired_is_not_used(path: Path) -> None:
    overwrite(path, 5, b"\x5a" * PAGE)
    with EpisodeLog(path), pytest.raises(LogError, match="used by another program"):
        repair_log(path)
    alone = Presence(path, alone=True)
    with pytest.raises(LogError, match="just being repaired"):
        EpisodeLog(path)
    alone.close()
    with EpisodeLog(path) as log:
        assert len(log.runs()) == 4


@pytest.fixture
def fills_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    yield lambda: monkeypatch.setattr("detector.record.repair.shutil.copyfile", full)


def test_a_disk_that_is_full_leaves_the_damaged_log_where_it_is(path: Path, fills_up: Callable[[], None]) -> None:
    overwrite(path, 5, b"\x5a" * PAGE)
    damaged = path.read_bytes()
    fills_up()
    with pytest.raises((OutputError, LogError), match="No space left on device"):
        repair_log(path)
    assert path.read_bytes() == damaged
