import librosa
import numpy as np
import pytest
from scipy.special import erf, softmax

from edgy_tf.models.whisper import HOP, MELS, WINDOW, WhisperDecoder, WhisperEncoder, whisper_features
from edgy_tf.reading import Reading
from edgy_tf.weights import Arrays
from tests.conftest import WHISPER_WIDTH as WIDTH
from tests.conftest import harmonic_voice


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


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + erf(x / np.sqrt(2)))


class _Hand:
    """A half of the network in NumPy, of one utterance, written from the paper's figure 1."""

    def __init__(self, arrays: Arrays) -> None:
        self.a = {name: value.astype(np.float64) for name, value in arrays.items()}

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * self.a[f"{name}/gamma"] + self.a[f"{name}/beta"]

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.a[f"{name}/weight"].T + self.a[f"{name}/bias"]

    def conv(self, x: np.ndarray, name: str, stride: int) -> np.ndarray:
        padded = np.pad(x, ((1, 1), (0, 0)))
        windows = (padded[t : t + 3] for t in range(0, len(x), stride))
        return np.stack([np.einsum("kc,ock->o", w, self.a[f"{name}/weight"]) for w in windows]) + self.a[f"{name}/bias"]

    def mix(self, q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool = False) -> np.ndarray:
        later = np.triu(np.full((len(q), len(k)), -np.inf), 1) if causal else 0
        heads = [slice(i, i + 64) for i in range(0, WIDTH, 64)]
        return np.concatenate([softmax(q[:, h] @ k[:, h].T / 8 + later, -1) @ v[:, h] for h in heads], -1)

    def block(self, x: np.ndarray, layer: str, states: np.ndarray | None = None) -> np.ndarray:
        place = f"{layer}/self_attention"
        q, k, v = np.split(self.linear(self.norm(x, f"{place}/layer_norm"), f"{place}/linear_0"), 3, -1)
        x = x + self.linear(self.mix(q, k, v, causal=states is not None), f"{place}/linear_1")
        if states is not None:
            place = f"{layer}/attention"
            q = self.linear(self.norm(x, f"{place}/layer_norm"), f"{place}/linear_0")
            k, v = np.split(self.linear(states, f"{place}/linear_1"), 2, -1)
            x = x + self.linear(self.mix(q, k, v), f"{place}/linear_2")
        y = _gelu(self.linear(self.norm(x, f"{layer}/ffn/layer_norm"), f"{layer}/ffn/linear_0"))
        return x + self.linear(y, f"{layer}/ffn/linear_1")


def _states_by_hand(arrays: Arrays, mel: np.ndarray) -> np.ndarray:
    hand = _Hand(arrays)
    x = _gelu(hand.conv(_gelu(hand.conv(mel, "conv1", 1)), "conv2", 2))
    x = x + hand.a["position_encodings/encodings"][: len(x)]
    for layer in ("layer_0", "layer_1"):
        x = hand.block(x, layer)
    return hand.norm(x, "layer_norm")


def _logits_by_hand(arrays: Arrays, tokens: np.ndarray, states: np.ndarray) -> np.ndarray:
    hand = _Hand(arrays)
    x = hand.a["embeddings/weight"][tokens] + hand.a["position_encodings/encodings"][: len(tokens)]
    for layer in ("layer_0", "layer_1"):
        x = hand.block(x, layer, states)
    return hand.norm(x, "layer_norm") @ hand.a["embeddings/weight"].T


def test_states_are_those_written_out_by_hand(arrays: Arrays) -> None:
    encoder = WhisperEncoder(arrays)
    mel = np.random.default_rng(1).standard_normal((2, 12, MELS)).astype(np.float32)
    given = np.asarray(encoder(mel))
    assert given.shape == (2, 6, WIDTH)
    for one, expected in zip(given, mel, strict=True):
        np.testing.assert_allclose(one, _states_by_hand(arrays, expected), atol=2e-3)


def test_half_precision_hears_the_same(arrays: Arrays) -> None:
    mel = np.random.default_rng(1).standard_normal((2, 12, MELS)).astype(np.float32)
    full, half = (np.asarray(WhisperEncoder(arrays, dtype)(mel)) for dtype in ("float32", "bfloat16"))
    assert half.dtype == np.float32
    assert np.corrcoef(full.ravel(), half.ravel())[0, 1] > 0.999
    assert not np.array_equal(full, half)


def test_logits_are_those_written_out_by_hand(whisper_decoder_arrays: Arrays) -> None:
    rng = np.random.default_rng(2)
    tokens, states = rng.integers(0, 51865, (2, 7)), rng.standard_normal((2, 6, WIDTH)).astype(np.float32)
    given = np.asarray(WhisperDecoder(whisper_decoder_arrays)(tokens, states))
    assert given.shape == (2, 7, 51865)
    for one, known, heard in zip(given, tokens, states, strict=True):
        np.testing.assert_allclose(one, _logits_by_hand(whisper_decoder_arrays, known, heard), atol=5e-3)


def test_it_never_trains(arrays: Arrays) -> None:
    encoder = WhisperEncoder(arrays)
    encoder.build((None, None, MELS))
    assert encoder.trainable_variables == []
    assert sum(v.shape.num_elements() for v in encoder.variables) == sum(value.size for value in arrays.values())


def test_adapters_alone_train_and_change_nothing_at_first(arrays: Arrays) -> None:
    mel = np.random.default_rng(1).standard_normal((1, 12, MELS)).astype(np.float32)
    plain, adapted = WhisperEncoder(arrays), WhisperEncoder(arrays, rank=3)
    np.testing.assert_array_equal(adapted(mel), plain(mel))
    assert {v.name.rpartition("_")[2] for v in adapted.trainable_variables} == {"down", "up"}
    # Two convolutions, and four matrices in each of two layers.
    assert len(adapted.trainable_variables) == 2 * (2 + 2 * 4)


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_adapters_are_as_weights_with_their_product_added(
    arrays: Arrays, whisper_decoder_arrays: Arrays, half: str
) -> None:
    rng = np.random.default_rng(3)
    make, own = (WhisperEncoder, arrays) if half == "encoder" else (WhisperDecoder, whisper_decoder_arrays)
    given: tuple[np.ndarray, ...] = (rng.standard_normal((1, 12, MELS)).astype(np.float32),)
    if half == "decoder":
        given = (rng.integers(0, 51865, (1, 7)), rng.standard_normal((1, 6, WIDTH)).astype(np.float32))
    adapted = make(own, rank=3)
    before = np.asarray(adapted(*given))
    learned = {n: 0.05 * rng.standard_normal(v.shape).astype(np.float32) for n, v in adapted.adapters().items()}
    adapted.assign(learned)
    changes = Reading("id", learned).changes()
    merged = {n: v.astype(np.float32) + changes[n].reshape(v.shape) if n in changes else v for n, v in own.items()}
    np.testing.assert_allclose(adapted(*given), make(merged)(*given), atol=2e-3)
    assert np.abs(np.asarray(adapted(*given)) - before).max() > 0.1
