"""Twitches locked to blinks and smiles get their kind, now and in hindsight; all others keep theirs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from detector import locking
from detector.lids import Closing
from detector.locking import BOTH_LIDS, MEMORY_S, OPEN_KINDS, Locking
from detector.types import Episode, Revision, Side
from tests.test_log import episode, twitch

Array = npt.NDArray[np.float64]
SECONDS = 120.0
LAG_S = 0.02
OFF_S = 1.1  # after a blink: no blink is as near to the next


def blinks(count: int = 20, seed: int = 3) -> Array:
    """Times of blinks with pauses of 2.5 to 8 s."""
    return 3.0 + np.cumsum(np.random.default_rng(seed).uniform(2.5, 8.0, count))


def single(number: int, peak_s: float, kind: str = "fasciculation_like", side: Side = "left") -> Episode:
    """An episode of one twitch."""
    one = twitch(peak_s - 0.05, side=side)
    return episode(number, peak_s - 0.05, end_s=peak_s + 0.1, kind=kind, side=side, twitch_count=1, twitches=(one,))


def numbered(times: Iterable[float], kind: str = "fasciculation_like", side: Side = "left") -> list[Episode]:
    return [single(k, t, kind, side) for k, t in enumerate(sorted(times), start=1)]


def run(
    locking_: Locking,
    episodes: Sequence[Episode],
    blinks_s: Iterable[float] = (),
    smiles_s: Iterable[float] = (),
    closed: tuple[float, float] = (0.9, 0.9),
    at_the_end: bool = True,
) -> tuple[dict[int, Episode], list[Revision]]:
    """Episodes by number as they were told first, and what was told of them later; a second of time is one step."""
    waiting = sorted(
        [(float(t), "blink") for t in blinks_s] + [(float(t), "smile") for t in smiles_s], key=lambda event: event[0]
    )
    told: dict[int, Episode] = {}
    revisions: list[Revision] = []
    seen_s = 0.0
    for one in [*episodes, None]:
        until_s = SECONDS if one is None else one.end_s
        while waiting and waiting[0][0] <= until_s:
            t_s, event = waiting.pop(0)
            if event == "blink":
                locking_.blink(Closing(t_s - 0.1, t_s, t_s + 0.1, closed, (1.0, 1.0)))
            else:
                locking_.smile(t_s)
        locking_.observe(seen_s, until_s)
        seen_s = until_s
        if one is not None:
            told[one.number] = locking_.add(one)
            revisions += locking_.revise()
    return told, revisions + (locking_.revise(at_the_end=True) if at_the_end else [])


def final(told: dict[int, Episode], revisions: list[Revision]) -> dict[int, Episode]:
    return told | {revision.episode.number: revision.episode for revision in revisions}


@pytest.fixture
def at_blinks() -> tuple[Array, list[Episode]]:
    """Twitches at fourteen of twenty blinks, and four that have nothing to do with them."""
    times = blinks()
    return times, numbered([*(times[:14] + LAG_S), *(times[[2, 7, 11, 16]] + OFF_S)])


def test_twitches_at_blinks_become_synkinesis_and_the_others_stay(at_blinks: tuple[Array, list[Episode]]) -> None:
    times, episodes = at_blinks
    told, revisions = run(Locking(), episodes, times)
    for one in final(told, revisions).values():
        near = np.abs(times - one.twitches[0].peak_s).min() < 0.1
        assert one.kind == ("synkinesis_like" if near else "fasciculation_like"), one.twitches[0].peak_s
    before = {one.number: one for one in episodes}
    for number, one in final(told, revisions).items():
        was = before[number]
        assert dataclasses.replace(one, kind=was.kind, evidence=was.evidence) == was, "nothing else is touched"


def test_earlier_ones_are_told_anew_and_only_once(at_blinks: tuple[Array, list[Episode]]) -> None:
    times, episodes = at_blinks
    told, revisions = run(Locking(), episodes, times)
    assert told[1].kind == "fasciculation_like", "nobody could tell at the first"
    kinds = [one.kind for one in told.values()]
    first = kinds.index("synkinesis_like")
    assert 2 <= first < 12
    newly = [revision.episode for revision in revisions if told[revision.episode.number].kind != "synkinesis_like"]
    revised = list({one.number: one for one in newly}.values())  # once more at the end, with the figures of it all
    assert {one.number for one in revised} >= {number for number in told if number <= first and number in (1, 2, 3)}
    assert len(revised) == len({one.number for one in revised})
    assert all(one.kind == "synkinesis_like" != told[one.number].kind for one in revised)


def test_at_the_end_all_have_the_figures_of_the_whole_session() -> None:
    times = blinks()
    episodes = numbered(times + LAG_S)
    early, _ = run(Locking(), episodes, times)
    last = final(*run(Locking(), episodes, times))
    assert "4 of 4 twitches" in early[4].evidence
    assert all(f"{len(times)} of {len(times)} twitches" in one.evidence for one in last.values())


def test_the_evidence_says_how_many_fall_on_blinks() -> None:
    times = blinks()
    told, _ = run(Locking(), numbered(times + LAG_S), times)
    assert told[20].evidence.startswith(
        "one muscle; a blink at the same moment; 20 of 20 twitches fall on blinks, by chance it were "
    )
    assert "(p 0.001; +20 +- 0 ms after them)" in told[20].evidence


def test_a_blink_or_a_smile_at_the_same_moment_is_said_of_every_kind() -> None:
    episodes = [single(1, 5.0), single(2, 20.0, "tic_like", "both"), single(3, 40.0), single(4, 60.0)]
    often = [2.0 * k + 0.7 for k in range(1, 30)]  # so that two at once are no wonder
    told, revisions = run(Locking(), episodes, sorted([*often, 5.1, 19.9]), [19.9])
    assert [one.evidence for one in told.values()] == [
        "one muscle; a blink at the same moment",
        "one muscle; a blink at the same moment; a smile at the same moment",
        "one muscle",
        "one muscle",
    ]
    assert not revisions and [one.kind for one in told.values()] == [one.kind for one in episodes]


def test_smiles_lock_as_blinks_do(at_blinks: tuple[Array, list[Episode]]) -> None:
    times, episodes = at_blinks
    after = final(*run(Locking(), episodes, smiles_s=times))
    assert after[1].kind == "synkinesis_like"
    assert "fall on beginning smiles" in after[1].evidence


@pytest.mark.parametrize("seed", range(3))
def test_what_is_not_locked_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    episodes = numbered(rng.uniform(3.0, SECONDS - 3.0, 18))
    told, revisions = run(Locking(), episodes, blinks())
    assert revisions == []
    assert [dataclasses.replace(one, evidence="one muscle") for one in told.values()] == episodes


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        ("hemifacial_spasm_like", "left"),
        ("tic_like", "both"),
        ("tic_like", "left"),
        ("fasciculation_like", "midline"),
        ("fasciculation_like", "both"),
        ("undetermined", "both"),
    ],
)
def test_kinds_of_their_own_and_both_sides_are_never_renamed(kind: str, side: Side) -> None:
    """They are locked all the same: one-sided ones among them are renamed."""
    times = blinks()
    episodes = [single(k, t + LAG_S) if k % 3 else single(k, t + LAG_S, kind, side) for k, t in enumerate(times, 1)]
    after = final(*run(Locking(), episodes, times))
    assert {(one.kind, one.side) for one in after.values()} == {("synkinesis_like", "left"), (kind, side)}
    assert kind not in OPEN_KINDS or side in ("both", "midline")


def test_what_could_not_be_told_is_named_too() -> None:
    times = blinks()
    after = final(*run(Locking(), numbered(times + LAG_S, "undetermined"), times))
    assert {one.kind for one in after.values()} == {"synkinesis_like"}


@pytest.mark.parametrize(("other", "locked"), [(BOTH_LIDS - 0.1, False), (BOTH_LIDS + 0.1, True)])
def test_one_eye_that_closes_alone_is_no_blink(
    at_blinks: tuple[Array, list[Episode]], other: float, locked: bool
) -> None:
    times, episodes = at_blinks
    for closed in ((0.9, other * 0.9), (other * 0.9, 0.9)):
        after = final(*run(Locking(), episodes, times, closed=closed))
        assert any(one.kind == "synkinesis_like" for one in after.values()) is locked


def test_an_episode_is_locked_when_half_of_its_twitches_are() -> None:
    times = blinks()
    episodes = numbered(times[:12] + LAG_S)
    for number, offsets in ((2, (LAG_S, 0.6)), (5, (LAG_S, 0.6, 1.2))):
        jerks = tuple(twitch(times[number - 1] + offset - 0.05) for offset in offsets)
        episodes[number - 1] = dataclasses.replace(episodes[number - 1], twitches=jerks, end_s=jerks[-1].offset_s)
    after = final(*run(Locking(), episodes, times))
    assert [after[number].kind for number in (1, 2, 5)] == ["synkinesis_like", "synkinesis_like", "fasciculation_like"]


def test_a_kind_is_taken_back_when_it_was_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    times = blinks()
    episodes = numbered(times[:6] + LAG_S)
    verdicts = iter([False, True, True, False, False])
    monkeypatch.setattr(locking, "is_coupled", lambda *_: next(verdicts))
    told, revisions = run(Locking(), episodes, times[:6], at_the_end=False)
    assert [one.kind for one in told.values()] == [
        "fasciculation_like", "fasciculation_like", "synkinesis_like", "synkinesis_like",
        "fasciculation_like", "fasciculation_like",
    ]  # fmt: skip
    assert [(r.episode.number, r.episode.kind) for r in revisions[:2]] == [
        (1, "synkinesis_like"),
        (2, "synkinesis_like"),
    ]
    first = [dataclasses.replace(one, evidence="one muscle; a blink at the same moment") for one in episodes[:4]]
    assert [revision.episode for revision in revisions[2:]] == first, "as they were without"


def test_the_last_look_asks_less_than_those_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(locking, "is_coupled", lambda _, alpha: bool(asked.append(alpha)))
    run(Locking(), numbered(blinks()[:4] + LAG_S), blinks())
    assert asked == [locking.ALPHA_REPEATED] * 3 + [locking.ALPHA]


@pytest.mark.parametrize("what", [{"blink"}, {"smile"}, {"observe"}, {"blink", "smile", "observe"}])
def test_memory_is_bounded_whatever_comes(what: set[str]) -> None:
    it = Locking()
    for k in range(3 * round(MEMORY_S / 4.0)):
        t_s = 4.0 * k
        if "blink" in what:
            it.blink(Closing(t_s - 0.1, t_s, t_s + 0.1, (0.9, 0.9), (1.0, 1.0)))
        if "smile" in what:
            it.smile(t_s + 1.0)
        if "observe" in what:
            it.observe(t_s, t_s + 3.0)
        if 300 <= k < 900 and k % 60 == 0:
            it.add(single(k, t_s + 2.0))
            it.revise()
    most = MEMORY_S / 4.0 + 2
    assert all(len(kept) <= most for kept in (*it._events.values(), it._observed))
    assert not it._episodes and not it._first and not it._told, "the last was over an hour ago"


def test_spans_that_touch_are_one() -> None:
    it = Locking()
    for k in range(300):
        it.observe(k / 30.0, (k + 1) / 30.0)
    it.observe(12.0, 13.0)
    assert list(it._observed) == [(0.0, pytest.approx(10.0)), (12.0, 13.0)]


def test_observed_time_is_forgotten_with_the_events_of_it() -> None:
    it = Locking()
    for k in range(int(1.5 * MEMORY_S)):
        it.observe(float(k), k + 1.0)
    assert list(it._observed) == [(0.5 * MEMORY_S, 1.5 * MEMORY_S)]


def test_the_same_gives_the_same(at_blinks: tuple[Array, list[Episode]]) -> None:
    times, episodes = at_blinks
    assert run(Locking(), episodes, times) == run(Locking(), episodes, times)
