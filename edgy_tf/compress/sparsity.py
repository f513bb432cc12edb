"""Weight sparsity by magnitude: the smallest weights go to zero while the others learn to do without them (TF-MOT)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from converters.rounding import Floats
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.layerwise import Layer, refitted, without
from edgy_tf.compress.properties import compressible
from edgy_tf.compress.recipe import Sparsity
from edgy_tf.network import Network
from edgy_tf.weights import variables_of

GROWTH = 0.75
"""Share of the steps over which sparsity grows; the rest is for the weights that are left."""
RISES = 20
"""How often it grows in that time."""


def prune_by_magnitude(
    network: Network, stage: Sparsity, lesson: Lesson, speech: Sequence[npt.NDArray[np.float32]]
) -> Network:
    """The network with ``stage.rate`` of every kernel's weights at zero.

    ``magnitude`` grows along a polynomial (Zhu and Gupta 2017). ``2:4`` keeps the two larger ones of four neighbours
    along the inputs, from the first step on: the pattern that sparse matrix units run at double speed.
    """
    import tensorflow_model_optimization as tfmot

    every = max(1, int(GROWTH * stage.steps) // RISES)
    # The schedule only acts at multiples of ``every``, so it must end at one.
    end = int(GROWTH * stage.steps) // every * every
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, stage.rate, begin_step=0, end_step=end, frequency=every)
    pattern = {"sparsity_m_by_n": (2, 4)} if stage.method == "2:4" else {}

    def wrap(layer: Any) -> Any:
        if not compressible(layer.name):
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule, **pattern)

    if stage.method == "magnitude" and stage.fitted:
        network = refitted(network, lesson.teacher, speech, lambda layer: _without_least(layer, stage.rate))
    student = tf_keras.models.clone_model(network.encoder(api=tf_keras), clone_function=wrap)
    lesson.teach(student, stage, [tfmot.sparsity.keras.UpdatePruningStep()])
    return network.with_encoder(variables_of(tfmot.sparsity.keras.strip_pruning(student)))


def _without_least(layer: Layer, rate: float) -> tuple[Floats, Floats]:
    """Weights without those that matter least."""
    size = np.square(layer.weights) * layer.importance
    # A stable order, so that equal weights are told apart the same way everywhere.
    least = np.argsort(size, axis=None, kind="stable")[: round(rate * size.size)]
    zeros = np.zeros(size.shape, bool)
    zeros.flat[least] = True
    return without(layer, zeros)
