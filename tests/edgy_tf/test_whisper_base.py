import struct

import numpy as np
import pytest

from edgy_tf import whisper_base
from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.whisper_base import whisper_arrays, with_changes

KERNEL = np.arange(6, dtype=np.float16).reshape(2, 3)


def _text(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def _variable(name: str, value: np.ndarray, kind: int) -> bytes:
    shape = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
    return _text(name) + shape + struct.pack("<BI", kind, value.nbytes) + value.tobytes()


@pytest.fixture
def contents() -> dict[str, bytes]:
    """A CTranslate2 model of two weights and a setting, and what comes after them in the file."""
    variables = (
        _variable("decoder/embeddings/weight", KERNEL, 4),
        _variable("encoder/activation", np.zeros((), np.int8), 1),
        _variable("encoder/conv1/weight", KERNEL[:, :, None], 4),
    )
    head = struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    return {"model.bin": head + b"".join(variables) + b"aliases", "config.json": b"{}"}


def test_weights_are_found_by_name(contents: dict[str, bytes]) -> None:
    arrays = whisper_arrays(contents)
    assert arrays.keys() == {"decoder/embeddings/weight", "encoder/conv1/weight"}
    np.testing.assert_array_equal(arrays["encoder/conv1/weight"], KERNEL[:, :, None])


def test_a_change_is_added_to_its_weight_and_nothing_else_moves(contents: dict[str, bytes]) -> None:
    change = np.full((2, 3), 0.5, np.float32)
    changed = with_changes(contents, {"encoder/conv1/weight": change})
    arrays = whisper_arrays(changed)
    np.testing.assert_array_equal(arrays["encoder/conv1/weight"][..., 0], KERNEL + change)
    np.testing.assert_array_equal(arrays["decoder/embeddings/weight"], KERNEL)
    assert with_changes(changed, {"encoder/conv1/weight": -change}) == contents
    assert contents["model.bin"].endswith(b"aliases")


@pytest.mark.parametrize(("name", "size"), [("encoder/conv2/weight", 6), ("encoder/conv1/weight", 5)])
def test_a_change_of_what_is_not_there_is_refused(contents: dict[str, bytes], name: str, size: int) -> None:
    with pytest.raises(ModelError, match=name):
        with_changes(contents, {name: np.zeros(size)})


def test_where_it_is_not_installed_the_error_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_base, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[asr-offline\]"):
        whisper_base.whisper_base()
