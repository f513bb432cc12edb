"""States as variables inside of a graph, so that whoever runs it on the next sound need not hand them on.

The graph goes on from where its last run ended. There is nothing to set back: the runs of ``warm_up`` (`ModelInfo`)
replace whatever the variables held, at the beginning as after another stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, builtin, new_operator, set_signature
from converters.streaming import add_states


def keep_states(model: Any, step: int) -> None:
    """Turn the graph of a whole utterance into that of the next ``step`` frames of one, which remembers; in place.

    Its input and output stay as they are in number. ``start`` must make it whole.

    Args:
        model: as ``add_states`` takes it.
        step: frames of one call.

    Raises:
        ModelError: as ``add_states``.
    """
    key = model.signatureDefs[0].signatureKey
    add_states(model, step)
    graph, definition = model.subgraphs[0], model.signatureDefs[0]
    first, *before = ((entry.name, entry.tensorIndex) for entry in definition.inputs)
    last, *after = ((entry.name, entry.tensorIndex) for entry in definition.outputs)
    reads, writes = [], []
    for (name, given), (_, kept) in zip(before, after, strict=True):
        handle, operator = _variable(model, graph, name)
        reads += [operator, new_operator(model, Builtin.READ_VARIABLE, [handle], given, schema.ReadVariableOptionsT())]
        writes.append(
            new_operator(model, Builtin.ASSIGN_VARIABLE, [handle, kept], None, schema.AssignVariableOptionsT())
        )
    graph.operators = reads + graph.operators + writes
    set_signature(model, key, dict([first]), dict([last]))


def start(model: Any) -> None:
    """Add what fills the variables of the first subgraph before they are read for the first time; in place."""
    graph = model.subgraphs[0]
    names = {o.outputs[0]: o.builtinOptions.sharedName for o in graph.operators if _is(model, o, Builtin.VAR_HANDLE)}
    reads = [o for o in graph.operators if _is(model, o, Builtin.READ_VARIABLE)]
    if not reads:
        return
    filling = schema.SubGraphT()
    filling.name, filling.tensors, filling.operators, filling.inputs, filling.outputs = "start", [], [], [], []
    for read in reads:
        like, zero = graph.tensors[read.outputs[0]], schema.TensorT()
        zero.name, zero.shape, zero.type, zero.hasRank = f"{like.name}_first", like.shape, like.type, True
        zero.quantization, zero.buffer = like.quantization, len(model.buffers)
        width = {schema.TensorType.FLOAT32: 4, schema.TensorType.INT16: 2, schema.TensorType.INT8: 1}[like.type]
        model.buffers.append(schema.BufferT(np.zeros(width * int(np.prod(like.shape)), np.uint8)))
        filling.tensors.append(zero)
        value = len(filling.tensors) - 1
        handle, operator = _variable(model, filling, names[read.inputs[0]])
        write = new_operator(model, Builtin.ASSIGN_VARIABLE, [handle, value], None, schema.AssignVariableOptionsT())
        filling.operators += [operator, write]
    once = schema.CallOnceOptionsT()
    once.initSubgraphIndex = len(model.subgraphs)
    model.subgraphs.append(filling)
    graph.operators.insert(0, new_operator(model, Builtin.CALL_ONCE, [], None, once))


def _variable(model: Any, graph: Any, name: Any) -> tuple[int, Any]:
    """The tensor that stands for a variable in a subgraph, and the operator that makes it."""
    tensor, options = schema.TensorT(), schema.VarHandleOptionsT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = (
        "handle",
        np.zeros(0, np.int32),
        schema.TensorType.RESOURCE,
        0,
    )
    tensor.hasRank = True
    options.container, options.sharedName = "", name
    graph.tensors.append(tensor)
    index = len(graph.tensors) - 1
    return index, new_operator(model, Builtin.VAR_HANDLE, [], index, options)


def _is(model: Any, operator: Any, code: int) -> bool:
    return builtin(model, operator) == code
