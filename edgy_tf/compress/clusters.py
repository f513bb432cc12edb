"""Clusters: the weights of a layer share a few values, so that the file zips well (TF-MOT).

The values start on an even grid between -1 and 1, and every filter is scaled so that its largest weight is one of the
ends; normalisation takes the scale. So a layer's few values suit each of its filters, and stay few in int8, which has a
scale for each filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from converters.rounding import rounded
from edgy_tf.compress.distil import Lesson
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
        stage: how many values, and how they are trained. Of an even number, one is left unused: zero is in the middle.
        lesson: what they are trained on.
        sparse: keep weights at zero that are there.
        speech: log-mel ``[frames, mels]`` each, by which weights are given their first values together.
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

    network = rounded(_with_even_filters(network), speech, steps)
    student = tf_keras.models.clone_model(network.encoder(api=tf_keras), clone_function=wrap)
    _place(student, np.linspace(-1, 1, count, dtype=np.float32))
    lesson.teach(student, stage)
    stripped, plain = strip_clustering(student), network.encoder(api=tf_keras)
    # Layer by layer, because TF-MOT rebuilds them without their names in those of the variables.
    for layer in plain.layers:
        layer.set_weights(stripped.get_layer(layer.name).get_weights())
    return network.with_encoder(variables_of(plain))


def _with_even_filters(network: Network) -> Network:
    """A network of equal latents, up to rounding, whose filters each have 1 as their largest absolute weight."""
    encoder, arrays = network.encoder(), dict(network.arrays)
    for i, (name, kernel) in enumerate(kernels_of(arrays).items(), start=1):
        largest = np.abs(kernel).max((0, 1, 2))
        largest = np.where(largest > 0, largest, 1).astype(np.float32)
        mean, variance = f"norm{i}/moving_mean", f"norm{i}/moving_variance"
        epsilon = encoder.get_layer(f"norm{i}").epsilon
        arrays[name] = kernel / largest
        arrays[mean] = arrays[mean] / largest
        arrays[variance] = np.maximum((arrays[variance] + epsilon) / largest**2 - epsilon, 0)
    return network.with_encoder(arrays)


def _place(student: Any, values: npt.NDArray[np.float32]) -> None:
    """Let all of a student's clusters start at ``values``, one of which is 0.

    TF-MOT shares them out between positive and negative weights by how many there are, which is uneven.
    """
    for layer in student.layers:
        for name, centroids in getattr(layer, "cluster_centroids", {}).items():
            centroids.assign(values)
            if name in layer.zero_idx:
                layer.zero_idx[name] = tf_keras.backend.argmin(abs(centroids), axis=-1)
