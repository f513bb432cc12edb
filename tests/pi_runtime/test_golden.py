"""The released encoders give the codes they gave when they were released, on every runtime.

A machine with another instruction set may round a near tie the other way, so one code in a hundred may differ.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.errors import ModelError
from edgy_tf.releases import find_release
from pi_runtime.golden import FAMILIES, RECORDING, golden_codes
from tests.pi_runtime.make_golden import encoder_of
from tests.pi_runtime.test_tflite_runtime import PROGRAM


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("threads", [1, 2])
def test_litert(variant: str, family: str, threads: int) -> None:
    codes = encoder_of(find_release("pi").encoder(variant), family, threads).encode(read_pcm16(RECORDING))
    golden = golden_codes("pi", variant)[family]
    assert codes.shape == golden.shape
    assert np.mean(codes == golden) >= 0.99


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_tflite_runtime(variant: str, tmp_path: Path) -> None:
    np.save(tmp_path / "pcm.npy", read_pcm16(RECORDING))
    model = find_release("pi").encoder(variant)
    arguments = [str(model), str(tmp_path / "pcm.npy"), str(tmp_path / "codes.npy")]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True)
    assert np.mean(np.load(tmp_path / "codes.npy") == golden_codes("pi", variant)["reference"]) >= 0.99


def test_families_agree_but_for_rounding() -> None:
    """Else one of them would be a bug; were they equal, there would be no need of two."""
    one, other = golden_codes("pi", "int8").values()
    assert 0.95 < np.mean(one == other) < 1


def test_the_recording_is_the_one_that_is_attributed() -> None:
    np.testing.assert_array_equal(read_pcm16(RECORDING), read_pcm16(SHIPPED.audio))


def test_an_encoder_without_golden_codes_says_so() -> None:
    with pytest.raises(ModelError, match="no golden codes ship for int4"):
        golden_codes("pi", "int4")


def test_the_release_is_as_it_was_made() -> None:
    find_release("pi").verify()
