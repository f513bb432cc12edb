"""The angular prototypical loss against its equations, written out in NumPy."""

import keras
import numpy as np
import pytest

from edgy_tf.models.angular import AngularPrototypical


@pytest.fixture
def loss() -> AngularPrototypical:
    layer = AngularPrototypical()
    layer.build((None, None, None))
    return layer


def by_the_equations(voices: np.ndarray, scale: float, bias: float) -> float:
    total = 0.0
    for i in range(len(voices)):
        scores = []
        for j in range(len(voices)):
            query, prototype = voices[i, 0], voices[j, 1:].mean(0)
            cosine = query @ prototype / np.linalg.norm(query) / np.linalg.norm(prototype)
            scores.append(scale * cosine + bias)
        total -= np.log(np.exp(scores[i]) / np.exp(scores).sum())
    return total / len(voices)


@pytest.mark.parametrize("crops", [2, 3])
def test_the_loss_is_that_of_the_equations(loss: AngularPrototypical, crops: int) -> None:
    voices = np.random.default_rng(0).normal(size=(5, crops, 7)).astype(np.float32)

    assert float(loss(voices)) == pytest.approx(by_the_equations(voices, 10, -5), rel=1e-5)


def test_the_length_of_a_voice_does_not_matter(loss: AngularPrototypical) -> None:
    voices = np.random.default_rng(0).normal(size=(5, 2, 7)).astype(np.float32)

    assert float(loss(3 * voices)) == pytest.approx(float(loss(voices)), rel=1e-5)


def test_the_loss_falls_as_speakers_part(loss: AngularPrototypical) -> None:
    alike = np.ones((4, 2, 4), np.float32)
    apart = np.repeat(np.eye(4, dtype=np.float32)[:, None], 2, axis=1)
    losses = [float(loss((1 - share) * alike + share * apart)) for share in (0, 0.5, 1)]

    assert losses[0] == pytest.approx(np.log(4))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(np.log(1 + 3 * np.exp(-10)), abs=1e-6)
    assert float(loss(np.concatenate([apart[:, :1], apart[::-1, 1:]], axis=1))) > losses[0]


def test_scale_and_voices_learn_and_bias_cancels(loss: AngularPrototypical) -> None:
    import tensorflow as tf

    voices = tf.constant(np.random.default_rng(0).normal(size=(5, 2, 7)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(voices)
        value = loss(voices)
    scale, bias, moved = tape.gradient(value, [loss.scale.value, loss.bias.value, voices])

    assert abs(float(scale)) > 1e-3
    assert float(bias) == pytest.approx(0, abs=1e-6)
    assert np.abs(moved).min(axis=-1).min() > 0


def test_scale_stays_positive(loss: AngularPrototypical) -> None:
    loss.scale.assign(1e-4)
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([loss.scale])
    optimizer.apply([keras.ops.convert_to_tensor(1.0)], [loss.scale])

    assert float(loss.scale) == pytest.approx(1e-6)
