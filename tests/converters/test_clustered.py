"""What the filters of a layer share, they share in an int8 file, too."""

from collections.abc import Callable

import numpy as np
import pytest

from converters.encoder import convert_layers, model_info
from converters.tensors import convolutions
from edgy_tf.network import Network
from tests.converters.conftest import KINDS, speech_like


@pytest.fixture(params=KINDS)
def network(request: pytest.FixtureRequest, network_of: Callable[[str], Network]) -> Network:
    """With nine values in each kernel, of which few filters have the largest, and one has nothing but zeros."""
    network = network_of(request.param)
    arrays = dict(network.arrays)
    for name, kernel in arrays.items():
        if name.startswith("conv") and name.endswith("/kernel"):
            arrays[name] = np.clip(np.rint(kernel / np.abs(kernel).max() * 6), -4, 4).astype(np.float32) / 4
            arrays[name][..., 2] = 0
    return network.with_encoder(arrays)


def _convert(network: Network, clusters: int) -> bytes:
    speech = [speech_like(np.random.default_rng(1), 400, network.preset)]
    info = model_info(network, "int8", "int8", "none")
    return convert_layers(network, network.encoder(), "int8", speech, info, clusters)


def test_equal_weights_are_equal_integers(network: Network) -> None:
    *layers, _ = convolutions(_convert(network, 9))
    kernels = [network.arrays[f"conv{i}/kernel"] for i in range(1, len(layers) + 1)]
    for stored, kernel in zip(layers, kernels, strict=True):
        # 124 is the largest multiple of four steps in int8.
        np.testing.assert_array_equal(stored, np.rint(np.moveaxis(kernel, -1, 0) / np.abs(kernel).max() * 124))


def test_codes_are_those_of_the_converter_s_own_scales(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from pi_runtime import FrameEncoder

    folder = tmp_path_factory.mktemp("models")
    codes = []
    for clusters in (0, 9):
        path = folder / f"{clusters}.tflite"
        path.write_bytes(_convert(network, clusters))
        codes.append(FrameEncoder(path).encode(speech_like(np.random.default_rng(2), 400, network.preset)))
    assert np.mean(codes[0] == codes[1]) > 0.9
