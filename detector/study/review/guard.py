"""Who may talk to the page: the browser of the person who started it, and nobody else.

A web page is more exposed than a program on the desktop: any site that the person visits can send requests to
127.0.0.1, a name of its own can point there, and other users of the computer can connect. So every request must name
this address as its host (a name that was made to point here does not), carry the cookie that the start address gave,
and come from the page itself; a change must besides carry a word that only the page can read.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

START = "/start"
WORD_HEADER = "x-nasalis-word"
MAX_BODY = 64 * 1024  # bytes: a note of 4,000 characters takes 16 KB at most
ONCE_S = 60.0  # the address given to the browser program is good for so long, and for one use
READING = ("GET", "HEAD")

HEADERS = {
    # nothing but the page's own files, no script or style inside the page, no forms, no frames
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",  # what it shows says something about a person's health
}
# A page and not a redirect: the cookie is not sent along a chain that began on another site, e.g. a web terminal.
_ENTER = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
    b'<link rel="icon" href="/static/icon.svg"><title>nasalis review</title>'
    b'<p><a href="/">Open the review page</a></p></html>'
)


class Keys:
    """The secrets of one run of the page."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)  # in the address that is printed
        self.word = secrets.token_urlsafe(32)  # in the page, for changes
        self.cookie = secrets.token_urlsafe(32)
        self._once: dict[str, float] = {}

    def once(self) -> str:
        """A token for one use within a minute: other users can read the command line of the browser it is given to."""
        token = secrets.token_urlsafe(32)
        self._once[token] = time.monotonic() + ONCE_S
        return token

    def lets_in(self, token: str) -> bool:
        """Whether a start address with this token is good; one for a single use is spent by it."""
        if _same(token, self.token):
            return True
        for known, until in list(self._once.items()):
            if _same(token, known):
                del self._once[known]
                return time.monotonic() < until
        return False


class Guard:
    """An ASGI application around another, which sees nothing that is not allowed.

    Parameters
    ----------
    app : ASGI application
    keys : Keys
    port : int
        On which it is listened; part of the host names that are accepted.
    """

    def __init__(self, app: App, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        # cookies know no ports: the name keeps two review pages apart
        self._cookie = f"nasalis_review_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
        if len(hosts) != 1 or headers["host"].lower() not in self._hosts:
            await _refuse(send, 421, "This page answers only to the address that nasalis review printed.")
        elif scope["path"] == START:
            await self._start(scope, send)
        elif not self._known(headers):
            await _refuse(send, 403, "Open the page with the address that nasalis review printed.")
        elif headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            await _refuse(send, 403, "Another site asked for this: type the address in yourself.")
        elif scope["method"] in READING:
            await self._app(scope, receive, send)
        else:
            await self._change(scope, headers, receive, send)

    async def _start(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "GET":
            await _refuse(send, 405, "Only GET.", {"allow": "GET"})
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        if not self._keys.lets_in(given[0]):
            await _refuse(send, 403, "This is not the address that nasalis review printed, or it was used up.")
            return
        cookie = f"{self._cookie}={self._keys.cookie}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 200, _ENTER, {"content-type": "text/html; charset=utf-8", "set-cookie": cookie})

    def _known(self, headers: dict[str, str]) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self._cookie in cookies and _same(cookies[self._cookie].value, self._keys.cookie)

    async def _change(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        # a page of ours always says where it comes from; "null" is what a sandbox or a file says
        if headers.get("origin", "") != f"http://{headers['host'].lower()}":
            await _refuse(send, 403, "A change must come from the review page itself.")
        elif not _same(headers.get(WORD_HEADER, ""), self._keys.word):
            await _refuse(send, 403, "The page is of an earlier run: load it again.")
        elif not headers.get("content-length", "0").isdecimal() or int(headers.get("content-length", "0")) > MAX_BODY:
            await _refuse(send, 413, f"More than {MAX_BODY // 1024} KB: shorten the note.")
        else:
            body = await _whole(receive)
            if body is None:
                await _refuse(send, 413, f"More than {MAX_BODY // 1024} KB: shorten the note.")
                return
            await self._app(scope, _given(body, receive), send)


async def _whole(receive: Receive) -> bytes | None:
    """The body; None when it is too long, which one sent in chunks says only by being so."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _given(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(name.encode(), value.encode("latin-1")) for name, value in HEADERS.items()]
            kept = [pair for pair in message.get("headers", []) if pair[0].decode().lower() not in HEADERS]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return wrapped


async def _refuse(send: Send, status: int, why: str, more: dict[str, str] | None = None) -> None:
    await _answer(send, status, (why + "\n").encode(), {"content-type": "text/plain; charset=utf-8"} | (more or {}))


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _same(given: str, known: str) -> bool:
    """In a time that does not tell how much of it was right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
