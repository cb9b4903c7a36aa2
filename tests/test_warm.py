"""What the first pictures would wait for is there before they come."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

COLD = """
import sys
from detector import kernels
from detector.config import Settings
from detector.warm import warm_up
from models import resolve
warm_up(Settings(), resolve())
print(*(name for name in sys.argv[1:] if not getattr(kernels, name).signatures))
"""
LINE = ("placement", "registration", "motion", "gain", "twitches", "noise", "null", "grid", "face")


def called_from_python() -> set[str]:
    """Kernels that a part of the line calls; those that only other kernels call are loaded with them."""
    names: set[str] = set()
    for part in LINE:
        tree = ast.parse((Path(__file__).parents[1] / "detector" / f"{part}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "detector.kernels":
                names |= {alias.name for alias in node.names}
    return names


def test_every_kernel_of_the_line_is_loaded_by_it() -> None:
    kernels = called_from_python()
    assert len(kernels) >= 5
    ran = subprocess.run([sys.executable, "-c", COLD, *sorted(kernels)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [], "left cold"
