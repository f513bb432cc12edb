"""The conditioning's two bi-directional GRUs without a graph: one utterance, one compiled loop for each direction.

In TensorFlow the 140 steps of a second of a stream, four times over, cost as much as its WaveRNN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgy_tf.decode.kernel import panels, recur
from edgy_tf.preset import Preset
from edgy_tf.weights import Arrays

Floats = npt.NDArray[np.float32]


class GruConditioning:
    """What ``edgy_tf.models.wavernn.Conditioning`` computes, from its variables, for one utterance.

    Args:
        preset: the architecture.
        arrays: the variables of the conditioning.
    """

    def __init__(self, preset: Preset, arrays: Arrays) -> None:
        self._stride = preset.stride
        self._grus = [[_Direction(arrays, layer, name) for name in ("forward", "backward")] for layer in (1, 2)]

    def __call__(self, vectors: Floats, voice: Floats) -> Floats:
        """Code vectors ``[n, D]`` and a voice ``[S]`` to ``[n * stride, 2 * conditioning]``."""
        frames = np.repeat(vectors, self._stride, axis=0)
        x = np.concatenate([frames, np.broadcast_to(voice, (len(frames), len(voice)))], axis=1, dtype=np.float32)
        for forward, backward in self._grus:
            x = np.concatenate([forward(x), backward(x[::-1])[::-1]], axis=1)
        return x


class _Direction:
    """A GRU over time."""

    def __init__(self, arrays: Arrays, layer: int, name: str) -> None:
        cell = f"conditioning/bigru{layer}/{name}_gru/gru_cell"
        bias, recurrent_bias = arrays[f"{cell}/bias"]
        heard = panels(arrays[f"{cell}/kernel"], bias)
        remembered = panels(arrays[f"{cell}/recurrent_kernel"], recurrent_bias)
        self._products = (*heard, *remembered)

    def __call__(self, x: Floats) -> Floats:
        """``[T, inputs]`` to its states ``[T, H]``."""
        return recur(np.ascontiguousarray(x), *self._products)
