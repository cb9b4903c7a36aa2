"""From samples to episodes on made streams: the same skin filmed at any rate must give the same findings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from detector import grid, twitches
from detector.config import Settings
from detector.context import Context
from detector.episodes import Grouper
from detector.grid import RATE_HZ, EvenGrid
from detector.motion import LATTICE_MM, REGION_COUNT, SITE_COUNT, Sample
from detector.regions import SITE_NAMES
from detector.twitches import THRESHOLDS, Candidate, Detector, Moment
from detector.types import Episode, Twitch, WhyNot

F64 = npt.NDArray[np.float64]

# where the muscles of ``regions.SITES`` lie on a usual face, mm from the middle of the eyes
PLACES_MM = np.array(
    [(0.0, -3.3), (0.0, 45.0), (-10.8, 20.3), (10.8, 20.3), (-15.2, 37.4), (15.2, 37.4), (-18.8, 33.0), (18.8, 33.0),
     (-14.0, 55.4), (14.0, 55.4), (-26.9, 12.7), (26.9, 12.7), (-32.1, 41.4), (32.1, 41.4)]
)  # fmt: skip
SITES_MM = np.concatenate([PLACES_MM, LATTICE_MM])
NOISE_MM = 0.03  # standard deviation of the skin noise per axis
SLOW = grid.COURSES_S[-1]
USUAL = grid.COURSES_S[1]


@dataclass(frozen=True)
class Jerk:
    t_s: float  # of the peak
    region: str
    mm: float
    toward: tuple[float, float] = (0.0, -1.0)
    course: tuple[float, float] = USUAL
    held_s: float = 0.0  # from the peak until it falls

    def at(self, t_s: float) -> float:
        """Share of its height at a time."""
        since_s = t_s - self.t_s
        since_s = min(since_s, 0.0) if since_s < self.held_s else since_s - self.held_s
        return float(grid.pulse(np.array([since_s]), *self.course)[0])


@dataclass
class Skin:
    """Skin motion as a function of time: noise below 6 Hz that is known at every instant, and jerks."""

    jerks: Sequence[Jerk] = ()
    seed: int = 0
    noise_mm: float = NOISE_MM
    _waves: tuple[F64, F64, F64] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        frequency = rng.uniform(0.4, 6.0, 24)
        size = rng.normal(size=(SITE_COUNT, 2, 24)) / np.maximum(frequency, 1.0) ** 0.75
        size *= np.sqrt(2.0) / np.sqrt((size**2).sum(axis=-1, keepdims=True))
        self._waves = frequency, size, rng.uniform(0.0, 2.0 * np.pi, (SITE_COUNT, 2, 24))

    def height_mm(self, t_s: float) -> F64:
        frequency, size, phase = self._waves
        height = self.noise_mm * (size * np.sin(2.0 * np.pi * frequency * t_s + phase)).sum(axis=-1)
        for jerk in self.jerks:
            if -0.5 < t_s - jerk.t_s < jerk.held_s + 0.5:
                center = PLACES_MM[SITE_NAMES.index(jerk.region)]
                leak = np.exp(-((SITES_MM - center) ** 2).sum(axis=1) / (4.0 * 6.0**2))
                height += jerk.mm * jerk.at(t_s) * leak[:, None] * np.array(jerk.toward)
        return height

    def film(self, times_s: Iterable[float], **context: float | bool | Context) -> list[Sample]:
        return [sample_at(t, self.height_mm(t), **context) for t in times_s]


def sample_at(t_s: float, height_mm: F64, **context: float | bool | Context) -> Sample:
    known: dict[str, float | bool | Context] = {
        "head_speed_mm_s": 1.0, "px_per_mm": 2.5, "inside": True, "since_acquired_s": 60.0, "gain": 1.0
    }  # fmt: skip
    places = PLACES_MM.astype(np.float32)
    return Sample(
        t_s=t_s,
        height_mm=height_mm.astype(np.float32),
        centers_mm=places,
        centers_px=10.0 * places,
        **(known | context),  # type: ignore[arg-type]
    )


def detect(samples: Iterable[Sample], settings: Settings | None = None) -> list[Moment | Candidate]:
    detector = Detector(settings or Settings())
    out: list[Moment | Candidate] = []
    for sample in samples:
        out += detector.push(sample)
    return out + detector.finish()


def group(items: Iterable[Moment | Candidate], settings: Settings | None = None) -> list[Episode | Twitch]:
    grouper = Grouper(settings or Settings())
    return [thing for item in items for thing in grouper.push(item)] + list(grouper.finish())


def episodes_of(samples: Iterable[Sample], settings: Settings | None = None) -> list[Episode]:
    return [thing for thing in group(detect(samples, settings), settings) if isinstance(thing, Episode)]


def candidates_of(samples: Iterable[Sample], settings: Settings | None = None) -> list[Candidate]:
    return [item for item in detect(samples, settings) if isinstance(item, Candidate)]


def passing(items: Iterable[Moment | Candidate]) -> list[Candidate]:
    least = THRESHOLDS["normal"]
    return [
        c for c in items
        if isinstance(c, Candidate) and c.moment.score[c.region] >= least and c.moment.why_not == WhyNot.NONE
    ]  # fmt: skip


def moments_of(items: Iterable[Moment | Candidate]) -> list[Moment]:
    return [item for item in items if isinstance(item, Moment)]


# The classic silent fault of event detectors comes first: what is found must not depend on the frame rate.

STORY = (
    Jerk(5.02, "nasalis_alar_left", 1.5, (0.8, -0.6)),
    Jerk(9.63, "levator_labii_alaeque_nasi_right", 1.2, course=SLOW),
    *(Jerk(13.31 + 0.25 * k, "nasalis_transverse_right", 1.4, (0.6, -0.8)) for k in range(5)),
    Jerk(18.47, "procerus", 1.6, (0.0, 1.0)),
    *(Jerk(22.9 + 0.33 * k, "orbicularis_oris_upper_left", 1.3, (0.1, 1.0), SLOW) for k in range(3)),
    Jerk(27.75, "depressor_septi_nasi", 1.4, (0.0, 1.0)),
)
STORY_S = 31.0


def even(fps: float, offset_s: float = 0.0) -> list[float]:
    return [offset_s + k / fps for k in range(int((STORY_S - offset_s) * fps))]


def uneven() -> list[float]:
    steps = np.random.default_rng(1).uniform(0.02, 0.06, 2000)
    return [float(t) for t in np.cumsum(steps) if t < STORY_S]


def with_frames_missing() -> list[float]:
    lost = np.random.default_rng(2).uniform(size=2000) < 0.07
    return [t for t, gone in zip(even(30.0), lost, strict=False) if not gone]


RATES: dict[str, tuple[list[float], float]] = {  # times, and the interval of the source's frames
    "15": (even(15.0), 1 / 15),
    "24": (even(24.0), 1 / 24),
    "25": (even(25.0), 1 / 25),
    "29.97": (even(30000 / 1001), 1001 / 30000),
    "30": (even(30.0), 1 / 30),
    "30, other instants": (even(30.0, 0.0117), 1 / 30),
    "50": (even(50.0), 1 / 50),
    "120": (even(120.0), 1 / 60),  # nothing is told finer than the grid
    "variable": (uneven(), 0.06),
    "7 % missing": (with_frames_missing(), 1 / 30),
}


@functools.cache
def story_at_60() -> tuple[Episode, ...]:
    return tuple(episodes_of(Skin(STORY).film(even(60.0))))


def test_the_story_is_told_at_60() -> None:
    found = story_at_60()
    assert [(e.region, e.side, e.twitch_count) for e in found] == [
        ("nasalis_alar_left", "left", 1),
        ("levator_labii_alaeque_nasi_right", "right", 1),
        ("nasalis_transverse_right", "right", 5),
        ("procerus", "midline", 1),
        ("orbicularis_oris_upper_left", "left", 3),
        ("depressor_septi_nasi", "midline", 1),
    ]
    peaks = [t.peak_s for e in found for t in e.twitches]
    np.testing.assert_allclose(peaks, [jerk.t_s for jerk in STORY], atol=1.5 / 60)
    assert found[2].rate_hz == pytest.approx(4.0, rel=0.03)
    assert found[4].rate_hz == pytest.approx(1 / 0.33, rel=0.03)


@pytest.mark.parametrize("rate", RATES)
def test_the_same_skin_gives_the_same_episodes_at_any_frame_rate(rate: str) -> None:
    times, interval_s = RATES[rate]
    found, want = episodes_of(Skin(STORY).film(times)), story_at_60()
    assert [(e.region, e.side, e.twitch_count, e.kind) for e in found] == [
        (e.region, e.side, e.twitch_count, e.kind) for e in want
    ]
    for name in ("start_s", "end_s"):
        np.testing.assert_allclose(
            [getattr(e, name) for e in found], [getattr(e, name) for e in want], atol=interval_s, err_msg=name
        )
    np.testing.assert_allclose(
        [t.peak_s for e in found for t in e.twitches], [t.peak_s for e in want for t in e.twitches], atol=interval_s
    )


@pytest.mark.parametrize("rate", ["24", "25", "30", "30, other instants", "50"])
def test_heights_are_read_alike_at_any_frame_rate(rate: str) -> None:
    found = episodes_of(Skin(STORY).film(RATES[rate][0]))
    np.testing.assert_allclose([e.peak_mm for e in found], [e.peak_mm for e in story_at_60()], rtol=0.25)


@pytest.mark.parametrize("rate", ["15", "30", "variable"])
def test_noise_alone_gives_nothing_at_any_frame_rate(rate: str) -> None:
    times, _ = RATES[rate]
    assert episodes_of(Skin(seed=3).film(times)) == []


@pytest.mark.parametrize("start_s", [1 / 60, 2 / 60, 5 / 60])
def test_the_instant_at_which_the_recording_begins_changes_nothing(start_s: float) -> None:
    found = episodes_of(Skin(STORY).film(even(60.0, start_s)))
    assert [(e.region, e.twitch_count) for e in found] == [(e.region, e.twitch_count) for e in story_at_60()]
    np.testing.assert_allclose(
        [t.peak_s for e in found for t in e.twitches],
        [t.peak_s for e in story_at_60() for t in e.twitches],
        atol=1 / 60,
    )


# what is said of a jerk


def test_height_direction_and_unit_are_those_of_the_jerk() -> None:
    jerk = Jerk(8.0, "levator_labii_alaeque_nasi_left", 1.2, (0.6, -0.8))
    quiet = Skin([jerk], noise_mm=0.015)
    (found,) = episodes_of(quiet.film(even(30.0)[:450]))
    (twitch,) = found.twitches
    assert twitch.amplitude_mm * twitches.COURSE_GAIN == pytest.approx(1.2, rel=0.12)
    assert twitch.amplitude_px == pytest.approx(2.5 * twitch.amplitude_mm)
    assert twitch.direction_deg == pytest.approx(np.degrees(np.arctan2(0.8, 0.6)), abs=6.0)
    assert twitch.onset_s == pytest.approx(8.0 - USUAL[0], abs=0.03)
    assert twitch.offset_s == pytest.approx(8.0 + USUAL[1], abs=0.05)


def test_score_does_not_depend_on_the_scale_of_the_skin_motion() -> None:
    skin = Skin([Jerk(8.0, "procerus", 1.0)], noise_mm=0.05)
    double = Skin([Jerk(8.0, "procerus", 2.0)], noise_mm=0.10)
    near = [
        max(passing(detect(s.film(even(30.0)[:450], px_per_mm=50.0))), key=lambda c: c.moment.score[c.region])
        for s in (skin, double)
    ]
    one, two = ((c.moment.score[c.region], c.moment.floor_mm[c.region]) for c in near)
    assert two[0] == pytest.approx(one[0], rel=0.01)
    assert two[1] == pytest.approx(2.0 * one[1], rel=0.01)


def test_a_movement_of_the_whole_face_is_no_twitch() -> None:
    skin = Skin(seed=5)
    samples = []
    for t in even(30.0)[:450]:
        height = skin.height_mm(t)
        height[:, 1] -= 1.5 * grid.pulse(np.array([t - 8.0]), *USUAL)[0]
        samples.append(sample_at(t, height))
    items = detect(samples)
    assert passing(items) == []
    rejected = [thing for thing in group(items) if isinstance(thing, Twitch)]
    assert [t.reason for t in rejected if abs(t.peak_s - 8.0) < 0.1] == ["whole_face"]


def test_one_jerk_is_one_candidate() -> None:
    """Peaks of the two rankings that fall on both sides of a block's edge are still one peak."""
    skins = [
        Skin([Jerk(6.0 + 1.5 * k + 0.017 * k, "nasalis_alar_right", 1.5) for k in range(14)], seed=s) for s in range(2)
    ]
    # something else on the face moves just before or after: the best score then lies beside the greatest height
    for seed, skin in enumerate(skins):
        samples = []
        for t in even(30.0):
            height = skin.height_mm(t)
            for k, jerk in enumerate(skin.jerks):
                late = 0.10 + 0.05 * (k % 3)
                side = 1.0 if (k + seed) % 2 else -1.0
                height[REGION_COUNT:, 0] += 0.25 * grid.pulse(np.array([t - jerk.t_s - side * late]), *USUAL)[0]
            samples.append(sample_at(t, height))
        times = [c.moment.t_s for c in candidates_of(samples)]
        gaps = np.diff(times)
        assert (gaps > twitches.PEAK_RADIUS_S).all(), f"two candidates {gaps.min():.3f} s apart"


