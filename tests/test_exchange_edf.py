"""EDF+: opened by pyedflib, which has no part in writing it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pyedflib
import pytest

from detector.errors import SourceError, UsageError
from detector.exchange.edf import label
from detector.record.heights import read_heights
from detector.record.traces import read_traces
from detector.regions import SITE_NAMES
from detector.types import Session
from tests.test_exchange import FEW, noted, one_run, write
from tests.test_log import episode, session
from tests.test_signals import AWAY_S, FPS, known, readings
from tests.test_signals import write as write_signals


@contextmanager
def opened(path: Path) -> Iterator[pyedflib.EdfReader]:
    reader = pyedflib.EdfReader(str(path))
    try:
        yield reader
    finally:
        reader.close()


def annotations(reader: pyedflib.EdfReader) -> list[tuple[float, float, str]]:
    onsets, lengths, texts = reader.readAnnotations()
    return [(round(float(a), 3), round(float(b), 3), str(c)) for a, b, c in zip(onsets, lengths, texts, strict=True)]


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "a.h5"
    write_signals(path, readings())
    return path


def of_signals(**changes: object) -> Session:
    it = known()
    return session(it.session_id, it.sha256, duration_s=20.0, **changes)


def test_annotations_alone(tmp_path: Path) -> None:
    write("edf", tmp_path / "a.edf", noted(*FEW))
    with opened(tmp_path / "a.edf") as reader:
        assert reader.filetype == pyedflib.FILETYPE_EDFPLUS and reader.getSignalLabels() == ["Episode"]
        assert reader.getStartdatetime() == datetime(2026, 3, 1, 8, 0, 0)
        assert reader.getEquipment().startswith("nasalis")
        found = annotations(reader)
        during = reader.readSignal(0).round()
    # 2.0 to 2.6 s and 3661.5 to 3661.9 s, half-open, at 20 samples a second
    assert len(during) == 3662 * 20 and during.sum() == 20 and during[40:52].all() and not during[52]
    assert found[0][0] == 0.0 and found[0][2] == "Recording starts"
    assert found[1][:2] == (2.0, 0.4) and "Zucken — наверно <b>лево</b> & --> завтра 日本" in found[1][2]
    assert [(a, b, c.split(",")[:2]) for a, b, c in found if "tic_like" in c] == [(3661.5, 0.4, ["tic_like", " right"])]
    assert (60.0, "Recording ends") in [(a, c) for a, _, c in found]
    assert len(found) == 6


@pytest.mark.parametrize(
    ("start", "told", "zone"),
    [
        ("2026-03-01T23:59:59.250+05:30", datetime(2026, 3, 1, 23, 59, 59, 250_000), "UTC+0530"),
        ("", datetime(1985, 1, 1), "unknown"),
        ("1970-01-01T00:00:00Z", datetime(1985, 1, 1), "unknown"),
    ],
)
def test_clocks_and_their_zones(tmp_path: Path, start: str, told: datetime, zone: str) -> None:
    write("edf", tmp_path / "a.edf", one_run(session(start_utc=start), episode(1, 2.0)))
    with opened(tmp_path / "a.edf") as reader:
        # its unit is 100 ns, which getStartdatetime takes for 10
        assert reader.getStartdatetime().replace(microsecond=0) == told.replace(microsecond=0)
        assert reader.starttime_subsecond == told.microsecond * 10
        assert (2.0, 0.4) in [(a, b) for a, b, _ in annotations(reader)]
    raw = (tmp_path / "a.edf").read_bytes()[88:168].decode("ascii")
    assert f"clock_{zone}" in raw and raw.startswith("Startdate X" if zone == "unknown" else "Startdate 01-MAR-2026")


def test_channels_hold_what_was_measured(tmp_path: Path, signals: Path) -> None:
    write("edf", tmp_path / "a.edf", one_run(of_signals(), episode(1, 5.0)), signals=signals)
    traces, heights = read_traces(signals), read_heights(signals)
    with opened(tmp_path / "a.edf") as reader:
        labels = reader.getSignalLabels()
        assert labels[:5] == ["Episode", "Observed", "Score left", "Score right", "Score midline"]
        assert labels[5:] == [f"h {label(name)}" for name in heights.names]
        assert set(reader.getSampleFrequencies()) == {FPS} and len(set(labels)) == len(labels)
        assert reader.file_duration == 20
        values = {name: reader.readSignal(k) for k, name in enumerate(labels)}
        for k, name in enumerate(labels):
            low, high = reader.getPhysicalMinimum(k), reader.getPhysicalMaximum(k)
            assert low == pytest.approx(-high, abs=2e-5) and np.abs(values[name]).max() <= high
        assert reader.getPhysicalDimension(5) == "mm"
        assert (5.0, 0.4) in [(a, b) for a, b, _ in annotations(reader)]
    measured = np.isfinite(traces.scores["left"])
    step = np.nanmax(np.abs(traces.scores["left"])) / 32767
    assert np.allclose(values["Score left"][measured], traces.scores["left"][measured], atol=step)
    away = slice(round(AWAY_S[0] * FPS) + 1, round(AWAY_S[1] * FPS) - 1)
    assert np.abs(values["Score left"][away]).max() <= step and not values["Observed"][away].round().any()
    alar = heights.pull_mm[:, heights.names.index("nasalis_alar_left")]
    told = np.isfinite(alar)
    assert np.allclose(values["h NasalisAlar L"][told], alar[told], atol=2e-3)
    assert 140 <= np.argmax(np.abs(values["h NasalisAlar L"][:330])) <= 165  # the jerk of the alar part at 5 s


def test_repeated_frames_are_bridged_and_a_lost_face_is_not(signals: Path, tmp_path: Path) -> None:
    write("edf", tmp_path / "a.edf", one_run(of_signals(), episode(1, 5.0)), signals=signals.parent)  # by its folder
    with opened(tmp_path / "a.edf") as reader:
        scores = reader.readSignal(2)
    traces = read_traces(signals)
    lone = [
        k for k in range(60, 300) if np.isnan(traces.scores["left"][k]) and np.isfinite(traces.scores["left"][k - 1])
    ]
    assert lone
    between = [(traces.scores["left"][k - 1] + traces.scores["left"][k + 1]) / 2 for k in lone]
    assert np.allclose(scores[lone], between, atol=2e-3)


def test_excursions_are_along_the_pull(signals: Path) -> None:
    heights = read_heights(signals)
    assert set(heights.names) <= set(SITE_NAMES)
    procerus = heights.pull_mm[:, heights.names.index("procerus")]
    jerk = slice(round(17.0 * FPS), round(17.3 * FPS))  # 1.6 mm downwards, which is where the procerus pulls
    assert 0.8 < np.nanmax(procerus[jerk]) < 2.5 and np.nanmin(procerus[jerk]) > -0.8


def test_signals_of_another_recording_and_what_is_none(tmp_path: Path, signals: Path) -> None:
    with pytest.raises(UsageError, match="holds no signals of session aa11"):
        write("edf", tmp_path / "a.edf", one_run(session("aa11", "1" * 64)), signals=signals)
    (tmp_path / "no.h5").write_text("no")
    with pytest.raises(SourceError, match="not a signals file"):
        write("edf", tmp_path / "a.edf", one_run(), signals=tmp_path / "no.h5")
    assert not (tmp_path / "a.edf").exists()


def test_labels_fit_and_differ() -> None:
    labels = [f"h {label(name)}" for name in SITE_NAMES]
    assert max(map(len, labels)) <= 16 and len(set(labels)) == len(SITE_NAMES)


def test_nothing_found_and_thousands(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write("edf", tmp_path / "none.edf", one_run(session(start_utc="", duration_s=0.0)))
        many = one_run(None, *(episode(k, k * 1.0, twitches=()) for k in range(1, 5001)))
        write("edf", tmp_path / "many.edf", many)
    with opened(tmp_path / "none.edf") as reader:
        assert [text for _, _, text in annotations(reader)] == ["Recording starts"]
    with opened(tmp_path / "many.edf") as reader:
        assert sum("aa11-e" in text for _, _, text in annotations(reader)) == 5000
