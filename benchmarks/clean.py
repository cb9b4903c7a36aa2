"""Footage without injected twitches: what is found there is a false alarm."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.material import CLIPS, MATERIAL, QUICK, STILL_S, bench_dir, need, picture_of
from benchmarks.reliability import Verdict, decide, readings_of
from detector.config import Sensitivity

SENSITIVITIES: tuple[Sensitivity, ...] = ("low", "normal", "high")
RESTING, MOVING, RENDERED = "resting people", "talking and moving", "rendered portraits"
# From the descriptions in clips.csv. Those that material.py injects into count as resting: nobody speaks, though some
# pout or smile.
DOES: dict[str, tuple[str, str]] = {
    "webcam_neutral_a.mp4": (RESTING, "neutral, a hand at the chin from 45 s"),
    "webcam_neutral_b.mp4": (RESTING, "neutral, moves back"),
    "still_moving_camera_720p.mp4": (RESTING, "neutral, the camera moves"),
    "one_sided_smile_glasses.mp4": (RESTING, "smiles to one side, head fixed"),
    "blinks_gaze_pout.mp4": (RESTING, "blinks, gaze, brows, pouts"),
    "conversation_200s.mp4": (MOVING, "talks, smiles, laughs, looks about"),
    "face_lost.mov": (MOVING, "smiles, then no face"),
    "gaze_then_smile.mp4": (MOVING, "gaze, then a broad smile"),
    "hand_over_nose.mp4": (MOVING, "cries, a hand over the nose, laughs"),
    "lip_shifts_glasses.mp4": (MOVING, "shifts the lips, smiles, nods"),
    "selfie_talk_smile_portrait.mp4": (MOVING, "talks, smiles"),
    "sentence_a.mpg": (MOVING, "one sentence, head still"),
    "sentence_b_glasses.mpg": (MOVING, "one sentence, head still"),
    "sentence_c.mpg": (MOVING, "one sentence, head still"),
    "sentence_d.mpg": (MOVING, "one sentence, head still"),
    "sentence_e.mpg": (MOVING, "one sentence, head still"),
    "smile_onset.mp4": (MOVING, "a broad smile"),
    "talking_50fps.mp4": (MOVING, "talks"),
    "talking_address.mp4": (MOVING, "talks"),
    "talking_repeated_frames.mp4": (MOVING, "talks"),
    "violent_head_motion.mp4": (MOVING, "dances with the head"),
}
QUICK_CLIPS = ("webcam_neutral_b.mp4", "sentence_a.mpg", "violent_head_motion.mp4")
RENDERED_S = 10.0 if QUICK else STILL_S
MARK = {material.label: " (test)" for material in MATERIAL if material.group == "test"}


@dataclass(frozen=True, slots=True)
class Clean:
    """Footage without injected twitches, decided at each sensitivity."""

    name: str
    group: str
    does: str
    verdicts: dict[Sensitivity, Verdict]

    @property
    def normal(self) -> Verdict:
        return self.verdicts["normal"]


def clean_clips() -> list[Clean]:
    """Every clip of the folder, and the rendered portraits; a quick run: a few."""
    from detector.frames import find_clips

    clips = [clip for clip in sorted(find_clips([str(need(CLIPS))])) if not QUICK or clip.name in QUICK_CLIPS]
    listed = [(clip, *DOES.get(clip.name, (MOVING, "not described"))) for clip in clips]
    listed += [(clip, RENDERED, "sways, breathes, blinks") for clip in _rendered()]
    out = []
    for clip, group, does in listed:
        readings = readings_of(clip)
        name = clip.stem + MARK.get(clip.stem.split("_quiet")[0], "")
        out.append(Clean(name, group, does, {level: decide(readings, level) for level in SENSITIVITIES}))
    return out


def _rendered() -> list[Path]:
    """The portraits alive for a minute without a twitch, from seeds of their own."""
    from detector.simulate_still import render_still
    from models import resolve

    clips = []
    for material in [m for m in MATERIAL if m.is_still][: 1 if QUICK else None]:
        clip = bench_dir() / f"{material.label}_quiet_{RENDERED_S:.0f}s.mp4"
        if not clip.exists():
            seed = zlib.crc32(f"{material.label} quiet".encode())
            render_still(picture_of(material), clip, None, [], model=resolve(), duration_s=RENDERED_S, seed=seed)
        clips.append(clip)
    return clips
