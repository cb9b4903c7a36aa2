"""``kill -9`` and Ctrl-C at random moments, many programs at once: what was reported is in the log, every log opens.

One log sees all deaths, as that of a person would. Of what runs to its end a table of an earlier time is overwritten,
and must be either whole as it was or whole and new after every death.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from benchmarks.material import QUICK, ROOT, show
from detector.record.check import check_log
from detector.record.log import EpisodeLog

SAMPLE = ROOT / "samples" / "twitches.mp4"
SEED = 7
KILLS = 3 if QUICK else int(os.environ.get("NASALIS_KILLS", "100"))  # of each victim
BATCH_KILLS = 2 if QUICK else int(os.environ.get("NASALIS_BATCH_KILLS", "20"))
STOPS = 3 if QUICK else int(os.environ.get("NASALIS_STOPS", "60"))  # Ctrl-C
LIVE_STARTS = 2.0  # kills of a watch fall evenly into so many times what it takes to report its first episode
ORPHANS_S = 15.0  # in which what a killed program had started must have ended by itself
CLIPS_HERE = "CLIPS"  # in a command: a folder with short clips
CLIP_COUNT = 3
JUST_AFTER_S = 0.05  # of what was said: when something is being written
PART_S = 6.0  # of the clip that is analyzed: several twitches, and seconds instead of half a minute
FIRST_LINE = 'cli.py", line 9'
OLD_TABLE = b"episode_id,of_an_earlier_time\r\nwhole,yes\r\n"


@dataclass(frozen=True, slots=True)
class Victim:
    """A command that is killed; another one is another of these.

    Attributes
    ----------
    words : tuple of str
        The command, without ``--log``.
    event : str
        What a line of its stdout holds after which something is written: a third of the kills come just after one.
    csv : bool
        It writes a table, over an older one.
    """

    name: str
    words: tuple[str, ...]
    event: str
    csv: bool = False


LIVE = Victim(
    "live",
    ("live", "--source", str(SAMPLE), *["--replay", "--replay-speed", "max", "--loop", "--no-window", "--json"]),
    '"event": "episode"',
)
ANALYZE = Victim("analyze", ("analyze", str(SAMPLE), "--end", f"{PART_S:g}"), "episode", csv=True)
# each time with another threshold: what is done with one is not done again
BATCH = Victim("batch", ("batch", CLIPS_HERE, "--workers", "2"), "nothing", csv=True)
VICTIMS = (LIVE, ANALYZE, BATCH)


@dataclass(slots=True)
class Tally:
    """What came of all deaths of one victim."""

    deaths: int = 0
    before_the_log: int = 0  # killed before its session was in the log
    inside_a_write: int = 0  # a write-ahead log was left that had to be read
    ended: int = 0  # it was done before the kill
    reported: int = 0
    kept: int = 0  # episodes of killed runs in the log
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=lambda: {"old": 0, "new": 0, "neither": 0})
    leftovers: int = 0  # files half written, under names of their own
    orphans: int = 0  # processes that outlived their program


def short_clips(folder: Path) -> None:
    """The beginning of the sample, several times; no two files are the same."""
    import av

    folder.mkdir()
    first = folder / "clip 0.mp4"
    with av.open(str(SAMPLE)) as source, av.open(str(first), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and float(packet.pts * packet.time_base) < PART_S:
                packet.stream = stream
                target.mux(packet)
    for number in range(1, CLIP_COUNT):
        (folder / f"clip {number}.mp4").write_bytes(first.read_bytes() + b"\0" * number)


def session_of(pid: int) -> list[int]:
    """The processes of the session that a process began, itself left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != pid:
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()  # proc_pid_stat(5)
                if int(fields[6 - 3]) == pid and fields[3 - 3] != b"Z":
                    found.append(int(folder.name))
    return found


