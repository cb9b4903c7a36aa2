"""Times, height and direction of one jerk, read off a record in which they are known."""

from __future__ import annotations

import numpy as np
import pytest

from detector.grid import RATE_HZ, pulse
from detector.motion import REGION_COUNT
from detector.regions import SITES
from detector.shape import FALL_LIMITS_S, HELD_S, HELD_SNR, RISE_LIMITS_S, shape_twitch
from detector.twitches import Moment
from detector.types import COURSE_FROM_S, COURSE_STEP_S, COURSE_TO_S, Twitch, WhyNot

REGION = 5
SIGMA_MM = 0.05
UP = np.array([0.0, -1.0], np.float32)


def record(
    peak_s: float = 1.0,
    rise_s: float = 0.05,
    fall_s: float = 0.11,
    mm: float = 1.0,
    toward: np.ndarray = UP,
    level_mm: float = 0.0,
    seconds: float = 2.0,
    held_s: float = 0.0,
) -> list[Moment]:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since = times - peak_s
    course = mm * pulse(np.where(since < held_s, np.minimum(since, 0.0), since - held_s), rise_s, fall_s)
    motion = np.zeros((len(times), REGION_COUNT, 2), np.float32)
    motion[:, REGION] = (course + level_mm)[:, None] * toward
    filtered = np.zeros_like(motion)
    filtered[:, REGION] = course[:, None] * toward
    return [
        Moment(
            t_s=float(t),
            score=np.full(REGION_COUNT, 11.0, np.float32),
            excess=np.full(REGION_COUNT, 12.0, np.float32),
            height_mm=filtered[k],
            motion_mm=motion[k],
            sigma_mm=np.full(REGION_COUNT, SIGMA_MM, np.float32),
            floor_mm=np.full(REGION_COUNT, 0.5, np.float32),
            needed_mm=np.full(REGION_COUNT, 0.4, np.float32),
            why_not=WhyNot.NONE,
            head_speed_mm_s=1.0,
            px_per_mm=2.5,
        )
        for k, t in enumerate(times)
    ]


def shape(moments: list[Moment], peak_s: float = 1.0, toward: np.ndarray = UP) -> Twitch:
    place = min(range(len(moments)), key=lambda k: abs(moments[k].t_s - peak_s))
    return shape_twitch(moments, place, REGION, toward, kept=True, reason="")


@pytest.mark.parametrize("peak_s", [1.0, 1.004, 1.0083, 1.013])
@pytest.mark.parametrize(("rise_s", "fall_s"), [(0.045, 0.06), (0.05, 0.11), (0.08, 0.2)])
def test_times_are_read_between_the_grid_times(peak_s: float, rise_s: float, fall_s: float) -> None:
    twitch = shape(record(peak_s, rise_s, fall_s), peak_s)
    assert twitch.peak_s == pytest.approx(peak_s, abs=0.008)
    assert twitch.onset_s == pytest.approx(peak_s - rise_s, abs=0.014)
    assert twitch.offset_s == pytest.approx(peak_s + fall_s, abs=0.02)


def test_height_and_speed_are_in_the_units_they_say() -> None:
    twitch = shape(record(mm=1.6))
    assert twitch.amplitude_mm == pytest.approx(1.6, rel=0.01)
    assert twitch.amplitude_px == pytest.approx(1.6 * 2.5, rel=0.01)
    assert twitch.snr == pytest.approx(1.6 / 0.05, rel=0.01)
    # a raised cosine that rises 1.6 mm in 50 ms is fastest in its middle: pi / 2 of the mean
    assert twitch.velocity_mm_s == pytest.approx(1.6 / 0.05 * np.pi / 2, rel=0.15)
    assert (twitch.score, twitch.kept, twitch.reason) == (11.0, True, "")
    assert (twitch.region, twitch.side) == (SITES[REGION].name, SITES[REGION].side)


@pytest.mark.parametrize(("x", "y", "degrees"), [(1, 0, 0), (0, -1, 90), (-1, 0, 180), (0, 1, 270), (0.6, -0.8, 53.13)])
def test_directions_turn_against_the_clock_from_the_pictures_right(x: float, y: float, degrees: float) -> None:
    toward = np.array([x, y], np.float32)
    assert shape(record(toward=toward), toward=toward).direction_deg == pytest.approx(degrees, abs=0.1)


def test_the_level_of_the_skin_does_not_matter() -> None:
    plain, lifted = shape(record()), shape(record(level_mm=3.0))
    assert (lifted.onset_s, lifted.peak_s, lifted.offset_s) == pytest.approx(
        (plain.onset_s, plain.peak_s, plain.offset_s), abs=1e-4
    )
    assert lifted.amplitude_mm == pytest.approx(plain.amplitude_mm, rel=1e-4)


