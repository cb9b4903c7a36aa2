"""A few seconds of video round each episode, for those who ask for them; without it no picture outlives its moment.

An episode is told only after it has ended, so the last seconds are always held in memory, as JPEG. What is never asked
for is never on a disk. Everything slow happens in two threads: one compresses pictures, one writes clips; whoever
watches never waits for either.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from detector.clip_folder import ClipFolder, is_clip_name
from detector.errors import OutputError, UsageError
from detector.terminal import bug_sentence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from detector.types import Frame

LONGEST_S = 20.0  # of an episode whose clip is whole; of a longer one the clip shows the end
DELAY_S = 3.0  # an episode is told 0.6-2 s after its end; the rest is for a busy machine
# Measured on 720p with a webcam's noise: an error of 1.2 gray levels rms against 2.2 that H.264 at CRF 20 adds,
# 0.11-0.15 MB and 5-6 ms a picture. The ring then holds 28 s x 30 x 0.15 = 130 MB; RING_MB bounds it for any camera.
JPEG_QUALITY = 92
RING_MB = 256.0
WAITING_MB = 256.0  # of clips that wait to be written
RAW_FRAMES = 8  # waiting to be compressed: 22 MB at 720p, a quarter of a second
CRF = 20
PRESET = "ultrafast"  # 15-27 ms a picture at 720p against 50-60 of veryfast: the watching needs the processor more
CLOSE_S = 8.0  # a usual clip takes about 4 s to write
NICE = 10  # of the writing thread, Linux only: the watching comes first

_MB = 1e6

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    t_s: float
    size: tuple[int, int]  # width, height, px
    jpeg: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class _Wanted:
    id: str
    start_s: float
    end_s: float


class ClipRecorder:
    """Keep ``folder/<episode_id>.mp4`` (H.264, true times, mode 0600) for each episode.

    Parameters
    ----------
    folder : Path
        Made for its owner only (0700) when it is not there.
    before_s, after_s : float
        Seconds kept before the start and after the end of an episode, >= 0. More takes more memory and disk.
    cap_mb : float
        Megabytes that the clips in ``folder`` may take, > 0: the oldest are removed for new ones.
    longest_s : float
        Of a longer episode only the end is kept, s.
    say : callable, optional
        Told in one sentence when something is left out, removed or given up; called from other threads too.

    Raises
    ------
    UsageError
        A length or the cap is out of range.
    OutputError
        Clips cannot be written to ``folder``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        before_s: float = 3.0,
        after_s: float = 2.0,
        cap_mb: float = 500.0,
        longest_s: float = LONGEST_S,
        say: Say | None = None,
    ) -> None:
        if not (0.0 <= before_s <= 60.0 and 0.0 <= after_s <= 60.0 and 0.0 < longest_s <= 600.0):
            raise UsageError(f"Clips from {before_s:g} s before to {after_s:g} s after: give 0 to 60 s each.")
        self._folder = ClipFolder(Path(folder), cap_mb)
        self.written = 0  # clips, in this session
        self.removed = 0  # clips, for the cap
        self.frames_left_out = 0  # came faster than they could be compressed
        self._before_s, self._after_s = before_s, after_s
        self._span_s = before_s + longest_s + after_s + DELAY_S
        self._tell = say
        self._told: set[str] = set()
        self._lock = threading.Lock()  # of what follows
        self._active = True
        self._ring: deque[_Kept] = deque()
        self._ring_bytes = 0
        self._wanted: list[_Wanted] = []
        self._waiting_bytes = 0
        self._closing = False
        self._deadline = float("inf")  # monotonic seconds; what is not written by then is given up
        self._frames: queue.Queue[Frame | None] = queue.Queue(RAW_FRAMES)
        self._jobs: queue.Queue[tuple[str, list[_Kept]] | None] = queue.Queue()
        self._keeper = threading.Thread(target=self._keep, name="nasalis-pictures", daemon=True)
        self._writer = threading.Thread(target=self._write_all, name="nasalis-clips", daemon=True)
        self._keeper.start()
        self._writer.start()

    @property
    def active(self) -> bool:
        """False once it was closed or had to give up."""
        return self._active and not self._closing

    def push(self, frame: Frame) -> None:
        """Remember a picture for the next seconds; returns at once. The picture is copied."""
        if not self.active:
            return
        try:
            self._frames.put_nowait(_copy(frame))
        except queue.Full:
            self.frames_left_out += 1
            self._say_once("slow", "this computer is too slow to keep every picture: clips will lack some.")

    def episode(self, episode_id: str, start_s: float, end_s: float) -> None:
        """Ask for the clip of an episode; it is written once the seconds after it have passed.

        Parameters
        ----------
        episode_id : str
            As the log gives it, e.g. ``0123456789ab-e0001``; ValueError for anything else.
        start_s, end_s : float
            Times of the episode in the times of the frames, s.
        """
        if not is_clip_name(f"{episode_id}.mp4"):
            raise ValueError(f"{episode_id!r} is no id of an episode")
        if self.active:
            with self._lock:
                self._wanted.append(_Wanted(episode_id, start_s - self._before_s, end_s + self._after_s))

    def close(self, wait_s: float = CLOSE_S) -> None:
        """Write what was asked for, as far as there are pictures; what takes longer than ``wait_s`` is given up."""
        if self._closing:
            return
        self._closing = True
        self._deadline = time.monotonic() + wait_s
        with contextlib.suppress(queue.Full):
            self._frames.put(None, timeout=wait_s)
        self._keeper.join(wait_s)
        self._writer.join(max(0.0, self._deadline - time.monotonic()) + 2.0)  # ends itself soon after the deadline
        self._active = False
        with self._lock:
            self._ring.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # the thread that compresses

    def _keep(self) -> None:
        try:
            while (frame := self._frames.get()) is not None:
                if self._active:
                    self._remember(_compressed(frame))
            self._collect(float("inf"))
        except Exception as error:
            self._give_up(error)
        finally:
            self._jobs.put(None)

    def _remember(self, kept: _Kept) -> None:
        with self._lock:
            self._ring.append(kept)
            self._ring_bytes += len(kept.jpeg)
        self._collect(kept.t_s)  # first: after a gap in time all that is older is forgotten
        with self._lock:
            while self._ring and (self._ring[0].t_s < kept.t_s - self._span_s or self._ring_bytes > RING_MB * _MB):
                self._ring_bytes -= len(self._ring.popleft().jpeg)

    def _collect(self, now_s: float) -> None:
        """Hand on what is wanted up to now."""
        with self._lock:
            due = [one for one in self._wanted if one.end_s <= now_s]
            if not due:
                return
            self._wanted = [one for one in self._wanted if one.end_s > now_s]
            ring = list(self._ring)
        for one in due:
            pictures = _one_size([kept for kept in ring if one.start_s <= kept.t_s <= one.end_s])
            size = sum(len(kept.jpeg) for kept in pictures)
            if not pictures:
                self._say(f"There is no clip of {one.id}: no picture of it was kept.")
            elif self._waiting_bytes + size > WAITING_MB * _MB:
                self._say_once("behind", "episodes come faster than their clips can be written: some get none.")
            else:
                with self._lock:
                    self._waiting_bytes += size
                self._jobs.put((one.id, pictures))

    # the thread that writes

    def _write_all(self) -> None:
        if sys.platform == "linux":  # elsewhere it would slow the whole program
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        late = 0
        while (job := self._jobs.get()) is not None:
            name, pictures = job
            try:
                if self._active:
                    late += not self._write(name, pictures)
            except Exception as error:
                self._give_up(error)
            finally:
                with self._lock:
                    self._waiting_bytes -= sum(len(kept.jpeg) for kept in pictures)
            del job, pictures  # or they would be held until the next one
        if late:
            self._say(f"{late} {'clip was' if late == 1 else 'clips were'} not finished when the session ended.")

    def _write(self, name: str, pictures: Sequence[_Kept]) -> bool:
        """False when it took too long at the end of the session."""
        with self._folder.part() as part:
            file = part / f"{name}.mp4"
            if not self._encode(file, pictures):
                return False
            removed = self._folder.take(file)
        if removed is None:
            self._say(f"The clip of {name} alone is larger than {self._folder.cap_mb:g} MB: it is not kept.")
            return True
        self.written += 1
        self.removed += len(removed)
        if removed:
            cap, first = f"{self._folder.cap_mb:g} MB", removed[0].name
            self._say_once("cap", f"The clips have reached {cap}: from now on the oldest make room ({first}).")
        return True

    def _encode(self, file: Path, pictures: Sequence[_Kept]) -> bool:
        from detector.encode import VideoWriter

        first_s, last_s = pictures[0].t_s, pictures[-1].t_s
        fps = min(max((len(pictures) - 1) / max(last_s - first_s, 1e-3), 1.0), 1000.0) if len(pictures) > 1 else 30.0
        writer = VideoWriter(file, *pictures[0].size, fps=fps, crf=CRF, preset=PRESET)
        with writer:
            for kept in pictures:
                if time.monotonic() > self._deadline:
                    break
                writer.write(_picture(kept), kept.t_s - first_s)
            else:
                return True
            writer.discard()
        return False

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            self._active = False
            self._ring.clear()
            self._wanted.clear()
        cause = error.__cause__ if isinstance(error, OutputError) else error
        if isinstance(cause, OSError):
            reason = f"{self._folder.path} cannot be written ({cause.strerror or cause}); free some space"
        else:
            reason = bug_sentence(error)
        self._say_once("over", f"No more clips are kept, the watching goes on: {reason}")

    def _say_once(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._say(text)

    def _say(self, text: str) -> None:
        if self._tell is not None:
            with contextlib.suppress(Exception):
                self._tell(text)


def _copy(frame: Frame) -> Frame:
    return dataclasses.replace(frame, image=frame.image.copy())  # a window may draw on the picture


def _compressed(frame: Frame) -> _Kept:
    import cv2

    _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    height, width = frame.image.shape[:2]
    return _Kept(frame.t_s, (width, height), jpeg.tobytes())


def _picture(kept: _Kept) -> npt.NDArray[np.uint8]:
    import cv2
    import numpy as np

    return np.asarray(cv2.imdecode(np.frombuffer(kept.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _one_size(pictures: list[_Kept]) -> list[_Kept]:
    """Those of the usual size: a camera that was plugged in again may give another one, and a clip has but one."""
    if not pictures:
        return []
    (size, _), *_ = Counter(kept.size for kept in pictures).most_common(1)
    return [kept for kept in pictures if kept.size == size]
