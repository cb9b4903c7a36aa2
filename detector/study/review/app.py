"""The pages and the answers of the review page. Who may ask is decided in :mod:`detector.study.review.guard`.

Each request opens the log for itself: requests run in several threads, and a file may be replaced meanwhile.
"""

# no `from __future__ import annotations`: FastAPI reads the annotations of functions inside a function

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as AnyHTTPException

from detector.errors import LogError, NasalisError
from detector.record.entries import REJECTED_KINDS, LoggedEpisode
from detector.record.log import EpisodeLog
from detector.record.selection import KINDS
from detector.study.review import documents
from detector.study.review.clips import Clip, Clips, Missing
from detector.study.review.replays import Replays
from detector.study.review.signals import Signals
from detector.study.review.timeline import (
    MAX_COLUMNS,
    column_edges,
    envelope,
    near_misses,
    observed_shares,
    threshold_of,
)
from detector.types import Session

_PACKAGE = "detector.study.review"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
MAX_NOTE = 4000  # characters
_LARGEST = 2**53  # what JavaScript and SQLite both hold exactly

Run = Annotated[int, InPath(ge=1, le=_LARGEST)]
Number = Annotated[int, InPath(ge=-_LARGEST, le=_LARGEST)]


class Said(BaseModel):
    """What a person says of an episode; what is left out stays as it was."""

    model_config = ConfigDict(extra="forbid")

    review: Literal["", "confirmed", "rejected", "unsure"] | None = None
    own_kind: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=MAX_NOTE)


@dataclass(slots=True)
class Desk:
    """What the page works with."""

    log: Path
    word: str  # that changes must carry
    reviewer: str
    signals: Signals = field(default_factory=Signals)
    clips: Clips = field(default_factory=Clips)
    replays: Replays | None = None
    quit: Callable[[], None] = lambda: None
    on_bug: Callable[[Exception], None] = lambda error: None


