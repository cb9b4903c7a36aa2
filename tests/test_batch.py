"""What a batch makes of the answers that come back: rows, the log, tries, what ends it early."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.batch.job import BatchJob, BatchOutcome
from detector.batch.messages import Answer, Request
from detector.batch.run import AHEAD, run
from detector.batch.table import COLUMNS, Row
from detector.errors import OutputError, UsageError, WorkerError
from detector.record.log import EpisodeLog
from detector.terminal import Talk
from tests.fake_engine import FakeEngine, Script


class Bench:
    """A folder with clips, and batches over it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.table = folder, folder / "log.sqlite", folder / "table.csv"
        self.rows: list[Row] = []
        self.engine: FakeEngine

    def clips(self, *contents: str) -> list[str]:
        paths = [self.folder / f"{number:03d}.mp4" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(content)
        return [str(path) for path in paths]

    def run(
        self, clips: list[str], script: Script = lambda request, times: None, slots: int = 2, **wanted: object
    ) -> BatchOutcome:
        self.rows = []

        def start() -> FakeEngine:
            self.engine = FakeEngine(self.folder, script, slots)
            return self.engine

        job = BatchJob(clips, log=self.log, output=str(self.table), **wanted)  # type: ignore[arg-type]
        return run(job, start, Talk(-1), self.rows.append)

    def sessions(self) -> list[str]:
        with EpisodeLog(self.log) as log:
            return [Path(entry.session.source).name for entry in log.runs()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def failing(failure: str, reason: str, name: str, stage: str = "analyze", times: int = 99) -> Script:
    """The first ``times`` requests of that stage of clip ``name`` fail."""

    def script(request: Request, count: int) -> Answer | None:
        if Path(request.clip).name == name and request.stage == stage and count <= times:
            return Answer(failure, reason)  # type: ignore[arg-type]
        return None

    return script


def test_rows_come_in_the_order_of_the_clips_with_what_the_log_says(bench: Bench) -> None:
    clips = bench.clips("a", "b", "c")
    outcome = bench.run(clips)
    assert [row.clip for row in bench.rows] == clips and outcome.exit_code == 0
    row = bench.rows[0]
    assert (row.status, row.episodes, row.twitches, row.tries, row.observed_s) == ("done", 1, 2, 1, 1.5)
    assert sorted(bench.sessions()) == ["000.mp4", "001.mp4", "002.mp4"]
    assert bench.engine.closed


def test_the_same_content_is_analyzed_once_and_has_both_rows(bench: Bench) -> None:
    bench.run(bench.clips("a", "b", "a", "a"))
    assert [row.status for row in bench.rows].count("done") == 2 and len(bench.sessions()) == 2
    twins = [row for row in bench.rows if row.sha256 == bench.rows[0].sha256]
    assert len(twins) == 3 and len({row.session_id for row in twins}) == 1
    skipped = [row for row in twins if row.status == "skipped"]
    analyzed = next(row for row in twins if row.status == "done")
    assert [row.reason for row in skipped] == [f"the same content as {analyzed.clip}"] * 2
    assert all(row.twitches == 2 for row in skipped)


def test_again_goes_on_where_it_stopped(bench: Bench) -> None:
    clips = bench.clips("a", "b")
    bench.run(clips)
    moved = bench.clips("b", "a", "new")
    bench.run(moved)
    assert [(row.status, row.reason) for row in bench.rows[:2]] == [("skipped", "analyzed before")] * 2
    assert [name for stage, name in bench.engine.asked if stage == "analyze"] == ["002.mp4"]
    assert bench.rows[0].episodes == 1 and bench.rows[0].seconds is None
    bench.run(moved, threshold=9.0)  # the fake does not know of it; the request does
    assert len(bench.sessions()) == 3


def test_a_superseded_session_is_not_done(bench: Bench) -> None:
    clips = bench.clips("a")
    bench.run(clips)
    with EpisodeLog(bench.log) as log:
        session = log.runs()[0].session
        run_key = log.begin(replace(session, session_id="other"), replace=True)
        log.finish(run_key, replace(session, session_id="other"))
    bench.run(clips)
    assert bench.rows[0].status == "done"


def test_a_crash_is_tried_again_and_counted(bench: Bench) -> None:
    clips = bench.clips("a", "b", "c")
    outcome = bench.run(clips, failing("crash", "signal SIGSEGV", "001.mp4", times=2), retries=2)
    assert [(row.status, row.tries) for row in bench.rows] == [("done", 1), ("done", 3), ("done", 1)]
    assert outcome.exit_code == 0


def test_a_clip_that_always_crashes_is_a_row(bench: Bench) -> None:
    clips = bench.clips("a", "b", "c")
    outcome = bench.run(clips, failing("crash", "signal SIGSEGV", "001.mp4", stage="look"), retries=1)
    assert [(row.status, row.tries) for row in bench.rows] == [("done", 1), ("failed", 2), ("done", 1)]
    assert bench.rows[1].reason == "signal SIGSEGV" and outcome.exit_code == 3
    assert outcome.reasons == {"signal SIGSEGV": 1} and len(bench.sessions()) == 2


@pytest.mark.parametrize("failure", ["source", "time", "memory", "bug"])
def test_what_would_fail_again_is_tried_once(bench: Bench, failure: str) -> None:
    bench.run(bench.clips("a", "b"), failing(failure, "so it is", "000.mp4"), retries=5)
    assert (bench.rows[0].status, bench.rows[0].tries, bench.rows[0].reason) == ("failed", 1, "so it is")
    assert bench.engine.asked.count(("analyze", "000.mp4")) == 1
    assert bench.rows[0].sha256  # known from the look


def test_the_twin_of_a_clip_that_fails_fails_with_it(bench: Bench) -> None:
    bench.run(bench.clips("a", "a", "b"), failing("time", "over the time limit of 5 s", "001.mp4"))
    first = next(row for row in bench.rows if row.tries == 1 and row.status == "failed")
    twin = next(row for row in bench.rows if row.tries == 0)
    assert twin.status == "failed" and twin.reason == f"the same content as {first.clip}: over the time limit of 5 s"


def test_few_clips_are_in_flight(bench: Bench) -> None:
    bench.run(bench.clips(*map(str, range(20))), slots=2)
    assert bench.engine.most == 2 * AHEAD and len(bench.sessions()) == 20


def test_a_worker_that_can_do_no_clip_ends_it_and_what_is_done_is_kept(bench: Bench) -> None:
    clips = bench.clips(*map(str, range(12)))
    with pytest.raises(WorkerError, match=r"fake can do no clip: no model"):
        bench.run(clips, failing("setup", "no model", "010.mp4"))
    kept = bench.sessions()
    assert 0 < len(kept) < 12 and bench.engine.closed
    with bench.table.open(newline="") as file:
        assert sorted(Path(row["clip"]).name for row in csv.DictReader(file)) == sorted(kept)


def test_workers_with_other_versions_are_refused(bench: Bench) -> None:
    def script(request: Request, count: int) -> Answer:
        return Answer(sha256="a" * 64, session_id="b" * 12, versions={"nasalis": "0.0.1"})

    with pytest.raises(WorkerError, match=r"other versions \(.*nasalis 0.0.1 instead of .*same on all machines"):
        bench.run(bench.clips("a"), script)


def test_a_worker_that_does_not_see_the_file_says_so(bench: Bench) -> None:
    clips = [*bench.clips("a"), str(bench.folder / "nowhere.mp4")]
    bench.run(clips, lambda request, count: Answer("source", f"There is no file '{request.clip}'.", seen=False))
    assert bench.rows[0].reason.startswith("its worker does not see it: mount the folder there")
    assert bench.rows[1].reason.startswith("There is no file")


def test_interrupted_keeps_what_is_done(bench: Bench) -> None:
    def script(request: Request, count: int) -> Answer | None:
        if len(bench.engine.asked) > 14:
            raise KeyboardInterrupt
        return None

    outcome = bench.run(bench.clips(*map(str, range(16))), script)
    assert outcome.exit_code == 130 and bench.engine.closed and "16" not in outcome.closing_words().split(":")[0]
    done = len(bench.sessions())
    assert 0 < done == outcome.counts["done"] == len(bench.rows) < 16
    assert f"{16 - done} left" in outcome.closing_words()
    bench.run(bench.clips(*map(str, range(16))))
    assert len(bench.sessions()) == 16


def test_a_session_that_was_put_in_meanwhile_is_not_put_in_twice(bench: Bench) -> None:
    clips = bench.clips("a")

    def script(request: Request, count: int) -> Answer | None:
        if request.stage == "analyze":  # another batch is quicker
            with EpisodeLog(bench.log) as log:
                it = bench.engine.session(request)
                log.finish(log.begin(it), replace(it, status="complete"))
        return None

    bench.run(clips, script)
    assert bench.sessions() == ["000.mp4"] and bench.rows[0].status == "done"


def test_the_table_and_what_explains_it(bench: Bench) -> None:
    bench.run(bench.clips("a", "=b", "c"), failing("source", "'=it' is cut short", "001.mp4", "look"))
    with bench.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [column.name for column in COLUMNS]
    assert rows[0]["duration_s"] == "2.000" and rows[1]["duration_s"] == "" and rows[1]["status"] == "failed"
    about = json.loads(bench.table.with_suffix(".json").read_text())
    assert about["rows"] == 3 and about["counts"] == {"done": 2, "failed": 1, "skipped": 0}
    assert [column["name"] for column in about["columns"]] == list(rows[0])
    assert about["settings"]["sensitivity"] == "normal" and "nasalis" in about["versions"]


def test_workers_that_cannot_start_leave_an_older_table(bench: Bench) -> None:
    clips = bench.clips("a")
    bench.run(clips)
    before = bench.table.read_bytes()

    def start() -> FakeEngine:
        raise UsageError("there is no scheduler")

    with pytest.raises(UsageError):
        run(BatchJob(clips, log=bench.log, output=str(bench.table)), start, Talk(-1))
    assert bench.table.read_bytes() == before


def test_outputs_are_tried_before_hours_of_work(bench: Bench, tmp_path: Path) -> None:
    clips = bench.clips("a")
    bench.table = tmp_path / "nowhere" / "table.csv"
    with pytest.raises(OutputError, match="does not exist"):
        bench.run(clips)
    with EpisodeLog(bench.log):
        pass
    bench.table = bench.log
    with pytest.raises(UsageError, match="episode log"):
        bench.run(clips)
    bench.table = tmp_path / "t.csv"
    with pytest.raises(UsageError, match="is a file: name a folder"):
        bench.run(clips, parquet=bench.log)


def test_a_clip_without_a_face_is_done_and_says_why_it_says_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, object] = {"observed_s": 0.0, "not_observed_s": {"no_face": 2.0}}
    monkeypatch.setattr("tests.fake_engine.session_of", _with(changes))
    bench.run(bench.clips("a"))
    assert (bench.rows[0].status, bench.rows[0].reason) == ("done", "nothing was observed: no face 2.0 s")


def _with(changes: dict[str, object]) -> Callable[[Path], object]:
    from tests.fake_engine import session_of

    return lambda clip: replace(session_of(clip), **changes)  # type: ignore[arg-type]
