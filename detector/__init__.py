"""nasalis: finds small involuntary twitches around the nose in ordinary video."""

from __future__ import annotations

__version__ = "0.1.0"
