"""Files of clustered encoders that zip well: what a layer's weights share must be shared in the file, too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converters.graph import CONVOLUTIONS, Builtin, builtin, read_graph, write_graph
from converters.ranges import rescale_bias
from converters.rounding import INT8_STEPS


def with_common_grid(model: bytes, kernels: Sequence[npt.NDArray[np.float32]], values: int) -> bytes:
    """A converted int8 encoder in which equal weights of a layer are equal integers, whatever their filter.

    The converter gives every filter a scale of its own by its largest weight, so that a value which filters share
    would become as many integers as there are filters.

    Args:
        model: from log-mel to what the latents are made of.
        kernels: of its convolutions but depthwise ones, ``[1, k, inputs, filters]``, in order, without normalisation.
        values: that a kernel has, at most. If they are even, their integers are.
    """
    steps = max(1, (values - 1) // 2)
    end = INT8_STEPS // steps * steps
    whole = read_graph(model)
    graph = whole.subgraphs[0]
    convolutions = [o for o in graph.operators if builtin(whole, o) == Builtin.CONV_2D]
    for operator, kernel in zip(convolutions, kernels, strict=True):
        given, weights, bias = (graph.tensors[i] for i in operator.inputs)
        stored = np.asarray(whole.buffers[weights.buffer].data, np.uint8).view(np.int8).reshape(weights.shape)
        shared = np.moveaxis(kernel, -1, 0).astype(np.float64)
        folded = stored * weights.quantization.scale[:, None, None, None].astype(np.float64)
        # What normalisation made of the kernel, by its weights that were rounded least.
        factor = np.sum(folded * shared, (1, 2, 3)) / np.maximum(np.sum(shared**2, (1, 2, 3)), 1e-30)
        # Where it left nothing, any factor will do.
        factor = np.where(factor == 0, 1.0, factor)
        step = max(float(np.abs(shared).max()), 1e-30) / end
        integers = np.rint(shared / step * np.sign(factor)[:, None, None, None]).astype(np.int8)
        whole.buffers[weights.buffer].data = integers.view(np.uint8).ravel()
        weights.quantization.scale = _short(np.abs(factor) * step)
        rescale_bias(whole, given, weights, bias)
        # No kernel reads it: it follows from the other two.
        bias.quantization.scale = _short(bias.quantization.scale)
    return write_graph(whole)


def with_short_latents(model: bytes) -> bytes:
    """The part that makes latents, with a kernel of as many bits as bfloat16 has, so that half of it zips away."""
    whole = read_graph(model)
    (graph,) = whole.subgraphs
    for operator in graph.operators:
        if builtin(whole, operator) in CONVOLUTIONS:
            buffer = whole.buffers[graph.tensors[operator.inputs[1]].buffer]
            buffer.data = _short(np.asarray(buffer.data, np.uint8).view(np.float32)).view(np.uint8)
    return write_graph(whole)


def _short(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Rounded to as many bits as bfloat16 has, of which half zip away."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x8000) & 0xFFFF0000).view(np.float32)
