"""What the first pictures would wait for is there before they come."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

COLD = """
import sys
from importlib import import_module
from detector.config import Settings
from detector.warm import warm_up
from models import resolve
warm_up(Settings(), resolve())
split = (name.split(":") for name in sys.argv[1:])
print(*(name for module, name in split if not getattr(import_module(module), name).signatures))
"""
LINE = ("placement", "registration", "motion", "context", "gain", "twitches", "noise", "null", "grid", "face")


def called_from_python() -> set[str]:
    """``module:name`` of kernels that a part of the line calls; what only other kernels call is loaded with them."""
    names: set[str] = set()
    for part in LINE:
        tree = ast.parse((Path(__file__).parents[1] / "detector" / f"{part}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("detector.kernels"):
                names |= {f"{node.module}:{alias.name}" for alias in node.names}
    return names


def test_every_kernel_of_the_line_is_loaded_by_it() -> None:
    kernels = called_from_python()
    assert len(kernels) >= 15
    ran = subprocess.run([sys.executable, "-c", COLD, *sorted(kernels)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [], "left cold"
