"""The face at rest: right against left in millimeters, what is left out, and how the lids close."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import resting
from detector.config import Settings
from detector.context import UNKNOWN, Context, ContextMeter
from detector.deciding import Decider
from detector.lids import Closing
from detector.placement import Crop
from detector.readings import Measured, Reading
from detector.record.signals import SignalFile, SignalWriter
from detector.resting import Resting, read
from detector.resting_words import resting_lines
from detector.session import rescore_signals
from detector.types import BothSides, Face, RestingFace
from tests.test_signals import known
from tests.test_twitches import Skin, sample_at

FPS = 25.0
SIZES = ("mouth_height_mm", "mouth_reach_mm", "eye_open_mm", "brow_height_mm")


def face(
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    tilt_deg: float = 0.0,
    lower_left_mm: float = 0.0,
    open_mm: tuple[float, float] = (9.0, 9.0),
    lip_gap_mm: float = 0.5,
    shut: tuple[float, float] = (0.0, 0.0),
    rng: np.random.Generator | None = None,
) -> Context:
    """A face that is the same on both sides but for what is asked; all of it tilted, as a crop may be."""
    noise = (lambda shape: 0.0) if rng is None else (lambda shape: rng.normal(0.0, 0.4, shape))
    angle = math.radians(tilt_deg)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    eyes = np.array([[-31.0, 0.0], [31.0, 0.0]]) @ turn
    mouth = (np.array([[-24.0, 66.0], [24.0, 66.0 + lower_left_mm]]) + noise((2, 2))) @ turn
    brows = (np.array([[-31.0, -20.0], [31.0, -20.0]]) @ turn)[:, 1]
    left = 1.0 - np.array(shut)
    return dataclasses.replace(
        UNKNOWN,
        eye_edges=(0.08 * left).astype(np.float32),
        eye_open_mm=(np.array(open_mm) * left).astype(np.float32),
        lip_gap_mm=lip_gap_mm,
        eyes_mm=eyes.astype(np.float32),
        midline_mm=(np.array([[0.0, -7.0], [0.0, 105.0]]) @ turn).astype(np.float32),
        mouth_mm=mouth.astype(np.float32),
        brow_mm=-brows.astype(np.float32),
        pose_deg=np.array([yaw_deg, pitch_deg, tilt_deg], np.float32),
    )


def rested(
    look: Callable[[float], Context], seconds: float = 10.0, into: Resting | None = None, observed: bool = True
) -> Resting:
    into = into or Resting()
    for k in range(round(seconds * FPS)):
        into.push(k / FPS, look(k / FPS), observed)
    return into


def figures(look: Callable[[float], Context], seconds: float = 10.0) -> RestingFace:
    found = rested(look, seconds).figures()
    assert found is not None
    return found


def size(found: RestingFace, name: str = "mouth_height_mm") -> BothSides:
    sides = getattr(found, name)
    assert isinstance(sides, BothSides), name
    return sides


@pytest.mark.parametrize("tilt_deg", [0.0, 3.0, -8.0])
def test_a_face_that_is_alike_on_both_sides_differs_by_nothing(tilt_deg: float) -> None:
    rng = np.random.default_rng(0)
    found = figures(lambda t_s: face(tilt_deg=tilt_deg, rng=rng), 40.0)
    assert found.quiet_s == pytest.approx(40.0, abs=1.0)
    for name in SIZES:
        sides = size(found, name)
        assert abs(sides.difference) < 0.1, name
        assert sides.ratio > 0.99
        assert sides.left - sides.right == pytest.approx(sides.difference, abs=1e-3)
    height = size(found)
    assert height.right == pytest.approx(66.0, abs=0.2)
    assert height.spread == pytest.approx(0.4 * math.sqrt(2.0), rel=0.2)
    assert size(found, "mouth_reach_mm").left == pytest.approx(24.0, abs=0.2)
    assert size(found, "brow_height_mm").right == pytest.approx(20.0, abs=0.25)


@pytest.mark.parametrize("lower_mm", [2.0, -3.0])
def test_a_lower_corner_is_read_as_far_as_it_is_lower(lower_mm: float) -> None:
    rng = np.random.default_rng(1)
    height = size(figures(lambda t_s: face(lower_left_mm=lower_mm, tilt_deg=4.0, rng=rng), 30.0))
    assert height.difference == pytest.approx(lower_mm, abs=0.2)
    assert height.error < 0.5


def test_what_a_turned_head_adds_is_taken_out_and_what_is_unsure_is_said() -> None:
    """Each degree of yaw makes the corner seem 0.15 mm lower on the right; the head swings between 0 and 10 degrees."""

    def look(t_s: float) -> Context:
        yaw = 5.0 + 5.0 * math.sin(0.4 * t_s)
        return face(yaw_deg=yaw, lower_left_mm=2.0 - 0.15 * yaw)

    turning, still = size(figures(look, 60.0)), size(figures(lambda t_s: look(0.0), 60.0))
    assert turning.difference == pytest.approx(2.0, abs=0.1)
    assert still.difference == pytest.approx(2.0 - 0.15 * 5.0 + 0.10 * 5.0, abs=0.05), "by what is usual"
    assert still.error > 0.3, "the own slope is not known"
    ahead = size(figures(lambda t_s: face(lower_left_mm=2.0), 10.0))
    assert ahead.error == pytest.approx(resting.YAW_ZERO_DEG * 0.10, abs=0.02), "the zero of the yaw is unsure too"


@pytest.mark.parametrize("yaw_deg, pitch_deg", [(16.0, 0.0), (-16.0, 0.0), (0.0, 20.0)])
def test_a_turned_head_is_left_out(yaw_deg: float, pitch_deg: float) -> None:
    both = rested(lambda t_s: face(lower_left_mm=1.0))
    alone = both.figures()
    for k in range(250):
        both.push(20.0 + k / FPS, face(yaw_deg=yaw_deg, pitch_deg=pitch_deg, lower_left_mm=9.0), True)
    assert both.figures() == alone
    assert rested(lambda t_s: face(yaw_deg=yaw_deg, pitch_deg=pitch_deg)).figures() is None


def test_speech_is_left_out() -> None:
    def look(t_s: float) -> Context:
        if t_s < 10.0:
            return face()
        gap = 2.0 + 2.0 * math.sin(2.0 * math.pi * 4.0 * t_s)  # the lips touch at times
        return face(lip_gap_mm=gap, lower_left_mm=5.0 * gap)

    found = figures(look, 40.0)
    assert found.quiet_s == pytest.approx(10.0, abs=0.8)
    assert found.watched_s == pytest.approx(40.0, abs=0.1)
    assert size(found).difference == pytest.approx(0.0, abs=0.01)
    talking = figures(lambda t_s: look(t_s + 10.0), 30.0)
    assert talking.quiet_s < 0.5 and talking.mouth_height_mm is None and talking.blinks_per_minute == 0.0


def test_a_smile_with_closed_lips_is_left_out_while_it_comes_and_goes() -> None:
    found = figures(lambda t_s: face(lower_left_mm=-6.0 * math.sin(3.0 * t_s) ** 2), 20.0)
    assert found.quiet_s < 5.0


def test_closed_eyes_are_not_the_open_eye_and_a_narrow_one_is() -> None:
    def look(t_s: float) -> Context:
        return face(open_mm=(9.0, 5.0), shut=(0.9, 0.9) if 10.0 < t_s < 28.0 else (0.0, 0.0))

    opening = size(figures(look, 30.0), "eye_open_mm")
    assert (opening.right, opening.left) == (pytest.approx(9.0, abs=0.2), pytest.approx(5.0, abs=0.2))
    assert opening.ratio == pytest.approx(5.0 / 9.0, abs=0.03)


def test_nothing_observed_gives_none() -> None:
    assert Resting().figures() is None
    assert rested(lambda t_s: face(), observed=False).figures() is None
    assert rested(lambda t_s: UNKNOWN).figures() is None
    assert Decider(Settings()).session_fields()["resting"] is None
    for name in ("eyes_mm", "midline_mm", "mouth_mm", "brow_mm", "eye_open_mm"):
        assert read(dataclasses.replace(face(), **{name: getattr(UNKNOWN, name)})) is None, name


def test_a_short_look_gives_times_but_no_sizes() -> None:
    found = figures(lambda t_s: face(), 3.0)
    assert 2.0 < found.quiet_s < resting.LEAST_QUIET_S and found.watched_s > 2.9
    assert all(getattr(found, name) is None for name in SIZES)
    assert found.lid_closing is None and found.blinks_per_minute is None


def test_gaps_are_no_time_watched() -> None:
    one = Resting()
    for k in range(100):
        one.push(k * 1.0, face(), True)
    assert one.figures() is None, "a picture a second watches nothing"


def test_memory_does_not_grow_with_the_length() -> None:
    rng = np.random.default_rng(2)
    looks = itertools.cycle([face(rng=rng, yaw_deg=float(rng.uniform(-12, 12))) for _ in range(500)])
    sizes = []
    one = Resting()
    for k in range(3000):
        one.push(k / FPS, next(looks), True)
        if k % 1500 == 1499:
            sizes.append(sum(len(s._differences) + len(s._means) for s in one._sides.values()) + len(one._lately))
    assert sizes[1] <= 1.05 * sizes[0] < 5000


def test_tilt_is_taken_out_by_the_eyes_whatever_the_crop_does() -> None:
    """The eyes slope by 2 degrees in the crop, the mouth with them; the crop itself lies askew in the picture."""
    tilt, askew, scale, origin = math.radians(2.0), math.radians(20.0), 2.5, np.array([115.0, 65.0])
    places_mm = {
        33: (-45.0, 0.0), 133: (-17.0, 0.0), 362: (17.0, 0.0), 263: (45.0, 0.0), 61: (-24.0, 66.0), 291: (24.0, 68.0),
        168: (0.0, -7.0), 152: (0.0, 105.0), 159: (-31.0, -5.0), 145: (-31.0, 4.0), 386: (31.0, -5.0), 374: (31.0, 3.0),
        **dict.fromkeys((105, 66, 52, 65), (-31.0, -20.0)), **dict.fromkeys((334, 296, 282, 295), (31.0, -22.0)),
    }  # fmt: skip
    turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    to_image = np.array([
        [0.4 * math.cos(askew), -0.4 * math.sin(askew), 200.0],
        [0.4 * math.sin(askew), 0.4 * math.cos(askew), 150.0],
    ])  # fmt: skip
    points = np.zeros((478, 2), np.float32)
    for number, place in places_mm.items():
        points[number] = to_image[:, :2] @ (turn @ np.array(place) * scale + origin) + to_image[:, 2]
    seen = Face(0, 0.0, points, 1.0, (0.0, 0.0, 20.0), (0.3, 0.3), 0.0, 1.0, 1.0, 90.0, 1, 9.0)
    crop = Crop(0.0, np.full((245, 230), 9.0, np.float32), to_image, 1.0, 0.0, True, seen)
    patches = np.array([[0.0, 28.0]])
    found = read(ContextMeter(patches, scale, origin).measure(crop, np.zeros((1, 2), np.float32)))
    assert found is not None
    expected = {
        "mouth_height_mm": (66.0, 68.0), "mouth_reach_mm": (24.0, 24.0), "eye_open_mm": (9.0, 8.0),
        "brow_height_mm": (20.0, 22.0),
    }  # fmt: skip
    assert found == {name: pytest.approx(pair, abs=0.05) for name, pair in expected.items()}


# lids


def blink(peak_s: float, right: float, left: float) -> Closing:
    return Closing(peak_s - 0.08, peak_s, peak_s + 0.1, (right, left), (1.0, 1.0))


def with_blinks(*blinks: Closing, yaw_deg: float = 0.0) -> RestingFace:
    one = Resting()
    for closing in blinks:
        one.blink(closing)
    found = rested(lambda t_s: face(yaw_deg=yaw_deg if t_s > 30.0 else 0.0), 60.0, one).figures()
    assert found is not None
    return found


def test_how_far_each_lid_closes_is_read() -> None:
    found = with_blinks(*(blink(3.0 + 3.0 * k, 0.8 + 0.01 * (k % 3), 0.4) for k in range(12)))
    closing = size(found, "lid_closing")
    assert (found.blinks, found.blinks_per_minute, found.one_sided_share) == (12, pytest.approx(12.0, abs=0.1), 1.0)
    assert (closing.right, closing.left) == (pytest.approx(0.81, abs=0.01), pytest.approx(0.4, abs=0.01))
    assert closing.difference == pytest.approx(-0.41, abs=0.01)
    assert closing.ratio == pytest.approx(0.49, abs=0.02)


def test_one_sided_blinks_are_told_from_those_that_are_weak_on_both() -> None:
    even = [blink(2.0 + 2.0 * k, 0.4, 0.35) for k in range(6)]
    found = with_blinks(*even, blink(20.0, 0.8, 0.3), blink(22.0, 0.2, 0.7))
    assert (found.blinks, found.one_sided_share) == (8, 0.25)


def test_blinks_of_a_turned_head_are_not_counted() -> None:
    found = with_blinks(*(blink(5.0 + 10.0 * k, 0.8, 0.8) for k in range(6)), yaw_deg=20.0)
    assert found.blinks == 3 and found.watched_s == pytest.approx(30.0, abs=0.2)


# in the line


def filmed(seconds: float = 9.0, lower_left_mm: float = 1.5) -> list[Reading]:
    """A quiet face that blinks every two seconds, the left lid a third of the way."""
    skin = Skin()
    rows = []
    for k in range(round(seconds * FPS)):
        t_s = k / FPS
        shut = math.exp(-(((t_s % 2.0 - 1.0) / 0.08) ** 2))
        context = face(lower_left_mm=lower_left_mm, shut=(0.9 * shut, 0.3 * shut))
        sample = dataclasses.replace(sample_at(t_s, skin.height_mm(t_s)), context=context)
        rows.append(Reading(t_s, False, 1, 2.5, sample))
    return rows


def test_an_analysis_and_its_rescoring_tell_the_same(tmp_path: Path) -> None:
    line = Decider(Settings())
    with SignalWriter(tmp_path / "s.h5", known()) as writer:
        for event in line.run(filmed()):
            if isinstance(event, Measured):
                writer.add(event)
    told = line.session_fields()["resting"]
    assert size(told).difference == pytest.approx(1.5, abs=0.05)
    assert told.blinks >= 3 and told.one_sided_share == 1.0
    assert size(told, "lid_closing").right == pytest.approx(0.9, abs=0.1)
    assert size(told, "lid_closing").left == pytest.approx(0.3, abs=0.1)
    with SignalFile(tmp_path / "s.h5") as file:
        assert rescore_signals(file).session.resting == told


def test_signals_of_before_there_was_a_context_tell_nothing(tmp_path: Path) -> None:
    rows = [dataclasses.replace(row, sample=dataclasses.replace(row.sample, context=UNKNOWN)) for row in filmed(8.0)]
    line = Decider(Settings())
    assert list(line.run(rows))
    fields = line.session_fields()
    assert fields["observed_s"] > 3.0 and fields["resting"] is None


def test_sessions_are_counted_apart() -> None:
    line = Decider(Settings())
    rows = filmed(16.0)
    halves: list[RestingFace] = []
    for k, row in enumerate(rows):
        list(line.push(row))
        if k == len(rows) // 2:
            halves.append(line.session_fields()["resting"])
            line.begin_session()
    list(line.drain())
    halves.append(line.session_fields()["resting"])
    one, two = halves
    assert one.watched_s + two.watched_s == pytest.approx(15.0, abs=2.5)
    assert abs(one.blinks - two.blinks) <= 2 and one.blinks + two.blinks >= 5


# in words


def sides(right: float, left: float, error: float = 0.3) -> BothSides:
    return BothSides(right, left, left - right, min(right, left) / max(right, left), 0.4, error)


def lines(**changes: Any) -> list[str]:
    base = RestingFace(
        quiet_s=34.2, watched_s=61.0, blinks=12, blinks_per_minute=11.8, mouth_height_mm=sides(66.0, 66.6),
        eye_open_mm=sides(9.1, 9.0), lid_closing=sides(0.92, 0.9), one_sided_share=0.0,
    )  # fmt: skip
    return resting_lines(dataclasses.replace(base, **changes))


def test_words() -> None:
    assert lines() == [
        "At rest (34 s): left mouth corner 0.6 mm lower than the right (+- 0.3, spread 0.4 mm); "
        "eyes open 9.1 mm right, 9.0 mm left (difference +- 0.3).",
        "Lids (61 s): 12 blinks, 12 a minute; "
        "the right lid closes 92 %, the left 90 % (a whole closing reads 60 to 90).",
    ]
    assert "right mouth corner 1.0 mm lower than the left" in lines(mouth_height_mm=sides(67.0, 66.0))[0]
    assert "mouth corners at one height" in lines(mouth_height_mm=sides(66.0, 66.04))[0]
    assert lines(one_sided_share=0.25)[1].endswith("; in 25 % of them one lid closes much less than the other.")
    assert lines(mouth_height_mm=None, eye_open_mm=None)[0].startswith("Lids")
    assert lines(lid_closing=None, blinks_per_minute=None)[1:] == []
    assert (
        lines(blinks=0, blinks_per_minute=0.0, lid_closing=None, one_sided_share=None)[1] == "Lids (61 s): no blinks."
    )
    assert resting_lines(None) == [] and resting_lines(RestingFace()) == []
