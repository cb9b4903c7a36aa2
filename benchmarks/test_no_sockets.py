"""Two minutes each of ``analyze`` and of ``live`` from a camera, then ``export`` and ``report``: no socket.

The quick form is ``tests/test_no_sockets.py``. Two minutes because MediaPipe releases after the one that is pinned
report their use, and the first look-up of a name comes about a minute into a run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests import sealed
from tests.test_no_sockets import LOOK_UPS, TRACED, check, network_calls, run_sealed

pytestmark = pytest.mark.benchmarks

LEAST_S = 120.0
COPIES = 40  # of the sample at most, until the time is up
WINDOW_S = 20.0


def test_nothing_is_asked_for_in_two_minutes(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed, and this measurement is its table: apt-get install strace")
    lines = []

    def measure(what: str, *words: object, name: str) -> float:
        began = time.monotonic()
        ran = run_sealed(tmp_path, *words, name=name, timeout_s=900.0)
        took = time.monotonic() - began
        check(ran)
        assert ran.trace is not None
        lines.append(f"{what:28} {took:6.0f} s {len(network_calls(ran.trace)):6d} {ran.trace.count('execve('):6d}")
        return took

    # long enough on any machine: the first copy tells how many it takes
    clips = [tmp_path / f"copy {k}.mp4" for k in range(COPIES)]
    for clip in clips:
        shutil.copyfile(sealed.SAMPLE, clip)
    one_s = measure("analyze, one clip", "analyze", clips[0], name="one")
    count = min(COPIES, 2 + int(2.0 * LEAST_S / one_s))
    took = measure(f"analyze, {count} clips", "analyze", *clips[:count], name="analyze")
    assert took >= LEAST_S, f"{took:.0f} s: raise COPIES"
    took = measure("live from a camera", "--camera", "live", "--no-window", "--duration", LEAST_S, name="live")
    assert took >= LEAST_S
    measure("export", "export", "--csv", tmp_path / "all.csv", name="export")
    measure("report", "report", "-o", tmp_path / "report.html", name="report")
    print(f"\n{'command':28} {'took':>8} {'socket':>6} {'execve':>6}")
    print("\n".join(lines))


def test_a_window_talks_to_its_screen_only(tmp_path: Path) -> None:
    """What ``live`` with a window asks for, on a screen in memory; without seals, as it has to ask for one socket."""
    if not shutil.which("strace") or not shutil.which("Xvfb"):
        pytest.skip("strace and Xvfb are not installed: apt-get install strace xvfb")
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        display = f":{os.read(read, 16).decode().strip()}"
        trace = tmp_path / "window.trace"
        code = "import sys; from tests import sealed; sealed.plug_in_a_camera(); import cli; cli.main()"
        subprocess.run(
            ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", str(trace),
             sys.executable, "-c", code, "live", "--duration", str(WINDOW_S)],
            cwd=sealed.ROOT, env=sealed.environment(tmp_path) | {"DISPLAY": display}, check=True, timeout=120.0,
        )  # fmt: skip
    finally:
        screen.terminate()
        screen.wait()
        os.close(read)
    calls = network_calls(trace.read_text("utf-8", "replace"))
    kinds = Counter(found[1] for call in calls if (found := re.search(r"\b(?:socket|socketpair)\((AF_\w+)", call)))
    names = Counter(found[1] for call in calls if (found := re.search(r"connect\(\d+, \{(.*?)\}", call)))
    print("\n" + "\n".join(f"{count:4d} {what}" for what, count in (kinds + names).items()))
    assert set(kinds) == {"AF_UNIX"}, "a window needs the socket of the screen on this machine, and no other"
    # the second is where the C library asks for the name of the user, if such a cache runs
    assert all(".X11-unix/" in name or "/var/run/nscd/socket" in name for name in names)
    assert not [call for call in calls if any(name in call for name in LOOK_UPS)], "a name was looked up"
