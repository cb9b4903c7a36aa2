"""Smiles from made mouths: told once with their moment, and neither for words, lips that come back, nor jitter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from detector.smiles import APART_S, LEAST_MM, LOOK_S, Smiles

F64 = npt.NDArray[np.float64]
WIDTH_MM = 48.0


def smile(start_s: float, mm: float = 6.0, rise_s: float = 0.5, held_s: float = 1.5) -> Callable[[F64], F64]:
    """Wider by ``mm``, fastest at ``start_s + rise_s / 2``, and back as fast."""

    def course(t: F64) -> F64:
        up = np.clip((t - start_s) / rise_s, 0.0, 1.0)
        down = np.clip((t - start_s - rise_s - held_s) / rise_s, 0.0, 1.0)
        return mm * 0.5 * (np.cos(np.pi * down) - np.cos(np.pi * up))

    return course


def run(
    *courses: Callable[[F64], F64],
    seconds: float = 8.0,
    fps: float = 30.0,
    jitter_mm: float = 0.0,
    lost: Callable[[F64], npt.NDArray[np.bool_]] | None = None,
) -> list[tuple[float, float]]:
    """Time at which each is told, and the moment it is told to have begun."""
    times = np.arange(round(seconds * fps)) / fps
    widths = WIDTH_MM + sum((course(times) for course in courses), np.zeros_like(times))
    widths += jitter_mm * np.random.default_rng(2).standard_normal(len(times))
    if lost is not None:
        widths[lost(times)] = np.nan
    smiles, found = Smiles(), []
    for t_s, width in zip(times.tolist(), widths.tolist(), strict=True):
        corners = np.array([[-0.4 * width, 47.0], [0.6 * width, 47.0]], dtype=np.float32)
        found += [(t_s, began_s) for began_s in smiles.push(t_s, corners)]
    smiles.finish()
    return found


def began(found: list[tuple[float, float]]) -> list[float]:
    return [began_s for _, began_s in found]


@pytest.mark.parametrize("fps", [24.0, 60.0])
@pytest.mark.parametrize("rise_s", [0.3, 0.5, 1.0])
def test_a_smile_is_told_once_with_the_moment_at_which_it_grows_fastest(fps: float, rise_s: float) -> None:
    ((told_s, began_s),) = run(smile(3.0, rise_s=rise_s), fps=fps)
    assert began_s == pytest.approx(3.0 + 0.5 * rise_s, abs=0.06)
    assert 0.0 < told_s - began_s <= LOOK_S


def test_jitter_neither_makes_a_smile_nor_moves_one() -> None:
    assert run(jitter_mm=0.8, seconds=30.0) == []
    found = run(smile(3.0), smile(9.0), smile(15.0), jitter_mm=0.4, seconds=20.0)
    assert began(found) == pytest.approx([3.25, 9.25, 15.25], abs=0.1)


def test_words_are_none() -> None:
    assert run(*(smile(1.0 + 0.5 * k, 2.0, 0.1, 0.05) for k in range(12))) == []
    vowel = smile(3.0, 7.0, 0.1, 0.1)
    assert run(vowel) == [], "as wide as a smile, but over at once"


@pytest.mark.parametrize(("mm", "count"), [(LEAST_MM - 0.5, 0), (LEAST_MM + 0.5, 1)])
def test_the_mouth_must_grow_so_much(mm: float, count: int) -> None:
    assert len(run(smile(3.0, mm))) == count


def test_a_mouth_that_slowly_grows_wider_is_none() -> None:
    assert run(smile(2.0, 6.0, 5.0), seconds=9.0) == []


def test_pursed_lips_that_come_back_are_none() -> None:
    assert run(smile(4.0, -8.0, 0.3, 0.3)) == []
    assert began(run(smile(3.0, -8.0, 0.3, 0.3), smile(5.5))) == pytest.approx([5.75], abs=0.06), "but a smile after is"


def test_smiles_one_after_the_other_are_told_in_order() -> None:
    found = run(smile(2.0, held_s=1.0), smile(6.0, held_s=1.0), smile(10.0, held_s=1.0), seconds=14.0)
    assert began(found) == pytest.approx([2.25, 6.25, 10.25], abs=0.06)
    again = run(smile(3.0, held_s=0.4), smile(3.0 + 0.6 * APART_S, held_s=0.4))
    assert began(again) == pytest.approx([3.25], abs=0.06), "a mouth that laughs is one smile"


def test_nothing_is_told_before_the_mouth_has_been_known_for_a_while() -> None:
    assert run(smile(0.1, rise_s=0.3), seconds=0.5) == []
    smiles = Smiles()
    corners = np.array([[-24.0, 47.0], [24.0, 47.0]], dtype=np.float32)
    for k in range(60):
        assert smiles.push(k / 30.0, corners) == []
    smiles.finish()
    for k in range(60):  # someone else, whose mouth is wider
        assert smiles.push(2.0 + k / 30.0, 1.3 * corners) == []


def test_an_unknown_mouth_is_passed_over() -> None:
    assert run(smile(3.0), lost=lambda t: t >= 0.0) == []
    assert began(run(smile(3.0), lost=lambda t: np.arange(len(t)) % 3 > 0)) == pytest.approx([3.25], abs=0.1)
    assert len(run(smile(3.0), lost=lambda t: (t > 3.1) & (t < 3.4))) == 1
