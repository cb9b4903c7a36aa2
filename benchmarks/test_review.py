"""How long the review page takes with ten thousand episodes and a session of ten hours.

Run with ``pytest -m benchmarks -s benchmarks/test_review.py``; needs Chromium.
"""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pytest

from detector.record.log import EpisodeLog
from tests.browser import Browser, browsing, chromium
from tests.histories import episode, twitch
from tests.review_logs import sample_session, serving, write_signals

pytestmark = pytest.mark.benchmarks

HOURS, FPS = 10.0, 30.0
EPISODES, NOT_KEPT = 10_000, 5_000
SIDES = ("left", "right", "both", "midline")
KINDS = ("fasciculation_like", "tic_like", "undetermined", "synkinesis_like")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with one session that holds everything, and its signals."""
    place = tmp_path_factory.mktemp("large")
    seconds = 3600.0 * HOURS
    minutes = (60.0,) * int(HOURS * 60.0)
    session = sample_session(duration_s=seconds, observed_s=seconds, observed_by_minute_s=minutes)
    with EpisodeLog(place / "log.sqlite") as log:
        log._db.execute("PRAGMA synchronous = OFF")  # made for the test: it may be lost
        run = log.begin(session)
        for k in range(EPISODES):
            one = episode(k + 1, seconds * (k + 0.5) / EPISODES, SIDES[k % 4], kind=KINDS[k // 4 % 4])
            log.add_episode(run, dataclasses.replace(one, confidence=k % 100 / 99.0))
        for k in range(NOT_KEPT):
            log.add_twitch(run, twitch(seconds * (k + 0.2) / NOT_KEPT, kept=False, score=6.5, reason="below threshold"))
        log.finish(run, session)
    rng = np.random.default_rng(1)
    score = np.abs(rng.normal(1.0, 0.8, (int(seconds * FPS), 14))).astype(np.float16)
    write_signals(place / "a.h5", session, score)
    return place


def took_ms(browser: Browser, script: str) -> float:
    """Until the picture after it is drawn."""
    return float(
        browser.run(
            f"(async () => {{ const began = performance.now(); {script};"
            " await new Promise(done => requestAnimationFrame(() => setTimeout(done)));"
            " return performance.now() - began; })()"
        )
    )


def memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_ten_thousand_episodes_in_ten_hours(folder: Path, tmp_path: Path) -> None:
    with browsing(tmp_path / "profile") as browser:
        browser.size(1280, 900)
        with serving(folder / "log.sqlite", "--signals", folder) as (url, process):
            began = time.perf_counter()
            browser.open(url)
            opened_s = time.perf_counter() - began
            assert browser.run("document.getElementById('progress').textContent") == "0 of 10000 reviewed, 10000 listed"
            assert browser.run("document.querySelectorAll('.row').length") < 60
            browser.until("document.getElementById('timeline').ariaLabel.includes('10000 episodes')")
            first_s = time.perf_counter() - began
            scroll = [
                took_ms(browser, f"document.getElementById('list').scrollTop = {place}")
                for place in np.random.default_rng(2).integers(0, 56 * EPISODES, 60)
            ]
            filters = [
                took_ms(
                    browser,
                    f"{{ const f = document.getElementById('f-{field}'); f.value = '{value}';"
                    " f.dispatchEvent(new Event('input')) }",
                )
                for field, value in (
                    ("side", "left"),
                    ("kind", "tic_like"),
                    ("text", "alar"),
                    ("order", "unsure"),
                    ("side", ""),
                )
            ]
            browser.run("document.getElementById('f-clear').click()")
            traces = [
                browser.run(
                    "(async () => { const began = performance.now();"
                    f" await (await fetch('/api/session/1/traces?from={begin}&to={begin + span}&columns=1000')).json();"
                    " return performance.now() - began; })()"
                )
                for begin, span in ((0.0, 36000.0), (9000.0, 3600.0), (20000.0, 60.0), (0.0, 36000.0))
            ]
            zooms = [took_ms(browser, "document.getElementById('zoom-in').click()") for _ in range(12)]
            browser.run("document.getElementById('zoom-all').click()")
            listing = browser.run(
                "(async () => { const began = performance.now(); const text = await (await fetch('/api/list')).text();"
                " return [performance.now() - began, text.length]; })()"
            )
            began = time.perf_counter()
            browser.press("c", "c", "c", "c", "c")
            browser.until("document.getElementById('progress').textContent.startsWith('5 of')")
            judged_s = time.perf_counter() - began
            used_mb = memory_mb(process.pid)
    print(
        f"\nopened {opened_s:.2f} s (with the timeline {first_s:.2f} s), "
        f"list {listing[0]:.0f} ms of {listing[1] / 1e6:.1f} MB"
    )
    print(f"scroll: median {np.median(scroll):.0f} ms, worst {max(scroll):.0f} ms")
    print(f"filter: median {np.median(filters):.0f} ms, worst {max(filters):.0f} ms")
    print(f"traces: {', '.join(f'{one:.0f}' for one in traces)} ms; zoom: worst {max(zooms):.0f} ms")
    print(f"five judgments by keyboard {judged_s:.2f} s; memory of the program {used_mb:.0f} MB")
    assert opened_s < 5.0 and max(scroll) < 200.0 and max(filters) < 1000.0 and max(traces) < 1000.0
