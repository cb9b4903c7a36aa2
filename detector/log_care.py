"""``nasalis log --check`` and ``--repair``: what they say and where."""

from __future__ import annotations

from pathlib import Path

from detector import tables
from detector.errors import LogError
from detector.record.check import check_log
from detector.record.log import default_path
from detector.record.repair import repair_log
from detector.terminal import Out


def check(log: Path | None, as_json: bool) -> None:
    """Tell whether the log is sound; LogError when it is not."""
    found = check_log(log or default_path())
    Out().write(tables.as_json({"sound": found.sound, "log": found}) if as_json else f"{found.words()}\n")
    if not found.sound:
        raise LogError(f"the episode log {found.path} is damaged: save what can be read with nasalis log --repair")


def repair(log: Path | None, output: Path | None, as_json: bool) -> None:
    """Make the log usable again, and tell what was lost."""
    done = repair_log(log or default_path(), output)
    Out().write(tables.as_json({"log": done}) if as_json else f"{done.words()}\n")
