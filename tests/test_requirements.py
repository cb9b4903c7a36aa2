"""What is locked covers what is asked for, every file by its hash, and the bill of materials says the same."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import models

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
AGAIN = "lock again: requirements/README.md says how"
PYTHONS = ("3.11", "3.12", "3.13")
LINUX = {
    "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64",
    "platform_python_implementation": "CPython", "implementation_name": "cpython", "extra": "",
}  # fmt: skip


class Locked(NamedTuple):
    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        (pin,) = self.requirement.specifier
        assert pin.operator == "==", self.requirement
        return pin.version


def locked(name: str) -> list[Locked]:
    """The lines of a lock file."""
    text = (FOLDER / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    parts = [line.split("--hash=") for line in lines]
    return [Locked(Requirement(first.strip()), tuple(rest.strip() for rest in others)) for first, *others in parts]


def versions(name: str, python: str) -> dict[str, str]:
    """What is installed from a lock file on Linux with this Python."""
    where = LINUX | {"python_version": python, "python_full_version": f"{python}.5"}
    return {
        canonicalize_name(one.requirement.name): one.version
        for one in locked(name)
        if one.requirement.marker is None or one.requirement.marker.evaluate(where)
    }


def asked(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [one for one in map(Requirement, lines) if one.name != project["name"]]


def extras() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "sbom.cdx.json").read_text("utf-8"))
    return document


@pytest.mark.parametrize("python", PYTHONS)
def test_all_that_is_asked_for_is_locked(python: str) -> None:
    for name, wanted in (("lock.txt", asked(*(extras() - {"dev"}))), ("dev.txt", asked(*extras()))):
        there = versions(name, python)
        for one in wanted:
            version = there.get(canonicalize_name(one.name))
            assert version is not None, f"{one} is not in {name}: {AGAIN}"
            assert one.specifier.contains(version, prereleases=True), f"{one} is {version} in {name}: {AGAIN}"
    both = set(versions("lock.txt", python).items()) - set(versions("dev.txt", python).items())
    assert both == set(), f"the two files differ: {AGAIN}"


@pytest.mark.parametrize("name", ["lock.txt", "dev.txt"])
def test_every_file_is_known_by_its_hash_and_no_place_is_named(name: str) -> None:
    for one in locked(name):
        assert one.version and one.hashes, one.requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in one.hashes)
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|/(tmp|home|root|opt)/",
                         (FOLDER / name).read_text("utf-8"))  # fmt: skip


def test_the_bill_lists_what_is_locked(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {canonicalize_name(part["name"]): part for part in bill["components"] if part["type"] == "library"}
    assert {name: part["version"] for name, part in listed.items()} == versions("lock.txt", PYTHONS[0]), AGAIN
    for name, part in listed.items():
        assert part["purl"].lower().startswith(f"pkg:pypi/{name}@{part['version']}".lower()), name
    # of these the packages themselves do not say it; their repositories have the MIT and the BSD license
    assert {name for name, part in listed.items() if not part.get("licenses")} <= {"partd", "pympi-ling"}
    known = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert {one["ref"] for one in bill["dependencies"]} == known


def test_the_bill_has_the_face_model(bill: dict[str, Any]) -> None:
    (model,) = (part for part in bill["components"] if part["type"] == "machine-learning-model")
    assert model["hashes"] == [{"alg": "SHA-256", "content": models.SHA256}]
    assert model["licenses"][0]["license"]["id"] == "Apache-2.0"
    root = bill["metadata"]["component"]
    (of_root,) = (one for one in bill["dependencies"] if one["ref"] == root["bom-ref"])
    assert root["name"] == "nasalis" and model["bom-ref"] in of_root["dependsOn"]


def test_the_bill_names_no_machine(bill: dict[str, Any]) -> None:
    assert not re.search(r'file:|"/(tmp|home|root|opt|work)/', json.dumps(bill))
