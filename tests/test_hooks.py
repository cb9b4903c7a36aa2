"""Commands and notices at each episode: they get what they were promised, and cannot hold up or end a session."""

from __future__ import annotations

import json
import math
import os
import shlex
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.hooks import WAITING, CommandHook, DesktopNotice, notice_text
from detector.live_words import PLACES, place_of
from detector.record.entries import LoggedEpisode, logged_episodes
from detector.record.export import write_episodes_json
from detector.regions import SITES
from tests.test_log import episode, session

ROOT = Path(__file__).resolve().parent.parent


def row(number: int = 1, **changes: object) -> LoggedEpisode:
    (one,) = logged_episodes(session("cam1"), [episode(number, float(number), **changes)])
    return one


def script(path: Path, body: str) -> Path:
    path.write_text("#!/bin/sh\n" + body + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@pytest.fixture
def said() -> list[str]:
    return []


# --on-episode


def test_the_command_gets_each_episode_as_in_the_export(tmp_path: Path, said: list[str]) -> None:
    got, exported = tmp_path / "got it.jsonl", tmp_path / "export.json"
    program = script(tmp_path / "keep it", 'cat >> "$1"')
    rows = [row(1), row(2, rate_hz=None, snr=math.nan)]
    with CommandHook(f"'{program}' {shlex.quote(str(got))}", said.append) as hook:
        for one in rows:
            hook.episode(one)
    write_episodes_json(exported, rows, [])
    lines = got.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(exported.read_text(encoding="utf-8"))["episodes"]
    assert json.loads(lines[0])["source"] == "clips/Ünï ok.mp4"
    assert said == []


def test_there_is_no_shell(tmp_path: Path, said: list[str]) -> None:
    got = tmp_path / "got"
    program = script(tmp_path / "tell", f'printf "%s|" "$@" > {got}')
    with CommandHook(f"{program} 'a b' $HOME ; echo", said.append) as hook:
        hook.episode(row())
    assert got.read_text() == "a b|$HOME|;|echo|"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("no-such-program-here x", "there is no program 'no-such-program-here'"),
        ("echo 'open", "close the quote"),
        ("  ", "is empty"),
    ],
)
def test_a_command_that_cannot_run_is_told_at_the_start(command: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        CommandHook(command)


def test_a_failing_command_is_told_once_for_each_kind(tmp_path: Path, said: list[str]) -> None:
    # fails with 3, 3, 4, 3, ...
    count = tmp_path / "count"
    body = f'echo x >> {count}; echo "no \033[31mway" >&2; [ $(wc -l < {count}) -eq 3 ] && exit 4; exit 3'
    with CommandHook(str(script(tmp_path / "fail", body)), said.append) as hook:
        for number in range(1, 6):
            hook.episode(row(number))
    assert count.read_text().count("x") == 5, "it is run for each all the same"
    assert len(said) == 2
    assert "exit 3" in said[0] and "exit 4" in said[1] and "the session goes on" in said[0]
    assert "no \\x1b[31mway" in said[0], "what it said, and the terminal is safe from it"


def test_a_slow_command_holds_nothing_up_and_is_killed_with_its_children(tmp_path: Path, said: list[str]) -> None:
    child = tmp_path / "child"
    program = script(tmp_path / "slow", f"sleep 60 & echo $! > {child}; wait")
    hook = CommandHook(str(program), said.append, timeout_s=2.0)
    begun = time.monotonic()
    hook.episode(row(1))
    hook.episode(row(2))
    assert time.monotonic() - begun < 3.0, "it waits for them"
    assert until(lambda: bool(said)) and "longer than 2 s and was stopped" in said[0]
    first = int(child.read_text())
    assert until(lambda: gone(first)), "the child of the first one went with it"
    hook.close()
    assert len(said) == 1, "told once"


def gone(pid: int) -> bool:
    """Ended: no more there, or only waiting for whoever inherited it to ask."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_command_that_reads_nothing_and_one_that_says_a_lot(tmp_path: Path, said: list[str]) -> None:
    done = tmp_path / "done"
    program = script(tmp_path / "loud", f"exec <&-; yes | head -c 5000000; yes | head -c 5000000 >&2; echo x >> {done}")
    with CommandHook(str(program), said.append) as hook:
        hook.episode(row(1, evidence="long " * 100_000))
    assert done.read_text() == "x\n" and said == []


def test_too_many_episodes_are_left_out_and_that_is_told_once(tmp_path: Path, said: list[str]) -> None:
    program = script(tmp_path / "slow", "sleep 60")
    hook = CommandHook(str(program), said.append)
    begun = time.monotonic()
    for number in range(1, WAITING + 20):
        hook.episode(row(number))
    assert time.monotonic() - begun < 20.0
    assert [text for text in said if "left out" in text] == said and len(said) == 1
    hook.close(0.1)
    assert time.monotonic() - begun < 40.0
    assert "was stopped" in said[1]
    hook.episode(row(99))  # after the end: nothing, and no error
    hook.close()
    assert len(said) == 2


def test_a_command_that_vanishes_does_not_end_the_session(tmp_path: Path, said: list[str]) -> None:
    program = script(tmp_path / "gone", "true")
    hook = CommandHook(str(program), said.append)
    program.unlink()
    hook.episode(row(1))
    hook.episode(row(2))
    hook.close()
    assert len(said) == 1 and "cannot be started" in said[0]


# --notify


@pytest.fixture
def notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose notify-send writes its last word to a file."""
    shown = tmp_path / "shown"
    shown.touch()
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "notify-send", f'for last; do :; done; echo "$last" >> {shown}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return shown


def test_the_first_is_shown_at_once_and_the_next_ones_together(notices: Path, said: list[str]) -> None:
    notice = DesktopNotice(said.append, every_s=1.0)
    notice.episode(row(1, twitch_count=3))
    assert until(lambda: notices.read_text() != "")
    for number, peak_mm in ((2, 0.5), (3, 1.26), (4, 0.7)):
        notice.episode(row(number, peak_mm=peak_mm))
    time.sleep(0.3)
    assert notices.read_text() == "Twitch, left nostril wing, 0.8 mm, 3 twitches\n", "not before its time"
    assert until(lambda: notices.read_text().count("\n") == 2)
    assert notices.read_text().splitlines()[1] == "3 episodes, left nostril wing, up to 1.3 mm, 6 twitches"
    notice.close()
    assert said == [] and notices.read_text().count("\n") == 2


def test_the_last_ones_are_shown_when_the_session_ends(notices: Path) -> None:
    begun = time.monotonic()
    with DesktopNotice(every_s=60.0) as notice:
        notice.episode(row(1))
        assert until(lambda: notices.read_text() != "")
        notice.episode(row(2))
        notice.episode(row(3))
    assert time.monotonic() - begun < 8.0
    assert [line.split(",")[0] for line in notices.read_text().splitlines()] == ["Twitch", "2 episodes"]


def test_no_program_for_notices_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"--notify needs notify-send .*install it"):
        DesktopNotice()


