"""A log of three made-up months, so that a newcomer sees a report before there is anything to report.

It goes through the same log as everything else; every session names ``simulated`` as its source, by which a report
knows to say so on every page. The same seed gives the same findings.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from detector.errors import LogError, NasalisError, UsageError
from detector.record.entries import JournalEntry
from detector.record.files import explained, real_path, temporary_beside
from detector.record.log import EpisodeLog
from detector.record.schema import APPLICATION_ID
from detector.study import demo_findings, demo_story
from detector.study.demo_story import StoryDay, is_in

SOURCE = "simulated"
PERSON = "A made-up person"
APPLICATION_AT, HEADER_BYTES = 68, 72  # where an SQLite file says whose it is (sqlite.org/fileformat.html)


def last_day() -> date:
    """The day the demo is told on."""
    return demo_story.FIRST + timedelta(days=demo_story.DAYS - 1)


def write_demo_log(path: Path) -> None:
    """Write the log of the demo to ``path``; an older demo there is replaced.

    Raises
    ------
    UsageError
        ``path`` holds a log of somebody, or another file.
    OutputError
        It cannot be written.
    """
    path = real_path(path)
    if path.exists() and not is_demo_log(path):
        raise UsageError(
            f"{path} is there and is no demo of nasalis, so it is left alone: name another report with -o, "
            "the log of the demo is written beside it."
        )
    temporary = temporary_beside(path, "demo")
    with explained(path):
        try:
            temporary.touch(mode=0o600)  # says at once what is wrong with the folder
            with EpisodeLog(temporary) as log:
                fill(log)
            _forget(path, ("-wal", "-shm"))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            _forget(temporary, ("-wal", "-shm"))


def is_demo_log(path: Path) -> bool:
    """Whether ``path`` is a log with sessions, all of them simulated."""
    if not path.is_file():
        return False
    with path.open("rb") as file:  # opening another's database as a log would already change who may read it
        if int.from_bytes(file.read(HEADER_BYTES)[APPLICATION_AT:], "big") != APPLICATION_ID:
            return False
    with contextlib.suppress(NasalisError), EpisodeLog(path, must_exist=True) as log:
        runs = log.runs(include_superseded=True)
        return bool(runs) and all(run.session.source == SOURCE for run in runs)
    return False


def fill(log: EpisodeLog, seed: int = demo_story.SEED) -> None:
    """Write the three months into an empty log.

    Raises
    ------
    LogError
        The log is not empty.
    """
    if log.runs(include_superseded=True):
        raise LogError(f"{log.path} has sessions already: the demo needs an empty log")
    rng = np.random.default_rng(seed)
    days = demo_story.tell(rng)
    log.write_journal(journal(days))
    for day in days:
        for watch in day.watches:
            start = _moment(day.date, watch.hour)
            made = demo_findings.session(day, watch, start, rng)
            run = log.begin(made.session)
            for episode in made.episodes:
                log.add_episode(run, episode)
            for t_s in made.felt_s:
                log.add_marker(run, t_s)
            log.finish(run, made.session)


def journal(days: list[StoryDay]) -> list[JournalEntry]:
    """What the made-up person wrote down."""
    entries: list[JournalEntry] = []
    for k, day in enumerate(days):
        entries.append(_entry("sleep", day.date, 7.25, day.sleep_h, "h", details={"quality": day.sleep_quality}))
        entries += [_entry("caffeine", day.date, 7.75 + 3.0 * n, mg, "mg") for n, mg in enumerate(day.coffee_mg)]
        if k % 2 == 0:
            entries.append(_entry("stress", day.date, 21.0, day.stress, "0-10"))
        if is_in(k, demo_story.COLD_FROM, demo_story.COLD_DAYS):
            entries.append(_entry("cold", day.date, 20.0, 4.0, "0-10"))
        if k >= demo_story.HAY_FEVER_FROM and day.date.weekday() in (1, 4):
            entries.append(_entry("allergy", day.date, 20.0, 3.0, "0-10"))
        if day.date.weekday() in (0, 3) and k > 20:
            entries.append(_entry("warm_compress", day.date, 21.5, 10.0, "min"))
    return entries + _single_entries()


def _single_entries() -> list[JournalEntry]:
    def on(k: int) -> date:
        return demo_story.FIRST + timedelta(days=k)

    return [
        _entry("note", on(0), 9.0, text="It began about a week ago, on the left beside the nostril."),
        _entry("supplement", on(demo_story.MAGNESIUM_FROM), 8.0, 300.0, "mg", text="Magnesium"),
        _entry(
            "medication",
            on(demo_story.HAY_FEVER_FROM),
            8.0,
            10.0,
            "mg",
            text="Cetirizine",
            details={"change": "started"},
        ),
        _entry("note", on(demo_story.LAMP_FROM), 9.5, text="The desk lamp is broken, the picture is darker."),
        _entry(
            "experiment",
            on(demo_story.EXPERIMENT_FROM),
            0.0,
            float(demo_story.EXPERIMENT_DAYS),
            "days",
            text="No caffeine",
            details={"baseline_days": demo_story.BASELINE_DAYS},
        ),
    ]


def _entry(
    kind: str,
    day: date,
    hour: float,
    value: float | None = None,
    unit: str = "",
    text: str = "",
    details: dict[str, object] | None = None,
) -> JournalEntry:
    return JournalEntry(
        kind=kind,
        at=_moment(day, hour).isoformat(),
        zone="UTC",
        value=value,
        unit=unit,
        text=text,
        details=details or {},
    )


def _moment(day: date, hour: float) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(minutes=round(60.0 * hour))


def _forget(path: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        path.with_name(path.name + ending).unlink(missing_ok=True)
