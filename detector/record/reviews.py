"""What a person judged about episodes, in versions, so that no change of mind is lost. SQL only, no transactions.

The program's own ``kind`` is never overwritten: it is what file, settings and versions give, and what its rates and
errors are counted by. The person's kind stands beside it.
"""

from __future__ import annotations

import sqlite3

from detector.record.entries import LoggedReview, clean_text


def insert_review(
    db: sqlite3.Connection,
    run: int,
    number: int,
    reviewer: str,
    made_utc: str,
    *,
    review: str | None,
    kind: str | None,
    note: str | None,
) -> LoggedReview | None:
    """Write another version, with what is None as it was, and return it; None when there is no such episode."""
    before = db.execute(
        "SELECT review, review_kind, note FROM episodes WHERE run = ? AND number = ?", (int(run), int(number))
    ).fetchone()
    if before is None:
        return None
    said = [
        clean_text(held if new is None else new) for new, held in zip((review, kind, note), tuple(before), strict=True)
    ]
    cursor = db.execute(
        "INSERT INTO reviews (run, number, reviewer, review, kind, note, made_utc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (int(run), int(number), clean_text(reviewer), *said, made_utc),
    )
    db.execute(
        "UPDATE episodes SET review = ?, review_kind = ?, note = ? WHERE run = ? AND number = ?",
        (*said, int(run), int(number)),
    )
    version, (verdict, own_kind, remark) = int(cursor.lastrowid or 0), said
    return LoggedReview(version, int(run), int(number), clean_text(reviewer), verdict, own_kind, remark, made_utc)


def select_reviews(db: sqlite3.Connection, run: int, number: int) -> list[LoggedReview]:
    """All versions of one episode, oldest first."""
    rows = db.execute(
        "SELECT * FROM reviews WHERE run = ? AND number = ? ORDER BY version", (int(run), int(number))
    ).fetchall()
    return [
        LoggedReview(
            row["version"],
            row["run"],
            row["number"],
            *(str(row[name]) for name in ("reviewer", "review", "kind", "note", "made_utc")),
        )
        for row in rows
    ]


def carry_over(db: sqlite3.Connection, run: int) -> None:
    """Give the episodes of a run what was said of the same ones in earlier runs of the same session.

    The same file, settings and versions find the same episodes, and the newer run stands for both from now on: without
    this, analyzing a folder once more would hide everything that a person had said of it.
    """
    pairs = db.execute(
        "SELECT e.number, max(o.run) FROM episodes e JOIN sessions s ON s.run = e.run"
        " JOIN sessions o ON o.session_id = s.session_id AND o.run < s.run"
        " JOIN episodes p ON p.run = o.run AND p.number = e.number AND abs(p.start_s - e.start_s) < 1e-6"
        " WHERE e.run = ? AND s.sha256 != ''"
        " AND EXISTS (SELECT 1 FROM reviews r WHERE r.run = p.run AND r.number = p.number)"
        " AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.run = e.run AND r.number = e.number)"
        " GROUP BY e.number",
        (int(run),),
    ).fetchall()
    for number, earlier in pairs:
        db.execute(
            "INSERT INTO reviews (run, number, reviewer, review, kind, note, made_utc)"
            " SELECT ?2, number, reviewer, review, kind, note, made_utc FROM reviews"
            " WHERE run = ?1 AND number = ?3 ORDER BY version",
            (earlier, int(run), number),
        )
        db.execute(
            "UPDATE episodes SET (review, review_kind, note) = (SELECT review, review_kind, note FROM episodes"
            " WHERE run = ?1 AND number = ?3) WHERE run = ?2 AND number = ?3",
            (earlier, int(run), number),
        )
