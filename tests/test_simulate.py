"""The truth must be true: what is said to have moved has moved by that much, then, there, and nowhere else."""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from detector import regions
from detector.errors import OutputError, SourceError, UsageError
from detector.simulate import simulate
from detector.simulate_clip import FaceTrack, inject_clip, inject_frames, measure, read_frames, smooth
from detector.simulate_life import Life, plan_blinks
from detector.simulate_plan import (
    GAP_S,
    MARGIN_S,
    NOSE_MUSCLES,
    TRUTH_COLUMNS,
    TwitchPlan,
    course,
    exposure_times,
    plan_events,
    write_truth,
)
from detector.simulate_still import Scene, render_still
from detector.spline import coefficients, sample
from detector.types import Face
from detector.warp import Bump, displacement, rest_position, warp_picture

HEIGHT, WIDTH = 120, 160


def _texture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Smooth random skin, uint8 BGR: detail well below the pixel grid's limit."""
    rng = np.random.default_rng(seed)
    planes = [gaussian_filter(rng.standard_normal((height, width)), 1.6, mode="wrap") for _ in range(3)]
    return np.stack([np.clip(128 + 45 * p / p.std(), 0, 255) for p in planes], axis=-1).astype(np.uint8)


def _measured_shift(before: np.ndarray, after: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """Displacement at (x, y) by least squares on the pixels, knowing the bump's shape but neither height nor angle.

    Gauss-Newton on after(p + d g(p)) = before(p), with its own gradients and interpolation.
    """
    a, b = before.astype(float).mean(axis=-1), after.astype(float).mean(axis=-1)
    gy, gx = np.gradient(b)
    reach = int(1.5 * radius)
    py, px = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    py, px = py + round(y), px + round(x)
    g = np.exp(-0.5 * ((px - x) ** 2 + (py - y) ** 2) / radius**2)
    d = np.zeros(2)
    for _ in range(30):
        where = [py + d[1] * g, px + d[0] * g]
        now, sx, sy = (map_coordinates(plane, where, order=3) for plane in (b, gx, gy))
        slope = np.stack([(g * sx).ravel(), (g * sy).ravel()], axis=1)
        step = np.linalg.lstsq(slope, (map_coordinates(a, [py, px], order=3) - now).ravel(), rcond=None)[0]
        d += step
    return d


@pytest.mark.parametrize(("dx", "dy"), [(1.0, 0.0), (0.37, -0.81), (-2.6, 1.9), (0.0, 4.0)])
def test_skin_point_moves_by_the_field(dx: float, dy: float) -> None:
    picture = _texture()
    bump = Bump(79.4, 61.7, dx, dy, 9.0)
    moved = warp_picture(picture, [[bump]])
    shift = _measured_shift(picture, moved, bump.x, bump.y, bump.radius)
    assert np.hypot(*(shift - (dx, dy))) < 0.02 * math.hypot(dx, dy)


def test_inverse_of_the_field_is_exact() -> None:
    bumps = [Bump(80.0, 60.0, 3.0, -2.0, 9.0), Bump(100.0, 66.0, -1.0, 1.5, 8.0)]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    rest_x, rest_y = rest_position(bumps, x, y)
    u, v = displacement(bumps, rest_x, rest_y)
    assert np.abs(rest_x + u - x).max() < 1e-3
    assert np.abs(rest_y + v - y).max() < 1e-3


def test_folding_skin_is_refused() -> None:
    y, x = np.mgrid[0:20, 0:20].astype(float)
    with pytest.raises(UsageError, match="fold"):
        rest_position([Bump(10.0, 10.0, 20.0, 0.0, 5.0)], x, y)


def test_pixels_outside_the_bump_stay_identical() -> None:
    picture = _texture()
    bump = Bump(70.0, 50.0, 2.0, 1.0, 6.0)
    moved = warp_picture(picture, [[bump.times(h)] for h in (0.2, 0.9, 1.0)])
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    far = np.hypot(x - bump.x, y - bump.y) > 4.0 * bump.radius + math.hypot(bump.dx, bump.dy)
    assert np.array_equal(moved[far], picture[far])
    assert (moved[~far] != picture[~far]).any()
    assert np.array_equal(warp_picture(picture, [[bump.times(0.0)]]), picture)


def test_bump_at_the_border_of_the_picture() -> None:
    picture = _texture()
    assert warp_picture(picture, [[Bump(2.0, 1.0, 1.0, 1.0, 6.0)]]).shape == picture.shape
    assert np.array_equal(warp_picture(picture, [[Bump(-90.0, 1.0, 1.0, 1.0, 6.0)]]), picture)


def test_exposure_averages_the_motion() -> None:
    """Half of the exposure at rest and half moved: the mean of the two pictures, not a picture moved by half."""
    picture = _texture()
    bump = Bump(80.0, 60.0, 3.0, 0.0, 8.0)
    still, moved = picture.astype(float), warp_picture(picture, [[bump]]).astype(float)
    both = warp_picture(picture, [[bump], [bump.times(0.0)]]).astype(float)
    assert np.abs(both - 0.5 * (still + moved)).max() <= 1.0
    times = exposure_times(2.0, 0.02)
    assert times.mean() == pytest.approx(2.0)
    assert np.ptp(times) == pytest.approx(0.016)


def test_spline_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    picture = _texture(40, 50)
    x, y = rng.uniform(0, 49, 500), rng.uniform(0, 39, 500)
    ours = sample(coefficients(picture), x, y)
    for channel in range(3):
        theirs = map_coordinates(picture[..., channel].astype(float), (y, x), order=3, mode="mirror")
        assert np.abs(ours[:, channel] - theirs).max() < 1e-9


@pytest.mark.parametrize(("rise", "fall", "skew"), [(0.035, 0.06, 1.0), (0.06, 0.12, 1.0), (0.045, 0.09, 0.7)])
def test_time_course(rise: float, fall: float, skew: float) -> None:
    t = np.linspace(-0.1, 0.3, 400_001)
    height = course(t, rise, fall, skew)
    assert height.max() == pytest.approx(1.0, abs=1e-6)
    assert t[height.argmax()] == pytest.approx(rise, abs=1e-4)
    moving = t[height > 0.0]
    assert moving[0] == pytest.approx(0.0, abs=1e-4)
    assert moving[-1] == pytest.approx(rise + fall, abs=1e-3)
    assert (np.diff(height[t < rise]) >= 0.0).all()
    assert (np.diff(height[t > rise]) <= 0.0).all()
    assert np.abs(np.diff(height)).max() < 1e-4  # no jump anywhere
    area = float(height.sum() * (t[1] - t[0]))
    if skew == 1.0:
        assert area == pytest.approx(0.5 * (rise + fall), rel=1e-3)
    else:
        assert area < 0.5 * (rise + fall)


def test_train_reaches_its_peak_once_per_twitch() -> None:
    event = TwitchPlan(1, "procerus", "midline", (2.0, 2.2, 2.4), 1.5, strengths=(0.8, 1.0, 0.9))
    t = np.linspace(1.5, 3.0, 15_001)
    height = event.course(t)
    assert height.max() == pytest.approx(1.0, abs=1e-4)
    peaks = np.flatnonzero((height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:])) + 1
    assert t[peaks] == pytest.approx([2.045, 2.245, 2.445], abs=1e-3)
    assert event.offset_s == pytest.approx(2.535)
    assert not event.course(np.array([1.99, event.offset_s + 1e-6])).any()


