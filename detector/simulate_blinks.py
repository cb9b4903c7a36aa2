"""When the eyes of recorded footage close: needed to lock a twitch to a blink, and to write the blinks as truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.simulate_life import Blink
from detector.types import Frame

Array = npt.NDArray[np.float64]

LONGEST_S = 0.4  # at half its height (blinks take 0.1-0.4 s, Bentivoglio 1997)
SHALLOWEST = 0.35  # chosen: share of the opening that must close, and open again; looking down closes less
_EDGE = 0.85  # chosen: a blink begins and ends this far down its height; below that is the mesh's jitter
_WITHIN_S = 0.5  # s to either side in which it must close and open; a sleepy or a falling gaze takes longer
_ALONE_S = 0.3  # chosen: closings nearer to each other are a fluttering lid, or a mesh in doubt before a squint
_AROUND_S = 1.5  # s to either side: the eye as it is open now; longer than any blink, shorter than a change of gaze


@dataclass(frozen=True, slots=True)
class EyeTrack:
    """How far the eyes are open in each frame; NaN where no face was found.

    Attributes
    ----------
    t_s : (N,)
    opening : (N,)
        Mean of both eyes, of the width of the eye.
    """

    t_s: Array
    opening: Array


def follow_eyes(frames: Iterable[Frame], model: Path, progress: Callable[[float], None] | None = None) -> EyeTrack:
    """Run the face mesh on every frame: ten times a second, as it runs for the places of muscles, misses blinks."""
    from detector.face import FaceTracker

    times: list[float] = []
    opening: list[float] = []
    with FaceTracker(model) as tracker:
        for frame in frames:
            face = tracker.detect(frame)
            times.append(frame.t_s)
            opening.append(float("nan") if face is None else 0.5 * (face.eye_open[0] + face.eye_open[1]))
            if progress is not None:
                progress(frame.t_s)
    return EyeTrack(np.array(times), np.array(opening))


def blinks_of(eyes: EyeTrack) -> list[Blink]:
    """The blinks of a face, in the order of time: both eyes close by a third or more, and open again at once.

    A closing held for longer than half a second is none, nor one that touches frames without a face.
    """
    from scipy.signal import find_peaks, peak_widths

    blinks: list[Blink] = []
    seen = np.isfinite(eyes.opening)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(np.int8), [0]])))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        t, opening = eyes.t_s[a:b], eyes.opening[a:b]
        if b - a < 5:
            continue
        step = float(np.median(np.diff(t)))
        first, last = np.searchsorted(t, t - _AROUND_S), np.searchsorted(t, t + _AROUND_S, "right")
        # An upper quartile, so that a few blinks in a row do not pass for the open eye.
        usual = np.array([np.percentile(opening[i:j], 75.0) for i, j in zip(first, last, strict=True)])
        closed = 1.0 - opening / np.maximum(usual, 1e-6)
        window = 2 * max(2, round(_WITHIN_S / step)) + 1
        peaks, about = find_peaks(closed, prominence=SHALLOWEST, wlen=window)
        bases = (about["prominences"], about["left_bases"], about["right_bases"])
        half = peak_widths(closed, peaks, 0.5, bases)[0] * step
        _, _, starts, ends = peak_widths(closed, peaks, _EDGE, bases)
        at = np.arange(len(t))
        for peak, width, start, end in zip(peaks, half, starts, ends, strict=True):
            onset, offset = np.interp([start, end], at, t)
            alone = (np.abs(t[peaks] - t[peak]) < _ALONE_S).sum() == 1
            if alone and width <= LONGEST_S:
                close_s, open_s = float(t[peak] - onset), float(offset - t[peak])
                depth = float(np.clip(closed[peak], 0.0, 1.0))
                blinks.append(Blink(round(float(onset), 4), max(close_s, 0.5 * step), max(open_s, 0.5 * step), depth))
    return blinks
