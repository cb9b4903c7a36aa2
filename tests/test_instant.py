"""The flash of the live window: early, right about the place, and only for what stands out."""

from __future__ import annotations

import numpy as np
import pytest

from detector import grid
from detector.config import Settings
from detector.instant import Flash, Flasher
from detector.motion import Sample
from detector.regions import SITE_NAMES
from detector.twitches import THRESHOLDS
from tests.test_twitches import Jerk, Skin, even, sample_at


def flashes(samples: list[Sample]) -> list[tuple[float, Flash]]:
    """Each flash with the time of the sample that set it off."""
    flasher = Flasher(Settings())
    return [(s.t_s, flash) for s in samples if (flash := flasher.push(s)) is not None]


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_a_jerk_flashes_at_its_place_before_it_is_over(fps: float) -> None:
    ((told_s, flash),) = flashes(Skin([Jerk(8.0, "nasalis_alar_left", 1.5)]).film(even(fps)[: int(12 * fps)]))
    assert SITE_NAMES[flash.region] == "nasalis_alar_left"
    assert 8.0 - 0.05 < told_s < 8.0 + 0.16
    assert flash.score >= THRESHOLDS["normal"]


def test_a_train_is_one_flash_and_the_next_one_another() -> None:
    jerks = [Jerk(start + 0.25 * k, "procerus", 1.5, (0.0, 1.0)) for start in (6.0, 10.0) for k in range(4)]
    told = flashes(Skin(jerks).film(even(30.0)[:400]))
    assert [flash.t_s for _, flash in told] == pytest.approx([6.0, 10.0], abs=0.15)


def test_noise_and_the_whole_face_do_not_flash() -> None:
    skin, samples = Skin(seed=5), []
    for t in even(30.0):
        height = skin.height_mm(t)
        height[:, 1] -= 1.5 * grid.pulse(np.array([t - 8.0]), 0.05, 0.11)[0]
        samples.append(sample_at(t, height))
    assert flashes(samples) == []


def test_what_had_to_wait_for_the_noise_comes_too_late_to_flash() -> None:
    assert flashes(Skin([Jerk(1.2, "procerus", 1.5)]).film(even(30.0)[:150])) == []


def test_a_new_stretch_begins_afresh() -> None:
    flasher, skin = Flasher(Settings()), Skin([Jerk(13.0, "procerus", 1.5)])
    for sample in skin.film(even(30.0)[:300]):
        assert flasher.push(sample) is None
    flasher.finish()
    later = [flasher.push(sample) for sample in skin.film(even(30.0)[330:420])]
    assert sum(flash is not None for flash in later) == 1
