"""The command line: exit codes, what goes to which stream, and that nothing found is lost."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest

import cli
from detector.encode import CODECS
from detector.frames import ClipSource
from detector.record.log import EpisodeLog
from tests import fake_pipeline
from tests.clips import even_times, textured, write_clip
from tests.test_signals import readings, write

ROOT = Path(cli.__file__).resolve().parent
COMMANDS = (
    *("analyze", "live", "cameras", "rescore", "export", "log", "show", "journal", "report", "review", "score"),
    *("tune", "import", "simulate", "magnify", "doctor"),
)
HEAVY = ("mediapipe", "cv2", "numba", "matplotlib", "scipy", "numpy", "pydantic", "rich")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds without a face."""
    path = tmp_path_factory.mktemp("clips") / "four seconds.mp4"
    return write_clip(path, even_times(100, 25.0), textured(100, 64, 48))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, with a line that finds what the tests need and a log of its own."""
    monkeypatch.setitem(sys.modules, "detector.session", fake_pipeline)
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))
    monkeypatch.setattr("models.resolve", lambda path=None: Path("face.task"))

    def _run(*words: object) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
        return Ran(code, *capfd.readouterr())

    return _run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# start-up


def test_neither_import_nor_help_loads_anything_heavy() -> None:
    code = (
        "import sys, detector; first = set(sys.modules)\n"
        "import cli\n"
        "sys.argv = ['nasalis', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize(
    "command",
    [name for name in COMMANDS if name not in ("journal", "review")],  # a group, and a page: no document to print
)
def test_every_command_has_help_quiet_and_verbose(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0 and ran.err == ""
    assert all(option in ran.out for option in ("-q, --quiet", "-v, --verbose", "--json"))


def test_version(run: Run) -> None:
    assert run("--version") == Ran(0, "nasalis 0.1.0\n", "")


@pytest.mark.parametrize(
    "line", ["analyze", "nonsense", "analyze x.mp4 --sensitivity extreme", "analyze x.mp4 -q -v", "analyze x --start a"]
)
def test_wrong_usage_ends_with_2_and_nothing_on_stdout(run: Run, line: str) -> None:
    ran = run(*line.split())
    assert ran.code == 2 and ran.out == "" and ran.err != ""
    assert "Traceback" not in ran.err


def test_the_codecs_offered_are_those_of_the_writer() -> None:
    assert tuple(name.value for name in cli.CodecName) == CODECS


# analyze


def test_analyze_prints_data_to_stdout_and_talk_to_stderr(run: Run, clip: Path, tmp_path: Path) -> None:
    found, jerks = tmp_path / "e.csv", tmp_path / "t.csv"
    ran = run("analyze", clip, "--csv", found, "--twitches", jerks)
    assert ran.code == 0
    assert "four seconds.mp4: 2 episodes" in ran.out and "nasalis alar" in ran.out and "fasciculation-like" in ran.out
    assert "Observed 3.5 of 4.0 s." in ran.out and "0.4 to 0.9 mm" in ran.out and "0.5 s" in ran.out
    assert "Detection limit 0.5 mm (half), 0.8 mm (nine in ten)." in ran.out, "of the nose, not of the cheek"
    assert "At rest (3 s): left mouth corner 0.6 mm lower than the right" in ran.out
    assert "analyzing" in ran.err and str(tmp_path / "log.sqlite") in ran.err and "analyzing" not in ran.out
    assert [row["start_s"] for row in rows_of(found)] == ["0.520", "2.520"]
    assert [row["kept"] for row in rows_of(jerks)] == ["true", "true"]
    assert json.loads(found.with_suffix(".json").read_text())["observed_s"] == 3.5


def test_all_lists_rejected_movements_with_their_reason(run: Run, clip: Path, tmp_path: Path) -> None:
    jerks = tmp_path / "t.csv"
    ran = run("analyze", clip, "--twitches", jerks, "--all")
    assert "2 rejected movements" in ran.out and "no: other areas moved too" in ran.out
    assert [row["kept"] for row in rows_of(jerks)] == ["true", "false", "true", "false"]
    assert {row["reason"] for row in rows_of(jerks)} == {"", "other areas moved too"}


def test_quiet_leaves_stderr_empty(run: Run, clip: Path) -> None:
    ran = run("analyze", clip, "-q")
    assert ran.code == 0 and ran.err.replace("FOUND\n", "") == "" and "2 episodes" in ran.out


def test_verbose_tells_session_and_model(run: Run, clip: Path) -> None:
    ran = run("analyze", clip, "-v")
    assert "Face model: face.task" in ran.err and "100 frames" in ran.err


def test_json_is_one_document_and_the_same_as_from_the_log(run: Run, clip: Path) -> None:
    ran = run("analyze", clip, "--json")
    document = json.loads(ran.out)
    assert [episode["start_s"] for episode in document["episodes"]] == [0.52, 2.52]
    assert document == json.loads(run("export", "--json").out)


def test_one_bad_clip_does_not_stop_the_others(run: Run, clip: Path, tmp_path: Path) -> None:
    bad, found = tmp_path / "bad.mp4", tmp_path / "e.csv"
    bad.write_text("no video")
    other = Path(shutil.copy(clip, tmp_path / "other.mp4"))
    with other.open("ab") as file:
        file.write(b"\0" * 8)  # another hash: a source of its own
    ran = run("analyze", tmp_path / "absent.mp4", clip, bad, other, "--csv", found)
    assert ran.code == 3
    assert "absent.mp4" in ran.err and "bad.mp4" in ran.err and "Traceback" not in ran.err
    assert len({row["source"] for row in rows_of(found)}) == 2 and len(rows_of(found)) == 4
    summary = {
        line.split()[0].rpartition("/")[2]: line for line in ran.out.splitlines() if " %" in line or "read" in line
    }
    assert "not read" in summary["bad.mp4"] and summary["other.mp4"].split()[-1] == "2"
    assert summary["all"].split() == ["all", "2", "8.0", "100", "%", "7.0", "4"]


def test_only_bad_clips_leave_an_older_csv_alone(run: Run, tmp_path: Path) -> None:
    bad, found = tmp_path / "bad.mp4", tmp_path / "e.csv"
    bad.write_text("no video")
    found.write_text("from before")
    assert run("analyze", bad, "--csv", found).code == 3
    assert found.read_text() == "from before"
    missing = run("analyze", tmp_path / "absent.mp4", "--csv", found)
    assert missing.code == 3 and missing.out == "" and missing.err.count("\n") == 1


def test_a_folder_and_a_pattern_give_each_clip_once(run: Run, clip: Path) -> None:
    ran = run("analyze", clip.parent, clip.parent / "four*.mp4", "--json")
    assert ran.code == 0 and len(json.loads(ran.out)["sessions"]) == 1


def test_an_error_of_the_program_is_a_sentence_and_with_v_a_traceback(run: Run, clip: Path, tmp_path: Path) -> None:
    buggy = shutil.copy(clip, tmp_path / "bug.mp4")
    ran = run("analyze", buggy, clip)
    assert ran.code == 1 and "ZeroDivisionError: made for the test" in ran.err and "Traceback" not in ran.err
    assert "2 episodes" in ran.out
    assert "Traceback" in run("analyze", buggy, "-v").err


def test_a_part_without_a_picture_is_an_error_and_no_finding(run: Run, clip: Path, tmp_path: Path) -> None:
    ran = run("analyze", clip, "--start", 100, "--csv", tmp_path / "e.csv")
    assert ran.code == 2 and ran.out == "" and "100 s" in ran.err
    assert not (tmp_path / "e.csv").exists()


@pytest.mark.parametrize("option", ["--csv", "--twitches", "--overlay", "--signals"])
def test_an_unwritable_output_is_found_before_the_work_begins(
    run: Run, clip: Path, tmp_path: Path, option: str
) -> None:
    for target in (tmp_path / "no such folder" / "o.mp4", tmp_path):
        ran = run("analyze", clip, option, target)
        assert ran.code == 2 and ran.out == "" and "FOUND" not in ran.err
        assert str(target) in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "log.sqlite").exists()


def test_an_output_that_fails_at_the_end_is_said_and_the_log_has_it(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.analyzing.check_writable", lambda path: None)
    ran = run("analyze", clip, "--csv", tmp_path / "gone" / "e.csv")
    assert ran.code == 2 and "gone" in ran.err and "Traceback" not in ran.err
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        assert len(log.episodes()) == 2


@pytest.mark.parametrize("option", ["--csv", "--overlay", "--signals", "--twitches"])
def test_an_output_never_overwrites_a_clip(run: Run, clip: Path, option: str) -> None:
    before = clip.read_bytes()
    ran = run("analyze", clip, option, clip)
    assert ran.code == 2 and "a clip" in ran.err and clip.read_bytes() == before


@pytest.mark.parametrize("option", ["--csv", "--twitches", "--signals", "--overlay"])
def test_an_output_never_takes_the_place_of_a_log(run: Run, clip: Path, tmp_path: Path, option: str) -> None:
    other = tmp_path / "log.mp4"  # a name that every option takes
    EpisodeLog(other).close()
    before = other.read_bytes()
    ran = run("analyze", clip, option, other)
    assert ran.code == 2 and "an episode log" in ran.err and other.read_bytes() == before


def test_outputs_must_not_collide(run: Run, clip: Path, tmp_path: Path) -> None:
    both = tmp_path / "x.csv"
    assert run("analyze", clip, "--csv", both, "--twitches", both).code == 2
    assert run("analyze", clip, "--csv", "-", "--twitches", "-").code == 2
    assert run("analyze", clip, "--csv", "-", "--json").code == 2
    assert run("analyze", clip, "--overlay", tmp_path / "o.gif").code == 2
    assert run("analyze", clip, "--csv", both, "--signals", both).code == 2
    assert run("analyze", clip, "--signals", "-").code == run("analyze", clip, "--signals", os.devnull).code == 2
    assert not both.exists()


def test_signals_and_overlays_are_of_one_clip(run: Run, clip: Path, tmp_path: Path) -> None:
    other = shutil.copy(clip, tmp_path / "other.mp4")
    for option in ("--signals", "--overlay"):
        ran = run("analyze", clip, other, option, tmp_path / "o.mp4")
        assert ran.code == 2 and option in ran.err and "one clip" in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "o.mp4").exists() and not (tmp_path / "log.sqlite").exists()


def test_the_time_of_a_recording_can_be_told(run: Run, clip: Path, tmp_path: Path) -> None:
    assert json.loads(run("analyze", clip, "--json").out)["episodes"][0]["start_time"] == ""
    said = run("analyze", clip, "--json", "--recorded", "2026-03-01T08:10:00+02:00")
    assert json.loads(said.out)["episodes"][0]["start_time"].startswith("2026-03-01T08:10:00.")
    shutil.copy(clip, tmp_path / "other.mp4")
    for words, reason in (
        ([clip, tmp_path / "other.mp4", "--recorded", "2026-03-01 08:10"], "the time of one clip"),
        ([clip, "--recorded", "2126-03-01 08:10"], "still to come"),
        ([clip, "--recorded", "once upon a time"], "no time"),
    ):
        refused = run("analyze", *words)
        assert refused.code == 2 and reason in refused.err and refused.out == ""


def test_csv_on_stdout_is_nothing_but_csv(run: Run, clip: Path) -> None:
    ran = run("analyze", clip, "--csv", "-")
    rows = list(csv.DictReader(ran.out.splitlines()))
    assert ran.code == 0 and [row["side"] for row in rows] == ["left", "left"]


def test_control_characters_of_a_name_never_reach_the_terminal(run: Run, clip: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[31mred[bold]\n\u202egnp.mp4"
    shutil.copy(clip, odd)
    missing = tmp_path / "b\x07\x9b2J.mp4"
    ran = run("analyze", odd, missing)
    assert ran.code == 3
    for text in (ran.out, ran.err):
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"}
    assert "a\\x1b[31mred[bold]\\x0a\\u202egnp.mp4: 2 episodes" in ran.out
    assert "b\\x07\\x9b2J.mp4" in ran.err
    assert "\x1b" not in run("log").out and "\x1b" not in run("log", "--episodes").out


def test_a_name_that_is_no_utf8_is_shown_escaped(run: Run, clip: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")
    ran = run("analyze", clip, odd)
    assert ran.code == 3 and "caf\\udce9.mp4" in ran.err and "2 episodes" in ran.out


# rescore


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 20 s with three episodes."""
    path = tmp_path_factory.mktemp("signals") / "s.h5"
    write(path, readings())
    return path


