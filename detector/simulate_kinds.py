"""Known events of every kind, and of what must not be taken for one: which muscles move, when, and by how much.

The twitches of ``simulate_plan`` are fasciculation-like. Here are the other kinds, as the program is to tell them apart
(the side, the muscles that move together, the rhythm, the sameness, the coupling to blinks), and the distractors. How
far the skin moves has been measured for none of them: sizes are options, and where a figure below has no source it is
chosen, as the comment says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.errors import UsageError
from detector.simulate_compound import CompoundPlan, Event
from detector.simulate_distractors import breathing, disgust, flicker, head_motion, pumping, smile, sniff
from detector.simulate_life import Blink
from detector.simulate_patterns import Size, Spasm, Synkinesis, Tic
from detector.simulate_plan import (
    GAP_S,
    KIND,
    MARGIN_S,
    RADIUS_MM,
    TwitchPlan,
    check_muscles,
    checked_sizes,
    draft_twitch,
    nose_sites,
    place_events,
    plan_events,
    shuffled_deck,
)

# What can be asked for -> kind in the truth file. Breathing stands beside the sniff there, as it does in FIELD's table.
SIMULATED: dict[str, str] = {
    KIND: KIND,
    "hemifacial_spasm_like": "hemifacial_spasm_like",
    "tic_like": "tic_like",
    "synkinesis_like": "synkinesis_like",
    "blink": "blink",
    "sniff": "sniff",
    "breathing": "sniff",
    "expression": "expression",
    "smile": "expression",
    "disgust": "expression",
    "head_motion": "head_motion",
    "artefact": "artefact",
    "flicker": "artefact",
    "pumping": "artefact",
}
_FORMS = {"expression": ("smile", "disgust"), "artefact": ("flicker", "pumping")}
AT_BLINKS = ("blink", "synkinesis_like")  # their times are given by the blinks
EVENTS_PER_S = 0.2  # chosen: an event every 5 s leaves room for trains and the pauses between them
# Chosen, mm. A tic is larger than a flutter; a spasm begins as a small twitch and grows.
SIZES_MM: dict[str, tuple[float, ...]] = {
    KIND: (0.4, 0.8, 1.6),
    "hemifacial_spasm_like": (0.8, 1.6, 3.0),
    "tic_like": (1.0, 2.0, 4.0),
    "synkinesis_like": (0.4, 0.8, 1.6),
}
_DISTRACTORS: dict[str, Callable[[np.random.Generator], CompoundPlan]] = {
    "sniff": sniff,
    "breathing": breathing,
    "smile": smile,
    "disgust": disgust,
    "head_motion": head_motion,
    "flicker": flicker,
    "pumping": pumping,
}
Span = tuple[float, float]  # (start_s, end_s)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the caller asked for, of the kinds that have sizes."""

    seed: int
    sizes_mm: Sequence[float] | None
    sizes_px: Sequence[float] | None
    muscles: Sequence[str] | None
    train_share: float

    def rng(self, form: str) -> np.random.Generator:
        """A stream for each form of its own: what else is asked for does not change it."""
        return np.random.default_rng([self.seed, 4, list(SIMULATED).index(form)])

    def sizes(self, form: str) -> list[Size]:
        if self.sizes_mm is None and self.sizes_px is None:
            return [Size(mm, False) for mm in SIZES_MM[form]]
        values, in_px = checked_sizes(self.sizes_mm, self.sizes_px)
        return [Size(value, in_px) for value in values]


