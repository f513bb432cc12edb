"""Weights lie on the converter's own grid, and a layer gives what it gave, more nearly than by rounding one by one."""

from collections.abc import Callable

import numpy as np
import pytest

from converters.encoder import convert_encoder
from converters.rounding import on_own_grid, rounded
from converters.tensors import convolutions
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from tests.converters.conftest import KINDS, speech_like


@pytest.fixture
def speech(tiny: Preset) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [speech_like(rng, frames, tiny) for frames in (400, 3, 200)]


def _folded(network: Network) -> list[np.ndarray]:
    """Kernels ``[inputs, filters]`` with their normalisation."""
    found = []
    for i in range(1, len(network.preset.encoder.layers) + 1):
        kernel = network.arrays[f"conv{i}/kernel"]
        scale = network.arrays[f"norm{i}/gamma"] / np.sqrt(network.arrays[f"norm{i}/moving_variance"] + 1e-3)
        found.append(kernel.reshape(-1, kernel.shape[-1]) * scale)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_converter_finds_the_grid(
    network_of: Callable[[str], Network], kind: str, speech: list[np.ndarray]
) -> None:
    network = network_of(kind)
    *layers, _ = convolutions(convert_encoder(network, "int8", speech, ""))
    other = rounded(network, speech)
    for folded, stored in zip(_folded(other), layers, strict=True):
        steps = folded / (np.abs(folded).max(0) / 127)
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
        np.testing.assert_array_equal(np.moveaxis(stored, 0, -1).reshape(folded.shape), np.rint(steps))
    assert other.codebook_id == network.codebook_id


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_differ_less_than_by_rounding_one_by_one(
    network_of: Callable[[str], Network], kind: str, speech: list[np.ndarray]
) -> None:
    network = network_of(kind)
    one_by_one = dict(network.arrays)
    for i, folded in enumerate(_folded(network), start=1):
        step = np.abs(folded).max(0) / 127
        kernel = network.arrays[f"conv{i}/kernel"]
        one_by_one[f"conv{i}/kernel"] = kernel * (np.rint(folded / step) * step / folded).reshape(kernel.shape)
    unseen = speech_like(np.random.default_rng(2), 300, network.preset)[None]
    right = np.asarray(network.encoder()(unseen))

    def error(other: Network) -> float:
        return float(np.mean(np.square(np.asarray(other.encoder()(unseen)) - right)))

    assert error(rounded(network, speech)) < 0.5 * error(network.with_encoder(one_by_one))


def test_zeros_and_the_largest_weight_of_each_filter_stay() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(24, 6))
    weights[rng.random(weights.shape) < 0.5] = 0
    weights[:, 5] = 0
    inputs = rng.normal(size=(200, 8)) @ rng.normal(size=(8, 24))
    out = on_own_grid(weights, np.cov(inputs.T))
    assert np.all(out[weights == 0] == 0)
    largest = np.abs(weights).argmax(0), np.arange(6)
    np.testing.assert_array_equal(out[largest], weights[largest])
    assert np.all(np.abs(out) <= np.abs(weights).max(0))


def test_too_little_speech_changes_nothing(network_of: Callable[[str], Network], speech: list[np.ndarray]) -> None:
    network = network_of("residual")
    other = rounded(network, speech[1:2])
    assert all(np.array_equal(other.arrays[name], value) for name, value in network.arrays.items())
