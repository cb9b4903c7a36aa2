"""One watch from start to end: what ends it, sessions that give way to the next, and the keys of the window."""

from __future__ import annotations

import dataclasses
import signal
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector import live
from detector.errors import LogError, OutputError, SourceError
from detector.instant import Flash
from detector.live import QUIET_S, SAVE_S
from detector.live_line import Ended, Gap, Sighting
from detector.live_source import SourceEvent
from detector.live_window import Action
from detector.record.log import EpisodeLog
from detector.types import Revision
from tests.fake_live import measured_at
from tests.fake_watch import CTRL_C, FakeWindow, Make, Setup, maker, totals
from tests.test_log import episode, ordinary, twitch

DAY_S = 86400.0

pytestmark = pytest.mark.usefixtures("in_utc")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "DRAW_S", 0.001)
    monkeypatch.setattr(live, "STATUS_S", 0.001)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job runner may have it ignored
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        yield maker(log, tmp_path)


# what ends it


def test_to_its_end_it_is_complete_with_the_figures_of_the_line_and_the_source(make: Make) -> None:
    it = make((1.0, measured_at(0.5)), (2.0,))
    it.source.lost = 7  # while the line was made ready: no loss

    def start() -> None:
        it.source.frames_read, it.source.frames_repeated, it.source.lost = 60, 2, 8

    it.line.start = start  # type: ignore[method-assign]
    assert it.run() is False
    (run,) = it.log.runs()
    session = run.session
    assert (session.status, session.observed_s, session.duration_s) == ("complete", 50.0, 58.0)
    assert (session.frames, session.frames_repeated, session.frames_lost) == (60, 2, 1)
    assert (session.width, session.height) == (4, 3)


@pytest.mark.parametrize(("is_clip", "status"), [(False, "complete"), (True, "interrupted")])
def test_quitting_stops_and_a_clip_not_seen_to_its_end_is_interrupted(make: Make, is_clip: bool, status: str) -> None:
    it = make(
        (1.0,), *((k, measured_at(k)) for k in range(2, 50)), window=FakeWindow([], [Action.QUIT]), is_clip=is_clip
    )
    assert it.run() is False, "by no signal"
    assert "stop" in it.line.calls and it.line.now_s < 5.0
    assert it.statuses() == [status]


def test_interrupted_it_ends_and_keeps_what_was_on_its_way(make: Make) -> None:
    it = make((1.0,), (2.0, CTRL_C), (3.0,))
    it.line.stop = lambda: it.line._script.clear() or it.line._script.append((3.0, episode(1, 1.0)))  # type: ignore
    assert it.run() is True
    assert it.statuses() == ["interrupted"]
    assert len(it.log.episodes()) == 1