@pytest.mark.parametrize("fps", [15.0, 24.0, 50.0, 240.0])
def test_time_course_does_not_depend_on_the_frame_rate(fps: float) -> None:
    event = plan_events(10.0, 1, 3, sizes_mm=[1.0], train_share=1.0)[0]
    times = np.arange(round(10 * fps)) / fps
    fine = np.arange(0.0, 10.0, 1e-4)
    assert event.course(times) == pytest.approx(np.interp(times, fine, event.course(fine)), abs=2e-3)


def test_plan_keeps_gaps_margins_and_the_mix() -> None:
    spans = [(0.0, 30.0), (31.0, 31.2), (34.0, 62.0)]  # the middle one is too short for any
    events = plan_events(62.0, 20, 5, sizes_px=[1, 2, 4], spans=spans)
    assert [e.event for e in events] == list(range(1, 21))
    for a, b in itertools.pairwise(events):
        assert b.onset_s - a.offset_s >= GAP_S - 1e-3
    for e in events:
        assert any(s + MARGIN_S - 1e-3 <= e.onset_s and e.offset_s <= t - MARGIN_S + 1e-3 for s, t in spans)
        assert e.muscle in NOSE_MUSCLES
        assert 0.0249 < e.rise_s <= 0.060
        assert 0.0549 < e.fall_s <= 0.120
        assert len(e.onsets_s) == 1 or 3 <= len(e.onsets_s) <= 8
        intervals = np.diff(e.onsets_s)
        assert (intervals >= e.rise_s + e.fall_s).all()
        assert ((intervals > 0.9 / 8.0) & (intervals < 1.1 / 3.0)).all()
    assert sum(len(e.onsets_s) > 1 for e in events) == 10
    assert {e.side for e in events} == {"left", "right", "midline"}
    assert sorted({e.amplitude_px for e in events}) == [1.0, 2.0, 4.0]


