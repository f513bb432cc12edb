"""Distillation: a compressed encoder learns the codes of the one it came from, with the codebook frozen.

The same loop, data and loss for every technique, so that what differs between two variants is the technique. No decoder
takes part unless a recipe asks for it: a student that gives the teacher's codes is understood by every decoder that
understands the teacher (Hinton et al. 2015).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgy_tf.compress.recipe import FineTuning
from edgy_tf.compress.through import Distance, through_decoder
from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.preset import Phase
from edgy_tf.train.batches import Batch, batch, batches
from edgy_tf.train.prepared import Prepared

CODES = 32
"""Length of a crop."""
CLIP = 1.0
"""Largest norm of the gradient."""
SHARPNESS = 4.0
"""Of the posteriors: the larger, the more the nearest of the codes count."""


class Lesson:
    """What every stage of a recipe learns from.

    Args:
        teacher: the uncompressed network.
        training: speech to learn on.
        held_out: speech of other speakers, to be judged on.
        seed: all that is drawn follows from it.
    """

    def __init__(self, teacher: Network, training: Prepared, held_out: Prepared, seed: int) -> None:
        self._teacher, self._preset, self._codebook = teacher, teacher.preset, teacher.codebook
        self._training, self._held_out, self.seed = training, held_out, seed
        self._latents = tf.function(teacher.encoder(api=tf_keras), reduce_retracing=True)

    def teach(self, student: Any, how: FineTuning, callbacks: Sequence[Any] = ()) -> None:
        """Train a ``tf_keras`` student, mel ``[B, T, mels]`` to latents ``[B, N, dim]``, and show a progress bar.

        Raises:
            ModelError: the loss is not a number any more, or the recipe wants a decoder that the teacher lacks.
        """
        if not how.steps:
            return
        # By the statistics of a batch, not even the teacher itself would give more than 7 in 10 of its codes.
        for norm in norms_of(student):
            norm.trainable = False
        rate = tf_keras.optimizers.schedules.CosineDecay(how.learning_rate, how.steps)
        optimizer = tf_keras.optimizers.Adam(rate, global_clipnorm=CLIP)
        student.compile(optimizer, self._loss(how), metrics=[self._first(_as_teacher(self._codebook))])
        crops = batches(self._training, self._preset, self._phase(how.batch), self.seed)
        # Closed at the end, because it owns threads.
        with contextlib.closing(crops):  # type: ignore[type-var]
            # No more of them than are asked for, because Keras fetches ahead.
            some = (each for (each,) in itertools.islice(crops, how.steps))
            pairs = ((each["mel"], self._wanted(each)) for each in some)
            past = student.fit(pairs, steps_per_epoch=how.steps, callbacks=list(callbacks), shuffle=False).history
        if not np.isfinite(past["loss"][-1]):
            raise ModelError("the loss is not a number any more; lower the recipe's learning_rate")

    def settle(self, student: Any) -> None:
        """Take the statistics of normalisation anew from speech, for layers whose inputs have become fewer."""
        norms = norms_of(student)
        for i, mel in enumerate(self.examples()):
            for norm in norms:
                # The mean over all batches so far.
                norm.momentum = i / (i + 1)
            student(mel, training=True)

    def judge(self, student: Callable[[np.ndarray], Any]) -> float:
        """Share of the codes of held-out speech, 0 to 1, that a student gives as the teacher does."""
        alike = _as_teacher(self._codebook)
        mels = self._fixed(self._held_out)
        return float(np.mean([np.mean(alike(self._latents(mel), student(mel))) for mel in mels]))

    def examples(self) -> Iterator[np.ndarray]:
        """A few batches of training speech, ``[B, T, mels]``, the same ones every time."""
        return self._fixed(self._training)

    def _wanted(self, crops: Batch) -> tf.Tensor:
        """The teacher's latents, and beside each the mel of its frames: ``[B, N, dim + stride * mels]``."""
        latents = self._latents(crops["mel"])
        return tf.concat([latents, crops["target"].reshape(*latents.shape[:2], -1)], -1)

    def _loss(self, how: FineTuning) -> Distance:
        latents = self._first(distance(self._codebook))
        if not how.decoder:
            return latents
        mel = through_decoder(self._teacher, lambda z: tf.argmax(_scores(z, self._codebook), -1))
        size = self._preset.codebook.dim
        return lambda wanted, student: latents(wanted, student) + how.decoder * mel(wanted[..., size:], student)

    def _first(self, of_latents: Distance) -> Distance:
        """What compares latents, of all that is wanted."""

        def compare(wanted: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
            return of_latents(wanted[..., : self._preset.codebook.dim], student)

        compare.__name__ = of_latents.__name__
        return compare

    def _fixed(self, data: Prepared) -> Iterator[np.ndarray]:
        for i in range(8):
            yield batch(data, self._preset, self._phase(32), np.random.default_rng(i), augment=False)["mel"]

    def _phase(self, crops: int) -> Phase:
        return Phase("mel", steps=1, codes=CODES, batch=crops)


def norms_of(student: Any) -> list[Any]:
    """Batch normalisations of a student, out of the wrappers that TF-MOT may have put around them."""
    layers = [getattr(layer, "layer", layer) for layer in student.layers]
    return [layer for layer in layers if isinstance(layer, tf_keras.layers.BatchNormalization)]


def distance(codebook: np.ndarray) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
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


def _as_teacher(codebook: np.ndarray) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def codes_as_teacher(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
        equal = tf.argmax(_scores(teacher, codebook), -1) == tf.argmax(_scores(student, codebook), -1)
        return tf.cast(equal, tf.float32)

    return codes_as_teacher


def _scores(latents: tf.Tensor, codebook: np.ndarray) -> tf.Tensor:
    """``z . c - |c|^2 / 2`` for every code, ``[B, N, K]``: largest for the nearest (paper equation 1)."""
    bias = 0.5 * np.sum(np.square(codebook, dtype=np.float64), -1)
    return tf.einsum("bnd,kd->bnk", latents, codebook) - tf.constant(bias, tf.float32)
