from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from edgy_tf.errors import ModelError
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.network import Network
from edgy_tf.preset import Conv, Preset
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.train.start import BETA, start_from
from edgy_tf.weights import variables_of


def _model(preset: Preset, speakers: int) -> VQVAE:
    return VQVAE(preset, speakers, preset.train.phases[0])


def test_all_of_a_run_is_taken_over(tiny_run: Path) -> None:
    former = Checkpoint.load(tiny_run)
    model = _model(former.preset, len(former.speakers))
    assert start_from(str(tiny_run), model, former.speakers) == former.lineage
    now = variables_of(model)
    assert now.keys() == former.model.keys()
    assert not [name for name, value in now.items() if not np.array_equal(value, former.model[name])]


def test_a_codebook_of_another_size_and_speakers_who_are_not_known_begin_anew(tiny_run: Path) -> None:
    former = Checkpoint.load(tiny_run)
    preset = replace(former.preset, codebook=replace(former.preset.codebook, size=former.preset.codebook.size // 2))
    model = _model(preset, len(former.speakers))
    begun = variables_of(model)
    speakers = [("nobody", ""), ("a stranger", "F"), *former.speakers[:1:-1]]
    start_from(str(tiny_run), model, speakers)
    now = variables_of(model)
    for name, value in now.items():
        anew = name.startswith(("quantizer/", "speaker/"))
        if name == "speaker/embeddings":
            np.testing.assert_array_equal(value[2:], former.model[name][:1:-1])
            np.testing.assert_array_equal(value[0], former.model[name][0])
            value, begun[name] = value[1:2], begun[name][1:2]
        np.testing.assert_array_equal(value, (begun if anew else former.model)[name], err_msg=name)


def test_a_codebook_of_twice_the_size_has_each_vector_twice_and_its_codes_keep_their_numbers(tiny_run: Path) -> None:
    former = Checkpoint.load(tiny_run)
    size = former.preset.codebook.size
    model = _model(
        replace(former.preset, codebook=replace(former.preset.codebook, size=2 * size)), len(former.speakers)
    )
    start_from(str(tiny_run), model, former.speakers)
    now, then = variables_of(model), former.model
    np.testing.assert_array_equal(now["quantizer/codebook"][:size], then["quantizer/codebook"])
    twins = now["quantizer/codebook"].reshape(2, size, -1)
    assert np.all(np.any(twins[0] != twins[1], axis=-1))
    np.testing.assert_allclose(twins[1], twins[0], atol=0.2 * then["quantizer/codebook"].std())
    np.testing.assert_allclose(now["quantizer/counts"].reshape(2, size).sum(0), then["quantizer/counts"], rtol=1e-6)
    np.testing.assert_allclose(
        now["quantizer/sums"], now["quantizer/codebook"] * now["quantizer/counts"][:, None], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("times", [0.5, 1.5])
def test_a_codebook_of_no_multiple_of_the_size_begins_anew(tiny_run: Path, times: float) -> None:
    former = Checkpoint.load(tiny_run)
    size = int(times * former.preset.codebook.size)
    model = _model(replace(former.preset, codebook=replace(former.preset.codebook, size=size)), len(former.speakers))
    start_from(str(tiny_run), model, former.speakers)
    assert not np.any(variables_of(model)["quantizer/codebook"])


def test_a_release_gives_its_codebook_and_its_decoder(tiny_release: Path, tiny: Preset) -> None:
    network = Network.load(tiny_release / "network.safetensors")
    model = _model(tiny, 3)
    start_from(str(tiny_release), model, [("nobody", ""), ("a stranger", ""), ("another one", "")])
    now = variables_of(model)
    np.testing.assert_array_equal(now["quantizer/codebook"], network.codebook)
    np.testing.assert_array_equal(now["quantizer/sums"], now["quantizer/codebook"] * now["quantizer/counts"][:, None])
    for name in ("conv1/kernel", "mel_head/kernel"):
        np.testing.assert_array_equal(now[name], network.arrays[name])
    np.testing.assert_array_equal(now["speaker/embeddings"][0], network.arrays["nobody"])


def test_an_encoder_grows_by_layers_that_see_the_past_and_change_little(tiny_run: Path, tmp_path: Path) -> None:
    trained = Checkpoint.load(tiny_run)
    preset = replace(trained.preset, encoder=replace(trained.preset.encoder, aligned=True))
    former = replace(trained, preset=preset)
    former.save(tmp_path)
    layers = (*preset.encoder.layers, Conv(3, dilation=2), Conv(3))
    model = _model(replace(preset, encoder=replace(preset.encoder, layers=layers)), len(former.speakers))
    start_from(str(tmp_path), model, former.speakers)
    mel = np.random.default_rng(0).random((2, model.preset.frames_for(20), model.preset.front_end.mels), np.float32)
    found = np.asarray(model.encoder(mel))
    lead = model.preset.history - former.preset.history
    wanted = np.asarray(former.network.encoder()(mel[:, lead:]))
    assert found.shape == wanted.shape
    assert not np.array_equal(found, wanted)
    assert np.mean(np.square(found - wanted)) < 0.1 * np.var(wanted)
    # Elsewhere what a residual connection carries is not the code's own place, and the codes would move.
    middle = replace(preset.encoder, aligned=False, layers=layers)
    with pytest.raises(ModelError, match="another encoder"):
        start_from(str(tiny_run), _model(replace(trained.preset, encoder=middle), 3), [])


def test_a_layer_with_a_stride_begins_as_the_mean_of_what_it_joins(tiny_run: Path, tmp_path: Path) -> None:
    trained = Checkpoint.load(tiny_run)
    preset = replace(trained.preset, encoder=replace(trained.preset.encoder, aligned=True))
    former = replace(trained, preset=preset)
    former.save(tmp_path)
    slower = replace(
        preset,
        encoder=replace(preset.encoder, layers=(*preset.encoder.layers, Conv(2, stride=2))),
        decoder=replace(preset.decoder, context=(Conv(3),), place=preset.stride),
    )
    model = _model(slower, len(former.speakers))
    start_from(str(tmp_path), model, former.speakers)
    last = len(slower.encoder.layers)
    mel = np.random.default_rng(0).random((2, slower.frames_for(20), slower.front_end.mels), np.float32)
    before, after = model.encoder.get_layer(f"conv{last}").input, model.encoder.get_layer(f"relu{last}").output
    joined = keras.Model(model.encoder.input, [after, before])
    found, each = (np.asarray(x)[:, 0] for x in joined(mel, training=False))
    wanted = each.reshape(2, 20, 2, -1).mean(2)
    # The normalisation has seen nothing yet: its deviations are 1, and its beta keeps the ReLU open.
    np.testing.assert_allclose(found, wanted / np.sqrt(1 + 1e-3) + BETA, rtol=1e-4, atol=1e-5)


def test_another_encoder_is_refused(tiny_run: Path, tiny: Preset) -> None:
    wider = replace(tiny, encoder=replace(tiny.encoder, units=2 * tiny.encoder.units))
    with pytest.raises(ModelError, match="another encoder"):
        start_from(str(tiny_run), _model(wider, 3), [])


def test_a_preset_that_would_lose_a_head_is_refused(tiny_release: Path, tiny: Preset) -> None:
    waves = tuple(phase for phase in tiny.train.phases if phase.target == "wave")
    model = _model(replace(tiny, train=replace(tiny.train, phases=waves)), 3)
    begun = variables_of(model)
    with pytest.raises(ModelError, match=r"has a mel_head, which preset \w+ would lose; give it a mel or"):
        start_from(str(tiny_release), model, [("nobody", "")] * 3)
    for name, value in variables_of(model).items():
        np.testing.assert_array_equal(value, begun[name])


def test_what_is_neither_a_run_nor_a_release_is_refused(tmp_path: Path, tiny: Preset) -> None:
    with pytest.raises(ModelError, match="no weights at"):
        start_from(str(tmp_path), _model(tiny, 3), [])
    with pytest.raises(ModelError, match="nothing"):
        start_from("nothing", _model(tiny, 3), [])
