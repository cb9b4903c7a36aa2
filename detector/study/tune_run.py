"""What ``nasalis tune`` reads: signals, and truth files or the reviews of the log; and what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.config import THRESHOLDS
from detector.errors import UsageError
from detector.record.entries import LoggedEpisode
from detector.record.log import EpisodeLog
from detector.record.signals import SignalFile
from detector.score_files import read_truth
from detector.study.kappa import Kappa, compare, seconds
from detector.study.labels import Counts, Marks, count, marks_of_reviews, marks_of_truth
from detector.study.ladder import RUNGS, Ladder
from detector.study.ladder_store import kept_ladder, make_ladder
from detector.study.tuning import Point, Proposal, propose
from detector.terminal import Talk

F64 = npt.NDArray[np.floating[Any]]
PROGRAM = "nasalis"
REVIEWS = "reviews"
JUDGED = ("confirmed", "rejected")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of ``tune``."""

    signals: tuple[Path, ...] = ()
    truths: tuple[Path, ...] = ()  # one for each of the signals, or none: then the log's reviews count
    seconds: tuple[Path, ...] = ()  # another person's truth files
    log: Path | None = None
    reviewer: str | None = None  # only what this person said last; None: what was said last
    false_alarms_per_hour: float = 6.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One signals file and what is known of it."""

    signals: str
    session_id: str
    source: str
    labels: str  # truth file, or REVIEWS
    observed_s: float
    twitches: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it; the proposal is None without signals."""

    proposal: Proposal | None
    points: tuple[Point, ...]
    recordings: tuple[Recording, ...]
    observed_h: float
    quiet_h: float  # observed, away from twitches
    twitches: int  # in observed time
    unseen: int  # others
    agreement: tuple[Kappa, ...]


def tune(wanted: Wanted, talk: Talk, folder: Path | None = None) -> Tuned:
    """The curve, the proposal and the agreement.

    Parameters
    ----------
    wanted : Wanted
    talk : Talk
    folder : Path, optional
        Where ladders are kept; default in the user's cache folder.

    Raises
    ------
    UsageError, SourceError, LogError
        Something cannot be read, or tells nothing.
    """
    for name, files in (("--truth", wanted.truths), ("--second", wanted.seconds)):
        if files and len(files) != len(wanted.signals):
            raise UsageError(
                f"{len(files)} files with {name} for {len(wanted.signals)} signals: give one for each, in their order"
            )
    if wanted.seconds and not wanted.truths:
        raise UsageError("--second is compared with --truth: give that of the first person too")
    if not 0.0 < wanted.false_alarms_per_hour <= 1000.0:
        raise UsageError("--false-alarms is a number an hour above 0, e.g. 6")
    if not wanted.signals:
        found = reviewers_agree(wanted)
        if not found:
            raise UsageError("Nothing to tune by: name signals (analyze --signals), or let two people review episodes")
        return Tuned(None, (), (), 0.0, 0.0, 0, 0, tuple(found))
    _check_apart(wanted.signals)
    labeled = _labels(wanted)
    known = [(_ladder(path, talk, folder), marks) for path, (_, marks) in zip(wanted.signals, labeled, strict=True)]
    counts = count(known)
    proposal, points = propose(counts, wanted.false_alarms_per_hour)
    agreement = _by_seconds(wanted, known, proposal) if wanted.truths else reviewers_agree(wanted)
    return _tuned(wanted, labeled, known, counts, proposal, points, agreement)


def _check_apart(paths: Sequence[Path]) -> None:
    """Refuse one recording given twice: its minutes would count twice, and every interval would be too narrow."""
    spans: dict[str, list[tuple[float, float, Path]]] = {}
    for path in paths:
        with SignalFile(path) as signals:
            (first_s, last_s), session = signals.span_s, signals.session
        others = spans.setdefault(session.sha256 or session.session_id, [])
        for begin_s, end_s, other in others:  # parts of one clip may lie beside each other
            if first_s < end_s and begin_s < last_s:
                raise UsageError(f"{other} and {path} are of the same recording: give only one of them")
        others.append((first_s, last_s, path))


def reviewers_agree(wanted: Wanted) -> list[Kappa]:
    """Every two reviewers of the log over the episodes that both judged, and each with the program."""
    with EpisodeLog(wanted.log, must_exist=True) as log:
        judged = _last_words(log, log.episodes(include_rejected=True, with_twitches=False))
    people = sorted({person for words in judged.values() for person in words})
    out = []
    for one, other in combinations(people, 2):
        both = [(words[one], words[other]) for words in judged.values() if {one, other} <= set(words)]
        out.append(compare(one, other, "episodes", np.array(both, dtype=bool).reshape(-1, 2)))
    for person in people:
        # what the program set aside as ordinary has a negative number: it says no, and a reviewer may say yes
        both = [(number > 0, words[person]) for (_, number), words in judged.items() if person in words]
        out.append(compare(PROGRAM, person, "episodes", np.array(both, dtype=bool).reshape(-1, 2)))
    return out


