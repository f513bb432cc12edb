"""What goes onto a microcontroller: integers only, operators that TFLM has, a measured arena, whole C."""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import converters.micro.arena
import converters.micro.report
from converters.encoder import convert_encoder
from converters.graph import Builtin, builtin, operator_name, read_graph, schema, write_graph
from converters.micro import MicroGraph, arena_bytes, integer_search, micro_graph, plan, write
from edgy_tf.cli.main import main
from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from pi_runtime import FrameEncoder
from pi_runtime.model_file import pack_info, read_info
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
    path.write_bytes(convert_encoder(network, "micro", [mel], "Apache-2.0"))
    return path


@pytest.fixture(scope="module")
def graph(int8: Path) -> MicroGraph:
    return micro_graph(int8.read_bytes())


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """An arena that is known without TFLM."""
    monkeypatch.setattr(converters.micro.report, "arena_bytes", lambda model: 5000)


def test_the_graph_is_integers_of_fixed_shapes(graph: MicroGraph, network: Network) -> None:
    model = read_graph(graph.model)
    (whole,) = model.subgraphs
    assert not {"QUANTIZE", "DEQUANTIZE", "ARG_MAX"} & set(graph.operators)
    assert sum(graph.operators.values()) == len(whole.operators)
    computed = {i for o in whole.operators for i in o.outputs} | set(whole.inputs)
    assert all(whole.tensors[i].type == schema.TensorType.INT8 for i in computed)
    assert all(min(tensor.shape, default=1) > 0 for tensor in whole.tensors)
    assert len(whole.inputs) == len(whole.outputs) == graph.inputs == 4
    assert graph.units.shape[-1] == network.preset.encoder.units


def test_nothing_that_is_not_used_takes_flash(graph: MicroGraph) -> None:
    model = read_graph(graph.model)
    (whole,) = model.subgraphs
    used = {i for o in whole.operators for i in (*o.inputs, *o.outputs) if i >= 0} | set(whole.inputs)
    assert len(used) == len(whole.tensors)
    assert len({t.buffer for t in whole.tensors} | {0}) == len(model.buffers)
    assert {o.opcodeIndex for o in whole.operators} == set(range(len(model.operatorCodes)))


def test_codes_searched_in_integers_are_those_of_floats(graph: MicroGraph) -> None:
    search, (matrix, offset) = integer_search(graph), graph.scores
    units = np.random.default_rng(0).integers(-128, 128, (2000, graph.units.shape[-1])).astype(np.int8)
    values = graph.units.scale * (units.astype(float) - graph.units.zero)
    exact = (values @ matrix.T + offset).argmax(1)
    assert np.mean(search.codes(units) == exact) >= 0.995
    assert len(set(exact.tolist())) > 4
    assert search.weights.dtype == np.int16
    assert np.abs(search.weights).max() == 32767


@pytest.mark.parametrize(("variant", "operator"), [("float32", "CONV_2D|RESHAPE"), ("float16", "CONV_2D|RESHAPE")])
def test_float_encoders_are_refused_with_operator_and_remedy(network: Network, variant: str, operator: str) -> None:
    with pytest.raises(ModelError, match=rf"({operator}) computes with float log-mel; .*--variants micro"):
        micro_graph(convert_encoder(network, variant, [], "none"))


def test_float_sums_are_refused_with_the_remedy(network: Network) -> None:
    mel = speech_like(np.random.default_rng(1), 600, network.preset)
    with pytest.raises(ModelError, match=r"adds residual connections up in float32; .*--variants micro"):
        micro_graph(convert_encoder(network, "int8", [mel], "none"))


def test_an_operator_that_tflm_lacks_is_named(int8: Path) -> None:
    model = read_graph(int8.read_bytes())
    for code in model.operatorCodes:
        if code.builtinCode == Builtin.CONCATENATION:
            code.builtinCode = Builtin.SEGMENT_SUM
            code.deprecatedBuiltinCode = Builtin.SEGMENT_SUM
    with pytest.raises(ModelError, match="has no SEGMENT_SUM; take it out"):
        micro_graph(write_graph(model))


def test_a_codebook_behind_something_that_is_not_linear_is_refused(int8: Path) -> None:
    model = read_graph(int8.read_bytes())
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator_name(model, operator) == "FULLY_CONNECTED":
                code = schema.OperatorCodeT()
                code.builtinCode = code.deprecatedBuiltinCode = Builtin.TANH
                model.operatorCodes.append(code)
                operator.opcodeIndex = len(model.operatorCodes) - 1
                assert builtin(model, operator) == Builtin.TANH
    with pytest.raises(ModelError, match="TANH lies between the convolutions and the codebook"):
        micro_graph(write_graph(model))


