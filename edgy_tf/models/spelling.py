"""What a recogniser writes down of features, judged by the tokens that it shall write. Any backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from edgy_tf.models.whisper import WhisperDecoder, WhisperEncoder
from edgy_tf.weights import Arrays
from edgy_tf.whisper_base import END, PROMPT, half


class Spelling(keras.Model):
    """Features and tokens of pages to the loss of the tokens.

    Args:
        weights: of Whisper, by their names in CTranslate2's format.
        rank: of adapters that train; without them nothing does.
    """

    def __init__(self, weights: Arrays, rank: int = 0) -> None:
        # The loss stays float32 under any policy.
        super().__init__(name="spelling", dtype="float32")
        compute = keras.config.dtype_policy().compute_dtype
        self.halves = {
            "encoder/": WhisperEncoder(half(weights, "encoder/"), compute, rank, "spelling_encoder"),
            "decoder/": WhisperDecoder(half(weights, "decoder/"), compute, rank, "spelling_decoder"),
        }
        for part in self.halves.values():
            part.build()
        self.built = True

    def adapters(self) -> Arrays:
        """As they stand, by the weight's name in CTranslate2's format."""
        return {prefix + n: v for prefix, part in self.halves.items() for n, v in part.adapters().items()}

    def assign(self, adapters: Arrays) -> None:
        """Set what ``adapters`` gave."""
        for prefix, part in self.halves.items():
            part.assign(half(adapters, prefix))

    def call(self, page: dict[str, Any], training: bool = False) -> Any:
        """Cross-entropy of the tokens after the prompt and of the one that ends them, a scalar.

        Args:
            page: features ``mel [B, T, MELS]``, T even, and ``tokens [B, L]``.
            training: has no effect.
        """
        tokens = page["tokens"]
        logits = self.halves["decoder/"](tokens[:, :-1], self.halves["encoder/"](page["mel"]))
        each = ops.sparse_categorical_crossentropy(tokens[:, 1:], logits, from_logits=True)
        # An end is told once; what is filled up after it is not.
        told = ops.cast((tokens[:, 1:] != END) | (tokens[:, :-1] != END), "float32")[:, len(PROMPT) - 1 :]
        return ops.sum(each[:, len(PROMPT) - 1 :] * told) / ops.sum(told)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """What ``call`` returned."""
        return y_pred
