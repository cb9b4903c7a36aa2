"""What the live command says: JSON lines a program can rely on, plain lines, and a panel on a terminal."""

from __future__ import annotations

import io
import json
import math
import time
from typing import Any

import pytest
from rich.console import Console

from detector.instant import Flash
from detector.live_output import STATUS_S, JsonLines, Panel, PlainLines, Teller, Tellers, episode_words, status_words
from detector.live_source import SourceEvent
from detector.live_state import LiveState, Quality
from detector.record.entries import LoggedEpisode, time_of_day
from detector.record.export import EPISODE_COLUMNS
from detector.regions import SITE_NAMES
from detector.types import Session, Twitch
from tests.test_log import episode, twitch

pytestmark = pytest.mark.usefixtures("in_utc")
START = "2026-03-01T08:00:00+00:00"
LEFT = SITE_NAMES.index("nasalis_alar_left")
EVENT = SourceEvent(3.0, "lost", "The camera is gone: plug it in again.")


class Written:
    """Stands for stdout."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def write(self, text: str) -> None:
        self.text.append(text)

    def lines(self) -> list[dict[str, Any]]:
        assert all(line.endswith("\n") and "\n" not in line[:-1] for line in self.text), "one line, written at once"

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is no JSON")

        return [json.loads(line, parse_constant=refuse) for line in self.text]

    def only(self) -> dict[str, Any]:
        (line,) = self.lines()
        return line


@pytest.fixture
def out() -> Written:
    return Written()


@pytest.fixture
def as_json(out: Written) -> JsonLines:
    return JsonLines(out)  # type: ignore[arg-type]


def row_of(start_time: str = "2026-03-01T08:00:05.000+00:00", **changes: Any) -> LoggedEpisode:
    return LoggedEpisode("aa11-e0001", 1, "aa11", "camera 0", start_time, episode(1, 5.0, **changes))


def told_all(teller: Teller) -> None:
    teller.source(EVENT)
    teller.gap(3.0, 5.5, "unplugged")
    teller.flash(Flash(6.0, LEFT, 12.5), 0.11)
    teller.twitch(twitch(6.0), 0.4)
    teller.episode(row_of(), 5.0, 1.5)
    teller.marker(7.0, undone=False)
    teller.marker(7.0, undone=True)
    teller.notice(8.0, "snapshot saved")
    teller.session(Session("bb22", "camera 0", "", START), 9.0)
    teller.end(LiveState(now_s=10.0))


# JSON


def test_every_event_is_a_line_of_its_own(as_json: JsonLines, out: Written) -> None:
    told_all(as_json)
    as_json.status(LiveState(now_s=1.0))
    as_json.close()
    names = [line.pop("event") for line in out.lines()]
    assert names == [
        "source",
        "gap",
        "flash",
        "twitch",
        "episode",
        "marker",
        "marker",
        "notice",
        "session",
        "end",
        "status",
    ]


def test_small_events_have_their_fields(as_json: JsonLines, out: Written) -> None:
    told_all(as_json)
    source, gap, flash, _, _, mark, undone, notice, session, end = out.lines()
    assert source == {"event": "source", "t_s": 3.0, "what": "lost", "words": EVENT.words}
    assert gap == {"event": "gap", "start_s": 3.0, "end_s": 5.5, "reason": "unplugged"}
    assert flash == {
        "event": "flash", "t_s": 6.0, "region": "nasalis_alar_left", "score": 12.5, "told_after_s": 0.11
    }  # fmt: skip
    assert mark == {"event": "marker", "t_s": 7.0, "undone": False}
    assert undone["undone"] is True
    assert notice == {"event": "notice", "t_s": 8.0, "words": "snapshot saved"}
    assert session == {
        "event": "session", "start_s": 9.0, "session_id": "bb22", "source": "camera 0", "start_utc": START
    }  # fmt: skip
    assert (end["event"], end["t_s"], end["frames_lost"]) == ("end", 10.0, 0)


def test_a_twitch_has_all_of_a_twitch_but_that_it_is_kept(as_json: JsonLines, out: Written) -> None:
    as_json.twitch(twitch(6.00004, side="midline"), 0.4)
    line = out.only()
    assert set(line) == {"event", "told_after_s", *Twitch.__dataclass_fields__} - {"kept", "reason"}
    assert (line["onset_s"], line["side"], line["told_after_s"]) == (6.0, "midline", 0.4)


def test_an_episode_is_the_one_of_the_export(as_json: JsonLines, out: Written) -> None:
    as_json.episode(row_of(), 5.0, 1.5)
    line = out.only()
    assert {column.name for column in EPISODE_COLUMNS} <= set(line)
    assert (line["episode_id"], line["twitch_count"], line["told_after_s"]) == ("aa11-e0001", 2, 1.5)
    assert line["t_s"] == 5.0, "in the time of the watch"
    assert line["regions"] == ["nasalis_alar_left", "procerus"]


def test_what_is_not_known_is_null(as_json: JsonLines, out: Written) -> None:
    as_json.twitch(twitch(6.0, direction_deg=math.nan), math.inf)
    as_json.episode(row_of(rate_hz=None, snr=math.nan, rhythm_cv=math.nan, twitches=()), 5.0, math.nan)
    as_json.status(LiveState())
    jerk, whole, status = out.lines()
    assert (jerk["direction_deg"], jerk["told_after_s"]) == (None, None)
    assert (whole["snr"], whole["rhythm_cv"], whole["rate_hz"], whole["told_after_s"]) == (None,) * 4
    assert (status["fps"], status["px_per_mm"]) == (None, None)


def test_odd_text_stays_on_its_line(as_json: JsonLines, out: Written) -> None:
    as_json.source(SourceEvent(0.0, "opened", 'Kamera "é\n\x1b[2J" \u2028'))
    assert out.only()["words"] == 'Kamera "é\n\x1b[2J" \u2028'


def test_the_status_comes_at_once_and_then_every_minute(as_json: JsonLines, out: Written) -> None:
    for second in range(200):
        quality = Quality(fps=29.97, frames=30 * second, frames_lost=2, observed_s=second / 2, px_per_mm=2.0)
        counts = {"left": 2, "right": 1}
        as_json.status(LiveState(now_s=second + 0.5, quality=quality, counts=counts, episodes=2, why="no face"))
    lines = out.lines()
    assert [line["t_s"] for line in lines] == [0.5, 60.5, 120.5, 180.5]
    assert lines[1] == {
        "event": "status", "t_s": 60.5, "observed_s": 30.0, "fps": 29.97, "frames": 1800, "frames_lost": 2,
        "px_per_mm": 2.0, "episodes": 2, "twitches": 3, "not_observed_now": "no face",
    }  # fmt: skip


# plain lines


def plain_lines(start: str = START, *, verbose: bool = False) -> tuple[PlainLines, list[str]]:
    said: list[str] = []
    return PlainLines(said.append, lambda t_s: time_of_day(start, t_s), verbose=verbose), said


def test_plain_lines_have_the_time_of_day() -> None:
    teller, said = plain_lines()
    told_all(teller)
    assert said == [
        "08:00:03  The camera is gone: plug it in again.",
        "08:00:05  nothing was measured for 2.5 s: unplugged",
        f"08:00:05  {episode_words(row_of())}",
        "08:00:07  felt one",
        "08:00:07  felt one: taken back",
        "08:00:08  snapshot saved",
        "08:00:09  a new session begins: bb22",
    ]


def test_the_time_of_day_is_that_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-3")  # three hours east
    time.tzset()
    teller, said = plain_lines()
    teller.marker(7.0, undone=False)
    teller.episode(row_of(), 5.0, 1.0)
    assert [line[:8] for line in said] == ["11:00:07", "11:00:05"]


def test_a_clip_without_a_date_has_its_own_time() -> None:
    teller, said = plain_lines("")
    teller.marker(67.0, undone=False)
    teller.episode(row_of(""), 5.0, 1.0)
    assert [line.split("  ")[0] for line in said] == ["1:07", "0:05"]


def test_twitches_are_said_when_asked_for() -> None:
    teller, said = plain_lines(verbose=True)
    teller.twitch(twitch(6.0), 0.4)
    assert said == ["08:00:06  left nostril wing, about 0.8 mm"]


def test_words_on_an_episode() -> None:
    assert episode_words(row_of()) == (
        "left nostril wing: 2 twitches at 4.0/s, about 0.8 mm, fasciculation-like (aa11-e0001)"
    )
    assert ": 1 twitch, about" in episode_words(row_of(twitch_count=1, rate_hz=None))


def test_the_plain_status_comes_every_minute_only() -> None:
    teller, said = plain_lines()
    for step in range(2000):
        teller.status(LiveState(now_s=step * 0.1, quality=Quality(fps=30.0, observed_s=step * 0.05)))
    assert [line[:8] for line in said] == ["08:01:00", "08:02:00", "08:03:00"]
    assert "observed 0:30 of 1:00, 0 episodes, 30 pictures a second, 0 lost" in said[0]
    assert STATUS_S == 60.0


def test_lost_pictures_are_told_once() -> None:
    teller, said = plain_lines()
    for lost in (0, 10, 40, 400):
        teller.status(LiveState(now_s=1.0 + lost / 100, quality=Quality(fps=30.0, frames=900, frames_lost=lost)))
    assert [line.split("  ")[1] for line in said] == [
        "40 pictures lost (4 %): this computer is too busy, and short twitches are missed"
    ]


def test_the_status_says_why_nothing_can_be_said() -> None:
    assert status_words(LiveState(now_s=61.0, why="no face in view")).endswith(
        "0 lost; now no verdict: no face in view"
    )
    assert "nan" not in status_words(LiveState())


# the panel


class Terminal:
    """In the place of ``Talk`` on a terminal."""

    level = 0

    def __init__(self) -> None:
        self.file = io.StringIO()

    def console(self) -> Console:
        own: dict[str, Any] = {"_environ": {"TERM": "xterm"}}  # whatever the terminal of the tests is
        return Console(file=self.file, force_terminal=True, width=100, highlight=False, color_system=None, **own)


def panel_after(*states: LiveState) -> str:
    terminal = Terminal()
    panel = Panel(terminal, lambda t_s: time_of_day(START, t_s))  # type: ignore[arg-type]
    try:
        told_all(panel)
        for state in states:
            panel.status(state)
        panel._live.refresh()
    finally:
        panel.close()
    return terminal.file.getvalue()


def test_the_panel_shows_how_it_goes_below_what_happened() -> None:
    quality = Quality(px_per_mm=0.4, luma=120.0, sharpness=50.0, head_mm_s=2.0, fps=30.0, frames=900, observed_s=61.0)
    text = panel_after(
        LiveState(now_s=90.0, source="camera 0", counts={"left": 3}, episodes=2, last_episode="left", quality=quality)
    )
    for words in (
        "08:00:03  The camera is gone", "nothing was measured for 2.5 s", episode_words(row_of()), "felt one",
        "nasalis camera 0", "watching", "2 episodes; twitches: 3 left, 0 midline, 0 right", "too small: come closer",
        "1:01 of 1:30",
    ):  # fmt: skip
        assert words in text
    assert text.index("felt one") < text.index("nasalis camera 0")
    assert "1 right, 2 both" in panel_after(LiveState(now_s=90.0, counts={"right": 1, "both": 2}))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (LiveState(), "watching"),
        (LiveState(why="no face in view"), "no verdict: no face in view"),
        (LiveState(why="no face in view", paused=True), "paused"),
    ],
)
def test_the_panel_can_be_drawn_in_any_state(state: LiveState, words: str) -> None:
    assert words in panel_after(state)


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    terminal = Terminal()
    panel = Panel(terminal, lambda t_s: "")  # type: ignore[arg-type]
    try:
        panel.source(SourceEvent(0.0, "opened", "evil\x1b]0;title\x07 [bold]clip"))
        panel.status(LiveState(source="evil\x1b[2Jclip"))
        panel._live.refresh()
    finally:
        panel.close()
    text = terminal.file.getvalue()
    assert "\x1b]0;" not in text and "\x1b[2J" not in text
    assert "[bold]clip" in text and "\\x1b[2Jclip" in text


# several


def test_several_are_told_alike_and_closed_whatever_ends_it() -> None:
    told: list[str] = []

    class One(PlainLines):
        def close(self) -> None:
            told.append("closed")

    several = (One(told.append, lambda t_s: "", verbose=False), One(told.append, lambda t_s: "", verbose=False))
    with pytest.raises(ZeroDivisionError), Tellers(several) as tellers:
        tellers.each(lambda teller: teller.marker(1.0, undone=False))
        raise ZeroDivisionError
    assert told == ["0:01  felt one"] * 2 + ["closed"] * 2