def test_plan_is_repeatable() -> None:
    assert plan_events(60.0, 8, 11, sizes_mm=[0.5, 1.0]) == plan_events(60.0, 8, 11, sizes_mm=[0.5, 1.0])
    assert plan_events(60.0, 8, 11, sizes_mm=[0.5, 1.0]) != plan_events(60.0, 8, 12, sizes_mm=[0.5, 1.0])


def test_plan_refuses_what_cannot_be() -> None:
    with pytest.raises(UsageError, match="do not fit"):
        plan_events(10.0, 9, 1, sizes_mm=[1.0])
    with pytest.raises(UsageError, match="either in mm or in px"):
        plan_events(10.0, 1, 1)
    with pytest.raises(UsageError, match="greater than zero"):
        plan_events(10.0, 1, 1, sizes_mm=[0.0])
    with pytest.raises(UsageError, match="the muscles are procerus"):
        plan_events(10.0, 1, 1, sizes_mm=[1.0], muscles=["biceps"])
    with pytest.raises(UsageError, match="No muscle"):
        TwitchPlan(1, "procerus", "left", (1.0,), 1.0)


def test_truth_file_round_trip(tmp_path: Path) -> None:
    from detector.score_files import read_truth

    events = plan_events(40.0, 6, 2, sizes_px=[1, 2, 4])
    rows = [e.truth(1.7) for e in events]
    path = tmp_path / "truth.csv"
    write_truth(path, rows)
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == TRUTH_COLUMNS
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(TRUTH_COLUMNS)
    for line, event, back in zip(lines, events, read_truth(path), strict=True):
        assert (line["event"], line["kind"]) == (str(event.event), "fasciculation_like")
        assert (back.muscle, back.side, back.twitches) == (event.muscle, event.side, len(event.onsets_s))
        assert back.onset_s == pytest.approx(event.onset_s, abs=1e-4)
        assert back.offset_s == pytest.approx(event.offset_s, abs=1e-4)
        assert event.amplitude_px is not None
        assert back.amplitude_px == pytest.approx(event.amplitude_px, abs=1e-3)
    with pytest.raises(OutputError):
        write_truth(tmp_path / "missing" / "truth.csv", rows)


