"""What the live window is told to show: traces, marks, reasons, quality, and the seconds observed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from detector.config import Settings
from detector.deciding import Decider
from detector.instant import Flash
from detector.live_line import Picture
from detector.live_state import WINDOW_S, LiveState
from detector.live_view import NOTICE_S, WHY_HOLD_S, LiveView
from detector.readings import Measured, Reading
from detector.regions import SITE_NAMES
from detector.twitches import THRESHOLDS, WAIT_S
from detector.types import Face, Frame, WhyNot
from tests.fake_live import FPS, PICTURE, SCALE, measured_at
from tests.test_log import episode, twitch
from tests.test_signals import readings

LEFT = SITE_NAMES.index("nasalis_alar_left")
RIGHT = SITE_NAMES.index("nasalis_alar_right")


@pytest.fixture
def view() -> LiveView:
    return LiveView("camera 0", Settings(), recording=False)


def shown(view: LiveView, now_s: float = 0.0, picture: Picture | None = None, **changes: Any) -> LiveState:
    return view.state(picture, now_s, **({"fps": 30.0, "frames": 9, "frames_lost": 1, "paused": False} | changes))


def face_of(luma: float = 120.0) -> Face:
    points = np.zeros((478, 2), np.float32)
    return Face(0, 0.0, points, SCALE, (0.0, 0.0, 0.0), (0.3, 0.3), 0.0, 50.0, luma, 200.0, 1, 9.0)


def picture_of(t_s: float, luma: float = 120.0, *, seen: bool = True, measured: bool = True) -> Picture:
    sample = measured_at(t_s, head_mm_s=4.0).reading.sample if measured else None
    reading = Reading(t_s, False, int(seen), SCALE, sample if seen else None, face=face_of(luma) if seen else None)
    return Picture(Frame(0, t_s, True, PICTURE), reading)


def watch(view: LiveView, start_s: float, seconds: float, **what: Any) -> None:
    for k in range(round(start_s * FPS), round((start_s + seconds) * FPS)):
        view.measured(measured_at(k / FPS, **what))


# before anything, traces


def test_before_the_first_picture_everything_can_be_shown(view: LiveView) -> None:
    state = shown(view, fps=0.0, frames=0, frames_lost=0)
    assert (state.image, state.centers_px, state.why) == (None, None, "")
    assert (state.settling, state.flagged, state.episodes, state.last_episode) == (0.0, (), 0, "")
    assert math.isnan(state.quality.fps) and math.isnan(state.quality.px_per_mm)
    assert all(trace.values.shape == (0,) for trace in state.traces.values())


def test_a_trace_is_the_highest_score_of_its_side_in_thresholds() -> None:
    for sensitivity in ("low", "normal", "high"):
        view, bar = LiveView("x", Settings(sensitivity=sensitivity), recording=False), THRESHOLDS[sensitivity]
        scores = {"nasalis_alar_left": 2 * bar, "nasalis_transverse_left": bar, "procerus": 0.5 * bar}
        cheek = {"zygomaticus_right": 9 * bar}  # takes no part: what it pulls is no twitch of the nose
        view.measured(measured_at(1.0, scores=scores | cheek))
        traces = shown(view).traces
        assert [float(traces[side].values[0]) for side in ("left", "midline", "right")] == pytest.approx(
            [2.0, 0.5, 0.0]
        )
        assert traces["left"].times_s.tolist() == [1.0]


def test_a_trace_breaks_without_a_face_and_goes_on_over_repeated_frames(view: LiveView) -> None:
    view.measured(measured_at(0.0))
    view.measured(measured_at(0.1, repeated=True))
    view.measured(measured_at(0.2, why=WhyNot.MOTION))
    view.measured(measured_at(0.3, faces=0))
    trace = shown(view).traces["left"]
    assert trace.times_s.tolist() == [0.0, 0.2, 0.3]
    assert np.isnan(trace.values).tolist() == [False, False, True]
    assert trace.observed.tolist() == [True, False, False]


def test_memory_stays_flat(view: LiveView) -> None:
    watch(view, 0.0, 40.0)
    for k in range(40):
        view.flashed(Flash(float(k), LEFT, 9.0), k + 0.2)
        view.sighted(twitch(k + 0.5), k + 0.8)
        view.felt(float(k))
    state = shown(view, 40.0)
    assert state.traces["left"].times_s[0] == pytest.approx(40.0 - WINDOW_S - 1.0, abs=0.1)
    assert min(flagged.t_s for flagged in state.flagged) > 40.0 - WINDOW_S - 2.0
    assert min(state.felt_s) > 40.0 - WINDOW_S - 2.0


# marks


def test_a_jerk_that_flashed_is_not_marked_again_when_it_is_sighted(view: LiveView) -> None:
    view.flashed(Flash(5.0, LEFT, 9.0), 5.1)
    view.sighted(twitch(4.97), 5.3)
    view.sighted(twitch(6.0, region="nasalis_alar_right", side="right"), 6.4)
    state = shown(view, 7.0)
    assert [(f.t_s, f.region, f.told_s) for f in state.flagged] == [(5.0, LEFT, 5.1), (6.05, RIGHT, 6.4)]
    assert state.counts == {"left": 1, "right": 1}, "each counts, flashed or not"


def test_marks_are_in_the_order_of_time(view: LiveView) -> None:
    view.flashed(Flash(6.0, LEFT, 9.0), 6.1)
    view.sighted(twitch(5.5), 6.2)
    assert [f.t_s for f in shown(view, 7.0).flagged] == [5.55, 6.0]


def test_a_flash_that_comes_very_late_does_no_harm(view: LiveView) -> None:
    """After the computer slept the clock has gone on, and what was on its way is old news."""
    view.flashed(Flash(5.0, LEFT, 9.0), 90.0)
    view.sighted(twitch(5.5), 90.0)
    view.flashed(Flash(90.2, LEFT, 9.0), 90.3)
    assert shown(view, 90.4).flagged[-1].t_s == 90.2


def test_marks_of_the_person_can_be_taken_back(view: LiveView) -> None:
    view.felt(1.0)
    view.felt(2.0)
    view.taken_back(2.0)
    assert shown(view, 3.0).felt_s == (1.0,)


def test_what_is_flagged_counts_at_once_and_not_twice(view: LiveView) -> None:
    place = SITE_NAMES.index("nasalis_alar_left")
    view.flashed(Flash(5.0, place, 12.0), 5.1)
    assert shown(view, 5.2).counts.get("left") == 1
    view.sighted(twitch(4.95), 6.0)
    assert shown(view, 6.1).counts.get("left") == 1
    view.flashed(Flash(8.0, place, 12.0), 8.1)  # that nothing comes of
    assert shown(view, 8.2).counts.get("left") == 2
    assert shown(view, 9.7).counts.get("left") == 1


def test_episodes_are_counted_and_the_last_is_said(view: LiveView) -> None:
    view.told(episode(1, 5.0))
    assert shown(view).last_episode == "left nostril wing, 2 twitches in 0.4 s"
    view.told(episode(2, 9.0, twitch_count=1, region="procerus"))
    state = shown(view)
    assert (state.episodes, state.last_episode) == (2, "left root of the nose, 1 twitch")


def test_a_notice_goes_after_a_while(view: LiveView) -> None:
    view.notice("snapshot saved", 10.0)
    assert shown(view, 10.0 + NOTICE_S - 0.1).notice == "snapshot saved"
    assert shown(view, 10.0 + NOTICE_S + 0.1).notice == ""


# reasons


def test_a_reason_is_held_long_enough_to_be_read(view: LiveView) -> None:
    at = picture_of(0.0)
    watch(view, 0.0, 1.0)
    assert shown(view, picture=at).why == ""
    view.measured(measured_at(1.0, why=WhyNot.MOTION))
    assert "head moves" in shown(view, picture=at).why
    watch(view, 1.0 + 1 / FPS, WHY_HOLD_S - 2 / FPS)
    assert "head moves" in shown(view, picture=at).why
    watch(view, 1.0 + WHY_HOLD_S, 0.1)
    assert shown(view, picture=at).why == ""
    assert shown(view, picture=None).why == ""


def test_a_new_reason_is_told_at_once(view: LiveView) -> None:
    view.measured(measured_at(1.0, why=WhyNot.MOTION))
    view.measured(measured_at(1.1, faces=0))
    assert shown(view, picture=picture_of(1.0)).why == "no face in view"


def test_settling_grows_to_its_end_and_begins_again_after_a_loss(view: LiveView) -> None:
    view.measured(measured_at(10.0, why=WhyNot.SETTLING))
    assert shown(view).settling == 0.0
    view.measured(measured_at(10.0 + WAIT_S / 2, why=WhyNot.SETTLING | WhyNot.NOISE))
    assert shown(view).settling == pytest.approx(0.5)
    view.measured(measured_at(10.0 + 2 * WAIT_S, why=WhyNot.SETTLING))
    assert shown(view).settling == 1.0
    view.measured(measured_at(20.0))
    assert shown(view).settling is None
    view.measured(measured_at(21.0, faces=0))
    assert shown(view).settling is None, "how long it takes is not known before the face is there"
    view.measured(measured_at(22.0, why=WhyNot.SETTLING))
    assert shown(view).settling == 0.0


# quality


def test_quality_is_smooth_and_follows(view: LiveView) -> None:
    assert shown(view, picture=picture_of(0.0, 100.0)).quality.luma == pytest.approx(100.0), "at once"
    after = shown(view, picture=picture_of(0.1, 200.0)).quality
    assert 105.0 < after.luma < 115.0
    assert (after.px_per_mm, after.sharpness, after.head_mm_s) == pytest.approx((SCALE, 50.0, 4.0))
    assert shown(view, picture=picture_of(0.1, 200.0)).quality.luma == after.luma, "the same picture counts once"
    for k in range(2, 60):
        last = shown(view, picture=picture_of(0.1 * k, 200.0)).quality
    assert last.luma == pytest.approx(200.0, abs=1.0)
    assert (last.fps, last.frames, last.frames_lost) == (30.0, 9, 1)


def test_without_a_face_its_quality_is_unknown_and_starts_afresh(view: LiveView) -> None:
    shown(view, picture=picture_of(0.0, 100.0))
    assert math.isnan(shown(view, picture=picture_of(0.1, seen=False)).quality.luma)
    assert shown(view, picture=picture_of(0.2, 200.0)).quality.luma == pytest.approx(200.0)


def test_places_are_those_of_the_picture_shown(view: LiveView) -> None:
    at = picture_of(1.0)
    assert at.reading is not None and at.reading.sample is not None
    state = shown(view, picture=at)
    assert state.image is PICTURE
    np.testing.assert_array_equal(state.centers_px, at.reading.sample.centers_px)
    assert shown(view, picture=at, paused=True).centers_px is None
    assert shown(view, picture=Picture(at.frame, None)).centers_px is None
    assert shown(view, picture=picture_of(1.1, seen=False)).centers_px is None
    of_the_mesh = shown(view, picture=picture_of(1.2, measured=False)).centers_px
    assert of_the_mesh is not None and of_the_mesh.shape == (len(SITE_NAMES), 2)


# observed time


def rows_without(rows: list[Reading], first_s: float, last_s: float) -> list[Reading]:
    kept = [row for row in rows if not first_s <= row.t_s < last_s]
    place = next(k for k, row in enumerate(kept) if row.t_s >= last_s)
    kept[place - 1] = dataclasses.replace(kept[place - 1], ends_stretch=True)
    return kept


def frozen(rows: list[Reading], first_s: float, last_s: float) -> list[Reading]:
    return [
        dataclasses.replace(row, repeated=True, sample=None) if first_s <= row.t_s < last_s else row for row in rows
    ]


@pytest.mark.parametrize("rows", [
    readings(20.0, away_s=(99.0, 99.0)),
    readings(20.0),  # the face is away for a second
    rows_without(readings(20.0), 6.0, 7.5),
    frozen(readings(20.0), 14.5, 17.0),
], ids=["all", "away", "gap", "frozen"])  # fmt: skip
def test_observed_seconds_are_those_of_the_log(view: LiveView, rows: list[Reading]) -> None:
    decider = Decider(Settings())
    for event in decider.run(rows):
        if isinstance(event, Measured):
            view.measured(event)
    assert view.observed_s == pytest.approx(decider.session_fields()["observed_s"], abs=1e-6)
    assert view.observed_s > 10.0
    assert shown(view).quality.observed_s == view.observed_s
