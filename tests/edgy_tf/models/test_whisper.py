import librosa
import numpy as np
import pytest
from scipy.special import erf, softmax

from edgy_tf.models.whisper import HOP, MELS, WINDOW, WhisperEncoder, whisper_features
from edgy_tf.weights import Arrays
from tests.conftest import harmonic_voice

WIDTH = 128


def test_features_are_those_of_librosa() -> None:
    audio = harmonic_voice(np.random.default_rng(0), 150, 1.0)
    frames = (len(audio) - WINDOW) // HOP + 1
    audio = audio[: (frames - 1) * HOP + WINDOW]
    power = np.abs(librosa.stft(audio, n_fft=WINDOW, hop_length=HOP, center=False)) ** 2
    mel = librosa.filters.mel(sr=16000, n_fft=WINDOW, n_mels=MELS) @ power
    log = np.log10(np.maximum(mel, 1e-10)).T
    expected = (np.maximum(log, log.max() - 8) + 4) / 4
    given = np.asarray(whisper_features(audio[None]))
    assert given.shape == (1, frames, MELS)
    np.testing.assert_allclose(given[0], expected, atol=2e-3)


@pytest.fixture(scope="module")
def arrays(whisper_arrays: Arrays) -> Arrays:
    return whisper_arrays


def _by_hand(a: Arrays, mel: np.ndarray) -> np.ndarray:
    """The encoder in NumPy, one utterance ``[T, MELS]``, written from the paper's figure 1."""

    def gelu(x: np.ndarray) -> np.ndarray:
        return x * 0.5 * (1 + erf(x / np.sqrt(2)))

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * a[f"{name}/gamma"] + a[f"{name}/beta"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ a[f"{name}/weight"].T + a[f"{name}/bias"]

    def conv(x: np.ndarray, name: str, stride: int) -> np.ndarray:
        padded = np.pad(x, ((1, 1), (0, 0)))
        places = range(0, len(x), stride)
        return (
            np.stack([np.einsum("kc,ock->o", padded[t : t + 3], a[f"{name}/weight"]) for t in places])
            + a[f"{name}/bias"]
        )

    x = gelu(conv(gelu(conv(mel, "conv1", 1)), "conv2", 2))
    x = x + a["position_encodings/encodings"][: len(x)]
    for layer in ("layer_0", "layer_1"):
        q, k, v = np.split(
            linear(norm(x, f"{layer}/self_attention/layer_norm"), f"{layer}/self_attention/linear_0"), 3, -1
        )
        heads = [slice(i, i + 64) for i in range(0, WIDTH, 64)]
        mixed = np.concatenate([softmax(q[:, h] @ k[:, h].T / 8, -1) @ v[:, h] for h in heads], -1)
        x = x + linear(mixed, f"{layer}/self_attention/linear_1")
        x = x + linear(
            gelu(linear(norm(x, f"{layer}/ffn/layer_norm"), f"{layer}/ffn/linear_0")), f"{layer}/ffn/linear_1"
        )
    return norm(x, "layer_norm")


def test_states_are_those_written_out_by_hand(arrays: Arrays) -> None:
    encoder = WhisperEncoder(arrays)
    mel = np.random.default_rng(1).standard_normal((2, 12, MELS)).astype(np.float32)
    given = np.asarray(encoder(mel))
    assert given.shape == (2, 6, WIDTH)
    for one, expected in zip(given, mel, strict=True):
        np.testing.assert_allclose(one, _by_hand(arrays, expected), atol=2e-3)


def test_half_precision_hears_the_same(arrays: Arrays) -> None:
    mel = np.random.default_rng(1).standard_normal((2, 12, MELS)).astype(np.float32)
    full, half = (np.asarray(WhisperEncoder(arrays, dtype)(mel)) for dtype in ("float32", "bfloat16"))
    assert half.dtype == np.float32
    assert np.corrcoef(full.ravel(), half.ravel())[0, 1] > 0.999
    assert not np.array_equal(full, half)


def test_it_never_trains(arrays: Arrays) -> None:
    encoder = WhisperEncoder(arrays)
    encoder.build((None, None, MELS))
    assert encoder.trainable_variables == []
    assert sum(v.shape.num_elements() for v in encoder.variables) == sum(value.size for value in arrays.values())
