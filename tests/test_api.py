"""The Python API: quick to import, and the same findings as the command, as dataclasses and data frames."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

import detector
from detector.errors import LogError, UsageError
from detector.record.export import EPISODE_COLUMNS, TWITCH_COLUMNS
from detector.record.log import EpisodeLog
from detector.record.signals import SignalFile
from detector.session import Result, rescore_signals
from tests.test_log import episode, recorded, session, twitch
from tests.test_signals import readings
from tests.test_signals import write as write_signals

ROOT = Path(detector.__file__).resolve().parent.parent


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, detector; before = set(sys.modules); "
        "heavy = {'numpy', 'pandas', 'cv2', 'mediapipe', 'numba', 'scipy', 'matplotlib', 'h5py', 'pydantic'}; "
        "assert not heavy & before, heavy & before; "
        "from detector import analyze, open_log, Analysis, Log; "
        "assert not {'pandas', 'cv2', 'mediapipe', 'numba', 'matplotlib'} & set(sys.modules); "
        "assert callable(analyze) and {'analyze', 'open_log'} <= set(dir(detector))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        detector.nothing  # noqa: B018


@pytest.fixture
def analyzed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The line decides signals of a made face instead of measuring a clip; what it was asked for."""
    asked: dict[str, Any] = {}

    def analyze_clip(path: Path, settings: Any, *, signals: Path, log: EpisodeLog | None, **named: Any) -> Result:
        asked.update(named, path=path, settings=settings, signals=signals)
        write_signals(signals, readings())
        with SignalFile(signals) as file:
            return rescore_signals(file, settings.sensitivity, threshold=settings.threshold, log=log)

    monkeypatch.setattr("detector.session.analyze_clip", analyze_clip)
    return asked


def test_a_clip_as_dataclasses_and_frames(analyzed: dict[str, Any], tmp_path: Path) -> None:
    found = detector.analyze("clip.mp4", sensitivity="high", start_s=1.0, log=tmp_path / "log.sqlite")
    assert analyzed["path"] == Path("clip.mp4") and analyzed["start_s"] == 1.0
    assert analyzed["settings"].sensitivity == "high" and not analyzed["signals"].exists()
    assert found.episodes and all(one.number > 0 for one in found.episodes)
    assert found.twitches and all(one.kept for one in found.twitches) and not any(one.kept for one in found.rejected)
    with detector.open_log(tmp_path / "log.sqlite") as log:
        pd.testing.assert_frame_equal(log.episodes_frame(), found.episodes_frame())
        pd.testing.assert_frame_equal(log.twitches_frame(everything=True), found.twitches_frame(everything=True))
        assert [row.episode for row in log.episodes()] == list(found.episodes)
        assert [one.session_id for one in log.sessions()] == [found.session.session_id]
    traces = found.traces_frame()
    assert len(traces) == 600 and traces.index.name == "t_s" and traces["observed"].dtype == bool
    at = traces["score_left"].loc[4.9:5.4]
    assert at.max() > found.threshold
    assert {"score_right", "floor_mm", "pull_mm_nasalis_alar_left"} <= set(traces.columns)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.threshold = 1.0  # type: ignore[misc]


def test_the_plot_shows_scores_threshold_and_episodes(analyzed: dict[str, Any], tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    matplotlib.use("agg")
    found = detector.analyze("clip.mp4", signals=tmp_path / "kept.h5")
    assert (tmp_path / "kept.h5").exists()
    axes = found.plot(Figure().subplots())
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"left", "right", "midline", "threshold"}
    assert np.array_equal(lines["left"].get_ydata(), found.traces.scores["left"], equal_nan=True)
    assert len(axes.patches) == len(found.episodes) > 0
    assert [text.get_text() for text in axes.get_legend().get_texts()].count("episode") == 1


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.sqlite"
    with EpisodeLog(path) as book:
        run = recorded(book, session(), episode(1, 2.0, rate_hz=None), episode(-1, 9.0, kind="blink", twitches=()))
        book.add_twitch(run, twitch(20.0, kept=False, reason="noise"))
        recorded(book, session("bb22", sha256="1" * 64, start_utc=""), episode(1, 4.0, side="right"))
    return path


def test_frames_of_the_log_are_typed(log: Path) -> None:
    with detector.open_log(str(log)) as book:
        frame = book.episodes_frame()
        assert list(frame.columns)[:-2] == [column.name for column in EPISODE_COLUMNS]
        assert frame["start_time"].iloc[0] == pd.Timestamp("2026-03-01T08:00:02Z") and pd.isna(frame["start_time"][1])
        assert np.isnan(frame["rate_hz"][0]) and frame["twitch_count"].dtype == "int64"
        assert frame["regions"][0] == ["nasalis_alar_left", "procerus"]
        assert list(book.episodes_frame(everything=True)["kind"]).count("blink") == 1
        assert list(book.episodes_frame(side="right", session="bb22")["start_s"]) == [4.0]
        jerks = book.twitches_frame(everything=True)
        assert list(jerks.columns) == [column.name for column in TWITCH_COLUMNS]
        assert jerks["kept"].dtype == bool and (~jerks["kept"]).sum() == 1
        held = book.sessions_frame().set_index("session_id")
        assert held.loc["aa11", "observed_s"] == 51.25 and pd.isna(held.loc["bb22", "start_time"])


def test_an_empty_log_gives_empty_frames_of_the_same_columns(tmp_path: Path, log: Path) -> None:
    with EpisodeLog(tmp_path / "empty.sqlite"):
        pass
    with detector.open_log(tmp_path / "empty.sqlite") as empty, detector.open_log(log) as full:
        for name in ("episodes_frame", "twitches_frame", "sessions_frame"):
            none, some = getattr(empty, name)(), getattr(full, name)()
            assert len(none) == 0 and list(none.columns) == list(some.columns)
        assert empty.episodes_frame()["start_time"].dt.tz is not None


def test_export_and_what_cannot_be(log: Path, tmp_path: Path) -> None:
    with detector.open_log(log) as book:
        assert book.export(tmp_path / "a.vtt", "webvtt", session="aa11") == [tmp_path / "a.vtt"]
        assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")
        with pytest.raises(UsageError, match="no format 'srt'"):
            book.export(tmp_path / "a.srt", "srt")
        with pytest.raises(UsageError, match="--session ID"):
            book.export(tmp_path / "b.vtt", "webvtt")
        with pytest.raises(TypeError, match="no filter 'sides'"):
            book.episodes(sides="left")
    with pytest.raises(LogError):
        detector.open_log(tmp_path / "none.sqlite")


def test_the_documented_example_uses_what_there_is() -> None:
    """Run by hand with the sample; here its names are held against the code."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S))
    compile(code, "docs/api.md", "exec")
    for owner, name in re.findall(r"\b(found|log)\.(\w+)[(.\]}]", code):
        assert hasattr(detector.Analysis if owner == "found" else detector.Log, name), name
