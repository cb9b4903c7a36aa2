"""What a watch has heard and must write down, in its order, also while another program holds the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detector.errors import LogBusyError
from detector.instant import Flash
from detector.live_line import Ended, Message
from detector.pipeline import Measured

PATIENCE_S = 0.5  # that a write waits: so long the window may stand still
RETRY_S = 2.0  # between two attempts, while another program holds the log


@dataclass(frozen=True, slots=True)
class Felt:
    """The person felt a twitch, or takes the last one back."""

    t_s: float
    undone: bool = False


class Waiting:
    """Messages in their order.

    Parameters
    ----------
    hear : callable
        Called with each; after a LogBusyError it gets the same again, later.
    say : callable
        Gets a sentence when the log is held, and when it can be written again.

    Attributes
    ----------
    is_held : bool
        Another program holds the log.
    """

    def __init__(self, hear: Callable[[Message | Felt], None], say: Callable[[str], None]) -> None:
        self._hear, self._say = hear, say
        self._messages: deque[Message | Felt] = deque()
        self._again_s = 0.0
        self.is_held = False

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def has_last(self) -> bool:
        """Whether nothing more comes."""
        return any(isinstance(message, Ended) for message in self._messages)

    def add(self, messages: Iterable[Message | Felt]) -> None:
        """To be heard by the next :meth:`hear`, in this order."""
        self._messages += messages

    def hear(self) -> None:
        """All that there is, unless the log is held: then only what is for the eye."""
        if self.is_held and time.monotonic() < self._again_s:
            self._look_on()
            return
        while self._messages:
            message = self._messages.popleft()
            try:
                self._hear(message)
            except LogBusyError:
                self._messages.appendleft(message)
                self._again_s = time.monotonic() + RETRY_S
                if not self.is_held:
                    self.is_held = True
                    self._say("another program holds the log: what is found is kept until it can be written")
                return
        if self.is_held:
            self.is_held = False
            self._say("the log can be written again: nothing was lost")

    def _look_on(self) -> None:
        for_the_eye = [message for message in self._messages if isinstance(message, Measured | Flash)]
        self._messages = deque(message for message in self._messages if not isinstance(message, Measured | Flash))
        for message in for_the_eye:
            self._hear(message)
