"""Pictures handed from one process to another: a few places of equal size in memory that both have before them.

The memory is a file without a name: nothing of it can stay behind, however the processes end.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# What decoding may be ahead of the reader: a quarter of a second at 30/s smooths over a face mesh or a commit to disk.
_MOST_PLACES = 8
# The picture before must stand while the next is written: it is compared with it.
_LEAST_PLACES = 2
_ROOM_BYTES = 64_000_000  # eight pictures of 1080p are 50 MB; of larger ones fewer are held
# Copies of which the memory is used again: 54 at 720p, more than `live` holds until they are measured, 24 at 1080p. Who
# keeps more gets fresh memory for them.
_MOST_ROOMS_BYTES = 150_000_000


def new_memory() -> int:
    """A file of memory for one ring, without a name, to be given to a child process and closed by the caller."""
    if not hasattr(os, "memfd_create"):
        import tempfile  # brings a lot along, and the child never asks for it

        with tempfile.TemporaryFile() as nameless:
            return os.dup(nameless.fileno())
    file = os.memfd_create("nasalis-pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    # a child gone mad must not take away the memory under a reader: that would end the reader too
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return file


def places_for(picture_bytes: int) -> tuple[int, int]:
    """Number of places for pictures of this size, and bytes of each, whole pages."""
    place_bytes = math.ceil(max(picture_bytes, 1) / mmap.PAGESIZE) * mmap.PAGESIZE
    return max(_LEAST_PLACES, min(_MOST_PLACES, _ROOM_BYTES // place_bytes)), place_bytes


class PictureRing:
    """One process's view of the places.

    Parameters
    ----------
    file : int
        From :func:`new_memory`; stays the caller's.
    places : int
    place_bytes : int
        Of each place.
    grow : bool
        Make the file as long as that, which the writer does before the reader looks.

    Raises
    ------
    OSError, ValueError
        There is not so much memory, or the file is not that long.
    """

    def __init__(self, file: int, places: int, place_bytes: int, *, grow: bool = False) -> None:
        self.places, self.place_bytes = places, place_bytes
        length = places * place_bytes
        if grow and os.fstat(file).st_size < length:
            os.ftruncate(file, length)
        self._memory = mmap.mmap(file, length)

    def picture(self, place: int, shape: Sequence[int]) -> Image:
        """The memory of a place as a picture: whoever writes into it writes for both processes."""
        return np.frombuffer(self._memory, np.uint8, math.prod(shape), place * self.place_bytes).reshape(shape)

    def close(self) -> None:
        """Let go of the memory; no picture in it may be held."""
        self._memory.close()


class Rooms:
    """Memory for copies of pictures, used again once nobody holds the picture in it nor any part of it.

    Fresh memory for every picture costs more than the copy itself: the system clears it page by page.
    """

    def __init__(self) -> None:
        self._rooms: list[Image] = []
        self._unheld = self._holders([np.empty(0, np.uint8)], 0)

    def like(self, shape: Sequence[int]) -> Image:
        """A picture to be written, which nobody else has."""
        if self._rooms and self._rooms[0].shape != tuple(shape):
            self._rooms.clear()
        for number in range(len(self._rooms)):
            if self._holders(self._rooms, number) == self._unheld:
                return self._rooms[number].view()
        room = np.empty(shape, np.uint8)
        if (len(self._rooms) + 1) * room.nbytes <= _MOST_ROOMS_BYTES:
            self._rooms.append(room)
        return room.view()

    @staticmethod
    def _holders(rooms: list[Image], number: int) -> int:
        return sys.getrefcount(rooms[number])  # each view holds the array that owns the memory, however it was made
