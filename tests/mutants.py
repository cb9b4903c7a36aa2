"""Small clips of every container, and what damage and malice make of them; the same seed gives the same damage."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2

from tests import clips

FRAMES = 24  # enough for the face to settle, few enough for a thousand clips

# Where a container says how long, large, fast or numerous what follows is.
MP4_FIELDS = (
    b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"minf", b"stbl", b"stsd", b"avc1",
    b"avcC", b"av01", b"av1C", b"stts", b"ctts", b"stss", b"stsz", b"stsc", b"stco", b"sidx", b"moof", b"mfhd", b"traf",
    b"tfhd", b"tfdt", b"trun", b"mdat",
)  # fmt: skip
# EBML, Segment, Info with scale and duration, track, picture size, default duration, cluster, block, cues
MATROSKA_FIELDS = (
    b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89", b"\xae", b"\xb0",
    b"\xba", b"\x23\xe3\x83", b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3", b"\x1c\x53\xbb\x6b",
)  # fmt: skip
AVI_FIELDS = (b"RIFF", b"hdrl", b"avih", b"strl", b"strh", b"strf", b"movi", b"00dc", b"idx1", b"indx")
OTHER_FIELDS = (b"\0\0\1\xba", b"\0\0\1\xb3", b"\0\0\1\xe0", b"\0\0\1\x67", b"\0\0\0\1", b"\x47\x40", b"DKIF")
LIES = (0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

Bytes = bytearray
Mutator = Callable[[random.Random, Bytes], Bytes]


def seed_clips(sample: Path, folder: Path, names: tuple[str, ...] | None = None) -> list[Path]:
    """The first pictures of the sample, small, in every container and codec that this PyAV can write."""
    capture = cv2.VideoCapture(str(sample))
    pictures = [cv2.resize(capture.read()[1], (256, 256), interpolation=cv2.INTER_AREA) for _ in range(FRAMES)]
    capture.release()
    h264 = {"preset": "ultrafast", "g": "8"}
    av1 = {"codec": "libsvtav1", "options": {"preset": "12", "g": "8"}}
    jpeg = {"codec": "mjpeg", "pix_fmt": "yuvj420p"}
    every = Fraction(1, 30)
    kinds: dict[str, dict] = {
        "h264.mp4": {"options": h264, "sound": True},
        "faststart.mp4": {"options": h264, "muxer_options": {"movflags": "faststart"}},
        "fragments.mp4": {"options": h264, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
        "jpeg.mov": jpeg,
        "h264.mkv": {"options": h264},
        "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime", "g": "8"}},
        "old.avi": {"codec": "mpeg4", "tick": every},
        "jpeg.avi": jpeg | {"tick": every},
        "hevc.mp4": {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}},
        "av1.mp4": av1,
        "av1.mkv": av1,
        "h264.ts": {"options": h264},
        "old.mpg": {"codec": "mpeg2video", "tick": every},
        "raw.h264": {"options": h264},
        "old.wmv": {"codec": "wmv2", "tick": every},
    }
    made = []
    for name, how in kinds.items():
        if names is None or name in names:
            made.append(clips.write_clip(folder / name, clips.even_times(FRAMES, 30), pictures, **how))
    return made


# --- damage ---------------------------------------------------------------------------------------------------------


def truncated(rng: random.Random, data: Bytes) -> Bytes:
    return data[: rng.randrange(len(data))]


def bits_flipped(rng: random.Random, data: Bytes) -> Bytes:
    for _ in range(int(10 ** rng.uniform(0, 3))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def head_flipped(rng: random.Random, data: Bytes) -> Bytes:
    """Bits of the first kilobyte or the last two, where heads and indices are."""
    for _ in range(rng.randint(1, 20)):
        at = rng.randrange(min(1024, len(data))) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(2048)
        data[max(at, 0)] ^= 1 << rng.randrange(8)
    return data


def _part(rng: random.Random, data: Bytes, most: float = 0.3) -> slice:
    begin = rng.randrange(len(data))
    return slice(begin, min(len(data), begin + max(1, int(len(data) * rng.uniform(0, most)))))


def zeroed(rng: random.Random, data: Bytes) -> Bytes:
    part = _part(rng, data)
    data[part] = bytes(len(data[part]))
    return data


def noisy(rng: random.Random, data: Bytes) -> Bytes:
    part = _part(rng, data)
    data[part] = rng.randbytes(len(data[part]))
    return data


def dropped(rng: random.Random, data: Bytes) -> Bytes:
    del data[_part(rng, data)]
    return data


def doubled(rng: random.Random, data: Bytes) -> Bytes:
    part = data[_part(rng, data)]
    at = rng.randrange(len(data))
    data[at:at] = part * rng.randint(1, 4)
    return data


def swapped(rng: random.Random, data: Bytes) -> Bytes:
    """Chunks in another order."""
    size = rng.choice((16, 188, 512, 4096))
    chunks = [data[k : k + size] for k in range(0, len(data), size)]
    for _ in range(rng.randint(1, 5)):
        one, other = rng.randrange(len(chunks)), rng.randrange(len(chunks))
        chunks[one], chunks[other] = chunks[other], chunks[one]
    return Bytes(b"".join(chunks))


def _places(data: Bytes) -> list[int]:
    """Ends of all names of fields."""
    names = MP4_FIELDS if data[4:8] == b"ftyp" else MATROSKA_FIELDS if data[:4] == b"\x1a\x45\xdf\xa3" else OTHER_FIELDS
    names = AVI_FIELDS if data[:4] == b"RIFF" else names
    found = []
    for name in names:
        at = data.find(name)
        while at >= 0 and len(found) < 5000:
            found.append(at + len(name))
            at = data.find(name, at + 1)
    return found


def lying_fields(rng: random.Random, data: Bytes) -> Bytes:
    """Numbers after the names of fields say 0, far too much, or anything."""
    places = _places(data)
    for _ in range(rng.randint(1, 4)):
        if not places:
            break
        at = rng.choice(places) + rng.choice((0, 0, 4, 8, 12, 16, 20, 24, 28, 32))
        value = rng.choice(LIES) if rng.random() < 0.8 else rng.getrandbits(32)
        form = rng.choice((">I", "<I", ">H", "B"))
        packed = struct.pack(form, value & (1 << 8 * struct.calcsize(form)) - 1)
        data[at : at + len(packed)] = packed[: max(0, len(data) - at)]
    return data


def lying_sizes(rng: random.Random, data: Bytes) -> Bytes:
    """The four bytes before a name, which are the size of a box in MP4."""
    for _ in range(rng.randint(1, 3)):
        places = [at for at in _places(data) if at >= 8]
        if places:
            at = rng.choice(places)
            data[at - 8 : at - 4] = struct.pack(">I", rng.choice((*LIES, len(data), rng.randrange(2 * len(data)))))
    return data


def endless(rng: random.Random, data: Bytes) -> Bytes:
    """The whole of it again and again, or with a long tail of nothing."""
    return data * rng.randint(2, 12) if rng.random() < 0.5 else data + bytes(rng.randint(1, 4_000_000))


def empty_or_nearly(rng: random.Random, data: Bytes) -> Bytes:
    return Bytes(rng.choice((b"", b"\0", bytes(16), bytes(100_000), data[:8], data[:32], rng.randbytes(5000))))


def several(rng: random.Random, data: Bytes) -> Bytes:
    for mutate in rng.sample(DAMAGE, 3):
        data = mutate(rng, data) or data
        if len(data) < 64:
            break
    return data


DAMAGE: list[Mutator] = [
    truncated, bits_flipped, head_flipped, zeroed, noisy, dropped, doubled, swapped, lying_fields, lying_sizes,
]  # fmt: skip
# lies about headers are where parsers break: they come more often
MORE_OF: list[Mutator] = [lying_fields, lying_fields, lying_sizes, head_flipped]
MUTATORS: list[Mutator] = [*DAMAGE, *MORE_OF, endless, empty_or_nearly, several]


def mutant(number: int, seeds: list[Path], folder: Path) -> tuple[Path, str]:
    """The clip of this number, and in words how it came about."""
    rng = random.Random(number)
    seed = rng.choice(seeds)
    mutate = rng.choice(MUTATORS)
    path = folder / f"{number:05d}-{seed.name}"
    path.write_bytes(mutate(rng, Bytes(seed.read_bytes())))
    return path, f"{number} {mutate.__name__} of {seed.name}"