def end_of(pid: int) -> int:
    """Wait for what a program had started; how many had to be ended by hand."""
    until = time.monotonic() + ORPHANS_S
    while (left := session_of(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    for orphan in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)
    return len(left)


def start(words: tuple[str, ...], log: Path, *more: str) -> subprocess.Popen[str]:
    """The command in a session of its own."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *words, "--log", str(log), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


# Loads everything once, and for each line it gets is a program of its own: what it prints goes to a file.
_NURSERY = """
import json, os, signal, sys
import cli, cv2, mediapipe
from detector import analyzing, live, live_frames, live_job, session, warm
from detector.config import Settings
from detector.deciding import Decider
from detector.measuring import Measurer
from models import resolve
for _ in Decider(Settings()).run(Measurer(Settings(), resolve()).measure(warm._noise())):
    pass
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    words, out = json.loads(line)
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        continue
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    os.dup2(2, 0)
    sys.argv[1:] = words
    cli.main()
    os._exit(0)
"""


class Nursery:
    """Starts programs that are loaded already; a context manager. Batch, which starts others, is started as usual."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self._read() == "ready"

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def begin(self, victim: Victim, words: list[str]) -> int:
        """The process."""
        self._out.write_text("")
        if victim.name == BATCH.name:
            with self._out.open("w") as out:
                command = [sys.executable, str(ROOT / "cli.py"), *words]
                process = subprocess.Popen(
                    command, stdout=out, stderr=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
                )
            threading.Thread(target=process.wait, daemon=True).start()
            return process.pid
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([words, str(self._out)]) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def said(self) -> list[str]:
        """The whole lines it has printed."""
        return [line for line in self._out.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def count_runs(log: Path) -> int:
    if not log.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM sessions").fetchone()[0])


def is_there(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def doomed(
    victim: Victim, log: Path, more: tuple[str, ...], nursery: Nursery, after_s: float, after_event: bool
) -> tuple[list[str], int]:
    """Run the command and kill it ``after_s`` from its start or an event; what it had said, and what outlived it.

    The event of a batch, which says nothing, is its first session in the log.
    """
    runs_before = count_runs(log) if victim.name == BATCH.name else 0
    pid = nursery.begin(victim, [*victim.words, "--log", str(log), *more])
    begin = time.monotonic()
    while after_event and is_there(pid):
        if victim.name == BATCH.name and count_runs(log) > runs_before:
            break
        if any(victim.event in line for line in nursery.said()):
            break
        time.sleep(0.005)
        begin = time.monotonic()
    while is_there(pid) and (left_s := begin + after_s - time.monotonic()) > 0.0:
        time.sleep(min(left_s, 0.1))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while is_there(pid):
        time.sleep(0.005)
    return nursery.said(), end_of(pid)


def look(victim: Victim, log: Path, lines: list[str], runs_before: int, tally: Tally) -> None:
    """What the log holds after a death, against what was said."""
    wal = Path(f"{log}-wal")
    tally.inside_a_write += wal.exists() and wal.stat().st_size > 0
    checked = check_log(log)
    if not checked.sound:
        tally.unsound.append(checked.words())
    with EpisodeLog(log) as book:
        runs = book.runs(True)[runs_before:]
        kept = {row.episode_id for run in runs for row in book.episodes(run.run)}
        if not runs:
            tally.before_the_log += 1
        tally.ended += bool(runs) and runs[-1].session.status == "complete"
    if victim.name == LIVE.name:
        told = {json.loads(line)["episode_id"] for line in lines if victim.event in line}
        tally.reported += len(told)
        tally.lost += sorted(told - kept)
    tally.kept += len(kept)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    with Nursery(tmp_path) as made:
        yield made


@pytest.mark.benchmarks
@pytest.mark.parametrize("victim", VICTIMS, ids=lambda victim: victim.name)
def test_killed_at_any_moment(victim: Victim, nursery: Nursery, tmp_path: Path) -> None:
    log, table = tmp_path / "log.sqlite", tmp_path / "tables" / "episodes.csv"
    table.parent.mkdir()
    more = (("-o" if victim is BATCH else "--csv"), str(table)) if victim.csv else ()
    if victim is BATCH:
        short_clips(tmp_path / "clips")
        victim = replace(
            victim, words=tuple(word.replace(CLIPS_HERE, str(tmp_path / "clips")) for word in victim.words)
        )
    chance = random.Random(SEED)
    begin = time.monotonic()
    whole = b""
    if not victim.csv:
        doomed(victim, log, more, nursery, 0.0, after_event=True)
        length_s = LIVE_STARTS * (time.monotonic() - begin)
    else:  # how long it takes, and what it writes when nothing happens to it
        doomed(victim, log, more, nursery, math.inf, after_event=False)
        length_s, whole = time.monotonic() - begin, table.read_bytes()
    with EpisodeLog(log):
        pass
    tally = Tally()
    is_batch = victim.name == BATCH.name
    kills = BATCH_KILLS if is_batch else KILLS
    for number in range(kills):
        if victim.csv:
            table.write_bytes(OLD_TABLE)
        with EpisodeLog(log) as book:
            runs_before = len(book.runs(True))
        own = (*more, "--threshold", f"{5.0 + 0.01 * number:.2f}") if is_batch else more
        just_after = number % 3 == 2
        # a batch has most of its time behind it when the first clip is done: its deaths fall among the others
        shortly_s = 0.25 * length_s if is_batch else JUST_AFTER_S
        after_s = chance.uniform(0.0, shortly_s if just_after else length_s)
        lines, orphans = doomed(victim, log, own, nursery, after_s, just_after)
        tally.orphans += orphans
        tally.deaths += 1
        look(victim, log, lines, runs_before, tally)
        if victim.csv:
            found = table.read_bytes()
            same = found == whole or (is_batch and found.count(b"\n") == whole.count(b"\n") and found[-1:] == b"\n")
            tally.tables["old" if found == OLD_TABLE else "new" if same else "neither"] += 1
    tally.leftovers = len(list(table.parent.glob(".*")))
    with EpisodeLog(log) as book:
        statuses = [run.session.status for run in book.runs(True)]
    rows = [
        ["killed; of these before their session was in the log, after it was complete",
         f"{tally.deaths}; {tally.before_the_log}, {tally.ended}"],
        ["a write-ahead log was left", str(tally.inside_a_write)],
        ["episodes reported; lost", f"{tally.reported}; {len(tally.lost)}"],
        ["episodes of killed runs in the log", str(tally.kept)],
        ["logs that did not open or were not sound", str(len(tally.unsound))],
        ["sessions: complete, interrupted, still running", ", ".join(str(statuses.count(status)) for status in
                                                                     ("complete", "interrupted", "running"))],
        ["processes that outlived their program", str(tally.orphans)],
        ["size of the log", f"{log.stat().st_size / 1e3:.0f} kB"],
        ["took", f"{(time.monotonic() - begin) / 60.0:.1f} min"],
    ]  # fmt: skip
    if victim.csv:
        words = ", ".join(f"{count} {name}" for name, count in tally.tables.items())
        rows.append(["the older table afterwards; files left half written", f"{words}; {tally.leftovers}"])
    show(f"kill -9 of nasalis {victim.name}, {kills} times at random moments", ("", ""), rows, "")
    assert not tally.lost and not tally.unsound and not tally.tables["neither"]
    assert not tally.orphans
    assert statuses.count("running") <= (2 if is_batch else 1)  # the last one: the next to begin would close it


@pytest.mark.benchmarks
def test_stopped_by_hand_at_any_moment(tmp_path: Path) -> None:
    log, table = tmp_path / "log.sqlite", tmp_path / "episodes.csv"
    second = tmp_path / "another.mp4"
    second.write_bytes(SAMPLE.read_bytes() + b"\0")  # another file, with the same pictures
    words = ("analyze", str(SAMPLE), str(second), "--end", f"{PART_S:g}")
    begin = time.monotonic()
    start(words, log, "--csv", str(table)).communicate()
    length_s, whole = time.monotonic() - begin, table.read_bytes()
    chance = random.Random(SEED)
    codes: dict[int, int] = {}
    early: list[float] = []  # when it was stopped before its first line
    slowest_s = 0.0
    odd: list[str] = []
    for _ in range(STOPS):
        table.write_bytes(OLD_TABLE)
        process = start(words, log, "--csv", str(table))
        after_s = chance.uniform(0.0, length_s)
        time.sleep(after_s)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        at_s = time.monotonic()
        _, said = process.communicate(timeout=120)
        slowest_s = max(slowest_s, time.monotonic() - at_s)
        codes[process.returncode] = codes.get(process.returncode, 0) + 1
        # Python is loading itself, and answers in its own way
        by_python = process.returncode in (1, -signal.SIGINT) and "analyzing" not in said
        if by_python and "cli.py" not in said.replace(FIRST_LINE, ""):
            early.append(after_s)
        elif process.returncode not in (0, 130) or "Traceback" in said:
            odd.append(f"after {after_s:.2f} s, exit {process.returncode}: {said[-800:]}")
        checked = check_log(log)
        if not checked.sound:
            odd.append(checked.words())
        found = table.read_bytes()
        if found not in (OLD_TABLE, whole) and not (
            found.startswith(b"episode_id,session_id") and found.endswith(b"\n")
        ):
            odd.append(f"a table that is not whole: {found[-100:]!r}")
    with EpisodeLog(log) as book:
        statuses = [run.session.status for run in book.runs(True)]
    rows = [
        ["exit codes", ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))],
        ["stopped while Python loaded itself, after s", ", ".join(f"{s:.2f}" for s in early) or "-"],
        ["from Ctrl-C to the end, s at most", f"{slowest_s:.1f}"],
        ["tracebacks, logs not sound, tables not whole", str(len(odd))],
        ["sessions", ", ".join(f"{statuses.count(s)} {s}" for s in sorted(set(statuses)))],
    ]
    show(f"Ctrl-C in nasalis analyze of two clips, {STOPS} times at random moments", ("", ""), rows, "")
    assert not odd, "\n".join(odd)


_WRITER = """
import sys, time
from pathlib import Path
from detector.record.log import EpisodeLog
from tests.test_log import episode, session
slowest = 0.0
with EpisodeLog(Path(sys.argv[1])) as log:
    run = log.begin(session(sys.argv[2], sha256=sys.argv[2]))
    for number in range(1, int(sys.argv[3]) + 1):
        begin = time.monotonic()
        log.add_episode(run, episode(number, float(number)))
        slowest = max(slowest, time.monotonic() - begin)
    log.finish(run, session(sys.argv[2], sha256=sys.argv[2], status="complete"))
print(slowest)
"""
WRITERS, WRITES = 4, 50 if QUICK else 500


@pytest.mark.benchmarks
def test_many_programs_write_one_log(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    with EpisodeLog(log):
        pass
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    begin = time.monotonic()
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(log), f"w{k}", str(WRITES)], stdout=subprocess.PIPE,
                         text=True, env=environment, cwd=ROOT)
        for k in range(WRITERS)
    ]  # fmt: skip
    exported, slowest_read_s = 0, 0.0
    while any(writer.poll() is None for writer in writers):
        at_s = time.monotonic()
        with EpisodeLog(log, must_exist=True) as book:
            count = len(book.episodes())
        slowest_read_s = max(slowest_read_s, time.monotonic() - at_s)
        assert count >= exported
        exported = count
    said = [writer.communicate()[0] for writer in writers]
    whole_s = time.monotonic() - begin
    with EpisodeLog(log) as book:
        found = len(book.episodes())
    rows = [
        ["writers that failed", str(sum(writer.returncode != 0 for writer in writers))],
        ["episodes written, in the log", f"{WRITERS * WRITES}, {found}"],
        ["slowest write, s", f"{max(float(text) for text in said if text):.2f}"],
        ["slowest reading of all meanwhile, s", f"{slowest_read_s:.2f}"],
        ["took, s", f"{whole_s:.1f}"],
    ]
    show(f"{WRITERS} programs write {WRITES} episodes each into one log while it is read", ("", ""), rows, "")
    assert found == WRITERS * WRITES and check_log(log).sound
