"""The command: labels from truth files or from the log, a table or JSON, a plot, and sentences for what is missing."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import cli
from detector.record.log import EpisodeLog
from detector.score_files import TRUTH_COLUMNS
from detector.study import tune_run
from detector.study.kappa import Kappa
from detector.study.ladder import RUNGS, Ladder
from detector.study.tune_run import Wanted, reviewers_agree
from tests.test_log import episode, recorded, session
from tests.test_signals import ROOT, known, readings, write


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]
MINUTES = 90


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, with a log of its own."""
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "default.sqlite"))

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


@pytest.fixture
def signals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file that stands for 90 minutes: noise that passes 120 times an hour at 5, and a twitch each minute."""
    path = tmp_path / "s.h5"
    write(path, readings(1.0), known())
    rng = np.random.default_rng(4)
    at = rng.uniform(0.0, 60.0 * MINUTES, 120 * MINUTES // 60)
    noise = [(t, 5.0 + rng.exponential(0.8)) for t in at if 5.0 < t % 60.0 < 58.0]
    twitches = [(60.0 * k + 1.0, 6.0 + 0.1 * k) for k in range(MINUTES)]
    rows = [
        (rung, t, t + 0.3)
        for rung, threshold in enumerate(RUNGS)
        for t, score in sorted([*noise, *twitches])
        if score >= threshold
    ]
    table = np.array(rows)
    long = np.array([[0.0, 60.0 * MINUTES]])
    ladder = Ladder(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], long, 0.0, 60.0 * MINUTES)
    monkeypatch.setattr(tune_run, "kept_ladder", lambda *_: ladder)
    return path


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return truth_file(tmp_path / "truth.csv", [60.0 * k + 1.0 for k in range(MINUTES)])


def truth_file(path: Path, onsets: list[float]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows([1, "tic_like", "", "", t, t + 0.3, "", "", ""] for t in onsets)
    return path


def test_help_stays_light() -> None:
    code = (
        "import sys, cli\nsys.argv = ['nasalis', 'tune', '--help']\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "print([n for n in ('numpy', 'scipy', 'matplotlib', 'numba', 'h5py') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]" and "--false-alarms" in done.stdout


def test_a_truth_file_gives_a_threshold(run: Run, signals: Path, truth: Path) -> None:
    ran = run("tune", signals, "--truth", truth, "--json")
    document = json.loads(ran.out)
    proposal, points = document["tuned"]["proposal"], document["tuned"]["points"]
    right = 5.0 + 0.8 * np.log(120.0 / 6.0)
    assert ran.code == 0 and abs(proposal["threshold"] - right) <= 0.6
    assert proposal["range"][0] <= right <= proposal["range"][1]
    assert [point["threshold"] for point in points] == list(RUNGS)
    assert points[0]["found"] == MINUTES and points[0]["recall"]["value"] == 1.0
    assert document["sensitivities"]["normal"]["threshold"] == 7.4
    kappa = document["tuned"]["agreement"][0]
    assert {kappa["first"], kappa["second"]} == {"truth", f"nasalis at {proposal['threshold']:g}"}
    fewer = json.loads(run("tune", signals, "--truth", truth, "--false-alarms", 30, "--json").out)
    assert fewer["tuned"]["proposal"]["threshold"] < proposal["threshold"]


def test_the_table_says_what_to_do_and_how_sure_it_is(run: Run, signals: Path, truth: Path, tmp_path: Path) -> None:
    plot = tmp_path / "p.svg"
    ran = run("tune", signals, "--truth", truth, "-o", plot)
    text = " ".join(ran.out.split())
    assert ran.code == 0 and "Proposed for 6 false alarms per observed hour: --threshold" in text
    assert "95 % intervals" in text and "kappa" in text and "normal" in text
    svg = plot.read_text()
    assert "recall, of 90 twitches" in svg and "proposed:" in svg
    run("tune", signals, "--truth", truth, "-o", plot)
    assert plot.read_text() == svg


def test_a_second_person_is_compared_with_the_first_and_with_the_program(
    run: Run, signals: Path, truth: Path, tmp_path: Path
) -> None:
    other = truth_file(tmp_path / "b.csv", [60.0 * k + 1.0 for k in range(0, MINUTES, 2)])
    ran = run("tune", signals, "--truth", truth, "--second", other, "--json")
    agreement = json.loads(ran.out)["tuned"]["agreement"]
    assert [{row["first"], row["second"]} & {"truth", "second"} for row in agreement] == [
        {"truth", "second"}, {"second"}, {"truth"},
    ]  # fmt: skip
    assert 0.5 < agreement[0]["value"] < 0.8 and agreement[0]["low"] < agreement[0]["value"] < agreement[0]["high"]


def test_reviews_of_any_analysis_of_the_file_count(run: Run, signals: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    on_twitch, on_noise = 60.0 * 40 + 1.0, 60.0 * 40 + 30.0
    with EpisodeLog(log) as book:
        key = recorded(book, session("other-analysis"), episode(1, on_twitch), episode(2, on_noise))
        book.review_episode(key, 1, reviewer="ann", review="confirmed")
        book.review_episode(key, 2, reviewer="bob", review="rejected")
    done = json.loads(run("tune", signals, "--log", log, "--json").out)["tuned"]
    assert done["recordings"][0]["labels"] == "reviews"
    assert (done["recordings"][0]["twitches"], done["recordings"][0]["rejected"]) == (1, 1)
    assert done["points"][0]["found"] == 1 and done["points"][0]["unknown"] > 100
    assert done["proposal"]["threshold"] is None and "review the rest" in done["proposal"]["reason"]
    assert "a twitch that the program never found is not in it" in " ".join(
        run("tune", signals, "--log", log).out.split()
    )
    only = json.loads(run("tune", signals, "--log", log, "--reviewer", "ann", "--json").out)["tuned"]
    assert only["recordings"][0]["rejected"] == 0
    ran = run("tune", signals, "--log", log, "--reviewer", "eve")
    assert ran.code == 2 and "reviewed by eve" in ran.err


def test_two_reviewers_and_the_program(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    with EpisodeLog(log) as book:
        key = recorded(
            book, session(), *(episode(n, 3.0 * n) for n in range(1, 13)), episode(-1, 50.0, kind="blink", twitches=())
        )
        for number in range(1, 13):
            book.review_episode(key, number, reviewer="ann", review="confirmed" if number <= 6 else "rejected")
            if number != 12:
                book.review_episode(key, number, reviewer="bob", review="rejected")  # and then another thought
                book.review_episode(key, number, reviewer="bob", review="confirmed" if number <= 7 else "rejected")
        book.review_episode(key, 12, reviewer="bob", review="unsure")
        book.review_episode(key, -1, reviewer="bob", review="rejected")
    found = {(kappa.first, kappa.second): kappa for kappa in reviewers_agree(Wanted(log=log))}
    between = found["ann", "bob"]
    assert (between.both, between.only_first, between.only_second, between.neither) == (6, 0, 1, 4)
    assert found["nasalis", "ann"].value is None  # only what it found was judged
    bob = found["nasalis", "bob"]
    assert (bob.both, bob.only_first, bob.neither) == (7, 4, 1) and bob.value is not None
    ran = run("tune", "--log", log)
    assert ran.code == 0 and "ann" in ran.out and "bob" in ran.out
    assert isinstance(between, Kappa) and between.low is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--truth", "TRUTH", "--truth", "TRUTH"), "2 files with --truth for 1 signals"),
        (("--second", "TRUTH"), "--second is compared with --truth"),
        (("--truth", "TRUTH", "--false-alarms", "0"), "--false-alarms"),
        (("--truth", "TRUTH", "-o", "x.pdf"), "ends in .png or .svg"),
        (("--truth", "none.csv"), "none.csv cannot be read"),
    ],
)
def test_wrong_usage_is_one_sentence(run: Run, signals: Path, truth: Path, words: tuple[str, ...], said: str) -> None:
    ran = run("tune", signals, *(truth if word == "TRUTH" else word for word in words))
    assert ran.code == 2 and ran.out == "" and said in " ".join(ran.err.split())


def test_one_recording_is_not_counted_twice(run: Run, signals: Path, truth: Path, tmp_path: Path) -> None:
    again, other, later = tmp_path / "again.h5", tmp_path / "other.h5", tmp_path / "later.h5"
    again.write_bytes(signals.read_bytes())
    write(other, readings(1.0), known(sha256="e" * 64))
    write(later, [replace(one, t_s=one.t_s + 50.0) for one in readings(1.0)], known())
    ran = run("tune", signals, again, "--truth", truth, "--truth", truth)
    assert ran.code == 2 and ran.out == "" and "of the same recording" in " ".join(ran.err.split())
    for apart in (other, later):  # another clip, and another part of the same one
        assert run("tune", signals, apart, "--truth", truth, "--truth", truth).code == 0


def test_what_is_no_signals_file_is_told(run: Run, truth: Path) -> None:
    ran = run("tune", truth, "--truth", truth)
    assert ran.code == 3 and "not a signals file" in ran.err


def test_a_threshold_out_of_range_is_wrong_usage(run: Run) -> None:
    for command in ("analyze", "live", "rescore"):
        ran = run(command, *(["x"] if command != "live" else []), "--threshold", "3.9")
        assert ran.code == 2 and "4" in ran.err
