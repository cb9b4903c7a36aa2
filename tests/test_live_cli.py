"""``nasalis live`` as it is called: one sentence for what cannot be, the findings of ``analyze``, and Ctrl-C."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cli
from detector.record.entries import LoggedEpisode
from detector.record.log import EpisodeLog
from tests import test_cli_stop
from tests.fake_camera import plug_in
from tests.test_cli_stop import ROOT

SECONDS = 12.0  # of the sample: three of its events


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, with a log of its own, no camera, and nothing warmed up."""
    plug_in(monkeypatch, tmp_path).devices = {}
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))
    monkeypatch.setattr("models.resolve", lambda path=None: Path("face.task"))
    monkeypatch.setattr("detector.warm.warm_up", lambda settings, model: None)

    def _run(*words: object) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ran(int(ended.value.code or 0), *capfd.readouterr())

    return _run


def check_refusal(ran: Ran, code: int, words: str, log: Path) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("nasalis: ") and ran.err.count("\n") == 1
    assert words in ran.err
    assert not log.exists(), "nothing has begun"


def test_without_a_camera_it_says_so(run: Run, tmp_path: Path) -> None:
    check_refusal(run("live", "--no-window"), 3, "No camera found: connect one", tmp_path / "log.sqlite")
    check_refusal(run("live", "--no-window", "--source", "2"), 3, "No camera found", tmp_path / "log.sqlite")


def test_a_clip_that_is_not_there(run: Run, tmp_path: Path) -> None:
    ran = run("live", "--no-window", "--replay", "--source", "nothing.mp4")
    check_refusal(ran, 3, "nothing.mp4", tmp_path / "log.sqlite")


@pytest.mark.parametrize(("line", "words"), [
    ("--replay", "name its file with --source"),
    ("--replay --source rtsp://camera/1", "Only a clip can be replayed"),
    ("--loop", "add --replay"),
    ("--source samples/twitches.mp4", "add --replay"),
    ("--replay --source samples/twitches.mp4 --replay-speed x", "--replay-speed x is no number"),
    ("--replay --source samples/twitches.mp4 --replay-speed 0", "not above 0"),
    ("--replay --source samples/twitches.mp4 --replay-speed nan", "is no number"),
    ("--size abc", "--size abc is no size"),
    ("--size 0x480", "--size 0x480 is no size"),
    ("--size 640", "--size 640 is no size"),
    ("--json --csv -", "cannot both go to the standard output"),
    ("--json --twitches -", "cannot both go to the standard output"),
    ("--csv - --twitches -", "Only one of --csv and --twitches"),
    ("--csv nowhere/e.csv", "nowhere does not exist"),
    ("--duration 0", "must be above 0"),
    ("--duration -3", "must be above 0"),
    ("--duration nan", "must be above 0"),
    ("--session-hours -1", "must be above 0"),
    ("--session-hours nan", "must be above 0"),
    ("-q -v", "contradict"),
])  # fmt: skip
def test_what_cannot_be_is_one_sentence(run: Run, tmp_path: Path, line: str, words: str) -> None:
    words_of_the_line = [str(ROOT / word) if word.startswith("samples") else word for word in line.split()]
    check_refusal(run("live", "--no-window", *words_of_the_line), 2, words, tmp_path / "log.sqlite")


def test_cameras_without_any(run: Run) -> None:
    ran = run("cameras")
    assert (ran.code, ran.out) == (0, "") and "No camera found" in ran.err
    assert json.loads(run("cameras", "--json").out) == {"cameras": []}


def test_help_names_what_it_takes(run: Run) -> None:
    ran = run("live", "--help")
    assert ran.code == 0
    for option in ("--source", "--replay", "--no-window", "--log", "--csv", "--json", "--duration", "--session-hours"):
        assert option in ran.out


# the whole of it


def start(words: list[object], **env: str) -> subprocess.Popen[str]:
    return test_cli_stop.start(words, env, ("cli.py",))


