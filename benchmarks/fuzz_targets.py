"""What a fuzzer that watches which lines are reached feeds: ``python -m benchmarks.fuzz_targets NAME -runs=N``.

Our own parsers of foreign bytes and words. An exception that is not one of ours ends the run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["detector"]):
    from detector import container
    from detector.errors import NasalisError
    from detector.record import mark_words
    from detector.study import journal_amounts, journal_kinds, journal_times

NOW = datetime(2026, 11, 10, 14, 20, tzinfo=UTC)
ZONE = journal_times.zone_named("Europe/Berlin")
# so that the first bytes need not be found by chance
HEADS = [
    b"",
    b"\0\0\0\x10ftypisom\0\0\0\0",
    b"\x1aE\xdf\xa3\x93\x42\x82\x88matroska\x18S\x80g",
    b"RIFF\0\0\0\0AVI LIST",
]
BOXES = [b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"hdlr", b"moof"]

Target = Callable[[atheris.FuzzedDataProvider], object]


def clips(folder: Path) -> Target:
    """The boxes and heads of clips."""
    path = folder / "clip.mp4"

    def parse(data: atheris.FuzzedDataProvider) -> None:
        content = bytearray(data.PickValueInList(HEADS))
        while data.remaining_bytes() > 8 and data.ConsumeBool():
            content += data.ConsumeBytes(4) + data.PickValueInList(BOXES)
        path.write_bytes(content + data.ConsumeBytes(data.remaining_bytes()))
        mp4 = container.check_file(path)
        container.recorded_at(path)
        container.announces_true_length(path)
        container.why_unreadable(path, mp4)

    return parse


def times(_: Path) -> Target:
    """What a person writes for a moment."""
    return lambda data: journal_times.parse_moment(data.ConsumeUnicode(60), ZONE, NOW)


def amounts(_: Path) -> Target:
    """What a person writes for an amount, of every kind."""
    kinds = list(journal_kinds.KINDS.values())
    return lambda data: journal_amounts.parse_amount(data.PickValueInList(kinds), data.ConsumeUnicode(60))


def marks(_: Path) -> Target:
    """Times and labels in tables of other programs."""

    def parse(data: atheris.FuzzedDataProvider) -> None:
        mark_words.meaning_of(data.ConsumeUnicode(30))
        _, unit_s = mark_words.unit_of(data.ConsumeUnicode(30))
        try:
            mark_words.seconds_of(data.ConsumeUnicode(40), unit_s)
        except ValueError:  # its own way to say so
            return

    return parse


TARGETS = {function.__name__: function for function in (clips, times, amounts, marks)}


def main() -> None:
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        parse = TARGETS[name](Path(folder))

        def one(content: bytes) -> None:
            try:
                parse(atheris.FuzzedDataProvider(content))
            except NasalisError as error:
                assert str(error), "an error without words"

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
