"""Distillation: a compressed encoder learns the codes of the one it came from, with the codebook frozen.

The same loop, data and loss for every technique, so that what differs between two variants is the technique. No decoder
takes part unless a recipe asks for it: a student that gives the teacher's codes is understood by every decoder that
understands the teacher (Hinton et al. 2015).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgy_tf.compress.recipe import FineTuning
from edgy_tf.compress.teaching import Distance, as_teacher, distance, teach
from edgy_tf.compress.through import through_decoder
from edgy_tf.network import Network
from edgy_tf.preset_training import Phase
from edgy_tf.train.batches import Batch, batch, batches
from edgy_tf.train.prepared import Prepared

CODES = 32
"""Length of a crop."""


class Lesson:
    """What every stage of a recipe learns from.

    Args:
        teacher: the uncompressed network.
        training: speech to learn on.
        held_out: speech of other speakers, to be judged on.
        seed: all that is drawn follows from it.
    """

    def __init__(self, teacher: Network, training: Prepared, held_out: Prepared, seed: int) -> None:
        self.teacher, self._preset, self._codebook = teacher, teacher.preset, teacher.codebook
        self._training, self._held_out, self.seed = training, held_out, seed
        self._latents = tf.function(teacher.encoder(api=tf_keras), reduce_retracing=True)

    def teach(self, student: Any, how: FineTuning, callbacks: Sequence[Any] = ()) -> None:
        """Train a ``tf_keras`` student, mel ``[B, T, mels]`` to latents ``[B, N, dim]``, and show a progress bar.

        Raises:
            ModelError: the loss is not a number any more, or the recipe wants a decoder that the teacher lacks.
        """
        if not how.steps:
            return
        metric = self._first(as_teacher(self._codebook))
        # Closed at the end, because it owns threads.
        with contextlib.closing(self._crops(how)) as crops:
            pairs = ((each["mel"], self._wanted(each)) for each in crops)
            teach(student, how, pairs, self._loss(how), metric, callbacks)

    def mels(self, how: FineTuning) -> Generator[np.ndarray, None, None]:
        """What ``teach`` shows a student, step by step, ``[B, T, mels]``."""
        with contextlib.closing(self._crops(how)) as crops:
            yield from (each["mel"] for each in crops)

    def judge(self, student: Callable[[np.ndarray], Any]) -> float:
        """Share of the codes of held-out speech, 0 to 1, that a student gives as the teacher does."""
        alike = as_teacher(self._codebook)
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
        mel = through_decoder(self.teacher)
        size = self._preset.codebook.dim
        return lambda wanted, student: latents(wanted, student) + how.decoder * mel(wanted[..., size:], student)

    def _first(self, of_latents: Distance) -> Distance:
        """What compares latents, of all that is wanted."""

        def compare(wanted: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
            return of_latents(wanted[..., : self._preset.codebook.dim], student)

        compare.__name__ = of_latents.__name__
        return compare

    def _crops(self, how: FineTuning) -> Generator[Batch, None, None]:
        with contextlib.closing(batches(self._training, self._preset, self._phase(how.batch), self.seed)) as crops:  # type: ignore[type-var]
            # No more of them than are asked for, because Keras fetches ahead.
            yield from (each for (each,) in itertools.islice(crops, how.steps))

    def _fixed(self, data: Prepared) -> Iterator[np.ndarray]:
        for i in range(8):
            yield batch(data, self._preset, self._phase(32), np.random.default_rng(i), augment=False)["mel"]

    def _phase(self, crops: int) -> Phase:
        return Phase("mel", steps=1, codes=CODES, batch=crops)
