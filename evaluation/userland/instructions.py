"""Count the instructions that an emulated device needs to import, load and encode."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evaluation.userland.build import call
from evaluation.userland.devices import UserlandError
from evaluation.userland.run import Userland

PLUGIN = Path(__file__).with_name("count.c")


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
        userland: has this project's wheel.
        recording: a ``.wav``.
        codes: a ``.npy``.
        model: the released encoder unless given.

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
