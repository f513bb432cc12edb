from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import ModelError
from edgy_tf.reading import DOWN, UP, Reading
from edgy_tf.weights import save_arrays


def test_it_changes_weights_by_the_product_of_two_matrices(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    down, up = rng.standard_normal((2, 5)).astype(np.float16), rng.standard_normal((3, 2)).astype(np.float16)
    reading = Reading("ab", {f"a{DOWN}": down, f"a{UP}": up})
    reading.save(tmp_path / "file")
    loaded = Reading.load(tmp_path / "file")
    assert (loaded.codebook_id, loaded.identity) == ("ab", reading.identity)
    np.testing.assert_allclose(loaded.changes()["a"], up.astype(float) @ down.astype(float), rtol=1e-4, atol=1e-5)
    assert Reading("ab", {f"a{DOWN}": down, f"a{UP}": -up}).identity != reading.identity
    assert Reading("cd", reading.adapters).identity != reading.identity


def test_other_weights_are_no_reading(tmp_path: Path) -> None:
    save_arrays(tmp_path / "file", {"a": np.zeros(1)}, {})
    with pytest.raises(ModelError, match="not of edgy train-reading"):
        Reading.load(tmp_path / "file")
    with pytest.raises(ModelError, match="no weights"):
        Reading.load(tmp_path / "missing")
