"""Marks of other programs: what they mean is read, and what cannot be right is told with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.record.mark_words import meaning_of, seconds_of, unit_of
from detector.record.marks import POINT_S, read_marks
from detector.score_files import TRUTH_COLUMNS


def written(folder: Path, text: str, name: str = "marks.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


# words


@pytest.mark.parametrize(
    ("text", "unit_s", "value"),
    [
        ("12.5", 1.0, 12.5), ("12,5 s", 1.0, 12.5), ("12500", 1e-3, 12.5), ("12500 ms", 1.0, 12.5),
        ("12 s", 1e-3, 12.0),
        ("0:12.5", 1.0, 12.5), ("00:01:02.250", 1.0, 62.25), ("1:00:00,5", 1.0, 3600.5), ("90:00", 1.0, 5400.0),
        ("1.5 min", 1.0, 90.0), ("1e3", 1.0, 1000.0),
    ],
)  # fmt: skip
def test_times_in_every_unit(text: str, unit_s: float, value: float) -> None:
    assert seconds_of(text, unit_s) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "12:75", "1:61:00", "5 h", "1.2.3", "inf", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(text)


@pytest.mark.parametrize(
    ("column", "bare", "unit_s"),
    [
        ("onset", "onset", 1.0), ("Onset_ms", "onset", 1e-3), ("End (s)", "end", 1.0),
        ("Begin Time - ms", "begintime", 1e-3),
        ("Begin Time - hh:mm:ss.ms", "begintime", 1.0), ("trial_type", "trialtype", 1.0), ("twitches", "twitches", 1.0),
        ("px_per_mm", "pxpermm", 1.0),
    ],
)  # fmt: skip
def test_columns_with_their_units(column: str, bare: str, unit_s: float) -> None:
    assert unit_of(column) == (bare, unit_s)


def test_labels_in_words_of_ours() -> None:
    assert meaning_of("Twitch (left)") == ("", "left")
    assert meaning_of("hemifacial spasm, R") == ("hemifacial_spasm_like", "right")
    assert meaning_of("tic_like") == ("tic_like", "") and meaning_of("eyeblink") == ("blink", "")
    assert meaning_of("rest") is None and meaning_of("twitch?no") is None


# tables


def test_a_table_with_its_own_names_units_and_commas(tmp_path: Path) -> None:
    path = written(tmp_path, "Start [ms];Dauer;Stop (s);Label;Side\r\n2500;x;2,9;tic;\r\n1000;x;1,25;Twitch;left\r\n")
    one, two = read_marks(path)
    assert (one.start_s, one.end_s, one.kind, one.side, one.label) == (1.0, 1.25, "", "left", "Twitch")
    assert (two.start_s, two.end_s, two.kind, two.side) == (2.5, 2.9, "tic_like", "")


def test_bids_events_have_durations_and_unknowns(tmp_path: Path) -> None:
    text = "onset\tduration\ttrial_type\tresponse_time\tvalue\n1.2\t0.5\ttwitch\tn/a\t7\n3.4\tn/a\tblink\t0.1\t7\n"
    one, two = read_marks(written(tmp_path, text, "sub-01_events.tsv"))
    assert (one.start_s, one.end_s, one.kind) == (1.2, pytest.approx(1.7), "")
    assert (two.start_s, two.end_s, two.kind) == (3.4, pytest.approx(3.4 + POINT_S), "blink")


def test_a_truth_file_comes_back(tmp_path: Path) -> None:
    row = "1,tic_like,procerus,midline,1.5000,1.9000,3,0.8000,2.1000"
    mark = read_marks(written(tmp_path, ",".join(TRUTH_COLUMNS) + "\r\n" + row + "\r\n"))[0]
    assert (mark.kind, mark.muscle, mark.side, mark.twitches) == ("tic_like", "procerus", "midline", 3)
    assert (mark.amplitude_mm, mark.px_per_mm) == (0.8, 2.1)


def test_a_label_that_means_nothing_is_a_twitch_only_when_told_so(tmp_path: Path) -> None:
    path = written(tmp_path, "onset,offset,label\n1,2,flicker a\n3,4,rest\n5,6,blink\n")
    with pytest.raises(UsageError, match=r"'flicker a' \(1\), 'rest' \(1\).*--label"):
        read_marks(path)
    assert [(m.start_s, m.kind) for m in read_marks(path, labels=["Flicker A"])] == [(1.0, "")]
    assert [m.kind for m in read_marks(path, labels=["*"])] == ["", "", "blink"]
    with pytest.raises(UsageError, match="no mark with --label twitch: its labels are 'blink', 'flicker a', 'rest'"):
        read_marks(path, labels=["twitch"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("onset,offset\n1,2\n3,x\n", "line 3: the offset 'x' is no time"),
        ("onset,offset\n1,2\n\n5,4\n", "line 4: the mark ends at 4 s and begins at 5 s"),
        ("onset,offset\n-1,2\n", "line 2: -1 s is before the recording begins"),
        ("onset,offset\n,2\n", "line 2: the onset is missing"),
        ("onset,offset,side\n1,2,up\n", "line 2: the side 'up' is not left"),
        ("onset,offset,twitches\n1,2,2.5\n", "line 2: twitches '2.5' is not a whole number"),
        ("onset,offset,amplitude_mm\n1,2,big\n", "line 2: amplitude_mm 'big' is not a number"),
        ("onset,offset,amplitude_mm\n1,2,inf\n", "line 2: amplitude_mm 'inf' is not finite"),
        ("onset,offset,twitches\n1,2,inf\n", "line 2: twitches 'inf' is not finite"),
        ('onset,offset,kind\n1,2,"tic' + "x" * 200_000, "line 2: it is no table"),  # a quote never closed
        ("onset,offset\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        ("time,kind\n1,tic\n", "line 1: a table of marks needs a column onset"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_marks(written(tmp_path, text))
    assert said in str(error.value) and "marks.csv" in str(error.value)


def test_no_file_no_text_and_a_tier_without_elan(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_marks(tmp_path / "none.csv")
    (tmp_path / "video.csv").write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(UsageError, match="no text"):
        read_marks(tmp_path / "video.csv")
    with pytest.raises(UsageError, match="--tier is for ELAN"):
        read_marks(written(tmp_path, "onset,offset\n1,2\n"), tier="x")


# ELAN


def elan(path: Path, **tiers: list[tuple[int, int, str]]) -> Path:
    elan_module = pytest.importorskip("pympi.Elan", reason="needs the exchange extra")
    file = elan_module.Eaf(author="tests")
    file.remove_tier("default")
    for name, written_there in tiers.items():
        file.add_tier(name)
        for begin_ms, end_ms, value in written_there:
            file.add_annotation(name, begin_ms, end_ms, value)
    file.to_file(str(path))
    return path


def test_an_elan_tier(tmp_path: Path) -> None:
    path = elan(tmp_path / "a.eaf", nose=[(2000, 2250, "tic"), (500, 900, "left")], empty=[])
    marks = read_marks(path)  # the only one with annotations
    assert [(m.start_s, m.end_s, m.kind, m.side) for m in marks] == [
        (0.5, 0.9, "", "left"),
        (2.0, 2.25, "tic_like", ""),
    ]
    assert read_marks(path, tier="empty") == []


def test_an_elan_file_of_several_tiers_asks_for_one(tmp_path: Path) -> None:
    path = elan(tmp_path / "a.eaf", rater_1=[(0, 900, "")], rater_2=[(100, 800, ""), (1000, 1100, "")])
    with pytest.raises(UsageError, match=r"2 tiers: 'rater_1' \(1\), 'rater_2' \(2\); name one with --tier"):
        read_marks(path)
    assert len(read_marks(path, tier="rater_2")) == 2
    with pytest.raises(UsageError, match="no tier 'rater_3': its tiers are rater_1, rater_2"):
        read_marks(path, tier="rater_3")


def test_a_damaged_elan_file_is_one_sentence(tmp_path: Path) -> None:
    path = elan(tmp_path / "a.eaf", nose=[(0, 900, "")])
    path.write_text(path.read_text()[:300])
    with pytest.raises(UsageError, match="no ELAN file that can be read"):
        read_marks(path)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pympi.Elan", None)
    with pytest.raises(UsageError, match=r"nasalis\[exchange\]"):
        read_marks(tmp_path / "a.eaf")
