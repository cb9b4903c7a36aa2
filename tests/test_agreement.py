"""Felt against found: who is matched with whom, what is left over, and how much of it chance would give."""

from __future__ import annotations

import itertools
import json
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cli
from detector.agreement import AFTER_S, BEFORE_S, Agreement, Span, compare, pool, share
from detector.record.log import EpisodeLog
from tests.growth import assert_in_proportion
from tests.test_log import episode, session


def spans(*edges: tuple[float, float]) -> list[Span]:
    return [Span(f"e{k}", start, end) for k, (start, end) in enumerate(edges, start=1)]


def pairs(agreement: Agreement) -> list[tuple[float, str]]:
    return [(hit.marker_s, hit.found.id) for hit in agreement.hits]


def test_a_marker_meets_what_was_found_in_the_seconds_before_it() -> None:
    result = compare([10.0, 50.0], spans((9.2, 9.5), (30.0, 30.2)))
    assert pairs(result) == [(10.0, "e1")]
    assert result.hits[0].lag_s == pytest.approx(0.8)
    assert [miss.marker_s for miss in result.missed] == [50.0]
    assert [span.id for span in result.unfelt] == ["e2"]
    assert (result.again, result.beside, result.chance_hits) == ((), (), None)
    assert (result.markers, result.found) == (2, 2)


@pytest.mark.parametrize(
    ("edges", "met"),
    [
        ((10.0 - BEFORE_S - 0.2, 10.0 - BEFORE_S), True),  # ended just in reach
        ((10.0 - BEFORE_S - 0.2, 10.0 - BEFORE_S - 0.01), False),
        ((10.0 + AFTER_S, 10.5), True),
        ((10.0 + AFTER_S + 0.01, 10.5), False),
        ((2.0, 14.0), True),  # pressed in the middle of a long train
        ((2.0, 8.0), True),
    ],
)
def test_the_reach_of_a_marker(edges: tuple[float, float], met: bool) -> None:
    result = compare([10.0], spans(edges))
    assert (len(result.hits), len(result.missed), len(result.unfelt)) == ((1, 0, 0) if met else (0, 1, 1))


def test_the_nearest_is_taken_and_one_before_the_key_rather_than_one_after_it() -> None:
    near = compare([10.0], spans((7.5, 7.7), (9.3, 9.5)))
    assert pairs(near) == [(10.0, "e2")] and [span.id for span in near.beside] == ["e1"]
    after = compare([10.0], spans((8.0, 8.2), (10.1, 10.3)))
    assert pairs(after) == [(10.0, "e1")]


def test_as_many_pairs_as_there_can_be_even_where_the_nearest_is_another() -> None:
    # e2 is nearest to both, and the only one in reach of the second
    result = compare([8.0, 10.0], spans((5.2, 5.4), (7.3, 7.5)))
    assert pairs(result) == [(8.0, "e1"), (10.0, "e2")]


def test_pressing_twice_is_neither_a_second_hit_nor_a_miss() -> None:
    result = compare([10.0, 10.4, 11.0], spans((9.5, 9.7)))
    assert pairs(result) == [(10.0, "e1")]
    assert result.again == (10.4, 11.0) and result.missed == ()
    assert result.felt_found is not None and (result.felt_found.part, result.felt_found.whole) == (1, 1)


def test_nothing_felt_or_nothing_found() -> None:
    assert compare([], spans((1.0, 2.0)), session=(0.0, 10.0)).chance_hits == 0.0
    nothing = compare([], [])
    assert (nothing.felt_found, nothing.found_felt, nothing.lag) == (None, None, None)
    alone = compare([3.0], [], session=(0.0, 10.0))
    assert alone.felt_found is not None and alone.felt_found.value == 0.0 and alone.chance_hits == 0.0


def test_whether_it_was_watched_when_it_was_felt() -> None:
    gaps = [(20.0, 40.0)]
    result = compare([10.0, 21.0, 30.0], [], gaps=gaps)
    assert [miss.watched for miss in result.missed] == ["unknown", "partly", "no"]
    assert result.felt_found is not None and result.felt_found.whole == 2, "what nobody could have seen is no miss"
    known = compare([10.0, 21.0, 30.0, 60.0], [], gaps=gaps, observed=[(0.0, 8.0), (8.0, 35.0)])
    assert [miss.watched for miss in known.missed] == ["yes", "partly", "no", "no"]


