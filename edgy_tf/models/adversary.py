"""Who tells the speaker from the codes while they are learned, so that they can be learned to hide it."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class Adversary(keras.layers.Layer):
    """Quantised latents ``[B, N, D]`` to logits over speakers ``[B, S]`` and genders ``[B, 3]`` (0 is unknown)."""

    def __init__(self, speakers: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convs = [layers.Conv1D(256, 5, padding="same", activation="relu", name=f"conv{i}") for i in (1, 2)]
        self.hidden = layers.Dense(256, activation="relu", name="hidden")
        self.speakers = layers.Dense(speakers, name="speakers")
        self.genders = layers.Dense(3, name="genders")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create two convolutions, a layer on their statistics over time, and the two answers."""
        self.convs[0].build(input_shape)
        self.convs[1].build((None, None, 256))
        self.hidden.build((None, 512))
        self.speakers.build((None, 256))
        self.genders.build((None, 256))

    def call(self, x: Any) -> tuple[Any, Any]:
        """Answer for each crop."""
        for conv in self.convs:
            x = conv(x)
        x = self.hidden(ops.concatenate([ops.mean(x, 1), ops.sqrt(ops.var(x, 1) + 1e-5)], -1))
        return ops.cast(self.speakers(x), "float32"), ops.cast(self.genders(x), "float32")