def test_interrupted_while_it_listens_nothing_is_lost_or_counted_twice(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes while the first of three episodes is being written, and the end is among the same messages."""
    it = make((9.0, episode(1, 1.0), episode(2, 3.0), episode(3, 5.0), totals(9.0), Ended(None)))
    add = EpisodeLog.add_episode

    def interrupted(self: EpisodeLog, *what: Any) -> None:
        if not self.episodes():
            signal.raise_signal(signal.SIGINT)
        add(self, *what)

    monkeypatch.setattr(EpisodeLog, "add_episode", interrupted)
    assert it.run() is True
    assert [row.episode.start_s for row in it.log.episodes()] == [1.0, 3.0, 5.0]
    assert len(it.heard.of("episode")) == len(it.episodes) == 3
    assert it.statuses() == ["interrupted"]


def test_a_source_that_does_not_come_back_is_left_behind(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LET_GO_S", 0.05)
    it = make((1.0, CTRL_C))
    it.line._over = True  # nothing comes any more
    assert it.run() is True
    assert it.statuses() == ["interrupted"]


def test_a_fault_of_the_source_is_raised_once_all_is_saved(make: Make) -> None:
    fault = SourceError("the clip is damaged")
    it = make((5.0, episode(1, 1.0)))
    it.line.end = Ended(fault)
    with pytest.raises(SourceError) as raised:
        it.run()
    assert raised.value is fault
    assert it.statuses() == ["failed"]
    assert len(it.log.episodes()) == 1
    assert it.log.runs()[0].session.observed_s == 50.0


def test_a_log_that_fails_stops_the_line_and_is_raised(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    it = make((5.0, episode(1, 1.0)), *((k, measured_at(k)) for k in range(6, 60)))

    def full(*_: Any) -> None:
        raise LogError("the disk is full")

    monkeypatch.setattr(EpisodeLog, "add_episode", full)
    with pytest.raises(LogError, match="disk is full"):
        it.run()
    assert it.line.calls == ["start", "stop", "wait"]
    assert it.statuses() == ["failed"]


def test_when_nobody_can_be_told_what_is_on_its_way_is_still_logged(make: Make) -> None:
    it = make((5.0, Gap(1.0, 2.0, paused=False), episode(1, 3.0), episode(2, 5.0)))

    def gone(*_: Any, **__: Any) -> None:
        raise OutputError("the output cannot be written")

    it.heard.gap = gone  # type: ignore[attr-defined]
    it.heard.episode = gone  # type: ignore[attr-defined]
    with pytest.raises(OutputError):
        it.run()
    assert len(it.log.episodes()) == 2
    assert it.statuses() == ["failed"]
    assert it.log.runs()[0].session.observed_s == 50.0, "and with its figures"


# what is heard


def test_everything_heard_is_logged_and_told(make: Make) -> None:
    one = episode(1, 5.0)
    it = make(
        (5.3, Flash(5.05, 6, 12.0), Sighting(twitch(5.0))),
        (7.0, twitch(6.0, kept=False, reason="noise"), one),
        (
            20.0,
            SourceEvent(8.0, "lost", "unplugged"),
            SourceEvent(19.0, "resumed", "back"),
            Gap(8.0, 19.0, paused=False),
        ),
        (30.0, Gap(25.0, 29.0, paused=True)),
    )
    it.run()
    order = ["session", "flash", "twitch", "episode", "source", "source", "gap", "gap", "end"]
    assert [what[0] for what in it.heard.told] == order
    assert it.heard.of("flash")[0][2] == pytest.approx(0.25), "told so long after it"
    assert it.heard.of("twitch")[0][2] == pytest.approx(5.3 - 5.15)
    assert it.heard.of("episode")[0][2:] == pytest.approx((5.0, 7.0 - one.end_s))
    (row,) = it.log.episodes()
    assert row.episode.twitches == one.twitches
    assert it.episodes == [(row.episode_id, 5.0, one.end_s)]
    assert [(gap.start_s, gap.end_s, gap.reason) for gap in it.log.gaps()] == [
        (8.0, 19.0, "the source gave no pictures"), (25.0, 29.0, "paused")
    ]  # fmt: skip
    assert [t for t in it.log.twitches(include_rejected=True) if not t.twitch.kept] == []


@pytest.mark.parametrize("kept", [False, True])
def test_ordinary_movements_are_told_to_nobody_and_logged_only_when_asked_for(make: Make, kept: bool) -> None:
    it = make((7.0, ordinary(-1, 3.0), episode(1, 5.0)), (20.0, ordinary(-2, 15.0, "speech")), keep_rejected=kept)
    it.run()
    assert [what[0] for what in it.heard.told] == ["session", "episode", "end"]
    assert [start_s for _, start_s, _ in it.episodes] == [5.0], "nor to hooks"
    assert it.watch._view._episodes == 1
    numbers = [row.episode.number for row in it.log.episodes(include_rejected=True)]
    assert numbers == ([-1, 1, -2] if kept else [1])


def test_another_kind_is_logged_and_told_to_nobody(make: Make) -> None:
    told = [episode(1, 1.0), episode(2, 5.0)]
    revised = dataclasses.replace(told[0], kind="synkinesis_like", evidence="locked")
    it = make((7.0, *told), (9.0, Revision(revised)))
    it.run()
    assert [row.episode for row in it.log.episodes()] == [revised, told[1]]
    assert len(it.heard.of("episode")) == len(it.episodes) == 2


# sessions


def test_figures_are_saved_every_few_seconds(make: Make) -> None:
    it = make(*((float(k),) for k in range(0, 190)))
    saved: list[tuple[float, str]] = []
    finish = it.log.finish
    it.log.finish = lambda run, s: saved.append((it.line.now_s, s.status)) or finish(run, s)  # type: ignore
    it.run()
    assert it.line.asked == [(SAVE_S * k, False) for k in range(1, 19)]
    assert [status for _, status in saved] == ["running"] * 19 + ["complete"]


def rolls(it: Setup) -> list[float]:
    return [now_s for now_s, anew in it.line.asked if anew]


@pytest.mark.parametrize("late_s", [0.6, 0.0, 0.0004, 2.5])
def test_at_midnight_a_session_gives_way_to_the_next_once(make: Make, late_s: float) -> None:
    times = [DAY_S / 2 - 2 + 0.25 * k for k in range(40)] + [1.5 * DAY_S - 1 + 0.25 * k for k in range(20)]
    it = make(*((t_s,) for t_s in times))
    it.line.late_s = late_s
    it.run()
    assert rolls(it) == [DAY_S / 2, 1.5 * DAY_S]
    sessions = [run.session for run in it.log.runs()]
    assert [session.status for session in sessions] == ["complete"] * 3
    began = datetime.fromisoformat(sessions[1].start_utc)
    assert abs((datetime(2026, 3, 2, tzinfo=UTC) - began).total_seconds() - late_s) < 0.002


def test_every_so_many_hours(make: Make) -> None:
    it = make(*((float(k),) for k in range(0, 12_000, 30)), roll_h=1.0)
    it.run()
    assert rolls(it) == [3600.0, 7200.0, 10_800.0]
    assert len(it.log.runs()) == 4


def test_a_session_gives_way_in_a_quiet_moment_only(make: Make) -> None:
    busy = [(3595.0 + k, Sighting(twitch(3595.0 + k - 0.3))) for k in range(20)]
    it = make((1.0,), *busy, *((3615.0 + k,) for k in range(10)), roll_h=1.0)
    it.run()
    (at_s,) = rolls(it)
    assert 3614.0 - 0.25 + QUIET_S < at_s < 3614.0 + QUIET_S + 1.5


def test_without_a_quiet_moment_it_gives_way_in_the_end(make: Make) -> None:
    times = [3500.0 + 2.0 * k for k in range(600)]
    it = make(*((t_s, Sighting(twitch(t_s - 0.5))) for t_s in times), roll_h=1.0)
    it.run()
    (at_s,) = rolls(it)
    assert at_s == pytest.approx(3600.0 + live.LATEST_S, abs=3.0)


def test_a_clip_does_not_give_way_at_midnight(make: Make) -> None:
    it = make((1.0,), (DAY_S,), (2 * DAY_S,), is_clip=True)
    it.run()
    assert rolls(it) == []


def test_frames_are_counted_for_each_session(make: Make) -> None:
    it = make((1.0,), (3600.0,), (3601.0,), (3700.0,), roll_h=1.0)
    take = it.line.take

    def reading(timeout_s: float) -> deque[Any]:
        out = take(timeout_s)
        it.source.frames_read, it.source.lost = round(30 * it.line.now_s), round(it.line.now_s / 100)
        return out

    it.line.take = reading  # type: ignore[method-assign]
    it.run()
    old, new = (run.session for run in it.log.runs())
    assert old.frames + new.frames == it.source.frames_read == 111_000
    assert (old.frames_lost, new.frames_lost) == (36, 1)


def test_a_new_session_that_fails_has_not_the_figures_of_the_old(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LET_GO_S", 0.05)
    it = make((100.0,), (101.0,), (3600.0,), (3601.0,), (3602.0, CTRL_C), roll_h=1.0)
    it.line._over = True
    ask = it.line.ask_totals

    def ask_totals(*, count_anew: bool = False) -> None:
        if it.line.now_s <= 3600.0:  # later there is no answer
            ask(count_anew=count_anew)

    it.line.ask_totals = ask_totals  # type: ignore[method-assign]
    assert it.run() is True
    old, new = (run.session for run in it.log.runs())
    assert (old.status, old.observed_s) == ("complete", 50.0)
    assert (new.status, new.observed_s) == ("interrupted", 0.0)


# the window


def test_marks_are_logged_and_taken_back(make: Make) -> None:
    window = FakeWindow([Action.MARK], [Action.MARK], [Action.UNDO], [Action.UNDO, Action.UNDO], [Action.MARK])
    it = make(*((float(k),) for k in range(10, 18)), window=window)
    it.run()
    assert [marker.t_s for marker in it.log.markers()] == [14.0]
    assert [(marker.t_s, marker.undone) for marker in it.log.markers(include_undone=True)] == [
        (10.0, True), (11.0, True), (14.0, False)
    ]  # fmt: skip
    assert [what[1:] for what in it.heard.of("marker")] == [
        (10.0, False), (11.0, False), (11.0, True), (10.0, True), (14.0, False)
    ]  # fmt: skip
    assert [state.felt_s for state in window.states[:6]] == [(), (10.0,), (10.0, 11.0), (10.0,), (), (14.0,)]
    assert window.states[4].notice == "there is no mark to take back"


def test_pause_goes_on_and_off_and_is_shown(make: Make) -> None:
    window = FakeWindow([Action.PAUSE], [], [Action.PAUSE])
    it = make(*((float(k),) for k in range(5)), window=window)
    it.run()
    assert [state.paused for state in window.states[:5]] == [False, True, True, False, False]


def test_learning_anew_is_asked_for_and_said(make: Make) -> None:
    window = FakeWindow([Action.REBASELINE])
    it = make(*((0.1 * k,) for k in range(4)), window=window)
    it.run()
    assert it.line.calls.count("start_anew") == 1
    assert "hold still" in window.states[1].notice


def test_a_snapshot_is_what_the_window_shows(make: Make, tmp_path: Path) -> None:
    window = FakeWindow([Action.SNAPSHOT])
    assert window.picture is not None
    window.picture[2:4] = 200
    it = make(*((0.1 * k,) for k in range(4)), window=window)
    it.run()
    (file,) = tmp_path.glob("nasalis_*.png")
    np.testing.assert_array_equal(cv2.imread(str(file)), window.picture)
    assert window.states[1].notice == f"snapshot saved: {file}"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", ["no folder", "no picture", "refused"])
def test_a_snapshot_that_fails_is_said_and_nothing_ends(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    window = FakeWindow([Action.SNAPSHOT])
    it = make(*((0.1 * k,) for k in range(4)), window=window)
    if how == "no folder":
        it.watch._parts.snapshots = tmp_path / "not there"
    elif how == "no picture":
        window.picture = None
    else:

        def refused(*_: Any) -> bool:
            raise cv2.error("no codec")

        monkeypatch.setattr(cv2, "imencode", refused)
    assert it.run() is False
    assert "cannot be written" in window.states[1].notice
    assert list(tmp_path.glob("*.png")) == []
