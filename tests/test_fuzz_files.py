"""Damaged and absurd logs, tables and signals through the program itself: one clear sentence each, or a result."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.file_trials import Ran, Trials, program

__all__ = ["program"]  # a fixture


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    return Trials(tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("kind", ["log", "table", "signal"])
@pytest.mark.parametrize("first", [0, 20])
def test_whatever_is_wrong_is_one_sentence(trials: Trials, program: Callable[..., Ran], kind: str, first: int) -> None:
    failures = []
    for number in range(first, first + 20):
        words, how = getattr(trials, kind)(random.Random(number))
        ran = program(*words)
        if wrong := ran.wrong():
            failures.append((number, wrong, words, how, ran.err[-1500:]))
    assert not failures, failures[0]
