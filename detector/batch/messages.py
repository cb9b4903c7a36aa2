"""What goes from the program to its workers and back; only plain values, small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["look", "analyze"]
# source: the clip cannot be read; time, memory: over its limit; bug: a mistake of the program with this clip;
# crash: its process or its worker ended; setup: this worker can do no clip at all
Failure = Literal["", "source", "time", "memory", "bug", "crash", "setup"]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to do with one clip."""

    stage: Stage  # look: its hash and session id; analyze: everything
    clip: str  # absolute path, as the worker sees it
    settings: Mapping[str, Any]  # of detector.config.Settings
    model: str | None  # face model; None: the one installed on the worker
    time_limit_s: float
    memory_limit_mb: float  # resident memory of the clip's process and its children, 10^6 bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    failure: Failure = ""  # empty: it was done
    reason: str = ""  # of the failure, in a sentence
    seen: bool = True  # False: there is no such file on the worker's machine
    sha256: str = ""
    session_id: str = ""  # that the analysis has, or would have
    versions: Mapping[str, str] = field(default_factory=dict)  # on the worker
    parcel: bytes = b""  # of analyze: the run, see detector.record.parcel
    seconds: float = 0.0  # wall time
    cpu_s: float = 0.0
    peak_mb: float = 0.0  # highest resident memory seen, 10^6 bytes
    worker: str = ""  # its address
