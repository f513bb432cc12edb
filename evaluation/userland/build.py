"""Build the userland of a device: Debian's packages, the wheels of each interpreter, and the project's own wheel.

ROOT/                    Debian, and plain files for what an interpreter reads of /proc and /sys
ROOT/opt/RUNTIME         an interpreter and what it needs, as pip would install it on the device
ROOT/opt/edgy-tf         the project's wheel
ROOT/opt/microphone      sounddevice
"""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from evaluation.userland.devices import PYTHON, SUITE, Device, UserlandError

SOURCE = Path(__file__).parents[2]
FOLDER = SOURCE / "out" / "userland"

# ctypes looks for libraries with programs of the device, which cannot be started from within an emulated process.
_FIND_LIBRARY = """\
import ctypes.util

ctypes.util.find_library = lambda name: f"lib{name}.so.2"
"""


def build(device: Device, folder: Path = FOLDER) -> Path:
    """Make the userland of ``device`` in ``folder``, but for the project's wheel; what was there is replaced.

    Returns:
        its root.

    Raises:
        UserlandError: a tool is missing, or a package cannot be had.
    """
    root, partial = folder / device.name, folder / f"{device.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _debian(device, partial)
    _files(device, partial)
    numpy = [] if device.debian_numpy else _requirements("options", "install_requires")
    for runtime in device.runtimes:
        _pip(device, partial / "opt" / runtime, [*numpy, runtime_requirement(runtime)])
    _pip(device, partial / "opt" / "microphone", ["sounddevice"], "--no-deps")
    (partial / "opt" / "microphone" / "sitecustomize.py").write_text(_FIND_LIBRARY, "ascii")
    shutil.rmtree(root, ignore_errors=True)
    partial.rename(root)
    return root


def project_wheel(folder: Path) -> Path:
    """Build the wheel of this source tree in ``folder``.

    Raises:
        UserlandError: this is no source tree, or it does not build.
    """
    if not (SOURCE / "setup.cfg").exists():
        raise UserlandError("an installed package has no sources to build a wheel of; run this in a checkout")
    call([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(SOURCE)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(device: Device, wheel: Path, folder: Path = FOLDER) -> None:
    """Put the project's wheel into the userland of ``device``, in the place of an older one.

    Raises:
        UserlandError: the wheel does not fit.
    """
    target = folder / device.name / "opt" / "edgy-tf"
    shutil.rmtree(target, ignore_errors=True)
    _pip(device, target, [str(wheel)], "--no-deps")


def extra_pi(device: Device) -> list[str]:
    """Names of what the extra ``pi`` installs on ``device``."""
    pi = map(Requirement, _requirements("options.extras_require", "pi"))
    return [r.name for r in pi if r.marker is None or r.marker.evaluate({"platform_machine": device.machine})]


def runtime_requirement(runtime: str) -> str:
    """The line of the extra ``pi`` that names ``runtime``, without what it says of the machine."""
    (found,) = (r for r in map(Requirement, _requirements("options.extras_require", "pi")) if r.name == runtime)
    return f"{found.name}{found.specifier}"


def call(command: Sequence[str]) -> str:
    """Run a tool and return what it prints.

    Raises:
        UserlandError: it is missing, or failed; the message has its last line.
    """
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise UserlandError(f"{command[0]} is not installed; run: make pi-userland") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UserlandError(f"{command[0]} failed: {last}") from error


def _requirements(section: str, option: str) -> list[str]:
    config = configparser.ConfigParser()
    config.read(SOURCE / "setup.cfg", "utf-8")
    return [line for line in config[section][option].splitlines() if line and not line.startswith("#")]


def _debian(device: Device, root: Path) -> None:
    """Unpack Debian's packages; no script of theirs is run, so the machine needs not be able to run them."""
    archive = root.with_suffix(".tar")
    source = f"deb {_mirror()} {SUITE} main"
    command = ["mmdebstrap", "--quiet", f"--arch={device.name}", "--variant=extract", "--format=tar"]
    call([*command, f"--include={','.join(device.packages)}", SUITE, str(archive), source])
    # By tar, because it gives the files to whoever calls it; a device node would need root.
    call(["tar", "-x", "--no-same-owner", "--exclude=./dev", "-f", str(archive), "-C", str(root)])
    archive.unlink()


def _mirror() -> str:
    """Where this machine's own apt takes the suite from."""
    targets = call(["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(SITE)", "Created-By: Packages"])
    for line in targets.splitlines():
        suite, component, site = line.split()
        if (suite, component) == (SUITE, "main"):
            return site
    raise UserlandError(f"apt has no source of Debian {SUITE}; add one, or build this on Debian {SUITE}")


def _files(device: Device, root: Path) -> None:
    """What a kernel and the packages' scripts would have made."""
    cpus = root / "sys" / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True)
    for name in ("possible", "present"):
        (cpus / name).write_text("0-3\n", "ascii")
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc" / "cpuinfo").write_text(device.cpuinfo, "ascii")
    libraries = root / "usr" / "lib" / device.triplet
    for name in ("blas", "lapack") if device.debian_numpy else ():
        (libraries / f"lib{name}.so.3").symlink_to(f"{name}/lib{name}.so.3")


def _pip(device: Device, target: Path, requirements: Sequence[str], *options: str) -> None:
    """Install wheels for ``device`` into a folder of their own; without their dependencies if NumPy is Debian's."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(target),
    ]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *options]
    command += [f"--platform={wheel}" for wheel in device.wheels]
    call([*command, *(["--no-deps"] if device.debian_numpy else []), *requirements])
