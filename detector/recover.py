"""What the program can see in one clip, measured: twitches of known size put into it until the limit is known.

Single jerks of all nasal muscles go into the clip's own pixels and the clip is analyzed again, pass after pass, each
with other twitches, until there are enough of every size. A twitch counts for the limit when it lies wholly in time
for which the analysis of the untouched clip gave a verdict on its muscle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from detector.errors import SourceError, UsageError
from detector.recover_clip import Injected, Span, Subject, Untouched
from detector.recover_fit import first_sizes, further_sizes, pooled, share_out
from detector.recover_result import SITE_INDEX, Recovery, Trial, stated_curves, summary
from detector.regions import SITES
from detector.score import WIDEN_S, matched_pairs
from detector.score_files import FoundEvent, TruthEvent
from detector.simulate_plan import GAP_S, MARGIN_S, NOSE_MUSCLES, TwitchPlan, plan_events
from detector.types import Session, Twitch

PASSES = 20  # at most; a clip of a minute needs two or three
PER_SIZE = 10  # events of each size: a share of one half is then known to about 0.16
SPACING_S = 2.25  # from jerk to jerk on average, 1.5 s at least: closer ones would disturb each other


def recover(
    subject: Subject,
    *,
    passes: int = PASSES,
    seed: int = 1,
    sizes_mm: Sequence[float] | None = None,
    muscles: Sequence[str] | None = None,
    progress: Callable[[float, float | None], None] | None = None,
) -> Recovery:
    """Put twitches in and count what is found, until there are ``PER_SIZE`` of every size.

    Parameters
    ----------
    subject : Subject
        The clip.
    passes : int
        At most this many; more give narrower intervals where the clip is short or little of it observed.
    seed : int
        The same seed gives the same twitches.
    sizes_mm : sequence of float, optional
        Sizes to try, mm; default five to eight round the limits that the clip's own session states, and then further
        ones until the smallest is hardly and the largest nearly always found.
    muscles : sequence of str, optional
        Names from ``regions.MUSCLES``; default all of nose and upper lip.
    progress : callable, optional
        Called with (seconds analyzed, seconds that it will be as far as is known).

    Returns
    -------
    Recovery
        Of the passes that were complete, when the user stopped it after the first.

    Raises
    ------
    SourceError
        The clip cannot be read, shows no face, or nothing of it is observed.
    UsageError
        No stretch of the clip is long enough for a twitch, or a size or muscle that cannot be.
    """
    if passes < 1:
        raise UsageError("The number of passes must be 1 or more.")
    foreign = sorted(set(muscles or ()) - set(NOSE_MUSCLES))
    if foreign:  # those of lid and cheek have no limit: what is strongest there is set aside
        raise UsageError(f"No nasal muscle {foreign[0]!r}: choose from {', '.join(NOSE_MUSCLES)}.")
    if not all(0.0 < size <= 15.0 for size in sizes_mm or ()):
        raise UsageError("Sizes must be greater than zero, and 15 mm at most.")
    tell = progress or (lambda done, total: None)
    clip = subject.untouched(lambda done: tell(done, None))
    length_s = clip.session.duration_s
    sites = [index for index, site in enumerate(SITES) if site.muscle in (muscles or NOSE_MUSCLES)]
    if not clip.observed.good[:, sites].any():
        raise SourceError(_nothing_observed(clip.session))
    spans = free_spans(clip.face, clip.findings)
    room = places(spans)
    if not room:
        raise UsageError(
            f"No stretch with a face and without twitches of its own is {2 * MARGIN_S + GAP_S:g} s long: "
            "a twitch needs quiet before and after it, choose a longer clip."
        )
    stated = stated_curves(clip.session)
    half, most = (pooled([*stated.values()], [1.0] * len(stated), share) for share in (0.5, 0.9))
    sizes = set(sizes_mm or first_sizes(1.0 if half is None else half, most))
    trials: list[Trial] = []
    done = alarms = 0
    observed_s = 0.0
    interrupted = False
    while done < passes:
        tally = count(trials, sizes)
        if min(events for _, events in tally.values()) >= PER_SIZE:
            break
        plans = plan_events(
            length_s,
            room,
            seed * 1000 + done,
            sizes_mm=share_out({size: events for size, (_, events) in tally.items()}, room),
            muscles=muscles,
            train_share=0.0,
            spans=spans,
        )
        total = length_s * (1 + done + passes_left(trials, tally, room, done, passes))
        try:
            result = subject.with_twitches(plans, lambda at: tell(length_s * (1 + done) + at, total))  # noqa: B023
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
            break
        done += 1
        trials += judge(done, plans, result, clip)
        alarms += false_alarms(plans, result, clip.findings)
        observed_s += result.observed_s
        if sizes_mm is None:
            sizes.update(further_sizes(count(trials, sizes)))
    return summary(clip, seed, done, interrupted, observed_s, alarms, trials)


def free_spans(face: Sequence[Span], findings: Sequence[Span]) -> list[Span]:
    """Stretches with a face, without what was found there before anything was put in: that would count as found."""
    spans = []
    for start, end in face:
        for a, b in sorted(findings):
            if a < end and b > start:
                spans.append((start, a))
                start = max(start, b)
        spans.append((start, end))
    return [(a, b) for a, b in spans if b > a]


def places(spans: Sequence[Span]) -> int:
    """Jerks that fit into the spans in one pass."""
    rooms = [end - start - 2.0 * MARGIN_S + GAP_S for start, end in spans]
    many = sum(max(0, math.floor(room / SPACING_S)) for room in rooms)
    return many or int(any(room >= GAP_S + 0.25 for room in rooms))  # 0.25 s: more than any jerk takes


def count(trials: Sequence[Trial], sizes: set[float]) -> dict[float, tuple[int, int]]:
    """Size to (found, events), of those in observed time."""
    seen = [trial for trial in trials if trial.observed]
    return {
        size: (sum(t.found for t in seen if t.size_mm == size), sum(t.size_mm == size for t in seen)) for size in sizes
    }


def passes_left(
    trials: Sequence[Trial], tally: Mapping[float, tuple[int, int]], room: int, done: int, passes: int
) -> int:
    """Passes that it will still take, as far as is known."""
    lacking = sum(max(0, PER_SIZE - events) for _, events in tally.values())
    each = max(0.5, sum(trial.observed for trial in trials) / done) if done else room
    return min(passes - done, math.ceil(lacking / each))


def judge(number: int, plans: Sequence[TwitchPlan], result: Injected, clip: Untouched) -> list[Trial]:
    """What became of the jerks of one pass: found by the matching that ``nasalis score`` counts by."""
    truth = [
        TruthEvent(str(r.event), r.kind, r.muscle, r.side, r.onset_s, r.offset_s, 1, r.amplitude_mm, r.px_per_mm)
        for r in result.truth
    ]
    # Twitches, not episodes: an episode may reach from one jerk to the next.
    twitches = [twitch for episode in result.episodes for twitch in episode.twitches if twitch.kept]
    found = [
        FoundEvent("", "", t.side, t.onset_s, t.offset_s, 1, t.amplitude_mm, claimed=True, single=True)
        for t in twitches
    ]
    partner = dict(matched_pairs(truth, found))
    trials = []
    for i, (plan, row) in enumerate(zip(plans, result.truth, strict=True)):
        assert plan.amplitude_mm is not None
        trials.append(
            Trial(
                number=number,
                muscle=plan.muscle,
                side=plan.side,
                onset_s=plan.onset_s,
                size_mm=plan.amplitude_mm,
                size_px=plan.amplitude_mm * row.px_per_mm,
                observed=clip.observed.covers(SITE_INDEX[plan.muscle, plan.side], plan.onset_s, plan.offset_s),
                found=i in partner,
                read_mm=found[partner[i]].peak_mm if i in partner else None,
                reason="" if i in partner else _why_missed(plan, result.set_aside),
            )
        )
    return trials


def _why_missed(plan: TwitchPlan, set_aside: Sequence[Twitch]) -> str:
    """Reason of the strongest jerk set aside at the time of this one; empty when nothing was noticed."""
    near = [t for t in set_aside if t.onset_s < plan.offset_s + WIDEN_S and t.offset_s > plan.onset_s - WIDEN_S]
    return max(near, key=lambda t: t.score).reason if near else ""


def false_alarms(plans: Sequence[TwitchPlan], result: Injected, own: Sequence[Span]) -> int:
    """Episodes that overlap neither an injected jerk nor a finding of the untouched clip, both widened by 0.2 s."""
    known = [(plan.onset_s, plan.offset_s) for plan in plans] + list(own)
    return sum(
        not any(episode.start_s < end + WIDEN_S and episode.end_s > start - WIDEN_S for start, end in known)
        for episode in result.episodes
    )


def _nothing_observed(session: Session) -> str:
    from detector.tables import why_not_observed

    why = why_not_observed(session.not_observed_s)
    return (
        f"Nothing of {session.source} is observed{f' ({why})' if why else ''}, so no twitch of any size would be found "
        "in it: choose a clip of a still, well-lit face."
    )
