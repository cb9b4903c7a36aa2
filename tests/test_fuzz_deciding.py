"""Deciding on any course of readings, with gaps, lost faces, leaps: whatever comes, the story is in order."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from detector.config import Settings
from detector.deciding import Decider
from detector.motion import SITE_COUNT
from detector.readings import Event, Measured, Reading
from detector.regions import SITE_NAMES
from detector.types import ORDINARY_KINDS, Episode, Revision, Twitch
from tests.test_twitches import Jerk, Skin, sample_at

RATES = (15.0, 30.0, 50.0)


class AnyCourse(RuleBasedStateMachine):
    """A recording in the making, and a decider that follows it one reading at a time."""

    @initialize(fps=st.sampled_from(RATES), seed=st.integers(0, 5), start_s=st.sampled_from([0.0, 0.013, 3600.0]))
    def begin(self, fps: float, seed: int, start_s: float) -> None:
        self.step_s = 1.0 / fps
        self.t_s = start_s
        self.skin = Skin((), seed)
        self.rng = np.random.default_rng(seed)
        self.readings: list[Reading] = []
        self.told: list[Event] = []
        self.decider = Decider(Settings())
        self.unknown = np.zeros(SITE_COUNT, bool)
        self._still(3.0)

    def _push(self, reading: Reading) -> None:
        self.readings.append(reading)
        with np.errstate(all="ignore"):  # squares of 1e37 are infinite, and that is what is asked here
            self.told += self.decider.push(reading)
        self.t_s += self.step_s

    def _seen(self, height_mm: np.ndarray, **context: float) -> None:
        height_mm = np.where(self.unknown[:, None], np.nan, height_mm)
        self._push(Reading(self.t_s, False, 1, 2.5, sample_at(self.t_s, height_mm, **context)))

    def _end_stretch(self) -> None:
        """As measuring does: the last reading before a break says so, when it is known that it was the last."""
        last = dataclasses.replace(self.readings[-1], ends_stretch=True)
        if last.sample is not None:
            self._push(dataclasses.replace(last, t_s=self.t_s, sample=None, repeated=True))

    def _still(self, seconds: float) -> None:
        for _ in range(round(seconds / self.step_s)):
            self._seen(self.skin.height_mm(self.t_s))

    @rule(seconds=st.floats(0.1, 2.0))
    def still(self, seconds: float) -> None:
        self._still(seconds)

    @rule(region=st.sampled_from(SITE_NAMES), mm=st.sampled_from([0.3, 1.0, 2.0, 8.0, 1e6]), count=st.integers(1, 4))
    def twitch(self, region: str, mm: float, count: int) -> None:
        jerks = [Jerk(self.t_s + 0.3 + 0.25 * k, region, mm) for k in range(count)]
        self.skin = dataclasses.replace(self.skin, jerks=jerks)
        self._still(0.6 + 0.25 * count)

    @rule(seconds=st.floats(0.0, 5.0))
    def gap(self, seconds: float) -> None:
        self._end_stretch()
        self.t_s += seconds

    @rule(seconds=st.floats(0.1, 1.0))
    def face_is_away(self, seconds: float) -> None:
        self._end_stretch()
        for _ in range(max(round(seconds / self.step_s), 1)):
            self._push(Reading(self.t_s, False, 0, math.nan, None))

    @rule(count=st.integers(1, 20))
    def repeated(self, count: int) -> None:
        for _ in range(count):
            self._push(Reading(self.t_s, True, 1, 2.5, None))

    @rule(share=st.sampled_from([0.0, 0.1, 0.9, 1.0]))
    def sites_are_unknown_from_now_on(self, share: float) -> None:
        self.unknown = self.rng.uniform(size=SITE_COUNT) < share

    @rule(mm=st.sampled_from([1.0, 50.0, 1e9, -3e37]))
    def leap(self, mm: float) -> None:
        """All that is measured jumps, and stays there for some frames."""
        for _ in range(5):
            self._seen(self.skin.height_mm(self.t_s) + mm)

    @rule(speed=st.sampled_from([0.0, 30.0, 1e9]), scale=st.sampled_from([0.01, 0.7, 40.0]))
    def another_context(self, speed: float, scale: float) -> None:
        for _ in range(10):
            self._seen(self.skin.height_mm(self.t_s), head_speed_mm_s=speed, px_per_mm=scale)

    @rule(late_s=st.sampled_from([1e-6, 0.001, 0.12]))
    def a_frame_out_of_step(self, late_s: float) -> None:
        self.t_s += late_s - self.step_s if late_s < self.step_s else late_s
        self._still(self.step_s)

    @invariant()
    def what_was_told_is_in_order(self) -> None:
        if not hasattr(self, "told"):
            return
        measured = [event.t_s for event in self.told if isinstance(event, Measured)]
        assert measured == [reading.t_s for reading in self.readings[: len(measured)]], "each frame once, in order"
        episodes = [event for event in self.told if isinstance(event, Episode) and event.kind not in ORDINARY_KINDS]
        assert [one.number for one in episodes] == list(range(1, len(episodes) + 1))
        for one in episodes:
            assert one.start_s < one.end_s
            assert [t.peak_s for t in one.twitches] == sorted(t.peak_s for t in one.twitches)
            for t in one.twitches:
                assert t.kept and one.start_s <= t.onset_s <= t.peak_s <= t.offset_s <= one.end_s
        for before, after in itertools.pairwise(episodes):
            assert before.end_s <= after.start_s, "half-open and apart"
        for event in self.told:
            if isinstance(event, Twitch):
                assert event.onset_s <= event.peak_s <= event.offset_s
                assert event.kept or event.reason

    def teardown(self) -> None:
        """Every frame has been told, and all of it at once gives the same."""
        if not hasattr(self, "told"):
            return
        with np.errstate(all="ignore"):
            self.told += self.decider.drain()
            whole = list(Decider(Settings()).run(self.readings))
        self.what_was_told_is_in_order()
        assert sum(isinstance(event, Measured) for event in self.told) == len(self.readings)
        known = self.decider.session_fields()
        assert 0.0 <= known["observed_s"] <= known["face_s"] + 1e-6 <= self.decider.seconds() + 1e-5
        minutes = known["observed_by_minute_s"]
        assert sum(minutes) <= known["observed_s"] + 1e-3 * len(minutes), "each is told to the millisecond"
        assert [_words(event) for event in whole] == [_words(event) for event in self.told]


def _words(event: Event) -> tuple[object, ...]:
    if isinstance(event, Measured):
        return ("measured", event.t_s, None if event.score is None else event.score.tobytes())
    if isinstance(event, Revision):
        return ("revision", event.episode.number, event.episode.kind)
    if isinstance(event, Episode):
        return ("episode", repr(event))
    return ("twitch", repr(event))


AnyCourse.TestCase.settings = settings(max_examples=6, stateful_step_count=10, phases=(Phase.generate,))
TestAnyCourse = AnyCourse.TestCase
