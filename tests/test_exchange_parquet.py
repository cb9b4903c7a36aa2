"""Parquet: typed columns that pandas opens, with what explains them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from detector.record.export import EPISODE_COLUMNS
from tests.growth import assert_in_proportion
from tests.test_exchange import FEW, NOTE, noted, one_run, write
from tests.test_log import episode, session


def test_pandas_opens_it_with_types(tmp_path: Path) -> None:
    other = one_run(session("bb22", sha256="1" * 64, start_utc=""), episode(1, 1.0), run_key=2)
    write("parquet", tmp_path / "a.parquet", noted(*FEW), other)
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert list(frame.columns) == [column.name for column in EPISODE_COLUMNS] + ["evidence", "review_kind"]
    first = frame.iloc[0]
    assert first["note"] == NOTE and list(first["regions"]) == ["nasalis_alar_left", "procerus"]
    assert first["start_time"] == pd.Timestamp("2026-03-01T08:00:02Z")
    assert pd.isna(first["snr"]) and pd.isna(first["rate_hz"]) and first["peak_mm"] == 0.8
    assert pd.isna(frame["start_time"].iloc[-1]) and list(frame["session_id"]) == ["aa11"] * 4 + ["bb22"]
    assert pd.api.types.is_integer_dtype(frame["twitch_count"])
    assert frame["start_time"].dt.tz is not None


def test_an_offset_is_a_moment(tmp_path: Path) -> None:
    write("parquet", tmp_path / "a.parquet", one_run(session(start_utc="2026-03-01T23:30:00+05:30"), episode(1, 2.0)))
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert frame["start_time"][0] == pd.Timestamp("2026-03-01T18:00:02Z")


def test_empty_and_explained(tmp_path: Path) -> None:
    write("parquet", tmp_path / "none.parquet")
    write("parquet", tmp_path / "quiet.parquet", one_run())
    for name in ("none", "quiet"):
        assert len(pd.read_parquet(tmp_path / f"{name}.parquet")) == 0
    schema = pq.read_schema(tmp_path / "quiet.parquet")
    about = json.loads(schema.metadata[b"nasalis"])
    assert about["observed_s"] == 51.25 and about["sessions"][0]["source"] == "clips/Ünï ok.mp4"
    assert str(schema.field("peak_mm").type) == "double" and str(schema.field("start_time").type).startswith(
        "timestamp"
    )


def test_thousands_of_episodes_take_their_share(tmp_path: Path) -> None:
    def written(count: int) -> None:
        write("parquet", tmp_path / "a.parquet", one_run(None, *(episode(k, k * 1.0) for k in range(1, count + 1))))

    assert_in_proportion(written, 1000)
    written(5000)
    assert pd.read_parquet(tmp_path / "a.parquet")["start_s"].sum() == 5000 * 5001 / 2
