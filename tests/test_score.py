"""Found against truth, with values worked out by hand."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from detector.record.entries import logged_episodes, logged_twitches
from detector.record.export import write_episodes_csv, write_twitches_csv
from detector.score import (
    FoundEvent,
    TruthEvent,
    _nearest_pairs,
    detection_limit,
    read_found,
    read_observed_s,
    read_truth,
    score_events,
)
from detector.score_result import F1, Bin, CountError, Spread
from tests.test_log import episode, session, twitch

HEADER = "event,kind,muscle,side,onset_s,offset_s,twitches,amplitude_mm,px_per_mm\n"


def true(onset_s: float, offset_s: float | None = None, **changes: object) -> TruthEvent:
    fields: dict[str, object] = {
        "event": "1", "kind": "fasciculation_like", "muscle": "nasalis_alar", "side": "left", "onset_s": onset_s,
        "offset_s": onset_s + 0.2 if offset_s is None else offset_s, "twitches": 1, "amplitude_mm": 1.0,
        "px_per_mm": 2.0,
    }  # fmt: skip
    return TruthEvent(**(fields | changes))  # type: ignore[arg-type]


def seen(start_s: float, end_s: float | None = None, **changes: object) -> FoundEvent:
    fields: dict[str, object] = {
        "name": "aa-e0001", "kind": "fasciculation_like", "side": "left", "start_s": start_s,
        "end_s": start_s + 0.2 if end_s is None else end_s, "twitch_count": 1, "peak_mm": 1.0, "claimed": True,
        "single": False,
    }  # fmt: skip
    return FoundEvent(**(fields | changes))  # type: ignore[arg-type]


def test_perfect() -> None:
    truth = [true(1.0), true(3.0, 4.0, side="right", twitches=4), true(6.0, side="midline")]
    found = [seen(1.0), seen(3.0, 4.0, side="right", twitch_count=4), seen(6.0, side="midline")]
    scores = score_events(found, truth, observed_s=30.0)
    one = F1(3, 1.0, 1.0, 1.0)
    assert scores.onset == {"50 ms": one, "100 ms": one, "200 ms": one}
    assert scores.overlap == one
    assert (scores.detected, scores.recall, scores.extra) == (3, 1.0, 0)
    assert (scores.false_alarms, scores.false_alarms_per_min, scores.false_alarms_per_hour) == (0, 0.0, 0.0)
    assert (scores.side_correct, scores.side_judged, scores.side_accuracy) == (2, 2, 1.0)  # midline is not one-sided
    assert scores.onset_error_ms == Spread(0.0, 0.0, 0.0, 3)
    assert scores.amplitude_gain == Spread(1.0, 1.0, 1.0, 3)
    assert scores.count_error == CountError(0.0, 0.0, 3, 3)
    assert scores.confusion == {"fasciculation_like": {"fasciculation_like": 3}}
    assert scores.notes == ()


def test_shifted_by_80_ms() -> None:
    truth = [true(1.0), true(3.0), true(5.0)]
    scores = score_events([seen(1.08), seen(3.08), seen(4.92)], truth, observed_s=60.0)
    assert scores.onset["50 ms"] == F1(0, 0.0, 0.0, 0.0)
    assert scores.onset["100 ms"] == F1(3, 1.0, 1.0, 1.0)
    # IoU of [0, 0.2) and [0.08, 0.28): 0.12 / 0.28 = 0.43
    assert scores.overlap.matched == 0
    assert scores.recall == 1.0
    assert scores.onset_error_ms is not None
    assert scores.onset_error_ms.median == pytest.approx(80.0)
    assert scores.onset_error_ms.lower == pytest.approx(0.0)  # of -80, 80, 80: halfway from the first to the second
    assert scores.onset_error_ms.upper == pytest.approx(80.0)


def test_collars_and_iou_include_their_limit() -> None:
    truth = [true(1.0, 1.2), true(3.1, 3.3)]
    scores = score_events([seen(1.05), seen(3.2)], truth)
    assert scores.onset["50 ms"].matched == 1  # 1.05 - 1.0 is over 0.05 in binary
    assert scores.onset["100 ms"].matched == 2
    assert score_events([seen(2.0, 2.5)], [true(2.0, 3.0)]).overlap.matched == 1  # exactly 0.5
    assert score_events([seen(2.0, 2.49)], [true(2.0, 3.0)]).overlap.matched == 0


def test_nothing_found_and_nothing_there() -> None:
    silent = score_events([], [true(1.0), true(3.0)], observed_s=10.0)
    assert silent.onset["50 ms"] == F1(0, None, 0.0, 0.0)
    assert (silent.recall, silent.false_alarms, silent.false_alarms_per_min) == (0.0, 0, 0.0)
    assert (silent.onset_error_ms, silent.amplitude_gain, silent.count_error) == (None, None, None)
    assert silent.side_accuracy is None
    assert silent.confusion == {"fasciculation_like": {"not found": 2}}
    quiet = score_events([seen(1.0), seen(4.0)], [], observed_s=40.0)
    assert quiet.onset["50 ms"] == F1(0, 0.0, None, 0.0)
    assert (quiet.recall, quiet.false_alarms, quiet.false_alarms_per_min) == (None, 2, 3.0)
    assert quiet.false_alarms_per_hour == 180.0
    assert quiet.confusion == {"nothing": {"fasciculation_like": 2}}
    both = score_events([], [], observed_s=10.0)
    assert (both.overlap, both.recall) == (F1(0, None, None, None), None)
    assert {name: value for name, value, _ in both.rows()}["recall"] == "-"


def test_matching_is_one_to_one() -> None:
    # a train broken into three is one hit and two extra findings, none of them a false alarm
    broken = score_events([seen(1.0, 1.1), seen(1.4, 1.5), seen(1.8, 1.9)], [true(1.0, 1.9, twitches=3)])
    assert (broken.detected, broken.extra, broken.false_alarms) == (1, 2, 0)
    assert broken.onset["50 ms"] == F1(1, 1 / 3, 1.0, 0.5)
    assert broken.confusion == {"fasciculation_like": {"fasciculation_like": 1}}
    # two events under one long finding: one hit, one miss
    merged = score_events([seen(1.0, 2.0)], [true(1.0), true(1.8)])
    assert (merged.detected, merged.recall, merged.extra) == (1, 0.5, 0)
    # both findings touch the first event, only one the second: greedy in line order would lose one
    chain = score_events([seen(1.25, 1.6), seen(1.0, 1.1)], [true(1.0), true(1.55)])
    assert (chain.detected, chain.extra) == (2, 0)


def test_pairs_are_the_nearest_of_the_largest_matchings() -> None:
    # the only finding touches both events and starts 50 ms after the second
    truth = [true(1.0, side="right"), true(1.3, side="left")]
    scores = score_events([seen(1.35, side="left")], truth)
    assert scores.onset_error_ms == Spread(pytest.approx(50.0), pytest.approx(50.0), pytest.approx(50.0), 1)
    assert (scores.side_correct, scores.side_judged) == (1, 1)


def test_as_many_pairs_as_the_event_matcher_finds() -> None:
    from mir_eval.util import match_events

    dice = random.Random(7)
    for _ in range(60):
        truth = [true(dice.uniform(0, 4)) for _ in range(dice.randrange(12))]
        found = [seen(dice.uniform(0, 4)) for _ in range(dice.randrange(12))]
        gap = np.array([[abs(f.start_s - t.onset_s) for f in found] for t in truth]).reshape(len(truth), len(found))
        allowed = gap <= 0.3
        pairs = _nearest_pairs(truth, found, allowed)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
        assert all(allowed[i, j] for i, j in pairs)
        matcher = match_events(np.arange(len(truth)), np.arange(len(found)), 0.3, distance=lambda _, __, gap=gap: gap)
        assert len(pairs) == len(matcher)
        # and no nearer one among the matchings of that size that the matcher happens to give
        assert sum(gap[i, j] for i, j in pairs) <= sum(gap[i, j] for i, j in matcher) + 1e-9


def test_the_widening_is_200_ms_and_half_open() -> None:
    event = true(1.0, 1.2)
    for start, end, found in (
        (1.4, 1.5, False),  # begins where the widened event ends
        (1.399, 1.5, True),
        (0.5, 0.8, False),
        (0.5, 0.801, True),
        (1.1, 1.1, True),  # no length, but inside
    ):
        scores = score_events([seen(start, end)], [event])
        assert (scores.detected == 1, scores.false_alarms == 0) == (found, found), (start, end)


def test_distractors_are_not_to_be_found() -> None:
    truth = [
        true(1.0),
        true(5.0, 5.3, kind="blink", side="both"),
        true(8.0, kind="blink"),
        true(9.0, 9.9, kind="speech"),
    ]
    found = [
        seen(1.0),
        seen(5.1, kind="tic_like"),  # over a blink: a false alarm
        seen(9.1),  # over speech
        seen(20.0),  # over nothing
        seen(8.0, kind="blink", claimed=False),  # named as what it is: neither hit nor false alarm
    ]
    scores = score_events(found, truth, observed_s=60.0)
    assert (scores.events, scores.found, scores.set_aside, scores.recall) == (1, 4, 1, 1.0)
    assert scores.distractors == {"blink": 2, "speech": 1}
    assert (scores.false_alarms, scores.false_alarms_per_min) == (3, 3.0)
    assert scores.false_alarms_over == {"blink": 1, "nothing": 1, "speech": 1}
    assert scores.onset["50 ms"] == F1(1, 0.25, 1.0, 0.4)
    assert scores.confusion == {
        "blink": {"blink": 1, "tic_like": 1},
        "fasciculation_like": {"fasciculation_like": 1},
        "nothing": {"fasciculation_like": 1},
        "speech": {"fasciculation_like": 1},
    }


def test_a_finding_over_a_twitch_and_a_blink_is_no_false_alarm() -> None:
    scores = score_events([seen(1.0)], [true(1.0), true(1.1, kind="blink")])
    assert (scores.detected, scores.false_alarms) == (1, 0)
    assert scores.confusion["blink"] == {"not found": 1}


def test_a_twitch_taken_for_a_blink_is_missed() -> None:
    scores = score_events([seen(1.0, kind="blink", claimed=False)], [true(1.0, kind="tic_like")])
    assert (scores.detected, scores.false_alarms) == (0, 0)
    assert scores.confusion == {"tic_like": {"blink": 1}}


def test_side_amplitude_and_count() -> None:
    truth = [
        true(1.0, side="left", amplitude_mm=1.0, twitches=3),
        true(3.0, side="right", amplitude_mm=2.0, twitches=5),
        true(5.0, side="right", amplitude_mm=None, twitches=None),
        true(7.0, side="both", amplitude_mm=4.0, twitches=1),
        true(9.0, side="left", amplitude_mm=4.0, twitches=1),  # missed: judged nowhere
    ]
    found = [
        seen(1.0, side="left", peak_mm=0.8, twitch_count=3),
        seen(3.0, side="both", peak_mm=1.0, twitch_count=3),  # both is wrong for a one-sided event
        seen(5.0, side="right"),
        seen(7.0, side="left", peak_mm=2.8, twitch_count=2),
    ]
    scores = score_events(found, truth)
    assert (scores.side_correct, scores.side_judged) == (2, 3)
    assert scores.side_accuracy == pytest.approx(2 / 3)
    assert scores.amplitude_gain is not None  # of 0.8, 0.5, 0.7
    assert (scores.amplitude_gain.median, scores.amplitude_gain.count) == (pytest.approx(0.7), 3)
    assert scores.amplitude_gain.lower == pytest.approx(0.6)
    assert scores.count_error == CountError(pytest.approx(-1 / 3), 1.0, 1, 3)  # of 0, -2, +1


def test_recall_by_size_in_px() -> None:
    sizes = [0.3, 0.4, 0.5, 0.8, 1.6, 2.0, None]  # mm at 2 px/mm: 0.6, 0.8, 1.0, 1.6, 3.2, 4.0 px
    truth = [true(2.0 * i, amplitude_mm=size) for i, size in enumerate(sizes)]
    found = [seen(2.0 * i) for i in (1, 3, 4, 5, 6)]
    scores = score_events(found, truth)
    assert scores.recall_by_px == (
        Bin("under 0.8 px", 0, 1), Bin("0.8 to 1.6 px", 1, 2), Bin("1.6 to 3 px", 1, 1), Bin("3 px and over", 2, 2),
    )  # fmt: skip


def test_detection_limit_needs_enough_to_go_by() -> None:
    steep = [0.5] * 8 + [1.0] * 8 + [2.0] * 8
    hits = [False] * 8 + [True, False] * 4 + [True] * 8
    limit = detection_limit(steep, hits)
    assert limit.d50 == pytest.approx(1.0, rel=1e-3)  # by symmetry
    assert limit.d90 is not None and 1.0 < limit.d90 < 2.0
    assert limit.note == ""
    assert detection_limit(steep[:19], hits[:19]).note == "needs 20 events of 3 sizes"
    assert detection_limit([*steep[:16], *[None] * 8], hits).d50 is None
    assert detection_limit([1.0] * 12 + [2.0] * 12, hits).note == "needs 20 events of 3 sizes"
    assert detection_limit(steep, [True] * 20 + [False] * 4).note == "needs 5 events found and 5 missed"
    assert detection_limit(steep, [not hit for hit in hits]).note == "larger events were not found more often"
    assert detection_limit([], []).d50 is None


def test_detection_limit_recovers_a_known_curve() -> None:
    # found with probability 1 / (1 + exp(-4 ln(size / 1.5))): half at 1.5, nine in ten at 1.5 * 9^(1/4) = 2.598
    sizes, hits = [], []
    for size in np.geomspace(0.5, 4.5, 25):
        chance = 1.0 / (1.0 + np.exp(-4.0 * np.log(size / 1.5)))
        for k in range(200):
            sizes.append(float(size))
            hits.append(bool((k + 0.5) / 200 < chance))
    limit = detection_limit(sizes, hits)
    assert limit.d50 == pytest.approx(1.5, rel=0.01)
    assert limit.d90 == pytest.approx(2.598, rel=0.01)


def test_detection_limit_says_nothing_outside_the_sizes_tried() -> None:
    sizes = [0.5] * 10 + [1.0] * 10 + [2.0] * 10
    hits = [True] * 2 + [False] * 8 + [True] * 5 + [False] * 5 + [True] * 8 + [False] * 2
    limit = detection_limit(sizes, hits)
    assert limit.d50 == pytest.approx(1.0, rel=1e-3)
    assert (limit.d90, limit.note) == (None, "outside the sizes tried")
    # perfectly separated: no finite best fit, but the limit lies between the last missed and the first found
    apart = detection_limit([0.5] * 10 + [1.0] * 10 + [2.0] * 10, [False] * 20 + [True] * 10)
    assert apart.d50 is not None and 1.0 < apart.d50 < 2.0


def test_table_and_dict() -> None:
    scores = score_events([seen(1.08), seen(7.0)], [true(1.0), true(5.0), true(9.0, kind="sniff")])
    rows = {name: (value, note) for name, value, note in scores.rows()}
    assert rows["recall"] == ("1 of 2 (50 %)", "a finding overlaps the event widened by 0.2 s")
    assert rows["F1, onset within 100 ms"] == ("0.50", "precision 0.50, recall 0.50")
    assert rows["false alarms"] == ("1", "1 over nothing")
    assert rows["false alarms per hour"] == ("-", "observed time unknown")
    assert rows["onset error"][0] == "80 ms (80 to 80)"
    assert rows["events to find"] == ("2", "not to be found: 1 sniff")
    assert rows["size found half the time (px)"] == ("-", "needs 20 events of 3 sizes")
    assert rows["fasciculation_like not found"] == ("1", "")
    assert rows["nothing called fasciculation_like"] == ("1", "")
    assert all(isinstance(cell, str) for row in scores.rows() for cell in row)
    plain = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert plain["onset"]["100 ms"] == {"matched": 1, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert plain["false_alarms_per_hour"] is None


# files


def test_from_the_files_of_the_program(tmp_path: Path) -> None:
    path, truth = tmp_path / "episodes.csv", tmp_path / "truth.csv"
    episodes = [episode(1, 2.0, side="left"), episode(2, 8.0, kind="blink", side="both")]
    write_episodes_csv(path, logged_episodes(session(), episodes, include_rejected=True), [session()])
    truth.write_text(
        HEADER + "1,fasciculation_like,nasalis_alar,left,1.98,2.41,2,1.0,2.1\n\n2,blink,,both,8.0,8.2,,,\n",
        encoding="utf-8",
    )
    found = read_found(path)
    assert [(event.start_s, event.kind, event.claimed) for event in found] == [
        (2.0, "fasciculation_like", True), (8.0, "blink", False),
    ]  # fmt: skip
    scores = score_events(found, read_truth(truth), read_observed_s(path))
    assert (scores.recall, scores.false_alarms, scores.side_correct, scores.observed_s) == (1.0, 0, 1, 51.25)
    assert scores.onset_error_ms is not None and scores.onset_error_ms.median == pytest.approx(20.0)
    assert scores.amplitude_gain is not None and scores.amplitude_gain.median == pytest.approx(0.8)
    assert scores.count_error == CountError(0.0, 0.0, 1, 1)


def test_single_twitches_against_a_train(tmp_path: Path) -> None:
    path = tmp_path / "twitches.csv"
    rejected = twitch(9.0, kept=False, reason="noise")
    rows = logged_twitches(session(), [rejected], [episode(1, 2.0)], include_rejected=True)
    write_twitches_csv(path, rows, [session()])
    scores = score_events(read_found(path), [true(2.0, 2.4, twitches=3)], read_observed_s(path))
    assert (scores.found, scores.set_aside, scores.detected, scores.extra, scores.false_alarms) == (2, 1, 1, 1, 0)
    assert scores.count_error == CountError(-1.0, 1.0, 0, 1)  # two of three
    assert scores.confusion == {}
    assert scores.notes[0].startswith("single twitches")


def test_observed_time_is_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "episodes.csv"
    assert read_observed_s(path) is None
    for text in ("no json", "[]", '{"sessions": 3}', '{"sessions": [{}]}', '{"sessions": [{"observed_s": null}]}'):
        (tmp_path / "episodes.json").write_text(text)
        assert read_observed_s(path) is None, text
    write_episodes_csv(path, [], [session(), session("bb22")])
    assert read_observed_s(path) is None
    write_episodes_csv(path, [], [session()])
    assert read_observed_s(path) == 51.25
    unknown = score_events([seen(1.0)], [], None)
    assert (unknown.false_alarms_per_min, unknown.false_alarms_per_hour) == (None, None)
    assert unknown.notes == ("no observed time: keep the .json beside the .csv, or give the observed seconds",)
    assert score_events([], [], 0.0).false_alarms_per_min is None


def test_a_truth_file_with_a_byte_order_mark_and_columns_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(
        "\ufeffonset_s,offset_s,event,kind,muscle,side,twitches,amplitude_mm,px_per_mm,remark\n"
        '3.0,3.5,b,tic_like,procerus,midline,2,,,"a, b"\n1.0,1.2,a,,,,,1.5,2,\n',
        encoding="utf-8",
    )
    first, second = read_truth(path)
    assert (first.event, first.onset_s, first.side, first.twitches, first.amplitude_px) == ("a", 1.0, "", None, 3.0)
    assert (second.event, second.kind, second.twitches, second.amplitude_px) == ("b", "tic_like", 2, None)
    path.write_text(HEADER + "1,blink,,both,1.0,1.2,0,0.000,2.1\n")
    (blink,) = read_truth(path)
    assert (blink.distractor, blink.twitches, blink.amplitude_mm, blink.amplitude_px) == (True, 0, None, None)
    path.write_text(HEADER)
    assert read_truth(path) == []


@pytest.mark.parametrize(
    ("row", "line", "message"),
    [
        ("1,x,m,left,soon,2.0,1,1,1", 2, "column onset_s: 'soon' is not a number"),
        ("1,x,m,left,,2.0,1,1,1", 2, "column onset_s: '' is not a time"),
        ("1,x,m,left,-1,2.0,1,1,1", 2, "column onset_s: '-1' is not a time in seconds from 0 on"),
        ("1,x,m,left,nan,2.0,1,1,1", 2, "column onset_s: 'nan' is not a finite number"),
        ("1,x,m,left,2.0,2.0,1,1,1", 2, "column offset_s: '2.0' is not after onset_s"),
        ("1,x,m,Left,1.0,2.0,1,1,1", 2, "column side: 'Left' is not left, right, both or midline"),
        ("1,x,m,left,1.0,2.0,1.5,1,1", 2, "column twitches: '1.5' is not a whole number"),
        ("1,x,m,left,1.0,2.0,1,-2,1", 2, "column amplitude_mm: '-2' is not a size"),
        ("1,x,m,left,1,0,2,0,1,1,1", 2, "11 cells under 9 columns, write numbers with a dot"),
        ("1,x,m,left,1.0,2.0,1,1", 2, "8 cells under 9 columns"),
        ("1,x,m,left,1.0,2.0,1,1,1\n\n1,x,m,left,1.0,2.0,1,1,big", 4, "column px_per_mm: 'big' is not a number"),
    ],
)  # fmt: skip
def test_malformed_truth_is_named_by_line_and_column(tmp_path: Path, row: str, line: int, message: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(HEADER + row + "\n")
    with pytest.raises(UsageError) as caught:
        read_truth(path)
    assert f"truth.csv, line {line}" in str(caught.value)
    assert message in str(caught.value)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    truth, found = tmp_path / "truth.csv", tmp_path / "episodes.csv"
    truth.write_text(HEADER)
    write_episodes_csv(found, [], [session()])
    with pytest.raises(UsageError, match=r"needs the columns event, muscle, onset_s.* second of the two"):
        read_truth(found)
    with pytest.raises(UsageError, match=r"not the columns of .* name what was found first"):
        read_found(truth)
    with pytest.raises(UsageError, match=r"absent\.csv cannot be read .* check its name"):
        read_truth(tmp_path / "absent.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_found(tmp_path)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UsageError, match="is empty"):
        read_truth(tmp_path / "empty.csv")
    (tmp_path / "clip.mp4").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(UsageError, match="not a CSV file in UTF-8"):
        read_found(tmp_path / "clip.mp4")


def test_found_files_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("start_s,end_s\n1.0,1.5\n0.5,0.5\n")  # another program's: the rest is unknown
    assert [(event.start_s, event.side, event.twitch_count, event.claimed) for event in read_found(path)] == [
        (0.5, "", None, True), (1.0, "", None, True),
    ]  # fmt: skip
    path.write_text("start_s,end_s\n1.0,0.5\n")
    with pytest.raises(UsageError, match=r"line 2, column end_s: '0.5' is not at or after start_s"):
        read_found(path)
    path.write_text("onset_s,offset_s,kept\n1.0,1.5,maybe\n")
    with pytest.raises(UsageError, match="column kept: 'maybe' is not true or false"):
        read_found(path)
    two = [*logged_episodes(session("aa"), [episode(1, 1.0)]), *logged_episodes(session("bb"), [episode(1, 1.0)])]
    write_episodes_csv(path, two, [session("aa"), session("bb")])
    with pytest.raises(UsageError, match="holds findings of 2 sessions"):
        read_found(path)


def test_importing_costs_nothing_heavy() -> None:
    code = (
        "import sys, detector.score, detector.record.log, detector.record.export; "
        "print(sorted({'scipy', 'mir_eval', 'cv2', 'mediapipe', 'numba', 'matplotlib'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
