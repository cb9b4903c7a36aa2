"""Reading clips: true times, upright pictures, repeats and gaps; every bad input gives one clear sentence."""

from __future__ import annotations

import gc
import resource
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from detector.frames import ClipSource
from detector.types import Frame
from tests import clips

MILLISECOND = 1e-3


def read(path: Path, **part: float) -> tuple[list[Frame], ClipSource]:
    with ClipSource(path, **part) as source:
        frames = list(source)
    return frames, source


def times_of(frames: list[Frame]) -> list[float]:
    return [frame.t_s for frame in frames]


# --- presentation times ---------------------------------------------------------------------------------------------

QUIET_265 = {"x265-params": "log-level=none"}
FORMATS = {
    "h264.mp4": {},
    "h264 without B-frames.mov": {"options": {"bf": "0"}},
    "h264 with many B-frames.mkv": {"options": {"bf": "8", "b-pyramid": "normal"}},
    "h264.ts": {},
    "h264 10 bit.mp4": {"pix_fmt": "yuv420p10le"},
    "h264 gray.mp4": {"pix_fmt": "gray"},
    "fragmented.mp4": {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    "with sound.mp4": {"sound": True},
    "hevc.mp4": {"codec": "libx265", "options": QUIET_265},
    "hevc 10 bit.mkv": {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": QUIET_265},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}},
    "vp9 alpha.webm": {"codec": "libvpx-vp9", "pix_fmt": "yuva420p", "options": {"cpu-used": "8"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12"}},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg4.mkv": {"codec": "mpeg4", "tick": Fraction(1, 10_000)},
    "lossless.mkv": {"codec": "ffv1"},
    "alpha.mov": {"codec": "qtrle", "pix_fmt": "argb"},
    "prores 4444.mov": {"codec": "prores_ks", "pix_fmt": "yuva444p10le"},
}


@pytest.mark.parametrize("start", [0.0, 7.3])
@pytest.mark.parametrize("name", FORMATS)
def test_times_are_the_ones_written(tmp_path: Path, name: str, start: float) -> None:
    times = clips.uneven_times(24)
    path = clips.write_clip(tmp_path / name, [start + time for time in times], **FORMATS[name])
    frames, source = read(path)
    assert times_of(frames) == pytest.approx(times, abs=MILLISECOND)
    assert all(frame.t_exact for frame in frames)
    assert [frame.index for frame in frames] == list(range(24))
    assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
    assert (source.width, source.height, source.frames_read, source.frames_repeated) == (160, 120, 24, 0)
    assert source.notes == []


@pytest.mark.parametrize("fps", [12, 24000 / 1001, 25, 29.97, 50, 240])
def test_constant_rates(tmp_path: Path, fps: float) -> None:
    frames, source = read(clips.write_clip(tmp_path / "even.mp4", clips.even_times(48, fps)))
    assert times_of(frames) == pytest.approx(clips.even_times(48, fps), abs=1e-4)
    assert source.nominal_fps == pytest.approx(fps, rel=0.15)
    assert source.duration_s == pytest.approx(48 / fps, rel=0.2)
    assert source.frames_lost == 0


@pytest.mark.parametrize(
    ("name", "codec"), [("old.avi", "mpeg4"), ("old.avi", "mjpeg"), ("old.mpg", "mpeg2video"), ("old.wmv", "wmv2")]
)
def test_old_containers(tmp_path: Path, name: str, codec: str) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = clips.write_clip(
        tmp_path / name, clips.even_times(30, 30), codec=codec, pix_fmt=pix_fmt, tick=Fraction(1, 30)
    )
    frames, _ = read(path)
    assert times_of(frames) == pytest.approx(clips.even_times(30, 30), abs=MILLISECOND)


def test_pictures_before_zero_are_cut_by_the_edit_list(tmp_path: Path) -> None:
    times = clips.uneven_times(30)
    written = [time - 0.5 for time in times]
    frames, _ = read(clips.write_clip(tmp_path / "edited.mp4", written))
    shown = [time for time in written if time >= 0]
    assert times_of(frames) == pytest.approx([time - shown[0] for time in shown], abs=MILLISECOND)


def test_stream_without_any_times_counts_at_the_announced_rate(tmp_path: Path) -> None:
    frames, source = read(clips.write_clip(tmp_path / "raw.h264", clips.even_times(30, 30)))
    steps = np.diff(times_of(frames))
    assert len(frames) == 30
    assert steps == pytest.approx(1.0 / source.nominal_fps)
    assert not any(frame.t_exact for frame in frames[1:])
    assert "no usable time" in source.notes[-1] and "29 of 30" in source.notes[-1]


def test_joined_recordings_go_on_where_the_first_ended(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "joined.ts", clips.even_times(30, 30))
    path.write_bytes(path.read_bytes() * 2)
    frames, source = read(path)
    assert len(frames) == 60
    assert np.diff(times_of(frames)) == pytest.approx(1 / 30, abs=0.034)
    assert min(np.diff(times_of(frames))) > 0
    assert any("clock is set anew" in note for note in source.notes)


# --- upright, fresh pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((0, 1, -1, 0), lambda image: np.rot90(image, 3)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
    ],
    ids=["right turn", "upside down", "left turn", "mirrored", "flipped", "transposed", "anti-transposed"],
)
@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_turned_and_mirrored_clips_are_upright(tmp_path: Path, codec: str, matrix: tuple, shown) -> None:  # type: ignore
    path = clips.write_clip(tmp_path / "phone.mp4", clips.even_times(3, 30), codec=codec)
    stored = clips.decoded(path)[0]
    clips.set_matrix(path, *matrix)
    frames, source = read(path)
    expected = shown(stored)
    assert frames[0].image.shape == expected.shape == (source.height, source.width, 3)
    assert np.abs(frames[0].image.astype(float) - expected).mean() < 2.0
    mirrored = matrix[0] * matrix[3] - matrix[1] * matrix[2] < 0
    assert any("mirrored" in note for note in source.notes) == mirrored


def test_odd_sizes(tmp_path: Path) -> None:
    pictures = clips.textured(5, width=161, height=121)
    frames, _ = read(clips.write_clip(tmp_path / "odd.mp4", clips.even_times(5, 30), pictures, pix_fmt="yuv444p"))
    assert frames[4].image.shape == (121, 161, 3)
    assert np.abs(frames[4].image.astype(float) - pictures[4]).mean() < 6.0


def test_8k(tmp_path: Path) -> None:
    picture = np.zeros((4320, 7680, 3), np.uint8)
    picture[:, ::64] = 200
    path = clips.write_clip(
        tmp_path / "8k.mp4", clips.even_times(2, 30), [picture, picture], codec="mjpeg", pix_fmt="yuvj420p"
    )
    frames, _ = read(path)
    assert frames[1].image.shape == (4320, 7680, 3)


def test_images_may_be_kept_and_drawn_on(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(6, 30))
    untouched = [frame.image.copy() for frame in read(path)[0]]
    kept = []
    with ClipSource(path) as source:
        for frame in source:
            assert not any(np.shares_memory(frame.image, other) for other in kept)
            kept.append(frame.image)
            if frame.index % 2:
                frame.image[:] = 0
    assert all(np.array_equal(kept[i], untouched[i]) for i in range(0, 6, 2))
    assert source.frames_repeated == 0


def test_memory_stays_flat(tmp_path: Path) -> None:
    pictures = [np.roll(np.tile(np.arange(640, dtype=np.uint8), (480, 1))[..., None], 7 * i, 1) for i in range(300)]
    path = clips.write_clip(
        tmp_path / "long.avi",
        clips.even_times(300, 30),
        [np.repeat(picture, 3, axis=2) for picture in pictures],
        codec="mjpeg",
        pix_fmt="yuvj420p",
        tick=Fraction(1, 30),
    )
    del pictures
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ClipSource(path) as source:
        count = sum(1 for _ in source)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert count == 300
    assert grown < 60e6  # 300 pictures would be 276 MB


# --- parts ----------------------------------------------------------------------------------------------------------


def test_part_is_half_open_and_keeps_source_times(tmp_path: Path) -> None:
    times = clips.even_times(90, 30)
    path = clips.write_clip(tmp_path / "a.mp4", times, options={"g": "250"})
    whole, _ = read(path)
    part, source = read(path, start_s=1.0, end_s=2.0)
    assert [frame.index for frame in part] == list(range(30, 60))
    assert times_of(part) == pytest.approx(times[30:60], abs=1e-6)
    assert all(np.array_equal(part[i].image, whole[30 + i].image) for i in (0, 15, 29))
    assert source.frames_read == 30 and source.frames_lost == 0


@pytest.mark.parametrize("part", [{"start_s": -1.0}, {"start_s": 2.0, "end_s": 2.0}, {"end_s": 0.0}])
def test_empty_part_is_wrong_usage(tmp_path: Path, part: dict[str, float]) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30))
    with pytest.raises(UsageError, match="empty"):
        ClipSource(path, **part)


