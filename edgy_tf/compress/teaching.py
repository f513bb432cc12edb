"""The one loop, loss and optimiser by which every student learns, whichever tool compresses it.

It needs Keras 2 and NumPy alone: `evaluation.nncf` runs it in an environment that has no more of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgy_tf.compress.recipe import FineTuning
from edgy_tf.errors import ModelError

Distance = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Of what a teacher gives and a student's latents, ``[B, N]``."""
CLIP = 1.0
"""Largest norm of the gradient."""
SHARPNESS = 4.0
"""Of the posteriors: the larger, the more the nearest of the codes count."""


def teach(
    student: Any,
    how: FineTuning,
    pairs: Iterable[tuple[Any, Any]],
    loss: Distance,
    metric: Distance,
    callbacks: Sequence[Any] = (),
) -> None:
    """Train a Keras 2 student, mel ``[B, T, mels]`` to latents ``[B, N, dim]``, and show a progress bar.

    Args:
        student: is compiled and trained.
        how: steps and learning rate.
        pairs: mel of each step, and what the teacher makes of it.
        loss: between the latter and the student's latents, such as `distance`.
        metric: the same, to be shown, such as `as_teacher`.
        callbacks: of Keras.

    Raises:
        ModelError: the loss is not a number any more.
    """
    # By the statistics of a batch, not even the teacher itself would give more than 7 in 10 of its codes.
    for layer in student.layers:
        # Out of the wrapper that a tool may have put around it.
        layer = getattr(layer, "layer", layer)
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.trainable = False
    rate = tf_keras.optimizers.schedules.CosineDecay(how.learning_rate, how.steps)
    optimizer = tf_keras.optimizers.Adam(rate, global_clipnorm=CLIP)
    student.compile(optimizer, loss, metrics=[metric])
    past = student.fit(pairs, steps_per_epoch=how.steps, callbacks=list(callbacks), shuffle=False).history
    if not np.isfinite(past["loss"][-1]):
        raise ModelError("the loss is not a number any more; lower the recipe's learning_rate")


def distance(codebook: np.ndarray) -> Distance:
    """The loss between the latents of teacher and student, ``[B, N, dim]`` each, as ``[B, N]``.

    Mean squared distance, plus cross-entropy of the student's code posteriors, softmax of ``z . c - |c|^2 / 2``, with
    those of the teacher, less what is left of it where both are the same: with the teacher's code instead, a student
    would draw the latents apart and lose codes. Lengths are in units of the codebook's spread, so that it does not
    matter how large a preset's latents are.
    """
    unit = float(np.mean(np.var(codebook, axis=0)))

    def loss(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
        far = tf.reduce_mean(tf.math.squared_difference(teacher, student), -1) / unit
        right, ours = (SHARPNESS * _scores(latents, codebook) / unit for latents in (teacher, student))
        posteriors = tf.nn.softmax(right)
        entropy = tf.nn.softmax_cross_entropy_with_logits
        return far + entropy(posteriors, ours) - entropy(posteriors, right)

    return loss


def as_teacher(codebook: np.ndarray) -> Distance:
    """A metric: where student and teacher, latents ``[B, N, dim]`` each, give the same code, ``[B, N]``."""

    def codes_as_teacher(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
        return tf.cast(nearest(teacher, codebook) == nearest(student, codebook), tf.float32)

    return codes_as_teacher


def nearest(latents: tf.Tensor, codebook: np.ndarray) -> tf.Tensor:
    """Codes of latents, ``[B, N]``."""
    return tf.argmax(_scores(latents, codebook), -1)


def _scores(latents: tf.Tensor, codebook: np.ndarray) -> tf.Tensor:
    """``z . c - |c|^2 / 2`` for every code, ``[B, N, K]``: largest for the nearest (paper equation 1)."""
    bias = 0.5 * np.sum(np.square(codebook, dtype=np.float64), -1)
    return tf.einsum("bnd,kd->bnk", latents, codebook) - tf.constant(bias, tf.float32)
