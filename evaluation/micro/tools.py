"""What builds a firmware: Arm's kernels in C, out of packages, in ``out/micro``. `make micro-tools` gets the rest."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluation.micro.boards import MicroError

FOLDER = Path(__file__).parents[2] / "out" / "micro"
BAKENN = "bakenn==1.0.0"
"""Carries the sources of CMSIS-NN 4.0.0 and CMSIS-Core 5.9.0."""
CMSISDSP = "cmsisdsp==1.10.3"
"""Its source distribution is CMSIS-DSP."""
VELA = "ethos-u-vela==5.2.0"
PROGRAMS = ("arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm", "cc")


def get_tools(folder: Path = FOLDER) -> None:
    """Put Arm's kernels, and Vela with a Python environment of its own, into ``folder``.

    Raises:
        MicroError: a package cannot be had.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    call([*pip, "install", "--quiet", "--no-deps", "--target", str(folder / "bakenn"), BAKENN])
    with tempfile.TemporaryDirectory() as temporary:
        # No wheel: that has the library for Python alone.
        name = CMSISDSP.partition("==")[0]
        call([*pip, "download", "--quiet", "--no-deps", "--no-binary", name, "--dest", temporary, CMSISDSP])
        (archive,) = Path(temporary).glob("*.tar.gz")
        call(["tar", "-x", "--no-same-owner", "-f", str(archive), "-C", temporary])
        shutil.move(next(Path(temporary).glob("cmsisdsp-*/")), folder / "cmsis-dsp")
    call([sys.executable, "-m", "venv", str(folder / "vela")])
    call([str(folder / "vela" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", VELA])


def sources(folder: Path = FOLDER) -> tuple[list[Path], list[Path]]:
    """Files of CMSIS to compile, of which the linker takes what is used, and folders of headers.

    Raises:
        MicroError: they are not there, or a program is missing.
    """
    for program in PROGRAMS:
        if not shutil.which(program):
            raise MicroError(f"{program} is not installed; run: make micro-tools")
    vendor = folder / "bakenn" / "bakenn" / "backend" / "cmsis_nn" / "vendor"
    dsp = folder / "cmsis-dsp"
    if not vendor.is_dir() or not dsp.is_dir():
        raise MicroError("the sources of CMSIS are not there; run: make micro-tools")
    kernels = [f for part in ("Convolution", "NNSupport") for f in vendor.glob(f"cmsis_nn/Source/{part}Functions/*.c")]
    kernels += [dsp / "Source" / f"{name}.c" for name in DSP]
    headers = [vendor / "cmsis_nn/Include", vendor / "cmsis_core/Include", dsp / "Include", dsp / "PrivateInclude"]
    return sorted(kernels), headers


DSP = (
    "BasicMathFunctions/arm_dot_prod_q15",
    "CommonTables/arm_common_tables",
    "CommonTables/arm_const_structs",
    "CommonTables/arm_mve_tables",
    "ComplexMathFunctions/arm_cmplx_mag_f32",
    "FastMathFunctions/arm_vlog_f32",
    "TransformFunctions/arm_bitreversal2",
    "TransformFunctions/arm_cfft_f32",
    "TransformFunctions/arm_cfft_init_f32",
    "TransformFunctions/arm_cfft_radix8_f32",
    "TransformFunctions/arm_rfft_fast_f32",
    "TransformFunctions/arm_rfft_fast_init_f32",
)
"""Files of CMSIS-DSP that the library uses."""


def call(command: Sequence[str], cwd: Path | None = None) -> str:
    """Run a tool and return what it prints.

    Raises:
        MicroError: it is missing, or failed; the message has the line that says why.
    """
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout
    except FileNotFoundError as error:
        raise MicroError(f"{command[0]} is not installed; run: make micro-tools") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"status {error.returncode}"]
        # A compiler's first error says more than its last line.
        last = next((line for line in said if "error" in line), said[-1])
        raise MicroError(f"{Path(command[0]).name} failed: {last}") from error
