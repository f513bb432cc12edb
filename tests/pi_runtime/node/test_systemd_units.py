"""The units that ship: systemd takes them, and finds little to attack."""

import shutil
import subprocess
from pathlib import Path

import pytest

import pi_runtime

UNITS = sorted((Path(pi_runtime.__file__).parent / "systemd").glob("*.service"))
EXPOSURE = 20
"""In tenths, as ``systemd-analyze security`` counts: 0 is safe, 100 unsafe."""


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="NOT TESTED by systemd itself: systemd-analyze is missing; install the package systemd",
)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit_and_finds_it_safe(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/edgy/bin/edgy-edge", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(copy)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_there_is_one_for_each_service() -> None:
    assert {unit.stem for unit in UNITS} == {"edgy-edge", "edgy-edge-wyoming"}
