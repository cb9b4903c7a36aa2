"""The even time grid, and the filters that read a jerk's height on it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.grid import COURSES_S, HALF_S, RATE_HZ, EvenGrid, Record, matched_filters, pulse

RATES = (10.0, 15.0, 24.0, 25.0, 30.0, 50.0, 60.0, 120.0, 240.0)


def fill(times: list[float]) -> list[tuple[int, float]]:
    grid, out = EvenGrid(), []
    for t in times:
        out += [(k, float(v[0])) for k, v in grid.push(t, np.array([t], np.float32))]
    return out


@given(
    steps=st.lists(st.floats(0.0004, 0.3), min_size=2, max_size=60),
    start=st.floats(0.0, 5.0),
)
def test_every_grid_time_between_the_samples_comes_once_and_in_order(steps: list[float], start: float) -> None:
    times = list(itertools.accumulate(steps, initial=start))
    got = fill(times)
    inside = [k for k in range(400 * 60) if times[0] + 1e-5 < k / RATE_HZ < times[-1] - 1e-5]
    keys = [k for k, _ in got]
    assert keys == sorted(set(keys))
    assert set(inside) <= set(keys)
    assert all(times[0] - 1e-5 <= k / RATE_HZ <= times[-1] + 1e-5 for k in keys)
    np.testing.assert_allclose([v for _, v in got], [k / RATE_HZ for k in keys], atol=1e-5)


@pytest.mark.parametrize("fps", [15.0, 20.0, 30.0, 60.0])
def test_samples_that_lie_on_the_grid_pass_unchanged(fps: float) -> None:
    times = [2.0 + k / fps for k in range(40)]
    grid = EvenGrid()
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3)).astype(np.float32)
    got = {k: v for t, value in zip(times, values, strict=True) for k, v in grid.push(t, value)}
    for t, value in zip(times, values, strict=True):
        np.testing.assert_allclose(got[round(t * RATE_HZ)], value, atol=1e-4)


def test_a_time_that_stands_still_adds_nothing_and_a_reset_begins_anew() -> None:
    grid = EvenGrid()
    one = np.ones(1, np.float32)
    assert [k for k, _ in grid.push(1.0, one)] == [60]
    assert grid.push(1.0, one) == []
    assert [k for k, _ in grid.push(1.0 + 2 / 60, one)] == [61, 62]
    grid.reset()
    assert [k for k, _ in grid.push(9.001, one)] == []
    assert [k for k, _ in grid.push(9.02, one)] == [541]


def test_a_pulse_is_a_jerk_of_height_one_with_its_peak_at_zero() -> None:
    t = np.arange(-100, 301) / 1000.0
    course = pulse(t, 0.05, 0.11)
    assert course.max() == pytest.approx(1.0)
    assert t[course.argmax()] == 0.0
    assert (course[(t < -0.05) | (t >= 0.11)] == 0.0).all()
    assert course[t == -0.025] == pytest.approx(0.5)
    assert course[t == 0.055] == pytest.approx(0.5)
    assert (np.diff(course[t <= 0.0]) >= 0.0).all()
    assert (np.diff(course[t >= 0.0]) <= 0.0).all()


@pytest.mark.parametrize("fps", RATES)
def test_filters_read_unit_height_and_are_blind_to_level_and_drift(fps: float) -> None:
    taps = matched_filters(fps)
    half = round(HALF_S * RATE_HZ)
    assert taps.shape == (len(COURSES_S), 2 * half + 1)
    t = np.arange(-half, half + 1) / RATE_HZ
    np.testing.assert_allclose(taps.sum(axis=1), 0.0, atol=1e-6)
    np.testing.assert_allclose(taps @ t, 0.0, atol=1e-6)
    smear = np.ones(max(1, round(RATE_HZ / min(fps, RATE_HZ))))
    for tap, (rise_s, fall_s) in zip(taps, COURSES_S, strict=True):
        course = np.convolve(pulse(t, rise_s, fall_s), smear / len(smear), mode="same")
        assert tap @ course == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("course", range(len(COURSES_S)))
def test_a_filter_answers_loudest_where_its_jerk_is(fps: float, course: int) -> None:
    tap = matched_filters(fps)[course]
    t = np.arange(-90, 91) / RATE_HZ
    smear = np.ones(max(1, round(RATE_HZ / min(fps, RATE_HZ))))
    answer = np.correlate(np.convolve(pulse(t, *COURSES_S[course]), smear / len(smear), mode="same"), tap, mode="same")
    assert abs(t[np.abs(answer).argmax()]) <= 1.5 / RATE_HZ
    assert answer.max() == pytest.approx(1.0, abs=0.05)


def test_filters_are_quieter_than_no_filter_in_the_noise_they_are_made_for() -> None:
    rng = np.random.default_rng(1)
    frequency = np.fft.rfftfreq(60_000, 1 / RATE_HZ)
    spectrum = np.maximum(frequency, 0.4) ** -0.75 * np.exp(2j * np.pi * rng.uniform(size=len(frequency)))
    noise = np.fft.irfft(spectrum)
    for tap in matched_filters(60.0):
        assert np.correlate(noise, tap, mode="valid").std() < 0.7 * noise.std()


def test_above_the_rate_of_the_grid_filters_do_not_change() -> None:
    np.testing.assert_array_equal(matched_filters(60.0), matched_filters(240.0))


@given(
    steps=st.lists(st.tuples(st.integers(1, 90), st.floats(0.0, 1.0)), min_size=1, max_size=12),
)
def test_a_record_holds_what_came_but_for_what_is_forgotten(steps: list[tuple[int, float]]) -> None:
    record, rows, parts = Record(), [], []
    for number, (times, share) in enumerate(steps):
        record.append(np.full((3, 2), number, np.float32), times)
        rows += [number] * times
        assert (record.last == number).all()
        parts.append((record.part(0, len(record)), list(rows)))
        gone = round(share * (len(rows) - 1))
        record.forget(gone)
        del rows[:gone]
        assert len(record) == len(rows)
    for part, were in parts:
        assert part[:, 2, 1].tolist() == were, "also parts that were handed out before the record grew"
