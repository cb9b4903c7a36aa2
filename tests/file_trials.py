"""One run of the program after the other, each on a file that something is wrong with, and what may come of it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import cli
from detector.record.export import write_episodes_csv, write_twitches_csv
from detector.record.log import EpisodeLog
from detector.study.demo import write_demo_log
from tests.mutant_files import log_mutant, signals_mutant, text_mutant
from tests.test_journal_csv import full_log
from tests.test_log import episode, recorded, session, twitch
from tests.test_marks import elan
from tests.test_signals import known, readings, write

TRUTH = (
    "event,kind,muscle,side,onset_s,offset_s,twitches,amplitude_mm,px_per_mm\n"
    "1,fasciculation_like,nasalis_alar_left,left,2.0,2.4,2,0.8,2.0\n2,tic_like,,both,8.0,8.3,1,1.1,2.0\n"
    "3,blink,,both,12.0,12.2,,,\n4,fasciculation_like,procerus,midline,20.1,20.3,1,0.5,2.0\n"
)
MARKS = "onset,offset,kind,side,twitches\n2.1,2.3,tic,left,1\n12.0,12.2,blink,,\n30.0,30.5,twitch,right,3\n"
BIDS = "onset\tduration\ttrial_type\tside\n2.1\t0.2\ttic\tleft\n12.0\tn/a\tblink\tn/a\n"
READING = (
    ["log"], ["log", "--json"], ["log", "--session", "aa11"], ["log", "--markers"], ["log", "--rates", "day"],
    ["log", "--rates", "side", "--json"], ["log", "--all"], ["show", "e0001"], ["show", "e0001", "--json"],
    ["export", "--csv", "-"], ["export", "--json"], ["export", "--twitches", "-", "--all"],
    ["export", "--format", "bids", "-o", "{out}"], ["export", "--format", "webvtt", "-o", "{out}.vtt"],
    ["export", "--format", "boris", "-o", "{out}"], ["export", "--format", "elan", "-o", "{out}"],
    ["report"], ["report", "--json"], ["report", "-o", "{out}.html"],
    ["journal", "list"], ["journal", "list", "--json"],
    ["journal", "export"], ["journal", "experiment", "list"], ["journal", "add", "caffeine", "2 espresso"], ["doctor"],
)  # fmt: skip


class Ran(NamedTuple):
    """What a run of the program left behind."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    def wrong(self) -> str:
        """What the contract does not allow in it; empty when all is well."""
        if self.code not in (0, 2, 3):
            return f"exit code {self.code}"
        for word in ("Traceback", "inside the program"):
            if word in self.err + self.out:
                return word
        said = [line for line in self.err.splitlines() if line.startswith("nasalis: ")]
        if self.code and len(said) != 1:
            return f"{len(said)} sentences"
        if said and len(said[0]) > 2000:
            return f"a sentence of {len(said[0])} letters"
        return ""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ran]:
    """The program in this process."""
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "own.sqlite"))

    def _run(*words: object) -> Ran:
        capfd.readouterr()
        told = tuple(map(str, words))
        monkeypatch.setattr(sys, "argv", ["nasalis", *told])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
        return Ran(told, code, *capfd.readouterr())

    return _run


class Trials:
    """Sound files of every sort, and what is done to them.

    Parameters
    ----------
    folder : Path
        For all files.
    with_demo : bool
        Also a log of three months, on which a report takes a second.
    """

    def __init__(self, folder: Path, *, with_demo: bool = False) -> None:
        self.folder = folder
        self.logs = [folder / "log.sqlite"]
        with full_log(self.logs[0]) as log:
            run = recorded(log, session(), episode(1, 2.0), episode(2, 12.0, kind="tic_like", side="both"))
            log.add_twitch(run, twitch(9.0, kept=False, reason="head moved"))
            log.review_episode(run, 1, reviewer="ann", review="confirmed")
            recorded(log, session("bb22", "e" * 64, start_utc=""), episode(-1, 4.0, kind="blink", twitches=()))
            self.found, self.twitches = folder / "found.csv", folder / "twitches.csv"
            write_episodes_csv(str(self.found), log.episodes(run), [log.session(run)])
            write_twitches_csv(str(self.twitches), log.twitches(run), [log.session(run)])
        if with_demo:
            self.logs.append(folder / "demo.sqlite")
            write_demo_log(self.logs[1])
        self.signals = folder / "sound.h5"
        write(self.signals, readings(seconds=6.0, away_s=(3.0, 3.4)), known())
        self.journal = folder / "journal.csv"
        from detector.study.journal_csv import export_csv

        with EpisodeLog(self.logs[0]) as log:
            export_csv(self.journal, log.journal())
        self.elan = elan(folder / "marks.eaf", nose=[(2000, 2250, "tic"), (500, 900, "left")])

    def log(self, rng: random.Random) -> tuple[list[str], str]:
        """A command that reads a log, on a mutant of one."""
        bad = self.folder / "bad.sqlite"
        for file in self.folder.glob("bad.sqlite*"):
            file.unlink()
        how = log_mutant(rng, rng.choice(self.logs), bad)
        words = [word.format(out=self._fresh()) for word in rng.choice(READING)]
        return [*words, "--log", str(bad)], how

    def table(self, rng: random.Random) -> tuple[list[str], str]:
        """A journal, marks, or a truth file and what is held against it."""
        out = self._fresh()
        kind = rng.choice(("journal", "journal", "marks", "bids", "elan", "truth", "found", "sidecar"))
        bad = self.folder / f"bad-{kind}.{'eaf' if kind == 'elan' else 'tsv' if kind == 'bids' else 'csv'}"
        sound = {
            "journal": self.journal.read_text(), "marks": MARKS, "bids": BIDS, "elan": self.elan.read_text(),
            "truth": TRUTH, "found": rng.choice((self.found, self.twitches)).read_text(),
            "sidecar": self.found.with_suffix(".json").read_text(),
        }[kind]  # fmt: skip
        content = text_mutant(rng, sound, {"bids": "\t", "elan": '"', "sidecar": ":"}.get(kind, ","))
        if kind == "sidecar":
            bad.write_bytes(self.found.read_bytes())
            bad.with_suffix(".json").write_bytes(content)
        else:
            bad.write_bytes(content)
        truth = self.folder / "truth.csv"
        truth.write_text(TRUTH)
        log = self.folder / "journal.sqlite"
        log.unlink(missing_ok=True)
        words = {
            "journal": ["journal", "import", bad, "--log", log, *rng.choice(([], ["--skip-bad"]))],
            "truth": ["score", self.found, bad],
            "found": ["score", bad, truth, "--observed", "60"],
            "sidecar": ["score", bad, truth],
        }.get(kind, ["import", bad, "--as", "truth", "-o", out])
        return [str(word) for word in words], f"{bad.name}: {content[:2000]!r}"

    def signal(self, rng: random.Random) -> tuple[list[str], str]:
        """A signals file that is decided anew, exported or tuned on."""
        bad, truth, log = self.folder / "bad.h5", self.folder / "truth.csv", self.folder / "rescored.sqlite"
        how = signals_mutant(rng, self.signals, bad)
        truth.write_text(TRUTH)
        log.unlink(missing_ok=True)
        words = rng.choice((["rescore", bad, "--log", log], ["rescore", bad, "--log", log, "--sensitivity", "high"]))
        return [str(word) for word in words], how

    def _fresh(self) -> Path:
        out = self.folder / "out"
        for file in self.folder.glob("out*"):
            file.unlink()
        return out
