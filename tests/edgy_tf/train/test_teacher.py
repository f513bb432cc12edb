import struct
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.train import teacher
from edgy_tf.train.teacher import load_teacher
from edgy_tf.weights import save_arrays


def _text(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def _variable(name: str, value: np.ndarray, kind: int) -> bytes:
    shape = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
    return _text(name) + shape + struct.pack("<BI", kind, value.nbytes) + value.tobytes()


def _model(*variables: bytes) -> bytes:
    return struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(variables)) + b"".join(variables)


def test_the_encoder_is_taken_from_a_ctranslate2_model(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = np.arange(6, dtype=np.float16).reshape(2, 3)
    data = _model(
        _variable("decoder/embeddings/weight", kernel, 4),
        _variable("encoder/activation", np.zeros((), np.int8), 1),
        _variable("encoder/conv1/weight", kernel, 4),
    )
    monkeypatch.setattr(teacher, "find_spec", lambda name: name)
    monkeypatch.setattr(teacher, "whisper_base", lambda: {"model.bin": data})
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