def test_shares_have_exact_intervals() -> None:
    # Clopper and Pearson for 8 of 10, from their tables
    known = share(8, 10)
    assert known is not None and (known.value, known.low, known.high) == pytest.approx((0.8, 0.4439, 0.9748), abs=1e-4)
    everything = share(3, 3)
    assert everything is not None and everything.high == 1.0 and everything.low == pytest.approx(0.025 ** (1 / 3))
    assert share(0, 0) is None


def test_the_hits_of_chance_are_those_of_random_markers() -> None:
    """A person who presses the key without feeling anything must not look as if they had felt something."""
    rng = random.Random(5)
    starts = sorted(rng.uniform(0.0, 3590.0) for _ in range(150))
    found = [Span(f"e{k}", start, start + rng.uniform(0.2, 6.0)) for k, start in enumerate(starts)]
    gaps = [(600.0, 900.0)]
    found = [span for span in found if not (span.end_s > 600.0 and span.start_s < 900.0)]
    watched = [t for t in (rng.uniform(0.0, 3600.0) for _ in range(6000)) if not 600.0 <= t < 900.0]
    hits = 0
    rounds = [watched[k : k + 20] for k in range(0, len(watched) - 20, 20)]
    expected = []
    for markers in rounds:
        result = compare(markers, found, gaps=gaps, session=(0.0, 3600.0))
        hits += len(result.hits) + len(result.again)
        assert result.chance_hits is not None
        expected.append(result.chance_hits)
    assert min(expected) == pytest.approx(max(expected), rel=0.01)
    assert hits / len(rounds) == pytest.approx(expected[0], rel=0.06)
    simple = 20 * len(found) / 3300.0 * (BEFORE_S + AFTER_S)
    assert expected[0] > simple, "long ones are met more easily than rate times reach says"


def test_chance_for_short_ones_that_lie_apart_is_rate_times_reach() -> None:
    found = [Span(str(k), 100.0 * k + 50.0, 100.0 * k + 50.0) for k in range(10)]
    result = compare([1.0, 2.0, 3.0, 4.0], found, session=(0.0, 1000.0))
    assert result.chance_hits == pytest.approx(4 * (10 / 1000.0) * (BEFORE_S + AFTER_S))


def test_a_session_cut_short_is_as_long_as_what_is_in_it() -> None:
    result = compare([90.0], spans((100.0, 101.0)), session=(0.0, 0.0))
    assert result.chance_hits == pytest.approx((1.0 + AFTER_S) / 101.0)


def test_sessions_together() -> None:
    one = compare([10.0], spans((9.0, 9.2)), session=(0.0, 100.0))
    two = compare([10.0, 20.0], spans((8.0, 8.2)), session=(0.0, 100.0))
    both = pool([one, two])
    assert (both.markers, both.found, len(both.hits), len(both.missed)) == (3, 2, 2, 1)
    assert both.lag is not None and (both.lag.median_s, both.lag.low_s, both.lag.high_s) == (1.5, 1.0, 2.0)
    assert one.chance_hits is not None and two.chance_hits is not None
    assert both.chance_hits == pytest.approx(one.chance_hits + two.chance_hits)
    assert pool([one, compare([1.0], [])]).chance_hits is None


seconds = st.floats(0.0, 25.0).map(lambda value: round(value, 2))


@given(
    st.lists(seconds, max_size=5, unique=True),
    st.lists(st.tuples(seconds, st.sampled_from([0.1, 0.5, 4.0])), max_size=5, unique=True),
)
def test_matching_is_what_trying_everything_gives(markers: list[float], found: list[tuple[float, float]]) -> None:
    all_spans = spans(*((start, start + length) for start, length in found))
    result = compare(markers, all_spans)

    def fits(marker: float, span: Span) -> bool:
        return span.end_s >= marker - BEFORE_S - 1e-6 and span.start_s <= marker + AFTER_S + 1e-6

    most = 0
    choices = [*all_spans, *[None] * len(markers)]
    for order in set(itertools.permutations(choices, len(markers))):
        chosen = list(zip(markers, order, strict=True))
        if all(span is None or fits(marker, span) for marker, span in chosen):
            most = max(most, sum(span is not None for _, span in chosen))
    assert len(result.hits) == most
    assert all(fits(hit.marker_s, hit.found) for hit in result.hits)
    assert len({hit.marker_s for hit in result.hits}) == len({hit.found.id for hit in result.hits}) == most
    told = [*(hit.marker_s for hit in result.hits), *(miss.marker_s for miss in result.missed), *result.again]
    assert sorted(told) == sorted(markers), "every marker is in one place"
    listed = [*(hit.found.id for hit in result.hits), *(span.id for span in (*result.unfelt, *result.beside))]
    assert sorted(listed) == sorted(span.id for span in all_spans)
    assert not any(fits(miss.marker_s, span) for miss in result.missed for span in all_spans)


