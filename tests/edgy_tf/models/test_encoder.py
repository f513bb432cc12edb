from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgy_tf.models.encoder import build_encoder
from edgy_tf.network import Network
from edgy_tf.preset import Preset, load_preset, preset_names
from edgy_tf.weights import variables_of

CODES = 7


def _trained(encoder: Any) -> Any:
    """The encoder with weights and statistics as far from their start as training takes them."""
    rng = np.random.default_rng(0)
    for weight in encoder.weights:
        if "variance" in weight.name:
            value = rng.uniform(0.5, 2, weight.shape)
        elif "kernel" in weight.name:
            value = rng.standard_normal(weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))
        else:
            value = rng.uniform(0.2, 0.8, weight.shape)
        weight.assign(value)
    return encoder


def _mel(preset: Preset, codes: int, batch: int = 2) -> np.ndarray:
    shape = (batch, preset.frames_for(codes), preset.front_end.mels)
    return np.random.default_rng(1).random(shape, np.float32)


@pytest.fixture(scope="module", params=["residual", "plain", "aligned", "depthwise"])
def preset(tiny: Preset, request: pytest.FixtureRequest) -> Preset:
    encoder, kind = tiny.encoder, request.param
    return replace(
        tiny,
        encoder=replace(
            encoder,
            residual=kind != "plain",
            normalise=kind != "plain",
            aligned=kind == "aligned",
            layers=tuple(replace(layer, depthwise=kind == "depthwise") for layer in encoder.layers),
        ),
    )


@pytest.fixture(scope="module")
def encoder(preset: Preset) -> Any:
    return _trained(build_encoder(preset))


@pytest.mark.parametrize("codes", [1, 2, CODES])
def test_frames_for_n_codes_give_n_latents(preset: Preset, encoder: Any, codes: int) -> None:
    assert encoder(_mel(preset, codes)).shape == (2, codes, preset.codebook.dim)
    # A frame less is a latent less.
    if codes > 1:
        assert encoder(_mel(preset, codes)[:, :-1]).shape == (2, codes - 1, preset.codebook.dim)


def test_a_latent_depends_on_its_receptive_field_and_on_all_of_it(preset: Preset, encoder: Any) -> None:
    mel = _mel(preset, CODES, batch=1)
    frames = mel.shape[1]
    # One copy for every frame, with that frame changed.
    changed = np.repeat(mel, frames, axis=0)
    changed[np.arange(frames), np.arange(frames)] += 3
    # Another batch size may round differently on some processors.
    moved = (np.abs(np.asarray(encoder(changed)) - np.asarray(encoder(mel))) > 1e-5).any(axis=-1)
    first = np.arange(CODES) * preset.stride
    frame = np.arange(frames)[:, None]
    np.testing.assert_array_equal(moved, (first <= frame) & (frame < first + preset.receptive_field))


def test_any_stretch_of_frames_gives_the_same_latents(preset: Preset, encoder: Any) -> None:
    mel = _mel(preset, CODES)
    whole = np.asarray(encoder(mel))
    part = encoder(mel[:, 2 * preset.stride : 2 * preset.stride + preset.frames_for(3)])
    np.testing.assert_allclose(part, whole[:, 2:5], atol=1e-6)


def test_fixed_and_dynamic_length_are_equal(preset: Preset, encoder: Any) -> None:
    frames = preset.frames_for(CODES)
    fixed = build_encoder(preset, frames)
    fixed.set_weights(encoder.get_weights())
    assert fixed.input_shape == (None, frames, preset.front_end.mels)
    assert fixed.output_shape == (None, CODES, preset.codebook.dim)
    np.testing.assert_allclose(fixed(_mel(preset, CODES)), encoder(_mel(preset, CODES)), atol=1e-6)


def test_under_tf_keras_the_latents_are_equal(preset: Preset, encoder: Any) -> None:
    import tf_keras

    other = Network(preset, variables_of(encoder)).encoder(api=tf_keras)
    assert isinstance(other, tf_keras.Model)
    np.testing.assert_allclose(other(_mel(preset, CODES)), encoder(_mel(preset, CODES)), atol=1e-5)


def test_a_normalised_latent_has_unit_variance_over_a_batch(tiny: Preset) -> None:
    encoder = _trained(build_encoder(tiny))
    latents = np.asarray(encoder(_mel(tiny, 20, batch=16), training=True))
    # A latent of no variance at all is divided by the root of Keras' epsilon.
    np.testing.assert_allclose(latents.std((0, 1)), 1, atol=0.05)


@pytest.mark.parametrize("aligned", [False, True])
def test_a_residual_layer_that_has_learnt_nothing_passes_its_input_on(tiny: Preset, aligned: bool) -> None:
    tiny = replace(tiny, encoder=replace(tiny.encoder, aligned=aligned))
    *before, last = tiny.encoder.layers
    whole = _trained(build_encoder(tiny))
    shorter = build_encoder(replace(tiny, encoder=replace(tiny.encoder, layers=tuple(before))))
    for layer in shorter.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    for layer in ("conv3", "norm3"):
        weights = whole.get_layer(layer).get_weights()
        # gamma, beta and mean, but no variance of 0.
        whole.get_layer(layer).set_weights([np.zeros_like(w) for w in weights[:3]] + weights[3:])
    mel = _mel(tiny, CODES)
    # Its input is centred: it loses as many latents in front as behind. Aligned, the layers before have spent all
    # of the look-ahead but one frame, half a latent: what is carried past is the last of what the layer sees.
    lost = (last.kernel - 1) * last.dilation
    first = lost if aligned else lost // 2
    np.testing.assert_allclose(whole(mel), shorter(mel)[:, first : first + CODES], atol=1e-6)


def test_aligned_layers_never_look_further_ahead_than_the_preset(tiny: Preset) -> None:
    for name in preset_names():
        preset = load_preset(name)
        preset = replace(preset, encoder=replace(preset.encoder, aligned=True))
        steps = np.cumprod([1, *(layer.stride for layer in preset.encoder.layers[:-1])])
        assert (
            sum(after * step for (_, after), step in zip(preset.crops, steps, strict=True)) <= preset.encoder.lookahead
        )
        for (before, after), layer in zip(preset.crops, preset.encoder.layers, strict=True):
            assert before + after == (layer.kernel - 1) * layer.dilation
            assert before >= after >= 0


@pytest.mark.parametrize("name", preset_names())
def test_the_presets_that_ship_build(name: str) -> None:
    preset = load_preset(name)
    encoder = build_encoder(preset, preset.frames_for(3))
    assert encoder.output_shape == (None, 3, preset.codebook.dim)
