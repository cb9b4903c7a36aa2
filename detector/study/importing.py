"""Marks of a person as a truth file, or as what that person says of the episodes in the log."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.record.entries import REJECTED_KINDS, LoggedEpisode
from detector.record.harmless import defused
from detector.record.log import EpisodeLog
from detector.record.marks import Mark, read_marks
from detector.record.selection import Selection
from detector.score_files import TRUTH_COLUMNS

MISSED = "_missed.csv"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the marks say of one episode."""

    episode_id: str
    number: int
    review: str
    kind: str  # empty: as the program says


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it."""

    marks: int
    truth: str = ""  # file with the marks, or with those that no episode meets
    run: int | None = None
    reviewer: str = ""
    verdicts: tuple[Verdict, ...] = ()
    missed: int = 0  # marks of twitches that no episode meets
    left: int = 0  # episodes that nothing is said of

    def sentence(self) -> str:
        """What was done, for a person."""
        if self.run is None:
            return f"{self.marks} mark{'s' * (self.marks != 1)} written to {self.truth}."
        confirmed = sum(verdict.review == "confirmed" for verdict in self.verdicts)
        told = f"{confirmed} confirmed, {len(self.verdicts) - confirmed} rejected, {self.left} left as they were"
        missed = f"; {self.missed} marked and not found, kept in {self.truth}" if self.missed else ""
        return f"Episodes by {self.marks} marks of {self.reviewer}: {told}{missed}."


def import_truth(source: Path, output: Path | None, tier: str | None, labels: Sequence[str]) -> Imported:
    """Write the marks of a file as a truth file.

    Raises
    ------
    UsageError, OutputError
        Nothing is written then.
    """
    if output is None:
        raise UsageError("The truth file has no name: give it with -o FILE")
    if output.exists() and output.samefile(source):
        raise UsageError(f"{output} is the file with the marks itself: choose another name")
    marks = read_marks(source, tier=tier, labels=labels)
    with truth_file(output, marks):
        pass
    return Imported(len(marks), str(output))


def import_review(
    source: Path,
    log: Path | None,
    session: str | None,
    reviewer: str,
    *,
    complete: bool,
    output: Path | None,
    tier: str | None,
    labels: Sequence[str],
) -> Imported:
    """Keep in the log what the marks of a file say of the episodes of a session: all of it or nothing.

    Parameters
    ----------
    session : str
        Its id, or how the only one begins or ends.
    complete : bool
        The person watched all of it: an episode without a mark is none.
    output : Path, optional
        For the marks that no episode meets; default beside ``source``.

    Raises
    ------
    UsageError, LogError, OutputError
        Nothing is kept then.
    """
    if session is None:
        raise UsageError("Whose episodes are meant is not said: name the session with --session ID")
    if not reviewer.strip():
        raise UsageError("A review needs the name of who made it: give it with --reviewer NAME")
    marks = read_marks(source, tier=tier, labels=labels)
    with EpisodeLog(log, must_exist=True) as book:
        run = Selection(session=session).runs(book)[-1]
        if marks and marks[-1].start_s > run.session.duration_s > 0.0:
            raise UsageError(
                f"{source} has a mark at {marks[-1].start_s:g} s, and session {run.session.session_id} is "
                f"{run.session.duration_s:g} s long: are these the marks of another recording?"
            )
        episodes = book.episodes(run.run, with_twitches=False)
        verdicts, missed = judge(marks, episodes, complete=complete)
        place = output or source.with_name(source.stem + MISSED)
        with truth_file(place, missed) if missed else contextlib.nullcontext():
            book.review_episodes(run.run, reviewer, [(v.number, v.review, v.kind) for v in verdicts])
    return Imported(
        len(marks), str(place) if missed else "", run.run, reviewer, tuple(verdicts), len(missed),
        len(episodes) - len(verdicts),
    )  # fmt: skip


def judge(
    marks: Sequence[Mark], episodes: Sequence[LoggedEpisode], *, complete: bool
) -> tuple[list[Verdict], list[Mark]]:
    """What the marks say of episodes, and the marks of twitches that no episode meets.

    An episode that a marked twitch meets is confirmed; if the mark names a kind that is not the program's, with that
    kind. One that only a blink, a word or the like meets is rejected, as that. One that no mark meets is rejected when
    the person watched everything, and left alone otherwise. Meeting is overlapping, as for ``nasalis score``.
    """
    from detector.score import WIDEN_S

    verdicts: list[Verdict] = []
    met: set[int] = set()
    for row in episodes:
        shared = {
            k: min(mark.end_s + WIDEN_S, row.episode.end_s) - max(mark.start_s - WIDEN_S, row.episode.start_s)
            for k, mark in enumerate(marks)
        }
        near = [k for k in sorted(shared, key=lambda k: -shared[k]) if shared[k] > 0.0]
        twitches = [k for k in near if marks[k].kind not in REJECTED_KINDS]
        met.update(twitches)
        if twitches:
            kind = next((marks[k].kind for k in twitches if marks[k].kind), "")
            verdicts.append(_verdict(row, "confirmed", kind))
        elif near:
            verdicts.append(_verdict(row, "rejected", marks[near[0]].kind))
        elif complete:
            verdicts.append(_verdict(row, "rejected", ""))
    missed = [mark for k, mark in enumerate(marks) if k not in met and mark.kind not in REJECTED_KINDS]
    return verdicts, missed


@contextlib.contextmanager
def truth_file(path: Path, marks: Sequence[Mark]) -> Iterator[None]:
    """Marks as a truth file that comes to its place at the end, unless something fails on the way.

    Raises
    ------
    OutputError
        The file cannot be written; at the beginning as a rule.
    """
    from detector.record.files import explained, finish_durably, make_private, real_path, temporary_beside

    place = real_path(path)
    temporary = temporary_beside(place, "truth")
    try:
        with explained(path):
            make_private(temporary)
            with temporary.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(TRUTH_COLUMNS)
                writer.writerows(_cells(number, mark) for number, mark in enumerate(marks, start=1))
            finish_durably(temporary, place)
        yield
        with explained(path):
            temporary.replace(place)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _cells(number: int, mark: Mark) -> list[Any]:
    unknown = ("" if value is None else value for value in (mark.twitches, mark.amplitude_mm, mark.px_per_mm))
    return [number, mark.kind, defused(mark.muscle), mark.side, f"{mark.start_s:.4f}", f"{mark.end_s:.4f}", *unknown]


def _verdict(row: LoggedEpisode, review: str, kind: str) -> Verdict:
    return Verdict(row.episode_id, row.episode.number, review, "" if kind == row.episode.kind else kind)
