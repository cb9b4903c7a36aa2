"""What a batch is to do, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.analyzing import INTERRUPTED
from detector.config import Sensitivity
from detector.errors import SourceError


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is wanted."""

    clips: Sequence[str]  # absolute paths
    sensitivity: Sensitivity = "normal"
    threshold: float | None = None
    log: Path | None = None
    model: Path | None = None
    output: str | None = None  # the table: a file or "-"
    parquet: Path | None = None
    time_limit_s: float = 3600.0
    memory_limit_mb: float = 4000.0
    retries: int = 2


@dataclass(slots=True)
class BatchOutcome:
    """What came of it."""

    log: Path
    total: int
    counts: Counter[str] = field(default_factory=Counter)  # of each status
    reasons: Counter[str] = field(default_factory=Counter)  # of the clips that failed, without their names
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """130 interrupted, 3 when a clip could not be done, else 0."""
        if self.interrupted:
            return INTERRUPTED
        return SourceError.exit_code if self.counts["failed"] else 0

    def closing_words(self) -> str:
        """How it ended, and where the findings are."""
        counts = ", ".join(f"{self.counts[name]} {name}" for name in ("done", "skipped", "failed"))
        left = self.total - sum(self.counts.values())
        again = f"; {left} left, for the same command again" if left else ""
        return f"{'Interrupted: ' if self.interrupted else ''}{counts}{again}. Log: {self.log}"

    def to_dict(self) -> dict[str, Any]:
        """For the JSON beside the table."""
        return {
            "clips": self.total,
            "counts": {name: self.counts[name] for name in ("done", "skipped", "failed")},
            "interrupted": self.interrupted,
        }