def _face(width: int = WIDTH, height: int = HEIGHT, tilt_deg: float = 0.0) -> Face:
    """A face without a picture: only the points the simulation reads are where they are on a face."""
    scale = 1.0  # px/mm
    points = np.full((478, 2), np.nan)
    center = np.array([width / 2, height / 2 - 10.0])
    for site in regions.SITES:
        across = {"right": -18.0, "left": 18.0, "midline": 0.0}[site.side]
        points[list(site.points)] = (across, 25.0)
    points[[33, 133, 362, 263]] = [(-44.0, 0.0), (-19.0, 0.0), (19.0, 0.0), (44.0, 0.0)]
    for outline, middle in ((regions.EYE_OUTLINE_RIGHT, -31.5), (regions.EYE_OUTLINE_LEFT, 31.5)):
        turn = np.pi * np.arange(16) / 8.0
        sign = -1.0 if middle < 0 else 1.0
        points[list(outline)] = np.stack([middle + sign * 12.5 * np.cos(turn), -4.0 * np.sin(turn)], axis=1)
    points[[469, 471, 474, 476]] = [(-37.35, 0.0), (-25.65, 0.0), (37.35, 0.0), (25.65, 0.0)]
    points[np.isnan(points[:, 0])] = (0.0, 10.0)
    a = math.radians(tilt_deg)
    points = scale * points @ np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) + center
    return Face(0, 0.0, points.astype(np.float32), scale, (0.0, 0.0, 0.0), (0.3, 0.3), 0.0, 100.0, 128.0, 130.0, 1, 1.0)


def test_scale_and_tilt_are_read_from_the_eyes() -> None:
    rows = np.array([measure(_face(tilt_deg=20.0))] * 40)
    track = smooth(np.arange(40) / 30.0, rows)
    assert track.px_per_mm(0.5) == pytest.approx(1.0, rel=1e-4)
    assert track.roll(0.5) == pytest.approx(20.0, abs=1e-3)


def test_smoothing_takes_the_jitter_and_keeps_the_gaps() -> None:
    rng = np.random.default_rng(4)
    rows = np.array([measure(_face())] * 90)
    rows[:, :28] += rng.normal(0.0, 0.5, (90, 28))
    rows[40:50] = np.nan
    track = smooth(np.arange(90) / 30.0, rows)
    assert track.spans() == [(0.0, pytest.approx(39 / 30)), (pytest.approx(50 / 30), pytest.approx(89 / 30))]
    good = track.found
    assert track.centers_px[good].std(axis=0).mean() < 0.6 * rows[good][:, :28].std(axis=0).mean()


def _track(frames: int, fps: float) -> FaceTrack:
    return smooth(np.arange(frames) / fps, np.array([measure(_face())] * frames))


def _clip(path: Path, frames: int, fps: float) -> np.ndarray:
    from detector.encode import VideoWriter

    picture = _texture()
    with VideoWriter(path, WIDTH, HEIGHT, codec="ffv1", fps=fps) as writer:
        for k in range(frames):
            # a moving speck in the corner: no frame is a repetition of the one before
            frame = picture.copy()
            frame[0:4, (3 * k) % 100 : (3 * k) % 100 + 3] = 255
            writer.write(frame, k / fps)
    return picture


def _injected(tmp_path: Path, side: str, fps: float = 25.0, **options: object) -> tuple[np.ndarray, list, list]:
    source, out = tmp_path / "source.mkv", tmp_path / "out.mkv"
    picture = _clip(source, 50, fps)
    # A slow twitch: one frame falls on its peak at any rate.
    event = TwitchPlan(1, "nasalis_alar", side, (0.9,), amplitude_px=2.0, rise_s=0.1, fall_s=0.2, radius_mm=5.0)  # type: ignore[arg-type]
    rows = inject_clip(
        source, out, tmp_path / "truth.csv", [event], model=Path("unused"), track=_track(50, fps),
        codec="ffv1", crf=None, **options,
    )  # type: ignore[arg-type]  # fmt: skip
    return picture, list(read_frames(out)), rows


