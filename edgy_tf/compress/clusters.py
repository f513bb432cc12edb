"""Clusters: the weights of a layer share a few values, so that the file zips well (TF-MOT).

The values start on an even grid between -1 and 1, which every filter is scaled to; normalisation takes the scale. So a
layer's few values suit each of its filters, and stay few in int8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from converters.rounding import Floats, round_together
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.layerwise import FAINT, Layer, refitted
from edgy_tf.compress.properties import compressible, kernels_of
from edgy_tf.compress.recipe import Clusters
from edgy_tf.network import Network
from edgy_tf.weights import variables_of


def share_weights(
    network: Network,
    stage: Clusters,
    lesson: Lesson,
    sparse: bool,
    speech: Sequence[npt.NDArray[np.float32]],
) -> Network:
    """The network with at most ``stage.count`` different values in each kernel.

    Args:
        network: any; layers that are not `compressible` stay as they are.
        stage: how many values, how far apart, and how they are trained. Of an even number, one is left unused: zero is
            in the middle.
        lesson: what they are trained on, and the teacher, whose layers' outputs the first values are to give.
        sparse: keep weights at zero that are there.
        speech: log-mel ``[frames, mels]`` each, for those outputs.
    """
    # The option to keep zeros is in TF-MOT's experimental half only.
    from tensorflow_model_optimization.clustering.keras import CentroidInitialization, strip_clustering
    from tensorflow_model_optimization.python.core.clustering.keras.experimental.cluster import cluster_weights

    steps = (stage.count - 1) // 2
    count = 2 * steps + 1

    def wrap(layer: Any) -> Any:
        if not compressible(layer.name):
            return layer
        return cluster_weights(layer, count, CentroidInitialization.LINEAR, preserve_sparsity=sparse)

    weights = sum(kernel.size for kernel in kernels_of(network.arrays).values())
    # Rounding to a grid of a step s makes noise of the variance s^2 / 12.
    noise = 12 * stage.error / weights
    network = refitted(network, lesson.teacher, speech, lambda layer: _on_grid(layer, steps, noise, sparse))
    student = tf_keras.models.clone_model(network.encoder(api=tf_keras), clone_function=wrap)
    _place(student, np.linspace(-1, 1, count, dtype=np.float32))
    lesson.teach(student, stage)
    stripped, plain = strip_clustering(student), network.encoder(api=tf_keras)
    # Layer by layer, because TF-MOT rebuilds them without their names in those of the variables.
    for layer in plain.layers:
        layer.set_weights(stripped.get_layer(layer.name).get_weights())
    return network.with_encoder(variables_of(plain))


def _on_grid(layer: Layer, steps: int, noise: float, sparse: bool) -> tuple[Floats, Floats]:
    """Weights on a grid of ``2 * steps + 1`` values, and its ends as each filter's unit.

    A filter's step is as wide as makes each of its weights cost the latents ``noise`` of their variance, or wider, if
    its largest weight would lie outside. What is left of an input's variance when the other inputs make up for it
    is, on a geometric mean, that of the covariance's eigenvalues.
    """
    lone = np.exp(np.mean(np.log(np.linalg.eigvalsh(layer.covariance))))
    cost = lone * np.maximum(layer.importance, FAINT * layer.importance.max())
    zeros = layer.zeros & sparse
    sizes = np.abs(np.where(zeros, 0, layer.weights))
    step = sizes.max(0) / steps
    step = np.maximum(step, np.sqrt(noise / np.maximum(cost, 1e-30)))
    step = np.where(step > 0, step, 1.0)
    # These stay, so that filters of equal ends have equal scales in int8.
    ends = sizes >= (1 - 1e-9) * steps * step

    def snap(values: Floats, number: int) -> Floats:
        grid = np.clip(np.rint(values / step), -steps, steps)
        grid = np.where(ends[number], steps * np.sign(layer.weights[number]), grid)
        return np.where(zeros[number], 0, grid) * step

    return round_together(layer.weights, layer.covariance, snap), step * float(steps)


def _place(student: Any, values: npt.NDArray[np.float32]) -> None:
    """Let all of a student's clusters start at ``values``, one of which is 0.

    TF-MOT shares them out between positive and negative weights by how many there are, which is uneven.
    """
    for layer in student.layers:
        for name, centroids in getattr(layer, "cluster_centroids", {}).items():
            centroids.assign(values)
            if name in layer.zero_idx:
                layer.zero_idx[name] = tf_keras.backend.argmin(abs(centroids), axis=-1)
