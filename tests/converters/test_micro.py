"""What goes onto a microcontroller: integers only, operators that TFLM has, an arena that was measured."""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import converters.micro
from converters.encoder import convert_encoder
from converters.graph import read_graph, write_graph
from converters.micro import FILES, arena_bytes, micro_model, write_micro
from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from pi_runtime import FrameEncoder
from tests.converters.conftest import speech_like

needs_tflm = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="NOT TESTED: tflite-micro needs Linux on x86-64",
)


@pytest.fixture(scope="module")
def network(network_of: Callable[[str], Network]) -> Network:
    return network_of("depthwise")


@pytest.fixture(scope="module")
def int8(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "encoder-int8.tflite"
    mel = speech_like(np.random.default_rng(1), 600, network.preset)
    path.write_bytes(convert_encoder(network, "int8", [mel], "none"))
    return path


def test_the_graph_takes_integers_and_has_fixed_shapes(int8: Path) -> None:
    model = read_graph(micro_model(int8.read_bytes()))
    (graph,) = model.subgraphs
    kinds = {converters.micro.operator_name(model, o) for o in graph.operators}
    assert "QUANTIZE" not in kinds
    assert "RFFT2D" not in kinds
    assert all(graph.tensors[i].type == converters.micro.schema.TensorType.INT8 for i in graph.inputs)
    used = {i for o in graph.operators for i in (*o.inputs, *o.outputs)}
    assert all(min(graph.tensors[i].shape, default=1) > 0 for i in used)


@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic"])
def test_float_encoders_are_refused_with_the_remedy(network: Network, variant: str) -> None:
    with pytest.raises(ModelError, match="--variants int8"):
        micro_model(convert_encoder(network, variant, [], "none"))


def test_an_operator_that_tflm_lacks_is_named(int8: Path) -> None:
    model = read_graph(int8.read_bytes())
    for code in model.operatorCodes:
        if code.builtinCode == converters.micro.Builtin.ARG_MAX:
            code.builtinCode = converters.micro.Builtin.SEGMENT_SUM
    with pytest.raises(ModelError, match="has no SEGMENT_SUM"):
        micro_model(write_graph(model))


def test_files_from_before_this_signature_say_so() -> None:
    with pytest.raises(ModelError, match="encode_stream"):
        micro_model(find_release("pi").encoder("float32").read_bytes())


def test_an_arena_that_is_too_large_leaves_nothing(int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters.micro, "arena_bytes", lambda model: 5000)
    with pytest.raises(ModelError, match="5,000 bytes, more than 4,096"):
        write_micro(int8, tmp_path, 4096)
    assert not list(tmp_path.iterdir())


def test_without_tflm_it_says_what_to_install(int8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; sys.modules['tflite_micro'] = None\n" + converters.micro._MEASURE
    monkeypatch.setattr(converters.micro, "_MEASURE", program)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[micro\]"):
        arena_bytes(int8.read_bytes())


def test_the_c_files_hold_the_model(int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters.micro, "arena_bytes", lambda model: 5000)
    write_micro(int8, tmp_path)
    header, source = ((tmp_path / name).read_text() for name in FILES)
    numbers = source.partition("{")[2].partition("}")[0]
    assert bytes(map(int, numbers.replace("\n", "").strip(",").split(","))) == micro_model(int8.read_bytes())
    assert "#define EDGY_ARENA_BYTES 5000" in header
    assert "#define EDGY_STATES 3" in header


RUN = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2]))
mel = np.load(sys.argv[3])
states = [np.zeros(interpreter.get_input_details(i)["shape"], np.int8) for i in range(1, int(sys.argv[4]) + 1)]
codes = []
for i in range(0, len(mel) - 1, 2):
    interpreter.set_input(mel[None, i : i + 2], 0)
    for number, state in enumerate(states, start=1):
        interpreter.set_input(state, number)
    interpreter.invoke()
    codes.append(int(interpreter.get_output(0)[0, 0]))
    states = [interpreter.get_output(number) for number in range(1, len(states) + 1)]
np.save(sys.argv[5], codes)
"""


@needs_tflm
def test_tflm_gives_the_codes_that_the_device_gives(int8: Path, network: Network, tmp_path: Path) -> None:
    """In the very arena that was measured; reference kernels round by up to 2 levels otherwise."""
    model = micro_model(int8.read_bytes())
    (tmp_path / "m.tflite").write_bytes(model)
    mel = speech_like(np.random.default_rng(2), 150, network.preset)
    graph = read_graph(model).subgraphs[0]
    scales = graph.tensors[graph.inputs[0]].quantization
    integers = np.clip(np.round(mel / scales.scale[0]) + scales.zeroPoint[0], -128, 127).astype(np.int8)
    encoder = FrameEncoder(int8)
    lead = -(encoder.info.receptive_field - 2) % 2
    np.save(tmp_path / "mel.npy", np.pad(integers, ((lead, 0), (0, 0))))
    places = [tmp_path / "m.tflite", arena_bytes(model), tmp_path / "mel.npy", 3, tmp_path / "codes.npy"]
    subprocess.run([sys.executable, "-c", RUN, *map(str, places)], check=True, capture_output=True)
    codes, expected = np.load(tmp_path / "codes.npy"), encoder.process(mel)
    assert np.mean(codes[-len(expected) :] == expected) >= 0.95