def test_start_after_the_end_says_where_the_clip_ends(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(30, 30))
    with pytest.raises(UsageError, match=r"no picture from 5 s on.* 0\.97 s"):
        read(path, start_s=5.0)


def test_part_inside_a_gap_is_wrong_usage(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", [0.0, 0.04, 0.08, 3.0, 3.04])
    with pytest.raises(UsageError, match=r"no picture from 1 s to 2 s.* 0\.08 s"):
        read(path, start_s=1.0, end_s=2.0)


# --- repeats, gaps, damage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "name"), [("ffv1", "a.mkv"), ("libx264", "a.mp4")])
def test_repeated_pictures_are_marked(tmp_path: Path, codec: str, name: str) -> None:
    pictures = clips.textured(70)
    repeats = [20, 27, 34, 41, 42, 60]
    for index in repeats:
        pictures[index] = pictures[index - 1]
    frames, source = read(clips.write_clip(tmp_path / name, clips.even_times(70, 30), pictures, codec=codec))
    assert [frame.index for frame in frames if frame.repeated] == repeats
    assert source.frames_repeated == len(repeats) and source.frames_read == 70


def test_still_scene_with_a_tiny_movement_is_not_repeated(tmp_path: Path) -> None:
    """A twitch of a few gray levels in one spot of an otherwise motionless, noise-free picture is a new picture."""
    base = clips.textured(1)[0]
    pictures = [base.copy() for _ in range(60)]
    for index in range(20, 40, 2):
        pictures[index][50:58, 70:78] += np.uint8(4)
    frames, _ = read(clips.write_clip(tmp_path / "still.mkv", clips.even_times(60, 30), pictures, codec="ffv1"))
    assert not any(frame.repeated for frame in frames[20:40])
    assert all(frame.repeated for frame in frames[1:20])


def test_frozen_picture_is_noted(tmp_path: Path) -> None:
    pictures = clips.textured(130)
    pictures[30:110] = [pictures[29]] * 80
    _, source = read(clips.write_clip(tmp_path / "frozen.mp4", clips.even_times(130, 30), pictures))
    (note,) = source.notes
    begin, end = (float(word) for word in note.split() if word[0].isdigit())
    assert "frozen" in note
    assert (begin, end) == pytest.approx((29 / 30, 110 / 30), abs=0.1)


def test_missing_frames_are_counted_and_long_gaps_noted(tmp_path: Path) -> None:
    times = [time for i, time in enumerate(clips.even_times(90, 30)) if i not in (20, 40, 41) and not 60 <= i < 75]
    frames, source = read(clips.write_clip(tmp_path / "gaps.mp4", times))
    assert times_of(frames) == pytest.approx(times, abs=MILLISECOND)
    assert source.frames_lost == 1 + 2 + 15
    assert source.notes == ["no picture can be read from 2.00 s to 2.50 s"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("h264.mp4", {}),
        ("h264.mkv", {}),
        ("h264.ts", {}),
        ("hevc.mp4", {"codec": "libx265", "options": QUIET_265 | {"g": "15"}}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "g": "15"}}),
        ("av1.mkv", {"codec": "libsvtav1", "options": {"preset": "12", "g": "15"}}),
    ],
)
def test_damaged_stretch_is_passed_over(tmp_path: Path, name: str, arguments: dict) -> None:
    times = clips.even_times(180, 30)
    path = clips.write_clip(tmp_path / name, times, **({"options": {"g": "15"}} | arguments))
    good = {round(time, 2): image for time, image in ((f.t_s, f.image) for f in read(path)[0])}
    clips.damage(path, 0.45, 0.55)
    frames, source = read(path)
    got = times_of(frames)
    assert 90 < len(frames) < 180
    assert got[-1] == pytest.approx(times[-1], abs=MILLISECOND)
    assert set(np.round(got, 2)) <= set(good)
    assert all(np.array_equal(frame.image, good[round(frame.t_s, 2)]) for frame in frames[:60] + frames[-30:])
    assert not any((frame.image < 8).all() for frame in frames)
    assert source.frames_lost >= 10
    assert any("no picture can be read from" in note for note in source.notes)


