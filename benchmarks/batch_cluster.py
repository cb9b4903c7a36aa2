"""Schedulers, workers and batches as processes of their own, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.material import ROOT

_ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"}


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def batch(*options: str | Path, prefix: Sequence[str] = (), errors: Path | None = None) -> subprocess.Popen[bytes]:
    """``nasalis batch``."""
    command = [*prefix, sys.executable, str(ROOT / "cli.py"), "batch", *map(str, options)]
    with (errors or Path(os.devnull)).open("ab") as stream:
        return subprocess.Popen(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=stream, cwd=ROOT)


class Kept:
    """A process that is started again when it ends, as a service manager does it."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command, self._log = list(command), log
        self._wanted = True
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as stream:
            return subprocess.Popen(
                self._command, env=_ENVIRONMENT, stdout=stream, stderr=stream, start_new_session=True
            )

    def _watch(self) -> None:
        while self._wanted:
            if self._process.poll() is not None and self._wanted:
                self._process = self._start()
            time.sleep(0.3)

    def kill(self) -> None:
        """As a power cut; it comes back."""
        self._process.kill()

    def workers(self) -> list[int]:
        """Processes of dask workers below it: those that run tasks, not those that watch over them."""
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
            return [one.pid for one in family if "spawn_main" in " ".join(one.cmdline())]
        except psutil.Error:
            return []

    def stop(self) -> None:
        """End it with all that it started."""
        self._wanted = False
        self._thread.join()
        family = [*psutil.Process(self._process.pid).children(recursive=True)] if self._process.poll() is None else []
        self._process.kill()
        for one in family:
            try:
                one.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
        self._process.wait()


def scheduler(host: str, port: int, log: Path, prefix: Sequence[str] = ()) -> Kept:
    """``dask scheduler``."""
    command = [
        *prefix, sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", str(port),
        "--dashboard-address", f"{host}:0", "--no-dashboard",
    ]  # fmt: skip
    return Kept(command, log)


def worker(address: str, host: str, log: Path, prefix: Sequence[str] = ()) -> Kept:
    """``dask worker`` of one thread, with a nanny."""
    command = [
        *prefix, sys.executable, "-m", "distributed.cli.dask_worker", address, "--host", host, "--nthreads", "1",
        "--nworkers", "1", "--memory-limit", "0", "--no-dashboard", "--local-directory", str(log.parent),
    ]  # fmt: skip
    return Kept(command, log)
