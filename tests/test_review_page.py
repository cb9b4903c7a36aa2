"""The review page in a real browser: what a person does there is in the log, and what the log holds does no harm."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cli
from detector.record.log import EpisodeLog
from tests.browser import Browser, browsing, chromium
from tests.histories import episode
from tests.review_logs import sample_session, serving, write_log, write_signals

EVIL = '<img src=x onerror="window.harm=1"><script>window.harm=1</script>\u202e\x1b[31m' + "long " * 700
LABEL = "document.getElementById('timeline').ariaLabel"
CHOSEN = "document.querySelector('[aria-selected=true]')?.dataset.id.split('-').pop()"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine")
    with browsing(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_log(tmp_path / "log.sqlite")
    return tmp_path / "log.sqlite"


@dataclasses.dataclass(frozen=True)
class Home:
    """A page for the tests that do not judge anything."""

    url: str
    log: Path
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    write_log(folder / "log.sqlite")
    score = np.full((1080, 14), 1.0)
    score[300, 5] = 7.0  # a near miss on the left at 10 s
    write_signals(folder / "a.h5", sample_session(), score)
    with serving(folder / "log.sqlite", "-q", "--signals", folder) as (url, process):
        yield Home(url, folder / "log.sqlite", process)


def chosen(browser: Browser, number: str) -> None:
    """Wait until that episode is the chosen one, and all about it is shown."""
    browser.until(
        f"{CHOSEN} === '{number}' && document.getElementById('episode-words').textContent.includes('{number}')"
    )


def listed(browser: Browser) -> list[str]:
    rows = browser.run("[...document.querySelectorAll('.row')].map(row => [row.dataset.place, row.dataset.id])")
    return [name.split("-")[1] for _, name in sorted(rows, key=lambda row: int(row[0]))]


def set_to(browser: Browser, field: str, value: str) -> None:
    browser.run(
        f"{{ const f = document.getElementById('f-{field}'); f.value = '{value}';"
        " f.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def progress(browser: Browser, words: str) -> None:
    browser.until(f"document.getElementById('progress').textContent.startsWith('{words}')")


def reviews(log: Path) -> list[tuple[str, str, str]]:
    with EpisodeLog(log) as book:
        return [(row.review, row.review_kind, row.note) for row in book.episodes()]


def test_what_is_judged_by_keyboard_outlives_the_program(browser: Browser, log: Path) -> None:
    browser.size(1280, 900)
    with serving(log) as (url, process):
        browser.open(url)
        address = browser.run("location.href")
        assert address.startswith(url.split("start?")[0]) and "token" not in address
        assert listed(browser) == ["e0001", "e0002", "e0003", "e0004"]
        chosen(browser, "e0001")
        browser.press("c")  # and on to the next
        chosen(browser, "e0002")
        browser.press("j", "k", "r", "u", "3")  # however fast: each in its turn
        progress(browser, "4 of 4 reviewed")
        browser.press("z")
        progress(browser, "3 of 4 reviewed")
        browser.press("k", "k")
        chosen(browser, "e0002")
        browser.press("n")
        browser.type("twice, left")
        browser.press("Escape")
        browser.until("document.getElementById('history').textContent.includes('twice, left')")
        assert not browser.problems
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert reviews(log) == [
        ("confirmed", "", ""), ("rejected", "", "twice, left"), ("unsure", "", ""), ("", "", ""),
    ]  # fmt: skip
    with EpisodeLog(log) as book:
        assert [(said.review, said.kind) for said in book.reviews(1, 4)] == [("confirmed", "tic_like"), ("", "")]
    with serving(log) as (url, process):
        browser.open(url)
        chosen(browser, "e0001")
        assert browser.run("document.querySelector('[data-review=confirmed]').ariaPressed") == "true"
        browser.press("j")
        chosen(browser, "e0002")
        assert browser.run("document.getElementById('note').value") == "twice, left"
        browser.run("document.getElementById('quit-button').click()")
        assert process.wait(10) == 0
        assert process.stderr is not None and "Closed." in process.stderr.read()


def test_only_this_computer_can_connect_and_nothing_heavy_is_loaded(home: Home) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/start\?token=[\w-]{43}", home.url)
    if not Path("/proc/net/tcp").exists():
        pytest.skip("no /proc on this system")
    listening = Path(f"/proc/{home.process.pid}/net/tcp").read_text()
    port = int(home.url.split(":")[2].split("/")[0])
    assert f" 0100007F:{port:04X} " in listening and f" 00000000:{port:04X} " not in listening
    loaded = Path(f"/proc/{home.process.pid}/maps").read_text()
    assert not re.search(r"/(cv2|mediapipe|llvmlite|numba|av)/", loaded)


def test_filters_and_keys_lead_to_what_is_wanted(browser: Browser, home: Home) -> None:
    browser.size(1280, 900)
    browser.open(home.url)
    every = ["e0001", "e0002", "e0003", "e0004"]
    for field, value, expected in (
        ("kind", "tic_like", ["e0002"]), ("kind", "blink", ["o0001"]), ("side", "midline", ["e0004"]),
        ("sure", "70", ["e0001", "e0004"]), ("most", "50", ["e0002"]), ("from", "2026-03-04", []),
        ("to", "2026-03-04", every), ("order", "unsure", ["e0002", "e0003", "e0001", "e0004"]),
        ("review", "unsure", []), ("review", "none", every), ("text", "DEPRESSOR", []),
        ("text", "alar_right", ["e0002"]),
    ):  # fmt: skip
        browser.run("document.getElementById('f-clear').click()")
        before = browser.run(CHOSEN)
        set_to(browser, field, value)
        # the chosen one stays listed until it is left
        assert [name for name in listed(browser) if name in expected or name != before] == expected, (field, value)
    browser.press("/")
    browser.type("nothing like this")
    browser.press("Enter", "?")
    assert browser.run("document.getElementById('help').open")
    browser.press("c", "Escape")
    assert not browser.run("document.getElementById('help').open")
    browser.run("document.getElementById('f-clear').click()")
    assert reviews(home.log) == [("", "", "")] * 4
    assert not browser.problems


def test_a_clip_plays_round_its_episode(browser: Browser, home: Home) -> None:
    browser.size(1280, 900)
    browser.open(home.url)
    chosen(browser, "e0001")
    browser.press("j")
    chosen(browser, "e0002")
    video = "document.getElementById('video')"
    browser.until(f"{video}.readyState >= 2 && Math.abs({video}.currentTime - 5.6) < 0.05")
    assert browser.run(f"{video}.duration") == pytest.approx(36.0, abs=0.1)
    browser.press("s", " ")
    browser.until(f"{video}.currentTime > 5.8")
    assert browser.run(f"{video}.playbackRate") == 0.5
    browser.press(" ")
    browser.until(f"{video}.paused")
    browser.run(f"{video}.currentTime = 7.0")
    browser.until("Number(document.getElementById('position').value) === 7")
    browser.press(".", ".", ",")
    browser.until(f"Math.abs({video}.currentTime - 7.033) < 0.005")
    browser.press("j")
    chosen(browser, "e0003")
    browser.until(f"Math.abs({video}.currentTime - 13.2) < 0.05")
    assert browser.run(f"{video}.error") is None
    assert not browser.problems


def test_the_timeline_shows_scores_and_leads_to_episodes(browser: Browser, home: Home) -> None:
    browser.size(1280, 900)
    browser.open(home.url)
    browser.until(f"{LABEL}.includes('1 near misses')")
    assert "from 0:00.0 to 0:36.0, 4 episodes, 1 felt markers, 1 times without pictures" in browser.run(LABEL)
    x, y, width, height = browser.run(
        "(b => [b.x, b.y, b.width, b.height])(document.getElementById('timeline').getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.mouse(kind, x + width * 26.8 / 36.0, y + 0.8 * height, button="left", clickCount=1)
    chosen(browser, "e0004")
    browser.press("e")
    browser.until(f"!{LABEL}.includes('from 0:00.0')")
    browser.press("0")
    browser.until(f"{LABEL}.includes('from 0:00.0 to 0:36.0')")
    browser.mouse("mouseWheel", x + width * 10.0 / 36.0, y + height / 2, deltaX=0, deltaY=-600)
    browser.until(f"!{LABEL}.includes('from 0:00.0')")
    begin, end = re.findall(r"0:(\d+\.\d)", browser.run(LABEL))
    assert float(begin) < 10.0 < float(end) < 25.0, "zoomed in round the pointer"
    addresses = {request for request in browser.requests if not request.startswith("data:")}
    assert {address.split("/")[2] for address in addresses} == {home.url.split("/")[2]}, "nothing from elsewhere"
    assert not browser.problems


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)])
def test_it_fits_the_window_and_everything_has_a_name(browser: Browser, home: Home, phone: bool, dark: bool) -> None:
    browser.size(*((390, 844) if phone else (1280, 900)), dark=dark, phone=phone)
    browser.open(home.url)
    chosen(browser, "e0001")
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
    color = browser.run("getComputedStyle(document.body).backgroundColor")
    assert color == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    browser.run("document.getElementById('filters').open = true")
    of_use = ("slider", "button", "textbox", "combobox", "checkbox", "listbox", "option", "searchbox", "image", "img")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    nodes = [node for node in tree if node.get("role", {}).get("value") in of_use and not node.get("ignored")]
    assert len(nodes) > 30
    assert [node for node in nodes if not node.get("name", {}).get("value")] == []


def test_what_a_log_holds_is_text_and_never_runs(browser: Browser, home: Home) -> None:
    with EpisodeLog(home.log) as book:
        run = book.begin(sample_session(session_id="evil", source=EVIL, sha256="", notes=[EVIL], start_utc=""))
        book.add_episode(run, dataclasses.replace(episode(1, 1.0), evidence=EVIL, co_movement=EVIL, region=EVIL))
        book.add_gap(run, 2.0, 3.0, EVIL)
        book.add_marker(run, 1.0, EVIL)
        book.review_episode(run, 1, reviewer=EVIL, review="unsure", note=EVIL[:3000])
    browser.size(390, 844, phone=True)
    browser.open(home.url)  # what has no time comes first
    browser.run(f"location.hash = '#{run}.1'")
    browser.call("Page.reload")
    browser.until("document.getElementById('facts').textContent.includes('onerror')")
    browser.run("new Promise(done => setTimeout(done, 200))")
    assert browser.run("window.harm") is None
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0
    assert browser.run("document.getElementById('note').value").startswith("<img src=x onerror=")
    assert "\u202e" not in browser.run("document.querySelector('main').innerText")
    assert browser.run("document.documentElement.scrollWidth") <= 390, "nothing runs out of the page"
    assert not browser.problems
    # and if something of it became a part of the page, it would not run
    for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.body.setAttribute('onclick', 'window.harm = 1')"):
        with pytest.raises(AssertionError, match="Trusted"):
            browser.run(attempt)
    browser.problems.clear()


# the command


def test_the_command_says_what_is_wrong_in_one_sentence(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nasalis", "review", "--no-browser", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return (int(end.value.code or 0), *capfd.readouterr())

    none = tmp_path / "none"
    code, out, err = run("--log", none)
    assert (code, out) == (2, "") and "there is no episode log" in err
    code, _, err = run("--log", log, "--signals", none)
    assert code == 3 and f"{none} does not exist" in err
    code, _, err = run("--log", log, "--clips", none)
    assert code == 2 and "is no folder" in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("--log", log, "--port", port)
        assert code == 2 and f"Port {port} is taken" in err and err.count("\n") == 1
    find = importlib.util.find_spec
    missing = ("fastapi", "uvicorn")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in missing else find(name, *more))
    assert run("--log", log) == (
        2,
        "",
        "nasalis: The review page needs fastapi, uvicorn, which are not installed: pip install 'nasalis[review]'.\n",
    )


def test_trouble_takes_its_room_from_the_page(browser: Browser, home: Home) -> None:
    browser.size(1280, 900)
    browser.open(home.url)
    browser.run("document.getElementById('trouble').hidden = false")
    browser.run("document.getElementById('trouble').textContent = 'something is wrong'")
    assert browser.run("document.documentElement.scrollHeight <= innerHeight")
