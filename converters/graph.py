"""TFLite flatbuffers as objects: what reading, changing and writing a graph share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

Builtin = schema.BuiltinOperator
OPERATORS = {code: name for name, code in vars(Builtin).items() if isinstance(code, int)}
CONVOLUTIONS = (Builtin.CONV_2D, Builtin.DEPTHWISE_CONV_2D)


class _Buffer(schema.BufferT):
    """A buffer that starts at a multiple of 16 bytes, as the schema asks for and its Python packer forgets."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802
        if self.data is not None:
            builder.Prep(16, len(self.data))
        return super().Pack(builder)


class _Quantisation(schema.QuantizationParametersT):
    """Scales that several tensors share in the file: one set a channel and graph would make an int8 file 6 % larger."""

    def __init__(self, values: Any) -> None:
        super().__init__()
        self.__dict__.update(vars(values))
        self._offset: Any = None

    def Pack(self, builder: Any) -> Any:  # noqa: N802
        if self._offset is None:
            self._offset = super().Pack(builder)
        return self._offset


def read_graph(model: bytes) -> Any:
    """The flatbuffer as a tree of the schema's objects (``ModelT``)."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))


def write_graph(model: Any) -> bytes:
    """A flatbuffer of what ``read_graph`` gave; equal graphs give equal bytes."""
    model.buffers = [_Buffer(buffer.data) for buffer in model.buffers]
    shared: dict[tuple[bytes | int, ...], _Quantisation] = {}
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        if (values := tensor.quantization) is not None:
            parts = (values.min, values.max, values.scale, values.zeroPoint)
            key = (*(b"" if part is None else part.tobytes() for part in parts), values.quantizedDimension)
            tensor.quantization = shared.setdefault(key, _Quantisation(values))
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def builtin(model: Any, operator: Any) -> int:
    """Which of ``BuiltinOperator`` an operator is."""
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def operator_name(model: Any, operator: Any) -> str:
    """The operator's name in the schema, or that of a custom one."""
    code = builtin(model, operator)
    if code != Builtin.CUSTOM:
        return OPERATORS[code]
    return bytes(model.operatorCodes[operator.opcodeIndex].customCode).decode()


def constant(model: Any, tensor: Any) -> npt.NDArray[np.uint8] | None:
    """The bytes of a constant, or None for a tensor that the graph computes or is given."""
    data = model.buffers[tensor.buffer].data
    return None if data is None else np.asarray(data, np.uint8)


def add_tensor(model: Any, name: str, like: Any, shape: list[int]) -> int:
    """A new tensor of the type and quantisation of another in the only subgraph; its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(shape, np.int32), like.type, 0
    tensor.quantization, tensor.hasRank = like.quantization, True
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def add_constant(model: Any, name: str, values: list[int]) -> int:
    """A new vector of int32 in the only subgraph; its index."""
    array = np.array(values, np.int32)
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(array.shape, np.int32), schema.TensorType.INT32
    tensor.buffer, tensor.hasRank = len(model.buffers), True
    model.buffers.append(schema.BufferT(array.view(np.uint8)))
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def new_operator(model: Any, code: int, inputs: list[int], output: int | None, options: Any) -> Any:
    """An operator of one output or none, not yet in any subgraph."""
    kind = schema.OperatorCodeT()
    # The old field holds what fits into 7 bits, for readers from before there were more operators.
    kind.builtinCode, kind.deprecatedBuiltinCode, kind.version = code, min(code, 127), 1
    model.operatorCodes.append(kind)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = inputs, [] if output is None else [output]
    operator.builtinOptions = options
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return operator


def set_signature(model: Any, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    """Give the only subgraph its name, inputs and outputs, in this order, and a signature of them."""
    definition, graph = schema.SignatureDefT(), model.subgraphs[0]
    definition.signatureKey, definition.subgraphIndex = key, 0
    definition.inputs, definition.outputs = _maps(inputs), _maps(outputs)
    for name, index in (*inputs.items(), *outputs.items()):
        graph.tensors[index].name = name
    graph.name, graph.inputs, graph.outputs = key, list(inputs.values()), list(outputs.values())
    model.signatureDefs = [definition]


def _maps(tensors: Mapping[str, int]) -> list[Any]:
    entries = []
    for name, index in tensors.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries
