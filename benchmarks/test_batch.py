"""``nasalis batch``: against one process, with workers and a scheduler that die, on poisoned clips, on two hosts."""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import batch_cluster as cluster
from benchmarks.batch_material import COUNT, SAMPLE, poisoned, short_clips
from benchmarks.material import QUICK, ROOT, show
from detector.record.log import EpisodeLog

pytest.importorskip("distributed", reason="needs the extra batch")
pytestmark = pytest.mark.benchmarks

LIMIT_S = 240  # one clip here takes 10 s of an idle machine
KILLS = 2 if QUICK else 5
RUNS = 1000 if QUICK else 10_000
WITHOUT = {"run", "id", "created_utc"}  # what differs between two logs of the same findings


def rows_of(log: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything a log says of its sessions, in an order of its own."""
    db = sqlite3.connect(log)
    names = {int(run): str(name) for run, name in db.execute("SELECT run, session_id FROM sessions")}
    content: dict[str, list[tuple[object, ...]]] = {}
    for table in ("sessions", "episodes", "twitches"):
        cursor = db.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor]
        content[table] = sorted(
            ((names[row["run"]], *(row[name] for name in columns if name not in WITHOUT)) for row in rows), key=repr
        )
    db.close()
    return content


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def timed(command: list[str], cores: set[int] | None = None) -> tuple[float, float, int]:
    """Wall time, processor time of it and all its children, exit code; held to some cores if asked."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or here)  # what it starts inherits it
    try:
        code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT).returncode
    finally:
        os.sched_setaffinity(0, here)
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, code


