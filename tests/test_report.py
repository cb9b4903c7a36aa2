"""The page: one file, readable by everybody, with the numbers of the log and nobody else's words as markup."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from datetime import UTC, date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from detector.errors import LogError, OutputError, UsageError
from detector.record.log import EpisodeLog
from detector.study.history import History, build_history
from detector.study.report import ReportJob, run
from detector.study.report_data import report_of
from detector.study.report_page import make_page, render
from tests import histories
from tests.histories import FIRST, entry, history

VOID = {"meta", "link", "br", "img", "input", "hr", "path", "use", "rect", "col"}


class Document(HTMLParser):
    """What tests ask of a page: tags with their attributes, text by tag, tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._stack: list[str] = []
        self._caption, self._rows = "", []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self._caption, self._rows = "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag not in VOID:
            self._stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.tables[self._caption] = self._rows
        while self._stack and self._stack.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._stack[-1] if self._stack else ""
        if inside == "caption":
            self._caption += data
        elif inside in ("td", "th") and "table" in self._stack:
            self._rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(record: History, **options: object) -> str:
    return render(make_page(report_of(record, today=date(2026, 6, 1), **options)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def text(demo_report: Path) -> str:
    return demo_report.read_text("utf-8")


@pytest.fixture(scope="module")
def document(text: str) -> Document:
    return Document(text)


def test_it_needs_nothing_else(text: str, document: Document) -> None:
    assert len(text.encode()) < 1_500_000
    names = {tag for tag, _ in document.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "image"}
    for _, attrs in document.tags:
        assert not {"src", "srcset", "action", "data", "poster", "xlink:href"} & set(attrs)
        assert attrs.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)]*)", text))
    assert "@import" not in text
    policy = [attrs["content"] for attrs in document.all("meta") if "http-equiv" in attrs]
    assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_ids_are_unique_and_every_reference_has_its_target(text: str, document: Document) -> None:
    ids = [attrs["id"] for _, attrs in document.tags if "id" in attrs]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | {a["href"][1:] for _, a in document.tags if "href" in a}
    used |= {name for _, attrs in document.tags for name in attrs.get("aria-labelledby", "").split()}
    assert used <= set(ids)
    assert len(used) > 20


