"""Count the instructions that an emulated device needs to import, load and encode."""

from __future__ import annotations

import statistics
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

from evaluation.userland.build import call, install, project_wheel
from evaluation.userland.devices import UserlandError
from evaluation.userland.run import Userland
from pi_runtime.golden import RECORDING

PLUGIN = Path(__file__).with_name("count.c")
A72 = "arm64", "ai-edge-litert"
"""Device and interpreter of a Raspberry Pi 4, whose instructions variants are compared by."""


@dataclass(frozen=True)
class Instructions:
    """Instructions by part of the work of ``guest``.

    Attributes:
        imports: ``import pi_runtime``, with Python's bytecode at hand.
        load: the interpreter's library and the model.
        encode: the whole recording.
        chunk: the median chunk, in which the model runs once.
    """

    imports: int
    load: int
    encode: int
    chunk: int


def count(userland: Userland, recording: Path, codes: Path, model: Path | None = None) -> Instructions:
    """Encode ``recording`` on the device, write its codes to ``codes`` and count.

    Args:
        userland: the device.
        recording: ``.wav``.
        codes: ``.npy``.
        model: the encoder's file; None for the int8 one of the release that is installed there.

    Raises:
        UserlandError: it fails there, or this machine cannot compile or load the plugin.
    """
    with tempfile.TemporaryDirectory() as folder:
        plugin, counts = Path(folder) / "count.so", Path(folder) / "counts"
        call(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(plugin), str(PLUGIN)])
        userland.python(
            *("-m", "evaluation.userland.guest", str(recording), str(codes), *([str(model)] if model else [])),
            plugin=f"{plugin},out={counts},marker={userland.device.getppid}",
        )
        marks = [int(line) for line in counts.read_text("ascii").split()]
    if len(marks) < 5 or len(marks) % 2 == 0:
        raise UserlandError(f"{len(marks)} marks were counted on {userland.name}: something else calls getppid")
    start, imported, loaded, *chunks = marks
    each = [after - before for before, after in zip(chunks[::2], chunks[1::2], strict=True)]
    return Instructions(imported - start, loaded - imported, sum(each), round(statistics.median(each[:-1])))


def emulated(device: str, runtime: str) -> Userland:
    """A device that was built, with the wheel of this source tree.

    Raises:
        UserlandError: it was not built, or the wheel cannot be.
    """
    userland = Userland.open(device, runtime)
    with tempfile.TemporaryDirectory() as folder:
        install(userland.device, project_wheel(Path(folder)))
    return userland


def per_second(userland: Userland, model: Path) -> int:
    """Instructions with which an encoder's file encodes a second of audio: the golden recording's mean.

    Raises:
        UserlandError: as ``count``.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = count(userland, RECORDING, Path(folder) / "codes.npy", model.absolute())
    return round(found.encode / seconds_of(RECORDING))


def seconds_of(recording: Path) -> float:
    """Length of a ``.wav``."""
    with wave.open(str(recording)) as wav:
        return wav.getnframes() / wav.getframerate()
