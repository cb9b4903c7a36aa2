"""``nasalis report``: a log as one HTML file, as PDF, in a few lines, or as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path

from detector.errors import UsageError
from detector.record.files import real_path, write_whole
from detector.record.log import EpisodeLog

_STDOUT = Path("-")
DEMO_OUTPUT = Path("nasalis-demo.html")


@dataclass(frozen=True, slots=True)
class ReportJob:
    """What is asked for.

    Attributes
    ----------
    output, pdf : Path or None
        Files to write, ``-`` for stdout; without both, the report is told in a few lines.
    log : Path or None
        The log to read; of a demo None, its own is written beside the report.
    since, until : str or None
        Days, ISO 8601: ``[since, until)``.
    zone : str or None
        IANA name; None: that of this computer, of a demo UTC.
    """

    output: Path | None = None
    pdf: Path | None = None
    log: Path | None = None
    since: str | None = None
    until: str | None = None
    zone: str | None = None
    name: str = ""
    demo: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: text for stdout, empty when files were written, and what was written where."""

    text: str
    written: tuple[Path, ...]
    log: Path

    def closing_words(self) -> str:
        """What was written where, or what was read."""
        if not self.written:
            return f"Log: {self.log}"
        return f"Written: {', '.join(str(path) for path in self.written)}"


def run(job: ReportJob) -> Report:
    """Make the report."""
    from detector.study import demo
    from detector.study.journal_times import zone_named
    from detector.study.pdf import check_pdf
    from detector.study.report_data import gather

    if _STDOUT in (job.output, job.pdf) and (job.demo or job.as_json or job.output == job.pdf):
        raise UsageError(
            "Only one output can go to the standard output, and none of --demo: give the others file names."
        )
    if job.output is not None and job.pdf is not None and real_path(job.output) == real_path(job.pdf):
        raise UsageError(f"-o and --pdf both name {job.pdf}, where only one of the two could be: give each its own.")
    if job.pdf is not None:
        check_pdf()
    zone = zone_named(job.zone).rules if job.zone or not job.demo else UTC
    output, log, made, today, name = job.output, job.log, [], None, job.name
    if job.demo:
        output = job.output or (DEMO_OUTPUT if job.pdf is None else None)
        log = _demo_log(job)
        demo.write_demo_log(log)
        made, today, name = [real_path(log)], demo.last_day(), name or demo.PERSON
    since, until = _day(job.since, "--since"), _day(job.until, "--until")
    if since is not None and until is not None and until <= since:
        raise UsageError(f"--until {until} is not after --since {since}: no day is left to report on.")
    with EpisodeLog(log, must_exist=True) as book:
        data = gather(book, since=since, until=until, zone=zone, name=name, today=today)
        path = book.path
    files: dict[Path | None, bytes] = {}
    if output is not None or job.pdf is not None:
        from detector.study.report_page import make_page, render

        page = make_page(data)
        if output is not None:
            files[_target(output, path)] = render(page).encode("utf-8")
        if job.pdf is not None:
            from detector.study.pdf import to_pdf

            files[_target(job.pdf, path)] = to_pdf(render(page, static=True))
        write_whole(files)
    text = ""
    if job.as_json:
        from detector.study.report_document import document

        text = document(data)
    elif not files:
        from detector.study.report_document import short_text

        text = short_text(data)
    return Report(text, (*made, *(target for target in files if target is not None)), path)


def _demo_log(job: ReportJob) -> Path:
    if job.log is not None:
        raise UsageError("--log is not for --demo, which writes a log of its own beside the report: leave it out.")
    return (job.output or job.pdf or DEMO_OUTPUT).with_suffix(".sqlite")


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{option} '{text}' is no day: write it like 2026-03-01") from error


def _target(path: Path, log: Path) -> Path | None:
    """Where it goes; None: stdout."""
    if path == _STDOUT:
        return None
    target = real_path(path)
    if target.exists() and target.samefile(log):
        raise UsageError(f"{path} is the episode log itself: choose another name for the report.")
    return target