def test_candidates_are_moments_of_the_stream_and_come_after_them() -> None:
    seen: set[int] = set()
    for item in detect(Skin(STORY).film(even(30.0))):
        if isinstance(item, Moment):
            seen.add(id(item))
        else:
            assert id(item.moment) in seen


# start, end and gaps


@pytest.mark.parametrize("t_s", [0.9, 1.5, 2.2, 3.0])
@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_a_twitch_in_the_first_seconds_is_found_although_the_noise_is_known_only_later(t_s: float, fps: float) -> None:
    (found,) = episodes_of(Skin([Jerk(t_s, "nasalis_alar_left", 1.5)]).film(even(fps)[: int(8 * fps)]))
    assert (found.region, found.twitch_count) == ("nasalis_alar_left", 1)
    assert found.twitches[0].peak_s == pytest.approx(t_s, abs=1.0 / min(fps, 60.0))


@pytest.mark.parametrize("fps", [15.0, 30.0, 50.0])
def test_a_twitch_shortly_before_the_end_is_found(fps: float) -> None:
    film = Skin([Jerk(9.4, "nasalis_alar_left", 1.8)]).film(k / fps for k in range(int(10 * fps)))
    (found,) = episodes_of(film)
    assert found.twitches[0].peak_s == pytest.approx(9.4, abs=1.0 / fps)


