"""The episode log: nothing lost, nothing counted twice, and one clear sentence when it cannot be used."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from detector import __version__
from detector.errors import LogError, UsageError
from detector.record import schema
from detector.record.entries import logged_episodes, logged_twitches, time_of_day
from detector.record.log import EpisodeLog, default_path
from detector.types import BothSides, Episode, RestingFace, Session, Twitch

RESTING = RestingFace(
    quiet_s=34.0, watched_s=48.0, blinks=12, blinks_per_minute=15.0, one_sided_share=0.083,
    mouth_height_mm=BothSides(66.0, 66.6, 0.6, 0.991, 0.4, 0.35),
    lid_closing=BothSides(0.82, 0.8, -0.02, 0.976, 0.05, 0.01),
)  # fmt: skip


def twitch(onset_s: float, **changes: object) -> Twitch:
    base = Twitch(
        region="nasalis_alar_left", side="left", onset_s=onset_s, peak_s=onset_s + 0.05, offset_s=onset_s + 0.15,
        amplitude_mm=0.8, amplitude_px=1.6, velocity_mm_s=18.0, direction_deg=200.0, snr=9.0, score=7.5, kept=True,
        course_mm=(0.0, 0.25, 0.8, 0.125),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def episode(number: int, start_s: float, **changes: object) -> Episode:
    twitches = (twitch(start_s), twitch(start_s + 0.25))
    base = Episode(
        number=number, start_s=start_s, end_s=start_s + 0.4, kind="fasciculation_like", side="left", laterality=0.9,
        region="nasalis_alar_left", regions=("nasalis_alar_left", "procerus"), twitch_count=2, peak_mm=0.8,
        mean_mm=0.7, peak_px=1.6, snr=9.0, confidence=0.75, rate_hz=4.0, evidence="one muscle", twitches=twitches,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def session(session_id: str = "aa11", sha256: str = "f" * 64, **changes: object) -> Session:
    base = Session(
        session_id=session_id, source="clips/Ünï ok.mp4", sha256=sha256, start_utc="2026-03-01T08:00:00Z",
        duration_s=60.0, observed_s=51.25, face_s=58.0, fps=29.97, width=1280, height=720, frames=1798,
        frames_repeated=3, frames_lost=1, px_per_mm=2.1, floor_mm={"procerus": 0.31, "zygomaticus_left": 0.5},
        limit50_mm={"procerus": 0.42}, limit90_mm={"procerus": 0.93, "zygomaticus_left": 1.4},
        not_observed_s={"MOTION": 6.5}, observed_by_minute_s=(40.0, 11.25), config_digest="0123456789ab",
        settings={"sensitivity": "normal", "x": [1, 2]},
        versions={"nasalis": "0.1.0"}, notes=["two faces"], resting=RESTING,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def recorded(log: EpisodeLog, it: Session, *episodes: Episode, status: str = "complete", replace: bool = False) -> int:
    run = log.begin(it, replace=replace)
    for one in episodes:
        log.add_episode(run, one)
    log.finish(run, dataclasses.replace(it, status=status))
    return run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data folder" / "log.sqlite"


def test_everything_comes_back_as_it_went_in(path: Path) -> None:
    done = session(status="complete")
    first = episode(1, 2.0, co_movement="lids", rhythm_cv=0.2)
    rejected = twitch(9.0, kept=False, reason="head moved")
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_episode(run, first)
        log.add_twitch(run, rejected, None)
        log.finish(run, done)
    with EpisodeLog(path) as log:
        assert log.session(run) == done
        (only,) = log.runs()
        assert (only.run, only.session, only.superseded, only.nasalis_version) == (run, done, False, __version__)
        assert only.created_utc.endswith("+00:00")
        (entry,) = log.episodes()
        assert entry.episode == first
        assert (entry.episode_id, entry.review, entry.note) == ("aa11-e0001", "", "")
        assert [t.twitch for t in log.twitches(include_rejected=True)] == [*first.twitches, rejected]
        assert [t.twitch for t in log.twitches()] == list(first.twitches)


def test_the_tables_hold_every_field(path: Path) -> None:
    """A field added to a dataclass and forgotten here would be lost without a word."""
    assert list(schema.SESSION) == [field.name for field in dataclasses.fields(Session)]
    assert set(schema.EPISODE) == {field.name for field in dataclasses.fields(Episode)} - {"twitches"}
    assert list(schema.TWITCH) == [field.name for field in dataclasses.fields(Twitch)]
    with EpisodeLog(path):
        pass
    with sqlite3.connect(path) as db:
        for table, codecs in (("sessions", schema.SESSION), ("episodes", schema.EPISODE), ("twitches", schema.TWITCH)):
            assert set(codecs) <= {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def test_numpy_scalars_nan_and_odd_names_are_stored_as_what_they_mean(path: Path) -> None:
    odd = session(
        source="clip\udcff.mp4",
        width=np.int64(640),  # type: ignore[arg-type]
        px_per_mm=None,
        observed_s=np.float32(1.5),  # type: ignore[arg-type]
        floor_mm={"procerus": math.nan},
        settings={"threshold": np.float64(0.5), "n": np.int32(3)},
        resting=RestingFace(quiet_s=np.float64(3.5), blinks=np.int64(2)),  # type: ignore[arg-type]
    )
    one = episode(1, 1.0, snr=math.nan, twitch_count=np.int64(2), peak_mm=np.float32(0.5), twitches=())
    with EpisodeLog(path) as log:
        run = log.begin(odd)
        log.add_episode(run, one)
        log.add_twitch(run, twitch(5.0, kept=np.bool_(False), direction_deg=math.nan))
        back = log.session(run)
        assert (back.source, back.width, back.observed_s, back.px_per_mm) == ("clip\\udcff.mp4", 640, 1.5, None)
        assert math.isnan(back.floor_mm["procerus"])
        assert back.settings == {"threshold": 0.5, "n": 3}
        assert back.resting == RestingFace(quiet_s=3.5, blinks=2)
        (entry,) = log.episodes()
        assert math.isnan(entry.episode.snr)
        assert (entry.episode.twitch_count, entry.episode.peak_mm) == (2, 0.5)
        (found,) = log.twitches(include_rejected=True)
        assert found.twitch.kept is False
        assert math.isnan(found.twitch.direction_deg)


def test_ids_count_in_time_order_kept_and_rejected_alike(path: Path) -> None:
    it = session()
    first, second = episode(1, 5.0), episode(2, 8.0, kind="blink", side="both")
    rejected = [twitch(6.5, kept=False, reason="noise"), twitch(1.0, kept=False, reason="noise")]
    with EpisodeLog(path) as log:
        run = log.begin(it)
        for one in rejected[:1]:
            log.add_twitch(run, one)
        log.add_episode(run, second)
        log.add_episode(run, first)
        log.add_twitch(run, rejected[1], None)
        every = log.twitches(include_rejected=True)
        assert [t.twitch_id[-5:] for t in every] == ["t0001", "t0002", "t0003", "t0004", "t0005", "t0006"]
        assert [t.episode_id[-5:] for t in every] == ["", "e0001", "e0001", "", "e0002", "e0002"]
        kept = log.twitches()
        assert [t.twitch_id[-5:] for t in kept] == ["t0002", "t0003", "t0005", "t0006"]
        # without a log the same ids come out
        both = [first, second]
        assert logged_twitches(it, rejected, both, include_rejected=True) == every
        assert logged_twitches(it, rejected, both) == kept
        assert logged_episodes(it, [second, first], run=run) == log.episodes()
        assert logged_episodes(it, both, run=run, include_rejected=True) == log.episodes(include_rejected=True)
        assert len(log.episodes(include_rejected=True)) == 2 and len(log.episodes()) == 1


def test_a_twitch_written_at_once_is_claimed_by_its_episode_later(path: Path) -> None:
    one = episode(1, 3.0)
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_twitch(run, one.twitches[0], 1)
        (alone,) = log.twitches()
        assert alone.episode_id == ""  # its episode is not there yet
        log.add_episode(run, one)
        assert [t.episode_id for t in log.twitches()] == ["aa11-e0001"] * 2


def test_an_episode_is_kept_whole_or_not_at_all(path: Path) -> None:
    broken = episode(2, 3.0, twitches=(twitch(3.0), twitch(math.nan)))  # a time that is none cannot be stored
    with EpisodeLog(path) as log:
        run = log.begin(session())
        log.add_episode(run, episode(1, 1.0))
        with pytest.raises(LogError, match="refused a record"):
            log.add_episode(run, broken)
        assert [e.episode.number for e in log.episodes()] == [1]
        assert len(log.twitches()) == 2
        log.add_episode(run, episode(2, 4.0))  # and the log is usable afterwards
        assert len(log.episodes()) == 2
        with pytest.raises(LogError):
            log.add_episode(run + 1, episode(1, 1.0))  # no such run
        with pytest.raises(LogError, match=f"no run {run + 1}"):
            log.finish(run + 1, session())
        with pytest.raises(LogError, match=f"no run {run + 1}"):
            log.session(run + 1)


# analyzing a clip again


def test_a_new_run_hides_nothing_unless_asked(path: Path) -> None:
    with EpisodeLog(path) as log:
        first = recorded(log, session("aa11"), episode(1, 1.0))
        second = recorded(log, session("bb22"), episode(1, 1.0), episode(2, 5.0))
        assert [run.run for run in log.runs()] == [first, second]
        assert [e.episode_id for e in log.episodes()] == ["aa11-e0001", "bb22-e0001", "bb22-e0002"]


def test_replace_supersedes_earlier_runs_of_the_same_file_once_complete(path: Path) -> None:
    with EpisodeLog(path) as log:
        other = recorded(log, session("cc33", sha256="0" * 64), episode(1, 1.0))
        first = recorded(log, session("aa11"), episode(1, 1.0))
        second = log.begin(session("bb22"), replace=True)
        log.add_episode(second, episode(1, 2.0))
        assert not any(run.superseded for run in log.runs(include_superseded=True))
        log.finish(second, session("bb22", status="running"))  # figures so far
        assert [run.run for run in log.runs()] == [other, first, second]
        log.finish(second, session("bb22", status="complete"))
        assert [run.run for run in log.runs()] == [other, second]
        assert [run.superseded for run in log.runs(include_superseded=True)] == [False, True, False]
        assert [e.episode_id for e in log.episodes()] == ["cc33-e0001", "bb22-e0001"]
        assert [e.episode_id for e in log.episodes(first)] == ["aa11-e0001"]  # never deleted
        assert len(log.episodes(include_superseded=True)) == 3
        # a later one marks only those that were not marked yet
        recorded(log, session("dd44"), replace=True)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT run, superseded_by FROM sessions ORDER BY run").fetchall() == [
            (other, None), (first, second), (second, 4), (4, None),
        ]  # fmt: skip


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_an_unfinished_replacement_hides_nothing(path: Path, status: str) -> None:
    with EpisodeLog(path) as log:
        first = recorded(log, session("aa11"), episode(1, 1.0))
        second = recorded(log, session("bb22"), status=status, replace=True)
        assert [run.run for run in log.runs()] == [first, second]
        assert log.runs()[1].session.status == status


def test_cameras_replace_nothing(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session("aa11", sha256=""))
        recorded(log, session("bb22", sha256=""), replace=True)
        assert len(log.runs()) == 2


def test_the_same_session_run_twice_is_counted_once(path: Path) -> None:
    with EpisodeLog(path) as log:
        complete = recorded(log, session("aa11"), episode(1, 1.0))
        broken_off = recorded(log, session("aa11"), status="interrupted")
        assert [run.run for run in log.runs()] == [complete, broken_off]
        assert [e.run for e in log.episodes()] == [complete]
        again = recorded(log, session("aa11"), episode(1, 1.0))
        assert [e.run for e in log.episodes()] == [again]
        assert log.current_runs() == [again]
        assert log.find_episode("aa11-e0001").run == again
        # two camera sessions are two, whatever their ids
        recorded(log, session("cam", sha256=""), episode(1, 1.0))
        recorded(log, session("cam", sha256=""), episode(1, 1.0))
        assert len(log.episodes(session_id="cam")) == 2


# filters


def test_filters(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(
            log,
            session("aa11"),
            episode(1, 1.0),
            episode(2, 30.0, side="right", twitches=(twitch(30.0, side="right"),)),
            episode(3, 50.0, kind="blink", side="both"),
        )
        recorded(log, session("bb22", sha256="1" * 64, start_utc=""), episode(1, 2.0, kind="tic_like"))

        def ids(**filters: object) -> list[str]:
            return [e.episode_id for e in log.episodes(**filters)]  # type: ignore[arg-type]

        assert ids() == ["aa11-e0001", "aa11-e0002", "bb22-e0001"]
        assert ids(side="right") == ["aa11-e0002"]
        assert ids(kind="tic_like") == ["bb22-e0001"]
        assert ids(kind="blink") == ["aa11-e0003"]
        assert ids(session_id="bb22") == ["bb22-e0001"]
        assert ids(runs=[2, 1]) == ids()
        assert ids(runs=[]) == []
        assert len(ids(include_rejected=True)) == 4
        # half-open, and a recording of unknown date is in no range of dates
        assert ids(since="2026-03-01T08:00:01Z") == ["aa11-e0001", "aa11-e0002"]
        assert ids(since="2026-03-01T09:00:01.001+01:00") == ["aa11-e0002"]
        assert ids(until="2026-03-01T08:00:30+00:00") == ["aa11-e0001"]
        assert [t.twitch_id for t in log.twitches(side="right")] == ["aa11-t0003"]
        assert [t.twitch_id for t in log.twitches(kind="blink")] == ["aa11-t0004", "aa11-t0005"]
        assert [t.twitch_id for t in log.twitches(2)] == ["bb22-t0001", "bb22-t0002"]
        assert len(log.twitches(until="2026-03-01T08:00:30Z")) == 2
        with pytest.raises(UsageError, match="--since 'yesterday' is no time"):
            ids(since="yesterday")


def test_find_episode_by_id_prefix_and_suffix(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session("aa11"), episode(1, 1.0), episode(2, 5.0))
        recorded(log, session("ab22", sha256="1" * 64), episode(1, 1.0), episode(3, 9.0, kind="speech"))
        assert log.find_episode(" AA11-E0002 ").episode.start_s == 5.0
        assert log.find_episode("e0003").session_id == "ab22"
        assert log.find_episode("0002").episode_id == "aa11-e0002"
        assert len(log.find_episode("aa11-e0002").episode.twitches) == 2
        with pytest.raises(LogError, match=r"2 episodes fit 'e0001' \(aa11-e0001, ab22-e0001\): give more"):
            log.find_episode("e0001")
        for nothing in ("zz", "", "%", "_"):
            with pytest.raises(LogError, match="no episode in"):
                log.find_episode(nothing)
        recorded(log, session("cc33"), replace=True)
        assert log.find_episode("aa11-e0002").run == 1  # superseded, but nothing else fits


# ordinary movements


def ordinary(number: int, start_s: float, kind: str = "blink") -> Episode:
    """An ordinary movement of two rejected twitches."""
    twitches = tuple(twitch(t, kept=False, reason="blink_pull") for t in (start_s, start_s + 0.25))
    return episode(number, start_s, kind=kind, confidence=0.0, evidence="blink pull", twitches=twitches)


def test_ordinary_movements_are_listed_only_when_asked_for_in_time_order_with_ids_of_their_own(path: Path) -> None:
    found = [ordinary(-1, 1.0), episode(1, 2.0), ordinary(-2, 5.0, "speech"), episode(2, 9.0)]
    with EpisodeLog(path) as log:
        recorded(log, session("aa11"), *[found[k] for k in (1, 0, 3, 2)])  # told late
        assert [e.episode_id for e in log.episodes()] == ["aa11-e0001", "aa11-e0002"]
        rows = log.episodes(include_rejected=True)
        assert [e.episode_id for e in rows] == ["aa11-o0001", "aa11-e0001", "aa11-o0002", "aa11-e0002"]
        assert [e.episode for e in rows] == found
        assert [e.episode_id for e in log.episodes(kind="speech")] == ["aa11-o0002"]
        unlogged = logged_episodes(session("aa11"), found[::-1], include_rejected=True)
        assert [e.episode_id for e in unlogged] == [e.episode_id for e in rows], "the same without a log"


def test_twitches_of_an_ordinary_movement_carry_its_id(path: Path) -> None:
    found = [ordinary(-1, 1.0), episode(1, 2.0)]
    with EpisodeLog(path) as log:
        run = log.begin(session("aa11"))
        for rejected in (*found[0].twitches, twitch(7.0, kept=False, reason="whole_face")):  # told before its episode
            log.add_twitch(run, rejected)
        for one in found:
            log.add_episode(run, one)
        rows = log.twitches(include_rejected=True)
        owners = ["aa11-o0001", "aa11-o0001", "aa11-e0001", "aa11-e0001", ""]
        assert [row.episode_id for row in rows] == owners
        assert [row.twitch_id for row in rows] == [f"aa11-t000{k}" for k in range(1, 6)]
        assert [row.twitch_id for row in log.twitches()] == ["aa11-t0003", "aa11-t0004"]
        assert log.find_episode("o0001").episode == found[0]
        unlogged = logged_twitches(session("aa11"), [rows[-1].twitch], found, include_rejected=True)
        assert [row.episode_id for row in unlogged] == owners


def test_ordinary_movements_are_found_by_their_ids(path: Path) -> None:
    with EpisodeLog(path) as log:
        recorded(log, session("aa11"), episode(1, 1.0), ordinary(-1, 3.0), ordinary(-12, 5.0))
        assert log.find_episode("AA11-o0001").episode.number == -1
        assert log.find_episode("o0012").episode.number == -12
        assert log.find_episode("e0001").episode.number == 1
        with pytest.raises(LogError, match=r"2 episodes fit '0001' \(aa11-o0001, aa11-e0001\)"):
            log.find_episode("0001")


def test_an_episode_can_be_called_another_kind_later(path: Path) -> None:
    with EpisodeLog(path) as log:
        first = recorded(log, session("aa11"), episode(1, 1.0), episode(2, 9.0))
        second = recorded(log, session("bb22", sha256="1" * 64), episode(2, 1.0))
        told = episode(2, 9.0, kind="synkinesis_like", evidence="one muscle; 9 of 10 \udcff")
        log.revise_episode(first, told)
    with EpisodeLog(path) as log:
        rows = log.episodes([first, second])
        assert [(e.run, e.episode.number, e.episode.kind) for e in rows] == [
            (first, 1, "fasciculation_like"), (first, 2, "synkinesis_like"), (second, 2, "fasciculation_like"),
        ]  # fmt: skip
        assert rows[1].episode == dataclasses.replace(told, evidence="one muscle; 9 of 10 \\udcff")
        assert [e.episode_id for e in log.episodes(kind="synkinesis_like")] == ["aa11-e0002"]
        assert len(log.twitches(kind="synkinesis_like")) == 2, "with its twitches"


def test_an_ordinary_movement_replaces_what_was_sighted_of_it_and_nothing_before_it(path: Path) -> None:
    with EpisodeLog(path) as log:
        run = log.begin(session())
        for onset_s in (2.0, 5.01, 5.5, 6.5):  # an open episode, the movement, its echo, the next episode
            log.add_twitch(run, twitch(onset_s))
        log.add_episode(run, ordinary(-1, 5.0))
        assert [t.twitch.onset_s for t in log.twitches()] == [2.0, 6.5]
        log.add_episode(run, episode(1, 7.0))
        assert [t.twitch.onset_s for t in log.twitches()] == [7.0, 7.25]


def test_start_time() -> None:
    assert time_of_day("2026-03-01T08:00:00Z", 1.2344) == "2026-03-01T08:00:01.234+00:00"
    assert time_of_day("2026-03-01T08:00:00Z", 1.2346) == "2026-03-01T08:00:01.235+00:00"
    assert time_of_day("2026-03-01T08:00:00.9996Z", 0.0) == "2026-03-01T08:00:01.000+00:00"
    assert time_of_day("2026-03-01T23:59:59.500+02:00", 0.75) == "2026-03-02T00:00:00.250+02:00"
    assert time_of_day("2026-03-01T08:00:00", 0.0) == "2026-03-01T08:00:00.000+00:00"
    assert time_of_day("", 1.0) == ""
    assert time_of_day("some day", 1.0) == ""
    assert time_of_day("9999-12-31T23:59:59Z", 10.0) == ""


def test_where_the_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "mine.sqlite"))
    assert default_path() == tmp_path / "mine.sqlite"
    with EpisodeLog() as log:
        assert log.path == tmp_path / "mine.sqlite"
    monkeypatch.delenv("NASALIS_LOG")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert default_path() == tmp_path / "share" / "nasalis" / "log.sqlite"
