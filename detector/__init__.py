"""nasalis: finds small involuntary twitches around the nose in ordinary video.

From Python: ``from detector import analyze, open_log``; see docs/api.md. They are loaded when first asked for, so that
importing this package stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.api import Analysis, Log, analyze, open_log

__version__ = "0.1.0"
__all__ = ["Analysis", "Log", "__version__", "analyze", "open_log"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from detector import api

        return getattr(api, name)
    raise AttributeError(f"module 'detector' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
