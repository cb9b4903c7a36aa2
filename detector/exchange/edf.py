"""EDF+: episodes as annotations, and the signals of the analysis as channels (Kemp and Olivan 2003, edfplus.info)."""

from __future__ import annotations

import math
from datetime import date
from datetime import time as clock
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detector import __version__
from detector.errors import UsageError
from detector.exchange.recording import Recording, missing, number, one_line
from detector.record.entries import LoggedEpisode

if TYPE_CHECKING:
    from edfio import EdfAnnotation, EdfSignal

DATES = (date(1985, 1, 1), date(2084, 12, 31))  # that the two digits of a year in its header can hold
PLAIN_HZ = 20  # of a file without signals: no twitch is shorter than a sample, 0.05 s
MAX_GAP_S = 0.25  # bridged between two measured frames: config.Settings.max_gap_s, beyond which a measurement is new
# Labels have 16 characters: a muscle has 12, its side 2, and what is told of it 2.
MUSCLES = {
    "procerus": "Procerus", "depressor_septi_nasi": "DeprSeptNasi", "nasalis_transverse": "NasalisTrans",
    "nasalis_alar": "NasalisAlar", "levator_labii_alaeque_nasi": "LevLabAlNasi",
    "orbicularis_oris_upper": "OrbOrisUpper", "orbicularis_oculi_lower": "OrbOculiLow", "zygomaticus": "Zygomaticus",
}  # fmt: skip
SIDE_LETTERS = {"left": " L", "right": " R"}
FILLED = "0 where not measured"


def edf(recording: Recording, signals: Path | None = None) -> bytes:
    """One recording as EDF+C.

    Parameters
    ----------
    recording : Recording
    signals : Path, optional
        What ``analyze --signals`` kept of it, or a folder with that file. The channels then are the score of each side,
        whether it was observed, and the excursion in mm of each muscle area along its pull, on an even grid from the
        start of the recording. EDF has no NaN: what was not measured is 0, and ``Observed`` is 0 there. A channel that
        is 1 during episodes is there without it too: many viewers open no file that has annotations only.

    Returns
    -------
    bytes
        Start date and time are by the clock of the log, whose offset stands in the recording field (EDF knows no time
        zones); a recording of an unknown start begins at midnight without a date.

    Raises
    ------
    UsageError
        The extra is not installed, or the signals are of another recording.
    SourceError
        The signals cannot be read.
    """
    try:
        import edfio
    except ImportError as error:
        raise missing("edfio", "EDF+") from error
    session, started = recording.session, recording.started
    if started is not None and not DATES[0] <= started.date() <= DATES[1]:
        started = None
    zone = "unknown" if started is None else f"UTC{started.strftime('%z') or '+0000'}"
    channels = _channels(recording, None if signals is None else _of(recording, signals))
    marks = [edfio.EdfAnnotation(0.0, None, "Recording starts")]  # standard texts of EDF+
    if session.duration_s > 0.0 and math.isfinite(session.duration_s):
        marks.append(edfio.EdfAnnotation(round(session.duration_s, 3), None, "Recording ends"))
    marks += [_annotation(row) for row in recording.episodes]
    file = edfio.Edf(
        channels,
        recording=edfio.Recording(
            startdate=None if started is None else started.date(),
            equipment_code=f"nasalis_{__version__}",
            additional=(f"session_{session.session_id}", f"clock_{zone}"),
        ),
        starttime=clock(0) if started is None else started.time(),
        data_record_duration=1.0,
        annotations=marks,
    )
    return bytes(file.to_bytes())


def _annotation(row: LoggedEpisode) -> EdfAnnotation:
    from edfio import EdfAnnotation

    found = row.episode
    told = [found.kind, found.side, f"{number(found.peak_mm, 2)} mm", row.episode_id]
    told += [text for text in (row.review, one_line(row.note)) if text]
    start, end = round(found.start_s, 3), round(found.end_s, 3)
    return EdfAnnotation(max(start, 0.0), max(round(end - start, 3), 0.0), one_line(", ".join(told)))


def _of(recording: Recording, signals: Path) -> Path:
    from detector.record.traces import signal_files

    session = recording.session
    files = signal_files(signals)
    # decided again with another sensitivity, the same signals are those of another session over the same file
    for (session_id, sha256), path in files.items():
        if session_id == session.session_id or (sha256 and sha256 == session.sha256):
            return path
    raise UsageError(f"{signals} holds no signals of session {session.session_id}: choose another with --session ID")


