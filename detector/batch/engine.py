"""Where clips are worked on: the only file that knows dask.distributed; :class:`Engine` is what another has to do.

Tasks are pickled: whoever can reach a scheduler or a worker can run code there. ``workers`` binds everything to this
machine's loopback address, without dashboard; ``scheduler`` is for a network that is trusted, or for TLS as dask's own
configuration sets it up.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from detector.batch.keeper import Keeper
from detector.batch.messages import Answer, Request
from detector.errors import UsageError, WorkerError

if TYPE_CHECKING:
    import distributed

LOOPBACK = "127.0.0.1"
CONNECT_S = 10.0  # to a scheduler, at the first time
LOST_S = 300.0  # how long a scheduler that is gone, or workers that are, are waited for: a machine that restarts
THREADS_S = 2.0  # how often workers are counted
BROKEN = ("cancelled", "lost")  # what becomes of futures when the connection breaks
# Clips are minutes, not milliseconds: a worker gets its next one while it is busy, and no more than that.
CONFIG: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],  # the ports for status pages cannot be left out; nothing answers there
    "distributed.worker.http.routes": [],
    "distributed.diagnostics.nvml": False,
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


class Engine(Protocol):
    """Does requests somewhere, in any order."""

    def submit(self, key: int, request: Request) -> None:
        """Have it done; :meth:`finished` tells under this key."""

    def finished(self, timeout_s: float) -> list[tuple[int, Answer]]:
        """What is done since the last call, waited for at most so long; WorkerError when there is no hope left."""

    def slots(self) -> int:
        """How many requests are done at a time."""

    def close(self) -> None:
        """Stop all work, also that under way."""


@dataclass(slots=True)
class _Task:
    request: Request
    future: distributed.Future


class DaskEngine:
    """Workers of dask.distributed.

    Parameters
    ----------
    workers : int
        Start so many on this machine, when no scheduler is named.
    scheduler : str
        Address of one that runs already, ``tcp://HOST:PORT``; its workers need this version of nasalis.
    say : callable
        Told when something is waited for.
    lost_s : float
        How long a scheduler or workers that are gone are waited for, s.

    Raises
    ------
    UsageError
        dask.distributed is not installed, or there is no scheduler at this address.
    """

    def __init__(
        self, *, workers: int = 0, scheduler: str = "", say: Callable[[str], None], lost_s: float = LOST_S
    ) -> None:
        try:
            import dask
            import distributed
        except ImportError as error:
            raise UsageError(
                "nasalis batch needs dask.distributed: install it with pip install 'nasalis[batch]'"
            ) from (error)
        self._distributed = distributed
        self._say = say
        self._lost_s = lost_s
        self._address = scheduler
        self._tasks: dict[int, _Task] = {}
        self._done: queue.SimpleQueue[distributed.Future] = queue.SimpleQueue()
        self._slots, self._counted_s, self._seen_s = 0, float("-inf"), time.monotonic()
        self._cleanup = contextlib.ExitStack()
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is told in words of our own
        self._cleanup.enter_context(dask.config.set(CONFIG))
        if not scheduler:
            self._address = self._start(workers).scheduler_address
        try:
            self._client = self._connect(CONNECT_S)
        except (OSError, ValueError) as error:
            self._cleanup.close()
            raise UsageError(
                f"there is no scheduler at {scheduler}: start one with 'dask scheduler', and name it like "
                f"tcp://192.168.1.7:8786"
            ) from error

    def _start(self, workers: int) -> distributed.LocalCluster:
        cluster = self._distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            scheduler_port=0,
            protocol="tcp",
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=f"{LOOPBACK}:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,  # a worker itself is small; clips have their own limit
            preload=[__name__],
            silence_logs=logging.CRITICAL,
        )
        self._cleanup.callback(lambda: cluster.close(timeout=10))
        return cluster

    def _connect(self, timeout_s: float) -> distributed.Client:
        return self._distributed.Client(self._address, timeout=timeout_s, set_as_default=False)

    def submit(self, key: int, request: Request) -> None:
        future = self._client.submit(
            on_worker,
            request,
            key=f"nasalis-{key}-{request.stage}-{uuid.uuid4().hex}",
            pure=False,
            # a look takes a moment, and while it waits behind an analysis nothing is known of what comes next
            priority=10 if request.stage == "look" else 0,
        )
        self._tasks[key] = _Task(request, future)
        future.add_done_callback(self._done.put)

    def finished(self, timeout_s: float) -> list[tuple[int, Answer]]:
        ready: list[distributed.Future] = []
        with contextlib.suppress(queue.Empty):
            ready.append(self._done.get(timeout=timeout_s))
            while True:
                ready.append(self._done.get_nowait())
        keys = {task.future.key: key for key, task in self._tasks.items()}
        # others are of a scheduler that is gone, and were asked for again since
        ready = [future for future in ready if future.key in keys]
        if self._client.status != "running" or any(future.status in BROKEN for future in ready):
            self._come_back()
            return []
        answers = []
        for future in ready:
            answer = self._answer(future)
            if answer is not None:
                del self._tasks[keys[future.key]]
                answers.append((keys[future.key], answer))
        self._count()
        return answers

    def _answer(self, future: distributed.Future) -> Answer | None:
        """None when the connection broke meanwhile: the next turn asks again."""
        try:
            answer: Answer = future.result(timeout=60)
            return answer
        except self._distributed.KilledWorker as error:
            return Answer("crash", f"its worker died {error.allowed_failures + 1} times")
        except (OSError, TimeoutError, self._distributed.client.FutureCancelledError):
            self._done.put(future)
            return None
        except Exception as error:  # nothing of ours raises there: this worker cannot even begin
            return Answer("setup", f"a worker cannot run it ({type(error).__name__}: {error})")

    def slots(self) -> int:
        self._count()
        return self._slots

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._counted_s < THREADS_S:
            return
        self._counted_s = now
        with contextlib.suppress(OSError, TimeoutError, ValueError, RuntimeError):
            self._slots = sum(self._client.nthreads().values())
        if self._slots:
            self._seen_s = now
        elif now - self._seen_s > self._lost_s:
            raise WorkerError(
                f"the scheduler at {self._address} had no worker for {self._lost_s:g} s: start some with 'dask worker "
                f"{self._address}', and run the same command again; what is done is kept"
            )

    def _come_back(self) -> None:
        """A new connection, and everything asked for again: a scheduler that restarted remembers nothing."""
        self._say("The scheduler is gone: trying to reach it again.")
        deadline = time.monotonic() + self._lost_s
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)
        while True:
            try:
                self._client = self._connect(min(CONNECT_S, self._lost_s))
                break
            except (OSError, ValueError) as error:
                if time.monotonic() > deadline:
                    raise WorkerError(
                        f"the scheduler at {self._address} was gone for {self._lost_s:g} s: start it again, and run "
                        "the same command; what is done is kept"
                    ) from error
                time.sleep(1.0)
        self._say("The scheduler is back: going on.")
        self._seen_s = time.monotonic()
        while not self._done.empty():
            self._done.get_nowait()
        waiting = {key: task.request for key, task in self._tasks.items()}
        self._tasks.clear()
        for key, request in waiting.items():
            self.submit(key, request)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.cancel([task.future for task in self._tasks.values()], force=True)
        self._tasks.clear()
        with contextlib.suppress(Exception):
            self._client.close(timeout=5)
        self._cleanup.close()


def dask_setup(worker: Any) -> None:
    """Called by dask in each worker of this machine: Ctrl-C is for the program, which ends its workers itself."""
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


_idle: list[Keeper] = []  # on a worker: one for each of its threads, as they are needed
_idle_lock = threading.Lock()


def on_worker(request: Request) -> Answer:
    """What a worker runs: the request in a process of its own, until it is done or nobody waits for it."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    with _idle_lock:
        keeper = _idle.pop() if _idle else Keeper()
    try:
        return replace(keeper.ask(request, wanted), worker=str(worker.address))
    finally:
        with _idle_lock:
            _idle.append(keeper)
