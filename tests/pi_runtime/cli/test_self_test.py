"""The self-test passes on what ships and fails, in one line, on wrong codes and on changed files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.releases import find_release
from pi_runtime import golden
from pi_runtime.cli.main import main


@pytest.fixture
def other_golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the golden vectors that a test may change."""
    folder = tmp_path / "golden"
    shutil.copytree(golden.FOLDER, folder)
    monkeypatch.setattr(golden, "FOLDER", folder)
    return folder


def test_what_ships_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["self-test"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[variant, "ok"] for variant in find_release("pi").variants]
    assert all("load" in line and "encode" in line and " ms" in line for line in lines)


@pytest.mark.parametrize("family", golden.FAMILIES)
def test_codes_of_either_family_pass(other_golden: Path, family: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A device may run the kernels of one family: were these codes the other's, it would pass as well."""
    (other,) = set(golden.FAMILIES) - {family}
    codes = np.load(golden.golden_path("pi", "int8", "xnnpack"))
    np.save(golden.golden_path("pi", "int8", family), codes)
    np.save(golden.golden_path("pi", "int8", other), np.zeros_like(codes))
    assert main(["self-test"]) == 0
    assert f"100.0 % of {len(codes)} codes as by {family} kernels" in capsys.readouterr().out


def test_wrong_codes_of_both_families_fail(other_golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for family in golden.FAMILIES:
        path = golden.golden_path("pi", "int8", family)
        codes = np.load(path)
        codes[::50] ^= 1  # Seven of 312.
        np.save(path, codes)
    assert main(["self-test"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "edgy-edge self-test: wrong codes from int8 of release pi: reinstall the extra 'pi'\n"
    assert "int8     FAILED" in captured.out
    assert "float32  ok" in captured.out


def test_a_changed_file_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = tmp_path / "pi"
    shutil.copytree(find_release("pi").folder, release)
    about = json.loads((release / "release.json").read_text("utf-8"))
    assert main(["self-test", "--release", str(release)]) == 0
    model = release / "encoder-int8.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"\0\0")
    assert main(["self-test", "--release", str(release)]) == 2
    assert f"encoder-int8.tflite of release {about['name']} was changed" in capsys.readouterr().err


def test_a_release_without_golden_codes_says_so(tiny_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["self-test", "--release", str(tiny_release)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("edgy-edge self-test: no golden codes ship for ")
    assert error.count("\n") == 1
