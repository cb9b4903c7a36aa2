"""Signals: what was measured comes back bit for bit, decides the same again, and a bad file is one sentence."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from detector.config import Settings
from detector.context import UNKNOWN, Context
from detector.deciding import Decider, Event
from detector.errors import OutputError, SourceError
from detector.motion import LATTICE_MM, SITE_COUNT, Sample
from detector.readings import Measured, Reading
from detector.record import signals as module
from detector.record.log import EpisodeLog
from detector.record.signals import BLOCK, SignalFile, SignalWriter
from detector.regions import SITE_NAMES
from detector.session import rescore_signals
from detector.types import Episode, Session, Twitch, WhyNot
from tests.test_log import session as logged_session
from tests.test_twitches import Jerk, Skin, sample_at

ROOT = Path(__file__).resolve().parent.parent
FPS = 30.0
JERKS = (
    Jerk(5.0, "nasalis_alar_left", 1.5, (0.8, -0.6)),
    *(Jerk(8.0 + 0.25 * k, "nasalis_transverse_right", 1.4, (0.6, -0.8)) for k in range(4)),
    Jerk(17.0, "procerus", 1.6, (0.0, 1.0)),
)
AWAY_S = (12.0, 13.0)


def readings(
    seconds: float = 20.0, away_s: tuple[float, float] = AWAY_S, jerks: Sequence[Jerk] = JERKS, seed: int = 0
) -> list[Reading]:
    """A face with twitches that is away for a while; every seventh frame repeats the one before it."""
    skin = Skin(jerks, seed)
    out: list[Reading] = []
    for k in range(round(seconds * FPS)):
        t_s = k / FPS
        if away_s[0] <= t_s < away_s[1]:
            if out and out[-1].faces_seen:
                out[-1] = dataclasses.replace(out[-1], ends_stretch=True)
            out.append(Reading(t_s, False, 0, np.nan, None))
        elif k % 7 == 6:
            out.append(Reading(t_s, True, 1, 2.5, None))
        else:
            since_s = t_s - (away_s[1] if t_s >= away_s[1] else 0.0)
            height = skin.height_mm(t_s)
            height[-1] = np.nan
            out.append(Reading(t_s, False, 1 + k % 2, 2.5, sample_at(t_s, height, since_acquired_s=since_s)))
    out[-1] = dataclasses.replace(out[-1], ends_stretch=True)
    return out


def known(**changes: Any) -> Session:
    """What is known of a source before anything is found in it."""
    base = Session(
        session_id="0123456789ab", source="clips/Ünï ok.mp4", sha256="f" * 64, start_utc="2026-03-01T08:00:00Z",
        width=640, height=480, frames=600, frames_repeated=86, frames_lost=1, config_digest=Settings().digest(),
        settings=Settings().model_dump() | {"start_s": None, "end_s": 20.0}, versions={"nasalis": "0.1.0"},
        notes=["one picture was damaged"], status="complete",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def write(path: Path, rows: Iterable[Reading], session: Session | None = None) -> list[Event]:
    """Decide, keep the signals, and return what was found."""
    events: list[Event] = []
    with SignalWriter(path, session or known()) as writer:
        for event in Decider(Settings()).run(rows):
            events.append(event)
            if isinstance(event, Measured):
                writer.add(event)
    return events


def back(path: Path) -> list[Reading]:
    with SignalFile(path) as file:
        return list(file.readings())


def same(a: Reading, b: Reading) -> bool:
    """Bit for bit, but for the face, which is not kept."""

    def bits(value: object) -> object:
        if value is None:
            return None
        if dataclasses.is_dataclass(value):
            return [(f.name, bits(getattr(value, f.name))) for f in dataclasses.fields(value) if f.name != "face"]
        return type(value), np.asarray(value).dtype, np.shape(value), np.asarray(value).tobytes()

    return bits(a) == bits(b)


def found(events: Iterable[Event]) -> list[Twitch | Episode]:
    return [event for event in events if not isinstance(event, Measured)]


@pytest.fixture(scope="module")
def rows() -> list[Reading]:
    return readings()


@pytest.fixture(scope="module")
def kept(rows: list[Reading], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "s.h5"
    assert sum(isinstance(event, Episode) for event in write(path, rows)) == 3
    return path


# what comes back


def test_every_reading_comes_back_bit_for_bit(rows: list[Reading], kept: Path) -> None:
    again = back(kept)
    assert len(again) == len(rows) > 2 * BLOCK
    assert all(same(a, b) for a, b in zip(rows, again, strict=True))
    assert [reading.ends_stretch for reading in again].count(True) == 2


def test_the_session_comes_back(kept: Path) -> None:
    with SignalFile(kept) as file:
        assert file.session == known()
        assert file.span_s == (0.0, pytest.approx(20.0 - 1 / FPS))


@pytest.mark.parametrize("seed", range(3))
def test_deciding_again_finds_the_same(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    jerks = [
        Jerk(float(t), SITE_NAMES[rng.integers(len(SITE_NAMES))], float(rng.uniform(0.3, 2.0)), course=(0.05, 0.12))
        for t in np.sort(rng.uniform(1.0, 11.0, 9))
    ]
    away = float(rng.uniform(4.0, 10.0))
    rows = readings(12.0, (away, away + 0.4), jerks, seed)
    events = write(tmp_path / "s.h5", rows)
    assert any(isinstance(event, Episode) for event in events)
    with SignalFile(tmp_path / "s.h5") as file:
        assert found(Decider(Settings()).run(file.readings())) == found(events)
        settings = Settings(sensitivity="high")
        told, again = Decider(settings), Decider(settings)
        assert found(again.run(file.readings())) == found(told.run(rows))
    assert again.session_fields() == told.session_fields() and again.seconds() == told.seconds()


def test_every_field_of_a_sample_is_explained() -> None:
    fields = {field.name for field in dataclasses.fields(Sample)} - {"t_s", "context"}
    context = {f"context/{field.name}" for field in dataclasses.fields(Context)}
    assert fields | context == set(module._SAMPLE), "say what it means"


def test_the_columns_say_what_they_are(rows: list[Reading], kept: Path) -> None:
    with h5py.File(kept) as file:
        columns: dict[str, h5py.Dataset] = {}
        file.visititems(
            lambda name, item: (
                columns.update({name.split("/")[-1]: item}) if "/" in name and hasattr(item, "dtype") else None
            )
        )
        assert all(column.attrs["meaning"] for column in columns.values())
        assert columns["height_mm"].attrs["units"] == columns["floor_mm"].attrs["units"] == "mm"
        assert columns["head_speed_mm_s"].attrs["units"] == "mm/s" and columns["t_s"].attrs["units"] == "s"
        assert columns["height_mm"].shape == (len(rows), SITE_COUNT, 2)
        assert columns["height_mm"].dtype == np.float32
        assert {len(column) for column in columns.values()} == {len(rows)}
        assert [name.decode() for name in file["region_names"][:]] == list(SITE_NAMES)
        assert np.array_equal(file["lattice_mm"][:], LATTICE_MM)
        assert json.loads(columns["why_not"].attrs["bits"])["MOTION"] == WhyNot.MOTION
        assert (file.attrs["source"], file.attrs["sha256"]) == ("clips/Ünï ok.mp4", "f" * 64)
        assert json.loads(file.attrs["settings"])["sensitivity"] == "normal"
        for event in Decider(Settings()).run(rows):
            if isinstance(event, Measured):
                row = int(np.flatnonzero(columns["t_s"][:] == event.t_s)[0])
                if event.motion is None:
                    assert columns["why_not"][row] == -1 and np.isnan(columns["score"][row]).all()
                elif row % 50 == 0:
                    assert columns["why_not"][row] == event.motion.why_not
                    assert np.array_equal(columns["score"][row], event.score)
                    assert np.array_equal(columns["observed"][row], event.motion.observed)
                    assert np.array_equal(columns["sigma_mm"][row], event.motion.sigma_mm.astype(np.float32))


def test_the_same_run_gives_the_same_bytes(rows: list[Reading], kept: Path, tmp_path: Path) -> None:
    write(tmp_path / "s.h5", rows)
    assert (tmp_path / "s.h5").read_bytes() == kept.read_bytes()


def test_a_source_without_a_face_is_kept_too(tmp_path: Path) -> None:
    rows = [Reading(k / FPS, False, 0, np.nan, None) for k in range(40)]
    write(tmp_path / "s.h5", rows)
    assert all(same(a, b) for a, b in zip(rows, back(tmp_path / "s.h5"), strict=True))


def test_a_face_that_comes_late_is_kept_from_then_on(tmp_path: Path) -> None:
    rows = readings(14.0, (0.0, (BLOCK + 50) / FPS))
    write(tmp_path / "s.h5", rows)
    assert all(same(a, b) for a, b in zip(rows, back(tmp_path / "s.h5"), strict=True))


# how the file comes to its place


class Stop(BaseException):
    """As Ctrl-C: no Exception."""


@pytest.mark.parametrize("frames", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_stopped_halfway_what_was_measured_is_there(rows: list[Reading], tmp_path: Path, frames: int) -> None:
    path = tmp_path / "s.h5"
    with pytest.raises(Stop), SignalWriter(path, known(status="running")) as writer:
        for event in Decider(Settings()).run(rows[:frames]):
            if isinstance(event, Measured):
                writer.add(event)
        assert not path.exists()
        writer.describe(known(status="interrupted"))
        raise Stop
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]
    with SignalFile(path) as file:
        assert file.session.status == "interrupted"
    assert all(same(a, b) for a, b in zip(rows[:frames], back(path), strict=True))


def test_stopped_within_a_write_the_block_is_written_again(
    rows: list[Reading], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, calls = tmp_path / "s.h5", 0
    append = module._append

    def stopped(column: h5py.Dataset, first: int, values: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 9:
            raise Stop
        append(column, first, values)

    monkeypatch.setattr(module, "_append", stopped)
    with pytest.raises(Stop):
        write(path, rows[:BLOCK])
    assert all(same(a, b) for a, b in zip(rows[:BLOCK], back(path), strict=True))


def test_nothing_measured_leaves_an_older_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    path.write_text("from before")
    with SignalWriter(path, known()):
        pass
    assert path.read_text() == "from before" and len(list(tmp_path.iterdir())) == 1


def test_a_write_that_fails_is_said_once_and_leaves_an_older_file_alone(
    rows: list[Reading], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.h5"
    path.write_text("from before")
    failures = [
        OSError("Can't write (file write failed: errno = 28, error message = 'No space left on device', buf = 0x1)"),
        RuntimeError("No space left on device"),
    ]
    for failure in failures:

        def full(*_: object, failure: Exception = failure) -> None:
            raise failure

        monkeypatch.setattr(module, "_append", full)
        decided = list(Decider(Settings()).run(rows[:300]))
        measured = [event for event in decided if isinstance(event, Measured)]
        with SignalWriter(path, known()) as writer:
            with pytest.raises(OutputError, match=r"s\.h5 cannot be written \(No space left on device\): free some"):
                for event in measured:
                    writer.add(event)
            writer.add(measured[0])  # told once: what else is found is not to be lost
        assert path.read_text() == "from before" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OutputError, match="does not exist"):
        SignalWriter(tmp_path / "absent" / "s.h5", known())


def test_a_disk_that_fills_up_is_one_sentence(tmp_path: Path) -> None:
    """HDF5 itself would end the program later on: see that it never meets a write that fails."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.test_signals import readings, write\n"
        "rows = readings(10.0, (99.0, 99.0), ())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_150_000, 1_150_000))\n"
        "try: write(Path(sys.argv[1]), rows)\n"
        "except Exception as error: print(error)\n"
    )
    path = tmp_path / "s.h5"
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path} cannot be written (File too large): free some space or choose another place\n"
    assert done.stderr == "" and not list(tmp_path.iterdir())


