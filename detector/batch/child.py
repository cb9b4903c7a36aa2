"""The process that a worker gives its clips to, one after the other: it may hang or die without harm to anything else.

One for many clips, because loading the face model and the compiled kernels takes longer than a short clip. Requests
come as lines of JSON on stdin, answers go out as such lines on what was stdout. When stdin ends, the worker is gone,
and so is everything of this process.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import queue
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

LATE_S = 30.0  # after the limit that the worker keeps: only for a worker that died while this process hangs
READY = b'{"ready": true}\n'


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker says when to stop
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    _prepare()
    _send(answers, READY)
    folder = Path(os.environ["NASALIS_BATCH_FOLDER"])
    while True:
        request = json.loads(requests.get())
        # without the interpreter: also when it hangs in C code
        faulthandler.dump_traceback_later(request["time_limit_s"] + LATE_S, exit=True)
        before = _cpu_s()
        answer = _answer(request, folder)
        answer["cpu_s"] = _cpu_s() - before
        faulthandler.cancel_dump_traceback_later()
        _send(answers, json.dumps(answer).encode() + b"\n")


def _listen(stdin: BinaryIO, requests: queue.SimpleQueue[bytes]) -> None:
    for line in stdin:
        requests.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with the children of its own
    os._exit(0)


def _prepare() -> None:
    """Load what every clip needs, on nobody's time; one thread for what can be told so from here."""
    import cv2

    from detector import config, container, session  # noqa: F401
    from detector.memory import keep_flat

    keep_flat()
    cv2.setNumThreads(1)  # the worker has set the environment for the rest


def _answer(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from detector.errors import ModelError, NasalisError, SourceError, UsageError

    try:
        return _look(request) if request["stage"] == "look" else _analyze(request, folder)
    except (SourceError, UsageError) as error:
        return {"failure": "source", "reason": str(error), "seen": os.path.lexists(request["clip"])}
    except ModelError as error:
        return {"failure": "setup", "reason": str(error)}
    except NasalisError as error:  # the scratch log: a full disk
        return {"failure": "crash", "reason": str(error)}
    except MemoryError:
        return {"failure": "memory", "reason": "it asked for more memory than there is"}
    except Exception as error:
        return {"failure": "bug", "reason": f"an error inside the program ({type(error).__name__}: {error})"}


def _look(request: dict[str, Any]) -> dict[str, Any]:
    from detector.config import Settings
    from detector.container import check_file, sha256_of
    from detector.session import identity, versions
    from detector.types import Session

    path = Path(request["clip"])
    check_file(path)
    settings = Settings.model_validate(request["settings"])
    known = versions()
    whole = settings.model_dump() | {"start_s": None, "end_s": None}  # as detector.session.analyze_clip writes it
    session = Session("", str(path), sha256_of(path), "", settings=whole, versions=known)
    return {"sha256": session.sha256, "session_id": identity(session), "versions": known}


def _analyze(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from detector.config import Settings
    from detector.record.log import EpisodeLog
    from detector.session import analyze_clip

    settings = Settings.model_validate(request["settings"])
    model = None if request["model"] is None else Path(request["model"])
    with EpisodeLog(folder / "scratch.sqlite") as log:
        session = analyze_clip(Path(request["clip"]), settings, model=model, log=log).session
        parcel = log.pack(log.runs()[-1].run)
    return {
        "sha256": session.sha256,
        "session_id": session.session_id,
        "versions": session.versions,
        "parcel": base64.b64encode(parcel).decode(),
    }


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _send(answers: BinaryIO, line: bytes) -> None:
    answers.write(line)
    answers.flush()


if __name__ == "__main__":
    main()
