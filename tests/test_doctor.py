"""The doctor: finds what is wrong, says what to do, breaks on nothing and leaves nothing behind."""

from __future__ import annotations

import ctypes
import shutil
import socket
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from detector import doctor
from detector.doctor import Check, run_checks
from tests.test_log_faults import mounted


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NASALIS_LOG", "NASALIS_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache" / "numba"))


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_this_machine_passes_and_nothing_is_created(tmp_path: Path) -> None:
    log = tmp_path / "data" / "deep" / "log.sqlite"
    checks = by_name(run_checks(log=log))
    failed = [check for check in checks.values() if check.ok is False]
    assert not failed
    assert set(checks) == {
        "Python", "libGL", "libEGL", "libGLESv2", "OpenCV", "mediapipe", "face model", "numba cache", "episode log",
        "free disk", "cameras",
    }  # fmt: skip
    assert all(check.detail for check in checks.values())
    assert list(tmp_path.iterdir()) == []


def test_whatever_is_not_good_has_an_advice(tmp_path: Path) -> None:
    checks = run_checks(log=tmp_path, model=tmp_path / "none.task")
    assert all(bool(check.advice) == (check.ok is not True) for check in checks)


def test_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    checks = run_checks(log=tmp_path / "log.sqlite")
    assert not [check for check in checks if "AssertionError" in check.detail]


def test_missing_library_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    check = doctor._library("libGLESv2")
    assert check.ok is False
    assert "libGLESv2.so.2" in check.detail
    assert "apt-get install libgl1 libegl1 libgles2" in check.advice


def installed(*packages: tuple[str, str]) -> Callable[[], list[SimpleNamespace]]:
    found = [SimpleNamespace(metadata={"Name": name}, version=version) for name, version in packages]
    return lambda: found


PYTHON, CONTRIB = ("opencv-python", "5.0.0.93"), ("opencv-contrib-python", "5.0.0.93")


@pytest.mark.parametrize(
    ("packages", "advice"),
    [
        ([], "opencv-python==5.0.0.93 opencv-contrib-python==5.0.0.93"),
        ([PYTHON], "opencv-contrib-python==5.0.0.93"),
        ([PYTHON, ("opencv-contrib-python", "4.13.0.92")], "opencv-contrib-python==5.0.0.93"),
        ([PYTHON, CONTRIB, ("opencv_python_headless", "5.0.0.93")], "pip uninstall opencv-python-headless"),
        ([("opencv-python", "4.1.0.1"), ("opencv-contrib-python", "4.1.0.1")], "--force-reinstall"),
    ],
)
def test_cv2_with_wrong_owners(monkeypatch: pytest.MonkeyPatch, packages: list[tuple[str, str]], advice: str) -> None:
    monkeypatch.setattr(metadata, "distributions", installed(*packages))
    check = doctor._opencv()
    assert check.ok is False
    assert advice in check.advice


@pytest.mark.parametrize("version", ["0.10.35", "0.10.32", None])
def test_other_mediapipe_is_refused(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def found(name: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", found)
    check = doctor._mediapipe()
    assert check.ok is False
    assert check.advice == "pip install mediapipe==0.10.33"


def test_altered_model_is_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.task"
    bad.write_bytes(b"not a model")
    check = by_name(run_checks(log=tmp_path / "log.sqlite", model=bad))["face model"]
    assert check.ok is False
    assert str(bad) in check.detail


def test_log_that_is_a_folder_or_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert doctor._log(tmp_path).ok is False
    assert doctor._log(tmp_path / "file" / "log.sqlite").ok is False
    assert doctor._log(tmp_path / "log.sqlite").ok is True


def test_log_of_the_environment_is_the_one_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASALIS_LOG", str(tmp_path / "mine.sqlite"))
    assert str(tmp_path / "mine.sqlite") in by_name(run_checks())["episode log"].detail


def test_a_log_on_a_network_drive_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, tmp_path / "log.sqlite", "nfs4")
    check = doctor._log(tmp_path / "log.sqlite")
    assert check.ok is True and "on a network drive (nfs4)" in check.detail


def test_unwritable_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    cache, log = doctor._numba_cache(), doctor._log(tmp_path / "log.sqlite")
    assert cache.ok is None and "Read-only" in cache.detail and "NUMBA_CACHE_DIR" in cache.advice
    assert log.ok is False and "Read-only" in log.detail and "--log" in log.advice


def test_numba_cache_default_is_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert doctor._numba_cache().detail == str(tmp_path / "nasalis" / "numba")


@pytest.mark.parametrize(("free", "ok"), [(10**7, False), (5 * 10**8, None), (10**10, True)])
def test_free_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, ok: bool | None) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert doctor._disk(tmp_path / "log.sqlite").ok is ok


def test_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    devices, names = tmp_path / "dev", tmp_path / "names"
    devices.mkdir()
    none = doctor._cameras(devices, names)
    assert none.ok is None and "clips still work" in none.detail
    for number in (10, 2):
        (devices / f"video{number}").touch()
    (names / "video2").mkdir(parents=True)
    (names / "video2" / "name").write_text("HD Webcam\n")
    some = doctor._cameras(devices, names)
    assert some.ok is True
    assert some.detail == f"{devices}/video2 (HD Webcam), {devices}/video10"
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    denied = doctor._cameras(devices, names)
    assert denied.ok is None and "no permission" in denied.detail and "group 'video'" in denied.advice


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def explode() -> Check:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "_mediapipe", explode)
    checks = by_name(run_checks(log=tmp_path / "log.sqlite"))
    assert checks["mediapipe"].ok is None and "boom" in checks["mediapipe"].detail
    assert checks["cameras"].detail
