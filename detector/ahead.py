"""Work of an iterator done ahead of its reader, in a thread: decoding and the mesh beside the registration."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


class _Ended:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """The same items in the same order; up to ``most`` of them are made before they are asked for.

    What the iterator raises is raised here, after the items before it. Closing this generator stops the thread, and
    waits until it has let go of ``items``.

    Parameters
    ----------
    items : iterable
        Used in the other thread only.
    most : int
        Items held at once, at least 1.
    """
    ready: queue.Queue[T | _Ended] = queue.Queue(maxsize=most)
    stop = threading.Event()

    def put(item: T | _Ended) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.05)  # not for ever: the reader may be gone
            except queue.Full:
                continue
            return

    def work() -> None:
        error: BaseException | None = None
        iterator = iter(items)
        try:
            while not stop.is_set():
                try:
                    item = next(iterator)
                except StopIteration:
                    break
                put(item)
        except BaseException as raised:  # the reader's to handle, whatever it is
            error = raised
        finally:
            close = getattr(iterator, "close", None)
            if close is not None and stop.is_set():
                close()
            put(_Ended(error))

    thread = threading.Thread(target=work, name="nasalis-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _Ended):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()
