"""What was measured of the face at rest, in words and numbers; it says what was seen and never what it means."""

from __future__ import annotations

from detector.types import BothSides, RestingFace


def resting_lines(resting: RestingFace | None) -> list[str]:
    """A sentence on the face at rest and one on the lids; nothing of what is not known."""
    if resting is None:
        return []
    lines = []
    sizes = [_mouth(resting), _opening(resting), _brows(resting)]
    if any(sizes):
        lines.append(f"At rest ({resting.quiet_s:.0f} s): {'; '.join(size for size in sizes if size)}.")
    if resting.blinks_per_minute is not None or resting.lid_closing is not None:
        lines.append(f"Lids ({resting.watched_s:.0f} s): {'; '.join(_lids(resting))}.")
    return lines


def _mouth(resting: RestingFace) -> str:
    corners = resting.mouth_height_mm
    if corners is None:
        return ""
    apart = f"{abs(corners.difference):.1f}"
    side, other = ("left", "right") if corners.difference > 0.0 else ("right", "left")
    what = "mouth corners at one height"
    if apart != "0.0":
        what = f"{side} mouth corner {apart} mm lower than the {other}"
    return f"{what} (+- {corners.error:.1f}, spread {corners.spread:.1f} mm)"


def _opening(resting: RestingFace) -> str:
    return "" if resting.eye_open_mm is None else f"eyes open {_both(resting.eye_open_mm)}"


def _brows(resting: RestingFace) -> str:
    return "" if resting.brow_height_mm is None else f"brows over the eyes {_both(resting.brow_height_mm)}"


def _both(sides: BothSides) -> str:
    return f"{sides.right:.1f} mm right, {sides.left:.1f} mm left (difference +- {sides.error:.1f})"


def _lids(resting: RestingFace) -> list[str]:
    words = "1 blink" if resting.blinks == 1 else f"{resting.blinks or 'no'} blinks"
    if resting.blinks_per_minute is not None and resting.blinks:
        words += f", {resting.blinks_per_minute:.0f} a minute"
    parts = [words]
    closing = resting.lid_closing
    if closing is not None:
        parts.append(
            f"the right lid closes {100.0 * closing.right:.0f} %, the left {100.0 * closing.left:.0f} %"
            " (a whole closing reads 60 to 90)"
        )
    if resting.one_sided_share:
        parts.append(f"in {100.0 * resting.one_sided_share:.0f} % of them one lid closes much less than the other")
    return parts