@pytest.mark.parametrize(("side", "where"), [("left", 1), ("right", -1)])
def test_left_is_the_subjects_own(tmp_path: Path, side: str, where: int) -> None:
    """The subject's left is on the right of the picture, and its nostril is pulled outwards: to the right."""
    picture, frames, _ = _injected(tmp_path, side)
    peak = next(f for f in frames if abs(f.t_s - 1.0) < 1e-6).image
    change = np.abs(peak.astype(float) - picture).sum(axis=-1)
    change[:8] = 0.0
    center = (change.sum(axis=0) * np.arange(WIDTH)).sum() / change.sum()
    assert (center - WIDTH / 2) * where > 10.0
    x, y = WIDTH / 2 + 18.0 * where, HEIGHT / 2 + 15.0
    shift = _measured_shift(picture, peak, x, y, 5.0)
    assert shift[0] * where > 1.5
    assert np.hypot(*shift) == pytest.approx(2.0, rel=0.06)  # the shutter takes a little from the very peak


def test_clip_keeps_times_and_rest(tmp_path: Path) -> None:
    picture, frames, rows = _injected(tmp_path, "left")
    assert [f.t_s for f in frames] == pytest.approx(list(np.arange(50) / 25.0), abs=2e-3)
    assert np.array_equal(frames[10].image[8:], picture[8:])
    assert np.array_equal(frames[-1].image[8:], picture[8:])
    assert (rows[0].amplitude_mm, rows[0].px_per_mm) == (pytest.approx(2.0, rel=1e-3), pytest.approx(1.0, rel=1e-3))


def test_frames_without_a_file_are_those_of_the_file(tmp_path: Path) -> None:
    _, written, rows = _injected(tmp_path, "right")
    event = TwitchPlan(1, "nasalis_alar", "right", (0.9,), amplitude_px=2.0, rise_s=0.1, fall_s=0.2, radius_mm=5.0)
    frames, truth = inject_frames(read_frames(tmp_path / "source.mkv"), [event], _track(50, 25.0))
    for frame, other in zip(frames, written, strict=True):
        assert frame.t_s == pytest.approx(other.t_s, abs=2e-3) and np.array_equal(frame.image, other.image)
    assert truth == rows
    still = [replace(frame, repeated=frame.index == 25) for frame in written]
    held = list(inject_frames(still, [event], _track(50, 25.0))[0])
    assert np.array_equal(held[25].image, held[24].image)  # a repeated picture shows the twitch where it was


def test_other_rate_and_size(tmp_path: Path) -> None:
    _, frames, rows = _injected(tmp_path, "left", fps=25.0)
    _, double, rows_double = _injected(tmp_path, "left", fps=25.0, scale=2.0)
    assert double[0].image.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert rows_double[0].px_per_mm == pytest.approx(2.0 * rows[0].px_per_mm)
    assert rows_double[0].amplitude_mm == pytest.approx(rows[0].amplitude_mm)
    source, out = tmp_path / "source.mkv", tmp_path / "fast.mkv"
    event = TwitchPlan(1, "procerus", "midline", (0.9,), amplitude_px=2.0)
    inject_clip(
        source, out, None, [event], model=Path("unused"), track=_track(50, 25.0), codec="ffv1", crf=None, fps=50
    )
    fast = [f.t_s for f in read_frames(out)]
    assert fast == pytest.approx(list(np.arange(len(fast)) / 50.0), abs=2e-3)
    assert len(fast) == 2 * len(frames) - 1


def test_still_comes_alive_and_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.simulate_still.find_face", lambda *_: _face())
    event = TwitchPlan(1, "nasalis_alar", "left", (0.5,), amplitude_mm=2.0)
    clips = []
    for seed in (1, 1, 2):
        out = tmp_path / f"clip{len(clips)}.mkv"
        rows = render_still(
            _texture(), out, tmp_path / "truth.csv", [event], model=Path("unused"), duration_s=1.0, width=WIDTH,
            height=HEIGHT, face_width_px=130.0, fps=12.0, seed=seed, codec="ffv1",
        )  # fmt: skip
        clips.append([f.image for f in read_frames(out)])
        assert rows[0].px_per_mm == pytest.approx(1.0, rel=1e-3)
    assert len(clips[0]) == 12
    assert all(np.array_equal(a, b) for a, b in zip(clips[0], clips[1], strict=True))
    assert not np.array_equal(clips[0][0], clips[2][0])


