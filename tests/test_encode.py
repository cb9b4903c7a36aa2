"""Videos come back as they went in: pixels where nothing is lost, times everywhere, and no half file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.encode import CODECS, VideoWriter
from detector.errors import OutputError, UsageError

TIMES = np.cumsum([0.0, 0.04, 0.08, 0.04, 0.1, 0.04])


def _pictures(width: int = 65, height: int = 49) -> list[np.ndarray]:
    y, x = np.mgrid[0:height, 0:width]
    return [
        np.stack([128 + 60 * np.sin((x + k) / 9), 128 + 60 * np.sin(y / 7 + k), 3.0 * x], -1).astype(np.uint8)
        for k in range(len(TIMES))
    ]


def _read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    import cv2

    capture = cv2.VideoCapture(str(path))
    pictures, times = [], []
    while True:
        ok, picture = capture.read()
        if not ok:
            return pictures, times
        pictures.append(picture)
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_keeps_pictures_and_times(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    sent = _pictures()
    with VideoWriter(path, 65, 49, codec=codec) as writer:
        for picture, t_s in zip(sent, TIMES, strict=True):
            writer.write(picture, t_s)
    pictures, times = _read(path)
    assert times == pytest.approx(list(TIMES), abs=1.1e-3)  # Matroska counts milliseconds
    lossless = codec in ("ffv1", "h264-lossless")
    for a, b in zip(sent, pictures, strict=True):
        error = a.astype(int) - b[:49, :65]
        assert np.abs(error).max() == 0 if lossless else np.abs(error).mean() < 6.0
        assert np.abs(error.mean()) < 2.0  # no darkening


def test_mp4_times_are_exact_and_counted_when_not_given(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 65, 49, fps=30000 / 1001) as writer:
        for picture in _pictures():
            writer.write(picture)
    assert _read(path)[1] == pytest.approx([k * 1001 / 30000 for k in range(len(TIMES))], abs=1e-6)


def test_bitrate_is_kept_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = []
    for bitrate in (100_000, 800_000):
        path = tmp_path / f"{bitrate}.mp4"
        with VideoWriter(path, 160, 120, bitrate=bitrate) as writer:
            for _ in range(60):
                writer.write(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8))
        sizes.append(path.stat().st_size)
    assert sizes[0] < 0.6 * sizes[1]


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown codec"):
        VideoWriter(tmp_path / "a.mp4", 64, 48, codec="divx")
    with pytest.raises(UsageError, match="outside 0-51"):
        VideoWriter(tmp_path / "a.mp4", 64, 48, crf=70)
    with pytest.raises(UsageError, match="lossless"):
        VideoWriter(tmp_path / "a.mkv", 64, 48, codec="ffv1", crf=10)
    with pytest.raises(UsageError, match="suffix"):
        VideoWriter(tmp_path / "a.xyz", 64, 48)
    with pytest.raises(UsageError, match="does not go into"):
        VideoWriter(tmp_path / "a.webm", 64, 48, codec="h264")
    with pytest.raises(UsageError, match="frame rate"):
        VideoWriter(tmp_path / "a.mp4", 64, 48, fps=0.0)
    assert not list(tmp_path.iterdir())


def test_nothing_stays_of_what_was_not_finished(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "missing" / "a.mp4", 64, 48)
    with pytest.raises(OutputError, match="no picture"), VideoWriter(tmp_path / "a.mp4", 64, 48):
        pass
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "b.mp4", 65, 49) as writer:
        writer.write(_pictures()[0])
        raise RuntimeError
    assert not list(tmp_path.iterdir())
