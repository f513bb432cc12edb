"""The interpreter of this machine behind a pipe, for a Java process: windows of float32 in, codes as int32 out."""

import sys
from pathlib import Path

import numpy as np

from pi_runtime.interpreter import open_interpreter
from pi_runtime.model_file import read_info


def main(model: Path) -> None:
    info = read_info(model)
    interpreter = open_interpreter(model.read_bytes(), model.name, 1)
    source, target = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    while data := sys.stdin.buffer.read(4 * info.window):
        interpreter.set_tensor(source, np.frombuffer(data, "<f4")[None])
        interpreter.invoke()
        sys.stdout.buffer.write(interpreter.get_tensor(target).astype("<i4").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
