"""int8 activations: rare large values are cut where that loses least, and the last residual is added in float."""

from collections.abc import Callable

import numpy as np
import pytest

from converters import encoder as conversion
from converters.ranges import LEVELS, upper_end
from edgy_tf.network import Network
from tests.converters.conftest import speech_like


@pytest.fixture
def network(network_of: Callable[[str], Network]) -> Network:
    return network_of("residual")


@pytest.fixture
def speech(network: Network) -> list[np.ndarray]:
    """Mostly quiet, with a moment of shouting in a hundred."""
    mel = speech_like(np.random.default_rng(1), 4000, network.preset) / 4
    mel[1000:1040] *= 4
    return [mel]


def _error(values: np.ndarray, end: float) -> float:
    step = end / LEVELS
    return float(np.mean(np.square(np.rint(np.minimum(values, end) / step) * step - values)))


def test_a_range_ends_where_the_error_is_least() -> None:
    rng = np.random.default_rng(0)
    values = np.append(rng.exponential(1, 1_000_000), 40).astype(np.float32)
    end = upper_end(values)
    assert 12 < end < 30
    assert all(_error(values, end) <= 1.02 * _error(values, other) for other in np.linspace(12, 40, 15))
    even = rng.uniform(0, 1, 10_000).astype(np.float32)
    assert upper_end(even) == pytest.approx(even.max(), rel=0.03)
    assert upper_end(np.zeros(5, np.float32)) == 0


def _run(model: bytes, windows: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    out = []
    for window in windows:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[None])
        interpreter.invoke()
        out.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.array(out)


def test_what_goes_into_the_latents_errs_less_but_where_it_is_loud(
    network: Network, speech: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    frames = network.preset.frames_for(conversion.BLOCK)
    keras_encoder = network.encoder(frames)
    hidden = keras.Model(keras_encoder.input, keras_encoder.get_layer("latent").input)
    windows = np.stack([speech[0][i : i + frames] for i in range(1100, 3900, frames)])
    right = np.asarray(hidden(windows))

    def error() -> float:
        model = conversion._convolutions(network.preset, keras_encoder, "int8", speech)
        return float(np.mean(np.square(_run(model, windows) - right)))

    chosen = error()
    monkeypatch.setattr(conversion, "narrowed", lambda model, *_: model)
    assert chosen < error()
