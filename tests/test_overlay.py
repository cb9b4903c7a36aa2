"""The overlay: what is drawn, where, and that the file it makes can be played."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from detector.errors import OutputError
from detector.frames import ClipSource
from detector.overlay import WORDS, Recorder, why_text, write_overlay
from detector.overlay_page import SIDE_COLORS, OverlayRecord, Page, _extent, _overlap
from detector.regions import SITE_NAMES, SITES
from detector.types import Episode, Face, FloatArray, Frame, RegionMotion, Twitch, WhyNot
from tests.clips import even_times, write_clip

WIDTH, HEIGHT, THRESHOLD = 640, 560, 10.0
Picture = npt.NDArray[np.uint8]


def centers(middle: tuple[float, float] = (320.0, 250.0), alae: float = 60.0) -> FloatArray:
    """Regions about ``middle``, in a plausible order: the subject's right on the picture's left."""
    across = {"right": -1.0, "left": 1.0, "midline": 0.0}
    apart = {"nasalis_alar": 0.5, "nasalis_transverse": 0.3, "zygomaticus": 1.1}
    rows = [
        (middle[0] + alae * across[site.side] * apart.get(site.muscle, 0.8), middle[1] + 9.0 * number - 60.0)
        for number, site in enumerate(SITES)
    ]
    rows[SITE_NAMES.index("nasalis_alar_left")] = (middle[0] + alae / 2, middle[1])
    rows[SITE_NAMES.index("nasalis_alar_right")] = (middle[0] - alae / 2, middle[1])
    return np.array(rows, np.float32)


def records(count: int = 100, observed: bool = True, why: str = "") -> list[OverlayRecord]:
    quiet = np.full(len(SITES), 1.0, np.float32)
    return [OverlayRecord(number / 25.0, centers(), quiet, observed, why) for number in range(count)]


def twitch(t_s: float, region: str = "nasalis_alar_left", kept: bool = True, side: str | None = None) -> Twitch:
    where = side or region.rpartition("_")[2]
    reason = "" if kept else "other areas moved too"
    return Twitch(region, where, t_s, t_s + 0.05, t_s + 0.15, 1.2, 2.4, 20.0, 0.0, 18.0, 14.0, kept, reason)  # type: ignore[arg-type]


def page(
    rows: list[OverlayRecord], twitches: list[Twitch] | None = None, episodes: list[Episode] | None = None
) -> Page:
    return Page(WIDTH, HEIGHT, rows, twitches or [], episodes or [], THRESHOLD)


def frame(t_s: float, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    return Frame(round(25 * t_s), t_s, True, np.full((height, width, 3), 90, np.uint8))


def colored(picture: Picture, side: str) -> npt.NDArray[np.bool_]:
    """Where a picture has about the color of a side: lines are smooth."""
    return (np.abs(picture.astype(int) - SIDE_COLORS[side]) < 60).all(axis=2)


@pytest.mark.parametrize(
    ("size", "picture"),
    [((296, 400), (592, 800)), ((400, 300), (800, 600)), ((160, 120), (640, 480)), ((1280, 720), (1280, 720)),
     ((720, 1280), (720, 1280)), ((3840, 2160), (1920, 1080)), ((641, 565), (640, 564)), ((1900, 100), (1900, 100))],
)  # fmt: skip
def test_small_clips_are_enlarged_and_large_ones_reduced(size: tuple[int, int], picture: tuple[int, int]) -> None:
    made = Page(*size, [], [], [], THRESHOLD)
    assert np.abs(np.subtract(made.picture_size, picture)).max() <= 2
    drawn = made.draw(frame(0.0, *size))
    assert drawn.shape == (made.height, made.width, 3) and drawn.dtype == np.uint8
    assert made.width % 2 == 0 and made.height % 2 == 0
    assert made.text_px >= 13


def test_every_region_has_a_ring_in_the_color_of_its_side() -> None:
    made = page(records())
    drawn = made.draw(frame(2.0))[made.bar_px : made.bar_px + HEIGHT]
    ring = _extent(centers().astype(np.float64)).ring
    for site, (x, y) in zip(SITES, centers(), strict=True):
        rim = colored(drawn[round(y) - 9 : round(y) + 10, round(x) - 9 : round(x) + 10], site.side)
        found = np.argwhere(rim) - 9
        assert len(found) > 8, site.name
        assert np.abs(np.median(np.hypot(*found.T)) - ring) < 1.5, site.name


def test_a_twitch_is_marked_while_it_lasts_and_a_little_longer() -> None:
    plain, marked = page(records()), page(records(), [twitch(2.0)])
    rows = slice(plain.bar_px, plain.bar_px + HEIGHT)

    def differs(t_s: float) -> bool:
        return bool((plain.draw(frame(t_s))[rows] != marked.draw(frame(t_s))[rows]).any())

    assert [differs(t) for t in (1.96, 2.0, 2.12, 2.56, 2.64, 3.5)] == [False, True, True, True, False, False]


def test_a_rejected_twitch_is_gray() -> None:
    rows = slice(page([]).bar_px, page([]).bar_px + HEIGHT)
    plain, kept, rejected = (
        colored(page(records(), marks).draw(frame(2.04))[rows], "left").sum()
        for marks in ([], [twitch(2.0)], [twitch(2.0, kept=False)])
    )
    assert kept > plain + 50 and abs(int(rejected) - int(plain)) < 10


def test_a_twitch_of_both_sides_is_marked_between_them() -> None:
    made = page(records(), [twitch(2.0, "nasalis_alar", side="both")])
    drawn = made.draw(frame(2.04))[made.bar_px :]
    ring = round(2.0 * _extent(centers().astype(np.float64)).ring)
    left, right = (centers()[SITE_NAMES.index(f"nasalis_alar_{side}")] for side in ("left", "right"))
    x, y = np.round((left + right) / 2).astype(int)
    assert colored(drawn[y - ring - 2 : y + ring + 3, x - 2 : x + 3], "both").any()


@pytest.mark.parametrize("alae", [20.0, 60.0, 150.0])
@pytest.mark.parametrize("middle", [(320.0, 250.0), (60.0, 60.0), (600.0, 500.0)])
def test_labels_stay_inside_and_apart(middle: tuple[float, float], alae: float) -> None:
    made, where = page([]), centers(middle, alae)
    face = _extent(where.astype(np.float64))
    boxes: list[tuple[int, int, int, int]] = []
    for site, at in zip(SITES[:8], where, strict=False):
        words = f"{site.side} {site.muscle.replace('_', ' ')} 1.2 mm"
        boxes.append(made._place(words, (round(at[0]), round(at[1])), face, site.side, WIDTH, HEIGHT, boxes))
    for left, top, wide, tall in boxes:
        assert min(left, top) >= 0 and left + wide <= WIDTH and top + tall <= HEIGHT
    if middle == (320.0, 250.0):
        assert not any(_overlap(one, other) for one, other in itertools.combinations(boxes, 2))


def test_time_without_a_verdict_is_said_and_shaded() -> None:
    seen, unseen = page(records()), page(records(observed=False, why="head moves, too much noise"))
    rows = slice(0, seen.bar_px)
    assert (seen.draw(frame(2.0))[rows] != unseen.draw(frame(2.0))[rows]).any()
    strip = slice(seen.bar_px + HEIGHT, None)
    assert unseen.draw(frame(3.9))[strip].astype(int).sum() > 1.2 * seen.draw(frame(3.9))[strip].astype(int).sum()


def test_the_trace_rises_over_the_dashes_where_the_score_exceeds_the_threshold() -> None:
    rows = records()
    high = np.full(len(SITES), 1.0, np.float32)
    high[SITE_NAMES.index("nasalis_alar_left")] = 2.0 * THRESHOLD
    rows[90] = OverlayRecord(rows[90].t_s, centers(), high, True, "")
    made = page(rows)
    strip = made.draw(frame(3.9))[made.bar_px + HEIGHT :]
    heights = {}
    for side in ("right", "left"):
        ink = np.argwhere(colored(strip[:, 70:], side))
        heights[side] = int(ink[:, 0].max() - ink[:, 0].min())
    assert heights["left"] > 0.5 * 3.0 * made.text_px > 3 * heights["right"] >= 0


def test_nothing_measured_and_holes_in_the_measurement_are_drawn() -> None:
    hollow = centers()
    hollow[3] = np.nan
    scores = np.full(len(SITES), np.nan, np.float32)
    rows = [OverlayRecord(0.0, None, None, False, "no face"), OverlayRecord(0.04, hollow, scores, True, "")]
    marks = [twitch(0.0), twitch(0.0, SITES[3].name), twitch(0.0, "no_such_muscle_left")]
    made = page(rows, marks)
    for t_s in (0.0, 0.04, 0.4):
        assert made.draw(frame(t_s)).any()
    assert page([]).draw(frame(1.0)).any()


def measured(t_s: float, why: WhyNot | None = WhyNot.NONE, face: bool = True) -> Any:
    """One frame of the pipeline; ``why`` None: not measured."""
    points = np.zeros((478, 2), np.float32) + 7.0
    seen = Face(0, t_s, points, 2.0, (0.0, 0.0, 0.0), (0.3, 0.3), 0.0, 50.0, 120.0, 200.0, 1, 9.0) if face else None
    if why is None:
        return SimpleNamespace(t_s=t_s, face=seen, motion=None, centers_px=None, score=None)
    zeros = np.zeros(len(SITES), np.float32)
    observed = np.full(len(SITES), why == WhyNot.NONE)
    motion = RegionMotion(t_s, np.zeros((len(SITES), 2), np.float32), zeros, zeros, 0.0, observed, why)
    return SimpleNamespace(t_s=t_s, face=seen, motion=motion, centers_px=centers(), score=zeros)


def test_what_was_measured_is_kept_lightly() -> None:
    recorder = Recorder()
    for event in (
        measured(0.0, None, face=False),
        measured(0.04, None),
        measured(0.08),
        measured(0.12, None),  # repeated: as the one before
        measured(0.24, None),  # too long ago
        measured(0.28, WhyNot.MOTION),
    ):
        recorder.take(event)
    kept = recorder.records
    assert [one.t_s for one in kept] == [0.0, 0.04, 0.08, 0.12, 0.24, 0.28]
    assert [one.observed for one in kept] == [False, False, True, True, False, False]
    assert [one.why for one in kept] == ["no face", "settling", "", "", "settling", "head moves"]
    assert kept[0].centers_px is None and kept[3].score is kept[2].score
    assert kept[1].centers_px is not None and kept[1].centers_px.tolist() == [[7.0, 7.0]] * len(SITES)


def test_reasons_are_words() -> None:
    assert why_text(WhyNot.NO_FACE | WhyNot.GAP) == "no face, frames missing"
    assert why_text(WhyNot.NONE) == "unknown"
    assert set(WORDS) == set(WhyNot.__members__.values()) - {WhyNot.NONE}


def test_the_file_plays_with_the_times_of_the_clip(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.16, 0.2, 0.28, 0.3, 0.4]
    noise = np.random.default_rng(0).integers(60, 200, (60, 80, 3), dtype=np.uint8)
    pictures = [np.roll(cv2.GaussianBlur(noise, (0, 0), 3), 3 * number, axis=1) for number in range(len(times))]
    clip = write_clip(tmp_path / "ä clip.mp4", times, pictures)
    done: list[float] = []
    write_overlay(
        clip, tmp_path / "o.mp4", records(20), [twitch(0.1)], [], THRESHOLD, on_progress=lambda t, _: done.append(t)
    )
    with ClipSource(tmp_path / "o.mp4") as source:
        shape = (source.height, source.width)
        played = [(one.t_s, one.image.copy()) for one in source]
    made = Page(80, 60, [], [], [], THRESHOLD)
    assert shape == (made.height, made.width)
    assert [t for t, _ in played] == pytest.approx(times, abs=1e-3) and done == pytest.approx(times, abs=1e-3)
    inside = played[3][1][made.bar_px : made.bar_px + 240]
    wanted = cv2.resize(pictures[3], (320, 240), interpolation=cv2.INTER_CUBIC)
    assert np.median(np.abs(inside.astype(int) - wanted)) < 8


def test_a_part_is_drawn_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", even_times(50, 25.0))
    write_overlay(clip, tmp_path / "o.mp4", records(50), [], [], THRESHOLD, start_s=0.4, end_s=1.2)
    with ClipSource(tmp_path / "o.mp4") as source:
        assert len(list(source)) == 20


def test_an_unwritable_file_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", even_times(5, 25.0))
    with pytest.raises(OutputError):
        write_overlay(clip, tmp_path / "none" / "o.mp4", [], [], [], THRESHOLD)
    assert [path.name for path in tmp_path.iterdir()] == ["c.mp4"]
