"""What the codes must be: the network by reference kernels on this machine, and the search in NumPy's integers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converters.micro import MicroReport
from evaluation.micro.boards import MicroError

Units = npt.NDArray[np.int8]

# TensorFlow Lite Micro in a process of its own, because it prints to stderr what it finds wrong.
_TFLM = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

folder, arena = sys.argv[1], int(sys.argv[2])
interpreter = runtime.Interpreter.from_file(folder + "/model", arena_size=arena)
levels, begins = np.load(folder + "/levels.npy"), set(np.load(folder + "/begins.npy").tolist())
shapes = [interpreter.get_input_details(i)["shape"] for i in range(1, int(sys.argv[3]))]
units = []
for step, frames in enumerate(levels):
    if step in begins:
        states = [np.zeros(shape, np.int8) for shape in shapes]
    for number, values in enumerate([frames[None], *states]):
        interpreter.set_input(values, number)
    interpreter.invoke()
    units.append(interpreter.get_output(0).reshape(-1))
    states = [interpreter.get_output(number) for number in range(1, len(states) + 1)]
np.save(folder + "/units.npy", units)
"""


def tflm(report: MicroReport, levels: npt.NDArray[np.int8], begins: list[int]) -> Units:
    """``units [steps, units]`` by TensorFlow Lite Micro's interpreter, in the arena that was measured.

    Args:
        report: of the encoder.
        levels: int8 ``[steps, frames, mels]``.
        begins: steps at which a stream begins.

    Raises:
        MicroError: the interpreter fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model").write_bytes(report.graph.model)
        np.save(folder / "levels.npy", levels)
        np.save(folder / "begins.npy", begins)
        command = [sys.executable, "-P", "-c", _TFLM, temporary, str(report.arena), str(report.graph.inputs)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise MicroError(f"tflite-micro failed: {(done.stderr.strip().splitlines() or ['it crashed'])[-1]}")
        return np.asarray(np.load(folder / "units.npy"))


def python(report: MicroReport, levels: npt.NDArray[np.int8], begins: list[int]) -> Units:
    """The same by the reference kernels of LiteRT's Python interpreter."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=report.graph.model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    places = [(d["index"], d["shape"]) for d in interpreter.get_input_details()]
    results = [d["index"] for d in interpreter.get_output_details()]
    units, kept = [], [np.zeros(shape, np.int8) for _, shape in places[1:]]
    for step, frames in enumerate(levels):
        if step in begins:
            kept = [np.zeros_like(state) for state in kept]
        for (index, _), values in zip(places, [frames[None], *kept], strict=True):
            interpreter.set_tensor(index, values)
        interpreter.invoke()
        first, *kept = (interpreter.get_tensor(index) for index in results)
        units.append(first.reshape(-1))
    return np.asarray(units)


Kernels = Callable[[MicroReport, npt.NDArray[np.int8], list[int]], Units]
REFERENCES: dict[str, Kernels] = {"tflite-micro": tflm, "LiteRT's reference kernels": python}
