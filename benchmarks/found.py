"""What every way finds of the twitches of people at rest, 0.5 to 12 px high: usual clips and further ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.contest import Hit, Line, false_count, hits, quiet_min
from benchmarks.kept import measured
from benchmarks.material import Group, chosen_material
from benchmarks.rival_scores import Variant
from benchmarks.sizes import QUIET_PEOPLE, further_material
from benchmarks.ways import GUARDED, TOLD, VARIANTS, entrants

Rate = Literal["fitted", "counted"]  # of false alarms, as in contest.Limits
GROUPS: tuple[Group, ...] = ("tuning", "test")


@dataclass(frozen=True, slots=True)
class Found:
    """A way at one rate of false alarms."""

    label: str
    variant: Variant | None  # None: ours
    hits: tuple[tuple[Group, Hit], ...]  # every event of the people at rest
    false: tuple[int, int]  # false alarms in the quiet time of tuning and of test people
    quiet_min: tuple[float, float]

    def of(self, train: bool, group: Group | None = None) -> list[Hit]:
        """The single twitches, or the trains, of one group or of both."""
        return [hit for here, hit in self.hits if hit.kind[0] == train and group in (None, here)]

    @property
    def sides(self) -> tuple[int, int]:
        """Of the one-sided events that were found: on the right side, all."""
        sided = [hit for _, hit in self.hits if hit.found and hit.event.side in ("left", "right")]
        return sum(hit.side == hit.event.side for hit in sided), len(sided)


def collect() -> dict[Rate, list[Found]]:
    """Every way at both rates, rivals first; the program's own episodes at the rate that it aims at.

    Variants are chosen and thresholds set on the clips that all ways are compared on elsewhere (``test_heart.py``). The
    further clips, whose largest twitches leave little quiet around them, are for finding only.
    """
    clips = [measured(material, seed, list(VARIANTS.values())) for material, seed in chosen_material()]
    here = entrants(clips)
    chosen = {line.label: VARIANTS[line.label] for line in here.rivals}
    more = [measured(material, seed, list(chosen.values())) for material, seed in further_material()]
    added = {line.label: tuple(clip.rivals[chosen[line.label]] for clip in more) for line in here.rivals}
    added[GUARDED] = tuple(clip.score_peaks(observed_only=True) for clip in more)
    added[TOLD] = tuple(clip.told_peaks() for clip in more)

    def found(line: Line, rate: Rate) -> Found:
        threshold = getattr(line.limits, rate)
        events: list[tuple[Group, Hit]] = []
        for group in GROUPS:
            own = [hit for hit in hits(line, clips, group, threshold) if hit.person in QUIET_PEOPLE]
            further = hits(Line(line.label, added[line.label], line.limits), more, group, threshold)
            events += [(group, hit) for hit in (*own, *further)]
        return Found(
            line.label,
            chosen.get(line.label),
            tuple(events),
            (false_count(line, clips, "tuning", threshold), false_count(line, clips, "test", threshold)),
            (quiet_min(clips, "tuning"), quiet_min(clips, "test")),
        )

    return {
        "fitted": [found(line, "fitted") for line in (*here.rivals, here.ours, here.told)],
        "counted": [found(line, "counted") for line in (*here.rivals, here.ours)],
    }
