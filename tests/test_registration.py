"""Placement, registration and metering on a made face whose every motion is known."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from detector import regions
from detector.config import Settings
from detector.gain import BUMP_STEP_MM, USUAL_COUNT, GainProbe
from detector.grid import pulse
from detector.motion import APART_MM, BUMP_MM, REGION_COUNT, SITE_COUNT, Meter, Sample, apart_shares
from detector.placement import HeadCrop
from detector.registration import LOOKS_S, PATCH_PX, Registrar
from detector.spline import coefficients, sample
from detector.types import Face, Frame

F64 = npt.NDArray[np.float64]

PLACES_MM = np.array(
    [(0.0, -3.3), (0.0, 45.0), (-10.8, 20.3), (10.8, 20.3), (-15.2, 37.4), (15.2, 37.4), (-18.8, 33.0), (18.8, 33.0),
     (-14.0, 55.4), (14.0, 55.4), (-26.9, 12.7), (26.9, 12.7), (-32.1, 41.4), (32.1, 41.4)]
)  # fmt: skip
SIZE = 260  # px, of the square picture
FPS = 30.0


def mesh_mm() -> F64:
    """Mesh points in mm: the rigid ones of the canonical model, those of a muscle at its usual place."""
    points = np.zeros((478, 2))
    members: dict[int, list[F64]] = {}
    for place, site in zip(PLACES_MM, regions.SITES, strict=True):
        for point in site.points:
            members.setdefault(point, []).append(place)
    for point, places in members.items():
        points[point] = np.mean(places, axis=0)
    for point, place in zip(regions.RIGID, regions.RIGID_MM, strict=True):
        points[point] = place
    return points


@dataclass(frozen=True)
class Pose:
    """Where the head is in the picture: px per mm, radians clockwise, and the middle of the eyes in px."""

    scale: float = 2.0
    roll: float = 0.0
    x: float = 130.0
    y: float = 92.0

    @property
    def matrix(self) -> F64:
        c, s = self.scale * math.cos(self.roll), self.scale * math.sin(self.roll)
        return np.array([[c, -s, self.x], [s, c, self.y]])


@dataclass(frozen=True)
class Bump:
    """Gaussian bump of skin motion, its course in time a jerk with the peak at ``t_s``."""

    region: int
    mm: tuple[float, float]
    t_s: float = 14 / 15  # a frame at 15 and at 30 a second

    def shift_mm(self, t_s: float, x: F64, y: F64) -> tuple[F64, F64]:
        now = float(pulse(np.array([t_s - self.t_s]), 0.05, 0.11)[0])
        cx, cy = centers_mm()[self.region]
        shape = now * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2.0 * BUMP_MM**2))
        return self.mm[0] * shape, self.mm[1] * shape


def centers_mm() -> F64:
    points = mesh_mm()
    return np.array([points[list(site.points)].mean(axis=0) for site in regions.SITES])


TEXTURE_PX_PER_MM = 5.0
TEXTURE_CORNER_MM = (-95.0, -85.0)


@functools.cache
def skin() -> F64:
    """Spline of a skin texture with lengths of 4.5-22 mm, 25 times finer than any of them."""
    rng = np.random.default_rng(4)
    length, turn = rng.uniform(4.5, 22.0, 26), rng.uniform(0.0, math.pi, 26)
    y, x = np.mgrid[:1000, :950] / TEXTURE_PX_PER_MM
    gray = np.full(x.shape, 125.0)
    for size, angle, phase in zip(length, turn, rng.uniform(0.0, 2.0 * math.pi, 26), strict=True):
        gray += 8.0 * np.sin(2.0 * math.pi / size * (math.cos(angle) * x + math.sin(angle) * y) + phase)
    return coefficients(np.repeat(gray[..., None], 3, axis=2))


@functools.lru_cache(maxsize=4)
def clean(t_s: float, pose: Pose, bump: Bump | None, size: int) -> F64:
    """Gray picture (size, size) of the face without noise."""
    row, column = np.mgrid[:size, :size].astype(np.float64)
    inverse = np.linalg.inv(pose.matrix[:, :2])
    dx, dy = column - pose.x, row - pose.y
    x, y = inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy
    if bump is not None:
        seen_x, seen_y = x.copy(), y.copy()
        for _ in range(12):  # where the skin now seen at a place came from
            ux, uy = bump.shift_mm(t_s, x, y)
            x, y = seen_x - ux, seen_y - uy
    left, top = TEXTURE_CORNER_MM
    return sample(skin(), TEXTURE_PX_PER_MM * (x - left), TEXTURE_PX_PER_MM * (y - top))[..., 0]


def render(t_s: float, pose: Pose, bump: Bump | None = None, light: float = 1.0, size: int = SIZE) -> Frame:
    """The made face at a time: skin fixed to the head but for the bump, and sensor noise of 1 gray level."""
    moving = bump is not None and abs(t_s - bump.t_s) < 0.2
    gray = clean(t_s if moving else 0.0, pose, bump if moving else None, size)
    noise = np.random.default_rng(round(t_s * 1e4) + 1).normal(0.0, 1.0, gray.shape)
    image = np.clip(light * gray + noise + 0.5, 0, 255).astype(np.uint8)
    return Frame(round(t_s * FPS), t_s, True, np.repeat(image[..., None], 3, axis=2))


def face_at(frame: Frame, pose: Pose, jitter_px: float = 0.0) -> Face:
    points = mesh_mm() @ pose.matrix[:, :2].T + pose.matrix[:, 2]
    points += np.random.default_rng(frame.index).normal(0.0, jitter_px, points.shape)
    return Face(
        index=frame.index, t_s=frame.t_s, points_px=points.astype(np.float32), px_per_mm=pose.scale,
        pose_deg=(0.0, 0.0, math.degrees(pose.roll)), eye_open=(0.3, 0.3), jaw_open=0.0, sharpness=100.0, luma=125.0,
        width_px=150.0, faces_seen=1, since_acquired_s=10.0 + frame.t_s,
    )  # fmt: skip


def still(_: float) -> Pose:
    return Pose()


def swaying(t_s: float) -> Pose:
    """A resting head: breathing and sway of a few px, a little roll and approach."""
    return Pose(
        2.0 * (1.0 + 0.01 * math.sin(1.1 * t_s)),
        0.02 * math.sin(1.7 * t_s),
        130.0 + 3.0 * math.sin(1.9 * t_s) + 0.7 * t_s,
        92.0 + 2.0 * math.sin(1.3 * t_s + 1.0),
    )


def measure(
    pose_at: Callable[[float], Pose] = still,
    bump: Bump | None = None,
    light_at: Callable[[float], float] = lambda _: 1.0,
    times: Sequence[float] = tuple(k / FPS for k in range(56)),
    jitter_px: float = 0.0,
) -> list[Sample]:
    crops = HeadCrop(Settings())
    registrar = Registrar(crops.scale, crops.shape, crops.origin)
    meter = Meter(registrar.centers_mm, crops.scale, crops.origin)
    samples = []
    for t in times:
        frame = render(t, pose_at(t), bump, light_at(t))
        samples.append(meter.measure(registrar.push(crops.crop(frame, face_at(frame, pose_at(t), jitter_px)))))
    return samples


def at_peak(samples: list[Sample], bump: Bump) -> npt.NDArray[np.float32]:
    """Heights at the top of the bump, against the level before it."""
    top = min(samples, key=lambda s: abs(s.t_s - bump.t_s))
    level = np.median([s.height_mm for s in samples if 0.2 < s.t_s < bump.t_s - 0.1], axis=0)
    return np.asarray(top.height_mm - level)


def share_at_peak(bump: Bump) -> float:
    nearest = min((k / FPS for k in range(56)), key=lambda t: abs(t - bump.t_s))
    return float(pulse(np.array([nearest - bump.t_s]), 0.05, 0.11)[0])


@pytest.mark.parametrize(
    ("region", "mm", "pose_at"),
    [
        ("nasalis_alar_left", (0.6, -0.8), still),
        ("nasalis_alar_right", (-0.3, 0.5), swaying),
        ("procerus", (0.0, 1.0), swaying),
        ("orbicularis_oris_upper_right", (0.0, 0.7), swaying),
    ],
)
def test_a_bump_is_read_at_its_own_muscle_in_mm(
    region: str, mm: tuple[float, float], pose_at: Callable[[float], Pose]
) -> None:
    bump = Bump(regions.SITE_NAMES.index(region), mm)
    got = at_peak(measure(pose_at, bump), bump)
    truth = share_at_peak(bump) * np.array(mm)
    gain = float(got[bump.region] @ truth) / float(truth @ truth)
    assert 0.8 <= gain <= 1.12
    across = abs(float(np.cross(got[bump.region], truth))) / float(np.hypot(*truth))
    assert across < 0.1 * np.hypot(*mm), "and in its own direction"
    places = centers_mm()
    far = np.hypot(*(places - places[bump.region]).T) > APART_MM
    assert far.sum() >= 5
    assert np.hypot(*got[:REGION_COUNT][far].T).max() < 0.2 * np.hypot(*mm)


@pytest.mark.parametrize("height_px", [6.0, 8.0])
def test_a_tall_bump_is_still_followed(height_px: float) -> None:
    mm = height_px / Settings().crop_px_per_mm
    bump = Bump(regions.SITE_NAMES.index("levator_labii_alaeque_nasi_left"), (0.0, -mm))
    got = at_peak(measure(still, bump), bump)
    assert got[bump.region, 1] == pytest.approx(-mm * share_at_peak(bump), rel=0.25)


def test_a_still_face_reads_zero_and_a_swaying_head_is_not_skin_motion() -> None:
    for pose_at, limit in ((still, 0.05), (swaying, 0.08)):
        heights = np.array([s.height_mm for s in measure(pose_at)])
        assert heights.shape == (56, SITE_COUNT, 2)
        assert np.isfinite(heights).all()
        assert heights[:, :REGION_COUNT].std() < 0.6 * limit
        assert np.abs(heights[:, :REGION_COUNT]).max() < 5.0 * limit


def test_a_trembling_mesh_is_not_skin_motion() -> None:
    heights = np.array([s.height_mm for s in measure(swaying, jitter_px=0.7)])
    assert heights[:, :REGION_COUNT].std() < 0.06


@pytest.mark.parametrize(
    "light_at", [lambda t: 1.0 - 0.12 * (t > 0.8), lambda t: 1.0 + 0.06 * math.sin(9.0 * t)], ids=["step", "flicker"]
)
def test_light_is_not_motion(light_at: Callable[[float], float]) -> None:
    heights = np.array([s.height_mm for s in measure(still, light_at=light_at)])
    assert np.abs(heights[:, :REGION_COUNT]).max() < 0.15


def test_a_bump_reads_the_same_in_half_as_many_frames() -> None:
    bump = Bump(regions.SITE_NAMES.index("nasalis_alar_right"), (0.0, -1.0))
    full = at_peak(measure(still, bump), bump)[bump.region]
    half = at_peak(measure(still, bump, times=tuple(k / 15.0 for k in range(28))), bump)[bump.region]
    np.testing.assert_allclose(half, full, atol=0.1)


# the stream


def crops_of(times: Sequence[float]) -> tuple[HeadCrop, list[Frame]]:
    return HeadCrop(Settings()), [render(t, Pose()) for t in times]


def registrar_of(crops: HeadCrop) -> Registrar:
    return Registrar(crops.scale, crops.shape, crops.origin)


def test_the_first_crop_of_a_stretch_moves_nowhere() -> None:
    crops, frames = crops_of([0.0, 0.1])
    registrar = registrar_of(crops)
    here, moved = (crops.crop(frame, face_at(frame, Pose())) for frame in frames)
    moved = dataclasses.replace(moved, image=np.roll(moved.image, 2, axis=1))
    for _ in range(2):
        assert not registrar.ready
        first = registrar.push(here)
        assert (first.step_px == 0.0).all()
        again = registrar.push(moved)
        assert np.nanmax(np.abs(again.step_px)) < 0.4, "a shift of the whole crop is the head's"
        assert registrar.ready
        registrar.reset()


def test_a_picture_read_in_place_of_the_last_leaves_no_trace() -> None:
    crops, frames = crops_of([k / 20.0 for k in range(6)])
    registrar, other = registrar_of(crops), registrar_of(crops)
    shots = [crops.crop(frame, face_at(frame, Pose())) for frame in frames]
    for shot in shots[:5]:
        last = registrar.push(shot)
        other.push(shot)
    np.testing.assert_array_equal(registrar.reread(shots[4].image, shots[4].speed_mm_s), last.step_px)
    registrar.reread(np.roll(shots[4].image, 1, axis=0), 0.0)
    np.testing.assert_array_equal(registrar.push(shots[5]).step_px, other.push(shots[5]).step_px)


def test_averaged_crops_are_measured_against_one_so_that_errors_do_not_add_up() -> None:
    crops, frames = crops_of([k / 30.0 for k in range(28)])
    rng = np.random.default_rng(2)
    shots = [crops.crop(frame, face_at(frame, Pose())) for frame in frames]
    noisy = [
        dataclasses.replace(s, image=s.image + rng.normal(0, 3.0, s.image.shape).astype(np.float32)) for s in shots
    ]
    spread = []
    for averaged in (True, False):
        registrar = registrar_of(crops)
        steps = [registrar.push(dataclasses.replace(shot, averaged=averaged)).step_px for shot in noisy]
        place = np.cumsum(steps, axis=0)
        spread.append(float(np.nanmedian(np.std(place[4:], axis=0))))
    assert spread[0] < 0.8 * spread[1]


def test_averaged_crops_of_a_face_that_moves_off_are_measured_from_one_to_the_next() -> None:
    crops, frames = crops_of([k / 30.0 for k in range(8)])
    shots = [crops.crop(frame, face_at(frame, Pose())) for frame in frames]
    off = [dataclasses.replace(s, image=np.roll(s.image, k, axis=1)) for k, s in enumerate(shots)]  # a px each
    apart, together = registrar_of(crops), registrar_of(crops)
    for shot in off:
        one, other = apart.push(shot), together.push(dataclasses.replace(shot, averaged=True))
        np.testing.assert_array_equal(one.step_px, other.step_px)


def test_what_comes_before_the_face_is_no_motion_of_it() -> None:
    crops, frames = crops_of([k / 20.0 for k in range(60)])
    registrar = registrar_of(crops)
    hand = np.random.default_rng(3).normal(120.0, 40.0, (crops.shape[0] // 2, crops.shape[1] // 3)).astype(np.float32)
    lost = []
    for k, frame in enumerate(frames):
        shot = crops.crop(frame, face_at(frame, Pose()))
        if k >= 40:
            image = shot.image.copy()
            image[: hand.shape[0], : hand.shape[1]] = hand
            shot = dataclasses.replace(shot, image=image)
        lost.append(np.isnan(registrar.push(shot).step_px[:, 0]))
    inside = (registrar.centers < np.array(hand.shape[::-1]) - PATCH_PX).all(axis=1)
    outside = (registrar.centers > np.array(hand.shape[::-1]) + PATCH_PX).any(axis=1)
    assert not np.any(lost[:40]), "a face at rest is nowhere covered"
    assert LOOKS_S <= 20 * 0.05, "the hand stays until it is what the place looks like"
    assert lost[41][inside].mean() > 0.9
    assert lost[45][inside].mean() > 0.9
    assert not lost[45][outside].any()


# the gain


@pytest.mark.parametrize(("noise", "least", "most"), [(1.0, 0.85, 1.05), (6.0, 0.4, 0.85)])
def test_the_gain_of_a_recording_falls_with_its_noise(noise: float, least: float, most: float) -> None:
    crops = HeadCrop(Settings())
    registrar = registrar_of(crops)
    meter = Meter(registrar.centers_mm, crops.scale, crops.origin)
    probe = GainProbe(crops.scale, crops.shape, crops.origin)
    rng = np.random.default_rng(8)
    for k in range(60):
        frame = render(0.0, Pose())
        frame = dataclasses.replace(frame, t_s=0.7 * k)
        shot = crops.crop(frame, face_at(frame, Pose()))
        shot = dataclasses.replace(shot, image=shot.image + rng.normal(0.0, noise, shot.image.shape).astype(np.float32))
        field = registrar.push(shot)
        probe.look(shot, meter.measure(field), field.step_px, registrar, meter)
    assert len(probe._read) > USUAL_COUNT + 15
    assert least < probe.gain() < most
    assert BUMP_STEP_MM * crops.scale == pytest.approx(1.0), "a step of one crop px"


def test_patches_lie_inside_and_eyes_and_mouth_have_no_say_in_the_head_fit() -> None:
    crops = HeadCrop(Settings())
    registrar = Registrar(crops.scale, crops.shape, crops.origin)
    margin = PATCH_PX // 2 + 2
    assert (registrar.centers >= margin).all()
    assert (registrar.centers < np.array(crops.shape[::-1]) - margin).all()
    for place, trusted in (((31.0, 0.0), False), ((-31.0, 0.0), False), ((0.0, 58.0), False), ((0.0, -14.0), True)):
        nearest = np.hypot(*(registrar.centers_mm - place).T).argmin()
        assert bool(registrar.trust[nearest]) == trusted


# placement


@pytest.mark.parametrize(
    "pose", [Pose(), Pose(1.4, 0.25, 140.0, 110.0), Pose(2.0, -0.4, 120.0, 100.0)], ids=["upright", "small", "rolled"]
)
def test_the_crop_lies_where_the_mesh_says(pose: Pose) -> None:
    crops = HeadCrop(Settings())
    frame = render(0.0, pose)
    crop = crops.crop(frame, face_at(frame, pose))
    to_mm = np.column_stack([np.eye(2) / crops.scale, -crops.origin / crops.scale])
    for x, y in ((0.0, 0.0), (100.0, 50.0), (30.0, 200.0)):
        mm = to_mm[:, :2] @ (x, y) + to_mm[:, 2]
        want = pose.matrix[:, :2] @ mm + pose.matrix[:, 2]
        np.testing.assert_allclose(crop.to_image[:, :2] @ (x, y) + crop.to_image[:, 2], want, atol=0.1)
    assert crop.inside
    assert crop.speed_mm_s == 0.0


def test_the_crop_stays_on_the_skin_while_the_head_moves() -> None:
    crops, shown = HeadCrop(Settings()), []
    for k in range(40):
        frame = render(k / FPS, swaying(k / FPS))
        shown.append(crops.crop(frame, face_at(frame, swaying(k / FPS), jitter_px=0.5)).image)
    middle = (slice(40, -40), slice(40, -40))
    change = np.mean([np.abs(a[middle] - shown[20][middle]).mean() for a in shown[15:26]])
    assert change < 3.0, "gray levels; unsteadied, half a px of shift alone would be more than that"


def test_speed_of_the_head_is_told_in_mm_a_second() -> None:
    crops, speeds = HeadCrop(Settings()), []
    for k in range(12):
        pose = Pose(x=105.0 + 4.0 * k)  # 4 px at 2 px/mm, 30 times a second
        frame = render(k / FPS, pose)
        speeds.append(crops.crop(frame, face_at(frame, pose)).speed_mm_s)
    assert np.median(speeds[1:]) == pytest.approx(60.0, rel=0.1)


@pytest.mark.parametrize(
    ("pose", "inside"), [(Pose(), True), (Pose(x=30.0), False), (Pose(y=180.0), False), (Pose(y=5.0), False)]
)
def test_a_face_that_reaches_over_the_edge_says_so(pose: Pose, inside: bool) -> None:
    frame = render(0.0, pose)
    assert HeadCrop(Settings()).crop(frame, face_at(frame, pose)).inside is inside


def test_a_large_face_is_shrunk_without_being_shifted() -> None:
    """Where a face has more px per mm than the crop, pixels are averaged in blocks; their middle must not wander."""
    from detector.kernels_patches import register_patches

    images = []
    for pose, size in ((Pose(2.4, 0.0, 150.0, 110.0), 320), (Pose(5.1, 0.0, 320.0, 230.0), 680)):
        frame = render(0.0, pose, size=size)
        images.append(HeadCrop(Settings()).crop(frame, face_at(frame, pose)).image)
    centers = np.array([(x, y) for x in (70, 115, 160) for y in (70, 120, 170)], dtype=np.int64)
    window = np.ones((31, 31), np.float32)
    shift, texture = np.zeros((9, 2), np.float32), np.empty(9, np.float32)
    register_patches(images[0], images[1], centers, window, 0.0, 10, 0.001, 5.0, shift, texture)
    np.testing.assert_allclose(np.median(shift, axis=0), 0.0, atol=0.06)


# the meter


def test_sites_far_from_a_muscle_share_its_lattice_evenly() -> None:
    shares = apart_shares(centers_mm().astype(np.float32))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-5)
    for row in shares:
        assert len(np.unique(row)) == 2
        assert row.min() == 0.0


def test_centers_in_the_frame_and_in_mm_are_the_same_places() -> None:
    pose = Pose(1.8, 0.1, 130.0, 100.0)
    at = measure(lambda _: pose, times=tuple(k / FPS for k in range(40)))[20]
    np.testing.assert_allclose(at.centers_mm, centers_mm(), atol=0.15)
    want = centers_mm() @ pose.matrix[:, :2].T + pose.matrix[:, 2]
    np.testing.assert_allclose(at.centers_px, want, atol=0.3)
    assert at.px_per_mm == 1.8
    assert at.inside
