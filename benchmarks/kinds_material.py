"""Clips with every kind of movement in them, of people split in two: what kinds and sides are measured on.

Two people are filmed, the others are still pictures (portraits, and the first pictures of the shared clips) brought to
life: few people hold still before a public camera. Made once, and kept in the folder of ``NASALIS_BENCH_DIR``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.material import CLIPS, QUICK, Group, bench_dir, need

STILL_S = 40.0
# What is asked of `nasalis simulate` for one clip, and how many events besides those at blinks. A clip has one kind
# only, as one person has; what must not be taken for a kind has clips of its own.
PLANS: dict[str, tuple[tuple[str, ...], int | None]] = {
    "fasciculation": (("fasciculation_like",), 9),
    "spasm": (("hemifacial_spasm_like",), 8),
    "tic": (("tic_like",), 9),
    "synkinesis": (("synkinesis_like",), None),
    "other": (("blink", "sniff", "breathing", "smile", "disgust", "head_motion", "flicker", "pumping"), 8),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and how to get a clip of them."""

    name: str
    source: str  # in CLIPS; ``astronaut`` is scikit-image's
    group: Group
    face_width_px: float = 200.0  # of a still picture brought to life
    filmed_to_s: float | None = None  # use the footage itself, to here, rather than its first picture

    @property
    def is_filmed(self) -> bool:
        return self.filmed_to_s is not None


# Nobody is in both groups. Face widths from 98 px (0.7 px/mm) to 260 (1.9 px/mm).
PEOPLE: tuple[Person, ...] = (
    Person("webcam man", "webcam_neutral_a.mp4", "tuning", filmed_to_s=45.0),
    Person("astronaut", "astronaut", "tuning", 200.0),
    Person("portrait a", "portrait_a.jpg", "tuning", 260.0),
    Person("sentence a", "sentence_a.mpg", "tuning", 150.0),
    Person("earbuds", "talking_50fps.mp4", "tuning", 230.0),
    Person("still woman", "still_moving_camera_720p.mp4", "test", filmed_to_s=9.4),
    Person("portrait b", "portrait_b.jpg", "test", 220.0),
    Person("sentence c", "sentence_c.mpg", "test", 170.0),
    Person("sentence d", "sentence_d.mpg", "test", 200.0),
    Person("gaze", "gaze_then_smile.mp4", "test", 260.0),
    # Not looked at before the last constant was set.
    Person("sentence e", "sentence_e.mpg", "test", 180.0),
    Person("selfie", "selfie_talk_smile_portrait.mp4", "test", 280.0),
)


def chosen_people() -> list[Person]:
    """All of them, or in a quick run one of each group; skips without footage."""
    people = [person for person in PEOPLE if not QUICK or person.name in ("portrait a", "portrait b")]
    for person in people:
        if person.source != "astronaut":
            need(CLIPS / person.source)
    return people


def seeds_of(person: Person) -> tuple[int, ...]:
    """Short footage is used several times, with other events."""
    return (1, 2, 3) if (person.filmed_to_s or STILL_S) < STILL_S / 2 else (1,)


def made(person: Person, plan: str, seed: int) -> tuple[Path, Path] | None:
    """The clip and its truth file, made when they are not there yet; None where footage cannot show such a thing."""
    from detector.errors import UsageError
    from detector.simulate import simulate

    kinds, events = PLANS[plan]
    if person.is_filmed:
        kinds = tuple(kind for kind in kinds if kind != "head_motion")
        if events is not None:
            assert person.filmed_to_s is not None
            events = max(1, round(events * person.filmed_to_s / STILL_S))
    clip = bench_dir() / f"kinds_{person.name.replace(' ', '_')}_{plan}_{seed}.mp4"
    truth = clip.with_suffix(".csv")
    if clip.exists() and truth.exists():
        return clip, truth
    code = zlib.crc32(f"{person.name} {plan} {seed}".encode())
    temporary = clip.with_name(f"making_{clip.name}")
    try:
        if person.is_filmed:
            source, end_s = CLIPS / person.source, person.filmed_to_s
            simulate(source, temporary, truth=truth, events=events, seed=code, kinds=kinds, end_s=end_s)
        else:
            simulate(
                picture_of(person),
                temporary,
                truth=truth,
                events=events,
                seed=code,
                kinds=kinds,
                duration_s=STILL_S,
                face_width_px=person.face_width_px,
            )
    except UsageError:  # no blink in nine seconds, or no room
        return None
    temporary.rename(clip)
    return clip, truth


def picture_of(person: Person) -> Path:
    """A still picture as a file: the portrait, or the first picture of the clip."""
    import cv2

    from detector.frames import ClipSource

    if person.source.endswith(".jpg"):
        return CLIPS / person.source
    path = bench_dir() / f"kinds_{person.name.replace(' ', '_')}.png"
    if not path.exists():
        if person.source == "astronaut":
            import pytest

            image = pytest.importorskip("skimage.data").astronaut()[..., ::-1]
        else:
            with ClipSource(CLIPS / person.source) as source:
                image = next(iter(source)).image
        cv2.imwrite(str(path), image)
    return path
