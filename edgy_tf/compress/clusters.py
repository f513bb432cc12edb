"""Clusters: the weights of a layer share a few values, so that the file zips well (TF-MOT)."""

from __future__ import annotations

from typing import Any

import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.properties import compressible
from edgy_tf.compress.recipe import Clusters
from edgy_tf.network import Network
from edgy_tf.weights import variables_of


def share_weights(network: Network, stage: Clusters, lesson: Lesson, sparse: bool) -> Network:
    """The network with at most ``stage.count`` different values in each kernel.

    Args:
        network: any; kernels of fewer weights than values stay as they are, and so do layers that are not
            `compressible`.
        stage: how many values, and how they are trained.
        lesson: what they are trained on.
        sparse: keep weights at zero that are there; zero is one of the values then.
    """
    # The option to keep zeros is in TF-MOT's experimental half only.
    from tensorflow_model_optimization.clustering.keras import CentroidInitialization, strip_clustering
    from tensorflow_model_optimization.python.core.clustering.keras.experimental.cluster import cluster_weights

    def wrap(layer: Any) -> Any:
        if not compressible(layer.name):
            return layer
        # Values spread evenly: large weights, of which there are few, matter most. And nothing is drawn.
        return cluster_weights(layer, stage.count, CentroidInitialization.LINEAR, preserve_sparsity=sparse)

    student = tf_keras.models.clone_model(network.encoder(api=tf_keras), clone_function=wrap)
    lesson.teach(student, stage)
    stripped, plain = strip_clustering(student), network.encoder(api=tf_keras)
    # Layer by layer, because TF-MOT rebuilds them without their names in those of the variables.
    for layer in plain.layers:
        layer.set_weights(stripped.get_layer(layer.name).get_weights())
    return network.with_encoder(variables_of(plain))
