from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.train import teacher
from edgy_tf.train.teacher import load_teacher
from edgy_tf.weights import save_arrays


def test_the_encoder_is_taken_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = np.arange(6, dtype=np.float16).reshape(2, 3)
    monkeypatch.setattr(teacher, "find_spec", lambda name: name)
    monkeypatch.setattr(teacher, "whisper_base", lambda: {})
    both = {"decoder/embeddings/weight": kernel, "encoder/conv1/weight": kernel}
    monkeypatch.setattr(teacher, "whisper_arrays", lambda contents: both)
    arrays = load_teacher()
    assert arrays.keys() == {"conv1/weight"}
    np.testing.assert_array_equal(arrays["conv1/weight"], kernel)


def test_a_file_stands_for_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[asr-offline\].*--teacher"):
        load_teacher()
    with pytest.raises(ModelError, match="no weights"):
        load_teacher(tmp_path / "missing")
    save_arrays(tmp_path / "file", {"a": np.ones(2, np.float16)}, {})
    np.testing.assert_array_equal(load_teacher(tmp_path / "file")["a"], [1, 1])