def test_failing_packets_are_passed_without_seeking(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(180, 30), options={"g": "15"})
    clips.damage(path, 0.45, 0.55)
    with ClipSource(path) as source:
        source._seekable = False
        got = [frame.t_s for frame in source]
    assert got[-1] == pytest.approx(179 / 30, abs=MILLISECOND)


def test_failing_demuxer_is_passed_by_seeking(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(180, 30), options={"g": "15"}, sound=True)
    clips.misplace_chunks(path, 0.5, 0.55)
    frames, source = read(path)
    got = times_of(frames)
    assert got[-1] == pytest.approx(179 / 30, abs=MILLISECOND)
    assert min(np.diff(got)) > 0
    assert len(frames) >= 130
    assert any("no picture can be read from" in note for note in source.notes)


@pytest.mark.parametrize(
    ("name", "muxer_options"), [("cut.mp4", {"movflags": "faststart"}), ("cut.mkv", {}), ("cut.avi", {})]
)
def test_cut_short_with_its_index_gives_what_is_there(tmp_path: Path, name: str, muxer_options: dict) -> None:
    path = clips.write_clip(
        tmp_path / name,
        clips.even_times(180, 30),
        codec="mjpeg",
        pix_fmt="yuvj420p",
        tick=Fraction(1, 30),
        muxer_options=muxer_options,
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, source = read(path)
    assert 60 < len(frames) < 120
    assert "although 6.00 s are announced" in source.notes[-1]


def test_leaving_early_closes_and_completes_the_notes(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "raw.h264", clips.even_times(30, 30))
    with ClipSource(path) as source:
        for frame in source:
            if frame.index == 9:
                break
    assert list(source) == []
    assert source.frames_read == 10
    assert len(source.notes) == 1 and "9 of 10" in source.notes[0]


def test_notes_do_not_grow_without_bound(tmp_path: Path) -> None:
    times = np.cumsum([0.5 if i > 20 and i % 20 == 0 else 1 / 30 for i in range(700)])
    path = clips.write_clip(tmp_path / "a.mkv", times.tolist(), clips.textured(100) * 7)
    _, source = read(path)
    assert len(source.notes) == 21
    assert source.notes[-1] == "13 more notes of these kinds"


def test_absurd_announced_rates_are_not_used(tmp_path: Path) -> None:
    _, source = read(clips.write_clip(tmp_path / "uneven.ts", clips.uneven_times(20)))
    assert source.nominal_fps == 0.0  # OpenCV says 90000
