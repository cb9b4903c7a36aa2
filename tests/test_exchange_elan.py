"""ELAN: what is exported opens with its tiers, its vocabulary and its clip, and comes back as marks."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from pympi.Elan import Eaf

from detector.errors import UsageError
from detector.exchange.bids import KINDS
from detector.record.marks import read_marks
from detector.types import Episode
from tests.test_exchange import FEW, IMPORTED, NOTE, noted, one_run, write
from tests.test_log import episode, session


def opened(path: Path, *episodes: Episode, **changes: object) -> Eaf:
    write("elan", path, one_run(session(**changes), *episodes))
    return Eaf(str(path))


def test_tiers_vocabulary_and_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.eaf"
    write("elan", path, noted(*FEW))
    file = Eaf(str(path))
    assert set(file.get_tier_names()) == {"left", "left 2", "right", "both", "midline", "notes"}
    assert file.get_annotation_data_for_tier("left") == [(2000, 2400, "fasciculation_like")]
    assert file.get_annotation_data_for_tier("left 2") == [(2100, 2500, "fasciculation_like")]
    assert file.get_annotation_data_for_tier("right") == [(3661500, 3661900, "tic_like")]
    ((start, end, said),) = file.get_annotation_data_for_tier("notes")
    assert (start, end, said) == (2000, 2400, "aa11-e0001, confirmed: " + " ".join(NOTE.split()))
    for name in ("left", "left 2", "both"):
        kind = file.get_parameters_for_tier(name)["LINGUISTIC_TYPE_REF"]
        named = file.get_parameters_for_linguistic_type(kind)["CONTROLLED_VOCABULARY_REF"]
        entries = file.get_cv_entries(named)
        assert {values[0][0] for values, _ in entries.values()} == set(KINDS)
    (clip,) = file.get_linked_files()
    assert clip["MIME_TYPE"] == "video/mp4" and clip["RELATIVE_MEDIA_URL"] == "./Ünï ok.mp4"
    assert clip["MEDIA_URL"].startswith("file:///") and clip["MEDIA_URL"].endswith("clips/Ünï ok.mp4")


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write("elan", tmp_path / f"{name}.eaf", noted(*FEW))
        time.sleep(0.01)
    assert (tmp_path / "a.eaf").read_bytes() == (tmp_path / "b.eaf").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.eaf", "b.eaf"]
    assert Eaf(str(tmp_path / "a.eaf")).adocument["DATE"] == "2026-03-01T08:00:00+00:00"


def test_nothing_found_and_a_camera(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.eaf", sha256="", start_utc="", source="camera 0")
    assert file.get_linked_files() == [] and file.get_annotation_data_for_tier("left") == []
    assert file.adocument["DATE"] == "1970-01-01T00:00:00+00:00"


def test_no_two_annotations_of_a_tier_overlap(tmp_path: Path) -> None:
    crowd = [episode(k, 0.1 * k) for k in range(1, 60)]
    file = opened(tmp_path / "a.eaf", *crowd)
    spans = [sorted(file.get_annotation_data_for_tier(name)) for name in file.get_tier_names()]
    assert sum(map(len, spans)) == 59
    assert all(a[1] <= b[0] for tier in spans for a, b in pairwise(tier))
    assert len(read_marks(tmp_path / "a.eaf")) == 59


def test_it_comes_back_as_marks(tmp_path: Path) -> None:
    write("elan", tmp_path / "a.eaf", noted(*FEW))
    marks = read_marks(tmp_path / "a.eaf")
    assert [(m.start_s, m.end_s, m.kind, m.side) for m in marks] == IMPORTED
    assert [m.side for m in read_marks(tmp_path / "a.eaf", tier="right")] == ["right"]


def test_tiers_of_another_are_still_asked_for(tmp_path: Path) -> None:
    file = Eaf()
    for tier in ("left", "ann"):
        file.add_tier(tier)
        file.add_annotation(tier, 1000, 1200, "twitch")
    file.to_file(str(tmp_path / "a.eaf"))
    with pytest.raises(UsageError, match="name one with --tier"):
        read_marks(tmp_path / "a.eaf")


def test_thousands_of_episodes_are_quick(tmp_path: Path) -> None:
    begun = time.perf_counter()
    file = opened(tmp_path / "a.eaf", *(episode(k, k * 1.0, twitches=()) for k in range(1, 5001)))
    assert time.perf_counter() - begun < 5.0
    assert len(file.get_annotation_data_for_tier("left")) == 5000
