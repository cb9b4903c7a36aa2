"""What the settings of a session, as a log keeps them, say about its threshold."""

from __future__ import annotations

import math

import pytest

from detector.config import (
    FALSE_ALARMS_PER_HOUR,
    THRESHOLDS,
    Settings,
    aimed_per_hour,
    sensitivity_words,
    threshold_in,
)


@pytest.mark.parametrize("level", ["low", "normal", "high"])
def test_a_sensitivity_has_its_threshold_and_its_aim(level: str) -> None:
    kept = Settings(sensitivity=level).model_dump()  # type: ignore[arg-type]
    assert threshold_in(kept) == THRESHOLDS[level]
    assert aimed_per_hour(kept) == FALSE_ALARMS_PER_HOUR[level]
    assert sensitivity_words(kept) == level


def test_a_threshold_of_its_own_goes_before_the_sensitivity() -> None:
    kept = Settings(threshold=7.9).model_dump()
    assert (threshold_in(kept), sensitivity_words(kept)) == (7.9, "threshold 7.9")
    assert FALSE_ALARMS_PER_HOUR["low"] < aimed_per_hour(kept) < FALSE_ALARMS_PER_HOUR["normal"]
    assert aimed_per_hour({"threshold": THRESHOLDS["normal"]}) == FALSE_ALARMS_PER_HOUR["normal"]


def test_the_aim_between_the_sensitivities_is_near_what_they_state() -> None:
    for level in ("low", "high"):
        assert aimed_per_hour({"threshold": THRESHOLDS[level]}) == pytest.approx(FALSE_ALARMS_PER_HOUR[level], rel=0.25)


def test_settings_that_do_not_say() -> None:
    assert math.isnan(threshold_in({})) and math.isnan(aimed_per_hour({})) and sensitivity_words({}) == ""
