"""Messages of the line -> what the window shows: traces, what lights up, how good the picture is."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector import regions
from detector.config import Settings
from detector.instant import Flash
from detector.live_line import Picture
from detector.live_state import WINDOW_S, Flagged, LiveState, Quality, Trace
from detector.live_words import place_of, why_words
from detector.pipeline import Measured, Reading
from detector.twitches import WAIT_S, threshold_of
from detector.types import Episode, Side, Twitch, WhyNot

SMOOTH_S = 1.0  # the figures of the quality line are averages over this long, so that they can be read
WHY_HOLD_S = 0.7  # a reason stays this long, so that it can be read
NOTICE_S = 3.0
UNSURE_S = 1.5  # what was flagged is seen to be a jerk about a second later
LATELY_S, LOST_MUCH = 5.0, 0.1  # share of the pictures lost over so long that keeps the line from settling
TOO_BUSY = "pictures are lost, close other programs"
SIDES: tuple[Side, ...] = ("left", "midline", "right")
_OF_SIDE = {
    side: [k for k, site in enumerate(regions.SITES) if site.side == side and regions.IS_NASAL[k]] for side in SIDES
}


@dataclass(frozen=True, slots=True)
class _Point:
    t_s: float
    values: tuple[float, ...]  # of SIDES, in thresholds
    observed: bool


class LiveView:
    """Keeps what a :class:`~detector.live_state.LiveState` needs of the last seconds.

    Parameters
    ----------
    source : str
        Name to show.
    settings : Settings
    recording : bool
        Pictures are being kept.
    """

    def __init__(self, source: str, settings: Settings, *, recording: bool) -> None:
        self._source, self._recording = source, recording
        self._threshold, self._max_gap_s = threshold_of(settings), settings.max_gap_s
        self._points: deque[_Point] = deque()
        self._flagged: list[Flagged] = []
        self._unsure: list[Flagged] = []  # not yet seen to be jerks
        self._felt: list[float] = []
        self._counts: Counter[Side] = Counter()
        self._episodes = 0
        self._last = ""
        self._why, self._why_s = "", -math.inf
        self._settled_from: float | None = None
        self._settling: float | None = 0.0
        self.observed_s = 0.0  # for the eye; those of the log are counted where it is decided
        self._bits = WhyNot.SETTLING  # of the last moment
        self._to_s = -math.inf  # time of it
        self._seen_s = -math.inf  # last picture that was not a repeated one
        self._smooth: dict[str, float] = {}
        self._smooth_t = -math.inf
        self._counted: deque[tuple[float, int, int]] = deque()  # time, frames and those lost
        self._notice, self._notice_s = "", -math.inf

    def measured(self, measured: Measured) -> None:
        """The score of one frame is in."""
        score, t_s = measured.score, measured.t_s
        self._bits = self._judge(measured)
        if not self._bits and t_s - self._to_s <= self._max_gap_s:
            self.observed_s += t_s - self._to_s
        self._to_s = t_s
        self._take_why(self._bits, t_s)
        if score is not None:
            values = tuple(float(np.max(score[_OF_SIDE[side]])) / self._threshold for side in SIDES)
            self._points.append(_Point(t_s, values, not self._bits))
        elif not measured.reading.repeated:  # there the line goes on between the frames beside it
            self._points.append(_Point(t_s, (math.nan,) * len(SIDES), False))
        while self._points and self._points[0].t_s < t_s - WINDOW_S - 1.0:
            self._points.popleft()

    def flashed(self, flash: Flash, now_s: float) -> None:
        """A jerk is under way."""
        new = Flagged(flash.t_s, flash.region, now_s)
        self._flag(new)
        self._unsure = [*self._unsure, new]

    def sighted(self, twitch: Twitch, now_s: float) -> None:
        """A jerk is over and counts; it is marked here if no flash came before it."""
        self._counts[twitch.side] += 1
        self._unsure = [flagged for flagged in self._unsure if abs(flagged.t_s - twitch.peak_s) >= 0.3]
        if not any(abs(flagged.t_s - twitch.peak_s) < 0.3 for flagged in self._flagged):
            self._flag(Flagged(twitch.peak_s, regions.SITE_NAMES.index(twitch.region), now_s))

    def told(self, episode: Episode) -> None:
        """An episode is over."""
        self._episodes += 1
        count = episode.twitch_count
        place = place_of(episode.region, episode.side)
        span = f" in {episode.end_s - episode.start_s:.1f} s" if count > 1 else ""
        self._last = f"{place}, {count} {'twitch' if count == 1 else 'twitches'}{span}"

    def felt(self, t_s: float) -> None:
        """The person felt one."""
        self._felt = [*(t for t in self._felt if t > t_s - WINDOW_S - 1.0), t_s]

    def taken_back(self, t_s: float) -> None:
        """The last of them was none."""
        self._felt = [t for t in self._felt if abs(t - t_s) > 1e-3]

    def notice(self, words: str, now_s: float) -> None:
        """Show a short message for a moment."""
        self._notice, self._notice_s = words, now_s

    def state(
        self,
        picture: Picture | None,
        now_s: float,
        *,
        fps: float,
        frames: int,
        frames_lost: int,
        paused: bool,
    ) -> LiveState:
        """All of it at this moment."""
        reading = None if picture is None else picture.reading
        if reading is not None:
            self._take_quality(reading)
        get = self._smooth.get
        # what keeps the line from settling is said, and not that it does
        busy = self._settling is not None and self._lost_lately(now_s, frames, frames_lost) > LOST_MUCH
        return LiveState(
            now_s=now_s,
            image=None if picture is None else picture.frame.image,
            centers_px=None if reading is None or paused else _centers(reading),
            why="" if picture is None else TOO_BUSY if busy else self._why,
            settling=None if busy else self._settling,
            traces=self._traces(),
            flagged=tuple(self._flagged),
            felt_s=tuple(self._felt),
            counts=self._counted_sides(now_s),
            episodes=self._episodes,
            last_episode=self._last,
            quality=Quality(
                px_per_mm=get("px_per_mm", math.nan),
                luma=get("luma", math.nan),
                sharpness=get("sharpness", math.nan),
                head_mm_s=get("head_mm_s", math.nan),
                fps=fps if fps > 0.0 else math.nan,
                frames=frames,
                frames_lost=frames_lost,
                observed_s=self.observed_s,
            ),
            source=self._source,
            paused=paused,
            recording=self._recording,
            notice=self._notice if now_s - self._notice_s < NOTICE_S else "",
        )

    def _counted_sides(self, now_s: float) -> dict[Side, int]:
        """What is flagged counts at once; what is not seen to be a jerk soon after does no longer."""
        self._unsure = [flagged for flagged in self._unsure if now_s - flagged.told_s < UNSURE_S]
        counts = self._counts.copy()
        counts.update(regions.SITES[flagged.region].side for flagged in self._unsure)
        return dict(counts)

    def _lost_lately(self, now_s: float, frames: int, lost: int) -> float:
        """Share of the pictures of the last seconds that were lost."""
        self._counted.append((now_s, frames, lost))
        while self._counted[0][0] < now_s - LATELY_S:
            self._counted.popleft()
        _, frames_then, lost_then = self._counted[0]
        return (lost - lost_then) / max(frames - frames_then + lost - lost_then, 1)

    def _judge(self, measured: Measured) -> WhyNot:
        """Why the time up to this frame was not observed; counted as in :class:`~detector.deciding.Decider`."""
        reading = measured.reading
        if reading.faces_seen == 0:
            return WhyNot.NO_FACE
        if reading.repeated:  # it stands for the one before it; a frozen one for nothing
            return WhyNot.GAP if reading.t_s - self._seen_s > self._max_gap_s else self._bits
        self._seen_s = reading.t_s
        return WhyNot.SETTLING if measured.motion is None else measured.motion.why_not

    def _flag(self, new: Flagged) -> None:
        recent = [flagged for flagged in self._flagged if flagged.t_s > new.told_s - WINDOW_S - 1.0]
        self._flagged = sorted([*recent, new], key=lambda flagged: flagged.t_s)

    def _take_why(self, bits: WhyNot, t_s: float) -> None:
        if bits & WhyNot.SETTLING and not bits & WhyNot.NO_FACE:
            self._settled_from = t_s if self._settled_from is None else self._settled_from
            self._settling = min((t_s - self._settled_from) / WAIT_S, 1.0)
        else:
            self._settled_from, self._settling = None, None
        words = why_words(bits)
        if words or t_s - self._why_s > WHY_HOLD_S:
            self._why = words
        if words:
            self._why_s = t_s

    def _take_quality(self, reading: Reading) -> None:
        if reading.t_s <= self._smooth_t:
            return
        share = 1.0 - math.exp(-(reading.t_s - self._smooth_t) / SMOOTH_S)
        self._smooth_t = reading.t_s
        if reading.face is None:
            self._smooth = {}
            return
        now = {"px_per_mm": reading.px_per_mm, "luma": reading.face.luma, "sharpness": reading.face.sharpness}
        if reading.sample is not None:
            now["head_mm_s"] = reading.sample.head_speed_mm_s
        for name, value in now.items():
            before = self._smooth.get(name, value)
            self._smooth[name] = before + share * (value - before)

    def _traces(self) -> dict[Side, Trace]:
        times = np.array([point.t_s for point in self._points])
        observed = np.array([point.observed for point in self._points], dtype=bool)
        values = np.array([point.values for point in self._points], dtype=np.float32).reshape(-1, len(SIDES))
        return {side: Trace(times, values[:, k], observed) for k, side in enumerate(SIDES)}


def _centers(reading: Reading) -> np.ndarray | None:
    if reading.sample is not None:
        return reading.sample.centers_px
    if reading.face is None:
        return None
    places: Sequence[np.ndarray] = [reading.face.points_px[list(site.points)].mean(axis=0) for site in regions.SITES]
    return np.array(places, dtype=np.float32)
