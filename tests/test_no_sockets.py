"""No command asks for a socket: each runs with the seals of ``tests.sealed`` on, and traced where strace is there."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from detector.record.log import EpisodeLog
from tests import sealed

SECONDS = 4.0  # of the sample: its first twitch is at 3.4 s
# what the C library reads to look a name up: resolv.conf(5), hosts(5), host.conf(5), gai.conf(5)
LOOK_UPS = ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/run/systemd/resolve")
TRACED = "%network,io_uring_setup,open,openat,execve"


class Ran(NamedTuple):
    code: int
    out: str
    err: str
    trace: str | None  # what strace wrote; None where it is not installed


def run_sealed(folder: Path, *words: object, name: str = "", timeout_s: float = 300.0) -> Ran:
    """``nasalis WORDS`` in a sealed process, with a log of its own; the first one compiles for a minute."""
    trace = folder / f"{name or words[0]}.trace"
    tracer = []
    if shutil.which("strace"):
        tracer = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", trace]
    done = subprocess.run(
        [*map(str, tracer), sys.executable, "-m", "tests.sealed", *map(str, words)],
        cwd=sealed.ROOT, env=sealed.environment(folder), capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr, trace.read_text("utf-8", "replace") if tracer else None)


def network_calls(trace: str) -> list[str]:
    """The lines of a trace that have to do with a network: sockets of any kind, and files read to look a name up."""
    opened = re.compile(r"^\d+ +(open|openat|execve)\(")
    lines = [line for line in trace.splitlines() if re.match(r"^\d+ +[a-z_0-9]+\(", line)]
    return [line for line in lines if not opened.match(line) or any(f'"{name}' in line for name in LOOK_UPS)]


def check(ran: Ran) -> None:
    assert ran.code == 0, (ran.code, ran.err)
    if ran.trace is not None:
        assert re.search(r"/cli\.(py|cpython)", ran.trace), "the trace is not of the program"
        assert network_calls(ran.trace) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed")


@pytest.fixture(scope="module")
def analyzed(folder: Path) -> Ran:
    outputs = ("--csv", folder / "e.csv", "--signals", folder / "s.h5", "--json")
    return run_sealed(folder, "analyze", sealed.SAMPLE, "--end", SECONDS, *outputs)


def test_analyze_opens_no_socket(analyzed: Ran) -> None:
    check(analyzed)
    assert len(json.loads(analyzed.out)["episodes"]) == 1, "it has really looked at the clip"


def test_live_from_a_camera_opens_no_socket(folder: Path) -> None:
    log = folder / "camera.sqlite"
    ran = run_sealed(folder, "--camera", "live", "--no-window", "--duration", SECONDS, "--log", log, name="live")
    check(ran)
    with EpisodeLog(log) as book:
        (run,) = book.runs()
    assert run.session.source == "camera 0 (Test Cam)" and run.session.face_s > 1.0


@pytest.mark.parametrize("line", [
    "export --csv all.csv --twitches t.csv",
    "report -o report.html",
    "log --episodes",
    "doctor",
    "cameras",
])  # fmt: skip
def test_commands_that_read_open_no_socket(analyzed: Ran, folder: Path, line: str) -> None:
    words = [folder / word if word.endswith((".csv", ".html")) else word for word in line.split()]
    check(run_sealed(folder, *words))


# the seals themselves

ASKED = {
    "a Python program": "import socket; socket.socket()",
    "a pair of its own": "import socket; socket.socketpair()",
    "a look-up": "import socket; socket.getaddrinfo('nowhere.invalid', 80)",
    "a native library": "import ctypes; ctypes.CDLL(None).socket(2, 1, 0)",
    "a native look-up": "import ctypes as c; c.CDLL(None).getaddrinfo(b'a.invalid', None, None, c.byref(c.c_void_p()))",
}  # fmt: skip


def ended(code: str) -> int:
    return subprocess.run([sys.executable, "-c", code], cwd=sealed.ROOT, capture_output=True).returncode


@pytest.mark.parametrize("code", ASKED.values(), ids=ASKED)
def test_the_kernel_ends_whatever_asks_for_a_socket(code: str) -> None:
    seal = "import sys; from tests import sealed; sealed.kernel_seal() or sys.exit(99)"
    if ended(seal) == 99:
        pytest.skip("this kernel cannot be told to end a process at a socket: only the audit hook and strace look")
    assert ended(f"{seal}; {code}") == -signal.SIGSYS
    assert ended(f"{seal}; import threading; threading.Thread(target=lambda: None).start(); open('/dev/null')") == 0


def test_it_ends_children_as_well() -> None:
    if ended("import sys; from tests import sealed; sealed.kernel_seal() or sys.exit(99)") == 99:
        pytest.skip("this kernel cannot be told to end a process at a socket")
    child = (
        "import subprocess, sys; sys.exit(-subprocess.call([sys.executable, '-c', 'import socket; socket.socket()']))"
    )
    assert ended(f"from tests import sealed; sealed.kernel_seal(); {child}") == signal.SIGSYS


@pytest.mark.parametrize("name", ["a Python program", "a look-up"])
def test_the_hook_ends_python_everywhere(name: str) -> None:
    assert ended(f"from tests import sealed; sealed.python_seal(); {ASKED[name]}") == sealed.BROKEN


def test_a_trace_shows_what_it_should(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: the seals above look in its place")
    code = "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 9)); open('/etc/hosts')"
    trace = tmp_path / "trace"
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={TRACED}", "-o", str(trace)]
    subprocess.run([*traced, sys.executable, "-c", code], check=True)
    calls = " ".join(network_calls(trace.read_text()))
    assert "socket(AF_INET" in calls and "connect(" in calls and '"/etc/hosts"' in calls
