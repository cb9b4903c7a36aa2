"""The commands ``nasalis journal ...`` as a person types them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from detector.record.log import EpisodeLog
from tests.test_cli import HEAVY, Ran, Run, run

__all__ = ["run"]  # a fixture
# typer itself loads pydantic for the help of any command with options
HEAVY_HERE = sorted({*HEAVY, "dateparser", "pandas", "sqlite3", "tzlocal"} - {"pydantic"})
ROOT = Path(cli.__file__).resolve().parent
AT = ("--at", "2026-03-01 08:10", "--zone", "Europe/Berlin")


def ok(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    return ran.out


def test_neither_the_commands_nor_their_help_load_anything_heavy() -> None:
    code = (
        "import sys, cli\n"
        "sys.argv = ['nasalis', 'journal', 'add', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY_HERE!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["add", "edit", "remove", "list", "kinds", "import", "export", "experiment start", "experiment stop"]
)
def test_every_command_has_help_quiet_and_verbose(run: Run, command: str) -> None:
    ran = run("journal", *command.split(), "-h")
    assert ran.code == 0 and all(option in ran.out for option in ("-q, --quiet", "-v, --verbose", "--json"))


def test_what_was_written_down_is_shown_as_stored(run: Run) -> None:
    ran = run("journal", "add", "caffeine", "2 espresso", *AT)
    assert ran.out == "1: Sun 2026-03-01 08:10 +01:00 Europe/Berlin: caffeine 160 mg (2 espresso)\n"
    assert ran.err == "Espresso of 60 ml: about 80 mg (EFSA 2015, Scientific Opinion on the safety of caffeine).\n"
    ran = run("journal", "add", "medication", "sertraline", "50mg", "--started", *AT, "-q")
    assert ran == Ran(0, "2: Sun 2026-03-01 08:10 +01:00 Europe/Berlin: medication sertraline 50 mg, started\n", "")
    entry = json.loads(ok(run("journal", "add", "sleep", "7h30", "--quality", "3", *AT, "--json")))
    assert (entry["key"], entry["value"], entry["unit"], entry["details"]) == (3, 7.5, "h", {"quality": 3})
    listed = ok(run("journal", "list")).splitlines()
    assert [line.split()[0] for line in listed[2:5]] == ["1", "2", "3"]
    assert "2026-03-01 08:10 +01:00  sleep 7 h 30 min, quality 3 of 5" in listed[4]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("add caffeine 5000mg", "5000 mg cannot be right"),
        ("add caffein espresso", "did you mean caffeine?"),
        ("add sleep", "the amount of sleep is missing"),
        ("add stress 6 --at tomorrow", "still to come"),
        ("add stress 6 --zone Mars", "no time zone"),
        ("add caffeine espresso --side left", "side does not go with caffeine"),
        ("add medication x --started --stopped", "contradict"),
        ("add stress 6 -q -v", "contradict"),
        ("edit 1 5", "there is no episode log"),
        ("list", "there is no episode log"),
        ("import nowhere.csv", "nowhere.csv cannot be read"),
        ("experiment start x --days 0", "cannot be right"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(run: Run, tmp_path: Path, words: str, told: str) -> None:
    ran = run("journal", *words.split())
    assert ran.code == (3 if "import" in words else 2)
    assert told in ran.err and ran.err.count("\n") == 1 and ran.out == ""
    assert not (tmp_path / "log.sqlite").exists() or EpisodeLog(tmp_path / "log.sqlite").journal() == []


def test_what_must_not_wait_is_said_even_when_quiet(run: Run, tmp_path: Path) -> None:
    ran = run("journal", "add", "droop", "--side", "left", "--sudden", "--note", "woke up so", "-q", *AT)
    assert ran.err.startswith("nasalis: Sudden weakness or drooping of the face")
    assert "1: Sun 2026-03-01 08:10 +01:00 Europe/Berlin: droop, left, sudden: woke up so" in ran.out
    assert run("journal", "add", "weakness", "--gradual", *AT).err == ""
    unwritten = run("journal", "add", "droop", "--log", tmp_path)
    assert (
        unwritten.code == 2
        and unwritten.err.startswith("nasalis: Sudden weakness")
        and "is not a file" in unwritten.err
    )
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("at,kind,value\n2026-03-01 08:00,headache,9\n2026-03-02 08:00,headache,8\n")
    assert run("journal", "import", sheet, "-q").err.count("severe headache") == 1


def test_the_night_in_which_the_clocks_go_back(run: Run) -> None:
    berlin = ("--zone", "Europe/Berlin")
    first = run("journal", "add", "note", "first", "--at", "2025-10-26 02:30", *berlin)
    assert "02:30 +02:00" in first.out and "was twice" in first.err
    second = run("journal", "add", "note", "second", "--at", "2025-10-26 02:30+01:00", *berlin)
    assert "02:30 +01:00 Europe/Berlin" in second.out and second.err == ""
    listed = ok(run("journal", "list"))
    assert listed.index("2025-10-26 02:30 +02:00  note: first") < listed.index("2025-10-26 02:30 +01:00  note: second")
    skipped = run("journal", "add", "note", "never", "--at", "2025-03-30 02:30", *berlin)
    assert skipped.code == 2 and "did not exist" in skipped.err


def test_an_entry_is_changed_taken_back_and_its_history_listed(run: Run) -> None:
    ok(run("journal", "add", "caffeine", "espresso", *AT))
    assert "caffeine 90 mg (espresso) - large" in ok(run("journal", "edit", "1", "90mg", "--note", "large"))
    assert "remove 1 --undo" in run("journal", "remove", "1").err
    assert "caffeine" not in ok(run("journal", "list"))
    assert "[taken back]" in ok(run("journal", "list", "--removed"))
    versions = json.loads(ok(run("journal", "list", "--history", "1", "--json")))["entries"]
    assert [(entry["value"], entry["removed"]) for entry in versions] == [(80.0, False), (90.0, False), (90.0, True)]
    assert ok(run("journal", "list", "--history", "1")).count("2026-03-01 08:10 +01:00") == 3
    ok(run("journal", "remove", "1", "--undo"))
    assert "caffeine 90 mg" in ok(run("journal", "list"))


def test_escape_codes_in_notes_do_no_harm(run: Run) -> None:
    note = "a\x1b[31mred\x1b]0;title\x07\u202eback\nline"
    added = ok(run("journal", "add", "note", note, *AT))
    shown = added + ok(run("journal", "list")) + ok(run("journal", "list", "--history", "1"))
    assert not set("\x1b\x07\u202e") & set(shown)
    assert r"a\x1b[31mred\x1b]0;title\x07\u202eback line" in shown
    assert json.loads(ok(run("journal", "list", "--json")))["entries"][0]["text"] == note


def test_experiments(run: Run) -> None:
    begun = run("journal", "experiment", "start", "no caffeine", "--days", "5", "--baseline", "7", *AT)
    assert "experiment no caffeine, 5 days, compared with 7 days before" in begun.out and begun.err == ""
    refused = run("journal", "experiment", "start", "no alcohol", "--days", "2", "--at", "2026-03-03")
    assert refused.code == 2 and "has days in common" in refused.err
    stopped = run("journal", "experiment", "stop", "--at", "2026-03-04 09:00", "--zone", "Europe/Berlin")
    assert "stopped 2026-03-04" in stopped.out and "2026-03-04 no longer belongs" in stopped.err
    (listed,) = json.loads(ok(run("journal", "experiment", "list", "--json")))["experiments"]
    assert (listed["start"], listed["end"], listed["state"]) == ("2026-03-01", "2026-03-04", "stopped")
    assert "2026-03-01  2026-03-03     3  stopped  no caffeine" in ok(run("journal", "experiment", "list"))


def test_out_and_in_again(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ok(run("journal", "add", "note", "=1+1 naïve", *AT))
    ok(run("journal", "add", "stress", "6", *AT))
    sheet = tmp_path / "journal.csv"
    assert run("journal", "export", "-o", sheet).err == "Entries written: 2.\n"
    assert "'=1+1 naïve" in sheet.read_text(encoding="utf-8") and sheet.with_suffix(".json").exists()
    again = run("journal", "import", sheet)
    assert "Imported 0 entries of 2 rows." in again.err and "2 entries" in again.err
    other = tmp_path / "other.sqlite"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sheet.read_bytes())))
    told = json.loads(ok(run("journal", "import", "-", "--log", other, "--json")))
    assert told == {"rows": 2, "imported": 2, "known": 0, "bad": []}
    assert [entry.text for entry in EpisodeLog(other).journal()] == ["=1+1 naïve", ""]
    assert ok(run("journal", "export", "--log", other)) == sheet.read_bytes().decode()
    assert json.loads(ok(run("journal", "export", "--json", "--kind", "note")))["entries"][0]["text"] == "=1+1 naïve"


def test_bad_rows_are_told_with_their_lines(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("at,kind,value\n2026-03-01 08:00,stress,6\n2026-03-01 09:00,stress,60\n2026-03-01 10:00,mood,6\n")
    refused = run("journal", "import", sheet)
    assert refused.code == 2 and "line 3: stress goes from 0 to 10: 60 is outside; 1 more row is bad too" in refused.err
    left = run("journal", "import", sheet, "--skip-bad")
    assert left.code == 0 and "Imported 1 entry of 3 rows." in left.err
    assert "2 bad rows were left out: line 3" in left.err and "line 4: there is no kind of entry 'mood'" in left.err


def test_the_kinds_are_listed_with_their_sources(run: Run) -> None:
    assert "espresso 80 mg" in ok(run("journal", "kinds"))
    kinds = {kind["name"]: kind for kind in json.loads(ok(run("journal", "kinds", "--json")))["kinds"]}
    assert "EFSA 2015" in kinds["caffeine"]["presets"][0]["source"]
