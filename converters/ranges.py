"""Ranges of int8 activations that lose least: rare large values are cut off, and all others are told apart more finely.

The converter takes each range from the least to the largest value that it saw. Here the upper end is where the mean
squared error of rounding and cutting is least on speech, for tensors that start at 0: log-mel, what a ReLU gives, and
sums of such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.graph import (
    CONVOLUTIONS,
    Builtin,
    builtin,
    constant,
    read_graph,
    write_graph,
)

WINDOWS = 400
"""Runs of the encoder that the error is measured on."""
VALUES = 500_000
"""Of each tensor, at most."""
SHARES = np.linspace(0.3, 1, 36)
"""Of the largest value, that an upper end is chosen from."""
LEVELS = 255
"""Steps of int8 from one end to the other."""

_SAME_SCALE = (Builtin.RESHAPE, Builtin.STRIDED_SLICE, Builtin.SLICE)


def upper_end(values: npt.NDArray[np.float32]) -> float:
    """Where a range from 0 must end so that int8 has the least mean squared error; 0 where all values are."""
    largest = float(values.max(initial=0))
    if largest <= 0:
        return 0.0
    ends = largest * SHARES

    def error(end: float) -> float:
        step = end / LEVELS
        return float(np.mean(np.square(np.rint(np.minimum(values, end) / step) * step - values)))

    return float(min(ends, key=error))


def narrowed(model: bytes, encoder: Any, layers: Sequence[str], windows: npt.NDArray[np.float32]) -> bytes:
    """A converted int8 encoder with other ranges of its activations.

    Args:
        model: the part from log-mel to what the latents are made of, as the converter quantised it.
        encoder: of Keras or ``tf_keras``, that it was made of.
        layers: names of those that the model's convolutions and sums compute, in order.
        windows: log-mel of speech, ``[B, frames, mels]``.
    """
    whole = read_graph(model)
    graph = whole.subgraphs[0]
    ends = _ends(encoder, layers, windows)
    computed = [o for o in graph.operators if builtin(whole, o) in (*CONVOLUTIONS, Builtin.ADD)]
    tensors = {name: operator.outputs[0] for name, operator in zip(layers, computed, strict=False)}
    tensors["mel"] = next(o.outputs[0] for o in graph.operators if builtin(whole, o) == Builtin.QUANTIZE)
    for name, index in tensors.items():
        values = graph.tensors[index].quantization
        if ends.get(name) and list(values.zeroPoint) == [-128]:
            values.scale = np.array([ends[name] / LEVELS], np.float32)
    for operator in graph.operators:
        given = graph.tensors[operator.inputs[0]]
        if builtin(whole, operator) in _SAME_SCALE:
            graph.tensors[operator.outputs[0]].quantization.scale = given.quantization.scale
        elif builtin(whole, operator) in CONVOLUTIONS:
            rescale_bias(whole, *(graph.tensors[i] for i in operator.inputs))
    return write_graph(whole)


def rescale_bias(model: Any, given: Any, kernel: Any, bias: Any) -> None:
    """Keep the value of a bias, whose scale is that of what it is added to."""
    stored = constant(model, bias)
    assert stored is not None
    scale = (given.quantization.scale * kernel.quantization.scale).astype(np.float32)
    values = stored.view(np.int32) * (bias.quantization.scale.astype(np.float64) / scale)
    model.buffers[bias.buffer].data = np.rint(values).astype(np.int32).view(np.uint8)
    bias.quantization.scale = scale


def _ends(encoder: Any, layers: Sequence[str], windows: npt.NDArray[np.float32]) -> dict[str, float]:
    """Upper ends of the log-mel and of layers' outputs, by name."""
    found = {name: encoder.get_layer(name).output for name in layers if name.startswith(("relu", "add"))}
    look = type(encoder)(encoder.input, found)
    some = windows[:: -(-len(windows) // WINDOWS)]
    values = {"mel": some, **look(some)}
    return {name: upper_end(_sample(np.ravel(value))) for name, value in values.items()}


def _sample(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return values[:: -(-len(values) // VALUES)]
