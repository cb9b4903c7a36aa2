"""Make ``twitches.mp4`` and its truth from NASA's portrait of an astronaut (public domain, carried by scikit-image).

    python samples/make_sample.py

Needs the ``dev`` extra. The files are committed; run this only to change them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.simulate_life import plan_blinks
from detector.simulate_plan import TwitchPlan
from detector.simulate_still import render_still
from detector.types import Side
from models import resolve

FOLDER = Path(__file__).resolve().parent
SEED = 7
DURATION_S = 36.0
CLEAR_S = 0.8  # no blink this close to an event: the sample shows what must be found, not what is hard

# muscle, side, onset s, twitches, rate Hz, size mm, rise s, fall s
EVENTS: tuple[tuple[str, Side, float, int, float, float, float, float], ...] = (
    ("levator_labii_alaeque_nasi", "left", 3.40, 1, 0.0, 1.8, 0.045, 0.090),
    ("nasalis_alar", "right", 6.60, 5, 5.0, 1.6, 0.040, 0.080),
    ("procerus", "midline", 11.00, 1, 0.0, 2.0, 0.050, 0.110),
    ("orbicularis_oris_upper", "left", 14.20, 6, 6.2, 1.5, 0.038, 0.075),
    ("nasalis_transverse", "right", 18.40, 1, 0.0, 2.2, 0.040, 0.100),
    ("nasalis_alar", "left", 21.80, 4, 3.6, 1.4, 0.055, 0.120),
    ("depressor_septi_nasi", "midline", 26.40, 7, 6.8, 1.6, 0.036, 0.070),
    ("levator_labii_alaeque_nasi", "right", 31.20, 1, 0.0, 1.6, 0.042, 0.085),
)


def events() -> list[TwitchPlan]:
    """The eight events; the trains semirhythmic, as such trains are."""
    rng = np.random.default_rng(SEED)
    plans = []
    for number, (muscle, side, onset, count, rate, size, rise, fall) in enumerate(EVENTS, start=1):
        gaps = rng.uniform(0.93, 1.07, count - 1) / rate if count > 1 else np.zeros(0)
        strengths = rng.uniform(0.8, 1.0, count)
        plans.append(
            TwitchPlan(
                event=number,
                muscle=muscle,
                side=side,
                onsets_s=tuple(round(float(t), 4) for t in onset + np.concatenate([[0.0], np.cumsum(gaps)])),
                amplitude_mm=size,
                strengths=tuple(float(s) for s in strengths / strengths.max()),
                rise_s=rise,
                fall_s=fall,
                skew=0.85,
            )
        )
    return plans


def main() -> None:
    from skimage.data import astronaut

    portrait = np.ascontiguousarray(astronaut()[..., ::-1])
    plans = events()
    clear = [(p.onset_s - CLEAR_S, p.offset_s + CLEAR_S) for p in plans]
    rows = render_still(
        portrait,
        FOLDER / "twitches.mp4",
        FOLDER / "twitches_truth.csv",
        plans,
        model=resolve(),
        duration_s=DURATION_S,
        face_width_px=200.0,
        seed=SEED,
        blinks=plan_blinks(DURATION_S, SEED, clear=clear),
        crf=20,
        preset="slow",
    )
    size = (FOLDER / "twitches.mp4").stat().st_size
    print(f"{len(rows)} events, {rows[0].px_per_mm:.2f} px/mm, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
