"""Two more forms of a converted encoder: one for any length, and one for a step that carries its past as states.

Both are made from the very graph that the converter calibrated, with its weights, scales and roundings, so that all
forms give the same codes. In such a graph time is the first axis longer than 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import CONVOLUTIONS, Builtin, add_constant, add_tensor, builtin, new_operator, set_signature
from edgy_tf.errors import ModelError


def free_length(model: Any) -> None:
    """Let a graph that was converted at a length of more than 1 take any length; in place.

    The interpreter then computes every length from that of the input.
    """
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if builtin(model, operator) == Builtin.RESHAPE:
            shape = graph.tensors[operator.outputs[0]].shape
            operator.inputs = [operator.inputs[0], add_constant(model, "shape", _any_length(shape))]
            operator.builtinOptions, operator.builtinOptionsType = None, schema.BuiltinOptions.NONE
    for index in _timed(graph):
        tensor = graph.tensors[index]
        tensor.shapeSignature = np.array(_any_length(tensor.shape), np.int32)


def add_states(model: Any, step: int) -> None:
    """Turn the graph of a whole utterance into that of the next ``step`` frames of one; in place.

    Each convolution that sees more than what is new gets the end of what it saw before as an input, and gives the
    end of what it sees now as an output: ``state1 [1, 1, frames, channels]`` and so on, in the convolution's own
    type and scale, or in float32 what a residual connection gave so. A residual connection's crop is that of the whole
    utterance. The first calls fill the states: until they are full, the codes mean nothing.

    Args:
        model: a graph with one input ``[1, T, mels]``, one output and a signature.
        step: frames of one call: as many as become one code.

    Raises:
        ModelError: a convolution that skips frames between those that its kernel sees.
    """
    free_length(model)
    graph, definition = model.subgraphs[0], model.signatureDefs[0]
    inputs = {definition.inputs[0].name: graph.inputs[0]}
    outputs = {definition.outputs[0].name: graph.outputs[0]}
    context = _context(model)
    lengths = {graph.inputs[0]: step}
    extended: dict[int, int] = {}
    past: dict[int, int] = {}
    operators, graph.operators = graph.operators, []
    for operator in operators:
        for source in operator.inputs:
            if source in context and source not in extended:
                state = f"state{len(inputs)}"
                inputs[state], extended[source], outputs[state] = _remember(
                    model, state, source, context[source], lengths[source]
                )
        stride = operator.builtinOptions.strideW if builtin(model, operator) in CONVOLUTIONS else 1
        # Convolutions and crops lose exactly the frames that the state adds.
        for source in operator.inputs:
            if source in lengths:
                lengths[operator.outputs[0]] = lengths[source] // stride
                if builtin(model, operator) == Builtin.QUANTIZE:
                    # Of a float32 sum and what came before it.
                    past[operator.outputs[0]] = context.get(source, 0)
        operator.inputs = [extended.get(i, i) for i in operator.inputs]
        graph.operators.append(operator)
    for index, length in lengths.items():
        tensor, whole = graph.tensors[index], length + past.get(index, 0)
        tensor.shape = np.array([whole if n < 0 else n for n in tensor.shapeSignature], np.int32)
        tensor.shapeSignature = None
    set_signature(model, "encode_stream", inputs, outputs)


def _context(model: Any) -> dict[int, int]:
    """How many earlier frames the convolution that reads a tensor needs, by the tensor's index."""
    graph, context = model.subgraphs[0], {}
    for operator in graph.operators:
        if builtin(model, operator) in CONVOLUTIONS:
            options, kernel = operator.builtinOptions, graph.tensors[operator.inputs[1]].shape[2]
            span = (kernel - 1) * options.dilationWFactor + 1
            if span < options.strideW:
                raise ModelError(
                    f"a convolution over {span} frames every {options.strideW} cannot be streamed; use a wider kernel"
                )
            if span > options.strideW:
                context[operator.inputs[0]] = int(span - options.strideW)
    # A sum in float32 is remembered as such, for the next residual connection's crop reads it, too.
    for operator in (o for o in graph.operators if builtin(model, o) == Builtin.QUANTIZE):
        (source,), (rounded,) = operator.inputs, operator.outputs
        if rounded in context and sum(source in o.inputs for o in graph.operators) > 1:
            context[source] = context.pop(rounded)
    return context


def _remember(model: Any, state: str, source: int, frames: int, new: int) -> tuple[int, int, int]:
    """Operators that put a state before ``new`` frames: indices of the state, of both, and of the next state."""
    graph = model.subgraphs[0]
    like = graph.tensors[source]
    before, channels = [1, 1, frames, like.shape[-1]], like.shape[-1]
    given = add_tensor(model, state, like, before)
    whole = add_tensor(model, f"{state}_whole", like, [1, 1, frames + new, channels])
    kept = add_tensor(model, f"{state}_next", like, before)
    joined = schema.ConcatenationOptionsT()
    joined.axis = 2
    sliced = schema.StridedSliceOptionsT()
    ends = [[0, 0, new, 0], [1, 1, frames + new, channels], [1, 1, 1, 1]]
    bounds = [add_constant(model, f"{state}_{name}", end) for name, end in zip(("from", "to", "by"), ends, strict=True)]
    graph.operators += [
        new_operator(model, Builtin.CONCATENATION, [given, source], whole, joined),
        new_operator(model, Builtin.STRIDED_SLICE, [whole, *bounds], kept, sliced),
    ]
    return given, whole, kept


def _timed(graph: Any) -> list[int]:
    """Tensors that depend on the graph's input, which are those with a time axis."""
    reached = list(graph.inputs)
    for operator in graph.operators:
        if any(i in reached for i in operator.inputs):
            reached += list(operator.outputs)
    return reached


def _any_length(shape: Any) -> list[int]:
    axis = next(i for i, n in enumerate(shape) if n > 1)
    return [-1 if i == axis else int(n) for i, n in enumerate(shape)]
