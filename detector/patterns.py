"""Movements of several areas together: one side of the face at once, both sides of the nose, one side during a blink.

The score of a region is divided by what the rest of the face does, so that a spasm of one side or a scrunch of the nose
counts against itself. A pattern is scored like a region of its own: how far its weakest area stands out of the noise,
over what those parts of the face do that it would leave alone.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.kernels_deciding import score_areas
from detector.motion import LATTICE_MM, REGION_COUNT
from detector.regions import NOSE, SITES
from detector.types import FloatArray

Pattern = Literal["half_right", "half_left", "both_sides", "below_right", "below_left"]
PATTERNS: tuple[Pattern, ...] = ("half_right", "half_left", "both_sides", "below_right", "below_left")
# Of the bare ratio: where it means what the threshold of normal sensitivity means for a region, and how fast its tail
# falls. Over 7 minutes of 19 clips without twitches (mostly of people who talk) the half
# passed 2.5 in 164 half seconds an hour, both sides passed 3.0 in 207; the tails fall by e per 0.34 and 0.38.
AT_NORMAL = (4.4, 4.4, 5.0, 6.8, 6.8)
TAIL = (0.36, 0.36, 0.36, 0.5, 0.5)
HALVES = {"right": 0, "left": 1}  # position in PATTERNS
BOTH_SIDES = 2
BELOW = {"right": 3, "left": 4}

_X, _Y = LATTICE_MM.T
_SIGN = {"right": -1.0, "left": 1.0}  # of x: the subject's right is on the picture's left
Sites = npt.NDArray[np.intp]


def _muscles(side: str, *names: str) -> Sites:
    return np.array([k for k, site in enumerate(SITES) if site.side == side and site.muscle in names])


def _lattice(chosen: npt.NDArray[np.bool_]) -> Sites:
    return REGION_COUNT + np.flatnonzero(chosen)


# Numbers of sites in the order of ``motion.Sample``.
NOSE_OF: dict[str, Sites] = {
    side: np.array([k for k in NOSE if SITES[k].side == side]) for side in ("right", "left", "midline")
}
LID_OF: dict[str, Sites] = {side: _muscles(side, "orbicularis_oculi_lower") for side in _SIGN}
MOUTH_OF: dict[str, Sites] = {
    side: np.concatenate([_muscles(side, "zygomaticus"), _lattice((sign * _X == 27.0) & (_Y >= 54.0))])
    for side, sign in _SIGN.items()
}
LIP_OF: dict[str, Sites] = {side: _muscles(side, "orbicularis_oris_upper") for side in _SIGN}
HALF_OF: dict[str, Sites] = {side: _lattice((sign * _X >= 9.0) & (_Y >= 9.0)) for side, sign in _SIGN.items()}
# Nose and lip out of reach of the lids: at a blink these are all that can tell a twitch from the skin that a lid draws.
BELOW_OF: dict[str, Sites] = {
    side: _muscles(side, "nasalis_alar", "levator_labii_alaeque_nasi", "orbicularis_oris_upper") for side in _SIGN
}
BESIDE_OF: dict[str, Sites] = {  # what these leave alone, lids and brows aside
    side: _lattice(((sign * _X <= -9.0) & (_Y >= 27.0)) | ((sign * _X >= 27.0) & (_Y >= 36.0)))
    for side, sign in _SIGN.items()
}
FOREHEAD: Sites = _lattice(_Y <= -9.0)
# What a scrunch of the nose leaves alone, whether it goes with a lid, the brow or the lip: the outer cheeks and the
# corners of the mouth.
CHEEKS: Sites = _lattice(((np.abs(_X) >= 36.0) & (_Y >= 18.0)) | ((np.abs(_X) >= 27.0) & (_Y >= 45.0)))


def score_patterns(excess: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far the weakest area of each pattern stands out, and how busy the parts it leaves alone are.

    Parameters
    ----------
    excess : (B, C, SITE_COUNT) float32
        Height over noise.

    Returns
    -------
    (B, C, P) float32, (B, C, P) float32
        In the order of ``PATTERNS``; the second is about 1 at rest.
    """
    strength = np.empty((*excess.shape[:-1], len(PATTERNS)), dtype=np.float32)
    around = np.empty_like(strength)
    score_areas(excess, _STRONG, _QUIET, strength, around)
    return strength, around


def _table(areas: dict[int, list[Sites]]) -> npt.NDArray[np.int64]:
    """(P, A, n) sites of the areas of each pattern; -1 behind the last of a shorter one."""
    most = max(len(sites) for chosen in areas.values() for sites in chosen)
    table = np.full((len(PATTERNS), max(map(len, areas.values())), most), -1)
    for pattern, chosen in areas.items():
        for a, sites in enumerate(chosen):
            table[pattern, a, : len(sites)] = sites
    return table


_STRONG = _table(
    {HALVES[side]: [LID_OF[side], NOSE_OF[side], MOUTH_OF[side]] for side in _SIGN}
    | {BELOW[side]: [BELOW_OF[side]] for side in _SIGN}
    | {BOTH_SIDES: [NOSE_OF["right"], NOSE_OF["left"]]}
)
_QUIET = _table(
    {HALVES[side]: [HALF_OF[other], FOREHEAD] for side, other in (("right", "left"), ("left", "right"))}
    | {BELOW[side]: [BESIDE_OF[side]] for side in _SIGN}
    | {BOTH_SIDES: [CHEEKS]}
)
