"""The front end inside a graph: the same features as in NumPy, from TFLite's own operators."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgy_tf.corpora import read_audio
from edgy_tf.frontend import log_mel
from edgy_tf.preset import FrontEnd, load_preset, preset_names

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
AGREES = 1e-3
FRAMES = 98


def _heard(audio: np.ndarray, fe: FrontEnd, frames: int) -> np.ndarray:
    """The samples that the first ``frames`` frames depend on, ``[1, samples]``: silence around the audio."""
    before = 1 + (fe.window - fe.hop) // 2
    out = np.zeros((1, 1 + (frames - 1) * fe.hop + fe.window), np.float32)
    audio = audio[: out.shape[1] - before]
    out[0, before : before + len(audio)] = audio
    return out


def _recordings() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    fading = rng.standard_normal(16000) * np.geomspace(0.3, 1e-5, 16000)
    yield fading.astype(np.float32)
    yield np.clip(rng.standard_normal(16000), -1, 1).astype(np.float32)
    yield np.zeros(16000, np.float32)
    for folder in ("librispeech/test", "ravdess"):
        for path in sorted(p for p in (CORPUS / folder).rglob("*") if p.is_file())[:40:10]:
            yield read_audio(path)[:64000]


def _largest_difference(
    features: Callable[[np.ndarray], npt.ArrayLike], fe: FrontEnd, frames: int | None = None
) -> float:
    worst = 0.0
    for audio in _recordings():
        expected = log_mel(audio, fe)[:frames]
        given = np.asarray(features(_heard(audio, fe, frames or len(expected))))
        assert given.shape == (1, frames or len(expected), fe.mels)
        worst = max(worst, np.abs(given[0, : len(expected)] - expected).max())
    return worst


@pytest.mark.parametrize("name", preset_names())
def test_the_layer_equals_the_stream(name: str) -> None:
    from edgy_tf.frontend.layer import LogMelLayer

    fe = load_preset(name).front_end
    assert _largest_difference(LogMelLayer(fe), fe) < AGREES


@pytest.fixture(scope="module")
def converted() -> bytes:
    import keras
    import tensorflow as tf

    from edgy_tf.frontend.layer import LogMelLayer

    fe = load_preset("pi").front_end
    samples = keras.Input(batch_shape=(1, 1 + (FRAMES - 1) * fe.hop + fe.window))
    model = keras.Model(samples, LogMelLayer(fe)(samples))
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def test_tflite_needs_its_own_operators_only(converted: bytes) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(converted, 0))
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    used = {names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes}
    assert "CUSTOM" not in used
    assert all(code.customCode is None for code in model.operatorCodes)
    assert "RFFT2D" in used


def test_tflite_equals_the_stream(converted: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=converted)
    run = interpreter.get_signature_runner()
    [name] = run.get_input_details()

    def features(samples: np.ndarray) -> np.ndarray:
        return next(iter(run(**{name: samples}).values()))

    assert _largest_difference(features, load_preset("pi").front_end, FRAMES) < AGREES
