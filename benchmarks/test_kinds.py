"""Kinds and sides of injected movements, on people tuned on and others; and what each rule of rejection costs.

Every clip is measured once; its signals are kept beside it and decided again for each variant.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.kinds_material import PLANS, Person, chosen_people, made, seeds_of
from benchmarks.material import CLIPS, QUICK, Group, bench_dir, need, show
from detector import episodes, neighbors, ordinary, twitches
from detector.config import Settings
from detector.deciding import Decider
from detector.record.signals import SignalFile
from detector.score import TruthEvent, read_truth
from detector.session import analyze_clip
from detector.types import ORDINARY_KINDS, Episode, Revision

TWITCHES = ("fasciculation_like", "hemifacial_spasm_like", "tic_like", "synkinesis_like")
NEAR_S = 0.15  # an episode this near an event is about it
# People who talk, smile, move, or hold still; nobody is known to twitch.
RESTING = ("webcam_neutral_a", "webcam_neutral_b", "still_moving_camera_720p")
MOVING = (
    *("conversation_200s", "talking_50fps", "talking_address", "talking_repeated_frames", "selfie_talk_smile_portrait"),
    *("sentence_a", "sentence_b_glasses", "sentence_c", "sentence_d", "sentence_e"),
    *("smile_onset", "gaze_then_smile", "one_sided_smile_glasses", "lip_shifts_glasses", "hand_over_nose"),
    *("blinks_gaze_pout", "violent_head_motion", "face_lost"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was made of one clip."""

    episodes: tuple[Episode, ...]  # of twitch kinds, as they were named in the end
    others: tuple[Episode, ...]  # ordinary movements
    duration_s: float
    observed_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """An injected event and the episode about it."""

    person: Person
    plan: str
    truth: TruthEvent
    episode: Episode | None
    ordinary: Episode | None

    @property
    def called(self) -> str:
        return "not found" if self.episode is None else self.episode.kind


def signals_of(clip: Path) -> Path:
    """The measured signals of a clip."""
    path = bench_dir() / "signals" / f"{clip.stem}.h5"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        analyze_clip(clip, Settings(), signals=path)
    return path


def decide(clip: Path) -> Found:
    """What the line makes of the signals of a clip."""
    path = signals_of(clip)
    line = Decider(Settings())
    found: dict[int, Episode] = {}
    if path.exists():  # a clip without a face leaves none
        with SignalFile(path) as file:
            for event in line.run(file.readings()):
                if isinstance(event, Revision):
                    event = event.episode
                if isinstance(event, Episode):
                    found[event.number] = event
    twitching = tuple(e for e in found.values() if e.kind not in ORDINARY_KINDS)
    rest = tuple(e for e in found.values() if e.kind in ORDINARY_KINDS)
    return Found(twitching, rest, line.seconds(), float(line.session_fields()["observed_s"]))


def cases_of(person: Person, plan: str, seed: int) -> tuple[list[Case], list[Episode]]:
    """Every event of a clip with its episode, and the episodes that are about none."""
    clip_and_truth = made(person, plan, seed)
    if clip_and_truth is None:
        return [], []
    clip, truth = clip_and_truth
    found = decide(clip)
    cases, about = [], set()
    for event in read_truth(truth):
        mine = [e for e in found.episodes if _touches(e, event)]
        about.update(e.number for e in mine)
        best = max(mine, key=lambda e: e.confidence, default=None)
        named = next((e for e in found.others if _touches(e, event)), None)
        cases.append(Case(person, plan, event, best, named))
    return cases, [e for e in found.episodes if e.number not in about]


def _touches(episode: Episode, event: TruthEvent) -> bool:
    return episode.start_s <= event.offset_s + NEAR_S and episode.end_s >= event.onset_s - NEAR_S


