"""What reads foreign bytes and words, on anything: an answer that makes sense, or an error of ours."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import container
from detector.config import Settings
from detector.errors import NasalisError, SourceError, UsageError
from detector.record.marks import read_marks
from detector.score_files import TRUTH_COLUMNS, read_found, read_observed_s, read_truth
from detector.study.journal_amounts import parse_amount
from detector.study.journal_csv import COLUMNS
from detector.study.journal_import import read_csv
from detector.study.journal_kinds import KINDS
from detector.study.journal_times import parse_moment, zone_named
from detector.twitches import threshold_of
from tests.mutant_files import CELLS, VALUES

NOW = datetime(2026, 11, 10, 14, 20, tzinfo=UTC)
CELL = st.sampled_from(CELLS) | st.text(max_size=8) | st.floats().map(str)
HEADS = st.sampled_from(
    [b"", b"\0\0\0\x10ftypisom\0\0\0\0", b"\x1aE\xdf\xa3\x93\x42\x82\x88matroska\x18S\x80g", b"RIFF\0\0\0\0AVI LIST"]
)
SIZE = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 8, 16, 24, 40, 100, 116])
BOX = st.tuples(SIZE, st.sampled_from([b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"hdlr", b"moof", b"mdat"]))


def table(columns: tuple[str, ...], delimiter: str = ",") -> st.SearchStrategy[bytes]:
    """A header that is right or nearly so, and lines of anything."""
    head = st.just(list(columns)) | st.lists(st.sampled_from([*columns, "other"]), min_size=1, max_size=12)
    lines = st.lists(st.lists(CELL, min_size=1, max_size=len(columns) + 1), max_size=4)
    return st.tuples(head, lines).map(
        lambda made: "\n".join(delimiter.join(row) for row in [made[0], *made[1]]).encode("utf-8", "surrogatepass")
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that is written again and again."""
    return tmp_path_factory.mktemp("any") / "any.csv"


@given(head=HEADS, boxes=st.lists(BOX, max_size=6), rest=st.binary(max_size=200))
def test_the_head_of_any_file(path: Path, head: bytes, boxes: list[tuple[int, bytes]], rest: bytes) -> None:
    path.write_bytes(head + b"".join(size.to_bytes(4, "big") + name for size, name in boxes) + rest)
    assert container.recorded_at(path) in ("", container.recorded_at(path))
    assert container.announces_true_length(path) in (False, True)
    try:
        mp4 = container.check_file(path)
    except SourceError as error:
        assert str(path) in str(error)
        return
    assert container.why_unreadable(path, mp4).endswith(".")
    assert mp4 is None or (len(mp4.matrix) == 4 and all(math.isfinite(number) for number in mp4.matrix))


@given(content=table(TRUTH_COLUMNS) | st.binary(max_size=100))
def test_any_truth_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        events = read_truth(path)
    except UsageError as error:
        assert str(path) in str(error)
        return
    for event in events:
        assert math.isfinite(event.onset_s) and event.onset_s <= event.offset_s < math.inf
        assert event.twitches is None or event.twitches >= 0


@given(
    content=table(("episode_id", "start_s", "end_s", "kind", "side", "twitch_count", "peak_mm"))
    | table(("twitch_id", "episode_id", "region", "side", "onset_s", "offset_s", "amplitude_mm", "kept")),
    about=st.binary(max_size=60)
    | st.sampled_from(VALUES).map(lambda v: f'{{"sessions": [{{"observed_s": {v}}}]}}'.encode("utf-8", "replace")),
)
def test_any_findings_and_what_lies_beside_them(path: Path, content: bytes, about: bytes) -> None:
    path.write_bytes(content)
    path.with_suffix(".json").write_bytes(about)
    try:
        found = read_found(path)
        observed_s = read_observed_s(path)
    except UsageError as error:
        assert str(path.parent) in str(error)
        return
    assert all(math.isfinite(event.start_s) and event.start_s <= event.end_s < math.inf for event in found)
    assert observed_s is None or 0.0 <= observed_s < math.inf


@given(
    content=table(("onset", "offset", "duration", "kind", "side", "twitches", "amplitude_mm")) | st.binary(max_size=80)
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_any_marks(path: Path, content: bytes, suffix: str) -> None:
    marks_file = path.with_suffix(suffix)
    marks_file.write_bytes(content.replace(b",", b"\t") if suffix == ".tsv" else content)
    try:
        marks = read_marks(marks_file)
    except UsageError as error:
        assert marks_file.name in str(error)
        return
    assert all(0.0 <= mark.start_s <= mark.end_s < math.inf for mark in marks)


@given(content=table(COLUMNS) | st.binary(max_size=100))
def test_any_journal(content: bytes) -> None:
    try:
        found = read_csv(content, "sheet.csv", "Europe/Berlin", now=NOW)
    except (UsageError, SourceError) as error:
        assert "sheet.csv" in str(error)
        return
    for _, entry in found.entries:
        assert datetime.fromisoformat(entry.at).tzinfo is not None
        assert entry.value is None or math.isfinite(entry.value)


@given(said=st.text(max_size=30) | CELL | st.from_regex(r"[0-9,.]{1,12} ?(mg|ml|h|min|cups|/10)?", fullmatch=True))
@pytest.mark.parametrize("kind", ["caffeine", "sleep", "stress", "medication", "alcohol", "headache"])
def test_any_amount(kind: str, said: str) -> None:
    try:
        amount = parse_amount(KINDS[kind], said)
    except UsageError as error:
        assert str(error)
        return
    assert amount.value is None or KINDS[kind].low <= amount.value <= KINDS[kind].high


@given(
    said=CELL
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9]{0,2}:?[0-9]{0,2}(Z|[+-][0-9:]{2,6})?", fullmatch=True)
)
def test_any_moment(said: str) -> None:
    try:
        moment = parse_moment(said, zone_named("Europe/Berlin"), NOW)
    except NasalisError as error:
        assert str(error)
        return
    assert moment.at.tzinfo is not None and datetime.fromisoformat(moment.text).tzinfo is not None


@given(known=st.dictionaries(st.sampled_from([*Settings.model_fields, "other"]), st.sampled_from(VALUES), max_size=3))
def test_any_settings_are_refused_or_usable(known: dict[str, Any]) -> None:
    try:
        settings = Settings.model_validate(known)
    except ValueError:
        return
    assert 0.0 < threshold_of(settings) < math.inf
    numbers = [value for value in settings.model_dump().values() if isinstance(value, float)]
    assert all(math.isfinite(number) for number in numbers)
