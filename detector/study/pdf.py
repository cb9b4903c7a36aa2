"""The printed report: HTML to PDF with WeasyPrint, which is optional and is never let near the network."""

from __future__ import annotations

import logging
from typing import Any

from detector.errors import UsageError

MISSING = (
    "--pdf needs WeasyPrint, which is not installed: pip install 'nasalis[pdf]', or print the HTML from a browser."
)


def check_pdf() -> None:
    """Refuse before the work begins when a PDF cannot be made.

    Raises
    ------
    UsageError
        WeasyPrint, or a system library that it needs, is missing.
    """
    _weasyprint()


def to_pdf(html: str) -> bytes:
    """The pages of a report; nothing but ``html`` is read."""
    weasyprint = _weasyprint()
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())  # no picture, font or style sheet, not even of this disk
    return bytes(weasyprint.HTML(string=html, url_fetcher=nothing).write_pdf())


def _weasyprint() -> Any:
    try:
        import weasyprint
    except ImportError as error:
        raise UsageError(MISSING) from error
    except OSError as error:  # Pango is looked for when it is imported
        raise UsageError(
            f"--pdf needs the system library Pango, which WeasyPrint did not find ({error}): install it (Debian: "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0), or print the HTML from a browser."
        ) from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it tells of CSS for screens that it leaves out
    return weasyprint
