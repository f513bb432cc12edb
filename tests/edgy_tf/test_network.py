"""A network's file: what it keeps whole, what in halves, what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.weights import load_arrays, save_arrays


def test_a_file_halves_what_decodes_and_nothing_that_codes_or_samples_depend_on(tiny_run: Path, tmp_path: Path) -> None:
    network = Checkpoint.load(tiny_run).network
    network.save(tmp_path / "network.safetensors")
    loaded = Network.load(tmp_path / "network.safetensors")
    assert loaded.codebook_id == network.codebook_id
    assert loaded.arrays.keys() == network.arrays.keys()
    changed = {n for n, a in network.arrays.items() if not np.array_equal(a, loaded.arrays[n])}
    assert changed
    assert {name.partition("/")[0] for name in changed} <= {"conditioning", "mel_head", "text_head"}
    for name, array in network.arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        np.testing.assert_allclose(loaded.arrays[name], array, rtol=1e-3, atol=1e-7)
    written, _ = load_arrays(tmp_path / "network.safetensors")
    assert {written[name].dtype for name in changed} == {np.dtype(np.float16)}
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "network.safetensors").read_bytes()


def test_weights_of_something_else_are_no_network(tmp_path: Path) -> None:
    save_arrays(tmp_path / "other.safetensors", {"x": np.zeros(3, np.float32)}, {"reads": "something"})
    with pytest.raises(ModelError, match="not a network of a release"):
        Network.load(tmp_path / "other.safetensors")
