"""Speeds are measured in every runtime that is here, and what does not run says why."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evaluation.bench
from edgy_tf.cli.main import main
from edgy_tf.models.encoder import build_encoder
from edgy_tf.preset import Preset
from edgy_tf.releases import find_release
from edgy_tf.weights import variables_of
from evaluation.bench import RUNTIMES, Row, bench, opened, ratios
from evaluation.float_networks import torch_encoder
from evaluation.stages import StageCost


def test_every_runtime_and_stage_is_measured(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation.bench, "cpus", lambda: 1)
    with opened(str(tiny_release / "encoder-int8.tflite"), "int8") as model:
        rows = bench(*model, seconds=0.5, runs=2)
    found = {(row.runtime, row.stage) for row in rows}
    assert {("numpy", "front_end"), ("keras", "network")} < found
    assert {("ai-edge-litert", stage) for stage in ("init", "encode", "network", "stream")} < found
    assert {row.runtime for row in rows} <= {"numpy", *RUNTIMES}
    for row in rows:
        assert row.cost is not None, row.reason
        assert 0 < row.cost.wall_s <= row.cost.wall_p95_s
    assert ratios(rows)[0].startswith("network in ai-edge-litert, 1 threads: ")


def test_a_preset_is_measured_with_random_weights(
    tiny_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation.bench, "cpus", lambda: 1)
    monkeypatch.setattr(evaluation.bench, "RUNTIMES", {"ai-edge-litert": "ai_edge_litert.interpreter"})
    assert main(["bench", str(tiny_file), "--seconds", "1", "--runs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "ai-edge-litert        1  network" in printed
    assert "zipped; float32 weights alone: " in printed


def test_ratios_are_of_equal_threads() -> None:
    def cost(seconds: float) -> StageCost:
        return StageCost("network", seconds, seconds, seconds, seconds, seconds, 1, 1)

    rows = [Row("ai-edge-litert", n, "network", cost(1 / n)) for n in (1, 2)]
    rows += [Row("torch", 1, "network", cost(5)), Row("torch", 2, "network", cost(4))]
    rows += [Row("keras", 1, "network", cost(6)), Row("keras", 2, "network", None, "crashed")]
    assert ratios(rows) == [
        "network in ai-edge-litert, 1 threads: 6.0 times as fast as keras and 5.0 times as fast as torch in float32",
        "network in ai-edge-litert, 2 threads: 8.0 times as fast as torch in float32",
    ]


def test_the_command_measures_every_stage_of_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation.bench, "cpus", lambda: 1)
    monkeypatch.setattr(evaluation.bench, "RUNTIMES", {"ai-edge-litert": "ai_edge_litert.interpreter"})
    assert main(["bench", "pi", "--seconds", "1", "--runs", "1", "--json", str(tmp_path / "rows.json")]) == 0
    rows = {row["stage"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    assert min(rows[stage]["cost"]["wall_s"] for stage in ("encode", "network")) > 0


@pytest.mark.parametrize("model", ["nowhere.tflite", "no-such-release"])
def test_what_is_no_model_is_one_line(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", model]) == 2
    error = capsys.readouterr().err
    assert error.startswith("edgy bench: no ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", ["residual", "aligned", "depthwise"])
def test_the_torch_network_computes_what_the_keras_network_does(tiny: Preset, kind: str) -> None:
    import torch

    layers = tuple(replace(layer, depthwise=kind == "depthwise") for layer in tiny.encoder.layers)
    preset = replace(tiny, encoder=replace(tiny.encoder, aligned=kind == "aligned", layers=layers))
    keras_encoder, encoder = build_encoder(preset), torch_encoder(preset).eval()
    arrays = variables_of(keras_encoder)
    # Keras' kernels are [1, k, in, out], those of a depthwise convolution [1, k, in, 1].
    kernels = [value[0] for name, value in arrays.items() if name.endswith("/kernel")]
    convolutions = [module for module in encoder.modules() if isinstance(module, torch.nn.Conv1d)]
    for module, kernel in zip(convolutions, kernels, strict=True):
        order = (1, 2, 0) if module.groups > 1 else (2, 1, 0)
        module.weight.data = torch.from_numpy(kernel.transpose(order).copy())
        if module.bias is not None:
            module.bias.data.zero_()
    mel = np.random.default_rng(0).random((1, 60, preset.front_end.mels), np.float32)
    expected = np.asarray(keras_encoder(mel))
    with torch.inference_mode():
        actual = encoder(torch.from_numpy(mel.transpose(0, 2, 1).copy())).numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["pi", "micro"])
def test_a_copy_of_a_released_encoder_is_of_its_release(tmp_path: Path, name: str) -> None:
    release = find_release(name)
    copy = tmp_path / "mine.tflite"
    copy.write_bytes(release.encoder("int8").read_bytes())
    with opened(str(copy), "int8") as (path, preset):
        assert path == copy
        assert preset.encoder.units == release.preset["encoder"]["units"]
