"""A batch on the screen when it is over."""

from __future__ import annotations

from rich import box
from rich.table import Table

from detector.batch.job import BatchOutcome
from detector.terminal import plain

MOST = 20  # reasons shown; the table that -o writes has them all


def outcome_table(outcome: BatchOutcome) -> Table:
    """How many clips were done, skipped, and failed for which reason."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("clips", justify="right", no_wrap=True)
    table.add_column("what became of them", overflow="fold")
    table.add_row(str(outcome.counts["done"]), "done")
    table.add_row(str(outcome.counts["skipped"]), "skipped: analyzed already")
    shown = outcome.reasons.most_common(MOST)
    for reason, count in shown:
        table.add_row(str(count), f"failed: {plain(reason)}")
    others = outcome.counts["failed"] - sum(count for _, count in shown)
    if others:
        table.add_row(str(others), "failed for other reasons: name a table with -o")
    return table
