"""``nasalis log --rates``: tables, JSON, filters, and what it refuses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pytest

import cli
from detector.record.log import EpisodeLog
from tests.histories import FIRST, episode, run

Ran = tuple[int, str, str]


@pytest.fixture
def nasalis(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Ran]]:
    """The program, over a log of three days: two hours with three episodes, a day not watched, an hour with none."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    path = tmp_path / "log.sqlite"
    monkeypatch.setenv("NASALIS_LOG", str(path))
    with EpisodeLog(path) as log:
        for number, (day, hours, sides) in enumerate([(0, 2, ("left", "left", "right")), (2, 1, ())], 1):
            start = datetime.combine(FIRST + timedelta(days=day), clock(10), UTC)
            session = run(number, start, 3600.0 * hours).session
            key = log.begin(session)
            for k, side in enumerate(sides):
                log.add_episode(key, episode(k + 1, 1800.0 * (k + 1), side, count=k + 1))
            log.finish(key, session)

    def _run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["nasalis", "log", *words])
        capfd.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
        return (code, *capfd.readouterr())

    yield _run
    monkeypatch.undo()
    time.tzset()


def test_table_shows_days_that_were_not_watched_as_such(nasalis: Callable[..., Ran]) -> None:
    code, out, err = nasalis("--rates", "day")
    assert code == 0
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith("2026-")}
    assert lines["2026-03-02"][1:4] == ["3", "2.0", "1.5"]
    assert lines["2026-03-03"][1:] == ["-", "-", "-", "-"]
    assert lines["2026-03-04"][1:4] == ["0", "1.0", "0.00"]
    assert "In all 3 episodes in 3.0 observed hours on 2 days: 1.0 an hour" in out
    assert "not observed, so not known" in out
    assert "Log:" in err


def test_json_knows_no_zero_for_what_was_not_watched(nasalis: Callable[..., Ran]) -> None:
    told = json.loads(nasalis("--rates", "day", "--json")[1])
    assert (told["by"], told["what"], told["overall"]["count"]) == ("day", "episodes", 3)
    assert [(rate["hours"], rate["per_hour"]) for rate in told["rates"]] == [(2.0, 1.5), (0.0, None), (1.0, 0.0)]


def test_twitches_sides_and_filters(nasalis: Callable[..., Ran]) -> None:
    told = json.loads(nasalis("--rates", "side", "--of", "twitches", "--json")[1])
    assert {rate["label"]: rate["count"] for rate in told["rates"]} == {"left": 3, "right": 3, "both": 0, "midline": 0}
    right = json.loads(nasalis("--rates", "week", "--side", "right", "--json")[1])["overall"]
    assert (right["count"], right["hours"]) == (1, 3.0)  # the hours are those in which it could have been found
    later = json.loads(nasalis("--rates", "day", "--since", "2026-03-03", "--json")[1])["overall"]
    assert (later["count"], later["hours"]) == (0, 1.0)


def test_parts_without_a_day_of_their_own_have_no_rate(nasalis: Callable[..., Ran]) -> None:
    code, out, _ = nasalis("--rates", "hour", "--until", "2026-03-01")
    assert (code, out.strip()) == (0, "Nothing was observed at a known time of day, so there is no rate.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rates", "day", "--episodes"), "different lists"),
        (("--of", "twitches"), "--of goes with --rates"),
        (("--rates", "day", "--since", "2026-03-01T12:00"), "whole days"),
        (("--rates", "day", "--all"), "leave out --all"),
        (("--rates", "day", "--kind", "blink"), "ordinary movement"),
    ],
)
def test_what_makes_no_sense_is_refused(nasalis: Callable[..., Ran], words: tuple[str, ...], said: str) -> None:
    code, out, err = nasalis(*words)
    assert (code, out) == (2, "")
    assert said in err


def test_time_in_two_sessions_is_told(nasalis: Callable[..., Ran], tmp_path: Path) -> None:
    assert "more than one session" not in nasalis("--rates", "day")[1]
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        session = run(9, datetime.combine(FIRST, clock(11, 30), UTC), source="camera 1").session
        log.finish(log.begin(session), session)
    assert "Up to 30.0 minutes were in more than one session" in nasalis("--rates", "day")[1]


def test_seconds_are_not_no_time(nasalis: Callable[..., Ran], tmp_path: Path) -> None:
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        session = run(9, datetime.combine(FIRST + timedelta(days=3), clock(10), UTC), 5.0).session
        log.finish(log.begin(session), session)
    line = next(line for line in nasalis("--rates", "day")[1].splitlines() if line.startswith("2026-03-05"))
    assert line.split()[1:3] == ["0", "0.001"]
