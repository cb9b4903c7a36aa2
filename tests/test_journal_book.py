"""The journal in the log: versions, experiments, and two programs at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from detector.errors import LogError, UsageError
from detector.record.entries import JournalEntry
from detector.record.log import EpisodeLog
from detector.study import journal_book
from detector.study.journal import Facts, entry_words, new_entry
from detector.study.journal_book import edit, experiment_days, is_running, remove, start_experiment, stop_experiment
from detector.study.journal_times import zone_named

ROOT = Path(__file__).resolve().parent.parent
BERLIN = "Europe/Berlin"
NOW = datetime(2026, 3, 10, 14, 20, tzinfo=zone_named(BERLIN).rules)


@pytest.fixture
def book(tmp_path: Path) -> EpisodeLog:
    return EpisodeLog(tmp_path / "log.sqlite")


def added(book: EpisodeLog, said: str, at: str = "2026-03-09 08:00", **facts: object) -> JournalEntry:
    noted = new_entry(said.split(), Facts(**facts), at, BERLIN, now=NOW)  # type: ignore[arg-type]
    return journal_book.write(book, noted.entry)


def begun(book: EpisodeLog, title: str, days: int, at: str, baseline: int | None = None) -> JournalEntry:
    return start_experiment(book, title, days, baseline, at, BERLIN, now=NOW).entry


# versions


def test_an_edit_keeps_what_was_written_before(book: EpisodeLog) -> None:
    first = added(book, "caffeine espresso")
    other = added(book, "stress 6")
    edit(book, first.key, ["90mg"], Facts(), now=NOW)
    edit(book, first.key, [], Facts(note="large"), "2026-03-09 09:00", BERLIN, now=NOW)
    versions = book.journal_versions(first.key)
    assert [entry_words(entry) for entry in versions] == [
        "caffeine 80 mg (espresso)", "caffeine 90 mg (espresso)", "caffeine 90 mg (espresso) - large",
    ]  # fmt: skip
    assert [entry.at[11:16] for entry in versions] == ["08:00", "08:00", "09:00"]
    assert [entry.key for entry in book.journal()] == [other.key, first.key]
    assert {entry.key for entry in book.journal_all_versions()} == {first.key, other.key}


def test_an_edit_that_fails_changes_nothing(book: EpisodeLog) -> None:
    key = added(book, "caffeine espresso").key
    with pytest.raises(UsageError):
        edit(book, key, ["5000mg"], Facts(), now=NOW)
    assert len(book.journal_versions(key)) == 1
    with pytest.raises(LogError, match="has no entry 99"):
        edit(book, 99, ["90mg"], Facts(), now=NOW)
    assert added(book, "stress 6").key == key + 1


def test_taken_back_and_brought_back(book: EpisodeLog) -> None:
    key = added(book, "caffeine espresso").key
    assert remove(book, key).removed
    assert book.journal() == []
    assert [entry.key for entry in journal_book.entries(book, removed=True, now=NOW)] == [key]
    with pytest.raises(UsageError, match="taken back already"):
        remove(book, key)
    with pytest.raises(UsageError, match="--undo"):
        edit(book, key, ["90mg"], Facts(), now=NOW)
    assert not remove(book, key, undo=True).removed
    with pytest.raises(UsageError, match="not taken back"):
        remove(book, key, undo=True)
    assert [entry.removed for entry in book.journal_versions(key)] == [False, True, False]


def test_entries_of_some_days_and_one_kind(book: EpisodeLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_book, "zone_named", lambda name: zone_named(name or BERLIN))
    for day in (7, 8, 9):
        added(book, "stress 6", f"2026-03-0{day} 00:00")
        added(book, "caffeine espresso", f"2026-03-0{day} 23:59")

    def found(**limits: str) -> list[str]:
        return [entry.at[8:10] + entry.kind[0] for entry in journal_book.entries(book, now=NOW, **limits)]

    assert found() == ["07s", "07c", "08s", "08c", "09s", "09c"]
    assert found(since="2026-03-08", until="yesterday") == ["08s", "08c"]
    assert found(kind="caffeine") == ["07c", "08c", "09c"]
    with pytest.raises(UsageError, match="did you mean caffeine"):
        found(kind="coffeine")


# experiments


def test_an_experiment_runs_for_its_days(book: EpisodeLog) -> None:
    entry = begun(book, "no caffeine", 5, "2026-03-08", baseline=7)
    assert (entry.kind, entry.value, entry.text) == ("experiment", 5.0, "no caffeine")
    assert entry.details == {"baseline_days": 7, "stopped": None}
    assert experiment_days(entry) == (date(2026, 3, 8), date(2026, 3, 13))
    assert [is_running(entry, date(2026, 3, day)) for day in (7, 8, 12, 13)] == [False, True, True, False]
    for days, baseline, told in ((0, None, "cannot be right"), (400, None, "cannot be right"), (5, 0, "baseline")):
        with pytest.raises(UsageError, match=told):
            start_experiment(book, "x", days, baseline, "2026-01-01", BERLIN, now=NOW)
    with pytest.raises(UsageError, match="needs a name"):
        start_experiment(book, " ", 5, None, "2026-01-01", BERLIN, now=NOW)


def test_the_day_of_stopping_belongs_to_it_no_longer(book: EpisodeLog) -> None:
    key = begun(book, "no caffeine", 5, "2026-03-08").key
    stopped = stop_experiment(book, at="2026-03-10 09:00", zone=BERLIN, now=NOW).entry
    assert stopped.key == key and stopped.details["stopped"] == "2026-03-10"
    assert experiment_days(stopped) == (date(2026, 3, 8), date(2026, 3, 10))
    assert len(book.journal_versions(key)) == 2
    with pytest.raises(UsageError, match="no experiment is running on 2026-03-10"):
        stop_experiment(book, at="2026-03-10 10:00", zone=BERLIN, now=NOW)
    begun(book, "no alcohol", 5, "2026-03-10")  # so another may begin on that day


def test_experiments_have_no_days_in_common(book: EpisodeLog) -> None:
    begun(book, "no caffeine", 5, "2026-03-01")
    for at, days in (("2026-03-05", 3), ("2026-02-20", 30), ("2026-03-02", 1), ("2026-02-25", 5)):
        with pytest.raises(UsageError, match=r"'no caffeine' \(2026-03-01 to 2026-03-05\) has days in common"):
            begun(book, "more sleep", days, at)
    before = begun(book, "more sleep", 4, "2026-02-25")
    after = begun(book, "more water", 3, "2026-03-06")
    with pytest.raises(UsageError, match="has days in common"):
        edit(book, before.key, ["9", "days"], Facts(), now=NOW)
    remove(book, after.key)
    begun(book, "less screen", 3, "2026-03-07")
    with pytest.raises(UsageError, match="has days in common"):
        remove(book, after.key, undo=True)
    assert [entry.text for entry in journal_book.experiments(book)] == ["more sleep", "no caffeine", "less screen"]


# two programs at once

_WRITER = """
import sys
from datetime import datetime
from detector.record.log import EpisodeLog
from detector.study import journal_book
from detector.study.journal import Facts, new_entry
from detector.errors import UsageError
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = datetime.now().astimezone()
print("ready", flush=True)
sys.stdin.readline()
with EpisodeLog(path) as book:
    for number in range(count):
        key = journal_book.write(book, new_entry(["stress", "6", name, str(number)], Facts(), now=now).entry).key
        journal_book.edit(book, key, [], Facts(note=name), now=now)
        journal_book.edit(book, 1, ["note", name, str(number)], Facts(), now=now)
    try:
        journal_book.start_experiment(book, name, 5, now=now)
        print("began")
    except UsageError:
        print("refused")
"""


def test_two_programs_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path, count = tmp_path / "log.sqlite", 8
    with EpisodeLog(path) as book:
        assert added(book, "note first").key == 1
    command = [sys.executable, "-c", _WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, name, str(count)], cwd=ROOT, stdin=-1, stdout=-1, text=True) for name in ("a", "b")
    ]
    for process in writers:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in writers]
    assert [process.returncode for process in writers] == [0, 0]
    assert sorted(said) == ["began", "refused"]  # not both: the question and the answer are one step
    with EpisodeLog(path) as book:
        rows = book.journal()
        assert len({entry.key for entry in rows}) == len(rows) == 2 * count + 2
        notes = [(entry.text, entry.details.get("note")) for entry in rows if entry.kind == "stress"]
        assert sorted(notes) == sorted((f"{name} {number}", name) for name in "ab" for number in range(count))
        assert len(book.journal_versions(1)) == 2 * count + 1
