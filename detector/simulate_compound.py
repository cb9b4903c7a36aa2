"""Events of several muscles at once, and of the whole picture: what every injector needs to know of them.

A plain twitch (``TwitchPlan``) is one bump at one muscle. A spasm, a tic, a smile is a ``CompoundPlan``: several bumps,
each with its own course, or something that happens to the whole picture, and one line in the truth file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detector.simulate_effects import Effect
from detector.simulate_plan import Placed, TruthRow, TwitchPlan, course, field_of
from detector.types import Side
from detector.warp import Bump, displacement

Array = npt.NDArray[np.float64]

# Chosen: radius per height below which the skin would be drawn more steeply than cheeks and noses are; slope 0.38.
_WIDEST_PER_MM = 1.6


@dataclass(frozen=True, slots=True)
class Pull:
    """One contraction: up, held, and down again, as ``simulate_plan.course`` does it."""

    onset_s: float
    rise_s: float
    fall_s: float
    hold_s: float = 0.0
    height: float = 1.0  # against the highest pull of the part
    skew: float = 1.0

    @property
    def offset_s(self) -> float:
        return self.onset_s + self.rise_s + self.hold_s + self.fall_s

    def course(self, t_s: npt.ArrayLike) -> Array:
        """Height at the times ``t_s`` (any shape); zero before and after."""
        t = np.asarray(t_s, dtype=np.float64) - self.onset_s
        t = np.where(t < self.rise_s, t, np.maximum(t - self.hold_s, self.rise_s))
        return self.height * course(t, self.rise_s, self.fall_s, self.skew)


@dataclass(frozen=True, slots=True)
class Part(Placed):
    """What one muscle does in a compound event."""

    muscle: str
    side: Side  # left, right (the subject's own) or midline
    pulls: tuple[Pull, ...]
    amplitude_mm: float | None = None  # of the skin point at the center; this one or ...
    amplitude_px: float | None = None  # ... that one, in px of the source
    radius_mm: float = 6.0
    turn_deg: float = 0.0  # counterclockwise, added to the direction of the muscle
    center_mm: tuple[float, float] = (0.0, 0.0)  # shift of the center, x to the picture's right, y down

    def __post_init__(self) -> None:
        if not self.pulls:
            raise ValueError("a part needs one pull at least")
        self.check()

    @property
    def onset_s(self) -> float:
        return self.pulls[0].onset_s

    @property
    def offset_s(self) -> float:
        return self.pulls[-1].offset_s

    def course(self, t_s: npt.ArrayLike) -> Array:
        """Displacement against the amplitude, 0 to 1, at the times ``t_s`` (any shape)."""
        return np.sum([pull.course(t_s) for pull in self.pulls], axis=0)

    def bump(self, center_px: npt.ArrayLike, px_per_mm: float, roll_deg: float) -> Bump:
        """The part's field at its peak, as if it were alone; arguments and errors as for ``TwitchPlan.bump``."""
        height = self.height_mm(px_per_mm)
        return field_of(
            center_px,
            px_per_mm,
            roll_deg,
            height_mm=height,
            radius_mm=max(self.radius_mm, _WIDEST_PER_MM * height),
            pull_deg=self.site().pull_deg + self.turn_deg,
            center_mm=self.center_mm,
        )


@dataclass(frozen=True, slots=True)
class CompoundPlan:
    """One event to inject: parts that move together, or an effect on the whole picture, or neither (a blink)."""

    event: int  # 1-based
    kind: str  # as the truth file has it
    muscle: str  # the one that moves most; empty when it is no muscle's doing
    side: Side
    onset_s: float
    offset_s: float
    twitches: int  # jerks of the strongest part
    parts: tuple[Part, ...] = ()
    effect: Effect | None = None
    amplitude_mm: float = 0.0  # of an event without parts; 0: none that is known

    def bumps(self, centers_px: Sequence[npt.ArrayLike], px_per_mm: float, roll_deg: float) -> list[Bump]:
        """The field of each part at its peak.

        The bumps of neighboring muscles overlap, and their sum would move the skin at a muscle by more, or elsewhere,
        than the plan and the truth file say. Hence the heights are solved for: all at their peak together, the skin at
        the center of each part moves by that part's own displacement.

        Parameters
        ----------
        centers_px : sequence of (2,)
            Where the muscle of each part lies in the picture now.
        px_per_mm : float
            Scale of the face.
        roll_deg : float
            Counterclockwise tilt of the head in the picture.
        """
        alone = [part.bump(center, px_per_mm, roll_deg) for part, center in zip(self.parts, centers_px, strict=True)]
        if len(alone) < 2:
            return alone
        x, y = np.array([bump.x for bump in alone]), np.array([bump.y for bump in alone])
        share = [displacement([Bump(bump.x, bump.y, 1.0, 0.0, bump.radius)], x, y)[0] for bump in alone]
        wanted = np.array([(bump.dx, bump.dy) for bump in alone])
        solved = np.linalg.solve(np.stack(share, axis=1), wanted)
        return [replace(bump, dx=float(dx), dy=float(dy)) for bump, (dx, dy) in zip(alone, solved, strict=True)]

    def height_mm(self, px_per_mm: float) -> float:
        """Peak displacement of the strongest part in mm at that scale."""
        return max((part.height_mm(px_per_mm) for part in self.parts), default=self.amplitude_mm)

    def truth(self, px_per_mm: float, scale: float = 1.0) -> TruthRow:
        """The event's line in the truth file: ``px_per_mm`` of the source, ``scale`` of the written picture to it."""
        return TruthRow(
            event=self.event,
            kind=self.kind,
            muscle=self.muscle,
            side=self.side,
            onset_s=self.onset_s,
            offset_s=self.offset_s,
            twitches=self.twitches,
            amplitude_mm=self.height_mm(px_per_mm),
            px_per_mm=px_per_mm * scale,
        )

    def moved(self, by_s: float, event: int) -> CompoundPlan:
        """The same, later, and under another number."""
        return replace(
            self,
            event=event,
            onset_s=round(self.onset_s + by_s, 4),
            offset_s=round(self.offset_s + by_s, 4),
            parts=tuple(
                replace(
                    part,
                    pulls=tuple(replace(pull, onset_s=round(pull.onset_s + by_s, 4)) for pull in part.pulls),
                )
                for part in self.parts
            ),
            effect=None if self.effect is None else self.effect.moved(by_s),
        )


Event = TwitchPlan | CompoundPlan  # what the injectors take


def of_parts(kind: str, parts: Sequence[Part], side: Side) -> CompoundPlan:
    """A compound event of these parts, its span theirs, its muscle and number of jerks those of the strongest."""
    strongest = max(parts, key=lambda part: part.amplitude_mm or part.amplitude_px or 0.0)
    return CompoundPlan(
        event=1,
        kind=kind,
        muscle=strongest.muscle,
        side=side,
        onset_s=min(part.onset_s for part in parts),
        offset_s=max(part.offset_s for part in parts),
        twitches=len(strongest.pulls),
        parts=tuple(parts),
    )
