"""The weights inside a ``.tflite``, as they are stored."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, builtin, read_graph

_TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
}


def convolutions(model: bytes) -> Iterator[npt.NDArray]:
    """Kernels of convolutions in the order in which they run, ``[filters, 1, k, inputs]``; of depthwise ones none."""
    whole = read_graph(model)
    graph = whole.subgraphs[0]

    # A float16 kernel passes through an operator before the convolution takes it.
    stored = {o.outputs[0]: o.inputs[0] for o in graph.operators if builtin(whole, o) == Builtin.DEQUANTIZE}
    for operator in graph.operators:
        if builtin(whole, operator) == Builtin.CONV_2D:
            tensor = graph.tensors[stored.get(operator.inputs[1], operator.inputs[1])]
            data = np.asarray(whole.buffers[tensor.buffer].data, np.uint8)
            yield data.view(_TYPES[tensor.type]).reshape(tensor.shape)


def zero_points(model: bytes) -> Iterator[int]:
    """Zero points of all int8 tensors."""
    for tensor in read_graph(model).subgraphs[0].tensors:
        if tensor.type == schema.TensorType.INT8 and tensor.quantization.zeroPoint is not None:
            yield from (int(z) for z in tensor.quantization.zeroPoint)
