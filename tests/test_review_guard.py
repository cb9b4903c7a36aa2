"""Who may talk to the review page: nobody but the page itself, opened by the person who started it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from detector.record.log import EpisodeLog
from detector.study.review.guard import HEADERS, MAX_BODY
from tests.review_logs import CLIP, HOST, PORT, Page, page_of, sample_session, write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: a test that could change it says that nothing did, or changes it back."""
    path = tmp_path_factory.mktemp("guard") / "log.sqlite"
    write_log(path)
    return path


@pytest.fixture(scope="module")
def page(log: Path) -> Page:
    return page_of(log)


def asked(page: Page, method: str, path: str, **more: object) -> httpx.Response:
    return asyncio.run(page.ask(method, path, **more))


def reviews(log: Path) -> list[str]:
    with EpisodeLog(log) as book:
        return [row.review for row in book.episodes()]


def test_the_start_address_gives_a_cookie_that_opens_everything(page: Page) -> None:
    bare = {"cookie": None}
    answer = asked(page, "GET", f"/start?token={page.keys.token}", headers=bare)
    assert answer.status_code == 200 and page.keys.token not in answer.text
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(rf"nasalis_review_{PORT}=[\w-]{{40,}}; HttpOnly; SameSite=Strict; Path=/", cookie)
    assert asked(page, "GET", "/", headers={"cookie": cookie.split(";")[0]}).status_code == 200
    assert page.keys.token not in cookie and page.keys.word not in cookie


def test_the_address_given_to_a_browser_program_works_once(page: Page) -> None:
    once = page.keys.once()
    assert [asked(page, "GET", f"/start?token={once}").status_code for _ in range(2)] == [200, 403]


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/list", "/api/episode/1/1", "/clip/1", "/nothing"])
@pytest.mark.parametrize(
    "cookie", [None, "", f"nasalis_review_{PORT}=wrong", f"nasalis_review_{PORT}=\xff", "nasalis_review_1={cookie}"]
)
def test_without_the_cookie_nothing_is_told(page: Page, path: str, cookie: str | None) -> None:
    given = None if cookie is None else cookie.format(cookie=page.keys.cookie).encode("latin-1")
    answer = asked(page, "GET", path, headers={"cookie": given})
    assert answer.status_code == 403 and answer.text.startswith("Open the page with the address")
    assert asked(page, "GET", path).status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("token", ["", "token=", "token=wrong", "token=%ff%00", "other=1"])
def test_a_wrong_start_address_gives_no_cookie(page: Page, token: str) -> None:
    answer = asked(page, "GET", f"/start?{token}", headers={"cookie": None})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.evil.example:{PORT}"],
)
@pytest.mark.parametrize("path", ["/", "/start?token={token}", "/api/list"])
def test_a_name_made_to_point_here_is_refused(page: Page, host: str, path: str) -> None:
    answer = asked(page, "GET", path.format(token=page.keys.token), headers={"host": host})
    assert answer.status_code == 421 and "set-cookie" not in answer.headers


def test_both_names_of_this_computer_are_good(page: Page) -> None:
    assert asked(page, "GET", "/", headers={"host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_not_even_read(page: Page, site: str) -> None:
    assert asked(page, "GET", "/clip/1", headers={"sec-fetch-site": site}).status_code == 403
    assert asked(page, "GET", "/clip/1", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": None}, {"origin": f"https://{HOST}"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"}, {"x-nasalis-word": None}, {"x-nasalis-word": "wrong"},
        {"x-nasalis-word": ""}, {"cookie": None}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"},
    ],
)  # fmt: skip
def test_nobody_else_can_change_anything(page: Page, log: Path, headers: dict[str, str | None]) -> None:
    for path in ("/api/episode/1/1", "/api/quit"):
        answer = asked(page, "POST", path, json={"review": "rejected"}, headers=headers)
        assert answer.status_code in (403, 421)
    assert reviews(log) == [""] * 4
    assert asked(page, "POST", "/api/episode/1/1", json={"review": "rejected"}).status_code == 200
    try:
        assert reviews(log) == ["rejected", "", "", ""]
    finally:
        asked(page, "POST", "/api/episode/1/1", json={"review": ""})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "GET"])
