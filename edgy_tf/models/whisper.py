"""OpenAI's Whisper (Radford et al. 2022), whose own weights never train: it judges which words are left. Any backend.

Low-rank adapters beside its matrices (Hu et al. 2021, LoRA) can train, for a recogniser that reads the codes.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from edgy_tf.frontend.logmel import mel_filters
from edgy_tf.preset import FrontEnd
from edgy_tf.reading import DOWN, UP
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
    return _compressed(mel)


def features_of_mel(mel: Any, front_end: FrontEnd) -> Any:
    """Log-mel ``[B, T, mels]`` of ``front_end`` as Whisper's log-mel ``[B, T, MELS]``, without any sound between.

    Back to magnitudes by the filters' pseudo-inverse, without the pre-emphasis, and through Whisper's filters: what is
    lost is finer than a filter, and no word is lost on Whisper.
    """
    decibels = (ops.cast(mel, "float32") - 1) * -front_end.floor_db - front_end.gain_db
    amplitude = ops.exp(decibels * (math.log(10) / 20))
    magnitude = ops.maximum(ops.matmul(amplitude, _inverse_filters(front_end)), 0)
    return _compressed(ops.matmul(ops.square(magnitude), mel_filters(FRONT_END).T.astype(np.float32)))


def _compressed(power: Any) -> Any:
    log = ops.log(ops.maximum(power, 1e-10)) / math.log(10)
    loudest = ops.max(log, axis=(1, 2), keepdims=True, initial=-10)
    return (ops.maximum(log, loudest - 8) + 4) / 4


@functools.lru_cache(maxsize=8)
def _inverse_filters(fe: FrontEnd) -> np.ndarray:
    """Amplitudes of our filters to magnitudes in Whisper's bins, ``[mels, bins]``."""
    ours = np.arange(fe.n_fft // 2 + 1) * fe.sample_rate / fe.n_fft
    theirs = np.arange(FRONT_END.n_fft // 2 + 1) * FRONT_END.sample_rate / FRONT_END.n_fft
    emphasis = np.abs(1 - fe.preemphasis * np.exp(-2j * np.pi * ours / fe.sample_rate))
    plain = np.linalg.pinv(mel_filters(fe)).T / np.maximum(emphasis, 1e-3)
    return np.stack([np.interp(theirs, ours, row) for row in plain]).astype(np.float32)


class _Transformer(keras.layers.Layer):
    """What both halves share: frozen weights, blocks, and adapters where there is a rank.

    Args:
        arrays: as ``edgy_tf.train.teacher`` gives them.
        dtype: of all arithmetic but softmax, norms and GELU; bfloat16 halves the memory, and saves time where the
            processor has it.
        rank: of the adapters; 0 is none.
    """

    ADAPTED: ClassVar[str]
    """A pattern in the names of the matrices that have adapters."""

    def __init__(self, arrays: Arrays, dtype: str, rank: int, name: str) -> None:
        super().__init__(name=name, dtype=dtype, trainable=rank > 0)
        self._values = arrays
        self._rank = rank
        self.depth = sum(name.endswith("/self_attention/linear_0/weight") for name in arrays)
        self.width = arrays["layer_norm/gamma"].shape[0]
        self.heads = self.width // 64

    def build(self, *_: Any) -> None:
        """Create the frozen weights, and adapters that change nothing yet."""
        self._weight = {
            name: self.add_weight(
                name=name.replace("/", "_"),
                shape=value.shape,
                initializer=keras.initializers.Constant(value.astype(np.float32)),
                trainable=False,
            )
            for name, value in self._values.items()
        }
        self._adapter = {}
        for name, value in self._values.items() if self._rank else ():
            if value.ndim < 2 or not re.search(self.ADAPTED, name):
                continue
            inner = value[0].size
            for end, shape, start in (
                (DOWN, (self._rank, inner), keras.initializers.RandomNormal(stddev=inner**-0.5)),
                (UP, (value.shape[0], self._rank), "zeros"),
            ):
                place = (name + end).replace("/", "_")
                # In half precision an optimiser's steps would be lost.
                self._adapter[name + end] = self.add_weight(name=place, shape=shape, initializer=start, dtype="float32")
        self._values = {}

    def adapters(self) -> Arrays:
        """The adapters as they stand, by the name of the weight that they add to."""
        return {name: np.asarray(ops.convert_to_numpy(value)) for name, value in self._adapter.items()}

    def assign(self, adapters: Arrays) -> None:
        """Set what ``adapters`` gave."""
        for name, variable in self._adapter.items():
            variable.assign(adapters[name])

    def _w(self, name: str) -> Any:
        return ops.cast(self._weight[name], self.compute_dtype)

    def _block(self, x: Any, i: int, mask: Any = None, states: Any = None) -> Any:
        place = f"layer_{i}"
        x = x + self._attention(self._norm(x, f"{place}/self_attention/layer_norm"), f"{place}/self_attention", mask)
        if states is not None:
            x = x + self._attention_to(states, self._norm(x, f"{place}/attention/layer_norm"), f"{place}/attention")
        y = self._linear(self._norm(x, f"{place}/ffn/layer_norm"), f"{place}/ffn/linear_0")
        return x + self._linear(self._gelu(y), f"{place}/ffn/linear_1")

    def _gelu(self, x: Any) -> Any:
        # In bfloat16 TensorFlow's takes twice as long on a CPU.
        return ops.cast(ops.gelu(ops.cast(x, "float32"), approximate=False), self.compute_dtype)

    def _linear(self, x: Any, name: str) -> Any:
        y = ops.matmul(x, ops.transpose(self._w(f"{name}/weight"))) + self._w(f"{name}/bias")
        return self._adapted(y, f"{name}/weight", lambda down: ops.matmul(x, ops.transpose(down)))

    def _adapted(self, y: Any, name: str, narrow: Callable[[Any], Any]) -> Any:
        """``y`` with what the adapter of a weight adds, if it has one; ``narrow`` applies its first matrix."""
        if name + UP not in self._adapter:
            return y
        down, up = (ops.cast(self._adapter[name + end], self.compute_dtype) for end in (DOWN, UP))
        return y + ops.matmul(narrow(down), ops.transpose(up))

    def _norm(self, x: Any, name: str) -> Any:
        x = ops.cast(x, "float32")
        x = x - ops.mean(x, -1, keepdims=True)
        x = x * ops.rsqrt(ops.mean(ops.square(x), -1, keepdims=True) + 1e-5)
        return ops.cast(x, self.compute_dtype) * self._w(f"{name}/gamma") + self._w(f"{name}/beta")

    def _attention(self, x: Any, name: str, mask: Any) -> Any:
        q, k, v = ops.split(self._linear(x, f"{name}/linear_0"), 3, -1)
        return self._linear(self._heard(q, k, v, mask), f"{name}/linear_1")

    def _attention_to(self, states: Any, x: Any, name: str) -> Any:
        k, v = ops.split(self._linear(states, f"{name}/linear_1"), 2, -1)
        return self._linear(self._heard(self._linear(x, f"{name}/linear_0"), k, v, None), f"{name}/linear_2")

    def _heard(self, q: Any, k: Any, v: Any, mask: Any) -> Any:
        q, k, v = (ops.transpose(ops.reshape(y, (-1, y.shape[1], self.heads, 64)), (0, 2, 1, 3)) for y in (q, k, v))
        scores = ops.cast(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / 8, "float32")
        if mask is not None:
            scores = scores + mask
        heard = ops.matmul(ops.cast(ops.softmax(scores), self.compute_dtype), v)
        return ops.reshape(ops.transpose(heard, (0, 2, 1, 3)), (-1, heard.shape[2], self.width))


class WhisperEncoder(_Transformer):
    """Features ``[B, T, MELS]`` to states ``[B, T / 2, width]``, T even and at most 3000.

    Args:
        arrays: as ``edgy_tf.train.teacher.load_teacher`` gives them.
        dtype: of all arithmetic but softmax, norms and GELU.
        rank: of adapters that train; without them it never trains.
        name: before those of its variables.
    """

    ADAPTED = r"linear_|^conv"

    def __init__(self, arrays: Arrays, dtype: str = "float32", rank: int = 0, name: str = "teacher") -> None:
        super().__init__(arrays, dtype, rank, name)

    def call(self, mel: Any) -> Any:
        """The states that Whisper's decoder reads."""
        x = ops.cast(mel, self.compute_dtype)
        x = self._gelu(self._conv(x, "conv1", 1))
        x = self._gelu(self._conv(x, "conv2", 2))
        x = x + self._w("position_encodings/encodings")[: x.shape[1]]
        for i in range(self.depth):
            x = self._block(x, i)
        return ops.cast(self._norm(x, "layer_norm"), "float32")

    def _conv(self, x: Any, name: str, stride: int) -> Any:
        weight = self._w(f"{name}/weight")
        x = ops.pad(x, ((0, 0), (1, 1), (0, 0)))

        def conv(kernel: Any) -> Any:
            return ops.conv(x, ops.transpose(kernel, (2, 1, 0)), strides=stride, padding="valid")

        y = conv(weight) + self._w(f"{name}/bias")
        return self._adapted(y, f"{name}/weight", lambda down: conv(ops.reshape(down, (-1, *weight.shape[1:]))))


class WhisperDecoder(_Transformer):
    """Tokens ``[B, L]`` that are known and states ``[B, S, width]`` to logits of the next ones, ``[B, L, vocabulary]``.

    Args:
        arrays: as ``edgy_tf.train.teacher`` gives them for ``decoder/``.
        dtype: of all arithmetic but softmax, norms and GELU.
        rank: of adapters that train, where it attends to the states: its English stays what it was.
        name: before those of its variables.
    """

    ADAPTED = r"/attention/linear_"

    def __init__(self, arrays: Arrays, dtype: str = "float32", rank: int = 0, name: str = "decoder") -> None:
        super().__init__(arrays, dtype, rank, name)

    def call(self, tokens: Any, states: Any) -> Any:
        """Logits, in float32."""
        count = tokens.shape[1]
        vectors = self._w("embeddings/weight")
        x = ops.take(vectors, tokens, axis=0) + self._w("position_encodings/encodings")[:count]
        mask = np.triu(np.full((count, count), -1e9, np.float32), 1)
        for i in range(self.depth):
            x = self._block(x, i, mask, ops.cast(states, self.compute_dtype))
        return ops.cast(ops.matmul(self._norm(x, "layer_norm"), ops.transpose(vectors)), "float32")