def plan_kinds(
    duration_s: float,
    seed: int,
    kinds: Sequence[str] = (KIND,),
    *,
    n: int | None = None,
    sizes_mm: Sequence[float] | None = None,
    sizes_px: Sequence[float] | None = None,
    muscles: Sequence[str] | None = None,
    train_share: float = 0.5,
    spans: Sequence[Span] | None = None,
    blinks: Sequence[Blink] = (),
    lid_pull_mm: float = 0.0,
) -> list[Event]:
    """Random but repeatable events of these kinds, in the order of time; ``plan_events`` when only twitches are asked.

    One clip is one person: spasms and synkineses are on one side throughout, and all tics have one pattern.

    Parameters
    ----------
    duration_s : float
        Length of the clip, s.
    seed : int
        The same seed gives the same events.
    kinds : sequence of str
        Names from ``SIMULATED``, drawn evenly.
    n : int, optional
        Number of events besides those at blinks, which follow from the blinks. Default one in five seconds, or as many
        as fit.
    sizes_mm, sizes_px : sequence of float, optional
        Peak displacements to draw from; default ``SIZES_MM``. Tics have one of them in all of the clip. Distractors
        have sizes of their own, in mm.
    muscles : sequence of str, optional
        For fasciculation-like events, as in ``plan_events``; the other kinds are made by theirs.
    train_share : float
        Share of trains among the fasciculation-like events, 0-1.
    spans : sequence of (start_s, end_s), optional
        Where events may lie (a face is seen); default all of the clip.
    blinks : sequence of Blink
        Those of the clip: the renderer's, or found in footage by ``simulate_blinks.blinks_of``.
    lid_pull_mm : float
        How far a full blink draws the skin below the lid, for the truth file; 0 when it is not known.

    Raises
    ------
    UsageError
        An unknown kind, no blink to lock to, events that do not fit 1.5 s apart, or a parameter out of its range.
    """
    _check(kinds, n, sizes_mm, sizes_px, muscles, train_share)
    choice = _Choice(seed, sizes_mm, sizes_px, muscles, train_share)
    whole = list(spans or ((0.0, duration_s),))
    if set(kinds) == {KIND}:
        count = max(1, round(EVENTS_PER_S * duration_s)) if n is None else n
        return [
            *plan_events(
                duration_s,
                count,
                seed,
                sizes_mm=SIZES_MM[KIND] if sizes_mm is None and sizes_px is None else sizes_mm,
                sizes_px=sizes_px,
                muscles=muscles,
                train_share=train_share,
                spans=spans,
            )
        ]
    forms = [form for kind in dict.fromkeys(kinds) for form in _FORMS.get(kind, (kind,))]
    seen = [b for b in blinks if any(s + MARGIN_S <= b.onset_s and b.offset_s <= e - MARGIN_S for s, e in whole)]
    if not seen and set(forms) & set(AT_BLINKS):
        raise UsageError("No blink was found to begin from: use a longer clip, or leave out blink and synkinesis_like.")
    locked = _synkineses(choice, seen) if "synkinesis_like" in forms else []
    free = [form for form in forms if form not in AT_BLINKS]
    placed: list[Event] = []
    if free:
        count = max(len(free), round(EVENTS_PER_S * duration_s)) if n is None else n
        placed = _place(choice, free, count, _cut(whole, locked), fixed=n is not None)
    rows = [_blink(blink, lid_pull_mm) for blink in seen] if "blink" in forms else []
    events = sorted([*placed, *locked, *rows], key=lambda event: event.onset_s)
    return [replace(event, event=number) for number, event in enumerate(events, start=1)]


def _blink(blink: Blink, lid_pull_mm: float) -> CompoundPlan:
    """A blink that is in the clip anyway: nothing to inject, only a line for the truth file."""
    muscle, mm = "orbicularis_oculi_lower", lid_pull_mm * blink.depth
    return CompoundPlan(1, "blink", muscle, "both", blink.onset_s, blink.offset_s, 1, amplitude_mm=mm)


