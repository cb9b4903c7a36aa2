"""The printed report: two pages of A4, made without asking anybody for anything."""

from __future__ import annotations

import base64
import re
import sys
import zlib
from datetime import UTC
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.record.log import EpisodeLog
from detector.study import demo
from detector.study.pdf import check_pdf, to_pdf
from detector.study.report import ReportJob, run

# one gray pixel as PNG
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="


@pytest.fixture
def printer() -> None:
    try:
        check_pdf()
    except UsageError as error:
        if "system library" in str(error):
            pytest.skip(str(error))
        raise


def objects(pdf: bytes) -> bytes:
    """The file with its compressed parts laid open."""
    streams = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", pdf, flags=re.S)
    return pdf + b"".join(zlib.decompressobj().decompress(stream) for stream in streams)


def pages(pdf: bytes) -> list[bytes]:
    return re.findall(rb"/Type\s*/Page\b(?!s)", objects(pdf))


def test_the_demo_is_two_pages_of_a4(demo_report: Path, printer: None) -> None:
    from detector.study.report_data import gather
    from detector.study.report_page import make_page, render

    with EpisodeLog(demo_report.with_suffix(".sqlite")) as log:
        data = gather(log, zone=UTC, name=demo.PERSON, today=demo.last_day())
    pdf = to_pdf(render(make_page(data), static=True))
    assert pdf.startswith(b"%PDF")
    assert len(pages(pdf)) == 2
    width, height = map(float, re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", objects(pdf))[0])
    assert (round(width), round(height)) == (595, 842)


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printer: None) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    import weasyprint

    picture = tmp_path / "a.png"
    picture.write_bytes(base64.b64decode(DOT))
    page = f'<p>words<img src="{picture.as_uri()}"><img src="http://192.0.2.1/a.png">'
    drawn = re.compile(rb"/Subtype ?/Image")
    assert drawn.search(objects(weasyprint.HTML(string=f'<img src="{picture.as_uri()}">').write_pdf()))
    assert not drawn.search(objects(to_pdf(page)))


def test_without_the_printer_it_is_said_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UsageError, match=r"pip install 'nasalis\[pdf\]'"):
        run(ReportJob(output=tmp_path / "a.html", pdf=tmp_path / "a.pdf", demo=True))
    assert not list(tmp_path.iterdir())
