"""The journal as CSV: there and back to the letter, sheets made by hand, and files that are none."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import SourceError, UsageError
from detector.record.entries import JournalEntry
from detector.record.harmless import defused, undefused
from detector.record.log import EpisodeLog
from detector.study import journal_book
from detector.study.journal import Facts, new_entry
from detector.study.journal_csv import COLUMNS, export_csv
from detector.study.journal_import import Imported, import_csv, read_csv
from detector.study.journal_times import zone_named
from tests.growth import assert_in_proportion

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 10, 14, 20, tzinfo=zone_named(BERLIN).rules)


def said(words: list[str], at: str = "2026-03-09 08:00", zone: str = BERLIN, **facts: object) -> JournalEntry:
    return new_entry(words, Facts(**facts), at, zone, now=NOW).entry  # type: ignore[arg-type]


def full_log(path: Path) -> EpisodeLog:
    """One entry of each sort, and all that is awkward in a CSV."""
    book = EpisodeLog(path)
    book.write_journal(
        [
            said(["caffeine", "0.5 l cola"], note="=HYPERLINK(1)"),
            said(["sleep", "7h20"], quality=4, note="Träume, «wild»\nzweite Zeile\r\ndritte; \"Zitat\""),
            said(["stress", "6"], "2026-10-25 02:30+01:00"),
            said(["stress", "6"], "2026-10-25 02:30+02:00"),
            said(["medication", "-blocker 0.1mg"], change="stopped"),
            said(["supplement", "マグネシウム 300mg"]),
            said(["droop", "3"], side="left", sudden=True),
            said(["spread"], side="both", sudden=False),
            said(["note", "'=already defused"]),
            said(["note", "@cmd|' /C calc'!A0"]),
            said(["note", "a\x1b[31mred\x07"]),
            said(["hydration", "1.1l"], "2026-03-01 08:10+05:45"),
            said(["note", "twice"]),
            said(["note", "twice"]),
            dataclasses.replace(said(["note", "odd"]), details={"list": [1, None], "note": "with more"}),
        ]
    )  # fmt: skip
    journal_book.start_experiment(book, "no caffeine", 5, 7, "2026-03-01", BERLIN, now=NOW)
    journal_book.start_experiment(book, "+ water", 5, None, "2026-03-10", BERLIN, now=NOW)
    journal_book.stop_experiment(book, at="2026-03-12", zone=BERLIN, now=NOW)
    return book


def alike(entry: JournalEntry) -> tuple[object, ...]:
    """All of an entry but its number and when it was written."""
    return tuple(dataclasses.astuple(dataclasses.replace(entry, key=0, made_utc="")))


def loaded(book: EpisodeLog, text: str | bytes, *, skip_bad: bool = False) -> Imported:
    content = text.encode() if isinstance(text, str) else text
    return import_csv(book, content, "sheet.csv", BERLIN, skip_bad=skip_bad, now=NOW)


@pytest.fixture
def empty(tmp_path: Path) -> EpisodeLog:
    return EpisodeLog(tmp_path / "empty.sqlite")


# there and back


def test_what_is_exported_comes_back_to_the_letter(tmp_path: Path, empty: EpisodeLog) -> None:
    book, path = full_log(tmp_path / "log.sqlite"), tmp_path / "journal.csv"
    assert export_csv(path, book.journal()) == 17
    found = loaded(empty, path.read_bytes())
    assert (found.rows, len(found.entries), found.known, found.bad) == (17, 17, 0, [])
    assert [alike(entry) for entry in empty.journal()] == [alike(entry) for entry in book.journal()]
    again = tmp_path / "again.csv"
    export_csv(again, empty.journal())
    without = [row[1:] for row in csv.reader(io.StringIO(again.read_text(), newline=""))]
    assert sorted(without) == sorted(row[1:] for row in csv.reader(io.StringIO(path.read_text(), newline="")))


def test_no_cell_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    export_csv(path, full_log(tmp_path / "log.sqlite").journal())
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=HYPERLINK(1)" in cells and "''=already defused" in cells and "'@cmd|' /C calc'!A0" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(st.text(alphabet="'=+-@\t\r\nab ", max_size=6))
def test_defusing_can_be_undone(text: str) -> None:
    assert undefused(defused(text)) == text
    assert not defused(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_every_column_is_explained_beside_the_file(tmp_path: Path) -> None:
    export_csv(tmp_path / "journal.csv", full_log(tmp_path / "log.sqlite").journal())
    about = json.loads((tmp_path / "journal.json").read_text(encoding="utf-8"))
    header = (tmp_path / "journal.csv").read_text(encoding="utf-8").splitlines()[0]
    assert ",".join(column["name"] for column in about["columns"]) == header == ",".join(COLUMNS)
    assert all(column["meaning"] for column in about["columns"]) and about["rows"] == 17


# twice


def test_nothing_is_imported_twice(tmp_path: Path, empty: EpisodeLog) -> None:
    path = tmp_path / "journal.csv"
    export_csv(path, full_log(tmp_path / "log.sqlite").journal())
    loaded(empty, path.read_bytes())
    again = loaded(empty, path.read_bytes())
    assert (len(again.entries), again.known) == (0, 17)
    assert len(empty.journal()) == 17


def test_rows_alike_are_one_entry_unless_they_have_numbers(empty: EpisodeLog) -> None:
    row = "2026-03-01 08:00,caffeine,80,mg,espresso\r\n"
    found = loaded(empty, "at,kind,value,unit,text\r\n" + 3 * row)
    assert (found.rows, len(found.entries), found.known) == (3, 1, 2)
    # the same moment by another clock
    found = loaded(empty, "at,kind,value,unit,text\r\n2026-03-01T07:00Z,caffeine,0.08,g,espresso\r\n")
    assert (len(found.entries), found.known) == (0, 1)
    numbered = "".join(f"{number},{row}" for number in (4, 5))
    found = loaded(empty, "entry,at,kind,value,unit,text\r\n" + numbered)
    assert (len(found.entries), found.known) == (1, 1)


def test_the_side_tells_entries_apart(empty: EpisodeLog) -> None:
    found = loaded(empty, "at,kind,side\r\n2026-03-01 08:00,droop,left\r\n2026-03-01 08:00,droop,right\r\n")
    assert len(found.entries) == 2


def test_what_was_changed_or_taken_back_does_not_return(empty: EpisodeLog) -> None:
    sheet = "at,kind,value\r\n2026-03-01 08:00,stress,6\r\n2026-03-02 08:00,stress,7\r\n2026-03-03 08:00,stress,8\r\n"
    first, second, _ = (entry.key for _, entry in zip(range(3), loaded(empty, sheet) and empty.journal(), strict=True))
    journal_book.edit(empty, first, ["2"], Facts(), now=NOW)
    journal_book.remove(empty, second)
    found = loaded(empty, sheet + "2026-03-04 08:00,stress,9\r\n")
    assert (len(found.entries), found.known) == (1, 3)
    assert [entry.value for entry in empty.journal()] == [2.0, 8.0, 9.0]


# sheets made by hand


def test_a_sheet_made_by_hand(empty: EpisodeLog) -> None:
    sheet = (
        "\ufeffAt;Kind;Value;Unit;Text\n"
        "2026-03-01 08:10;Caffeine;2;espresso;\n"
        "\n"
        "2026-03-02;sleep;7,5;h;\n"
        ";;;;\n"
        "2026-03-03 09:00;medication;;;sertraline 50mg\n"
        "2026-03-03 10:00;magnesium;0.3;g;\n"
        "2026-03-03 11:00;headache;7/10;;left\n"
        "2026-03-03 12:00;screen time;5h;;\n"
        "2026-03-03 13:00;caffeine;;;2 filter coffee\n"
        "2026-10-25 02:30;note;;;awake\n"
    )
    found = loaded(empty, sheet)
    assert [(entry.kind, entry.value, entry.text) for entry in empty.journal()] == [
        ("caffeine", 160.0, "2 espresso"),
        ("sleep", 7.5, ""),
        ("medication", 50.0, "sertraline"),
        ("supplement", 300.0, "magnesium"),
        ("headache", 7.0, "left"),
        ("screen_time", 5.0, ""),
        ("caffeine", 180.0, "2 filter coffee"),
        ("note", None, "awake"),
    ]
    assert {entry.zone for entry in empty.journal()} == {BERLIN}
    assert (4, "no time of day was given: 12:00 is taken") in found.remarks
    assert any(line == 11 and "was twice" in remark for line, remark in found.remarks)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2026-03-29 02:30,stress,6", "did not exist"),
        ("2027-03-01 08:00,stress,6", "still to come"),
        ("03/04/2026,stress,6", "several ways"),
        ("2026-03-01 08:00,stres,6", "did you mean stress"),
        ("2026-03-01 08:00,stress,", "number from 0 to 10"),
        ("2026-03-01 08:00,stress,-6", "-6 is outside"),
        ("2026-03-01 08:00,stress,nan", "is no number"),
        ("2026-03-01 08:00,caffeine,80", "80 of what.*like caffeine 80mg"),
        ("2026-03-01 08:00,caffeine,80,ml", "counted in mg"),
        ("2026-03-01 08:00,caffeine,5000,mg", "cannot be right"),
        ("2026-03-01 08:00,caffeine,-80,mg", "cannot be right"),
        ("2026-03-01 08:00,sleep,7,h,,9", "quality goes from"),
        ("2026-03-01 08:00,sleep,7,h,,good", "whole number"),
        ("2026-03-01 08:00,stress,6,,,3", "quality does not go with stress"),
        ("2026-03-01 08:00,droop,,,,,up", "no side 'up'"),
        ("2026-03-01 08:00,droop,,,,,,maybe", "true or false"),
        ("2026-03-01 08:00,note,,,,,,,Mars/Base", "needs its words|no time zone"),
        ("2026-03-01 08:00,note,,,x,,,,,{", "no JSON"),
        ("2026-03-01 08:00,note,,,x,,,,,[1]", "no JSON object"),
        ("2026-03-01 08:00,note,,,a,,,,,,b", "cells"),
        (",stress,6", "no at"),
        ("2026-03-01 08:00,,6", "no kind"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_nothing_is_imported(empty: EpisodeLog, row: str, told: str) -> None:
    sheet = (
        "at,kind,value,unit,text,quality,side,sudden,zone,details\n"
        '2026-03-01 07:00,note,,,"of two\nlines"\n'
        f"{row}\n2026-03-01 09:00,stress,5\n"
    )
    with pytest.raises(UsageError, match=rf"^sheet.csv, line 4: .*({told}).* Nothing was imported"):
        loaded(empty, sheet)
    assert empty.journal() == []
    found = loaded(empty, sheet, skip_bad=True)
    assert [bad.line for bad in found.bad] == [4]
    assert len(empty.journal()) == len(found.entries) == 2


def test_experiments_with_days_in_common_are_bad_rows(empty: EpisodeLog) -> None:
    sheet = (
        "at,kind,value,unit,text\n2026-03-01,experiment,5,days,no caffeine\n2026-03-01 08:00,stress,5\n"
        "2026-03-04,experiment,5,days,no alcohol\n"
    )
    with pytest.raises(UsageError, match="line 4: the experiment 'no caffeine'"):
        loaded(empty, sheet)
    assert empty.journal() == []
    found = loaded(empty, sheet, skip_bad=True)
    assert (len(found.entries), [bad.line for bad in found.bad]) == (2, [4])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (b"SQLite format 3\0\x10\0", "is no text"),
        ("at,kind\n".encode("utf-16"), "UTF-16"),
        (b"at,kind,text\n2026-03-01 08:00,note,x\n2026-03-01 08:00,note,Stra\xdfe\n", r"not in UTF-8 \(line 3\)"),
        (b"2026-03-01 08:00,note,x\n", "no column at and kind"),
        (b"at,kind,mood\n", "column 'mood' that is not known"),
        (b"at,kind,kind\n", "column kind twice"),
        (b'at,kind,text\n2026-03-01 08:00,note,"never ends\n', "no CSV from line 2"),
    ],
)
def test_files_that_are_no_journal(empty: EpisodeLog, content: bytes, told: str) -> None:
    with pytest.raises(SourceError, match=f"^sheet.csv .*{told}"):
        loaded(empty, content, skip_bad=True)
    assert empty.journal() == []


def test_thousands_of_rows_take_their_share(empty: EpisodeLog) -> None:
    def imported(count: int) -> None:
        rows = "".join(
            f"2026-0{1 + k % 9}-{1 + k % 28:02d} {k % 24:02d}:{k // 24 % 60:02d},caffeine,{k % 500},mg,row {k}\n"
            for k in range(count)
        )
        found = read_csv(f"at,kind,value,unit,text\n{rows}".encode(), "sheet.csv", "Asia/Tokyo", now=NOW)
        assert len(found.entries) == count
        empty.write_journal(entry for _, entry in found.entries)

    assert_in_proportion(imported, 4000)
