"""What a magnified replay says of itself: how far it can be trusted, and how far each side moved."""

from __future__ import annotations

from detector import regions
from detector.live_words import FACE_GOOD_PX_MM, LUMA_DIM
from detector.magnify_measure import NOISE_SHOWN_MM, Measured, best_factor
from detector.types import FloatArray

ROWS = (("right", "right"), ("midline", "mid"), ("left", "left"))  # side, and its name beside the trace


def side_lengths(measured: Measured) -> dict[str, FloatArray]:
    """(T,) mm of each side: the motion of that of its sites at the nose which moves most."""
    out = {}
    for side, _ in ROWS:
        of_side = [k for k, site in enumerate(regions.SITES) if regions.IS_NASAL[k] and site.side == side]
        out[side] = measured.skin.lengths_at(measured.sites_mm[of_side]).max(axis=1)
    return out


def notes(measured: Measured, factor: float) -> tuple[str, list[str]]:
    """The warning, empty when the enlargement holds, and further sentences for under the panels."""
    noise = measured.noise_mm
    shown = factor * noise
    best = best_factor(noise)
    warning = ""
    if shown > NOISE_SHOWN_MM * 1.01:
        fits = f" (x{best:g} would do)" if best * noise <= NOISE_SHOWN_MM else ""
        beyond = f"x{factor:g} is beyond this recording{fits}"
        warning = f"{'' if fits else 'even '}{beyond}: what moves less than {shown:.1f} mm here is noise"
    plain = [f"what moves less than {shown:.1f} mm in the enlarged picture ({noise:.2f} mm of skin) is noise"]
    if measured.quiet_s == 0.0:
        plain.append("no quiet second to take it from: noise may be less than stated")
    reasons = []
    if measured.px_per_mm < FACE_GOOD_PX_MM:
        reasons.append(f"small face ({measured.px_per_mm:.1f} px/mm)")
    if measured.luma < LUMA_DIM:
        reasons.append("little light")
    if reasons:
        plain.append("noisy because of: " + ", ".join(reasons))
    plain.append("enlarged inside the dotted line")
    return warning, plain[1:] if warning else plain


def clock(t_s: float) -> str:
    """``m:ss.cc``."""
    return f"{int(t_s // 60)}:{t_s % 60:05.2f}"
