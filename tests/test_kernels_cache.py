"""Kernels loaded from the cache against the same ones just compiled: the same clip must give the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Those that may take sums in another order: only what is inlined in their callers is surely the code that was kept.
_PROGRAM = """
import hashlib, sys
import numpy as np
from detector.kernels_crop import luma_and_detail, warp_affine
from detector.kernels_looks import unlikeness
from detector.kernels_patches import register_patches

rng = np.random.default_rng(5)
picture = rng.random((124, 144), np.float32) * 1000
for _ in range(4):
    picture = (picture[1:] + picture[:-1]) / 2
    picture = (picture[:, 1:] + picture[:, :-1]) / 2
picture = np.ascontiguousarray(picture)
moved = np.empty_like(picture)
warp_affine(picture, np.array([[1.001, 0.002, 0.3], [-0.002, 0.999, -0.4]]), moved)
centers = np.array([(x, y) for y in range(20, 100, 7) for x in range(20, 120, 7)])
weights = np.outer(*2 * [np.hanning(17)[1:-1]]).astype(np.float32)
found, texture = np.zeros((len(centers), 2), np.float32), np.empty(len(centers), np.float32)
register_patches(picture, moved, centers, weights, 0.02, 20, 0.002, 4.0, found, texture)
unlike = np.empty(len(centers), np.float32)
unlikeness(picture, moved, centers, np.hanning(9)[1:-1].astype(np.float32) / 4, np.array([-1, 0, 1]), 1.0, unlike)
assert np.isfinite(found).all() and 0.2 < np.median(found[:, 1]) < 0.6 and unlike.max() > 0
for each in (moved, found, texture, unlike, np.array(luma_and_detail(picture))):
    print(hashlib.sha256(each.tobytes()).hexdigest())
print(sum(warp_affine.stats.cache_hits.values()), file=sys.stderr)
"""


def test_kernels_from_the_cache_give_the_bytes_of_those_just_compiled(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", _PROGRAM]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert (first.stderr.strip(), second.stderr.strip()) == ("0", "1")
    assert first.stdout == second.stdout and len(first.stdout.split()) == 5