def _channels(recording: Recording, signals: Path | None) -> list[EdfSignal]:
    from detector.record.heights import read_heights
    from detector.record.traces import read_traces

    last_s = max([recording.session.duration_s, *(row.episode.end_s for row in recording.episodes)])
    if signals is None:
        return [_episodes(recording, _grid(last_s, PLAIN_HZ), PLAIN_HZ)]
    traces, heights = read_traces(signals), read_heights(signals)
    rate = _rate_hz(traces.t_s)
    grid_s = _grid(max(last_s, float(traces.t_s[-1]) + 1.0 / rate), rate)
    before = np.searchsorted(traces.t_s, grid_s + 1e-9, side="right") - 1
    near = (before >= 0) & (grid_s - traces.t_s[before] <= MAX_GAP_S)
    observed = np.where(near, traces.observed[before], False).astype(np.float64)
    out = [_episodes(recording, grid_s, rate)]
    out += [_channel(observed, rate, "Observed", "", "1: there was a verdict, 0: there was none")]
    for side, scores in traces.scores.items():
        told = f"highest score of the {side} nasal areas, {FILLED}"
        out.append(_channel(_on_grid(traces.t_s, scores, grid_s), rate, f"Score {side}", "", told))
    for k, name in enumerate(heights.names):
        told = f"{name} along its pull, {FILLED}"
        values = _on_grid(heights.t_s, heights.pull_mm[:, k], grid_s)
        out.append(_channel(values, rate, f"h {label(name)}", "mm", told))
    return out


def _grid(last_s: float, rate: int) -> npt.NDArray[np.float64]:
    """Times of the samples: whole records of one second each, one at least."""
    seconds = max(math.ceil(last_s - 1e-6), 1) if math.isfinite(last_s) else 1
    return np.arange(seconds * rate) / rate


def _episodes(recording: Recording, grid_s: npt.NDArray[np.float64], rate: int) -> EdfSignal:
    during = np.zeros(len(grid_s))
    for row in recording.episodes:
        first, end = np.searchsorted(grid_s, (row.episode.start_s, row.episode.end_s))
        during[first:end] = 1.0
    return _channel(during, rate, "Episode", "", "1 during an episode")


def label(region: str) -> str:
    """An area in 14 characters."""
    muscle, _, side = region.rpartition("_")
    return MUSCLES[muscle] + SIDE_LETTERS[side] if side in SIDE_LETTERS else MUSCLES[region]


def _rate_hz(t_s: npt.NDArray[np.float64]) -> int:
    """Samples per second, a whole number: of the frames where those come so, else twice theirs, to keep the peaks."""
    steps = np.diff(t_s)
    steps = steps[steps > 0.0]
    rate = 1.0 / float(np.median(steps)) if len(steps) else 1.0
    even = round(rate) >= 1 and abs(rate - round(rate)) < 1e-4 * rate
    return round(rate) if even else max(math.ceil(2.0 * rate), 1)


def _on_grid(
    t_s: npt.NDArray[np.float64], values: npt.NDArray[np.float32], grid_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Straight between measured frames that are not further apart than MAX_GAP_S; 0 elsewhere."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(grid_s))
    t_s, values = t_s[known], values[known]
    after = np.searchsorted(t_s, grid_s - 1e-9)  # a grid point on a frame is that frame
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(t_s) - 1)
    bridged = (t_s[after] - t_s[before] <= MAX_GAP_S) & (grid_s >= t_s[0] - 1e-9) & (grid_s <= t_s[-1] + 1e-9)
    on_frame = np.abs(t_s[after] - grid_s) < 1e-6
    return np.where(bridged | on_frame, np.interp(grid_s, t_s, values), 0.0)


def _channel(values: npt.NDArray[np.float64], rate: int, name: str, unit: str, about: str) -> EdfSignal:
    from edfio import EdfSignal

    # symmetric round 0, so that 0 is exact to half a step; rounded up to what 8 characters of the header can say
    largest = float(np.abs(values).max(initial=0.0))
    bound = math.ceil(max(largest, 1e-3) * 1e3) / 1e3
    return EdfSignal(
        values, rate, label=name, transducer_type=about[:80], physical_dimension=unit,
        physical_range=(-bound, bound), digital_range=(-32767, 32767),
    )  # fmt: skip