def _check(
    kinds: Sequence[str],
    n: int | None,
    sizes_mm: Sequence[float] | None,
    sizes_px: Sequence[float] | None,
    muscles: Sequence[str] | None,
    train_share: float,
) -> None:
    """Errors before anything is drawn."""
    unknown = [kind for kind in kinds if kind not in SIMULATED]
    if unknown or not kinds:
        what = f"No kind {unknown[0]!r} can be simulated" if unknown else "No kind was given"
        raise UsageError(f"{what}: the kinds are {', '.join(SIMULATED)}.")
    if n is not None and n < 1:
        raise UsageError("The number of events must be 1 or more.")
    if n is not None and set(kinds) <= set(AT_BLINKS):
        raise UsageError("The number of events follows from the blinks: leave it out, or ask for other kinds too.")
    if not 0.0 <= train_share <= 1.0:
        raise UsageError(f"The share of trains, {train_share:g}, is outside 0-1.")
    if (sizes_mm is not None or sizes_px is not None) and not set(kinds) & set(SIZES_MM):
        raise UsageError("These kinds have sizes of their own: leave the sizes out.")
    check_muscles(muscles)
    if muscles and KIND not in kinds:
        raise UsageError(f"Only {KIND} events can be given a muscle: the other kinds have their own.")


def _synkineses(choice: _Choice, blinks: Sequence[Blink]) -> list[CompoundPlan]:
    rng = choice.rng("synkinesis_like")
    maker = Synkinesis(rng)
    sizes = choice.sizes("synkinesis_like")
    chosen = maker.chosen(rng, blinks)
    groups: list[list[Blink]] = []
    for blink in chosen:
        # Nearer than the gap between events, two twitches are one event.
        if groups and blink.onset_s - groups[-1][-1].offset_s < GAP_S + 0.3:
            groups[-1].append(blink)
        else:
            groups.append([blink])
    size_of = shuffled_deck(rng, len(sizes), len(groups))
    return [maker.event(rng, sizes[k], group) for k, group in zip(size_of, groups, strict=True)]


def _cut(spans: Sequence[Span], taken: Sequence[CompoundPlan]) -> list[Span]:
    """What is left of the spans round events that have their place already; ``place_events`` adds its own margin."""
    room = GAP_S - MARGIN_S
    for event in taken:
        before, after = event.onset_s - room, event.offset_s + room
        spans = [
            part
            for start, end in spans
            for part in ((start, min(end, before)), (max(start, after), end))
            if part[1] > part[0]
        ]
    return list(spans)


def _place(choice: _Choice, forms: Sequence[str], n: int, spans: Sequence[Span], *, fixed: bool) -> list[Event]:
    rng = np.random.default_rng([choice.seed, 4])
    order = shuffled_deck(rng, len(forms), n)
    drafts = [iter(_drafts(choice, form, order.count(k))) for k, form in enumerate(forms)]
    events = [next(drafts[k]) for k in order]  # at time zero
    while True:
        try:
            onsets = place_events(rng, [event.offset_s for event in events], spans)
            break
        except UsageError:
            if fixed or len(events) < 2:
                raise
            events.pop()
    return [_moved(event, at) for event, at in zip(events, onsets, strict=True)]


def _drafts(choice: _Choice, form: str, n: int) -> list[Event]:
    """``n`` events of one form at time zero."""
    rng = choice.rng(form)
    if form in _DISTRACTORS:
        return [_DISTRACTORS[form](rng) for _ in range(n)]
    sizes = choice.sizes(form)
    size_of = shuffled_deck(rng, len(sizes), n)
    if form == "hemifacial_spasm_like":
        spasm = Spasm(rng)
        return [spasm.event(rng, sizes[k]) for k in size_of]
    if form == "tic_like":
        tic = Tic(rng, sizes[int(rng.integers(len(sizes)))])
        return [tic.event(rng) for _ in range(n)]
    sites = nose_sites(choice.muscles)
    site_of = shuffled_deck(rng, len(sites), n)
    trains = rng.permutation(np.arange(n) < round(choice.train_share * n))
    return [
        replace(
            draft_twitch(rng, bool(train), RADIUS_MM),
            muscle=sites[s].muscle,
            side=sites[s].side,
            amplitude_mm=sizes[k].mm,
            amplitude_px=sizes[k].px,
        )
        for train, s, k in zip(trains, site_of, size_of, strict=True)
    ]


def _moved(event: Event, by_s: float) -> Event:
    if isinstance(event, TwitchPlan):
        return replace(event, onsets_s=tuple(round(onset + by_s, 4) for onset in event.onsets_s))
    return event.moved(by_s, event.event)
