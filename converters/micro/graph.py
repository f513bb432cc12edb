"""The graph that a microcontroller runs: integers in, integers out, one code's frames a step.

Of the signature ``encode_stream``, the operator before the convolutions, which quantises log-mel, is left to the front
end in C, and what follows them in float, latents and codebook, to `converters.micro.search`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, builtin, constant, operator_name, set_signature, write_graph
from converters.inspect import single_signature
from edgy_tf.errors import ModelError

# What the resolver of tflite-micro's interpreter registers (python/tflite_micro/python_ops_resolver.cc), by the
# schema's names, without the operators that are not in the schema.
TFLM_OPERATORS = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO
    CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP
    EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
    L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
    MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE
    REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX
    SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF
    TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """.split()
)
_FIX = "for a microcontroller, export --variants micro, or compress by a recipe that ends in int8 or qat with int8 sums"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quantised:
    """An int8 tensor: a value is ``scale * (integer - zero)``."""

    scale: float
    zero: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class MicroGraph:
    """What is left of an encoder for a microcontroller.

    Attributes:
        model: the ``.tflite``: inputs log-mel and states, outputs units and next states, all int8.
        mel: its first input, ``[1, frames, mels]``.
        units: its first output, ``[1, 1, 1, units]``.
        inputs: how many there are: log-mel and the states.
        states: bytes of all states.
        operators: how often each occurs.
        widest: the operator whose tensors take the most memory at once.
        scores: of the codes for the values of ``units``, ``matrix [K, units]`` and ``offset [K]``: the nearest code is
            the argument of the largest of ``matrix @ values + offset``.
    """

    model: bytes
    mel: Quantised
    units: Quantised
    inputs: int
    states: int
    operators: Counter[str]
    widest: str
    scores: tuple[Floats, Floats]


def micro_graph(model: bytes) -> MicroGraph:
    """Cut a converted encoder's ``encode_stream`` down to what computes with int8.

    Raises:
        ModelError: an encoder whose convolutions are not of int8, or with an operator that TFLM lacks.
    """
    try:
        graph = single_signature(model, "encode_stream")
    except KeyError as error:
        raise ModelError("the model has no signature encode_stream; export it again") from error
    whole = graph.subgraphs[0]
    first = next((o for o in whole.operators if whole.inputs[0] in o.inputs), None)
    if first is None or builtin(graph, first) != Builtin.QUANTIZE:
        name = "nothing" if first is None else operator_name(graph, first)
        raise ModelError(f"the encoder is not of int8: {name} computes with float log-mel; {_FIX}")
    if any(builtin(graph, o) == Builtin.ADD and _type(whole, o) == schema.TensorType.FLOAT32 for o in whole.operators):
        raise ModelError(f"the encoder adds residual connections up in float32; {_FIX}")
    last = next((o for o in whole.operators if builtin(graph, o) == Builtin.DEQUANTIZE), None)
    if last is None:
        raise ModelError(f"the encoder is not of int8: no DEQUANTIZE ends its convolutions; {_FIX}")
    scores = _scores(graph, last)
    _cut(graph, first, last)
    for operator in whole.operators:
        if (name := operator_name(graph, operator)) not in TFLM_OPERATORS:
            raise ModelError(f"TensorFlow Lite Micro has no {name}; take it out of the encoder")
    for index in (*whole.inputs, *whole.outputs):
        if whole.tensors[index].type != schema.TensorType.INT8:
            raise ModelError(f"{whole.tensors[index].name} of the encoder is not int8; {_FIX}")
    return MicroGraph(
        model=write_graph(graph),
        mel=_quantised(whole, whole.inputs[0]),
        units=_quantised(whole, whole.outputs[0]),
        inputs=len(whole.inputs),
        states=sum(int(np.prod(whole.tensors[i].shape)) for i in whole.inputs[1:]),
        operators=Counter(operator_name(graph, o) for o in whole.operators),
        widest=operator_name(graph, max(whole.operators, key=lambda o: _memory(graph, o))),
        scores=scores,
    )


