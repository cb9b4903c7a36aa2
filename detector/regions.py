"""Muscles and reference areas on the 478-point face mesh; the subject's own left and right; nothing else.

Point lists are the project's own proposal made from the canonical face model; no published map exists. A muscle with
two sides is written once, with its right-side points, and mirrored by ``MIRROR``.
"""

from __future__ import annotations

from dataclasses import dataclass

from detector.types import Side


@dataclass(frozen=True, slots=True)
class Site:
    """One muscle on one side."""

    muscle: str
    side: Side
    points: tuple[int, ...]  # mesh points; their mean is the site's center
    pull_deg: float  # direction its skin is pulled: 0 to the picture's right, 90 up, subject facing the camera

    @property
    def name(self) -> str:
        return self.muscle if self.side == "midline" else f"{self.muscle}_{self.side}"


# right point -> its twin on the left
MIRROR = {
    196: 419, 3: 248, 174: 399, 236: 456, 217: 437, 198: 420, 126: 355, 131: 360, 209: 429,
    49: 279, 48: 278, 64: 294, 102: 331, 129: 358, 115: 344, 219: 439, 235: 455, 240: 460, 98: 327,
    188: 412, 114: 343, 47: 277, 142: 371, 203: 423, 165: 391,
    37: 267, 167: 393, 92: 322,
    23: 253, 119: 348, 120: 349, 121: 350, 145: 374,
    61: 291, 206: 426, 36: 266, 205: 425,
}  # fmt: skip

_MIDLINE = (
    ("procerus", (168, 6, 8, 193, 417, 122, 351), 270.0),
    ("depressor_septi_nasi", (2, 94, 19, 164, 97, 326, 99, 328, 141, 370), 270.0),
)
# On the subject's right the picture's right is towards the midline.
_PAIRED = (
    ("nasalis_transverse", (196, 3, 174, 236, 217, 198, 126, 131, 209), 30.0),
    ("nasalis_alar", (49, 48, 64, 102, 129, 115, 219, 235, 240, 98), 200.0),
    ("levator_labii_alaeque_nasi", (47, 126, 142, 129, 203, 165), 90.0),
    ("orbicularis_oris_upper", (37, 167, 165, 92), 270.0),
    ("orbicularis_oculi_lower", (23, 119, 120, 121), 60.0),
    ("zygomaticus", (206, 36, 205), 135.0),
)


def _build() -> tuple[Site, ...]:
    sites = [Site(muscle, "midline", points, pull) for muscle, points, pull in _MIDLINE]
    for muscle, points, pull in _PAIRED:
        sites.append(Site(muscle, "right", points, pull))
        sites.append(Site(muscle, "left", tuple(MIRROR[p] for p in points), (180.0 - pull) % 360.0))
    return tuple(sites)


SITES: tuple[Site, ...] = _build()
SITE_NAMES: tuple[str, ...] = tuple(site.name for site in SITES)
# Watched for spread and for the pull of blinks and smiles; a twitch that is strongest there is not one of the nose.
NEIGHBORS = ("orbicularis_oculi_lower", "zygomaticus")
IS_NASAL: tuple[bool, ...] = tuple(site.muscle not in NEIGHBORS for site in SITES)
# The nose itself and what lifts its wings: whether a moment is observed goes by these.
NOSE: tuple[int, ...] = tuple(
    k
    for k, site in enumerate(SITES)
    if site.muscle
    in ("procerus", "depressor_septi_nasi", "nasalis_transverse", "nasalis_alar", "levator_labii_alaeque_nasi")
)
MUSCLES: tuple[str, ...] = tuple(dict.fromkeys(site.muscle for site in SITES))

# Hardly move against the skull: they hold the head still. Forehead, nasion, canthi, temples; never the nose.
RIGID = (10, 151, 9, 8, 168, 133, 362, 33, 263, 127, 356, 234, 454, 67, 297, 109, 338, 69, 299, 108, 337, 54, 284, 103,
         332, 21, 251, 162, 389, 71, 301, 68, 298)  # fmt: skip
IRIS_RIGHT = (469, 470, 471, 472)
IRIS_LEFT = (474, 475, 476, 477)
EYE_CORNERS = (33, 133, 362, 263)  # right outer, right inner, left inner, left outer
LIDS_RIGHT = (159, 145)
LIDS_LEFT = (386, 374)
MOUTH_CORNERS = (61, 291)
LIPS_INNER = (13, 14)
TEMPLES = (127, 356)
EYE_OUTLINE_RIGHT = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
EYE_OUTLINE_LEFT = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)

# The same points on MediaPipe's canonical face model (Apache-2.0), mm from the middle of the four eye corners,
# x to the picture's right and y down.
RIGID_MM = (
    (0.0, -56.4), (0.0, -39.2), (0.0, -22.6), (0.0, -13.9), (0.0, -6.5), (-18.6, 0.4), (18.6, 0.4), (-44.5, -0.4),
    (44.5, -0.4), (-77.4, 2.6), (77.4, 2.6), (-76.6, 19.5), (76.6, 19.5), (-35.2, -53.8), (35.2, -53.8),
    (-18.9, -56.1), (18.9, -56.1), (-30.6, -39.4), (30.6, -39.4), (-16.2, -39.7), (16.2, -39.7), (-62.8, -39.9),
    (62.8, -39.9), (-51.3, -48.6), (51.3, -48.6), (-70.9, -28.1), (70.9, -28.1), (-75.6, -14.8), (75.6, -14.8),
    (-63.7, -21.6), (63.7, -21.6), (-56.0, -30.9), (56.0, -30.9),
)  # fmt: skip