def test_a_link_and_a_mode_are_kept(rows: list[Reading], tmp_path: Path) -> None:
    real, link = tmp_path / "real.h5", tmp_path / "link.h5"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write(link, rows[:20])
    assert link.is_symlink() and len(back(real)) == 20 and real.stat().st_mode & 0o777 == 0o600


# files that cannot be read


def change(path: Path, edit: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        back(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text and caught.value.exit_code == 3
    return text


def test_what_is_no_signals_file_is_said(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "absent.h5")
    assert "is not a file" in refusal(tmp_path)
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("episode_id,session_id\n")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1, 2, 3]
    for name in ("empty.h5", "text.h5", "other.h5"):
        assert "is not a signals file" in refusal(tmp_path / name)


def test_newer_and_older_files_are_said(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.h5"

    def changed(edit: Callable[[h5py.File], None]) -> str:
        path.write_bytes(kept.read_bytes())
        return refusal(change(path, edit))

    assert "newer nasalis (format 9" in changed(lambda file: file.attrs.modify(module._MARK, 9))
    assert "older nasalis and lacks gain" in changed(lambda file: file["sample"].pop("gain"))

    def elsewhere(file: h5py.File) -> None:
        file["lattice_mm"][0, 0] += 1.0

    assert "other places" in changed(elsewhere)
    assert "is damaged" in changed(lambda file: file["reading"].pop("t_s"))
    assert "is damaged" in changed(lambda file: file["reading/t_s"].resize(7, axis=0))
    assert "is damaged" in changed(lambda file: file.attrs.modify("settings", "{"))


def test_what_a_file_lacks_of_the_context_is_unknown(tmp_path: Path) -> None:
    context = dataclasses.replace(UNKNOWN, luma=90.0, eyes_mm=np.ones((2, 2), np.float32))
    rows = [
        dataclasses.replace(row, sample=dataclasses.replace(row.sample, context=context))
        for row in readings(2.0)
        if row.sample is not None
    ]
    write(tmp_path / "s.h5", rows)
    assert all(same(a, b) for a, b in zip(rows, back(tmp_path / "s.h5"), strict=True))
    change(tmp_path / "s.h5", lambda file: file["sample/context"].pop("eyes_mm"))
    for reading in back(tmp_path / "s.h5"):
        assert reading.sample is not None and reading.sample.context.luma == 90.0
        assert np.isnan(reading.sample.context.eyes_mm).all()
    change(tmp_path / "s.h5", lambda file: file["sample"].pop("context"))
    assert all(
        reading.sample is not None and np.isnan(reading.sample.context.luma) for reading in back(tmp_path / "s.h5")
    )


def test_a_file_from_before_there_was_a_context_is_read_without_it(
    rows: list[Reading], kept: Path, tmp_path: Path
) -> None:
    def older(file: h5py.File) -> None:
        del file["sample/context"]
        file.attrs.modify(module._MARK, 2)

    path = tmp_path / "s.h5"
    path.write_bytes(kept.read_bytes())
    again = back(change(path, older))
    assert all(same(a, b) for a, b in zip(rows, again, strict=True)), "these readings know nothing of it themselves"
    samples = [reading.sample for reading in again if reading.sample is not None]
    assert samples and all(sample.context is UNKNOWN for sample in samples)


def test_a_context_is_kept_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)

    def seen(reading: Reading) -> Reading:
        if reading.sample is None:
            return reading
        context = Context(**{
            field.name: float(rng.random()) if isinstance(value, float) else rng.random(value.shape, np.float32)
            for field in dataclasses.fields(Context)
            for value in [getattr(UNKNOWN, field.name)]
        })  # fmt: skip
        return dataclasses.replace(reading, sample=dataclasses.replace(reading.sample, context=context))

    rows = [seen(reading) for reading in readings(2.0)]
    write(tmp_path / "s.h5", rows)
    assert all(same(a, b) for a, b in zip(rows, back(tmp_path / "s.h5"), strict=True))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.999])
