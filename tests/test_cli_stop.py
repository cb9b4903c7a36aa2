"""The command line when it is stopped, or nobody reads what it says: nothing found is lost."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cli
from detector.record.log import EpisodeLog
from tests.clips import even_times, textured, write_clip

ROOT = Path(cli.__file__).resolve().parent
FAKE = "import sys, tests.fake_pipeline as f; sys.modules['detector.session'] = f; import cli; cli.main()"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds without a face."""
    path = tmp_path_factory.mktemp("clips") / "four seconds.mp4"
    return write_clip(path, even_times(100, 25.0), textured(100, 64, 48))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def start(words: list[object], env: dict[str, str], program: tuple[str, ...] = ("-c", FAKE)) -> subprocess.Popen[str]:
    """The program in a process of its own, with the fake line unless it is said otherwise."""
    return subprocess.Popen(
        [sys.executable, *program, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # under a job runner Ctrl-C may be ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def model_of_the_test(tmp_path: Path) -> dict[str, str]:
    return {"NASALIS_LOG": str(tmp_path / "log.sqlite"), "FAKE_FRAME_S": "0.02"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_halfway_everything_found_is_kept(clip: Path, tmp_path: Path, number: signal.Signals) -> None:
    found = tmp_path / "e.csv"
    env = model_of_the_test(tmp_path)
    process = start(["analyze", clip, clip.parent, "--csv", found], env)
    try:
        assert process.stderr is not None
        while process.stderr.readline().strip() != "FOUND":
            assert process.poll() is None
        process.send_signal(number)
        process.send_signal(number)  # impatience must not cut the saving short
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err and "Interrupted" in err and "kept in" in err
    assert "(interrupted at" in out
    with EpisodeLog(tmp_path / "log.sqlite") as log:
        assert [run.session.status for run in log.runs()] == ["interrupted"]
        assert len(log.episodes()) == 1
    assert [row["side"] for row in rows_of(found)] == ["left"]
    about = json.loads(found.with_suffix(".json").read_text())
    assert about["sessions"][0]["status"] == "interrupted"


def test_a_reader_who_leaves_does_not_stop_the_work(clip: Path, tmp_path: Path) -> None:
    found = tmp_path / "e.csv"
    process = start(["analyze", clip, "--csv", found], model_of_the_test(tmp_path))
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=30) == 0
    assert "Broken" not in err and "Traceback" not in err and len(rows_of(found)) == 2


def test_a_full_output_is_one_sentence(clip: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", FAKE, "analyze", str(clip)], cwd=ROOT, stdout=full, stderr=subprocess.PIPE,
            text=True, env=os.environ | {"NASALIS_LOG": str(tmp_path / "log.sqlite")},
        )  # fmt: skip
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_while_the_program_is_loaded_is_silent(tmp_path: Path) -> None:
    """As the signal would come between two lines of its imports."""
    slow = "import sys, signal; sys.meta_path.insert(0, type('F', (), {'find_spec': staticmethod(lambda name, *_: "
    slow += "signal.raise_signal(signal.SIGINT) if name == 'typer' else None)})); import cli; cli.main()"
    process = start(["analyze", "x"], model_of_the_test(tmp_path), ("-c", slow))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def test_ctrl_c_when_the_program_is_over_changes_nothing(clip: Path, tmp_path: Path) -> None:
    """Again and again while Python takes itself down; once everything was said it ends as if nobody had pressed it."""
    over = FAKE.replace("cli.main()", "cli.program()")
    process = start(["analyze", clip], model_of_the_test(tmp_path), ("-c", over))
    assert process.stderr is not None
    while not process.stderr.readline().startswith("Log: "):
        assert process.poll() is None
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert process.returncode in (0, 130) and process.stderr.read() == ""


def test_a_program_that_uses_ours_keeps_its_own_ctrl_c() -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, mine := lambda *_: None); import cli;"
        "assert signal.getsignal(signal.SIGINT) is mine; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import importlib, detector.early; importlib.reload(detector.early); importlib.reload(cli);"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_clip_that_needs_too_much_memory_is_told_and_the_next_goes_on(clip: Path, tmp_path: Path) -> None:
    huge, found = tmp_path / "a huge one.mp4", tmp_path / "e.csv"
    huge.write_bytes(clip.read_bytes() + b"\0")
    done = start(["analyze", huge, clip, "--csv", found], model_of_the_test(tmp_path))
    out, err = done.communicate(timeout=60)
    assert done.returncode == 3 and "Traceback" not in err
    assert f"{huge} takes more memory than this computer has left: close other programs" in err
    assert len(rows_of(found)) == 2 and "not read" in out


@pytest.mark.parametrize("what", ["numpy", "opencv", "the system"])
def test_memory_that_runs_out_is_known_by_any_name(what: str) -> None:
    import cv2
    import numpy as np

    from detector.analyzing import _is_out_of_memory

    def run_out() -> None:
        if what == "numpy":
            np.empty(1 << 46)
        elif what == "opencv":
            cv2.resize(np.zeros((4, 4, 3), np.uint8), (2_000_000, 2_000_000))
        else:
            raise OSError(12, "Cannot allocate memory")

    with pytest.raises(Exception) as raised:
        run_out()
    assert _is_out_of_memory(raised.value)
    assert not _is_out_of_memory(ValueError("no")) and not _is_out_of_memory(OSError(28, "No space left"))
