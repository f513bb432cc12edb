"""Residual connections that are added up in float32: nearer to Keras, and remembered as such by a stream."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converters.encoder import convert_encoder
from converters.graph import Builtin, builtin, read_graph, schema
from converters.inspect import off_xnnpack
from converters.report import compare_layers
from edgy_tf.network import Network
from pi_runtime import FrameEncoder
from tests.converters.conftest import speech_like

FLOAT, INT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8


@pytest.fixture(scope="module")
def network(network_of: Callable[[str], Network]) -> Network:
    return network_of("deep")


@pytest.fixture(scope="module")
def models(network: Network) -> dict[str, bytes]:
    mel = speech_like(np.random.default_rng(1), 600, network.preset)
    return {variant: convert_encoder(network, variant, [mel], "none") for variant in ("int8", "micro")}


def _types(model: bytes, kind: int) -> set[int]:
    whole = read_graph(model)
    return {g.tensors[o.outputs[0]].type for g in whole.subgraphs for o in g.operators if builtin(whole, o) == kind}


def test_sums_are_float_and_convolutions_stay_int8(models: dict[str, bytes]) -> None:
    assert _types(models["micro"], Builtin.ADD) == {INT8, FLOAT}  # The front end's are float.
    assert _types(models["int8"], Builtin.ADD) == {FLOAT}
    # The latents' convolution is the one in float32.
    assert _types(models["int8"], Builtin.CONV_2D) == {INT8, FLOAT}


def test_latents_are_nearer_to_keras(models: dict[str, bytes], network: Network) -> None:
    rng = np.random.default_rng(2)
    pcm = [(rng.normal(size=12000) * 3000).astype(np.int16) for _ in range(2)]
    snr = {variant: list(compare_layers(model, network, pcm)[0].values())[-1] for variant, model in models.items()}
    assert snr["int8"] > snr["micro"] + 0.5


def test_a_stream_remembers_sums_as_they_are(models: dict[str, bytes], tmp_path: Path, network: Network) -> None:
    path = tmp_path / "encoder.tflite"
    path.write_bytes(models["int8"])
    whole = read_graph(models["int8"])
    (stream,) = [g for g in whole.subgraphs if g.name == b"encode_stream"]
    # Log-mel, and what the first layers give, are remembered in int8.
    assert {stream.tensors[i].type for i in stream.inputs[1:]} == {INT8, FLOAT}
    encoder, mel = FrameEncoder(path), speech_like(np.random.default_rng(3), 200, network.preset)
    encoder.reset()
    np.testing.assert_array_equal(encoder.process(mel), encoder.encode(mel))


@pytest.mark.parametrize("signature", ["pcm_to_codes", "encode", "encode_stream"])
def test_xnnpack_runs_what_it_ran_before(models: dict[str, bytes], signature: str) -> None:
    off = {variant: set(off_xnnpack(model, signature)) for variant, model in models.items()}
    assert off["int8"] == off["micro"]
