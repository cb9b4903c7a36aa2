"""Writes ``sbom.cdx.json``: what is installed from ``lock.txt``, with licenses, and the face model, as CycloneDX.

Usage: ``python requirements/make_sbom.py PYTHON``, with the interpreter of an environment in which ``lock.txt`` and
nothing else was installed. Needs ``cyclonedx-bom``. README.md has the whole procedure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REGISTRY = re.compile(r"//(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|pypi\.python\.org)\b")
TOOLS = ("pip", "setuptools", "wheel")  # what makes an environment, and no part of the program


def main(python: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON", "--sv", "1.6",
         "--pyproject", str(ROOT / "pyproject.toml"), python],
        check=True, capture_output=True,
    )  # fmt: skip
    document = json.loads(made.stdout)
    dropped = {part["bom-ref"] for part in document["components"] if part["name"].lower() in TOOLS}
    document["components"] = [part for part in document["components"] if part["bom-ref"] not in dropped]
    document["dependencies"] = [one for one in document["dependencies"] if one["ref"] not in dropped]
    for part in (*document["components"], *document["metadata"]["tools"]["components"]):
        _without_registries(part)
    model = _face_model()
    document["components"].append(model)
    root = document["metadata"]["component"]["bom-ref"]
    for one in document["dependencies"]:
        if one["ref"] == root:
            one["dependsOn"] = sorted([*one.get("dependsOn", []), model["bom-ref"]])
    document["dependencies"].append({"ref": model["bom-ref"]})
    (HERE / "sbom.cdx.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


def _without_registries(part: dict[str, Any]) -> None:
    """Names and versions say where a package is to be had; the mirror it came from is nobody's business."""
    kept = [one for one in part.pop("externalReferences", []) if not REGISTRY.search(one["url"])]
    if kept:
        part["externalReferences"] = kept


def _face_model() -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    import models

    return {
        "type": "machine-learning-model",
        "bom-ref": models.FILE_NAME,
        "name": models.FILE_NAME,
        "version": "float16/1",
        "description": "MediaPipe Face Landmarker: face detector, 478-point face mesh, blendshapes; carried by the "
        f"package {models.CARRIER} {models.CARRIER_VERSION}, verified before every use; see models/MODELS.md",
        "publisher": "Google",
        "hashes": [{"alg": "SHA-256", "content": models.SHA256}],
        "licenses": [{"license": {"acknowledgement": "declared", "id": "Apache-2.0"}}],
    }


if __name__ == "__main__":
    main(sys.argv[1])