@pytest.mark.parametrize("fps", [12.0, 30.0, 59.94])
def test_moments_cover_the_stream_once_each_grid_time(fps: float) -> None:
    times = [0.0041 + k / fps for k in range(int(9 * fps))]
    moments = moments_of(detect(Skin().film(times)))
    grid_times = np.arange(np.ceil(times[0] * RATE_HZ), np.floor(times[-1] * RATE_HZ) + 1) / RATE_HZ
    got = np.array([m.t_s for m in moments])
    assert (np.diff(got) > 0.0).all()
    # the first grid time may lie before the second sample and the first block may begin one later
    assert got[0] <= times[1] + 1e-6
    np.testing.assert_allclose(got[-len(grid_times) + 1 :], grid_times[1:], atol=1e-9)


def test_stretches_are_apart_a_jump_between_them_is_no_twitch() -> None:
    detector, skin, out = Detector(Settings()), Skin(), []
    for sample in skin.film(even(30.0)[:300]):
        out += detector.push(sample)
    out += detector.finish()
    for t in even(30.0)[400:700]:
        out += detector.push(sample_at(t, skin.height_mm(t) + 5.0))  # sums begin anew: another level
    out += detector.finish()
    assert passing(out) == []
    times = np.array([m.t_s for m in moments_of(out)])
    between = (times > 300 / 30 + 0.01) & (times < 400 / 30 - 0.01)
    assert not between.any(), "no verdict where nothing was measured"


