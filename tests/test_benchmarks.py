"""Benchmarks run seldom: what they use of the program must be where they look for it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

MODULES = sorted(path.stem for path in (Path(__file__).parent.parent / "benchmarks").glob("*.py"))
FURTHER = {"fuzz_targets": "atheris"}  # what is installed for one alone


@pytest.mark.parametrize("name", MODULES)
def test_its_imports_are_there(name: str) -> None:
    if name in FURTHER:
        pytest.importorskip(FURTHER[name])
    importlib.import_module(f"benchmarks.{name}")
