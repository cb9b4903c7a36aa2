"""What the review page tells and keeps."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detector.errors import OutputError, SourceError
from detector.record.entries import LoggedEpisode
from detector.record.log import EpisodeLog
from detector.record.traces import read_traces, signal_files
from detector.regions import SITE_NAMES
from detector.study.review.clips import Clip, Clips, Missing, offset_s
from detector.study.review.rendering import render_replay
from detector.study.review.replays import Replays
from detector.study.review.signals import Signals
from detector.study.review.timeline import column_edges, envelope, near_misses, observed_shares
from tests.review_logs import CLIP, Page, page_of, sample_session, write_log, write_signals

if TYPE_CHECKING:
    import httpx

LEFT, RIGHT = SITE_NAMES.index("nasalis_alar_left"), SITE_NAMES.index("nasalis_alar_right")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_log(tmp_path / "log.sqlite")
    return tmp_path / "log.sqlite"


def asked(page: Page, path: str, **more: object) -> httpx.Response:
    return asyncio.run(page.ask("GET", path, **more))


def said(page: Page, path: str, **what: str) -> httpx.Response:
    return asyncio.run(page.ask("POST", path, json=what))


def quiet_score(frames: int = 1080) -> np.ndarray:
    return np.full((frames, len(SITE_NAMES)), 1.0)


def test_the_list_tells_every_episode_and_session(log: Path) -> None:
    answer = asked(page_of(log), "/api/list").json()
    rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["episodes"]]
    assert [(row["number"], row["kind"], row["side"], row["ordinary"]) for row in rows] == [
        (1, "fasciculation_like", "left", 0), (2, "tic_like", "right", 0), (3, "undetermined", "both", 0),
        (-1, "blink", "left", 1), (4, "fasciculation_like", "midline", 0),
    ]  # fmt: skip
    assert rows[0]["time"] == "2026-03-02T10:00:03.400+00:00" and rows[1]["confidence"] == 0.3
    (session,) = answer["sessions"]
    assert (session["source"], session["signals"], session["observed_s"]) == (str(CLIP), False, 35.0)


def test_what_is_said_is_in_the_log_with_its_history(log: Path) -> None:
    page = page_of(log)
    said(page, "/api/episode/1/2", review="confirmed", own_kind="fasciculation_like")
    answer = said(page, "/api/episode/1/2", note="  twice\x00\x1b[31m\u202e, left\n ").json()
    assert (answer["review"], answer["own_kind"], answer["note"]) == (
        "confirmed",
        "fasciculation_like",
        "twice[31m, left",
    )
    assert [entry["note"] for entry in answer["history"]] == ["twice[31m, left", ""], "newest first"
    with EpisodeLog(log) as book:
        assert [(r.reviewer, r.review) for r in book.reviews(1, 2)] == [("me", "confirmed")] * 2
        entry = book.episode(1, 2)
        assert entry is not None and (entry.episode.kind, entry.review_kind) == ("tic_like", "fasciculation_like")


def test_text_from_outside_is_told_without_control_characters(log: Path) -> None:
    with EpisodeLog(log) as book:
        run = book.begin(sample_session(session_id="bb", source="a\x1b[2J\u202egpj.mp4", sha256=""))
        book.add_episode(run, dataclasses.replace(_one(log), evidence="<b>\x07"))
    page = page_of(log)
    assert asked(page, "/api/list").json()["sessions"][1]["source"] == "a\\x1b[2J\\u202egpj.mp4"
    assert asked(page, f"/api/episode/{run}/1").json()["facts"]["evidence"] == "<b>\\x07"


def test_a_session_tells_all_that_its_timeline_shows(log: Path) -> None:
    answer = asked(page_of(log), "/api/session/1").json()
    assert (answer["threshold"], answer["sensitivity"], answer["limit90_mm"]) == (7.4, "normal", 0.8)
    assert [mark[0] for mark in answer["marks"] if not mark[3]] == [30.05]
    assert len(answer["marks"]) == 1 + 4 + 2 + 3 + 1
    assert answer["gaps"] == [[32.0, 33.0, "camera unplugged"]]
    assert answer["felt"] == [[27.5, "felt it"]] and answer["minutes"] == [35.0]


def test_a_clip_can_be_sought_in(log: Path) -> None:
    page, whole = page_of(log), CLIP.read_bytes()
    part = asked(page, "/clip/1", headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    assert part.headers["content-type"] == "video/mp4"
    assert asked(page, "/clip/1", headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    assert asked(page, "/api/episode/1/2/clip").json()["url"] == "/clip/1"


def test_a_clip_that_moved_is_found_and_one_that_changed_is_not_shown(tmp_path: Path) -> None:
    gone = sample_session(source="/nowhere/twitches.mp4")
    here = Clips(tmp_path)
    assert isinstance(missing := here.of(gone, 1), Missing) and "--clips" in missing.why
    moved = shutil.copy(CLIP, tmp_path / "twitches.mp4")
    assert here.of(gone, 1) == Clip(Path(moved), "source")
    with Path(moved).open("ab") as file:
        file.write(b"more")
    assert isinstance(missing := here.of(gone, 1), Missing) and "no longer the file" in missing.why


def test_what_the_kernel_shows_as_a_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kmsg").touch()  # as /proc/kmsg: a plain file of no size, of which a reader waits for more
    session = sample_session(source=str(tmp_path / "kmsg"))
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    assert isinstance(Clips().of(session, 1), Missing)


def test_a_file_that_takes_long_to_read_holds_up_neither_others_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "huge.mp4"
    with huge.open("wb") as file:
        file.truncate(1 << 42)  # takes no room, and an hour to read
    monkeypatch.setattr("detector.study.review.clips.PATIENCE_S", 0.05)
    clips, found = Clips(), []
    of_huge = threading.Thread(target=lambda: found.append(clips.of(sample_session(source=str(huge)), 1)), daemon=True)
    of_huge.start()
    time.sleep(0.1)
    assert isinstance(missing := clips.of(sample_session(source=str(CLIP)), 1), Missing)
    assert "still being read" in missing.why
    clips.close()
    of_huge.join(5)
    assert not of_huge.is_alive() and isinstance(found[0], Missing)


def test_a_camera_shows_the_clip_that_was_kept(tmp_path: Path) -> None:
    camera = sample_session(source="/dev/zero", sha256="", session_id="ab12")
    (tmp_path / "ab12-e0002.mp4").write_bytes(b"clip")
    assert Clips(tmp_path).of(camera, 2) == Clip(tmp_path / "ab12-e0002.mp4", "kept")
    for clips, number in ((Clips(tmp_path), 1), (Clips(), 2), (Clips(tmp_path), -2)):
        assert isinstance(clips.of(camera, number), Missing)
    forged = dataclasses.replace(camera, session_id="../x")
    assert isinstance(Clips(tmp_path / "sub").of(forged, 2), Missing)


def test_times_of_a_replayed_clip_count_from_its_session() -> None:
    at = {"start_s": 20.0}
    assert offset_s(sample_session(settings=at)) == 0.0, "analyze --start 20: times are those of the clip"
    assert offset_s(sample_session(settings=at | {"replay_speed": "1"})) == 20.0
    assert offset_s(sample_session(settings={"loop": True})) is None


# signals


def test_signals_are_found_by_what_they_say_of_themselves(tmp_path: Path) -> None:
    session = sample_session()
    write_signals(tmp_path / "a.h5", session, quiet_score(30))
    write_signals(tmp_path / "b.h5", sample_session(session_id="other", sha256="0" * 64), quiet_score(30))
    (tmp_path / "c.h5").write_bytes(b"no signals")
    found = Signals(tmp_path)
    assert found.file_of(session) == tmp_path / "a.h5"
    assert found.file_of(sample_session(session_id="rescored")) == tmp_path / "a.h5", "the same source"
    assert found.file_of(sample_session(session_id="cam", sha256="")) is None
    assert Signals(tmp_path / "a.h5").file_of(session) == tmp_path / "a.h5"
    for wrong in ("c.h5", "d.h5"):
        with pytest.raises(SourceError, match="analyze --signals"):
            signal_files(tmp_path / wrong)


def test_traces_take_the_highest_area_of_each_side(tmp_path: Path) -> None:
    score = quiet_score(60)
    score[10, LEFT], score[10, SITE_NAMES.index("zygomaticus_left")] = 5.0, 50.0
    score[20, RIGHT], score[30:40] = 6.0, np.nan
    traces = read_traces(write_signals(tmp_path / "a.h5", sample_session(), score))
    assert traces.scores["left"][10] == 5.0, "the cheek is no place for a twitch of the nose"
    assert traces.scores["right"][20] == 6.0 and traces.scores["midline"][20] == 1.0
    assert np.isnan(traces.scores["left"][35]) and not traces.observed[35] and traces.observed[29]
    np.testing.assert_allclose(traces.floor_mm, 0.4)
    np.testing.assert_allclose(traces.t_s, np.arange(60) / 30.0)


def test_no_peak_is_lost_however_far_one_zooms_out() -> None:
    rng = np.random.default_rng(1)
    t_s = np.sort(rng.uniform(0.0, 100.0, 5000))
    values = rng.normal(size=5000).astype(np.float32)
    values[1234:1300] = np.nan
    for begin, end, columns in (
        (0.0, 100.0, 7),
        (0.0, 100.0, 2999),
        (33.3, 33.9, 50),
        (99.0, 300.0, 40),
        (-5.0, 1.0, 3),
    ):
        edges = column_edges(t_s, begin, end, columns)
        found = envelope(values, edges)
        shares = observed_shares(np.isfinite(values), edges)
        bounds = np.linspace(begin, end, columns + 1)
        for k in range(columns):  # one by one
            part = values[(t_s >= bounds[k]) & (t_s < bounds[k + 1])]
            known = part[np.isfinite(part)]
            expected = (known.min(), known.max()) if len(known) else (np.nan, np.nan)
            np.testing.assert_array_equal((found.low[k], found.high[k]), expected)
            np.testing.assert_allclose(shares[k], len(known) / len(part) if len(part) else np.nan, rtol=1e-6)


def test_near_misses_are_peaks_just_under_the_threshold(tmp_path: Path) -> None:
    score = quiet_score()
    score[100, LEFT] = 7.0  # a near miss
    score[200, RIGHT] = 6.2  # two peaks of one movement: the higher is shown
    score[208, RIGHT] = 6.8
    score[300, LEFT] = 5.0  # far from it
    score[400, LEFT], score[400, RIGHT] = 7.0, 12.0  # a twitch of the other side
    score[500, RIGHT], score[506, RIGHT] = 7.0, 9.0  # the rise of a twitch
    traces = read_traces(write_signals(tmp_path / "a.h5", sample_session(), score))
    found = near_misses(traces, 7.4, 0.0, 36.0)
    assert [(round(miss.t_s * 30), miss.score, miss.side) for miss in found] == [
        (100, 7.0, "left"),
        (208, pytest.approx(6.8), "right"),
    ]
    assert near_misses(traces, float("nan"), 0.0, 36.0) == near_misses(traces, 7.4, 40.0, 50.0) == []


def test_the_page_gets_traces_of_the_part_it_shows(log: Path, tmp_path: Path) -> None:
    score = quiet_score()
    score[300, LEFT] = 7.1
    page = page_of(log, signals=Signals(write_signals(tmp_path / "a.h5", sample_session(), score)))
    answer = asked(page, "/api/session/1/traces?from=5&to=15&columns=100").json()
    low, high = answer["sides"]["left"]
    assert len(low) == len(high) == len(answer["observed"]) == 100
    assert (max(high), high.index(max(high)), min(low)) == (pytest.approx(7.1), 50, 1.0)
    assert answer["near"] == [[10.0, 7.1, "left"]]
    for wrong in ("from=nan&to=5&columns=9", "from=0&to=inf&columns=9", "from=0&to=5&columns=99999", "from=0&to=5"):
        assert asked(page, f"/api/session/1/traces?{wrong}").status_code == 422
    assert asked(page, "/api/session/1/traces?from=5&to=5&columns=9").status_code == 404


# magnified replays


class Magnifier:
    """Writes a few bytes, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[Path, str, float]] = []
        self._error = error

    def __call__(self, source: Path, output: Path, episode: LoggedEpisode, offset_s: float) -> None:
        self.calls.append((source, episode.episode_id, offset_s))
        if self._error is not None:
            raise self._error
        output.write_bytes(b"replay")


