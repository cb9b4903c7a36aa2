"""Work done ahead in a thread: nothing lost, nothing reordered, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from detector.ahead import ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nasalis-ahead"]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_everything_comes_in_order(most: int) -> None:
    assert list(ahead(range(50), most)) == list(range(50))
    assert list(ahead([], most)) == []
    assert not threads()


def test_work_is_done_before_it_is_asked_for_and_no_more_than_allowed() -> None:
    made: list[int] = []

    def work() -> Iterator[int]:
        for k in range(100):
            made.append(k)
            yield k

    items = ahead(work(), 4)
    assert next(items) == 0
    deadline = time.monotonic() + 5.0
    while len(made) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(made) == 6, "one given, four ready, one in hand"
    items.close()


def test_a_fault_comes_after_the_items_before_it() -> None:
    def work() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the picture is torn")

    items = ahead(work(), 8)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="torn"):
        next(items)
    assert not threads()


def test_a_reader_who_leaves_early_stops_the_work_and_closes_it() -> None:
    closed = threading.Event()

    def work() -> Iterator[int]:
        try:
            k = 0
            while True:
                yield k
                k += 1
        finally:
            closed.set()

    items = ahead(work(), 2)
    assert next(items) == 0
    items.close()
    assert closed.is_set() and not threads()
