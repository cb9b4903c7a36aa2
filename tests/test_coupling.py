"""Locking to blinks and smiles: on times that are drawn, and on a few that are written down."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from detector import coupling
from detector.coupling import (
    ALPHA,
    ALPHA_REPEATED,
    BLOCK,
    ENOUGH,
    LEAST_TOGETHER,
    TRAIN_S,
    WINDOW_S,
    Coupling,
    is_coupled,
    measure_coupling,
    near_events,
)
from tests.growth import calls_of

Array = npt.NDArray[np.float64]
Span = tuple[float, float]


def blinks(rng: np.random.Generator, length_s: float, per_min: float = 17.0) -> Array:
    """Gamma intervals: a pause after each."""
    mean_s = 60.0 / per_min
    times = np.cumsum(rng.gamma(3.0, mean_s / 3.0, int(2.0 * length_s / mean_s) + 40)) - 10.0 * mean_s
    return times[(times >= 0.0) & (times < length_s)]


def at_random(rng: np.random.Generator, length_s: float, per_min: float) -> Array:
    return np.sort(rng.uniform(0.0, length_s, rng.poisson(length_s * per_min / 60.0)))


def judged(together: int, expected: float, p: float) -> Coupling:
    return Coupling("blink", 50, 50, together, expected, p, 0.0, 0.0)


def counted(twitches: Array, events: Array, observed: list[Span]) -> tuple[int, int, int]:
    """Trains, events and coincidences, one by one; spans in order."""

    def span_of(t: float) -> int | None:
        return next((k for k, (start, end) in enumerate(observed) if start <= t < end), None)

    trains: list[tuple[float, int]] = []
    last = -math.inf
    for t in sorted(twitches):
        k = span_of(t)
        if k is None:
            continue
        along = t - observed[k][0] + sum(end - start for start, end in observed[:k])
        if along - last >= TRAIN_S:
            trains.append((t, k))
        last = along
    seen = [(e, span_of(e)) for e in events if span_of(e) is not None]
    return (
        len(trains),
        len(seen),
        sum(any(k == j and abs(t - e) < WINDOW_S for e, j in seen) for t, k in trains),
    )


def test_twitches_at_most_blinks_are_locked_and_their_lag_is_told() -> None:
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        closings = blinks(rng, 30.0)[:8]
        locked = closings[rng.random(len(closings)) < 0.85] + 0.03
        one = measure_coupling(np.concatenate([locked, at_random(rng, 30.0, 4.0)]), closings, [(0.0, 30.0)])
        found.append(is_coupled(one))
        assert one.events == len(closings)
        assert one.lag_s == pytest.approx(0.03, abs=0.02) or one.together < 4
    assert sum(found) >= 32


def test_twitches_and_blinks_of_their_own_are_not() -> None:
    taken = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        observed = [(0.0, 50.0), (55.0, 90.0), (100.0, 140.0)]
        one = measure_coupling(at_random(rng, 140.0, 15.0), blinks(rng, 140.0), observed)
        taken += is_coupled(one, ALPHA)
        assert one.together == pytest.approx(one.expected, abs=6.0)
    assert taken <= 8


def test_blinks_and_twitches_of_the_same_busy_minutes_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> int:
        count = 0
        for seed in range(40):
            rng = np.random.default_rng(seed)
            closings = np.concatenate([blinks(rng, 60.0, 6.0 + 24.0 * (k % 2)) + 60.0 * k for k in range(9)])
            jerks = np.concatenate([at_random(rng, 60.0, 30.0) + 60.0 * k for k in range(1, 9, 2)])
            count += is_coupled(measure_coupling(jerks, closings, [(0.0, 540.0)]), ALPHA)
        return count

    assert taken() <= 1
    monkeypatch.setattr(coupling, "BLOCK", 1000)
    monkeypatch.setattr(coupling, "SHIFT", 1000.0)
    assert taken() >= 8  # shuffled over the whole session: the trap is one


def test_p_of_no_coupling_is_spread_evenly() -> None:
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one = measure_coupling(at_random(rng, 200.0, 60.0), blinks(rng, 200.0, 25.0), [(0.0, 200.0)], shuffles=199)
        p.append(one.p)
    # Not under 0.5 on the average, as it counts ties; and not far over it.
    assert 0.48 < np.mean(p) < 0.62
    assert np.mean(np.array(p) <= 0.2) == pytest.approx(0.2, abs=0.07)


@pytest.mark.parametrize("seed", range(12))
def test_counts_are_those_of_counting_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.uniform(0.0, 40.0, 12))
    observed = [(float(a), float(b)) for a, b in edges.reshape(-1, 2)]
    jerks, events = rng.uniform(0.0, 40.0, 50), rng.uniform(0.0, 40.0, 60)
    one = measure_coupling(jerks, events, observed[::-1], shuffles=5)
    assert (one.twitches, one.events, one.together) == counted(jerks, events, observed)


@pytest.mark.parametrize("seed", range(4))
def test_controls_are_counted_as_the_session_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = np.cumsum(rng.uniform(TRAIN_S, 2.0, 20))
    high = low + 2.0 * WINDOW_S
    rows = np.sort(rng.uniform(0.0, high[-1], (50, 40)), axis=1)
    expected = [sum(bool(((row >= a) & (row < b)).any()) for a, b in zip(low, high, strict=True)) for row in rows]
    assert coupling._Windows(low, high, float(high[-1])).count(rows).tolist() == expected


def test_a_control_keeps_the_intervals_and_nearly_their_places() -> None:
    rng = np.random.default_rng(3)
    events, length_s = blinks(rng, 300.0), 300.0
    intervals = np.diff(events, append=events[0] + length_s)
    rows = np.concatenate(list(coupling._controls(events, length_s, 250, seed=0)))
    assert rows.shape == (250, len(events))
    assert ((rows >= 0.0) & (rows < length_s)).all()
    assert len(np.unique(rows[:, 0])) == 250
    for row in np.sort(rows, axis=1):
        shuffled = np.diff(row, append=row[0] + length_s)
        np.testing.assert_allclose(np.sort(shuffled), np.sort(intervals), atol=1e-9)
        # As many in each minute, but for what the edges of the minute cut.
        minute = np.histogram(row, bins=5, range=(0.0, length_s))[0] - np.histogram(events, 5, (0.0, length_s))[0]
        assert np.abs(minute).max() <= BLOCK


def test_a_train_at_one_blink_is_one_coincidence() -> None:
    jerks = [10.0 + 0.13 * k for k in range(6)] + [30.0]
    one = measure_coupling(jerks, [10.02, 20.0, 40.0], [(0.0, 60.0)])
    assert (one.twitches, one.together) == (2, 1)
    assert one.lag_s == pytest.approx(-0.02)
    assert math.isnan(one.lag_sd_s)


def test_two_blinks_at_one_twitch_are_one_coincidence() -> None:
    one = measure_coupling([10.0], [9.9, 10.05, 30.0], [(0.0, 60.0)])
    assert (one.events, one.together) == (3, 1)
    assert one.lag_s == pytest.approx(-0.05)


def test_only_what_was_observed_counts_and_nothing_across_a_gap() -> None:
    observed = [(0.0, 10.0), (20.0, 30.0)]
    # The ends of the gap meet on the line, 0.1 s apart; at 15 s nothing was observed.
    one = measure_coupling([9.95, 15.0, 25.0], [20.05, 15.0, 25.1], observed)
    assert (one.twitches, one.events, one.together) == (2, 2, 1)
    assert one.lag_s == pytest.approx(-0.1)


def test_fewer_than_three_coincidences_are_never_a_coupling() -> None:
    for together in range(LEAST_TOGETHER):
        assert not is_coupled(judged(together, 0.01, 0.001))
    assert is_coupled(judged(LEAST_TOGETHER, 0.01, 0.001))


def test_a_trifle_is_no_coupling_however_sure() -> None:
    assert not is_coupled(judged(60, 40.0, 0.001))
    assert is_coupled(judged(80, 40.0, 0.001))


def test_looking_again_and_again_asks_for_more() -> None:
    between = judged(5, 1.0, 0.5 * (ALPHA + ALPHA_REPEATED))
    assert is_coupled(between, ALPHA)
    assert not is_coupled(between)


@pytest.mark.parametrize(
    ("jerks", "events", "observed"),
    [([], [1.0], [(0.0, 9.0)]), ([1.0], [], [(0.0, 9.0)]), ([1.0], [1.0], []), ([1.0], [1.0], [(5.0, 5.0)])],
)
def test_nothing_to_go_by_is_no_coupling(jerks: list[float], events: list[float], observed: list[Span]) -> None:
    one = measure_coupling(jerks, events, observed, event="smile")
    assert (one.event, one.together, one.expected, one.p) == ("smile", 0, 0.0, 1.0)
    assert math.isnan(one.lag_s)
    assert not is_coupled(one, 1.0)


def test_a_single_smile_can_be_shuffled() -> None:
    one = measure_coupling([30.0], [30.0], [(0.0, 60.0)])
    assert one.together == 1
    assert one.p == pytest.approx(2.0 * WINDOW_S / 60.0, abs=0.01)
    assert one.expected == pytest.approx(2.0 * WINDOW_S / 60.0, abs=0.01)


def test_the_same_input_in_any_order_gives_the_same() -> None:
    rng = np.random.default_rng(5)
    jerks, events = at_random(rng, 60.0, 20.0), blinks(rng, 60.0)
    one = measure_coupling(jerks, events, [(0.0, 60.0)])
    assert measure_coupling(jerks[::-1].tolist(), rng.permutation(events), [(30.0, 60.0), (0.0, 30.0)]) == one
    assert measure_coupling(jerks + 100.0, events + 100.0, [(100.0, 160.0)]).p == pytest.approx(one.p, abs=0.01)
    assert measure_coupling(jerks, events, [(0.0, 60.0)], seed=1).expected != one.expected


def test_the_shuffling_ends_when_it_is_plain_that_nothing_is_locked() -> None:
    rng = np.random.default_rng(0)
    jerks, events = at_random(rng, 300.0, 10.0), blinks(rng, 300.0)
    plain = measure_coupling(jerks, events, [(0.0, 300.0)], shuffles=1_000_000)  # takes seconds if it does not
    assert plain.p > ALPHA
    locked = measure_coupling(events, events, [(0.0, 300.0)], shuffles=2 * ENOUGH)
    assert locked.p == pytest.approx(1.0 / (2 * ENOUGH + 1))


def test_a_look_goes_through_no_twitch_one_by_one() -> None:
    def looked(seconds: int) -> None:
        rng = np.random.default_rng(0)
        jerks, events = at_random(rng, seconds, 10.0), blinks(rng, seconds)
        measure_coupling(np.concatenate([jerks, events]), events, [(0.0, seconds)], shuffles=ENOUGH)

    looked(30)
    assert calls_of(lambda: looked(1200)) < 2 * calls_of(lambda: looked(300))


def test_those_near_an_event_are_named_in_their_own_order() -> None:
    near = near_events([30.0, 10.0, 20.0, 9.8], [10.1, 29.9])
    assert near.tolist() == [True, True, False, False]
    assert near_events([1.0], []).tolist() == [False]
    assert near_events([], [1.0]).tolist() == []


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_times_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        measure_coupling([wrong], [1.0], [(0.0, 9.0)])
    with pytest.raises(ValueError, match="finite"):
        measure_coupling([1.0], [1.0], [(0.0, wrong)])
    with pytest.raises(ValueError, match="shuffle"):
        measure_coupling([1.0], [1.0], [(0.0, 9.0)], shuffles=0)
