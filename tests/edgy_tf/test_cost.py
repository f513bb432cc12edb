import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgy_tf.cli import main as cli
from edgy_tf.cost import Cost, cost_of
from edgy_tf.preset import Preset, load_preset, preset_names

EXPERIMENTS = sorted(map(str, (Path(__file__).parents[2] / "docs" / "experiments").glob("*.toml")))
SLOWER = next(path for path in EXPERIMENTS if path.endswith("slower.toml"))
"""Its codes are longer than a place of its decoder's context."""

PARTS = ("encoder", "codebook", "conditioning", "wavernn")


class Built:
    """The networks of one preset in Keras."""

    def __init__(self, preset: Preset) -> None:
        from edgy_tf.models.encoder import build_encoder
        from edgy_tf.models.quantizer import VectorQuantizer
        from edgy_tf.models.wavernn import WaveRNN, build_conditioning

        self.preset = preset
        self.encoder = build_encoder(preset)
        self.codebook = VectorQuantizer(preset.codebook)
        self.conditioning = build_conditioning(preset)
        self.wavernn = WaveRNN(preset)
        self.codebook.build((None, None, preset.codebook.dim))
        self.wavernn.build((None, None), (None, None, 2 * preset.decoder.conditioning))

    def encode(self, codes: int) -> Any:
        p = self.preset
        return self.encoder(np.zeros((1, p.frames_for(codes), p.front_end.mels), np.float32))

    def condition(self, codes: int) -> Any:
        p = self.preset
        vectors = np.zeros((1, codes, p.codebook.dim), np.float32)
        return self.conditioning(vectors, np.zeros((1, p.speaker.dim), np.float32))

    def sound(self, frames: int) -> Any:
        p = self.preset
        wave = np.zeros((1, p.decoder.bunch + frames * p.front_end.hop), np.int32)
        return self.wavernn(wave, np.zeros((1, frames, 2 * p.decoder.conditioning), np.float32))

    def layers(self) -> dict[str, int]:
        """Parameters by the names of ``Cost.layers``."""
        w = self.wavernn
        own = [
            w.embedding,
            w.embedding_kernel,
            w.conditioning_kernel,
            w.gru,
            w.affine1,
            *w.bunch_kernels,
            w.affine2,
        ]
        c, counts = self.conditioning, {layer.name: layer.count_params() for layer in own}
        if self.preset.decoder.context:
            counts |= {"enter": c.enter.count_params(), "leave": c.norm.count_params() + c.leave.count_params()}
            for norm, conv, mix in c.blocks:
                counts |= {conv.name: norm.count_params() + conv.count_params(), mix.name: mix.count_params()}
        else:
            counts |= {layer.name: layer.count_params() for layer in c.grus}
        counts["codebook"] = self.codebook.count_params()
        for layer in self.encoder.layers:
            name = layer.name.replace("latent_norm", "latent").replace("norm", "conv")
            counts[name] = counts.get(name, 0) + layer.count_params()
        return {name: count for name, count in counts.items() if count}


