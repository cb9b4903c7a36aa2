"""Twitches of an episode -> its kind, and the evidence for it in words and numbers.

Only what the measurements carry is said: one small area on one side (or the midline), brief, nothing else moving, is
fasciculation-like; anything else is undetermined. No kind names a disease.
"""

from __future__ import annotations

from detector.types import Kind, Side, Twitch

LONGEST_JERK_S = 0.5  # fasciculations last 0.1-0.5 s; longer pulls are held


def kind_of(twitches: tuple[Twitch, ...], side: Side, co_movement: tuple[str, ...]) -> tuple[Kind, str]:
    """Kind and evidence of an episode.

    Parameters
    ----------
    twitches : tuple of Twitch
        At least one.
    side : Side
        Of the episode.
    co_movement : tuple of str
        Regions apart from the strongest that moved with it.
    """
    longest = max(twitch.offset_s - twitch.onset_s for twitch in twitches)
    count = len(twitches)
    facts = [
        "one jerk" if count == 1 else f"{count} jerks",
        f"longest {longest:.2f} s",
        "on both sides" if side == "both" else f"on the {side}" if side == "midline" else f"on the {side} side only",
        f"{co_movement[0].replace('_', ' ')} moved with it" if co_movement else "nothing else moved",
    ]
    alone = side != "both" and not co_movement and longest <= LONGEST_JERK_S
    return ("fasciculation_like" if alone else "undetermined"), ", ".join(facts)
