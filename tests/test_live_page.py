"""The page of the live window: mirrored, sides named as the subject's own, warnings, and nothing that makes it fail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from detector import live_page, live_picture, live_strips
from detector.drawing import SIDE_COLORS
from detector.live_layout import SIDES, fitting, layout
from detector.live_page import LivePage
from detector.live_picture import NAMED_S
from detector.live_state import Flagged, LiveState, Quality, Trace
from detector.live_strips import LIT_S, _count
from detector.live_words import KEYS, clock, place_words, quality_items, why_words
from detector.regions import SITE_NAMES, SITES
from detector.types import FloatArray, Side, WhyNot

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 1280, 720
NOW = 100.0
GOOD = Quality(1.5, 120.0, 80.0, 2.0, 30.0, 3000, 3, 80.0)


def trace(now: float = NOW, peak_s: float | None = None, unseen: tuple[float, float] | None = None) -> Trace:
    times = np.arange(now - 10.0, now - 0.3, 1 / 60)
    values = np.full(len(times), 0.2, np.float32)
    if peak_s is not None:
        values[np.abs(times - peak_s) < 0.1] = 2.0
    observed = np.ones(len(times), bool)
    if unseen is not None:
        observed[(times > unseen[0]) & (times < unseen[1])] = False
    return Trace(times, values, observed)


def centers(x: float = 320.0, y: float = 240.0) -> FloatArray:
    """As in a picture that is not mirrored: the subject's right on its left."""
    across = {"right": -1.0, "left": 1.0, "midline": 0.0}
    rows = [(x + 30.0 * across[site.side], y + 8.0 * number - 40.0) for number, site in enumerate(SITES)]
    return np.array(rows, np.float32)


def state(**changes: object) -> LiveState:
    image = np.full((480, 640, 3), 120, np.uint8)
    traces: Mapping[Side, Trace] = {"left": trace(), "midline": trace(), "right": trace()}
    made = LiveState(now_s=NOW, image=image, centers_px=centers(), traces=traces, quality=GOOD, source="camera 0")
    return replace(made, **changes)  # type: ignore[arg-type]


def flagged(name: str = "nasalis_alar_left", ago_s: float = 0.1) -> Flagged:
    return Flagged(NOW - ago_s - 0.1, SITE_NAMES.index(name), NOW - ago_s)


def draw(shown: LiveState, width: int = WIDTH, height: int = HEIGHT, help_shown: bool = False) -> Picture:
    return LivePage().draw(shown, width, height, help_shown=help_shown)


def part(page: Picture, box: tuple[int, int, int, int]) -> Picture:
    left, top, wide, tall = box
    return page[top : top + tall, left : left + wide]


def colored(picture: Picture, side: str) -> npt.NDArray[np.bool_]:
    return (np.abs(picture.astype(int) - SIDE_COLORS[side]) < 40).all(axis=2)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, int]]]:
    """Words that were drawn, and where in the part of the page they were drawn on."""
    words: list[tuple[str, tuple[int, int]]] = []
    for module in (live_page, live_picture, live_strips):
        real = module.put_text

        def put(picture: Picture, text: str, at: tuple[int, int], *rest: object, _real: object = real) -> None:
            words.append((text, at))
            _real(picture, text, at, *rest)  # type: ignore[operator]

        monkeypatch.setattr(module, "put_text", put)
    return words


