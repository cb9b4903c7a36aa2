"""A watch when another program holds the log, the clock is set, the computer sleeps or the camera's driver hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detector import clock, live, live_waiting
from detector.errors import LogError
from detector.live_frames import open_live
from detector.live_line import Gap, Sighting
from detector.live_source import SourceEvent
from detector.live_window import Action
from detector.record.log import EpisodeLog
from tests.fake_camera import WAITS, Events, FakeCamera, plug_in, wait_for
from tests.fake_live import measured_at
from tests.fake_watch import CTRL_C, FakeWindow, Make, Setup, maker
from tests.test_log import episode, twitch

pytestmark = pytest.mark.usefixtures("in_utc")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "DRAW_S", 0.001)
    monkeypatch.setattr(live, "STATUS_S", 0.001)
    monkeypatch.setattr(live, "PATIENCE_S", 0.005)
    monkeypatch.setattr(live, "HELD_AT_END_S", 0.1)
    monkeypatch.setattr(live_waiting, "RETRY_S", 0.002)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        yield maker(log, tmp_path)


def at(it: Setup, when: dict[float, Callable[[], object]]) -> None:
    """Call something when the line comes to that time, before its messages are heard."""
    take = it.line.take

    def taking(timeout_s: float) -> list[Any]:
        taken = take(timeout_s)
        when.pop(it.line.now_s, lambda: None)()
        return taken

    it.line.take = taking  # type: ignore[method-assign]


# a log that is held


@pytest.fixture
def other(tmp_path: Path) -> Iterator[EpisodeLog]:
    """Another program with the same log."""
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        yield log


def hold(other: EpisodeLog) -> None:
    other._db.execute("BEGIN IMMEDIATE")


def let_go(other: EpisodeLog) -> None:
    other._db.execute("ROLLBACK")


def test_what_is_found_while_another_program_holds_the_log_is_written_later(make: Make, other: EpisodeLog) -> None:
    steps = [(20.0 + k, measured_at(20.0 + k)) for k in range(10)]
    it = make(
        (1.0, episode(1, 0.5)),
        (5.0, Sighting(twitch(4.0)), episode(2, 4.0), Gap(4.5, 4.8, paused=False)),
        (6.0, episode(3, 5.5)),
        (7.0,),
        *steps,
        (40.0, episode(4, 39.0)),
        window=FakeWindow([], [], [Action.MARK], [], [Action.UNDO], [Action.MARK]),
    )
    written: list[int] = []
    at(it, {5.0: lambda: hold(other), 25.0: lambda: written.append(len(it.heard.of("episode"))),
            26.0: lambda: let_go(other)})  # fmt: skip
    assert it.run() is False
    assert written == [1], "what is not in the log is not reported"
    assert [row.episode.number for row in it.log.episodes()] == [1, 2, 3, 4]
    assert [row[1].episode.number for row in it.heard.of("episode")] == [1, 2, 3, 4]
    assert len(it.episodes) == 4
    assert [(gap.start_s, gap.reason) for gap in it.log.gaps()] == [(4.5, live.TOO_SLOW)]
    assert [marker.undone for marker in it.log.markers(include_undone=True)] == [True, False]
    said = [words for _, _, words in it.heard.of("notice")]
    assert len(said) == 2 and "another program holds the log" in said[0] and "nothing was lost" in said[1]
    assert it.statuses() == ["complete"]


def test_the_window_goes_on_while_the_log_is_held(
    make: Make, other: EpisodeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_waiting, "RETRY_S", 1000.0)
    window = FakeWindow()
    it = make(
        (1.0, episode(1, 0.5)), *((5.0 + k, measured_at(5.0 + k)) for k in range(20)), (30.0, CTRL_C), window=window
    )
    seen: list[float] = []
    monkeypatch.setattr(it.watch._view, "measured", lambda message: seen.append(message.t_s))
    at(it, {1.0: lambda: hold(other)})
    with pytest.raises(LogError, match="held by another program"):
        it.run()
    let_go(other)
    assert seen == [5.0 + k for k in range(20)]
    assert any("another program holds the log" in state.notice for state in window.states)


def test_what_can_never_be_written_is_kept_in_a_log_beside(make: Make, other: EpisodeLog, tmp_path: Path) -> None:
    it = make((1.0, episode(1, 0.5)), (5.0, Sighting(twitch(4.0)), episode(2, 4.0)), (6.0, episode(3, 5.5)), (7.0,))
    at(it, {5.0: lambda: hold(other)})
    begin_s = time.monotonic()
    with pytest.raises(LogError) as raised:
        it.run()
    let_go(other)
    assert time.monotonic() - begin_s > live.HELD_AT_END_S
    (kept,) = tmp_path.glob("log.sqlite.kept-*")
    assert str(kept) in str(raised.value) and "--log" in str(raised.value)
    assert [row.episode.start_s for row in it.log.episodes()] == [0.5]
    with EpisodeLog(kept) as log:
        assert [row.episode.start_s for row in log.episodes()] == [4.0, 5.5]
        assert [row.start_time[11:19] for row in log.episodes()] == ["12:00:04", "12:00:05"]
        assert log.runs()[0].session.status == "interrupted"


def test_a_session_gives_way_to_the_next_when_the_log_is_free_again(make: Make, other: EpisodeLog) -> None:
    times = [(3590.0 + k,) for k in range(40)]
    it = make((1.0, episode(1, 0.5)), *times, (3640.0, episode(2, 3639.0)), roll_h=1.0)
    at(it, {3595.0: lambda: hold(other), 3620.0: lambda: let_go(other)})
    it.run()
    old, new = it.log.runs()
    assert (old.session.status, new.session.status) == ("complete", "complete")
    assert [(row.run, row.episode.number) for row in it.log.episodes()] == [(old.run, 1), (new.run, 1)]
    assert [what[1].session_id for what in it.heard.of("session")] == [old.session.session_id, new.session.session_id]


# clocks


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock against the one that nobody sets, s."""
    offset = [1.77e9]
    monkeypatch.setattr(clock, "_offset_s", lambda: offset[0])
    return offset


