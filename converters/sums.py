"""Residual sums in float32 between convolutions of int8.

In int8 every sum is rounded anew, and what that loses passes straight to the latents. In float32 a sum is exact, and
only what the next convolution reads of it is rounded. Adding is a thousandth of a convolution's work.
"""

from __future__ import annotations

from typing import Any

from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, add_tensor, builtin, new_operator, read_graph, write_graph

_CROPS = (Builtin.STRIDED_SLICE, Builtin.SLICE)


def with_float_sums(model: bytes) -> bytes:
    """A converted int8 part whose sums are of float32; its input and output are float32 and stay so.

    Args:
        model: one subgraph, from log-mel to what the latents are made of.
    """
    whole = read_graph(model)
    graph = whole.subgraphs[0]
    operators, graph.operators = graph.operators, []
    summed: dict[int, int] = {}

    def append(code: int, given: list[int], output: int, options: Any) -> None:
        graph.operators.append(new_operator(whole, code, given, output, options))

    def exact(index: int) -> int:
        """The tensor in float32: as it was summed, or as its int8 says."""
        if index not in summed:
            summed[index] = _float_tensor(whole, index)
            append(Builtin.DEQUANTIZE, [index], summed[index], schema.DequantizeOptionsT())
        return summed[index]

    for operator in operators:
        kind, (output, *_) = builtin(whole, operator), operator.outputs
        if kind == Builtin.ADD:
            terms = [exact(i) for i in operator.inputs]
            summed[output] = _float_tensor(whole, output)
            append(kind, terms, summed[output], operator.builtinOptions)
            append(Builtin.QUANTIZE, [summed[output]], output, schema.QuantizeOptionsT())
        elif kind in _CROPS and operator.inputs[0] in summed:
            cropped = _float_tensor(whole, output)
            append(kind, [summed[operator.inputs[0]], *operator.inputs[1:]], cropped, operator.builtinOptions)
            summed[output] = cropped
        elif kind == Builtin.DEQUANTIZE and operator.inputs[0] in summed:
            graph.operators.pop()  # Nobody reads the last sum in int8.
            graph.outputs = [summed[operator.inputs[0]]]
        else:
            graph.operators.append(operator)
    return write_graph(whole)


def _float_tensor(model: Any, index: int) -> int:
    like = model.subgraphs[0].tensors[index]
    new = add_tensor(model, "sum", like, list(like.shape))
    tensor = model.subgraphs[0].tensors[new]
    tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    return new
