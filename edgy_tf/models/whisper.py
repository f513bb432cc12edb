"""The encoder of OpenAI's Whisper (Radford et al. 2022), frozen: it judges which words are left. Any Keras backend."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from edgy_tf.frontend.logmel import mel_filters
from edgy_tf.preset import FrontEnd
from edgy_tf.weights import Arrays

HOP, WINDOW, MELS = 160, 400, 80
"""Samples between frames, samples of a frame, and mel bands of Whisper's features, at 16 kHz."""

FRONT_END = FrontEnd(16000, WINDOW, HOP, WINDOW, MELS, 0.0, 8000.0, 0.0, 0.0, -80.0)
"""Its front end, as far as its filters follow from it; the gain and floor are not Whisper's."""


def whisper_features(samples: Any) -> Any:
    """Whisper's log-mel.

    Args:
        samples: ``[B, (T - 1) * HOP + WINDOW]`` in [-1, 1]; frame ``t`` is centred on sample ``t * HOP + WINDOW / 2``.

    Returns:
        ``[B, T, MELS]``; no value lies more than 2 (80 dB) below the crop's highest.
    """
    n = np.arange(WINDOW)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * n / WINDOW)).astype(np.float32)
    real, imaginary = ops.rfft(ops.extract_sequences(samples, WINDOW, HOP) * window, WINDOW)
    filters = mel_filters(FRONT_END).T.astype(np.float32)
    mel = ops.matmul(ops.square(real) + ops.square(imaginary), filters)
    log = ops.log(ops.maximum(mel, 1e-10)) / math.log(10)
    return (ops.maximum(log, ops.max(log, axis=(1, 2), keepdims=True) - 8) + 4) / 4


class WhisperEncoder(keras.layers.Layer):
    """Features ``[B, T, MELS]`` to states ``[B, T / 2, width]``, T even and at most 3000. It never trains.

    Args:
        arrays: as ``edgy_tf.train.teacher.load_teacher`` gives them.
        dtype: of all arithmetic but softmax, norms and GELU; bfloat16 halves the memory, and saves time where the
            processor has it.
    """

    def __init__(self, arrays: Arrays, dtype: str = "float32") -> None:
        super().__init__(name="teacher", dtype=dtype, trainable=False)
        self._values = arrays
        self.depth = sum(name.endswith("/self_attention/linear_0/weight") for name in arrays)
        self.width = arrays["layer_norm/gamma"].shape[0]
        self.heads = self.width // 64

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the frozen weights."""
        self._weight = {
            name: self.add_weight(
                name=name.replace("/", "_"),
                shape=value.shape,
                initializer=keras.initializers.Constant(value.astype(np.float32)),
                trainable=False,
            )
            for name, value in self._values.items()
        }
        self._values = {}

    def call(self, mel: Any) -> Any:
        """The states that Whisper's decoder reads."""
        x = ops.cast(mel, self.compute_dtype)
        x = self._gelu(self._conv(x, "conv1", 1))
        x = self._gelu(self._conv(x, "conv2", 2))
        x = x + self._w("position_encodings/encodings")[: x.shape[1]]
        for i in range(self.depth):
            x = x + self._attention(self._norm(x, f"layer_{i}/self_attention/layer_norm"), f"layer_{i}/self_attention")
            y = self._linear(self._norm(x, f"layer_{i}/ffn/layer_norm"), f"layer_{i}/ffn/linear_0")
            x = x + self._linear(self._gelu(y), f"layer_{i}/ffn/linear_1")
        return ops.cast(self._norm(x, "layer_norm"), "float32")

    def _w(self, name: str) -> Any:
        return ops.cast(self._weight[name], self.compute_dtype)

    def _conv(self, x: Any, name: str, stride: int) -> Any:
        kernel = ops.transpose(self._w(f"{name}/weight"), (2, 1, 0))
        x = ops.pad(x, ((0, 0), (1, 1), (0, 0)))
        return ops.conv(x, kernel, strides=stride, padding="valid") + self._w(f"{name}/bias")

    def _gelu(self, x: Any) -> Any:
        # In bfloat16 TensorFlow's takes twice as long on a CPU.
        return ops.cast(ops.gelu(ops.cast(x, "float32"), approximate=False), self.compute_dtype)

    def _linear(self, x: Any, name: str) -> Any:
        return ops.matmul(x, ops.transpose(self._w(f"{name}/weight"))) + self._w(f"{name}/bias")

    def _norm(self, x: Any, name: str) -> Any:
        x = ops.cast(x, "float32")
        x = x - ops.mean(x, -1, keepdims=True)
        x = x * ops.rsqrt(ops.mean(ops.square(x), -1, keepdims=True) + 1e-5)
        return ops.cast(x, self.compute_dtype) * self._w(f"{name}/gamma") + self._w(f"{name}/beta")

    def _attention(self, x: Any, name: str) -> Any:
        count = x.shape[1]
        qkv = ops.reshape(self._linear(x, f"{name}/linear_0"), (-1, count, 3, self.heads, 64))
        q, k, v = (ops.transpose(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
        scores = ops.softmax(ops.cast(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / 8, "float32"))
        heard = ops.transpose(ops.matmul(ops.cast(scores, self.compute_dtype), v), (0, 2, 1, 3))
        return self._linear(ops.reshape(heard, (-1, count, self.width)), f"{name}/linear_1")
