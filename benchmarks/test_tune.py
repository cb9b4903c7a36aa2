"""What ``tune`` proposes from one group of people, counted on people it has not seen; and what its table costs.

The clips of ``test_kinds.py``: twitches, spasms, tics, synkineses and ordinary movements of people of both groups, each
decided at every threshold once. Clips of one footage differ in what was put in: a false alarm over the footage itself
counts in each of them.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks import test_kinds
from benchmarks.kinds_material import PLANS, chosen_people, made, seeds_of
from benchmarks.material import QUICK, Group, bench_dir, show
from detector.config import FALSE_ALARMS_PER_HOUR, THRESHOLDS, Settings
from detector.deciding import Decider
from detector.record.entries import REJECTED_KINDS
from detector.record.signals import SignalFile
from detector.score import read_truth
from detector.study.labels import Counts, Marks, count, marks_of_truth
from detector.study.ladder import RUNGS, Ladder, decide_at_all
from detector.study.ladder_store import kept_ladder, make_ladder
from detector.study.tuning import Interval, per_hour, propose, share
from detector.types import Episode

READY = bool(os.environ.get("NASALIS_BENCH_READY"))  # only the clips that are there already
ASKED = (1.0, 6.0, 30.0)
GROUPS: tuple[Group, ...] = ("tuning", "test")
COMPARED = (5.0, 5.6, 6.2, 7.4, 8.6)  # thresholds at which the table is compared with a rescoring


@dataclass(frozen=True, slots=True)
class Labeled:
    """One clip, decided at every threshold, and its truth."""

    person: str
    group: Group
    signals: Path
    ladder: Ladder
    marks: Marks


def labeled() -> list[Labeled]:
    """Every clip with a truth file."""
    out = []
    for person in chosen_people():
        for plan in PLANS:
            for seed in seeds_of(person):
                clip = bench_dir() / f"kinds_{person.name.replace(' ', '_')}_{plan}_{seed}.mp4"
                if READY and not clip.exists():
                    continue
                files = made(person, plan, seed)
                if files is not None:
                    out.append(_labeled(person.name, person.group, test_kinds.signals_of(files[0]), files[1]))
    return out


def _labeled(person: str, group: Group, file: Path, truth: Path) -> Labeled:
    folder = bench_dir() / "tune"
    with SignalFile(file) as signals:
        ladder = kept_ladder(signals, folder) or make_ladder(signals, folder=folder)
    return Labeled(person, group, file, ladder, marks_of_truth(read_truth(truth)))


def counted(clips: list[Labeled]) -> Counts:
    return count([(clip.ladder, clip.marks) for clip in clips])


def words(value: Interval | None, scale: float = 1.0, form: str = ".0f") -> str:
    if value is None:
        return "-"
    numbers = [f"{scale * number:{form}}" for number in (value.value, value.low, value.high)]
    return f"{numbers[0]} ({numbers[1]}-{numbers[2]})"


def tail_of(counts: Counts) -> str:
    """How far false alarms reach over the lowest threshold, on average; without any prior."""
    false, rungs = counts.false.sum(axis=0), np.array(RUNGS)
    if not false[0]:
        return "-"
    return f"{np.sum(0.5 * (false[:-1] + false[1:]) * np.diff(rungs)) / false[0]:.2f}"


@pytest.mark.benchmarks
def test_what_is_asked_and_what_people_not_seen_give() -> None:
    clips = labeled()
    people = sorted({(clip.group, clip.person) for clip in clips}, reverse=True)
    rows = []
    for group, person in people:
        counts = counted([clip for clip in clips if (clip.group, clip.person) == (group, person)])
        picked = [counts.false.sum(axis=0)[RUNGS.index(t)] for t in (5.0, 6.2, 7.4, 8.6)]
        quiet = f"{counts.quiet_s.sum() / 60.0:.1f}"
        rows.append([f"{person} ({group})", quiet, *picked, tail_of(counts), counts.twitches.sum()])
    header = ["person", "quiet min", "false at 5", "6.2", "7.4", "8.6", "tail", "twitches"]
    show("False alarms of each person", header, rows, "Tail: false alarms fall by e per this much of the score.")
    groups = {group: counted([clip for clip in clips if clip.group == group]) for group in GROUPS}
    # what tune is for is one person and camera: the same people, other clips of them
    halves = [counted(half) for half in _halves(clips)]
    tried = {f"{name} people": (groups[name], groups[other]) for name, other in (GROUPS, GROUPS[::-1])}
    tried |= {f"their {name} clips": (halves[k], halves[1 - k]) for k, name in enumerate(("odd", "even"))}
    rows = []
    for name, (seen, unseen) in tried.items():
        for asked in ASKED:
            proposal, _ = propose(seen, asked)
            rows.append([f"{asked:g} an hour, by {name}", *_outcome(asked, proposal.threshold, unseen)])
            if proposal.range is not None:
                rows[-1][1] += f" ({proposal.range[0]:.1f}-{proposal.range[1]:.1f})"
            assert proposal.threshold is None or proposal.threshold in RUNGS
            assert (proposal.threshold is None) == (proposal.expected_per_hour is None) and proposal.reason is not None
    for name, threshold in THRESHOLDS.items():
        nearest = min(RUNGS, key=lambda rung: abs(rung - threshold))
        rows += [
            [
                f"{FALSE_ALARMS_PER_HOUR[name]:g}, {name}, on {group} people",
                *_outcome(FALSE_ALARMS_PER_HOUR[name], nearest, groups[group]),
            ]
            for group in GROUPS
        ]
    header = ["asked", "threshold (95 %)", "quiet min", "expected", "false", "an hour (95 %)", "recall % (95 %)"]
    show("Asked of some clips, counted on others", header, rows, "Expected: false alarms, were it as asked.")
    if not QUICK:
        assert all(groups[group].hours > 0.15 for group in GROUPS)


def _halves(clips: list[Labeled]) -> tuple[list[Labeled], list[Labeled]]:
    """The clips of every person in turn."""
    halves: tuple[list[Labeled], list[Labeled]] = ([], [])
    for person in sorted({clip.person for clip in clips}):
        for number, clip in enumerate(clip for clip in clips if clip.person == person):
            halves[number % 2].append(clip)
    return halves


def _outcome(asked: float, threshold: float | None, counts: Counts) -> list[str]:
    quiet = f"{60.0 * counts.hours:.1f}"
    expected = f"{asked * counts.hours:.2g}"
    if threshold is None:
        return ["none proposed", quiet, expected, "", "", ""]
    rung = RUNGS.index(threshold)
    false, found = int(counts.false[:, rung].sum()), int(counts.found[:, rung].sum())
    recall = share(found, int(counts.twitches.sum()))
    return [f"{threshold:g}", quiet, expected, str(false), words(per_hour(false, counts.hours)), words(recall, 100.0)]


@pytest.mark.benchmarks
def test_the_table_is_what_rescoring_gives_and_what_it_costs() -> None:
    chosen = {clip.person: clip for clip in labeled()}.values()  # one of each
    same, all_, once_s, table_s, length_s = 0, 0, 0.0, 0.0, 0.0
    for clip in list(chosen)[: 2 if QUICK else 4]:
        with SignalFile(clip.signals) as signals:
            readings = list(signals.readings())
        length_s += readings[-1].t_s - readings[0].t_s
        begun = time.process_time()
        ladder = decide_at_all(readings, Settings())
        table_s += time.process_time() - begun
        for threshold in COMPARED:
            begun = time.process_time()
            events = list(Decider(Settings(threshold=threshold)).run(readings))
            once_s += (time.process_time() - begun) / len(COMPARED)
            real = [(e.start_s, e.end_s) for e in events if isinstance(e, Episode) and e.kind not in REJECTED_KINDS]
            same += sorted(real) == [tuple(row) for row in ladder.at(RUNGS.index(threshold)).tolist()]
            all_ += 1
    hour = _an_hour([clip.ladder for clip in labeled()])
    empty = np.empty((0, 2))
    marks = Marks(hour.at(RUNGS.index(7.4))[::2], empty, empty, complete=True)
    begun = time.perf_counter()
    counts = count([(hour, marks)])
    counting_s = time.perf_counter() - begun
    begun = time.perf_counter()
    propose(counts, 6.0)
    proposing_s = time.perf_counter() - begun
    rows = [
        ("thresholds with exactly the episodes of a rescoring", f"{same} of {all_}"),
        ("one rescoring, processor s per minute", f"{60.0 * once_s / length_s:.1f}"),
        (f"the table of {len(RUNGS)}, processor s per minute", f"{60.0 * table_s / length_s:.1f}"),
        ("an hour from the table, ms per threshold", f"{1e3 * counting_s / len(RUNGS):.1f}"),
        ("proposal with its interval, ms", f"{1e3 * proposing_s:.0f}"),
    ]
    show("The table of thresholds", ["", ""], rows)
    assert same == all_


def _an_hour(ladders: list[Ladder]) -> Ladder:
    """Clips one after the other until an hour is full."""
    rung, start, end, observed, at = [], [], [], [], 0.0
    while at < 3600.0:
        for ladder in ladders:
            shift = at - ladder.first_s
            rung.append(ladder.rung)
            start.append(ladder.start_s + shift)
            end.append(ladder.end_s + shift)
            observed.append(ladder.observed + shift)
            at += ladder.last_s - ladder.first_s
    order = np.argsort(np.concatenate(rung), kind="stable")
    columns = (np.concatenate(rung), np.concatenate(start), np.concatenate(end))
    return Ladder(*(column[order] for column in columns), np.concatenate(observed), 0.0, at)
