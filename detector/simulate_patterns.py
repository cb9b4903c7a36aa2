"""The patterns of the kinds whose areas move together: a spasm of one side, a tic, a twitch at blinks.

Each class is what one person keeps for the length of a clip, drawn once; each call of ``event`` is one event of it, at
time zero unless it is said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.simulate_compound import CompoundPlan, Part, Pull, of_parts
from detector.simulate_life import Blink
from detector.types import Side

Rng = np.random.Generator

# From the cheek to the mouth's corner, and from the nose root to the inner brow, for the subject's right: mm to the
# picture's right and down. Rounded from the face mesh of seven faces, where they were (0.6 to 10.7, 15.5 to 29.1) and
# (-11.9 to -17.3, -16.0 to -24.4).
MOUTH_CORNER_MM = (6.0, 22.0)
INNER_BROW_MM = (-14.0, -19.0)

SPASM_JERKS = (2, 8)
SPASM_INTERVAL_S = (0.1, 0.6)  # drawn evenly on a logarithmic scale: CV 0.50
SPASM_HELD_SHARE = 0.3  # chosen; of the events, those that end in a sustained contraction
SPASM_HELD_S = (0.5, 2.0)
SPASM_LAG_S = 0.004  # chosen; each part within this of the burst: under 10 ms between any two (24 of 24 patients)
SPASM_SHARE = (0.6, 1.0)  # chosen; of the other parts against the strongest
TIC_QUICK_S = (0.05, 0.2)  # doi 10.5334/tohm.533
TIC_HELD_S = (0.3, 0.9)  # at the peak, over 300 ms (the same); the upper end is chosen
TIC_VARIATION = 0.07  # chosen; of sizes and times from one tic to the next, at most
TIC_ASYMMETRY = (0.9, 1.1)  # chosen; left against right
TIC_PAIR_SHARE = 0.25  # chosen
TIC_PAIR_S = (0.15, 0.4)  # chosen; rest between the two of a pair
SYNKINESIS_S = (0.1, 0.3)  # chosen; a small twitch
SYNKINESIS_LAG_S = (0.0, 0.06)  # from the blink's onset; zero lag at video rates
SYNKINESIS_SHARE = 0.85  # chosen; of the blinks that carry a twitch


@dataclass(frozen=True, slots=True)
class Size:
    """A peak displacement, in mm or in px of the source."""

    value: float
    in_px: bool

    @property
    def mm(self) -> float | None:
        return None if self.in_px else self.value

    @property
    def px(self) -> float | None:
        return self.value if self.in_px else None

    def times(self, factor: float) -> Size:
        return Size(self.value * factor, self.in_px)


def part(
    muscle: str,
    side: Side,
    pulls: Sequence[Pull],
    size: Size,
    *,
    radius_mm: float,
    turn_deg: float = 0.0,
    center_mm: tuple[float, float] = (0.0, 0.0),
) -> Part:
    """A part whose turn and shift are given for the subject's right (or the midline), and mirrored for the left."""
    sign = -1.0 if side == "left" else 1.0
    return Part(
        muscle=muscle,
        side=side,
        pulls=tuple(pulls),
        amplitude_mm=size.mm,
        amplitude_px=size.px,
        radius_mm=radius_mm,
        turn_deg=sign * turn_deg,
        center_mm=(sign * center_mm[0], center_mm[1]),
    )


