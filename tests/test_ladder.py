"""Every threshold at once: the same as deciding at each, kept for the next time, and no session renamed by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from detector.config import THRESHOLDS, Settings
from detector.deciding import Decider
from detector.record.entries import REJECTED_KINDS
from detector.record.signals import SignalFile
from detector.session import rescore_signals
from detector.study import ladder as module
from detector.study import ladder_store as store
from detector.study.ladder import decide_at_all
from detector.types import Episode
from tests.test_signals import ROOT, known, readings, write

TRIED = (5.0, 7.4, 9.0)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> tuple[float, ...]:
    """Fewer thresholds, so that it takes less time."""
    monkeypatch.setattr(module, "RUNGS", TRIED)
    monkeypatch.setattr(store, "RUNGS", TRIED)
    return TRIED


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "s.h5"
    write(path, readings(12.0, away_s=(9.0, 9.5)), known())
    return path


# settings


def test_a_threshold_of_its_own_renames_no_session_without_one() -> None:
    # the digest of the first release's settings; logs are full of it
    assert Settings().digest() == Settings(threshold=None).digest() == "ac2e483d1ab8"
    assert "threshold" not in Settings().model_dump()
    assert Settings(threshold=7.0).digest() != Settings().digest()
    assert Settings.model_validate(Settings(threshold=7.0).model_dump()).threshold == 7.0


@pytest.mark.parametrize("threshold", [3.9, 20.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValidationError):
        Settings(threshold=threshold)


def test_a_rescoring_takes_a_threshold_and_a_sensitivity_takes_it_away(signals: Path, tmp_path: Path) -> None:
    with SignalFile(signals) as file:
        usual = rescore_signals(file)
        own = rescore_signals(file, threshold=8.0)
    assert own.threshold == 8.0 and usual.threshold == THRESHOLDS["normal"]
    assert own.session.session_id != usual.session.session_id and own.session.settings["threshold"] == 8.0
    again = tmp_path / "own.h5"
    write(again, readings(4.0), known(settings=own.session.settings))
    with SignalFile(again) as file:
        assert rescore_signals(file).threshold == 8.0
        assert rescore_signals(file, "high").threshold == THRESHOLDS["high"]


# the table


def test_the_table_is_what_deciding_at_each_threshold_gives(few: tuple[float, ...], signals: Path) -> None:
    with SignalFile(signals) as file:
        measured = list(file.readings())
    table = decide_at_all(measured, Settings(sensitivity="low"))
    sizes = []
    for rung, threshold in enumerate(few):
        decider = Decider(Settings(threshold=threshold))
        events = [e for e in decider.run(measured) if isinstance(e, Episode) and e.kind not in REJECTED_KINDS]
        assert table.at(rung).tolist() == sorted([e.start_s, e.end_s] for e in events)
        sizes.append(len(events))
        assert table.observed_s == pytest.approx(decider.observed_s)
    assert sizes[0] > 0


def test_observed_time_is_in_spans(few: tuple[float, ...], signals: Path) -> None:
    with SignalFile(signals) as file:
        table = decide_at_all(file.readings(), Settings())
    assert len(table.observed) >= 2  # the face is away from 9.0 to 9.5 s
    assert all(end <= 9.05 or begin >= 9.45 for begin, end in table.observed.tolist())
    assert (table.first_s, table.last_s) == (0.0, pytest.approx(12.0, abs=0.05))


# kept


def test_a_table_is_decided_once(
    few: tuple[float, ...], signals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SignalFile(signals) as file:
        assert store.kept_ladder(file, tmp_path) is None
        made = store.make_ladder(file, folder=tmp_path)
        kept = store.kept_ladder(file, tmp_path)
    assert kept is not None
    for name in ("rung", "start_s", "end_s", "observed"):
        assert getattr(kept, name).tolist() == getattr(made, name).tolist()
        assert getattr(kept, name).dtype == getattr(made, name).dtype
    assert (kept.first_s, kept.last_s) == (made.first_s, made.last_s)
    monkeypatch.setattr(store, "RUNGS", (*TRIED, 11.0))
    with SignalFile(signals) as file:
        assert store.kept_ladder(file, tmp_path) is None  # other thresholds are another table
    (tmp_path / next(tmp_path.iterdir()).name).write_bytes(b"no table")
    monkeypatch.setattr(store, "RUNGS", TRIED)
    with SignalFile(signals) as file:
        assert store.kept_ladder(file, tmp_path) is None


@pytest.mark.parametrize("left", [0, 3, 100, -30])
def test_what_a_crash_left_of_a_table_is_none(few: tuple[float, ...], signals: Path, tmp_path: Path, left: int) -> None:
    with SignalFile(signals) as file:
        store.make_ladder(file, folder=tmp_path)
        [place] = tmp_path.iterdir()
        place.write_bytes(place.read_bytes()[:left])
        assert store.kept_ladder(file, tmp_path) is None


def test_other_signals_are_another_table(few: tuple[float, ...], signals: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    write(other, readings(3.0), known(sha256="e" * 64))
    with SignalFile(signals) as one, SignalFile(other) as two:
        assert store._name(one) != store._name(two)


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(few: tuple[float, ...], tmp_path: Path) -> None:
    path, file = tmp_path / "s.h5", tmp_path / "a file"
    file.write_text("")
    write(path, readings(3.0), known())
    with SignalFile(path) as signals:
        assert store.make_ladder(signals, folder=file / "tune").last_s > 0.0


def test_everything_that_decides_names_a_table() -> None:
    """A module left out would keep tables that the program no longer makes."""
    code = (
        "import sys, detector.study.ladder\n"
        "print(*(m.removeprefix('detector.').replace('.', '/') for m in sys.modules if m.startswith('detector.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"study"} == set(store.SOURCES)
