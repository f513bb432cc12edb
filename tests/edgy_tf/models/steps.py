"""A batch through the whole network, as training does it."""

import numpy as np
import tensorflow as tf

from edgy_tf.models.vqvae import VQVAE

SPEAKERS = 3


def step(model: VQVAE, batch: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, float | None]]:
    """Losses of a batch in training, and the largest gradient of every trainable variable."""
    with tf.GradientTape() as tape:
        losses = model(batch, training=True)
        total = model.compute_loss(y_pred=losses)
    gradients = tape.gradient(total, [v.value for v in model.trainable_variables])
    names = [v.path for v in model.trainable_variables]
    return (
        {name: float(value) for name, value in losses.items()} | {"total": float(total)},
        {n: None if g is None else float(tf.reduce_max(tf.abs(g))) for n, g in zip(names, gradients, strict=True)},
    )
