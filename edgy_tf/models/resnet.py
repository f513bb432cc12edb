"""Thin ResNet-34: log-mel to a voice (paper sections 3.2 and 4.2.1; Xie et al. 2019, Chung et al. 2020).

The network of ``clovaai/voxceleb_trainer``'s ResNetSE34L: a ResNet-34 of a quarter of the usual channels. Its
blocks weigh their channels (Hu et al. 2018, squeeze and excitation); self-attentive pooling (Cai et al. 2018)
sums up time. It learns from ``edgy_tf.models.angular``.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

STAGES = ((16, 3, 1), (32, 4, 2), (64, 6, 2), (128, 3, 1))
"""Channels, blocks and stride over time and mel of each stage."""

REDUCTION = 8
"""Channels a squeezed channel stands for."""


def build_thin_resnet34(mels: int, dim: int) -> keras.Model:
    """Build the network: log-mel ``[B, T, mels]`` to float32 voices ``[B, dim]`` of length 1.

    Each mel bin is brought to zero mean and unit variance over its ``T`` frames, so neither the level of a
    recording nor the colour of its microphone counts. ``T`` may be any from 5 frames on; a voice is only as
    good as the speech it heard, of which training gives two seconds. Variables lie below ``speaker/``, apart
    from those of other networks.
    """
    with keras.name_scope("speaker"):
        mel = keras.Input((None, mels), name="reference")
        # As many groups as bins is instance normalisation.
        x = layers.GroupNormalization(
            groups=-1, epsilon=1e-5, center=False, scale=False, dtype="float32", name="level"
        )(mel)
        x = layers.Reshape((-1, mels, 1), name="image")(x)
        x = layers.ReLU(name="stem_relu")(_convolution(x, 16, 7, (1, 2), "stem"))
        for stage, (channels, blocks, stride) in enumerate(STAGES, start=1):
            for block in range(1, blocks + 1):
                x = _block(x, channels, stride if block == 1 else 1, f"stage{stage}_block{block}")
        x = _attend(ops.mean(x, axis=2))
        x = layers.Dense(dim, dtype="float32", name="voice")(x)
        return keras.Model(mel, layers.UnitNormalization(dtype="float32", name="unit")(x), name="speaker")


def _block(x: Any, channels: int, stride: int, name: str) -> Any:
    """Two convolutions, the second weighed channel by channel, beside a shortcut."""
    y = layers.ReLU(name=f"{name}_relu1")(_convolution(x, channels, 3, stride, f"{name}_conv1"))
    y = _convolution(y, channels, 3, 1, f"{name}_conv2")
    weight = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(y)
    weight = layers.Dense(channels // REDUCTION, activation="relu", name=f"{name}_squeeze")(weight)
    weight = layers.Dense(channels, activation="sigmoid", name=f"{name}_excite")(weight)
    y = layers.Multiply(name=f"{name}_weigh")([y, weight])
    if x.shape[-1] != channels:
        x = _convolution(x, channels, 1, stride, f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))


def _convolution(x: Any, channels: int, kernel: int, stride: int | tuple[int, int], name: str) -> Any:
    """A convolution over time and mel with its batch normalisation."""
    x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _attend(x: Any) -> Any:
    """Self-attentive pooling of ``[B, T, C]``: the mean over time, weighted by a learned query."""
    hidden = layers.Dense(x.shape[-1], activation="tanh", name="attention_hidden")(x)
    score = layers.Dense(1, use_bias=False, name="attention_query")(hidden)
    weight = layers.Softmax(axis=1, dtype="float32", name="attention_weight")(score)
    return ops.sum(weight * ops.cast(x, "float32"), axis=1)
