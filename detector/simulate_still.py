"""A still portrait -> a living clip: sway, breathing, blinks, exposure drift, sensor noise, and known twitches.

Everything that moves is composed before the picture is sampled, so that each pixel is interpolated once (cubic spline,
double precision), averaged over the exposure, and only then given noise and 8 bits. All motion is a function of
continuous time: the same seed gives the same clip at any frame rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.errors import SourceError, UsageError
from detector.regions import EYE_OUTLINE_LEFT, EYE_OUTLINE_RIGHT, SITES
from detector.simulate_clip import IRIS_MM, SHUTTER_S, measure
from detector.simulate_compound import Event, Part
from detector.simulate_effects import Effects
from detector.simulate_life import Blink, Life, Pose, plan_blinks
from detector.simulate_plan import TruthRow, TwitchPlan, exposure_times, write_truth
from detector.spline import coefficients, sample
from detector.types import Face, Frame
from detector.warp import Bump, rest_position, warp_reach

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

_MARGIN = 24  # px rendered round the canvas, for the sway to draw from
_READ_SD = 1.0  # gray levels; noise of a dark pixel
_SHOT = 0.012  # variance per gray level; together 1.6 gray levels at mid-gray, a webcam by room light
LID_PULL_MM, _LID_PULL_RADIUS_MM = 0.45, 7.0  # a blink drags the lower lid and the skin beside the nose along


@dataclass(frozen=True, slots=True)
class _Eye:
    """Lid margins of one eye, in its own axes: along the line of its corners, and down."""

    origin: Array  # (2,) inner or outer corner on the picture's left
    along: Array  # (2,) unit vector
    width: float
    upper: Array  # (n,) upper margin over ``grid``, px below the line
    opening: Array  # (n,) lower minus upper margin
    grid: Array  # (n,) px along the line

    def lid(self, x: Array, y: Array, closed: float) -> tuple[Array, Array, Array]:
        """Where the lid now covering ``(x, y)`` lies at rest, and how much of the pixel it covers (0-1)."""
        dx, dy = x - self.origin[0], y - self.origin[1]
        u = dx * self.along[0] + dy * self.along[1]
        v = dy * self.along[0] - dx * self.along[1]
        opening = np.interp(u, self.grid, self.opening, left=0.0, right=0.0)
        # The lashes sit on the margin and move with it.
        margin = np.interp(u, self.grid, self.upper) + 0.15 * opening
        drop = closed * 0.9 * opening
        length = 0.55 * self.width  # skin between the margin and the brow gives
        # Share of the drop: none at the brow, all at the margin, smooth at both ends.
        share = np.clip((v - (margin - length)) / (length + drop), 0.0, 1.0)
        moved = drop * share * share * (3.0 - 2.0 * share)
        cover = np.where(opening > 0.0, np.clip(margin + drop - v + 0.5, 0.0, 1.0), 0.0)
        cover = np.where(v < margin - length, 0.0, cover)
        return x + moved * self.along[1], y - moved * self.along[0], cover


class Scene:
    """A portrait placed on the canvas, and how it looks at any moment.

    Parameters
    ----------
    picture : uint8 (H, W, 3)
    face : Face
        The one in it.
    width, height : int
        Size of the clip, px.
    face_width_px : float
        Temple to temple in the clip.
    """

    def __init__(self, picture: Picture, face: Face, width: int, height: int, face_width_px: float) -> None:
        from scipy.ndimage import gaussian_filter, map_coordinates

        self.width, self.height = width, height
        scale = face_width_px / face.width_px
        points = face.points_px.astype(np.float64)
        # The face goes to the middle, as far as the portrait fills the canvas there.
        origin = points.mean(axis=0) * scale - 0.5 * np.array([width, height])
        room = np.array([picture.shape[1] * scale - width, picture.shape[0] * scale - height])
        origin = np.rint(np.where(room > 0.0, np.clip(origin, 0.0, np.maximum(room, 0.0)), origin))
        y, x = np.mgrid[-_MARGIN : height + _MARGIN, -_MARGIN : width + _MARGIN].astype(np.float64)
        y, x = (y + origin[1] + 0.5) / scale - 0.5, (x + origin[0] + 0.5) / scale - 0.5
        placed = np.empty((*x.shape, 3))
        for channel in range(3):
            plane = picture[..., channel].astype(np.float64)
            if scale < 1.0:  # no finer detail than the new grid can hold
                plane = gaussian_filter(plane, 0.5 * math.sqrt(1.0 / scale**2 - 1.0))
            placed[..., channel] = map_coordinates(plane, (y, x), order=3, mode="nearest")
        self._spline = coefficients(placed)
        self.points = (points + 0.5) * scale - 0.5 - origin
        row = measure(face)
        self.px_per_mm = float(row[-3]) * scale / IRIS_MM
        self.roll_deg = math.degrees(math.atan2(row[-1], row[-2]))
        self.center = self.points.mean(axis=0)
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        dx, dy = x - self.center[0], y - self.center[1]
        fade = np.clip((1.8 - np.sqrt(dx * dx + dy * dy) / face_width_px) / (1.8 - 0.85), 0.0, 1.0)
        self._sway = (x, y, dx, dy, fade * fade * (3.0 - 2.0 * fade))
        self._eyes = [_eye(self.points[list(EYE_OUTLINE_RIGHT)]), _eye(self.points[list(EYE_OUTLINE_LEFT)])]
        self._lid_pulls = [
            TwitchPlan(1, "orbicularis_oculi_lower", side, (0.0,), LID_PULL_MM, radius_mm=_LID_PULL_RADIUS_MM).bump(
                self.site("orbicularis_oculi_lower", side), self.px_per_mm, self.roll_deg
            )
            for side in ("right", "left")
        ]

    def site(self, muscle: str, side: str) -> Array:
        """Center of a muscle on the canvas, px."""
        site = next(s for s in SITES if s.muscle == muscle and s.side == side)
        return self.points[list(site.points)].mean(axis=0)

    def at(self, pose: Pose, bumps: Sequence[Bump], closed: float, box: tuple[int, int, int, int]) -> Array:
        """Colors of a part of the canvas at one moment.

        Parameters
        ----------
        pose : Pose
            Of the head against the portrait.
        bumps : sequence of Bump
            Fields over the skin, on the canvas at rest.
        closed : float
            Of both eyes, 0 open to 1.
        box : (left, top, right, bottom)
            Part to render, px.

        Returns
        -------
        float64 (bottom - top, right - left, 3)
        """
        x, y = self._unsway(pose, box)
        pulls = [bump.times(closed) for bump in self._lid_pulls] if closed else []
        if bumps or pulls:
            x, y = rest_position([*bumps, *pulls], x, y)
        color = self._sample(x, y)
        if closed:
            for eye in self._eyes:
                lid_x, lid_y, cover = eye.lid(x, y, closed)
                on = cover > 0.0
                weight = cover[on][:, None]
                color[on] = (1.0 - weight) * color[on] + weight * self._sample(lid_x[on], lid_y[on])
        return color

    def active_box(self, bumps: Sequence[Bump], blinking: bool) -> tuple[int, int, int, int]:
        """Part of the canvas that fields and lids can reach, with room for the sway."""
        reach = [*bumps, *(self._lid_pulls if blinking else ())]
        left, top, right, bottom = warp_reach(reach)
        if blinking:
            for eye in self._eyes:
                middle = eye.origin + 0.5 * eye.width * eye.along
                left, top = min(left, middle[0] - eye.width), min(top, middle[1] - eye.width)
                right, bottom = max(right, middle[0] + eye.width), max(bottom, middle[1] + eye.width)
        sway = 6.0 * self.px_per_mm
        return (
            max(0, math.floor(left - sway)),
            max(0, math.floor(top - sway)),
            min(self.width, math.ceil(right + sway)),
            min(self.height, math.ceil(bottom + sway)),
        )

    def _unsway(self, pose: Pose, box: tuple[int, int, int, int]) -> tuple[Array, Array]:
        """Canvas position at rest: rigid over the whole head, fading to a background that stands still."""
        x, y, dx, dy, weight = (a[box[1] : box[3], box[0] : box[2]] for a in self._sway)
        turn = math.radians(pose.turn_deg)
        a, b = math.cos(turn) / pose.size, math.sin(turn) / pose.size
        sx, sy = dx - pose.x * self.px_per_mm, dy - pose.y * self.px_per_mm
        return x + weight * (a * sx - b * sy - dx), y + weight * (b * sx + a * sy - dy)

    def _sample(self, x: Array, y: Array) -> Array:
        return sample(self._spline, x + _MARGIN, y + _MARGIN)


def _eye(outline: Array) -> _Eye:
    """From 16 outline points: corner, 7 upper ones, corner, 7 lower ones."""
    from scipy.interpolate import PchipInterpolator

    corners = outline[[0, 8]]
    first, last = corners[np.argsort(corners[:, 0])]
    width = float(np.hypot(*(last - first)))
    along = (last - first) / width
    dx, dy = outline[:, 0] - first[0], outline[:, 1] - first[1]
    u, v = dx * along[0] + dy * along[1], dy * along[0] - dx * along[1]
    grid = np.linspace(0.0, width, 200)
    curves = []
    for members in ([0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 9, 10, 11, 12, 13, 14, 15, 0]):
        order = sorted(members, key=lambda i: u[i])
        inner = [i for i in order[1:-1] if 0.02 * width < u[i] < 0.98 * width]
        at = np.concatenate([[0.0], np.maximum.accumulate(u[inner]) + 1e-6 * np.arange(len(inner)), [width]])
        curves.append(PchipInterpolator(at, np.concatenate([[0.0], v[inner], [0.0]]))(grid))
    return _Eye(first, along, width, curves[0], np.maximum(curves[1] - curves[0], 0.0), grid)


def render_still(
    portrait: Path | Picture,
    out: Path,
    truth: Path | None,
    events: Sequence[Event],
    *,
    model: Path,
    duration_s: float = 60.0,
    width: int = 640,
    height: int = 480,
    face_width_px: float = 200.0,
    fps: float = 30.0,
    seed: int = 1,
    sway: float = 1.0,
    blinks: Sequence[Blink] | None = None,
    noise: float = 1.0,
    drift: float = 1.0,
    shutter_s: float | None = None,
    codec: str = "h264",
    crf: int | None = None,
    bitrate: int | None = None,
    preset: str = "veryfast",
    progress: Callable[[float, float | None], None] | None = None,
) -> list[TruthRow]:
    """Write a clip of the portrait's face, alive, with the events in it, and the truth file.

    Parameters
    ----------
    portrait : Path or uint8 (H, W, 3) BGR
        A picture with one face seen from the front.
    out : Path
        Clip to write.
    truth : Path, optional
        Truth file to write.
    events : sequence of Event
        What to inject; an amplitude in px is in px of the clip.
    model : Path
        The face model.
    duration_s, fps, width, height
        Of the clip.
    face_width_px : float
        Temple to temple in the clip, px.
    seed : int
        Of sway, blinks, exposure and noise.
    sway, noise, drift : float
        Factors on head motion, sensor noise and exposure drift; 0 turns them off.
    blinks : sequence of Blink, optional
        Default ``plan_blinks(duration_s, seed)``.
    shutter_s : float, optional
        Exposure; default 1/60 s, at most half a frame.
    codec, crf, bitrate, preset
        As in ``encode.VideoWriter``.
    progress : callable, optional
        Called with (seconds written, duration).

    Raises
    ------
    SourceError
        The picture cannot be read, or no face is found in it.
    """
    from detector.encode import VideoWriter

    if not 1.0 <= duration_s <= 36_000.0:
        raise UsageError(f"A duration of {duration_s:g} s is outside 1-36000 s.")
    if not (64 <= width <= 8192 and 64 <= height <= 8192 and 40.0 <= face_width_px <= 4.0 * width):
        raise UsageError("The clip must be 64-8192 px wide and high, and the face at least 40 px wide.")
    picture, name = (load_picture(portrait), str(portrait)) if isinstance(portrait, Path) else (portrait, "the picture")
    scene = Scene(picture, find_face(picture, model, name), width, height, face_width_px)
    life = Life(seed, duration_s, sway=sway, drift=drift)
    blinks = plan_blinks(duration_s, seed) if blinks is None else blinks
    parts = [part for e in events for part in e.parts]
    fields = [
        bump
        for e in events
        for bump in e.bumps([scene.site(p.muscle, p.side) for p in e.parts], scene.px_per_mm, scene.roll_deg)
    ]
    effects = Effects(e.effect for e in events)
    shutter = min(SHUTTER_S, 0.5 / fps) if shutter_s is None else shutter_s
    with VideoWriter(out, width, height, codec=codec, crf=crf, bitrate=bitrate, fps=fps, preset=preset) as writer:
        for index in range(round(duration_s * fps)):
            t_s = index / fps
            color = _exposed(scene, life, effects, parts, fields, blinks, exposure_times(t_s, shutter))
            color = (color * (life.gain(t_s) * effects.gain(t_s))).astype(np.float32)
            if noise > 0.0:
                # A stream of its own for each picture: independent of what was drawn before.
                grain = np.random.default_rng([seed, 3, index]).standard_normal(color.shape, dtype=np.float32)
                color += (
                    np.float32(noise)
                    * np.sqrt(np.float32(_READ_SD**2) + np.float32(_SHOT) * np.maximum(color, 0))
                    * grain
                )
            writer.write(effects.coded(np.clip(np.rint(color), 0, 255).astype(np.uint8), t_s), t_s)
            if progress is not None:
                progress(t_s, duration_s)
    rows = [event.truth(scene.px_per_mm) for event in events]
    if truth is not None:
        write_truth(truth, rows)
    return rows


def _exposed(
    scene: Scene,
    life: Life,
    effects: Effects,
    parts: Sequence[TwitchPlan | Part],
    fields: Sequence[Bump],
    blinks: Sequence[Blink],
    moments: Array,
) -> Array:
    """Mean color over the exposure; sway is slow enough for its middle, lids, twitches and nods are not."""
    middle = float(moments.mean())
    whole = (0, 0, scene.width, scene.height)
    nodding = effects.nodding(middle)
    color = np.empty(0) if nodding else scene.at(life.pose(middle), (), 0.0, whole)
    heights = [part.course(moments) for part in parts]
    active = [(bump, height) for bump, height in zip(fields, heights, strict=True) if height.any()]
    closed = [max((blink.closed(float(t)) for blink in blinks), default=0.0) for t in moments]
    if active or any(closed) or nodding:
        box = whole if nodding else scene.active_box([bump for bump, _ in active], any(closed))
        total = np.sum(
            [
                scene.at(
                    effects.pose(life.pose(float(t)), float(t)),
                    [bump.times(float(height[k])) for bump, height in active],
                    closed[k],
                    box,
                )
                for k, t in enumerate(moments)
            ],
            axis=0,
        )
        if nodding:
            return np.asarray(total / len(moments))
        color[box[1] : box[3], box[0] : box[2]] = total / len(moments)
    return color


def load_picture(path: Path) -> Picture:
    """A picture file as uint8 (H, W, 3) BGR, upright; SourceError when it cannot be read."""
    import cv2

    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise SourceError(f"{path} is not a picture that can be read: choose a JPEG or PNG file.")
    return np.asarray(picture, dtype=np.uint8)


def find_face(picture: Picture, model: Path, name: str = "the picture") -> Face:
    """The face of a still picture; SourceError when there is none."""
    from detector.face import FaceTracker

    with FaceTracker(model) as tracker:
        face = tracker.detect(Frame(0, 0.0, True, np.ascontiguousarray(picture)))
    if face is None:
        raise SourceError(f"No face was found in {name}: choose a portrait seen from the front, 90 px wide or more.")
    return face
