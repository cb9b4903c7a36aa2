"""CSV and JSON: the contracts to the letter, the same bytes every time, whole files or none."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from detector.errors import OutputError, UsageError
from detector.record import export
from detector.record.entries import LoggedEpisode, logged_episodes, logged_twitches
from detector.record.export import sidecar_path, write_episodes_csv, write_episodes_json, write_twitches_csv
from detector.record.log import EpisodeLog
from tests.test_log import episode, recorded, session, twitch

EPISODE_HEADER = (
    "episode_id,session_id,source,start_s,end_s,duration_s,start_time,kind,side,laterality,region,regions,"
    "twitch_count,rate_hz,rhythm_cv,peak_mm,mean_mm,peak_px,snr,confidence,co_movement,review,note"
)
TWITCH_HEADER = (
    "twitch_id,episode_id,region,side,onset_s,peak_s,offset_s,amplitude_mm,amplitude_px,velocity_mm_s,"
    "direction_deg,snr,score,kept,reason"
)


def entries(*episodes: object, **changes: object) -> list[LoggedEpisode]:
    return logged_episodes(session(**changes), episodes or (episode(1, 2.0),), include_rejected=True)  # type: ignore[arg-type]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_episodes_csv_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "episodes.csv"
    first = episode(1, 2.0, co_movement="lids;zygomaticus_left", rhythm_cv=0.12345)
    unknown = episode(2, 10.0004, rate_hz=None, snr=math.nan, peak_px=math.inf, laterality=-0.0, regions=("procerus",))
    write_episodes_csv(path, entries(first, unknown), [session()])
    lines = path.read_bytes().decode("utf-8").split("\r\n")
    assert lines == [
        EPISODE_HEADER,
        "aa11-e0001,aa11,clips/Ünï ok.mp4,2.000,2.400,0.400,2026-03-01T08:00:02.000+00:00,fasciculation_like,left,0.90,"
        "nasalis_alar_left,nasalis_alar_left;procerus,2,4.00,0.123,0.800,0.700,1.60,9.00,0.750,lids;zygomaticus_left,,",
        "aa11-e0002,aa11,clips/Ünï ok.mp4,10.000,10.400,0.400,2026-03-01T08:00:10.000+00:00,fasciculation_like,left,"
        "0.00,nasalis_alar_left,procerus,2,,,0.800,0.700,,,0.750,,,",
        "",
    ]


def test_twitches_csv_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "twitches.csv"
    rejected = twitch(9.0, kept=False, reason="head moved, fast", direction_deg=-0.04)
    rows = logged_twitches(session(), [rejected], [episode(1, 2.0)], include_rejected=True)
    write_twitches_csv(path, rows, [session()])
    assert path.read_bytes().decode("utf-8").split("\r\n") == [
        TWITCH_HEADER,
        "aa11-t0001,aa11-e0001,nasalis_alar_left,left,2.000,2.050,2.150,0.800,1.60,18.00,200.0,9.00,7.500,true,",
        "aa11-t0002,aa11-e0001,nasalis_alar_left,left,2.250,2.300,2.400,0.800,1.60,18.00,200.0,9.00,7.500,true,",
        'aa11-t0003,,nasalis_alar_left,left,9.000,9.050,9.150,0.800,1.60,18.00,0.0,9.00,7.500,false,"head moved, fast"',
        "",
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_defused_in_texts_and_only_there(tmp_path: Path, start: str) -> None:
    path = tmp_path / "episodes.csv"
    text = start + "cmd|' /C calc'!A1"
    one = dataclasses.replace(entries(episode(1, 2.0, laterality=-0.5), source=text)[0], note=text, review="a" + start)
    write_episodes_csv(path, [one], [session(source=text)])
    (row,) = table(path)
    assert row["source"] == row["note"] == "'" + text
    assert row["review"] == "a" + start
    assert row["laterality"] == "-0.50"


def test_texts_with_quotes_commas_and_line_ends_survive(tmp_path: Path) -> None:
    path = tmp_path / "episodes.csv"
    text = 'he said "no", then\nleft'
    one = dataclasses.replace(entries(source="clip\udcff.mp4")[0], note=text, review="nul\0nul")
    write_episodes_csv(path, [one], [session(source="clip\udcff.mp4")])
    (row,) = table(path)
    assert (row["note"], row["review"], row["source"]) == (text, r"nul\x00nul", "clip\\udcff.mp4")
    (described,) = json.loads(sidecar_path(path).read_text(encoding="utf-8"))["sessions"]
    assert described["source"] == "clip\\udcff.mp4"


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    """By way of two logs, written at different times, and by no log at all."""
    done = session(status="complete")
    findings = [episode(2, 8.0), episode(1, 2.0, peak_mm=np.float32(0.1), snr=np.float64(1 / 3))]
    written = []
    for name in ("first", "second"):
        with EpisodeLog(tmp_path / name / "log.sqlite") as log:
            if name == "second":
                recorded(log, session("zz", sha256="2" * 64))  # another run key
            run = recorded(log, session(), *findings)
            write_episodes_csv(tmp_path / f"{name}.csv", log.episodes(run), [log.session(run)])
            write_twitches_csv(tmp_path / f"{name}-t.csv", log.twitches(run), [log.session(run)])
            write_episodes_json(tmp_path / f"{name}-e.json", log.episodes(run), [log.session(run)])
    write_episodes_csv(tmp_path / "third.csv", logged_episodes(done, findings), [done])
    write_twitches_csv(tmp_path / "third-t.csv", logged_twitches(done, [], findings), [done])
    write_episodes_json(tmp_path / "third-e.json", logged_episodes(done, findings), [done])
    for ending in (".csv", ".json", "-t.csv", "-t.json", "-e.json"):
        written = [(tmp_path / f"{name}{ending}").read_bytes() for name in ("first", "second", "third")]
        assert written[0] == written[1] == written[2], ending


def test_the_sidecar_explains_every_column_and_the_sessions(tmp_path: Path) -> None:
    quiet = session(
        "bb22", sha256="1" * 64, observed_s=10.0004, floor_mm={"procerus": math.nan}, px_per_mm=None, resting=None
    )
    write_episodes_csv(tmp_path / "episodes.csv", entries(), [session(), quiet, session()])
    about = json.loads((tmp_path / "episodes.json").read_text(encoding="utf-8"))
    assert [column["name"] for column in about["columns"]] == EPISODE_HEADER.split(",")
    assert all(column["meaning"] for column in about["columns"])
    units = {column["name"]: column["unit"] for column in about["columns"]}
    assert all(units[name] == "s" for name in units if name.endswith("_s"))
    assert all(units[name] == "mm" for name in units if name.endswith("_mm"))
    assert (about["table"], about["rows"], about["observed_s"]) == ("episodes", 1, 61.25)
    first, second = about["sessions"]
    assert first["sha256"] == "f" * 64
    assert first["settings"] == session().settings
    assert first["versions"] == {"nasalis": "0.1.0"}
    assert first["detection_floor_mm"] == {"procerus": 0.31, "zygomaticus_left": 0.5}
    assert first["detection_limit50_mm"] == {"procerus": 0.42}
    assert first["detection_limit90_mm"] == {"procerus": 0.93, "zygomaticus_left": 1.4}
    assert {"detection_limit50_mm", "detection_limit90_mm", "resting"} < set(about["conventions"])
    assert first["resting"]["mouth_height_mm"]["difference"] == 0.6 and first["resting"]["eye_open_mm"] is None
    assert (first["observed_s"], first["not_observed_s"], first["notes"]) == (51.25, {"MOTION": 6.5}, ["two faces"])
    assert second["resting"] is None
    assert (second["observed_s"], second["detection_floor_mm"], second["px_per_mm"]) == (10.0, {"procerus": None}, None)
    write_twitches_csv(tmp_path / "twitches.csv", [], [quiet])
    about = json.loads((tmp_path / "twitches.json").read_text(encoding="utf-8"))
    assert [column["name"] for column in about["columns"]] == TWITCH_HEADER.split(",")


def test_no_episode_gives_a_header_and_still_the_observed_time(tmp_path: Path) -> None:
    write_episodes_csv(tmp_path / "episodes.csv", [], [session()])
    assert (tmp_path / "episodes.csv").read_bytes() == EPISODE_HEADER.encode() + b"\r\n"
    assert json.loads((tmp_path / "episodes.json").read_text())["observed_s"] == 51.25


def test_json_export_has_typed_values(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    one = episode(1, 2.0, rate_hz=None, snr=math.nan, twitch_count=np.int64(2))
    write_episodes_json(path, entries(one, source="=1+1"), [session(source="=1+1", settings={"a": math.inf})])
    text = path.read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (found,) = document["episodes"]
    assert list(found) == sorted([*EPISODE_HEADER.split(","), "evidence", "review_kind"])
    assert (found["start_s"], found["rate_hz"], found["snr"], found["source"]) == (2.0, None, None, "=1+1")
    assert (found["regions"], found["evidence"]) == (["nasalis_alar_left", "procerus"], "one muscle")
    assert '"twitch_count": 2\n' in text  # a count, not 2.0
    assert document["sessions"][0]["settings"] == {"a": None}


def test_names_of_sidecars() -> None:
    assert sidecar_path(Path("a/episodes.csv")) == Path("a/episodes.json")
    assert sidecar_path(Path("E.CSV")) == Path("E.json")
    assert sidecar_path(Path("a.b.tsv")) == Path("a.b.tsv.json")
    assert sidecar_path(Path("episodes.json")) == Path("episodes.json.json")
    assert sidecar_path(Path("episodes")) == Path("episodes.json")


@pytest.mark.parametrize("name", [None, "-"])
def test_stdout_gets_the_table_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], name: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    write_episodes_csv(tmp_path / "episodes.csv", entries(), [session()], sidecar=False)
    write_episodes_csv(name, entries(), [session()])
    assert capfdbinary.readouterr().out == (tmp_path / "episodes.csv").read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["episodes.csv"]


def test_stdout_without_a_byte_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO(newline="")
    monkeypatch.setattr("sys.stdout", text)
    write_twitches_csv("-", [], [])
    assert text.getvalue() == TWITCH_HEADER + "\r\n"


def test_a_failed_write_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "episodes.csv"
    write_episodes_csv(path, entries(), [session()])
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    calls = []

    def full(file: int) -> None:
        calls.append(file)
        if len(calls) == 2:  # the table is through, the disk fills up at the sidecar
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"episodes\.json cannot be written \(No space left on device\): free some"):
        write_episodes_csv(path, entries(episode(1, 50.0)), [session()])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder .*absent does not exist, make it first"):
        write_episodes_csv(tmp_path / "absent" / "episodes.csv", entries(), [session()])
    with pytest.raises(OutputError, match="is a folder: name a file in it"):
        write_episodes_csv(tmp_path, entries(), [session()])
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_episodes_csv(tmp_path / "file" / "episodes.csv", entries(), [session()])
    (tmp_path / "taken.json").mkdir()
    with pytest.raises(OutputError, match=r"taken\.json is a folder"):
        write_episodes_csv(tmp_path / "taken.csv", entries(), [session()])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "taken.json"]


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        recorded(log, session(), episode(1, 2.0))
    before = (tmp_path / "log.sqlite").read_bytes()
    for write in (write_episodes_csv, write_episodes_json):
        with pytest.raises(UsageError, match=r"log\.sqlite is an episode log or another database: choose another name"):
            write(tmp_path / "log.sqlite", entries(), [session()])
    assert (tmp_path / "log.sqlite").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["log.sqlite"]


def test_links_and_modes_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "real.csv"
    real.write_text("old")
    real.chmod(0o600)
    link = tmp_path / "link.csv"
    link.symlink_to(real)
    write_episodes_csv(link, entries(), [session()])
    assert link.is_symlink()
    assert real.read_text().startswith("episode_id")
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert (tmp_path / "real.json").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_twitches_csv(pipe, [], [session()])
    reader.join(timeout=10)
    assert got == [TWITCH_HEADER.encode() + b"\r\n"]
    assert pipe.is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe.csv"]


def test_the_contracts_have_not_moved() -> None:
    assert ",".join(column.name for column in export.EPISODE_COLUMNS) == EPISODE_HEADER
    assert ",".join(column.name for column in export.TWITCH_COLUMNS) == TWITCH_HEADER
