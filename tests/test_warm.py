"""What the first pictures would wait for is there before they come."""

from __future__ import annotations

import subprocess
import sys

COLD = """
from detector import kernels
from detector.config import Settings
from detector.warm import warm_up
from models import resolve
warm_up(Settings(), resolve())
compiled = {n: bool(t.signatures) for n, t in vars(kernels).items() if n[0] != "_" and hasattr(t, "signatures")}
print(" ".join(name for name, ready in compiled.items() if not ready) or f"all {len(compiled)}")
"""


def test_every_kernel_of_the_line_is_loaded_by_it() -> None:
    ran = subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[0] == "all" and int(ran.stdout.split()[1]) >= 5, f"left cold: {ran.stdout}"
