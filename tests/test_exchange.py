"""Exports in the formats of other programs: each is opened by a reader that has no part in writing it."""

from __future__ import annotations

import builtins
import dataclasses
import io
import json
from pathlib import Path
from typing import get_args

import pytest
import webvtt
from bids_validator import BIDSValidator

from detector.errors import OutputError, UsageError
from detector.exchange import formats
from detector.exchange.bids import KIND_WORDS, KINDS
from detector.options import Format
from detector.record.entries import LoggedEpisode, LoggedRun, logged_episodes
from detector.record.log import EpisodeLog
from detector.record.marks import read_marks
from detector.types import Session, Side
from tests.growth import assert_in_proportion
from tests.test_log import episode, recorded, session
from tests.test_tune import Run, run

__all__ = ["run"]

NOTE = "Zucken — наверно\t<b>лево</b> & -->\n\nзавтра 日本"


def one_run(it: Session | None = None, *episodes: object, run_key: int = 1) -> tuple[LoggedRun, list[LoggedEpisode]]:
    it = it or session(status="complete")
    rows = logged_episodes(it, episodes, include_rejected=True)  # type: ignore[arg-type]
    return LoggedRun(run_key, it, "", False), [dataclasses.replace(row, run=run_key) for row in rows]


def noted(*episodes: object) -> tuple[LoggedRun, list[LoggedEpisode]]:
    """With a note and a review on the first episode."""
    run_, rows = one_run(None, *episodes)
    return run_, [dataclasses.replace(rows[0], note=NOTE, review="confirmed"), *rows[1:]]


def write(fmt: str, path: Path, *found: tuple[LoggedRun, list[LoggedEpisode]], **named: Path) -> list[str]:
    return formats.write(fmt, str(path), [run for run, _ in found], [row for _, rows in found for row in rows], **named)


FEW = (
    episode(1, 2.0, rate_hz=None, snr=float("nan")),
    episode(2, 3661.5004, side="right", kind="tic_like", twitch_count=1),
    episode(-1, 2.2, kind="blink", side="both", twitches=()),
    episode(3, 2.1),  # overlaps the first, on its side
)


def test_the_formats_of_the_option_are_those_that_are_written() -> None:
    assert {fmt.value for fmt in Format} == set(formats.FORMATS)
    assert set(KINDS) == set(KIND_WORDS)


# WebVTT


def test_webvtt_in_a_player(tmp_path: Path) -> None:
    write("webvtt", tmp_path / "a.vtt", noted(*FEW))
    cues = webvtt.read(str(tmp_path / "a.vtt")).captions
    assert [(cue.start, cue.end, cue.identifier) for cue in cues] == [
        ("00:00:02.000", "00:00:02.400", "aa11-e0001"), ("00:00:02.100", "00:00:02.500", "aa11-e0003"),
        ("00:00:02.200", "00:00:02.600", "aa11-o0001"), ("01:01:01.500", "01:01:01.900", "aa11-e0002"),
    ]  # fmt: skip
    raw = cues[0].raw_text
    assert "&lt;b&gt;лево&lt;/b&gt; &amp; --&gt; завтра 日本" in raw and "\n" not in raw
    assert cues[3].text == "tic like, right, 1 twitch, 0.80 mm"


def test_webvtt_of_nothing_and_of_a_moment(tmp_path: Path) -> None:
    write("webvtt", tmp_path / "a.vtt", one_run(session(source="a --> b\n\nc.mp4")))
    assert len(webvtt.read(str(tmp_path / "a.vtt")).captions) == 0
    write("webvtt", tmp_path / "b.vtt", one_run(None, episode(1, 5.0, end_s=5.0)))
    (cue,) = webvtt.read(str(tmp_path / "b.vtt")).captions
    assert (cue.start, cue.end) == ("00:00:05.000", "00:00:05.001")


# BIDS


