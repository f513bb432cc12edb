"""The angular prototypical loss (paper section 3.2; Chung et al. 2020, "In defence of metric learning")."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class AngularPrototypical(keras.layers.Layer):
    """Each speaker's first voice must lie nearer to the mean of their others than to anybody else's.

    For voices ``x_im`` of N speakers, M each::

        c_j  = 1 / (M - 1) * sum over m = 2..M of x_jm      the prototype of speaker j
        S_ij = w * cos(x_i1, c_j) + b                       w starts at 10 and stays positive, b at -5
        L    = -1 / N * sum over i of log(exp(S_ii) / sum over j of exp(S_ij))

    ``b`` cancels; it is kept because it is part of the published loss. Always float32.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create ``w`` (``scale``) and ``b`` (``bias``)."""
        self.scale = self.add_weight(name="scale", shape=(), initializer=_constant(10), constraint=_positive)
        self.bias = self.add_weight(name="bias", shape=(), initializer=_constant(-5))

    def call(self, voices: Any) -> Any:
        """The loss of ``voices [N, M, dim]``, N and M at least 2, a scalar."""
        x = ops.cast(voices, "float32")
        queries = ops.normalize(x[:, 0], axis=-1)
        prototypes = ops.normalize(ops.mean(x[:, 1:], axis=1), axis=-1)
        similarities = self.scale * ops.matmul(queries, ops.transpose(prototypes)) + self.bias
        own = ops.arange(ops.shape(similarities)[0])
        return ops.mean(ops.sparse_categorical_crossentropy(own, similarities, from_logits=True))


def _constant(value: float) -> Any:
    return keras.initializers.Constant(value)


def _positive(value: Any) -> Any:
    return ops.maximum(value, 1e-6)
