"""The convolutional encoder: log-mel frames to latents (paper section 4.2.1)."""

from __future__ import annotations

from typing import Any

from edgy_tf.preset import Preset


def build_encoder(preset: Preset, frames: int | None = None, api: Any = None) -> Any:
    """Build the encoder as a functional Keras model, ``[B, frames, mels]`` to ``[B, codes, dim]``.

    No convolution pads: ``preset.frames_for(n)`` frames give ``n`` latents, each of which depends on its own
    ``preset.receptive_field`` frames alone. That is what makes streaming exact. 1-D convolutions are written as
    Conv2D with a 1 x k kernel, the form that TF-MOT's quantisation, TFLite and TFLite Micro all support.

    Args:
        preset: gives units, layers, residual connections and the latent's length.
        frames: fixed number of frames, or None for any.
        api: ``keras`` (the default) or ``tf_keras``, whose layers are used.
    """
    if api is None:
        import keras

        api = keras
    layers = api.layers
    cfg = preset.encoder
    mel = api.Input((frames, preset.front_end.mels), name="mel")
    # An explicit -1 instead of None: a converted model keeps its dynamic length that way.
    x = layers.Reshape((1, frames or -1, preset.front_end.mels), name="as_image")(mel)
    for i, conv in enumerate(cfg.layers, start=1):
        size = {"kernel_size": (1, conv.kernel), "strides": (1, conv.stride), "dilation_rate": (1, conv.dilation)}
        if conv.depthwise:
            y = layers.DepthwiseConv2D(use_bias=False, name=f"depth{i}", **_square(size))(x)
            y = layers.Conv2D(cfg.units, (1, 1), use_bias=False, name=f"conv{i}")(y)
        else:
            y = layers.Conv2D(cfg.units, use_bias=False, name=f"conv{i}", **size)(x)
        y = layers.BatchNormalization(momentum=0.95, epsilon=1e-3, name=f"norm{i}")(y)
        y = layers.ReLU(name=f"relu{i}")(y)
        if preset.residuals[i - 1]:
            crop = layers.Cropping2D(((0, 0), preset.crops[i - 1]), name=f"crop{i}")(x)
            y = layers.Add(name=f"add{i}")([crop, y])
        x = y
    z = layers.Conv2D(preset.codebook.dim, (1, 1), name="latent")(x)
    if cfg.normalise:
        z = layers.BatchNormalization(momentum=0.95, center=False, scale=False, name="latent_norm")(z)
    codes = None if frames is None else (frames - preset.receptive_field) // preset.stride + 1
    z = layers.Reshape((codes or -1, preset.codebook.dim), name="as_sequence")(z)
    return api.Model(mel, z, name="encoder")


def _square(size: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    # TensorFlow's depthwise convolution wants one stride for both axes; the first has a length of 1.
    stride = size["strides"][1]
    return size | {"strides": (stride, stride)}
