"""Layers that are fitted one after the other: what matters is kept, and what is left makes up for what went."""

import numpy as np
import pytest

from edgy_tf.compress.filters import keep_filters
from edgy_tf.compress.layerwise import Layer, importance, refitted, with_zeros, without
from edgy_tf.compress.properties import kernels_of
from edgy_tf.errors import ModelError
from edgy_tf.network import Network


def _latents(network: Network, mel: np.ndarray) -> np.ndarray:
    return np.asarray(network.encoder()(mel[None]))[0]


def test_a_network_of_which_nothing_is_taken_gives_the_same_latents(teacher: Network, speech: list[np.ndarray]) -> None:
    same = refitted(teacher, teacher, speech, with_zeros)
    np.testing.assert_allclose(_latents(same, speech[0]), _latents(teacher, speech[0]), atol=2e-3)


def test_noise_in_a_filter_costs_what_its_importance_says(teacher: Network, speech: list[np.ndarray]) -> None:
    last = len(teacher.preset.encoder.layers)
    matters = importance(teacher, speech)[last]
    # Of the last layer all is linear behind its ReLU, so noise that adds the same to every frame is enough.
    latents = np.concatenate([_latents(teacher, mel) for mel in speech])
    errors = []
    for filter_ in range(len(matters)):
        beta = teacher.arrays[f"norm{last}/beta"].copy()
        beta[filter_] += 1e-3
        moved = teacher.with_encoder({f"norm{last}/beta": beta})
        error = np.concatenate([_latents(moved, mel) for mel in speech]) - latents
        errors.append(np.sum(np.square(error / 1e-3)) / len(latents) / np.sum(np.var(latents, axis=0)))
    costs = np.array(errors)
    big = costs > 0.1 * costs.max()
    np.testing.assert_allclose(matters[big], costs[big], rtol=0.5)


def test_later_layers_make_up_for_earlier_ones(teacher: Network, speech: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    masks = {name: rng.random(kernel.shape) < 0.3 for name, kernel in kernels_of(teacher.arrays).items()}
    holes = {name: np.where(masks[name], 0, kernel) for name, kernel in kernels_of(teacher.arrays).items()}
    bare = teacher.with_encoder(holes)
    fitted = refitted(bare, teacher, speech, with_zeros)
    for name, kernel in kernels_of(fitted.arrays).items():
        assert np.all(kernel[masks[name]] == 0)
    right = _latents(teacher, speech[-1])
    errors = [float(np.mean(np.square(_latents(network, speech[-1]) - right))) for network in (fitted, bare)]
    assert errors[0] < 0.5 * errors[1]
    assert fitted.codebook_id == teacher.codebook_id


def test_filters_that_are_left_stand_for_those_that_went(teacher: Network, speech: list[np.ndarray]) -> None:
    # The last of eight filters say what the first ones say.
    arrays = dict(teacher.arrays)
    for i in range(1, len(teacher.preset.encoder.layers) + 1):
        for name in (f"conv{i}/kernel", *(f"norm{i}/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance"))):
            arrays[name] = np.concatenate([arrays[name][..., :6], arrays[name][..., :2]], axis=-1)
    twins = teacher.with_encoder(arrays)
    kept = [np.arange(6)] * len(teacher.preset.encoder.layers)
    bare = keep_filters(twins, kept)
    fitted = refitted(bare, twins, speech, with_zeros, kept)
    right = _latents(twins, speech[-1])
    errors = [float(np.mean(np.square(_latents(network, speech[-1]) - right))) for network in (fitted, bare)]
    assert errors[0] < 0.05 * errors[1]


def test_weights_that_are_left_make_up_for_those_that_went() -> None:
    rng = np.random.default_rng(0)
    weights, gone = rng.normal(size=(24, 6)), rng.random((24, 6)) < 0.4
    # Inputs that say much the same.
    inputs = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 24)) + 0.1 * rng.normal(size=(500, 24))
    out, _ = without(Layer(weights, gone, np.cov(inputs.T), np.ones(6)), gone)
    assert np.all(out[gone] == 0)

    def error(left: np.ndarray) -> float:
        return float(np.mean(np.square(inputs @ (left - weights))))

    assert error(out) < 0.01 * error(np.where(gone, 0, weights))


def test_weights_that_matter_least_are_the_smallest() -> None:
    rng = np.random.default_rng(0)
    weights, matters = rng.normal(size=(12, 5)), np.array([1.0, 4.0, 0.01, 1e-12, 0.0])
    layer = Layer(weights, np.zeros(weights.shape, bool), np.eye(12), matters)
    kept, unit = without(layer, layer.zeros)
    np.testing.assert_allclose(kept, weights)
    kernel = kept / unit
    np.testing.assert_allclose(kernel[:, 1] / weights[:, 1], 2 * kernel[:, 0] / weights[:, 0])
    assert np.sqrt(np.mean(kernel**2)) == pytest.approx(1 / np.sqrt(12))
    assert np.all(np.isfinite(unit))


def test_too_little_speech_is_one_line(teacher: Network, speech: list[np.ndarray]) -> None:
    with pytest.raises(ModelError, match="no speech that is long enough"):
        refitted(teacher, teacher, [speech[0][:2]], with_zeros)