def _cut(model: Any, first: Any, last: Any) -> None:
    """Leave what lies between two operators and what keeps the states."""
    graph, definition = model.subgraphs[0], model.signatureDefs[0]
    outputs = {_name(entry): entry.tensorIndex for entry in definition.outputs}
    inputs = {_name(entry): entry.tensorIndex for entry in definition.inputs}
    del outputs["codes"]
    outputs = {"units": last.inputs[0]} | outputs
    wanted, kept = list(outputs.values()), []
    for operator in reversed(graph.operators):
        if operator is not first and any(i in wanted for i in operator.outputs):
            kept.append(operator)
            wanted += list(operator.inputs)
    graph.operators = kept[::-1]
    set_signature(model, "encode_stream", inputs | {"mel": first.outputs[0]}, outputs)
    _drop_unused(model)


def _type(graph: Any, operator: Any) -> int:
    return int(graph.tensors[operator.outputs[0]].type)


def _drop_unused(model: Any) -> None:
    """Tensors, buffers and operator codes that nothing refers to any more would only take flash."""
    graph, definition = model.subgraphs[0], model.signatureDefs[0]
    used = sorted({i for o in graph.operators for i in (*o.inputs, *o.outputs) if i >= 0} | {*graph.inputs})
    tensors = {old: new for new, old in enumerate(used)}
    graph.tensors = [graph.tensors[i] for i in used]
    for operator in graph.operators:
        operator.inputs = [tensors.get(i, -1) for i in operator.inputs]
        operator.outputs = [tensors[i] for i in operator.outputs]
    graph.inputs, graph.outputs = ([tensors[i] for i in ends] for ends in (graph.inputs, graph.outputs))
    for entry in (*definition.inputs, *definition.outputs):
        entry.tensorIndex = tensors[entry.tensorIndex]
    # The first buffer is the empty one of tensors that are computed.
    held = sorted({0} | {t.buffer for t in graph.tensors})
    buffers = {old: new for new, old in enumerate(held)}
    model.buffers = [model.buffers[i] for i in held]
    for tensor in graph.tensors:
        tensor.buffer = buffers[tensor.buffer]
    codes = sorted({o.opcodeIndex for o in graph.operators})
    model.operatorCodes = [model.operatorCodes[i] for i in codes]
    for operator in graph.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    model.metadata, model.metadataBuffer = None, None


def _scores(model: Any, dequantise: Any) -> tuple[Floats, Floats]:
    """The float layers behind the convolutions, all linear, as one."""
    graph = model.subgraphs[0]
    at = dequantise.outputs[0]
    matrix = np.eye(int(graph.tensors[at].shape[-1]))
    offset = np.zeros(len(matrix))
    for operator in graph.operators:
        if at not in operator.inputs:
            continue
        kind = builtin(model, operator)
        if kind in (Builtin.CONV_2D, Builtin.FULLY_CONNECTED):
            weights, bias = (_floats(model, i) for i in operator.inputs[1:3])
            weights = weights.reshape(len(weights), -1)
            matrix, offset = weights @ matrix, weights @ offset + bias
        elif kind == Builtin.ARG_MAX:
            return matrix, offset
        elif kind != Builtin.RESHAPE:
            name = operator_name(model, operator)
            raise ModelError(f"{name} lies between the convolutions and the codebook; only linear layers may")
        at = operator.outputs[0]
    raise ModelError("the encoder does not end in ARG_MAX; export it again")


def _memory(model: Any, operator: Any) -> int:
    """Bytes of the int8 tensors that an operator reads and writes, its constants excepted."""
    tensors = [model.subgraphs[0].tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    return sum(int(np.prod(t.shape)) for t in tensors if constant(model, t) is None)


def _floats(model: Any, index: int) -> Floats:
    tensor = model.subgraphs[0].tensors[index]
    data = constant(model, tensor)
    if data is None or tensor.type != schema.TensorType.FLOAT32:
        raise ModelError(f"{tensor.name} of the encoder is no float32 constant; export it again")
    return data.view(np.float32).reshape(tensor.shape).astype(np.float64)


def _quantised(graph: Any, index: int) -> Quantised:
    tensor = graph.tensors[index]
    scale, zero = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
    return Quantised(float(scale), int(zero), tuple(map(int, tensor.shape)))


def _name(entry: Any) -> str:
    return bytes(entry.name).decode()