def test_every_figure_is_named_and_says_how_to_read_it(text: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", text, flags=re.S)
    assert len(figures) == 5
    for figure in figures:
        caption = re.search(r"<figcaption><strong>(.+?)</strong>(.+?)</figcaption>", figure, flags=re.S)
        assert caption is not None
        assert len(caption[2]) > 40
        for svg in re.findall(r"<svg [^>]*>", figure):
            label = re.search(r'role="img" aria-label="([^"]+)"', svg)
            assert label is not None
            assert len(label[1]) > 20
        assert "<table>" in figure


def test_headings_are_in_order_and_tables_have_heads(document: Document) -> None:
    levels = [int(tag[1]) for tag, _ in document.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert {attrs.get("scope") for attrs in document.all("th")} == {"col", "row"}
    assert document.all("html") == [{"lang": "en"}]


def test_days_are_those_of_the_log(demo_report: Path, document: Document) -> None:
    with EpisodeLog(demo_report.with_suffix(".sqlite")) as log:
        found = Counter(row.start_time[:10] for row in log.episodes())
        hours: Counter[str] = Counter()
        for one in log.runs():
            hours[one.session.start_utc[:10]] += one.session.observed_s / 3600.0  # type: ignore[assignment]
    rows = document.tables["Each day"][1:]
    assert len(rows) == 91
    for day, count, observed, rate in rows:
        if day not in hours:
            assert (count, observed, rate) == ("not watched", "0.0", "unknown")
            continue
        assert int(count) == found[day]
        assert float(observed) == pytest.approx(hours[day], abs=0.051)
        assert float(rate) == pytest.approx(found[day] / hours[day], abs=0.051)


def test_sides_and_the_sentence_are_those_of_the_log(demo_report: Path, text: str, document: Document) -> None:
    with EpisodeLog(demo_report.with_suffix(".sqlite")) as log:
        episodes = log.episodes()
        hours = sum(one.session.observed_s for one in log.runs()) / 3600.0
    left = sum(row.episode.side == "left" for row in episodes)
    lead = re.search(r'<p class="lead">(.*?)</p>', text, flags=re.S)
    assert lead is not None
    assert (
        f"{len(episodes)} episodes of twitching ({sum(r.episode.twitch_count for r in episodes)} twitches)" in lead[1]
    )
    assert f"{len(episodes) / hours:.1f} an observed hour" in lead[1]
    assert f"{left} of {len(episodes)} one-sided episodes were on the left" in lead[1]
    sides = document.tables["Sides"][1:]
    assert sum(int(row[1]) for row in sides if row[1] != "not watched") == left


def test_the_same_log_gives_the_same_bytes() -> None:
    record = history([2, None, 0, 1], journal=[entry("caffeine", FIRST, value=80.0, unit="mg")])
    assert page_of(record) == page_of(record)


def test_words_of_others_are_no_markup() -> None:
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)> & "quoted" $x$ </style>'
    notes = [entry("note", FIRST + timedelta(days=k), text=evil) for k in range(3)]
    notes.append(entry("experiment", FIRST, 0.0, value=5.0, text=evil))
    notes.append(entry("medication", FIRST, 9.0, text=evil, details={"change": "started"}))
    page = page_of(history([1, 2, 3, 1, 2, 2, 1], journal=notes, evidence=evil), name=evil)
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("</style>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_urgent_flag_is_told_in_a_word_and_a_shape() -> None:
    sudden = entry("droop", FIRST, 11.0, details={"side": "left", "sudden": True})
    page = page_of(history([1, 2], journal=[sudden]))
    article = re.search(r'<article class="flag urgent">.*?</article>', page, flags=re.S)
    assert article is not None
    assert '<span class="word">Urgent</span>' in article[0]
    assert "M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z" in article[0]  # the octagon
    assert page.index('class="flag urgent"') < page.index("<figure")


def test_a_page_for_paper_has_colors_and_no_tables_to_unfold() -> None:
    page = render(make_page(report_of(history([1, None, 2]))), static=True)
    assert "var(--" not in page
    assert "#0f1e" not in page
    assert "<details" not in page
    assert 'class="phone"' not in page


@pytest.mark.parametrize("what", ["empty", "journal", "undated", "unobserved", "quiet", "one", "day"])
def test_little_is_told_as_little(what: str) -> None:
    from datetime import datetime

    from detector.record.entries import logged_episodes

    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    undated = histories.run(1, start, start_utc="")
    episodes = logged_episodes(undated.session, [histories.episode(1, 5.0)], run=1)
    record, said, figures = {
        "empty": (History(zone=UTC), "Nothing has been observed yet", 0),
        "journal": (build_history([], [], [entry("caffeine", FIRST, value=80.0)], zone=UTC), "Nothing has been", 0),
        "undated": (build_history([undated], episodes, [], zone=UTC), "do not say when they were made", 0),
        "unobserved": (build_history([histories.run(1, start, 0.0)], [], [], zone=UTC), "hold no observed time", 0),
        "quiet": (history([0, 0]), "No twitch was found in 2.0 h of observed time on 2 of 2 days", 4),
        "one": (history([1]), "1 episode of twitching (2 twitches) in 1.0 h of observed time on one day", 4),
        "day": (history([12], hours=5.0), "12 of 12 one-sided episodes were on the left", 4),
    }[what]
    page = page_of(record).replace("\u00a0", " ")
    assert said in page
    assert page.count("<figcaption>") == figures
    assert "nan" not in re.sub(r"<style.*?</style>", "", page, flags=re.S).lower().replace("nasalis", "")


def test_files_are_written_all_or_none(demo_report: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from detector.study import pdf, report_page

    monkeypatch.setattr(report_page, "_pictures", lambda *_: ())
    monkeypatch.setattr(pdf, "check_pdf", lambda: None)
    monkeypatch.setattr(pdf, "to_pdf", lambda html: b"%PDF")
    log, output = demo_report.with_suffix(".sqlite"), tmp_path / "report.html"
    output.write_text("before")
    with pytest.raises(OutputError, match="does not exist, make it first"):
        run(ReportJob(output=output, pdf=tmp_path / "nowhere" / "r.pdf", log=log, until="2026-01-07", zone="UTC"))
    assert output.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    made = run(ReportJob(output=output, pdf=tmp_path / "r.pdf", log=log, until="2026-01-07", zone="UTC"))
    assert [path.name for path in made.written] == ["report.html", "r.pdf"]
    assert (tmp_path / "r.pdf").read_bytes() == b"%PDF"
    assert "before" not in output.read_text("utf-8")[:9]


def test_the_log_is_no_place_for_a_report(demo_report: Path) -> None:
    log = demo_report.with_suffix(".sqlite")
    before = log.read_bytes()
    with pytest.raises(UsageError, match="is the episode log itself"):
        run(ReportJob(output=log, log=log, until="2026-01-06", zone="UTC"))
    assert log.read_bytes() == before


def test_nor_is_the_log_of_somebody_a_place_for_the_demo(
    demo_report: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("detector.study.demo.fill", lambda log: None)
    with EpisodeLog(tmp_path / "mine.db") as log:
        log.write_journal([entry("caffeine", FIRST, value=80.0)])
    before = (tmp_path / "mine.db").read_bytes()
    with pytest.raises(UsageError, match=r"mine\.db is an episode log"):
        run(ReportJob(output=tmp_path / "mine.db", demo=True))
    assert (tmp_path / "mine.db").read_bytes() == before


def test_page_and_paper_do_not_take_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from detector.study import pdf

    monkeypatch.setattr(pdf, "check_pdf", lambda: None)
    with pytest.raises(UsageError, match="both name"):
        run(ReportJob(output=tmp_path / "r.pdf", pdf=tmp_path / "x" / ".." / "r.pdf", log=tmp_path / "log"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": "yesterday"}, "is no day: write it like 2026-03-01"),
        ({"since": "2026-03-02", "until": "2026-03-02"}, "no day is left"),
        ({"zone": "Middle/Earth"}, "there is no time zone"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, str], said: str, demo_report: Path) -> None:
    with pytest.raises(UsageError, match=said):
        run(ReportJob(log=demo_report.with_suffix(".sqlite"), **options))


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="there is no episode log"):
        run(ReportJob(log=tmp_path / "none.sqlite"))
    assert not list(tmp_path.iterdir())


def test_days_are_cut_and_counted_in_the_zone(demo_report: Path) -> None:
    log = demo_report.with_suffix(".sqlite")
    short = json.loads(run(ReportJob(log=log, since="2026-01-05", until="2026-01-12", zone="UTC", as_json=True)).text)
    assert next(row["label"] for row in short["rates"]["by_day"]) == "2026-01-05"
    assert len(short["rates"]["by_day"]) <= 7
    far = json.loads(run(ReportJob(log=log, until="2026-01-12", zone="Asia/Tokyo", as_json=True)).text)
    mornings = [row["hours"] for row in short["rates"]["by_hour"]]
    afternoons = [row["hours"] for row in far["rates"]["by_hour"]]
    assert mornings[9] > 0.0
    assert afternoons[18] == pytest.approx(mornings[9], rel=0.2)
    assert far["zone"] == "Asia/Tokyo"


def test_the_command_tells_it_in_a_few_lines(demo_report: Path) -> None:
    log = demo_report.with_suffix(".sqlite")
    done = CliRunner().invoke(
        app, ["report", "--log", str(log), "--zone", "UTC", "--since", "2026-03-01"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert done.stdout.startswith("SIMULATED")
    assert "episodes of twitching" in done.stdout
    assert "Experiments\n  No caffeine:" in done.stdout
    assert f"Log: {log}" in done.stderr
    assert len(done.stdout.splitlines()) < 30


def test_unknown_values_are_null_in_json(demo_report: Path) -> None:
    told = json.loads(run(ReportJob(log=demo_report.with_suffix(".sqlite"), zone="UTC", as_json=True)).text)
    assert told["simulated"] is True
    unwatched = [row for row in told["rates"]["by_day"] if row["hours"] == 0.0]
    assert unwatched
    assert {row["per_hour"] for row in unwatched} == {None}
    assert told["observed_h"] == pytest.approx(sum(row["hours"] for row in told["rates"]["by_day"]))
