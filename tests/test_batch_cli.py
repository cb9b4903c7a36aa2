"""``nasalis batch`` from outside: which clips, what is refused, and one real run with workers that analyzes nothing."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cli
from detector.batch import clips
from detector.batch.progress import Pace
from detector.errors import SourceError, UsageError

ROOT = Path(cli.__file__).resolve().parent


def test_a_folder_gives_all_below_it(tmp_path: Path) -> None:
    for name in ("b/2.MP4", "a.mkv", "b/.hidden.mp4", ".trash/3.mp4", "notes.txt", "b/c/1.mov"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.mp4")
    found = [str(Path(name).relative_to(tmp_path)) for name in clips.find(str(tmp_path))]
    assert found == ["a.mkv", "pipe.mp4", "b/2.MP4", "b/c/1.mov"]


def test_a_list_counts_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = tmp_path / "lists" / "all.txt"
    listed.parent.mkdir()
    listed.write_bytes(b"\xef\xbb\xbf# of the archive\r\na b.mp4\r\n\n  \n/x/\xff.mp4\n../up.mp4\na b.mp4")
    assert clips.find(str(listed)) == [
        f"{tmp_path}/a b.mp4", "/x/\udcff.mp4", f"{tmp_path.parent}/up.mp4", f"{tmp_path}/a b.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [("empty", SourceError, "names no clip"), ("nowhere", SourceError, "cannot be read"),
     ("a.mp4", UsageError, "analyze is for one"), ("noise.bin", UsageError, "is no text")],
)  # fmt: skip
def test_what_is_no_list(tmp_path: Path, name: str, error: type[Exception], words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.bin").write_bytes(b"ab\0c")
    with pytest.raises(error, match=words):
        clips.find(str(tmp_path / name))


def test_the_time_left_is_that_of_clips_that_took_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("detector.batch.progress.time.monotonic", lambda: now[0])
    pace = Pace(1000)
    for _ in range(100):
        pace.count("skipped")
    assert pace.words() == "100 of 1000 clips (100 skipped)"
    for _ in range(300):  # the first ones were slow, and that is long ago
        now[0] += 100.0 if pace.done < 200 else 4.0
        pace.count("done")
    assert pace.left_s() == pytest.approx(600 * 4.0)
    assert pace.words() == "400 of 1000 clips (100 skipped), about 40 min left"


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--workers", "2", "--scheduler", "tcp://a:1"], "give one of them"), (["--json", "-o", "-"], "cannot both go")],
)
def test_options_that_contradict(tmp_path: Path, options: list[str], words: str) -> None:
    result = CliRunner().invoke(cli.app, ["batch", str(tmp_path), *options])
    assert isinstance(result.exception, UsageError) and words in str(result.exception)


def program(*words: object, code: str = "import cli; cli.main()") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, "batch", *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    gone = "import sys; sys.modules['distributed'] = None; sys.modules['psutil'] = None; import cli; cli.main()"
    result = program(tmp_path, "--log", tmp_path / "log.sqlite", code=gone)
    assert result.returncode == 2 and result.stdout == ""
    assert (
        result.stderr == "nasalis: nasalis batch needs dask.distributed: install it with pip install 'nasalis[batch]'\n"
    )


def test_the_program_starts_without_it() -> None:
    code = "import sys, cli, detector; print([n for n in ('dask', 'distributed', 'psutil', 'cv2') if n in sys.modules])"
    assert program(code=code).stdout == "[]\n"


def test_no_scheduler_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs the extra batch")
    from detector.batch import engine

    monkeypatch.setattr(engine, "CONNECT_S", 0.3)
    with pytest.raises(UsageError, match=r"there is no scheduler at tcp://127\.0\.0\.1:9"):
        engine.DaskEngine(scheduler="tcp://127.0.0.1:9", say=print)


def test_two_workers_refuse_what_is_no_clip(tmp_path: Path) -> None:
    """Real workers, real processes for clips; nothing is analyzed, so that it is quick. All stays on this machine."""
    psutil = pytest.importorskip("psutil", reason="needs the extra batch")
    pytest.importorskip("distributed", reason="needs the extra batch")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "poem.mp4").mkdir()
    with (tmp_path / "endless.mp4").open("wb") as file:  # none of it on the disk, hours to read
        file.write(b"\xff" * 64)
        file.truncate(4 << 40)
    listed = tmp_path / "list"
    listed.write_text("".join(f"{tmp_path}/{name}.mp4\n" for name in ("empty", "endless", "poem", "gone")))
    words = [
        "--workers",
        "2",
        "--log",
        tmp_path / "log.sqlite",
        "-o",
        tmp_path / "t.csv",
        "--json",
        "--time-limit",
        "4",
    ]
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "batch", str(listed), *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    family, places = {}, set()
    while running.poll() is None:
        for one in [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]:
            try:
                family[one.pid] = one
                places |= {end.ip for link in one.net_connections("inet") for end in (link.laddr, link.raddr) if end}
            except psutil.Error:
                continue
        time.sleep(0.1)
    out, said = running.communicate()
    document = json.loads(out)
    assert running.returncode == 3, said
    assert document["counts"] == {"done": 0, "failed": 4, "skipped": 0} and places == {"127.0.0.1"}
    reasons = [row["reason"] for row in document["rows"]]
    for reason, expected in zip(
        reasons, ("is empty", "over the time limit of 4 s", "is a folder", "no file"), strict=True
    ):
        assert expected in reason
    with (tmp_path / "t.csv").open(newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == reasons
    assert len(family) >= 5 and not psutil.wait_procs(family.values(), timeout=10)[1]
