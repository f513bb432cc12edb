"""Joins TFLite models end to end in one graph, so that float and int8 parts live in one file.

A front end must stay float32 and so must the codebook search (int8 scores collapse onto 256 levels), while the
convolutions between them are int8. The converter quantises a graph as a whole, so each part is converted on its
own and the flatbuffers are joined: each one's single output becomes the next one's single input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema


def compose(parts: Mapping[str, bytes], inputs: str, outputs: str, signature: str) -> bytes:
    """Join single-input, single-output models of one subgraph each.

    Args:
        parts: ``.tflite`` files by name, in the order in which data passes them.
        inputs: name of the joint model's input in its signature.
        outputs: name of its output.
        signature: name of the signature.

    Raises:
        ValueError: a part with several inputs, outputs or subgraphs, or two that do not fit each other.
    """
    models = [_read(name, part) for name, part in parts.items()]
    whole = models[0]
    for model in models[1:]:
        _append(whole, model)
    graph = whole.subgraphs[0]
    graph.name = signature
    whole.signatureDefs = [_signature(signature, inputs, graph.inputs[0], outputs, graph.outputs[0])]
    whole.metadata, whole.metadataBuffer = None, None
    whole.description = "EDGY encoder; see edgy.json in the zip behind this model"
    builder = flatbuffers.Builder(0)
    builder.Finish(whole.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _read(name: str, part: bytes) -> Any:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(part, 0))
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1 or len(model.subgraphs[0].outputs) != 1:
        raise ValueError(f"{name} must have one subgraph with one input and one output")
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        # The converter's own names count what the process has traced before; these are the same every time.
        tensor.name = f"{name}_{index}"
    return model


def _append(whole: Any, model: Any) -> None:
    first, second = whole.subgraphs[0], model.subgraphs[0]
    joint, entry = first.tensors[first.outputs[0]], second.tensors[second.inputs[0]]
    if list(joint.shape) != list(entry.shape) or joint.type != entry.type:
        raise ValueError(f"output {list(joint.shape)} of one part is not the input {list(entry.shape)} of the next")
    buffers, tensors, codes = len(whole.buffers), len(first.tensors), len(whole.operatorCodes)
    whole.buffers += model.buffers
    whole.operatorCodes += model.operatorCodes
    for tensor in second.tensors:
        tensor.buffer += buffers
    first.tensors += second.tensors

    def moved(indices: Any) -> list[int]:
        # -1 stands for an optional tensor that is absent.
        return [first.outputs[0] if i == second.inputs[0] else i + tensors if i >= 0 else i for i in indices]

    for operator in second.operators:
        operator.opcodeIndex += codes
        operator.inputs = moved(operator.inputs)
        operator.outputs = moved(operator.outputs)
        if operator.intermediates is not None:
            operator.intermediates = moved(operator.intermediates)
    first.operators += second.operators
    first.outputs = moved(second.outputs)


def _signature(key: str, inputs: str, source: int, outputs: str, sink: int) -> Any:
    definition = schema.SignatureDefT()
    definition.signatureKey, definition.subgraphIndex = key, 0
    definition.inputs, definition.outputs = [_map(inputs, source)], [_map(outputs, sink)]
    return definition


def _map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
