"""Run Python in the userland of a device."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from evaluation.userland.build import FOLDER
from evaluation.userland.devices import DEVICES, PYTHON, Device, UserlandError

TIMEOUT_S = 600


@dataclass(frozen=True)
class Userland:
    """A device with one interpreter.

    Attributes:
        device: what is emulated.
        runtime: the interpreter that the project finds there.
        root: of the userland.
    """

    device: Device
    runtime: str
    root: Path

    @classmethod
    def open(cls, device: str, runtime: str, folder: Path = FOLDER) -> Userland:
        """The userland that ``build`` made.

        Raises:
            UserlandError: it has not been built, or there is no emulator.
        """
        userland = cls(DEVICES[device], runtime, (folder / device).resolve())
        if not shutil.which(userland.device.qemu):
            raise UserlandError(f"{userland.device.qemu} is not installed; run: make pi-userland")
        if not userland.project.parent.is_dir():
            raise UserlandError(f"there is no userland of {device} yet; run: make pi-userland")
        return userland

    @property
    def name(self) -> str:
        """Device and interpreter."""
        return f"{self.device.name}/{self.runtime}"

    @property
    def project(self) -> Path:
        """Where the project's wheel is installed."""
        return self.root / "opt" / "edgy-tf"

    def install_bytes(self) -> int:
        """Size of what ``pip install 'edgy-tf[pi]'`` puts on the device, NumPy and Python's bytecode included."""
        places = [self.project, self.root / "opt" / self.runtime]
        if self.device.debian_numpy:
            libraries = self.root / "usr" / "lib" / self.device.triplet
            places += [self.root / "usr/lib/python3/dist-packages/numpy", libraries / "blas", libraries / "lapack"]
            places += libraries.glob("libgfortran.so.*")
        files = (
            f for p in places for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file() and not f.is_symlink()
        )
        return sum(file.stat().st_size for file in files)

    def python(self, *arguments: str, home: Path | None = None, plugin: str = "") -> str:
        """Run Python with these arguments and return what it printed.

        Args:
            arguments: after the interpreter's name; a file that the project installs as a command is in
                ``project / "bin"``.
            home: folder with the ``.asoundrc`` of a microphone; sounddevice can be imported then.
            plugin: TCG plugin with its arguments, as qemu takes them.

        Raises:
            UserlandError: the command failed, or ran longer than ``TIMEOUT_S``.
        """
        opt = self.root / "opt"
        places = [self.project, opt / self.runtime, *([opt / "microphone"] if home else [])]
        inside = {
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": ":".join(map(str, [*places, self.root / "usr/lib/python3/dist-packages"])),
            # A count must not depend on the machine: neither on its cores nor on how strings hash today.
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "HOME": str(home or self.root),
        }
        command = [self.device.qemu, "-cpu", self.device.cpu, "-L", str(self.root)]
        command += [option for name, value in inside.items() for option in ("-E", f"{name}={value}")]
        command += ["-plugin", plugin] if plugin else []
        command += [str(self.root / "usr" / "bin" / f"python{PYTHON}"), *arguments]
        try:
            # Of this machine's own environment nothing reaches the device.
            done = subprocess.run(
                command, env={}, cwd=home or self.root, capture_output=True, text=True, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise UserlandError(f"{' '.join(arguments)} ran longer than {TIMEOUT_S} s on {self.name}") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise UserlandError(f"{' '.join(arguments)} failed on {self.name}: {last}")
        return done.stdout
