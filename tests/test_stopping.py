"""Ctrl-C raises where an exception can be borne, and is never lost."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from detector import stopping
from detector.stopping import _AGAIN_S, calling_on_stop, interruptible

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers of signals on this system")


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Handlers as Python has them when it starts."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def wait() -> None:
    """Long enough for everything that is still to come."""
    until_s = time.monotonic() + 10.0
    while time.monotonic() < until_s:
        time.sleep(_AGAIN_S / 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_raises_at_once_in_code_of_ours(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
        pytest.fail("it went on")


def test_a_module_is_imported_whole_before_it_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_there.py").write_text(
        "import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(0.2)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    modules: list[ModuleType] = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        modules.append(__import__("half_there"))
        wait()
    assert modules[0].whole and sys.modules["half_there"] is modules[0]


class Passing:
    """Signals when it goes; Python passes over what is raised then."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_it_is_not_lost_where_python_passes_over_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        Passing()
        wait()
    assert "ignored" not in capsys.readouterr().err


def test_a_compiler_is_left_in_peace() -> None:
    compiler: dict[str, object] = {"__name__": "llvmlite.binding.ffi", "signal": signal, "done": []}
    exec("def compiled():\n  signal.raise_signal(signal.SIGINT)\n  done.append(True)", compiler)
    with pytest.raises(KeyboardInterrupt), interruptible():
        compiler["compiled"]()  # type: ignore[operator]
        wait()
    assert compiler["done"] == [True]


def test_whoever_asks_again_later_is_not_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "REPEAT_S", 0.1)
    hanging: dict[str, object] = {"__name__": "llvmlite.binding.ffi", "signal": signal, "time": time, "asked": []}
    again = "  while True:\n    asked.append(signal.raise_signal(signal.SIGINT))\n    time.sleep(0.2)"
    exec(f"def hang():\n{again}", hanging)
    with pytest.raises(KeyboardInterrupt), interruptible():
        hanging["hang"]()  # type: ignore[operator]
    assert hanging["asked"] == [None]


def test_what_was_put_off_does_not_come_after_the_end() -> None:
    with interruptible():
        Passing()
    time.sleep(4 * _AGAIN_S)  # nothing is raised, and no timer ends the process


def test_within_another_one_it_is_that_which_waits() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        with interruptible():
            Passing()
        wait()


def test_repeated_soon_it_is_the_same() -> None:
    raised = []
    with interruptible():
        for _ in range(3):
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raised.append(True)
    assert raised == [True]


def test_signals_that_are_ignored_or_handled_stay_so() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    with interruptible():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert seen == [signal.SIGINT]


def test_a_call_instead_of_an_exception() -> None:
    calls: list[bool] = []
    with interruptible(), calling_on_stop(lambda: calls.append(True)):
        signal.raise_signal(signal.SIGTERM)
        Passing()
    assert calls == [True, True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