def test_the_picture_is_a_mirror() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, :320] = (0, 0, 200)  # what the camera has on the left
    image[:, 320:] = (0, 200, 0)
    page = draw(state(image=image, centers_px=None))
    left, top, wide, tall = layout(WIDTH, HEIGHT).picture
    row = page[top + tall // 2, left : left + wide]
    assert (row[wide // 2 - 100] == (0, 200, 0)).all() and (row[wide // 2 + 100] == (0, 0, 200)).all()


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (500, 900), (1920, 1080)])
def test_rings_are_on_what_they_watch(size: tuple[int, int]) -> None:
    """A bright square under a region has to be where its ring is, mirrored and scaled with the picture."""
    image = np.full((480, 640, 3), 120, np.uint8)
    where = np.full((len(SITES), 2), np.nan, np.float32)
    index = SITE_NAMES.index("nasalis_alar_left")
    where[index] = (420.0, 200.0)
    image[191:210, 411:430] = 255
    page = draw(state(image=image, centers_px=where, traces={}), *size)
    picture = part(page, layout(*size).picture)
    tags = round(2.2 * layout(*size).text) + layout(*size).pad
    dot = np.argwhere((picture > 200).all(axis=2) & (np.arange(len(picture)) > tags)[:, None]).mean(axis=0)
    ring = np.argwhere(colored(picture, "left") & (np.arange(len(picture)) > tags)[:, None])
    assert len(ring) > 5
    assert np.abs((ring.min(axis=0) + ring.max(axis=0)) / 2 - dot).max() < 1.5
    assert dot[1] < picture.shape[1] / 2  # the subject's left is on the left of the mirror


def test_sides_are_placed_and_named_as_in_a_mirror(said: list[tuple[str, tuple[int, int]]]) -> None:
    draw(state())
    for words, low, high in (("your left", 0.0, 0.3), ("middle", 0.3, 0.6), ("your right", 0.6, 1.0)):
        places = [at[0] / WIDTH for text, at in said if text == words]
        assert places and all(low <= place < high for place in places), words


@pytest.mark.parametrize("side", SIDES)
def test_the_trace_of_a_side_is_in_its_own_strip(side: Side) -> None:
    low, high = {**state().traces}, {**state().traces, side: trace(peak_s=NOW - 5.0)}
    strips = layout(WIDTH, HEIGHT).strips
    before, after = draw(state(traces=low)), draw(state(traces=high))
    changed = {name: bool((part(before, box) != part(after, box)).any()) for name, box in strips.items()}
    assert changed == {name: name == side for name in SIDES}


def test_the_trace_rises_over_the_dashes_and_scrolls() -> None:
    box = layout(WIDTH, HEIGHT).strips["right"]
    tops, places = [], []
    for now in (NOW, NOW + 2.0):
        page = part(draw(state(now_s=now, traces={"right": trace(peak_s=NOW - 3.0)})), box)[35:]
        ink = np.argwhere(colored(page, "right"))
        peak = ink[ink[:, 0] < ink[:, 0].min() + 3]
        tops.append(ink[:, 0].min() / len(page))
        places.append(peak[:, 1].mean() / page.shape[1])
    assert max(tops) < 0.35  # 2 of 2.5 thresholds; the dashes are at 0.6
    assert places == pytest.approx([0.7, 0.5], abs=0.02)


def test_time_without_a_verdict_is_shaded() -> None:
    box = layout(WIDTH, HEIGHT).strips["left"]
    plain_page = part(draw(state()), box)
    shaded = part(draw(state(traces={"left": trace(unseen=(NOW - 6.0, NOW - 4.0))})), box)
    columns = np.flatnonzero((plain_page != shaded).any(axis=(0, 2))) / box[2]
    assert columns.min() == pytest.approx(0.4, abs=0.02) and columns.max() == pytest.approx(0.6, abs=0.02)


def test_a_twitch_lights_its_side_only_and_fades(said: list[tuple[str, tuple[int, int]]]) -> None:
    strips = layout(WIDTH, HEIGHT).strips
    border = {}
    for ago in (0.0, 0.3, LIT_S + 0.05):
        page = draw(state(flagged=(flagged(ago_s=ago),), traces={}, counts={"left": 1}))
        for side, box in strips.items():
            border[(side, ago)] = int(part(page, box)[-3, 20].astype(int).sum())  # on the lower edge
    assert border[("left", 0.0)] > border[("left", 0.3)] > border[("left", LIT_S + 0.05)]
    assert border[("right", 0.0)] == border[("right", LIT_S + 0.05)]
    assert [text for text, _ in said].count("left nostril wing") == 3
    assert any(text == "1 twitch" for text, _ in said)
    said.clear()
    draw(state(flagged=(flagged(ago_s=NAMED_S + 0.1),)))
    assert not any(text == "left nostril wing" for text, _ in said)


def test_a_flash_is_no_strobe() -> None:
    """Little of the window changes its brightness, whatever twitches: WCAG 2.3.1 is about a quarter of the view."""
    still = draw(state(traces={})).astype(int)
    all_sides = tuple(flagged(name, 0.0) for name in ("nasalis_alar_left", "nasalis_alar_right", "procerus"))
    lit = draw(state(traces={}, flagged=all_sides)).astype(int)
    assert 0.001 < (np.abs(lit - still).max(axis=2) > 25).mean() < 0.12


def test_a_twitch_and_a_felt_mark_stay_in_the_strip() -> None:
    box = layout(WIDTH, HEIGHT).strips["left"]
    before = part(draw(state()), box)
    for changes in ({"flagged": (flagged(ago_s=3.9),)}, {"felt_s": (NOW - 4.0,)}):
        after = part(draw(state(**changes)), box)[35:]
        columns = np.flatnonzero((before[35:] != after).any(axis=(0, 2))) / box[2]
        assert len(columns) and np.abs(columns - 0.6).max() < 0.03, changes


@pytest.mark.parametrize(
    ("changes", "name", "word"),
    [
        ({"px_per_mm": 0.4}, "face", "too small"),
        ({"px_per_mm": 0.9}, "face", "come closer"),
        ({"luma": 40.0}, "light", "dim"),
        ({"luma": 20.0}, "light", "too dark"),
        ({"luma": 230.0}, "light", "too bright"),
        ({"sharpness": 5.0}, "sharpness", "blurred"),
        ({"head_mm_s": 16.0}, "head", "hold still"),
        ({"fps": 23.0}, "pictures", "slow"),
        ({"frames_lost": 100}, "pictures", "3.2 %"),
    ],
)
def test_what_harms_is_a_warning(
    changes: dict[str, float], name: str, word: str, said: list[tuple[str, tuple[int, int]]]
) -> None:
    harmed = state(quality=replace(GOOD, **changes))  # type: ignore[arg-type]
    items = {item.name: item for item in quality_items(harmed)}
    assert [item.name for item in items.values() if item.harms] == [name]
    assert all(word in words for words in items[name].words[:1])
    before, after = draw(state()), draw(harmed)
    assert any(word in text for text, _ in said) and any(text == "!" for text, _ in said)
    yellow = ((after[..., 2] > 200) & (after[..., 1] > 180) & (after[..., 0] < 110)).sum()
    assert yellow > 100 > ((before[..., 2] > 200) & (before[..., 1] > 180) & (before[..., 0] < 110)).sum()


def test_good_or_unknown_quality_warns_of_nothing() -> None:
    assert not any(item.harms for item in quality_items(state()))
    assert not any(item.harms for item in quality_items(LiveState()))
    dim = quality_items(state(quality=replace(GOOD, luma=40.0, sharpness=5.0)))
    assert [item.name for item in dim if item.harms] == ["light"]


def test_why_there_is_no_verdict_is_said_large(said: list[tuple[str, tuple[int, int]]]) -> None:
    before, after = draw(state()), draw(state(why=why_words(WhyNot.NOISE)))
    assert any(text == "no verdict: speaking or noise" for text, _ in said)
    box = layout(WIDTH, HEIGHT).picture
    rows = np.flatnonzero(((part(after, box) > 230) & (part(before, box) < 230)).all(axis=2).any(axis=1))
    assert np.ptp(rows) > 1.2 * layout(WIDTH, HEIGHT).text


def test_settling_shows_how_far_it_is() -> None:
    box = layout(WIDTH, HEIGHT).picture
    whites = [
        (part(draw(state(why="settling", settling=done)), box)[-3] > 230).all(axis=1).mean() for done in (0.0, 0.4, 2.0)
    ]
    assert whites == pytest.approx([0.0, 0.4, 1.0], abs=0.01)


def test_reasons_and_places_have_words() -> None:
    assert why_words(WhyNot.NONE) == ""
    assert all(why_words(bit) for bit in WhyNot.__members__.values() if bit)
    assert why_words(WhyNot.NOISE | WhyNot.NO_FACE) == why_words(WhyNot.NO_FACE)
    for number, site in enumerate(SITES):
        name, muscle = place_words(number)
        assert muscle and name.startswith(site.side) == (site.side != "midline")
    assert [clock(seconds) for seconds in (0.0, 61.9, 3723.0)] == ["0:00", "1:01", "1:02:03"]


def test_help_lists_every_key(said: list[tuple[str, tuple[int, int]]]) -> None:
    for size in ((480, 360), (1280, 720)):
        said.clear()
        draw(state(), *size, help_shown=True)
        for key, words in KEYS:
            assert any(text == key for text, _ in said) and any(text == words for text, _ in said), (size, key)


def test_a_pause_is_seen(said: list[tuple[str, tuple[int, int]]]) -> None:
    box = layout(WIDTH, HEIGHT).picture
    before, after = draw(state()), draw(state(paused=True, why="head moves"))
    assert part(after, box).mean() < 0.5 * part(before, box).mean()
    assert any(text == "paused" for text, _ in said) and not any("verdict" in text for text, _ in said)


def test_notice_recording_and_source_are_said(said: list[tuple[str, tuple[int, int]]]) -> None:
    draw(state(notice="snapshot saved", recording=True, episodes=1, last_episode="left, 3 twitches"))
    texts = [text for text, _ in said]
    assert {"snapshot saved", "recording", "camera 0", "1 episode", "last: left, 3 twitches"} <= set(texts)


@pytest.mark.parametrize("size", [(1, 1), (100, 50), (480, 360), (360, 1600), (3000, 240), (3840, 2160)])
def test_any_size_and_any_state_can_be_drawn(size: tuple[int, int]) -> None:
    hollow = centers()
    hollow[::2] = np.nan
    hollow[1] = (1e9, -1e9)
    odd = Trace(np.array([NOW - 50.0, NOW - 1.0, NOW]), np.array([np.nan, 9e9, -1.0], np.float32), np.zeros(3, bool))
    empty = Trace(np.zeros(0), np.zeros(0, np.float32), np.zeros(0, bool))
    marks = tuple(flagged(name, 0.1) for name in SITE_NAMES)
    whatever = (
        LiveState(),
        state(centers_px=None, why="no face in view"),
        state(centers_px=hollow, flagged=marks, traces={"left": odd, "right": empty}, settling=math.nan, why="a, b"),
        state(image=np.zeros((2000, 2, 3), np.uint8), notice="x" * 500, source="\x1b[2J\n" * 99, felt_s=(-1e9, NOW)),
        state(centers_px=centers(2.0, 2.0), flagged=marks, counts={"left": 10**9}, quality=Quality(fps=0.0)),
    )
    page = LivePage()
    for shown in whatever:
        for help_shown in (False, True):
            drawn = page.draw(shown, *size, help_shown=help_shown)
            assert drawn.shape == (size[1], size[0], 3) and drawn.dtype == np.uint8


def test_drawing_leaves_the_state_and_earlier_pages_alone() -> None:
    shown = state(flagged=(flagged(),), why="settling", paused=False)
    assert shown.image is not None and shown.centers_px is not None
    image, places, values = shown.image.copy(), shown.centers_px.copy(), shown.traces["left"].values.copy()
    page = LivePage()
    first = page.draw(shown, WIDTH, HEIGHT)
    kept = first.copy()
    page.draw(replace(shown, paused=True), WIDTH, HEIGHT)
    assert (shown.image == image).all() and (shown.centers_px == places).all()
    assert (shown.traces["left"].values == values).all()
    assert (first == kept).all()
    assert (page.draw(shown, WIDTH, HEIGHT) == kept).all()  # nothing of the page between is left


def test_words_are_cut_to_their_room() -> None:
    assert fitting(("longer words", "short"), 20, 10_000) == "longer words"
    assert fitting(("longer words", "short"), 20, 60) == "short"
    assert fitting(("words without end",), 20, 80).endswith("...")
    assert fitting(("words",), 20, 0) == ""


def test_twitches_of_both_sides_count_on_each() -> None:
    both = LiveState(now_s=1.0, counts={"both": 2, "left": 1, "midline": 4})
    assert [_count(both, side) for side in ("right", "midline", "left")] == [2, 4, 3]