def bids_rows(path: Path) -> list[dict[str, str]]:
    """By the rules for tabular files: UTF-8, tabs, a header, no quotes, as many cells in every line."""
    header, *lines = [line.split("\t") for line in path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")]
    assert all(len(line) == len(header) and all(line) for line in lines)
    assert header[:3] == ["onset", "duration", "trial_type"] and len(set(header)) == len(header)
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_bids_by_its_rules(tmp_path: Path) -> None:
    path = tmp_path / "x_events.tsv"
    write("bids", path, noted(*FEW))
    rows = bids_rows(path)
    about = json.loads((tmp_path / "x_events.json").read_text(encoding="utf-8"))
    onsets = [float(row["onset"]) for row in rows]
    assert onsets == sorted(onsets) == [2.0, 2.1, 2.2, 3661.5]
    assert [float(row["duration"]) for row in rows] == [0.4] * 4
    assert (rows[0]["snr"], rows[0]["rate_hz"], rows[1]["review"]) == ("n/a", "n/a", "n/a")
    assert rows[0]["note"] == "Zucken — наверно <b>лево</b> & --> завтра 日本"
    for name in rows[0]:
        assert about[name]["Description"]
        levels = about[name].get("Levels")
        assert levels is None or {row[name] for row in rows} - {"n/a"} <= set(levels)
        assert about[name].get("Units") == {"mm": "mm", "hz": "Hz"}.get(
            name[-2:], "s" if name in ("onset", "duration") else None
        )
    assert set(about["side"]["Levels"]) == set(get_args(Side))
    assert about["Recording"]["Start"] == "2026-03-01T08:00:00.000+00:00"


def test_bids_names_of_many_are_names_of_bids(tmp_path: Path) -> None:
    other = one_run(session("bb22", sha256="1" * 64, start_utc=""), episode(1, 1.0), run_key=2)
    written = write("bids", tmp_path, one_run(None, *FEW), other)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(written) == 2 and len(names) == 4
    assert all(BIDSValidator().is_bids(f"/sub-01/beh/{name}") for name in names)
    (row,) = bids_rows(Path(written[1]))
    assert row["start_time"] == "n/a"


# BORIS


def boris_pairs(observation: dict[str, object]) -> list[tuple[float, float, str, str]]:
    """State events as BORIS pairs them: of one subject, code and modifier every other one begins."""
    events: dict[tuple[str, ...], list[float]] = {}
    for t_s, subject, code, modifier, *_ in observation["events"]:  # type: ignore[attr-defined]
        events.setdefault((subject, code, modifier), []).append(t_s)
    assert all(len(times) % 2 == 0 and times == sorted(times) for times in events.values())
    return sorted((a, b, key[1], key[2]) for key, t in events.items() for a, b in zip(t[::2], t[1::2], strict=True))


def test_boris_projects_pair_every_event(tmp_path: Path) -> None:
    camera = one_run(session("cc33", sha256="", start_utc="", source="camera 0"), episode(1, 1.0), run_key=2)
    write("boris", tmp_path / "a.boris", noted(*FEW), camera)
    project = json.loads((tmp_path / "a.boris").read_text(encoding="utf-8"))
    (film, observed), (_, live) = project["observations"].items()
    assert film == "Ünï-ok_aa11" and (observed["type"], live["type"]) == ("MEDIA", "LIVE")
    assert boris_pairs(observed) == [
        (2.0, 2.5, "fasciculation_like", "left"), (2.2, 2.6, "blink", "both"), (3661.5, 3661.9, "tic_like", "right"),
    ]  # fmt: skip
    assert "aa11-e0001" in observed["events"][0][4] and "aa11-e0003" in observed["events"][0][4]
    assert {len(event) for event in observed["events"]} == {6} and {len(event) for event in live["events"]} == {5}
    assert observed["date"] == "2026-03-01T08:00:00"
    ethogram = project["behaviors_conf"].values()
    assert {event[2] for event in observed["events"]} <= {one["code"] for one in ethogram}
    assert len({one["key"] for one in ethogram}) == len(KINDS)
    assert {event[3] for event in observed["events"]} <= set(project["behaviors_conf"]["0"]["modifiers"]["0"]["values"])
    (media,) = observed["file"]["1"]
    assert all(media in observed["media_info"][name] for name in ("length", "fps", "hasVideo", "hasAudio"))


# which files


def test_several_sessions_are_one_file_each_or_a_sentence(tmp_path: Path) -> None:
    two = one_run(None, *FEW), one_run(session("bb22", sha256="1" * 64), run_key=2)
    for fmt in formats.SUFFIXES:
        with pytest.raises(UsageError, match="--session ID, or name a folder"):
            write(fmt, tmp_path / "one", *two)
        with pytest.raises(UsageError, match="no session is chosen"):
            write(fmt, tmp_path / "one")
    assert not list(tmp_path.iterdir())
    assert len(write("webvtt", tmp_path, *two)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Ünï-ok_aa11.vtt", "Ünï-ok_bb22.vtt"]
    with pytest.raises(UsageError, match="make it first"):
        formats.write("webvtt", f"{tmp_path}/none/", [two[0][0]], [])
    with pytest.raises(OutputError, match="make it first"):
        write("boris", tmp_path / "none" / "a.boris", *two)


def test_the_command_and_its_contract(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.sqlite"
    with EpisodeLog(log) as book:
        recorded(book, session(), *FEW)
        recorded(book, session("bb22", sha256="1" * 64), episode(1, 4.0))
    plain = run("export", "--log", log)
    assert plain.code == 0 and plain.out == run("export", "--log", log, "--format", "csv").out
    assert run("export", "--log", log, "--json").out == run("export", "--log", log, "--format", "json").out
    shown = run("export", "--log", log, "--format", "webvtt", "--session", "aa11")
    assert shown.code == 0 and len(webvtt.from_buffer(io.StringIO(shown.out)).captions) == 3
    for words in (
        ("--json", "--format", "bids"), ("--format", "bids", "--csv", tmp_path / "a.csv"), ("--format", "webvtt"),
        ("--format", "boris", "--signals", tmp_path / "a.h5"), ("--format", "srt"),
    ):  # fmt: skip
        ran = run("export", "--log", log, *words)
        assert ran.code == 2 and ran.out == "" and ran.err


@pytest.mark.parametrize(("fmt", "name"), [("csv", "a.csv"), ("bids", "a_events.tsv")])
def test_what_is_exported_is_imported_again(tmp_path: Path, fmt: str, name: str) -> None:
    write(fmt, tmp_path / name, noted(*FEW))
    marks = read_marks(tmp_path / name)
    assert [(m.start_s, round(m.end_s, 3), m.kind, m.side) for m in marks] == IMPORTED


IMPORTED = [
    (2.0, 2.4, "fasciculation_like", "left"), (2.1, 2.5, "fasciculation_like", "left"), (2.2, 2.6, "blink", "both"),
    (3661.5, 3661.9, "tic_like", "right"),
]  # fmt: skip


@pytest.mark.parametrize("fmt", ["webvtt", "bids", "boris", "csv", "json"])
def test_thousands_of_episodes_take_their_share(tmp_path: Path, fmt: str) -> None:
    def written(count: int) -> None:
        many = one_run(None, *(episode(k, k * 1.0, twitches=()) for k in range(1, count + 1)))
        write(fmt, tmp_path / "many", many)

    assert_in_proportion(written, 5000)
    written(5000)
    assert (tmp_path / "many").read_text(encoding="utf-8").count("aa11-e4999") == 1


@pytest.mark.parametrize(("fmt", "module"), [("elan", "pympi"), ("parquet", "pyarrow"), ("edf", "edfio")])
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str, module: str
) -> None:
    real = builtins.__import__

    def absent(name: str, *values: object, **named: object) -> object:
        if name.partition(".")[0] == module:
            raise ImportError(name)
        return real(name, *values, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match=r"pip install 'nasalis\[exchange\]'"):
        write(fmt, tmp_path / "a", one_run())
    assert not list(tmp_path.iterdir())