class Spasm:
    """One side of the face: lower lid, nose, mouth corner and mostly upper lip, all at once.

    Zero lag between the muscles (24 of 24 patients with hemifacial spasm); brief irregular bursts, now and then held.
    """

    def __init__(self, rng: Rng) -> None:
        self.side: Side = "left" if rng.random() < 0.5 else "right"
        nose = ("nasalis_alar", "levator_labii_alaeque_nasi")[int(rng.integers(2))]
        self._muscles = ["orbicularis_oculi_lower", nose, "zygomaticus"]
        if rng.random() < 0.5:
            self._muscles.append("orbicularis_oris_upper")
        self._turn = {muscle: float(rng.normal(0.0, 6.0)) for muscle in self._muscles}

    def event(self, rng: Rng, size: Size) -> CompoundPlan:
        count = int(rng.integers(SPASM_JERKS[0], SPASM_JERKS[1] + 1))
        held = rng.random() < SPASM_HELD_SHARE
        gaps = np.exp(
            rng.uniform(math.log(SPASM_INTERVAL_S[0]), math.log(SPASM_INTERVAL_S[1]), count - (0 if held else 1))
        )
        onsets = 2.0 * SPASM_LAG_S + np.concatenate([[0.0], np.cumsum(gaps)])
        heights = rng.uniform(0.6, 1.0, len(onsets))
        heights /= heights.max()
        pulls = []
        for k, onset in enumerate(onsets):
            # Each jerk ends before the next begins.
            rise, fall = rng.uniform(0.035, 0.055), rng.uniform(0.06, 0.11)
            factor = min(1.0, 0.98 * gaps[k] / (rise + fall)) if k < len(gaps) else 1.0
            last = held and k == len(gaps)
            pulls.append(
                Pull(
                    float(onset),
                    rise_s=float(0.1 if last else rise * factor),
                    fall_s=float(0.2 if last else fall * factor),
                    hold_s=float(rng.uniform(*SPASM_HELD_S)) if last else 0.0,
                    height=float(heights[k]),
                    skew=0.85,
                )
            )
        shares = rng.uniform(*SPASM_SHARE, len(self._muscles))
        shares[int(rng.integers(len(shares)))] = 1.0
        lags = rng.uniform(-SPASM_LAG_S, SPASM_LAG_S, len(shares))
        parts = []
        for muscle, share, lag in zip(self._muscles, shares, lags, strict=True):
            late = [_later(pull, float(lag)) for pull in pulls]
            turn, center, radius = self._turn[muscle], (0.0, 0.0), 6.0
            if muscle == "zygomaticus":  # between cheek and corner, both of which go up and out
                center, radius = (0.4 * MOUTH_CORNER_MM[0], 0.4 * MOUTH_CORNER_MM[1]), 9.0
            elif muscle == "orbicularis_oris_upper":  # drawn up with the corner
                turn += 190.0
            parts.append(
                part(
                    muscle, self.side, late, size.times(float(share)), radius_mm=radius, turn_deg=turn, center_mm=center
                )
            )
        return of_parts("hemifacial_spasm_like", parts, self.side)


class Tic:
    """A scrunch of the whole nose on both sides, with lid, brow or lip: the same pattern each time.

    Parameters
    ----------
    rng : Generator
    size : Size
        Of the strongest part, varied a little from one tic to the next.
    """

    def __init__(self, rng: Rng, size: Size) -> None:
        self.size = size
        self.with_ = ("lid", "brow", "lip")[int(rng.integers(3))]
        self.held = bool(rng.random() < 0.4)
        if self.held:
            self._times = (rng.uniform(0.08, 0.15), rng.uniform(*TIC_HELD_S), rng.uniform(0.12, 0.25))
        else:
            length = rng.uniform(*TIC_QUICK_S)
            self._times = (0.42 * length, 0.0, 0.58 * length)
        self._shares = {
            "levator_labii_alaeque_nasi": 1.0,
            "nasalis_transverse": float(rng.uniform(0.4, 0.7)),
            "procerus": float(rng.uniform(0.4, 0.7)),
            self.with_: float(rng.uniform(0.3, 0.6)),
        }
        self._turns = {name: float(rng.normal(0.0, 6.0)) for name in self._shares}
        self._left = float(rng.uniform(*TIC_ASYMMETRY))

    def event(self, rng: Rng) -> CompoundPlan:
        def vary() -> float:
            return float(rng.uniform(1.0 - TIC_VARIATION, 1.0 + TIC_VARIATION))

        rise, hold, fall = (float(t) * vary() for t in self._times)
        pulls = [Pull(0.0, rise, fall, hold, 1.0, 0.85)]
        if rng.random() < TIC_PAIR_SHARE:
            again = pulls[0].offset_s + float(rng.uniform(*TIC_PAIR_S))
            pulls.append(Pull(again, rise, fall, hold, float(rng.uniform(0.93, 1.0)), 0.85))
        size = self.size.times(vary())
        parts = []
        for name, share in self._shares.items():
            sized = size.times(share if share == 1.0 else share * vary())
            # Down at the midline itself: a slant would make one side of it.
            turn = 0.0 if name == "procerus" else self._turns[name]
            if name == "procerus":
                parts.append(part("procerus", "midline", pulls, sized, radius_mm=7.0))
                continue
            muscle = name
            if name == "lid":
                muscle = "orbicularis_oculi_lower"
            elif name == "lip":  # drawn up by the levator
                muscle, turn = "orbicularis_oris_upper", turn + 180.0
            left = self._left * float(rng.uniform(0.97, 1.03))
            sides: tuple[tuple[Side, float], ...] = (("right", 1.0), ("left", left))
            for side, factor in sides:
                one = sized.times(factor)
                if name == "brow":
                    parts.append(_brow(side, pulls, one, turn))
                else:
                    parts.append(part(muscle, side, pulls, one, radius_mm=6.0, turn_deg=turn))
        return of_parts("tic_like", parts, "both")