def test_a_long_day_takes_as_much_longer_as_it_is_longer() -> None:
    def compared(count: int) -> None:
        markers = [7.0 * k for k in range(count)]
        found = [Span(str(k), 5.0 * k, 5.0 * k + 0.5) for k in range(7 * count // 5)]
        result = compare(markers, found, session=(0.0, 7.0 * count))
        assert result.markers == count and result.found == 7 * count // 5

    assert_in_proportion(compared, 4000)


# nasalis log --markers


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log.sqlite"
    monkeypatch.setenv("NASALIS_LOG", str(path))
    with EpisodeLog(path) as log:
        for name, day, times in (("cam1", 1, (2.9, 30.0, 45.0)), ("cam2", 2, (6.0,)), ("cam3", 3, ())):
            one = session(name, sha256="", source="camera 0", start_utc=f"2026-03-0{day}T08:00:00Z")
            run = log.begin(one)
            log.add_episode(run, episode(1, 2.0))
            log.add_episode(run, episode(2, 20.0))
            for t_s in times:
                log.add_marker(run, t_s)
            log.add_marker(run, 21.0)
            log.undo_marker(run)
            if name == "cam1":
                log.add_gap(run, 40.0, 50.0, "camera unplugged")
            log.finish(run, one)
    return path


def listed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["nasalis", "log", *more])
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    ran = capfd.readouterr()
    return code, ran.out, ran.err


def test_log_markers_tells_hits_misses_lag_and_chance(
    book: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = listed(monkeypatch, capfd, "--markers")
    assert code == 0 and str(book) in err
    assert "cam1, camera 0, 2026-03-01 08:00" in out and "cam3" not in out
    assert "felt, found      e0001     0.90" in out
    assert "3 felt, 2 found, 1 of them the same. The key came 0.90 s after the start." in out
    assert "Of what was felt, found: 1 of 2, 50 % (95 % interval 1 to 99 %)." in out
    assert "Of what was found, felt: 1 of 2, 50 %" in out
    assert "no pictures then: not counted" in out and "0:40.00 to 0:50.00 (camera unplugged)" in out
    assert "1 felt while there were no pictures" in out
    assert "By chance alone 15 % of such markers" in out  # 3 x 2 x (0.4 + 3.3) / 50 s
    assert "All 2 sessions" in out and "4 felt, 4 found, 1 of them the same." in out
    assert "1 session has no marker and is left out." in out


def test_log_markers_as_json_of_one_session(
    book: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = listed(monkeypatch, capfd, "--markers", "--json", "--session", "cam1")
    document = json.loads(out)
    (one,) = document["sessions"]
    assert code == 0 and one["session_id"] == "cam1"
    assert one["hits"] == [{"marker_s": 2.9, "episode_id": "cam1-e0001", "lag_s": pytest.approx(0.9)}]
    assert one["felt_not_found"] == [{"marker_s": 30.0, "watched": "unknown"}, {"marker_s": 45.0, "watched": "no"}]
    assert one["found_not_felt"] == ["cam1-e0002"]
    assert one["share_of_felt_found"]["value"] == 0.5 and one["gaps"][0]["reason"] == "camera unplugged"
    assert one["expected_by_chance"] == pytest.approx(3 * 2 * 3.7 / 50.0)
    assert document["together"]["both"] == 1 and document["reach_s"] == {"before": 3.0, "after": 0.3}


def test_log_markers_of_a_part(book: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    late = ["--markers", "--json", "--since", "2026-03-01T08:00:10Z", "--until", "2026-03-01T08:00:40Z"]
    (one,) = json.loads(listed(monkeypatch, capfd, *late)[1])["sessions"]
    assert (one["felt"], one["found"], one["both"]) == (1, 1, 0)
    assert one["expected_by_chance"] == pytest.approx(3.7 / 30.0), "of the part, not of the whole session"
    empty = listed(monkeypatch, capfd, "--markers", "--session", "cam3")[1]
    assert "Nothing was marked as felt here" in empty
    assert json.loads(listed(monkeypatch, capfd, "--markers", "--json", "--session", "cam3")[1])["together"] is None
    code, out, err = listed(monkeypatch, capfd, "--markers", "--episodes")
    assert code == 2 and out == "" and "give one of them" in err
