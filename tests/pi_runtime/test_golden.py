"""The released encoders give the codes they gave when they were released, on every runtime.

``tests/data/golden/*.npy`` are codes of the recording that ships, by ai-edge-litert on x86-64. A machine with
another instruction set may round a near tie the other way, so one code in a hundred may differ.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder
from tests.pi_runtime.test_tflite_runtime import PROGRAM

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("threads", [1, 2])
def test_litert(variant: str, threads: int) -> None:
    codes = EdgeEncoder.from_release("pi", variant, threads).encode(read_pcm16(SHIPPED.audio))
    golden = np.load(GOLDEN / f"pi-{variant}.npy")
    assert codes.shape == golden.shape
    assert np.mean(codes == golden) >= 0.99


@pytest.mark.parametrize(("variant", "share"), [("float32", 0.99), ("int8", 0.9)])
def test_tflite_runtime(variant: str, share: float, tmp_path: Path) -> None:
    """Its int8 kernels round otherwise (by up to 2 of 256 levels), hence the lower bar."""
    np.save(tmp_path / "pcm.npy", read_pcm16(SHIPPED.audio))
    model = find_release("pi").encoder(variant)
    arguments = [str(model), str(tmp_path / "pcm.npy"), str(tmp_path / "codes.npy")]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True)
    assert np.mean(np.load(tmp_path / "codes.npy") == np.load(GOLDEN / f"pi-{variant}.npy")) >= share


def test_the_release_is_as_it_was_made() -> None:
    find_release("pi").verify()