def all_cases(
    plans: tuple[str, ...] = tuple(PLANS), groups: tuple[Group, ...] = ("tuning", "test")
) -> tuple[list[Case], list[tuple[Person, Episode]]]:
    """Of all people and plans."""
    cases: list[Case] = []
    false: list[tuple[Person, Episode]] = []
    for person in chosen_people():
        for plan in plans if person.group in groups else ():
            for seed in seeds_of(person):
                some, more = cases_of(person, plan, seed)
                cases += some
                false += [(person, episode) for episode in more]
    return cases, false


def macro_f1(cases: list[Case], *, found_only: bool) -> float:
    """Mean of the F1 of the kinds; events not found count as missed, or are left out."""
    scores = []
    for kind in TWITCHES:
        hit = sum(c.truth.kind == kind and c.called == kind for c in cases)
        wrong = sum(c.truth.kind != kind and c.called == kind for c in cases)
        missed = sum(
            c.truth.kind == kind and c.called != kind and not (found_only and c.episode is None) for c in cases
        )
        scores.append(2 * hit / max(2 * hit + wrong + missed, 1))
    return float(np.mean(scores))


@pytest.mark.benchmarks
@pytest.mark.parametrize("group", ["tuning", "test"])
def test_kinds(group: Group) -> None:
    cases, false = all_cases(groups=(group,))
    kinds = (*TWITCHES, *ORDINARY_KINDS)
    columns = (*TWITCHES, "undetermined", "not found")
    counts = Counter((case.truth.kind, case.called) for case in cases)
    rows = [
        [kind, *(counts[kind, called] or "" for called in columns)]
        for kind in kinds
        if any(counts[kind, called] for called in columns)
    ]
    twitching = [case for case in cases if case.truth.kind in TWITCHES]
    people = ", ".join(dict.fromkeys(case.person.name for case in cases))
    show(
        f"Kinds, {group} people ({people}): injected, called",
        ("injected", *(called.replace("_like", "").replace("_", " ") for called in columns)),
        rows,
        f"Macro-F1 of the found {macro_f1(cases, found_only=True):.2f}, of all {macro_f1(cases, found_only=False):.2f};"
        f" about nothing that was injected: {len(false)}",
    )
    by_size: dict[tuple[str, float], list[Case]] = defaultdict(list)
    for case in twitching:
        by_size[case.truth.kind, _size_px(case.truth)].append(case)
    show(
        f"The same by size, {group}",
        ("injected", "px", "events", "found", "kind right", "of found"),
        [
            (
                kind.replace("_like", ""),
                f"{2**px:g}",
                len(some),
                sum(c.episode is not None for c in some),
                sum(c.called == kind for c in some),
                _share(sum(c.called == kind for c in some), sum(c.episode is not None for c in some)),
            )
            for (kind, px), some in sorted(by_size.items())
        ],
    )
    assert len(twitching) > (0 if QUICK else 50)


@pytest.mark.benchmarks
def test_sides() -> None:
    """Side of one-sided fasciculations and spasms that were found, by size in px."""
    cases, _ = all_cases(("fasciculation", "spasm", "synkinesis"))
    rows = []
    for group in ("tuning", "test"):
        sided = [c for c in cases if c.truth.side in ("left", "right") and c.person.group == group and c.episode]
        for px in sorted({_size_px(c.truth) for c in sided}):
            some = [c for c in sided if _size_px(c.truth) == px]
            told = Counter("right" if c.episode.side == c.truth.side else c.episode.side for c in some if c.episode)
            both, middle = told["both"], told["midline"]
            rows.append(
                (group, f"{2**px:g}", len(some), told["right"], len(some) - told["right"] - both - middle, both, middle)
            )
    show("Side of what was found", ("people", "px", "found", "side right", "other side", "both", "midline"), rows)
    assert rows


@pytest.mark.benchmarks
def test_names_of_ordinary_movements() -> None:
    """What the injected distractors were called, and how many passed for twitches."""
    cases, _ = all_cases(("other",))
    columns = (*ORDINARY_KINDS, "no name", "a twitch")
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        named = "no name" if case.ordinary is None else case.ordinary.kind
        counts[case.truth.kind, "a twitch" if case.episode is not None else named] += 1
    show(
        "Ordinary movements, all people: injected, called",
        ("injected", *columns),
        [[kind, *(counts[kind, called] or "" for called in columns)] for kind in ORDINARY_KINDS],
    )


