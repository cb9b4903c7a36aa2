"""Large blocks go back to the system when they are freed, whichever thread had them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
import threading
from pathlib import Path
import numpy as np
from detector.memory import keep_flat

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

keep_flat()
kept = []
def work():
    for _ in range(20):  # the C library learns from freed blocks to take the next from its heap
        large, small = np.ones(2_800_000, np.uint8), np.ones(2_000, np.uint8)
        kept.append(small)  # what lies above a freed block keeps it from going back
        del large
    blocks = [(np.ones(2_800_000, np.uint8), kept.append(np.ones(2_000, np.uint8))) for _ in range(60)]
    del blocks
before = resident_mb()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(resident_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_freed_pictures_do_not_stay() -> None:
    ran = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 10.0, "left alone it is 170"
