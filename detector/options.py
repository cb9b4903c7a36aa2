"""Options that several commands of :mod:`cli` share: the same letter means the same thing everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Level(StrEnum):
    low = "low"
    normal = "normal"
    high = "high"


class SideName(StrEnum):
    left = "left"
    right = "right"
    both = "both"
    midline = "midline"


class RatesBy(StrEnum):
    day = "day"
    week = "week"
    hour = "hour"
    side = "side"
    region = "region"
    kind = "kind"


class RatesOf(StrEnum):
    episodes = "episodes"
    twitches = "twitches"


class Use(StrEnum):
    truth = "truth"
    review = "review"


class Format(StrEnum):
    csv = "csv"
    json = "json"
    parquet = "parquet"
    bids = "bids"
    elan = "elan"
    edf = "edf"
    boris = "boris"
    webvtt = "webvtt"


class CodecName(StrEnum):
    h264 = "h264"
    h264_lossless = "h264-lossless"
    ffv1 = "ffv1"
    mjpeg = "mjpeg"
    hevc = "hevc"
    vp9 = "vp9"


LogFile = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Episode log; default NASALIS_LOG or a file in your data folder."),
]
ModelFile = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="Face model; default the installed one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of tables.")]
Everything = Annotated[bool, typer.Option("--all", help="Keep rejected movements too, with the reason.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing on stderr but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr; show where an error came from.")]
Start = Annotated[float | None, typer.Option("--start", metavar="S", help="Begin here, seconds.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Supersede earlier sessions over the same file; nothing is deleted.")
]
End = Annotated[float | None, typer.Option("--end", metavar="S", help="End here, seconds.")]
SessionId = Annotated[str | None, typer.Option("--session", metavar="ID", help="Only this session.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Began then or later, e.g. 2026-03-01.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Began before then.")]
OnlySide = Annotated[SideName | None, typer.Option("--side", help="Only this side, the subject's own.")]
OnlyKind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind, e.g. tic_like.")]
CsvFile = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Episodes as CSV; - for stdout.")]
TwitchFile = Annotated[str | None, typer.Option("--twitches", metavar="FILE", help="Twitches as CSV; - for stdout.")]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", metavar="X", min=4.0, max=20.0, help="Score to reach, instead of a sensitivity; see tune."
    ),
]
Factor = Annotated[
    float | None,
    typer.Option("--factor", metavar="X", help="Enlarge motion so many times; default as far as the noise allows."),
]
TargetMm = Annotated[
    float | None,
    typer.Option("--mm", metavar="MM", help="Instead of --factor: how tall the strongest twitch is drawn."),
]
Slow = Annotated[float, typer.Option("--slow", metavar="N", help="So many times slower than life.")]