def test_files_from_before_this_signature_say_so() -> None:
    model = read_graph(find_release("pi").encoder("int8").read_bytes())
    model.signatureDefs = [one for one in model.signatureDefs if one.signatureKey != b"encode_stream"]
    assert len(model.signatureDefs) == 2
    with pytest.raises(ModelError, match="no signature encode_stream; export it again"):
        micro_graph(write_graph(model))


@pytest.mark.parametrize(
    ("what", "kilobytes", "says"),
    [("arena", "4", r"5,000 bytes of arena \(\w+ takes the most\), more than 4,096"), ("flash", "1", "bytes of flash")],
)
def test_what_is_too_large_is_refused_and_nothing_is_written(
    measured: None, int8: Path, tmp_path: Path, what: str, kilobytes: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "library"
    assert main(["export", "--target", "micro", str(int8), "--out", str(out), f"--{what}", kilobytes]) == 2
    error = capsys.readouterr().err
    assert re.search(says, error)
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_is_levelled_is_refused(int8: Path, tmp_path: Path) -> None:
    path = tmp_path / "levelled.tflite"
    graph = write_graph(read_graph(int8.read_bytes()))
    path.write_bytes(pack_info(graph, replace(read_info(int8), levelled=True)))
    with pytest.raises(ModelError, match=r"levelled\.tflite hears speech at one level"):
        plan(path)


def test_without_tflm_it_says_what_to_install(graph: MicroGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; sys.modules['tflite_micro'] = None\n" + converters.micro.arena._MEASURE
    monkeypatch.setattr(converters.micro.arena, "_MEASURE", program)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[micro\]"):
        arena_bytes(graph.model)


def test_the_command_writes_what_it_reports(
    measured: None, int8: Path, graph: MicroGraph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = read_info(int8)
    out = tmp_path / "library"
    assert main(["export", "--target", "micro", str(int8), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith((out / "report.txt").read_text())
    for name, count in graph.operators.items():
        assert re.search(rf"{name} +{count}  in TFLM", printed)

    header = (out / "src" / "edgy_config.h").read_text()
    assert f'#define EDGY_CODEBOOK_ID "{info.codebook_id}"' in header
    assert "#define EDGY_ARENA_BYTES 5000" in header
    model = (out / "src" / "edgy_encoder_model_data.c").read_text().rpartition("{")[2].partition("}")[0]
    assert bytes(int(byte, 16) for byte in model.replace("\n", " ").replace(",", " ").split()) == graph.model
    assert (out / "src" / "edgy_encoder.tflite").read_bytes() == graph.model
    assert "AddConv2D" in (out / "src" / "edgy_operators.h").read_text()
    about = json.loads((out / "library.json").read_text())
    assert all((out / "src" / name).exists() for name in about["headers"])
    assert (out / "library.properties").read_text().startswith("name=")
    assert all("SPDX-License-Identifier: Apache-2.0" in f.read_text() for f in out.rglob("*.[ch]"))

    # Again: replaced. Into a folder of something else: refused.
    write(plan(int8), out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(ModelError, match="not empty and not a library"):
        write(plan(int8), tmp_path / "mine")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["library", "mine"]


RUN = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2]))
mel = np.load(sys.argv[3])
states = [np.zeros(interpreter.get_input_details(i)["shape"], np.int8) for i in range(1, int(sys.argv[4]))]
units = []
for i in range(0, len(mel) - 1, 2):
    for number, values in enumerate([mel[None, i : i + 2], *states]):
        interpreter.set_input(values, number)
    interpreter.invoke()
    units.append(interpreter.get_output(0).reshape(-1))
    states = [interpreter.get_output(number) for number in range(1, len(states) + 1)]
np.save(sys.argv[5], units)
"""


@needs_tflm
def test_tflm_gives_the_codes_that_the_device_gives(
    int8: Path, graph: MicroGraph, network: Network, tmp_path: Path
) -> None:
    """In the very arena that was measured; reference kernels round by up to 2 levels otherwise."""
    (tmp_path / "m.tflite").write_bytes(graph.model)
    mel = speech_like(np.random.default_rng(2), 150, network.preset)
    integers = np.clip(np.round(mel / graph.mel.scale) + graph.mel.zero, -128, 127).astype(np.int8)
    encoder = FrameEncoder(int8)
    lead = -(encoder.info.receptive_field - 2) % 2
    np.save(tmp_path / "mel.npy", np.pad(integers, ((lead, 0), (0, 0))))
    places = [tmp_path / "m.tflite", arena_bytes(graph.model), tmp_path / "mel.npy", graph.inputs, tmp_path / "u.npy"]
    subprocess.run([sys.executable, "-c", RUN, *map(str, places)], check=True, capture_output=True)
    codes, expected = integer_search(graph).codes(np.load(tmp_path / "u.npy")), encoder.process(mel)
    assert np.mean(codes[-len(expected) :] == expected) >= 0.95
