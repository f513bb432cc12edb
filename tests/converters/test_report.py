"""A file that is not what Keras is gets caught, and the layer that is wrong is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converters.encoder import convert_encoder
from converters.graph import read_graph, write_graph
from converters.inspect import off_xnnpack, operators_of
from converters.report import compare_layers, report
from converters.variants import VARIANTS
from edgy_tf.errors import ModelError
from edgy_tf.frontend import log_mel
from edgy_tf.network import Network
from pi_runtime.model_file import pack_info, read_info
from tests.conftest import harmonic_voice

Case = tuple[Network, dict[str, Path], list[np.ndarray]]


@pytest.fixture(scope="module")
def case(network_of: Callable[[str], Network], tmp_path_factory: pytest.TempPathFactory) -> Case:
    rng = np.random.default_rng(0)
    pcm = [(harmonic_voice(rng, pitch, 1.5) * 32767).astype(np.int16) for pitch in (110, 160, 210)]
    network = network_of("aligned")
    folder = tmp_path_factory.mktemp("models")
    mels = [log_mel(samples / 32768, network.preset.front_end) for samples in pcm]
    for variant in VARIANTS:
        (folder / f"{variant}.tflite").write_bytes(convert_encoder(network, variant, mels, "none"))
    return network, {variant: folder / f"{variant}.tflite" for variant in VARIANTS}, pcm


def spoilt(path: Path, tensor_of: str, out: Path) -> Path:
    """The file with the weights of the operator behind a tensor's name turned around."""
    model = read_graph(path.read_bytes())
    graph = model.subgraphs[0]
    (operator,) = [o for o in graph.operators if tensor_of.encode() in [graph.tensors[i].name for i in o.outputs]]
    buffer = model.buffers[graph.tensors[operator.inputs[1]].buffer]
    buffer.data = buffer.data.reshape(-1, 4)[::-1].reshape(-1).copy()
    out.write_bytes(pack_info(write_graph(model), read_info(path)))
    return out


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_right_file_passes_and_says_what_it_is(case: Case, variant: str) -> None:
    network, files, speech = case
    (result,) = report({variant: files[variant]}, network, speech).values()
    result.check()
    assert list(result.layers)[:2] == ["log-mel", "relu1"]
    assert (
        result.latent_snr
        > {"float32": 80, "float16": 40, "dynamic": 20, "int8": 20, "int16x8": 30, "micro": 20}[variant]
    )
    assert result.search > 0.99
    assert result.size == files[variant].stat().st_size > result.gzip_size
    assert set(result.agreement) == set(result.operators) == {"pcm_to_codes", "encode", "encode_stream"}
    assert "latents" in str(result)
    assert "ARG_MAX" in str(result)


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("layer", ["relu1", "relu2", "relu3", "latent_norm"])
def test_a_wrong_weight_is_found_in_its_layer(case: Case, variant: str, layer: str, tmp_path: Path) -> None:
    network, files, speech = case
    path = spoilt(files[variant], layer, tmp_path / "spoilt.tflite")
    (result,) = report({variant: path}, network, speech).values()
    with pytest.raises(ModelError, match=f"diverges at {layer} ") as caught:
        result.check()
    assert "\n" not in str(caught.value)
    assert "pcm_to_codes" in str(caught.value)


def test_layers_before_the_wrong_one_are_right(case: Case, tmp_path: Path) -> None:
    network, files, speech = case
    path = spoilt(files["float32"], "relu2", tmp_path / "spoilt.tflite")
    layers, _ = compare_layers(path.read_bytes(), network, speech)
    assert min(layers["log-mel"], layers["relu1"]) > 80
    assert max(layers["relu2"], layers["relu3"]) < 10


def test_operators_and_those_that_xnnpack_leaves(case: Case) -> None:
    files = case[1]
    int8, int16 = files["int8"].read_bytes(), files["int16x8"].read_bytes()
    assert operators_of(int8)["encode_stream"]["CONCATENATION"] == 3
    assert off_xnnpack(int8, "encode")["CONV_2D"] == 0
    assert off_xnnpack(int8, "pcm_to_codes")["RFFT2D"] == 1
    # The latents are float.
    assert off_xnnpack(int16, "encode")["CONV_2D"] == 3
