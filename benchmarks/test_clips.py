"""``nasalis analyze`` on every clip there is, each in a process of its own as a user would: none may crash."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.material import CLIPS, QUICK, ROOT, need, show

EXIT_DONE, EXIT_SOURCE = 0, 3
HEADER = (
    *("clip", "exit", "fps", "px/mm", "s", "face", "seen s", "not seen, s"),
    *("episodes", "rejected twitches", "took s"),
)


@dataclass(slots=True)
class Outcome:
    """What the command left behind."""

    code: int
    took_s: float
    stderr: str
    about: dict[str, object] | None = None  # the session as the JSON beside the CSV describes it
    episodes: list[dict[str, str]] = field(default_factory=list)
    twitches: list[dict[str, str]] = field(default_factory=list)


def analyze(clip: Path, folder: Path) -> Outcome:
    folder.mkdir()
    episodes, twitches = folder / "episodes.csv", folder / "twitches.csv"
    command = [sys.executable, "-m", "cli", "analyze", str(clip), "--all", "--quiet"]
    command += ["--log", str(folder / "log.sqlite"), "--csv", str(episodes), "--twitches", str(twitches)]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONUTF8": "1"})
    outcome = Outcome(done.returncode, time.perf_counter() - begun, done.stderr.strip())
    if episodes.exists():
        outcome.about = json.loads(episodes.with_suffix(".json").read_text(encoding="utf-8"))["sessions"][0]
        outcome.episodes = rows(episodes)
        outcome.twitches = rows(twitches)
    return outcome


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line(clip: Path, outcome: Outcome) -> list[str]:
    if outcome.about is None:
        return [clip.name, str(outcome.code), *["-"] * 8, f"{outcome.took_s:.0f}"]
    about = outcome.about
    length, face, seen = (float(str(about[name])) for name in ("duration_s", "face_s", "observed_s"))
    missed = about["not_observed_s"]
    assert isinstance(missed, dict)
    rejected = Counter(row["reason"] for row in outcome.twitches if row["kept"] == "false")
    kinds = Counter(row["kind"] for row in outcome.episodes)
    return [
        clip.name,
        str(outcome.code),
        f"{float(str(about['fps'])):.4g}",
        "-" if about["px_per_mm"] is None else f"{about['px_per_mm']:.2f}",
        f"{length:.1f}",
        f"{face / length:.0%}" if length else "-",
        f"{seen:.1f}",
        ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(missed.items(), key=lambda item: -item[1])),
        ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "0",
        ", ".join(f"{count} {reason}" for reason, count in rejected.most_common()) or "0",
        f"{outcome.took_s:.0f}",
    ]


@pytest.mark.benchmarks
def test_every_clip_through_the_command(tmp_path: Path) -> None:
    from detector.frames import find_clips

    clips = sorted(find_clips([str(need(CLIPS))]))
    pictures = sorted(CLIPS.glob("*.jpg"))
    if QUICK:
        clips, pictures = sorted(clips, key=lambda clip: clip.stat().st_size)[:2], pictures[:1]
    outcomes = {clip: analyze(clip, tmp_path / clip.name) for clip in (*clips, *pictures)}
    show(
        f"nasalis analyze on every file of {CLIPS.name}/",
        HEADER,
        [line(clip, outcome) for clip, outcome in outcomes.items()],
        "Nobody is known to have a fasciculation in these clips: what is found there counts as a false alarm.",
    )
    remarks = {clip: outcome.stderr.splitlines() for clip, outcome in outcomes.items() if outcome.stderr}
    for clip, outcome in outcomes.items():
        if outcome.about is not None and outcome.about["notes"]:
            remarks.setdefault(clip, []).extend(str(note) for note in outcome.about["notes"])  # type: ignore[attr-defined]
    for clip, words in remarks.items():
        for word in words:
            print(f"  {clip.name}: {word}")
    for clip, outcome in outcomes.items():
        assert "Traceback" not in outcome.stderr, clip
        assert outcome.code == (EXIT_SOURCE if clip in pictures else EXIT_DONE), (clip, outcome.stderr)
