"""A run that travels: the same in the other log, whole or not at all, and once."""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import LogError
from detector.record.log import EpisodeLog
from tests.test_log import episode, recorded, session, twitch


@pytest.fixture
def sent(tmp_path: Path) -> bytes:
    with EpisodeLog(tmp_path / "worker.sqlite") as log:
        recorded(log, session("other", sha256="1" * 64))  # so that its keys are others than over there
        run = recorded(log, session(), episode(1, 2.0), episode(2, 5.0), episode(-1, 7.0, kind="blink"))
        log.add_twitch(run, twitch(9.0, kept=False, reason="head moved"))
        return log.pack(run)


def changed(parcel: bytes, change: str) -> bytes:
    document = json.loads(zlib.decompress(parcel))
    tables = document["tables"]
    if change == "format":
        document["format"] += 1
    elif change == "column":
        tables["episodes"]["columns"][0] = "start_s); DROP TABLE sessions; --"
    elif change == "no session":
        tables["sessions"]["rows"] = []
    elif change == "table":
        tables["journal"] = tables.pop("twitches")
    elif change == "row":  # the last of the rows cannot be put in: what went before must not stay
        tables["twitches"]["rows"][-1][tables["twitches"]["columns"].index("region")] = None
    return zlib.compress(json.dumps(document).encode())


def test_it_is_the_same_over_there(tmp_path: Path, sent: bytes) -> None:
    with EpisodeLog(tmp_path / "worker.sqlite") as there, EpisodeLog(tmp_path / "log.sqlite") as here:
        assert here.add_packed(sent) == (1, True)
        assert here.session(1) == there.session(2) and here.runs()[0].created_utc == there.runs()[1].created_utc
        for everything in (False, True):
            mine, theirs = (log.episodes(run, include_rejected=everything) for log, run in ((here, 1), (there, 2)))
            assert [replace(row, run=0) for row in mine] == [replace(row, run=0) for row in theirs]
            assert here.twitches(1, include_rejected=everything) == there.twitches(2, include_rejected=everything)
        assert len(here.twitches(1, include_rejected=True)) == 7
        assert here.pack(1) == sent


def test_it_is_put_in_once(tmp_path: Path, sent: bytes) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        assert log.find_complete("f" * 64, "aa11") is None
        assert [log.add_packed(sent), log.add_packed(sent)] == [(1, True), (1, False)]
        assert len(log.runs()) == 1 and log.find_complete("f" * 64, "aa11") == 1
        assert log.find_complete("f" * 64, "bb22") is None


def test_only_a_complete_run_that_counts_is_found(tmp_path: Path, sent: bytes) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        recorded(log, session(), status="failed")
        assert log.find_complete("f" * 64, "aa11") is None
        assert log.add_packed(sent) == (2, True)
        recorded(log, session("bb22"), replace=True)
        assert log.find_complete("f" * 64, "aa11") is None
        assert log.add_packed(sent) == (4, True)


def test_what_was_said_of_its_episodes_is_carried_over(tmp_path: Path, sent: bytes) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        run = recorded(log, session(), episode(1, 2.0), status="interrupted")
        log.review_episode(run, 1, reviewer="me", review="confirmed")
        new, _ = log.add_packed(sent)
        assert [row.review for row in log.episodes(new)] == ["confirmed", ""]


@pytest.mark.parametrize("change", ["format", "column", "no session", "table", "row"])
def test_what_is_no_run_leaves_the_log_as_it_was(tmp_path: Path, sent: bytes, change: str) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        with pytest.raises(LogError):
            log.add_packed(changed(sent, change))
        assert log.runs(True) == []
    db = sqlite3.connect(tmp_path / "log.sqlite")
    assert [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("episodes", "twitches")] == [0, 0]
    db.close()


def test_noise_is_refused(tmp_path: Path) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log, pytest.raises(LogError, match="same nasalis on all machines"):
        log.add_packed(b"noise")