@contextmanager
def without(rule: str) -> Iterator[None]:
    """Decide without one rule."""
    patch = pytest.MonkeyPatch()
    if rule == "lid_or_cheek":
        for module in (neighbors, episodes):
            patch.setattr(module, "is_pulled", lambda candidate: False)
    elif rule == "whole_face":
        patch.setattr(twitches, "score_block", partial(_alone, twitches.score_block))
    elif rule:

        def veto(*facts: Any) -> ordinary.Ordinary | None:
            return next((what for what in ordinary.vetoes(*facts) if what.reason != rule), None)

        patch.setattr(ordinary, "veto", veto)
    try:
        yield
    finally:
        patch.undo()


def _alone(score_block: Callable[..., None], heights: Any, scale: Any, apart: Any, excess: Any, around: Any) -> None:
    """Scores that are not held against what the rest of the face does."""
    score_block(heights, scale, apart, excess, around)
    around[:] = 0.0


@pytest.mark.benchmarks
def test_rules() -> None:
    """Every rule left out in its turn: false alarms of people who do not twitch, and tuning people's twitches found."""
    rules = ("", "whole_face", "lid_or_cheek", "sniff", "slow_rise", "lips", "mouth", "occlusion")
    rows = []
    for rule in rules if not QUICK else rules[:2]:
        with without(rule):
            rest = [decide(_clip(name)) for name in RESTING]
            move = [decide(_clip(name)) for name in (MOVING if not QUICK else MOVING[1:2])]
            cases, false = all_cases(groups=("tuning",))
        real = [case for case in cases if case.truth.kind in TWITCHES]
        others = [case for case in cases if case.truth.kind not in TWITCHES]
        rows.append(
            (
                f"without {rule}" if rule else "all rules",
                *_alarms(rest),
                *_alarms(move),
                sum(case.episode is not None for case in others),
                len(false),
                f"{sum(c.episode is not None for c in real)}/{len(real)}",
                sum(c.called == c.truth.kind for c in real),
            )
        )
    show(
        "Rules",
        (
            *("", "rest: false", "/recorded min", "/observed min", "moving: false", "/recorded min", "/observed min"),
            *("distractors taken", "about nothing", "twitches found", "kind right"),
        ),
        rows,
        "rest: " + ", ".join(RESTING) + "; moving: " + ", ".join(MOVING),
    )


@pytest.mark.benchmarks
def test_false_alarms() -> None:
    """Of each clip of people who do not twitch."""
    rows = []
    for name in (*RESTING, *MOVING) if not QUICK else MOVING[1:2]:
        found = decide(_clip(name))
        named = Counter(episode.kind for episode in found.others)
        rows.append(
            (
                name,
                f"{found.duration_s:.1f}",
                f"{1 - found.observed_s / max(found.duration_s, 1e-9):.0%}",
                len(found.episodes),
                ", ".join(f"{e.kind} at {e.start_s:.1f} s" for e in found.episodes),
                ", ".join(f"{count} {kind}" for kind, count in named.most_common()),
            )
        )
    show("False alarms", ("clip", "s", "not observed", "false", "which", "ordinary movements named"), rows)


def _alarms(found: list[Found]) -> tuple[int, str, str]:
    count = sum(len(one.episodes) for one in found)
    recorded, observed = sum(one.duration_s for one in found), sum(one.observed_s for one in found)
    return count, f"{60 * count / max(recorded, 1e-9):.2f}", f"{60 * count / max(observed, 1e-9):.2f}"


def _clip(name: str) -> Path:
    fits = [path for path in sorted(CLIPS.glob(f"{name}.*")) if path.suffix != ".csv"]
    return need(fits[0] if fits else CLIPS / f"{name}.mp4")


def _size_px(event: TruthEvent) -> float:
    """To the next power of two: its exponent."""
    return float(round(math.log2(max(event.amplitude_px or 0.125, 0.125))))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""