def test_the_noise_learned_before_a_gap_serves_after_it() -> None:
    detector, out = Detector(Settings()), []
    skin = Skin([Jerk(13.0, "nasalis_alar_left", 1.5)])
    for times in (even(30.0)[:300], even(30.0)[360:420]):  # the second stretch of 2 s alone is too short to learn from
        for sample in skin.film(times):
            out += detector.push(sample)
        out += detector.finish()
    (found,) = (thing for thing in group(out) if isinstance(thing, Episode))
    assert found.twitches[0].peak_s == pytest.approx(13.0, abs=1 / 30)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 9, 10, 30, 31, 32])
@pytest.mark.parametrize("settled", [True, False])
def test_a_stretch_of_any_length_ends_well(count: int, settled: bool) -> None:
    times = even(30.0)[:count]
    detector = Detector(Settings())
    items = [
        item for t, sample in zip(times, Skin().film(times), strict=True)
        for item in detector.push(sample if settled else dataclasses.replace(sample, since_acquired_s=t))
    ]  # fmt: skip
    items += detector.finish()
    assert passing(items) == []
    assert detector.finish() == []


def test_a_first_stretch_of_two_samples_does_not_spoil_the_rest() -> None:
    """The filters are made for the frame rate: two frames after a hiccup do not tell it."""
    detector, skin, out = Detector(Settings()), Skin(STORY), []
    for t in (0.0, 0.24):
        out += detector.push(sample_at(t, skin.height_mm(t)))
    out += detector.finish()
    for sample in skin.film(even(30.0, 1.0)):
        out += detector.push(sample)
    out += detector.finish()
    found = [thing for thing in group(out) if isinstance(thing, Episode)]
    assert [(e.region, e.twitch_count) for e in found] == [(e.region, e.twitch_count) for e in story_at_60()]
    want = [e.peak_mm for e in episodes_of(skin.film(even(30.0, 1.0)))]
    np.testing.assert_allclose([e.peak_mm for e in found], want, rtol=0.02)


