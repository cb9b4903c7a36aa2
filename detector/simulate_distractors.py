"""What must not be taken for a twitch: sniffs, breathing, expressions, nods, flicker, key-frame pumping.

Each function draws one event at time zero. The sizes in mm are chosen: large enough to be seen, and as large as they
are on faces by eye.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.simulate_compound import CompoundPlan, Part, Pull, of_parts
from detector.simulate_effects import Effect, Flicker, Nod, Pumping
from detector.simulate_patterns import MOUTH_CORNER_MM, Size, part
from detector.types import Side

Rng = np.random.Generator
SIDES: tuple[Side, Side] = ("right", "left")

SNIFF_MM = (0.5, 1.5)
SNIFF_RISE_S = (0.06, 0.11)  # flare in under about 120 ms
SNIFF_PAIR_SHARE = 0.4  # chosen
BREATH_MM = (0.3, 0.9)
BREATH_HZ = (0.2, 0.3)  # of quiet breathing
BREATHS = (1, 2)  # chosen; per event
SMILE_MM = (3.0, 7.0)
DISGUST_MM = (1.5, 4.0)
DISGUST_S = (0.5, 4.0)  # disgust, AU9 and AU10
NOD_MM = (3.0, 9.0)
FLICKER = (0.04, 0.18)  # share of the brightness
KEY_FRAME_S = (0.4, 1.0)  # every 12th to 30th picture at 30/s


def sniff(rng: Rng) -> CompoundPlan:
    """Both alae flare in under 120 ms, once or twice."""
    pulls = [_sniff(rng, 0.0)]
    if rng.random() < SNIFF_PAIR_SHARE:
        pulls.append(_sniff(rng, pulls[0].offset_s + float(rng.uniform(0.1, 0.4))))
    return of_parts("sniff", _alae(rng, pulls, float(rng.uniform(*SNIFF_MM))), "both")


def breathing(rng: Rng) -> CompoundPlan:
    """Both alae flare slowly with each breath, in the rhythm of breathing."""
    pulls: list[Pull] = []
    for _ in range(int(rng.integers(BREATHS[0], BREATHS[1] + 1))):
        length = 1.0 / float(rng.uniform(*BREATH_HZ))
        onset = pulls[-1].offset_s if pulls else 0.0
        pulls.append(Pull(onset, 0.4 * length, 0.6 * length))
    return of_parts("sniff", _alae(rng, pulls, float(rng.uniform(*BREATH_MM))), "both")


def smile(rng: Rng) -> CompoundPlan:
    """Both mouth corners slowly up and out, cheeks and lower lids with them; the alae widen a little."""
    pull = Pull(0.0, float(rng.uniform(0.5, 1.2)), float(rng.uniform(0.6, 1.5)), float(rng.uniform(0.3, 1.5)))
    size, parts = float(rng.uniform(*SMILE_MM)), []
    lid, ala = float(rng.uniform(0.1, 0.2)), float(rng.uniform(0.15, 0.3))
    for side in SIDES:
        mm = size * float(rng.uniform(0.92, 1.08))
        parts += [
            part("zygomaticus", side, [pull], Size(mm, False), radius_mm=11.0, center_mm=MOUTH_CORNER_MM),
            part("zygomaticus", side, [pull], Size(0.5 * mm, False), radius_mm=9.0, turn_deg=-25.0),
            part("orbicularis_oculi_lower", side, [pull], Size(lid * mm, False), radius_mm=7.0),
            part("nasalis_alar", side, [pull], Size(ala * mm, False), radius_mm=7.0),
        ]
    return of_parts("expression", parts, "both")


def disgust(rng: Rng) -> CompoundPlan:
    """The nose wrinkles and the upper lip goes up on both sides, slower than a tic, and held."""
    rise, fall = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.25, 0.7))
    pull = Pull(0.0, rise, fall, max(0.1, float(rng.uniform(*DISGUST_S)) - rise - fall))
    size = float(rng.uniform(*DISGUST_MM))
    parts = [part("procerus", "midline", [pull], Size(0.5 * size, False), radius_mm=8.0)]
    for side in SIDES:
        mm = size * float(rng.uniform(0.93, 1.07))
        parts += [
            part("levator_labii_alaeque_nasi", side, [pull], Size(mm, False), radius_mm=7.0),
            part("nasalis_transverse", side, [pull], Size(0.4 * mm, False), radius_mm=6.0),
            part("orbicularis_oris_upper", side, [pull], Size(0.6 * mm, False), radius_mm=7.0, turn_deg=180.0),
        ]
    return of_parts("expression", parts, "both")


def head_motion(rng: Rng) -> CompoundPlan:
    """The head jerks and comes back: a nod, a shake or a tilt, in the plane of the picture."""
    form, far = int(rng.integers(3)), float(rng.uniform(*NOD_MM))
    sign = float(rng.choice([-1.0, 1.0]))
    x, y, turn = ((0.1 * far, far, 0.0), (sign * far, 0.1 * far, 0.0), (0.3 * sign * far, 0.2 * far, sign * far))[form]
    swings = int(rng.integers(1, 4))
    nod = Nod(0.0, float(rng.uniform(0.35, 0.7)) * (1.0 + 0.4 * (swings - 1)), x, y, turn, swings)
    return _of_effect("head_motion", nod, nod.length_s, swings, far)


def flicker(rng: Rng) -> CompoundPlan:
    """The light of the whole picture changes: smoothly to and fro, or in steps."""
    smooth = bool(rng.random() < 0.5)
    count = int(rng.integers(4, 9)) if smooth else int(rng.integers(3, 6))
    times = np.concatenate([[0.0], np.cumsum(rng.uniform(*((0.08, 0.35) if smooth else (0.2, 0.8)), count - 1))])
    signs = np.where(np.arange(count) % 2, 1.0, -1.0) * float(rng.choice([-1.0, 1.0]))
    gains = 1.0 + signs * rng.uniform(*FLICKER, count)
    if smooth:
        gains[0] = 1.0
    gains[-1] = 1.0
    done = Flicker(tuple(float(t) for t in times), tuple(float(g) for g in gains), smooth)
    return _of_effect("artefact", done, float(times[-1]), count - 1)


def pumping(rng: Rng) -> CompoundPlan:
    """Key frames coarser than what is between them, at even intervals."""
    period, pulses = float(rng.uniform(*KEY_FRAME_S)), int(rng.integers(3, 6))
    quality, blur = int(rng.integers(18, 45)), float(rng.uniform(0.4, 0.9))
    return _of_effect("artefact", Pumping(0.0, period, pulses, quality, blur), period * pulses, pulses)


def _of_effect(kind: str, effect: Effect, length_s: float, twitches: int, amplitude_mm: float = 0.0) -> CompoundPlan:
    # No muscle does it, and a truth file may leave a cell empty.
    return CompoundPlan(1, kind, "", "both", 0.0, length_s, twitches, effect=effect, amplitude_mm=amplitude_mm)


def _sniff(rng: Rng, onset_s: float) -> Pull:
    rise, hold, fall = rng.uniform(*SNIFF_RISE_S), rng.uniform(0.0, 0.1), rng.uniform(0.1, 0.25)
    return Pull(onset_s, float(rise), float(fall), float(hold), skew=0.85)


def _alae(rng: Rng, pulls: Sequence[Pull], size_mm: float) -> list[Part]:
    factors = (1.0, float(rng.uniform(0.9, 1.1)))
    return [
        part("nasalis_alar", side, pulls, Size(size_mm * factor, False), radius_mm=6.0)
        for side, factor in zip(SIDES, factors, strict=True)
    ]