def test_throughput(tmp_path: Path) -> None:
    clips = short_clips()
    program = [sys.executable, str(ROOT / "cli.py")]
    files = [str(clip) for clip in sorted(clips.iterdir())]
    # kernels are compiled beforehand
    assert timed([*program, "analyze", files[0], "--log", str(tmp_path / "warm.sqlite")])[2] == 0
    # analyze alone uses 1.7 of two cores: it decodes in a process and meshes in a thread of its own
    few = files[: max(COUNT // 5, 2)]
    core = timed([*program, "analyze", *few, "--log", str(tmp_path / "core.sqlite")], {0})
    one = timed([*program, "analyze", str(clips), "--log", str(tmp_path / "one.sqlite")])
    table = tmp_path / "table.csv"
    logs = ["--log", str(tmp_path / "two.sqlite"), "-o", str(table)]
    two = timed([*program, "batch", str(clips), "--workers", "2", *logs])
    rows = table_of(table)
    cpu = sum(float(row["cpu_s"]) for row in rows)
    again = timed([*program, "batch", str(clips), "--workers", "2", *logs])
    show(
        f"{COUNT} clips of 1.5 s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ["run", "wall s", "clips/s", "times one process", "processor s a clip"],
        [
            [
                f"analyze, one core ({len(few)} clips)",
                f"{core[0]:.0f}",
                f"{len(few) / core[0]:.2f}",
                f"{one[0] / COUNT / (core[0] / len(few)):.2f}",
                f"{core[1] / len(few):.2f}",
            ],
            ["analyze, one process", f"{one[0]:.0f}", f"{COUNT / one[0]:.2f}", "1.00", f"{one[1] / COUNT:.2f}"],
            [
                "batch --workers 2",
                f"{two[0]:.0f}",
                f"{COUNT / two[0]:.2f}",
                f"{one[0] / two[0]:.2f}",
                f"{cpu / COUNT:.2f}",
            ],
            ["the same again", f"{again[0]:.0f}", f"{COUNT / again[0]:.2f}", f"{one[0] / again[0]:.2f}", "-"],
        ],
    )
    assert [core[2], one[2], two[2], again[2]] == [0, 0, 0, 0]
    assert rows_of(tmp_path / "two.sqlite") == rows_of(tmp_path / "one.sqlite")
    assert Counter(row["status"] for row in rows) == {"done": COUNT}
    assert Counter(row["status"] for row in table_of(table)) == {"skipped": COUNT}


def count_done(log: Path) -> int:
    if not log.exists():
        return 0
    db = sqlite3.connect(log)
    try:
        return int(db.execute("SELECT count(*) FROM sessions WHERE status = 'complete'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def test_killed(tmp_path: Path) -> None:
    """Workers die at random, the scheduler restarts, the batch itself is killed and run again."""
    clips, log, table = short_clips(), tmp_path / "log.sqlite", tmp_path / "table.csv"
    rng = random.Random(1)
    port = cluster.free_port()
    address = f"tcp://127.0.0.1:{port}"
    options = [clips, "--scheduler", address, "--log", log, "-o", table, "-v", "--parquet", tmp_path / "set"]
    boss = cluster.scheduler("127.0.0.1", port, tmp_path / "scheduler.txt")
    hands = [cluster.worker(address, "127.0.0.1", tmp_path / f"worker{k}.txt") for k in range(2)]
    # at so many clips done: five workers, the scheduler, the batch
    events = ["worker"] * KILLS + ["scheduler", "batch"]
    rng.shuffle(events)
    at = sorted(rng.sample(range(1, COUNT - 1), len(events)))
    happened: list[list[object]] = []
    began = time.monotonic()
    runs = 1
    time.sleep(5.0)  # a scheduler that is not there at the first time is a mistake of the user
    process = cluster.batch(*options, errors=tmp_path / "batch.txt")
    try:
        while process.poll() is None:
            time.sleep(0.2)
            done = count_done(log)
            if not events or done < at[0]:
                continue
            pids = [pid for hand in hands for pid in hand.workers()]
            if events[0] == "worker" and not pids:
                continue  # none is there just now: what is counted must have died
            what = events.pop(0)
            at.pop(0)
            happened.append([what, done, f"{time.monotonic() - began:.0f}"])
            if what == "worker":
                os.kill(rng.choice(pids), signal.SIGKILL)
            elif what == "scheduler":
                boss.kill()
            else:
                process.kill()
                process.wait()
                process = cluster.batch(*options, errors=tmp_path / "batch.txt")
                runs += 1
    finally:
        process.kill()
        for one in (*hands, boss):
            one.stop()
    show(f"{COUNT} clips, {runs} runs, {time.monotonic() - began:.0f} s", ["killed", "clips done", "at s"], happened)
    rows = table_of(table)
    with EpisodeLog(log, must_exist=True) as book:
        sessions = [entry.session for entry in book.runs()]
    assert process.returncode == 0 and not events, (tmp_path / "batch.txt").read_text()[-2000:]
    assert [row["clip"] for row in rows] == [str(clip) for clip in sorted(clips.iterdir())]
    assert {row["status"] for row in rows} <= {"done", "skipped"}
    assert Counter(session.sha256 for session in sessions) == {row["sha256"]: 1 for row in rows}
    assert {session.status for session in sessions} == {"complete"}
    assert set_of(tmp_path / "set") == Counter(session.session_id for session in sessions)


def set_of(folder: Path) -> Counter[str]:
    import pyarrow.parquet as pq

    tables = [pq.read_table(part)["session_id"].to_pylist() for part in folder.glob("part-*/sessions.parquet")]
    return Counter(name for names in tables for name in names)


def test_poisoned(tmp_path: Path) -> None:
    listed, table = poisoned(tmp_path / "clips"), tmp_path / "table.csv"
    options = ["--workers", "2", "--log", tmp_path / "log.sqlite", "-o", table, "--time-limit", str(LIMIT_S)]
    began = time.monotonic()
    process = cluster.batch(listed, *options, errors=tmp_path / "batch.txt")
    assert process.wait(1200) == 3, (tmp_path / "batch.txt").read_text()
    rows = {Path(row["clip"]).stem: row for row in table_of(table)}
    show(
        f"Poisoned clips, {time.monotonic() - began:.0f} s, --time-limit {LIMIT_S}",
        ["clip", "status", "s", "MB", "reason"],
        [
            [name, row["status"], row["seconds"], row["peak_mb"], row["reason"].replace(str(tmp_path), "")]
            for name, row in rows.items()
        ],
    )
    expected = {
        "empty": "is empty", "cut_short": "cut short", "noise": "damaged or not a video", "text": "text or a playlist",
        "pipe": "device or pipe", "endless": "over the time limit", "folder": "is a folder", "missing": "no file",
    }  # fmt: skip
    for name, words in expected.items():
        assert rows[name]["status"] == "failed" and words in rows[name]["reason"], rows[name]
    assert rows["no_face"]["status"] == "done" and "no face" in rows["no_face"]["reason"]
    assert rows["half_fps"]["status"] == "done" and "frames missing" in rows["half_fps"]["reason"]
    assert rows["8k"]["status"] == "done"
    assert rows["good"]["status"] == "done" and float(rows["good"]["observed_s"]) > 0.0
    assert rows["good_twin"]["status"] == "skipped" and rows["good_twin"]["session_id"] == rows["good"]["session_id"]


@pytest.fixture
def hosts() -> Iterator[dict[str, list[str]]]:
    """Two network namespaces with a cable between them; address to the command that runs something there."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need root and the program ip")
    names, addresses = ("nasalis_a", "nasalis_b"), ("10.213.0.1", "10.213.0.2")

    def ip(*words: str) -> int:
        return subprocess.run(["ip", *words], capture_output=True).returncode

    try:
        codes = [ip("netns", "add", name) for name in names]
        codes.append(ip("link", "add", "nas0", "netns", names[0], "type", "veth", "peer", "nas1", "netns", names[1]))
        for name, address, link in zip(names, addresses, ("nas0", "nas1"), strict=True):
            codes.append(ip("-n", name, "addr", "add", f"{address}/24", "dev", link))
            codes += [ip("-n", name, "link", "set", one, "up") for one in (link, "lo")]
        if any(codes):
            pytest.skip("this machine makes no network namespaces")
        yield {address: ["ip", "netns", "exec", name] for address, name in zip(addresses, names, strict=True)}
    finally:
        for name in names:
            ip("netns", "del", name)


def test_two_hosts(tmp_path: Path, hosts: dict[str, list[str]]) -> None:
    clips, log, table = short_clips(12), tmp_path / "log.sqlite", tmp_path / "table.csv"
    (first, here), (second, _) = hosts.items()
    address = f"tcp://{first}:8786"
    kept = [cluster.scheduler(first, 8786, tmp_path / "scheduler.txt", here)]
    kept += [cluster.worker(address, host, tmp_path / f"worker{host}.txt", prefix) for host, prefix in hosts.items()]
    try:
        time.sleep(8.0)
        options = [clips, "--scheduler", address, "--log", log, "-o", table]
        process = cluster.batch(*options, prefix=here, errors=tmp_path / "batch.txt")
        code = process.wait(900)
    finally:
        for one in kept:
            one.stop()
    rows = table_of(table)
    by_host = Counter(row["worker"].split("//")[-1].split(":")[0] for row in rows)
    show("Two hosts, 12 clips", ["host", "clips"], sorted(by_host.items()))
    assert code == 0, (tmp_path / "batch.txt").read_text()
    assert {row["status"] for row in rows} == {"done"} and count_done(log) == 12
    assert set(by_host) == {first, second}


def test_insert(tmp_path: Path) -> None:
    """How many sessions a second the one log takes, how large it grows, what travels; how many tasks a scheduler."""
    short, whole = sorted(short_clips(12).iterdir())[0], SAMPLE
    table = []
    for clip, runs in ((short, RUNS), (whole, RUNS // 10)):
        source, target = tmp_path / f"{clip.stem}.sqlite", tmp_path / f"{clip.stem}_many.sqlite"
        assert timed([sys.executable, str(ROOT / "cli.py"), "analyze", str(clip), "--log", str(source)])[2] == 0
        with EpisodeLog(source) as book:
            parcel = book.pack(book.runs()[-1].run)
        document = json.loads(zlib.decompress(parcel))
        session, rows = document["tables"]["sessions"], len(document["tables"]["twitches"]["rows"])
        places = [session["columns"].index(name) for name in ("sha256", "session_id")]
        parcels = []
        for number in range(runs):
            for place in places:
                session["rows"][0][place] = f"{number:064x}"[-64 if place == places[0] else -12 :]
            parcels.append(zlib.compress(json.dumps(document, separators=(",", ":")).encode()))
        with EpisodeLog(target) as book:
            empty = target.stat().st_size
            began, used = time.perf_counter(), time.process_time()
            for one in parcels:
                assert book.add_packed(one)[1]
            wall, cpu = time.perf_counter() - began, time.process_time() - used
            began = time.perf_counter()
            for number in range(runs):
                assert book.find_complete(f"{number:064x}", f"{number:064x}"[-12:]) == number + 1
            looked = time.perf_counter() - began
        size = (target.stat().st_size - empty) / runs
        table.append(
            [clip.name, rows, runs, f"{runs / wall:.0f}", f"{cpu / runs * 1e3:.2f}", f"{runs / looked:.0f}",
             f"{size:.0f}", f"{len(parcel)}"]
        )  # fmt: skip
    show(
        "One log, one writer",
        ["session of", "twitch rows", "sessions", "put in /s", "processor ms", "found /s", "bytes each", "bytes sent"],
        table,
    )


def test_scheduler(tmp_path: Path) -> None:
    """Tasks a second through the engine, of clips that are refused at the first look: what all clips have in common."""
    count = 200 if QUICK else 3000
    missing = tmp_path / "list.txt"
    missing.write_text("".join(f"/nowhere/{number}.mp4\n" for number in range(count)))
    took = []
    for length in (1, count):
        missing.write_text("".join(f"/nowhere/{number}.mp4\n" for number in range(length)))
        options = ["--workers", "2", "--log", str(tmp_path / "log.sqlite"), "--retries", "0"]
        wall, _, code = timed([sys.executable, str(ROOT / "cli.py"), "batch", str(missing), *options])
        assert code == 3
        took.append(wall)
    show(
        f"{count} looks at files that are not there, 2 workers",
        ["to start, s", "looks /s"],
        [[f"{took[0]:.1f}", f"{(count - 1) / max(took[1] - took[0], 1e-9):.0f}"]],
    )
