"""Logs as earlier formats had them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from detector.record import reviews, schema

# format -> the columns it added, and what a log that lacks them reads
SESSION = {2: {"limit50_mm": {}, "limit90_mm": {}}, 4: {"resting": None}, 5: {"observed_by_minute_s": ()}}
TWITCH = {5: {"course_mm": ()}}


def added_after(old: int, table: dict[int, dict[str, object]]) -> dict[str, object]:
    """Columns that a log of format ``old`` lacks, with what they read as."""
    return {name: value for number, names in table.items() if number > old for name, value in names.items()}


@contextmanager
def writing_format(monkeypatch: pytest.MonkeyPatch, old: int) -> Iterator[None]:
    """Inside, logs are made as that format had them."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "FORMAT", old)
        for name, table in (("SESSION", SESSION), ("TWITCH", TWITCH)):
            missing = added_after(old, table)
            codecs = {column: codec for column, codec in getattr(schema, name).items() if column not in missing}
            patch.setattr(schema, name, codecs)
        if old < 6:  # there were no reviews to carry over
            patch.setattr(reviews, "carry_over", lambda db, run: None)
        yield
