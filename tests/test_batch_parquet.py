"""The Parquet set of a batch: whole whenever it is read, each session once, whoever died before."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("pyarrow", reason="needs the extra exchange")

from detector.batch import parquet_set
from detector.batch.parquet_set import WAITING, ParquetSet
from detector.errors import OutputError, UsageError
from detector.record.log import EpisodeLog
from tests.test_log import episode, recorded, session, twitch


def filled(path: Path, count: int) -> EpisodeLog:
    log = EpisodeLog(path)
    for number in range(count):
        run = recorded(log, session(f"s{number}", sha256=f"{number:064d}"), *([episode(1, 2.0)] if number else []))
        log.add_twitch(run, twitch(9.0, kept=False, reason="head moved"))
    return log


def read(folder: Path, table: str) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(part) for part in sorted(folder.glob(f"*/{table}.parquet")))


def test_three_tables_that_belong_together(tmp_path: Path) -> None:
    with filled(tmp_path / "log.sqlite", 3) as log:
        one = ParquetSet(tmp_path / "set", log)
        for run in (1, 2, 3):
            one.add(run, f"s{run - 1}")
        one.flush()
        one.close()
        sessions, episodes, twitches = (read(tmp_path / "set", name) for name in ("sessions", "episodes", "twitches"))
        assert list(sessions["session_id"]) == ["s0", "s1", "s2"] and sessions["observed_s"].iloc[0] == 51.25
        assert sessions["start_time"].iloc[0] == pd.Timestamp("2026-03-01T08:00:00Z")
        assert list(episodes["session_id"]) == ["s1", "s2"] and set(twitches["session_id"]) == {"s1", "s2"}
        assert list(twitches["twitch_id"]) == [row.twitch_id for row in log.twitches()] and twitches["kept"].all()
        assert not (tmp_path / "set" / WAITING).exists()


def test_parts_of_nothing_have_the_same_columns(tmp_path: Path) -> None:
    with filled(tmp_path / "log.sqlite", 2) as log:
        one = ParquetSet(tmp_path / "set", log)
        for run in (1, 2):  # the first has neither episodes nor kept twitches
            one.add(run, f"s{run - 1}")
            one.flush()
        one.close()
    for table in ("sessions", "episodes", "twitches"):
        parts = [pd.read_parquet(part) for part in (tmp_path / "set").glob(f"*/{table}.parquet")]
        assert len(parts) == 2 and list(parts[0].columns) == list(parts[1].columns)


def test_it_is_written_as_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_set, "GROUP", 2)
    with filled(tmp_path / "log.sqlite", 3) as log:
        one = ParquetSet(tmp_path / "set", log)
        for run in (1, 2, 3):
            one.add(run, f"s{run - 1}")
        assert len(read(tmp_path / "set", "sessions")) == 2
        one.tick()
        assert len(read(tmp_path / "set", "sessions")) == 2
        monkeypatch.setattr(parquet_set, "GROUP_S", -1.0)
        one.tick()
        assert len(read(tmp_path / "set", "sessions")) == 3
        one.close()


def test_again_adds_what_is_missing_and_clears_what_was_left(tmp_path: Path) -> None:
    with filled(tmp_path / "log.sqlite", 3) as log:
        first = ParquetSet(tmp_path / "set", log)
        first.add(1, "s0")
        first.flush()
        (tmp_path / "set" / WAITING / "part-half").mkdir()
        first._lock.close()  # as when its program is killed
        second = ParquetSet(tmp_path / "set", log)
        assert not (tmp_path / "set" / WAITING / "part-half").exists()
        for run in (1, 2, 3, 1):
            second.add(run, f"s{run - 1}")
        second.flush()
        second.close()
    assert sorted(read(tmp_path / "set", "sessions")["session_id"]) == ["s0", "s1", "s2"]


def test_two_batches_do_not_write_into_one_set(tmp_path: Path) -> None:
    with filled(tmp_path / "log.sqlite", 1) as log:
        first = ParquetSet(tmp_path / "set", log)
        with pytest.raises(UsageError, match="another batch is writing"):
            ParquetSet(tmp_path / "set", log)
        first.close()
        ParquetSet(tmp_path / "set", log).close()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    part = tmp_path / "set" / "part-0"
    part.mkdir(parents=True)
    (part / "sessions.parquet").write_text("no table")
    with filled(tmp_path / "log.sqlite", 1) as log, pytest.raises(OutputError, match="no table of sessions"):
        ParquetSet(tmp_path / "set", log)