def _last_words(log: EpisodeLog, episodes: Sequence[LoggedEpisode]) -> dict[tuple[int, int], dict[str, bool]]:
    """What each person said last of each episode: a twitch or not."""
    out: dict[tuple[int, int], dict[str, bool]] = {}
    for row in episodes:
        if not row.review:
            continue
        last = {said.reviewer: said.review for said in log.reviews(row.run, row.episode.number)}
        words = {person: said == "confirmed" for person, said in last.items() if said in JUDGED}
        if words:
            out[row.run, row.episode.number] = words
    return out


def _labels(wanted: Wanted) -> list[tuple[str, Marks]]:
    if wanted.truths:
        return [(str(path), marks_of_truth(read_truth(path))) for path in wanted.truths]
    with EpisodeLog(wanted.log, must_exist=True) as log:
        out = [(REVIEWS, _reviewed(log, path, wanted.reviewer)) for path in wanted.signals]
        if not any(len(marks.twitches) + len(marks.rejected) for _, marks in out):
            whose = f" by {wanted.reviewer}" if wanted.reviewer is not None else ""
            raise UsageError(
                f"No episode of these recordings is reviewed{whose} in {log.path}: review some with nasalis review, or "
                "give truth files with --truth"
            )
    return out


def _reviewed(log: EpisodeLog, path: Path, reviewer: str | None) -> Marks:
    """Every review of an episode of the same file, whichever analysis found it."""
    with SignalFile(path) as signals:
        session = signals.session
    runs = [
        run.run
        for run in log.runs(include_superseded=True)
        if run.session.session_id == session.session_id or (session.sha256 and run.session.sha256 == session.sha256)
    ]
    said: list[tuple[float, float, str]] = []
    for row in log.episodes(runs, include_rejected=True, with_twitches=False):
        words = row.review
        if words and reviewer is not None:
            own = [one.review for one in log.reviews(row.run, row.episode.number) if one.reviewer == reviewer]
            words = own[-1] if own else ""
        if words:
            said.append((row.episode.start_s, row.episode.end_s, words))
    return marks_of_reviews(said)


def _ladder(path: Path, talk: Talk, folder: Path | None) -> Ladder:
    with SignalFile(path) as signals:
        ladder = kept_ladder(signals, folder)
        if ladder is not None:
            return ladder
        first_s, last_s = signals.span_s
        with talk.progress(f"deciding {path.name} at {len(RUNGS)} thresholds") as progress:
            return make_ladder(signals, lambda t_s: progress(t_s - first_s, last_s - first_s), folder)


def _by_seconds(wanted: Wanted, known: Sequence[tuple[Ladder, Marks]], proposal: Proposal) -> list[Kappa]:
    """The program, at the proposed or else at the normal threshold, and two people, second by second."""
    threshold = proposal.threshold or THRESHOLDS["normal"]
    rung = int(np.argmin(np.abs(np.array(RUNGS) - threshold)))
    program = f"{PROGRAM} at {RUNGS[rung]:g}"
    marked: dict[str, list[F64]] = {program: [ladder.at(rung) for ladder, _ in known]}
    marked["truth"] = [marks.twitches for _, marks in known]
    if wanted.seconds:
        marked["second"] = [marks_of_truth(read_truth(path)).twitches for path in wanted.seconds]
    observed = [ladder.observed for ladder, _ in known]
    return [
        seconds(one, other, list(zip(marked[one], marked[other], observed, strict=True)))
        for one, other in combinations(reversed(marked), 2)
    ]


def _tuned(
    wanted: Wanted,
    labeled: Sequence[tuple[str, Marks]],
    known: Sequence[tuple[Ladder, Marks]],
    counts: Counts,
    proposal: Proposal,
    points: Sequence[Point],
    agreement: Sequence[Kappa],
) -> Tuned:
    recordings = []
    for path, (labels, marks), (ladder, _) in zip(wanted.signals, labeled, known, strict=True):
        with SignalFile(path) as signals:
            session = signals.session
        sizes = len(marks.twitches), len(marks.rejected)
        recordings.append(
            Recording(str(path), session.session_id, session.source, labels, ladder.observed_s, *sizes)
        )  # fmt: skip
    return Tuned(
        proposal,
        tuple(points),
        tuple(recordings),
        float(counts.observed_s.sum()) / 3600.0,
        counts.hours,
        int(counts.twitches.sum()),
        counts.unseen,
        tuple(agreement),
    )
