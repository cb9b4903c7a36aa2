"""A log that means harm, through everything that comes out of it: nothing is run, moved or written elsewhere."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import cli
from detector.record import harmless
from tests.browser import browsing, chromium
from tests.hostile import EVIL, FREE, MOVING, REFUSED, WORDS, write_hostile_log

SCREEN = (
    "log", "log --episodes --all", "log --markers", "log --rates day", "log --rates region", "log --session abc123",
    "show e0001", "report", "journal list", "journal experiment list", "forget --all --dry-run -v", "doctor",
)  # fmt: skip
DOCUMENTS = (
    "log --json", "log --episodes --all --json", "log --markers --json", "log --rates region --json",
    "show e0001 --json", "report --json", "journal list --json", "journal export --json", "export --json",
    "forget --all --dry-run --json",
)  # fmt: skip
FILES = (
    "export --csv OUT/e.csv --twitches OUT/t.csv --all", "export --json -o OUT/all.json", "journal export -o OUT/j.csv",
    "export --format bids -o OUT/", "export --format elan -o OUT/", "export --format edf -o OUT/",
    "export --format webvtt -o OUT/", "export --format boris -o OUT/b.boris",
    "export --format parquet -o OUT/p.parquet", "report -o OUT/r.html",
)  # fmt: skip
STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[[str], Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, in a folder of its own; ``OUT`` in a command is a folder to write to."""
    out = tmp_path / "inside" / "out"
    out.mkdir(parents=True)
    monkeypatch.chdir(out.parent)
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "log.sqlite"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def _run(line: str) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["nasalis", *line.replace("OUT", str(out)).split()])
        return Ran(_call(), *capfd.readouterr())

    return _run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.sqlite"
    write_hostile_log(path, FREE)
    return path


def moving(text: str) -> set[str]:
    return MOVING & set(text)


@pytest.mark.parametrize("line", [*SCREEN, "export", "export --all --twitches -", "journal export -o -"])
def test_nothing_on_the_screen_moves_the_cursor(run: Run, log: Path, line: str) -> None:
    ran = run(line)
    assert ran.code == 0, ran.err
    assert moving(ran.out) == set() and moving(ran.err) == set()
    if "rates" not in line:
        assert "HYPERLINK" in ran.out + ran.err or line in ("doctor", "report", "log --episodes --all", "log --markers")


@pytest.mark.parametrize("line", DOCUMENTS)
def test_json_holds_the_very_texts_and_moves_nothing(run: Run, log: Path, line: str) -> None:
    ran = run(line)
    assert ran.code == 0, ran.err
    assert moving(ran.out) == set()
    document = json.loads(ran.out)
    if "rates" not in line and "markers" not in line:
        assert EVIL in texts_of(document), "escaped, not changed"


def texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All files that can be written from the log, by their endings."""
    root = tmp_path_factory.mktemp("hostile")
    out = root / "inside" / "out"
    out.mkdir(parents=True)
    write_hostile_log(root / "log.sqlite", FREE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASALIS_LOG", str(root / "log.sqlite"))
        for line in FILES:
            patch.setattr(sys, "argv", ["nasalis", *line.replace("OUT", str(out)).split()])
            assert _call() == 0, line
    made = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("log.sqlite"))
    assert {path.parent for path in made} == {out}, "written elsewhere"
    assert all(len(path.name.encode()) <= 255 and path.name.isprintable() for path in made)
    return {re.sub(r"^.*abc123def456", "", path.name): path for path in made}


def _call() -> int:
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_every_file_that_a_person_may_open(files: dict[str, Path]) -> None:
    assert set(files) == {
        "e.csv", "e.json", "t.csv", "t.json", "all.json", "j.csv", "j.json", "_events.tsv", "_events.json", ".eaf",
        ".edf", ".vtt", "b.boris", "p.parquet", "r.html",
    }  # fmt: skip
    for name, path in files.items():
        if name not in (".edf", "p.parquet"):
            assert moving(path.read_text("utf-8")) == set(), name
    for name in ("e.csv", "t.csv", "j.csv", "_events.tsv"):
        # as a program reads it that takes commas, semicolons or tabs for what parts the cells, and knows quotes or not
        text = files[name].read_text("utf-8")
        for cells in [re.split("[;\t]|\r\n|\r|\n", text), *csv.reader(io.StringIO(text, newline=""))]:
            risky = [cell for cell in cells if cell.startswith(STARTS) and not re.fullmatch(r"-?[0-9.]*", cell)]
            assert risky == [], name
    for name in ("e.json", "t.json", "all.json", "j.json", "_events.json", "b.boris"):
        json.loads(files[name].read_text("utf-8"))
    tree = ElementTree.parse(files[".eaf"])
    assert not {"script", "img"} & {element.tag for element in tree.iter()}
    cues = [line for line in files[".vtt"].read_text("utf-8").splitlines() if "-->" in line]
    assert len(cues) == 2 and "<" not in files[".vtt"].read_text("utf-8")
    edf = files[".edf"].read_bytes()
    assert b"\x1b" not in edf and edf.count(b"tic_like") == 2


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_report_shows_it_as_words(files: dict[str, Path]) -> None:
    text = files["r.html"].read_text("utf-8")
    assert "&lt;script&gt;owned=1" in text, "it is in the report"
    page = _Tags(text)
    assert not {"script", "img", "iframe", "link", "form"} & page.tags
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    assert "49" not in re.findall(r"\{\{7\*7\}\}|alpha 49", text), "it is no template"


def test_the_report_in_a_browser(files: dict[str, Path], tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("there is no Chromium here")
    with browsing(tmp_path / "profile") as browser:
        browser.call("Page.navigate", url=files["r.html"].as_uri())
        browser.until("document.readyState === 'complete' && document.title.length > 0")
        assert browser.run("typeof owned") == "undefined"
        assert browser.run("document.querySelectorAll('script, img').length") == 0
        assert [url for url in browser.requests if not url.startswith("file:") and url != "about:blank"] == []


def test_the_review_page_in_a_browser(log: Path, tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("there is no Chromium here")
    serving = pytest.importorskip("tests.review_logs").serving
    with serving(log) as (address, _), browsing(tmp_path / "profile") as browser:
        browser.open(address)
        browser.press("j")
        browser.until("document.getElementById('facts').textContent.includes('HYPERLINK')")
        browser.until("document.getElementById('history').textContent.includes('HYPERLINK')")
        assert browser.run("typeof owned") == "undefined"
        assert browser.run("document.querySelectorAll('img, script:not([src])').length") == 0
        assert not [url for url in browser.requests if not url.startswith(("http://127.0.0.1:", "about:", "data:"))]


def test_words_that_no_program_of_ours_writes_are_shown_as_words(run: Run, tmp_path: Path) -> None:
    write_hostile_log(tmp_path / "log.sqlite", WORDS)
    for line in (*(line for line in SCREEN if line != "doctor"), "log --json", "show e0001 --json", *FILES):
        ran = run(line)
        assert ran.code == 0, (line, ran.err)
        assert moving(ran.out) == set() and moving(ran.err) == set(), line
    out = tmp_path / "inside" / "out"
    text = (out / "r.html").read_text("utf-8")
    assert "<script" not in text and "<img" not in text and moving(text) == set()
    for path in out.iterdir():
        if path.suffix not in (".edf", ".parquet"):
            assert moving(path.read_text("utf-8")) == set(), path.name
    assert {path.name for path in tmp_path.iterdir()} <= {"log.sqlite", "inside", "cache"}, "written elsewhere"


@pytest.mark.parametrize(("table", "name"), REFUSED, ids=[".".join(pair) for pair in REFUSED])
def test_what_cannot_be_read_is_told_in_a_sentence(run: Run, tmp_path: Path, table: str, name: str) -> None:
    write_hostile_log(tmp_path / "log.sqlite", {table: (name,)})
    codes = set()
    for line in ("log --episodes", "journal list", "report"):
        ran = run(line)
        codes.add(ran.code)
        assert ran.code in (0, 2) and moving(ran.out) == set() and moving(ran.err) == set(), (line, ran.err)
        if ran.code:
            assert ran.err.startswith("nasalis: ") and ran.err.count("\n") == 1, line
    assert 2 in codes


def test_a_command_of_the_person_is_given_the_text_and_never_runs_it(tmp_path: Path) -> None:
    """``--on-episode``: no shell, no variables, the episode on its standard input only."""
    from detector.hooks import CommandHook
    from detector.record.entries import LoggedEpisode
    from tests.histories import episode

    script = (
        "import sys, os, json; json.dump([sys.argv[1:], sorted(os.environ), sys.stdin.read()], open(sys.argv[1], 'w'))"
    )
    told = tmp_path / "told.json"
    hook = CommandHook(f"{sys.executable} -c {json.dumps(script)} {told} '$(touch owned)'")
    evil = f"$(touch {tmp_path}/owned)`touch {tmp_path}/owned`; touch {tmp_path}/owned #{EVIL}"
    hook.episode(LoggedEpisode(evil, 1, evil, evil, "", episode(1, 1.0, "left"), note=evil))
    hook.close(20.0)
    words, names, given = json.loads(told.read_text())
    assert words == [str(told), "$(touch owned)"] and not [name for name in names if "NASALIS_EP" in name]
    assert given.count("\n") == 1 and json.loads(given)["note"] == evil and moving(given) == set()
    assert not (tmp_path / "owned").exists()


def test_names_of_files_on_the_command_line(tmp_path: Path) -> None:
    """What the shell hands over for ``*`` in a folder that somebody else filled."""
    name = tmp_path / "\x1b[31m\x9b5m\u202eclip.mp4"
    name.write_bytes(b"no clip")
    for words in (["analyze", str(name)], [str(name)], ["analyze", f"--{name.name}"], ["log", "--log", str(name)]):
        done = subprocess.run(
            [sys.executable, "cli.py", *words], cwd=Path(cli.__file__).parent, capture_output=True, text=True
        )
        assert done.returncode in (2, 3) and "clip.mp4" in done.stderr
        assert moving(done.stdout) == set() and moving(done.stderr) == set()


WRITTEN = ["\x1b[1m", r"\x1b[1m", r"\\x1b", r"\x5c", r"C:\u202e\x9b", "\u202e\x9b\x7f\x00", r"clip\udcff", "a\nb\tc"]


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_out_comes_back(text: str) -> None:
    assert harmless.unshown(harmless.shown(text)) == text
    assert moving(harmless.shown(text)) == set()


@pytest.mark.parametrize(
    "text", ["=1", "'=1", "a;=1", "a;'=1", "a\n-b", "\t=1", ";;@x", "a; -3 mm", "plain; words", ""]
)
def test_a_cell_comes_back_as_it_was(text: str) -> None:
    cell = harmless.defused(text)
    assert harmless.undefused(cell) == text
    assert not [part for part in re.split("[;\n]", cell) if part.startswith(STARTS)]
    if text in ("a; -3 mm", "plain; words"):
        assert cell == text, "nothing is marked that nobody would run"
