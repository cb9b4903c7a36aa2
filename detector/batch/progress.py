"""How far a batch is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from detector.terminal import Talk

LINE_S = 30.0  # between two lines where nobody draws
RECENT = 100  # clips that the speed is taken from


class Pace:
    """Counts clips, and tells how long the rest will take.

    Parameters
    ----------
    total : int
        Clips in all.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = self.skipped = self.failed = 0
        self._recent: deque[float] = deque([time.monotonic()], maxlen=RECENT + 1)

    def count(self, status: str) -> None:
        """One more clip is done, skipped or failed."""
        setattr(self, status, getattr(self, status) + 1)
        if status != "skipped":  # what is known already takes no time, and tells nothing of the rest
            self._recent.append(time.monotonic())

    @property
    def finished(self) -> int:
        return self.done + self.skipped + self.failed

    def left_s(self) -> float | None:
        """Seconds to go at the pace of the last clips; None before there is one."""
        taken = len(self._recent) - 1
        if taken < 1:
            return None
        return (time.monotonic() - self._recent[0]) / taken * (self.total - self.finished)

    def words(self) -> str:
        """E.g. ``120 of 300 clips (3 failed, 10 skipped), about 12 min left``."""
        others = [f"{count} {name}" for name, count in (("failed", self.failed), ("skipped", self.skipped)) if count]
        text = f"{self.finished} of {self.total} clips" + (f" ({', '.join(others)})" if others else "")
        left = self.left_s()
        if left is None or self.finished >= self.total:
            return text
        return f"{text}, about {_span(left)} left"


def _span(seconds: float) -> str:
    minutes = seconds / 60.0
    if minutes < 1.5:
        return f"{max(round(seconds), 1)} s"
    if minutes < 90.0:
        return f"{round(minutes)} min"
    hours = minutes / 60.0
    return f"{round(hours)} h" if hours < 48.0 else f"{round(hours / 24.0)} days"


@contextmanager
def shown(pace: Pace, talk: Talk) -> Iterator[Callable[[], None]]:
    """Yields a function that shows the pace as it stands."""
    if talk.level < 0:
        yield lambda: None
        return
    if not talk.is_terminal:
        last = time.monotonic()

        def line() -> None:
            nonlocal last
            if time.monotonic() - last > LINE_S:
                last = time.monotonic()
                talk.say(pace.words())

        yield line
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Bars(*columns, console=talk.console(), transient=True) as bars:
        task = bars.add_task(pace.words(), total=pace.total)
        yield lambda: bars.update(task, completed=pace.finished, description=pace.words())