def test_rescore_shows_writes_and_logs_what_analyze_would(run: Run, signals: Path, tmp_path: Path) -> None:
    found, jerks = tmp_path / "e.csv", tmp_path / "t.csv"
    ran = run("rescore", signals, "--csv", found, "--twitches", jerks)
    assert ran.code == 0 and "clips/Ünï ok.mp4: 3 episodes" in ran.out and "Detection limit" in ran.out
    assert "rescoring" in ran.err and str(tmp_path / "log.sqlite") in ran.err
    assert [row["twitch_count"] for row in rows_of(found)] == ["1", "4", "1"] and len(rows_of(jerks)) == 6
    assert run("export").out == found.read_bytes().decode()
    again = run("rescore", signals, "--json", "--replace", "-q")
    assert again.code == 0 and again.err == "" and again.out == run("export", "--json").out
    assert run("rescore", signals, "--csv", "-").out.count("\n") == 4


def test_rescore_with_another_sensitivity_is_another_session(run: Run, signals: Path) -> None:
    ids = set()
    for words in ([], ["--sensitivity", "normal"], ["--sensitivity", "high"]):
        (session,) = json.loads(run("rescore", signals, "--json", *words).out)["sessions"]
        ids.add(session["session_id"])
        assert session["settings"]["sensitivity"] == (words[-1] if words else "normal")
    assert len(ids) == 2
    assert len(json.loads(run("log", "--json").out)["sessions"]) == 2


