"""Who tells the speaker from the codes while they are learned, so that they can be learned to hide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

PROSODY = ("pitch", "melody", "dynamics", "effort")
"""What emotion does to a voice, which an adversary tells from codes; see `edgy_tf.train.prosody`."""

LEVELS = 4
"""Of each of them, from low to high."""


class Adversary(keras.layers.Layer):
    """Quantised latents ``[B, N, D]`` to logits ``[B, size]`` of each answer.

    Args:
        answers: their names, each with its number of classes, of which 0 is unknown.
    """

    def __init__(self, answers: Mapping[str, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convs = [layers.Conv1D(256, 5, padding="same", activation="relu", name=f"conv{i}") for i in (1, 2)]
        self.hidden = layers.Dense(256, activation="relu", name="hidden")
        self.answers = [layers.Dense(size, name=name) for name, size in answers.items()]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create two convolutions, a layer on their statistics over time, and the answers."""
        self.convs[0].build(input_shape)
        self.convs[1].build((None, None, 256))
        self.hidden.build((None, 512))
        for answer in self.answers:
            answer.build((None, 256))

    def call(self, x: Any) -> list[Any]:
        """Answer for each crop, in the order of the answers."""
        for conv in self.convs:
            x = conv(x)
        x = self.hidden(ops.concatenate([ops.mean(x, 1), ops.sqrt(ops.var(x, 1) + 1e-5)], -1))
        return [ops.cast(answer(x), "float32") for answer in self.answers]