def test_a_few_hundredths_of_a_second_of_noise_are_not_enough_to_judge_by() -> None:
    """With less noise known than is asked for, nothing passes: the verdict is withheld and the reason given."""
    for seed in range(8):
        times = [k / 30.0 for k in range(20)]
        items = detect(Skin([Jerk(0.35, "nasalis_alar_left", 0.25)], seed=seed).film(times))
        assert passing(items) == []
        assert all(m.why_not & WhyNot.SETTLING for m in moments_of(items))


# what was not measured


def test_sites_that_are_not_measured_for_a_while_neither_crash_nor_twitch() -> None:
    skin, samples = Skin(seed=7), []
    for t in even(30.0):
        height = skin.height_mm(t)
        if 6.0 <= t < 6.3 or int(t * 30) % 17 == 0:
            height[4:9] = np.nan
        if t < 0.5:
            height[:3] = np.nan
        samples.append(sample_at(t, height))
    assert passing(detect(samples)) == []


def test_seconds_without_any_measurement_are_not_the_quietest_of_all() -> None:
    """A held value has no noise: were it learned as such, the first breath afterwards would pass for a twitch."""
    skin = Skin(seed=8)
    samples = []
    for t in even(30.0):
        height = skin.height_mm(t)
        if 10.0 <= t < 17.0:
            height[:] = np.nan
        samples.append(sample_at(t, height))
    moments = moments_of(detect(samples))
    before = np.median([m.floor_mm for m in moments if 8.0 < m.t_s < 9.5], axis=0)
    hidden = [m for m in moments if 11.0 < m.t_s < 16.0]
    after = np.median([m.floor_mm for m in moments if 17.5 < m.t_s < 19.0], axis=0)
    assert (after > 0.6 * before).all(), "the floor sank while nothing was seen"
    assert all(m.why_not for m in hidden), "no verdict without a measurement"


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"since_acquired_s": 0.1}, WhyNot.SETTLING),
        ({"px_per_mm": 0.3}, WhyNot.FACE_SMALL),
        ({"inside": False}, WhyNot.EDGE),
    ],
)
def test_where_there_can_be_no_verdict_the_reason_is_given(context: dict[str, float], why: WhyNot) -> None:
    skin = Skin([Jerk(8.0, "nasalis_alar_left", 1.5)])
    times = even(30.0)[:450]
    samples = skin.film(times[:200]) + skin.film(times[200:280], **context) + skin.film(times[280:])
    items = detect(samples)
    at = [m for m in moments_of(items) if times[206] < m.t_s < times[274]]
    assert all(m.why_not & why for m in at)
    assert passing(items) == []
    (rejected,) = (thing for thing in group(items) if isinstance(thing, Twitch) and abs(thing.peak_s - 8.0) < 0.1)
    assert not rejected.kept
    assert str(why.name).lower() in rejected.reason


