"""tflite-runtime, the fall-back, gives the codes that ai-edge-litert gives (in a process of its own: beside
TensorFlow it crashes)."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from pi_runtime import EdgeEncoder
from tests.conftest import harmonic_voice

PROGRAM = """
import sys
import numpy as np
from pi_runtime import interpreter
interpreter.RUNTIMES = ("tflite_runtime.interpreter",)
from pi_runtime import EdgeEncoder
np.save(sys.argv[3], EdgeEncoder(sys.argv[1]).encode(np.load(sys.argv[2])))
assert "ai_edge_litert" not in sys.modules
"""


def test_both_runtimes_give_the_same_float_codes(tiny_release: Path, tmp_path: Path) -> None:
    pcm = (harmonic_voice(np.random.default_rng(6), 120, 2.0) * 32767).astype(np.int16)
    model = tiny_release / "encoder-float32.tflite"
    np.save(tmp_path / "pcm.npy", pcm)
    arguments = [str(model), str(tmp_path / "pcm.npy"), str(tmp_path / "codes.npy")]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True)
    codes = np.load(tmp_path / "codes.npy")
    assert np.mean(codes == EdgeEncoder(model).encode(pcm)) >= 0.999