def waited(page: Page, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10.0
    while (answer := asked(page, path).json())["replay"] == "working" and time.monotonic() < deadline:
        time.sleep(0.01)
    return dict(answer)


def test_a_replay_is_rendered_once_and_for_its_owner_only(log: Path, tmp_path: Path) -> None:
    magnifier, cache = Magnifier(), tmp_path / "cache" / "replays"
    page = page_of(log, replays=Replays(cache, magnifier))
    assert asked(page, "/api/episode/1/1/clip").json()["replay"] == "none"
    assert asked(page, "/replay/1/1").status_code == 404
    for _ in range(2):
        assert said(page, "/api/episode/1/1/replay").status_code == 200
        assert waited(page, "/api/episode/1/1/clip")["replay"] == "ready"
    assert magnifier.calls == [(CLIP, "5a3b1e0001aa-e0001", 0.0)]
    assert asked(page, "/replay/1/1", headers={"range": "bytes=0-1"}).content == b"re"
    (file,) = cache.iterdir()
    assert (file.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("error", [OutputError("the disk is full: free some space"), ZeroDivisionError("oops")])
def test_a_replay_that_fails_says_why_and_can_be_tried_again(log: Path, tmp_path: Path, error: Exception) -> None:
    magnifier = Magnifier(error)
    page = page_of(log, replays=Replays(tmp_path / "replays", magnifier))
    for tries in (1, 2):
        said(page, "/api/episode/1/1/replay")
        answer = waited(page, "/api/episode/1/1/clip")
        assert answer["replay"] == "failed" and str(error) in answer["why"] and len(magnifier.calls) == tries


def test_a_clip_that_cannot_be_drawn_leaves_its_reason_and_the_page(log: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    with EpisodeLog(log) as book:
        entry = book.episodes()[0]
    with pytest.raises(OutputError, match=r"broken\.mp4"):
        render_replay(broken, tmp_path / "replay.mp4", entry, 0.0)
    assert [path.name for path in tmp_path.glob("*.mp4")] == ["broken.mp4"]


def test_without_a_magnifier_nobody_is_offered_one(log: Path) -> None:
    page = page_of(log)
    assert "&#34;replays&#34;: false" in asked(page, "/").text
    assert said(page, "/api/episode/1/1/replay").status_code == 404


def _one(log: Path) -> Any:
    with EpisodeLog(log) as book:
        return book.episodes()[0].episode