@pytest.mark.parametrize(
    ("speed_mm_s", "why"),
    [(0.2 * twitches.RESTLESS_MM_S, WhyNot.NOISE), (2.0 * twitches.RESTLESS_MM_S, WhyNot.MOTION)],
)
def test_too_much_noise_is_called_motion_when_the_head_is_restless(speed_mm_s: float, why: WhyNot) -> None:
    loud = Skin(noise_mm=1.0).film(even(30.0)[:450], head_speed_mm_s=speed_mm_s)
    assert all(m.why_not == why for m in moments_of(detect(loud)) if 10.0 < m.t_s < 14.0)
    covered = Skin().film(even(30.0)[:450], head_speed_mm_s=speed_mm_s)
    for k in range(360, 390):
        height = covered[k].height_mm.copy()
        height[4] = np.nan
        covered[k] = dataclasses.replace(covered[k], height_mm=height)
    moments = moments_of(detect(covered))
    assert all(m.why_not == why for m in moments if 12.05 < m.t_s < 12.95)
    assert not any(m.why_not for m in moments if 8.0 < m.t_s < 11.5 or 13.5 < m.t_s < 14.5), "and only there"


def test_a_recording_that_reads_half_as_high_has_the_same_scores_and_twice_the_size() -> None:
    jerk = Jerk(8.0, "procerus", 1.5)
    whole = episodes_of(Skin([jerk]).film(even(30.0)[:450], px_per_mm=50.0))
    half = episodes_of(Skin([jerk]).film(even(30.0)[:450], px_per_mm=50.0, gain=0.5))
    assert half[0].peak_mm == pytest.approx(2.0 * whole[0].peak_mm)
    assert half[0].twitches[0].score == pytest.approx(whole[0].twitches[0].score)
    assert half[0].snr == pytest.approx(whole[0].snr)


@pytest.mark.parametrize("context", [{"px_per_mm": 0.3}, {"inside": False}, {"since_acquired_s": 0.0}])
def test_a_face_that_can_never_be_judged_is_still_told_of_and_costs_no_memory(context: dict[str, float]) -> None:
    detector, told, waiting = Detector(Settings()), 0, []
    for k, sample in enumerate(Skin().film(even(30.0), **context)):
        told += len(moments_of(detector.push(sample)))
        if k % 90 == 89:
            waiting.append(held(detector))
    assert told > 0.7 * STORY_S * RATE_HZ, "nothing was said while it went on"
    assert max(waiting[5:]) <= max(waiting[:5]) * 1.2
    assert all(m.why_not for m in moments_of(detector.finish()))


# flat signals, memory, repeatability


