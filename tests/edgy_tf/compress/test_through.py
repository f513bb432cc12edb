"""A student that learns through the decoder is given back better, and the decoder stays what it is."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.filters import remove_filters
from edgy_tf.compress.recipe import FineTuning
from edgy_tf.compress.through import through_decoder
from edgy_tf.decode import Decoder, Voice
from edgy_tf.errors import ModelError
from edgy_tf.network import NOBODY, Network


def _codes(teacher: Network, latents: np.ndarray) -> np.ndarray:
    return np.argmax(latents @ teacher.codebook.T - 0.5 * np.sum(np.square(teacher.codebook), -1), -1)


def test_the_loss_is_that_of_the_mel_that_is_decoded(teacher: Network) -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(2, 6, teacher.preset.codebook.dim)).astype(np.float32)
    mel = rng.random((2, 6, teacher.preset.stride * teacher.preset.front_end.mels), np.float32)
    loss = through_decoder(teacher)(mel, tf.constant(latents))
    decoder = Decoder(teacher)
    given = [decoder.mel(codes, Voice(teacher.arrays[NOBODY])) for codes in _codes(teacher, latents)]
    expected = np.abs(np.reshape(given, mel.shape) - mel).mean(-1)
    np.testing.assert_allclose(loss, expected, atol=1e-5)


def test_the_gradient_goes_straight_through(teacher: Network) -> None:
    latents = tf.constant(np.random.default_rng(0).normal(size=(1, 5, teacher.preset.codebook.dim)), tf.float32)
    loss = through_decoder(teacher)
    mel = tf.zeros((1, 5, teacher.preset.stride * teacher.preset.front_end.mels))
    with tf.GradientTape() as tape:
        tape.watch(latents)
        value = tf.reduce_sum(loss(mel, latents))
    assert np.abs(tape.gradient(value, latents)).max() > 0


def test_a_student_is_given_back_better(teacher: Network, lesson: Lesson) -> None:
    # Of so many steps through GRUs, a graph is quicker.
    tf.config.run_functions_eagerly(False)
    how = FineTuning(steps=30, learning_rate=1e-2, batch=8, decoder=100.0)
    student = remove_filters(teacher, "l1", 0.25).encoder(api=tf_keras)
    heard = through_decoder(teacher)
    stride, mels = teacher.preset.stride, teacher.preset.front_end.mels

    def loss() -> float:
        values = []
        for mel in lesson.examples():
            latents = student(mel)
            begin = teacher.preset.history
            target = mel[:, begin : begin + latents.shape[1] * stride].reshape(len(mel), -1, stride * mels)
            values.append(np.mean(heard(target, latents)))
        return float(np.mean(values))

    before = loss()
    frozen = {name: value.copy() for name, value in teacher.arrays.items()}
    lesson.teach(student, how)
    assert loss() < before
    assert all(np.array_equal(teacher.arrays[name], value) for name, value in frozen.items())


def test_a_release_without_a_mel_head_is_refused(teacher: Network, lesson: Lesson) -> None:
    arrays = {name: value for name, value in teacher.arrays.items() if not name.startswith("mel_head/")}
    with pytest.raises(ModelError, match="has no mel_head/kernel to learn through; leave 'decoder' out of the recipe"):
        through_decoder(replace(teacher, arrays=arrays))