def test_rescore_tells_what_is_wrong_with_its_file(run: Run, signals: Path, tmp_path: Path) -> None:
    text, cut = tmp_path / "notes.txt", tmp_path / "cut.h5"
    text.write_text("no signals")
    cut.write_bytes(signals.read_bytes()[:9000])
    for path, why in ((tmp_path / "absent.h5", "does not exist"), (text, "not a signals"), (cut, "damaged")):
        ran = run("rescore", path)
        assert ran.code == 3 and ran.out == "" and why in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "log.sqlite").exists()
    for words in (["--csv", signals], ["--csv", "-", "--json"], ["--csv", tmp_path / "absent" / "e.csv"], ["-q", "-v"]):
        ran = run("rescore", signals, *words)
        assert ran.code == 2 and ran.out == "" and ran.err.count("\n") >= 1


def test_rescore_of_damaged_signals_keeps_what_was_found_until_then(run: Run, signals: Path, tmp_path: Path) -> None:
    path, found = tmp_path / "s.h5", tmp_path / "e.csv"
    damaged = bytearray(signals.read_bytes())
    with h5py.File(signals) as file:
        damaged[file["sample/height_mm"].id.get_chunk_info(1).byte_offset + 100] ^= 0xFF
    path.write_bytes(damaged)
    ran = run("rescore", path, "--csv", found)
    assert ran.code == 3 and "is damaged" in ran.err and "Traceback" not in ran.err
    assert "(failed at 0:08" in ran.out and len(rows_of(found)) == 2