def test_a_signal_that_does_not_move_gives_nothing() -> None:
    still = np.full((SITE_COUNT, 2), 0.7)
    items = detect(sample_at(t, still) for t in even(30.0)[:600])
    assert [item for item in items if isinstance(item, Candidate)] == []
    assert all(np.isfinite(m.score).all() and np.isfinite(m.floor_mm).all() for m in moments_of(items))


def test_the_first_movement_after_perfect_stillness_is_not_infinitely_large() -> None:
    """A codec that skips still blocks shows no noise at all; a hundredth of a pixel after it is not a twitch."""
    still = np.zeros((SITE_COUNT, 2))
    samples = [sample_at(t, still) for t in even(30.0)[:450]]
    moved = still.copy()
    moved[4, 1] = 0.01 / 2.5
    samples[300:304] = [sample_at(s.t_s, moved) for s in samples[300:304]]
    assert passing(detect(samples)) == []


def held(detector: Detector) -> int:
    """How much a detector keeps: the lengths of everything in it that has one."""
    sized = [value for value in vars(detector).values() if hasattr(value, "__len__")]
    return sum(len(value) for value in sized if not isinstance(value, np.ndarray))


def test_memory_is_flat_over_a_long_stream() -> None:
    detector, grouper = Detector(Settings()), Grouper(Settings())
    skin = Skin([Jerk(4.0 + 7.0 * k, "nasalis_alar_left", 1.5) for k in range(18)])
    kept = []
    for k in range(130 * 15):
        sample = sample_at(k / 15.0, skin.height_mm(k / 15.0))
        for item in detector.push(sample):
            for _ in grouper.push(item):
                pass
        if k % 15 == 14:
            lists = [len(v) for v in vars(grouper).values() if isinstance(v, list)]
            kept.append(held(detector) + sum(lists))
    early, late = max(kept[10:60]), max(kept[80:])
    assert late <= 1.1 * early + 10


def test_the_same_stream_gives_the_same_bits() -> None:
    samples = Skin(STORY).film(even(25.0))
    first, second = group(detect(samples)), group(detect(samples))
    assert first == second
    assert len(first) > len(STORY)


def test_findings_do_not_depend_on_what_comes_much_later() -> None:
    times = even(30.0)
    long = [e for e in episodes_of(Skin(STORY).film(times)) if e.end_s < 16.0]
    short = [e for e in episodes_of(Skin(STORY).film(t for t in times if t < 20.0)) if e.end_s < 16.0]
    assert long == short
    assert len(long) == 3


@pytest.mark.parametrize("sensitivity", ["low", "normal", "high"])
def test_a_higher_sensitivity_asks_for_less(sensitivity: str) -> None:
    settings = Settings(sensitivity=sensitivity)  # type: ignore[arg-type]
    assert Detector(settings).threshold == THRESHOLDS[sensitivity]
    assert THRESHOLDS["low"] > THRESHOLDS["normal"] > THRESHOLDS["high"]
    heights = np.linspace(0.15, 1.2, 14)
    jerks = [Jerk(4.0 + 2.0 * k, "nasalis_alar_left", mm) for k, mm in enumerate(heights)]
    found = episodes_of(Skin(jerks, seed=11).film(even(30.0)), settings)
    scores = [max(t.score for t in e.twitches) for e in found]
    assert scores, "the tallest must be found"
    assert min(scores) >= THRESHOLDS[sensitivity]


def test_the_grid_does_not_depend_on_the_steps_in_which_it_is_filled() -> None:
    """The value at a grid time is that between the two samples around it."""
    grid_, rng, got = EvenGrid(), np.random.default_rng(0), []
    times = np.cumsum(rng.uniform(0.001, 0.09, 200))
    for t in times:
        got += [(k, float(v[0])) for k, v in grid_.push(float(t), np.array([t, 2 * t], np.float32))]
    assert [k for k, _ in got] == list(range(got[0][0], got[-1][0] + 1))
    np.testing.assert_allclose([v for _, v in got], [k / RATE_HZ for k, _ in got], atol=1e-5)