def test_wrong_methods_change_nothing(page: Page, log: Path, method: str) -> None:
    answer = asked(
        page, method, "/api/quit" if method == "GET" else "/api/episode/1/1", content=b'{"review": "rejected"}'
    )
    assert answer.status_code == 405 and reviews(log) == [""] * 4
    assert asked(page, "POST", f"/start?token={page.keys.token}").status_code == 405


def test_a_body_too_long_is_refused_before_it_is_read(page: Page, log: Path) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 4096

    body = json.dumps({"note": "x" * MAX_BODY})
    assert asked(page, "POST", "/api/episode/1/1", content=body).status_code == 413
    assert asked(page, "POST", "/api/episode/1/1", content=endless()).status_code == 413, "without a length"
    assert read <= MAX_BODY // 4096 + 2
    assert asked(page, "POST", "/api/episode/1/1", headers={"content-length": "-1"}, content=b"").status_code == 413
    assert reviews(log) == [""] * 4


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"review": "maybe"}', b'{"own_kind": "hiccup"}', b'{"note": 5}', b'{"run": 2}', b"\xff",
     json.dumps({"note": "x" * 4001}).encode()],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_not_echoed(page: Page, log: Path, body: bytes) -> None:
    answer = asked(page, "POST", "/api/episode/1/1", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422) and answer.text.startswith("The") and len(answer.text) < 80
    with EpisodeLog(log) as book:
        assert book.episodes()[0].note == "" and reviews(log) == [""] * 4


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py", "/static/%2fetc%2fpasswd",
        "/static/page.html", "/clip/../../etc/passwd", "/clip/%2fetc%2fpasswd", "/clip/1/..%2f..%2fx", "/clip/1e9",
        "/clip/99", "/clip/1/99", "/clip/0", "/replay/1/1", "/replay/1/..%2f1", "/api/episode/1/99999999999999999999",
        "/api/session/99", "/api/session/1/traces?from=0&to=1&columns=9", "/docs", "/openapi.json", "/redoc",
    ],
)  # fmt: skip
def test_no_path_reaches_a_file_that_is_not_meant(page: Page, path: str) -> None:
    answer = asked(page, "GET", path)
    assert answer.status_code in (404, 422) and "root:" not in answer.text and "import" not in answer.text


def test_only_the_analyzed_file_itself_is_given_out(tmp_path: Path) -> None:
    """A log that names any other file, and one whose file was replaced, give nothing out."""
    log = tmp_path / "log.sqlite"
    write_log(log)
    page = page_of(log)
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"not yours")
    with EpisodeLog(log) as book:
        for source, sha256 in (
            (str(secret), "f" * 64),
            (str(secret), ""),
            (str(tmp_path), "f" * 64),
            ("/dev/zero", "f" * 64),
        ):
            run = book.begin(sample_session(session_id=f"{len(source):x}{sha256[:1]}", source=source, sha256=sha256))
            assert asked(page, "GET", f"/clip/{run}").status_code == 404
    answer = asked(page, "GET", "/clip/1")
    assert answer.status_code == 200 and answer.content == CLIP.read_bytes()


def test_every_answer_forbids_what_a_page_does_not_need(page: Page) -> None:
    for path in ("/", "/static/main.js", "/api/list", "/clip/1", "/nothing"):
        answer = asked(page, "GET", path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert asked(page, "GET", "/", headers={"cookie": None}).headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_the_page_has_no_script_or_style_inside_and_no_other_address() -> None:
    folder = Path(__file__).resolve().parent.parent / "detector" / "study" / "review"
    html = (folder / "templates" / "page.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", html)
    texts = [html, *(path.read_text() for path in (folder / "static").iterdir())]
    addresses = {found for text in texts for found in re.findall(r"https?://[^\s\"')]+", text)}
    assert addresses == {"http://www.w3.org/2000/svg"}, "a name, which nothing asks for"
    assert not any(re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) for text in texts)
