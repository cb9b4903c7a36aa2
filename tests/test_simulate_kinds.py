"""Every kind moves what it says, on the side it says, when it says; and what is no twitch is marked as none."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

import cli
from detector import regions
from detector.errors import UsageError
from detector.score import score_events
from detector.score_files import FoundEvent, read_truth
from detector.simulate_blinks import EyeTrack, blinks_of
from detector.simulate_clip import FaceTrack, Injector, inject_clip, read_frames, smooth
from detector.simulate_compound import CompoundPlan, Part, Pull
from detector.simulate_effects import Effects, Flicker, Nod, Pumping
from detector.simulate_kinds import SIMULATED, SIZES_MM, plan_kinds
from detector.simulate_life import Blink, Life, plan_blinks
from detector.simulate_patterns import Size, Tic
from detector.simulate_plan import GAP_S, KIND, MARGIN_S, TwitchPlan, plan_events, write_truth
from detector.simulate_still import Scene, _exposed, render_still
from detector.types import Face
from detector.warp import Bump, rest_position, warp_picture

SCALE = 2.0  # px/mm
SIZE = 320  # px, both ways
SHUTTER_S = 0.002
# Centers of the muscles on the subject's right, mm from the nose root, as the mesh has them on a portrait.
PLACES = {
    "procerus": (0.0, 0.0),
    "depressor_septi_nasi": (0.0, 40.2),
    "nasalis_transverse": (-11.0, 19.6),
    "nasalis_alar": (-17.3, 33.0),
    "levator_labii_alaeque_nasi": (-19.8, 27.4),
    "orbicularis_oris_upper": (-15.9, 45.0),
    "orbicularis_oculi_lower": (-23.9, 10.2),
    "zygomaticus": (-32.7, 32.5),
}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Smooth random skin (SIZE, SIZE, 3)."""
    rng = np.random.default_rng(0)
    planes = [gaussian_filter(rng.standard_normal((SIZE, SIZE)), 2.2, mode="wrap") for _ in range(3)]
    return np.stack([np.clip(128 + 40 * p / p.std(), 0, 255) for p in planes], axis=-1).astype(np.uint8)


def _track(length_s: float = 60.0) -> FaceTrack:
    """A face that stands still."""
    root = np.array([SIZE / 2, SIZE / 2 - 50.0])
    centers = []
    for site in regions.SITES:
        x, y = PLACES[site.muscle]
        centers.append(root + SCALE * np.array([-x if site.side == "left" else x, y]))
    eyes = SCALE * 80.0
    row = np.concatenate([np.ravel(centers), [eyes, SCALE * 11.7, 1.0, 0.0]])
    return smooth(np.linspace(0.0, length_s, 40), np.array([row] * 40))


def _center(part: Part | TwitchPlan, mirrored: bool = False) -> np.ndarray:
    """Of a part's bump, or its twin's on the other side, px."""
    site = regions.SITES.index(part.site())
    x, y = np.array(_track().center(site, 1.0)) + SCALE * np.array(part.center_mm)
    return np.array([SIZE - x if mirrored else x, y])