def test_scene_twitch_and_blink_stay_where_they_belong() -> None:
    from detector.simulate_life import Pose

    picture = _texture()
    scene = Scene(picture, _face(), WIDTH, HEIGHT, 130.0)
    rest, full = Pose(0.0, 0.0, 0.0, 1.0), (0, 0, WIDTH, HEIGHT)
    still = scene.at(rest, (), 0.0, full)
    dx, dy = (int(v) for v in np.rint(scene.points[33] - _face().points_px[33]))
    inner = picture[30:90, 30:130]
    assert np.abs(still[30 + dy : 90 + dy, 30 + dx : 130 + dx] - inner).max() < 1e-3  # no motion: the portrait itself
    event = TwitchPlan(1, "nasalis_alar", "left", (0.0,), amplitude_mm=2.0, radius_mm=5.0)
    bump = event.bump(scene.site("nasalis_alar", "left"), scene.px_per_mm, scene.roll_deg)
    moved = scene.at(rest, (bump,), 0.0, full)
    shift = _measured_shift(still, moved, bump.x, bump.y, bump.radius)
    assert np.hypot(*(shift - (bump.dx, bump.dy))) < 0.04
    swayed = scene.at(Pose(3.0, -2.0, 0.0, 1.0), (), 0.0, full)
    assert np.abs(swayed[42:90, 60:100] - still[44:92, 57:97]).max() < 1e-3  # rigid over the head
    closed = np.abs(scene.at(rest, (), 1.0, full) - still).sum(axis=-1)
    eyes = closed[40:65].sum()
    assert eyes > 5.0 * closed[75:].sum()


def test_life_is_slow_and_the_same_at_any_rate() -> None:
    life, again = Life(3, 60.0), Life(3, 60.0)
    assert life.pose(7.3) == again.pose(7.3)
    t = np.arange(0.0, 60.0, 1 / 30)
    x = np.array([life.pose(s).x for s in t])
    gain = np.array([life.gain(s) for s in t])
    assert 0.3 < x.std() < 3.0
    assert np.abs(np.diff(x)).max() < 0.4  # mm in 1/30 s
    assert np.abs(gain - 1.0).max() <= 0.02 + 1e-9


def test_blinks_leave_the_clear_times_alone() -> None:
    clear = [(5.0, 8.0), (20.0, 24.0)]
    blinks = plan_blinks(60.0, 1, clear=clear)
    assert 6 <= len(blinks) <= 20
    for blink in blinks:
        length = blink.close_s + blink.open_s
        assert 0.15 <= length <= 0.30
        assert not any(a < blink.onset_s + length and blink.onset_s < b for a, b in clear)
        assert blink.closed(blink.onset_s + blink.close_s) == pytest.approx(blink.depth)


def test_portrait_without_a_face(tmp_path: Path) -> None:
    import cv2

    portrait = tmp_path / "wall.png"
    assert cv2.imwrite(str(portrait), _texture())
    with pytest.raises(SourceError, match=r"No face was found in .*wall\.png: choose a portrait"):
        simulate(portrait, tmp_path / "out.mp4", events=1, sizes_mm=[1.0], duration_s=5.0)
    assert not list(tmp_path.glob("*.mp4"))


def test_bad_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file"):
        simulate(tmp_path / "none.mp4", tmp_path / "out.mp4", events=1, sizes_mm=[1.0])
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with pytest.raises(SourceError, match="not a picture"):
        simulate(empty, tmp_path / "out.mp4", events=1, sizes_mm=[1.0])
    with pytest.raises(UsageError, match="overwritten"):
        simulate(empty, empty, events=1, sizes_mm=[1.0])
