"""More sizes than the rest of the benchmarks have, for curves of found against size: twitches on faces at rest.

They add to the twitches of ``material.MATERIAL`` on the same people, which are of 1, 2 and 4 px. The woman who pouts
and the man who smiles throughout are left out: a size found half the time says little of people hardly ever still.
"""

from __future__ import annotations

from benchmarks.material import QUICK, Material

# Between and beyond the usual sizes, in steps of 1.4. The largest are over 8 mm, more than any twitch: what does not
# find those does not measure.
FURTHER_PX = (0.5, 0.7, 1.4, 2.8, 5.6, 8.0, 12.0)
FURTHER_SMALL_PX = (0.7, 1.4, 2.8, 5.6)  # at 0.7 px per mm 5.6 px are 8 mm as well

# The quiet time that thresholds are set on is that of the other clips, so events may stand closer here.
FURTHER: tuple[Material, ...] = (
    Material("webcam_neutral_a.mp4", "webcam man", "tuning", 14, (41,), 45.0, FURTHER_SMALL_PX),
    Material("webcam_neutral_b.mp4", "webcam man", "tuning", 9, (41,), None, FURTHER_SMALL_PX),
    Material("astronaut", "astronaut", "tuning", 18, (41,), None, FURTHER_PX),
    Material("portrait_a.jpg", "portrait a", "tuning", 18, (41,), None, FURTHER_PX),
    Material("still_moving_camera_720p.mp4", "still woman", "test", 3, (41, 42, 43, 44, 45, 46), None, FURTHER_PX),
    Material("portrait_b.jpg", "portrait b", "test", 18, (41,), None, FURTHER_PX),
)
QUIET_PEOPLE = frozenset(material.person for material in FURTHER)


def further_material() -> list[tuple[Material, int]]:
    """(material, seed) of every clip with further sizes; a quick run: the same two as elsewhere."""
    labels = ("webcam_neutral_b", "still_moving_camera_720p")
    return [(m, seed) for m in FURTHER for seed in m.seeds[: 1 if QUICK else None] if not QUICK or m.label in labels]