# the real line


def test_the_sample_from_clip_to_score(tmp_path: Path) -> None:
    def nasalis(*words: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *map(str, words)],
            cwd=ROOT,
            env=os.environ | {"NASALIS_LOG": str(tmp_path / "log.sqlite")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    found, truth, seen = tmp_path / "e.csv", tmp_path / "truth.csv", tmp_path / "o.mp4"
    sample = ROOT / "samples" / "twitches.mp4"
    kept = tmp_path / "s.h5"
    told = nasalis("analyze", sample, "--end", 9, "--csv", found, "--overlay", seen, "--signals", kept)
    assert "2 episodes" in told and nasalis("rescore", kept) == told
    lines = (ROOT / "samples" / "twitches_truth.csv").read_text().splitlines()
    truth.write_text("\n".join(lines[:3]) + "\n")  # the two events of these nine seconds
    scores = json.loads(nasalis("score", found, truth, "--json"))
    assert scores["events"] == scores["detected"] == scores["side_correct"] == 2 and scores["false_alarms"] == 0
    assert (
        nasalis("rescore", kept, "--csv", "-") == nasalis("export") == found.read_bytes().decode().replace("\r\n", "\n")
    )
    with ClipSource(sample, end_s=9.0) as clip, ClipSource(seen) as overlay:
        assert [one.t_s for one in overlay] == pytest.approx([one.t_s for one in clip], abs=1e-3)


# the log


@pytest.fixture
def logged(run: Run, clip: Path) -> str:
    """A log with one session; its id."""
    return str(json.loads(run("analyze", clip, "--json").out)["sessions"][0]["session_id"])


def test_export_filters_and_destinations(run: Run, logged: str, tmp_path: Path) -> None:
    found, jerks = tmp_path / "e.csv", tmp_path / "t.csv"
    ran = run("export", "--csv", found, "--twitches", jerks, "--all", "--session", logged[:4])
    assert ran.code == 0 and ran.out == "" and len(rows_of(found)) == 2 and len(rows_of(jerks)) == 4
    assert len(list(csv.DictReader(run("export").out.splitlines()))) == 2
    assert len(list(csv.DictReader(run("export", "--side", "right").out.splitlines()))) == 0
    assert json.loads(run("export", "-o", "-", "--json", "--kind", "tic_like").out)["episodes"] == []
    for wrong in (["--kind", "sneeze"], ["--since", "soon"], ["--session", "zz"], ["--csv", "-", "-o", "-"]):
        ran = run("export", *wrong)
        assert ran.code == 2 and ran.out == "" and ran.err.count("\n") == 1


def test_export_by_time_leaves_out_sessions_from_elsewhen(run: Run, tmp_path: Path) -> None:
    early = write_clip(
        tmp_path / "a.mp4",
        even_times(30, 25.0),
        textured(30, 64, 48),
        metadata={"creation_time": "2026-03-01T08:00:00"},
    )
    later = write_clip(
        tmp_path / "b.mp4",
        even_times(30, 25.0),
        textured(30, 64, 48),
        metadata={"creation_time": "2026-03-02T08:00:00"},
    )
    assert run("analyze", early, later, "-q").code == 0
    document = json.loads(run("export", "--json", "--since", "2026-03-02T00:00Z").out)
    assert [Path(session["source"]).name for session in document["sessions"]] == ["b.mp4"]
    assert len(document["episodes"]) == 1
    document = json.loads(run("export", "--json", "--until", "2026-03-02T00:00Z").out)
    assert [Path(session["source"]).name for session in document["sessions"]] == ["a.mp4"]


def test_log_lists_sessions_and_episodes(run: Run, clip: Path, logged: str) -> None:
    ran = run("log")
    assert ran.code == 0 and logged in ran.out and "four seconds.mp4" in ran.out and "complete" in ran.out
    assert "limit mm" in ran.out and " 0.5 " in ran.out
    told = run("log", "--session", logged).out
    assert logged in told and "Observed 3.5 of 4.0 s." in told and "At rest (3 s): left mouth corner" in told
    assert "At rest" not in ran.out, "a line a session"
    assert f"{logged}-e0002" in run("log", "--episodes").out
    assert run("analyze", clip, "--replace", "-q").code == 0
    assert len(json.loads(run("log", "--json").out)["sessions"]) == 1
    assert [one["superseded"] for one in json.loads(run("log", "--json", "--all").out)["sessions"]] == [True, False]
    assert run("log", "--all").out.count("superseded") == 1


def test_show_tells_an_episode(run: Run, logged: str) -> None:
    ran = run("show", "e0002")
    assert "0.5 mm (half), 0.8 mm (nine in ten)" in ran.out and "left mouth corner 0.6 mm lower" in ran.out
    assert ran.code == 0 and f"{logged}-e0002" in ran.out and "1 twitch on the subject's left" in ran.out
    assert "never a diagnosis" in ran.out and "0:02.57" in ran.out
    assert json.loads(run("show", f"{logged}-e0001", "--json").out)["episode"]["twitches"][0]["side"] == "left"
    assert run("show", "e0009").code == 2 and run("show", logged).code == 2


def test_commands_that_read_need_a_log(run: Run, tmp_path: Path) -> None:
    for words in (["log"], ["export"], ["show", "e0001"]):
        ran = run(*words)
        assert ran.code == 2 and ran.out == "" and "no episode log" in ran.err
    assert not (tmp_path / "log.sqlite").exists()


# the rest


def test_score_compares_with_a_truth(run: Run, logged: str, tmp_path: Path) -> None:
    found, truth = tmp_path / "e.csv", tmp_path / "truth.csv"
    assert run("export", "--csv", found).code == 0
    truth.write_text(
        "event,kind,muscle,side,onset_s,offset_s,twitches,amplitude_mm,px_per_mm\n"
        "1,fasciculation_like,nasalis_alar,left,0.5,0.65,1,1.2,2\n"
    )
    ran = run("score", found, truth)
    assert ran.code == 0 and "1 of 1 (100 %)" in ran.out and "false alarms" in ran.out
    document = json.loads(run("score", found, truth, "--json", "--observed", "60").out)
    assert document["recall"] == 1.0 and document["false_alarms_per_min"] == 1.0
    assert run("score", truth, found).code == 2 and run("score", found, tmp_path / "none.csv").code == 2


def test_doctor_ends_with_2_only_when_something_must_be_mended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from detector.doctor import Check

    checks = [Check("Python", True, "3.11"), Check("cameras", None, "none", "plug one in")]
    monkeypatch.setattr("detector.doctor.run_checks", lambda log, model: checks)
    assert run("doctor").code == 0
    checks.append(Check("face model", False, "altered", "get another"))
    ran = run("doctor")
    assert ran.code == 2 and "get another" in ran.out and "mended" in ran.err
    assert [check["ok"] for check in json.loads(run("doctor", "--json").out)["checks"]] == [True, None, False]


def test_simulate_needs_a_source_and_another_name(run: Run, clip: Path, tmp_path: Path) -> None:
    assert run("simulate", tmp_path / "none.mp4", "-o", tmp_path / "o.mp4").code == 3
    assert run("simulate", clip).code == 2
    assert run("simulate", clip, "-o", clip).code == 2
    log = tmp_path / "other.mp4"
    EpisodeLog(log).close()
    for words in (["-o", log], ["-o", tmp_path / "o.mp4", "--truth", log]):
        ran = run("simulate", clip, *words)
        assert ran.code == 2 and "an episode log" in ran.err
    assert EpisodeLog(log, must_exist=True).runs() == []


def test_every_reason_not_to_observe_has_words() -> None:
    from detector.tables import REASONS
    from detector.types import WhyNot

    assert {name.lower() for name in WhyNot.__members__ if name != "NONE"} == set(REASONS)
