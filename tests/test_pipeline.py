"""The whole line: on the sample with the real face model, and on a made face with a stand-in for it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import deciding, measuring, regions
from detector.config import Settings
from detector.deciding import Decider
from detector.measuring import FRAMES_AHEAD
from detector.motion import Sample
from detector.pipeline import Event, Measured, Pipeline, Reading
from detector.record.export import write_episodes_csv, write_twitches_csv
from detector.record.log import EpisodeLog
from detector.record.signals import SignalFile
from detector.score import read_found, read_observed_s, read_truth, score_events
from detector.score_result import Scores
from detector.session import Result, analyze_clip, rescore_signals
from detector.twitches import Moment
from detector.types import Episode, Face, Frame, Session, WhyNot
from tests.test_registration import Pose, face_at, render
from tests.test_signals import readings
from tests.test_twitches import Skin, sample_at

TRUTH_S = (3.4, 6.6, 11.0, 14.2, 18.4, 21.8, 26.4, 31.2)
PART_S = (20.5, 28.9)  # of the sample: events 6 and 7
SAMPLE_S = 36.0


@dataclass(frozen=True)
class Run:
    result: Result
    events: list[Event]
    episodes_csv: Path
    twitches_csv: Path
    signals: Path

    @property
    def measured(self) -> list[Measured]:
        return [event for event in self.events if isinstance(event, Measured)]


def analyze(clip: Path, folder: Path, **part: Any) -> Run:
    """Analyze into a new log, keep the signals, and export everything from the log."""
    events: list[Event] = []
    with EpisodeLog(folder / "log.sqlite") as log:
        result = analyze_clip(clip, Settings(), log=log, signals=folder / "signals.h5", on_event=events.append, **part)
    return Run(result, events, *export(folder), folder / "signals.h5")


def export(folder: Path) -> tuple[Path, Path]:
    """Episodes and twitches of the only run in the log."""
    with EpisodeLog(folder / "log.sqlite") as log:
        (run,) = log.runs()
        assert run.session.status == "complete"
        sessions = [run.session]
        write_episodes_csv(folder / "episodes.csv", log.episodes(), sessions)
        write_twitches_csv(folder / "twitches.csv", log.twitches(include_rejected=True), sessions)
    return folder / "episodes.csv", folder / "twitches.csv"


@pytest.fixture(scope="module")
def whole(samples_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return analyze(samples_folder / "twitches.mp4", tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def part(samples_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("part")
    return analyze(samples_folder / "twitches.mp4", folder, start_s=PART_S[0], end_s=PART_S[1])


@pytest.fixture(scope="module")
def scores(whole: Run, samples_folder: Path) -> Scores:
    truth = read_truth(samples_folder / "twitches_truth.csv")
    return score_events(read_found(whole.episodes_csv), truth, read_observed_s(whole.episodes_csv))


def accounted_s(session: Session) -> float:
    return session.observed_s + sum(session.not_observed_s.values())


# the sample


def test_every_twitch_of_the_sample_is_found_and_nothing_else(scores: Scores) -> None:
    assert (scores.events, scores.detected, scores.recall) == (8, 8, 1.0)
    assert (scores.false_alarms, scores.extra) == (0, 0)


def test_sides_and_times_of_the_sample_are_right(scores: Scores) -> None:
    assert (scores.side_correct, scores.side_judged) == (6, 6)
    assert scores.onset_error_ms is not None
    assert abs(scores.onset_error_ms.median) < 50.0
    assert max(abs(scores.onset_error_ms.lower), abs(scores.onset_error_ms.upper)) < 100.0


def test_heights_and_counts_of_the_sample_are_about_right(scores: Scores, whole: Run) -> None:
    assert scores.amplitude_gain is not None
    assert 0.7 < scores.amplitude_gain.median < 1.4
    counts = [episode.twitch_count for episode in whole.result.episodes]
    there = [1, 5, 1, 6, 1, 4, 7, 1]
    assert np.mean(np.abs(np.array(counts) - there)) <= 1.0, counts


def test_midline_twitches_are_midline_and_single_jerks_have_no_rate(whole: Run) -> None:
    sides = [episode.side for episode in whole.result.episodes]
    assert (sides[2], sides[6]) == ("midline", "midline")
    for episode in whole.result.episodes:
        assert (episode.rate_hz is None) == (episode.twitch_count == 1)
        assert episode.rate_hz is None or 2.5 < episode.rate_hz < 9.0
        assert 0.0 < episode.confidence <= 1.0


def test_the_sample_is_observed_nearly_all_the_time(whole: Run) -> None:
    session = whole.result.session
    assert session.status == "complete"
    assert session.duration_s == pytest.approx(SAMPLE_S, abs=0.1)
    assert session.observed_s > 0.93 * SAMPLE_S
    assert session.face_s == pytest.approx(SAMPLE_S, abs=0.1)
    assert accounted_s(session) == pytest.approx(session.duration_s, abs=0.1)
    assert session.fps == pytest.approx(30.0, abs=0.05)
    assert (session.width, session.height, session.frames) == (640, 480, round(30 * SAMPLE_S))
    assert session.px_per_mm == pytest.approx(1.6565, rel=0.1)
    assert session.floor_mm
    assert all(0.05 < floor < 1.4 for floor in session.floor_mm.values()), "below the smallest twitch in it"


def test_every_frame_is_told_once_in_order_about_a_second_and_a_half_late(whole: Run) -> None:
    times = [m.t_s for m in whole.measured]
    np.testing.assert_allclose(times, np.arange(len(times)) / 30.0, atol=1e-3)
    assert len(times) == whole.result.session.frames
    settled = [m for m in whole.measured if 4.0 < m.t_s < 34.0]
    assert all(m.face is not None and m.motion is not None and m.score is not None for m in settled)
    assert all(m.motion.t_s == m.t_s for m in settled if m.motion is not None)


def test_findings_are_told_soon_after_they_happen(whole: Run) -> None:
    now = 0.0
    for event in whole.events:
        if isinstance(event, Measured):
            now = event.t_s
        elif isinstance(event, Episode):
            assert now - event.end_s < Settings().episode_gap_s + 2.0


def test_the_log_holds_what_was_found(whole: Run) -> None:
    with whole.episodes_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["region"] for row in rows] == [episode.region for episode in whole.result.episodes]
    with whole.twitches_csv.open(newline="", encoding="utf-8") as file:
        twitches = list(csv.DictReader(file))
    kept = [row for row in twitches if row["kept"] == "true"]
    assert len(kept) == sum(episode.twitch_count for episode in whole.result.episodes)
    assert all(row["reason"] for row in twitches if row["kept"] == "false")
    assert all(row["episode_id"] for row in kept)


# a part, the same again, and a stop in the middle


def test_a_part_of_the_clip_has_the_times_of_the_clip(part: Run, whole: Run) -> None:
    found = part.result.episodes
    inside = [e for e in whole.result.episodes if PART_S[0] < e.start_s < PART_S[1]]
    assert [(e.region, e.side) for e in found] == [(e.region, e.side) for e in inside]
    np.testing.assert_allclose([e.start_s for e in found], [e.start_s for e in inside], atol=0.05)
    session = part.result.session
    length = PART_S[1] - PART_S[0]
    assert session.duration_s == pytest.approx(length, abs=0.1)
    assert accounted_s(session) == pytest.approx(length, abs=0.1)
    assert part.measured[0].t_s == pytest.approx(PART_S[0], abs=0.04)
    assert session.session_id != whole.result.session.session_id


def test_the_same_part_again_gives_the_same_bytes(part: Run, samples_folder: Path, tmp_path: Path) -> None:
    again = analyze(samples_folder / "twitches.mp4", tmp_path, start_s=PART_S[0], end_s=PART_S[1])
    assert len(again.result.twitches) >= 5
    for name in ("episodes_csv", "twitches_csv"):
        first, second = getattr(part, name), getattr(again, name)
        assert first.read_bytes() == second.read_bytes()
        assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_rescoring_the_signals_gives_the_same_bytes(part: Run, tmp_path: Path) -> None:
    with SignalFile(part.signals) as file, EpisodeLog(tmp_path / "log.sqlite") as log:
        result = rescore_signals(file, log=log)
    assert result.session == part.result.session
    assert (result.twitches, result.episodes) == (part.result.twitches, part.result.episodes)
    for first, second in zip((part.episodes_csv, part.twitches_csv), export(tmp_path), strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_a_stop_in_the_middle_keeps_what_was_found(samples_folder: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Measured) and event.t_s > 4.2:
            raise KeyboardInterrupt

    with EpisodeLog(tmp_path / "log.sqlite") as log:
        with pytest.raises(KeyboardInterrupt):
            signals = tmp_path / "signals.h5"
            analyze_clip(samples_folder / "twitches.mp4", Settings(), log=log, signals=signals, on_event=stop)
        (run,) = log.runs()
        assert run.session.status == "interrupted"
        assert 4.2 < run.session.duration_s < 8.0
        assert run.session.observed_s > 0.0
        found = log.episodes()
    assert [round(row.episode.start_s, 1) for row in found] == [3.4], "its gap of quiet had not passed yet"
    assert found[0].episode.side == "left"
    assert found[0].episode.twitches
    with SignalFile(signals) as file:
        again = rescore_signals(file)
    assert again.session == run.session
    assert [episode.twitches for episode in again.episodes] == [found[0].episode.twitches]


# real footage


def test_a_lost_face_is_time_without_a_verdict(real_clips: Path, tmp_path: Path) -> None:
    run = analyze(real_clips / "face_lost.mov", tmp_path)
    session = run.result.session
    assert session.status == "complete"
    assert session.not_observed_s["no_face"] == pytest.approx(3.6, abs=0.5)
    assert session.face_s == pytest.approx(2.8, abs=0.5)
    assert accounted_s(session) == pytest.approx(session.duration_s, abs=0.15)
    assert session.observed_s < session.face_s
    assert [m.t_s for m in run.measured] == sorted(m.t_s for m in run.measured)


# a made face with a stand-in for the face model: odd courses of a recording, in little time


class Stand:
    """In the place of the face tracker: the face is where the made picture has it, except when it is away."""

    away: Sequence[tuple[float, float]] = ()
    px_per_mm = 2.0

    made: list[Stand]

    def __init__(self, model: Path) -> None:
        self._found_at = 0.0
        self._there = False
        self.closed = False
        self.made.append(self)

    def forget(self) -> None:
        self._there = False

    def close(self) -> None:
        self.closed = True

    def detect(self, frame: Frame) -> Face | None:
        if any(first <= frame.t_s < last for first, last in self.away):
            self._there = False
            return None
        if not self._there:
            self._there, self._found_at = True, frame.t_s
        face = face_at(frame, Pose())
        return replace(face, since_acquired_s=frame.t_s - self._found_at, px_per_mm=self.px_per_mm)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stand]]:
    monkeypatch.setattr(measuring, "FaceTracker", Stand)
    monkeypatch.setattr(Stand, "away", ())
    monkeypatch.setattr(Stand, "px_per_mm", 2.0)
    monkeypatch.setattr(Stand, "made", [], raising=False)
    yield Stand


FPS = 15.0


@pytest.mark.parametrize(("runs_again", "made"), [(False, 2), (True, 1)])
def test_a_line_that_runs_again_keeps_its_tracker_and_finds_the_face_anew(
    stand: type[Stand], runs_again: bool, made: int
) -> None:
    line = Pipeline(Settings(), Path("no model"), runs_again=runs_again)
    settled = []
    for frames in (film(1.0), [replace(frame, t_s=frame.t_s + 5.0) for frame in film(1.0)]):
        events = [event for event in line.run(iter(frames)) if isinstance(event, Measured)]
        settled.append(events[0].face)
    assert [face.since_acquired_s for face in settled if face is not None] == [0.0, 0.0]
    assert len(stand.made) == made and stand.made[-1].closed is not runs_again
    line.close()
    assert all(tracker.closed for tracker in stand.made)


def film(
    seconds: float, lost: Sequence[tuple[float, float]] = (), frozen: tuple[float, float] = (99.0, 99.0)
) -> list[Frame]:
    """A resting made face; times in ``lost`` have no frame, in ``frozen`` the picture is repeated."""
    frames: list[Frame] = []
    for k in range(round(seconds * FPS)):
        t = k / FPS
        if any(first <= t < last for first, last in lost):
            continue
        if frozen[0] <= t < frozen[1]:
            frames.append(Frame(k, t, True, frames[-1].image, repeated=True))
        else:
            frames.append(replace(render(t, Pose()), index=k))
    return frames


def run_line(frames: list[Frame]) -> tuple[Pipeline, list[Measured], dict[str, Any]]:
    line = Pipeline(Settings(), Path("unused"))
    events = list(line.run(frames))
    assert not [event for event in events if isinstance(event, Episode)], "a resting face has no episodes"
    measured = [event for event in events if isinstance(event, Measured)]
    assert [m.t_s for m in measured] == [frame.t_s for frame in frames], "every frame once, in order"
    return line, measured, line.session_fields()


def check_sum(line: Pipeline, fields: dict[str, Any]) -> None:
    total = fields["observed_s"] + sum(fields["not_observed_s"].values())
    assert total == pytest.approx(line.seconds() - 1 / FPS, abs=0.01), "every interval is accounted for once"


def test_a_resting_face_is_observed_once_it_has_settled(stand: type[Stand]) -> None:
    line, measured, fields = run_line(film(8.0))
    check_sum(line, fields)
    assert fields["observed_s"] > 7.0
    assert set(fields["not_observed_s"]) == {"settling"}
    assert fields["fps"] == pytest.approx(FPS, abs=0.01)
    assert fields["px_per_mm"] == 2.0
    for name in ("floor_mm", "limit50_mm", "limit90_mm"):
        assert set(fields[name]) == set(regions.SITE_NAMES)
    assert all(0.0 < fields["limit50_mm"][name] <= fields["limit90_mm"][name] for name in regions.SITE_NAMES)
    last = measured[60].motion
    assert last is not None
    assert last.observed.all()


def test_a_face_away_for_a_while_is_no_face_and_settles_again(stand: type[Stand]) -> None:
    stand.away = [(3.0, 5.0)]
    line, measured, fields = run_line(film(9.0))
    check_sum(line, fields)
    assert fields["not_observed_s"]["no_face"] == pytest.approx(2.0, abs=0.2)
    assert fields["face_s"] == pytest.approx(7.0, abs=0.2)
    assert all(m.face is None and m.motion is None for m in measured if 3.05 < m.t_s < 4.9)
    soon = [m.motion for m in measured if 5.1 < m.t_s < 5.4]
    assert all(motion is None or motion.why_not & WhyNot.SETTLING for motion in soon)


def test_missing_frames_are_a_gap(stand: type[Stand]) -> None:
    line, _, fields = run_line(film(9.0, lost=[(4.0, 5.5)]))
    check_sum(line, fields)
    assert fields["not_observed_s"]["gap"] == pytest.approx(1.5, abs=0.15)


def test_a_frozen_picture_is_not_observed(stand: type[Stand]) -> None:
    line, _, fields = run_line(film(9.0, frozen=(4.0, 7.0)))
    check_sum(line, fields)
    assert sum(fields["not_observed_s"].values()) > 2.5, fields["not_observed_s"]
    assert fields["observed_s"] < 6.3


def test_a_repeated_frame_now_and_then_costs_nothing(stand: type[Stand]) -> None:
    frames = [
        replace(frame, image=before.image, repeated=True) if frame.index % 9 == 5 else frame
        for before, frame in zip([film(8.0)[0], *film(8.0)], film(8.0), strict=False)
    ]
    line, _, fields = run_line(frames)
    check_sum(line, fields)
    assert fields["observed_s"] > 6.8


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_a_clip_of_a_few_frames_ends_well(stand: type[Stand], count: int) -> None:
    line, _, fields = run_line(film(count / FPS))
    assert fields["observed_s"] <= line.seconds()
    assert list(line.drain()) == []


def test_a_face_too_small_is_told_as_it_goes_and_named(stand: type[Stand], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stand, "px_per_mm", 0.4)
    line = Pipeline(Settings(), Path("unused"))
    frames = film(9.0)
    behind: list[float] = []

    def feed() -> Iterator[Frame]:
        for frame in frames:
            behind.append(frame.t_s)
            yield frame

    lag = max(behind[-1] - event.t_s for event in line.run(feed()) if isinstance(event, Measured))
    ahead_s = (FRAMES_AHEAD + 2) / 30.0  # frames taken from the source that the line has not seen yet
    assert lag < 6.0 + ahead_s, "nothing may wait for the end of the clip"
    fields = line.session_fields()
    assert fields["observed_s"] == 0.0
    assert fields["not_observed_s"]["face_small"] > 6.0
    assert any("too small" in note for note in fields["notes"])


def test_a_stop_in_the_middle_of_the_line_can_be_drained(stand: type[Stand]) -> None:
    line = Pipeline(Settings(), Path("unused"))
    frames = film(6.0)
    seen = []
    for event in line.run(frames):
        seen.append(event)
        if isinstance(event, Measured) and event.t_s > 1.0:
            break
    rest = list(line.drain())
    times = [event.t_s for event in seen + rest if isinstance(event, Measured)]
    assert times == [frame.t_s for frame in frames[: len(times)]]
    assert times[-1] > seen[-1].t_s + 1.0, "frames that were under way are told too"


def test_fast_frames_are_measured_in_pairs_and_stand_for_each_other(stand: type[Stand]) -> None:
    frames = [replace(render(k / 60.0, Pose()), index=k) for k in range(240)]
    line = Pipeline(Settings(), Path("unused"))
    seen = [event.reading for event in line.run(frames) if isinstance(event, Measured)]
    assert [reading.t_s for reading in seen] == [frame.t_s for frame in frames]
    assert [reading.repeated for reading in seen[:5]] == [False, True, False, True, False]
    for reading in seen[2:]:
        assert (reading.sample is None) == reading.repeated
        if reading.sample is not None:  # the middle of the two
            assert reading.sample.t_s == pytest.approx(reading.t_s - 1 / 120)
    fields = line.session_fields()
    assert fields["fps"] == pytest.approx(60.0, abs=0.1)
    assert fields["observed_s"] + sum(fields["not_observed_s"].values()) == pytest.approx(4.0, abs=0.05)
    assert fields["observed_s"] > 2.5


# deciding alone


def test_a_stop_anywhere_loses_nothing_and_tells_nothing_twice() -> None:
    rows = readings(10.0, (8.5, 8.8))
    total = sum(1 for _ in Decider(Settings()).run(rows))
    assert total > len(rows) + 5
    for stop_at in (1, 190, total - 12, total - 1):
        line, used, seen = Decider(Settings()), [], []

        def feed(used: list[Reading] = used) -> Iterator[Reading]:
            for row in rows:
                used.append(row)
                yield row

        for event in line.run(feed()):
            seen.append(event)
            if len(seen) == stop_at:
                break
        seen += line.drain()
        assert sorted(map(repr, seen)) == sorted(map(repr, Decider(Settings()).run(used)))


class Told:
    """In the place of the detector: of every sample a moment at once, the k-th of which needed k hundredths of a mm."""

    threshold = 7.5
    jerks: tuple[int, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._count = 0

    def push(self, sample: Sample) -> list[Moment]:
        self._count += 1
        floor = np.full(len(regions.SITES), 0.5, np.float32)
        floor[0] = 2.0  # never observed
        needed = np.full(len(regions.SITES), self._count / 100.0, np.float32)
        needed[1] = np.inf if self._count % 5 == 0 else 0.3  # one in five could not have passed
        zero = np.zeros((len(regions.SITES), 2), np.float32)
        score = np.full(len(regions.SITES), 8.0 if self._count in self.jerks else 1.0, np.float32)
        why = WhyNot.MOTION if self._count > 100 else WhyNot.NONE
        return [Moment(sample.t_s, score, score, zero, zero, floor, floor, needed, why, 1.0, 2.0)]

    def finish(self) -> list[Moment]:
        return []


def test_the_detection_limit_is_what_half_and_nine_in_ten_moments_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "Detector", Told)
    line = Decider(Settings())
    skin = Skin()
    rows = [Reading(k / 30.0, False, 1, 2.0, sample_at(k / 30.0, skin.height_mm(0.0))) for k in range(150)]
    assert not [event for event in line.run(rows) if isinstance(event, Episode)]
    fields = line.session_fields()
    first, second, *others = regions.SITE_NAMES
    assert fields["floor_mm"][first] == 2.0
    assert first not in fields["limit50_mm"] and first not in fields["limit90_mm"]
    assert (fields["limit50_mm"][second], fields["limit90_mm"][second]) == (0.3, deciding.LIMIT_MOST / 100)
    assert {fields["limit50_mm"][name] for name in others} == {0.5}, "the 100 observed ones, not those in motion"
    assert {fields["limit90_mm"][name] for name in others} == {0.9}
    assert Decider(Settings()).session_fields()["limit90_mm"] == {}


def test_moments_near_a_twitch_are_not_asked_what_they_would_have_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twitching(Told):
        jerks = (60,)

    monkeypatch.setattr(deciding, "Detector", Twitching)
    line = Decider(Settings())
    skin = Skin()
    rows = [Reading(k / 30.0, False, 1, 2.0, sample_at(k / 30.0, skin.height_mm(0.0))) for k in range(100)]
    list(line.run(rows))
    counted = {key for counter in line._tally.needs[2:] for key in counter}
    near = round(deciding.SPOILED_S * 30)
    assert counted == {*range(1, 59 - near), *range(60 + near, 101)}
