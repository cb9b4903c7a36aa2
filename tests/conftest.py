"""What all tests share: one hypothesis profile, and the folder of real clips that lies beside the project, if any."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Compiling a kernel takes seconds the first time, so no deadline; the same examples every run, so that a failure stays.
settings.register_profile(
    "nasalis", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("nasalis")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def samples_folder() -> Path:
    return PROJECT / "samples"


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """Footage of real faces; it is not part of the project, so tests that need it are skipped elsewhere."""
    folder = PROJECT.parent / "shared" / "clips"
    if not folder.is_dir():
        pytest.skip(f"the footage of real faces is not here ({folder.relative_to(PROJECT.parent)} beside the project)")
    return folder


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock of this computer is that of UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def demo_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HTML of the demo, made once; its log lies beside it."""
    from detector.study.report import ReportJob, run

    output = tmp_path_factory.mktemp("demo") / "nasalis-demo.html"
    run(ReportJob(output=output, demo=True))
    return output
