"""Damaged and lying clips: each gives a clear sentence or increasing times and whole pictures, and never a crash."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from detector.errors import SourceError
from detector.guarded import GuardedClip
from tests import mutants

SEEDS = ("h264.mp4", "fragments.mp4", "vp9.webm", "old.avi", "h264.ts")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, samples_folder: Path) -> list[Path]:
    return mutants.seed_clips(samples_folder / "twitches.mp4", tmp_path_factory.mktemp("seeds"), SEEDS)


def test_the_same_number_gives_the_same_clip(seeds: list[Path], tmp_path: Path) -> None:
    for number in range(30):
        first, how = mutants.mutant(number, seeds, tmp_path)
        before = first.read_bytes()
        again, how_again = mutants.mutant(number, seeds, tmp_path)
        assert (how, before) == (how_again, again.read_bytes())


@pytest.mark.parametrize("first", range(0, 40, 5))
def test_damaged_clips(seeds: list[Path], tmp_path: Path, first: int) -> None:
    for number in range(first, first + 5):
        path, how = mutants.mutant(number, seeds, tmp_path)
        times = [-math.inf]
        try:
            with GuardedClip(path) as clip:
                for frame in clip:
                    assert frame.image.shape == (clip.height, clip.width, 3) and frame.t_s > times[-1], how
                    times.append(frame.t_s)
                assert clip.frames_read == len(times) - 1 > 0, how
        except SourceError as error:
            said = str(error)
            assert str(path) in said and said.endswith(".") and "\n" not in said, how
            assert len(times) == 1, "what was read once is not unreadable"


@pytest.mark.parametrize("kind", mutants.MUTATORS, ids=lambda kind: kind.__name__)
def test_every_mutator_changes_something(seeds: list[Path], kind: mutants.Mutator) -> None:
    import random

    for seed in seeds:
        content = seed.read_bytes()
        assert any(kind(random.Random(k), bytearray(content)) != content for k in range(3))
