"""Rows of the log and signals as data frames of pandas. Imported when one is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from detector.record.entries import LoggedEpisode, LoggedTwitch, time_of_day
from detector.record.export import EPISODE_COLUMNS, TWITCH_COLUMNS, Column, episode_document
from detector.record.heights import Heights
from detector.record.traces import Traces
from detector.types import Session

SESSION_COLUMNS = (
    "session_id", "source", "start_time", "duration_s", "observed_s", "face_s", "fps", "width", "height", "frames",
    "frames_repeated", "frames_lost", "px_per_mm", "status",
)  # fmt: skip


def episodes(rows: Iterable[LoggedEpisode]) -> pd.DataFrame:
    """The columns of ``episodes.csv``, ``evidence`` and ``review_kind``; NaN and NaT where nothing is known."""
    names = [column.name for column in EPISODE_COLUMNS] + ["evidence", "review_kind"]
    documents = [episode_document(row) | {"review_kind": row.review_kind} for row in rows]
    return _typed(pd.DataFrame(documents, columns=names), EPISODE_COLUMNS)


def twitches(rows: Iterable[LoggedTwitch]) -> pd.DataFrame:
    """The columns of ``twitches.csv``; ``kept`` is a boolean."""
    cells = [[column.value(row) for column in TWITCH_COLUMNS] for row in rows]
    frame = _typed(pd.DataFrame(cells, columns=[column.name for column in TWITCH_COLUMNS]), TWITCH_COLUMNS)
    frame["kept"] = (frame["kept"] == "true").astype(bool)
    return frame


def sessions(found: Iterable[Session]) -> pd.DataFrame:
    """One row each; ``start_time`` in UTC."""
    rows: list[dict[str, Any]] = []
    for session in found:
        known = {name: getattr(session, name) for name in SESSION_COLUMNS if name != "start_time"}
        rows.append(known | {"start_time": time_of_day(session.start_utc, 0.0)})
    frame = pd.DataFrame(rows, columns=list(SESSION_COLUMNS))
    frame["start_time"] = _moments(frame["start_time"])
    numbers = [f.name for f in dataclasses.fields(Session) if f.name in SESSION_COLUMNS and "float" in str(f.type)]
    return frame.astype(dict.fromkeys(numbers, float))


def traces(scores: Traces, heights: Heights) -> pd.DataFrame:
    """One row per frame, its time in s the index: ``score_SIDE``, ``floor_mm``, ``observed``, ``pull_mm_AREA``."""
    columns: dict[str, Any] = {f"score_{side}": values for side, values in scores.scores.items()}
    columns |= {"floor_mm": scores.floor_mm, "observed": scores.observed}
    columns |= {f"pull_mm_{name}": heights.pull_mm[:, k] for k, name in enumerate(heights.names)}
    return pd.DataFrame(columns, index=pd.Index(np.asarray(scores.t_s), name="t_s"))


def _typed(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    numbers = [column.name for column in columns if column.decimals is not None]
    frame = frame.astype(dict.fromkeys(numbers, float))
    if "twitch_count" in frame:
        frame["twitch_count"] = frame["twitch_count"].astype("int64")
    if "start_time" in frame:
        frame["start_time"] = _moments(frame["start_time"])
    return frame


def _moments(texts: pd.Series) -> pd.Series:
    """Of ISO 8601 with offsets, in UTC; NaT for empty ones."""
    return pd.to_datetime(texts.mask(texts == ""), utc=True, format="ISO8601")