@pytest.mark.parametrize(("by_s", "words"), [(7200.0, "forward by 2:00:00"), (-7200.0, "back by 2:00:00")])
def test_a_clock_that_is_set_begins_a_session_by_the_new_time(
    make: Make, wall: list[float], by_s: float, words: str
) -> None:
    it = make((10.0, episode(1, 9.0)), *((float(k),) for k in range(11, 60)), (60.0, episode(2, 59.0)), (61.0,))

    def set_clock() -> None:
        wall[0] += by_s

    at(it, {30.0: set_clock})
    it.run()
    old, new = (run.session for run in it.log.runs())
    assert (old.status, new.status) == ("complete", "complete")
    first, second = it.log.episodes()
    assert first.start_time == "2026-03-01T12:00:09.000+00:00"
    assert second.start_time == f"2026-03-01T{12 + round(by_s / 3600):02d}:00:59.000+00:00"
    (notice,) = it.heard.of("notice")
    assert words in notice[2]


def test_midnight_is_that_of_the_new_time(make: Make, wall: list[float]) -> None:
    at_s = 2.0 * 3600.0  # by the old clock two in the afternoon, by the new one ten at night
    times = [float(k) for k in range(0, 5 * 3600, 60)]
    it = make(*((t_s,) for t_s in times))

    def set_clock() -> None:
        wall[0] += 8.0 * 3600.0

    at(it, {at_s: set_clock})
    it.run()
    begun = [run.session.start_utc[:16] for run in it.log.runs()]
    # what is decided lies a moment before what was due
    assert begun[1:] == ["2026-03-01T21:59", "2026-03-01T23:59"] and begun[0] == "2026-03-01T12:00"
    assert len(begun) == 3


@pytest.mark.parametrize(("by_s", "is_clip"), [(1.0, False), (86400.0, True)])
def test_a_leap_second_or_a_recording_begins_no_session(
    make: Make, wall: list[float], by_s: float, is_clip: bool
) -> None:
    it = make(*((float(k),) for k in range(60)), is_clip=is_clip)

    def set_clock() -> None:
        wall[0] += by_s

    at(it, {30.0: set_clock})
    it.run()
    assert len(it.log.runs()) == 1 and it.heard.of("notice") == []