def _brow(side: str, pulls: Sequence[Pull], size: Size, turn_deg: float) -> Part:
    """The inner brow, drawn down and in; the mesh has no muscle of ours there, so it hangs on the nose root."""
    sign = -1.0 if side == "left" else 1.0
    return Part(
        "procerus", "midline", tuple(pulls), size.mm, size.px, radius_mm=7.0, turn_deg=sign * (25.0 + turn_deg),
        center_mm=(sign * INNER_BROW_MM[0], INNER_BROW_MM[1]),
    )  # fmt: skip


class Synkinesis:
    """A small twitch of one side at nose or upper lip, with most of the blinks."""

    def __init__(self, rng: Rng) -> None:
        muscles = ("levator_labii_alaeque_nasi", "nasalis_alar", "orbicularis_oris_upper")
        self.side: Side = "left" if rng.random() < 0.5 else "right"
        self.muscle = muscles[int(rng.integers(len(muscles)))]
        self._turn = float(rng.normal(0.0, 8.0))
        self._length = float(rng.uniform(*SYNKINESIS_S))

    def chosen(self, rng: Rng, blinks: Sequence[Blink]) -> list[Blink]:
        """The blinks that carry a twitch, in the order of time."""
        count = math.ceil(SYNKINESIS_SHARE * len(blinks) - 0.5)
        picked = sorted(int(i) for i in rng.permutation(len(blinks))[:count])
        return [blinks[i] for i in picked]

    def event(self, rng: Rng, size: Size, blinks: Sequence[Blink]) -> CompoundPlan:
        """One twitch at each of these blinks, on their clock."""
        pulls: list[Pull] = []
        for blink in blinks:
            onset = blink.onset_s + float(rng.uniform(*SYNKINESIS_LAG_S))
            length = float(np.clip(self._length * rng.uniform(0.85, 1.15), *SYNKINESIS_S))
            if pulls:  # two blinks at once
                onset = max(onset, pulls[-1].offset_s + 0.001)
            height = float(rng.uniform(0.8, 1.0))
            pulls.append(Pull(round(onset, 4), 0.4 * length, 0.6 * length, 0.0, height, 0.85))
        highest = max(pull.height for pull in pulls)
        pulls = [Pull(p.onset_s, p.rise_s, p.fall_s, 0.0, p.height / highest, p.skew) for p in pulls]
        one = part(self.muscle, self.side, pulls, size, radius_mm=6.0, turn_deg=self._turn)
        return of_parts("synkinesis_like", [one], self.side)


def _later(pull: Pull, by_s: float) -> Pull:
    return Pull(pull.onset_s + by_s, pull.rise_s, pull.fall_s, pull.hold_s, pull.height, pull.skew)
