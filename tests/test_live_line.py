"""The measuring thread of the live command: what comes out, in which order, and how it is held, turned and ended."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace

import pytest

from detector.errors import SourceError
from detector.instant import Flash
from detector.live_line import Ended, Gap, LiveLine, Sighting, Totals
from detector.readings import Measured, Reading
from detector.types import Episode, Frame
from tests.fake_camera import wait_for
from tests.fake_live import (
    FPS,
    PICTURE,
    MemorySource,
    SkinMeasurer,
    all_of,
    everything,
    frames,
    line_over,
    of,
    twitching,
)
from tests.fake_live import skin as skin
from tests.test_twitches import Jerk

LEFT = "nasalis_alar_left"


def times(messages: list[object]) -> list[float]:
    return [m.t_s for m in of(Measured, messages)]


# what comes out


def test_every_frame_is_measured_once_and_the_line_ends(skin: type[SkinMeasurer]) -> None:
    whole = frames(0.0, 6.0)
    messages = all_of(MemorySource(whole))
    assert times(messages) == [frame.t_s for frame in whole]
    assert messages[-1] == Ended(None)
    (totals,) = of(Totals, messages)
    assert not totals.counted_anew
    assert totals.seconds == pytest.approx(6.0, abs=0.01)
    assert totals.fields["observed_s"] == pytest.approx(6.0, abs=0.2)
    assert not of(Gap, messages)


def test_a_jerk_flashes_then_is_sighted_then_is_an_episode(skin: type[SkinMeasurer]) -> None:
    skin.skin = twitching(Jerk(5.0, LEFT, 1.5))
    messages = [m for m in all_of(MemorySource(frames(0.0, 8.0))) if isinstance(m, Flash | Sighting | Episode)]
    flash, sighting, episode = messages
    assert flash.t_s == pytest.approx(5.0, abs=0.1)
    assert isinstance(sighting, Sighting) and isinstance(episode, Episode)
    assert sighting.twitch.region == LEFT and sighting.twitch.kept
    assert sighting.twitch.peak_s == pytest.approx(5.0, abs=0.03)
    (twitch,) = episode.twitches
    assert (twitch.region, twitch.peak_s) == (LEFT, sighting.twitch.peak_s)
    assert twitch.onset_s == pytest.approx(sighting.twitch.onset_s, abs=0.01)


def test_a_jerk_told_in_one_stretch_is_not_told_in_the_next(skin: type[SkinMeasurer]) -> None:
    skin.skin = twitching(Jerk(5.0, LEFT, 1.5), Jerk(13.0, LEFT, 1.5))
    messages = all_of(MemorySource(frames(0.0, 5.6), frames(8.0, 8.0)))
    assert [round(m.twitch.peak_s) for m in of(Sighting, messages)] == [5, 13]
    assert [round(m.start_s) for m in of(Episode, messages)] == [5, 13]
    assert [round(m.t_s) for m in of(Flash, messages)] == [5, 13]


def test_the_picture_is_the_one_that_was_measured(skin: type[SkinMeasurer]) -> None:
    whole = frames(0.0, 4.0)
    line = line_over(MemorySource(whole))
    seen = []
    inner = line._read

    def read(reading: Reading) -> None:
        inner(reading)
        assert line.picture is not None and line.picture.reading is reading
        seen.append(line.picture.frame.t_s - reading.t_s)

    line._pipeline._on_reading = read
    line.start()
    assert everything(line)[-1] == Ended(None)
    assert seen == [0.0] * len(whole)


def test_pictures_may_come_while_one_is_looked_for(skin: type[SkinMeasurer]) -> None:
    """They come in the thread that reads ahead: a search that minds would end the watch after hours."""
    line = line_over(MemorySource())
    for frame in frames(0.0, 1.0):
        line._pictures.append(frame)
    done = threading.Event()

    def read_ahead() -> None:
        frame = Frame(0, -1.0, True, PICTURE)
        while not done.is_set():
            line._pictures.append(frame)

    thread = threading.Thread(target=read_ahead)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        reading = Reading(99.0, False, 0, 0.0, None)
        for _ in range(30_000):
            line._read(reading)
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_on_frame_gets_what_is_measured_and_nothing_else(skin: type[SkinMeasurer]) -> None:
    source, got = MemorySource(frames(0.0, 3.0)), []
    line = line_over(source, on_frame=lambda frame: got.append(frame.t_s))
    source.at = {30: lambda: line.pause(True), 60: lambda: line.pause(False)}
    line.start()
    assert times(everything(line)) == got
    assert 0 < len(got) < 70


# gaps


def test_a_gap_between_stretches_is_told_with_its_times(skin: type[SkinMeasurer]) -> None:
    first, second = frames(0.0, 2.0), frames(3.5, 2.0)
    messages = all_of(MemorySource(first, second))
    (gap,) = of(Gap, messages)
    assert gap == Gap(first[-1].t_s, second[0].t_s, paused=False)
    place = messages.index(gap)
    assert max(times(messages[:place])) == gap.start_s, "what was measured before is told before"
    assert min(times(messages[place:])) == gap.end_s


def test_stretches_that_follow_each_other_have_no_gap(skin: type[SkinMeasurer]) -> None:
    assert not of(Gap, all_of(MemorySource(frames(0.0, 2.0), frames(2.0, 2.0))))


def test_a_pause_lets_pictures_pass_and_is_told_as_one(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 6.0))
    line = line_over(source)
    shown: list[object] = []

    def look() -> None:
        shown.append(line.picture)

    source.at = {60: lambda: line.pause(True), 75: look, 90: lambda: line.pause(False)}
    line.start()
    messages = everything(line)
    (gap,) = of(Gap, messages)
    assert gap.paused
    assert gap.start_s == pytest.approx(60 / FPS, abs=1.5 / FPS)
    assert gap.end_s == pytest.approx(90 / FPS, abs=1.5 / FPS)
    assert not [t for t in times(messages) if gap.start_s < t < gap.end_s]
    assert len(times(messages)) == pytest.approx(150, abs=2)
    (picture,) = shown
    assert picture is not None and picture.reading is None  # type: ignore[attr-defined]
    assert picture.frame.index == 74, "what passes is still shown"  # type: ignore[attr-defined]


def test_a_loss_after_a_pause_is_no_pause(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 4.0), frames(5.0, 2.0))
    line = line_over(source)
    source.at = {60: lambda: line.pause(True), 80: lambda: line.pause(False)}
    line.start()
    assert [gap.paused for gap in of(Gap, everything(line))] == [True, False]


# what the reader asks for


def test_starting_anew_learns_again_and_loses_no_frame(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 8.0))
    line = line_over(source)
    deciders = []
    source.at = {
        119: lambda: deciders.append(line._pipeline._decider._detector),
        120: line.start_anew,
        200: lambda: deciders.append(line._pipeline._decider._detector),
    }
    line.start()
    messages = everything(line)
    assert not of(Gap, messages)
    assert times(messages) == [frame.t_s for frame in frames(0.0, 8.0)]
    (measurer,) = skin.made
    assert (measurer.runs, measurer.anew) == (2, 1)
    assert deciders[0] is not deciders[1]
    by_time = {round(m.t_s * FPS): m for m in of(Measured, messages)}
    assert by_time[110].motion.why_not == 0


def test_totals_are_told_once_after_a_decided_moment(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 6.0))
    line = line_over(source)
    source.at = {90: lambda: [line.ask_totals() for _ in range(3)]}
    line.start()
    messages = everything(line)
    asked, last = of(Totals, messages)
    place = messages.index(asked)
    assert isinstance(messages[place - 1], Measured) and messages[place - 1].t_s == asked.at_s
    assert asked.seconds == pytest.approx(asked.at_s + 1.0 / FPS, abs=0.01)
    assert last.seconds == pytest.approx(6.0, abs=0.01)


def test_counting_anew_splits_the_figures_where_it_says(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 10.0))
    line = line_over(source)
    source.at = {150: lambda: (line.ask_totals(), line.ask_totals(count_anew=True), line.ask_totals())}
    line.start()
    first, second = of(Totals, everything(line))
    assert (first.counted_anew, second.counted_anew) == (True, False)
    assert first.at_s < 150 / FPS
    assert first.seconds == pytest.approx(first.at_s + 1.0 / FPS, abs=0.01)
    assert second.seconds == pytest.approx(10.0 - first.at_s, abs=0.01)
    for totals in (first, second):
        fields = totals.fields
        accounted_s = fields["observed_s"] + sum(fields["not_observed_s"].values())
        assert accounted_s == pytest.approx(totals.seconds, abs=1.5 / FPS)
        assert fields["observed_s"] > totals.seconds - 0.3


def test_totals_asked_for_in_a_pause_come_when_it_is_over(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 8.0))
    line = line_over(source)
    source.at = {
        60: lambda: line.pause(True),
        80: lambda: line.ask_totals(count_anew=True),
        120: lambda: line.pause(False),
    }
    line.start()
    messages = everything(line)
    first, _ = of(Totals, messages)
    assert first.counted_anew
    assert first.at_s >= of(Gap, messages)[0].end_s


# ends


@pytest.mark.parametrize("stretches", [1, 2])
def test_it_ends_after_the_duration(skin: type[SkinMeasurer], stretches: int) -> None:
    parts = [frames(0.0, 9.0)] if stretches == 1 else [frames(0.0, 2.0), frames(4.0, 4.0)]
    messages = all_of(MemorySource(*parts), duration_s=3.0)
    assert max(times(messages)) == pytest.approx(3.0 - 1.0 / FPS if stretches == 1 else 2.0 - 1.0 / FPS)
    assert messages[-1] == Ended(None)


def test_the_duration_counts_in_a_pause_too(skin: type[SkinMeasurer]) -> None:
    source = MemorySource(frames(0.0, 9.0))
    line = line_over(source, duration_s=4.0)
    source.at = {60: lambda: line.pause(True)}
    line.start()
    assert everything(line)[-1] == Ended(None)
    assert source.frames_read == pytest.approx(120, abs=2)


class Endless(MemorySource):
    """A camera in real time."""

    def _one(self, stretch: object) -> object:  # type: ignore[override]
        begin = time.monotonic()
        index = 0
        while not self._stopped:
            self.at.get(index, lambda: None)()
            if self._stopped:
                return
            yield Frame(index, time.monotonic() - begin, True, PICTURE)
            index += 1
            time.sleep(0.01)


def test_the_duration_ends_it_while_the_camera_is_away(skin: type[SkinMeasurer]) -> None:
    source = Endless([])
    line = line_over(source, duration_s=0.3)
    source.at = {10: lambda: wait_for(lambda: source._stopped)}
    line.start()
    messages: list[object] = []
    begin = time.monotonic()
    while not of(Ended, messages):
        assert time.monotonic() - begin < 30.0, "it waits for the camera"
        messages += line.take(0.05)
    assert len(times(messages)) == 10


@pytest.mark.parametrize("paused", [False, True])
def test_stopping_ends_soon_and_what_was_measured_is_told(skin: type[SkinMeasurer], paused: bool) -> None:
    source = Endless([])
    line = line_over(source)
    line.start()
    wait_for(lambda: source.frames_read > 20)
    line.pause(paused)
    begin = time.monotonic()
    assert line.now_s > 0.15
    line.stop()
    messages = everything(line)
    assert time.monotonic() - begin < 20.0
    line.wait(1.0)
    assert len(times(messages)) >= 15 and messages[-1] == Ended(None)
    assert of(Totals, messages)


def test_a_stop_before_the_start_ends_too(skin: type[SkinMeasurer]) -> None:
    line = line_over(MemorySource(frames(0.0, 2.0)))
    line.stop()
    line.start()
    assert everything(line)[-1] == Ended(None)


def test_a_fault_of_the_source_comes_after_what_was_measured_before(skin: type[SkinMeasurer]) -> None:
    skin.skin = twitching(Jerk(5.0, LEFT, 1.5))
    source, fault = MemorySource(frames(0.0, 9.0)), SourceError("the clip is damaged")

    def fail() -> None:
        raise fault

    source.at = {160: fail}  # the jerk is over, its episode is not
    messages = all_of(source)
    assert messages[-1] == Ended(fault)
    assert times(messages) == [k / FPS for k in range(160)]
    assert [round(m.start_s) for m in of(Episode, messages)] == [5]
    (totals,) = of(Totals, messages)
    assert totals.seconds == pytest.approx(160 / FPS, abs=0.01)


def test_a_fault_in_measuring_comes_after_what_was_measured_before(skin: type[SkinMeasurer]) -> None:
    skin.skin, skin.fault_s = twitching(Jerk(5.0, LEFT, 1.5)), 5.6
    messages = all_of(MemorySource(frames(0.0, 9.0)))
    assert isinstance(messages[-1], Ended) and str(messages[-1].error) == "measuring failed"
    assert len(of(Episode, messages)) == 1
    assert len(of(Totals, messages)) == 1
    assert max(times(messages)) == pytest.approx(167 / FPS)


def test_a_fault_that_keeps_the_rest_from_being_decided_still_ends(
    skin: type[SkinMeasurer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr("detector.deciding.Decider.drain", broken)
    monkeypatch.setattr("detector.deciding.Decider.session_fields", broken)
    skin.fault_s = 1.0
    messages = all_of(MemorySource(frames(0.0, 2.0)))
    assert isinstance(messages[-1], Ended) and str(messages[-1].error) == "measuring failed"


# the reader's side


@pytest.mark.parametrize(("in_real_time", "now_s"), [(True, 6.0), (False, 3.0)])
def test_now_goes_on_by_the_clock_of_a_camera_and_at_the_pace_of_a_clip(
    skin: type[SkinMeasurer], monkeypatch: pytest.MonkeyPatch, in_real_time: bool, now_s: float
) -> None:
    """A clip at half its pace, a camera whose pictures come ever later: the time of a mark is that of the picture."""
    clock = [100.0]
    monkeypatch.setattr(MemorySource, "clock", staticmethod(lambda: clock[0]))
    source = MemorySource()
    source.in_real_time = in_real_time
    line: LiveLine = line_over(source)
    assert line.now_s == 0.0
    for frame in frames(0.0, 3.0 + 1.0 / FPS):
        clock[0] = 100.0 + 2.0 * frame.t_s
        line._note_time(frame)
    assert line.now_s == pytest.approx(now_s)
    clock[0] += 0.5
    assert line.now_s == pytest.approx(now_s + 0.5)
    line._note_time(replace(frame, t_s=4.0))
    assert line.now_s == pytest.approx(6.5 if in_real_time else 4.0)