def test_a_truncated_file_is_said(kept: Path, tmp_path: Path, share: float) -> None:
    whole = kept.read_bytes()
    (tmp_path / "s.h5").write_bytes(whole[: int(share * len(whole))])
    refusal(tmp_path / "s.h5")


def test_damage_is_noticed_or_does_no_harm(rows: list[Reading], kept: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    path, whole = tmp_path / "s.h5", kept.read_bytes()
    noticed = 0
    for _ in range(12):
        damaged = bytearray(whole)
        at = int(rng.integers(len(whole) // 3, len(whole) - 64))
        damaged[at : at + 64] = rng.bytes(64)
        path.write_bytes(damaged)
        try:
            again = back(path)
        except SourceError as error:
            noticed += "damaged" in str(error)
            continue
        assert all(same(a, b) for a, b in zip(rows, again, strict=True))
    assert noticed >= 6


# the session of a rescoring


def test_the_same_settings_and_versions_give_the_same_session(kept: Path, tmp_path: Path) -> None:
    with SignalFile(kept) as file, EpisodeLog(tmp_path / "log.sqlite") as log:
        first, second = rescore_signals(file, log=log), rescore_signals(file, "normal")
        assert first.session == second.session and first.episodes == second.episodes
        assert first.session.status == "complete"
        assert (first.session.sha256, first.session.frames, first.session.width) == ("f" * 64, 600, 640)
        assert first.session.notes[0] == "one picture was damaged" and first.session.settings["end_s"] == 20.0
        assert len(first.session.notes) == 2, "several faces were seen"
        assert first.session.duration_s == pytest.approx(20.0, abs=0.01)
        high = rescore_signals(file, "high", log=log, replace=True)
        assert high.session.session_id != first.session.session_id and high.threshold < first.threshold
        assert high.session.settings["sensitivity"] == "high"
        assert high.session.config_digest == Settings(sensitivity="high").digest()
        assert [run.superseded for run in log.runs(include_superseded=True)] == [True, False]
        (run,) = log.runs()
        assert run.session == high.session and run.session.limit90_mm
        assert [row.episode for row in log.episodes()] == high.episodes


def test_versions_that_differ_by_now_are_told(rows: list[Reading], tmp_path: Path) -> None:
    import numba
    import scipy

    measured = {"nasalis": "0.0.9", "mediapipe": "0.1", "numpy": np.__version__, "scipy": scipy.__version__}
    write(tmp_path / "s.h5", rows[:40], known(versions=measured, status="interrupted"))
    with SignalFile(tmp_path / "s.h5") as file:
        session = rescore_signals(file).session
    assert session.versions == measured | {
        "nasalis": module.__version__, "nasalis (measuring)": "0.0.9", "numba": numba.__version__,
    }  # fmt: skip
    assert session.status == "interrupted", "half a recording stays half a recording"


def test_settings_of_another_program_are_said(rows: list[Reading], tmp_path: Path) -> None:
    write(tmp_path / "s.h5", rows[:20], known(settings=Settings().model_dump() | {"magic": 1}))
    with SignalFile(tmp_path / "s.h5") as file, pytest.raises(SourceError, match="settings that this nasalis"):
        rescore_signals(file)


def test_damage_on_the_way_keeps_what_was_found_until_then(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    with h5py.File(kept) as file:
        chunk = file["sample/height_mm"].id.get_chunk_info(1)
    damaged = bytearray(kept.read_bytes())
    damaged[chunk.byte_offset + 100] ^= 0xFF
    path.write_bytes(damaged)
    with SignalFile(path) as file, EpisodeLog(tmp_path / "log.sqlite") as log:
        with pytest.raises(SourceError, match="is damaged"):
            rescore_signals(file, log=log)
        (run,) = log.runs()
        assert run.session.status == "failed" and run.session.duration_s == pytest.approx(BLOCK / FPS, abs=0.05)
        assert len(log.episodes()) == 2, "the second is cut off"


def test_rescoring_loads_neither_video_nor_face_model(kept: Path, tmp_path: Path) -> None:
    code = (
        "import sys, cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: print(end.code, file=sys.stderr)\n"
        "heavy = ('mediapipe', 'cv2', 'av', 'detector.face', 'detector.frames')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "rescore", str(kept), "-q", "--json"],
        cwd=ROOT,
        env=os.environ | {"NASALIS_LOG": str(tmp_path / "log.sqlite")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.split("\n")[:2] == ["0", "[]"]
    assert len(json.loads(done.stdout)["episodes"]) == 3


def test_every_field_of_a_session_is_stored_or_found_again() -> None:
    stored = {*module._TEXTS, *module._COUNTS, *module._JSONS}
    again = {"duration_s", "fps", *Decider(Settings()).session_fields()} - {"notes"}
    assert stored | again == {field.name for field in dataclasses.fields(logged_session())}
    assert not stored & again


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("reading/t_s", 40, math.nan), ("reading/t_s", 40, 1e30), ("reading/t_s", 40, 0.5),
        ("reading/t_s", slice(40, None), 4000.0 + np.arange(560) / 30.0),  # would be filled with an hour of samples
        ("reading/px_per_mm", 40, math.nan), ("reading/px_per_mm", 41, 0.0), ("reading/faces_seen", 40, 0),
        ("sample/px_per_mm", 40, math.inf), ("sample/gain", 40, -1.0), ("sample/head_speed_mm_s", 40, math.nan),
    ],
)  # fmt: skip
def test_what_cannot_have_been_measured_is_said(kept: Path, tmp_path: Path, column: str, row: Any, value: Any) -> None:
    path = Path(shutil.copyfile(kept, tmp_path / "s.h5"))
    with h5py.File(path, "r+") as file:
        assert file["reading/measured"][40]
        file[column][row] = value
    with SignalFile(path) as file, pytest.raises(SourceError, match="is damaged"):
        list(file.readings())


@pytest.mark.parametrize("column", ["sample/centers_px", "sample/context/mouth_mm", "reading/repeated"])
def test_columns_of_another_shape_are_said(kept: Path, tmp_path: Path, column: str) -> None:
    path = Path(shutil.copyfile(kept, tmp_path / "s.h5"))
    for wrong in (np.zeros((600, 7)), np.full(600, b"x")):
        with h5py.File(path, "r+") as file:
            del file[column]
            file[column] = wrong
        with pytest.raises(SourceError, match="is damaged"):
            SignalFile(path)