def test_the_clock_of_a_watch_goes_on_in_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("no such clock on this system")
    real, asleep = time.clock_gettime, 3600.0
    monkeypatch.setattr(
        time, "clock_gettime", lambda which: real(which) + (asleep if which == time.CLOCK_BOOTTIME else 0.0)
    )
    before = real(time.CLOCK_BOOTTIME) - time.monotonic()
    assert clock.slept_s() == pytest.approx(before + 3600.0, abs=0.01)
    assert clock.now_s() == pytest.approx(time.monotonic() + before + 3600.0, abs=0.01)


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCamera:
    return plug_in(monkeypatch, tmp_path)


@pytest.mark.parametrize("survives", [True, False])
def test_sleep_is_a_gap_with_its_reason_and_times_after_it_are_right(
    camera: FakeCamera, monkeypatch: pytest.MonkeyPatch, survives: bool
) -> None:
    """The driver hands out pictures again as if nothing had been, or the camera has to be found again."""
    events, slept = Events(), [0.0]
    monkeypatch.setattr(clock, "slept_s", lambda: slept[0])
    with open_live("0", on_event=events, waits=WAITS) as source:
        stretches = source.stretches()
        before = [next(frames) for frames in [next(stretches)] for _ in range(5)]
        if not survives:
            name = camera.devices.pop(0)
            wait_for(lambda: "lost" in events.kinds())
        slept[0] = 3.0 * 3600.0
        if not survives:
            camera.devices[0] = name
        wait_for(lambda: "resumed" in events.kinds())
        after = next(next(stretches))
        while after.t_s < 3600.0:  # grabbed before
            after = next(next(stretches))
    assert after.t_s - before[-1].t_s == pytest.approx(3.0 * 3600.0, abs=3.0)
    assert events.of("slept").words == "The computer slept for 3:00:00: nothing was seen then."
    kinds = events.kinds()
    assert kinds[: kinds.index("resumed")] == (["slept"] if survives else ["lost", "slept"])


def test_the_gap_of_a_sleep_is_logged_with_its_reason(make: Make) -> None:
    it = make(
        (5.0, SourceEvent(4.0, "lost", "No more pictures.")),
        (3605.0, SourceEvent(3604.0, "slept", "The computer slept for 1:00:00."), Gap(4.0, 3604.0, paused=False)),
        (3700.0, Gap(3650.0, 3660.0, paused=False)),
    )
    it.run()
    assert [(gap.end_s, gap.reason) for gap in it.log.gaps()] == [
        (3604.0, "the computer slept"),
        (3660.0, live.TOO_SLOW),
    ]


# a driver that hangs

_HANGING = """
import sys, threading, time
from pathlib import Path
import pytest
from detector import grabbing, live_job
from detector.live_line import LiveLine
from detector.terminal import Out, Talk
from tests.fake_camera import plug_in
from tests.fake_live import SkinMeasurer, twitching
from tests.test_twitches import Jerk

patch = pytest.MonkeyPatch()
folder = Path(sys.argv[1])
SkinMeasurer.made = []
patch.setattr("detector.pipeline.Measurer", SkinMeasurer)
patch.setattr("detector.warm.warm_up", lambda *_: None)
patch.setattr(grabbing, "_JOIN_S", 0.5)
(folder / "dev").mkdir()
camera = plug_in(patch, folder / "dev")


def hang(number):
    if number > 25:
        print("HANGS", file=sys.stderr, flush=True)
        time.sleep(1000.0)
    return picture(number)


picture, camera.picture = camera.picture, hang
if sys.argv[2] == "opening":
    def never(*_):
        print("HANGS", file=sys.stderr, flush=True)
        time.sleep(1000.0)
    patch.setattr("detector.capture.open_camera", never)
sys.argv[1:] = ["live", "--source", "0", "--no-window", "--log", str(folder / "log.sqlite")]
import cli
cli.main()
"""


@pytest.mark.parametrize("where", ["opening", "watching"])
def test_ctrl_c_ends_a_watch_whose_driver_hangs(tmp_path: Path, where: str) -> None:
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGING, str(tmp_path), where], cwd=root, text=True,
        env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "HANGS" not in (line := process.stderr.readline()):
            assert line, "it ended before"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20.0)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    if where == "watching":
        with EpisodeLog(tmp_path / "log.sqlite") as log:
            assert [run.session.status for run in log.runs()] == ["interrupted"]
