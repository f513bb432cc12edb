"""The Thin ResNet-34: its shape, what it does not hear, and that every part of it learns."""

import keras
import numpy as np
import pytest

from edgy_tf.models.resnet import build_thin_resnet34

MELS, DIM = 20, 6


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_thin_resnet34(MELS, DIM)


@pytest.fixture
def mel() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.2, 0.8, (3, 40, MELS)).astype(np.float32)


@pytest.mark.parametrize("frames", [5, 17, 40])
def test_a_voice_has_length_one_whatever_the_number_of_frames(
    network: keras.Model, mel: np.ndarray, frames: int
) -> None:
    voices = np.asarray(network(mel[:, :frames]))

    assert voices.shape == (3, DIM)
    assert voices.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1, rtol=1e-5)


def test_neither_level_nor_a_fixed_colour_changes_a_voice(network: keras.Model, mel: np.ndarray) -> None:
    colour = np.linspace(-0.15, 0.15, MELS, dtype=np.float32)

    np.testing.assert_allclose(network(mel + colour), network(mel), atol=1e-4)


def test_speech_does_change_a_voice(network: keras.Model, mel: np.ndarray) -> None:
    assert np.abs(np.asarray(network(mel[:, ::-1])) - np.asarray(network(mel))).max() > 1e-3


def test_a_voice_does_not_depend_on_its_neighbours_in_a_batch(network: keras.Model, mel: np.ndarray) -> None:
    np.testing.assert_allclose(network(mel)[1:2], network(mel[1:2]), atol=1e-5)


def test_parameters_are_as_many_as_arithmetic_says(network: keras.Model) -> None:
    def norm(c: int) -> int:
        return 4 * c

    def block(before: int, c: int) -> int:
        convolutions = 9 * before * c + norm(c) + 9 * c * c + norm(c)
        excitation = c * (c // 8) + c // 8 + (c // 8) * c + c
        shortcut = before * c + norm(c) if before != c else 0
        return convolutions + excitation + shortcut

    stem = 7 * 7 * 16 + norm(16)
    stages = sum(
        block(before, c) + (blocks - 1) * block(c, c)
        for before, c, blocks in [(16, 16, 3), (16, 32, 4), (32, 64, 6), (64, 128, 3)]
    )
    pooling = 128 * 128 + 128 + 128
    assert network.count_params() == stem + stages + pooling + 128 * DIM + DIM


def test_variables_have_names_of_their_own(network: keras.Model) -> None:
    paths = {variable.path for variable in network.variables}

    assert len(paths) == len(network.variables)
    assert all(path.startswith("speaker/") for path in paths)
    assert paths == {variable.path for variable in build_thin_resnet34(MELS, DIM).variables}


def test_a_gradient_reaches_every_weight(network: keras.Model, mel: np.ndarray) -> None:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(mel, training=True)[:, 0])
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])

    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_voices_are_float32_in_half_precision(mel: np.ndarray) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        voices = build_thin_resnet34(MELS, DIM)(mel)
    finally:
        keras.config.set_dtype_policy("float32")

    assert keras.backend.standardize_dtype(voices.dtype) == "float32"
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1, rtol=1e-5)
