"""How much memory TensorFlow Lite Micro needs for a model's tensors, measured with its own interpreter."""

from __future__ import annotations

import re
import subprocess
import sys

from edgy_tf.errors import MissingDependencyError, ModelError

_LARGEST = 16 << 20

# Runs beside nothing else: TFLM prints what it finds wrong to the process' stderr. Each arena is tried in a process of
# its own: of some that are too small TFLM does not complain, it crashes.
_MEASURE = """
import os
import sys
from tflite_micro.python.tflite_micro import runtime

model, largest = sys.stdin.buffer.read(), int(sys.argv[1])

def runs(arena):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        runtime.Interpreter.from_bytes(model, arena_size=arena).invoke()
    except RuntimeError:
        os._exit(1)
    os._exit(0)

if not runs(largest):
    sys.exit(1)
below, enough = 0, largest
while enough - below > 16:
    middle = (below + enough) // 32 * 16
    below, enough = (below, middle) if runs(middle) else (middle, enough)
print(enough)
"""


def arena_bytes(model: bytes) -> int:
    """Smallest tensor arena in which TFLM runs the model, measured on this machine; 32 bits need no more.

    Raises:
        MissingDependencyError: tflite-micro is not installed.
        ModelError: TFLM does not run the model in any.
    """
    done = subprocess.run([sys.executable, "-P", "-c", _MEASURE, str(_LARGEST)], input=model, capture_output=True)
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        return int(done.stdout)
    if "ModuleNotFoundError" in said:
        raise MissingDependencyError("tflite-micro is not installed; run: pip install 'edgy-tf[micro]'")
    node = re.search(r"Node (\w+) .*failed", said)
    where = f"its {node[1]} fails" if node else (said.strip().splitlines() or ["it crashes"])[-1]
    raise ModelError(f"TensorFlow Lite Micro does not run the model: {where}; use the int8 variant")
