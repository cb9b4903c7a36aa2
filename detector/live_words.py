"""What the live window says, in words: places, reasons, quality with its warnings, keys."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detector.live_state import LiveState, Quality
from detector.regions import SITES
from detector.types import WhyNot

# Warnings. A smaller face than the first is not measured (``Settings.min_face_px_per_mm``); at 0.7 px/mm half of the
# twitches of about 2 mm found at twice the size are missed (docs/measurements.md). Head speed: ``RESTLESS_MM_S``.
FACE_MIN_PX_MM, FACE_GOOD_PX_MM = 0.5, 1.0
LUMA_BLACK, LUMA_DIM, LUMA_BRIGHT = 25.0, 50.0, 220.0  # gray levels of 255: noise drowns skin, then clipping does
# Faces of five webcam and phone clips (0.7 to 2.8 px/mm) had 65-163, and 2-28 once blurred by 1 mm.
SHARP_MIN = 15.0
HEAD_MAX_MM_S = 15.0
FPS_MIN = 24.0  # a twitch of 0.1 s has two or three pictures then
LOST_MAX = 0.02  # share

# muscle -> where a person without anatomy would point, and its name
PLACES = {
    "procerus": ("root of the nose", "procerus"),
    "depressor_septi_nasi": ("under the tip of the nose", "depressor septi nasi"),
    "nasalis_transverse": ("side of the nose", "transverse nasalis"),
    "nasalis_alar": ("nostril wing", "alar nasalis"),
    "levator_labii_alaeque_nasi": ("fold beside the nose", "levator labii alaeque nasi"),
    "orbicularis_oris_upper": ("upper lip", "orbicularis oris"),
    "orbicularis_oculi_lower": ("lower eyelid", "orbicularis oculi"),
    "zygomaticus": ("cheek", "zygomaticus"),
}
# Of several reasons the first one is said: what comes later mostly follows from it.
_REASONS = (
    (WhyNot.NO_FACE, "no face in view"),
    (WhyNot.EDGE, "face at the edge, move to the middle"),
    (WhyNot.FACE_SMALL, "too far away, come closer"),
    (WhyNot.GAP, "pictures missing"),
    (WhyNot.SETTLING, "settling, hold still"),
    (WhyNot.MOTION, "head moves, hold still"),
    (WhyNot.NOISE, "speaking or noise"),
)
KEYS = (
    ("m", "I felt one: a mark in the log"),
    ("u", "take the last mark back"),
    ("space", "pause, and go on"),
    ("r", "learn anew how the face rests"),
    ("s", "save a snapshot"),
    ("h", "this help"),
    ("q", "quit"),
)
LEGEND = (
    "Mirrored; left and right are your own.",
    "Thin ring: watched place. Thick ring: twitch there.",
    "Traces: last 10 s. Dashes: threshold. Gray: no verdict.",
    "Triangle: twitch. Line with a dot: felt by you.",
    "Movements are described, nothing is diagnosed.",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing about the quality."""

    name: str
    words: tuple[str, ...]  # the same at less and less length
    harms: bool = False


def place_words(region: int) -> tuple[str, str]:
    """Plain and anatomical name of ``regions.SITES[region]``, e.g. ("left nostril wing", "alar nasalis")."""
    site = SITES[region]
    plain, muscle = PLACES[site.muscle]
    return (plain if site.side == "midline" else f"{site.side} {plain}"), muscle


def place_of(region: str, side: str) -> str:
    """A region of a finding in plain words, e.g. ``left nostril wing``; the subject's own left and right."""
    place = PLACES[region.removesuffix("_left").removesuffix("_right")][0]
    if side in ("left", "right"):
        return f"{side} {place}"
    return f"{place}, both sides" if side == "both" else place


def why_words(bits: WhyNot) -> str:
    """The first reason for which there is no verdict, in words; empty when there is none."""
    return next((words for bit, words in _REASONS if bit in bits), "")


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours when there are some."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def quality_items(state: LiveState) -> tuple[Item, ...]:
    """Six things, always in the same order: face, light, sharpness, head, pictures, observed time."""
    quality = state.quality
    observed = Item("observed", (f"{clock(quality.observed_s)} of {clock(state.now_s)}", clock(quality.observed_s)))
    return (_face(quality), _light(quality), _sharpness(quality), _head(quality), _pictures(quality), observed)


def _face(quality: Quality) -> Item:
    size = quality.px_per_mm
    if not math.isfinite(size):
        return Item("face", ("not seen",))
    shown = f"{size:.1f} px/mm"
    if size < FACE_MIN_PX_MM:
        return Item("face", (f"{shown}, too small: come closer", "too small: come closer", "come closer"), True)
    if size < FACE_GOOD_PX_MM:
        tail = "come closer"
        return Item("face", (f"{shown}, {tail} for small twitches", f"{shown}, {tail}", tail), True)
    return Item("face", (f"{shown}, good", shown))


def _light(quality: Quality) -> Item:
    luma = quality.luma
    if not math.isfinite(luma):
        return Item("light", ("unknown",))
    if luma < LUMA_BLACK:
        return Item("light", ("too dark: turn on a light", "too dark"), True)
    if luma < LUMA_DIM:
        return Item("light", ("dim: more light from the front", "dim: more light", "dim"), True)
    if luma > LUMA_BRIGHT:
        return Item("light", ("too bright: turn away from the light", "too bright"), True)
    return Item("light", ("good",))


def _sharpness(quality: Quality) -> Item:
    if not math.isfinite(quality.sharpness):
        return Item("sharpness", ("unknown",))
    if quality.sharpness >= SHARP_MIN:
        return Item("sharpness", ("good",))
    if quality.luma < LUMA_DIM:  # in the dark everything has little contrast: the light is what is to be mended
        return Item("sharpness", ("unsure in this light", "unsure"))
    return Item("sharpness", ("blurred: wipe the lens, check the focus", "blurred: check the focus", "blurred"), True)


def _head(quality: Quality) -> Item:
    if not math.isfinite(quality.head_mm_s):
        return Item("head", ("unknown",))
    if quality.head_mm_s > HEAD_MAX_MM_S:
        return Item(
            "head", (f"moves {quality.head_mm_s:.0f} mm/s: hold still", "moves: hold still", "hold still"), True
        )
    return Item("head", ("still",))


def _pictures(quality: Quality) -> Item:
    if not math.isfinite(quality.fps):
        return Item("pictures", ("none yet",))
    slow, lossy = quality.fps < FPS_MIN, quality.lost_share > LOST_MAX
    rate = f"{quality.fps:.0f} a second" + (", slow" if slow else "")
    short = f"{quality.fps:.0f}/s" + (" slow" if slow else "")
    share = f"{100.0 * quality.lost_share:.{0 if quality.lost_share >= 0.1 else 1}f} %"
    lost = f"{quality.frames_lost} lost" + (f" ({share})" if quality.frames_lost else "")
    return Item("pictures", (f"{rate}, {lost}", f"{short}, {lost}", f"{short}, {share} lost"), slow or lossy)