def make_app(desk: Desk) -> FastAPI:
    """The application, without the guard."""
    # no pages that describe it: they would load scripts from elsewhere
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    files = _static_files()
    page = _page(desk)

    def opened() -> EpisodeLog:
        return EpisodeLog(desk.log, must_exist=True)

    @app.get("/")
    def index() -> Response:
        return Response(page, media_type="text/html; charset=utf-8")

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "There is no such file.")
        return Response(files[name], media_type=_TYPES[Path(name).suffix])

    @app.get("/api/list")
    def listing() -> Response:
        with opened() as log:
            current = set(log.current_runs())
            runs = [run for run in log.runs() if run.run in current]
            return _json(
                {
                    "columns": documents.ROW,
                    "sessions": [documents.session_line(r, desk.signals.file_of(r.session) is not None) for r in runs],
                    "episodes": documents.rows(log.episodes(include_rejected=True, with_twitches=False)),
                }
            )

    @app.get("/api/episode/{run}/{number}")
    def one_episode(run: Run, number: Number) -> Response:
        with opened() as log:
            return _json(documents.episode_page(_episode(log, run, number), log.reviews(run, number)))

    @app.post("/api/episode/{run}/{number}")
    def review(run: Run, number: Number, said: Said) -> Response:
        with opened() as log:
            if said.own_kind not in (None, "", *KINDS):
                raise HTTPException(422, "There is no such kind.")
            note = None if said.note is None else _clean(said.note)
            _episode(log, run, number)
            log.review_episode(run, number, reviewer=desk.reviewer, review=said.review, kind=said.own_kind, note=note)
            return _json(documents.episode_page(_episode(log, run, number), log.reviews(run, number)))

    @app.get("/api/session/{run}")
    def one_session(run: Run) -> Response:
        with opened() as log:
            session = _session(log, run)
            return _json(documents.session_page(session, log.twitch_marks(run), log.gaps(run), log.markers(run)))

    @app.get("/api/session/{run}/traces")
    def traces(
        run: Run,
        begin: Annotated[float, Query(alias="from", allow_inf_nan=False)],
        end: Annotated[float, Query(alias="to", allow_inf_nan=False)],
        columns: Annotated[int, Query(ge=1, le=MAX_COLUMNS)],
    ) -> Response:
        with opened() as log:
            session = _session(log, run)
            found = desk.signals.traces_of(session)
            if found is None or not end > begin:
                raise HTTPException(404, "There are no signals of that part.")
            edges = column_edges(found.t_s, begin, end, columns)
            shares = [documents.number(share, 3) for share in observed_shares(found.observed, edges).tolist()]
            return _json(
                documents.traces_page(
                    begin,
                    end,
                    {side: envelope(values, edges) for side, values in found.scores.items()},
                    shares,
                    envelope(found.floor_mm, edges),
                    near_misses(found, threshold_of(session), begin, end),
                )
            )

    @app.get("/api/episode/{run}/{number}/clip")
    def which_clip(run: Run, number: Number) -> Response:
        with opened() as log:
            clip = _clip(desk, log, run, number)
            if isinstance(clip, Missing):
                return _json({"url": None, "why": documents.shown(clip.why)})
            # one address for all episodes of a source: going on to the next one is a seek
            url = f"/clip/{run}" if clip.kind == "source" else f"/clip/{run}/{number}"
            replay = ("none", "") if desk.replays is None else desk.replays.state(_episode(log, run, number))
            return _json(
                {"url": url, "kind": clip.kind, "offset_s": clip.offset_s, "replay": replay[0], "why": replay[1]}
            )

    @app.api_route("/clip/{run}", methods=["GET", "HEAD"])
    def source(run: Run) -> Response:
        with opened() as log:
            clip = desk.clips.of(_session(log, run), 1)
            return _file(clip if isinstance(clip, Clip) and clip.kind == "source" else None)

    @app.api_route("/clip/{run}/{number}", methods=["GET", "HEAD"])
    def kept(run: Run, number: Number) -> Response:
        with opened() as log:
            clip = _clip(desk, log, run, number)
            return _file(None if isinstance(clip, Missing) else clip)

    @app.post("/api/episode/{run}/{number}/replay")
    def ask_replay(run: Run, number: Number) -> Response:
        with opened() as log:
            clip = _clip(desk, log, run, number)
            if desk.replays is None or isinstance(clip, Missing):
                raise HTTPException(404, "A magnified replay of it cannot be made here.")
            entry = _episode(log, run, number)
            desk.replays.ask(entry, clip)
            state, why = desk.replays.state(entry)
            return _json({"replay": state, "why": documents.shown(why)})

    @app.api_route("/replay/{run}/{number}", methods=["GET", "HEAD"])
    def replay(run: Run, number: Number) -> Response:
        with opened() as log:
            path = None if desk.replays is None else desk.replays.replay_of(_episode(log, run, number))
            return _file(None if path is None else Clip(path, "kept"))

    @app.post("/api/quit")
    def leave() -> Response:
        desk.quit()
        return _json({"quit": True})

    @app.exception_handler(NasalisError)
    def known(request: Request, error: NasalisError) -> Response:
        return PlainTextResponse(documents.shown(str(error)), 503 if isinstance(error, LogError) else 400)

    @app.exception_handler(AnyHTTPException)
    def refused(request: Request, error: AnyHTTPException) -> Response:
        return PlainTextResponse(str(error.detail), error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def unfit(request: Request, error: RequestValidationError) -> Response:
        # not what was sent: it would come back as part of the answer
        return PlainTextResponse("The request does not fit what is asked for there.", 422)

    @app.exception_handler(Exception)
    def bug(request: Request, error: Exception) -> Response:
        desk.on_bug(error)
        return PlainTextResponse("An error inside the program: the terminal shows more.", 500)

    return app


def _page(desk: Desk) -> str:
    pages = Environment(loader=PackageLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined)
    settings: dict[str, Any] = {
        "kinds": [kind for kind in KINDS if kind not in REJECTED_KINDS],
        "ordinary": list(REJECTED_KINDS),
        "replays": desk.replays is not None,
        "reviewer": desk.reviewer,
        "maxNote": MAX_NOTE,
    }
    return pages.get_template("page.html").render(word=desk.word, settings=json.dumps(settings))


def _static_files() -> dict[str, bytes]:
    # read at the start and looked up by name: no path that is asked for ever reaches the disk
    folder = resources.files(_PACKAGE) / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if Path(file.name).suffix in _TYPES}


def _session(log: EpisodeLog, run: int) -> Session:
    try:
        return log.session(run)
    except LogError as error:
        raise HTTPException(404, "There is no such session.") from error


def _episode(log: EpisodeLog, run: int, number: int) -> LoggedEpisode:
    entry = log.episode(run, number)
    if entry is None:
        raise HTTPException(404, "There is no such episode.")
    return entry


def _clip(desk: Desk, log: EpisodeLog, run: int, number: int) -> Clip | Missing:
    _episode(log, run, number)
    return desk.clips.of(_session(log, run), number)


def _file(clip: Clip | None) -> Response:
    if clip is None:
        raise HTTPException(404, "There is no such clip.")
    return FileResponse(clip.path, media_type=clip.media_type)


def _json(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False, allow_nan=False), media_type="application/json")


def _clean(note: str) -> str:
    """A note without the control characters that no keyboard types."""
    return "".join(char for char in note.strip() if char in "\n\t" or (char.isprintable() or char in "\u200c\u200d"))