def _shift(before: np.ndarray, after: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Displacement of the skin that was at ``at``, px: registration of its neighborhood up to second order.

    Knows nothing of the fields that were injected.
    """
    far = 18
    x0, y0 = (int(v) - far - 8 for v in np.rint(at))
    crop = np.s_[y0 : y0 + 2 * far + 17, x0 : x0 + 2 * far + 17]
    a, b = (np.moveaxis(image[crop].astype(float), -1, 0) for image in (before, after))
    at = np.asarray(at) - (x0, y0)
    middle = np.rint(at).astype(int)
    patch = a[:, middle[1] - 5 : middle[1] + 6, middle[0] - 5 : middle[0] + 6]
    all_patches = np.lib.stride_tricks.sliding_window_view(b, (11, 11), axis=(1, 2))
    unlike = ((all_patches - patch[:, None, None]) ** 2).sum(axis=(0, 3, 4))
    row, column = np.unravel_index(int(unlike.argmin()), unlike.shape)
    spline_a, spline_b = ([spline_filter(plane, 3) for plane in planes] for planes in (a, b))
    py, px = np.mgrid[-5:6, -5:6].astype(float)

    def read(spline: list[np.ndarray], dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        where = [py + at[1] + dy, px + at[0] + dx]
        return np.stack([map_coordinates(plane, where, order=3, prefilter=False) for plane in spline])

    terms = np.stack([np.ones_like(px), px, py, px * px, px * py, py * py])
    p = np.zeros((2, 6))
    p[:, 0] = column + 5 - middle[0], row + 5 - middle[1]
    here = read(spline_a, np.zeros_like(px), np.zeros_like(py))
    for _ in range(8):
        dx, dy = np.tensordot(p, terms, 1)
        now = read(spline_b, dx, dy)
        gx = 0.5 * (read(spline_b, dx + 1.0, dy) - read(spline_b, dx - 1.0, dy))
        gy = 0.5 * (read(spline_b, dx, dy + 1.0) - read(spline_b, dx, dy - 1.0))
        slope = np.stack([(g * term).ravel() for g in (gx, gy) for term in terms], axis=1)
        p += np.linalg.lstsq(slope, (here - now).ravel(), rcond=None)[0].reshape(2, 6)
    return p[:, 0]


def _planned(part: Part | TwitchPlan) -> np.ndarray:
    """Displacement of the part's center at its peak, px."""
    alone = part.bump((0.0, 0.0), SCALE, 0.0)
    return np.array([alone.dx, alone.dy])


def _peak_s(event: CompoundPlan) -> float:
    """When the strongest part is farthest."""
    strongest = max(event.parts, key=lambda part: part.height_mm(SCALE))
    pull = max(strongest.pulls, key=lambda one: one.height)
    return pull.onset_s + pull.rise_s + 0.5 * pull.hold_s


def _one(kind: str, seed: int, size_mm: float = 1.5) -> CompoundPlan:
    sizes = [size_mm] if kind in SIZES_MM else None
    event = plan_kinds(15.0, seed, [kind], n=1, sizes_mm=sizes)[0]
    assert isinstance(event, CompoundPlan)
    return event


@pytest.mark.parametrize("kind", ["hemifacial_spasm_like", "tic_like", "sniff", "smile", "disgust"])
@pytest.mark.parametrize("seed", [1, 4])
def test_skin_at_each_muscle_moves_as_planned(picture: np.ndarray, kind: str, seed: int) -> None:
    event = _one(kind, seed)
    injector = Injector([event], _track(), SHUTTER_S)
    moved = injector.picture(picture, _peak_s(event))
    for part in event.parts:
        shift, planned = _shift(picture, moved, _center(part)), _planned(part)
        assert np.hypot(*(shift - planned)) < 0.05 * np.hypot(*planned) + 0.06, (part.muscle, part.side)
        if event.side in ("left", "right"):
            assert np.hypot(*_shift(picture, moved, _center(part, mirrored=True))) < 0.05
    heights = [float(np.hypot(*_planned(part))) / SCALE for part in event.parts]
    row = injector.truth()[0]
    assert row.amplitude_mm == pytest.approx(max(heights), rel=1e-6)
    assert row.muscle == event.parts[int(np.argmax(heights))].muscle
    assert row.side == event.side
    assert np.array_equal(injector.picture(picture, event.onset_s - 0.01), picture)
    assert np.array_equal(injector.picture(picture, event.offset_s + 0.01), picture)


def test_spasm_moves_one_side_up_and_out_and_a_smile_both(picture: np.ndarray) -> None:
    seen = set()
    for seed in range(4):
        event = _one("hemifacial_spasm_like", seed)
        seen.add(event.side)
        sign = 1.0 if event.side == "left" else -1.0  # the subject's left is on the picture's right
        muscles = {part.muscle for part in event.parts}
        assert {"orbicularis_oculi_lower", "zygomaticus"} <= muscles
        assert muscles & {"nasalis_alar", "levator_labii_alaeque_nasi"}
        for part in event.parts:
            assert (_center(part)[0] - SIZE / 2) * sign > 10.0
    assert seen == {"left", "right"}
    for sign in (-1.0, 1.0):
        corner = next(p for p in _one("smile", 1).parts if p.radius_mm == 11.0 and p.center_mm[0] * sign < 0)
        across, down = _planned(corner)
        assert across * sign > 0.0 and down < 0.0


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_spasm_is_at_zero_lag(picture: np.ndarray, seed: int) -> None:
    """Of the moved pictures, not of the plan: when each of the muscles is at 0.4 of the first jerk."""
    event = _one("hemifacial_spasm_like", seed)
    injector = Injector([event], _track(), 1e-4)
    end = max(part.onset_s + part.pulls[0].rise_s for part in event.parts)
    times = np.arange(event.onset_s, end + 0.001, 0.008)
    pictures = [injector.picture(picture, float(t)) for t in times]
    middles = []
    for part in event.parts:
        at, way = _center(part), _planned(part)
        way = way / np.hypot(*way) ** 2 / part.pulls[0].height
        heights = [float(_shift(picture, moved, at) @ way) for moved in pictures]
        after = int(np.argmax(np.array(heights) > 0.4))
        assert after > 0
        middles.append(float(np.interp(0.4, heights[after - 1 : after + 1], times[after - 1 : after + 1])))
    assert max(middles) - min(middles) < 0.010
    onsets = np.array([part.onset_s for part in event.parts])
    assert 0.0 < np.ptp(onsets) < 0.010


def test_spasms_are_irregular_bursts_of_one_side() -> None:
    intervals: list[float] = []
    held = 0
    for seed in range(30):
        events = plan_kinds(60.0, seed, ["hemifacial_spasm_like"], n=6)
        assert len({event.side for event in events}) == 1
        for event in events:
            assert isinstance(event, CompoundPlan)
            pulls = max(event.parts, key=lambda part: part.height_mm(SCALE)).pulls
            sustained = [pull for pull in pulls if pull.hold_s > 0.0]
            held += len(sustained)
            assert all(0.5 <= pull.hold_s <= 2.0 for pull in sustained)
            assert 2 <= len(pulls) - len(sustained) <= 8
            assert event.twitches == len(pulls)
            intervals += np.diff([pull.onset_s for pull in pulls]).tolist()
            for before, after in itertools.pairwise(pulls):
                assert before.offset_s <= after.onset_s + 1e-3
            strengths = sorted(part.height_mm(SCALE) for part in event.parts)
            assert strengths[0] >= 0.6 * strengths[-1] - 1e-9
    assert min(intervals) >= 0.0999 and max(intervals) <= 0.6001
    assert 0.4 < np.std(intervals) / np.mean(intervals) < 0.6
    assert 0.15 * 180 < held < 0.45 * 180


def test_tics_have_one_pattern_and_both_sides() -> None:
    companions = set()
    for seed in range(8):
        events = plan_kinds(120.0, seed, ["tic_like"], n=14)
        firsts = [event.parts for event in events]
        names = [[(part.muscle, part.side, part.center_mm) for part in parts] for parts in firsts]
        assert all(one == names[0] for one in names)  # the same muscles
        companions.add(names[0][-1][0] + str(names[0][-1][2]))
        sizes = np.array([[part.height_mm(SCALE) for part in parts] for parts in firsts])  # type: ignore[union-attr]
        spread = sizes.std(axis=0) / sizes.mean(axis=0)
        assert (spread > 0.01).all() and (spread < 0.10).all()
        lengths = np.array([e.parts[0].pulls[0].offset_s - e.parts[0].pulls[0].onset_s for e in events])  # type: ignore[union-attr]
        assert 0.0 < lengths.std() / lengths.mean() < 0.10
        assert lengths.max() < 0.22 or lengths.min() > 0.3
        for event in events:
            right = [p.height_mm(SCALE) for p in event.parts if _center(p)[0] < SIZE / 2 - 1]
            left = [p.height_mm(SCALE) for p in event.parts if _center(p)[0] > SIZE / 2 + 1]
            ratio = np.array(left) / np.array(right)
            assert len(ratio) == 3 and (ratio > 0.85).all() and (ratio < 1.15).all()
            assert event.side == "both"
        waits = np.diff([event.onset_s for event in events])
        assert waits.std() / waits.mean() > 0.25 and waits.mean() > 3.0  # irregular, several seconds
    assert len(companions) == 3
    pairs = [event.twitches for event in plan_kinds(300.0, 1, ["tic_like"], n=40)]  # type: ignore[union-attr]
    assert set(pairs) == {1, 2} and pairs.count(2) < 20


def test_tic_is_symmetric_in_the_picture(picture: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    event = Tic(rng, Size(2.0, False)).event(rng).moved(2.0, 1)
    moved = Injector([event], _track(), SHUTTER_S).picture(picture, _peak_s(event))
    for right in (part for part in event.parts if part.side == "right"):
        left = next(part for part in event.parts if part.muscle == right.muscle and part.side == "left")
        here, there = (_shift(picture, moved, _center(part)) for part in (right, left))
        assert 0.83 < np.hypot(*there) / np.hypot(*here) < 1.17
        assert here[0] * there[0] < 0.05 and here[1] * there[1] > 0.0  # mirrored across, the same along


def test_synkinesis_is_locked_to_most_blinks_on_one_side() -> None:
    sides = set()
    for seed in range(6):
        blinks = plan_blinks(300.0, seed)
        onsets = np.array([blink.onset_s for blink in blinks])
        usable = [b for b in blinks if b.onset_s >= MARGIN_S and b.offset_s <= 300.0 - MARGIN_S]
        events = plan_kinds(300.0, seed, ["synkinesis_like"], blinks=blinks)
        assert len({(event.side, event.parts[0].muscle) for event in events}) == 1
        sides.add(events[0].side)
        pulls = [pull for event in events for pull in event.parts[0].pulls]  # type: ignore[union-attr]
        lags = [p.onset_s - onsets[onsets <= p.onset_s + 1e-4].max() for p in pulls]
        assert min(lags) > -1e-3 and max(lags) <= 0.0601
        assert len(pulls) == pytest.approx(0.85 * len(usable), abs=1.0)
        assert all(0.0999 <= p.offset_s - p.onset_s <= 0.3001 for p in pulls)
        for before, after in itertools.pairwise(events):
            assert after.onset_s - before.offset_s > GAP_S - 0.1
    assert sides == {"left", "right"}
    with pytest.raises(UsageError, match="No blink was found"):
        plan_kinds(60.0, 1, ["synkinesis_like"])


def test_blinks_of_footage() -> None:
    """Known blinks in noise; a closing held for 1.5 s and a glance down are none, nor is one at a gap."""
    rng = np.random.default_rng(2)
    true = [Blink(1.5, 0.08, 0.14, 0.95), Blink(4.0, 0.1, 0.2, 0.8), Blink(7.3, 0.07, 0.12, 1.0)]
    t = np.arange(0.0, 14.0, 1.0 / 30.0)
    closed = np.array([max(blink.closed(s) for blink in true) for s in t])
    closed = np.maximum(closed, np.clip(1.0 - np.abs(t - 9.75) / 0.1 + 7.0, 0.0, 0.9))  # held
    closed = np.maximum(closed, np.where((t > 11.3) & (t < 12.4), 0.25, 0.0))  # down
    opening = 0.3 * (1.0 - closed) + rng.normal(0.0, 0.006, len(t))
    found = blinks_of(EyeTrack(t, opening))
    assert [round(b.onset_s + b.close_s, 1) for b in found] == [1.6, 4.1, 7.4]
    for blink, there in zip(found, true, strict=True):
        assert blink.onset_s == pytest.approx(there.onset_s, abs=0.04)
        assert blink.depth == pytest.approx(there.depth, abs=0.12)
    opening[(t > 4.0) & (t < 4.6)] = np.nan
    assert len(blinks_of(EyeTrack(t, opening))) == 2
    assert blinks_of(EyeTrack(t, np.full(len(t), np.nan))) == []


def test_distractors_are_marked_and_not_to_be_found(tmp_path: Path) -> None:
    kinds = ["hemifacial_spasm_like", "tic_like", "sniff", "expression", "artefact", "head_motion", "blink"]
    events = plan_kinds(120.0, 5, kinds, n=12, blinks=plan_blinks(120.0, 5))
    path = tmp_path / "truth.csv"
    write_truth(path, [event.truth(SCALE) for event in events])
    truth = read_truth(path)
    assert len(truth) == len(events) == len({event.event for event in truth})
    for row, event in zip(truth, events, strict=True):
        assert row.kind == event.truth(1.0).kind
        assert row.distractor == (row.kind not in ("hemifacial_spasm_like", "tic_like"))
        assert row.side == ("both" if row.distractor else event.side)
    real = [row for row in truth if not row.distractor]
    assert 3 <= len(real) < 6 and {row.kind for row in truth} == {SIMULATED[kind] for kind in kinds}
    found = [FoundEvent("1", r.kind, r.side, r.onset_s, r.offset_s, 1, 1.0, True, False) for r in real]
    scores = score_events(found, truth, 120.0)
    assert scores.recall == 1.0 and scores.events == len(real)
    sniff = next(row for row in truth if row.kind == "sniff")
    false = FoundEvent("2", KIND, "both", sniff.onset_s, sniff.offset_s, 1, 1.0, True, False)
    again = score_events([*found, false], truth, 120.0)
    assert again.recall == 1.0 and again.false_alarms == 1


def test_gaps_and_margins_of_a_mix() -> None:
    spans = [(0.0, 70.0), (75.0, 150.0)]
    mix = [KIND, "tic_like", "hemifacial_spasm_like", "smile", "sniff", "synkinesis_like"]
    events = plan_kinds(150.0, 9, mix, n=12, spans=spans, blinks=plan_blinks(150.0, 9, per_min=4.0))
    assert {event.truth(1.0).kind for event in events} == {SIMULATED[kind] for kind in mix}
    assert [event.event for event in events] == list(range(1, len(events) + 1))
    for before, after in itertools.pairwise(events):
        assert after.onset_s - before.offset_s > GAP_S - 0.05
    for event in events:
        assert any(a + MARGIN_S - 1e-3 <= event.onset_s and event.offset_s <= b - MARGIN_S + 0.4 for a, b in spans)
    assert [e for e in events if isinstance(e, TwitchPlan)]


def test_same_seed_same_plan() -> None:
    blinks = plan_blinks(200.0, 3)
    assert plan_kinds(200.0, 3, list(SIMULATED), blinks=blinks) == plan_kinds(200.0, 3, list(SIMULATED), blinks=blinks)
    assert plan_kinds(60.0, 3, ["tic_like"]) != plan_kinds(60.0, 4, ["tic_like"])
    plain = plan_kinds(60.0, 3, n=5, sizes_px=[2.0])
    assert plain == plan_events(60.0, 5, 3, sizes_px=[2.0])
    assert len(plan_kinds(20.0, 3, ["breathing"])) >= 1  # fewer than asked for fit: no error by default
    with pytest.raises(UsageError, match="do not fit"):
        plan_kinds(20.0, 3, ["breathing"], n=8)


def test_existing_seeds_give_the_same_clip(picture: np.ndarray) -> None:
    """Numbers of a plan, and the pictures by the formula, as they were before there were kinds."""
    plans = plan_events(30.0, 4, 7, sizes_mm=[0.4, 0.8])
    assert [(p.muscle, p.side) for p in plans] == [
        ("levator_labii_alaeque_nasi", "right"),
        ("orbicularis_oris_upper", "right"),
        ("nasalis_transverse", "right"),
        ("nasalis_transverse", "left"),
    ]
    assert plans[0].onsets_s == (3.0386, 3.2939, 3.5751, 3.8406, 4.1204, 4.3914)
    assert plans[3].center_mm == pytest.approx((0.01579771780127194, 1.0116706886313256), rel=1e-12)
    assert plans[2].pull_jitter_deg == pytest.approx(1.52722093470997, rel=1e-12)
    event = plans[2]
    t_s = event.onset_s + event.rise_s
    angle = np.radians(30.0 + event.pull_jitter_deg)
    x, y = _center(event)
    bump = Bump(x, y, 0.8 * np.cos(angle), -0.8 * np.sin(angle), 2.0 * event.radius_mm)  # 0.4 mm at 2 px/mm
    moments = t_s + SHUTTER_S * ((np.arange(5) + 0.5) / 5 - 0.5)
    expected = warp_picture(picture, [[bump.times(float(h))] for h in event.course(moments)])
    assert np.array_equal(Injector(plans, _track(), SHUTTER_S).picture(picture, t_s), expected)


def test_flicker_is_of_the_whole_picture_and_ends(picture: np.ndarray) -> None:
    for smooth_ in (True, False):
        effect = Flicker((1.0, 1.3, 1.7, 2.0), (1.0, 1.15, 0.9, 1.0), smooth_)
        assert effect.gain(0.99) == effect.gain(2.01) == 1.0
        assert effect.gain(1.3 + (0.0 if smooth_ else 0.05)) == pytest.approx(1.15)
        gains = np.array([effect.gain(t) for t in np.arange(0.9, 2.1, 1e-3)])
        assert np.abs(np.diff(gains)).max() < 0.02  # no jump shorter than a frame
        assert (np.abs(np.diff(gains)) > 0.005).any() != smooth_
        plan = CompoundPlan(1, "artefact", "", "both", 1.0, 2.0, 2, effect=effect)
        injector = Injector([plan], _track(), SHUTTER_S)
        lit = injector.picture(picture, 1.35).astype(float)
        unclipped = lit < 255.0
        ratio = lit[unclipped].mean() / picture[unclipped].mean()
        assert ratio == pytest.approx(effect.gain(1.35), abs=2e-3) and ratio > 1.05
        assert np.array_equal(injector.picture(picture, 0.5), picture)


def test_key_frames_pump_at_their_period(picture: np.ndarray) -> None:
    plan = CompoundPlan(1, "artefact", "", "both", 1.0, 2.5, 3, effect=Pumping(1.0, 0.5, 3, 25, 0.7))
    injector = Injector([plan], _track(), SHUTTER_S)
    times = np.arange(0.8, 2.8, 0.05) + 1e-6
    changed = np.array([np.abs(injector.picture(picture, float(t)).astype(float) - picture).mean() for t in times])
    assert (changed[(times < 1.0) | (times > 2.5)] == 0.0).all()
    rises = times[1:][np.diff(changed) > 0.5 * changed.max()]
    assert rises == pytest.approx([1.0, 1.5, 2.0], abs=0.051)
    quarters = np.abs(injector.picture(picture, 1.01).astype(float) - picture).mean(axis=-1).reshape(4, 80, 4, 80)
    assert quarters.mean(axis=(1, 3)).min() > 0.5 * quarters.mean()  # everywhere


def test_nod_moves_the_whole_head_of_a_portrait_only(picture: np.ndarray) -> None:
    plan = replace(
        CompoundPlan(1, "head_motion", "", "both", 1.0, 1.5, 1, amplitude_mm=4.0),
        effect=Nod(1.0, 0.5, 0.0, 4.0, 0.0),
    )
    with pytest.raises(UsageError, match="use a portrait"):
        Injector([plan], _track(), SHUTTER_S)
    scene = Scene(picture, _face(), SIZE, SIZE, 130.0)
    effects, life = Effects([plan.effect]), Life(1, 5.0, sway=0.0)
    rest, nodded = (np.clip(_exposed(scene, life, effects, [], [], [], np.array([t])), 0, 255) for t in (0.9, 1.25))
    for at in ((130.0, 140.0), (200.0, 150.0), (165.0, 185.0)):
        shift = _shift(rest, nodded, np.array(at))
        assert shift == pytest.approx([0.0, 4.0 * scene.px_per_mm], abs=0.05)
    for swings in (1, 2, 3):
        nod = Nod(0.0, 1.0, 3.0, 0.0, 0.0, swings)
        assert max(abs(nod.share(t)) for t in np.arange(0.0, 1.0, 1e-3)) == pytest.approx(1.0, abs=1e-3)


def _face() -> Face:
    """A face without a picture, 1 px/mm before it is placed."""
    points = np.full((478, 2), 10.0)
    for site in regions.SITES:
        x, y = PLACES[site.muscle]
        points[list(site.points)] = (-x if site.side == "left" else x, y + 5.0)
    points[[33, 133, 362, 263]] = [(-44.0, 0.0), (-19.0, 0.0), (19.0, 0.0), (44.0, 0.0)]
    for outline, middle in ((regions.EYE_OUTLINE_RIGHT, -31.5), (regions.EYE_OUTLINE_LEFT, 31.5)):
        turn = np.pi * np.arange(16) / 8.0
        sign = -1.0 if middle < 0 else 1.0
        points[list(outline)] = np.stack([middle + sign * 12.5 * np.cos(turn), -4.0 * np.sin(turn)], axis=1)
    points[[469, 471, 474, 476]] = [(-37.35, 0.0), (-25.65, 0.0), (37.35, 0.0), (25.65, 0.0)]
    points += SIZE / 2
    return Face(0, 0.0, points.astype(np.float32), 1.0, (0.0, 0.0, 0.0), (0.3, 0.3), 0.0, 100.0, 128.0, 130.0, 1, 1.0)


def test_portrait_has_the_parts_of_an_event(
    picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.simulate_still.find_face", lambda *_: _face())
    muscles = (("orbicularis_oculi_lower", 0.6), ("nasalis_alar", 0.8), ("zygomaticus", 1.0))
    # Held, so that a frame falls on the peak at any rate.
    pulls = (Pull(0.3, 0.1, 0.1, 0.4),)
    parts = tuple(Part(muscle, "left", pulls, 2.0 * share, radius_mm=6.0) for muscle, share in muscles)
    event = CompoundPlan(1, "hemifacial_spasm_like", "zygomaticus", "left", 0.3, 0.9, 1, parts)
    render_still(
        picture, tmp_path / "clip.mkv", tmp_path / "truth.csv", [event], model=Path("unused"), duration_s=1.0,
        width=SIZE, height=SIZE, face_width_px=195.0, fps=10.0, codec="ffv1", sway=0.0, noise=0.0, drift=0.0,
        blinks=[],
    )  # fmt: skip
    frames = [frame.image for frame in read_frames(tmp_path / "clip.mkv")]
    scene = Scene(picture, _face(), SIZE, SIZE, 195.0)
    for part in parts:
        bump = part.bump(scene.site(part.muscle, part.side), scene.px_per_mm, scene.roll_deg)
        shift = _shift(frames[0], frames[6], np.array([bump.x, bump.y]))
        assert shift == pytest.approx([bump.dx, bump.dy], abs=0.1)
    assert np.abs(frames[6][:, : SIZE // 2 - 40].astype(float) - frames[0][:, : SIZE // 2 - 40]).max() <= 1.0
    row = read_truth(tmp_path / "truth.csv")[0]
    assert (row.kind, row.side, row.muscle, row.twitches) == ("hemifacial_spasm_like", "left", "zygomaticus", 1)
    assert row.amplitude_px == pytest.approx(2.0 * scene.px_per_mm, rel=1e-3)


def test_written_clip_holds_the_event(picture: np.ndarray, tmp_path: Path) -> None:
    from detector.encode import VideoWriter

    with VideoWriter(tmp_path / "source.mkv", SIZE, SIZE, codec="ffv1", fps=10.0) as writer:
        for k in range(60):
            frame = picture.copy()
            frame[0:4, 3 * k : 3 * k + 3] = 255  # no frame is a repetition of the one before
            writer.write(frame, k / 10.0)
    event = plan_kinds(6.0, 2, ["disgust"], n=1)[0]
    rows = inject_clip(
        tmp_path / "source.mkv", tmp_path / "out.mkv", tmp_path / "truth.csv", [event], model=Path("unused"),
        track=_track(6.0), codec="ffv1", crf=None,
    )  # fmt: skip
    assert len(rows) == 1 and read_truth(tmp_path / "truth.csv")[0].kind == "expression"
    assert isinstance(event, CompoundPlan)
    pull = event.parts[0].pulls[0]
    out = {round(frame.t_s, 3): frame.image for frame in read_frames(tmp_path / "out.mkv")}
    top = [image for t, image in out.items() if 0.03 < t - pull.onset_s - pull.rise_s < pull.hold_s - 0.03]
    assert top
    for part in event.parts:
        assert _shift(picture, top[0], _center(part)) == pytest.approx(_planned(part), abs=0.15)
    assert np.array_equal(out[0.0][8:], picture[8:])


def test_bumps_far_apart_do_not_fold_and_near_ones_are_still_refused() -> None:
    y, x = np.mgrid[0:200, 0:400].astype(float)
    apart = [Bump(60.0 * k, 100.0, 6.0, 0.0, 10.0) for k in range(1, 6)]  # the sum of their slopes is 1.8
    rest_x, _ = rest_position(apart, x, y)
    assert (np.diff(rest_x, axis=1) > 0.0).all()
    with pytest.raises(UsageError, match="fold"):
        rest_position([replace(bump, x=100.0 + 2.0 * k) for k, bump in enumerate(apart)], x, y)


def test_what_cannot_be_is_refused() -> None:
    for kinds, options, why in (
        (["sneeze"], {}, "the kinds are fasciculation_like, hemifacial_spasm_like"),
        ([], {}, "No kind was given"),
        (["sniff"], {"sizes_mm": [1.0]}, "sizes of their own"),
        (["tic_like"], {"muscles": ["procerus"]}, "the other kinds have their own"),
        (["tic_like"], {"n": 0}, "1 or more"),
        (["blink"], {"n": 3, "blinks": plan_blinks(60.0, 1)}, "follows from the blinks"),
        (["tic_like", KIND], {"train_share": 2.0}, "outside 0-1"),
        (["tic_like"], {"sizes_mm": [1.0], "sizes_px": [1.0]}, "either in mm or in px"),
    ):
        with pytest.raises(UsageError, match=why):
            plan_kinds(60.0, 1, kinds, **options)  # type: ignore[arg-type]


def test_command_line_takes_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], picture: np.ndarray
) -> None:
    import cv2

    monkeypatch.setattr("models.resolve", lambda path=None: Path("face.task"))
    monkeypatch.setattr("detector.simulate_still.find_face", lambda *_: _face())
    assert cv2.imwrite(str(tmp_path / "face.png"), picture)

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["nasalis", "simulate", str(tmp_path / "face.png"), *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
            raise SystemExit(0)
        return int(end.value.code or 0)

    out = ("-o", tmp_path / "o.mkv", "--duration", 8, "--fps", 2, "--scale", 0.3, "--codec", "ffv1")
    assert run(*out, "--kind", "tic_like", "--kind", "sniff", "--events", 2) == 0
    assert {event.kind for event in read_truth(tmp_path / "o_truth.csv")} == {"tic_like", "sniff"}
    assert run(*out, "--kind", "synkinesis_like", "--kind", "blink", "--px", 1) == 0
    assert {event.kind for event in read_truth(tmp_path / "o_truth.csv")} == {"synkinesis_like", "blink"}
    assert run(*out, "--kind", "sneeze") == 2
    assert "the kinds are fasciculation_like" in " ".join(capfd.readouterr().err.split())
    assert run("--recover", "--kind", "sniff") == 2
