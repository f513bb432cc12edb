"""Distillation brings codes back that a compression has changed."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.filters import remove_filters
from edgy_tf.compress.recipe import FineTuning
from edgy_tf.compress.teaching import distance
from edgy_tf.errors import ModelError
from edgy_tf.network import Network


def test_the_teacher_agrees_with_itself(teacher: Network, lesson: Lesson) -> None:
    assert lesson.judge(teacher.encoder(api=tf_keras)) == 1


def test_a_student_learns_the_teacher_s_codes(teacher: Network, lesson: Lesson) -> None:
    student = remove_filters(teacher, "l1", 0.25).encoder(api=tf_keras)
    before = lesson.judge(student)
    lesson.teach(student, FineTuning(steps=60, learning_rate=1e-2, batch=16))
    after = lesson.judge(student)
    assert after > before + 0.1


def test_the_loss_is_least_at_the_teacher_s_latents_whatever_their_scale() -> None:
    rng = np.random.default_rng(0)
    codebook = rng.standard_normal((16, 4)).astype(np.float32)
    latents = tf.constant(codebook[None, :8])
    near, far = latents + 0.1, latents + 1.0
    loss = distance(codebook)
    assert loss(latents, latents).shape == (1, 8)
    assert np.all(loss(latents, latents) < loss(latents, far))
    assert np.mean(loss(latents, near)) < np.mean(loss(latents, far))
    np.testing.assert_allclose(distance(codebook / 100)(latents / 100, far / 100), loss(latents, far), rtol=1e-3)


def test_a_loss_that_is_no_number_stops_the_recipe(teacher: Network, lesson: Lesson) -> None:
    with pytest.raises(ModelError, match="lower the recipe's learning_rate"):
        lesson.teach(teacher.encoder(api=tf_keras), FineTuning(steps=3, learning_rate=1e30, batch=4))


def test_who_is_the_teacher_has_nothing_to_learn() -> None:
    rng = np.random.default_rng(0)
    codebook = rng.normal(size=(8, 3)).astype(np.float32)
    latents = tf.constant(rng.normal(size=(2, 5, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        loss = tf.reduce_sum(distance(codebook)(tf.stop_gradient(latents), latents))
    assert np.abs(tape.gradient(loss, latents)).max() < 1e-5
    assert float(loss) == pytest.approx(0, abs=1e-5)