@pytest.mark.parametrize("off", [-3, -2, 2, 3])
def test_the_top_of_the_motion_is_found_beside_that_of_the_score(off: int) -> None:
    moments = record()
    there = shape_twitch(moments, 60, REGION, UP, kept=True, reason="")
    beside = shape_twitch(moments, 60 + off, REGION, UP, kept=True, reason="")
    assert (beside.onset_s, beside.peak_s, beside.offset_s) == pytest.approx(
        (there.onset_s, there.peak_s, there.offset_s)
    )


@pytest.mark.parametrize("peak_s", [0.0, 1 / 60, 0.05, 0.93, 59 / 60])
def test_a_jerk_at_the_end_of_the_record_is_measured_as_far_as_it_goes(peak_s: float) -> None:
    twitch = shape(record(peak_s, seconds=1.0), peak_s)
    assert twitch.peak_s == pytest.approx(peak_s, abs=0.01)
    assert RISE_LIMITS_S[0] <= twitch.peak_s - twitch.onset_s + 1e-9
    assert FALL_LIMITS_S[0] <= twitch.offset_s - twitch.peak_s + 1e-9


def test_slow_pulls_are_bounded_and_a_record_that_never_falls_too() -> None:
    weak = shape(record(1.0, 0.6, 0.9, mm=0.9 * HELD_SNR * SIGMA_MM, seconds=3.0))
    assert weak.peak_s - weak.onset_s == pytest.approx(RISE_LIMITS_S[1])
    assert weak.offset_s - weak.peak_s == pytest.approx(FALL_LIMITS_S[1])
    flat = shape(record(mm=0.0))
    assert flat.onset_s < flat.peak_s < flat.offset_s
    assert flat.velocity_mm_s == 0.0


@pytest.mark.parametrize("held_s", [0.3, 0.6, 1.5])
def test_a_contraction_that_stays_up_is_followed_to_its_end(held_s: float) -> None:
    twitch = shape(record(held_s=held_s, seconds=6.0))
    assert twitch.onset_s == pytest.approx(0.95, abs=0.08)
    assert twitch.offset_s == pytest.approx(1.0 + held_s + 0.11, abs=0.06)
    assert twitch.amplitude_mm == pytest.approx(1.0, rel=0.01)


def test_what_never_falls_is_followed_so_far_and_no_farther() -> None:
    twitch = shape(record(held_s=9.0, seconds=8.0))
    assert HELD_S <= twitch.offset_s - 1.0 < HELD_S + 0.2


def test_what_is_weak_and_stays_up_may_be_drift_and_is_not_followed() -> None:
    twitch = shape(record(mm=0.9 * HELD_SNR * SIGMA_MM, held_s=1.5, seconds=6.0))
    assert twitch.offset_s - twitch.peak_s == pytest.approx(FALL_LIMITS_S[1])


def test_what_stays_up_longer_never_ends_sooner() -> None:
    ends = [shape(record(held_s=held_s, seconds=6.0)).offset_s for held_s in np.arange(0.0, 0.5, 0.02)]
    assert min(np.diff(ends)) > -0.02


def test_a_neighbor_in_a_fast_train_is_not_taken_for_the_jerk() -> None:
    moments = record()
    louder = record(1.125, mm=1.5)
    both = [
        Moment(
            a.t_s, a.score, a.excess, a.height_mm + b.height_mm, a.motion_mm + b.motion_mm, a.sigma_mm, a.floor_mm,
            a.needed_mm, a.why_not, a.head_speed_mm_s, a.px_per_mm,
        )
        for a, b in zip(moments, louder, strict=True)
    ]  # fmt: skip
    assert shape(both).peak_s == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("peak_s", [1.0, 1.007])
def test_the_course_is_that_of_the_skin_about_its_peak(peak_s: float) -> None:
    twitch = shape(record(peak_s, 0.05, 0.11, mm=1.6, level_mm=2.0), peak_s)
    times = np.arange(-18, 25) * COURSE_STEP_S
    assert len(twitch.course_mm) == len(times) == round((COURSE_FROM_S + COURSE_TO_S) / COURSE_STEP_S) + 1
    assert (
        np.abs(np.array(twitch.course_mm) - 1.6 * pulse(times, 0.05, 0.11)).max() < 0.3
    )  # in half a grid step it moves by 0.4 mm
    assert twitch.course_mm[18] == max(twitch.course_mm) == pytest.approx(1.6, abs=0.12)


def test_there_is_no_course_where_the_record_ends_or_the_jerk_was_not_kept() -> None:
    assert len(shape(record(0.3 + 1 / 60), 0.3 + 1 / 60).course_mm) == 43
    assert shape(record(0.25), 0.25).course_mm == ()
    assert shape(record(1.7), 1.7).course_mm == ()
    assert shape_twitch(record(), 60, REGION, UP, kept=False, reason="weak").course_mm == ()