@pytest.fixture(scope="module", params=[*preset_names(), EXPERIMENTS[0], SLOWER])
def built(request: pytest.FixtureRequest) -> Built:
    return Built(load_preset(request.param))


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Count the multiply-accumulates of a call: each layer tells at how many positions it used its kernel."""
    import keras

    from edgy_tf.models.wavernn import RecurrentGRUCell

    total = [0]

    def add(layer: Any, output: Any) -> None:
        kernels = sum(int(np.prod(v.shape)) for v in layer.weights if "bias" not in v.name)
        total[0] += int(np.prod(output.shape[:-1])) * kernels

    def spy_layer(kind: Any) -> None:
        call = kind.call

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            output = call(self, *args, **kwargs)
            add(self, output)
            return output

        monkeypatch.setattr(kind, "call", counted)

    def spy_cell(kind: Any) -> None:
        # A step of a cell only counts: thousands of them would be slow, and its output has the state's shape.
        def counted(self: Any, inputs: Any, states: Any, training: bool = False) -> Any:
            add(self, states[0])
            return states[0], states

        monkeypatch.setattr(kind, "call", counted)

    for layer in (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense):
        spy_layer(layer)
    for cell in (keras.layers.GRUCell, RecurrentGRUCell):
        spy_cell(cell)

    def run(function: Callable[..., Any], *args: Any) -> int:
        total[0] = 0
        function(*args)
        return total[0]

    return run


def test_parameters_are_those_of_keras(built: Built) -> None:
    cost = cost_of(built.preset)
    assert {layer.name: layer.parameters for layer in cost.layers} == built.layers()
    for part in PARTS:
        assert getattr(cost, f"{part}_parameters") == getattr(built, part).count_params()
    trained = [np.prod(w.shape) for part in PARTS for w in getattr(built, part).trainable_weights]
    assert cost.trainable == sum(trained)


def test_macs_are_those_that_keras_layers_do(built: Built, count: Callable[..., int]) -> None:
    p, cost = built.preset, cost_of(built.preset)
    # What one code or frame more costs: edges and tables, which are paid for once, drop out.
    search = int(np.prod(built.codebook.codebook.shape))
    code = count(built.encode, 3) - count(built.encode, 2) + search
    assert cost.encoder_macs == pytest.approx(code * p.code_rate)
    conditioning = (count(built.condition, 2) - count(built.condition, 1)) * p.code_rate
    wavernn = (count(built.sound, 2) - count(built.sound, 1)) * p.front_end.sample_rate / p.front_end.hop
    assert cost.decoder_macs == pytest.approx(conditioning + wavernn)


def test_the_encoder_gives_as_many_latents_as_the_preset_says(built: Built) -> None:
    for codes in (1, 4):
        assert built.encode(codes).shape == (1, codes, built.preset.codebook.dim)


def test_the_encoder_s_bytes_are_those_of_its_folded_weights(built: Built) -> None:
    convolutions = [layer for layer in built.encoder.layers if hasattr(layer, "kernel")]
    kernels = sum(int(np.prod(c.kernel.shape)) for c in convolutions)
    biases = sum(c.output.shape[-1] for c in convolutions)
    codebook = int(np.prod(built.codebook.codebook.shape)) + built.preset.codebook.size
    cost = cost_of(built.preset)
    assert cost.encoder_bytes_float32 == 4 * (kernels + biases + codebook)
    assert cost.encoder_bytes_int8 == kernels + 4 * biases + 4 * codebook


def test_the_reference_costs_what_the_published_code_costs() -> None:
    preset = load_preset("reference")
    cost = cost_of(preset)
    held = cost.encoder_parameters + cost.codebook_parameters
    assert round(held / 1e6, 2) == 7.98
    assert round(4 * held / 1e6, 1) == 31.9
    # Deployed, the moving averages are gone and the normalisation is folded.
    assert cost.encoder_bytes_float32 == pytest.approx(4 * held, rel=0.01)
    assert round(cost.encoder_macs / 1e6) == 494
    assert preset.receptive_field == 16
    assert cost.receptive_field_ms == 175
    assert (cost.code_rate, cost.bit_rate) == (50, 450)
    # The published 92.5 ms run from the middle of a code's last own frame; ours from the end of the code's
    # own sound, half a hop later. Both end with the last sample that the code needs.
    half_hop_ms = 1000 * preset.front_end.hop / 2 / preset.front_end.sample_rate
    assert cost.lookahead_ms + half_hop_ms == 92.5
    # The published 4.66 M include a table of LibriSpeech's 251 speakers.
    decoder = cost.conditioning_parameters + cost.wavernn_parameters
    assert round((decoder + 251 * preset.speaker.dim) / 1e6, 2) == 4.66


def test_tables_save_a_third_of_the_published_decoder() -> None:
    preset = load_preset("reference")
    cost = cost_of(preset)
    wavernn = [layer for layer in cost.layers if layer.part == "wavernn"]
    # The published 4.08 MMAC a sample leave out the conditioning network, and take embedding and context
    # through the GRU's input kernel at every sample. Here one is a table, the other computed once a frame.
    published = sum(layer.kernel for layer in wavernn if layer.name != "embedding")
    assert round(published / 1e6, 2) == 4.08
    assert round(published * preset.front_end.sample_rate / 1e9) == 65
    conditioning = sum(layer.macs for layer in cost.layers if layer.part == "conditioning")
    saved = {"embedding_kernel": 16000, "conditioning_kernel": 16000 - 100}
    tables = sum(layer.kernel * saved.get(layer.name, 0) for layer in wavernn)
    assert cost.decoder_macs == published * 16000 - tables + conditioning
    assert round(cost.decoder_macs / 1e9) == 43


@pytest.mark.parametrize(("pruned", "speedup"), [(0.2, 1.54), (0.4, 2.69), (0.6, 5.78)])
def test_filter_pruning_saves_no_more_than_its_bound(pruned: float, speedup: float) -> None:
    preset = load_preset("reference")
    units = int(preset.encoder.units * (1 - pruned))
    small = dataclasses.replace(preset, encoder=dataclasses.replace(preset.encoder, units=units))
    # Units are whole: a little more than the share is gone.
    assert cost_of(preset).encoder_macs / cost_of(small).encoder_macs == pytest.approx(speedup, rel=0.005)


def test_pi_and_micro_keep_their_promises() -> None:
    pi, micro = cost_of(load_preset("pi")), cost_of(load_preset("micro"))
    assert pi.encoder_macs <= 60e6
    assert max(pi.lookahead_ms, micro.lookahead_ms) <= 100
    assert micro.encoder_bytes_int8 <= 256_000


def edgy(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    """Run ``edgy``, which here knows ``info`` alone: the other subcommands need not exist."""
    monkeypatch.setattr(cli, "COMMANDS", ("info",))
    return cli.main(["info", *argv])


def test_json_holds_every_figure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgy(monkeypatch, "pi", "--json") == 0
    one = json.loads(capsys.readouterr().out)
    assert set(one) == {f.name for f in dataclasses.fields(Cost)}
    assert one["encoder_macs"] == cost_of(load_preset("pi")).encoder_macs
    assert edgy(monkeypatch, "--json") == 0
    every = json.loads(capsys.readouterr().out)
    assert [c["preset"] for c in every] == preset_names()
    assert one in every


def test_one_preset_is_shown_layer_by_layer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgy(monkeypatch, "reference") == 0
    out = capsys.readouterr().out
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in out.splitlines() if line}
    assert rows["encoder", "conv3"] == ["50", "x", "768", "2,362,368", "117.96"]
    assert rows["wavernn", "gru"] == ["16,000", "x", "896", "2,411,136", "38,535.17"]
    assert rows["look-ahead,", "ms"] == ["87.5"]


def test_without_a_name_all_presets_stand_side_by_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgy(monkeypatch) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == preset_names()
    table = lines[: lines.index("")]
    assert {len(line) for line in table} == {len(header)}
    bits = next(line for line in table if line.startswith("bits per second"))
    assert bits.split()[-4:] == ["300.00", "281.25", "300.00", "450.00"]


def test_a_file_is_a_preset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_file: Any
) -> None:
    assert edgy(monkeypatch, str(tiny_file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["preset"] == load_preset(str(tiny_file)).name


@pytest.mark.parametrize("name", ["nope", "nope.toml", "", "PI", "../presets/pi"])
def test_an_unknown_preset_exits_with_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert edgy(monkeypatch, name) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("edgy info: ")
    assert err.count("\n") == 1


def test_info_needs_the_standard_library_alone() -> None:
    code = "import sys, edgy_tf.cli.info; sys.exit(bool({'numpy', 'keras', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
