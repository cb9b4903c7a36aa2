"""Known twitches into any clip: one pass follows the face, a second one warps and writes; flat in memory.

The first pass keeps a few numbers per frame, not pictures. They are smoothed over time before use, so that the face
tracker's own jitter does not become injected motion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.errors import SourceError, UsageError
from detector.regions import SITES
from detector.simulate_compound import Event
from detector.simulate_effects import Effects
from detector.simulate_plan import TruthRow, exposure_times, write_truth
from detector.types import Face, Frame
from detector.warp import Bump, warp_picture

IRIS_MM = 11.7  # visible iris, horizontal, +- 0.5 mm in nearly all adults
SMOOTH_S = 0.4  # s; shorter than a head movement, longer than the tracker's jitter
SHUTTER_S = 1.0 / 60.0  # s; indoor webcams expose about this long, and never longer than half a frame here
Array = npt.NDArray[np.float64]
Progress = Callable[[float, float | None], None]  # (share or seconds done, total or None)


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """Where the muscles are over time; NaN where no face was found.

    Attributes
    ----------
    t_s : (N,)
    centers_px : (N, S, 2)
        Mean of the mesh points of each of ``regions.SITES``.
    eyes_px : (N,)
        Outer corner to outer corner.
    iris_px : (N,)
        Mean width of the two.
    roll_deg : (N,)
        Tilt of the eye line, counterclockwise.
    """

    t_s: Array
    centers_px: Array
    eyes_px: Array
    iris_px: Array
    roll_deg: Array

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.eyes_px)

    @property
    def iris_per_eyes(self) -> float:
        return float(np.median((self.iris_px / self.eyes_px)[self.found]))

    def spans(self) -> list[tuple[float, float]]:
        """Stretches with a face, (start_s, end_s)."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.found.astype(np.int8), [0]])))
        return [(float(self.t_s[a]), float(self.t_s[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def px_per_mm(self, t_s: float) -> float:
        """The person's own iris in eye distances, times the eye distance at that time."""
        return self.iris_per_eyes * self._at(t_s, self.eyes_px) / IRIS_MM

    def roll(self, t_s: float) -> float:
        return self._at(t_s, self.roll_deg)

    def center(self, site: int, t_s: float) -> tuple[float, float]:
        return self._at(t_s, self.centers_px[:, site, 0]), self._at(t_s, self.centers_px[:, site, 1])

    def _at(self, t_s: float, values: Array) -> float:
        good = np.isfinite(values)
        return float(np.interp(t_s, self.t_s[good], values[good]))


def follow_face(frames: Iterable[Frame], model: Path, progress: Callable[[float], None] | None = None) -> FaceTrack:
    """Run the face mesh ten times a second, as the detector does, and smooth what it says over time.

    Raises
    ------
    SourceError
        No face in any frame.
    """
    from detector.config import Settings
    from detector.face import FaceTracker
    from detector.face import track as track_face

    times: list[float] = []
    rows: list[Array | None] = []
    with FaceTracker(model) as tracker:
        for tracked in track_face(frames, tracker, Settings()):
            times.append(tracked.frame.t_s)
            rows.append(None if tracked.face is None else measure(tracked.face))
            if progress is not None:
                progress(tracked.frame.t_s)
    return track_of(times, rows)


def track_of(t_s: Sequence[float], rows: Sequence[Array | None]) -> FaceTrack:
    """A track from one row of ``measure`` per frame, None without a face; SourceError when there is none at all."""
    if all(row is None for row in rows):
        raise SourceError("No face was found: choose a clip in which one is seen from the front, 90 px wide or more.")
    none = np.full(2 * len(SITES) + 4, np.nan)
    return smooth(np.array(t_s), np.array([none if row is None else row for row in rows]))


def measure(face: Face) -> Array:
    """What the track keeps of one mesh: site centers, eye distance, iris width, cos and sin of the roll."""
    points = face.points_px.astype(np.float64)
    across = points[263] - points[33]  # the subject's right outer corner to the left one
    eyes = float(np.hypot(*across))
    iris = 0.5 * float(np.hypot(*(points[469] - points[471])) + np.hypot(*(points[474] - points[476])))
    centers = np.array([points[list(site.points)].mean(axis=0) for site in SITES])
    return np.concatenate([centers.ravel(), [eyes, iris, across[0] / eyes, -across[1] / eyes]])


def smooth(t_s: Array, rows: Array) -> FaceTrack:
    """A track from one row of ``measure`` per frame; each stretch with a face is smoothed on its own."""
    from scipy.signal import savgol_filter

    out = rows.copy()
    good = np.isfinite(rows[:, 0])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if b - a < 5:
            continue
        step = float(np.median(np.diff(t_s[a:b])))
        window = min(max(5, 2 * round(0.5 * SMOOTH_S / max(step, 1e-3)) + 1), (b - a - 1) // 2 * 2 + 1)
        out[a:b] = savgol_filter(rows[a:b], window, 2, axis=0)
    sites = 2 * len(SITES)
    return FaceTrack(
        t_s=t_s,
        centers_px=out[:, :sites].reshape(len(t_s), len(SITES), 2),
        eyes_px=out[:, sites],
        iris_px=out[:, sites + 1],
        roll_deg=np.degrees(np.arctan2(out[:, sites + 3], out[:, sites + 2])),
    )


def inject_clip(
    src: Path,
    out: Path,
    truth: Path | None,
    events: Sequence[Event],
    *,
    model: Path,
    track: FaceTrack | None = None,
    codec: str = "h264",
    crf: int | None = 18,
    bitrate: int | None = None,
    fps: float | None = None,
    scale: float = 1.0,
    shutter_s: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    progress: Progress | None = None,
) -> list[TruthRow]:
    """Write the clip with the events in it, and the truth file.

    Parameters
    ----------
    src, out : Path
        Clip to read and clip to write.
    truth : Path, optional
        Truth file to write.
    events : sequence of Event
        Times are seconds from the start of what is read.
    model : Path
        The face model.
    track : FaceTrack, optional
        Result of ``follow_face`` on the same frames, when it is already there.
    codec, crf, bitrate
        As in ``encode.VideoWriter``; near-source quality by default, so that the source's own compression decides.
    fps : float, optional
        Another even rate, 1/s: each new frame takes the source's nearest picture, and the twitches as they are at its
        own time. Default: the source's presentation times, untouched.
    scale : float
        Size of the written picture against the source, 0.25-4; twitches are warped at the source's size, before.
    shutter_s : float, optional
        Exposure over which a twitch is averaged. Default 1/60 s, at most half a frame.
    start_s, end_s : float, optional
        Part of the source to use.
    progress : callable, optional
        Called with (seconds written, None).

    Returns
    -------
    list of TruthRow
        One per event; ``amplitude_mm`` and ``px_per_mm`` are those of the source's scale times ``scale``.
    """
    from detector.encode import VideoWriter

    if not 0.25 <= scale <= 4.0:
        raise UsageError(f"A scale of {scale:g} is outside 0.25-4.")
    if track is None:
        track = follow_face(read_frames(src, start_s, end_s), model)
    nominal = fps or _rate(track.t_s)
    moved = Injector(events, track, min(SHUTTER_S, 0.5 / nominal) if shutter_s is None else shutter_s)
    writer: VideoWriter | None = None
    try:
        before: npt.NDArray[np.uint8] | None = None
        for t_s, picture, repeated in _retimed(read_frames(src, start_s, end_s), fps):
            if repeated and before is not None and writer is not None:
                # The camera delivered the picture before once more: the twitch stands still in it like all else.
                writer.write(before, t_s)
                continue
            picture = before = _resized(moved.picture(picture, t_s), scale)
            if writer is None:
                height_px, width_px = picture.shape[:2]
                writer = VideoWriter(out, width_px, height_px, codec=codec, crf=crf, bitrate=bitrate, fps=nominal)
            writer.write(picture, t_s)
            if progress is not None:
                progress(t_s, None)
        if writer is None:
            raise SourceError(f"{src} has no picture in the part asked for.")
        writer.close()
    except BaseException:
        if writer is not None:
            writer.discard()
        raise
    rows = moved.truth(scale)
    if truth is not None:
        write_truth(truth, rows)
    return rows


def inject_frames(
    frames: Iterable[Frame], events: Sequence[Event], track: FaceTrack
) -> tuple[Iterator[Frame], list[TruthRow]]:
    """The frames with the events in them, as they come, and the truth: what ``inject_clip`` does, without a file.

    Parameters
    ----------
    frames : iterable of Frame
        From ``read_frames``.
    events : sequence of Event
        Times are seconds from the first of the frames.
    track : FaceTrack
        Of the same frames.
    """
    moved = Injector(events, track, min(SHUTTER_S, 0.5 / _rate(track.t_s)))

    def run() -> Iterator[Frame]:
        before: npt.NDArray[np.uint8] | None = None
        for frame in frames:
            # As in inject_clip: a repeated picture shows the twitch where it was.
            if not frame.repeated or before is None:
                before = moved.picture(frame.image, frame.t_s)
            yield replace(frame, image=before)

    return run(), moved.truth()


class Injector:
    """Moves the skin of pictures by what the events do at their time.

    Parameters
    ----------
    events : sequence of Event
        Times are on the clock of ``track``.
    track : FaceTrack
    shutter_s : float
        Exposure over which a twitch is averaged, s.

    Raises
    ------
    UsageError
        An event moves the whole head, which only a portrait can do.
    """

    def __init__(self, events: Sequence[Event], track: FaceTrack, shutter_s: float) -> None:
        self._events = events
        self._track = track
        self._shutter_s = shutter_s
        self._sites = [[SITES.index(part.site()) for part in e.parts] for e in events]
        self._scales = [track.px_per_mm(0.5 * (e.onset_s + e.offset_s)) for e in events]
        self._rolls = [track.roll(0.5 * (e.onset_s + e.offset_s)) for e in events]
        self._effects = Effects(e.effect for e in events)
        if self._effects.nods:
            raise UsageError("A head in a clip cannot be made to move: use a portrait for head_motion.")

    def picture(self, picture: npt.NDArray[np.uint8], t_s: float) -> npt.NDArray[np.uint8]:
        """The picture (H, W, 3) as it is at ``t_s``; itself where nothing moves then."""
        moments = exposure_times(t_s, self._shutter_s)
        exposures: list[list[Bump]] = [[] for _ in moments]
        for event, sites, px_per_mm, roll in zip(self._events, self._sites, self._scales, self._rolls, strict=True):
            courses = [part.course(moments) for part in event.parts]
            if any(heights.any() for heights in courses):
                bumps = event.bumps([self._track.center(site, t_s) for site in sites], px_per_mm, roll)
                for bump, heights in zip(bumps, courses, strict=True):
                    for exposure, height in zip(exposures, heights, strict=True):
                        exposure.append(bump.times(float(height)))
        moved = warp_picture(picture, exposures) if any(exposures) else picture
        return self._effects.recorded(moved, t_s)

    def truth(self, scale: float = 1.0) -> list[TruthRow]:
        """One line per event; ``scale`` of the written picture to the source."""
        return [event.truth(px_per_mm, scale) for event, px_per_mm in zip(self._events, self._scales, strict=True)]


def _rate(t_s: Array) -> float:
    step = float(np.median(np.diff(t_s))) if len(t_s) > 1 else 1.0 / 30.0
    return float(np.clip(1.0 / max(step, 1e-3), 1.0, 1000.0))


def _retimed(frames: Iterable[Frame], fps: float | None) -> Iterator[tuple[float, npt.NDArray[np.uint8], bool]]:
    """(time, picture, repeated): as they come, or on an even grid, each time with the picture nearest to it."""
    if fps is None:
        for frame in frames:
            yield frame.t_s, frame.image, frame.repeated
        return
    before: Frame | None = None
    index = 0
    for frame in frames:
        while before is not None and index / fps < 0.5 * (before.t_s + frame.t_s):
            yield index / fps, before.image, False
            index += 1
        before = frame
    if before is not None:
        while index / fps <= before.t_s:
            yield index / fps, before.image, False
            index += 1


def _resized(picture: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    if scale == 1.0:
        return picture
    import cv2

    height, width = (round(n * scale / 2) * 2 for n in picture.shape[:2])
    # Floating point: on integers cv2 rounds the weights to 1/2048.
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    sized = cv2.resize(picture.astype(np.float32), (width, height), interpolation=how)
    return np.clip(np.rint(sized), 0, 255).astype(np.uint8)


def read_frames(path: Path, start_s: float | None = None, end_s: float | None = None) -> Iterator[Frame]:
    """Frames of a part of a clip; their times count from the first of them."""
    from detector.guarded import GuardedClip

    with GuardedClip(path, start_s=start_s, end_s=end_s) as source:
        first_s: float | None = None
        for frame in source:
            first_s = frame.t_s if first_s is None else first_s
            yield replace(frame, t_s=frame.t_s - first_s)
