"""Parquet: the columns of ``episodes.csv`` with their types, for pandas, R, DuckDB and the like."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from detector.exchange.recording import Recording, missing
from detector.record.entries import clean_text, moment_of
from detector.record.export import EPISODE_COLUMNS, about_sessions, episode_document


def parquet(recordings: Sequence[Recording]) -> bytes:
    """All episodes as one table.

    Parameters
    ----------
    recordings : sequence of Recording

    Returns
    -------
    bytes
        Numbers are numbers and null where unknown, ``regions`` is a list, ``start_time`` a moment in UTC; ``evidence``
        and ``review_kind`` are further columns. What the columns mean and the sessions stand in the metadata, as JSON
        under ``nasalis``.

    Raises
    ------
    UsageError
        The extra is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing("pyarrow", "Parquet") from error
    types: dict[str, Any] = {
        column.name: pa.string() if column.decimals is None else pa.float64() for column in EPISODE_COLUMNS
    }
    types |= {
        "start_time": pa.timestamp("ms", tz="UTC"), "regions": pa.list_(pa.string()), "twitch_count": pa.int64(),
        "evidence": pa.string(), "review_kind": pa.string(),
    }  # fmt: skip
    rows = []
    for recording in recordings:
        for row in recording.episodes:
            start = moment_of(recording.session.start_utc, row.episode.start_s)
            rows.append(episode_document(row) | {"review_kind": clean_text(row.review_kind), "start_time": start})
    about = about_sessions("episodes", [recording.session for recording in recordings])
    about["columns"] = [{"name": c.name, "unit": c.unit, "meaning": c.meaning} for c in EPISODE_COLUMNS]
    metadata = {"nasalis": json.dumps(about, sort_keys=True, ensure_ascii=False)}
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()), metadata=metadata))
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()