def test_osascript_gets_the_text_as_an_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got = tmp_path / "got"
    script(tmp_path / "osascript", f'printf "%s\\n" "$@" > {got}')
    monkeypatch.setenv("PATH", str(tmp_path))
    with DesktopNotice() as notice:
        notice.episode(row(1))
    *words, last = got.read_text().splitlines()
    assert last == "Twitch, left nostril wing, 0.8 mm, 2 twitches"
    assert words == ["-e", "on run argv", "-e", words[3], "-e", "end run"] and "item 1 of argv" in words[3]


def test_words_for_every_place() -> None:
    assert {site.muscle for site in SITES} == set(PLACES)
    assert place_of("nasalis_alar_right", "right") == "right nostril wing"
    assert place_of("procerus", "midline") == "root of the nose"
    assert place_of("zygomaticus_left", "both") == "cheek, both sides"
    assert notice_text([row(1, twitch_count=1, twitches=(), peak_mm=math.nan)]) == "Twitch, left nostril wing"
    mixed = [row(1), row(2, region="procerus", side="midline", peak_mm=2.0)]
    assert notice_text(mixed) == "2 episodes, left nostril wing and 1 more, up to 2.0 mm, 4 twitches"


def test_importing_it_loads_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys, detector.hooks, detector.agreement\n"
        "print([n for n in ('cv2', 'av', 'scipy', 'mediapipe', 'numba', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
