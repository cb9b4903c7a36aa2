"""What ``nasalis batch`` does: hands out clips, takes what comes back, and is the only one that writes.

A clip goes out twice: to be looked at (its hash tells whether it is analyzed already, or under another name), then to
be analyzed. The session that comes back goes into the log in one transaction, so whoever dies, no half clip is there.
What is done is known from the log alone: the same command again goes on where it stopped, and tries what failed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.analyzing import check_writable
from detector.batch.engine import Engine
from detector.batch.job import BatchJob, BatchOutcome
from detector.batch.messages import Answer, Request, Stage
from detector.batch.parquet_set import ParquetSet
from detector.batch.progress import Pace, shown
from detector.batch.table import STDOUT, Row, TableFile
from detector.config import Settings
from detector.errors import UsageError, WorkerError
from detector.record.export import sidecar_path
from detector.record.log import EpisodeLog
from detector.session import versions
from detector.stopping import interruptible
from detector.tables import why_not_observed
from detector.terminal import Talk
from detector.types import Session

AHEAD = 4  # clips in flight per slot: enough that no worker waits for the next, and a million clips stay a few
WAIT_S = 0.5  # for an answer, before the progress is shown anew


@dataclass(slots=True)
class _Flight:
    stage: Stage
    tries: int
    looked: Answer | None = None


def run(
    job: BatchJob, start: Callable[[], Engine], talk: Talk, on_row: Callable[[Row], None] = lambda row: None
) -> BatchOutcome:
    """Analyze all clips.

    Parameters
    ----------
    job : BatchJob
    start : callable
        Makes the engine, when everything else is known to be in order.
    on_row : callable
        Called with the row of each clip, in the order of the clips.

    Raises
    ------
    NasalisError
        An output or the log cannot be written, or no worker can do a clip; what is done until then is kept.
    """
    settings = _checked(job)
    with EpisodeLog(job.log) as log:
        parts = None if job.parquet is None else ParquetSet(job.parquet, log)
        try:
            batch = _Batch(job, settings, log, parts, talk, on_row)
            with interruptible():
                try:
                    batch.work(start)
                except KeyboardInterrupt:
                    batch.outcome.interrupted = True
                finally:
                    batch.finish()
            return batch.outcome
        finally:
            if parts is not None:
                parts.close()


def _checked(job: BatchJob) -> Settings:
    from models import resolve

    resolve(job.model)  # what is missing here is missing for every clip
    if job.output not in (None, STDOUT):
        for path in (Path(str(job.output)), sidecar_path(Path(str(job.output)))):
            check_writable(path)
    if job.parquet is not None and job.parquet.exists() and not job.parquet.is_dir():
        raise UsageError(f"--parquet {job.parquet} is a file: name a folder.")
    return Settings(sensitivity=job.sensitivity, threshold=job.threshold)


class _Batch:
    def __init__(
        self,
        job: BatchJob,
        settings: Settings,
        log: EpisodeLog,
        parts: ParquetSet | None,
        talk: Talk,
        on_row: Callable[[Row], None],
    ) -> None:
        self._job, self._log, self._parts, self._talk, self._on_row = job, log, parts, talk, on_row
        self._settings = settings
        self._versions = versions()
        self.outcome = BatchOutcome(log.path, len(job.clips))
        self._table: TableFile | None = None
        self._pace = Pace(len(job.clips))
        self._flights: dict[int, _Flight] = {}
        self._working: dict[str, list[int]] = {}  # of a content that is analyzed now, other clips that hold it
        self._first: dict[bytes, int] = {}  # of each content, the clip that was analyzed: 100 MB for a million
        self._failed: dict[str, Row] = {}  # by content: it would take as long to fail again
        self._rows: dict[int, Row] = {}  # done, but a clip before them is not
        self._next = 0  # clip to hand out
        self._told = 0  # clip whose row comes next

    def work(self, start: Callable[[], Engine]) -> None:
        """Until every clip has its row."""
        engine = start()
        try:
            if self._job.output is not None:  # not before: an empty table over an older one would look like an answer
                self._table = TableFile(self._job.output)
            with shown(self._pace, self._talk) as show:
                while self._told < len(self._job.clips):
                    while self._next < len(self._job.clips) and len(self._flights) < AHEAD * max(engine.slots(), 1):
                        self._send(engine, self._next, _Flight("look", 1))
                        self._next += 1
                    for index, answer in engine.finished(WAIT_S):
                        self._take(engine, index, self._flights.pop(index), answer)
                    if self._parts is not None:
                        self._parts.tick()
                    show()
        finally:
            engine.close()

    def finish(self) -> None:
        """Write what waits to be written: rows that wait for one before them too."""
        for index in sorted(self._rows):
            self._tell(self._rows.pop(index))
        if self._parts is not None:
            self._parts.flush()
        if self._table is not None:
            settings = self._settings.model_dump()
            self._table.finish(self.outcome.to_dict() | {"settings": settings, "versions": self._versions})

    def _send(self, engine: Engine, index: int, flight: _Flight) -> None:
        self._flights[index] = flight
        job = self._job
        request = Request(
            flight.stage,
            job.clips[index],
            self._settings.model_dump(),
            None if job.model is None else os.path.abspath(job.model),  # noqa: PTH100  as it is named, links and all
            job.time_limit_s,
            job.memory_limit_mb,
        )
        engine.submit(index, request)

    def _take(self, engine: Engine, index: int, flight: _Flight, answer: Answer) -> None:
        if answer.failure == "setup":
            raise WorkerError(f"{answer.worker or 'a worker'} can do no clip: {answer.reason}")
        if answer.failure == "crash" and flight.tries <= self._job.retries:
            self._talk.detail(f"{self._job.clips[index]}: {answer.reason}; trying again.")
            self._send(engine, index, replace(flight, tries=flight.tries + 1))
        elif flight.stage == "look":
            self._looked(engine, index, flight, answer)
        else:
            self._analyzed(index, flight, answer)

    def _looked(self, engine: Engine, index: int, flight: _Flight, answer: Answer) -> None:
        if answer.failure:
            self._settle(index, self._row(index, flight, answer))
            return
        self._check_versions(answer)
        twins = self._working.get(answer.sha256)
        if twins is not None:
            twins.append(index)
            return
        if answer.sha256 in self._failed:
            self._settle_twin(index, self._failed[answer.sha256])
            return
        run = self._log.find_complete(answer.sha256, answer.session_id)
        first = self._first.get(bytes.fromhex(answer.sha256))
        if run is not None:
            reason = "analyzed before" if first is None else f"the same content as {self._job.clips[first]}"
            row = self._row(index, replace(flight, tries=0), answer, run)
            self._settle(
                index, replace(row, status="skipped", reason=reason, seconds=None, cpu_s=None, peak_mb=None, worker="")
            )
            return
        self._working[answer.sha256] = []
        self._send(engine, index, _Flight("analyze", 1, answer))

    def _analyzed(self, index: int, flight: _Flight, answer: Answer) -> None:
        assert flight.looked is not None
        twins = self._working.pop(flight.looked.sha256)
        run = None
        if not answer.failure:
            self._check_versions(answer)
            run, _ = self._log.add_packed(answer.parcel)
            self._first[bytes.fromhex(flight.looked.sha256)] = index
        row = self._row(index, flight, answer, run)
        self._settle(index, row)
        if row.status == "failed":
            self._failed[row.sha256] = row
        for twin in twins:
            self._settle_twin(twin, row)

    def _settle_twin(self, index: int, first: Row) -> None:
        """The row of a clip with the content of another one, that was analyzed."""
        failed = first.status == "failed"
        words = f"the same content as {first.clip}" + (f": {first.reason}" if failed else "")
        row = replace(first, clip=self._job.clips[index], status="failed" if failed else "skipped", reason=words)
        self._settle(index, replace(row, tries=0, seconds=None, cpu_s=None, peak_mb=None, worker=""))

    def _check_versions(self, answer: Answer) -> None:
        theirs = dict(answer.versions)
        other = sorted(n for n in {*theirs, *self._versions} if theirs.get(n) != self._versions.get(n))
        if other:
            names = ", ".join(f"{n} {theirs.get(n, 'missing')} instead of {self._versions.get(n)}" for n in other)
            raise WorkerError(f"{answer.worker} has other versions ({names}): install the same on all machines")

    def _row(self, index: int, flight: _Flight, answer: Answer, run: int | None = None) -> Row:
        row = Row(
            self._job.clips[index],
            "failed" if answer.failure else "done",
            answer.reason,
            sha256=answer.sha256 or (flight.looked.sha256 if flight.looked is not None else ""),
            tries=flight.tries,
            seconds=answer.seconds,
            cpu_s=answer.cpu_s if not answer.failure else None,
            peak_mb=answer.peak_mb,
            worker=answer.worker,
        )
        if not answer.seen and os.path.lexists(row.clip):
            words = "its worker does not see it: mount the folder there under the same name"
            return replace(row, reason=f"{words} ({row.reason.rstrip('.')})")
        if run is None:
            return row
        session = self._log.session(run)
        if self._parts is not None:
            self._parts.add(run, session.session_id)
        return replace(
            row,
            reason=_why_nothing(session),
            sha256=session.sha256,
            session_id=session.session_id,
            duration_s=session.duration_s,
            observed_s=session.observed_s,
            episodes=len(self._log.episodes(run, with_twitches=False)),
            twitches=sum(mark.kept for mark in self._log.twitch_marks(run)),
        )

    def _settle(self, index: int, row: Row) -> None:
        self._pace.count(row.status)
        self.outcome.counts[row.status] += 1
        if row.status == "failed":
            self.outcome.reasons[row.reason.replace(row.clip, "...")] += 1
        self._rows[index] = row
        while self._told in self._rows:
            self._tell(self._rows.pop(self._told))
            self._told += 1

    def _tell(self, row: Row) -> None:
        if row.status == "failed":
            self._talk.detail(f"{row.clip}: {row.reason}")
        if self._table is not None:
            self._table.add(row)
        self._on_row(row)


def _why_nothing(session: Session) -> str:
    """Empty when something was observed."""
    return "" if session.observed_s > 0.0 else f"nothing was observed: {why_not_observed(session.not_observed_s)}"