def strict(line: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    document = json.loads(line, parse_constant=refuse)
    assert isinstance(document, dict)
    return document


def numbers_of(row: LoggedEpisode) -> tuple[Any, ...]:
    own = row.episode
    return own.number, own.start_s, own.end_s, own.kind, own.side, own.region, own.regions, own.peak_mm, own.twitches


def test_live_finds_what_analyze_finds(samples_folder: Path, tmp_path: Path) -> None:
    clip, live_log, clip_log = samples_folder / "twitches.mp4", tmp_path / "live.sqlite", tmp_path / "clip.sqlite"
    watching = start([
        "live", "--source", clip, "--replay", "--replay-speed", "max", "--no-window", "--duration", SECONDS,
        "--log", live_log, "--json", "--csv", tmp_path / "live.csv",
    ])  # fmt: skip
    analyzing = start(["analyze", clip, "--end", SECONDS, "--log", clip_log, "--csv", tmp_path / "clip.csv", "-q"])
    out, err = watching.communicate(timeout=120)
    _, complaint = analyzing.communicate(timeout=120)
    assert (watching.returncode, analyzing.returncode) == (0, 0), err + complaint
    with EpisodeLog(live_log) as ours, EpisodeLog(clip_log) as theirs:
        assert len(theirs.episodes()) == 3
        assert [numbers_of(row) for row in ours.episodes()] == [numbers_of(row) for row in theirs.episodes()]
        assert [row.twitch for row in ours.twitches()] == [row.twitch for row in theirs.twitches()]
        (mine,), (other,) = ours.runs(), theirs.runs()
        told = [row.episode_id for row in ours.episodes()]
    for name in ("duration_s", "observed_s", "face_s", "fps", "frames_lost", "px_per_mm", "limit50_mm", "resting",
                 "not_observed_s", "sha256", "start_utc", "status", "width", "height", "notes"):  # fmt: skip
        assert getattr(mine.session, name) == getattr(other.session, name), name
    assert mine.session.frames - other.session.frames in (0, 1), "the one that told the end was read too"
    assert mine.session.session_id == other.session.session_id, "the same recording, which counts once"

    lines = [strict(line) for line in out.splitlines()]
    by_name = {name: [line for line in lines if line["event"] == name] for name in ("twitch", "episode", "status")}
    assert [line["episode_id"] for line in by_name["episode"]] == told
    assert len(by_name["twitch"]) >= 3 and by_name["status"]
    assert f"Log: {live_log}" in err and "3 episodes" in err
    with (
        (tmp_path / "live.csv").open(encoding="utf-8", newline="") as one,
        (tmp_path / "clip.csv").open(encoding="utf-8", newline="") as two,
    ):
        assert list(csv.DictReader(one)) == list(csv.DictReader(two))


def interrupted(folder: Path, clip: Path, speed: str, event: str) -> tuple[list[str], str]:
    """Ctrl-C at the first event of a name: the names of the events after it, and what was said."""
    process = start(
        ["live", "--source", clip, "--replay", "--replay-speed", speed, "--no-window", "--json", "--csv",
         folder / "e.csv"],
        NASALIS_LOG=str(folder / "log.sqlite"),
    )  # fmt: skip
    watchdog = threading.Timer(90.0, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if strict(line)["event"] == event:
                break
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # impatience must not cut the saving short
        rest, err = process.communicate(timeout=60)
    finally:
        watchdog.cancel()
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err and "Stopped: " in err
    return [strict(line)["event"] for line in rest.splitlines()], err


def test_ctrl_c_keeps_what_was_found(samples_folder: Path, tmp_path: Path) -> None:
    """At full speed no picture is lost, however busy the machine is."""
    later, err = interrupted(tmp_path, samples_folder / "twitches.mp4", "max", "twitch")
    assert later.count("episode") == 1, "it was not over when the twitch was told"
    assert "Stopped: 1 episode in" in err
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        (run,) = log.runs()
        assert run.session.status == "interrupted"
        assert 3.4 < run.session.duration_s < 12.0 and run.session.observed_s > 1.0
        (row,) = log.episodes()
    assert (row.episode.side, round(row.episode.start_s, 1)) == ("left", 3.4)
    assert len((tmp_path / "e.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_ctrl_c_stops_a_clip_in_its_own_time(samples_folder: Path, tmp_path: Path) -> None:
    interrupted(tmp_path, samples_folder / "twitches.mp4", "1", "source")
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        (run,) = log.runs()
    assert run.session.status == "interrupted"
    assert 2.0 < run.session.duration_s < 20.0 and run.session.frames > 20
    assert (tmp_path / "e.csv").exists()
