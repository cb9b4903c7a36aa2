"""Magnified replays: how far is enlarged, what is said on the picture, the file, and everything that may go wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cli
from detector import magnify as work
from detector import magnify_measure
from detector.errors import UsageError
from detector.frames import ClipSource, sha256_of
from detector.magnify_measure import MOST_FACTOR, NOISE_SHOWN_MM, best_factor, noise_of, quiet
from detector.magnify_notes import notes, side_lengths
from detector.magnify_page import HEIGHT, WIDTH, Page, Show
from detector.record.log import EpisodeLog
from detector.terminal import Talk
from detector.types import Episode, Session, WhyNot
from tests import fake_magnify
from tests.clips import even_times, textured, write_clip
from tests.fake_magnify import measured_of, twitch

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds without a face."""
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return write_clip(path, even_times(25, 12.5), textured(25, 64, 48))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, with a first half that needs no face, and a log of its own."""
    monkeypatch.setattr(magnify_measure, "measure_part", fake_magnify.measure_part)
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))

    def _run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
        return code, *capfd.readouterr()

    return _run


def logged(tmp_path: Path, source: str, sha256: str, **settings: object) -> str:
    """A log with one episode at 1 s, and its id."""
    session = Session("0123456789ab", source, sha256, "2026-03-01T08:00:00+00:00", settings=dict(settings))
    jerk = twitch(1.0)
    found = Episode(
        1, 0.95, 1.1, "fasciculation_like", "left", 1.0, jerk.region, (jerk.region,), 1, 0.5, 0.5, 1.0, 18.0, 1.0,
        twitches=(jerk,),
    )  # fmt: skip
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        key = log.begin(session)
        log.add_episode(key, found)
        session.status = "complete"
        log.finish(key, session)
        return log.episodes()[0].episode_id


def rates_of(path: Path) -> tuple[int, float]:
    with ClipSource(path) as source:
        times = [frame.t_s for frame in source]
        assert (source.width, source.height) == (WIDTH, HEIGHT)
    return len(times), times[-1]


# noise, and how far to enlarge


def test_noise_is_that_of_quiet_time() -> None:
    t_s = even_times(300, 30.0)
    still, twitching = measured_of(t_s), measured_of(t_s, [3.0, 5.0, 7.0], 2.0)
    assert still.noise_mm == pytest.approx(0.02 * np.sqrt(-2.0 * np.log(0.01)), rel=0.25)  # of round noise
    assert twitching.noise_mm == pytest.approx(still.noise_mm, rel=0.1)
    assert twitching.quiet_s == pytest.approx(10.0 - 0.5 - 3 * 0.7, abs=0.2)


def test_time_without_a_verdict_is_no_quiet_time() -> None:
    measured = measured_of(even_times(300, 30.0))
    for one in measured.seen[:150]:
        one.why = WhyNot.MOTION
    measured.skin.moved_mm[:150] += 3.0
    assert not quiet(measured)[:149].any() and quiet(measured)[151:].all()
    assert noise_of(measured)[0] < 0.1
    for one in measured.seen:
        one.why = WhyNot.MOTION
    noise_mm, quiet_s = noise_of(measured)
    assert noise_mm > 3.0 and quiet_s == 0.0, "with nothing else to go by all of it is noise"


@pytest.mark.parametrize(("noise", "peak", "factor"), [(0.1, None, 8.0), (0.001, None, 30.0), (0.5, None, 2.0),
                                                       (0.02, 0.5, 12.0), (0.1, 0.2, 8.0)])  # fmt: skip
def test_the_default_keeps_noise_and_episode_small(noise: float, peak: float | None, factor: float) -> None:
    assert best_factor(noise, peak) == factor


def test_the_noise_of_quiet_skin_stays_under_the_stated_size() -> None:
    t_s = even_times(600, 30.0)
    for noise in (0.01, 0.03, 0.08):
        measured = measured_of(t_s, noise_mm=noise)
        fresh = fake_magnify.skin_of(t_s, [], 0.0, noise, seed=9).lengths_at(measured.sites_mm).max(axis=1)
        shown = best_factor(measured.noise_mm) * fresh
        assert (shown > NOISE_SHOWN_MM).mean() < 0.03 and shown.max() < 2.0 * NOISE_SHOWN_MM


def test_enlarging_past_the_noise_is_said_on_the_picture() -> None:
    measured = measured_of(even_times(100, 25.0), noise_mm=0.05)
    best = best_factor(measured.noise_mm)
    assert notes(measured, best)[0] == "" and "is noise" in notes(measured, best)[1][0]
    warning, _ = notes(measured, MOST_FACTOR)
    assert warning.startswith(f"x30 is beyond this recording (x{best:g} would do)")
    assert f"less than {30.0 * measured.noise_mm:.1f} mm here is noise" in warning
    hopeless = measured_of(even_times(100, 25.0), noise_mm=0.4)
    assert notes(hopeless, 2.0)[0].startswith("even x2 is beyond")
    measured.px_per_mm, measured.luma, measured.quiet_s = 0.7, 30.0, 0.0
    text = " ".join(notes(measured, 2.0)[1])
    assert "small face (0.7 px/mm)" in text and "little light" in text and "no quiet second" in text


# the page


def test_the_trace_shows_the_side_that_moved() -> None:
    rows = side_lengths(measured_of(even_times(100, 25.0), [2.0], 0.5))
    assert rows["left"].argmax() == 50 and rows["left"].max() == pytest.approx(0.5, rel=0.15)
    assert rows["right"].max() < 0.15 and rows["midline"].max() < 0.15


def test_reasons_are_named_where_they_hold_and_only_there() -> None:
    measured = measured_of(even_times(100, 25.0), [2.0], 0.5)
    measured.seen[10].why = WhyNot.MOTION
    page = Page(measured, Show(0.0, 4.0, 5.0))
    panel = np.full((576, 576, 3), 128, dtype=np.uint8)
    plain, cut = page.draw(1.0, panel, panel, False), page.draw(1.0, panel, panel, True)
    moving, gone = page.draw(10 / 25.0, panel, panel, False), page.draw(1.0, None, None, False)
    assert plain.shape == (HEIGHT, WIDTH, 3)
    warnings = (slice(64, 130), slice(590, WIDTH))
    for other in (cut, moving):
        assert (other[warnings] != plain[warnings]).any() and np.array_equal(other[64:130, :576], plain[64:130, :576])
    assert (gone[34:610] == 128).mean() < 0.01, "no face: no stale picture"


def test_the_region_is_ringed_all_the_time_and_not_only_when_it_twitches() -> None:
    measured = measured_of(even_times(100, 25.0), [2.0], 0.5)
    panel = np.full((576, 576, 3), 128, dtype=np.uint8)
    show = Show(0.0, 4.0, 5.0, span_s=(1.95, 2.1), region="nasalis_alar_left", side="left")
    ringed, bare = Page(measured, show), Page(measured, Show(0.0, 4.0, 5.0))
    early, late = (ringed.draw(t, panel, panel, False)[60:560] for t in (0.2, 2.0))
    assert np.array_equal(early, late) and (early != bare.draw(0.2, panel, panel, False)[60:560]).any()


# the file


def test_a_replay_has_every_picture_and_takes_as_long_as_was_asked(run: Run, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    code, told, said = run("magnify", clip, "-o", out, "--start", 0.5, "--end", 1.5, "--slow", 3, "--json")
    assert code == 0
    replay = json.loads(told)
    assert replay["frames"] == 12 and replay["slow"] == 3.0 and not replay["beyond_noise"]
    assert 2.0 <= replay["factor"] <= 30.0 and replay["noise_shown_mm"] <= NOISE_SHOWN_MM
    assert "enlarged x" in said and "is noise" in said
    count, last_s = rates_of(out)
    assert count == 12 and last_s == pytest.approx(3.0 * 11 / 12.5, abs=0.05)
    assert b"avc1" in out.read_bytes() and [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_height_asked_for_sets_the_factor(run: Run, clip: Path, tmp_path: Path) -> None:
    words = ("magnify", clip, "-o", tmp_path / "o.mp4", "--start", 0.8, "--end", 1.2, "--json")
    assert json.loads(run(*words, "--mm", 4)[1])["factor"] == 8.0  # its twitch is 0.5 mm
    beyond = json.loads(run(*words, "--factor", 30)[1])
    assert beyond["factor"] == 30.0 and beyond["beyond_noise"] and "is beyond this recording" in beyond["remarks"][0]


def test_show_writes_the_episode_it_tells(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.magnify_source.AROUND_S", 0.5)  # from 0.45 to 1.6 s
    name, out = logged(tmp_path, str(clip), sha256_of(clip)), tmp_path / "o.mp4"
    code, told, said = run("show", name, "--clip", out, "--slow", 2)
    assert code == 0 and "nasalis alar" in told and str(out) in said
    count, last_s = rates_of(out)
    assert count == 14 and last_s == pytest.approx(2.0 * 13 / 12.5, abs=0.05)


def test_an_episode_of_a_camera_is_shown_from_the_clip_kept_of_it(run: Run, clip: Path, tmp_path: Path) -> None:
    name, kept = logged(tmp_path, "camera 0", ""), tmp_path / "kept"
    kept.mkdir()
    code, _, said = run("show", name, "--clip", tmp_path / "o.mp4")
    assert code == 2 and "--record-clips" in said and "--clips FOLDER" in said
    code, _, said = run("show", name, "--clip", tmp_path / "o.mp4", "--clips", kept)
    assert code == 3 and name in said and str(kept) in said
    shutil.copy(clip, kept / f"{name}.mp4")
    assert run("show", name, "--clip", tmp_path / "o.mp4", "--clips", kept)[0] == 0
    assert rates_of(tmp_path / "o.mp4")[0] == 25


# what may go wrong


def test_a_clip_that_is_gone_or_another_by_now_is_refused(run: Run, clip: Path, tmp_path: Path) -> None:
    copy, out = Path(shutil.copy(clip, tmp_path / "copy.mp4")), tmp_path / "o.mp4"
    name = logged(tmp_path, str(copy), sha256_of(copy))
    with copy.open("ab") as file:
        file.write(b"\0" * 8)
    code, told, said = run("show", name, "--clip", out)
    assert code == 3 and told == "" and "is another file than the one episode" in said
    copy.unlink()
    code, _, said = run("show", name, "--clip", out)
    assert code == 3 and "is no longer at" in said and not out.exists()


def test_an_unknown_episode_and_options_without_clip_are_refused(run: Run, clip: Path, tmp_path: Path) -> None:
    name = logged(tmp_path, str(clip), sha256_of(clip))
    assert run("show", "ffff", "--clip", tmp_path / "o.mp4")[0] == 2
    code, _, said = run("show", name, "--factor", 5)
    assert code == 2 and "--factor is only for --clip" in said
    assert run("show", name)[0] == 0


@pytest.mark.parametrize(
    "options",
    ["--factor 0", "--factor 1000", "--mm 0", "--factor 5 --mm 2", "--slow 0.5", "--slow 100", "--start 3 --end 2",
     "--start 0 --end 301", "--start 50", "--factor x"],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(run: Run, clip: Path, tmp_path: Path, options: str) -> None:
    code, told, said = run("magnify", clip, "-o", tmp_path / "o.mp4", *options.split())
    assert code == 2 and told == "" and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written_are_found_before_the_work(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(magnify_measure, "measure_part", lambda *args, **kwargs: pytest.fail("work was done"))
    before = clip.read_bytes()
    for out in (tmp_path / "none" / "o.mp4", tmp_path / "o.txt", clip):
        code, _, said = run("magnify", clip, "-o", out)
        assert code == 2 and str(out) in said and said.count("\n") == 1
    assert clip.read_bytes() == before


def test_a_missing_clip_and_a_clip_without_a_face_are_source_errors(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("magnify", tmp_path / "absent.mp4", "-o", tmp_path / "o.mp4")[0] == 3
    monkeypatch.setattr(magnify_measure, "measure_part", fake_magnify.faceless)
    code, _, said = run("magnify", clip, "-o", tmp_path / "o.mp4")
    assert code == 3 and "No face" in said and list(tmp_path.iterdir()) == []


def test_a_clip_too_long_for_one_replay_is_refused_before_it_is_measured(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_S", 1.5)
    monkeypatch.setattr(magnify_measure, "measure_part", lambda *args, **kwargs: pytest.fail("work was done"))
    code, _, said = run("magnify", clip, "-o", tmp_path / "o.mp4")
    assert code == 2 and "name a part with --start and --end" in said and list(tmp_path.iterdir()) == []


def test_stopped_halfway_nothing_half_written_stays(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn = Page.draw, []

    def stopping(*args: object) -> object:
        drawn.append(1)
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return draw(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Page, "draw", stopping)
    out = tmp_path / "o.mp4"
    out.write_text("from before")
    assert run("magnify", clip, "-o", out)[0] == 130
    assert len(drawn) == 5 and out.read_text() == "from before" and [p.name for p in tmp_path.iterdir()] == ["o.mp4"]


def test_a_session_of_a_played_clip_counts_from_its_own_beginning(clip: Path, tmp_path: Path) -> None:
    from detector.magnify_source import scene_of

    logged(tmp_path, str(clip), sha256_of(clip), start_s=2.0, replayed_utc="2026-03-01T08:00:00.000+00:00")
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        row = log.episodes()[0]
        played = log.session(row.run)
    assert scene_of(row, played).offset_s == 2.0 and scene_of(row, played).start_s == pytest.approx(2.0 + 0.95 - 1.5)
    played.settings["loop"] = True
    with pytest.raises(UsageError, match="loop"):
        scene_of(row, played)


def test_a_face_of_the_sample_is_found_held_still_and_its_twitch_enlarged(
    samples_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way on 1.4 s of the sample; its first twitch, on the left, is 1.8 mm from 3.40 to 3.54 s."""
    monkeypatch.setattr(magnify_measure, "LEAD_S", 0.6)
    monkeypatch.setattr(magnify_measure, "TAIL_S", 0.3)
    source = samples_folder / "twitches.mp4"
    replay = work.magnify(source, tmp_path / "o.mp4", work.Wanted(), Talk(-1), start_s=3.2, end_s=3.7)
    assert rates_of(tmp_path / "o.mp4")[0] == replay.frames
    assert 0.5 * 1.8 < replay.peak_mm < 1.3 * 1.8


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(-5.0, None), (float("nan"), None), (float("inf"), None), (None, 0.0), (None, float("nan")), (3.0, 3.0)],
)
def test_a_part_that_cannot_be_is_refused_before_the_work(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_s: float | None, end_s: float | None
) -> None:
    monkeypatch.setattr(magnify_measure, "measure_part", lambda *_, **__: pytest.fail("it was measured"))
    with pytest.raises(UsageError):
        work.magnify(clip, tmp_path / "out.mp4", work.Wanted(), Talk(-1), start_s=start_s, end_s=end_s)
